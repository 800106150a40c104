//! Credential register (vc.md §5): who may issue what, which schemas and contexts count, and which
//! credential is revoked. Trust facts only, never a claim, a subject or a credential.
//!
//! Invariants (vc.md §5.7): I1 an accreditation is never wider than its parent; I2 a write needs
//! a key of the owner's AMS, save `use_*`; I3 the bytes of a resource version are constant; I4 a
//! revoked entry stays revoked; I5 a single-use entry is utilised at most once, by the state that
//! lodged it; I7 the deltas tell every entry's value at every height; I8 no value type here can
//! hold a subject or a claim; I9 a revoked link grants nothing from the next height on.
//!
//! - this file: state keys, state values, entrance;
//! - [`chain`]: what an accreditation and its ancestors grant;
//! - [`bits`]: chunks, deltas, and the value of an entry at an earlier height;
//! - [`linter`]: what a schema or context may hold;
//! - `acts_*`: the acts, one file per group.
//!
//! It deliberately knows no W3C form: those live in the crate `titian-credential`.

mod acts_accreditation;
mod acts_list;
mod acts_type;
mod acts_use;
pub mod bits;
pub mod chain;
mod claim;
pub mod linter;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::access::{Party, is_state_code};
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::op::Op;
use crate::state::KeyBuilder;

pub(crate) use acts_type::{Regional, put_regional};
pub use acts_type::{genesis_resource, genesis_type};

/// The owner of regional types and resources. It has no keys.
pub const REGION: &str = "ASEAN";

/// What an accreditation lets its grantee do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Right {
    /// Issue credentials of the types.
    Issue,
    /// Accredit others, more narrowly.
    Accredit,
    /// Move single-use entries of the types.
    Use,
}

impl Right {
    /// All rights.
    pub const ALL: [Self; 3] = [Self::Issue, Self::Accredit, Self::Use];

    /// The name in ops and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Accredit => "accredit",
            Self::Use => "use",
        }
    }

    /// The right of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.name() == name)
    }
}

/// The stored state of an accreditation; `expired` is derived from its period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum AccreditationStatus {
    /// In force within its period.
    Active,
    /// Paused; may become active again.
    Suspended,
    /// Ended for good.
    Revoked,
}

impl AccreditationStatus {
    /// The name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
        }
    }
}

/// Why an accreditation was suspended or revoked.
pub const REASONS: [&str; 6] =
    ["ceased", "superseded", "privilege", "misconduct", "compromise", "court"];

/// The classes of issuers, as recognition entries name them (credential-types.json).
pub const ISSUER_CLASSES: [&str; 8] = [
    "root",
    "registrar",
    "customs",
    "origin-authority",
    "nppo",
    "professional-body",
    "data-protection-authority",
    "other",
];

/// One accreditation: `vc/acc/{grantee}/{n}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Accreditation {
    /// The accreditation it hangs from (`grantee/acc/n`), or the state code for the root.
    pub parent: String,
    /// The party that granted it.
    pub grantor: String,
    /// The party that holds it.
    pub grantee: String,
    /// What it allows, sorted.
    pub rights: Vec<Right>,
    /// One of [`ISSUER_CLASSES`].
    pub issuer_class: String,
    /// Names of credential types, sorted.
    pub types: Vec<String>,
    /// States of issue it covers, sorted.
    pub jurisdictions: Vec<String>,
    /// How many further links may hang below it, 0..3.
    pub depth: u64,
    /// From when, ms of block time.
    pub from_ms: u64,
    /// Until when (exclusive), ms.
    pub until_ms: u64,
    /// Its stored state.
    pub status: AccreditationStatus,
    /// The reason of the last suspension or of the revocation; empty if none.
    pub reason: String,
    /// From when the suspension or revocation counts, ms; 0 while active.
    pub effective_ms: u64,
    /// Suspensions that ended, as [from, until) in ms, oldest first. Beyond
    /// [`SUSPENSIONS_KEPT_MAX`] the two oldest become one, which can only make a verdict stricter.
    pub suspensions: Vec<(u64, u64)>,
    /// Raised by each change; 1 at first.
    pub version: u64,
}

/// How many ended suspensions an accreditation tells apart.
pub const SUSPENSIONS_KEPT_MAX: usize = 32;

/// The index of a grantee: `vc/acc/{grantee}`. Entries are numbered 1..=count, so the count names
/// them all and absence is provable.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AccreditationIndex {
    /// Entries ever granted.
    pub count: u64,
}

/// A credential type: `vc/type/{owner}/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CredentialType {
    /// Its name, as credentials and accreditations write it.
    pub name: String,
    /// A state code or [`REGION`].
    pub owner: String,
    /// Resource ids of its schemas.
    pub schemas: Vec<String>,
    /// Resource ids of its contexts.
    pub contexts: Vec<String>,
    /// Whether its credentials hold personal data: then only `dc+sd-jwt` may carry them.
    pub natural_person_data: bool,
    /// Whether its credentials are used up.
    pub single_use: bool,
    /// Whether they are bound to a key of their holder, who shows them with it: only an SD-JWT VC
    /// can be.
    pub key_binding: bool,
    /// Status profiles that each credential must have, sorted.
    pub profiles: Vec<Profile>,
    /// Longest validity of a credential.
    pub validity_max_days: u64,
    /// Marked as not to be used for new credentials.
    pub deprecated: bool,
}

/// What a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum ResourceKind {
    /// A JSON Schema (2020-12).
    JsonSchema,
    /// A JSON-LD context.
    JsonldContext,
    /// SD-JWT VC type metadata.
    VctMetadata,
}

impl ResourceKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::JsonSchema, Self::JsonldContext, Self::VctMetadata];

    /// The name in ops.
    pub const fn name(self) -> &'static str {
        match self {
            Self::JsonSchema => "jsonSchema",
            Self::JsonldContext => "jsonldContext",
            Self::VctMetadata => "vctMetadata",
        }
    }

    /// The word in ids and DID URLs.
    pub const fn path(self) -> &'static str {
        match self {
            Self::JsonSchema => "schema",
            Self::JsonldContext => "context",
            Self::VctMetadata => "vct",
        }
    }

    /// The kind of a name in ops.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A resource version: `vc/res/{owner}/{kind}/{name}/{version}`. Its bytes never change.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// The bytes as published.
    pub bytes: Vec<u8>,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// Whether the schema has a leaf of class personal.
    pub personal: bool,
    /// Marked as not to be used for new credentials.
    pub deprecated: bool,
}

/// What a status list tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Profile {
    /// 1 = revoked, for good.
    Revocation,
    /// 1 = suspended now.
    Suspension,
    /// 1 = a newer credential can be had.
    Refresh,
    /// Single use: issued, lodged, utilised, cancelled.
    Use,
    /// Token status: valid, invalid, suspended, application.
    Token,
    /// Values with a meaning that the credential states.
    Message,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 6] =
        [Self::Revocation, Self::Suspension, Self::Refresh, Self::Use, Self::Token, Self::Message];

    /// The name in ops.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Revocation => "revocation",
            Self::Suspension => "suspension",
            Self::Refresh => "refresh",
            Self::Use => "use",
            Self::Token => "token",
            Self::Message => "message",
        }
    }

    /// The profile of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// Whether entries of `bits` bits fit the profile.
    pub const fn allows_size(self, bits: u64) -> bool {
        match self {
            Self::Revocation | Self::Suspension | Self::Refresh => bits == 1,
            Self::Use | Self::Token => bits == 2,
            Self::Message => matches!(bits, 1 | 2 | 4 | 8),
        }
    }
}

/// A status list: `vc/list/{owner}/{n}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StatusList {
    /// What it tells.
    pub profile: Profile,
    /// Names of the credential types it serves, 1..8, sorted.
    pub types: Vec<String>,
    /// Bits of an entry.
    pub status_size: u64,
    /// Entries, a power of two.
    pub entries: u64,
    /// No credential with an entry may be valid later, ms.
    pub until_ms: u64,
    /// An https alias of the list, if it has one.
    pub uri: Option<String>,
    /// The height it was made at.
    pub created_height: u64,
    /// Raised by each `list_set`; 0 at first.
    pub version: u64,
    /// Read only.
    pub retired: bool,
}

/// The lodging of a single-use entry: `vc/use/{owner}/{n}/{index}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Use {
    /// Raised by each use act; an absent entry has 0.
    pub seq: u64,
    /// The AMS that lodged it last; empty before.
    pub lodged_by: String,
    /// A salted commitment to the declaration.
    pub reference: Option<Digest>,
}

/// An anchor: `vc/anchor/{issuer}/{n}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Anchor {
    /// Root of the tree of salted commitments.
    pub root: Digest,
    /// Base-2 logarithm of the number of leaves.
    pub size_log2: u64,
    /// The height it was submitted at.
    pub height: u64,
    /// Block time, ms.
    pub time_ms: u64,
}

/// A parsed id of the form `{party}/{word}/{number}`: an accreditation (`acc`), a list (`status`)
/// or an anchor (`anchor`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedId {
    /// The party before the first `/`.
    pub party: Party,
    /// Its text.
    pub owner: String,
    /// The number, ≥ 1.
    pub number: u64,
}

impl NumberedId {
    /// Reads `{party}/{word}/{number}`, the number without leading zero.
    pub fn parse(text: &str, word: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (owner, middle, number) = (parts.next()?, parts.next()?, parts.next()?);
        if middle != word || parts.next().is_some() {
            return None;
        }
        let party = Party::parse(owner)?;
        Some(Self { party, owner: owner.to_owned(), number: parse_number(number)? })
    }
}

/// A parsed resource id: `{owner}/{schema|context|vct}/{name}/{version}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceId {
    /// A state code or [`REGION`].
    pub owner: String,
    /// What it is.
    pub kind: ResourceKind,
    /// 1 to 64 of a-z 0-9 `-`.
    pub name: String,
    /// ≥ 1.
    pub version: u64,
}

impl ResourceId {
    /// Reads an id as ops write it, without `did:ubin:`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (owner, path) = (parts.next()?, parts.next()?);
        let (name, version) = (parts.next()?, parts.next()?);
        if parts.next().is_some() || !is_owner(owner) || !is_resource_name(name) {
            return None;
        }
        let kind = ResourceKind::ALL.into_iter().find(|kind| kind.path() == path)?;
        let version = parse_number(version)?;
        Some(Self { owner: owner.to_owned(), kind, name: name.to_owned(), version })
    }

    /// The id as text.
    pub fn text(&self) -> String {
        format!("{}/{}/{}/{}", self.owner, self.kind.path(), self.name, self.version)
    }

    /// Its state key.
    pub fn key(&self) -> Vec<u8> {
        resource_key(&self.owner, self.kind, &self.name, self.version)
    }
}

/// Whether `text` can own types and resources: a state code or [`REGION`].
pub fn is_owner(text: &str) -> bool {
    text == REGION || is_state_code(text)
}

/// Whether `name` can name a credential type: a capital letter, then letters and digits, ≤ 64.
pub fn is_type_name(name: &str) -> bool {
    name.len() <= 64
        && name.bytes().next().is_some_and(|b| b.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Whether `name` can name a resource: 1 to 64 of a-z 0-9 `-`, a letter first.
pub fn is_resource_name(name: &str) -> bool {
    name.len() <= 64
        && name.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Reads a positive decimal number without leading zero, below 2^53.
pub fn parse_number(text: &str) -> Option<u64> {
    let canonical = !text.starts_with('0')
        && (1..=15).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_digit());
    if canonical { text.parse().ok() } else { None }
}

/// Reads the index of an entry: decimal as [`parse_number`] reads it, or 0.
pub fn parse_index(text: &str) -> Option<u64> {
    if text == "0" { Some(0) } else { parse_number(text) }
}

/// The id of an accreditation.
pub fn accreditation_id(grantee: &str, n: u64) -> String {
    format!("{grantee}/acc/{n}")
}

/// The id of a status list, without `did:ubin:`.
pub fn list_id(owner: &str, n: u64) -> String {
    format!("{owner}/status/{n}")
}

/// State key of an accreditation.
pub fn accreditation_key(grantee: &str, n: u64) -> Vec<u8> {
    KeyBuilder::new("vc", "acc").text(grantee).number(n).build()
}

/// State key of the index of a grantee's accreditations.
pub fn accreditation_index_key(grantee: &str) -> Vec<u8> {
    KeyBuilder::new("vc", "acc").text(grantee).build()
}

/// State key of a credential type.
pub fn type_key(owner: &str, name: &str) -> Vec<u8> {
    KeyBuilder::new("vc", "type").text(owner).text(name).build()
}

/// State key of a resource version.
pub fn resource_key(owner: &str, kind: ResourceKind, name: &str, version: u64) -> Vec<u8> {
    KeyBuilder::new("vc", "res").text(owner).text(kind.name()).text(name).number(version).build()
}

/// State key of a status list.
pub fn list_key(owner: &str, n: u64) -> Vec<u8> {
    KeyBuilder::new("vc", "list").text(owner).number(n).build()
}

/// State key that tells which list has an https alias: `vc/uri/{digest of the alias}`.
pub fn uri_key(uri: &str) -> Vec<u8> {
    let digest = crate::digest::hash("titian vc list uri v1", &[uri.as_bytes()]);
    KeyBuilder::new("vc", "uri").text(&digest.to_hex()).build()
}

/// State key of chunk `c` of a list.
pub fn chunk_key(owner: &str, n: u64, c: u64) -> Vec<u8> {
    KeyBuilder::new("vc", "chunk").text(owner).number(n).number(c).build()
}

/// State key of the changes of chunk `c` at a height.
pub fn delta_key(owner: &str, n: u64, c: u64, height: u64) -> Vec<u8> {
    KeyBuilder::new("vc", "delta").text(owner).number(n).number(c).number(height).build()
}

/// State key of the use of an entry.
pub fn use_key(owner: &str, n: u64, index: u64) -> Vec<u8> {
    KeyBuilder::new("vc", "use").text(owner).number(n).number(index).build()
}

/// State key of an anchor.
pub fn anchor_key(issuer: &str, n: u64) -> Vec<u8> {
    KeyBuilder::new("vc", "anchor").text(issuer).number(n).build()
}

pub use claim::claim;

/// Runs one credential act.
pub fn apply(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    match op.act.as_str() {
        "accreditation_grant" => acts_accreditation::grant(ctx, op),
        "accreditation_suspend" | "accreditation_reinstate" | "accreditation_revoke" => {
            acts_accreditation::change(ctx, op)
        }
        "type_publish" => acts_type::publish_type(ctx, op),
        "resource_publish" => acts_type::publish_resource(ctx, op),
        "type_deprecate" => acts_type::deprecate_type(ctx, op),
        "resource_deprecate" => acts_type::deprecate_resource(ctx, op),
        "list_create" => acts_list::create(ctx, op),
        "list_set" => acts_list::set(ctx, op),
        "list_retire" => acts_list::retire(ctx, op),
        "use_lodge" | "use_utilise" | "use_release" | "use_cancel" => acts_use::move_entry(ctx, op),
        "anchor_submit" => acts_use::submit_anchor(ctx, op),
        _ => Err(Reject::new(Code::Malformed, "/act", "unknown act")),
    }
}
