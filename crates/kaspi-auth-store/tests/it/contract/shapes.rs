//! Shapes: the first is the measure, a new one is told once.

use std::sync::Arc;

use kaspi_auth_core::port::{Seen, ShapeRepository};
use kaspi_auth_store::SqlDatabase;

use crate::support::*;

on_both!(
    the_first_shape_is_the_measure_and_another_is_new_once,
    of_many_who_see_a_new_shape_one_is_told,
    of_many_first_shapes_one_is_the_first,
    a_step_keeps_two_hundred_shapes_and_tells_of_no_more,
    a_shape_that_is_seen_again_is_noted_once_a_minute,
);

async fn see(database: &SqlDatabase, step: &str, shape: &str, second: i64) -> Seen {
    database.see_shape(step, shape, later(second)).await.unwrap()
}

async fn the_first_shape_is_the_measure_and_another_is_new_once(place: &Place) {
    let database = place.open().await;
    let new = |before: &str| Seen::New { before: before.to_owned() };
    assert_eq!(see(&database, "login_page", "a,b", 0).await, Seen::First);
    assert_eq!(see(&database, "login_page", "a,b", 1).await, Seen::Known);
    assert_eq!(see(&database, "finish", "a,b", 1).await, Seen::First, "another step");
    assert_eq!(see(&database, "login_page", "a,c", 2).await, new("a,b"));
    assert_eq!(see(&database, "login_page", "a,c", 3).await, Seen::Known);
    assert_eq!(see(&database, "login_page", "a,b", 300).await, Seen::Known, "it is back");
    assert_eq!(see(&database, "login_page", "a,d", 301).await, new("a,b"), "the last that was seen");
    assert_eq!(see(&database, "login\0_page", "a,\0d", 302).await, Seen::Known, "the same to a server");
}

/// What those are told who see shapes at once, on two nodes.
async fn told(place: &Place, shape: fn(usize) -> String) -> Vec<Seen> {
    let nodes = [Arc::new(place.open().await), Arc::new(place.open().await)];
    let seeing = (0..20).map(|number| {
        let database = Arc::clone(&nodes[number % 2]);
        tokio::spawn(async move { see(&database, "login_page", &shape(number), 1).await })
    });
    let mut told = Vec::new();
    for one in seeing.collect::<Vec<_>>() {
        told.push(one.await.unwrap());
    }
    told
}

async fn of_many_who_see_a_new_shape_one_is_told(place: &Place) {
    see(&place.open().await, "login_page", "old", 0).await;
    let told = told(place, |_| "new".to_owned()).await;
    let new = Seen::New { before: "old".to_owned() };
    assert_eq!(told.iter().filter(|seen| **seen == new).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|seen| **seen == Seen::Known).count(), 19, "{told:?}");
}

async fn of_many_first_shapes_one_is_the_first(place: &Place) {
    let told = told(place, |number| format!("shape {number}")).await;
    assert_eq!(told.iter().filter(|seen| **seen == Seen::First).count(), 1, "{told:?}");
    assert!(!told.contains(&Seen::Known));
}

async fn a_step_keeps_two_hundred_shapes_and_tells_of_no_more(place: &Place) {
    let database = place.open().await;
    for number in 0..210 {
        let seen = see(&database, "login_page", &format!("shape {number}"), number).await;
        assert_eq!(seen == Seen::Known, number >= 200, "{number}");
    }
    assert_eq!(see(&database, "login_page", "shape 199", 210).await, Seen::Known);
    assert_eq!(see(&database, "finish", "shape", 210).await, Seen::First, "another step has room");
    let count = "select cast(count(*) as text) from kaspi_auth_shapes where step = 'login_page'";
    assert_eq!(place.text(count).await.as_deref(), Some("200"));
}

async fn a_shape_that_is_seen_again_is_noted_once_a_minute(place: &Place) {
    let database = place.open().await;
    let last = async || place.text("select cast(last_seen as text) from kaspi_auth_shapes").await;
    let at = |second| Some(later(second).as_microsecond().to_string());
    for (second, noted) in [(0, 0), (59, 0), (60, 60), (61, 60)] {
        see(&database, "login_page", "a", second).await;
        assert_eq!(last().await, at(noted));
    }
}
