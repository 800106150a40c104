//! Random lives of companies, on disk and in memory.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use titian_contracts::json::Value;
use titian_contracts::state::{MemoryState, Overlay, decode_content};
use titian_contracts::ubin::counter::stock_cells;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::kpi::Counts;
use titian_contracts::ubin::record::{self, Entry, ubin_of_key};
use titian_tests::kept::{Kept, evidence, next_body};
use titian_tests::world::company_body;

pub(super) const R1: &[(&str, u64)] = &[("SG:ACRA", 1)];
const R2: &[(&str, u64)] = &[("SG:ACRA", 1), ("SG:ACRA", 2)];
const SIZES: [&str; 4] = ["MICRO", "SMALL", "MEDIUM", "LARGE"];

pub(super) fn text(text: &str) -> Value {
    Value::from(text)
}

pub(super) fn number_of(body: &Value) -> String {
    body.get("ubin").and_then(Value::as_text).expect("a body has a number").to_owned()
}

/// Random lives of some companies of Singapore: at each height one act, on the company given by the
/// dice. The newest body of each, and all bodies.
pub(super) struct Lives {
    pub(super) kept: Kept,
    pub(super) newest: Vec<Value>,
    pub(super) bodies: Vec<Value>,
    dice: StdRng,
}

impl Lives {
    pub(super) fn new(seed: u64, heights: u64) -> Self {
        println!("seed {seed}");
        let dice = StdRng::seed_from_u64(seed);
        let mut lives = Self { kept: Kept::new(), newest: Vec::new(), bodies: Vec::new(), dice };
        while lives.kept.world.height < heights {
            lives.step();
        }
        lives.kept.block(Vec::new());
        lives
    }

    pub(super) fn step(&mut self) {
        let roll = self.dice.gen_range(0..10);
        match (roll, self.newest.len()) {
            (0, _) => drop(self.kept.block(Vec::new())),
            (1..=3, _) | (_, 0) => self.register(),
            (_, companies) => {
                let place = self.dice.gen_range(0..companies);
                self.change(place, roll);
            }
        }
    }

    fn register(&mut self) {
        let local = format!("2024{:05}A", self.newest.len());
        let size = SIZES[self.dice.gen_range(0..4)];
        let body = company_body("SG", "UEN", &local, "TITIAN DEMO").with("sizeClass", text(size));
        self.write("register", None, body, R1);
    }

    fn change(&mut self, place: usize, roll: u32) {
        let old = self.newest[place].clone();
        let code = old.get("status").and_then(|s| s.get("code")).and_then(Value::as_text);
        let date =
            format!("2026-{:02}-{:02}", self.dice.gen_range(1..7), self.dice.gen_range(1..29));
        let size = SIZES[self.dice.gen_range(0..4)];
        let (act, members, signers) = match (roll, code) {
            // dated back
            (4..=6, _) => {
                ("correct", vec![("validFrom", text(&date)), ("evidence", evidence())], R2)
            }
            (7, Some("ACTIVE")) => ("suspend", vec![("status", status("SUSPENDED"))], R1),
            (7, _) => ("reinstate", vec![("status", status("ACTIVE"))], R1),
            (8, _) => return self.renumber(place),
            _ => ("update", vec![("sizeClass", text(size)), ("activity", activity(roll))], R1),
        };
        let body = next_body(&old, &members);
        if act == "suspend" || act == "reinstate" || act == "correct" || body_differs(&old, &body) {
            self.write(act, Some(place), body, signers);
        }
    }

    fn renumber(&mut self, place: usize) {
        let old = self.newest[place].clone();
        let local = format!("2025{:05}A", self.bodies.len());
        let number = number_of(&company_body("SG", "UEN", &local, "X"));
        let body = next_body(&old, &[("ubin", text(&number)), ("displayId", text(&local))]);
        self.write("renumber", Some(place), body, R2);
    }

    fn write(&mut self, act: &str, place: Option<usize>, body: Value, signers: &[(&str, u64)]) {
        let mut args = Value::object([("body", body.clone())]);
        if act == "renumber" {
            let old = place.map(|place| number_of(&self.newest[place])).expect("registered");
            args = args.with("ubin", text(&old));
        }
        if matches!(act, "correct" | "suspend" | "reinstate") {
            args = args.with("reason", text("REQUEST"));
        }
        self.kept.act(act, args, signers);
        self.bodies.push(body.clone());
        match place {
            Some(place) => self.newest[place] = body,
            None => self.newest.push(body),
        }
    }

    /// Every number that was ever given, and one that was not.
    pub(super) fn numbers(&self) -> Vec<String> {
        let absent = number_of(&company_body("SG", "UEN", "201912345K", "X"));
        let mut numbers: Vec<String> = self.bodies.iter().map(number_of).chain([absent]).collect();
        numbers.sort();
        numbers.dedup();
        numbers
    }
}

fn status(code: &str) -> Value {
    Value::object([("code", text(code)), ("since", text("2026-06-30"))])
}

fn activity(roll: u32) -> Value {
    Value::List(vec![Value::object([("isic", text(&format!("46{:02}", roll % 7)))])])
}

fn body_differs(old: &Value, new: &Value) -> bool {
    let bare = |body: &Value| body.without("version").without("prev").to_jcs();
    bare(old) != bare(new)
}

/// What stands under a number after a height, in memory.
pub(super) fn then(states: &[MemoryState], height: u64, number: &str) -> Option<record::Record> {
    let ubin = Ubin::parse_canonical(number).expect("canonical");
    record::find(&Overlay::new(&states[height as usize]), &ubin).map(|(_, record)| record)
}

/// The cells of `ubin_stock`, counted anew from the records of a state.
pub(super) fn recount(state: &MemoryState) -> Counts {
    let mut counts = Counts::new();
    for (key, stored) in &state.0 {
        let (Some(ubin), Some(Entry::Record(record))) =
            (ubin_of_key(key), decode_content(&stored.content))
        else {
            continue;
        };
        if let Some(cells) = stock_cells(&ubin, &record) {
            *counts.entry(cells.map(str::to_owned).to_vec()).or_insert(0) += 1;
        }
    }
    counts
}
