//! Verification: input, request, snapshot and time in, verdict out (vc.md §7).
//!
//! Invariant: pure; the same inputs give the same bytes. Checks run in the documented order; a
//! check that cannot be evaluated is `NOT_REACHED`, which is unknown, never a pass.
//!
//! - this file: request, entrances, which checks count;
//! - `run`: one credential through its checks; `keys`: signatures and keys; `content`: syntax,
//!   resources, validity; `register`: type, schema, accreditation, recognition, age of the state;
//!   `entries`: status; `holder`: key binding; `shown`: presentations; `supplied`: what the caller
//!   hands over.

mod content;
mod entries;
mod holder;
mod keys;
mod register;
mod run;
mod shown;
mod supplied;

use std::cell::Cell;

use titian_contracts::state::Stored;

use crate::did::method::WebCache;
use crate::form::{self, Reading};
use crate::rdf::Work;
use crate::snapshot::{Known, Snapshot, Trust};
use crate::verdict::{Check, CheckResult, Decision, Policy, Verdict};
use run::Run;

pub use shown::verify_presentation;
pub use supplied::{Supplied, SuppliedList, SupplyError};

/// Default clock skew.
pub const SKEW_MS: i64 = 60_000;
/// Largest clock skew a caller may ask for.
pub const SKEW_MS_MAX: i64 = titian_contracts::limits::SKEW_MS_MAX;
/// How old live state may be.
pub const LIVE_AGE_MS_MAX: u64 = 60_000;
/// How old a bundle may be.
pub const BUNDLE_AGE_MS_MAX: u64 = 86_400_000;
/// How old a key binding may be.
pub const BINDING_AGE_MS_MAX: i64 = 300_000;

/// What the caller asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which checks are required.
    pub policy: Policy,
    /// The state in which the credential shall count.
    pub jurisdiction: Option<String>,
    /// Further checks to require; they are then evaluated.
    pub require: Vec<Check>,
    /// How old trust facts may be, ms; `None` = the default of the source.
    pub max_age_ms: Option<u64>,
    /// Clock skew, ms; cut to 0..=[`SKEW_MS_MAX`]. It widens every comparison with a time that
    /// others state.
    pub skew_ms: i64,
    /// Whether the verdict carries the credential.
    pub return_credential: bool,
    /// What the holder was asked to sign: `challenge` or `nonce`. Absence then fails.
    pub challenge: Option<String>,
    /// Whether `challenge` counts no more: used before, expired, or not the verifier's. The holder
    /// check then fails with `CHALLENGE_REPLAYED`.
    pub replayed: bool,
    /// Who asked: `domain` or `aud`. Absence then fails.
    pub domain: Option<String>,
    /// Whether a key binding must come with the credential.
    pub binding: Binding,
    /// Whether the holder must be the subject.
    pub subject_is_holder: bool,
    /// What the caller has at hand besides the ledger.
    pub supplied: Supplied,
}

/// When a credential must come with the binding to its holder's key (vc-api.md A§2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Under policy `ledger` where its type says so.
    OfType,
    /// Always.
    Required,
    /// Never, as nobody shows it on its own: its issuer is about to hand it over, or it stands in a
    /// presentation, whose signature is compared. What its type binds must name a key all the same.
    Unshown,
}

impl Request {
    /// A request under `policy` with the documented defaults.
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            jurisdiction: None,
            require: Vec::new(),
            max_age_ms: None,
            skew_ms: SKEW_MS,
            return_credential: false,
            challenge: None,
            replayed: false,
            domain: None,
            binding: Binding::OfType,
            subject_is_holder: false,
            supplied: Supplied {
                receipts: Vec::new(),
                did_web: WebCache::new(),
                lists: Vec::new(),
                resources: Vec::new(),
            },
        }
    }
}

/// Notes whether the ledger was asked at all.
struct Asked<'a> {
    inner: &'a dyn Snapshot,
    asked: Cell<bool>,
}

impl Snapshot for Asked<'_> {
    fn get(&self, key: &[u8]) -> Known<Option<Stored>> {
        self.asked.set(true);
        // nothing of a bundle counts before its proof holds
        match self.inner.trust().proof_code {
            "OK" | "LOCAL_STATE" => self.inner.get(key),
            _ => Known::Unknown,
        }
    }

    fn trust(&self) -> &Trust {
        self.inner.trust()
    }
}

/// Verifies the text of a credential in any form. `snapshot` is the ledger as far as it is at
/// hand. A presentation is `FORM_UNKNOWN` here: [`verify_presentation`].
pub fn verify(
    input: &[u8],
    request: &Request,
    snapshot: Option<&dyn Snapshot>,
    now_ms: u64,
) -> Verdict {
    let reading = form::read(input);
    judge(&reading, request, snapshot, now_ms, &Work::default())
}

/// Whether a text is a presentation: then [`verify_presentation`] is the entrance.
pub fn is_presentation(input: &[u8]) -> bool {
    form::read(input).is_ok_and(|reading| reading.is_presentation())
}

fn judge(
    reading: &Result<Reading, crate::codes::Fault>,
    request: &Request,
    snapshot: Option<&dyn Snapshot>,
    now_ms: u64,
    work: &Work,
) -> Verdict {
    let asked = snapshot.map(|inner| Asked { inner, asked: Cell::new(false) });
    let view = asked.as_ref().map(|asked| asked as &dyn Snapshot);
    let mut run = Run::new(request, view, now_ms, work);
    match reading {
        Err(fault) => run.add(CheckResult::new(Check::Syntax, fault.code)),
        Ok(reading) => run.credential(reading),
    }
    run.age_of_state(asked.as_ref().is_some_and(|asked| asked.asked.get()));
    let reading = reading.as_ref().ok();
    let credential =
        reading.filter(|_| request.return_credential).map(|reading| run.shown_document(reading));
    let (results, warnings, signed_at) = run.finish();
    let checks = complete(results, request, false);
    Verdict {
        decision: Decision::of(&checks),
        policy: request.policy,
        form: reading.and_then(|reading| reading.form),
        now_ms,
        issuer: reading.and_then(Reading::issuer).map(str::to_owned),
        types: reading
            .map(|reading| reading.types().into_iter().map(str::to_owned).collect())
            .unwrap_or_default(),
        signed_at,
        jurisdiction: request.jurisdiction.clone(),
        checks,
        trust: asked.filter(|asked| asked.asked.get()).map(|asked| asked.trust().clone()),
        warnings,
        credential,
    }
}

/// All twelve results in order: what was not evaluated, what the policy leaves out, and which are
/// required. `presented` adds the holder check.
fn complete(results: Vec<CheckResult>, request: &Request, presented: bool) -> Vec<CheckResult> {
    let complete = |check: Check| {
        let asked_for = request.require.contains(&check)
            || (check == Check::Recognition && request.jurisdiction.is_some())
            || (check == Check::Holder && (presented || binding_wanted(request)));
        let required = request.policy.requires(check) || asked_for;
        let mut result = results
            .iter()
            .find(|result| result.check == check)
            .cloned()
            .unwrap_or_else(|| CheckResult::new(check, "NOT_REACHED"));
        if excluded(request, check) {
            result = CheckResult::new(check, "POLICY_EXCLUDED");
        }
        result.required |= required;
        result
    };
    Check::ALL.into_iter().map(complete).collect()
}

/// Whether the caller asked for a binding to the holder. Whoever requires the check does: "not a
/// presentation" would not be what was asked for.
fn binding_wanted(request: &Request) -> bool {
    request.binding == Binding::Required
        || request.challenge.is_some()
        || request.domain.is_some()
        || request.require.contains(&Check::Holder)
}

fn excluded(request: &Request, check: Check) -> bool {
    if request.require.contains(&check) {
        return false;
    }
    match request.policy {
        Policy::Ledger => false,
        Policy::W3c => match check {
            Check::Recognition => request.jurisdiction.is_none(),
            other => other == Check::Accreditation,
        },
        // a binding that the caller asked for is never left out
        Policy::Signature => {
            let wanted = check == Check::Holder && binding_wanted(request);
            !(request.policy.requires(check) || wanted)
        }
    }
}
