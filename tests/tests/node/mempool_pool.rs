//! The pool against a naive model: random insertions, commits and the passing of time.

use std::sync::Arc;

use proptest::prelude::*;
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::execute::CheckedTransaction;
use titian_contracts::transaction::TransactionId;
use titian_node::mempool::pool::{Inserted, Origin, Pool, Quotas};

const QUOTAS: Quotas = Quotas { transactions_max: 14, bytes_max: 240, age_ms_max: 50, members: 2 };
const STATES: [&str; 4] = ["MY", "SG", "TH", "--"];

#[derive(Clone, Debug)]
enum Action {
    Insert { number: u8, state: usize, bytes: usize },
    Commit { number: u8 },
    Advance { ms: u64 },
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (any::<u8>(), 0..STATES.len(), 1usize..60)
            .prop_map(|(number, state, bytes)| Action::Insert { number, state, bytes }),
        2 => any::<u8>().prop_map(|number| Action::Commit { number }),
        1 => (1u64..30).prop_map(|ms| Action::Advance { ms }),
    ]
}

fn id(number: u8) -> TransactionId {
    TransactionId(Digest([number; 32]))
}

fn checked(number: u8) -> Arc<CheckedTransaction> {
    let parsed = Err(Code::Malformed.into());
    Arc::new(CheckedTransaction { id: id(number), parsed, verified: Vec::new() })
}

/// What waits, in order of arrival; every question is answered by counting.
#[derive(Default)]
struct Model {
    waiting: Vec<(u8, usize, usize, u64)>,
    committed: Vec<u8>,
}

impl Model {
    fn insert(&mut self, number: u8, state: usize, bytes: usize, now_ms: u64) -> Inserted {
        if self.waiting.iter().any(|entry| entry.0 == number) {
            return Inserted::Pending;
        }
        if self.committed.contains(&number) {
            return Inserted::Committed;
        }
        let count = |of: Option<usize>| {
            let counted = self.waiting.iter().filter(|entry| of.is_none_or(|of| entry.1 == of));
            counted.fold((1, bytes), |(n, b), entry| (n + 1, b + entry.2))
        };
        let (all, all_bytes) = count(None);
        let (own, own_bytes) = count(Some(state));
        let parts = QUOTAS.members + 1;
        let share =
            own <= QUOTAS.transactions_max / 2 / parts && own_bytes <= QUOTAS.bytes_max / 2 / parts;
        let half = all <= QUOTAS.transactions_max / 2 && all_bytes <= QUOTAS.bytes_max / 2;
        let limit = all <= QUOTAS.transactions_max && all_bytes <= QUOTAS.bytes_max;
        if !(limit && (share || half)) {
            return Inserted::Full;
        }
        self.waiting.push((number, state, bytes, now_ms));
        Inserted::New
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_pool_does_what_counting_says(actions in prop::collection::vec(action(), 1..120)) {
        let (mut pool, mut model, mut now_ms) = (Pool::new(QUOTAS), Model::default(), 0);
        for action in actions {
            match action {
                Action::Insert { number, state, bytes } => {
                    let inserted =
                        pool.insert(checked(number), STATES[state], bytes, Origin::Peer, now_ms);
                    prop_assert_eq!(inserted, model.insert(number, state, bytes, now_ms));
                }
                Action::Commit { number } => {
                    pool.committed(&[id(number)]);
                    model.waiting.retain(|entry| entry.0 != number);
                    model.committed.push(number);
                }
                Action::Advance { ms } => {
                    now_ms += ms;
                    let mut expired = pool.expire(now_ms);
                    let is_old = |entry: &(u8, usize, usize, u64)| now_ms - entry.3 >= 50;
                    let mut old: Vec<_> =
                        model.waiting.iter().filter(|e| is_old(e)).map(|e| id(e.0)).collect();
                    model.waiting.retain(|entry| !is_old(entry));
                    expired.sort();
                    old.sort();
                    prop_assert_eq!(expired, old);
                }
            }
            prop_assert_eq!(pool.len(), model.waiting.len());
            let bytes: usize = model.waiting.iter().map(|entry| entry.2).sum();
            prop_assert_eq!(pool.bytes(), bytes);
            check_turns(&mut pool, &model)?;
        }
    }

    #[test]
    fn a_state_within_its_share_is_never_refused(
        crowd in prop::collection::vec((0usize..2, 1usize..60), 0..60),
        bytes in prop::collection::vec(1usize..20, 1..3),
    ) {
        // two members and the unsigned: each has 2 transactions and 40 bytes for certain
        let mut pool = Pool::new(QUOTAS);
        let (share, share_bytes) = QUOTAS.share();
        prop_assert_eq!((share, share_bytes), (2, 40));
        for (number, (state, bytes)) in crowd.iter().enumerate() {
            pool.insert(checked(number as u8), ["MY", "--"][*state], *bytes, Origin::Peer, 0);
        }
        for (number, bytes) in bytes.iter().enumerate() {
            let inserted = pool.insert(checked(200 + number as u8), "SG", *bytes, Origin::Peer, 0);
            prop_assert_eq!(inserted, Inserted::New);
        }
    }
}

/// Everything is taken; each state's in its order; the k-th of any state before the k+1-th of all.
fn check_turns(pool: &mut Pool, model: &Model) -> Result<(), TestCaseError> {
    let taken: Vec<TransactionId> =
        pool.take(usize::MAX, usize::MAX).iter().map(|tx| tx.id).collect();
    prop_assert_eq!(taken.len(), model.waiting.len());
    let mut rounds = Vec::new();
    let mut seen = [0usize; STATES.len()];
    for id_taken in &taken {
        let entry = model.waiting.iter().find(|entry| id(entry.0) == *id_taken);
        let state = entry.expect("only what waits is taken").1;
        let of_state: Vec<_> = model.waiting.iter().filter(|entry| entry.1 == state).collect();
        prop_assert_eq!(id(of_state[seen[state]].0), *id_taken);
        rounds.push(seen[state]);
        seen[state] += 1;
    }
    prop_assert!(rounds.is_sorted());
    Ok(())
}
