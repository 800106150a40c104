//! Claims to an SD-JWT VC, and an SD-JWT to a presentation with key binding.
//!
//! Invariant: digests are sorted, so their order tells nothing; each `_sd` list holds one to eight
//! decoys, so their number tells nothing; a salt has 128 bits. Randomness is the caller's.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::disclose::NEVER_DISCLOSED;
use super::{DISCLOSURES_MAX, KB_TYP, SdJwt, TYP, digest};
use crate::codes::Fault;
use crate::jose::Unsigned;
use crate::json::canonical;
use crate::key::{Algorithm, Signer, decode};

type Object = Map<String, Value>;

/// Where random bytes come from: each call gives 32 fresh ones.
pub type Random<'a> = &'a mut dyn FnMut() -> [u8; 32];

/// An SD-JWT about to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// What to sign.
    pub unsigned: Unsigned,
    /// The disclosures, in the order of the claims.
    pub disclosures: Vec<String>,
}

impl Prepared {
    /// The compact text with all disclosures, for the holder.
    pub fn finish(self, signature: &[u8; 64]) -> String {
        let mut text = self.unsigned.finish(signature);
        text.push('~');
        for disclosure in self.disclosures {
            text.push_str(&disclosure);
            text.push('~');
        }
        text
    }
}

/// Prepares `claims` for signing. `disclose` holds the JSON pointers of what the holder may keep
/// back: members, or elements of lists; of nested ones the inner and the outer may both stand.
pub fn prepare(
    claims: &Object,
    disclose: &[&str],
    algorithm: Algorithm,
    kid: &str,
    random: Random<'_>,
) -> Result<Prepared, Fault> {
    crate::sd_jwt_vc::check(claims)?;
    if disclose.len() > DISCLOSURES_MAX {
        return Err(Fault::new("TOO_MANY_NODES", ""));
    }
    // the inner ones first, or their parent would be gone
    let mut pointers = disclose.to_vec();
    pointers.sort_by_key(|pointer| std::cmp::Reverse((pointer.matches('/').count(), *pointer)));
    pointers.dedup();
    let mut payload = Value::Object(claims.clone());
    let mut disclosures = Vec::new();
    for pointer in pointers {
        disclosures.push(hide(&mut payload, pointer, random)?);
    }
    disclosures.reverse();
    finish_lists(&mut payload, random);
    let Value::Object(mut members) = payload else { return Err(Fault::new("FORM_UNKNOWN", "")) };
    members.insert("_sd_alg".to_owned(), json!("sha-256"));
    let unsigned = Unsigned::new(TYP, algorithm, Some(kid), &members)
        .ok_or_else(|| Fault::new("ALG_NOT_ALLOWED", ""))?;
    Ok(Prepared { unsigned, disclosures })
}

/// Issues with a key at hand.
pub fn issue(
    claims: &Object,
    disclose: &[&str],
    key: &dyn Signer,
    kid: &str,
    random: Random<'_>,
) -> Result<String, Fault> {
    let prepared = prepare(claims, disclose, key.algorithm(), kid, random)?;
    let signature = key.sign_message(prepared.unsigned.signing_input.as_bytes());
    Ok(prepared.finish(&signature))
}

/// Takes the value at `pointer` out of the payload and leaves its digest.
fn hide(payload: &mut Value, pointer: &str, random: Random<'_>) -> Result<String, Fault> {
    let missing = || Fault::new("SD_MALFORMED", pointer);
    let (parent, name) = pointer.rsplit_once('/').ok_or_else(missing)?;
    let name = name.replace("~1", "/").replace("~0", "~");
    if parent.is_empty() && NEVER_DISCLOSED.contains(&name.as_str()) {
        return Err(Fault::new("SD_NOT_DISCLOSABLE", pointer));
    }
    let bytes = random();
    let salt = URL_SAFE_NO_PAD.encode(bytes.split_at(16).0);
    match payload.pointer_mut(parent).ok_or_else(missing)? {
        Value::Object(members) => {
            let mut value = members.remove(&name).ok_or_else(missing)?;
            finish_lists(&mut value, random);
            let text = encode(&json!([salt, name, value]));
            let digests = members.entry("_sd").or_insert_with(|| json!([]));
            digests.as_array_mut().ok_or_else(missing)?.push(json!(digest(&text)));
            Ok(text)
        }
        Value::Array(items) => {
            let item = name.parse::<usize>().ok().and_then(|i| items.get_mut(i));
            let item = item.ok_or_else(missing)?;
            finish_lists(item, random);
            let text = encode(&json!([salt, item]));
            *item = json!({"...": digest(&text)});
            Ok(text)
        }
        _ => Err(missing()),
    }
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(canonical(value))
}

/// Adds decoys to every `_sd` list and sorts it.
fn finish_lists(value: &mut Value, random: Random<'_>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if name != "_sd" {
                    finish_lists(member, random);
                }
            }
            if let Some(Value::Array(digests)) = members.get_mut("_sd") {
                let decoys = 1 + random()[0] % 8;
                for _ in 0..decoys {
                    digests.push(json!(URL_SAFE_NO_PAD.encode(random())));
                }
                digests.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| finish_lists(item, random)),
        _ => {}
    }
}

/// The same token with those disclosures only that have one of `names`, or are needed to reach
/// one. A name that no disclosure has is an error: the caller would show less than it means to.
pub fn select(text: &str, names: &[&str]) -> Result<String, Fault> {
    let token = SdJwt::parse(text)?;
    let issuer = text.split('~').next().unwrap_or_default();
    let read: Vec<(String, Value)> = token
        .disclosures
        .iter()
        .map(|text| {
            let bytes = decode(text).unwrap_or_default();
            (digest(text), crate::json::parse(&bytes).unwrap_or_default())
        })
        .collect();
    let mut kept = BTreeSet::new();
    for name in names {
        let found = read.iter().position(|(_, value)| {
            value.as_array().is_some_and(|items| {
                items.len() == 3 && items.get(1).and_then(Value::as_str) == Some(name)
            })
        });
        kept.insert(found.ok_or_else(|| Fault::new("SD_MALFORMED", ""))?);
    }
    loop {
        let parents: Vec<usize> = (0..read.len())
            .filter(|i| !kept.contains(i))
            .filter(|i| {
                let inside = read.get(*i).map(|(_, value)| canonical(value)).unwrap_or_default();
                let wanted = |k: &usize| read.get(*k).is_some_and(|(d, _)| inside.contains(d));
                kept.iter().any(wanted)
            })
            .collect();
        if parents.is_empty() {
            break;
        }
        kept.extend(parents);
    }
    let mut out = format!("{issuer}~");
    for (i, disclosure) in token.disclosures.iter().enumerate() {
        if kept.contains(&i) {
            out.push_str(disclosure);
            out.push('~');
        }
    }
    Ok(out)
}

/// Prepares the key binding of `text` (which ends in `~`) for the holder's signature.
pub fn prepare_binding(
    text: &str,
    algorithm: Algorithm,
    nonce: &str,
    audience: &str,
    iat_s: u64,
) -> Result<Unsigned, Fault> {
    let token = SdJwt::parse(text)?;
    if token.key_binding.is_some() {
        return Err(Fault::new("MALFORMED_TOKEN", ""));
    }
    let payload = json!({
        "aud": audience, "iat": iat_s, "nonce": nonce, "sd_hash": token.sd_hash(),
    });
    let members = payload.as_object().cloned().unwrap_or_default();
    Unsigned::new(KB_TYP, algorithm, None, &members)
        .ok_or_else(|| Fault::new("ALG_NOT_ALLOWED", ""))
}

/// Presents `text` with a key binding by a holder key at hand.
pub fn bind(
    text: &str,
    key: &dyn Signer,
    nonce: &str,
    audience: &str,
    iat_s: u64,
) -> Result<String, Fault> {
    let unsigned = prepare_binding(text, key.algorithm(), nonce, audience, iat_s)?;
    let signature = key.sign_message(unsigned.signing_input.as_bytes());
    Ok(format!("{text}{}", unsigned.finish(&signature)))
}
