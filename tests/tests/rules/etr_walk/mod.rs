//! A random walk over the ETR register against a reference model.
//!
//! The model (`model`, `ask`, `rules`, `stages`, `effects`, `money`) is written from etr.md and
//! etr-profiles.md alone and shares no code with the kernel; it predicts the error name or the full
//! state of every record that an op touches. After each step the invariants of etr.md §8 are asserted
//! (`invariants`). `moves` and `scenes` choose what to try: single ops, staged ops, bundles,
//! consents, changes of medium.
//!
//! `TITIAN_WALK_STEPS` sets the number of steps, `TITIAN_WALK_SEED` the seed; a failure prints both.

mod ask;
mod dice;
mod effects;
mod invariants;
mod model;
mod money;
mod moves;
mod rules;
mod scenes;
mod stages;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use titian_contracts::digest::{Digest, hash};
use titian_contracts::error::Code;
use titian_contracts::etr::person::Person as Holder;
use titian_contracts::etr::{keys, view};
use titian_contracts::json::{self, Value};
use titian_contracts::state::{Overlay, Reader as _};
use titian_tests::etr::{DAY_MS, Traders, with_ack};
use titian_tests::etr_types::op_digest;

use ask::{Ask, Do};
use dice::Dice;
use model::{Model, TRADERS, name, signer};
use rules::{Book, Outcome, Refused};
use stages::Stages;

const STEPS: u64 = 20_000;
/// Records that live at a time: few enough that each goes far.
const LIVE: usize = 60;

/// Errors and acts that a walk of full length meets.
const MET: &[&str] = &[
    "applied",
    "RECORD_EXISTS",
    "RECORD_DEAD",
    "STALE_SEQ",
    "STALE_HEAD",
    "BUNDLE_MISMATCH",
    "ACT_NOT_IN_PROFILE",
    "RULEBOOK_UNKNOWN",
    "MISSING_SIGNER",
    "UNEXPECTED_SIGNER",
    "FROZEN",
    "DEADLINE_PASSED",
    "WRONG_STATE",
    "NOT_EXPIRED",
    "NOT_ENTITLED",
    "BAD_DEADLINE",
    "CONDITION_INVALID",
    "CONDITION_UNMET",
    "EVIDENCE_INVALID",
    "EVIDENCE_REUSED",
    "TRANSFER_FORBIDDEN",
    "SELF_TRANSFER",
    "ENDORSEMENT_FORBIDDEN",
    "TITLE_FINAL",
    "OFFER_IRREVOCABLE",
    "NO_SUCCESSION",
    "NOTE_FORBIDDEN",
    "CONTENT_MISMATCH",
    "FIELD_MISSING",
    "BOUND_FIELD_MISMATCH",
    "QUANTITY_MISMATCH",
    "MERGE_MISMATCH",
    "PLEDGE_EXCEEDS",
    "PLEDGE_UNKNOWN",
    "ENFORCE_UNMET",
    "SURRENDER_KIND",
    "STATEMENT_MISSING",
    "PAPER_SERIAL_USED",
    "EXCHANGE_INCOMPLETE",
    "ALREADY_ACCEPTED",
    "TOO_EARLY",
    "AMOUNT_EXCEEDS",
    "NOT_DISHONOURED",
    "NO_RECOURSE",
    "NOT_LAPSED",
    "COURT_DISABLED",
    "COURT_QUORUM",
    "NOTICE_RUNNING",
    "FREEZE_TOO_LONG",
    "NOT_FROZEN",
    "LEGAL_ACK_REQUIRED",
    "RECEIVER_CONSENT_MISSING",
];

struct Walk {
    t: Traders,
    dice: Dice,
    book: Book,
    stages: Stages,
    /// What died before the last round: the digest of its state, which stays so (I8).
    buried: BTreeMap<String, Digest>,
    /// Of these, what paper stands for.
    on_paper: BTreeMap<String, Model>,
    /// Series, issuer and number of every root record (I1).
    roots: BTreeSet<(String, usize, String)>,
    numbers: u64,
    /// The profile of the last number.
    last: usize,
    profiles: Vec<Rc<Value>>,
    tally: BTreeMap<String, u64>,
    /// Profile and act that were applied.
    done: BTreeSet<(String, String)>,
    trail: Vec<String>,
}

impl Walk {
    fn new(seed: u64) -> Self {
        let mut t = Traders::new();
        t.world.ops = Some(BTreeMap::new());
        t.court(&[
            "freeze",
            "unfreeze",
            "court_notice",
            "court_transfer",
            "court_amend",
            "court_annul",
        ]);
        let book = Book { consents: vec![Rc::default(); TRADERS], ..Book::default() };
        Self {
            t,
            dice: Dice(seed),
            book,
            stages: Stages::default(),
            buried: BTreeMap::new(),
            on_paper: BTreeMap::new(),
            roots: BTreeSet::new(),
            numbers: 0,
            last: 0,
            profiles: titian_genesis::profiles::etr_profiles().into_iter().map(Rc::new).collect(),
            tally: BTreeMap::new(),
            done: BTreeSet::new(),
            trail: Vec::new(),
        }
    }

    fn op(&self, id: &str, ask: &Ask) -> Value {
        let args = ask.act.args(&self.t, &self.book.records[id]);
        let texts: Vec<&str> = ask.ack.iter().map(String::as_str).collect();
        let mut op = with_ack(&self.t.op(id, ask.act.name(), args), &texts)
            .with("seq", Value::from(ask.seq))
            .with("head", Value::from(ask.head));
        if ask.bundled {
            op = op.with("bundle", Value::from(Digest::ZERO));
        }
        if !ask.rulebook_known {
            op = op.with("rulebook", Value::from(Digest::ZERO));
        }
        op
    }

    fn names(&self, signers: &[usize]) -> Vec<String> {
        signers.iter().map(|who| signer(&self.t, *who)).collect()
    }

    /// Runs one op alone and compares what became of it.
    fn single(&mut self, id: &str, ask: &Ask) {
        let op = self.op(id, ask);
        let expected = self.book.step(id, ask, self.t.world.time_ms, op_digest(&op));
        let names = self.names(&ask.signers);
        let parties: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = self.t.run_signed(&op, &parties).map(|_| ());
        self.trail.push(format!("{} {:?} by {names:?}", id, ask.act));
        self.settle(ask.act.name(), &ask.signers, id, found, expected);
    }

    /// Compares an outcome with the model's, takes it over, asserts the invariants.
    fn settle(
        &mut self,
        act: &str,
        signers: &[usize],
        id: &str,
        found: Result<(), Code>,
        expected: Result<Outcome, Refused>,
    ) {
        let found = found.map_err(Code::name);
        let wanted = expected.as_ref().map(|_| ()).map_err(|error| *error);
        assert_eq!(found, wanted, "{act} on {id} signed by {signers:?}");
        *self.tally.entry(found.err().unwrap_or("applied").to_owned()).or_default() += 1;
        match expected {
            Ok(outcome) => {
                let before: Vec<Option<Model>> =
                    outcome.records.iter().map(|record| self.was(&record.id).cloned()).collect();
                let after = outcome.records.clone();
                invariants::opened(|id| self.knows(id), &after, act, signers);
                self.take(outcome);
                if let Some(model) = self.book.records.get(id) {
                    let profile = model.word("id").to_owned();
                    self.done.insert((profile, act.to_owned()));
                }
                let changed: Vec<(&Model, Option<&Model>)> =
                    after.iter().zip(before.iter().map(Option::as_ref)).collect();
                invariants::check(&changed, act, signers, id);
            }
            Err(_) => self.compare(id),
        }
    }

    fn take(&mut self, outcome: Outcome) {
        self.check_history(&outcome);
        self.book.paid.extend(outcome.paid);
        let ids: Vec<String> = outcome.records.iter().map(|record| record.id.clone()).collect();
        for serial in outcome.serials {
            let of = ids.last().expect("a serial is of a record").clone();
            Rc::make_mut(&mut self.book.serials).insert(serial, (of, false));
        }
        for record in outcome.records {
            if !self.knows(&record.id) && record.root == record.id {
                let series = record.word("series").to_owned();
                let number = (series, record.issuer, record.reference.clone());
                assert!(self.roots.insert(number), "I1: a number is used once");
            }
            self.book.put(record);
        }
        for id in ids {
            self.compare(&id);
        }
    }

    /// The op is kept as the last one of every record that it moved or made.
    fn check_history(&self, outcome: &Outcome) {
        let kept = self.t.world.ops.as_ref().expect("they are kept");
        for record in &outcome.records {
            // a parent that came back from paper did not move
            let moved = self.was(&record.id).is_none_or(|was| was.seq != record.seq);
            let place = (record.id.clone(), record.seq);
            assert!(!moved || kept.contains_key(&place), "{place:?} has no history");
        }
    }

    fn knows(&self, id: &str) -> bool {
        self.book.records.contains_key(id) || self.buried.contains_key(id)
    }

    /// A record as the model has it.
    fn was(&self, id: &str) -> Option<&Model> {
        self.book.records.get(id).or_else(|| self.on_paper.get(id))
    }

    /// A record that became paper.
    fn on_paper(&self, id: &str) -> &Model {
        self.was(id).expect("what paper stands for is kept")
    }

    fn stored(&self, id: &str) -> Option<Vec<u8>> {
        self.t.world.state.get(&keys::record(id)).map(|stored| stored.content)
    }

    /// Compares every record of the book, for what no op touched has not moved, and buries the dead:
    /// of them the digest stays, so that a walk takes as long at its end as at its beginning.
    fn round(&mut self) {
        for id in self.book.records.keys() {
            self.compare(id);
        }
        invariants::serials(&self.book, |id| self.on_paper(id));
        let paper: BTreeSet<String> =
            self.book.serials.values().map(|(of, _)| of.clone()).collect();
        let all = std::mem::take(&mut self.book.records);
        let (dead, live): (BTreeMap<_, _>, _) = all.into_iter().partition(|(_, m)| m.end.is_some());
        self.book.records = live;
        let Book { order, records, .. } = &mut self.book;
        order.retain(|id| records.contains_key(id));
        for (id, model) in dead {
            let content = self.stored(&id).expect("compared above");
            self.buried.insert(id.clone(), hash("titian test v1", &[&content]));
            if paper.contains(&id) {
                self.on_paper.insert(id, model);
            }
        }
    }

    /// I8: the dead are as they were when they were buried, but for those that came back from paper.
    fn rest_in_peace(&self) {
        for (id, digest) in
            self.buried.iter().filter(|(id, _)| !self.book.records.contains_key(*id))
        {
            let content = self.stored(id).expect("a key is never deleted");
            assert_eq!(hash("titian test v1", &[&content]), *digest, "I8: {id} moved");
        }
    }

    /// The record on the ledger is that of the model, both parts and its chain.
    fn compare(&self, id: &str) {
        let stored = self.stored(id);
        let state = stored
            .as_deref()
            .and_then(|content| view::public_part(content).zip(view::party_part(content)));
        let model = self.was(id);
        if let (None, Some(digest)) = (model, self.buried.get(id)) {
            let content = stored.expect("a key is never deleted");
            assert_eq!(hash("titian test v1", &[&content]), *digest, "I8: {id} moved");
            return;
        }
        assert_eq!(state, model.map(|model| model.value(&self.t)), "{id}: state and model differ");
        if let Some(model) = model {
            self.compare_chain(model);
        }
    }

    fn compare_chain(&self, model: &Model) {
        let state = Overlay::new(&self.t.world.state);
        let person = |text: &str| -> Option<Vec<usize>> {
            let value = json::parse(text.as_bytes()).ok()?;
            let holder = Holder::from_value(&value, "").ok()?;
            let who = |ubin: &String| (0..TRADERS).find(|who| name(&self.t, *who) == *ubin);
            holder.members().iter().map(who).collect()
        };
        let found: Vec<_> = view::endorsements(&state, &model.id, 0, 1_024)
            .iter()
            .map(|e| {
                let flags = (e.without_recourse, e.released, e.struck);
                (e.kind.clone(), person(&e.endorser), person(&e.endorsee), flags)
            })
            .collect();
        let wanted: Vec<_> = model
            .chain
            .iter()
            .map(|link| {
                let flags = (link.flag, link.released, link.struck);
                let to = link.to.as_ref().map(|to| to.of.clone());
                (link.kind.to_owned(), Some(link.from.of.clone()), to, flags)
            })
            .collect();
        assert_eq!(found, wanted, "the chain of {}", model.id);
    }

    /// Some record that lives: the next one from a place drawn at random. Looking at all of them would
    /// make long walks slow, for more live the longer a walk goes.
    fn pick_live(&mut self) -> Option<String> {
        let order = &self.book.order;
        let begin = self.dice.roll(order.len().max(1) as u64);
        let begin = usize::try_from(begin).expect("few");
        let lives =
            |id: &&String| self.book.records.get(*id).is_some_and(|record| record.end.is_none());
        order.iter().cycle().skip(begin).take(order.len()).find(lives).cloned()
    }

    /// The records of the book as they came.
    fn in_order(&self) -> impl Iterator<Item = &Model> {
        self.book.order.iter().filter_map(|id| self.book.records.get(id))
    }

    fn step(&mut self) {
        self.t.world.ops = Some(BTreeMap::new());
        let lives = |record: &&Model| record.end.is_none();
        let live = self.book.records.values().filter(lives).take(LIVE).count();
        if live == 0 || (live < LIVE && self.dice.one_in(5)) {
            return self.issue();
        }
        match self.dice.roll(40) {
            0 => return self.consent(),
            1 => return self.return_from_paper(),
            2 => return self.exchange(),
            3 => return self.bundle(),
            _ => {}
        }
        let id = if self.dice.one_in(60) {
            let nth = self.dice.roll(self.book.records.len() as u64);
            self.book.order.get(usize::try_from(nth).expect("few")).cloned()
        } else {
            self.pick_live()
        };
        let id = id.expect("there are records");
        self.pass_time(&id);
        let ask = self.ask(&id);
        let wordless = !matches!(&ask.act,
            Do::Accept { words } | Do::Pay { words, .. } if !words.is_empty());
        let several = ask.signers.len() > 1 && !ask.act.is_court() && !ask.bundled;
        if self.dice.one_in(8) && several && wordless {
            self.staged(&id, &ask);
        } else {
            self.single(&id, &ask);
        }
    }

    /// Now and then time passes: to a deadline give or take a millisecond, past a notice, to the
    /// due date. It never goes back (I17).
    fn pass_time(&mut self, id: &str) {
        let record = &self.book.records[id];
        let waiting = record.waiting.as_ref().map(|(_, deadline, _)| *deadline);
        let notice = record.notice.map(|(_, ms)| ms + 3 * DAY_MS);
        let frozen = record.frozen.as_ref().map(|(until, ..)| *until);
        let due = record.money.as_ref().and_then(|money| money.due);
        let target = match self.dice.roll(60) {
            0 | 1 => waiting,
            13 if self.dice.one_in(20) => due,
            2 => frozen,
            3..=12 => notice,
            _ => None,
        };
        if let Some(target) = target {
            let around = target.saturating_add(self.dice.roll(3)).saturating_sub(1);
            self.t.world.time_ms = self.t.world.time_ms.max(around);
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn a_random_walk_agrees_with_the_model_at_every_step() {
    let (seed, steps) = (number("TITIAN_WALK_SEED", 12), number("TITIAN_WALK_STEPS", STEPS));
    let mut walk = Walk::new(seed);
    for step in 0..steps {
        walk.trail.clear();
        let run = std::panic::AssertUnwindSafe(|| walk.step());
        if let Err(panic) = std::panic::catch_unwind(run) {
            eprintln!(
                "step {step}: {:?}\nreplay: TITIAN_WALK_SEED={seed} TITIAN_WALK_STEPS={} \
                 cargo test --release -p titian-tests --test rules etr_walk",
                walk.trail,
                step + 1
            );
            std::panic::resume_unwind(panic);
        }
        if step % 1_000 == 999 {
            walk.round();
        }
    }
    walk.rest_in_peace();
    walk.way_out();
    println!("{:?}", walk.tally);
    println!("{} pairs of profile and act", walk.done.len());
    if steps >= STEPS {
        let missed: Vec<&&str> =
            MET.iter().filter(|name| !walk.tally.contains_key(**name)).collect();
        assert!(missed.is_empty(), "the walk never met {missed:?}");
        let acts: BTreeSet<&str> = walk.done.iter().map(|(_, act)| act.as_str()).collect();
        // no ten years pass, and one act more may be missed; each has its own tests
        assert!(acts.len() >= 39, "acts applied: {acts:?}");
    }
}

/// I20: equal steps lead to equal states, whatever the memory of a run looks like.
#[test]
fn etr_two_walks_of_one_seed_end_in_the_same_state() {
    let end = || {
        let mut walk = Walk::new(12);
        (0..1_500).for_each(|_| walk.step());
        walk.t.world.state.0
    };
    assert!(end() == end(), "I20: two runs of the same ops differ");
}
