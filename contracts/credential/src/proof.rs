//! Data Integrity proofs: `eddsa-jcs-2022`, `eddsa-rdfc-2022` (VC-DI-EDDSA 1.0), and the reading of
//! `Ed25519Signature2020`, which VCDM 1.1 credentials carry.
//!
//! Invariant: what is signed is SHA-256(canonical proof options) ‖ SHA-256(canonical document
//! without proof); verification is strict (S4), and hashing by jcs uses the contexts of the proof
//! (S10). Keys are chosen elsewhere: this module is given one.

use std::cell::OnceCell;

use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::codes::Fault;
use crate::contexts::Contexts;
use crate::json::canonical_object;
use crate::key::{Algorithm, PublicKey};
use crate::rdf::{self, Work};
use crate::{guard, model, presentation, time};

/// The default cryptosuite.
pub const CRYPTOSUITE: &str = "eddsa-jcs-2022";

type Object = Map<String, Value>;

/// How a document becomes the bytes that are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// RFC 8785.
    Jcs,
    /// JSON-LD expansion and RDFC-1.0.
    Rdfc,
    /// As [`Suite::Rdfc`], under the older name; read only.
    Signature2020,
}

impl Suite {
    /// The name in forms and verdicts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jcs => CRYPTOSUITE,
            Self::Rdfc => "eddsa-rdfc-2022",
            Self::Signature2020 => "Ed25519Signature2020",
        }
    }

    /// The suite of a proof; `None` if it is unknown.
    pub fn of(proof: &Value) -> Option<Self> {
        let text = |name: &str| proof.get(name).and_then(Value::as_str);
        match (text("type")?, text("cryptosuite")) {
            ("DataIntegrityProof", Some("eddsa-jcs-2022")) => Some(Self::Jcs),
            ("DataIntegrityProof", Some("eddsa-rdfc-2022")) => Some(Self::Rdfc),
            ("Ed25519Signature2020", None) => Some(Self::Signature2020),
            _ => None,
        }
    }
}

/// The form that a first proof gives a document.
pub fn suite_of(proof: &Value) -> Option<&'static str> {
    Suite::of(proof).map(Suite::name)
}

/// What a proof is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A credential.
    Assertion,
    /// A presentation.
    Authentication,
}

impl Purpose {
    /// The value of `proofPurpose`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Assertion => "assertionMethod",
            Self::Authentication => "authentication",
        }
    }
}

/// What a proof states beside the signature.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Jcs or Rdfc; the older suite is read only.
    pub suite: Suite,
    /// DID URL of the key.
    pub verification_method: &'a str,
    /// XSD dateTimeStamp.
    pub created: &'a str,
    /// What it is for.
    pub purpose: Purpose,
    /// For presentations: what the verifier asked to be signed.
    pub challenge: Option<&'a str>,
    /// For presentations: who asked.
    pub domain: Option<&'a str>,
}

/// A document about to be signed: what to sign, and where the signature goes.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The 64 bytes to sign with Ed25519.
    pub hash_data: [u8; 64],
    document: Object,
    options: Object,
}

impl Prepared {
    /// The secured document. A document that has proofs gets one more: a proof set.
    pub fn finish(mut self, signature: &[u8; 64]) -> Value {
        let text = format!("z{}", bs58::encode(signature).into_string());
        self.options.insert("proofValue".to_owned(), Value::String(text));
        let proof = Value::Object(self.options);
        let all = match self.document.remove("proof") {
            None => proof,
            Some(Value::Array(mut proofs)) => {
                proofs.push(proof);
                Value::Array(proofs)
            }
            Some(first) => json!([first, proof]),
        };
        self.document.insert("proof".to_owned(), all);
        Value::Object(self.document)
    }
}

/// Prepares a credential or presentation for signing: data model, term guard, proof options.
/// Registration rules of the ledger are for the caller (`verify` names them).
pub fn prepare(
    document: &Value,
    options: Options<'_>,
    contexts: Contexts<'_>,
) -> Result<Prepared, Fault> {
    let document = document.as_object().ok_or_else(|| Fault::new("FORM_UNKNOWN", ""))?.clone();
    match options.purpose {
        Purpose::Assertion => {
            model::check(&document)?;
            guard::check(&document, contexts)?;
        }
        Purpose::Authentication => {
            presentation::check(&document)?;
            presentation::guard(&document, contexts)?;
        }
    }
    if time::parse(options.created).is_none() {
        return Err(Fault::new("DATE_INVALID", "/proof/created"));
    }
    if !guard::is_absolute_iri(options.verification_method) {
        return Err(Fault::new("RELATIVE_IRI", "/proof/verificationMethod"));
    }
    let mut members = Object::new();
    for (name, value) in [
        ("type", Some("DataIntegrityProof")),
        ("cryptosuite", Some(options.suite.name())),
        ("created", Some(options.created)),
        ("verificationMethod", Some(options.verification_method)),
        ("proofPurpose", Some(options.purpose.name())),
        ("challenge", options.challenge),
        ("domain", options.domain),
    ] {
        if let Some(value) = value {
            members.insert(name.to_owned(), Value::String(value.to_owned()));
        }
    }
    let (work, hashed) = (Work::default(), OnceCell::new());
    let unsecured = Unsecured { document: &document, earlier: None, hashed: &hashed, work: &work };
    let hash_data = match options.suite {
        Suite::Jcs => {
            if let Some(context) = document.get("@context") {
                members.insert("@context".to_owned(), context.clone());
            }
            unsecured.hash_jcs(&members)
        }
        Suite::Rdfc => unsecured.hash_rdfc(&members, contexts)?,
        Suite::Signature2020 => return Err(Fault::new("CRYPTOSUITE_UNSUPPORTED", "/proof")),
    };
    Ok(Prepared { hash_data, document, options: members })
}

/// Signs with a key at hand.
pub fn issue(
    document: &Value,
    key: &SigningKey,
    options: Options<'_>,
    contexts: Contexts<'_>,
) -> Result<Value, Fault> {
    let prepared = prepare(document, options, contexts)?;
    let signature = key.sign(&prepared.hash_data).to_bytes();
    Ok(prepared.finish(&signature))
}

/// Prepares a credential for an `eddsa-jcs-2022` signature.
pub fn prepare_jcs(
    credential: &Value,
    verification_method: &str,
    created: &str,
    contexts: Contexts<'_>,
) -> Result<Prepared, Fault> {
    prepare(credential, assertion(Suite::Jcs, verification_method, created), contexts)
}

/// Issues a credential by `eddsa-jcs-2022` with a key at hand.
pub fn issue_jcs(
    credential: &Value,
    key: &SigningKey,
    verification_method: &str,
    created: &str,
    contexts: Contexts<'_>,
) -> Result<Value, Fault> {
    issue(credential, key, assertion(Suite::Jcs, verification_method, created), contexts)
}

/// The options of a proof on a credential.
pub const fn assertion<'a>(
    suite: Suite,
    verification_method: &'a str,
    created: &'a str,
) -> Options<'a> {
    let purpose = Purpose::Assertion;
    Options { suite, verification_method, created, purpose, challenge: None, domain: None }
}

/// The hash of the options, then that of the document.
fn join(options: &[u8], document: [u8; 32]) -> [u8; 64] {
    let mut data = [0; 64];
    let (first, second) = data.split_at_mut(32);
    first.copy_from_slice(&Sha256::digest(options));
    second.copy_from_slice(&document);
    data
}

/// The hash of the canonical statements of a document without any proofs, made once.
type Hashed = OnceCell<Result<[u8; 32], Fault>>;

/// A document without its proofs, but with those that a proof says it follows.
struct Unsecured<'a> {
    document: &'a Object,
    earlier: Option<Value>,
    hashed: &'a Hashed,
    work: &'a Work,
}

impl Unsecured<'_> {
    /// By jcs the contexts that the proof states count; a caller has compared them.
    fn hash_jcs(&self, options: &Object) -> [u8; 64] {
        let earlier = self.earlier.iter().map(|proofs| ("proof", proofs));
        let context = options.get("@context").map(|context| ("@context", context));
        let with: Vec<(&str, &Value)> = earlier.chain(context).collect();
        let options = canonical_object(options, &["proofValue"], &[]);
        let document = canonical_object(self.document, &["proof"], &with);
        join(options.as_bytes(), Sha256::digest(document.as_bytes()).into())
    }

    /// The proof options are read under the contexts of the document.
    fn hash_rdfc(&self, options: &Object, contexts: Contexts<'_>) -> Result<[u8; 64], Fault> {
        let empty = Value::Null;
        let context = self.document.get("@context").unwrap_or(&empty);
        let hash = |object: &Object, without: &[&str]| -> Result<[u8; 32], Fault> {
            rdf::canonicalize_under(object, context, without, contexts, self.work)
                .map(|text| Sha256::digest(text.as_bytes()).into())
        };
        let without = ["proofValue"];
        let options = rdf::canonicalize_under(options, context, &without, contexts, self.work)?;
        let document = match &self.earlier {
            None => self.hashed.get_or_init(|| hash(self.document, &["proof"])).clone()?,
            Some(earlier) => {
                let mut document = self.document.clone();
                document.insert("proof".to_owned(), earlier.clone());
                hash(&document, &[])?
            }
        };
        Ok(join(options.as_bytes(), document))
    }
}

/// One signature of a document, its form checked: which key, over which bytes.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The DID URL of the key, completed with the signer if it was a fragment only.
    pub verification_method: String,
    /// When it says it was made, ms; `None` if it does not say.
    pub created_ms: Option<i64>,
    /// The algorithm that its form or header names.
    pub algorithm: Algorithm,
    /// What is signed.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: [u8; 64],
    /// `challenge`, or `nonce` of a token.
    pub challenge: Option<String>,
    /// `domain`, or `aud` of a token.
    pub domains: Vec<String>,
}

impl Proof {
    /// The DID of the key.
    pub fn did(&self) -> &str {
        self.verification_method.split('#').next().unwrap_or_default()
    }

    /// The fragment of the key.
    pub fn fragment(&self) -> &str {
        self.verification_method.split_once('#').map_or("", |(_, fragment)| fragment)
    }

    /// Verifies the signature; the error is a code of check `proof`.
    pub fn verify(&self, key: &PublicKey) -> Result<(), &'static str> {
        if key.algorithm != self.algorithm {
            return Err("ALG_NOT_ALLOWED");
        }
        key.verify(&self.message, &self.signature)
    }
}

/// How the proofs of a document are to be read.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// Who is said to have signed: completes relative key ids.
    pub signer: &'a str,
    /// What the proofs must be for.
    pub purpose: Purpose,
    /// The time of judgement, ms.
    pub now_ms: i64,
    /// Clock skew, ms.
    pub skew_ms: i64,
    /// The contexts that a document may use.
    pub contexts: Contexts<'a>,
    /// What the verdict has cost so far.
    pub work: &'a Work,
}

impl Reader<'_> {
    /// Reads all proofs of a document. The error is a code of check `proof`.
    pub fn read(&self, document: &Object) -> Result<Vec<Proof>, Fault> {
        let member = document.get("proof").ok_or_else(|| Fault::new("PROOF_MISSING", ""))?;
        let list = model::items(member);
        if list.is_empty() {
            return Err(Fault::new("PROOF_MISSING", ""));
        }
        if list.len() > model::PROOFS_MAX {
            return Err(Fault::new("PROOF_MALFORMED", "/proof"));
        }
        let hashed = OnceCell::new();
        (0..list.len()).map(|i| self.read_one(document, list, i, &hashed)).collect()
    }

    fn read_one(
        &self,
        document: &Object,
        list: &[Value],
        i: usize,
        hashed: &Hashed,
    ) -> Result<Proof, Fault> {
        let fault = |code| Fault::new(code, &format!("/proof/{i}"));
        let malformed = || fault("PROOF_MALFORMED");
        let value = list.get(i).ok_or_else(malformed)?;
        let proof = value.as_object().ok_or_else(malformed)?;
        let text = |name: &str| proof.get(name).and_then(Value::as_str);
        let optional_time = |name: &str| match proof.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().and_then(time::parse).map(Some).ok_or_else(malformed),
        };
        let suite = Suite::of(value).ok_or_else(|| fault("CRYPTOSUITE_UNSUPPORTED"))?;
        if text("proofPurpose").ok_or_else(malformed)? != self.purpose.name() {
            return Err(fault("PROOF_PURPOSE_MISMATCH"));
        }
        let (created_ms, expires_ms) = (optional_time("created")?, optional_time("expires")?);
        let from_future = created_ms.is_some_and(|t| t > self.now_ms.saturating_add(self.skew_ms));
        let expired = expires_ms.is_some_and(|t| t < self.now_ms.saturating_sub(self.skew_ms));
        if from_future || expired {
            return Err(fault("PROOF_EXPIRED"));
        }
        let method = text("verificationMethod").ok_or_else(malformed)?;
        let signer = self.signer;
        let verification_method =
            if method.starts_with('#') { format!("{signer}{method}") } else { method.to_owned() };
        let signature = text("proofValue")
            .and_then(|value| value.strip_prefix('z'))
            .filter(|encoded| encoded.len() <= 96)
            .and_then(|encoded| bs58::decode(encoded).into_vec().ok())
            .and_then(|bytes| <[u8; 64]>::try_from(bytes).ok())
            .ok_or_else(malformed)?;
        let optional_text = |name: &str| match proof.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(|t| Some(t.to_owned())).ok_or_else(malformed),
        };
        let domains = proof.get("domain").map(model::items).unwrap_or_default();
        let domains: Option<Vec<String>> =
            domains.iter().map(|item| item.as_str().map(str::to_owned)).collect();
        Ok(Proof {
            verification_method,
            created_ms,
            algorithm: Algorithm::Ed25519,
            message: self.message(document, list, (i, suite), hashed)?.to_vec(),
            signature,
            challenge: optional_text("challenge")?,
            domains: domains.ok_or_else(malformed)?,
        })
    }

    /// The bytes that proof `i` signs.
    fn message(
        &self,
        document: &Object,
        list: &[Value],
        (i, suite): (usize, Suite),
        hashed: &Hashed,
    ) -> Result<[u8; 64], Fault> {
        let fault = |code| Fault::new(code, &format!("/proof/{i}"));
        let options = list.get(i).and_then(Value::as_object);
        let options = options.ok_or_else(|| fault("PROOF_MALFORMED"))?;
        let earlier = previous_proofs(list, i).ok_or_else(|| fault("PREVIOUS_PROOF_MISSING"))?;
        let earlier = (!earlier.is_empty()).then_some(Value::Array(earlier));
        if let Some(context) = options.get("@context")
            && !starts_with(document.get("@context"), context)
        {
            return Err(fault("PROOF_CONTEXT_MISMATCH"));
        }
        let unsecured = Unsecured { document, earlier, hashed, work: self.work };
        if suite == Suite::Jcs {
            return Ok(unsecured.hash_jcs(options));
        }
        let hashed = unsecured.hash_rdfc(options, self.contexts);
        hashed.map_err(|inner| fault(as_proof_code(inner.code)))
    }
}

/// What canonicalisation refuses is told by check `syntax` already; here it means no signature
/// can be computed.
const fn as_proof_code(code: &'static str) -> &'static str {
    match code.as_bytes() {
        b"DATASET_POISONED" => "DATASET_POISONED",
        // a context that is not at hand
        b"NOT_REACHED" => "NOT_REACHED",
        _ => "PROOF_MALFORMED",
    }
}

fn starts_with(document: Option<&Value>, proof: &Value) -> bool {
    document.is_some_and(|document| model::items(document).starts_with(model::items(proof)))
}

/// The proofs that proof `i` says it follows, which it covers. `None` if one is missing, or if
/// following the links leads back to `i`.
fn previous_proofs(list: &[Value], i: usize) -> Option<Vec<Value>> {
    let named = |at: usize| -> Option<Vec<usize>> {
        let Some(previous) = list.get(at)?.get("previousProof") else { return Some(Vec::new()) };
        model::items(previous)
            .iter()
            .map(|id| list.iter().position(|proof| id.is_string() && proof.get("id") == Some(id)))
            .collect()
    };
    let direct = named(i)?;
    let mut reached = direct.clone();
    let mut next = 0;
    while let Some(at) = reached.get(next).copied() {
        if at == i {
            return None;
        }
        for further in named(at)? {
            if !reached.contains(&further) {
                reached.push(further);
            }
        }
        next += 1;
    }
    direct.into_iter().map(|at| list.get(at).cloned()).collect()
}
