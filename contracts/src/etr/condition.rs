//! Conditions of an offer and the evidence that meets them (etr.md §6.7).
//!
//! A tree is checked when it is set (`offer`, `pledge`) and evaluated when it counts (`accept`,
//! `enforce`), against block time, state and the evidence in the op. A payment is attested by
//! parties named beforehand, each payment once on the ledger; whether they tell the truth is outside
//! it. Attestations themselves stand in `attestation`.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::attestation::{self, Attestation};
use super::content;
use super::person::{self, identity, read_ubin};
use super::record::{Record, Status};
use super::record_json::read_amount;
use crate::access::authority;
use crate::context::Context;
use crate::credential::{self, NumberedId, Right, StatusList, bits, chain};
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
    /// At least k of these attest that a payment was made.
    PaymentAttested(Payment),
    /// A credential is not revoked or suspended by its issuer, whose accreditation is in force.
    CredentialActive {
        /// The status list, `PARTY/status/N`.
        list: NumberedId,
        /// The entry in it.
        index: u64,
    },
    /// Block time is at or after this, ms.
    After(u64),
    /// Block time is before this, ms.
    Before(u64),
}

/// A payment that a condition asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its end-to-end reference.
    pub uetr: String,
    /// Its currency.
    pub unit: String,
    /// Its sum, in units of the last decimal.
    pub amount: u64,
    /// Until when it must be settled, ms.
    pub settle_by_ms: u64,
    /// Who may attest it.
    pub attesters: Vec<String>,
    /// How many of them must.
    pub k: u64,
}

/// Who asks for evidence: the record, and the op that set the condition.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The record.
    pub record: &'a str,
    /// The digest of the op that set the condition.
    pub op: Digest,
}

/// What an op brings to meet conditions, each item found valid and asked for.
#[derive(Debug, Default)]
pub struct Evidence {
    preimages: Vec<[u8; 32]>,
    keys: Vec<(String, u64)>,
    payments: Vec<Attestation>,
}

/// Reads and checks a tree; null is no condition. `CONDITION_INVALID` at `field`.
pub fn read(value: &Value, field: &str) -> Result<Option<Condition>, Reject> {
    if *value == Value::Null {
        return Ok(None);
    }
    let mut leaves = 0;
    let condition = read_node(value, 1, &mut leaves)
        .map_err(|reject| Reject::new(Code::ConditionInvalid, field, &reject.detail))?;
    Ok(Some(condition))
}

/// `CONDITION_INVALID` unless an offer that waits for a payment is irrevocable and each payment is
/// to be settled an hour or more before the deadline, so that who pays in time can still accept.
pub fn check_settlement(
    condition: &Condition,
    irrevocable: bool,
    deadline_ms: u64,
) -> Result<(), Reject> {
    let (mut payments, mut in_time) = (false, true);
    condition.walk(&mut |node| {
        if let Condition::PaymentAttested(payment) = node {
            payments = true;
            let latest = payment.settle_by_ms.saturating_add(limits::ETR_SETTLE_MARGIN_MS);
            in_time &= latest <= deadline_ms;
        }
    });
    if payments && !(irrevocable && in_time) {
        return Err(invalid("a payment needs an irrevocable offer, an hour longer than itself"));
    }
    Ok(())
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
        "payment_attested" => Condition::PaymentAttested(read_payment(&mut members)?),
        "credential_active" => {
            // as an op spells a party, or as credentials spell it
            let bare = |text: &'_ str| text.strip_prefix("did:ubin:").unwrap_or(text).to_owned();
            let (id, issuer) = (bare(members.text("id")?), bare(members.text("issuer")?));
            let entry = id.split_once('#').and_then(|(list, index)| {
                let index = credential::parse_index(index)?;
                Some((NumberedId::parse(list, "status")?, index))
            });
            match entry {
                Some((list, index)) if list.owner == issuer => {
                    Condition::CredentialActive { list, index }
                }
                _ => return Err(invalid("id is ISSUER/status/N#INDEX")),
            }
        }
        _ => return Err(invalid("unknown kind")),
    };
    members.finish()?;
    Ok(condition)
}

fn read_payment(members: &mut Members<'_>) -> Result<Payment, Reject> {
    let uetr = members.text("uetr")?.to_owned();
    let unit = members.text("unit")?.to_owned();
    let amount = read_amount(members.text("amount")?).filter(|amount| *amount > 0);
    let amount = amount.ok_or_else(|| invalid("amount is a u64 above 0 as a decimal string"))?;
    if !attestation::is_uetr(&uetr) || !attestation::is_unit(&unit) {
        return Err(invalid("uetr is a UUID in lower case, unit a currency code"));
    }
    let mut attesters = Vec::new();
    for text in members.texts("attesters")? {
        attesters.push(read_ubin(text, "")?);
    }
    let mut distinct = attesters.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let k = members.uint("k")?;
    let fits = (1..=limits::ETR_ATTESTERS_MAX).contains(&attesters.len())
        && distinct.len() == attesters.len()
        && (1..=attesters.len() as u64).contains(&k);
    if !fits {
        return Err(invalid("k of 1 to 8 different attesters"));
    }
    Ok(Payment { uetr, unit, amount, settle_by_ms: members.uint("settleByMs")?, attesters, k })
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
            Self::PaymentAttested(payment) => {
                // two numbers of one business attest once
                let attesters: BTreeSet<_> =
                    payment.attesters.iter().map(|who| identity(ctx.state, who)).collect();
                let attested = |who: &&_| {
                    evidence.payments.iter().any(|attestation| {
                        attestation.attester == **who
                            && attestation.pays(payment)
                            && attestation.settled_ms <= payment.settle_by_ms
                    })
                };
                attesters.iter().filter(attested).count() as u64 >= payment.k
            }
            Self::CredentialActive { list, index } => is_active(ctx, list, *index),
            Self::After(ms) => ctx.time_ms >= *ms,
            Self::Before(ms) => ctx.time_ms < *ms,
        }
    }
}

/// Whether an entry of a list is plainly good, and the list's owner may issue one of its types now:
/// what an issuer without accreditation says of its credentials counts no more (vc.md §5.4).
fn is_active(ctx: &Context<'_, '_>, list: &NumberedId, index: u64) -> bool {
    let (owner, number) = (list.owner.as_str(), list.number);
    let Some(entry) = ctx.state.read::<StatusList>(&credential::list_key(owner, number)) else {
        return false;
    };
    let accredited =
        |name: &String| chain::holds(ctx.state, owner, Right::Issue, name, ctx.time_ms);
    index < entry.entries
        && bits::current(ctx.state, owner, number, &entry, index) == 0
        && entry.types.iter().any(accredited)
}

/// `EVIDENCE_INVALID`, then `unmet` if the tree does not hold, then `EVIDENCE_REUSED`. What was used
/// is marked.
pub fn check(
    ctx: &mut Context<'_, '_>,
    tree: &Value,
    asker: Asker<'_>,
    items: &[Value],
    unmet: Reject,
) -> Result<(), Reject> {
    let evidence = gather(ctx, tree, asker, items)?;
    settle(ctx, tree, &evidence, unmet)
}

/// The evidence for a tree. `EVIDENCE_INVALID` if an item does not verify or was not asked for.
pub fn gather(
    ctx: &Context<'_, '_>,
    tree: &Value,
    asker: Asker<'_>,
    items: &[Value],
) -> Result<Evidence, Reject> {
    read_evidence(ctx, read(tree, "/args/conditions")?.as_ref(), asker, items)
}

/// `unmet` if the tree does not hold with this evidence, then `EVIDENCE_REUSED`; marks payments.
pub fn settle(
    ctx: &mut Context<'_, '_>,
    tree: &Value,
    evidence: &Evidence,
    unmet: Reject,
) -> Result<(), Reject> {
    let condition = read(tree, "/args/conditions")?;
    if condition.is_some_and(|condition| !condition.holds(ctx, evidence)) {
        return Err(unmet);
    }
    evidence.payments.iter().try_for_each(|attestation| attestation::mark_used(ctx, attestation))
}

fn read_evidence(
    ctx: &Context<'_, '_>,
    condition: Option<&Condition>,
    asker: Asker<'_>,
    items: &[Value],
) -> Result<Evidence, Reject> {
    let (mut preimages, mut keys, mut payments) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(condition) = condition {
        condition.walk(&mut |node| match node {
            Condition::Preimage(digest) => preimages.push(*digest),
            Condition::KOfN { keys: named, .. } => keys.extend(named.iter()),
            Condition::PaymentAttested(payment) => payments.push(payment),
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
        if item.get("statement").is_some() {
            let attestation = attestation::read(ctx, item, &field)?;
            let asked = payments.iter().any(|payment| {
                let named = |attester: &String| identity(ctx.state, attester);
                attestation.pays(payment)
                    && payment.attesters.iter().map(named).any(|who| who == attestation.attester)
            });
            let here = attestation.record == asker.record && attestation.op == asker.op;
            if !asked || !here {
                return Err(invalid("it attests another payment, record or op"));
            }
            found.payments.push(attestation);
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
        if !verifies(ctx, &signature, asker.op, &field) || signature.mandate.is_some() {
            return Err(invalid("the signature does not verify"));
        }
        found.keys.push((*named).clone());
    }
    Ok(found)
}

/// Whether an active key of its party made the signature over `digest`.
fn verifies(ctx: &Context<'_, '_>, signature: &OpSignature, digest: Digest, field: &str) -> bool {
    authority::active_key(ctx.state, signature, ctx.time_ms, field)
        .is_ok_and(|key| key.verifies(&digest, &signature.signature))
}
