//! Proofs of state at an earlier height, whose tree nobody keeps (ledger.md §5).
//!
//! A value set at height h1 ≤ h was current after h if it still stands at a later height, under the
//! state root of that height, or if the change root of its successor's height h2 > h holds an entry
//! that names h1 as the change before. Keys are never deleted; so a key held nothing after h if it
//! holds nothing later, or if its first entry is of a height above h.
//!
//! Form: such a bundle has two more members. `headers` lists further certified headers, ascending,
//! each needed, none that of the claim's own height; `changes` is the borsh form of one item per
//! entry of the claim, in its order: nothing for an entry that `path` proves under the state root of
//! the last of `headers`, else its [`Superseded`]. So a claim at a height has one form of proof for
//! each choice of the later height.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::block::{Certificate, Header, encode};
use crate::digest::Digest;
use crate::json::{Members, Value};
use crate::limits;
use crate::merkle;
use crate::proof::{Entry, Evidence, VerifyError, base64, decode, decode_borsh};
use crate::state::{CHANGE_NODE, Stored, change_leaf, content_hash, tree_key, value_hash};
use crate::tree::{Multiproof, ProofError};

/// Longest way through a change tree.
const STEPS_MAX: usize = 64;

/// What a bundle of an earlier height carries besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsOf {
    /// Certified headers, ascending by height.
    pub headers: Vec<(Header, Certificate)>,
    /// One item per entry of the claim; `None` where the entry still stands under the last header.
    pub changes: Vec<Option<Superseded>>,
}

/// How an entry is proven that no longer stands.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Superseded {
    /// The way from the value's own entry to the change root of its height; `None` if the key held
    /// nothing.
    pub set: Option<Vec<(bool, Digest)>>,
    /// Height of the value that came next.
    pub next_height: u64,
    /// Content hash of that value.
    pub next_content: Digest,
    /// The way from its entry to the change root of its height.
    pub next: Vec<(bool, Digest)>,
}

/// The certified headers of a bundle while its entries are looked at.
struct Roots<'a> {
    at: &'a Header,
    headers: &'a [(Header, Certificate)],
    used: BTreeSet<u64>,
}

impl Roots<'_> {
    /// The change root of a height, which stands in the header after it.
    fn change_root(&mut self, height: u64) -> Result<Digest, VerifyError> {
        let wanted = height.saturating_add(1);
        if wanted == self.at.height {
            return Ok(self.at.change_root);
        }
        let found = self.headers.iter().find(|(header, _)| header.height == wanted);
        let (header, _) = found.ok_or_else(|| malformed("a header is missing"))?;
        self.used.insert(wanted);
        Ok(header.change_root)
    }

    fn check(
        &mut self,
        height: u64,
        leaf: Digest,
        steps: &[(bool, Digest)],
    ) -> Result<(), VerifyError> {
        if steps.len() > STEPS_MAX {
            return Err(VerifyError::Path(ProofError::Malformed));
        }
        if merkle::root_from_steps(CHANGE_NODE, leaf, steps) == self.change_root(height)? {
            Ok(())
        } else {
            Err(VerifyError::Path(ProofError::RootDiffers))
        }
    }
}

impl AsOf {
    /// The members of a bundle, taken out of `members`; `None` if it has neither.
    pub fn read(members: &mut Members<'_>) -> Result<Option<Self>, VerifyError> {
        let Some(changes) = members.optional_text("changes")? else { return Ok(None) };
        let listed = members.list("headers")?;
        if listed.is_empty() || listed.len() > limits::PROOF_HEADERS_MAX {
            return Err(malformed("/headers: number of headers"));
        }
        let mut headers = Vec::with_capacity(listed.len());
        for item in listed {
            let mut item = Members::of(item, "/headers")?;
            let header: Header = decode_borsh(item.text("header")?, "headers/header")?;
            let certificate = decode_borsh(item.text("certificate")?, "headers/certificate")?;
            item.finish()?;
            headers.push((header, certificate));
        }
        let bytes = decode(changes, "changes")?;
        let changes = borsh::from_slice(&bytes).map_err(|_| malformed("/changes: form"))?;
        Ok(Some(Self { headers, changes }))
    }

    /// The members that [`Self::read`] takes.
    pub fn members(&self) -> [(&'static str, Value); 2] {
        let headers = self.headers.iter().map(|(header, certificate)| {
            Value::object([
                ("header", base64(&encode(header))),
                ("certificate", base64(&encode(certificate))),
            ])
        });
        [
            ("headers", headers.collect::<Vec<_>>().into()),
            ("changes", base64(&encode(&self.changes))),
        ]
    }

    /// Whether `entries` stood after the height before `at`, whose certificate was checked, as were
    /// those of the further headers.
    pub fn verify(&self, at: &Header, entries: &[Entry], path: Vec<u8>) -> Result<(), VerifyError> {
        let height = at.height.saturating_sub(1);
        let ascending = self.headers.windows(2).all(|pair| pair[0].0.height < pair[1].0.height);
        let others = self.headers.iter().all(|(header, _)| header.height != at.height);
        if !ascending || !others || self.changes.len() != entries.len() {
            return Err(malformed("/headers or /changes: order or number"));
        }
        let mut roots = Roots { at, headers: &self.headers, used: BTreeSet::new() };
        let mut standing = Vec::new();
        for (entry, change) in entries.iter().zip(&self.changes) {
            if entry.stored.as_ref().is_some_and(|stored| stored.last_changed > height) {
                return Err(VerifyError::ClaimDiffers("a value is younger".to_owned()));
            }
            match change {
                None => standing.push(entry.pair()),
                Some(superseded) => superseded.check(entry, height, &mut roots)?,
            }
        }
        match self.headers.last() {
            Some((last, _)) if !standing.is_empty() && last.height > at.height => {
                roots.used.insert(last.height);
                Multiproof(path).verify(&last.state_root, &standing)?;
            }
            _ if standing.is_empty() && path.is_empty() => {}
            _ => return Err(VerifyError::Path(ProofError::Malformed)),
        }
        if roots.used.len() == self.headers.len() {
            Ok(())
        } else {
            Err(malformed("/headers: one is not needed"))
        }
    }
}

impl Superseded {
    fn check(&self, entry: &Entry, height: u64, roots: &mut Roots<'_>) -> Result<(), VerifyError> {
        let (key, value) = entry.pair();
        let set = match (&entry.stored, value, &self.set) {
            (Some(stored), Some(value), Some(steps)) => {
                let leaf = change_leaf(&key, &value, stored.last_changed);
                roots.check(stored.last_changed, leaf, steps)?;
                stored.last_changed
            }
            (None, None, None) if begins_empty(&entry.key) => 0,
            _ => return Err(malformed("/changes: does not fit its entry")),
        };
        if self.next_height <= height {
            return Err(VerifyError::ClaimDiffers("the value was replaced before".to_owned()));
        }
        let value = value_hash(self.next_height, set, &self.next_content);
        roots.check(self.next_height, change_leaf(&key, &value, self.next_height), &self.next)
    }
}

/// Whether genesis writes nothing under keys like this one, so that a first change after it, whose
/// `prevChanged` is 0, shows that nothing stood there before.
fn begins_empty(key: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 14] = [
        b"ubin/rec/",
        b"ubin/count/",
        b"vc/acc/",
        b"vc/list/",
        b"vc/chunk/",
        b"vc/delta/",
        b"vc/use/",
        b"vc/uri/",
        b"vc/anchor/",
        b"gov/rec/",
        b"gov/proposal/",
        b"gov/proposal_body/",
        b"gov/vote/",
        b"gov/parameter/smallCell",
    ];
    PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

fn malformed(what: &str) -> VerifyError {
    VerifyError::Malformed(what.to_owned())
}

/// What a node remembers, as far as proofs of earlier heights need it.
pub trait Past {
    /// The value under a key after a height.
    fn value(&self, key: &[u8], height: u64) -> Option<Stored>;
    /// The first value that was set under a key above a height.
    fn next(&self, key: &[u8], height: u64) -> Option<Stored>;
    /// The leaves of the change tree of a height, in order.
    fn leaves(&self, height: u64) -> Option<Vec<Digest>>;
    /// A header with its certificate.
    fn header(&self, height: u64) -> Option<(Header, Certificate)>;
}

/// Why a proof of an earlier height cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The header or the changes of this height are not kept.
    Height(u64),
    /// It would need more than [`limits::PROOF_HEADERS_MAX`] headers.
    Headers,
    /// A value held nothing then, holds something now, and may have been set by genesis.
    Absence,
}

/// The tree keys of those of `keys` whose value after `height` still stood before block `later`: the
/// path of the proof is for them.
pub fn standing(past: &dyn Past, height: u64, keys: &[Vec<u8>], later: u64) -> Vec<Digest> {
    let stands = |key: &&Vec<u8>| next_before(past, key, height, later).is_none();
    keys.iter().filter(stands).map(|key| tree_key(key)).collect()
}

fn next_before(past: &dyn Past, key: &[u8], height: u64, later: u64) -> Option<Stored> {
    past.next(key, height).filter(|next| next.last_changed < later)
}

/// The values under `keys` after `height`, and what proves them. `later` is a header at least two
/// heights above; `path` proves what [`standing`] names under its state root, and is empty if that is
/// nothing. What happens from `later` on makes no difference.
pub fn gather(
    past: &dyn Past,
    height: u64,
    keys: &[Vec<u8>],
    later: u64,
    path: Vec<u8>,
) -> Result<(Vec<Entry>, Evidence), Gap> {
    let at = height.saturating_add(1);
    let mut gatherer = Gatherer { past, at, headers: BTreeMap::new(), leaves: None };
    let (header, certificate) = past.header(at).ok_or(Gap::Height(at))?;
    let mut entries = Vec::with_capacity(keys.len());
    let mut changes = Vec::with_capacity(keys.len());
    for key in keys {
        let stored = past.value(key, height);
        changes.push(match next_before(past, key, height, later) {
            None => {
                gatherer.header(later)?;
                None
            }
            Some(next) => Some(gatherer.superseded(key, stored.as_ref(), &next)?),
        });
        entries.push(Entry { key: key.clone(), stored });
    }
    let headers = gatherer.headers.into_values().collect();
    let as_of = Some(AsOf { headers, changes });
    Ok((entries, Evidence { path, header, certificate, as_of }))
}

struct Gatherer<'a> {
    past: &'a dyn Past,
    at: u64,
    headers: BTreeMap<u64, (Header, Certificate)>,
    /// Those of the height looked at last: many values change at one.
    leaves: Option<(u64, Vec<Digest>)>,
}

impl Gatherer<'_> {
    fn superseded(
        &mut self,
        key: &[u8],
        stored: Option<&Stored>,
        next: &Stored,
    ) -> Result<Superseded, Gap> {
        let set = match stored {
            None if !begins_empty(key) => return Err(Gap::Absence),
            None => None,
            Some(stored) => Some(self.steps(key, stored)?),
        };
        Ok(Superseded {
            set,
            next_height: next.last_changed,
            next_content: content_hash(key, &next.content),
            next: self.steps(key, next)?,
        })
    }

    /// The way from the entry of a value to the change root of its height.
    fn steps(&mut self, key: &[u8], stored: &Stored) -> Result<Vec<(bool, Digest)>, Gap> {
        let height = stored.last_changed;
        let gap = Gap::Height(height);
        self.header(height.saturating_add(1))?;
        let leaf = change_leaf(&tree_key(key), &stored.value_hash(key), height);
        let known = self.leaves.take().filter(|(of, _)| *of == height);
        let leaves = match known {
            Some((_, leaves)) => leaves,
            None => self.past.leaves(height).ok_or(gap)?,
        };
        let index = leaves.iter().position(|found| *found == leaf).ok_or(gap)?;
        let steps = merkle::steps_of(CHANGE_NODE, &leaves, index);
        self.leaves = Some((height, leaves));
        Ok(steps)
    }

    /// Takes in a header, unless it is the claim's own.
    fn header(&mut self, height: u64) -> Result<(), Gap> {
        if height == self.at || self.headers.contains_key(&height) {
            return Ok(());
        }
        if self.headers.len() >= limits::PROOF_HEADERS_MAX {
            return Err(Gap::Headers);
        }
        let certified = self.past.header(height).ok_or(Gap::Height(height))?;
        self.headers.insert(height, certified);
        Ok(())
    }
}
