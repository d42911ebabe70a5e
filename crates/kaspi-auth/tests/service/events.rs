//! Events: read in order, page by page, from where the reader stopped.

use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::event::Happening;
use kaspi_auth_core::port::{Clock as _, EventRepository as _};
use serde_json::{Value, json};

use crate::harness::{World, on_both, on_sqlite};

async fn happen(world: &World, number: u32) {
    let happening = Happening::PortalChanged {
        step: format!("step-{number}"),
        shape: "a,b,c".to_owned(),
        before: "a,b".to_owned(),
    };
    world.node().service().database.append_event(&happening, world.clock.now()).await.unwrap();
}

async fn page(world: &World, query: &str) -> (Vec<Value>, i64) {
    let page = world.admin.get(&format!("/v1/events{query}")).await.is(200).json();
    (page["events"].as_array().unwrap().clone(), page["next_after"].as_i64().unwrap())
}

async fn a_reader_goes_on_where_it_stopped(world: &World) {
    assert_eq!(page(world, "").await, (vec![], 0));
    for number in 0..7 {
        happen(world, number).await;
    }
    let (mut steps, mut after, mut pages) = (Vec::new(), 0, 0);
    loop {
        let (events, next) = page(world, &format!("?limit=3&after={after}")).await;
        if events.is_empty() {
            assert_eq!(next, after, "the cursor stays");
            break;
        }
        steps.extend(events.iter().map(|event| event["data"]["step"].as_str().unwrap().to_owned()));
        assert_eq!(events.last().unwrap()["sequence"], next);
        (after, pages) = (next, pages + 1);
    }
    assert_eq!(steps, (0..7).map(|number| format!("step-{number}")).collect::<Vec<_>>());
    assert_eq!(pages, 3);
    happen(world, 7).await;
    let (new, _) = page(world, &format!("?after={after}")).await;
    assert_eq!(new.len(), 1);
    assert_eq!(new[0]["type"], "portal.changed");
    assert_eq!(new[0]["data"], json!({"step": "step-7", "shape": "a,b,c", "before": "a,b"}));
    assert!(new[0]["at"].is_string());
}

async fn each_type_tells_what_it_is_about(world: &World) {
    let (id, until) = (EgressId(uuid::Uuid::from_u128(7)), world.clock.now());
    let database = &world.node().service().database;
    let moved = Happening::EgressReplaced {
        account: "p***@shop.test".to_owned(),
        from: id,
        to: EgressId::DIRECT,
        reason: "it was deleted".to_owned(),
    };
    database.append_event(&moved, until).await.unwrap();
    let rests = Happening::EgressResting { egress: id, name: "one".to_owned(), until };
    database.append_event(&rests, until).await.unwrap();
    let (events, _) = page(world, "").await;
    assert_eq!(
        events[0]["data"],
        json!({
            "account_masked": "p***@shop.test", "from_egress_id": id.to_string(),
            "to_egress_id": EgressId::DIRECT.to_string(), "reason": "it was deleted"
        })
    );
    assert_eq!(
        events[1]["data"],
        json!({"egress_id": id.to_string(), "name": "one", "rest_until": until.to_string()})
    );
}

async fn what_cannot_be_asked_is_refused(world: &World) {
    for query in
        ["limit=0", "limit=501", "limit=x", "after=-1", "after=x", "after=99999999999999999999", "more=1"]
    {
        world.admin.get(&format!("/v1/events?{query}")).await.is_problem(422, "invalid_value");
    }
    page(world, "?limit=500&after=9223372036854775807").await;
}

on_both!(a_reader_goes_on_where_it_stopped, each_type_tells_what_it_is_about);
on_sqlite!(what_cannot_be_asked_is_refused);
