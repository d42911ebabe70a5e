//! Where requests come from, and how many logins an address began lately (CONTRACT 8.9). Bounded.
//! It must not decide what too many of them meet.

use crate::clock::{Millis, seconds};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
};

/// Addresses that are kept track of: all begin anew when there are more.
const ADDRESSES: usize = 10_000;
/// The window of the limit, in seconds.
const WINDOW: u64 = 60;

/// The address of the client that sent a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Logins by the address that began them.
#[derive(Debug, Default)]
pub(crate) struct Visitors {
    begun: Mutex<HashMap<IpAddr, VecDeque<Millis>>>,
}

impl Visitors {
    /// Whether an address may begin another login, which then counts; always without a limit.
    pub(crate) fn admit(&self, Peer(address): Peer, now: Millis, limit: u32) -> bool {
        if limit == 0 {
            return true;
        }
        let mut begun = self.begun.lock();
        if begun.len() >= ADDRESSES && !begun.contains_key(&address) {
            begun.clear();
        }
        let own = begun.entry(address).or_default();
        own.retain(|at| at.saturating_add(seconds(WINDOW)) > now);
        let free = own.len() < usize::try_from(limit).unwrap_or(usize::MAX);
        if free {
            own.push_back(now);
        }
        free
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.begun.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_minute_admits_so_many_and_refusals_do_not_count() {
        let (visitors, peer) = (Visitors::default(), Peer(Ipv4Addr::LOCALHOST.into()));
        let admitted = |now| visitors.admit(peer, now, 2);
        assert_eq!([0, 1_000, 2_000, 59_999].map(admitted), [true, true, false, false]);
        assert_eq!([60_000, 60_001, 61_000].map(admitted), [true, false, true]);
    }

    #[test]
    fn addresses_do_not_pile_up() {
        let visitors = Visitors::default();
        for number in 0..30_000_u32 {
            assert!(visitors.admit(Peer(Ipv4Addr::from(number).into()), 0, 1));
        }
        assert!(visitors.begun.lock().len() <= ADDRESSES);
    }
}
