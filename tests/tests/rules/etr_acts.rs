//! Issue, offer and answer, surrender: each precondition broken in turn gives exactly its error and
//! changes nothing; the order of checks; deadlines to the millisecond; staging.

use titian_contracts::digest::hash;
use titian_contracts::error::Code;
use titian_contracts::etr::profile::Profile;
use titian_contracts::etr::record::{End, Status, TitleKind};
use titian_contracts::etr::rules::check_exchange_families;
use titian_contracts::etr::staging;
use titian_contracts::etr::view;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::Overlay;
use titian_tests::etr::{DAY_MS, MINUTE_MS, Traders, accept_args, lots, with_ack, with_arg};

/// Runs an op that must be refused with `code`, and checks that no record changed.
fn refused(t: &mut Traders, op: &Value, parties: &[&str], code: Code) {
    let before = t.world.state.0.clone();
    match t.run(op, parties) {
        Err(found) => assert_eq!(found.name(), code.name()),
        Ok(_) => panic!("applied, but {} was expected", code.name()),
    }
    assert!(before == t.world.state.0, "a refused op changed state");
}

fn applied(t: &mut Traders, op: &Value, parties: &[&str]) {
    if let Err(code) = t.run(op, parties) {
        panic!("refused: {}", code.name());
    }
}

fn names(t: &Traders) -> (String, String, String, String) {
    (t.sg.clone(), t.vn.clone(), t.th.clone(), t.my.clone())
}

/// A note in an offer from VN to TH by special endorsement.
fn offered(t: &mut Traders, reference: &str) -> String {
    let id = t.issued_note(reference);
    let (_, vn, th, _) = names(t);
    let op = t.op(&id, "offer", t.offer_args(&th, Some("special")));
    applied(t, &op, &[&vn]);
    id
}

fn accept_op(t: &Traders, id: &str) -> Value {
    with_ack(&t.op(id, "accept", accept_args()), &["TH:unknown", "VN:unknown"])
}

fn refuse_op(t: &Traders, id: &str) -> Value {
    t.op(id, "refuse", Value::object([("reason", Value::Null)]))
}

fn empty(t: &Traders, id: &str, act: &str) -> Value {
    t.op(id, act, Value::object::<&str, _>([]))
}

#[test]
fn a_note_lives_from_issue_over_endorsement_to_surrender_on_paper() {
    let mut t = Traders::new();
    let id = offered(&mut t, "PN-1");
    let (sg, vn, th, _) = names(&t);
    let op = accept_op(&t, &id);
    applied(&mut t, &op, &[&th]);
    let record = t.get(&id);
    assert_eq!(record.public.status, Status::Active);
    assert_eq!(record.public.seq, 3);
    assert_eq!(record.party.controller.members(), std::slice::from_ref(&th));
    assert_eq!(record.party.title.kind, TitleKind::ToOrder);
    let state = Overlay::new(&t.world.state);
    let chain = view::endorsements(&state, &id, 0, 1_024);
    assert_eq!(chain.len(), 1);
    assert!(chain[0].endorser.contains(&vn) && chain[0].endorsee.contains(&th));
    assert_eq!(view::lookup(&state, "note", &sg, "PN-1"), Some(id.clone()));
    // a former holder cannot act any more
    let late = t.op(&id, "offer", t.offer_args(&sg, Some("special")));
    refused(&mut t, &late, &[&vn], Code::MissingSigner);
    let op = t.op(&id, "surrender", t.surrender_args("paper"));
    applied(&mut t, &op, &[&th]);
    let paper = Value::object([
        ("serials", Value::List(vec![Value::from("SER-1")])),
        ("print", hash("titian test v1", &[b"print"]).into()),
        (
            "statement",
            Value::object([
                ("code", Value::from("change_of_medium")),
                ("digest", hash("titian test v1", &[b"statement"]).into()),
            ]),
        ),
    ]);
    let bare = t.op(&id, "surrender_accept", paper.without("statement"));
    refused(&mut t, &bare, &[&sg], Code::StatementMissing);
    let op = t.op(&id, "surrender_accept", paper.clone());
    applied(&mut t, &op, &[&sg]);
    assert_eq!(t.get(&id).public.end, Some(End::Paper));
    let dead = t.op(&id, "offer", t.offer_args(&sg, None));
    refused(&mut t, &dead, &[&th], Code::RecordDead);
    // the serial is taken for ever
    let other = t.issued_note("PN-2");
    let op = t.op(&other, "surrender", t.surrender_args("paper"));
    applied(&mut t, &op, &[&vn]);
    let op = t.op(&other, "surrender_accept", paper);
    refused(&mut t, &op, &[&sg], Code::PaperSerialUsed);
}

#[test]
fn a_bill_of_lading_is_surrendered_for_delivery() {
    let mut t = Traders::new();
    let id = t.issued_bill("SGPU4711");
    let (sg, vn, _, _) = names(&t);
    let op = t.op(&id, "surrender", t.surrender_args("delivery"));
    applied(&mut t, &op, &[&vn]);
    let reject = t.op(&id, "surrender_reject", Value::object([("reason", Value::from("unpaid"))]));
    refused(&mut t, &reject, &[&vn], Code::MissingSigner);
    applied(&mut t, &reject, &[&sg]);
    assert_eq!(t.get(&id).public.status, Status::Active);
    let op = t.op(&id, "surrender", t.surrender_args("delivery"));
    applied(&mut t, &op, &[&vn]);
    let answer = t.op(&id, "surrender_accept", Value::object([("digest", Value::Null)]));
    applied(&mut t, &answer, &[&sg]);
    assert_eq!(t.get(&id).public.end, Some(End::Delivered));
    // replay
    refused(&mut t, &answer, &[&sg], Code::RecordDead);
    let claim = t.issued_bill("SGPU4712");
    let op = t.op(&claim, "surrender", t.surrender_args("claim"));
    refused(&mut t, &op, &[&vn], Code::SurrenderKind);
}

#[test]
fn each_broken_precondition_of_issue_gives_its_error() {
    let mut t = Traders::new();
    let (sg, vn, th, _) = names(&t);
    let both = [sg.as_str(), vn.as_str()];
    let good = with_ack(&t.note("PN-1", &vn), &["VN:unknown"]);
    let arg = |name: &str, value: Value| with_arg(&good, name, value);
    let text = |text: &str| Value::from(text);
    let zero = hash("titian test v1", &[]);
    let leaves = good.get("args").and_then(|a| a.get("leaves")).expect("leaves");
    let leaves = leaves.as_list().expect("a list").to_vec();
    let open = good.get("args").and_then(|a| a.get("open")).expect("open").clone();
    let title = |kind: &str| Value::object([("kind", text(kind))]);
    let short = arg("leaves", Value::List(leaves[1..].to_vec()));
    let mut swapped = leaves.clone();
    swapped.swap(0, 1);
    let salt = Value::from("000000000000000000000000000000aa");
    let strange = open.with("promise", Value::List(vec![salt.clone(), text("x")]));
    let wrong = open.with("currency", Value::List(vec![salt, text("SGD")]));
    let cases = [
        (good.with("chain", text("other-1")), Code::Malformed),
        (good.with("extra", Value::Null), Code::Malformed),
        (good.without("place"), Code::Malformed),
        (good.with("id", text(&t.id("note", "PN-9"))), Code::Malformed),
        (arg("to", text("not a ubin")), Code::Malformed),
        (arg("lots", lots(&[("1", "SGD", 7, "10000")])), Code::LimitExceeded),
        (good.with("bundle", zero.into()), Code::BundleMismatch),
        (good.with("seq", Value::Int(1)), Code::StaleSeq),
        (good.with("head", zero.into()), Code::StaleHead),
        (arg("profile", text("promissory-note@2")), Code::UnknownProfile),
        (good.with("rulebook", zero.into()), Code::RulebookUnknown),
        (short, Code::FieldMissing),
        (arg("leaves", Value::List(swapped)), Code::ContentMismatch),
        (arg("open", open.without("currency")), Code::BoundFieldMismatch),
        (arg("open", strange), Code::BoundFieldMismatch),
        (arg("open", wrong), Code::BoundFieldMismatch),
        (arg("dueMs", Value::Null), Code::BoundFieldMismatch),
        (arg("lots", lots(&[("1", "SGD", 2, "10001")])), Code::BoundFieldMismatch),
        (arg("title", title("none")), Code::TitleForbidden),
        (arg("regime", text("XX-NONE")), Code::RegimeUnknown),
        (arg("lots", lots(&[])), Code::LotsInvalid),
        (with_ack(&good, &[]), Code::LegalAckRequired),
        (with_ack(&good, &["TH:unknown", "VN:unknown"]), Code::LegalAckRequired),
    ];
    for (i, (op, code)) in cases.iter().enumerate() {
        println!("case {i}: {}", code.name());
        refused(&mut t, op, &both, *code);
    }
    refused(&mut t, &good, &[&vn], Code::MissingSigner);
    refused(&mut t, &good, &[&sg, &vn, &th], Code::UnexpectedSigner);
    refused(&mut t, &good, &[&sg], Code::ReceiverConsentMissing);
    let lower = with_ack(&t.note("pn-1", &vn), &["VN:unknown"]);
    refused(&mut t, &lower, &both, Code::RefInvalid);
    applied(&mut t, &good, &both);
    refused(&mut t, &good, &both, Code::RecordExists);
}

#[test]
fn signatures_keys_and_scopes_are_checked_in_their_order() {
    let mut t = Traders::new();
    let (sg, vn, th, _) = names(&t);
    let id = t.issued_note("PN-1");
    let op = t.op(&id, "offer", t.offer_args(&th, Some("special")));
    refused(&mut t, &op, &[], Code::MissingSigner);
    // two rules broken at once: the earlier one answers
    refused(&mut t, &op, &[&sg], Code::MissingSigner);
    refused(&mut t, &op, &[&vn, &sg], Code::UnexpectedSigner);
    refused(&mut t, &with_arg(&op, "deadlineMs", Value::Int(1)), &[], Code::MissingSigner);
    let stale = op.with("seq", Value::Int(0)).with("head", hash("titian test v1", &[]).into());
    refused(&mut t, &stale, &[&vn], Code::StaleSeq);
    let nowhere = with_arg(&op, "to", Value::from("TH-JP-0999999000098-7U"));
    refused(&mut t, &nowhere, &[&vn], Code::PartyNotLive);
    // a signature over another op
    let other = t.world.sign(&op, &[(vn.as_str(), 1)]);
    let forged = other.with("blind", Value::from("ffffffffffffffffffffffffffffffff"));
    let receipt = t.world.run(&forged);
    assert_eq!(receipt.error.map(|e| e.0), Some(Code::BadSignature.number()));
    // a key without the scope, and one that was never bound
    let seed = t.world.fresh_seed();
    t.world.add_key(&vn, 7, seed);
    let unbound = t.world.sign(&op, &[(vn.as_str(), 7)]);
    let receipt = t.world.run(&unbound);
    assert_eq!(receipt.error.map(|e| e.0), Some(Code::KeyNotActive.number()));
    let poor = t.world.register_company("VN:NBR", "MST", "9900000024", "TITIAN DEMO POOR");
    t.world.bind_business_key("VN:NBR", &poor, &["etr.offer"]);
    let note = with_ack(&t.note("PN-2", &poor), &["VN:unknown"]);
    refused(&mut t, &note, &[&sg, &poor], Code::ScopeDenied);
}

#[test]
fn each_broken_precondition_of_an_offer_gives_its_error() {
    let mut t = Traders::new();
    let (_, vn, th, _) = names(&t);
    let id = t.issued_bill("SGPU1");
    let args = t.offer_args(&th, Some("special"));
    let op = t.op(&id, "offer", args.clone());
    let with = |name: &str, value: Value| with_arg(&op, name, value);
    let long = Value::from(t.world.time_ms + 40 * DAY_MS);
    refused(&mut t, &with("deadlineMs", long), &[&vn], Code::BadDeadline);
    let tree = |value: Value| with("conditions", value);
    let unknown = Value::object([("never", Value::object::<&str, _>([]))]);
    refused(&mut t, &tree(unknown), &[&vn], Code::ConditionInvalid);
    let late = Value::object([("credential_active", Value::object::<&str, _>([]))]);
    refused(&mut t, &tree(late), &[&vn], Code::ConditionInvalid);
    refused(&mut t, &with("to", Value::from(vn.as_str())), &[&vn], Code::SelfTransfer);
    // a bill of lading knows no exclusion of recourse
    let flag = with("withoutRecourse", Value::Bool(true));
    refused(&mut t, &flag, &[&vn], Code::EndorsementForbidden);
    let op = with_ack(&op, &["VN:unknown"]);
    refused(&mut t, &op, &[&vn], Code::LegalAckRequired);
    let annotate = t.op(&id, "annotate", Value::object::<&str, _>([]));
    refused(&mut t, &annotate, &[&vn], Code::Malformed);
    let pay = [("amount", Value::from("1")), ("evidence", Value::List(Vec::new()))];
    let pay = t.op(&id, "pay", Value::object(pay));
    refused(&mut t, &pay, &[&vn], Code::ActNotInProfile);
    let accept = accept_op(&t, &id);
    refused(&mut t, &accept, &[&th], Code::WrongState);
    let nowhere = op.with("id", Value::from(t.id("note", "NONE")));
    refused(&mut t, &nowhere, &[&vn], Code::UnknownRecord);
}

#[test]
fn an_answer_counts_through_the_last_millisecond_of_the_deadline() {
    for (shift, code) in [(-1i64, None), (0, None), (1, Some(Code::DeadlinePassed))] {
        let mut t = Traders::new();
        let id = offered(&mut t, "PN-1");
        let (_, vn, th, _) = names(&t);
        let pending = t.get(&id).party.pending.expect("an offer");
        t.world.time_ms = pending.deadline_ms().saturating_add_signed(shift);
        let expire = empty(&t, &id, "expire");
        let accept = accept_op(&t, &id);
        match code {
            None => {
                refused(&mut t, &expire, &[], Code::NotExpired);
                t.world.time_ms = pending.deadline_ms().saturating_add_signed(shift);
                applied(&mut t, &accept, &[&th]);
            }
            Some(code) => {
                refused(&mut t, &accept, &[&th], code);
                let withdraw = empty(&t, &id, "withdraw");
                refused(&mut t, &withdraw, &[&vn], Code::WrongState);
                refused(&mut t, &expire, &[&vn], Code::UnexpectedSigner);
                // any other act goes on as if expired
                let again = t.op(&id, "offer", t.offer_args(&th, None));
                applied(&mut t, &again, &[&vn]);
                assert_eq!(t.get(&id).public.status, Status::Offered);
            }
        }
    }
}

#[test]
fn offers_are_refused_withdrawn_and_held_irrevocable() {
    let mut t = Traders::new();
    let id = offered(&mut t, "PN-1");
    let (_, vn, th, _) = names(&t);
    let refuse = refuse_op(&t, &id);
    refused(&mut t, &refuse, &[&vn], Code::MissingSigner);
    applied(&mut t, &refuse, &[&th]);
    refused(&mut t, &refuse, &[&th], Code::StaleSeq);
    let firm = t.offer_args(&th, None).with("irrevocable", Value::Bool(true));
    let op = t.op(&id, "offer", firm);
    applied(&mut t, &op, &[&vn]);
    let withdraw = empty(&t, &id, "withdraw");
    refused(&mut t, &withdraw, &[&vn], Code::OfferIrrevocable);
    // control without endorsement: the new controller is not entitled
    let accept = accept_op(&t, &id);
    applied(&mut t, &accept, &[&th]);
    let op = t.op(&id, "offer", t.offer_args(&vn, Some("special")));
    refused(&mut t, &op, &[&th], Code::NotEntitled);
    let op = t.op(&id, "surrender", t.surrender_args("paper"));
    refused(&mut t, &op, &[&th], Code::NotEntitled);
}

#[test]
fn endorsements_keep_to_capacity_and_finality() {
    let mut t = Traders::new();
    let (_, vn, th, my) = names(&t);
    let id = t.issued_note("PN-1");
    let op = t.op(&id, "offer", t.offer_args(&th, Some("collection")));
    applied(&mut t, &op, &[&vn]);
    let accept = accept_op(&t, &id);
    applied(&mut t, &accept, &[&th]);
    // the agent may not endorse away; with anyone but the principal its principal signs too
    let away = t.op(&id, "offer", t.offer_args(&my, Some("special")));
    refused(&mut t, &away, &[&th], Code::MissingSigner);
    refused(&mut t, &away, &[&th, &vn], Code::EndorsementForbidden);
    let back = t.op(&id, "offer", t.offer_args(&vn, Some("special")));
    applied(&mut t, &back, &[&th]);
    let accept = accept_op(&t, &id);
    applied(&mut t, &accept, &[&vn]);
    assert_eq!(t.get(&id).party.title.principal, None);
    let op = t.op(&id, "offer", t.offer_args(&th, Some("restrictive")));
    applied(&mut t, &op, &[&vn]);
    let accept = accept_op(&t, &id);
    applied(&mut t, &accept, &[&th]);
    let op = t.op(&id, "offer", t.offer_args(&my, Some("special")));
    refused(&mut t, &op, &[&th], Code::TitleFinal);
}

#[test]
fn conditions_need_their_evidence() {
    let mut t = Traders::new();
    let (_, vn, th, my) = names(&t);
    let id = t.issued_note("PN-1");
    let secret = [7u8; 32];
    // SHA-256 of 32 bytes of 07
    let digest = "sha256:4bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e0";
    let key = |party: &str| Value::from(format!("{party}#k1"));
    let leaf = |kind: &str, name: &str, value: Value| {
        Value::object([(kind, Value::object([(name, value)]))])
    };
    let k_of_n = Value::object([("k", Value::Int(1)), ("keys", Value::List(vec![key(&my)]))]);
    let tree = Value::object([(
        "all",
        Value::List(vec![
            leaf("preimage", "sha256", Value::from(digest)),
            leaf("after", "ms", Value::from(t.world.time_ms + MINUTE_MS)),
            Value::object([("k_of_n", k_of_n)]),
        ]),
    )]);
    let args = t.offer_args(&th, None).with("conditions", tree);
    let offer = t.op(&id, "offer", args);
    applied(&mut t, &offer, &[&vn]);
    let digest = titian_contracts::op::digest_of(Register::Etr, &offer);
    let shown = Value::object([("preimage", Value::from(hex::encode(secret)))]);
    let signed = t.world.signature(&digest, &my, 1).to_value();
    let other = t.world.signature(&hash("titian test v1", &[]), &my, 1).to_value();
    let stranger = t.world.signature(&digest, &vn, 1).to_value();
    let with = |t: &Traders, items: &[&Value]| {
        let list = items.iter().map(|item| (*item).clone()).collect::<Vec<_>>();
        with_arg(&accept_op(t, &id), "evidence", Value::List(list))
    };
    let op = with(&t, &[&shown, &signed]);
    refused(&mut t, &op, &[&th], Code::ConditionUnmet);
    t.world.time_ms += MINUTE_MS;
    for wrong in [&other, &stranger] {
        let op = with(&t, &[&shown, wrong]);
        refused(&mut t, &op, &[&th], Code::EvidenceInvalid);
    }
    let op = with(&t, &[&shown]);
    refused(&mut t, &op, &[&th], Code::ConditionUnmet);
    let op = with(&t, &[&shown, &signed]);
    applied(&mut t, &op, &[&th]);
}

#[test]
fn a_standing_consent_stands_in_until_it_is_revoked() {
    let mut t = Traders::new();
    let (sg, vn, _, _) = names(&t);
    let set = |t: &Traders, no: i64, until: u64| {
        let args = Value::object([
            ("no", Value::Int(no)),
            ("profiles", Value::List(vec![Value::from("promissory-note")])),
            ("from", Value::List(vec![Value::from(sg.as_str())])),
            ("untilMs", Value::from(until)),
            ("ack", Value::List(Vec::new())),
        ]);
        t.world.op(Register::Etr, "consent_set", args)
    };
    let year = t.world.time_ms + 400 * DAY_MS;
    let op = set(&t, 1, year);
    refused(&mut t, &op, &[&vn], Code::BadDeadline);
    let op = set(&t, 1, t.world.time_ms + DAY_MS);
    let misspelt = Value::List(vec![Value::from("promissory-note"), Value::from("promissory")]);
    let misspelt = with_arg(&op, "profiles", misspelt);
    refused(&mut t, &misspelt, &[&vn], Code::UnknownProfile);
    refused(&mut t, &op, &[], Code::MissingSigner);
    refused(&mut t, &op, &[&sg, &vn], Code::UnexpectedSigner);
    applied(&mut t, &op, &[&vn]);
    refused(&mut t, &op, &[&vn], Code::VersionConflict);
    let note = with_ack(&t.note("PN-1", &vn), &["VN:unknown"]);
    applied(&mut t, &note, &[&sg]);
    let bill = with_ack(&t.bill("SGPU1", &vn), &["VN:unknown"]);
    refused(&mut t, &bill, &[&sg], Code::ReceiverConsentMissing);
    // who could discharge a note by attestation is agreed on by its holder
    let attested = with_ack(&t.note("PN-3", &vn), &["VN:unknown"]);
    let attested = with_arg(&attested, "attesters", Value::List(vec![Value::from(sg.as_str())]));
    refused(&mut t, &attested, &[&sg], Code::ReceiverConsentMissing);
    applied(&mut t, &attested, &[&sg, &vn]);
    let revoke = Value::object([("no", Value::Int(1))]);
    let revoke = t.world.op(Register::Etr, "consent_revoke", revoke);
    applied(&mut t, &revoke, &[&vn]);
    refused(&mut t, &revoke, &[&vn], Code::BadTransition);
    refused(&mut t, &op, &[&vn], Code::VersionConflict);
    let note = with_ack(&t.note("PN-2", &vn), &["VN:unknown"]);
    refused(&mut t, &note, &[&sg], Code::ReceiverConsentMissing);
}

#[test]
fn a_staged_op_runs_with_its_last_signature_and_dies_with_its_record() {
    let mut t = Traders::new();
    let (sg, vn, th, _) = names(&t);
    let op = with_ack(&t.note("PN-1", &vn), &["VN:unknown"]);
    let id = t.id("note", "PN-1");
    let digest = titian_contracts::op::digest_of(Register::Etr, &op);
    let stage = |t: &Traders, op: &Value, party: &str| {
        let signed = t.world.sign(op, &[(party, 1)]);
        let until = Value::from(t.world.time_ms + DAY_MS);
        Value::object([("op", signed), ("untilMs", until)])
    };
    let cosign = |t: &Traders, digest, party: &str| {
        Value::object([
            ("id", Value::from(id.as_str())),
            ("digest", Value::from(digest)),
            ("sig", t.world.signature(&digest, party, 1).to_value()),
        ])
    };
    let code =
        |result: Result<_, Code>| result.map(|_: titian_contracts::execute::Receipt| ()).err();
    let payload = stage(&t, &op, &th);
    assert_eq!(code(t.run_kind("stage", payload)), Some(Code::UnexpectedSigner));
    let payload = cosign(&t, digest, &vn);
    assert_eq!(code(t.run_kind("cosign", payload)), Some(Code::StageUnknown));
    let payload = stage(&t, &op, &sg);
    assert_eq!(code(t.run_kind("stage", payload.clone())), None);
    assert_eq!(code(t.run_kind("stage", payload)), Some(Code::BadTransition));
    let open = staging::open_of(&Overlay::new(&t.world.state), &id, t.world.time_ms);
    assert_eq!(open.first().map(|(_, entry)| entry.missing.clone()), Some(vec!["N".to_owned()]));
    let payload = cosign(&t, digest, &th);
    assert_eq!(code(t.run_kind("cosign", payload)), Some(Code::UnexpectedSigner));
    let payload = cosign(&t, digest, &sg);
    assert_eq!(code(t.run_kind("cosign", payload)), Some(Code::SignatureOrder));
    let payload = cosign(&t, digest, &vn);
    assert_eq!(code(t.run_kind("cosign", payload.clone())), None);
    assert_eq!(t.get(&id).public.seq, 1);
    assert_eq!(code(t.run_kind("cosign", payload)), Some(Code::StageUnknown));

    // a record held jointly: one holder stages an offer, the record moves, the other comes late
    let joint = Value::object([(
        "joint",
        Value::object([
            ("k", Value::Int(2)),
            ("of", Value::List(vec![Value::from(th.as_str()), Value::from(sg.as_str())])),
        ]),
    )]);
    let offer = t.op(&id, "offer", t.offer_args(&th, None).with("to", joint));
    applied(&mut t, &offer, &[&vn]);
    let accept = accept_op(&t, &id);
    refused(&mut t, &accept, &[&th], Code::MissingSigner);
    applied(&mut t, &accept, &[&th, &sg]);
    let offer = t.op(&id, "offer", t.offer_args(&vn, None));
    refused(&mut t, &offer, &[&th], Code::MissingSigner);
    let payload = stage(&t, &offer, &th);
    assert_eq!(code(t.run_kind("stage", payload)), None);
    let other = t.op(&id, "offer", t.offer_args(&vn, None).with("irrevocable", Value::Bool(true)));
    applied(&mut t, &other, &[&sg, &th]);
    let digest = titian_contracts::op::digest_of(Register::Etr, &offer);
    let payload = cosign(&t, digest, &sg);
    assert_eq!(code(t.run_kind("cosign", payload)), Some(Code::StageStale));
    let remove = |t: &Traders, party: &str| {
        let args = Value::object([("id", Value::from(id.as_str())), ("digest", digest.into())]);
        t.world.sign(&t.world.op(Register::Etr, "unstage", args), &[(party, 1)])
    };
    let payload = remove(&t, &sg);
    assert_eq!(code(t.run_kind("unstage", payload)), Some(Code::MissingSigner));
    let payload = remove(&t, &th);
    assert_eq!(code(t.run_kind("unstage", payload.clone())), None);
    assert_eq!(code(t.run_kind("unstage", payload)), Some(Code::StageUnknown));
}

#[test]
fn shipped_profiles_are_sound_and_each_rule_can_be_broken() {
    let profiles = titian_genesis::profiles::etr_profiles();
    for value in &profiles {
        Profile::from_value(value).unwrap_or_else(|reject| panic!("{reject}"));
    }
    let (bill, note, waybill) = (&profiles[0], &profiles[1], &profiles[2]);
    let set = |value: &Value, path: &str, new: Value| match path.split_once('/') {
        None => value.with(path, new),
        Some((table, name)) => {
            let inner = value.get(table).expect("the table exists").with(name, new);
            value.with(table, inner)
        }
    };
    let list = |items: &[&str]| Value::List(items.iter().map(|item| Value::from(*item)).collect());
    let bound = Value::object([("ref", Value::from("elsewhere"))]);
    let cases = [
        ("/L1", set(bill, "title/initial", list(&["named"]))),
        ("/L2", set(bill, "transfer/mode", Value::from("named_once"))),
        ("/L3", set(waybill, "mletr", Value::Bool(true))),
        ("/L4", set(note, "quantity/divisible", Value::Bool(true))),
        ("/L5", set(note, "quantity/kind", Value::from("lots"))),
        ("/L6", set(bill, "surrender/exchange_to", list(&[]))),
        ("/L7", note.without("money")),
        (
            "/L8",
            set(
                note,
                "surrender/answer_s",
                Value::List(vec![Value::Int(1), Value::Int(2), Value::Int(3)]),
            ),
        ),
        ("/L9", set(note, "fields/bound", bound)),
        ("/L10", set(note, "lapse/days", Value::Int(3))),
        ("/schema", note.with("colour", Value::from("red"))),
        ("/schema", note.without("title")),
    ];
    for (rule, value) in cases {
        let reject = Profile::from_value(&value).expect_err("the rule is broken");
        assert_eq!((reject.code.name(), reject.field.as_str()), ("PROFILE_INVALID", rule));
    }
    // the other half of L6 needs the other profiles
    let sound = Profile::from_value(bill).expect("a shipped profile");
    let among = |family: &str| {
        check_exchange_families(&sound, |_| Some(family.to_owned())).map_err(|reject| reject.field)
    };
    assert_eq!(among(&sound.family), Ok(()));
    assert_eq!(among("another"), Err("/L6".to_owned()));
    assert!(check_exchange_families(&sound, |_| None).is_ok(), "it may come later");
}
