//! The verdict: one outcome, one code per check, and what it rests on (vc.md §7).
//!
//! Invariant: `verified` holds only if no evaluated check failed and no required one is unknown.
//! The bytes are the JCS text, equal in node, command line and tests. No claim is copied into it.

use serde::Serialize;
use serde_json::{Map, Value, json};
use titian_contracts::time::rfc3339;

use crate::codes::{Outcome, outcome_of};
use crate::json::canonical;
use crate::snapshot::Trust;

/// The twelve checks, in the order in which a verdict lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Limits, form, data model, term guard.
    Syntax,
    /// The credential matches its schemas.
    Schema,
    /// Signatures.
    Proof,
    /// The key was the issuer's at signing time.
    IssuerKey,
    /// The issuer was entitled.
    Accreditation,
    /// Not revoked, suspended or used.
    Status,
    /// Within its period.
    Validity,
    /// Presented by who may.
    Holder,
    /// Recognised in the jurisdiction named.
    Recognition,
    /// Digests of related resources.
    Resources,
    /// Trust facts are recent.
    Freshness,
    /// Trust facts are the ledger's.
    StateProof,
}

impl Check {
    /// All, in the order of a verdict.
    pub const ALL: [Self; 12] = [
        Self::Syntax,
        Self::Schema,
        Self::Proof,
        Self::IssuerKey,
        Self::Accreditation,
        Self::Status,
        Self::Validity,
        Self::Holder,
        Self::Recognition,
        Self::Resources,
        Self::Freshness,
        Self::StateProof,
    ];

    /// The name in a verdict.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Schema => "schema",
            Self::Proof => "proof",
            Self::IssuerKey => "issuerKey",
            Self::Accreditation => "accreditation",
            Self::Status => "status",
            Self::Validity => "validity",
            Self::Holder => "holder",
            Self::Recognition => "recognition",
            Self::Resources => "resources",
            Self::Freshness => "freshness",
            Self::StateProof => "stateProof",
        }
    }

    /// The check of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.name() == name)
    }
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckResult {
    /// The check.
    pub check: Check,
    /// What came out.
    pub outcome: Outcome,
    /// The code, the worst if there are several.
    pub code: &'static str,
    /// Further codes.
    pub also: Vec<&'static str>,
    /// Whether the policy asks for it.
    pub required: bool,
    /// Public detail; null if none.
    pub detail: Value,
}

impl CheckResult {
    /// A result of one code.
    pub fn new(check: Check, code: &'static str) -> Self {
        Self {
            check,
            outcome: outcome_of(check.name(), code),
            code,
            also: Vec::new(),
            required: false,
            detail: Value::Null,
        }
    }

    /// The same with a detail.
    #[must_use]
    pub fn with(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    /// A result of several codes, each with its detail: the worst first. None at all is `OK`.
    pub fn worst(check: Check, mut findings: Vec<(&'static str, Value)>) -> Self {
        findings.sort_by_key(|(code, _)| std::cmp::Reverse(outcome_of(check.name(), code)));
        let mut findings = findings.into_iter();
        let Some((code, detail)) = findings.next() else { return Self::new(check, "OK") };
        let mut result = Self::new(check, code).with(detail);
        for (code, _) in findings {
            if code != result.code && !result.also.contains(&code) {
                result.also.push(code);
            }
        }
        result
    }

    fn members(&self) -> CheckMembers<'_> {
        CheckMembers {
            also: &self.also,
            code: self.code,
            detail: &self.detail,
            name: self.check.name(),
            required: self.required,
            result: self.outcome.name(),
        }
    }
}

/// Which checks are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// All twelve: default of RPC and command line.
    Ledger,
    /// What the W3C documents ask for: default of REST.
    W3c,
    /// Signature and key only.
    Signature,
}

impl Policy {
    /// The name in requests and verdicts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::W3c => "w3c",
            Self::Signature => "signature",
        }
    }

    /// The policy of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Ledger, Self::W3c, Self::Signature].into_iter().find(|p| p.name() == name)
    }

    /// Whether the policy requires a check of a bare credential, jurisdictions left aside.
    pub const fn requires(self, check: Check) -> bool {
        match self {
            Self::Ledger => !matches!(check, Check::Holder | Check::Recognition),
            Self::W3c => matches!(
                check,
                Check::Syntax | Check::Proof | Check::IssuerKey | Check::Validity | Check::Status
            ),
            Self::Signature => matches!(check, Check::Syntax | Check::Proof | Check::IssuerKey),
        }
    }
}

/// The outcome of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing failed, nothing required is unknown.
    Verified,
    /// A check failed.
    Rejected,
    /// No check failed, but a required one is unknown.
    Indeterminate,
}

impl Decision {
    /// The name in a verdict.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Rejected => "rejected",
            Self::Indeterminate => "indeterminate",
        }
    }

    /// The rule of vc.md §7.
    pub fn of(checks: &[CheckResult]) -> Self {
        if checks.iter().any(|check| check.outcome == Outcome::Fail) {
            Self::Rejected
        } else if checks.iter().any(|c| c.required && c.outcome == Outcome::Unknown) {
            Self::Indeterminate
        } else {
            Self::Verified
        }
    }
}

/// The verdict on a presentation: the whole, and each credential in it.
#[derive(Clone, Debug, PartialEq)]
pub struct PresentationVerdict {
    /// The presentation. `issuer` is its holder.
    pub whole: Verdict,
    /// One per credential, in order.
    pub credentials: Vec<Verdict>,
}

impl PresentationVerdict {
    /// Whether the presentation and all its credentials are verified.
    pub fn verified(&self) -> bool {
        self.whole.verified() && self.credentials.iter().all(Verdict::verified)
    }

    /// The verdict as JSON: that of the whole with the member `credentials`.
    pub fn to_value(&self) -> Value {
        self.members().to_value()
    }

    /// The verdict's bytes: JCS text.
    pub fn to_jcs(&self) -> String {
        self.members().to_jcs()
    }

    fn members(&self) -> Members<'_> {
        let credentials = self.credentials.iter().map(Verdict::members).collect();
        Members { credentials: Some(credentials), ..self.whole.members() }
    }
}

/// A verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What came out.
    pub decision: Decision,
    /// The policy it was judged by.
    pub policy: Policy,
    /// The form of the credential; `None` if it has none that is known.
    pub form: Option<&'static str>,
    /// The time of judgement, ms.
    pub now_ms: u64,
    /// The issuer's id, if there is one.
    pub issuer: Option<String>,
    /// The credential's types, `VerifiableCredential` left out.
    pub types: Vec<String>,
    /// Signing time in ms, and whether an anchor proves it.
    pub signed_at: Option<(u64, bool)>,
    /// The jurisdiction named by the caller.
    pub jurisdiction: Option<String>,
    /// All twelve results in the order of [`Check::ALL`].
    pub checks: Vec<CheckResult>,
    /// The state it rests on.
    pub trust: Option<Trust>,
    /// Codes worth a second look.
    pub warnings: Vec<&'static str>,
    /// The credential, if it was asked for.
    pub credential: Option<Value>,
}

impl Verdict {
    /// Whether the outcome is `verified`.
    pub fn verified(&self) -> bool {
        self.decision == Decision::Verified
    }

    /// The result of one check.
    pub fn check(&self, check: Check) -> Option<&CheckResult> {
        self.checks.iter().find(|result| result.check == check)
    }

    /// The verdict as JSON.
    pub fn to_value(&self) -> Value {
        self.members().to_value()
    }

    /// The verdict's bytes: JCS text.
    pub fn to_jcs(&self) -> String {
        self.members().to_jcs()
    }

    fn members(&self) -> Members<'_> {
        let signed_at = self.signed_at.map(|(ms, anchored)| SignedAt {
            source: if anchored { "anchor" } else { "asserted" },
            time: rfc3339(ms),
        });
        let trust = self.trust.as_ref().map(|trust| TrustMembers {
            age_seconds: self.now_ms.saturating_sub(trust.time_ms) / 1_000,
            block_id: trust.block_id.to_string(),
            chain: &trust.chain,
            height: trust.height,
            sandbox: trust.sandbox,
            source: trust.source.name(),
            time: rfc3339(trust.time_ms),
        });
        Members {
            checks: self.checks.iter().map(CheckResult::members).collect(),
            credential: self.credential.as_ref(),
            credentials: None,
            form: self.form,
            issuer: self.issuer.as_deref(),
            jurisdiction: self.jurisdiction.as_deref(),
            now: rfc3339(self.now_ms),
            outcome: self.decision.name(),
            policy: self.policy.name(),
            signed_at,
            trust,
            types: &self.types,
            verdict_version: 1,
            verified: self.verified(),
            warnings: &self.warnings,
        }
    }
}

/// The members of a verdict. Here and below they stand in canonical order, so that what serde writes
/// is JCS text already: a verdict is written as often as a signature is checked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    checks: Vec<CheckMembers<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<Vec<Members<'a>>>,
    form: Option<&'static str>,
    issuer: Option<&'a str>,
    jurisdiction: Option<&'a str>,
    now: String,
    outcome: &'static str,
    policy: &'static str,
    signed_at: Option<SignedAt>,
    trust: Option<TrustMembers<'a>>,
    types: &'a [String],
    verdict_version: u64,
    verified: bool,
    warnings: &'a [&'static str],
}

#[derive(Serialize)]
struct CheckMembers<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    also: &'a [&'static str],
    code: &'static str,
    #[serde(skip_serializing_if = "Value::is_null")]
    detail: &'a Value,
    name: &'static str,
    required: bool,
    result: &'static str,
}

#[derive(Serialize)]
struct SignedAt {
    source: &'static str,
    time: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TrustMembers<'a> {
    age_seconds: u64,
    block_id: String,
    chain: &'a str,
    height: u64,
    sandbox: bool,
    source: &'static str,
    time: String,
}

/// Why writing cannot fail: the names of members are texts, and memory takes all.
const WRITES: &str = "a verdict is JSON";

impl Members<'_> {
    fn to_value(&self) -> Value {
        serde_json::to_value(self).expect(WRITES)
    }

    fn to_jcs(&self) -> String {
        // a credential may hold fractions, and names that UTF-16 orders in another way
        if self.holds_credential() {
            return canonical(&self.to_value());
        }
        serde_json::to_string(self).expect(WRITES)
    }

    fn holds_credential(&self) -> bool {
        let within = |all: &Vec<Self>| all.iter().any(Self::holds_credential);
        self.credential.is_some() || self.credentials.as_ref().is_some_and(within)
    }
}

/// The pointer of a fault, cut to the part that repeats no member names but known ones: a name may
/// be a claim that somebody smuggled in.
pub(crate) fn pointer_detail(document: &Map<String, Value>, pointer: &str) -> Value {
    let top = pointer.split('/').nth(1).unwrap_or_default();
    if pointer.is_empty() || !document.contains_key(top) || pointer.len() > 256 {
        return Value::Null;
    }
    json!({"pointer": pointer})
}
