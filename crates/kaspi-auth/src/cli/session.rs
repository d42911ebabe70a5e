//! `kaspi-auth session`: print a store's session, look whether it lives, renew it.

mod formats;
mod many;

use jiff::SignedDuration;
use kaspi_auth_core::Code;
use kaspi_auth_core::batch::BatchKind;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::Cabinet as _;
use kaspi_auth_core::session::Validity;
use kaspi_auth_core::sessions::Refreshed;
use kaspi_auth_core::tenant::Tenant;

use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::login::how_to_go_on;
use super::opened::Opened;
use super::{Global, output, stores};
use crate::config::Config;
use crate::http::model::{LoginView, SessionView, ValidationView};

/// How long a renewal is waited for. A login that needs longer goes on by `login --resume`.
const PATIENCE: SignedDuration = SignedDuration::from_secs(120);

/// What to do with a session.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Print a live session: its cookies in clear.
    Get {
        /// The portal's id of the merchant.
        #[arg(value_parser = MerchantUid::parse)]
        merchant_uid: MerchantUid,
        /// How to print it.
        #[arg(long, value_enum, default_value_t = Format::Json)]
        format: Format,
    },
    /// Ask the cabinet whether the session lives. Exit code 0: alive; 3: dead; 4: the cabinet told nothing.
    Validate {
        #[command(flatten)]
        stores: Which,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Sign in again: by the login host's memory, else with the stored password.
    Refresh {
        #[command(flatten)]
        stores: Which,
        /// Print the new session, or the login that needs you, as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// One store or all.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// The portal's id of the merchant.
    #[arg(value_parser = MerchantUid::parse)]
    merchant_uid: Option<MerchantUid>,
    /// All stores that are switched on. Exit code 3: some need a person; 1: some failed; 4: of some nothing is known.
    #[arg(long)]
    all: bool,
}

/// How a session is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// What the API answers: cookies, the ready `Cookie` header, the other headers, generation, times.
    Json,
    /// The header `Cookie: …`, for the cabinet.
    Header,
    /// A cookie file, as curl, wget and yt-dlp read it.
    Netscape,
    /// A command that asks the cabinet for the session's merchants.
    Curl,
}

impl Command {
    /// Whether the caller reads JSON.
    pub fn wants_json(&self) -> bool {
        matches!(self, Self::Validate { json: true, .. } | Self::Refresh { json: true, .. })
    }
}

/// Runs it.
pub async fn run(command: &Command, global: &Global) -> Outcome {
    let config = global.start(Loudness::Errors)?;
    let mut opened = Opened::of(&config).await?;
    let done = match command {
        Command::Get { merchant_uid, format } => get(&opened, &config, merchant_uid, *format).await,
        Command::Validate { stores, json } => match &stores.merchant_uid {
            Some(uid) => validate(&opened, uid, *json).await,
            None => many::run(&opened, BatchKind::Validate, *json).await,
        },
        Command::Refresh { stores, json } => {
            opened = opened.driving();
            match &stores.merchant_uid {
                Some(uid) => refresh(&opened, global, uid, *json).await,
                None => many::run(&opened, BatchKind::Refresh, *json).await,
            }
        }
    };
    opened.close().await;
    done.map_err(|failure| match failure.code() {
        Some(Code::SessionExpired | Code::SessionNotFound | Code::CredentialsMissing) => {
            failure.hint("sign in: `kaspi-auth login`").ending(Exit::NeedsPerson)
        }
        _ => stores::with_hint(failure),
    })
}

async fn get(opened: &Opened, config: &Config, uid: &MerchantUid, format: Format) -> Outcome {
    let service = opened.service();
    let read = service.sessions.get(&Tenant::All, uid).await.map_err(Failure::from);
    opened.audit("session get", Some(uid), None, &read).await;
    let session = read?;
    let cabinet = service.portal.as_ref();
    let now = service.clock.now();
    let cookies = session.cookies_for(cabinet.host(), now);
    match format {
        Format::Json => output::pretty(&SessionView::new(&session, cabinet, now)),
        Format::Header => output::line(formats::header(&cookies)),
        Format::Netscape => output::line(formats::netscape(&cookies, cabinet)),
        Format::Curl => output::line(formats::curl(&cookies, cabinet, &config.portal.cabinet_url)?),
    }
    Ok(Exit::Done)
}

async fn validate(opened: &Opened, uid: &MerchantUid, as_json: bool) -> Outcome {
    let looked = opened.service().sessions.validate(&Tenant::All, uid).await.map_err(Failure::from);
    opened.audit("session validate", Some(uid), None, &looked).await;
    let found = looked?;
    let exit = match found.validity {
        Validity::Alive => Exit::Done,
        Validity::Dead => Exit::NeedsPerson,
        Validity::Unknown => Exit::Later,
    };
    if as_json {
        output::json(&ValidationView::new(uid.to_string(), found));
    } else {
        output::line(format_args!(
            "{} (generation {}): {}",
            found.validity.as_str(),
            found.generation,
            found.reason
        ));
    }
    Ok(exit)
}

async fn refresh(opened: &Opened, global: &Global, uid: &MerchantUid, as_json: bool) -> Outcome {
    let service = opened.service();
    let until = service.clock.now() + PATIENCE;
    let done = service.sessions.refresh(&Tenant::All, uid, until).await.map_err(Failure::from);
    opened.audit("session refresh", Some(uid), None, &done).await;
    match done? {
        Refreshed::Session(session) => {
            if as_json {
                output::json(&SessionView::new(&session, service.portal.as_ref(), service.clock.now()));
            } else {
                output::line(format_args!(
                    "store {uid} has a new session, generation {}",
                    session.generation
                ));
            }
            Ok(Exit::Done)
        }
        Refreshed::Login(login) => {
            if as_json {
                output::json(&LoginView::from(&login));
            }
            let state = login.state.name();
            Err(Failure::new(format!("signing in to store {uid} goes on and needs you: {state}"))
                .hint(how_to_go_on(&login, global, opened))
                .ending(Exit::NeedsPerson))
        }
    }
}
