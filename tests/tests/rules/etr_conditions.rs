//! Every kind of condition, true and false and where it turns (etr.md §6.7). `credential_active` has
//! `credential_condition` of its own.

use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_tests::etr::{DAY_MS, MINUTE_MS, Traders, accept_args, with_ack, with_arg};
use titian_tests::etr_types::{object, op_digest, profile, some_digest, texts};

const UETR: &str = "00000000-0000-4000-8000-000000000001";

/// A note that VN offers to TH under a condition.
struct Offered {
    t: Traders,
    id: String,
    /// The op that set the condition, which evidence names.
    op: Digest,
}

impl Offered {
    fn under(tree: &Value) -> Self {
        Self::of(Traders::new(), "PN-1", tree)
    }

    fn of(mut t: Traders, reference: &str, tree: &Value) -> Self {
        let id = t.issued_note(reference);
        let (vn, th) = (t.vn.clone(), t.th.clone());
        let args = t.offer_args(&th, None).with("irrevocable", Value::Bool(true));
        let offer = t.op(&id, "offer", args.with("conditions", tree.clone()));
        t.run(&offer, &[&vn]).unwrap_or_else(|code| panic!("{}: {tree:?}", code.name()));
        Self { t, id, op: op_digest(&offer) }
    }

    /// Accepts at `ms`; the error, if it is refused.
    fn accept_at(&mut self, ms: u64, evidence: &[Value]) -> Option<Code> {
        self.t.world.time_ms = ms;
        let accept =
            with_ack(&self.t.op(&self.id, "accept", accept_args()), &["TH:unknown", "VN:unknown"]);
        let accept = with_arg(&accept, "evidence", Value::List(evidence.to_vec()));
        let th = self.t.th.clone();
        let found = self.t.run(&accept, &[&th]).err();
        let controller = self.t.get(&self.id).party.controller;
        assert_eq!(controller.members() == [th], found.is_none(), "control moves or stays");
        found
    }

    fn accept(&mut self, evidence: &[Value]) -> Option<Code> {
        self.accept_at(self.t.world.time_ms, evidence)
    }

    /// The word of an attester that the payment was settled at `settled_ms`.
    fn word(&mut self, attester: &str, settled_ms: u64) -> Value {
        let now = std::mem::replace(&mut self.t.world.time_ms, settled_ms);
        let word = self.t.attestation(attester, UETR, 10_000, &self.id, self.op);
        self.t.world.time_ms = now;
        word
    }
}

fn node(kind: &str, body: Value) -> Value {
    Value::object([(kind, body)])
}

fn at_ms(kind: &str, ms: u64) -> Value {
    node(kind, object(&[("ms", Value::from(ms))]))
}

fn list(kind: &str, children: &[Value]) -> Value {
    node(kind, Value::List(children.to_vec()))
}

fn k_of_n(k: u64, keys: &[&str]) -> Value {
    node("k_of_n", object(&[("k", Value::from(k)), ("keys", texts(keys))]))
}

fn payment(t: &Traders, k: u64, attesters: &[&str], settle_by_ms: u64) -> Value {
    let body = object(&[
        ("uetr", Value::from(UETR)),
        ("unit", Value::from("SGD")),
        ("amount", Value::from("10000")),
        ("settleByMs", Value::from(settle_by_ms)),
        ("attesters", texts(attesters)),
        ("k", Value::from(k)),
    ]);
    assert!(settle_by_ms + 60 * MINUTE_MS <= t.world.time_ms + DAY_MS, "an hour before the end");
    node("payment_attested", body)
}

#[test]
fn etr_all_asks_for_every_child_and_any_for_one() {
    let (yes, no) = (at_ms("after", 0), at_ms("before", 0));
    let of = |holds: bool| if holds { yes.clone() } else { no.clone() };
    for first in [false, true] {
        for second in [false, true] {
            let children = [of(first), of(second)];
            let nested = list("any", &[no.clone(), list("all", &children)]);
            for (tree, holds) in [
                (list("all", &children), first && second),
                (list("any", &children), first || second),
                (nested, first && second),
                (list("all", &[yes.clone(), list("any", &children)]), first || second),
            ] {
                let found = Offered::under(&tree).accept(&[]);
                let expected = (!holds).then_some(Code::ConditionUnmet);
                assert_eq!(found, expected, "{tree:?}");
            }
        }
    }
    for (tree, holds) in [
        (list("all", std::slice::from_ref(&yes)), true),
        (list("any", std::slice::from_ref(&yes)), true),
        (list("any", std::slice::from_ref(&no)), false),
    ] {
        let found = Offered::under(&tree).accept(&[]);
        assert_eq!(found, (!holds).then_some(Code::ConditionUnmet), "{tree:?}");
    }
}

#[test]
fn etr_after_begins_with_its_millisecond_and_before_ends_with_the_one_before() {
    let begin = Traders::new().world.time_ms;
    let ms = begin + 60 * MINUTE_MS;
    for (kind, shift, holds) in [
        ("after", -1i64, false),
        ("after", 0, true),
        ("after", 1, true),
        ("before", -1, true),
        ("before", 0, false),
        ("before", 1, false),
    ] {
        let mut offered = Offered::under(&at_ms(kind, ms));
        let found = offered.accept_at(ms.saturating_add_signed(shift), &[]);
        assert_eq!(found, (!holds).then_some(Code::ConditionUnmet), "{kind} {shift}");
    }
}

#[test]
fn etr_k_of_n_counts_different_keys_that_signed_the_op_that_set_it() {
    let names = Traders::new();
    let keys = [&names.sg, &names.vn, &names.my].map(|party| format!("{party}#k1"));
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    for k in 1..=3u64 {
        for signed in 0..=3usize {
            let mut offered = Offered::under(&k_of_n(k, &keys));
            let parties = [&names.sg, &names.vn, &names.my];
            let items: Vec<Value> = parties[..signed]
                .iter()
                .map(|party| offered.t.world.signature(&offered.op, party, 1).to_value())
                .collect();
            let expected = ((signed as u64) < k).then_some(Code::ConditionUnmet);
            assert_eq!(offered.accept(&items), expected, "{signed} of {k}");
        }
    }
    // one key twice is one; another op's signature, and a key that is not named, are none
    let mut offered = Offered::under(&k_of_n(2, &keys[..2]));
    let (sg, my, th) = (names.sg.as_str(), names.my.as_str(), names.th.as_str());
    let sign = |offered: &Offered, digest: &Digest, party: &str| {
        offered.t.world.signature(digest, party, 1).to_value()
    };
    let one = sign(&offered, &offered.op, sg);
    assert_eq!(offered.accept(&[one.clone(), one.clone()]), Some(Code::ConditionUnmet));
    let elsewhere = sign(&offered, &some_digest("another op"), names.vn.as_str());
    assert_eq!(offered.accept(&[one.clone(), elsewhere]), Some(Code::EvidenceInvalid));
    for stranger in [my, th] {
        let item = sign(&offered, &offered.op, stranger);
        assert_eq!(offered.accept(&[one.clone(), item]), Some(Code::EvidenceInvalid));
    }
    let two = sign(&offered, &offered.op, names.vn.as_str());
    assert_eq!(offered.accept(&[one, two]), None);
}

#[test]
fn etr_a_preimage_is_the_bytes_of_its_digest_and_no_others() {
    // SHA-256 of 32 bytes of 07
    let digest = "sha256:4bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e0";
    let tree = node("preimage", object(&[("sha256", Value::from(digest))]));
    let shown = |bytes: &[u8]| node("preimage", Value::from(hex::encode(bytes)));
    let mut offered = Offered::under(&tree);
    assert_eq!(offered.accept(&[]), Some(Code::ConditionUnmet));
    for wrong in [vec![7; 31], vec![7; 33], vec![8; 32], Vec::new()] {
        let found = offered.accept(&[shown(&wrong)]);
        assert_eq!(found, Some(Code::EvidenceInvalid), "{wrong:?}");
    }
    let upper = node("preimage", Value::from("0A"));
    assert_eq!(offered.accept(&[upper]), Some(Code::EvidenceInvalid));
    assert_eq!(offered.accept(&[shown(&[7; 32])]), None);
}

#[test]
fn etr_a_record_has_the_status_that_it_has_when_the_offer_is_accepted() {
    let state = |id: &str, status: &str| {
        node("record_state", object(&[("id", Value::from(id)), ("status", Value::from(status))]))
    };
    // the record that is asked for: what is done to it, and the status that it then has
    let lives: [(&str, &[&str]); 4] = [
        ("active", &[]),
        ("offered", &["offer"]),
        ("surrendered", &["surrender"]),
        ("dead", &["cancel"]),
    ];
    for (status, acts) in lives {
        for asked in ["active", "offered", "surrendered", "presented", "dead"] {
            let mut t = Traders::new();
            let (sg, vn, my) = (t.sg.clone(), t.vn.clone(), t.my.clone());
            let other = t.issue(&profile("bl-order"), "OTHER");
            let mut offered = Offered::of(t, "PN-1", &state(&other, asked));
            for act in acts {
                let t = &mut offered.t;
                let (args, signers) = match *act {
                    "offer" => (t.offer_args(&my, None), vec![vn.as_str()]),
                    "surrender" => (t.surrender_args("delivery"), vec![vn.as_str()]),
                    _ => (object(&[("reason", Value::from("agreed"))]), vec![&*vn, &*sg]),
                };
                let op = t.op(&other, act, args);
                t.run(&op, &signers).unwrap_or_else(|code| panic!("{act}: {}", code.name()));
            }
            let expected = (status != asked).then_some(Code::ConditionUnmet);
            assert_eq!(offered.accept(&[]), expected, "{status}, asked for {asked}");
        }
    }
    // a record that is none has no status
    let nobody = Traders::new().id("transport", "NONE");
    for asked in ["active", "dead"] {
        let found = Offered::under(&state(&nobody, asked)).accept(&[]);
        assert_eq!(found, Some(Code::ConditionUnmet));
    }
}

#[test]
fn etr_so_many_attesters_say_that_a_payment_was_settled_in_time() {
    let names = Traders::new();
    let all = [names.sg.as_str(), names.my.as_str(), names.th.as_str()];
    for k in 1..=3u64 {
        for said in 0..=3usize {
            let t = Traders::new();
            let by = t.world.time_ms + 60 * MINUTE_MS;
            let tree = payment(&t, k, &all, by);
            let mut offered = Offered::of(t, "PN-1", &tree);
            let now = offered.t.world.time_ms;
            let words: Vec<Value> =
                all[..said].iter().map(|attester| offered.word(attester, now)).collect();
            let expected = ((said as u64) < k).then_some(Code::ConditionUnmet);
            assert_eq!(offered.accept(&words), expected, "{said} of {k}");
        }
    }
    // one attester twice is one; who is not named says nothing
    let t = Traders::new();
    let by = t.world.time_ms + 60 * MINUTE_MS;
    let tree = payment(&t, 2, &all[..2], by);
    let mut offered = Offered::of(t, "PN-1", &tree);
    let now = offered.t.world.time_ms;
    let (one, again) = (offered.word(all[0], now), offered.word(all[0], now - 1));
    assert_eq!(offered.accept(&[one.clone(), again]), Some(Code::ConditionUnmet));
    let stranger = offered.word(all[2], now);
    assert_eq!(offered.accept(&[one, stranger]), Some(Code::EvidenceInvalid));
}

#[test]
fn etr_a_payment_counts_through_the_last_millisecond_of_its_time() {
    let names = Traders::new();
    let attester = names.my.as_str();
    for (shift, expected) in [(-1i64, None), (0, None), (1, Some(Code::ConditionUnmet))] {
        let t = Traders::new();
        let by = t.world.time_ms + 60 * MINUTE_MS;
        let tree = payment(&t, 1, &[attester], by);
        let mut offered = Offered::of(t, "PN-1", &tree);
        let word = offered.word(attester, by.saturating_add_signed(shift));
        assert_eq!(offered.accept_at(by + MINUTE_MS, &[word]), expected, "{shift}");
    }
    // what is settled in the future is settled yet; at block time it is
    for (ahead, expected) in [(0, None), (1, Some(Code::EvidenceInvalid))] {
        let t = Traders::new();
        let by = t.world.time_ms + 60 * MINUTE_MS;
        let tree = payment(&t, 1, &[attester], by);
        let mut offered = Offered::of(t, "PN-1", &tree);
        let now = offered.t.world.time_ms;
        let word = offered.word(attester, now + ahead);
        assert_eq!(offered.accept_at(now, &[word]), expected, "{ahead}");
    }
}

#[test]
fn etr_a_branch_that_any_does_not_need_uses_up_no_payment() {
    let t = Traders::new();
    let (my, by) = (t.my.clone(), t.world.time_ms + 60 * MINUTE_MS);
    let paid = payment(&t, 1, &[&my], by);
    let tree = list("any", &[at_ms("after", 0), paid]);
    let mut offered = Offered::of(t, "PN-1", &tree);
    assert_eq!(offered.accept(&[]), None);
    // the payment is free for the next record, once
    let mut next = Offered::of(offered.t, "PN-2", &tree);
    let word = next.word(&my, next.t.world.time_ms);
    assert_eq!(next.accept(&[word]), None);
    let mut third = Offered::of(next.t, "PN-3", &tree);
    let word = third.word(&my, third.t.world.time_ms);
    assert_eq!(third.accept(&[word]), Some(Code::EvidenceReused));
    assert_eq!(third.accept(&[]), None);
}
