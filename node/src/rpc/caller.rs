//! Who calls: the address, and what a token grants.

use std::net::IpAddr;

/// The caller of a method, found by the HTTP layer and carried in the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The peer's address.
    pub address: IpAddr,
    /// Whether it comes from this machine and showed the operator's token.
    pub admin: bool,
    /// The system that an access token names; empty without one.
    pub name: String,
    /// Scopes of the token.
    pub scopes: Vec<String>,
    /// DIDs of the issuers that the token lists.
    pub issuers: Vec<String>,
    /// UBINs of the parties that the token lists.
    pub parties: Vec<String>,
}

impl Caller {
    /// Somebody at `address` without a token.
    pub const fn anyone(address: IpAddr) -> Self {
        Self {
            address,
            admin: false,
            name: String::new(),
            scopes: Vec::new(),
            issuers: Vec::new(),
            parties: Vec::new(),
        }
    }

    /// Whether an access token grants `scope`. The operator's token does not: who runs the node has
    /// no right to what it keeps for an issuer.
    pub fn is_granted(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| granted == scope)
    }

    /// Whether the token lists an issuer.
    pub fn acts_for(&self, did: &str) -> bool {
        self.issuers.iter().any(|listed| listed == did)
    }

    /// The parties in whose place the token reads records (etr-api.md §3).
    pub fn reads_for(&self) -> &[String] {
        if self.is_granted("etr:read") { &self.parties } else { &[] }
    }
}
