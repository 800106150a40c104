//! The second reading: good lines become chunks, and chunks go to the ledger one after the other
//! while the next one is being made.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use serde_json::{Value as Json, json};
use titian_contracts::error::Code;

use super::chunk::{self, Chunk, Plan, Record};
use super::entry::{Entry, Judge};
use super::journal::{Head, Journal};
use super::numbers::Lines;
use super::register::Register;
use super::report::{Fault, Findings};
use super::send::{Outcome, Sender};
use super::source::Line;
use super::survey::{Survey, in_parallel, read_batch};
use super::{Import, Input};
use crate::client::Client;
use crate::error::{CommandError, Result};
use crate::wallet::Wallet;

/// What was written.
#[derive(Clone, Debug, Default)]
pub(super) struct Committed {
    chunks: u64,
    sent: u64,
    applied: u64,
    unchanged: u64,
    refused: u64,
    /// The line after which a resumed import went on.
    resumed_after: Option<u64>,
}

impl Committed {
    /// For programs.
    pub(super) fn to_json(&self) -> Json {
        json!({
            "chunks": self.chunks,
            "sent": self.sent,
            "applied": self.applied,
            "unchanged": self.unchanged,
            "refused": self.refused,
            "resumedAfterLine": self.resumed_after,
        })
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(line) = self.resumed_after {
            lines.push(format!("resumed: the counts are of the open chunk and lines after {line}"));
        }
        lines.push(format!(
            "{} applied, {} unchanged, {} refused by the ledger; {} records sent in {} chunks",
            self.applied, self.unchanged, self.refused, self.sent, self.chunks
        ));
        lines
    }
}

/// Lines that were planned since the cut before.
#[derive(Default)]
struct Cut {
    chunk: Option<Chunk>,
    unchanged: u64,
    bad: Vec<(u64, String, Fault)>,
}

impl Import<'_> {
    /// Signs and sends what the register does not say yet.
    pub(super) fn commit(
        &self,
        register: &Register,
        survey: &Survey,
        sender: Sender<'_>,
        journal: &Journal,
        before: Option<(Head, Chunk)>,
        findings: &mut Findings,
    ) -> Result<Committed> {
        let mut courier = Courier {
            sender,
            journal,
            head: Head {
                titian_import: 1,
                chain: self.session.chain()?.to_owned(),
                cc: self.input.cc.clone(),
                input: super::fingerprint(self.args, &survey.digest)?,
                today: self.input.today.to_string(),
                root: String::new(),
                count: 0,
            },
            bar: self.session.output.bar(survey.good, "importing"),
            findings,
            done: Committed::default(),
        };
        let mut after = 0;
        if let Some((_, chunk)) = before {
            after = chunk.last_line();
            courier.done.resumed_after = Some(after);
            courier.deliver(&chunk)?;
        }
        let url = self.session.client()?.url().to_owned();
        let cutter = Cutter {
            input: &self.input,
            register,
            bad: &survey.bad,
            digest: &survey.digest,
            after,
            chunk_records: self.args.chunk_records,
        };
        thread::scope(|scope| {
            let (cuts, arriving) = sync_channel(1);
            scope.spawn(move || {
                if let Err(error) = cutter.cut(&url, &cuts) {
                    let _ = cuts.send(Err(error));
                }
            });
            for cut in arriving {
                courier.take(cut?)?;
            }
            Ok::<(), CommandError>(())
        })?;
        journal.remove()?;
        courier.bar.finish_and_clear();
        Ok(courier.done)
    }

    /// Who signs and sends, with the keys of `wallet`.
    pub(super) fn sender(&self, wallet: Wallet, survey: &Survey) -> Sender<'_> {
        let about = format!(
            "{}: up to {} records of {} ({}); each chunk of {} is signed in this way",
            self.args.file.display(),
            survey.good,
            self.input.cc,
            survey.digest,
            self.args.chunk_records,
        );
        Sender {
            session: self.session,
            wallet,
            signers: &self.args.signers,
            cc: self.input.cc.clone(),
            approved: self.args.yes,
            about,
        }
    }
}

/// Makes chunks of the good lines.
struct Cutter<'a> {
    input: &'a Input<'a>,
    register: &'a Register,
    /// Lines that the first reading found bad.
    bad: &'a Lines,
    /// What the first reading read.
    digest: &'a str,
    /// The last line that was sent before.
    after: u64,
    chunk_records: usize,
}

impl Cutter<'_> {
    /// Reads the file again and hands out chunks; ends early if nobody takes them.
    fn cut(&self, url: &str, cuts: &SyncSender<Result<Cut>>) -> Result<()> {
        let client = Client::new(url)?;
        let mut source = self.input.open()?;
        let judge = self.input.judge(&source);
        let mut cut = Cut::default();
        let mut records: Vec<Record> = Vec::new();
        loop {
            let lines = read_batch(&mut source)?;
            if lines.is_empty() {
                break;
            }
            let wanted = self.wanted(&lines);
            let entries = entries(&judge, &wanted)?;
            for plan in chunk::plan(&judge, self.register, &client, entries)? {
                match plan {
                    Plan::Send(record) => records.push(record),
                    Plan::Unchanged => cut.unchanged += 1,
                    Plan::Bad(number, fault) => {
                        let line = wanted.iter().find(|line| line.number == number);
                        let column = line.map(|line| judge.column(line, &fault));
                        cut.bad.push((number, column.unwrap_or_default(), fault));
                    }
                }
                if records.len() == self.chunk_records {
                    cut.chunk = Chunk::of(std::mem::take(&mut records));
                    if cuts.send(Ok(std::mem::take(&mut cut))).is_err() {
                        return Ok(());
                    }
                }
            }
        }
        if source.digest() != self.digest {
            return Err(changed());
        }
        cut.chunk = Chunk::of(records);
        let _ = cuts.send(Ok(cut));
        Ok(())
    }

    /// The good lines among `lines` that are still to be sent.
    fn wanted<'l>(&self, lines: &'l [Line]) -> Vec<&'l Line> {
        let is_wanted = |line: &&Line| line.number > self.after && !self.bad.contains(line.number);
        lines.iter().filter(is_wanted).collect()
    }
}

/// The records of lines that were good when they were read first.
fn entries(judge: &Judge<'_>, lines: &[&Line]) -> Result<Vec<(u64, Entry)>> {
    let read = in_parallel(lines, |line| judge.read(line))?;
    let entries = lines.iter().zip(read).map(|(line, judged)| match judged.outcome {
        Ok(entry) => Ok((line.number, entry)),
        Err(_) => Err(changed()),
    });
    entries.collect()
}

fn changed() -> CommandError {
    CommandError::refused("the input changed while it was read")
}

/// Takes chunks to the ledger and keeps count.
struct Courier<'a> {
    sender: Sender<'a>,
    journal: &'a Journal,
    head: Head,
    bar: indicatif::ProgressBar,
    findings: &'a mut Findings,
    done: Committed,
}

impl Courier<'_> {
    fn take(&mut self, cut: Cut) -> Result<()> {
        self.done.unchanged += cut.unchanged;
        self.bar.inc(cut.unchanged);
        for (line, column, fault) in &cut.bad {
            self.findings.bad(*line, column, fault)?;
        }
        let Some(chunk) = cut.chunk else { return Ok(()) };
        self.head.root = chunk.tree().root().to_string();
        self.head.count = chunk.records.len();
        self.journal.write(&self.head, &chunk)?;
        self.deliver(&chunk)
    }

    /// Sends a chunk that the journal holds.
    fn deliver(&mut self, chunk: &Chunk) -> Result<()> {
        let outcome = self.sender.send(chunk, &self.bar)?;
        self.done.chunks += 1;
        self.done.sent += chunk.records.len() as u64;
        self.note(chunk, &outcome)
    }

    fn note(&mut self, chunk: &Chunk, outcome: &Outcome) -> Result<()> {
        self.done.applied += outcome.applied;
        self.done.unchanged += outcome.unchanged;
        self.done.refused += outcome.refused.len() as u64;
        for (place, name, pointer) in &outcome.refused {
            let code = Code::by_name(name).unwrap_or(Code::Malformed);
            let line = chunk.records.get(*place).map_or(0, |record| record.line);
            let message = format!("the ledger refused the record: {}", code.meaning());
            self.findings.bad(line, pointer, &Fault::new(code, pointer, message))?;
        }
        Ok(())
    }
}
