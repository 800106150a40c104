//! What is dropped, what stays, and what is said of it.

use serde_json::json;
use titian_contracts::error::Code;
use titian_contracts::transaction::TransactionId;
use titian_contracts::ubin::kpi;
use titian_node::pruning;
use titian_tests::http::call;
use titian_tests::served::Served;

use super::lives::{Lives, number_of, recount};
use super::proofs::prove_everything;

#[tokio::test]
async fn pruning_keeps_the_last_heights_whole_and_says_what_is_gone() {
    let mut lives = Lives::new(5, 60);
    let first = lives.kept.ledger().block(2).expect("decided").transactions;
    let transactions: Vec<Vec<u8>> = (1..=60)
        .flat_map(|h| lives.kept.ledger().block(h).expect("decided").transactions)
        .collect();
    lives.kept.ledger().store().flush().expect("the disk works");
    let before = lives.kept.ledger().store().disk_bytes();
    let oldest = pruning::all(lives.kept.ledger(), 20).expect("the disk works");
    let after = lives.kept.ledger().store().disk_bytes();
    assert!(after < before, "{before} bytes before, {after} after");
    for reopened in [false, true] {
        if reopened {
            lives.kept.reopen();
        }
        let ledger = lives.kept.ledger();
        assert_eq!(ledger.oldest(), oldest);
        assert!(ledger.block(oldest - 1).is_none() && ledger.certificate(oldest - 1).is_none());
        assert!(ledger.block(oldest).is_some() && ledger.certificate(oldest).is_some());
        let gone = ledger.state_at(oldest - 1).map(|_| ()).map_err(|reject| reject.code);
        assert_eq!(gone, Err(Code::HeightPruned));
        for bytes in &transactions {
            // 60 transactions are far within the window of 1,000,000
            assert!(ledger.is_repeated(&TransactionId::of(bytes)), "may not be repeated");
        }
        let (verified, refused) = prove_everything(&lives, oldest).await;
        assert!(verified > 400, "{verified} verified, {refused} refused");
        for height in oldest..=ledger.head().height {
            let at = ledger.state_at(height).expect("kept");
            let state = &lives.kept.states[height as usize];
            assert_eq!(kpi::counters(&at, "ubin_stock"), recount(state), "height {height}");
        }
    }
    for _ in 0..10 {
        lives.step();
    }
    assert!(lives.kept.agrees(), "blocks go on over what was pruned");
    let (world, blocks, folder, _) = lives.kept.into_parts();
    let served = Served::over(world, blocks.ledger.clone(), folder, |_| {}).await;
    let id = first.first().map_or(TransactionId::of(b""), |bytes| TransactionId::of(bytes));
    for (method, params) in [
        ("ledger_block", json!({"height": 2})),
        ("ledger_header", json!({"height": 2})),
        ("ledger_certificate", json!({"height": 2})),
        ("ledger_receipt", json!({"txId": id.to_string()})),
        ("ledger_transaction", json!({"txId": id.to_string()})),
        ("ubin_kpi", json!({"metric": "ubin_stock", "height": 2})),
        ("ubin_prove", json!({"ubin": number_of(&lives.bodies[0]), "height": 2})),
        ("ubin_get", json!({"ubin": number_of(&lives.bodies[0]), "height": 2})),
    ] {
        let answer = call(served.address, method, params).await;
        assert_eq!(answer["error"]["data"]["name"], "HEIGHT_PRUNED", "{method}: {answer}");
        assert_eq!(answer["error"]["data"]["oldest"], json!(oldest), "{method}");
    }
    served.stop().await;
}

#[test]
fn pruning_in_steps_ends_where_pruning_at_once_does_and_may_stop_anywhere() {
    let mut lives = Lives::new(6, 16);
    let mut steps = 0;
    for round in 0..60_u32 {
        lives.step();
        // a step that is told to stop leaves its work to those after it
        let done =
            pruning::step(lives.kept.ledger(), 16, || round % 3 == 0).expect("the disk works");
        steps += u32::from(done);
        if round % 20 == 7 {
            lives.kept.reopen();
        }
        let head = lives.kept.ledger().head().height;
        let oldest = lives.kept.ledger().oldest();
        assert!(oldest <= (head + 1).saturating_sub(16), "never more than asked for");
        for height in oldest..=head {
            let at = lives.kept.ledger().state_at(height).expect("kept");
            let state = &lives.kept.states[height as usize];
            assert_eq!(kpi::counters(&at, "ubin_stock"), recount(state), "height {height}");
        }
    }
    assert!(steps > 10, "{steps}");
    assert!(lives.kept.agrees());
    let head = lives.kept.ledger().head().height;
    assert_eq!(pruning::all(lives.kept.ledger(), 16).expect("the disk works"), head - 15);
}
