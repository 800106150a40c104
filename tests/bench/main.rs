//! `titian-bench`: measures what a network of real nodes does, beside the engine alone.
//!
//! It starts its own networks from the node binary beside it (one validator, then four), drives
//! them over their public interface with operations that were signed beforehand, stops them, and
//! reads from their databases what was executed: a figure counts only if every operation was
//! applied and all nodes have the same state root. Then it measures Malachite alone. Clients and
//! nodes share the machine.

mod drive;
mod etr;
mod import;
mod machine;
mod network;
mod proofs;
mod report;
mod rules;
mod search;
mod vc;
mod workload;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use titian_node::consensus::baseline;
use titian_tests::ports::free_forty;

use network::{Network, Total};
use report::Report;
use workload::Workload;

/// The node's allocator, so that what the rules cost here is what they cost there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Shortest time from block to block, ms; the devnet's. A wide-area network uses 500.
const BLOCK_TIME_MS: u64 = 100;
/// Operations signed beforehand, for each second of measurement and so many validators.
const SIGNED_PER_S: [(u16, usize); 2] = [(1, 11_000), (4, 3_000)];
/// Seconds of operations beyond the sustained load, for latency.
const SIGNED_BEYOND_S: usize = 15;
/// Payloads that the engine alone decides, and their size.
const BASELINE_PAYLOADS: u64 = 100_000;
const BASELINE_BYTES: usize = 300;
/// The load under which latency is measured, of what was sustained.
const LATENCY_LOAD: f64 = 0.7;

/// Measures a Titian network on this machine
#[derive(Debug, Parser)]
struct Args {
    /// Seconds of each sustained load
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Networks to measure, by their number of validators
    #[arg(long, value_delimiter = ',', num_args = 0.., default_values_t = [1, 4])]
    validators: Vec<u16>,
    /// Companies to import; 0 leaves the import out
    #[arg(long, default_value_t = 1_000_000)]
    import: usize,
    /// Companies whose names are searched; 0 = no search
    #[arg(long, default_value_t = 400_000)]
    names: usize,
    /// Measure the search for names alone
    #[arg(long)]
    only_names: bool,
    /// Measure credentials alone
    #[arg(long)]
    only_vc: bool,
    /// Short runs for credentials: rough figures
    #[arg(long)]
    quick: bool,
    /// Measure transferable records alone
    #[arg(long)]
    only_etr: bool,
    /// File for the figures
    #[arg(long, default_value = "target/bench.json")]
    out: PathBuf,
    /// Folder for the networks [default: a temporary one beside the file for the figures]
    #[arg(long)]
    dir: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let beside = args.out.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(beside).with_context(|| beside.display().to_string())?;
    let folder = match &args.dir {
        Some(dir) => dir.clone(),
        None => beside.join("bench-net"),
    };
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    std::fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let report = runtime.block_on(measure(&args, &folder))?;
    std::fs::remove_dir_all(&folder)?;
    std::fs::write(&args.out, report.json()?).with_context(|| args.out.display().to_string())?;
    println!("{}", report.markdown());
    Ok(())
}

async fn measure(args: &Args, folder: &Path) -> Result<Report> {
    let mut report = Report::new(machine::describe(folder)?, BLOCK_TIME_MS);
    if args.only_names {
        search::measure(folder, args.names, &mut report).await?;
        return Ok(report);
    }
    if args.only_etr {
        etr::measure(folder, &args.validators, &mut report).await?;
        return Ok(report);
    }
    eprintln!("credentials");
    vc::measure(args.quick, &mut report)?;
    if args.only_vc {
        return Ok(report);
    }
    eprintln!("rules alone");
    rules::measure(&mut report)?;
    etr::measure(folder, &args.validators, &mut report).await?;
    for (validators, per_second) in SIGNED_PER_S {
        if !args.validators.contains(&validators) {
            continue;
        }
        eprintln!("{validators} validator(s): signing operations");
        let seconds = usize::try_from(args.seconds)?;
        let home = folder.join(format!("net-{validators}"));
        let mut work = Workload::new(validators, per_second * (seconds + SIGNED_BEYOND_S))?;
        let network = Network::start(&home, &work, BLOCK_TIME_MS).await?;
        let measured = loads(&network, &mut work, args.seconds, &mut report).await;
        if measured.is_err() {
            eprintln!("{}", network.log_ends());
        }
        measured?;
        let total = network.stop()?;
        settle(&total, validators, &mut report)?;
        if validators == 4 {
            eprintln!("proofs");
            proofs::measure(&home, &mut report).await?;
        }
    }
    if args.import > 0 {
        import::measure(folder, args.import, args.seconds, &mut report).await?;
    }
    if args.names > 0 {
        search::measure(folder, args.names, &mut report).await?;
    }
    if args.validators.is_empty() {
        return Ok(report);
    }
    eprintln!("Malachite alone");
    let home = folder.join("malachite");
    let time = Duration::from_millis(BLOCK_TIME_MS);
    let alone =
        baseline::measure(&home, free_forty(), BASELINE_PAYLOADS, BASELINE_BYTES, time).await?;
    report.figure("baseline_malachite_ops_per_s_4v", alone.payloads_per_second());
    Ok(report)
}

/// All loads on one network.
async fn loads(
    network: &Network,
    work: &mut Workload,
    seconds: u64,
    report: &mut Report,
) -> Result<()> {
    let n = network.nodes.len();
    drive::prepare(network, work).await?;
    let before = network.usage()?;
    eprintln!("{n} validator(s): sustained load for {seconds} s");
    let sustained = drive::sustained(network, work, Duration::from_secs(seconds)).await?;
    let used = network.usage()?.since(&before);
    let operations = sustained.operations as f64;
    report.figure(&format!("ops_per_s_{n}v"), sustained.per_second);
    if n == 1 {
        report.figure("cpu_ms_per_op_1v", used.cpu_ms / operations);
        eprintln!("reads");
        report.figure("reads_per_s", drive::reads(network, work).await?);
        return Ok(());
    }
    report.figure("cpu_ms_per_op", used.cpu_ms / operations);
    eprintln!("latency, idle");
    let idle = drive::latency_idle(network, work).await?;
    report.figure("submit_p50_ms_idle", idle.p50_ms);
    report.figure("submit_p99_ms_idle", idle.p99_ms);
    let load = sustained.per_second * LATENCY_LOAD;
    eprintln!("latency at {load:.0} operations/s");
    let loaded = drive::latency_under(network, work, load).await?;
    report.figure("submit_p50_ms_70", loaded.p50_ms);
    report.figure("submit_p99_ms_70", loaded.p99_ms);
    drive::wait_until_provable(network).await
}

/// Takes into the report what the databases of the stopped nodes say.
fn settle(total: &Total, validators: u16, report: &mut Report) -> Result<()> {
    anyhow::ensure!(total.refused.is_empty(), "operations were refused: {:?}", total.refused);
    anyhow::ensure!(total.roots_agree, "the nodes have different state roots");
    report.mix(&total.acts);
    if validators == 4 {
        report.figure("bytes_per_op", total.bytes as f64 / total.operations as f64);
        report.figure("rss_mib", total.rss_mib);
    } else {
        report.figure("rss_mib_1v", total.rss_mib);
    }
    Ok(())
}
