//! Persons: one UBIN, or a joint holder that counts as one person (etr.md §1).
//!
//! Parties are stored as UBINs and compared by entity, so a new number changes nothing.

use std::sync::Arc;

use crate::access::Party;
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::state::Overlay;
use crate::ubin;

/// One person in control, entitled, or receiving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    /// A UBIN.
    Single(String),
    /// Joint holders: acts need `k` of them, accepting needs all.
    Joint {
        /// How many must sign an act.
        k: u64,
        /// The holders, 2 to 8.
        of: Vec<String>,
    },
}

impl Person {
    /// The UBINs, one for a single person.
    pub fn members(&self) -> &[String] {
        match self {
            Self::Single(ubin) => std::slice::from_ref(ubin),
            Self::Joint { of, .. } => of,
        }
    }

    /// How many of the members must sign an act.
    pub const fn quorum(&self) -> u64 {
        match self {
            Self::Single(_) => 1,
            Self::Joint { k, .. } => *k,
        }
    }

    /// The form of `controller` and `to` in state: `{"party":…}` or `{"joint":…}`.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Single(ubin) => Value::object([("party", Value::from(ubin.as_str()))]),
            Self::Joint { k, of } => {
                let of = of.iter().map(|ubin| Value::from(ubin.as_str())).collect::<Vec<_>>();
                let joint = Value::object([("k", Value::from(*k)), ("of", Value::List(of))]);
                Value::object([("joint", joint)])
            }
        }
    }

    /// The form inside a title: a bare UBIN for a single person.
    pub fn to_title_value(&self) -> Value {
        match self {
            Self::Single(ubin) => Value::from(ubin.as_str()),
            Self::Joint { .. } => self.to_value(),
        }
    }

    /// Reads either form; `MALFORMED` for any other. Counts are checked by [`Self::check_limits`].
    pub fn from_value(value: &Value, path: &str) -> Result<Self, Reject> {
        if let Some(text) = value.as_text() {
            return Ok(Self::Single(read_ubin(text, path)?));
        }
        let mut members = Members::of(value, path)?;
        let person = match members.optional_text("party")? {
            Some(text) => Self::Single(read_ubin(text, &members.pointer("party"))?),
            None => {
                let mut joint = members.object("joint")?;
                let k = joint.uint("k")?;
                let path = joint.pointer("of");
                let mut of = Vec::new();
                for text in joint.texts("of")? {
                    of.push(read_ubin(text, &path)?);
                }
                joint.finish()?;
                Self::Joint { k, of }
            }
        };
        members.finish()?;
        Ok(person)
    }

    /// 2 to 8 different joint holders, and a quorum among them.
    pub fn check_limits(&self, path: &str) -> Result<(), Reject> {
        let Self::Joint { k, of } = self else { return Ok(()) };
        let mut distinct = of.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let fits = (2..=limits::ETR_JOINT_MAX).contains(&of.len())
            && distinct.len() == of.len()
            && (1..=of.len() as u64).contains(k);
        if fits {
            Ok(())
        } else {
            Err(Reject::new(Code::LimitExceeded, path, "2 to 8 different holders, k among them"))
        }
    }

    /// The same person under the UBINs in force.
    #[must_use]
    pub fn in_force(&self, state: &Overlay<'_>) -> Self {
        let current = |ubin: &String| {
            ubin::actor(state, ubin).map_or_else(|| ubin.clone(), |actor| actor.ubin.clone())
        };
        match self {
            Self::Single(ubin) => Self::Single(current(ubin)),
            Self::Joint { k, of } => Self::Joint { k: *k, of: of.iter().map(current).collect() },
        }
    }

    /// Whether both are the same person: the same entities under the same quorum.
    pub fn same(&self, other: &Self, state: &Overlay<'_>) -> bool {
        if let (Self::Single(own), Self::Single(other)) = (self, other) {
            return is_same(state, own, other);
        }
        let ids = |person: &Self| {
            let mut ids: Vec<Arc<str>> =
                person.members().iter().map(|ubin| identity(state, ubin)).collect();
            ids.sort_unstable();
            ids
        };
        let joint = |person: &Self| matches!(person, Self::Joint { .. });
        joint(self) == joint(other) && self.quorum() == other.quorum() && ids(self) == ids(other)
    }
}

/// Whether two UBINs are those of one business.
pub fn is_same(state: &Overlay<'_>, one: &str, other: &str) -> bool {
    one == other || identity(state, one) == identity(state, other)
}

/// What two UBINs of one business have in common: the entity, or the text itself while no such
/// business is registered.
pub fn identity(state: &Overlay<'_>, ubin: &str) -> Arc<str> {
    ubin::actor(state, ubin).map_or_else(|| Arc::from(ubin), |actor| Arc::clone(&actor.entity))
}

/// A UBIN by its shape, else `MALFORMED`. Whether it is registered is asked later.
pub fn read_ubin(text: &str, path: &str) -> Result<String, Reject> {
    match Party::parse(text) {
        Some(Party::Business { ubin }) => Ok(ubin),
        _ => Err(Reject::new(Code::Malformed, path, "a canonical UBIN is expected")),
    }
}

/// The state a UBIN belongs to.
pub fn country(ubin: &str) -> &str {
    ubin.get(..2).unwrap_or_default()
}
