//! Bundles: 2 to 32 ops in order, all or nothing, no nesting (etr.md §6.7).
//!
//! Invariant I15: a bundle applies wholly or leaves state unchanged; the executor rolls back on the
//! first error, whose field starts with the op's place. Each op names the digest of the bundle, so
//! one that was signed for a bundle counts in it alone.

use std::collections::BTreeSet;

use super::content;
use super::kernel::{self, Extent};
use crate::context::{Authority, Context};
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::limits;
use crate::op::Op;

/// What the ops of a bundle know of each other.
#[derive(Clone, Debug)]
pub struct Group {
    /// What each op names.
    pub digest: Digest,
    /// Records issued so far.
    pub issued: Vec<String>,
    /// Those of them that replaced another.
    pub exchanged: BTreeSet<String>,
}

impl Group {
    /// The group of these ops, before the first has run.
    pub fn new(ops: &[Op]) -> Self {
        Self { digest: digest_of(ops), issued: Vec::new(), exchanged: BTreeSet::new() }
    }
}

/// H("titian etr bundle v1", JCS of the list [id, seq, act, args]).
pub fn digest_of(ops: &[Op]) -> Digest {
    let item = |op: &Op| {
        let member = |name: &str| op.value.get(name).cloned().unwrap_or(Value::Null);
        Value::List(["id", "seq", "act", "args"].map(member).to_vec())
    };
    content::bundle_digest(ops.iter().map(item).collect())
}

/// `LIMIT_EXCEEDED` unless there are 2 to 32 ops.
pub fn check_count(ops: &[Op]) -> Result<(), Reject> {
    if (2..=limits::ETR_BUNDLE_OPS_MAX).contains(&ops.len()) {
        Ok(())
    } else {
        Err(Reject::new(Code::LimitExceeded, "/payload/ops", "2 to 32 ops"))
    }
}

/// Runs a bundle. `known` holds, for each op, under which key each signature was found valid.
/// Returns for each op the roles that lack signatures; with [`Extent::Whole`] none.
pub fn run(
    ctx: &mut Context<'_, '_>,
    ops: &[Op],
    known: &[Vec<Option<[u8; 32]>>],
    extent: Extent,
) -> Result<Vec<Vec<&'static str>>, Reject> {
    check_count(ops)?;
    let mut group = Group::new(ops);
    let mut missing = Vec::with_capacity(ops.len());
    for (i, op) in ops.iter().enumerate() {
        let known = known.get(i).map(Vec::as_slice).unwrap_or_default();
        let lacks = kernel::run(ctx, op, known, extent, Some(&mut group)).map_err(|reject| {
            Reject { field: format!("/payload/ops/{i}{}", reject.field), ..reject }
        })?;
        missing.push(lacks);
    }
    Ok(missing)
}

/// The roles that lack signatures in each op, found by a trial run that leaves nothing behind.
pub fn try_out(
    ctx: &mut Context<'_, '_>,
    ops: &[Op],
    known: &[Vec<Option<[u8; 32]>>],
) -> Result<Vec<Vec<&'static str>>, Reject> {
    let (mark, events) = (ctx.state.mark(), ctx.events.len());
    let extent = if ctx.authority == Authority::Signed { Extent::Trial } else { Extent::Whole };
    let result = run(ctx, ops, known, extent);
    ctx.state.roll_back(mark);
    ctx.events.truncate(events);
    result
}

/// The verified keys of a transaction's signatures, cut up by op.
pub fn known_by_op(ops: &[Op], verified: &[Option<[u8; 32]>]) -> Vec<Vec<Option<[u8; 32]>>> {
    let mut rest = verified.iter().copied();
    ops.iter().map(|op| op.signatures.iter().map(|_| rest.next().flatten()).collect()).collect()
}
