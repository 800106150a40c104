//! A ledger with its interface in this process: each admitted transaction becomes a block at once,
//! followed by an empty one, so that proofs of it can be made.

use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use titian_contracts::block::{Block, encode, transaction_root};
use titian_contracts::error::Reject;
use titian_contracts::execute::CheckedTransaction;
use titian_contracts::state::Overlay;
use titian_contracts::transaction::TransactionId;
use titian_genesis::devnet::NodeSecrets;
use titian_node::backup::Backups;
use titian_node::delivery::judge::Homes;
use titian_node::envelopes::{Bounds, Envelopes};
use titian_node::issuing::Issuing;
use titian_node::ledger::Ledger;
use titian_node::rpc::auth::{Integrator, Tokens};
use titian_node::rpc::{self, Admission, Backend, Config, Health, Running, Waiting};
use titian_node::search::{self, Search};
use titian_node::signer::keystore::NodeKey;
use titian_node::snapshot::Snapshots;
use titian_node::telemetry::EnvelopeMetrics;
use tokio::sync::{broadcast, watch};
use zeroize::Zeroizing;

use crate::certify;
use crate::world::World;

/// The operator's secret.
pub const SECRET: [u8; 32] = [7; 32];
/// Seed of the integrator `erp`, who may be granted `etr:read`.
pub const INTEGRATOR_SEED: [u8; 32] = [8; 32];

/// Seed of the key of tokens that the operator makes.
pub const TOKEN_SEED: [u8; 32] = [9; 32];

/// What the node calls itself; capabilities name it.
pub const NODE: &str = "served";

/// Wall clock, ms.
pub fn now_ms() -> u64 {
    let age = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
    u64::try_from(age.as_millis()).expect("ms since 1970 fit")
}

/// Commits a block for each transaction, and an empty one after it.
#[derive(Clone)]
pub struct OneByOne {
    /// The ledger.
    pub ledger: Ledger,
    nodes: Arc<Vec<NodeSecrets>>,
    turn: Arc<Mutex<()>>,
    /// While true, transactions are admitted but no block comes.
    pub stalled: Arc<watch::Sender<bool>>,
    /// Tells of transactions as dropped.
    pub expired: broadcast::Sender<TransactionId>,
}

impl std::fmt::Debug for OneByOne {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OneByOne").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}

impl OneByOne {
    /// Blocks on `ledger`, signed by all of `nodes`.
    pub fn over(ledger: Ledger, nodes: Vec<NodeSecrets>) -> Self {
        let stalled = Arc::new(watch::channel(false).0);
        let expired = broadcast::Sender::new(16);
        Self { ledger, nodes: Arc::new(nodes), turn: Arc::default(), stalled, expired }
    }

    /// Commits one block of `transactions` now.
    pub fn commit(&self, transactions: Vec<Vec<u8>>) {
        self.commit_at(now_ms(), transactions);
    }

    /// Commits one block of `transactions` with a block time, ms.
    pub fn commit_at(&self, time_ms: u64, transactions: Vec<Vec<u8>>) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let header = self.ledger.next_header([0; 20], time_ms, transaction_root(&transactions));
        let state = self.ledger.reader();
        let check = |head: &mut Overlay<'_>, bytes: &Vec<u8>| {
            Arc::new(CheckedTransaction::check(bytes, head, header.time_ms))
        };
        let checked: Vec<Arc<CheckedTransaction>> =
            transactions.par_iter().map_init(|| Overlay::new(&state), check).collect();
        let certificate = certify::certificate(&self.nodes, &header);
        let block = Block { header, transactions };
        self.ledger
            .commit(&block, &encode(&block), &certificate, &checked)
            .expect("the test disk works");
    }
}

impl Admission for OneByOne {
    fn submit(
        &self,
        bytes: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<TransactionId, Reject>> + Send + '_>> {
        Box::pin(async move {
            let state = self.ledger.reader();
            let time_ms = self.ledger.head().time_ms;
            let checked = CheckedTransaction::admit(
                &bytes,
                self.ledger.chain(),
                &Overlay::new(&state),
                time_ms,
            )?;
            if !*self.stalled.borrow() {
                self.commit(vec![bytes]);
                self.commit(Vec::new());
            }
            Ok(checked.id)
        })
    }

    fn waiting(&self) -> Waiting {
        Waiting::default()
    }

    fn expired(&self) -> broadcast::Receiver<TransactionId> {
        self.expired.subscribe()
    }
}

/// A served ledger, and the world whose keys sign.
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
    /// Keys and ops.
    pub world: World,
    /// The ledger, and the way to make blocks.
    pub blocks: OneByOne,
    /// What the node says of itself.
    pub health: watch::Sender<Health>,
    /// The search for names.
    pub search: Search,
    /// Its snapshots, written when a test says so.
    pub snapshots: Snapshots,
    /// Its sealed contents.
    pub envelopes: Arc<Envelopes>,
    running: Option<Running>,
    _following: search::Running,
    folder: tempfile::TempDir,
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Served").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Served {
    /// Serves a fresh devnet with the limits of the specification.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Serves a fresh devnet; `change` adapts the limits.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let world = World::new();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ledger = Ledger::open(&folder.path().join("ledger"), world.genesis.clone());
        let ledger = ledger.expect("a fresh ledger");
        let served = Self::over(world, ledger, folder, change).await;
        served.blocks.commit(Vec::new());
        served
    }

    /// Serves a ledger of the world's network that lies in `folder`.
    pub async fn over(
        world: World,
        ledger: Ledger,
        folder: tempfile::TempDir,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        Self::issuing_over(world, ledger, folder, None, change).await
    }

    /// The same with issuers.
    pub async fn issuing_over(
        world: World,
        ledger: Ledger,
        folder: tempfile::TempDir,
        issuing: Option<Arc<Issuing>>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let operator =
            ed25519_dalek::SigningKey::from_bytes(&TOKEN_SEED).verifying_key().to_bytes();
        let blocks = OneByOne::over(ledger.clone(), world.nodes.clone());
        let (health, seen) = watch::channel(Health::default());
        let integrator = ed25519_dalek::SigningKey::from_bytes(&INTEGRATOR_SEED);
        let integrators = vec![Integrator {
            name: "erp".to_owned(),
            public_key: integrator.verifying_key().to_bytes(),
            scopes: vec!["etr:read".to_owned()],
            issuers: Vec::new(),
            parties: Vec::new(),
        }];
        let (search, following) = Search::start(ledger.clone(), folder.path().join("search"));
        let snapshots = Snapshots::new(folder.path().join("snapshots"), 0, 3);
        let first = world.nodes.first().expect("a devnet has nodes");
        let key = NodeKey::from_seed(&first.peer_seed);
        let envelopes =
            Envelopes::open(folder.path(), Bounds::default(), EnvelopeMetrics::default());
        let envelopes = Arc::new(envelopes.expect("the test disk works"));
        let backend = Backend {
            ledger,
            mempool: Arc::new(blocks.clone()),
            health: seen,
            tokens: Tokens::new(Zeroizing::new(SECRET.to_vec()), &world.genesis.chain, integrators)
                .with_operator_key(operator),
            set_log_filter: Arc::new(|filter| {
                if filter == "info" { Ok(()) } else { Err("unknown filter".to_owned()) }
            }),
            write_metrics: Arc::new(|text| text.push_str("# EOF\n")),
            version: "0.1.0".to_owned(),
            data_dir: folder.path().display().to_string(),
            search: search.clone(),
            snapshots: snapshots.clone(),
            backups: Backups::new(folder.path().join("backups"), 3),
            issuing,
            envelopes: Arc::clone(&envelopes),
            homes: Arc::new(Homes::of(&world.genesis, &key.public_key())),
            node: NODE.to_owned(),
        };
        let mut config = Config::on(SocketAddr::from(([127, 0, 0, 1], 0)));
        config.calls_per_second_max = NonZeroU32::new(1_000_000);
        change(&mut config);
        let running = rpc::start(config, backend).await.expect("a free port");
        let address = running.address;
        Self {
            address,
            world,
            blocks,
            health,
            search,
            snapshots,
            envelopes,
            running: Some(running),
            _following: following,
            folder,
        }
    }

    /// Stops the interface.
    pub async fn stop(mut self) {
        self.stop_interface().await;
    }

    /// Stops the interface; the folder and the ledger stay.
    pub async fn stop_interface(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// The folder of the node's data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
