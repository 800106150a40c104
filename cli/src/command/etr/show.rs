//! A record in words: what a holder reads, also before it signs, and from files alone.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use titian_api::etr::GetParams;
use titian_api::etr_read::{LegalEffectParams, ProfileParams};
use titian_api::{Call as _, call};
use titian_contracts::etr::decimal;
use titian_contracts::proof::{self, Proven};
use titian_contracts::time;

use super::layout::{CONTROL, HISTORY, STATUS};
use super::{ask_as, content, dossier, law, notes};
use crate::act::SigningArgs;
use crate::command::verify::{not_proven, read_genesis};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Output, Report, Tone};
use crate::review::words;
use crate::session::Session;
use crate::wallet::KeyRef;

/// Arguments of `show`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The record
    #[arg(required_unless_present = "offline")]
    id: Option<String>,
    /// Ask as this party
    #[arg(long = "as", value_name = "PARTY[#kN]")]
    party: Option<KeyRef>,
    /// As of this height
    #[arg(long, value_name = "HEIGHT")]
    at: Option<u64>,
    /// Content file, checked against the record and shown
    #[arg(long, value_name = "FILE")]
    content: Option<PathBuf>,
    /// Show what a proof or an evidence dossier proves; no node is asked
    #[arg(long, value_name = "FILE", conflicts_with_all = ["id", "party", "at"])]
    offline: Option<PathBuf>,
    /// Genesis file that the proof is checked against [default: the devnet's in ./net]
    #[arg(long, value_name = "FILE", requires = "offline")]
    genesis: Option<PathBuf>,
}

/// Runs `titian etr show`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let (mut json, law) = match (&args.offline, &args.id) {
        (Some(pack), _) => (from_pack(session, pack, args.genesis.as_ref())?, Vec::new()),
        (None, Some(id)) => {
            let json = get(session, id, args.at, args.party.as_ref())?;
            let law = verdicts(session, &json).unwrap_or_default();
            (json, law)
        }
        (None, None) => return Err(CommandError::usage("which record?")),
    };
    let mut lines = lines(session.output, &json);
    if let (Some(id), Some(party), None) = (&args.id, &args.party, args.at) {
        lines.extend(notes::of(session, id, party));
    }
    if !law.is_empty() {
        lines.push(format!("law      {}", law.join(" · ")));
    }
    let mut text = lines.join("\n");
    if let Some(path) = &args.content {
        let root = document::text(&json, "/public/contentRoot").unwrap_or_default().to_owned();
        let content = content::open_envelope(path, &root)?;
        let shown = serde_json::to_string_pretty(&content).unwrap_or_default();
        let mark = session.output.paint(Tone::Good, "content matches the record:");
        text = format!("{text}\n{mark}\n{shown}");
        if let Some(members) = json.as_object_mut() {
            members.insert("content".to_owned(), Json::Object(content));
        }
    }
    Ok(Report::new(text, json))
}

/// A record as the node shows it to a party, or to everybody.
pub(super) fn get(
    session: &Session,
    id: &str,
    height: Option<u64>,
    party: Option<&KeyRef>,
) -> Result<Json> {
    let params = GetParams {
        id: id.to_owned(),
        height,
        proof: false,
        capability: ask_as(session, party, call::EtrGet::NAME, id)?,
    };
    let mut answer = Json::Object(session.client()?.ask::<call::EtrGet>(&params)?);
    // the name of the type, for people
    let profile = document::text(&answer, "/public/profile").unwrap_or_default();
    let (name, version) = profile.split_once('@').unwrap_or((profile, "1"));
    let params = ProfileParams { id: name.to_owned(), version: version.parse().ok() };
    if let Ok(profile) = session.client()?.ask::<call::EtrProfile>(&params)
        && let Some(members) = answer.as_object_mut()
    {
        let profile = Json::Object(profile);
        let pick = |pointer: &str| profile.pointer(pointer).cloned().unwrap_or_default();
        members.insert("typeName".to_owned(), pick("/profile/name"));
        members.insert("lawClass".to_owned(), pick("/profile/law_class"));
    }
    Ok(answer)
}

/// A record as the node shows it to who signs an act on it. Who is no party before the act, as a
/// successor in law or a court, sees what everybody does.
pub(super) fn get_as_signer(session: &Session, id: &str, party: Option<&KeyRef>) -> Result<Json> {
    match get(session, id, None, party) {
        Err(error) if party.is_some() && error.name.as_deref() == Some("FORBIDDEN") => {
            get(session, id, None, None)
        }
        answer => answer,
    }
}

/// What a proof file or a dossier proves of a record, in the shape of `etr_get`. A dossier is judged as a
/// whole first, and shows its own record; a proof shows the record that it is about.
fn from_pack(session: &Session, path: &Path, genesis: Option<&PathBuf>) -> Result<Json> {
    let genesis = read_genesis(&session.genesis_path(genesis)?)?;
    let bytes = document::read(path)?;
    let shown = if bytes.starts_with(b"PK") {
        let judged = dossier::judge(&bytes, &genesis, 0)?;
        // the more a claim shows, the better
        let names = [HISTORY, CONTROL, STATUS];
        names.iter().find_map(|name| judged.proven.get(*name).cloned())
    } else {
        let proven = proof::verify(&bytes, &genesis.anchor(), 0).map_err(|e| not_proven(&e))?;
        Some(proven).filter(|proven| proven.claim.get("public").is_some())
    };
    let Proven { claim, height, time_ms, .. } = shown.ok_or_else(|| {
        CommandError::new(Kind::NotProven, "nothing in the file proves a record")
            .hint("titian etr prove ID --kind history -o pack.json")
    })?;
    let mut shown = document::to_json(&claim.without("entries"));
    shown["asOf"] = serde_json::json!({
        "height": height,
        "timeMs": time_ms,
        "blockTime": time::rfc3339(time_ms),
    });
    shown["proven"] = Json::Bool(true);
    Ok(shown)
}

fn person(value: &Json) -> String {
    match (document::text(value, "/party"), value.get("joint")) {
        (Some(party), _) => party.to_owned(),
        (None, Some(joint)) => {
            let of = joint.get("of").and_then(Json::as_array).into_iter().flatten();
            let of: Vec<&str> = of.filter_map(Json::as_str).collect();
            format!("{} of {}", joint.get("k").unwrap_or(&Json::Null), of.join(", "))
        }
        _ => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    }
}

/// The lines that show a record.
pub(super) fn lines(output: Output, answer: &Json) -> Vec<String> {
    let text = |pointer: &str| document::text(answer, pointer).unwrap_or("?").to_owned();
    let number = |pointer: &str| answer.pointer(pointer).map_or("?".to_owned(), Json::to_string);
    let status = text("/public/status");
    let tone = if status == "dead" { Tone::Bad } else { Tone::Good };
    let end = document::text(answer, "/public/end").map(|end| format!(" ({end})"));
    let name =
        document::text(answer, "/typeName").map_or_else(|| text("/public/profile"), Into::into);
    let reference = document::text(answer, "/party/ref").unwrap_or_default();
    let mut lines = vec![format!(
        "{name}  {reference}  {}{}, seq {}, height {}",
        output.paint(tone, &status),
        end.unwrap_or_default(),
        number("/public/seq"),
        number("/asOf/height")
    )];
    lines.push(format!("record   {}", text("/public/id")));
    lines.push(format!("regime   {}, home {}", text("/public/regime"), text("/public/home")));
    if let Some(frozen) = answer.pointer("/public/frozen").filter(|frozen| !frozen.is_null()) {
        lines.push(format!("frozen   {}", output.paint(Tone::Warn, &frozen.to_string())));
    }
    match answer.get("party").filter(|party| party.is_object()) {
        Some(party) => lines.extend(party_lines(answer, party)),
        None => lines.push("the parties see more: --as PARTY".to_owned()),
    }
    lines
}

fn party_lines(answer: &Json, party: &Json) -> Vec<String> {
    let of = |pointer: &str| party.pointer(pointer).map(person).unwrap_or_default();
    let mut lines = vec![
        format!("issuer   {}, obligor {}", of("/issuer"), of("/obligor")),
        format!("control  {}", of("/controller")),
        format!("title    {}", party.get("title").map(words::title).unwrap_or_default()),
    ];
    let lots = party.get("lots").and_then(Json::as_array).into_iter().flatten();
    lines.extend(lots.map(|lot| format!("lot      {}", lot_text(lot))));
    if let Some(pending) = party.get("pending").filter(|pending| !pending.is_null()) {
        lines.push(pending_line(pending));
        lines.extend(evidence_lines(pending));
    }
    let pledges = party.get("pledges").and_then(Json::as_array).into_iter().flatten();
    lines.extend(pledges.map(|pledge| {
        let lots = pledge.get("lots").and_then(Json::as_array).into_iter().flatten();
        let lots: Vec<String> = lots.map(lot_text).collect();
        let no = pledge.get("no").map_or("?".to_owned(), Json::to_string);
        let to = pledge.get("to").map(person).unwrap_or_default();
        format!("pledge   no {no} to {to}: {}", lots.join(", "))
    }));
    lines.extend(money_line(party));
    let guarantees = party.get("guarantees").and_then(Json::as_array).into_iter().flatten();
    lines.extend(guarantees.map(|guarantee| {
        let of = |name: &str| guarantee.get(name).map(person).unwrap_or_default();
        format!("aval     {} for {}: {}", of("guarantor"), of("for"), sum(party, &of("amount")))
    }));
    if let Some(notice) = party.get("notice").filter(|notice| !notice.is_null()) {
        let of = |name: &str| notice.get(name).map(person).unwrap_or_default();
        let given = notice.get("ms").and_then(Json::as_u64).map(time::rfc3339);
        let given = given.unwrap_or_default();
        lines.push(format!("notice   {} by order {}, given {given}", of("act"), of("order")));
    }
    let chain = answer.get("endorsements").and_then(Json::as_array).into_iter().flatten();
    lines.extend(chain.map(|entry| format!("endorsed {}", words::endorsement(entry))));
    lines
}

/// An amount with its decimals, and the unit.
fn lot_text(lot: &Json) -> String {
    let text = |name: &str| document::text(lot, &format!("/{name}")).unwrap_or("?").to_owned();
    let scale = lot.get("scale").and_then(Json::as_u64).unwrap_or(0) as usize;
    let amount = text("amount");
    let shown = if scale == 0 {
        amount
    } else {
        let padded = format!("{amount:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        format!("{whole}.{fraction}")
    };
    format!("{}: {shown} {}", text("lot"), text("unit"))
}

/// An amount of the record's one sum, with its decimals and the unit.
fn sum(party: &Json, amount: &str) -> String {
    let scale = party.pointer("/lots/0/scale").and_then(Json::as_u64).unwrap_or(0);
    let unit = document::text(party, "/lots/0/unit").unwrap_or_default();
    amount
        .parse()
        .map_or_else(|_| "?".to_owned(), |amount| format!("{} {unit}", decimal(amount, scale)))
}

/// Of instruments of payment: when they are due, and what became of that.
fn money_line(party: &Json) -> Option<String> {
    let money = party.get("money").filter(|money| !money.is_null())?;
    let time = |pointer: &str| money.pointer(pointer).and_then(Json::as_u64).map(time::rfc3339);
    let due = time("/dueMs").map_or_else(|| "due on demand".to_owned(), |due| format!("due {due}"));
    let mut said = vec![due];
    if let Some(amount) = document::text(money, "/accepted/amount") {
        let varied = money.pointer("/accepted/variation").is_some_and(|it| !it.is_null());
        let varied = if varied { ", varied" } else { "" };
        said.push(format!("accepted for {}{varied}", sum(party, amount)));
    }
    if let (Some(what), Some(when)) =
        (document::text(money, "/dishonoured/for"), time("/dishonoured/ms"))
    {
        said.push(format!("dishonoured by non-{what} {when}"));
    }
    let demands = money.pointer("/dishonoured/demands").and_then(Json::as_array);
    let demands = demands.into_iter().flatten().filter_map(Json::as_str);
    said.extend(demands.map(|liable| format!("recourse demanded of {liable}")));
    said.extend(time("/protested/ms").map(|when| format!("protested {when}")));
    if money.get("stopped") == Some(&Json::Bool(true)) {
        said.push("payment stopped by the drawer".to_owned());
    }
    Some(format!("money    {}", said.join("; ")))
}

/// What an offer waits for, who may attest payment, and the op that their evidence names.
fn evidence_lines(pending: &Json) -> Vec<String> {
    let tree = pending.get("conditions").filter(|tree| !tree.is_null());
    let attesters = pending.get("attesters").and_then(Json::as_array).into_iter().flatten();
    let attesters: Vec<&str> = attesters.filter_map(Json::as_str).collect();
    let mut lines: Vec<String> = tree.map(|tree| format!("when     {tree}")).into_iter().collect();
    if !attesters.is_empty() {
        lines.push(format!("attested by {}", attesters.join(", ")));
    }
    if !lines.is_empty() {
        let op = document::text(pending, "/op").unwrap_or("?");
        lines.push(format!("evidence names the op {op}"));
    }
    lines
}

fn pending_line(pending: &Json) -> String {
    let act = document::text(pending, "/act").unwrap_or("pending");
    format!("{act:<8} {}", words::pending(pending))
}

/// The verdicts of the states concerned, one text each.
fn verdicts(session: &Session, record: &Json) -> Result<Vec<String>> {
    let Some(class) = document::text(record, "/lawClass") else { return Ok(Vec::new()) };
    let mut states: Vec<String> = Vec::new();
    let mut add = |text: &str| {
        if let Some(cc) = text.get(..2).filter(|cc| !states.iter().any(|s| s == cc)) {
            states.push(cc.to_owned());
        }
    };
    let regime = document::text(record, "/public/regime").unwrap_or_default();
    add(regime.strip_prefix("CONTRACT-").unwrap_or(regime));
    for pointer in ["/party/controller", "/party/obligor", "/party/pending/to"] {
        if let Some(value) = record.pointer(pointer).filter(|value| !value.is_null()) {
            let joint = value.pointer("/joint/of").and_then(Json::as_array).into_iter().flatten();
            let one = value.as_str().or_else(|| document::text(value, "/party"));
            one.into_iter().chain(joint.filter_map(Json::as_str)).for_each(&mut add);
        }
    }
    states
        .into_iter()
        .map(|ams| {
            let params = LegalEffectParams { ams, class: class.to_owned(), height: None };
            let answer = session.client()?.ask::<call::EtrLegalEffect>(&params)?;
            let answer = Json::Object(answer);
            let verdict = document::text(&answer, "/verdict").unwrap_or("unknown");
            let shown = format!("{} {verdict}", params.ams);
            Ok(match law::effect_of(&answer) {
                "allow" => shown,
                effect => format!("{shown} ({effect})"),
            })
        })
        .collect()
}

/// Shows the record as it stands to somebody who is about to sign an act on it.
pub(super) fn before_signing(session: &Session, id: &str, signing: &SigningArgs) -> Result<()> {
    if signing.yes || signing.dry_run || !Output::can_ask() {
        return Ok(());
    }
    let record = get_as_signer(session, id, signing.signers.first())?;
    for line in lines(session.output, &record) {
        session.output.note(&format!("  {line}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn etr_an_instrument_shows_what_became_of_it_and_what_evidence_names() {
        let party = json!({
            "issuer": "MY-A", "obligor": "SG-B", "controller": { "party": "VN-C" },
            "title": { "kind": "bearer", "party": null },
            "lots": [{ "lot": "1", "unit": "SGD", "scale": 2, "amount": "10000" }],
            "pending": { "act": "present", "attesters": ["TH-D"], "deadlineMs": 86_400_000,
                "for": "payment", "op": "b3:00" },
            "money": { "accepted": { "amount": "9050", "ms": 1000, "variation": null },
                "dishonoured": { "demands": ["MY-A"], "for": "acceptance", "ms": 2000,
                    "notified": [], "reason": null },
                "dueMs": 3000, "protested": { "digest": "b3:11", "ms": 4000 }, "stopped": true },
            "guarantees": [{ "amount": "5000", "for": "SG-B", "guarantor": "TH-D" }],
            "notice": { "act": "court_transfer", "ms": 5000, "order": "b3:22" },
        });
        let lines = party_lines(&json!({}), &party);
        for line in [
            "present  payment, until 1970-01-02T00:00:00Z",
            "attested by TH-D",
            "evidence names the op b3:00",
            "money    due 1970-01-01T00:00:03Z; accepted for 90.50 SGD; dishonoured by non-acceptance \
             1970-01-01T00:00:02Z; recourse demanded of MY-A; protested 1970-01-01T00:00:04Z; \
             payment stopped by the drawer",
            "aval     TH-D for SG-B: 50.00 SGD",
            "notice   court_transfer by order b3:22, given 1970-01-01T00:00:05Z",
        ] {
            assert!(lines.iter().any(|found| found == line), "{line}: {lines:#?}");
        }
        // goods have no money; an offer without conditions asks for no evidence
        let offer = json!({ "act": "offer", "conditions": null, "deadlineMs": 1, "op": "b3:00",
            "to": { "party": "TH-D" } });
        let goods = json!({ "pending": offer, "money": null, "notice": null });
        let lines = party_lines(&json!({}), &goods);
        for word in ["money", "aval", "notice", "evidence", "when"] {
            assert!(!lines.iter().any(|line| line.starts_with(word)), "{word}: {lines:#?}");
        }
    }
}
