//! A world with parties of every kind, and a table-driven check of an act's preconditions.

use ed25519_dalek::{Signer as _, SigningKey};
use titian_contracts::access::{self, KeyEntry, Party, PartyEntry};
use titian_contracts::error::Code;
use titian_contracts::execute::{self, BlockInfo, CheckedTransaction, Outcome, Receipt};
use titian_contracts::json::Value;
use titian_contracts::op::{self, Register};
use titian_contracts::state::Overlay;
use titian_tests::world::World;

/// An authority with k1 (officer 1, wide) and k2 (officer 2, `vc.list_set` only).
pub const CUSTOMS: &str = "SG:CUSTOMS";
/// An authority that was closed.
pub const CLOSED: &str = "SG:OLDPORT";
/// What k1 of [`CUSTOMS`] and of businesses may sign.
pub const WIDE: &[&str] =
    &["access.key_*", "access.mandate_*", "etr.issue:note", "etr.offer", "vc.list_*"];

/// The world, with its parties.
#[derive(Debug)]
pub struct Scene {
    pub world: World,
    /// A business with k1 (wide) and k2 (`etr.offer` only).
    pub business: String,
    /// A business with k1 (wide).
    pub agent: String,
    /// A business that was deactivated.
    pub gone: String,
    /// A registered business without keys.
    pub keyless: String,
}

impl Scene {
    pub fn new() -> Self {
        let mut world = World::new();
        let mut company = |local| world.register_company("SG:ACRA", "UEN", local, "TITIAN DEMO");
        let (business, agent) = (company("209900001K"), company("209900002C"));
        let (gone, keyless) = (company("209900003Z"), company("209900004W"));
        let mut scene = Self { world, business, agent, gone, keyless };
        scene.create_authority(CUSTOMS);
        scene.create_authority(CLOSED);
        let args = ending(CLOSED, 1);
        scene.must("authority_close", args, &[("SG", 1), ("SG", 2)]);
        let narrow_registrar =
            scene.bind_args("SG:ACRA", 1, &[(&["invoke"], &["ubin.register"], 3)]);
        scene.must("key_bind", narrow_registrar, &[("SG", 1), ("SG", 2)]);
        for party in [scene.business.clone(), scene.agent.clone(), scene.gone.clone()] {
            let args = scene.bind_args(&party, 0, &[(&["invoke"], WIDE, 1)]);
            scene.must("key_bind", args, &[("SG:ACRA", 1)]);
        }
        let business = scene.business.clone();
        let args = scene.bind_args(&business, 1, &[(&["invoke"], &["etr.offer"], 2)]);
        scene.must("key_bind", args, &[("SG:ACRA", 1)]);
        let args = ending(&scene.gone.clone(), 1);
        scene.must("deactivate", args, &[("SG:ACRA", 1), ("SG:ACRA", 2)]);
        scene
    }

    fn create_authority(&mut self, party: &str) {
        let args = self.create_args(party);
        self.must("authority_create", args, &[("SG", 1), ("SG", 2)]);
    }

    pub fn create_args(&mut self, party: &str) -> Value {
        let keys: &[(&[&str], &[&str], u64)] =
            &[(&["invoke"], WIDE, 1), (&["invoke"], &["vc.list_set"], 2)];
        let args = self.bind_args(party, 0, keys);
        let scopes = WIDE.iter().map(|scope| Value::from(*scope)).collect();
        args.with("scopes", Value::List(scopes))
            .with("policy", Value::object([("r1", Value::Int(1)), ("r2", Value::Int(2))]))
            .with("services", Value::List(Vec::new()))
            .with("alsoKnownAs", Value::List(Vec::new()))
    }

    /// Fresh keys for a party, with their proofs. Their numbers follow those the party has, under
    /// which the world then signs with them.
    pub fn offers(&mut self, party: &str, keys: &[(&[&str], &[&str], u64)]) -> Value {
        let next = self.entry(party).map_or(1, |entry| entry.keys + 1);
        let offers = (next..).zip(keys).map(|(no, (purposes, scopes, officer))| {
            let seed = self.world.fresh_seed();
            self.world.add_key(party, no, seed);
            self.world.new_key(party, seed, purposes, scopes, *officer)
        });
        Value::List(offers.collect())
    }

    pub fn bind_args(
        &mut self,
        party: &str,
        version: u64,
        keys: &[(&[&str], &[&str], u64)],
    ) -> Value {
        Value::object([
            ("party", Value::from(party)),
            ("version", Value::from(version)),
            ("keys", self.offers(party, keys)),
        ])
    }

    /// `key_rotate` of `retire` with one new key like that of `officer` with `scopes`.
    pub fn rotate_args(
        &mut self,
        party: &str,
        retire: &[u64],
        overlap_s: u64,
        scopes: &[&str],
        officer: u64,
    ) -> Value {
        let add = self.offers(party, &[(&["invoke"], scopes, officer)]);
        Value::object([
            ("party", Value::from(party)),
            ("version", Value::from(self.version(party))),
            ("add", add),
            ("retire", key_ids(retire)),
            ("overlapS", Value::from(overlap_s)),
        ])
    }

    pub fn revoke_args(&self, party: &str, no: u64, reason: &str) -> Value {
        Value::object([
            ("party", Value::from(party)),
            ("version", Value::from(self.version(party))),
            ("key", Value::from(format!("k{no}"))),
            ("reason", Value::from(reason)),
            ("effectiveMs", Value::from(self.world.time_ms)),
        ])
    }

    pub fn mandate_args(&self, acts: &[&str]) -> Value {
        Value::object([
            ("party", Value::from(self.business.as_str())),
            ("version", Value::from(self.version(&self.business))),
            ("agent", Value::from(self.agent.as_str())),
            ("acts", Value::List(acts.iter().map(|act| Value::from(*act)).collect())),
            ("limits", Value::List(vec![Value::from("note/1")])),
            ("untilMs", Value::from(self.world.time_ms + 1000)),
        ])
    }

    /// The signed op of an access act.
    pub fn op(&self, act: &str, args: Value, signers: &[(&str, u64)]) -> Value {
        self.world.sign(&self.world.op(Register::Access, act, args), signers)
    }

    /// Runs an act that must be applied.
    pub fn must(&mut self, act: &str, args: Value, signers: &[(&str, u64)]) -> Receipt {
        self.act(act, args, signers).unwrap_or_else(|code| panic!("{act}: {}", code.name()))
    }

    pub fn act(
        &mut self,
        act: &str,
        args: Value,
        signers: &[(&str, u64)],
    ) -> Result<Receipt, Code> {
        self.world.act(Register::Access, act, args, signers)
    }

    /// What a block with only this op would do, without taking it over.
    pub fn judge(&self, op: &Value) -> Result<(), Code> {
        let outcome = self.outcome(&World::transaction(op));
        match outcome.receipts.first().and_then(|receipt| receipt.error.as_ref()) {
            None => Ok(()),
            Some((number, _)) => {
                assert!(outcome.changes.is_empty(), "a refused act changed state");
                Err(Code::by_number(*number).expect("a known code"))
            }
        }
    }

    fn outcome(&self, bytes: &[u8]) -> Outcome {
        let world = &self.world;
        let checked = CheckedTransaction::check(bytes, &Overlay::new(&world.state), world.time_ms);
        let block = BlockInfo {
            chain: &world.genesis.chain,
            height: world.height + 1,
            time_ms: world.time_ms,
        };
        execute::execute(block, &[checked], &world.state)
    }

    pub fn entry(&self, party: &str) -> Option<PartyEntry> {
        let state = Overlay::new(&self.world.state);
        let name = access::store_name(&state, &Party::parse(party)?)?;
        state.read(&access::party_key(&name))
    }

    pub fn version(&self, party: &str) -> u64 {
        self.entry(party).map_or(0, |entry| entry.version)
    }

    pub fn key(&self, party: &str, no: u64) -> KeyEntry {
        let party = Party::parse(party).expect("a party");
        access::key_of(&Overlay::new(&self.world.state), &party, no).expect("the key exists")
    }

    /// Whether a key authorises something in the next block: its holder cancels a recovery that is
    /// not pending, which asks for nothing but the key.
    pub fn may_sign(&self, party: &str, no: u64) -> bool {
        let args = versioned(party, self.version(party));
        let verdict = self.judge(&self.op("recover_cancel", args, &[(party, no)]));
        match verdict {
            Err(Code::RecoveryNone) | Ok(()) => true,
            Err(Code::KeyNotActive) => false,
            other => panic!("unexpected {other:?}"),
        }
    }
}

/// `{party, version}`.
pub fn versioned(party: &str, version: u64) -> Value {
    Value::object([("party", Value::from(party)), ("version", Value::from(version))])
}

/// `{party, version, reason}`.
pub fn ending(party: &str, version: u64) -> Value {
    versioned(party, version).with("reason", Value::from("closed"))
}

pub fn key_ids(numbers: &[u64]) -> Value {
    Value::List(numbers.iter().map(|no| Value::from(format!("k{no}"))).collect())
}

/// The args with a member of the first item of list `list` changed.
pub fn with_first(args: &Value, list: &str, name: &str, value: Value) -> Value {
    let mut items = args.get(list).and_then(Value::as_list).expect("a list").to_vec();
    items[0] = items[0].with(name, value);
    args.with(list, Value::List(items))
}

/// The args with the first key of `list` replaced by `public_key`, with the proof of `seed` if any.
pub fn with_public_key(args: &Value, list: &str, public_key: [u8; 32]) -> Value {
    with_first(args, list, "publicKey", Value::from(op::encode_base64(&public_key)))
}

/// One way to break an act: the member it touches, the error that follows, and how.
pub struct Break<'a> {
    pub member: &'static str,
    pub code: Code,
    pub args: Box<dyn Fn(&Value) -> Value + 'a>,
    pub signers: Option<Vec<(String, u64)>>,
}

impl<'a> Break<'a> {
    /// Breaks `member` of the arguments.
    pub fn args(member: &'static str, code: Code, args: impl Fn(&Value) -> Value + 'a) -> Self {
        Self { member, code, args: Box::new(args), signers: None }
    }

    /// Sets one member.
    pub fn set(member: &'static str, code: Code, value: impl Into<Value>) -> Self {
        let value = value.into();
        Self::args(member, code, move |args| args.with(member, value.clone()))
    }

    /// Lets others sign.
    pub fn signers(code: Code, signers: &[(&str, u64)]) -> Self {
        let signers = signers.iter().map(|(party, no)| ((*party).to_owned(), *no)).collect();
        Self { member: "sigs", code, args: Box::new(Value::clone), signers: Some(signers) }
    }
}

/// Checks that the act goes through, that each break gives exactly its error, and that of two
/// breaks of different members the one that stands first is the error.
pub fn check_act(
    scene: &Scene,
    act: &str,
    args: &Value,
    signers: &[(&str, u64)],
    breaks: &[Break<'_>],
) {
    assert_eq!(scene.judge(&scene.op(act, args.clone(), signers)), Ok(()), "{act} itself");
    let judge = |broken: &[&Break<'_>]| {
        let args = broken.iter().fold(args.clone(), |args, one| (one.args)(&args));
        let others = broken.iter().find_map(|one| one.signers.as_ref());
        let others: Option<Vec<(&str, u64)>> =
            others.map(|list| list.iter().map(|(party, no)| (party.as_str(), *no)).collect());
        scene.judge(&scene.op(act, args, others.as_deref().unwrap_or(signers)))
    };
    for (i, first) in breaks.iter().enumerate() {
        assert_eq!(judge(&[first]), Err(first.code), "{act}: break {i} of {}", first.member);
        for (j, second) in breaks.iter().enumerate().skip(i + 1) {
            if first.member != second.member && first.code != second.code {
                let verdict = judge(&[first, second]);
                assert_eq!(verdict, Err(first.code), "{act}: breaks {i} and {j}");
            }
        }
    }
}

/// A signature by a seed over any digest, in base64url.
pub fn signature_of(seed: [u8; 32], digest: &[u8; 32]) -> String {
    op::encode_base64(&SigningKey::from_bytes(&seed).sign(digest).to_bytes())
}
