//! Entrance of the access acts, and what they share: the party an act is about.

use super::key_ring::KeyRing;
use super::{
    Holder, Party, acts_authority, acts_key, acts_mandate, acts_recovery, acts_root, holder,
};
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::op::Op;
use crate::ubin::identifier::Ubin;
use crate::ubin::record;
use crate::ubin::vocabulary::Status;

/// Runs one access act.
pub fn apply(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    match op.act.as_str() {
        "authority_create" => acts_authority::create(ctx, op),
        "authority_close" => acts_authority::close(ctx, op),
        "deactivate" => acts_authority::deactivate(ctx, op),
        "key_bind" => acts_key::bind(ctx, op),
        "key_rotate" => acts_key::rotate(ctx, op),
        "key_revoke" => acts_key::revoke(ctx, op),
        "recover" => acts_recovery::recover(ctx, op),
        "recover_cancel" => acts_recovery::cancel(ctx, op),
        "root_rotate" => acts_root::rotate(ctx, op),
        "root_rotate_cancel" => acts_root::cancel(ctx, op),
        "mandate_set" => acts_mandate::set(ctx, op),
        "mandate_end" => acts_mandate::end(ctx, op),
        _ => Err(Reject::new(Code::Malformed, "/act", "unknown act")),
    }
}

/// The party an act is about, as the op names it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) party: Party,
    pub(super) text: String,
    /// `None`: a UBIN that is not registered.
    pub(super) holder: Option<Holder>,
}

impl Target {
    /// Reads member `name`: `DID_INVALID` if it breaks the grammar of parties.
    pub(super) fn read(
        ctx: &Context<'_, '_>,
        members: &mut Members<'_>,
        name: &str,
    ) -> Result<Self, Reject> {
        let text = members.text(name)?.to_owned();
        let party = Party::parse(&text)
            .ok_or_else(|| Reject::new(Code::DidInvalid, &members.pointer(name), ""))?;
        let holder = holder(ctx.state, &party);
        Ok(Self { party, text, holder })
    }

    /// The state that owns it.
    pub(super) fn cc(&self) -> &str {
        self.holder.as_ref().map_or_else(|| self.party.cc(), |holder| &holder.cc)
    }

    /// Its keys, if any were ever bound.
    pub(super) fn ring(&self, ctx: &Context<'_, '_>) -> Option<KeyRing> {
        let holder = self.holder.as_ref()?;
        KeyRing::open(ctx.state, &holder.name, ctx.height, ctx.time_ms)
    }

    /// Its keys: `PARTY_UNKNOWN` if it has no entry.
    pub(super) fn known(&self, ctx: &Context<'_, '_>) -> Result<KeyRing, Reject> {
        self.ring(ctx).ok_or_else(|| Reject::new(Code::PartyUnknown, "/args/party", ""))
    }

    /// Refuses the parties that an act is not for: `DID_INVALID`.
    pub(super) fn must_be(&self, fits: bool, detail: &str) -> Result<(), Reject> {
        if fits { Ok(()) } else { Err(Reject::new(Code::DidInvalid, "/args/party", detail)) }
    }

    /// `PARTY_NOT_LIVE` for a business whose record is closed.
    pub(super) fn must_be_live(&self) -> Result<(), Reject> {
        if self.holder.as_ref().is_some_and(|holder| holder.live) {
            Ok(())
        } else {
            Err(Reject::new(Code::PartyNotLive, "/args/party", ""))
        }
    }

    /// `PARTY_NOT_LIVE` for a business that moved to another state: its keys are that state's, also
    /// under the old number. The keys of one that ended otherwise can still be ended.
    pub(super) fn must_not_have_moved(&self, ctx: &Context<'_, '_>) -> Result<(), Reject> {
        let moved = match &self.party {
            Party::Business { ubin } => Ubin::parse_canonical(ubin)
                .and_then(|ubin| record::find(ctx.state, &ubin))
                .is_none_or(|(_, record)| record.shown_status() == Status::Relocated),
            _ => false,
        };
        if moved { Err(Reject::new(Code::PartyNotLive, "/args/party", "")) } else { Ok(()) }
    }
}

/// `PARTY_CLOSED`.
pub(super) fn check_open(ring: &KeyRing) -> Result<(), Reject> {
    if ring.entry.closed { Err(Reject::new(Code::PartyClosed, "/args/party", "")) } else { Ok(()) }
}

/// `VERSION_CONFLICT` unless the act quotes the current version.
pub(super) fn check_version(current: u64, quoted: u64) -> Result<(), Reject> {
    if current == quoted {
        Ok(())
    } else {
        Err(Reject::new(Code::VersionConflict, "/args/version", ""))
    }
}

/// `REASON_REQUIRED` unless the reason is a code: 1 to 32 letters, digits, `_` or `-`.
pub(super) fn check_reason(reason: Option<&str>) -> Result<&str, Reject> {
    let is_code = |text: &&str| {
        (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    reason
        .filter(is_code)
        .ok_or_else(|| Reject::new(Code::ReasonRequired, "/args/reason", "a code is expected"))
}

/// Writes a party's entry and notes the event: the new version and what else is public.
pub(super) fn finish<const N: usize>(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    target: &Target,
    ring: KeyRing,
    more: [(&'static str, Value); N],
) {
    let version = ring.store(ctx.state);
    let data = more.into_iter().chain([("version", Value::from(version))]);
    ctx.emit(&op.name(), &target.text, data);
}
