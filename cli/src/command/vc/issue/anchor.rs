//! Anchors: a tree over the credentials that were just issued, its root on the ledger, a receipt
//! for each holder.
//!
//! Invariant: what goes to the ledger is a root under random salts; the receipt proves the time to
//! whoever is given it, and nothing to anyone else.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore as _;
use serde_json::{Value as Json, json};
use titian_api::call;
use titian_api::vc::IdParams;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_credential::anchor::{Receipt, Tree, commitment};
use titian_credential::form;

use super::{Secured, write_own};
use crate::act::{self, Draft, Signatory, Unsigned};
use crate::error::{CommandError, Result};
use crate::session::Session;
use crate::wallet::{KeyRef, Wallet, WalletKey};

/// Anchors of one issuer that are looked for.
const ANCHORS_LOG2_MAX: u32 = 40;

/// Where the receipt of a credential goes.
pub(super) fn receipt_path(credential: &Path) -> PathBuf {
    let mut name: OsString = credential.as_os_str().to_owned();
    name.push(".receipt.json");
    PathBuf::from(name)
}

/// An anchor that is signed and not sent.
pub(super) struct Anchor {
    tree: Tree,
    /// `SG:ACRA/anchor/7`.
    id: String,
    op: Unsigned,
}

/// The key that signs the anchor: one that signs the credential if it may act, else the newest of the
/// issuer that does. The ledger asks for the will of the issuer, not for the key of the credential.
fn acting<'a>(wallet: &'a Wallet, keys: &[&'a WalletKey], issuer: &str) -> Result<&'a WalletKey> {
    let acts = |key: &&WalletKey| {
        let invokes = key.purposes.iter().any(|purpose| purpose == "invoke");
        key.party == issuer && key.number.is_some() && key.signs_ops() && invokes
    };
    let newest = || wallet.keys.iter().filter(acts).max_by_key(|key| key.number);
    keys.iter().copied().find(acts).or_else(newest).ok_or_else(|| {
        CommandError::usage(format!("the wallet holds no key by which {issuer} may act"))
            .hint("the anchor is an act: an Ed25519 key with purpose invoke signs it")
    })
}

/// Builds the anchor of credentials and signs it, with the consent of the user.
pub(super) fn prepare(
    session: &Session,
    wallet: &Wallet,
    keys: &[&WalletKey],
    secured: &[Secured],
    yes: bool,
) -> Result<Anchor> {
    let issuer = keys.first().map(|key| key.party.as_str()).unwrap_or_default();
    let commitments: Result<Vec<[u8; 32]>> = secured
        .iter()
        .map(|one| {
            let reading = form::read(one.text.as_bytes());
            let reading =
                reading.map_err(|_| CommandError::bug("what was issued cannot be read"))?;
            Ok(commitment(&reading))
        })
        .collect();
    let mut random = || {
        let mut bytes = [0; 32];
        rand::rngs::OsRng.fill_bytes(&mut bytes);
        bytes
    };
    let tree = Tree::new(&commitments?, &mut random)
        .ok_or_else(|| CommandError::bug("nothing to anchor"))?;
    let key = acting(wallet, keys, issuer)?;
    let signers = [KeyRef { party: issuer.to_owned(), number: key.number }];
    let n = next_number(session, issuer)?;
    let args = Value::object([
        ("issuer", Value::from(issuer)),
        ("n", Value::from(n)),
        ("root", Value::from(tree.root())),
        ("sizeLog2", Value::from(tree.size_log2())),
    ]);
    let draft = Draft::new(Register::Vc, "anchor_submit", args);
    let mut op = act::build(session, &draft, wallet, &signers)?;
    let keys = [Signatory::own(key)];
    act::approve(session.output, &op, &keys, yes)?;
    act::sign(&mut op, &keys)?;
    Ok(Anchor { tree, id: format!("{issuer}/anchor/{n}"), op })
}

impl Anchor {
    /// Sends it, and writes the receipts beside the credentials; gives them and the exit code, which
    /// tells of an anchor that is not in a block yet.
    pub(super) fn submit(
        self,
        session: &Session,
        secured: &[Secured],
    ) -> Result<(Vec<PathBuf>, u8)> {
        let submitted = act::submit(session, "op", self.op.register, self.op.value, true)?;
        let report = act::receipt_report(session.output, &submitted)?;
        let height = report.json.get("height").cloned().unwrap_or_default();
        if report.exit != 0 {
            session.output.note(&format!("the anchor is sent and not in a block yet: {}", self.id));
        }
        let chain = session.chain()?;
        let write = |(i, one): (usize, &Secured)| {
            let receipt = self
                .tree
                .receipt(i, &self.id)
                .ok_or_else(|| CommandError::bug("a leaf is missing"))?;
            let path = receipt_path(&one.file);
            write_own(&path, &format!("{}\n", to_json(&receipt, chain, &height)))?;
            Ok(path)
        };
        let receipts: Result<Vec<PathBuf>> = secured.iter().enumerate().map(write).collect();
        Ok((receipts?, report.exit))
    }
}

/// A receipt as a file. The proof of the anchor itself comes from state or a bundle.
fn to_json(receipt: &Receipt, chain: &str, height: &Json) -> Json {
    let path: Vec<String> = receipt.path.iter().map(ToString::to_string).collect();
    json!({
        "titianProof": 1, "kind": "vc-anchor", "chain": chain, "height": height,
        "claim": {
            "anchor": receipt.anchor, "salt": URL_SAFE_NO_PAD.encode(receipt.salt),
            "leafIndex": receipt.leaf_index, "anchorPath": path,
        },
        "path": null, "header": null, "certificate": null, "validators": null,
    })
}

/// The next free number: by doubling, then halving.
fn next_number(session: &Session, issuer: &str) -> Result<u64> {
    let stands = |n: u64| {
        let id = format!("{issuer}/anchor/{n}");
        let params = IdParams { id, height: None, proof: false };
        match session.client()?.ask::<call::VcAnchor>(&params) {
            Ok(_) => Ok(true),
            Err(error) if error.name.as_deref() == Some("NOT_FOUND") => Ok(false),
            Err(error) => Err(error),
        }
    };
    let (mut low, mut high) = (0_u64, 1_u64);
    while stands(high)? {
        low = high;
        high = high.saturating_mul(2);
        if high > 1 << ANCHORS_LOG2_MAX {
            return Err(CommandError::refused("the issuer has too many anchors"));
        }
    }
    // low stands (or is 0), high is free
    while high.saturating_sub(low) > 1 {
        let middle = low.midpoint(high);
        if stands(middle)? { low = middle } else { high = middle }
    }
    Ok(high)
}
