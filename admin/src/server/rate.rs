//! How often one client may ask, and how often it may be wrong: [`RateLimit`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::api::problem::Problem;

/// Requests of one address per second, on average, unless the host says otherwise. Twice as many may come at once.
const REQUESTS: u32 = 2000;

/// Wrong secrets of one address per second, on average: one in six seconds.
const FAILURES: f64 = 1.0 / 6.0;

/// Wrong secrets of one address at once.
const FAILURE_BURST: f64 = 10.0;

/// The most addresses that are counted separately.
const MOST: usize = 10_000;

/// Buckets of tokens, by address.
pub(crate) struct RateLimit {
    /// Requests of one address per second, on average.
    rate: f64,
    requests: Mutex<Buckets>,
    failures: Mutex<Buckets>,
}

#[derive(Default)]
struct Buckets(HashMap<Option<IpAddr>, Bucket>);

struct Bucket {
    left: f64,
    at: Instant,
}

impl Buckets {
    /// The bucket of this address, filled up to now.
    fn of(&mut self, peer: Option<IpAddr>, rate: f64, burst: f64) -> &mut Bucket {
        let now = Instant::now();
        if self.0.len() >= MOST && !self.0.contains_key(&peer) {
            // A full bucket is the same as none.
            let filled = |bucket: &Bucket| bucket.left + (now - bucket.at).as_secs_f64() * rate;
            self.0.retain(|_, bucket| filled(bucket) < burst);
            if self.0.len() >= MOST {
                self.0.clear();
            }
        }
        let bucket = self.0.entry(peer).or_insert(Bucket {
            left: burst,
            at: now,
        });
        let grown = (now - bucket.at).as_secs_f64() * rate;
        bucket.left = (bucket.left + grown).min(burst);
        bucket.at = now;
        bucket
    }
}

/// When a bucket has a whole token again.
fn wait(left: f64, rate: f64) -> Duration {
    Duration::from_secs_f64(((1.0 - left) / rate).max(0.0))
}

impl Default for RateLimit {
    fn default() -> Self {
        Self::new(REQUESTS)
    }
}

impl RateLimit {
    pub(crate) fn new(requests_per_second: u32) -> Self {
        Self {
            rate: f64::from(requests_per_second.max(1)),
            requests: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    /// Counts a request.
    pub(crate) fn may_ask(&self, peer: Option<IpAddr>) -> Result<(), Problem> {
        let mut buckets = self.requests.lock();
        let bucket = buckets.of(peer, self.rate, 2.0 * self.rate);
        if bucket.left < 1.0 {
            return Err(Problem::too_many(wait(bucket.left, self.rate)));
        }
        bucket.left -= 1.0;
        Ok(())
    }

    /// Whether this address was not wrong too often lately.
    pub(crate) fn may_sign_in(&self, peer: Option<IpAddr>) -> Result<(), Problem> {
        let mut buckets = self.failures.lock();
        if !buckets.0.contains_key(&peer) {
            return Ok(());
        }
        let left = buckets.of(peer, FAILURES, FAILURE_BURST).left;
        if left < 1.0 {
            return Err(Problem::too_many_failures(wait(left, FAILURES)));
        }
        Ok(())
    }

    /// Counts a secret that was wrong.
    pub(crate) fn note_failure(&self, peer: Option<IpAddr>) {
        self.failures.lock().of(peer, FAILURES, FAILURE_BURST).left -= 1.0;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::*;

    #[test]
    fn an_address_that_is_wrong_too_often_has_to_wait_and_others_do_not() {
        let limit = RateLimit::default();
        let peer = |last| Some(IpAddr::from([10, 0, 0, last]));
        for _ in 0..10 {
            limit.may_sign_in(peer(1)).unwrap();
            limit.note_failure(peer(1));
        }
        assert!(limit.may_sign_in(peer(1)).is_err());
        limit.may_sign_in(peer(2)).unwrap();
    }

    #[test]
    fn the_addresses_that_are_remembered_are_bounded() {
        let limit = RateLimit::default();
        for n in 0..30_000_u32 {
            limit.may_ask(Some(IpAddr::from(n.to_be_bytes()))).unwrap();
        }
        assert!(limit.requests.lock().0.len() <= MOST);
    }
}
