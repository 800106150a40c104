//! What the files of an evidence dossier say when they are judged together: every proof, and what
//! stands beside the proofs compared with what they prove.
//!
//! Invariant: the findings are a function of the files and the genesis file; no clock and no node is
//! asked, so whoever reads the dossier makes the same transcript.

use std::collections::BTreeMap;

use titian_contracts::digest::{Digest, hash};
use titian_contracts::etr::{content, profile};
use titian_contracts::json::Value;
use titian_contracts::op::{Op, Register, digest_of};
use titian_contracts::proof::{self, Proven};
use titian_contracts::time;
use titian_genesis::{Genesis, profiles};

use super::dossier::{Files, proofs};
use super::plain;

/// Where the history of the record stands.
pub(super) const HISTORY: &str = "11-integrity/history.proof.json";
/// Folder of the histories of records that it was made of.
pub(super) const PARENTS: &str = "11-integrity/parents/";
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
/// The public part of the record.
pub(super) const STATUS: &str = "20-in-fact/status.proof.json";
/// Who is in control of it.
pub(super) const CONTROL: &str = "20-in-fact/control.proof.json";
/// The dossier in plain words.
pub(super) const PLAIN: &str = "30-plain/record.txt";
const RULES_FOLDER: &str = "10-rules/";

/// The judgement of a set of files.
pub(super) struct Findings {
    /// The transcript.
    pub(super) text: String,
    /// Whether every proof is proven and nothing differs from what is proven.
    pub(super) holds: bool,
    /// The proofs by file.
    pub(super) proven: BTreeMap<String, Proven>,
}

/// Judges files.
pub(super) fn of(files: &Files, genesis: &Genesis) -> Findings {
    let mut judge = Judge {
        files,
        lines: vec![format!("network {}, genesis {}", genesis.chain, genesis.hash)],
        holds: true,
        proven: BTreeMap::new(),
    };
    for (name, bytes) in proofs(files) {
        judge.proof(name, bytes, genesis);
    }
    judge.rules();
    judge.derived();
    judge.plain(genesis);
    judge.signers();
    let Judge { lines, holds, proven, .. } = judge;
    Findings { text: format!("{}\n", lines.join("\n")), holds, proven }
}

struct Judge<'a> {
    files: &'a Files,
    lines: Vec<String>,
    holds: bool,
    proven: BTreeMap<String, Proven>,
}

impl Judge<'_> {
    fn say(&mut self, line: String) {
        self.lines.push(line);
    }

    /// A file that must be what a proof says.
    fn compare(&mut self, name: &str, same: bool, what: &str) {
        self.holds &= same;
        let verdict = if same { "MATCHES" } else { "DIFFERS" };
        self.say(format!("{verdict} {name}: {what}"));
    }

    fn proof(&mut self, name: &str, bytes: &[u8], genesis: &Genesis) {
        match proof::verify(bytes, &genesis.anchor(), 0) {
            Ok(proven) => {
                let claim = proven.claim.without("entries");
                let digest = hash("titian document v1", &[claim.to_jcs().as_bytes()]);
                self.say(format!(
                    "PROVEN {name}: {} as of height {}, block time {}, claim {digest}",
                    proven.kind,
                    proven.height,
                    time::rfc3339(proven.time_ms)
                ));
                self.proven.insert(name.to_owned(), proven);
            }
            Err(error) => {
                self.holds = false;
                self.say(format!("NOT PROVEN {name}: {error}"));
            }
        }
    }

    fn claim_of(&self, kind: &str) -> Option<Value> {
        self.proven.values().find(|proven| proven.kind == kind).map(|proven| proven.claim.clone())
    }

    /// Profile and rulebook texts against their digests in the registers.
    fn rules(&mut self) {
        let Some(claim) = self.claim_of("etr-rules") else { return };
        let registered = text(&claim, "profileDigest");
        for name in PROFILE {
            let Some(bytes) = self.files.get(name) else { continue };
            let digest = profile_in(name, bytes).map(|value| profile::profile_hash(&value));
            let same = digest.is_some_and(|digest| digest.to_string() == registered);
            let what =
                format!("profile {}, registered digest {registered}", text(&claim, "profile"));
            self.compare(name, same, &what);
        }
        let mut used: Vec<&String> = Vec::new();
        for digest in list(&claim, "rulebooks").iter().filter_map(Value::as_text) {
            let states: Vec<&str> = list(&claim, "rulebookEntries")
                .iter()
                .filter(|entry| text(entry, "digest") == digest)
                .map(|entry| text(entry, "cc"))
                .collect();
            let states = if states.is_empty() { "no state".to_owned() } else { states.join(" ") };
            match rulebook_texts(self.files).find(|(_, of)| of.iter().any(|d| d == digest)) {
                Some((name, _)) => {
                    used.push(name);
                    let line = format!("MATCHES {name}: rulebook {digest}, registered by {states}");
                    self.lines.push(line);
                }
                None => self
                    .lines
                    .push(format!("ABSENT text of rulebook {digest}, registered by {states}")),
            }
        }
        for (name, _) in rulebook_texts(self.files).filter(|(name, _)| !used.contains(name)) {
            self.lines.push(format!("UNRELATED {name}: no text of a rulebook that the ops name"));
        }
    }

    /// Files that are made of the history alone.
    fn derived(&mut self) {
        let Some(claim) = self.proven.get(HISTORY).map(|proven| proven.claim.clone()) else {
            return;
        };
        for (name, made) in derived(&claim) {
            if let Some(found) = self.files.get(name) {
                let same = found == &made;
                self.compare(name, same, "as the history says");
            }
        }
    }

    /// The plain words, written anew from what is proven.
    fn plain(&mut self, genesis: &Genesis) {
        if let Some(found) = self.files.get(PLAIN) {
            let made = plain::of(&self.proven, genesis);
            let same = made.is_some_and(|made| made.as_bytes() == found.as_slice());
            self.compare(PLAIN, same, "as the proofs say");
        }
    }

    /// Who signed each op, with keys proven as of its height.
    fn signers(&mut self) {
        let histories: Vec<Value> = self
            .proven
            .values()
            .filter(|p| p.kind == "etr-history")
            .map(|p| p.claim.clone())
            .collect();
        for claim in histories {
            let id = text(&claim, "id").to_owned();
            for (index, op) in list(&claim, "ops").iter().enumerate() {
                let time = time_of(&claim, index);
                let signers = self.signers_of(op, time);
                self.say(format!(
                    "OP {id} {} {}{}: {signers}",
                    index + 1,
                    text(op, "act"),
                    time.map_or_else(String::new, |(height, ms)| {
                        format!(" at height {height}, {}", time::rfc3339(ms))
                    })
                ));
            }
        }
    }

    fn signers_of(&self, op: &Value, time: Option<(u64, u64)>) -> String {
        let digest = digest_of(Register::Etr, op).to_string();
        let names = |item: &Value| text(item, "digest") == digest;
        let proof = self.proven.values().find(|proven| {
            proven.kind == "etr-signers"
                && time.is_some_and(|(height, _)| proven.height == height)
                && list(&proven.claim, "ops").iter().any(names)
        });
        let each = list(op, "sigs").iter().map(|sig| {
            let (party, key) = (text(sig, "party"), text(sig, "key"));
            let under = match (sig.get("for").and_then(Value::as_text), sig.get("mandate")) {
                (Some(principal), Some(no)) => {
                    format!(" for {principal} by mandate {}", no.to_jcs())
                }
                _ => String::new(),
            };
            let proven = match (proof, time) {
                (Some(proof), Some((_, ms))) => key_state(&proof.claim, party, key, ms),
                _ => "key not proven as of then".to_owned(),
            };
            format!("{party}#{key}{under}, {proven}")
        });
        let each: Vec<String> = each.collect();
        if each.is_empty() { "no signature is needed".to_owned() } else { each.join("; ") }
    }
}

/// What a proof of signers says of a key at a block time.
fn key_state(claim: &Value, party: &str, key: &str, ms: u64) -> String {
    let is = |item: &&Value| text(item, "party") == party && text(item, "key") == key;
    let Some(entry) = list(claim, "keys").iter().find(is) else {
        return "key not proven as of then".to_owned();
    };
    let number = |name: &str| {
        entry.get(name).and_then(Value::as_int).and_then(|number| u64::try_from(number).ok())
    };
    let begun = number("activeFromMs").is_some_and(|from| from <= ms);
    let ended = number("endsMs").is_some_and(|end| end <= ms);
    let lost = number("compromisedMs").is_some_and(|from| from <= ms);
    match (begun, ended, lost) {
        (_, _, true) => "key compromised then".to_owned(),
        (true, false, false) => "key active then".to_owned(),
        _ => "key not active then".to_owned(),
    }
}

/// Height and block time of an op of a history, if they are proven.
pub(super) fn time_of(claim: &Value, index: usize) -> Option<(u64, u64)> {
    let item = list(claim, "times")
        .iter()
        .find(|item| item.get("seq").and_then(Value::as_int) == i64::try_from(index + 1).ok())?;
    let number = |name: &str| u64::try_from(item.get(name)?.as_int()?).ok();
    Some((number("height")?, number("ms")?))
}

/// The heights at which ops of a history were carried out, ascending.
pub(super) fn heights(claim: &Value) -> Vec<u64> {
    let count = list(claim, "ops").len();
    let mut heights: Vec<u64> =
        (0..count).filter_map(|index| time_of(claim, index)).map(|(height, _)| height).collect();
    heights.dedup();
    heights
}

/// Files that follow from the claim of a history.
pub(super) fn derived(claim: &Value) -> [(&'static str, Vec<u8>); 3] {
    let line = |value: &Value| format!("{}\n", value.to_jcs()).into_bytes();
    let roles = Value::object(
        ["id", "public", "party", "endorsements"]
            .map(|name| (name, claim.get(name).cloned().unwrap_or(Value::Null))),
    );
    [
        (HEADS, heads(claim).into_bytes()),
        (ROLES, line(&roles)),
        (COURT_EVENTS, line(&court_events(claim))),
    ]
}

/// The heads, recomputed from the ops.
pub(super) fn heads(claim: &Value) -> String {
    let mut lines = Vec::new();
    for op in list(claim, "ops") {
        let Ok(op) = Op::from_value(op.clone()) else { continue };
        let Some(head) = Digest::parse(text(&op.value, "head")) else { continue };
        let next = content::next_head(head, op.digest);
        lines.push(format!("{} {}: {head} + {} = {next}", lines.len() + 1, op.act, op.digest));
    }
    format!("{}\n", lines.join("\n"))
}

/// Freezes and court acts, with when they were carried out.
fn court_events(claim: &Value) -> Value {
    let of_court = |op: &Value| {
        let act = text(op, "act");
        act.starts_with("court_") || act.ends_with("freeze")
    };
    let ops = list(claim, "ops").iter().enumerate().filter(|(_, op)| of_court(op));
    let events = ops.map(|(index, op)| {
        let time = time_of(claim, index);
        Value::object([
            ("seq", Value::from(index as u64 + 1)),
            ("height", Value::from(time.map(|(height, _)| height))),
            ("ms", Value::from(time.map(|(_, ms)| ms))),
            ("op", op.clone()),
        ])
    });
    Value::List(events.collect())
}

/// The profile in a file, TOML or JSON by its name.
fn profile_in(name: &str, bytes: &[u8]) -> Option<Value> {
    let content = std::str::from_utf8(bytes).ok()?;
    if name.ends_with(".toml") {
        profiles::of_toml(content)
    } else {
        titian_contracts::json::parse(content.trim_end_matches('\n').as_bytes()).ok()
    }
}

/// Files that may be texts of rulebooks, with the digests that registers may hold of each.
pub(super) fn rulebook_texts(files: &Files) -> impl Iterator<Item = (&String, [String; 2])> {
    let given = |name: &&String| {
        name.starts_with(RULES_FOLDER)
            && !name.ends_with(".proof.json")
            && !PROFILE.contains(&name.as_str())
    };
    files.iter().filter(move |(name, _)| given(name)).map(|(name, bytes)| {
        let of = ["titian rulebook v1", "titian document v1"];
        (name, of.map(|context| hash(context, &[bytes]).to_string()))
    })
}

pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_list).unwrap_or_default()
}

pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_text).unwrap_or_default()
}
