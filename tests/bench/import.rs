//! Bulk import: made-up companies of all states through one validator, and what is left of the
//! ordinary throughput with all of them in state: it and an empty ledger beside it take turns, for
//! the machine is not equally fast at all times.
//!
//! The client makes, hashes and cuts the records while the node runs, on the same machine.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use jsonrpsee::core::client::ClientT as _;
use jsonrpsee::core::params::ObjectParams;
use jsonrpsee::ws_client::WsClient;
use rayon::iter::{IntoParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _};
use titian_contracts::digest::Digest;
use titian_contracts::json;
use titian_contracts::time::Date;
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::import::check_body;
use titian_contracts::ubin::scheme::SchemeTable;
use titian_tests::chunks::{self, Chunk};
use titian_tests::companies::company;
use titian_tests::world::World;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::drive::{self, connect, executed, first, submit, submit_and_wait};
use crate::network::Network;
use crate::report::Report;
use crate::workload::Workload;
use crate::{BLOCK_TIME_MS, SIGNED_PER_S};

const SEED: u64 = 20_260_701;
/// Records that are checked without a ledger.
const VALIDATED_MAX: usize = 400_000;
/// Chunks that are made ahead.
const CHUNKS_AHEAD: usize = 2;
/// Clients that send parts at once; while one opens a chunk, the others send.
const SENDERS: usize = 3;
/// Parts sent and not executed: about three blocks, below what one state may have waiting.
const OUTSTANDING_MAX: u64 = 48;
/// How often the head is asked for.
const TICK: Duration = Duration::from_millis(10);
/// Turns that the full ledger and the empty one take, each of half the time of a measurement.
const TURNS: u32 = 4;
/// How long everything sent may take to be executed.
const DRAIN: Duration = Duration::from_secs(120);

/// All figures of the import of `count` companies.
pub(crate) async fn measure(
    folder: &Path,
    count: usize,
    seconds: u64,
    report: &mut Report,
) -> Result<()> {
    eprintln!("checking records");
    report.figure("validate_records_per_s", validate(count.min(VALIDATED_MAX))?);
    let home = folder.join("net-import");
    let turn = Duration::from_secs(seconds) / 2;
    let operations = SIGNED_PER_S[0].1 * (turn * TURNS).as_secs() as usize;
    let mut work = Workload::new(1, operations)?;
    let network = Network::start(&home, &work, BLOCK_TIME_MS).await?;
    let measured = records_through_consensus(&network, &mut work, count, report).await;
    if measured.is_err() {
        eprintln!("{}", network.log_ends());
    }
    measured?;
    let mut beside = Workload::new(1, operations)?;
    let empty = Network::start(&folder.join("net-empty"), &beside, BLOCK_TIME_MS).await?;
    drive::prepare(&empty, &mut beside).await?;
    eprintln!("until the index has every name that was imported");
    drive::indexed(&network).await?;
    throughput([(&empty, &mut beside), (&network, &mut work)], turn, report).await?;
    for network in [empty, network] {
        let total = network.stop()?;
        ensure!(total.refused.is_empty(), "operations were refused: {:?}", total.refused);
        report.mix(&total.acts);
    }
    Ok(())
}

/// The import itself.
async fn records_through_consensus(
    network: &Network,
    work: &mut Workload,
    count: usize,
    report: &mut Report,
) -> Result<()> {
    drive::prepare(network, work).await?;
    let empty = network.disk_bytes()?;
    let world = work.world().keys_only();
    eprintln!("importing {count} companies");
    let begin = Instant::now();
    let records = import(network, world, count).await?;
    let each_s = begin.elapsed().as_secs_f64();
    report.figure("import_records_per_s", records as f64 / each_s);
    report.figure("import_rss_mib", network.peak_memory_mib());
    let bytes = network.disk_bytes()?.saturating_sub(empty);
    report.figure("import_bytes_per_record", bytes as f64 / records as f64);
    Ok(())
}

/// The ordinary load on an empty ledger and on the full one, in turns of so long.
async fn throughput(
    [empty, full]: [(&Network, &mut Workload); 2],
    turn: Duration,
    report: &mut Report,
) -> Result<()> {
    let mut sums = [0.0; 2];
    let mut networks = [empty, full];
    for round in 1..=TURNS {
        eprintln!("empty, then full: sustained load for {turn:?} each, {round} of {TURNS}");
        for (sum, (network, work)) in sums.iter_mut().zip(&mut networks) {
            let rate = drive::sustained(network, work, turn).await?.per_second;
            eprintln!("  {rate:.0} operations/s");
            *sum += rate;
        }
    }
    let [empty, full] = sums.map(|sum| sum / f64::from(TURNS));
    report.figure("ops_per_s_1v_beside", empty);
    report.figure("ops_per_s_1v_1m", full);
    report.figure("throughput_share_1m", full / empty);
    Ok(())
}

/// Records per second that all cores read, hash and check, from their JCS texts.
fn validate(count: usize) -> Result<f64> {
    let texts: Vec<String> =
        (0..count as u64).into_par_iter().map(|place| company(SEED, place).body.to_jcs()).collect();
    let table = SchemeTable::genesis();
    let today = Date::of_ms(titian_tests::world::START_MS);
    let begin = Instant::now();
    let checked: usize = texts
        .par_iter()
        .map(|text| {
            let body = json::parse(text.as_bytes())?;
            let hash = body_hash(&body);
            let warnings = check_body(&body, &table, today)?;
            // the results must not be optimised away
            Ok(usize::from(hash != Digest::ZERO && warnings.len() < 9))
        })
        .sum::<Result<usize, titian_contracts::error::Reject>>()?;
    let elapsed = begin.elapsed().as_secs_f64();
    ensure!(checked == count, "a record was not checked");
    Ok(count as f64 / elapsed)
}

/// Imports; gives the number of records once all of them are executed and found applied.
async fn import(network: &Network, world: World, count: usize) -> Result<usize> {
    let (sender, chunks) = mpsc::channel::<Chunk>(CHUNKS_AHEAD);
    let maker = tokio::task::spawn_blocking(move || make_chunks(&world, count, &sender));
    let start = executed(&connect(first(network)?).await?).await?;
    let sent = Arc::new(AtomicU64::new(start));
    let chunks = Arc::new(Mutex::new(chunks));
    let opening = Arc::new(Mutex::new(()));
    let mut senders: JoinSet<Result<()>> = JoinSet::new();
    for _ in 0..SENDERS {
        let client = connect(first(network)?).await?;
        let (chunks, opening, sent) =
            (Arc::clone(&chunks), Arc::clone(&opening), Arc::clone(&sent));
        senders.spawn(async move {
            loop {
                // numbers follow each other, so chunks are opened in the order they are made
                let turn = opening.lock().await;
                let Some(chunk) = chunks.lock().await.recv().await else { return Ok(()) };
                sent.fetch_add(1, Ordering::Relaxed);
                submit_and_wait(&client, chunk.open).await?;
                drop(turn);
                send_parts(&client, chunk.parts, &sent).await?;
            }
        });
    }
    while let Some(ended) = senders.join_next().await {
        ended??;
    }
    let client = connect(first(network)?).await?;
    let deadline = Instant::now() + DRAIN;
    while executed(&client).await? < sent.load(Ordering::Relaxed) {
        ensure!(Instant::now() < deadline, "not executed within {DRAIN:?}");
        tokio::time::sleep(TICK).await;
    }
    let chunks = maker.await??;
    check_applied(&client, &chunks, count).await?;
    Ok(count)
}

async fn send_parts(client: &WsClient, parts: Vec<Vec<u8>>, sent: &AtomicU64) -> Result<()> {
    for part in parts {
        while sent.load(Ordering::Relaxed).saturating_sub(executed(client).await?) > OUTSTANDING_MAX
        {
            tokio::time::sleep(TICK).await;
        }
        sent.fetch_add(1, Ordering::Relaxed);
        submit(client, vec![part]).await?;
    }
    Ok(())
}

/// Every record of every chunk was applied.
async fn check_applied(
    client: &WsClient,
    chunks: &[(&'static str, u64)],
    count: usize,
) -> Result<()> {
    let mut applied = 0;
    for (cc, seq) in chunks {
        let mut params = ObjectParams::new();
        params.insert("cc", cc)?;
        params.insert("seq", seq)?;
        let status: serde_json::Value = client.request("ubin_importStatus", params).await?;
        ensure!(status["results"].as_array().is_some_and(Vec::is_empty), "{cc}/{seq}: {status}");
        applied += status["applied"].as_u64().unwrap_or(0);
    }
    ensure!(applied == count as u64, "{applied} of {count} records were applied");
    Ok(())
}

/// Makes and sends the chunks, state by state; gives state and number of each.
fn make_chunks(
    world: &World,
    count: usize,
    sender: &mpsc::Sender<Chunk>,
) -> Result<Vec<(&'static str, u64)>> {
    let mut made = Vec::new();
    for (cc, seq, places) in chunks::plan(count) {
        made.push((cc, seq));
        if sender.blocking_send(chunks::make(world, SEED, cc, seq, places)).is_err() {
            anyhow::bail!("the senders ended");
        }
    }
    Ok(made)
}
