//! Attested counts and published figures (ubin-api.md §14 T18): small cells, and every figure equal
//! to a recount that the tests make on their own.

use std::collections::BTreeMap;

use crate::ubin_scene::{
    R1, body, company, moved, refused, registered, run, status, text, ubin_of,
};
use crate::ubin_walk::walk;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::Overlay;
use titian_contracts::time::DAY_MS;
use titian_contracts::ubin::counter;
use titian_contracts::ubin::kpi::{self, Counts, Question};
use titian_tests::world::{START_MS, World, company_body};

const METRIC: &str = "ubin_women_owned";

fn row(yes: Option<u64>, no: Option<u64>, undeclared: Option<u64>) -> Value {
    Value::object([
        ("YES", Value::from(yes)),
        ("NO", Value::from(no)),
        ("UNDECLARED", Value::from(undeclared)),
    ])
}

fn args(version: i64, rows: &[(&str, Value)]) -> Value {
    Value::object([
        ("cc", text("SG")),
        ("metric", text(METRIC)),
        ("period", text("2026-Q2")),
        ("version", Value::Int(version)),
        ("cells", Value::object(rows.iter().map(|(name, row)| (*name, row.clone())))),
    ])
}

fn answer(world: &World, metric: &str, by: &[&str], filter: &[(&str, &str)]) -> Value {
    let question = Question {
        metric: metric.to_owned(),
        by: by.iter().map(|name| (*name).to_owned()).collect(),
        filter: filter.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
    };
    kpi::table(&world.state, &question, world.time_ms).expect("a known question")
}

fn table(world: &World, metric: &str, by: &[&str], filter: &[(&str, &str)]) -> Vec<Value> {
    let answer = answer(world, metric, by, filter);
    answer.get("rows").and_then(Value::as_list).expect("rows").to_vec()
}

fn cells(row: &[&str], count: Value) -> Value {
    Value::List(row.iter().map(|cell| text(cell)).chain([count]).collect())
}

#[test]
fn t18_small_cells_are_null_and_never_alone_in_a_line() {
    let mut world = World::new();
    let mut expect = |cells: &[(&str, Value)], due: Code| {
        assert_eq!(refused(&mut world, "attest_counts", args(1, cells), R1).name(), due.name());
    };
    let big = || row(Some(10), Some(20), Some(0));
    for small in 1..5 {
        expect(&[("MICRO", row(Some(small), Some(20), Some(0)))], Code::SmallCell);
    }
    expect(&[("MICRO", row(None, Some(20), Some(9))), ("SMALL", big())], Code::SmallCellComplement);
    // two in the row, but alone in their columns
    expect(&[("MICRO", row(None, None, Some(9))), ("SMALL", big())], Code::SmallCellComplement);
    let pair = || row(None, None, Some(5));
    let good = [("MICRO", pair()), ("SMALL", pair()), ("LARGE", row(Some(0), Some(5), Some(7)))];
    world.act(Register::Ubin, "attest_counts", args(1, &good), R1).expect("0 and 5 may be shown");
    let shown = table(&world, METRIC, &[], &[("row", "MICRO")]);
    assert_eq!(
        shown,
        [
            cells(&["SG", "2026-Q2", "MICRO", "NO"], text("withheld")),
            cells(&["SG", "2026-Q2", "MICRO", "UNDECLARED"], Value::Int(5)),
            cells(&["SG", "2026-Q2", "MICRO", "YES"], text("withheld")),
        ]
    );
}

#[test]
fn t05_each_broken_precondition_of_an_attestation_gives_exactly_its_error() {
    let mut world = World::new();
    let good = args(1, &[("MICRO", row(Some(10), Some(20), Some(0)))]);
    let mut expect = |args: Value, signers: &[(&str, u64)], due: Code| {
        let code = refused(&mut world, "attest_counts", args.clone(), signers);
        assert_eq!(code.name(), due.name(), "{}", args.to_jcs());
    };
    expect(good.clone(), &[], Code::QuorumMissing);
    expect(good.clone(), &[("MY:SSM", 1)], Code::NotOwner);
    expect(good.clone(), &[("SG", 1)], Code::ScopeDenied);
    expect(good.with("cc", text("XX")), R1, Code::UbinCountryUnknown);
    expect(good.with("metric", text("ubin_stock")), R1, Code::Malformed);
    for period in ["2026-Q5", "2026-13", "2026-00", "26", "2026-7", "2026-+7", "2026-Q", "abcd"] {
        expect(good.with("period", text(period)), R1, Code::Malformed);
    }
    for period in ["2026/07", "2026Q2", "2026-", "2026-Q2-", "+026-07"] {
        expect(good.with("period", text(period)), R1, Code::Malformed);
    }
    expect(good.with("period", text("2027")), R1, Code::FutureEffective);
    expect(good.with("version", Value::Int(2)), R1, Code::VersionConflict);
    expect(good.with("cells", Value::object(Vec::<(String, Value)>::new())), R1, Code::Malformed);
    expect(args(1, &[("HUGE", row(Some(10), Some(20), Some(0)))]), R1, Code::Malformed);
    expect(args(1, &[("MICRO", Value::object([("YES", Value::Int(9))]))]), R1, Code::Malformed);
    let more = row(Some(10), Some(20), Some(0)).with("MAYBE", Value::Int(9));
    expect(args(1, &[("MICRO", more)]), R1, Code::Malformed);
    let negative = row(Some(10), Some(20), Some(0)).with("YES", Value::Int(-9));
    expect(args(1, &[("MICRO", negative)]), R1, Code::Malformed);
    world.act(Register::Ubin, "attest_counts", good.clone(), R1).expect("unbroken");
    assert_eq!(refused(&mut world, "attest_counts", good, R1), Code::VersionConflict, "replay");
    let second = args(2, &[("MICRO", row(Some(11), Some(20), Some(0)))]);
    world.act(Register::Ubin, "attest_counts", second, R1).expect("the next version");
    let shown = table(&world, METRIC, &[], &[("column", "YES")]);
    assert_eq!(shown, [cells(&["SG", "2026-Q2", "MICRO", "YES"], Value::Int(11))], "the newest");
}

#[test]
fn t18_a_table_hides_the_complement_of_a_single_small_cell() {
    let counts = |cells: &[(&[&str], u64)]| -> Counts {
        cells
            .iter()
            .map(|(key, n)| (key.iter().map(|part| (*part).to_owned()).collect(), *n))
            .collect()
    };
    let shown = |cells: &[(&[&str], u64)]| -> Vec<Option<u64>> {
        kpi::suppress(counts(cells), 5).into_values().collect()
    };
    assert_eq!(shown(&[(&["A"], 3), (&["B"], 9), (&["C"], 7)]), [None, Some(9), None]);
    assert_eq!(shown(&[(&["A"], 5), (&["B"], 9)]), [Some(5), Some(9)]);
    assert_eq!(shown(&[(&["A"], 3)]), [None]);
    assert_eq!(shown(&[(&["A"], 3), (&["B"], 0)]), [None, Some(0)]);
    // 3 small, its row neighbour and its column neighbour go, and so does the corner they share
    let square: [(&[&str], u64); 4] =
        [(&["A", "X"], 3), (&["A", "Y"], 9), (&["B", "X"], 8), (&["B", "Y"], 70)];
    assert_eq!(shown(&square), [None; 4]);
}

proptest::proptest! {
    /// In every line of every table withheld cells come in pairs, unless nothing else could hide
    /// the one, and no small count is shown.
    #[test]
    fn t18_no_line_of_a_random_table_lets_a_small_cell_be_computed(
        cells in proptest::collection::vec(0_u64..12, 12)
    ) {
        let key = |i: usize| vec![format!("r{}", i / 4), format!("c{}", i % 4)];
        let counts: Counts = cells.iter().enumerate().map(|(i, n)| (key(i), *n)).collect();
        let shown = kpi::suppress(counts, 5);
        let lines = (0..3)
            .map(|r| (0..4).map(|c| r * 4 + c).collect::<Vec<usize>>())
            .chain((0..4).map(|c| (0..3).map(|r| r * 4 + c).collect()));
        for line in lines {
            let values: Vec<Option<u64>> = line.iter().map(|i| shown[&key(*i)]).collect();
            let hidden = values.iter().filter(|value| value.is_none()).count();
            let others = values.iter().flatten().filter(|n| **n > 0).count();
            proptest::prop_assert!(hidden != 1 || others == 0, "{values:?}");
        }
        for (i, n) in cells.iter().enumerate() {
            let value = shown[&key(i)];
            proptest::prop_assert!(value.is_none() || value == Some(*n));
            proptest::prop_assert!(value.is_none() || !(1..5).contains(n));
        }
    }
}

#[test]
fn t18_stock_msme_and_freshness_are_what_a_recount_gives() {
    let mut world = World::new();
    let sizes = ["MICRO", "MICRO", "SMALL", "MEDIUM", "LARGE"];
    for i in 0..30 {
        let local = format!("2024000{i:02}A");
        let body = company_body("SG", "UEN", &local, "X").with("sizeClass", text(sizes[i % 5]));
        // the oldest third is stale, one is not live
        let body = match i {
            0..10 => body.with("confirmedOn", text("2025-01-01")),
            29 => body.with("status", status("RESERVED")),
            _ => body,
        };
        run(&mut world, "register", &body, R1).expect("applies");
    }
    for i in 0..6 {
        company(&mut world, "MY:SSM", "BRN", &format!("2024010000{i:02}"));
    }
    let stock = table(&world, "ubin_stock", &["ams"], &[]);
    assert_eq!(stock, [cells(&["MY"], Value::Int(6)), cells(&["SG"], Value::Int(30))]);
    let by_size = table(&world, "ubin_stock", &["sizeClass"], &[("ams", "SG")]);
    let due = [("LARGE", 6), ("MEDIUM", 6), ("MICRO", 12), ("SMALL", 6)];
    assert_eq!(by_size, due.map(|(size, n)| cells(&[size], Value::Int(n))));
    let msme = table(&world, "ubin_msme", &[], &[]);
    assert_eq!(msme, [cells(&["SG", "perMille"], Value::Int(800))]);
    let fresh = table(&world, "ubin_fresh", &["quality"], &[("ams", "SG")]);
    assert_eq!(fresh, [cells(&["CURRENT"], Value::Int(19)), cells(&["STALE"], Value::Int(10))]);
    let flow = table(&world, "ubin_flow", &["ams", "month", "event"], &[("ams", "SG")]);
    assert_eq!(flow, [cells(&["SG", "2026-07", "new"], Value::Int(30))]);
    for (metric, by) in [("ubin_none", "ams"), ("ubin_stock", "month"), ("ubin_msme", "ams")] {
        let question =
            Question { metric: metric.to_owned(), by: vec![by.to_owned()], filter: Vec::new() };
        let code = kpi::table(&world.state, &question, world.time_ms).map_err(|e| e.code);
        assert_eq!(code, Err(Code::InvalidParams), "{metric} by {by}");
    }
    let coverage = Value::object([("UEN", Value::object([("REGISTERED", Value::Int(58))]))]);
    let args = args(1, &[]).with("metric", text("ubin_coverage")).with("cells", coverage);
    world.act(Register::Ubin, "attest_counts", args, R1).expect("a denominator");
    let covered = table(&world, "ubin_coverage", &[], &[]);
    assert_eq!(covered, [cells(&["SG", "perMille"], Value::Int(500))], "29 live of 58");
}

/// What random acts counted can be asked for, and no cell of another dimension can.
#[test]
fn t18_every_counter_that_counts_has_the_values_of_its_dimensions() {
    let (world, _) = walk(1, 400, &mut BTreeMap::new());
    let state = Overlay::new(&world.state);
    let mut seen = 0;
    for metric in ["ubin_stock", "ubin_flow", "ubin_challenges", "ubin_crossborder"] {
        for cells in kpi::counters(&world.state, metric).into_keys() {
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            assert!(counter::is_cell(&state, metric, &cells), "{metric} {cells:?}");
            for at in 0..cells.len() {
                let mut broken = cells.clone();
                broken[at] = "x";
                assert!(!counter::is_cell(&state, metric, &broken), "{metric} {broken:?}");
            }
            assert!(!counter::is_cell(&state, metric, &cells[1..]), "{metric} {cells:?}");
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn t18_a_complement_is_not_called_small_and_a_withheld_share_keeps_its_row() {
    let mut world = World::new();
    for i in 0..12 {
        let size = if i < 3 { "LARGE" } else { "MICRO" };
        let body = company_body("SG", "UEN", &format!("2024000{i:02}A"), "X");
        run(&mut world, "register", &body.with("sizeClass", text(size)), R1).expect("applies");
    }
    let sizes = table(&world, "ubin_stock", &["sizeClass"], &[]);
    assert_eq!(sizes, [cells(&["LARGE"], text("<5")), cells(&["MICRO"], text("withheld"))]);
    // the share would tell the three
    let share = || cells(&["SG", "perMille"], text("withheld"));
    assert_eq!(table(&world, "ubin_msme", &[], &[]), [share()]);
    assert_eq!(table(&world, "ubin_msme", &[], &[("ams", "SG")]), [share()]);
    assert!(table(&world, "ubin_msme", &[], &[("ams", "MY")]).is_empty(), "no size is stated");
}

#[test]
fn t18_coverage_counts_only_schemes_whose_register_is_attested() {
    let mut world = World::new();
    for i in 0..10 {
        company(&mut world, "SG:ACRA", "UEN", &format!("2024000{i:02}A"));
    }
    for letter in ["B", "C", "D", "F", "G"] {
        let local = format!("7K3M9QX2TB4{letter}");
        let body = company_body("SG", "SUR", &local, "X").without("displayId");
        run(&mut world, "register", &body, R1).expect("applies");
    }
    let share = |world: &mut World, version: i64, sizes: &[(&str, Option<u64>)]| {
        let row = |size: Option<u64>| Value::object([("REGISTERED", Value::from(size))]);
        let cells = Value::object(sizes.iter().map(|(scheme, size)| (*scheme, row(*size))));
        let args = args(version, &[]).with("metric", text("ubin_coverage")).with("cells", cells);
        world.act(Register::Ubin, "attest_counts", args, R1).expect("a denominator");
        table(world, "ubin_coverage", &[], &[])
    };
    let due = |share: i64| [cells(&["SG", "perMille"], Value::Int(share))];
    assert_eq!(share(&mut world, 1, &[("UEN", Some(40))]), due(250), "10 of 40");
    assert_eq!(share(&mut world, 2, &[("UEN", Some(40)), ("SUR", Some(10))]), due(300), "15 of 50");
    assert_eq!(share(&mut world, 3, &[("UEN", Some(40)), ("SUR", None)]), due(250), "none is told");
    assert_eq!(share(&mut world, 4, &[("SUR", Some(10))]), due(500), "5 of 10");
}

#[test]
fn t18_coverage_is_of_the_period_that_ends_last_and_of_two_the_shorter_one() {
    // by age; as text `2026-Q1` would stand behind `2026-12`, and a year before its months
    let ages =
        ["2024", "2025", "2025-Q4", "2025-12", "2026-Q1", "2026-04", "2026-Q2", "2026-06", "2026"];
    for order in
        [[0, 1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1, 0], [4, 1, 3, 2, 0, 6, 5, 8, 7]]
    {
        let mut world = World::new();
        company(&mut world, "SG:ACRA", "UEN", "202400001A");
        let mut newest: usize = 0;
        for place in order {
            let size = |place: usize| i64::try_from(place).expect("small") + 2;
            let row = Value::object([("REGISTERED", Value::Int(size(place)))]);
            let args = args(1, &[])
                .with("metric", text("ubin_coverage"))
                .with("period", text(ages[place]))
                .with("cells", Value::object([("UEN", row)]));
            world.act(Register::Ubin, "attest_counts", args, R1).expect("a denominator");
            newest = newest.max(place);
            let due = cells(&["SG", "perMille"], Value::Int(1000 / size(newest)));
            assert_eq!(table(&world, "ubin_coverage", &[], &[]), [due], "{order:?} {place}");
        }
    }
}

#[test]
fn t18_shares_of_fresh_records_add_up_and_tell_no_withheld_count() {
    let mut world = World::new();
    for n in 0..8 {
        let mut body = company_body("SG", "UEN", &format!("20240000{n}A"), "TITIAN DEMO");
        // five of eight were confirmed too long ago
        if n < 5 {
            body =
                body.with("confirmedOn", text("2020-01-01")).with("sourceAsOf", text("2020-01-01"));
        }
        run(&mut world, "register", &body, R1).expect("registered");
    }
    let ask = |world: &World, by: &[&str], filter: &[(&str, &str)]| {
        answer(world, "ubin_fresh", by, filter).get("perMille").cloned()
    };
    // three are CURRENT: withheld, and so is the other count, for their sum is known
    assert_eq!(ask(&world, &["quality"], &[]), Some(Value::List(vec![Value::Null, Value::Null])));
    for n in 0..2 {
        let body = company_body("SG", "UEN", &format!("20250000{n}A"), "TITIAN DEMO");
        run(&mut world, "register", &body, R1).expect("registered");
    }
    let halves = Some(Value::List(vec![Value::Int(500), Value::Int(500)]));
    assert_eq!(ask(&world, &["quality"], &[]), halves);
    assert_eq!(ask(&world, &["ams", "quality"], &[("ams", "SG")]), halves);
    // a share of a part that is asked for alone would be whole
    assert_eq!(ask(&world, &["quality"], &[("quality", "STALE")]), None);
    assert_eq!(ask(&world, &["ams"], &[]), None);
}

#[test]
fn t18_the_challenge_clock_is_a_recount_over_all_challenges() {
    let (mut world, first) = registered();
    let foreign: &[(&str, u64)] = &[("MY:SSM", 1)];
    let mut ids = Vec::new();
    for ground in ["NAME", "STATUS", "ADDRESS"] {
        let args = Value::object([
            ("by", text("MY:SSM")),
            ("ubin", text(&ubin_of(&first).to_string())),
            ("version", Value::Int(1)),
            ("ground", text(ground)),
            ("fields", Value::List(Vec::new())),
            ("evidence", Value::List(Vec::new())),
        ]);
        let op = world.op(Register::Ubin, "challenge_open", args.clone());
        ids.push(titian_contracts::op::digest_of(Register::Ubin, &op));
        world.act(Register::Ubin, "challenge_open", args, foreign).expect("opens");
    }
    let two: &[(&str, u64)] = &[("SG:ACRA", 1), ("SG:ACRA", 2)];
    for (i, days) in [(0, 3), (1, 9)] {
        world.time_ms = START_MS + days * DAY_MS + 60_000;
        let id = Value::object([("id", ids[i].into())]);
        world.act(Register::Ubin, "challenge_ack", id.clone(), R1).expect("acknowledged");
        let rejected = id.with("decision", text("REJECTED")).with("reason", text("OTHER"));
        world.act(Register::Ubin, "challenge_decide", rejected, two).expect("decided");
    }
    let clock = table(&world, "ubin_challenge_clock", &[], &[]);
    let due = [("decided", 2), ("medianDays", 3), ("open", 1), ("overdue", 1)];
    assert_eq!(clock, due.map(|(figure, n)| cells(&["SG", figure], Value::Int(n))));
    let fresh = table(&world, "ubin_fresh", &["quality"], &[]);
    assert_eq!(fresh, [cells(&["CHALLENGED"], text("<5"))]);
    let ended = moved(&body(), "DISSOLVED");
    run(&mut world, "dissolve", &ended, two).expect("ends");
    assert!(table(&world, "ubin_fresh", &["quality"], &[]).is_empty(), "live records only");
}
