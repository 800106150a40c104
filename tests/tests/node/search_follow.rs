//! The index of names beside a real ledger: it follows every act, survives being killed, damaged or
//! left behind, and changes nothing of the ledger.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::record::ubin_of_key;
use titian_node::ledger::Ledger;
use titian_node::search::Search;
use titian_node::search::build;
use titian_node::search::index::Filter;
use titian_node::search::query::Query;
use titian_tests::companies::companies_of;
use titian_tests::served::OneByOne;
use titian_tests::world::{START_MS, World, company_body};
use tokio::process::Command;

const SEED: u64 = 15;
const BLOCKS: usize = 60;
/// Blocks after which a run waits for the index.
const WAIT_EVERY: usize = 5;
/// Names the folder of a run that will be killed.
const FOLDER: &str = "TITIAN_TEST_SEARCH_FOLDER";

/// A company of the walk as it stands.
struct Standing {
    body: Value,
    open: bool,
}

/// Acts of one state that write, rename, move and close records.
struct Walk {
    world: World,
    dice: StdRng,
    fresh: Vec<Value>,
    standing: Vec<Standing>,
    numbers: u64,
}

const R1: &[(&str, u64)] = &[("MY:SSM", 1)];
const R2: &[(&str, u64)] = &[("MY:SSM", 1), ("MY:SSM", 2)];

fn text(value: &str) -> Value {
    Value::from(value)
}

impl Walk {
    fn new(seed: u64) -> Self {
        let mut world = World::new();
        world.journal = Some(Vec::new());
        let mut fresh: Vec<Value> = companies_of("MY", seed, 400).map(|made| made.body).collect();
        fresh.retain(|body| body.get("endedOn").is_none());
        fresh.reverse();
        let dice = StdRng::seed_from_u64(seed);
        Self { world, dice, fresh, standing: Vec::new(), numbers: 0 }
    }

    /// The transactions of the next block.
    fn block(&mut self) -> Vec<Vec<u8>> {
        for _ in 0..self.dice.gen_range(1..8) {
            match self.dice.gen_range(0..10) {
                0..=3 => self.register(),
                4..=5 => self.rename(),
                6 => self.renumber(),
                7 => self.alias(),
                8 => self.close("annul"),
                _ => self.merge(),
            }
        }
        self.world.journal.replace(Vec::new()).expect("kept")
    }

    fn act(&mut self, act: &str, args: Value, signers: &[(&str, u64)]) {
        let done = self.world.act(Register::Ubin, act, args, signers);
        done.unwrap_or_else(|code| panic!("{act}: {}", code.name()));
    }

    fn register(&mut self) {
        let body = self.fresh.pop().expect("enough companies");
        self.act("register", Value::object([("body", body.clone())]), R1);
        self.standing.push(Standing { body, open: true });
    }

    /// One that is still open, by its place.
    fn any(&mut self) -> Option<usize> {
        let open: Vec<usize> =
            (0..self.standing.len()).filter(|at| self.standing[*at].open).collect();
        (!open.is_empty()).then(|| open[self.dice.gen_range(0..open.len())])
    }

    fn next(&self, at: usize) -> Value {
        let old = &self.standing[at].body;
        let version = old.get("version").and_then(Value::as_int).expect("a version");
        old.with("version", Value::Int(version + 1)).with("prev", body_hash(old).into())
    }

    fn rename(&mut self) {
        let (Some(at), Some(other)) = (self.any(), self.fresh.pop()) else { return };
        let name = other.get("legalName").expect("a name").clone();
        let body = self.next(at).with("legalName", name);
        self.act("update", Value::object([("body", body.clone())]), R1);
        self.standing[at].body = body;
    }

    fn renumber(&mut self) {
        let Some(at) = self.any() else { return };
        self.numbers += 1;
        let local = format!("1999{:08}", self.numbers);
        let model = company_body("MY", "BRN", &local, "X");
        let body = self
            .next(at)
            .with("ubin", model.get("ubin").expect("set").clone())
            .with("displayId", text(&local));
        let old = self.standing[at].body.get("ubin").expect("set").clone();
        self.act("renumber", Value::object([("ubin", old), ("body", body.clone())]), R2);
        self.standing[at].body = body;
    }

    fn alias(&mut self) {
        let Some(at) = self.any() else { return };
        self.numbers += 1;
        let alias = company_body("MY", "ROC", &format!("{}A", self.numbers), "X");
        let args = Value::object([
            ("ubin", self.standing[at].body.get("ubin").expect("set").clone()),
            ("alias", alias.get("ubin").expect("set").clone()),
        ]);
        match self.world.act(Register::Ubin, "alias_add", args, R1) {
            Ok(_) | Err(Code::AliasLimit) => {}
            Err(code) => panic!("alias_add: {}", code.name()),
        }
    }

    fn quote(&self, at: usize) -> Value {
        let body = &self.standing[at].body;
        Value::object([
            ("ubin", body.get("ubin").expect("set").clone()),
            ("version", body.get("version").expect("set").clone()),
            ("metaSeq", Value::Int(0)),
        ])
    }

    fn close(&mut self, act: &str) {
        let Some(at) = self.any() else { return };
        self.act(act, self.quote(at).with("reason", text("ERROR")), R2);
        self.standing[at].open = false;
    }

    fn merge(&mut self) {
        let (Some(survivor), Some(absorbed)) = (self.any(), self.any()) else { return };
        if survivor == absorbed {
            return;
        }
        let args = self
            .quote(survivor)
            .with("reason", text("REQUEST"))
            .with("date", text("2026-07-01"))
            .with("absorbed", Value::List(vec![self.quote(absorbed)]));
        self.act("merge", args, R2);
        self.standing[absorbed].open = false;
    }
}

/// The transactions of each block of the walk.
fn walk() -> (World, Vec<Vec<Vec<u8>>>) {
    let mut walk = Walk::new(SEED);
    let blocks = (0..BLOCKS).map(|_| walk.block()).collect();
    (walk.world, blocks)
}

fn open(folder: &Path, world: &World) -> (Ledger, OneByOne) {
    let ledger = Ledger::open(&folder.join("ledger"), world.genesis.clone()).expect("it opens");
    (ledger.clone(), OneByOne::over(ledger, world.nodes.clone()))
}

/// Commits the block after the head; its time depends on its height alone.
fn commit_next(ledger: &Ledger, blocks: &OneByOne, walk: &[Vec<Vec<u8>>]) -> bool {
    let height = ledger.head().height;
    let Some(block) = usize::try_from(height).ok().and_then(|at| walk.get(at)) else {
        return false;
    };
    blocks.commit_at(START_MS + height * 1_000, block.clone());
    let refused = ledger.store().receipts(height + 1);
    let refused = refused.iter().filter(|receipt| {
        receipt.error.as_ref().is_some_and(|(number, _)| *number != Code::AliasLimit.number())
    });
    assert_eq!(refused.count(), 0);
    true
}

/// Questions that reach every record: names of the walk, parts, beginnings, mistakes.
fn questions() -> Vec<Query> {
    let names = companies_of("MY", SEED, 400)
        .filter_map(|made| made.body.get("legalName")?.get("value")?.as_text().map(str::to_owned));
    let mut questions = Vec::new();
    for name in names.step_by(3) {
        let middle: String = name.chars().skip(3).take(9).collect();
        let start: String = name.chars().take(5).collect();
        for (text, prefix) in [(name, false), (middle, false), (start, true)] {
            let filter = Filter { live: prefix.then_some(true), ..Filter::default() };
            questions.push(Query { text, filter, prefix, score_min: 0 });
        }
    }
    questions
}

/// Asserts that a search answers everything like an index that is made anew.
async fn assert_like_one_made_anew(ledger: &Ledger, search: &Search) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("search");
    let made = build::rebuild(ledger, &path, |_| true).expect("made");
    assert!(made.records() > 0);
    drop(made);
    let (anew, following) = Search::start(ledger.clone(), path);
    let head = ledger.head().height;
    anew.reached(head).await;
    search.reached(head).await;
    let mut found = 0;
    for question in questions() {
        let answer = search.find(&question).expect("an answer");
        found += answer.hits.len();
        assert_eq!(answer, anew.find(&question).expect("an answer"), "{question:?}");
    }
    assert!(found > 1_000, "{found}");
    following.stop().await;
}

/// Grows a ledger to its last block with the index beside it, from wherever it stands.
async fn grow(folder: &Path) {
    let (world, walk) = walk();
    let (ledger, blocks) = open(folder, &world);
    let (search, following) = Search::start(ledger.clone(), folder.join("search"));
    while commit_next(&ledger, &blocks, &walk) {
        if ledger.head().height % WAIT_EVERY as u64 == 0 {
            search.reached(ledger.head().height).await;
        }
    }
    assert_like_one_made_anew(&ledger, &search).await;
    following.stop().await;
}

#[test]
fn t15_an_index_that_grew_block_by_block_answers_like_one_made_at_once() {
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    // the folder of a run that is to be killed, else one of its own
    match std::env::var_os(FOLDER) {
        Some(folder) => runtime.block_on(grow(Path::new(&folder))),
        None => {
            let folder = tempfile::tempdir().expect("a temporary folder");
            runtime.block_on(grow(folder.path()));
        }
    }
}

/// Which records name which, of all numbers that hold something.
fn links(ledger: &Ledger) -> BTreeSet<(String, String)> {
    let numbers = ledger.scan(b"ubin/rec/", None, usize::MAX).into_iter();
    let numbers = numbers.filter_map(|(key, _)| Some(ubin_of_key(&key)?.to_string()));
    let pair = |target: String| {
        let sources = ledger.store().sources(&target, None, usize::MAX).into_iter();
        sources.map(move |source| (target.clone(), source)).collect::<Vec<_>>()
    };
    numbers.flat_map(pair).collect()
}

#[tokio::test]
async fn t15_an_index_that_is_killed_at_any_moment_comes_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut dice = StdRng::seed_from_u64(SEED);
    let own = std::env::current_exe().expect("the test knows its own path");
    let name = "search_follow::t15_an_index_that_grew_block_by_block_answers_like_one_made_at_once";
    let mut kills = 0;
    for _ in 0..6 {
        let mut run = Command::new(&own)
            .args(["--exact", name])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the test runs itself");
        let moment = Duration::from_millis(dice.gen_range(100..2_500));
        match tokio::time::timeout(moment, run.wait()).await {
            Ok(ended) => {
                // it came to its last block between two kills
                assert!(ended.expect("it has ended").success());
                break;
            }
            Err(_) => run.kill().await.expect("it is killed"),
        }
        kills += 1;
    }
    // a run without a kill takes longer than two of the longest moments
    assert!(kills >= 2, "{kills}");
    grow(folder.path()).await;
}

#[tokio::test]
async fn t15_the_state_root_is_equal_with_the_index_off() {
    let (world, walk) = walk();
    let (with, without) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
    let (indexed, blocks) = open(with.path(), &world);
    let (plain, plain_blocks) = open(without.path(), &world);
    let (search, following) = Search::start(indexed.clone(), with.path().join("search"));
    while commit_next(&indexed, &blocks, &walk) {
        search.reached(indexed.head().height.saturating_sub(20)).await;
        assert!(commit_next(&plain, &plain_blocks, &walk));
        let height = plain.head().height;
        assert_eq!(indexed.head(), plain.head());
        assert_eq!(indexed.store().receipts(height), plain.store().receipts(height));
    }
    search.reached(indexed.head().height).await;
    following.stop().await;
    let question = questions().swap_remove(0);
    let refused = Search::off().find(&question).expect_err("no index is kept");
    assert_eq!(refused.code, Code::Unavailable);
}

#[tokio::test]
async fn t15_who_falls_behind_further_than_the_queue_reads_the_database() {
    let (world, walk) = walk();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (ledger, blocks) = open(folder.path(), &world);
    let (search, following) = Search::start(ledger.clone(), folder.path().join("search"));
    search.reached(0).await;
    // one thread: while blocks are committed, nobody listens
    while commit_next(&ledger, &blocks, &walk) {}
    for _ in 0..300 {
        blocks.commit_at(ledger.head().time_ms + 1, Vec::new());
    }
    search.reached(ledger.head().height).await;
    assert_like_one_made_anew(&ledger, &search).await;
    following.stop().await;
}

/// A file of the index that holds data of a segment.
fn a_segment_file(folder: &Path) -> std::path::PathBuf {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the index has a folder")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "fast" || kind == "term"))
        .collect();
    files.sort();
    files.pop().expect("a segment")
}

#[tokio::test]
async fn t15_what_is_missing_damaged_or_foreign_is_made_anew() {
    let (world, walk) = walk();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (ledger, blocks) = open(folder.path(), &world);
    let path = folder.path().join("search");
    while commit_next(&ledger, &blocks, &walk) {}
    let other = tempfile::tempdir().expect("a temporary folder");
    let (young, young_blocks) = open(other.path(), &world);
    for _ in 0..3 {
        assert!(commit_next(&young, &young_blocks, &walk));
    }
    type Spoil<'a> = Box<dyn Fn() + 'a>;
    let spoils: [(&str, Spoil<'_>); 6] = [
        ("missing", Box::new(|| std::fs::remove_dir_all(&path).expect("removed"))),
        (
            "a flipped byte",
            Box::new(|| {
                let file = a_segment_file(&path);
                let mut bytes = std::fs::read(&file).expect("readable");
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                std::fs::write(&file, bytes).expect("writable");
            }),
        ),
        (
            "a file cut off",
            Box::new(|| {
                let file = a_segment_file(&path);
                let bytes = std::fs::read(&file).expect("readable");
                std::fs::write(&file, &bytes[..bytes.len() / 2]).expect("writable");
            }),
        ),
        (
            "no list of files",
            Box::new(|| std::fs::remove_file(path.join("meta.json")).expect("removed")),
        ),
        (
            "a list that does not read",
            Box::new(|| {
                std::fs::write(path.join("meta.json"), "{").expect("writable");
            }),
        ),
        (
            "of another ledger",
            Box::new(|| {
                let label = std::fs::read_to_string(path.join("meta.json")).expect("readable");
                let genesis = world.genesis.hash.to_string();
                assert!(label.contains(&genesis), "the index names its ledger");
                let foreign = format!("b3:{}", "0".repeat(64));
                std::fs::write(path.join("meta.json"), label.replace(&genesis, &foreign))
                    .expect("writable");
            }),
        ),
    ];
    let (search, following) = Search::start(ledger.clone(), path.clone());
    assert_like_one_made_anew(&ledger, &search).await;
    following.stop().await;
    for (what, spoil) in spoils {
        println!("{what}");
        spoil();
        let (search, following) = Search::start(ledger.clone(), path.clone());
        assert_like_one_made_anew(&ledger, &search).await;
        following.stop().await;
    }
    // an index from ahead of the ledger, as after the database was put back
    let (search, following) = Search::start(young.clone(), path.clone());
    search.reached(young.head().height).await;
    let hits = questions().iter().map(|q| search.find(q).expect("an answer").hits.len()).sum();
    let known: usize = hits;
    assert!(known > 0 && known < 50 * questions().len());
    following.stop().await;
}

#[tokio::test]
async fn t15_the_operator_makes_the_index_anew_with_the_node_stopped() {
    let (world, walk) = walk();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).expect("made");
    let (head, before) = {
        let (ledger, blocks) = open(&data, &world);
        while commit_next(&ledger, &blocks, &walk) {}
        ledger.finish();
        (ledger.head().height, links(&ledger))
    };
    std::fs::write(folder.path().join("genesis.json"), world.genesis.to_bytes()).expect("written");
    let config = folder.path().join("titian-node.toml");
    std::fs::write(&config, "").expect("written");
    let config = config.display().to_string();
    let reindex = |register: &str| {
        let line = ["titian-node", "reindex", register, "--config", &config];
        titian_node::command::run_with(line.map(Into::into))
    };
    assert_eq!(reindex("vc"), 2, "there is no such index");
    assert_eq!(reindex("ubin"), 0);
    let meta = std::fs::read_to_string(data.join("search/meta.json")).expect("an index");
    let label = format!("{} {head}", world.genesis.hash);
    assert!(meta.contains(&label), "{meta}");
    assert_eq!(reindex("links"), 0);
    let (ledger, _) = open(&data, &world);
    // a closure that was taken back is not found again
    let anew = links(&ledger);
    assert!(!anew.is_empty() && anew.is_subset(&before), "{anew:?} of {before:?}");
    let (search, following) = Search::start(ledger.clone(), data.join("search"));
    assert_like_one_made_anew(&ledger, &search).await;
    following.stop().await;
}
