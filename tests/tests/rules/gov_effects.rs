//! What accepted proposals change (ledger.md §8): types of records and their end, regional credential
//! types and resources, regimes and legal effect of countries outside the network, k of small cells.

use titian_contracts::access;
use titian_contracts::credential::{self, CredentialType, Resource, ResourceKind};
use titian_contracts::error::Code;
use titian_contracts::etr::legal::{self, Effect, LegalEffect, Regime};
use titian_contracts::etr::{keys, profile as profiles};
use titian_contracts::execute::Receipt;
use titian_contracts::governance::proposal::{Decision, Phase, Proposals, proposals_key};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::{Overlay, decode_content};
use titian_contracts::ubin::kpi::{self, Question};
use titian_tests::etr::{Traders, with_ack, with_arg};
use titian_tests::etr_types::{at, object, profile, texts};
use titian_tests::world::World;

use super::credential_types::{CONTEXT, SCHEMA, resource};
use super::gov_proposals::{by_root, floor, open, opening, pass, refused, stored, voting};

fn body(entry: &str, value: Value) -> Value {
    Value::object([("entry", Value::from(entry)), ("value", value)])
}

/// Opens a proposal of kind `profile` and votes for it until it is in force.
fn adopt(world: &mut World, entry: &str, value: Value) {
    let no = open(world, "profile", body(entry, value));
    assert_eq!(pass(world, no), Phase::InForce, "{entry}");
}

/// A proposal of kind `profile` is refused when it is opened; gives the field.
fn never(world: &mut World, entry: &str, value: Value, code: Code) -> String {
    let found = world.state.0.get(&proposals_key());
    let last: Proposals =
        found.and_then(|stored| decode_content(&stored.content)).unwrap_or_default();
    let args = opening("SG", last.last + 1, "profile", body(entry, value));
    refused(world, "proposal_open", args, "SG", code)
}

fn next_version(id: &str) -> Value {
    profile(id).with("version", Value::Int(2)).with("name", Value::from("As of 2026"))
}

#[test]
fn a_record_is_issued_under_a_new_version_and_older_ones_keep_theirs() {
    let mut t = Traders::new();
    let (sg, vn, th) = (t.sg.clone(), t.vn.clone(), t.th.clone());
    let bill = profile("bl-order");
    let second = |t: &Traders, reference: &str| {
        with_arg(&t.issue_op(&bill, reference), "profile", Value::from("bl-order@2"))
    };
    let old = t.issue(&bill, "OLD-1");
    let op = second(&t, "NEW-1");
    assert_eq!(t.run(&op, &[&sg, &vn]).map(|_| ()), Err(Code::UnknownProfile), "not yet");
    let no = open(&mut t.world, "profile", body("etrProfile", next_version("bl-order")));
    let op = second(&t, "NEW-1");
    assert_eq!(t.run(&op, &[&sg, &vn]).map(|_| ()), Err(Code::UnknownProfile), "only proposed");
    assert_eq!(pass(&mut t.world, no), Phase::InForce);
    assert_eq!(stored(&t.world, no).subject, "bl-order@2");
    let op = second(&t, "NEW-1");
    t.run(&op, &[&sg, &vn]).expect("issued under the new version");
    let new = t.id_of(&bill, "NEW-1");
    let of = |t: &Traders, id: &str| t.get(id).public.profile;
    assert_eq!((of(&t, &old), of(&t, &new)), ("bl-order@1".to_owned(), "bl-order@2".to_owned()));
    // what stands is what was voted on, byte for byte
    let value = profiles::value_of(&Overlay::new(&t.world.state), "bl-order@2");
    assert_eq!(value.map(|value| value.to_jcs()), Some(next_version("bl-order").to_jcs()));

    // the first version ends: no more issue, all other acts go on
    adopt(&mut t.world, "etrWithdrawal", object(&[("profile", Value::from("bl-order@1"))]));
    let op = t.issue_op(&bill, "OLD-2");
    assert_eq!(t.run(&op, &[&sg, &vn]).map(|_| ()), Err(Code::UnknownProfile));
    let offer = t.offer_args(&th, Some("special"));
    t.act(&old, "offer", offer, &[&vn]).expect("a record keeps its version for life");
    let accept = titian_tests::etr::accept_args();
    t.act(&old, "accept", accept, &[&th]).expect("accepted");
    assert_eq!(of(&t, &old), "bl-order@1");
    let op = second(&t, "NEW-2");
    t.run(&op, &[&sg, &vn]).expect("the other version goes on");
}

#[test]
fn a_proposed_profile_passes_the_checks_of_the_genesis() {
    let mut t = Traders::new();
    let world = &mut t.world;
    let second = || next_version("bl-order");
    let mut no = |value: Value, code: Code| never(world, "etrProfile", value, code);
    assert_eq!(
        no(second().with("version", Value::Int(1)), Code::TypeExists),
        "/args/body/value/version"
    );
    let gap = second().with("version", Value::Int(3));
    assert_eq!(no(gap, Code::VersionConflict), "/args/body/value/version");
    let other = second().with("id", Value::from("bl-other"));
    assert_eq!(no(other, Code::VersionConflict), "/args/body/value/version");
    // one rule of each kind: form, L1, L6 in its three parts, L8
    assert_eq!(no(second().with("more", Value::Int(1)), Code::ProfileInvalid), "/schema");
    assert_eq!(no(second().without("lapse"), Code::ProfileInvalid), "/schema");
    let titled = |initial: &[&str]| {
        second().with("title", at(&second(), "title").with("initial", texts(initial)))
    };
    assert_eq!(no(titled(&["named"]), Code::ProfileInvalid), "/L1");
    let into = |ids: &[&str]| {
        second().with("surrender", at(&second(), "surrender").with("exchange_to", texts(ids)))
    };
    assert_eq!(no(into(&[]), Code::ProfileInvalid), "/L6");
    assert_eq!(no(into(&["promissory-note"]), Code::ProfileInvalid), "/L6");
    assert_eq!(no(into(&["nothing-known"]), Code::ProfileInvalid), "/L6");
    let spans = Value::List(vec![Value::Int(60), Value::Int(50), Value::Int(70)]);
    let hasty = second().with("transfer", at(&second(), "transfer").with("offer_s", spans));
    assert_eq!(no(hasty, Code::ProfileInvalid), "/L8");
    let note = next_version("promissory-note").with("id", Value::from("bl-order"));
    assert_eq!(no(note, Code::ProfileInvalid), "/L6");
    assert_eq!(never(world, "surprise", second(), Code::Malformed), "/args/body/entry");

    // a new type may exchange into itself and others of its family
    let fresh = second().with("id", Value::from("bl-other")).with("version", Value::Int(1));
    let kinds = at(&fresh, "surrender").with("exchange_to", texts(&["bl-other", "bl-order"]));
    adopt(world, "etrProfile", fresh.with("surrender", kinds));
    assert!(profiles::load(&Overlay::new(&world.state), "bl-other@1").is_some());

    let end = |name: &str| object(&[("profile", Value::from(name))]);
    for name in ["bl-order@2", "nothing-known@1", "bl-order", ""] {
        never(world, "etrWithdrawal", end(name), Code::UnknownProfile);
    }
    adopt(world, "etrWithdrawal", end("cheque@1"));
    never(world, "etrWithdrawal", end("cheque@1"), Code::BadTransition);
    assert!(world.state.0.contains_key(&keys::profile_withdrawn("cheque@1")));
}

#[test]
fn of_two_versions_of_one_number_the_second_to_pass_is_rejected_whole() {
    let mut world = World::new();
    let other = next_version("bl-order").with("name", Value::from("Another text"));
    let first = open(&mut world, "profile", body("etrProfile", next_version("bl-order")));
    let second = open(&mut world, "profile", body("etrProfile", other));
    assert_eq!(pass(&mut world, second), Phase::InForce);
    let kept = world.state.0[&keys::profile("bl-order@2")].clone();
    assert_eq!(pass(&mut world, first), Phase::Rejected);
    let ended = stored(&world, first).ended.expect("ended").decision;
    assert_eq!(ended, Decision::Rejected(Some(Code::TypeExists.number())));
    assert_eq!(world.state.0[&keys::profile("bl-order@2")].content, kept.content);
}

#[test]
fn who_follows_events_of_credentials_learns_of_regional_ones_when_they_are_decided() {
    let mut world = World::new();
    let schema = resource("ASEAN", "jsonSchema", "grade", 1, SCHEMA);
    let args = opening("SG", 1, "profile", body("credentialResource", schema));
    let opened = by_root(&mut world, "proposal_open", args, "SG").expect("opened");
    let names = |receipt: &Receipt| -> Vec<(String, String)> {
        let events = receipt.events.iter();
        events.map(|event| (event.name.clone(), event.subject.clone())).collect()
    };
    let event = |name: &str, subject: &str| (name.to_owned(), subject.to_owned());
    assert_eq!(names(&opened), [event("gov.proposal_open", "1")]);
    let states = ["SG", "MY", "TH", "VN", "ID", "PH", "BN", "KH"];
    for (i, cc) in states.into_iter().enumerate() {
        let args = voting(&world, 1, cc, "yes");
        let receipt = by_root(&mut world, "proposal_vote", args, cc).expect("a vote");
        let mut due = vec![event("gov.proposal_vote", "1")];
        if i + 1 == states.len() {
            due.insert(0, event("vc.resource_publish", "ASEAN/schema/grade/1"));
        }
        assert_eq!(names(&receipt), due, "{cc}");
    }
}

fn regional(name: &str) -> Value {
    object(&[
        ("owner", Value::from("ASEAN")),
        ("name", Value::from(name)),
        ("schemas", texts(&["ASEAN/schema/grade/1"])),
        ("contexts", texts(&["ASEAN/context/grade/1"])),
        ("naturalPersonData", Value::Bool(false)),
        ("singleUse", Value::Bool(false)),
        ("profiles", texts(&["revocation"])),
        ("validityMaxDays", Value::Int(30)),
    ])
}

#[test]
fn a_regional_type_and_its_resources_pass_the_checks_of_the_register() {
    let mut world = World::new();
    let world = &mut world;
    let context = CONTEXT.replace("did:ubin:SG/", "did:ubin:ASEAN/");
    let schema = |text: &str| resource("ASEAN", "jsonSchema", "grade", 1, text);
    // the linter, the owner, the order of versions
    let lax = SCHEMA.replace(",\"x-titian-class\":\"public\"", "");
    never(world, "credentialResource", schema(&lax), Code::ClassMissing);
    let birth = SCHEMA.replace("\"grade\"", "\"dateOfBirth\"");
    never(world, "credentialResource", schema(&birth), Code::PersonalField);
    let own = resource("SG", "jsonSchema", "grade", 1, SCHEMA);
    let field = never(world, "credentialResource", own, Code::NotOwner);
    assert_eq!(field, "/args/body/value/owner");
    let second = resource("ASEAN", "jsonSchema", "grade", 2, SCHEMA);
    let field = never(world, "credentialResource", second.clone(), Code::VersionConflict);
    assert_eq!(field, "/args/body/value/version");
    let field = never(world, "credentialType", regional("Grade"), Code::UnknownResource);
    assert_eq!(field, "/args/body/value/schemas/0");
    adopt(world, "credentialResource", schema(SCHEMA));
    adopt(world, "credentialResource", resource("ASEAN", "jsonldContext", "grade", 1, &context));
    never(world, "credentialResource", schema(SCHEMA), Code::ResourceExists);
    adopt(world, "credentialResource", second);

    let personal = regional("Grade").with("naturalPersonData", Value::Bool(true));
    never(world, "credentialType", personal, Code::ClassMismatch);
    never(world, "credentialType", regional("grade"), Code::FieldLimit);
    let taken = never(world, "credentialType", regional("MCCAdoption"), Code::TypeExists);
    assert_eq!(taken, "/args/body/value/name");
    let own = regional("Grade").with("owner", Value::from("SG"));
    never(world, "credentialType", own, Code::NotOwner);
    adopt(world, "credentialType", regional("Grade"));
    let key = credential::type_key("ASEAN", "Grade");
    let read = |world: &World| -> CredentialType {
        decode_content(&world.state.0[&key].content).expect("the type")
    };
    assert_eq!((read(world).owner, read(world).deprecated), ("ASEAN".to_owned(), false));

    let id = |text: &str| object(&[("id", Value::from(text))]);
    never(world, "typeDeprecation", id("ASEAN/Nothing"), Code::UnknownType);
    never(world, "typeDeprecation", id("SG/Grade"), Code::NotOwner);
    adopt(world, "typeDeprecation", id("ASEAN/Grade"));
    never(world, "typeDeprecation", id("ASEAN/Grade"), Code::BadTransition);
    assert!(read(world).deprecated);
    never(world, "resourceDeprecation", id("ASEAN/schema/grade/9"), Code::UnknownResource);
    never(world, "resourceDeprecation", id("SG/schema/grade/1"), Code::NotOwner);
    adopt(world, "resourceDeprecation", id("ASEAN/schema/grade/2"));
    never(world, "resourceDeprecation", id("ASEAN/schema/grade/2"), Code::BadTransition);
    let key = credential::resource_key("ASEAN", ResourceKind::JsonSchema, "grade", 2);
    let marked: Resource = decode_content(&world.state.0[&key].content).expect("the resource");
    assert!(marked.deprecated);
}

#[test]
fn a_name_that_a_state_uses_does_not_become_regional() {
    let mut world = World::new();
    let root = [("MY", 1), ("MY", 2)];
    for args in [
        resource("MY", "jsonSchema", "grade", 1, SCHEMA),
        resource("MY", "jsonldContext", "grade", 1, &CONTEXT.replace(":SG/", ":MY/")),
    ] {
        world.act(Register::Vc, "resource_publish", args, &root).expect("published");
    }
    let own = regional("Grade")
        .with("owner", Value::from("MY"))
        .with("schemas", texts(&["MY/schema/grade/1"]))
        .with("contexts", texts(&["MY/context/grade/1"]));
    world.act(Register::Vc, "type_publish", own, &root).expect("published");
    for (kind, text) in
        [("jsonSchema", SCHEMA.to_owned()), ("jsonldContext", CONTEXT.replace(":SG/", ":ASEAN/"))]
    {
        adopt(&mut world, "credentialResource", resource("ASEAN", kind, "grade", 1, &text));
    }
    never(&mut world, "credentialType", regional("Grade"), Code::TypeExists);
    adopt(&mut world, "credentialType", regional("Mark"));
}

fn abroad(version: i64, policy: &str) -> Value {
    let all = |word: &str| {
        let of = |verdict: &str| Value::from(if verdict == "full" { "allow" } else { word });
        object(&["contractual", "excluded", "full", "unknown"].map(|name| (name, of(name))))
    };
    object(&[
        ("ams", Value::from("GB")),
        ("class", Value::from("*")),
        ("instrument", Value::from("other")),
        ("status", Value::from("in_force")),
        ("sinceMs", Value::Int(1_695_168_000_000)),
        ("citation", Value::from("Electronic Trade Documents Act 2023")),
        ("excludes", texts(&[])),
        ("presumption", Value::from("none")),
        ("policy", all(policy)),
        ("version", Value::Int(version)),
    ])
}

fn regime(id: &str, country: &str, version: i64) -> Value {
    object(&[
        ("id", Value::from(id)),
        ("country", Value::from(country)),
        ("citation", Value::from("Electronic Trade Documents Act 2023")),
        ("version", Value::Int(version)),
    ])
}

#[test]
fn a_country_outside_the_network_comes_in_as_advice() {
    let mut t = Traders::new();
    let (sg, vn) = (t.sg.clone(), t.vn.clone());
    let bill = profile("bl-order");
    let under = |t: &Traders, reference: &str, ack: &[&str]| {
        let op = with_arg(&t.issue_op(&bill, reference), "regime", Value::from("GB-ETDA-2023"));
        with_ack(&op, ack)
    };
    let op = under(&t, "GB-1", &["VN:unknown"]);
    assert_eq!(t.run(&op, &[&sg, &vn]).map(|_| ()), Err(Code::RegimeUnknown));

    let world = &mut t.world;
    let field = never(world, "regime", regime("TH-ETA", "TH", 1), Code::NotOwner);
    assert_eq!(field, "/args/body/value/country", "a state of the network says it itself");
    never(world, "regime", regime("GB-ETDA-2023", "FR", 1), Code::Malformed);
    never(world, "regime", regime("gb-ETDA", "gb", 1), Code::Malformed);
    never(world, "regime", regime("GB-ETDA-2023", "GB", 2), Code::VersionConflict);
    adopt(world, "regime", regime("GB-ETDA-2023", "GB", 1));
    never(world, "regime", regime("GB-ETDA-2023", "GB", 1), Code::VersionConflict);
    let entry: Regime =
        decode_content(&world.state.0[&legal::regime_key("GB-ETDA-2023")].content).expect("it");
    assert!(entry.advisory && entry.country == "GB");

    // of a country without an entry nothing is known; with one it says so, and at most warns
    let op = under(&t, "GB-1", &["GB:unknown", "VN:unknown"]);
    t.run(&op, &[&sg, &vn]).expect("issued under the regime");
    let world = &mut t.world;
    let field = never(world, "legalEffect", abroad(1, "block"), Code::Malformed);
    assert_eq!(field, "/args/body/value/policy");
    let home = abroad(1, "warn").with("ams", Value::from("TH"));
    let field = never(world, "legalEffect", home, Code::NotOwner);
    assert_eq!(field, "/args/body/value/ams");
    never(world, "legalEffect", abroad(2, "warn"), Code::VersionConflict);
    adopt(world, "legalEffect", abroad(1, "warn"));
    never(world, "legalEffect", abroad(1, "warn"), Code::VersionConflict);
    let op = under(&t, "GB-2", &["VN:unknown"]);
    t.run(&op, &[&sg, &vn]).expect("a statute in force is nothing to warn of");
    adopt(&mut t.world, "legalEffect", abroad(2, "allow"));
    let entry: LegalEffect =
        decode_content(&t.world.state.0[&legal::effect_key("GB", "*")].content).expect("it");
    assert_eq!((entry.version, entry.policy.unknown), (2, Effect::Allow));
    // the own acts of states stay what they were: nobody signs for a country that has no keys
    let args = object(&[("entry", regime("GB-OTHER", "GB", 1))]);
    refused(&mut t.world, "regime_set", args, "SG", Code::PartyUnknown);
}

const METRIC: &str = "ubin_women_owned";

fn attestation(version: i64, counts: [Option<u64>; 3]) -> Value {
    let row = |counts: [Option<u64>; 3]| {
        let cells = ["NO", "UNDECLARED", "YES"].into_iter().zip(counts);
        Value::object(cells.map(|(name, count)| (name, Value::from(count))))
    };
    let cells = object(&[("MICRO", row(counts)), ("SMALL", row([Some(80), Some(70), Some(60)]))]);
    object(&[
        ("cc", Value::from("SG")),
        ("metric", Value::from(METRIC)),
        ("period", Value::from("2026-Q2")),
        ("version", Value::Int(version)),
        ("cells", cells),
    ])
}

fn answer(world: &World) -> Value {
    let question = Question { metric: METRIC.to_owned(), ..Question::default() };
    kpi::table(&world.state, &question, world.time_ms).expect("a known question")
}

fn row_of(answer: &Value, row: &str) -> Vec<Value> {
    let rows = answer.get("rows").and_then(Value::as_list).expect("rows");
    let of_row =
        rows.iter().filter_map(Value::as_list).filter(|cells| cells[2] == Value::from(row));
    of_row.map(|cells| cells[4].clone()).collect()
}

#[test]
fn a_higher_floor_for_small_cells_holds_for_what_is_attested_and_for_what_is_shown() {
    let mut world = World::new();
    let acra: &[(&str, u64)] = &[("SG:ACRA", 1)];
    let act = "attest_counts";
    let attest =
        |world: &mut World, args: Value| world.act(Register::Ubin, act, args, acra).map(|_| ());
    attest(&mut world, attestation(1, [Some(20), Some(6), Some(7)])).expect("k is 5");
    let before = answer(&world);
    assert_eq!(before.get("floor"), Some(&Value::Int(5)));
    assert_eq!(row_of(&before, "MICRO"), [20, 6, 7].map(Value::Int));

    let no = open(&mut world, "parameter", floor(8));
    assert_eq!(pass(&mut world, no), Phase::InForce);
    // a table of before is cut to the floor of now, and no column tells what is missing in it
    let after = answer(&world);
    assert_eq!(after.get("floor"), Some(&Value::Int(8)));
    let hidden = || Value::from("withheld");
    assert_eq!(row_of(&after, "MICRO"), [Value::Int(20), hidden(), hidden()]);
    assert_eq!(row_of(&after, "SMALL"), [Value::Int(80), hidden(), hidden()]);
    let low = attest(&mut world, attestation(2, [Some(20), Some(8), Some(7)]));
    assert_eq!(low, Err(Code::SmallCell));
    attest(&mut world, attestation(2, [Some(20), Some(8), Some(9)])).expect("8 may be shown");
    assert_eq!(row_of(&answer(&world), "MICRO"), [20, 8, 9].map(Value::Int));

    // back to the floor of the specification, never below
    let no = open(&mut world, "parameter", floor(5));
    assert_eq!(pass(&mut world, no), Phase::InForce);
    attest(&mut world, attestation(3, [Some(20), Some(5), Some(7)])).expect("5 again");
    let args = opening("SG", no + 1, "parameter", floor(4));
    refused(&mut world, "proposal_open", args, "SG", Code::LimitExceeded);
}

#[test]
fn the_members_who_vote_are_those_of_the_genesis() {
    let mut world = World::new();
    let members = access::members(&Overlay::new(&world.state));
    let named: Vec<String> = world.genesis.members.iter().map(|m| m.cc.clone()).collect();
    assert_eq!(members, named);
    let no = open(&mut world, "parameter", floor(8));
    assert_eq!(stored(&world, no).members, named.len() as u64);
    // observers have a voice: of eleven states four run validators
    for cc in &named {
        if stored(&world, no).phase(world.time_ms) == Phase::Voting {
            let vote = voting(&world, no, cc, "yes");
            by_root(&mut world, "proposal_vote", vote, cc).expect("a vote");
        }
    }
    assert_eq!(stored(&world, no).phase(world.time_ms), Phase::InForce);
}
