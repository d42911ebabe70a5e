//! `keys`: where a new key goes, and what is told of those that are there.

use std::os::unix::fs::PermissionsExt as _;

use crate::room::{Room, bare, finish};

#[tokio::test]
async fn a_key_in_a_file_is_its_owners_alone_and_replaces_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    // The widest of masks: the program sees to it by itself.
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", &format!("umask 0; exec {} keys generate --out key", crate::room::PROGRAM)]);
    shell.current_dir(folder.path()).kill_on_drop(true);
    let made = finish(shell, "").await.good();
    assert!(made.stdout.is_empty() && made.stderr.contains("key"), "{made:?}");
    let key = std::fs::read_to_string(&file).unwrap();
    assert_eq!(key.trim().len(), 44);
    assert!(!made.stderr.contains(key.trim()));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let again = finish(bare(folder.path(), &["keys", "generate", "--out", "key"]), "").await.ended(1);
    assert!(again.stderr.contains("is there already"), "{again:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), key);
    finish(bare(folder.path(), &["keys", "generate", "--out", "none/key"]), "").await.ended(1);
}

#[tokio::test]
async fn a_key_from_a_file_is_taken_as_it_was_made() {
    let room = Room::new().await;
    std::fs::remove_file(room.path("key")).unwrap();
    room.run(&["keys", "generate", "--out", "key"]).await.good();
    let told = room.run(&["keys", "check", "--json"]).await.good().json();
    assert_eq!(told["fingerprints"].as_array().unwrap().len(), 1);
}
