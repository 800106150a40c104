//! `titian verify`: checks a proof or a credential, offline wherever files suffice.
//!
//! Invariant: a proof bundle is judged against the genesis file alone; no node is asked. Exit code
//! 0 means proven or verified, 3 not, 5 that no verdict can be reached with what is at hand.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use titian_api::{call, vc};
use titian_contracts::proof::{self, Proven, VerifyError};
use titian_contracts::{limits, proof_code, time};
use titian_genesis::Genesis;

use crate::act::now_ms;
use crate::command::{etr, proven};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Output, Report, Tone};
use crate::session::Session;

/// Check a proof or a credential
///
/// A proof needs the genesis file and nothing else. A credential is judged by a node, unless a
/// trust bundle comes with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  titian verify proof.json --genesis genesis.json
  titian verify proof.json --genesis genesis.json --trusted-height 81000 --json
  titian verify control.json --genesis genesis.json --challenge c.json
  titian verify dossier.zip --genesis genesis.json
  titian verify 'TTB1:…' --genesis genesis.json          the text of a QR code
  titian verify credential.json --node http://127.0.0.1:26702 --jurisdiction MY")]
pub(crate) struct Args {
    /// Proof bundle, its QR text, evidence dossier, credential or token; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Genesis file of the network: the trust anchor [default: the devnet's in ./net]
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// Refuse proofs of a lower height
    #[arg(long, value_name = "HEIGHT", default_value_t = 0)]
    trusted_height: u64,
    /// Credential: judge by ledger, w3c or signature rules
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
    /// Credential: ask whether this state recognises the issuer
    #[arg(long, value_name = "CC")]
    jurisdiction: Option<String>,
    /// Credential: oldest ledger data that is accepted, in seconds
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u64>,
    /// Presentation: the challenge or nonce that was sent; proof of control: the file of the challenge
    #[arg(long, alias = "nonce", value_name = "TEXT")]
    challenge: Option<String>,
    /// Presentation: the domain or audience that was named
    #[arg(long, alias = "audience", value_name = "TEXT")]
    domain: Option<String>,
}

/// Runs `titian verify`.
pub(crate) fn run(session: &Session, args: &Args) -> Result<Report> {
    let bytes = match qr_text(args.file.as_os_str().as_encoded_bytes()) {
        Some(text) => text.as_bytes().to_vec(),
        None => document::read(&args.file)?,
    };
    if bytes.starts_with(b"PK") {
        let genesis = read_genesis(&session.genesis_path(args.genesis.as_ref())?)?;
        return etr::dossier::verify(session.output, &bytes, &genesis);
    }
    if let Some(text) = qr_text(&bytes) {
        let genesis = read_genesis(&session.genesis_path(args.genesis.as_ref())?)?;
        let expanded = proof_code::expand(text, &genesis.anchor()).map_err(|e| not_proven(&e))?;
        return bundle(session.output, expanded.as_bytes(), &genesis, args.trusted_height);
    }
    if is_bundle(&bytes) {
        let genesis = read_genesis(&session.genesis_path(args.genesis.as_ref())?)?;
        let mut report = bundle(session.output, &bytes, &genesis, args.trusted_height)?;
        proven::check_control(&mut report, args.challenge.as_deref())?;
        return Ok(report);
    }
    let credential = match serde_json::from_slice::<Value>(&bytes) {
        Ok(value @ Value::Object(_)) => value,
        _ => token(&bytes)?,
    };
    if args.genesis.is_some() {
        return Err(CommandError::new(
            Kind::Indeterminate,
            "a credential cannot be judged from the genesis file alone: keys, accreditations and \
             status live on the ledger",
        )
        .hint(
            "--node URL asks a node; a proof of its status verifies offline: titian vc status ID \
               --proof FILE",
        ));
    }
    credential_verdict(session, credential, args)
}

/// The text of the QR code of a proof, if that is what is given.
fn qr_text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    // base45 has a space among its characters; only the line end is no part of the code
    let text = text.trim_end_matches(['\r', '\n']);
    text.starts_with(proof_code::PREFIX).then_some(text)
}

/// Whether a file is a proof bundle: an object with the member `titianProof`.
fn is_bundle(bytes: &[u8]) -> bool {
    // a bundle that was damaged so that it is no JSON any more is still judged as one
    let start = bytes.get(..bytes.len().min(limits::PROOF_BYTES_MAX)).unwrap_or_default();
    (start.first() == Some(&b'{') && start.windows(13).any(|part| part == b"\"titianProof\""))
        || start.windows(15).any(|part| part == b"\"certificate\":\"")
}

fn token(bytes: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(bytes).map(str::trim).unwrap_or_default();
    let shape = text.len() > 20
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
        && text.contains('.');
    if shape {
        Ok(Value::from(text))
    } else {
        Err(CommandError::new(Kind::NotProven, "neither a proof bundle nor a credential")
            .named("FORM_UNKNOWN"))
    }
}

/// Reads and checks a genesis file.
pub(crate) fn read_genesis(path: &Path) -> Result<Genesis> {
    let bytes = document::read(path)?;
    Genesis::parse(&bytes).map_err(|error| {
        CommandError::usage(format!("{} is no genesis file: {error}", path.display()))
    })
}

/// Judges a bundle against a genesis.
pub(crate) fn bundle(
    output: Output,
    bytes: &[u8],
    genesis: &Genesis,
    trusted_height: u64,
) -> Result<Report> {
    proof::verify(bytes, &genesis.anchor(), trusted_height)
        .map(|proven| proven_report(output, &proven, genesis))
        .map_err(|error| not_proven(&error))
}

fn not_proven(error: &VerifyError) -> CommandError {
    CommandError::new(Kind::NotProven, error.to_string())
        .named("NOT_PROVEN")
        .with_data(json!({ "proven": false, "reason": error.to_string() }))
}

fn proven_report(output: Output, shown: &Proven, genesis: &Genesis) -> Report {
    let age_s = now_ms().saturating_sub(shown.time_ms) / 1000;
    let claim = shown.claim.without("entries");
    let mut lines = vec![format!("{}  {}", output.paint(Tone::Good, "PROVEN"), shown.kind)];
    lines.extend(output.in_words("PROVEN").map(|words| format!(" {words}")));
    lines.extend(proven::lines(shown));
    lines.push(format!(
        " as of height {}, block time {} ({} old); says nothing about later heights",
        shown.height,
        time::rfc3339(shown.time_ms),
        age_text(age_s)
    ));
    lines.push(format!(" network {}, genesis {}", genesis.chain, genesis.hash));
    let json = json!({
        "proven": true,
        "kind": shown.kind,
        "chain": genesis.chain,
        "genesis": genesis.hash.to_string(),
        "height": shown.height,
        "time": time::rfc3339(shown.time_ms),
        "timeMs": shown.time_ms,
        "ageSeconds": age_s,
        "claim": document::to_json(&claim),
    });
    Report::new(lines.join("\n"), json)
}

/// An age in the largest unit that fits.
pub(crate) fn age_text(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn credential_verdict(session: &Session, credential: Value, args: &Args) -> Result<Report> {
    let params = vc::VerifyParams {
        credential,
        policy: args.policy.clone(),
        jurisdiction: args.jurisdiction.clone(),
        require: Vec::new(),
        receipts: Vec::new(),
        max_age: args.max_age,
        at_height: None,
        challenge: args.challenge.clone(),
        domain: args.domain.clone(),
    };
    let answer = session.client()?.ask::<call::VcVerify>(&params);
    let verdict = answer.map_err(|error| match error.kind {
        Kind::NoNode => CommandError {
            message: format!("{}; a credential needs a node or a bundle", error.message),
            ..error
        },
        _ => error,
    })?;
    Ok(verdict_report(session.output, Value::Object(verdict)))
}

/// A verdict as a report; its exit code is 0, 3 or 5.
pub(crate) fn verdict_report(output: Output, verdict: Value) -> Report {
    let outcome = document::text(&verdict, "/outcome").unwrap_or("indeterminate");
    let (exit, tone) = match outcome {
        "verified" => (0, Tone::Good),
        "rejected" => (Kind::NotProven.exit_code(), Tone::Bad),
        _ => (Kind::Indeterminate.exit_code(), Tone::Warn),
    };
    let text = |pointer: &str| document::text(&verdict, pointer).unwrap_or("?").to_owned();
    let types: Vec<&str> = verdict
        .get("types")
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let head = output.paint(tone, &outcome.to_uppercase());
    let mut lines = vec![format!("{head}  {}  issued by {}", types.join(" "), text("/issuer"))];
    let mut passed = Vec::new();
    let mut others = Vec::new();
    for check in verdict.get("checks").and_then(Value::as_array).into_iter().flatten() {
        let name = document::text(check, "/name").unwrap_or("?");
        let code = document::text(check, "/code").unwrap_or("");
        match document::text(check, "/result").unwrap_or("?") {
            "pass" => passed.push(name),
            "not-applicable" => {}
            result => {
                let tone = if result == "fail" { Tone::Bad } else { Tone::Warn };
                let mark = output.paint(tone, result);
                others.push(format!(" {mark:<8} {name}: {code}   titian explain {code}"));
            }
        }
    }
    if !passed.is_empty() {
        lines.push(format!(" ok       {}", passed.join(" ")));
    }
    lines.extend(others);
    if let Some(height) = verdict.pointer("/trust/height").and_then(Value::as_u64) {
        lines.push(format!(" as of height {height}, {}", text("/trust/time")));
    }
    let warnings = verdict.get("warnings").and_then(Value::as_array).into_iter().flatten();
    lines.extend(warnings.map(|warning| {
        let shown = warning.as_str().map_or_else(|| warning.to_string(), str::to_owned);
        format!(" {} {shown}", output.paint(Tone::Warn, "warning"))
    }));
    Report::new(lines.join("\n"), verdict).exit(exit)
}
