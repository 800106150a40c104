//! One document over https.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::error::{CommandError, Kind, Result};

const TIMEOUT: Duration = Duration::from_secs(5);
const BYTES_MAX: u64 = 2 * 1024 * 1024;
const REDIRECTS_MAX: usize = 3;

/// Where a document lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: String,
}

pub(super) fn failed(what: &str) -> CommandError {
    CommandError::new(Kind::Refused, what)
}

/// Where documents may be fetched from, and whom to believe there.
pub(super) struct Web {
    roots: RootCertStore,
    allows: fn(IpAddr) -> bool,
    patience: Duration,
}

impl Web {
    /// The public internet, with the certificates that this machine trusts.
    pub(super) fn public() -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(
                failed("this machine trusts no certificates").hint("install ca-certificates")
            );
        }
        Ok(Self { roots, allows: is_public, patience: TIMEOUT })
    }

    /// The body at a place, redirects on the same host followed.
    pub(super) async fn get(&self, first: Place) -> Result<Vec<u8>> {
        let fetched = tokio::time::timeout(self.patience, self.follow(first)).await;
        fetched.unwrap_or_else(|_| {
            Err(failed(&format!("no answer within {} seconds", self.patience.as_secs_f32())))
        })
    }

    async fn follow(&self, first: Place) -> Result<Vec<u8>> {
        let mut place = first;
        for _ in 0..=REDIRECTS_MAX {
            match self.exchange(&place).await? {
                Answer::Body(body) => return Ok(body),
                Answer::Moved(location) => place = redirected(&place, &location)?,
            }
        }
        Err(failed("too many redirects"))
    }

    /// One request over TLS to an address of the host.
    async fn exchange(&self, place: &Place) -> Result<Answer> {
        let mut stream = self.connect(place).await?;
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

    /// The address that is checked is the one that is connected to.
    async fn connect(&self, place: &Place) -> Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let name = format!("{}:{}", place.host, place.port);
        let found: Vec<SocketAddr> = tokio::net::lookup_host(&name)
            .await
            .map_err(|error| failed(&format!("{name}: {error}")))?
            .collect();
        // one private address among them is enough to refuse: which one is used is not for luck
        if found.is_empty() || !found.iter().all(|address| (self.allows)(address.ip())) {
            return Err(failed(&format!("{} is no public address", place.host))
                .hint("documents are fetched from public addresses only"));
        }
        let tcp = TcpStream::connect(found.as_slice())
            .await
            .map_err(|error| failed(&format!("{name}: {error}")))?;
        let server = ServerName::try_from(place.host.clone())
            .map_err(|_| failed(&format!("{} is no host name", place.host)))?;
        TlsConnector::from(Arc::new(self.config()?))
            .connect(server, tcp)
            .await
            .map_err(|error| failed(&format!("{name}: {error}")))
    }

    fn config(&self) -> Result<ClientConfig> {
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| CommandError::bug(format!("TLS: {error}")))?;
        Ok(versions.with_root_certificates(self.roots.clone()).with_no_client_auth())
    }
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

#[cfg(test)]
mod tests {
    //! Against a real server with a certificate of its own, on loopback, which only these tests
    //! may reach.

    use std::fmt::Write as _;

    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

    use super::*;

    const LOCALHOST: &[u8] = include_bytes!("testdata/localhost.der");
    const KEY: &[u8] = include_bytes!("testdata/localhost.key.der");
    const OTHER: &[u8] = include_bytes!("testdata/other.der");

    /// What the server sends for a path; `None` = nothing, ever.
    type Site = fn(&str) -> Option<Vec<u8>>;

    fn answer(status: &str, headers: &str, body: &[u8]) -> Option<Vec<u8>> {
        let head = format!("HTTP/1.1 {status}\r\n{headers}\r\n");
        Some([head.as_bytes(), body].concat())
    }

    /// Serves `site` on loopback; gives its port and a web that believes its certificate.
    async fn serve(site: Site) -> (u16, Web) {
        let certificate = CertificateDer::from(LOCALHOST.to_vec());
        let key = PrivateKeyDer::try_from(KEY.to_vec()).expect("a key");
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .expect("they fit");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // a client that does not believe the certificate goes away
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read_exact(&mut byte).await.is_err() {
                        break;
                    }
                    request.extend(byte);
                }
                let request = String::from_utf8(request).expect("ASCII");
                let path = request.split(' ').nth(1).expect("a request line").to_owned();
                match site(&path) {
                    Some(bytes) => {
                        // who has enough closes
                        let _ = stream.write_all(&bytes).await;
                        let _ = stream.shutdown().await;
                    }
                    None => std::future::pending().await,
                }
            }
        });
        let mut roots = RootCertStore::empty();
        roots.add(certificate).expect("a root");
        let allows = |address: IpAddr| address.is_loopback();
        (port, Web { roots, allows, patience: Duration::from_secs(60) })
    }

    fn place(port: u16, path: &str) -> Place {
        Place { host: "localhost".to_owned(), port, path: path.to_owned() }
    }

    async fn said(web: &Web, place: Place) -> String {
        web.get(place).await.expect_err("it is refused").message
    }

    #[tokio::test]
    async fn a_document_comes_whole_in_every_framing() {
        let (port, web) = serve(|path| match path {
            "/length" => answer("200 OK", "Content-Length: 7\r\n", b"{\"a\":1}"),
            "/closed" => answer("200 OK", "", b"{\"a\":1}"),
            "/chunked" => answer(
                "200 OK",
                "Transfer-Encoding: chunked\r\n",
                b"3\r\n{\"a\r\n4;x=y\r\n\":1}\r\n0\r\n\r\n",
            ),
            "/moved" => answer("301 Moved", "Location: /again\r\n", b""),
            "/again" => answer("302 Found", "Location: /length\r\n", b""),
            _ => answer("404 Not Found", "", b"{}"),
        })
        .await;
        for path in ["/length", "/closed", "/chunked", "/moved"] {
            let body = web.get(place(port, path)).await;
            assert_eq!(body.expect(path), b"{\"a\":1}", "{path}");
        }
        assert!(said(&web, place(port, "/other")).await.contains("no document"));
    }

    #[tokio::test]
    async fn what_is_cut_off_too_large_or_endless_is_refused() {
        let (port, web) = serve(|path| match path {
            "/short" => answer("200 OK", "Content-Length: 8\r\n", b"{\"a\":1}"),
            "/cut" => answer("200 OK", "Transfer-Encoding: chunked\r\n", b"9\r\n{\"a\":1}"),
            "/wide" => answer("200 OK", "", &vec![b' '; 3 * 1024 * 1024]),
            "/loop" => answer("302 Found", "Location: /loop\r\n", b""),
            "/silent" => None,
            _ => answer("302 Found", "", b""),
        })
        .await;
        assert!(said(&web, place(port, "/short")).await.contains("no document"));
        assert!(said(&web, place(port, "/cut")).await.contains("no document"));
        assert!(said(&web, place(port, "/wide")).await.contains("larger than 2 MiB"));
        assert!(said(&web, place(port, "/loop")).await.contains("too many redirects"));
        assert!(said(&web, place(port, "/nowhere")).await.contains("no document"));
        let hasty = Web { patience: Duration::from_millis(300), ..web };
        assert!(said(&hasty, place(port, "/silent")).await.contains("no answer within"));
    }

    #[tokio::test]
    async fn redirects_stay_on_the_host_and_certificates_and_addresses_count() {
        let (port, web) = serve(|path| {
            let mut location = String::from("Location: ");
            let to = match path {
                "/plain" => "http://localhost/x",
                "/other" => "https://example.org/x",
                "/port" => "https://localhost:1/x",
                "/scheme" => "//example.org/x",
                _ => "relative",
            };
            write!(location, "{to}\r\n").expect("memory");
            answer("302 Found", &location, b"")
        })
        .await;
        for path in ["/plain", "/other", "/port", "/scheme", "/relative"] {
            assert!(said(&web, place(port, path)).await.contains("another host"), "{path}");
        }
        // the name must be the certificate's
        let by_number = Place { host: "127.0.0.1".to_owned(), port, path: "/x".to_owned() };
        assert!(said(&web, by_number).await.contains("certificate"));
        let public = Web { allows: is_public, ..web };
        assert!(said(&public, place(port, "/x")).await.contains("no public address"));
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(OTHER.to_vec())).expect("a root");
        let allows = |address: IpAddr| address.is_loopback();
        let believes_another = Web { roots, allows, ..public };
        assert!(said(&believes_another, place(port, "/x")).await.contains("localhost"));
    }
}
