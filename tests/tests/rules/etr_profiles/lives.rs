//! Lives of a record of any profile: each runs a group of acts as far as the profile allows them.

use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::etr::record::{End, Status};
use titian_contracts::json::Value;
use titian_contracts::state::Overlay;
use titian_contracts::ubin::vocabulary::Status as Business;
use titian_tests::etr::{DAY_MS, Traders, accept_args, lots, with_arg};
use titian_tests::etr_types::{
    DUE_MS, at, committed, content_of, list_at, lot_of, object, op_digest, profile, salt_of,
    some_digest, texts,
};

use super::Table;

pub fn base(table: &mut Table) {
    let (vn, answering) = (table.t.vn.clone(), table.answering());
    let id = table.issue();
    let code = list_at(&table.profile, "notes/codes")[0].clone();
    let args = object(&[("code", Value::from(code)), ("digest", Value::from(some_digest("note")))]);
    table.run(&id, "annotate", args, &[&vn]);
    let args = amend_args(table, &id, "amended");
    table.run(&id, "amend", args, &[&vn, &answering]);
    assert_eq!(table.t.get(&id).public.content_version, 2);
    table.run(&id, "cancel", object(&[("reason", Value::from("agreed"))]), &[&vn, &answering]);
    assert_eq!(table.t.get(&id).public.end, Some(End::Cancelled));
    succeed(table);
    expire(table);
}

/// A change of one field that is neither essential nor bound.
fn amend_args(table: &Table, id: &str, text: &str) -> Value {
    let profile = &table.profile;
    let record = table.t.get(id);
    let fields = content_of(profile, &record.party.reference, lot_of(profile));
    let (leaves, open) = committed(profile, &fields, 1);
    let opened: Vec<String> =
        open.as_object().expect("an object").iter().map(|(name, _)| name.clone()).collect();
    let essential = list_at(profile, "fields/essential");
    let (name, _) = fields
        .iter()
        .find(|(name, _)| !essential.contains(name) && !opened.contains(name))
        .expect("a field that may change");
    let hash = titian_contracts::etr::content::field_leaf(
        name,
        2,
        &salt_of(name, 2),
        &Value::from(text).to_jcs(),
    );
    let change = object(&[("name", Value::from(name.as_str())), ("hash", Value::from(hash))]);
    object(&[
        ("leaves", leaves),
        ("changes", Value::List(vec![change])),
        ("open", open),
        ("lots", Value::Null),
        ("reason", Value::from("correction")),
        ("text", Value::from(some_digest("text"))),
    ])
}

/// A company that holds a record merges into the Thai trader, which takes its place.
fn succeed(table: &mut Table) {
    table.numbers += 1;
    let local = format!("202401{:06}", 100 + table.numbers);
    let gone = table.t.world.register_company("MY:SSM", "BRN", &local, "TITIAN DEMO GONE");
    table.t.world.bind_business_key("MY:SSM", &gone, &["etr.*"]);
    let kept = std::mem::replace(&mut table.t.vn, gone.clone());
    let id = table.issue();
    table.t.vn = kept;
    let th = table.t.th.clone();
    table.t.close_into(&gone, &th, Business::Merged);
    let args = object(&[
        ("role", Value::from("controller")),
        ("of", Value::from(gone.as_str())),
        ("successor", Value::from(th.as_str())),
    ]);
    table.run(&id, "succeed", args, &[&th]);
    assert_eq!(table.t.get(&id).party.controller.members(), [th]);
}

/// What is not answered ends by time: an offer or a surrender, whichever the profile has.
fn expire(table: &mut Table) {
    let (vn, th) = (table.t.vn.clone(), table.t.th.clone());
    let id = table.issue();
    if table.has("acts/allow", "@transfer") {
        let args = table.t.offer_args(&th, table.endorse());
        table.run(&id, "offer", args, &[&vn]);
    } else {
        let args = table.t.surrender_args("delivery");
        table.run(&id, "surrender", args, &[&vn]);
    }
    table.t.world.time_ms += 2 * DAY_MS;
    table.run(&id, "expire", Value::object::<&str, _>([]), &[]);
    assert_eq!(table.t.get(&id).public.status, Status::Active);
}

const COURT: [&str; 4] = ["SG:ACRA#k1", "SG:ACRA#k2", "SG:COURT#k1", "SG:COURT#k2"];

pub fn court(table: &mut Table) {
    if table.answering() == table.t.my {
        // records that a Malaysian drawer opens are of Malaysia, where no court policy stands
        let my = std::mem::replace(&mut table.t.my, table.t.sg.clone());
        court_acts(table);
        table.t.my = my;
    } else {
        court_acts(table);
    }
}

fn court_acts(table: &mut Table) {
    let order = Value::from(some_digest("order"));
    let th = table.t.th.clone();
    let id = table.issue();
    let until = Value::from(table.t.world.time_ms + DAY_MS);
    let args =
        object(&[("order", order.clone()), ("untilMs", until), ("permits", texts(&["annotate"]))]);
    table.run(&id, "freeze", args, &COURT);
    table.run(&id, "unfreeze", object(&[("order", order.clone())]), &COURT);
    let notice = |act: &str| object(&[("act", Value::from(act)), ("order", order.clone())]);
    for act in ["court_amend", "court_transfer", "court_annul"] {
        table.run(&id, "court_notice", notice(act), &COURT);
        table.t.world.time_ms += 3 * DAY_MS;
        let args = match act {
            "court_amend" => {
                let amend = amend_args(table, &id, "ordered");
                let amend = ["open", "lots", "reason"].iter().fold(amend, |a, n| a.without(n));
                amend.with("order", order.clone())
            }
            "court_transfer" => {
                let kind = list_at(&table.profile, "title/initial")[0].clone();
                let titled = kind == "to_order" || kind == "named";
                let title = object(&[("kind", Value::from(kind))]);
                let title =
                    if titled { title.with("party", Value::from(th.as_str())) } else { title };
                object(&[
                    ("order", order.clone()),
                    ("to", Value::from(th.as_str())),
                    ("title", title),
                ])
            }
            _ => object(&[("order", order.clone())]),
        };
        table.run(&id, act, args, &COURT);
    }
    assert_eq!(table.t.get(&id).public.end, Some(End::Annulled));
}

pub fn transfer(table: &mut Table) {
    let (vn, th) = (table.t.vn.clone(), table.receiver());
    let endorse = table.endorse();
    let id = table.issue();
    let empty = || Value::object::<&str, _>([]);
    let offer = |table: &Table| table.t.offer_args(&th, endorse);
    table.run(&id, "offer", offer(table), &[&vn]);
    table.run(&id, "refuse", object(&[("reason", Value::Null)]), &[&th]);
    table.run(&id, "offer", offer(table), &[&vn]);
    table.run(&id, "withdraw", empty(), &[&vn]);
    table.run(&id, "offer", offer(table), &[&vn]);
    table.run(&id, "accept", accept_args(), &[&th]);
    assert_eq!(table.t.get(&id).party.controller.members(), std::slice::from_ref(&th));
    let id = table.issue();
    let args = object(&[
        ("to", Value::from(th.as_str())),
        ("endorse", Value::from(endorse)),
        ("consentNo", Value::Null),
    ]);
    table.run(&id, "deliver", args, &[&vn, &th]);
    assert_eq!(table.t.get(&id).party.controller.members(), [th]);
}

pub fn assign(table: &mut Table) {
    let (sg, vn, th) = (table.t.sg.clone(), table.t.vn.clone(), table.t.th.clone());
    let id = table.issue();
    let args = object(&[("to", Value::from(th.as_str()))]);
    table.run(&id, "assign_control", args, &[&sg, &vn, &th]);
    assert_eq!(table.t.get(&id).party.controller.members(), [th]);
}

pub fn endorse(table: &mut Table) {
    let vn = table.t.vn.clone();
    let id = table.issue();
    if table.has("title/endorse", "blank") {
        table.run(&id, "endorse", object(&[("kind", Value::from("blank"))]), &[&vn]);
        table.run(&id, "endorse", object(&[("kind", Value::from("conversion"))]), &[&vn]);
    }
}

pub fn surrender(table: &mut Table) {
    let (vn, answering) = (table.t.vn.clone(), table.answering());
    let kinds = list_at(&table.profile, "surrender/kinds");
    let id = table.issue();
    let args = table.t.surrender_args(&kinds[0]);
    table.run(&id, "surrender", args, &[&vn]);
    table.run(&id, "surrender_reject", object(&[("reason", Value::from("no"))]), &[&answering]);
    for kind in kinds {
        let id = table.issue();
        let args = table.t.surrender_args(&kind);
        table.run(&id, "surrender", args, &[&vn]);
        match kind.as_str() {
            "exchange" => exchange(table, &id),
            "paper" => {
                let serial = format!("S-{}", table.numbers);
                table.run(&id, "surrender_accept", paper_args(&serial), &[&answering]);
                assert_eq!(table.t.get(&id).public.end, Some(End::Paper));
            }
            _ => {
                let args = object(&[("digest", Value::Null)]);
                table.run(&id, "surrender_accept", args, &[&answering]);
            }
        }
    }
}

fn paper_args(serial: &str) -> Value {
    let statement = object(&[
        ("code", Value::from("change_of_medium")),
        ("digest", Value::from(some_digest("statement"))),
    ]);
    object(&[
        ("serials", texts(&[serial])),
        ("print", Value::from(some_digest("print"))),
        ("statement", statement),
    ])
}

/// The carrier issues what replaces the record and accepts the surrender, in one bundle.
fn exchange(table: &mut Table, id: &str) {
    let (sg, vn) = (table.t.sg.clone(), table.t.vn.clone());
    table.numbers += 1;
    let target = profile(&list_at(&table.profile, "surrender/exchange_to")[0]);
    let reference = format!("X-{}", table.numbers);
    let issue = table.t.issue_op(&target, &reference);
    let new = table.t.id_of(&target, &reference);
    let accept = table.t.op(id, "surrender_accept", object(&[("issued", texts(&[&new]))]));
    let ops: [(Value, &[&str]); 2] = [(issue, &[&sg, &vn]), (accept, &[&sg])];
    if let Err(code) = table.t.run_bundle(&ops) {
        panic!("exchange of {}: {}", table.name, code.name());
    }
    table.note("surrender_accept");
    assert_eq!(table.t.get(id).public.end, Some(End::Exchanged));
    assert_eq!(table.t.get(&new).public.status, Status::Active);
}

pub fn from_paper(table: &Table, reference: &str, serial: &str) -> Value {
    let op = table.t.issue_op(&table.profile, reference);
    let statement = object(&[
        ("code", Value::from("change_of_medium")),
        ("digest", Value::from(some_digest("statement"))),
    ]);
    let extra = [
        ("serials", texts(&[serial])),
        ("originals", Value::Int(1)),
        ("custodian", Value::from(table.t.th.as_str())),
        ("inoperative", Value::from(some_digest("inoperative"))),
        ("statement", statement),
    ];
    let op = extra.into_iter().fold(op, |op, (name, value)| with_arg(&op, name, value));
    op.with("act", Value::from("issue_from_paper"))
}

/// Paper that the ledger does not know becomes a record; put on paper again, it comes back as its
/// descendant.
pub fn paper(table: &mut Table) {
    let (vn, th, answering) = (table.t.vn.clone(), table.t.th.clone(), table.answering());
    table.numbers += 1;
    let reference = format!("P-{}", table.numbers);
    let op = from_paper(table, &reference, &format!("A-{}", table.numbers));
    let id = table.t.id_of(&table.profile, &reference);
    let run = |table: &mut Table, op: &Value| {
        if let Err(code) = table.t.run_signed(op, &[&answering, &vn, &th]) {
            panic!("issue_from_paper of {}: {}", table.name, code.name());
        }
        table.note("issue_from_paper");
    };
    run(table, &op);
    let args = table.t.surrender_args("paper");
    table.run(&id, "surrender", args, &[&vn]);
    let serial = format!("B-{}", table.numbers);
    table.run(&id, "surrender_accept", paper_args(&serial), &[&answering]);
    let again = from_paper(table, &reference, &serial)
        .with("seq", Value::Int(0))
        .with("head", Value::from(genesis(&table.t)));
    run(table, &again);
    let child = titian_contracts::etr::content::child_id(op_digest(&again), 0);
    let record = table.t.get(&child);
    assert_eq!((record.public.generation, record.public.seq), (1, 1));
    assert_eq!(record.party.from, std::slice::from_ref(&id));
    assert_eq!(table.t.get(&id).party.into, [child]);
}

fn genesis(t: &Traders) -> Digest {
    titian_contracts::etr::genesis_hash(&Overlay::new(&t.world.state))
}

pub fn split_and_merge(table: &mut Table) {
    let (sg, vn) = (table.t.sg.clone(), table.t.vn.clone());
    let id = table.issue();
    let part = |amount: &str| {
        object(&[("lots", lots(&[("1", "KGM", 0, amount)])), ("pledges", Value::List(Vec::new()))])
    };
    let args = object(&[("parts", Value::List(vec![part("5000"), part("7000")]))]);
    table.run(&id, "split", args, &[&sg, &vn]);
    let parent = table.t.get(&id);
    assert_eq!(parent.public.end, Some(End::Split));
    let [first, second] = parent.party.into.as_slice() else { panic!("two children") };
    let other = table.t.get(second);
    let with = object(&[
        ("id", Value::from(second.as_str())),
        ("seq", Value::from(other.public.seq)),
        ("head", Value::from(other.public.head)),
    ]);
    let args = object(&[
        ("with", Value::List(vec![with])),
        ("leaves", Value::Null),
        ("open", Value::Null),
    ]);
    table.run(first, "merge", args, &[&sg, &vn]);
    let merged = table.t.get(&table.t.get(first).party.into[0]);
    assert_eq!(merged.party.lots[0].amount, 12_000);
    assert_eq!(table.t.get(second).public.end, Some(End::Merged));
}

pub fn deliver_part(table: &mut Table) {
    let (sg, vn) = (table.t.sg.clone(), table.t.vn.clone());
    let id = table.issue();
    let args = object(&[("lots", lots(&[("1", "KGM", 0, "2000")])), ("digest", Value::Null)]);
    table.run(&id, "deliver_part", args, &[&sg, &vn]);
    assert_eq!(table.t.get(&id).party.lots[0].amount, 10_000);
}

pub fn pledge(table: &mut Table) {
    let (vn, th, my) = (table.t.vn.clone(), table.t.th.clone(), table.t.my.clone());
    let lot = lot_of(&table.profile);
    let whole = lots(&[("1", lot.0, lot.1, &lot.2.to_string())]);
    let id = table.issue();
    let on = object(&[("after", object(&[("ms", Value::from(table.t.world.time_ms))]))]);
    let args = object(&[
        ("to", Value::from(th.as_str())),
        ("lots", whole),
        ("terms", Value::from(some_digest("terms"))),
        ("on", on),
        ("cureS", Value::Int(3600)),
    ]);
    table.run(&id, "pledge", args.clone(), &[&vn, &th]);
    let no = |no: i64| object(&[("no", Value::Int(no))]);
    table.run(&id, "release", no(1), &[&th]);
    table.run(&id, "pledge", args, &[&vn, &th]);
    let digest = Value::from(some_digest("default"));
    table.run(&id, "default_notice", no(2).with("digest", digest), &[&th]);
    table.t.world.time_ms += DAY_MS;
    let enforce =
        no(2).with("to", Value::from(my.as_str())).with("evidence", Value::List(Vec::new()));
    table.run(&id, "enforce", enforce, &[&th, &my]);
    let record = table.t.get(&id);
    assert_eq!(record.party.controller.members(), std::slice::from_ref(&my));
    assert!(record.party.pledges.is_empty());
    if at(&table.profile, "pledge/partial") == &Value::Bool(true) {
        enforce_part(table);
    }
}

/// A part is pledged and enforced: the record becomes two, of which one goes to the receiver.
fn enforce_part(table: &mut Table) {
    let (sg, vn, th, my) =
        (table.t.sg.clone(), table.t.vn.clone(), table.t.th.clone(), table.t.my.clone());
    let (unit, scale, whole) = lot_of(&table.profile);
    let id = table.issue();
    let on = object(&[("after", object(&[("ms", Value::from(table.t.world.time_ms))]))]);
    let args = object(&[
        ("to", Value::from(th.as_str())),
        ("lots", lots(&[("1", unit, scale, "5000")])),
        ("terms", Value::from(some_digest("terms"))),
        ("on", on),
        ("cureS", Value::Int(3600)),
    ]);
    let no = object(&[("no", Value::Int(1))]);
    let notice = no.with("digest", Value::from(some_digest("default")));
    for (act, args, parties) in
        [("pledge", args, &[&vn, &th, &sg][..]), ("default_notice", notice, &[&th])]
    {
        let parties: Vec<&str> = parties.iter().map(|party| party.as_str()).collect();
        if let Err(code) = table.t.act(&id, act, args, &parties) {
            panic!("{act} of {}: {}", table.name, code.name());
        }
    }
    table.t.world.time_ms += DAY_MS;
    let enforce = no.with("to", Value::from(my.as_str())).with("evidence", Value::List(Vec::new()));
    table.run(&id, "enforce", enforce, &[&th, &my]);
    let parent = table.t.get(&id);
    assert_eq!(parent.public.end, Some(End::Split));
    let children: Vec<(Vec<String>, u64)> = parent
        .party
        .into
        .iter()
        .map(|child| table.t.get(child).party)
        .map(|party| (party.controller.members().to_vec(), party.lots[0].amount))
        .collect();
    assert_eq!(children, [(vec![my], 5_000), (vec![vn], whole - 5_000)]);
}

pub fn payment(table: &mut Table) {
    let (sg, vn, th, my) =
        (table.t.sg.clone(), table.t.vn.clone(), table.t.th.clone(), table.t.my.clone());
    let id = table.issue();
    let drawn = table.answering() == my;
    let aval = object(&[
        ("guarantor", Value::from(my.as_str())),
        ("for", Value::from(sg.as_str())),
        ("amount", Value::from("10000")),
    ]);
    table.run(&id, "aval", aval, &[&my, &vn]);
    let present = |table: &Table, what: &str| {
        object(&[
            ("for", Value::from(what)),
            ("attesters", Value::List(Vec::new())),
            ("deadlineMs", Value::from(table.t.world.time_ms + DAY_MS)),
        ])
    };
    if table.has("acts/allow", "bill_accept") {
        let args = present(table, "acceptance");
        table.run(&id, "present", args, &[&vn]);
        let args = object(&[("amount", Value::from("10000")), ("variation", Value::Null)]);
        table.run(&id, "bill_accept", args, &[&sg]);
    }
    if table.has("acts/allow", "stop") {
        table.run(&id, "stop", object(&[("reason", Value::from("lost"))]), &[&my]);
    }
    // on to the Thai trader, so that the Vietnamese one is liable as endorser
    let args = table.t.offer_args(&th, Some("special"));
    table.run(&id, "offer", args, &[&vn]);
    table.run(&id, "accept", accept_args(), &[&th]);
    if at(&table.profile, "fields/bound/due") != &Value::Null {
        table.t.world.time_ms = table.t.world.time_ms.max(DUE_MS);
    }
    let args = present(table, "payment");
    table.run(&id, "present", args, &[&th]);
    table.run(&id, "dishonour", object(&[("reason", Value::from("no_funds"))]), &[&sg]);
    let digest = Value::from(some_digest("protest"));
    table.run(&id, "protest", object(&[("digest", digest)]), &[&th]);
    table.run(&id, "notify", object(&[("to", texts(&[&vn]))]), &[&th]);
    table.run(&id, "recourse", object(&[("against", Value::from(vn.as_str()))]), &[&th]);
    let args = object(&[("payer", Value::from(vn.as_str()))]);
    table.run(&id, "recourse_pay", args, &[&vn, &th]);
    let record = table.t.get(&id);
    assert_eq!(record.party.controller.members(), std::slice::from_ref(&vn));
    if drawn {
        // who paid goes on against the drawer
        table.run(&id, "recourse", object(&[("against", Value::from(my.as_str()))]), &[&vn]);
    }
    let args = object(&[("amount", Value::from("10000")), ("evidence", Value::List(Vec::new()))]);
    table.run(&id, "pay", args, &[&sg, &vn]);
    assert_eq!(table.t.get(&id).public.end, Some(End::Discharged));
}

/// Last, for it takes ten years: what lapses, and what never does.
pub fn lapses(table: &mut Table) {
    let mut waiting = Vec::new();
    for name in ["cheque", "cargo-insurance-certificate"] {
        table.name = name.to_owned();
        table.profile = profile(name);
        waiting.push((name, table.issue()));
    }
    let (_, first) = &waiting[0];
    let early = table.t.act(first, "lapse", Value::object::<&str, _>([]), &[]);
    assert_eq!(early.err(), Some(Code::NotLapsed));
    table.t.world.time_ms += 3_654 * DAY_MS;
    for (name, id) in waiting {
        table.name = name.to_owned();
        table.run(&id, "lapse", Value::object::<&str, _>([]), &[]);
        assert_eq!(table.t.get(&id).public.end, Some(End::Lapsed));
    }
}
