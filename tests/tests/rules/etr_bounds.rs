//! Limits that a record comes to over many acts, and those of courts, payments and proofs: the last that
//! is allowed, and one more.

use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::etr::record::{Dishonoured, End, Lot, Presentment};
use titian_contracts::etr::{condition, content, lineage};
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::op::Register;
use titian_contracts::state::Overlay;
use titian_tests::etr::{Traders, with_ack};
use titian_tests::etr_types::{object, profile, some_digest, texts};

use crate::etr_desk::{Desk, bundle, merge_args, split_bill, stated, verify};
use crate::etr_limits::{aged, code};

/// A bill and the leaves of its content, by name.
struct Content {
    t: Traders,
    id: String,
    leaves: Vec<(String, Value)>,
    open: Value,
}

impl Content {
    fn new() -> Self {
        let mut t = Traders::new();
        let args = t.bill("SGPU1", &t.vn).get("args").expect("arguments").clone();
        let id = t.issued_bill("SGPU1");
        let leaves = args.get("leaves").and_then(Value::as_list).expect("leaves").iter();
        let leaf = |leaf: &Value| {
            let name = leaf.get("name").and_then(Value::as_text).expect("a name").to_owned();
            (name, leaf.get("hash").expect("a hash").clone())
        };
        let (leaves, open) = (leaves.map(leaf).collect(), args.get("open").expect("open").clone());
        Self { t, id, leaves, open }
    }

    /// Amends the content: fields by name, in their order, and the hash that each gets, if it stays.
    fn amend(&mut self, changes: &[(String, Option<Digest>)]) -> Option<Code> {
        let item = |name: &str, hash: Value| object(&[("name", Value::from(name)), ("hash", hash)]);
        let list = |items: &[(String, Value)]| {
            Value::List(items.iter().map(|(name, hash)| item(name, hash.clone())).collect())
        };
        let asked: Vec<(String, Value)> =
            changes.iter().map(|(name, hash)| (name.clone(), Value::from(*hash))).collect();
        let args = object(&[
            ("reason", Value::from("agreed")),
            ("text", Value::from(some_digest("text"))),
            ("lots", Value::Null),
            ("leaves", list(&self.leaves)),
            ("changes", list(&asked)),
            ("open", self.open.clone()),
        ]);
        let (vn, sg) = (self.t.vn.clone(), self.t.sg.clone());
        let found = code(self.t.run(&self.t.op(&self.id, "amend", args), &[&vn, &sg]));
        if found.is_none() {
            self.leaves.retain(|(name, _)| !asked.iter().any(|(changed, _)| changed == name));
            self.leaves.extend(asked.into_iter().filter(|(_, hash)| *hash != Value::Null));
            self.leaves.sort_by(|a, b| a.0.cmp(&b.0));
        }
        found
    }
}

fn one(name: &str, text: &str) -> (String, Option<Digest>) {
    (name.to_owned(), Some(some_digest(text)))
}

#[test]
fn etr_a_content_has_so_many_versions_and_no_more() {
    let most = limits::ETR_CONTENT_VERSIONS_MAX;
    let mut content = Content::new();
    let id = content.id.clone();
    aged(&mut content.t, &id, |record| record.public.content_version = most - 1);
    assert_eq!(content.amend(&[one("issueDate", "last")]), None);
    assert_eq!(content.t.get(&id).public.content_version, most);
    assert_eq!(content.amend(&[one("issueDate", "next")]), Some(Code::LimitExceeded));
    assert_eq!(content.t.get(&id).public.content_version, most);
}

#[test]
fn etr_amendments_bring_a_content_to_so_many_fields_and_no_more() {
    let mut content = Content::new();
    let room = limits::ETR_FIELDS_MAX - content.leaves.len();
    let more: Vec<_> = (0..room).map(|i| one(&format!("x{i:03}"), "more")).collect();
    assert_eq!(content.amend(&more), None);
    assert_eq!(content.leaves.len(), limits::ETR_FIELDS_MAX);
    assert_eq!(content.amend(&[one("y", "one more")]), Some(Code::LimitExceeded));
    // one goes, and there is room for another
    assert_eq!(content.amend(&[("x000".to_owned(), None), one("y", "another")]), None);
    assert_eq!(content.leaves.len(), limits::ETR_FIELDS_MAX);
}

#[test]
fn etr_so_many_parties_are_notified_of_a_dishonour_and_no_more() {
    let mut t = Traders::new();
    let (vn, th, my) = (t.vn.clone(), t.th.clone(), t.my.clone());
    let id = t.issued_note("PN-1");
    let notified = |t: &Traders| {
        let money = t.get(&id).party.money.expect("a sum");
        money.dishonoured.expect("dishonoured").notified.len()
    };
    let notify = |t: &mut Traders, to: &str| {
        let op = t.op(&id, "notify", object(&[("to", texts(&[to]))]));
        code(t.run(&op, &[&vn]))
    };
    assert_eq!(notify(&mut t, &th), Some(Code::NotDishonoured));
    let most = limits::ETR_NOTIFIED_MAX;
    aged(&mut t, &id, |record| {
        let before = (1..most).map(|i| format!("SG-UEN-{i}")).collect();
        let money = record.party.money.as_mut().expect("a sum");
        money.dishonoured = Some(Dishonoured {
            ms: 1,
            what: Presentment::Payment,
            reason: None,
            notified: before,
            demands: Vec::new(),
        });
    });
    assert_eq!((notify(&mut t, &th), notified(&t)), (None, most));
    // who was notified before is not counted twice
    assert_eq!((notify(&mut t, &th), notified(&t)), (None, most));
    assert_eq!((notify(&mut t, &my), notified(&t)), (Some(Code::LimitExceeded), most));
}

#[test]
fn etr_a_merger_makes_so_many_lots_and_no_more() {
    let mut desk = Desk::new();
    let (_, children) = split_bill(&mut desk);
    let t = &mut desk.traders;
    let (sg, th) = (t.sg.clone(), t.th.clone());
    let most = limits::ETR_LOTS_MAX;
    let lots = |letter: char, count: usize| -> Vec<Lot> {
        let unit = || "KGM".to_owned();
        let lot = |i| Lot { lot: format!("{letter}{i}"), unit: unit(), scale: 0, amount: 1 };
        (0..count).map(lot).collect()
    };
    aged(t, &children[0], |record| record.party.lots = lots('A', most / 2));
    for (count, expected) in [(most / 2 + 1, Some(Code::LimitExceeded)), (most / 2, None)] {
        aged(t, &children[1], |record| record.party.lots = lots('B', count));
        let args = merge_args(t, &children[1]);
        let op = t.op(&children[0], "merge", args);
        assert_eq!(code(t.run(&op, &[&th, &sg])), expected, "{count} lots more");
    }
    let merged = t.get(&children[0]).party.into[0].clone();
    assert_eq!(t.get(&merged).party.lots.len(), most);
}

const COURT: [&str; 4] = ["SG:ACRA#k1", "SG:ACRA#k2", "SG:COURT#k1", "SG:COURT#k2"];

fn ordered(t: &mut Traders, id: &str, act: &str, args: Value) -> Option<Code> {
    let op = with_ack(&t.op(id, act, args), &[]);
    code(t.run_signed(&op, &COURT))
}

#[test]
fn etr_a_freeze_lasts_ninety_days_and_no_longer() {
    let mut t = Traders::new();
    t.court(&["freeze"]);
    let id = t.issue(&profile("bl-order"), "BOUND-1");
    let longest = limits::ETR_FREEZE_S_MAX * 1_000;
    for (more, expected) in [(1, Some(Code::FreezeTooLong)), (0, None)] {
        let args = object(&[
            ("order", Value::from(some_digest("order"))),
            ("untilMs", Value::from(t.world.time_ms + longest + more)),
            ("permits", texts(&[])),
        ]);
        assert_eq!(ordered(&mut t, &id, "freeze", args), expected, "{more} ms more");
    }
}

#[test]
fn etr_a_notice_runs_three_days_and_may_be_used_for_thirty_more() {
    let mut t = Traders::new();
    t.court(&["court_notice", "court_annul"]);
    let order = || Value::from(some_digest("order"));
    let (runs, life) = (limits::ETR_NOTICE_S_MIN * 1_000, limits::ETR_NOTICE_LIFE_MS);
    let running = Some(Code::NoticeRunning);
    let cases =
        [(runs - 1, running), (runs, None), (runs + life, None), (runs + life + 1, running)];
    let ids: Vec<String> =
        (0..cases.len()).map(|i| t.issue(&profile("bl-order"), &format!("BOUND-{i}"))).collect();
    for (id, (after, expected)) in ids.iter().zip(cases) {
        let given = t.world.time_ms;
        let notice = object(&[("act", Value::from("court_annul")), ("order", order())]);
        assert_eq!(ordered(&mut t, id, "court_notice", notice), None);
        t.world.time_ms = given + after;
        let args = object(&[("order", order())]);
        assert_eq!(ordered(&mut t, id, "court_annul", args), expected, "after {after} ms");
    }
}

#[test]
fn etr_a_court_policy_names_so_many_keys_and_no_more() {
    let mut t = Traders::new();
    let most = limits::COURT_KEYS_MAX;
    for (count, expected) in
        [(0, Some(Code::LimitExceeded)), (most + 1, Some(Code::LimitExceeded)), (most, None)]
    {
        let keys = (1..=count).map(|no| Value::from(format!("SG:COURT#k{no}"))).collect();
        let entry = object(&[
            ("ams", Value::from("SG")),
            ("acts", texts(&["freeze"])),
            ("basis", Value::from("invented")),
            ("courtKeys", Value::List(keys)),
            ("courtK", Value::Int(1)),
            ("registryK", Value::Int(1)),
            ("noticeS", Value::from(limits::ETR_NOTICE_S_MIN)),
            ("exParte", Value::Bool(false)),
            ("freezeMaxS", Value::from(limits::ETR_FREEZE_S_MAX)),
            ("reach", Value::from("issued_after")),
            ("fromHeight", Value::Int(0)),
            ("version", Value::Int(1)),
        ]);
        let args = object(&[("entry", entry)]);
        let root = [("SG", 1), ("SG", 2)];
        let found = code(t.world.act(Register::Gov, "court_policy_set", args, &root));
        assert_eq!(found, expected, "{count} keys");
    }
}

#[test]
fn etr_a_payment_is_settled_an_hour_before_the_end_of_its_offer() {
    let settle_by_ms = 1_800_000_000_000;
    let payment = object(&[
        ("uetr", Value::from("00000000-0000-4000-8000-000000000001")),
        ("unit", Value::from("SGD")),
        ("amount", Value::from("1")),
        ("settleByMs", Value::from(settle_by_ms)),
        ("attesters", texts(&["SG-UEN-1"])),
        ("k", Value::Int(1)),
    ]);
    let tree = object(&[("payment_attested", payment)]);
    let condition = condition::read(&tree, "/args/conditions").expect("it reads").expect("one");
    let end = settle_by_ms + limits::ETR_SETTLE_MARGIN_MS;
    let found = |irrevocable: bool, deadline_ms: u64| {
        let checked = condition::check_settlement(&condition, irrevocable, deadline_ms);
        checked.err().map(|reject| (reject.code, reject.field))
    };
    let refused = Some((Code::ConditionInvalid, "/args/conditions".to_owned()));
    assert_eq!(found(true, end), None);
    assert_eq!(found(true, end - 1), refused);
    assert_eq!(found(false, end), refused, "an offer that may be taken back");
}

#[test]
fn etr_a_proof_of_rules_is_about_so_many_states_and_rulebooks_and_no_more() {
    let mut desk = Desk::new();
    let id = desk.issued("SGPU1");
    let world = &desk.traders.world;
    let public = desk.traders.get(&id).public;
    let asked = |states: usize, rulebooks: usize| {
        let state = |i: usize| Value::from(format!("A{i:03}"));
        let rulebook = |i: usize| Value::from(format!("b3:{i:064x}"));
        stated(&[("profile", &public.profile), ("regime", &public.regime), ("home", "SG")])
            .with("states", Value::List((0..states).map(state).collect()))
            .with("rulebooks", Value::List((0..rulebooks).map(rulebook).collect()))
    };
    let most = limits::ETR_RULES_ITEMS_MAX;
    let text = bundle(world, "etr-rules", &asked(most, most)).expect("it holds");
    let claim = verify(world, text.as_bytes()).expect("it verifies").claim;
    let effects = claim.get("legalEffect").and_then(Value::as_list).map(<[Value]>::len);
    assert_eq!(effects, Some(most));
    assert!(bundle(world, "etr-rules", &asked(most + 1, 1)).is_err());
    assert!(bundle(world, "etr-rules", &asked(1, most + 1)).is_err());
}

/// A bill that was split into so many; gives the root, and what its proof of singularity claims.
fn split_into(count: u64) -> (String, Value) {
    let mut desk = Desk::new();
    let root = desk.issued("SGPU1");
    let t = &mut desk.traders;
    let part = t.get(&root);
    let ids: Vec<String> = (0..count).map(|i| content::child_id(some_digest("split"), i)).collect();
    t.write(|state| {
        for id in &ids {
            let mut child = part.clone();
            child.public.id.clone_from(id);
            child.party.from = vec![root.clone()];
            child.store(state);
        }
    });
    aged(t, &root, |record| {
        record.party.into = ids;
        record.end(End::Split);
    });
    // what a node shows to a party of the root, which has no part in what came of it
    let state = Overlay::new(&t.world.state);
    let whole = lineage::whole_of(&state, &root, &root, &|id| id == root);
    assert_eq!(whole, [root.as_str()]);
    let asked =
        stated(&[("series", "transport"), ("issuer", &t.sg), ("ref", "SGPU1"), ("of", &root)])
            .with("whole", Value::List(vec![Value::from(root.as_str())]));
    let text = bundle(&t.world, "etr-singularity", &asked).expect("it holds");
    let claim = verify(&t.world, text.as_bytes()).expect("it verifies").claim;
    (root, claim)
}

#[test]
fn etr_a_lineage_shows_so_many_records_and_says_where_there_are_more() {
    let count = |claim: &Value, name: &str| {
        claim.get(name).and_then(Value::as_list).map(<[Value]>::len).expect("a list")
    };
    let most = limits::ETR_LINEAGE_MAX;
    // the root is one of them
    let (_, claim) = split_into(most as u64 - 1);
    assert_eq!((count(&claim, "descendants"), count(&claim, "inForce")), (most, most - 1));
    assert_eq!(claim.get("complete"), Some(&Value::Bool(true)));
    let (root, claim) = split_into(most as u64);
    let only = claim.get("descendants").and_then(Value::as_list).expect("a list");
    let ids: Vec<_> = only.iter().map(|node| node.get("id").and_then(Value::as_text)).collect();
    assert_eq!((ids, count(&claim, "inForce")), (vec![Some(root.as_str())], 0));
    assert_eq!(claim.get("complete"), Some(&Value::Bool(false)));
    // it was issued, so nothing else came before it
    assert_eq!((count(&claim, "ancestors"), claim.get("ancestorsComplete")), (1, None));
}
