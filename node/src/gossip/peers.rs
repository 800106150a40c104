//! Whom the mempool's network talks to: the allow-list, when to dial, and who misbehaves.
//!
//! Invariant: only listed peers are known here; a peer beyond its bound of offences is banned for
//! a while and then let in again. Backoff is capped, so a peer that comes back is met within
//! seconds. It opens no connection itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use tokio::time::Instant;

/// Offences in one [`OFFENCE_WINDOW`] beyond which a peer is banned.
pub const OFFENCES_MAX: u64 = 100;

/// What a message that is no batch counts for.
pub(super) const MALFORMED_BATCH_OFFENCES: u64 = 10;

const OFFENCE_WINDOW: Duration = Duration::from_secs(60);
const BAN: Duration = Duration::from_secs(600);
const DIAL_AGAIN_MIN: Duration = Duration::from_millis(250);
const DIAL_AGAIN_MAX: Duration = Duration::from_secs(4);
const DIAL_PATIENCE: Duration = Duration::from_secs(15);

/// A peer of the allow-list with the addresses at which it is dialled; without any it dials us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPeer {
    /// Who.
    pub id: PeerId,
    /// Where, without the `/p2p/` part.
    pub addresses: Vec<Multiaddr>,
}

impl ListedPeer {
    /// Reads `/ip4/…/tcp/…/p2p/<id>`, or `/p2p/<id>` for a peer that dials us.
    pub fn parse(text: &str) -> Option<Self> {
        let mut address: Multiaddr = text.parse().ok()?;
        let Some(Protocol::P2p(id)) = address.pop() else { return None };
        let addresses = if address.is_empty() { Vec::new() } else { vec![address] };
        Some(Self { id, addresses })
    }

    /// The peer of an Ed25519 identity at an address without `/p2p/`, as a genesis names it.
    pub fn of_key(public_key: &[u8; 32], address: &str) -> Option<Self> {
        let key = libp2p::identity::ed25519::PublicKey::try_from_bytes(public_key).ok()?;
        let id = PeerId::from_public_key(&key.into());
        Some(Self { id, addresses: vec![address.parse().ok()?] })
    }
}

/// How a peer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// Who.
    pub id: PeerId,
    /// Whether a connection is open.
    pub connected: bool,
    /// Whether it listens to the topic.
    pub subscribed: bool,
    /// Whether it is banned for what it sent.
    pub banned: bool,
    /// Dials that failed in a row.
    pub failures: u32,
}

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) addresses: Vec<Multiaddr>,
    pub(super) offences: Arc<AtomicU64>,
    pub(super) connected: bool,
    pub(super) subscribed: bool,
    banned_until: Option<Instant>,
    failures: u32,
    dial_at: Instant,
}

/// The allow-list at work.
#[derive(Debug)]
pub(super) struct Peers {
    own: PeerId,
    listed: BTreeMap<PeerId, Peer>,
    window_ends: Instant,
}

/// A change that the swarm must follow.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Allow(PeerId),
    Ban(PeerId),
    Remove(PeerId),
}

impl Peers {
    pub(super) fn new(own: PeerId, now: Instant) -> Self {
        Self { own, listed: BTreeMap::new(), window_ends: now + OFFENCE_WINDOW }
    }

    /// Replaces the list; connections of those who stay are kept.
    pub(super) fn set(&mut self, listed: Vec<ListedPeer>, now: Instant) -> Vec<Change> {
        let mut wanted: BTreeMap<PeerId, Vec<Multiaddr>> = BTreeMap::new();
        for peer in listed.into_iter().filter(|peer| peer.id != self.own) {
            wanted.entry(peer.id).or_default().extend(peer.addresses);
        }
        let gone: Vec<PeerId> =
            self.listed.keys().filter(|id| !wanted.contains_key(id)).copied().collect();
        let mut changes = Vec::new();
        for id in gone {
            self.listed.remove(&id);
            changes.push(Change::Remove(id));
        }
        for (id, addresses) in wanted {
            if let Some(peer) = self.listed.get_mut(&id) {
                peer.addresses = addresses;
                continue;
            }
            let peer = Peer {
                addresses,
                offences: Arc::default(),
                connected: false,
                subscribed: false,
                banned_until: None,
                failures: 0,
                dial_at: now,
            };
            self.listed.insert(id, peer);
            changes.push(Change::Allow(id));
        }
        changes
    }

    pub(super) fn get_mut(&mut self, id: &PeerId) -> Option<&mut Peer> {
        self.listed.get_mut(id)
    }

    /// The offences of a peer that may speak, our own included.
    pub(super) fn offences_of(&self, id: &PeerId) -> Option<Arc<AtomicU64>> {
        let peer = self.listed.get(id)?;
        peer.banned_until.is_none().then(|| Arc::clone(&peer.offences))
    }

    /// Whether anyone listens.
    pub(super) fn any_subscribed(&self) -> bool {
        self.listed.values().any(|peer| peer.subscribed)
    }

    pub(super) fn is_connected(&self, id: &PeerId) -> bool {
        self.listed.get(id).is_some_and(|peer| peer.connected)
    }

    pub(super) fn connected_count(&self) -> usize {
        self.listed.values().filter(|peer| peer.connected).count()
    }

    /// Bans those beyond the bound, lets in those whose time is over.
    pub(super) fn judge(&mut self, now: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        for (id, peer) in &mut self.listed {
            if peer.banned_until.is_some_and(|until| until <= now) {
                peer.banned_until = None;
                changes.push(Change::Allow(*id));
            }
            if peer.banned_until.is_none() && peer.offences.load(Ordering::Relaxed) > OFFENCES_MAX {
                peer.banned_until = Some(now + BAN);
                peer.offences.store(0, Ordering::Relaxed);
                changes.push(Change::Ban(*id));
            }
        }
        if self.window_ends <= now {
            self.window_ends = now + OFFENCE_WINDOW;
            for peer in self.listed.values() {
                peer.offences.store(0, Ordering::Relaxed);
            }
        }
        changes
    }

    /// Who is to be dialled now.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(PeerId, Vec<Multiaddr>)> {
        let mut due = Vec::new();
        for (id, peer) in &mut self.listed {
            let wanted = !peer.connected && peer.banned_until.is_none();
            if wanted && !peer.addresses.is_empty() && peer.dial_at <= now {
                // Until this attempt is reported as failed, or forgotten.
                peer.dial_at = now + DIAL_PATIENCE;
                due.push((*id, peer.addresses.clone()));
            }
        }
        due
    }

    pub(super) fn connected(&mut self, id: &PeerId) {
        if let Some(peer) = self.listed.get_mut(id) {
            peer.connected = true;
            peer.failures = 0;
        }
    }

    pub(super) fn disconnected(&mut self, id: &PeerId, now: Instant) {
        if let Some(peer) = self.listed.get_mut(id) {
            peer.connected = false;
            peer.subscribed = false;
            peer.dial_at = now + DIAL_AGAIN_MIN;
        }
    }

    pub(super) fn dial_failed(&mut self, id: &PeerId, now: Instant) {
        if let Some(peer) = self.listed.get_mut(id) {
            peer.failures = peer.failures.saturating_add(1);
            peer.dial_at = now + backoff(peer.failures);
        }
    }

    pub(super) fn status(&self) -> Vec<PeerStatus> {
        self.listed
            .iter()
            .map(|(id, peer)| PeerStatus {
                id: *id,
                connected: peer.connected,
                subscribed: peer.subscribed,
                banned: peer.banned_until.is_some(),
                failures: peer.failures,
            })
            .collect()
    }
}

fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(8);
    DIAL_AGAIN_MIN.saturating_mul(1 << doublings).min(DIAL_AGAIN_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(now: Instant) -> (PeerId, Peers) {
        let id = PeerId::random();
        let mut peers = Peers::new(PeerId::random(), now);
        let address: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().expect("an address");
        let changes = peers.set(vec![ListedPeer { id, addresses: vec![address] }], now);
        assert_eq!(changes, [Change::Allow(id)]);
        (id, peers)
    }

    #[test]
    fn a_peer_that_stays_away_is_dialled_ever_less_often_but_every_four_seconds_at_least() {
        let mut now = Instant::now();
        let (id, mut peers) = peers(now);
        let mut waits = Vec::new();
        for _ in 0..40 {
            assert_eq!(peers.due(now).len(), 1);
            assert!(peers.due(now).is_empty(), "one attempt at a time");
            peers.dial_failed(&id, now);
            let wait = (0..).find(|ms| !peers.due(now + Duration::from_millis(*ms)).is_empty());
            let wait_ms = wait.expect("it is dialled again");
            waits.push(wait_ms);
            peers.dial_failed(&id, now);
            now += DIAL_AGAIN_MAX;
        }
        assert_eq!(waits[0], 250);
        assert_eq!(waits.last(), Some(&4_000));
        assert!(waits.is_sorted());
    }

    #[test]
    fn a_peer_is_banned_beyond_the_bound_only_and_let_in_again() {
        let now = Instant::now();
        let (id, mut peers) = peers(now);
        let offences = peers.offences_of(&id).expect("listed");
        offences.store(OFFENCES_MAX, Ordering::Relaxed);
        assert!(peers.judge(now).is_empty());
        offences.store(OFFENCES_MAX + 1, Ordering::Relaxed);
        assert_eq!(peers.judge(now), [Change::Ban(id)]);
        assert!(peers.offences_of(&id).is_none() && peers.due(now).is_empty());
        assert!(peers.judge(now + BAN - Duration::from_millis(1)).is_empty());
        assert_eq!(peers.judge(now + BAN), [Change::Allow(id)]);
        assert_eq!(peers.due(now + BAN).len(), 1);
    }

    #[test]
    fn offences_of_an_old_window_are_forgotten() {
        let now = Instant::now();
        let (id, mut peers) = peers(now);
        let offences = peers.offences_of(&id).expect("listed");
        offences.store(OFFENCES_MAX, Ordering::Relaxed);
        assert!(peers.judge(now + OFFENCE_WINDOW).is_empty());
        offences.fetch_add(OFFENCES_MAX, Ordering::Relaxed);
        assert!(peers.judge(now + OFFENCE_WINDOW).is_empty());
    }

    #[test]
    fn a_new_list_removes_who_is_not_on_it_and_never_lists_ourselves() {
        let now = Instant::now();
        let (id, mut peers) = peers(now);
        let own = ListedPeer { id: peers.own, addresses: Vec::new() };
        assert_eq!(peers.set(vec![own], now), [Change::Remove(id)]);
        assert!(peers.status().is_empty());
    }

    #[test]
    fn a_listed_peer_names_its_id_and_maybe_an_address() {
        let id = PeerId::random();
        let full = ListedPeer::parse(&format!("/dns4/node.example/tcp/7411/p2p/{id}"));
        assert_eq!(full.map(|peer| (peer.id, peer.addresses.len())), Some((id, 1)));
        let alone = ListedPeer::parse(&format!("/p2p/{id}"));
        assert_eq!(alone.map(|peer| (peer.id, peer.addresses.len())), Some((id, 0)));
        assert_eq!(ListedPeer::parse("/ip4/127.0.0.1/tcp/7411"), None);
    }
}
