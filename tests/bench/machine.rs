//! The machine that the figures hold for.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// Writes of 4 KiB that are timed.
const SYNCS: u32 = 100;

/// Processor, cores, memory, system, and how long the disk of `folder` takes for a synced write.
pub(crate) fn describe(folder: &Path) -> Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = field(&processors, "model name").unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism()?;
    let memory = fs::read_to_string("/proc/meminfo")?;
    let memory_kib: u64 = field(&memory, "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .unwrap_or(0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(format!(
        "{model}, {cores} cores, {} GiB, Linux {}; a synced write of 4 KiB takes {:.2} ms",
        memory_kib / 1024 / 1024,
        kernel.trim(),
        sync_ms(folder)?
    ))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

fn sync_ms(folder: &Path) -> Result<f64> {
    let path = folder.join("synced");
    let mut file = File::create(&path)?;
    let begin = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
    }
    let each = begin.elapsed().as_secs_f64() * 1000.0 / f64::from(SYNCS);
    fs::remove_file(path)?;
    Ok(each)
}

/// Processor time of this thread.
pub(crate) fn cpu_time() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split(' ').next().context("three numbers")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}
