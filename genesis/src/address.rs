//! The form of a node's address in a contribution: where the others dial it.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Bytes of a host name, at most (RFC 1035 §2.3.4).
const HOST_BYTES_MAX: usize = 253;
/// Bytes of one of its labels, at most.
const LABEL_BYTES_MAX: usize = 63;

/// Whether a text is `/ip4/<address>/tcp/<port>`, the same with `ip6`, or `/dns/<name>/tcp/<port>`
/// with `dns`, `dns4` or `dns6`. Nothing follows: the peer id comes from the key beside it.
pub(crate) fn is_node_address(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let ["", kind, host, "tcp", port] = parts.as_slice() else { return false };
    let host_fits = match *kind {
        "ip4" => host.parse::<Ipv4Addr>().is_ok(),
        "ip6" => host.parse::<Ipv6Addr>().is_ok(),
        "dns" | "dns4" | "dns6" => is_host_name(host),
        _ => false,
    };
    host_fits && is_port(port)
}

fn is_port(text: &str) -> bool {
    !text.starts_with(['0', '+']) && text.parse::<u16>().is_ok()
}

fn is_host_name(text: &str) -> bool {
    text.len() <= HOST_BYTES_MAX
        && text.split('.').all(|label| {
            (1..=LABEL_BYTES_MAX).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}
