//! When the ops of a record were carried out: one digest in state for all of them,
//! `etr/clock/{id}`.
//!
//! Invariant: each op sets clock' = H("titian etr clock v1", clock ‖ seq ‖ height ‖ ms), numbers as
//! 8 bytes big-endian, from a clock of zeros. Who kept the heights and times can so prove every one
//! of them by one state value, without the headers of their blocks.

use std::sync::LazyLock;

use borsh::{BorshDeserialize, BorshSerialize};

use super::keys;
use super::record::Public;
use crate::claim::{Walk, differs, missing};
use crate::context::Context;
use crate::digest::{Digest, Tag};
use crate::json::{Members, Value};
use crate::proof::VerifyError;

// each op of a record is hashed with it
static TICK: LazyLock<Tag> = LazyLock::new(|| Tag::new("titian etr clock v1"));

/// What state remembers of the times of a record's ops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Clock {
    /// Seq after the first op that it covers: 1, unless the record is older than clocks.
    pub from: u64,
    /// The clock after the last op.
    pub digest: Digest,
}

/// The clock after an op that led to `seq`, carried out in the block of `height` at block time `ms`.
pub fn tick(clock: Digest, seq: u64, height: u64, ms: u64) -> Digest {
    let numbers = [seq.to_be_bytes(), height.to_be_bytes(), ms.to_be_bytes()];
    TICK.hash(&[&clock.0, &numbers[0], &numbers[1], &numbers[2]])
}

/// Moves the clock of a record on, after an op on it.
pub(super) fn advance(ctx: &mut Context<'_, '_>, public: &Public) {
    let key = keys::clock(&public.id);
    let before: Option<Clock> = ctx.state.read(&key);
    let Clock { from, digest } = before.unwrap_or(Clock { from: public.seq, digest: Digest::ZERO });
    let digest = tick(digest, public.seq, ctx.height, ctx.time_ms);
    ctx.state.write(key, &Clock { from, digest });
}

/// The member `times` of a history whose last op led to `seq`, `[{height, ms, seq}]`, one item for
/// each op that the clock covers. `None` if none are stated: such is the older form of a history.
pub(super) fn claim(
    stated: &Value,
    id: &str,
    seq: u64,
    walk: &mut Walk<'_>,
) -> Result<Option<Value>, VerifyError> {
    let Some(items) = stated.get("times") else { return Ok(None) };
    let items = items.as_list().ok_or_else(|| missing("times"))?;
    let clock: Option<Clock> = walk.read(&keys::clock(id))?;
    let first = clock.map_or(seq.saturating_add(1), |clock| clock.from);
    if items.len() as u64 != seq.saturating_add(1).saturating_sub(first) {
        return Err(differs("not as many times as the clock of the record counted"));
    }
    let mut digest = Digest::ZERO;
    for (number, item) in (first..).zip(items) {
        let mut members = Members::of(item, "/claim/times")?;
        let (height, ms) = (members.uint("height")?, members.uint("ms")?);
        if members.uint("seq")? != number {
            return Err(differs("the times are not in the order of the ops"));
        }
        members.finish()?;
        digest = tick(digest, number, height, ms);
    }
    if clock.is_some_and(|clock| clock.digest != digest) {
        return Err(differs("the times do not lead to the clock of the record"));
    }
    Ok(Some(Value::List(items.to_vec())))
}
