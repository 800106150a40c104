//! A verdict without network: from a trust bundle or an evidence pack and the genesis file.
//!
//! Invariant: no node is asked. A bundle below the height that is trusted already is refused; one
//! that holds raises that height, on disk, before the verdict is printed.

use std::path::Path;

use titian_credential::bundle::{self, Bundle, BundleError, TrustAnchor};
use titian_credential::snapshot::Snapshot;
use titian_credential::verify::{Request, is_presentation, verify, verify_presentation};
use titian_genesis::Genesis;

use crate::act::now_ms;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::trusted::{self, Point};

/// A warning of the verdict: its state is older than one that was trusted before.
pub(crate) const OLDER: &str = "TRUST_OLDER";

/// A bundle whose proof was judged, and whether it is a step back.
#[derive(Debug)]
pub(crate) struct Trusted {
    /// The bundle.
    pub(crate) bundle: Bundle,
    older: bool,
}

impl Trusted {
    /// Reads a bundle file.
    pub(crate) fn of_file(path: &Path, genesis: &Genesis, allow_older: bool) -> Result<Self> {
        let bytes = document::read_at_most(path, bundle::BUNDLE_BYTES_MAX as u64)?;
        Self::of_bytes(&bytes, genesis, allow_older)
    }

    /// Reads a bundle, judges its proof, and keeps the rule that trust never steps back unasked.
    pub(crate) fn of_bytes(bytes: &[u8], genesis: &Genesis, allow_older: bool) -> Result<Self> {
        let height = trusted::of(genesis.hash)?.map_or(0, |point| point.height);
        let trusted_height = if allow_older { 0 } else { height };
        let bundle = open(bytes, genesis, trusted_height).map_err(|error| match error {
            BundleError::TooOld => {
                CommandError::new(Kind::NotProven, format!("{error}, {height} on this network"))
                    .named(OLDER)
                    .hint("fetch a newer bundle: titian vc bundle export")
                    .hint("--allow-older judges by the older state all the same")
            }
            other => CommandError::new(Kind::NotProven, format!("not usable: {other}"))
                .named("STATE_PROOF_INVALID"),
        })?;
        let trust = bundle.trust();
        if trust.proof_code == "OK" {
            let (chain, block_id) = (trust.chain.clone(), trust.block_id.to_string());
            let point = Point { chain, height: trust.height, block_id };
            trusted::raise(genesis.hash, point)?;
        }
        let older = bundle.trust().height < height;
        Ok(Self { bundle, older })
    }

    /// Whether it is older than one that was trusted before.
    pub(crate) const fn is_older(&self) -> bool {
        self.older
    }
}

/// Reads a bundle against a genesis.
pub(crate) fn open(
    bytes: &[u8],
    genesis: &Genesis,
    trusted_height: u64,
) -> std::result::Result<Bundle, BundleError> {
    let anchor = genesis.anchor();
    let trust = TrustAnchor { anchor: &anchor, sandbox: genesis.sandbox, trusted_height };
    bundle::read(bytes, trust)
}

/// The canonical text of the verdict on a credential or presentation.
pub(crate) fn judge(text: &str, request: &Request, trusted: Option<&Trusted>) -> String {
    let snapshot = trusted.map(|trusted| &trusted.bundle as &dyn Snapshot);
    let older = trusted.is_some_and(|trusted| trusted.older);
    let (input, now_ms) = (text.as_bytes(), now_ms());
    if is_presentation(input) {
        let mut verdict = verify_presentation(input, request, snapshot, now_ms);
        if older {
            verdict.whole.warnings.push(OLDER);
        }
        return verdict.to_jcs();
    }
    let mut verdict = verify(input, request, snapshot, now_ms);
    if older {
        verdict.warnings.push(OLDER);
    }
    verdict.to_jcs()
}

/// Refuses a bundle that is not of the height that was asked for.
pub(crate) fn check_height(bundle: &Bundle, wanted: Option<u64>) -> Result<()> {
    let held = bundle.trust().height;
    match wanted {
        Some(height) if height != held => Err(CommandError::new(
            Kind::Indeterminate,
            format!("the bundle holds the state of height {held}, not of {height}"),
        )
        .hint(format!("titian vc bundle export --height {height} fetches it from an archive"))),
        _ => Ok(()),
    }
}
