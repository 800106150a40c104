//! Trust bundles and evidence packs: fetching them, looking into them.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_api::Object;
use titian_api::vc::BundleParams;
use titian_contracts::time::rfc3339;
use titian_credential::bundle::make::compress;
use titian_credential::bundle::{self, BUNDLE_BYTES_MAX, EVIDENCE};
use titian_credential::snapshot::Snapshot as _;
use titian_genesis::Genesis;

use super::super::verify::input::{self, Input};
use super::super::verify::{age_text, offline, read_genesis};
use super::facts;
use crate::act::now_ms;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, Tone};
use crate::session::Session;
use crate::wallet::write_private;

/// `titian vc bundle`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Write a trust bundle: what verdicts without network need
    #[command(after_help = "Examples:
  titian vc bundle export --cc SG,MY --types AEOAuthorisation --recognition MY -o asean.ttb
  titian vc bundle export --issuer SG:CUSTOMS --anchors SG:CUSTOMS -o customs.ttb
  titian vc bundle export --evidence aeo.jwt --jurisdiction MY -o aeo.evidence.json")]
    Export(Box<ExportArgs>),
    /// Show what a bundle holds and whether its proof holds; asks no node
    #[command(after_help = "Examples:
  titian vc bundle inspect asean.ttb --genesis genesis.json")]
    Inspect {
        /// The bundle or evidence pack
        file: PathBuf,
        /// Genesis file of the network [default: the devnet's in ./net]
        #[arg(long, value_name = "FILE")]
        genesis: Option<PathBuf>,
    },
}

/// `titian vc bundle export`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ExportArgs {
    /// Issuer; repeat it, or separate by commas
    #[arg(long = "issuer", value_delimiter = ',', value_name = "PARTY")]
    issuers: Vec<String>,
    /// All issuers of these states
    #[arg(long, value_delimiter = ',', value_name = "CC")]
    cc: Vec<String>,
    /// Types [default: all that the issuers may issue]
    #[arg(long, value_delimiter = ',', value_name = "TYPES")]
    types: Vec<String>,
    /// States whose recognition entries go in, all of them
    #[arg(long, value_delimiter = ',', value_name = "CC")]
    recognition: Vec<String>,
    /// Leave the status lists out
    #[arg(long)]
    no_lists: bool,
    /// Anchors for receipts: an id, or an issuer for all of its; repeat it, or separate by commas
    #[arg(long, value_delimiter = ',', value_name = "ANCHORS")]
    anchors: Vec<String>,
    /// State as of this height
    #[arg(long, value_name = "HEIGHT")]
    height: Option<u64>,
    /// An evidence pack: this credential and just what it rests on, for courts and archives
    #[arg(long, value_name = "FILE", conflicts_with_all = ["issuers", "cc", "types", "recognition", "anchors"])]
    evidence: Option<String>,
    /// Evidence pack: also whether this state recognises the issuer
    #[arg(long, value_name = "CC", requires = "evidence")]
    jurisdiction: Option<String>,
    /// Evidence pack: anchor receipt to put in; repeat it
    #[arg(long, value_name = "FILE", requires = "evidence")]
    receipt: Vec<PathBuf>,
    /// Write it compressed
    #[arg(long)]
    gzip: bool,
    /// Genesis file, to check what the node made [default: the devnet's in ./net]
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// Where to write it
    #[arg(short, long = "out", value_name = "FILE")]
    out: PathBuf,
}

/// Runs `titian vc bundle`.
pub(super) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::Export(args) => export(session, args),
        Command::Inspect { file, genesis } => {
            let bytes = document::read_at_most(file, BUNDLE_BYTES_MAX as u64)?;
            let genesis = read_genesis(&session.genesis_path(genesis.as_ref())?)?;
            judge(session, &bytes, &genesis)
        }
    }
}

fn export(session: &Session, args: &ExportArgs) -> Result<Report> {
    let nothing = args.issuers.is_empty()
        && args.cc.is_empty()
        && args.recognition.is_empty()
        && args.evidence.is_none();
    if nothing {
        return Err(CommandError::usage("say whose facts: --issuer, --cc or --recognition")
            .hint("titian vc bundle export --cc SG,MY --recognition MY -o asean.ttb"));
    }
    let progress = session.output.spinner("the node makes the bundle");
    let text = facts::fetch(session, &params(args)?);
    progress.finish_and_clear();
    let text = text?;
    let genesis = facts::genesis(session, args.genesis.as_ref())?;
    let mut report = judge(session, text.as_bytes(), &genesis)?;
    if report.exit != 0 {
        return Err(CommandError::new(
            Kind::NotProven,
            "the node's bundle does not prove its state",
        )
        .hint("it is broken or hostile: use another one with --node")
        .with_data(report.json));
    }
    let bytes = if args.gzip { compress(&text) } else { format!("{text}\n").into_bytes() };
    let written = match &args.evidence {
        // it holds the credential
        Some(_) => write_private(&args.out, &bytes),
        None => std::fs::write(&args.out, &bytes),
    };
    written.map_err(|error| CommandError::file("write", &args.out, &error))?;
    let size = bytes.len();
    report.text = format!(
        "{}\n{size} bytes in {}; next: titian verify FILE --offline {}",
        report.text,
        args.out.display(),
        args.out.display()
    );
    if let Some(members) = report.json.as_object_mut() {
        members.insert("file".to_owned(), json!(args.out));
        members.insert("bytes".to_owned(), json!(size));
    }
    Ok(report)
}

/// Writes the bundle of some issuers; gives its height and size.
pub(crate) fn of_issuers(session: &Session, issuers: &[String], out: &Path) -> Result<(u64, u64)> {
    let args =
        ExportArgs { issuers: issuers.to_vec(), out: out.to_owned(), ..ExportArgs::default() };
    let report = export(session, &args)?;
    let number = |name: &str| report.json.get(name).and_then(Json::as_u64).unwrap_or(0);
    Ok((number("height"), number("bytes")))
}

fn params(args: &ExportArgs) -> Result<BundleParams> {
    let credential = match &args.evidence {
        None => None,
        Some(argument) => match input::read(argument)? {
            // as a value it would lose a member that stands twice
            Input::Credential(text) => Some(Json::String(text)),
            _ => return Err(CommandError::usage(format!("{argument} is no credential"))),
        },
    };
    let receipts: Result<Vec<Object>> = args
        .receipt
        .iter()
        .map(|path| {
            let receipt = document::read_json(path)?.as_object().cloned();
            receipt.ok_or_else(|| CommandError::usage(format!("{} is no receipt", path.display())))
        })
        .collect();
    Ok(BundleParams {
        issuers: args.issuers.clone(),
        types: args.types.clone(),
        cc: args.cc.clone(),
        recognition: args.recognition.clone(),
        lists: if credential.is_some() { None } else { Some(!args.no_lists) },
        anchors: args.anchors.clone(),
        height: args.height,
        credential,
        jurisdiction: args.jurisdiction.clone(),
        receipts: receipts?,
    })
}

/// What a bundle holds, and whether its proof leads to the genesis; exit code 3 if not.
pub(crate) fn judge(session: &Session, bytes: &[u8], genesis: &Genesis) -> Result<Report> {
    let bundle = offline::open(bytes, genesis, 0).map_err(|error| {
        CommandError::new(Kind::NotProven, format!("not usable: {error}"))
            .named("STATE_PROOF_INVALID")
    })?;
    let trust = bundle.trust();
    let proven = trust.proof_code == "OK";
    let kind = bundle::kind_of(bytes).unwrap_or(bundle::BUNDLE);
    let age_s = now_ms().saturating_sub(trust.time_ms) / 1_000;
    let (word, tone) = if proven { ("PROVEN", Tone::Good) } else { ("NOT PROVEN", Tone::Bad) };
    let mut lines = vec![format!("{}  {kind}", session.output.paint(tone, word))];
    if !proven {
        let code = trust.proof_code;
        lines.push(format!(" {code}   titian explain {code}"));
    }
    lines.push(format!(
        " as of height {}, {} ({} old) on {}",
        trust.height,
        rfc3339(trust.time_ms),
        age_text(age_s),
        trust.chain
    ));
    let kinds = bundle.kinds();
    lines.extend(kinds.iter().map(|(kind, count)| format!(" {count:>7}  {kind}")));
    if kind == EVIDENCE {
        let receipts = bundle.receipts().len();
        lines.push(format!(" one credential, {receipts} receipts: titian verify judges it"));
    }
    let json = json!({
        "proven": proven,
        "code": trust.proof_code,
        "kind": kind,
        "chain": trust.chain,
        "sandbox": trust.sandbox,
        "genesis": genesis.hash.to_string(),
        "height": trust.height,
        "time": rfc3339(trust.time_ms),
        "ageSeconds": age_s,
        "objects": kinds,
        "receipts": bundle.receipts().len(),
    });
    let exit = if proven { 0 } else { Kind::NotProven.exit_code() };
    Ok(Report::new(lines.join("\n"), json).exit(exit))
}
