//! T14 of ubin-api.md §14 at a hundredth of its size: companies of all eleven states through the
//! consensus of a real node, which is killed on the way. Figures of the whole are the benchmark's
//! (`make bench`); nothing here depends on how fast the machine is.

use std::path::Path;
use std::time::Duration;

use jsonrpsee::core::client::ClientT as _;
use jsonrpsee::core::params::ObjectParams;
use jsonrpsee::ws_client::WsClient;
use serde_json::Value as Json;
use titian_contracts::state::Overlay;
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::{kpi, record};
use titian_node::ledger::Ledger;
use titian_tests::chunks;
use titian_tests::companies::{companies_of, shares};
use titian_tests::ports::free_forty;
use titian_tests::validator::{Validator, world_of_one};

const RECORDS: usize = 10_000;
const SEED: u64 = 14;
/// The node is killed after every so many transactions.
const KILL_EVERY: usize = 6;
/// Bytes on disk that a record may take, log and indexes included: the database of a company is a
/// few times its body, never an order of magnitude.
const BYTES_PER_RECORD_MAX: u64 = 8_192;

async fn ask(client: &WsClient, method: &str, params: ObjectParams) -> Json {
    client.request(method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
}

fn submission(transaction: &[u8]) -> ObjectParams {
    let mut params = ObjectParams::new();
    let text = std::str::from_utf8(transaction).expect("JSON text");
    params.insert("transaction", text).expect("a text");
    params
}

/// Bytes of the files below a folder.
fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder of the node");
    let sizes = entries.map(|entry| {
        let entry = entry.expect("a folder of the node");
        let meta = entry.metadata().expect("the node stands still");
        if meta.is_dir() { bytes_in(&entry.path()) } else { meta.len() }
    });
    sizes.sum()
}

/// Every company is found under its number, with its body, and nothing else is counted.
fn check_all(ledger: &Ledger) {
    let reader = ledger.reader();
    let overlay = Overlay::new(&reader);
    let head = ledger.state_at(ledger.head().height).expect("the head is kept");
    let stock = kpi::counters(&head, "ubin_stock");
    for (cc, records) in shares(RECORDS) {
        for company in companies_of(cc, SEED, records) {
            let ubin = Ubin {
                cc: company.cc.to_owned(),
                scheme: company.scheme.to_owned(),
                local: company.local.clone(),
            };
            let (found, record) = record::find(&overlay, &ubin).expect("it was imported");
            let hash = body_hash(&company.body);
            assert_eq!((found, record.version, record.body_hash), (ubin, 1, hash));
            let kept = ledger.body(&hash).expect("its body is kept");
            assert_eq!(kept, company.body.to_jcs().into_bytes());
        }
        let counted = stock.iter().filter(|(cells, _)| cells[0] == cc).map(|(_, value)| value);
        assert_eq!(counted.sum::<u64>(), records as u64, "{cc}: counted once each");
    }
}

#[tokio::test]
async fn t14_ten_thousand_companies_of_all_states_pass_through_consensus_and_kills() {
    println!("seed {SEED}");
    let port = free_forty();
    let world = world_of_one(port);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut validator = Validator::new(folder.path(), &world, port, |config| {
        config.consensus.block_time_ms = 50;
    });
    validator.start();
    let mut client = validator.client().await;
    let (mut sent, mut kills) = (0, 0_u64);
    for (cc, seq, places) in chunks::plan(RECORDS) {
        let chunk = chunks::make(&world, SEED, cc, seq, places);
        for transaction in std::iter::once(&chunk.open).chain(&chunk.parts) {
            sent += 1;
            if sent % KILL_EVERY == 0 {
                // at another moment each time, whatever became of what was just sent
                kills += 1;
                let moment = Duration::from_millis(kills * 37 % 150);
                let answer = client.request::<Json, _>("ledger_submit", submission(transaction));
                let _ = tokio::time::timeout(moment, answer).await;
                validator.kill();
                validator.start();
                client = validator.client().await;
            }
            // the same bytes again give the same receipt if they were executed before the kill
            let answer = ask(&client, "ledger_submit", submission(transaction)).await;
            assert_eq!(answer["receipt"]["ok"], true, "{cc}: {answer}");
        }
        let mut params = ObjectParams::new();
        params.insert("cc", cc).expect("a text");
        params.insert("seq", seq).expect("a number");
        let status = ask(&client, "ubin_importStatus", params).await;
        assert_eq!(status["results"], Json::Array(Vec::new()), "{cc}: every record applied");
    }
    assert!(kills >= 5, "{kills} kills in {sent} transactions");
    let ledger = validator.stop();
    check_all(&ledger);
    let bytes = bytes_in(&folder.path().join("data/ledger")) / RECORDS as u64;
    println!("{sent} transactions, {kills} kills, {bytes} bytes a record");
    assert!((500..=BYTES_PER_RECORD_MAX).contains(&bytes), "{bytes} bytes a record");
}
