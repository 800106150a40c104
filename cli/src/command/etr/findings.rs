//! What the files of an evidence dossier say when they are judged together: which proofs there are,
//! that all are about the record at one height, and what stands beside them compared with what they
//! prove.
//!
//! Invariant: the findings are a function of the files and the genesis file; no clock and no node is
//! asked, so whoever reads the dossier makes the same transcript. Every file is judged or named as
//! given and not checked; what should be there and is not is named as absent.

use std::collections::{BTreeMap, BTreeSet};

use titian_contracts::digest::{Digest, hash};
use titian_contracts::etr::record::Record;
use titian_contracts::etr::{content, provisions};
use titian_contracts::json::Value;
use titian_contracts::op::{Op, Register, digest_of};
use titian_contracts::proof::{self, Proven};
use titian_contracts::time;
use titian_genesis::{Genesis, profiles};

use super::dossier::{Files, sha256};
use super::layout::{
    self, AUDIENCE, CONTROL, COURT_EVENTS, HEADS, HISTORY, PLAIN, PROFILE, PROOF, ROLES, RULES,
    SINGULARITY, STATUS, TRANSCRIPT, VALIDATORS,
};
use super::plain;

const RULES_FOLDER: &str = "10-rules/";

/// The judgement of a set of files.
pub(super) struct Findings {
    /// The transcript.
    pub(super) text: String,
    /// What is wrong, in the words of the transcript; empty if all holds.
    pub(super) faults: Vec<String>,
    /// The proofs by file.
    pub(super) proven: BTreeMap<String, Proven>,
    /// Files of others that nothing compares with.
    pub(super) given: Vec<String>,
}

/// Judges files about a record.
pub(super) fn of(id: &str, files: &Files, genesis: &Genesis) -> Findings {
    let (mut proven, mut refused) = (BTreeMap::new(), BTreeMap::new());
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(PROOF)) {
        match proof::verify(bytes, &genesis.anchor(), 0) {
            Ok(shown) => drop(proven.insert(name.clone(), shown)),
            Err(error) => drop(refused.insert(name.clone(), error.to_string())),
        }
    }
    let (text, faults, given) = judge(id, files, &proven, &refused, genesis);
    Findings { text, faults, proven, given }
}

/// Transcript, faults and given files. `refused` tells why files with the name of a proof prove
/// nothing.
fn judge(
    id: &str,
    files: &Files,
    proven: &BTreeMap<String, Proven>,
    refused: &BTreeMap<String, String>,
    genesis: &Genesis,
) -> (String, Vec<String>, Vec<String>) {
    let mut judge = Judge {
        id,
        files,
        proven,
        refused,
        lines: vec![format!("network {}, genesis {}", genesis.chain, genesis.hash)],
        faults: Vec::new(),
        judged: BTreeSet::from([TRANSCRIPT.to_owned()]),
    };
    if let Some(status) = judge.status() {
        judge.about(status, genesis);
    }
    let given = judge.rest();
    let Judge { lines, faults, .. } = judge;
    (format!("{}\n", lines.join("\n")), faults, given)
}

struct Judge<'a> {
    id: &'a str,
    files: &'a Files,
    proven: &'a BTreeMap<String, Proven>,
    refused: &'a BTreeMap<String, String>,
    lines: Vec<String>,
    faults: Vec<String>,
    /// Files that were looked at.
    judged: BTreeSet<String>,
}

impl<'a> Judge<'a> {
    fn say(&mut self, line: String) {
        self.lines.push(line);
    }

    fn fault(&mut self, line: String) {
        self.faults.push(line.clone());
        self.lines.push(line);
    }

    /// What the dossier is about: the record, and the height of the proof of its status.
    fn status(&mut self) -> Option<&'a Proven> {
        let proven = self.proven;
        let id = self.id;
        let height = proven.get(STATUS).map_or(0, |status| status.height);
        let found = |claim: &Value| is(claim, "id", id) && claim.get("public").is_some();
        if !self.files.contains_key(STATUS) {
            self.fault(format!("MISSING {STATUS}: what record and height the dossier is about"));
            return None;
        }
        self.expect(STATUS, "etr-status", height, &found, "")?;
        proven.get(STATUS)
    }

    /// All that is expected of a dossier about the record at the height of its status.
    fn about(&mut self, status: &'a Proven, genesis: &Genesis) {
        let (id, height) = (self.id, status.height);
        let public = status.claim.get("public").unwrap_or(&Value::Null);
        let own = |claim: &Value| is(claim, "id", id) && claim.get("public") == Some(public);
        let answers = |claim: &Value| {
            let answer = claim.get("challenge").unwrap_or(&Value::Null);
            let nonce = layout::nonce(text(public, "head"), height);
            own(claim) && is(answer, "audience", AUDIENCE) && is(answer, "nonce", &nonce)
        };
        if is(public, "status", "dead") && self.files.contains_key(CONTROL) {
            self.judged.insert(CONTROL.to_owned());
            self.fault(format!("DIFFERS {CONTROL}: the record has ended, nobody is in control"));
        } else {
            self.expect(CONTROL, "etr-control", height, &answers, "who is in control");
        }
        let what = "every op with signatures and times";
        let history = self.expect(HISTORY, "etr-history", height, &own, what);
        let asks = history.and_then(question);
        let ruled = |claim: &Value| {
            let same = |name: &str| text(claim, name) == text(public, name);
            let asked = |asked: &Value| {
                ["rulebooks", "states"].iter().all(|name| claim.get(name) == asked.get(name))
            };
            ["profile", "regime", "home"].iter().all(|name| same(name))
                && asks.as_ref().is_none_or(asked)
        };
        let what = "profile, regime, rulebooks, legal effect and court policy";
        let rules = self.expect(RULES, "etr-rules", height, &ruled, what);
        let of = |claim: &Value| is(claim, "of", id);
        let what = "the one root record of its number, with lineage";
        let lineage = self.expect(SINGULARITY, "etr-singularity", height, &of, what);
        let mut histories: Vec<&Value> = history.into_iter().collect();
        for parent in
            lineage.map(|claim| list(claim, "ancestors")).unwrap_or_default().iter().skip(1)
        {
            histories.extend(self.parent(text(parent, "id"), height));
        }
        for history in &histories {
            self.signers(history);
        }
        self.derived(history, rules, genesis);
        self.rulebooks(rules);
        for history in histories {
            self.ops(history);
        }
    }

    /// A proof that may be there, of its kind, of a height, and with a claim that is `ours`; else it is
    /// named as absent, or as wrong. Gives the claim.
    fn expect(
        &mut self,
        name: &str,
        kind: &str,
        height: u64,
        ours: &dyn Fn(&Value) -> bool,
        what: &str,
    ) -> Option<&'a Value> {
        if !self.files.contains_key(name) {
            self.say(format!("ABSENT {name}: {what}"));
            return None;
        }
        self.judged.insert(name.to_owned());
        let proven = self.proven;
        let Some(shown) = proven.get(name) else {
            let why = self.refused.get(name).map_or("no proof", String::as_str);
            self.fault(format!("NOT PROVEN {name}: {why}"));
            return None;
        };
        if shown.kind != kind {
            self.fault(format!("DIFFERS {name}: {} in place of {kind}", shown.kind));
            return None;
        }
        if shown.height != height {
            self.fault(format!("DIFFERS {name}: of height {}, not of {height}", shown.height));
            return None;
        }
        if !ours(&shown.claim) {
            let fault = format!("DIFFERS {name}: not about this record as it stood at the height");
            self.fault(fault);
            return None;
        }
        let claim = shown.claim.without("entries");
        let digest = hash("titian document v1", &[claim.to_jcs().as_bytes()]);
        self.say(format!(
            "PROVEN {name}: {kind} as of height {height}, block time {}, claim {digest}",
            time::rfc3339(shown.time_ms)
        ));
        Some(&shown.claim)
    }

    /// The history of a record that this one was made of, and its heads. Gives its claim.
    fn parent(&mut self, parent: &str, height: u64) -> Option<&'a Value> {
        let own = |claim: &Value| is(claim, "id", parent);
        let what = "history of a record that this one was made of";
        let history = layout::parent_history(parent);
        let history = self.expect(&history, "etr-history", height, &own, what)?;
        let made = heads(history);
        self.compare(&layout::parent_heads(parent), made.as_bytes(), "as the history says");
        Some(history)
    }

    /// The keys of who signed ops of a history, proven as of the height of each.
    fn signers(&mut self, history: &Value) {
        let id = text(history, "id");
        for height in heights(history) {
            let at = |index: usize| time_of(history, index).is_some_and(|(at, _)| at == height);
            let ops = list(history, "ops").iter().enumerate().filter(|(index, _)| at(*index));
            let ops: BTreeSet<String> =
                ops.map(|(_, op)| digest_of(Register::Etr, op).to_string()).collect();
            let ours = |claim: &Value| {
                list(claim, "ops").iter().all(|op| ops.contains(text(op, "digest")))
            };
            let name = layout::signers(id, height);
            self.expect(&name, "etr-signers", height, &ours, "keys and mandates of who signed");
        }
    }

    /// A file that must be there, to the byte.
    fn compare(&mut self, name: &str, made: &[u8], what: &str) {
        self.judged.insert(name.to_owned());
        match self.files.get(name) {
            Some(found) if found == made => self.say(format!("MATCHES {name}: {what}")),
            Some(_) => self.fault(format!("DIFFERS {name}: {what}")),
            None => self.fault(format!("MISSING {name}: {what}")),
        }
    }

    /// Files that follow from proofs and genesis file.
    fn derived(&mut self, history: Option<&Value>, rules: Option<&Value>, genesis: &Genesis) {
        for (name, made) in history.map(derived).into_iter().flatten() {
            self.compare(name, &made, "as the history says");
        }
        if let Some(claim) = rules {
            let (profile, digest) = (text(claim, "profile"), text(claim, "profileDigest"));
            let what = format!("profile {profile}, registered digest {digest}");
            // the source, or what is registered where no source is known; either way the whole of it
            let forms = profile_files(claim);
            let there = forms.iter().find(|(name, _)| self.files.contains_key(*name));
            if let Some((name, made)) = there.or(forms.first()) {
                self.compare(name, made, &what);
            }
        }
        self.compare(VALIDATORS, &validators(genesis), "as the genesis file says");
        if let Some(made) = plain::of(self.proven, genesis) {
            self.compare(PLAIN, made.as_bytes(), "as the proofs say");
        }
    }

    /// Texts of rulebooks against the digests that the ops name.
    fn rulebooks(&mut self, rules: Option<&Value>) {
        let Some(claim) = rules else { return };
        for digest in list(claim, "rulebooks").iter().filter_map(Value::as_text) {
            let states: Vec<&str> = list(claim, "rulebookEntries")
                .iter()
                .filter(|entry| text(entry, "digest") == digest)
                .map(|entry| text(entry, "cc"))
                .collect();
            let states = if states.is_empty() { "no state".to_owned() } else { states.join(" ") };
            let files = self.files;
            match rulebook_texts(files).find(|(_, of)| of.iter().any(|d| d == digest)) {
                // its name is looked at with those of all other files of others
                Some((name, _)) if layout::may_be_given(name) => {
                    self.judged.insert(name.clone());
                    self.say(format!("MATCHES {name}: rulebook {digest}, registered by {states}"));
                }
                _ => self.say(format!("ABSENT text of rulebook {digest}, registered by {states}")),
            }
        }
    }

    /// Files that nothing else speaks of. Those of others are named; what has a name that a dossier
    /// gives to no file of others is refused.
    fn rest(&mut self) -> Vec<String> {
        let files = self.files;
        let mut given = Vec::new();
        for (name, bytes) in files {
            if self.judged.contains(name) {
                continue;
            }
            if layout::may_be_given(name) {
                self.say(format!("GIVEN {name}: {}, not checked", sha256(bytes)));
                given.push(name.clone());
            } else {
                self.fault(format!("REFUSED {name:?}: no file of this dossier"));
            }
        }
        given
    }

    /// Who signed each op, with keys proven as of its height.
    fn ops(&mut self, history: &Value) {
        let id = text(history, "id");
        for (index, op) in list(history, "ops").iter().enumerate() {
            let time = time_of(history, index);
            let signers = self.signers_of(id, op, time);
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

    fn signers_of(&self, id: &str, op: &Value, time: Option<(u64, u64)>) -> String {
        let digest = digest_of(Register::Etr, op).to_string();
        let names = |item: &Value| text(item, "digest") == digest;
        let proof = time.and_then(|(height, _)| self.proven.get(&layout::signers(id, height)));
        let proof = proof.filter(|proven| list(&proven.claim, "ops").iter().any(names));
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

/// What a proof of rules must ask about the record of a history.
fn question(history: &Value) -> Option<Value> {
    let text = |name: &str| history.get(name).map(Value::to_jcs);
    let record = Record::from_texts(&text("public")?, &text("party")?)?;
    Some(provisions::question(&record, list(history, "ops")))
}

/// Forms of the registered profile: its source, if that is known, and what is registered.
pub(super) fn profile_files(rules: &Value) -> Vec<(&'static str, Vec<u8>)> {
    let registered = rules.get("profileValue").unwrap_or(&Value::Null);
    let [toml, json] = PROFILE;
    let source = profiles::etr_profile_file(registered);
    let source = source.map(|source| (toml, source.as_bytes().to_vec()));
    source.into_iter().chain([(json, line(registered))]).collect()
}

/// The validators of the genesis file, as a file of a dossier.
pub(super) fn validators(genesis: &Genesis) -> Vec<u8> {
    let set = genesis.validators.validators.iter();
    let validators = set.map(|validator| {
        Value::object([
            ("ams", Value::from(validator.ams.as_str())),
            ("publicKey", Value::from(hex::encode(validator.public_key))),
        ])
    });
    line(&Value::List(validators.collect()))
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

/// The heads, recomputed from the ops: the first op names the head that the record begins with, and
/// each leads on from the one before. The head that a later op names may be another record's, of a
/// merger.
pub(super) fn heads(claim: &Value) -> String {
    let (mut lines, mut last) = (Vec::new(), None);
    for op in list(claim, "ops") {
        let Ok(op) = Op::from_value(op.clone()) else { continue };
        let named = || Digest::parse(text(&op.value, "head"));
        let Some(head) = last.or_else(named) else { continue };
        let next = content::next_head(head, op.digest);
        lines.push(format!("{} {}: {head} + {} = {next}", lines.len() + 1, op.act, op.digest));
        last = Some(next);
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

/// A value as a file of one line.
fn line(value: &Value) -> Vec<u8> {
    format!("{}\n", value.to_jcs()).into_bytes()
}

/// Files that may be texts of rulebooks, with the digests that registers may hold of each.
pub(super) fn rulebook_texts(files: &Files) -> impl Iterator<Item = (&String, [String; 2])> {
    let given = |name: &&String| {
        name.starts_with(RULES_FOLDER)
            && !name.ends_with(PROOF)
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

/// Whether a member is this text.
fn is(value: &Value, name: &str, wanted: &str) -> bool {
    value.get(name).and_then(Value::as_text) == Some(wanted)
}

#[cfg(test)]
mod tests;
