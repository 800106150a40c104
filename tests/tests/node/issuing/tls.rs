//! TLS of the interface: the certificate made at the first start, and nothing but TLS 1.3.

use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use titian_node::rpc::tls::Tls;
use titian_tests::http::{request, request_tls};

use super::{CUSTOMS, Office, aeo};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[tokio::test(flavor = "multi_thread")]
async fn t14_issuing_and_verifying_over_tls() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let tls = Tls::load_or_create(&certificate, &key, LOOPBACK, "").expect("made");
    let office = Office::open_with(|config| config.tls = Some(tls)).await;
    let bearer = office.bearer(&["vc:issue"], &[CUSTOMS]);
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    let ask = async |path: &str, body: serde_json::Value| {
        let body = body.to_string();
        let answer =
            request_tls(office.address(), &certificate, "POST", path, &headers, body.as_bytes());
        answer.await.expect("a connection")
    };
    let made = ask("/credentials/issue", json!({"credential": aeo("urn:uuid:tls")})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let credential = made.json()["verifiableCredential"].clone();
    let verified = ask("/credentials/verify", json!({"verifiableCredential": credential})).await;
    assert_eq!((verified.status, &verified.json()["verified"]), (200, &json!(true)));
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "ledger_status", "params": {}});
    assert_eq!(ask("/", call).await.json()["result"]["chain"], "titian-devnet-1");
    // the operator's command takes the configured certificate and no other
    let status = async |certificate: &std::path::Path| {
        let config = folder.path().join("titian-node.toml");
        let text = format!(
            "[rpc]\nlisten = \"{}\"\ntls = true\ntls_certificate = \"{}\"\n",
            office.address(),
            certificate.display()
        );
        std::fs::write(&config, text).expect("written");
        let args = ["titian-node", "status", "--config"].map(std::ffi::OsString::from);
        let args = args.into_iter().chain([config.into_os_string()]).collect::<Vec<_>>();
        let run = tokio::task::spawn_blocking(move || titian_node::command::run_with(args));
        run.await.expect("no panic")
    };
    assert_eq!(status(&certificate).await, 0);
    // plain HTTP gets no answer, another certificate no connection
    assert_eq!(request(office.address(), "GET", "/livez", &[], b"").await.status, 0);
    let other = folder.path().join("other.crt");
    Tls::load_or_create(&other, &folder.path().join("other.key"), LOOPBACK, "").expect("made");
    assert_eq!(status(&other).await, 4);
    let refused = request_tls(office.address(), &other, "GET", "/livez", &[], b"").await;
    assert!(refused.is_err());
    office.served.stop().await;
}

#[test]
fn a_certificate_is_made_once_and_its_key_is_for_the_owner_only() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    Tls::load_or_create(&certificate, &key, LOOPBACK, "").expect("made");
    let first = std::fs::read(&certificate).expect("there");
    Tls::load_or_create(&certificate, &key, LOOPBACK, "").expect("read");
    assert_eq!(std::fs::read(&certificate).expect("there"), first, "never replaced");
    let mode = std::fs::metadata(&key).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("set");
    assert!(Tls::load_or_create(&certificate, &key, LOOPBACK, "").is_err());
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("set");
    std::fs::write(&certificate, "no certificate").expect("written");
    assert!(Tls::load_or_create(&certificate, &key, LOOPBACK, "").is_err());
    std::fs::remove_file(&certificate).expect("removed");
    assert!(
        Tls::load_or_create(&certificate, &key, LOOPBACK, "").is_err(),
        "a key alone is no reason"
    );
}
