//! The service in this process, on a port of its own: what one running `kaspi-auth serve` is.

use std::sync::Arc;
use std::time::Duration;

use kaspi_auth::config::Config;
use kaspi_auth::wiring::Service;
use kaspi_auth_core::api_key::Scope;
use kaspi_auth_core::id::UserId;
use kaspi_auth_core::port::Clock;
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::wait::until;

/// A running service. It must be stopped.
pub struct Node {
    service: Arc<Service>,
    base: String,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Node {
    /// Starts one. `background`: with the passes that `serve` runs.
    pub async fn start(config: &Config, clock: Arc<dyn Clock>, background: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mut service = Service::start_at(config, clock).await.unwrap();
        if background {
            service.start_background(config);
        }
        let (service, stop) = (Arc::new(service), CancellationToken::new());
        let served = tokio::spawn({
            let (service, config, stop) = (Arc::clone(&service), config.clone(), stop.clone());
            async move { kaspi_auth::http::serve(service, &config, listener, stop).await.unwrap() }
        });
        Self { service, base, stop, served }
    }

    /// Calls without credentials.
    pub fn anyone(&self) -> Client {
        Client::new(&self.base)
    }

    /// Calls with a new key of these scopes.
    pub async fn client(&self, scopes: &[Scope]) -> Client {
        self.bound(scopes, None).await
    }

    /// Calls with a new key of one user's.
    pub async fn user(&self, user: &str) -> Client {
        let scopes = [Scope::StoresRead, Scope::StoresWrite, Scope::LoginsWrite, Scope::SessionsRead];
        self.bound(&scopes, Some(user)).await
    }

    async fn bound(&self, scopes: &[Scope], user: Option<&str>) -> Client {
        let user = user.map(|user| UserId::parse(user).unwrap());
        let (_, text) = self.service.api_keys.create("test", scopes, user, &[]).await.unwrap();
        self.anyone().with(text.expose_secret())
    }

    /// The use cases behind it.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Stops it as `serve` does. Fails when a login still runs afterwards.
    pub async fn stop(self) {
        until("no login runs any more", || self.service.runner.is_empty()).await;
        self.stop.cancel();
        self.served.await.unwrap();
        // The last connections let go of it.
        until("all connections have ended", || Arc::strong_count(&self.service) == 1).await;
        let service = Arc::into_inner(self.service).unwrap();
        let database = Arc::clone(&service.database);
        service.stop(Duration::from_secs(5)).await;
        database.close().await;
    }
}
