//! Bounds by address: connections, and calls per second.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::limit_address;

/// Open connections, in all and by address.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    max: usize,
    per_address_max: usize,
    open: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// One open connection; gives its place back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    address: IpAddr,
    open: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

impl Connections {
    pub(super) fn new(max: usize, per_address_max: usize) -> Self {
        Self { max, per_address_max, open: Arc::default() }
    }

    /// A place for a connection from `address`; `None` if a bound is reached.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let address = limit_address(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= self.max {
            return None;
        }
        let count = open.entry(address).or_insert(0);
        if *count >= self.per_address_max {
            return None;
        }
        *count += 1;
        Some(Place { address, open: Arc::clone(&self.open) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// Calls per second by address. Loopback is exempt: what runs on this machine is the operator's.
pub(super) struct CallLimiter {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl CallLimiter {
    pub(super) fn new(per_second: NonZeroU32) -> Self {
        let burst = NonZeroU32::new(per_second.get().saturating_mul(2)).unwrap_or(per_second);
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }

    /// Counts a call; the error says after how many ms the next one is taken.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), u64> {
        let address = limit_address(address);
        if address.is_loopback() {
            return Ok(());
        }
        self.limiter.check_key(&address).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1)
        })
    }

    /// Forgets addresses that have not called for a while.
    pub(super) fn shrink(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}
