//! The mempool's door: what is admitted, refused, told, taken and dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::door::{Door, PATIENCE};
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::op::{Op, Register};
use titian_contracts::state::Reader;
use titian_contracts::transaction::TransactionId;
use titian_node::mempool::{Mempool, MempoolConfig};
use titian_tests::world::World;

fn code<T: std::fmt::Debug>(result: Result<T, titian_contracts::error::Reject>) -> Code {
    result.expect_err("it must be refused").code
}

#[tokio::test]
async fn an_admitted_transaction_is_taken_with_its_signatures_verified_and_leaves_with_its_block() {
    let door = Door::new();
    let bytes = door.transaction("SG:ACRA", 1);
    let id = door.mempool.submit(bytes.clone()).await.expect("admitted");
    assert_eq!(id, TransactionId::of(&bytes));
    assert_eq!(*door.mempool.ready().borrow(), 1);

    let taken = door.mempool.take(usize::MAX, usize::MAX);
    assert_eq!(taken.len(), 1);
    let key = door.world.key("SG:ACRA", 1).verifying_key().to_bytes();
    assert_eq!(taken[0].verified, [Some(key)]);
    assert_eq!(door.mempool.len(), 1, "taking removes nothing");
    assert_eq!(door.mempool.checked(&id).expect("it waits").id, id);

    door.mempool.committed(&[id], 5);
    assert!(door.mempool.is_empty() && door.mempool.checked(&id).is_none());
    assert_eq!(*door.mempool.ready().borrow(), 0);
    assert_eq!(door.mempool.status().last_commit_ms, 5);
}

#[tokio::test]
async fn the_same_bytes_give_the_same_id_while_they_wait_and_after_their_block() {
    let door = Door::new();
    let bytes = door.transaction("SG:ACRA", 1);
    let id = door.mempool.submit(bytes.clone()).await.expect("admitted");
    assert_eq!(door.mempool.submit(bytes.clone()).await, Ok(id));
    assert_eq!(door.mempool.len(), 1);

    door.mempool.committed(&[id], 0);
    assert_eq!(door.mempool.submit(bytes).await, Ok(id));
    assert!(door.mempool.is_empty(), "it must not be proposed again");

    let older = door.transaction("SG:ACRA", 2);
    let older_id = TransactionId::of(&older);
    door.set_known(older_id);
    assert_eq!(door.mempool.submit(older).await, Ok(older_id));
    assert!(door.mempool.is_empty(), "it stands in a block");
}

#[tokio::test]
async fn what_a_block_executes_while_it_is_judged_is_known_and_not_refused() {
    let world = World::new();
    let op = world.op(Register::Ubin, "register", Value::object([("n", Value::from(1u64))]));
    let mut signature = world.signature(&Digest::ZERO, "SG:ACRA", 1);
    signature.key = 9;
    let bytes = World::transaction(&Op::with_signature(&op, &signature));
    let (id, head_ms, looks) = (TransactionId::of(&bytes), world.time_ms, AtomicU64::new(0));
    let head: Arc<dyn Reader + Send + Sync> = Arc::new(world.state);
    let mempool = Mempool::with_clock(
        MempoolConfig::new(&world.genesis.chain, 11),
        move || (Arc::clone(&head), head_ms),
        // the block comes after the first look
        move |_| looks.fetch_add(1, Ordering::SeqCst) > 0,
        move || head_ms,
    );
    assert_eq!(mempool.expect("threads start").submit(bytes).await, Ok(id));
}

#[tokio::test]
async fn what_the_rules_refuse_is_refused_at_the_door() {
    let door = Door::new();
    let world = &door.world;
    let op = world.op(Register::Ubin, "register", Value::object([("n", Value::from(1u64))]));

    let mut forged = world.signature(&Digest::ZERO, "SG:ACRA", 1);
    let bytes = World::transaction(&Op::with_signature(&op, &forged));
    assert_eq!(code(door.mempool.submit(bytes).await), Code::BadSignature);

    forged.key = 9;
    let bytes = World::transaction(&Op::with_signature(&op, &forged));
    assert_eq!(code(door.mempool.submit(bytes).await), Code::KeyNotActive);

    let elsewhere = world.sign(&op.with("chain", Value::from("other-1")), &[("SG:ACRA", 1)]);
    let bytes = World::transaction(&elsewhere);
    assert_eq!(code(door.mempool.submit(bytes).await), Code::Malformed);

    let unknown = world.sign(&op.with("act", Value::from("conjure")), &[("SG:ACRA", 1)]);
    assert_eq!(code(door.mempool.submit(World::transaction(&unknown)).await), Code::Malformed);

    assert_eq!(code(door.mempool.submit(b"{}".to_vec()).await), Code::Malformed);
    assert!(door.mempool.is_empty());
}

#[tokio::test]
async fn a_transaction_of_the_largest_size_is_admitted_and_one_byte_more_is_not() {
    let door = Door::new();
    let room = door.room("SG:ACRA");
    door.mempool.submit(door.largest("SG:ACRA")).await.expect("within the limit");
    let beyond = door.transaction_with("SG:ACRA", 1, &"x".repeat(room + 1));
    assert_eq!(code(door.mempool.submit(beyond).await), Code::LimitExceeded);
}

#[tokio::test]
async fn beyond_half_a_state_has_its_share_only_and_is_told_when_to_come_back() {
    // 12 in all, half of it in shares of 2 for MY, SG and the unsigned
    let door = Door::small(12, 2);
    for n in 0..6 {
        door.mempool.submit(door.transaction("SG:ACRA", n)).await.expect("the free half");
    }
    let refused = door.mempool.submit(door.transaction("SG:ACRA", 6)).await.expect_err("full");
    assert_eq!(refused.code, Code::Busy);
    assert_eq!(refused.detail, format!("retryAfterMs={}", door.mempool.retry_after_ms()));

    for n in 0..2 {
        door.mempool.submit(door.transaction("MY:SSM", n)).await.expect("its share");
    }
    assert_eq!(code(door.mempool.submit(door.transaction("MY:SSM", 2)).await), Code::Busy);

    let taken = door.mempool.take(usize::MAX, 4);
    door.mempool.committed(&taken.iter().map(|tx| tx.id).collect::<Vec<_>>(), 0);
    door.mempool.submit(door.transaction("MY:SSM", 2)).await.expect("there is room again");
}

#[tokio::test]
async fn a_full_line_before_verification_is_busy_at_once_and_keeps_what_it_took() {
    let door = Door::with(|config| config.queue_transactions_max = 3);
    let batch: Vec<Vec<u8>> = (0..8).map(|n| door.transaction("SG:ACRA", n)).collect();
    let answers = door.mempool.submit_many(batch).await;
    assert!(answers[..3].iter().all(Result::is_ok));
    assert!(answers[3..].iter().all(|answer| answer.as_ref().is_err_and(|e| e.code == Code::Busy)));
    assert_eq!(door.mempool.len(), 3);
}

#[tokio::test]
async fn proposals_take_one_of_each_state_in_turn_and_the_oldest_of_each_first() {
    let door = Door::new();
    let mut owners = std::collections::BTreeMap::new();
    for (authority, count) in [("SG:ACRA", 6), ("MY:SSM", 2), ("TH:DBD", 1)] {
        for n in 0..count {
            let id = door.mempool.submit(door.transaction(authority, n)).await.expect("admitted");
            owners.insert(id, format!("{}{n}", &authority[..2]));
        }
    }
    let take = |bytes_max, count_max| -> Vec<String> {
        let taken = door.mempool.take(bytes_max, count_max);
        taken.iter().map(|tx| owners[&tx.id].clone()).collect()
    };
    let all = ["MY0", "SG0", "TH0", "MY1", "SG1", "SG2", "SG3", "SG4", "SG5"];
    assert_eq!(take(usize::MAX, usize::MAX), all);
    assert_eq!(take(usize::MAX, 4), ["SG0", "TH0", "MY0", "SG1"], "another state starts");
    assert_eq!(take(usize::MAX, 1), ["TH0"]);
    assert_eq!(take(usize::MAX, 2), ["MY0", "SG0"]);

    let one = door.transaction("SG:ACRA", 0).len() + 4;
    assert_eq!(take(one, usize::MAX), ["SG0"], "exactly one fits");
    let shortest = door.transaction("TH:DBD", 0).len() + 4;
    assert!(take(shortest - 1, usize::MAX).is_empty());
}

#[tokio::test]
async fn a_long_transaction_does_not_hold_up_other_states_nor_let_its_own_overtake() {
    let door = Door::new();
    let long = door.transaction_with("SG:ACRA", 0, &"x".repeat(10_000));
    door.mempool.submit(long).await.expect("admitted");
    let next = door.mempool.submit(door.transaction("SG:ACRA", 1)).await.expect("admitted");
    let other = door.mempool.submit(door.transaction("TH:DBD", 0)).await.expect("admitted");
    let taken: Vec<TransactionId> = door.mempool.take(5_000, 10).iter().map(|tx| tx.id).collect();
    assert_eq!(taken, [other]);
    assert!(!taken.contains(&next));
}

#[tokio::test]
async fn what_waits_too_long_is_dropped_and_reported_and_may_come_again() {
    let door = Door::new();
    let mut expired = door.mempool.expired();
    let bytes = door.transaction("SG:ACRA", 1);
    let id = door.mempool.submit(bytes.clone()).await.expect("admitted");
    door.advance_ms(limits::MEMPOOL_AGE_MS_MAX - 1);
    door.mempool.expire();
    assert_eq!(door.mempool.len(), 1);
    assert_eq!(door.mempool.status().oldest_age_ms, Some(limits::MEMPOOL_AGE_MS_MAX - 1));

    door.advance_ms(1);
    assert!(door.mempool.take(usize::MAX, usize::MAX).is_empty());
    let reported = tokio::time::timeout(PATIENCE, expired.recv()).await.expect("in time");
    assert_eq!(reported, Ok(id));
    assert_eq!(door.mempool.submit(bytes).await, Ok(id));
    assert_eq!(door.mempool.len(), 1);
}

#[tokio::test]
async fn others_are_told_of_what_clients_brought_and_again_while_it_waits() {
    let door = Door::new();
    let own: Vec<Vec<u8>> = (0..3).map(|n| door.transaction("SG:ACRA", n)).collect();
    for bytes in &own {
        door.mempool.submit(bytes.clone()).await.expect("admitted");
    }
    door.mempool.receive(vec![door.transaction("MY:SSM", 0)]);
    door.until_waiting(4).await;

    tokio::time::timeout(PATIENCE, door.mempool.wait_untold()).await.expect("there is something");
    let two = own[0].len() + own[1].len() + 8;
    assert_eq!(door.mempool.next_untold(two), own[..2]);
    assert_eq!(door.mempool.next_untold(1), own[2..], "at least one");
    assert!(door.mempool.next_untold(usize::MAX).is_empty(), "a peer's is the peer's to tell");

    door.mempool.committed(&[TransactionId::of(&own[0])], 0);
    door.advance_ms(4_999);
    door.mempool.tell_again(5_000);
    assert!(door.mempool.next_untold(usize::MAX).is_empty());
    door.advance_ms(1);
    door.mempool.tell_again(5_000);
    assert_eq!(door.mempool.next_untold(usize::MAX), own[1..]);
    door.advance_ms(9_999);
    door.mempool.tell_again(5_000);
    assert!(door.mempool.next_untold(usize::MAX).is_empty(), "the wait has doubled");
    door.advance_ms(1);
    door.mempool.tell_again(5_000);
    assert_eq!(door.mempool.next_untold(usize::MAX), own[1..]);
}

#[tokio::test]
async fn offences_count_only_what_no_honest_peer_sends() {
    let door = Door::new();
    let world = &door.world;
    let offences = Arc::new(AtomicU64::new(0));
    let op = world.op(Register::Ubin, "register", Value::object([("n", Value::from(1u64))]));
    let mut forged = world.signature(&Digest::ZERO, "SG:ACRA", 1);
    let bad_signature = World::transaction(&Op::with_signature(&op, &forged));
    forged.key = 9;
    let key_not_known_here_yet = World::transaction(&Op::with_signature(&op, &forged));
    let batch = vec![
        bad_signature,
        b"no transaction".to_vec(),
        key_not_known_here_yet,
        door.transaction("SG:ACRA", 2),
        door.transaction("SG:ACRA", 2),
    ];
    door.mempool.receive_from(batch, &offences);
    door.until_waiting(1).await;
    // What comes later is judged later: then the first batch is settled.
    door.mempool.receive_from(vec![door.transaction("SG:ACRA", 3)], &offences);
    door.until_waiting(2).await;
    assert_eq!(offences.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_closed_door_takes_nothing_new_and_keeps_what_waits() {
    let door = Door::new();
    let waiting = door.transaction("SG:ACRA", 1);
    let id = door.mempool.submit(waiting.clone()).await.expect("admitted");
    door.mempool.set_open(false);
    let new = door.transaction("SG:ACRA", 2);
    assert_eq!(code(door.mempool.submit(new.clone()).await), Code::Unavailable);
    assert_eq!(door.mempool.submit(waiting).await, Ok(id));
    assert_eq!(door.mempool.take(usize::MAX, 10).len(), 1);
    door.mempool.set_open(true);
    door.mempool.submit(new).await.expect("open again");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clients_at_once_are_all_answered_and_each_keeps_its_order() {
    let door = Arc::new(Door::new());
    let authorities = ["SG:ACRA", "MY:SSM", "TH:DBD", "VN:NBR"];
    let clients: Vec<_> = authorities
        .map(|authority| {
            let door = Arc::clone(&door);
            tokio::spawn(async move {
                let batch: Vec<_> = (0..300).map(|n| door.transaction(authority, n)).collect();
                door.mempool.submit_many(batch).await
            })
        })
        .into_iter()
        .collect();
    let mut expected = Vec::new();
    for client in clients {
        let answers = client.await.expect("no panic");
        expected.push(answers.into_iter().map(|a| a.expect("admitted")).collect::<Vec<_>>());
    }
    let taken = door.mempool.take(usize::MAX, usize::MAX);
    assert_eq!(taken.len(), 1_200);
    for (authority, expected) in authorities.iter().zip(expected) {
        let of_state: Vec<TransactionId> = taken
            .iter()
            .filter(|tx| tx.parsed.as_ref().is_ok_and(|p| p.quota_owner() == authority[..2]))
            .map(|tx| tx.id)
            .collect();
        assert_eq!(of_state, expected);
    }
}
