//! The second reading: good lines become chunks, and chunks go to the ledger one after the other
//! while the next one is being made.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use serde_json::{Value as Json, json};
use titian_contracts::error::Code;

use super::chunk::{self, Chunk, Plan, Record};
use super::entry::{Entry, Judge};
use super::journal::{FORMAT, Head, Journal};
use super::numbers::Lines;
use super::register::Register;
use super::report::{Fault, Findings};
use super::send::{Outcome, Parts, Sender};
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
    /// Lines that do not fit the record that stands: not sent.
    unfit: u64,
    /// Records of the chunk that an interrupted import left, and was finished first.
    resumed: Option<u64>,
}

impl Committed {
    /// Good lines of the first reading that turned out bad.
    pub(super) const fn bad(&self) -> u64 {
        self.refused.saturating_add(self.unfit)
    }

    /// Good lines whose outcome is known.
    const fn told(&self) -> u64 {
        self.applied.saturating_add(self.unchanged).saturating_add(self.bad())
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Json {
        json!({
            "chunks": self.chunks,
            "sent": self.sent,
            "applied": self.applied,
            "unchanged": self.unchanged,
            "refused": self.refused,
            "resumed": self.resumed,
        })
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(records) = self.resumed {
            lines.push(format!(
                "resumed: the chunk of {records} records that was on its way was finished first"
            ));
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
        resumed: Option<u64>,
        findings: &mut Findings,
    ) -> Result<Committed> {
        let journal = sender.journal;
        let mut courier = Courier {
            sender,
            bar: self.session.output.bar(survey.good, "importing"),
            findings,
            done: Committed { resumed, ..Committed::default() },
        };
        let url = self.session.client()?.url().to_owned();
        let cutter = Cutter {
            input: &self.input,
            register,
            bad: &survey.bad,
            digest: &survey.digest,
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
        let (told, good) = (courier.done.told(), survey.good);
        if told != good {
            let message = format!("{good} good lines, and the outcome of {told} is known");
            return Err(CommandError::bug(message)
                .hint("import the file again: what the register says already is not sent"));
        }
        journal.remove()?;
        courier.bar.finish_and_clear();
        Ok(courier.done)
    }

    /// Who signs and sends, with the keys of `wallet`.
    pub(super) fn sender<'s>(
        &'s self,
        wallet: &'s Wallet,
        journal: &'s Journal,
        survey: &Survey,
    ) -> Result<Sender<'s>> {
        let about = format!(
            "{}: up to {} records of {} ({}); each chunk of {} is signed in this way",
            self.args.file.display(),
            survey.good,
            self.input.cc,
            survey.digest,
            self.args.chunk_records,
        );
        let head = Head {
            titian_import: FORMAT,
            chain: self.session.chain()?.to_owned(),
            cc: self.input.cc.clone(),
            input: super::fingerprint(self.args, &survey.digest)?,
            today: self.input.today.to_string(),
            root: String::new(),
            count: 0,
        };
        Ok(Sender {
            parts: Parts { session: self.session, cc: self.input.cc.clone() },
            wallet,
            signers: &self.args.signers,
            approved: self.args.yes,
            about,
            journal,
            head,
        })
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
                    Plan::Send(record, _) => records.push(record),
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

    /// The good lines among `lines`.
    fn wanted<'l>(&self, lines: &'l [Line]) -> Vec<&'l Line> {
        lines.iter().filter(|line| !self.bad.contains(line.number)).collect()
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
        self.done.unfit += cut.bad.len() as u64;
        if let Some(chunk) = &cut.chunk {
            let outcome = self.sender.send(chunk, &self.bar)?;
            self.done.chunks += 1;
            self.done.sent += chunk.records.len() as u64;
            self.note(chunk, &outcome)?;
        }
        self.findings.flush()
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
