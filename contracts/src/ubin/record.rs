//! What the state holds about a number: a record or an alias, and under which keys.
//!
//! Invariant: the key of a number is absent, a [`Record`] or an [`Alias`]; it never returns to
//! absent. Bodies stay outside the state: a record holds the hash of its body and the fields that
//! rules and counters read.

use borsh::{BorshDeserialize, BorshSerialize};

use super::capacity::Life;
use super::identifier::Ubin;
use super::vocabulary::{Category, Corroboration, Reason, SizeClass, Status};
use crate::digest::{Digest, hash};
use crate::state::{KeyBuilder, Overlay};
use crate::transaction::TransactionId;

/// What stands under the key of a number.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Entry {
    /// A business.
    Record(Box<Record>),
    /// A number that forwards to a business of the same country.
    Alias(Alias),
}

/// A business as rules and counters see it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Record {
    /// `ent_…`; never changes.
    pub entity: String,
    /// 1, 2, 3…
    pub version: u64,
    /// Hash of the body of this version.
    pub body_hash: Digest,
    /// Hash of the members of the body that neither confirmation nor suspension may change.
    pub core_hash: Digest,
    /// Legal date of this version, `YYYY-MM-DD` (dates in this form order as text).
    pub valid_from: String,
    /// Kind of business.
    pub category: Category,
    /// Size, if stated.
    pub size_class: Option<SizeClass>,
    /// The status in the body.
    pub status: StatusEntry,
    /// How far the register corroborated it.
    pub corroboration: Option<Corroboration>,
    /// When the register last confirmed it.
    pub confirmed_on: String,
    /// Date of the data in the register.
    pub source_as_of: String,
    /// When the business was registered.
    pub registered_on: Option<String>,
    /// LEI and GLN, for the index of possible duplicates: (scheme, value).
    pub references: Vec<(String, String)>,
    /// The aliases that forward here, canonical; former numbers among them.
    pub aliases: Vec<String>,
    /// The successor that the relations of a body with a terminal status name (loaded history).
    pub successor: Option<String>,
    /// Records that are marked as duplicates of this one (I6).
    pub duplicates: u64,
    /// What the ledger adds.
    pub meta: Meta,
}

/// The status in a body.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StatusEntry {
    /// The common code.
    pub code: Status,
    /// The register's own code.
    pub national: Option<String>,
    /// Since when.
    pub since: Option<String>,
    /// Why.
    pub reason: Option<Reason>,
}

/// What the ledger adds to a body.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Meta {
    /// Raised by each meta write.
    pub seq: u64,
    /// Height of the version.
    pub recorded_at: u64,
    /// Transaction of the version.
    pub transaction: TransactionId,
    /// Scheme version it was judged by.
    pub scheme_version: u64,
    /// Warnings of the version, sorted.
    pub warnings: Vec<String>,
    /// ANNULLED or DUPLICATE.
    pub mark: Option<Mark>,
    /// The end in favour of a successor.
    pub closure: Option<Closure>,
    /// When the business could act; not shown with the record.
    pub life: Life,
    /// The authority whose keys signed the version, as ops name it; not shown with the record.
    pub registrar: String,
}

/// A mark on a record.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Mark {
    /// The record that stands for this one, of a duplicate; `None` means annulled.
    pub canonical: Option<String>,
    /// Why.
    pub reason: Reason,
}

/// The end of a record in favour of a successor.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Closure {
    /// MERGED, CONVERTED or RELOCATED.
    pub status: Status,
    /// The successor.
    pub successor: String,
    /// From when.
    pub date: String,
    /// Height.
    pub recorded_at: u64,
}

/// A number that forwards.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Alias {
    /// The UBIN of the record, canonical. Always a record: chains have one hop.
    pub target: String,
    /// Its entity.
    pub entity: String,
    /// Height.
    pub recorded_at: u64,
    /// Transaction.
    pub transaction: TransactionId,
}

impl Record {
    /// The status to show: that of the closure if there is one, else that of the body.
    pub fn shown_status(&self) -> Status {
        self.meta.closure.as_ref().map_or(self.status.code, |closure| closure.status)
    }

    /// Whether the shown status is live and there is no mark.
    pub fn is_live(&self) -> bool {
        self.shown_status().is_live() && self.meta.mark.is_none()
    }

    /// Live and not SUSPENDED.
    pub fn may_act(&self) -> bool {
        self.is_live() && self.shown_status() != Status::Suspended
    }

    /// The record that goes on in place of this one, as closure or body name it.
    pub fn successor(&self) -> Option<&str> {
        let closure = self.meta.closure.as_ref().map(|closure| closure.successor.as_str());
        closure.or(self.successor.as_deref())
    }

    /// Whether no write but a correction is allowed: closed, terminal or annulled.
    pub fn is_final(&self) -> bool {
        let annulled = self.meta.mark.as_ref().is_some_and(|mark| mark.canonical.is_none());
        self.meta.closure.is_some() || self.status.code.is_terminal() || annulled
    }
}

/// The entity id of the first registration: `ent_` and the base32 of the first 20 bytes of
/// H("titian ubin entity v1", cc ‖ scheme ‖ 0x00 ‖ local).
pub fn entity_id(cc: &str, scheme: &str, local: &str) -> String {
    let digest =
        hash("titian ubin entity v1", &[cc.as_bytes(), scheme.as_bytes(), &[0], local.as_bytes()]);
    let first = digest.0.first_chunk::<20>().expect("a digest has 32 bytes");
    format!("ent_{}", data_encoding::BASE32_NOPAD.encode(first).to_ascii_lowercase())
}

/// State key of a number: `ubin/rec/` and cc ‖ scheme padded with 0x00 to 6 ‖ local, so that the
/// numbers of a scheme stand together in order.
pub fn record_key(ubin: &Ubin) -> Vec<u8> {
    let Ubin { cc, scheme, local } = ubin;
    KeyBuilder::new("ubin", "rec").text(&format!("{cc}{scheme:\0<6}{local}")).build()
}

/// The number of a record key; `None` for other keys.
pub fn ubin_of_key(key: &[u8]) -> Option<Ubin> {
    let text = std::str::from_utf8(key.strip_prefix(b"ubin/rec/")?).ok()?;
    let (cc, rest) = text.split_at_checked(2)?;
    let (scheme, local) = rest.split_at_checked(6)?;
    Some(Ubin {
        cc: cc.to_owned(),
        scheme: scheme.trim_end_matches('\0').to_owned(),
        local: local.to_owned(),
    })
}

/// What stands under a number.
pub fn entry(state: &Overlay<'_>, ubin: &Ubin) -> Option<Entry> {
    state.read(&record_key(ubin))
}

/// The record behind a number with its current UBIN, through an alias in one hop.
pub fn find(state: &Overlay<'_>, ubin: &Ubin) -> Option<(Ubin, Record)> {
    match entry(state, ubin)? {
        Entry::Record(record) => Some((ubin.clone(), *record)),
        Entry::Alias(alias) => {
            let target = Ubin::parse_canonical(&alias.target)?;
            match entry(state, &target)? {
                Entry::Record(record) => Some((target, *record)),
                Entry::Alias(_) => None,
            }
        }
    }
}
