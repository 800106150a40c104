//! Conditions of an offer and the evidence that meets them (etr.md §6.7).
//!
//! A tree is checked when the offer is made and evaluated at `accept`, against block time, state
//! and the evidence in the op. Payment attestations and credential conditions come with a later
//! release: an offer that uses them is refused with `NOT_BUILT`, so no record can wait for one.

use sha2::{Digest as _, Sha256};

use super::content;
use super::person;
use super::record::{Record, Status};
use crate::access::authority;
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op::{self, OpSignature};

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Every one holds.
    All(Vec<Self>),
    /// At least one holds.
    Any(Vec<Self>),
    /// At least k of these keys signed the op that set the condition.
    KOfN {
        /// How many.
        k: u64,
        /// Party and key number.
        keys: Vec<(String, u64)>,
    },
    /// Someone shows bytes with this SHA-256.
    Preimage([u8; 32]),
    /// A record has a status.
    RecordState {
        /// The record.
        id: String,
        /// The status.
        status: Status,
    },
    /// Block time is at or after this, ms.
    After(u64),
    /// Block time is before this, ms.
    Before(u64),
}

/// What an op brings to meet conditions, each item found valid and asked for.
#[derive(Debug, Default)]
struct Evidence {
    preimages: Vec<[u8; 32]>,
    keys: Vec<(String, u64)>,
}

/// Reads and checks a tree; null is no condition. `CONDITION_INVALID`, or `NOT_BUILT`.
pub fn read(value: &Value) -> Result<Option<Condition>, Reject> {
    if *value == Value::Null {
        return Ok(None);
    }
    let mut leaves = 0;
    let condition = read_node(value, 1, &mut leaves).map_err(|reject| match reject.code {
        Code::NotBuilt => reject,
        _ => Reject::new(Code::ConditionInvalid, "/args/conditions", &reject.detail),
    })?;
    Ok(Some(condition))
}

fn invalid(what: &str) -> Reject {
    Reject::new(Code::ConditionInvalid, "/args/conditions", what)
}

fn read_node(value: &Value, depth: usize, leaves: &mut usize) -> Result<Condition, Reject> {
    if depth > limits::ETR_CONDITION_DEPTH_MAX {
        return Err(invalid("nested too deep"));
    }
    let (name, body) = match value.as_object() {
        Some([(name, body)]) => (name.as_str(), body),
        _ => return Err(invalid("a node has one member, its kind")),
    };
    let mut children = |body: &Value| -> Result<Vec<Condition>, Reject> {
        let items = body.as_list().filter(|items| !items.is_empty());
        items
            .ok_or_else(|| invalid("a list of conditions is expected"))?
            .iter()
            .map(|item| read_node(item, depth + 1, leaves))
            .collect()
    };
    match name {
        "all" => return Ok(Condition::All(children(body)?)),
        "any" => return Ok(Condition::Any(children(body)?)),
        _ => {}
    }
    *leaves += 1;
    if *leaves > limits::ETR_CONDITION_LEAVES_MAX {
        return Err(invalid("too many leaves"));
    }
    read_leaf(name, body)
}

fn read_leaf(name: &str, body: &Value) -> Result<Condition, Reject> {
    let mut members = Members::of(body, "")?;
    let condition = match name {
        "after" => Condition::After(members.uint("ms")?),
        "before" => Condition::Before(members.uint("ms")?),
        "preimage" => {
            let digest = Digest::parse_with("sha256:", members.text("sha256")?)
                .ok_or_else(|| invalid("a sha256: digest is expected"))?;
            Condition::Preimage(digest.0)
        }
        "record_state" => {
            let id = members.text("id")?.to_owned();
            let status = Status::parse(members.text("status")?);
            match status.filter(|_| content::is_record_id(&id)) {
                Some(status) => Condition::RecordState { id, status },
                None => return Err(invalid("a record id and a status are expected")),
            }
        }
        "k_of_n" => {
            let k = members.uint("k")?;
            let keys = members
                .texts("keys")?
                .into_iter()
                .map(read_key)
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| invalid("keys are written PARTY#kN"))?;
            let mut distinct = keys.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let fits = (1..=keys.len() as u64).contains(&k)
                && distinct.len() == keys.len()
                && keys.len() <= limits::ETR_CONDITION_LEAVES_MAX;
            if !fits {
                return Err(invalid("k of 1 to 16 different keys"));
            }
            Condition::KOfN { k, keys }
        }
        "payment_attested" | "credential_active" => {
            return Err(Reject::new(
                Code::NotBuilt,
                "/args/conditions",
                "this kind of condition comes with a later release",
            ));
        }
        _ => return Err(invalid("unknown kind")),
    };
    members.finish()?;
    Ok(condition)
}

fn read_key(text: &str) -> Option<(String, u64)> {
    let (party, key) = text.split_once('#')?;
    crate::access::Party::parse(party)?;
    Some((party.to_owned(), op::parse_key_no(key)?))
}

impl Condition {
    fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        if let Self::All(children) | Self::Any(children) = self {
            for child in children {
                child.walk(visit);
            }
        }
    }

    fn holds(&self, ctx: &Context<'_, '_>, evidence: &Evidence) -> bool {
        match self {
            Self::All(children) => children.iter().all(|child| child.holds(ctx, evidence)),
            Self::Any(children) => children.iter().any(|child| child.holds(ctx, evidence)),
            Self::KOfN { k, keys } => {
                let signed = keys.iter().filter(|key| evidence.keys.contains(key)).count();
                signed as u64 >= *k
            }
            Self::Preimage(digest) => evidence.preimages.contains(digest),
            Self::RecordState { id, status } => {
                Record::load(ctx.state, id).is_some_and(|record| record.public.status == *status)
            }
            Self::After(ms) => ctx.time_ms >= *ms,
            Self::Before(ms) => ctx.time_ms < *ms,
        }
    }
}

/// Whether the conditions of the offer `offer` hold. `EVIDENCE_INVALID` if an item of the evidence
/// does not verify or was not asked for, then `CONDITION_UNMET`.
pub fn check(
    ctx: &Context<'_, '_>,
    conditions: &Value,
    offer: Digest,
    items: &[Value],
) -> Result<(), Reject> {
    let condition = read(conditions)?;
    let evidence = read_evidence(ctx, condition.as_ref(), offer, items)?;
    match condition {
        Some(condition) if !condition.holds(ctx, &evidence) => {
            Err(Reject::new(Code::ConditionUnmet, "/args/evidence", ""))
        }
        _ => Ok(()),
    }
}

fn read_evidence(
    ctx: &Context<'_, '_>,
    condition: Option<&Condition>,
    offer: Digest,
    items: &[Value],
) -> Result<Evidence, Reject> {
    let (mut preimages, mut keys) = (Vec::new(), Vec::new());
    if let Some(condition) = condition {
        condition.walk(&mut |node| match node {
            Condition::Preimage(digest) => preimages.push(*digest),
            Condition::KOfN { keys: named, .. } => keys.extend(named.iter()),
            _ => {}
        });
    }
    let mut found = Evidence::default();
    for (i, item) in items.iter().enumerate() {
        let field = format!("/args/evidence/{i}");
        let invalid = |what: &str| Reject::new(Code::EvidenceInvalid, &field, what);
        if let Some([(name, Value::Text(hex))]) = item.as_object()
            && name == "preimage"
        {
            let lower = !hex.bytes().any(|b| b.is_ascii_uppercase());
            let bytes = hex::decode(hex).ok().filter(|_| lower);
            let digest: [u8; 32] =
                Sha256::digest(bytes.ok_or_else(|| invalid("lower-case hex"))?).into();
            if !preimages.contains(&digest) {
                return Err(invalid("no condition asks for it"));
            }
            found.preimages.push(digest);
            continue;
        }
        let signature =
            OpSignature::from_value(item, &field).map_err(|reject| invalid(&reject.detail))?;
        let named = keys.iter().find(|(party, key)| {
            *key == signature.key
                && person::identity(ctx.state, party)
                    == person::identity(ctx.state, &signature.party)
        });
        let named = named.ok_or_else(|| invalid("no condition names this key"))?;
        if !verifies(ctx, &signature, offer, &field) || signature.mandate.is_some() {
            return Err(invalid("the signature does not verify"));
        }
        found.keys.push((*named).clone());
    }
    Ok(found)
}

/// Whether an active key of its party made the signature over `digest`.
fn verifies(ctx: &Context<'_, '_>, signature: &OpSignature, digest: Digest, field: &str) -> bool {
    authority::active_key(ctx.state, signature, ctx.time_ms, field).is_ok_and(|key| {
        <[u8; 32]>::try_from(key.public_key.as_slice())
            .is_ok_and(|public| op::verify(&public, &digest, &signature.signature))
    })
}
