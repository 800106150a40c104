//! Operations that are signed before the clock runs.
//!
//! The mix: 60 % companies registered by four states, 25 % promissory notes issued (two signatures
//! by two parties), 15 % notes offered to a next holder.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::MemoryState;
use titian_genesis::Genesis;
use titian_genesis::devnet::{NodeSecrets, Plan};
use titian_tests::etr::{self, Traders};
use titian_tests::ports::free_forty;
use titian_tests::world::{World, company_body};

const QUARTER_MS: u64 = 90 * etr::DAY_MS;
/// Of twenty operations so many register, issue, offer.
const TWENTY: usize = 20;
const REGISTER: usize = 12;
const ISSUE: usize = 5;
const OFFER: usize = 3;
/// Blocks of the rehearsal in memory.
const REHEARSAL_BLOCK: usize = 2_000;
/// A registrar, its scheme, and how its numbers start; six digits follow.
const REGISTRARS: [(&str, &str, &str); 4] = [
    ("MY:SSM", "BRN", "202402"),
    ("ID:AHU", "NIB", "9120000"),
    ("PH:SEC", "SEC", "2024"),
    ("KH:MOC", "MOC", "10"),
];

/// A network's keys and operations.
pub(crate) struct Workload {
    traders: Traders,
    base_port: u16,
    /// Traders and their keys, in order; each needs the one before it.
    pub(crate) traders_first: Vec<Vec<u8>>,
    /// The notes that are offered later.
    pub(crate) notes_first: Vec<Vec<u8>>,
    /// The mix.
    pub(crate) mix: VecDeque<Vec<u8>>,
    signed: usize,
    /// State with the notes issued and nothing else done, of transfers.
    issued: MemoryState,
}

impl Workload {
    /// Keys of a network of `validators`, and `count` signed operations.
    pub(crate) fn new(validators: u16, count: usize) -> Result<Self> {
        let rounds = count.div_ceil(TWENTY);
        Self::new_with(validators, rounds, rounds)
    }

    /// Notes for the offers of `notes` rounds, and `rounds` rounds of the mix.
    fn new_with(validators: u16, notes: usize, rounds: usize) -> Result<Self> {
        let base_port = free_forty();
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let mut world = World::on(&Plan {
            // two networks run at once, and a machine lets a key vote once on a chain
            chain: format!("titian-bench-{validators}-{base_port}"),
            time_ms: u64::try_from(now.as_millis())?,
            validators: usize::from(validators),
            host: "127.0.0.1".to_owned(),
            base_port,
        });
        world.journal = Some(Vec::new());
        let mut traders = Traders::on(world);
        let traders_first = traders.world.journal.take().unwrap_or_default();
        let notes_first = sign_notes(&traders, "F", notes * OFFER);
        // run in memory, for an offer names the state of its record
        for block in notes_first.chunks(REHEARSAL_BLOCK) {
            let receipts = traders.world.run_transactions(block);
            let refused = receipts.iter().find(|receipt| receipt.error.is_some());
            anyhow::ensure!(refused.is_none(), "the rehearsal refused: {refused:?}");
        }
        let mut work = Self {
            traders,
            base_port,
            traders_first,
            notes_first,
            mix: VecDeque::new(),
            signed: rounds * TWENTY,
            issued: MemoryState::default(),
        };
        work.mix = work.sign_mix(rounds);
        Ok(work)
    }

    /// The ledger in memory on which the operations were prepared.
    pub(crate) const fn world(&mut self) -> &mut World {
        &mut self.traders.world
    }

    /// State with the notes of transfers issued and none offered.
    pub(crate) fn issued_state(&mut self) -> MemoryState {
        std::mem::take(&mut self.issued)
    }

    /// The genesis of the network.
    pub(crate) fn genesis(&self) -> &Genesis {
        &self.traders.world.genesis
    }

    /// The secrets of its nodes.
    pub(crate) fn nodes(&self) -> &[NodeSecrets] {
        &self.traders.world.nodes
    }

    /// Node i listens on base + 10 i (consensus), + 1 (gossip) and + 2 (interface).
    pub(crate) const fn base_port(&self) -> u16 {
        self.base_port
    }

    /// Takes the next operations of the mix.
    pub(crate) fn take(&mut self, count: usize) -> Result<Vec<Vec<u8>>> {
        anyhow::ensure!(self.mix.len() >= count, "too few operations were signed");
        Ok(self.mix.drain(..count).collect())
    }

    /// UBINs of the companies that the operations taken so far register.
    pub(crate) fn ubins(&self) -> Result<Vec<String>> {
        let done = (self.signed - self.mix.len()) / TWENTY * REGISTER;
        let ubin = |i| {
            let body = company(i);
            body.get("ubin").and_then(Value::as_text).map(str::to_owned).context("a company")
        };
        (0..done).map(ubin).collect()
    }

    fn sign_mix(&self, rounds: usize) -> VecDeque<Vec<u8>> {
        let mut registrations: VecDeque<Vec<u8>> = (0..rounds * REGISTER)
            .into_par_iter()
            .map(|i| self.registration(i))
            .collect::<Vec<_>>()
            .into();
        let mut issues: VecDeque<_> = sign_notes(&self.traders, "M", rounds * ISSUE).into();
        let mut offers: VecDeque<Vec<u8>> =
            (0..rounds * OFFER).into_par_iter().map(|i| self.offer(i)).collect::<Vec<_>>().into();
        let mut mix = VecDeque::with_capacity(rounds * TWENTY);
        for _ in 0..rounds {
            mix.extend(registrations.drain(..REGISTER));
            mix.extend(issues.drain(..ISSUE));
            mix.extend(offers.drain(..OFFER));
        }
        mix
    }

    fn registration(&self, i: usize) -> Vec<u8> {
        let world = &self.traders.world;
        let args = Value::object([("body", company(i))]);
        let op = world.op(Register::Ubin, "register", args);
        let (registrar, _, _) = REGISTRARS[i % REGISTRARS.len()];
        World::transaction(&world.sign(&op, &[(registrar, 1)]))
    }

    fn accept(&self, i: usize) -> Vec<u8> {
        let traders = &self.traders;
        let id = traders.id("note", &reference("F", i));
        let op = traders.op(&id, "accept", etr::accept_args());
        let op = etr::with_ack(&op, &["TH:unknown", "VN:unknown"]);
        World::transaction(&traders.world.sign(&op, &[(&traders.th, 1)]))
    }

    fn offer(&self, i: usize) -> Vec<u8> {
        let traders = &self.traders;
        let id = traders.id("note", &reference("F", i));
        let to = &traders.th;
        let op = traders.op(&id, "offer", traders.offer_args(to, Some("special")));
        World::transaction(&traders.world.sign(&op, &[(&traders.vn, 1)]))
    }
}

/// A network's keys and transfers of notes.
pub(crate) struct Transfers {
    /// Keys, traders and the notes that are transferred.
    pub(crate) work: Workload,
    /// Offers, one of each note.
    pub(crate) offers: Vec<Vec<u8>>,
    /// What accepts each, in the same order.
    pub(crate) accepts: Vec<Vec<u8>>,
}

impl Transfers {
    /// Keys of a network of `validators`, and `count` signed transfers.
    pub(crate) fn new(validators: u16, count: usize) -> Result<Self> {
        let rounds = count.div_ceil(OFFER);
        let mut work = Workload::new_with(validators, rounds, 0)?;
        work.notes_first.truncate(count);
        work.issued = work.traders.world.state.clone();
        let offers: Vec<Vec<u8>> = (0..count).into_par_iter().map(|i| work.offer(i)).collect();
        for block in offers.chunks(REHEARSAL_BLOCK) {
            let receipts = work.traders.world.run_transactions(block);
            let refused = receipts.iter().find(|receipt| receipt.error.is_some());
            anyhow::ensure!(refused.is_none(), "the rehearsal refused: {refused:?}");
        }
        let accepts = (0..count).into_par_iter().map(|i| work.accept(i)).collect();
        Ok(Self { work, offers, accepts })
    }
}

fn company(i: usize) -> Value {
    let (registrar, scheme, start) = REGISTRARS[i % REGISTRARS.len()];
    let number = format!("{start}{:06}", i / REGISTRARS.len());
    company_body(&registrar[..2], scheme, &number, &format!("Titian Bench Trading {i}"))
}

fn reference(series: &str, i: usize) -> String {
    format!("{series}-{i}")
}

fn sign_notes(traders: &Traders, series: &str, count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .into_par_iter()
        .map(|i| {
            let due_ms = (traders.world.time_ms + QUARTER_MS) / etr::DAY_MS * etr::DAY_MS;
            let note = traders.note_due(&reference(series, i), &traders.vn, due_ms);
            let note = etr::with_ack(&note, &["VN:unknown"]);
            let signers = [(traders.sg.as_str(), 1), (traders.vn.as_str(), 1)];
            World::transaction(&traders.world.sign(&note, &signers))
        })
        .collect()
}
