//! Signatures and the keys behind them: checks `proof` and `issuerKey`.
//!
//! Invariant: a key comes from the resolved DID of the signer and from nowhere else (S7); every
//! signature must verify, and one must be the issuer's (S9).

use serde_json::{Value, json};
use titian_contracts::access::{Party, Purpose as KeyPurpose};
use titian_contracts::credential::REGION;

use super::content::period;
use super::run::Run;
use crate::anchor;
use crate::codes::{Fault, Outcome};
use crate::did::{self, Resolved, method};
use crate::form::{Reading, Securing};
use crate::guard;
use crate::jose::Jws;
use crate::key::{Algorithm, PublicKey};
use crate::proof::{Proof, Purpose, Reader};
use crate::verdict::{Check, CheckResult};

/// A key that was found, and what is known of it.
pub(super) struct Found {
    pub key: PublicKey,
    /// May sign credentials; ledger keys tell it themselves.
    pub authorised: bool,
    /// May sign presentations; ledger keys tell it themselves.
    pub may_present: bool,
    pub ledger: Option<(Resolved, u64)>,
    /// `did:web`: neither proven by the ledger nor by itself.
    pub cached: bool,
    /// Different keys that the issuer needs.
    pub threshold: u64,
}

impl Run<'_> {
    pub fn proofs(&mut self, reading: &Reading) {
        let issuer = reading.issuer().unwrap_or_default().to_owned();
        let proofs = match self.signatures(reading, &issuer, Purpose::Assertion) {
            Ok(proofs) => proofs,
            Err(fault) => {
                let detail = json!({"pointer": fault.pointer});
                return self.add(CheckResult::new(Check::Proof, fault.code).with(detail));
            }
        };
        let valid_from = period(reading).and_then(|(from, _)| from);
        let by_issuer = proofs.iter().find(|proof| proof.did() == issuer);
        let asserted = by_issuer.and_then(|proof| proof.created_ms).or(valid_from);
        let anchored = self.anchored_ms(reading);
        if anchored.is_none() && !self.request.supplied.receipts.is_empty() {
            self.warn("RECEIPT_NOT_USED");
        }
        self.signed_at = anchored
            .map(|ms| (ms, true))
            .or_else(|| asserted.map(|ms| (u64::try_from(ms).unwrap_or(0), false)));

        let mut proof_codes = Vec::new();
        let mut key_codes = Vec::new();
        let mut issuer_keys: Vec<PublicKey> = Vec::new();
        let mut threshold = 1;
        for (i, proof) in proofs.iter().enumerate() {
            let at = json!({"proof": i});
            match self.find_key(proof) {
                Err(code) => {
                    key_codes.push((code, at.clone()));
                    proof_codes.push(("NOT_REACHED", at));
                }
                Ok(found) => {
                    let verified = found.verify(proof);
                    if proof.did() == issuer {
                        threshold = found.threshold;
                        if verified.is_ok() && !issuer_keys.contains(&found.key) {
                            issuer_keys.push(found.key.clone());
                        }
                    }
                    let (t_ms, anchored) = match anchored {
                        Some(ms) => (i64::try_from(ms).unwrap_or(i64::MAX), true),
                        None => (proof.created_ms.or(valid_from).unwrap_or(self.now_ms), false),
                    };
                    key_codes.push((self.judge_key(&found, t_ms, anchored), at.clone()));
                    if let Err(code) = verified {
                        proof_codes.push((code, at));
                    }
                }
            }
        }
        if by_issuer.is_none() || !names_issuer(reading, &issuer) {
            key_codes.push(("ISSUER_MISMATCH", Value::Null));
        }
        let is_root = matches!(did::party_of(&issuer), Some(Party::Root(_)));
        let too_few = proof_codes.is_empty() && (issuer_keys.len() as u64) < threshold;
        if by_issuer.is_some() && (too_few || (is_root && reading.token().is_some())) {
            // a state's root speaks only through k of its keys, and in a token there is one (vc.md §1)
            key_codes.push(("KEY_NOT_AUTHORISED", Value::Null));
        }
        if key_codes.iter().any(|(code, _)| *code == "TIME_ASSERTED") {
            self.warn("TIME_ASSERTED");
        }
        if let Securing::SdJwt(_, _, Some(fault)) = &reading.securing {
            proof_codes.push((fault.code, Value::Null));
        }
        self.add(CheckResult::worst(Check::Proof, proof_codes));
        let mut keys = CheckResult::worst(Check::IssuerKey, key_codes);
        if keys.outcome == Outcome::Pass {
            keys.detail = Value::Null;
        }
        self.add(keys);
    }

    /// The time that a receipt of the caller proves for the credential, ms.
    fn anchored_ms(&self, reading: &Reading) -> Option<u64> {
        let snapshot = self.snapshot?;
        let issuer = reading.issuer()?.strip_prefix("did:ubin:")?;
        let receipts = &self.request.supplied.receipts;
        let commitment = receipts.first().map(|_| anchor::commitment(reading))?;
        receipts.iter().filter_map(|r| r.time_ms(commitment, issuer, snapshot)).min()
    }

    /// The signatures of a document or token, their forms checked. The error is a code of check
    /// `proof`.
    pub fn signatures(
        &self,
        reading: &Reading,
        signer: &str,
        purpose: Purpose,
    ) -> Result<Vec<Proof>, Fault> {
        match &reading.securing {
            Securing::Embedded => {
                let reader = Reader {
                    signer,
                    purpose,
                    now_ms: self.now_ms,
                    skew_ms: self.skew_ms,
                    contexts: self.contexts(),
                    work: self.work,
                };
                reader.read(&reading.document)
            }
            Securing::Jws(token, typ) => {
                self.token_signature(token, typ, signer, true).map(|proof| vec![proof])
            }
            Securing::SdJwt(token, typ, _) => {
                let limits = typ.starts_with('v');
                self.token_signature(&token.issuer, typ, signer, limits).map(|proof| vec![proof])
            }
        }
    }

    /// The signature of a token. With `limits`, `nbf` and `exp` limit the signature itself; in an
    /// SD-JWT VC they are the period of the credential.
    pub fn token_signature(
        &self,
        token: &Jws,
        typ: &str,
        signer: &str,
        limits: bool,
    ) -> Result<Proof, Fault> {
        let (algorithm, signature) =
            token.check_header(typ).map_err(|code| Fault::new(code, ""))?;
        let malformed = |_| Fault::new("PROOF_MALFORMED", "");
        let created_ms = token.seconds("iat").map_err(malformed)?;
        let (from_ms, until_ms) =
            (token.seconds("nbf").map_err(malformed)?, token.seconds("exp").map_err(malformed)?);
        let latest = self.now_ms.saturating_add(self.skew_ms);
        let earliest = self.now_ms.saturating_sub(self.skew_ms);
        let early = [created_ms, from_ms.filter(|_| limits)].into_iter().flatten();
        let late = until_ms.filter(|_| limits);
        if early.into_iter().any(|t| t > latest) || late.is_some_and(|t| t < earliest) {
            return Err(Fault::new("PROOF_EXPIRED", ""));
        }
        let text = |name: &str| token.payload.get(name).and_then(Value::as_str).map(str::to_owned);
        let audience = token.payload.get("aud").map(crate::model::items).unwrap_or_default();
        Ok(Proof {
            verification_method: token.key_id(signer).map_err(malformed)?,
            created_ms,
            algorithm,
            message: token.signing_input.clone().into_bytes(),
            signature,
            challenge: text("nonce"),
            domains: audience.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        })
    }

    /// The key of a proof. The error is a code of check `issuerKey`.
    pub fn find_key(&self, proof: &Proof) -> Result<Found, &'static str> {
        let (did, fragment) = (proof.did(), proof.fragment());
        let plain = |method: method::Method, cached| Found {
            authorised: method.assertion,
            may_present: method.authentication,
            key: method.key,
            ledger: None,
            cached,
            threshold: 1,
        };
        if let Some(computed) = method::computed(did, fragment) {
            return computed.map(|method| plain(method, false));
        }
        if did.starts_with("did:web:") {
            let now_ms = u64::try_from(self.now_ms).unwrap_or(0);
            let found = self.request.supplied.did_web.find(did, fragment, now_ms);
            return found.map(|method| plain(method, true));
        }
        let Some(name) = did.strip_prefix("did:ubin:") else {
            return Err(if did.starts_with("did:") || guard::is_absolute_iri(did) {
                "DID_METHOD_UNSUPPORTED"
            } else {
                "DID_INVALID"
            });
        };
        if name == REGION {
            return Err("KEY_NOT_FOUND");
        }
        let party = Party::parse(name).filter(|_| did::is_fragment(fragment));
        let party = party.ok_or("DID_INVALID")?;
        let snapshot = self.snapshot.ok_or("DID_NOT_AVAILABLE")?;
        let resolved = did::resolve(snapshot, &party)?;
        let number = titian_contracts::op::parse_key_no(fragment).ok_or("KEY_NOT_FOUND")?;
        let (_, entry) = resolved.keys.iter().find(|(n, _)| *n == number).ok_or("KEY_NOT_FOUND")?;
        let algorithm = Algorithm::of_name(&entry.algorithm).ok_or("KEY_NOT_FOUND")?;
        let key = PublicKey::new(algorithm, &entry.public_key).ok_or("KEY_NOT_FOUND")?;
        let threshold = resolved.threshold;
        Ok(Found {
            key,
            authorised: true,
            may_present: true,
            cached: false,
            threshold,
            ledger: Some((resolved, number)),
        })
    }

    /// A code of check `issuerKey` for a key that was found and signed at `t_ms`.
    fn judge_key(&self, found: &Found, t_ms: i64, anchored: bool) -> &'static str {
        if !found.authorised {
            return "KEY_NOT_AUTHORISED";
        }
        let passes = match (anchored, found.cached) {
            (true, _) => "OK",
            (false, true) => "TIME_ASSERTED",
            (false, false) if found.ledger.is_none() => return "KEY_SELF_CERTIFYING",
            (false, false) => "TIME_ASSERTED",
        };
        match found.usable(KeyPurpose::Assert, t_ms, anchored, self.skew_ms) {
            Ok(()) => passes,
            Err(code) => code,
        }
    }
}

impl Found {
    pub fn verify(&self, proof: &Proof) -> Result<(), &'static str> {
        proof.verify(&self.key)
    }

    /// Whether a key of the ledger may have signed for `purpose` at `t_ms`; other keys may.
    pub fn usable(
        &self,
        purpose: KeyPurpose,
        t_ms: i64,
        anchored: bool,
        skew_ms: i64,
    ) -> Result<(), &'static str> {
        let Some((resolved, number)) = &self.ledger else { return Ok(()) };
        let Some((_, key)) = resolved.keys.iter().find(|(n, _)| n == number) else {
            return Err("KEY_NOT_FOUND");
        };
        if !key.has(purpose) {
            return Err("KEY_NOT_AUTHORISED");
        }
        did::check_key_at(resolved, key, t_ms, anchored, skew_ms)
    }
}

/// S9: the `iss` of a token, if there is one, is the issuer.
fn names_issuer(reading: &Reading, issuer: &str) -> bool {
    reading
        .token()
        .and_then(|(token, _)| token.payload.get("iss"))
        .is_none_or(|iss| iss.as_str() == Some(issuer))
}
