//! Figures of earlier heights, and what states say of each other's schemes.

use std::collections::BTreeMap;

use serde_json::json;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::ubin::kpi::{self, METRICS, Question};
use titian_tests::http::{error_name, result};
use titian_tests::served::Served;
use titian_tests::world::World;

use super::lives::{Lives, number_of, recount, text};

#[tokio::test]
async fn t18_figures_at_every_height_are_those_of_a_recount() {
    let lives = Lives::new(18, 60);
    let (world, blocks, folder, states) = lives.kept.into_parts();
    let ledger = blocks.ledger.clone();
    for (height, state) in (0..).zip(&states) {
        let at = ledger.state_at(height).expect("kept");
        assert_eq!(kpi::counters(&at, "ubin_stock"), recount(state), "height {height}");
        for (metric, dimensions) in METRICS {
            let by = dimensions.iter().map(|name| (*name).to_owned()).collect();
            let question = Question { metric: (*metric).to_owned(), by, filter: Vec::new() };
            let (disk, memory) = (
                kpi::table(&at, &question, world.time_ms),
                kpi::table(state, &question, world.time_ms),
            );
            assert_eq!(disk, memory, "{metric} at {height}");
        }
    }
    let served = Served::over(world, blocks.ledger.clone(), folder, |_| {}).await;
    let mut shown = 0;
    for (height, state) in (0..).zip(&states) {
        let params = json!({"metric": "ubin_stock", "height": height, "by": ["ams", "sizeClass"]});
        let table = result(served.address, "ubin_kpi", params).await;
        assert_eq!(table["asOf"]["height"], json!(height));
        let mut due: BTreeMap<String, u64> = BTreeMap::new();
        for (cells, count) in recount(state) {
            *due.entry(cells[3].clone()).or_insert(0) += count;
        }
        let rows = table["rows"].as_array().expect("rows");
        assert_eq!(rows.len(), due.len(), "height {height}");
        let withheld = rows.iter().filter(|row| !row[2].is_number()).count();
        for row in rows {
            let count = due[row[1].as_str().expect("a size")];
            // every small count is withheld, and never one alone beside others
            let large = row[2] == json!(count) || row[2] == "withheld";
            assert!(if count < 5 { row[2] == "<5" } else { large }, "{rows:?}");
            shown += usize::from(row[2].is_number());
        }
        assert!(withheld != 1 || rows.len() == 1, "{rows:?}");
    }
    assert!(shown > 20, "{shown}");
    for (params, due) in [
        (json!({"metric": "ubin_none"}), "INVALID_PARAMS"),
        (json!({"metric": "ubin_stock", "by": ["month"]}), "INVALID_PARAMS"),
        (json!({"metric": "ubin_stock", "filter": {"month": "x"}}), "INVALID_PARAMS"),
        (json!({"metric": "ubin_stock", "height": 1_000}), "HEIGHT_UNKNOWN"),
    ] {
        assert_eq!(error_name(served.address, "ubin_kpi", params).await, due);
    }
    served.stop().await;
}

#[tokio::test]
async fn a_read_shows_how_a_state_recognises_the_scheme_at_the_height_read() {
    let mut lives = Lives::new(8, 6);
    let body = lives.newest[0].clone();
    let entry = |name: &str, schemes: &[&str], until: Option<&str>| {
        let schemes = schemes.iter().map(|scheme| text(scheme)).collect();
        let entry = Value::object([
            ("by", text("VN")),
            ("of", text("SG")),
            ("name", text(name)),
            ("scope", text("ubin")),
            ("schemes", Value::List(schemes)),
            ("from", text("2025-01-01")),
            (
                "agreement",
                Value::object([
                    ("title", text("Example")),
                    ("reference", text("example")),
                    ("documentSha256", Value::from(format!("sha256:{}", "50".repeat(32)))),
                ]),
            ),
        ]);
        let entry = until.map_or(entry.clone(), |until| entry.with("until", text(until)));
        Value::object([("entry", entry)])
    };
    let mut gov = |act: &str, args: Value| {
        let kept = &mut lives.kept;
        let op = kept.world.op(Register::Gov, act, args);
        let op = kept.world.sign(&op, &[("VN", 1), ("VN", 2)]);
        let receipts = kept.block(vec![World::transaction(&op)]);
        assert_eq!(receipts[0].error, None, "gov.{act}");
        kept.world.height
    };
    let other = gov("recognition_declare", entry("trusts", &["ENT"], None));
    let expired = gov("recognition_declare", entry("old", &["UEN"], Some("2026-01-01")));
    let declared = gov("recognition_declare", entry("all", &["*"], None));
    let suspended = gov(
        "recognition_suspend",
        Value::object([
            ("id", text("VN/SG/all")),
            ("version", Value::Int(1)),
            ("reason", text("review")),
        ]),
    );
    let (world, blocks, folder, _) = lives.kept.into_parts();
    let served = Served::over(world, blocks.ledger.clone(), folder, |_| {}).await;
    for (height, state, in_force) in [
        (other, "NOT_STATED", None),
        (expired, "RECOGNISED", Some(false)),
        (declared, "RECOGNISED", Some(true)),
        (suspended, "SUSPENDED", Some(false)),
    ] {
        let params = json!({"ubin": number_of(&body), "height": height, "for": "VN"});
        let shown = result(served.address, "ubin_get", params).await;
        assert_eq!(shown["recognition"]["state"], state, "{height}: {shown}");
        assert_eq!(shown["recognition"]["inForce"].as_bool(), in_force, "{height}");
        let params = json!({"ubin": number_of(&body), "height": height, "for": "TH"});
        let shown = result(served.address, "ubin_get", params).await;
        assert_eq!(shown["recognition"]["state"], "NOT_STATED");
    }
    let found = json!({"input": number_of(&body), "for": "VN"});
    let found = result(served.address, "ubin_resolve", found).await;
    assert_eq!(found["matches"][0]["recognition"]["name"], "all");
    let wrong = json!({"ubin": number_of(&body), "for": "vietnam"});
    assert_eq!(error_name(served.address, "ubin_get", wrong).await, "INVALID_PARAMS");
    // entries in force by pair of states: none, then two, then one
    let few = json!([["VN", "SG", "recognition", "<5"]]);
    for (height, due) in [(other - 1, json!([])), (declared, few.clone()), (suspended, few)] {
        let params = json!({"metric": "ubin_crossborder", "by": ["from", "to", "event"],
            "height": height});
        assert_eq!(result(served.address, "ubin_kpi", params).await["rows"], due, "{height}");
    }
    served.stop().await;
}
