//! How fast services may call the cabinet: for each store, and each class of paths that the portal limits by itself (CONTRACT, section 5).
//! Must not know who calls: a store's calls are one, whoever makes them.
//!
//! The portal counts what all nodes send. A write to the database for every call would cost more than the call may; so each node takes its
//! even share of a rate, and all of them together keep it.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use kaspi_auth_core::id::MerchantUid;
use parking_lot::RwLock;

use crate::config;

type Limiter = RateLimiter<MerchantUid, HashMapStateStore<MerchantUid>, DefaultClock>;

/// The rates of one node.
#[derive(Debug)]
pub(super) struct Limits {
    settings: config::Gateway,
    nodes: AtomicU32,
    shares: RwLock<Shares>,
}

impl Limits {
    /// As if this were the only node.
    pub(super) fn new(settings: &config::Gateway) -> Self {
        let shares = RwLock::new(Shares::new(settings, 1));
        Self { settings: settings.clone(), nodes: AtomicU32::new(1), shares }
    }

    /// Takes an even share of the rates, of so many nodes. What was counted is forgotten when their number changes.
    pub(super) fn share(&self, nodes: u32) {
        let nodes = nodes.max(1);
        if self.nodes.swap(nodes, Ordering::Relaxed) != nodes {
            *self.shares.write() = Shares::new(&self.settings, nodes);
        }
    }

    /// How many nodes share the rates.
    pub(super) fn nodes(&self) -> u32 {
        self.nodes.load(Ordering::Relaxed)
    }

    /// Takes a turn of the store's, or says how long there is none. `path` is as it is sent.
    pub(super) fn take(&self, uid: &MerchantUid, path: &str) -> Result<(), Duration> {
        self.shares.read().take(uid, path)
    }

    /// Forgets stores that have not called for so long that they may do all again. Only stores that exist are counted.
    pub(super) fn forget_rested(&self) {
        self.shares.read().forget_rested();
    }
}

/// A class of paths, with its limiter; `None` is no limit.
#[derive(Debug)]
struct Shares {
    prices: Option<Limiter>,
    offers: Option<Limiter>,
    others: Option<Limiter>,
}

impl Shares {
    fn new(settings: &config::Gateway, nodes: u32) -> Self {
        let share =
            |per_second: f64, burst: u32| limiter(per_second / f64::from(nodes), (burst / nodes).max(1));
        Self {
            prices: share(settings.prices_per_second, settings.prices_burst),
            offers: share(settings.offers_per_second, settings.offers_burst),
            others: share(settings.others_per_second, settings.others_burst),
        }
    }

    fn take(&self, uid: &MerchantUid, path: &str) -> Result<(), Duration> {
        let limiter = match class(path) {
            Class::Prices => &self.prices,
            Class::Offers => &self.offers,
            Class::Others => &self.others,
        };
        let Some(limiter) = limiter else { return Ok(()) };
        limiter.check_key(uid).map_err(|until| until.wait_time_from(limiter.clock().now()))
    }

    fn forget_rested(&self) {
        for limiter in [&self.prices, &self.offers, &self.others].into_iter().flatten() {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

fn limiter(per_second: f64, burst: u32) -> Option<Limiter> {
    let burst = NonZeroU32::new(burst)?;
    let period = Duration::try_from_secs_f64(1.0 / per_second).ok()?;
    Quota::with_period(period).map(|quota| RateLimiter::hashmap(quota.allow_burst(burst)))
}

#[derive(Debug, PartialEq, Eq)]
enum Class {
    Prices,
    Offers,
    Others,
}

fn class(path: &str) -> Class {
    let is_below =
        |part: &str| path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if is_below("/pricefeed") {
        Class::Prices
    } else if is_below("/bff/offer-view") {
        Class::Offers
    } else {
        Class::Others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(text: &str) -> MerchantUid {
        MerchantUid::parse(text).unwrap()
    }

    fn slow(burst: u32) -> Option<Limiter> {
        limiter(0.001, burst)
    }

    #[test]
    fn paths_belong_to_the_class_that_the_portal_limits() {
        assert_eq!(class("/pricefeed/upload/merchant/process"), Class::Prices);
        assert_eq!(class("/bff/offer-view/list"), Class::Offers);
        for path in ["/s/m", "/pricefeeds", "/bff/offer-viewer", "/"] {
            assert_eq!(class(path), Class::Others, "{path}");
        }
    }

    #[test]
    fn a_store_that_was_too_fast_is_told_how_long_to_wait_and_others_are_not_held_up() {
        let limits = Shares { prices: slow(2), offers: None, others: slow(1) };
        let price = "/pricefeed/upload/merchant/process";
        assert_eq!((limits.take(&uid("1"), price), limits.take(&uid("1"), price)), (Ok(()), Ok(())));
        let wait = limits.take(&uid("1"), price).unwrap_err();
        assert!(wait > Duration::from_mins(15) && wait <= Duration::from_secs(1000), "{wait:?}");
        assert_eq!(limits.take(&uid("2"), price), Ok(()));
        assert_eq!(limits.take(&uid("1"), "/s/m"), Ok(()), "another class has its own turns");
    }

    #[test]
    fn nodes_share_a_rate_and_have_at_least_one_turn_each() {
        let mut settings = crate::config::Config::load(None).unwrap().gateway;
        (settings.prices_per_second, settings.prices_burst) = (0.001, 5);
        let limits = Limits::new(&settings);
        let turns =
            |uid_text: &str| (0..10).filter(|_| limits.take(&uid(uid_text), "/pricefeed").is_ok()).count();
        for (nodes, expected) in [(1, 5), (2, 2), (2, 0), (9, 1), (0, 5)] {
            limits.share(nodes);
            assert_eq!(turns("1"), expected, "{nodes} nodes");
        }
        limits.share(2);
        let _ = turns("2");
        let wait = limits.take(&uid("2"), "/pricefeed").unwrap_err();
        assert!(wait > Duration::from_secs(1000) && wait <= Duration::from_secs(2000), "{wait:?}");
    }

    #[test]
    fn zero_is_no_limit() {
        let limits = Shares { prices: limiter(0.0, 1), offers: None, others: None };
        assert!((0..100).all(|_| limits.take(&uid("1"), "/pricefeed").is_ok()));
    }

    #[test]
    fn stores_that_have_rested_are_forgotten() {
        let limits = Shares { prices: None, offers: None, others: limiter(10_000.0, 1) };
        limits.take(&uid("1"), "/s/m").unwrap();
        let others = limits.others.as_ref().unwrap();
        assert_eq!(others.len(), 1);
        while !others.is_empty() {
            limits.forget_rested();
        }
    }
}
