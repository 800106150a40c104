//! Check `status`: every status entry, on the ledger or in a signed list that the caller supplies.
//!
//! Invariant: a list that is not at hand, or no longer fresh, gives "unknown" (S15); a list counts
//! only with its owner's signature, and the owner is the issuer (S16).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use titian_contracts::credential::Profile;

use super::run::{Registered, Run};
use super::{BUNDLE_AGE_MS_MAX, Request, SuppliedList};
use crate::codes::Outcome;
use crate::form::{self, Model, Reading};
use crate::jose::Jws;
use crate::snapshot::Known;
use crate::status::signed::{self, Contents, TOKEN_TYP};
use crate::status::{self, Finding, Reference, token};
use crate::verdict::{Check, CheckResult, Policy};

/// Lists that were opened for a credential, by URL and whether as a token: a credential may name one
/// list a thousand times, and opening it is what costs.
type Opened<'a> = BTreeMap<(&'a str, bool), Result<Contents, &'static str>>;

impl Run<'_> {
    pub fn status(&mut self, reading: &Reading, registered: &Registered) -> CheckResult {
        let required = match (registered, self.request.policy) {
            (Registered::Type(entry), Policy::Ledger) => entry.profiles.as_slice(),
            _ => &[],
        };
        let references = status::references(reading);
        let issuer = reading.issuer().unwrap_or_default();
        let mut findings: Vec<Finding> = required
            .iter()
            // no value of a token list says that a newer credential is there; short validity does
            .filter(|profile| !(reading.model == Model::SdJwtVc && **profile == Profile::Refresh))
            .filter_map(|profile| {
                let code = match self.is_served(&references, *profile) {
                    Some(true) => return None,
                    Some(false) => "STATUS_REQUIRED",
                    None => "STATUS_LIST_NOT_AVAILABLE",
                };
                Some(Finding { code, detail: json!({"purpose": profile.name()}) })
            })
            .collect();
        if references.is_empty() && findings.is_empty() {
            findings.push(Finding { code: "STATUS_NONE", detail: Value::Null });
        }
        let mut opened = Opened::new();
        for reference in &references {
            findings.extend(match reference {
                Ok(reference) => self.one_entry(reference, issuer, &mut opened),
                Err(code) => Some(Finding { code, detail: Value::Null }),
            });
        }
        if findings.iter().any(|finding| finding.code == "REFRESH_ADVISED") {
            self.warn("REFRESH_ADVISED");
        }
        let findings = findings.into_iter().map(|f| (f.code, f.detail)).collect();
        CheckResult::worst(Check::Status, findings)
    }

    /// Whether one of the entries tells what lists of `profile` tell; `None` if that is not at hand.
    /// Single use shares its purpose with plain messages, so that only the ledger's list tells them
    /// apart.
    fn is_served(
        &self,
        references: &[Result<Reference, &'static str>],
        profile: Profile,
    ) -> Option<bool> {
        let mut serving = references.iter().flatten().filter(|entry| entry.serves(profile));
        if profile != Profile::Use {
            return Some(serving.next().is_some());
        }
        let mut known = true;
        for entry in serving {
            match status::ledger_profile(self.snapshot?, &entry.list) {
                Known::Known(Some(Profile::Use)) => return Some(true),
                Known::Known(_) => {}
                Known::Unknown => known = false,
            }
        }
        known.then_some(false)
    }

    fn one_entry<'s>(
        &'s self,
        reference: &Reference,
        issuer: &str,
        opened: &mut Opened<'s>,
    ) -> Option<Finding> {
        let ledger = self
            .snapshot
            .and_then(|snapshot| Some((snapshot, status::ledger_list(snapshot, &reference.list)?)));
        if let Some((snapshot, id)) = ledger {
            let finding = status::check_on_ledger(reference, &id, issuer, snapshot);
            let missing = finding.as_ref().is_some_and(|f| f.code == "STATUS_LIST_NOT_AVAILABLE");
            if !missing {
                return finding;
            }
        }
        let url = reference.list.as_str();
        let found = |code, more| Some(Finding::of_list(code, url, more));
        let supplied = self.request.supplied.lists.iter().find(|list| list.url == url);
        let Some(supplied) = supplied else {
            return found("STATUS_LIST_NOT_AVAILABLE", Value::Null);
        };
        match self.supplied_value(supplied, reference, issuer, opened) {
            Err(code) => found(code, Value::Null),
            Ok(value) => {
                let code = match profile_of(reference) {
                    Some(profile) => status::code_of(profile, value)?,
                    // whether it is a note or a certificate that was used up, only the ledger tells
                    None if value == 0 && reference.purpose == "message" => return None,
                    None => "STATUS_TYPE_UNSUPPORTED",
                };
                found(code, json!({"index": reference.index}))
            }
        }
    }

    /// The value of an entry in a supplied list. The error is a code of check `status`.
    fn supplied_value<'s>(
        &'s self,
        supplied: &'s SuppliedList,
        reference: &Reference,
        issuer: &str,
        opened: &mut Opened<'s>,
    ) -> Result<u8, &'static str> {
        let opened = opened.entry((supplied.url.as_str(), reference.token)).or_insert_with(|| {
            if reference.token {
                self.signed_token(supplied, issuer)
            } else {
                self.signed_credential(supplied, issuer)
            }
        });
        let contents = opened.as_ref().map_err(|code| *code)?;
        if contents.id != supplied.url {
            return Err("STATUS_LIST_INVALID");
        }
        let now_ms = u64::try_from(self.now_ms).unwrap_or(0);
        let age_ms = now_ms.checked_sub(supplied.fetched_ms).ok_or("STATUS_LIST_STALE")?;
        let age_max_ms = self.request.max_age_ms.unwrap_or(BUNDLE_AGE_MS_MAX);
        let skew_ms = u64::try_from(self.skew_ms).unwrap_or(0);
        let stale = age_ms > age_max_ms
            || contents.ttl_ms.is_some_and(|ttl| age_ms > ttl)
            // dated ahead, it would outlive every change that is still to come
            || contents.from_ms.is_some_and(|from| from > now_ms.saturating_add(skew_ms))
            || contents.until_ms.is_some_and(|until| now_ms > until.saturating_add(skew_ms));
        if stale {
            return Err("STATUS_LIST_STALE");
        }
        if reference.token {
            let size = contents.size.unwrap_or_default();
            return token::entry_of(&contents.bytes, size, reference.index);
        }
        if !contents.purposes.contains(&reference.purpose) {
            return Err("STATUS_PURPOSE_MISMATCH");
        }
        status::entry_of(&contents.bytes, reference.size.unwrap_or(1), reference.index)
    }

    /// A status list token, signed by the issuer of the credential.
    fn signed_token(&self, list: &SuppliedList, issuer: &str) -> Result<Contents, &'static str> {
        let token = Jws::parse(list.text.trim()).map_err(|_| "STATUS_LIST_INVALID")?;
        if token.payload.get("iss").is_some_and(|iss| iss.as_str() != Some(issuer)) {
            return Err("STATUS_LIST_INVALID");
        }
        // its end makes it stale, not false
        let proof = self
            .token_signature(&token, TOKEN_TYP, issuer, false)
            .map_err(|_| "STATUS_LIST_INVALID")?;
        let good = proof.did() == issuer
            && self.find_key(&proof).is_ok_and(|found| {
                let t_ms = proof.created_ms.unwrap_or(self.now_ms);
                let purpose = titian_contracts::access::Purpose::Assert;
                found.authorised
                    && found.usable(purpose, t_ms, false, self.skew_ms).is_ok()
                    && found.verify(&proof).is_ok()
            });
        if good { signed::token_contents(&token.payload) } else { Err("STATUS_LIST_INVALID") }
    }

    /// A BitstringStatusListCredential in any form, issued by the issuer of the credential.
    fn signed_credential(
        &self,
        list: &SuppliedList,
        issuer: &str,
    ) -> Result<Contents, &'static str> {
        let reading = form::read(list.text.as_bytes()).map_err(|_| "STATUS_LIST_INVALID")?;
        if reading.issuer() != Some(issuer) || reading.is_presentation() {
            return Err("STATUS_LIST_INVALID");
        }
        let good = self.is_signed(&reading);
        if good {
            signed::bitstring_contents(&reading.document)
        } else {
            Err("STATUS_LIST_INVALID")
        }
    }

    /// Whether a document that this verdict rests on is sound and signed by its own issuer.
    pub fn is_signed(&self, reading: &Reading) -> bool {
        let request = Request {
            skew_ms: self.request.skew_ms,
            supplied: super::Supplied {
                did_web: self.request.supplied.did_web.clone(),
                ..super::Supplied::default()
            },
            ..Request::new(Policy::Signature)
        };
        let now_ms = u64::try_from(self.now_ms).unwrap_or(0);
        let mut run = Run::new(&request, self.snapshot, now_ms, self.work);
        let syntax = run.syntax(reading);
        run.proofs(reading);
        let (results, ..) = run.finish();
        syntax.outcome == Outcome::Pass
            && results.len() == 2
            && results.iter().all(|result| result.outcome == Outcome::Pass)
    }
}

/// The profile whose values a supplied entry has; `None` if they cannot be told.
fn profile_of(reference: &Reference) -> Option<Profile> {
    if reference.token {
        return Some(Profile::Token);
    }
    match (reference.purpose.as_str(), reference.size) {
        ("revocation", Some(1)) => Some(Profile::Revocation),
        ("suspension", Some(1)) => Some(Profile::Suspension),
        ("refresh", Some(1)) => Some(Profile::Refresh),
        _ => None,
    }
}
