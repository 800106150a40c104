//! Single use and anchors (vc.md §5.4, §5.5).
//!
//! Invariant I5: value 2 (utilised) is reached at most once per entry, from value 1, by the state
//! that lodged it. Every act quotes the entry's `seq`, so none can be replayed.

use super::acts_list::{read_list_id, require_owner_key};
use super::bits;
use super::chain;
use super::{
    Anchor, NumberedId, Profile, Right, StatusList, Use, anchor_key, list_id, list_key, use_key,
};
use crate::access::Party;
use crate::access::authority;
use crate::context::{Authority, Context};
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::limits;
use crate::op::Op;

/// `use_lodge` 0→1, `use_utilise` 1→2, `use_release` 1→0, `use_cancel` 0→3.
pub(super) fn move_entry(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let id = read_list_id(&mut args)?;
    let index = args.uint("index")?;
    let seq = args.uint("seq")?;
    let reference = match args.optional_text("reference")? {
        None => None,
        Some(text) => {
            Some(Digest::parse(text).ok_or_else(|| args.malformed("reference", "a b3: digest"))?)
        }
    };
    args.finish()?;
    let signer = require_mover(ctx, op, &id)?;

    let list = ctx
        .state
        .read::<StatusList>(&list_key(&id.owner, id.number))
        .filter(|list| !list.retired && list.profile == Profile::Use)
        .ok_or_else(|| Reject::new(Code::UnknownList, "/args/list", ""))?;
    if index >= list.entries {
        return Err(Reject::new(Code::StatusIndexRange, "/args/index", ""));
    }
    if let Some(party) = &signer {
        let holds = |name: &String| chain::holds(ctx.state, party, Right::Use, name, ctx.time_ms);
        if !list.types.iter().any(holds) {
            return Err(Reject::new(Code::RightMissing, "/sigs", ""));
        }
    }
    let key = use_key(&id.owner, id.number, index);
    let entry = ctx.state.read::<Use>(&key).unwrap_or(Use {
        seq: 0,
        lodged_by: String::new(),
        reference: None,
    });
    let (old, new) = match op.act.as_str() {
        "use_lodge" => (0, 1),
        "use_utilise" => (1, 2),
        "use_release" => (1, 0),
        _ => (0, 3),
    };
    if bits::current(ctx.state, &id.owner, id.number, &list, index) != old {
        return Err(Reject::new(Code::StatusConflict, "/args/index", ""));
    }
    // after the value: who comes second is told that the entry is lodged (vc.md §5.4)
    if seq != entry.seq {
        return Err(Reject::new(Code::VersionConflict, "/args/seq", ""));
    }
    let cc = signer.as_deref().and_then(|party| party.get(..2)).unwrap_or_default();
    if old == 1 && signer.is_some() && entry.lodged_by != cc {
        return Err(Reject::new(Code::NotLodger, "/sigs", ""));
    }
    let lodged_by = if new == 1 { cc.to_owned() } else { entry.lodged_by };
    let reference = reference.or(entry.reference);
    let seq = seq.saturating_add(1);
    ctx.state.write(key, &Use { seq, lodged_by, reference });
    let change = [(index, old, new, 0)];
    bits::write(ctx.state, &id.owner, id.number, list.status_size, ctx.height, &change);
    ctx.emit(
        &op.name(),
        &format!("{}#{index}", list_id(&id.owner, id.number)),
        [("seq", Value::from(seq)), ("value", Value::from(u64::from(new)))],
    );
    Ok(())
}

/// The authority that moves the entry: any AMS's for lodging, utilising and releasing; the list's
/// owner for cancelling (then `None`, as no right is asked for). In a dry run `None`.
fn require_mover(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    id: &NumberedId,
) -> Result<Option<String>, Reject> {
    let signers = authority::signers(ctx, op)?;
    if op.act == "use_cancel" {
        require_owner_key(ctx, &signers, &id.party, &op.name())?;
        return Ok(None);
    }
    if ctx.authority == Authority::Assumed {
        ctx.need("R1", "*", 1, &op.name());
        return Ok(None);
    }
    let first = signers
        .iter()
        .find(|signer| matches!(signer.acts_for(), Party::Authority { .. }))
        .map(|signer| signer.acts_for().clone())
        .ok_or_else(|| Reject::new(Code::QuorumMissing, "/sigs", "no authority signed"))?;
    authority::require_party(ctx, &signers, &first, &op.name())?;
    Ok(Some(authority::party_text(&first)))
}

/// `anchor_submit`.
pub(super) fn submit_anchor(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let issuer = args.text("issuer")?.to_owned();
    let party =
        Party::parse(&issuer).ok_or_else(|| Reject::new(Code::DidInvalid, "/args/issuer", ""))?;
    let n = args.uint("n")?;
    let root = args.digest("root")?;
    let size_log2 = args.uint("sizeLog2")?;
    args.finish()?;
    let signers = authority::signers(ctx, op)?;
    require_owner_key(ctx, &signers, &party, &op.name())?;
    let accredited = chain::of_party(ctx.state, &issuer).iter().any(|link| {
        link.rights.contains(&Right::Issue) && chain::chain_active(ctx.state, link, ctx.time_ms)
    });
    if !accredited {
        return Err(Reject::new(Code::RightMissing, "/args/issuer", ""));
    }
    let next = n.checked_sub(1).is_some_and(|last| {
        (last == 0 || ctx.state.holds(&anchor_key(&issuer, last)))
            && !ctx.state.holds(&anchor_key(&issuer, n))
    });
    if !next {
        return Err(Reject::new(Code::VersionConflict, "/args/n", "not the next number"));
    }
    let (smallest, largest) = limits::ANCHOR_SIZE_LOG2;
    if !(smallest..=largest).contains(&size_log2) {
        return Err(Reject::new(Code::AnchorSize, "/args/sizeLog2", ""));
    }
    let anchor = Anchor { root, size_log2, height: ctx.height, time_ms: ctx.time_ms };
    ctx.state.write(anchor_key(&issuer, n), &anchor);
    ctx.emit(&op.name(), &format!("{issuer}/anchor/{n}"), [("root", Value::from(root))]);
    Ok(())
}
