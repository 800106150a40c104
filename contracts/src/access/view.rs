//! What readers are shown of the register: parties, keys and mandates as JSON values.
//!
//! Everything here is public. Times are shown as the register holds them, ms of block time; an end
//! that is not set is `null`.

use super::{
    Ams, AuthorityEntry, KeyEntry, KeyState, Mandate, Party, PartyEntry, ams_key, authority_key,
    holder, key_key, mandate_key, party_key,
};
use crate::json::Value;
use crate::op::encode_base64;
use crate::state::Overlay;

/// A party: its entry, for a state also name, status and root quorum, for an authority its scopes
/// and quorums. `None` if it is no party of the register.
pub fn party(state: &Overlay<'_>, text: &str, time_ms: u64) -> Option<Value> {
    let (party, name, entry) = find(state, text)?;
    let pending = entry.pending_recovery.as_ref().filter(|p| p.effective_ms > time_ms);
    let services = entry.services.iter().map(|service| {
        Value::object([
            ("id", Value::from(service.id.as_str())),
            ("serviceEndpoint", Value::from(service.endpoint.as_str())),
            ("type", Value::from(service.kind.as_str())),
        ])
    });
    let mut members = vec![
        ("alsoKnownAs", texts(&entry.also_known_as)),
        ("closed", Value::from(entry.closed)),
        ("closedMs", Value::from(entry.closed.then_some(entry.closed_ms))),
        ("keyCount", Value::from(entry.keys)),
        ("mandateCount", Value::from(entry.mandates)),
        ("party", Value::from(text)),
        (
            "pendingRecovery",
            Value::from(pending.map(|pending| {
                Value::object([
                    ("effectiveMs", Value::from(pending.effective_ms)),
                    ("keys", super::acts_key::key_ids(&pending.keys)),
                ])
            })),
        ),
        ("services", Value::List(services.collect())),
        ("version", Value::from(entry.version)),
    ];
    match &party {
        Party::Root(cc) => {
            let ams: Ams = state.read(&ams_key(cc))?;
            members.push(("fromHeight", Value::from(ams.from_height)));
            members.push(("name", Value::from(ams.name.as_str())));
            members.push(("rootQuorum", Value::from(ams.root_k_at(time_ms))));
            members.push(("status", Value::from(ams.status.as_str())));
        }
        Party::Authority { cc, name } => {
            let entry: AuthorityEntry = state.read(&authority_key(cc, name))?;
            let policy = [("r1", Value::from(entry.r1)), ("r2", Value::from(entry.r2))];
            members.push(("policy", Value::object(policy)));
            members.push(("scopes", texts(&entry.scopes)));
        }
        Party::Business { .. } => members.push(("entity", Value::from(name))),
    }
    Some(Value::object(members))
}

/// Keys number `from_no` and up, at most `count`, with `next` where more follow. `None` if it is
/// no party of the register.
pub fn keys(
    state: &Overlay<'_>,
    text: &str,
    time_ms: u64,
    from_no: u64,
    count: u64,
) -> Option<Value> {
    let (_, name, entry) = find(state, text)?;
    let show = |no| {
        let key: KeyEntry = state.read(&key_key(&name, no))?;
        Some(key_view(no, &key, time_ms))
    };
    Some(page("keys", from_no, count, entry.keys, show))
}

/// Mandates number `from_no` and up, at most `count`, with `next` where more follow. `None` if it
/// is no party of the register.
pub fn mandates(
    state: &Overlay<'_>,
    text: &str,
    time_ms: u64,
    from_no: u64,
    count: u64,
) -> Option<Value> {
    let (_, name, entry) = find(state, text)?;
    let show = |no| {
        let mandate: Mandate = state.read(&mandate_key(&name, no))?;
        Some(mandate_view(no, &mandate, time_ms))
    };
    Some(page("mandates", from_no, count, entry.mandates, show))
}

fn find(state: &Overlay<'_>, text: &str) -> Option<(Party, String, PartyEntry)> {
    let party = Party::parse(text)?;
    let name = holder(state, &party)?.name;
    let entry = state.read(&party_key(&name))?;
    Some((party, name, entry))
}

fn page(
    name: &'static str,
    from_no: u64,
    count: u64,
    last: u64,
    show: impl Fn(u64) -> Option<Value>,
) -> Value {
    let from = from_no.max(1);
    let after = from.saturating_add(count);
    let items = (from..after.min(last.saturating_add(1))).filter_map(show).collect();
    let next = (after <= last).then_some(after);
    Value::object([(name, Value::List(items)), ("next", Value::from(next))])
}

/// A key as readers see it.
pub(crate) fn key_view(no: u64, key: &KeyEntry, time_ms: u64) -> Value {
    let state = match key.state_at(time_ms) {
        KeyState::Active if key.active_from_ms > time_ms => "announced",
        KeyState::Active => "active",
        KeyState::Retired => "retired",
        KeyState::Compromised => "compromised",
    };
    let compromised = key.state == KeyState::Compromised;
    let ends = key.ends_ms != u64::MAX;
    let purposes = key.purposes.iter().map(|purpose| Value::from(purpose.name())).collect();
    Value::object([
        ("activeFromMs", Value::from(key.active_from_ms)),
        ("alg", Value::from(key.algorithm.as_str())),
        ("boundHeight", Value::from(key.bound_height)),
        ("compromisedHeight", Value::from(compromised.then_some(key.compromised_height))),
        ("compromisedMs", Value::from(compromised.then_some(key.compromised_ms))),
        ("endedHeight", Value::from(ends.then_some(key.ended_height))),
        ("endsMs", Value::from(ends.then_some(key.ends_ms))),
        ("key", Value::from(format!("k{no}"))),
        ("officer", Value::from(key.officer)),
        ("publicKey", Value::from(encode_base64(&key.public_key))),
        ("purposes", Value::List(purposes)),
        ("scopes", texts(&key.scopes)),
        ("state", Value::from(state)),
    ])
}

/// A mandate as readers see it.
pub(crate) fn mandate_view(no: u64, mandate: &Mandate, time_ms: u64) -> Value {
    let status = match (mandate.ended, mandate.until_ms <= time_ms) {
        (true, _) => "ended",
        (false, true) => "expired",
        (false, false) => "in force",
    };
    let sum_limit = mandate.sum_limit.as_ref().map(|(unit, scale, amount)| {
        Value::object([
            ("amount", Value::from(amount.to_string())),
            ("scale", Value::from(*scale)),
            ("unit", Value::from(unit.as_str())),
        ])
    });
    Value::object([
        ("acts", texts(&mandate.acts)),
        ("agent", Value::from(mandate.agent.as_str())),
        ("limits", texts(&mandate.limits)),
        ("mandate", Value::from(no)),
        ("status", Value::from(status)),
        ("sumLimit", Value::from(sum_limit)),
        ("untilMs", Value::from(mandate.until_ms)),
    ])
}

fn texts(items: &[String]) -> Value {
    Value::List(items.iter().map(|item| Value::from(item.as_str())).collect())
}
