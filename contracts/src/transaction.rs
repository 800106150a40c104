//! The transport envelope of ops (ledger.md §3).
//!
//! Invariant: a [`Transaction`] exists only in canonical form and within its limits. Its id is a
//! digest of its bytes, so submitting the same bytes again is the same transaction.

use std::fmt;
use std::sync::LazyLock;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::digest::{Digest, Tag};
use crate::error::{Code, Reject};
use crate::json::{self, Members, Value};
use crate::limits;
use crate::op::{Op, OpSignature, Register};
use crate::ubin::import::{ImportPart, part};

static ID: LazyLock<Tag> = LazyLock::new(|| Tag::new("titian tx v1"));

/// H("titian tx v1", JCS bytes). Prints as `tx:` + 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct TransactionId(pub Digest);

impl TransactionId {
    /// The id of a transaction's bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(ID.hash(&[bytes]))
    }

    /// Reads `tx:` + 64 lower-case hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        Digest::parse_with("tx:", text).map(Self)
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tx:{}", self.0.to_hex())
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a transaction carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// One op (`kind` op).
    Op(Box<Op>),
    /// An op with partial signatures, to be kept on the ledger (`kind` stage, etr.md §4).
    Stage {
        /// The op, signed by at least one required signer.
        op: Box<Op>,
        /// Until when it may be completed, ms.
        until_ms: u64,
    },
    /// Several ETR ops, all or nothing (`kind` bundle, etr.md §6.7).
    Bundle(Vec<Op>),
    /// A bundle with partial signatures, to be kept on the ledger (`kind` stage).
    StageBundle {
        /// The ops, one of them signed at least.
        ops: Vec<Op>,
        /// Until when it may be completed, ms.
        until_ms: u64,
    },
    /// One more signature for a staged op (`kind` cosign).
    Cosign {
        /// The record.
        id: String,
        /// The op digest of the staged op.
        digest: Digest,
        /// The signature over `digest`.
        signature: OpSignature,
    },
    /// The removal of a staged op (`kind` unstage): an op of the five common members.
    Unstage(Box<Op>),
    /// Records of a chunk whose root is signed (`kind` import_part, ubin.md §6).
    ImportPart(Box<ImportPart>),
}

/// A transaction in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its id.
    pub id: TransactionId,
    /// The register of its payload.
    pub register: Register,
    /// What it carries.
    pub payload: Payload,
    /// The canonical bytes.
    pub bytes: Vec<u8>,
}

impl Transaction {
    /// Reads a transaction: size, canonical form, envelope and op frame. Which acts exist and who
    /// may sign is asked later.
    pub fn parse(bytes: &[u8]) -> Result<Self, Reject> {
        // canonical text begins with the kind, so the limit is known before anything is parsed
        let is_import = bytes.starts_with(br#"{"kind":"import_part","#);
        let (payload_max, whole_max) = if is_import {
            (limits::IMPORT_PAYLOAD_BYTES_MAX, limits::IMPORT_PART_BYTES_MAX)
        } else {
            (limits::PAYLOAD_BYTES_MAX, limits::TRANSACTION_BYTES_MAX)
        };
        if bytes.len() > whole_max {
            return Err(Reject::new(Code::LimitExceeded, "", "transaction is too large"));
        }
        let value = json::parse_canonical(bytes)?;
        let mut members = Members::of(&value, "")?;
        let kind = members.text("kind")?.to_owned();
        members.required("payload")?;
        let register = Register::parse(members.text("register")?)
            .ok_or_else(|| members.malformed("register", "unknown register"))?;
        // canonical text: what is not envelope is payload
        let around = r#"{"kind":,"payload":,"register":"","v":1}"#.len();
        let envelope = around + json::text_bytes(&kind) + register.name().len();
        if bytes.len().saturating_sub(envelope) > payload_max {
            return Err(Reject::new(Code::LimitExceeded, "/payload", "payload is too large"));
        }
        if members.uint("v")? != 1 {
            return Err(members.malformed("v", "version 1 is expected"));
        }
        members.finish()?;
        let payload = read_payload(&kind, value.take("payload").unwrap_or(Value::Null), bytes)?;
        let fits = match &payload {
            Payload::Op(op) => op.register == register,
            Payload::ImportPart(_) => register == Register::Ubin,
            other => {
                register == Register::Etr && other.ops().iter().all(|op| op.register == register)
            }
        };
        if !fits {
            return Err(Reject::new(Code::Malformed, "/register", "differs from the payload's"));
        }
        Ok(Self { id: TransactionId::of(bytes), register, payload, bytes: bytes.to_vec() })
    }

    /// The canonical bytes of a transaction of `kind` around `payload`.
    pub fn encode(kind: &str, register: Register, payload: Value) -> Vec<u8> {
        Value::object([
            ("kind", Value::from(kind)),
            ("payload", payload),
            ("register", Value::from(register.name())),
            ("v", Value::Int(1)),
        ])
        .to_jcs()
        .into_bytes()
    }

    /// The signatures it carries, each with the digest it covers.
    pub fn signatures(&self) -> Vec<(&OpSignature, Digest)> {
        if let Payload::Cosign { digest, signature, .. } = &self.payload {
            return vec![(signature, *digest)];
        }
        let of = |op: &'_ Op| op.digest;
        let ops = self.payload.ops().iter();
        ops.flat_map(|op| op.signatures.iter().map(move |sig| (sig, of(op)))).collect()
    }

    /// The network it is bound to; a cosignature is bound by the digest it covers.
    pub fn chain(&self) -> Option<&str> {
        self.payload.ops().first().map(|op| op.chain.as_str())
    }

    /// `register.act` for ops, `etr.stage` and the like for the other kinds.
    pub fn name(&self) -> String {
        match &self.payload {
            Payload::Op(op) => op.name(),
            Payload::Bundle(_) => "etr.bundle".to_owned(),
            Payload::Stage { .. } | Payload::StageBundle { .. } => "etr.stage".to_owned(),
            Payload::Cosign { .. } => "etr.cosign".to_owned(),
            Payload::Unstage(_) => "etr.unstage".to_owned(),
            Payload::ImportPart(_) => "ubin.import_part".to_owned(),
        }
    }

    /// The AMS that this transaction counts for in quotas: that of its first signer or of the chunk
    /// that it belongs to, else of the record's issuer as far as the op names it, else `--`.
    pub fn quota_owner(&self) -> String {
        if let Payload::ImportPart(part) = &self.payload {
            return part.cc.clone();
        }
        let party = self.signatures().first().map(|(sig, _)| sig.party.as_str()).unwrap_or("--");
        party.get(..2).unwrap_or("--").to_owned()
    }
}

impl Payload {
    /// The ops it carries, in order; a cosignature and a part of an import carry none.
    pub fn ops(&self) -> &[Op] {
        match self {
            Self::Op(op) | Self::Stage { op, .. } | Self::Unstage(op) => std::slice::from_ref(op),
            Self::Bundle(ops) | Self::StageBundle { ops, .. } => ops,
            Self::Cosign { .. } | Self::ImportPart(_) => &[],
        }
    }
}

/// The ops of `{"ops": […]}`. Their number is asked by the register.
fn read_ops(value: &Value, path: &str) -> Result<Vec<Op>, Reject> {
    let mut members = Members::of(value, path)?;
    let items = members.list("ops")?;
    if items.len() > limits::ETR_BUNDLE_OPS_MAX {
        return Err(Reject::new(Code::LimitExceeded, &members.pointer("ops"), "2 to 32 ops"));
    }
    members.finish()?;
    items.iter().map(|item| Op::from_value(item.clone())).collect()
}

/// Reads the payload of a transaction whose canonical bytes are `bytes`.
fn read_payload(kind: &str, payload: Value, bytes: &[u8]) -> Result<Payload, Reject> {
    match kind {
        "op" => Ok(Payload::Op(Box::new(Op::from_value(payload)?))),
        "unstage" => Ok(Payload::Unstage(Box::new(Op::from_value(payload)?))),
        "stage" => {
            let mut members = Members::of(&payload, "/payload")?;
            let op = members.required("op")?;
            let until_ms = members.uint("untilMs")?;
            members.finish()?;
            if op.get("ops").is_some() {
                return Ok(Payload::StageBundle { ops: read_ops(op, "/payload/op")?, until_ms });
            }
            Ok(Payload::Stage { op: Box::new(Op::from_value(op.clone())?), until_ms })
        }
        "cosign" => {
            let mut members = Members::of(&payload, "/payload")?;
            let id = members.text("id")?.to_owned();
            let digest = members.digest("digest")?;
            let signature = OpSignature::from_value(members.required("sig")?, "/payload/sig")?;
            members.finish()?;
            Ok(Payload::Cosign { id, digest, signature })
        }
        "bundle" => Ok(Payload::Bundle(read_ops(&payload, "/payload")?)),
        part::KIND => Ok(Payload::ImportPart(Box::new(ImportPart::read(payload, bytes)?))),
        _ => Err(Reject::new(Code::Malformed, "/kind", "unknown kind")),
    }
}
