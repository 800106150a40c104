//! An accredited registrar issues an extract, which verifies until it is revoked.

use std::time::Instant;

use serde_json::{Value as Json, json};
use titian_api::{call, vc};
use titian_contracts::json::Value;
use titian_contracts::op::Register;

use super::registers::registrar;
use super::{Demo, unexpected};
use crate::act::now_ms;
use crate::command::vc::{counts, entry_of, issue, list_args, list_state, reason_number};
use crate::document;
use crate::error::{CommandError, Result};

const TYPE: &str = "BusinessRegistration";
const DAY_MS: u64 = 86_400_000;

/// The root of Singapore accredits its registrar, which opens two status lists.
pub(super) fn accredit(demo: &mut Demo) -> Result<()> {
    let since = Instant::now();
    let issuer = registrar("SG");
    let (held, lists) = counts(demo.first(), &issuer)?;
    let mut lines = Vec::new();
    if held == 0 {
        let args = Value::object([
            ("depth", Value::Int(0)),
            ("fromMs", Value::from(now_ms().saturating_sub(60_000))),
            ("grantee", Value::from(issuer.as_str())),
            ("issuerClass", Value::from("registrar")),
            ("jurisdictions", Value::List(vec![Value::from("SG")])),
            ("n", Value::Int(1)),
            ("parent", Value::from("SG")),
            ("rights", Value::List(vec![Value::from("issue")])),
            ("types", Value::List(vec![Value::from(TYPE)])),
            ("untilMs", Value::from(now_ms().saturating_add(3 * 365 * DAY_MS))),
        ]);
        let root = [demo.key("SG", 1)?, demo.key("SG", 2)?];
        demo.act(Register::Vc, "accreditation_grant", args, &root)?;
        lines.push(format!("{issuer}/acc/1 granted by the root quorum of SG for {TYPE}"));
    } else {
        lines.push(format!("{issuer}/acc/1 stood already"));
    }
    let mut count = lists.len() as u64;
    let mut profiles = Vec::new();
    for list in &lists {
        profiles.push(list_state(demo.first(), list)?.0);
    }
    for profile in ["revocation", "refresh"] {
        if profiles.iter().any(|known| known == profile) {
            continue;
        }
        count += 1;
        let until = now_ms().saturating_add(366 * DAY_MS);
        let types = [TYPE.to_owned()];
        let args = list_args(&issuer, count, profile, &types, (1, 131_072), until);
        let key = demo.key(&issuer, 1)?;
        demo.act(Register::Vc, "list_create", args, &[key])?;
        lines.push(format!("{issuer}/status/{count} opened for {profile}"));
    }
    demo.step("an issuer accredited", since, &lines);
    Ok(())
}

/// Issues an extract, verifies it on another node, revokes it, and shows that it fails.
pub(super) fn issue_and_revoke(demo: &mut Demo, ubin: &str) -> Result<()> {
    let since = Instant::now();
    let issuer = registrar("SG");
    let unsigned = issue::extract(demo.first(), ubin, &issuer, 30)?;
    let credential = issue::sign(demo.first(), &unsigned, &demo.key(&issuer, 1)?)?;
    let text = titian_credential::json::canonical(&credential);
    let path = demo.write("extract.json", &format!("{text}\n"))?;
    let (outcome, code) = judge(demo, &credential, "extract-verified.json")?;
    if outcome != "verified" {
        return Err(unexpected(format!("a fresh credential is {outcome}: {code}")));
    }
    let lines = [
        format!("{} for {ubin} by did:ubin:{issuer}", TYPE),
        format!("verified by the node of TH; file {}", path.display()),
    ];
    demo.step("a register extract issued and verified in another state", since, &lines);

    let since = Instant::now();
    let (list, index) = entry_of(&credential, "revocation")
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
    let (outcome, code) = judge(demo, &credential, "extract-revoked.json")?;
    if outcome != "rejected" || code != "REVOKED" {
        return Err(unexpected(format!("a revoked credential is {outcome}: {code}")));
    }
    let lines = [
        format!("{list}#{index} set to 1"),
        format!("verification now: {outcome}, check status: {code}"),
    ];
    demo.step("the extract revoked; verification fails and says why", since, &lines);
    let entry = json!({ "list": list, "index": index });
    demo.write("revoked-entry.json", &format!("{entry}\n"))?;
    Ok(())
}

/// The outcome of a verdict by the node of Thailand, and the code of the first check that failed.
fn judge(demo: &Demo, credential: &Json, file: &str) -> Result<(String, String)> {
    let session = demo.of_state("TH");
    demo.catch_up(session)?;
    let params = vc::VerifyParams {
        credential: credential.clone(),
        policy: None,
        jurisdiction: None,
        require: Vec::new(),
        receipts: Vec::new(),
        max_age: None,
        at_height: None,
        challenge: None,
        domain: None,
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
