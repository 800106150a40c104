//! `titian verify`: checks a proof or a credential, offline wherever files suffice.
//!
//! Invariant: a proof bundle is judged against the genesis file alone; no node is asked. A credential
//! is judged by the node, or with `--offline` from a trust bundle, by the same library and to the
//! same bytes. Exit code 0 means proven or verified, 3 not, 5 that no verdict can be reached with
//! what is at hand; of several files the worst counts.
//!
//! - this file: what is asked for, and who answers; `input`: what the file is;
//! - `offline`: verdicts from bundles; `many`: several files; `supplied`: lists and bytes of the user;
//! - `show`: a verdict for people; `options`: which options concern what.

pub(crate) mod input;
mod many;
pub(crate) mod offline;
mod options;
mod show;
mod supplied;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use titian_api::{call, vc};
use titian_contracts::access::is_state_code;
use titian_contracts::proof::{self, Proven, VerifyError};
use titian_contracts::{proof_code, time};
use titian_credential::anchor::Receipt;
use titian_credential::did::method::WebCache;
use titian_credential::snapshot::Snapshot as _;
use titian_credential::verdict::{Check, Policy};
use titian_credential::verify::Request;
use titian_genesis::Genesis;

use crate::act::now_ms;
use crate::command::{etr, proven};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Output, Report, Tone};
use crate::session::Session;
use input::Input;
use offline::Trusted;

pub(crate) use show::verdict_report;

/// Check a proof or a credential
///
/// A proof needs the genesis file and nothing else. A credential is judged by a node, or with
/// --offline from a trust bundle and the genesis file, with no network at all.
///
/// Exit codes: 0 verified or proven, 3 rejected, 5 indeterminate, others as everywhere. Of several
/// files the worst counts: 3, then 5, then any error, then 0; --json prints an array of
/// {file, exit, result or error}.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  titian verify proof.json --genesis genesis.json
  titian verify 'TTB1:…' --genesis genesis.json          the text of a QR code of a proof
  titian verify control.json --genesis genesis.json --challenge c.json
  titian verify dossier.zip --genesis genesis.json
  titian verify aeo.json --jurisdiction MY
  titian verify aeo.jwt --offline asean.ttb --genesis genesis.json --jurisdiction MY
  titian verify pres.txt --nonce n-7f3a91ab --audience did:ubin:SG:PEB
  titian verify licence.jwt --policy w3c --status-list list.json
  titian verify deed.json --resource https://issuer.example/terms.pdf=terms.pdf
  titian verify *.jwt --offline asean.ttb --genesis genesis.json
  titian verify photo.png --offline asean.ttb --genesis genesis.json --json
  titian verify court.evidence.json --genesis genesis.json --max-age 315360000")]
pub(crate) struct Args {
    /// Proof, evidence dossier, credential, presentation, evidence pack, picture of a QR code, or the
    /// text of one; `-` is standard input. Up to 1,000
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    /// Genesis file of the network: the trust anchor [default: the devnet's in ./net]
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// Proof, dossier, bundle or evidence pack: refuse a lower height
    #[arg(long, value_name = "HEIGHT", default_value_t = 0)]
    trusted_height: u64,
    /// Oldest ledger data that is accepted, in seconds; older is exit code 5 [default: of a proof any
    /// age, which is printed; of a bundle a day]
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u64>,
    /// Judge from this trust bundle; no node is asked
    #[arg(long, value_name = "BUNDLE", help_heading = "Credentials")]
    offline: Option<PathBuf>,
    /// Take a bundle that is older than one accepted before; the verdict then warns
    #[arg(long, help_heading = "Credentials")]
    allow_older: bool,
    /// Rules: ledger, w3c or signature [default: ledger]
    #[arg(long, value_name = "POLICY", help_heading = "Credentials")]
    policy: Option<String>,
    /// Ask whether this state recognises the issuer
    #[arg(long, value_name = "CC", help_heading = "Credentials", value_parser = state)]
    jurisdiction: Option<String>,
    /// A check that must pass besides those of the rules; repeat it
    #[arg(long, value_name = "CHECK", help_heading = "Credentials")]
    require: Vec<String>,
    /// Judge as of this height
    #[arg(long, value_name = "HEIGHT", help_heading = "Credentials")]
    at_height: Option<u64>,
    /// Clock skew: by how much the times that others state may differ from ours [default: 60]
    #[arg(long, value_name = "SECONDS", help_heading = "Credentials",
        value_parser = clap::value_parser!(u64).range(..=SKEW_S_MAX))]
    skew: Option<u64>,
    /// Signed status list that you fetched, of an issuer off the ledger; its own id tells which one
    /// it is, and it is as old as its file; repeat it, up to 8
    #[arg(long, value_name = "FILE", help_heading = "Credentials")]
    status_list: Vec<PathBuf>,
    /// Bytes of a related resource, or of a schema, that you fetched; repeat it, up to 32
    #[arg(long, value_name = "URL=FILE", help_heading = "Credentials")]
    resource: Vec<String>,
    /// Anchor receipt that came with the credential; repeat it
    #[arg(long, value_name = "FILE", help_heading = "Credentials")]
    receipt: Vec<PathBuf>,
    /// Presentation: the challenge or nonce that was sent; proof of control: the challenge's file. What
    /// answers no challenge is not proven then
    #[arg(long, visible_alias = "nonce", value_name = "TEXT", help_heading = "Credentials")]
    challenge: Option<String>,
    /// Presentation: the domain or audience that was named; proof of control: the audience
    #[arg(long, visible_alias = "audience", value_name = "TEXT", help_heading = "Credentials")]
    domain: Option<String>,
    /// Documents of did:web issuers, filled by `titian vc did fetch`; only with --offline or
    /// --no-ledger
    #[arg(long, value_name = "FILE", help_heading = "Credentials")]
    did_web_cache: Option<PathBuf>,
    /// Judge here without node or bundle: what needs the ledger is unknown
    #[arg(long, conflicts_with = "offline", help_heading = "Credentials")]
    no_ledger: bool,
}

/// Largest clock skew, s.
const SKEW_S_MAX: u64 = (titian_contracts::limits::SKEW_MS_MAX / 1_000).unsigned_abs();

/// A state as nodes take it: another spelling would be one that recognises nobody.
fn state(text: &str) -> std::result::Result<String, String> {
    if is_state_code(text) {
        Ok(text.to_owned())
    } else {
        Err("two capital letters are expected".to_owned())
    }
}

/// Runs `titian verify`.
pub(crate) fn run(session: &Session, args: &Args) -> Result<Report> {
    let [file] = args.files.as_slice() else { return many::run(session, args) };
    match open(session, args, file)? {
        Opened::Done(report) => Ok(report),
        Opened::Pack(credential, trusted) => {
            let request = request_of_pack(&args.request()?, &trusted);
            judge_here(session.output, &credential, &request, Some(&trusted), args.at_height)
        }
        Opened::Credential(text) => {
            let here = |trusted: Option<&Trusted>| {
                judge_here(session.output, &text, &args.request()?, trusted, args.at_height)
            };
            match &args.offline {
                Some(path) => {
                    let genesis = read_genesis(&session.genesis_path(args.genesis.as_ref())?)?;
                    here(Some(&Trusted::of_file(path, &genesis, args.allow_older)?))
                }
                None if args.no_ledger => here(None),
                None => {
                    check_node(session, args)?;
                    judged_by_node(session, &text, args, &args.request()?)
                }
            }
        }
    }
}

/// A file that was read: what rests on the genesis alone is judged, a credential is left.
enum Opened {
    /// A proof, a dossier, a bundle.
    Done(Report),
    /// A credential or presentation.
    Credential(String),
    /// The credential of an evidence pack, and the state that the pack holds.
    Pack(String, Trusted),
}

fn open(session: &Session, args: &Args, file: &str) -> Result<Opened> {
    let genesis = || read_genesis(&session.genesis_path(args.genesis.as_ref())?);
    let input = input::read(file)?;
    options::check(args, &input)?;
    let done = match input {
        Input::Proof(bytes) => judged(session.output, args, &bytes, &genesis()?)?,
        Input::Dossier(bytes) => {
            etr::dossier::verify(session.output, &bytes, &genesis()?, args.trusted_height)?
        }
        Input::ProofCode(text) => {
            let genesis = genesis()?;
            let expanded =
                proof_code::expand(&text, &genesis.anchor()).map_err(|e| not_proven(&e))?;
            judged(session.output, args, expanded.as_bytes(), &genesis)?
        }
        Input::Bundle(bytes) => super::vc::bundle::judge(session, &bytes, &genesis()?)?,
        Input::Evidence(bytes) => {
            let trusted = Trusted::of_bytes(&bytes, &genesis()?, args.allow_older)?;
            check_trusted(trusted.bundle.trust().height, args.trusted_height)?;
            // a pack whose proof fails answers nothing, and its verdict says so
            let credential = trusted.bundle.credential().unwrap_or_default().to_owned();
            return Ok(Opened::Pack(credential, trusted));
        }
        Input::Credential(text) => return Ok(Opened::Credential(text)),
    };
    // a proof and a dossier asked for themselves; of whatever else has a height it is asked here
    if let Some(height) = done.json.get("height").and_then(Value::as_u64) {
        check_trusted(height, args.trusted_height)?;
    }
    check_age(&done, args.max_age)?;
    Ok(Opened::Done(done))
}

/// The report of a proof bundle; it answers the challenge and names the audience, if one is given.
fn judged(output: Output, args: &Args, bytes: &[u8], genesis: &Genesis) -> Result<Report> {
    let proven = proof::verify(bytes, &genesis.anchor(), args.trusted_height)
        .map_err(|error| not_proven(&error))?;
    let (challenge, audience) = (args.challenge.as_deref(), args.domain.as_deref());
    proven::check_answer(&proven, &genesis.chain, challenge, audience)?;
    Ok(proven_report(output, &proven, genesis))
}

/// Refuses what is of an earlier height than one that is trusted.
fn check_trusted(height: u64, trusted_height: u64) -> Result<()> {
    if height < trusted_height { Err(not_proven(&VerifyError::TooOld)) } else { Ok(()) }
}

/// What is proven of an earlier time says nothing of now: as with a credential whose facts are old,
/// nothing can be told.
fn check_age(report: &Report, max_age: Option<u64>) -> Result<()> {
    let Some(most) = max_age.filter(|_| report.exit == 0) else { return Ok(()) };
    let Some(age) = report.json.pointer("/ageSeconds").and_then(Value::as_u64) else {
        return Err(CommandError::usage("--max-age is for proofs, bundles and credentials"));
    };
    if age <= most {
        return Ok(());
    }
    let told = format!("proven, but of {} ago", age_text(age));
    let data = json!({ "height": report.json.get("height"), "ageSeconds": age });
    Err(CommandError::new(Kind::Indeterminate, told)
        .named("TRUST_STALE")
        .with_data(data)
        .hint("ask for a newer one, or accept its age: --max-age"))
}

/// A request with the receipts that a pack brings.
fn request_of_pack(request: &Request, pack: &Trusted) -> Request {
    let mut request = request.clone();
    request.supplied.receipts.extend_from_slice(pack.bundle.receipts());
    request
}

impl Args {
    /// Whether the library judges in this process.
    const fn judges_here(&self) -> bool {
        self.no_ledger || self.offline.is_some()
    }

    /// The request for the library.
    fn request(&self) -> Result<Request> {
        let policy = match &self.policy {
            None => Policy::Ledger,
            Some(name) => Policy::parse(name)
                .ok_or_else(|| CommandError::usage("a policy is ledger, w3c or signature"))?,
        };
        let mut request = Request::new(policy);
        for name in &self.require {
            let check = Check::parse(name).ok_or_else(|| {
                let names: Vec<&str> = Check::ALL.iter().map(|check| check.name()).collect();
                CommandError::usage(format!("a check is one of {}", names.join(", ")))
            })?;
            request.require.push(check);
        }
        request.jurisdiction.clone_from(&self.jurisdiction);
        request.max_age_ms = self.max_age.map(|seconds| seconds.saturating_mul(1_000));
        request.challenge.clone_from(&self.challenge);
        request.domain.clone_from(&self.domain);
        if let Some(seconds) = self.skew {
            request.skew_ms = i64::try_from(seconds).map_or(i64::MAX, |s| s.saturating_mul(1_000));
        }
        supplied::read(&mut request.supplied, &self.status_list, &self.resource)?;
        for path in &self.receipt {
            let receipt = Receipt::of_value(&document::read_json(path)?);
            request.supplied.receipts.push(receipt.ok_or_else(|| no_receipt(path))?);
        }
        if let Some(path) = &self.did_web_cache {
            let cache = WebCache::parse(&document::read(path)?).map_err(|fault| {
                CommandError::usage(format!("{} is no cache of did:web", path.display()))
                    .named(fault.code)
            })?;
            request.supplied.did_web = cache;
        }
        Ok(request)
    }
}

fn no_receipt(path: &Path) -> CommandError {
    CommandError::usage(format!("{} is no anchor receipt", path.display()))
}

/// A verdict by the library in this process.
fn judge_here(
    output: Output,
    text: &str,
    request: &Request,
    trusted: Option<&Trusted>,
    at_height: Option<u64>,
) -> Result<Report> {
    if let Some(trusted) = trusted {
        offline::check_height(&trusted.bundle, at_height)?;
    } else if at_height.is_some() {
        return Err(CommandError::usage("--at-height needs a node or a bundle"));
    }
    let verdict = offline::judge(text, request, trusted);
    Ok(verdict_report(output, &verdict, Some(text)))
}

/// Whether a node can be asked.
fn check_node(session: &Session, args: &Args) -> Result<()> {
    if args.did_web_cache.is_some() {
        return Err(CommandError::usage("a node has no did:web cache of yours")
            .hint("--offline BUNDLE, or --no-ledger, judges here"));
    }
    if args.genesis.is_some() && !session.names_network() {
        return Err(CommandError::new(
            Kind::Indeterminate,
            "a credential cannot be judged from the genesis file alone: keys, accreditations and \
             status live on the ledger",
        )
        .hint("--offline BUNDLE judges from a trust bundle: titian vc bundle export")
        .hint("--node URL asks a node"));
    }
    Ok(())
}

/// A verdict by a node. `request` is what the arguments say: what is wrong with them was found
/// before anything is sent.
fn judged_by_node(session: &Session, text: &str, args: &Args, request: &Request) -> Result<Report> {
    let receipts: Result<Vec<titian_api::Object>> = args
        .receipt
        .iter()
        .map(|path| document::read_json(path)?.as_object().cloned().ok_or_else(|| no_receipt(path)))
        .collect();
    let mut params = vc::VerifyParams {
        // as it stands: reading it here would drop a member that stands twice
        credential: Value::from(text),
        policy: args.policy.clone(),
        jurisdiction: args.jurisdiction.clone(),
        require: args.require.clone(),
        receipts: receipts?,
        max_age: args.max_age,
        at_height: args.at_height,
        challenge: args.challenge.clone(),
        domain: args.domain.clone(),
        skew_seconds: args.skew,
        ..vc::VerifyParams::default()
    };
    supplied::into_params(&request.supplied, &mut params);
    let answer = session.client()?.ask::<call::VcVerify>(&params);
    let verdict = answer.map_err(|error| match error.kind {
        Kind::NoNode => CommandError {
            message: format!("{}; a credential needs a node or a bundle", error.message),
            ..error
        }
        .hint("--offline BUNDLE judges from a trust bundle, with no network"),
        _ => error,
    })?;
    let verdict = titian_credential::json::canonical(&Value::Object(verdict));
    Ok(verdict_report(session.output, &verdict, Some(text)))
}

/// Reads and checks a genesis file.
pub(crate) fn read_genesis(path: &Path) -> Result<Genesis> {
    let bytes = document::read(path)?;
    Genesis::parse(&bytes).map_err(|error| {
        CommandError::usage(format!("{} is no genesis file: {error}", path.display()))
    })
}

/// What a bundle that does not verify is told as.
pub(crate) fn not_proven(error: &VerifyError) -> CommandError {
    CommandError::new(Kind::NotProven, error.to_string())
        .named("NOT_PROVEN")
        .with_data(json!({ "proven": false, "reason": error.to_string() }))
}

fn proven_report(output: Output, shown: &Proven, genesis: &Genesis) -> Report {
    let age_s = now_ms().saturating_sub(shown.time_ms) / 1000;
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
    let mut json = json!({
        "proven": true,
        "kind": shown.kind,
        "chain": genesis.chain,
        "genesis": genesis.hash.to_string(),
        "height": shown.height,
        "time": time::rfc3339(shown.time_ms),
        "timeMs": shown.time_ms,
        "ageSeconds": age_s,
        "claim": proven::claim_json(shown),
    });
    if let Some(tense) = proven::control_tense(shown) {
        json["control"] = tense.into();
    }
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
