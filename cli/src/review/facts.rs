//! Who else an act on a record concerns, what it does to title, and by when: from the op, and from the
//! record as it stands where the act answers what is pending there (etr-api.md §4).
//!
//! Invariant: every act of the register has a rule here; where the record is not at hand, the facts
//! say so instead of leaving something out.

use serde_json::{Value as Json, json};
use titian_contracts::json::Value;
use titian_contracts::time;

use super::{party_text, words};
use crate::document;

/// Somebody whom an act concerns, and where their name stands.
#[derive(Clone, Copy, Debug)]
enum Who {
    /// An argument of the op, under the role it gives.
    Named(&'static str, &'static str),
    /// Who is in control.
    Controller,
    /// Who owes performance.
    Obligor,
    /// To whom the record is offered, or who is to answer a surrender or presentment.
    Asked,
    /// The pledgees, or the one whose number the op names.
    Pledgees,
    /// The guarantors.
    Guarantors,
    /// The state whose courts and registrars act.
    Home,
    /// Nobody can be named: this is said instead.
    Said(&'static str),
}

use Who::{Asked, Controller, Guarantors, Home, Named, Obligor, Pledgees, Said};

/// By when something is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// No time runs.
    Never,
    /// A member of the arguments, ms.
    Argument(&'static str),
    /// The deadline of what is pending.
    Pending,
    /// The time to cure of the pledge that the op names, from the notice on.
    Cure,
}

use Until::{Argument, Cure, Never, Pending};

/// One act, who it concerns, and by when.
type Rule = (&'static str, &'static [Who], Until);

const RECEIVER: Who = Named("to", "receiver");

/// Every act of the register. What it does to title is in [`title`].
const RULES: &[Rule] = &[
    ("issue", &[RECEIVER, Named("obligor", "obligor")], Never),
    (
        "issue_from_paper",
        &[RECEIVER, Named("obligor", "obligor"), Named("custodian", "custodian")],
        Never,
    ),
    ("offer", &[RECEIVER], Argument("deadlineMs")),
    ("accept", &[Controller], Pending),
    ("refuse", &[Controller], Pending),
    ("withdraw", &[Asked], Pending),
    ("expire", &[Asked, Controller], Pending),
    ("deliver", &[RECEIVER], Never),
    ("assign_control", &[RECEIVER, Obligor], Never),
    ("succeed", &[Named("of", "predecessor"), Named("successor", "successor")], Never),
    ("endorse", &[Obligor], Never),
    ("annotate", &[Controller, Obligor], Never),
    ("amend", &[Controller, Obligor, Pledgees, Guarantors], Never),
    ("split", &[Controller, Obligor, Pledgees], Never),
    ("merge", &[Controller, Obligor], Never),
    ("pledge", &[Named("to", "pledgee"), Obligor], Never),
    ("release", &[Controller], Never),
    ("default_notice", &[Controller, Pledgees], Cure),
    ("enforce", &[RECEIVER, Controller], Cure),
    ("surrender", &[Obligor, Pledgees], Argument("deadlineMs")),
    ("surrender_accept", &[Controller], Pending),
    ("surrender_reject", &[Controller], Pending),
    ("deliver_part", &[Controller, Obligor, Pledgees], Never),
    ("present", &[Obligor], Argument("deadlineMs")),
    ("bill_accept", &[Controller], Pending),
    ("dishonour", &[Controller], Pending),
    ("pay", &[Controller, Obligor, Pledgees], Pending),
    ("protest", &[Obligor], Never),
    ("notify", &[Named("to", "notified")], Never),
    ("recourse", &[Named("against", "liable")], Never),
    ("recourse_pay", &[Named("payer", "payer"), Controller, Pledgees], Never),
    ("aval", &[Named("guarantor", "guarantor"), Named("for", "for"), Controller], Never),
    ("stop", &[Controller, Obligor], Pending),
    ("cancel", &[Controller, Obligor, Pledgees], Never),
    ("lapse", &[Controller, Obligor], Never),
    ("freeze", &[Controller, Home], Argument("untilMs")),
    ("unfreeze", &[Controller, Home], Never),
    ("court_notice", &[Controller, Home], Never),
    ("court_transfer", &[RECEIVER, Controller, Home], Never),
    ("court_amend", &[Controller, Home], Never),
    ("court_annul", &[Controller, Home], Never),
    ("consent_set", &[Named("from", "giver")], Argument("untilMs")),
    ("consent_revoke", &[Said("those who could give you records")], Never),
    ("unstage", &[Said("the other signers of the staged op")], Never),
];

/// What is to be seen before signing, besides the op itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// Role and name of each one concerned.
    pub(super) counterparties: Vec<(&'static str, String)>,
    /// The effect on title.
    pub(super) title: String,
    /// The deadline: a time, or words where it depends on something else; `None` if none runs.
    pub(super) deadline: Option<Deadline>,
}

/// A deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deadline {
    /// Block time, ms.
    At(u64),
    /// In words.
    Words(String),
}

impl Deadline {
    pub(super) fn text(&self) -> String {
        match self {
            Self::At(ms) => format!("{} ({ms})", time::rfc3339(*ms)),
            Self::Words(words) => words.clone(),
        }
    }

    pub(super) fn to_json(&self) -> Json {
        match self {
            Self::At(ms) => json!({ "ms": ms, "time": time::rfc3339(*ms) }),
            Self::Words(words) => json!({ "words": words }),
        }
    }
}

const UNSEEN: &str = "not shown: the record is not at hand, ask with --as";

/// The facts of an op of the register; `None` for an act that is not of it. `record` is the record as
/// the op names it, in the shape of `etr_get`.
pub(super) fn of(act: &str, args: &Value, record: Option<&Json>) -> Option<Facts> {
    let (_, whos, until) = RULES.iter().find(|(name, ..)| *name == act)?;
    let scene = Scene { args, record };
    let counterparties = whos.iter().flat_map(|who| scene.named(*who)).collect();
    Some(Facts { counterparties, title: scene.title(act), deadline: scene.deadline(act, *until) })
}

/// An op and the record it is about.
struct Scene<'a> {
    args: &'a Value,
    record: Option<&'a Json>,
}

impl Scene<'_> {
    /// A member of the party part.
    fn party(&self, pointer: &str) -> Option<&Json> {
        let value = self.record?.get("party")?.pointer(pointer)?;
        (!value.is_null()).then_some(value)
    }

    fn person(&self, pointer: &str) -> String {
        self.party(pointer).map_or_else(|| UNSEEN.to_owned(), person)
    }

    fn named(&self, who: Who) -> Vec<(&'static str, String)> {
        match who {
            Named(member, role) => match self.args.get(member) {
                Some(Value::List(items)) => {
                    items.iter().map(|item| (role, party_text(item))).collect()
                }
                Some(Value::Null) | None => vec![(role, "nobody is named".to_owned())],
                Some(one) => vec![(role, party_text(one))],
            },
            Controller => vec![("controller", self.person("/controller"))],
            Obligor => vec![("obligor", self.person("/obligor"))],
            Asked => match self.party("/pending/to") {
                Some(to) => vec![("receiver", person(to))],
                None => vec![("obligor", self.person("/obligor"))],
            },
            Pledgees => self.each("/pledges", "pledgee", "to"),
            Guarantors => self.each("/guarantees", "guarantor", "guarantor"),
            Home => {
                let home = self.record.and_then(|record| document::text(record, "/public/home"));
                vec![("courts of", home.unwrap_or(UNSEEN).to_owned())]
            }
            Said(words) => vec![("", words.to_owned())],
        }
    }

    /// The members of a list of the party part; of pledges the one that the op names, if it does.
    fn each(&self, list: &str, role: &'static str, member: &str) -> Vec<(&'static str, String)> {
        let wanted = self.args.get("no").and_then(Value::as_int);
        let items = self.party(list).and_then(Json::as_array).into_iter().flatten();
        items
            .filter(|item| {
                let no = item.get("no").and_then(Json::as_i64);
                wanted.is_none() || no.is_none() || no == wanted
            })
            .filter_map(|item| Some((role, person(item.get(member)?))))
            .collect()
    }

    fn deadline(&self, act: &str, until: Until) -> Option<Deadline> {
        match until {
            Never => None,
            Argument(member) => {
                let ms = self.args.get(member).and_then(Value::as_int);
                ms.and_then(|ms| u64::try_from(ms).ok()).map(Deadline::At)
            }
            Pending => match self.party("/pending/deadlineMs").and_then(Json::as_u64) {
                Some(ms) => Some(Deadline::At(ms)),
                // both also run while nothing is pending
                None if ["pay", "stop"].contains(&act) && self.party("").is_some() => None,
                None => Some(Deadline::Words(UNSEEN.to_owned())),
            },
            Cure => {
                let wanted = self.args.get("no").and_then(Value::as_int);
                let pledges = self.party("/pledges").and_then(Json::as_array);
                let pledge = pledges
                    .into_iter()
                    .flatten()
                    .find(|pledge| pledge.get("no").and_then(Json::as_i64) == wanted);
                let number = |name: &str| pledge.and_then(|pledge| pledge.get(name)?.as_u64());
                Some(match (number("cureS"), number("noticeMs")) {
                    (Some(cure_s), Some(ms)) if act == "enforce" => {
                        Deadline::At(ms.saturating_add(cure_s.saturating_mul(1000)))
                    }
                    (Some(cure_s), _) => {
                        Deadline::Words(format!("{cure_s} s to cure, from the notice on"))
                    }
                    (None, _) => Deadline::Words(UNSEEN.to_owned()),
                })
            }
        }
    }

    /// Title as it stands, in words.
    fn standing(&self) -> String {
        let kind = self.party("/title/kind").and_then(Json::as_str);
        let of = || self.person("/title/party");
        match kind {
            Some("to_order") => format!("to the order of {}{}", of(), self.capacity()),
            Some("named") => format!("named to {}{}", of(), self.capacity()),
            Some("bearer") => "to bearer".to_owned(),
            Some(_) => "none: no document of title".to_owned(),
            None => UNSEEN.to_owned(),
        }
    }

    /// What follows who holds title for another.
    fn capacity(&self) -> String {
        self.party("/title").map(words::capacity).unwrap_or_default()
    }

    /// What follows an endorsement of the op that excludes recourse.
    fn recourse(&self) -> &'static str {
        words::recourse(self.args.get("withoutRecourse") == Some(&Value::Bool(true)))
    }

    fn stays(&self) -> String {
        format!("stays as it is ({})", self.standing())
    }

    fn title(&self, act: &str) -> String {
        let named = |name: &str| self.args.get(name).map(party_text).unwrap_or_default();
        match act {
            "offer" => match self.args.get("endorse").and_then(Value::as_text) {
                Some(kind) => {
                    format!("{} once accepted{}", endorsed(kind, &named("to")), self.recourse())
                }
                None => format!("{}; once accepted, control alone moves", self.stays()),
            },
            "deliver" => match self.args.get("endorse").and_then(Value::as_text) {
                Some(kind) => {
                    format!("{} at once{}", endorsed(kind, &named("to")), self.recourse())
                }
                None => format!("{}; control alone moves, at once", self.stays()),
            },
            "accept" => self.accepted(),
            "issue" | "issue_from_paper" => self.opened(),
            "endorse" => match self.args.get("kind").and_then(Value::as_text) {
                Some("blank") => "to bearer: whoever holds the record is entitled".to_owned(),
                _ => format!("to the order of {}", self.person("/controller")),
            },
            "assign_control" => format!("{}; control passes to {}", self.stays(), named("to")),
            "succeed" => {
                format!("{} takes the place of {}, in title too", named("successor"), named("of"))
            }
            "split" | "merge" => "goes over to the new records; this one ends".to_owned(),
            "pledge" => format!(
                "{}; {} has to agree to what the holder does with it",
                self.stays(),
                named("to")
            ),
            "enforce" => format!("control and title pass to {}", named("to")),
            "recourse_pay" => format!(
                "to the order of {}, with control; later endorsements are struck",
                named("payer")
            ),
            "surrender_accept" | "cancel" | "lapse" | "court_annul" => {
                "ends; the record is dead afterwards".to_owned()
            }
            "pay" => format!("ends once nothing is owed; until then it {}", self.stays()),
            "surrender" => format!("{} until the obligor answers", self.stays()),
            "deliver_part" => format!("{} for the rest", self.stays()),
            "expire" if self.party("/pending/act").and_then(Json::as_str) == Some("present") => {
                format!("{}; silence counts as dishonour", self.stays())
            }
            "court_transfer" => match self.args.get("title") {
                Some(title) => format!("as ordered: {}, with control", title.to_jcs()),
                None => "as ordered, with control".to_owned(),
            },
            "consent_set" => "none now; what is given under it is yours without asking".to_owned(),
            "consent_revoke" | "unstage" => "none".to_owned(),
            _ => self.stays(),
        }
    }

    /// What accepting does, as the offer says.
    fn accepted(&self) -> String {
        let Some(pending) = self.party("/pending") else { return UNSEEN.to_owned() };
        let to = pending.get("to").map(person).unwrap_or_default();
        match document::text(pending, "/endorse") {
            Some(kind) => {
                let recourse = words::recourse(words::excludes_recourse(pending));
                format!("{}, with control{recourse}", endorsed(kind, &to))
            }
            None => format!("{}; control alone passes to {to}", self.stays()),
        }
    }

    /// The title that a record begins with.
    fn opened(&self) -> String {
        let title = self.args.get("title");
        let of = title.and_then(|title| title.get("party"));
        let of = of.or_else(|| self.args.get("to")).map(party_text).unwrap_or_default();
        match title.and_then(|title| title.get("kind")).and_then(Value::as_text) {
            Some("to_order") => format!("to the order of {of} from the start"),
            Some("bearer") => "to bearer from the start".to_owned(),
            Some("named") => format!("named to {of} from the start"),
            _ => "none: no document of title".to_owned(),
        }
    }
}

/// Title after an endorsement to somebody.
fn endorsed(kind: &str, to: &str) -> String {
    match kind {
        "special" => format!("to the order of {to}"),
        "blank" => "to bearer".to_owned(),
        "restrictive" => format!("named to {to}, final"),
        "collection" => format!("{to} collects for the endorser"),
        "pledge" => format!("{to} holds it as pledge"),
        other => other.to_owned(),
    }
}

/// A person of the party part: a UBIN, `{party}` or `{joint}`.
pub(super) fn person(value: &Json) -> String {
    let of = |value: &Json| document::from_json(value).map(|value| party_text(&value));
    of(value).unwrap_or_else(|_| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use titian_contracts::json::parse;

    const UNTIL_MS: u64 = 1_800_000_000_000;

    /// A record on which everything that can be pending, pledged or owed is.
    fn record(pending: &Json) -> Json {
        json!({
            "public": { "home": "SG", "seq": 3, "head": "b3:00" },
            "party": {
                "controller": { "party": "VN-HOLDER" },
                "obligor": "SG-CARRIER",
                "title": { "kind": "to_order", "party": "VN-HOLDER", "capacity": "owner" },
                "pending": pending,
                "pledges": [
                    { "no": 1, "to": "MY-BANK", "cureS": 600, "noticeMs": UNTIL_MS },
                    { "no": 2, "to": "MY-LATER", "cureS": 700, "noticeMs": null },
                ],
                "guarantees": [{ "guarantor": "TH-GUARANTOR" }],
            },
        })
    }

    fn pending(act: &str) -> Json {
        match act {
            "offer" => json!({ "act": "offer", "to": { "party": "TH-RECEIVER" },
                "endorse": "special", "deadlineMs": UNTIL_MS }),
            act => json!({ "act": act, "deadlineMs": UNTIL_MS }),
        }
    }

    /// What is pending when an act answers it.
    fn answered(act: &str) -> Json {
        match act {
            "accept" | "refuse" | "withdraw" | "expire" => pending("offer"),
            "surrender_accept" | "surrender_reject" => pending("surrender"),
            "bill_accept" | "dishonour" | "pay" | "stop" => pending("present"),
            _ => Json::Null,
        }
    }

    /// The arguments that name somebody or a time.
    const ARGUMENTS: &str = r#"{"against":"ID-LIABLE","custodian":"PH-CUSTODIAN",
        "deadlineMs":1800000000000,"endorse":"special","for":"VN-HOLDER","from":["LA-GIVER"],
        "guarantor":"TH-GUARANTOR","no":1,"obligor":"SG-CARRIER","of":"VN-HOLDER",
        "payer":"ID-LIABLE","successor":"KH-SUCCESSOR",
        "title":{"kind":"to_order","party":"TH-RECEIVER"},"to":"TH-RECEIVER",
        "untilMs":1800000000000}"#;

    fn arguments() -> Value {
        parse(ARGUMENTS.as_bytes()).expect("JSON")
    }

    /// Whom each act concerns, what title does, and whether a deadline is shown.
    const EXPECTED: &[(&str, &[&str], &str, bool)] = &[
        ("issue", &["TH-RECEIVER", "SG-CARRIER"], "to the order of TH-RECEIVER", false),
        (
            "issue_from_paper",
            &["TH-RECEIVER", "SG-CARRIER", "PH-CUSTODIAN"],
            "to the order of TH-RECEIVER",
            false,
        ),
        ("offer", &["TH-RECEIVER"], "to the order of TH-RECEIVER once accepted", true),
        ("accept", &["VN-HOLDER"], "to the order of TH-RECEIVER, with control", true),
        ("refuse", &["VN-HOLDER"], "stays as it is (to the order of VN-HOLDER)", true),
        ("withdraw", &["TH-RECEIVER"], "stays", true),
        ("expire", &["TH-RECEIVER", "VN-HOLDER"], "stays", true),
        ("deliver", &["TH-RECEIVER"], "to the order of TH-RECEIVER at once", false),
        ("assign_control", &["TH-RECEIVER", "SG-CARRIER"], "passes to TH-RECEIVER", false),
        ("succeed", &["VN-HOLDER", "KH-SUCCESSOR"], "takes the place of VN-HOLDER", false),
        ("endorse", &["SG-CARRIER"], "to the order of VN-HOLDER", false),
        ("annotate", &["VN-HOLDER", "SG-CARRIER"], "stays", false),
        ("amend", &["VN-HOLDER", "SG-CARRIER", "MY-BANK", "TH-GUARANTOR"], "stays", false),
        ("split", &["VN-HOLDER", "SG-CARRIER", "MY-BANK"], "new records", false),
        ("merge", &["VN-HOLDER", "SG-CARRIER"], "new records", false),
        ("pledge", &["TH-RECEIVER", "SG-CARRIER"], "TH-RECEIVER has to agree", false),
        ("release", &["VN-HOLDER"], "stays", false),
        ("default_notice", &["VN-HOLDER", "MY-BANK"], "stays", true),
        ("enforce", &["TH-RECEIVER", "VN-HOLDER"], "pass to TH-RECEIVER", true),
        ("surrender", &["SG-CARRIER", "MY-BANK"], "until the obligor answers", true),
        ("surrender_accept", &["VN-HOLDER"], "ends", true),
        ("surrender_reject", &["VN-HOLDER"], "stays", true),
        ("deliver_part", &["VN-HOLDER", "SG-CARRIER", "MY-BANK"], "for the rest", false),
        ("present", &["SG-CARRIER"], "stays", true),
        ("bill_accept", &["VN-HOLDER"], "stays", true),
        ("dishonour", &["VN-HOLDER"], "stays", true),
        ("pay", &["VN-HOLDER", "SG-CARRIER", "MY-BANK"], "ends once nothing is owed", true),
        ("protest", &["SG-CARRIER"], "stays", false),
        ("notify", &["TH-RECEIVER"], "stays", false),
        ("recourse", &["ID-LIABLE"], "stays", false),
        ("recourse_pay", &["ID-LIABLE", "VN-HOLDER", "MY-BANK"], "order of ID-LIABLE", false),
        ("aval", &["TH-GUARANTOR", "VN-HOLDER", "VN-HOLDER"], "stays", false),
        ("stop", &["VN-HOLDER", "SG-CARRIER"], "stays", true),
        ("cancel", &["VN-HOLDER", "SG-CARRIER", "MY-BANK"], "ends", false),
        ("lapse", &["VN-HOLDER", "SG-CARRIER"], "ends", false),
        ("freeze", &["VN-HOLDER", "SG"], "stays", true),
        ("unfreeze", &["VN-HOLDER", "SG"], "stays", false),
        ("court_notice", &["VN-HOLDER", "SG"], "stays", false),
        ("court_transfer", &["TH-RECEIVER", "VN-HOLDER", "SG"], "as ordered", false),
        ("court_amend", &["VN-HOLDER", "SG"], "stays", false),
        ("court_annul", &["VN-HOLDER", "SG"], "ends", false),
        ("consent_set", &["LA-GIVER"], "none now", true),
        ("consent_revoke", &["those who could give you records"], "none", false),
        ("unstage", &["the other signers of the staged op"], "none", false),
    ];

    #[test]
    fn etr_before_every_act_counterparty_title_and_deadline_are_shown() {
        for (act, whom, title, has_deadline) in EXPECTED {
            let record = record(&answered(act));
            let facts = of(act, &arguments(), Some(&record)).expect("a rule");
            let names: Vec<&str> =
                facts.counterparties.iter().map(|(_, name)| name.as_str()).collect();
            assert_eq!(names, *whom, "{act}");
            assert!(facts.title.contains(title), "{act}: {}", facts.title);
            assert_eq!(facts.deadline.is_some(), *has_deadline, "{act}: {:?}", facts.deadline);
            assert!(!format!("{facts:?}").contains("not at hand"), "{act}: {facts:?}");
            if let Some(Deadline::At(ms)) = facts.deadline {
                let cured = if *act == "enforce" { 600_000 } else { 0 };
                assert_eq!(ms, UNTIL_MS + cured, "{act}");
            }
        }
        let registers = titian_contracts::access::scope::ACTS.iter();
        let acts = registers.filter(|(register, _)| *register == "etr").flat_map(|(_, acts)| *acts);
        // these are no ops: what is staged or cosigned is shown itself
        for act in acts.filter(|act| !["stage", "cosign", "attest", "custody"].contains(act)) {
            assert!(EXPECTED.iter().any(|(known, ..)| known == act), "{act} is not in the table");
        }
        assert_eq!(EXPECTED.len(), RULES.len());
    }

    #[test]
    fn etr_what_cannot_be_seen_is_said_and_not_left_out() {
        for (act, _, until) in RULES {
            let facts = of(act, &arguments(), None).expect("a rule");
            assert!(!facts.title.is_empty(), "{act}");
            if *until != Never {
                assert!(facts.deadline.is_some(), "{act}");
            }
            assert!(!facts.counterparties.is_empty(), "{act}");
        }
        let facts = of("accept", &arguments(), None).expect("a rule");
        assert_eq!(facts.title, UNSEEN);
        assert_eq!(facts.counterparties, [("controller", UNSEEN.to_owned())]);
        assert_eq!(facts.deadline, Some(Deadline::Words(UNSEEN.to_owned())));
        assert_eq!(of("key_bind", &arguments(), None), None);
    }

    #[test]
    fn etr_who_gives_and_who_accepts_sees_that_recourse_is_excluded() {
        let mut record = record(&json!({ "act": "offer", "to": { "party": "TH-RECEIVER" },
            "endorse": "special", "withoutRecourse": true, "deadlineMs": UNTIL_MS }));
        let args = arguments();
        let title = |args: &Value, record: &Json, act: &str| {
            of(act, args, Some(record)).expect("a rule").title
        };
        let accepted = title(&args, &record, "accept");
        assert!(accepted.ends_with("with control, without recourse"), "{accepted}");
        for act in ["offer", "deliver"] {
            assert!(!title(&args, &record, act).contains("recourse"), "{act}");
            let without = args.with("withoutRecourse", Value::Bool(true));
            let said = title(&without, &record, act);
            assert!(said.ends_with(", without recourse"), "{act}: {said}");
        }
        record["party"]["pending"]["withoutRecourse"] = json!(false);
        assert!(!title(&args, &record, "accept").contains("recourse"));
        // and whoever acts on what another collects sees for whom
        record["party"]["title"] = json!({ "kind": "to_order", "party": { "party": "MY-BANK" },
            "capacity": "collection", "principal": { "party": "VN-HOLDER" } });
        let said = title(&args, &record, "refuse");
        assert!(said.contains("MY-BANK collection for VN-HOLDER"), "{said}");
    }

    #[test]
    fn etr_joint_holders_and_offers_without_endorsement_are_shown() {
        let mut record = record(&json!({ "act": "offer", "endorse": null,
            "to": { "joint": { "k": 2, "of": ["TH-A", "MY-B"] } }, "deadlineMs": UNTIL_MS }));
        record["party"]["controller"] = json!({ "joint": { "k": 1, "of": ["VN-A", "VN-B"] } });
        let facts = of("accept", &arguments(), Some(&record)).expect("a rule");
        assert_eq!(facts.counterparties, [("controller", "1 of VN-A, VN-B".to_owned())]);
        assert!(facts.title.contains("control alone passes to 2 of TH-A, MY-B"), "{facts:?}");
    }
}
