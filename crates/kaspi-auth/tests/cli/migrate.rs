//! `migrate`: says what it did.

use crate::room::{Room, bare, finish};

#[tokio::test]
async fn a_migration_says_what_it_did() {
    let room = Room::new().await;
    let did =
        async || room.run(&["migrate", "--json"]).await.good().json()["did"].as_str().unwrap().to_owned();
    assert_eq!(did().await, "created");
    assert_eq!(did().await, "nothing");
    assert!(room.run(&["migrate"]).await.good().stdout.contains("up to date already"));
}

#[tokio::test]
async fn a_migration_needs_no_key() {
    let folder = tempfile::tempdir().unwrap();
    finish(bare(folder.path(), &["migrate"]), "").await.good();
    assert!(
        folder.path().join("kaspi-auth-data/kaspi-auth.sqlite").is_file(),
        "the default's folder is made"
    );
    let mut elsewhere = bare(folder.path(), &["migrate"]);
    elsewhere.env("KASPI_AUTH__DATABASE__URL", "sqlite://mis/spelt/x.sqlite");
    assert!(finish(elsewhere, "").await.ended(1).stderr.contains("mis/spelt"));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    let room = Room::new().await;
    std::fs::write(
        room.path("db.sqlite"),
        "a letter to my aunt, longer than a header of a database would be ......",
    )
    .unwrap();
    let refused = room.run(&["migrate"]).await.ended(1);
    assert!(refused.stderr.contains("not an SQLite database"), "{refused:?}");
}
