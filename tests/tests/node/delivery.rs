//! Sealed contents between home nodes: real swarms on loopback, a ledger for each node.

use std::sync::Arc;
use std::time::Duration;

use libp2p::{Multiaddr, PeerId};
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::etr::person::identity;
use titian_contracts::limits;
use titian_contracts::state::Overlay;
use titian_envelope::{Recipient, Subject, public_of, seal};
use titian_genesis::Genesis;
use titian_node::delivery::judge::{self, Homes};
use titian_node::delivery::{Delivery, Running};
use titian_node::envelopes::{Bounds, Envelopes, Name, Piece, text_digest};
use titian_node::gossip::post::{About, Post, Request, Response};
use titian_node::gossip::{Gossip, GossipConfig, ListedPeer};
use titian_node::ledger::Ledger;
use titian_node::signer::keystore::NodeKey;
use titian_node::telemetry::{EnvelopeMetrics, GossipMetrics};
use titian_tests::etr::Traders;
use titian_tests::served::{OneByOne, now_ms};
use titian_tests::world::World;

use crate::door::{Door, PATIENCE};

/// A network on which SG issued a bill to VN and VN offered it to TH.
struct Scene {
    genesis: Genesis,
    journal: Vec<Vec<u8>>,
    nodes: Vec<titian_genesis::devnet::NodeSecrets>,
    sg: String,
    vn: String,
    th: String,
    my: String,
    id: String,
}

impl Scene {
    fn new() -> Self {
        let mut world = World::new();
        world.journal = Some(Vec::new());
        let mut t = Traders::on(world);
        let (sg, vn, th, my) = (t.sg.clone(), t.vn.clone(), t.th.clone(), t.my.clone());
        let id = t.issued_bill("SGPU4711");
        let offer = t.op(&id, "offer", t.offer_args(&th, Some("special")));
        t.run(&offer, &[&vn]).expect("offered");
        let journal = t.world.journal.take().unwrap_or_default();
        let (genesis, nodes) = (t.world.genesis.clone(), t.world.nodes.clone());
        Self { genesis, journal, nodes, sg, vn, th, my, id }
    }

    fn key(&self, cc: &str) -> NodeKey {
        let node = self.nodes.iter().find(|node| node.cc == cc).expect("a validator");
        NodeKey::from_seed(&node.peer_seed)
    }

    /// An envelope of the record to a party.
    fn sealed(&self, number: u64, bytes: usize, to: &str) -> (Name, Vec<u8>) {
        let public_key = public_of(&[7; 32]).expect("a secret");
        let to = [Recipient { party: to.to_owned(), key: 2, public_key }];
        let subject = Subject { id: self.id.clone(), version: 1, number };
        let envelope = seal(&subject, &vec![1; bytes], &to, &mut rand::rngs::OsRng);
        let text = envelope.expect("it seals").to_text().into_bytes();
        (Name { id: self.id.clone(), version: 1, number }, text)
    }
}

/// A node without consensus and interface: what it keeps, and whether it runs.
struct Node {
    folder: tempfile::TempDir,
    key: NodeKey,
    ledger: Ledger,
    homes: Arc<Homes>,
    up: Option<Up>,
}

struct Up {
    envelopes: Arc<Envelopes>,
    gossip: Gossip,
    running: Running,
    door: Door,
}

impl Node {
    fn new(scene: &Scene, cc: &str) -> Self {
        Self::with_key(scene, scene.key(cc))
    }

    fn with_key(scene: &Scene, key: NodeKey) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ledger = Ledger::open(&folder.path().join("ledger"), scene.genesis.clone());
        let ledger = ledger.expect("a fresh ledger");
        let homes = Arc::new(Homes::of(&scene.genesis, &key.public_key()));
        let node = Self { folder, key, ledger, homes, up: None };
        node.follow(scene, scene.journal.len());
        node
    }

    /// Brings the ledger to a place in the journal.
    fn follow(&self, scene: &Scene, to: usize) {
        let blocks = OneByOne::over(self.ledger.clone(), scene.nodes.clone());
        let from = usize::try_from(self.ledger.head().height).expect("few blocks");
        for (place, transaction) in scene.journal.iter().enumerate().take(to).skip(from) {
            blocks.commit_at(scene.genesis.time_ms + 1 + place as u64, vec![transaction.clone()]);
        }
    }

    fn open(&self) -> Arc<Envelopes> {
        let bounds = Bounds::default();
        let opened = Envelopes::open(self.folder.path(), bounds, EnvelopeMetrics::default());
        Arc::new(opened.expect("the test disk works"))
    }

    async fn start(&mut self, peers: Vec<ListedPeer>) {
        let listen: Multiaddr = "/ip4/127.0.0.1/tcp/0".parse().expect("an address");
        let config = GossipConfig {
            chain: self.ledger.chain().to_owned(),
            listen: vec![listen],
            peers,
            metrics: GossipMetrics::default(),
        };
        let door = Door::new();
        let gossip = Gossip::start(config, self.key.identity(), door.mempool.clone()).await;
        let mut gossip = gossip.expect("it starts");
        let envelopes = self.open();
        let delivery = Delivery {
            ledger: self.ledger.clone(),
            envelopes: Arc::clone(&envelopes),
            homes: Arc::clone(&self.homes),
            post: gossip.post(),
        };
        let incoming = gossip.take_incoming().expect("once");
        let running = delivery.start(incoming);
        self.up = Some(Up { envelopes, gossip, running, door });
    }

    async fn stop(&mut self) {
        let up = self.up.take().expect("it runs");
        up.running.stop().await;
        up.gossip.stop().await;
        drop(up.door);
        let envelopes = Arc::try_unwrap(up.envelopes);
        assert!(envelopes.is_ok(), "somebody still holds the envelopes");
    }

    fn up(&self) -> &Up {
        self.up.as_ref().expect("it runs")
    }

    fn id(&self) -> PeerId {
        self.key.peer_id()
    }

    /// As others list it: with its address, if it runs.
    fn listed(&self) -> ListedPeer {
        let listening = self.up.as_ref().map(|up| up.gossip.listening().to_vec());
        ListedPeer { id: self.id(), addresses: listening.unwrap_or_default() }
    }

    /// Puts an envelope as the interface does.
    fn put(&self, envelopes: &Envelopes, party: &str, name: &Name, text: &[u8]) {
        let reader = self.ledger.reader();
        let state = Overlay::new(&reader);
        let by = identity(&state, party);
        let judge = |envelope: &titian_envelope::Envelope| {
            let states = judge::states_of(&state, &name.id, envelope)?;
            let when = (self.ledger.head().height, now_ms());
            Ok(judge::going(&state, &self.homes, party, &states, when))
        };
        let total = text.len() as u64;
        let piece = Piece { name, by: &by, party, offset: 0, total, bytes: text };
        envelopes.put(&piece, judge).expect("it is kept");
    }

    async fn until_connected(&self, id: PeerId) {
        let mut status = self.up().gossip.status();
        let there = status.wait_for(|peers| peers.iter().any(|p| p.id == id && p.connected));
        tokio::time::timeout(PATIENCE, there).await.expect("they meet in time").expect("it runs");
    }
}

/// Waits until `condition` holds, which others bring about.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let reached = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{what}: too late"));
}

#[tokio::test(flavor = "multi_thread")]
async fn etr_an_envelope_reaches_the_home_of_its_recipient_and_so_does_its_erasure() {
    let scene = Scene::new();
    let mut vn = Node::new(&scene, "VN");
    let mut th = Node::new(&scene, "TH");
    th.start(vec![vn.listed()]).await;
    vn.start(vec![th.listed()]).await;
    // several parts, and one that fits in one; to the same state it goes nowhere
    let large = scene.sealed(1, 1_500_000, &scene.th);
    let small = scene.sealed(2, 10, &scene.th);
    let own = scene.sealed(3, 10, &scene.vn);
    for (name, text) in [&large, &small, &own] {
        vn.put(&vn.up().envelopes, &scene.vn, name, text);
    }
    let received = || th.up().envelopes.figures().kept;
    until("both arrive", || received() == 2).await;
    for (name, text) in [&large, &small] {
        let (bytes, total) = th.up().envelopes.get(name, 0, 8_000_000).expect("it is there");
        assert_eq!((&bytes, total), (text, text.len() as u64));
    }
    until("nothing waits any more", || vn.up().envelopes.figures().queued == 0).await;
    let metrics = &th.up().envelopes.metrics;
    assert_eq!((metrics.received.get(), vn.up().envelopes.metrics.delivered.get()), (2, 2));
    let meta = th.up().envelopes.meta(&small.0).expect("the disk works").expect("it is there");
    assert_eq!((meta.party.as_str(), meta.states.len()), (scene.vn.as_str(), 0));

    let reader = vn.ledger.reader();
    let by = identity(&Overlay::new(&reader), &scene.vn);
    let until_ms = now_ms() + 60_000;
    vn.up().envelopes.erase(&large.0, &by, vn.ledger.head().height, until_ms).expect("its own");
    until("it is erased there", || received() == 1).await;
    assert!(th.up().envelopes.get(&large.0, 0, 1).is_err());
    until("nothing waits any more", || vn.up().envelopes.figures().queued == 0).await;
    vn.stop().await;
    th.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn etr_a_delivery_waits_on_disk_until_the_other_node_is_there() {
    let scene = Scene::new();
    let mut vn = Node::new(&scene, "VN");
    let mut th = Node::new(&scene, "TH");
    let (kept, erased) = (scene.sealed(1, 600_000, &scene.th), scene.sealed(2, 10, &scene.th));
    {
        let envelopes = vn.open();
        vn.put(&envelopes, &scene.vn, &kept.0, &kept.1);
        vn.put(&envelopes, &scene.vn, &erased.0, &erased.1);
        let reader = vn.ledger.reader();
        let by = identity(&Overlay::new(&reader), &scene.vn);
        envelopes.erase(&erased.0, &by, 1, now_ms() + 60_000).expect("its own");
        assert_eq!(envelopes.figures().queued, 2);
    }
    // the other node has a part of it from before it was killed
    {
        let envelopes = th.open();
        let reader = th.ledger.reader();
        let by = identity(&Overlay::new(&reader), &scene.vn);
        let (name, text) = &kept;
        let bytes = &text[..limits::ETR_DELIVERY_PART_BYTES_MAX];
        let total = text.len() as u64;
        let piece = Piece { name, by: &by, party: &scene.vn, offset: 0, total, bytes };
        envelopes.receive(&piece, &text_digest(text), |_| Ok(())).expect("a part");
    }
    vn.start(vec![th.listed()]).await;
    assert_eq!(vn.up().envelopes.figures().queued, 2, "it was on disk");
    th.start(vec![vn.listed()]).await;
    until("it arrives", || th.up().envelopes.figures().kept == 1).await;
    assert_eq!(th.up().envelopes.get(&kept.0, 0, 8_000_000).expect("there").0, kept.1);
    until("nothing waits any more", || vn.up().envelopes.figures().queued == 0).await;
    vn.stop().await;
    th.stop().await;
    // a second start finds it all as it was, and delivers nothing again
    th.start(vec![vn.listed()]).await;
    vn.start(vec![th.listed()]).await;
    vn.until_connected(th.id()).await;
    assert_eq!(th.up().envelopes.figures().kept, 1);
    assert_eq!(vn.up().envelopes.figures().queued, 0);
    assert_eq!(th.up().envelopes.metrics.received.get(), 0);
    vn.stop().await;
    th.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn etr_what_is_not_due_at_a_node_is_refused() {
    let scene = Scene::new();
    let mut th = Node::new(&scene, "TH");
    let mut vn = Node::new(&scene, "VN");
    // listed like a node that only observes: heard, but nobody's home
    let mut observer = Node::with_key(&scene, NodeKey::from_seed(&[42; 32]));
    th.start(vec![vn.listed(), observer.listed()]).await;
    vn.start(vec![th.listed()]).await;
    observer.start(vec![th.listed()]).await;
    vn.until_connected(th.id()).await;
    observer.until_connected(th.id()).await;
    let post = vn.up().gossip.post();
    let height = th.ledger.head().height;
    let part = |change: &dyn Fn(&mut Parts)| {
        let (name, text) = scene.sealed(9, 10, &scene.th);
        let mut parts = Parts {
            about: About {
                id: name.id,
                version: 1,
                number: 9,
                party: scene.vn.clone(),
                digest: text_digest(&text),
                height,
            },
            total: text.len() as u64,
            offset: 0,
            bytes: text,
        };
        change(&mut parts);
        let Parts { about, total, offset, bytes } = parts;
        Request::Part { about, total, offset, bytes }
    };
    let say = async |post: &Post, request: Request| post.ask(th.id(), request).await;
    let refused = |code: Code| Ok(Response::Refused(code.number()));
    let stranger = observer.up().gossip.post();
    assert_eq!(say(&stranger, part(&|_| {})).await, refused(Code::Forbidden));
    let erase = |party: &str| {
        let (name, text) = scene.sealed(9, 10, &scene.th);
        let party = party.to_owned();
        let digest = text_digest(&text);
        let about = About { id: name.id, version: 1, number: 9, party, digest, height };
        Request::Erase { about }
    };
    assert_eq!(say(&stranger, erase(&scene.vn)).await, refused(Code::Forbidden));
    // VN's node speaks for the businesses of VN only, about records that they are party to
    assert_eq!(say(&post, erase(&scene.sg)).await, refused(Code::Forbidden));
    let by = |party: &str| part(&|p| p.about.party = party.to_owned());
    assert_eq!(say(&post, by(&scene.sg)).await, refused(Code::Forbidden));
    assert_eq!(say(&post, by("no-ubin")).await, refused(Code::Malformed));
    let record = |id: &str| part(&|p| p.about.id = id.to_owned());
    assert_eq!(say(&post, record("../../etc")).await, refused(Code::UnknownRecord));
    let other = if scene.id.starts_with("etr_a") { "b" } else { "a" };
    let none = format!("etr_{other}{}", &scene.id[5..]);
    assert_eq!(say(&post, record(&none)).await, refused(Code::UnknownRecord));
    let version = |version| part(&|p| p.about.version = version);
    assert_eq!(say(&post, version(0)).await, refused(Code::InvalidParams));
    assert_eq!(say(&post, version(3)).await, refused(Code::InvalidParams));
    // another envelope than it is said to be, or to somebody else
    assert_eq!(say(&post, part(&|p| p.about.number = 8)).await, refused(Code::Malformed));
    let digest = |p: &mut Parts| p.about.digest = Digest([0; 32]);
    assert_eq!(say(&post, part(&digest)).await, refused(Code::Malformed));
    let to = |to: &str| {
        let (_, text) = scene.sealed(9, 10, to);
        move |p: &mut Parts| {
            (p.about.digest, p.total) = (text_digest(&text), text.len() as u64);
            p.bytes.clone_from(&text);
        }
    };
    assert_eq!(say(&post, part(&to(&scene.my))).await, refused(Code::Forbidden), "no party");
    assert_eq!(
        say(&post, part(&to(&scene.sg))).await,
        refused(Code::Forbidden),
        "at home elsewhere"
    );
    // what may come right later: a ledger that is behind, a size that no room fits
    let ahead = say(&post, part(&|p| p.about.height = height + 1)).await;
    assert!(matches!(ahead, Ok(Response::Later(_))), "{ahead:?}");
    let large = |p: &mut Parts| p.total = limits::ETR_ENVELOPE_BYTES_MAX as u64 + 1;
    assert!(matches!(say(&post, part(&large)).await, Ok(Response::Later(_))));
    // where nothing is, the next part begins at 0; a frame beyond the bound is no frame
    let second = |p: &mut Parts| {
        p.offset = 1;
        p.bytes.remove(0);
    };
    assert_eq!(say(&post, part(&second)).await, Ok(Response::Has(0)));
    let long = |p: &mut Parts| p.bytes = vec![0; 2 * limits::ETR_DELIVERY_PART_BYTES_MAX];
    assert!(say(&post, part(&long)).await.is_err());
    assert_eq!(th.up().envelopes.figures().bytes, 0, "nothing of all this is kept");

    // the same twice is kept once; another one of the same number is not
    let (name, text) = scene.sealed(9, 10, &scene.th);
    let twice = |p: &mut Parts| {
        (p.about.digest, p.total) = (text_digest(&text), text.len() as u64);
        p.bytes.clone_from(&text);
    };
    for _ in 0..2 {
        assert_eq!(say(&post, part(&twice)).await, Ok(Response::Done));
    }
    assert_eq!(th.up().envelopes.figures().kept, 1);
    assert_eq!(say(&post, part(&|_| {})).await, refused(Code::VersionConflict));
    assert!(th.up().envelopes.meta(&name).expect("the disk works").is_some());

    // a node that asks without end is put off
    let mut put_off = false;
    for _ in 0..4 * limits::ETR_DELIVERY_REQUESTS_PER_S_MAX {
        put_off |= matches!(say(&post, part(&twice)).await, Ok(Response::Later(_)));
    }
    assert!(put_off, "{} a second", limits::ETR_DELIVERY_REQUESTS_PER_S_MAX);
    for node in [&mut th, &mut vn, &mut observer] {
        node.stop().await;
    }
}

/// The members of a request to keep a part.
struct Parts {
    about: About,
    total: u64,
    offset: u64,
    bytes: Vec<u8>,
}

#[tokio::test(flavor = "multi_thread")]
async fn etr_a_delivery_that_is_ahead_of_the_other_ledger_comes_when_that_has_followed() {
    let scene = Scene::new();
    let mut vn = Node::new(&scene, "VN");
    // TH does not know of the offer yet
    let mut th = {
        let short =
            Scene { journal: scene.journal[..scene.journal.len() - 1].to_vec(), ..Scene::new() };
        Node::new(&short, "TH")
    };
    th.start(vec![vn.listed()]).await;
    vn.start(vec![th.listed()]).await;
    vn.until_connected(th.id()).await;
    let (name, text) = scene.sealed(1, 10, &scene.th);
    vn.put(&vn.up().envelopes, &scene.vn, &name, &text);
    let about = About {
        id: name.id.clone(),
        version: 1,
        number: 1,
        party: scene.vn.clone(),
        digest: text_digest(&text),
        height: vn.ledger.head().height,
    };
    let (total, bytes) = (text.len() as u64, text.clone());
    let request = Request::Part { about, total, offset: 0, bytes };
    let answer = vn.up().gossip.post().ask(th.id(), request).await;
    assert!(matches!(answer, Ok(Response::Later(_))), "{answer:?}");
    assert_eq!(vn.up().envelopes.figures().queued, 1);
    th.follow(&scene, scene.journal.len());
    until("it arrives", || th.up().envelopes.figures().kept == 1).await;
    vn.stop().await;
    th.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn etr_an_envelope_that_cannot_be_read_holds_up_no_other() {
    let scene = Scene::new();
    let mut vn = Node::new(&scene, "VN");
    let mut th = Node::new(&scene, "TH");
    let (bad, good) = (scene.sealed(1, 10, &scene.th), scene.sealed(2, 10, &scene.th));
    {
        let envelopes = vn.open();
        vn.put(&envelopes, &scene.vn, &bad.0, &bad.1);
        vn.put(&envelopes, &scene.vn, &good.0, &good.1);
    }
    // a disk that gives an error for one file
    let file = vn.folder.path().join("envelopes/files").join(&bad.0.id).join("1-1.json");
    std::fs::remove_file(&file).expect("it was there");
    std::fs::create_dir(&file).expect("created");
    th.start(vec![vn.listed()]).await;
    vn.start(vec![th.listed()]).await;
    until("the other arrives", || th.up().envelopes.figures().kept == 1).await;
    assert_eq!(th.up().envelopes.get(&good.0, 0, 8_000_000).expect("there").0, good.1);
    until("the bad one waits", || vn.up().envelopes.figures().queued == 1).await;
    // it follows once the disk gives it
    std::fs::remove_dir(&file).expect("removed");
    std::fs::write(&file, &bad.1).expect("written");
    until("it arrives", || th.up().envelopes.figures().kept == 2).await;
    vn.stop().await;
    th.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn etr_a_delivery_that_cannot_be_done_is_given_up() {
    let scene = Scene::new();
    let mut vn = Node::new(&scene, "VN");
    let mut th = Node::new(&scene, "TH");
    th.start(vec![vn.listed()]).await;
    {
        // one whose time was over before it began, and one whose number is taken there
        let envelopes = vn.open();
        let reader = vn.ledger.reader();
        let by = identity(&Overlay::new(&reader), &scene.vn);
        let (name, text) = scene.sealed(1, 10, &scene.th);
        let total = text.len() as u64;
        let piece =
            Piece { name: &name, by: &by, party: &scene.vn, offset: 0, total, bytes: &text };
        let judge = |envelope: &titian_envelope::Envelope| {
            let states = judge::states_of(&Overlay::new(&reader), &scene.id, envelope)?;
            let overlay = Overlay::new(&reader);
            let long_ago = now_ms() - limits::ETR_DELIVERY_MS_MAX - 1;
            Ok(judge::going(&overlay, &vn.homes, &scene.vn, &states, (1, long_ago)))
        };
        envelopes.put(&piece, judge).expect("it is kept");
        let (name, text) = scene.sealed(2, 10, &scene.th);
        vn.put(&envelopes, &scene.vn, &name, &text);
        let (_, other) = scene.sealed(2, 10, &scene.th);
        let by = identity(&Overlay::new(&reader), &scene.sg);
        let total = other.len() as u64;
        let piece =
            Piece { name: &name, by: &by, party: &scene.sg, offset: 0, total, bytes: &other };
        let there = &th.up().envelopes;
        there.receive(&piece, &text_digest(&other), |_| Ok(())).expect("it is kept");
    }
    vn.start(vec![th.listed()]).await;
    until("nothing waits any more", || vn.up().envelopes.figures().queued == 0).await;
    let metrics = &vn.up().envelopes.metrics;
    let counted = (metrics.expired.get(), metrics.refused.get(), metrics.delivered.get());
    assert_eq!(counted, (1, 1, 0));
    assert_eq!(th.up().envelopes.figures().kept, 1);
    vn.stop().await;
    th.stop().await;
}
