//! Logins: stored whole, one per account, changed in order.

use kaspi_auth_core::error::Code;
use kaspi_auth_core::login::{Challenge, Channel, CodeChallenge, Continuation, Failure, Login, LoginState};
use kaspi_auth_core::port::{
    AccountNote, Inserted, LoginRepository, LoginUpdate, RepositoryError, SecretsChange,
};
use kaspi_auth_core::tenant::Tenant;
use secrecy::ExposeSecret;

use crate::support::*;

on_both!(
    a_login_comes_back_as_it_went_in,
    a_login_that_waits_keeps_its_challenge_and_continuation,
    one_account_has_one_login_at_a_time,
    of_many_inserts_of_one_account_exactly_one_wins,
    an_end_frees_the_account_and_erases_the_secrets,
    a_write_with_an_old_version_is_a_conflict,
    a_refused_password_is_remembered_and_no_other,
    a_wait_is_remembered_until_the_next,
    a_login_is_due_when_its_question_or_its_time_is_over,
    old_logins_are_pruned_with_their_answers,
);

async fn insert(
    database: &kaspi_auth_store::SqlDatabase,
    email: &str,
) -> (Login, kaspi_auth_core::login::LoginSecrets) {
    let (begun, secrets) = login(email, Some("u1"));
    let inserted =
        database.insert_login(&tenant("u1"), &begun, &secrets, (node(1), later(15))).await.unwrap();
    assert!(matches!(inserted, Inserted::New));
    (begun, secrets)
}

fn waiting(login: &Login, expires_in: i64) -> Login {
    let challenge = Challenge::Code(CodeChallenge {
        channel: Channel::Sms,
        destination_masked: "+7 (7**) ***-**-67".to_owned(),
        sent_at: now(),
        expires_at: later(expires_in),
        attempts_left: 3,
        resend_after: later(60),
        last_error: None,
    });
    Login { state: LoginState::Awaiting { challenge }, ..login.clone() }
}

async fn a_login_comes_back_as_it_went_in(place: &Place) {
    let database = place.open().await;
    let (begun, _) = insert(&database, "A.b@Example.kz").await;
    assert_eq!(database.find_login(&tenant("u1"), begun.id).await.unwrap(), Some(begun.clone()));
    let (opened, secrets) = database.open_login(begun.id).await.unwrap().unwrap();
    assert_eq!(opened, begun);
    let secrets = secrets.unwrap();
    assert_eq!(secrets.credentials.secret().unwrap().expose_secret(), "canary-password");
    assert!(secrets.continuation.is_none());
}

async fn a_login_that_waits_keeps_its_challenge_and_continuation(place: &Place) {
    let database = place.open().await;
    let (begun, mut secrets) = insert(&database, "a@example.kz").await;
    let asked = waiting(&begun, 600);
    secrets.continuation = Some(Continuation("canary-continuation".to_owned().into()));
    let change = LoginUpdate { secrets: SecretsChange::Replace(secrets), ..update(&asked) };
    let version = database.update_login(change).await.unwrap();
    database.close().await;

    // Another process goes on.
    let database = place.open().await;
    let (opened, secrets) = database.open_login(begun.id).await.unwrap().unwrap();
    assert_eq!(opened, Login { version, ..asked });
    assert_eq!(secrets.unwrap().continuation.unwrap().0.expose_secret(), "canary-continuation");
}

async fn one_account_has_one_login_at_a_time(place: &Place) {
    let database = place.open().await;
    let (begun, _) = insert(&database, "a@example.kz").await;
    let (second, secrets) = login("A@EXAMPLE.kz", Some("u1"));
    let lease = (node(1), later(15));
    match database.insert_login(&tenant("u1"), &second, &secrets, lease).await.unwrap() {
        Inserted::Running(running) => assert_eq!(*running, begun),
        other => panic!("{other:?}"),
    }
    let of_service = database.insert_login(&Tenant::All, &second, &secrets, lease).await.unwrap();
    assert!(matches!(of_service, Inserted::Running(_)));
    let (foreign, secrets) = login("a@example.kz", Some("u2"));
    let of_other = database.insert_login(&tenant("u2"), &foreign, &secrets, lease).await.unwrap();
    assert!(matches!(of_other, Inserted::Busy));
    assert_eq!(database.find_login(&Tenant::All, foreign.id).await.unwrap(), None);
}

async fn of_many_inserts_of_one_account_exactly_one_wins(place: &Place) {
    let database = std::sync::Arc::new(place.open().await);
    let tries = (0..16).map(|_| {
        let database = std::sync::Arc::clone(&database);
        tokio::spawn(async move {
            let (begun, secrets) = login("a@example.kz", Some("u1"));
            database.insert_login(&tenant("u1"), &begun, &secrets, (node(1), later(15))).await.unwrap()
        })
    });
    let mut new = 0;
    for one in tries.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Inserted::New => new += 1,
            Inserted::Running(_) => {}
            Inserted::Busy => panic!("one tenant"),
        }
    }
    assert_eq!(new, 1);
}

async fn an_end_frees_the_account_and_erases_the_secrets(place: &Place) {
    let database = place.open().await;
    let (begun, _) = insert(&database, "a@example.kz").await;
    let failed = Login {
        state: LoginState::Failed { failure: Failure::from(Code::InvalidCredentials) },
        ..begun.clone()
    };
    // Whatever the caller says of the secrets: an ended login has none.
    let version = database.update_login(update(&failed)).await.unwrap();
    let (opened, secrets) = database.open_login(begun.id).await.unwrap().unwrap();
    assert_eq!(opened, Login { version, ..failed });
    assert!(secrets.is_none());
    insert(&database, "a@example.kz").await;
}

async fn a_write_with_an_old_version_is_a_conflict(place: &Place) {
    let database = place.open().await;
    let (begun, secrets) = insert(&database, "a@example.kz").await;
    let asked = waiting(&begun, 600);
    assert_eq!(database.update_login(update(&asked)).await.unwrap(), begun.version + 1);
    // With and without what makes it a larger transaction.
    let plain = database.update_login(update(&begun)).await;
    assert!(matches!(plain, Err(RepositoryError::Conflict)));
    let note = Some((AccountNote::PasswordRejected, &secrets.credentials));
    let noted = database.update_login(LoginUpdate { note, ..update(&begun) }).await;
    assert!(matches!(noted, Err(RepositoryError::Conflict)));
    assert_eq!(database.ledger(&secrets.credentials).await.unwrap().rejected_at, None);
    let found = database.find_login(&Tenant::All, begun.id).await.unwrap().unwrap();
    assert_eq!(found.state, asked.state);
}

async fn a_refused_password_is_remembered_and_no_other(place: &Place) {
    let database = place.open().await;
    let (begun, secrets) = insert(&database, "a@example.kz").await;
    let other =
        kaspi_auth_core::account::Credentials::password("a@example.kz", "another".to_owned().into()).unwrap();
    let note = Some((AccountNote::PasswordRejected, &secrets.credentials));
    let version = database.update_login(LoginUpdate { note, ..update(&begun) }).await.unwrap();
    assert_eq!(database.ledger(&secrets.credentials).await.unwrap().rejected_at, Some(now()));
    assert_eq!(database.ledger(&other).await.unwrap().rejected_at, None);
    let begun = Login { version, ..begun };
    let note = Some((AccountNote::PasswordAccepted, &secrets.credentials));
    database.update_login(LoginUpdate { note, ..update(&begun) }).await.unwrap();
    assert_eq!(database.ledger(&secrets.credentials).await.unwrap().rejected_at, None);
}

async fn a_wait_is_remembered_until_the_next(place: &Place) {
    let database = place.open().await;
    let (mut begun, secrets) = insert(&database, "a@example.kz").await;
    for (note, expected) in [
        (AccountNote::BlockedUntil(later(60)), Some(later(60))),
        (AccountNote::PasswordRejected, Some(later(60))),
        (AccountNote::BlockedUntil(later(90)), Some(later(90))),
    ] {
        let note = Some((note, &secrets.credentials));
        begun.version = database.update_login(LoginUpdate { note, ..update(&begun) }).await.unwrap();
        assert_eq!(database.ledger(&secrets.credentials).await.unwrap().blocked_until, expected);
    }
    assert_eq!(database.ledger(&secrets.credentials).await.unwrap().rejected_at, Some(now()));
}

async fn a_login_is_due_when_its_question_or_its_time_is_over(place: &Place) {
    let database = place.open().await;
    let (running, _) = insert(&database, "a@example.kz").await;
    let (begun, _) = insert(&database, "b@example.kz").await;
    let asked = waiting(&begun, 600);
    let version = database.update_login(update(&asked)).await.unwrap();
    assert_eq!(database.due_logins(later(599), 10).await.unwrap(), []);
    assert_eq!(database.due_logins(later(600), 10).await.unwrap(), [asked.id]);
    assert_eq!(database.due_logins(later(1200), 10).await.unwrap(), [asked.id, running.id]);
    assert_eq!(database.due_logins(later(1200), 1).await.unwrap(), [asked.id]);
    let expired = Login { version, state: LoginState::Expired, ..asked };
    database.update_login(update(&expired)).await.unwrap();
    assert_eq!(database.due_logins(later(1200), 10).await.unwrap(), [running.id]);
}

async fn old_logins_are_pruned_with_their_answers(place: &Place) {
    let database = place.open().await;
    let (begun, _) = insert(&database, "a@example.kz").await;
    let (kept, _) = insert(&database, "b@example.kz").await;
    let key = kaspi_auth_core::port::AnswerKey { key: "k".to_owned(), answer: "code:1234".to_owned().into() };
    let answered = LoginUpdate { answer: Some(key.clone()), ..update(&begun) };
    let version = database.update_login(answered).await.unwrap();
    let ended = Login { version, state: LoginState::Cancelled, ..begun };
    database.update_login(update(&ended)).await.unwrap();
    assert_eq!(database.prune_logins(now(), 10).await.unwrap(), 0, "not before its time");
    assert_eq!(database.prune_logins(later(1), 10).await.unwrap(), 1);
    assert_eq!(database.find_login(&Tenant::All, ended.id).await.unwrap(), None);
    assert_eq!(database.find_answer(ended.id, &key).await.unwrap(), None);
    assert!(database.find_login(&Tenant::All, kept.id).await.unwrap().is_some());
}
