//! Opening a record: `issue` and `issue_from_paper` (etr.md §5, §3.1, §3.3, §6.5).
//!
//! Invariants: I1 a number has one root record, and a paper serial is consumed once; I14 paper that
//! the ledger knows comes back as a descendant of the record that it replaced, under an id of its
//! own, while its op names the id of the number.

use super::act::{Act, FromPaper, Issue};
use super::bundle::Group;
use super::content;
use super::fields::{self, Binding};
use super::kernel::{self, Work};
use super::legal;
use super::person::{Person, country, identity};
use super::profile::{self, Profile};
use super::record::{
    Aside, Capacity, End, Money, PartyPart, Public, Record, Status, Title, TitleKind,
};
use super::roles::{self, Asked, RECEIVE};
use super::signing::Role;
use super::surrender::{OfPaper, PaperSerial};
use super::{inquiry, keys, request};
use crate::context::Context;
use crate::error::{Code, Reject};

/// The id of a record is a function of issuer and number: `MALFORMED` for any other. While profile
/// or issuer are unknown there is nothing to compare with; both are errors later on. A drawer is
/// known by its signature only: another id lacks it.
pub fn check_id(ctx: &Context<'_, '_>, id: &str, args: &Issue) -> Result<(), Reject> {
    let profile = profile::load(ctx.state, &args.profile);
    let issuer = crate::ubin::actor(ctx.state, &args.obligor);
    match (profile, issuer) {
        (Some(profile), Some(issuer)) if !profile.drawer_issues => {
            let made =
                content::record_id(ctx.chain, &profile.series, &issuer.entity, &args.reference);
            if made == id {
                Ok(())
            } else {
                Err(Reject::new(Code::Malformed, "/id", "not the id of this issuer and number"))
            }
        }
        _ => Ok(()),
    }
}

/// Whether the op brings back paper of which at least one serial is registered.
pub fn is_known_paper(ctx: &Context<'_, '_>, args: &Issue) -> bool {
    let Some(paper) = &args.paper else { return false };
    // a drawer's paper stands under the drawer, which is found with the signers only
    let by_drawer =
        profile::load(ctx.state, &args.profile).is_some_and(|profile| profile.drawer_issues);
    let issuer = identity(ctx.state, &args.obligor);
    by_drawer || paper.serials.iter().any(|serial| ctx.state.holds(&keys::paper(&issuer, serial)))
}

/// I signs with the role of the profile; each receiver signs or, at `issue`, gave standing consent;
/// U signs for the paper.
pub fn roles(ctx: &Context<'_, '_>, asked: Asked<'_>, args: &Issue) -> Vec<Role> {
    let issuer = roles::issuer(ctx, asked, args);
    let mut roles = vec![match &issuer {
        Some(ubin) => Role::party("I", ubin, &asked.profile.role),
        // nobody known would give this id, so nobody's signature does
        None => Role { members: Vec::new(), ..Role::party("I", "", &asked.profile.role) },
    }];
    let issuer = issuer.map(|ubin| (identity(ctx.state, &ubin), ubin));
    for member in args.to.members() {
        if issuer.as_ref().is_some_and(|(id, _)| identity(ctx.state, member) == *id) {
            continue;
        }
        let mut role = Role::party("N", member, RECEIVE);
        role.by_consent = args.paper.is_none();
        // who may lower the sum by attestation is named to the receiver: its own signature says so
        let stands_in = role.by_consent && args.attesters.is_empty();
        let consented = issuer
            .as_ref()
            .is_some_and(|(_, ubin)| kernel::consents(ctx, member, &asked.profile.id, ubin));
        if stands_in && consented {
            // it may sign all the same
            role.k = 0;
        }
        roles.push(role);
    }
    if let Some(paper) = &args.paper {
        roles.push(Role::party("U", &paper.custodian, "etr.custody"));
    }
    roles
}

/// Who opens the record; while nobody is known whose number gives the id, its first receiver.
pub fn issuer(ctx: &Context<'_, '_>, asked: Asked<'_>, args: &Issue) -> String {
    roles::issuer(ctx, asked, args)
        .or_else(|| args.to.members().first().cloned())
        .unwrap_or_else(|| args.obligor.clone())
}

/// Checks paper, content, title, regime and lots, and opens the record.
pub fn issue(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    group: Option<&mut Group>,
) -> Result<(), Reject> {
    let Act::Issue(args) = &work.request.act else { return Err(Code::Malformed.into()) };
    let asked =
        Asked { op: work.op, act: &work.request.act, id: &work.request.id, profile: work.profile };
    let issuer = issuer(ctx, asked, args);
    let parent = match &args.paper {
        Some(paper) => check_paper(ctx, work, args, paper, &issuer)?,
        None => None,
    };
    check_face(ctx, work, args, parent.as_ref())?;
    inquiry::ask_at_issue(ctx, work, args, &issuer)?;
    let mut record = open(ctx, work, args, &issuer);
    record.public.seq = 1;
    record.public.head = content::next_head(work.request.head, work.op.digest);
    let mut aside = Aside {
        issued_height: ctx.height,
        issue_op: work.op.digest,
        attesters: args.attesters.clone(),
        ..Aside::default()
    };
    if let Some(paper) = &args.paper {
        consume(ctx, &issuer, paper, &record);
    }
    match parent {
        Some(parent) => {
            aside.parted = Aside::load(ctx.state, &parent.public.id).parted;
            descend(ctx, work, &mut record, parent);
        }
        None => {
            let entity = identity(ctx.state, &issuer);
            let index = keys::index(&work.profile.series, &entity, &args.reference);
            ctx.state.write(index, &work.request.id);
        }
    }
    if let Some(group) = group {
        group.issued.push(record.public.id.clone());
    }
    aside.store(ctx.state, &record.public.id);
    kernel::store(ctx, &work.op.act, None, &record);
    Ok(())
}

fn check_face(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    args: &Issue,
    parent: Option<&Record>,
) -> Result<(), Reject> {
    let profile = work.profile;
    fields::check_required(profile, &args.leaves)?;
    fields::check_shape(profile, &args.leaves)?;
    let binding = Binding { reference: &args.reference, lots: &args.lots, due_ms: args.due_ms };
    fields::check_open(profile, &args.leaves, &args.open, binding, |_| 1..=1)?;
    let due = parent.and_then(|parent| parent.party.money.as_ref()).map(|money| money.due_ms);
    if due.is_some_and(|due| due != args.due_ms) {
        return Err(Reject::new(Code::BoundFieldMismatch, "/args/dueMs", "not that of the paper"));
    }
    if !profile.initial.iter().any(|kind| kind == args.title.0.text()) {
        return Err(Reject::new(Code::TitleForbidden, "/args/title/kind", ""));
    }
    if !request::is_reference(&args.reference) {
        return Err(Reject::new(Code::RefInvalid, "/args/ref", ""));
    }
    if legal::regime(ctx.state, &args.regime).is_none() {
        return Err(Reject::new(Code::RegimeUnknown, "/args/regime", ""));
    }
    fields::check_lots(profile, &args.lots)?;
    if work.lacks_consent() {
        return Err(Reject::new(Code::ReceiverConsentMissing, "/args/to", ""));
    }
    Ok(())
}

/// `PAPER_SERIAL_USED`, `PAPER_SET_INCOMPLETE`, `STATEMENT_MISSING`, `QUANTITY_MISMATCH`. Returns
/// the record that the paper replaced, if the ledger knows it.
fn check_paper(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    args: &Issue,
    paper: &FromPaper,
    issuer: &str,
) -> Result<Option<Record>, Reject> {
    let used = |what| Reject::new(Code::PaperSerialUsed, "/args/serials", what);
    let incomplete = |what| Reject::new(Code::PaperSetIncomplete, "/args/serials", what);
    let entity = identity(ctx.state, issuer);
    let read = |serial: &String| ctx.state.read::<PaperSerial>(&keys::paper(&entity, serial));
    let entries: Vec<Option<PaperSerial>> = paper.serials.iter().map(read).collect();
    let known: Vec<&PaperSerial> = entries.iter().flatten().collect();
    if known.iter().any(|entry| entry.inward.is_some()) {
        return Err(used("a serial came back before"));
    }
    let first = known.first().map(|entry| entry.record.clone());
    let parent = first.and_then(|id| Record::load(ctx.state, &id));
    if let Some(parent) = &parent {
        let same = known.iter().all(|entry| entry.record == parent.public.id)
            && parent.party.reference == args.reference
            && identity(ctx.state, &parent.party.obligor) == identity(ctx.state, &args.obligor)
            && parent.public.profile.split('@').next() == args.profile.split('@').next();
        if !same {
            return Err(used("the paper stands for another record"));
        }
    }
    let mut distinct = paper.serials.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let whole = paper.originals == paper.serials.len() as u64
        && distinct.len() == paper.serials.len()
        && (known.is_empty() || known.len() == paper.serials.len());
    let set = known.first().map_or(paper.serials.len(), |entry| entry.serials.len());
    if !whole || set != paper.serials.len() {
        return Err(incomplete("all originals come together"));
    }
    if paper.statement.is_none() {
        return Err(Reject::new(Code::StatementMissing, "/args/statement", ""));
    }
    match &parent {
        Some(parent) if !super::quantity::same(&args.lots, &parent.party.lots) => {
            Err(Reject::new(Code::QuantityMismatch, "/args/lots", "not those of the paper"))
        }
        None if Record::load(ctx.state, &work.request.id).is_some() => {
            // the number is taken and this paper is none of it
            Err(Reject::new(Code::RecordExists, "/id", ""))
        }
        _ => Ok(parent),
    }
}

/// Each serial is consumed, once; serials of unknown paper come into the register so.
fn consume(ctx: &mut Context<'_, '_>, issuer: &str, paper: &FromPaper, record: &Record) {
    let entity = identity(ctx.state, issuer);
    let statement = paper.statement.clone().unwrap_or_default();
    let inward = OfPaper { inoperative: paper.inoperative, statement };
    for serial in &paper.serials {
        let key = keys::paper(&entity, serial);
        let known: Option<PaperSerial> = ctx.state.read(&key);
        let mut entry = known.unwrap_or_else(|| PaperSerial {
            record: record.public.id.clone(),
            serials: paper.serials.clone(),
            outward: None,
            inward: None,
        });
        entry.inward = Some(inward.clone());
        ctx.state.write(key, &entry);
    }
}

/// Makes the record a descendant of the one that had become paper: acceptance and guarantees stand
/// on the paper and come back with it.
fn descend(ctx: &mut Context<'_, '_>, work: &Work<'_>, record: &mut Record, mut parent: Record) {
    record.public.id = content::child_id(work.op.digest, 0);
    record.public.generation = parent.public.generation.saturating_add(1);
    record.party.root.clone_from(&parent.party.root);
    record.party.from = vec![parent.public.id.clone()];
    record.party.guarantees.clone_from(&parent.party.guarantees);
    if let Some(money) = &parent.party.money {
        record.party.money = Some(money.clone());
    }
    parent.party.into.push(record.public.id.clone());
    debug_assert_eq!(parent.public.end, Some(End::Paper), "I14");
    parent.store(ctx.state);
}

fn open(ctx: &Context<'_, '_>, work: &Work<'_>, args: &Issue, issuer: &str) -> Record {
    let current = |ubin: &str| match Person::Single(ubin.to_owned()).in_force(ctx.state) {
        Person::Single(ubin) => ubin,
        Person::Joint { .. } => ubin.to_owned(),
    };
    let issuer = current(issuer);
    let money =
        work.profile.money.as_ref().map(|_| Money { due_ms: args.due_ms, ..Money::default() });
    let title = Title {
        kind: args.title.0,
        party: args.title.1.as_ref().map(|party| party.in_force(ctx.state)),
        capacity: Capacity::Owner,
        principal: None,
    };
    Record {
        public: Public {
            id: work.request.id.clone(),
            profile: args.profile.clone(),
            regime: args.regime.clone(),
            home: country(&issuer).to_owned(),
            status: Status::Active,
            end: None,
            generation: 0,
            seq: 0,
            head: work.request.head,
            content_root: fields::root(&args.leaves),
            content_version: 1,
            frozen: None,
            issued_ms: ctx.time_ms,
        },
        party: PartyPart {
            issuer,
            reference: args.reference.clone(),
            obligor: current(&args.obligor),
            controller: args.to.in_force(ctx.state),
            title,
            lots: args.lots.clone(),
            pending: None,
            pledges: Vec::new(),
            guarantees: Vec::new(),
            money,
            notice: None,
            root: work.request.id.clone(),
            from: Vec::new(),
            into: Vec::new(),
            endorsements: 0,
            blind: work.request.blind.clone(),
        },
    }
}

/// What an entitled controller is: in control, and owed performance on the face of the record
/// (etr.md §1).
pub fn is_entitled(ctx: &Context<'_, '_>, profile: &Profile, record: &Record) -> bool {
    let title = &record.party.title;
    matches!(title.kind, TitleKind::None | TitleKind::Bearer)
        || profile.mode == profile::Mode::NamedOnce
        || title.party.as_ref().is_some_and(|party| party.same(&record.party.controller, ctx.state))
}

/// `NOT_ENTITLED` unless the controller is entitled.
pub fn require_entitled(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &Record,
) -> Result<(), Reject> {
    if is_entitled(ctx, work.profile, record) {
        Ok(())
    } else {
        Err(Reject::new(Code::NotEntitled, "/id", ""))
    }
}
