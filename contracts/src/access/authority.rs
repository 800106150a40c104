//! Turns the signatures of an op into signers, and asks whether they suffice.
//!
//! R1 = one active `invoke` key, with the scope, of the party that the act names (for acts of a
//! state's registrars: of one of its authorities). R2 = as many as the authority's policy asks, at
//! least two, from keys of different officers. Root quorum = k root keys of one AMS.
//!
//! Order of checks: `KEY_NOT_ACTIVE`, `BAD_SIGNATURE`, then `NOT_OWNER`, `SCOPE_DENIED`,
//! `QUORUM_MISSING`.

use std::cell::OnceCell;
use std::rc::Rc;

use super::{
    AuthorityEntry, Holder, KeyEntry, Mandate, Party, PartyEntry, Purpose, ams_key, authority_key,
    holder, key_key, mandate_key, party_key, scope,
};
use crate::context::{Authority, Context};
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::op::{Op, OpSignature, PublicKey};
use crate::state::{Overlay, decoded};

/// A signature found good: the party, the key it used, and the principal it signed for.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The signing party, as the op names it.
    pub party: Party,
    /// The number of its key.
    pub key_no: u64,
    /// The key.
    pub key: Rc<SigningKey>,
    /// Where the signing party is stored, and whose it is.
    pub holder: Holder,
    /// The principal and mandate under which an agent signed.
    pub mandate: Option<(Party, Mandate)>,
    /// Where the principal is stored, and whose it is; without mandate the same as `holder`.
    pub acts_for_holder: Holder,
}

impl Signer {
    /// The party whose will the signature expresses: the principal under a mandate, else the
    /// signing party. A signature counts for one party only.
    pub fn acts_for(&self) -> &Party {
        self.mandate.as_ref().map_or(&self.party, |(principal, _)| principal)
    }

    /// Whether the signing party itself, not an agent, is the one stored under `name`.
    pub fn is_itself(&self, name: &str) -> bool {
        self.mandate.is_none() && self.holder.name == name
    }
}

/// Which quorum of a state's registrar authorities is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// One key.
    R1,
    /// Two or more keys of different officers.
    R2,
}

/// A key as state holds it. Its point is decoded once, when a signature of it is verified.
#[derive(Debug)]
pub struct SigningKey {
    /// What state says of it.
    pub entry: KeyEntry,
    point: OnceCell<Option<PublicKey>>,
}

impl SigningKey {
    /// The key under a state key, if there is one.
    fn load(state: &Overlay<'_>, key: &[u8]) -> Option<Rc<Self>> {
        let of = |entry| Self { entry, point: OnceCell::new() };
        state.derived(key, |content| Some(of(decoded(content))))
    }

    /// Its 32 bytes; `None` for a key of another algorithm.
    pub fn bytes(&self) -> Option<[u8; 32]> {
        self.entry.public_key.as_slice().try_into().ok()
    }

    /// Whether it made `signature` over `digest`: strict, as [`crate::op::verify`].
    pub fn verifies(&self, digest: &Digest, signature: &[u8; 64]) -> bool {
        let point = || self.bytes().and_then(|bytes| PublicKey::new(&bytes));
        self.point.get_or_init(point).as_ref().is_some_and(|key| key.verify(digest, signature))
    }
}

/// An active key, and whose it is.
#[derive(Debug)]
pub struct ActiveKey {
    key: Rc<SigningKey>,
    party: Party,
    holder: Holder,
}

/// The active `invoke` key behind a signature, at block time `time_ms`: `KEY_NOT_ACTIVE` if there
/// is none. The keys of a closed party, and of a business whose record is closed, are not active.
pub fn active_key(
    state: &Overlay<'_>,
    signature: &OpSignature,
    time_ms: u64,
    field: &str,
) -> Result<Rc<SigningKey>, Reject> {
    active(state, signature, time_ms, field).map(|active| active.key)
}

/// The same, with its holder, for [`checked_signer`].
pub fn active(
    state: &Overlay<'_>,
    signature: &OpSignature,
    time_ms: u64,
    field: &str,
) -> Result<ActiveKey, Reject> {
    let inactive = || Reject::new(Code::KeyNotActive, field, "no active invoke key of this party");
    let party = Party::parse(&signature.party).ok_or_else(inactive)?;
    let holder = holder(state, &party).filter(|holder| holder.live).ok_or_else(inactive)?;
    let key =
        SigningKey::load(state, &key_key(&holder.name, signature.key)).ok_or_else(inactive)?;
    let live = key.entry.is_active(time_ms)
        && key.entry.has(Purpose::Invoke)
        && key.entry.algorithm == "Ed25519"
        && state.shared::<PartyEntry>(&party_key(&holder.name)).is_some_and(|entry| !entry.closed);
    if live { Ok(ActiveKey { key, party, holder }) } else { Err(inactive()) }
}

/// The signers of an op: every key active, every signature valid, no key twice (a business can be
/// named by several numbers). In a dry run none.
pub fn signers(ctx: &Context<'_, '_>, op: &Op) -> Result<Vec<Signer>, Reject> {
    if ctx.authority == Authority::Assumed {
        return Ok(Vec::new());
    }
    let mut signers: Vec<Signer> = Vec::with_capacity(op.signatures.len());
    for (i, signature) in op.signatures.iter().enumerate() {
        let field = format!("/sigs/{i}");
        let active = active(ctx.state, signature, ctx.time_ms, &field)?;
        let known = ctx.verified.get(i).copied().flatten();
        let signer = checked_signer(ctx, signature, active, &op.digest, known, &field)?;
        let twice = signers.iter().any(|before| {
            before.holder.name == signer.holder.name && before.key_no == signer.key_no
        });
        if twice {
            return Err(Reject::new(Code::SignatureOrder, &field, "this key has signed already"));
        }
        signers.push(signer);
    }
    Ok(signers)
}

/// Verifies one signature over `digest` under its active key, unless it was found valid under the
/// same public key before, and reads its mandate.
pub fn checked_signer(
    ctx: &Context<'_, '_>,
    signature: &OpSignature,
    active: ActiveKey,
    digest: &Digest,
    known_valid_under: Option<[u8; 32]>,
    field: &str,
) -> Result<Signer, Reject> {
    let ActiveKey { key, party, holder: own } = active;
    let bytes = key.bytes();
    if bytes.is_none() {
        return Err(Reject::new(Code::BadSignature, field, "not an Ed25519 key"));
    }
    let valid = known_valid_under == bytes || key.verifies(digest, &signature.signature);
    if !valid {
        return Err(Reject::new(Code::BadSignature, field, ""));
    }
    let (mandate, acts_for_holder) = match &signature.mandate {
        None => (None, own.clone()),
        Some((principal, no)) => {
            let (principal, of, mandate) = read_mandate(ctx, &own, principal, *no, field)?;
            (Some((principal, mandate)), of)
        }
    };
    Ok(Signer { party, key_no: signature.key, key, holder: own, mandate, acts_for_holder })
}

/// The mandate under which `agent` signs: in force, given to it by a live principal.
fn read_mandate(
    ctx: &Context<'_, '_>,
    agent: &Holder,
    principal: &str,
    no: u64,
    field: &str,
) -> Result<(Party, Holder, Mandate), Reject> {
    let refuse = |what| Reject::new(Code::MandateLimit, field, what);
    let principal = Party::parse(principal).ok_or_else(|| refuse("no such principal"))?;
    let of = holder(ctx.state, &principal).ok_or_else(|| refuse("no such principal"))?;
    let closed = ctx
        .state
        .shared::<PartyEntry>(&party_key(&of.name))
        .is_none_or(|entry| entry.closed || !of.live);
    let mandate: Mandate =
        ctx.state.read(&mandate_key(&of.name, no)).ok_or_else(|| refuse("no such mandate"))?;
    let same_agent = Party::parse(&mandate.agent)
        .and_then(|named| holder(ctx.state, &named))
        .is_some_and(|named| named.name == agent.name);
    if closed || !same_agent || mandate.ended || ctx.time_ms >= mandate.until_ms {
        return Err(refuse("the mandate is not in force for this agent"));
    }
    Ok((principal, of, mandate))
}

/// Asks for R1 or R2 of a registrar authority of state `cc`, with `scope` (`register.act` and an
/// optional `:object`). Gives the authority whose keys suffice; in a dry run the state.
pub fn require_registrar(
    ctx: &mut Context<'_, '_>,
    signers: &[Signer],
    cc: &str,
    scope: &str,
    rule: Rule,
) -> Result<String, Reject> {
    if ctx.authority == Authority::Assumed {
        let (role, count) = if rule == Rule::R1 { ("R1", 1) } else { ("R2", 2) };
        ctx.need(role, &format!("{cc}:*"), count, scope);
        return Ok(cc.to_owned());
    }
    require_owner(signers, cc)?;
    let allowed = |signer: &&Signer| authority_covers(ctx.state, signer, scope);
    let able: Vec<&Signer> = signers.iter().filter(allowed).collect();
    if able.is_empty() && !signers.is_empty() {
        return Err(Reject::new(Code::ScopeDenied, "/sigs", "no signing key has the scope"));
    }
    let enough = able.iter().find(|first| {
        let same: Vec<&&Signer> =
            able.iter().filter(|s| s.holder.name == first.holder.name).collect();
        match rule {
            Rule::R1 => true,
            Rule::R2 => {
                let mut officers: Vec<u64> = same.iter().map(|s| s.key.entry.officer).collect();
                officers.sort_unstable();
                officers.dedup();
                authority_of(ctx.state, &first.party)
                    .is_some_and(|entry| officers.len() as u64 >= entry.r2.max(2))
            }
        }
    });
    let registrar = enough.map(|signer| signer.holder.name.clone());
    registrar.ok_or_else(|| Reject::new(Code::QuorumMissing, "/sigs", ""))
}

/// Asks for the root quorum of state `cc`. Root keys need no scope for acts of the root quorum.
pub fn require_root(ctx: &mut Context<'_, '_>, signers: &[Signer], cc: &str) -> Result<(), Reject> {
    let k = root_quorum(ctx, cc);
    if ctx.authority == Authority::Assumed {
        ctx.need("root", cc, k, "");
        return Ok(());
    }
    require_owner(signers, cc)?;
    if is_root(ctx, signers, cc) {
        Ok(())
    } else {
        Err(Reject::new(Code::QuorumMissing, "/sigs", "too few root keys"))
    }
}

/// Whether the signers hold the root quorum of `cc`; for acts that allow it beside other signers.
pub fn is_root(ctx: &Context<'_, '_>, signers: &[Signer], cc: &str) -> bool {
    let count = root_count(signers, cc);
    count > 0 && count >= root_quorum(ctx, cc)
}

/// Root keys of `cc` that must sign together now.
fn root_quorum(ctx: &Context<'_, '_>, cc: &str) -> u64 {
    ctx.state.read::<super::Ams>(&ams_key(cc)).map_or(1, |ams| ams.root_k_at(ctx.time_ms))
}

/// Asks for one active `invoke` key of `party` whose scopes cover `scope`.
pub fn require_party(
    ctx: &mut Context<'_, '_>,
    signers: &[Signer],
    party: &Party,
    scope: &str,
) -> Result<(), Reject> {
    if ctx.authority == Authority::Assumed {
        ctx.need("party", &party_text(party), 1, scope);
        return Ok(());
    }
    let of = holder(ctx.state, party);
    require_owner(signers, of.as_ref().map_or(party.cc(), |of| &of.cc))?;
    let of_party: Vec<&Signer> = signers
        .iter()
        .filter(|s| of.as_ref().is_some_and(|of| of.name == s.acts_for_holder.name))
        .collect();
    if of_party.is_empty() {
        return Err(Reject::new(Code::QuorumMissing, "/sigs", "the party did not sign"));
    }
    if of_party.iter().any(|signer| key_covers(ctx.state, signer, scope)) {
        Ok(())
    } else {
        Err(Reject::new(Code::ScopeDenied, "/sigs", "no signing key has the scope"))
    }
}

/// `NOT_OWNER` unless every signer belongs to state `cc` (I-A1).
pub fn require_owner(signers: &[Signer], cc: &str) -> Result<(), Reject> {
    if signers.iter().all(|signer| signer.acts_for_holder.cc == cc && signer.holder.cc == cc) {
        Ok(())
    } else {
        Err(Reject::new(Code::NotOwner, "/sigs", "a signer belongs to another state"))
    }
}

/// Whether a signer's key (and mandate, and for authorities their own scopes) covers `scope`.
pub fn key_covers(state: &Overlay<'_>, signer: &Signer, scope: &str) -> bool {
    if let Some((_, mandate)) = &signer.mandate
        && !mandate.acts.iter().any(|granted| scope::covers(granted, scope))
    {
        return false;
    }
    let by_key = signer.key.entry.scopes.iter().any(|granted| scope::covers(granted, scope));
    match &signer.party {
        Party::Root(_) => by_key,
        Party::Business { .. } => by_key,
        Party::Authority { .. } => {
            by_key
                && authority_of(state, &signer.party)
                    .is_some_and(|entry| entry.scopes.iter().any(|s| scope::covers(s, scope)))
        }
    }
}

/// The entry of an authority.
pub fn authority_of(state: &Overlay<'_>, party: &Party) -> Option<AuthorityEntry> {
    match party {
        Party::Authority { cc, name } => state.read(&authority_key(cc, name)),
        _ => None,
    }
}

/// The text of a party as ops and state write it.
pub fn party_text(party: &Party) -> String {
    match party {
        Party::Root(cc) => cc.clone(),
        Party::Authority { cc, name } => format!("{cc}:{name}"),
        Party::Business { ubin } => ubin.clone(),
    }
}

fn authority_covers(state: &Overlay<'_>, signer: &Signer, scope: &str) -> bool {
    matches!(signer.party, Party::Authority { .. })
        && signer.mandate.is_none()
        && key_covers(state, signer, scope)
}

fn root_count(signers: &[Signer], cc: &str) -> u64 {
    let count = signers
        .iter()
        .filter(|s| s.mandate.is_none() && s.party == Party::Root(cc.to_owned()))
        .count();
    count as u64
}
