//! The height watchdog: notices a head that stays behind its peers.
//!
//! Invariant: it fires only after [`BEHIND`] without a single new block while at least `f + 1`
//! peers report more than the height being decided, so that no coalition of faulty peers can make
//! a healthy node restart. It measures and says; acting is the supervisor's part.

use std::time::Duration;

use tokio::time::Instant;

/// How long the head may stay behind without progress.
pub const BEHIND: Duration = Duration::from_secs(30);

/// The watch over one height.
#[derive(Clone, Copy, Debug)]
pub struct Watchdog {
    height: u64,
    since: Instant,
}

impl Watchdog {
    /// Starts watching.
    pub const fn new(height: u64, now: Instant) -> Self {
        Self { height, since: now }
    }

    /// Takes the own height and the height `f + 1` peers report; says why the node is stuck.
    pub fn look(&mut self, own: u64, reported: u64, now: Instant) -> Option<String> {
        // a peer one block ahead is the normal case
        if own > self.height || reported <= own.saturating_add(1) {
            *self = Self::new(own.max(self.height), now);
            return None;
        }
        let stuck = now.duration_since(self.since);
        if stuck < BEHIND {
            return None;
        }
        *self = Self::new(own, now);
        Some(format!(
            "no block for {} s at height {own} while peers report {reported}",
            stuck.as_secs()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fires_after_thirty_seconds_without_progress_behind_peers() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut dog = Watchdog::new(10, start);
        assert_eq!(dog.look(10, 20, at(29)), None);
        assert!(dog.look(10, 20, at(30)).is_some());
        assert_eq!(dog.look(10, 20, at(31)), None, "the time starts anew");
    }

    #[test]
    fn progress_or_peers_at_the_same_height_keep_it_quiet() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut dog = Watchdog::new(10, start);
        assert_eq!(dog.look(11, 20, at(29)), None);
        assert_eq!(dog.look(11, 20, at(58)), None);
        assert_eq!(dog.look(11, 12, at(59)), None, "one ahead is normal");
        assert_eq!(dog.look(11, 20, at(88)), None);
        assert!(dog.look(11, 20, at(89)).is_some());
    }
}
