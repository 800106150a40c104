//! The accreditation check: was the issuer entitled to issue this type, at signing time and as
//! known at the trust height (vc.md §5.1).
//!
//! Invariant: every link up to the state's root must hold; one full chain is enough; a link that
//! is not at hand is "unknown".

use titian_contracts::access::Party;
use titian_contracts::credential::chain::LINKS_MAX;
use titian_contracts::credential::{
    Accreditation, AccreditationIndex, AccreditationStatus, NumberedId, Right,
    accreditation_index_key, accreditation_key,
};
use titian_contracts::limits;

use crate::snapshot::{Known, Snapshot, read};

/// What the check asks.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The issuer, as state names it.
    pub issuer: &'a Party,
    /// Its text.
    pub issuer_text: &'a str,
    /// The credential type.
    pub type_name: &'a str,
    /// Signing time, ms.
    pub signed_ms: u64,
    /// Whether an anchor proves the signing time.
    pub anchored: bool,
}

/// A chain that holds, or the code of the attempt that came closest.
///
/// The chain names the parties from the root to the issuer, and the issuer's class.
pub fn check(
    snapshot: &dyn Snapshot,
    question: Question<'_>,
) -> Result<(Vec<String>, String), &'static str> {
    let index = match read::<AccreditationIndex>(
        snapshot,
        &accreditation_index_key(question.issuer_text),
    ) {
        Known::Unknown => return Err("CHAIN_NOT_AVAILABLE"),
        Known::Known(None) => return Err("NO_ACCREDITATION"),
        Known::Known(Some(index)) => index,
    };
    let mut closest = "NO_ACCREDITATION";
    for n in 1..=index.count.min(limits::ACCREDITATIONS_PER_PARTY_MAX) {
        match check_one(snapshot, question, n) {
            Ok(found) => return Ok(found),
            Err(code) if rank(code) > rank(closest) => closest = code,
            Err(_) => {}
        }
    }
    Err(closest)
}

/// How far an attempt came. What is unknown might have held, so it outranks every refusal.
fn rank(code: &str) -> usize {
    const ORDER: [&str; 8] = [
        "NO_ACCREDITATION",
        "TYPE_NOT_COVERED",
        "JURISDICTION_NOT_COVERED",
        "CHAIN_BROKEN",
        "ACCREDITATION_EXPIRED",
        "ACCREDITATION_REVOKED",
        "ACCREDITATION_SUSPENDED",
        "CHAIN_NOT_AVAILABLE",
    ];
    ORDER.iter().position(|known| *known == code).unwrap_or_default()
}

fn check_one(
    snapshot: &dyn Snapshot,
    question: Question<'_>,
    n: u64,
) -> Result<(Vec<String>, String), &'static str> {
    let load =
        |owner: &str, n: u64| match read::<Accreditation>(snapshot, &accreditation_key(owner, n)) {
            Known::Known(Some(link)) => Ok(link),
            Known::Known(None) => Err("CHAIN_BROKEN"),
            Known::Unknown => Err("CHAIN_NOT_AVAILABLE"),
        };
    let first = load(question.issuer_text, n)?;
    let issuer_class = first.issuer_class.clone();
    if !first.rights.contains(&Right::Issue) {
        return Err("NO_ACCREDITATION");
    }
    let cc = question.issuer.cc();
    let mut parties = vec![first.grantee.clone()];
    let mut link = first;
    loop {
        if !link.types.iter().any(|name| name == question.type_name) {
            return Err("TYPE_NOT_COVERED");
        }
        if !link.jurisdictions.iter().any(|jurisdiction| jurisdiction == cc) {
            return Err("JURISDICTION_NOT_COVERED");
        }
        check_time(&link, question)?;
        parties.push(link.grantor.clone());
        match Party::parse(&link.parent) {
            Some(Party::Root(root)) if root == cc => {
                parties.reverse();
                return Ok((parties, issuer_class));
            }
            _ if parties.len() > LINKS_MAX => return Err("CHAIN_BROKEN"),
            _ => {}
        }
        let above = NumberedId::parse(&link.parent, "acc").ok_or("CHAIN_BROKEN")?;
        let parent = load(&above.owner, above.number)?;
        if !narrows(&link, &parent) {
            return Err("CHAIN_BROKEN");
        }
        link = parent;
    }
}

fn check_time(link: &Accreditation, question: Question<'_>) -> Result<(), &'static str> {
    let t = question.signed_ms;
    if !(link.from_ms..link.until_ms).contains(&t) {
        return Err("ACCREDITATION_EXPIRED");
    }
    let was_suspended = link.suspensions.iter().any(|(from, until)| (*from..*until).contains(&t));
    if was_suspended || link.status == AccreditationStatus::Suspended {
        return Err("ACCREDITATION_SUSPENDED");
    }
    if link.status == AccreditationStatus::Revoked {
        // after misconduct or compromise the issuer's own statement of time is worth nothing
        let grave = matches!(link.reason.as_str(), "misconduct" | "compromise");
        if t >= link.effective_ms || (grave && !question.anchored) {
            return Err("ACCREDITATION_REVOKED");
        }
    }
    Ok(())
}

/// I1, seen from outside: the executor keeps it, so a breach means a damaged or forged bundle.
fn narrows(link: &Accreditation, parent: &Accreditation) -> bool {
    parent.rights.contains(&Right::Accredit)
        && parent.grantee == link.grantor
        && link.rights.iter().all(|right| parent.rights.contains(right))
        && link.types.iter().all(|name| parent.types.contains(name))
        && link.jurisdictions.iter().all(|name| parent.jurisdictions.contains(name))
        && link.from_ms >= parent.from_ms
        && link.until_ms <= parent.until_ms
        && link.depth < parent.depth
}

/// The class under which `issuer` may issue `type_name`, whatever the state of the entry: for the
/// recognition check when the accreditation check is left out or failed.
pub fn class_of(snapshot: &dyn Snapshot, issuer: &str, type_name: &str) -> Known<Option<String>> {
    let count = match read::<AccreditationIndex>(snapshot, &accreditation_index_key(issuer)) {
        Known::Unknown => return Known::Unknown,
        Known::Known(index) => index.unwrap_or_default().count,
    };
    for n in (1..=count.min(limits::ACCREDITATIONS_PER_PARTY_MAX)).rev() {
        match read::<Accreditation>(snapshot, &accreditation_key(issuer, n)) {
            Known::Unknown => return Known::Unknown,
            Known::Known(Some(link)) if link.types.iter().any(|name| name == type_name) => {
                return Known::Known(Some(link.issuer_class));
            }
            Known::Known(_) => {}
        }
    }
    Known::Known(None)
}
