//! The content goes along with the record: who brings in another party seals it to that party within
//! the same command (etr-api.md §3).
//!
//! Order: the envelope is made, and kept in a file, before the op is sent; it is handed to the node
//! when the op stands, for before that the receiver is no party; then the file goes. A crash in
//! between leaves the file, and `titian etr seal ID --envelope FILE` finishes the work.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_contracts::json::Value;

use super::content::Envelope as ContentFile;
use super::envelope::{self, Sealed, mismatch, root_of};
use super::receivers::{self, Receivers};
use super::show;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, Tone};
use crate::session::Session;
use crate::wallet::{KeyRef, Wallet, write_private};

/// What the command line of an act on a record says about the content.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct HandoverArgs {
    /// Content file that is sealed to the receiver [default: that of the record in the working
    /// directory, else what the node holds for you]
    #[arg(long, value_name = "FILE", help_heading = "Content")]
    pub(super) content: Option<PathBuf>,
    /// Do not seal the content to the receiver
    #[arg(long, conflicts_with = "content", help_heading = "Content")]
    pub(super) no_seal: bool,
}

/// The same of an act that makes a content.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct NoSealArgs {
    /// Do not seal the content to the other parties
    #[arg(long, help_heading = "Content")]
    pub(super) no_seal: bool,
}

/// An act, and who would hand the content over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deed<'a> {
    /// The act.
    pub(super) act: &'a str,
    /// The record that it names.
    pub(super) id: &'a str,
    /// Its arguments.
    pub(super) args: &'a Value,
    /// Who hands over, if anybody is named.
    pub(super) party: Option<&'a KeyRef>,
}

/// Where a content is looked for before the working directory and the node.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given<'a> {
    /// In this file, and nowhere else.
    This(&'a Path),
    /// In these files, of which each may be of another record.
    Among(&'a [PathBuf]),
}

/// Content and parties of the records that acts are on, as the acts before leave them.
#[derive(Debug, Default)]
pub(super) struct Faces(BTreeMap<String, Face>);

#[derive(Debug, Default)]
struct Face {
    root: String,
    parties: Vec<String>,
}

/// A content that waits for its act.
#[derive(Debug)]
pub(super) struct Handover {
    act: String,
    id: String,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// Sealed, in a file.
    Sealed { sealed: Sealed, file: PathBuf, party: KeyRef },
    /// It goes to nobody, for this reason.
    Stays(String),
}

const NOBODY_NAMED: &str = "--as names no party that seals it";
const OF_COURT: &str = "a court has none; who has it runs titian etr seal";
const OF_CHILDREN: &str = "the records that are made get ids of their own when the act stands; then \
                           run titian etr seal with each";
const NOT_AT_HAND: &str = "it is not at hand (--content FILE)";
const NO_KEY: &str = "nobody who gets it has a sealing key";
const NO_PARTY: &str = "nobody named by --as is a party to it; a party runs titian etr seal";
const BACK_FROM_PAPER: &str = "the record gets an id of its own when the act stands; then run \
                               titian etr seal with that id";

type Found = (ContentFile, zeroize::Zeroizing<Vec<u8>>, PathBuf);

/// Seals the content of a record to those whom an act brings in, into a file beside it. Nothing where
/// it brings in nobody; where the content cannot be sealed, that is reported with the act.
pub(super) fn prepare(
    session: &Session,
    deed: Deed<'_>,
    given: Given<'_>,
    faces: &mut Faces,
) -> Result<Option<Handover>> {
    let come = receivers::of(deed.act, deed.args, deed.party.map(|key| key.party.as_str()));
    if come == Receivers::Nobody {
        return Ok(None);
    }
    if come == Receivers::OfCourt {
        return Ok(Some(deed.stays(OF_COURT)));
    }
    if makes_children(session, &deed)? {
        return Ok(Some(deed.stays(OF_CHILDREN)));
    }
    let Some(party) = deed.party else { return Ok(Some(told(session, deed.stays(NOBODY_NAMED)))) };
    if deed.act == "issue_from_paper" && is_there(session, deed.id)? {
        return Ok(Some(deed.stays(BACK_FROM_PAPER)));
    }
    let face = faces.with(session, &deed, party, &come)?;
    let to = match come {
        Receivers::These(parties) => parties,
        _ => face.parties.clone(),
    };
    let done = seal(session, (deed, deed.id), party, (&face.root, &to), given)?;
    Ok(Some(told(session, done)))
}

/// Seals the content of what came back from paper under an id of its own, once it stands. What fails
/// then is reported only: the act is done.
pub(super) fn of_child(session: &Session, deed: Deed<'_>, file: &Path) -> Option<Handover> {
    let come = receivers::of(deed.act, deed.args, deed.party.map(|key| key.party.as_str()));
    let (Receivers::These(to), Some(party)) = (come, deed.party) else { return None };
    let root = receivers::root_after(deed.act, deed.args).map(|root| root.to_string());
    let root = root.unwrap_or_default();
    let sealed = seal(session, (deed, deed.id), party, (&root, &to), Given::This(file));
    Some(sealed.unwrap_or_else(|error| deed.stays(&error.message)))
}

/// Whether an act makes records of others: split and merge do, and the enforcement of a pledge on a part,
/// which a party to the record can tell.
pub(super) fn makes_children(session: &Session, deed: &Deed<'_>) -> Result<bool> {
    if receivers::has_children(deed.act) {
        return Ok(true);
    }
    if deed.act != "enforce" {
        return Ok(false);
    }
    match show::get_as_signer(session, deed.id, deed.party) {
        Ok(record) => Ok(receivers::leaves_a_rest(deed.act, deed.args, &record)),
        // the same bundle begins it
        Err(error) if error.name.as_deref() == Some("UNKNOWN_RECORD") => Ok(false),
        Err(error) => Err(error),
    }
}

/// Seals the content of each record that an act made of others, once it stands, to everyone with a role in
/// it: its content is that of the record that the act is on, or the one given. Each is handed over by
/// the first of `by` who is a party to it: who enforces a pledge may be party to neither part. What
/// fails then is reported only: the act is done. While the act is only staged, what is left to do is
/// said.
pub(super) fn of_children(
    session: &Session,
    deed: Deed<'_>,
    by: &[KeyRef],
    given: Given<'_>,
    receipt: &Json,
) -> Vec<Handover> {
    let children = children_of(&deed, receipt);
    if children.is_empty() {
        return vec![deed.stays(OF_CHILDREN)];
    }
    let one = |child: &String| {
        let own = Deed { id: child, ..deed };
        if deed.party.is_none() {
            return own.stays(NOBODY_NAMED);
        }
        let sealed = seen_by(session, child, by).and_then(|seen| {
            let Some((party, record)) = seen else { return Ok(own.stays(NO_PARTY)) };
            let (root, to) = (root_of(&record).to_owned(), envelope::parties_of(&record));
            seal(session, (own, deed.id), party, (&root, &to), given)
        });
        sealed.unwrap_or_else(|error| own.stays(&error.message))
    };
    children.iter().map(one).collect()
}

/// The first of `by` to whom the node shows a record as to a party, and the record.
fn seen_by<'k>(
    session: &Session,
    id: &str,
    by: &'k [KeyRef],
) -> Result<Option<(&'k KeyRef, Json)>> {
    for party in by {
        let record = show::get_as_signer(session, id, Some(party))?;
        if record.get("party").is_some_and(Json::is_object) {
            return Ok(Some((party, record)));
        }
    }
    Ok(None)
}

/// The records that a deed made of others, from its receipt: none while it does not stand.
pub(super) fn children_of(deed: &Deed<'_>, receipt: &Json) -> Vec<String> {
    made(receipt, deed.act, &sources(deed))
}

/// The records that an act which makes others is on: they end with it.
fn sources<'a>(deed: &Deed<'a>) -> Vec<&'a str> {
    let with = deed.args.get("with").and_then(Value::as_list).unwrap_or_default();
    let others = with.iter().filter_map(|other| other.get("id")?.as_text());
    std::iter::once(deed.id).chain(others).collect()
}

/// The records that an act made of `sources`, from the events of its receipt.
fn made(receipt: &Json, act: &str, sources: &[&str]) -> Vec<String> {
    let name = format!("etr.{act}");
    let events = receipt.get("events").and_then(Json::as_array).into_iter().flatten();
    let of_act = events.filter(|event| document::text(event, "/name") == Some(&name));
    let subjects = of_act.filter_map(|event| document::text(event, "/subject"));
    subjects.filter(|id| !sources.contains(id)).map(str::to_owned).collect()
}

fn is_there(session: &Session, id: &str) -> Result<bool> {
    match show::get(session, id, None, None) {
        Ok(_) => Ok(true),
        Err(error) if error.name.as_deref() == Some("UNKNOWN_RECORD") => Ok(false),
        Err(error) => Err(error),
    }
}

/// Says before the act is signed why a content stays: an option may help.
fn told(session: &Session, handover: Handover) -> Handover {
    if let Content::Stays(why) = &handover.content {
        warn(session, &format!("content of {} not sealed: {why}", handover.id));
    }
    handover
}

fn warn(session: &Session, text: &str) {
    let mark = session.output.paint(Tone::Warn, "warning");
    session.output.note(&format!("{mark} {text}"));
}

/// Seals the content of the record of a deed, to be handed over by `party`; it is looked for under the id
/// `source`, at the node by who does the deed.
fn seal(
    session: &Session,
    (deed, source): (Deed<'_>, &str),
    party: &KeyRef,
    (root, to): (&str, &[String]),
    given: Given<'_>,
) -> Result<Handover> {
    let wallet = session.wallet()?;
    let finder = deed.party.unwrap_or(party);
    let found = content_of(session, &wallet, (source, root), given, finder)?;
    let Some((file, plain, folder)) = found else { return Ok(deed.stays(NOT_AT_HAND)) };
    let sealed = envelope::seal_to(session, None, deed.id, (&file, &plain), to)?;
    let Some(sealed) = sealed else { return Ok(deed.stays(NO_KEY)) };
    let gets = |party: &&String| sealed.to.iter().any(|key| is_of(key, party));
    for party in to.iter().filter(|party| !gets(party)) {
        warn(session, &format!("{party} has no sealing key: it gets no content"));
    }
    let file = folder.join(format!("{}.envelope-{}.json", deed.id, sealed.name.envelope_no));
    write_private(&file, sealed.text.as_bytes())
        .map_err(|error| CommandError::file("write the envelope", &file, &error))?;
    Ok(deed.handover(Content::Sealed { sealed, file, party: party.clone() }))
}

/// Whether `PARTY#kN` is a key of a party.
fn is_of(key: &str, party: &str) -> bool {
    key.strip_prefix(party).is_some_and(|rest| rest.starts_with('#'))
}

/// The content that the record commits to, its bytes, and the folder for what is written beside it.
fn content_of(
    session: &Session,
    wallet: &Wallet,
    (id, root): (&str, &str),
    given: Given<'_>,
    party: &KeyRef,
) -> Result<Option<Found>> {
    let fits = |found: &Found| found.0.root().to_string() == root;
    let files = match given {
        Given::This(path) => {
            return Some(read(path)?)
                .filter(fits)
                .map_or_else(|| Err(mismatch()), |it| Ok(Some(it)));
        }
        Given::Among(files) => files.iter().cloned().chain(own_files(id)),
    };
    for path in files {
        let found = read(&path)?;
        if fits(&found) {
            return Ok(Some(found));
        }
    }
    // of a content that does not open the receiver would get nothing either
    let agree = KeyRef { party: party.party.clone(), number: None };
    match envelope::newest(session, wallet, &agree, id, root) {
        Ok(opened) => Ok(opened.map(|opened| (opened.file, opened.plain, PathBuf::new()))),
        Err(error) if error.kind == Kind::NotProven || error.kind == Kind::Refused => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(path: &Path) -> Result<Found> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let plain = zeroize::Zeroizing::new(document::read(path)?);
    Ok((ContentFile::read(path)?, plain, folder))
}

/// The content files of a record in the working directory: one for each version.
fn own_files(id: &str) -> Vec<PathBuf> {
    let of_record = |name: &str| {
        name.strip_prefix(id).is_some_and(|rest| rest.starts_with(".content."))
            && name.ends_with(".json")
    };
    let entries = std::fs::read_dir(".").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut files: Vec<PathBuf> = names.filter(|name| of_record(name)).map(PathBuf::from).collect();
    files.sort_unstable();
    files
}

impl Faces {
    /// The record of an act as the act leaves it.
    fn with(
        &mut self,
        session: &Session,
        deed: &Deed<'_>,
        party: &KeyRef,
        come: &Receivers,
    ) -> Result<&Face> {
        if !self.0.contains_key(deed.id) {
            let face = if receivers::begins(deed.act) {
                Face { root: String::new(), parties: vec![party.party.clone()] }
            } else {
                let record = show::get_as_signer(session, deed.id, Some(party))?;
                let parties = envelope::parties_of(&record);
                Face { root: root_of(&record).to_owned(), parties }
            };
            self.0.insert(deed.id.to_owned(), face);
        }
        let face = self.0.entry(deed.id.to_owned()).or_default();
        if let Some(root) = receivers::root_after(deed.act, deed.args) {
            face.root = root.to_string();
        }
        if let Receivers::These(parties) = come {
            face.parties.extend_from_slice(parties);
        }
        face.parties.sort_unstable();
        face.parties.dedup();
        Ok(face)
    }
}

impl Deed<'_> {
    fn handover(&self, content: Content) -> Handover {
        Handover { act: self.act.to_owned(), id: self.id.to_owned(), content }
    }

    fn stays(&self, why: &str) -> Handover {
        self.handover(Content::Stays(why.to_owned()))
    }
}

/// Ends handovers by how their act, or the bundle of their acts, went: hands the envelopes over if it
/// stands, drops them if it was refused, else says what is left to do. Gives the report with a line
/// for each, and what became of each.
pub(super) fn finish_all(
    session: &Session,
    handovers: &[Handover],
    outcome: Result<Report>,
) -> Result<(Report, Vec<Json>)> {
    let mut report = match outcome {
        Ok(report) => report,
        Err(error) if matches!(error.kind, Kind::Refused | Kind::Usage | Kind::NotProven) => {
            drop_all(session, handovers);
            return Err(error);
        }
        // it may have reached the ledger all the same
        Err(error) => {
            let later = handovers.iter().filter_map(Handover::later);
            return Err(
                later.fold(error, |error, later| error.hint(format!("if the act stands: {later}")))
            );
        }
    };
    let mut sealed = Vec::new();
    for handover in handovers {
        let (line, json) = handover.hand_over(session, &report.json);
        report.text = format!("{}\n{line}", report.text);
        sealed.push(json);
    }
    Ok((report, sealed))
}

/// The same, with what became of each as the list `sealed` of the report.
pub(super) fn finish_with_list(
    session: &Session,
    handovers: &[Handover],
    outcome: Result<Report>,
) -> Result<Report> {
    let (mut report, sealed) = finish_all(session, handovers, outcome)?;
    if let (Some(members), false) = (report.json.as_object_mut(), handovers.is_empty()) {
        members.insert("sealed".to_owned(), json!(sealed));
    }
    Ok(report)
}

/// Removes the envelopes of acts that were not done.
pub(super) fn drop_all(session: &Session, handovers: &[Handover]) {
    for handover in handovers {
        if let Content::Sealed { file, .. } = &handover.content {
            drop_file(session, file);
        }
    }
}

/// Removes a file; if that fails it says so, for how the act went is what counts.
pub(super) fn drop_file(session: &Session, file: &Path) {
    if let Err(error) = std::fs::remove_file(file) {
        warn(session, &CommandError::file("remove", file, &error).message);
    }
}

impl Handover {
    /// Ends the handover of a single act.
    pub(super) fn finish(self, session: &Session, outcome: Result<Report>) -> Result<Report> {
        let (mut report, sealed) = finish_all(session, &[self], outcome)?;
        if let (Some(members), Some(sealed)) = (report.json.as_object_mut(), sealed.first()) {
            members.insert("sealed".to_owned(), sealed.clone());
        }
        Ok(report)
    }

    /// The command that hands the envelope over later.
    fn later(&self) -> Option<String> {
        let Content::Sealed { file, party, .. } = &self.content else { return None };
        let (id, file, party) = (&self.id, file.display(), &party.party);
        Some(format!("titian etr seal {id} --envelope {file} --as {party}"))
    }

    /// Hands the envelope over if the receipt says that the act stands: a line, and the same for
    /// programs.
    fn hand_over(&self, session: &Session, receipt: &Json) -> (String, Json) {
        let (act, id) = (&self.act, &self.id);
        let (sealed, file, party) = match &self.content {
            Content::Sealed { sealed, file, party } => (sealed, file, party),
            Content::Stays(why) => {
                let json = json!({ "act": act, "id": id, "reason": why });
                return (format!("content of {id} not sealed: {why}"), json);
            }
        };
        let later = self.later().unwrap_or_default();
        let left = json!({ "act": act, "id": id, "envelope": file });
        if !stands(receipt, act, id) {
            return (format!("when the act stands: {later}"), left);
        }
        let text = sealed.text.as_bytes();
        let put = |wallet: Wallet| envelope::put(session, &wallet, party, &sealed.name, text);
        match session.wallet().and_then(put) {
            Ok(done) => {
                drop_file(session, file);
                let (to, whereto) = (sealed.to.join(", "), envelope::whereto(&done));
                let json = json!({
                    "act": act, "id": id, "envelopeNo": sealed.name.envelope_no, "to": sealed.to,
                    "deliversTo": done.delivers_to, "staysFor": done.stays_for,
                });
                (format!("content of {id} sealed to {to}; {whereto}"), json)
            }
            // the act is done; the content follows when the node takes it
            Err(error) => {
                warn(session, &format!("the content was not handed over: {}", error.message));
                (format!("next: {later}"), left)
            }
        }
    }
}

/// Whether a receipt says that the act was carried out, and not only staged.
fn stands(receipt: &Json, act: &str, id: &str) -> bool {
    let name = format!("etr.{act}");
    let events = receipt.get("events").and_then(Json::as_array).into_iter().flatten();
    let is = |event: &Json, pointer: &str, text: &str| document::text(event, pointer) == Some(text);
    events.into_iter().any(|event| is(event, "/name", &name) && is(event, "/subject", id))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};
    use titian_contracts::json::Value;

    use super::{Deed, children_of};

    /// What an act on `etr_a` made, by its receipt.
    fn of(receipt: &Json, act: &str, args: &Value) -> Vec<String> {
        children_of(&Deed { act, id: "etr_a", args, party: None }, receipt)
    }

    #[test]
    fn what_an_act_made_is_what_its_receipt_names_beside_what_it_was_made_of() {
        let event = |name: &str, subject: &str| json!({ "name": name, "subject": subject });
        let split = json!({ "events": [
            event("etr.split", "etr_b"), event("etr.split", "etr_c"), event("etr.split", "etr_a"),
        ]});
        let none = Value::Object(Vec::new());
        assert_eq!(of(&split, "split", &none), ["etr_b", "etr_c"]);
        let enforced = json!({ "events": [
            event("etr.enforce", "etr_b"), event("etr.enforce", "etr_c"),
            event("etr.enforce", "etr_a"),
        ]});
        assert_eq!(of(&enforced, "enforce", &none), ["etr_b", "etr_c"]);
        // a staged act made nothing yet
        let staged = json!({ "events": [event("etr.stage", "etr_a")] });
        assert_eq!(of(&staged, "split", &none), [""; 0]);
        let merged = json!({ "events": [
            event("etr.merge", "etr_d"), event("etr.merge", "etr_b"), event("etr.merge", "etr_a"),
        ]});
        let other = Value::object([("id", Value::from("etr_b"))]);
        let args = Value::object([("with", Value::List(vec![other]))]);
        assert_eq!(of(&merged, "merge", &args), ["etr_d"]);
    }
}
