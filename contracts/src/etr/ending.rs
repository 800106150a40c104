//! Ends without performance: `cancel` and `lapse` (etr.md §5).

use super::issue::require_entitled;
use super::kernel::Work;
use super::record::{End, Record};
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::time::DAY_MS;

/// Controller and obligor end the record together.
pub fn cancel(ctx: &Context<'_, '_>, work: &Work<'_>, record: &mut Record) -> Result<(), Reject> {
    require_entitled(ctx, work, record)?;
    record.party.pledges.clear();
    record.end(End::Cancelled);
    Ok(())
}

/// Anyone records that the time of the record is over.
pub fn lapse(ctx: &Context<'_, '_>, work: &Work<'_>, record: &mut Record) -> Result<(), Reject> {
    let from = if work.profile.lapse_from_due {
        record.party.money.as_ref().and_then(|money| money.due_ms)
    } else {
        Some(record.public.issued_ms)
    };
    let days = work.profile.lapse_days;
    let date = from.map(|from| from.saturating_add(days.saturating_mul(DAY_MS)));
    if days == 0 || date.is_none_or(|date| ctx.time_ms <= date) {
        return Err(Reject::new(Code::NotLapsed, "/act", ""));
    }
    record.party.pledges.clear();
    record.end(End::Lapsed);
    Ok(())
}
