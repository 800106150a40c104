//! The verdict: one outcome, one code per check, and what it rests on (vc.md §7).
//!
//! Invariant: `verified` holds only if no evaluated check failed and no required one is unknown.
//! The bytes are the JCS text, equal in node, command line and tests. No claim is copied into it.

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

    fn to_value(&self) -> Value {
        let mut value = json!({
            "name": self.check.name(), "result": self.outcome.name(), "code": self.code,
            "required": self.required,
        });
        if let Some(members) = value.as_object_mut() {
            if !self.detail.is_null() {
                members.insert("detail".to_owned(), self.detail.clone());
            }
            if !self.also.is_empty() {
                members.insert("also".to_owned(), json!(self.also));
            }
        }
        value
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
        let mut value = self.whole.to_value();
        if let Some(members) = value.as_object_mut() {
            let credentials = self.credentials.iter().map(Verdict::to_value).collect();
            members.insert("credentials".to_owned(), Value::Array(credentials));
        }
        value
    }

    /// The verdict's bytes: JCS text.
    pub fn to_jcs(&self) -> String {
        canonical(&self.to_value())
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
        let signed_at = self.signed_at.map(|(ms, anchored)| {
            let source = if anchored { "anchor" } else { "asserted" };
            json!({"time": rfc3339(ms), "source": source})
        });
        let trust = self.trust.as_ref().map(|trust| {
            json!({
                "chain": trust.chain, "sandbox": trust.sandbox, "height": trust.height,
                "blockId": trust.block_id.to_string(), "time": rfc3339(trust.time_ms),
                "ageSeconds": self.now_ms.saturating_sub(trust.time_ms) / 1_000,
                "source": trust.source.name(),
            })
        });
        let checks: Vec<Value> = self.checks.iter().map(CheckResult::to_value).collect();
        let mut members = Map::new();
        for (name, value) in [
            ("verdictVersion", json!(1)),
            ("verified", json!(self.verified())),
            ("outcome", json!(self.decision.name())),
            ("policy", json!(self.policy.name())),
            ("form", json!(self.form)),
            ("now", json!(rfc3339(self.now_ms))),
            ("issuer", json!(self.issuer)),
            ("types", json!(self.types)),
            ("signedAt", json!(signed_at)),
            ("jurisdiction", json!(self.jurisdiction)),
            ("checks", Value::Array(checks)),
            ("trust", json!(trust)),
            ("warnings", json!(self.warnings)),
        ] {
            members.insert(name.to_owned(), value);
        }
        if let Some(credential) = &self.credential {
            members.insert("credential".to_owned(), credential.clone());
        }
        Value::Object(members)
    }

    /// The verdict's bytes: JCS text.
    pub fn to_jcs(&self) -> String {
        canonical(&self.to_value())
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
