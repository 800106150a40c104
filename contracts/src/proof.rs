//! The portable proof bundle and its verifier (ledger.md §6).
//!
//! A bundle is JCS text that proves one claim about state against the genesis file alone: state
//! values with their path to the state root, the header that carries that root, and the
//! certificate of more than two thirds of the validators.
//!
//! Invariant: verification never panics and reads no clock; it is bounded by
//! [`limits::PROOF_BYTES_MAX`]. An unknown kind, a leftover member or byte, or a claim that does
//! not follow from the proven values is refused. A header's state root belongs to its parent, so a
//! proof for height h carries header h + 1.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::as_of::AsOf;
use crate::block::{
    Certificate, CertificateError, Header, TRANSACTION_NODE, ValidatorSet, counted_root, encode,
};
use crate::digest::Digest;
use crate::error::Reject;
use crate::json::{self, Members, Value};
use crate::limits;
use crate::merkle;
use crate::state::{Stored, tree_key};
use crate::transaction::TransactionId;
use crate::tree::{Multiproof, ProofError};

/// The trust anchor: what a verifier takes from the genesis file.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// The chain id.
    pub chain: String,
    /// The genesis hash, parent of block 1.
    pub genesis: Digest,
    /// The validators from height 1.
    pub validators: ValidatorSet,
}

/// Why a bundle proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not a bundle: size, form, or a member that is missing, unknown or of the wrong type.
    #[error("not a proof bundle: {0}")]
    Malformed(String),
    /// A kind that this verifier does not know.
    #[error("unknown kind of proof")]
    UnknownKind,
    /// Another chain than the genesis file's.
    #[error("the proof is of another chain than the genesis file")]
    ChainDiffers,
    /// The validator set of the header is not the one the genesis file leads to.
    #[error("no chain of validator sets leads from the genesis file to this header")]
    ValidatorsUnknown,
    /// Header and height, or header and certificate, do not belong together.
    #[error("the header does not belong to this height")]
    HeaderDiffers,
    /// The certificate does not prove the header.
    #[error("the certificate does not verify: {0}")]
    Certificate(#[from] CertificateError),
    /// The path does not prove the values.
    #[error("{0}")]
    Path(#[from] ProofError),
    /// The claim does not follow from the proven values.
    #[error("the claim does not follow from the proven values: {0}")]
    ClaimDiffers(String),
    /// The height is below one already trusted.
    #[error("the proof is older than the trusted height")]
    TooOld,
}

impl From<Reject> for VerifyError {
    fn from(reject: Reject) -> Self {
        Self::Malformed(reject.to_string())
    }
}

/// What a verified bundle says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The kind.
    pub kind: String,
    /// The claim, as in the bundle.
    pub claim: Value,
    /// The height it holds for.
    pub height: u64,
    /// Block time of the header that carries the root, ms.
    pub time_ms: u64,
}

/// One state value of a claim: its logical key, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The logical key.
    pub key: Vec<u8>,
    /// The value; `None` is proven absent.
    pub stored: Option<Stored>,
}

impl Entry {
    /// Tree key and value hash.
    pub(crate) fn pair(&self) -> (Digest, Option<Digest>) {
        (tree_key(&self.key), self.stored.as_ref().map(|stored| stored.value_hash(&self.key)))
    }
}

/// What a node puts into a bundle besides kind and claim.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The multiproof of state kinds, or the path of a transaction.
    pub path: Vec<u8>,
    /// The header with the root.
    pub header: Header,
    /// Its certificate.
    pub certificate: Certificate,
    /// What proves an earlier height where the tree of that height is gone.
    pub as_of: Option<AsOf>,
}

/// The JCS text of a bundle. `height` is the height the claim holds for.
pub fn bundle(kind: &str, height: u64, claim: Value, evidence: &Evidence) -> String {
    let mut members = vec![
        ("titianProof", Value::Int(1)),
        ("kind", Value::from(kind)),
        ("chain", Value::from(evidence.header.chain.as_str())),
        ("height", Value::from(height)),
        ("claim", claim),
        ("path", base64(&evidence.path)),
        ("header", base64(&encode(&evidence.header))),
        ("certificate", base64(&encode(&evidence.certificate))),
        ("validators", Value::List(Vec::new())),
    ];
    members.extend(evidence.as_of.iter().flat_map(AsOf::members));
    Value::object(members).to_jcs()
}

/// Base64url without padding, as all bytes in a bundle.
pub(crate) fn base64(bytes: &[u8]) -> Value {
    Value::Text(URL_SAFE_NO_PAD.encode(bytes))
}

/// The claim member that carries state entries: `[{key, value}]`, both base64url; `value` is the
/// borsh form of [`Stored`] or null.
pub fn entries_value(entries: &[Entry]) -> Value {
    Value::List(
        entries
            .iter()
            .map(|entry| {
                Value::object([
                    ("key", base64(&entry.key)),
                    ("value", entry.stored.as_ref().map(|s| base64(&encode(s))).into()),
                ])
            })
            .collect(),
    )
}

/// The members of a bundle, read and not judged yet.
pub(crate) struct Parts {
    pub(crate) kind: String,
    pub(crate) claim: Value,
    pub(crate) evidence: Evidence,
    chain: String,
    height: u64,
}

/// Reads a bundle; says nothing about whether it proves its claim.
pub(crate) fn read(bytes: &[u8]) -> Result<Parts, VerifyError> {
    if bytes.len() > limits::PROOF_BYTES_MAX {
        return Err(VerifyError::Malformed("larger than 1 MiB".to_owned()));
    }
    let value = json::parse(trim_newline(bytes))?;
    let mut members = Members::of(&value, "")?;
    if members.uint("titianProof")? != 1 {
        return Err(VerifyError::Malformed("unknown version".to_owned()));
    }
    let kind = members.text("kind")?.to_owned();
    let chain = members.text("chain")?.to_owned();
    let height = members.uint("height")?;
    let claim = members.required("claim")?.clone();
    let path = decode(members.text("path")?, "path")?;
    let header: Header = decode_borsh(members.text("header")?, "header")?;
    let certificate: Certificate = decode_borsh(members.text("certificate")?, "certificate")?;
    let validators = members.list("validators")?;
    let as_of = AsOf::read(&mut members)?;
    members.finish()?;
    if !validators.is_empty() {
        return Err(VerifyError::ValidatorsUnknown);
    }
    Ok(Parts {
        kind,
        claim,
        evidence: Evidence { path, header, certificate, as_of },
        chain,
        height,
    })
}

/// Verifies a bundle of any kind against `anchor`. `trusted_height` refuses older proofs.
pub fn verify(bytes: &[u8], anchor: &Anchor, trusted_height: u64) -> Result<Proven, VerifyError> {
    let Parts { kind, claim, evidence, chain, height } = read(bytes)?;
    let Evidence { path, header, certificate, as_of } = evidence;
    if chain != anchor.chain {
        return Err(VerifyError::ChainDiffers);
    }
    check_certified(&header, &certificate, anchor)?;
    if height < trusted_height {
        return Err(VerifyError::TooOld);
    }
    if let Some(as_of) = &as_of {
        if !crate::claim::has_past(&kind) {
            return Err(VerifyError::Malformed("no earlier height for this kind".to_owned()));
        }
        for (header, certificate) in &as_of.headers {
            check_certified(header, certificate, anchor)?;
        }
    }
    match kind.as_str() {
        "ledger-transaction" => verify_transaction(height, &claim, &path, &header)?,
        _ => verify_state(&kind, height, &claim, path, &header, as_of.as_ref())?,
    }
    Ok(Proven { kind, claim, height, time_ms: header.time_ms })
}

/// Whether the validators of the anchor certified the header.
fn check_certified(
    header: &Header,
    certificate: &Certificate,
    anchor: &Anchor,
) -> Result<(), VerifyError> {
    if header.chain != anchor.chain {
        return Err(VerifyError::ChainDiffers);
    }
    if header.validators_hash != anchor.validators.hash() {
        return Err(VerifyError::ValidatorsUnknown);
    }
    if certificate.height != header.height || certificate.block != header.id() {
        return Err(VerifyError::HeaderDiffers);
    }
    Ok(certificate.check(&anchor.chain, &anchor.validators)?)
}

fn verify_state(
    kind: &str,
    height: u64,
    claim: &Value,
    path: Vec<u8>,
    header: &Header,
    as_of: Option<&AsOf>,
) -> Result<(), VerifyError> {
    if header.height != height.saturating_add(1) {
        return Err(VerifyError::HeaderDiffers);
    }
    let entries = read_entries(claim)?;
    match as_of {
        Some(as_of) => as_of.verify(header, &entries, path)?,
        None => {
            let pairs: Vec<_> = entries.iter().map(Entry::pair).collect();
            Multiproof(path).verify(&header.state_root, &pairs)?;
        }
    }
    let frame = crate::claim::Frame { chain: &header.chain, time_ms: header.time_ms };
    let expected = crate::claim::rebuild(kind, claim, &entries, frame)?;
    if &expected == claim {
        Ok(())
    } else {
        Err(VerifyError::ClaimDiffers("a stated member differs from the state value".to_owned()))
    }
}

/// The state entries of a claim that has any: as [`entries_value`] writes them, 1 to
/// [`limits::PROOF_KEYS_MAX`].
pub fn read_entries(claim: &Value) -> Result<Vec<Entry>, VerifyError> {
    let items = claim
        .get("entries")
        .and_then(Value::as_list)
        .ok_or_else(|| VerifyError::Malformed("/claim/entries is missing".to_owned()))?;
    if items.is_empty() || items.len() > limits::PROOF_KEYS_MAX {
        return Err(VerifyError::Malformed("/claim/entries: number of entries".to_owned()));
    }
    items
        .iter()
        .map(|item| {
            let mut members = Members::of(item, "/claim/entries")?;
            let key = decode(members.text("key")?, "key")?;
            let stored = match members.required("value")? {
                Value::Null => None,
                Value::Text(text) => Some(decode_borsh(text, "value")?),
                _ => return Err(VerifyError::Malformed("/claim/entries/value".to_owned())),
            };
            members.finish()?;
            Ok(Entry { key, stored })
        })
        .collect()
}

/// `ledger-transaction`: claim {id, index, count, transaction?}, path = siblings up to the root of the
/// tree, from which, with the count, follows the header's txRoot.
fn verify_transaction(
    height: u64,
    claim: &Value,
    path: &[u8],
    header: &Header,
) -> Result<(), VerifyError> {
    let mut members = Members::of(claim, "/claim")?;
    let id = TransactionId::parse(members.text("id")?)
        .ok_or_else(|| VerifyError::Malformed("/claim/id".to_owned()))?;
    let index = members.uint("index")?;
    let count = members.uint("count")?;
    let text = members.optional_text("transaction")?;
    members.finish()?;
    if header.height != height {
        return Err(VerifyError::HeaderDiffers);
    }
    if text.is_some_and(|text| TransactionId::of(text.as_bytes()) != id) {
        return Err(VerifyError::ClaimDiffers("the transaction has another id".to_owned()));
    }
    let (siblings, rest) = path.as_chunks::<32>();
    let siblings: Vec<Digest> = siblings.iter().map(|bytes| Digest(*bytes)).collect();
    let (Ok(place), Ok(size), true) =
        (usize::try_from(index), usize::try_from(count), rest.is_empty() && siblings.len() <= 64)
    else {
        return Err(VerifyError::Path(ProofError::Malformed));
    };
    match merkle::root_from_path(TRANSACTION_NODE, id.0, place, size, &siblings) {
        Some(root) if counted_root(count, root) == header.tx_root => Ok(()),
        _ => Err(VerifyError::Path(ProofError::RootDiffers)),
    }
}

/// The path bytes of a transaction proof.
pub fn transaction_path(ids: &[TransactionId], index: usize) -> Vec<u8> {
    let leaves: Vec<Digest> = ids.iter().map(|id| id.0).collect();
    let path = merkle::path_of(TRANSACTION_NODE, &leaves, index);
    path.iter().flat_map(|digest| digest.0).collect()
}

pub(crate) fn decode(text: &str, field: &str) -> Result<Vec<u8>, VerifyError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| VerifyError::Malformed(format!("/{field}: base64url without padding")))
}

pub(crate) fn decode_borsh<T: borsh::BorshDeserialize>(
    text: &str,
    field: &str,
) -> Result<T, VerifyError> {
    borsh::from_slice(&decode(text, field)?)
        .map_err(|_| VerifyError::Malformed(format!("/{field}: not of the expected form")))
}

/// Files end with a newline; bundles do not.
fn trim_newline(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\n").unwrap_or(bytes)
}
