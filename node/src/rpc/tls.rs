//! TLS 1.3 of the interface (vc-api.md A§5): the operator's certificate, or a self-signed one made at
//! the first start.
//!
//! An expired certificate is served all the same, because a node that stops for it serves nobody; it
//! is said at start and stands in the figures. Invariant: a certificate and key that are there are used or refused, never replaced; the key's
//! file is read by its owner only.

use std::fs;
use std::io::{self, Write as _};
use std::net::{IpAddr, TcpStream};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Uri;
use titian_contracts::time::rfc3339;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    ServerConfig, SignatureScheme, StreamOwned,
};

/// After the end of every certificate: X.509 writes years with four digits.
const YEAR_10000_S: u64 = 253_402_300_800;

/// What the interface shows, and proves.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    not_after_s: Option<u64>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

fn invalid(path: &Path, what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", path.display()))
}

impl Tls {
    /// Reads certificate and key; makes both if neither is there: for `localhost`, the `address` that
    /// the interface listens on, and the host of `public_url`, which may be empty.
    pub fn load_or_create(
        certificate: &Path,
        key: &Path,
        address: IpAddr,
        public_url: &str,
    ) -> io::Result<Self> {
        if !certificate.exists() && !key.exists() {
            create(certificate, key, names_of(address, public_url))?;
        }
        Self::load(certificate, key)
    }

    /// Reads certificate and key; what is not there is an error.
    pub fn load(certificate: &Path, key: &Path) -> io::Result<Self> {
        let mode = fs::metadata(key).map_err(|fault| invalid(key, fault))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(invalid(key, "others may read the key of TLS; chmod 600 it"));
        }
        let chain = read_chain(certificate)?;
        let not_after_s = not_after_s(&chain);
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|fault| invalid(key, fault))?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(|fault| invalid(certificate, fault))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), not_after_s })
    }

    /// When the certificate expires, in seconds since the Unix epoch, if that can be read.
    pub const fn not_after_s(&self) -> Option<u64> {
        self.not_after_s
    }

    /// What to say of a certificate that has expired at `now_s`.
    pub fn expired(&self, now_s: u64) -> Option<String> {
        let ended = self.not_after_s.filter(|end| *end < now_s)?;
        let when = rfc3339(ended.saturating_mul(1_000));
        Some(format!(
            "the TLS certificate expired at {when}: clients refuse it; put another in its place, or \
             remove it with its key and a self-signed one is made, then start again"
        ))
    }

    /// For the accept loop.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn read_chain(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|fault| invalid(path, fault))?;
    if chain.is_empty() {
        return Err(invalid(path, "holds no certificate"));
    }
    Ok(chain)
}

/// The end of the first certificate. The verifier tells it when asked at a time after every end.
fn not_after_s(chain: &[CertificateDer<'_>]) -> Option<u64> {
    let (own, others) = chain.split_first()?;
    let mut roots = RootCertStore::empty();
    roots.add(chain.last()?.clone().into_owned()).ok()?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    let verifier = verifier.build().ok()?;
    let name = ServerName::try_from("localhost").ok()?;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(YEAR_10000_S));
    match verifier.verify_server_cert(own, others, &name, &[], at) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Some(not_after.as_secs())
        }
        _ => None,
    }
}

/// The names in a self-signed certificate. An address that stands for all is nobody's name.
fn names_of(address: IpAddr, public_url: &str) -> Vec<String> {
    let mut names = vec!["localhost".to_owned()];
    if address.is_unspecified() {
        names.push("127.0.0.1".to_owned());
    } else {
        names.push(address.to_string());
    }
    let host = public_url.parse::<Uri>().ok().and_then(|url| url.host().map(str::to_owned));
    // an IPv6 host stands in brackets there
    let host = host.map(|host| host.trim_matches(['[', ']']).to_owned());
    names.extend(host.filter(|host| !host.is_empty()));
    names.sort_unstable();
    names.dedup();
    names
}

fn create(certificate: &Path, key: &Path, names: Vec<String>) -> io::Result<()> {
    let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    let write = |path: &Path, mode: u32, text: &str| {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    let secret = zeroize::Zeroizing::new(made.key_pair.serialize_pem());
    write(key, 0o600, &secret)?;
    write(certificate, 0o644, &made.cert.pem())?;
    tracing::info!(certificate = %certificate.display(), "self-signed certificate made");
    Ok(())
}

/// A connection to the own interface, for `titian-node status`: the certificate must be the
/// configured one.
pub fn connect(
    certificate: &Path,
    stream: TcpStream,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let own = read_chain(certificate)?.into_iter().next();
    let own = own.ok_or_else(|| invalid(certificate, "holds no certificate"))?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { own, provider: provider() }))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let client = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(client, stream))
}

/// Takes one certificate and no other.
#[derive(Debug)]
struct Pinned {
    own: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity == self.own {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::General("the certificate is not the configured one".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 is expected".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_known_and_said_once_it_is_over() {
        let folder = std::env::temp_dir().join(format!("titian-tls-{}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        fs::create_dir(&folder).expect("made");
        let mut params = CertificateParams::new(vec!["node.example".to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        let secret = KeyPair::generate().expect("a key");
        let made = params.self_signed(&secret).expect("signed");
        let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
        fs::write(&certificate, made.pem()).expect("written");
        fs::write(&key, secret.serialize_pem()).expect("written");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("set");
        let tls = Tls::load(&certificate, &key).expect("it is served all the same");
        let end = 1_609_459_200;
        assert_eq!(tls.not_after_s(), Some(end));
        assert_eq!(tls.expired(end), None);
        let said = tls.expired(end + 1).expect("it is over");
        assert!(said.contains("expired at 2021-01-01T00:00:00Z"), "{said}");
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn a_self_signed_certificate_names_where_clients_find_the_node() {
        let any = "0.0.0.0".parse().expect("an address");
        let names = |url: &str| names_of(any, url);
        assert_eq!(names(""), ["127.0.0.1", "localhost"]);
        assert_eq!(names("https://node.example:26650"), ["127.0.0.1", "localhost", "node.example"]);
        assert_eq!(
            names("https://[2001:db8::1]:26650/"),
            ["127.0.0.1", "2001:db8::1", "localhost"]
        );
        let own = "10.0.0.7".parse().expect("an address");
        assert_eq!(names_of(own, "https://10.0.0.7"), ["10.0.0.7", "localhost"]);
    }
}
