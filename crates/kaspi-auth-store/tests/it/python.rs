//! Rows of ours opened by Python's `cryptography`, and rows of Python's opened by us, in both databases.

use std::io::Write as _;
use std::process::{Command, Stdio};

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::account::Method;
use kaspi_auth_core::port::StoreRepository;
use kaspi_auth_core::tenant::Tenant;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::*;

on_both!(
    a_row_of_ours_is_opened_by_python,
    a_row_of_pythons_is_opened_by_us,
    a_rotated_row_is_opened_by_python_with_the_new_key_and_one_that_python_rewrote_is_behind,
);

/// Runs the script with JSON in and out.
fn python(chore: &str, input: &Value) -> Value {
    python_with(KEY, chore, input)
}

/// The same, with another key.
pub fn python_with(key: &str, chore: &str, input: &Value) -> Value {
    let program = std::env::var("KASPI_AUTH_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut child = Command::new(program)
        .args(["-c", include_str!("python/predecessor.py"), chore, key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 with `cryptography` is needed: apt-get install python3-cryptography");
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "python3 failed at {chore}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The file, for Python's own `sqlite3`; for PostgreSQL the rows travel through us.
fn file(place: &Place) -> Option<&str> {
    place.is_sqlite().then(|| place.url().trim_start_matches("sqlite://"))
}

/// The row of merchant 17 as the script takes it.
async fn row(place: &Place) -> Value {
    if let Some(file) = file(place) {
        return json!({ "file": file, "merchant_id": "17" });
    }
    let row = "select json_build_object('guid', guid, 'kaspi_email', kaspi_email, 'kaspi_password',
               kaspi_password, 'store_points', store_points)::text from kaspi_stores";
    json!({ "row": serde_json::from_str::<Value>(&place.text(row).await.unwrap()).unwrap() })
}

async fn a_row_of_ours_is_opened_by_python(place: &Place) {
    let database = place.open().await;
    let (login, secrets) = finishing(&database, "m17@example.kz", None).await;
    save_of(&database, &login, &secrets, "17", "v1").await.unwrap();
    let opened = python("read", &row(place).await);
    let guid = &opened["guid"];
    let mut keys: Vec<&str> = guid.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "auth_method",
            "authenticated_at",
            "cookies",
            "email",
            "merchant_uid",
            "password",
            "phone",
            "sms_verified"
        ]
    );
    assert_eq!(guid["cookies"][0]["value"], "v1");
    assert_eq!(guid["cookies"][0]["httpOnly"], true);
    assert_eq!(guid["merchant_uid"], "17");
    assert_eq!((&guid["email"], &guid["password"]), (&json!("m17@example.kz"), &json!("canary-password")));
    assert_eq!((&guid["phone"], &guid["sms_verified"]), (&Value::Null, &json!(false)));
    assert_eq!(
        opened["authenticated_at"], "2026-11-22T12:00:00.123456+00:00",
        "datetime.fromisoformat reads it"
    );
    assert_eq!(opened["email"]["email"], "m17@example.kz");
    assert_eq!(opened["password"]["password"], "canary-password");
    assert_eq!(opened["points"]["PP1"]["city_name"], "Алматы");
}

async fn a_row_of_pythons_is_opened_by_us(place: &Place) {
    let database = place.open().await;
    let made = python("write", &json!({ "file": file(place), "merchant_id": "18", "value": "by Python" }));
    if !place.is_sqlite() {
        place
            .sql(&format!(
                "insert into kaspi_stores (merchant_id, name, guid, kaspi_email, kaspi_password, store_points)
                 values ('18', 'Лавка', '{}'::jsonb, '{}', '{}', '{}'::jsonb)",
                made["guid"], made["kaspi_email"].as_str().unwrap(), made["kaspi_password"].as_str().unwrap(),
                made["store_points"],
            ))
            .await;
    }
    let session = database.session(&Tenant::All, &uid("18")).await.unwrap().unwrap();
    assert_eq!((session.generation, session.method), (0, Some(Method::Phone)));
    assert_eq!(session.cookies[0].value.expose_secret(), "by Python");
    let signed_in: Timestamp = made["authenticated_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(session.authenticated_at, Some(signed_in));
    let kept = database.credentials(&Tenant::All, &uid("18")).await.unwrap().unwrap();
    assert_eq!(kept.email.as_deref(), Some("python@example.kz"));
    assert_eq!(kept.password.unwrap().expose_secret(), "пароль");
    assert_eq!(kept.phone.as_deref(), Some("+7 (700) 123-45-67"));
    let store = database.find_store(&Tenant::All, &uid("18")).await.unwrap().unwrap();
    assert_eq!(store.points, points());
    assert_eq!(store.name.as_deref(), Some("Лавка"));
    // And the other way once more, on the same row.
    save(&database, "18", "by us", None).await.unwrap();
    assert_eq!(value_of(&database, &Tenant::All, "18").await.as_deref(), Some("by us"));
}

async fn a_rotated_row_is_opened_by_python_with_the_new_key_and_one_that_python_rewrote_is_behind(
    place: &Place,
) {
    let database = place.open().await;
    save(&database, "17", "v1", None).await.unwrap();
    database.close().await;
    let database = place.open_with(&[NEW_KEY, KEY]).await.unwrap();
    rotate(&database, 10).await;
    let opened = python_with(NEW_KEY, "read", &row(place).await);
    assert_eq!(
        (&opened["guid"]["cookies"][0]["value"], &opened["guid"]["merchant_uid"]),
        (&json!("v1"), &json!("17"))
    );
    assert_eq!(opened["password"]["password"], "canary-password");
    assert_eq!(database.rows_behind(1000).await.unwrap().total(), 0);

    // Python still has the old key, and writes one column.
    let made = python("write", &json!({ "file": null, "merchant_id": "17", "value": "by Python" }));
    let password = made["kaspi_password"].as_str().unwrap();
    place.sql(&format!("update kaspi_stores set kaspi_password = '{password}'")).await;
    assert_eq!(database.rows_behind(1000).await.unwrap().total(), 1);
    place.sql(&format!("update kaspi_stores set guid = '{}'", made["guid"])).await;
    assert_eq!(database.rows_behind(1000).await.unwrap().total(), 1);
    rotate(&database, 10).await;
    assert_eq!(database.rows_behind(0).await.unwrap().total(), 0);
    let opened = python_with(NEW_KEY, "read", &row(place).await);
    assert_eq!(opened["guid"]["cookies"][0]["value"], "by Python");
    assert_eq!(opened["password"]["password"], "пароль");
}
