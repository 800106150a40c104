//! The door of the engine: strangers are not answered, and shown out.
//!
//! The engine itself refuses a peer only when that peer says who it is by the identify protocol;
//! one that never does would stay and could ask for blocks. Here the peer id of the authenticated
//! connection counts. Invariant: no question, report or proof of a peer that is not in the book
//! reaches consensus or sync. Deliberately let through: votes, proposals and their parts, which
//! carry the signature of their author. The network hands on one copy of each only, so to drop the
//! copy that a stranger passes on would let strangers decide what is heard.

use std::sync::Arc;

use arc_malachitebft_app_channel::app::engine::network::{
    NetworkEvent, NetworkMsg, NetworkRef, Subscriber,
};
use arc_malachitebft_network::validator_proof::ProofVerificationResult;
use arc_malachitebft_peer::PeerId;
use async_trait::async_trait;
use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::context::Titian;
use super::engine::STOP_TIMEOUT;
use super::status::PeerBook;

type Heard = NetworkEvent<Titian>;
type Listener = Box<dyn Subscriber<Heard>>;

/// Stands before the network: whoever subscribes hears what the door lets through.
struct Door {
    peers: Arc<PeerBook>,
}

/// Puts a door before `network`; whoever stops the door stops the network.
pub(super) async fn before(
    network: NetworkRef<Titian>,
    peers: Arc<PeerBook>,
) -> Result<NetworkRef<Titian>, ractor::SpawnErr> {
    let (door, _) = Actor::spawn(None, Door { peers }, network).await?;
    Ok(door)
}

#[async_trait]
impl Actor for Door {
    type Msg = NetworkMsg<Titian>;
    type State = NetworkRef<Titian>;
    type Arguments = NetworkRef<Titian>;

    async fn pre_start(
        &self,
        door: ActorRef<Self::Msg>,
        network: NetworkRef<Titian>,
    ) -> Result<Self::State, ActorProcessingErr> {
        // when the network ends, so does its door, and the engine hears of it
        network.link(door.get_cell());
        Ok(network)
    }

    async fn handle(
        &self,
        door: ActorRef<Self::Msg>,
        message: Self::Msg,
        network: &mut NetworkRef<Titian>,
    ) -> Result<(), ActorProcessingErr> {
        let message = match message {
            NetworkMsg::Subscribe(listener) => {
                let doorman = Doorman { peers: Arc::clone(&self.peers), network: network.clone() };
                let (doorman, _) =
                    Actor::spawn_linked(None, doorman, listener, door.get_cell()).await?;
                NetworkMsg::Subscribe(Box::new(doorman))
            }
            other => other,
        };
        network.cast(message)?;
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<Self::Msg>,
        network: &mut NetworkRef<Titian>,
    ) -> Result<(), ActorProcessingErr> {
        network.stop_and_wait(None, Some(STOP_TIMEOUT)).await?;
        Ok(())
    }
}

/// Hears everything and tells one listener what it may hear.
struct Doorman {
    peers: Arc<PeerBook>,
    network: NetworkRef<Titian>,
}

#[async_trait]
impl Actor for Doorman {
    type Msg = Heard;
    type State = Listener;
    type Arguments = Listener;

    async fn pre_start(
        &self,
        _: ActorRef<Heard>,
        listener: Listener,
    ) -> Result<Listener, ActorProcessingErr> {
        Ok(listener)
    }

    async fn handle(
        &self,
        _: ActorRef<Heard>,
        heard: Heard,
        listener: &mut Listener,
    ) -> Result<(), ActorProcessingErr> {
        let stranger = speaker(&heard).filter(|id| !self.peers.is_allowed(&id.to_base58()));
        if let Some(peer) = stranger {
            self.show_out(peer)?;
            if let NetworkEvent::SyncRequest(request, ..) = &heard {
                self.network.cast(NetworkMsg::CancelInboundRequest(request.clone()))?;
            }
        }
        if stranger.is_none() || carries_its_own_proof(&heard) {
            listener.send(heard);
        }
        Ok(())
    }
}

impl Doorman {
    // the network closes all connections of a peer whose proof of being a validator is void; a
    // peer that may not be here has none that counts
    fn show_out(&self, peer_id: PeerId) -> Result<(), ActorProcessingErr> {
        tracing::debug!(%peer_id, "a stranger speaks and is shown out");
        let result = ProofVerificationResult::Invalid;
        let message = NetworkMsg::ValidatorProofVerified { peer_id, result, public_key: None };
        Ok(self.network.cast(message)?)
    }
}

// who speaks; comings and goings tell of a peer, and are not said by it
fn speaker(heard: &Heard) -> Option<PeerId> {
    match heard {
        NetworkEvent::Listening(_)
        | NetworkEvent::PeerConnected(_)
        | NetworkEvent::PeerDisconnected(_)
        | NetworkEvent::SyncRequestFailed(..)
        | NetworkEvent::SyncInboundRequestFailed(..) => None,
        NetworkEvent::PeerSubscribed(peer, _)
        | NetworkEvent::Vote(peer, _)
        | NetworkEvent::Proposal(peer, _)
        | NetworkEvent::ProposalPart(peer, ..)
        | NetworkEvent::PolkaCertificate(peer, _)
        | NetworkEvent::RoundCertificate(peer, _)
        | NetworkEvent::ValidatorProofReceived { peer_id: peer, .. }
        | NetworkEvent::Status(peer, _)
        | NetworkEvent::SyncRequest(_, peer, _)
        | NetworkEvent::SyncResponse(_, peer, _) => Some(*peer),
    }
}

fn carries_its_own_proof(heard: &Heard) -> bool {
    matches!(
        heard,
        NetworkEvent::Vote(..)
            | NetworkEvent::Proposal(..)
            | NetworkEvent::ProposalPart(..)
            | NetworkEvent::PolkaCertificate(..)
            | NetworkEvent::RoundCertificate(..)
    )
}
