//! What one process of a machine may have at a time: the votes of a key, and the ports of a node.
//!
//! Invariant: no two processes of a machine vote with one key on one chain (architecture.md §4(7)),
//! however many copies of the data folder there are. The name is taken in the abstract socket
//! namespace: it belongs to no folder and no user, and the system frees it when the process ends,
//! also by kill -9. Ports are tried with a plain socket, because the engine's own share a port that
//! another process listens on and then take half of its connections each.
//! Deliberately not here: other machines and other network namespaces (containers). Nothing here
//! can know of them.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// The right to vote with one key on one chain, held until it is dropped.
#[derive(Debug)]
pub struct Voter(#[expect(dead_code, reason = "held, never read")] UnixDatagram);

/// Why something is not for this process.
#[derive(Debug, thiserror::Error)]
pub enum SoleError {
    /// Another process holds the key.
    #[error(
        "another process of this machine votes with the key of validator {address} on {chain}; \
         two would sign against each other. Stop it first; `ss -xlp` and `ps` find it"
    )]
    Votes {
        /// The validator's address in hex.
        address: String,
        /// The chain.
        chain: String,
    },
    /// Another process listens there.
    #[error("{key}: {address} is taken by another process; `ss -ltnp` names it")]
    Port {
        /// The key of the configuration.
        key: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// The system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Voter {
    /// Takes the vote of a validator, named by its address. `Votes` if another process, or this one,
    /// has it.
    pub fn claim(chain: &str, address: &[u8; 20]) -> Result<Self, SoleError> {
        let address = hex::encode(address);
        // 106 bytes at most with the longest chain id; the system takes 107
        let name = format!("titian-validator-{chain}-{address}");
        let taken = UnixAddress::from_abstract_name(name.as_bytes())
            .and_then(|name| UnixDatagram::bind_addr(&name));
        match taken {
            Ok(socket) => Ok(Self(socket)),
            Err(fault) if fault.kind() == io::ErrorKind::AddrInUse => {
                Err(SoleError::Votes { address, chain: chain.to_owned() })
            }
            Err(source) => Err(SoleError::Io { what: format!("lock @{name}"), source }),
        }
    }
}

/// Checks that nobody listens on these addresses, each with its key of the configuration, and that
/// no two are the same. What is no IP address with a TCP port is left to whoever listens there.
pub fn check_ports(listen: &[(&'static str, &Multiaddr)]) -> Result<(), SoleError> {
    let mut held = Vec::with_capacity(listen.len());
    for (key, address) in listen {
        let Some(address) = socket_address(address) else { continue };
        match TcpListener::bind(address) {
            Ok(listener) => held.push(listener),
            Err(fault) if fault.kind() == io::ErrorKind::AddrInUse => {
                return Err(SoleError::Port { key, address });
            }
            Err(source) => return Err(SoleError::Io { what: format!("{key}: {address}"), source }),
        }
    }
    Ok(())
}

fn socket_address(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => IpAddr::from(ip),
        Protocol::Ip6(ip) => IpAddr::from(ip),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(name: &str) -> String {
        format!("sole-{name}-{}", std::process::id())
    }

    #[test]
    fn a_key_votes_once_on_a_chain_until_its_holder_ends() {
        let (one, other) = (chain("one"), chain("other"));
        let first = Voter::claim(&one, &[7; 20]).expect("free");
        let second = Voter::claim(&one, &[7; 20]).expect_err("taken");
        assert!(matches!(&second, SoleError::Votes { chain, .. } if *chain == one), "{second}");
        assert!(second.to_string().contains(&hex::encode([7; 20])), "{second}");
        let _other_key = Voter::claim(&one, &[8; 20]).expect("another key");
        let _other_chain = Voter::claim(&other, &[7; 20]).expect("another chain");
        drop(first);
        Voter::claim(&one, &[7; 20]).expect("free again");
    }

    #[test]
    fn the_longest_chain_id_has_room() {
        let pid = std::process::id().to_string();
        let longest = format!("{pid}{}", "x".repeat(48 - pid.len()));
        Voter::claim(&longest, &[1; 20]).expect("room for the name");
    }

    #[test]
    fn a_port_that_is_taken_or_named_twice_is_refused_with_its_key() {
        let used = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = used.local_addr().expect("bound").port();
        let loopback: Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}").parse().expect("an address");
        let any: Multiaddr = format!("/ip4/0.0.0.0/tcp/{port}").parse().expect("an address");
        for address in [&loopback, &any] {
            let refused = check_ports(&[("gossip.listen", address)]).expect_err("taken");
            assert!(matches!(refused, SoleError::Port { key: "gossip.listen", .. }), "{refused}");
        }
        drop(used);
        check_ports(&[("gossip.listen", &loopback)]).expect("free");
        let twice = [("consensus.listen", &loopback), ("gossip.listen", &any)];
        let refused = check_ports(&twice).expect_err("the same port");
        assert!(matches!(refused, SoleError::Port { key: "gossip.listen", .. }), "{refused}");
    }
}
