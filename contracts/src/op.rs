//! The signed op: one act on one register (ledger.md §2).
//!
//! Invariant: an [`Op`] exists only in canonical form: its bytes, its digest and its parsed members
//! say the same. Whether its signatures are valid is a question to the access register, not asked
//! here; [`verify`] answers it for one key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};

use crate::curve25519;
use crate::digest::{Digest, hash};
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;

/// The register an op acts on; also its state tag and RPC prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Register {
    /// Who may sign what (ledger.md §7).
    Access,
    /// Business identifiers (ubin.md).
    Ubin,
    /// Credential trust facts (vc.md).
    Vc,
    /// Electronic transferable records (etr.md).
    Etr,
    /// Governance (ledger.md §8).
    Gov,
}

impl Register {
    /// The name in ops, state keys, events and RPC methods.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Ubin => "ubin",
            Self::Vc => "vc",
            Self::Etr => "etr",
            Self::Gov => "gov",
        }
    }

    /// The register of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Access, Self::Ubin, Self::Vc, Self::Etr, Self::Gov]
            .into_iter()
            .find(|register| register.name() == name)
    }

    const fn digest_context(self) -> &'static str {
        match self {
            Self::Access => "titian access op v1",
            Self::Ubin => "titian ubin op v1",
            Self::Vc => "titian vc op v1",
            Self::Etr => "titian etr op v1",
            Self::Gov => "titian gov op v1",
        }
    }
}

/// The number n of key `k{n}` of a party.
pub type KeyNo = u64;

/// One signature: which party, with which of its keys, and for whom under a mandate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpSignature {
    /// The signing party.
    pub party: String,
    /// The number of its key.
    pub key: KeyNo,
    /// The Ed25519 signature over the op digest.
    pub signature: [u8; 64],
    /// The principal for whom an agent signs, with the number of the mandate.
    pub mandate: Option<(String, u64)>,
}

/// A parsed op in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// The register.
    pub register: Register,
    /// The act, lower case with `_`.
    pub act: String,
    /// The network it is bound to.
    pub chain: String,
    /// The signatures, in canonical order.
    pub signatures: Vec<OpSignature>,
    /// What signers sign: H("titian <register> op v1", JCS(op without `sigs`)).
    pub digest: Digest,
    /// The whole op.
    pub value: Value,
}

impl Op {
    /// Reads an op from a value that came out of the canonical reader.
    pub fn from_value(value: Value) -> Result<Self, Reject> {
        let members = Members::of(&value, "")?;
        let mut members = members;
        let register = Register::parse(members.text("register")?)
            .ok_or_else(|| Reject::new(Code::Malformed, "/register", "unknown register"))?;
        let act = members.text("act")?.to_owned();
        let chain = members.text("chain")?.to_owned();
        if members.required("args")?.as_object().is_none() {
            return Err(members.malformed("args", "an object is expected"));
        }
        let signatures = read_signatures(members.list("sigs")?)?;
        // ETR alone adds top-level members; its module reads them and refuses unknown ones.
        if register != Register::Etr {
            members.finish()?;
        }
        let digest = digest_of(register, &value);
        Ok(Self { register, act, chain, signatures, digest, value })
    }

    /// The arguments, always an object.
    pub fn args(&self) -> &Value {
        self.value.get("args").unwrap_or(&Value::Null)
    }

    /// A reader of the arguments.
    pub fn read_args(&self) -> Result<Members<'_>, Reject> {
        Members::of(self.args(), "/args")
    }

    /// `register.act`, also the name of its event.
    pub fn name(&self) -> String {
        [self.register.name(), ".", &self.act].concat()
    }

    /// The op as a value, with one more signature in its place. Replaces a signature of the same
    /// party and key.
    pub fn with_signature(value: &Value, signature: &OpSignature) -> Value {
        let mut list: Vec<Value> = value
            .get("sigs")
            .and_then(Value::as_list)
            .unwrap_or_default()
            .iter()
            .filter(|sig| {
                sig.get("party").and_then(Value::as_text) != Some(&signature.party)
                    || sig.get("key").and_then(Value::as_text).and_then(parse_key_no)
                        != Some(signature.key)
            })
            .cloned()
            .collect();
        list.push(signature.to_value());
        list.sort_by_key(|sig| {
            let party = sig.get("party").and_then(Value::as_text).unwrap_or_default().to_owned();
            let key = sig.get("key").and_then(Value::as_text).and_then(parse_key_no);
            (party, key)
        });
        value.with("sigs", Value::List(list))
    }
}

impl OpSignature {
    /// The signature as it stands in `sigs`.
    pub fn to_value(&self) -> Value {
        let mut members = vec![
            ("alg", Value::from("Ed25519")),
            ("key", Value::from(format!("k{}", self.key))),
            ("party", Value::from(self.party.as_str())),
            ("sig", Value::from(URL_SAFE_NO_PAD.encode(self.signature))),
        ];
        if let Some((principal, number)) = &self.mandate {
            members.push(("for", Value::from(principal.as_str())));
            members.push(("mandate", Value::from(*number)));
        }
        Value::object(members)
    }

    /// Reads one signature of `sigs`, or an equal object elsewhere (evidence, cosign).
    pub fn from_value(value: &Value, path: &str) -> Result<Self, Reject> {
        let mut members = Members::of(value, path)?;
        if members.text("alg")? != "Ed25519" {
            return Err(Reject::new(Code::AlgUnsupported, &members.pointer("alg"), ""));
        }
        let party = members.text("party")?.to_owned();
        let key = parse_key_no(members.text("key")?)
            .ok_or_else(|| members.malformed("key", "k and a number without leading zero"))?;
        let signature = decode_fixed::<64>(members.text("sig")?)
            .ok_or_else(|| members.malformed("sig", "64 bytes in base64url without padding"))?;
        let mandate = match members.optional_text("for")? {
            Some(principal) => Some((principal.to_owned(), members.uint("mandate")?)),
            None => None,
        };
        members.finish()?;
        Ok(Self { party, key, signature, mandate })
    }
}

/// The digest that signers of `op` sign; `sigs` is left out if present.
pub fn digest_of(register: Register, op: &Value) -> Digest {
    hash(register.digest_context(), &[op.to_jcs_without(&["sigs"]).as_bytes()])
}

/// Reads `k{n}`, n ≥ 1 without leading zero.
pub fn parse_key_no(text: &str) -> Option<KeyNo> {
    let digits = text.strip_prefix('k')?;
    let canonical = !digits.is_empty()
        && digits.len() <= 9
        && !digits.starts_with('0')
        && digits.bytes().all(|b| b.is_ascii_digit());
    if canonical { digits.parse().ok() } else { None }
}

/// Decodes base64url without padding to exactly N bytes; non-zero spare bits are refused.
pub fn decode_fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// Decodes base64url without padding; non-zero spare bits are refused.
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// base64url without padding.
pub fn encode_base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Strict RFC 8032 verification of `signature` over the 32 bytes of `digest`.
///
/// Canonical encodings only; small-order keys and R are refused.
pub fn verify(public_key: &[u8; 32], digest: &Digest, signature: &[u8; 64]) -> bool {
    PublicKey::new(public_key).is_some_and(|key| key.verify(digest, signature))
}

/// An Ed25519 key whose point is decoded, which takes a tenth of the time of a verification.
#[derive(Clone, Copy, Debug)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Decodes a key; `None` if the bytes are no point of the curve, or one of small order.
    pub fn new(bytes: &[u8; 32]) -> Option<Self> {
        // asked once here, not with every signature: no signature counts under a key of small order
        VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak()).map(Self)
    }

    /// The same for a key that may be bound or judged by: in its one canonical encoding, and not of
    /// small order.
    pub fn strong(bytes: &[u8; 32]) -> Option<Self> {
        let canonical = curve25519::is_reduced(&curve25519::y_of(bytes));
        Self::new(bytes).filter(|_| canonical)
    }

    /// [`verify`] under this key.
    pub fn verify(&self, digest: &Digest, signature: &[u8; 64]) -> bool {
        self.verify_message(&digest.0, signature)
    }

    /// The same over a message: what `verify_strict` of the library says, in nine tenths of its time.
    ///
    /// A signature that verifies has R in the encoding of the point that was computed, which is
    /// canonical. So its bytes say whether R is of small order, and it need not be decoded.
    pub fn verify_message(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        !curve25519::is_small_order(signature.r_bytes())
            && self.0.verify(message, &signature).is_ok()
    }
}

fn read_signatures(items: &[Value]) -> Result<Vec<OpSignature>, Reject> {
    if items.len() > limits::OP_SIGNATURES_MAX {
        return Err(Reject::new(Code::LimitExceeded, "/sigs", "more than 40 signatures"));
    }
    let signatures = items
        .iter()
        .enumerate()
        .map(|(i, item)| {
            let below = |reject: Reject| {
                let field = format!("/sigs/{i}{}", reject.field);
                Reject { field, ..reject }
            };
            OpSignature::from_value(item, "").map_err(below)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let ordered = signatures
        .windows(2)
        .all(|pair| (&pair[0].party, pair[0].key) < (&pair[1].party, pair[1].key));
    if ordered {
        Ok(signatures)
    } else {
        Err(Reject::new(
            Code::SignatureOrder,
            "/sigs",
            "order by party and key number, no pair twice",
        ))
    }
}
