//! Presentment and payment of instruments: `present`, `bill_accept`, `dishonour`, `pay`, `stop`
//! (etr.md §6.6).
//!
//! Invariant I9: the sum outstanding falls only by a payment that the controller signed, or that an
//! attester attests whom the controller named at issue or when presenting.

use std::sync::Arc;

use super::attestation::{self, Attestation};
use super::issue::require_entitled;
use super::kernel::{Work, check_deadline, clear_pending, dishonour};
use super::person::identity;
use super::quantities::mark_parted;
use super::quantity;
use super::record::{Accepted, Aside, End, Pending, Presentment, Record, Status};
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::time::DAY_MS;

/// The sum outstanding.
pub fn outstanding(record: &Record) -> u64 {
    record.party.lots.first().map_or(0, |lot| lot.amount)
}

/// The controller presents for acceptance or payment.
pub fn present(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    what: Presentment,
    attesters: &[String],
    deadline_ms: u64,
) -> Result<(), Reject> {
    require_entitled(ctx, work, record)?;
    check_deadline(ctx.time_ms, deadline_ms, work.profile.answer)?;
    let rules = work.profile.money.as_ref();
    let money = record.party.money.as_ref();
    match what {
        Presentment::Acceptance => {
            let none = rules.is_none_or(|rules| rules.acceptance == "none");
            if none || money.is_some_and(|money| money.accepted.is_some()) {
                return Err(Reject::new(Code::AlreadyAccepted, "/args/for", ""));
            }
        }
        Presentment::Payment => {
            let early = rules.map_or(0, |rules| rules.early_days.saturating_mul(DAY_MS));
            let due = money.and_then(|money| money.due_ms);
            if due.is_some_and(|due| ctx.time_ms < due.saturating_sub(early)) {
                return Err(Reject::new(Code::TooEarly, "/args/for", ""));
            }
        }
    }
    record.public.status = Status::Presented;
    record.party.pending = Some(Pending::Present {
        what,
        attesters: attesters.to_vec(),
        deadline_ms,
        op: work.op.digest,
    });
    Ok(())
}

/// The drawee accepts what was presented for acceptance.
pub fn bill_accept(
    ctx: &Context<'_, '_>,
    record: &mut Record,
    amount: u64,
    variation: Option<Digest>,
) -> Result<(), Reject> {
    let for_acceptance = matches!(
        record.party.pending,
        Some(Pending::Present { what: Presentment::Acceptance, .. })
    );
    if !for_acceptance {
        return Err(Reject::new(Code::WrongState, "/act", "presented for payment"));
    }
    if amount > outstanding(record) {
        return Err(Reject::new(Code::AmountExceeds, "/args/amount", ""));
    }
    if let Some(money) = &mut record.party.money {
        money.accepted = Some(Accepted { amount, ms: ctx.time_ms, variation });
    }
    clear_pending(record);
    Ok(())
}

/// The obligor refuses what was presented.
pub fn refuse(ctx: &Context<'_, '_>, record: &mut Record, reason: &str) -> Result<(), Reject> {
    let Some(Pending::Present { what, .. }) = record.party.pending else {
        return Err(Reject::new(Code::WrongState, "/act", ""));
    };
    dishonour(ctx, record, what, Some(reason.to_owned()));
    clear_pending(record);
    Ok(())
}

/// The obligor paid, by the word of the controller or of an attester.
pub fn pay(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    amount: u64,
    evidence: &[Value],
) -> Result<(), Reject> {
    let attestations = read_evidence(ctx, record, amount, evidence)?;
    let due = record.party.money.as_ref().and_then(|money| money.due_ms);
    let is_due = match due {
        Some(due) => ctx.time_ms >= due,
        // on demand it is due when presented
        None => record.public.status == Status::Presented,
    };
    if !is_due && !work.trial && !work.signed_by(ctx, &record.party.controller) {
        return Err(Reject::new(Code::TooEarly, "/act", "before it is due the controller signs"));
    }
    let whole = outstanding(record);
    if amount > whole {
        return Err(Reject::new(Code::AmountExceeds, "/args/amount", ""));
    }
    if amount < whole && !work.profile.partial {
        let detail = "records of this type are paid in full, not in parts";
        return Err(Reject::new(Code::AmountExceeds, "/args/amount", detail));
    }
    for attestation in &attestations {
        attestation::mark_used(ctx, attestation)?;
    }
    if let Some(lot) = record.party.lots.first_mut() {
        lot.amount = whole.saturating_sub(amount);
    }
    if amount == whole {
        record.party.pledges.clear();
        record.end(End::Discharged);
    } else {
        quantity::cut_pledges(&record.party.lots, &mut record.party.pledges);
        mark_parted(ctx, record);
    }
    Ok(())
}

/// One payment of this sum for this record, attested by attesters named at issue or when
/// presenting; each refers to the op that named it. `EVIDENCE_INVALID` otherwise.
fn read_evidence(
    ctx: &Context<'_, '_>,
    record: &Record,
    amount: u64,
    items: &[Value],
) -> Result<Vec<Attestation>, Reject> {
    let aside = Aside::load(ctx.state, &record.public.id);
    let mut named: Vec<(Arc<str>, Digest)> = aside
        .attesters
        .iter()
        .map(|attester| (identity(ctx.state, attester), aside.issue_op))
        .collect();
    if let Some(Pending::Present { attesters, op, .. }) = &record.party.pending {
        named.extend(attesters.iter().map(|attester| (identity(ctx.state, attester), *op)));
    }
    let unit = record.party.lots.first().map(|lot| lot.unit.as_str());
    let mut found: Vec<Attestation> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let field = format!("/args/evidence/{i}");
        let attestation = attestation::read(ctx, item, &field)?;
        let asked = attestation.record == record.public.id
            && attestation.amount == amount
            && unit == Some(attestation.unit.as_str())
            && named.contains(&(attestation.attester.clone(), attestation.op))
            && found.iter().all(|before| before.uetr == attestation.uetr);
        if !asked {
            let detail = "it attests another payment, or its attester was not named";
            return Err(Reject::new(Code::EvidenceInvalid, &field, detail));
        }
        found.push(attestation);
    }
    Ok(found)
}

/// The drawer stops payment: the obligor may dishonour.
pub fn stop(record: &mut Record) -> Result<(), Reject> {
    if let Some(money) = &mut record.party.money {
        money.stopped = true;
    }
    Ok(())
}
