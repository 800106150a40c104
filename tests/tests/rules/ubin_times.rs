//! The two times of a record (ubin-api.md §14 T10): for every height and every legal date, the read
//! of ubin.md §2.2 against a model that keeps nothing but what the acts said.

use crate::ubin_identifier::Random;
use crate::ubin_scene::{
    R1, R2, body_args, evidence, next, quote, quote_reason, registered, text, ubin_of,
};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::Overlay;
use titian_contracts::time::Date;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{self, Record};
use titian_contracts::ubin::view;
use titian_tests::world::{World, company_body};

/// What an act said, and at which height.
#[derive(Debug)]
enum Said {
    Version { from: String, version: u64 },
    Mark(bool),
    Closure(Option<String>),
}

/// Version, whether marked, and whether closed, at a height and on a date: the text of §2.2.
fn model(said: &[(u64, Said)], height: u64, date: &str) -> Option<(u64, bool, bool)> {
    let by_then = || said.iter().filter(|(at, _)| *at <= height).map(|(_, said)| said);
    let version = by_then()
        .filter_map(|said| match said {
            Said::Version { from, version } if from.as_str() <= date => Some((from, *version)),
            _ => None,
        })
        .max()?
        .1;
    let mut mark =
        by_then().filter_map(|said| if let Said::Mark(is) = said { Some(*is) } else { None });
    let mut closure = by_then().filter_map(|said| match said {
        Said::Closure(from) => Some(from.as_deref().is_some_and(|from| from <= date)),
        _ => None,
    });
    Some((version, mark.next_back().unwrap_or(false), closure.next_back().unwrap_or(false)))
}

fn newest(world: &World, number: &Ubin) -> Record {
    record::find(&Overlay::new(&world.state), number).expect("registered").1
}

#[test]
fn t10_every_read_at_a_height_and_on_a_date_agrees_with_a_naive_model() {
    for seed in 1..=4 {
        let mut random = Random(seed);
        let (mut world, mut body) = registered();
        let number = ubin_of(&body);
        let survivor = company_body("SG", "UEN", "201912345K", "SURVIVOR");
        world.act(Register::Ubin, "register", body_args(&survivor), R1).expect("registered");
        let survivor = ubin_of(&survivor);
        // the record as of each height, oldest first
        let mut states = vec![(1, newest(&world, &number))];
        let version = Said::Version { from: "2026-06-30".to_owned(), version: 1 };
        let mut said = vec![(1, version)];
        for step in 0..40 {
            let date = format!("2026-{:02}-{:02}", 1 + random.below(6), 1 + random.below(28));
            let later = next(&body, &[("validFrom", text(&date)), ("evidence", evidence())]);
            let correct = body_args(&later).with("reason", text("ERROR"));
            let merge = quote_reason(&world, &survivor)
                .with("date", text(&date))
                .with("absorbed", Value::List(vec![quote(&world, &number)]));
            let old = newest(&world, &number);
            let (marked, closed) = (old.meta.mark.is_some(), old.meta.closure.is_some());
            let place = format!("seed {seed}, step {step}");
            let mut act = |act: &str, args: Value| {
                let done = world.act(Register::Ubin, act, args, R2);
                done.unwrap_or_else(|code| panic!("{place}: {act}: {}", code.name()));
                world.height
            };
            let mut versioned = |height: u64, said: &mut Vec<(u64, Said)>| {
                let version = old.version + 1;
                said.push((height, Said::Version { from: date.clone(), version }));
                body = later.clone();
            };
            match random.below(5) {
                0 if !marked && !closed => {
                    let height = act("annul", quote_of(&old, &number));
                    said.push((height, Said::Mark(true)));
                }
                1 if !marked && !closed => {
                    let height = act("merge", merge);
                    said.push((height, Said::Closure(Some(date.clone()))));
                }
                2 if marked => {
                    let height = act("correct", correct.with("clear", text("MARK")));
                    said.push((height, Said::Mark(false)));
                    versioned(height, &mut said);
                }
                _ => {
                    let height = act("correct", correct);
                    versioned(height, &mut said);
                }
            }
            let (height, record) = (world.height, newest(&world, &number));
            if states.last().is_some_and(|(_, last)| *last != record) {
                states.push((height, record));
            }
        }
        check_reads(&states, &said, world.height, seed);
    }
}

#[test]
fn t10_a_back_dated_correction_is_the_record_of_today_and_says_that_later_dates_keep_the_other() {
    let (mut world, body) = registered();
    let number = ubin_of(&body);
    let mut correct = |from: &str, body: &Value| {
        let later = next(body, &[("validFrom", text(from)), ("evidence", evidence())]);
        let args = body_args(&later).with("reason", text("ERROR"));
        let done = world.act(Register::Ubin, "correct", args, R2).expect("corrected");
        (later, done.warnings, newest(&world, &number))
    };
    // on the same date the newest version stands for both reads
    let (second, warnings, _) = correct("2026-06-30", &body);
    assert_eq!(warnings, [""; 0]);
    let (third, warnings, current) = correct("2024-02-01", &second);
    assert_eq!(warnings, ["BACK_DATED"]);
    assert_eq!(current.version, 3);
    assert_eq!(current.meta.warnings, [""; 0], "of the act, not of the record");
    let (_, warnings, _) = correct("2024-02-02", &third);
    assert_eq!(warnings, [""; 0], "after the version that it follows");
}

fn quote_of(record: &Record, number: &Ubin) -> Value {
    Value::object([
        ("ubin", Value::from(number.to_string())),
        ("version", Value::from(record.version)),
        ("metaSeq", Value::from(record.meta.seq)),
        ("reason", text("ERROR")),
    ])
}

/// Compares every height and a date of each week.
fn check_reads(states: &[(u64, Record)], said: &[(u64, Said)], head: u64, seed: u64) {
    let mut compared = 0;
    for height in 1..=head {
        let kept: Vec<Record> = states
            .iter()
            .rev()
            .filter(|(at, _)| *at <= height)
            .map(|(_, record)| record.clone())
            .collect();
        for month in 1..=7 {
            for day in [1, 2, 8, 15, 16, 22, 28] {
                let date = format!("2026-{month:02}-{day:02}");
                let found = view::on_date(&kept, Date::parse(&date).expect("a date"))
                    .map(|r| (r.version, r.meta.mark.is_some(), r.meta.closure.is_some()));
                assert_eq!(found, model(said, height, &date), "seed {seed}, {height}, {date}");
                compared += 1;
            }
        }
    }
    assert!(compared > 1_500);
}
