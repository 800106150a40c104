//! The table of ubin.md §4 as a whole (ubin-api.md §14 T5): every act is prepared right and applies
//! as it stands; then each precondition that it shares with others is broken in turn, and its own
//! ones after that. One scene holds what every act needs; each try starts from it again.

mod bodies;
mod border;
mod marks;
mod others;

use crate::ubin_scene::{
    R1, R2, body_args, evidence, moved, next, quote, quote_reason, relation, run, status, text,
    ubin_of,
};
use titian_contracts::access::scope;
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::execute::{self, BlockInfo, DryRun};
use titian_contracts::json::Value;
use titian_contracts::op::{self, Op, Register};
use titian_contracts::state::MemoryState;
use titian_contracts::time::DAY_MS;
use titian_contracts::ubin::scheme::SchemeTable;
use titian_tests::world::{World, company_body, outcome_of};

const SG_ROOT: &[(&str, u64)] = &[("SG", 1), ("SG", 2)];
const MY_ROOT: &[(&str, u64)] = &[("MY", 1), ("MY", 2)];
const MY2: &[(&str, u64)] = &[("MY:SSM", 1), ("MY:SSM", 2)];

/// Who signs: the role of `*_prepare`, who of them, and the scope or "" for a root.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    R1,
    R2,
    Root,
    Party,
}

/// An act of the table with arguments that apply in the scene.
struct Row {
    act: &'static str,
    role: Role,
    signers: &'static [(&'static str, u64)],
    args: Value,
    /// Members that may be left out.
    optional: &'static [&'static str],
    /// Where a number stands, and the error if it holds nothing, only forwards, or has ended; none
    /// where that is no fault.
    numbers: Vec<(Vec<&'static str>, Option<Code>, Option<Code>)>,
    /// Its own preconditions.
    own: Vec<(&'static str, Value, Code)>,
}

/// Numbers of the scene. All are of SG-UEN but the last two.
const FIRST: &str = "199403865N";
const SECOND: &str = "201912345K";
const SUSPENDED: &str = "202112345A";
const DISSOLVED: &str = "202212345A";
const ANNULLED: &str = "202312345A";
const ALIAS: &str = "202412345A";
const LEAVING: &str = "202512345A";
const MERGING: &str = "202512346A";
const CONVERTED: &str = "202512347A";
const FREE: &str = "199612345K";
const GAINING: &str = "202401000002";
const ABROAD: &str = "202501000007";

fn sg(local: &str) -> Value {
    company_body("SG", "UEN", local, "TITIAN DEMO")
}

fn my(local: &str) -> Value {
    company_body("MY", "BRN", local, "TITIAN DEMO")
}

fn name_of(body: &Value) -> Value {
    body.get("ubin").expect("set").clone()
}

fn reasoned(body: &Value) -> Value {
    body_args(body).with("reason", text("REQUEST"))
}

/// Everything that acts of the table work on.
struct Scene {
    world: World,
    start: MemoryState,
    /// Open consents: to relocate LEAVING, to merge MERGING.
    relocate: Digest,
    merge: Digest,
    /// An open challenge of FIRST, and an acknowledged one of SECOND.
    open: Digest,
    acknowledged: Digest,
}

fn id_of(world: &World, act: &str, args: &Value) -> Digest {
    op::digest_of(Register::Ubin, &world.op(Register::Ubin, act, args.clone()))
}

fn consent(world: &World, body: &Value, kind: &str) -> Value {
    let args = Value::object([
        ("kind", text(kind)),
        ("ubin", name_of(body)),
        ("version", Value::Int(1)),
        ("toAms", text("MY")),
        ("toScheme", text("BRN")),
        ("expiresMs", Value::from(world.time_ms + 30 * DAY_MS)),
    ]);
    if kind == "MERGE" { args.with("successorUbin", name_of(&my(ABROAD))) } else { args }
}

fn challenge(body: &Value, ground: &str) -> Value {
    Value::object([
        ("by", name_of(&my(ABROAD))),
        ("ubin", name_of(body)),
        ("version", Value::Int(1)),
        ("ground", text(ground)),
        ("fields", Value::List(vec![text("/legalName/value")])),
        ("evidence", evidence()),
    ])
}

fn scene() -> Scene {
    let mut world = World::new();
    for local in [FIRST, SECOND, SUSPENDED, DISSOLVED, ANNULLED, LEAVING, MERGING, CONVERTED] {
        run(&mut world, "register", &sg(local), R1).expect("registered");
    }
    let abroad = world.register_company("MY:SSM", "BRN", ABROAD, "CHALLENGER");
    world.bind_business_key("MY:SSM", &abroad, &["etr.*", "ubin.challenge_*"]);
    let mut act = |act: &str, args: Value, signers: &[(&str, u64)]| {
        let id = id_of(&world, act, &args);
        world.act(Register::Ubin, act, args, signers).unwrap_or_else(|c| panic!("{act}: {c:?}"));
        id
    };
    let suspended = next(&sg(SUSPENDED), &[("status", status("SUSPENDED"))]);
    act("suspend", reasoned(&suspended), R1);
    act("dissolve", reasoned(&moved(&sg(DISSOLVED), "DISSOLVED")), R2);
    let alias = Value::object([("ubin", name_of(&sg(SECOND))), ("alias", name_of(&sg(ALIAS)))]);
    act("alias_add", alias, R1);
    let key = [(abroad.as_str(), 1)];
    let open = act("challenge_open", challenge(&sg(FIRST), "NAME"), &key);
    let acknowledged = act("challenge_open", challenge(&sg(SECOND), "NAME"), &key);
    act("challenge_ack", Value::object([("id", acknowledged.into())]), R1);
    let annul = quote_reason(&world, &ubin_of(&sg(ANNULLED)));
    world.act(Register::Ubin, "annul", annul, R2).expect("annulled");
    let new = company_body("SG", "UEN", "T24LL0001A", "TITIAN DEMO LLP")
        .with("relations", relation("SUCCESSOR_OF", &ubin_of(&sg(CONVERTED)).to_string()));
    let convert = quote_reason(&world, &ubin_of(&sg(CONVERTED))).with("body", new);
    world.act(Register::Ubin, "convert", convert, R2).expect("converted");
    let mut consented = |local: &str, kind: &str| {
        let args = consent(&world, &sg(local), kind);
        let id = id_of(&world, "consent_out", &args);
        world.act(Register::Ubin, "consent_out", args, R2).expect("consented");
        id
    };
    let (relocate, merge) = (consented(LEAVING, "RELOCATE"), consented(MERGING, "MERGE"));
    let start = world.state.clone();
    Scene { world, start, relocate, merge, open, acknowledged }
}

impl Scene {
    /// Runs an act on the scene; the scene stays as it was.
    fn attempt(&mut self, act: &str, args: &Value, signers: &[(&str, u64)]) -> Result<(), Code> {
        let op = self.world.sign(&self.world.op(Register::Ubin, act, args.clone()), signers);
        let (height, time_ms) = (self.world.height, self.world.time_ms);
        let result = outcome_of(self.world.run(&op)).map(|_| ());
        if result.is_err() {
            assert_eq!(self.world.state.0, self.start.0, "{act}: a refused act changes nothing");
        }
        self.world.state = self.start.clone();
        (self.world.height, self.world.time_ms) = (height, time_ms);
        result
    }

    fn prepare(&self, act: &str, args: &Value) -> DryRun {
        let op = self.world.op(Register::Ubin, act, args.clone());
        let op = Op::from_value(op).expect("an op");
        let world = &self.world;
        let chain = &world.genesis.chain;
        let block = BlockInfo { chain, height: world.height + 1, time_ms: world.time_ms };
        execute::dry_run(block, op, &world.state)
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = self.body_rows();
        rows.extend(self.meta_rows());
        rows.extend(self.border_rows());
        rows.extend(self.other_rows());
        rows
    }
}

/// `value` with what stands at `way` replaced.
fn put_at(value: &Value, way: &[&str], new: &Value) -> Value {
    let Some((name, rest)) = way.split_first() else { return new.clone() };
    match value {
        Value::List(items) => {
            let at: usize = name.parse().expect("a place");
            let mut items = items.clone();
            items[at] = put_at(&items[at], rest, new);
            Value::List(items)
        }
        object => object.with(name, put_at(object.get(name).expect("there"), rest, new)),
    }
}

/// The arguments with another number; a body that names it shows no other.
fn renamed(args: &Value, way: &[&str], number: &Value) -> Value {
    let args = put_at(args, way, number);
    if way == ["body", "ubin"] {
        let body = args.get("body").expect("set").without("displayId");
        return args.with("body", body);
    }
    args
}

#[test]
fn t05_the_table_has_a_row_for_each_act() {
    let (_, acts) = scope::ACTS.iter().find(|(register, _)| *register == "ubin").expect("known");
    let rows = scene().rows();
    let mut named: Vec<&str> = rows.iter().map(|row| row.act).collect();
    // bulk import has tests of its own (T13)
    named.push("import_chunk");
    named.sort_unstable();
    let mut acts = acts.to_vec();
    acts.sort_unstable();
    assert_eq!(named, acts);
}

#[test]
fn t05_every_act_is_prepared_right_and_applies() {
    let mut scene = scene();
    for row in scene.rows() {
        let found = scene.prepare(row.act, &row.args);
        assert_eq!(found.fails, None, "{}", row.act);
        assert!(!found.events.is_empty(), "{}", row.act);
        let need = found.needs.first().unwrap_or_else(|| panic!("{}: no signer", row.act));
        let cc = &row.signers[0].0[..2];
        let due = match row.role {
            Role::R1 => ("R1", format!("{cc}:*"), 1),
            Role::R2 => ("R2", format!("{cc}:*"), 2),
            Role::Root => ("root", cc.to_owned(), 2),
            Role::Party => ("party", row.signers[0].0.to_owned(), 1),
        };
        assert_eq!((need.role.as_str(), need.party.clone(), need.count), due, "{}", row.act);
        let scoped = need.scope.starts_with(&format!("ubin.{}:", row.act));
        assert_eq!(scoped, row.role != Role::Root, "{}: {}", row.act, need.scope);
        assert_eq!(scene.attempt(row.act, &row.args, row.signers), Ok(()), "{}", row.act);
    }
}

#[test]
fn t05_every_act_asks_for_its_signers_before_its_content() {
    let mut scene = scene();
    for row in scene.rows() {
        let mut expect = |what: &str, signers: &[(&str, u64)], due: Code| {
            let found = scene.attempt(row.act, &row.args, signers);
            assert_eq!(found.map_err(Code::name), Err(due.name()), "{}: {what}", row.act);
        };
        let own = &row.signers[0].0[..2];
        let (foreign, root): (&[(&str, u64)], _) =
            if own == "SG" { (MY2, SG_ROOT) } else { (R2, MY_ROOT) };
        expect("another state", foreign_of(&row, foreign), Code::NotOwner);
        let mixed: Vec<(&str, u64)> = row.signers.iter().chain(foreign).copied().collect();
        let mut mixed = mixed;
        mixed.sort_unstable();
        expect("both states", &mixed, Code::NotOwner);
        expect("nobody", &[], Code::QuorumMissing);
        match row.role {
            Role::R2 => expect("one officer", &row.signers[..1], Code::QuorumMissing),
            Role::Root => {
                expect("one root key", &row.signers[..1], Code::QuorumMissing);
                expect("the registrar", R2, Code::QuorumMissing);
            }
            Role::Party => expect("its registrar", MY2, Code::QuorumMissing),
            Role::R1 => {}
        }
        if matches!(row.role, Role::R1 | Role::R2) {
            expect("the root of the state", root, Code::ScopeDenied);
        }
    }
}

/// Keys of a state to which the act of a row does not belong.
fn foreign_of<'a>(row: &Row, foreign: &'a [(&'a str, u64)]) -> &'a [(&'a str, u64)] {
    if row.role == Role::Root { MY_ROOT } else { foreign }
}

#[test]
fn t05_every_member_is_asked_for_and_no_other_is_taken() {
    let mut scene = scene();
    for row in scene.rows() {
        let mut expect = |what: &str, args: Value, due: Code| {
            let found = scene.attempt(row.act, &args, row.signers);
            assert_eq!(found.map_err(Code::name), Err(due.name()), "{}: {what}", row.act);
        };
        expect("unknown member", row.args.with("remark", text("x")), Code::Malformed);
        for (name, _) in row.args.as_object().expect("an object") {
            let needed = !row.optional.contains(&name.as_str()) && name != "reason";
            if needed {
                expect(&format!("no {name}"), row.args.without(name), Code::Malformed);
            }
            let wrong = row.args.with(name, Value::from(true));
            expect(&format!("{name} is a flag"), wrong, Code::Malformed);
        }
        for name in ["version", "metaSeq"] {
            if row.act == "scheme_suspend" {
                continue; // quotes the version of a scheme: SCHEME_VERSION
            }
            if let Some(Value::Int(version)) = row.args.get(name) {
                let ahead = row.args.with(name, Value::Int(version + 1));
                expect(&format!("{name} ahead"), ahead, Code::VersionConflict);
            }
        }
        if let Some(body) = row.args.get("body") {
            let with = |name: &str, value: Value| row.args.with("body", body.with(name, value));
            let version = body.get("version").and_then(Value::as_int).expect("set");
            expect(
                "version ahead",
                with("version", Value::Int(version + 1)),
                Code::VersionConflict,
            );
            expect("another prev", with("prev", Digest::ZERO.into()), Code::VersionConflict);
            expect("unknown member of the body", with("remark", text("x")), Code::Malformed);
            expect("no format", with("v", Value::Int(2)), Code::Malformed);
        }
    }
}

#[test]
fn t05_every_number_is_read_and_looked_up() {
    let mut scene = scene();
    for row in scene.rows() {
        for (way, missing, ended) in &row.numbers {
            let mut expect = |what: &str, number: &str, due: Code| {
                let args = renamed(&row.args, way, &text(number));
                let found = scene.attempt(row.act, &args, row.signers);
                let place = format!("{} {way:?}: {what}", row.act);
                assert_eq!(found.map_err(Code::name), Err(due.name()), "{place}");
            };
            expect("check", "SG-UEN-199403865N-G8", Code::UbinCheckFailed);
            expect("country", "XX-UEN-199403865N-G8", Code::UbinCountryUnknown);
            expect("scheme", "SG-ABC-199403865N-G8", Code::UbinSchemeUnknown);
            expect("length", "SG-UEN--G8", Code::UbinLocalLength);
            expect("of a person", "SG-UEN-S0000000X-00", Code::PersonalNumberRefused);
            expect("another spelling", "sg-uen-199403865n-g7", Code::Malformed);
            expect("nothing", "", Code::UbinEmpty);
            expect("too long", &"S".repeat(129), Code::UbinTooLong);
            expect("a character", "SG-UEN-199403865Ö-G7", Code::UbinChar);
            let own = &row.signers[0].0[..2];
            if own == "SG" || row.act == "challenge_open" {
                let free = ubin_of(&sg("199712345K")).to_string();
                let alias = ubin_of(&sg(ALIAS)).to_string();
                let annulled = ubin_of(&sg(ANNULLED)).to_string();
                if let Some(missing) = missing {
                    expect("not registered", &free, *missing);
                    expect("only forwards", &alias, *missing);
                }
                if let Some(ended) = ended {
                    expect("annulled", &annulled, *ended);
                }
            } else if let Some(missing) = missing {
                expect("not registered", &ubin_of(&my("202601000001")).to_string(), *missing);
            }
        }
    }
}

#[test]
fn t05_every_act_has_its_own_preconditions() {
    let mut scene = scene();
    for row in scene.rows() {
        for (what, args, due) in &row.own {
            let found = scene.attempt(row.act, args, row.signers);
            assert_eq!(found.map_err(Code::name), Err(due.name()), "{}: {what}", row.act);
            let prepared = scene.prepare(row.act, args).fails.map(|reject| reject.code.name());
            assert_eq!(prepared, Some(due.name()), "{}: {what}, prepared", row.act);
        }
    }
}
