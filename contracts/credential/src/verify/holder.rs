//! Key binding of an SD-JWT: whoever shows the credential holds the key that its issuer named.
//!
//! Invariant: what the caller expects must be there; what the token states beyond it is no fault, but
//! for a period that it gives itself. Who expects nothing is warned: it may be a copy.

use serde_json::Value;

use super::run::{Registered, Run};
use super::{BINDING_AGE_MS_MAX, Binding, binding_wanted};
use crate::codes::is_of;
use crate::form::{Reading, Securing};
use crate::jose::Jws;
use crate::key::PublicKey;
use crate::sd_jwt::{KB_TYP, SdJwt};
use crate::verdict::{Check, CheckResult, Policy};

/// Warning: nobody compared the nonce of what was shown.
pub const NONCE_NOT_COMPARED: &str = "NONCE_NOT_COMPARED";

impl Run<'_> {
    /// Warns of a good signature of a holder that may be a copy of one made for somebody else.
    pub fn warn_of_copies(&mut self, holder: &CheckResult) {
        let asked = self.request.challenge.is_some() || self.request.binding == Binding::Unshown;
        if holder.code == "OK" && !asked && self.wants(Check::Holder) {
            self.warn(NONCE_NOT_COMPARED);
        }
    }

    pub fn key_binding(&self, reading: &Reading, registered: &Registered) -> CheckResult {
        let bound = self.request.policy == Policy::Ledger
            && matches!(registered, Registered::Type(entry) if entry.key_binding);
        let shown = self.request.binding != Binding::Unshown;
        let result = |code| {
            let result = CheckResult::new(Check::Holder, code);
            CheckResult { required: bound && shown, ..result }
        };
        if let Securing::SdJwt(token, ..) = &reading.securing
            && let Some(binding) = &token.key_binding
        {
            return result(self.judge_binding(reading, token, binding));
        }
        let needed = binding_wanted(self.request) || (bound && shown);
        // what names no key of a holder can be shown by nobody
        let of_nobody = bound && holder_key(reading).is_none();
        result(if needed || of_nobody { "KEY_BINDING_MISSING" } else { "NOT_A_PRESENTATION" })
    }

    /// What is wrong with the signature of a key binding, as a code of check `proof`: every policy
    /// asks for that check, while `signature` leaves the holder out.
    pub fn binding_fault(reading: &Reading, holder: &'static str) -> Option<&'static str> {
        match &reading.securing {
            Securing::SdJwt(token, ..) if token.key_binding.is_some() => {}
            _ => return None,
        }
        match holder {
            // made for another credential, or by no key that the issuer named
            "SD_HASH_MISMATCH" | "KEY_BINDING_MISSING" => Some("SIGNATURE_INVALID"),
            code => is_of("proof", code).then_some(code),
        }
    }

    /// A code of check `holder` for the key binding that ends a token.
    pub fn judge_binding(&self, reading: &Reading, token: &SdJwt, binding: &Jws) -> &'static str {
        let Some(key) = holder_key(reading) else {
            return "KEY_BINDING_MISSING";
        };
        let (algorithm, signature) = match binding.check_header(KB_TYP) {
            Ok(header) => header,
            Err(code) => return code,
        };
        if algorithm != key.algorithm {
            return "ALG_NOT_ALLOWED";
        }
        if let Err(code) = key.verify(binding.signing_input.as_bytes(), &signature) {
            return code;
        }
        let text = |name: &str| binding.payload.get(name).and_then(Value::as_str);
        if text("sd_hash") != Some(token.sd_hash().as_str()) {
            return "SD_HASH_MISMATCH";
        }
        let (Ok(Some(iat_ms)), Some(nonce), Some(audience)) =
            (binding.seconds("iat"), text("nonce"), text("aud"))
        else {
            return "PROOF_MALFORMED";
        };
        // what its holder says of its own time counts as in any token (RFC 7519 §4.1, RFC 9901 §7.3)
        let (Ok(nbf_ms), Ok(exp_ms)) = (binding.seconds("nbf"), binding.seconds("exp")) else {
            return "PROOF_MALFORMED";
        };
        if self.request.replayed {
            return "CHALLENGE_REPLAYED";
        }
        if self.request.challenge.as_deref().is_some_and(|expected| expected != nonce) {
            return "NONCE_MISMATCH";
        }
        if self.request.domain.as_deref().is_some_and(|expected| expected != audience) {
            return "AUDIENCE_MISMATCH";
        }
        if iat_ms > self.now_ms.saturating_add(self.skew_ms) {
            return "KB_IAT_FUTURE";
        }
        if self.now_ms.saturating_sub(iat_ms) > BINDING_AGE_MS_MAX.saturating_add(self.skew_ms) {
            return "KB_IAT_STALE";
        }
        let early = nbf_ms.is_some_and(|ms| ms > self.now_ms.saturating_add(self.skew_ms));
        if early || exp_ms.is_some_and(|ms| ms < self.now_ms.saturating_sub(self.skew_ms)) {
            return "PROOF_EXPIRED";
        }
        let subject = reading.document.get("sub").and_then(Value::as_str);
        if self.request.subject_is_holder && !subject.is_none_or(|sub| is_key(sub, &key)) {
            return "SUBJECT_NOT_HOLDER";
        }
        "OK"
    }
}

/// What an SD-JWT says of the key that it is bound to.
pub(super) fn confirmation(reading: &Reading) -> Option<&Value> {
    match &reading.securing {
        Securing::SdJwt(token, ..) => token.issuer.payload.get("cnf"),
        _ => None,
    }
}

/// The key that it is bound to.
pub(super) fn holder_key(reading: &Reading) -> Option<PublicKey> {
    confirmation(reading)?.get("jwk").and_then(PublicKey::from_jwk)
}

/// Whether a subject's DID is that of the key itself.
fn is_key(subject: &str, key: &PublicKey) -> bool {
    use crate::did::method::{computed, did_key};
    let of_jwk = || computed(subject, "0").and_then(Result::ok).is_some_and(|m| m.key == *key);
    subject == did_key(key) || of_jwk()
}
