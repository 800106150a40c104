//! `titian etr attest`: evidence that conditions and payments ask for (etr.md §6.7). A bank attests that a
//! payment was settled; the holder of a key that a `k_of_n` names signs the op that set the condition.
//!
//! Invariant: what is signed is shown before, and an op is signed only if its condition names the key.
//! The record itself is not read: an attester need not be party to it.

use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest as _, Sha256};
use titian_contracts::digest::Digest;
use titian_contracts::etr::attestation::{
    SETTLED, STATEMENT_TYPE, is_uetr, is_unit, statement_digest,
};
use titian_contracts::etr::condition::{self, Condition};
use titian_contracts::etr::content::is_record_id;
use titian_contracts::json::Value;
use titian_contracts::op::{Op, Register};
use titian_contracts::time::{self, Date};

use super::stage;
use crate::act::{self, Signatory, now_ms};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Output, Report};
use crate::session::Session;
use crate::wallet::{KeyRef, WalletKey};

/// Arguments of `attest`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The record
    id: String,
    /// The payment's reference from end to end (UETR), a UUID in lower case
    #[arg(long, value_name = "UUID")]
    #[arg(requires_all = ["unit", "amount", "settled", "message", "op"])]
    uetr: Option<String>,
    /// Its currency
    #[arg(long, value_name = "CODE", requires = "uetr")]
    unit: Option<String>,
    /// Its sum in units of the last decimal, as record and condition have it
    #[arg(long, value_name = "N", requires = "uetr")]
    amount: Option<u64>,
    /// When it was settled: 2026-11-28T10:15:00Z, or ms since 1970
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "uetr")]
    settled: Option<u64>,
    /// The message that reports it (pacs.002 or camt.054): its SHA-256 is stated, nothing else of it
    #[arg(long, value_name = "FILE", requires = "uetr")]
    message: Option<PathBuf>,
    /// Digest of the op that set the condition, or that named the attester: `pending.op` of the record
    #[arg(long, value_name = "DIGEST", value_parser = digest, requires = "uetr")]
    op: Option<Digest>,
    /// Sign this op instead, whose condition asks for k of n keys: a file, as `history --json` shows it
    #[arg(long, value_name = "FILE", required_unless_present = "uetr", conflicts_with = "uetr")]
    approve: Option<PathBuf>,
    /// Evidence of others that this one is added to
    #[arg(long, value_name = "FILE")]
    add: Option<PathBuf>,
    /// Key that signs; an attester's has the scope etr.attest
    #[arg(long = "as", value_name = "PARTY[#kN]")]
    party: KeyRef,
    /// Sign without asking
    #[arg(short, long)]
    yes: bool,
    /// Where to write the evidence
    #[arg(short, long = "out", value_name = "FILE")]
    out: PathBuf,
}

/// A time in ms since 1970, from RFC 3339 text in UTC with whole seconds, or from digits.
fn moment(text: &str) -> std::result::Result<u64, String> {
    let usage = || "a time is written 2026-11-28T10:15:00Z, or in ms since 1970".to_owned();
    if let Ok(ms) = text.parse() {
        return Ok(ms);
    }
    let read = |from: usize| text.get(from..from + 2).and_then(|two| two.parse::<u64>().ok());
    let date = text.get(..10).and_then(Date::parse).ok_or_else(usage)?;
    let (Some(hour), Some(minute), Some(second)) = (read(11), read(14), read(17)) else {
        return Err(usage());
    };
    let ms = date.start_ms() + ((hour * 60 + minute) * 60 + second) * 1000;
    // any other spelling, and an hour or minute that is none, comes out otherwise
    if time::rfc3339(ms) == text { Ok(ms) } else { Err(usage()) }
}

fn digest(text: &str) -> std::result::Result<Digest, String> {
    Digest::parse(text).ok_or_else(|| "a digest is b3: and 64 lower-case hex digits".to_owned())
}

/// Runs `titian etr attest`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    if !is_record_id(&args.id) {
        return Err(CommandError::usage("a record id is etr_ and 52 base32 characters"));
    }
    let mut items = args.add.as_deref().map_or_else(|| Ok(Vec::new()), evidence_in)?;
    let (what, item) = match &args.approve {
        Some(file) => ("approval", approval(session, args, file)?),
        None => ("attestation", attestation(session, args)?),
    };
    items.push(item);
    let evidence = Value::List(items);
    document::write(&args.out, &format!("{}\n", evidence.to_jcs()))?;
    let (file, id) = (args.out.display(), &args.id);
    let text = format!(
        "{what} in {file}; next, who accepts, enforces or pays: titian etr accept {id} --evidence {file}"
    );
    let json = json!({
        "kind": what, "id": id, "file": args.out, "evidence": document::to_json(&evidence),
    });
    Ok(Report::new(text, json))
}

/// The items of a file of evidence: a list, or one item alone.
fn evidence_in(path: &Path) -> Result<Vec<Value>> {
    match document::read_value(path)? {
        Value::List(items) => Ok(items),
        item @ Value::Object(_) => Ok(vec![item]),
        _ => Err(CommandError::usage("--add: a JSON list of evidence is expected")),
    }
}

/// The wallet's key, which must be of this network.
fn with_key<T>(
    session: &Session,
    args: &Args,
    sign: impl FnOnce(&WalletKey) -> Result<T>,
) -> Result<T> {
    let wallet = session.wallet()?;
    wallet.check_chain(session.chain()?)?;
    sign(wallet.find(&args.party)?)
}

/// The statement of a settled payment with the attester's signature.
fn attestation(session: &Session, args: &Args) -> Result<Value> {
    let statement = statement(args)?;
    with_key(session, args, |key| {
        confirm(session, args, key, &statement)?;
        let signature = key.sign(&statement_digest(&statement))?;
        Ok(signature.to_value().with("statement", statement))
    })
}

fn statement(args: &Args) -> Result<Value> {
    let (Some(uetr), Some(unit), Some(amount)) = (&args.uetr, &args.unit, args.amount) else {
        return Err(CommandError::usage("--uetr, --unit and --amount say which payment"));
    };
    let (Some(settled_ms), Some(message), Some(op)) = (args.settled, &args.message, args.op) else {
        return Err(CommandError::usage("--settled, --message and --op are needed"));
    };
    if !is_uetr(uetr) {
        return Err(CommandError::usage("--uetr: a UUID in lower case is expected"));
    }
    if !is_unit(unit) || amount == 0 {
        return Err(CommandError::usage("--unit is three capital letters, --amount more than 0"));
    }
    if settled_ms > now_ms() {
        return Err(CommandError::usage("--settled is ahead: nothing is settled before its time"));
    }
    let message = hex::encode(Sha256::digest(document::read(message)?));
    Ok(Value::object([
        ("amount", Value::from(amount.to_string())),
        ("messageDigest", Value::from(format!("sha256:{message}"))),
        ("opDigest", Value::from(op)),
        ("record", Value::from(args.id.as_str())),
        ("settledMs", Value::from(settled_ms)),
        ("status", Value::from(SETTLED)),
        ("type", Value::from(STATEMENT_TYPE)),
        ("uetr", Value::from(uetr.as_str())),
        ("unit", Value::from(unit.as_str())),
    ]))
}

/// Shows a statement and asks, unless `--yes`.
fn confirm(session: &Session, args: &Args, key: &WalletKey, statement: &Value) -> Result<()> {
    let settled = args.settled.map(time::rfc3339).unwrap_or_default();
    session.output.note(&format!("attests      a payment settled {settled}"));
    for (name, value) in statement.as_object().unwrap_or_default() {
        let shown = value.as_text().map_or_else(|| value.to_jcs(), str::to_owned);
        session.output.note(&format!("{name:<12} {shown}"));
    }
    session.output.note(&format!("signs        {}", key.label()));
    if args.yes {
        return Ok(());
    }
    if !Output::can_ask() {
        return Err(CommandError::usage("nobody can be asked whether to sign this")
            .hint("--yes signs without asking"));
    }
    let sure = session.output.confirm("Sign this statement?");
    if sure { Ok(()) } else { Err(CommandError::refused("not signed")) }
}

/// A signature over the op that set a condition, for one that names the key.
fn approval(session: &Session, args: &Args, file: &Path) -> Result<Value> {
    let op = Op::from_value(document::read_value(file)?)
        .map_err(|reject| CommandError::from_reject(Kind::Usage, &reject))?;
    let about = op.value.get("id").and_then(Value::as_text) == Some(args.id.as_str());
    if op.register != Register::Etr || !about || op.chain != session.chain()? {
        return Err(CommandError::usage("the op is none on this record of this network"));
    }
    let tree = ["conditions", "on"].iter().find_map(|name| op.args().get(name)).cloned();
    let tree = condition::read(&tree.unwrap_or(Value::Null), "/args")
        .map_err(|reject| CommandError::from_reject(Kind::Usage, &reject))?;
    with_key(session, args, |key| {
        let number = key.number.unwrap_or_default();
        if !tree.is_some_and(|tree| names(&tree, &key.party, number)) {
            let message = format!("no condition of the op asks for {}#k{number}", key.party);
            return Err(CommandError::usage(message));
        }
        let digest = op.digest;
        let shown = stage::unsigned(session, op.value, Some(&args.party));
        act::approve(session.output, &shown, &[Signatory::own(key)], args.yes)?;
        Ok(key.sign(&digest)?.to_value())
    })
}

/// Whether a `k_of_n` of a tree names a key.
fn names(tree: &Condition, party: &str, number: u64) -> bool {
    match tree {
        Condition::All(children) | Condition::Any(children) => {
            children.iter().any(|child| names(child, party, number))
        }
        Condition::KOfN { keys, .. } => keys.iter().any(|(of, no)| of == party && *no == number),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etr_a_time_is_read_as_it_is_written_and_in_no_other_spelling() {
        assert_eq!(moment("1970-01-01T00:00:00Z"), Ok(0));
        assert_eq!(moment("2026-07-01T02:11:09Z"), Ok(1_782_871_869_000));
        assert_eq!(moment("1782871869000"), Ok(1_782_871_869_000));
        for wrong in [
            "",
            "now",
            "-1",
            "2026-07-01",
            "2026-07-01T02:11Z",
            "2026-07-01 02:11:09Z",
            "2026-07-01T02:11:09",
            "2026-07-01T02:11:09+07:00",
            "2026-07-01T24:00:00Z",
            "2026-07-01T02:60:09Z",
            "2026-07-01T02:11:60Z",
            "2026-02-30T02:11:09Z",
            "2026-07-01T02:11:09Zä",
        ] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn etr_an_approval_is_for_a_key_that_the_condition_names() {
        let tree = r#"{"any":[{"after":{"ms":1}},{"all":[{"k_of_n":{"k":1,"keys":["VN-MST-0100233488-43#k2"]}}]}]}"#;
        let value = titian_contracts::json::parse(tree.as_bytes()).expect("I-JSON");
        let tree = condition::read(&value, "").expect("a tree").expect("a condition");
        assert!(names(&tree, "VN-MST-0100233488-43", 2));
        assert!(!names(&tree, "VN-MST-0100233488-43", 1));
        assert!(!names(&tree, "TH-JP-0105530041751-D9", 2));
    }
}
