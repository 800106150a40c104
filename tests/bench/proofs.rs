//! How long proofs take to make and to verify, on the state that the load left.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use titian_contracts::claim::{self, Frame};
use titian_contracts::json::{self, Value};
use titian_contracts::proof;
use titian_contracts::state::{KeyBuilder, Overlay};
use titian_contracts::ubin::kpi;
use titian_contracts::ubin::record::{self, ubin_of_key};
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
    as_of(&ledger, &mut random, &anchor, report).await?;
    history(&ledger, &keys, &mut random, &anchor, report).await
}

/// Counters change with every block that registers a company: of an earlier height both their value
/// and the one after it are proven by change trees.
async fn as_of(
    ledger: &Ledger,
    random: &mut StdRng,
    anchor: &proof::Anchor,
    report: &mut Report,
) -> Result<()> {
    let head = ledger.head().height;
    let now = ledger.state_at(head)?;
    let cells: Vec<Vec<String>> = kpi::counters(&now, "ubin_flow").into_keys().collect();
    ensure!(!cells.is_empty(), "no counters");
    let mut bundles = Vec::new();
    let begin = Instant::now();
    for _ in 0..PROOFS {
        let cells = &cells[random.gen_range(0..cells.len())];
        let cells = cells.iter().map(|cell| Value::from(cell.as_str())).collect();
        let counter = Value::object([("cells", Value::List(cells))]);
        let stated = Value::object([
            ("metric", Value::from("ubin_flow")),
            ("counters", Value::List(vec![counter])),
        ]);
        let height = random.gen_range(1..head);
        bundles.push(make(ledger, "ubin-kpi", &stated, Some(height)).await?);
    }
    report.figure("proof_asof_make_us", each_us(begin));
    let begin = Instant::now();
    for bundle in &bundles {
        proof::verify(bundle.as_bytes(), anchor, 0)?;
    }
    report.figure("proof_asof_verify_us", each_us(begin));
    let bytes = bundles.iter().map(String::len).max().unwrap_or(0);
    report.note(format!("A proof of a counter at an earlier height has up to {bytes} bytes."));
    Ok(())
}

/// All versions of random companies, with their bodies.
async fn history(
    ledger: &Ledger,
    keys: &[Vec<u8>],
    random: &mut StdRng,
    anchor: &proof::Anchor,
    report: &mut Report,
) -> Result<()> {
    let reader = ledger.reader();
    let mut bundle = String::new();
    let begin = Instant::now();
    for _ in 0..PROOFS {
        let ubin = ubin_of_key(&keys[random.gen_range(0..keys.len())]).context("a number")?;
        let (_, record) = record::find(&Overlay::new(&reader), &ubin).context("a record")?;
        let body = ledger.body(&record.body_hash).context("a body")?;
        let version = Value::object([("body", json::parse(&body)?)]);
        let stated = Value::object([
            ("ubin", Value::from(ubin.to_string())),
            ("versions", Value::List(vec![version])),
        ]);
        bundle = make(ledger, "ubin-history", &stated, None).await?;
    }
    report.figure("proof_history_make_us", each_us(begin));
    proof::verify(bundle.as_bytes(), anchor, 0)?;
    Ok(())
}

/// A bundle as the interface makes it.
async fn make(ledger: &Ledger, kind: &str, stated: &Value, height: Option<u64>) -> Result<String> {
    let frame = Frame { chain: ledger.chain(), time_ms: 0 };
    let at = ledger.state_at(height.unwrap_or(ledger.head().height))?;
    let keys = claim::question(kind, stated, &at, frame)?;
    let proven = match height {
        Some(height) => ledger.prove_at(height, keys).await?,
        None => ledger.prove(keys).await?,
    };
    let claim = claim::rebuild(kind, stated, &proven.entries, frame)?;
    Ok(proof::bundle(kind, proven.height, claim, &proven.evidence))
}

fn each_us(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e6 / f64::from(PROOFS)
}
