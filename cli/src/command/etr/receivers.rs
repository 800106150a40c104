//! Whom an act brings to a record, and which content it leaves there: read from the arguments, and of an
//! enforcement from the record too, so that it is known before the act is sent.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use titian_contracts::digest::Digest;
use titian_contracts::etr::build;
use titian_contracts::etr::content::Leaf;
use titian_contracts::json::Value;

/// Acts by which others come to a record, with the arguments that name them.
const NAMING: &[(&str, &[&str])] = &[
    ("issue", &["to", "obligor"]),
    ("issue_from_paper", &["to", "obligor"]),
    ("offer", &["to"]),
    ("deliver", &["to"]),
    ("assign_control", &["to"]),
    ("succeed", &["successor"]),
    ("pledge", &["to"]),
    ("enforce", &["to"]),
    ("recourse_pay", &["payer"]),
    ("aval", &["guarantor"]),
];

/// Who gets the content with an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Receivers {
    /// Nobody comes.
    Nobody,
    /// These parties.
    These(Vec<String>),
    /// Everyone with a role: the content is another one than before.
    Everyone,
    /// Parties of whom the court that acts knows no content.
    OfCourt,
    /// Everyone with a role in the records that the act makes of others.
    OfChildren,
}

/// Whether an act on a record brings a content to others.
pub(super) fn are_there(act: &str) -> bool {
    has_children(act) || NAMING.iter().any(|(known, _)| *known == act)
}

/// Whether an act makes records of others whatever it says; their ids follow from its op.
pub(super) fn has_children(act: &str) -> bool {
    matches!(act, "split" | "merge")
}

/// Whether an act with these arguments is the enforcement of a pledge on a part of `record`, as a party
/// sees it: that splits it into what is pledged and the rest.
pub(super) fn leaves_a_rest(act: &str, args: &Value, record: &Json) -> bool {
    let list = |of: Option<&Json>| of.and_then(Json::as_array).cloned().unwrap_or_default();
    let no = args.get("no").and_then(Value::as_int).and_then(|no| u64::try_from(no).ok());
    let pledges = list(record.pointer("/party/pledges"));
    let is_it = |pledge: &&Json| no.is_some() && pledge.get("no").and_then(Json::as_u64) == no;
    let Some(pledge) = pledges.iter().find(is_it).filter(|_| act == "enforce") else {
        return false;
    };
    let pledged = list(pledge.get("lots"));
    list(record.pointer("/party/lots")).iter().any(|lot| !pledged.contains(lot))
}

/// Whether an act begins a record.
pub(super) fn begins(act: &str) -> bool {
    matches!(act, "issue" | "issue_from_paper")
}

/// Who gets the content with an act of `by`.
pub(super) fn of(act: &str, args: &Value, by: Option<&str>) -> Receivers {
    match act {
        "amend" => return Receivers::Everyone,
        "court_transfer" | "court_amend" => return Receivers::OfCourt,
        _ if has_children(act) => return Receivers::OfChildren,
        _ => {}
    }
    let names = NAMING.iter().find(|(known, _)| *known == act).map_or(&[][..], |(_, names)| names);
    let mut come: Vec<String> =
        names.iter().filter_map(|name| args.get(name)).flat_map(members).collect();
    if begins(act) {
        // the issuer made the content
        come.retain(|party| Some(party.as_str()) != by);
    }
    come.sort_unstable();
    come.dedup();
    if come.is_empty() { Receivers::Nobody } else { Receivers::These(come) }
}

/// The UBINs of a person: a text, or a joint holder.
fn members(person: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_text().map(str::to_owned);
    let joint = person.get("joint").and_then(|joint| joint.get("of")).and_then(Value::as_list);
    let one = text(person).or_else(|| person.get("party").and_then(text));
    one.into_iter().chain(joint.into_iter().flatten().filter_map(text)).collect()
}

/// The root of the content that an act leaves, if the act says which; nothing where it changes none.
pub(super) fn root_after(act: &str, args: &Value) -> Option<Digest> {
    let changes = match act {
        "amend" | "court_amend" => args.get("changes")?.as_list()?,
        _ if begins(act) => &[],
        _ => return None,
    };
    let mut leaves = BTreeMap::new();
    for item in args.get("leaves")?.as_list()?.iter().chain(changes) {
        let name = item.get("name")?.as_text()?.to_owned();
        match item.get("hash")? {
            Value::Null => leaves.remove(&name),
            hash => leaves.insert(name, Digest::parse(hash.as_text()?)?),
        };
    }
    let leaves: Vec<Leaf> = leaves.into_iter().map(|(name, hash)| Leaf { name, hash }).collect();
    Some(build::root(&leaves))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        titian_contracts::json::parse(text.as_bytes()).expect("JSON")
    }

    fn these(parties: &[&str]) -> Receivers {
        Receivers::These(parties.iter().map(|party| (*party).to_owned()).collect())
    }

    #[test]
    fn who_comes_to_a_record_is_named_by_the_act() {
        let joint = r#"{"to":{"joint":{"k":1,"of":["TH-B","MY-C"]}},"obligor":"SG-A"}"#;
        assert_eq!(of("issue", &json(joint), Some("SG-A")), these(&["MY-C", "TH-B"]));
        // a drawer issues a bill to a drawee, who comes as well
        assert_eq!(of("issue", &json(joint), Some("VN-D")), these(&["MY-C", "SG-A", "TH-B"]));
        let own = json(r#"{"to":"SG-A","obligor":"SG-A"}"#);
        assert_eq!(of("issue", &own, Some("SG-A")), Receivers::Nobody);
        // who takes a place by its own act gets the content all the same
        let place = json(r#"{"of":"SG-A","role":"obligor","successor":"MY-C"}"#);
        assert_eq!(of("succeed", &place, Some("MY-C")), these(&["MY-C"]));
        assert_eq!(of("recourse_pay", &json(r#"{"payer":"MY-C"}"#), None), these(&["MY-C"]));
        assert_eq!(of("amend", &json("{}"), None), Receivers::Everyone);
        assert_eq!(of("court_transfer", &json(r#"{"to":"MY-C"}"#), None), Receivers::OfCourt);
        assert_eq!(of("split", &json(r#"{"parts":[]}"#), Some("SG-A")), Receivers::OfChildren);
        assert_eq!(of("merge", &json(r#"{"with":[]}"#), None), Receivers::OfChildren);
        assert!(are_there("merge") && are_there("offer") && !are_there("accept"));
        assert_eq!(of("accept", &json(r#"{"evidence":[]}"#), None), Receivers::Nobody);
    }

    #[test]
    fn etr_an_enforcement_makes_two_records_only_where_a_part_is_pledged() {
        let lot = |code: &str, amount: &str| serde_json::json!({ "lot": code, "unit": "KGM", "scale": 0, "amount": amount });
        let record = serde_json::json!({ "party": {
            "lots": [lot("1", "12000"), lot("2", "500")],
            "pledges": [
                { "no": 1, "lots": [lot("1", "5000")] },
                { "no": 2, "lots": [lot("2", "500")] },
                { "no": 3, "lots": [lot("2", "500"), lot("1", "12000")] },
            ],
        }});
        let of = |act: &str, args: &str| leaves_a_rest(act, &json(args), &record);
        assert!(of("enforce", r#"{"no":1,"to":"MY-C"}"#), "a part of a lot");
        assert!(of("enforce", r#"{"no":2,"to":"MY-C"}"#), "one of the lots");
        assert!(!of("enforce", r#"{"no":3,"to":"MY-C"}"#), "the whole, in whatever order");
        assert!(!of("enforce", r#"{"no":4,"to":"MY-C"}"#), "no such pledge");
        assert!(!of("release", r#"{"no":1}"#), "another act");
        // who is no party sees neither lots nor pledges
        let public = serde_json::json!({ "public": {} });
        assert!(!leaves_a_rest("enforce", &json(r#"{"no":1}"#), &public));
    }

    #[test]
    fn the_content_that_an_act_leaves_is_that_of_its_leaves_with_the_changes() {
        let hash = |byte: &str| format!("b3:{}", byte.repeat(32));
        let leaf = |name: &str, byte: &str| {
            Value::object([("name", Value::from(name)), ("hash", Value::from(hash(byte).as_str()))])
        };
        let args = |leaves: Vec<Value>, changes: Vec<Value>| {
            Value::object([("leaves", Value::List(leaves)), ("changes", Value::List(changes))])
        };
        let gone = Value::object([("name", Value::from("b")), ("hash", Value::Null)]);
        let amended = args(
            vec![leaf("a", "01"), leaf("b", "02"), leaf("c", "03")],
            vec![leaf("a", "04"), gone, leaf("d", "05")],
        );
        let after = args(vec![leaf("a", "04"), leaf("c", "03"), leaf("d", "05")], Vec::new());
        let root = root_after("amend", &amended);
        assert!(root.is_some());
        assert_eq!(root, root_after("issue", &after));
        assert_ne!(root, root_after("issue", &amended), "the leaves before");
        assert_eq!(root_after("offer", &after), None);
    }
}
