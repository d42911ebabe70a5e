//! Ways out: kept whole, changed in order, their passwords sealed.

use kaspi_auth_core::egress::{Egress, EgressId, Health, Proxy, ProxyScheme, Way};
use kaspi_auth_core::port::{EgressRepository, RepositoryError};
use kaspi_auth_core::rate::Budget;
use kaspi_auth_store::SqlDatabase;
use secrecy::ExposeSecret;

use crate::support::*;

on_both!(
    the_direct_way_is_there_from_the_beginning_and_stays,
    an_egress_comes_back_as_it_went_in,
    egresses_are_listed_by_name,
    a_name_is_taken_once,
    a_change_by_hand_of_an_older_revision_is_a_conflict,
    how_it_fares_is_no_change_by_hand,
    a_check_is_noted,
    a_deleted_egress_is_gone_once,
    a_password_opens_in_its_own_row_only,
    texts_that_a_server_cannot_hold_do_not_harm,
);

/// All of an egress that can be compared.
fn spelled(egress: &Egress) -> String {
    let password = match &egress.way {
        Way::Direct => None,
        Way::Proxy(proxy) => proxy.password.as_ref().map(|password| password.expose_secret().to_owned()),
    };
    format!("{egress:?} {password:?}")
}

async fn stored(database: &SqlDatabase, id: EgressId) -> Egress {
    database.find_egress(id).await.unwrap().unwrap()
}

async fn the_direct_way_is_there_from_the_beginning_and_stays(place: &Place) {
    let database = place.open().await;
    let all = database.list_egresses().await.unwrap();
    assert_eq!(all.len(), 1);
    let direct = &all[0];
    assert_eq!((direct.id, direct.name.as_str(), direct.revision), (EgressId::DIRECT, "direct", 0));
    assert!(matches!(direct.way, Way::Direct) && direct.enabled && !direct.managed);
    assert!(direct.budget.is_unlimited() && direct.health.is_perfect() && direct.is_usable(now()));
    assert!(!database.delete_egress(EgressId::DIRECT).await.unwrap());
    assert!(database.find_egress(EgressId::DIRECT).await.unwrap().is_some());
}

async fn an_egress_comes_back_as_it_went_in(place: &Place) {
    let database = place.open().await;
    let plain = Egress {
        id: egress_id(2),
        way: Way::Proxy(Proxy {
            scheme: ProxyScheme::Http,
            host: "2001:db8::1".to_owned(),
            port: 1,
            username: None,
            password: None,
        }),
        health: Health { score: 7, blocks: 3, rests: 2, rest_until: Some(later(60)) },
        managed: true,
        enabled: false,
        checked_at: Some(now()),
        check_error: Some("portal_blocked: a wall".to_owned()),
        ..proxy(1, "almaty-2")
    };
    for egress in [proxy(1, "almaty-1"), plain] {
        database.insert_egress(&egress).await.unwrap();
        assert_eq!(spelled(&stored(&database, egress.id).await), spelled(&egress));
    }
    assert!(database.find_egress(egress_id(3)).await.unwrap().is_none());
    let socks = Way::Proxy(Proxy { scheme: ProxyScheme::Socks5, ..proxied(&proxy(1, "")) });
    let changed = Egress { way: socks, ..proxy(1, "almaty-1") };
    database.update_egress(&changed).await.unwrap();
    assert_eq!(spelled(&stored(&database, changed.id).await), spelled(&Egress { revision: 2, ..changed }));
}

async fn egresses_are_listed_by_name(place: &Place) {
    let database = place.open().await;
    for (number, name) in [(1, "b"), (2, "B"), (3, "a")] {
        database.insert_egress(&proxy(number, name)).await.unwrap();
    }
    let all = database.list_egresses().await.unwrap();
    let names: Vec<&str> = all.iter().map(|egress| egress.name.as_str()).collect();
    assert_eq!(names, ["B", "a", "b", "direct"]);
}

async fn a_name_is_taken_once(place: &Place) {
    let database = place.open().await;
    database.insert_egress(&proxy(1, "one")).await.unwrap();
    database.insert_egress(&proxy(2, "two")).await.unwrap();
    for taken in ["one", "direct"] {
        let again = database.insert_egress(&proxy(3, taken)).await;
        assert!(matches!(again, Err(RepositoryError::Conflict)), "{again:?}");
        let renamed = database.update_egress(&proxy(2, taken)).await;
        assert!(matches!(renamed, Err(RepositoryError::Conflict)), "{renamed:?}");
    }
    assert_eq!(stored(&database, egress_id(2)).await.revision, 1);
}

async fn a_change_by_hand_of_an_older_revision_is_a_conflict(place: &Place) {
    let database = place.open().await;
    let first = proxy(1, "one");
    database.insert_egress(&first).await.unwrap();
    let budget = Budget { per_second: 0.5, burst: 2, in_flight: 9 };
    let changed = Egress { name: "other".to_owned(), enabled: false, budget, updated_at: later(5), ..first };
    database.update_egress(&changed).await.unwrap();
    let late = database.update_egress(&changed).await;
    assert!(matches!(late, Err(RepositoryError::Conflict)));
    assert_eq!(spelled(&stored(&database, changed.id).await), spelled(&Egress { revision: 2, ..changed }));
    let missing = database.update_egress(&proxy(7, "nobody")).await;
    assert!(matches!(missing, Err(RepositoryError::Conflict)));
}

async fn how_it_fares_is_no_change_by_hand(place: &Place) {
    let database = place.open().await;
    let egress = proxy(1, "one");
    database.insert_egress(&egress).await.unwrap();
    let health = Health { score: 40, blocks: 5, rests: 1, rest_until: Some(later(60)) };
    database.note_health(egress.id, health, later(1)).await.unwrap();
    assert_eq!(stored(&database, egress.id).await.health, health);
    // Whoever changes it by hand has not seen that yet, and takes nothing back.
    database.update_egress(&egress).await.unwrap();
    let after = stored(&database, egress.id).await;
    assert_eq!((after.health, after.revision), (health, 2));
    database.note_health(egress.id, Health::default(), later(2)).await.unwrap();
    assert!(stored(&database, egress.id).await.health.is_perfect());
}

async fn a_check_is_noted(place: &Place) {
    let database = place.open().await;
    let egress = proxy(1, "one");
    database.insert_egress(&egress).await.unwrap();
    for error in [Some("portal_unavailable: nobody"), None] {
        database.note_check(egress.id, error, later(3)).await.unwrap();
        let noted = stored(&database, egress.id).await;
        assert_eq!((noted.check_error.as_deref(), noted.checked_at), (error, Some(later(3))));
        assert_eq!(noted.revision, 1);
    }
}

async fn a_deleted_egress_is_gone_once(place: &Place) {
    let database = place.open().await;
    database.insert_egress(&proxy(1, "one")).await.unwrap();
    assert!(database.delete_egress(egress_id(1)).await.unwrap());
    assert!(!database.delete_egress(egress_id(1)).await.unwrap());
    assert!(database.find_egress(egress_id(1)).await.unwrap().is_none());
    database.insert_egress(&proxy(2, "one")).await.unwrap();
}

async fn a_password_opens_in_its_own_row_only(place: &Place) {
    let database = place.open().await;
    database.insert_egress(&proxy(1, "one")).await.unwrap();
    database.insert_egress(&proxy(2, "two")).await.unwrap();
    place
        .sql(
            "update kaspi_auth_egresses
                set password = (select password from kaspi_auth_egresses where name = 'one') where name = 'two'",
        )
        .await;
    database.find_egress(egress_id(1)).await.unwrap();
    let copied = database.find_egress(egress_id(2)).await;
    assert!(
        matches!(
            copied,
            Err(RepositoryError::Sealed { table: "kaspi_auth_egresses", column: "password", .. })
        ),
        "{copied:?}"
    );
}

async fn texts_that_a_server_cannot_hold_do_not_harm(place: &Place) {
    let database = place.open().await;
    let egress = Egress { check_error: Some("x\0".to_owned()), ..proxy(1, "o\0ne") };
    database.insert_egress(&egress).await.unwrap();
    database.note_check(egress.id, Some("y\0"), now()).await.unwrap();
    let kept = stored(&database, egress.id).await;
    assert_eq!((kept.name.as_str(), kept.check_error.as_deref()), ("one", Some("y")));
}
