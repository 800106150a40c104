//! Who may see what of a record: a capability that a party signed for this method at this node, or a
//! token with scope `etr:read` that lists the party. The operator, on whose disk all lies, sees all.
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

    /// The one that shows more.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Until(a), Self::Until(b)) => Self::Until(a.max(b)),
            (until @ Self::Until(_), Self::Public) | (Self::Public, until) => until,
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

/// The refusal of one who shows a capability and is no party. Whether it holds a mandate is not looked
/// at: the answer would tell an agent whether its principal is a party.
fn no_party() -> Refusal {
    refuse(
        "is no party to this record; a mandate gives no sight: an agent reads by a token with scope \
         etr:read that lists its principal",
    )
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

    /// What the token shows of record `id`.
    pub(super) fn token_sight(&self, id: &str) -> Answer<Sight> {
        self.caller.map_or(Ok(Sight::Public), |caller| token_sight(self.state, caller, id))
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
        match self.sight_if_any(id)? {
            Sight::Public if self.capability.is_some() => Err(no_party()),
            sight => Ok(sight),
        }
    }

    /// The same for a method that strangers call as well: one whom an act brings in, a successor in
    /// law or a court is no party before its act, and its capability shows no more than none does.
    pub(super) fn sight_if_any(&self, id: &str) -> Answer<Sight> {
        let token = self.token_sight(id)?;
        let Some(party) = self.party(id)? else { return Ok(token) };
        Ok(sight_of(self.state, id, &party)?.or(token))
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
        let at = At::height(self.state, None)?;
        let overlay = Overlay::new(&at.reader);
        let entity = identity(&overlay, party);
        let listed = |caller: &Caller| {
            caller.admin || caller.reads_for().iter().any(|of| identity(&overlay, of) == entity)
        };
        if self.caller.is_some_and(listed) {
            return Ok(());
        }
        let shown = self.party(party)?;
        if shown.is_some_and(|shown| identity(&overlay, &shown) == entity) {
            Ok(())
        } else {
            Err(refuse("the party must show that it asks"))
        }
    }
}

/// What a business sees of record `id`, by how it stands to it now.
pub(super) fn sight_of(state: &State, id: &str, party: &str) -> Answer<Sight> {
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    Ok(standing(&overlay, id, &identity(&overlay, party)).into())
}

/// What a token shows of record `id`: what the parties that it lists see.
pub(super) fn token_sight(state: &State, caller: &Caller, id: &str) -> Answer<Sight> {
    if caller.admin {
        return Ok(Sight::All);
    }
    caller
        .reads_for()
        .iter()
        .try_fold(Sight::Public, |seen, party| Ok(seen.or(sight_of(state, id, party)?)))
}

/// Whether a token shows ops on these records that were executed at `height`: the parties that it lists
/// see the party part of each as of then.
pub(in crate::rpc) fn shows_ops(
    state: &State,
    caller: &Caller,
    ids: &[String],
    height: u64,
) -> bool {
    let sees = |id: &String| token_sight(state, caller, id).is_ok_and(|sight| sight.at(height));
    caller.admin || (!ids.is_empty() && ids.iter().all(sees))
}
