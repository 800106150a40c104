//! UBIN register (ubin.md).

mod claim;

use crate::context::Context;
use crate::error::{Code, Reject};
use crate::op::Op;
use crate::state::Overlay;

pub use claim::claim;

/// A business as other registers see it (ubin.md §5, actor hook).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The entity id, which never changes.
    pub entity: String,
    /// The UBIN in force, canonical.
    pub ubin: String,
    /// Whether the record is live.
    pub live: bool,
    /// live and not SUSPENDED.
    pub may_act: bool,
}

/// Resolves a canonical UBIN, an alias or a former number to the business behind it, without
/// following closures: a closed record resolves to itself and is not live.
pub fn actor(_state: &Overlay<'_>, _ubin: &str) -> Option<Actor> {
    None
}

/// Runs one UBIN act.
pub fn apply(_ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    Err(Reject::new(Code::Malformed, "/act", &format!("unknown act {}", op.act)))
}
