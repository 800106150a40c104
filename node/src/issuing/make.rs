//! A request to secured credentials (vc.md §1, §5.3).
//!
//! Invariant: every form is judged as a verifier of the instance's policy would judge it, and refused
//! with that verifier's code, before anything is kept; only the period is left aside, because a
//! credential may be issued ahead of it. Nothing but status entries, `iat`, `cnf` and proofs is
//! filled in.

use serde_json::{Map, Value, json};
use titian_api::Refusal;
use titian_api::vc_issue::IssueParams;
use titian_contracts::credential::Profile;
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::state::{Overlay, Reader};
use titian_contracts::time::rfc3339;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record;
use titian_credential::codes::{Fault, Outcome};
use titian_credential::contexts::Contexts;
use titian_credential::json::canonical;
use titian_credential::sd_jwt::metadata;
use titian_credential::snapshot::{Live, Snapshot as _};
use titian_credential::verdict::{Check, Policy};
use titian_credential::verify::{self, Binding, Request};
use titian_credential::{anchor, form, jwt, model, proof, registration, sd_jwt, sd_jwt_vc, time};

use super::kinds::{Kind, kind_of, kind_of_claims};
use super::request::{Wanted, invalid};
use super::slots::{Need, Slots};
use super::{Form, Instance, Issuing, refused};
use crate::custody::record::{Entry, Secured};
use crate::custody::seal;

type Object = Map<String, Value>;

const DAY_MS: u64 = 86_400_000;

/// What was made, not yet kept.
#[derive(Debug)]
pub struct Made {
    /// The most specific type.
    pub type_name: String,
    /// Every form and copy.
    pub secured: Vec<Secured>,
    /// Every entry, copy by copy.
    pub entries: Vec<Entry>,
    /// Where they stand in credentials, in the same order.
    pub addresses: Vec<String>,
    /// Holds the entries until they are kept.
    pub slots: Vec<Slots>,
    /// Leaves to anchor: which secured form, and the leaf.
    pub leaves: Vec<(u32, Digest)>,
}

/// The ledger as issuing reads it.
pub struct Ledger<'a> {
    /// For the verifier.
    pub live: &'a Live<'a>,
    /// For the rules.
    pub reader: &'a dyn Reader,
    /// Wall clock, ms.
    pub now_ms: u64,
}

impl std::fmt::Debug for Ledger<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("live", &self.live).finish_non_exhaustive()
    }
}

fn of_fault(fault: &Fault) -> Refusal {
    refused(fault.code, &fault.pointer)
}

/// Makes every form. Errors: `FORBIDDEN` for a type that the instance does not list, those of
/// [`Issuing::allocate`], and the code of the verifier that would refuse it.
pub fn make(
    issuing: &Issuing,
    instance: &Instance,
    wanted: &Wanted<'_>,
    ledger: &Ledger<'_>,
) -> Result<Made, Refusal> {
    let state = Overlay::new(ledger.reader);
    if let Some(credential) = &wanted.params.credential {
        model::check(credential).map_err(|fault| of_fault(&fault))?;
    }
    if let Some(claims) = &wanted.params.claims {
        sd_jwt_vc::check(claims).map_err(|fault| of_fault(&fault))?;
    }
    let kind = kind_of(wanted.params, &state, instance);
    check_extract(wanted.params, &kind, &state)?;
    // what follows looks at one type: its settings, period, profiles and personal members
    let claimed = wanted.params.claims.as_ref().map(|_| kind_of_claims(wanted.params, &state));
    if claimed.is_some_and(|claimed| claimed != kind) {
        return Err(invalid("/claims/vct", "names another type than the credential"));
    }
    if instance.type_settings(&kind.name).is_none() {
        let detail = "the instance states no purpose for this type";
        return Err(Refusal::new(Code::Forbidden, "/type", detail));
    }
    if kind.entry.as_ref().is_some_and(|entry| entry.deprecated) {
        return Err(Refusal::new(Code::UnknownType, "/type", "the type is deprecated"));
    }
    let until_ms = check_period(wanted.params, instance, &kind, ledger.now_ms)?;
    let created_ms = match &wanted.params.created {
        None => ledger.now_ms,
        Some(text) => time::parse(text)
            .and_then(|ms| u64::try_from(ms).ok())
            .ok_or_else(|| refused("DATE_INVALID", "/created"))?,
    };
    let maker = Maker { issuing, instance, wanted, ledger, kind, until_ms, created_ms };
    let mut made = Made {
        type_name: maker.kind.name.clone(),
        secured: Vec::new(),
        entries: Vec::new(),
        addresses: Vec::new(),
        slots: Vec::new(),
        leaves: Vec::new(),
    };
    if let Some(credential) = &wanted.params.credential {
        maker.credential(credential, &state, &mut made)?;
    }
    if let Some(claims) = &wanted.params.claims {
        maker.claims(claims, &state, &mut made)?;
    }
    if wanted.params.anchor {
        maker.leaves(&mut made)?;
    }
    Ok(made)
}

/// The extract of a business of a natural person is an SD-JWT VC only (vc-api.md A§3).
fn check_extract(params: &IssueParams, kind: &Kind, state: &Overlay<'_>) -> Result<(), Refusal> {
    let subjects = params.credential.as_ref().and_then(|credential| {
        (kind.name == registration::TYPE).then(|| credential.get("credentialSubject"))?
    });
    let of_a_person = subjects.map(model::items).unwrap_or_default().iter().any(|subject| {
        let ubin = subject.get("ubin").and_then(Value::as_str).and_then(Ubin::parse_canonical);
        let record = ubin.and_then(|ubin| record::find(state, &ubin));
        record.is_some_and(|(_, record)| record.category.is_natural_person())
    });
    if of_a_person {
        let mut refusal = refused("CRYPTOSUITE_UNSUPPORTED", "/credential");
        let detail = "a business of a natural person: claims, form dc+sd-jwt";
        refusal.data.detail = Some(detail.to_owned());
        return Err(refusal);
    }
    Ok(())
}

/// The end of the period, ms. Under policy `ledger` a credential ends, within what its type allows.
fn check_period(
    params: &IssueParams,
    instance: &Instance,
    kind: &Kind,
    now_ms: u64,
) -> Result<Option<u64>, Refusal> {
    let mut end: Option<u64> = None;
    let date = |value: Option<&Value>| {
        let ms = value.and_then(Value::as_str).and_then(time::parse)?;
        u64::try_from(ms).ok()
    };
    let seconds = |value: Option<&Value>| value.and_then(Value::as_u64)?.checked_mul(1_000);
    let bodies = [
        params
            .credential
            .as_ref()
            .map(|body| (date(body.get("validFrom")), date(body.get("validUntil")), "/validUntil")),
        params
            .claims
            .as_ref()
            .map(|body| (seconds(body.get("nbf")), seconds(body.get("exp")), "/exp")),
    ];
    for (from, until, field) in bodies.into_iter().flatten() {
        end = end.max(until);
        let Some(entry) = kind.entry.as_ref().filter(|_| instance.policy == Policy::Ledger) else {
            continue;
        };
        let longest = entry.validity_max_days.saturating_mul(DAY_MS);
        let start = from.unwrap_or(now_ms);
        if until.is_none_or(|until| until.saturating_sub(start) > longest) {
            let detail = format!("the type allows {} days at most", entry.validity_max_days);
            return Err(Refusal::new(Code::FieldLimit, field, &detail));
        }
    }
    Ok(end)
}

struct Maker<'a> {
    issuing: &'a Issuing,
    instance: &'a Instance,
    wanted: &'a Wanted<'a>,
    ledger: &'a Ledger<'a>,
    kind: Kind,
    until_ms: Option<u64>,
    created_ms: u64,
}

impl Maker<'_> {
    /// The profiles to allocate: those asked for, else those of the registered type.
    fn profiles(&self) -> Result<Vec<Profile>, Refusal> {
        let Some(names) = &self.wanted.params.status else {
            return Ok(self
                .kind
                .entry
                .as_ref()
                .map(|kind| kind.profiles.clone())
                .unwrap_or_default());
        };
        let detail = "revocation, suspension, refresh, use or token";
        let parse =
            |name: &String| Profile::parse(name).filter(|profile| *profile != Profile::Message);
        let profiles: Option<Vec<Profile>> = names.iter().map(parse).collect();
        let mut profiles = profiles.ok_or_else(|| invalid("/status", detail))?;
        profiles.sort_unstable();
        profiles.dedup();
        Ok(profiles)
    }

    fn allocate(
        &self,
        state: &Overlay<'_>,
        profile: Profile,
        count: usize,
    ) -> Result<Slots, Refusal> {
        let type_name = &self.kind.name;
        let need = Need { profile, type_name, until_ms: self.until_ms, count };
        self.issuing.allocate(state, self.instance, need)
    }

    /// The forms of VCDM: one document, one set of entries.
    fn credential(
        &self,
        credential: &Object,
        state: &Overlay<'_>,
        made: &mut Made,
    ) -> Result<(), Refusal> {
        let mut document = credential.clone();
        let given = document.get("credentialStatus").map(model::items).unwrap_or_default();
        self.check_foreign(given)?;
        let mut entries = given.to_vec();
        for profile in self.profiles()?.into_iter().filter(|profile| *profile != Profile::Token) {
            let slots = self.allocate(state, profile, 1)?;
            entries.push(slots.bitstring_entry());
            made.add(slots, 1);
        }
        if !entries.is_empty() {
            document.insert("credentialStatus".to_owned(), Value::Array(entries));
        }
        let document = Value::Object(document);
        for form in self.wanted.forms.iter().filter(|form| **form != Form::SdJwt) {
            let text = self.secure(&document, *form).map_err(|fault| of_fault(&fault))?;
            self.judge(&text)?;
            made.secured.push(Secured { form: form.name().to_owned(), text, anchor_salt: None });
        }
        Ok(())
    }

    /// Entries that the caller wrote: none under policy `ledger`, and never into a list of this
    /// node, whose entries it alone hands out.
    fn check_foreign(&self, entries: &[Value]) -> Result<(), Refusal> {
        let own = |entry: &Value| {
            let list =
                entry.get("statusListCredential").and_then(Value::as_str).unwrap_or_default();
            list.starts_with("did:ubin:") || self.issuing.local_of_url(list).is_some()
        };
        let ledger = self.instance.policy == Policy::Ledger;
        if !entries.is_empty() && (ledger || entries.iter().any(own)) {
            return Err(refused("STATUS_MALFORMED", "/credentialStatus"));
        }
        Ok(())
    }

    fn secure(&self, document: &Value, form: Form) -> Result<String, Fault> {
        let policy = self.instance.policy;
        let live = self.ledger.live;
        let contexts = Contexts {
            snapshot: Some(live),
            sandbox: live.trust().sandbox,
            inline: policy != Policy::Ledger,
        };
        let (key, method) = (self.instance.signing_key(), self.instance.method.as_str());
        let created = rfc3339(self.created_ms);
        let suite = match form {
            Form::Rdfc => proof::Suite::Rdfc,
            Form::Jwt => {
                return jwt::issue_vc(document, key, method, self.created_ms / 1_000, contexts);
            }
            _ => proof::Suite::Jcs,
        };
        let options = proof::Options {
            challenge: self.wanted.params.challenge.as_deref(),
            domain: self.wanted.params.domain.as_deref(),
            ..proof::assertion(suite, method, &created)
        };
        proof::issue(document, key, options, contexts).map(|secured| canonical(&secured))
    }

    /// SD-JWT VC: one, or one for each holder key of a batch.
    fn claims(&self, claims: &Object, state: &Overlay<'_>, made: &mut Made) -> Result<(), Refusal> {
        let params = self.wanted.params;
        let keys: Vec<Option<&Object>> = match params.copies.as_slice() {
            [] => vec![params.holder_key.as_ref()],
            copies => copies.iter().map(Some).collect(),
        };
        if claims.contains_key("status") {
            return Err(refused("STATUS_MALFORMED", "/status"));
        }
        if claims.contains_key("cnf") && keys.iter().any(Option::is_some) {
            return Err(invalid("/holderKey", "the claims have a cnf already"));
        }
        let profiles = self.profiles()?;
        // one token list tells revocation and suspension
        let needed = profiles.iter().any(|profile| {
            matches!(profile, Profile::Revocation | Profile::Suspension | Profile::Token)
        });
        let slots =
            if needed { Some(self.allocate(state, Profile::Token, keys.len())?) } else { None };
        for (copy, key) in keys.iter().enumerate() {
            let mut claims = claims.clone();
            claims.entry("iat").or_insert_with(|| json!(self.created_ms / 1_000));
            if let Some(key) = key {
                claims.insert("cnf".to_owned(), json!({"jwk": key}));
            }
            if let Some(slots) = &slots {
                claims.insert("status".to_owned(), slots.token_claim(copy));
            }
            let text = self.secure_claims(&claims)?;
            self.judge(&text)?;
            let form = Form::SdJwt.name().to_owned();
            made.secured.push(Secured { form, text, anchor_salt: None });
        }
        if let Some(slots) = slots {
            made.add(slots, keys.len());
        }
        Ok(())
    }

    fn secure_claims(&self, claims: &Object) -> Result<String, Refusal> {
        let asked = self.wanted.params.disclose.as_slice();
        let disclose = match &self.kind.entry {
            Some(entry) => metadata::withheld(entry, self.ledger.live, claims, asked)
                .map_err(|fault| of_fault(&fault))?,
            None => asked.to_vec(),
        };
        let pointers: Vec<&str> = disclose.iter().map(String::as_str).collect();
        let (key, method) = (self.instance.signing_key(), self.instance.method.as_str());
        sd_jwt::issue::issue(claims, &pointers, key, method, &mut seal::random)
            .map_err(|fault| of_fault(&fault))
    }

    /// Judges a secured credential as a verifier of the instance's policy would.
    fn judge(&self, text: &str) -> Result<(), Refusal> {
        let policy = self.instance.policy;
        let request = Request { binding: Binding::Unshown, ..Request::new(policy) };
        let verdict =
            verify::verify(text.as_bytes(), &request, Some(self.ledger.live), self.ledger.now_ms);
        for check in &verdict.checks {
            // the period may lie ahead, and the age of this node's state is no fault of the body;
            // lists that others keep are not at hand
            let left_out = match check.check {
                Check::Validity | Check::Freshness => true,
                Check::Status => policy != Policy::Ledger && check.outcome == Outcome::Unknown,
                _ => false,
            };
            let fails = check.outcome == Outcome::Fail
                || (check.required && check.outcome == Outcome::Unknown);
            if fails && !left_out {
                let pointer =
                    check.detail.get("pointer").or_else(|| check.detail.pointer("/pointers/0"));
                let pointer = pointer.and_then(Value::as_str).unwrap_or_default();
                return Err(refused(check.code, pointer));
            }
        }
        Ok(())
    }

    /// A salted leaf for each secured form.
    fn leaves(&self, made: &mut Made) -> Result<(), Refusal> {
        if self.instance.party().is_none() {
            return Err(invalid("/anchor", "the issuer is not on the ledger"));
        }
        for (place, secured) in (0..).zip(&mut made.secured) {
            let reading = form::read(secured.text.as_bytes()).map_err(|fault| of_fault(&fault))?;
            let salt = seal::random();
            made.leaves.push((place, anchor::leaf(anchor::commitment(&reading), salt)));
            secured.anchor_salt = Some(salt);
        }
        Ok(())
    }
}

impl Made {
    fn add(&mut self, slots: Slots, copies: usize) {
        for copy in 0..copies {
            self.entries.push(slots.entry(copy));
            self.addresses.push(slots.address.clone());
        }
        self.slots.push(slots);
    }
}
