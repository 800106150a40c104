//! Who may see what of a record: a token with scope `etr:read`, or a capability that a party signed for
//! this method at this node.
//!
//! A party sees the party part at every height, a former one up to the height at which it left: what it
//! was party to, no more (etr-api.md §3).

use titian_api::Refusal;
use titian_api::etr::{CAPABILITY_MS_MAX, Capability, CapabilityText};
use titian_contracts::access::{self, Party, Purpose};
use titian_contracts::error::Code;
use titian_contracts::etr::person::identity;
use titian_contracts::etr::view::{Standing, standing};
use titian_contracts::op;
use titian_contracts::state::Overlay;

use super::super::at::At;
use super::super::methods::Answer;
use super::super::{Caller, State, now_ms};

/// What a caller may see of the party part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// At every height.
    All,
    /// As of this height and those before.
    Until(u64),
    /// Nothing of it.
    Public,
}

impl Sight {
    /// Whether it is seen as of `height`.
    pub(super) fn at(self, height: u64) -> bool {
        match self {
            Self::All => true,
            Self::Until(until) => height <= until,
            Self::Public => false,
        }
    }

    /// The height up to which a former party sees the party part.
    pub(super) const fn until(self) -> Option<u64> {
        match self {
            Self::Until(until) => Some(until),
            Self::All | Self::Public => None,
        }
    }
}

impl From<Standing> for Sight {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Party => Self::All,
            Standing::Former { until } => Self::Until(until),
            Standing::None => Self::Public,
        }
    }
}

/// A call that may carry a capability.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    /// What methods reach.
    pub(super) state: &'a State,
    /// Whose token it carries; `None` where tokens give no right.
    pub(super) caller: Option<&'a Caller>,
    /// What it shows.
    pub(super) capability: Option<&'a Capability>,
    /// The method.
    pub(super) method: &'static str,
}

fn refuse(detail: &str) -> Refusal {
    Refusal::new(Code::Forbidden, "/capability", detail)
}

impl<'a> Ask<'a> {
    pub(super) const fn new(
        state: &'a State,
        caller: &'a Caller,
        capability: Option<&'a Capability>,
        method: &'static str,
    ) -> Self {
        Self { state, caller: Some(caller), capability, method }
    }

    /// Whether a token opens everything.
    pub(super) fn has_token(&self) -> bool {
        self.caller.is_some_and(|caller| caller.may("etr:read"))
    }

    /// The party that the capability, which must be about `subject`, shows to ask; nothing without
    /// one. Errors: `FORBIDDEN`.
    pub(super) fn party(&self, subject: &str) -> Answer<Option<String>> {
        let Some(capability) = self.capability else { return Ok(None) };
        if capability.ms.abs_diff(now_ms()) > CAPABILITY_MS_MAX {
            return Err(refuse("ms is more than 300 s from now"));
        }
        let at = At::height(self.state, None)?;
        let overlay = Overlay::new(&at.reader);
        let party = Party::parse(&capability.party).ok_or_else(|| refuse("no such party"))?;
        let no = op::parse_key_no(&capability.key).ok_or_else(|| refuse("no such key"))?;
        let key = access::key_of(&overlay, &party, no).ok_or_else(|| refuse("no such key"))?;
        let usable = key.is_active(at.time_ms)
            && key.has(Purpose::Invoke)
            && key.algorithm == "Ed25519"
            && !access::is_closed(&overlay, &party);
        let public_key = <[u8; 32]>::try_from(key.public_key.as_slice());
        let signature = op::decode_fixed::<64>(&capability.sig);
        let (Ok(public_key), Some(signature), true) = (public_key, signature, usable) else {
            return Err(refuse("the key is not active, or the signature malformed"));
        };
        let text = CapabilityText {
            chain: self.state.ledger().chain(),
            node: &self.state.backend.node,
            method: self.method,
            subject,
            party: &capability.party,
            ms: capability.ms,
        };
        if op::verify(&public_key, &text.digest(), &signature) {
            Ok(Some(capability.party.clone()))
        } else {
            Err(refuse("not signed by this key for this method, subject and node"))
        }
    }

    /// What the caller may see of record `id`. A capability of one who never was a party is an error,
    /// not a smaller answer.
    pub(super) fn sight(&self, id: &str) -> Answer<Sight> {
        if self.has_token() {
            return Ok(Sight::All);
        }
        let Some(party) = self.party(id)? else { return Ok(Sight::Public) };
        match sight_of(self.state, id, &party)? {
            Sight::Public => Err(refuse("is no party to this record")),
            sight => Ok(sight),
        }
    }

    /// Asks that the caller sees record `id` as it stands.
    pub(super) fn require_sight(&self, id: &str) -> Answer<()> {
        match self.sight(id)? {
            Sight::All => Ok(()),
            Sight::Until(until) => {
                Err(refuse(&format!("a party until height {until} must not see what came later")))
            }
            Sight::Public => Err(refuse("a party to the record must ask")),
        }
    }

    /// Asks that the caller is `party`, or has a token. A business is known by its entity.
    pub(super) fn require_party(&self, party: &str) -> Answer<()> {
        if self.has_token() {
            return Ok(());
        }
        let missing = || refuse("the party must show that it asks");
        let shown = self.party(party)?.ok_or_else(missing)?;
        let at = At::height(self.state, None)?;
        let overlay = Overlay::new(&at.reader);
        if identity(&overlay, &shown) == identity(&overlay, party) {
            Ok(())
        } else {
            Err(missing())
        }
    }
}

/// What a business sees of record `id`, by how it stands to it now.
pub(super) fn sight_of(state: &State, id: &str, party: &str) -> Answer<Sight> {
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    Ok(standing(&overlay, id, &identity(&overlay, party)).into())
}
