//! Faults of TLS on the way to a node: found in the error of a transport, told by name.

use std::error::Error;
use std::io;

use tokio_rustls::rustls::{CertificateError, Error as Fault};

use crate::error::{CommandError, Kind};

/// The fault of TLS that `cause` comes from, if it comes from one.
pub(super) fn fault_in<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a Fault> {
    let mut next = Some(cause);
    while let Some(error) = next {
        if let Some(fault) = error.downcast_ref() {
            return Some(fault);
        }
        next = match error.downcast_ref::<io::Error>() {
            // its source is the source of what it holds, not what it holds
            Some(held) => held.get_ref().map(|held| held as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

/// The error of a node at `url` that no connection over TLS can be made to.
pub(super) fn refused(url: &str, fault: &Fault) -> CommandError {
    use CertificateError as Certificate;
    let error = |name: &str, why: &str| {
        let message = format!("no connection to {url} that is secure: {why}");
        CommandError::new(Kind::NoNode, message).named(name)
    };
    match fault {
        // certificates that nodes make themselves all have one issuer's name: where another one of them is
        // trusted, the signature is found to be wrong
        Fault::InvalidCertificate(Certificate::UnknownIssuer | Certificate::BadSignature) => {
            error("TLS_ISSUER_UNKNOWN", "nobody that this machine trusts issued its certificate")
                .hint("SSL_CERT_FILE=tls.crt trusts the file that the node's operator hands out")
                .hint("on the node it is rpc.tls_certificate")
        }
        Fault::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            error("TLS_EXPIRED", "its certificate has expired")
                .hint("the operator puts another at rpc.tls_certificate and starts the node again")
                .hint("is the clock of this machine right?")
        }
        Fault::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => error("TLS_OTHER_NAME", "its certificate is for another name")
            .hint("ask by a name that stands in the certificate: --node https://NAME:PORT")
            .hint("one that a node makes itself names the host of its rpc.public_url"),
        Fault::InvalidMessage(_) => error("TLS_NOT_SPOKEN", "what answers there speaks no TLS")
            .hint(format!("--node {}", url.replacen("https://", "http://", 1)))
            .hint("a node on loopback speaks plain HTTP unless rpc.tls is true"),
        other => error("TLS_FAILED", &other.to_string())
            .hint("a node speaks TLS 1.3, with a certificate for servers, not that of a CA itself")
            .hint("SSL_CERT_FILE=FILE names the certificates to trust"),
    }
}
