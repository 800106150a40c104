//! Credentials: how often per second of processor time one core does one thing (vc-api.md A§6).
//!
//! From input text to verdict bytes, parsing included, with all rules on. Contexts are compiled and
//! keys decoded beforehand by one run that does not count; no verdict is kept. The JavaScript
//! libraries do the same to the same documents, if Node is there.

mod documents;
mod javascript;

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use titian_credential::verdict::Policy;
use titian_credential::verify::{Request, verify};

use crate::machine::cpu_time;
use crate::report::Report;
use documents::Documents;

/// Runs of one row; the median counts.
const RUNS: usize = 5;
/// Processor time of one run.
const RUN: Duration = Duration::from_secs(3);
/// The same if only a rough figure is wanted.
const QUICK: Duration = Duration::from_millis(300);

/// Starts of the command line; the median counts.
const STARTS: usize = 21;

/// Measures all rows.
pub(crate) fn measure(quick: bool, report: &mut Report) -> Result<()> {
    let run = if quick { QUICK } else { RUN };
    let documents = Documents::new();
    let meter = Meter { run, report };
    rows(meter, &documents)?;
    command_line(&documents, report)?;
    javascript::measure(&documents, run, report);
    Ok(())
}

/// Measures and reports.
struct Meter<'a> {
    run: Duration,
    report: &'a mut Report,
}

impl Meter<'_> {
    /// The median of [`RUNS`] runs of `work`, per second of processor time.
    fn per_second(&mut self, key: &str, mut work: impl FnMut()) -> Result<f64> {
        work();
        let mut rates = Vec::new();
        for _ in 0..RUNS {
            let begin = cpu_time()?;
            let mut done = 0_u32;
            let mut batch = 1_u32;
            let used = loop {
                for _ in 0..batch {
                    work();
                }
                done += batch;
                let used = cpu_time()?.saturating_sub(begin);
                if used >= self.run {
                    break used;
                }
                batch = (batch * 2).min(1_024).min(done);
            };
            rates.push(f64::from(done) / used.as_secs_f64());
        }
        rates.sort_by(f64::total_cmp);
        let median = rates[RUNS / 2];
        self.report.figure(key, median);
        Ok(median)
    }
}

fn rows(mut meter: Meter<'_>, documents: &Documents) -> Result<()> {
    let strict = meter.per_second("vc_verify_strict_per_s", || documents.verify_signature())?;
    let live = documents.desk.live();
    let now_ms = documents.desk.world.time_ms;
    let w3c = Request::new(Policy::W3c);
    let verified = |text: &str, request: &Request| {
        let verdict = verify(text.as_bytes(), request, Some(&live), now_ms);
        assert!(verdict.verified(), "{}", verdict.to_jcs());
        std::hint::black_box(verdict.to_jcs());
    };
    let jcs = meter.per_second("vc_jcs_verify_per_s", || verified(&documents.jcs, &w3c))?;
    meter.per_second("vc_jcs_issue_per_s", || documents.issue_jcs())?;
    meter.per_second("vc_jwt_verify_per_s", || verified(&documents.jwt, &w3c))?;
    meter.per_second("vc_jwt_issue_per_s", || documents.issue_jwt())?;
    let bound = documents.binding_request();
    meter.per_second("vc_sd_jwt_verify_per_s", || verified(&documents.sd_jwt, &bound))?;
    meter.per_second("vc_sd_jwt_issue_per_s", || documents.issue_sd_jwt())?;
    meter.per_second("vc_rdfc_verify_per_s", || verified(&documents.rdfc, &w3c))?;
    meter.per_second("vc_rdfc_issue_per_s", || documents.issue_rdfc())?;
    meter.per_second("vc_status_decode_per_s", || documents.decode_list())?;
    meter.per_second("vc_status_chunk_per_s", || documents.status_of_chunk(&live))?;
    let ledger = Request::new(Policy::Ledger);
    meter.per_second("vc_ledger_verdict_per_s", || verified(&documents.registered, &ledger))?;
    let bundles = meter.per_second("vc_bundle_per_s", || documents.read_bundle())?;
    let report = meter.report;
    report.figure("vc_bundle_ms", 1_000.0 / bundles);
    report.figure("vc_jcs_verify_share", jcs / strict);
    report.note(documents.note());
    if let Some(commit) = commit() {
        report.note(format!("Commit {commit}."));
    }
    Ok(())
}

/// From the start of `titian verify` to its end, credential, bundle and genesis in files.
fn command_line(documents: &Documents, report: &mut Report) -> Result<()> {
    let titian = std::env::current_exe()?.with_file_name("titian");
    let folder = tempfile::tempdir()?;
    let arguments = documents.offline_files(folder.path())?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let begin = Instant::now();
        let ended = Command::new(&titian)
            .args(&arguments)
            .env("XDG_CONFIG_HOME", folder.path())
            .output()
            .with_context(|| format!("{} cannot be started", titian.display()))?;
        times.push(begin.elapsed().as_secs_f64() * 1_000.0);
        let told = String::from_utf8_lossy(&ended.stdout);
        ensure!(ended.status.success(), "titian verify: {told}");
    }
    times.sort_by(f64::total_cmp);
    report.figure("vc_cli_start_ms", times[STARTS / 2]);
    Ok(())
}

/// The commit of the sources, if this runs among them.
fn commit() -> Option<String> {
    let git = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output().ok()?;
    let text = String::from_utf8(git.stdout).ok()?;
    git.status.success().then(|| text.trim().to_owned())
}
