//! Credentials that tests sign, and how they ask for verdicts.

use std::cell::RefCell;
use std::collections::BTreeSet;

use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use titian_contracts::digest::Digest;
use titian_contracts::time::rfc3339;
use titian_credential::codes::Outcome;
use titian_credential::contexts::Contexts;
use titian_credential::did;
use titian_credential::json::canonical;
use titian_credential::proof::issue_jcs;
use titian_credential::registration::{Frame, StatusSlot, business_registration};
use titian_credential::snapshot::Live;
use titian_credential::verdict::{Check, CheckResult, Policy, Verdict};
use titian_credential::verify::{Request, verify};

use super::credential_scene::Scene;

const VECTOR: &str = include_str!("../../data/vc/eddsa/eddsa-jcs-2022.json");

pub fn vector() -> Json {
    serde_json::from_str(VECTOR).expect("the vector is JSON")
}

pub const SANDBOX: Contexts<'static> = Contexts { snapshot: None, sandbox: true, inline: false };

pub fn seed_of(multibase: &str) -> SigningKey {
    // multicodec 0x1300 (two bytes), then 32 bytes of seed; base58 by hand, big-endian
    const ALPHABET: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes = [0_u8; 34];
    for c in multibase.bytes().skip(1) {
        let mut carry = ALPHABET.iter().position(|a| *a == c).expect("base58");
        for byte in bytes.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = (carry % 256) as u8;
            carry /= 256;
        }
    }
    SigningKey::from_bytes(bytes[2..].try_into().expect("32 bytes"))
}

/// A credential of a did:key issuer under the base and example contexts.
pub fn self_issued(seed: u8) -> (Json, SigningKey, String) {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let multikey = did::multikey(did::Algorithm::Ed25519, &key.verifying_key().to_bytes());
    let mut credential = vector()["unsigned"].clone();
    credential["issuer"] = json!(format!("did:key:{multikey}"));
    let method = format!("did:key:{multikey}#{multikey}");
    (credential, key, method)
}

pub const NOW_MS: u64 = 1_782_864_000_000;

pub fn judge(document: &Json, policy: Policy) -> Verdict {
    verify(canonical(document).as_bytes(), &Request::new(policy), None, NOW_MS)
}

thread_local! {
    /// Checks and codes of the verdicts that were looked at.
    static SEEN: RefCell<BTreeSet<(&'static str, &'static str)>> = const { RefCell::new(BTreeSet::new()) };
}

/// Notes every code of a verdict, for the test that each published code is produced.
pub fn observe(verdict: &Verdict) {
    SEEN.with_borrow_mut(|seen| {
        for result in &verdict.checks {
            let codes = [result.code].into_iter().chain(result.also.iter().copied());
            seen.extend(codes.map(|code| (result.check.name(), code)));
        }
    });
}

/// What this thread has noted.
pub fn observed() -> BTreeSet<(&'static str, &'static str)> {
    SEEN.with_borrow(BTreeSet::clone)
}

pub fn code(verdict: &Verdict, check: Check) -> &'static str {
    observe(verdict);
    verdict.check(check).expect("all twelve are there").code
}

pub fn live(scene: &Scene) -> Live<'_> {
    let world = &scene.world;
    Live::new(
        &world.state,
        "titian-devnet-1",
        false,
        world.height,
        Digest::ZERO,
        world.time_ms - 1000,
    )
}

/// An issued BusinessRegistration of SG:ACRA, signed with its key `number` at the present time.
pub fn issued(scene: &Scene, number: u64) -> Json {
    issued_by(scene, "SG:ACRA", number)
}

/// The same of another issuer, whose lists 1 and 2 are for revocation and refresh.
pub fn issued_by(scene: &Scene, issuer: &str, number: u64) -> Json {
    let body = titian_tests::world::company_body("SG", "UEN", "202412345K", "TITIAN DEMO PTE LTD");
    let body: Json = serde_json::from_str(&body.to_jcs()).expect("JSON");
    let (from, until) =
        (rfc3339(scene.world.time_ms), rfc3339(scene.world.time_ms + 30 * 86_400_000));
    let lists = [1, 2].map(|n| format!("{issuer}/status/{n}"));
    let credential = business_registration(
        &body,
        Frame {
            id: "urn:uuid:6f1c1f0e-2f4b-4f0c-9c7e-4d1a8f0b7a21",
            issuer,
            valid_from: &from,
            valid_until: &until,
            status: &[
                StatusSlot { list: &lists[0], purpose: "revocation", index: 84_213 },
                StatusSlot { list: &lists[1], purpose: "refresh", index: 84_213 },
            ],
            record_height: scene.world.height,
        },
    )
    .expect("a company");
    let live = live(scene);
    let strict = Contexts { snapshot: Some(&live), sandbox: false, inline: false };
    let key = scene.world.key(issuer, number);
    let method = format!("did:ubin:{issuer}#k{number}");
    issue_jcs(&credential, &key, &method, &from, strict).expect("issued")
}

pub fn verdict_of(scene: &Scene, credential: &Json, request: &Request) -> Verdict {
    verdict_of_text(scene, &canonical(credential), request)
}

pub fn ledger_verdict(scene: &Scene, credential: &Json) -> Verdict {
    verdict_of(scene, credential, &Request::new(Policy::Ledger))
}

/// The verdict differs from "verified" in one check only.
pub fn only(verdict: &Verdict, check: Check, expected: &str) {
    assert_eq!(code(verdict, check), expected, "{}", verdict.to_jcs());
    let bad: Vec<&CheckResult> = verdict
        .checks
        .iter()
        .filter(|r| matches!(r.outcome, Outcome::Fail | Outcome::Unknown))
        .collect();
    assert_eq!(bad.len(), 1, "{}", verdict.to_jcs());
    assert!(!verdict.verified());
}

pub fn verdict_of_text(scene: &Scene, text: &str, request: &Request) -> Verdict {
    let live = live(scene);
    let verdict = verify(text.as_bytes(), request, Some(&live), scene.world.time_ms);
    assert_eq!(verdict.to_jcs(), canonical(&verdict.to_value()), "its bytes are the JCS text");
    verdict
}

/// The code of a check is `expected`, alone or among others, and the verdict is not "verified".
pub fn fails_with(verdict: &Verdict, check: Check, expected: &str) {
    observe(verdict);
    let result = verdict.check(check).expect("all twelve are there");
    let found = result.code == expected || result.also.contains(&expected);
    assert!(found, "{expected} is not in {}", verdict.to_jcs());
    assert!(!verdict.verified());
}

/// The document with an `eddsa-jcs-2022` proof by a signer that checks nothing: no data model, no
/// term guard.
pub fn sign_blindly(document: &Json, key: &SigningKey, method: &str, created: &str) -> Json {
    let mut options = json!({"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022",
        "created": created, "verificationMethod": method, "proofPurpose": "assertionMethod"});
    if let Some(context) = document.get("@context") {
        options["@context"] = context.clone();
    }
    let mut data = Sha256::digest(canonical(&options)).to_vec();
    data.extend(Sha256::digest(canonical(document)));
    let signature = bs58::encode(key.sign(&data).to_bytes()).into_string();
    options["proofValue"] = json!(format!("z{signature}"));
    let mut signed = document.clone();
    signed["proof"] = options;
    signed
}
