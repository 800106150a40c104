//! Who must sign an act, and whether they did (etr.md §4, §5).
//!
//! Order of errors: `MISSING_SIGNER` (the role stands in the field, `/sigs/K`), `UNEXPECTED_SIGNER`,
//! `PARTY_NOT_LIVE`, `KEY_NOT_ACTIVE`, `BAD_SIGNATURE`, `MANDATE_LIMIT`, `SCOPE_DENIED`. In a dry
//! run the signers are noted as needs and only `PARTY_NOT_LIVE` is asked.
//!
//! A receiver's consent is a key with the scope `etr.accept`, at issue too: a business that only
//! receives records need not hold a right to issue them.

use super::person::{Person, identity};
use crate::access::Party;
use crate::access::authority::{self, Signer};
use crate::context::{Authority, Context};
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::op::OpSignature;
use crate::ubin;

/// One who must, or may, sign.
#[derive(Clone, Debug)]
pub struct Role {
    /// The letter of etr.md §1.
    pub letter: &'static str,
    /// The UBINs that may sign for it.
    pub members: Vec<String>,
    /// How many of them must.
    pub k: u64,
    /// What their keys must cover.
    pub scope: String,
    /// Whether a standing consent stands in: the act then answers for its absence.
    pub by_consent: bool,
}

impl Role {
    /// A role that acts: as many as its own quorum asks for.
    pub fn of(letter: &'static str, person: &Person, scope: &str) -> Self {
        Self {
            letter,
            members: person.members().to_vec(),
            k: person.quorum(),
            scope: scope.to_owned(),
            by_consent: false,
        }
    }

    /// A role that all its members must take on.
    pub fn all_of(letter: &'static str, person: &Person, scope: &str) -> Self {
        let k = person.members().len() as u64;
        Self { k, ..Self::of(letter, person, scope) }
    }
}

/// The signatures of an op and what is asked of them.
#[derive(Debug)]
pub struct Question<'a> {
    /// The signatures.
    pub signatures: &'a [OpSignature],
    /// What they cover.
    pub digest: Digest,
    /// For each signature the key under which it was found valid before.
    pub known: &'a [Option<[u8; 32]>],
    /// Who signs. `None` where the record's state has nobody in the role: then any signer may
    /// stand, and the act answers `WRONG_STATE`.
    pub roles: Option<&'a [Role]>,
    /// Others who must be live: receivers and those named in title.
    pub live: &'a [String],
    /// Profile id, and the sum if the record is one: for the limits of mandates.
    pub profile: &'a str,
    /// Unit, scale and amount.
    pub sum: Option<(&'a str, u64, u64)>,
    /// Whether signatures may still be missing (staging).
    pub partial: bool,
}

/// Checks the signers. Returns the letters of the roles that lack signatures: those that a standing
/// consent may fill and, when staging, any.
pub fn check(
    ctx: &mut Context<'_, '_>,
    question: &Question<'_>,
) -> Result<Vec<&'static str>, Reject> {
    let roles = question.roles.unwrap_or_default();
    if ctx.authority == Authority::Assumed {
        for role in roles {
            note_need(ctx, role);
            check_live(ctx, &role.members)?;
        }
        check_live(ctx, question.live)?;
        return Ok(Vec::new());
    }
    let signed: Vec<String> = question
        .signatures
        .iter()
        .map(|signature| identity(ctx.state, principal_of(signature)))
        .collect();
    let missing = check_missing(ctx, question, roles, &signed)?;
    if question.roles.is_some() {
        for (i, who) in signed.iter().enumerate() {
            let expected = roles
                .iter()
                .any(|role| role.members.iter().any(|m| identity(ctx.state, m) == *who));
            if !expected {
                let field = format!("/sigs/{i}");
                return Err(Reject::new(Code::UnexpectedSigner, &field, ""));
            }
        }
    }
    for signature in question.signatures {
        check_live(ctx, std::slice::from_ref(&signature.party))?;
        if let Some((principal, _)) = &signature.mandate {
            check_live(ctx, std::slice::from_ref(principal))?;
        }
    }
    check_live(ctx, question.live)?;
    let signers = verify(ctx, question)?;
    check_scopes(ctx, roles, &signed, &signers)?;
    Ok(missing)
}

/// Whose will a signature expresses.
pub fn principal_of(signature: &OpSignature) -> &str {
    signature.mandate.as_ref().map_or(signature.party.as_str(), |(principal, _)| principal)
}

fn note_need(ctx: &mut Context<'_, '_>, role: &Role) {
    if role.k == role.members.len() as u64 {
        for member in &role.members {
            ctx.need(role.letter, member, 1, &role.scope);
        }
    } else {
        ctx.need(role.letter, &role.members.join("|"), role.k, &role.scope);
    }
}

fn check_live(ctx: &Context<'_, '_>, ubins: &[String]) -> Result<(), Reject> {
    let dead = |ubin: &String| !ubin::actor(ctx.state, ubin).is_some_and(|actor| actor.live);
    if ubins.iter().any(dead) { Err(Code::PartyNotLive.into()) } else { Ok(()) }
}

fn check_missing(
    ctx: &Context<'_, '_>,
    question: &Question<'_>,
    roles: &[Role],
    signed: &[String],
) -> Result<Vec<&'static str>, Reject> {
    let mut missing = Vec::new();
    for role in roles {
        let count = role
            .members
            .iter()
            .filter(|member| signed.contains(&identity(ctx.state, member)))
            .count();
        if count as u64 >= role.k {
            continue;
        }
        if !role.by_consent && !question.partial {
            let field = format!("/sigs/{}", role.letter);
            return Err(Reject::new(Code::MissingSigner, &field, "this role did not sign"));
        }
        missing.push(role.letter);
    }
    Ok(missing)
}

fn verify(ctx: &Context<'_, '_>, question: &Question<'_>) -> Result<Vec<Signer>, Reject> {
    let field = |i: usize| format!("/sigs/{i}");
    let mut keys = Vec::new();
    for (i, signature) in question.signatures.iter().enumerate() {
        keys.push(authority::active_key(ctx.state, signature, ctx.time_ms, &field(i))?);
    }
    let (mut signers, mut mandate) = (Vec::new(), None);
    for (i, (signature, key)) in question.signatures.iter().zip(keys).enumerate() {
        let known = question.known.get(i).copied().flatten();
        let digest = &question.digest;
        match authority::checked_signer(ctx, signature, key, digest, known, &field(i)) {
            Ok(signer) => {
                if mandate.is_none() && !within_mandate(&signer, question) {
                    mandate = Some(Reject::new(Code::MandateLimit, &field(i), "out of its limits"));
                }
                signers.push(signer);
            }
            // mandates are asked after every signature
            Err(reject) if reject.code == Code::MandateLimit => {
                mandate = mandate.or(Some(reject));
            }
            Err(reject) => return Err(reject),
        }
    }
    match mandate {
        Some(reject) => Err(reject),
        None => Ok(signers),
    }
}

fn within_mandate(signer: &Signer, question: &Question<'_>) -> bool {
    let Some((_, mandate)) = &signer.mandate else { return true };
    let profile =
        mandate.limits.is_empty() || mandate.limits.iter().any(|limit| limit == question.profile);
    let sum = match (&mandate.sum_limit, question.sum) {
        (Some((unit, scale, limit)), Some((of, at, amount))) => {
            // compared at the finer scale; both fit 128 bits for any u64 and scale ≤ 38
            let raise = |amount: u64, by: u64| {
                let factor = u32::try_from(by).ok().and_then(|by| 10_u128.checked_pow(by));
                factor.and_then(|factor| u128::from(amount).checked_mul(factor))
            };
            let finest = (*scale).max(at);
            let (ours, theirs) = (raise(amount, finest - at), raise(*limit, finest - scale));
            unit == of && ours.zip(theirs).is_some_and(|(ours, theirs)| ours <= theirs)
        }
        _ => true,
    };
    profile && sum
}

fn check_scopes(
    ctx: &Context<'_, '_>,
    roles: &[Role],
    signed: &[String],
    signers: &[Signer],
) -> Result<(), Reject> {
    for role in roles {
        for member in &role.members {
            let who = identity(ctx.state, member);
            let mut theirs =
                signed.iter().zip(signers).filter(|(id, _)| **id == who).map(|(_, s)| s).peekable();
            if theirs.peek().is_some()
                && !theirs.any(|signer| authority::key_covers(ctx.state, signer, &role.scope))
            {
                return Err(Reject::new(Code::ScopeDenied, "/sigs", "no key of it has the scope"));
            }
        }
    }
    Ok(())
}

/// Whether a text names a business, the only kind of party that acts on records.
pub fn is_business(party: &str) -> bool {
    matches!(Party::parse(party), Some(Party::Business { .. }))
}
