//! The interface of the node: JSON-RPC over HTTP and WebSocket, health and metrics, on one port.
//!
//! Flow of a call:
//! ```text
//! TCP accept (server: bounds in all and per address, header deadline)
//!   └─ axum router (http: /livez /readyz /metrics; rest: resolver, feed, snapshots; `/` goes on;
//!        token -> Caller)
//!        └─ jsonrpsee (body ≤ 1 MiB, large: 16 MiB for one method; batch ≤ 100)
//!             └─ methods::add (rate limit, admin check, typed parameters, typed errors)
//!                  └─ one function per method, in the file or folder of its register
//! ```
//! Invariant: the methods registered are exactly those of [`titian_api::METHODS`]; every queue,
//! body, batch, connection and wait has a bound. It deliberately holds no keys: what is signed for
//! issuers of this node, `issuing` signs.

mod access;
mod admin;
mod at;
pub mod auth;
mod caller;
mod etr;
mod gov;
mod http;
mod large;
mod ledger;
mod limit;
mod methods;
mod prepare;
mod prove;
mod rest;
mod server;
mod submit;
mod subscribe;
pub mod tls;
mod ubin;
mod vc;
mod vc_acts;
mod vc_anchors;
mod vc_issue;
mod vc_lists;
mod view;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use titian_api::Refusal;
use titian_contracts::access::is_state_code;
use titian_contracts::error::{Code, Reject};
use titian_contracts::limits;
use titian_contracts::transaction::TransactionId;
use titian_credential::verdict::Policy;
use tokio::sync::{Semaphore, broadcast, watch};

use crate::backup::Backups;
use crate::delivery::judge::Homes;
use crate::envelopes::Envelopes;
use crate::issuing::Issuing;
use crate::ledger::Ledger;
use crate::search::Search;
use crate::snapshot::Snapshots;

pub use caller::Caller;
pub use server::{Running, start};

/// What an operator may set. Bounds may be tightened, never widened beyond `limits.rs`.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Connections in all.
    pub connections_max: usize,
    /// Connections per address.
    pub connections_per_address_max: usize,
    /// Calls per second and address (bursts of twice as many); `None` = no limit. Loopback is
    /// exempt.
    pub calls_per_second_max: Option<NonZeroU32>,
    /// How long the head of a request may take, and how long a connection may idle, ms.
    pub header_timeout_ms: u64,
    /// How long a request may take, ms; longer than [`Self::submit_wait_ms`].
    pub request_timeout_ms: u64,
    /// How long `ledger_submit` waits for a receipt, ms.
    pub submit_wait_ms: u64,
    /// How long a full subscription queue may stay full before `SLOW_CONSUMER`, ms.
    pub slow_consumer_ms: u64,
    /// The node counts as behind if its head is older than this, ms.
    pub head_age_ms_max: u64,
    /// TLS, with the certificate to show; `None` = plain HTTP.
    pub tls: Option<tls::Tls>,
    /// Instances of the VC API's verifier.
    pub verifiers: Vec<Verifier>,
}

/// An instance of the VC API's verifier: its name fixes how it judges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    /// Its place: `/verifiers/{name}/…`.
    pub name: String,
    /// Its policy.
    pub policy: Policy,
    /// The state in which credentials shall count, if it is fixed.
    pub jurisdiction: Option<String>,
}

impl Verifier {
    /// Reads `name policy` or `name policy CC`; the name is 1 to 32 of a-z 0-9 `-`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (name, policy) = (words.next()?, Policy::parse(words.next()?)?);
        let jurisdiction = words.next().map(str::to_owned);
        let named = name.len() <= 32
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let state = jurisdiction.as_deref().is_none_or(is_state_code);
        let whole = named && state && words.next().is_none();
        whole.then(|| Self { name: name.to_owned(), policy, jurisdiction })
    }
}

impl Config {
    /// The limits of the specification on `listen`.
    pub const fn on(listen: SocketAddr) -> Self {
        Self {
            listen,
            connections_max: limits::RPC_CONNECTIONS_MAX,
            connections_per_address_max: limits::RPC_CONNECTIONS_PER_ADDRESS_MAX,
            calls_per_second_max: NonZeroU32::new(2_000),
            header_timeout_ms: 15_000,
            request_timeout_ms: limits::SUBMIT_WAIT_MS + 15_000,
            submit_wait_ms: limits::SUBMIT_WAIT_MS,
            slow_consumer_ms: 10_000,
            head_age_ms_max: 60_000,
            tls: None,
            verifiers: Vec::new(),
        }
    }
}

/// What the rest of the node tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Known peers.
    pub peers: Vec<titian_api::node::Peer>,
    /// Why the node does not keep up or takes no transactions; one line each, empty if it does.
    pub reasons: Vec<String>,
}

/// How much waits for a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Transactions.
    pub transactions: usize,
    /// Bytes.
    pub bytes: usize,
}

/// The door to the mempool. Two implementations: the node's mempool, and that of tests and
/// simulation.
pub trait Admission: Send + Sync {
    /// Admits the canonical bytes of a transaction, or refuses them.
    fn submit(
        &self,
        bytes: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<TransactionId, Reject>> + Send + '_>>;

    /// What waits.
    fn waiting(&self) -> Waiting;

    /// The transactions that waited too long, as they are dropped.
    fn expired(&self) -> broadcast::Receiver<TransactionId>;
}

/// Sets the log filter; the error is for the operator.
pub type SetLogFilter = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;
/// Appends the metrics of the node in the OpenMetrics text format.
pub type WriteMetrics = Arc<dyn Fn(&mut String) + Send + Sync>;

/// What the methods work on.
pub struct Backend {
    /// The ledger.
    pub ledger: Ledger,
    /// The mempool's door.
    pub mempool: Arc<dyn Admission>,
    /// The search for names.
    pub search: Search,
    /// Peers, and why the node is degraded.
    pub health: watch::Receiver<Health>,
    /// Tokens.
    pub tokens: auth::Tokens,
    /// For `node_logLevel`.
    pub set_log_filter: SetLogFilter,
    /// For `/metrics`.
    pub write_metrics: WriteMetrics,
    /// Version of the node.
    pub version: String,
    /// Where the data lie, for the operator.
    pub data_dir: String,
    /// The snapshots.
    pub snapshots: Snapshots,
    /// The backups.
    pub backups: Backups,
    /// The sealed contents of records.
    pub envelopes: Arc<Envelopes>,
    /// Which node is the home of which state.
    pub homes: Arc<Homes>,
    /// The peer id of this node; capabilities name it.
    pub node: String,
    /// The issuers whose credentials this node signs.
    pub issuing: Option<Arc<Issuing>>,
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backend").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Everything a method can reach.
struct State {
    backend: Backend,
    config: Config,
    limiter: Option<limit::CallLimiter>,
    receipts: submit::Receipts,
    tables: ubin::Tables,
    figures: ubin::Figures,
    challenges: vc::challenge::Challenges,
    /// Places for trust bundles that are being made.
    bundles: Semaphore,
    /// Places for bodies of batches, until they are answered.
    large_bodies: Semaphore,
    counters: Counters,
    started: Instant,
}

/// What `/metrics` and `node_status` say about the interface itself.
#[derive(Debug, Default)]
struct Counters {
    calls: AtomicU64,
    refused: AtomicU64,
    connections: AtomicU64,
    connections_refused: AtomicU64,
    subscriptions: AtomicU64,
    slow_consumers: AtomicU64,
}

impl State {
    fn ledger(&self) -> &Ledger {
        &self.backend.ledger
    }

    /// The issuers of this node. Errors: `NOT_FOUND` if it has none.
    fn issuing(&self) -> Result<&Arc<Issuing>, Refusal> {
        let none = || Refusal::new(Code::NotFound, "", "this node signs for no issuer");
        self.backend.issuing.as_ref().ok_or_else(none)
    }

    fn submit_wait(&self) -> Duration {
        Duration::from_millis(self.config.submit_wait_ms)
    }

    /// Why the node should get no traffic; empty if it should.
    fn reasons(&self) -> Vec<String> {
        let mut reasons = self.backend.health.borrow().reasons.clone();
        if let Some(fault) = self.ledger().store().fault() {
            reasons.push(format!("database: {fault}"));
        }
        let head = self.ledger().head();
        let age_ms = now_ms().saturating_sub(head.time_ms);
        if age_ms > self.config.head_age_ms_max {
            reasons.push(format!("the head is {} s old", age_ms / 1000));
        }
        reasons
    }
}

/// Wall clock in ms since the Unix epoch; for ages and tokens, never for a rule.
fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
}

/// The address that limits count by: IPv6 by its /64.
fn limit_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}
