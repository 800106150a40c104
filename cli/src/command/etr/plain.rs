//! The evidence dossier in plain words: the record, every op with what was acknowledged, what the law of
//! each state says, and the cross-walk to the United Kingdom's Act (etr-api.md A§2, section `30-plain`).
//!
//! Invariant: the text is a function of what is proven in the dossier and of the genesis file, so that
//! whoever judges the dossier writes it anew and compares.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use titian_contracts::json::Value;
use titian_contracts::proof::Proven;
use titian_contracts::time;
use titian_genesis::Genesis;

use super::findings::{list, text, time_of};
use super::layout::{CONTROL, HISTORY, RULES, SINGULARITY, STATUS};
use super::{law, show};
use crate::document;
use crate::output::Output;
use crate::review::words;

/// The cross-walk to the Act: of each point where this dossier shows it, or that it does not.
fn cross_walk(proven: &BTreeMap<String, Proven>, public: &Value) -> Vec<String> {
    let point = |asked: &str, file: &str, shown: &str| match proven.contains_key(file) {
        true => format!("{asked}: {file} ({shown})"),
        false => format!("{asked}: not shown in this dossier, there is no {file}"),
    };
    let lineage = proven.get(SINGULARITY);
    let whole = lineage.is_some_and(|of| of.claim.get("complete") == Some(&Value::Bool(true)));
    let one = match whole {
        true => "a number has one root record, and all that came of it is shown",
        false => "a number has one root record; more may have come of it than is shown",
    };
    // the party part names the controller; history and control show it
    let party = if proven.contains_key(CONTROL) { CONTROL } else { HISTORY };
    let (held, demonstrated) = ("(c) one person in control at a time", "(d) demonstrate control");
    let (held, demonstrated) = if text(public, "status") == "dead" {
        let ended = "the record has ended, nobody is in control";
        (format!("{held}: {ended}"), format!("{demonstrated}: {ended}"))
    } else {
        let one = "the record has one controller; a joint holder is one person, s 2(3)(b)";
        let signed = "the controller signed a challenge";
        (point(held, party, one), point(demonstrated, CONTROL, signed))
    };
    let unaltered = "(b) protect against unauthorised alteration";
    let divests = "(e) transfer divests the former controller";
    vec![
        "UK Electronic Trade Documents Act 2023, section 2(2)".to_owned(),
        point("(a) distinguish from copies", SINGULARITY, one),
        point(unaltered, HISTORY, "the head covers every op"),
        held,
        demonstrated,
        point(divests, HISTORY, "each op extends the head before"),
        "MLETR article 12: see manifest.json, one section for each criterion".to_owned(),
    ]
}

/// The text, from the proofs of a dossier by file; `None` if none of them is about the record.
pub(super) fn of(proven: &BTreeMap<String, Proven>, genesis: &Genesis) -> Option<String> {
    // the proof that shows most of the record
    let record = [HISTORY, CONTROL, STATUS].iter().find_map(|name| proven.get(*name))?;
    let rules = proven.get(RULES);
    let mut shown = document::to_json(&record.claim.without("entries"));
    if let Some(members) = shown.as_object_mut() {
        members.insert("asOf".to_owned(), json!({ "height": record.height }));
        let name = rules.and_then(|rules| rules.claim.get("profileValue")?.get("name"));
        let name = name.and_then(Value::as_text).map(Json::from);
        members.extend(name.map(|name| ("typeName".to_owned(), name)));
    }
    let mut lines = show::lines(Output::plain(), &shown);
    lines.extend([String::new(), "Ops".to_owned()]);
    match proven.get(HISTORY) {
        Some(history) => lines.extend(op_lines(&history.claim, rules.map(|rules| &rules.claim))),
        None => lines.push("the history is not in this dossier".to_owned()),
    }
    lines.push(String::new());
    lines.extend(law_lines(rules, genesis));
    lines.push(String::new());
    lines.extend(cross_walk(proven, record.claim.get("public").unwrap_or(&Value::Null)));
    Some(format!("{}\n", lines.join("\n")))
}

/// Each op of a history in words.
fn op_lines(claim: &Value, rules: Option<&Value>) -> Vec<String> {
    let ops = list(claim, "ops").iter().enumerate();
    ops.map(|(index, op)| {
        let when = time_of(claim, index).map_or_else(String::new, |(height, ms)| {
            format!(" at height {height}, {}", time::rfc3339(ms))
        });
        let note = words::note(&document::to_json(op));
        let note = note.map(|note| format!(" {note}")).unwrap_or_default();
        let signers: Vec<String> = list(op, "sigs")
            .iter()
            .map(|sig| format!("{}#{}", text(sig, "party"), text(sig, "key")))
            .collect();
        let ack: Vec<&str> = list(op, "ack").iter().filter_map(Value::as_text).collect();
        let ack = if ack.is_empty() {
            String::new()
        } else {
            format!(", acknowledged {}", ack.join(" "))
        };
        let order = order_of(op, time_of(claim, index).map(|(_, ms)| ms), rules);
        format!(
            "{} {}{note}{when}, {}, signed by {}{ack}{order}",
            index + 1,
            text(op, "act"),
            text(op, "place"),
            signers.join(", ")
        )
    })
    .collect()
}

/// The order of an act of a court, and what the policy of the home state cites: of the policies that the
/// registers hold at the height of the dossier the one that held at the time of the op.
fn order_of(op: &Value, ms: Option<u64>, rules: Option<&Value>) -> String {
    let order = op.get("args").map(|args| text(args, "order")).filter(|order| !order.is_empty());
    let Some(order) = order else { return String::new() };
    let since = |policy: &Value| {
        policy.get("effectiveMs").and_then(Value::as_int).and_then(|ms| u64::try_from(ms).ok())
    };
    let held = |policy: &&Value| ms.zip(since(policy)).is_some_and(|(ms, since)| since <= ms);
    match rules.map(|rules| list(rules, "courtPolicies")).unwrap_or_default().iter().rfind(held) {
        Some(policy) => format!(", order {order}, under {}", text(policy, "basis")),
        None => format!(", order {order}, under a policy that is not shown"),
    }
}

/// The verdict of each state concerned and what follows from it, as proven with the rules.
fn law_lines(rules: Option<&Proven>, genesis: &Genesis) -> Vec<String> {
    let Some(rules) = rules else {
        return vec!["Legal verdicts: the rules are not in this dossier".to_owned()];
    };
    let mut lines = vec![format!(
        "Legal verdicts as of height {}, {}; proven in {RULES}",
        rules.height,
        time::rfc3339(rules.time_ms)
    )];
    lines.extend(list(&rules.claim, "legalEffect").iter().map(|entry| {
        let mut entry = document::to_json(entry);
        let cc = document::text(&entry, "/ams").unwrap_or_default();
        let member = genesis.members.iter().find(|member| member.cc == cc);
        // a country outside the network has its code alone
        if let (Some(member), Some(members)) = (member, entry.as_object_mut()) {
            members.insert("name".to_owned(), member.name.as_str().into());
        }
        let verdict = document::text(&entry, "/verdict").unwrap_or("unknown");
        let effect = law::effect_of(&entry);
        format!("{verdict} ({effect})  {}", law::sentence(&entry))
    }));
    lines
}

#[cfg(test)]
mod tests {
    use titian_contracts::json::parse;

    use super::super::fixed_genesis;
    use super::*;

    fn proven(kind: &str, claim: &str) -> Proven {
        let claim = parse(claim.as_bytes()).expect("JSON");
        let time_ms = 1_767_225_600_000;
        Proven { kind: kind.to_owned(), height: 9, time_ms, claim }
    }

    #[test]
    fn etr_the_plain_text_names_the_verdict_of_each_state_and_where_it_is_proven() {
        let status = r#"{"id":"etr_1","public":{"home":"SG","id":"etr_1","profile":"bl-order@1",
            "regime":"SG-ETA-2A","seq":1,"status":"active"}}"#;
        let rules = r#"{"legalEffect":[
            {"ams":"GB","class":"bill_of_lading","status":"unknown","verdict":"unknown"},
            {"ams":"SG","citation":"an Act","class":"*","policy":{"full":"allow"},
             "status":"in_force","verdict":"full"},
            {"ams":"TH","class":"*","policy":{"excluded":"block"},"status":"in_force",
             "verdict":"excluded"}],
            "profileValue":{"name":"Bill of lading to order"}}"#;
        let mut all = BTreeMap::from([(STATUS.to_owned(), proven("etr-status", status))]);
        let genesis = fixed_genesis();
        let text = of(&all, &genesis).expect("a text");
        assert!(text.contains("Legal verdicts: the rules are not in this dossier"), "{text}");
        assert!(text.contains("the history is not in this dossier"), "{text}");
        all.insert(RULES.to_owned(), proven("etr-rules", rules));
        let text = of(&all, &genesis).expect("a text");
        for line in [
            "Bill of lading to order    active, seq 1, height 9",
            "Legal verdicts as of height 9, 2026-01-01T00:00:00Z; proven in 10-rules/rules.proof.json",
            "unknown (warn)  GB, bill of lading: no enabling statute recorded; effect is contractual only",
            "full (allow)  Singapore: in force: an Act",
            "excluded (block)  Thailand: excluded by the statute; an electronic record has no effect",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        // the cross-walk says of each point whether it is shown
        let of_point = |text: &str, point: &str| {
            let line = text.lines().find(|line| line.starts_with(point)).map(str::to_owned);
            line.unwrap_or_else(|| panic!("{point}: {text}"))
        };
        let missing = [
            ("(a)", "there is no 11-integrity/singularity.proof.json"),
            ("(b)", "there is no 11-integrity/history.proof.json"),
            ("(c)", "there is no 11-integrity/history.proof.json"),
            ("(d)", "there is no 20-in-fact/control.proof.json"),
            ("(e)", "there is no 11-integrity/history.proof.json"),
        ];
        for (point, why) in missing {
            let line = of_point(&text, point);
            assert!(line.ends_with(&format!("not shown in this dossier, {why}")), "{line}");
        }
        let mut more = all.clone();
        more.insert(CONTROL.to_owned(), proven("etr-control", status));
        more.insert(SINGULARITY.to_owned(), proven("etr-singularity", r#"{"complete":false}"#));
        let text = of(&more, &genesis).expect("a text");
        let incomplete = "more may have come of it than is shown)";
        assert!(of_point(&text, "(a)").ends_with(incomplete), "{text}");
        assert!(of_point(&text, "(d)").ends_with("(the controller signed a challenge)"), "{text}");
        assert!(of_point(&text, "(c)").contains(CONTROL), "{text}");
        assert!(of_point(&text, "(b)").contains("not shown"), "{text}");
        more.remove(CONTROL);
        more.insert(STATUS.to_owned(), proven("etr-status", &status.replace("active", "dead")));
        let text = of(&more, &genesis).expect("a text");
        assert!(of_point(&text, "(d)").ends_with("nobody is in control"), "{text}");
        all.remove(STATUS);
        assert_eq!(of(&all, &genesis), None, "nothing is about the record");
    }

    #[test]
    fn etr_an_act_of_a_court_is_told_with_its_order_keys_and_citation() {
        let history = r#"{"ops":[
            {"act":"offer","args":{},"place":"VNSGN","sigs":[{"party":"VN-A","key":"k1"}]},
            {"act":"freeze","args":{"order":"b3:11"},"place":"SGSIN","sigs":[
                {"party":"SG:COURT","key":"k2"},{"party":"SG:ACRA","key":"k1"}]},
            {"act":"unfreeze","args":{"order":null},"place":"SGSIN","sigs":[]},
            {"act":"annotate","args":{"code":"clause","digest":"b3:22"},"place":"SGSIN","sigs":[]}],
            "times":[{"height":3,"ms":1000,"seq":1},{"height":4,"ms":2000,"seq":2},
            {"height":5,"ms":3000,"seq":3}]}"#;
        let policies = |since: u64| {
            let text = format!(
                r#"{{"courtPolicies":[{{"basis":"Rules of Court","effectiveMs":{since}}},
                {{"basis":"later rules","effectiveMs":9000}}]}}"#
            );
            parse(text.as_bytes()).expect("JSON")
        };
        let history = parse(history.as_bytes()).expect("JSON");
        let lines = op_lines(&history, Some(&policies(2000)));
        assert!(!lines[0].contains("order") && !lines[2].contains("order"), "{lines:#?}");
        let told = "signed by SG:COURT#k2, SG:ACRA#k1, order b3:11, under Rules of Court";
        assert!(lines[1].ends_with(told), "{lines:#?}");
        assert!(lines[3].starts_with("4 annotate clause b3:22"), "{lines:#?}");
        for rules in [Some(policies(2001)), None] {
            let lines = op_lines(&history, rules.as_ref());
            assert!(lines[1].ends_with("b3:11, under a policy that is not shown"), "{lines:#?}");
        }
    }
}
