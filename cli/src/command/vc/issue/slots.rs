//! Status entries for a credential: a free index in each list that its type asks for.
//!
//! Invariant: an index is drawn from the system's randomness among those of wallets that neither this
//! machine gave out nor the ledger shows as used; it is noted before anything is signed with it.

use rand::Rng as _;
use titian_contracts::credential::bits::value_at;
use titian_contracts::credential::{NumberedId, Profile, StatusList, list_id, list_key};
use titian_credential::snapshot::{Known, Snapshot, read};
use titian_credential::status::entry::Allocator;
use titian_credential::status::whole_list;

use crate::act::now_ms;
use crate::command::vc::DAY_MS;
use crate::command::vc::list::LIST_DAYS;
use crate::error::{CommandError, Result};
use crate::issued::{Network, Slot};

/// Lists of one issuer that are looked at.
const LISTS_MAX: u64 = 4_096;
/// Draws before a list counts as full.
const DRAWS_MAX: usize = 256;

/// A drawn entry, with what a credential says about it.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub slot: Slot,
    pub profile: Profile,
    pub size: u64,
}

/// What entries are drawn for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub issuer: &'a str,
    pub type_name: &'a str,
    /// The credential's last moment: a list must live as long.
    pub until_ms: u64,
}

/// Draws one entry for each profile and notes it in `network`.
pub(super) fn draw(
    facts: &dyn Snapshot,
    network: &mut Network,
    wish: Wish<'_>,
    profiles: &[Profile],
) -> Result<Vec<Drawn>> {
    profiles.iter().map(|profile| draw_one(facts, network, wish, *profile)).collect()
}

fn draw_one(
    facts: &dyn Snapshot,
    network: &mut Network,
    wish: Wish<'_>,
    profile: Profile,
) -> Result<Drawn> {
    let mut full = None;
    for n in 1..=LISTS_MAX {
        let list = match read::<StatusList>(facts, &list_key(wish.issuer, n)) {
            Known::Known(Some(list)) => list,
            _ => break,
        };
        let fits = list.profile == profile
            && !list.retired
            && list.types.iter().any(|name| name == wish.type_name)
            && list.until_ms >= wish.until_ms;
        if !fits {
            continue;
        }
        let id = list_id(wish.issuer, n);
        let (_, bits) = whole_list(facts, wish.issuer, n)
            .ok_or_else(|| CommandError::refused(format!("{id} is not at hand as a whole")))?;
        let taken = network.indices.entry(id.clone()).or_default();
        for _ in 0..DRAWS_MAX {
            let index = rand::rngs::OsRng.gen_range(0..list.entries);
            let free = value_at(&bits, index, list.status_size) == 0;
            if Allocator::Wallet.has(index) && free && taken.insert(index) {
                let slot = Slot { list: id, profile: profile.name().to_owned(), index };
                return Ok(Drawn { slot, profile, size: list.status_size });
            }
        }
        full = Some(id);
    }
    Err(match full {
        Some(id) => CommandError::refused(format!("{id} is nearly full")).named("UNKNOWN_LIST"),
        None => CommandError::refused(format!(
            "{} has no list of profile {} for {} that lives long enough",
            wish.issuer,
            profile.name(),
            wish.type_name
        ))
        .named("UNKNOWN_LIST"),
    }
    .hint(format!(
        "titian vc list-create {} --profile {} --type {}{}",
        wish.issuer,
        profile.name(),
        wish.type_name,
        days_for(wish.until_ms.saturating_sub(now_ms()))
    )))
}

/// An entry that was drawn before; nothing if the ledger has no such list.
pub(super) fn noted(facts: &dyn Snapshot, slot: &Slot) -> Option<Drawn> {
    let id = NumberedId::parse(&slot.list, "status")?;
    match read::<StatusList>(facts, &list_key(&id.owner, id.number)) {
        Known::Known(Some(list)) => {
            Some(Drawn { slot: slot.clone(), profile: list.profile, size: list.status_size })
        }
        _ => None,
    }
}

/// The option that makes a list live for `ms` from now; nothing if it does so anyway.
fn days_for(ms: u64) -> String {
    let days = ms.div_ceil(DAY_MS);
    if days < LIST_DAYS { String::new() } else { format!(" --days {}", days.saturating_add(1)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_must_live_longer_than_usual_is_asked_for_by_its_days() {
        assert_eq!(days_for(365 * DAY_MS), "");
        assert_eq!(days_for((LIST_DAYS - 1) * DAY_MS), "");
        assert_eq!(days_for((LIST_DAYS - 1) * DAY_MS + 1), format!(" --days {}", LIST_DAYS + 1));
    }
}
