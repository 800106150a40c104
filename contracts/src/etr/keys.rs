//! State keys of the register, all under `etr/` (etr.md §3.2). Parties in keys are entity ids.

use crate::digest::Digest;
use crate::state::KeyBuilder;

/// Prefix of record keys; their content has its own hash.
pub const RECORD_PREFIX: &[u8] = b"etr/rec/";

/// Prefix of the lists of open stages: what follows is the id of a record.
pub const STAGES_PREFIX: &[u8] = b"etr/stages/";

fn key(kind: &str) -> KeyBuilder {
    KeyBuilder::new("etr", kind)
}

/// A record.
pub fn record(id: &str) -> Vec<u8> {
    key("rec").text(id).build()
}

/// The root record of a number: an id. `reference` may hold `/` and stands last.
pub fn index(series: &str, issuer: &str, reference: &str) -> Vec<u8> {
    key("index").text(series).text(issuer).text(reference).build()
}

/// Entry `n` ≥ 1 of an endorsement chain.
pub fn endorsement(id: &str, n: u64) -> Vec<u8> {
    key("endorsement").text(id).number(n).build()
}

/// What the kernel keeps beside a record.
pub fn aside(id: &str) -> Vec<u8> {
    key("aside").text(id).build()
}

/// That an order froze a record once, and may not again.
pub fn spent_order(id: &str, order: Digest) -> Vec<u8> {
    key("spent_order").text(id).text(&order.to_text()).build()
}

/// When the ops of a record were carried out.
pub fn clock(id: &str) -> Vec<u8> {
    key("clock").text(id).build()
}

/// The ops of a staged bundle, in order.
pub fn staged_bundle(digest: Digest) -> Vec<u8> {
    key("staged_bundle").text(&digest.to_string()).build()
}

/// That a profile version may not be issued any more.
pub fn profile_withdrawn(name: &str) -> Vec<u8> {
    key("profile_withdrawn").text(name).build()
}

/// Note `n` ≥ 1 of a record.
pub fn note(id: &str, n: u64) -> Vec<u8> {
    key("note").text(id).number(n).build()
}

/// A staged op.
pub fn stage(id: &str, digest: Digest) -> Vec<u8> {
    key("stage").text(id).text(&digest.to_string()).build()
}

/// The open stages of a record.
pub fn stages(id: &str) -> Vec<u8> {
    key("stages").text(id).build()
}

/// A paper serial of an issuer. `serial` may hold `/` and stands last.
pub fn paper(issuer: &str, serial: &str) -> Vec<u8> {
    key("paper").text(issuer).text(serial).build()
}

/// Standing consent `no` ≥ 1 of a party.
pub fn consent(entity: &str, no: u64) -> Vec<u8> {
    key("consent").text(entity).number(no).build()
}

/// What a party's standing consents amount to: the number under which none stands.
pub fn consents(entity: &str) -> Vec<u8> {
    consent(entity, 0)
}

/// A payment already used as evidence.
pub fn paid(attester: &str, uetr: &str) -> Vec<u8> {
    key("paid").text(attester).text(uetr).build()
}

/// What a party is to a record.
pub fn party(entity: &str, id: &str) -> Vec<u8> {
    key("party").text(entity).text(id).build()
}

/// A type profile; `name` is `id@version`.
pub fn profile(name: &str) -> Vec<u8> {
    key("profile").text(name).build()
}

/// The genesis hash: the head before issue.
pub fn genesis_hash() -> Vec<u8> {
    key("genesis").build()
}
