//! Trust facts for work on this machine: a bundle that a node makes and this program checks.
//!
//! Invariant: what is at hand is proven against the genesis file; a credential never leaves the
//! machine to be checked.

use std::path::PathBuf;

use serde_json::Value as Json;
use titian_api::vc::BundleParams;
use titian_api::{Nothing, call};
use titian_credential::bundle::Bundle;
use titian_credential::snapshot::Snapshot as _;
use titian_genesis::Genesis;

use super::super::verify::{offline, read_genesis};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::session::Session;

/// The genesis of the network: the named file, the devnet's, else what the node shows.
pub(crate) fn genesis(session: &Session, named: Option<&PathBuf>) -> Result<Genesis> {
    if named.is_some() || session.folder()?.is_some() {
        return read_genesis(&session.genesis_path(named)?);
    }
    session.output.note("the node's own genesis is used; --genesis FILE names one you trust");
    let shown = session.client()?.ask::<call::LedgerGenesis>(&Nothing {})?;
    let text = document::from_json(&Json::Object(shown.genesis))?.to_jcs();
    Genesis::parse(text.as_bytes())
        .map_err(|error| CommandError::refused(format!("the node shows no genesis: {error}")))
}

/// The text of a bundle that a node makes.
pub(crate) fn fetch(session: &Session, params: &BundleParams) -> Result<String> {
    let answer = session.client()?.ask::<call::VcBundle>(params)?;
    Ok(document::from_json(&Json::Object(answer.bundle))?.to_jcs())
}

/// State that is proven, for checks on this machine.
pub(crate) fn proven(
    session: &Session,
    genesis: &Genesis,
    params: &BundleParams,
) -> Result<Bundle> {
    let text = fetch(session, params)?;
    let unusable = |what: String| {
        CommandError::new(Kind::NotProven, format!("the node's bundle is not usable: {what}"))
            .hint("it is broken or hostile: use another one with --node")
    };
    let bundle =
        offline::open(text.as_bytes(), genesis, 0).map_err(|error| unusable(error.to_string()))?;
    match bundle.trust().proof_code {
        "OK" => Ok(bundle),
        code => Err(unusable(code.to_owned()).named(code)),
    }
}
