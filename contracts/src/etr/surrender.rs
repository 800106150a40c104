//! Surrender to the obligor and its answer (etr.md §6.5).
//!
//! Control never leaves the controller before the obligor answers. What is exchanged is issued in
//! the same bundle, unit for unit (I9).

use borsh::{BorshDeserialize, BorshSerialize};

use super::act::SurrenderAnswer;
use super::bundle::Group;
use super::issue::require_entitled;
use super::kernel::{Work, check_deadline};
use super::person::identity;
use super::record::{Capacity, End, Lot, Pending, Record, Status, SurrenderKind};
use super::{keys, quantity};
use crate::context::{Authority, Context};
use crate::digest::Digest;
use crate::error::{Code, Reject};

/// A paper serial: `etr/paper/{issuer}/{serial}`; absent until one is printed or brought in.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PaperSerial {
    /// The record that became paper; of paper that the ledger did not know, the record it became.
    pub record: String,
    /// The serials that belong together, this one among them.
    pub serials: Vec<String>,
    /// How the record became this paper; none for paper that the ledger did not know.
    pub outward: Option<ToPaper>,
    /// How the paper was brought in; then it is consumed.
    pub inward: Option<OfPaper>,
}

/// The end of a record on paper.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ToPaper {
    /// Digest of the print.
    pub print: Digest,
    /// Code and digest of the statement of change of medium.
    pub statement: (String, Digest),
}

/// The end of a paper, from which a record comes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OfPaper {
    /// Digest of the custodian's attestation that the paper is inoperative.
    pub inoperative: Digest,
    /// Code and digest of the statement of change of medium.
    pub statement: (String, Digest),
}

/// The controller asks the obligor to perform, or to change the medium.
pub fn surrender(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    kind: SurrenderKind,
    reason: Option<&str>,
    deadline_ms: u64,
) -> Result<(), Reject> {
    require_entitled(ctx, work, record)?;
    check_deadline(ctx.time_ms, deadline_ms, work.profile.answer)?;
    let allowed = work.profile.surrender_kinds.iter().any(|allowed| allowed == kind.text());
    if !allowed || record.party.title.capacity == Capacity::Pledge {
        return Err(Reject::new(Code::SurrenderKind, "/args/kind", ""));
    }
    record.public.status = Status::Surrendered;
    record.party.pending = Some(Pending::Surrender {
        kind,
        reason: reason.map(ToOwned::to_owned),
        deadline_ms,
        op: work.op.digest,
    });
    Ok(())
}

/// The obligor accepts: the record ends.
pub fn accept(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    answer: &SurrenderAnswer,
    group: Option<&mut Group>,
) -> Result<(), Reject> {
    let Some(Pending::Surrender { kind, .. }) = record.party.pending else {
        return Err(Reject::new(Code::WrongState, "/act", ""));
    };
    let end = match (kind, answer) {
        (SurrenderKind::Delivery, SurrenderAnswer::Performed) => End::Delivered,
        (SurrenderKind::Claim, SurrenderAnswer::Performed) => End::Claimed,
        (SurrenderKind::Exchange, SurrenderAnswer::Exchange(issued)) => {
            exchange(ctx, work, record, issued, group)?;
            End::Exchanged
        }
        (SurrenderKind::Paper, SurrenderAnswer::Paper { serials, print, statement }) => {
            let statement = statement
                .clone()
                .ok_or_else(|| Reject::new(Code::StatementMissing, "/args/statement", ""))?;
            let entry = PaperSerial {
                record: record.public.id.clone(),
                serials: serials.clone(),
                outward: Some(ToPaper { print: *print, statement }),
                inward: None,
            };
            bind_serials(ctx, record, serials, &entry)?;
            End::Paper
        }
        (SurrenderKind::Paper, _) => {
            return Err(Reject::new(Code::StatementMissing, "/args/statement", ""));
        }
        (SurrenderKind::Exchange, _) => {
            return Err(Reject::new(Code::ExchangeIncomplete, "/args", "nothing was issued"));
        }
        _ => {
            let detail = "the arguments are those of another kind of surrender";
            return Err(Reject::new(Code::Malformed, "/args", detail));
        }
    };
    record.party.pledges.clear();
    record.end(end);
    Ok(())
}

/// Every replacing record was issued to the controller in this bundle and serves this exchange
/// alone; totals per unit are equal.
fn exchange(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    issued: &[String],
    group: Option<&mut Group>,
) -> Result<(), Reject> {
    let incomplete = |what| Reject::new(Code::ExchangeIncomplete, "/args/issued", what);
    let group = match group {
        Some(group) => group,
        None if ctx.authority == Authority::Assumed => return Ok(()),
        None => return Err(incomplete("an exchange stands in a bundle with what it issues")),
    };
    if issued.is_empty() {
        return Err(incomplete("nothing was issued"));
    }
    let mut lots: Vec<Vec<Lot>> = Vec::new();
    for id in issued {
        let other = Record::load(ctx.state, id).filter(|_| group.issued.contains(id));
        let mut other = other.ok_or_else(|| incomplete("not issued in this bundle"))?;
        let profile = other.public.profile.split('@').next().unwrap_or_default();
        let fits = work.profile.exchange_to.iter().any(|allowed| allowed == profile)
            && other.party.controller.same(&record.party.controller, ctx.state);
        if !fits || !group.exchanged.insert(id.clone()) {
            return Err(incomplete("not for this controller, profile and exchange"));
        }
        lots.push(other.party.lots.clone());
        other.party.from.push(record.public.id.clone());
        other.store(ctx.state);
        record.party.into.push(id.clone());
    }
    let lots: Vec<&[Lot]> = lots.iter().map(Vec::as_slice).collect();
    let (new, old) = (quantity::totals(&lots), quantity::totals(&[&record.party.lots]));
    if new.is_none() || new != old {
        let detail = "totals per unit differ";
        return Err(Reject::new(Code::QuantityMismatch, "/args/issued", detail));
    }
    Ok(())
}

/// I14: a serial belongs to at most one record.
fn bind_serials(
    ctx: &mut Context<'_, '_>,
    record: &Record,
    serials: &[String],
    entry: &PaperSerial,
) -> Result<(), Reject> {
    let issuer = identity(ctx.state, &record.party.issuer);
    for serial in serials {
        let key = keys::paper(&issuer, serial);
        if ctx.state.holds(&key) {
            return Err(Reject::new(Code::PaperSerialUsed, "/args/serials", ""));
        }
        ctx.state.write(key, entry);
    }
    Ok(())
}
