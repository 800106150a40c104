//! `titian etr evidence`: gathers what convinces a court (MLETR art. 12) into a dossier.
//!
//! Everything that the ledger knows comes as proofs of one height, but for the keys of those who
//! signed, which are proven as of the height of each op. What is not to be had is named with the
//! reason.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value as Json, json};
use titian_api::etr::{Challenge, ProveParams};
use titian_api::{Call as _, call};
use titian_contracts::json::Value;
use titian_contracts::proof::{self, Proven};
use titian_genesis::Genesis;

use super::dossier::{self, Files, Section};
use super::layout::{
    self, CONTROL, HISTORY, PLAIN, RULES, SECTIONS, SINGULARITY, STATUS, TRANSCRIPT, VALIDATORS,
};
use super::{ask_as, findings, plain, prove, show};
use crate::act::now_ms;
use crate::command::verify::read_genesis;
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;
use crate::wallet::{KeyRef, write_private};

/// Arguments of `evidence`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The record
    id: String,
    /// A party to the record, who sees its history; of a controller also the proof of control. Repeat it
    /// for joint holders
    #[arg(long = "as", required = true, value_name = "PARTY[#kN]")]
    party: Vec<KeyRef>,
    /// As of this height [default: the head]
    #[arg(long, value_name = "HEIGHT")]
    at: Option<u64>,
    /// A document for a section: rulebook text, bill of materials, audit or accreditation credential;
    /// repeat it
    #[arg(long, value_name = "SECTION=FILE")]
    attach: Vec<String>,
    /// Genesis file of the network [default: the devnet's in ./net]
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// Where to write it
    #[arg(short, long = "out", value_name = "FILE")]
    out: PathBuf,
}

/// Why something is not in the dossier.
type Lacking = (&'static str, String);

/// What is being put together.
struct Dossier<'a> {
    session: &'a Session,
    args: &'a Args,
    genesis: &'a Genesis,
    height: u64,
    /// The record as of the height, as the node shows it to the party.
    record: Json,
    files: Files,
    /// What the proofs among the files prove, by file.
    proven: BTreeMap<String, Proven>,
    sections: Vec<Section>,
}

/// Runs `titian etr evidence`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let genesis = read_genesis(&session.genesis_path(args.genesis.as_ref())?)?;
    let bar = session.output.spinner("gathering evidence");
    let height = match args.at {
        Some(height) => height,
        None => session.client()?.ask::<call::LedgerStatus>(&titian_api::Nothing {})?.height,
    };
    let record = show::get(session, &args.id, Some(height), args.party.first())?;
    let (files, proven, sections) = (Files::new(), BTreeMap::new(), Vec::new());
    let mut dossier =
        Dossier { session, args, genesis: &genesis, height, record, files, proven, sections };
    dossier.attach()?;
    dossier.rules()?;
    let histories = dossier.integrity()?;
    dossier.access(&histories)?;
    let time_ms = dossier.in_fact()?;
    dossier.attested(time_ms);
    dossier.plain();
    let sections = dossier.sections(time_ms);
    let mut files = dossier.files;
    let transcript = findings::of(&args.id, &files, &genesis).text;
    files.insert(TRANSCRIPT.to_owned(), transcript.into_bytes());
    let bytes = dossier::pack(&args.id, &genesis, &sections, &files)?;
    // what would not convince anybody is not written
    dossier::judge(&bytes, &genesis, 0)?;
    write_private(&args.out, &bytes)
        .map_err(|error| CommandError::file("write", &args.out, &error))?;
    bar.finish_and_clear();
    let mut lines: Vec<String> = sections
        .iter()
        .map(|section| format!("{:<16} {:<8} {}", section.name, section.status, section.note))
        .collect();
    let out = args.out.display();
    lines.push(format!("dossier in {out}; next: titian verify {out} --genesis genesis.json"));
    let shown: Vec<Json> = sections
        .iter()
        .map(|s| json!({ "name": s.name, "status": s.status, "note": s.note }))
        .collect();
    let json = json!({ "id": args.id, "file": args.out, "height": height, "sections": shown });
    Ok(Report::new(lines.join("\n"), json))
}

fn text<'a>(value: &'a Json, pointer: &str) -> &'a str {
    document::text(value, pointer).unwrap_or_default()
}

/// What a refusal means for a dossier; others stop it.
fn lacking(error: CommandError) -> Result<Lacking> {
    match error.name.as_deref() {
        Some("HEIGHT_PRUNED") => {
            Ok(("expired", "this node keeps nothing so old; ask another".to_owned()))
        }
        Some("FORBIDDEN") => Ok(("absent", "who asks is no party to it".to_owned())),
        Some("LIMIT_EXCEEDED" | "NOT_BUILT") => Ok(("absent", error.message)),
        _ => Err(error),
    }
}

/// The parts of a section, each with its status and why.
#[derive(Default)]
struct Parts(Vec<(String, &'static str, String)>);

impl Parts {
    fn add(&mut self, name: impl Into<String>, status: &'static str, why: impl Into<String>) {
        self.0.push((name.into(), status, why.into()));
    }

    /// A part that was made, or why it was not.
    fn of(&mut self, name: &str, made: &std::result::Result<Value, Lacking>) {
        match made {
            Ok(_) => self.add(name, "present", ""),
            Err((status, why)) => self.add(name, status, why.as_str()),
        }
    }

    /// The section: present if a part is, else expired if a part is.
    fn section(self, name: &'static str) -> Section {
        let has = |wanted: &str| self.0.iter().any(|(_, status, _)| *status == wanted);
        let status = match (has("present"), has("expired")) {
            (true, _) => "present",
            (false, true) => "expired",
            (false, false) => "absent",
        };
        let part = |(name, status, why): &(String, &str, String)| {
            let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
            format!("{name} {status}{why}")
        };
        let note: Vec<String> = self.0.iter().map(part).collect();
        Section { name, status, note: note.join("; ") }
    }
}

impl Dossier<'_> {
    /// A proof of a kind about the record `id`, put into a file, and its claim; or why there is none.
    fn prove(
        &mut self,
        file: &str,
        params: ProveParams,
    ) -> Result<std::result::Result<Value, Lacking>> {
        let id = params.id.clone().unwrap_or_default();
        let capability = ask_as(self.session, self.args.party.first(), call::EtrProve::NAME, &id)?;
        let params = ProveParams { capability, ..params };
        let bundle = match self.session.client()?.ask::<call::EtrProve>(&params) {
            Ok(answer) => Json::Object(answer.bundle),
            Err(error) => return lacking(error).map(Err),
        };
        // canonical text: the same answer has the same bytes
        let bytes = format!("{}\n", document::from_json(&bundle)?.to_jcs()).into_bytes();
        let proven = proof::verify(&bytes, &self.genesis.anchor(), 0).map_err(|error| {
            CommandError::new(crate::error::Kind::NotProven, format!("the node's proof: {error}"))
                .hint("it is broken or hostile, or of another network: use another one with --node")
        })?;
        self.files.insert(file.to_owned(), bytes);
        let claim = proven.claim.clone();
        self.proven.insert(file.to_owned(), proven);
        Ok(Ok(claim))
    }

    fn asked(&self, kind: &str, id: &str) -> ProveParams {
        ProveParams {
            kind: kind.to_owned(),
            id: Some(id.to_owned()),
            height: Some(self.height),
            ..ProveParams::default()
        }
    }

    /// Files that others made.
    fn attach(&mut self) -> Result<()> {
        let usage = || {
            let names: Vec<&str> = SECTIONS.iter().map(|(name, ..)| *name).collect();
            CommandError::usage("--attach is SECTION=FILE").hint(names.join(", "))
        };
        for given in &self.args.attach {
            let (section, path) = given.split_once('=').ok_or_else(usage)?;
            let known = SECTIONS.iter().find(|(name, ..)| *name == section);
            let (name, ..) = known.ok_or_else(usage)?;
            let bytes = document::read(path.as_ref())?;
            let file = std::path::Path::new(path).file_name().and_then(|name| name.to_str());
            let entry = format!("{name}/{}", file.ok_or_else(usage)?);
            if !layout::may_be_given(&entry) {
                return Err(CommandError::usage(format!("--attach {entry:?}: not a name to give"))
                    .hint("a name of the dossier's own, or one with signs that mislead"));
            }
            if self.files.insert(entry.clone(), bytes).is_some() {
                return Err(CommandError::usage(format!("{entry} is attached twice")));
            }
        }
        Ok(())
    }

    /// Profile, legal effect, regime, rulebooks and court policy as the registers hold them.
    fn rules(&mut self) -> Result<()> {
        let id = self.args.id.clone();
        let made = self.prove(RULES, self.asked("rules", &id))?;
        let mut parts = Parts::default();
        parts.of("governance, legal effect and court policy with proof", &made);
        if let Ok(claim) = &made {
            let forms = findings::profile_files(claim);
            if forms.len() > 1 {
                parts.add("profile file", "present", "its digest is the registered one");
            } else {
                parts.add("profile", "present", "as registered; its TOML source is not known here");
            }
            self.files
                .extend(forms.into_iter().take(1).map(|(name, form)| (name.to_owned(), form)));
            if findings::list(claim, "courtPolicies").is_empty() {
                let why = format!("{} has enacted none", findings::text(claim, "home"));
                parts.add("court policy", "absent", why);
            }
            for digest in findings::list(claim, "rulebooks").iter().filter_map(Value::as_text) {
                let name = format!("text of rulebook {digest}");
                let found = findings::rulebook_texts(&self.files)
                    .find(|(_, digests)| digests.iter().any(|other| other == digest));
                match found {
                    Some((file, _)) => {
                        parts.add(name, "present", format!("{file} has this digest"))
                    }
                    None => parts.add(name, "absent", "no text with this digest was attached"),
                }
            }
        }
        self.sections.push(parts.section("10-rules"));
        Ok(())
    }

    /// Histories of the record and of those that it was made of, and the lineage of its number.
    /// Returns the claims of the histories, the record's own first.
    fn integrity(&mut self) -> Result<Vec<Value>> {
        let id = self.args.id.clone();
        let mut parts = Parts::default();
        let mut histories = Vec::new();
        let own = self.prove(HISTORY, self.asked("history", &id))?;
        parts.of("every op with signatures and times, heads recomputed", &own);
        if let Ok(claim) = own {
            for (name, bytes) in findings::derived(&claim) {
                self.files.insert(name.to_owned(), bytes);
            }
            histories.push(claim);
        }
        let lineage = self.prove(SINGULARITY, self.asked("singularity", &id))?;
        parts.of("the one root record of its number with lineage", &lineage);
        let lineage = lineage.unwrap_or(Value::Null);
        if lineage.get("complete") == Some(&Value::Bool(false)) {
            let why = "records that who asks is no party to stay closed, and a proof shows 256";
            parts.add("all descendants of the root", "absent", why);
        }
        if lineage.get("ancestorsComplete") == Some(&Value::Bool(false)) {
            parts.add("all that it was made of", "absent", "a proof shows 256 records");
        }
        for parent in findings::list(&lineage, "ancestors").iter().skip(1) {
            let parent = findings::text(parent, "id").to_owned();
            let file = layout::parent_history(&parent);
            let made = self.prove(&file, self.asked("history", &parent))?;
            parts.of(&format!("history of {parent}, which it was made of"), &made);
            if let Ok(claim) = made {
                let heads = findings::heads(&claim).into_bytes();
                self.files.insert(layout::parent_heads(&parent), heads);
                histories.push(claim);
            }
        }
        self.sections.push(parts.section("11-integrity"));
        Ok(histories)
    }

    /// Keys and mandates of everybody who signed, as of the height of each op; roles; what courts did.
    fn access(&mut self, histories: &[Value]) -> Result<()> {
        let mut parts = Parts::default();
        let (mut proven, mut missing) = (0_usize, Vec::new());
        for claim in histories {
            let id = findings::text(claim, "id").to_owned();
            for height in findings::heights(claim) {
                let file = layout::signers(&id, height);
                let asked = ProveParams { height: Some(height), ..self.asked("signers", &id) };
                match self.prove(&file, asked)? {
                    Ok(_) => proven += 1,
                    Err((status, why)) => missing.push((height, status, why)),
                }
            }
        }
        match histories.first().filter(|_| self.proven.contains_key(HISTORY)) {
            None => parts.add("signer keys and mandates", "absent", "there is no history"),
            Some(own) => {
                if proven > 0 {
                    parts.add(
                        format!("signer keys and mandates at {proven} heights"),
                        "present",
                        "",
                    );
                } else if missing.is_empty() {
                    let why = "the record is older than clocks, so the heights are not proven";
                    parts.add("signer keys and mandates at each height", "absent", why);
                }
                parts.add("roles, freeze and court events", "present", "from the history");
                let ops = findings::list(own, "ops").len();
                let timed = findings::list(own, "times").len();
                if timed < ops && proven > 0 {
                    let why = "they are older than clocks";
                    parts.add(format!("heights of the first {} ops", ops - timed), "absent", why);
                }
            }
        }
        for (height, status, why) in missing {
            parts.add(format!("keys at height {height}"), status, why);
        }
        self.sections.push(parts.section("12-access"));
        Ok(())
    }

    /// What others attest: it came in files.
    fn attested(&mut self, time_ms: u64) {
        let sections = [
            ("13-security", "software digests, bill of materials and key-custody statements"),
            ("14-audit", "audit credentials"),
            ("15-declarations", "accreditation credentials"),
            ("16-standards", "list of standards with conformance results"),
        ];
        for (name, what) in sections {
            let mut parts = Parts::default();
            let prefix = format!("{name}/");
            let given: Vec<(&String, bool)> = self
                .files
                .iter()
                .filter(|(file, _)| file.starts_with(&prefix))
                .map(|(file, bytes)| (file, layout::is_expired(bytes, time_ms)))
                .collect();
            for (file, expired) in &given {
                match expired {
                    true => parts.add(file.as_str(), "expired", "past its validUntil"),
                    false => parts.add(file.as_str(), "present", "as attached"),
                }
            }
            if given.is_empty() {
                parts.add(what, "absent", "none were attached");
            }
            self.sections.push(parts.section(name));
        }
        self.files.insert(VALIDATORS.to_owned(), findings::validators(self.genesis));
    }

    /// Status, and control if those who ask hold it. Gives the block time of the status, ms: without
    /// one nothing says what the dossier is about.
    fn in_fact(&mut self) -> Result<u64> {
        let id = self.args.id.clone();
        let mut parts = Parts::default();
        let status = self.prove(STATUS, self.asked("status", &id))?;
        if let Err((_, why)) = &status {
            let height = self.height;
            return Err(CommandError::refused(format!("no status at height {height}: {why}")));
        }
        let time_ms = self.proven.get(STATUS).map_or(0, |status| status.time_ms);
        parts.of("status", &status);
        match self.challenge()? {
            Err(why) => parts.add("control", "absent", why),
            Ok(challenge) => {
                let asked =
                    ProveParams { challenge: Some(challenge), ..self.asked("control", &id) };
                let made = self.prove(CONTROL, asked)?;
                parts.of("control as of the height", &made);
            }
        }
        parts.add("transcript", "present", "");
        self.sections.push(parts.section("20-in-fact"));
        Ok(time_ms)
    }

    /// The controller's answer to a challenge that follows from record and height, so that the same
    /// state has the same dossier; or why there is none.
    fn challenge(&self) -> Result<std::result::Result<Challenge, String>> {
        if text(&self.record, "/public/status") == "dead" {
            return Ok(Err("the record has ended; nobody is in control".to_owned()));
        }
        let controller = self.record.pointer("/party/controller").unwrap_or(&Json::Null);
        let (members, k) = match controller.get("joint") {
            Some(joint) => {
                let of = joint.get("of").and_then(Json::as_array).into_iter().flatten();
                let k = joint.get("k").and_then(Json::as_u64).unwrap_or(u64::MAX);
                (of.filter_map(Json::as_str).collect(), k)
            }
            None => (vec![text(controller, "/party")], 1),
        };
        let keys: Vec<KeyRef> = self
            .args
            .party
            .iter()
            .filter(|key| members.contains(&key.party.as_str()))
            .cloned()
            .collect();
        if (keys.len() as u64) < k {
            let why = match controller.get("joint") {
                Some(_) => format!("control is joint, and {k} of its holders must ask: --as each"),
                None => "who asks is not the controller".to_owned(),
            };
            return Ok(Err(why));
        }
        let head = text(&self.record, "/public/head");
        let ms = self.record.pointer("/asOf/timeMs").and_then(Json::as_u64);
        let asked = prove::Asked {
            audience: layout::AUDIENCE.to_owned(),
            nonce: layout::nonce(head, self.height),
            ms: Some(ms.unwrap_or_else(now_ms)),
            ..prove::Asked::default()
        };
        let answered = prove::sign(self.session, &self.args.id, &asked, &keys, Some(self.height))?;
        Ok(Ok(answered.challenge))
    }

    /// The sections in their order, each with the status that follows from files and proofs.
    fn sections(&mut self, time_ms: u64) -> Vec<Section> {
        let mut sections = std::mem::take(&mut self.sections);
        sections.sort_by_key(|section| section.name);
        for section in &mut sections {
            match layout::status(section.name, &self.files, &self.proven, time_ms) {
                Some(follows) => section.status = follows,
                None if section.status == "present" => section.status = "absent",
                None => {}
            }
        }
        sections
    }

    /// The same in words, from what is proven.
    fn plain(&mut self) {
        let mut parts = Parts::default();
        if let Some(text) = plain::of(&self.proven, self.genesis) {
            self.files.insert(PLAIN.to_owned(), text.into_bytes());
            parts.add("record and cross-walk", "present", "");
        }
        for (file, what) in
            [(HISTORY, "the chain in words, acknowledgements"), (RULES, "legal verdicts")]
        {
            match self.proven.contains_key(file) {
                true => parts.add(what, "present", format!("as proven in {file}")),
                false => parts.add(what, "absent", format!("there is no {file}")),
            }
        }
        self.sections.push(parts.section("30-plain"));
    }
}
