//! Presentations: the holder's signature, then every credential on its own (vc.md §1 rule c).
//!
//! Invariant: a presentation is verified only if its holder check passes and every credential in it
//! is verified. Its one verdict names all twelve checks: `syntax`, `proof`, `issuerKey` and `holder`
//! are its own and its credentials' worst, the others are the worst of its credentials.

use std::cell::Cell;

use serde_json::{Value, json};
use titian_contracts::access::Purpose as KeyPurpose;

use super::holder::{confirmation, holder_key};
use super::run::Run;
use super::{Asked, Binding, Request, complete, judge};
use crate::codes::{Fault, Outcome, is_of};
use crate::form::{self, Model, Reading, Securing};
use crate::key::PublicKey;
use crate::proof::{Proof, Purpose};
use crate::rdf::Work;
use crate::sd_jwt::SdJwt;
use crate::snapshot::Snapshot;
use crate::verdict::{Check, CheckResult, Decision, Policy, PresentationVerdict, Verdict};
use crate::{guard, model, presentation};

/// Verifies a presentation in any form. An SD-JWT with key binding is a presentation of one
/// credential.
pub fn verify_presentation(
    input: &[u8],
    request: &Request,
    snapshot: Option<&dyn Snapshot>,
    now_ms: u64,
) -> PresentationVerdict {
    let (reading, work) = (form::read(input), Work::default());
    if let Ok(Reading { securing: Securing::SdJwt(..), .. }) = &reading
        && !reading.as_ref().is_ok_and(Reading::is_presentation)
    {
        let request = Request { binding: Binding::Required, ..request.clone() };
        let verdict = judge(&reading, &request, snapshot, now_ms, &work);
        return PresentationVerdict { whole: verdict.clone(), credentials: vec![verdict] };
    }
    let asked = snapshot.map(|inner| Asked { inner, asked: Cell::new(false) });
    let view = asked.as_ref().map(|asked| asked as &dyn Snapshot);
    let mut run = Run::new(request, view, now_ms, &work);
    let (own, credentials) = match &reading {
        Err(fault) => (vec![CheckResult::new(Check::Syntax, fault.code)], Vec::new()),
        Ok(reading) if !reading.is_presentation() => {
            (vec![CheckResult::new(Check::Syntax, "FORM_UNKNOWN")], Vec::new())
        }
        Ok(reading) => {
            let (own, holder) = run.presentation(reading);
            if let Some(result) = own.iter().find(|result| result.check == Check::Holder) {
                run.warn_of_copies(result);
            }
            let verdicts = each(reading, request, (snapshot, now_ms, &work), holder.as_ref());
            (own, verdicts)
        }
    };
    run.age_of_state(asked.as_ref().is_some_and(|asked| asked.asked.get()));
    let (state, warnings, _) = run.finish();
    let results = merge(own, state, &credentials, request);
    let checks = complete(results, request, true);
    let reading = reading.as_ref().ok();
    let holder = reading.and_then(|reading| presentation::holder(&reading.document));
    let trust = credentials
        .iter()
        .find_map(|verdict| verdict.trust.clone())
        .or_else(|| asked.filter(|asked| asked.asked.get()).map(|asked| asked.trust().clone()));
    let whole = Verdict {
        decision: Decision::of(&checks),
        policy: request.policy,
        form: reading.and_then(|reading| reading.form),
        now_ms,
        issuer: holder.map(str::to_owned),
        types: reading
            .map(|reading| reading.types().into_iter().map(str::to_owned).collect())
            .unwrap_or_default(),
        signed_at: None,
        jurisdiction: request.jurisdiction.clone(),
        checks,
        trust,
        warnings: all_warnings(warnings, &credentials),
        credential: reading
            .filter(|_| request.return_credential)
            .map(|reading| Value::Object(reading.document.clone())),
    };
    PresentationVerdict { whole, credentials }
}

fn all_warnings(own: Vec<&'static str>, credentials: &[Verdict]) -> Vec<&'static str> {
    let mut all = own;
    for warning in credentials.iter().flat_map(|verdict| &verdict.warnings) {
        if !all.contains(warning) {
            all.push(warning);
        }
    }
    all
}

/// Each credential's verdict. A binding is asked of the presentation, not of what is in it.
fn each(
    reading: &Reading,
    request: &Request,
    (snapshot, now_ms, work): (Option<&dyn Snapshot>, u64, &Work),
    holder: Option<&Holder>,
) -> Vec<Verdict> {
    let binding = Binding::Unshown;
    let mut inner = Request { challenge: None, domain: None, binding, ..request.clone() };
    inner.require.retain(|check| *check != Check::Holder);
    presentation::credentials(&reading.document)
        .iter()
        .take(presentation::CREDENTIALS_MAX)
        .map(|credential| {
            let read = form::read_json(credential.clone());
            let bare = read.as_ref().is_ok_and(|inner| {
                inner.securing == Securing::Embedded && !inner.document.contains_key("proof")
            });
            if bare {
                let holder = holder.map(|holder| holder.did.as_str());
                return unsecured(reading, read, &inner, holder, (snapshot, now_ms, work));
            }
            let mut verdict = judge(&read, &inner, snapshot, now_ms, work);
            let shown = read.as_ref().ok().zip(holder);
            if shown.is_some_and(|(read, holder)| is_bound_elsewhere(read, holder)) {
                fail(&mut verdict, CheckResult::new(Check::Holder, "KEY_BINDING_MISSING"));
            } else if request.subject_is_holder
                && !shown.is_some_and(|(read, holder)| subjects_are(read, holder))
            {
                fail(&mut verdict, CheckResult::new(Check::Holder, "SUBJECT_NOT_HOLDER"));
            }
            verdict
        })
        .collect()
}

/// Whether a credential is bound to another key than the one that signed the presentation: its own
/// key binding, if it has one, was made for somebody else.
fn is_bound_elsewhere(reading: &Reading, holder: &Holder) -> bool {
    confirmation(reading).is_some() && holder_key(reading).as_ref() != Some(&holder.key)
}

/// Whether a credential that is not bound elsewhere is about the holder. One without any subject
/// is so by its key alone.
fn subjects_are(reading: &Reading, holder: &Holder) -> bool {
    let subjects = reading.document.get("credentialSubject").map(model::items).unwrap_or_default();
    let subject = reading.document.get("sub").map(Value::as_str);
    let ids: Vec<Option<&str>> = subjects.iter().map(model::id_of).chain(subject).collect();
    let bound = reading.model == Model::SdJwtVc && confirmation(reading).is_some();
    (bound || !ids.is_empty()) && ids.iter().all(|id| *id == Some(holder.did.as_str()))
}

/// A credential without proof: refused, but for what a holder says of itself under `w3c`.
fn unsecured(
    presentation: &Reading,
    read: Result<Reading, Fault>,
    request: &Request,
    holder: Option<&str>,
    (snapshot, now_ms, work): (Option<&dyn Snapshot>, u64, &Work),
) -> Verdict {
    let issuer = read.as_ref().ok().and_then(Reading::issuer).map(str::to_owned);
    let self_asserted = request.policy == Policy::W3c
        && presentation.securing == Securing::Embedded
        && issuer.is_some()
        && issuer.as_deref() == holder;
    let mut verdict = judge(&read, request, snapshot, now_ms, work);
    if self_asserted {
        for result in &mut verdict.checks {
            if matches!(result.check, Check::Proof | Check::IssuerKey) {
                // the presentation's own signature stands for it
                let required = result.required;
                *result = CheckResult::new(result.check, "POLICY_EXCLUDED");
                result.required = required;
            }
        }
        verdict.decision = Decision::of(&verdict.checks);
        return verdict;
    }
    fail(&mut verdict, CheckResult::new(Check::Syntax, "UNSECURED_CREDENTIAL"));
    verdict
}

fn fail(verdict: &mut Verdict, result: CheckResult) {
    for slot in &mut verdict.checks {
        if slot.check == result.check {
            let required = slot.required;
            *slot = CheckResult { required, ..result.clone() };
        }
    }
    verdict.decision = Decision::of(&verdict.checks);
}

/// The worst of the presentation's own results and its credentials', check by check.
fn merge(
    own: Vec<CheckResult>,
    state: Vec<CheckResult>,
    credentials: &[Verdict],
    request: &Request,
) -> Vec<CheckResult> {
    let mut results = Vec::new();
    for check in Check::ALL {
        let mut findings: Vec<(&'static str, Value)> = Vec::new();
        for result in own.iter().filter(|result| result.check == check) {
            findings.push((result.code, result.detail.clone()));
            findings.extend(result.also.iter().map(|code| (*code, Value::Null)));
        }
        for (i, verdict) in credentials.iter().enumerate() {
            for result in verdict.checks.iter().filter(|result| result.check == check) {
                // that a credential alone is no presentation says nothing of this one
                if check == Check::Holder && result.outcome == Outcome::NotApplicable {
                    continue;
                }
                findings.push((result.code, json!({"credential": i})));
            }
        }
        if credentials.is_empty() {
            findings.extend(
                state.iter().filter(|r| r.check == check).map(|r| (r.code, r.detail.clone())),
            );
            // without credentials there is nothing else to check; only `ledger` asks for more
            if findings.is_empty() && !own.is_empty() && request.policy != Policy::Ledger {
                findings.push(("POLICY_EXCLUDED", Value::Null));
            }
        }
        let mut result = CheckResult::worst(check, findings.clone());
        if findings.is_empty() {
            continue;
        }
        if result.outcome == Outcome::Pass {
            result.detail = Value::Null;
        }
        results.push(result);
    }
    results
}

/// Who signed a presentation.
struct Holder {
    did: String,
    key: PublicKey,
}

/// A fault of the presentation's own signature or key, under the check that every policy asks for:
/// `signature` leaves the holder out, and a forged presentation shall not pass for it.
fn own_signature(code: &'static str) -> Option<CheckResult> {
    if is_of("proof", code) {
        return Some(CheckResult::new(Check::Proof, code));
    }
    let code = if code == "HOLDER_MISMATCH" { "ISSUER_MISMATCH" } else { code };
    is_of("issuerKey", code).then(|| CheckResult::new(Check::IssuerKey, code))
}

impl Run<'_> {
    /// The presentation's own checks, and the holder that its signature shows.
    fn presentation(&self, reading: &Reading) -> (Vec<CheckResult>, Option<Holder>) {
        let syntax = match self.presentation_syntax(reading) {
            Ok(()) => CheckResult::new(Check::Syntax, "OK"),
            Err(fault) => CheckResult::new(Check::Syntax, fault.code),
        };
        let stated = presentation::holder(&reading.document).map(str::to_owned);
        let signer = stated.clone().or_else(|| {
            let (token, _) = reading.token()?;
            token.payload.get("iss").and_then(Value::as_str).map(str::to_owned)
        });
        let signer = signer.unwrap_or_default();
        let proofs = self.signatures(reading, &signer, Purpose::Authentication);
        let (code, holder) = match &proofs {
            Err(fault) => (fault.code, None),
            Ok(proofs) => self.judge_holder(reading, proofs, &stated),
        };
        let mut own = vec![syntax, CheckResult::new(Check::Holder, code)];
        own.extend(own_signature(code));
        if let Securing::SdJwt(token, _, fault) = &reading.securing {
            own.extend(fault.iter().map(|fault| CheckResult::new(Check::Proof, fault.code)));
            own.extend(self.further_binding(reading, token));
        }
        (own, holder)
    }

    /// A `vp+sd-jwt` needs no key binding, as its holder signs it; one that is there must hold, as
    /// every signature must.
    fn further_binding(&self, reading: &Reading, token: &SdJwt) -> Vec<CheckResult> {
        let Some(binding) = &token.key_binding else { return Vec::new() };
        let code = self.judge_binding(reading, token, binding);
        let of_proof = Self::binding_fault(reading, code);
        let of_proof = of_proof.map(|code| CheckResult::new(Check::Proof, code));
        [CheckResult::new(Check::Holder, code)].into_iter().chain(of_proof).collect()
    }

    fn presentation_syntax(&self, reading: &Reading) -> Result<(), Fault> {
        presentation::check(&reading.document)?;
        if let Some((token, _)) = reading.token() {
            reading.check_payload()?;
            token.key_id("")?;
        }
        let strict = self.request.policy == Policy::Ledger;
        if reading.securing == Securing::Embedded || strict {
            presentation::guard(&reading.document, self.contexts())?;
        }
        if reading.securing == Securing::Embedded {
            let context = reading.document.get("@context").unwrap_or(&Value::Null);
            let proofs = reading.document.get("proof").map(model::items).unwrap_or_default();
            for (i, proof) in proofs.iter().enumerate() {
                if let Some(members) = proof.as_object() {
                    let at = format!("/proof/{i}");
                    guard::check_proof(members, context, self.contexts(), &at)?;
                }
            }
        }
        Ok(())
    }

    fn judge_holder(
        &self,
        reading: &Reading,
        proofs: &[Proof],
        stated: &Option<String>,
    ) -> (&'static str, Option<Holder>) {
        let token = reading.token().is_some();
        let mut holder = None;
        for proof in proofs {
            let found = match self.find_key(proof) {
                Ok(found) => found,
                Err(code) => return (code, None),
            };
            if let Err(code) = found.verify(proof) {
                return (code, None);
            }
            let t_ms = proof.created_ms.unwrap_or(self.now_ms);
            if !found.may_present {
                return ("KEY_NOT_AUTHORISED", None);
            }
            if let Err(code) = found.usable(KeyPurpose::Present, t_ms, false, self.skew_ms) {
                return (code, None);
            }
            if let Some(code) = self.expectation(proof, token) {
                return (code, None);
            }
            if stated.as_deref().is_none_or(|stated| stated == proof.did()) {
                holder = Some(Holder { did: proof.did().to_owned(), key: found.key });
            }
        }
        let iss = reading.token().and_then(|(token, _)| token.payload.get("iss"));
        let did = holder.as_ref().map(|holder| holder.did.as_str());
        let named = iss.is_none_or(|iss| iss.as_str() == did);
        match holder {
            Some(holder) if named => ("OK", Some(holder)),
            _ => ("HOLDER_MISMATCH", None),
        }
    }

    /// What the caller expects a proof to state, and it does not.
    fn expectation(&self, proof: &Proof, token: bool) -> Option<&'static str> {
        let (challenge, domain) = (&self.request.challenge, &self.request.domain);
        if self.request.replayed {
            return Some("CHALLENGE_REPLAYED");
        }
        if challenge.is_some() && proof.challenge != *challenge {
            return Some(if token { "NONCE_MISMATCH" } else { "CHALLENGE_MISMATCH" });
        }
        if domain.as_ref().is_some_and(|domain| !proof.domains.contains(domain)) {
            return Some(if token { "AUDIENCE_MISMATCH" } else { "DOMAIN_MISMATCH" });
        }
        None
    }
}
