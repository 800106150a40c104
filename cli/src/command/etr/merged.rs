//! The content of a record that is made of receipts whose contents differ (etr.md §6.3): new leaves, checked
//! as at issue.
//!
//! Invariant: the salts are in a file before the act is sent. The record that comes of it has its id when
//! the act stands: until then the file stands under the id of the record that the act is on, and then
//! under the record's own.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};
use titian_contracts::json::Value;

use super::content::{self, Committed, Fields};
use super::handover::{self, Deed, Given};
use super::{issue, show};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;
use crate::wallet::KeyRef;

/// What is said of records that would merge but for their contents.
pub(super) const UNEQUAL: &str = "records whose contents differ, as receipts of different numbers, merge \
                                  under a new content: --merged FILE";

/// What the command line of a merger says about its content.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct MergerArgs {
    /// Content of the record that is made, where the contents differ: a JSON object under the number of
    /// RECORD; it is sealed to every party
    #[arg(long, value_name = "FILE", help_heading = "Content")]
    #[arg(conflicts_with_all = ["content", "leaves", "open"])]
    merged: Option<PathBuf>,
    /// Where to keep that content and its salts [default: the working directory]
    #[arg(long, value_name = "DIR", requires = "merged", help_heading = "Content")]
    content_dir: Option<PathBuf>,
}

/// A new content for a merger.
#[derive(Debug)]
pub(super) struct Merged {
    committed: Committed,
    profile: String,
    folder: PathBuf,
    /// The record that the act is on.
    id: String,
}

impl MergerArgs {
    /// Whether a content is given.
    pub(super) fn is_given(&self) -> bool {
        self.merged.is_some()
    }

    /// Commits to the content that is given for a merger on record `id`. Nothing if none is.
    pub(super) fn commit(
        &self,
        session: &Session,
        id: &str,
        party: Option<&KeyRef>,
    ) -> Result<Option<Merged>> {
        let Some(path) = &self.merged else { return Ok(None) };
        let Json::Object(content) = document::read_json(path)? else {
            return Err(CommandError::usage("the content must be a JSON object"));
        };
        let record = show::get_as_signer(session, id, party)?;
        let name = document::text(&record, "/public/profile").unwrap_or_default();
        let fields = issue::profile(session, name)?;
        let folder = self.content_dir.clone().unwrap_or_else(|| PathBuf::from("."));
        Merged::of(&fields, content, &record, &folder, id).map(Some)
    }
}

impl Merged {
    /// The number is that of the record that the act is on, as a party sees it; who sees none, as an
    /// agent, states it in the content. Salts of an earlier attempt are kept: it may yet stand.
    fn of(
        fields: &Fields,
        content: Map<String, Json>,
        record: &Json,
        folder: &Path,
        id: &str,
    ) -> Result<Self> {
        let reference =
            document::text(record, "/party/ref").or_else(|| fields.stated("ref", &content));
        let reference = reference.map(str::to_owned).ok_or_else(|| {
            CommandError::usage("the content names no number")
                .hint("it is that of the record that is named first")
        })?;
        let salts = content::earlier_salts(&waiting(folder, id), &content)?;
        Ok(Self {
            committed: fields.commit(content, &reference, &salts)?,
            profile: fields.profile.clone(),
            folder: folder.to_owned(),
            id: id.to_owned(),
        })
    }

    /// The arguments of the act with the leaves and what is opened of them.
    pub(super) fn add(&self, args: &Value) -> Value {
        let Committed { leaves, open, .. } = &self.committed;
        args.with("leaves", leaves.clone()).with("open", open.clone())
    }

    /// Keeps content and salts before the act is sent.
    pub(super) fn keep(&self) -> Result<()> {
        self.committed.write_to(&waiting(&self.folder, &self.id), &self.id, &self.profile)
    }

    /// Where they are until the act stands, told with a report.
    pub(super) fn tell(&self, mut report: Report) -> Report {
        let path = waiting(&self.folder, &self.id);
        report.text = format!(
            "{}\ncontent and salts: {} (keep it); when the act stands, titian etr seal takes it for the \
             record that is made",
            report.text,
            path.display()
        );
        report
    }

    /// Ends the merger, by how it went: keeps the content as that of the record that was made, and seals it
    /// to its parties, for the first of `by` who is one. What fails then is reported only: the act is
    /// done.
    pub(super) fn finish(
        &self,
        session: &Session,
        deed: Deed<'_>,
        by: Option<&[KeyRef]>,
        mut report: Report,
    ) -> Result<Report> {
        let before = waiting(&self.folder, &self.id);
        let children = handover::children_of(&deed, &report.json);
        let file = match children.first().map(|child| (child, self.settle(child))) {
            None => {
                report = self.tell(report);
                before
            }
            Some((child, Ok(path))) => {
                handover::drop_file(session, &before);
                report.text = format!(
                    "{}\nthe record is {child}, its content and salts: {} (keep it)",
                    report.text,
                    path.display()
                );
                path
            }
            Some((child, Err(error))) => {
                report.text = format!(
                    "{}\nthe record is {child}, its content and salts stay in {}: {}",
                    report.text,
                    before.display(),
                    error.message
                );
                before
            }
        };
        let Some(by) = by else { return Ok(report) };
        let handovers = handover::of_children(session, deed, by, Given::This(&file), &report.json);
        handover::finish_with_list(session, &handovers, Ok(report))
    }

    /// Keeps them as those of the record that was made, and gives the file.
    fn settle(&self, child: &str) -> Result<PathBuf> {
        self.committed.write(&self.folder, child, &self.profile)
    }
}

/// Where the content of a merger on record `id` is kept until it has an id. It is one of the content
/// files of that record.
fn waiting(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.content.merged.json"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::content::Envelope;
    use super::super::content::tests::Folder;
    use super::*;

    fn receipt() -> Fields {
        Fields::of(&json!({ "id": "warehouse-receipt", "version": 1, "fields": {
            "required": ["receiptNumber", "goods"], "bound": { "ref": "receiptNumber" } } }))
        .expect("a type")
    }

    fn members(json: &Json) -> Map<String, Json> {
        json.as_object().expect("an object").clone()
    }

    #[test]
    fn etr_a_merger_commits_to_its_content_under_the_number_of_the_record_that_it_is_on() {
        let folder = Folder::new("merged");
        let record = json!({ "party": { "ref": "W-1" } });
        let merge = |content: &Json, record: &Json| {
            Merged::of(&receipt(), members(content), record, &folder.0, "etr_a")
        };
        let content = json!({ "goods": "copper, 2 lots" });
        let merged = merge(&content, &record).expect("it fits");
        let bare = Value::object([("leaves", Value::Null), ("open", Value::Null)]);
        let args = merged.add(&bare);
        let opened = args.get("open").and_then(|open| open.get("receiptNumber")?.as_list()?.get(1));
        assert_eq!(opened, Some(&Value::from("W-1")));
        assert_eq!(args.get("leaves").and_then(Value::as_list).map(<[_]>::len), Some(2));

        // the same attempt again has the same salts, another content would take them away
        merged.keep().expect("written");
        let again = merge(&content, &record).expect("it fits");
        assert_eq!(again.committed.root, merged.committed.root);
        again.keep().expect("the same file");
        let other = merge(&json!({ "goods": "tin" }), &record).expect_err("another content");
        assert!(other.message.contains("another content"), "{other}");

        // once the act stands the content is that of the record that came of it
        let path = again.settle("etr_c").expect("written");
        assert_eq!(path, folder.0.join("etr_c.content.json"));
        let kept = Envelope::read(&path).expect("a content file");
        assert_eq!(kept.root(), merged.committed.root);
        assert_eq!(kept.content["receiptNumber"], "W-1");
        // until then, and where it is only staged, it is at hand under the id of the first
        let told = merged.tell(Report::new("staged", Json::Null)).text;
        assert!(told.contains("etr_a.content.merged.json (keep it)"), "{told}");
    }

    #[test]
    fn etr_a_content_that_cannot_be_of_the_merger_is_refused() {
        let folder = Folder::new("merged");
        let merge = |content: &Json, record: &Json| {
            Merged::of(&receipt(), members(content), record, &folder.0, "etr_a")
        };
        let seen = json!({ "party": { "ref": "W-1" } });
        let other = merge(&json!({ "goods": "tin", "receiptNumber": "W-2" }), &seen);
        let refused = other.expect_err("the number of another receipt");
        assert!(refused.message.contains("W-1"), "{refused}");
        let short = merge(&json!({ "charges": "none" }), &seen).expect_err("no goods");
        assert_eq!(short.name.as_deref(), Some("FIELD_MISSING"));
        // an agent sees no party part
        let hidden = json!({ "public": {} });
        let refused = merge(&json!({ "goods": "tin" }), &hidden).expect_err("no number");
        assert!(refused.message.contains("names no number"), "{refused}");
        let stated = json!({ "goods": "tin", "receiptNumber": "W-1" });
        assert!(merge(&stated, &hidden).is_ok());
    }
}
