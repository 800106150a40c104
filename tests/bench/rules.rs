//! The rules alone, on one core and in memory: no network, no database, no consensus.

use std::time::Instant;

use anyhow::{Result, ensure};
use titian_contracts::execute::{self, BlockInfo, CheckedTransaction};
use titian_contracts::state::Overlay;

use crate::report::Report;
use crate::workload::Workload;

const OPERATIONS: usize = 20_000;
const BLOCK: usize = 1_000;

/// Checks (parses, verifies signatures) and executes the mix on one thread.
pub(crate) fn measure(report: &mut Report) -> Result<()> {
    let mut work = Workload::new(1, OPERATIONS)?;
    let operations = work.take(OPERATIONS)?;
    let world = work.world();
    let begin = Instant::now();
    let head = Overlay::new(&world.state);
    let checked: Vec<CheckedTransaction> = operations
        .iter()
        .map(|bytes| CheckedTransaction::check(bytes, &head, world.time_ms))
        .collect();
    let check = begin.elapsed();
    drop(head);
    let begin = Instant::now();
    for block in checked.chunks(BLOCK) {
        world.height += 1;
        let chain = &world.genesis.chain;
        let info = BlockInfo { chain, height: world.height, time_ms: world.time_ms };
        let outcome = execute::execute(info, block, &world.state);
        let refused = outcome.receipts.iter().find(|receipt| receipt.error.is_some());
        ensure!(refused.is_none(), "refused: {refused:?}");
        world.state.apply(&outcome.changes);
    }
    let run = begin.elapsed();
    let each_us = |time: std::time::Duration| time.as_secs_f64() * 1e6 / OPERATIONS as f64;
    report.figure("rules_check_us", each_us(check));
    report.figure("rules_execute_us", each_us(run));
    Ok(())
}
