//! The evidence dossier as a file: one ZIP of stored entries, sorted, with fixed times, so that the same
//! evidence has the same bytes (etr-api.md A§2); and its verification from files alone.
//!
//! Invariant: the manifest names every other entry with its SHA-256, nothing else is in the archive,
//! the archive has the one form that these files have, and the transcript is a function of the files
//! in it and the genesis file ([`findings`]).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read as _, Write as _};

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use titian_contracts::json::Value;
use titian_contracts::op::{Register, digest_of};
use titian_contracts::proof::Proven;
use titian_genesis::Genesis;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::findings::{self, Findings};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Output, Report, Tone};

/// Sections with their article and what it asks for. Every one stands in every dossier.
pub(super) const SECTIONS: [(&str, &str, &str); 9] = [
    ("10-rules", "MLETR 12(a)(i)", "operational rules relevant to reliability"),
    ("11-integrity", "MLETR 12(a)(ii)", "assurance of data integrity"),
    (
        "12-access",
        "MLETR 12(a)(iii)",
        "ability to prevent unauthorised access to and use of the system",
    ),
    ("13-security", "MLETR 12(a)(iv)", "security of hardware and software"),
    ("14-audit", "MLETR 12(a)(v)", "regularity and extent of audit by an independent body"),
    ("15-declarations", "MLETR 12(a)(vi)", "declaration by a supervisory or accreditation body"),
    ("16-standards", "MLETR 12(a)(vii)", "applicable industry standards"),
    ("20-in-fact", "MLETR 12(b)", "proven in fact to have fulfilled the function"),
    ("30-plain", "MLETR 8", "the same in plain words, with the UK ETDA 2023 s 2(2) cross-walk"),
];
/// Where the transcript stands.
pub(super) const TRANSCRIPT: &str = "20-in-fact/transcript.txt";
const MANIFEST: &str = "manifest.json";
const PROOF: &str = ".proof.json";
const ENTRIES_MAX: usize = 4_096;
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Files by name.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// What a section says of itself.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// Of [`SECTIONS`].
    pub(super) name: &'static str,
    /// present, absent or expired.
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

fn sha256(bytes: &[u8]) -> String {
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

/// The proofs in a set of files, by name.
pub(super) fn proofs(files: &Files) -> impl Iterator<Item = (&String, &Vec<u8>)> {
    files.iter().filter(|(name, _)| name.ends_with(PROOF))
}

/// Judges a dossier from the genesis file alone.
pub(crate) fn verify(output: Output, bytes: &[u8], genesis: &Genesis) -> Result<Report> {
    let broken = |what: String| {
        CommandError::new(Kind::NotProven, format!("not proven: {what}"))
            .with_data(json!({ "proven": false, "reason": what }))
    };
    let mut files = unpack(bytes)?;
    if archive(&files)? != bytes {
        return Err(broken("its bytes are not those of its files".into()));
    }
    let manifest = files.remove(MANIFEST).ok_or_else(|| broken("there is no manifest".into()))?;
    let manifest: Json =
        serde_json::from_slice(&manifest).map_err(|_| broken("the manifest is no JSON".into()))?;
    let text = |pointer: &str| document::text(&manifest, pointer).unwrap_or_default().to_owned();
    if manifest.get("titianDossier").and_then(Json::as_u64) != Some(1) {
        return Err(broken("unknown version".into()));
    }
    if text("/chain") != genesis.chain || text("/genesis") != genesis.hash.to_string() {
        return Err(broken("of another network than the genesis file".into()));
    }
    let listed = manifest.get("files").and_then(Json::as_array).cloned().unwrap_or_default();
    let listed: BTreeMap<String, String> = listed
        .iter()
        .filter_map(|file| {
            let text = |name: &str| document::text(file, name).map(str::to_owned);
            Some((text("/name")?, text("/sha256")?))
        })
        .collect();
    let found: BTreeMap<String, String> =
        files.iter().map(|(name, bytes)| (name.clone(), sha256(bytes))).collect();
    if listed != found {
        return Err(broken("files differ from the manifest".into()));
    }
    let sections = sections_of(&manifest).ok_or_else(|| broken("a section is missing".into()))?;
    let Findings { text: made, holds, proven } = findings::of(&files, genesis);
    if files.get(TRANSCRIPT).map(Vec::as_slice) != Some(made.as_bytes()) {
        return Err(broken("the transcript is not what the proofs say".into()));
    }
    if !holds || proven.is_empty() {
        let what = "a proof does not verify, a file differs from what is proven, or there is none";
        return Err(broken(what.into()));
    }
    let id = text("/id");
    if let Some(name) = foreign(&id, &proven) {
        return Err(broken(format!("{name} is about another record")));
    }
    let mut lines =
        vec![format!("{}  evidence dossier of {id}", output.paint(Tone::Good, "PROVEN"))];
    lines.extend(sections.iter().map(|(name, status)| format!(" {status:<8} {name}")));
    lines.extend(made.lines().map(|line| format!(" {line}")));
    let shown: Vec<Json> =
        sections.iter().map(|(name, status)| json!({ "name": name, "status": status })).collect();
    let json = json!({ "proven": true, "kind": "dossier", "id": id, "sections": shown,
        "transcript": made, "files": found });
    Ok(Report::new(lines.join("\n"), json))
}

/// A proof that is about another record than the dossier, its root, those it was made of, what they
/// stand under, and who signed their ops.
fn foreign<'a>(id: &str, proven: &'a BTreeMap<String, Proven>) -> Option<&'a String> {
    let own = |proven: &&Proven| findings::text(&proven.claim, "id") == id;
    // the party part of the record names its root, the lineage those between
    let root = proven
        .values()
        .filter(own)
        .find_map(|proven| proven.claim.get("party")?.get("lineage")?.get("root")?.as_text());
    let lineage = proven.values().filter(|proven| findings::text(&proven.claim, "of") == id);
    let lineage: Vec<&str> = lineage
        .flat_map(|proven| findings::list(&proven.claim, "ancestors"))
        .map(|node| findings::text(node, "id"))
        .collect();
    let histories = || proven.values().filter(|proven| proven.kind == "etr-history");
    let ops: BTreeSet<String> = histories()
        .flat_map(|proven| findings::list(&proven.claim, "ops"))
        .map(|op| digest_of(Register::Etr, op).to_string())
        .collect();
    let is_ours = |proven: &Proven| {
        let subject = findings::text(&proven.claim, "id");
        match proven.kind.as_str() {
            "etr-signers" => findings::list(&proven.claim, "ops")
                .iter()
                .all(|op| ops.contains(findings::text(op, "digest"))),
            "etr-rules" => histories().any(|history| {
                let public = history.claim.get("public").unwrap_or(&Value::Null);
                let same = |name: &str| {
                    findings::text(public, name) == findings::text(&proven.claim, name)
                };
                same("profile") && same("regime") && same("home")
            }),
            "etr-singularity" => Some(subject) == root,
            _ => subject == id || lineage.contains(&subject),
        }
    };
    proven.iter().find(|(_, proven)| !is_ours(proven)).map(|(name, _)| name)
}

/// Name and status of every section; `None` unless all are there, each with a known status.
fn sections_of(manifest: &Json) -> Option<Vec<(String, String)>> {
    let items = manifest.get("sections")?.as_array()?;
    let read = |item: &Json| {
        let status = document::text(item, "/status")?;
        let known = ["present", "absent", "expired"].contains(&status);
        known.then(|| {
            (document::text(item, "/name").unwrap_or_default().to_owned(), status.to_owned())
        })
    };
    let sections: Vec<(String, String)> = items.iter().map(read).collect::<Option<_>>()?;
    let names: Vec<&str> = sections.iter().map(|(name, _)| name.as_str()).collect();
    (names == SECTIONS.map(|(name, ..)| name)).then_some(sections)
}

#[cfg(test)]
mod tests {
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
