//! Who must sign an act, and whether they did (etr.md §4, §5).
//!
//! Order of errors: `MISSING_SIGNER` (the role stands in the field, `/sigs/K`), `UNEXPECTED_SIGNER`,
//! `PARTY_NOT_LIVE`, `KEY_NOT_ACTIVE`, `BAD_SIGNATURE`, `MANDATE_LIMIT`, `SCOPE_DENIED`. In a dry
//! run the signers are noted as needs and only `PARTY_NOT_LIVE` is asked.
//!
//! A receiver's consent is a key with the scope `etr.accept`, at issue too: a business that only
//! receives records need not hold a right to issue them.

use std::sync::Arc;

use super::person::{Person, identity};
use crate::access::authority::{self, Signer};
use crate::access::{Party, scope};
use crate::context::{Authority, Context};
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::op::OpSignature;
use crate::state::Overlay;
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
    /// A state whose authorities may sign in place of members: court acts. The act counts them.
    pub authorities_of: Option<String>,
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
            authorities_of: None,
        }
    }

    /// A role of one party.
    pub fn party(letter: &'static str, ubin: &str, scope: &str) -> Self {
        Self::of(letter, &Person::Single(ubin.to_owned()), scope)
    }

    /// The court and registrar authorities of a state.
    pub fn authorities(cc: &str, scope: &str) -> Self {
        Self {
            letter: "C",
            members: Vec::new(),
            k: 0,
            scope: scope.to_owned(),
            by_consent: false,
            authorities_of: Some(cc.to_owned()),
        }
    }

    /// The same role for one who may sign but need not.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { k: 0, ..self }
    }

    fn expects(&self, state: &Overlay<'_>, signature: &OpSignature, who: &str) -> bool {
        self.members.iter().any(|member| *identity(state, member) == *who)
            || self.authorities_of.as_ref().is_some_and(|cc| {
                signature.mandate.is_none()
                    && matches!(Party::parse(&signature.party),
                        Some(Party::Authority { cc: of, .. }) if of == *cc)
            })
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

/// What is known of the signatures of an op once they are checked.
#[derive(Clone, Debug, Default)]
pub struct Signed {
    /// Letters of the roles that lack signatures: those that a standing consent may fill and, when
    /// staging, any.
    pub missing: Vec<&'static str>,
    /// For each signature the identity of the party whose will it expresses.
    pub who: Vec<Arc<str>>,
    /// The signers, in the order of the signatures. Empty in a dry run.
    pub signers: Vec<Signer>,
    /// Whether signatures are assumed (dry run).
    pub assumed: bool,
}

impl Signed {
    /// Whether a party signed.
    pub fn by(&self, state: &Overlay<'_>, ubin: &str) -> bool {
        let who = identity(state, ubin);
        self.who.contains(&who)
    }

    /// Whether as many of a person's members signed as an act of it needs.
    pub fn by_person(&self, state: &Overlay<'_>, person: &Person) -> bool {
        let count = person.members().iter().filter(|member| self.by(state, member)).count();
        count as u64 >= person.quorum()
    }
}

/// Checks the signers.
pub fn check(ctx: &mut Context<'_, '_>, question: &Question<'_>) -> Result<Signed, Reject> {
    let roles = question.roles.unwrap_or_default();
    if ctx.authority == Authority::Assumed {
        for role in roles {
            note_need(ctx, role);
            check_live(ctx, &role.members)?;
        }
        check_live(ctx, question.live)?;
        return Ok(Signed { assumed: true, ..Signed::default() });
    }
    let signed: Vec<Arc<str>> = question
        .signatures
        .iter()
        .map(|signature| identity(ctx.state, principal_of(signature)))
        .collect();
    let missing = check_missing(ctx, question, roles, &signed)?;
    if question.roles.is_some() {
        for (i, (who, signature)) in signed.iter().zip(question.signatures).enumerate() {
            if !roles.iter().any(|role| role.expects(ctx.state, signature, who)) {
                let field = format!("/sigs/{i}");
                return Err(Reject::new(Code::UnexpectedSigner, &field, ""));
            }
        }
    }
    let by_authority = roles.iter().any(|role| role.authorities_of.is_some());
    for signature in question.signatures {
        if by_authority && !is_business(&signature.party) {
            check_authority(ctx, &signature.party)?;
            continue;
        }
        check_live(ctx, std::slice::from_ref(&signature.party))?;
        if let Some((principal, _)) = &signature.mandate {
            check_live(ctx, std::slice::from_ref(principal))?;
        }
    }
    check_live(ctx, question.live)?;
    let signers = verify(ctx, question, roles, &signed)?;
    check_scopes(ctx, roles, &signed, &signers)?;
    Ok(Signed { missing, who: signed, signers, assumed: false })
}

/// Whose will a signature expresses.
pub fn principal_of(signature: &OpSignature) -> &str {
    signature.mandate.as_ref().map_or(signature.party.as_str(), |(principal, _)| principal)
}

fn note_need(ctx: &mut Context<'_, '_>, role: &Role) {
    if let Some(cc) = &role.authorities_of {
        ctx.need(role.letter, &format!("{cc}:*"), 1, &role.scope);
    } else if role.k == 0 {
        // may sign, need not
    } else if role.k == role.members.len() as u64 {
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

/// An authority that was opened and not closed.
fn check_authority(ctx: &Context<'_, '_>, text: &str) -> Result<(), Reject> {
    let party = Party::parse(text).ok_or(Code::PartyNotLive)?;
    let open = authority::authority_of(ctx.state, &party).is_some()
        && !crate::access::is_closed(ctx.state, &party);
    if open { Ok(()) } else { Err(Code::PartyNotLive.into()) }
}

fn check_missing(
    ctx: &Context<'_, '_>,
    question: &Question<'_>,
    roles: &[Role],
    signed: &[Arc<str>],
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

fn verify(
    ctx: &Context<'_, '_>,
    question: &Question<'_>,
    roles: &[Role],
    signed: &[Arc<str>],
) -> Result<Vec<Signer>, Reject> {
    let field = |i: usize| format!("/sigs/{i}");
    let at = |i: usize| move |reject: Reject| Reject { field: field(i), ..reject };
    let count = question.signatures.len();
    let mut keys = Vec::with_capacity(count);
    for (i, signature) in question.signatures.iter().enumerate() {
        let active = authority::active(ctx.state, signature, ctx.time_ms, "");
        keys.push(active.map_err(at(i))?);
    }
    let (mut signers, mut mandate) = (Vec::with_capacity(count), None);
    for (i, (signature, key)) in question.signatures.iter().zip(keys).enumerate() {
        let known = question.known.get(i).copied().flatten();
        let digest = &question.digest;
        match authority::checked_signer(ctx, signature, key, digest, known, "").map_err(at(i)) {
            Ok(signer) => {
                let who = signed.get(i).map(|who| &**who).unwrap_or_default();
                let within = within_mandate(ctx, &signer, question, roles, who);
                if mandate.is_none() && !within {
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

/// Whether a mandate lets its agent sign for each role of its principal that the mandate covers at
/// all; one that it does not cover is `SCOPE_DENIED` later.
fn within_mandate(
    ctx: &Context<'_, '_>,
    signer: &Signer,
    question: &Question<'_>,
    roles: &[Role],
    who: &str,
) -> bool {
    let Some((_, mandate)) = &signer.mandate else { return true };
    let of_principal =
        |role: &&Role| role.members.iter().any(|member| *identity(ctx.state, member) == *who);
    let granted = |role: &&Role| mandate.acts.iter().any(|act| scope::covers(act, &role.scope));
    roles
        .iter()
        .filter(of_principal)
        .filter(granted)
        .all(|role| mandate.allows(&role.scope, Some(question.profile), question.sum))
}

fn check_scopes(
    ctx: &Context<'_, '_>,
    roles: &[Role],
    signed: &[Arc<str>],
    signers: &[Signer],
) -> Result<(), Reject> {
    for role in roles {
        if role.authorities_of.is_some()
            && !signers.iter().all(|signer| authority::key_covers(ctx.state, signer, &role.scope))
        {
            return Err(Reject::new(Code::ScopeDenied, "/sigs", "a key has not the scope"));
        }
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
