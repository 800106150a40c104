//! Who signed ops, under which keys and mandates: for histories as the keys stand, and as they stood
//! at the height at which ops were carried out (kind `etr-signers`).

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{self, KeyEntry, Mandate, Party, PartyEntry, view};
use crate::claim::{Frame, Walk, differs, missing};
use crate::digest::Digest;
use crate::json::{Members, Value};
use crate::limits;
use crate::op::{OpSignature, encode_base64, verify};
use crate::proof::VerifyError;
use crate::time;
use crate::ubin;
use crate::ubin::identifier::Ubin;

/// The keys that signed and the mandates that were named.
#[derive(Default)]
pub(super) struct Signers {
    /// By store name of the party and number: the party as it is named in the op, and the key.
    keys: BTreeMap<(String, u64), (String, KeyEntry)>,
    /// By store name of the principal and number: the principal as it is named, and the mandate.
    mandates: BTreeMap<(String, u64), (String, Mandate)>,
}

impl Signers {
    /// The signature verifies under a key of the party; an agent has the mandate that it names.
    pub(super) fn check(
        &mut self,
        walk: &mut Walk<'_>,
        digest: &Digest,
        signature: &OpSignature,
    ) -> Result<(), VerifyError> {
        let name = store_name(walk, &signature.party)?;
        let entry: KeyEntry = walk
            .read(&access::key_key(&name, signature.key))?
            .ok_or_else(|| differs("a signer has no such key"))?;
        // as the kernel asked: a key that receives contents needs no proof that somebody holds it
        if entry.algorithm != "Ed25519" || !entry.has(access::Purpose::Invoke) {
            return Err(differs("not a key that signs ops"));
        }
        let key = entry.public_key.as_slice().try_into();
        let key: [u8; 32] = key.map_err(|_| differs("not an Ed25519 key"))?;
        if !walk.has_own_ops() && !verify(&key, digest, &signature.signature) {
            return Err(differs("a signature of an op does not verify"));
        }
        if let Some((principal, no)) = &signature.mandate {
            let holder = store_name(walk, principal)?;
            let mandate: Mandate = walk
                .read(&access::mandate_key(&holder, *no))?
                .ok_or_else(|| differs("there is no such mandate"))?;
            if store_name(walk, &mandate.agent)? != name {
                return Err(differs("the mandate is another agent's"));
            }
            self.mandates.insert((holder, *no), (principal.clone(), mandate));
        }
        self.keys.insert((name, signature.key), (signature.party.clone(), entry));
        Ok(())
    }

    /// The keys of a history.
    pub(super) fn to_value(&self) -> Value {
        let state = |key: &KeyEntry| match key.state {
            access::KeyState::Active => "active",
            access::KeyState::Retired => "retired",
            access::KeyState::Compromised => "compromised",
        };
        let ends = |key: &KeyEntry| (key.ends_ms != u64::MAX).then(|| time::rfc3339(key.ends_ms));
        let keys = self.keys.iter().map(|((_, number), (party, key))| {
            Value::object([
                ("party", Value::from(party.as_str())),
                ("key", Value::from(format!("k{number}"))),
                ("publicKey", Value::from(encode_base64(&key.public_key))),
                ("state", Value::from(state(key))),
                ("boundHeight", Value::from(key.bound_height)),
                ("ends", Value::from(ends(key))),
            ])
        });
        Value::List(keys.collect())
    }
}

/// `etr-signers`: states `ops`, `[{digest, sigs}]`. Every signature verifies under a key that the
/// party has in this state; what stood of the keys, mandates and parties is shown. A block's state is
/// that after it: what ended within the block is shown as ended, with the time of it.
pub(super) fn claim(
    stated: &Value,
    walk: &mut Walk<'_>,
    frame: Frame<'_>,
) -> Result<Value, VerifyError> {
    let items = stated.get("ops").and_then(Value::as_list).ok_or_else(|| missing("ops"))?;
    if items.is_empty() || items.len() > limits::PROOF_KEYS_MAX {
        return Err(missing("ops"));
    }
    let mut signers = Signers::default();
    for item in items {
        let mut members = Members::of(item, "/claim/ops")?;
        let digest = Digest::parse(members.text("digest")?).ok_or_else(|| missing("ops"))?;
        let signatures = members.list("sigs")?;
        members.finish()?;
        if signatures.len() > limits::OP_SIGNATURES_MAX {
            return Err(missing("ops"));
        }
        for signature in signatures {
            let signature = OpSignature::from_value(signature, "/claim/ops/sigs")?;
            signers.check(walk, &digest, &signature)?;
        }
    }
    let names: BTreeSet<&String> = signers
        .keys
        .keys()
        .map(|(name, _)| name)
        .chain(signers.mandates.keys().map(|(name, _)| name))
        .collect();
    let mut parties = Vec::new();
    for name in names {
        let entry: PartyEntry =
            walk.read(&access::party_key(name))?.ok_or_else(|| differs("unknown signer"))?;
        parties.push(Value::object([
            ("name", Value::from(name.as_str())),
            ("closed", Value::from(entry.closed)),
            ("version", Value::from(entry.version)),
        ]));
    }
    let keys = signers.keys.iter().map(|((name, no), (party, key))| {
        view::key_view(*no, key, frame.time_ms)
            .with("party", Value::from(party.as_str()))
            .with("name", Value::from(name.as_str()))
    });
    let mandates = signers.mandates.iter().map(|((_, no), (principal, mandate))| {
        view::mandate_view(*no, mandate, frame.time_ms)
            .with("principal", Value::from(principal.as_str()))
    });
    Ok(Value::object([
        ("ops", Value::List(items.to_vec())),
        ("keys", Value::List(keys.collect())),
        ("mandates", Value::List(mandates.collect())),
        ("parties", Value::List(parties)),
    ]))
}

/// The name under which the entries of a party stand, proven for a business.
fn store_name(walk: &mut Walk<'_>, party: &str) -> Result<String, VerifyError> {
    match Party::parse(party) {
        Some(Party::Business { ubin }) => {
            let ubin = Ubin::parse_canonical(&ubin).ok_or_else(|| missing("ops"))?;
            let found = ubin::walk_actor(walk, &ubin)?;
            Ok(found.ok_or_else(|| differs("unknown signer"))?.0.entity)
        }
        Some(Party::Root(_) | Party::Authority { .. }) => Ok(party.to_owned()),
        None => Err(missing("ops")),
    }
}
