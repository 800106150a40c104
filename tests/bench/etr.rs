//! Transferable records: completed transfers through networks, proofs, the kernel alone.
//!
//! A transfer is an offer signed by the giver and an acceptance signed by the receiver. An acceptance
//! needs its offer executed, so a network gets all offers, then all acceptances; the figure is
//! transfers by the time of both.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ed25519_dalek::{Signer as _, SigningKey};
use titian_contracts::claim::{self, Frame};
use titian_contracts::digest::Digest;
use titian_contracts::etr::challenge_of;
use titian_contracts::etr::record::Record;
use titian_contracts::execute::{self, BlockInfo, CheckedTransaction};
use titian_contracts::json::{self, Value};
use titian_contracts::op::{PublicKey, encode_base64};
use titian_contracts::proof;
use titian_contracts::state::Overlay;
use titian_node::ledger::Ledger;
use titian_tests::etr::{Traders, accept_args, with_ack};
use titian_tests::served::OneByOne;

use crate::machine::cpu_time;
use crate::network::{Network, Total};
use crate::report::Report;
use crate::workload::Transfers;
use crate::{BLOCK_TIME_MS, drive};

/// Transfers signed beforehand, by number of validators.
const TRANSFERS: [(u16, usize); 2] = [(1, 20_000), (4, 10_000)];
/// Transfers of the kernel alone.
const KERNEL_TRANSFERS: usize = 5_000;
const KERNEL_BLOCK: usize = 1_000;
/// Transfers in the history that is proven.
const HISTORY_TRANSFERS: usize = 100;
/// Signatures verified beside it, for comparison.
const VERIFICATIONS: u32 = 20_000;
const PROOFS: u32 = 500;
const HISTORIES: u32 = 50;
const ACK: [&str; 2] = ["TH:unknown", "VN:unknown"];

/// The kernel, proofs, and transfers through networks of so many validators.
pub(crate) async fn measure(folder: &Path, validators: &[u16], report: &mut Report) -> Result<()> {
    kernel(report)?;
    eprintln!("proofs of records");
    proofs(folder, report).await?;
    for n in validators {
        let home = folder.join(format!("etr-{n}"));
        let Some(total) = network(&home, *n, report).await? else { continue };
        ensure!(total.refused.is_empty(), "operations were refused: {:?}", total.refused);
        ensure!(total.roots_agree, "the nodes have different state roots");
        report.mix(&total.acts);
    }
    Ok(())
}

/// Transfers through a network of so many validators; gives what its databases hold in the end.
async fn network(folder: &Path, validators: u16, report: &mut Report) -> Result<Option<Total>> {
    let Some((_, count)) = TRANSFERS.iter().find(|(n, _)| *n == validators) else {
        return Ok(None);
    };
    eprintln!("{validators} validator(s): signing {count} transfers");
    let Transfers { mut work, offers, accepts } = Transfers::new(validators, *count)?;
    let network = Network::start(folder, &work, BLOCK_TIME_MS).await?;
    drive::prepare(&network, &mut work).await?;
    eprintln!("{validators} validator(s): transfers");
    let mut time = Duration::ZERO;
    for phase in [offers, accepts] {
        time += drive::phase(&network, phase).await?;
    }
    let per_second = *count as f64 / time.as_secs_f64();
    report.figure(&format!("etr_transfers_per_s_{validators}v"), per_second);
    Ok(Some(network.stop()?))
}

/// The kernel alone, in memory, signatures included: acts a second of processor time of one thread.
fn kernel(report: &mut Report) -> Result<()> {
    let Transfers { mut work, offers, accepts } = Transfers::new(1, KERNEL_TRANSFERS)?;
    // the rehearsal went as far as the offers; both are judged from where it began
    let mut state = work.issued_state();
    let world = work.world();
    let mut height = world.height;
    let mut spent = Duration::ZERO;
    for phase in [offers, accepts] {
        for block in phase.chunks(KERNEL_BLOCK) {
            height += 1;
            let begin = cpu_time()?;
            let head = Overlay::new(&state);
            let checked: Vec<CheckedTransaction> = block
                .iter()
                .map(|bytes| CheckedTransaction::check(bytes, &head, world.time_ms))
                .collect();
            let chain = &world.genesis.chain;
            let info = BlockInfo { chain, height, time_ms: world.time_ms };
            let outcome = execute::execute(info, &checked, &state);
            spent += cpu_time()?.saturating_sub(begin);
            let refused = outcome.receipts.iter().find(|receipt| receipt.error.is_some());
            ensure!(refused.is_none(), "refused: {refused:?}");
            state.apply(&outcome.changes);
        }
    }
    let acts = 2 * KERNEL_TRANSFERS;
    let per_second = acts as f64 / spent.as_secs_f64();
    report.figure("etr_kernel_acts_per_s", per_second);
    report.figure("etr_kernel_share", per_second / strict_per_second()?);
    Ok(())
}

/// Strict verifications a second of processor time: what an act cannot cost less than.
fn strict_per_second() -> Result<f64> {
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = PublicKey::new(&key.verifying_key().to_bytes()).context("a key")?;
    let digest = Digest([7; 32]);
    let signature = key.sign(&digest.0).to_bytes();
    let begin = cpu_time()?;
    for _ in 0..VERIFICATIONS {
        ensure!(public.verify(&digest, std::hint::black_box(&signature)), "a signature");
    }
    Ok(f64::from(VERIFICATIONS) / cpu_time()?.saturating_sub(begin).as_secs_f64())
}

/// A bill with a long history on a ledger of this process.
struct Bill {
    traders: Traders,
    blocks: OneByOne,
    id: String,
    holder: String,
}

impl Bill {
    fn new(folder: &Path) -> Result<Self> {
        let mut world = titian_tests::world::World::new();
        world.journal = Some(Vec::new());
        let mut traders = Traders::on(world);
        let id = traders.issued_bill("SGPU4711");
        let (mut from, mut to) = (traders.vn.clone(), traders.th.clone());
        for _ in 0..HISTORY_TRANSFERS {
            let offer = traders.op(&id, "offer", traders.offer_args(&to, Some("special")));
            run(&mut traders, &offer, &from)?;
            let accept = with_ack(&traders.op(&id, "accept", accept_args()), &ACK);
            run(&mut traders, &accept, &to)?;
            std::mem::swap(&mut from, &mut to);
        }
        let ledger = Ledger::open(folder, traders.world.genesis.clone())?;
        let blocks = OneByOne::over(ledger, traders.world.nodes.clone());
        let begin = traders.world.genesis.time_ms;
        for (time_ms, transaction) in
            (begin + 1..).zip(traders.world.journal.take().unwrap_or_default())
        {
            blocks.commit_at(time_ms, vec![transaction]);
        }
        blocks.commit_at(begin + 1_000_000, Vec::new());
        ensure!(Record::load(&Overlay::new(&blocks.ledger.reader()), &id).is_some(), "no record");
        Ok(Self { traders, blocks, id, holder: from })
    }

    /// The answer of the holder to a challenge.
    fn challenge(&self) -> Result<Value> {
        let reader = self.blocks.ledger.reader();
        let record = Record::load(&Overlay::new(&reader), &self.id).context("the record")?;
        let (nonce, ms) = ("00".repeat(16), self.blocks.ledger.head().time_ms);
        let chain = self.blocks.ledger.chain();
        let (seq, head) = (record.public.seq, record.public.head);
        let digest = challenge_of(chain, &self.id, seq, head, "bench", &nonce, ms);
        let signature = self.traders.world.signature(&digest, &self.holder, 1);
        let sig = Value::object([
            ("party", Value::from(self.holder.as_str())),
            ("key", Value::from("k1")),
            ("sig", Value::from(encode_base64(&signature.signature))),
        ]);
        Ok(Value::object([
            ("audience", Value::from("bench")),
            ("nonce", Value::from(nonce)),
            ("ms", Value::from(ms)),
            ("sigs", Value::List(vec![sig])),
        ]))
    }

    /// A bundle as the interface makes it.
    async fn make(&self, kind: &str, stated: &Value) -> Result<String> {
        let ledger = &self.blocks.ledger;
        let frame = Frame { chain: ledger.chain(), time_ms: ledger.head().time_ms };
        let keys = claim::question(kind, stated, &ledger.reader(), frame)?;
        let proven = ledger.prove(keys).await?;
        let frame = Frame { time_ms: proven.evidence.header.time_ms, ..frame };
        let claim = claim::make(kind, stated, &proven.entries, frame)?;
        Ok(proof::bundle(kind, proven.height, claim, &proven.evidence))
    }

    /// The history with its ops read from the database.
    async fn history(&self) -> Result<String> {
        let rows = self.blocks.ledger.store().record_ops(&self.id, 0, usize::MAX);
        let ops: Vec<Value> =
            rows.iter().map(|(_, _, text)| json::parse(text)).collect::<Result<_, _>>()?;
        let times = rows.iter().map(|(seq, place, _)| {
            let members = [("height", place.height), ("ms", place.time_ms), ("seq", *seq)];
            Value::object(members.map(|(name, number)| (name, Value::from(number))))
        });
        let stated = Value::object([
            ("id", Value::from(self.id.as_str())),
            ("ops", Value::List(ops)),
            ("times", Value::List(times.collect())),
        ]);
        self.make("etr-history", &stated).await
    }
}

fn run(traders: &mut Traders, op: &Value, party: &str) -> Result<()> {
    let outcome = traders.run(op, &[party]);
    outcome.map(|_| ()).map_err(|code| anyhow::anyhow!("refused: {}", code.name()))
}

/// Proofs of control, and of a history of a hundred transfers.
async fn proofs(folder: &Path, report: &mut Report) -> Result<()> {
    let bill = Bill::new(&folder.join("etr-ledger"))?;
    let anchor = bill.traders.world.genesis.anchor();
    let stated =
        Value::object([("id", Value::from(bill.id.as_str())), ("challenge", bill.challenge()?)]);
    let mut control = String::new();
    let begin = Instant::now();
    for _ in 0..PROOFS {
        control = bill.make("etr-control", &stated).await?;
    }
    report.figure("etr_control_make_us", each_us(begin, PROOFS));
    let begin = Instant::now();
    for _ in 0..PROOFS {
        proof::verify(control.as_bytes(), &anchor, 0)?;
    }
    report.figure("etr_control_verify_us", each_us(begin, PROOFS));
    let mut history = String::new();
    let begin = Instant::now();
    for _ in 0..HISTORIES {
        history = bill.history().await?;
    }
    report.figure("etr_history_make_ms", each_us(begin, HISTORIES) / 1000.0);
    let begin = Instant::now();
    for _ in 0..HISTORIES {
        proof::verify(history.as_bytes(), &anchor, 0)?;
    }
    report.figure("etr_history_verify_ms", each_us(begin, HISTORIES) / 1000.0);
    report.note(format!(
        "A proof of control has {} bytes, certificate included; a history of {HISTORY_TRANSFERS} \
         transfers {} bytes.",
        control.len(),
        history.len()
    ));
    Ok(())
}

fn each_us(begin: Instant, count: u32) -> f64 {
    begin.elapsed().as_secs_f64() * 1e6 / f64::from(count)
}
