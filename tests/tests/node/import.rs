//! Bulk import at the door of a node and over its interface (ubin-api.md §12, §14 T13).

use serde_json::json;
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::op::Register;
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::import::{ChunkTree, part_transaction};
use titian_tests::companies::companies_of;
use titian_tests::http::{error_name, result};
use titian_tests::served::Served;
use titian_tests::world::World;

use crate::door::Door;

struct Chunk {
    bodies: Vec<Value>,
    tree: ChunkTree,
}

impl Chunk {
    fn new(count: usize) -> Self {
        let bodies: Vec<Value> = companies_of("TH", 5, count).map(|company| company.body).collect();
        let hashes: Vec<Digest> = bodies.iter().map(body_hash).collect();
        Self { bodies, tree: ChunkTree::new(&hashes) }
    }

    fn open(&self, world: &World) -> Vec<u8> {
        let args = Value::object([
            ("cc", Value::from("TH")),
            ("seq", Value::Int(1)),
            ("count", Value::from(self.bodies.len() as u64)),
            ("root", Value::from(self.tree.root())),
        ]);
        let op = world.op(Register::Ubin, "import_chunk", args);
        World::transaction(&world.sign(&op, &[("TH:DBD", 1)]))
    }

    fn part(&self, first: usize, count: usize) -> Vec<u8> {
        let path = self.tree.part_path(first, count);
        part_transaction("TH", 1, first as u64, &self.bodies[first..first + count], &path)
    }

    /// Parts as large as they may be.
    fn largest_parts(&self) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        let mut first = 0;
        while first < self.bodies.len() {
            let rest = self.bodies.len() - first;
            let fits =
                |count: &usize| self.part(first, *count).len() <= limits::IMPORT_PAYLOAD_BYTES_MAX;
            let count = (1..=rest).rev().find(fits).expect("one body fits");
            parts.push(self.part(first, count));
            first += count;
        }
        parts
    }
}

/// A world with an open chunk of Thailand, and its parts, as large as they may be.
pub(crate) fn open_chunk() -> (World, Vec<Vec<u8>>) {
    let chunk = Chunk::new(700);
    let mut world = World::new();
    let receipts = world.run_transactions(&[chunk.open(&world)]);
    assert_eq!(receipts[0].error, None);
    let parts = chunk.largest_parts();
    assert!(parts[0].len() > limits::IMPORT_PAYLOAD_BYTES_MAX - 4_096, "{}", parts[0].len());
    assert!(parts.len() >= 2);
    (world, parts)
}

#[tokio::test]
async fn t13_a_part_counts_for_the_state_of_its_chunk_and_fits_into_a_block() {
    let (world, parts) = open_chunk();
    let door = Door::on(world, |_| {});
    let count = parts.len();
    let bytes: usize = parts.iter().map(Vec::len).sum();
    let answers = door.mempool.submit_many(parts.clone()).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let status = door.mempool.status();
    assert_eq!(status.lanes.len(), 1);
    let lane = &status.lanes[0];
    assert_eq!((lane.ams.as_str(), lane.transactions, lane.bytes), ("TH", count, bytes));
    let taken = door.mempool.take(limits::BLOCK_BYTES_MAX, limits::BLOCK_TRANSACTIONS_MAX);
    assert_eq!(taken.len(), count);
    let one = door.mempool.take(parts[0].len() + 4, limits::BLOCK_TRANSACTIONS_MAX);
    assert_eq!(one.len(), 1, "what does not fit waits");
    // without its chunk, and forged
    let closed = Door::new();
    let refused = closed.mempool.submit(parts[0].clone()).await.expect_err("refused");
    assert_eq!(refused.code, Code::ImportNotOpen);
    let forged = String::from_utf8(parts[0].clone()).expect("text").replacen("b3:", "b3:0", 1);
    let refused = door.mempool.submit(forged.into_bytes()).await.expect_err("refused");
    assert_eq!(refused.code, Code::Malformed);
}

#[tokio::test]
async fn t13_import_status_tells_what_became_of_each_record() {
    let mut chunk = Chunk::new(30);
    chunk.bodies[3] = chunk.bodies[3].with("version", Value::Int(2));
    chunk.bodies[4] = chunk.bodies[4].with("version", Value::Int(2));
    chunk.bodies[29] = chunk.bodies[29].with("sizeClass", Value::from("HUGE"));
    let hashes: Vec<Digest> = chunk.bodies.iter().map(body_hash).collect();
    chunk.tree = ChunkTree::new(&hashes);
    let served = Served::start().await;
    let at = served.address;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let status = |params| result(at, "ubin_importStatus", params);
    let none = status(json!({"cc": "TH"})).await;
    assert_eq!((&none["found"], &none["nextSeq"]), (&json!(false), &json!(1)));
    let root = chunk.tree.root().to_string();
    assert_eq!(status(json!({"root": root})).await["found"], false);

    let early = json!({"transaction": text(chunk.part(0, 8))});
    assert_eq!(error_name(at, "ledger_submit", early).await, "IMPORT_NOT_OPEN");
    let opened = text(chunk.open(&served.world));
    let opened = result(at, "ledger_submit", json!({"transaction": opened})).await;
    assert_eq!(opened["receipt"]["ok"], true, "{opened}");
    let shown = status(json!({"root": root})).await;
    assert_eq!(
        (&shown["cc"], &shown["seq"], &shown["nextSeq"]),
        (&json!("TH"), &json!(1), &json!(2))
    );
    assert_eq!(
        (&shown["count"], &shown["open"], &shown["done"]),
        (&json!(30), &json!(true), &json!(0))
    );
    assert_eq!(shown["bitmap"], "00000000");
    assert_eq!(shown["txId"], opened["txId"]);

    let part = result(at, "ledger_submit", json!({"transaction": text(chunk.part(0, 10))})).await;
    let events = part["receipt"]["events"].as_array().expect("a list");
    assert_eq!(events.len(), 9, "eight records and the part");
    let shown = status(json!({"cc": "TH", "seq": 1})).await;
    assert_eq!(shown["bitmap"], "ff030000");
    assert_eq!((&shown["applied"], &shown["versionConflict"]), (&json!(8), &json!(2)));
    assert_eq!(shown["results"], json!([{"first": 3, "count": 2, "code": "VERSION_CONFLICT"}]));
    result(at, "ledger_submit", json!({"transaction": text(chunk.part(10, 20))})).await;
    let shown = status(json!({"root": root, "from": 5})).await;
    assert_eq!(
        (&shown["open"], &shown["done"], &shown["next"]),
        (&json!(false), &json!(30), &json!(null))
    );
    assert_eq!(shown["results"], json!([{"first": 29, "count": 1, "code": "MALFORMED"}]));
    assert_eq!(
        (&shown["applied"], &shown["rejected"], &shown["unchanged"]),
        (&json!(27), &json!(1), &json!(0))
    );

    // the records are there with their bodies, and the part can be read as it was sent
    let ubin = chunk.bodies[7].get("ubin").and_then(Value::as_text).expect("a number");
    let found = result(at, "ubin_get", json!({"ubin": ubin})).await;
    assert_eq!(found["record"]["body"]["ubin"], ubin);
    let tx = result(at, "ledger_transaction", json!({"txId": part["txId"]})).await;
    assert_eq!((&tx["kind"], &tx["name"]), (&json!("import_part"), &json!("ubin.import_part")));
    assert_eq!(tx["transaction"]["payload"]["first"], 0);
    // refused bodies are not kept
    let ledger = &served.blocks.ledger;
    assert!(ledger.body(&body_hash(&chunk.bodies[28])).is_some());
    assert!(ledger.body(&body_hash(&chunk.bodies[29])).is_none());

    for (params, name) in [
        (json!({}), "INVALID_PARAMS"),
        (json!({"seq": 1}), "INVALID_PARAMS"),
        (json!({"root": root, "seq": 1}), "INVALID_PARAMS"),
        (json!({"root": "b3:1"}), "INVALID_PARAMS"),
        (json!({"cc": "XX"}), "UBIN_COUNTRY_UNKNOWN"),
    ] {
        assert_eq!(error_name(at, "ubin_importStatus", params.clone()).await, name, "{params}");
    }
    served.stop().await;
}
