//! Chunks on their way to the ledger: one signed op each, then unsigned parts, several at a time.
//!
//! Invariant: what was written is what the ledger says of the chunk's root. A signed chunk leaves only
//! when the journal holds it. A part is sent only while a record of it is still to come, and sending
//! it twice writes nothing twice.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde_json::Value as Json;
use titian_api::call;
use titian_api::ledger::{Receipt, Submission, SubmitParams, TransactionInput};
use titian_api::ubin::ImportStatusParams;
use titian_contracts::digest::Digest;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::ubin::import::part_transaction;
use tokio::task::JoinSet;

use super::chunk::Chunk;
use super::journal::{Head, Journal};
use crate::act::{self, Draft, Unsigned};
use crate::client::Link;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::session::Session;
use crate::wallet::{KeyRef, Wallet};

/// Parts that wait for their receipts at the same time: three quarters of a block.
const PARTS_IN_FLIGHT: usize = 12;
/// Pauses before a part is sent again, shortest and longest.
const PAUSE_MS: (u64, u64) = (200, 5_000);
/// How long a part is sent again before the import gives up; `--resume` goes on later.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often the number of a chunk is asked again when somebody else took it.
const NUMBER_ATTEMPTS: u32 = 5;
/// How often a chunk's op is sent again while its receipt does not come.
const OPEN_ATTEMPTS: u32 = 4;

/// What became of the records of a chunk.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// Written.
    pub(super) applied: u64,
    /// The register said it already.
    pub(super) unchanged: u64,
    /// Not applied: place in the chunk, name of the rule, member of the body.
    pub(super) refused: Vec<(usize, String, String)>,
}

/// Sends the records of chunks that were signed.
pub(super) struct Parts<'a> {
    /// The surroundings.
    pub(super) session: &'a Session,
    /// The state.
    pub(super) cc: String,
}

/// Signs and sends chunks.
pub(super) struct Sender<'a> {
    /// What follows a signature.
    pub(super) parts: Parts<'a>,
    /// Whose keys sign.
    pub(super) wallet: &'a Wallet,
    /// The keys that were named.
    pub(super) signers: &'a [KeyRef],
    /// Whether a person agreed already.
    pub(super) approved: bool,
    /// What a person reads before the first signature, beside the op.
    pub(super) about: String,
    /// What remembers the chunk that is on its way.
    pub(super) journal: &'a Journal,
    /// Its first line, but for the chunk.
    pub(super) head: Head,
}

/// What the ledger says of a chunk.
struct Status {
    seq: u64,
    count: usize,
    done: Vec<u8>,
    applied: u64,
    unchanged: u64,
    results: Vec<Run>,
    next: Option<u64>,
}

#[derive(serde::Deserialize)]
struct Run {
    first: usize,
    count: usize,
    code: String,
}

impl Status {
    fn is_over_with_refusals(&self) -> bool {
        (0..self.count).all(|place| self.is_done(place))
            && self.applied.saturating_add(self.unchanged) < self.count as u64
    }

    fn is_done(&self, place: usize) -> bool {
        self.done.get(place / 8).is_some_and(|bits| bits >> (place % 8) & 1 == 1)
    }
}

impl Sender<'_> {
    /// Sends what the ledger lacks of a chunk, and tells what became of all of it.
    pub(super) fn send(&mut self, chunk: &Chunk, bar: &ProgressBar) -> Result<Outcome> {
        let root = chunk.tree().root();
        // a chunk that is over, with records refused, may go better now: with two officers, or on
        // records that others wrote meanwhile
        let found = self.parts.status(&root, 0)?.filter(|status| !status.is_over_with_refusals());
        let status = match found {
            Some(status) => {
                self.remember(chunk, &root)?;
                status
            }
            None => {
                self.open(chunk, &root)?;
                self.parts.status(&root, 0)?.ok_or_else(|| {
                    CommandError::refused("the node does not know the chunk it has a receipt for")
                        .hint("titian ubin import … --commit --resume")
                })?
            }
        };
        let pointers = self.parts.send(chunk, &status, bar)?;
        self.parts.outcome(&root, &pointers)
    }

    /// Writes the chunk to the journal.
    fn remember(&mut self, chunk: &Chunk, root: &Digest) -> Result<()> {
        self.head.root = root.to_string();
        self.head.count = chunk.records.len();
        self.journal.write(&self.head, chunk)
    }

    /// Signs for the chunk under the next free number of the state.
    fn open(&mut self, chunk: &Chunk, root: &Digest) -> Result<()> {
        let mut attempt = 1;
        loop {
            let args = Value::object([
                ("cc", Value::from(self.parts.cc.as_str())),
                ("count", Value::from(chunk.records.len() as u64)),
                ("root", Value::from(*root)),
                ("seq", Value::from(self.parts.next_seq()?)),
            ]);
            let signed = self.sign(args)?;
            self.remember(chunk, root)?;
            match self.submit(&signed) {
                Err(error)
                    if error.name.as_deref() == Some("IMPORT_SEQ") && attempt < NUMBER_ATTEMPTS =>
                {
                    attempt += 1;
                }
                Err(error) if error.kind == Kind::Refused && !may_stand(&error) => {
                    // nothing of the chunk is on the ledger: there is nothing to go on with
                    self.journal.remove()?;
                    return Err(error);
                }
                other => return other,
            }
        }
    }

    fn sign(&mut self, args: Value) -> Result<Unsigned> {
        let session = self.parts.session;
        let draft = Draft::new(Register::Ubin, "import_chunk", args);
        let mut unsigned = act::build(session, &draft, self.wallet, self.signers)?;
        let keys = act::choose_keys(self.wallet, &unsigned, self.signers)?;
        if !self.approved {
            session.output.note(&self.about);
        }
        act::approve(session.output, &unsigned, &keys, self.approved).map_err(|error| {
            if error.kind != Kind::Usage {
                return error;
            }
            let hint = "--yes signs without asking; without --commit nothing is signed";
            CommandError { hints: vec![hint.to_owned()], ..error }
        })?;
        self.approved = true;
        act::sign(&mut unsigned, &keys)?;
        let missing = act::missing(&unsigned);
        if missing.is_empty() {
            return Ok(unsigned);
        }
        Err(CommandError::refused(format!("the chunk lacks: {}", missing.join(", ")))
            .named("QUORUM_MISSING")
            .hint("--as PARTY#kN names a key of this wallet"))
    }

    fn submit(&self, unsigned: &Unsigned) -> Result<()> {
        let session = self.parts.session;
        for _ in 0..OPEN_ATTEMPTS {
            let value = unsigned.value.clone();
            let submitted = act::submit(session, "op", unsigned.register, value, true)?;
            if submitted.status != Submission::Pending {
                return act::receipt_report(session.output, &submitted).map(|_| ());
            }
        }
        Err(CommandError::refused("the receipt of the chunk does not come")
            .named("PENDING")
            .hint("titian ubin import … --commit --resume goes on later"))
    }
}

/// Whether an op that failed in this way may come to stand on the ledger all the same.
fn may_stand(error: &CommandError) -> bool {
    matches!(error.name.as_deref(), Some("PENDING" | "BUSY" | "UNAVAILABLE"))
}

impl Parts<'_> {
    /// Sends what the ledger lacks of a chunk that an interrupted import left, if it stands there.
    /// Needs no signature: one that nobody signed is made anew.
    pub(super) fn finish(&self, chunk: &Chunk) -> Result<()> {
        let Some(status) = self.status(&chunk.tree().root(), 0)? else { return Ok(()) };
        let bar = self.session.output.bar(chunk.records.len() as u64, "resuming");
        self.send(chunk, &status, &bar)?;
        bar.finish_and_clear();
        Ok(())
    }

    fn status(&self, root: &Digest, from: u64) -> Result<Option<Status>> {
        let params = ImportStatusParams {
            root: Some(root.to_string()),
            cc: Some(self.cc.clone()),
            seq: None,
            from: Some(from),
        };
        let answer = Json::Object(self.session.client()?.ask::<call::UbinImportStatus>(&params)?);
        if answer.get("found") != Some(&Json::Bool(true)) {
            return Ok(None);
        }
        read_status(&answer)
            .map(Some)
            .ok_or_else(|| CommandError::refused("ubin_importStatus answers in another form"))
    }

    fn next_seq(&self) -> Result<u64> {
        let params =
            ImportStatusParams { cc: Some(self.cc.clone()), ..ImportStatusParams::default() };
        let answer = self.session.client()?.ask::<call::UbinImportStatus>(&params)?;
        answer
            .get("nextSeq")
            .and_then(Json::as_u64)
            .ok_or_else(|| CommandError::refused("ubin_importStatus names no nextSeq"))
    }

    /// Sends the parts with records that are still to come; gives the members of bodies that
    /// refusals named, by place.
    fn send(
        &self,
        chunk: &Chunk,
        status: &Status,
        bar: &ProgressBar,
    ) -> Result<HashMap<usize, String>> {
        if status.count != chunk.records.len() {
            return Err(CommandError::bug("a root stands for one number of records"));
        }
        let tree = chunk.tree();
        let client = self.session.client()?;
        let mut parts = chunk.parts().into_iter();
        let mut pointers = HashMap::new();
        client.wait(async {
            let mut flying: JoinSet<Result<(u64, Option<Receipt>)>> = JoinSet::new();
            loop {
                while flying.len() < PARTS_IN_FLIGHT
                    && let Some(range) = parts.next()
                {
                    let count = range.len() as u64;
                    if range.clone().all(|place| status.is_done(place)) {
                        bar.inc(count);
                        continue;
                    }
                    let records = chunk.records.get(range.clone()).unwrap_or_default();
                    let bodies: Vec<Value> = records.iter().map(|r| r.body.clone()).collect();
                    let path = tree.part_path(range.start, range.len());
                    let first = range.start as u64;
                    let bytes = part_transaction(&self.cc, status.seq, first, &bodies, &path);
                    let link = client.link();
                    flying.spawn(async move { Ok((count, send_part(&link, bytes).await?)) });
                }
                let Some(sent) = flying.join_next().await else { return Ok(pointers) };
                let (count, receipt) =
                    sent.map_err(|_| CommandError::bug("a part was lost on its way"))??;
                bar.inc(count);
                pointers.extend(receipt.iter().flat_map(refused_members));
            }
        })
    }

    /// What the ledger says in the end.
    fn outcome(&self, root: &Digest, pointers: &HashMap<usize, String>) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let mut from = Some(0);
        while let Some(first) = from {
            let status = self
                .status(root, first)?
                .ok_or_else(|| CommandError::refused("the node forgot the chunk"))?;
            let judged = (0..status.count).filter(|place| status.is_done(*place)).count();
            if judged < status.count {
                let lacking = status.count - judged;
                return Err(CommandError::refused(format!(
                    "{lacking} records of chunk {}/{} were not judged",
                    self.cc, status.seq
                ))
                .hint("titian ubin import … --commit --resume"));
            }
            (outcome.applied, outcome.unchanged) = (status.applied, status.unchanged);
            for run in status.results.iter().filter(|run| run.code != "UNCHANGED") {
                outcome.refused.extend((run.first..run.first + run.count).map(|place| {
                    (place, run.code.clone(), pointers.get(&place).cloned().unwrap_or_default())
                }));
            }
            from = status.next;
        }
        Ok(outcome)
    }
}

fn read_status(answer: &Json) -> Option<Status> {
    let number = |name: &str| answer.get(name)?.as_u64();
    Some(Status {
        seq: number("seq")?,
        count: usize::try_from(number("count")?).ok()?,
        done: hex::decode(document::text(answer, "/bitmap")?).ok()?,
        applied: number("applied")?,
        unchanged: number("unchanged")?,
        results: serde_json::from_value(answer.get("results")?.clone()).ok()?,
        next: number("next"),
    })
}

/// Sends one part until it is executed. `None` if the ledger had all of it already.
async fn send_part(link: &Link, bytes: Vec<u8>) -> Result<Option<Receipt>> {
    let text = String::from_utf8(bytes).map_err(|_| CommandError::bug("JSON is not UTF-8"))?;
    let params = SubmitParams { transaction: TransactionInput::Text(text), wait: true };
    let start = Instant::now();
    let mut pause = PAUSE_MS.0;
    loop {
        let named = match link.ask::<call::LedgerSubmit>(&params).await {
            Ok(sent) => match (sent.receipt, sent.error) {
                (Some(receipt), _) => return judged(receipt),
                (None, Some(refusal)) => return Err(act::refused(&refusal, &Json::Null)),
                // pending: the same bytes are the same transaction
                (None, None) => None,
            },
            Err(error) if is_complete(error.name.as_deref()) => return Ok(None),
            Err(error) if start.elapsed() < PATIENCE && passes(&error) => {
                error.data.as_ref().and_then(|data| data.get("retryAfterMs")?.as_u64())
            }
            Err(error) => return Err(error.hint("titian ubin import … --commit --resume")),
        };
        let wait = named.unwrap_or(0).clamp(pause, PAUSE_MS.1);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        pause = (pause * 2).min(PAUSE_MS.1);
        if start.elapsed() > PATIENCE {
            return Err(CommandError::refused("the receipt of a part does not come")
                .named("PENDING")
                .hint("titian ubin import … --commit --resume"));
        }
    }
}

fn judged(receipt: Receipt) -> Result<Option<Receipt>> {
    match &receipt.error {
        None => Ok(Some(receipt)),
        Some(refusal) if is_complete(Some(&refusal.data.name)) => Ok(None),
        Some(refusal) => Err(act::refused(refusal, &Json::Null)),
    }
}

/// Whether a refusal says that nothing of the part is left to do.
fn is_complete(name: Option<&str>) -> bool {
    matches!(name, Some("UNCHANGED" | "IMPORT_NOT_OPEN"))
}

/// Whether an error passes with time: the node is full, restarting, or dropped the part.
fn passes(error: &CommandError) -> bool {
    error.kind == Kind::NoNode
        || matches!(error.name.as_deref(), Some("BUSY" | "UNAVAILABLE" | "EXPIRED_IN_POOL"))
}

/// Place and member of the records that a receipt says were refused for a member.
fn refused_members(receipt: &Receipt) -> Vec<(usize, String)> {
    let events = receipt.events.iter().filter(|event| event.name == "ubin.import_part");
    let items = events.filter_map(|event| event.data.get("refused")?.as_array()).flatten();
    items
        .filter_map(|item| {
            let place = usize::try_from(item.get(0)?.as_u64()?).ok()?;
            Some((place, item.get(2)?.as_str()?.to_owned()))
        })
        .collect()
}
