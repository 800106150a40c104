//! The connection to a node: JSON-RPC over HTTP or HTTPS, errors turned into command errors.
//!
//! Invariant: nothing a node says is taken for proven here; what needs proof is checked with the
//! verifier of `titian-contracts` by the caller. One call waits at most [`CALL_TIMEOUT`].

mod tls;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use jsonrpsee::core::client::{ClientT as _, Error};
use jsonrpsee::core::params::BatchRequestBuilder;
use jsonrpsee::core::traits::ToRpcParams;
use jsonrpsee::http_client::transport::Error as TransportError;
use jsonrpsee::http_client::{HeaderMap, HeaderValue, HttpClient, HttpClientBuilder};
use jsonrpsee::types::ErrorObject;
use jsonrpsee::ws_client::{WsClient, WsClientBuilder};
use serde_json::Value;
use serde_json::value::RawValue;
use titian_api::{Call, Nothing, call};

use crate::error::{CommandError, Kind, Result};

/// The node that is asked when nothing names another.
pub(crate) const DEFAULT_NODE: &str = "http://127.0.0.1:26650";
/// `ledger_submit` alone may take 30 s.
const CALL_TIMEOUT: Duration = Duration::from_secs(45);
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
const PROBE_BYTES_MAX: u64 = 64 * 1024;

/// Named parameters of a call.
pub(crate) struct Params(Box<RawValue>);

impl Params {
    /// The parameters as JSON.
    pub(crate) fn of<T: serde::Serialize>(params: &T) -> Result<Self> {
        serde_json::value::to_raw_value(params)
            .map(Self)
            .map_err(|_| CommandError::bug("the parameters cannot be written as JSON"))
    }
}

impl ToRpcParams for Params {
    fn to_rpc_params(self) -> std::result::Result<Option<Box<RawValue>>, serde_json::Error> {
        Ok(Some(self.0))
    }
}

/// A connection to one node.
#[derive(Debug)]
pub(crate) struct Client {
    runtime: tokio::runtime::Runtime,
    link: Link,
}

/// The part of a connection that several calls may use at once.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    url: String,
    http: HttpClient,
}

impl Client {
    /// A client of the node at `url`. Nothing is sent yet.
    pub(crate) fn new(url: &str) -> Result<Self> {
        Self::with_headers(url, HeaderMap::new())
    }

    /// The same, with a bearer token on every request.
    pub(crate) fn with_token(url: &str, token: &str) -> Result<Self> {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| CommandError::usage("the token holds characters that no token has"))?;
        value.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert("authorization", value);
        Self::with_headers(url, headers)
    }

    fn with_headers(url: &str, headers: HeaderMap) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| CommandError::bug(format!("no runtime: {error}")))?;
        let entered = runtime.enter();
        let http = HttpClientBuilder::default()
            .set_headers(headers)
            .request_timeout(CALL_TIMEOUT)
            .max_request_size(16 * 1024 * 1024)
            .max_response_size(64 * 1024 * 1024)
            .build(url)
            .map_err(|error| {
                CommandError::usage(format!("{url} is no address of a node: {error}"))
                    .hint(format!("an address looks like {DEFAULT_NODE}"))
            })?;
        drop(entered);
        Ok(Self { runtime, link: Link { url: url.to_owned(), http } })
    }

    /// The address of the node.
    pub(crate) fn url(&self) -> &str {
        self.link.url()
    }

    /// What calls that run at the same time share; they run while this client waits.
    pub(crate) fn link(&self) -> Link {
        self.link.clone()
    }

    /// Calls a method of the table in `titian-api`.
    pub(crate) fn ask<C: Call>(&self, params: &C::Params) -> Result<C::Result> {
        self.runtime.block_on(self.link.ask::<C>(params))
    }

    /// Calls a method once for each of at most 100 parameters, in one request; the first error is
    /// the answer.
    pub(crate) fn ask_each<C: Call>(&self, params: &[C::Params]) -> Result<Vec<C::Result>>
    where
        C::Result: std::fmt::Debug,
    {
        if params.is_empty() {
            return Ok(Vec::new());
        }
        let mut batch = BatchRequestBuilder::new();
        for one in params {
            batch
                .insert(C::NAME, Params::of(one)?)
                .map_err(|_| CommandError::bug("the parameters cannot be written as JSON"))?;
        }
        let link = &self.link;
        let answers = self.runtime.block_on(link.http.batch_request::<C::Result>(batch));
        let answers = answers.map_err(|error| link.explain(C::NAME, error))?;
        let explain =
            |error: ErrorObject<'_>| link.explain(C::NAME, Error::Call(error.into_owned()));
        answers.into_iter().map(|answer| answer.map_err(explain)).collect()
    }

    /// Waits for `future` on the runtime of this client.
    pub(crate) fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

impl Link {
    /// The address of the node.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Calls a method of the table in `titian-api`.
    pub(crate) async fn ask<C: Call>(&self, params: &C::Params) -> Result<C::Result> {
        let sent = self.http.request::<C::Result, _>(C::NAME, Params::of(params)?).await;
        sent.map_err(|error| self.explain(C::NAME, error))
    }

    /// A WebSocket to the same node, for subscriptions.
    pub(crate) async fn socket(&self) -> Result<WsClient> {
        let url = self.url.replacen("http", "ws", 1);
        if let Ok(socket) = WsClientBuilder::default().build(&url).await {
            return Ok(socket);
        }
        // the error of a WebSocket keeps nothing of why; that of a call to the same node does
        let answered = self.ask::<call::LedgerStatus>(&Nothing {}).await;
        Err(answered.err().unwrap_or_else(|| no_node(&self.url)))
    }

    fn explain(&self, method: &str, error: Error) -> CommandError {
        match error {
            Error::Call(object) => {
                let data: Value = object
                    .data()
                    .and_then(|raw| serde_json::from_str(raw.get()).ok())
                    .unwrap_or(Value::Null);
                let refused = refusal(object.message(), &data);
                if object.code() == -32601 {
                    return refused.hint(format!("the node does not know {method}; update it"));
                }
                refused
            }
            Error::Transport(cause) if is_unauthorised(cause.as_ref()) => {
                CommandError::refused("the node does not take the token")
                    .named("FORBIDDEN")
                    .hint("a token is for one network and ends after at most 90 days")
            }
            Error::Transport(cause) => match tls::fault_in(cause.as_ref()) {
                Some(fault) => tls::refused(&self.url, fault),
                None => no_node(&self.url),
            },
            Error::RequestTimeout | Error::RestartNeeded(_) => no_node(&self.url),
            other => CommandError::refused(format!("{method}: {other}")),
        }
    }
}

/// Whether a node answered that the caller is not who may ask (HTTP 401).
fn is_unauthorised(cause: &(dyn std::error::Error + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(TransportError::Rejected { status_code: 401 }))
}

/// The error of a node that does not answer.
pub(crate) fn no_node(url: &str) -> CommandError {
    CommandError::new(Kind::NoNode, format!("no node answers at {url}"))
        .hint("titian devnet status, titian devnet up")
        .hint("--node URL or TITIAN_NODE names another node")
}

/// The error that a node's error object says.
fn refusal(message: &str, data: &Value) -> CommandError {
    let name = data.get("name").and_then(Value::as_str);
    let mut text = message.to_owned();
    for member in ["role", "field"] {
        let value = data.get(member).and_then(Value::as_str).unwrap_or_default();
        if !text.contains(value) {
            text = format!("{text} ({member} {value})");
        }
    }
    let detail = data.get("detail").and_then(Value::as_str).unwrap_or_default();
    if !text.contains(detail) {
        text = format!("{text}: {detail}");
    }
    let mut error = CommandError::refused(text).with_data(data.clone());
    for suggestion in data.get("suggestions").and_then(Value::as_array).into_iter().flatten() {
        if let Some(text) = suggestion.as_str() {
            error = error.hint(format!("did you mean {text}?"));
        }
    }
    match name {
        Some(name) => error.named(name),
        None => error,
    }
}

/// `GET path` of a local node: the status code and body, or `None` if nothing answers in time.
pub(crate) fn probe(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, PROBE_TIMEOUT).ok()?;
    stream.set_read_timeout(Some(PROBE_TIMEOUT)).ok()?;
    stream.set_write_timeout(Some(PROBE_TIMEOUT)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.take(PROBE_BYTES_MAX).read_to_end(&mut answer).ok()?;
    let text = String::from_utf8_lossy(&answer);
    let status = text.split_whitespace().nth(1)?.parse().ok()?;
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Some((status, body.to_owned()))
}
