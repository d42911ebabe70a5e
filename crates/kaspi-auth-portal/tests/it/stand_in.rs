//! A second portal, written from the contract without a look at the first, with the other choices wherever it is open.
//!
//! A bare HTTP/1.1 server, so that it can also break off, drip and never end. It shares no code with the sandbox.

#[path = "stand_in/portal.rs"]
mod portal;
#[path = "stand_in/wire.rs"]
mod wire;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaspi_auth_portal::{DirectEngine, PortalSettings};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub use self::portal::{Choices, Portal};
pub use self::wire::{Asked, Say};
use crate::harness::{engine, url};

/// Answers one request instead of the portal; `None` leaves it to the portal.
pub type Twist = Box<dyn Fn(&Asked) -> Option<Say> + Send + Sync>;

/// A running stand-in with an engine for it.
pub struct StandIn {
    pub engine: DirectEngine,
    pub portal: Arc<Mutex<Portal>>,
    task: JoinHandle<()>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl StandIn {
    pub async fn new(choices: Choices) -> Self {
        Self::twisted(choices, Box::new(|_| None)).await
    }

    /// A portal that answers some requests in a way of the test's own.
    pub async fn twisted(choices: Choices, twist: Twist) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let portal = Arc::new(Mutex::new(Portal::new(choices, port)));
        let shared = Arc::clone(&portal);
        let twist = Arc::new(twist);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared), Arc::clone(&twist)));
            }
        });
        let settings = PortalSettings {
            site_url: url(&format!("http://portal.localhost:{port}")),
            login_url: url(&format!("http://id.portal.localhost:{port}")),
            cabinet_url: url(&format!("http://mc.portal.localhost:{port}")),
            timeout: Duration::from_millis(1_500),
            ..PortalSettings::default()
        };
        Self { engine: engine(settings), portal, task }
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.portal.lock().unwrap().log.iter().filter(|asked| asked.path == path).count()
    }

    /// The bodies that were posted to the login endpoint.
    pub fn posts(&self) -> Vec<String> {
        let portal = self.portal.lock().unwrap();
        let posts =
            portal.log.iter().filter(|asked| asked.method == "POST" && !asked.path.contains("graphql"));
        posts.map(|asked| asked.body.clone()).collect()
    }
}

async fn serve(mut stream: TcpStream, portal: Arc<Mutex<Portal>>, twist: Arc<Twist>) {
    while let Some(asked) = wire::read(&mut stream).await {
        let say = {
            let mut portal = portal.lock().unwrap();
            portal.log.push(asked.clone());
            twist(&asked).unwrap_or_else(|| portal.answer(&asked))
        };
        if !say.write(&mut stream).await {
            let _ = stream.shutdown().await;
            return;
        }
    }
}
