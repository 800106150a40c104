//! Who may put an envelope of a record, and whose nodes it goes to: asked where a party brings it, and
//! again where another node does.

use std::collections::{BTreeMap, BTreeSet};

use titian_contracts::error::{Code, Reject};
use titian_contracts::etr::content::is_record_id;
use titian_contracts::etr::person::{Person, country, identity, read_ubin};
use titian_contracts::etr::record::Record;
use titian_contracts::etr::view;
use titian_contracts::limits;
use titian_contracts::state::Overlay;
use titian_envelope::Envelope;
use titian_genesis::Genesis;

use crate::envelopes::Going;
use crate::gossip::{ListedPeer, PeerId};

/// Which node is the home of which state: its validator, as the genesis names it.
#[derive(Clone, Debug, Default)]
pub struct Homes {
    own: Option<String>,
    nodes: BTreeMap<String, PeerId>,
}

impl Homes {
    /// The homes of a network, seen from the node with this network key.
    pub fn of(genesis: &Genesis, own: &[u8; 32]) -> Self {
        let mut homes = Self::default();
        for member in &genesis.members {
            let Some(node) = &member.validator else { continue };
            if node.peer_key == *own {
                homes.own = Some(member.cc.clone());
            }
            if let Some(peer) = ListedPeer::of_key(&node.peer_key, &node.gossip) {
                homes.nodes.insert(member.cc.clone(), peer.id);
            }
        }
        homes
    }

    /// The state whose home this node is; a node that only observes is none.
    pub fn own(&self) -> Option<&str> {
        self.own.as_deref()
    }

    /// The homes of the other states.
    pub fn others(&self) -> impl Iterator<Item = (&str, PeerId)> {
        let other = |(state, _): &(&String, &PeerId)| Some(state.as_str()) != self.own();
        self.nodes.iter().filter(other).map(|(state, peer)| (state.as_str(), *peer))
    }

    /// The state whose home a peer is.
    pub fn state_of(&self, peer: &PeerId) -> Option<&str> {
        self.nodes.iter().find(|(_, node)| *node == peer).map(|(state, _)| state.as_str())
    }

    /// Which of `states` an envelope of a party homed in `giver` goes to from here. A node delivers
    /// for the businesses of its own state, so that the other side can tell who stands for whom.
    pub fn going(&self, states: &BTreeSet<String>, giver: &str) -> BTreeSet<String> {
        if self.own() != Some(giver) {
            return BTreeSet::new();
        }
        let there = |state: &&String| *state != giver && self.nodes.contains_key(*state);
        states.iter().filter(there).cloned().collect()
    }
}

/// The state whose node keeps what is for a party: that of its number in force.
pub fn home(state: &Overlay<'_>, ubin: &str) -> String {
    let person = Person::Single(ubin.to_owned()).in_force(state);
    person.members().first().map(|ubin| country(ubin)).unwrap_or_default().to_owned()
}

/// The states of those an envelope is sealed to. Errors: `FORBIDDEN` where one is no party to the
/// record and is offered nothing.
pub fn states_of(
    state: &Overlay<'_>,
    id: &str,
    envelope: &Envelope,
) -> Result<BTreeSet<String>, Reject> {
    let home_of = |(party, _): (&str, u64)| {
        if view::is_party(state, id, party) {
            Ok(home(state, party))
        } else {
            let detail = "a recipient is no party to the record";
            Err(Reject::new(Code::Forbidden, "/recipients", detail))
        }
    };
    envelope.recipients().map(home_of).collect()
}

/// Where an envelope that `party` brings goes from here.
pub fn going(
    state: &Overlay<'_>,
    homes: &Homes,
    party: &str,
    states: &BTreeSet<String>,
    (height, now_ms): (u64, u64),
) -> Going {
    Going {
        states: homes.going(states, &home(state, party)),
        height,
        until_ms: now_ms.saturating_add(limits::ETR_DELIVERY_MS_MAX),
    }
}

/// The entity of a party that may have put an envelope of this version at the node of `from`.
///
/// It is, or was, a party to the record: it may have left since. Errors: `UNKNOWN_RECORD`,
/// `INVALID_PARAMS`, `MALFORMED`, `FORBIDDEN`.
pub fn sender(
    state: &Overlay<'_>,
    from: &str,
    id: &str,
    version: u64,
    party: &str,
) -> Result<String, Reject> {
    let unknown = || Reject::new(Code::UnknownRecord, "/id", "");
    // id and entity become parts of file names
    let record = Some(id).filter(|id| is_record_id(id)).and_then(|id| Record::load(state, id));
    let record = record.ok_or_else(unknown)?;
    check_version(&record, version)?;
    let ubin = read_ubin(party, "/party")?;
    let entity = identity(state, &ubin);
    if home(state, &ubin) == from && view::is_party_entity(state, id, &entity) {
        Ok(entity.to_string())
    } else {
        Err(Reject::new(Code::Forbidden, "/party", "is no party of that state to this record"))
    }
}

/// `INVALID_PARAMS` unless the content has this version, or gets it by an amendment that is staged:
/// that may be sealed before it stands.
pub fn check_version(record: &Record, version: u64) -> Result<(), Reject> {
    if version == 0 || version > record.public.content_version.saturating_add(1) {
        return Err(Reject::new(Code::InvalidParams, "/version", "no version of the content"));
    }
    Ok(())
}
