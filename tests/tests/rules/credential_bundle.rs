//! Trust bundles and evidence packs: a verdict without network is the verdict from state, and
//! nothing of a bundle counts before its proof holds.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use titian_contracts::block::Certificate;
use titian_contracts::credential::{ResourceId, anchor_key};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::proof::Anchor;
use titian_credential::anchor::{Tree, commitment};
use titian_credential::bundle::make::{
    Frame, Scope, bundle, compress, evidence_pack, keys, keys_of,
};
use titian_credential::bundle::{
    BUNDLE_BYTES_MAX, Bundle, BundleError, EVIDENCE_BYTES_MAX, TrustAnchor, read,
};
use titian_credential::form;
use titian_credential::json::canonical;
use titian_credential::snapshot::Snapshot as _;
use titian_credential::verdict::{Check, Decision, Policy, Verdict};
use titian_credential::verify::{Request, verify};
use titian_tests::certify::prove;

use super::credential_anchors::{random, submit};
use super::credential_fixture::{code, issued, live, verdict_of};
use super::credential_scene::{ACRA, Scene, set, texts};

fn anchor(scene: &Scene) -> Anchor {
    Anchor {
        chain: scene.world.genesis.chain.clone(),
        genesis: scene.world.genesis.hash,
        validators: scene.world.genesis.validators.clone(),
    }
}

fn scope() -> Scope {
    Scope {
        issuers: vec!["SG:ACRA".to_owned()],
        types: Vec::new(),
        jurisdictions: vec!["MY".to_owned()],
        lists: true,
        anchors: Vec::new(),
    }
}

fn frame<'a>(scene: &Scene, scope: &'a Scope) -> Frame<'a> {
    Frame { height: scene.world.height, genesis: scene.world.genesis.hash, sandbox: false, scope }
}

fn made(scene: &Scene, scope: &Scope) -> String {
    let keys = keys(&scene.world.state, scope);
    let (entries, evidence) = prove(&scene.world, &keys);
    bundle(frame(scene, scope), &entries, &evidence)
}

fn open(scene: &Scene, text: &str) -> Result<Bundle, BundleError> {
    open_bytes(scene, text.as_bytes())
}

fn open_bytes(scene: &Scene, bytes: &[u8]) -> Result<Bundle, BundleError> {
    let anchor = anchor(scene);
    read(bytes, TrustAnchor { anchor: &anchor, sandbox: false, trusted_height: 0 })
}

fn judge(bundle: &Bundle, credential: &Json, now_ms: u64) -> Verdict {
    let mut request = Request::new(Policy::Ledger);
    request.jurisdiction = Some("MY".to_owned());
    verify(canonical(credential).as_bytes(), &request, Some(bundle), now_ms)
}

/// A scene with a recognised, issued credential.
fn scene() -> (Scene, Json) {
    let mut scene = Scene::new();
    let entry = Value::object([
        ("by", Value::from("MY")),
        ("of", Value::from("SG")),
        ("name", Value::from("mra")),
        ("scope", Value::from("credential")),
        ("types", texts(&["*"])),
        ("issuerClasses", texts(&["registrar"])),
        (
            "agreement",
            Value::object([
                ("title", Value::from("t")),
                ("reference", Value::from("r")),
                ("documentSha256", Value::from(format!("sha256:{}", "1".repeat(64)).as_str())),
            ]),
        ),
        ("from", Value::from("2025-01-01")),
    ]);
    let signers = &[("MY", 1), ("MY", 2)];
    let args = Value::object([("entry", entry)]);
    let done = scene.world.act(Register::Gov, "recognition_declare", args, signers);
    assert!(done.is_ok(), "{done:?}");
    let credential = issued(&scene, 1);
    (scene, credential)
}

#[test]
pub fn vc_t11_the_verdict_from_a_bundle_is_the_verdict_from_state() {
    let (mut scene, credential) = scene();
    for revoked in [false, true] {
        if revoked {
            scene.must("list_set", set("SG:ACRA/status/1", 0, &[[84_213, 0, 1, 2]]), ACRA);
        }
        let bundle = open(&scene, &made(&scene, &scope())).expect("a bundle");
        assert_eq!(bundle.trust().proof_code, "OK");
        assert!(bundle.len() > 20 && !bundle.is_empty());
        let offline = judge(&bundle, &credential, scene.world.time_ms);
        let mut request = Request::new(Policy::Ledger);
        request.jurisdiction = Some("MY".to_owned());
        let online = verdict_of(&scene, &credential, &request);
        assert_eq!(offline.decision, online.decision, "{}", offline.to_jcs());
        assert_eq!(offline.verified(), !revoked);
        for (a, b) in offline.checks.iter().zip(&online.checks) {
            if !matches!(a.check, Check::StateProof | Check::Freshness) {
                assert_eq!(a, b);
            }
        }
        assert_eq!(code(&offline, Check::StateProof), "OK");
        let trust = offline.trust.expect("asked");
        assert_eq!((trust.height, trust.source.name()), (scene.world.height, "bundle"));
    }
}

#[test]
pub fn vc_t11_what_is_not_in_the_bundle_is_unknown_and_never_verified() {
    let (scene, credential) = scene();
    let smaller = [
        Scope { issuers: Vec::new(), ..scope() },
        Scope { jurisdictions: Vec::new(), ..scope() },
        Scope { lists: false, ..scope() },
    ];
    for scope in smaller {
        let bundle = open(&scene, &made(&scene, &scope)).expect("a bundle");
        assert_eq!(bundle.trust().proof_code, "OK");
        let verdict = judge(&bundle, &credential, scene.world.time_ms);
        // nothing passes, and nothing fails, for want of what is not at hand
        assert_eq!(verdict.decision, Decision::Indeterminate, "{scope:?}: {}", verdict.to_jcs());
    }
    // a context that is proven absent is an answer: it is registered by nobody
    let mut foreign = credential.clone();
    let id = ResourceId::parse("ASEAN/context/none/1").expect("an id");
    foreign["@context"][1] = json!(format!("did:ubin:{}", id.text()));
    let mut with_absent = keys(&scene.world.state, &scope());
    with_absent.push(id.key());
    with_absent.sort();
    let (entries, evidence) = prove(&scene.world, &with_absent);
    let text = bundle(frame(&scene, &scope()), &entries, &evidence);
    let absent = open(&scene, &text).expect("a bundle");
    let verdict = judge(&absent, &foreign, scene.world.time_ms);
    assert_eq!(code(&verdict, Check::Syntax), "CONTEXT_UNKNOWN");
    assert_eq!(verdict.decision, Decision::Rejected);
    // one object after the other left out
    let scope = scope();
    let all = keys(&scene.world.state, &scope);
    let asked = {
        let mut request = Request::new(Policy::Ledger);
        request.jurisdiction = Some("MY".to_owned());
        let text = canonical(&credential);
        let at = (scene.world.height, scene.world.time_ms);
        keys_of(&scene.world.state, text.as_bytes(), &request, ("titian-devnet-1", false), at)
    };
    for left_out in &asked {
        let fewer: Vec<Vec<u8>> = all.iter().filter(|key| *key != left_out).cloned().collect();
        let (entries, evidence) = prove(&scene.world, &fewer);
        let text = bundle(frame(&scene, &scope), &entries, &evidence);
        let bundle = open(&scene, &text).expect("a bundle");
        let verdict = judge(&bundle, &credential, scene.world.time_ms);
        // without the history of an entry its value is known all the same
        let history = left_out.starts_with(b"vc/delta/");
        assert!(history || !verdict.verified(), "{}", String::from_utf8_lossy(left_out));
    }
}

#[test]
pub fn each_broken_part_of_a_bundle_has_its_code() {
    let (scene, credential) = scene();
    let text = made(&scene, &scope());
    let value: Json = serde_json::from_str(&text).expect("JSON");
    let anchor = anchor(&scene);
    let read_as = |text: &str, anchor: &Anchor, sandbox: bool| {
        let trust = TrustAnchor { anchor, sandbox, trusted_height: 0 };
        let bundle = read(text.as_bytes(), trust).expect("well formed");
        let verdict = judge(&bundle, &credential, scene.world.time_ms);
        assert!(!verdict.verified());
        assert_eq!(code(&verdict, Check::StateProof), bundle.trust().proof_code);
        bundle.trust().proof_code
    };
    let mut other = anchor.clone();
    other.chain = "other".to_owned();
    assert_eq!(read_as(&text, &other, false), "CHAIN_MISMATCH");
    let mut other = anchor.clone();
    other.genesis.0[0] ^= 1;
    assert_eq!(read_as(&text, &other, false), "CHAIN_MISMATCH");
    assert_eq!(read_as(&text, &anchor, true), "CHAIN_MISMATCH");
    let mut other = anchor.clone();
    let mut fewer = other.validators.validators.clone();
    fewer.pop();
    other.validators = titian_contracts::block::ValidatorSet::new(fewer);
    assert_eq!(read_as(&text, &other, false), "VALIDATORS_UNKNOWN");
    let edited = |edit: &dyn Fn(&mut Json)| {
        let mut changed = value.clone();
        edit(&mut changed);
        canonical(&changed)
    };
    let higher = edited(&|v| v["height"] = json!(v["height"].as_u64().expect("a number") + 1));
    assert_eq!(read_as(&higher, &anchor, false), "STATE_PROOF_INVALID");
    let twice = edited(&|v| {
        let first = v["claim"]["objects"][0].clone();
        v["claim"]["objects"].as_array_mut().expect("a list").insert(0, first);
    });
    assert_eq!(read_as(&twice, &anchor, false), "STATE_PROOF_INVALID");
    let absent = edited(&|v| v["claim"]["objects"][0]["value"] = Json::Null);
    assert_eq!(read_as(&absent, &anchor, false), "STATE_PROOF_INVALID");
    let unsigned = edited(&|v| {
        let bytes = URL_SAFE_NO_PAD.decode(v["certificate"].as_str().expect("text"));
        let mut certificate: Certificate =
            borsh::from_slice(&bytes.expect("base64url")).expect("a certificate");
        certificate.signatures.iter_mut().for_each(|(_, signature)| signature[0] ^= 1);
        let bytes = borsh::to_vec(&certificate).expect("to memory");
        v["certificate"] = json!(URL_SAFE_NO_PAD.encode(bytes));
    });
    assert_eq!(read_as(&unsigned, &anchor, false), "CERTIFICATE_INVALID");
    for broken in [
        edited(&|v| v["kind"] = json!("vc-other")),
        edited(&|v| v["more"] = json!(1)),
        edited(&|v| v["claim"]["objects"][0]["kind"] = json!("recognition")),
        edited(&|v| v["claim"]["objects"] = json!([])),
        "{}".to_owned(),
        "x".to_owned(),
    ] {
        assert!(open(&scene, &broken).is_err());
    }
    let older =
        TrustAnchor { anchor: &anchor, sandbox: false, trusted_height: scene.world.height + 1 };
    assert_eq!(read(text.as_bytes(), older).map(|_| ()), Err(BundleError::TooOld));
}

#[test]
pub fn vc_t11_flipping_bytes_of_a_bundle_never_leaves_it_verified() {
    let (scene, credential) = scene();
    let text = made(&scene, &scope());
    let whole: Json = serde_json::from_str(&text).expect("JSON");
    // a prime step visits every kind of member
    for at in (0..text.len()).step_by(97) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 0x01;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        let Ok(bundle) = open(&scene, &changed) else { continue };
        let verdict = judge(&bundle, &credential, scene.world.time_ms);
        // the scope is what its maker meant; it proves nothing and decides nothing
        let meant = serde_json::from_str::<Json>(&changed).is_ok_and(|mut value| {
            value["claim"]["scope"] = whole["claim"]["scope"].clone();
            value == whole
        });
        assert!(meant || verdict.decision != Decision::Verified, "byte {at}");
    }
}

#[test]
fn vc_t11_a_bundle_holds_the_anchors_that_were_asked_for() {
    let (mut scene, credential) = scene();
    let digest = commitment(&form::read_json(credential.clone()).expect("read"));
    let tree = Tree::new(&[digest], &mut random(1)).expect("a tree");
    let other = Tree::new(&[[1; 32]], &mut random(2)).expect("a tree");
    submit(&mut scene, 1, &other);
    submit(&mut scene, 2, &tree);
    let mut request = Request::new(Policy::Ledger);
    request.supplied.receipts.extend(tree.receipt(0, "SG:ACRA/anchor/2"));
    let text = canonical(&credential);
    let online = verify(text.as_bytes(), &request, Some(&live(&scene)), scene.world.time_ms);
    assert!(online.signed_at.expect("known").1, "state holds it");
    for (named, objects, anchored) in [
        (&[][..], None, false),
        (&["SG:ACRA/anchor/1"], Some(1), false),
        (&["SG:ACRA/anchor/2"], Some(1), true),
        (&["SG:ACRA/anchor/9"], Some(1), false),
        // both, and that there is no third
        (&["SG:ACRA"], Some(3), true),
        (&["SG:CUSTOMS"], Some(1), false),
    ] {
        let anchors = named.iter().map(|name| (*name).to_owned()).collect();
        let scope = Scope { anchors, ..scope() };
        let bundle = open(&scene, &made(&scene, &scope)).expect("a bundle");
        assert_eq!(bundle.kinds().get("anchor").copied(), objects, "{named:?}");
        let verdict = verify(text.as_bytes(), &request, Some(&bundle), scene.world.time_ms);
        assert!(verdict.verified(), "{}", verdict.to_jcs());
        assert_eq!(verdict.signed_at.expect("known").1, anchored, "{named:?}");
    }
    // a pack holds those of its receipts
    let at = (scene.world.height, scene.world.time_ms);
    let of = ("titian-devnet-1", false);
    let keys = keys_of(&scene.world.state, text.as_bytes(), &request, of, at);
    assert!(keys.contains(&anchor_key("SG:ACRA", 2)));
}

#[test]
pub fn vc_t11_a_bundle_grows_stale_and_the_caller_may_say_when() {
    let (scene, credential) = scene();
    let bundle = open(&scene, &made(&scene, &scope())).expect("a bundle");
    let at = |ms: u64| judge(&bundle, &credential, scene.world.time_ms + ms);
    assert!(at(86_400_000).verified());
    let stale = at(86_400_001);
    assert_eq!(code(&stale, Check::Freshness), "TRUST_STALE");
    assert_eq!(stale.decision, Decision::Indeterminate);
    let mut request = Request::new(Policy::Ledger);
    request.max_age_ms = Some(7 * 86_400_000);
    let text = canonical(&credential);
    let now_ms = scene.world.time_ms + 2 * 86_400_000;
    let verdict = verify(text.as_bytes(), &request, Some(&bundle), now_ms);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    let detail = &verdict.check(Check::Freshness).expect("there").detail;
    assert_eq!(detail["maxAgeSeconds"], 7 * 86_400);
}

#[test]
pub fn an_evidence_pack_holds_one_credential_and_what_it_needs() {
    let (scene, credential) = scene();
    let text = canonical(&credential);
    let mut request = Request::new(Policy::Ledger);
    request.jurisdiction = Some("MY".to_owned());
    let at = (scene.world.height, scene.world.time_ms);
    let keys =
        keys_of(&scene.world.state, text.as_bytes(), &request, ("titian-devnet-1", false), at);
    let (entries, evidence) = prove(&scene.world, &keys);
    let scope = Scope::default();
    let pack = evidence_pack(frame(&scene, &scope), &entries, &evidence, &text, Vec::new());
    assert!(pack.len() < 128 * 1024);
    let pack = open(&scene, &pack).expect("a pack");
    assert_eq!(pack.credential(), Some(text.as_str()));
    assert!(pack.receipts().is_empty());
    let verdict = judge(&pack, &credential, scene.world.time_ms);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    // the same request against state asks for nothing more
    let online = verify(text.as_bytes(), &request, Some(&live(&scene)), scene.world.time_ms);
    assert_eq!(online.decision, verdict.decision);
}

#[test]
pub fn vc_t12_bundles_and_packs_stop_at_their_limits() {
    let (scene, credential) = scene();
    let most = " ".repeat(BUNDLE_BYTES_MAX);
    let beyond = format!("{most} ");
    for (bytes, expected) in [
        (compress(&most), BundleError::Malformed("not JSON")),
        (compress(&beyond), BundleError::TooLarge),
        (beyond.into_bytes(), BundleError::TooLarge),
        (compress(&made(&scene, &scope()))[..40].to_vec(), BundleError::Malformed("not gzip")),
    ] {
        let found = open_bytes(&scene, &bytes).map(|_| ()).expect_err("refused");
        // of what is malformed the sentence does not matter
        let kind = std::mem::discriminant::<BundleError>;
        assert_eq!(kind(&found), kind(&expected), "{found:?}");
    }
    // a pack is one credential; here with blanks after it
    let text = canonical(&credential);
    let request = Request::new(Policy::Ledger);
    let at = (scene.world.height, scene.world.time_ms);
    let keys =
        keys_of(&scene.world.state, text.as_bytes(), &request, ("titian-devnet-1", false), at);
    let (entries, evidence) = prove(&scene.world, &keys);
    let scope = Scope::default();
    let pack = |blanks: usize| {
        let text = format!("{text}{}", " ".repeat(blanks));
        evidence_pack(frame(&scene, &scope), &entries, &evidence, &text, Vec::new())
    };
    let room = EVIDENCE_BYTES_MAX - pack(0).len();
    let full = pack(room);
    assert_eq!(full.len(), EVIDENCE_BYTES_MAX);
    assert_eq!(open(&scene, &full).expect("a pack").trust().proof_code, "OK");
    let refused = open(&scene, &pack(room + 1)).map(|_| ()).expect_err("too large");
    assert_eq!(refused, BundleError::TooLarge);
}
