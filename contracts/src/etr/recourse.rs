//! After dishonour: `protest`, `notify`, `recourse`, `recourse_pay`; and `aval` (etr.md §6.6).
//!
//! Recourse runs against the drawer, guarantors and prior endorsers who neither excluded it nor were
//! released, in any order. Who pays takes control and has recourse only against those before. The
//! order of the liable is that of the chain: the drawer stands at 0, an endorser at its entry, a
//! guarantor where the guaranteed stands.

use super::endorsement::{self, Endorsement};
use super::kernel::Work;
use super::money::outstanding;
use super::person::{Person, identity};
use super::record::{Dishonoured, Guarantee, Protested, Record};
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::limits;

fn dishonoured(record: &mut Record) -> Result<&mut Dishonoured, Reject> {
    let money = record.party.money.as_mut();
    money
        .and_then(|money| money.dishonoured.as_mut())
        .ok_or_else(|| Reject::new(Code::NotDishonoured, "/act", ""))
}

/// The controller records a protest.
pub fn protest(ctx: &Context<'_, '_>, record: &mut Record, digest: Digest) -> Result<(), Reject> {
    dishonoured(record)?;
    if let Some(money) = &mut record.party.money {
        money.protested = Some(Protested { ms: ctx.time_ms, digest });
    }
    Ok(())
}

/// The controller records whom it notified.
pub fn notify(record: &mut Record, to: &[String]) -> Result<(), Reject> {
    let dishonoured = dishonoured(record)?;
    for ubin in to {
        if !dishonoured.notified.contains(ubin) {
            dishonoured.notified.push(ubin.clone());
        }
    }
    if dishonoured.notified.len() > limits::ETR_NOTIFIED_MAX {
        return Err(Reject::new(Code::LimitExceeded, "/args/to", "too many notified"));
    }
    Ok(())
}

/// The controller demands recourse of one who is liable.
pub fn demand(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    against: &str,
) -> Result<(), Reject> {
    dishonoured(record)?;
    let money = record.party.money.as_ref();
    let asked = work.profile.money.as_ref().is_some_and(|rules| rules.protest == "required");
    if asked && money.is_some_and(|money| money.protested.is_none()) {
        return Err(Reject::new(Code::ProtestMissing, "/act", ""));
    }
    if position(ctx, work, record, against).is_none() {
        return Err(no_recourse("/args/against"));
    }
    let dishonoured = dishonoured(record)?;
    if !dishonoured.demands.iter().any(|before| before == against) {
        dishonoured.demands.push(against.to_owned());
    }
    Ok(())
}

fn no_recourse(field: &str) -> Reject {
    Reject::new(Code::NoRecourse, field, "")
}

/// Where a party stands among those liable to the controller: 0 before every endorser.
fn position(ctx: &Context<'_, '_>, work: &Work<'_>, record: &Record, ubin: &str) -> Option<Liable> {
    let who = identity(ctx.state, ubin);
    let is = |person: &Person| person.members().iter().any(|m| identity(ctx.state, m) == who);
    if is(&record.party.controller) {
        return None;
    }
    let chain = endorsement::all(ctx.state, record);
    let own = own_position(ctx, work, record, &chain, &who);
    if let Some(at) = own {
        return Some(Liable { at, guarantor: false });
    }
    record
        .party
        .guarantees
        .iter()
        .filter(|guarantee| identity(ctx.state, &guarantee.guarantor) == who)
        .find_map(|guarantee| {
            let of = identity(ctx.state, &guarantee.of);
            let at = if of == identity(ctx.state, &record.party.obligor) {
                Some(0)
            } else {
                own_position(ctx, work, record, &chain, &of)
            };
            at.map(|at| Liable { at, guarantor: true })
        })
}

/// Where one who is liable stands, and whether as guarantor.
#[derive(Clone, Copy, Debug)]
struct Liable {
    at: u64,
    guarantor: bool,
}

fn own_position(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &Record,
    chain: &[Endorsement],
    who: &str,
) -> Option<u64> {
    if work.profile.drawer_issues && *identity(ctx.state, &record.party.issuer) == *who {
        return Some(0);
    }
    let endorsed = |entry: &&Endorsement| {
        entry.is_liable()
            && entry.endorser_person().is_some_and(|endorser| {
                endorser.members().iter().any(|m| *identity(ctx.state, m) == *who)
            })
    };
    chain.iter().find(endorsed).map(|entry| entry.n)
}

/// One of whom recourse was demanded pays and takes control; later endorsements are struck.
pub fn pay(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    payer: &str,
) -> Result<(), Reject> {
    let who = identity(ctx.state, payer);
    let open = record
        .party
        .money
        .as_ref()
        .and_then(|money| money.dishonoured.as_ref())
        .is_some_and(|d| d.demands.iter().any(|demand| identity(ctx.state, demand) == who));
    let liable = position(ctx, work, record, payer).filter(|_| open);
    let liable = liable.ok_or_else(|| no_recourse("/args/payer"))?;
    for mut entry in endorsement::all(ctx.state, record) {
        // a guarantor keeps its right against whom it guaranteed
        let later = if liable.guarantor { entry.n > liable.at } else { entry.n >= liable.at };
        if later && !entry.struck {
            entry.struck = true;
            endorsement::update(ctx, record, &entry);
        }
    }
    let to = Person::Single(payer.to_owned()).in_force(ctx.state);
    endorsement::pass(ctx, work, record, "recourse_pay", to);
    dishonoured(record)?.demands.clear();
    Ok(())
}

/// A guarantor answers for one who is, or may become, liable.
pub fn aval(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    guarantor: &str,
    of: &str,
    amount: u64,
) -> Result<(), Reject> {
    if amount > outstanding(record) {
        return Err(Reject::new(Code::AmountExceeds, "/args/amount", ""));
    }
    let who = identity(ctx.state, of);
    let chain = endorsement::all(ctx.state, record);
    let liable = who == identity(ctx.state, &record.party.obligor)
        || own_position(ctx, work, record, &chain, &who).is_some();
    if !liable {
        return Err(no_recourse("/args/for"));
    }
    if record.party.guarantees.len() >= limits::ETR_GUARANTEES_MAX {
        return Err(Reject::new(Code::LimitExceeded, "/args/guarantor", "too many guarantees"));
    }
    record.party.guarantees.push(Guarantee {
        guarantor: guarantor.to_owned(),
        of: of.to_owned(),
        amount,
    });
    Ok(())
}
