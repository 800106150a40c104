//! Moves between statuses (ubin-api.md §14 T11): the full matrix of 11 × 11 for every act that
//! carries a body.

use crate::ubin_scene::{R1, R2, body, body_args, evidence, next, relation, status, text, ubin_of};
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::ubin::vocabulary::Status;
use titian_tests::world::{World, company_body, outcome_of};

const ACTS: &[&str] = &[
    "update",
    "confirm",
    "suspend",
    "reinstate",
    "dissolve",
    "restore",
    "correct",
    "renumber",
    "convert",
];
const LIVE: &[&str] =
    &["ACTIVE", "SUSPENDED", "UNDER_ADMINISTRATION", "STRIKE_OFF_PENDING", "IN_LIQUIDATION"];
const ENDED: &[&str] = &["MERGED", "CONVERTED", "RELOCATED"];

/// The body with a status and what goes with it.
fn with_status(body: &Value, code: &str) -> Value {
    let body = body.with("status", status(code)).with("evidence", evidence());
    let ended = body.with("endedOn", text("2026-06-30"));
    if code == "DISSOLVED" { ended } else { body.without("endedOn") }
}

/// What the specification says of a move (ubin.md §2.3, §4), written from its text.
fn due(act: &str, from: &str, to: &str) -> Result<(), Code> {
    let live = |code: &str| LIVE.contains(&code);
    let open = |code: &str| live(code) || code == "OTHER";
    if ENDED.contains(&from) && act != "correct" {
        return Err(Code::TerminalStatus);
    }
    let (allowed, error) = match act {
        "correct" => (true, Code::BadTransition),
        "confirm" => (from == to, Code::ConfirmOnly),
        "suspend" => (from == "ACTIVE" && to == "SUSPENDED", Code::BadTransition),
        "reinstate" => (from == "SUSPENDED" && to == "ACTIVE", Code::BadTransition),
        "dissolve" => (open(from) && to == "DISSOLVED", Code::BadTransition),
        "restore" => (from == "DISSOLVED" && to == "ACTIVE", Code::BadTransition),
        "convert" => (live(from) && live(to), Code::BadTransition),
        _ => {
            let moves = (open(from) || from == "RESERVED") && open(to);
            (from == to || moves, Code::BadTransition)
        }
    };
    if allowed { Ok(()) } else { Err(error) }
}

fn args(act: &str, first: &Value, to: &str) -> Value {
    let second = with_status(&next(first, &[]), to);
    let reasoned = |body: &Value| body_args(body).with("reason", text("OTHER"));
    let number = |local: &str| company_body("SG", "UEN", local, "X");
    match act {
        "update" | "confirm" => body_args(&second),
        "correct" => reasoned(&second).with("successorUnknown", Value::from(true)),
        "renumber" => {
            let new = number("201912345K");
            let body = second
                .with("ubin", new.get("ubin").expect("set").clone())
                .with("displayId", text("201912345K"));
            body_args(&body).with("ubin", first.get("ubin").expect("set").clone())
        }
        "convert" => {
            let new = with_status(&number("T24LL0001A"), to)
                .with("relations", relation("SUCCESSOR_OF", &ubin_of(first).to_string()));
            reasoned(&new)
                .with("ubin", first.get("ubin").expect("set").clone())
                .with("version", Value::Int(1))
                .with("metaSeq", Value::Int(0))
        }
        _ => reasoned(&second),
    }
}

#[test]
fn t11_every_act_makes_the_moves_that_are_its_own_and_no_other() {
    let codes: Vec<&str> = Status::ALL.iter().map(|status| status.name()).collect();
    assert_eq!(codes.len(), 11);
    let mut made = 0;
    for from in &codes {
        let mut world = World::new();
        let first = with_status(&body(), from);
        let load = body_args(&first).with("successorUnknown", Value::from(true));
        world.act(Register::Ubin, "register", load, R1).expect("history may be loaded");
        let start = world.state.clone();
        for to in &codes {
            for act in ACTS {
                let op = world.op(Register::Ubin, act, args(act, &first, to));
                let op = world.sign(&op, R2);
                let found = outcome_of(world.run(&op)).map(|_| ());
                let due = due(act, from, to);
                let (found, due) = (found.map_err(Code::name), due.map_err(Code::name));
                assert_eq!(found, due, "{act}: {from} to {to}");
                made += u32::from(due.is_ok());
                world.state = start.clone();
            }
        }
    }
    assert!(made > 150, "{made} moves were made");
}

#[test]
fn t11_a_first_version_may_have_any_status_and_an_ended_one_names_its_successor() {
    for status in Status::ALL {
        let first = with_status(&body(), status.name());
        let mut world = World::new();
        let found = world.act(Register::Ubin, "register", body_args(&first), R1).map(|_| ());
        let ended = ENDED.contains(&status.name());
        let due = if ended { Err(Code::BadTransition) } else { Ok(()) };
        assert_eq!(found, due, "{}", status.name());
    }
}
