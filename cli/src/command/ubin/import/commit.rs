//! The second reading: good lines become chunks, and chunks go to the ledger one after the other
//! while the next one is being made.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use serde_json::{Value as Json, json};
use titian_contracts::error::Code;

use super::Import;
use super::chunk::{self, Chunk, Plan, Record};
use super::entry::Entry;
use super::journal::{Head, Journal};
use super::register::Register;
use super::report::{Fault, Findings};
use super::send::{Outcome, Sender};
use super::source::Source;
use super::survey::{Survey, in_parallel, read_batch};
use crate::client::Client;
use crate::error::{CommandError, Result};

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
        journal: &Journal,
        before: Option<(Head, Chunk)>,
        findings: &mut Findings,
    ) -> Result<Committed> {
        let mut courier = Courier {
            sender: self.sender(survey)?,
            journal,
            head: Head {
                titian_import: 1,
                chain: self.session.chain()?.to_owned(),
                cc: self.cc.clone(),
                input: super::fingerprint(self.args, &survey.digest)?,
                today: self.today.to_string(),
                root: String::new(),
                count: 0,
                last_line: 0,
            },
            bar: self.session.output.bar(survey.good, "importing"),
            findings,
            done: Committed::default(),
        };
        let mut after = 0;
        if let Some((head, chunk)) = before {
            after = head.last_line;
            courier.done.resumed_after = Some(after);
            courier.deliver(&chunk)?;
        }
        let url = self.session.client()?.url().to_owned();
        thread::scope(|scope| {
            let (cuts, arriving) = sync_channel(1);
            scope.spawn(move || {
                if let Err(error) = self.cut(register, survey, &url, after, &cuts) {
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

    fn sender(&self, survey: &Survey) -> Result<Sender<'_>> {
        let wallet = self.session.wallet()?;
        wallet.check_chain(self.session.chain()?)?;
        let about = format!(
            "{}: up to {} records of {} ({}); each chunk of {} is signed in this way",
            self.args.file.display(),
            survey.good,
            self.cc,
            survey.digest,
            self.args.chunk_records,
        );
        Ok(Sender {
            session: self.session,
            wallet,
            signers: &self.args.signers,
            cc: self.cc.clone(),
            approved: self.args.yes,
            about,
        })
    }

    /// Reads the lines after `after` again and cuts chunks; ends early if nobody takes them.
    fn cut(
        &self,
        register: &Register,
        survey: &Survey,
        url: &str,
        after: u64,
        cuts: &SyncSender<Result<Cut>>,
    ) -> Result<()> {
        let client = Client::new(url)?;
        let mut source = Source::open(&self.args.file, self.map.as_ref())?;
        let judge = self.judge(&source);
        let mut cut = Cut::default();
        let mut records: Vec<Record> = Vec::new();
        let mut last_line = after;
        loop {
            let lines = read_batch(&mut source)?;
            if lines.is_empty() {
                break;
            }
            let wanted: Vec<_> = lines
                .iter()
                .filter(|line| line.number > after && !survey.bad.contains(line.number))
                .collect();
            let read = in_parallel(&wanted, |line| judge.read(line))?;
            let entries: Vec<(u64, Entry)> = wanted
                .iter()
                .zip(read)
                .filter_map(|(line, judged)| Some((line.number, judged.outcome.ok()?)))
                .collect();
            if entries.len() < wanted.len() {
                return Err(CommandError::refused("the input changed while it was read"));
            }
            for plan in chunk::plan(&judge, register, &client, entries)? {
                match plan {
                    Plan::Send(record) => {
                        last_line = record.line;
                        records.push(record);
                    }
                    Plan::Unchanged => cut.unchanged += 1,
                    Plan::Bad(number, fault) => {
                        let line = wanted.iter().find(|line| line.number == number);
                        let column = line.map(|line| judge.column(line, &fault));
                        cut.bad.push((number, column.unwrap_or_default(), fault));
                    }
                }
                if records.len() == self.args.chunk_records {
                    let records = std::mem::take(&mut records);
                    cut.chunk = Some(Chunk { records, last_line });
                    if cuts.send(Ok(std::mem::take(&mut cut))).is_err() {
                        return Ok(());
                    }
                }
            }
        }
        if source.digest() != survey.digest {
            return Err(CommandError::refused("the input changed while it was read"));
        }
        cut.chunk = (!records.is_empty()).then_some(Chunk { records, last_line });
        let _ = cuts.send(Ok(cut));
        Ok(())
    }
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
        self.head.last_line = chunk.last_line;
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
