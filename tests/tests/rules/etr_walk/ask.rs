//! What a step asks for, and who signs it by the documents.

use titian_contracts::digest::Digest;
use titian_contracts::json::Value;
use titian_tests::etr::{Traders, accept_args};
use titian_tests::etr_types::{object, some_digest};

use super::model::{Lot, Model, Person, Waiting, after, lots_value, name};

/// A condition tree of the walk.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    None,
    After(u64),
    /// A payment of 10,000 that trader 3 attests: its number and the time to settle.
    Payment(u64, u64),
    Bad,
}

impl Tree {
    pub fn value(&self, t: &Traders) -> Value {
        match self {
            Self::None => Value::Null,
            Self::After(ms) => after(*ms),
            Self::Bad => object(&[("all", Value::List(Vec::new()))]),
            Self::Payment(no, settle) => object(&[(
                "payment_attested",
                object(&[
                    ("uetr", Value::from(uetr(*no))),
                    ("unit", Value::from("SGD")),
                    ("amount", Value::from("10000")),
                    ("settleByMs", Value::from(*settle)),
                    ("attesters", Value::List(vec![Value::from(name(t, 3))])),
                    ("k", Value::Int(1)),
                ]),
            )]),
        }
    }
}

pub fn uetr(no: u64) -> String {
    format!("00000000-0000-4000-8000-{no:012x}")
}

/// An attestation by trader 3 or, if wrong, by another: its payment, sum and op.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    pub by: usize,
    pub no: u64,
    pub amount: u64,
    pub op: Digest,
}

/// Lots of a part, and of each pledge on it.
pub type Part = (Vec<Lot>, Vec<(u64, Vec<Lot>)>);

/// An act with the arguments that vary.
#[derive(Clone, Debug)]
pub enum Do {
    Offer {
        to: Person,
        endorse: Option<&'static str>,
        flag: bool,
        tree: Tree,
        firm: bool,
        deadline: u64,
    },
    Deliver {
        to: Person,
        endorse: Option<&'static str>,
        flag: bool,
        consent: Option<u64>,
    },
    Accept {
        words: Vec<Word>,
    },
    Refuse,
    Withdraw,
    Expire,
    Assign {
        to: Person,
    },
    Succeed {
        of: usize,
        to: usize,
    },
    Endorse {
        blank: bool,
    },
    Annotate {
        code: String,
    },
    Amend {
        field: String,
        hash: Option<Digest>,
        lots: Option<Vec<Lot>>,
        open: Value,
    },
    CourtAmend {
        field: String,
        hash: Option<Digest>,
    },
    Split {
        parts: Vec<Part>,
    },
    Merge {
        with: Vec<(String, u64, Digest)>,
    },
    Pledge {
        to: usize,
        lots: Vec<Lot>,
        on_ms: u64,
        cure_s: u64,
    },
    Release {
        no: u64,
    },
    DefaultNotice {
        no: u64,
    },
    Enforce {
        no: u64,
        to: Person,
    },
    Surrender {
        kind: &'static str,
        deadline: u64,
    },
    SurrenderAccept {
        paper: Option<String>,
        issued: Option<Vec<String>>,
    },
    SurrenderReject,
    DeliverPart {
        lots: Vec<Lot>,
    },
    Present {
        what: &'static str,
        attesters: Vec<usize>,
        deadline: u64,
    },
    BillAccept {
        amount: u64,
    },
    Dishonour,
    Pay {
        amount: u64,
        words: Vec<Word>,
    },
    Protest,
    Notify {
        to: usize,
    },
    Recourse {
        against: usize,
    },
    RecoursePay {
        payer: usize,
    },
    Aval {
        guarantor: usize,
        of: usize,
        amount: u64,
    },
    Stop,
    Cancel,
    Lapse,
    Freeze {
        order: &'static str,
        until: u64,
        permits: Vec<&'static str>,
    },
    Unfreeze,
    Notice {
        act: &'static str,
    },
    CourtTransfer {
        to: Person,
        title: (&'static str, Option<Person>),
    },
    CourtAnnul,
}

/// One op on a record.
#[derive(Clone, Debug)]
pub struct Ask {
    pub act: Do,
    /// The conditions as the op shows them.
    pub tree: Value,
    pub signers: Vec<usize>,
    pub ack: Vec<String>,
    pub seq: u64,
    pub head: Digest,
    pub bundled: bool,
    pub rulebook_known: bool,
}

/// Who signs: a person, and whether it must.
pub type Roles = Vec<(Person, bool)>;

impl Do {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Offer { .. } => "offer",
            Self::Deliver { .. } => "deliver",
            Self::Accept { .. } => "accept",
            Self::Refuse => "refuse",
            Self::Withdraw => "withdraw",
            Self::Expire => "expire",
            Self::Assign { .. } => "assign_control",
            Self::Succeed { .. } => "succeed",
            Self::Endorse { .. } => "endorse",
            Self::Annotate { .. } => "annotate",
            Self::Amend { .. } => "amend",
            Self::CourtAmend { .. } => "court_amend",
            Self::Split { .. } => "split",
            Self::Merge { .. } => "merge",
            Self::Pledge { .. } => "pledge",
            Self::Release { .. } => "release",
            Self::DefaultNotice { .. } => "default_notice",
            Self::Enforce { .. } => "enforce",
            Self::Surrender { .. } => "surrender",
            Self::SurrenderAccept { .. } => "surrender_accept",
            Self::SurrenderReject => "surrender_reject",
            Self::DeliverPart { .. } => "deliver_part",
            Self::Present { .. } => "present",
            Self::BillAccept { .. } => "bill_accept",
            Self::Dishonour => "dishonour",
            Self::Pay { .. } => "pay",
            Self::Protest => "protest",
            Self::Notify { .. } => "notify",
            Self::Recourse { .. } => "recourse",
            Self::RecoursePay { .. } => "recourse_pay",
            Self::Aval { .. } => "aval",
            Self::Stop => "stop",
            Self::Cancel => "cancel",
            Self::Lapse => "lapse",
            Self::Freeze { .. } => "freeze",
            Self::Unfreeze => "unfreeze",
            Self::Notice { .. } => "court_notice",
            Self::CourtTransfer { .. } => "court_transfer",
            Self::CourtAnnul => "court_annul",
        }
    }

    pub fn is_court(&self) -> bool {
        self.name().starts_with("court_") || matches!(self, Self::Freeze { .. } | Self::Unfreeze)
    }

    pub fn args(&self, t: &Traders, m: &Model) -> Value {
        let text = |text: &str| Value::from(text);
        let digest = |what: &str| Value::from(some_digest(what));
        let who = |who: usize| Value::from(name(t, who));
        let list = Value::List;
        let words = |words: &[Word]| {
            let word = |w: &Word| t.attestation(name(t, w.by), &uetr(w.no), w.amount, &m.id, w.op);
            list(words.iter().map(word).collect())
        };
        let flagged = |args: Value, flag: bool| {
            if flag { args.with("withoutRecourse", Value::Bool(true)) } else { args }
        };
        let order = || ("order", digest("order"));
        match self {
            Self::Offer { to, endorse, flag, tree, firm, deadline } => flagged(
                object(&[
                    ("to", to.value(t)),
                    ("endorse", Value::from(*endorse)),
                    ("conditions", tree.value(t)),
                    ("irrevocable", Value::Bool(*firm)),
                    ("deadlineMs", Value::from(*deadline)),
                ]),
                *flag,
            ),
            Self::Deliver { to, endorse, flag, consent } => flagged(
                object(&[
                    ("to", to.value(t)),
                    ("endorse", Value::from(*endorse)),
                    ("consentNo", Value::from(*consent)),
                ]),
                *flag,
            ),
            Self::Accept { words: w } if w.is_empty() => accept_args(),
            Self::Accept { words: w } => object(&[("evidence", words(w))]),
            Self::Refuse => object(&[("reason", Value::Null)]),
            Self::Assign { to } => object(&[("to", to.value(t))]),
            Self::Succeed { of, to } => {
                object(&[("role", text("controller")), ("of", who(*of)), ("successor", who(*to))])
            }
            Self::Endorse { blank } => {
                object(&[("kind", text(if *blank { "blank" } else { "conversion" }))])
            }
            Self::Annotate { code } => object(&[("code", text(code)), ("digest", digest("note"))]),
            Self::Amend { field, hash, lots, open } => object(&[
                ("leaves", leaves(m)),
                ("changes", changes(field, *hash)),
                ("open", open.clone()),
                ("lots", Value::from(lots.as_ref().map(|lots| lots_value(lots)))),
                ("reason", text("correction")),
                ("text", digest("text")),
            ]),
            Self::CourtAmend { field, hash } => object(&[
                order(),
                ("leaves", leaves(m)),
                ("changes", changes(field, *hash)),
                ("text", digest("text")),
            ]),
            Self::Split { parts } => {
                let part = |(lots, pledges): &(Vec<Lot>, Vec<(u64, Vec<Lot>)>)| {
                    let pledge = |(no, lots): &(u64, Vec<Lot>)| {
                        object(&[("no", Value::from(*no)), ("lots", lots_value(lots))])
                    };
                    let pledges = list(pledges.iter().map(pledge).collect());
                    object(&[("lots", lots_value(lots)), ("pledges", pledges)])
                };
                object(&[("parts", list(parts.iter().map(part).collect()))])
            }
            Self::Merge { with } => {
                let one = |(id, seq, head): &(String, u64, Digest)| {
                    object(&[
                        ("id", text(id)),
                        ("seq", Value::from(*seq)),
                        ("head", Value::from(*head)),
                    ])
                };
                object(&[
                    ("with", list(with.iter().map(one).collect())),
                    ("leaves", Value::Null),
                    ("open", Value::Null),
                ])
            }
            Self::Pledge { to, lots, on_ms, cure_s } => object(&[
                ("to", who(*to)),
                ("lots", lots_value(lots)),
                ("terms", digest("terms")),
                ("on", after(*on_ms)),
                ("cureS", Value::from(*cure_s)),
            ]),
            Self::Release { no } => object(&[("no", Value::from(*no))]),
            Self::DefaultNotice { no } => {
                object(&[("no", Value::from(*no)), ("digest", digest("default"))])
            }
            Self::Enforce { no, to } => object(&[
                ("no", Value::from(*no)),
                ("to", to.value(t)),
                ("evidence", list(Vec::new())),
            ]),
            Self::Surrender { kind, deadline } => object(&[
                ("kind", text(kind)),
                ("reason", Value::Null),
                ("deadlineMs", Value::from(*deadline)),
            ]),
            Self::SurrenderAccept { paper: Some(serial), .. } => {
                let statement =
                    object(&[("code", text("medium")), ("digest", digest("statement"))]);
                object(&[
                    ("serials", list(vec![text(serial)])),
                    ("print", digest("print")),
                    ("statement", statement),
                ])
            }
            Self::SurrenderAccept { issued: Some(ids), .. } => {
                object(&[("issued", list(ids.iter().map(|id| text(id)).collect()))])
            }
            Self::SurrenderAccept { .. } => object(&[("digest", Value::Null)]),
            Self::SurrenderReject | Self::Dishonour | Self::Stop | Self::Cancel => {
                object(&[("reason", text("no"))])
            }
            Self::DeliverPart { lots } => {
                object(&[("lots", lots_value(lots)), ("digest", Value::Null)])
            }
            Self::Present { what, attesters, deadline } => object(&[
                ("for", text(what)),
                ("attesters", list(attesters.iter().map(|a| who(*a)).collect())),
                ("deadlineMs", Value::from(*deadline)),
            ]),
            Self::BillAccept { amount } => {
                object(&[("amount", Value::from(amount.to_string())), ("variation", Value::Null)])
            }
            Self::Pay { amount, words: w } => {
                object(&[("amount", Value::from(amount.to_string())), ("evidence", words(w))])
            }
            Self::Protest => object(&[("digest", digest("protest"))]),
            Self::Notify { to } => object(&[("to", list(vec![who(*to)]))]),
            Self::Recourse { against } => object(&[("against", who(*against))]),
            Self::RecoursePay { payer } => object(&[("payer", who(*payer))]),
            Self::Aval { guarantor, of, amount } => object(&[
                ("guarantor", who(*guarantor)),
                ("for", who(*of)),
                ("amount", Value::from(amount.to_string())),
            ]),
            Self::Freeze { order, until, permits } => object(&[
                ("order", digest(order)),
                ("untilMs", Value::from(*until)),
                ("permits", list(permits.iter().map(|act| text(act)).collect())),
            ]),
            Self::Unfreeze | Self::CourtAnnul => object(&[order()]),
            Self::Notice { act } => object(&[order(), ("act", text(act))]),
            Self::CourtTransfer { to, title: (kind, party) } => {
                let title = object(&[("kind", text(kind))]);
                let title = match party {
                    Some(party) => title.with("party", party.value(t)),
                    None => title,
                };
                object(&[order(), ("to", to.value(t)), ("title", title)])
            }
            Self::Withdraw | Self::Expire | Self::Lapse => Value::object::<&str, _>([]),
        }
    }
}

fn leaves(m: &Model) -> Value {
    let leaf = |(name, hash): &(String, Digest)| {
        object(&[("name", Value::from(name.as_str())), ("hash", Value::from(*hash))])
    };
    Value::List(m.leaves.iter().map(leaf).collect())
}

fn changes(field: &str, hash: Option<Digest>) -> Value {
    Value::List(vec![object(&[("name", Value::from(field)), ("hash", Value::from(hash))])])
}

impl Model {
    /// K †: the controller and, if it holds for another, that principal.
    fn holder(&self) -> Roles {
        let principal = self.title.principal.clone();
        let principal = principal
            .filter(|p| self.title.capacity != "owner" && !p.same(&self.controller))
            .map(|p| (p, true));
        [(self.controller.clone(), true)].into_iter().chain(principal).collect()
    }

    fn giver(&self, to: &Person, endorse: Option<&str>) -> Roles {
        let back = endorse == Some("special")
            && self.title.principal.as_ref().is_some_and(|principal| principal.same(to));
        let on = self.title.capacity == "collection" && endorse == Some("collection");
        let mut roles =
            if back || on { vec![(self.controller.clone(), true)] } else { self.holder() };
        roles.extend(self.pledgees());
        roles
    }

    fn pledgees(&self) -> Roles {
        self.pledges.iter().map(|pledge| (Person::one(pledge.to), true)).collect()
    }

    fn plus(mut roles: Roles, more: impl IntoIterator<Item = (Person, bool)>) -> Roles {
        roles.extend(more);
        roles
    }

    /// All members of a person, each for itself.
    pub fn each(person: &Person, must: bool) -> Roles {
        person.of.iter().map(|who| (Person::one(*who), must)).collect()
    }

    /// Who signs an act; `None` if nobody is in the role.
    pub fn roles(&self, act: &Do, signers: &[usize]) -> Option<Roles> {
        let k = || (self.controller.clone(), true);
        let one = |who: usize| (Person::one(who), true);
        let o = one(0);
        Some(match act {
            Do::Offer { to, endorse, .. } => self.giver(to, *endorse),
            Do::Deliver { to, endorse, .. } => {
                Self::plus(self.giver(to, *endorse), Self::each(to, false))
            }
            Do::Accept { .. } | Do::Refuse => match &self.waiting {
                Some((Waiting::Offer { to, .. }, _, _)) => {
                    if matches!(act, Do::Refuse) {
                        vec![(to.clone(), true)]
                    } else {
                        Self::each(to, true)
                    }
                }
                _ => return None,
            },
            Do::Withdraw
            | Do::Present { .. }
            | Do::Protest
            | Do::Notify { .. }
            | Do::Recourse { .. } => vec![k()],
            Do::Expire | Do::Lapse => Vec::new(),
            Do::Assign { to } => Self::plus(vec![k(), o], Self::each(to, true)),
            Do::Succeed { to, .. } => vec![one(*to)],
            Do::Endorse { .. } => self.holder(),
            Do::Annotate { .. } => {
                let holds = self.controller.of.iter().any(|who| signers.contains(who));
                if signers.contains(&0) && !holds { vec![o] } else { vec![k()] }
            }
            Do::Amend { field, .. } => {
                let mut roles = Self::plus(self.holder(), [one(self.answering())]);
                roles.extend(self.pledgees());
                if self.lists("fields/essential", field) {
                    roles.extend(self.guarantees.iter().map(|g| one(g.0)));
                    roles.extend(self.chain.iter().map(|link| (link.from.clone(), false)));
                }
                roles
            }
            Do::Cancel => {
                let roles = Self::plus(self.holder(), [one(self.answering())]);
                Self::plus(roles, self.pledgees())
            }
            Do::Split { .. } => Self::plus(Self::plus(self.holder(), [o]), self.pledgees()),
            Do::Merge { .. } => Self::plus(self.holder(), [o]),
            Do::DeliverPart { .. } => Self::plus(vec![k(), o], self.pledgees()),
            Do::Surrender { .. } => Self::plus(vec![k()], self.pledgees()),
            Do::SurrenderAccept { .. } | Do::SurrenderReject => vec![one(self.answering())],
            Do::Pledge { to, lots, .. } => {
                let mut roles = Self::plus(self.holder(), [one(*to)]);
                if *lots != self.lots {
                    roles.push(o);
                }
                roles
            }
            Do::Release { no } | Do::DefaultNotice { no } => {
                vec![one(self.pledges.iter().find(|pledge| pledge.no == *no)?.to)]
            }
            Do::Enforce { no, to } => {
                self.pledges.iter().find(|pledge| pledge.no == *no)?;
                let senior = self.pledges.iter().filter(|pledge| pledge.no <= *no);
                Self::plus(senior.map(|pledge| one(pledge.to)).collect(), Self::each(to, true))
            }
            Do::BillAccept { amount } => Self::plus(vec![o], (*amount < self.sum()).then(k)),
            Do::Dishonour => vec![o],
            Do::Pay { words, .. } => {
                let k = (self.controller.clone(), words.is_empty());
                Self::plus(vec![o, k], self.pledgees())
            }
            Do::RecoursePay { payer } => Self::plus(vec![one(*payer), k()], self.pledgees()),
            Do::Aval { guarantor, .. } => vec![one(*guarantor), k()],
            Do::Stop => vec![one(self.issuer)],
            Do::Freeze { .. }
            | Do::Unfreeze
            | Do::Notice { .. }
            | Do::CourtTransfer { .. }
            | Do::CourtAmend { .. }
            | Do::CourtAnnul => Vec::new(),
        })
    }
}
