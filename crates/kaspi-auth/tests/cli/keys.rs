//! `keys`: where a new key goes, what is told of those that are there, and how the database moves to a new one.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use crate::postgres::Database;
use crate::room::{PASSWORD, Ran, Room, bare, finish};

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

/// A database of either kind, and the program on it.
struct Place {
    room: Room,
    postgres: Option<Database>,
}

impl Place {
    async fn sqlite() -> Self {
        Self { room: Room::new().await, postgres: None }
    }

    async fn postgres(tag: &str) -> Self {
        Self { room: Room::new().await, postgres: Some(Database::new(tag).await) }
    }

    async fn run(&self, arguments: &[&str], stdin: &str) -> Ran {
        let mut command = self.room.command(arguments);
        if let Some(database) = &self.postgres {
            command.env("DATABASE_URL", database.sqlalchemy_url());
        }
        finish(command, stdin).await
    }

    /// Runs statements beside the program.
    async fn fill(&self, sql: &str) {
        if let Some(database) = &self.postgres {
            database.fill(sql.to_owned()).await;
            return;
        }
        let url = format!("sqlite://{}", self.room.path("db.sqlite").display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Two stores with sessions and credentials under the first key.
    async fn furnish(&self) {
        self.run(&["login", "--email", "plain@sandbox.test", "--password-stdin"], PASSWORD).await.good();
        let table = "merchant_id,email,password\n17,a@shop.test,canary-1\n";
        std::fs::write(self.room.path("stores.csv"), table).unwrap();
        self.run(&["import", "--from", "stores.csv", "--apply"], "").await.good();
    }

    /// Puts a new key before those that are there; the new one and the old ones.
    fn add_key(&self) -> (String, String) {
        let old = std::fs::read_to_string(self.room.path("key")).unwrap().trim().to_owned();
        let new = kaspi_auth_vault::KeyRing::generate_key();
        let new = secrecy::ExposeSecret::expose_secret(&new).to_owned();
        self.set_keys(&format!("{new},{old}"));
        (new, old)
    }

    fn set_keys(&self, keys: &str) {
        std::fs::write(self.room.path("key"), keys).unwrap();
    }

    async fn drop(self) {
        if let Some(database) = self.postgres {
            database.drop().await;
        }
    }
}

async fn a_rotation_from_beginning_to_end(place: &Place) {
    place.furnish().await;
    let alone = place.run(&["keys", "rotate"], "").await.ended(2);
    assert!(alone.stderr.contains("nothing to rotate to"), "{alone:?}");

    let (new, old) = place.add_key();
    let status = place.run(&["keys", "status", "--json"], "").await.good().json();
    let behind = status["rows_behind"].as_u64().unwrap();
    assert_eq!(status["tables"]["kaspi_stores"], json!({ "behind": 2, "unknown": 0 }), "{status}");
    assert_eq!(status["fingerprints"].as_array().unwrap().len(), 2);
    assert!(behind >= 5, "stores, logins, a device and the pepper: {status}");

    let rotated = place.run(&["keys", "rotate", "--batch", "1", "--json"], "").await.good().last_json();
    assert_eq!((&rotated["rows_behind"], &rotated["moved"]), (&json!(0), &json!(behind)), "{rotated}");
    assert_eq!(rotated["findings"], json!([]));
    let again = place.run(&["keys", "rotate"], "").await.good();
    assert!(
        again.stdout.contains("rows sealed anew: 0") && again.stdout.contains("rows behind: 0"),
        "{again:?}"
    );
    let fingerprint = status["fingerprints"][1].as_str().unwrap();
    assert!(again.stdout.contains(fingerprint), "which key can go: {again:?}");
    let told = place.run(&["keys", "status"], "").await.good();
    assert!(told.stdout.contains("rows behind: 0"), "{told:?}");
    assert!(![&new, &old].iter().any(|key| format!("{again:?}{told:?}").contains(*key)));

    place.set_keys(&new);
    place.run(&["session", "validate", "30000001"], "").await.good();
    place.run(&["keys", "verify"], "").await.good();
    place.set_keys(&old);
    let refused = place.run(&["keys", "verify"], "").await;
    assert!(refused.code != 0 && !refused.stderr.contains(&old), "the old key opens nothing: {refused:?}");
}

async fn a_value_that_does_not_open_is_found(place: &Place) {
    place.furnish().await;
    let sound = place.run(&["keys", "verify", "--json"], "").await.good().json();
    assert!(sound["values"].as_u64().unwrap() >= 5 && sound["findings"] == json!([]), "{sound}");
    place.fill("update kaspi_stores set kaspi_password = 'canary-broken' where merchant_id = '17'").await;
    let found = place.run(&["keys", "verify", "--json"], "").await.ended(1).json();
    let [finding] = &found["findings"].as_array().unwrap()[..] else { panic!("{found}") };
    assert_eq!(
        (&finding["table"], &finding["column"], &finding["row"]),
        (&json!("kaspi_stores"), &json!("kaspi_password"), &json!("17"))
    );
    let told = place.run(&["keys", "verify"], "").await.ended(1);
    assert!(told.stderr.contains("kaspi_stores.kaspi_password of row 17"), "{told:?}");
    place.add_key();
    let rotated = place.run(&["keys", "rotate"], "").await.ended(1);
    assert!(rotated.stderr.contains("rows behind: 1") && rotated.stderr.contains("row 17"), "{rotated:?}");
    assert!(!format!("{found}{told:?}{rotated:?}").contains("canary"));
}

#[tokio::test]
async fn a_database_moves_to_a_new_key_on_sqlite() {
    a_rotation_from_beginning_to_end(&Place::sqlite().await).await;
}

#[tokio::test]
async fn a_database_moves_to_a_new_key_on_postgres() {
    let place = Place::postgres("keys").await;
    a_rotation_from_beginning_to_end(&place).await;
    place.drop().await;
}

#[tokio::test]
async fn what_does_not_open_is_told_on_sqlite() {
    a_value_that_does_not_open_is_found(&Place::sqlite().await).await;
}

#[tokio::test]
async fn what_does_not_open_is_told_on_postgres() {
    let place = Place::postgres("verify").await;
    a_value_that_does_not_open_is_found(&place).await;
    place.drop().await;
}
