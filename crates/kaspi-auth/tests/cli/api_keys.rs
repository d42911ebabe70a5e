//! `api-keys` and `keys`: what is shown once, and what never.

use kaspi_auth_vault::KeyRing;

use crate::room::Room;

#[tokio::test]
async fn an_api_key_is_shown_once_listed_and_revoked() {
    let room = Room::new().await;
    let arguments = [
        "api-keys",
        "create",
        "--name",
        "reports",
        "--scope",
        "stores:read",
        "--scope",
        "sessions:read",
        "--json",
    ];
    let made = room.run(&arguments).await.good().json();
    assert_eq!(made["scopes"], serde_json::json!(["stores:read", "sessions:read"]));
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(key.starts_with(&format!("ka_{id}_")));

    let listed = room.run(&["api-keys", "list", "--json"]).await.good();
    assert!(!listed.stdout.contains(key));
    assert_eq!(listed.json()["api_keys"][0]["name"], "reports");
    room.run(&["api-keys", "revoke", id]).await.good();
    let revoked = room.run(&["api-keys", "list", "--json"]).await.good().json();
    assert!(revoked["api_keys"][0]["revoked_at"].is_string());
    room.run(&["api-keys", "revoke", "0000000000000000"]).await.ended(1);
}

#[tokio::test]
async fn for_people_only_the_key_itself_is_on_stdout() {
    let room = Room::new().await;
    let made =
        room.run(&["api-keys", "create", "--name", "x", "--scope", "logins:write,stores:read"]).await.good();
    assert!(made.stdout.starts_with("ka_") && made.stdout.lines().count() == 1, "{made:?}");
    assert!(made.stderr.contains("shown this once"), "{made:?}");
}

#[tokio::test]
async fn a_scope_that_is_not_known_is_refused_with_those_that_are() {
    let room = Room::new().await;
    let refused = room.run(&["api-keys", "create", "--name", "x", "--scope", "store:read"]).await.ended(2);
    assert!(
        refused
            .stderr
            .contains("stores:read, stores:write, logins:write, sessions:read, cabinet:call, admin"),
        "{refused:?}"
    );
    room.run(&["api-keys", "create", "--name", "x"]).await.ended(2);
    room.run(&["api-keys", "create", "--name", " ", "--scope", "admin"]).await.ended(1);
}

#[tokio::test]
async fn a_generated_key_is_a_key_and_a_check_tells_only_its_fingerprint() {
    let room = Room::new().await;
    let key = room.run(&["keys", "generate"]).await.good().stdout;
    let ring = KeyRing::parse(&key.trim().to_owned().into()).unwrap();
    let mut check = room.command(&["keys", "check", "--json"]);
    check.env("ENCRYPTION_KEY", key.trim());
    let checked = crate::room::finish(check, "").await.good();
    assert_eq!(checked.json()["fingerprints"], serde_json::json!(ring.fingerprints()));
    assert!(!checked.stdout.contains(key.trim()));
}
