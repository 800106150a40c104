//! A public key that is about to be bound: reading it, and the checks every way in shares.
//!
//! Invariant: a key that passes is canonical, on its curve, not of small order, was never bound to
//! any party, and its holder proved possession (`agree` keys and genesis excepted).

use p256::ecdsa::signature::Verifier as _;

use super::{AuthorityEntry, Purpose, bound_key, scope};
use crate::curve25519;
use crate::digest::{Digest, hash};
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op;
use crate::state::Overlay;

/// ECDSA over P-256 with SHA-256 (FIPS 186-5; ES256 of RFC 7518).
const P256: &str = "P-256";
/// Bytes of a compressed P-256 point (SEC 1 §2.3.3).
const P256_BYTES: usize = 33;

/// A public key with what it may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// Ed25519, P-256 or X25519.
    pub algorithm: String,
    /// The public key: 32 bytes, P-256 33 (compressed point).
    pub public_key: Vec<u8>,
    /// What it may be used for.
    pub purposes: Vec<Purpose>,
    /// What it may sign.
    pub scopes: Vec<String>,
    /// The officer's number within the party.
    pub officer: u64,
}

impl NewKey {
    /// Whether it has a purpose.
    pub fn has(&self, purpose: Purpose) -> bool {
        self.purposes.contains(&purpose)
    }
}

/// A key as an op brings it: with the proof that someone holds its private half.
#[derive(Clone, Debug)]
pub(super) struct OfferedKey {
    pub(super) key: NewKey,
    possession: Option<[u8; 64]>,
}

/// What the holder of a new key signs: H("titian access possession v1", JCS([chain, party, alg,
/// publicKey])), 32 bytes. A P-256 key signs them as the message of ECDSA with SHA-256, r ‖ s.
pub fn possession_digest(chain: &str, party: &str, algorithm: &str, public_key: &[u8]) -> Digest {
    let text = Value::List(vec![
        Value::from(chain),
        Value::from(party),
        Value::from(algorithm),
        Value::from(op::encode_base64(public_key)),
    ])
    .to_jcs();
    hash("titian access possession v1", &[text.as_bytes()])
}

/// Reads a list of keys: `MALFORMED`, `ALG_UNSUPPORTED`.
pub(super) fn read_keys(items: &[Value], path: &str) -> Result<Vec<OfferedKey>, Reject> {
    items.iter().enumerate().map(|(i, item)| read_key(item, &format!("{path}/{i}"))).collect()
}

fn read_key(item: &Value, path: &str) -> Result<OfferedKey, Reject> {
    let mut members = Members::of(item, path)?;
    let algorithm = members.text("alg")?.to_owned();
    let mut purposes = Vec::new();
    for name in members.texts("purposes")? {
        let purpose = Purpose::parse(name)
            .ok_or_else(|| members.malformed("purposes", "invoke, assert, present or agree"))?;
        purposes.push(purpose);
    }
    let given = purposes.len();
    purposes.sort_unstable();
    purposes.dedup();
    if purposes.is_empty() || purposes.len() != given {
        return Err(members.malformed("purposes", "one or more, none twice"));
    }
    check_algorithm(&algorithm, &purposes, &members.pointer("alg"))?;
    let text = members.text("publicKey")?;
    let public_key = match algorithm.as_str() {
        P256 => op::decode_fixed::<33>(text).map(|bytes| bytes.to_vec()),
        _ => op::decode_fixed::<32>(text).map(|bytes| bytes.to_vec()),
    };
    let public_key = public_key.ok_or_else(|| {
        members.malformed("publicKey", "32 bytes, of P-256 33, in base64url without padding")
    })?;
    let mut scopes: Vec<String> = members.texts("scopes")?.into_iter().map(str::to_owned).collect();
    let given = scopes.len();
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.len() != given {
        return Err(members.malformed("scopes", "none twice"));
    }
    let officer = members.uint("officer")?;
    let possession = if purposes.contains(&Purpose::Agree) {
        None
    } else {
        let bytes = op::decode_fixed::<64>(members.text("possession")?).ok_or_else(|| {
            members.malformed("possession", "64 bytes in base64url without padding")
        })?;
        Some(bytes)
    };
    members.finish()?;
    let key = NewKey { algorithm, public_key, purposes, scopes, officer };
    Ok(OfferedKey { key, possession })
}

/// `invoke` keys are Ed25519, `agree` keys X25519 and nothing else; P-256 is for `assert` and
/// `present`.
fn check_algorithm(algorithm: &str, purposes: &[Purpose], field: &str) -> Result<(), Reject> {
    let agrees = purposes.contains(&Purpose::Agree);
    let fits = match algorithm {
        "Ed25519" => !agrees,
        "X25519" => agrees && purposes.len() == 1,
        P256 => !agrees && !purposes.contains(&Purpose::Invoke),
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(Reject::new(Code::AlgUnsupported, field, "not for these purposes"))
    }
}

/// `POSSESSION_INVALID`, then `KEY_WEAK`, then `KEY_REUSED`.
///
/// A weak key cannot prove anything and is left to the second check. Of a list that is longer than
/// any party's keys may be, no signature is looked at: it is refused for its length later on.
pub(super) fn check_offered(
    state: &Overlay<'_>,
    chain: &str,
    party: &str,
    offered: &[OfferedKey],
    path: &str,
) -> Result<Vec<NewKey>, Reject> {
    let looked_at = if offered.len() > limits::ACTIVE_KEYS_MAX { 0 } else { offered.len() };
    for (i, offer) in offered.iter().take(looked_at).enumerate() {
        if !proves_possession(chain, party, offer) {
            let field = format!("{path}/{i}/possession");
            return Err(Reject::new(Code::PossessionInvalid, &field, ""));
        }
    }
    let keys: Vec<NewKey> = offered.iter().map(|offer| offer.key.clone()).collect();
    check_sound(&keys, path)?;
    check_unbound(state, &keys, path)?;
    Ok(keys)
}

fn proves_possession(chain: &str, party: &str, offer: &OfferedKey) -> bool {
    let Some(signature) = offer.possession else {
        return offer.key.has(Purpose::Agree);
    };
    let NewKey { algorithm, public_key, .. } = &offer.key;
    let digest = possession_digest(chain, party, algorithm, public_key);
    if algorithm == P256 {
        return p256_point(public_key).is_none_or(|point| {
            p256::ecdsa::Signature::from_slice(&signature)
                .is_ok_and(|signature| point.verify(&digest.0, &signature).is_ok())
        });
    }
    let Ok(bytes) = <[u8; 32]>::try_from(public_key.as_slice()) else {
        return false;
    };
    !is_sound(&offer.key) || op::verify(&bytes, &digest, &signature)
}

/// The point of a P-256 key: on the curve and not the one at infinity, which has another length.
/// The curve has no points of small order; a compressed point has one encoding.
fn p256_point(public_key: &[u8]) -> Option<p256::ecdsa::VerifyingKey> {
    // SEC 1 has a third tag for 33 bytes, which spells a point a second time
    let compressed = public_key.len() == P256_BYTES && matches!(public_key.first(), Some(2 | 3));
    compressed.then(|| p256::ecdsa::VerifyingKey::from_sec1_bytes(public_key).ok())?
}

/// `KEY_WEAK` unless every key is a canonical point of large order.
pub(super) fn check_sound(keys: &[NewKey], path: &str) -> Result<(), Reject> {
    for (i, key) in keys.iter().enumerate() {
        check_algorithm(&key.algorithm, &key.purposes, &format!("{path}/{i}/alg"))?;
        if !is_sound(key) {
            let field = format!("{path}/{i}/publicKey");
            return Err(Reject::new(Code::KeyWeak, &field, ""));
        }
    }
    Ok(())
}

fn is_sound(key: &NewKey) -> bool {
    if key.algorithm == P256 {
        return p256_point(&key.public_key).is_some();
    }
    let Ok(bytes) = <[u8; 32]>::try_from(key.public_key.as_slice()) else {
        return false;
    };
    match key.algorithm.as_str() {
        "Ed25519" => op::PublicKey::strong(&bytes).is_some(),
        "X25519" => {
            curve25519::is_reduced(&bytes) && !curve25519::X25519_LOW_ORDER.contains(&bytes)
        }
        _ => false,
    }
}

/// `KEY_REUSED` if a key was ever bound to any party, or stands twice in the list.
pub(super) fn check_unbound(
    state: &Overlay<'_>,
    keys: &[NewKey],
    path: &str,
) -> Result<(), Reject> {
    for (i, key) in keys.iter().enumerate() {
        let twice = keys.iter().take(i).any(|before| before.public_key == key.public_key);
        if twice || state.holds(&bound_key(&key.public_key)) {
            let field = format!("{path}/{i}/publicKey");
            return Err(Reject::new(Code::KeyReused, &field, ""));
        }
    }
    Ok(())
}

/// `SCOPE_UNKNOWN` unless every scope names a known act.
pub(super) fn check_scopes_known(keys: &[NewKey], path: &str) -> Result<(), Reject> {
    check_each_scope(keys, path, |_| true)
}

/// `SCOPE_UNKNOWN` unless every scope is known and covered by what its authority holds.
pub(super) fn check_scopes_within(
    keys: &[NewKey],
    held: &[String],
    path: &str,
) -> Result<(), Reject> {
    check_each_scope(keys, path, |asked| held.iter().any(|granted| scope::covers(granted, asked)))
}

/// `SCOPE_UNKNOWN` unless every scope is one that a business may hold.
pub(super) fn check_scopes_for_business(keys: &[NewKey], path: &str) -> Result<(), Reject> {
    check_each_scope(keys, path, |asked| {
        scope::BUSINESS.iter().any(|granted| scope::covers(granted, asked))
    })
}

fn check_each_scope(
    keys: &[NewKey],
    path: &str,
    granted: impl Fn(&str) -> bool,
) -> Result<(), Reject> {
    for (i, key) in keys.iter().enumerate() {
        if !key.scopes.iter().all(|asked| scope::is_known(asked) && granted(asked)) {
            let field = format!("{path}/{i}/scopes");
            return Err(Reject::new(Code::ScopeUnknown, &field, ""));
        }
    }
    Ok(())
}

/// `SCOPE_UNKNOWN` unless every scope of an authority names a known act.
pub(super) fn check_authority_scopes(entry: &AuthorityEntry, path: &str) -> Result<(), Reject> {
    if entry.scopes.iter().all(|asked| scope::is_known(asked)) {
        Ok(())
    } else {
        Err(Reject::new(Code::ScopeUnknown, path, ""))
    }
}

/// `FIELD_LIMIT` for the number of scopes and the quorums of an authority.
pub(super) fn check_authority_limits(entry: &AuthorityEntry, path: &str) -> Result<(), Reject> {
    if !(1..=limits::SCOPES_MAX).contains(&entry.scopes.len()) {
        return Err(Reject::new(Code::FieldLimit, &format!("{path}/scopes"), "1 to 64 scopes"));
    }
    if entry.r1 != 1 || !(2..=limits::ACTIVE_KEYS_MAX as u64).contains(&entry.r2) {
        let field = format!("{path}/policy");
        return Err(Reject::new(Code::FieldLimit, &field, "r1 is 1, r2 is 2 to 16"));
    }
    Ok(())
}

/// `KEY_LIMIT` unless these keys can be all that a party has: 1 to 16, one with purpose invoke.
pub(super) fn check_count(keys: &[NewKey], path: &str) -> Result<(), Reject> {
    let count = (1..=limits::ACTIVE_KEYS_MAX).contains(&keys.len());
    if count && keys.iter().any(|key| key.has(Purpose::Invoke)) {
        Ok(())
    } else {
        Err(Reject::new(Code::KeyLimit, path, "1 to 16 keys, one with purpose invoke"))
    }
}

/// `KEY_LIMIT` unless the keys can be the root of a state: 1 to 15 `invoke` keys, `k` of them a
/// majority or more and at most 8.
pub(super) fn check_root_quorum(keys: &[NewKey], k: u64, path: &str) -> Result<(), Reject> {
    let n = keys.len() as u64;
    let fits = keys.iter().all(|key| key.has(Purpose::Invoke))
        && (1..=limits::ROOT_KEYS_MAX as u64).contains(&n)
        && k <= n.min(limits::ROOT_QUORUM_MAX)
        && k > n / 2;
    if fits {
        Ok(())
    } else {
        let detail = "1 to 15 invoke keys; k a majority or more, at most 8";
        Err(Reject::new(Code::KeyLimit, path, detail))
    }
}

/// `FIELD_LIMIT` for more keys than `count_max`, or too many scopes of a key.
pub(super) fn check_key_limits(
    keys: &[NewKey],
    count_max: usize,
    path: &str,
) -> Result<(), Reject> {
    if keys.is_empty() || keys.len() > count_max {
        return Err(Reject::new(Code::FieldLimit, path, "number of keys"));
    }
    for (i, key) in keys.iter().enumerate() {
        if key.scopes.len() > limits::SCOPES_MAX {
            let field = format!("{path}/{i}/scopes");
            return Err(Reject::new(Code::FieldLimit, &field, "more than 64 scopes"));
        }
    }
    Ok(())
}
