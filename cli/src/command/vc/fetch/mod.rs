//! `titian vc did fetch`: documents of did:web issuers into a cache file, when a user asks for it.
//!
//! Invariant (S18): https only, to public addresses only, at most 3 redirects on the same host, 5
//! seconds, 2 MiB. The document must be the DID's own. Nothing else in the program opens an address
//! that a document names. [`web`] is how it is fetched; this file, what is done with it.

mod web;

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_credential::did::method::{WEB_DOCUMENTS_MAX, WebCache};

use crate::act::now_ms;
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;
use crate::wallet::write_private;
use web::{Place, Web, failed};

/// `titian vc did fetch`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The DIDs
    #[arg(required = true, value_name = "DID")]
    dids: Vec<String>,
    /// The cache file; entries that stand in it stay
    #[arg(short, long = "out", value_name = "FILE")]
    out: PathBuf,
}

/// Runs `titian vc did fetch`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::bug(format!("no runtime: {error}")))?;
    let (web, mut entries) = (Web::public()?, existing(&args.out)?);
    for did in &args.dids {
        let place = place_of(did).ok_or_else(|| {
            CommandError::usage(format!("{did} is no did:web")).named("DID_INVALID")
        })?;
        let progress = session.output.spinner(&format!("https://{}{}", place.host, place.path));
        let fetched = runtime.block_on(web.get(place));
        progress.finish_and_clear();
        let body = fetched?;
        let document = titian_credential::json::parse(&body)
            .map_err(|fault| failed("the answer is no JSON").named(fault.code))?;
        if document::text(&document, "/id") != Some(did) {
            return Err(failed(&format!("the document is not that of {did}")).named("DID_INVALID"));
        }
        entries.retain(|entry| document::text(entry, "/document/id") != Some(did));
        entries.push(json!({ "document": document, "fetchedMs": now_ms() }));
    }
    if entries.len() > WEB_DOCUMENTS_MAX {
        return Err(CommandError::usage(format!("a cache holds {WEB_DOCUMENTS_MAX} documents")));
    }
    let text = Json::Array(entries).to_string();
    // what is written is what the verifier reads
    WebCache::parse(text.as_bytes())
        .map_err(|fault| failed("a document cannot be used").named(fault.code))?;
    write_private(&args.out, text.as_bytes())
        .map_err(|error| CommandError::file("write", &args.out, &error))?;
    let path = args.out.display();
    let text = format!(
        "{} fetched into {path}, good for 24 hours\nnext: titian verify FILE --offline BUNDLE \
         --did-web-cache {path}",
        args.dids.len()
    );
    Ok(Report::new(text, json!({ "fetched": args.dids, "file": args.out })))
}

fn existing(path: &Path) -> Result<Vec<Json>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = document::read(path)?;
    WebCache::parse(&bytes).map_err(|fault| {
        CommandError::usage(format!("{} is no cache of did:web", path.display())).named(fault.code)
    })?;
    match serde_json::from_slice(&bytes) {
        Ok(Json::Array(entries)) => Ok(entries),
        _ => Err(CommandError::usage(format!("{} is no cache of did:web", path.display()))),
    }
}

/// `did:web:host%3Aport:a:b` is `https://host:port/a/b/did.json`, without path
/// `/.well-known/did.json`.
fn place_of(did: &str) -> Option<Place> {
    let rest = did.strip_prefix("did:web:").filter(|rest| rest.len() <= 256)?;
    let mut parts = rest.split(':');
    let authority = parts.next()?;
    let (host, port) = match authority.split_once("%3A").or_else(|| authority.split_once("%3a")) {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, 443),
    };
    let parts: Vec<&str> = parts.collect();
    let plain = |part: &&str| {
        !part.is_empty()
            && *part != "."
            && *part != ".."
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b))
    };
    let named = |b: u8| b.is_ascii_alphanumeric() || b"-.".contains(&b);
    if host.is_empty() || !host.bytes().all(named) || !parts.iter().all(plain) {
        return None;
    }
    let path = match parts.as_slice() {
        [] => "/.well-known/did.json".to_owned(),
        parts => format!("/{}/did.json", parts.join("/")),
    };
    Some(Place { host: host.to_owned(), port, path })
}
