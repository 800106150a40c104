//! Bulk import (ubin.md §6, ubin-api.md §14 T13): trees and parts, resumption, and what records of
//! a chunk become.

use std::collections::BTreeMap;

use proptest::prelude::*;
use titian_contracts::digest::{Digest, hash};
use titian_contracts::error::Code;
use titian_contracts::execute::Receipt;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::{Overlay, decode_content, encode_content};
use titian_contracts::time::Date;
use titian_contracts::transaction::{Payload, Transaction, TransactionId};
use titian_contracts::tree::Tree;
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::import::chunk::{self, Chunk, Tally};
use titian_contracts::ubin::import::{
    ChunkTree, ImportPart, check_body, chunk_root, part_path, part_transaction,
};
use titian_contracts::ubin::record::Entry;
use titian_contracts::ubin::scheme::SchemeTable;
use titian_contracts::{merkle, ubin};
use titian_tests::companies::{companies, companies_of};
use titian_tests::world::{World, outcome_of};

use crate::ubin_identifier::Random;
use crate::ubin_invariants::{check_counters, numbers};
use crate::ubin_scene::{R1, R2, evidence, moved, next, record, status, text, ubin_of};

/// A chunk as its importer holds it.
pub(crate) struct Source {
    pub(crate) cc: &'static str,
    pub(crate) seq: u64,
    pub(crate) bodies: Vec<Value>,
    pub(crate) tree: ChunkTree,
}

impl Source {
    pub(crate) fn new(cc: &'static str, seq: u64, bodies: Vec<Value>) -> Self {
        let hashes: Vec<Digest> = bodies.iter().map(body_hash).collect();
        Self { cc, seq, bodies, tree: ChunkTree::new(&hashes) }
    }

    pub(crate) fn args(&self) -> Value {
        Value::object([
            ("cc", text(self.cc)),
            ("seq", Value::from(self.seq)),
            ("count", Value::from(self.bodies.len() as u64)),
            ("root", Value::from(self.tree.root())),
        ])
    }

    pub(crate) fn open(&self, world: &mut World, signers: &[(&str, u64)]) -> Result<Receipt, Code> {
        world.act(Register::Ubin, "import_chunk", self.args(), signers)
    }

    /// The part `first .. first + count`.
    pub(crate) fn part(&self, first: usize, count: usize) -> Vec<u8> {
        let path = self.tree.part_path(first, count);
        let bodies = &self.bodies[first..first + count];
        part_transaction(self.cc, self.seq, first as u64, bodies, &path)
    }

    pub(crate) fn chunk(&self, world: &World) -> Chunk {
        chunk::find(&Overlay::new(&world.state), self.cc, self.seq).expect("the chunk is open")
    }

    /// Opens the chunk and sends all of it in parts of `size` records.
    pub(crate) fn import(&self, world: &mut World, signers: &[(&str, u64)], size: usize) -> Tally {
        self.open(world, signers).expect("the registrar may import");
        for first in (0..self.bodies.len()).step_by(size) {
            let count = size.min(self.bodies.len() - first);
            run(world, self.part(first, count)).expect("the part applies");
        }
        let chunk = self.chunk(world);
        assert!(!chunk.is_open(), "every record is done");
        chunk.tally()
    }
}

pub(crate) fn run(world: &mut World, part: Vec<u8>) -> Result<Receipt, Code> {
    outcome_of(world.run_transactions(&[part]).remove(0))
}

pub(crate) fn bodies_of(cc: &str, seed: u64, count: usize) -> Vec<Value> {
    companies_of(cc, seed, count).map(|company| company.body).collect()
}

/// The state root, by the tree of the ledger.
fn root(world: &World) -> Digest {
    let mut tree = Tree::default();
    let pairs = world
        .state
        .0
        .iter()
        .map(|(key, stored)| (titian_contracts::state::tree_key(key), stored.value_hash(key)));
    tree.update(pairs);
    tree.root()
}

/// What the state says, without the places in the ledger at which it was said: heights and
/// transactions. Lists of holders of an identifier stand in the order of arrival.
pub(crate) fn content(world: &World) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut content = BTreeMap::new();
    for (key, stored) in &world.state.0 {
        let mut bytes = stored.content.clone();
        if key.starts_with(b"ubin/rec/") {
            let mut entry: Entry = decode_content(&bytes).expect("decodes");
            if let Entry::Record(record) = &mut entry {
                record.meta.recorded_at = 0;
                record.meta.transaction = TransactionId(Digest::ZERO);
            }
            bytes = encode_content(&entry);
        } else if key.starts_with(b"ubin/reference/") {
            let mut holders: Vec<String> = decode_content(&bytes).expect("decodes");
            holders.sort();
            bytes = encode_content(&holders);
        }
        content.insert(key.clone(), bytes);
    }
    content
}

fn digests(count: usize) -> Vec<Digest> {
    (0..count as u64).map(|i| hash("titian test leaf v1", &[&i.to_be_bytes()])).collect()
}

const NODE: &str = "titian ubin chunk v1";

#[test]
fn t13_the_root_of_a_chunk_is_the_rfc_9162_tree_over_its_body_hashes() {
    for count in (0..70).chain([127, 128, 129, 1_000]) {
        let leaves = digests(count);
        assert_eq!(chunk_root(&leaves), merkle::root_of(NODE, &leaves), "{count}");
        assert_eq!(ChunkTree::new(&leaves).root(), merkle::root_of(NODE, &leaves), "{count}");
    }
}

#[test]
fn t13_every_range_of_a_chunk_leads_to_its_root_and_nothing_else_does() {
    for total in 1..=20 {
        let leaves = digests(total);
        let root = chunk_root(&leaves);
        for first in 0..total {
            for count in 1..=total - first {
                let path = part_path(&leaves, first, count);
                let part = &leaves[first..first + count];
                let lead = |leaves: &[Digest], first, total, path: &[Digest]| {
                    merkle::root_from_range(NODE, leaves, first, total, path)
                };
                assert_eq!(lead(part, first, total, &path), Some(root), "{first}+{count}/{total}");
                // in another place, with a leaf less, with a sibling more, less or other
                let other = lead(part, (first + 1) % total, total, &path);
                assert!(total == 1 || other != Some(root), "{first}+{count}/{total}");
                assert_ne!(lead(&part[1..], first, total, &path), Some(root));
                assert_eq!(lead(part, first, total, &[&path[..], &[root]].concat()), None);
                for i in 0..path.len() {
                    assert_eq!(
                        lead(part, first, total, &[&path[..i], &path[i + 1..]].concat()),
                        None
                    );
                    let mut forged = path.clone();
                    forged[i] = Digest::ZERO;
                    assert_ne!(lead(part, first, total, &forged), Some(root));
                }
                for i in 0..part.len() {
                    let mut forged = part.to_vec();
                    forged[i] = Digest::ZERO;
                    assert_ne!(lead(&forged, first, total, &path), Some(root));
                }
            }
        }
        assert!(part_path(&leaves, 0, 0).is_empty());
        assert!(part_path(&leaves, total, 1).is_empty());
        assert_eq!(merkle::root_from_range(NODE, &leaves, 1, total, &[]), None);
    }
}

#[test]
fn t13_a_part_has_one_canonical_form_and_reads_back() {
    let bodies = bodies_of("TH", 3, 9);
    let source = Source::new("TH", 7, bodies.clone());
    let bytes = source.part(2, 5);
    let path = source.tree.part_path(2, 5);
    let payload = Value::object([
        ("cc", text("TH")),
        ("seq", Value::Int(7)),
        ("first", Value::Int(2)),
        ("bodies", Value::List(bodies[2..7].to_vec())),
        ("path", Value::List(path.iter().copied().map(Value::from).collect())),
    ]);
    assert_eq!(bytes, Transaction::encode("import_part", Register::Ubin, payload));
    let tx = Transaction::parse(&bytes).expect("canonical");
    assert_eq!((tx.name().as_str(), tx.quota_owner().as_str()), ("ubin.import_part", "TH"));
    assert!(tx.signatures().is_empty());
    let Payload::ImportPart(part) = tx.payload else { panic!("a part") };
    let ImportPart { cc, seq, first, bodies: read, path: read_path } = *part.clone();
    assert_eq!((cc.as_str(), seq, first, &read_path), ("TH", 7, 2, &path));
    assert_eq!(part.root(9), Some(source.tree.root()));
    for (body, due) in read.iter().zip(&bodies[2..7]) {
        assert_eq!(&body.value, due);
        assert_eq!(body.hash, body_hash(due));
        assert_eq!(&bytes[body.text.clone()], due.to_jcs().as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Texts with quotes, backslashes, brackets and commas do not move the bodies after them.
    #[test]
    fn t13_bodies_of_any_content_are_found_in_their_place(
        texts in prop::collection::vec(any::<String>(), 1..8),
        traps in prop::collection::vec(r#"[\\"\[\]\{\},:]{0,12}"#, 1..8),
    ) {
        let wrapped = |text: &String| Value::object([("a", Value::List(vec![Value::from(text.as_str())]))]);
        let mut bodies: Vec<Value> = texts.iter().map(|text| Value::from(text.as_str())).collect();
        bodies.extend(traps.iter().map(wrapped));
        bodies.extend([Value::Int(-5), Value::Null, Value::List(Vec::new())]);
        let bytes = part_transaction("SG", 1, 0, &bodies, &[]);
        let tx = Transaction::parse(&bytes).expect("canonical");
        let Payload::ImportPart(part) = tx.payload else { panic!("a part") };
        prop_assert_eq!(part.bodies.len(), bodies.len());
        for (body, due) in part.bodies.iter().zip(&bodies) {
            prop_assert_eq!(&body.value, due);
            prop_assert_eq!(body.hash, body_hash(due));
        }
    }
}

/// The state after a restart: read from its bytes, with nothing else kept.
fn restarted(world: &World) -> World {
    let mut again = World::new();
    again.state.0.clear();
    for (key, stored) in &world.state.0 {
        let bytes = borsh::to_vec(stored).expect("encodes");
        again.state.0.insert(key.clone(), borsh::from_slice(&bytes).expect("decodes"));
    }
    (again.height, again.time_ms) = (world.height, world.time_ms);
    again
}

const RECORDS: usize = 101;
const PART: usize = 7;

/// Imports part by part, one block each; before every second one the ledger restarts and the client
/// has lost its memory. Gives the number of restarts.
fn import_with_restarts(source: &Source, world: &mut World, random: &mut Random) -> usize {
    let starts: Vec<usize> = (0..RECORDS).step_by(PART).collect();
    let part = |first: usize| source.part(first, PART.min(RECORDS - first));
    let mut restarts = 0;
    source.open(world, R1).expect("open");
    while source.chunk(world).is_open() {
        if random.below(2) == 0 {
            *world = restarted(world);
            restarts += 1;
        }
        // what is missing is asked of the state alone
        let chunk = source.chunk(world);
        let missing = starts.iter().find(|first| !chunk.is_done(**first as u64));
        let mut block = vec![part(*missing.expect("open"))];
        // what was sent before may come again, in the same block
        let done: Vec<&usize> = starts.iter().filter(|f| chunk.is_done(**f as u64)).collect();
        if !done.is_empty() {
            block.push(part(*done[random.below(done.len())]));
        }
        let receipts = world.run_transactions(&block);
        assert_eq!(receipts[0].error, None);
        if let Some(again) = receipts.get(1) {
            let code = again.error.as_ref().map(|(number, _)| *number);
            assert!(
                code == Some(Code::Unchanged.number())
                    || code == Some(Code::ImportNotOpen.number())
            );
        }
    }
    restarts
}

#[test]
fn t13_an_import_interrupted_at_100_random_points_and_resumed_has_the_same_root() {
    let source = Source::new("SG", 1, bodies_of("SG", 1, RECORDS));
    let mut whole = World::new();
    source.import(&mut whole, R1, PART);
    let mut random = Random(13);
    let mut restarts = 0;
    while restarts < 100 {
        let mut world = World::new();
        restarts += import_with_restarts(&source, &mut world, &mut random);
        assert_eq!(root(&world), root(&whole), "after {restarts} restarts");
        assert_eq!(world.state.0, whole.state.0);
    }
}

#[test]
fn t13_parts_in_any_cut_any_order_and_any_number_give_the_same_records() {
    let mut bodies = bodies_of("TH", 2, RECORDS);
    // bad records among them
    for at in [0, 17, 50, 100] {
        bodies[at] = bodies[at].with("version", Value::Int(2));
    }
    let source = Source::new("TH", 1, bodies);
    let signers: &[(&str, u64)] = &[("TH:DBD", 1)];
    let mut whole = World::new();
    source.import(&mut whole, signers, PART);
    for seed in 1..=12 {
        let mut random = Random(seed);
        let mut world = World::new();
        source.open(&mut world, signers).expect("open");
        let mut sent = 0;
        while source.chunk(&world).is_open() {
            let first = random.below(RECORDS);
            let count = 1 + random.below((RECORDS - first).min(20));
            let known = source.chunk(&world);
            let rest = (first..first + count).any(|place| !known.is_done(place as u64));
            let result = run(&mut world, source.part(first, count)).map(|_| ());
            assert_eq!(result, if rest { Ok(()) } else { Err(Code::Unchanged) }, "seed {seed}");
            sent += 1;
            assert!(sent < 5_000, "seed {seed}: the chunk fills");
        }
        assert_eq!(content(&world), content(&whole), "seed {seed}");
        check_counters(&world, &numbers(&world), &format!("seed {seed}"));
    }
}

#[test]
fn t13_an_imported_record_is_the_registered_one_with_its_event_and_its_body() {
    let body = bodies_of("VN", 5, 1).remove(0);
    let signers: &[(&str, u64)] = &[("VN:NBR", 1)];
    let mut registered = World::new();
    let args = Value::object([("body", body.clone())]);
    let by_op = registered.act(Register::Ubin, "register", args, signers).expect("registers");
    let mut imported = World::new();
    let source = Source::new("VN", 1, vec![body.clone()]);
    source.open(&mut imported, signers).expect("open");
    let bytes = source.part(0, 1);
    let by_part = run(&mut imported, bytes.clone()).expect("applies");
    assert_eq!(by_part.events[0], by_op.events[0], "feed and search see the same");
    assert_eq!(by_part.events[1].name, "ubin.import_part");
    let tx = Transaction::parse(&bytes).expect("canonical");
    let kept = ubin::bodies_of(&tx, &by_part.events);
    assert_eq!(kept, [(body_hash(&body), body.to_jcs().into_bytes())]);
    let of_records = |world: &World| {
        let kinds: [&[u8]; 4] = [b"ubin/rec/", b"ubin/count/", b"ubin/entity/", b"ubin/reference/"];
        let mut content = content(world);
        content.retain(|key, _| kinds.iter().any(|kind| key.starts_with(kind)));
        content
    };
    assert_eq!(of_records(&imported), of_records(&registered));
}

#[test]
fn t13_importing_again_changes_nothing_but_the_note_of_it() {
    let source = Source::new("SG", 1, bodies_of("SG", 4, 40));
    let mut world = World::new();
    let first = source.import(&mut world, R1, 16);
    assert_eq!(first, Tally { applied: 40, ..Tally::default() });
    let before = world.state.0.clone();
    // the same chunk, the same parts
    assert_eq!(source.open(&mut world, R1).err(), Some(Code::ImportSeq));
    assert_eq!(run(&mut world, source.part(0, 16)).err(), Some(Code::ImportNotOpen));
    assert_eq!(world.state.0, before);
    // the same records in the next chunk
    let again = Source::new("SG", 2, source.bodies.clone());
    let second = again.import(&mut world, R1, 9);
    assert_eq!(second, Tally { unchanged: 40, ..Tally::default() });
    assert_eq!(again.chunk(&world).refused.len(), 1, "one run of equal outcomes");
    let mut after = world.state.0.clone();
    after.retain(|key, _| !key.starts_with(b"ubin/chunk"));
    let mut due = before;
    due.retain(|key, _| !key.starts_with(b"ubin/chunk"));
    assert_eq!(after, due);
    assert_eq!(chunk::next_seq(&Overlay::new(&world.state), "SG"), 3);
}

#[test]
fn t13_a_record_is_imported_as_the_act_that_its_change_is() {
    let bodies: Vec<Value> = bodies_of("SG", 6, 400)
        .into_iter()
        .filter(|body| body.get("status").and_then(|s| s.get("code")) == Some(&text("ACTIVE")))
        .take(5)
        .collect();
    let mut world = World::new();
    Source::new("SG", 1, bodies.clone()).import(&mut world, R1, 100);
    let renamed = Value::object([("value", text("NEW NAME PTE. LTD.")), ("lang", text("en"))]);
    let mut ended = moved(&bodies[3], "DISSOLVED");
    let reason = ended.get("status").expect("set").with("reason", text("REQUEST"));
    ended = ended.with("status", reason);
    let changes = vec![
        next(&bodies[0], &[("confirmedOn", text("2026-07-01"))]),
        next(&bodies[1], &[("legalName", renamed)]),
        next(&bodies[2], &[("status", status("SUSPENDED")), ("evidence", evidence())]),
        ended,
        next(&bodies[4], &[]).with("version", Value::Int(3)),
    ];
    let source = Source::new("SG", 2, changes.clone());
    source.open(&mut world, R1).expect("open");
    let receipt = run(&mut world, source.part(0, 5)).expect("applies");
    let names: Vec<&str> = receipt.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["ubin.confirm", "ubin.update", "ubin.update", "ubin.import_part"]);
    let due = Tally { applied: 3, version_conflict: 1, rejected: 1, unchanged: 0 };
    assert_eq!(source.chunk(&world).tally(), due);
    // what needs two officers goes with a chunk that two officers signed
    let source = Source::new("SG", 3, vec![changes[3].clone()]);
    source.open(&mut world, R2).expect("open");
    let receipt = run(&mut world, source.part(0, 1)).expect("applies");
    assert_eq!(receipt.events[0].name, "ubin.dissolve");
    let restored = moved(&changes[3], "ACTIVE");
    let reason = restored.get("status").expect("set").with("reason", text("COURT"));
    let source = Source::new("SG", 4, vec![restored.with("status", reason)]);
    assert_eq!(source.import(&mut world, R1, 1).rejected, 1);
    let source = Source::new("SG", 5, source.bodies);
    assert_eq!(source.import(&mut world, R2, 1).applied, 1);
    assert_eq!(record(&world, &ubin_of(&bodies[3])).version, 3);
    check_counters(&world, &numbers(&world), "after moves");
}

#[test]
fn t13_made_up_companies_pass_the_checks_and_are_all_different() {
    let table = SchemeTable::genesis();
    let today = Date::parse("2026-07-01").expect("a date");
    let mut found = BTreeMap::new();
    for company in companies(7, 20_000) {
        let checked = check_body(&company.body, &table, today);
        let warnings =
            checked.unwrap_or_else(|reject| panic!("{reject}: {}", company.body.to_jcs()));
        assert!(!warnings.iter().any(|w| w == "NATIONAL_CHECK_FAILED" || w == "LOCAL_FORMAT"));
        assert!(company.body.to_jcs().len() < 2_048);
        let number = (company.cc, company.scheme, company.local.clone());
        assert_eq!(found.insert(number, company.name), None, "{} twice", company.local);
    }
    let states: std::collections::BTreeSet<&str> = found.keys().map(|(cc, ..)| *cc).collect();
    assert_eq!(states.len(), 11);
    let names: std::collections::BTreeSet<&String> = found.values().collect();
    assert!(names.len() > 15_000, "{} different names", names.len());
}
