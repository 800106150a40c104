//! Every act in every profile that allows it is accepted, and refused with `ACT_NOT_IN_PROFILE` in
//! every other; the table is compared with the profile files, so an act that nothing tries fails it.

use std::collections::{BTreeMap, BTreeSet};

use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::etr::record::{End, Status};
use titian_contracts::json::{self, Value};
use titian_contracts::state::Overlay;
use titian_contracts::ubin::vocabulary::Status as Business;
use titian_tests::etr::{DAY_MS, Traders, accept_args, lots, with_arg};
use titian_tests::etr_types::{
    DUE_MS, at, committed, content_of, list_at, lot_of, object, op_digest, profile, salt_of,
    some_digest, texts,
};

/// One run over all profiles.
struct Table {
    t: Traders,
    profile: Value,
    name: String,
    numbers: u64,
    accepted: BTreeSet<(String, String)>,
}

impl Table {
    fn new() -> Self {
        let mut t = Traders::new();
        t.court(&[
            "freeze",
            "unfreeze",
            "court_notice",
            "court_transfer",
            "court_amend",
            "court_annul",
        ]);
        Self {
            t,
            profile: Value::Null,
            name: String::new(),
            numbers: 0,
            accepted: BTreeSet::new(),
        }
    }

    fn note(&mut self, act: &str) {
        self.accepted.insert((self.name.clone(), act.to_owned()));
    }

    fn issue(&mut self) -> String {
        self.numbers += 1;
        let reference = format!("R-{}", self.numbers);
        let profile = self.profile.clone();
        let id = self.t.issue(&profile, &reference);
        self.note("issue");
        id
    }

    fn run(&mut self, id: &str, act: &str, args: Value, parties: &[&str]) {
        if let Err(code) = self.t.act(id, act, args, parties) {
            panic!("{act} of {}: {}", self.name, code.name());
        }
        self.note(act);
    }

    fn has(&self, path: &str, word: &str) -> bool {
        list_at(&self.profile, path).iter().any(|item| item == word)
    }

    /// The one to whom a record of this profile may go from the Vietnamese trader.
    fn receiver(&self) -> String {
        self.t.th.clone()
    }

    fn endorse(&self) -> Option<&'static str> {
        self.has("title/endorse", "special").then_some("special")
    }

    /// The obligor's place in cancel, amend and paper: the drawer while no drawee accepted.
    fn answering(&self) -> String {
        self.t.issuer_of(&self.profile)
    }
}

/// The acts of a profile, groups resolved by the words of the document.
fn acts_of(profile: &Value) -> BTreeSet<String> {
    let groups: BTreeMap<&str, &str> = BTreeMap::from([
        (
            "@base",
            "annotate amend cancel succeed expire freeze unfreeze court_notice court_transfer \
             court_amend court_annul",
        ),
        ("@transfer", "offer accept refuse withdraw deliver"),
        ("@pledge", "pledge release default_notice enforce"),
        ("@surrender", "surrender surrender_accept surrender_reject"),
        ("@payment", "present pay dishonour protest notify recourse recourse_pay aval"),
    ]);
    list_at(profile, "acts/allow")
        .iter()
        .flat_map(|item| groups.get(item.as_str()).copied().unwrap_or(item).split_whitespace())
        .map(str::to_owned)
        .collect()
}

fn all_acts() -> BTreeSet<String> {
    let data = json::parse(include_bytes!("../../data/etr/acts.json")).expect("I-JSON");
    let acts = data.get("acts").and_then(Value::as_object).expect("acts");
    acts.iter().map(|(name, _)| name.clone()).collect()
}

/// Arguments that are well formed for any act: what matters is that the profile is asked before.
fn any_args(t: &Traders, act: &str) -> Value {
    let (th, digest) = (Value::from(t.th.as_str()), Value::from(some_digest("any")));
    let goods = lots(&[("1", "KGM", 0, "1")]);
    let condition = object(&[("after", object(&[("ms", Value::Int(1))]))]);
    let deadline = Value::from(t.world.time_ms + DAY_MS);
    let none = || Value::List(Vec::new());
    let changes = Value::List(vec![object(&[
        ("name", Value::from("goods")),
        ("hash", digest.clone()),
    ])]);
    match act {
        "offer" => t.offer_args(&t.th, None),
        "accept" => accept_args(),
        "refuse" => object(&[("reason", Value::Null)]),
        "deliver" => object(&[("to", th), ("endorse", Value::Null), ("consentNo", Value::Null)]),
        "assign_control" => object(&[("to", th)]),
        "endorse" => object(&[("kind", Value::from("blank"))]),
        "split" => {
            let part = object(&[("lots", goods), ("pledges", none())]);
            object(&[("parts", Value::List(vec![part.clone(), part]))])
        }
        "merge" => panic!("needs a second record"),
        "pledge" => object(&[
            ("to", th),
            ("lots", goods),
            ("terms", digest),
            ("on", condition),
            ("cureS", Value::Int(60)),
        ]),
        "release" => object(&[("no", Value::Int(1))]),
        "default_notice" => object(&[("no", Value::Int(1)), ("digest", digest)]),
        "enforce" => object(&[("no", Value::Int(1)), ("to", th), ("evidence", none())]),
        "surrender" => t.surrender_args("delivery"),
        "surrender_accept" => object(&[("digest", Value::Null)]),
        "surrender_reject" | "dishonour" | "stop" | "cancel" => {
            object(&[("reason", Value::from("x"))])
        }
        "deliver_part" => object(&[("lots", goods), ("digest", Value::Null)]),
        "present" => object(&[
            ("for", Value::from("payment")),
            ("attesters", none()),
            ("deadlineMs", deadline),
        ]),
        "bill_accept" => object(&[("amount", Value::from("1")), ("variation", Value::Null)]),
        "pay" => object(&[("amount", Value::from("1")), ("evidence", none())]),
        "protest" => object(&[("digest", digest)]),
        "notify" => object(&[("to", Value::List(vec![th]))]),
        "recourse" => object(&[("against", th)]),
        "recourse_pay" => object(&[("payer", th)]),
        "aval" => object(&[("guarantor", th.clone()), ("for", th), ("amount", "1".into())]),
        "court_amend" => object(&[
            ("order", digest.clone()),
            ("leaves", none()),
            ("changes", changes),
            ("text", digest),
        ]),
        _ => Value::object::<&str, _>([]),
    }
}

#[test]
fn every_act_runs_in_every_profile_that_allows_it_and_in_no_other() {
    let mut table = Table::new();
    let profiles = titian_genesis::profiles::etr_profiles();
    assert_eq!(profiles.len(), 14);
    for value in profiles {
        table.name = at(&value, "id").as_text().expect("an id").to_owned();
        table.profile = value.clone();
        let acts = acts_of(&value);
        base(&mut table);
        court(&mut table);
        if acts.contains("offer") {
            transfer(&mut table);
        }
        if acts.contains("assign_control") {
            assign(&mut table);
        }
        if acts.contains("endorse") {
            endorse(&mut table);
        }
        if acts.contains("surrender") {
            surrender(&mut table);
        }
        if acts.contains("issue_from_paper") {
            paper(&mut table);
        }
        if acts.contains("split") {
            split_and_merge(&mut table);
        }
        if acts.contains("deliver_part") {
            deliver_part(&mut table);
        }
        if acts.contains("pledge") {
            pledge(&mut table);
        }
        if acts.contains("present") {
            payment(&mut table);
        }
        forbidden(&mut table, &acts);
        let done: BTreeSet<String> = table
            .accepted
            .iter()
            .filter(|(name, _)| *name == table.name)
            .map(|(_, act)| act.clone())
            .collect();
        let rest: BTreeSet<String> = ["lapse".to_owned()].into();
        assert_eq!(&done | &(&acts & &rest), acts, "{}: accepted and allowed differ", table.name);
    }
    lapses(&mut table);
}

/// Refused for the profile, before anything else that these arguments would break.
fn forbidden(table: &mut Table, acts: &BTreeSet<String>) {
    let id = table.issue();
    for act in all_acts().difference(acts) {
        if act == "merge" || act == "issue_from_paper" {
            continue;
        }
        let args = any_args(&table.t, act);
        let vn = table.t.vn.clone();
        let found = table.t.act(&id, act, args, &[&vn]).err();
        assert_eq!(found, Some(Code::ActNotInProfile), "{act} in {}", table.name);
    }
    if !acts.contains("merge") {
        let record = table.t.get(&id);
        let other = object(&[
            ("id", Value::from(id.as_str())),
            ("seq", Value::from(record.public.seq)),
            ("head", Value::from(record.public.head)),
        ]);
        let args = object(&[
            ("with", Value::List(vec![other])),
            ("leaves", Value::Null),
            ("open", Value::Null),
        ]);
        let vn = table.t.vn.clone();
        let found = table.t.act(&id, "merge", args, &[&vn]).err();
        assert_eq!(found, Some(Code::ActNotInProfile), "merge in {}", table.name);
    }
    if !acts.contains("issue_from_paper") {
        let op = from_paper(table, "NEVER-1", "SERIAL-NEVER");
        let sg = table.t.sg.clone();
        let found = table.t.run_signed(&op, &[&sg]).err();
        assert_eq!(found, Some(Code::ActNotInProfile), "issue_from_paper in {}", table.name);
    }
}

fn base(table: &mut Table) {
    let (vn, answering) = (table.t.vn.clone(), table.answering());
    let id = table.issue();
    let code = list_at(&table.profile, "notes/codes")[0].clone();
    let args =
        object(&[("code", Value::from(code)), ("digest", Value::from(some_digest("note")))]);
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

fn court(table: &mut Table) {
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

fn transfer(table: &mut Table) {
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
    assert_eq!(table.t.get(&id).party.controller.members(), [th.clone()]);
    let id = table.issue();
    let args = object(&[
        ("to", Value::from(th.as_str())),
        ("endorse", Value::from(endorse)),
        ("consentNo", Value::Null),
    ]);
    table.run(&id, "deliver", args, &[&vn, &th]);
    assert_eq!(table.t.get(&id).party.controller.members(), [th]);
}

fn assign(table: &mut Table) {
    let (sg, vn, th) = (table.t.sg.clone(), table.t.vn.clone(), table.t.th.clone());
    let id = table.issue();
    let args = object(&[("to", Value::from(th.as_str()))]);
    table.run(&id, "assign_control", args, &[&sg, &vn, &th]);
    assert_eq!(table.t.get(&id).party.controller.members(), [th]);
}

fn endorse(table: &mut Table) {
    let vn = table.t.vn.clone();
    let id = table.issue();
    if table.has("title/endorse", "blank") {
        table.run(&id, "endorse", object(&[("kind", Value::from("blank"))]), &[&vn]);
        table.run(&id, "endorse", object(&[("kind", Value::from("conversion"))]), &[&vn]);
    }
}

fn surrender(table: &mut Table) {
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

fn from_paper(table: &Table, reference: &str, serial: &str) -> Value {
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
fn paper(table: &mut Table) {
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
    assert_eq!(record.party.from, [id.clone()]);
    assert_eq!(table.t.get(&id).party.into, [child]);
}

fn genesis(t: &Traders) -> Digest {
    titian_contracts::etr::genesis_hash(&Overlay::new(&t.world.state))
}

fn split_and_merge(table: &mut Table) {
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

fn deliver_part(table: &mut Table) {
    let (sg, vn) = (table.t.sg.clone(), table.t.vn.clone());
    let id = table.issue();
    let args =
        object(&[("lots", lots(&[("1", "KGM", 0, "2000")])), ("digest", Value::Null)]);
    table.run(&id, "deliver_part", args, &[&sg, &vn]);
    assert_eq!(table.t.get(&id).party.lots[0].amount, 10_000);
}

fn pledge(table: &mut Table) {
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
    let enforce = no(2)
        .with("to", Value::from(my.as_str()))
        .with("evidence", Value::List(Vec::new()));
    table.run(&id, "enforce", enforce, &[&th, &my]);
    let record = table.t.get(&id);
    assert_eq!(record.party.controller.members(), [my]);
    assert!(record.party.pledges.is_empty());
}

fn payment(table: &mut Table) {
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
    assert_eq!(record.party.controller.members(), [vn.clone()]);
    if drawn {
        // who paid goes on against the drawer
        table.run(&id, "recourse", object(&[("against", Value::from(my.as_str()))]), &[&vn]);
    }
    let args =
        object(&[("amount", Value::from("10000")), ("evidence", Value::List(Vec::new()))]);
    table.run(&id, "pay", args, &[&sg, &vn]);
    assert_eq!(table.t.get(&id).public.end, Some(End::Discharged));
}

/// Last, for it takes ten years: what lapses, and what never does.
fn lapses(table: &mut Table) {
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
