//! A node that cannot be trusted: it passes every request on to a real one, and changes answers on
//! their way back.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::http::request;

/// What becomes of an answer: the method that was called, and its result.
type Change = dyn Fn(&str, &mut Value) + Send;

/// The relay; it serves as long as the program runs.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens.
    pub url: String,
    called: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    /// Relays to the node at `node`; `change` sees every result.
    pub fn to(node: SocketAddr, change: impl Fn(&str, &mut Value) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let called = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&called);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            for stream in listener.incoming().flatten() {
                // a client that goes away in the middle concerns nobody else
                let _ = pass(&stream, node, &runtime, &change, &seen);
            }
        });
        Self { url, called }
    }

    /// The methods that were called since this was last asked.
    pub fn called(&self) -> Vec<String> {
        std::mem::take(&mut *self.called.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Serves one request of a connection and ends it.
fn pass(
    stream: &TcpStream,
    node: SocketAddr,
    runtime: &tokio::runtime::Runtime,
    change: &Change,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = first.split_whitespace();
    let (verb, path) = (words.next().unwrap_or("GET"), words.next().unwrap_or("/"));
    let headers = [("content-type", "application/json")];
    let answer = runtime.block_on(request(node, verb, path, &headers, &body));
    let call: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let mut bytes = answer.body;
    if let Some(method) = call["method"].as_str() {
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(method.to_owned());
        let mut told: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if let Some(result) = told.get_mut("result") {
            change(method, result);
            bytes = told.to_string().into_bytes();
        }
    }
    let mut writer = stream;
    write!(
        writer,
        "HTTP/1.1 {} OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        answer.status,
        bytes.len()
    )?;
    writer.write_all(&bytes)
}
