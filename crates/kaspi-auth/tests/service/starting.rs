//! Starts that must fail, and say what to do; and two that meet on an empty database.

use crate::harness::{Ended, Kind, PASSWORD, Rig, on_each};

/// Refused: an exit code, a word on what to do, and no secret in it.
#[track_caller]
fn refused(ended: &Ended, says: &[&str]) {
    assert!(!ended.status.success(), "{}", ended.log);
    assert!(ended.status.code().is_some(), "it ended by itself: {:?}", ended.status);
    for text in says {
        assert!(ended.log.contains(text), "{text:?} is not said: {}", ended.log);
    }
    assert!(!ended.log.contains("panicked"), "{}", ended.log);
}

async fn without_a_usable_key_nothing_starts(kind: Kind) {
    let rig = Rig::empty(kind).await;
    let without = rig.refuse(|command| command.env_remove("ENCRYPTION_KEY")).await;
    refused(&without, &["ENCRYPTION_KEY", "kaspi-auth keys generate"]);
    let canary = "canary-key-that-must-not-be-shown";
    let good = crate::harness::encryption_key();
    for key in [
        canary,
        "short",
        "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
        &good[..43],
        &format!("{good}="),
        &format!("{good},{canary}"),
        ",",
    ] {
        let bad = rig.refuse(|command| command.env("ENCRYPTION_KEY", key)).await;
        refused(&bad, &["key"]);
        assert!(!bad.log.contains(canary) && !bad.log.contains(&good[..20]), "{}", bad.log);
    }
    let missing = rig
        .refuse(|command| command.env_remove("ENCRYPTION_KEY").env("ENCRYPTION_KEY_FILE", "no-such-file"))
        .await;
    refused(&missing, &["no-such-file"]);
    if kind == Kind::Sqlite {
        assert_eq!(rig.database.bytes().await, Vec::<u8>::new(), "no database was made");
    }
}

async fn another_key_than_the_databases_is_refused_and_harms_nothing(kind: Kind) {
    let rig = Rig::new(kind).await;
    let process = rig.serve().await;
    process.client.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    assert!(process.terminate().await.status.success());
    let other = kaspi_auth_vault::KeyRing::generate_key();
    let other = secrecy::ExposeSecret::expose_secret(&other).to_owned();
    let before = rig.database.texts("select cast(guid as text) from kaspi_stores").await;
    let wrong = rig.refuse(|command| command.env("ENCRYPTION_KEY", &other)).await;
    refused(&wrong, &["no key of ENCRYPTION_KEY opens this database"]);
    assert!(!wrong.log.contains(&other), "{}", wrong.log);
    assert_eq!(rig.database.texts("select cast(guid as text) from kaspi_stores").await, before);
    // A new key before the old one, as an operator changes keys.
    let both = format!("{other},{}", crate::harness::encryption_key());
    let process = rig.serve_with(|command| command.env("ENCRYPTION_KEY", &both)).await;
    process.client.session("30000001").await;
    assert!(process.terminate().await.status.success());
}

async fn a_schema_of_a_later_release_is_refused(kind: Kind) {
    let rig = Rig::new(kind).await;
    let (value, truth) = if kind == Kind::Postgres { ("'\\x00'::bytea", "true") } else { ("x'00'", "1") };
    let sql = format!(
        "insert into _kaspi_auth_migrations (version, description, success, checksum, execution_time)
         values (9999, 'from the future', {truth}, {value}, 0)"
    );
    rig.database.execute(&sql).await;
    refused(&rig.refuse(|command| command).await, &["9999", "newer than this program"]);
}

async fn two_that_start_at_once_on_an_empty_database_both_serve(kind: Kind) {
    let rig = Rig::empty(kind).await;
    let (one, other) = futures_util::future::join(rig.serve(), rig.serve()).await;
    for process in [&one, &other] {
        process.client.get("/readyz").await.is(200);
        process.client.get("/v1/stores").await.is_problem(401, "unauthorized");
    }
    let made = rig.command(&["api-keys", "create", "--name", "t", "--scope", "admin", "--json"]);
    let made = { made }.stdout(std::process::Stdio::piped()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let key = made["key"].as_str().unwrap();
    one.client.with(key).sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
    other.client.with(key).session("30000001").await;
    for process in [one, other] {
        let ended = process.terminate().await;
        assert!(ended.status.success() && !ended.log.contains("ERROR"), "{}", ended.log);
    }
}

async fn settings_that_cannot_be_used_are_refused_by_their_names(kind: Kind) {
    let rig = Rig::empty(kind).await;
    for (name, value, says) in [
        ("KASPI_AUTH__DATABASE__URL", "mysql://u:canary-secret@h/d", "database URL"),
        ("KASPI_AUTH__DATABASE__URL", "sqlite://no/such/folder/x.sqlite", "no/such/folder"),
        ("KASPI_AUTH__DATABASE__URL", "postgres://u:canary-secret@127.0.0.1:1/d", "cannot be reached"),
        ("KASPI_AUTH__AUTH__JWT_SECRET", "canary-secret", "jwt_secret"),
        ("KASPI_AUTH__AUTH__JWKS_FILE", "no-such-file", "no-such-file"),
        ("KASPI_AUTH__PORTAL__CA_FILE", "no-such-file", "portal.ca_file"),
        ("KASPI_AUTH__PORTAL__LOGIN_URL", "ftp://x", "portal.login_url"),
        ("KASPI_AUTH__SERVER__LISTEN", "nowhere", "LISTEN"),
        ("KASPI_AUTH__SERVER__LISTENS", "127.0.0.1:0", "KASPI_AUTH__SERVER__LISTENS"),
    ] {
        let ended = rig.refuse(|command| command.env(name, value)).await;
        refused(&ended, &[says]);
        assert!(!ended.log.contains("canary-secret"), "{}", ended.log);
    }
}

on_each!(
    another_key_than_the_databases_is_refused_and_harms_nothing,
    a_schema_of_a_later_release_is_refused,
    two_that_start_at_once_on_an_empty_database_both_serve,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_usable_key_nothing_is_started_nor_made() {
    without_a_usable_key_nothing_starts(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unusable_settings_are_refused_by_their_names() {
    settings_that_cannot_be_used_are_refused_by_their_names(Kind::Sqlite).await;
}
