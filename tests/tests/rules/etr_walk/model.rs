//! The reference model of one record: its state, and how the documents write it.

use std::rc::Rc;

use titian_contracts::digest::{Digest, hash};
use titian_contracts::json::Value;
use titian_tests::etr::{BLIND, DAY_MS, Traders};
use titian_tests::etr_types::{at, list_at, object};

/// Keys that sign: four traders, two registrar keys and two court keys of Singapore. Only the first
/// four are businesses (I16).
pub const KEYS: usize = 8;
pub const TRADERS: usize = 4;

/// The name of a signer as the scene signs with it.
pub fn signer(t: &Traders, who: usize) -> String {
    match who {
        0..TRADERS => name(t, who).to_owned(),
        4 => "SG:ACRA#k1".to_owned(),
        5 => "SG:ACRA#k2".to_owned(),
        6 => "SG:COURT#k1".to_owned(),
        _ => "SG:COURT#k2".to_owned(),
    }
}

pub fn name(t: &Traders, who: usize) -> &str {
    [t.sg.as_str(), &t.vn, &t.th, &t.my][who]
}

/// One person: k of these traders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub k: usize,
    pub of: Vec<usize>,
}

impl Person {
    pub fn one(who: usize) -> Self {
        Self { k: 1, of: vec![who] }
    }

    /// Persons are equal whatever the order of their members.
    pub fn same(&self, other: &Self) -> bool {
        let sorted = |p: &Self| {
            let mut of = p.of.clone();
            of.sort_unstable();
            of
        };
        self.k == other.k && sorted(self) == sorted(other)
    }

    pub fn signed(&self, signers: &[usize]) -> bool {
        self.of.iter().filter(|who| signers.contains(who)).count() >= self.k
    }

    pub fn value(&self, t: &Traders) -> Value {
        match self.of.as_slice() {
            [one] => object(&[("party", Value::from(name(t, *one)))]),
            of => {
                let of = of.iter().map(|who| Value::from(name(t, *who))).collect::<Vec<_>>();
                let joint = object(&[("k", Value::from(self.k as u64)), ("of", Value::List(of))]);
                object(&[("joint", joint)])
            }
        }
    }

    /// Inside a title a single party stands bare.
    fn title_value(&self, t: &Traders) -> Value {
        match self.of.as_slice() {
            [one] => Value::from(name(t, *one)),
            _ => self.value(t),
        }
    }
}

/// Code, unit, scale and amount.
pub type Lot = (String, &'static str, u64, u64);

pub fn lots_value(lots: &[Lot]) -> Value {
    let lot = |(lot, unit, scale, amount): &Lot| {
        object(&[
            ("lot", Value::from(lot.as_str())),
            ("unit", Value::from(*unit)),
            ("scale", Value::from(*scale)),
            ("amount", Value::from(amount.to_string())),
        ])
    };
    Value::List(lots.iter().map(lot).collect())
}

/// What waits for an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Waiting {
    Offer { to: Person, endorse: Option<&'static str>, flag: bool, tree: Value, firm: bool },
    Surrender { kind: &'static str },
    Present { what: &'static str, attesters: Vec<usize> },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Title {
    pub kind: &'static str,
    pub party: Option<Person>,
    pub capacity: &'static str,
    pub principal: Option<Person>,
}

impl Title {
    pub fn of(kind: &'static str, party: Option<Person>) -> Self {
        Self { kind, party, capacity: "owner", principal: None }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Pledged {
    pub no: u64,
    pub to: usize,
    pub lots: Vec<Lot>,
    pub on_ms: u64,
    pub cure_s: u64,
    pub op: Digest,
    pub notice: Option<u64>,
}

/// Time, for what, reason, notified, demands.
pub type Dishonour = (u64, &'static str, Option<&'static str>, Vec<usize>, Vec<usize>);

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Money {
    pub due: Option<u64>,
    pub accepted: Option<(u64, u64)>,
    pub dishonoured: Option<Dishonour>,
    pub protested: Option<u64>,
    pub stopped: bool,
}

/// One entry of the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub kind: &'static str,
    pub from: Person,
    pub to: Option<Person>,
    pub flag: bool,
    pub released: bool,
    pub struck: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub id: String,
    pub profile: Rc<Value>,
    pub reference: String,
    pub seq: u64,
    pub head: Digest,
    pub leaves: Vec<(String, Digest)>,
    pub version: u64,
    pub issued: u64,
    pub issue_op: Digest,
    pub issuer: usize,
    pub controller: Person,
    pub title: Title,
    pub lots: Vec<Lot>,
    /// Unit, scale and amount that the content states.
    pub face: (&'static str, u64, u64),
    pub waiting: Option<(Waiting, u64, Digest)>,
    pub pledges: Vec<Pledged>,
    pub pledged: u64,
    /// Guarantor, for whom, how much.
    pub guarantees: Vec<(usize, usize, u64)>,
    pub money: Option<Money>,
    /// Until when, and what is permitted.
    pub frozen: Option<(u64, &'static str, Vec<&'static str>)>,
    /// Orders whose freeze of this record ended.
    pub spent: Vec<&'static str>,
    pub notice: Option<(&'static str, u64)>,
    pub generation: u64,
    pub root: String,
    pub from: Vec<String>,
    pub into: Vec<String>,
    pub chain: Vec<Link>,
    pub end: Option<&'static str>,
    pub parted: bool,
}

impl Model {
    pub fn has(&self, act: &str) -> bool {
        acts_of(&self.profile).iter().any(|allowed| allowed == act)
    }

    pub fn word(&self, path: &str) -> &str {
        at(&self.profile, path).as_text().unwrap_or_default()
    }

    pub fn lists(&self, path: &str, word: &str) -> bool {
        list_at(&self.profile, path).iter().any(|item| item == word)
    }

    pub fn flag(&self, path: &str) -> bool {
        at(&self.profile, path) == &Value::Bool(true)
    }

    pub fn entitled(&self) -> bool {
        ["none", "bearer"].contains(&self.title.kind)
            || self.word("transfer/mode") == "named_once"
            || self.title.party.as_ref().is_some_and(|party| party.same(&self.controller))
    }

    pub fn status(&self) -> &'static str {
        match (&self.end, &self.waiting) {
            (Some(_), _) => "dead",
            (None, None) => "active",
            (None, Some((Waiting::Offer { .. }, _, _))) => "offered",
            (None, Some((Waiting::Surrender { .. }, _, _))) => "surrendered",
            (None, Some((Waiting::Present { .. }, _, _))) => "presented",
        }
    }

    /// Who stands for the obligor: the drawer until the drawee accepted. The obligor is trader 0.
    pub fn answering(&self) -> usize {
        let accepted = self.money.as_ref().is_some_and(|money| money.accepted.is_some());
        if self.word("parties/issuer") == "drawer" && !accepted { self.issuer } else { 0 }
    }

    /// The members that the profile binds or fixes.
    pub fn bound_fields(&self) -> Vec<String> {
        let bound = at(&self.profile, "fields/bound").as_object().unwrap_or_default();
        let fixed = at(&self.profile, "fields/const").as_object().unwrap_or_default();
        let bound = bound.iter().filter_map(|(_, name)| name.as_text());
        bound.chain(fixed.iter().map(|(name, _)| name.as_str())).map(str::to_owned).collect()
    }

    pub fn sum(&self) -> u64 {
        self.lots.first().map_or(0, |lot| lot.3)
    }

    pub fn free(&self) -> Vec<Lot> {
        self.pledges.iter().fold(self.lots.clone(), |rest, pledge| {
            less(&rest, &pledge.lots).expect("I12: what is pledged is held")
        })
    }

    pub fn content_root(&self) -> Digest {
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
        let leaves: Vec<Digest> = self.leaves.iter().map(|(_, hash)| *hash).collect();
        let count = u32::try_from(leaves.len()).expect("few").to_be_bytes();
        hash("titian etr root v1", &[&count, &top(&leaves).0])
    }

    /// Counts an op.
    pub fn count(&mut self, op: Digest) {
        self.seq += 1;
        self.head = hash("titian etr head v1", &[&self.head.0, &op.0]);
    }

    pub fn die(&mut self, end: &'static str) {
        self.waiting = None;
        self.pledges.clear();
        self.end = Some(end);
    }

    /// What a passed deadline leads to.
    pub fn let_pass(&mut self, t: u64) {
        if let Some((Waiting::Present { what, .. }, _, _)) = &self.waiting {
            let what = *what;
            self.dishonour(t, what, None);
        }
        self.waiting = None;
    }

    pub fn dishonour(&mut self, t: u64, what: &'static str, reason: Option<&'static str>) {
        if let Some(money) = &mut self.money {
            let (notified, demands) =
                money.dishonoured.take().map(|d| (d.3, d.4)).unwrap_or_default();
            money.dishonoured = Some((t, what, reason, notified, demands));
        }
    }

    /// A record made of this one by an op.
    pub fn child(&self, op: Digest, index: u64, lots: Vec<Lot>) -> Self {
        let list = Value::List(vec![Value::from(op), Value::from(index)]);
        let digest = hash("titian etr child v1", &[list.to_jcs().as_bytes()]);
        let text = data_encoding::BASE32_NOPAD.encode(&digest.0).to_ascii_lowercase();
        Self {
            id: format!("etr_{text}"),
            seq: 1,
            head: hash("titian etr head v1", &[&self.head.0, &op.0]),
            lots,
            waiting: None,
            from: vec![self.id.clone()],
            into: Vec::new(),
            chain: Vec::new(),
            end: None,
            parted: true,
            spent: Vec::new(),
            ..self.clone()
        }
    }

    /// The whole state as the documents write it: public and party part.
    pub fn value(&self, t: &Traders) -> (Value, Value) {
        let text = |text: &str| Value::from(text);
        let texts = |list: &[String]| {
            Value::List(list.iter().map(|text| Value::from(text.as_str())).collect())
        };
        let title = object(&[
            ("kind", text(self.title.kind)),
            ("party", Value::from(self.title.party.as_ref().map(|p| p.title_value(t)))),
            ("capacity", text(self.title.capacity)),
            ("principal", Value::from(self.title.principal.as_ref().map(|p| p.title_value(t)))),
        ]);
        let order = || Value::from(titian_tests::etr_types::some_digest("order"));
        let frozen = self.frozen.as_ref().map(|(until, order, permits)| {
            let permits = permits.iter().map(|act| Value::from(*act)).collect::<Vec<_>>();
            object(&[
                ("untilMs", Value::from(*until)),
                ("order", Value::from(titian_tests::etr_types::some_digest(order))),
                ("permits", Value::List(permits)),
            ])
        });
        let notice = self.notice.map(|(act, ms)| {
            object(&[("act", text(act)), ("order", order()), ("ms", Value::from(ms))])
        });
        let id = at(&self.profile, "id").as_text().expect("an id");
        let public = object(&[
            ("id", text(&self.id)),
            ("profile", Value::from(format!("{id}@1"))),
            ("regime", text("SG-ETA-2A")),
            ("home", text(&name(t, self.issuer)[..2])),
            ("status", text(self.status())),
            ("end", Value::from(self.end)),
            ("generation", Value::from(self.generation)),
            ("seq", Value::from(self.seq)),
            ("head", Value::from(self.head)),
            ("contentRoot", Value::from(self.content_root())),
            ("contentVersion", Value::from(self.version)),
            ("frozen", Value::from(frozen)),
            ("issuedMs", Value::from(self.issued)),
        ]);
        let lineage = object(&[
            ("root", text(&self.root)),
            ("from", texts(&self.from)),
            ("into", texts(&self.into)),
        ]);
        let party = object(&[
            ("issuer", text(name(t, self.issuer))),
            ("ref", text(&self.reference)),
            ("obligor", text(name(t, 0))),
            ("controller", self.controller.value(t)),
            ("title", title),
            ("lots", lots_value(&self.lots)),
            ("pending", self.pending(t)),
            ("pledges", Value::List(self.pledges.iter().map(|p| p.value(t)).collect())),
            ("guarantees", self.guarantees_value(t)),
            ("money", Value::from(self.money.as_ref().map(|money| money.value(t)))),
            ("notice", Value::from(notice)),
            ("lineage", lineage),
            ("endorsements", Value::from(self.chain.len() as u64)),
            ("blind", text(BLIND)),
        ]);
        (public, party)
    }

    fn guarantees_value(&self, t: &Traders) -> Value {
        let one = |(guarantor, of, amount): &(usize, usize, u64)| {
            object(&[
                ("guarantor", Value::from(name(t, *guarantor))),
                ("for", Value::from(name(t, *of))),
                ("amount", Value::from(amount.to_string())),
            ])
        };
        Value::List(self.guarantees.iter().map(one).collect())
    }

    fn pending(&self, t: &Traders) -> Value {
        let Some((waiting, deadline, op)) = &self.waiting else { return Value::Null };
        let tail = [("deadlineMs", Value::from(*deadline)), ("op", Value::from(*op))];
        let head = match waiting {
            Waiting::Offer { to, endorse, flag, tree, firm } => vec![
                ("act", Value::from("offer")),
                ("to", to.value(t)),
                ("endorse", Value::from(*endorse)),
                ("withoutRecourse", Value::Bool(*flag)),
                ("conditions", tree.clone()),
                ("irrevocable", Value::Bool(*firm)),
            ],
            Waiting::Surrender { kind } => vec![
                ("act", Value::from("surrender")),
                ("kind", Value::from(*kind)),
                ("reason", Value::Null),
            ],
            Waiting::Present { what, attesters } => {
                let named = attesters.iter().map(|who| Value::from(name(t, *who))).collect();
                vec![
                    ("act", Value::from("present")),
                    ("for", Value::from(*what)),
                    ("attesters", Value::List(named)),
                ]
            }
        };
        Value::object(head.into_iter().chain(tail))
    }
}

impl Pledged {
    fn value(&self, t: &Traders) -> Value {
        object(&[
            ("no", Value::from(self.no)),
            ("to", Value::from(name(t, self.to))),
            ("lots", lots_value(&self.lots)),
            ("terms", Value::from(titian_tests::etr_types::some_digest("terms"))),
            ("on", after(self.on_ms)),
            ("cureS", Value::from(self.cure_s)),
            ("op", Value::from(self.op)),
            ("noticeMs", Value::from(self.notice)),
        ])
    }
}

impl Money {
    fn value(&self, t: &Traders) -> Value {
        let names = |list: &[usize]| {
            Value::List(list.iter().map(|who| Value::from(name(t, *who))).collect())
        };
        let accepted = self.accepted.map(|(amount, ms)| {
            object(&[
                ("amount", Value::from(amount.to_string())),
                ("ms", Value::from(ms)),
                ("variation", Value::Null),
            ])
        });
        let dishonoured = self.dishonoured.as_ref().map(|(ms, what, reason, notified, demands)| {
            object(&[
                ("ms", Value::from(*ms)),
                ("for", Value::from(*what)),
                ("reason", Value::from(*reason)),
                ("notified", names(notified)),
                ("demands", names(demands)),
            ])
        });
        let protested = self.protested.map(|ms| {
            let digest = titian_tests::etr_types::some_digest("protest");
            object(&[("ms", Value::from(ms)), ("digest", Value::from(digest))])
        });
        object(&[
            ("dueMs", Value::from(self.due)),
            ("accepted", Value::from(accepted)),
            ("dishonoured", Value::from(dishonoured)),
            ("protested", Value::from(protested)),
            ("stopped", Value::Bool(self.stopped)),
        ])
    }
}

pub fn after(ms: u64) -> Value {
    object(&[("after", object(&[("ms", Value::from(ms))]))])
}

/// Whether a deadline lies between a minute and thirty days from now.
pub fn in_time(deadline: u64, t: u64) -> bool {
    deadline >= t + 60_000 && deadline <= t + 30 * DAY_MS
}

/// What is left of lots; none if what is taken is not there so, or is nothing.
pub fn less(held: &[Lot], taken: &[Lot]) -> Option<Vec<Lot>> {
    let mut rest = held.to_vec();
    for (i, take) in taken.iter().enumerate() {
        let twice = taken[..i].iter().any(|before| before.0 == take.0);
        let lot = rest.iter_mut().find(|lot| lot.0 == take.0 && lot.1 == take.1)?;
        if twice || take.3 == 0 || lot.3 < take.3 {
            return None;
        }
        lot.3 -= take.3;
    }
    rest.retain(|lot| lot.3 > 0);
    (!taken.is_empty()).then_some(rest)
}

/// The acts of a profile.
pub fn acts_of(profile: &Value) -> Vec<String> {
    let groups = [
        (
            "@base",
            "annotate amend cancel succeed expire freeze unfreeze court_notice court_transfer \
             court_amend court_annul",
        ),
        ("@transfer", "offer accept refuse withdraw deliver"),
        ("@pledge", "pledge release default_notice enforce"),
        ("@surrender", "surrender surrender_accept surrender_reject"),
        ("@payment", "present pay dishonour protest notify recourse recourse_pay aval"),
    ];
    list_at(profile, "acts/allow")
        .iter()
        .flat_map(|item| {
            let group = groups.iter().find(|(name, _)| name == item);
            group.map_or(item.as_str(), |(_, acts)| acts).split_whitespace().map(str::to_owned)
        })
        .collect()
}
