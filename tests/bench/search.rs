//! Names: how long an index takes to make, what it weighs, how fast it answers, and how fast a
//! record is read by its number beside it.
//!
//! The records are made-up companies of all states, registered one by one with real signatures on
//! a ledger in this process.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use jsonrpsee::core::client::ClientT as _;
use jsonrpsee::core::params::ObjectParams;
use jsonrpsee::ws_client::WsClientBuilder;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use titian_contracts::json::{self, Value};
use titian_contracts::op::Register;
use titian_contracts::state::Overlay;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::name_key;
use titian_contracts::ubin::public_name::public_names;
use titian_contracts::ubin::view::{self, AsOf};
use titian_genesis::devnet::STATES;
use titian_node::ledger::Ledger;
use titian_node::search::index::Filter;
use titian_node::search::query::Query;
use titian_node::search::{Search, build};
use titian_tests::companies::{self, Company};
use titian_tests::served::{OneByOne, Served};
use titian_tests::world::World;

use crate::report::Report;

const SEED: u64 = 8;
/// Registrations of a block.
const BLOCK: usize = 4_000;
/// Queries and reads that are timed.
const QUERIES: usize = 4_000;
const READS: usize = 40_000;

/// Fills a ledger with `count` companies and measures its index.
pub(crate) async fn measure(folder: &Path, count: usize, report: &mut Report) -> Result<()> {
    let world = World::new();
    let home = tempfile::tempdir_in(folder)?;
    let ledger = Ledger::open(&home.path().join("ledger"), world.genesis.clone())?;
    let blocks = OneByOne::over(ledger.clone(), world.nodes.clone());
    eprintln!("names: registering {count} companies");
    let names = register(&blocks, &world, count)?;
    eprintln!("names: making the index of {names} names");
    let path = home.path().join("search");
    let begin = Instant::now();
    drop(build::rebuild(&ledger, &path, |_| true)?);
    report.figure("search_index_build_s", begin.elapsed().as_secs_f64());
    report.figure("search_bytes_per_name", folder_bytes(&path)? as f64 / names as f64);
    reads(&ledger, count, report)?;
    // the served ledger takes the index up
    let served = Served::over(world, ledger.clone(), home, |_| {}).await;
    served.search.reached(ledger.head().height).await;
    let found = queries(&served.search, count, report)?;
    report.note(format!(
        "{count} companies with {names} names; of {QUERIES} queries with a mistake, a part or a \
         beginning, {found} have hits."
    ));
    reads_over_rpc(&served, count, report).await?;
    served.stop().await;
    ledger.finish();
    Ok(())
}

/// Registers companies, every one with the signature of its register; gives how many names they have.
fn register(blocks: &OneByOne, world: &World, count: usize) -> Result<usize> {
    let sign = |place: usize| {
        let Company { cc, body, .. } = companies::company(SEED, place as u64);
        let names = public_names(titian_contracts::ubin::vocabulary::Category::General, &body);
        let (_, _, office) = STATES.iter().find(|(of, ..)| *of == cc).expect("a state");
        let op = world.op(Register::Ubin, "register", Value::object([("body", body)]));
        let op = world.sign(&op, &[(&format!("{cc}:{office}"), 1)]);
        (World::transaction(&op), names.len())
    };
    let mut names = 0;
    for first in (0..count).step_by(BLOCK) {
        let places = first..count.min(first + BLOCK);
        let (transactions, of_block): (Vec<_>, Vec<_>) = places.into_par_iter().map(sign).unzip();
        names += of_block.into_iter().sum::<usize>();
        blocks.commit(transactions);
        let height = blocks.ledger.head().height;
        let refused =
            blocks.ledger.store().receipts(height).into_iter().find(|r| r.error.is_some());
        ensure!(refused.is_none(), "a registration was refused: {refused:?}");
    }
    Ok(names)
}

/// What people type: a name with a swap, a loss or a wrong letter, its plain letters, its first
/// words, its beginning.
fn mistyped(name: &str, dice: &mut StdRng) -> (String, bool) {
    let mut letters: Vec<char> = name.chars().collect();
    let at = dice.gen_range(0..letters.len().saturating_sub(1).max(1));
    match dice.gen_range(0..6) {
        0 if letters.len() > 1 => letters.swap(at, at + 1),
        1 if letters.len() > 3 => drop(letters.remove(at)),
        2 => letters[at] = 'x',
        3 => return (name_key::k0(&name_key::k1(name)), false),
        4 => return (name.split(' ').take(3).collect::<Vec<_>>().join(" "), false),
        _ => return (letters.into_iter().take(6).collect(), true),
    }
    (letters.into_iter().collect(), false)
}

fn queries(search: &Search, count: usize, report: &mut Report) -> Result<usize> {
    let mut dice = StdRng::seed_from_u64(SEED);
    let mut times = Times::new()?;
    let mut found = 0;
    for _ in 0..QUERIES {
        let company = companies::company(SEED, dice.gen_range(0..count as u64));
        let (text, prefix) = mistyped(&company.name, &mut dice);
        let query = Query { text, filter: Filter::default(), prefix, score_min: 600 };
        let begin = Instant::now();
        let answer = search.find(&query).with_context(|| query.text.clone())?;
        times.add(begin.elapsed())?;
        found += usize::from(!answer.hits.is_empty());
    }
    report.figure("search_p50_ms", times.ms(0.50));
    report.figure("search_p99_ms", times.ms(0.99));
    Ok(found)
}

fn ubin_at(place: u64) -> Ubin {
    let Company { cc, scheme, local, .. } = companies::company(SEED, place);
    Ubin { cc: cc.to_owned(), scheme: scheme.to_owned(), local }
}

/// What `ubin_get` does, without the way there and back.
fn reads(ledger: &Ledger, count: usize, report: &mut Report) -> Result<()> {
    let mut dice = StdRng::seed_from_u64(SEED);
    let mut times = Times::new()?;
    for _ in 0..READS {
        let ubin = ubin_at(dice.gen_range(0..count as u64));
        let begin = Instant::now();
        let head = ledger.head();
        let reader = ledger.state_at(head.height)?;
        let at = AsOf { height: head.height, time_ms: head.time_ms };
        let body = |hash| ledger.body(&hash).and_then(|text| json::parse(&text).ok());
        let answer = view::get(&Overlay::new(&reader), &ubin, at, body).to_jcs();
        times.add(begin.elapsed())?;
        ensure!(answer.contains("legalName"), "{ubin} is not read: {answer}");
    }
    report.figure("ubin_get_p99_ms", times.ms(0.99));
    Ok(())
}

async fn reads_over_rpc(served: &Served, count: usize, report: &mut Report) -> Result<()> {
    let client = WsClientBuilder::default().build(format!("ws://{}", served.address)).await?;
    let mut dice = StdRng::seed_from_u64(SEED);
    let mut times = Times::new()?;
    for _ in 0..READS / 4 {
        let mut params = ObjectParams::new();
        params.insert("ubin", ubin_at(dice.gen_range(0..count as u64)).to_string())?;
        let begin = Instant::now();
        let answer: serde_json::Value = client.request("ubin_get", params).await?;
        times.add(begin.elapsed())?;
        ensure!(answer["found"] == true, "not read over the interface: {answer}");
    }
    report.figure("ubin_get_rpc_p99_ms", times.ms(0.99));
    Ok(())
}

struct Times(Histogram<u64>);

impl Times {
    fn new() -> Result<Self> {
        Ok(Self(Histogram::new(3)?))
    }

    fn add(&mut self, time: Duration) -> Result<()> {
        Ok(self.0.record(u64::try_from(time.as_nanos())?)?)
    }

    fn ms(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e6
    }
}

fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
