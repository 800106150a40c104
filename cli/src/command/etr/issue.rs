//! `titian etr issue`: a content that stays here, and a record that commits to it.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};
use titian_api::{Nothing, call, ubin};
use titian_contracts::etr::content::record_id;
use titian_contracts::json::Value;
use titian_contracts::time::Date;

use super::super::ubin::canonical;
use super::content::{self, Fields};
use super::handover::{self, Deed, Faces, Given, NoSealArgs};
use super::{guide, known, typed, verbs};
use crate::act::{self, Draft, FrameArgs, SigningArgs};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;

/// Arguments of `issue`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Type of record, with @version or the newest [default: that of a DCSA or TradeTrust content]
    #[arg(long, value_name = "ID[@V]")]
    pub(super) profile: Option<String>,
    /// Number of the document, given by the issuer, used once [default: that in the content]
    #[arg(long = "ref", value_name = "REF")]
    pub(super) reference: Option<String>,
    /// Content: a JSON object, also a DCSA transport document or issuance request, or a TradeTrust
    /// document; stays on this machine
    #[arg(long, value_name = "FILE")]
    pub(super) content: Option<PathBuf>,
    /// Member of the content: text, or JSON; a sum with its decimals, as 125000.50; goes before the
    /// file; repeat it
    #[arg(long, value_name = "NAME=VALUE", value_parser = member)]
    pub(super) set: Vec<(String, String)>,
    /// Where to keep content and salts [default: the working directory]
    #[arg(long, value_name = "DIR")]
    pub(super) content_dir: Option<PathBuf>,
    /// Lot: number:unit:amount, for example 1:KGM:12000; repeat it [default: the sum in the content; the
    /// quantities of a DCSA or TradeTrust document]
    #[arg(long, value_name = "LOT", value_parser = lot)]
    pub(super) lot: Vec<Lot>,
    /// First holder: a UBIN, or JSON of a joint holder
    #[arg(long, value_name = "UBIN")]
    pub(super) to: Option<String>,
    /// Who owes performance [default: the first --as]
    #[arg(long, value_name = "UBIN")]
    pub(super) obligor: Option<String>,
    /// Title: to_order, bearer, named, none [default: the first one of the type]
    #[arg(long, value_name = "KIND", value_parser = ["to_order", "bearer", "named", "none"])]
    pub(super) title: Option<String>,
    /// Statute [default: that of the issuer's state]
    #[arg(long, value_name = "ID")]
    pub(super) regime: Option<String>,
    /// Due date of an instrument for money, or demand [default: that in the content]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(super) due: Option<String>,
    /// Who may attest payment; repeat it
    #[arg(long, value_name = "UBIN")]
    pub(super) attester: Vec<String>,
    /// Take a DCSA transport document that breaks the DCSA schema
    #[arg(long)]
    pub(super) unchecked: bool,
    /// Sign nothing; write the act here for `titian etr bundle`
    #[arg(long, value_name = "FILE")]
    pub(super) draft: Option<PathBuf>,
    #[command(flatten)]
    pub(super) seal: NoSealArgs,
    #[command(flatten)]
    pub(super) frame: FrameArgs,
    #[command(flatten)]
    pub(super) signing: SigningArgs,
}

/// What `issue-from-paper` takes besides.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PaperArgs {
    /// Serial of an original; repeat it for the full set
    #[arg(long = "serial", value_name = "SERIAL", required = true)]
    serials: Vec<String>,
    /// Who holds the paper now and attests that it is inoperative
    #[arg(long, value_name = "UBIN")]
    custodian: String,
    /// The custodian's attestation: its file, or its b3: digest
    #[arg(long, value_name = "FILE|DIGEST")]
    inoperative: String,
    /// The statement of the change of medium, CODE=FILE or CODE=DIGEST
    #[arg(long, value_name = "CODE=FILE")]
    statement: String,
}

impl PaperArgs {
    fn add(&self, args: Value) -> Result<Value> {
        let usage = || CommandError::usage("--statement is CODE=FILE or CODE=DIGEST");
        let (code, document) = self.statement.split_once('=').ok_or_else(usage)?;
        let serials = self.serials.iter().map(|serial| Value::from(serial.as_str())).collect();
        Ok(args
            .with("serials", Value::List(serials))
            .with("originals", Value::from(self.serials.len() as u64))
            .with("custodian", Value::from(canonical(&self.custodian)?))
            .with("inoperative", Value::from(verbs::digest_of(&self.inoperative)?))
            .with("statement", verbs::statement(code, verbs::digest_of(document)?)))
    }
}

/// Reads `NAME=VALUE`. What the value is depends on the type of the record.
fn member(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is expected".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A lot of goods, or a sum.
#[derive(Clone, Debug)]
pub(crate) struct Lot {
    /// Its code.
    pub(super) number: String,
    /// Its unit.
    pub(super) unit: String,
    /// Decimals.
    pub(super) scale: u64,
    /// Units of the last decimal.
    pub(super) amount: String,
}

impl Lot {
    /// The lot as it stands in ops.
    pub(super) fn to_value(&self) -> Value {
        Value::object([
            ("amount", Value::from(self.amount.as_str())),
            ("lot", Value::from(self.number.as_str())),
            ("scale", Value::from(self.scale)),
            ("unit", Value::from(self.unit.as_str())),
        ])
    }
}

/// Reads `number:unit:amount`; digits after the point become the scale.
pub(super) fn lot(text: &str) -> std::result::Result<Lot, String> {
    let usage = || "a lot is number:unit:amount, for example 1:KGM:12000".to_owned();
    let mut parts = text.split(':');
    let (Some(number), Some(unit), Some(amount), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(usage());
    };
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let digits = format!("{whole}{fraction}");
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    if digits.is_empty() || whole.is_empty() || !plain || fraction.len() > 6 {
        return Err(usage());
    }
    let amount: u64 = digits.parse().map_err(|_| usage())?;
    Ok(Lot {
        number: number.to_owned(),
        unit: unit.to_owned(),
        scale: fraction.len() as u64,
        amount: amount.to_string(),
    })
}

/// The sum that a content states where its type binds one: the ledger compares the two. Nothing where it
/// states none. Errors: it is no sum, or no text.
pub(super) fn stated_sum(fields: &Fields, content: &Map<String, Json>) -> Result<Vec<Lot>> {
    let of = |by: &str| fields.stated_json(by, content);
    let Some((amount, unit)) = of("amount").zip(of("unit")) else { return Ok(Vec::new()) };
    let read = |amount: &str, unit: &str| lot(&format!("1:{unit}:{amount}")).ok();
    let texts = amount.as_str().filter(|text| typed::is_sum(text)).zip(unit.as_str());
    let lot = texts.and_then(|(amount, unit)| read(amount, unit)).ok_or_else(|| {
        CommandError::usage(format!("the content states {amount} {unit}, which is no sum")).hint(
            "a sum is text such as \"78945.23\", with at most 6 decimals; its unit is text such as \"SGD\"",
        )
    })?;
    Ok(vec![lot])
}

/// What an issue needs to know besides its options; shared with the demo.
pub(crate) struct Issue<'a> {
    /// The profile.
    pub(crate) fields: &'a Fields,
    /// The number.
    pub(crate) reference: &'a str,
    /// The issuer and obligor.
    pub(crate) obligor: &'a str,
    /// The first holder: a UBIN, or a joint holder.
    pub(crate) to: &'a Value,
    /// Kind of title.
    pub(crate) title: &'a str,
    /// The statute.
    pub(crate) regime: &'a str,
    /// The lots.
    pub(crate) lots: Vec<Value>,
    /// Due, ms.
    pub(crate) due_ms: Option<u64>,
}

impl Issue<'_> {
    /// The arguments of the act.
    pub(crate) fn to_args(&self, committed: &content::Committed) -> Value {
        let mut title = vec![("kind", Value::from(self.title))];
        if matches!(self.title, "to_order" | "named") {
            title.push(("party", self.to.clone()));
        }
        Value::object([
            ("dueMs", Value::from(self.due_ms)),
            ("leaves", committed.leaves.clone()),
            ("lots", Value::List(self.lots.clone())),
            ("obligor", Value::from(self.obligor)),
            ("open", committed.open.clone()),
            ("profile", Value::from(self.fields.profile.as_str())),
            ("ref", Value::from(self.reference)),
            ("regime", Value::from(self.regime)),
            ("title", Value::object(title)),
            ("to", self.to.clone()),
        ])
    }
}

/// The statute of a state, or the contract under its rulebook.
pub(crate) fn default_regime(ubin: &str) -> String {
    match ubin.get(..2) {
        Some("SG") => "SG-ETA-2A".to_owned(),
        Some(cc) => format!("CONTRACT-{cc}"),
        None => String::new(),
    }
}

/// A type of record as the node shows it: `id@version`, or `id` for the newest version of which records
/// may be issued.
pub(crate) fn profile(session: &Session, name: &str) -> Result<Fields> {
    let (id, version) = name.split_once('@').map_or((name, None), |(id, v)| (id, Some(v)));
    let answer = Json::Object(session.client()?.ask::<call::EtrProfiles>(&Nothing {})?);
    let items = answer.get("profiles").and_then(Json::as_array).into_iter().flatten();
    let version_of = |item: &Json| item.pointer("/profile/version").and_then(Json::as_u64);
    let open = |item: &Json| item.get("withdrawn").and_then(Json::as_bool) != Some(true);
    let found = items
        .filter(|item| document::text(item, "/profile/id") == Some(id))
        .filter(|item| version.is_none_or(|version| version_of(item) == version.parse().ok()))
        .max_by_key(|item| (open(item), version_of(item)))
        .and_then(|item| item.get("profile"));
    let found = found.ok_or_else(|| {
        CommandError::usage(format!("there is no type of record {name}"))
            .named("UNKNOWN_PROFILE")
            .hint("titian etr profiles")
    })?;
    Fields::of(found)
}

/// The entity of a registered business.
pub(crate) fn entity(session: &Session, ubin: &str) -> Result<String> {
    let params = ubin::GetParams { ubin: ubin.to_owned(), ..ubin::GetParams::default() };
    let answer = Json::Object(session.client()?.ask::<call::UbinGet>(&params)?);
    document::text(&answer, "/entity").map(str::to_owned).ok_or_else(|| {
        CommandError::refused(format!("{ubin} is not registered")).named("UBIN_UNKNOWN")
    })
}

/// Runs `titian etr issue` and `issue-from-paper`.
pub(super) fn run(session: &Session, args: &Args, paper: Option<&PaperArgs>) -> Result<Report> {
    let args = guide::complete(session, args)?;
    let wanted = Wanted::of(session, &args)?;
    let id = record_id(
        session.chain()?,
        &wanted.fields.series,
        &entity(session, &wanted.issuer)?,
        &wanted.reference,
    );
    let folder = args.content_dir.as_deref().unwrap_or(Path::new("."));
    let salts = content::earlier_salts(&content::path_of(folder, &id, 1), &wanted.content)?;
    let committed = wanted.fields.commit(wanted.content.clone(), &wanted.reference, &salts)?;
    let mut op_args = wanted.to_args(&committed);
    let act = if paper.is_some() { "issue_from_paper" } else { "issue" };
    if let Some(paper) = paper {
        op_args = paper.add(op_args)?;
    }
    let mut notes = wanted.notes.clone();
    let mut file = None;
    if !args.signing.dry_run {
        let path = committed.write(folder, &id, &wanted.fields.profile)?;
        notes.push(format!("content and salts: {} (keep it)", path.display()));
        file = Some(path);
    }
    let mut report = match &args.draft {
        Some(path) => super::bundle::write_draft(path, act, Some(&id), &op_args, &args.frame)?,
        None => {
            let deed = Deed { act, id: &id, args: &op_args, party: args.signing.asker() };
            let keep = |child: &str| committed.write(folder, child, &wanted.fields.profile);
            perform(session, &args, deed, file.as_deref(), &mut notes, keep)?
        }
    };
    if let Some(members) = report.json.as_object_mut() {
        members.entry("id").or_insert_with(|| Json::from(id));
    }
    notes.insert(0, report.text);
    report.text = notes.join("\n");
    Ok(report)
}

/// Carries the act out, and seals the content to those who come to the record with it. What comes
/// back from paper has an id of its own, known once the op is: `keep` writes its content file.
fn perform(
    session: &Session,
    args: &Args,
    deed: Deed<'_>,
    file: Option<&Path>,
    notes: &mut Vec<String>,
    keep: impl FnOnce(&str) -> Result<PathBuf>,
) -> Result<Report> {
    let file = file.filter(|_| !args.seal.no_seal);
    let mut handover = match file {
        Some(file) => handover::prepare(session, deed, Given::This(file), &mut Faces::default())?,
        None => None,
    };
    let draft = Draft::on_record(deed.act, Some(deed.id), deed.args.clone(), args.frame.clone());
    let outcome = act::perform(session, &draft, &args.signing);
    let made = outcome.as_ref().ok().and_then(|report| made(&report.json, deed.act));
    if let Some(child) = made.filter(|child| child != deed.id) {
        let path = keep(&child)?;
        notes.push(format!("the record is {child}, its content and salts: {}", path.display()));
        if file.is_some() {
            handover = handover::of_child(session, Deed { id: &child, ..deed }, &path);
        }
    }
    match handover {
        Some(handover) => handover.finish(session, outcome),
        None => outcome,
    }
}

/// The record that an act made, from the events of its receipt.
fn made(receipt: &Json, act: &str) -> Option<String> {
    let events = receipt.get("events")?.as_array()?;
    let name = format!("etr.{act}");
    let event = events.iter().find(|event| document::text(event, "/name") == Some(&name))?;
    document::text(event, "/subject").map(str::to_owned)
}

/// Everything that an issue says, found from options and content.
struct Wanted {
    fields: Fields,
    content: Map<String, Json>,
    issuer: String,
    obligor: String,
    reference: String,
    to: Value,
    title: String,
    regime: String,
    lots: Vec<Value>,
    due_ms: Option<u64>,
    attesters: Vec<Value>,
    notes: Vec<String>,
}

impl Wanted {
    fn of(session: &Session, args: &Args) -> Result<Self> {
        let needed = |name: &str, hint: &str| {
            CommandError::usage(format!("--{name} is needed")).hint(hint.to_owned())
        };
        let json = match &args.content {
            Some(path) => document::read_json(path)?,
            None if args.set.is_empty() => {
                return Err(needed("content", "a JSON file, or --set NAME=VALUE for each member"));
            }
            None => Json::Object(Map::new()),
        };
        let known = known::recognise(json, args.unchecked)?;
        let profile_name = args.profile.clone().or_else(|| known.profile.map(str::to_owned));
        let profile_name = profile_name
            .ok_or_else(|| needed("profile", "titian etr profiles shows the types of records"))?;
        let fields = profile(session, &profile_name)?;
        let content = typed::with(&fields, known.content, &args.set)?;
        let signer = args.signing.party().map(str::to_owned);
        let obligor = match &args.obligor {
            Some(ubin) => Some(canonical(ubin)?),
            None => signer.clone(),
        };
        let obligor = obligor.ok_or_else(|| needed("as", "--as UBIN signs as issuer"))?;
        let issuer =
            if fields.drawer_issues { signer.unwrap_or_default() } else { obligor.clone() };
        let to = args.to.as_deref().ok_or_else(|| needed("to", "the first holder, a UBIN"))?;
        let reference = args.reference.clone().or(known.reference);
        let reference = reference.or_else(|| fields.stated("ref", &content).map(str::to_owned));
        let reference = reference.ok_or_else(|| needed("ref", "the number of the document"))?;
        let lots = match (args.lot.is_empty(), known.unclear) {
            (true, Some(unclear)) => return Err(unclear),
            (true, None) if known.lots.is_empty() => stated_sum(&fields, &content)?,
            (true, None) => known.lots,
            (false, _) => args.lot.clone(),
        };
        if lots.is_empty() {
            return Err(needed("lot", "number:unit:amount, for example 1:KGM:12000"));
        }
        let due = args.due.as_deref().or(known.due.as_deref());
        let due_ms = match due.or_else(|| fields.stated("due", &content)) {
            None | Some("demand") => None,
            Some(text) => Some(
                Date::parse(text)
                    .ok_or_else(|| CommandError::usage("a date is written YYYY-MM-DD"))?
                    .start_ms(),
            ),
        };
        let first = fields.initial.first().cloned().unwrap_or_else(|| "none".to_owned());
        let attesters = args.attester.iter().map(|ubin| Ok(Value::from(canonical(ubin)?)));
        Ok(Self {
            to: verbs::party(to)?,
            title: args.title.clone().unwrap_or(first),
            regime: args.regime.clone().unwrap_or_else(|| default_regime(&issuer)),
            lots: lots.iter().map(Lot::to_value).collect(),
            attesters: attesters.collect::<Result<_>>()?,
            notes: known.notes,
            fields,
            content,
            issuer,
            obligor,
            reference,
            due_ms,
        })
    }

    fn to_args(&self, committed: &content::Committed) -> Value {
        let issue = Issue {
            fields: &self.fields,
            reference: &self.reference,
            obligor: &self.obligor,
            to: &self.to,
            title: &self.title,
            regime: &self.regime,
            lots: self.lots.clone(),
            due_ms: self.due_ms,
        };
        let args = issue.to_args(committed);
        if self.attesters.is_empty() {
            return args;
        }
        args.with("attesters", Value::List(self.attesters.clone()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn note() -> Fields {
        Fields::of(&json!({
            "id": "promissory-note", "version": 1, "series": "note",
            "fields": { "bound": { "ref": "noteNumber", "amount": "amount", "unit": "currency",
                "due": "dueDate" } },
        }))
        .expect("a type")
    }

    #[test]
    fn number_sum_and_due_date_are_those_of_a_plain_content() {
        let content = json!({ "noteNumber": "PN-1", "amount": "78945.20", "currency": "SGD",
            "dueDate": "2027-01-31" });
        let content = content.as_object().expect("an object");
        let fields = note();
        assert_eq!(fields.stated("ref", content), Some("PN-1"));
        assert_eq!(fields.stated("due", content), Some("2027-01-31"));
        let lots = stated_sum(&fields, content).expect("a sum");
        let [lot] = lots.as_slice() else { panic!("one lot: {lots:?}") };
        // as many decimals as the text has: the ledger writes the sum again and compares
        assert_eq!((lot.amount.as_str(), lot.scale, lot.unit.as_str()), ("7894520", 2, "SGD"));
        // nor would a number have the decimals that it was written with
        let texts = ["-1", "1,000", "1.1234567", "0", "078945.20", "78945."].map(Json::from);
        for wrong in texts.into_iter().chain([json!(78945.2), json!(78945)]) {
            let mut content = content.clone();
            content.insert("amount".to_owned(), wrong.clone());
            let refused = stated_sum(&fields, &content).expect_err("no sum");
            assert!(refused.message.contains(&wrong.to_string()), "{refused}");
            if wrong.is_number() {
                let refused = fields.commit(content, "PN-1", &Map::new()).expect_err("no text");
                assert!(refused.message.contains("amount must be text"), "{refused}");
            }
        }
        // a type that binds no sum leaves the lots to the issuer
        let bill = Fields::of(&json!({ "id": "bl-order", "version": 1,
            "fields": { "bound": { "ref": "transportDocumentReference" } } }));
        assert!(stated_sum(&bill.expect("a type"), content).expect("none").is_empty());
    }
}
