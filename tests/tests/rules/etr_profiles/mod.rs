//! Every act in every profile that allows it is accepted, and refused with `ACT_NOT_IN_PROFILE` in
//! every other; the table is compared with the profile files, so an act that nothing tries fails it.
//! Before each accepted op its mutations are refused (`mutations`).

mod lives;
mod mutations;

use std::collections::{BTreeMap, BTreeSet};

use lives::{
    assign, base, court, deliver_part, endorse, from_paper, lapses, paper, payment, pledge,
    split_and_merge, surrender, transfer,
};
use titian_contracts::error::Code;
use titian_contracts::etr::keys;
use titian_contracts::json::{self, Value};
use titian_tests::etr::{DAY_MS, Traders, accept_args, lots};
use titian_tests::etr_types::{at, list_at, object, some_digest};

/// One run over all profiles.
struct Table {
    t: Traders,
    profile: Value,
    name: String,
    numbers: u64,
    /// A company that is party to nothing.
    stranger: String,
    accepted: BTreeSet<(String, String)>,
    /// Act and role of each signature whose lack was refused.
    roles: BTreeSet<(String, String)>,
}

/// The roles that sign each act (etr.md §5), where nobody is pledgee, principal or guarantor: those whose
/// lack is `MISSING_SIGNER`. A receiver may have given standing consent at issue and delivery; a court
/// is asked for its quorum, and `expire` and `lapse` for nobody.
const SIGNERS: [(&str, &str); 32] = [
    ("issue", "I"),
    ("offer", "K"),
    ("accept", "N"),
    ("refuse", "N"),
    ("withdraw", "K"),
    ("deliver", "K"),
    ("assign_control", "K N O"),
    ("succeed", "S"),
    ("endorse", "K"),
    ("annotate", "K"),
    ("amend", "K O"),
    ("split", "K O"),
    ("merge", "K O"),
    ("pledge", "K N"),
    ("release", "X"),
    ("default_notice", "X"),
    ("enforce", "X N"),
    ("surrender", "K"),
    ("surrender_accept", "O"),
    ("surrender_reject", "O"),
    ("deliver_part", "K O"),
    ("present", "K"),
    ("bill_accept", "O"),
    ("dishonour", "O"),
    ("pay", "O K"),
    ("protest", "K"),
    ("notify", "K"),
    ("recourse", "K"),
    ("recourse_pay", "R K"),
    ("aval", "G K"),
    ("stop", "D"),
    ("cancel", "K O"),
];

impl Table {
    fn new() -> Self {
        let mut t = Traders::new();
        t.world.ops = Some(BTreeMap::new());
        t.court(&[
            "freeze",
            "unfreeze",
            "court_notice",
            "court_transfer",
            "court_amend",
            "court_annul",
        ]);
        let stranger =
            t.world.register_company("MY:SSM", "BRN", "202401000010", "TITIAN DEMO STRANGER");
        t.world.bind_business_key("MY:SSM", &stranger, &["etr.*"]);
        Self {
            t,
            stranger,
            profile: Value::Null,
            name: String::new(),
            numbers: 0,
            accepted: BTreeSet::new(),
            roles: BTreeSet::new(),
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
        let op = self.t.act_op(id, act, args.clone());
        let roles = mutations::check(&mut self.t, &op, parties, &self.stranger);
        self.roles.extend(roles);
        if !self.accepted.iter().any(|(_, known)| known == act) {
            mutations::bits(&self.t, &op, parties, act == "offer");
        }
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
    let data = json::parse(include_bytes!("../../../data/etr/acts.json")).expect("I-JSON");
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
    let changes =
        Value::List(vec![object(&[("name", Value::from("goods")), ("hash", digest.clone())])]);
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
        mutations::check_issue(&mut table);
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
    histories(&table.t);
    let each = |(act, roles): &(&str, &'static str)| {
        let act = (*act).to_owned();
        roles.split(' ').map(move |role| (act.clone(), role.to_owned()))
    };
    let signers: BTreeSet<(String, String)> = SIGNERS.iter().flat_map(each).collect();
    assert_eq!(table.roles, signers, "the roles that sign, as the refusals name them");
}

/// Every record has its whole history, from the op that made it on; and records were made by each act
/// that makes any.
fn histories(t: &Traders) {
    let kept = t.world.ops.as_ref().expect("they are kept");
    let mut made = BTreeSet::new();
    let ids = t.world.state.0.keys().filter_map(|key| key.strip_prefix(keys::RECORD_PREFIX));
    for id in ids.map(|id| std::str::from_utf8(id).expect("an id")) {
        for seq in 1..=t.get(id).public.seq {
            let op = kept.get(&(id.to_owned(), seq));
            let op = op.unwrap_or_else(|| panic!("{id} has no op that led to {seq}"));
            if seq == 1 {
                made.insert(op.get("act").and_then(Value::as_text).expect("an act").to_owned());
            }
        }
    }
    let makers = ["enforce", "issue", "issue_from_paper", "merge", "split"];
    assert_eq!(made, makers.map(str::to_owned).into());
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
