//! Events: in their order, none lost to a reader.

use std::sync::Arc;

use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::event::Happening;
use kaspi_auth_core::port::EventRepository;

use crate::support::*;

on_both!(
    events_come_back_in_their_order,
    a_reader_goes_on_from_its_cursor,
    a_reader_misses_nothing_that_many_append,
    old_events_are_pruned_and_their_numbers_not_used_again,
    an_event_of_a_later_release_is_left_out,
);

fn changed(step: &str) -> Happening {
    Happening::PortalChanged { step: step.to_owned(), shape: "\0a".to_owned(), before: "b".to_owned() }
}

async fn events_come_back_in_their_order(place: &Place) {
    let database = place.open().await;
    let all = [
        Happening::EgressReplaced {
            account: "a***@example.kz".to_owned(),
            from: EgressId::DIRECT,
            to: egress_id(1),
            reason: "it rests".to_owned(),
        },
        Happening::EgressResting { egress: egress_id(1), name: "one".to_owned(), until: later(60) },
        changed("login_page.direct"),
    ];
    assert_eq!(database.list_events(0, 10).await.unwrap(), []);
    for (second, happening) in (0..).zip(&all) {
        database.append_event(happening, later(10 - second)).await.unwrap();
    }
    let listed = database.list_events(0, 10).await.unwrap();
    let told: Vec<_> = listed.iter().map(|event| event.happening.clone()).collect();
    assert_eq!(told, all);
    assert_eq!(listed.iter().map(|event| event.at).collect::<Vec<_>>(), [later(10), later(9), later(8)]);
    assert!(listed.is_sorted_by_key(|event| event.sequence));
    let kinds = place.text("select type from kaspi_auth_events order by sequence limit 1").await;
    assert_eq!(kinds.as_deref(), Some("egress.replaced"));
}

async fn a_reader_goes_on_from_its_cursor(place: &Place) {
    let database = place.open().await;
    for number in 0..5 {
        database.append_event(&changed(&number.to_string()), now()).await.unwrap();
    }
    let (mut after, mut steps) = (0, Vec::new());
    loop {
        let page = database.list_events(after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.sequence;
        steps.extend(page.into_iter().map(|event| event.happening));
    }
    assert_eq!(steps, (0..5).map(|number| changed(&number.to_string())).collect::<Vec<_>>());
}

async fn a_reader_misses_nothing_that_many_append(place: &Place) {
    let nodes = [Arc::new(place.open().await), Arc::new(place.open().await)];
    let appending = (0..40).map(|number: usize| {
        let database = Arc::clone(&nodes[number % 2]);
        tokio::spawn(
            async move { database.append_event(&changed(&number.to_string()), now()).await.unwrap() },
        )
    });
    let appending: Vec<_> = appending.collect();
    let (mut after, mut seen) = (0, 0);
    eventually("all are seen", async || {
        let page = nodes[0].list_events(after, 7).await.unwrap();
        after = page.last().map_or(after, |event| event.sequence);
        seen += page.len();
        seen == 40
    })
    .await;
    for one in appending {
        one.await.unwrap();
    }
}

async fn old_events_are_pruned_and_their_numbers_not_used_again(place: &Place) {
    let database = place.open().await;
    for second in 0..5 {
        database.append_event(&changed("x"), later(second)).await.unwrap();
    }
    let last = database.list_events(0, 10).await.unwrap()[4].sequence;
    assert_eq!(database.prune_events(later(4), 3).await.unwrap(), 3);
    assert_eq!(database.prune_events(later(4), 3).await.unwrap(), 1, "not the one of that very moment");
    assert_eq!(database.prune_events(later(9), 3).await.unwrap(), 1);
    database.append_event(&changed("y"), later(9)).await.unwrap();
    assert!(database.list_events(0, 10).await.unwrap()[0].sequence > last);
}

async fn an_event_of_a_later_release_is_left_out(place: &Place) {
    let database = place.open().await;
    for _ in 0..5 {
        place.sql("insert into kaspi_auth_events (at, type, data) values (1, 'moon.full', '{}')").await;
    }
    database.append_event(&changed("x"), now()).await.unwrap();
    let listed = database.list_events(0, 2).await.unwrap();
    assert_eq!(listed.len(), 1, "a page of them is no end");
    assert_eq!(listed[0].happening, changed("x"));
}
