//! TLS 1.3 of the interface (vc-api.md A§5): the operator's certificate, or a self-signed one made at
//! the first start.
//!
//! Invariant: a certificate and key that are there are used or refused, never replaced; the key's
//! file is read by its owner only.

use std::fs;
use std::io::{self, Write as _};
use std::net::{IpAddr, TcpStream};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
    StreamOwned,
};

/// What the interface shows, and proves.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

fn invalid(path: &Path, what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", path.display()))
}

impl Tls {
    /// Reads certificate and key; makes both, for `address` and `localhost`, if neither is there.
    pub fn load_or_create(certificate: &Path, key: &Path, address: IpAddr) -> io::Result<Self> {
        if !certificate.exists() && !key.exists() {
            create(certificate, key, address)?;
        }
        let mode = fs::metadata(key).map_err(|fault| invalid(key, fault))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(invalid(key, "others may read the key of TLS; chmod 600 it"));
        }
        let chain = read_chain(certificate)?;
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|fault| invalid(key, fault))?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(|fault| invalid(certificate, fault))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// For the accept loop.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0))
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

fn create(certificate: &Path, key: &Path, address: IpAddr) -> io::Result<()> {
    let names = vec!["localhost".to_owned(), address.to_string()];
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
