//! Who signs an act (etr.md §5), as roles of the record's state.
//!
//! Notes: `†` (Q, the principal of an agent) and `(+X)` (every live pledgee) stand in one place
//! each. Where nobody is in a role, [`of`] answers `None`; then the act answers for itself.

use super::act::{Act, Deliver};
use super::content;
use super::issue;
use super::person::{Person, identity};
use super::profile::Profile;
use super::record::{Capacity, Endorse, Pending, Record};
use super::signing::{Role, principal_of};
use crate::context::Context;
use crate::op::Op;

/// The scope of those who receive: a business that only receives records needs no other.
pub const RECEIVE: &str = "etr.accept";

/// What the roles of an act depend on.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The op.
    pub op: &'a Op,
    /// Its act.
    pub act: &'a Act,
    /// The id that it names.
    pub id: &'a str,
    /// The profile of the record.
    pub profile: &'a Profile,
}

/// The roles of an act. `None` if nobody is in the role that must sign it.
pub fn of(ctx: &Context<'_, '_>, asked: Asked<'_>, record: Option<&Record>) -> Option<Vec<Role>> {
    match (asked.act, record) {
        (Act::Issue(args), _) => Some(issue::roles(ctx, asked, args)),
        (_, Some(record)) => Cast { ctx, asked, record, scope: asked.op.name() }.roles(),
        (_, None) => None,
    }
}

/// The people around one record.
struct Cast<'a, 'b, 'c> {
    ctx: &'a Context<'b, 'c>,
    asked: Asked<'a>,
    record: &'a Record,
    scope: String,
}

impl Cast<'_, '_, '_> {
    fn person(&self, letter: &'static str, person: &Person) -> Role {
        Role::of(letter, person, &self.scope)
    }

    fn party(&self, letter: &'static str, ubin: &str) -> Role {
        Role::party(letter, ubin, &self.scope)
    }

    fn controller(&self) -> Role {
        self.person("K", &self.record.party.controller)
    }

    fn obligor(&self) -> Role {
        self.party("O", &self.record.party.obligor)
    }

    /// The obligor or, until the drawee accepted, the drawer in its place.
    fn answering(&self) -> Role {
        self.party("O", answering(self.asked.profile, self.record))
    }

    fn pledgees(&self) -> impl Iterator<Item = Role> + '_ {
        self.record.party.pledges.iter().map(|pledge| self.party("X", &pledge.to))
    }

    /// K †: the controller and, if it holds for another, that principal.
    fn holder(&self) -> Vec<Role> {
        let title = &self.record.party.title;
        let own =
            |principal: &&Person| !principal.same(&self.record.party.controller, self.ctx.state);
        let principal = title.principal.as_ref().filter(own);
        let principal = principal.filter(|_| title.capacity != Capacity::Owner);
        [self.controller()]
            .into_iter()
            .chain(principal.map(|principal| self.person("Q", principal)))
            .collect()
    }

    /// K † (+X) of a transfer: Q need not sign if the agent passes the record to another agent for
    /// the same principal, nor if it goes back to the principal.
    fn giver(&self, to: &Person, endorse: Option<Endorse>) -> Vec<Role> {
        let title = &self.record.party.title;
        let principal = title.principal.as_ref();
        let back = endorse == Some(Endorse::Special)
            && principal.is_some_and(|principal| to.same(principal, self.ctx.state));
        let on = title.capacity == Capacity::Collection && endorse == Some(Endorse::Collection);
        let mut roles = if back || on { vec![self.controller()] } else { self.holder() };
        roles.extend(self.pledgees());
        roles
    }

    fn receiver(&self, deliver: &Deliver) -> Vec<Role> {
        let each = |member: &String| {
            let role = Role::party("N", member, RECEIVE);
            if deliver.consent_no.is_some() {
                role.optional()
            } else {
                Role { by_consent: true, ..role }
            }
        };
        deliver.to.members().iter().map(each).collect()
    }

    fn roles(&self) -> Option<Vec<Role>> {
        let party = &self.record.party;
        Some(match self.asked.act {
            Act::Offer(offer) => self.giver(&offer.to, offer.endorse),
            Act::Deliver(deliver) => {
                let mut roles = self.giver(&deliver.to, deliver.endorse);
                roles.extend(self.receiver(deliver));
                roles
            }
            Act::Accept { .. } | Act::Refuse => match &party.pending {
                Some(Pending::Offer { to, .. }) if matches!(self.asked.act, Act::Refuse) => {
                    vec![self.person("N", to)]
                }
                Some(Pending::Offer { to, .. }) => vec![Role::all_of("N", to, &self.scope)],
                _ => return None,
            },
            Act::AssignControl { to } => {
                vec![self.controller(), Role::all_of("N", to, RECEIVE), self.obligor()]
            }
            Act::Succeed { successor, .. } => vec![self.party("S", successor)],
            Act::Annotate { .. } => vec![self.author()],
            Act::Withdraw
            | Act::Present { .. }
            | Act::Protest { .. }
            | Act::Notify { .. }
            | Act::Recourse { .. } => vec![self.controller()],
            Act::Endorse { .. } => self.holder(),
            Act::Expire | Act::Lapse => Vec::new(),
            _ => return self.more(),
        })
    }

    fn more(&self) -> Option<Vec<Role>> {
        let record = self.record;
        Some(match self.asked.act {
            Act::Amend(amend) => {
                let mut roles = self.with_pledgees(self.holder(), self.answering());
                let essential = &self.asked.profile.essential;
                if amend.changes.iter().any(|(name, _)| essential.contains(name)) {
                    let guarantors = &record.party.guarantees;
                    roles.extend(guarantors.iter().map(|g| self.party("G", &g.guarantor)));
                    roles.extend(self.endorsers());
                }
                roles
            }
            Act::Split { .. } => self.with_pledgees(self.holder(), self.obligor()),
            Act::Merge(_) => {
                let mut roles = self.holder();
                roles.push(self.obligor());
                roles
            }
            Act::Cancel => self.with_pledgees(self.holder(), self.answering()),
            Act::DeliverPart { .. } => self.with_pledgees(vec![self.controller()], self.obligor()),
            Act::Surrender { .. } => {
                [self.controller()].into_iter().chain(self.pledgees()).collect()
            }
            Act::SurrenderAccept(_) | Act::SurrenderReject => vec![self.answering()],
            Act::Pledge(pledge) => {
                let mut roles = self.holder();
                roles.push(Role::party("N", &pledge.to, RECEIVE));
                if !super::quantity::same(&pledge.lots, &record.party.lots) {
                    roles.push(self.obligor());
                }
                roles
            }
            Act::Release { no } | Act::DefaultNotice { no, .. } => {
                vec![self.party("X", &record.pledge(*no)?.to)]
            }
            Act::Enforce { no, to, .. } => self.enforcers(*no, to)?,
            _ => return self.money(),
        })
    }

    fn money(&self) -> Option<Vec<Role>> {
        let record = self.record;
        Some(match self.asked.act {
            Act::BillAccept { amount, variation } => {
                let whole = record.party.lots.first().map_or(0, |lot| lot.amount);
                let mut roles = vec![self.obligor()];
                if *amount < whole || variation.is_some() {
                    roles.push(self.controller());
                }
                roles
            }
            Act::Dishonour { .. } => vec![self.obligor()],
            Act::Pay { evidence, .. } => {
                let controller = self.controller();
                let controller =
                    if evidence.is_empty() { controller } else { controller.optional() };
                let roles = vec![self.obligor(), controller];
                roles.into_iter().chain(self.pledgees()).collect()
            }
            Act::RecoursePay { payer } => {
                let roles = vec![self.party("R", payer), self.controller()];
                roles.into_iter().chain(self.pledgees()).collect()
            }
            Act::Aval { guarantor, .. } => {
                vec![self.party("G", guarantor), self.controller()]
            }
            Act::Stop => vec![self.party("D", &record.party.issuer)],
            Act::Freeze { .. }
            | Act::Unfreeze
            | Act::CourtNotice { .. }
            | Act::CourtTransfer { .. }
            | Act::CourtAmend(_)
            | Act::CourtAnnul { .. } => {
                vec![Role::authorities(&record.public.home, &self.scope)]
            }
            _ => return None,
        })
    }

    fn with_pledgees(&self, mut roles: Vec<Role>, other: Role) -> Vec<Role> {
        roles.push(other);
        roles.extend(self.pledgees());
        roles
    }

    /// Who writes a note: the obligor if it signs and the controller does not.
    fn author(&self) -> Role {
        let signed = |ubin: &String| {
            let who = identity(self.ctx.state, ubin);
            self.asked
                .op
                .signatures
                .iter()
                .any(|signature| identity(self.ctx.state, principal_of(signature)) == who)
        };
        let controller = self.record.party.controller.members().iter().any(signed);
        if signed(&self.record.party.obligor) && !controller {
            self.obligor()
        } else {
            self.controller()
        }
    }

    /// Prior endorsers may sign an amendment; who does not is released from recourse.
    fn endorsers(&self) -> Vec<Role> {
        super::endorsement::all(self.ctx.state, self.record)
            .into_iter()
            .filter_map(|entry| entry.endorser_person())
            .map(|endorser| self.person("E", &endorser).optional())
            .collect()
    }

    /// The pledgee, those who rank before it, and the receiver.
    fn enforcers(&self, no: u64, to: &Person) -> Option<Vec<Role>> {
        let own = self.record.pledge(no)?;
        let senior = self.record.party.pledges.iter().filter(|pledge| pledge.no < no);
        let mut roles = vec![self.party("X", &own.to)];
        roles.extend(senior.map(|pledge| self.party("X", &pledge.to)));
        roles.push(Role::all_of("N", to, RECEIVE));
        Some(roles)
    }
}

/// Who answers for the obligor: the drawer until the drawee accepted.
pub fn answering<'a>(profile: &Profile, record: &'a Record) -> &'a str {
    let accepted = record.party.money.as_ref().is_some_and(|money| money.accepted.is_some());
    if profile.drawer_issues && !accepted { &record.party.issuer } else { &record.party.obligor }
}

/// The UBIN that opens a record: the obligor or, where the drawer issues, the signer (else the
/// receiver or obligor) whose number gives the id.
pub fn issuer(ctx: &Context<'_, '_>, asked: Asked<'_>, args: &super::act::Issue) -> Option<String> {
    if !asked.profile.drawer_issues {
        return Some(args.obligor.clone());
    }
    let signers = asked.op.signatures.iter().map(|s| principal_of(s).to_owned());
    let others = args.to.members().iter().chain([&args.obligor]).cloned();
    signers.chain(others).find(|ubin| {
        let entity = identity(ctx.state, ubin);
        let series = &asked.profile.series;
        content::record_id(ctx.chain, series, &entity, &args.reference) == asked.id
    })
}
