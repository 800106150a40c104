//! Identifiers of parties: did:ubin from a node, the computed methods here, did:web from a cache.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_api::call;
use titian_api::vc::ResolveParams;
use titian_credential::did::method::{WEB_AGE_MS_MAX, computed_document};

use super::super::ledger::write_bundle;
use super::fetch;
use crate::act::now_ms;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::Report;
use crate::session::Session;

/// `titian vc did`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Resolve a DID to its document
    #[command(after_help = "Examples:
  titian vc did resolve did:ubin:SG:ACRA
  titian vc did resolve SG:ACRA --at 2026-06-01T00:00:00Z --proof did.json
  titian vc did resolve did:key:z6Mk…                          computed, no node
  titian vc did resolve did:web:issuer.example --did-web-cache cache.json")]
    Resolve {
        /// The DID; did:ubin: may be left out
        did: String,
        /// As of this time, RFC 3339
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Write a proof of the answer
        #[arg(long, value_name = "FILE")]
        proof: Option<PathBuf>,
        /// Where documents of did:web are kept
        #[arg(long, value_name = "FILE")]
        did_web_cache: Option<PathBuf>,
    },
    /// Fetch the documents of did:web issuers into a cache file
    ///
    /// The one command that opens an address outside the ledger: https only, public addresses only,
    /// at most 3 redirects on the same host, 5 seconds, 2 MiB.
    #[command(after_help = "Examples:
  titian vc did fetch did:web:issuer.example did:web:gov.example:trade -o cache.json")]
    Fetch(fetch::Args),
}

/// Runs `titian vc did`.
pub(super) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::Fetch(args) => fetch::run(session, args),
        Command::Resolve { did, at, proof, did_web_cache } => {
            if did.starts_with("did:key:") || did.starts_with("did:jwk:") {
                return computed(did);
            }
            if did.starts_with("did:web:") {
                return cached(did, did_web_cache.as_deref());
            }
            resolve(session, did, at.as_deref(), proof.as_deref())
        }
    }
}

fn computed(did: &str) -> Result<Report> {
    let document = computed_document(did).ok_or_else(|| {
        CommandError::new(Kind::NotProven, format!("{did} breaks the grammar of its method"))
            .named("DID_INVALID")
    })?;
    Ok(Report::json(json!({ "didDocument": document, "didResolutionMetadata": {
        "contentType": "application/did",
    }, "didDocumentMetadata": {} })))
}

fn cached(did: &str, cache: Option<&Path>) -> Result<Report> {
    let missing = || {
        CommandError::new(Kind::Indeterminate, format!("{did} is in no cache"))
            .named("DID_NOT_AVAILABLE")
            .hint(format!("titian vc did fetch {did} -o cache.json, then --did-web-cache"))
    };
    let cache = document::read_json(cache.ok_or_else(missing)?)?;
    let entries = cache.as_array().map_or(&[][..], Vec::as_slice);
    let entry = entries
        .iter()
        .find(|entry| document::text(entry, "/document/id") == Some(did))
        .ok_or_else(missing)?;
    let fetched_ms = entry.get("fetchedMs").and_then(Json::as_u64).unwrap_or(0);
    if now_ms().checked_sub(fetched_ms).is_none_or(|age_ms| age_ms > WEB_AGE_MS_MAX) {
        return Err(CommandError::new(
            Kind::Indeterminate,
            format!("{did} was fetched too long ago"),
        )
        .named("DID_CACHE_STALE"));
    }
    Ok(Report::json(json!({
        "didDocument": entry.get("document"),
        "didResolutionMetadata": { "contentType": "application/did", "fetchedMs": fetched_ms },
        "didDocumentMetadata": {},
    })))
}

fn resolve(session: &Session, did: &str, at: Option<&str>, proof: Option<&Path>) -> Result<Report> {
    let did = if did.starts_with("did:") { did.to_owned() } else { format!("did:ubin:{did}") };
    let params = ResolveParams {
        did,
        version_time: at.map(str::to_owned),
        proof: proof.is_some(),
        ..ResolveParams::default()
    };
    let mut answer = session.client()?.ask::<call::VcResolve>(&params)?;
    let metadata = answer.get_mut("didResolutionMetadata").and_then(Json::as_object_mut);
    let bundle = metadata.and_then(|metadata| metadata.remove("ledgerProof"));
    let mut report = Report::json(Json::Object(answer));
    if let Some(path) = proof {
        let bundle = bundle.ok_or_else(|| CommandError::refused("the node gave no proof"))?;
        report.text = format!("{}\n{}", report.text, write_bundle(path, bundle)?);
    }
    Ok(report)
}
