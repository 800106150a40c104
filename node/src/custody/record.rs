//! What custody keeps of a credential.

use borsh::{BorshDeserialize, BorshSerialize};

use super::seal::Name;

/// A credential that was issued: everything that only its issuer and its holder have. Sealed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Record {
    /// The id it is kept under.
    pub id: String,
    /// The issuer's DID.
    pub issuer: String,
    /// Keyed digest of what was asked for.
    pub request: Name,
    /// Every form and copy, in the order asked for.
    pub secured: Vec<Secured>,
    /// Every status entry, copy by copy.
    pub status: Vec<Entry>,
}

/// One secured form.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Secured {
    /// Its form.
    pub form: String,
    /// JCS text with proof, or a token with all its disclosures and so with their salts.
    pub text: String,
    /// Salt of its anchor leaf, if it was anchored.
    pub anchor_salt: Option<[u8; 32]>,
}

/// A status entry of a credential.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Entry {
    /// Name of the list's profile.
    pub profile: String,
    /// The list: `SG:CUSTOMS/status/3`, or `instance:n` if it is kept on this node.
    pub list: String,
    /// The entry.
    pub index: u64,
}

/// What is said of a record in the clear: nothing about its subject.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Label {
    /// The instance that issued it.
    pub instance: String,
    /// Its most specific type.
    pub type_name: String,
    /// When it was issued, ms.
    pub at_ms: u64,
}

/// A stored record.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Kept {
    pub version: u8,
    pub label: Label,
    pub subject: Name,
    pub sealed: Vec<u8>,
}

/// What is left of an erased record.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Tombstone {
    /// Instance and type, with the time of issue.
    pub label: Label,
    /// When it was erased, ms.
    pub erased_ms: u64,
}

/// What custody has under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A record.
    Kept(Label, Box<Record>),
    /// One that was erased.
    Erased(Tombstone),
}

/// Numbers of one type of one instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records kept.
    pub kept: u64,
    /// Records erased.
    pub erased: u64,
    /// When the oldest record kept was issued, ms; 0 if there is none.
    pub oldest_ms: u64,
}
