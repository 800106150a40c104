//! The clients: they submit over WebSocket, as an integrator would, and watch what is executed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use jsonrpsee::core::client::ClientT as _;
use jsonrpsee::core::params::ObjectParams;
use jsonrpsee::ws_client::{WsClient, WsClientBuilder};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde::de::DeserializeOwned;
use titian_api::ledger::{Status, Submission, Submitted, SubmittedBatch};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::network::{Network, Node};
use crate::workload::Workload;

/// Clients that submit at once, spread over the nodes.
const FEEDERS: usize = 4;
/// Transactions of one request.
const BATCH: usize = 100;
/// Admitted and not executed transactions beyond which feeders wait: below half of the pool, so
/// that nobody is refused.
const OUTSTANDING_MAX: u64 = 6_000;
/// How often the head is asked for.
const TICK: Duration = Duration::from_millis(50);
/// How long everything admitted may take to be executed.
const DRAIN: Duration = Duration::from_secs(60);
/// Submissions of one client on an idle network.
const IDLE_SUBMISSIONS: usize = 200;
/// Clients that measure latency under load, and for how long.
const PROBES: usize = 8;
const LOADED: Duration = Duration::from_secs(15);
/// Clients that read, and for how long.
const READERS: usize = 32;
const READING: Duration = Duration::from_secs(5);
const SEED: u64 = 7;

/// A load that was held.
pub(crate) struct Sustained {
    /// Executed within the middle of the time.
    pub(crate) per_second: f64,
    /// Executed in all.
    pub(crate) operations: u64,
}

/// From submission to receipt.
pub(crate) struct Latency {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Registers the traders and issues the notes that are offered later.
pub(crate) async fn prepare(network: &Network, work: &mut Workload) -> Result<()> {
    let client = connect(first(network)?).await?;
    for transaction in std::mem::take(&mut work.traders_first) {
        submit_and_wait(&client, transaction).await?;
    }
    let notes = std::mem::take(&mut work.notes_first);
    let count = notes.len();
    eprintln!("{} validator(s): issuing {count} notes", network.nodes.len());
    let goal = executed(&client).await? + count as u64;
    feed(network, notes.into(), Arc::default()).await?;
    drain(network, goal).await
}

/// Submits as fast as operations are executed, for `time`.
pub(crate) async fn sustained(
    network: &Network,
    work: &mut Workload,
    time: Duration,
) -> Result<Sustained> {
    let start = executed(&connect(first(network)?).await?).await?;
    let signed = work.mix.len();
    let stop = Arc::new(AtomicBool::new(false));
    let watch = tokio::spawn(watch_until(first(network)?.rpc, time, Arc::clone(&stop)));
    let begin = Instant::now();
    work.mix = feed(network, std::mem::take(&mut work.mix), stop).await?;
    let fed = begin.elapsed();
    let per_second = middle_rate(&watch.await??, fed.min(time))?;
    let operations = (signed - work.mix.len()) as u64;
    drain(network, start + operations).await?;
    Ok(Sustained { per_second, operations })
}

/// Submits all of these as fast as they are executed; the time until every node has executed them.
pub(crate) async fn phase(network: &Network, operations: Vec<Vec<u8>>) -> Result<Duration> {
    let goal = executed(&connect(first(network)?).await?).await? + operations.len() as u64;
    let begin = Instant::now();
    feed(network, operations.into(), Arc::default()).await?;
    drain(network, goal).await?;
    Ok(begin.elapsed())
}

/// One client after the other on a network that does nothing else.
pub(crate) async fn latency_idle(network: &Network, work: &mut Workload) -> Result<Latency> {
    let client = connect(first(network)?).await?;
    let mut random = StdRng::seed_from_u64(SEED);
    let mut latencies = Histogram::<u64>::new(3)?;
    for transaction in work.take(IDLE_SUBMISSIONS)? {
        // out of step with the blocks
        tokio::time::sleep(Duration::from_millis(random.gen_range(0..200))).await;
        let begin = Instant::now();
        submit_and_wait(&client, transaction).await?;
        latencies.record(micros(begin))?;
    }
    Ok(percentiles(&latencies))
}

/// Some clients while others submit `per_second` operations.
pub(crate) async fn latency_under(
    network: &Network,
    work: &mut Workload,
    per_second: f64,
) -> Result<Latency> {
    let load = (per_second * LOADED.as_secs_f64()) as usize;
    let operations = work.take(load.min(work.mix.len() * 9 / 10))?;
    let probes = Arc::new(Mutex::new(work.mix.split_off(0)));
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for i in 0..PROBES {
        let client = connect(&network.nodes[i % network.nodes.len()]).await?;
        let (probes, stop) = (Arc::clone(&probes), Arc::clone(&stop));
        tasks.spawn(async move {
            let mut latencies = Histogram::<u64>::new(3)?;
            while !stop.load(Ordering::Relaxed) {
                let Some(transaction) = probes.lock().await.pop_front() else { break };
                let begin = Instant::now();
                submit_and_wait(&client, transaction).await?;
                latencies.record(micros(begin))?;
            }
            anyhow::Ok(latencies)
        });
    }
    paced(network, operations, per_second).await?;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Histogram::<u64>::new(3)?;
    while let Some(ended) = tasks.join_next().await {
        latencies.add(ended??)?;
    }
    ensure!(latencies.len() >= 100, "too few submissions to tell a percentile");
    Ok(percentiles(&latencies))
}

/// Reads of random companies at the first node, per second.
pub(crate) async fn reads(network: &Network, work: &Workload) -> Result<f64> {
    let ubins = Arc::new(work.ubins()?);
    let count = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for i in 0..READERS {
        let client = connect(first(network)?).await?;
        let (ubins, count) = (Arc::clone(&ubins), Arc::clone(&count));
        tasks.spawn(async move {
            let mut random = StdRng::seed_from_u64(SEED + i as u64);
            while begin.elapsed() < READING {
                let mut params = ObjectParams::new();
                params.insert("ubin", &ubins[random.gen_range(0..ubins.len())])?;
                let record: serde_json::Value = request(&client, "ubin_get", params).await?;
                ensure!(record["status"] == "ACTIVE", "not a company: {record}");
                count.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(count.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64())
}

/// Submits `operations` over all feeders as fast as they are executed, or until `stop`; gives back
/// what was not sent.
async fn feed(
    network: &Network,
    operations: VecDeque<Vec<u8>>,
    stop: Arc<AtomicBool>,
) -> Result<VecDeque<Vec<u8>>> {
    let start = executed(&connect(first(network)?).await?).await?;
    let operations = Arc::new(Mutex::new(operations));
    let sent = Arc::new(AtomicU64::new(start));
    let mut tasks = JoinSet::new();
    for i in 0..FEEDERS {
        let client = connect(&network.nodes[i % network.nodes.len()]).await?;
        let (operations, sent, stop) =
            (Arc::clone(&operations), Arc::clone(&sent), Arc::clone(&stop));
        tasks.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let done = executed(&client).await?;
                if sent.load(Ordering::Relaxed).saturating_sub(done) > OUTSTANDING_MAX {
                    tokio::time::sleep(TICK / 5).await;
                    continue;
                }
                let batch: Vec<Vec<u8>> = {
                    let mut operations = operations.lock().await;
                    let count = operations.len().min(BATCH);
                    operations.drain(..count).collect()
                };
                if batch.is_empty() {
                    break;
                }
                sent.fetch_add(batch.len() as u64, Ordering::Relaxed);
                submit(&client, batch).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(std::mem::take(&mut *operations.lock().await))
}

/// Submits at a steady rate, whatever becomes of it.
async fn paced(network: &Network, operations: Vec<Vec<u8>>, per_second: f64) -> Result<()> {
    let mut clients = Vec::new();
    for i in 0..FEEDERS {
        clients.push(Arc::new(connect(&network.nodes[i % network.nodes.len()]).await?));
    }
    let begin = Instant::now();
    let mut sent = 0;
    let mut turn = 0;
    let mut tick = tokio::time::interval(TICK / 5);
    let mut tasks = JoinSet::new();
    while sent < operations.len() {
        tick.tick().await;
        let due = (begin.elapsed().as_secs_f64() * per_second) as usize;
        let until = due.min(operations.len()).min(sent + BATCH);
        if until > sent {
            let client = Arc::clone(&clients[turn % FEEDERS]);
            let batch = operations[sent..until].to_vec();
            tasks.spawn(async move { submit(&client, batch).await });
            (sent, turn) = (until, turn + 1);
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

/// Waits until all nodes have executed so many.
async fn drain(network: &Network, goal: u64) -> Result<()> {
    let deadline = Instant::now() + DRAIN;
    for node in &network.nodes {
        let client = connect(node).await?;
        loop {
            let done = executed(&client).await?;
            if done >= goal {
                break;
            }
            ensure!(Instant::now() < deadline, "{done} of {goal} executed within {DRAIN:?}");
            tokio::time::sleep(TICK).await;
        }
    }
    Ok(())
}

/// Waits until everything executed is followed by a block, whose header carries its root.
pub(crate) async fn wait_until_provable(network: &Network) -> Result<()> {
    let deadline = Instant::now() + DRAIN;
    for node in &network.nodes {
        let client = connect(node).await?;
        loop {
            let before = status(&client).await?;
            tokio::time::sleep(TICK).await;
            let after = status(&client).await?;
            let quiet =
                before.transactions == after.transactions && after.mempool_transactions == 0;
            if quiet && after.height > before.height {
                break;
            }
            ensure!(Instant::now() < deadline, "no block within {DRAIN:?}");
        }
    }
    Ok(())
}

/// Waits until the first node's index of names has reached the height at which its ledger stands now.
pub(crate) async fn indexed(network: &Network) -> Result<()> {
    let client = connect(first(network)?).await?;
    let goal = status(&client).await?.height;
    let deadline = Instant::now() + DRAIN;
    loop {
        let mut params = ObjectParams::new();
        params.insert("q", "no such name")?;
        let answer: serde_json::Value = request(&client, "ubin_search", params).await?;
        let reached = answer["indexedHeight"].as_u64().context("no height of the index")?;
        if reached >= goal {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "names up to {reached} of {goal} within {DRAIN:?}");
        tokio::time::sleep(TICK).await;
    }
}

/// What was executed when, until `time` is over; then tells the feeders.
async fn watch_until(
    node: std::net::SocketAddr,
    time: Duration,
    stop: Arc<AtomicBool>,
) -> Result<Vec<(Duration, u64)>> {
    let client = connect_to(node).await?;
    let begin = Instant::now();
    let mut samples = Vec::new();
    while begin.elapsed() < time {
        let done = executed(&client).await?;
        samples.push((begin.elapsed(), done));
        tokio::time::sleep(TICK).await;
    }
    stop.store(true, Ordering::Relaxed);
    Ok(samples)
}

/// Executed per second between a tenth and nine tenths of the time.
fn middle_rate(samples: &[(Duration, u64)], time: Duration) -> Result<f64> {
    let inner = |(at, _): &&(Duration, u64)| *at >= time / 10 && *at <= time * 9 / 10;
    let first = samples.iter().find(inner).context("no samples")?;
    let last = samples.iter().rfind(inner).context("no samples")?;
    let seconds = (last.0.saturating_sub(first.0)).as_secs_f64();
    Ok((last.1 - first.1) as f64 / seconds)
}

/// Submits a batch without waiting; all must be admitted.
pub(crate) async fn submit(client: &WsClient, batch: Vec<Vec<u8>>) -> Result<()> {
    let texts = batch.into_iter().map(String::from_utf8).collect::<Result<Vec<_>, _>>()?;
    let mut params = ObjectParams::new();
    params.insert("transactions", texts)?;
    params.insert("wait", false)?;
    let answer: SubmittedBatch = request(client, "ledger_submitBatch", params).await?;
    for result in answer.results {
        ensure!(result.error.is_none(), "refused at the door: {:?}", result.error);
    }
    Ok(())
}

/// Submits and waits for the receipt.
pub(crate) async fn submit_and_wait(client: &WsClient, transaction: Vec<u8>) -> Result<()> {
    let mut params = ObjectParams::new();
    params.insert("transaction", String::from_utf8(transaction)?)?;
    params.insert("wait", true)?;
    let answer: Submitted = request(client, "ledger_submit", params).await?;
    ensure!(answer.status == Submission::Executed, "no receipt: {answer:?}");
    Ok(())
}

/// Transactions that the client's node has executed.
pub(crate) async fn executed(client: &WsClient) -> Result<u64> {
    Ok(status(client).await?.transactions)
}

async fn status(client: &WsClient) -> Result<Status> {
    request(client, "ledger_status", ObjectParams::new()).await
}

async fn request<T: DeserializeOwned>(
    client: &WsClient,
    method: &str,
    params: ObjectParams,
) -> Result<T> {
    client.request(method, params).await.with_context(|| method.to_owned())
}

/// The first node.
pub(crate) fn first(network: &Network) -> Result<&Node> {
    network.nodes.first().context("no nodes")
}

/// A client of a node.
pub(crate) async fn connect(node: &Node) -> Result<WsClient> {
    connect_to(node.rpc).await
}

async fn connect_to(address: std::net::SocketAddr) -> Result<WsClient> {
    let builder = WsClientBuilder::default().request_timeout(DRAIN);
    builder.build(format!("ws://{address}")).await.with_context(|| address.to_string())
}

fn micros(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn percentiles(latencies: &Histogram<u64>) -> Latency {
    let at = |quantile| latencies.value_at_quantile(quantile) as f64 / 1000.0;
    Latency { p50_ms: at(0.5), p99_ms: at(0.99) }
}
