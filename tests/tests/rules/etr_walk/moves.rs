//! What a step of the walk asks for: mostly what can succeed, now and then what cannot.

use titian_contracts::digest::Digest;
use titian_contracts::etr::content::field_leaf;
use titian_contracts::json::Value;
use titian_tests::etr::DAY_MS;
use titian_tests::etr_types::{at, committed, content_of, list_at, salt_of};

use super::Walk;
use super::ask::{Ask, Do, Tree, Word};
use super::model::{KEYS, Lot, Model, Person, TRADERS, Waiting};
use super::rules::warnings;

impl Walk {
    /// One trader or, now and then, two who hold jointly.
    pub fn person(&mut self) -> Person {
        let who = self.dice.trader();
        let other = self.dice.trader();
        if other != who && self.dice.one_in(5) {
            let k = if self.dice.one_in(2) { 1 } else { 2 };
            Person { k, of: vec![who, other] }
        } else {
            Person::one(who)
        }
    }

    fn deadline(&mut self) -> u64 {
        let t = self.t.world.time_ms;
        let good = *self.dice.pick(&[60_000, DAY_MS, 30 * DAY_MS]);
        let bad = *self.dice.pick(&[59_999, 30 * DAY_MS + 1]);
        t + if self.dice.one_in(14) { bad } else { good }
    }

    fn endorsement(&mut self, m: &Model) -> Option<&'static str> {
        let kinds = [
            None,
            Some("special"),
            Some("special"),
            Some("special"),
            Some("blank"),
            Some("restrictive"),
            Some("collection"),
            Some("pledge"),
        ];
        if m.word("transfer/mode") == "named_once" && !self.dice.one_in(8) {
            return None;
        }
        if m.entitled() || self.dice.one_in(4) { *self.dice.pick(&kinds) } else { None }
    }

    fn receiver(&mut self, m: &Model) -> Person {
        let straight = m.word("transfer/mode") == "named_once";
        match (&m.title.party, &m.title.principal) {
            (Some(named), _) if straight && !self.dice.one_in(4) => named.clone(),
            (_, Some(principal)) if self.dice.one_in(2) => principal.clone(),
            _ => self.person(),
        }
    }

    fn some_lots(&mut self, held: &[Lot]) -> Vec<Lot> {
        let Some(lot) = held.first() else { return Vec::new() };
        let amount = match self.dice.roll(5) {
            0 => lot.3,
            1 => lot.3 + 1,
            _ => self.dice.roll(lot.3.max(1)),
        };
        vec![(lot.0.clone(), lot.1, lot.2, amount)]
    }

    /// An act that the record's status allows or, one time in six, any.
    fn choose(&mut self, m: &Model) -> &'static str {
        let fitting: &[&'static str] = match m.status() {
            "offered" => {
                &["accept", "accept", "accept", "accept", "refuse", "withdraw", "expire", "stop"]
            }
            "surrendered" => {
                &["surrender_accept", "surrender_accept", "surrender_reject", "expire"]
            }
            "presented" => &["bill_accept", "dishonour", "dishonour", "pay", "expire", "stop"],
            _ => &[
                "offer",
                "offer",
                "offer",
                "deliver",
                "deliver",
                "surrender",
                "endorse",
                "annotate",
                "amend",
                "assign_control",
                "split",
                "split",
                "merge",
                "pledge",
                "pledge",
                "deliver_part",
                "present",
                "present",
                "pay",
                "aval",
                "protest",
                "notify",
                "recourse",
                "recourse",
                "recourse_pay",
                "enforce",
                "default_notice",
                "release",
            ],
        };
        let any: &[&'static str] = &[
            "offer",
            "accept",
            "refuse",
            "withdraw",
            "expire",
            "deliver",
            "assign_control",
            "succeed",
            "endorse",
            "annotate",
            "amend",
            "split",
            "merge",
            "pledge",
            "release",
            "default_notice",
            "enforce",
            "surrender",
            "surrender_accept",
            "surrender_reject",
            "deliver_part",
            "present",
            "bill_accept",
            "dishonour",
            "pay",
            "protest",
            "notify",
            "recourse",
            "recourse_pay",
            "aval",
            "stop",
            "cancel",
            "lapse",
            "freeze",
            "unfreeze",
            "court_notice",
            "court_transfer",
            "court_amend",
            "court_annul",
        ];
        if m.frozen.is_some() && self.dice.one_in(3) {
            return "unfreeze";
        }
        if let Some((act, _)) = m.notice
            && self.dice.one_in(3)
        {
            return act;
        }
        let late =
            m.waiting.as_ref().is_some_and(|(_, deadline, _)| *deadline < self.t.world.time_ms);
        if late && self.dice.one_in(2) {
            return "expire";
        }
        let list = if self.dice.one_in(6) { any } else { fitting };
        for _ in 0..20 {
            let act = *self.dice.pick(list);
            let likely = m.has(act) && self.is_likely(m, act);
            if likely || self.dice.one_in(30) {
                return act;
            }
        }
        "annotate"
    }

    /// Whether the record is in a state where the act has something to act on.
    fn is_likely(&self, m: &Model, act: &str) -> bool {
        let money = m.money.as_ref();
        match act {
            "release" | "default_notice" => !m.pledges.is_empty(),
            "enforce" => m.pledges.iter().any(|pledge| pledge.notice.is_some()),
            "protest" | "notify" | "recourse" | "recourse_pay" => {
                money.is_some_and(|money| money.dishonoured.is_some())
            }
            "merge" => {
                let sibling = |other: &&Model| {
                    other.root == m.root && other.id != m.id && other.end.is_none()
                };
                self.book.records.values().any(|other| sibling(&other))
            }
            _ => true,
        }
    }

    /// An op for a record, with who signs it.
    pub fn ask(&mut self, id: &str) -> Ask {
        let m = self.book.records[id].clone();
        let name = self.choose(&m);
        let act = self.act_of(name, &m);
        let tree = match &act {
            Do::Offer { tree, .. } => tree.value(&self.t),
            _ => Value::Null,
        };
        let mut ask = Ask {
            signers: self.signers(&m, &act),
            ack: self.ack(&m, &act),
            act,
            tree,
            seq: m.seq,
            head: m.head,
            bundled: self.dice.one_in(60),
            rulebook_known: !self.dice.one_in(60),
        };
        match self.dice.roll(60) {
            0 => ask.seq = ask.seq.wrapping_sub(1),
            1 => ask.head = Digest::ZERO,
            _ => {}
        }
        ask
    }

    fn ack(&mut self, m: &Model, act: &Do) -> Vec<String> {
        if self.dice.one_in(40) {
            return vec!["ZZ:unknown".to_owned()];
        }
        let to = match (act, &m.waiting) {
            (Do::Accept { .. }, Some((Waiting::Offer { to, .. }, _, _))) => to,
            (Do::Deliver { to, .. }, _) => to,
            _ => return Vec::new(),
        };
        let parties: Vec<usize> = m.controller.of.iter().chain(&to.of).copied().collect();
        warnings(&m.profile, &parties)
    }

    /// Who must sign, mostly; a joint holder's quorum, and those who may sign at times.
    fn signers(&mut self, m: &Model, act: &Do) -> Vec<usize> {
        let mut signers = if act.is_court() {
            let lifts = matches!(act, Do::Unfreeze) && self.dice.one_in(2);
            if lifts { Vec::new() } else { vec![4, 5, 6, 7] }
        } else {
            // a note is mostly the controller's, at times the obligor's
            let author: &[usize] = if self.dice.one_in(3) { &[0] } else { &[] };
            let mut signers = Vec::new();
            for (person, required) in m.roles(act, author).unwrap_or_default() {
                let take = required || !self.dice.one_in(3);
                let k = if self.dice.one_in(2) { person.k } else { person.of.len() };
                if take {
                    signers.extend(person.of.iter().take(k));
                }
            }
            signers
        };
        match self.dice.roll(16) {
            0 => signers.clear(),
            1 => drop(signers.pop()),
            2 => signers.push(usize::try_from(self.dice.roll(KEYS as u64)).expect("small")),
            _ => {}
        }
        signers.sort_unstable();
        signers.dedup();
        signers
    }

    fn act_of(&mut self, name: &'static str, m: &Model) -> Do {
        let t = self.t.world.time_ms;
        match name {
            "offer" => {
                let endorse = self.endorsement(m);
                let deadline = self.deadline();
                let tree = match self.dice.roll(12) {
                    0 => Tree::Bad,
                    1 | 2 => Tree::After(t + 15_000),
                    3 | 4 => {
                        let shift = *self.dice.pick(&[3_600_000, 3_600_001, 3_599_999]);
                        Tree::Payment(self.dice.roll(40), deadline.saturating_sub(shift))
                    }
                    _ => Tree::None,
                };
                let firm = matches!(tree, Tree::Payment(..)) != self.dice.one_in(6);
                let (to, flag) = (self.receiver(m), self.dice.one_in(8));
                Do::Offer { to, endorse, flag, tree, firm, deadline }
            }
            "deliver" => {
                let to = self.receiver(m);
                let count = self.book.consents[to.of[0]].len() as u64;
                let consent = (count > 0 && self.dice.one_in(2)).then(|| self.dice.roll(count) + 1);
                let endorse = self.endorsement(m);
                Do::Deliver { to, endorse, flag: self.dice.one_in(8), consent }
            }
            "accept" => Do::Accept { words: self.offer_words(m) },
            "refuse" => Do::Refuse,
            "withdraw" => Do::Withdraw,
            "expire" => Do::Expire,
            "assign_control" => Do::Assign { to: self.person() },
            "succeed" => Do::Succeed { of: self.dice.trader(), to: self.dice.trader() },
            "endorse" => Do::Endorse { blank: m.title.kind == "to_order" || self.dice.one_in(4) },
            "annotate" => {
                let codes = list_at(&m.profile, "notes/codes");
                let code = self.dice.pick(&codes).clone();
                Do::Annotate { code: if self.dice.one_in(10) { "gossip".to_owned() } else { code } }
            }
            "amend" | "court_amend" => self.amendment(name, m),
            "split" => self.split(m),
            "merge" => self.merge(m),
            "deliver_part" => Do::DeliverPart { lots: self.some_lots(&m.lots) },
            "surrender" => {
                let kinds = ["delivery", "claim", "exchange", "paper"];
                let fitting: Vec<&'static str> =
                    kinds.into_iter().filter(|kind| m.lists("surrender/kinds", kind)).collect();
                let any = fitting.is_empty() || self.dice.one_in(8);
                let kind = *self.dice.pick(if any { kinds.as_slice() } else { fitting.as_slice() });
                Do::Surrender { kind, deadline: self.deadline() }
            }
            "surrender_accept" => {
                let paper =
                    matches!(&m.waiting, Some((Waiting::Surrender { kind: "paper" }, _, _)));
                let serial = format!("S-{}", self.dice.roll(4_000));
                let issued = self.dice.one_in(12).then(|| vec![m.id.clone()]);
                Do::SurrenderAccept {
                    paper: (paper != self.dice.one_in(8)).then_some(serial),
                    issued,
                }
            }
            "surrender_reject" => Do::SurrenderReject,
            _ => self.more(name, m),
        }
    }

    fn more(&mut self, name: &'static str, m: &Model) -> Do {
        let t = self.t.world.time_ms;
        let no = m.pledges.first().map_or(1, |pledge| pledge.no);
        let no = no + u64::from(self.dice.one_in(4));
        match name {
            "pledge" => {
                let lots =
                    if self.dice.one_in(2) { m.lots.clone() } else { self.some_lots(&m.free()) };
                let on_ms = t + self.dice.roll(60_000);
                Do::Pledge { to: self.dice.trader(), lots, on_ms, cure_s: self.dice.roll(40) }
            }
            "release" => Do::Release { no },
            "default_notice" => Do::DefaultNotice { no },
            "enforce" => Do::Enforce { no, to: self.person() },
            "present" => Do::Present {
                what: if self.dice.one_in(2) { "acceptance" } else { "payment" },
                attesters: if self.dice.one_in(2) { vec![self.dice.trader()] } else { Vec::new() },
                deadline: self.deadline(),
            },
            "bill_accept" => {
                let less = self.dice.roll(3) * 1_000;
                let more = u64::from(self.dice.one_in(8));
                Do::BillAccept { amount: (m.sum() + more).saturating_sub(less).max(1) }
            }
            "dishonour" => Do::Dishonour,
            "pay" => {
                let amount = match self.dice.roll(4) {
                    0 => m.sum() + 1,
                    1 => m.sum(),
                    _ => m.sum() / 2,
                };
                let amount = amount.max(1);
                Do::Pay { amount, words: self.pay_words(m, amount) }
            }
            "protest" => Do::Protest,
            "notify" => Do::Notify { to: self.dice.trader() },
            "recourse" => Do::Recourse { against: self.dice.trader() },
            "recourse_pay" => {
                let demands = m.money.as_ref().and_then(|money| money.dishonoured.as_ref());
                let demanded = demands.and_then(|demands| demands.4.first().copied());
                Do::RecoursePay { payer: demanded.unwrap_or_else(|| self.dice.trader()) }
            }
            "aval" => Do::Aval {
                guarantor: self.dice.trader(),
                of: self.dice.trader(),
                amount: if self.dice.one_in(6) { m.sum() + 1 } else { m.sum().max(1) },
            },
            "stop" => Do::Stop,
            "cancel" => Do::Cancel,
            "lapse" => Do::Lapse,
            "freeze" => {
                let days = *self.dice.pick(&[0, 1, 1, 2, 90, 91]);
                let permits: Vec<&'static str> =
                    if self.dice.one_in(2) { vec!["annotate", "pay"] } else { Vec::new() };
                let order = *self.dice.pick(&["order", "second order", "third order"]);
                Do::Freeze { order, until: t + days * DAY_MS, permits }
            }
            "unfreeze" => Do::Unfreeze,
            "court_notice" => {
                let act: &&'static str =
                    self.dice.pick(&["court_transfer", "court_amend", "court_annul"]);
                Do::Notice { act }
            }
            "court_transfer" => {
                let to = self.person();
                let kind = list_at(&m.profile, "title/initial")[0].clone();
                // now and then one that the type may not have
                let any = *self.dice.pick(&["none", "named", "to_order"]);
                let kind = if self.dice.one_in(8) { any } else { kind.as_str() };
                let title = match kind {
                    "none" => ("none", None),
                    "named" => ("named", Some(to.clone())),
                    _ if self.dice.one_in(3) => ("bearer", None),
                    _ => ("to_order", Some(to.clone())),
                };
                Do::CourtTransfer { to, title }
            }
            _ => Do::CourtAnnul,
        }
    }

    /// The attestation that an offer asks for, now and then none or a wrong one.
    fn offer_words(&mut self, m: &Model) -> Vec<Word> {
        let Some((Waiting::Offer { tree, .. }, _, op)) = &m.waiting else { return Vec::new() };
        let asked = at(tree, "payment_attested/uetr").as_text().unwrap_or_default();
        let no = u64::from_str_radix(asked.rsplit('-').next().unwrap_or_default(), 16);
        match no {
            Ok(no) if !self.dice.one_in(6) => {
                vec![self.spoil(Word { by: 3, no, amount: 10_000, op: *op })]
            }
            _ => Vec::new(),
        }
    }

    fn pay_words(&mut self, m: &Model, amount: u64) -> Vec<Word> {
        if self.dice.one_in(2) {
            return Vec::new();
        }
        let no = 1_000 + self.dice.roll(400);
        let word = match &m.waiting {
            Some((Waiting::Present { attesters, .. }, _, op)) if !attesters.is_empty() => {
                Word { by: attesters[0], no, amount, op: *op }
            }
            _ => Word { by: 3, no, amount, op: m.issue_op },
        };
        vec![self.spoil(word)]
    }

    fn spoil(&mut self, word: Word) -> Word {
        match self.dice.roll(12) {
            0 => Word { by: (word.by + 1) % TRADERS, ..word },
            1 => Word { amount: word.amount + 1, ..word },
            2 => Word { op: Digest::ZERO, ..word },
            _ => word,
        }
    }

    /// A change of one field: any, an extra one, or one that goes.
    fn amendment(&mut self, name: &str, m: &Model) -> Do {
        let names: Vec<String> = m.leaves.iter().map(|(name, _)| name.clone()).collect();
        let free: Vec<String> =
            names.iter().filter(|name| !m.bound_fields().contains(name)).cloned().collect();
        let field = match self.dice.roll(8) {
            0 => "zExtra".to_owned(),
            1 => self.dice.pick(&names).clone(),
            _ => self.dice.pick(&free).clone(),
        };
        let value = Value::from(self.dice.roll(1_000));
        let version = m.version + 1;
        let leaf = field_leaf(&field, version, &salt_of(&field, version), &value.to_jcs());
        let hash = (!self.dice.one_in(10)).then_some(leaf);
        if name == "court_amend" {
            return Do::CourtAmend { field, hash };
        }
        let lot = m.face;
        let fields = content_of(&m.profile, &m.reference, lot);
        let (_, open) = committed(&m.profile, &fields, 1);
        let lots = (lot.0 == "KGM" && self.dice.one_in(4)).then(|| {
            let amount = m.sum() + self.dice.roll(3) * 500;
            vec![("1".to_owned(), lot.0, lot.1, if self.dice.one_in(6) { 0 } else { amount })]
        });
        Do::Amend { field, hash, lots, open }
    }

    fn split(&mut self, m: &Model) -> Do {
        let whole = m.lots.first().cloned();
        let Some(lot) = whole else { return Do::Cancel };
        let first = 1 + self.dice.roll(lot.3.max(1));
        let second = lot.3.saturating_sub(first) + u64::from(self.dice.one_in(8));
        let of = |amount: u64| vec![(lot.0.clone(), lot.1, lot.2, amount)];
        let mut parts = vec![(of(first), Vec::new()), (of(second), Vec::new())];
        // the first part takes what it can of each pledge
        let mut left = first;
        for pledge in &m.pledges {
            let pledged = pledge.lots[0].3;
            let here = pledged.min(left);
            left -= here;
            if here > 0 {
                parts[0].1.push((pledge.no, of(here)));
            }
            if pledged > here {
                parts[1].1.push((pledge.no, of(pledged - here)));
            }
        }
        if self.dice.one_in(8) {
            parts[1].1.push((99, of(1)));
        }
        Do::Split { parts }
    }

    /// With another record of the same root, or any of the same profile.
    fn merge(&mut self, m: &Model) -> Do {
        let any = self.dice.one_in(4);
        let dead = self.dice.one_in(12);
        let others: Vec<(String, u64, Digest)> = self
            .book
            .records
            .values()
            .filter(|other| other.profile == m.profile && other.id != m.id)
            .filter(|other| any || (other.root == m.root && other.end.is_none()))
            .filter(|other| dead || other.end.is_none())
            .map(|other| (other.id.clone(), other.seq, other.head))
            .collect();
        let mut one = if others.is_empty() {
            (m.id.clone(), m.seq, m.head)
        } else {
            self.dice.pick(&others).clone()
        };
        if self.dice.one_in(20) {
            one.1 += 1;
        }
        Do::Merge { with: vec![one] }
    }
}
