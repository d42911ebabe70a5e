//! Adopting the predecessor's `kaspi_stores` in place, in every shape that its generations left behind. PostgreSQL only:
//! the predecessor knew no other database.

mod guids;
mod ids;
mod python_beside;
mod shapes;
mod users;

use kaspi_auth_store::OpenDatabaseError;

use crate::support::*;

/// A database with a table of the predecessor's in it.
async fn legacy(sql: &str) -> Place {
    let place = Place::postgres().await;
    place.sql(sql).await;
    place
}

/// The table of its last generation.
const LATEST: &str = "create table kaspi_stores (
    id uuid primary key default gen_random_uuid(), user_id uuid, merchant_id varchar(255) not null unique,
    name varchar(255), guid jsonb, kaspi_email text, kaspi_password text, store_points jsonb,
    is_active boolean default true, needs_reauth boolean default false, reauth_reason text,
    created_at timestamptz default now(), updated_at timestamptz default now());";

/// The object that the predecessor sealed.
fn guid_object(value: &str) -> serde_json::Value {
    serde_json::json!({
        "cookies": [{"name": "mc-sid", "value": value, "domain": "mc.shop.kaspi.kz", "path": "/", "expires": 1.5,
                     "httpOnly": true, "secure": true, "sameSite": "Lax"}],
        "email": "legacy@example.kz", "password": "legacy-password",
        "authenticated_at": "2026-01-02T03:04:05.678901+00:00",
    })
}

/// As the predecessor sealed any object.
fn token(object: &serde_json::Value) -> String {
    ring().seal(object.to_string().as_bytes(), 1_700_000_000)
}

/// As it wrote `guid`.
fn encrypted(value: &str) -> String {
    serde_json::json!({ "encrypted": token(&guid_object(value)) }).to_string()
}

fn advice(opened: Result<kaspi_auth_store::SqlDatabase, OpenDatabaseError>) -> String {
    match opened {
        Err(OpenDatabaseError::Adoption(advice)) => advice,
        other => panic!("{other:?}"),
    }
}
