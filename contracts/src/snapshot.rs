//! Manifests of snapshots (ledger.md §6, ubin-api.md §9): what files hold, under which certificate.
//!
//! Invariant: a manifest says nothing about its own trustworthiness; [`Seal::check`] follows its
//! certificate to the genesis, and the tops of the shards join to the certified state root. What a
//! file holds is compared with the manifest by whoever reads files: this module does no I/O.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::block::{Certificate, Header, encode};
use crate::digest::Digest;
use crate::error::Reject;
use crate::json::{Members, Value};
use crate::proof::{Anchor, VerifyError};
use crate::tree::{SHARDS, Subtree};

/// Index of a feed cursor that stands for "everything of this height".
pub const INDEX_ALL: u32 = u32::MAX;

/// Height and root of a snapshot with what proves them. The state root of a height stands in the
/// next header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The header with the state root: that of the next height.
    pub header: Header,
    /// Its certificate.
    pub certificate: Certificate,
}

impl Seal {
    /// The height of the snapshot.
    pub const fn height(&self) -> u64 {
        self.header.height.saturating_sub(1)
    }

    /// Checks chain, validators and certificate against the genesis.
    pub fn check(&self, anchor: &Anchor) -> Result<(), VerifyError> {
        if self.header.chain != anchor.chain {
            return Err(VerifyError::ChainDiffers);
        }
        if self.header.validators_hash != anchor.validators.hash() {
            return Err(VerifyError::ValidatorsUnknown);
        }
        let same = self.certificate.height == self.header.height
            && self.certificate.block == self.header.id();
        if !same {
            return Err(VerifyError::HeaderDiffers);
        }
        Ok(self.certificate.check(&anchor.chain, &anchor.validators)?)
    }

    fn members(&self, kind: &str) -> Vec<(&'static str, Value)> {
        let base64 = |bytes: &[u8]| Value::Text(URL_SAFE_NO_PAD.encode(bytes));
        vec![
            ("titianSnapshot", Value::Int(1)),
            ("kind", Value::from(kind)),
            ("chain", Value::from(self.header.chain.as_str())),
            ("height", Value::from(self.height())),
            ("stateRoot", Value::from(self.header.state_root)),
            ("header", base64(&encode(&self.header))),
            ("certificate", base64(&encode(&self.certificate))),
        ]
    }

    /// Reads the common members, which must agree with the header.
    fn read(m: &mut Members<'_>, kind: &str) -> Result<Self, Reject> {
        if m.uint("titianSnapshot")? != 1 || m.text("kind")? != kind {
            return Err(m.malformed("kind", "a snapshot of another kind or version"));
        }
        let seal =
            Self { header: read_borsh(m, "header")?, certificate: read_borsh(m, "certificate")? };
        let agrees = m.text("chain")? == seal.header.chain
            && m.uint("height")? == seal.height()
            && m.digest("stateRoot")? == seal.header.state_root;
        if agrees { Ok(seal) } else { Err(m.malformed("header", "differs from what is stated")) }
    }
}

/// The manifest of a UBIN snapshot: a line per number, see [`crate::ubin::feed::line`], in the
/// order of state keys, each in canonical form and ended by a newline, compressed with zstd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UbinManifest {
    /// Height, root, certificate.
    pub seal: Seal,
    /// Lines.
    pub count: u64,
    /// Bytes of the compressed file.
    pub bytes: u64,
    /// SHA-256 of the lines, uncompressed: the same on every node.
    pub sha256: Digest,
}

impl UbinManifest {
    /// As JSON; with the cursor from which the feed goes on.
    pub fn to_value(&self) -> Value {
        let mut members = self.seal.members("ubin");
        members.extend([
            ("count", Value::from(self.count)),
            ("bytes", Value::from(self.bytes)),
            ("sha256", Value::from(sha256_text(&self.sha256))),
            ("cursor", Value::from(cursor_after(self.seal.height()))),
        ]);
        Value::object(members)
    }

    /// Reads JSON made by [`Self::to_value`].
    pub fn parse(value: &Value) -> Result<Self, Reject> {
        let mut m = Members::of(value, "")?;
        let seal = Seal::read(&mut m, "ubin")?;
        let (count, bytes) = (m.uint("count")?, m.uint("bytes")?);
        let sha256 = read_sha256(&mut m)?;
        let cursor = m.text("cursor")?;
        if cursor != cursor_after(seal.height()) {
            return Err(m.malformed("cursor", "not the end of the height"));
        }
        m.finish()?;
        Ok(Self { seal, count, bytes, sha256 })
    }
}

/// The cursor from which the feed goes on after a snapshot of a height.
fn cursor_after(height: u64) -> String {
    format!("{height}:{INDEX_ALL}")
}

/// A file of a ledger snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// Items in it.
    pub count: u64,
    /// SHA-256 of the file as it lies on disk.
    pub sha256: Digest,
}

/// The manifest of a ledger snapshot: one file per shard of the state tree, the UBIN bodies, and
/// the transactions that may not be repeated yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerManifest {
    /// Height, root, certificate.
    pub seal: Seal,
    /// The header of the height itself.
    pub head: Header,
    /// Transactions up to and with the height.
    pub transactions: u64,
    /// Each shard's file, and what its subtree looks like from above.
    pub shards: Vec<(File, Subtree)>,
    /// UBIN bodies by hash.
    pub bodies: File,
    /// Positions of recent transactions.
    pub recent: File,
}

impl LedgerManifest {
    /// As JSON.
    pub fn to_value(&self) -> Value {
        let file = |file: &File| {
            vec![
                ("count", Value::from(file.count)),
                ("sha256", Value::from(sha256_text(&file.sha256))),
            ]
        };
        let shards = self.shards.iter().map(|(shard, top)| {
            Value::object(file(shard).into_iter().chain([("top", Value::from(top_text(top)))]))
        });
        let mut members = self.seal.members("ledger");
        members.extend([
            ("head", Value::Text(URL_SAFE_NO_PAD.encode(encode(&self.head)))),
            ("transactions", Value::from(self.transactions)),
            ("shards", Value::List(shards.collect())),
            ("bodies", Value::object(file(&self.bodies))),
            ("recent", Value::object(file(&self.recent))),
        ]);
        Value::object(members)
    }

    /// Reads JSON made by [`Self::to_value`]. The tops must join to the state root, and the header
    /// of the height must be the parent of the sealed one.
    pub fn parse(value: &Value) -> Result<Self, Reject> {
        let mut m = Members::of(value, "")?;
        let seal = Seal::read(&mut m, "ledger")?;
        let head: Header = read_borsh(&mut m, "head")?;
        let transactions = m.uint("transactions")?;
        let mut shards = Vec::with_capacity(SHARDS);
        for item in m.list("shards")? {
            let mut shard = Members::of(item, "/shards")?;
            let file = read_file(&mut shard)?;
            let top = read_top(shard.text("top")?)
                .ok_or_else(|| shard.malformed("top", "empty, leaf: or node:"))?;
            shard.finish()?;
            shards.push((file, top));
        }
        let mut files = Vec::with_capacity(2);
        for name in ["bodies", "recent"] {
            let mut file = m.object(name)?;
            files.push(read_file(&mut file)?);
            file.finish()?;
        }
        let [bodies, recent] = files[..] else { return Err(m.malformed("bodies", "")) };
        if head.id() != seal.header.parent || head.height != seal.height() {
            return Err(m.malformed("head", "not the parent of the sealed header"));
        }
        let tops: Vec<Subtree> = shards.iter().map(|(_, top)| *top).collect();
        if shards.len() != SHARDS || Subtree::join_all(&tops).hash() != seal.header.state_root {
            return Err(m.malformed("shards", "they do not join to the state root"));
        }
        m.finish()?;
        Ok(Self { seal, head, transactions, shards, bodies, recent })
    }
}

fn read_file(m: &mut Members<'_>) -> Result<File, Reject> {
    Ok(File { count: m.uint("count")?, sha256: read_sha256(m)? })
}

fn read_sha256(m: &mut Members<'_>) -> Result<Digest, Reject> {
    Digest::parse_with("sha256:", m.text("sha256")?)
        .ok_or_else(|| m.malformed("sha256", "sha256: and 64 hex digits"))
}

fn read_borsh<T: borsh::BorshDeserialize>(m: &mut Members<'_>, name: &str) -> Result<T, Reject> {
    let bytes = URL_SAFE_NO_PAD.decode(m.text(name)?).ok();
    bytes
        .and_then(|bytes| borsh::from_slice(&bytes).ok())
        .ok_or_else(|| m.malformed(name, "not of the expected form"))
}

/// A SHA-256 digest as text.
pub fn sha256_text(digest: &Digest) -> String {
    format!("sha256:{}", digest.to_hex())
}

fn top_text(top: &Subtree) -> String {
    match top {
        Subtree::Empty => "empty".to_owned(),
        Subtree::Leaf { key, value, .. } => format!("leaf:{}:{}", key.to_hex(), value.to_hex()),
        Subtree::Node(hash) => format!("node:{}", hash.to_hex()),
    }
}

fn read_top(text: &str) -> Option<Subtree> {
    let digest = |hex: &str| Digest::parse_with("", hex);
    match text.split(':').collect::<Vec<_>>()[..] {
        ["empty"] => Some(Subtree::Empty),
        ["leaf", key, value] => Some(Subtree::leaf(digest(key)?, digest(value)?)),
        ["node", hash] => digest(hash).map(Subtree::Node),
        _ => None,
    }
}
