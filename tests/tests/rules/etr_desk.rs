//! Traders who keep what they did, as a node does, and proofs over their ledger.

use std::collections::BTreeMap;

use titian_contracts::claim::{self, Frame};
use titian_contracts::etr::{self, history};
use titian_contracts::json::Value;
use titian_contracts::op::{Register, encode_base64};
use titian_contracts::proof::{self, Entry, VerifyError};
use titian_contracts::state::Overlay;
use titian_contracts::transaction::Transaction;
use titian_tests::certify;
use titian_tests::etr::{Traders, accept_args, lots, with_ack};
use titian_tests::world::World;

/// The traders with every op that was carried out, by record and seq, as a node keeps them.
pub(crate) struct Desk {
    pub(crate) traders: Traders,
    pub(crate) ops: BTreeMap<(String, u64), Value>,
    /// Height and block time, ms, by record and seq.
    times: BTreeMap<(String, u64), (u64, u64)>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { traders: Traders::new(), ops: BTreeMap::new(), times: BTreeMap::new() }
    }

    /// Runs a transaction and keeps what it carried out.
    pub(crate) fn run_kind(&mut self, kind: &str, payload: Value) {
        let bytes = Transaction::encode(kind, Register::Etr, payload);
        let ms = self.traders.world.time_ms;
        let receipt = self.traders.world.run_transactions(std::slice::from_ref(&bytes)).remove(0);
        assert_eq!(receipt.error, None, "{kind}");
        let tx = Transaction::parse(&bytes).expect("it was carried out");
        let state = Overlay::new(&self.traders.world.state);
        for executed in history::executed(&tx, &receipt.events, &state) {
            for place in executed.places {
                self.times.insert(place.clone(), (self.traders.world.height, ms));
                self.ops.insert(place, executed.op.value.clone());
            }
        }
    }

    pub(crate) fn run(&mut self, op: &Value, parties: &[&str]) {
        let signers: Vec<(&str, u64)> = parties.iter().map(|party| (*party, 1)).collect();
        let op = self.traders.world.sign(op, &signers);
        self.run_kind("op", op);
    }

    pub(crate) fn act(&mut self, id: &str, act: &str, args: Value, ack: &[&str], parties: &[&str]) {
        let op = with_ack(&self.traders.op(id, act, args), ack);
        self.run(&op, parties);
    }

    pub(crate) fn history(&self, id: &str) -> Vec<Value> {
        let seq = self.traders.get(id).public.seq;
        (1..=seq).map(|n| self.ops[&(id.to_owned(), n)].clone()).collect()
    }

    pub(crate) fn question(&self, id: &str) -> Value {
        let ops = Value::List(self.history(id));
        stated(&[("id", id)]).with("ops", ops).with("times", Value::List(self.times(id)))
    }

    pub(crate) fn times(&self, id: &str) -> Vec<Value> {
        let item = |seq: u64| {
            let (height, ms) = self.times[&(id.to_owned(), seq)];
            let members = [("height", height), ("ms", ms), ("seq", seq)];
            Value::object(members.map(|(name, number)| (name, Value::from(number))))
        };
        (1..=self.traders.get(id).public.seq).map(item).collect()
    }

    /// A bill of that number, issued to VN.
    pub(crate) fn issued(&mut self, reference: &str) -> String {
        let (sg, vn) = (self.traders.sg.clone(), self.traders.vn.clone());
        let issue = with_ack(&self.traders.bill(reference, &vn), &["VN:unknown"]);
        self.run(&issue, &[&sg, &vn]);
        self.traders.id("transport", reference)
    }

    /// The question of control, answered by these parties over the record as it stands.
    pub(crate) fn control(&self, id: &str, parties: &[&str]) -> Value {
        let world = &self.traders.world;
        let public = self.traders.get(id).public;
        let (nonce, ms) = ("00".repeat(16), world.time_ms);
        let chain = &world.genesis.chain;
        let digest = etr::challenge_of(chain, id, public.seq, public.head, "bank", &nonce, ms);
        let sig = |party: &&str| {
            let signature = world.signature(&digest, party, 1);
            Value::object([
                ("party", Value::from(*party)),
                ("key", Value::from("k1")),
                ("sig", Value::from(encode_base64(&signature.signature))),
            ])
        };
        let challenge = stated(&[("audience", "bank"), ("nonce", &nonce)])
            .with("ms", Value::from(ms))
            .with("sigs", Value::List(parties.iter().map(sig).collect()));
        stated(&[("id", id)]).with("challenge", challenge)
    }
}

pub(crate) fn stated(members: &[(&str, &str)]) -> Value {
    Value::object(members.iter().map(|(name, text)| (*name, Value::from(*text))))
}

/// A bundle made as a node makes one for a party: the whole record, or what the question chooses.
pub(crate) fn bundle(world: &World, kind: &str, stated: &Value) -> Result<String, VerifyError> {
    let frame = Frame { chain: &world.genesis.chain, time_ms: world.time_ms };
    let keys = claim::question(kind, stated, &world.state, frame)?;
    let (entries, evidence) = certify::prove(world, &keys);
    let shown = |entry: Entry| match etr::lineage::shows_whole(stated, &entry.key) {
        Some(false) => claim::redact(entry),
        _ => entry,
    };
    let entries: Vec<Entry> = entries.into_iter().map(shown).collect();
    let claim = claim::rebuild(kind, stated, &entries, frame)?;
    Ok(proof::bundle(kind, world.height, claim, &evidence))
}

pub(crate) fn verify(world: &World, text: &[u8]) -> Result<proof::Proven, VerifyError> {
    proof::verify(text, &world.genesis.anchor(), 0)
}

/// Every changed byte of the claim is refused; of the rest, whose signatures are dear, every 97th.
pub(crate) fn every_byte_matters(world: &World, kind: &str, text: &str) {
    let claim = text.find("\"claim\":").expect("a claim");
    let claim_end = text.find(",\"header\":").expect("members are in order");
    for i in 0..text.len() {
        if !(claim..claim_end).contains(&i) && i % 97 != 0 {
            continue;
        }
        let mut bytes = text.as_bytes().to_vec();
        bytes[i] ^= if i % 2 == 0 { 0x01 } else { 0x20 };
        assert!(verify(world, &bytes).is_err(), "{kind}: byte {i} of {}", text.len());
    }
}

/// Arguments of a merger with another record, as it stands; the contents are equal.
pub(crate) fn merge_args(t: &Traders, other: &str) -> Value {
    let other = t.get(other).public;
    let with = Value::object([
        ("id", Value::from(other.id.as_str())),
        ("seq", Value::from(other.seq)),
        ("head", Value::from(other.head)),
    ]);
    Value::object([
        ("with", Value::List(vec![with])),
        ("leaves", Value::Null),
        ("open", Value::Null),
    ])
}

/// A bill that was issued, transferred, amended in nothing, and split; gives it and its parts.
pub(crate) fn split_bill(desk: &mut Desk) -> (String, Vec<String>) {
    let t = &desk.traders;
    let (sg, vn, th) = (t.sg.clone(), t.vn.clone(), t.th.clone());
    let id = desk.issued("SGPU4711");
    let offer = desk.traders.offer_args(&th, Some("special"));
    desk.act(&id, "offer", offer, &[], &[&vn]);
    desk.act(&id, "accept", accept_args(), &["TH:unknown", "VN:unknown"], &[&th]);
    desk.act(&id, "split", parts_args(&["5000", "7000"]), &[], &[&th, &sg]);
    let children = desk.traders.get(&id).party.into.clone();
    (id, children)
}

/// Arguments of a `split` into parts of so many kg.
pub(crate) fn parts_args(amounts: &[&str]) -> Value {
    let part = |amount: &&str| {
        Value::object([
            ("lots", lots(&[("1", "KGM", 0, amount)])),
            ("pledges", Value::List(Vec::new())),
        ])
    };
    Value::object([("parts", Value::List(amounts.iter().map(part).collect()))])
}
