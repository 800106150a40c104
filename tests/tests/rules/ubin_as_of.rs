//! Proofs of earlier heights (ubin-api.md §14 T17): what a proof made later says of a height is what
//! a proof made at that height said, for every height and later height, and no changed byte, missing
//! part or foreign part passes.

use std::collections::BTreeMap;

use crate::ubin_identifier::Random;
use crate::ubin_scene::{R1, R2, body, body_args, next, quote_reason, run, status, text, ubin_of};
use titian_contracts::as_of::{self, AsOf, Gap, Past};
use titian_contracts::block::{Certificate, HEADER_VERSION, Header};
use titian_contracts::claim::{self, Frame};
use titian_contracts::digest::Digest;
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::merkle;
use titian_contracts::op::Register;
use titian_contracts::proof::{self, Evidence, VerifyError};
use titian_contracts::state::{
    MemoryState, Overlay, Reader as _, Stored, change_leaf, encode_content, tree_key,
};
use titian_contracts::tree::Tree;
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::counter::counter_key;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record;
use titian_tests::certify;
use titian_tests::world::{World, company_body};

/// An act on a body, with its signers.
type Act<'a> = (&'a str, &'a Value, &'a [(&'a str, u64)]);
/// What is done to a proof.
type Forgery = fn(&Annals, &mut AsOf);

/// A ledger that forgets nothing: the state after each height, and all headers.
pub(crate) struct Annals {
    world: World,
    states: Vec<MemoryState>,
    headers: BTreeMap<u64, (Header, Certificate)>,
    bodies: BTreeMap<Digest, Value>,
}

impl Annals {
    fn new() -> Self {
        let world = World::new();
        let states = vec![world.state.clone()];
        let mut annals = Self { world, states, headers: BTreeMap::new(), bodies: BTreeMap::new() };
        annals.seal();
        annals
    }

    /// Writes the header after the newest height.
    fn seal(&mut self) {
        let height = self.states.len() as u64;
        let state = self.states.last().expect("genesis at least");
        let mut tree = Tree::default();
        tree.update(state.0.iter().map(|(key, stored)| (tree_key(key), stored.value_hash(key))));
        let leaves = self.leaves(height - 1).expect("known");
        let header = Header {
            version: HEADER_VERSION,
            chain: self.world.genesis.chain.clone(),
            height,
            time_ms: self.world.time_ms,
            proposer: [0; 20],
            parent: Digest::ZERO,
            tx_root: Digest::ZERO,
            state_root: tree.root(),
            receipt_root: Digest::ZERO,
            change_root: merkle::root_of("titian change node v1", &leaves),
            validators_hash: self.world.genesis.validators.hash(),
            app_version: 1,
        };
        let certificate = certify::certificate(&self.world.nodes, &header);
        self.headers.insert(height, (header, certificate));
    }

    /// One block with one act on a body, or an empty one.
    fn block(&mut self, act: Option<Act<'_>>) {
        match act {
            None => drop(self.world.run_transactions(&[])),
            Some((act, body, signers)) => {
                self.bodies.insert(body_hash(body), body.clone());
                run(&mut self.world, act, body, signers).expect("the act applies");
            }
        }
        self.keep();
    }

    fn keep(&mut self) {
        self.states.push(self.world.state.clone());
        self.seal();
    }

    fn state(&self, height: u64) -> &MemoryState {
        &self.states[height as usize]
    }

    /// What a claim of `kind` about `ubin` states at a height.
    pub(crate) fn stated(&self, kind: &str, ubin: &Ubin, height: u64) -> Value {
        let asked = Value::object([("ubin", Value::from(ubin.to_string()))]);
        let found = record::find(&Overlay::new(self.state(height)), ubin);
        let Some((_, record)) = found else { return asked };
        let mut due = Some(record.body_hash);
        let mut bodies = Vec::new();
        while let Some(body) = due.and_then(|hash| self.bodies.get(&hash)) {
            bodies.push(Value::object([("body", body.clone())]));
            due = body.get("prev").and_then(Value::as_text).and_then(Digest::parse);
        }
        match kind {
            "ubin-presence" => asked.with("body", self.bodies[&record.body_hash].clone()),
            _ => asked.with("versions", Value::List(bodies)),
        }
    }

    fn keys(&self, kind: &str, stated: &Value, height: u64) -> Result<Vec<Vec<u8>>, VerifyError> {
        let frame = Frame { chain: &self.world.genesis.chain, time_ms: 0 };
        claim::question(kind, stated, self.state(height), frame)
    }

    /// What a bundle is made of, for a height as seen from a later header.
    fn evidence(
        &self,
        kind: &str,
        stated: &Value,
        height: u64,
        later: u64,
    ) -> Result<(Value, Evidence), VerifyError> {
        let keys = self.keys(kind, stated, height)?;
        let standing = as_of::standing(self, height, &keys, later);
        let path =
            if standing.is_empty() { Vec::new() } else { self.tree(later - 1).prove(&standing).0 };
        let (entries, evidence) =
            as_of::gather(self, height, &keys, later, path).expect("nothing is forgotten");
        let frame = Frame { chain: &self.world.genesis.chain, time_ms: 0 };
        Ok((claim::rebuild(kind, stated, &entries, frame)?, evidence))
    }

    pub(crate) fn bundle(
        &self,
        kind: &str,
        stated: &Value,
        height: u64,
        later: u64,
    ) -> Result<String, VerifyError> {
        let (claim, evidence) = self.evidence(kind, stated, height, later)?;
        Ok(proof::bundle(kind, height, claim, &evidence))
    }

    /// The claim as a proof made at the height itself proves it.
    fn then(&self, kind: &str, stated: &Value, height: u64) -> Result<Value, VerifyError> {
        let keys = self.keys(kind, stated, height)?;
        let tree_keys: Vec<Digest> = keys.iter().map(|key| tree_key(key)).collect();
        let path = self.tree(height).prove(&tree_keys).0;
        let entries: Vec<proof::Entry> = keys
            .iter()
            .map(|key| proof::Entry { key: key.clone(), stored: self.state(height).get(key) })
            .collect();
        let frame = Frame { chain: &self.world.genesis.chain, time_ms: 0 };
        let claim = claim::rebuild(kind, stated, &entries, frame)?;
        let (header, certificate) = self.headers[&(height + 1)].clone();
        let evidence = Evidence { path, header, certificate, as_of: None };
        let text = proof::bundle(kind, height, claim, &evidence);
        Ok(self.verify(&text).expect("a proof of the height itself verifies").claim)
    }

    fn tree(&self, height: u64) -> Tree {
        let mut tree = Tree::default();
        let pairs = self.state(height).0.iter();
        tree.update(pairs.map(|(key, stored)| (tree_key(key), stored.value_hash(key))));
        tree
    }

    /// The trust anchor of its network.
    pub(crate) fn anchor(&self) -> proof::Anchor {
        self.world.genesis.anchor()
    }

    fn verify(&self, text: &str) -> Result<proof::Proven, VerifyError> {
        proof::verify(text.as_bytes(), &self.world.genesis.anchor(), 0)
    }
}

impl Past for Annals {
    fn value(&self, key: &[u8], height: u64) -> Option<Stored> {
        self.state(height).get(key)
    }

    fn next(&self, key: &[u8], height: u64) -> Option<Stored> {
        let later = self.states.iter().skip(height as usize + 1);
        later.filter_map(|state| state.get(key)).find(|stored| stored.last_changed > height)
    }

    fn leaves(&self, height: u64) -> Option<Vec<Digest>> {
        let state = self.states.get(height as usize)?;
        let changed = state.0.iter().filter(|(_, stored)| stored.last_changed == height);
        let mut leaves: Vec<(Digest, Digest)> = changed
            .map(|(key, stored)| {
                (tree_key(key), change_leaf(&tree_key(key), &stored.value_hash(key), height))
            })
            .collect();
        leaves.sort_unstable();
        Some(leaves.into_iter().map(|(_, leaf)| leaf).collect())
    }

    fn header(&self, height: u64) -> Option<(Header, Certificate)> {
        self.headers.get(&height).cloned()
    }
}

/// A life of eleven heights: registered at 2, changed at 3, 5 and 6, renumbered at 8, annulled at 10;
/// another company at 4.
pub(crate) fn annals() -> (Annals, [Ubin; 4]) {
    let mut annals = Annals::new();
    let first = body();
    annals.block(None);
    annals.block(Some(("register", &first, R1)));
    let second = next(&first, &[("sizeClass", text("SMALL"))]);
    annals.block(Some(("update", &second, R1)));
    let other = company_body("SG", "UEN", "202400001A", "OTHER PTE LTD");
    annals.block(Some(("register", &other, R1)));
    let third = next(&second, &[("status", status("SUSPENDED"))]);
    annals.block(Some(("suspend", &third, R1)));
    let fourth = next(&third, &[("status", status("ACTIVE"))]);
    annals.block(Some(("reinstate", &fourth, R1)));
    annals.block(None);
    let new = company_body("SG", "UEN", "201912345K", "X");
    let fifth = next(
        &fourth,
        &[("ubin", new.get("ubin").expect("set").clone()), ("displayId", text("201912345K"))],
    );
    annals.bodies.insert(body_hash(&fifth), fifth.clone());
    let args = body_args(&fifth).with("ubin", Value::from(ubin_of(&first).to_string()));
    annals.world.act(Register::Ubin, "renumber", args, R2).expect("moves");
    annals.keep();
    annals.block(None);
    let annul = quote_reason(&annals.world, &ubin_of(&other));
    annals.world.act(Register::Ubin, "annul", annul, R2).expect("marks");
    annals.keep();
    annals.block(None);
    let absent = company_body("SG", "UEN", "202400002A", "NOBODY");
    (annals, [ubin_of(&first), ubin_of(&new), ubin_of(&other), ubin_of(&absent)])
}

const KINDS: [&str; 3] = ["ubin-presence", "ubin-absence", "ubin-history"];

#[test]
fn t17_a_proof_of_an_earlier_height_says_what_one_made_then_said() {
    let (annals, numbers) = annals();
    let head = annals.states.len() as u64 - 1;
    let mut held = [0; 3];
    for height in 0..head {
        for number in &numbers {
            for (i, kind) in KINDS.into_iter().enumerate() {
                let stated = annals.stated(kind, number, height);
                let then = annals.then(kind, &stated, height);
                for later in height + 2..=head + 1 {
                    let made = annals.bundle(kind, &stated, height, later);
                    let Ok(then) = &then else {
                        assert!(made.is_err(), "{kind} {number} at {height}");
                        continue;
                    };
                    let proven = annals
                        .verify(&made.expect("what held then can be proven"))
                        .unwrap_or_else(|e| panic!("{kind} {number} at {height} by {later}: {e}"));
                    assert_eq!(&proven.claim, then, "{kind} {number} at {height} by {later}");
                    assert_eq!(proven.height, height);
                    let (header, _) = &annals.headers[&(height + 1)];
                    assert_eq!(proven.time_ms, header.time_ms, "the time of the height");
                    held[i] += 1;
                }
            }
        }
    }
    assert!(held.iter().all(|count| *count > 50), "{held:?}");
}

#[test]
fn t17_counters_of_an_earlier_height_are_what_state_held_then() {
    let (annals, _) = annals();
    let cells = [["SG", "2026-07", "new"], ["TH", "2026-07", "new"]];
    let counters = cells.map(|cells| Value::object([("cells", cells.map(text).to_vec().into())]));
    let stated =
        Value::object([("metric", text("ubin_flow")), ("counters", counters.to_vec().into())]);
    for (height, due) in [(1, 0), (2, 1), (3, 1), (4, 2), (9, 2)] {
        let made = annals.bundle("ubin-kpi", &stated, height, 12).expect("counted");
        let proven = annals.verify(&made).expect("verifies");
        assert_eq!(proven.claim, annals.then("ubin-kpi", &stated, height).expect("counted"));
        let first = proven.claim.get("counters").and_then(Value::as_list).expect("set")[0].clone();
        assert_eq!(first.get("value"), Some(&Value::Int(due)), "height {height}");
    }
    let narrow = Value::object([("cells", vec![text("SG")].into())]);
    let narrow = stated.with("counters", vec![narrow].into());
    assert!(annals.bundle("ubin-kpi", &narrow, 2, 12).is_err(), "a key of no counter says nothing");
}

#[test]
fn t17_no_flipped_bit_of_a_proof_of_an_earlier_height_passes() {
    let (annals, numbers) = annals();
    let mut random = Random(17);
    let cases = [
        // replaced twice since; standing since; absent, registered later; through an alias
        ("ubin-presence", &numbers[0], 3, 1),
        ("ubin-presence", &numbers[1], 8, 5),
        ("ubin-absence", &numbers[2], 2, 3),
        ("ubin-history", &numbers[0], 9, 5),
    ];
    for (kind, number, height, step) in cases {
        let stated = annals.stated(kind, number, height);
        let mut bytes = annals.bundle(kind, &stated, height, 12).expect("holds").into_bytes();
        for at in (0..bytes.len()).step_by(step) {
            let bit = 1 << random.below(8);
            bytes[at] ^= bit;
            let result = proof::verify(&bytes, &annals.world.genesis.anchor(), 0);
            assert!(result.is_err(), "{kind} at {height}: byte {at}, bit {bit}");
            bytes[at] ^= bit;
        }
        proof::verify(&bytes, &annals.world.genesis.anchor(), 0).expect("unchanged it verifies");
    }
}

/// The bundle of `kind` at a height, with its evidence changed.
fn forged(
    annals: &Annals,
    kind: &str,
    number: &Ubin,
    height: u64,
    change: impl FnOnce(&mut Evidence, &mut AsOf),
) -> Result<proof::Proven, VerifyError> {
    let stated = annals.stated(kind, number, height);
    let (claim, mut evidence) = annals.evidence(kind, &stated, height, 12).expect("holds");
    let mut as_of = evidence.as_of.take().expect("of an earlier height");
    change(&mut evidence, &mut as_of);
    evidence.as_of = Some(as_of);
    annals.verify(&proof::bundle(kind, height, claim, &evidence))
}

#[test]
fn t17_evidence_with_a_part_missing_exchanged_or_left_over_proves_nothing() {
    let (annals, numbers) = annals();
    let header = |height: u64| annals.headers[&height].clone();
    let replaced = |change: Forgery| {
        forged(&annals, "ubin-presence", &numbers[0], 2, |_, as_of| change(&annals, as_of))
    };
    replaced(|_, _| {}).expect("unchanged it verifies");
    let forgeries: [(&str, Forgery); 9] = [
        ("no item", |_, as_of| as_of.changes.clear()),
        ("an item too many", |_, as_of| as_of.changes.push(None)),
        ("standing, without a path", |_, as_of| as_of.changes = vec![None]),
        ("not set", |_, as_of| first(as_of).set = None),
        ("set elsewhere", |_, as_of| first(as_of).set = Some(Vec::new())),
        ("replaced elsewhere", |_, as_of| first(as_of).next.clear()),
        ("replaced by another value", |_, as_of| first(as_of).next_content = Digest([7; 32])),
        ("a header left over", |annals, as_of| as_of.headers.push(annals.headers[&11].clone())),
        ("the height's own header", |annals, as_of| {
            as_of.headers.insert(0, annals.headers[&3].clone());
        }),
    ];
    for (what, forgery) in forgeries {
        assert!(replaced(forgery).is_err(), "{what}");
    }
    // the entry of a later change, in place of that of the next one: it names another change before
    let later = annals.stated("ubin-presence", &numbers[0], 3);
    let (_, evidence) = annals.evidence("ubin-presence", &later, 3, 12).expect("holds");
    let mut other = evidence.as_of.expect("of an earlier height");
    let skipped = forged(&annals, "ubin-presence", &numbers[0], 2, |_, as_of| {
        let own = first(as_of).set.clone();
        *as_of = other.clone();
        first(as_of).set = own;
    });
    assert!(skipped.is_err(), "a value that was replaced in between");
    first(&mut other).next_height = 3;
    assert!(
        forged(&annals, "ubin-presence", &numbers[0], 3, |_, as_of| *as_of = other).is_err(),
        "replaced at or before the height"
    );
    // a standing value under a header that is no later one
    let own = forged(&annals, "ubin-presence", &numbers[1], 8, |evidence, as_of| {
        evidence.path = annals.tree(8).prove(&[tree_key(&record::record_key(&numbers[1]))]).0;
        as_of.headers = vec![header(9)];
    });
    assert!(own.is_err(), "the height's own header is no later one");
    let extra = forged(&annals, "ubin-presence", &numbers[1], 8, |_, as_of| {
        as_of.headers.insert(0, header(11));
    });
    assert!(extra.is_err(), "a header that nothing needs");
    let weak = forged(&annals, "ubin-presence", &numbers[1], 8, |_, as_of| {
        as_of.headers[0].1.signatures.truncate(2);
    });
    assert!(matches!(weak, Err(VerifyError::Certificate(_))), "{weak:?}");
    let foreign = forged(&annals, "ubin-presence", &numbers[1], 8, |_, as_of| {
        let (mut header, _) = header(12);
        header.chain = "titian-devnet-2".to_owned();
        let certificate = certify::certificate(&annals.world.nodes, &header);
        as_of.headers = vec![(header, certificate)];
    });
    assert_eq!(foreign, Err(VerifyError::ChainDiffers));
    // members of an earlier height in a bundle of a kind that has no past
    let keys = vec![record::record_key(&numbers[1])];
    let path = annals.tree(11).prove(&[tree_key(&keys[0])]).0;
    let (entries, evidence) = as_of::gather(&annals, 8, &keys, 12, path).expect("kept");
    let raw = Value::object([("entries", proof::entries_value(&entries))]);
    let held = annals.verify(&proof::bundle("ledger-state", 8, raw.clone(), &evidence));
    assert!(held.is_ok(), "{held:?}");
    let other = annals.verify(&proof::bundle("etr-status", 8, raw, &evidence));
    assert!(matches!(other, Err(VerifyError::Malformed(_))), "{other:?}");
}

fn first(as_of: &mut AsOf) -> &mut as_of::Superseded {
    as_of.changes[0].as_mut().expect("replaced since")
}

/// `count` counters, the first set at height 1 and replaced at 1,000, the next at 3 and 1,002, ….
struct Counters {
    world: World,
    keys: Vec<Vec<u8>>,
}

impl Counters {
    fn new(count: usize) -> Self {
        let cells = |i: usize| format!("S{i}");
        let keys = (0..count)
            .map(|i| counter_key("ubin_stock", &["SG", "UEN", "GENERAL", &cells(i), "ACTIVE"]))
            .collect();
        Self { world: World::new(), keys }
    }

    fn stored(&self, key: &[u8], next: bool) -> Option<Stored> {
        let i = self.keys.iter().position(|known| known == key)? as u64;
        let set = 1 + 2 * i;
        Some(match next {
            false => Stored { last_changed: set, prev_changed: 0, content: encode_content(&1_u64) },
            true => Stored {
                last_changed: 1_000 + 2 * i,
                prev_changed: set,
                content: encode_content(&2_u64),
            },
        })
    }
}

impl Past for Counters {
    fn value(&self, key: &[u8], _: u64) -> Option<Stored> {
        self.stored(key, false)
    }

    fn next(&self, key: &[u8], _: u64) -> Option<Stored> {
        self.stored(key, true)
    }

    fn leaves(&self, height: u64) -> Option<Vec<Digest>> {
        let all = self.keys.iter().flat_map(|key| [false, true].map(|next| (key, next)));
        let leaf = |(key, next): (&Vec<u8>, bool)| {
            let stored = self.stored(key, next)?;
            let hash = stored.value_hash(key);
            (stored.last_changed == height).then(|| change_leaf(&tree_key(key), &hash, height))
        };
        Some(all.filter_map(leaf).collect())
    }

    fn header(&self, height: u64) -> Option<(Header, Certificate)> {
        let leaves = self.leaves(height.checked_sub(1)?)?;
        let (_, evidence) = certify::prove(&self.world, &[b"x".to_vec()]);
        let mut header = evidence.header;
        header.height = height;
        header.change_root = merkle::root_of("titian change node v1", &leaves);
        let certificate = certify::certificate(&self.world.nodes, &header);
        Some((header, certificate))
    }
}

#[test]
fn t17_a_proof_of_an_earlier_height_holds_256_headers_and_not_one_more() {
    let counters = Counters::new(limits::PROOF_HEADERS_MAX / 2);
    let made = as_of::gather(&counters, 900, &counters.keys, 2_000, Vec::new());
    let (entries, mut evidence) = made.expect("two headers for each");
    let as_of = evidence.as_of.as_ref().expect("of an earlier height");
    assert_eq!(as_of.headers.len(), limits::PROOF_HEADERS_MAX);
    let cells = |entry: &proof::Entry| {
        let key = String::from_utf8(entry.key.clone()).expect("text");
        let cells: Vec<Value> = key.split('/').skip(3).map(text).collect();
        Value::object([("cells", Value::List(cells))])
    };
    let asked: Vec<Value> = entries.iter().map(cells).collect();
    let stated = Value::object([("metric", text("ubin_stock")), ("counters", Value::List(asked))]);
    let frame = Frame { chain: &counters.world.genesis.chain, time_ms: 0 };
    let claim = claim::rebuild("ubin-kpi", &stated, &entries, frame).expect("counters");
    let anchor = counters.world.genesis.anchor();
    let bundle = proof::bundle("ubin-kpi", 900, claim.clone(), &evidence);
    proof::verify(bundle.as_bytes(), &anchor, 0).expect("verifies");
    let as_of = evidence.as_of.as_mut().expect("of an earlier height");
    as_of.headers.push(counters.header(1_999).expect("any"));
    let bundle = proof::bundle("ubin-kpi", 900, claim, &evidence);
    let result = proof::verify(bundle.as_bytes(), &anchor, 0);
    assert!(matches!(result, Err(VerifyError::Malformed(_))), "{result:?}");
    let more = Counters::new(limits::PROOF_HEADERS_MAX / 2 + 1);
    let refused = as_of::gather(&more, 900, &more.keys, 2_000, Vec::new());
    assert_eq!(refused.map(|_| ()), Err(Gap::Headers));
}
