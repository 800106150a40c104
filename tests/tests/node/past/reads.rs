//! Reads by height and legal date.

use serde_json::json;
use titian_contracts::json::Value;
use titian_contracts::state::MemoryState;
use titian_contracts::ubin::body::body_hash;
use titian_node::pruning;
use titian_tests::http::{call, result};
use titian_tests::served::Served;

use super::lives::{Lives, number_of, then};

/// A version of a record as the naive model keeps it: height, validFrom, version, hash.
type Version = (u64, String, u64, String);

/// The versions of the company that the last of `bodies` with this entity belongs to.
fn versions_of(bodies: &[Value], states: &[MemoryState], entity: &Value) -> Vec<Version> {
    let mut versions = Vec::new();
    for body in bodies.iter().filter(|body| body.get("entity") == Some(entity)) {
        let number = number_of(body);
        let hash = body_hash(body);
        let stands = |height: &u64| {
            then(states, *height, &number).is_some_and(|record| record.body_hash == hash)
        };
        let height = (0..states.len() as u64).find(stands).expect("it was written at some height");
        let from = body.get("validFrom").and_then(Value::as_text).expect("set").to_owned();
        let version = body.get("version").and_then(Value::as_int).expect("set") as u64;
        versions.push((height, from, version, hash.to_string()));
    }
    versions
}

/// Compares reads at every height and date with the model; gives how many agreed and how many were
/// refused because the height, or a state that the answer needs, is not kept.
async fn read_everything(
    served: &Served,
    bodies: &[Value],
    states: &[MemoryState],
) -> (usize, usize) {
    let (mut agreed, mut refused) = (0, 0);
    let mut entities: Vec<&Value> = bodies.iter().filter_map(|body| body.get("entity")).collect();
    entities.sort_by_key(|entity| entity.to_jcs());
    entities.dedup();
    for entity in entities {
        let versions = versions_of(bodies, states, entity);
        let number = bodies.iter().rfind(|body| body.get("entity") == Some(entity));
        let number = number_of(number.expect("it has versions"));
        for height in (0..states.len() as u64).step_by(3) {
            for date in ["2025-12-31", "2026-02-10", "2026-05-05", "2026-07-01"] {
                let known = then(states, height, &number).is_some();
                let due = versions
                    .iter()
                    .filter(|(at, from, ..)| *at <= height && from.as_str() <= date)
                    .max_by_key(|(_, from, version, _)| (from, version))
                    .filter(|_| known);
                let params = json!({"ubin": number, "height": height, "on": date});
                let answer = call(served.address, "ubin_get", params).await;
                if answer["error"]["data"]["name"] == "HEIGHT_PRUNED" {
                    let oldest = served.blocks.ledger.oldest();
                    assert_eq!(answer["error"]["data"]["oldest"], json!(oldest));
                    refused += 1;
                    continue;
                }
                let found = &answer["result"];
                assert_eq!(found["found"], json!(due.is_some()), "{number} at {height} on {date}");
                if let Some((_, _, version, hash)) = due {
                    let shown = (&found["version"], &found["bodyHash"]);
                    assert_eq!(shown, (&json!(version), &json!(hash)), "{number} {height} {date}");
                }
                agreed += 1;
            }
        }
    }
    (agreed, refused)
}

#[tokio::test]
async fn t10_reads_by_height_and_date_agree_with_a_naive_model_before_and_after_pruning() {
    let lives = Lives::new(10, 50);
    let bodies = lives.bodies;
    let (world, blocks, folder, states) = lives.kept.into_parts();
    let served = Served::over(world, blocks.ledger.clone(), folder, |_| {}).await;
    let whole = read_everything(&served, &bodies, &states).await;
    assert!(whole.0 > 300 && whole.1 == 0, "{whole:?}");
    let oldest = pruning::all(&served.blocks.ledger, 15).expect("the disk works");
    assert_eq!(oldest, served.blocks.ledger.head().height - 14);
    let pruned = read_everything(&served, &bodies, &states).await;
    assert_eq!(pruned.0 + pruned.1, whole.0);
    assert!(pruned.0 > 50 && pruned.1 > 50, "{pruned:?}");
    // every version of every company is still there, with its body
    for body in &bodies {
        let from = body.get("version").and_then(Value::as_int).expect("set");
        let params = json!({"ubin": number_of(body), "from": from, "limit": 1});
        let page = result(served.address, "ubin_history", params).await;
        assert_eq!(page["versions"][0]["bodyHash"], json!(body_hash(body).to_string()));
    }
    served.stop().await;
}
