//! The delta feed and snapshots (ubin-api.md §9, §14 T16): random acts of every kind on a ledger on
//! disk, read back by an applier that knows nothing of the register but the form of items.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use titian_contracts::json::Value;
use titian_contracts::snapshot::UbinManifest;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::record_key;
use titian_node::feed::{self, Cursor, Request};
use titian_node::ledger::Ledger;
use titian_node::snapshot::{Snapshots, restore};
use titian_tests::served::OneByOne;
use titian_tests::world::{START_MS, World};

use crate::ubin_identifier::Random;
use crate::ubin_walk::{ACTS, walk};

/// A ledger on disk after a random walk, and its snapshots.
struct Walked {
    ledger: Ledger,
    blocks: OneByOne,
    snapshots: Snapshots,
    /// Heights of snapshots, ascending.
    heights: Vec<u64>,
    world: World,
    folder: tempfile::TempDir,
}

/// Acts of a walk in blocks of one to four, with a snapshot every fifteen blocks or so.
fn walked(seed: u64, steps: usize) -> Walked {
    println!("seed {seed}");
    let (world, acts) = walk(seed, steps, &mut BTreeMap::new());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ledger = Ledger::open(&folder.path().join("ledger"), world.genesis.clone()).expect("open");
    let blocks = OneByOne::over(ledger.clone(), world.nodes.clone());
    let snapshots = Snapshots::new(folder.path().join("snapshots"), 0, 100);
    let mut random = Random(seed);
    let mut heights = Vec::new();
    // a refused act may be tried again with the same bytes, which no block may hold again
    let mut seen = BTreeSet::new();
    let mut left =
        acts.into_iter().map(|(bytes, _)| bytes).filter(|b| seen.insert(b.clone())).peekable();
    let mut time_ms = START_MS;
    let mut due = 10_usize;
    while left.peek().is_some() {
        time_ms += 1000;
        let some: Vec<Vec<u8>> = left.by_ref().take(1 + random.below(4)).collect();
        blocks.commit_at(time_ms, some);
        due = due.saturating_sub(1);
        if due == 0 {
            due = 10 + random.below(10);
            blocks.commit_at(time_ms + 1, Vec::new());
            let height = ledger.head().height - 1;
            snapshots.write(&ledger, height, &|| false).expect("a snapshot");
            heights.push(height);
        }
    }
    blocks.commit_at(time_ms + 1, Vec::new());
    blocks.commit_at(time_ms + 2, Vec::new());
    let last = ledger.head().height - 1;
    snapshots.write(&ledger, last, &|| false).expect("a snapshot");
    heights.push(last);
    assert!(heights.len() > 2, "seed {seed}: {heights:?}");
    Walked { ledger, blocks, snapshots, heights, world, folder }
}

fn lines_of(snapshots: &Snapshots, height: u64) -> (UbinManifest, String) {
    let manifest = snapshots.ubin_manifest(height).expect("a manifest");
    let bytes = std::fs::read(snapshots.ubin_file(height)).expect("a file");
    assert_eq!(manifest.bytes, bytes.len() as u64);
    let mut text = String::new();
    zstd::Decoder::new(&bytes[..]).expect("zstd").read_to_string(&mut text).expect("text");
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    assert_eq!(manifest.sha256.0, digest);
    assert_eq!(manifest.count, text.lines().count() as u64);
    (manifest, text)
}

fn all_items(ledger: &Ledger, full: bool) -> Vec<(Cursor, Value)> {
    let request = Request { full, ..Request::default() };
    let mut items = Vec::new();
    let mut after = Cursor::START;
    loop {
        let page = feed::read(ledger, after, 1_000, &request);
        items.extend(page.items);
        after = page.cursor;
        if !page.more {
            assert_eq!(after, Cursor::end_of(ledger.head().height));
            return items;
        }
    }
}

/// The lines of a snapshot by state key, as an integrator would keep them.
fn by_key(text: &str) -> BTreeMap<Vec<u8>, String> {
    text.lines().map(|line| (key_of(line), line.to_owned())).collect()
}

fn key_of(line: &str) -> Vec<u8> {
    let value: Json = serde_json::from_str(line).expect("a line is JSON");
    record_key(
        &Ubin::parse_canonical(value["ubin"].as_str().expect("a number")).expect("canonical"),
    )
}

#[test]
fn t16_a_snapshot_and_the_feed_after_it_give_the_next_snapshot_byte_for_byte() {
    let mut acts = BTreeSet::new();
    for seed in 1..=6 {
        let walked = walked(seed, 400);
        let items = all_items(&walked.ledger, true);
        let act = |item: &Value| item.get("act").and_then(Value::as_text).map(str::to_owned);
        acts.extend(items.iter().filter_map(|(_, item)| act(item)));
        for pair in walked.heights.windows(2) {
            let (_, first) = lines_of(&walked.snapshots, pair[0]);
            let (manifest, second) = lines_of(&walked.snapshots, pair[1]);
            manifest.seal.check(&walked.world.genesis.anchor()).expect("certified");
            let mut lines = by_key(&first);
            let between = Cursor::end_of(pair[0])..=Cursor::end_of(pair[1]);
            for (_, item) in items.iter().filter(|(cursor, _)| between.contains(cursor)) {
                for line in item.get("lines").and_then(Value::as_list).expect("full") {
                    let text = line.to_jcs();
                    lines.insert(key_of(&text), text);
                }
            }
            let text: String = lines.values().map(|line| format!("{line}\n")).collect();
            assert_eq!(text, second, "seed {seed}, {pair:?}");
        }
    }
    let never: Vec<&&str> = ACTS.iter().filter(|act| !acts.contains(**act)).collect();
    assert!(never.is_empty(), "never in the feed: {never:?}");
}

/// Applies `changed` to what it knows of numbers; each `old` must be what it knows.
#[derive(Default)]
struct Applier(BTreeMap<String, Json>);

impl Applier {
    fn apply(&mut self, item: &Json) {
        let number = item["ubin"].as_str().expect("a number").to_owned();
        let changes = item["changed"].as_array().expect("a list");
        let from = changes
            .iter()
            .find(|change| change["path"] == "/ubin")
            .map_or(number.clone(), |change| change["old"].as_str().expect("a number").to_owned());
        let mut known =
            self.0.remove(&from).unwrap_or_else(|| json!({"body": null, "aliases": []}));
        for change in changes {
            let path = change["path"].as_str().expect("a path");
            let place = match path {
                "/aliases/-" => {
                    let list = known["aliases"].as_array_mut().expect("a list");
                    list.push(change["new"].clone());
                    continue;
                }
                "/meta/mark" | "/meta/closure" => path.to_owned(),
                _ => format!("/body{path}"),
            };
            let (parent, name) = place.rsplit_once('/').expect("a pointer");
            if parent == "/meta" && known.get("meta").is_none() {
                known["meta"] = json!({});
            }
            let target = known.pointer_mut(parent).and_then(Json::as_object_mut);
            let target = target.unwrap_or_else(|| panic!("no {parent}: {item}"));
            let old = target.get(name).cloned().unwrap_or(Json::Null);
            assert_eq!(old, change["old"], "{path} of {item}");
            match &change["new"] {
                Json::Null => target.remove(name),
                new => target.insert(name.to_owned(), new.clone()),
            };
        }
        self.0.insert(number, known);
    }
}

#[test]
fn t16_old_and_new_of_every_change_lead_from_nothing_to_the_records() {
    for seed in 4..=6 {
        let walked = walked(seed, 400);
        let mut applier = Applier::default();
        for (_, item) in all_items(&walked.ledger, false) {
            let item: Json = serde_json::from_str(&item.to_jcs()).expect("JSON");
            if item.get("metaSeq").is_some() {
                applier.apply(&item);
            }
        }
        let (_, text) = lines_of(&walked.snapshots, *walked.heights.last().expect("some"));
        let mut records = 0;
        for line in text.lines() {
            let line: Json = serde_json::from_str(line).expect("JSON");
            if line.get("aliasOf").is_some() {
                continue;
            }
            records += 1;
            let number = line["ubin"].as_str().expect("a number");
            let known = applier.0.get(number).unwrap_or_else(|| panic!("{number} is not known"));
            // version and prev stand in every event and are no change
            let plain = |body: &Json| {
                let mut body = body.as_object().expect("a body").clone();
                body.remove("version");
                body.remove("prev");
                body
            };
            assert_eq!(plain(&known["body"]), plain(&line["record"]["body"]), "{number}");
            assert_eq!(known["aliases"], line["aliases"], "{number}");
            for name in ["mark", "closure"] {
                let seen = known.pointer(&format!("/meta/{name}")).unwrap_or(&Json::Null);
                assert_eq!(seen, &line["record"]["meta"][name], "{name} of {number}");
            }
        }
        assert_eq!(records, applier.0.len(), "seed {seed}");
    }
}

#[test]
fn t16_reading_on_at_every_cursor_gives_the_same_sequence() {
    let walked = walked(7, 300);
    for full in [false, true] {
        let items = all_items(&walked.ledger, full);
        let request = Request { full, ..Request::default() };
        for (i, (cursor, _)) in items.iter().enumerate() {
            let again: Cursor = cursor.to_string().parse().expect("a cursor reads back");
            let page = feed::read(&walked.ledger, again, 5, &request);
            let expected: Vec<_> = items.iter().skip(i + 1).take(5).cloned().collect();
            assert_eq!(page.items, expected, "after {cursor}");
            assert_eq!(page.more, items.len() > i + 6, "after {cursor}");
        }
    }
}

#[test]
fn t16_a_snapshot_is_the_same_whenever_and_wherever_it_is_written() {
    let walked = walked(8, 300);
    let late = Snapshots::new(walked.folder.path().join("late"), 0, 100);
    for height in &walked.heights {
        // history now holds what changed since
        late.write(&walked.ledger, *height, &|| false).expect("a snapshot");
        let names = ["ubin.json", "ubin.ndjson.zst", "shard-00", "shard-7f", "shard-ff", "recent"];
        for name in names {
            let read = |snapshots: &Snapshots| {
                std::fs::read(snapshots.folder_of(*height).join(name)).expect("a file")
            };
            assert_eq!(read(&late), read(&walked.snapshots), "{name} of {height}");
        }
    }
    // the number to keep is kept
    let few = Snapshots::new(walked.folder.path().join("few"), 0, 2);
    for height in &walked.heights {
        few.write(&walked.ledger, *height, &|| false).expect("a snapshot");
    }
    let newest: Vec<u64> = walked.heights.iter().rev().take(2).copied().collect();
    assert_eq!(few.heights(), newest);
    // one that was interrupted leaves nothing that looks like one
    few.write(&walked.ledger, 1, &|| true).expect_err("stopped");
    assert_eq!(few.heights(), newest);
    let above = walked.ledger.head().height;
    few.write(&walked.ledger, above, &|| false).expect_err("no certified root yet");
}

#[test]
fn t16_a_node_restored_from_a_snapshot_goes_on_like_the_others() {
    let walked = walked(9, 300);
    let height = walked.heights[walked.heights.len() / 2 - 1];
    let target = walked.folder.path().join("restored");
    let source = walked.snapshots.folder_of(height);
    let genesis = &walked.world.genesis;
    assert_eq!(restore(&source, genesis, &target).expect("restored"), height);
    let ledger = Ledger::open(&target, genesis.clone()).expect("the root is right");
    let blocks = OneByOne::over(ledger.clone(), walked.world.nodes.clone());
    for next in height + 1..=walked.ledger.head().height {
        let block = walked.ledger.block(next).expect("kept");
        assert_eq!(ledger.head().block, block.header.parent, "{next}");
        assert!(block.transactions.iter().all(|bytes| {
            !ledger.is_repeated(&titian_contracts::transaction::TransactionId::of(bytes))
        }));
        blocks.commit_at(block.header.time_ms, block.transactions);
        assert_eq!(ledger.header(next), walked.ledger.header(next), "{next}");
    }
    let (own, other) = (ledger.head(), walked.ledger.head());
    assert_eq!(own, other);
    // what was executed before the snapshot may still not be repeated
    let before = (1..=height)
        .rev()
        .find_map(|h| walked.ledger.block(h).and_then(|block| block.transactions.first().cloned()));
    let id = titian_contracts::transaction::TransactionId::of(&before.expect("some act"));
    assert!(ledger.is_repeated(&id));
    // its feed is the same from the snapshot on, and says so before
    let since: Vec<_> = all_items(&walked.ledger, true)
        .into_iter()
        .filter(|(cursor, _)| *cursor > Cursor::end_of(height))
        .collect();
    let request = Request { full: true, ..Request::default() };
    let page = feed::read(&ledger, Cursor::end_of(height), 1_000, &request);
    assert_eq!(page.items, since);
    check_too_old(&ledger, height);
    // a snapshot of the restored node is that of the others, files and all
    let snapshots = Snapshots::new(walked.folder.path().join("own"), 0, 2);
    let last = *walked.heights.last().expect("some");
    snapshots.write(&ledger, last, &|| false).expect("a snapshot");
    for name in ["ubin.json", "ledger.json", "recent"] {
        let read = |folder: &Path| std::fs::read(folder.join(name)).expect("a file");
        let other = read(&walked.snapshots.folder_of(last));
        assert_eq!(read(&snapshots.folder_of(last)), other, "{name}");
    }
}

/// A ledger that begins after `height`: older cursors name what works.
fn check_too_old(ledger: &Ledger, height: u64) {
    let snapshots = [height + 9, height, height - 1];
    for cursor in [Cursor::START, Cursor { height, index: 0 }, Cursor::end_of(height - 1)] {
        let refusal = feed::check(ledger, cursor, &snapshots).expect_err("too old");
        assert_eq!(refusal.data.name, "CURSOR_TOO_OLD", "{cursor}");
        assert_eq!(refusal.data.oldest, Some(height + 1));
        assert_eq!(refusal.data.snapshot, Some(height + 9), "the newest that is usable");
        let named = refusal.data.cursor.expect("a cursor").parse().expect("a cursor");
        assert_eq!(named, Cursor::end_of(height));
        feed::check(ledger, named, &snapshots).expect("what is named works");
        feed::check(ledger, Cursor::end_of(height + 9), &snapshots).expect("what is named works");
        let refusal = feed::check(ledger, cursor, &[height - 1]).expect_err("too old");
        assert_eq!(refusal.data.snapshot, None, "an older snapshot helps nobody");
    }
    feed::check(ledger, Cursor { height: height + 1, index: 0 }, &[]).expect("kept");
    let pruned = ledger.state_at(height - 1).expect_err("not kept");
    assert_eq!(pruned.code, titian_contracts::error::Code::HeightPruned);
}

#[test]
fn t16_a_damaged_or_foreign_snapshot_restores_nothing() {
    let walked = walked(10, 200);
    let height = walked.heights[0];
    let genesis = &walked.world.genesis;
    let copy = walked.folder.path().join("copy");
    let shard = (0..256)
        .map(|shard| format!("shard-{shard:02x}"))
        .find(|name| {
            let path = walked.snapshots.folder_of(height).join(name);
            path.metadata().expect("a file").len() > 0
        })
        .expect("some value");
    for name in ["ledger.json", &shard, "bodies.zst", "recent"] {
        let _ = std::fs::remove_dir_all(&copy);
        std::fs::create_dir(&copy).expect("a folder");
        for entry in std::fs::read_dir(walked.snapshots.folder_of(height)).expect("a folder") {
            let entry = entry.expect("an entry");
            std::fs::copy(entry.path(), copy.join(entry.file_name())).expect("copied");
        }
        let path = copy.join(name);
        let mut bytes = std::fs::read(&path).expect("a file");
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).expect("written");
        let target = walked.folder.path().join("damaged");
        restore(&copy, genesis, &target).expect_err(name);
        assert!(!target.exists(), "{name}");
    }
    let other = World::on(&titian_genesis::devnet::Plan {
        chain: "titian-devnet-2".to_owned(),
        time_ms: START_MS - 1000,
        validators: 4,
        host: "127.0.0.1".to_owned(),
        base_port: 26_600,
    });
    let target = walked.folder.path().join("foreign");
    let source = walked.snapshots.folder_of(height);
    restore(&source, &other.genesis, &target).expect_err("another chain");
    assert!(!target.exists());
    // the ledger is untouched by all of this, and goes on
    walked.blocks.commit_at(START_MS + 10_000_000, Vec::new());
}
