//! Trust bundles and evidence packs: state with its proof, for a verdict without network
//! (vc-api.md A§1).
//!
//! Invariant: nothing of a bundle counts before its proof leads to the trust anchor; a key that is
//! proven absent is an answer, a key that is not in the bundle is unknown. A bundle is not signed
//! and its maker need not be trusted.
//!
//! - this file: reading and proof; [`make`]: which keys a scope needs, and the container.

pub mod make;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use titian_contracts::as_of::AsOf;
use titian_contracts::block::{Certificate, Header};
use titian_contracts::digest::Digest;
use titian_contracts::json::{self, Members, Value};
use titian_contracts::proof::{Anchor, Entry};
use titian_contracts::state::{Stored, tree_key};
use titian_contracts::tree::Multiproof;

use crate::anchor::Receipt;
use crate::pack::{Frame, InflateError, inflate};
use crate::snapshot::{Known, Snapshot, Source, Trust};

/// Bytes of a bundle, inflated.
pub const BUNDLE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Objects of a bundle.
pub const OBJECTS_MAX: usize = 100_000;
/// Bytes of an evidence pack, inflated.
pub const EVIDENCE_BYTES_MAX: usize = 256 * 1024;
/// Bytes of one inflated chunk value.
const CHUNK_VALUE_BYTES_MAX: u64 = 64 * 1024;

/// First bytes of a gzip file.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Kind of a trust bundle.
pub const BUNDLE: &str = "vc-bundle";
/// Kind of an evidence pack: one credential with the bundle limited to it.
pub const EVIDENCE: &str = "vc-evidence";

/// What the user trusts beforehand.
#[derive(Clone, Copy, Debug)]
pub struct TrustAnchor<'a> {
    /// From the genesis file.
    pub anchor: &'a Anchor,
    /// Whether genesis marks the network as a sandbox.
    pub sandbox: bool,
    /// The height already trusted on this chain; 0 to allow any.
    pub trusted_height: u64,
}

/// Why a file cannot be used at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Larger, or more objects, than allowed.
    #[error("the bundle is larger than allowed")]
    TooLarge,
    /// Not a bundle.
    #[error("not a trust bundle: {0}")]
    Malformed(&'static str),
    /// Its height is below one that is trusted already.
    #[error("the bundle is older than the trusted height")]
    TooOld,
}

/// A bundle that was read; `trust.proof_code` tells whether its proof holds.
#[derive(Clone, Debug)]
pub struct Bundle {
    trust: Trust,
    objects: BTreeMap<Vec<u8>, Option<Stored>>,
    credential: Option<String>,
    receipts: Vec<Receipt>,
}

impl Snapshot for Bundle {
    fn get(&self, key: &[u8]) -> Known<Option<Stored>> {
        match self.objects.get(key) {
            Some(value) if self.trust.proof_code == "OK" => Known::Known(value.clone()),
            _ => Known::Unknown,
        }
    }

    fn trust(&self) -> &Trust {
        &self.trust
    }
}

impl Bundle {
    /// The credential of an evidence pack.
    pub fn credential(&self) -> Option<&str> {
        self.credential.as_deref()
    }

    /// The anchor receipts of an evidence pack.
    pub fn receipts(&self) -> &[Receipt] {
        &self.receipts
    }

    /// How many keys it answers for.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// How many keys of each kind it answers for.
    pub fn kinds(&self) -> BTreeMap<&'static str, usize> {
        let mut kinds = BTreeMap::new();
        for key in self.objects.keys() {
            *kinds.entry(make::kind_of(key)).or_default() += 1;
        }
        kinds
    }

    /// Whether it answers for none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

/// The kind that a file, gzip or plain, claims to have: [`BUNDLE`] or [`EVIDENCE`]. Proves nothing.
pub fn kind_of(bytes: &[u8]) -> Option<&'static str> {
    let inflated;
    let mut bytes = bytes;
    if bytes.starts_with(GZIP) {
        inflated = inflate(Frame::Gzip, bytes, BUNDLE_BYTES_MAX as u64).ok()?;
        bytes = &inflated;
    }
    let claims = |kind: &str| {
        let member = format!("\"kind\":\"{kind}\"");
        bytes.windows(member.len()).any(|part| part == member.as_bytes())
    };
    // the objects inside have kinds of their own, never one of these
    [EVIDENCE, BUNDLE].into_iter().find(|kind| claims(kind))
}

/// Reads a bundle or evidence pack, gzip or plain, and judges its proof: chain and genesis,
/// validators, certificate, path. A proof that fails leaves a bundle that answers nothing and says
/// why in its trust.
pub fn read(bytes: &[u8], trust: TrustAnchor<'_>) -> Result<Bundle, BundleError> {
    let inflated;
    let mut bytes = bytes;
    if bytes.starts_with(GZIP) {
        inflated = inflate(Frame::Gzip, bytes, BUNDLE_BYTES_MAX as u64)?;
        bytes = &inflated;
    }
    if bytes.len() > BUNDLE_BYTES_MAX {
        return Err(BundleError::TooLarge);
    }
    let value = json::parse(bytes.strip_suffix(b"\n").unwrap_or(bytes))
        .map_err(|_| BundleError::Malformed("not JSON"))?;
    let file = File::of(&value)?;
    if file.kind == EVIDENCE && bytes.len() > EVIDENCE_BYTES_MAX {
        return Err(BundleError::TooLarge);
    }
    if file.height < trust.trusted_height {
        return Err(BundleError::TooOld);
    }
    let proof_code = file.judge(trust);
    let objects =
        if proof_code == "OK" { file.objects.into_iter().collect() } else { BTreeMap::new() };
    Ok(Bundle {
        trust: Trust {
            chain: file.chain,
            sandbox: trust.sandbox,
            height: file.height,
            block_id: file.header.parent,
            time_ms: file.header.time_ms,
            source: Source::Bundle,
            proof_code,
        },
        objects,
        credential: file.credential,
        receipts: file.receipts,
    })
}

/// The members of the container.
struct File {
    kind: String,
    chain: String,
    height: u64,
    genesis: Digest,
    sandbox: bool,
    objects: Objects,
    path: Vec<u8>,
    header: Header,
    certificate: Certificate,
    /// Where the tree of the height was gone when the bundle was made.
    as_of: Option<AsOf>,
    own_validators: bool,
    credential: Option<String>,
    receipts: Vec<Receipt>,
}

impl File {
    fn of(value: &Value) -> Result<Self, BundleError> {
        let shape = |_| BundleError::Malformed("a member is missing, unknown or of the wrong type");
        let mut members = Members::of(value, "").map_err(shape)?;
        let version = members.uint("titianProof").map_err(shape)?;
        let kind = members.text("kind").map_err(shape)?.to_owned();
        if version != 1 || ![BUNDLE, EVIDENCE].contains(&kind.as_str()) {
            return Err(BundleError::Malformed("unknown kind or version"));
        }
        let chain = members.text("chain").map_err(shape)?.to_owned();
        let height = members.uint("height").map_err(shape)?;
        let path = decode(members.text("path").map_err(shape)?)?;
        let header = decode_borsh(members.text("header").map_err(shape)?)?;
        let certificate = decode_borsh(members.text("certificate").map_err(shape)?)?;
        let own_validators = !members.list("validators").map_err(shape)?.is_empty();
        let mut claim = members.object("claim").map_err(shape)?;
        let as_of = AsOf::read(&mut members)
            .map_err(|_| BundleError::Malformed("headers or changes are not of their form"))?;
        members.finish().map_err(shape)?;
        let genesis = claim.digest("genesis").map_err(shape)?;
        let sandbox = claim.boolean("sandbox").map_err(shape)?;
        // what the maker meant to put in; what counts is what is proven
        claim.required("scope").map_err(shape)?;
        let objects = objects(claim.list("objects").map_err(shape)?)?;
        let credential = claim.optional_text("credential").map_err(shape)?.map(str::to_owned);
        let receipts = match claim.optional("receipts") {
            None => Vec::new(),
            Some(list) => {
                let all = list.as_list().ok_or(BundleError::Malformed("receipts is no list"))?;
                all.iter().filter_map(receipt).collect()
            }
        };
        claim.finish().map_err(shape)?;
        Ok(Self {
            kind,
            chain,
            height,
            genesis,
            sandbox,
            objects,
            path,
            header,
            certificate,
            as_of,
            own_validators,
            credential,
            receipts,
        })
    }

    /// A code of check `stateProof`.
    fn judge(&self, trust: TrustAnchor<'_>) -> &'static str {
        let anchor = trust.anchor;
        let same_chain = self.chain == anchor.chain
            && self.header.chain == anchor.chain
            && self.genesis == anchor.genesis
            && self.sandbox == trust.sandbox;
        if !same_chain {
            return "CHAIN_MISMATCH";
        }
        let later = self.as_of.iter().flat_map(|as_of| &as_of.headers);
        let certified = || later.clone().map(|(header, certificate)| (header, certificate));
        let all = || std::iter::once((&self.header, &self.certificate)).chain(certified());
        if certified().any(|(header, _)| header.chain != anchor.chain) {
            return "CHAIN_MISMATCH";
        }
        let set = anchor.validators.hash();
        if self.own_validators || all().any(|(header, _)| header.validators_hash != set) {
            return "VALIDATORS_UNKNOWN";
        }
        let signed = |header: &Header, certificate: &Certificate| {
            certificate.height == header.height
                && certificate.block == header.id()
                && certificate.check(&self.chain, &anchor.validators).is_ok()
        };
        if !all().all(|(header, certificate)| signed(header, certificate)) {
            return "CERTIFICATE_INVALID";
        }
        // a header's state root belongs to its parent
        let next = self.header.height == self.height.saturating_add(1);
        let ascending = self.objects.windows(2).all(|pair| match pair {
            [(a, _), (b, _)] => a < b,
            _ => true,
        });
        let proven = next && ascending && self.proven();
        if proven { "OK" } else { "STATE_PROOF_INVALID" }
    }

    /// Whether the path, and what stands beside it for an earlier height, prove the objects.
    fn proven(&self) -> bool {
        if let Some(as_of) = &self.as_of {
            let entry = |(key, stored): &(Vec<u8>, Option<Stored>)| Entry {
                key: key.clone(),
                stored: stored.clone(),
            };
            let entries: Vec<Entry> = self.objects.iter().map(entry).collect();
            return as_of.verify(&self.header, &entries, self.path.clone()).is_ok();
        }
        let pairs: Vec<_> = self
            .objects
            .iter()
            .map(|(key, stored)| (tree_key(key), stored.as_ref().map(|s| s.value_hash(key))))
            .collect();
        Multiproof(self.path.clone()).verify(&self.header.state_root, &pairs).is_ok()
    }
}

/// State keys with their values; `None` is proven absent.
type Objects = Vec<(Vec<u8>, Option<Stored>)>;

fn objects(list: &[Value]) -> Result<Objects, BundleError> {
    if list.is_empty() || list.len() > OBJECTS_MAX {
        return Err(BundleError::TooLarge);
    }
    let shape = |_| BundleError::Malformed("an object is not of the expected form");
    list.iter()
        .map(|item| {
            let mut members = Members::of(item, "/claim/objects").map_err(shape)?;
            let kind = members.text("kind").map_err(shape)?;
            let key = decode(members.text("key").map_err(shape)?)?;
            if kind != make::kind_of(&key) {
                return Err(BundleError::Malformed("an object is not of its kind"));
            }
            let packed = kind == make::CHUNK;
            let stored = match members.required("value").map_err(shape)? {
                Value::Null => None,
                Value::Text(text) if packed => {
                    let bytes = decode(text)?;
                    let bytes = inflate(Frame::Raw, &bytes, CHUNK_VALUE_BYTES_MAX)?;
                    Some(from_borsh(&bytes)?)
                }
                Value::Text(text) => Some(decode_borsh(text)?),
                _ => return Err(BundleError::Malformed("a value is text or null")),
            };
            members.finish().map_err(shape)?;
            Ok((key, stored))
        })
        .collect()
}

fn receipt(value: &Value) -> Option<Receipt> {
    Receipt::of_value(&crate::json::parse(value.to_jcs().as_bytes()).ok()?)
}

impl From<InflateError> for BundleError {
    fn from(error: InflateError) -> Self {
        match error {
            InflateError::Malformed => Self::Malformed("not compressed as its frame says"),
            InflateError::TooLarge => Self::TooLarge,
        }
    }
}

fn decode(text: &str) -> Result<Vec<u8>, BundleError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| BundleError::Malformed("base64url without padding"))
}

fn decode_borsh<T: borsh::BorshDeserialize>(text: &str) -> Result<T, BundleError> {
    from_borsh(&decode(text)?)
}

fn from_borsh<T: borsh::BorshDeserialize>(bytes: &[u8]) -> Result<T, BundleError> {
    borsh::from_slice(bytes).map_err(|_| BundleError::Malformed("not of the expected form"))
}
