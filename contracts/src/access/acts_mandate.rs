//! `mandate_set` and `mandate_end`: a business lets an agent sign for it.
//!
//! Invariant: a mandate gives no more than the key that signed it has, never the right to touch
//! keys or to give mandates on, and ends by itself within 366 days. The registers ask for its
//! limits where they know the object ([`Mandate::allows`]).

use super::acts::{Target, check_open, check_version, finish};
use super::authority::{self, require_party, signers};
use super::{Mandate, Party, holder, mandate_key, scope};
use crate::context::{Authority, Context};
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op::Op;

/// What an agent may be let do: the acts of a business in the registers of trade.
const DELEGABLE: &[&str] = &["etr.*", "ubin.challenge_*", "vc.*"];

impl Mandate {
    /// Whether the mandate lets its agent do an act on an object of this profile or scheme, for
    /// this sum (unit, scale, amount), as far as the act has one. That it is in force is asked when
    /// the signature is read.
    pub fn allows(&self, act: &str, object: Option<&str>, sum: Option<(&str, u64, u64)>) -> bool {
        let acts = self.acts.iter().any(|granted| scope::covers(granted, act));
        let object = self.limits.is_empty()
            || object.is_some_and(|object| self.limits.iter().any(|limit| limit == object));
        let sum = match (&self.sum_limit, sum) {
            (Some((unit, scale, limit)), Some((of_unit, of_scale, amount))) => {
                unit == of_unit && at_most((amount, of_scale), (*limit, *scale))
            }
            _ => true,
        };
        acts && object && sum
    }
}

/// Whether a · 10^-scale ≤ limit · 10^-scale, exactly. Scales are at most 18.
fn at_most(amount: (u64, u64), limit: (u64, u64)) -> bool {
    let raise = |value: u64, by: u64| {
        let power = u32::try_from(by).ok().and_then(|by| 10_u128.checked_pow(by))?;
        u128::from(value).checked_mul(power)
    };
    match (raise(amount.0, limit.1), raise(limit.0, amount.1)) {
        (Some(amount), Some(limit)) => amount <= limit,
        _ => false,
    }
}

/// The principal gives a mandate with the next number.
pub(super) fn set(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let target = Target::read(ctx, &mut args, "party")?;
    let version = args.uint("version")?;
    let mandate = read_mandate(&mut args)?;
    args.finish()?;

    let signers = signers(ctx, op)?;
    require_principal(ctx, &signers, &target, &mandate)?;
    let mut ring = target.known(ctx)?;
    target.must_be_live()?;
    check_open(&ring)?;
    check_version(ring.entry.version, version)?;
    check_mandate(ctx, &target, &mandate)?;
    ring.entry.open_mandates.retain(|(_, until_ms)| *until_ms > ctx.time_ms);
    if ring.entry.open_mandates.len() >= limits::OPEN_MANDATES_MAX {
        return Err(Reject::new(Code::MandateLimit, "/args/party", "64 mandates in force"));
    }
    let no = ring.entry.mandates.saturating_add(1);
    ring.entry.mandates = no;
    ring.entry.open_mandates.push((no, mandate.until_ms));
    ctx.state.write(mandate_key(&ring.name, no), &mandate);
    let data = [
        ("agent", Value::from(mandate.agent)),
        ("mandate", Value::from(no)),
        ("untilMs", Value::from(mandate.until_ms)),
    ];
    finish(ctx, op, &target, ring, data);
    Ok(())
}

fn read_mandate(args: &mut Members<'_>) -> Result<Mandate, Reject> {
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
    let agent = args.text("agent")?.to_owned();
    let acts = owned(args.texts("acts")?);
    let limits = owned(args.texts("limits")?);
    let sum_limit = match args.optional("sumLimit") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let mut sum = Members::of(value, "/args/sumLimit")?;
            let unit = sum.text("unit")?.to_owned();
            let scale = sum.uint("scale")?;
            let amount = sum
                .text("amount")?
                .parse::<u64>()
                .ok()
                .filter(|amount| amount.to_string() == sum_text(value))
                .ok_or_else(|| sum.malformed("amount", "digits without leading zero"))?;
            sum.finish()?;
            Some((unit, scale, amount))
        }
    };
    let until_ms = args.uint("untilMs")?;
    Ok(Mandate { agent, acts, limits, sum_limit, until_ms, ended: false })
}

fn sum_text(value: &Value) -> &str {
    value.get("amount").and_then(Value::as_text).unwrap_or_default()
}

/// One active `invoke` key of the principal itself, with the scope of the act and of everything
/// that it hands on.
fn require_principal(
    ctx: &mut Context<'_, '_>,
    signers: &[authority::Signer],
    target: &Target,
    mandate: &Mandate,
) -> Result<(), Reject> {
    require_party(ctx, signers, &target.party, "access.mandate_set")?;
    if ctx.authority == Authority::Assumed {
        return Ok(());
    }
    let name = target.holder.as_ref().map(|holder| holder.name.as_str()).unwrap_or_default();
    let wide_enough = signers.iter().filter(|signer| signer.is_itself(name)).any(|signer| {
        authority::key_covers(ctx.state, signer, "access.mandate_set")
            && mandate.acts.iter().all(|act| authority::key_covers(ctx.state, signer, act))
    });
    if wide_enough {
        Ok(())
    } else {
        let detail = "a mandate gives no more than the key that signs it has";
        Err(Reject::new(Code::ScopeDenied, "/args/acts", detail))
    }
}

/// `MANDATE_LIMIT` for what a mandate may not be.
fn check_mandate(ctx: &Context<'_, '_>, target: &Target, mandate: &Mandate) -> Result<(), Reject> {
    let refuse = |field: &str, what: &str| Err(Reject::new(Code::MandateLimit, field, what));
    if !matches!(target.party, Party::Business { .. }) {
        return refuse("/args/party", "mandates are for businesses");
    }
    let agent = match Party::parse(&mandate.agent) {
        Some(party @ Party::Business { .. }) => holder(ctx.state, &party),
        _ => None,
    };
    let principal = target.holder.as_ref().map(|holder| holder.name.as_str());
    match agent {
        Some(agent) if agent.live && Some(agent.name.as_str()) != principal => {}
        _ => return refuse("/args/agent", "a live business other than the principal"),
    }
    let delegable = |act: &String| {
        scope::is_known(act) && DELEGABLE.iter().any(|granted| scope::covers(granted, act))
    };
    let count = (1..=limits::MANDATE_ITEMS_MAX).contains(&mandate.acts.len());
    if !count || !mandate.acts.iter().all(delegable) {
        return refuse("/args/acts", "1 to 32 acts of a business, none on keys or mandates");
    }
    let fits = |item: &String| (1..=limits::SCOPE_BYTES_MAX).contains(&item.len());
    if mandate.limits.len() > limits::MANDATE_ITEMS_MAX || !mandate.limits.iter().all(fits) {
        return refuse("/args/limits", "at most 32 profiles or schemes");
    }
    if let Some((unit, scale, _)) = &mandate.sum_limit
        && (*scale > 18 || !(1..=8).contains(&unit.len()))
    {
        return refuse("/args/sumLimit", "unit of 1 to 8 characters, scale at most 18");
    }
    let last_ms = ctx.time_ms.saturating_add(limits::MANDATE_MS_MAX);
    if mandate.until_ms <= ctx.time_ms || mandate.until_ms > last_ms {
        return refuse("/args/untilMs", "within 366 days");
    }
    Ok(())
}

/// The principal or the agent ends a mandate, at once.
pub(super) fn end(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let target = Target::read(ctx, &mut args, "party")?;
    let version = args.uint("version")?;
    let no = args.uint("mandate")?;
    args.finish()?;

    let signers = signers(ctx, op)?;
    let name = target.holder.as_ref().map(|holder| holder.name.clone()).unwrap_or_default();
    let key = mandate_key(&name, no);
    let mandate = ctx.state.read::<Mandate>(&key);
    let agent = mandate.as_ref().and_then(|mandate| Party::parse(&mandate.agent));
    let by_agent = agent.filter(|agent| {
        holder(ctx.state, agent)
            .is_some_and(|agent| signers.iter().any(|signer| signer.is_itself(&agent.name)))
    });
    let signing = by_agent.as_ref().unwrap_or(&target.party);
    require_party(ctx, &signers, signing, "access.mandate_end")?;
    let mut ring = target.known(ctx)?;
    check_version(ring.entry.version, version)?;
    let mut mandate = mandate
        .filter(|mandate| !mandate.ended && ctx.time_ms < mandate.until_ms)
        .ok_or_else(|| Reject::new(Code::MandateLimit, "/args/mandate", "not in force"))?;
    mandate.ended = true;
    ctx.state.write(key, &mandate);
    ring.entry.open_mandates.retain(|(open, until)| *open != no && *until > ctx.time_ms);
    finish(ctx, op, &target, ring, [("mandate", Value::from(no))]);
    Ok(())
}
