//! Drafts to secured credentials in the four forms, and the check that a verifier takes them.
//!
//! Invariant: nothing leaves that a verifier would refuse under the rules of the ledger; the one
//! exception is its period, which may lie ahead or behind.

use rand::RngCore as _;
use serde_json::{Value as Json, json};
use titian_contracts::time::rfc3339;
use titian_credential::codes::Outcome;
use titian_credential::contexts::Contexts;
use titian_credential::json::canonical;
use titian_credential::key::PublicKey;
use titian_credential::proof::{self, Suite, assertion};
use titian_credential::sd_jwt::metadata;
use titian_credential::snapshot::Snapshot;
use titian_credential::status::entry::{bitstring_entry, token_claim};
use titian_credential::verdict::{Check, Policy};
use titian_credential::verify::{Binding, Request, verify};
use titian_credential::{jwt, sd_jwt};

use super::draft::Draft;
use super::refused;
use super::slots::Drawn;
use crate::error::{CommandError, Kind, Result};
use crate::wallet::WalletKey;

/// A form that this program issues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// Embedded proof over canonical JSON
    #[value(name = "eddsa-jcs-2022")]
    Jcs,
    /// Embedded proof over canonical statements
    #[value(name = "eddsa-rdfc-2022")]
    Rdfc,
    /// Signed token
    #[value(name = "vc+jwt")]
    Jwt,
    /// Token with selective disclosure
    #[value(name = "dc+sd-jwt")]
    SdJwt,
}

impl Form {
    /// The name in verdicts.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Jcs => "eddsa-jcs-2022",
            Self::Rdfc => "eddsa-rdfc-2022",
            Self::Jwt => "vc+jwt",
            Self::SdJwt => "dc+sd-jwt",
        }
    }

    /// The end of a file's name, where several are written.
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Jcs => "json",
            Self::Rdfc => "rdfc.json",
            Self::Jwt => "jwt",
            Self::SdJwt => "sdjwt",
        }
    }
}

/// Who signs, when, and what is known of the ledger.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    /// Keys of the issuer; more than one makes a proof set.
    pub keys: &'a [&'a WalletKey],
    /// Proven state.
    pub facts: &'a dyn Snapshot,
    /// The time that signatures state, ms.
    pub signed_ms: u64,
    /// Now, ms.
    pub now_ms: u64,
}

impl Desk<'_> {
    /// Secures a draft in one form, as verifiers take it.
    pub fn secure(
        &self,
        draft: &Draft,
        form: Form,
        drawn: &[Drawn],
        holder: Option<&PublicKey>,
        disclose: &[String],
    ) -> Result<String> {
        let text = match form {
            Form::SdJwt => self.sd_jwt(draft, drawn, holder, disclose)?,
            form => self.sign(draft, form, drawn)?,
        };
        let checked = self.check(&text);
        if form == Form::SdJwt && holder.is_none() && draft.entry.key_binding {
            let hint = "the type binds to a key of its holder: --holder names it";
            return checked.map(|()| text).map_err(|error| error.hint(hint));
        }
        checked.map(|()| text)
    }

    /// Signs a draft in a form of VCDM. The same draft, entries, keys and time give the same text:
    /// signatures are deterministic (RFC 8032, RFC 6979).
    pub fn sign(&self, draft: &Draft, form: Form, drawn: &[Drawn]) -> Result<String> {
        let mut credential = draft.credential.clone().unwrap_or_default();
        let entries: Vec<Json> = drawn
            .iter()
            .map(|drawn| {
                let slot = &drawn.slot;
                bitstring_entry(&slot.list, drawn.profile, drawn.size, slot.index)
            })
            .collect();
        if let (Some(members), false) = (credential.as_object_mut(), entries.is_empty()) {
            members.insert("credentialStatus".to_owned(), Json::Array(entries));
        }
        let sandbox = self.facts.trust().sandbox;
        let contexts = Contexts { snapshot: Some(self.facts), sandbox, inline: false };
        let created = rfc3339(self.signed_ms);
        if form == Form::Jwt {
            let [key] = self.keys else {
                return Err(CommandError::usage("a token carries one signature")
                    .hint("several keys sign an embedded proof: --form eddsa-jcs-2022"));
            };
            let (iat_s, kid) = (self.signed_ms / 1_000, key_id(key)?);
            return jwt::issue_vc(&credential, &*key.signer()?, &kid, iat_s, contexts)
                .map_err(|fault| refused(&fault));
        }
        let suite = if form == Form::Rdfc { Suite::Rdfc } else { Suite::Jcs };
        for key in self.keys {
            let kid = key_id(key)?;
            let options = assertion(suite, &kid, &created);
            credential = proof::issue(&credential, &key.ed25519()?, options, contexts)
                .map_err(|fault| refused(&fault))?;
        }
        Ok(canonical(&credential))
    }

    fn sd_jwt(
        &self,
        draft: &Draft,
        drawn: &[Drawn],
        holder: Option<&PublicKey>,
        disclose: &[String],
    ) -> Result<String> {
        let mut claims = draft.claims.clone().unwrap_or_default();
        let [key] = self.keys else {
            return Err(CommandError::usage("a token carries one signature"));
        };
        claims.insert("iat".to_owned(), json!(self.signed_ms / 1_000));
        if let Some(drawn) = drawn.first() {
            let slot = &drawn.slot;
            claims.insert("status".to_owned(), token_claim(&slot.list, slot.index));
        }
        if let Some(jwk) = holder.and_then(PublicKey::to_jwk) {
            claims.insert("cnf".to_owned(), json!({"jwk": jwk}));
        }
        let asked: Vec<String> = disclose
            .iter()
            .map(|name| match name.starts_with('/') {
                true => name.clone(),
                false => format!("/{name}"),
            })
            .collect();
        let pointers = metadata::withheld(&draft.entry, self.facts, &claims, &asked)
            .map_err(|fault| refused(&fault))?;
        let pointers: Vec<&str> = pointers.iter().map(String::as_str).collect();
        let kid = key_id(key)?;
        let mut random = || {
            let mut bytes = [0; 32];
            rand::rngs::OsRng.fill_bytes(&mut bytes);
            bytes
        };
        sd_jwt::issue::issue(&claims, &pointers, &*key.signer()?, &kid, &mut random)
            .map_err(|fault| refused(&fault))
    }

    /// Refuses what a verifier would refuse.
    pub fn check(&self, text: &str) -> Result<()> {
        let request = Request { binding: Binding::Unshown, ..Request::new(Policy::Ledger) };
        let verdict = verify(text.as_bytes(), &request, Some(self.facts), self.now_ms);
        for result in &verdict.checks {
            let period = result.check == Check::Validity
                && ["NOT_YET_VALID", "EXPIRED"].contains(&result.code);
            let bad = result.outcome == Outcome::Fail
                || (result.required && result.outcome == Outcome::Unknown);
            if bad && !period {
                let place = place_of(&result.detail);
                return Err(CommandError::new(
                    Kind::Refused,
                    format!("every verifier would refuse it: check {}{place}", result.check.name()),
                )
                .named(result.code)
                .with_data(json!({ "check": result.check.name(), "detail": result.detail })));
            }
        }
        Ok(())
    }
}

/// Where a check found something, as a piece of a sentence; nothing if it is the whole.
fn place_of(detail: &Json) -> String {
    let several = detail.get("pointers").and_then(Json::as_array).into_iter().flatten();
    let all = detail.get("pointer").into_iter().chain(several);
    let pointers: Vec<&str> =
        all.filter_map(Json::as_str).filter(|pointer| !pointer.is_empty()).collect();
    if pointers.is_empty() { String::new() } else { format!(" at {}", pointers.join(", ")) }
}

fn key_id(key: &WalletKey) -> Result<String> {
    let number =
        key.number.ok_or_else(|| CommandError::usage("the key of the issuer is not bound yet"))?;
    if !key.purposes.iter().any(|purpose| purpose == "assert") {
        return Err(CommandError::usage(format!("{} has no purpose assert", key.label()))
            .named("KEY_NOT_AUTHORISED"));
    }
    Ok(format!("did:ubin:{}#k{number}", key.party))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_check_found_is_named_by_every_pointer_that_it_gives() {
        for (detail, place) in [
            (json!(null), ""),
            (json!({"schema": "s", "pointers": []}), ""),
            (json!({"pointer": ""}), ""),
            (json!({"pointer": "/validFrom"}), " at /validFrom"),
            (json!({"schema": "s", "pointers": ["/a/b", "", "/c"]}), " at /a/b, /c"),
        ] {
            assert_eq!(place_of(&detail), place, "{detail}");
        }
    }
}
