//! Parameters of the network: `gov/parameter/{name}`, a number each. One that was never set has its
//! default, so state holds what was decided and nothing else.

use crate::error::{Code, Reject};
use crate::json::Members;
use crate::limits;
use crate::state::{KeyBuilder, Overlay};

/// A parameter that a proposal may set: its name, its coded bounds, its default.
struct Parameter {
    name: &'static str,
    min: u64,
    max: u64,
    default: u64,
}

const SMALL_CELL: Parameter = Parameter {
    name: "smallCell",
    min: limits::SMALL_CELL_FLOOR,
    max: limits::SMALL_CELL_MAX,
    default: limits::SMALL_CELL_FLOOR,
};

/// Set by the genesis alone: a network for tests may do without.
const CONSULTATION_S: Parameter = Parameter {
    name: "consultationS",
    min: 0,
    max: limits::CONSULTATION_S_MAX,
    default: limits::CONSULTATION_S_MIN,
};

impl Parameter {
    fn read(&self, state: &Overlay<'_>) -> u64 {
        state.read(&parameter_key(self.name)).unwrap_or(self.default)
    }
}

/// State key of a parameter.
pub fn parameter_key(name: &str) -> Vec<u8> {
    KeyBuilder::new("gov", "parameter").text(name).build()
}

/// The smallest count that a published cell may show, zero aside (ubin-api.md §11).
pub fn small_cell(state: &Overlay<'_>) -> u64 {
    SMALL_CELL.read(state)
}

/// The shortest consultation on a proposal, in seconds.
pub fn consultation_s(state: &Overlay<'_>) -> u64 {
    CONSULTATION_S.read(state)
}

/// Writes the shortest consultation, in seconds, at genesis: `LIMIT_EXCEEDED` beyond its bound.
pub fn put_consultation_s(state: &mut Overlay<'_>, seconds: u64) -> Result<(), Reject> {
    if seconds > CONSULTATION_S.max {
        return Err(Reject::new(Code::LimitExceeded, "/consultationS", "at most 90 days"));
    }
    state.write(parameter_key(CONSULTATION_S.name), &seconds);
    Ok(())
}

/// A proposal's `{name, value}`; gives the name. Errors: `MALFORMED` for a name that no proposal may
/// set, `LIMIT_EXCEEDED` outside the bounds, `UNCHANGED`.
pub(super) fn set(state: &mut Overlay<'_>, mut body: Members<'_>) -> Result<String, Reject> {
    let name = body.text("name")?;
    if name != SMALL_CELL.name {
        return Err(body.malformed("name", "smallCell is the one parameter"));
    }
    let value = body.uint("value")?;
    let value_at = body.pointer("value");
    body.finish()?;
    if !(SMALL_CELL.min..=SMALL_CELL.max).contains(&value) {
        return Err(Reject::new(Code::LimitExceeded, &value_at, "outside its coded bounds"));
    }
    if value == SMALL_CELL.read(state) {
        return Err(Reject::new(Code::Unchanged, &value_at, ""));
    }
    state.write(parameter_key(name), &value);
    Ok(name.to_owned())
}
