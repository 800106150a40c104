//! Surrender to the obligor and its answer (etr.md §6.5).
//!
//! Control never leaves the controller before the obligor answers. Delivery, claim and change of
//! medium are whole; exchange needs bundles and comes with them.

use borsh::{BorshDeserialize, BorshSerialize};

use super::issue::is_entitled;
use super::kernel::{Work, check_deadline};
use super::keys;
use super::person::identity;
use super::record::{Capacity, End, Pending, Record, Status, SurrenderKind};
use super::request::SurrenderAnswer;
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};

/// A paper serial: `etr/paper/{issuer}/{serial}`; absent until one is printed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PaperSerial {
    /// The record that became paper.
    pub record: String,
    /// Whether the paper came back.
    pub consumed: bool,
    /// Digest of the print.
    pub print: Digest,
    /// Code of the statement of change of medium.
    pub statement_code: String,
    /// Digest of the statement.
    pub statement: Digest,
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
    if !is_entitled(ctx, work.profile, record) {
        return Err(Reject::new(Code::NotEntitled, "/id", ""));
    }
    check_deadline(ctx.time_ms, deadline_ms, work.profile.answer)?;
    let allowed = work.profile.surrender_kinds.iter().any(|allowed| allowed == kind.text());
    if !allowed || record.party.title.capacity == Capacity::Pledge {
        return Err(Reject::new(Code::SurrenderKind, "/args/kind", ""));
    }
    if kind == SurrenderKind::Exchange {
        let detail = "exchange comes with bundles, in a later release";
        return Err(Reject::new(Code::NotBuilt, "/args/kind", detail));
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
    record: &mut Record,
    answer: &SurrenderAnswer,
) -> Result<(), Reject> {
    let Some(Pending::Surrender { kind, .. }) = record.party.pending else {
        return Err(Reject::new(Code::WrongState, "/act", ""));
    };
    let end = match (kind, answer) {
        (SurrenderKind::Delivery, SurrenderAnswer::Performed) => End::Delivered,
        (SurrenderKind::Claim, SurrenderAnswer::Performed) => End::Claimed,
        (SurrenderKind::Paper, SurrenderAnswer::Paper { serials, print, statement }) => {
            let (code, digest) = statement
                .as_ref()
                .ok_or_else(|| Reject::new(Code::StatementMissing, "/args/statement", ""))?;
            let entry = PaperSerial {
                record: record.public.id.clone(),
                consumed: false,
                print: *print,
                statement_code: code.clone(),
                statement: *digest,
            };
            bind_serials(ctx, record, serials, &entry)?;
            End::Paper
        }
        (SurrenderKind::Paper, _) => {
            return Err(Reject::new(Code::StatementMissing, "/args/statement", ""));
        }
        _ => {
            let detail = "the arguments are those of another kind of surrender";
            return Err(Reject::new(Code::Malformed, "/args", detail));
        }
    };
    record.party.pending = None;
    record.public.status = Status::Dead;
    record.public.end = Some(end);
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
