//! Challenges of presentations (vc.md S17): 16 random bytes, good once, for 300 s.
//!
//! Invariant: a text in the form of this node's challenges that is not waiting here counts no more,
//! whether it was used, has expired, or was given before a restart or by another node. Other texts
//! are the caller's own, who then answers for their single use. Memory is bounded: while it is full
//! of challenges that still count, no further ones are given.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore as _;
use titian_api::Refusal;
use titian_api::vc_verify::Challenge;
use titian_contracts::error::Code;
use titian_contracts::limits;
use titian_contracts::time::rfc3339;

use crate::rpc::methods::Answer;

/// Before the 16 bytes, so that challenges of nodes are told from others: `uTtn1` in text.
const MARK: [u8; 3] = [0x4e, 0xd9, 0xf5];

/// The challenges that wait for their presentation.
#[derive(Debug, Default)]
pub(in crate::rpc) struct Challenges(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// Domain, if one was named, and end in ms, by challenge.
    open: BTreeMap<[u8; 16], (Option<String>, u64)>,
    /// In the order in which they end.
    ends: VecDeque<([u8; 16], u64)>,
}

impl Waiting {
    fn forget_ended(&mut self, now_ms: u64) {
        while let Some((challenge, end_ms)) = self.ends.front().copied() {
            if end_ms > now_ms {
                return;
            }
            self.ends.pop_front();
            self.open.remove(&challenge);
        }
    }
}

/// What a challenge is to this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rpc) enum Taken {
    /// Not one of this form: the caller's own.
    Foreign,
    /// It counted, and now no more. With the domain it was given for.
    Once(Option<String>),
    /// It counts no more.
    Replayed,
}

impl Challenges {
    /// A new challenge. Errors: `INVALID_PARAMS` (domain), `BUSY`.
    pub(in crate::rpc) fn give(&self, domain: Option<&str>, now_ms: u64) -> Answer<Challenge> {
        let visible = |domain: &str| {
            (1..=limits::CHALLENGE_DOMAIN_BYTES_MAX).contains(&domain.len())
                && domain.bytes().all(|b| b.is_ascii_graphic())
        };
        if domain.is_some_and(|domain| !visible(domain)) {
            let detail = "1 to 256 visible ASCII characters";
            return Err(Refusal::new(Code::InvalidParams, "/domain", detail));
        }
        let mut bytes = [0; 16];
        rand::rngs::OsRng.fill_bytes(&mut bytes);
        let end_ms = now_ms.saturating_add(limits::CHALLENGE_MS);
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.forget_ended(now_ms);
        if waiting.ends.len() >= limits::CHALLENGES_WAITING_MAX {
            let next_ms = waiting.ends.front().map_or(1_000, |(_, end)| end.saturating_sub(now_ms));
            let busy = Refusal::new(Code::Busy, "", "too many challenges wait");
            return Err(busy.retry_after(next_ms.max(1)));
        }
        waiting.open.insert(bytes, (domain.map(str::to_owned), end_ms));
        waiting.ends.push_back((bytes, end_ms));
        let challenge = format!("u{}", URL_SAFE_NO_PAD.encode([&MARK[..], &bytes].concat()));
        Ok(Challenge { challenge, expires_at: rfc3339(end_ms) })
    }

    /// Takes a challenge out of what waits.
    pub(in crate::rpc) fn take(&self, text: &str, now_ms: u64) -> Taken {
        let Some(bytes) = marked(text) else { return Taken::Foreign };
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.forget_ended(now_ms);
        // its end stays in the queue until it comes, so that used ones count against the bound
        match waiting.open.remove(&bytes) {
            Some((domain, end_ms)) if end_ms > now_ms => Taken::Once(domain),
            _ => Taken::Replayed,
        }
    }
}

/// The 16 bytes of a text in the form of this node's challenges.
fn marked(text: &str) -> Option<[u8; 16]> {
    let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix('u')?).ok()?;
    bytes.strip_prefix(&MARK[..])?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_counts_once_and_until_its_end() {
        let challenges = Challenges::default();
        let first = challenges.give(Some("gate.example"), 1_000).expect("room").challenge;
        assert!(first.starts_with("uTtn1"), "{first}");
        assert_eq!(challenges.take("another", 1_000), Taken::Foreign);
        assert_eq!(challenges.take(&first, 1_000), Taken::Once(Some("gate.example".to_owned())));
        assert_eq!(challenges.take(&first, 1_000), Taken::Replayed);
        let second = challenges.give(None, 1_000).expect("room").challenge;
        assert_eq!(challenges.take(&second, 301_000), Taken::Replayed, "300 s are over");
        let third = challenges.give(None, 1_000).expect("room").challenge;
        assert_eq!(challenges.take(&third, 300_999), Taken::Once(None));
        // given by another node, or before a restart
        let other = Challenges::default().give(None, 1_000).expect("room").challenge;
        assert_eq!(challenges.take(&other, 1_000), Taken::Replayed);
    }

    #[test]
    fn what_waits_is_bounded_at_the_limit_and_one_more_is_refused() {
        let challenges = Challenges::default();
        for n in 0..limits::CHALLENGES_WAITING_MAX as u64 {
            challenges.give(None, 1_000 + n / 1_000).expect("room");
        }
        let refused = challenges.give(None, 2_000).expect_err("full");
        assert_eq!(refused.rule(), Some(Code::Busy));
        assert_eq!(refused.data.retry_after_ms, Some(299_000));
        challenges.give(None, 301_000).expect("the first ones have ended");
        assert!(challenges.give(Some("a b"), 301_000).is_err());
        assert!(challenges.give(Some(""), 301_000).is_err());
    }
}
