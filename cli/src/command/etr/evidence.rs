//! `titian etr evidence`: gathers what convinces a court (MLETR art. 12) into a dossier.

use std::path::PathBuf;

use serde_json::{Value as Json, json};
use titian_api::access::PartyParams;
use titian_api::etr::ProveParams;
use titian_api::etr_read::{CourtPolicyParams, HistoryParams, ProfileParams};
use titian_api::{Call as _, call};

use super::dossier::{self, Files, SECTIONS, Section, TRANSCRIPT};
use super::{ask_as, law, prove, show};
use crate::act::{now_ms, random_hex};
use crate::command::verify::read_genesis;
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;
use crate::wallet::{KeyRef, write_private};

const DAY_MS: u64 = 86_400_000;

/// Arguments of `evidence`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The record
    id: String,
    /// A party to the record, who sees its history; of a controller also the proof of control
    #[arg(long = "as", value_name = "PARTY[#kN]")]
    party: KeyRef,
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

/// What is being put together.
struct Dossier {
    files: Files,
    sections: Vec<Section>,
}

impl Dossier {
    fn json(&mut self, name: &str, value: &Json) -> Result<()> {
        // canonical text: the same answer has the same bytes
        let text = titian_credential::json::canonical(value);
        self.files.insert(name.to_owned(), format!("{text}\n").into_bytes());
        Ok(())
    }

    fn section(&mut self, name: &'static str, status: &'static str, note: &str) {
        self.sections.push(Section { name, status, note: note.to_owned() });
    }
}

/// Runs `titian etr evidence`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let genesis = read_genesis(&session.genesis_path(args.genesis.as_ref())?)?;
    let bar = session.output.spinner("gathering evidence");
    let record = show::get(session, &args.id, None, Some(&args.party))?;
    let mut dossier = Dossier { files: Files::new(), sections: Vec::new() };
    rules(session, args, &record, &mut dossier)?;
    let history = integrity(session, args, &record, &mut dossier)?;
    access(session, &history, &record, &mut dossier)?;
    attached(session, args, &mut dossier)?;
    in_fact(session, args, &record, &mut dossier)?;
    plain(session, &record, &history, &mut dossier)?;
    let (transcript, _) = dossier::transcript(dossier::proofs(&dossier.files), &genesis);
    dossier.files.insert(TRANSCRIPT.to_owned(), transcript.into_bytes());
    let mut sections = dossier.sections;
    sections.sort_by_key(|section| section.name);
    let bytes = dossier::pack(&args.id, &genesis, &sections, &dossier.files)?;
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
    Ok(Report::new(lines.join("\n"), json!({ "id": args.id, "file": args.out, "sections": shown })))
}

fn text<'a>(value: &'a Json, pointer: &str) -> &'a str {
    document::text(value, pointer).unwrap_or_default()
}

/// Profile, legal effect and court policy as they stand.
fn rules(session: &Session, args: &Args, record: &Json, dossier: &mut Dossier) -> Result<()> {
    let client = session.client()?;
    let profile = text(record, "/public/profile");
    let (id, version) = profile.split_once('@').unwrap_or((profile, "1"));
    let params = ProfileParams { id: id.to_owned(), version: version.parse().ok() };
    let profile = Json::Object(client.ask::<call::EtrProfile>(&params)?);
    dossier.json("10-rules/profile.json", profile.get("profile").unwrap_or(&Json::Null))?;
    let home = text(record, "/public/home").to_owned();
    let policy = client.ask::<call::EtrCourtPolicy>(&CourtPolicyParams { ams: home })?;
    dossier.json("10-rules/court-policy.json", &Json::Object(policy))?;
    let class = text(record, "/lawClass");
    dossier.json("10-rules/legal-effect.json", &law::entries_of(session, Some(class))?)?;
    // the ledger keeps the digest of the rulebook only
    let rulebook = if args.attach.iter().any(|text| text.starts_with("10-rules=")) {
        "what was attached"
    } else {
        "no text of the rulebook was given"
    };
    let note = format!("type profile, legal effect, court policy; {rulebook}");
    dossier.section("10-rules", "present", &note);
    Ok(())
}

/// History, and singularity of the number; the ops as the node shows them.
fn integrity(session: &Session, args: &Args, record: &Json, dossier: &mut Dossier) -> Result<Json> {
    let client = session.client()?;
    let ask = |kind: &str, subject: Option<String>| {
        let params = ProveParams {
            kind: kind.to_owned(),
            id: Some(args.id.clone()),
            subject,
            height: None,
            challenge: None,
            capability: ask_as(session, Some(&args.party), call::EtrProve::NAME, &args.id)?,
        };
        client.ask::<call::EtrProve>(&params).map(|answer| Json::Object(answer.bundle))
    };
    let proof = match ask("history", None) {
        Ok(bundle) => bundle,
        Err(error) if error.name.as_deref() == Some("HEIGHT_PRUNED") => {
            dossier.section(
                "11-integrity",
                "expired",
                "this node keeps no ops so old; ask another",
            );
            return Ok(Json::Null);
        }
        Err(error) => return Err(error),
    };
    dossier.json("11-integrity/history.proof.json", &proof)?;
    // parts keep the number of their root record, which is the one that the number leads to
    let series = series(session, record)?;
    let number =
        format!("{series}/{}/{}", text(record, "/party/issuer"), text(record, "/party/ref"));
    dossier.json("11-integrity/singularity.proof.json", &ask("singularity", Some(number))?)?;
    dossier.files.insert("11-integrity/heads.txt".to_owned(), heads(&proof).into_bytes());
    let note = if text(record, "/party/lineage/root") == args.id {
        "every op with signatures, heads recomputed; the one record of its number"
    } else {
        "every op of this record with signatures, heads recomputed; the one root record of its \
         number; the history of the records that it was made of is not in it"
    };
    dossier.section("11-integrity", "present", note);
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let params = HistoryParams {
            id: args.id.clone(),
            cursor,
            capability: ask_as(session, Some(&args.party), call::EtrHistory::NAME, &args.id)?,
        };
        let page = client.ask::<call::EtrHistory>(&params)?;
        // a node that answers nothing must not keep this going
        let ended = page.items.is_empty();
        items.extend(page.items);
        cursor = page.cursor.filter(|_| !ended);
        if cursor.is_none() {
            break;
        }
    }
    Ok(json!({ "claim": proof.get("claim"), "items": items }))
}

fn series(session: &Session, record: &Json) -> Result<String> {
    let profile = text(record, "/public/profile");
    Ok(super::issue::profile(session, profile)?.series)
}

/// The heads, recomputed here from the ops of the proof.
fn heads(proof: &Json) -> String {
    let ops = proof.pointer("/claim/ops").and_then(Json::as_array).into_iter().flatten();
    let mut lines = Vec::new();
    for op in ops {
        let Ok(value) = document::from_json(op) else { continue };
        let Ok(op) = titian_contracts::op::Op::from_value(value) else { continue };
        let head = op.value.get("head").and_then(titian_contracts::json::Value::as_text);
        let Some(head) = head.and_then(titian_contracts::digest::Digest::parse) else { continue };
        let next = titian_contracts::etr::content::next_head(head, op.digest);
        lines.push(format!("{} {}: {head} + {} = {next}", lines.len() + 1, op.act, op.digest));
    }
    format!("{}\n", lines.join("\n"))
}

/// The keys of everybody who signed, roles now, and what courts did.
fn access(session: &Session, history: &Json, record: &Json, dossier: &mut Dossier) -> Result<()> {
    let signers = history.pointer("/claim/signers").and_then(Json::as_array);
    let mut parties: Vec<String> =
        signers.into_iter().flatten().map(|signer| text(signer, "/party").to_owned()).collect();
    parties.sort();
    parties.dedup();
    for party in &parties {
        let params = PartyParams { party: party.clone(), height: None, proof: false };
        let keys = Json::Object(session.client()?.ask::<call::AccessKeys>(&params)?);
        dossier.json(&format!("12-access/{}.keys.json", party.replace(':', "_")), &keys)?;
    }
    let court = |item: &&Json| {
        let act = text(item, "/act");
        act.starts_with("court_") || act.ends_with("freeze")
    };
    let items = history.get("items").and_then(Json::as_array);
    let events: Vec<Json> = items.into_iter().flatten().filter(court).cloned().collect();
    dossier.json("12-access/court-events.json", &Json::Array(events))?;
    dossier.json("12-access/record.json", record)?;
    let status = if parties.is_empty() { "absent" } else { "present" };
    dossier.section("12-access", status, "keys of the signers with their heights, court events");
    Ok(())
}

/// What others attest: it comes in files.
fn attached(session: &Session, args: &Args, dossier: &mut Dossier) -> Result<()> {
    let usage = || {
        let names: Vec<&str> = SECTIONS.iter().map(|(name, ..)| *name).collect();
        CommandError::usage("--attach is SECTION=FILE").hint(names.join(", "))
    };
    let mut given: Vec<(&'static str, bool)> = Vec::new();
    for text in &args.attach {
        let (section, path) = text.split_once('=').ok_or_else(usage)?;
        let known = SECTIONS.iter().find(|(name, ..)| *name == section);
        let (name, ..) = known.copied().ok_or_else(usage)?;
        let bytes = document::read(path.as_ref())?;
        let file = std::path::Path::new(path).file_name().and_then(|name| name.to_str());
        given.push((name, expired(&bytes)));
        dossier.files.insert(format!("{name}/{}", file.ok_or_else(usage)?), bytes);
    }
    if let Ok(status) = session.client()?.ask::<call::LedgerValidators>(&titian_api::Nothing {}) {
        let value = serde_json::to_value(&status).unwrap_or_default();
        dossier.json("13-security/validators.json", &value)?;
    }
    for (name, why) in [
        (
            "13-security",
            "no software digests, bill of materials or key-custody statements were given",
        ),
        ("14-audit", "no audit credential was given"),
        ("15-declarations", "no accreditation credential was given"),
        ("16-standards", "no list of standards was given"),
    ] {
        let of: Vec<bool> =
            given.iter().filter(|(section, _)| *section == name).map(|(_, e)| *e).collect();
        match (of.is_empty(), of.iter().all(|expired| *expired)) {
            (true, _) => dossier.section(name, "absent", why),
            (false, true) => dossier.section(name, "expired", "what was given is past its end"),
            (false, false) => dossier.section(name, "present", "as attached"),
        }
    }
    Ok(())
}

/// Whether a credential is past the day of its `validUntil`.
fn expired(bytes: &[u8]) -> bool {
    let json: Json = serde_json::from_slice(bytes).unwrap_or_default();
    let day = document::text(&json, "/validUntil").and_then(|text| text.get(..10));
    let day = day.and_then(titian_contracts::time::Date::parse);
    day.is_some_and(|day| day.start_ms().saturating_add(DAY_MS) <= now_ms())
}

/// Status, and control if the asker holds it.
fn in_fact(session: &Session, args: &Args, record: &Json, dossier: &mut Dossier) -> Result<()> {
    let params = ProveParams {
        kind: "status".to_owned(),
        id: Some(args.id.clone()),
        ..ProveParams::default()
    };
    let status = session.client()?.ask::<call::EtrProve>(&params)?;
    dossier.json("20-in-fact/status.proof.json", &Json::Object(status.bundle))?;
    let controller = text(record, "/party/controller/party");
    let dead = text(record, "/public/status") == "dead";
    let joint = record.pointer("/party/controller/joint").is_some();
    let mut note = if joint {
        "status and transcript; control is joint, and a proof of it needs answers of its members"
    } else {
        "status and transcript; who asks is not the controller"
    };
    if controller == args.party.party && !dead {
        let asked =
            prove::Asked { audience: "evidence dossier".to_owned(), nonce: random_hex::<16>() };
        let challenge = prove::sign(session, &args.id, &asked, std::slice::from_ref(&args.party))?;
        let params = ProveParams {
            kind: "control".to_owned(),
            id: Some(args.id.clone()),
            challenge: Some(challenge),
            ..ProveParams::default()
        };
        let control = session.client()?.ask::<call::EtrProve>(&params)?;
        dossier.json("20-in-fact/control.proof.json", &Json::Object(control.bundle))?;
        note = "control, status and transcript";
    }
    dossier.section("20-in-fact", "present", note);
    Ok(())
}

/// The same in words.
fn plain(session: &Session, record: &Json, history: &Json, dossier: &mut Dossier) -> Result<()> {
    let mut lines = show::lines(session.output.plain(), record);
    lines.push(String::new());
    lines.push("Ops".to_owned());
    for item in history.get("items").and_then(Json::as_array).into_iter().flatten() {
        let number = |name: &str| item.get(name).map_or("?".to_owned(), Json::to_string);
        let signers = item.pointer("/op/sigs").and_then(Json::as_array).into_iter().flatten();
        let signers: Vec<String> =
            signers.map(|s| format!("{}#{}", text(s, "/party"), text(s, "/key"))).collect();
        let ack = item.pointer("/op/ack").and_then(Json::as_array).into_iter().flatten();
        let ack: Vec<&str> = ack.filter_map(Json::as_str).collect();
        let ack = if ack.is_empty() {
            String::new()
        } else {
            format!(", acknowledged {}", ack.join(" "))
        };
        lines.push(format!(
            "{} {} at height {}, {}, {}, signed by {}{ack}",
            number("seq"),
            text(item, "/act"),
            number("height"),
            text(item, "/time"),
            text(item, "/op/place"),
            signers.join(", ")
        ));
    }
    lines.push(String::new());
    lines.extend(CROSS_WALK.iter().map(|line| (*line).to_owned()));
    dossier
        .files
        .insert("30-plain/record.txt".to_owned(), format!("{}\n", lines.join("\n")).into_bytes());
    dossier.section("30-plain", "present", "the chain in words, acknowledgements, cross-walk");
    Ok(())
}

const CROSS_WALK: [&str; 7] = [
    "UK Electronic Trade Documents Act 2023, section 2(2)",
    "(a) distinguish from copies: 11-integrity/singularity (a number has one record)",
    "(b) protect against unauthorised alteration: 11-integrity/history (the head covers every op)",
    "(c) one person in control at a time: the record has one controller (a joint holder is one person, s 2(3)(b))",
    "(d) demonstrate control: 20-in-fact/control (the controller signed a challenge)",
    "(e) transfer divests the former controller: 11-integrity/history (each op extends the head before)",
    "MLETR article 12: see manifest.json, one section for each criterion",
];

/// The proofs in a dossier, for `titian etr show --offline`.
pub(super) fn bundles(bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
    let files = dossier::unpack(bytes)?;
    Ok(dossier::proofs(&files).map(|(_, bytes)| bytes.clone()).collect())
}
