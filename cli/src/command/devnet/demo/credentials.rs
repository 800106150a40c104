//! An accredited registrar issues an extract in two forms and a mandate for a person, which verify
//! until they are revoked: by a node, and later with every node stopped.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value as Json, json};
use titian_api::{call, vc};
use titian_contracts::json::Value;
use titian_contracts::op::Register;

use super::registers::registrar;
use super::{Demo, unexpected};
use crate::act::now_ms;
use crate::command::vc::issue::{self, Form};
use crate::command::vc::list::{list_args, list_state, reason_number};
use crate::command::vc::{bundle, counts, entry, present};
use crate::document;
use crate::error::{CommandError, Result};
use crate::wallet::{KeyRef, Wallet, WalletKey};

const EXTRACT: &str = "BusinessRegistration";
const MANDATE: &str = "AuthorisedRepresentative";
/// The key of the person who presents the mandate.
const HOLDER: &str = "holder:demo-director";
const NONCE: &str = "n-demo-7f3a91";
const AUDIENCE: &str = "did:ubin:TH:DBD";
const DAY_MS: u64 = 86_400_000;

/// Trust bundles of before and after the revocation.
pub(super) const BUNDLE: &str = "trust.ttb";
pub(super) const BUNDLE_AFTER: &str = "trust-after.ttb";
/// The extract as a token, which is revoked, and the presentation of the mandate, which is not.
pub(super) const TOKEN: &str = "extract.jwt";
pub(super) const PRESENTATION: &str = "mandate-presentation.sdjwt";

/// The root of Singapore accredits its registrar, which opens its status lists.
pub(super) fn accredit(demo: &mut Demo) -> Result<()> {
    let since = Instant::now();
    let issuer = registrar("SG");
    let (held, lists) = counts(demo.first(), &issuer)?;
    let mut lines = Vec::new();
    if held == 0 {
        let texts = |items: &[&str]| Value::List(items.iter().map(|t| Value::from(*t)).collect());
        let args = Value::object([
            ("depth", Value::Int(0)),
            ("fromMs", Value::from(now_ms().saturating_sub(60_000))),
            ("grantee", Value::from(issuer.as_str())),
            ("issuerClass", Value::from("registrar")),
            ("jurisdictions", texts(&["SG"])),
            ("n", Value::Int(1)),
            ("parent", Value::from("SG")),
            ("rights", texts(&["issue"])),
            ("types", texts(&[MANDATE, EXTRACT])),
            ("untilMs", Value::from(now_ms().saturating_add(3 * 365 * DAY_MS))),
        ]);
        let root = [demo.key("SG", 1)?, demo.key("SG", 2)?];
        demo.act(Register::Vc, "accreditation_grant", args, &root)?;
        lines.push(format!("{issuer}/acc/1 granted by the root quorum of SG"));
    } else {
        lines.push(format!("{issuer}/acc/1 stood already"));
    }
    let mut count = lists.len() as u64;
    let mut profiles = Vec::new();
    for list in &lists {
        profiles.push(list_state(demo.first(), list)?.0);
    }
    for (profile, bits, of) in
        [("revocation", 1, EXTRACT), ("refresh", 1, EXTRACT), ("token", 2, MANDATE)]
    {
        if profiles.iter().any(|known| known == profile) {
            continue;
        }
        count += 1;
        let until = now_ms().saturating_add(400 * DAY_MS);
        let args = list_args(&issuer, count, profile, &[of.to_owned()], (bits, 131_072), until);
        let key = demo.key(&issuer, 1)?;
        demo.act(Register::Vc, "list_create", args, &[key])?;
        lines.push(format!("{issuer}/status/{count} opened for {profile} of {of}"));
    }
    demo.step("an issuer accredited", since, &lines);
    Ok(())
}

/// Issues an extract and a mandate, verifies them on another node, revokes the extract, and shows
/// that it fails.
pub(super) fn issue_and_revoke(demo: &mut Demo, ubin: &str) -> Result<()> {
    issue_extract(demo, ubin)?;
    issue_mandate(demo, ubin)?;
    export(demo, BUNDLE)?;
    revoke(demo)?;
    export(demo, BUNDLE_AFTER)
}

fn issue_extract(demo: &mut Demo, ubin: &str) -> Result<()> {
    let since = Instant::now();
    let issuer = registrar("SG");
    let args = issue::Args {
        record: Some(ubin.to_owned()),
        form: vec![Form::Jcs, Form::Jwt],
        issuer: vec![KeyRef { party: issuer.clone(), number: Some(1) }],
        days: Some(30),
        copies: 1,
        out: demo.out.join("extract.json"),
        force: true,
        ..issue::Args::default()
    };
    issue::run(demo.first(), &args)?;
    let mut lines = vec![format!("{EXTRACT} for {ubin} by did:ubin:{issuer}, one id in two forms")];
    for (name, file) in [("extract.json", "extract-verified.json"), (TOKEN, "token-verified.json")]
    {
        let (outcome, code) = judge(demo, name, file, (None, None))?;
        if outcome != "verified" {
            return Err(unexpected(format!("a fresh credential is {outcome}: {code}")));
        }
        lines.push(format!("{name}: verified by the node of TH"));
    }
    demo.step("a register extract issued and verified in another state", since, &lines);
    Ok(())
}

/// A mandate as SD-JWT VC, bound to its holder's key, presented with one claim kept back.
fn issue_mandate(demo: &mut Demo, ubin: &str) -> Result<()> {
    let since = Instant::now();
    let issuer = registrar("SG");
    holder_key(demo)?;
    let claims = json!({
        "principal": ubin, "given_name": "Ana", "family_name": "Example", "role": "director",
        "powers": ["etr.endorse", "etr.offer"], "delegable": false, "assurance": "high",
    });
    let file = demo.write("mandate-claims.json", &format!("{claims}\n"))?;
    let args = issue::Args {
        file: Some(file),
        type_name: Some(MANDATE.to_owned()),
        issuer: vec![KeyRef { party: issuer, number: Some(1) }],
        holder: vec![HOLDER.to_owned()],
        copies: 1,
        out: demo.out.join("mandate.sdjwt"),
        force: true,
        ..issue::Args::default()
    };
    issue::run(demo.first(), &args)?;
    let (from, to) = (demo.out.join("mandate.sdjwt"), demo.out.join(PRESENTATION));
    present::one(demo.first(), &from, &["family_name"], (NONCE, AUDIENCE), to)?;
    let asked = (Some(NONCE), Some(AUDIENCE));
    let (outcome, code) = judge(demo, PRESENTATION, "mandate-verified.json", asked)?;
    if outcome != "verified" {
        return Err(unexpected(format!("a fresh presentation is {outcome}: {code}")));
    }
    let (outcome, code) =
        judge(demo, PRESENTATION, "mandate-replayed.json", (Some("n-another"), asked.1))?;
    if outcome != "rejected" || code != "NONCE_MISMATCH" {
        return Err(unexpected(format!("a replayed presentation is {outcome}: {code}")));
    }
    let lines = [
        format!("{MANDATE} for {ubin} as dc+sd-jwt; the given name is kept back"),
        "presented with the holder's key: verified; for another nonce: NONCE_MISMATCH".to_owned(),
    ];
    demo.step("a mandate issued, presented and verified", since, &lines);
    Ok(())
}

/// The holder's key, in the wallet of the devnet.
fn holder_key(demo: &mut Demo) -> Result<()> {
    let mut wallet = Wallet::open(&demo.folder.wallet())?;
    if !wallet.keys.iter().any(|key| key.party == HOLDER) {
        let purposes = vec!["present".to_owned()];
        wallet.put(WalletKey::generate(HOLDER, 1, purposes, Vec::new()));
        wallet.save()?;
    }
    demo.wallet = wallet;
    Ok(())
}

fn export(demo: &mut Demo, name: &str) -> Result<()> {
    let since = Instant::now();
    let session = demo.of_state("TH");
    demo.catch_up(session)?;
    let path = demo.out.join(name);
    let (height, bytes) = bundle::of_issuers(session, &[registrar("SG")], &path)?;
    let lines =
        [format!("{name}: {bytes} bytes, state of height {height}, made by the node of TH")];
    demo.step("a trust bundle written", since, &lines);
    Ok(())
}

fn revoke(demo: &mut Demo) -> Result<()> {
    let since = Instant::now();
    let issuer = registrar("SG");
    let text = document::read(&demo.out.join("extract.json"))?;
    let entries = entry::of_credential(demo.first(), &String::from_utf8_lossy(&text))?;
    let revocation = entries.iter().find(|entry| entry.profile.name() == "revocation");
    let (list, index) = revocation
        .map(|entry| (entry.list.clone(), entry.index))
        .ok_or_else(|| CommandError::bug("the credential has no status entry"))?;
    let (_, version) = list_state(demo.first(), &list)?;
    let reason = reason_number("superseded").unwrap_or(0);
    let change = [index, 0, 1, reason].map(Value::from).to_vec();
    let args = Value::object([
        ("changes", Value::List(vec![Value::List(change)])),
        ("list", Value::from(list.as_str())),
        ("version", Value::from(version)),
    ]);
    let key = demo.key(&issuer, 1)?;
    demo.act(Register::Vc, "list_set", args, &[key])?;
    for (name, file) in [("extract.json", "extract-revoked.json"), (TOKEN, "token-revoked.json")] {
        let (outcome, code) = judge(demo, name, file, (None, None))?;
        if outcome != "rejected" || code != "REVOKED" {
            return Err(unexpected(format!("a revoked credential is {outcome}: {code}")));
        }
    }
    let lines = [
        format!("{list}#{index} set to 1, for both forms"),
        "verification now: rejected, check status: REVOKED".to_owned(),
    ];
    demo.step("the extract revoked; verification fails and says why", since, &lines);
    let entry = json!({ "list": list, "index": index });
    demo.write("revoked-entry.json", &format!("{entry}\n"))?;
    Ok(())
}

/// The outcome of a verdict by the node of Thailand, and the code of the first check that failed.
fn judge(
    demo: &Demo,
    name: &str,
    file: &str,
    (nonce, audience): (Option<&str>, Option<&str>),
) -> Result<(String, String)> {
    let session = demo.of_state("TH");
    demo.catch_up(session)?;
    let text = document::read(&demo.out.join(PathBuf::from(name)))?;
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    let params = vc::VerifyParams {
        credential: serde_json::from_str(&text).unwrap_or(Json::String(text)),
        challenge: nonce.map(str::to_owned),
        domain: audience.map(str::to_owned),
        ..vc::VerifyParams::default()
    };
    let verdict = Json::Object(session.client()?.ask::<call::VcVerify>(&params)?);
    demo.write(file, &format!("{verdict}\n"))?;
    let checks = verdict.get("checks").and_then(Json::as_array).cloned().unwrap_or_default();
    let bad = |result: &str| {
        checks
            .iter()
            .find(|check| document::text(check, "/result") == Some(result))
            .and_then(|check| document::text(check, "/code"))
            .map(str::to_owned)
    };
    let outcome = document::text(&verdict, "/outcome").unwrap_or("?").to_owned();
    Ok((outcome, bad("fail").or_else(|| bad("unknown")).unwrap_or_default()))
}
