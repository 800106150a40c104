//! What an accreditation and its ancestors grant at block time: the executor's side of vc.md §5.1.
//!
//! Invariant: a right holds only while every link up to the root is active (I9). The verifier's
//! question ("was it granted at signing time") needs codes and unknowns and is asked in
//! `titian-credential`.

use super::{
    Accreditation, AccreditationIndex, AccreditationStatus, CredentialType, NumberedId, REGION,
    Right, accreditation_index_key, accreditation_key, type_key,
};
use crate::access::Party;
use crate::limits;
use crate::state::Overlay;

/// Links of a chain, the one to the root included.
pub const LINKS_MAX: usize = 4;

/// The accreditation of an id (`grantee/acc/n`).
pub fn by_id(state: &Overlay<'_>, id: &str) -> Option<Accreditation> {
    let id = NumberedId::parse(id, "acc")?;
    state.read(&accreditation_key(&id.owner, id.number))
}

/// Whether one link is in force at `t`, its ancestors left aside.
pub const fn is_active(link: &Accreditation, t: u64) -> bool {
    matches!(link.status, AccreditationStatus::Active) && link.from_ms <= t && t < link.until_ms
}

/// The links above `link`, nearest first, without the root. `None` if the chain is broken or
/// longer than [`LINKS_MAX`].
pub fn ancestors(state: &Overlay<'_>, link: &Accreditation) -> Option<Vec<Accreditation>> {
    let mut links = Vec::new();
    let mut parent = link.parent.clone();
    while !matches!(Party::parse(&parent), Some(Party::Root(_))) {
        if links.len() + 1 >= LINKS_MAX {
            return None;
        }
        let above = by_id(state, &parent)?;
        parent.clone_from(&above.parent);
        links.push(above);
    }
    Some(links)
}

/// Whether `link` and every link above it are in force at `t`.
pub fn chain_active(state: &Overlay<'_>, link: &Accreditation, t: u64) -> bool {
    is_active(link, t)
        && ancestors(state, link).is_some_and(|above| above.iter().all(|up| is_active(up, t)))
}

/// The accreditations of a party, by number, oldest first.
pub fn of_party(state: &Overlay<'_>, party: &str) -> Vec<Accreditation> {
    let count = state
        .read::<AccreditationIndex>(&accreditation_index_key(party))
        .map_or(0, |index| index.count.min(limits::ACCREDITATIONS_PER_PARTY_MAX));
    (1..=count).filter_map(|n| state.read(&accreditation_key(party, n))).collect()
}

/// Whether `party` holds `right` for credential type `name` at `t`.
pub fn holds(state: &Overlay<'_>, party: &str, right: Right, name: &str, t: u64) -> bool {
    of_party(state, party).iter().any(|link| {
        link.rights.contains(&right)
            && link.types.iter().any(|covered| covered == name)
            && chain_active(state, link, t)
    })
}

/// The parties that stand above `party` in chains that cover one of `types`: they may suspend and
/// revoke in its place.
pub fn superiors(state: &Overlay<'_>, party: &str, types: &[String]) -> Vec<String> {
    let mut names: Vec<String> = of_party(state, party)
        .iter()
        .filter(|link| link.types.iter().any(|name| types.contains(name)))
        .flat_map(|link| {
            let above = ancestors(state, link).unwrap_or_default();
            let grantors = above.into_iter().map(|up| up.grantor);
            grantors.chain([link.grantor.clone()]).collect::<Vec<_>>()
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The registered type that a bare name means for state `cc`: the regional one, else its own.
pub fn find_type(state: &Overlay<'_>, cc: &str, name: &str) -> Option<CredentialType> {
    state.read(&type_key(REGION, name)).or_else(|| state.read(&type_key(cc, name)))
}
