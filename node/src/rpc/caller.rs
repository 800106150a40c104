//! Who calls: the address, and what a token grants.

use std::net::IpAddr;

/// The caller of a method, found by the HTTP layer and carried in the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The peer's address.
    pub address: IpAddr,
    /// Whether it comes from this machine and showed the operator's token.
    pub admin: bool,
    /// Scopes of an integrator's token.
    pub scopes: Vec<String>,
}

impl Caller {
    /// Whether a token grants `scope`; the operator's grants all.
    pub fn may(&self, scope: &str) -> bool {
        self.admin || self.scopes.iter().any(|granted| granted == scope)
    }
}
