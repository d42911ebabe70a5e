//! JWT with a shared secret (HS256): `sub` is the user, and everything that is not quite right opens nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use kaspi_auth_core::port::Clock as _;
use serde_json::{Value, json};

use crate::harness::{Kind, PASSWORD, Signer, World, claims};

const SECRET: &str = "a-secret-of-more-than-thirty-two-bytes";

async fn prove(test: impl AsyncFnOnce(&World)) {
    World::prove_with(Kind::Sqlite, |config| config.auth.jwt_secret = Some(SECRET.to_owned().into()), test)
        .await;
}

fn token(world: &World, user: &str) -> String {
    Signer::secret(SECRET).sign(&claims(user, world.clock.now(), SignedDuration::from_hours(1)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bearer_of_a_token_is_its_subject() {
    prove(async |world| {
        let user = world.node().anyone().with(token(world, "u-1"));
        let login = user.sign_in_as("plain@sandbox.test", PASSWORD).await.stands("succeeded");
        assert_eq!(login.user_id.as_deref(), Some("u-1"));
        assert_eq!(user.store("30000001").await.user_id.as_deref(), Some("u-1"));
        user.session("30000001").await;
        assert_eq!(user.validity("30000001").await, "alive");
        user.refresh("30000001").await.is(200);
        let other = world.node().anyone().with(token(world, "u-2"));
        other.get("/v1/stores/30000001").await.is_problem(404, "store_not_found");
        other.get("/v1/stores/30000001/session").await.is_problem(404, "store_not_found");
        // Keys and figures are no user's.
        for path in ["/v1/api-keys", "/metrics"] {
            user.get(path).await.is_problem(403, "insufficient_scope");
        }
        let named = json!({"email": "code@sandbox.test", "password": PASSWORD, "user_id": "u-2"});
        user.post("/v1/logins", &named).await.is_problem(403, "insufficient_scope");
        user.delete("/v1/stores/30000001").await.is(204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_not_quite_right_opens_nothing() {
    prove(async |world| {
        let now = world.clock.now();
        let good = claims("u-1", now, SignedDuration::from_hours(1));
        let with = |key: &str, value: Value| {
            let mut claims = good.clone();
            claims[key] = value;
            claims
        };
        let without = |key: &str| {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(key);
            claims
        };
        let issuer = Signer::secret(SECRET);
        let signed = issuer.sign(&good);
        let parts: Vec<_> = signed.split('.').collect();
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let last = |text: &str, by: char| format!("{}{by}", &text[..text.len() - 1]);
        let bad = [
            ("expired", issuer.sign(&claims("u-1", now, SignedDuration::from_secs(-120)))),
            ("not yet good", issuer.sign(&with("nbf", json!(now.as_second() + 600)))),
            ("without an end", issuer.sign(&without("exp"))),
            ("an end that is no number", issuer.sign(&with("exp", json!("tomorrow")))),
            ("an end that is no time", issuer.sign(&with("exp", json!(null)))),
            ("without a subject", issuer.sign(&without("sub"))),
            ("an empty subject", issuer.sign(&with("sub", json!("")))),
            ("a subject that is no text", issuer.sign(&with("sub", json!(7)))),
            ("a subject with a control character", issuer.sign(&with("sub", json!("a\u{0}b")))),
            ("a subject that is too long", issuer.sign(&with("sub", json!("u".repeat(256))))),
            ("another secret", Signer::secret("another-secret-of-more-than-32-bytes!").sign(&good)),
            ("no signature", format!("{}.{}.", parts[0], parts[1])),
            ("algorithm none", format!("{}.{}.", part(json!({"alg": "none"})), parts[1])),
            ("algorithm none, signed", format!("{}.{}.{}", part(json!({"alg": "none"})), parts[1], parts[2])),
            ("algorithm RS256", format!("{}.{}.{}", part(json!({"alg": "RS256"})), parts[1], parts[2])),
            ("no algorithm", format!("{}.{}.{}", part(json!({"typ": "JWT"})), parts[1], parts[2])),
            ("other claims", format!("{}.{}.{}", parts[0], part(with("sub", json!("admin"))), parts[2])),
            ("a changed signature", last(&signed, if signed.ends_with('A') { 'E' } else { 'A' })),
            ("two parts", format!("{}.{}", parts[0], parts[1])),
            ("four parts", format!("{signed}.x")),
            ("dots", "...".to_owned()),
            ("no base64", "%%%.%%%.%%%".to_owned()),
            ("no JSON", format!("{0}.{0}.{0}", URL_SAFE_NO_PAD.encode("nothing"))),
            ("very long", format!("{}.{}.{}", "A".repeat(4000), "A".repeat(4000), "A".repeat(400))),
        ];
        for (what, token) in bad {
            let answer = world.node().anyone().with(token).get("/v1/stores").await;
            let problem = answer.problem();
            assert_eq!((problem.status, problem.code.as_str()), (401, "unauthorized"), "{what}");
            assert!(!problem.detail.to_lowercase().contains("expired"), "what is wrong is not told: {what}");
        }
        world.node().anyone().with(signed).get("/v1/stores").await.is(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_ends_when_its_time_is_over() {
    prove(async |world| {
        let user = world.node().anyone().with(token(world, "u-1"));
        user.get("/v1/stores").await.is(200);
        world.clock.advance(SignedDuration::from_mins(59));
        user.get("/v1/stores").await.is(200);
        world.clock.advance(SignedDuration::from_mins(3));
        user.get("/v1/stores").await.is_problem(401, "unauthorized");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn issuer_and_audience_must_fit_where_they_are_set() {
    let change = |config: &mut kaspi_auth::config::Config| {
        config.auth.jwt_secret = Some(SECRET.to_owned().into());
        config.auth.jwt_issuer = Some("https://issuer.test".to_owned());
        config.auth.jwt_audience = Some("kaspi-auth".to_owned());
    };
    World::prove_with(Kind::Sqlite, change, async |world| {
        let base = claims("u-1", world.clock.now(), SignedDuration::from_hours(1));
        let status = async |more: Value| {
            let mut claims = base.clone();
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let token = Signer::secret(SECRET).sign(&claims);
            world.node().anyone().with(token).get("/v1/stores").await.status
        };
        assert_eq!(status(json!({"iss": "https://issuer.test", "aud": "kaspi-auth"})).await, 200);
        assert_eq!(status(json!({"iss": "https://issuer.test", "aud": ["other", "kaspi-auth"]})).await, 200);
        assert_eq!(status(json!({"iss": "https://issuer.test", "aud": "other"})).await, 401);
        assert_eq!(status(json!({"iss": "https://other.test", "aud": "kaspi-auth"})).await, 401);
        assert_eq!(status(json!({"aud": "kaspi-auth"})).await, 401);
        assert_eq!(status(json!({"iss": "https://issuer.test"})).await, 401);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_secret_is_set_no_token_is_good() {
    World::prove(Kind::Sqlite, async |world| {
        for secret in [SECRET, ""] {
            let token =
                Signer::secret(secret).sign(&claims("u-1", world.clock.now(), SignedDuration::from_hours(1)));
            world.node().anyone().with(token).get("/v1/stores").await.is_problem(401, "unauthorized");
        }
    })
    .await;
}
