//! JWT with the public keys of an identity provider: from a file, and from a URL that is fetched when it must be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use axum::http::StatusCode;
use jiff::SignedDuration;
use kaspi_auth_core::port::Clock as _;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::harness::{Kind, Signer, World, claims, until, url};

/// An identity provider on the loopback.
struct Provider {
    set: Arc<Mutex<String>>,
    status: Arc<AtomicU16>,
    fetched: Arc<AtomicU64>,
    /// Answers wait until it is open.
    gate: watch::Sender<bool>,
    url: String,
    stop: CancellationToken,
}

impl Provider {
    async fn start(set: String) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let (set, status) = (Arc::new(Mutex::new(set)), Arc::new(AtomicU16::new(200)));
        let (fetched, stop) = (Arc::new(AtomicU64::new(0)), CancellationToken::new());
        let gate = watch::Sender::new(true);
        let answer = {
            let (set, status, fetched) = (Arc::clone(&set), Arc::clone(&status), Arc::clone(&fetched));
            let gate = gate.subscribe();
            move || async move {
                let mut gate = gate;
                fetched.fetch_add(1, Ordering::SeqCst);
                gate.wait_for(|open| *open).await.unwrap();
                (StatusCode::from_u16(status.load(Ordering::SeqCst)).unwrap(), set.lock().clone())
            }
        };
        let router = axum::Router::new().route("/jwks.json", axum::routing::get(answer));
        let stopped = stop.clone();
        tokio::spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(stopped.cancelled_owned()).await.unwrap();
        });
        Self { set, status, fetched, gate, url, stop }
    }

    fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::SeqCst)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn status(world: &World, signer: &Signer) -> u16 {
    let token = signer.sign(&claims("u-1", world.clock.now(), SignedDuration::from_hours(1)));
    world.node().anyone().with(token).get("/v1/stores").await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_in_a_file_open_what_they_signed() {
    let (rsa, ec, stranger) = (Signer::rs256("rsa-1"), Signer::es256("ec-1"), Signer::es256("ec-2"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, Signer::set(&[&rsa, &ec])).unwrap();
    World::prove_with(
        Kind::Sqlite,
        |config| config.auth.jwks_file = Some(file),
        async |world| {
            assert_eq!((status(world, &rsa).await, status(world, &ec).await), (200, 200));
            assert_eq!(status(world, &stranger).await, 401);
            // A secret that everybody knows: the public key.
            let public = serde_json::to_value(rsa.public()).unwrap();
            for secret in [public["n"].as_str().unwrap(), &public.to_string(), ""] {
                assert_eq!(status(world, &Signer::secret(secret)).await, 401);
            }
            // A key of another pair under a known name, and one pair's algorithm with the other's name.
            assert_eq!(status(world, &Signer::rs256("rsa-1")).await, 401);
            assert_eq!(status(world, &Signer::es256("rsa-1")).await, 401);
            world.clock.advance(SignedDuration::from_hours(2));
            let old = ec.sign(&json!({"sub": "u-1", "exp": world.clock.now().as_second() - 3600}));
            world.node().anyone().with(old).get("/v1/stores").await.is_problem(401, "unauthorized");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_behind_a_url_are_fetched_once_for_all_who_wait() {
    let (rsa, ec) = (Signer::rs256("rsa-1"), Signer::es256("ec-1"));
    let provider = Provider::start(Signer::set(&[&rsa, &ec])).await;
    let set = |config: &mut kaspi_auth::config::Config| config.auth.jwks_url = Some(url(&provider.url));
    World::prove_with(Kind::Sqlite, set, async |world| {
        assert_eq!(provider.fetched(), 0, "nothing is fetched before a token comes");
        provider.gate.send_replace(false);
        let calls = (0..12).map(|number| status(world, if number % 2 == 0 { &rsa } else { &ec }));
        let answers = async {
            until("the set is being fetched", || provider.fetched() == 1).await;
            provider.gate.send_replace(true);
        };
        let (statuses, ()) = futures_util::future::join(futures_util::future::join_all(calls), answers).await;
        assert_eq!(statuses, vec![200; 12]);
        assert_eq!(provider.fetched(), 1);
        assert_eq!(status(world, &rsa).await, 200);
        assert_eq!(provider.fetched(), 1, "held from then on");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_of_the_provider_is_found_and_a_withdrawn_one_ends() {
    let (old, new) = (Signer::es256("old"), Signer::rs256("new"));
    let provider = Provider::start(Signer::set(&[&old])).await;
    let set = |config: &mut kaspi_auth::config::Config| config.auth.jwks_url = Some(url(&provider.url));
    World::prove_with(Kind::Sqlite, set, async |world| {
        assert_eq!(status(world, &old).await, 200);
        *provider.set.lock() = Signer::set(&[&new]);
        for _ in 0..5 {
            assert_eq!(status(world, &new).await, 401, "unknown names do not make us fetch again and again");
        }
        assert_eq!(provider.fetched(), 1);
        world.clock.advance(SignedDuration::from_secs(61));
        assert_eq!(status(world, &new).await, 200);
        assert_eq!((status(world, &old).await, provider.fetched()), (401, 2));
        world.clock.advance(SignedDuration::from_mins(11));
        *provider.set.lock() = Signer::set(&[&old]);
        assert_eq!(status(world, &new).await, 401, "held keys are looked up again after a while");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_fails_shuts_out_nobody_whose_key_is_held() {
    let (known, unknown) = (Signer::es256("known"), Signer::es256("unknown"));
    let provider = Provider::start(Signer::set(&[&known])).await;
    let set = |config: &mut kaspi_auth::config::Config| config.auth.jwks_url = Some(url(&provider.url));
    World::prove_with(Kind::Sqlite, set, async |world| {
        provider.status.store(500, Ordering::SeqCst);
        for _ in 0..3 {
            let token = known.sign(&claims("u-1", world.clock.now(), SignedDuration::from_hours(1)));
            let answer = world.node().anyone().with(token).get("/v1/stores").await;
            assert!(answer.is_problem(503, "overloaded").retryable, "nobody's token is wrong");
        }
        assert_eq!(provider.fetched(), 1, "a provider in trouble is not pestered");
        provider.status.store(200, Ordering::SeqCst);
        world.clock.advance(SignedDuration::from_secs(6));
        assert_eq!(status(world, &known).await, 200);

        provider.status.store(500, Ordering::SeqCst);
        world.clock.advance(SignedDuration::from_mins(15));
        assert_eq!(status(world, &known).await, 200, "what is held is still good");
        assert_eq!(status(world, &unknown).await, 503);
        provider.status.store(200, Ordering::SeqCst);
        *provider.set.lock() = "<html>no keys</html>".to_owned();
        world.clock.advance(SignedDuration::from_secs(6));
        assert_eq!((status(world, &known).await, status(world, &unknown).await), (200, 503));
    })
    .await;
}
