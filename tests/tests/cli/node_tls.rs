//! `titian` against a node that speaks TLS: it connects to one that it may trust, and says what is
//! wrong with any other.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use titian_node::rpc::tls::Tls;
use titian_tests::served::Served;

use super::{Ran, titian_in};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A node in this process.
struct Node {
    served: Served,
    runtime: tokio::runtime::Runtime,
}

impl Node {
    fn start(tls: Option<Tls>) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().expect("a runtime");
        let served = runtime.block_on(Served::start_with(|config| config.tls = tls));
        Self { served, runtime }
    }

    const fn address(&self) -> SocketAddr {
        self.served.address
    }

    fn stop(self) {
        self.runtime.block_on(self.served.stop());
    }
}

/// Certificate and key of a node that listens on `address`, made by it in `folder` as `name`.
fn made(folder: &Path, name: &str, address: IpAddr) -> Tls {
    let file = |end: &str| folder.join(format!("{name}.{end}"));
    Tls::load_or_create(&file("crt"), &file("key"), address, "").expect("made")
}

/// The same with another certificate for `LOOPBACK`, as `change` makes it.
fn other(folder: &Path, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Tls {
    let mut params = CertificateParams::new(vec![LOOPBACK.to_string()]).expect("a name");
    change(&mut params);
    let secret = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&secret).expect("signed");
    let file = |end: &str| folder.join(format!("{name}.{end}"));
    let (crt, key) = (file("crt"), file("key"));
    std::fs::write(&crt, certificate.pem()).expect("written");
    std::fs::write(&key, secret.serialize_pem()).expect("written");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("set");
    Tls::load(&crt, &key).expect("it is served all the same")
}

/// Runs `titian` in `folder`, where it trusts the certificates of the file `trusted` alone.
fn ask(folder: &Path, trusted: &str, args: &[&str]) -> Ran {
    titian_in(folder, &[("SSL_CERT_FILE", trusted), ("SSL_CERT_DIR", "")], args)
}

/// What `args` are refused for: name and hints. It must be an error of TLS that names the node.
fn refused(folder: &Path, trusted: &str, node: &str, args: &[&str]) -> (String, String) {
    let ran = ask(folder, trusted, &[&["--json", "--node", node], args].concat());
    assert_eq!(ran.code, 4, "{ran:?}");
    let error = ran.json()["error"].clone();
    assert_eq!(error["kind"], "no_node", "{ran:?}");
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains(node) && !message.contains("no node answers"), "{ran:?}");
    (error["name"].as_str().expect("a name").to_owned(), error["hints"].to_string())
}

#[test]
fn a_fault_of_tls_is_told_by_its_name_and_is_not_a_node_that_does_not_answer() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let status = ["ledger", "status"];
    let node = Node::start(Some(made(folder, "node", LOOPBACK)));
    let url = format!("https://{}", node.address());
    // one that is trusted, and by its name, is asked: by a call and for a subscription
    let ran = ask(folder, "node.crt", &[&["--node", &url][..], &status].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let watch = ["ledger", "watch", "--count", "1", "--cursor", "0:0"];
    let ran = ask(folder, "node.crt", &[&["--node", &url][..], &watch].concat());
    assert_eq!(ran.code, 0, "{ran:?}");

    made(folder, "other", LOOPBACK);
    for args in [&status[..], &watch] {
        let (name, hints) = refused(folder, "other.crt", &url, args);
        assert_eq!(name, "TLS_ISSUER_UNKNOWN");
        assert!(hints.contains("SSL_CERT_FILE") && hints.contains("rpc.tls_certificate"));
    }
    node.stop();

    let expired = other(folder, "expired", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let node = Node::start(Some(expired));
    let url = format!("https://{}", node.address());
    let (name, hints) = refused(folder, "expired.crt", &url, &status);
    assert_eq!(name, "TLS_EXPIRED");
    assert!(hints.contains("rpc.tls_certificate"), "{hints}");
    node.stop();

    // what has no name of its own is told in the words of who found it
    let of_a_ca = other(folder, "ca", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let node = Node::start(Some(of_a_ca));
    let url = format!("https://{}", node.address());
    let (name, hints) = refused(folder, "ca.crt", &url, &status);
    assert_eq!(name, "TLS_FAILED");
    assert!(hints.contains("not that of a CA itself"), "{hints}");
    node.stop();

    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let node = Node::start(Some(made(folder, "elsewhere", elsewhere)));
    let url = format!("https://{}", node.address());
    let (name, hints) = refused(folder, "elsewhere.crt", &url, &status);
    assert_eq!(name, "TLS_OTHER_NAME");
    assert!(hints.contains("rpc.public_url"), "{hints}");
    node.stop();
}

#[test]
fn https_where_a_node_speaks_plain_http_is_told_with_the_address_that_would_do() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    made(folder, "node", LOOPBACK);
    let node = Node::start(None);
    let url = format!("https://{}", node.address());
    let (name, hints) = refused(folder, "node.crt", &url, &["ledger", "status"]);
    assert_eq!(name, "TLS_NOT_SPOKEN");
    assert!(hints.contains(&format!("--node http://{}", node.address())), "{hints}");
    // an import that can do without a node does not take this one for none
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/demo/import");
    let file = |name: &str| demo.join(name).display().to_string();
    let import = ["ubin", "import", &file("register.csv"), "--map", &file("register.toml")];
    assert_eq!(refused(folder, "node.crt", &url, &import).0, "TLS_NOT_SPOKEN");
    let address = node.address();
    node.stop();
    // where nothing listens no TLS is at fault
    let ran =
        ask(folder, "node.crt", &["--node", &format!("https://{address}"), "ledger", "status"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains("no node answers") && !ran.stderr.contains("TLS_"), "{ran:?}");
}
