//! The reference rules of the places that a record has for ops which wait for signatures: four
//! (etr.md §3.4), and who gives way to whom (docs/deviations.md).

use std::collections::{BTreeMap, BTreeSet};

use titian_contracts::digest::Digest;

use super::model::{Model, Waiting};
use super::rules::Refused;

/// An op that waits: who signed it, at which seq of the record, and until when it may be completed.
#[derive(Debug)]
struct Place {
    op: Digest,
    signers: Vec<usize>,
    seq: u64,
    until: u64,
}

/// What waits, by record, the oldest first, and every op that ever did.
#[derive(Debug, Default)]
pub struct Stages {
    open: BTreeMap<String, Vec<Place>>,
    known: BTreeSet<Digest>,
}

impl Stages {
    pub fn knows(&self, op: &Digest) -> bool {
        self.known.contains(op)
    }

    /// An op that was staged and carried out at once.
    pub fn note(&mut self, op: Digest) {
        self.known.insert(op);
    }

    /// An op with its first signature takes a place, at times that of another; or there is none for it.
    pub fn place(
        &mut self,
        m: &Model,
        op: Digest,
        signer: usize,
        t: u64,
        until: u64,
    ) -> Result<(), Refused> {
        let places = self.open.entry(m.id.clone()).or_default();
        places.retain(|place| place.seq == m.seq && t <= place.until);
        let own = nearness(m, &[signer]);
        let others: Vec<u8> = places.iter().map(|place| nearness(m, &place.signers)).collect();
        if own == 0 && others.contains(&0) {
            return Err("LIMIT_EXCEEDED");
        }
        if places.len() == 4 {
            let lowest = others.iter().min().expect("four wait");
            if *lowest >= own {
                return Err("LIMIT_EXCEEDED");
            }
            let oldest =
                others.iter().position(|other| other == lowest).expect("it is one of them");
            places.remove(oldest);
        }
        places.push(Place { op, signers: vec![signer], seq: m.seq, until });
        self.known.insert(op);
        Ok(())
    }

    /// One more signed an op that waits.
    pub fn sign(&mut self, id: &str, op: Digest, signer: usize) {
        let places = self.open.get_mut(id).into_iter().flatten();
        places.filter(|place| place.op == op).for_each(|place| place.signers.push(signer));
    }
}

/// Nearest to a record is its controller, then obligor and issuer, then its other parties; all others
/// are outsiders. The nearest signer counts.
fn nearness(m: &Model, signers: &[usize]) -> u8 {
    let holds = |who: &usize| m.controller.of.contains(who);
    let owes = |who: &usize| *who == 0 || *who == m.issuer;
    let titled = [&m.title.party, &m.title.principal];
    let offered = match &m.waiting {
        Some((Waiting::Offer { to, .. }, ..)) => Some(to),
        _ => None,
    };
    let called_on = m.money.as_ref().and_then(|money| money.dishonoured.as_ref());
    let is_party = |who: &usize| {
        titled.into_iter().flatten().chain(offered).any(|person| person.of.contains(who))
            || m.pledges.iter().any(|pledge| pledge.to == *who)
            || m.guarantees.iter().any(|(guarantor, ..)| guarantor == who)
            || called_on.is_some_and(|(.., demands)| demands.contains(who))
    };
    if signers.iter().any(holds) {
        3
    } else if signers.iter().any(owes) {
        2
    } else {
        u8::from(signers.iter().any(is_party))
    }
}
