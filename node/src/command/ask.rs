//! What the commands ask a running node, over its own port.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::{CommandError, Kind};
use crate::config::Config;
use crate::rpc::tls;

const PATIENCE: Duration = Duration::from_secs(5);
/// No answer to these questions is longer.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// One HTTP exchange, with a bearer token where one is needed; small enough not to need a client library.
pub(super) fn ask(
    config: &Config,
    method: &str,
    path: &str,
    body: &str,
    token: Option<&str>,
) -> Result<(u16, String), CommandError> {
    let node = reachable(config.rpc.listen);
    let unreachable = |fault: std::io::Error| {
        CommandError::new(Kind::NoNode, format!("no node answers at {node}: {fault}")).hint(
            "is it running? `titian-node run`; rpc.listen of the configuration is its address",
        )
    };
    let stream = TcpStream::connect_timeout(&node, PATIENCE).map_err(unreachable)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(unreachable)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(unreachable)?;
    let bearer = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {node}\r\nConnection: close\r\n{bearer}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = if config.needs_tls() {
        let stream = tls::connect(&config.rpc.tls_certificate, stream).map_err(unreachable)?;
        exchange(stream, &request)
    } else {
        exchange(stream, &request)
    };
    let answer = answer.map_err(unreachable)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { unchunked(body) } else { body.to_owned() };
    code.map(|code| (code, body)).ok_or_else(|| {
        CommandError::new(Kind::NoNode, format!("what answers at {node} is not a node"))
    })
}

fn exchange(mut stream: impl Read + Write, request: &str) -> std::io::Result<Vec<u8>> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

/// A chunked body without the lengths between the chunks.
fn unchunked(body: &str) -> String {
    let mut whole = String::new();
    let mut rest = body;
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap_or(0);
        let Some(chunk) = after.get(..length).filter(|chunk| !chunk.is_empty()) else { break };
        whole.push_str(chunk);
        rest = after.get(length + 2..).unwrap_or_default();
    }
    whole
}

/// A node that listens on all addresses is asked on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen {
        SocketAddr::V4(a) if a.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, a.port()).into(),
        SocketAddr::V6(a) if a.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, a.port()).into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_body_reads_as_one() {
        assert_eq!(unchunked("4\r\nread\r\n2\r\ny\n\r\n0\r\n\r\n"), "ready\n");
        assert_eq!(unchunked("ffffff\r\nshort"), "");
    }
}
