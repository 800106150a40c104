//! A real node that is killed in the middle of an import goes on where it was (ubin-api.md §14 T13).

use std::time::Duration;

use jsonrpsee::core::client::ClientT as _;
use jsonrpsee::core::params::ObjectParams;
use jsonrpsee::ws_client::WsClient;
use serde_json::Value as Json;
use titian_contracts::digest::Digest;
use titian_contracts::execute::{self, BlockInfo, CheckedTransaction};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::{MemoryState, Overlay};
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::import::{ChunkTree, part_transaction};
use titian_node::ledger::Ledger;
use titian_tests::companies::companies_of;
use titian_tests::ports::free_forty;
use titian_tests::validator::{Validator, world_of_one};
use titian_tests::world::{World, timeless};

const RECORDS: usize = 240;
const PART: usize = 8;
const KILLS: usize = 12;
const SEED: u64 = 13;

/// What is imported: transactions, in order; each needs those before it.
struct Steps {
    bodies: Vec<Value>,
    transactions: Vec<String>,
}

fn steps(world: &World) -> Steps {
    let bodies: Vec<Value> =
        companies_of("SG", SEED, RECORDS).map(|company| company.body).collect();
    let hashes: Vec<Digest> = bodies.iter().map(body_hash).collect();
    let tree = ChunkTree::new(&hashes);
    let args = Value::object([
        ("cc", Value::from("SG")),
        ("seq", Value::Int(1)),
        ("count", Value::from(RECORDS as u64)),
        ("root", Value::from(tree.root())),
    ]);
    let op = world.sign(&world.op(Register::Ubin, "import_chunk", args), &[("SG:ACRA", 1)]);
    let mut transactions = vec![World::transaction(&op)];
    for first in (0..RECORDS).step_by(PART) {
        let path = tree.part_path(first, PART);
        let bodies = &bodies[first..first + PART];
        transactions.push(part_transaction("SG", 1, first as u64, bodies, &path));
    }
    let text = |bytes| String::from_utf8(bytes).expect("JSON text");
    Steps { bodies, transactions: transactions.into_iter().map(text).collect() }
}

async fn ask(client: &WsClient, method: &str, params: ObjectParams) -> Json {
    client.request(method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
}

fn submission(transaction: &str) -> ObjectParams {
    let mut params = ObjectParams::new();
    params.insert("transaction", transaction).expect("a text");
    params
}

/// The first step that the ledger has not taken, by what the node says of the chunk.
async fn next_step(client: &WsClient) -> usize {
    let mut params = ObjectParams::new();
    params.insert("cc", "SG").expect("a text");
    params.insert("seq", 1).expect("a number");
    let status = ask(client, "ubin_importStatus", params).await;
    if status["found"] == false {
        return 0;
    }
    let done = status["done"].as_u64().expect("a count") as usize;
    assert_eq!(done % PART, 0, "a part is in whole or not at all: {status}");
    let bitmap = hex::decode(status["bitmap"].as_str().expect("hex")).expect("hex");
    let bits: u32 = bitmap[..done / 8].iter().map(|byte| byte.count_ones()).sum();
    assert_eq!(bits as usize, done, "parts were sent in order");
    1 + done / PART
}

/// Imports, and kills the node `kills` times at random moments after a step was sent.
async fn import(validator: &mut Validator, steps: &Steps, kills: usize) {
    let mut random = SEED;
    let mut below = |bound: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % bound
    };
    let mut killed = 0;
    validator.start();
    let mut client = validator.client().await;
    loop {
        let step = next_step(&client).await;
        let Some(transaction) = steps.transactions.get(step) else { break };
        let due = steps.transactions.len() / (kills + 1) * (killed + 1);
        if killed < kills && step >= due {
            killed += 1;
            let moment = Duration::from_micros(below(120_000));
            let sent = submission(transaction);
            let answer =
                tokio::time::timeout(moment, client.request::<Json, _>("ledger_submit", sent));
            // whatever came of it: the ledger is asked afterwards
            let _ = answer.await;
            validator.kill();
            validator.start();
            client = validator.client().await;
            continue;
        }
        let answer = ask(&client, "ledger_submit", submission(transaction)).await;
        assert_eq!(answer["receipt"]["ok"], true, "step {step}: {answer}");
    }
    assert_eq!(killed, kills);
}

/// The state of a ledger.
fn state_of(ledger: &Ledger) -> MemoryState {
    let mut state = MemoryState::default();
    let mut after = None;
    loop {
        let page = ledger.scan(b"", after.as_deref(), 1_000);
        let Some((last, _)) = page.last() else { return state };
        after = Some(last.clone());
        state.0.extend(page);
    }
}

/// Executes the blocks of a ledger in one go, from genesis on.
fn execute_blocks(mut world: World, ledger: &Ledger) -> World {
    for height in 1..=ledger.head().height {
        let block = ledger.block(height).expect("every block is kept");
        let time_ms = block.header.time_ms;
        let head = Overlay::new(&world.state);
        let check = |bytes: &Vec<u8>| CheckedTransaction::check(bytes, &head, time_ms);
        let checked: Vec<CheckedTransaction> = block.transactions.iter().map(check).collect();
        let info = BlockInfo { chain: &world.genesis.chain, height, time_ms };
        let outcome = execute::execute(info, &checked, &world.state);
        world.state.apply(&outcome.changes);
    }
    world
}

#[tokio::test]
async fn t13_a_node_killed_in_the_middle_of_an_import_goes_on_to_the_same_state() {
    // one after the other on the same ports: they stand in the genesis, which must be the same
    let port = free_forty();
    let world = world_of_one(port);
    let steps = steps(&world);
    let mut states = Vec::new();
    for kills in [0, KILLS] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut validator = Validator::new(folder.path(), &world, port, |config| {
            config.consensus.block_time_ms = 50;
        });
        import(&mut validator, &steps, kills).await;
        let ledger = validator.stop();
        for body in &steps.bodies {
            let kept = ledger.body(&body_hash(body)).expect("every body is kept");
            assert_eq!(kept, body.to_jcs().into_bytes());
        }
        // the same root as when the same blocks are executed without any interruption
        let uninterrupted = execute_blocks(world.clone(), &ledger);
        assert_eq!(ledger.head().state_root, uninterrupted.root(), "{kills} kills");
        states.push(timeless(&state_of(&ledger)));
    }
    // blocks of other heights, as a restart makes one: the same but for heights
    assert_eq!(states[0], states[1], "uninterrupted, and killed {KILLS} times");
}
