//! Moves that are more than one op on one record: issue, consents, staging, bundles, exchange, and
//! the way back from paper.

use std::rc::Rc;

use titian_contracts::digest::{Digest, hash};
use titian_contracts::error::Code;
use titian_contracts::etr::genesis_hash;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::Overlay;
use titian_tests::etr::{DAY_MS, with_ack, with_arg};
use titian_tests::etr_types::{
    DUE_MS, at, committed, content_of, list_at, lot_of, object, op_digest, some_digest, texts,
};

use super::ask::{Ask, Do};
use super::model::{Lot, Model, Money, Person, TRADERS, Title, Waiting, lots_value, name};
use super::rules::{Consent, Outcome, Refused, warnings};
use super::{Book, Walk};

/// A record that is about to be opened.
struct Opening {
    profile: Rc<Value>,
    reference: String,
    to: Person,
    lots: Vec<Lot>,
}

impl Walk {
    fn profile(&self, id: &str) -> Rc<Value> {
        let is = |profile: &&Rc<Value>| at(profile, "id").as_text() == Some(id);
        self.profiles.iter().find(is).cloned().expect("a shipped profile")
    }

    fn issuer(profile: &Value) -> usize {
        if at(profile, "parties/issuer").as_text() == Some("drawer") { 3 } else { 0 }
    }

    fn title_of(opening: &Opening) -> Title {
        match list_at(&opening.profile, "title/initial")[0].as_str() {
            "to_order" => Title::of("to_order", Some(opening.to.clone())),
            "named" => Title::of("named", Some(Person::one(2))),
            "bearer" => Title::of("bearer", None),
            _ => Title::of("none", None),
        }
    }

    /// The op and the model of a record that is opened, before it is known whether it may be.
    fn opening(&self, opening: &Opening) -> (Value, Model) {
        let Opening { profile, reference, to, lots } = opening;
        let (unit, scale, amount) = (lots[0].1, lots[0].2, lots[0].3);
        let (leaves, open) =
            committed(profile, &content_of(profile, reference, (unit, scale, amount)), 1);
        let title = Self::title_of(opening);
        let shown = object(&[("kind", Value::from(title.kind))]);
        let shown = match &title.party {
            Some(party) => shown.with("party", party.value(&self.t)),
            None => shown,
        };
        let mut op = self.t.issue_op(profile, reference);
        let head = genesis_hash(&Overlay::new(&self.t.world.state));
        op = op.with("seq", Value::Int(0)).with("head", Value::from(head));
        let args = [
            ("to", to.value(&self.t)),
            ("title", shown),
            ("lots", lots_value(lots)),
            ("leaves", leaves.clone()),
            ("open", open),
        ];
        for (name, value) in args {
            op = with_arg(&op, name, value);
        }
        let money = at(profile, "money") != &Value::Null;
        if money {
            op = with_arg(&op, "attesters", texts(&[&self.t.my]));
        }
        let issuer = Self::issuer(profile);
        let mut parties = vec![issuer];
        parties.extend(&to.of);
        let ack = warnings(profile, &parties);
        op = with_ack(&op, &ack.iter().map(String::as_str).collect::<Vec<_>>());
        let id = self.t.id_of(profile, reference);
        let dated = at(profile, "fields/bound/due") != &Value::Null;
        let leaf = |leaf: &Value| {
            let text = |name: &str| at(leaf, name).as_text().expect("text").to_owned();
            (text("name"), Digest::parse(&text("hash")).expect("a digest"))
        };
        let model = Model {
            id: id.clone(),
            profile: profile.clone(),
            reference: reference.clone(),
            seq: 1,
            head,
            leaves: leaves.as_list().expect("leaves").iter().map(leaf).collect(),
            version: 1,
            issued: self.t.world.time_ms,
            issue_op: Digest::ZERO,
            issuer,
            controller: to.clone(),
            title,
            lots: lots.clone(),
            face: (unit, scale, amount),
            waiting: None,
            pledges: Vec::new(),
            pledged: 0,
            guarantees: Vec::new(),
            money: money.then(|| Money { due: dated.then_some(DUE_MS), ..Money::default() }),
            frozen: None,
            spent: Vec::new(),
            notice: None,
            generation: 0,
            root: id,
            from: Vec::new(),
            into: Vec::new(),
            chain: Vec::new(),
            end: None,
            parted: false,
        };
        (op, model)
    }

    /// The model once the op that opens it is final.
    fn opened(mut model: Model, op: &Value) -> Model {
        let digest = op_digest(op);
        model.issue_op = digest;
        model.head = hash("titian etr head v1", &[&model.head.0, &digest.0]);
        model
    }

    fn consented(&self, profile: &Value, to: usize, giver: usize) -> bool {
        let (t, id) = (self.t.world.time_ms, at(profile, "id").as_text());
        self.book.consents[to].iter().any(|consent| {
            !consent.revoked
                && t < consent.until
                && Some(consent.profile.as_str()) == id
                && consent.from.is_none_or(|from| from == giver)
        })
    }

    pub fn issue(&mut self) {
        let again = self.dice.one_in(8) && self.numbers > 0;
        if !again {
            self.numbers += 1;
            self.last = usize::try_from(self.dice.roll(self.profiles.len() as u64)).expect("few");
        }
        let profile = self.profiles[self.last].clone();
        let lot = lot_of(&profile);
        let opening = Opening {
            reference: format!("R-{}", self.numbers),
            to: self.person(),
            lots: vec![("1".to_owned(), lot.0, lot.1, lot.2)],
            profile,
        };
        let (mut op, model) = self.opening(&opening);
        let issuer = model.issuer;
        let mut signers: Vec<usize> = opening.to.of.clone();
        signers.push(issuer);
        match self.dice.roll(14) {
            0 => signers = vec![issuer],
            1 => signers.clear(),
            2 => signers.push(self.dice.trader()),
            3 => signers.push(4),
            _ => {}
        }
        signers.sort_unstable();
        signers.dedup();
        let wrong_ack = self.dice.one_in(20);
        if wrong_ack {
            op = with_ack(&op, &["ZZ:unknown"]);
        }
        let consented = |who: &usize| {
            *who == issuer
                || signers.contains(who)
                || self.consented(&opening.profile, *who, issuer)
        };
        let expected = if self.knows(&model.id) {
            Err("RECORD_EXISTS")
        } else if !signers.contains(&issuer) {
            Err("MISSING_SIGNER")
        } else if signers.iter().any(|who| *who != issuer && !opening.to.of.contains(who)) {
            Err("UNEXPECTED_SIGNER")
        } else if !opening.to.of.iter().all(consented) {
            Err("RECEIVER_CONSENT_MISSING")
        } else if wrong_ack {
            Err("LEGAL_ACK_REQUIRED")
        } else {
            let records = vec![Self::opened(model.clone(), &op)];
            Ok(Outcome { records, ..Outcome::default() })
        };
        let names = self.names(&signers);
        let parties: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = self.t.run_signed(&op, &parties).map(|_| ());
        self.trail.push(format!("issue {} by {names:?}", model.id));
        self.settle("issue", &signers, &model.id, found, expected);
    }

    /// A trader gives a standing consent, or takes one back.
    pub fn consent(&mut self) {
        let who = self.dice.trader();
        let count = self.book.consents[who].len();
        let party = name(&self.t, who).to_owned();
        let open = self.book.consents[who].iter().filter(|c| !c.revoked).count();
        if (count > 0 && self.dice.one_in(3)) || open > 50 {
            let no = usize::try_from(self.dice.roll(count as u64)).expect("small");
            let args = object(&[("no", Value::from(no as u64 + 1))]);
            let op = self.t.world.op(Register::Etr, "consent_revoke", args);
            let found = self.t.run_signed(&op, &[&party]).map(|_| ()).map_err(Code::name);
            let consent = &mut Rc::make_mut(&mut self.book.consents[who])[no];
            let expected = if consent.revoked { Err("BAD_TRANSITION") } else { Ok(()) };
            consent.revoked = true;
            assert_eq!(found, expected, "consent_revoke {no} of {party}");
            return;
        }
        let profile = self.dice.pick(&self.profiles).clone();
        let from = self.dice.one_in(2).then(|| self.dice.trader());
        let until = self.t.world.time_ms + (1 + self.dice.roll(30)) * DAY_MS;
        let other = ["VN:unknown", "TH:unknown", "MY:unknown"];
        let ack: Vec<String> = if self.dice.one_in(3) {
            Vec::new()
        } else {
            other.iter().map(|text| (*text).to_owned()).collect()
        };
        let id = at(&profile, "id").as_text().expect("an id").to_owned();
        let givers = match from {
            Some(from) => texts(&[name(&self.t, from)]),
            None => Value::from("any"),
        };
        let args = object(&[
            ("no", Value::from(count as u64 + 1)),
            ("profiles", texts(&[&id])),
            ("from", givers),
            ("untilMs", Value::from(until)),
            ("ack", Value::List(ack.iter().map(|text| Value::from(text.as_str())).collect())),
        ]);
        let op = self.t.world.op(Register::Etr, "consent_set", args);
        let found = self.t.run_signed(&op, &[&party]).map(|_| ()).map_err(Code::name);
        assert_eq!(found, Ok(()), "consent_set of {party}");
        let consent = Consent { profile: id, from, until, ack, revoked: false };
        Rc::make_mut(&mut self.book.consents[who]).push(consent);
    }

    /// Keeps an op on the ledger with one signature and adds the others one by one; it runs with
    /// the last one it needs, as of then.
    pub fn staged(&mut self, id: &str, ask: &Ask) {
        let op = self.op(id, ask);
        let digest = op_digest(&op);
        let names = self.names(&ask.signers);
        self.trail.push(format!("staged {id} {:?} by {names:?}", ask.act));
        for (i, party) in names.iter().enumerate() {
            let so_far = Ask { signers: ask.signers[..=i].to_vec(), ..ask.clone() };
            let t = self.t.world.time_ms;
            let expected = self.staged_so_far(id, &so_far, t, digest);
            let found = if i == 0 {
                let until = Value::from(t + DAY_MS);
                let signed = self.t.signed(&op, &[party]);
                self.t.run_kind("stage", object(&[("op", signed), ("untilMs", until)]))
            } else {
                let (party, key) = party.split_once("#k").unwrap_or((party, "1"));
                let key = key.parse().expect("a key number");
                let sig = self.t.world.signature(&digest, party, key).to_value();
                let args =
                    object(&[("id", Value::from(id)), ("digest", digest.into()), ("sig", sig)]);
                self.t.run_kind("cosign", args)
            };
            let found = found.map(|_| ());
            let Some(expected) = expected else {
                assert_eq!(found.map_err(Code::name), Ok(()), "{:?} so far", so_far.signers);
                self.compare(id);
                continue;
            };
            self.settle(ask.act.name(), &so_far.signers, id, found, expected);
            return;
        }
    }

    /// What becomes of a staged op with the last of these signatures; `None` while it waits for more.
    fn staged_so_far(
        &mut self,
        id: &str,
        ask: &Ask,
        t: u64,
        op: Digest,
    ) -> Option<Result<Outcome, Refused>> {
        let (first, last) = (ask.signers.len() == 1, *ask.signers.last().expect("one signs"));
        match self.book.complete(id, ask) {
            Err(error) => Some(Err(error)),
            // this very op was staged before
            Ok(_) if first && self.stages.knows(&op) => Some(Err("BAD_TRANSITION")),
            Ok(true) => {
                let outcome = self.book.step(id, ask, t, op);
                if outcome.is_ok() {
                    self.stages.note(op);
                }
                Some(outcome)
            }
            Ok(false) if first => {
                let m = &self.book.records[id];
                self.stages.place(m, op, last, t, t + DAY_MS).err().map(Err)
            }
            Ok(false) => {
                self.stages.sign(id, op, last);
                None
            }
        }
    }

    /// Two ops on different records, all or nothing.
    pub fn bundle(&mut self) {
        let (Some(a), Some(b)) = (self.pick_live(), self.pick_live()) else { return };
        if a == b {
            return;
        }
        let mut asks = Vec::new();
        for id in [&a, &b] {
            let mut ask = self.ask(id);
            ask.bundled = false;
            // a merge might reach into the other record, whose seq moves within the bundle
            if matches!(ask.act, Do::Merge { .. }) {
                return;
            }
            asks.push((id.clone(), ask));
        }
        let ops: Vec<(Value, Vec<String>)> =
            asks.iter().map(|(id, ask)| (self.op(id, ask), self.names(&ask.signers))).collect();
        let lists: Vec<Vec<&str>> =
            ops.iter().map(|(_, names)| names.iter().map(String::as_str).collect()).collect();
        let pairs: Vec<(Value, &[&str])> =
            ops.iter().zip(&lists).map(|((op, _), list)| (op.clone(), list.as_slice())).collect();
        let signed = self.t.bundle(&pairs);
        self.trail
            .push(format!("bundle {:?}", asks.iter().map(|(_, a)| &a.act).collect::<Vec<_>>()));
        let t = self.t.world.time_ms;
        let mut book = self.book.clone();
        let mut outcomes = Vec::new();
        let mut error = None;
        for ((id, ask), op) in asks.iter().zip(&signed) {
            match book.step(id, ask, t, op_digest(op)) {
                Ok(outcome) => {
                    merge_into(&mut book, &outcome);
                    outcomes.push((id.clone(), ask.clone(), outcome));
                }
                Err(found) => {
                    error = Some(found);
                    break;
                }
            }
        }
        let payload = Value::object([("ops", Value::List(signed))]);
        let found = self.t.run_kind("bundle", payload).map(|_| ()).map_err(Code::name);
        assert_eq!(found, error.map_or(Ok(()), Err), "a bundle");
        *self.tally.entry(found.err().unwrap_or("applied").to_owned()).or_default() += 1;
        if error.is_none() {
            for (id, ask, outcome) in outcomes {
                self.done.insert((
                    self.book.records[&id].word("id").to_owned(),
                    ask.act.name().to_owned(),
                ));
                self.adopt(outcome);
            }
        }
        // I15: applied wholly or not at all
        self.compare(&a);
        self.compare(&b);
    }

    /// Takes over without comparing: the other op of a bundle comes after.
    fn adopt(&mut self, outcome: Outcome) {
        self.check_history(&outcome);
        merge_into(&mut self.book, &outcome);
    }

    /// The carrier issues what replaces a record surrendered for exchange, in one bundle.
    pub fn exchange(&mut self) {
        let waiting = self.in_order().find(|record| {
            matches!(&record.waiting, Some((Waiting::Surrender { kind: "exchange" }, deadline, _))
                if *deadline >= self.t.world.time_ms)
                && record.frozen.is_none()
                && record.issuer == 0
        });
        let Some(old) = waiting.cloned() else { return };
        let targets = list_at(&old.profile, "surrender/exchange_to");
        let target = self.dice.pick(&targets).clone();
        self.numbers += 1;
        let short = self.dice.one_in(4);
        let mut lots = old.lots.clone();
        if short {
            lots[0].3 += 1;
        }
        let opening = Opening {
            profile: self.profile(&target),
            reference: format!("X-{}", self.numbers),
            to: old.controller.clone(),
            lots,
        };
        let (issue, new) = self.opening(&opening);
        let accept =
            self.t.op(&old.id, "surrender_accept", object(&[("issued", texts(&[&new.id]))]));
        let mut signers = old.controller.of.clone();
        signers.push(0);
        signers.sort_unstable();
        signers.dedup();
        let names = self.names(&signers);
        let parties: Vec<&str> = names.iter().map(String::as_str).collect();
        let sg = self.t.sg.clone();
        let ops: [(Value, &[&str]); 2] = [(issue, &parties), (accept, &[&sg])];
        let signed = self.t.bundle(&ops);
        self.trail.push(format!("exchange {} for {target}", old.id));
        let payload = Value::object([("ops", Value::List(signed.clone()))]);
        let found = self.t.run_kind("bundle", payload).map(|_| ()).map_err(Code::name);
        let expected = if short { Err("QUANTITY_MISMATCH") } else { Ok(()) };
        assert_eq!(found, expected, "exchange of {}", old.id);
        *self.tally.entry(found.err().unwrap_or("applied").to_owned()).or_default() += 1;
        if found.is_ok() {
            let mut new = Self::opened(new, &signed[0]);
            let mut after = old.clone();
            new.from = vec![old.id.clone()];
            after.into.push(new.id.clone());
            after.die("exchanged");
            after.count(op_digest(&signed[1]));
            self.done.insert((old.word("id").to_owned(), "surrender_accept".to_owned()));
            self.take(Outcome { records: vec![new, after], ..Outcome::default() });
        }
        self.compare(&old.id);
    }

    /// I19: once every deadline, freeze and notice is over, anyone brings a record back to active,
    /// and then its controller, with those who must agree, moves it on.
    pub fn way_out(&mut self) {
        self.t.world.time_ms += 100 * DAY_MS;
        let live: Vec<String> = self
            .book
            .records
            .values()
            .filter(|record| record.end.is_none())
            .map(|record| record.id.clone())
            .collect();
        for id in live {
            if self.book.records[&id].frozen.is_some() {
                self.must(&id, Do::Unfreeze);
            }
            if self.book.records[&id].waiting.is_some() {
                self.must(&id, Do::Expire);
            }
            let record = self.book.records[&id].clone();
            assert_eq!(record.status(), "active", "I19: {id} is trapped");
            let holds = |who: &usize| record.controller.same(&Person::one(*who));
            let to = Person::one((0..TRADERS).find(|who| !holds(who)).expect("another trader"));
            let deadline = self.t.world.time_ms + DAY_MS;
            let act = match record.word("transfer/mode") {
                "right_of_control" => Do::Assign { to },
                "named_once" => {
                    let kind = ["delivery", "exchange"]
                        .into_iter()
                        .find(|kind| record.lists("surrender/kinds", kind));
                    Do::Surrender { kind: kind.expect("a way to surrender"), deadline }
                }
                _ => Do::Deliver { to, endorse: None, flag: false, consent: None },
            };
            self.must(&id, act);
        }
    }

    /// An op that all who must have signed, and that is applied.
    fn must(&mut self, id: &str, act: Do) {
        let record = self.book.records[id].clone();
        let lifts = matches!(act, Do::Unfreeze);
        let roles = if lifts { Vec::new() } else { record.roles(&act, &[]).unwrap_or_default() };
        let mut signers: Vec<usize> = roles.into_iter().flat_map(|(person, _)| person.of).collect();
        signers.sort_unstable();
        signers.dedup();
        let ack = match &act {
            Do::Deliver { to, .. } => {
                let parties: Vec<usize> =
                    record.controller.of.iter().chain(&to.of).copied().collect();
                warnings(&record.profile, &parties)
            }
            _ => Vec::new(),
        };
        let ask = Ask {
            act,
            tree: Value::Null,
            signers,
            ack,
            seq: record.seq,
            head: record.head,
            bundled: false,
            rulebook_known: true,
        };
        let applied = self.tally.get("applied").copied();
        self.single(id, &ask);
        assert_ne!(self.tally.get("applied").copied(), applied, "I19: no way out of {id}");
    }

    /// Paper that a record became comes back as its descendant, once.
    pub fn return_from_paper(&mut self) {
        let serials = Rc::clone(&self.book.serials);
        if serials.is_empty() {
            return;
        }
        let nth = usize::try_from(self.dice.roll(serials.len() as u64)).expect("few");
        let ((issuer, serial), (parent, consumed)) = serials.iter().nth(nth).expect("one of them");
        let (issuer, serial, consumed) = (*issuer, serial.clone(), *consumed);
        let parent = self.on_paper(parent).clone();
        let mut lots = parent.lots.clone();
        let more = self.dice.one_in(5);
        if more {
            lots[0].3 += 1;
        }
        let opening = Opening {
            profile: parent.profile.clone(),
            reference: parent.reference.clone(),
            to: Person::one(1),
            lots,
        };
        let (op, mut child) = self.opening(&opening);
        let custodian = self.dice.trader();
        let statement = object(&[
            ("code", Value::from("change_of_medium")),
            ("digest", Value::from(some_digest("statement"))),
        ]);
        let set = if self.dice.one_in(6) { 2 } else { 1 };
        let extra = [
            ("serials", texts(&[&serial])),
            ("originals", Value::Int(set)),
            ("custodian", Value::from(name(&self.t, custodian))),
            ("inoperative", Value::from(some_digest("inoperative"))),
            ("statement", statement),
        ];
        let op = extra
            .into_iter()
            .fold(op, |op, (name, value)| with_arg(&op, name, value))
            .with("act", Value::from("issue_from_paper"));
        let mut signers = vec![issuer, 1, custodian];
        if self.dice.one_in(8) {
            signers.retain(|who| *who != custodian || *who == issuer || *who == 1);
        }
        signers.sort_unstable();
        signers.dedup();
        let missing = !signers.contains(&custodian);
        let expected = if missing {
            Err("MISSING_SIGNER")
        } else if consumed {
            Err("PAPER_SERIAL_USED")
        } else if set != 1 {
            Err("PAPER_SET_INCOMPLETE")
        } else if more {
            Err("QUANTITY_MISMATCH")
        } else {
            child = Self::opened(child, &op);
            let digest = op_digest(&op);
            let id = parent.child(digest, 0, Vec::new()).id;
            let mut after = parent.clone();
            after.into.push(id.clone());
            child.id = id;
            child.generation = parent.generation + 1;
            child.root.clone_from(&parent.root);
            child.from = vec![parent.id.clone()];
            child.guarantees.clone_from(&parent.guarantees);
            child.money.clone_from(&parent.money);
            child.parted = parent.parted;
            Ok(Outcome { records: vec![after, child.clone()], ..Outcome::default() })
        };
        let names = self.names(&signers);
        let parties: Vec<&str> = names.iter().map(String::as_str).collect();
        self.trail.push(format!("from paper {} {serial} by {names:?}", parent.id));
        let found = self.t.run_signed(&op, &parties).map(|_| ());
        let applied = expected.is_ok();
        self.settle("issue_from_paper", &signers, &child.id, found, expected);
        if applied {
            let serials = Rc::make_mut(&mut self.book.serials);
            serials.insert((issuer, serial), (parent.id, true));
        }
        debug_assert!(custodian < TRADERS);
    }
}

fn merge_into(book: &mut Book, outcome: &Outcome) {
    book.paid.extend(outcome.paid.iter().cloned());
    let of = outcome.records.last().map(|record| record.id.clone()).unwrap_or_default();
    for serial in &outcome.serials {
        Rc::make_mut(&mut book.serials).insert(serial.clone(), (of.clone(), false));
    }
    for record in &outcome.records {
        book.put(record.clone());
    }
}
