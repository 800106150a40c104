//! `titian devnet demo`: the main job on real input, from registration to a proof that a court can
//! check with every node switched off.
//!
//! Invariant: every step checks what it claims; a step that does not come out as told ends the
//! demonstration with an error. It can run again on the same network: what stands is reported as
//! standing, and documents get fresh numbers.

mod border;
mod credentials;
mod offline;
mod records;
mod registers;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use titian_api::ledger::{Receipt, Submitted};
use titian_api::{Nothing, call};
use titian_contracts::json::Value;
use titian_contracts::op::{self, Op, Register};

use super::folder::Folder;
use crate::act::{self, Signatory, Unsigned};
use crate::error::{CommandError, Result};
use crate::output::{Output, Report, Tone};
use crate::session::Session;
use crate::wallet::{KeyRef, Wallet, WalletKey};

const CATCH_UP: Duration = Duration::from_secs(15);

/// A demonstration under way.
pub(super) struct Demo {
    output: Output,
    folder: Folder,
    /// One session per node, in the order of the devnet.
    sessions: Vec<Session>,
    wallet: Wallet,
    /// Where proofs and documents are written.
    out: PathBuf,
    steps: Vec<Json>,
    started: Instant,
    /// The highest height that a receipt named.
    height: u64,
    /// Every receipt, to be asked for again at the end.
    acknowledged: Vec<String>,
}

/// Runs the demonstration on the devnet in `folder`.
pub(super) fn run(output: Output, folder: Folder, out: Option<&Path>) -> Result<Report> {
    let out = match out {
        Some(path) => path.to_owned(),
        None => fresh_folder(&folder)?,
    };
    std::fs::create_dir_all(&out).map_err(|error| CommandError::file("make", &out, &error))?;
    let sessions = connect(output, &folder)?;
    let wallet = Wallet::open(&folder.wallet())?;
    let mut demo = Demo {
        output,
        folder,
        sessions,
        wallet,
        out,
        steps: Vec::new(),
        started: Instant::now(),
        height: 0,
        acknowledged: Vec::new(),
    };
    demo.all()
}

/// A session per node.
fn connect(output: Output, folder: &Folder) -> Result<Vec<Session>> {
    let nodes = folder.nodes().iter();
    nodes.map(|node| Session::on_devnet(output, folder.clone(), &node.url())).collect()
}

fn fresh_folder(folder: &Folder) -> Result<PathBuf> {
    (1..10_000)
        .map(|n| folder.path().join(format!("demo-{n}")))
        .find(|path| !path.exists())
        .ok_or_else(|| CommandError::usage("too many demonstrations in this folder").hint("--out"))
}

impl Demo {
    fn all(&mut self) -> Result<Report> {
        let companies = registers::register_companies(self)?;
        registers::resolve_mistyped(self, &companies)?;
        let traders = registers::bind_traders(self, &companies)?;
        border::relocate(self, &companies)?;
        credentials::accredit(self)?;
        credentials::issue_and_revoke(self, &traders.carrier)?;
        records::bill_of_lading(self, &traders)?;
        offline::proofs_without_nodes(self, &companies)?;
        let seconds = self.started.elapsed().as_secs_f64();
        let text = format!(
            "{} {} steps in {seconds:.1} s on {}; documents and proofs in {}",
            self.output.paint(Tone::Good, "demonstration complete:"),
            self.steps.len(),
            self.folder.chain(),
            self.out.display()
        );
        let json = json!({
            "chain": self.folder.chain(),
            "steps": self.steps,
            "seconds": seconds,
            "height": self.height,
            "transactions": self.acknowledged,
            "out": self.out,
        });
        Ok(Report::new(text, json))
    }

    /// Tells a step and what was seen in it.
    fn step(&mut self, title: &str, since: Instant, lines: &[String]) {
        let number = self.steps.len() + 1;
        let ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let head = self.output.paint(Tone::Bold, &format!("{number:>2}  {title}"));
        self.output.step(&format!("{head}  (height {}, {ms} ms)", self.height));
        for line in lines {
            self.output.step(&format!("      {line}"));
        }
        self.steps.push(json!({
            "step": number,
            "title": title,
            "height": self.height,
            "ms": ms,
            "seen": lines,
        }));
    }

    /// The session of the first node.
    fn first(&self) -> &Session {
        self.sessions.first().expect("a devnet has at least one node")
    }

    /// The session of the node that a state runs, else of the first node.
    fn of_state(&self, cc: &str) -> &Session {
        let place = self.folder.nodes().iter().position(|node| node.ams == cc);
        place.and_then(|place| self.sessions.get(place)).unwrap_or_else(|| self.first())
    }

    /// A key of the wallet.
    fn key(&self, party: &str, number: u64) -> Result<WalletKey> {
        let wanted = KeyRef { party: party.to_owned(), number: Some(number) };
        self.wallet.find(&wanted).cloned()
    }

    /// An op of the five common members, signed.
    fn signed(
        &self,
        register: Register,
        act: &str,
        args: Value,
        keys: &[WalletKey],
    ) -> Result<Value> {
        let value = Value::object([
            ("act", Value::from(act)),
            ("args", args),
            ("chain", Value::from(self.folder.chain())),
            ("register", Value::from(register.name())),
            ("sigs", Value::List(Vec::new())),
        ]);
        let digest = op::digest_of(register, &value);
        keys.iter()
            .try_fold(value, |value, key| Ok(Op::with_signature(&value, &key.sign(&digest)?)))
    }

    /// Performs an act and expects it to be applied.
    fn act(
        &mut self,
        register: Register,
        act: &str,
        args: Value,
        keys: &[WalletKey],
    ) -> Result<Receipt> {
        let value = self.signed(register, act, args, keys)?;
        let submitted = act::submit(self.first(), "op", register, value, true)?;
        self.accept(act, &submitted)
    }

    /// The receipt of a submission that must have been applied.
    fn accept(&mut self, act: &str, submitted: &Submitted) -> Result<Receipt> {
        let refusal = submitted.error.as_ref();
        let Some(receipt) = &submitted.receipt else {
            let why = refusal.map_or("no receipt came in time".to_owned(), ToString::to_string);
            return Err(CommandError::refused(format!("{act}: {why}")));
        };
        if let Some(refusal) = &receipt.error {
            let mut error = act::refused(refusal, &json!({ "txId": receipt.tx_id }));
            error.message = format!("{act}: {}", error.message);
            return Err(error);
        }
        self.height = self.height.max(receipt.height);
        self.acknowledged.push(receipt.tx_id.clone());
        Ok(receipt.clone())
    }

    /// Signs an op that a node prepared, and submits it.
    fn submit_prepared(&mut self, mut unsigned: Unsigned, keys: &[WalletKey]) -> Result<Submitted> {
        let keys: Vec<Signatory<'_>> = keys.iter().map(Signatory::own).collect();
        act::sign(&mut unsigned, &keys)?;
        act::submit(self.first(), "op", unsigned.register, unsigned.value, true)
    }

    /// Waits until the node of a session has seen all that was acknowledged.
    fn catch_up(&self, session: &Session) -> Result<()> {
        let deadline = Instant::now() + CATCH_UP;
        loop {
            let status = session.client()?.ask::<call::LedgerStatus>(&Nothing {})?;
            if status.height >= self.height {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(CommandError::refused(format!(
                    "{} is at height {}, the others at {}",
                    session.client()?.url(),
                    status.height,
                    self.height
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Writes a document beside the proofs.
    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.out.join(name);
        crate::document::write(&path, text)?;
        Ok(path)
    }
}

/// Ends the demonstration: something did not come out as told.
fn unexpected(what: impl Into<String>) -> CommandError {
    CommandError::refused(what).hint("the demonstration stops where it does not hold what it says")
}
