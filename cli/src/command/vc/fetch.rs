//! `titian vc did fetch`: documents of did:web issuers into a cache file, when a user asks for it.
//!
//! Invariant (S18): https only, to public addresses only, at most 3 redirects on the same host, 5
//! seconds, 2 MiB. The address that is checked is the one that is connected to. The document must
//! be the DID's own. Nothing else in the program opens an address that a document names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use titian_credential::did::method::{WEB_DOCUMENTS_MAX, WebCache};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::act::now_ms;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::Report;
use crate::session::Session;
use crate::wallet::write_private;

const TIMEOUT: Duration = Duration::from_secs(5);
const BYTES_MAX: u64 = 2 * 1024 * 1024;
const REDIRECTS_MAX: usize = 3;

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

/// Where a document lies.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
    path: String,
}

/// Runs `titian vc did fetch`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::bug(format!("no runtime: {error}")))?;
    let mut entries = existing(&args.out)?;
    for did in &args.dids {
        let place = place_of(did).ok_or_else(|| {
            CommandError::usage(format!("{did} is no did:web")).named("DID_INVALID")
        })?;
        let progress = session.output.spinner(&format!("https://{}{}", place.host, place.path));
        let fetched = runtime.block_on(async { tokio::time::timeout(TIMEOUT, get(place)).await });
        progress.finish_and_clear();
        let body = fetched.unwrap_or_else(|_| Err(failed("no answer within 5 seconds")))?;
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

fn failed(what: &str) -> CommandError {
    CommandError::new(Kind::Refused, what)
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

/// The body at a place, redirects on the same host followed.
async fn get(first: Place) -> Result<Vec<u8>> {
    let mut place = first;
    for _ in 0..=REDIRECTS_MAX {
        match exchange(&place).await? {
            Answer::Body(body) => return Ok(body),
            Answer::Moved(location) => place = redirected(&place, &location)?,
        }
    }
    Err(failed("too many redirects"))
}

/// Where a redirect leads: on the same host only.
fn redirected(from: &Place, location: &str) -> Result<Place> {
    let elsewhere = || failed("a redirect leads to another host");
    let path = if location.starts_with('/') && !location.starts_with("//") {
        location
    } else {
        let rest = location.strip_prefix("https://").ok_or_else(elsewhere)?;
        let (authority, path) =
            rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).ok_or_else(elsewhere)?;
        let same = authority == from.host && from.port == 443
            || authority == format!("{}:{}", from.host, from.port);
        if !same {
            return Err(elsewhere());
        }
        if path.is_empty() { "/" } else { path }
    };
    if !path.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(elsewhere());
    }
    Ok(Place { path: path.to_owned(), ..from.clone() })
}

enum Answer {
    Body(Vec<u8>),
    Moved(String),
}

/// One request over TLS to a public address of the host.
async fn exchange(place: &Place) -> Result<Answer> {
    let mut stream = connect(place).await?;
    let port = if place.port == 443 { String::new() } else { format!(":{}", place.port) };
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}{port}\r\nAccept: application/did, application/json\r\n\
         Connection: close\r\n\r\n",
        place.path, place.host
    );
    let broken = |error: std::io::Error| failed(&format!("{}: {error}", place.host));
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    let mut bytes = Vec::new();
    match (&mut stream).take(BYTES_MAX + 1).read_to_end(&mut bytes).await {
        Ok(_) => {}
        // some servers close without saying so; the length tells whether anything is missing
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {}
        Err(error) => return Err(broken(error)),
    }
    if bytes.len() as u64 > BYTES_MAX {
        return Err(failed("the answer is larger than 2 MiB"));
    }
    read_answer(&bytes).ok_or_else(|| failed("the answer is no document"))
}

async fn connect(place: &Place) -> Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let name = format!("{}:{}", place.host, place.port);
    let found: Vec<SocketAddr> = tokio::net::lookup_host(&name)
        .await
        .map_err(|error| failed(&format!("{name}: {error}")))?
        .collect();
    // one private address among them is enough to refuse: which one is used is not for luck
    if found.is_empty() || !found.iter().all(|address| is_public(address.ip())) {
        return Err(failed(&format!("{} is no public address", place.host))
            .hint("documents are fetched from public addresses only"));
    }
    let tcp = TcpStream::connect(found.as_slice())
        .await
        .map_err(|error| failed(&format!("{name}: {error}")))?;
    let server = ServerName::try_from(place.host.clone())
        .map_err(|_| failed(&format!("{} is no host name", place.host)))?;
    TlsConnector::from(Arc::new(config()?))
        .connect(server, tcp)
        .await
        .map_err(|error| failed(&format!("{name}: {error}")))
}

/// TLS with the certificates that this machine trusts.
fn config() -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(failed("this machine trusts no certificates").hint("install ca-certificates"));
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| CommandError::bug(format!("TLS: {error}")))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

/// The body or the redirect of an answer; `None` if it is neither, or not whole.
fn read_answer(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n")?;
    let (head, body) = (bytes.get(..end)?, bytes.get(end + 4..)?);
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let status: u16 = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    let header =
        |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
    match status {
        301 | 302 | 303 | 307 | 308 => Some(Answer::Moved(header("location")?.to_owned())),
        200 => {
            if header("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
                return unchunked(body).map(Answer::Body);
            }
            match header("content-length").map(str::parse::<usize>) {
                Some(Ok(length)) => body.get(..length).map(|body| Answer::Body(body.to_vec())),
                Some(Err(_)) => None,
                None => Some(Answer::Body(body.to_vec())),
            }
        }
        _ => None,
    }
}

/// Chunks (RFC 9112 §7.1) in one piece; `None` if the last one is missing.
fn unchunked(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|part| part == b"\r\n")?;
        let size = std::str::from_utf8(bytes.get(..end)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        let from = end + 2;
        if size == 0 {
            return Some(body);
        }
        let to = from.checked_add(size)?;
        body.extend_from_slice(bytes.get(from..to)?);
        bytes = bytes.get(to..)?.strip_prefix(b"\r\n")?;
    }
}

/// Whether an address is one of the public internet: not of this machine, a private network, or
/// set aside for anything else (IANA special-purpose registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_public_v4(mapped),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // global unicast, without documentation, benchmarks, Teredo, 6to4
    (0x2000..0x4000).contains(&a)
        && !(a == 0x2001 && (b < 0x0200 || b == 0x0db8))
        && a != 0x2002
        && !(a == 0x3fff && b < 0x1000)
}
