//! What stands where in an evidence dossier: its sections, the names of its files, which names others
//! may give to theirs, and what follows from files and proofs of the status of a section.
//!
//! Invariant: who makes a dossier and who judges it ask the same functions here.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use titian_contracts::digest::hash;
use titian_contracts::proof::Proven;

use super::dossier::Files;
use crate::document;

const DAY_MS: u64 = 86_400_000;
/// Longest name of a file that others made, bytes.
const NAME_BYTES_MAX: usize = 255;

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
/// Sections that others fill: nothing in them is proven by the ledger.
const GIVEN: [&str; 4] = ["13-security", "14-audit", "15-declarations", "16-standards"];

/// Where the history of the record stands.
pub(super) const HISTORY: &str = "11-integrity/history.proof.json";
/// The one root record of its number, with lineage.
pub(super) const SINGULARITY: &str = "11-integrity/singularity.proof.json";
/// Folder of the histories of records that it was made of.
const PARENTS: &str = "11-integrity/parents";
/// Heads of the record, recomputed.
pub(super) const HEADS: &str = "11-integrity/heads.txt";
/// Who is what to the record, from its history.
pub(super) const ROLES: &str = "12-access/roles.json";
/// What courts did, from its history.
pub(super) const COURT_EVENTS: &str = "12-access/court-events.json";
/// The profile as it is registered, or its source where that is known.
pub(super) const PROFILE: [&str; 2] = ["10-rules/profile.toml", "10-rules/profile.json"];
/// Profile, regime, rulebooks, legal effect and court policy.
pub(super) const RULES: &str = "10-rules/rules.proof.json";
/// The validators of the genesis file.
pub(super) const VALIDATORS: &str = "13-security/validators.json";
/// The public part of the record; its height is that of the dossier.
pub(super) const STATUS: &str = "20-in-fact/status.proof.json";
/// Who is in control of it.
pub(super) const CONTROL: &str = "20-in-fact/control.proof.json";
/// What the files say when they are judged together.
pub(super) const TRANSCRIPT: &str = "20-in-fact/transcript.txt";
/// The dossier in plain words.
pub(super) const PLAIN: &str = "30-plain/record.txt";
/// How names of proofs end.
pub(super) const PROOF: &str = ".proof.json";

/// Names that a dossier gives to its own files only, besides those of proofs.
const RESERVED: [&str; 9] =
    [PROFILE[0], PROFILE[1], PARENTS, HEADS, ROLES, COURT_EVENTS, VALIDATORS, TRANSCRIPT, PLAIN];

/// The audience of the answer by which a dossier shows control.
pub(super) const AUDIENCE: &str = "evidence dossier";

/// The nonce of that answer: it follows from record and height, so that the same state has the same
/// dossier, and an answer that was given to somebody else is none.
pub(super) fn nonce(head: &str, height: u64) -> String {
    hex::encode(hash("titian etr dossier v1", &[head.as_bytes(), &height.to_be_bytes()]).0)
}

/// Where the history of a record stands that this one was made of.
pub(super) fn parent_history(parent: &str) -> String {
    format!("{PARENTS}/{parent}.history{PROOF}")
}

/// Where the heads of that record stand, recomputed.
pub(super) fn parent_heads(parent: &str) -> String {
    format!("{PARENTS}/{parent}.heads.txt")
}

/// Where it stands under which keys the ops on a record at a height were signed.
pub(super) fn signers(id: &str, height: u64) -> String {
    format!("12-access/{id}-{height:010}{PROOF}")
}

/// Whether a file of others may have this name: in a section, no name of the dossier's own, and
/// nothing that leads elsewhere or shows as another name.
pub(super) fn may_be_given(name: &str) -> bool {
    let misleads = |c: char| {
        c.is_control()
            || matches!(c, '/' | '\\' | ':' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let lower = name.to_lowercase();
    let Some((section, file)) = name.split_once('/') else { return false };
    SECTIONS.iter().any(|(known, ..)| *known == section)
        && !file.is_empty()
        && file.len() <= NAME_BYTES_MAX
        && file.trim() == file
        && !file.starts_with('.')
        && !file.contains(misleads)
        && !lower.ends_with(PROOF)
        && !RESERVED.contains(&lower.as_str())
}

/// Whether a section is filled by others, so that its files are given and not proven.
pub(super) fn is_given(section: &str) -> bool {
    GIVEN.contains(&section)
}

/// What follows of the status of a section from the files and what is proven, as of a block time in
/// ms. `None`: nothing of it is there, and whether that is absent or expired, who made the dossier
/// says alone.
pub(super) fn status(
    section: &str,
    files: &Files,
    proven: &BTreeMap<String, Proven>,
    time_ms: u64,
) -> Option<&'static str> {
    let within = |name: &str| name.split_once('/').is_some_and(|(first, _)| first == section);
    if is_given(section) {
        let given = || files.iter().filter(|(name, _)| within(name) && *name != VALIDATORS);
        let valid = given().any(|(_, bytes)| !is_expired(bytes, time_ms));
        return Some(match (valid, given().next()) {
            (true, _) => "present",
            (false, Some(_)) => "expired",
            (false, None) => "absent",
        });
    }
    // roles follow from the history, the plain words from all that is proven
    let there = match section {
        "12-access" => proven.contains_key(HISTORY),
        "30-plain" => files.contains_key(PLAIN),
        _ => false,
    };
    (there || proven.keys().any(|name| within(name))).then_some("present")
}

/// Whether a credential is past the day of its `validUntil` at a time.
pub(super) fn is_expired(bytes: &[u8], time_ms: u64) -> bool {
    let json: Json = serde_json::from_slice(bytes).unwrap_or_default();
    let day = document::text(&json, "/validUntil").and_then(|text| text.get(..10));
    let day = day.and_then(titian_contracts::time::Date::parse);
    day.is_some_and(|day| day.start_ms().saturating_add(DAY_MS) <= time_ms)
}

#[cfg(test)]
mod tests {
    use titian_contracts::json::Value;

    use super::*;

    fn proven(names: &[&str]) -> BTreeMap<String, Proven> {
        let of = |name: &&str| {
            let claim = Value::object([("id", Value::from("etr_1"))]);
            let proven = Proven { kind: "etr-status".to_owned(), height: 9, time_ms: 1, claim };
            ((*name).to_owned(), proven)
        };
        names.iter().map(of).collect()
    }

    #[test]
    fn etr_a_file_of_others_has_a_name_within_a_section_that_shows_as_it_is() {
        for name in ["14-audit/audit.json", "10-rules/quy tắc.pdf", "20-in-fact/letter.txt"] {
            assert!(may_be_given(name), "{name}");
        }
        let long = format!("14-audit/{}", "a".repeat(NAME_BYTES_MAX + 1));
        for name in [
            "../../etc/x",
            "14-audit/../x",
            "14-audit/..",
            "14-audit/a/b",
            "14-audit/a\\b",
            "14-audit/C:x",
            "14-audit/a\nPROVEN b",
            "14-audit/a\u{202e}txt.b",
            "14-audit/",
            "14-audit/ a",
            "17-more/a",
            "a.txt",
            "/14-audit/a",
            "20-in-fact/Control.Proof.json",
            "20-in-fact/other.proof.json",
            TRANSCRIPT,
            "20-in-fact/TRANSCRIPT.txt",
            PLAIN,
            VALIDATORS,
            HEADS,
            PROFILE[1],
            PARENTS,
            &long,
        ] {
            assert!(!may_be_given(name), "{name:?}");
        }
    }

    #[test]
    fn etr_the_status_of_a_section_follows_from_its_files_and_proofs() {
        let mut files = Files::from([(VALIDATORS.to_owned(), b"[]".to_vec())]);
        let none = proven(&[]);
        for (section, ..) in SECTIONS {
            let wanted = is_given(section).then_some("absent");
            assert_eq!(status(section, &files, &none, 0), wanted, "{section}");
        }
        let audit = br#"{"validUntil":"2026-01-01T00:00:00Z"}"#;
        files.insert("14-audit/audit.json".to_owned(), audit.to_vec());
        let end = 1_767_225_600_000 + DAY_MS;
        assert_eq!(status("14-audit", &files, &none, end - 1), Some("present"));
        assert_eq!(status("14-audit", &files, &none, end), Some("expired"));
        files.insert("14-audit/letter.txt".to_owned(), b"all is well".to_vec());
        assert_eq!(status("14-audit", &files, &none, end), Some("present"));
        // a text among them makes no section of proofs present
        files.insert("20-in-fact/control.txt".to_owned(), b"mine".to_vec());
        assert_eq!(status("20-in-fact", &files, &none, 0), None);
        let some = proven(&[STATUS, HISTORY]);
        for section in ["20-in-fact", "11-integrity", "12-access"] {
            assert_eq!(status(section, &files, &some, 0), Some("present"), "{section}");
        }
        assert_eq!(status("10-rules", &files, &some, 0), None);
    }
}
