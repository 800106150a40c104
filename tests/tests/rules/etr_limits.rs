//! Every limit of records (etr.md §3.4): what it allows and one more.

use titian_contracts::error::Code;
use titian_contracts::etr::consent::Consents;
use titian_contracts::etr::record::{Aside, Guarantee, Record};
use titian_contracts::etr::request::Request;
use titian_contracts::etr::{bundle, condition, keys};
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::op::{Op, Register};
use titian_contracts::state::Overlay;
use titian_contracts::ubin;
use titian_tests::etr::{DAY_MS, Traders, lots};
use titian_tests::etr_types::{object, profile, some_digest, texts};

/// An act, the argument (or member) that is counted, arguments of so many, and the smallest and the
/// largest number allowed.
type Counted = (&'static str, &'static str, fn(&Traders, usize) -> Value, usize, usize);

fn null() -> Value {
    Value::Null
}

fn digest() -> Value {
    Value::from(some_digest("limit"))
}

fn list(count: usize, item: impl Fn(usize) -> Value) -> Value {
    Value::List((0..count).map(item).collect())
}

fn parties(count: usize) -> Value {
    list(count, |i| Value::from(format!("SG-UEN-{i}")))
}

fn joint(count: usize) -> Value {
    object(&[("joint", object(&[("k", Value::Int(1)), ("of", parties(count))]))])
}

fn some_lots(count: usize) -> Value {
    list(count, |i| {
        object(&[
            ("lot", Value::from(format!("L{i}"))),
            ("unit", Value::from("KGM")),
            ("scale", Value::Int(0)),
            ("amount", Value::from("1")),
        ])
    })
}

fn of_scale(scale: usize) -> Value {
    lots(&[("1", "KGM", scale as u64, "1")])
}

fn named(name: &str) -> Value {
    object(&[("name", Value::from(name)), ("hash", digest())])
}

fn leaves(count: usize) -> Value {
    list(count, |i| named(&format!("f{i}")))
}

/// A leaf whose name has so many bytes.
fn leaf_of(bytes: usize) -> Value {
    Value::List(vec![named(&"n".repeat(bytes))])
}

fn opened(count: usize) -> Value {
    let pair = Value::List(vec![Value::from("0".repeat(32)), Value::Null]);
    Value::object((0..count).map(|i| (format!("f{i}"), pair.clone())))
}

fn serials(count: usize) -> Value {
    list(count, |i| Value::from(format!("S-{i}")))
}

/// Evidence whose canonical text has so many bytes.
fn evidence(bytes: usize) -> Value {
    let around = r#"[{"preimage":""}]"#.len();
    Value::List(vec![object(&[("preimage", Value::from("0".repeat(bytes - around)))])])
}

fn issue(t: &Traders, name: &str, value: Value) -> Value {
    t.bill("LIMIT", &t.vn).get("args").expect("arguments").with(name, value)
}

fn from_paper(t: &Traders, count: usize) -> Value {
    issue(t, "serials", serials(count))
        .with("originals", Value::Int(1))
        .with("custodian", Value::from(t.sg.as_str()))
        .with("inoperative", digest())
}

fn offer(t: &Traders, to: Value) -> Value {
    t.offer_args(&t.th, None).with("to", to)
}

fn amend(name: &str, value: Value) -> Value {
    object(&[
        ("reason", Value::from("agreed")),
        ("text", digest()),
        ("lots", null()),
        ("leaves", Value::List(Vec::new())),
        ("changes", Value::List(Vec::new())),
        ("open", object(&[])),
    ])
    .with(name, value)
}

fn ordered(name: &str, value: Value) -> Value {
    object(&[
        ("order", digest()),
        ("text", digest()),
        ("leaves", Value::List(Vec::new())),
        ("changes", Value::List(Vec::new())),
    ])
    .with(name, value)
}

fn part(lots: Value, pledges: Value) -> Value {
    object(&[("lots", lots), ("pledges", pledges)])
}

/// Two parts, of which one has these lots and pledges.
fn split(lots: Value, pledges: Value) -> Value {
    let other = part(some_lots(1), Value::List(Vec::new()));
    object(&[("parts", Value::List(vec![part(lots, pledges), other]))])
}

fn parts(count: usize) -> Value {
    object(&[("parts", list(count, |_| part(some_lots(1), Value::List(Vec::new()))))])
}

fn allotted(count: usize, lots: usize) -> Value {
    list(count, |i| object(&[("no", Value::from(i as u64)), ("lots", some_lots(lots))]))
}

fn merge(t: &Traders, with: usize, leaves: Value, open: Value) -> Value {
    let id = t.id("transport", "LIMIT");
    let other = |_: usize| {
        object(&[("id", Value::from(id.as_str())), ("seq", Value::Int(1)), ("head", digest())])
    };
    object(&[("with", list(with, other)), ("leaves", leaves), ("open", open)])
}

fn pledge(t: &Traders, lots: Value, cure_s: usize) -> Value {
    object(&[
        ("to", Value::from(t.th.as_str())),
        ("lots", lots),
        ("terms", digest()),
        ("on", null()),
        ("cureS", Value::from(cure_s as u64)),
    ])
}

fn enforce(to: Value, evidence: Value) -> Value {
    object(&[("no", Value::Int(1)), ("to", to), ("evidence", evidence)])
}

fn court_transfer(to: Value, party: Value) -> Value {
    let title = object(&[("kind", Value::from("named")), ("party", party)]);
    object(&[("order", digest()), ("to", to), ("title", title)])
}

fn titled(t: &Traders, count: usize) -> Value {
    issue(t, "title", object(&[("kind", Value::from("named")), ("party", joint(count))]))
}

fn on_paper(count: usize) -> Value {
    object(&[("serials", serials(count)), ("print", digest())])
}

fn sum(amount: usize) -> Value {
    object(&[("amount", Value::from(amount.to_string()))])
}

const LOTS: usize = limits::ETR_LOTS_MAX;
const SCALE: usize = limits::ETR_SCALE_MAX as usize;
const FIELDS: usize = limits::ETR_FIELDS_MAX;
const NAME: usize = limits::ETR_FIELD_NAME_BYTES_MAX;
const JOINT: usize = limits::ETR_JOINT_MAX;
const BYTES: usize = limits::ETR_EVIDENCE_BYTES_MAX;
const SERIALS: usize = limits::ETR_SERIALS_MAX;
const ATTESTERS: usize = limits::ETR_ATTESTERS_MAX;
const PARTS: usize = limits::ETR_PARTS_MAX;
const CURE: usize = limits::ETR_CURE_S_MAX as usize;
/// Evidence is never shorter than the text that [`evidence`] puts around it.
const LEAST: usize = 17;

const COUNTED: &[Counted] = &[
    ("issue", "to", |t, n| issue(t, "to", joint(n)), 2, JOINT),
    ("issue", "title/party", titled, 2, JOINT),
    ("issue", "lots", |t, n| issue(t, "lots", some_lots(n)), 0, LOTS),
    ("issue", "lots", |t, n| issue(t, "lots", of_scale(n)), 0, SCALE),
    ("issue", "leaves", |t, n| issue(t, "leaves", leaves(n)), 0, FIELDS),
    ("issue", "leaves", |t, n| issue(t, "leaves", leaf_of(n)), 1, NAME),
    ("issue", "open", |t, n| issue(t, "open", opened(n)), 0, FIELDS),
    ("issue", "attesters", |t, n| issue(t, "attesters", parties(n)), 0, ATTESTERS),
    ("issue_from_paper", "serials", from_paper, 1, SERIALS),
    ("offer", "to", |t, n| offer(t, joint(n)), 2, JOINT),
    (
        "deliver",
        "to",
        |_, n| object(&[("to", joint(n)), ("endorse", null()), ("consentNo", null())]),
        2,
        JOINT,
    ),
    ("assign_control", "to", |_, n| object(&[("to", joint(n))]), 2, JOINT),
    ("accept", "evidence", |_, n| object(&[("evidence", evidence(n))]), LEAST, BYTES),
    ("pay", "evidence", |_, n| sum(1).with("evidence", evidence(n)), LEAST, BYTES),
    ("pay", "amount", |_, n| sum(n).with("evidence", Value::List(Vec::new())), 1, usize::MAX),
    ("bill_accept", "amount", |_, n| sum(n).with("variation", null()), 1, usize::MAX),
    (
        "aval",
        "amount",
        |t, n| {
            let of = Value::from(t.sg.as_str());
            sum(n).with("guarantor", of.clone()).with("for", of)
        },
        1,
        usize::MAX,
    ),
    ("enforce", "to", |_, n| enforce(joint(n), Value::List(Vec::new())), 2, JOINT),
    ("enforce", "evidence", |_, n| enforce(joint(2), evidence(n)), LEAST, BYTES),
    ("court_transfer", "to", |_, n| court_transfer(joint(n), joint(2)), 2, JOINT),
    ("court_transfer", "title/party", |_, n| court_transfer(joint(2), joint(n)), 2, JOINT),
    ("amend", "lots", |_, n| amend("lots", some_lots(n)), 0, LOTS),
    ("amend", "lots", |_, n| amend("lots", of_scale(n)), 0, SCALE),
    ("amend", "leaves", |_, n| amend("leaves", leaves(n)), 0, FIELDS),
    ("amend", "leaves", |_, n| amend("leaves", leaf_of(n)), 1, NAME),
    ("amend", "changes", |_, n| amend("changes", leaves(n)), 0, FIELDS),
    ("amend", "changes", |_, n| amend("changes", leaf_of(n)), 1, NAME),
    ("amend", "open", |_, n| amend("open", opened(n)), 0, FIELDS),
    ("court_amend", "leaves", |_, n| ordered("leaves", leaves(n)), 0, FIELDS),
    ("court_amend", "leaves", |_, n| ordered("leaves", leaf_of(n)), 1, NAME),
    ("court_amend", "changes", |_, n| ordered("changes", leaves(n)), 0, FIELDS),
    ("court_amend", "changes", |_, n| ordered("changes", leaf_of(n)), 1, NAME),
    ("split", "parts", |_, n| parts(n), 2, PARTS),
    ("split", "parts", |_, n| split(some_lots(n), allotted(0, 0)), 0, LOTS),
    ("split", "parts", |_, n| split(of_scale(n), allotted(0, 0)), 0, SCALE),
    ("split", "parts", |_, n| split(some_lots(1), allotted(n, 1)), 0, limits::ETR_PLEDGES_MAX),
    ("split", "parts", |_, n| split(some_lots(1), allotted(1, n)), 0, LOTS),
    // the record itself is one of those that are merged
    ("merge", "with", |t, n| merge(t, n, null(), null()), 1, PARTS - 1),
    ("merge", "leaves", |t, n| merge(t, 1, leaves(n), object(&[])), 0, FIELDS),
    ("merge", "open", |t, n| merge(t, 1, leaves(0), opened(n)), 0, FIELDS),
    ("pledge", "lots", |t, n| pledge(t, some_lots(n), 0), 0, LOTS),
    ("pledge", "cureS", |t, n| pledge(t, some_lots(1), n), 0, CURE),
    ("deliver_part", "lots", |_, n| object(&[("lots", some_lots(n)), ("digest", null())]), 0, LOTS),
    ("surrender_accept", "serials", |_, n| on_paper(n), 1, SERIALS),
    (
        "surrender_accept",
        "issued",
        |t, n| {
            let id = t.id("transport", "LIMIT");
            object(&[("issued", list(n, |_| Value::from(id.as_str())))])
        },
        0,
        limits::ETR_BUNDLE_OPS_MAX,
    ),
    (
        "present",
        "attesters",
        |t, n| {
            let deadline = Value::from(t.world.time_ms + DAY_MS);
            object(&[
                ("for", Value::from("payment")),
                ("attesters", parties(n)),
                ("deadlineMs", deadline),
            ])
        },
        0,
        ATTESTERS,
    ),
    ("notify", "to", |_, n| object(&[("to", parties(n))]), 1, limits::ETR_NOTIFIED_MAX),
];

/// What the limits say of an op that reads.
fn judged(op: &Value) -> Result<(), (Code, String)> {
    let op = Op::from_value(op.clone()).expect("an op");
    let request = Request::read(&op).unwrap_or_else(|reject| panic!("{}: {reject}", op.act));
    request.check_limits().map_err(|reject| (reject.code, reject.field))
}

#[test]
fn etr_each_argument_is_counted_and_its_largest_number_is_the_last_allowed() {
    for bytes in [LEAST, BYTES] {
        assert_eq!(evidence(bytes).to_jcs().len(), bytes, "what is counted is what is made");
    }
    let t = Traders::new();
    let id = t.id("transport", "LIMIT");
    for (act, argument, args, least, most) in COUNTED {
        let of = |count: usize| judged(&t.op(&id, act, args(&t, count)));
        let over = Err((Code::LimitExceeded, format!("/args/{argument}")));
        assert_eq!(of(*least), Ok(()), "{act}: {argument}");
        if *least > 0 && *least != LEAST {
            assert_eq!(of(least - 1), over, "{act}: {argument}, one too few");
        }
        if *most < usize::MAX {
            assert_eq!(of(*most), Ok(()), "{act}: {argument}");
            assert_eq!(of(most + 1), over, "{act}: {argument}, one too many");
        }
    }
    let quorum = |k: i64| {
        let joint = object(&[("k", Value::Int(k)), ("of", parties(3))]);
        judged(&t.op(&id, "offer", offer(&t, object(&[("joint", joint)]))))
    };
    let over = Err((Code::LimitExceeded, "/args/to".to_owned()));
    assert_eq!([0, 1, 3, 4].map(quorum), [over.clone(), Ok(()), Ok(()), over]);
    let acknowledged = |count: usize| {
        let op = t.op(&id, "offer", t.offer_args(&t.th, None));
        judged(&op.with("ack", list(count, |i| Value::from(format!("C{i}:unknown")))))
    };
    assert_eq!(acknowledged(limits::ETR_ACK_MAX), Ok(()));
    let over = Err((Code::LimitExceeded, "/ack".to_owned()));
    assert_eq!(acknowledged(limits::ETR_ACK_MAX + 1), over);
}

#[test]
fn etr_a_condition_has_so_many_leaves_levels_keys_and_attesters_and_no_more() {
    let leaf = || object(&[("after", object(&[("ms", Value::Int(1))]))]);
    let wide = |kind: &str, count: usize| object(&[(kind, list(count, |_| leaf()))]);
    let deep = |levels: usize| {
        (1..levels).fold(leaf(), |inner, _| object(&[("any", Value::List(vec![inner]))]))
    };
    let keys = |count: usize| {
        let keys = list(count, |i| Value::from(format!("SG-UEN-1#k{}", i + 1)));
        object(&[("k_of_n", object(&[("k", Value::Int(1)), ("keys", keys)]))])
    };
    let attested = |count: usize| {
        let body = object(&[
            ("uetr", Value::from("00000000-0000-4000-8000-000000000001")),
            ("unit", Value::from("SGD")),
            ("amount", Value::from("1")),
            ("settleByMs", Value::Int(1)),
            ("attesters", parties(count)),
            ("k", Value::Int(1)),
        ]);
        object(&[("payment_attested", body)])
    };
    let read = |tree: Value| {
        let found = condition::read(&tree, "/args/conditions");
        found.map(|_| ()).map_err(|reject| (reject.code, reject.field))
    };
    let refused = Err((Code::ConditionInvalid, "/args/conditions".to_owned()));
    let leaves = limits::ETR_CONDITION_LEAVES_MAX;
    // leaves count over the whole tree, not in each node
    let spread = |count: usize| {
        object(&[("all", Value::List(vec![wide("any", 1), wide("all", count - 1)]))])
    };
    for kind in ["all", "any"] {
        assert_eq!(read(wide(kind, 0)), refused, "{kind} of nothing");
        assert_eq!(read(wide(kind, leaves)), Ok(()), "{kind}");
        assert_eq!(read(wide(kind, leaves + 1)), refused, "{kind}");
    }
    assert_eq!(read(spread(leaves)), Ok(()));
    assert_eq!(read(spread(leaves + 1)), refused);
    assert_eq!(read(deep(limits::ETR_CONDITION_DEPTH_MAX)), Ok(()));
    assert_eq!(read(deep(limits::ETR_CONDITION_DEPTH_MAX + 1)), refused);
    let bounds = |most: usize, tree: &dyn Fn(usize) -> Value| {
        for (count, expected) in
            [(0, &refused), (1, &Ok(())), (most, &Ok(())), (most + 1, &refused)]
        {
            assert_eq!(&read(tree(count)), expected, "{count} of {most}");
        }
    };
    bounds(leaves, &keys);
    bounds(limits::ETR_ATTESTERS_MAX, &attested);
}

/// A record as it would stand after many ops.
pub(crate) fn aged(t: &mut Traders, id: &str, change: impl FnOnce(&mut Record)) {
    let mut record = t.get(id);
    change(&mut record);
    t.write(|state| record.store(state));
}

pub(crate) fn code(found: Result<impl Sized, Code>) -> Option<Code> {
    found.err()
}

#[test]
fn etr_a_record_takes_its_last_endorsement_note_and_version_and_no_more() {
    let mut t = Traders::new();
    let (sg, vn) = (t.sg.clone(), t.vn.clone());
    let id = t.issued_note("PN-1");
    let most = limits::ETR_ENDORSEMENTS_MAX;
    for (before, blank, expected) in
        [(most - 1, "blank", None), (most, "conversion", Some(Code::LimitExceeded))]
    {
        aged(&mut t, &id, |record| record.party.endorsements = before);
        let op = t.op(&id, "endorse", object(&[("kind", Value::from(blank))]));
        assert_eq!(code(t.run(&op, &[&vn])), expected, "{before} endorsements");
    }
    let other = t.issued_note("PN-2");
    for (before, expected) in [(most - 1, None), (most, Some(Code::LimitExceeded))] {
        aged(&mut t, &other, |record| record.party.endorsements = before);
        let op = t.op(&other, "offer", t.offer_args(&sg, Some("special")));
        assert_eq!(code(t.run(&op, &[&vn])), expected, "{before} endorsements");
        let withdraw = t.op(&other, "withdraw", object(&[]));
        if expected.is_none() {
            assert_eq!(code(t.run(&withdraw, &[&vn])), None);
        }
    }
    let most = limits::ETR_NOTES_MAX;
    for (before, expected) in [(most - 1, None), (most, Some(Code::LimitExceeded))] {
        t.write(|state| {
            let aside = Aside { notes: before, ..Aside::load(state, &other) };
            aside.store(state, &other);
        });
        let note = object(&[("code", Value::from("other")), ("digest", digest())]);
        let op = t.op(&other, "annotate", note);
        assert_eq!(code(t.run(&op, &[&vn])), expected, "{before} notes");
    }
}

#[test]
fn etr_a_record_takes_its_last_pledge_and_guarantee_and_no_more() {
    let mut t = Traders::new();
    let (sg, vn, th, my) = (t.sg.clone(), t.vn.clone(), t.th.clone(), t.my.clone());
    let id = t.issued_bill("SGPU1");
    let lot = || lots(&[("1", "KGM", 0, "1")]);
    let on = object(&[("after", object(&[("ms", Value::Int(1))]))]);
    for no in 1..=limits::ETR_PLEDGES_MAX + 1 {
        let args = pledge(&t, lot(), 0).with("on", on.clone());
        let op = t.op(&id, "pledge", args);
        let expected = (no > limits::ETR_PLEDGES_MAX).then_some(Code::LimitExceeded);
        assert_eq!(code(t.run(&op, &[&sg, &th, &vn])), expected, "pledge {no}");
    }
    assert_eq!(t.get(&id).party.pledges.len(), limits::ETR_PLEDGES_MAX);
    let note = t.issued_note("PN-1");
    let most = limits::ETR_GUARANTEES_MAX;
    for (before, expected) in [(most - 1, None), (most, Some(Code::LimitExceeded))] {
        aged(&mut t, &note, |record| {
            let one = Guarantee { guarantor: my.clone(), of: sg.clone(), amount: 1 };
            record.party.guarantees = vec![one; before];
        });
        let args = sum(1)
            .with("guarantor", Value::from(my.as_str()))
            .with("for", Value::from(sg.as_str()));
        let op = t.op(&note, "aval", args);
        assert_eq!(code(t.run(&op, &[&my, &vn])), expected, "{before} guarantees");
    }
}

#[test]
fn etr_deadlines_lie_between_a_minute_and_thirty_days() {
    let (minute, month) = (limits::ETR_ANSWER_S_MIN * 1_000, limits::ETR_ANSWER_S_MAX * 1_000);
    for (span, expected) in [
        (minute - 1, Some(Code::BadDeadline)),
        (minute, None),
        (month, None),
        (month + 1, Some(Code::BadDeadline)),
    ] {
        for act in ["offer", "surrender"] {
            let mut t = Traders::new();
            let vn = t.vn.clone();
            let id = t.issued_bill("SGPU1");
            let args = match act {
                "offer" => t.offer_args(&t.th, None),
                _ => t.surrender_args("delivery"),
            };
            let deadline = Value::from(t.world.time_ms + span);
            let op = t.op(&id, act, args.with("deadlineMs", deadline));
            assert_eq!(code(t.run(&op, &[&vn])), expected, "{act} in {span} ms");
        }
    }
}

#[test]
fn etr_a_party_has_so_many_consents_of_so_many_items_for_a_year_and_no_more() {
    let mut t = Traders::new();
    let vn = t.vn.clone();
    let entity =
        ubin::actor(&Overlay::new(&t.world.state), &vn).expect("registered").entity.clone();
    let set = |t: &mut Traders, no: u64, name: &str, value: Value| {
        let args = object(&[
            ("no", Value::from(no)),
            ("profiles", texts(&["bl-order"])),
            ("from", Value::from("any")),
            ("untilMs", Value::from(t.world.time_ms + DAY_MS)),
            ("ack", Value::List(Vec::new())),
        ]);
        let op = t.world.op(Register::Etr, "consent_set", args.with(name, value));
        code(t.run(&op, &[&vn]))
    };
    let over = Some(Code::LimitExceeded);
    let items = limits::ETR_CONSENT_ITEMS_MAX;
    let ids = |count: usize| list(count, |i| Value::from(["bl-order", "ncd"][i % 2]));
    let acks = |count: usize| list(count, |i| Value::from(format!("C{i}:unknown")));
    let life = limits::ETR_CONSENT_MS_MAX;
    assert_eq!(set(&mut t, 1, "profiles", ids(items + 1)), over);
    assert_eq!(set(&mut t, 1, "profiles", ids(items)), None);
    assert_eq!(set(&mut t, 2, "from", parties(items + 1)), over);
    assert_eq!(set(&mut t, 2, "from", parties(items)), None);
    assert_eq!(set(&mut t, 3, "ack", acks(limits::ETR_ACK_MAX + 1)), over);
    assert_eq!(set(&mut t, 3, "ack", acks(limits::ETR_ACK_MAX)), None);
    let late = Value::from(t.world.time_ms + life + 1);
    assert_eq!(set(&mut t, 4, "untilMs", late), Some(Code::BadDeadline));
    let last = Value::from(t.world.time_ms + life);
    assert_eq!(set(&mut t, 4, "untilMs", last), None);
    for no in 5..=limits::ETR_CONSENTS_MAX as u64 {
        assert_eq!(set(&mut t, no, "ack", acks(0)), None, "consent {no}");
    }
    let open = |t: &Traders| {
        let all: Option<Consents> = Overlay::new(&t.world.state).read(&keys::consents(&entity));
        all.expect("a list").open.len()
    };
    assert_eq!(open(&t), limits::ETR_CONSENTS_MAX);
    let next = limits::ETR_CONSENTS_MAX as u64 + 1;
    assert_eq!(set(&mut t, next, "ack", acks(0)), over);
    // those that ended make room
    t.world.time_ms += 2 * DAY_MS;
    assert_eq!(set(&mut t, next, "ack", acks(0)), None);
}

#[test]
fn etr_so_many_ops_are_staged_for_thirty_days_and_go_into_one_bundle() {
    let mut t = Traders::new();
    let (sg, vn) = (t.sg.clone(), t.vn.clone());
    let id = t.issued_bill("SGPU1");
    let stage = |t: &mut Traders, no: usize, life_ms: u64| {
        let args = amend("lots", null()).with("text", Value::from(some_digest(&no.to_string())));
        let op = t.op(&id, "amend", args);
        let until = Value::from(t.world.time_ms + life_ms);
        let payload = object(&[("op", t.world.sign(&op, &[(&vn, 1)])), ("untilMs", until)]);
        code(t.run_kind("stage", payload))
    };
    let life = limits::ETR_STAGE_MS_MAX;
    assert_eq!(stage(&mut t, 1, life + 1), Some(Code::BadDeadline));
    for no in 1..=limits::ETR_STAGES_MAX {
        assert_eq!(stage(&mut t, no, life), None, "stage {no}");
    }
    assert_eq!(stage(&mut t, 0, life), Some(Code::LimitExceeded));
    let op = t.op(&id, "offer", t.offer_args(&sg, None));
    let op = Op::from_value(op).expect("an op");
    let count = |count: usize| bundle::check_count(&vec![op.clone(); count]).is_ok();
    let most = limits::ETR_BUNDLE_OPS_MAX;
    assert_eq!([1, 2, most, most + 1].map(count), [false, true, true, false]);
}

#[test]
fn etr_a_profile_has_a_name_and_members_within_their_limits() {
    use titian_contracts::etr::profile::Profile;
    let bill = profile("bl-order");
    let read = |value: &Value| Profile::from_value(value).map(|_| ()).map_err(|r| r.field);
    let id = |bytes: usize| bill.with("id", Value::from("p".repeat(bytes)));
    let most = limits::ETR_PROFILE_ID_BYTES_MAX;
    assert_eq!(
        [1, 2, most, most + 1].map(|bytes| read(&id(bytes)).is_ok()),
        [false, true, true, false]
    );
    let fields = bill.get("fields").expect("fields");
    let required = fields.get("required").and_then(Value::as_list).expect("a list").len();
    let with = |members: usize| {
        let dynamic = list(members - required, |i| Value::from(format!("extra{i}")));
        read(&bill.with("fields", fields.with("dynamic", dynamic)))
    };
    assert_eq!(with(limits::ETR_FIELDS_MAX), Ok(()));
    assert_eq!(with(limits::ETR_FIELDS_MAX + 1), Err("/L9".to_owned()));
    let span = |from: u64, until: u64| {
        let span = Value::List([from, 3_600, until].map(Value::from).to_vec());
        let transfer = bill.get("transfer").expect("a table").with("offer_s", span);
        read(&bill.with("transfer", transfer))
    };
    let (least, most) = (limits::ETR_ANSWER_S_MIN, limits::ETR_ANSWER_S_MAX);
    assert_eq!(span(least, most), Ok(()));
    assert_eq!(span(least - 1, most), Err("/L8".to_owned()));
    assert_eq!(span(least, most + 1), Err("/L8".to_owned()));
}
