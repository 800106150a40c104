//! Errors of content, quantities, pledges, surrender and change of medium.

use titian_contracts::error::Code;
use titian_contracts::etr::record::End;
use titian_contracts::json::Value;
use titian_tests::etr::{lots, with_arg};
use titian_tests::etr_types::{
    at, committed, content_of, lot_of, object, profile, salt_of, some_digest, texts,
};

use super::{Cases, after, empty, list};

fn amend_args(c: &Cases, id: &str, profile: &Value, changes: &[(&str, &str)]) -> Value {
    let record = c.t.get(id);
    let fields = content_of(profile, &record.party.reference, lot_of(profile));
    let (leaves, open) = committed(profile, &fields, 1);
    let change = |(name, text): &(&str, &str)| {
        let hash = titian_contracts::etr::content::field_leaf(
            name,
            2,
            &salt_of(name, 2),
            &Value::from(*text).to_jcs(),
        );
        object(&[("name", Value::from(*name)), ("hash", Value::from(hash))])
    };
    object(&[
        ("leaves", leaves),
        ("changes", Value::List(changes.iter().map(change).collect())),
        ("open", open),
        ("lots", Value::Null),
        ("reason", Value::from("correction")),
        ("text", Value::from(some_digest("text"))),
    ])
}

pub fn content(c: &mut Cases) {
    let (sg, vn, my) = (c.sg.clone(), c.vn.clone(), c.my.clone());
    let note = profile("promissory-note");
    let id = c.issue("promissory-note");
    let both = [sg.as_str(), vn.as_str()];
    let good = amend_args(c, &id, &note, &[("maker", "amended")]);
    let none = good.with("changes", list(&[]));
    c.refuse(&id, "amend", none, &both, Code::ContentMismatch);
    let leaves = at(&good, "leaves").as_list().expect("leaves").to_vec();
    c.refuse(&id, "amend", good.with("leaves", list(&leaves[1..])), &both, Code::ContentMismatch);
    let gone = object(&[("name", Value::from("maker")), ("hash", Value::Null)]);
    c.refuse(&id, "amend", good.with("changes", list(&[gone])), &both, Code::FieldMissing);
    let bound = amend_args(c, &id, &note, &[("amount", "999.00")]);
    c.refuse(&id, "amend", bound, &both, Code::BoundFieldMismatch);
    // a change of an essential field asks every guarantor
    let aval = object(&[
        ("guarantor", Value::from(my.as_str())),
        ("for", Value::from(sg.as_str())),
        ("amount", Value::from("1")),
    ]);
    c.apply(&id, "aval", aval, &[&my, &vn]);
    let essential = amend_args(c, &id, &note, &[("promise", "amended")]);
    c.refuse(&id, "amend", essential.clone(), &both, Code::MissingSigner);
    c.apply(&id, "amend", essential, &[&sg, &vn, &my]);
    // figures of a record that was parted stay; those of one that was not may be corrected
    let goods = profile("bl-order");
    let id = c.issue("bl-order");
    let fixed = lots(&[("1", "KGM", 0, "11000")]);
    let args =
        amend_args(c, &id, &goods, &[("termsAndConditions", "x")]).with("lots", fixed.clone());
    c.apply(&id, "amend", args, &both);
    assert_eq!(c.t.get(&id).party.lots[0].amount, 11_000);
    let id = c.issue("bl-order");
    let part = object(&[("lots", lots(&[("1", "KGM", 0, "1")])), ("digest", Value::Null)]);
    c.apply(&id, "deliver_part", part, &both);
    let args = amend_args(c, &id, &goods, &[("termsAndConditions", "x")]).with("lots", fixed);
    c.refuse(&id, "amend", args, &both, Code::QuantityMismatch);
}

pub fn quantities(c: &mut Cases) {
    let (sg, vn) = (c.sg.clone(), c.vn.clone());
    let both = [sg.as_str(), vn.as_str()];
    let id = c.issue("bl-order");
    let part = |amount: &str| {
        object(&[("lots", lots(&[("1", "KGM", 0, amount)])), ("pledges", list(&[]))])
    };
    let split = |parts: &[Value]| object(&[("parts", list(parts))]);
    for parts in [["5000", "7001"], ["5000", "6999"], ["12000", "0"]] {
        let args = split(&[part(parts[0]), part(parts[1])]);
        c.refuse(&id, "split", args, &both, Code::QuantityMismatch);
    }
    for amount in ["0", "12000", "12001"] {
        let args = object(&[("lots", lots(&[("1", "KGM", 0, amount)])), ("digest", Value::Null)]);
        c.refuse(&id, "deliver_part", args, &both, Code::QuantityMismatch);
    }
    let other = c.issue("bl-order");
    let with = |c: &Cases, id: &str| {
        let record = c.t.get(id);
        object(&[
            ("id", Value::from(id)),
            ("seq", Value::from(record.public.seq)),
            ("head", Value::from(record.public.head)),
        ])
    };
    let merge = |items: &[Value]| {
        object(&[("with", list(items)), ("leaves", Value::Null), ("open", Value::Null)])
    };
    // another root, and the same record twice
    let args = merge(&[with(c, &other)]);
    c.refuse(&id, "merge", args, &both, Code::MergeMismatch);
    let args = merge(&[with(c, &id)]);
    c.refuse(&id, "merge", args, &both, Code::MergeMismatch);
    // goods of one kind in one warehouse: unequal contents need new leaves
    let (a, b) = (c.issue("warehouse-receipt"), c.issue("warehouse-receipt"));
    let args = merge(&[with(c, &b)]);
    c.refuse(&a, "merge", args, &both, Code::ContentMismatch);
    let receipt = profile("warehouse-receipt");
    let fields = content_of(&receipt, &c.t.get(&a).party.reference, ("KGM", 0, 24_000));
    let (leaves, open) = committed(&receipt, &fields, 1);
    let all = leaves.as_list().expect("leaves").to_vec();
    let args = merge(&[with(c, &b)]).with("leaves", leaves).with("open", open.clone());
    let short = args.with("leaves", list(&all[1..]));
    c.refuse(&a, "merge", short, &both, Code::FieldMissing);
    let closed = args.with("open", empty());
    c.refuse(&a, "merge", closed, &both, Code::BoundFieldMismatch);
    let stale = with(c, &b).with("seq", Value::Int(9));
    c.refuse(&a, "merge", merge(&[stale]), &both, Code::StaleSeq);
    c.apply(&a, "merge", args, &both);
    let merged = c.t.get(&c.t.get(&a).party.into[0]);
    assert_eq!(merged.party.lots[0].amount, 24_000);
    assert_eq!(merged.party.from, [a, b]);
}

fn pledge_args(c: &Cases, amount: &str) -> Value {
    object(&[
        ("to", Value::from(c.th.as_str())),
        ("lots", lots(&[("1", "KGM", 0, amount)])),
        ("terms", Value::from(some_digest("terms"))),
        ("on", after(c.t.world.time_ms + 3_600_000)),
        ("cureS", Value::Int(7_200)),
    ])
}

pub fn pledges(c: &mut Cases) {
    let (sg, vn, th, my) = (c.sg.clone(), c.vn.clone(), c.th.clone(), c.my.clone());
    let id = c.issue("bl-order");
    let args = pledge_args(c, "5000");
    let wrong = args.with("on", Value::Null);
    c.refuse(&id, "pledge", wrong, &[&sg, &vn, &th], Code::ConditionInvalid);
    // a part needs the obligor, who keeps the lots apart
    c.refuse(&id, "pledge", args.clone(), &[&vn, &th], Code::MissingSigner);
    c.apply(&id, "pledge", args, &[&sg, &vn, &th]);
    let args = pledge_args(c, "7001");
    c.refuse(&id, "pledge", args, &[&sg, &vn, &th], Code::PledgeExceeds);
    // disposals need the pledgee
    let offer = c.t.offer_args(&my, Some("special"));
    c.refuse(&id, "offer", offer, &[&vn], Code::MissingSigner);
    c.refuse(&id, "release", object(&[("no", Value::Int(9))]), &[&th], Code::PledgeUnknown);
    let enforce =
        object(&[("no", Value::Int(1)), ("to", Value::from(my.as_str())), ("evidence", list(&[]))]);
    c.refuse(&id, "enforce", enforce.clone(), &[&th, &my], Code::EnforceUnmet);
    let notice = object(&[("no", Value::Int(1)), ("digest", Value::from(some_digest("default")))]);
    c.apply(&id, "default_notice", notice, &[&th]);
    c.t.world.time_ms += 3_600_000;
    c.refuse(&id, "enforce", enforce.clone(), &[&th, &my], Code::EnforceUnmet);
    c.t.world.time_ms += 2 * 3_600_000;
    c.apply(&id, "enforce", enforce, &[&th, &my]);
    // a part was pledged: the pledged lots go, the rest stays
    let parent = c.t.get(&id);
    assert_eq!(parent.public.end, Some(End::Split));
    let (given, kept) = (c.t.get(&parent.party.into[0]), c.t.get(&parent.party.into[1]));
    assert_eq!((given.party.lots[0].amount, kept.party.lots[0].amount), (5_000, 7_000));
    assert_eq!(given.party.controller.members(), [my]);
    assert_eq!(kept.party.controller.members(), [vn]);
}

pub fn surrenders(c: &mut Cases) {
    let (sg, vn) = (c.sg.clone(), c.vn.clone());
    let id = c.issue("bl-order");
    let claim = c.t.surrender_args("claim");
    c.refuse(&id, "surrender", claim, &[&vn], Code::SurrenderKind);
    let args = c.t.surrender_args("exchange");
    c.apply(&id, "surrender", args, &[&vn]);
    let target = profile("bl-straight");
    let issue = c.t.issue_op(&target, "SWITCH-1");
    let new = c.t.id_of(&target, "SWITCH-1");
    let accept = |c: &Cases, ids: &[&str]| {
        c.t.op(&id, "surrender_accept", object(&[("issued", texts(ids))]))
    };
    let alone = accept(c, &[&new]);
    c.refuse_op(&alone, &[&sg], Code::ExchangeIncomplete);
    let short = with_arg(&issue, "lots", lots(&[("1", "KGM", 0, "11999")]));
    let ops: [(Value, &[&str]); 2] = [(short, &[&sg, &vn]), (accept(c, &[&new]), &[&sg])];
    let found = c.t.run_bundle(&ops);
    c.note(found, Code::QuantityMismatch);
    let ops: [(Value, &[&str]); 2] =
        [(issue.clone(), &[&sg, &vn]), (accept(c, &[&new, &new]), &[&sg])];
    let found = c.t.run_bundle(&ops);
    c.note(found, Code::ExchangeIncomplete);
    assert!(c.t.record(&new).is_none(), "a refused bundle left something");
    let ops: [(Value, &[&str]); 2] = [(issue, &[&sg, &vn]), (accept(c, &[&new]), &[&sg])];
    c.t.run_bundle(&ops).expect("exchanged");
    assert_eq!(c.t.get(&id).public.end, Some(End::Exchanged));
}

fn paper_op(c: &Cases, reference: &str, serials: &[&str]) -> Value {
    let op = c.t.issue_op(&profile("bl-order"), reference);
    let statement = object(&[
        ("code", Value::from("change_of_medium")),
        ("digest", Value::from(some_digest("statement"))),
    ]);
    let extra = [
        ("serials", texts(serials)),
        ("originals", Value::from(serials.len() as u64)),
        ("custodian", Value::from(c.my.as_str())),
        ("inoperative", Value::from(some_digest("inoperative"))),
        ("statement", statement),
    ];
    extra
        .into_iter()
        .fold(op, |op, (name, value)| with_arg(&op, name, value))
        .with("act", Value::from("issue_from_paper"))
}

pub fn from_paper(c: &mut Cases) {
    let (sg, vn, my) = (c.sg.clone(), c.vn.clone(), c.my.clone());
    let all = [sg.as_str(), vn.as_str(), my.as_str()];
    let op = paper_op(c, "PAPER-1", &["S-1", "S-2", "S-3"]);
    let args = op.get("args").expect("arguments").without("statement");
    c.refuse_op(&op.with("args", args), &all, Code::StatementMissing);
    let short = with_arg(&op, "originals", Value::Int(2));
    c.refuse_op(&short, &all, Code::PaperSetIncomplete);
    c.refuse_op(&op, &[&sg, &vn], Code::MissingSigner);
    c.t.run_signed(&op, &all).expect("from paper");
    c.refuse_op(&paper_op(c, "PAPER-2", &["S-1"]), &all, Code::PaperSerialUsed);
    // put on paper again, it comes back whole and with the lots it left with
    let id = c.t.id_of(&profile("bl-order"), "PAPER-1");
    let args = c.t.surrender_args("paper");
    c.apply(&id, "surrender", args, &[&vn]);
    let print = object(&[
        ("serials", texts(&["S-4", "S-5"])),
        ("print", Value::from(some_digest("print"))),
        (
            "statement",
            object(&[
                ("code", Value::from("change_of_medium")),
                ("digest", Value::from(some_digest("statement"))),
            ]),
        ),
    ]);
    let used = print.with("serials", texts(&["S-1"]));
    c.refuse(&id, "surrender_accept", used, &[&sg], Code::PaperSerialUsed);
    let bare = print.without("statement");
    c.refuse(&id, "surrender_accept", bare, &[&sg], Code::StatementMissing);
    c.apply(&id, "surrender_accept", print, &[&sg]);
    let back = |c: &Cases, serials: &[&str]| {
        let head = titian_contracts::etr::genesis_hash(&titian_contracts::state::Overlay::new(
            &c.t.world.state,
        ));
        paper_op(c, "PAPER-1", serials).with("seq", Value::Int(0)).with("head", Value::from(head))
    };
    c.refuse_op(&back(c, &["S-4"]), &all, Code::PaperSetIncomplete);
    let fewer = with_arg(&back(c, &["S-4", "S-5"]), "lots", lots(&[("1", "KGM", 0, "1")]));
    c.refuse_op(&fewer, &all, Code::QuantityMismatch);
    let op = back(c, &["S-4", "S-5"]);
    c.t.run_signed(&op, &all).expect("back from paper");
    c.refuse_op(&op, &all, Code::PaperSerialUsed);
}
