//! The content goes along with the record: who brings in another party seals it to that party within
//! the same command, and who accepts opens it first (etr-api.md §3).
//!
//! Order: the envelope is made, and kept in a file, before the op is sent; it is handed to the node
//! when the op stands, for before that the receiver is no party; then the file goes. A crash in
//! between leaves the file, and `titian etr seal ID --envelope FILE` finishes the work.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_contracts::json::Value;

use super::content::Envelope as ContentFile;
use super::envelope::{self, Sealed, mismatch, root_of};
use super::show;
use crate::act::SigningArgs;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, Tone};
use crate::session::Session;
use crate::wallet::{KeyRef, Wallet, write_private};

/// Acts by which another comes to a record, with the argument that names it.
pub(super) const ACTS: &[(&str, &str)] = &[
    ("offer", "to"),
    ("deliver", "to"),
    ("assign_control", "to"),
    ("pledge", "to"),
    ("enforce", "to"),
    ("aval", "guarantor"),
];

/// What the command line says about the content.
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

/// What the command line of `accept` says about the content.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct UnseenArgs {
    /// Accept although the sealed content does not open, or is not that of the record
    #[arg(long, help_heading = "Content")]
    pub(super) unseen: bool,
    /// Where to keep content and salts [default: the working directory]
    #[arg(long, value_name = "DIR", help_heading = "Content")]
    pub(super) content_dir: Option<PathBuf>,
}

/// A content that waits for the op.
pub(super) struct Handover {
    sealed: Sealed,
    file: PathBuf,
    party: KeyRef,
}

fn warn(session: &Session, text: &str) {
    let mark = session.output.paint(Tone::Warn, "warning");
    session.output.note(&format!("{mark} {text}"));
}

/// The UBINs of a person: a text, or a joint holder.
fn members(person: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_text().map(str::to_owned);
    let joint = person.get("joint").and_then(|joint| joint.get("of")).and_then(Value::as_list);
    let one = text(person).or_else(|| person.get("party").and_then(text));
    one.into_iter().chain(joint.into_iter().flatten().filter_map(text)).collect()
}

/// Seals the content of a record to those whom `args` of `act` bring in, into a file beside it. Nothing
/// where the act brings in nobody, nobody can be sealed to, or the content is not at hand; it says so.
pub(super) fn prepare(
    session: &Session,
    (act, id, args): (&str, &str, &Value),
    given: &HandoverArgs,
    signing: &SigningArgs,
) -> Result<Option<Handover>> {
    let Some((_, member)) = ACTS.iter().find(|(known, _)| *known == act) else { return Ok(None) };
    if given.no_seal || signing.dry_run {
        return Ok(None);
    }
    let receivers = args.get(member).map(members).unwrap_or_default();
    let Some(party) = signing.signers.first() else {
        warn(session, "the content is not sealed to the receiver: --as says who does");
        return Ok(None);
    };
    let wallet = session.wallet()?;
    let record = show::get(session, id, None, None)?;
    let found = content_of(session, &wallet, (id, root_of(&record)), given, party)?;
    let Some((file, plain, folder)) = found else {
        warn(session, "the content is not at hand: the receiver gets none (--content FILE)");
        return Ok(None);
    };
    let sealed = envelope::seal_to(session, None, id, (&file, &plain), &receivers)?;
    let Some(sealed) = sealed else {
        warn(session, "the receiver has no sealing key: it gets no content");
        return Ok(None);
    };
    let path = folder.join(format!("{id}.envelope-{}.json", sealed.name.envelope_no));
    write_private(&path, sealed.text.as_bytes())
        .map_err(|error| CommandError::file("write the envelope", &path, &error))?;
    Ok(Some(Handover { sealed, file: path, party: party.clone() }))
}

type Found = (ContentFile, zeroize::Zeroizing<Vec<u8>>, PathBuf);

/// The content that the record commits to, its bytes, and the folder for what is written beside it.
fn content_of(
    session: &Session,
    wallet: &Wallet,
    (id, root): (&str, &str),
    given: &HandoverArgs,
    party: &KeyRef,
) -> Result<Option<Found>> {
    let read = |path: &Path| -> Result<Found> {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let plain = zeroize::Zeroizing::new(document::read(path)?);
        Ok((ContentFile::read(path)?, plain, folder))
    };
    let fits = |found: &Found| found.0.root().to_string() == root;
    if let Some(path) = &given.content {
        return Some(read(path)?).filter(fits).map_or_else(|| Err(mismatch()), |it| Ok(Some(it)));
    }
    let own = PathBuf::from(format!("{id}.content.json"));
    if own.exists() {
        let found = read(&own)?;
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

impl Handover {
    /// Ends the handover by how the act went: hands the envelope over if it stands, drops it if it was
    /// refused, else says what is left to do.
    pub(super) fn finish(
        self,
        session: &Session,
        (act, id): (&str, &str),
        outcome: Result<Report>,
    ) -> Result<Report> {
        let later = format!(
            "titian etr seal {id} --envelope {} --as {}",
            self.file.display(),
            self.party.party
        );
        let mut report = match outcome {
            Ok(report) => report,
            Err(error) if matches!(error.kind, Kind::Refused | Kind::Usage | Kind::NotProven) => {
                self.drop_file(session);
                return Err(error);
            }
            // it may have reached the ledger all the same
            Err(error) => return Err(error.hint(format!("if the act stands: {later}"))),
        };
        if !stands(&report.json, act, id) {
            report.text = format!("{}\nwhen the act stands: {later}", report.text);
            note(&mut report, json!({ "envelope": self.file }));
            return Ok(report);
        }
        let text = self.sealed.text.as_bytes();
        let wallet = session.wallet()?;
        match envelope::put(session, &wallet, &self.party, &self.sealed.name, text) {
            Ok(done) => {
                self.drop_file(session);
                let (to, whereto) = (self.sealed.to.join(", "), envelope::whereto(&done));
                report.text = format!("{}\ncontent sealed to {to}; {whereto}", report.text);
                let no = self.sealed.name.envelope_no;
                let states = (done.delivers_to, done.stays_for);
                note(
                    &mut report,
                    json!({ "envelopeNo": no, "to": self.sealed.to, "deliversTo": states.0,
                        "staysFor": states.1 }),
                );
            }
            // the act is done; the content follows when the node takes it
            Err(error) => {
                warn(session, &format!("the content was not handed over: {}", error.message));
                report.text = format!("{}\nnext: {later}", report.text);
                note(&mut report, json!({ "envelope": self.file }));
            }
        }
        Ok(report)
    }

    /// Removes the file; if that fails it says so, for how the act went is what counts.
    fn drop_file(&self, session: &Session) {
        if let Err(error) = std::fs::remove_file(&self.file) {
            warn(session, &CommandError::file("remove", &self.file, &error).message);
        }
    }
}

fn note(report: &mut Report, sealed: Json) {
    if let Some(members) = report.json.as_object_mut() {
        members.insert("sealed".to_owned(), sealed);
    }
}

/// Whether a receipt says that the act was carried out, and not only staged.
fn stands(receipt: &Json, act: &str, id: &str) -> bool {
    let name = format!("etr.{act}");
    let events = receipt.get("events").and_then(Json::as_array).into_iter().flatten();
    let is = |event: &Json, pointer: &str, text: &str| document::text(event, pointer) == Some(text);
    events.into_iter().any(|event| is(event, "/name", &name) && is(event, "/subject", id))
}

/// Opens the content that came with an offer, compares it with the record and keeps it, before the
/// acceptance is signed. Warns where none came. Errors: it does not open or is another one, unless
/// `--unseen`.
pub(super) fn before_accept(
    session: &Session,
    id: &str,
    given: &UnseenArgs,
    signing: &SigningArgs,
) -> Result<()> {
    let Some(party) = signing.signers.first() else { return Ok(()) };
    if signing.dry_run {
        return Ok(());
    }
    let (wallet, record) = (session.wallet()?, show::get(session, id, None, None)?);
    let party = KeyRef { party: party.party.clone(), number: None };
    let opened = match envelope::newest(session, &wallet, &party, id, root_of(&record)) {
        Err(error) if given.unseen => {
            warn(session, &format!("you accept unseen: {}", error.message));
            return Ok(());
        }
        Err(error) => return Err(error.hint("--unseen accepts all the same")),
        Ok(None) => {
            warn(session, "no sealed content is here for you: you accept without having seen it");
            return Ok(());
        }
        Ok(Some(opened)) => opened,
    };
    let folder = given.content_dir.as_deref().unwrap_or(Path::new(""));
    let path = folder.join(format!("{id}.content.json"));
    write_private(&path, &opened.plain)
        .map_err(|error| CommandError::file("write the content", &path, &error))?;
    let mark = session.output.paint(Tone::Good, "content matches the record:");
    session.output.note(&format!("{mark} {} (keep it)", path.display()));
    Ok(())
}
