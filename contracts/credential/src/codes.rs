//! The check codes of the verifier and the result each of them stands for (codes.json).
//!
//! Invariant: a code has one result per check. A test compares the table with the published list.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The check passed.
    Pass,
    /// There was nothing to check, or the policy leaves it out.
    NotApplicable,
    /// It cannot be told.
    Unknown,
    /// The check failed.
    Fail,
}

impl Outcome {
    /// The name in a verdict.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::NotApplicable => "not-applicable",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }
}

/// A finding that stops something: a code and the JSON pointer of the member it is about. Holds no
/// value of a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} at {pointer:?}")]
pub struct Fault {
    /// The check code.
    pub code: &'static str,
    /// JSON pointer; empty for the whole.
    pub pointer: String,
}

impl Fault {
    /// A finding about `pointer`.
    pub fn new(code: &'static str, pointer: &str) -> Self {
        Self { code, pointer: pointer.to_owned() }
    }

    /// The same, seen from above the member `name`.
    #[must_use]
    pub fn below(self, name: &str) -> Self {
        Self { pointer: format!("/{name}{}", self.pointer), ..self }
    }

    /// The same, seen from the root of a document in which it stands below `pointer`.
    #[must_use]
    pub fn under(self, pointer: &str) -> Self {
        Self { pointer: format!("{pointer}{}", self.pointer), ..self }
    }
}

/// The result that `code` stands for in `check`. A code that the table does not know is `Fail`.
/// What is wrong with the holder's own signature or key has the codes of `proof` and `issuerKey`.
pub fn outcome_of(check: &str, code: &str) -> Outcome {
    static BY_CODE: OnceLock<BTreeMap<(&str, &str), Outcome>> = OnceLock::new();
    let table = BY_CODE.get_or_init(|| {
        TABLE.iter().map(|(check, code, outcome)| ((*code, *check), *outcome)).collect()
    });
    let also: &[&str] = if check == "holder" { &["proof", "issuerKey"] } else { &[] };
    let checks = [check, "*"].into_iter().chain(also.iter().copied());
    let mut found = checks.filter_map(|check| table.get(&(code, check)).copied());
    found.next().unwrap_or(Outcome::Fail)
}

/// Whether `code` is one that the table has for `check` itself.
pub fn is_of(check: &str, code: &str) -> bool {
    TABLE.iter().any(|(of, name, _)| *of == check && *name == code)
}

/// Check, code, result. Check `*` stands for every check.
pub const TABLE: &[(&str, &str, Outcome)] = &[
    ("syntax", "PARSE_ERROR", Outcome::Fail),
    ("syntax", "DUPLICATE_KEY", Outcome::Fail),
    ("syntax", "NUMBER_RANGE", Outcome::Fail),
    ("syntax", "TOO_LARGE", Outcome::Fail),
    ("syntax", "TOO_DEEP", Outcome::Fail),
    ("syntax", "TOO_MANY_NODES", Outcome::Fail),
    ("syntax", "ENCODING", Outcome::Fail),
    ("syntax", "FORM_UNKNOWN", Outcome::Fail),
    ("syntax", "MALFORMED_TOKEN", Outcome::Fail),
    ("syntax", "KID_MALFORMED", Outcome::Fail),
    ("syntax", "CONTEXT_MISSING", Outcome::Fail),
    ("syntax", "CONTEXT_ORDER", Outcome::Fail),
    ("syntax", "CONTEXT_UNKNOWN", Outcome::Fail),
    ("syntax", "CONTEXT_INLINE", Outcome::Fail),
    ("syntax", "CONTEXT_EXAMPLE", Outcome::Fail),
    ("syntax", "TERM_REDEFINED", Outcome::Fail),
    ("syntax", "UNDEFINED_TERM", Outcome::Fail),
    ("syntax", "RELATIVE_IRI", Outcome::Fail),
    ("syntax", "TYPE_MISSING", Outcome::Fail),
    ("syntax", "ID_INVALID", Outcome::Fail),
    ("syntax", "ISSUER_INVALID", Outcome::Fail),
    ("syntax", "SUBJECT_INVALID", Outcome::Fail),
    ("syntax", "DATE_INVALID", Outcome::Fail),
    ("syntax", "DATE_ORDER", Outcome::Fail),
    ("syntax", "LANGUAGE_INVALID", Outcome::Fail),
    ("syntax", "STATUS_MALFORMED", Outcome::Fail),
    ("syntax", "SCHEMA_MALFORMED", Outcome::Fail),
    ("syntax", "RESOURCE_MALFORMED", Outcome::Fail),
    ("syntax", "ENVELOPE_MALFORMED", Outcome::Fail),
    ("syntax", "VC_CLAIM_PRESENT", Outcome::Fail),
    ("syntax", "UNSECURED_CREDENTIAL", Outcome::Fail),
    ("syntax", "VERSION_1_1", Outcome::Pass),
    ("syntax", "UNKNOWN_MEMBER_IGNORED", Outcome::Pass),
    ("schema", "SCHEMA_NONE", Outcome::NotApplicable),
    ("schema", "SCHEMA_VIOLATION", Outcome::Fail),
    ("schema", "SCHEMA_REQUIRED", Outcome::Fail),
    ("schema", "SCHEMA_DIGEST_MISMATCH", Outcome::Fail),
    ("schema", "SCHEMA_UNKNOWN", Outcome::Unknown),
    ("schema", "SCHEMA_TYPE_UNSUPPORTED", Outcome::Unknown),
    ("schema", "SCHEMA_LIMIT", Outcome::Unknown),
    ("proof", "PROOF_MISSING", Outcome::Fail),
    ("proof", "PROOF_MALFORMED", Outcome::Fail),
    ("proof", "CRYPTOSUITE_UNSUPPORTED", Outcome::Fail),
    ("proof", "PROOF_CONTEXT_MISMATCH", Outcome::Fail),
    ("proof", "PROOF_PURPOSE_MISMATCH", Outcome::Fail),
    ("proof", "PROOF_EXPIRED", Outcome::Fail),
    ("proof", "PREVIOUS_PROOF_MISSING", Outcome::Fail),
    ("proof", "SIGNATURE_INVALID", Outcome::Fail),
    ("proof", "KEY_WEAK", Outcome::Fail),
    ("proof", "ALG_NOT_ALLOWED", Outcome::Fail),
    ("proof", "TYP_MISMATCH", Outcome::Fail),
    ("proof", "HEADER_NOT_ALLOWED", Outcome::Fail),
    ("proof", "DATASET_POISONED", Outcome::Fail),
    ("proof", "SD_MALFORMED", Outcome::Fail),
    ("proof", "SD_MALFORMED_DISCLOSURE", Outcome::Fail),
    ("proof", "SD_DUPLICATE_DISCLOSURE", Outcome::Fail),
    ("proof", "SD_DUPLICATE_DIGEST", Outcome::Fail),
    ("proof", "SD_UNREFERENCED_DISCLOSURE", Outcome::Fail),
    ("proof", "SD_CLAIM_COLLISION", Outcome::Fail),
    ("proof", "SD_RESERVED_NAME", Outcome::Fail),
    ("proof", "SD_ALG_UNSUPPORTED", Outcome::Fail),
    ("proof", "SD_NOT_DISCLOSABLE", Outcome::Fail),
    ("issuerKey", "KEY_SELF_CERTIFYING", Outcome::Pass),
    ("issuerKey", "TIME_ASSERTED", Outcome::Pass),
    ("issuerKey", "DID_INVALID", Outcome::Fail),
    ("issuerKey", "DID_METHOD_UNSUPPORTED", Outcome::Unknown),
    ("issuerKey", "DID_NOT_FOUND", Outcome::Fail),
    ("issuerKey", "DID_NOT_AVAILABLE", Outcome::Unknown),
    ("issuerKey", "DID_CACHE_STALE", Outcome::Unknown),
    ("issuerKey", "DID_DEACTIVATED", Outcome::Fail),
    ("issuerKey", "KEY_NOT_FOUND", Outcome::Fail),
    ("issuerKey", "KEY_NOT_AUTHORISED", Outcome::Fail),
    ("issuerKey", "ISSUER_MISMATCH", Outcome::Fail),
    ("issuerKey", "KEY_NOT_ACTIVE", Outcome::Fail),
    ("issuerKey", "KEY_COMPROMISED", Outcome::Fail),
    ("accreditation", "NO_ACCREDITATION", Outcome::Fail),
    ("accreditation", "TYPE_NOT_COVERED", Outcome::Fail),
    ("accreditation", "JURISDICTION_NOT_COVERED", Outcome::Fail),
    ("accreditation", "ACCREDITATION_SUSPENDED", Outcome::Fail),
    ("accreditation", "ACCREDITATION_REVOKED", Outcome::Fail),
    ("accreditation", "ACCREDITATION_EXPIRED", Outcome::Fail),
    ("accreditation", "CHAIN_BROKEN", Outcome::Fail),
    ("accreditation", "CHAIN_NOT_AVAILABLE", Outcome::Unknown),
    ("status", "STATUS_NONE", Outcome::NotApplicable),
    ("status", "STATUS_REQUIRED", Outcome::Fail),
    ("status", "REVOKED", Outcome::Fail),
    ("status", "SUSPENDED", Outcome::Fail),
    ("status", "USE_LODGED", Outcome::Fail),
    ("status", "USE_UTILISED", Outcome::Fail),
    ("status", "USE_CANCELLED", Outcome::Fail),
    ("status", "REFRESH_ADVISED", Outcome::Pass),
    ("status", "STATUS_LIST_NOT_AVAILABLE", Outcome::Unknown),
    ("status", "STATUS_LIST_STALE", Outcome::Unknown),
    ("status", "STATUS_LIST_INVALID", Outcome::Fail),
    ("status", "STATUS_LIST_TOO_SHORT", Outcome::Fail),
    ("status", "STATUS_LIST_BOMB", Outcome::Fail),
    ("status", "STATUS_PURPOSE_MISMATCH", Outcome::Fail),
    ("status", "STATUS_INDEX_RANGE", Outcome::Fail),
    ("status", "STATUS_TYPE_UNSUPPORTED", Outcome::Unknown),
    ("validity", "NOT_YET_VALID", Outcome::Fail),
    ("validity", "EXPIRED", Outcome::Fail),
    ("validity", "NO_PERIOD", Outcome::NotApplicable),
    ("holder", "NOT_A_PRESENTATION", Outcome::NotApplicable),
    ("holder", "KEY_BINDING_MISSING", Outcome::Fail),
    ("holder", "SD_HASH_MISMATCH", Outcome::Fail),
    ("holder", "NONCE_MISMATCH", Outcome::Fail),
    ("holder", "CHALLENGE_MISMATCH", Outcome::Fail),
    ("holder", "CHALLENGE_REPLAYED", Outcome::Fail),
    ("holder", "AUDIENCE_MISMATCH", Outcome::Fail),
    ("holder", "DOMAIN_MISMATCH", Outcome::Fail),
    ("holder", "HOLDER_MISMATCH", Outcome::Fail),
    ("holder", "SUBJECT_NOT_HOLDER", Outcome::Fail),
    ("holder", "KB_IAT_FUTURE", Outcome::Fail),
    ("holder", "KB_IAT_STALE", Outcome::Fail),
    ("recognition", "DOMESTIC", Outcome::Pass),
    ("recognition", "RECOGNISED", Outcome::Pass),
    ("recognition", "NOT_RECOGNISED", Outcome::Fail),
    ("recognition", "RECOGNITION_SUSPENDED", Outcome::Fail),
    ("recognition", "RECOGNITION_EXPIRED", Outcome::Fail),
    ("recognition", "RECOGNITION_NOT_AVAILABLE", Outcome::Unknown),
    ("recognition", "NOT_REQUESTED", Outcome::NotApplicable),
    ("freshness", "TRUST_STALE", Outcome::Unknown),
    ("freshness", "TRUST_FROM_FUTURE", Outcome::Fail),
    ("stateProof", "LOCAL_STATE", Outcome::Pass),
    ("stateProof", "STATE_PROOF_INVALID", Outcome::Fail),
    ("stateProof", "CERTIFICATE_INVALID", Outcome::Fail),
    ("stateProof", "CHAIN_MISMATCH", Outcome::Fail),
    ("stateProof", "VALIDATORS_UNKNOWN", Outcome::Unknown),
    ("resources", "RESOURCES_NONE", Outcome::NotApplicable),
    ("resources", "RESOURCE_DIGEST_MISMATCH", Outcome::Fail),
    ("resources", "RESOURCE_NOT_AVAILABLE", Outcome::Unknown),
    ("resources", "HISTORICAL_RESOURCE", Outcome::Pass),
    ("*", "OK", Outcome::Pass),
    ("*", "POLICY_EXCLUDED", Outcome::NotApplicable),
    ("*", "NOT_REACHED", Outcome::Unknown),
];
