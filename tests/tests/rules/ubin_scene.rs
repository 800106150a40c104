//! Bodies and calls that the tests of the UBIN register share: one company of Singapore, its next
//! versions, and its registrar's officers.

use titian_contracts::error::Code;
use titian_contracts::execute::Receipt;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::Overlay;
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{Record, find};
use titian_tests::world::{World, company_body};

pub(crate) const R1: &[(&str, u64)] = &[("SG:ACRA", 1)];
pub(crate) const R2: &[(&str, u64)] = &[("SG:ACRA", 1), ("SG:ACRA", 2)];
/// A company number of SG-UEN with a right national check.
pub(crate) const LOCAL: &str = "199403865N";

pub(crate) fn text(value: &str) -> Value {
    Value::from(value)
}

pub(crate) fn body() -> Value {
    company_body("SG", "UEN", LOCAL, "TITIAN DEMO PTE LTD")
}

pub(crate) fn ubin_of(body: &Value) -> Ubin {
    let canonical = body.get("ubin").and_then(Value::as_text).expect("a body has a number");
    Ubin::parse_canonical(canonical).expect("canonical")
}

pub(crate) fn body_args(body: &Value) -> Value {
    Value::object([("body", body.clone())])
}

pub(crate) fn record(world: &World, ubin: &Ubin) -> Record {
    find(&Overlay::new(&world.state), ubin).expect("registered").1
}

/// The body of the next version: `old` with version, prev and the given members.
pub(crate) fn next(old: &Value, members: &[(&str, Value)]) -> Value {
    let version = old.get("version").and_then(Value::as_int).expect("a version");
    let next = old.with("version", Value::Int(version + 1)).with("prev", body_hash(old).into());
    members.iter().fold(next, |body, (name, value)| body.with(name, value.clone()))
}

pub(crate) fn status(code: &str) -> Value {
    Value::object([("code", text(code)), ("since", text("2026-06-30"))])
}

pub(crate) fn evidence() -> Value {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let piece = Value::object([("type", text("FILING")), ("digest", text(&digest))]);
    Value::List(vec![piece])
}

/// The next version with a status, and what goes with it.
pub(crate) fn moved(old: &Value, code: &str) -> Value {
    let mut members = vec![("status", status(code)), ("evidence", evidence())];
    if code == "DISSOLVED" {
        members.push(("endedOn", text("2026-06-30")));
    }
    let body = next(old, &members);
    if code == "DISSOLVED" { body } else { body.without("endedOn") }
}

/// What a meta write quotes of a record: number, version and sequence.
pub(crate) fn quote(world: &World, ubin: &Ubin) -> Value {
    let record = record(world, ubin);
    Value::object([
        ("ubin", Value::from(ubin.to_string())),
        ("version", Value::from(record.version)),
        ("metaSeq", Value::from(record.meta.seq)),
    ])
}

/// The same, with a reason.
pub(crate) fn quote_reason(world: &World, ubin: &Ubin) -> Value {
    quote(world, ubin).with("reason", text("OTHER"))
}

pub(crate) fn relation(kind: &str, target: &str) -> Value {
    Value::List(vec![Value::object([
        ("type", text(kind)),
        ("target", text(target)),
        ("from", text("2026-06-30")),
    ])])
}

/// A company of a state with its registrar's two officers: its body, registered.
pub(crate) fn company(world: &mut World, registrar: &str, scheme: &str, local: &str) -> Value {
    let body = company_body(&registrar[..2], scheme, local, "TITIAN DEMO");
    run(world, "register", &body, &[(registrar, 1)]).expect("the registrar may register");
    body
}

/// The value of a counter.
pub(crate) fn count(world: &World, metric: &str, cells: &[&str]) -> u64 {
    let key = titian_contracts::ubin::counter::counter_key(metric, cells);
    titian_contracts::ubin::counter::value(&Overlay::new(&world.state), &key)
}

/// Runs a body act with a reason.
pub(crate) fn run(
    world: &mut World,
    act: &str,
    body: &Value,
    signers: &[(&str, u64)],
) -> Result<Receipt, Code> {
    let args = match act {
        "register" | "update" | "confirm" => body_args(body),
        _ => body_args(body).with("reason", text("REQUEST")),
    };
    world.act(Register::Ubin, act, args, signers)
}

/// The error of an act, after making sure that it changed nothing.
pub(crate) fn refused(world: &mut World, act: &str, args: Value, signers: &[(&str, u64)]) -> Code {
    let before = world.state.0.clone();
    let code = world.act(Register::Ubin, act, args, signers).expect_err("the act is refused");
    assert_eq!(world.state.0, before, "a refused act changes nothing");
    code
}

/// A world with `body()` registered.
pub(crate) fn registered() -> (World, Value) {
    let mut world = World::new();
    let body = body();
    run(&mut world, "register", &body, R1).expect("the registrar may register");
    (world, body)
}
