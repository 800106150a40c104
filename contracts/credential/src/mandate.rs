//! The mandate check (vc-api.md A§3): whether an AuthorisedRepresentative counts for an act.
//!
//! Invariant: claims are taken from the very text that the verdict is about. What the act needs to
//! know (`principal`, `powers`, `limit`, `jointly`) cannot be kept back by the holder: the type's
//! metadata says `"sd": "never"`, and no issuer of this project hides it.

use std::cmp::Ordering;

use serde_json::Value;
use titian_contracts::access::Party;
use titian_contracts::credential::{REGION, ResourceId, ResourceKind};

use crate::did;
use crate::snapshot::Snapshot;
use crate::verdict::{Decision, Policy, Verdict};
use crate::verify::{Request, verify};

/// The name of the type's metadata.
const NAME: &str = "authorised-representative";

/// What a representative is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act<'a> {
    /// The act's code: `etr.offer`, `customs.declare`.
    pub power: &'a str,
    /// The UBIN of the business that acts.
    pub principal: &'a str,
    /// Currency, and amount as decimal text, where the act has one.
    pub amount: Option<(&'a str, &'a str)>,
}

/// What a mandate that counts still asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// How many of which group act together; one representative suffices if there is none.
    pub jointly: Option<(u64, String)>,
    /// The mandate has a limit, and the act named no amount to compare with it.
    pub limit_open: bool,
}

/// Why a mandate does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMandate {
    /// The verdict is another one than "verified".
    #[error("the credential is not verified")]
    NotVerified,
    /// A credential of another type.
    #[error("the credential is no mandate")]
    OtherType,
    /// The act is not among the powers.
    #[error("the mandate does not cover the act")]
    NoPower,
    /// The amount is larger than the limit, or in another currency.
    #[error("the amount is beyond the limit of the mandate")]
    BeyondLimit,
    /// The mandate is for another business.
    #[error("the mandate is another business's")]
    OtherPrincipal,
    /// The business may not act as of the snapshot.
    #[error("the principal may not act")]
    MayNotAct,
    /// The snapshot does not tell whether the business may act.
    #[error("whether the principal may act cannot be told from what is at hand")]
    PrincipalUnknown,
}

impl NoMandate {
    /// The name in answers of programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotVerified => "NOT_VERIFIED",
            Self::OtherType => "OTHER_TYPE",
            Self::NoPower => "NO_POWER",
            Self::BeyondLimit => "BEYOND_LIMIT",
            Self::OtherPrincipal => "OTHER_PRINCIPAL",
            Self::MayNotAct => "MAY_NOT_ACT",
            Self::PrincipalUnknown => "PRINCIPAL_UNKNOWN",
        }
    }
}

/// A mandate that was judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The verdict on the credential; it holds no claim.
    pub verdict: Verdict,
    /// Whether the mandate counts for the act.
    pub result: Result<Counts, NoMandate>,
}

impl Judgement {
    /// `Verified` if the mandate counts, `Indeterminate` if that cannot be told.
    pub const fn decision(&self) -> Decision {
        match self.result {
            Ok(_) => Decision::Verified,
            Err(NoMandate::NotVerified) => self.verdict.decision,
            Err(NoMandate::PrincipalUnknown) => Decision::Indeterminate,
            Err(_) => Decision::Rejected,
        }
    }
}

/// Whether the mandate in `input` counts for `act` at `t_ms`, on the state of `snapshot`. `request`
/// says whom the holder was asked to sign for; its policy is `ledger` whatever it names.
pub fn counts(
    input: &[u8],
    act: Act<'_>,
    request: &Request,
    snapshot: &dyn Snapshot,
    t_ms: u64,
) -> Result<Counts, NoMandate> {
    judge(input, act, request, snapshot, t_ms).result
}

/// The same with the verdict that it rests on.
pub fn judge(
    input: &[u8],
    act: Act<'_>,
    request: &Request,
    snapshot: &dyn Snapshot,
    t_ms: u64,
) -> Judgement {
    let request = Request { policy: Policy::Ledger, return_credential: true, ..request.clone() };
    let mut verdict = verify(input, &request, Some(snapshot), t_ms);
    let claims = verdict.credential.take().filter(|_| verdict.verified());
    let result = claims.ok_or(NoMandate::NotVerified);
    let result = result.and_then(|claims| within(&claims, act, snapshot));
    Judgement { verdict, result }
}

/// Whether an act is within the claims of a verified credential.
fn within(claims: &Value, act: Act<'_>, snapshot: &dyn Snapshot) -> Result<Counts, NoMandate> {
    let vct = claims.get("vct").and_then(Value::as_str).unwrap_or_default();
    if !is_mandate(vct) {
        return Err(NoMandate::OtherType);
    }
    let powers = claims.get("powers").and_then(Value::as_array);
    if !powers.is_some_and(|powers| powers.iter().any(|power| power == act.power)) {
        return Err(NoMandate::NoPower);
    }
    let limit = claims.get("limit");
    if let (Some(limit), Some(amount)) = (limit, act.amount)
        && !is_within(limit, amount)
    {
        return Err(NoMandate::BeyondLimit);
    }
    if claims.get("principal").and_then(Value::as_str) != Some(act.principal) {
        return Err(NoMandate::OtherPrincipal);
    }
    let business = Party::parse(act.principal).filter(|p| matches!(p, Party::Business { .. }));
    match did::resolve(snapshot, &business.ok_or(NoMandate::MayNotAct)?) {
        Ok(resolved) if resolved.may_act && !resolved.entry.closed => {}
        Err("DID_NOT_AVAILABLE") => return Err(NoMandate::PrincipalUnknown),
        _ => return Err(NoMandate::MayNotAct),
    }
    let jointly = claims.get("jointly").and_then(|jointly| {
        let group = jointly.get("group")?.as_str()?.to_owned();
        Some((jointly.get("k")?.as_u64()?, group))
    });
    Ok(Counts { jointly, limit_open: limit.is_some() && act.amount.is_none() })
}

/// Whether a `vct` is that of a mandate, of any version.
fn is_mandate(vct: &str) -> bool {
    vct.strip_prefix("did:ubin:").and_then(ResourceId::parse).is_some_and(|id| {
        id.kind == ResourceKind::VctMetadata && id.owner == REGION && id.name == NAME
    })
}

fn is_within(limit: &Value, (currency, amount): (&str, &str)) -> bool {
    let text = |name: &str| limit.get(name).and_then(Value::as_str).unwrap_or_default();
    let order = decimal_order(amount, text("amount"));
    text("currency") == currency && order.is_some_and(Ordering::is_le)
}

/// The order of two decimal texts without sign; `None` if one of them is no such text.
fn decimal_order(a: &str, b: &str) -> Option<Ordering> {
    let ((whole_a, part_a), (whole_b, part_b)) = (decimal(a)?, decimal(b)?);
    let whole = whole_a.len().cmp(&whole_b.len()).then_with(|| whole_a.cmp(whole_b));
    Some(whole.then_with(|| part_a.cmp(part_b)))
}

/// Digits before and after the point, without zeros that count for nothing.
fn decimal(text: &str) -> Option<(&str, &str)> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let sound = digits(whole) && digits(part);
    sound.then(|| (whole.trim_start_matches('0'), part.trim_end_matches('0')))
}
