//! Evidence: sealed, kept for a while, shown to who may see the login.

use kaspi_auth_core::error::Code;
use kaspi_auth_core::evidence::{Evidence, EvidenceStep};
use kaspi_auth_core::login::{Driver, Login, LoginState};
use kaspi_auth_core::port::{EvidenceRepository, LoginRepository, RepositoryError};
use kaspi_auth_core::tenant::Tenant;

use crate::support::*;

on_both!(
    evidence_comes_back_as_it_went_in,
    the_newest_evidence_replaces_the_older,
    only_who_sees_the_login_sees_its_evidence,
    evidence_is_there_until_its_time_is_over,
    evidence_may_outlive_its_login,
    evidence_opens_in_its_own_row_only,
);

fn bare() -> Evidence {
    Evidence {
        driver: Driver::Direct,
        code: None,
        at: now(),
        page: None,
        steps: Vec::new(),
        skeleton: None,
        screenshot: None,
        picture: None,
    }
}

fn rich() -> Evidence {
    let step = EvidenceStep {
        name: "submit".to_owned(),
        url: "https://idmc.shop.kaspi.kz/login?continue".to_owned(),
        outcome: "неизвестная страница".to_owned(),
        millis: 123,
    };
    Evidence {
        driver: Driver::Browser,
        code: Some(Code::PortalChanged),
        at: later(1),
        page: Some("https://idmc.shop.kaspi.kz/login".to_owned()),
        steps: vec![step.clone(), EvidenceStep { name: "open".to_owned(), ..step }],
        skeleton: Some("<html><input name=\"username\"></html>\0".to_owned()),
        screenshot: Some((0..=255).collect()),
        picture: Some(Vec::new()),
    }
}

async fn evidence_comes_back_as_it_went_in(place: &Place) {
    let database = place.open().await;
    for evidence in [bare(), rich()] {
        let (login, _) = finishing(&database, &format!("{:?}@example.kz", evidence.driver), None).await;
        assert_eq!(database.find_evidence(&Tenant::All, login.id, now()).await.unwrap(), None);
        database.keep_evidence(login.id, &evidence, later(60)).await.unwrap();
        assert_eq!(database.find_evidence(&Tenant::All, login.id, now()).await.unwrap(), Some(evidence));
    }
}

async fn the_newest_evidence_replaces_the_older(place: &Place) {
    let database = place.open().await;
    let (login, _) = finishing(&database, "a@example.kz", None).await;
    database.keep_evidence(login.id, &bare(), later(60)).await.unwrap();
    database.keep_evidence(login.id, &rich(), later(90)).await.unwrap();
    assert_eq!(database.find_evidence(&Tenant::All, login.id, later(80)).await.unwrap(), Some(rich()));
}

async fn only_who_sees_the_login_sees_its_evidence(place: &Place) {
    let database = place.open().await;
    let (login, _) = finishing(&database, "a@example.kz", Some("u1")).await;
    database.keep_evidence(login.id, &rich(), later(60)).await.unwrap();
    for (who, seen) in [(tenant("u1"), true), (Tenant::All, true), (tenant("u2"), false)] {
        let found = database.find_evidence(&who, login.id, now()).await.unwrap();
        assert_eq!(found.is_some(), seen, "{who:?}");
    }
}

async fn evidence_is_there_until_its_time_is_over(place: &Place) {
    let database = place.open().await;
    for number in 0..3 {
        let (login, _) = finishing(&database, &format!("a{number}@example.kz"), None).await;
        database.keep_evidence(login.id, &bare(), later(60)).await.unwrap();
        assert!(database.find_evidence(&Tenant::All, login.id, later(59)).await.unwrap().is_some());
        assert!(database.find_evidence(&Tenant::All, login.id, later(60)).await.unwrap().is_none());
    }
    assert_eq!(database.prune_evidence(later(59), 10).await.unwrap(), 0);
    assert_eq!(database.prune_evidence(later(60), 2).await.unwrap(), 2);
    assert_eq!(database.prune_evidence(later(60), 10).await.unwrap(), 1);
}

async fn evidence_may_outlive_its_login(place: &Place) {
    let database = place.open().await;
    let (login, _) = finishing(&database, "a@example.kz", Some("u1")).await;
    database.keep_evidence(login.id, &bare(), later(60)).await.unwrap();
    database.update_login(update(&Login { state: LoginState::Cancelled, ..login.clone() })).await.unwrap();
    assert_eq!(database.prune_logins(later(1), 10).await.unwrap(), 1);
    assert!(database.find_evidence(&Tenant::All, login.id, now()).await.unwrap().is_some());
    assert!(database.find_evidence(&tenant("u1"), login.id, now()).await.unwrap().is_none());
}

async fn evidence_opens_in_its_own_row_only(place: &Place) {
    let database = place.open().await;
    let (first, _) = finishing(&database, "a@example.kz", None).await;
    let (second, _) = finishing(&database, "b@example.kz", None).await;
    database.keep_evidence(first.id, &bare(), later(60)).await.unwrap();
    database.keep_evidence(second.id, &rich(), later(60)).await.unwrap();
    place
        .sql("update kaspi_auth_evidence set sealed = (select sealed from kaspi_auth_evidence order by login_id limit 1)")
        .await;
    assert!(database.find_evidence(&Tenant::All, first.id, now()).await.unwrap().is_some());
    let copied = database.find_evidence(&Tenant::All, second.id, now()).await;
    assert!(matches!(copied, Err(RepositoryError::Sealed { column: "sealed", .. })), "{copied:?}");
}
