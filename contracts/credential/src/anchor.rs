//! Anchors: proof that a credential existed at a time, which tells nothing to anyone without the
//! salt (vc.md §5.5).
//!
//! Invariant: a receipt proves a time only through a root that stands in state; the leaf binds the
//! very bytes that were secured.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use titian_contracts::credential::{Anchor, NumberedId, anchor_key};
use titian_contracts::digest::{Digest, hash};

use crate::form::{Reading, Securing};
use crate::json::canonical;
use crate::key::decode;
use crate::snapshot::{Known, Snapshot, read};

/// Depth of the smallest and the largest tree.
const SIZE_LOG2: std::ops::RangeInclusive<usize> = 6..=20;

/// What the holder keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// `issuer/anchor/n`.
    pub anchor: String,
    /// The salt of the leaf.
    pub salt: [u8; 32],
    /// Which leaf.
    pub leaf_index: u64,
    /// Siblings from the leaf up.
    pub path: Vec<Digest>,
}

impl Receipt {
    /// Reads a receipt of kind `vc-anchor`; `None` if it is none. Proof members are for the state
    /// it is checked against and are not looked at.
    pub fn of_value(value: &Value) -> Option<Self> {
        if value.get("kind").and_then(Value::as_str) != Some("vc-anchor") {
            return None;
        }
        let claim = value.get("claim")?;
        let text = |name: &str| claim.get(name).and_then(Value::as_str);
        let path: Option<Vec<Digest>> = claim
            .get("anchorPath")?
            .as_array()?
            .iter()
            .map(|item| item.as_str().and_then(Digest::parse))
            .collect();
        Some(Self {
            anchor: text("anchor")?.to_owned(),
            salt: decode(text("salt")?)?.try_into().ok()?,
            leaf_index: claim.get("leafIndex").and_then(Value::as_u64)?,
            path: path?,
        })
    }

    /// The anchor's time if `commitment` is under this receipt and the anchor is `issuer`'s.
    pub fn time_ms(
        &self,
        commitment: [u8; 32],
        issuer: &str,
        snapshot: &dyn Snapshot,
    ) -> Option<u64> {
        let id = NumberedId::parse(&self.anchor, "anchor")?;
        if id.owner != issuer || !SIZE_LOG2.contains(&self.path.len()) {
            return None;
        }
        let Known::Known(Some(anchor)) =
            read::<Anchor>(snapshot, &anchor_key(&id.owner, id.number))
        else {
            return None;
        };
        let mut node = leaf(commitment, self.salt);
        let mut at = self.leaf_index;
        for sibling in &self.path {
            node = if at & 1 == 0 { join(node, *sibling) } else { join(*sibling, node) };
            at >>= 1;
        }
        let fits = at == 0 && anchor.size_log2 == self.path.len() as u64 && anchor.root == node;
        fits.then_some(anchor.time_ms)
    }
}

/// SHA-256 of what was secured: the canonical text with proof, or the issuer-signed token without
/// disclosures.
pub fn commitment(reading: &Reading) -> [u8; 32] {
    let bytes = |text: &str| Sha256::digest(text.as_bytes()).into();
    let token = |token: &crate::jose::Jws| {
        use base64::Engine as _;
        let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&token.signature);
        format!("{}.{signature}", token.signing_input)
    };
    match &reading.securing {
        Securing::Embedded => {
            let document: Map<String, Value> = reading.document.clone();
            bytes(&canonical(&Value::Object(document)))
        }
        Securing::Jws(jws, _) => bytes(&token(jws)),
        Securing::SdJwt(sd, ..) => bytes(&token(&sd.issuer)),
    }
}

/// The leaf of a commitment.
pub fn leaf(commitment: [u8; 32], salt: [u8; 32]) -> Digest {
    let inner = hash("titian vc anchor v1", &[&commitment]);
    Digest(*blake3::keyed_hash(&salt, &inner.0).as_bytes())
}

fn join(left: Digest, right: Digest) -> Digest {
    hash("titian vc node v1", &[&left.0, &right.0])
}

/// The layers above leaves whose number is a power of two, the leaves first.
fn layers_over(leaves: Vec<Digest>) -> Vec<Vec<Digest>> {
    let mut layers = vec![leaves];
    while let Some(below) = layers.last().filter(|layer| layer.len() > 1) {
        let above = below.as_chunks::<2>().0.iter().map(|[l, r]| join(*l, *r)).collect();
        layers.push(above);
    }
    layers
}

/// A tree over commitments: what a node flushes into `anchor_submit`.
#[derive(Clone, Debug)]
pub struct Tree {
    layers: Vec<Vec<Digest>>,
    salts: Vec<[u8; 32]>,
}

impl Tree {
    /// A tree over `commitments`, padded with random leaves to a power of two of at least 64.
    /// `random` gives 32 fresh bytes at each call. `None` if there are none or too many.
    pub fn new(commitments: &[[u8; 32]], random: &mut dyn FnMut() -> [u8; 32]) -> Option<Self> {
        let size = commitments.len().checked_next_power_of_two()?.max(1 << SIZE_LOG2.start());
        if commitments.is_empty() || size > 1 << SIZE_LOG2.end() {
            return None;
        }
        let salts: Vec<[u8; 32]> = commitments.iter().map(|_| random()).collect();
        let mut layer: Vec<Digest> =
            commitments.iter().zip(&salts).map(|(c, salt)| leaf(*c, *salt)).collect();
        layer.extend((layer.len()..size).map(|_| Digest(random())));
        Some(Self { layers: layers_over(layer), salts })
    }

    /// The tree over leaves whose salts others keep: as many as the tree has, padding included.
    /// `None` if their number is no power of two within the limits.
    pub fn of_leaves(leaves: Vec<Digest>) -> Option<Self> {
        let fits = leaves.len().is_power_of_two()
            && SIZE_LOG2.contains(&(leaves.len().trailing_zeros() as usize));
        fits.then(|| Self { layers: layers_over(leaves), salts: Vec::new() })
    }

    /// The root, for `anchor_submit`.
    pub fn root(&self) -> Digest {
        self.layers.last().and_then(|top| top.first()).copied().unwrap_or(Digest::ZERO)
    }

    /// Base-2 logarithm of the number of leaves, for `anchor_submit`.
    pub fn size_log2(&self) -> u64 {
        self.layers.len() as u64 - 1
    }

    /// The siblings of leaf `index`, from the leaf up.
    pub fn path(&self, index: usize) -> Option<Vec<Digest>> {
        let mut at = index;
        let mut path = Vec::new();
        for layer in self.layers.iter().take(self.layers.len() - 1) {
            path.push(*layer.get(at ^ 1)?);
            at >>= 1;
        }
        Some(path)
    }

    /// The receipt of commitment `index`, once the anchor has its id.
    pub fn receipt(&self, index: usize, anchor: &str) -> Option<Receipt> {
        let salt = *self.salts.get(index)?;
        let path = self.path(index)?;
        Some(Receipt { anchor: anchor.to_owned(), salt, leaf_index: index as u64, path })
    }
}
