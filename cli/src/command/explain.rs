//! `titian explain`: any error, check code, status or act in plain words. Works offline.

use serde::Deserialize;
use serde_json::json;
use titian_contracts::access::scope;
use titian_contracts::error::Code;

use crate::error::{CommandError, Result};
use crate::meaning::{ACTS, OTHER_NAMES, STATUSES};
use crate::output::Report;
use crate::session::Session;

/// Every check code of credentials (vc.md §7).
const CHECK_CODES: &str = titian_credential::problem::CODES;
const SUGGESTIONS_MAX: usize = 5;

/// Explain an error, check code, status or act
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  titian explain UBIN_CHECK_FAILED
  titian explain etr.offer
  titian explain REVOKED
  titian explain UBIN_CHECK_FAILED --lang th
  titian explain --all --json")]
pub(crate) struct Args {
    /// Name of an error, check code, status, role or act
    #[arg(required_unless_present = "all")]
    name: Option<String>,
    /// List every name there is
    #[arg(long, conflicts_with = "name")]
    all: bool,
}

#[derive(Deserialize)]
struct CheckCode {
    check: String,
    code: String,
    result: String,
    meaning: String,
}

struct Entry {
    kind: &'static str,
    name: String,
    meaning: String,
    /// The meaning in the language that was chosen, if there is one.
    localized: Option<String>,
    details: Vec<(&'static str, String)>,
}

/// Runs `titian explain`.
pub(crate) fn run(session: &Session, args: &Args) -> Result<Report> {
    let mut entries = entries()?;
    for entry in &mut entries {
        entry.localized = session.output.in_words(&entry.name);
    }
    let Some(name) = &args.name else {
        let lines: Vec<String> = entries
            .iter()
            .map(|e| format!("{:<12} {:<34} {}", e.kind, e.name, e.in_words()))
            .collect();
        let list: Vec<_> = entries.iter().map(Entry::to_json).collect();
        return Ok(Report::new(lines.join("\n"), json!(list)));
    };
    let wanted = name.trim();
    let found: Vec<&Entry> = entries.iter().filter(|e| e.is_named(wanted)).collect();
    if found.is_empty() {
        let mut error = CommandError::usage(format!("nothing is called {wanted}"));
        for near in nearest(wanted, &entries) {
            error = error.hint(format!("titian explain {near}"));
        }
        return Err(error.hint("titian explain --all lists every name"));
    }
    let text: Vec<String> = found.iter().map(|entry| entry.to_text()).collect();
    let list: Vec<_> = found.iter().map(|entry| entry.to_json()).collect();
    Ok(Report::new(text.join("\n\n"), json!({ "name": wanted, "meanings": list })))
}

/// What an act does, in one sentence; `None` for an unknown one.
pub(crate) fn act_meaning(name: &str) -> Option<&'static str> {
    ACTS.iter().find(|(act, _)| *act == name).map(|(_, meaning)| *meaning)
}

/// What a warning or other term means; `None` for an unknown one.
pub(crate) fn term_meaning(name: &str) -> Option<&'static str> {
    OTHER_NAMES.iter().find(|(term, _)| *term == name).map(|(_, meaning)| *meaning)
}

impl Entry {
    fn new(
        kind: &'static str,
        name: &str,
        meaning: String,
        details: Vec<(&'static str, String)>,
    ) -> Self {
        Self { kind, name: name.to_owned(), meaning, localized: None, details }
    }

    /// Acts are also found by their last part and in the spelling of the command line.
    fn is_named(&self, wanted: &str) -> bool {
        let wanted = if self.kind == "act" { wanted.replace('-', "_") } else { wanted.to_owned() };
        self.name.eq_ignore_ascii_case(&wanted)
            || (self.kind == "act" && self.name.rsplit('.').next() == Some(&wanted))
    }

    /// The meaning in the language that was chosen, else in English.
    fn in_words(&self) -> &str {
        self.localized.as_deref().unwrap_or(&self.meaning)
    }

    fn to_text(&self) -> String {
        let mut lines = vec![format!("{} ({})", self.name, self.kind), self.in_words().to_owned()];
        lines.extend(self.details.iter().map(|(name, value)| format!("{name}: {value}")));
        lines.join("\n")
    }

    fn to_json(&self) -> serde_json::Value {
        let mut json = json!({ "kind": self.kind, "name": self.name, "meaning": self.meaning });
        if let Some(words) = &self.localized {
            json["localized"] = words.as_str().into();
        }
        if let Some(members) = json.as_object_mut() {
            for (name, value) in &self.details {
                members.insert((*name).to_owned(), value.as_str().into());
            }
        }
        json
    }
}

fn entries() -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for code in Code::ALL {
        let mut details = vec![("number", code.number().to_string())];
        if let Some(remedy) = remedy(*code) {
            details.push(("remedy", remedy.to_owned()));
        }
        let meaning = sentence(code.meaning());
        entries.push(Entry::new("error", code.name(), meaning, details));
    }
    let codes: Vec<CheckCode> = serde_json::from_str(CHECK_CODES)
        .map_err(|error| CommandError::bug(format!("check codes: {error}")))?;
    for code in codes {
        let details = vec![("check", code.check), ("result", code.result)];
        entries.push(Entry::new("check code", &code.code, code.meaning, details));
    }
    for (register, acts) in scope::ACTS {
        for act in *acts {
            let name = format!("{register}.{act}");
            let meaning = sentence(act_meaning(&name).unwrap_or_default());
            let command = format!("titian {}", command_of(register, act));
            entries.push(Entry::new("act", &name, meaning, vec![("command", command)]));
        }
    }
    for (kind, names) in [("status", STATUSES), ("term", OTHER_NAMES)] {
        for (name, meaning) in names {
            entries.push(Entry::new(kind, name, sentence(meaning), Vec::new()));
        }
    }
    Ok(entries)
}

fn command_of(register: &str, act: &str) -> String {
    let verb = act.replace('_', "-");
    match (register, act.strip_prefix("key_")) {
        ("access", Some(key_act)) => format!("key {key_act}"),
        ("ubin", _) if act == "import_chunk" => "ubin import".to_owned(),
        _ => format!("{register} {verb}"),
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// What to do about an error, where there is something to do.
pub(crate) const fn remedy(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::VersionConflict | Code::StaleSeq | Code::StaleHead => {
            "someone was faster: read the current state and build the op again"
        }
        Code::Busy | Code::Unavailable => "wait for retryAfterMs, then send the same bytes again",
        Code::Pending => "titian ledger receipt TX; sending the same bytes again is safe",
        Code::KeyNotActive => "titian key status PARTY shows which keys are active",
        Code::ScopeDenied => "sign with a key that holds the scope: titian key status PARTY",
        Code::QuorumMissing | Code::MissingSigner | Code::CourtQuorum => {
            "write the op with -o op.json, have the others run titian key cosign op.json"
        }
        Code::UbinCheckFailed => "titian ubin check shows which number may be meant",
        Code::UbinExists => "titian ubin get shows what stands there; change it with update",
        Code::ConsentExists => "titian ubin consents --ubin UBIN shows it; withdraw it first",
        Code::ConsentMissing => "titian ubin consents shows the ids; ask the other state for one",
        Code::ConsentMismatch => {
            "titian ubin consents shows what it names; a later version of the record voids it"
        }
        Code::ChallengeState => "titian ubin challenges shows its state; another act is due",
        Code::ChallengeNoCorrection => "write the corrected version first, or reject the challenge",
        Code::TerminalStatus => "the record has ended; only titian ubin correct could change it",
        Code::SchemeVersion => "titian ubin schemes --node URL shows the version in force",
        Code::LegalAckRequired => {
            "read the warnings (titian etr law), then name them with --ack or use --ack-all"
        }
        Code::NotEntitled => "titian etr show names the title; have it endorsed to you",
        Code::DeadlinePassed => "titian etr expire returns the record to its controller",
        Code::UnknownProposal => "titian gov list shows the proposals and their numbers",
        Code::ProposalState => "titian gov show NO says how it ended; open another one",
        Code::NotBuilt => "a later release will bring it",
        Code::HeightPruned => "ask an archive node",
        _ => return None,
    })
}

fn nearest(wanted: &str, entries: &[Entry]) -> Vec<String> {
    let wanted = wanted.to_uppercase();
    let mut near: Vec<(usize, &str)> = entries
        .iter()
        .map(|entry| (distance(&wanted, &entry.name.to_uppercase()), entry.name.as_str()))
        .filter(|(distance, name)| {
            *distance <= 3 || (wanted.len() > 3 && name.to_uppercase().contains(&wanted))
        })
        .collect();
    near.sort_unstable();
    near.into_iter().take(SUGGESTIONS_MAX).map(|(_, name)| name.to_owned()).collect()
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(i + 1);
        for (j, cb) in b.iter().enumerate() {
            let substitute = row[j] + usize::from(ca != *cb);
            next.push(substitute.min(row[j + 1] + 1).min(next[j] + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
