//! `titian etr bundle`: several acts, all or nothing (etr.md §6.7).
//!
//! Acts come from files that `--draft` of the verbs wrote, or from lists of `{act, id, args, ack}`. A
//! text `@N` in the arguments stands for the record of the N-th act, counted from 1. Each act that
//! brings in another party seals the content to it, as the act alone does.

use std::path::{Path, PathBuf};

use serde_json::json;
use titian_api::etr::{BundledAct, PrepareParams};
use titian_api::{Call as _, Object, Prepared, Signer, call};
use titian_contracts::etr::bundle::digest_of;
use titian_contracts::json::Value;
use titian_contracts::op::{Op, Register};

use super::handover::{self, Deed, Faces, Given, Handover};
use super::unseen::{self, UnseenArgs};
use crate::act::{self, FrameArgs, SigningArgs, Unsigned};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, Tone};
use crate::session::Session;
use crate::wallet::KeyRef;

/// Arguments of `bundle`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Acts in order: drafts, or lists of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Content file that is sealed to those whom an act on its record brings in; repeat it
    /// [default: those in the working directory, else what the node holds for you]
    #[arg(long, value_name = "FILE", help_heading = "Content")]
    content: Vec<PathBuf>,
    /// Do not seal contents to those whom the acts bring in
    #[arg(long, conflicts_with = "content", help_heading = "Content")]
    no_seal: bool,
    #[command(flatten)]
    unseen: UnseenArgs,
    #[command(flatten)]
    frame: FrameArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

/// Writes an act for a bundle.
pub(super) fn write_draft(
    path: &Path,
    act: &str,
    id: Option<&str>,
    args: &Value,
    frame: &FrameArgs,
) -> Result<Report> {
    let ack = frame.ack.iter().map(|text| Value::from(text.as_str())).collect();
    let draft = Value::object([
        ("act", Value::from(act)),
        ("id", Value::from(id.map(Value::from))),
        ("args", args.clone()),
        ("ack", Value::List(ack)),
    ]);
    document::write(path, &format!("{}\n", draft.to_jcs()))?;
    let text = format!("draft in {}; next: titian etr bundle {} …", path.display(), path.display());
    Ok(Report::new(text, json!({ "status": "draft", "file": path, "id": id })))
}

fn read(files: &[PathBuf]) -> Result<Vec<BundledAct>> {
    let mut drafts = Vec::new();
    for path in files {
        match document::read_value(path)? {
            Value::List(items) => drafts.extend(items),
            value => drafts.push(value),
        }
    }
    let ids: Vec<Option<String>> = drafts
        .iter()
        .map(|draft| draft.get("id").and_then(Value::as_text).map(str::to_owned))
        .collect();
    let acts = drafts.iter().map(|draft| {
        let draft = filled(draft, &ids)?;
        serde_json::from_value(document::to_json(&draft)).map_err(|error| {
            CommandError::usage(format!("an act of a bundle is {{act, id, args, ack}}: {error}"))
        })
    });
    acts.collect()
}

/// The value with `@N` replaced by the id of the N-th act.
fn filled(value: &Value, ids: &[Option<String>]) -> Result<Value> {
    Ok(match value {
        Value::Text(text) => match text.strip_prefix('@').and_then(|n| n.parse::<usize>().ok()) {
            Some(number) => {
                let id = number.checked_sub(1).and_then(|index| ids.get(index)).cloned().flatten();
                let unknown = || CommandError::usage(format!("{text} stands for no record"));
                Value::from(id.ok_or_else(unknown)?)
            }
            None => value.clone(),
        },
        Value::List(items) => {
            Value::List(items.iter().map(|item| filled(item, ids)).collect::<Result<_>>()?)
        }
        Value::Object(members) => Value::object(
            members
                .iter()
                .map(|(name, member)| Ok((name.clone(), filled(member, ids)?)))
                .collect::<Result<Vec<_>>>()?,
        ),
        other => other.clone(),
    })
}

/// Runs `titian etr bundle`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let acts = read(&args.files)?;
    let prepared = prepare(session, &acts, args)?;
    let ops = check(session, &acts, &prepared, &args.signing.signers)?;
    if let Some(refusal) = &prepared.fails {
        return Err(act::refused(refusal, &json!({ "dryRun": args.signing.dry_run })));
    }
    if !prepared.checked {
        // who signs which op is not told to strangers
        let message = "a bundle is put together by who is a party to each of its records";
        return Err(CommandError::refused(message)
            .named("FORBIDDEN")
            .hint("--as PARTY; whom a record is offered to is a party to it"));
    }
    if args.signing.dry_run {
        let mut json = serde_json::to_value(&prepared).unwrap_or_default();
        crate::review::with_review(&mut json, Some(reviews(&ops)));
        let of_each = std::iter::once(prepared.verdicts.as_deref().unwrap_or_default())
            .chain(prepared.bundled.iter().map(|op| op.verdicts.as_slice()));
        let mut lines = Vec::new();
        for (op, said) in ops.iter().zip(of_each) {
            lines.extend(crate::review::lines(op));
            lines.extend(said.iter().map(crate::review::verdict_line));
        }
        let ok = session.output.paint(Tone::Good, "ok");
        lines.push(format!("{ok} the bundle would be applied now"));
        return Ok(Report::new(lines.join("\n"), json));
    }
    let wallet = session.wallet()?;
    wallet.check_chain(session.chain()?)?;
    let handovers = hand_over(session, &ops, args)?;
    let signed = sign_all(session, &wallet, ops, &args.signing);
    let outcome = signed.and_then(|signed| finish(session, signed, args));
    handover::finish_with_list(session, &handovers, outcome)
}

/// Opens the contents that are accepted, and seals those that go to others with an act. Of an error
/// no envelope is left: nothing was sent yet.
fn hand_over(session: &Session, ops: &[Unsigned], args: &Args) -> Result<Vec<Handover>> {
    let (mut handovers, mut faces) = (Vec::new(), Faces::default());
    for op in ops {
        match hand_over_one(session, op, args, &mut faces) {
            Ok(handover) => handovers.extend(handover),
            Err(error) => {
                handover::drop_all(session, &handovers);
                return Err(error);
            }
        }
    }
    Ok(handovers)
}

fn hand_over_one(
    session: &Session,
    op: &Unsigned,
    args: &Args,
    faces: &mut Faces,
) -> Result<Option<Handover>> {
    let text = |name: &str| op.value.get(name).and_then(Value::as_text).unwrap_or_default();
    // who is named and signs this act, hands over with it
    let signs = |key: &&KeyRef| op.needs.iter().any(|need| act::fits(&need.party, &key.party));
    let own = args.signing.asker().is_some();
    let party = args.signing.signers.iter().find(signs).filter(|_| own);
    let (act, id) = (text("act"), text("id"));
    if act == "accept" {
        unseen::before_accept(session, id, &args.unseen, args.signing.mandate.as_ref(), party)?;
    }
    let Some(op_args) = op.value.get("args").filter(|_| !args.no_seal) else { return Ok(None) };
    let deed = Deed { act, id, args: op_args, party };
    handover::prepare(session, deed, Given::Among(&args.content), faces)
}

/// Asks for a dry run; with `--ack-all` once more with the warnings that it found.
fn prepare(session: &Session, acts: &[BundledAct], args: &Args) -> Result<Prepared> {
    if acts.len() < 2 {
        return Err(CommandError::usage("a bundle has 2 to 32 acts"));
    }
    let signer = args.signing.signers.first();
    let subject =
        acts.iter().filter(|act| !act.act.starts_with("issue")).find_map(|a| a.id.clone());
    let capability = match (session.wallet(), signer, &subject) {
        (Ok(wallet), Some(key), Some(id)) => {
            act::capability(session, &wallet, key, call::EtrPrepare::NAME, id)?
        }
        _ => None,
    };
    let place = match (&args.frame.place, signer) {
        (Some(place), _) => place.clone(),
        (None, Some(key)) => act::default_place(&key.party).to_owned(),
        (None, None) => {
            return Err(CommandError::usage("where is this done?").hint("--place SGSIN, or --as"));
        }
    };
    let rulebook = args.frame.rulebook.as_deref();
    let ask = |acks: &[Vec<String>]| {
        let with_acks = acts.iter().zip(acks);
        let asked: Vec<BundledAct> =
            with_acks.map(|(act, more)| acknowledging(act, more)).collect();
        let mut rest = asked.clone();
        let first = rest.remove(0);
        let prepared = session.client()?.ask::<call::EtrPrepare>(&PrepareParams {
            act: first.act,
            args: first.args,
            id: first.id,
            rulebook: rulebook.map(str::to_owned),
            place: Some(place.clone()),
            ack: Some(first.ack),
            blind: Some(act::random_hex::<16>()),
            bundle_with: rest,
            capability: capability.clone(),
        })?;
        let ops = std::iter::once(&prepared.op).chain(prepared.bundled.iter().map(|op| &op.op));
        let same = |(op, wanted): (&Object, &BundledAct)| {
            act::is_framed(op, &wanted.ack, &place, rulebook)
        };
        if ops.zip(&asked).all(same) { Ok(prepared) } else { Err(hostile()) }
    };
    let mut acks: Vec<Vec<String>> = vec![Vec::new(); acts.len()];
    // each op asks the law by itself, and a dry run ends with the first that fails
    for _ in 0..acts.len() {
        let prepared = ask(&acks)?;
        let unasked = prepared.fails.as_ref().filter(|f| f.data.name == "LEGAL_ACK_REQUIRED");
        let (Some(fails), true) = (unasked, args.frame.ack_all) else { return Ok(prepared) };
        let field = fails.data.field.clone().unwrap_or_default();
        let index =
            field.strip_prefix("/ops/").and_then(|rest| rest.split('/').next()?.parse().ok());
        let Some(index) = index.filter(|index: &usize| *index < acts.len()) else {
            return Ok(prepared);
        };
        // those of the acts before stand first, and are what these acknowledge
        let before = acts.iter().zip(&acks).take(index);
        let before = before.map(|(act, more)| acknowledging(act, more).ack.len()).sum();
        acks[index] = act::legal_warnings(&prepared.warnings).into_iter().skip(before).collect();
    }
    ask(&acks)
}

/// An act that acknowledges more.
fn acknowledging(act: &BundledAct, more: &[String]) -> BundledAct {
    let mut ack = [act.ack.as_slice(), more].concat();
    ack.sort();
    ack.dedup();
    BundledAct { ack, ..act.clone() }
}

fn hostile() -> CommandError {
    CommandError::refused("the node prepared another bundle than the one asked for")
        .hint("it is broken or hostile: use another one with --node")
}

/// The ops, after checking that they are those that were asked for and name one bundle.
fn check(
    session: &Session,
    acts: &[BundledAct],
    prepared: &Prepared,
    signers: &[KeyRef],
) -> Result<Vec<Unsigned>> {
    let first = (&prepared.op, &prepared.op_digest, &prepared.signers);
    let others = prepared.bundled.iter().map(|op| (&op.op, &op.op_digest, &op.signers));
    let mut values = Vec::new();
    for ((op, digest, needs), act) in std::iter::once(first).chain(others).zip(acts) {
        let value = document::from_json(&serde_json::Value::Object(op.clone()))?
            .with("sigs", Value::List(Vec::new()));
        let text = |name: &str| value.get(name).and_then(Value::as_text).unwrap_or_default();
        let args = document::from_json(&serde_json::Value::Object(act.args.clone()))?;
        let same = text("register") == "etr"
            && text("chain") == session.chain()?
            && text("act") == act.act
            && act.id.as_ref().is_none_or(|id| text("id") == id)
            && value.get("args") == Some(&args);
        let own = titian_contracts::op::digest_of(Register::Etr, &value).to_string();
        if !same || own != *digest {
            return Err(hostile());
        }
        values.push((value, needs.clone()));
    }
    let ops: Vec<Op> = values
        .iter()
        .map(|(value, _)| Op::from_value(value.clone()))
        .collect::<std::result::Result<_, _>>()
        .map_err(|reject| CommandError::from_reject(Kind::Refused, &reject))?;
    let bundle = Value::from(digest_of(&ops));
    if ops.len() != acts.len() || ops.iter().any(|op| op.value.get("bundle") != Some(&bundle)) {
        return Err(hostile());
    }
    let unsigned = |(value, needs): (Value, Vec<Signer>)| Unsigned {
        // of several acts on one record the first finds it as it stands
        record: crate::review::record_of(session, &value, signers.first()),
        value,
        register: Register::Etr,
        needs,
        warnings: prepared.warnings.clone(),
    };
    Ok(values.into_iter().map(unsigned).collect())
}

/// Signs each op with the keys it needs, after the whole was shown.
fn sign_all(
    session: &Session,
    wallet: &crate::wallet::Wallet,
    mut ops: Vec<Unsigned>,
    signing: &SigningArgs,
) -> Result<Vec<Unsigned>> {
    for (number, op) in (1..).zip(&mut ops) {
        session.output.step(&format!("act {number} of the bundle"));
        // named keys sign the ops that need them
        let needed = |signatory: &act::Signatory<'_>| {
            let by =
                |need: &Signer| need.party.is_empty() || act::fits(&need.party, signatory.party());
            op.needs.iter().any(by)
        };
        let mut keys = act::signatories(session, wallet, op, signing)?;
        keys.retain(needed);
        if keys.is_empty() {
            continue;
        }
        act::approve(session.output, op, &keys, signing.yes)?;
        act::sign(op, &keys)?;
    }
    Ok(ops)
}

/// What was shown of each act.
fn reviews(ops: &[Unsigned]) -> serde_json::Value {
    serde_json::Value::Array(ops.iter().filter_map(crate::review::to_json).collect())
}

fn finish(session: &Session, ops: Vec<Unsigned>, args: &Args) -> Result<Report> {
    let seen = reviews(&ops);
    let missing: Vec<String> = ops.iter().flat_map(act::missing).collect();
    let list =
        Value::object([("ops", Value::List(ops.iter().map(|op| op.value.clone()).collect()))]);
    let wait = !args.signing.no_wait;
    if missing.is_empty() {
        let submitted = act::submit(session, "bundle", Register::Etr, list, wait)?;
        let mut report = act::receipt_report(session.output, &submitted)?;
        crate::review::with_review(&mut report.json, Some(seen));
        return Ok(report);
    }
    if let Some(path) = &args.signing.out {
        document::write(path, &format!("{}\n", list.to_jcs()))?;
    }
    let lacking = missing.join(", ");
    if args.frame.stage {
        let until = ops.first().map(act::stage_until).unwrap_or(Value::Null);
        let payload = Value::object([("op", list), ("untilMs", until)]);
        let submitted = act::submit(session, "stage", Register::Etr, payload, wait)?;
        let mut report = act::receipt_report(session.output, &submitted)?;
        if act::waits(&report.json) {
            report.text = format!("{}\nnext, the others: titian etr cosign ID", report.text);
        }
        crate::review::with_review(&mut report.json, Some(seen));
        return Ok(report);
    }
    if let Some(path) = &args.signing.out {
        let mark = session.output.paint(Tone::Warn, "not complete:");
        let file = path.display();
        let text = format!(
            "{mark} the ops are in {file}; they still lack: {lacking}\nnext: titian etr stage {file}"
        );
        let mut json = json!({ "status": "incomplete", "file": path, "missing": missing });
        crate::review::with_review(&mut json, Some(seen));
        return Ok(Report::new(text, json));
    }
    Err(CommandError::refused(format!("the bundle still lacks: {lacking}"))
        .named("MISSING_SIGNER")
        .hint("--stage keeps it on the ledger for the others, who run: titian etr cosign ID"))
}
