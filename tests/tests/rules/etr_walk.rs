//! A random walk over the ETR register against a reference model.
//!
//! The model is written from etr.md and etr-profiles.md alone and shares no code with the kernel;
//! it predicts the error name or the full state of the record after each op. On the way it asserts
//! the invariants of etr.md §8 that the built acts can touch: I1 to I8, I10, I11 and I16 to I18.
//!
//! `TITIAN_WALK_STEPS` sets the number of steps, `TITIAN_WALK_SEED` the seed; a failure prints both.

use std::collections::BTreeMap;

use titian_contracts::digest::{Digest, hash};
use titian_contracts::error::Code;
use titian_contracts::etr::{keys, view};
use titian_contracts::json::Value;
use titian_contracts::op::{Register, digest_of};
use titian_contracts::state::{Overlay, Reader as _};
use titian_tests::etr::{BLIND, DAY_MS, Traders, accept_args, with_ack};

const STEPS: u64 = 5_000;
/// Parties of the walk; the last is a registrar, who has no say over records (I16).
const REGISTRAR: usize = 4;

/// SplitMix64: enough for a walk, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.roll(n) == 0
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let at = usize::try_from(self.roll(items.len() as u64)).expect("small");
        &items[at]
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Waiting {
    Offer { to: usize, endorse: Option<&'static str>, flag: bool, after: Option<u64>, firm: bool },
    Surrender { kind: &'static str },
}

#[derive(Clone, Debug, PartialEq)]
struct Model {
    note: bool,
    reference: String,
    seq: u64,
    head: Digest,
    root: Digest,
    issued: u64,
    controller: usize,
    /// Kind, party, capacity, principal.
    title: (&'static str, Option<usize>, &'static str, Option<usize>),
    waiting: Option<(Waiting, u64, Digest)>,
    end: Option<&'static str>,
    /// Endorser and endorsee (none: blank).
    chain: Vec<(usize, Option<usize>)>,
}

/// What a step asks for.
#[derive(Clone, Debug)]
struct Ask {
    act: &'static str,
    signers: Vec<usize>,
    to: usize,
    endorse: Option<&'static str>,
    flag: bool,
    firm: bool,
    after: Option<u64>,
    bad_tree: bool,
    kind: &'static str,
    paper: bool,
    serial: String,
    deadline: u64,
    seq: u64,
    head: Digest,
    bundled: bool,
    rulebook_known: bool,
    ack: Vec<String>,
}

impl Model {
    fn entitled(&self) -> bool {
        self.title.0 == "bearer" || self.title.1 == Some(self.controller)
    }

    fn status(&self) -> &'static str {
        match (&self.end, &self.waiting) {
            (Some(_), _) => "dead",
            (None, None) => "active",
            (None, Some((Waiting::Offer { .. }, _, _))) => "offered",
            (None, Some((Waiting::Surrender { .. }, _, _))) => "surrendered",
        }
    }

    fn principal_signs(&self, ask: &Ask) -> Option<usize> {
        let principal = self.title.3?;
        let back = ask.endorse == Some("special") && ask.to == principal;
        let on = self.title.2 == "collection" && ask.endorse == Some("collection");
        (!back && !on && principal != self.controller).then_some(principal)
    }

    /// The parties that sign; `None` if nobody is in the role.
    fn signers(&self, ask: &Ask) -> Option<Vec<usize>> {
        match ask.act {
            "offer" => {
                Some([self.controller].into_iter().chain(self.principal_signs(ask)).collect())
            }
            "withdraw" | "surrender" => Some(vec![self.controller]),
            "surrender_accept" | "surrender_reject" => Some(vec![0]),
            "expire" => Some(Vec::new()),
            _ => match &self.waiting {
                Some((Waiting::Offer { to, .. }, _, _)) => Some(vec![*to]),
                _ => None,
            },
        }
    }

    fn step(&mut self, ask: &Ask, t: u64, op: Digest) -> Result<(), &'static str> {
        if ask.bundled {
            return Err("BUNDLE_MISMATCH");
        }
        if self.end.is_some() {
            return Err("RECORD_DEAD");
        }
        if ask.seq != self.seq {
            return Err("STALE_SEQ");
        }
        if ask.head != self.head {
            return Err("STALE_HEAD");
        }
        if ask.act == "pay" && !self.note || ask.act == "split" && self.note {
            return Err("ACT_NOT_IN_PROFILE");
        }
        if !ask.rulebook_known {
            return Err("RULEBOOK_UNKNOWN");
        }
        if ["pay", "split", "annotate"].contains(&ask.act) {
            return Err("NOT_BUILT");
        }
        match self.signers(ask) {
            Some(due) if due.iter().any(|who| !ask.signers.contains(who)) => {
                return Err("MISSING_SIGNER");
            }
            Some(due) if ask.signers.iter().any(|who| !due.contains(who)) => {
                return Err("UNEXPECTED_SIGNER");
            }
            None if ask.signers.contains(&REGISTRAR) => return Err("PARTY_NOT_LIVE"),
            _ => {}
        }
        let late = self.waiting.as_ref().is_some_and(|(_, deadline, _)| *deadline < t);
        let due = match ask.act {
            "accept" | "refuse" | "withdraw" => "offered",
            "surrender_accept" | "surrender_reject" => "surrendered",
            _ => "active",
        };
        if ask.act == "expire" {
            return match (&self.waiting, late) {
                (None, _) => Err("WRONG_STATE"),
                (Some(_), false) => Err("NOT_EXPIRED"),
                (Some(_), true) => self.settle(ask, op, |m| m.waiting = None),
            };
        }
        if late && self.status() == due && ask.act != "withdraw" {
            return Err("DEADLINE_PASSED");
        }
        let waiting = if late { None } else { self.waiting.clone() };
        let status = if late { "active" } else { self.status() };
        if status != due {
            return Err("WRONG_STATE");
        }
        match ask.act {
            "offer" => self.offer(ask, t, op),
            "surrender" => self.surrender(ask, t, op),
            "accept" => self.accept(ask, t, op, waiting),
            "withdraw" => match waiting {
                Some((Waiting::Offer { firm: true, .. }, _, _)) => Err("OFFER_IRREVOCABLE"),
                _ => self.settle(ask, op, |m| m.waiting = None),
            },
            "surrender_accept" => self.answer(ask, op, waiting),
            _ => self.settle(ask, op, |m| m.waiting = None),
        }
    }

    /// Acts that ask no law acknowledge nothing; then the op counts.
    fn settle(
        &mut self,
        ask: &Ask,
        op: Digest,
        effect: impl FnOnce(&mut Self),
    ) -> Result<(), &'static str> {
        if !ask.ack.is_empty() {
            return Err("LEGAL_ACK_REQUIRED");
        }
        self.count(op, effect);
        Ok(())
    }

    fn count(&mut self, op: Digest, effect: impl FnOnce(&mut Self)) {
        effect(self);
        self.seq += 1;
        self.head = hash("titian etr head v1", &[&self.head.0, &op.0]);
    }

    fn in_time(deadline: u64, t: u64) -> bool {
        deadline >= t + 60_000 && deadline <= t + 30 * DAY_MS
    }

    fn offer(&mut self, ask: &Ask, t: u64, op: Digest) -> Result<(), &'static str> {
        if ask.endorse.is_some() && !self.entitled() {
            return Err("NOT_ENTITLED");
        }
        if !Self::in_time(ask.deadline, t) {
            return Err("BAD_DEADLINE");
        }
        if ask.bad_tree {
            return Err("CONDITION_INVALID");
        }
        if ask.to == self.controller {
            return Err("SELF_TRANSFER");
        }
        let free = matches!(ask.endorse, Some("special" | "blank" | "restrictive"));
        if ask.flag && !(free && self.note) {
            return Err("ENDORSEMENT_FORBIDDEN");
        }
        if let Some(kind) = ask.endorse {
            let back = kind == "special" && self.title.3 == Some(ask.to);
            let fits = match self.title.2 {
                "owner" => true,
                "collection" => kind == "collection" || back,
                _ => back,
            };
            if !fits {
                return Err("ENDORSEMENT_FORBIDDEN");
            }
            if self.title.0 == "named" {
                return Err("TITLE_FINAL");
            }
        }
        let wait = Waiting::Offer {
            to: ask.to,
            endorse: ask.endorse,
            flag: ask.flag,
            after: ask.after,
            firm: ask.firm,
        };
        let deadline = ask.deadline;
        self.settle(ask, op, |m| m.waiting = Some((wait, deadline, op)))
    }

    fn surrender(&mut self, ask: &Ask, t: u64, op: Digest) -> Result<(), &'static str> {
        if !self.entitled() {
            return Err("NOT_ENTITLED");
        }
        if !Self::in_time(ask.deadline, t) {
            return Err("BAD_DEADLINE");
        }
        let known = ask.kind == "paper" || (!self.note && ask.kind != "claim");
        if !known || self.title.2 == "pledge" {
            return Err("SURRENDER_KIND");
        }
        if ask.kind == "exchange" {
            return Err("NOT_BUILT");
        }
        let (kind, deadline) = (ask.kind, ask.deadline);
        self.settle(ask, op, |m| {
            m.waiting = Some((Waiting::Surrender { kind }, deadline, op));
        })
    }

    fn accept(
        &mut self,
        ask: &Ask,
        t: u64,
        op: Digest,
        waiting: Option<(Waiting, u64, Digest)>,
    ) -> Result<(), &'static str> {
        let Some((Waiting::Offer { to, endorse, after, .. }, _, _)) = waiting else {
            return Err("WRONG_STATE");
        };
        if after.is_some_and(|after| t < after) {
            return Err("CONDITION_UNMET");
        }
        if ask.ack != warnings(&[self.controller, to]) {
            return Err("LEGAL_ACK_REQUIRED");
        }
        self.count(op, |m| {
            let from = m.controller;
            m.title = match endorse {
                None => m.title,
                Some("special") => ("to_order", Some(to), "owner", None),
                Some("restrictive") => ("named", Some(to), "owner", None),
                Some("blank") => ("bearer", None, "owner", None),
                Some("collection") => {
                    ("to_order", Some(to), "collection", Some(m.title.3.unwrap_or(from)))
                }
                Some(_) => ("to_order", Some(to), "pledge", Some(from)),
            };
            if let Some(kind) = endorse {
                m.chain.push((from, (kind != "blank").then_some(to)));
            }
            m.controller = to;
            m.waiting = None;
        });
        Ok(())
    }

    fn answer(
        &mut self,
        ask: &Ask,
        op: Digest,
        waiting: Option<(Waiting, u64, Digest)>,
    ) -> Result<(), &'static str> {
        let Some((Waiting::Surrender { kind }, _, _)) = waiting else {
            return Err("WRONG_STATE");
        };
        let end = match (kind, ask.paper) {
            ("paper", true) => "paper",
            ("paper", false) => return Err("STATEMENT_MISSING"),
            (_, true) => return Err("MALFORMED"),
            _ => "delivered",
        };
        self.settle(ask, op, |m| {
            m.waiting = None;
            m.end = Some(end);
        })
    }

    /// The whole state as the documents write it.
    fn value(&self, t: &Traders, id: &str) -> (Value, Value) {
        let text = |text: &str| Value::from(text);
        let party = |who: usize| text(name(t, who));
        let title = Value::object([
            ("kind", text(self.title.0)),
            ("party", Value::from(self.title.1.map(party))),
            ("capacity", text(self.title.2)),
            ("principal", Value::from(self.title.3.map(party))),
        ]);
        let lot = |unit: &str, scale: i64, amount: &str| {
            Value::object([
                ("lot", text("1")),
                ("unit", text(unit)),
                ("scale", Value::Int(scale)),
                ("amount", text(amount)),
            ])
        };
        let money = Value::object([
            ("dueMs", Value::Int(1_798_675_200_000)),
            ("accepted", Value::Null),
            ("dishonoured", Value::Null),
            ("protested", Value::Null),
            ("stopped", Value::Bool(false)),
        ]);
        let public = Value::object([
            ("id", text(id)),
            ("profile", text(if self.note { "promissory-note@1" } else { "bl-order@1" })),
            ("regime", text("SG-ETA-2A")),
            ("home", text("SG")),
            ("status", text(self.status())),
            ("end", Value::from(self.end)),
            ("generation", Value::Int(0)),
            ("seq", Value::from(self.seq)),
            ("head", Value::from(self.head)),
            ("contentRoot", Value::from(self.root)),
            ("contentVersion", Value::Int(1)),
            ("frozen", Value::Null),
            ("issuedMs", Value::from(self.issued)),
        ]);
        let none = || Value::List(Vec::new());
        let lineage = Value::object([("root", text(id)), ("from", none()), ("into", none())]);
        let lots = if self.note { lot("SGD", 2, "10000") } else { lot("KGM", 0, "12000") };
        let party = Value::object([
            ("issuer", party(0)),
            ("ref", text(&self.reference)),
            ("obligor", party(0)),
            ("controller", Value::object([("party", party(self.controller))])),
            ("title", title),
            ("lots", Value::List(vec![lots])),
            ("pending", self.pending(t)),
            ("pledges", none()),
            ("guarantees", none()),
            ("money", if self.note { money } else { Value::Null }),
            ("notice", Value::Null),
            ("lineage", lineage),
            ("endorsements", Value::from(self.chain.len() as u64)),
            ("blind", text(BLIND)),
        ]);
        (public, party)
    }

    fn pending(&self, t: &Traders) -> Value {
        let Some((waiting, deadline, op)) = &self.waiting else { return Value::Null };
        match waiting {
            Waiting::Offer { to, endorse, flag, after, firm } => Value::object([
                ("act", Value::from("offer")),
                ("to", Value::object([("party", Value::from(name(t, *to)))])),
                ("endorse", Value::from(*endorse)),
                ("withoutRecourse", Value::Bool(*flag)),
                ("conditions", tree(*after)),
                ("irrevocable", Value::Bool(*firm)),
                ("deadlineMs", Value::from(*deadline)),
                ("op", Value::from(*op)),
            ]),
            Waiting::Surrender { kind } => Value::object([
                ("act", Value::from("surrender")),
                ("kind", Value::from(*kind)),
                ("reason", Value::Null),
                ("deadlineMs", Value::from(*deadline)),
                ("op", Value::from(*op)),
            ]),
        }
    }
}

fn tree(after: Option<u64>) -> Value {
    after.map_or(Value::Null, |ms| {
        Value::object([("after", Value::object([("ms", Value::from(ms))]))])
    })
}

fn name(t: &Traders, who: usize) -> &str {
    [t.sg.as_str(), &t.vn, &t.th, &t.my, "SG:ACRA"][who]
}

/// Singapore's statute gives full effect and allows; the others know nothing and warn.
fn warnings(parties: &[usize]) -> Vec<String> {
    let mut list: Vec<String> = parties
        .iter()
        .filter(|who| **who != 0)
        .map(|who| format!("{}:unknown", ["SG", "VN", "TH", "MY"][*who]))
        .collect();
    list.sort();
    list.dedup();
    list
}

/// The content root by the shape of RFC 9162 §2.1.1, from the op's leaves.
fn root_of(op: &Value) -> Digest {
    fn top(leaves: &[Digest]) -> Digest {
        if let [leaf] = leaves {
            return *leaf;
        }
        let mut left = 1;
        while left * 2 < leaves.len() {
            left *= 2;
        }
        hash("titian etr node v1", &[&top(&leaves[..left]).0, &top(&leaves[left..]).0])
    }
    let leaves: Vec<Digest> = op
        .get("args")
        .and_then(|args| args.get("leaves"))
        .and_then(Value::as_list)
        .expect("an issue has leaves")
        .iter()
        .map(|leaf| {
            let text = leaf.get("hash").and_then(Value::as_text).expect("a hash");
            Digest::parse(text).expect("a digest")
        })
        .collect();
    let count = u32::try_from(leaves.len()).expect("few").to_be_bytes();
    hash("titian etr root v1", &[&count, &top(&leaves).0])
}

struct Walk {
    t: Traders,
    dice: Dice,
    models: BTreeMap<String, Model>,
    references: u64,
    tally: BTreeMap<&'static str, u64>,
}

impl Walk {
    fn signers(&mut self, due: &[usize]) -> Vec<usize> {
        let mut signers = due.to_vec();
        match self.dice.roll(12) {
            0 => signers.clear(),
            1 => signers = vec![*self.dice.pick(&[0, 1, 2, 3, REGISTRAR])],
            2 => signers.push(*self.dice.pick(&[0, 1, 2, 3, REGISTRAR])),
            _ => {}
        }
        signers.sort_unstable();
        signers.dedup();
        signers
    }

    fn issue(&mut self) {
        let note = self.dice.one_in(2);
        if !self.dice.one_in(6) || self.references == 0 {
            self.references += 1;
        }
        let reference = format!("R-{}", self.references);
        let to = *self.dice.pick(&[0usize, 1, 2, 3]);
        let receiver = name(&self.t, to).to_owned();
        let op = match note {
            true => self.t.note(&reference, &receiver),
            false => self.t.bill(&reference, &receiver),
        };
        let right = warnings(&[to]);
        let ack = if self.dice.one_in(10) { Vec::new() } else { right.clone() };
        let texts: Vec<&str> = ack.iter().map(String::as_str).collect();
        let op = with_ack(&op, &texts);
        let id = op.get("id").and_then(Value::as_text).expect("an id").to_owned();
        let alone = self.dice.one_in(8);
        let due = if alone { vec![0] } else { vec![0, to] };
        let signers = self.signers(&due);
        let expected = if self.models.contains_key(&id) {
            Err("RECORD_EXISTS")
        } else if !signers.contains(&0) {
            Err("MISSING_SIGNER")
        } else if signers.iter().any(|who| ![0, to].contains(who)) {
            Err("UNEXPECTED_SIGNER")
        } else if !signers.contains(&to) {
            Err("RECEIVER_CONSENT_MISSING")
        } else if ack != right {
            Err("LEGAL_ACK_REQUIRED")
        } else {
            Ok(())
        };
        let digest = digest_of(Register::Etr, &op);
        let head = self.t.world.genesis.hash;
        let model = Model {
            note,
            reference,
            seq: 1,
            head: hash("titian etr head v1", &[&head.0, &digest.0]),
            root: root_of(&op),
            issued: self.t.world.time_ms,
            controller: to,
            title: ("to_order", Some(to), "owner", None),
            waiting: None,
            end: None,
            chain: Vec::new(),
        };
        self.compare("issue", &id, &op, &signers, expected, Some(model));
    }

    fn act(&mut self, id: &str) {
        let model = self.models[id].clone();
        let t = self.t.world.time_ms;
        let acts: &[&'static str] = match model.status() {
            "offered" => {
                &["accept", "accept", "refuse", "withdraw", "expire", "offer", "surrender"]
            }
            "surrendered" => &["surrender_accept", "surrender_reject", "expire", "offer", "accept"],
            // mostly what can succeed, now and then what cannot
            _ if !self.dice.one_in(4) => &["offer", "offer", "offer", "surrender"],
            _ => &["accept", "expire", "pay", "split", "annotate", "withdraw", "surrender_reject"],
        };
        let kinds = [
            None,
            Some("special"),
            Some("special"),
            Some("blank"),
            Some("restrictive"),
            Some("collection"),
            Some("pledge"),
        ];
        let good = *self.dice.pick(&[60_000, DAY_MS, 30 * DAY_MS]);
        let bad = *self.dice.pick(&[59_999, 30 * DAY_MS + 1]);
        let deadline = t + if self.dice.one_in(12) { bad } else { good };
        let mut ask = Ask {
            act: *self.dice.pick::<&'static str>(acts),
            signers: Vec::new(),
            to: *self.dice.pick(&[0, 1, 2, 3]),
            endorse: if model.entitled() || self.dice.one_in(3) {
                *self.dice.pick(&kinds)
            } else {
                None
            },
            flag: self.dice.one_in(6),
            firm: self.dice.one_in(4),
            after: self.dice.one_in(4).then(|| t + 15_000),
            bad_tree: self.dice.one_in(25),
            kind: *self.dice.pick::<&'static str>(&["delivery", "paper", "claim", "exchange"]),
            paper: self.dice.one_in(2),
            serial: format!("S-{}-{}", model.reference, if model.note { "N" } else { "B" }),
            deadline,
            seq: model.seq,
            head: model.head,
            bundled: self.dice.one_in(40),
            rulebook_known: !self.dice.one_in(40),
            ack: Vec::new(),
        };
        match self.dice.roll(40) {
            0 => ask.seq = ask.seq.wrapping_sub(1),
            1 => ask.head = Digest::ZERO,
            _ => {}
        }
        if let (Some((Waiting::Offer { to, .. }, _, _)), "accept") = (&model.waiting, ask.act) {
            ask.ack = warnings(&[model.controller, *to]);
        }
        if self.dice.one_in(20) {
            ask.ack = vec!["ZZ:unknown".to_owned()];
        }
        let due = model.signers(&ask).unwrap_or_default();
        ask.signers = self.signers(&due);
        let op = self.op(id, &ask);
        let mut after = model;
        let expected = after.step(&ask, t, digest_of(Register::Etr, &op));
        self.compare(ask.act, id, &op, &ask.signers, expected, Some(after));
    }

    fn op(&self, id: &str, ask: &Ask) -> Value {
        let args = match ask.act {
            "offer" => {
                let offer = Value::object([
                    ("to", Value::from(name(&self.t, ask.to))),
                    ("endorse", Value::from(ask.endorse)),
                    ("conditions", tree(ask.after)),
                    ("irrevocable", Value::Bool(ask.firm)),
                    ("deadlineMs", Value::from(ask.deadline)),
                ]);
                let bad = Value::object([("all", Value::List(Vec::new()))]);
                let offer = if ask.bad_tree { offer.with("conditions", bad) } else { offer };
                if ask.flag { offer.with("withoutRecourse", Value::Bool(true)) } else { offer }
            }
            "accept" => accept_args(),
            "refuse" => Value::object([("reason", Value::Null)]),
            "surrender_reject" => Value::object([("reason", Value::from("unpaid"))]),
            "surrender" => Value::object([
                ("kind", Value::from(ask.kind)),
                ("reason", Value::Null),
                ("deadlineMs", Value::from(ask.deadline)),
            ]),
            "surrender_accept" if ask.paper => {
                let digest = Value::from(Digest::ZERO);
                let statement =
                    Value::object([("code", Value::from("medium")), ("digest", digest.clone())]);
                Value::object([
                    ("serials", Value::List(vec![Value::from(ask.serial.as_str())])),
                    ("print", digest),
                    ("statement", statement),
                ])
            }
            "surrender_accept" => Value::object([("digest", Value::Null)]),
            _ => Value::object::<&str, _>([]),
        };
        let texts: Vec<&str> = ask.ack.iter().map(String::as_str).collect();
        let mut op = with_ack(&self.t.op(id, ask.act, args), &texts)
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

    /// Runs the op, compares error name or full state, asserts the invariants.
    fn compare(
        &mut self,
        act: &str,
        id: &str,
        op: &Value,
        signers: &[usize],
        expected: Result<(), &'static str>,
        after: Option<Model>,
    ) {
        let names: Vec<(String, u64)> =
            signers.iter().map(|who| (name(&self.t, *who).to_owned(), 1)).collect();
        let pairs: Vec<(&str, u64)> = names.iter().map(|(n, k)| (n.as_str(), *k)).collect();
        let op = self.t.world.sign(op, &pairs);
        let keys_before = self.t.world.state.0.len();
        let receipt = self.t.world.run(&op);
        let found = match &receipt.error {
            None => Ok(()),
            Some((number, _)) => Err(Code::by_number(*number).expect("a known code").name()),
        };
        assert_eq!(found, expected, "{act} on {id} signed by {names:?}: {op:?}");
        *self.tally.entry(found.err().unwrap_or("applied")).or_default() += 1;
        let before = self.models.get(id).cloned();
        match found {
            Ok(()) => {
                let after = after.expect("an applied op has an outcome");
                self.invariants(act, signers, before.as_ref(), &after);
                self.models.insert(id.to_owned(), after);
            }
            Err(_) => assert_eq!(self.t.world.state.0.len(), keys_before, "a refusal wrote"),
        }
        let stored = self.t.world.state.get(&keys::record(id)).map(|stored| stored.content);
        let state = stored
            .as_deref()
            .and_then(|content| view::public_part(content).zip(view::party_part(content)));
        let model = self.models.get(id).map(|model| model.value(&self.t, id));
        assert_eq!(state, model, "{act} on {id}: state differs from the model");
    }

    fn invariants(&self, act: &str, signers: &[usize], before: Option<&Model>, after: &Model) {
        assert!(!signers.contains(&REGISTRAR), "I16, I18: only businesses act");
        let Some(before) = before else {
            assert!(signers.contains(&after.controller), "I4: the first controller signed");
            return;
        };
        assert_ne!(act, "issue", "I1: a number is used once");
        assert_eq!(before.end, None, "I2, I8: the dead take no act");
        assert_eq!(after.seq, before.seq + 1, "I7");
        assert_eq!(after.root, before.root, "I6: the content stays");
        if after.controller != before.controller {
            assert_eq!(act, "accept", "I3: control moves by accepted offer only");
            assert!(signers.contains(&after.controller), "I4: the receiver signed");
        }
        let linked =
            after.chain.windows(2).all(|pair| pair[0].1.is_none() || pair[0].1 == Some(pair[1].0));
        assert!(linked, "I10: the endorsement chain has a gap");
    }

    fn step(&mut self) {
        let ids: Vec<String> = self.models.keys().cloned().collect();
        let live: Vec<String> =
            ids.iter().filter(|id| self.models[*id].end.is_none()).cloned().collect();
        if live.is_empty() || (live.len() < 30 && self.dice.one_in(6)) {
            return self.issue();
        }
        let dead = self.dice.one_in(30) && live.len() < ids.len();
        let id = self.dice.pick(if dead { &ids } else { &live }).clone();
        if self.dice.one_in(30)
            && let Some((_, deadline, _)) = self.models[&id].waiting
        {
            // around a deadline, but time never goes back (I17)
            let around = deadline.saturating_add(self.dice.roll(3)).saturating_sub(1);
            self.t.world.time_ms = self.t.world.time_ms.max(around);
        }
        self.act(&id);
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn a_random_walk_agrees_with_the_model_at_every_step() {
    let (seed, steps) = (number("TITIAN_WALK_SEED", 1), number("TITIAN_WALK_STEPS", STEPS));
    let mut walk = Walk {
        t: Traders::new(),
        dice: Dice(seed),
        models: BTreeMap::new(),
        references: 0,
        tally: BTreeMap::new(),
    };
    for step in 0..steps {
        let run = std::panic::AssertUnwindSafe(|| walk.step());
        if let Err(panic) = std::panic::catch_unwind(run) {
            eprintln!(
                "step {step}; replay: TITIAN_WALK_SEED={seed} TITIAN_WALK_STEPS={} \
                 cargo test --release -p titian-tests --test rules etr_walk",
                step + 1
            );
            std::panic::resume_unwind(panic);
        }
    }
    // the chains on the ledger are those of the model
    let state = Overlay::new(&walk.t.world.state);
    for (id, model) in &walk.models {
        let chain: Vec<(usize, Option<usize>)> = view::endorsements(&state, id)
            .iter()
            .map(|entry| {
                let who =
                    |text: &str| (0..REGISTRAR).find(|who| text.contains(name(&walk.t, *who)));
                (who(&entry.endorser).expect("a party"), who(&entry.endorsee))
            })
            .collect();
        assert_eq!(chain, model.chain, "the chain of {id}");
    }
    println!("{:?}", walk.tally);
    if steps >= STEPS {
        let seen = [
            "applied",
            "RECORD_EXISTS",
            "RECORD_DEAD",
            "STALE_SEQ",
            "STALE_HEAD",
            "BUNDLE_MISMATCH",
            "ACT_NOT_IN_PROFILE",
            "RULEBOOK_UNKNOWN",
            "NOT_BUILT",
            "MISSING_SIGNER",
            "UNEXPECTED_SIGNER",
            "DEADLINE_PASSED",
            "WRONG_STATE",
            "NOT_EXPIRED",
            "NOT_ENTITLED",
            "BAD_DEADLINE",
            "CONDITION_INVALID",
            "CONDITION_UNMET",
            "SELF_TRANSFER",
            "ENDORSEMENT_FORBIDDEN",
            "TITLE_FINAL",
            "OFFER_IRREVOCABLE",
            "SURRENDER_KIND",
            "STATEMENT_MISSING",
            "LEGAL_ACK_REQUIRED",
            "RECEIVER_CONSENT_MISSING",
        ];
        for name in seen {
            assert!(walk.tally.contains_key(name), "the walk never met {name}");
        }
    }
}
