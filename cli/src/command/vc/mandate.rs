//! `titian vc mandate`: whether a representative may do an act for a business (vc-api.md A§3).
//!
//! Invariant: the credential never leaves this machine; what it rests on is proven against the
//! genesis, in a bundle at hand or in one that the node makes. No claim of it is shown.

use std::path::PathBuf;

use serde_json::json;
use titian_api::vc::BundleParams;
use titian_contracts::ubin::identifier::Ubin;
use titian_credential::mandate::{self, Act, Counts, Judgement};
use titian_credential::verdict::{Decision, Policy};
use titian_credential::verify::{Request, is_presentation};
use titian_credential::{did, form};

use super::super::verify::input::{self, Input};
use super::super::verify::offline::{OLDER, Trusted};
use super::super::verify::{read_genesis, verdict_report};
use super::facts;
use crate::act::now_ms;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Output, Report, Tone};
use crate::session::Session;

/// The type of credential.
const TYPE: &str = "AuthorisedRepresentative";

/// `titian vc mandate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The mandate as its holder shows it: a file, a picture of a QR code, its text, or `-`
    file: String,
    /// The business that acts
    #[arg(long, value_name = "UBIN", value_parser = business)]
    principal: String,
    /// The act, as the mandate names it: etr.offer, customs.declare
    #[arg(long, value_name = "ACT")]
    act: String,
    /// The amount of the act, to compare with the limit of the mandate
    #[arg(long, value_name = "N", requires = "currency", value_parser = amount)]
    amount: Option<String>,
    /// Its currency, ISO 4217
    #[arg(long, value_name = "CCY", requires = "amount", value_parser = currency)]
    currency: Option<String>,
    /// The nonce that the holder was asked to sign
    #[arg(long, value_name = "TEXT")]
    nonce: Option<String>,
    /// The audience that was named to it
    #[arg(long, value_name = "TEXT")]
    audience: Option<String>,
    /// Judge from this trust bundle, with the facts of issuer and business; no node is asked
    #[arg(long, value_name = "BUNDLE")]
    offline: Option<PathBuf>,
    /// Genesis file of the network [default: the devnet's in ./net]
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// Take a bundle that is older than one accepted before; the verdict then warns
    #[arg(long)]
    allow_older: bool,
    /// Oldest ledger data that is accepted, in seconds
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u64>,
}

fn business(text: &str) -> std::result::Result<String, String> {
    let known = Ubin::parse_canonical(text).map(|_| text.to_owned());
    known.ok_or_else(|| "a UBIN as titian ubin check prints it is expected".to_owned())
}

fn amount(text: &str) -> std::result::Result<String, String> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let sound = digits(whole) && digits(part);
    sound.then(|| text.to_owned()).ok_or_else(|| "a decimal number without sign".to_owned())
}

fn currency(text: &str) -> std::result::Result<String, String> {
    let sound = text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
    sound.then(|| text.to_owned()).ok_or_else(|| "three capitals, for example USD".to_owned())
}

/// Runs `titian vc mandate`; exit code 0 if the mandate counts, 3 if not, 5 if it cannot be told.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let Input::Credential(text) = input::read(&args.file)? else {
        return Err(CommandError::usage(format!("{} is no credential", args.file))
            .hint("titian vc present makes what a holder shows"));
    };
    if is_presentation(text.as_bytes()) {
        return Err(CommandError::usage("a mandate is shown by itself, bound to its holder's key")
            .hint("titian vc present MANDATE --nonce N --audience A"));
    }
    let trusted = match &args.offline {
        Some(path) => {
            let genesis = read_genesis(&session.genesis_path(args.genesis.as_ref())?)?;
            Trusted::of_file(path, &genesis, args.allow_older)?
        }
        None => from_node(session, args, &text)?,
    };
    let mut request = Request::new(Policy::Ledger);
    request.challenge.clone_from(&args.nonce);
    request.domain.clone_from(&args.audience);
    request.max_age_ms = args.max_age.map(|seconds| seconds.saturating_mul(1_000));
    let amount = args.currency.as_deref().zip(args.amount.as_deref());
    let act = Act { power: &args.act, principal: &args.principal, amount };
    let mut judged = mandate::judge(text.as_bytes(), act, &request, &trusted.bundle, now_ms());
    if trusted.is_older() {
        judged.verdict.warnings.push(OLDER);
    }
    Ok(report(session.output, args, &judged))
}

/// What the node knows of the issuer and of the business, proven.
fn from_node(session: &Session, args: &Args, text: &str) -> Result<Trusted> {
    let reading = form::read(text.as_bytes()).ok();
    let issuer = reading.as_ref().and_then(form::Reading::issuer);
    let issuer = issuer.filter(|issuer| did::party_of(issuer).is_some());
    let mut issuers = vec![did::did_of(&args.principal)];
    // a business may sign for its own representatives
    issuers.extend(issuer.filter(|issuer| *issuer != issuers[0]).map(str::to_owned));
    let params = BundleParams {
        issuers,
        types: vec![TYPE.to_owned()],
        lists: Some(true),
        ..BundleParams::default()
    };
    let genesis = facts::genesis(session, args.genesis.as_ref())?;
    let text = facts::fetch(session, &params)?;
    Trusted::of_bytes(text.as_bytes(), &genesis, args.allow_older)
}

/// What an act must meet that the mandate alone does not.
fn conditions(counts: &Counts) -> Vec<String> {
    let jointly = counts.jointly.as_ref();
    let jointly = jointly.map(|(k, group)| format!(" not alone: {k} of {group:?} act together"));
    let limit = " up to a limit: --amount and --currency compare it".to_owned();
    jointly.into_iter().chain(counts.limit_open.then_some(limit)).collect()
}

fn report(output: Output, args: &Args, judged: &Judgement) -> Report {
    let decision = judged.decision();
    let (word, tone, exit) = match decision {
        Decision::Verified => ("COUNTS", Tone::Good, 0),
        Decision::Rejected => ("DOES NOT COUNT", Tone::Bad, Kind::NotProven.exit_code()),
        Decision::Indeterminate => ("INDETERMINATE", Tone::Warn, Kind::Indeterminate.exit_code()),
    };
    let jointly = judged.result.as_ref().ok().and_then(|counts| counts.jointly.as_ref());
    let json = json!({
        "counts": judged.result.is_ok(),
        "outcome": match decision {
            Decision::Verified => "counts",
            Decision::Rejected => "refused",
            Decision::Indeterminate => "indeterminate",
        },
        "code": judged.result.as_ref().err().map(|reason| reason.name()),
        "act": args.act,
        "principal": args.principal,
        "amount": args.amount,
        "currency": args.currency,
        "jointly": jointly.map(|(k, group)| json!({"k": k, "group": group})),
        "limitOpen": judged.result.as_ref().is_ok_and(|counts| counts.limit_open),
        "verdict": judged.verdict.to_value(),
    });
    let head = output.paint(tone, word);
    let mut lines = vec![format!("{head}   {} for {}", args.act, args.principal)];
    match &judged.result {
        Ok(counts) => lines.extend(conditions(counts)),
        Err(reason) => lines.push(format!(" {}: {reason}", reason.name())),
    }
    // for programs the verdict stands within the answer
    if !output.is_json() {
        lines.push(verdict_report(output, &judged.verdict.to_jcs(), None).text);
    }
    Report::new(lines.join("\n"), json).exit(exit)
}
