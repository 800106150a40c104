//! Fetching a file from a node: one GET over plain HTTP, as the node serves it.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::client::no_node;
use crate::error::{CommandError, Result};

/// How long a node may say nothing.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest head of an answer.
const HEAD_BYTES_MAX: u64 = 64 * 1024;

/// Writes `bytes` bytes of `path` at the node `url` to `out`.
pub(crate) fn get(url: &str, path: &str, bytes: u64, out: &mut impl Write) -> Result<()> {
    let broken = |what: &str| CommandError::refused(format!("{url}{path}: {what}"));
    let authority = url
        .strip_prefix("http://")
        .map(|rest| rest.split('/').next().unwrap_or_default())
        .ok_or_else(|| {
            CommandError::usage(format!("files are fetched over http:// only, not from {url}"))
                .hint(format!("fetch it with another program: {url}{path}"))
        })?;
    let port = if authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let mut stream = TcpStream::connect(port).map_err(|_| no_node(url))?;
    stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
        .and_then(|()| {
            write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")
        })
        .map_err(|_| no_node(url))?;
    let mut answer = BufReader::new(stream);
    let mut status = None;
    loop {
        let mut line = String::new();
        let read = answer.by_ref().take(HEAD_BYTES_MAX).read_line(&mut line);
        read.map_err(|_| no_node(url))?;
        match line.trim_end() {
            "" => break,
            line if status.is_none() => status = line.split(' ').nth(1).map(str::to_owned),
            _ => {}
        }
    }
    if status.as_deref() != Some("200") {
        return Err(broken(&format!("status {}", status.as_deref().unwrap_or("unknown"))));
    }
    let copied = std::io::copy(&mut answer.take(bytes), out).and_then(|n| out.flush().map(|()| n));
    match copied {
        Ok(copied) if copied == bytes => Ok(()),
        Ok(copied) => Err(broken(&format!("{copied} of {bytes} bytes came"))),
        Err(error) => Err(broken(&error.to_string())),
    }
}
