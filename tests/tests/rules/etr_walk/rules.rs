//! The reference rules, from etr.md and etr-profiles.md alone: what an op on a record leads to.
//!
//! [`Book::step`] gives the records as they are afterwards, or the name of the first error.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use titian_contracts::digest::Digest;
use titian_tests::etr::DAY_MS;
use titian_tests::etr_types::at;

use super::ask::{Ask, Do, Tree, Word, uetr};
use super::effects::{
    amend, court, cut, endorse_in_place, enforce, entitled_to_endorse, lapse, pledge, share, take,
    terms,
};
use super::model::{Lot, Model, Person, TRADERS, Waiting, in_time, less};

pub type Refused = &'static str;

/// A standing consent: of which giver (none: any), of which profile, until when, revoked.
#[derive(Clone, Debug)]
pub struct Consent {
    pub profile: String,
    pub from: Option<usize>,
    pub until: u64,
    pub ack: Vec<String>,
    pub revoked: bool,
}

/// All the model knows of what lives and of what died lately; what a clone does not change it shares.
#[derive(Clone, Debug, Default)]
pub struct Book {
    pub records: BTreeMap<String, Model>,
    /// Their ids as they came: ids follow from the network, the walk must not.
    pub order: Vec<String>,
    /// By trader, in the order of their numbers.
    pub consents: Vec<Rc<Vec<Consent>>>,
    /// Payments used: attester and uetr.
    pub paid: BTreeSet<(usize, String)>,
    /// Serials by issuer: of which record, and whether they came back.
    pub serials: Rc<BTreeMap<(usize, String), (String, bool)>>,
}

/// Singapore's statute gives full effect and allows; the others know nothing and warn.
pub fn warnings(m: &titian_contracts::json::Value, parties: &[usize]) -> Vec<String> {
    if at(m, "mletr") != &titian_contracts::json::Value::Bool(true) {
        return Vec::new();
    }
    let mut list: Vec<String> = parties
        .iter()
        .filter(|who| **who != 0)
        .map(|who| format!("{}:unknown", ["SG", "VN", "TH", "MY"][*who]))
        .collect();
    list.sort();
    list.dedup();
    list
}

/// What the acts of one record may change beside it.
#[derive(Debug, Default)]
pub struct Outcome {
    pub records: Vec<Model>,
    pub paid: Vec<(usize, String)>,
    pub serials: Vec<(usize, String)>,
}

impl Book {
    /// Takes a record over.
    pub fn put(&mut self, record: Model) {
        let id = record.id.clone();
        if self.records.insert(id.clone(), record).is_none() {
            self.order.push(id);
        }
    }

    /// Whether an op is complete with these signatures: else it may wait for more.
    pub fn complete(&self, id: &str, ask: &Ask) -> Result<bool, Refused> {
        let m = &self.records[id];
        self.frame(m, ask)?;
        let roles = m.roles(&ask.act, &ask.signers).unwrap_or_default();
        let expected = |who: &usize| roles.iter().any(|(person, _)| person.of.contains(who));
        let receives = |to: &Person| to.of.iter().all(|who| ask.signers.contains(who));
        let missing = match (&ask.act, self.check_signers(m, ask)) {
            (_, Err("MISSING_SIGNER")) => true,
            (_, Err(error)) => return Err(error),
            (Do::Deliver { to, consent: None, .. }, Ok(())) => !receives(to),
            _ => false,
        };
        if missing && !ask.signers.iter().all(expected) {
            return Err("UNEXPECTED_SIGNER");
        }
        Ok(!missing)
    }

    /// The records after an op, or its error.
    pub fn step(&self, id: &str, ask: &Ask, t: u64, op: Digest) -> Result<Outcome, Refused> {
        let m = &self.records[id];
        self.frame(m, ask)?;
        self.check_signers(m, ask)?;
        let mut after = m.clone();
        enter(&mut after, ask, t)?;
        let mut outcome = Outcome::default();
        self.act(&mut after, ask, t, op, &mut outcome)?;
        self.check_law(m, ask)?;
        after.count(op);
        outcome.records.push(after);
        Ok(outcome)
    }

    /// The checks before signers.
    fn frame(&self, m: &Model, ask: &Ask) -> Result<(), Refused> {
        if ask.bundled {
            return Err("BUNDLE_MISMATCH");
        }
        let others = self.others(ask);
        if m.end.is_some() || others.iter().any(|other| other.end.is_some()) {
            return Err("RECORD_DEAD");
        }
        if ask.seq != m.seq || self.stale(ask, |m, (_, seq, _)| m.seq != *seq) {
            return Err("STALE_SEQ");
        }
        if ask.head != m.head || self.stale(ask, |m, (_, _, head)| m.head != *head) {
            return Err("STALE_HEAD");
        }
        if !m.has(ask.act.name()) {
            return Err("ACT_NOT_IN_PROFILE");
        }
        if !ask.rulebook_known {
            return Err("RULEBOOK_UNKNOWN");
        }
        Ok(())
    }

    fn others(&self, ask: &Ask) -> Vec<&Model> {
        match &ask.act {
            Do::Merge { with } => with.iter().map(|(id, _, _)| &self.records[id]).collect(),
            _ => Vec::new(),
        }
    }

    fn stale(&self, ask: &Ask, differs: impl Fn(&Model, &(String, u64, Digest)) -> bool) -> bool {
        match &ask.act {
            Do::Merge { with } => with.iter().any(|one| differs(&self.records[&one.0], one)),
            _ => false,
        }
    }

    fn check_signers(&self, m: &Model, ask: &Ask) -> Result<(), Refused> {
        let signers = &ask.signers;
        if ask.act.is_court() {
            let strange = |who: &usize| *who < TRADERS || m.issuer != 0;
            return if signers.iter().any(strange) { Err("UNEXPECTED_SIGNER") } else { Ok(()) };
        }
        let Some(roles) = m.roles(&ask.act, signers) else {
            let live = signers.iter().all(|who| *who < TRADERS);
            return if live { Ok(()) } else { Err("PARTY_NOT_LIVE") };
        };
        if roles.iter().any(|(person, must)| *must && !person.signed(signers)) {
            return Err("MISSING_SIGNER");
        }
        let expected = |who: &usize| roles.iter().any(|(person, _)| person.of.contains(who));
        if signers.iter().all(expected) { Ok(()) } else { Err("UNEXPECTED_SIGNER") }
    }

    /// The law is asked at `accept` and `deliver`; other acts acknowledge nothing.
    fn check_law(&self, m: &Model, ask: &Ask) -> Result<(), Refused> {
        let to = match (&ask.act, &m.waiting) {
            (Do::Accept { .. }, Some((Waiting::Offer { to, .. }, _, _))) => Some(to),
            (Do::Deliver { to, .. }, _) => Some(to),
            _ => None,
        };
        let right = to.map_or_else(Vec::new, |to| {
            let parties: Vec<usize> = m.controller.of.iter().chain(&to.of).copied().collect();
            warnings(&m.profile, &parties)
        });
        if ask.ack != right {
            return Err("LEGAL_ACK_REQUIRED");
        }
        if let Do::Deliver { to, consent: Some(no), .. } = &ask.act {
            let consent = &self.consents[to.of[0]][usize::try_from(*no).expect("small") - 1];
            if !right.iter().all(|ack| consent.ack.contains(ack)) {
                return Err("LEGAL_ACK_REQUIRED");
            }
        }
        Ok(())
    }

    fn act(
        &self,
        m: &mut Model,
        ask: &Ask,
        t: u64,
        op: Digest,
        out: &mut Outcome,
    ) -> Result<(), Refused> {
        match &ask.act {
            Do::Offer { to, endorse, flag, tree, firm, deadline } => {
                entitled_to_endorse(m, *endorse)?;
                if !in_time(*deadline, t) {
                    return Err("BAD_DEADLINE");
                }
                match tree {
                    Tree::Bad => return Err("CONDITION_INVALID"),
                    Tree::Payment(_, settle) if !firm || settle + 3_600_000 > *deadline => {
                        return Err("CONDITION_INVALID");
                    }
                    _ => {}
                }
                terms(m, to, *endorse, *flag)?;
                let waiting = Waiting::Offer {
                    to: to.clone(),
                    endorse: *endorse,
                    flag: *flag,
                    tree: ask.tree.clone(),
                    firm: *firm,
                };
                m.waiting = Some((waiting, *deadline, op));
            }
            Do::Deliver { to, endorse, flag, consent } => {
                entitled_to_endorse(m, *endorse)?;
                let consented = match consent {
                    None => to.of.iter().all(|who| ask.signers.contains(who)),
                    Some(no) => self.consents_to(m, to, *no, t),
                };
                if !consented {
                    return Err("RECEIVER_CONSENT_MISSING");
                }
                terms(m, to, *endorse, *flag)?;
                take(m, to.clone(), *endorse, *flag);
            }
            Do::Accept { words } => self.accept(m, words, t, out)?,
            Do::Withdraw => match &m.waiting {
                Some((Waiting::Offer { firm: true, .. }, _, _)) => {
                    return Err("OFFER_IRREVOCABLE");
                }
                _ => m.waiting = None,
            },
            Do::Expire => match &m.waiting {
                Some((_, deadline, _)) if *deadline < t => m.let_pass(t),
                _ => return Err("NOT_EXPIRED"),
            },
            Do::Refuse | Do::SurrenderReject => m.waiting = None,
            Do::Assign { to } if to.same(&m.controller) => return Err("SELF_TRANSFER"),
            Do::Assign { to } => m.controller = to.clone(),
            // nobody merges in this walk
            Do::Succeed { .. } => return Err("NO_SUCCESSION"),
            Do::Endorse { blank } => endorse_in_place(m, *blank)?,
            Do::Annotate { code } if !m.lists("notes/codes", code) => {
                return Err("NOTE_FORBIDDEN");
            }
            Do::Annotate { .. } => {}
            Do::Cancel => {
                must(m.entitled(), "NOT_ENTITLED")?;
                m.die("cancelled");
            }
            Do::Lapse => lapse(m, t)?,
            Do::Surrender { kind, deadline } => {
                must(m.entitled(), "NOT_ENTITLED")?;
                must(in_time(*deadline, t), "BAD_DEADLINE")?;
                let allowed = m.lists("surrender/kinds", kind) && m.title.capacity != "pledge";
                must(allowed, "SURRENDER_KIND")?;
                m.waiting = Some((Waiting::Surrender { kind }, *deadline, op));
            }
            Do::SurrenderAccept { paper, issued } => {
                self.answer(m, paper.as_deref(), issued.as_deref(), out)?;
            }
            Do::Amend { .. } | Do::CourtAmend { .. } => amend(m, ask, t)?,
            Do::Split { .. } | Do::Merge { .. } | Do::DeliverPart { .. } => {
                self.quantities(m, ask, t, op, out)?;
            }
            Do::Pledge { .. } | Do::Release { .. } | Do::DefaultNotice { .. } => {
                pledge(m, ask, t, op)?;
            }
            Do::Enforce { no, to } => enforce(m, *no, to, t, op, out)?,
            act if act.is_court() => court(m, ask, t)?,
            _ => self.money(m, ask, t, op, out)?,
        }
        Ok(())
    }

    fn consents_to(&self, m: &Model, to: &Person, no: u64, t: u64) -> bool {
        let [who] = to.of.as_slice() else { return false };
        let consent = no
            .checked_sub(1)
            .and_then(|i| self.consents[*who].get(usize::try_from(i).expect("small")));
        m.flag("transfer/standing_consent")
            && consent.is_some_and(|consent| {
                let giver = |from: usize| m.controller.of.iter().all(|holder| *holder == from);
                !consent.revoked
                    && t < consent.until
                    && consent.profile == m.word("id")
                    && consent.from.is_none_or(giver)
            })
    }

    fn accept(
        &self,
        m: &mut Model,
        words: &[Word],
        t: u64,
        out: &mut Outcome,
    ) -> Result<(), Refused> {
        let Some((Waiting::Offer { to, endorse, flag, tree, .. }, _, op)) = m.waiting.clone()
        else {
            return Err("WRONG_STATE");
        };
        // what the offer asks, read back from the tree that stands in state
        let payment = at(&tree, "payment_attested");
        let asked = at(payment, "uetr").as_text().unwrap_or_default().to_owned();
        for word in words {
            let fits =
                word.by == 3 && uetr(word.no) == asked && word.amount == 10_000 && word.op == op;
            must(fits, "EVIDENCE_INVALID")?;
        }
        let after = at(&tree, "after/ms").as_int();
        must(after.is_none_or(|ms| t >= u64::try_from(ms).expect("a time")), "CONDITION_UNMET")?;
        if !asked.is_empty() {
            let settle = at(payment, "settleByMs").as_int().expect("a time");
            // attestations of the walk say "now"
            let held = !words.is_empty() && t <= u64::try_from(settle).expect("a time");
            must(held, "CONDITION_UNMET")?;
            self.use_words(words, out)?;
        }
        take(m, to, endorse, flag);
        m.waiting = None;
        Ok(())
    }

    pub fn use_words(&self, words: &[Word], out: &mut Outcome) -> Result<(), Refused> {
        for word in words {
            let key = (word.by, uetr(word.no));
            must(!self.paid.contains(&key) && !out.paid.contains(&key), "EVIDENCE_REUSED")?;
            out.paid.push(key);
        }
        Ok(())
    }

    fn answer(
        &self,
        m: &mut Model,
        paper: Option<&str>,
        issued: Option<&[String]>,
        out: &mut Outcome,
    ) -> Result<(), Refused> {
        let Some((Waiting::Surrender { kind }, _, _)) = m.waiting else {
            return Err("WRONG_STATE");
        };
        let end = match (kind, paper, issued) {
            ("paper", Some(serial), _) => {
                let key = (m.issuer, serial.to_owned());
                must(!self.serials.contains_key(&key), "PAPER_SERIAL_USED")?;
                out.serials.push(key);
                "paper"
            }
            ("paper", None, _) => return Err("STATEMENT_MISSING"),
            // alone there is no bundle that could have issued anything
            ("exchange", _, _) => return Err("EXCHANGE_INCOMPLETE"),
            (_, None, None) if kind == "claim" => "claimed",
            (_, None, None) => "delivered",
            _ => return Err("MALFORMED"),
        };
        m.die(end);
        Ok(())
    }

    fn quantities(
        &self,
        m: &mut Model,
        ask: &Ask,
        t: u64,
        op: Digest,
        out: &mut Outcome,
    ) -> Result<(), Refused> {
        must(m.entitled(), "NOT_ENTITLED")?;
        match &ask.act {
            Do::DeliverPart { lots } => {
                let rest = less(&m.lots, lots).filter(|rest| !rest.is_empty());
                m.lots = rest.ok_or("QUANTITY_MISMATCH")?;
                m.parted = true;
                cut(m);
            }
            Do::Split { parts } => {
                let mut rest = m.lots.clone();
                for (lots, _) in parts {
                    rest = less(&rest, lots).ok_or("QUANTITY_MISMATCH")?;
                }
                must(rest.is_empty(), "QUANTITY_MISMATCH")?;
                let mut children = Vec::new();
                for (i, (lots, pledges)) in (0..).zip(parts) {
                    let mut child = m.child(op, i, lots.clone());
                    child.pledges = share(m, lots, pledges).ok_or("QUANTITY_MISMATCH")?;
                    children.push(child);
                }
                for pledge in &m.pledges {
                    let mut rest = pledge.lots.clone();
                    for child in &children {
                        for part in child.pledges.iter().filter(|p| p.no == pledge.no) {
                            rest = less(&rest, &part.lots).ok_or("QUANTITY_MISMATCH")?;
                        }
                    }
                    must(rest.is_empty(), "QUANTITY_MISMATCH")?;
                }
                m.into = children.iter().map(|child| child.id.clone()).collect();
                m.die("split");
                out.records.extend(children);
            }
            Do::Merge { with } => self.merge(m, with, t, op, out)?,
            _ => unreachable!("acts on quantities"),
        }
        Ok(())
    }

    fn merge(
        &self,
        m: &mut Model,
        with: &[(String, u64, Digest)],
        t: u64,
        op: Digest,
        out: &mut Outcome,
    ) -> Result<(), Refused> {
        let mut others: Vec<Model> = Vec::new();
        let over = |ms: u64| ms + 33 * DAY_MS < t;
        let free = |m: &Model| {
            let noticed = m.notice.is_some_and(|(_, ms)| !over(ms));
            m.pledges.is_empty() && m.frozen.is_none() && !noticed
        };
        for (id, _, _) in with {
            must(*id != m.id && others.iter().all(|o| o.id != *id), "MERGE_MISMATCH")?;
            let mut other = self.records[id].clone();
            if other.waiting.as_ref().is_some_and(|(_, deadline, _)| *deadline < t) {
                other.let_pass(t);
            }
            let same = |a: &Option<Person>, b: &Option<Person>| match (a, b) {
                (Some(a), Some(b)) => a.same(b),
                (None, None) => true,
                _ => false,
            };
            let alike = if m.word("quantity/merge") == "same_root" {
                other.root == m.root && other.content_root() == m.content_root()
            } else {
                other.issuer == m.issuer
            };
            let fits = other.status() == "active"
                && free(&other)
                && other.profile == m.profile
                && other.controller.same(&m.controller)
                && other.title.kind == m.title.kind
                && other.title.capacity == m.title.capacity
                && same(&other.title.party, &m.title.party)
                && same(&other.title.principal, &m.title.principal)
                && alike;
            must(fits, "MERGE_MISMATCH")?;
            others.push(other);
        }
        must(free(m), "MERGE_MISMATCH")?;
        let mut lots: Vec<Lot> = Vec::new();
        for lot in m.lots.iter().chain(others.iter().flat_map(|other| &other.lots)) {
            match lots.iter_mut().find(|held| held.0 == lot.0) {
                Some(held) => held.3 += lot.3,
                None => lots.push(lot.clone()),
            }
        }
        lots.sort();
        let equal = others.iter().all(|other| other.content_root() == m.content_root());
        must(equal, "CONTENT_MISMATCH")?;
        let mut child = m.child(op, 0, lots);
        for mut other in others {
            child.from.push(other.id.clone());
            child.generation = child.generation.max(other.generation);
            child.version = child.version.max(other.version);
            other.into.push(child.id.clone());
            other.die("merged");
            other.count(op);
            out.records.push(other);
        }
        m.into.push(child.id.clone());
        m.die("merged");
        out.records.push(child);
        Ok(())
    }
}

pub fn must(holds: bool, error: Refused) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(error) }
}

/// `FROZEN`, `DEADLINE_PASSED`, `WRONG_STATE`.
fn enter(m: &mut Model, ask: &Ask, t: u64) -> Result<(), Refused> {
    let name = ask.act.name();
    let always = name == "expire" || ask.act.is_court();
    if m.frozen.as_ref().is_some_and(|(.., permits)| !always && !permits.contains(&name)) {
        return Err("FROZEN");
    }
    let due: &[&str] = match name {
        "accept" | "refuse" | "withdraw" => &["offered"],
        "surrender_accept" | "surrender_reject" => &["surrendered"],
        "bill_accept" | "dishonour" => &["presented"],
        "expire" => &["offered", "surrendered", "presented"],
        "pay" => &["active", "presented"],
        "stop" => &["active", "offered", "presented"],
        "succeed" | "release" | "default_notice" => {
            &["active", "offered", "surrendered", "presented"]
        }
        _ if ask.act.is_court() => &["active", "offered", "surrendered", "presented"],
        _ => &["active"],
    };
    let late = m.waiting.as_ref().is_some_and(|(_, deadline, _)| *deadline < t);
    let answers =
        ["accept", "refuse", "surrender_accept", "surrender_reject", "bill_accept", "dishonour"];
    if late && answers.contains(&name) && due.contains(&m.status()) {
        return Err("DEADLINE_PASSED");
    }
    if late && name != "expire" {
        m.let_pass(t);
    }
    must(due.contains(&m.status()), "WRONG_STATE")
}
