//! A ledger in memory: genesis of a devnet, a hand clock, every key, one block per call.
//!
//! It runs the real rules (`execute::execute`) on real signed ops; only storage and consensus are
//! left out.

use std::collections::BTreeMap;

use ed25519_dalek::{Signer as _, SigningKey};
use titian_contracts::digest::{Digest, hash};
use titian_contracts::error::Code;
use titian_contracts::etr::history;
use titian_contracts::execute::{self, BlockInfo, CheckedTransaction, Receipt};
use titian_contracts::json::Value;
use titian_contracts::op::{self, Op, OpSignature, Register};
use titian_contracts::state::{
    MemoryState, Overlay, Stored, decode_content, encode_content, tree_key,
};
use titian_contracts::transaction::{Transaction, TransactionId};
use titian_contracts::tree::Tree;
use titian_contracts::ubin::capacity::Life;
use titian_contracts::ubin::import::chunk::Chunk;
use titian_contracts::ubin::record::Entry;
use titian_genesis::Genesis;
use titian_genesis::devnet::{self, NodeSecrets, Plan};

/// 1 July 2026, 00:00 UTC.
pub const START_MS: u64 = 1_782_864_000_000;

/// The ledger and everybody's keys.
#[derive(Clone, Debug)]
pub struct World {
    /// The genesis.
    pub genesis: Genesis,
    /// State after the last block.
    pub state: MemoryState,
    /// Height of the last block.
    pub height: u64,
    /// Time of the next block, ms.
    pub time_ms: u64,
    /// The secrets of the validators.
    pub nodes: Vec<NodeSecrets>,
    /// If set, every transaction that is run is kept here too.
    pub journal: Option<Vec<Vec<u8>>>,
    /// If set, the ops on records that are carried out are kept here as a node keeps them: by record
    /// and its seq after them.
    pub ops: Option<BTreeMap<(String, u64), Value>>,
    keys: BTreeMap<(String, u64), [u8; 32]>,
    seeds: u64,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A devnet `titian-devnet-1` of eleven states at height 0: roots `CC` (k1, k2) and one registrar
    /// each (`SG:ACRA`, `MY:SSM`, `TH:DBD`, `VN:NBR`, …; k1, k2 of two officers).
    pub fn new() -> Self {
        Self::on(&Plan {
            chain: "titian-devnet-1".to_owned(),
            time_ms: START_MS - 1000,
            validators: 4,
            host: "127.0.0.1".to_owned(),
            base_port: 26_600,
        })
    }

    /// The devnet of a plan at height 0, a second after its genesis.
    pub fn on(plan: &Plan) -> Self {
        let mut count = 0u64;
        let mut seed = || {
            count += 1;
            hash("titian test seed v1", &[&count.to_be_bytes()]).0
        };
        let devnet = devnet::make(plan, &mut seed).expect("the devnet plan is sound");
        let mut state = MemoryState::default();
        state.apply(&devnet.genesis.initial_state().expect("genesis state is sound"));
        let keys = devnet.keys.into_iter().map(|key| ((key.party, key.number), key.seed)).collect();
        Self {
            genesis: devnet.genesis,
            state,
            height: 0,
            time_ms: plan.time_ms + 1000,
            nodes: devnet.nodes,
            journal: None,
            ops: None,
            keys,
            seeds: 0,
        }
    }

    /// The keys and the genesis, without state: to sign elsewhere.
    pub fn keys_only(&self) -> Self {
        Self {
            genesis: self.genesis.clone(),
            state: MemoryState::default(),
            nodes: self.nodes.clone(),
            journal: None,
            ops: None,
            keys: self.keys.clone(),
            ..*self
        }
    }

    /// The state root, by the tree of the ledger.
    pub fn root(&self) -> Digest {
        let mut tree = Tree::default();
        let pairs =
            self.state.0.iter().map(|(key, stored)| (tree_key(key), stored.value_hash(key)));
        tree.update(pairs);
        tree.root()
    }

    /// A fresh seed nobody used.
    pub fn fresh_seed(&mut self) -> [u8; 32] {
        self.seeds += 1;
        hash("titian test fresh seed v1", &[&self.seeds.to_be_bytes()]).0
    }

    /// Remembers the seed of a key, so that [`Self::sign`] can use it.
    pub fn add_key(&mut self, party: &str, number: u64, seed: [u8; 32]) {
        self.keys.insert((party.to_owned(), number), seed);
    }

    /// The signing key `party#k{number}`; it must be known.
    pub fn key(&self, party: &str, number: u64) -> SigningKey {
        let seed = self.keys.get(&(party.to_owned(), number));
        SigningKey::from_bytes(seed.unwrap_or_else(|| panic!("no key {party}#k{number}")))
    }

    /// An unsigned op of the five common members.
    pub fn op(&self, register: Register, act: &str, args: Value) -> Value {
        Value::object([
            ("act", Value::from(act)),
            ("args", args),
            ("chain", Value::from(self.genesis.chain.as_str())),
            ("register", Value::from(register.name())),
            ("sigs", Value::List(Vec::new())),
        ])
    }

    /// The op with the signatures of `signers` (party, key number).
    pub fn sign(&self, op: &Value, signers: &[(&str, u64)]) -> Value {
        let register = op.get("register").and_then(Value::as_text).and_then(Register::parse);
        let digest = op::digest_of(register.expect("an op names its register"), op);
        signers.iter().fold(op.clone(), |op, (party, number)| {
            let signature = self.signature(&digest, party, *number);
            Op::with_signature(&op, &signature)
        })
    }

    /// One signature over a digest.
    pub fn signature(&self, digest: &Digest, party: &str, number: u64) -> OpSignature {
        let signature = self.key(party, number).sign(&digest.0).to_bytes();
        OpSignature { party: party.to_owned(), key: number, signature, mandate: None }
    }

    /// The transaction bytes around an op.
    pub fn transaction(op: &Value) -> Vec<u8> {
        let register = op.get("register").and_then(Value::as_text).and_then(Register::parse);
        Transaction::encode("op", register.expect("an op names its register"), op.clone())
    }

    /// Runs one block with one op; gives its receipt. The clock moves on by a second.
    pub fn run(&mut self, op: &Value) -> Receipt {
        self.run_transactions(&[Self::transaction(op)]).remove(0)
    }

    /// Runs one block of transactions. The clock moves on by a second.
    pub fn run_transactions(&mut self, transactions: &[Vec<u8>]) -> Vec<Receipt> {
        if let Some(journal) = &mut self.journal {
            journal.extend_from_slice(transactions);
        }
        let head = Overlay::new(&self.state);
        let checked: Vec<CheckedTransaction> = transactions
            .iter()
            .map(|bytes| CheckedTransaction::check(bytes, &head, self.time_ms))
            .collect();
        self.height += 1;
        let info =
            BlockInfo { chain: &self.genesis.chain, height: self.height, time_ms: self.time_ms };
        let outcome = execute::execute(info, &checked, &self.state);
        self.state.apply(&outcome.changes);
        self.time_ms += 1000;
        self.keep_ops(transactions, &outcome.receipts);
        outcome.receipts
    }

    fn keep_ops(&mut self, transactions: &[Vec<u8>], receipts: &[Receipt]) {
        let Some(ops) = &mut self.ops else { return };
        let state = Overlay::new(&self.state);
        for (bytes, receipt) in transactions.iter().zip(receipts) {
            if receipt.error.is_some() {
                continue;
            }
            let transaction = Transaction::parse(bytes).expect("it was carried out");
            for executed in history::executed(&transaction, &receipt.events, &state) {
                let op = &executed.op.value;
                ops.extend(executed.places.into_iter().map(|place| (place, op.clone())));
            }
        }
    }

    /// Signs and runs an act; the error code if it was refused.
    pub fn act(
        &mut self,
        register: Register,
        act: &str,
        args: Value,
        signers: &[(&str, u64)],
    ) -> Result<Receipt, Code> {
        let op = self.sign(&self.op(register, act, args), signers);
        let receipt = self.run(&op);
        outcome_of(receipt)
    }

    /// Registers a company; gives its UBIN. `registrar` is `CC:NAME`; its k1 signs.
    pub fn register_company(
        &mut self,
        registrar: &str,
        scheme: &str,
        local: &str,
        name: &str,
    ) -> String {
        let cc = &registrar[..2];
        let body = company_body(cc, scheme, local, name);
        let ubin = body.get("ubin").and_then(Value::as_text).expect("set above").to_owned();
        let args = Value::object([("body", body)]);
        self.act(Register::Ubin, "register", args, &[(registrar, 1)])
            .unwrap_or_else(|code| panic!("register {ubin}: {}", code.name()));
        ubin
    }

    /// Binds a first key with `scopes` to a registered business; `k1` is then known.
    pub fn bind_business_key(&mut self, registrar: &str, ubin: &str, scopes: &[&str]) {
        let seed = self.fresh_seed();
        let key = self.new_key(ubin, seed, &["invoke"], scopes, 1);
        let args = Value::object([
            ("keys", Value::List(vec![key])),
            ("party", Value::from(ubin)),
            ("version", Value::Int(0)),
        ]);
        self.act(Register::Access, "key_bind", args, &[(registrar, 1)])
            .unwrap_or_else(|code| panic!("key_bind {ubin}: {}", code.name()));
        self.add_key(ubin, 1, seed);
    }

    /// A key as `key_bind` takes it, with its proof of possession.
    pub fn new_key(
        &self,
        party: &str,
        seed: [u8; 32],
        purposes: &[&str],
        scopes: &[&str],
        officer: u64,
    ) -> Value {
        let key = SigningKey::from_bytes(&seed);
        let public = op::encode_base64(&key.verifying_key().to_bytes());
        let claim = Value::List(vec![
            Value::from(self.genesis.chain.as_str()),
            Value::from(party),
            Value::from("Ed25519"),
            Value::from(public.as_str()),
        ]);
        let digest = hash("titian access possession v1", &[claim.to_jcs().as_bytes()]);
        let possession = op::encode_base64(&key.sign(&digest.0).to_bytes());
        let texts = |list: &[&str]| Value::List(list.iter().map(|t| Value::from(*t)).collect());
        Value::object([
            ("alg", Value::from("Ed25519")),
            ("officer", Value::from(officer)),
            ("possession", Value::from(possession)),
            ("publicKey", Value::from(public)),
            ("purposes", texts(purposes)),
            ("scopes", texts(scopes)),
        ])
    }
}

/// What a state says, apart from the places in the ledger at which it was said: heights, times and
/// transactions of records, heights of chunks. Holders of an identifier stand in the order of
/// arrival; here they are sorted.
pub fn timeless(state: &MemoryState) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let timeless = |(key, stored): (&Vec<u8>, &Stored)| {
        let bytes = &stored.content;
        let content = if key.starts_with(b"ubin/rec/") {
            let mut entry: Entry = decode_content(bytes).expect("decodes");
            if let Entry::Record(record) = &mut entry {
                record.meta.recorded_at = 0;
                record.meta.transaction = TransactionId(Digest::ZERO);
                record.meta.life = Life { since_ms: 0, spells: Vec::new() };
            }
            encode_content(&entry)
        } else if key.starts_with(b"ubin/chunk/") {
            let mut chunk: Chunk = decode_content(bytes).expect("decodes");
            chunk.opened_at = 0;
            encode_content(&chunk)
        } else if key.starts_with(b"ubin/reference/") {
            let mut holders: Vec<String> = decode_content(bytes).expect("decodes");
            holders.sort();
            encode_content(&holders)
        } else {
            bytes.clone()
        };
        (key.clone(), content)
    };
    state.0.iter().map(timeless).collect()
}

/// The receipt if it was applied, else the code of its error.
pub fn outcome_of(receipt: Receipt) -> Result<Receipt, Code> {
    match &receipt.error {
        None => Ok(receipt),
        Some((number, _)) => Err(Code::by_number(*number).expect("receipts carry known codes")),
    }
}

/// The body of a company as a registrar states it, without what the register derives.
pub fn stated_body(ubin: &str, name: &str) -> serde_json::Value {
    serde_json::json!({
        "ubin": ubin,
        "category": "GENERAL",
        "legalName": {"value": name, "lang": "en"},
        "legalForm": {"national": "company"},
        "status": {"code": "ACTIVE", "since": "2024-01-02"},
        "corroboration": "FULL",
        "confirmedOn": "2026-01-05",
        "sourceAsOf": "2026-01-05",
        "registeredOn": "2024-01-02",
        "validFrom": "2026-01-05",
    })
}

/// A minimal body of an active company, version 1.
pub fn company_body(cc: &str, scheme: &str, local: &str, name: &str) -> Value {
    let check =
        titian_contracts::ubin::identifier::check_characters(&format!("{cc}{scheme}{local}"))
            .expect("letters and digits");
    let entity =
        hash("titian ubin entity v1", &[cc.as_bytes(), scheme.as_bytes(), &[0], local.as_bytes()]);
    let entity = data_encoding::BASE32_NOPAD.encode(&entity.0[..20]).to_lowercase();
    let text = |t: &str| Value::from(t);
    Value::object([
        ("category", text("GENERAL")),
        ("confirmedOn", text("2026-06-30")),
        ("corroboration", text("FULL")),
        ("displayId", text(local)),
        ("entity", Value::from(format!("ent_{entity}"))),
        ("legalForm", Value::object([("national", text("company"))])),
        ("legalName", Value::object([("lang", text("en")), ("value", text(name))])),
        ("registeredOn", text("2024-01-02")),
        ("sourceAsOf", text("2026-06-30")),
        ("status", Value::object([("code", text("ACTIVE")), ("since", text("2024-01-02"))])),
        ("ubin", Value::from(format!("{cc}-{scheme}-{local}-{check}"))),
        ("v", Value::Int(1)),
        ("validFrom", text("2026-06-30")),
        ("version", Value::Int(1)),
    ])
}
