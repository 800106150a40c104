//! The evidence dossier as a file: one ZIP of stored entries, sorted, with fixed times, so that the same
//! evidence has the same bytes (etr-api.md A§2); and its verification from files alone.
//!
//! Invariant: the archive has the one form that these files have. The manifest names every other entry
//! with its SHA-256; transcript and statuses of sections are functions of the files in it and the
//! genesis file ([`findings`], [`layout`]). Only the notes of sections, and files that the transcript
//! names as given, are words of those who made them.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use titian_contracts::json::Value;
use titian_contracts::proof::{Proven, VerifyError};
use titian_contracts::time;
use titian_genesis::Genesis;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::findings::{self, Findings};
use super::layout::{self, SECTIONS, STATUS, TRANSCRIPT};
use crate::act::now_ms;
use crate::command::verify::age_text;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Output, Report, Tone};

const MANIFEST: &str = "manifest.json";
/// What a section may say of itself.
const STATUSES: [&str; 3] = ["present", "absent", "expired"];
const ENTRIES_MAX: usize = 4_096;
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Files by name.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// What a section says of itself.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// Of [`SECTIONS`].
    pub(super) name: &'static str,
    /// Of [`STATUSES`].
    pub(super) status: &'static str,
    /// Why it is not present, or what it holds.
    pub(super) note: String,
}

/// The archive of files and sections.
pub(super) fn pack(
    id: &str,
    genesis: &Genesis,
    sections: &[Section],
    files: &Files,
) -> Result<Vec<u8>> {
    let manifest = manifest(id, genesis, sections, files);
    let mut all = files.clone();
    all.insert(MANIFEST.to_owned(), format!("{}\n", manifest.to_jcs()).into_bytes());
    let bytes = archive(&all)?;
    if bytes.len() as u64 > BYTES_MAX || all.len() > ENTRIES_MAX {
        let message = "the dossier has more than 16 MiB or 4,096 files";
        return Err(CommandError::refused(message).hint("attach less"));
    }
    Ok(bytes)
}

/// The one archive of these files.
fn archive(files: &Files) -> Result<Vec<u8>> {
    let fault = |error: &dyn std::fmt::Display| CommandError::bug(format!("zip: {error}"));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(name.as_str(), options).map_err(|error| fault(&error))?;
        archive.write_all(bytes).map_err(|error| fault(&error))?;
    }
    Ok(archive.finish().map_err(|error| fault(&error))?.into_inner())
}

/// The SHA-256 of a file as the manifest writes it.
pub(super) fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn manifest(id: &str, genesis: &Genesis, sections: &[Section], files: &Files) -> Value {
    let section = |section: &Section| {
        let known = SECTIONS.iter().find(|(name, ..)| *name == section.name);
        let (_, article, asks) = known.copied().unwrap_or((section.name, "", ""));
        Value::object([
            ("name", Value::from(section.name)),
            ("article", Value::from(article)),
            ("asks", Value::from(asks)),
            ("status", Value::from(section.status)),
            ("note", Value::from(section.note.as_str())),
        ])
    };
    let file = |(name, bytes): (&String, &Vec<u8>)| {
        Value::object([
            ("name", Value::from(name.as_str())),
            ("sha256", Value::from(sha256(bytes))),
        ])
    };
    Value::object([
        ("titianDossier", Value::Int(1)),
        ("id", Value::from(id)),
        ("chain", Value::from(genesis.chain.as_str())),
        ("genesis", Value::from(genesis.hash)),
        ("sections", Value::List(sections.iter().map(section).collect())),
        ("files", Value::List(files.iter().map(file).collect())),
    ])
}

/// Reads an archive: bounded, stored entries only, no name twice.
pub(super) fn unpack(bytes: &[u8]) -> Result<Files> {
    let broken = |what: &str| CommandError::new(Kind::NotProven, format!("no dossier: {what}"));
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| broken("not a ZIP"))?;
    if archive.len() > ENTRIES_MAX {
        return Err(broken("too many entries"));
    }
    let mut files = Files::new();
    let mut total = 0_u64;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|_| broken("an entry does not read"))?;
        if entry.compression() != CompressionMethod::Stored {
            return Err(broken("entries are stored"));
        }
        total = total.saturating_add(entry.size());
        if total > BYTES_MAX {
            return Err(broken("larger than 16 MiB"));
        }
        let name = entry.name().map_err(|_| broken("a name does not read"))?.into_owned();
        let mut content = Vec::new();
        let read = entry.take(BYTES_MAX).read_to_end(&mut content);
        read.map_err(|_| broken("an entry does not read"))?;
        if files.insert(name, content).is_some() {
            return Err(broken("a name stands twice"));
        }
    }
    Ok(files)
}

/// What a dossier holds that was judged from the genesis file alone.
pub(super) struct Judged {
    /// The record.
    pub(super) id: String,
    /// The height that all proofs of the record are of.
    pub(super) height: u64,
    /// Its block time, ms.
    pub(super) time_ms: u64,
    /// The proofs by file.
    pub(super) proven: BTreeMap<String, Proven>,
    sections: Vec<Section>,
    transcript: String,
    given: Vec<String>,
    files: Files,
}

fn broken(what: impl Into<String>) -> CommandError {
    let reason = what.into();
    CommandError::new(Kind::NotProven, format!("not proven: {reason}"))
        .with_data(json!({ "proven": false, "reason": reason }))
}

/// Judges a dossier. `trusted_height` refuses one of an earlier height.
pub(super) fn judge(bytes: &[u8], genesis: &Genesis, trusted_height: u64) -> Result<Judged> {
    let mut files = unpack(bytes)?;
    if archive(&files)? != bytes {
        return Err(broken("its bytes are not those of its files"));
    }
    let listed = files.remove(MANIFEST).ok_or_else(|| broken("there is no manifest"))?;
    let (id, sections) = read_manifest(&listed, &files, genesis)?;
    let Findings { text: transcript, faults, proven, given } = findings::of(&id, &files, genesis);
    // what is wrong with a file says more than that the transcript does not say so
    if let Some(fault) = faults.first() {
        let more = match faults.len() {
            1 => String::new(),
            count => format!(", and {} more", count - 1),
        };
        return Err(broken(format!("{fault}{more}")));
    }
    if files.get(TRANSCRIPT).map(Vec::as_slice) != Some(transcript.as_bytes()) {
        return Err(broken("the transcript is not what the files say"));
    }
    let status = proven.get(STATUS).ok_or_else(|| broken("it proves no status"))?;
    let (height, time_ms) = (status.height, status.time_ms);
    for section in &sections {
        let follows = layout::status(section.name, &files, &proven, time_ms);
        if !section.agrees(follows) {
            let (name, stated) = (section.name, section.status);
            let found = follows.unwrap_or("not there");
            return Err(broken(format!("{name} is stated as {stated}, and is {found}")));
        }
    }
    if height < trusted_height {
        return Err(broken(VerifyError::TooOld.to_string()));
    }
    Ok(Judged { id, height, time_ms, proven, sections, transcript, given, files })
}

/// The record and the sections of a manifest, which must be the one manifest of these files that says
/// so: a member more, or another article, is none.
fn read_manifest(bytes: &[u8], files: &Files, genesis: &Genesis) -> Result<(String, Vec<Section>)> {
    let read = titian_contracts::json::parse(bytes.strip_suffix(b"\n").unwrap_or(bytes))
        .map_err(|reject| broken(format!("the manifest does not read: {reject}")))?;
    let text = |name: &str| findings::text(&read, name);
    if read.get("titianDossier").and_then(Value::as_int) != Some(1) {
        return Err(broken("unknown version"));
    }
    if text("chain") != genesis.chain || text("genesis") != genesis.hash.to_string() {
        return Err(broken("of another network than the genesis file"));
    }
    let listed: BTreeMap<&str, &str> = findings::list(&read, "files")
        .iter()
        .map(|file| (findings::text(file, "name"), findings::text(file, "sha256")))
        .collect();
    let same = |(name, bytes): (&String, &Vec<u8>)| {
        listed.get(name.as_str()).is_some_and(|listed| *listed == sha256(bytes))
    };
    if listed.len() != files.len() || !files.iter().all(same) {
        return Err(broken("files differ from the manifest"));
    }
    let sections: Option<Vec<Section>> =
        findings::list(&read, "sections").iter().map(Section::read).collect();
    let sections = sections.ok_or_else(|| broken("a section or its status is unknown"))?;
    if !sections.iter().map(|section| section.name).eq(SECTIONS.iter().map(|(name, ..)| *name)) {
        return Err(broken("a section is missing"));
    }
    let id = text("id").to_owned();
    if format!("{}\n", manifest(&id, genesis, &sections, files).to_jcs()).as_bytes() != bytes {
        return Err(broken("the manifest has another form than that of these files"));
    }
    Ok((id, sections))
}

impl Section {
    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_text);
        let known = SECTIONS.iter().map(|(name, ..)| *name);
        Some(Self {
            name: known.into_iter().find(|known| text("name") == Some(*known))?,
            status: STATUSES.into_iter().find(|known| text("status") == Some(*known))?,
            note: text("note")?.to_owned(),
        })
    }

    /// Whether its status is the one that follows from the files. Where nothing is there, the maker
    /// says whether it is absent or expired.
    fn agrees(&self, follows: Option<&str>) -> bool {
        follows.map_or(self.status != "present", |follows| self.status == follows)
    }
}

/// Judges a dossier, for `titian verify`.
pub(crate) fn verify(
    output: Output,
    bytes: &[u8],
    genesis: &Genesis,
    trusted_height: u64,
) -> Result<Report> {
    let Judged { id, height, time_ms, sections, transcript, given, files, .. } =
        judge(bytes, genesis, trusted_height)?;
    let age_s = now_ms().saturating_sub(time_ms) / 1_000;
    let mut lines = vec![
        format!("{}  evidence dossier of {id}", output.paint(Tone::Good, "PROVEN")),
        format!(
            " as of height {height}, block time {} ({} old); says nothing about later heights",
            time::rfc3339(time_ms),
            age_text(age_s)
        ),
    ];
    lines.extend(sections.iter().map(|section| {
        let given = layout::is_given(section.name) && section.status != "absent";
        let basis = if given { "  (as given, not checked)" } else { "" };
        format!(" {:<8} {}{basis}", section.status, section.name)
    }));
    lines.extend(transcript.lines().map(|line| format!(" {line}")));
    lines.push(" notes in manifest.json are words of who made the dossier".to_owned());
    let shown: Vec<Json> = sections
        .iter()
        .map(|section| {
            let checked = !layout::is_given(section.name);
            json!({ "name": section.name, "status": section.status, "checked": checked })
        })
        .collect();
    let files: BTreeMap<&String, String> =
        files.iter().map(|(name, bytes)| (name, sha256(bytes))).collect();
    let json = json!({
        "proven": true,
        "kind": "dossier",
        "id": id,
        "chain": genesis.chain,
        "genesis": genesis.hash.to_string(),
        "height": height,
        "time": time::rfc3339(time_ms),
        "timeMs": time_ms,
        "ageSeconds": age_s,
        "sections": shown,
        "transcript": transcript,
        "files": files,
        "given": given,
    });
    Ok(Report::new(lines.join("\n"), json))
}

#[cfg(test)]
mod tests {
    use super::super::fixed_genesis;
    use super::*;

    fn files() -> Files {
        let texts = [("a/1.txt", "one"), ("a/2.txt", ""), ("manifest.json", "{}\n")];
        texts.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).into()
    }

    #[test]
    fn etr_the_same_files_have_the_same_archive_and_come_out_again() {
        let bytes = archive(&files()).expect("it packs");
        assert_eq!(archive(&files()).expect("it packs"), bytes);
        assert_eq!(unpack(&bytes).expect("it reads"), files());
        let later = unpack(&bytes).and_then(|files| archive(&files)).expect("it packs");
        assert_eq!(later, bytes);
    }

    #[test]
    fn etr_a_manifest_says_what_its_files_are_and_nothing_else() {
        let genesis = fixed_genesis();
        let files = Files::from([("14-audit/a.txt".to_owned(), b"one".to_vec())]);
        let section = |(name, ..): (&'static str, &str, &str)| Section {
            name,
            status: if name == "14-audit" { "present" } else { "absent" },
            note: "why".to_owned(),
        };
        let sections = SECTIONS.map(section);
        let made = manifest("etr_1", &genesis, &sections, &files);
        let read = |value: &Value, files: &Files| {
            read_manifest(format!("{}\n", value.to_jcs()).as_bytes(), files, &genesis)
        };
        let (id, found) = read(&made, &files).expect("it reads");
        assert_eq!((id.as_str(), found.len(), found[4].status), ("etr_1", 9, "present"));
        let with = |at: usize, name: &str, text: &str| {
            let mut sections = findings::list(&made, "sections").to_vec();
            sections[at] = sections[at].with(name, Value::from(text));
            made.with("sections", Value::List(sections))
        };
        let fewer = findings::list(&made, "sections")[1..].to_vec();
        for (what, changed) in [
            ("another article", with(0, "article", "none")),
            ("a member of a section", with(0, "auditor", "EXAMPLE")),
            ("an unknown status", with(0, "status", "certified")),
            ("a name twice", with(1, "name", "10-rules")),
            ("a member", made.with("signature", Value::from("x"))),
            ("another version", made.with("titianDossier", Value::Int(2))),
            ("another chain", made.with("chain", Value::from("x"))),
            ("a section less", made.with("sections", Value::List(fewer))),
        ] {
            let error = read(&changed, &files).expect_err(what);
            assert_eq!(error.kind.exit_code(), 3, "{what}");
        }
        let other = Files::from([("14-audit/a.txt".to_owned(), b"two".to_vec())]);
        assert!(read(&made, &other).is_err() && read(&made, &Files::new()).is_err());
        // a status must be the one that follows; where nothing is there, absent or expired is told
        assert!(found[4].agrees(Some("present")) && !found[4].agrees(Some("expired")));
        assert!(!found[4].agrees(None) && found[0].agrees(None));
        assert!(!found[0].agrees(Some("present")));
    }

    #[test]
    fn etr_an_archive_that_was_touched_is_another() {
        let bytes = archive(&files()).expect("it packs");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x01;
            let same = unpack(&changed).and_then(|files| archive(&files));
            assert!(same.is_err() || same.is_ok_and(|same| same != changed), "byte {at}");
        }
    }
}
