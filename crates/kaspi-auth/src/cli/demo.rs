//! `kaspi-auth demo`: the emulated portal and the service on this machine, three logins before your eyes, then both stay up.
//!
//! It reads the key and the log settings of the configuration and nothing else of it: a demo never touches the
//! configured database or the real portal.

mod api;
mod folder;
pub mod inbox;
pub mod programme;
mod tour;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kaspi_auth_core::api_key::Scope;
use kaspi_auth_core::port::Clock as _;
use kaspi_sandbox::{Options, Sandbox};
use secrecy::SecretString;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::api::Api;
use self::folder::Folder;
use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::{Global, output, sandbox, serve, signals};
use crate::config::Config;
use crate::http::ServeError;
use crate::process::SystemClock;
use crate::wiring::Service;

/// What the demo's API key is called.
const KEY_NAME: &str = "kaspi-auth demo";
/// Nothing that runs here takes longer.
const GRACE: Duration = Duration::from_secs(5);

/// Where the demo runs.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder for its database and its key.
    #[arg(long, default_value = "kaspi-auth-data", value_name = "DIR")]
    data: PathBuf,
    /// Where the service listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where the emulated portal listens: a loopback address; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4010", value_name = "ADDRESS")]
    sandbox_listen: SocketAddr,
    /// End after the three logins: for scripts.
    #[arg(long)]
    exit_after_logins: bool,
}

/// Runs it until a signal.
pub async fn run(args: &Args, global: &Global) -> Outcome {
    let config = global.start(Loudness::Errors)?;
    let stop =
        signals::stop().map_err(|error| Failure::new("signals cannot be listened to").because(error))?;
    let stage = Stage::set(args, config).await?;
    let shown = tokio::select! {
        shown = stage.show(args) => shown,
        () = stop.cancelled() => Ok(()),
    };
    if shown.is_ok() && !args.exit_after_logins {
        let portal = stage.sandbox.control();
        tokio::select! {
            () = inbox::tell(&portal, &stop) => {}
            () = stage.broken.cancelled() => {}
        }
        output::line("\nending");
    }
    let ended = stage.clear().await;
    shown.and(ended).map(|()| Exit::Done)
}

/// Everything that runs.
struct Stage {
    folder: Folder,
    address: SocketAddr,
    sandbox: Sandbox,
    service: Arc<Service>,
    key: SecretString,
    serving: JoinHandle<Result<(), ServeError>>,
    curtain: CancellationToken,
    broken: CancellationToken,
}

impl Stage {
    async fn set(args: &Args, config: Config) -> Outcome<Self> {
        let folder = Folder::open(&args.data)?;
        let (listener, address) = serve::bind(args.listen, "--listen").await?;
        let options = Options {
            listen: args.sandbox_listen,
            // Another sequence of codes and ids at every start: yesterday's cookies must not open today's portal.
            seed: SystemClock.now().as_microsecond().cast_unsigned(),
            ..Options::default()
        };
        let sandbox = sandbox::start(options, "--sandbox-listen").await?;
        let config = folder.configure(config, &sandbox.origins())?;
        let mut service = Service::start(&config).await.map_err(|error| folder.explain(error))?;
        service.start_background(&config);
        let key = fresh_key(&service).await?;
        let service = Arc::new(service);
        let (curtain, broken) = (CancellationToken::new(), CancellationToken::new());
        let serving = tokio::spawn({
            let (service, config) = (Arc::clone(&service), config.clone());
            let (curtain, broken) = (curtain.clone(), broken.clone());
            async move {
                let served = crate::http::serve(service, &config, listener, curtain).await;
                broken.cancel();
                served
            }
        });
        Ok(Self { folder, address, sandbox, service, key, serving, curtain, broken })
    }

    async fn show(&self, args: &Args) -> Outcome<()> {
        let site = format!("http://{}", programme::reachable(self.address));
        programme::opening(&self.folder, &site, &self.sandbox.origins());
        let api = Api::new(&site, self.key.clone())?;
        tour::walk(&api, &self.sandbox.control()).await?;
        if !args.exit_after_logins {
            programme::stays_up(&site, &self.sandbox, &self.key, &self.folder);
        }
        Ok(())
    }

    /// Ends the service first: its logins may still talk to the portal.
    async fn clear(self) -> Outcome<()> {
        self.curtain.cancel();
        let served = self.serving.await;
        serve::end(self.service, GRACE).await;
        self.sandbox.stop().await;
        drop(self.folder);
        match served {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::new("the API cannot be served").because(error)),
            Err(error) => Err(Failure::new("the API has stopped unexpectedly").because(error)),
        }
    }
}

/// A key for everything. Those of former starts open nothing any more: nobody could read their texts again.
async fn fresh_key(service: &Service) -> Outcome<SecretString> {
    for old in service.api_keys.list().await? {
        if old.name == KEY_NAME && old.revoked_at.is_none() {
            service.api_keys.revoke(&old.id).await?;
        }
    }
    let (_, text) = service.api_keys.create(KEY_NAME, &[Scope::Admin], None, &[]).await?;
    Ok(text)
}
