//! The acts that the search tries on a record, with a few arguments each.

use titian_contracts::etr::record::{Lot, Record};
use titian_contracts::json::Value;
use titian_tests::etr::DAY_MS;
use titian_tests::etr_types::{list_at, lot_of, object, some_digest, texts};

use super::state::{CURE_MS, Model, State};

/// An act with its arguments.
#[derive(Clone, Debug)]
pub struct Ask {
    pub act: &'static str,
    pub args: Value,
}

fn ask(act: &'static str, args: &[(&str, Value)]) -> Ask {
    Ask { act, args: object(args) }
}

pub fn unfreeze() -> Ask {
    ask("unfreeze", &[("order", order())])
}

pub fn cancel() -> Ask {
    ask("cancel", &[("reason", Value::from("no"))])
}

fn order() -> Value {
    Value::from(some_digest("order"))
}

/// Everything that is tried on the record of a state. What its profile has not, or its status does
/// not take, the kernel refuses.
pub fn asks(model: &Model, state: &State) -> Vec<Ask> {
    let record = state.record(model);
    let mut list = simple();
    transfers(model, state, &mut list);
    goods(model, state, &record, &mut list);
    pledges(model, &record, &mut list);
    if record.party.money.is_some() {
        money(model, state, &record, &mut list);
    }
    court(model, state, &mut list);
    list
}

fn simple() -> Vec<Ask> {
    let no = || ("reason", Value::from("no"));
    vec![
        ask("accept", &[("evidence", Value::List(Vec::new()))]),
        ask("refuse", &[("reason", Value::Null)]),
        ask("withdraw", &[]),
        ask("expire", &[]),
        ask("lapse", &[]),
        ask("endorse", &[("kind", Value::from("blank"))]),
        ask("endorse", &[("kind", Value::from("conversion"))]),
        ask("surrender_accept", &[("digest", Value::Null)]),
        ask("surrender_reject", &[no()]),
        cancel(),
        unfreeze(),
    ]
}

/// Offers and deliveries to each other party, one of them on a condition that never holds.
fn transfers(model: &Model, state: &State, list: &mut Vec<Ask>) {
    let t = &model.traders;
    let deadline = Value::from(state.time_ms + DAY_MS);
    let kinds = list_at(&model.profile, "title/endorse");
    let kinds: Vec<Value> =
        std::iter::once(Value::Null).chain(kinds.iter().map(|k| Value::from(k.as_str()))).collect();
    for to in [&t.vn, &t.th] {
        let to = Value::from(to.as_str());
        list.push(ask("assign_control", &[("to", to.clone())]));
        for endorse in &kinds {
            let offer = |conditions: Value, firm: bool| {
                ask(
                    "offer",
                    &[
                        ("to", to.clone()),
                        ("endorse", endorse.clone()),
                        ("conditions", conditions),
                        ("irrevocable", Value::Bool(firm)),
                        ("deadlineMs", deadline.clone()),
                    ],
                )
            };
            list.push(offer(Value::Null, false));
            if *endorse == Value::Null {
                let never = object(&[("before", object(&[("ms", Value::Int(1))]))]);
                list.push(offer(never, true));
            }
            list.push(ask(
                "deliver",
                &[("to", to.clone()), ("endorse", endorse.clone()), ("consentNo", Value::Null)],
            ));
        }
    }
    let of = texts(&[&t.vn, &t.th]);
    let both = object(&[("joint", object(&[("k", Value::Int(2)), ("of", of)]))]);
    list.push(ask(
        "deliver",
        &[("to", both), ("endorse", Value::Null), ("consentNo", Value::Null)],
    ));
}

fn lot(of: &Lot, amount: u64) -> Value {
    let lot = object(&[
        ("lot", Value::from(of.lot.as_str())),
        ("unit", Value::from(of.unit.as_str())),
        ("scale", Value::from(of.scale)),
        ("amount", Value::from(amount.to_string())),
    ]);
    Value::List(vec![lot])
}

/// The whole of a record, and half of one that is whole still.
fn amounts(model: &Model, record: &Record) -> Vec<u64> {
    let (_, _, issued) = lot_of(&model.profile);
    match record.party.lots.as_slice() {
        [lot] if lot.amount == issued => vec![issued, issued / 2],
        [lot] => vec![lot.amount],
        _ => Vec::new(),
    }
}

fn goods(model: &Model, state: &State, record: &Record, list: &mut Vec<Ask>) {
    let deadline = Value::from(state.time_ms + DAY_MS);
    for kind in list_at(&model.profile, "surrender/kinds") {
        list.push(ask(
            "surrender",
            &[
                ("kind", Value::from(kind.as_str())),
                ("reason", Value::Null),
                ("deadlineMs", deadline.clone()),
            ],
        ));
    }
    let statement = object(&[
        ("code", Value::from("change_of_medium")),
        ("digest", Value::from(some_digest("statement"))),
    ]);
    list.push(ask(
        "surrender_accept",
        &[
            ("serials", texts(&["S-1"])),
            ("print", Value::from(some_digest("print"))),
            ("statement", statement),
        ],
    ));
    if let ([one], [whole, half]) =
        (record.party.lots.as_slice(), amounts(model, record)[..].as_ref())
    {
        let part = |amount: u64| {
            // each part takes its half of what is pledged
            let share = |no: u64| object(&[("no", Value::from(no)), ("lots", lot(one, amount))]);
            let pledges = record.party.pledges.iter().take(1).map(|p| share(p.no)).collect();
            object(&[("lots", lot(one, amount)), ("pledges", Value::List(pledges))])
        };
        list.push(ask("split", &[("parts", Value::List(vec![part(*half), part(whole - half)]))]));
        list.push(ask("deliver_part", &[("lots", lot(one, *half)), ("digest", Value::Null)]));
    }
    for other in state.siblings(model).iter().take(1) {
        let with = object(&[
            ("id", Value::from(other.public.id.as_str())),
            ("seq", Value::from(other.public.seq)),
            ("head", Value::from(other.public.head)),
        ]);
        list.push(ask(
            "merge",
            &[("with", Value::List(vec![with])), ("leaves", Value::Null), ("open", Value::Null)],
        ));
    }
}

fn pledges(model: &Model, record: &Record, list: &mut Vec<Ask>) {
    let my = Value::from(model.traders.my.as_str());
    if let ([one], true) = (record.party.lots.as_slice(), record.party.pledges.len() < 2) {
        for amount in amounts(model, record) {
            let on = object(&[("after", object(&[("ms", Value::Int(1))]))]);
            list.push(ask(
                "pledge",
                &[
                    ("to", my.clone()),
                    ("lots", lot(one, amount)),
                    ("terms", Value::from(some_digest("terms"))),
                    ("on", on),
                    ("cureS", Value::from(CURE_MS / 1_000)),
                ],
            ));
        }
    }
    for pledge in &record.party.pledges {
        let no = || ("no", Value::from(pledge.no));
        list.push(ask("release", &[no()]));
        list.push(ask("default_notice", &[no(), ("digest", Value::from(some_digest("default")))]));
        let evidence = ("evidence", Value::List(Vec::new()));
        list.push(ask("enforce", &[no(), ("to", my.clone()), evidence]));
    }
}

fn money(model: &Model, state: &State, record: &Record, list: &mut Vec<Ask>) {
    let t = &model.traders;
    for what in ["acceptance", "payment"] {
        list.push(ask(
            "present",
            &[
                ("for", Value::from(what)),
                ("attesters", Value::List(Vec::new())),
                ("deadlineMs", Value::from(state.time_ms + DAY_MS)),
            ],
        ));
    }
    for amount in amounts(model, record) {
        let amount = || ("amount", Value::from(amount.to_string()));
        list.push(ask("bill_accept", &[amount(), ("variation", Value::Null)]));
        list.push(ask("pay", &[amount(), ("evidence", Value::List(Vec::new()))]));
        if record.party.guarantees.is_empty() {
            let guarantor = ("guarantor", Value::from(t.my.as_str()));
            list.push(ask("aval", &[guarantor, ("for", Value::from(t.sg.as_str())), amount()]));
        }
    }
    list.push(ask("dishonour", &[("reason", Value::from("no"))]));
    list.push(ask("stop", &[("reason", Value::from("no"))]));
    list.push(ask("protest", &[("digest", Value::from(some_digest("protest")))]));
    for party in [&t.vn, &t.th, &t.my] {
        list.push(ask("recourse", &[("against", Value::from(party.as_str()))]));
        list.push(ask("recourse_pay", &[("payer", Value::from(party.as_str()))]));
    }
}

fn court(model: &Model, state: &State, list: &mut Vec<Ask>) {
    let until = ("untilMs", Value::from(state.time_ms + 2 * DAY_MS));
    list.push(ask("freeze", &[("order", order()), until, ("permits", texts(&["withdraw"]))]));
    for act in ["court_transfer", "court_annul"] {
        list.push(ask("court_notice", &[("order", order()), ("act", Value::from(act))]));
    }
    list.push(ask("court_annul", &[("order", order())]));
    let th = Value::from(model.traders.th.as_str());
    let title = match list_at(&model.profile, "title/initial").first().map(String::as_str) {
        Some(kind @ ("to_order" | "named")) => {
            object(&[("kind", Value::from(kind)), ("party", th.clone())])
        }
        _ => object(&[("kind", Value::from("none"))]),
    };
    list.push(ask("court_transfer", &[("order", order()), ("to", th), ("title", title)]));
}
