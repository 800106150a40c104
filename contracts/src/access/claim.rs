//! `vc-did`: a party with every key it ever had, or that it does not exist (vc.md §4.3).

use super::{
    Ams, AuthorityEntry, KeyEntry, KeyState, Party, PartyEntry, ams_key, authority_key, key_key,
    party_key,
};
use crate::claim::{Frame, Walk, differs, missing, stated_text, texts};
use crate::json::Value;
use crate::op::encode_base64;
use crate::proof::VerifyError;
use crate::ubin;
use crate::ubin::identifier::Ubin;

/// Where the entries of a party stand, and whether it may act.
struct Found {
    store_name: String,
    may_act: bool,
    /// Keys that must sign together: the root quorum, 1 for others.
    threshold: u64,
}

/// States `did`. Shown are all keys with their states at the block time of the header; whoever
/// asks about another time reads the times of their changes.
pub fn claim(stated: &Value, walk: &mut Walk<'_>, frame: Frame<'_>) -> Result<Value, VerifyError> {
    let did = stated_text(stated, "did")?;
    let party =
        did.strip_prefix("did:ubin:").and_then(Party::parse).ok_or_else(|| missing("did"))?;
    let Some(found) = find(&party, walk, frame.time_ms)? else {
        return Ok(Value::object([("did", Value::from(did)), ("found", Value::from(false))]));
    };
    let entry: PartyEntry = walk.read(&party_key(&found.store_name))?.unwrap_or_default();
    let mut keys = Vec::new();
    for no in 1..=entry.keys {
        let key: KeyEntry = walk
            .read(&key_key(&found.store_name, no))?
            .ok_or_else(|| differs("a key of the party is missing"))?;
        keys.push(key_value(no, &key, frame.time_ms));
    }
    let services = entry.services.iter().map(|service| {
        Value::object([
            ("id", Value::from(service.id.as_str())),
            ("type", Value::from(service.kind.as_str())),
            ("serviceEndpoint", Value::from(service.endpoint.as_str())),
        ])
    });
    Ok(Value::object([
        ("did", Value::from(did)),
        ("found", Value::from(true)),
        ("storeName", Value::from(found.store_name.as_str())),
        ("mayAct", Value::from(found.may_act && !entry.closed)),
        ("threshold", Value::from(found.threshold)),
        ("version", Value::from(entry.version)),
        ("deactivated", Value::from(entry.closed)),
        ("alsoKnownAs", texts(&entry.also_known_as)),
        ("services", Value::List(services.collect())),
        ("keys", Value::List(keys)),
    ]))
}

fn find(party: &Party, walk: &mut Walk<'_>, time_ms: u64) -> Result<Option<Found>, VerifyError> {
    Ok(match party {
        Party::Root(cc) => walk.read::<Ams>(&ams_key(cc))?.map(|ams| Found {
            store_name: cc.clone(),
            may_act: true,
            threshold: ams.root_k_at(time_ms),
        }),
        Party::Authority { cc, name } => walk
            .read::<AuthorityEntry>(&authority_key(cc, name))?
            .map(|_| Found { store_name: format!("{cc}:{name}"), may_act: true, threshold: 1 }),
        Party::Business { ubin } => {
            let ubin = Ubin::parse_canonical(ubin).ok_or_else(|| missing("did"))?;
            ubin::walk_actor(walk, &ubin)?.map(|(record, _)| Found {
                may_act: record.may_act(),
                store_name: record.entity,
                threshold: 1,
            })
        }
    })
}

fn key_value(no: u64, key: &KeyEntry, time_ms: u64) -> Value {
    let state = match key.state_at(time_ms) {
        KeyState::Active if key.active_from_ms > time_ms => "announced",
        KeyState::Active => "active",
        KeyState::Retired => "retired",
        KeyState::Compromised => "compromised",
    };
    let compromised = key.state == KeyState::Compromised;
    let ends = key.ends_ms != u64::MAX;
    let purposes = key.purposes.iter().map(|purpose| Value::from(purpose.name()));
    Value::object([
        ("key", Value::from(format!("k{no}"))),
        ("alg", Value::from(key.algorithm.as_str())),
        ("publicKey", Value::from(encode_base64(&key.public_key))),
        ("purposes", Value::List(purposes.collect())),
        ("state", Value::from(state)),
        ("activeFromMs", Value::from(key.active_from_ms)),
        ("endsMs", Value::from(ends.then_some(key.ends_ms))),
        ("compromisedMs", Value::from(compromised.then_some(key.compromised_ms))),
    ])
}
