//! `titian ubin import`: a whole register, from NDJSON or CSV (ubin.md §6).
//!
//! Invariant: a dry run writes nothing; every bad line is reported, none skipped silently; what is
//! sent was judged by the ledger's own rules first. The input is read twice and never held: memory
//! is 24 bytes a line and 16 a name, what the register holds under its numbers, and two chunks.
//!
//! - [`source`], [`line_count`], [`code_page`], [`map`], [`dates`]: lines of a file;
//! - [`row`], [`entry`], [`suggestion`]: bodies and what is wrong with them;
//! - [`numbers`], [`similar`], [`survey`]: the first reading, which is the dry run;
//! - [`register`], [`chunk`]: what the register says already, and what is to be sent;
//! - [`journal`], [`send`], [`commit`]: sending, and going on after an interruption;
//! - [`report`]: findings and counts; [`files`]: what may be written where.

mod chunk;
mod code_page;
mod commit;
mod dates;
mod entry;
mod files;
mod journal;
mod line_count;
mod map;
mod numbers;
mod register;
mod report;
mod row;
mod send;
mod similar;
mod source;
mod suggestion;
mod survey;

use std::path::{Path, PathBuf};

use serde_json::json;
use titian_contracts::limits;
use titian_contracts::time::Date;
use titian_contracts::ubin::scheme::SchemeTable;

use super::schemes::{self, TableArgs};
use crate::act::now_ms;
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::{Report, Tone};
use crate::session::Session;
use crate::wallet::{KeyRef, Wallet};
use commit::Committed;
use entry::Judge;
use journal::{Head, Journal};
use map::ColumnMap;
use register::Register;
use report::Findings;
use send::Parts;
use source::Source;
use survey::Survey;

/// Options of `titian ubin import`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Bodies, one JSON object a line; or CSV, with --map
    file: PathBuf,
    /// Column map of a CSV file, TOML
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Write the findings here [default: standard output]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Report warnings and proposals about good lines too
    #[arg(long)]
    remarks: bool,
    /// Sign and send the good lines; without it nothing is written
    #[arg(long)]
    commit: bool,
    /// Go on with an import that was interrupted
    #[arg(long, requires = "commit")]
    resume: bool,
    /// Where the chunk being sent is remembered [default: FILE.importing]
    #[arg(long, value_name = "FILE", requires = "commit")]
    journal: Option<PathBuf>,
    #[command(flatten)]
    schemes: TableArgs,
    /// Records that one signature covers
    #[arg(long, value_name = "N", default_value_t = limits::IMPORT_CHUNK_RECORDS_MAX)]
    chunk_records: usize,
    /// Key that signs; two keys of two officers make moves possible that need them
    #[arg(long = "as", value_name = "PARTY[#kN]", help_heading = "Signing")]
    signers: Vec<KeyRef>,
    /// Sign without asking
    #[arg(short, long, help_heading = "Signing")]
    yes: bool,
}

/// What an import works with.
struct Import<'a> {
    session: &'a Session,
    args: &'a Args,
    input: Input<'a>,
    /// What the register holds; `None` if no node was asked.
    register: Option<Register>,
}

/// The file and what its lines are read by.
struct Input<'a> {
    file: &'a Path,
    table: SchemeTable,
    map: Option<ColumnMap>,
    /// The state.
    cc: String,
    /// The day of the import.
    today: Date,
}

/// Runs `titian ubin import`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    if !(1..=limits::IMPORT_CHUNK_RECORDS_MAX).contains(&args.chunk_records) {
        return Err(CommandError::usage("--chunk-records takes 1 to 10000"));
    }
    let journal = Journal::of(&args.file, args.journal.as_deref());
    files::check_distinct(args, &journal)?;
    let _held = args.commit.then(|| files::hold(&args.file)).transpose()?;
    let before = remembered(session, args, &journal)?;
    let today = before.as_ref().and_then(|(head, _)| Date::parse(&head.today));
    // a wallet that does not open is found out before a long first reading
    let wallet = args.commit.then(|| open_wallet(session)).transpose()?;
    let mut resumed = None;
    if let Some((head, chunk)) = before {
        // the register is read when the chunk stands in it, and then every line is compared with it
        // again: what the interrupted import found out is found out once more
        Parts { session, cc: head.cc }.finish(&chunk)?;
        resumed = Some(chunk.records.len() as u64);
    }
    let import = Import::prepare(session, args, today.unwrap_or(Date::of_ms(now_ms())))?;
    let mut findings = Findings::open(session.output, args.report.as_deref(), args.remarks)?;
    let survey = import.survey(&mut findings)?;
    findings.flush()?;
    let committed = match (wallet, &import.register) {
        (None, _) => Ok(None),
        // no line names a number: there is nothing to send
        (Some(_), None) => Ok(Some(Committed::default())),
        (Some(wallet), Some(register)) => {
            let sender = import.sender(&wallet, &journal, &survey)?;
            import.commit(register, &survey, sender, resumed, &mut findings).map(Some)
        }
    };
    // what was found out stands in the report, also if the import stopped on the way
    let closed = findings.close();
    let committed = committed?;
    closed.map(|()| import.report(&survey, committed.as_ref(), &findings))
}

fn open_wallet(session: &Session) -> Result<Wallet> {
    let wallet = session.wallet()?;
    wallet.check_chain(session.chain()?)?;
    Ok(wallet)
}

/// The chunk that an interrupted import of this very input was sending.
fn remembered(
    session: &Session,
    args: &Args,
    journal: &Journal,
) -> Result<Option<(Head, chunk::Chunk)>> {
    if !args.commit || !journal.exists() {
        return Ok(None);
    }
    let shown = journal.path().display();
    if !args.resume {
        return Err(CommandError::usage(format!("an import was interrupted: {shown}"))
            .hint("--resume goes on with it")
            .hint(format!("rm {shown} starts over; nothing is written twice")));
    }
    let found = journal.read()?;
    if let Some((head, _)) = &found {
        if head.chain != session.chain()? {
            return Err(CommandError::usage(format!("{shown} belongs to network {}", head.chain)));
        }
        if head.input != fingerprint(args, &Source::digest_of(&args.file)?)? {
            session.output.note("the input has changed since the interruption: starting over");
            return Ok(None);
        }
    }
    Ok(found)
}

/// The digest of the input, whose own digest is `input`, and the map: of what bodies are made from.
fn fingerprint(args: &Args, input: &str) -> Result<String> {
    let map = args.map.as_deref().map(document::read).transpose()?.unwrap_or_default();
    Ok(super::write::sha256(format!("{input}\n{}", super::write::sha256(&map)).as_bytes()))
}

impl<'a> Import<'a> {
    fn prepare(session: &'a Session, args: &'a Args, today: Date) -> Result<Self> {
        let client = session.client()?;
        let reachable = args.commit || register::is_reachable(client)?;
        let table =
            if reachable { schemes::of_node(client)? } else { args.schemes.table(session)? };
        let map = args.map.as_deref().map(|path| ColumnMap::read(path, &table)).transpose()?;
        if let Some(map) = &map {
            map.check_scheme(&table)?;
        }
        let cc = match &map {
            Some(map) => map.cc.clone(),
            None => first_state(&args.file, &table)?,
        };
        let register = if reachable && !cc.is_empty() {
            let scheme = map.as_ref().and_then(|map| map.scheme.as_deref());
            Some(Register::load(client, &cc, scheme)?)
        } else {
            if !reachable {
                session.output.note(
                    "no node answers: checked with the schemes at hand, not against the register",
                );
            }
            None
        };
        let input = Input { file: &args.file, table, map, cc, today };
        Ok(Self { session, args, input, register })
    }

    fn report(
        &self,
        survey: &Survey,
        committed: Option<&Committed>,
        findings: &Findings,
    ) -> Report {
        let bad = findings.bad_lines();
        let good = survey.good.saturating_sub(committed.map_or(0, Committed::bad));
        let mut json = json!({
            "file": self.args.file.display().to_string(),
            "input": survey.digest,
            "state": self.input.cc,
            "lines": survey.lines,
            "good": good,
            "bad": bad,
            "badByCode": findings.bad,
            "remarks": findings.remarks,
            "registered": self.register.as_ref().map(|_| survey.registered()),
            "committed": committed.map(Committed::to_json),
        });
        if let (Some(path), Some(members)) = (&self.args.report, json.as_object_mut()) {
            members.insert("report".to_owned(), path.display().to_string().into());
        }
        let text = self.summary(survey, good, committed, findings);
        // findings on standard output are JSON for programs: the words go beside them
        let text = if findings.on_standard_output() && bad > 0 && !self.session.output.is_json() {
            self.session.output.note(&text);
            String::new()
        } else {
            text
        };
        Report::new(text, json).exit(u8::from(bad > 0))
    }

    fn summary(
        &self,
        survey: &Survey,
        good: u64,
        committed: Option<&Committed>,
        findings: &Findings,
    ) -> String {
        let paint = |tone, text: String| self.session.output.paint(tone, &text);
        let mut lines = vec![format!(
            "{} lines: {}, {}",
            survey.lines,
            paint(Tone::Good, format!("{good} good")),
            match findings.bad_lines() {
                0 => "0 bad".to_owned(),
                bad => paint(Tone::Bad, format!("{bad} bad")),
            },
        )];
        lines.extend(findings.bad.iter().map(|(code, count)| format!(" {count:>8} {code}")));
        lines.extend(findings.remarks.iter().map(|(name, count)| {
            format!(" {count:>8} {} {name}", paint(Tone::Warn, "remark".to_owned()))
        }));
        if let Some(path) = &self.args.report {
            lines.push(format!("findings: {}", path.display()));
        }
        match committed {
            Some(committed) => lines.extend(committed.lines()),
            None => {
                if self.register.is_some() {
                    let known = survey.registered();
                    let new = survey.good.saturating_sub(known);
                    lines.push(format!("{new} are new, {known} are registered already"));
                }
                lines.push("dry run: nothing was written; --commit signs and sends".to_owned());
            }
        }
        lines.join("\n")
    }
}

impl Input<'_> {
    /// The file from its start.
    fn open(&self) -> Result<Source> {
        Source::open(self.file, self.map.as_ref())
    }

    /// What lines of `source` are judged by.
    fn judge(&self, source: &Source) -> Judge<'_> {
        Judge {
            table: &self.table,
            map: self.map.as_ref(),
            layout: source.layout(),
            cc: &self.cc,
            today: self.today,
        }
    }
}

/// The state of the first line that names a UBIN; empty if none does.
fn first_state(file: &Path, table: &SchemeTable) -> Result<String> {
    let mut source = Source::open(file, None)?;
    let judge = Judge { table, map: None, layout: source.layout(), cc: "", today: Date::of_ms(0) };
    while let Some(line) = source.next()? {
        if let Some(ubin) = judge.read(&line).number {
            return Ok(ubin.cc);
        }
    }
    Ok(String::new())
}
