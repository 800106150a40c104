//! How long a proof takes to make and to verify, on the state that the load left.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use titian_contracts::proof;
use titian_contracts::state::KeyBuilder;
use titian_genesis::Genesis;
use titian_node::ledger::Ledger;

use crate::network::data_folder;
use crate::report::Report;

const PROOFS: u32 = 2_000;
const SEED: u64 = 1;

/// Proves random companies from the first node's database.
pub(crate) async fn measure(net: &Path, report: &mut Report) -> Result<()> {
    let genesis = Genesis::parse(&std::fs::read(net.join("genesis.json"))?)?;
    let anchor = genesis.anchor();
    let ledger = Ledger::open(&data_folder(&net.join("node-sg")), genesis)?;
    let companies = KeyBuilder::new("ubin", "rec").text("").build();
    let keys: Vec<Vec<u8>> =
        ledger.scan(&companies, None, usize::MAX).into_iter().map(|(key, _)| key).collect();
    ensure!(!keys.is_empty(), "no companies");
    let mut random = StdRng::seed_from_u64(SEED);
    let chosen: Vec<Vec<u8>> =
        (0..PROOFS).map(|_| keys[random.gen_range(0..keys.len())].clone()).collect();
    let mut bundles = Vec::new();
    let begin = Instant::now();
    for key in chosen {
        let proof = ledger.prove(vec![key]).await.context("a proof")?;
        let claim = titian_contracts::json::Value::object([(
            "entries",
            proof::entries_value(&proof.entries),
        )]);
        bundles.push(proof::bundle("ledger-state", proof.height, claim, &proof.evidence));
    }
    report.figure("proof_make_us", each_us(begin));
    let begin = Instant::now();
    for bundle in &bundles {
        proof::verify(bundle.as_bytes(), &anchor, 0)?;
    }
    report.figure("proof_verify_us", each_us(begin));
    let bytes = bundles.first().map_or(0, String::len);
    report.note(format!("{} companies in state; a proof of one has {bytes} bytes.", keys.len()));
    Ok(())
}

fn each_us(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e6 / f64::from(PROOFS)
}
