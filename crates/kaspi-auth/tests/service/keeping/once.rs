//! However many ask for a dead session, on however many nodes: there is one renewal, and all have its session.

use std::collections::BTreeSet;

use secrecy::ExposeSecret as _;

use super::serve;
use crate::harness::{World, on_both};

const CALLERS: usize = 200;

async fn many_callers_on_two_nodes_cost_one_login(world: &World) {
    world.store("shop", "7000001").await;
    let other = world.second_node().await;
    let mut before = (world.passwords(), world.portal.counters().sessions);
    for (generation, silent) in [(2, true), (3, false)] {
        world.portal.kill_sessions(None);
        if !silent {
            world.portal.kill_sso(None);
        }
        let nodes = [world.node(), &other];
        let calls = (0..CALLERS).map(|caller| serve(world, nodes[caller % 2], "7000001"));
        let served = futures_util::future::join_all(calls).await;
        let sids: BTreeSet<String> = served
            .into_iter()
            .map(|session| {
                let session = session.unwrap();
                assert_eq!(session.generation, generation);
                let sid = session.cookies.iter().find(|cookie| cookie.name == "mc-sid").unwrap();
                sid.value.expose_secret().to_owned()
            })
            .collect();
        assert_eq!(sids.len(), 1, "all have the same session");
        let after = (world.passwords(), world.portal.counters().sessions);
        let password = u64::from(!silent);
        assert_eq!(after, (before.0 + password, before.1 + 1), "one session, for all of them");
        before = after;
    }
    assert_eq!(world.codes(), 0);
    other.stop().await;
}

on_both!(many_callers_on_two_nodes_cost_one_login);
