//! DIDs: `did:ubin` from the access register; the other methods in [`method`] (vc.md §4).
//!
//! Invariant: a DID document is a view of state, never stored; a key comes from the resolved DID
//! and from nowhere else (S7). Any spelling but the canonical one is `DID_INVALID`.

pub mod method;

use serde_json::{Value, json};
use titian_contracts::access::{
    self, Ams, AuthorityEntry, KeyEntry, KeyState, Party, PartyEntry, Purpose,
};
use titian_contracts::credential::parse_index;
use titian_contracts::state::Overlay;
use titian_contracts::time::rfc3339;
use titian_contracts::ubin::capacity::{Capacity, Life};
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record;

pub use crate::key::{Algorithm, multikey, parse_multikey};
use crate::snapshot::{AsReader, Known, Snapshot, read};

/// The DID of a party.
pub fn did_of(party: &str) -> String {
    format!("did:ubin:{party}")
}

/// The party of a `did:ubin`; `None` if it breaks the grammar.
pub fn party_of(did: &str) -> Option<Party> {
    Party::parse(did.strip_prefix("did:ubin:")?)
}

/// Whether a fragment is one that a DID URL of the ledger can have: `k` and a number for a key, a
/// number for the entry of a list, decimal without sign and leading zero (vc.md §4.1).
pub fn is_fragment(fragment: &str) -> bool {
    parse_index(fragment.strip_prefix('k').unwrap_or(fragment)).is_some()
}

/// A party with all its keys, as far as the snapshot knows.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The party.
    pub party: Party,
    /// Its entry.
    pub entry: PartyEntry,
    /// Its keys; `k1` is the first.
    pub keys: Vec<(u64, KeyEntry)>,
    /// For a business: its entity may act as of the snapshot. True for others.
    pub may_act: bool,
    /// When a business could act, and the authority that keeps its record.
    pub business: Option<Business>,
    /// Different active keys that an issuer needs: k for a state's root, else 1.
    pub threshold: u64,
}

/// What the record of a business tells about it as a signer.
#[derive(Clone, Debug)]
pub struct Business {
    /// When it could act.
    pub life: Life,
    /// The authority that signed the version in force.
    pub registrar: String,
}

/// Resolves a party in a snapshot. The error is a code of check `issuerKey`.
pub fn resolve(snapshot: &dyn Snapshot, party: &Party) -> Result<Resolved, &'static str> {
    let mut threshold = 1;
    let mut may_act = true;
    let mut business = None;
    let store = match party {
        Party::Root(cc) => {
            // a rotation whose delay is over counts, whether or not an act has written it down
            let ams = known(read::<Ams>(snapshot, &access::ams_key(cc)))?;
            threshold = ams.root_k_at(snapshot.trust().time_ms);
            cc.clone()
        }
        Party::Authority { cc, name } => {
            known(read::<AuthorityEntry>(snapshot, &access::authority_key(cc, name)))?;
            format!("{cc}:{name}")
        }
        Party::Business { ubin } => {
            let reader = AsReader::new(snapshot);
            let number = Ubin::parse_canonical(ubin);
            let found = number.and_then(|number| record::find(&Overlay::new(&reader), &number));
            let found = match found {
                Some((_, found)) => found,
                None if reader.missed() => return Err("DID_NOT_AVAILABLE"),
                None => return Err("DID_NOT_FOUND"),
            };
            may_act = found.may_act();
            business = Some(Business { life: found.meta.life, registrar: found.meta.registrar });
            found.entity
        }
    };
    let entry = match read::<PartyEntry>(snapshot, &access::party_key(&store)) {
        Known::Known(entry) => entry.unwrap_or_default(),
        Known::Unknown => return Err("DID_NOT_AVAILABLE"),
    };
    let mut keys = Vec::new();
    for n in 1..=entry.keys.min(titian_contracts::limits::PARTY_KEYS_MAX) {
        match read::<KeyEntry>(snapshot, &access::key_key(&store, n)) {
            Known::Known(Some(key)) => keys.push((n, key)),
            Known::Known(None) => {}
            Known::Unknown => return Err("DID_NOT_AVAILABLE"),
        }
    }
    Ok(Resolved { party: party.clone(), entry, keys, may_act, business, threshold })
}

fn known<T>(answer: Known<Option<T>>) -> Result<T, &'static str> {
    match answer {
        Known::Known(Some(value)) => Ok(value),
        Known::Known(None) => Err("DID_NOT_FOUND"),
        Known::Unknown => Err("DID_NOT_AVAILABLE"),
    }
}

/// Whether a key may have signed at `t_ms` (vc.md §4.4); the error is a code of check `issuerKey`.
/// A compromised key counts only for what an anchor shows to be older. A business must have been
/// able to act then.
pub fn check_key_at(
    resolved: &Resolved,
    key: &KeyEntry,
    t_ms: i64,
    anchored: bool,
    skew_ms: i64,
) -> Result<(), &'static str> {
    let at = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    let life = resolved.business.as_ref().map(|business| &business.life);
    let since_ms = life.map_or(0, |life| life.since_ms).max(key.active_from_ms);
    if t_ms < at(since_ms).saturating_sub(skew_ms) {
        return Err("KEY_NOT_ACTIVE");
    }
    let capacity = life.map_or(Capacity::Full, |life| life.at(u64::try_from(t_ms).unwrap_or(0)));
    let deactivated = resolved.entry.closed && at(resolved.entry.closed_ms) <= t_ms;
    if deactivated || capacity == Capacity::Closed {
        return Err("DID_DEACTIVATED");
    }
    if key.state == KeyState::Compromised {
        if !anchored || t_ms >= at(key.compromised_ms) {
            return Err("KEY_COMPROMISED");
        }
    } else if t_ms >= at(key.ends_ms) {
        return Err("KEY_NOT_ACTIVE");
    }
    if capacity == Capacity::Full { Ok(()) } else { Err("KEY_NOT_ACTIVE") }
}

/// The DID document of a party at block time `time_ms` (vc.md §4.2). `did` is the DID as asked
/// for; a UBIN alias keeps it.
pub fn did_document(did: &str, resolved: &Resolved, time_ms: u64) -> Value {
    let live: Vec<(String, &KeyEntry)> = resolved
        .keys
        .iter()
        .filter(|(_, key)| key.is_active(time_ms) && !resolved.entry.closed)
        .map(|(n, key)| (format!("{did}#k{n}"), key))
        .collect();
    let methods: Vec<Value> = live
        .iter()
        .filter_map(|(id, key)| {
            let algorithm = Algorithm::of_name(&key.algorithm)?;
            Some(json!({
                "id": id, "type": "Multikey", "controller": did,
                "publicKeyMultibase": multikey(algorithm, &key.public_key),
            }))
        })
        .collect();
    let mut document = json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
    });
    let mut set = |name: &str, value: Value| {
        if value.as_array().is_none_or(|items| !items.is_empty())
            && let Some(members) = document.as_object_mut()
        {
            members.insert(name.to_owned(), value);
        }
    };
    match (&resolved.party, &resolved.business) {
        (Party::Root(_), _) => {}
        (_, Some(business)) => set("controller", json!(did_of(&business.registrar))),
        (party, None) => set("controller", json!(did_of(party.cc()))),
    }
    set("alsoKnownAs", json!(resolved.entry.also_known_as));
    set("verificationMethod", Value::Array(methods));
    for (purpose, relation) in [
        (Purpose::Assert, "assertionMethod"),
        (Purpose::Present, "authentication"),
        (Purpose::Invoke, "capabilityInvocation"),
        (Purpose::Agree, "keyAgreement"),
    ] {
        let ids: Vec<&String> =
            live.iter().filter(|(_, key)| key.has(purpose)).map(|(id, _)| id).collect();
        set(relation, json!(ids));
    }
    let services: Vec<Value> = resolved
        .entry
        .services
        .iter()
        .map(|service| {
            json!({"id": format!("{did}#{}", service.id), "type": service.kind,
                "serviceEndpoint": service.endpoint})
        })
        .collect();
    set("service", Value::Array(services));
    document
}

/// The key history of a party, for `didDocumentMetadata`.
pub fn key_history(did: &str, resolved: &Resolved) -> Value {
    let entries = resolved.keys.iter().map(|(n, key)| {
        let mut entry = json!({"id": format!("{did}#k{n}"), "activeFrom": key.bound_height,
            "activeFromTime": rfc3339(key.active_from_ms)});
        if key.ended_height > 0
            && let Some(members) = entry.as_object_mut()
        {
            let reason = if key.state == KeyState::Compromised { "compromised" } else { "retired" };
            members.insert("endedAt".to_owned(), json!(key.ended_height));
            members.insert("reason".to_owned(), json!(reason));
        }
        entry
    });
    Value::Array(entries.collect())
}
