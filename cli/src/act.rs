//! The one way of every act: build, show, sign, submit, receipt.
//!
//! Invariant: what is signed is a digest that this program computed over the op it showed. A node
//! may suggest an op (etr), but one that differs from what was asked for is refused. Nothing is
//! signed unseen: a person says yes, or the caller said `--yes`.

mod frame;
mod signing;

use std::path::{Path, PathBuf};

use serde_json::json;
use titian_api::ledger::{Receipt, Submission, SubmitParams, Submitted, TransactionInput};
use titian_api::{Call as _, PrepareParams, Prepared, Signer, call, etr};
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::op::{self, Register};
use titian_contracts::transaction::Transaction;

use crate::command::explain::remedy;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Output, Report, Tone};
use crate::review;
use crate::session::Session;
use crate::wallet::{KeyRef, Wallet};
use frame::sorted;
use signing::need_text;

pub(crate) use frame::{FrameArgs, default_place, is_framed, legal_warnings};
pub(crate) use signing::{
    MandateRef, Signatory, choose_keys, fits, missing, named, sign, signatories,
};

/// How often a busy node is asked again, each time after the delay it names.
const BUSY_ATTEMPTS: u32 = 5;
const BUSY_DELAY_MS_MAX: u64 = 5_000;

/// Options of every act.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct SigningArgs {
    /// Key that signs; repeat it for a quorum [default: keys of the wallet that the act needs]
    #[arg(long = "as", value_name = "PARTY[#kN]", help_heading = "Signing")]
    pub(crate) signers: Vec<KeyRef>,
    /// Sign as agent for this party, under its mandate N or the newest that fits
    #[arg(long, value_name = "PRINCIPAL[#N]", requires = "signers", help_heading = "Signing")]
    pub(crate) mandate: Option<MandateRef>,
    /// Sign without asking
    #[arg(short, long, help_heading = "Signing")]
    pub(crate) yes: bool,
    /// Check the act against the ledger, sign and send nothing
    #[arg(long, help_heading = "Signing")]
    pub(crate) dry_run: bool,
    /// Write the op here if it still lacks signatures
    #[arg(short, long = "out", value_name = "FILE", help_heading = "Signing")]
    pub(crate) out: Option<PathBuf>,
    /// Do not wait for the receipt
    #[arg(long, help_heading = "Signing")]
    pub(crate) no_wait: bool,
}

/// An act that is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// The register.
    pub(crate) register: Register,
    /// The act, with `_`.
    pub(crate) act: String,
    /// Its arguments, an object.
    pub(crate) args: Value,
    /// The record of an etr act.
    pub(crate) id: Option<String>,
    /// The frame of an etr act.
    pub(crate) frame: FrameArgs,
}

impl Draft {
    /// An act of a register with the five common members.
    pub(crate) fn new(register: Register, act: &str, args: Value) -> Self {
        Self { register, act: act.to_owned(), args, id: None, frame: FrameArgs::default() }
    }

    /// An act on a record.
    pub(crate) fn on_record(act: &str, id: Option<&str>, args: Value, frame: FrameArgs) -> Self {
        let id = id.map(str::to_owned);
        Self { register: Register::Etr, act: act.to_owned(), args, id, frame }
    }
}

/// An op before it is complete, with what the ledger says about it.
#[derive(Clone, Debug)]
pub(crate) struct Unsigned {
    /// The op, with the signatures it has.
    pub(crate) value: Value,
    /// Its register.
    pub(crate) register: Register,
    /// The signers it needs.
    pub(crate) needs: Vec<Signer>,
    /// Warnings.
    pub(crate) warnings: Vec<String>,
    /// The record it is about, as the op names it, in the shape of `etr_get`; of acts on a proposal in
    /// that of `gov_proposal`.
    pub(crate) record: Option<serde_json::Value>,
}

impl Unsigned {
    /// What signers sign, computed here.
    pub(crate) fn digest(&self) -> titian_contracts::digest::Digest {
        op::digest_of(self.register, &self.value)
    }
}

/// Performs an act: all of the way, or as far as the options say.
pub(crate) fn perform(session: &Session, draft: &Draft, signing: &SigningArgs) -> Result<Report> {
    perform_on(session, draft, signing, None)
}

/// The same, with what the person is to see of its subject before signing if that is no record: in the
/// shape of the answer about it.
pub(crate) fn perform_on(
    session: &Session,
    draft: &Draft,
    signing: &SigningArgs,
    subject: Option<serde_json::Value>,
) -> Result<Report> {
    if signing.dry_run {
        return dry_run(session, draft, signing);
    }
    let wallet = session.wallet()?;
    wallet.check_chain(session.chain()?)?;
    let mut unsigned = build(session, draft, &wallet, &signing.signers)?;
    unsigned.record = subject.or(unsigned.record);
    finish(session, &wallet, unsigned, signing, draft.frame.stage, signing.out.as_deref())
}

/// Shows, signs and submits an op, or writes it to a file while it lacks signatures.
pub(crate) fn finish(
    session: &Session,
    wallet: &Wallet,
    mut unsigned: Unsigned,
    signing: &SigningArgs,
    stage: bool,
    out: Option<&Path>,
) -> Result<Report> {
    let keys = if unsigned.register == Register::Etr && takes_no_signature(act_of(&unsigned)) {
        Vec::new()
    } else {
        signatories(session, wallet, &unsigned, signing)?
    };
    approve(session.output, &unsigned, &keys, signing.yes)?;
    sign(&mut unsigned, &keys)?;
    let seen = review::to_json(&unsigned);
    let missing = missing(&unsigned);
    // who is no party yet is not told who else must sign; a complete op is carried out when it is staged
    let untold = stage && unsigned.needs.is_empty() && !keys.is_empty();
    if missing.is_empty() && !untold {
        let submitted = submit(session, "op", unsigned.register, unsigned.value, !signing.no_wait)?;
        let mut report = receipt_report(session.output, &submitted)?;
        review::with_review(&mut report.json, seen);
        return Ok(report);
    }
    if stage {
        let bytes =
            Value::object([("op", unsigned.value.clone()), ("untilMs", stage_until(&unsigned))]);
        if let Some(path) = out {
            document::write(path, &format!("{}\n", unsigned.value.to_jcs()))?;
        }
        let submitted = submit(session, "stage", unsigned.register, bytes, !signing.no_wait)?;
        let mut report = receipt_report(session.output, &submitted)?;
        if waits(&report.json) {
            let id = unsigned.value.get("id").and_then(Value::as_text).unwrap_or_default();
            let next = format!("next, the others: titian etr cosign {id} --as PARTY");
            report.text = format!("{}\n{next}", report.text);
        }
        review::with_review(&mut report.json, seen);
        return Ok(report);
    }
    let lacking = missing.join(", ");
    let Some(path) = out else {
        let name =
            if unsigned.register == Register::Etr { "MISSING_SIGNER" } else { "QUORUM_MISSING" };
        return Err(CommandError::refused(format!("the op still lacks: {lacking}"))
            .named(name)
            .hint("--as PARTY#kN names another key of this wallet")
            .hint("-o op.json writes the op for the others, who run: titian key cosign op.json"));
    };
    document::write(path, &format!("{}\n", unsigned.value.to_jcs()))?;
    let text = format!(
        "{} the op is in {}; it still lacks: {lacking}\nnext: titian key cosign {}",
        session.output.paint(Tone::Warn, "not complete:"),
        path.display(),
        path.display()
    );
    let digest = unsigned.digest().to_string();
    let mut json =
        json!({ "status": "incomplete", "file": path, "opDigest": digest, "missing": missing });
    review::with_review(&mut json, seen);
    Ok(Report::new(text, json))
}

fn act_of(unsigned: &Unsigned) -> &str {
    unsigned.value.get("act").and_then(Value::as_text).unwrap_or_default()
}

/// Whether what was staged waits for others, by its receipt: a complete op is carried out at once, and
/// its events are those of the act. Without a receipt that is not known, and it may wait.
pub(crate) fn waits(receipt: &serde_json::Value) -> bool {
    let events = receipt.get("events").and_then(serde_json::Value::as_array);
    let staged = |event: &serde_json::Value| document::text(event, "/name") == Some("etr.stage");
    events.is_none_or(|events| events.iter().any(staged))
}

/// A staged op waits at most 30 days; seven unless its deadline comes first.
pub(crate) fn stage_until(unsigned: &Unsigned) -> Value {
    let week = now_ms().saturating_add(7 * 86_400_000);
    let deadline = unsigned.value.get("args").and_then(|args| args.get("deadlineMs"));
    let limit = deadline.and_then(Value::as_int).and_then(|ms| u64::try_from(ms).ok());
    Value::from(limit.map_or(week, |limit| limit.min(week)))
}

/// Builds the op of a draft and asks the ledger what it needs.
pub(crate) fn build(
    session: &Session,
    draft: &Draft,
    wallet: &Wallet,
    signers: &[KeyRef],
) -> Result<Unsigned> {
    let prepared = prepare(session, draft, Some(wallet), signers)?;
    let value = check_prepared(session, draft, &prepared)?;
    if let Some(refusal) = &prepared.fails {
        return Err(refused(refusal, &json!({ "dryRun": true })));
    }
    let record = record_of(session, draft, &value, signers);
    Ok(Unsigned {
        value,
        register: draft.register,
        needs: prepared.signers,
        warnings: prepared.warnings,
        record,
    })
}

/// The record of an etr act, as the first signer sees it.
fn record_of(
    session: &Session,
    draft: &Draft,
    op: &Value,
    signers: &[KeyRef],
) -> Option<serde_json::Value> {
    let of_record = draft.register == Register::Etr && draft.id.is_some();
    of_record.then(|| review::record_of(session, op, signers.first())).flatten()
}

/// Asks the node for a dry run.
pub(crate) fn prepare(
    session: &Session,
    draft: &Draft,
    wallet: Option<&Wallet>,
    signers: &[KeyRef],
) -> Result<Prepared> {
    let client = session.client()?;
    let args = document::to_object(&draft.args);
    let act = draft.act.clone();
    let params = PrepareParams { act: act.clone(), args: args.clone() };
    match draft.register {
        Register::Access => return client.ask::<call::AccessPrepare>(&params),
        Register::Ubin => return client.ask::<call::UbinPrepare>(&params),
        Register::Vc => return client.ask::<call::VcPrepare>(&params),
        Register::Gov => return client.ask::<call::GovPrepare>(&params),
        Register::Etr => {}
    }
    let frame = &draft.frame;
    let subject = draft.id.clone().unwrap_or_default();
    let capability = match (wallet, signers.first()) {
        (Some(wallet), Some(key)) => {
            capability(session, wallet, key, call::EtrPrepare::NAME, &subject)?
        }
        _ => None,
    };
    let place = match (&frame.place, signers.first()) {
        (Some(place), _) => place.clone(),
        (None, Some(key)) => default_place(&key.party).to_owned(),
        (None, None) if takes_no_signature(&act) => {
            default_place(&home_of(session, &subject)?).to_owned()
        }
        (None, None) => {
            return Err(CommandError::usage("where is this done?").hint("--place SGSIN, or --as"));
        }
    };
    let ask = |ack: Vec<String>| {
        let prepared = client.ask::<call::EtrPrepare>(&etr::PrepareParams {
            act: act.clone(),
            args: args.clone(),
            id: draft.id.clone(),
            rulebook: frame.rulebook.clone(),
            place: Some(place.clone()),
            ack: Some(ack.clone()),
            blind: Some(random_hex::<16>()),
            bundle_with: Vec::new(),
            capability: capability.clone(),
        })?;
        // an act on consents has the five common members only
        let framed = !act.starts_with("consent_");
        if framed && !is_framed(&prepared.op, &ack, &place, frame.rulebook.as_deref()) {
            return Err(other_op());
        }
        // the op of a bundle does nothing alone: who asks for one act signs no other
        if prepared.op.get("bundle").is_some_and(|bundle| !bundle.is_null()) {
            return Err(other_op());
        }
        Ok(prepared)
    };
    let prepared = ask(sorted(&frame.ack))?;
    let asked = prepared.fails.as_ref().is_some_and(|f| f.data.name == "LEGAL_ACK_REQUIRED");
    if frame.ack_all && asked {
        // the warnings of the dry run are what must be acknowledged; they stand in the review
        return ask(sorted(&legal_warnings(&prepared.warnings)));
    }
    Ok(prepared)
}

/// Whether an act is a note that a time is over: anyone may make it, and nobody signs it. Who is named
/// with it only asks.
fn takes_no_signature(act: &str) -> bool {
    matches!(act, "expire" | "lapse")
}

/// The state where a record is at home.
fn home_of(session: &Session, id: &str) -> Result<String> {
    let params = etr::GetParams { id: id.to_owned(), ..etr::GetParams::default() };
    let record = serde_json::Value::Object(session.client()?.ask::<call::EtrGet>(&params)?);
    Ok(document::text(&record, "/public/home").unwrap_or_default().to_owned())
}

/// Shows the node, for one method, that a party to the record asks; nothing without a bound key.
pub(crate) fn capability(
    session: &Session,
    wallet: &Wallet,
    key: &KeyRef,
    method: &str,
    subject: &str,
) -> Result<Option<etr::Capability>> {
    let Ok(key) = wallet.find(key) else { return Ok(None) };
    if subject.is_empty() {
        return Ok(None);
    }
    let ms = now_ms();
    let (chain, node) = (session.chain()?, session.peer_id()?);
    let text = etr::CapabilityText { chain, node, method, subject, party: &key.party, ms };
    let signature = key.sign(&text.digest())?;
    Ok(Some(etr::Capability {
        party: signature.party,
        key: format!("k{}", signature.key),
        ms,
        sig: op::encode_base64(&signature.signature),
    }))
}

fn other_op() -> CommandError {
    CommandError::refused("the node prepared another op than the one asked for")
        .hint("it is broken or hostile: use another one with --node")
}

/// The op of a dry run, after checking that it is the one that was asked for.
fn check_prepared(session: &Session, draft: &Draft, prepared: &Prepared) -> Result<Value> {
    let value = document::from_json(&serde_json::Value::Object(prepared.op.clone()))?;
    let chain = session.chain()?;
    let text = |name: &str| value.get(name).and_then(Value::as_text).unwrap_or_default();
    let same = text("register") == draft.register.name()
        && text("act") == draft.act
        && text("chain") == chain
        && value.get("args") == Some(&draft.args)
        && draft.id.as_ref().is_none_or(|id| text("id") == id);
    if !same {
        return Err(other_op());
    }
    let value = value.with("sigs", Value::List(Vec::new()));
    let digest = op::digest_of(draft.register, &value);
    if digest.to_string() != prepared.op_digest {
        return Err(CommandError::refused("the node names another digest than this op has")
            .hint("it is broken or hostile: use another one with --node"));
    }
    Ok(value)
}

/// Exit code of a dry run that was not made: whether the op would be applied cannot be told.
const UNCHECKED: u8 = 5;

fn dry_run(session: &Session, draft: &Draft, signing: &SigningArgs) -> Result<Report> {
    let wallet = session.wallet().ok();
    let prepared = prepare(session, draft, wallet.as_ref(), &signing.signers)?;
    let value = check_prepared(session, draft, &prepared)?;
    let record = record_of(session, draft, &value, &signing.signers);
    let unsigned = Unsigned {
        value,
        register: draft.register,
        needs: prepared.signers.clone(),
        warnings: prepared.warnings.clone(),
        record,
    };
    let mut lines = review::lines(&unsigned);
    lines.extend(prepared.verdicts.iter().flatten().map(review::verdict_line));
    lines.extend(prepared.signers.iter().map(|need| format!("needs    {}", need_text(need))));
    let mut json = serde_json::to_value(&prepared).unwrap_or_default();
    if let Some(members) = json.as_object_mut() {
        members.insert("status".to_owned(), "dryRun".into());
        if let Some(review) = review::to_json(&unsigned) {
            members.insert("review".to_owned(), review);
        }
        if prepared.fails.is_some() {
            // an error repeats nothing of what was refused
            members.remove("op");
            members.remove("events");
        }
    }
    match &prepared.fails {
        Some(refusal) => {
            // which state warns or blocks, if it is the law that fails
            for said in prepared.verdicts.iter().flatten() {
                session.output.note(&review::verdict_line(said));
            }
            Err(refused(refusal, &json))
        }
        None if !prepared.checked => {
            let mark = session.output.paint(Tone::Warn, "not checked:");
            lines.push(format!("{mark} only a party to the record may try it (--as PARTY)"));
            Ok(Report::new(lines.join("\n"), json).exit(UNCHECKED))
        }
        None => {
            lines.push(format!("{} would be applied now", session.output.paint(Tone::Good, "ok")));
            Ok(Report::new(lines.join("\n"), json))
        }
    }
}

/// Shows the op and asks, unless `yes`. Acts on records are shown in any case: what they do is seen
/// before it is signed (etr-api.md §4).
pub(crate) fn approve(
    output: Output,
    unsigned: &Unsigned,
    keys: &[Signatory<'_>],
    yes: bool,
) -> Result<()> {
    if yes && unsigned.register != Register::Etr {
        return Ok(());
    }
    for line in review::lines(unsigned) {
        output.note(&line);
    }
    if yes {
        return Ok(());
    }
    for key in keys {
        output.note(&format!("signs        {}", key.label()));
    }
    if !Output::can_ask() {
        return Err(CommandError::usage("nobody can be asked whether to sign this")
            .hint("--yes signs without asking; --dry-run only checks"));
    }
    if output.confirm("Sign and send?") { Ok(()) } else { Err(CommandError::refused("not signed")) }
}

/// Sends a transaction; a busy node is asked again a few times.
pub(crate) fn submit(
    session: &Session,
    kind: &str,
    register: Register,
    payload: Value,
    wait: bool,
) -> Result<Submitted> {
    let bytes = Transaction::encode(kind, register, payload);
    Transaction::parse(&bytes).map_err(|reject| CommandError::from_reject(Kind::Usage, &reject))?;
    let text = String::from_utf8(bytes).map_err(|_| CommandError::bug("JSON is not UTF-8"))?;
    let params = SubmitParams { transaction: TransactionInput::Text(text), wait };
    let client = session.client()?;
    let mut attempt = 1;
    loop {
        match client.ask::<call::LedgerSubmit>(&params) {
            Err(error) if error.name.as_deref() == Some("BUSY") && attempt < BUSY_ATTEMPTS => {
                let named = error.data.as_ref().and_then(|data| data.get("retryAfterMs"));
                let delay = named.and_then(serde_json::Value::as_u64).unwrap_or(500);
                std::thread::sleep(std::time::Duration::from_millis(delay.min(BUSY_DELAY_MS_MAX)));
                attempt += 1;
            }
            other => return other,
        }
    }
}

/// What became of a transaction, as a report; a refusal is an error.
pub(crate) fn receipt_report(output: Output, submitted: &Submitted) -> Result<Report> {
    let id = submitted.tx_id.clone().unwrap_or_default();
    if let Some(receipt) = &submitted.receipt {
        return applied(output, receipt);
    }
    if let Some(refusal) = &submitted.error {
        return Err(refused(refusal, &json!({ "txId": id })));
    }
    match submitted.status {
        // whether it happened cannot be told yet: a script must not take it for done
        Submission::Pending => Ok(Report::new(
            format!(
                "{} {id}\nnext: titian ledger receipt {id}",
                output.paint(Tone::Warn, "pending")
            ),
            json!({ "status": "pending", "txId": id }),
        )
        .exit(Kind::Indeterminate.exit_code())),
        Submission::Executed | Submission::Refused => {
            Err(CommandError::bug("the node names no receipt and no reason"))
        }
    }
}

/// The report of a receipt.
pub(crate) fn applied(output: Output, receipt: &Receipt) -> Result<Report> {
    let json = serde_json::to_value(receipt).unwrap_or_default();
    if let Some(refusal) = &receipt.error {
        // the dry run passed: what was refused is who signed, or state moved on meanwhile
        return Err(refused(refusal, &json)
            .hint("signed again by the same keys, the same op gets this receipt again")
            .hint("once it can be applied, sign it by another key: --as PARTY#kN"));
    }
    let mut lines: Vec<String> = receipt
        .events
        .iter()
        .map(|event| {
            let done = output.paint(Tone::Good, "done");
            // what later acts quote: the id of a consent or challenge
            let id = event.data.get("id").and_then(serde_json::Value::as_str);
            let id = id.map(|id| format!("\nid {id}")).unwrap_or_default();
            format!("{done} {}  {}{id}", event.name, event.subject)
        })
        .collect();
    if lines.is_empty() {
        lines.push(output.paint(Tone::Good, "done"));
    }
    lines.push(format!("height {}, index {}, {}", receipt.height, receipt.index, receipt.tx_id));
    let warnings = receipt.warnings.iter();
    lines.extend(
        warnings.map(|warning| format!("{} {warning}", output.paint(Tone::Warn, "warning"))),
    );
    Ok(Report::new(lines.join("\n"), json))
}

/// The error of a refusal by a rule.
pub(crate) fn refused(refusal: &titian_api::Refusal, data: &serde_json::Value) -> CommandError {
    let text = refusal.to_string();
    let prefix = format!("{}: ", refusal.data.name);
    let message = text.strip_prefix(&prefix).unwrap_or(&text).to_owned();
    let error = CommandError::refused(message).with_data(data.clone());
    let error = match refusal.data.name.as_str() {
        "LEGAL_ACK_REQUIRED" => error.hint("--ack CC:VERDICT names each warning, --ack-all all"),
        name => match Code::by_name(name).and_then(remedy) {
            Some(remedy) => error.hint(remedy),
            None => error,
        },
    };
    error.named(&refusal.data.name)
}

/// The clock of this machine, ms.
pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// N random bytes in hex.
pub(crate) fn random_hex<const N: usize>() -> String {
    let mut bytes = [0_u8; N];
    rand::RngCore::fill_bytes(&mut rand::rngs::OsRng, &mut bytes);
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stages_a_complete_op_is_not_sent_to_others() {
        let receipt = |name: &str| json!({ "events": [{ "name": name, "subject": "etr_1" }] });
        assert!(waits(&receipt("etr.stage")));
        assert!(!waits(&receipt("etr.offer")), "it was carried out");
        assert!(waits(&json!({ "status": "pending" })), "not known yet");
    }

    #[test]
    fn nobody_signs_that_a_time_is_over() {
        for act in ["expire", "lapse"] {
            assert!(takes_no_signature(act), "{act}");
        }
        for act in ["offer", "unfreeze", "withdraw"] {
            assert!(!takes_no_signature(act), "{act}");
        }
    }
}
