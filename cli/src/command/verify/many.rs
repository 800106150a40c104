//! Several files at once: a verdict for each, in the order of the command line.
//!
//! Invariant: what is wrong with one file is told in its place and hides no verdict of another. The
//! exit code is the worst of all. Proofs and packs are opened one after the other, as each may raise
//! the trusted height; what is left, the verdicts by the library, is done on all cores.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use indicatif::ProgressBar;
use serde_json::Value;
use titian_contracts::limits;
use titian_credential::verify::Request;

use super::offline::Trusted;
use super::{
    Args, Opened, check_node, judge_here, judged_by_node, open, read_genesis, request_of_pack,
};
use crate::error::{CommandError, Result};
use crate::output::{Output, Report, Tone};
use crate::session::Session;

/// More files than this have a progress bar.
const BAR_ABOVE: usize = 8;
/// Files that are open at a time.
const OPEN_MAX: usize = 64;

/// A credential that the library judges here.
struct Job {
    /// Its place among those that are open.
    place: usize,
    text: String,
    /// The pack that it came in; else the bundle of the command line counts.
    pack: Option<Trusted>,
}

/// What all files are judged with.
struct Common<'a> {
    session: &'a Session,
    args: &'a Args,
    request: Request,
    trusted: Option<Trusted>,
}

/// Runs `titian verify FILE FILE …`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let count = args.files.len();
    if count > limits::VERIFY_FILES_MAX {
        let most = limits::VERIFY_FILES_MAX;
        return Err(CommandError::usage(format!("{count} files; at most {most} at a time"))
            .named("LIMIT_EXCEEDED"));
    }
    // what is wrong with the command line is wrong for every file
    let request = args.request()?;
    let trusted = match &args.offline {
        Some(path) => {
            let genesis = read_genesis(&session.genesis_path(args.genesis.as_ref())?)?;
            Some(Trusted::of_file(path, &genesis, args.allow_older)?)
        }
        None => None,
    };
    let common = Common { session, args, request, trusted };
    let bar = match count {
        0..=BAR_ABOVE => ProgressBar::hidden(),
        more => session.output.bar(more as u64, "verify"),
    };
    let groups = args.files.chunks(OPEN_MAX);
    let results: Vec<Result<Report>> = groups.flat_map(|group| common.judge(group, &bar)).collect();
    bar.finish_and_clear();
    Ok(together(session.output, &args.files, &results))
}

impl Common<'_> {
    /// The results of some files, in their order.
    fn judge(&self, files: &[String], bar: &ProgressBar) -> Vec<Result<Report>> {
        let mut jobs = Vec::new();
        let mut done = Vec::new();
        for (place, file) in files.iter().enumerate() {
            match self.open(file) {
                Ok(Left::Job(text, pack)) => jobs.push(Job { place, text, pack }),
                Ok(Left::Nothing(report)) => done.push((place, Ok(report))),
                Err(error) => done.push((place, Err(error))),
            }
        }
        bar.inc(done.len() as u64);
        let (output, at_height) = (self.session.output, self.args.at_height);
        let (request, trusted) = (&self.request, self.trusted.as_ref());
        done.extend(judge_all(&jobs, bar, |job| {
            let own = job.pack.as_ref().map(|pack| request_of_pack(request, pack));
            let trusted = job.pack.as_ref().or(trusted);
            judge_here(output, &job.text, own.as_ref().unwrap_or(request), trusted, at_height)
        }));
        done.sort_by_key(|(place, _)| *place);
        done.into_iter().map(|(_, result)| result).collect()
    }

    fn open(&self, file: &str) -> Result<Left> {
        Ok(match open(self.session, self.args, file)? {
            Opened::Done(report) => Left::Nothing(report),
            Opened::Pack(text, pack) => Left::Job(text, Some(pack)),
            Opened::Credential(text) if self.args.judges_here() => Left::Job(text, None),
            Opened::Credential(text) => {
                check_node(self.session, self.args)?;
                Left::Nothing(judged_by_node(self.session, &text, self.args, &self.request)?)
            }
        })
    }
}

/// What is left to do with a file.
enum Left {
    Nothing(Report),
    Job(String, Option<Trusted>),
}

/// Judges on as many threads as there are cores; each takes the next job that nobody has.
fn judge_all(
    jobs: &[Job],
    bar: &ProgressBar,
    judge: impl Fn(&Job) -> Result<Report> + Sync,
) -> Vec<(usize, Result<Report>)> {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut judged = Vec::new();
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            judged.push((job.place, judge(job)));
            bar.inc(1);
        }
        judged
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores.min(jobs.len())).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
        // a bug in a verdict is reported like any other
        joined.flat_map(|left| left.unwrap_or_else(|bug| std::panic::resume_unwind(bug))).collect()
    })
}

/// The exit code of one file.
fn exit_of(result: &Result<Report>) -> u8 {
    result.as_ref().map_or_else(|error| error.kind.exit_code(), |report| report.exit)
}

/// How bad an exit code is: rejected before indeterminate before every error before verified. Of
/// errors the highest code counts.
const fn badness(exit: u8) -> (u8, u8) {
    match exit {
        3 => (3, 0),
        5 => (2, 0),
        0 => (0, 0),
        other => (1, other),
    }
}

/// One report of all files.
fn together(output: Output, files: &[String], results: &[Result<Report>]) -> Report {
    let exits: Vec<u8> = results.iter().map(exit_of).collect();
    let each = files.iter().zip(results);
    let worst = exits.iter().copied().max_by_key(|exit| badness(*exit)).unwrap_or(0);
    if output.is_json() {
        let items: Vec<String> = each.map(|(file, result)| json(file, result)).collect();
        return Report::raw(format!("[{}]", items.join(","))).exit(worst);
    }
    let mut lines: Vec<String> = each.map(|(file, result)| text(output, file, result)).collect();
    let count = |wanted: u8| exits.iter().filter(|exit| **exit == wanted).count();
    let (good, rejected, open) = (count(0), count(3), count(5));
    let failed = exits.len() - good - rejected - open;
    lines.push(format!(
        "{} files: {good} verified, {rejected} rejected, {open} indeterminate, {failed} not judged",
        exits.len()
    ));
    Report::raw(lines.join("\n")).exit(worst)
}

/// `{"exit", "file", "result"}`, or with `error` in place of `result`. The bytes of a verdict stay as
/// they are.
fn json(file: &str, result: &Result<Report>) -> String {
    let (exit, file) = (exit_of(result), Value::from(file));
    match result {
        Ok(report) if report.raw => {
            format!(r#"{{"exit":{exit},"file":{file},"result":{}}}"#, report.text)
        }
        Ok(report) => format!(r#"{{"exit":{exit},"file":{file},"result":{}}}"#, report.json),
        Err(error) => {
            let told = error.to_json();
            let told = told.get("error").unwrap_or(&Value::Null);
            format!(r#"{{"error":{told},"exit":{exit},"file":{file}}}"#)
        }
    }
}

fn text(output: Output, file: &str, result: &Result<Report>) -> String {
    let head = output.paint(Tone::Bold, &shortened(file));
    match result {
        Ok(report) => format!("{head}\n{}\n", report.text),
        Err(error) => {
            let name = error.name.as_deref().map_or_else(String::new, |name| format!("{name}: "));
            let mut lines =
                vec![head, format!("{} {name}{error}", output.paint(Tone::Bad, "Error:"))];
            lines.extend(error.hints.iter().map(|hint| format!("Hint: {hint}")));
            format!("{}\n", lines.join("\n"))
        }
    }
}

/// The name of a file; of a token given as text only its beginning, as the whole is a credential.
fn shortened(file: &str) -> String {
    const CHARS_MAX: usize = 80;
    if file.chars().count() <= CHARS_MAX || std::path::Path::new(file).exists() {
        return file.to_owned();
    }
    file.chars().take(CHARS_MAX).chain(['…']).collect()
}
