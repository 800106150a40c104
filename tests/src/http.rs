//! A client small enough to send what a good client would not.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Status, headers and body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code; 0 if the connection ended without an answer.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }
}

/// Sends one request and reads the answer to its end.
pub async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    exchange(stream, method, path, headers, body).await
}

/// Calls a method of a node that may be killed meanwhile; `None` if no answer came.
pub async fn try_call(
    address: SocketAddr,
    method: &str,
    params: Value,
    headers: &[(&str, &str)],
) -> Option<Value> {
    let stream = TcpStream::connect(address).await.ok()?;
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    let answer = exchange(stream, "POST", "/", &all, body.as_bytes()).await;
    serde_json::from_slice(&answer.body).ok()
}

/// The same over TLS, where `certificate` (PEM) is the one to trust. The error is why there is no
/// connection.
pub async fn request_tls(
    address: SocketAddr,
    certificate: &std::path::Path,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto, version};
    let certificate = CertificateDer::from_pem_file(certificate).map_err(std::io::Error::other)?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(std::io::Error::other)?;
    let provider = std::sync::Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .map_err(std::io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let name = ServerName::from(address.ip());
    let stream = TcpStream::connect(address).await?;
    let stream = connector.connect(name, stream).await?;
    Ok(exchange(stream, method, path, headers, body).await)
}

async fn exchange(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    let mut answer = Vec::new();
    {
        // a server that refuses answers before it has read everything, so both ways run at once
        let (mut reader, mut writer) = tokio::io::split(stream);
        let send = async {
            // the server may close while we still send
            let _ = writer.write_all(head.as_bytes()).await;
            let _ = writer.write_all(body).await;
        };
        let receive = async {
            // a reset after the answer is no error here
            let _ = reader.read_to_end(&mut answer).await;
        };
        tokio::join!(send, receive);
    }
    read_answer(&answer)
}

fn read_answer(bytes: &[u8]) -> Answer {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Answer { status: 0, headers: Vec::new(), body: Vec::new() };
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let headers = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer { status, headers, body: bytes[end + 4..].to_vec() };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = dechunk(&answer.body);
    }
    answer
}

fn dechunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let size = String::from_utf8_lossy(&bytes[..end]);
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let chunk = bytes.get(end + 2..end + 2 + size).unwrap_or_default();
        if chunk.is_empty() {
            break;
        }
        body.extend_from_slice(chunk);
        bytes = bytes.get(end + 4 + size..).unwrap_or_default();
    }
    body
}

/// Posts a JSON text to `/`.
pub async fn post(address: SocketAddr, body: &str, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    request(address, "POST", "/", &all, body.as_bytes()).await
}

/// Calls a method; gives the whole JSON-RPC answer.
pub async fn call(address: SocketAddr, method: &str, params: Value) -> Value {
    call_with(address, method, params, &[]).await
}

/// Calls a method with more headers.
pub async fn call_with(
    address: SocketAddr,
    method: &str,
    params: Value,
    headers: &[(&str, &str)],
) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    post(address, &body.to_string(), headers).await.json()
}

/// The result of a method that must succeed.
pub async fn result(address: SocketAddr, method: &str, params: Value) -> Value {
    let answer = call(address, method, params).await;
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].clone()
}

/// The name of the error of a method that must fail.
pub async fn error_name(address: SocketAddr, method: &str, params: Value) -> String {
    let answer = call(address, method, params).await;
    answer["error"]["data"]["name"].as_str().unwrap_or_default().to_owned()
}
