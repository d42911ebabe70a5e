//! `kaspi-auth stores`: list, read and delete stores, see what happened to one and why it stands as it does.

mod history;

use std::io::BufRead as _;

use kaspi_auth_core::Code;
use kaspi_auth_core::egress::EgressId;
use kaspi_auth_core::explain::Explanation;
use kaspi_auth_core::id::{MerchantUid, UserId};
use kaspi_auth_core::login::{Driver, EngineChoice};
use kaspi_auth_core::store::{Store, StoreFilter, StoreStatus};
use kaspi_auth_core::tenant::Tenant;
use serde_json::json;

use super::Global;
use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::opened::Opened;
use super::{output, table};
use crate::explain::Language;
use crate::http::model::{StoreDetailsView, StoreView};

/// How many stores are read at once.
const PAGE: u32 = 200;

/// What to do with stores.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List stores in the order of their uid.
    List {
        /// Only those of this user.
        #[arg(long, value_parser = UserId::parse)]
        user_id: Option<UserId>,
        /// Only those that stand so: active, needs_reauth or inactive.
        #[arg(long, value_parser = status)]
        status: Option<StoreStatus>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show one store.
    Get {
        /// The portal's id of the merchant.
        #[arg(value_parser = MerchantUid::parse)]
        merchant_uid: MerchantUid,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Tell why a store stands as it does: the cause, since when, who must act, what comes next.
    Explain {
        /// The portal's id of the merchant.
        #[arg(value_parser = MerchantUid::parse)]
        merchant_uid: MerchantUid,
        /// The language: en, ru or kk.
        #[arg(long, value_parser = history::language, default_value = "en")]
        lang: Language,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what happened to a store, newest first: logins, refreshes, looks, reports.
    Timeline {
        /// The portal's id of the merchant.
        #[arg(value_parser = MerchantUid::parse)]
        merchant_uid: MerchantUid,
        /// Only what came before this entry: the number that the call before has named.
        #[arg(long, value_name = "SEQUENCE", value_parser = clap::value_parser!(i64).range(1..))]
        before: Option<i64>,
        /// At most so many.
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        /// As JSON: `{entries, next_before}`.
        #[arg(long)]
        json: bool,
    },
    /// Delete a store with its session and its credentials.
    Delete {
        /// The portal's id of the merchant.
        #[arg(value_parser = MerchantUid::parse)]
        merchant_uid: MerchantUid,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

impl Command {
    /// Whether the caller reads JSON.
    pub fn wants_json(&self) -> bool {
        match self {
            Self::List { json, .. }
            | Self::Get { json, .. }
            | Self::Explain { json, .. }
            | Self::Timeline { json, .. } => *json,
            Self::Delete { .. } => false,
        }
    }
}

fn status(text: &str) -> Result<StoreStatus, &'static str> {
    [StoreStatus::Active, StoreStatus::NeedsReauth, StoreStatus::Inactive]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or("a store is active, needs_reauth or inactive")
}

/// Runs it.
pub async fn run(command: &Command, global: &Global) -> Outcome {
    let config = global.start(Loudness::Errors)?;
    let opened = Opened::of(&config).await?;
    let done = carry_out(command, &opened).await;
    opened.close().await;
    done.map(|()| Exit::Done).map_err(with_hint)
}

async fn carry_out(command: &Command, opened: &Opened) -> Outcome<()> {
    let stores = &opened.service().stores;
    match command {
        Command::List { user_id, status, json } => {
            let found = list(opened, user_id.as_ref(), *status).await;
            opened.audit("stores list", None, None, &found).await;
            let all = found?;
            if *json {
                output::json(&json!({ "stores": all.iter().map(StoreView::from).collect::<Vec<_>>() }));
            } else if all.is_empty() {
                output::note("there are no such stores");
            } else {
                output::line(table::layout(HEADS, &all.iter().map(row).collect::<Vec<_>>()));
            }
        }
        Command::Get { merchant_uid, json } => {
            let found = opened.service().explanations.explain(&Tenant::All, merchant_uid).await;
            let found = found.map_err(Failure::from);
            opened.audit("stores get", Some(merchant_uid), None, &found).await;
            let known = found?;
            if *json {
                output::json(&StoreDetailsView::from(&known));
            } else {
                show(&known);
            }
        }
        Command::Explain { merchant_uid, lang, json } => {
            history::explain(opened, merchant_uid, *lang, *json).await?;
        }
        Command::Timeline { merchant_uid, before, limit, json } => {
            history::timeline(opened, merchant_uid, *before, *limit, *json).await?;
        }
        Command::Delete { merchant_uid, yes } => {
            let store = stores.get(&Tenant::All, merchant_uid).await?;
            if !yes {
                confirm(&store)?;
            }
            let done = stores.delete(&Tenant::All, merchant_uid).await.map_err(Failure::from);
            opened.audit("stores delete", Some(merchant_uid), None, &done).await;
            done?;
            output::note(format_args!("store {merchant_uid} is deleted, and its secrets with it"));
        }
    }
    Ok(())
}

async fn list(opened: &Opened, user_id: Option<&UserId>, status: Option<StoreStatus>) -> Outcome<Vec<Store>> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let filter = StoreFilter { user_id: user_id.cloned(), status, after, limit: PAGE };
        let page = opened.service().stores.list(&Tenant::All, filter).await?;
        all.extend(page.stores);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

const HEADS: [&str; 7] = ["MERCHANT", "SHOP", "STATUS", "SESSION", "GENERATION", "SIGNED IN", "USER"];

fn row(store: &Store) -> [String; 7] {
    [
        store.merchant_uid.to_string(),
        store.name.clone().unwrap_or_default(),
        store.status().as_str().to_owned(),
        if store.has_session { store.validity.as_str() } else { "none" }.to_owned(),
        store.generation.to_string(),
        time(store.authenticated_at),
        store.user_id.as_ref().map(ToString::to_string).unwrap_or_default(),
    ]
}

fn time(at: Option<jiff::Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| format!("{at:.0}"))
}

fn show(known: &Explanation) {
    let store = &known.store;
    let can_refresh = if known.can_refresh.can { "yes" } else { "no" };
    let status = match &store.reauth_reason {
        Some(reason) => format!("{} ({reason})", store.status().as_str()),
        None => store.status().as_str().to_owned(),
    };
    let session = if store.has_session { store.validity.as_str() } else { "none" };
    let password = if store.has_password { "kept, sealed" } else { "not kept" };
    let points: Vec<_> = store
        .points
        .iter()
        .map(|(name, point)| {
            let place = point.city_name.as_deref().or(point.city_id.as_deref()).unwrap_or("?");
            format!("{name} {place}{}", if point.enabled { "" } else { " (off)" })
        })
        .collect();
    for (what, value) in [
        ("merchant", store.merchant_uid.to_string()),
        ("shop", store.name.clone().unwrap_or_else(|| "-".to_owned())),
        ("user", store.user_id.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)),
        ("status", status),
        ("session", format!("{session}, generation {}", store.generation)),
        ("password", password.to_owned()),
        ("engine", store.engine.map_or("as configured", EngineChoice::as_str).to_owned()),
        ("signed in", signed_in(store)),
        ("looked at", time(store.checked_at)),
        ("ends about", time(known.valid_until_estimate)),
        ("refresh", format!("{can_refresh} ({})", known.can_refresh.reason.as_str())),
        ("points", points.join(", ")),
        ("created", time(Some(store.created_at))),
        ("changed", time(Some(store.updated_at))),
    ] {
        output::line(format_args!("{what:<10} {value}"));
    }
}

/// When the portal let us in, and how.
fn signed_in(store: &Store) -> String {
    let mut text = time(store.authenticated_at);
    if let Some(driver) = store.driver {
        text.push_str(match driver {
            Driver::Direct => ", over HTTP",
            Driver::Browser => ", by a browser",
        });
    }
    match store.egress {
        Some(egress) if egress != EgressId::DIRECT => format!("{text}, on egress {egress}"),
        _ => text,
    }
}

/// Asks before what cannot be undone.
fn confirm(store: &Store) -> Outcome<()> {
    let what = format!("store {} ({})", store.merchant_uid, store.name.as_deref().unwrap_or("no name"));
    if !output::is_interactive() {
        return Err(Failure::usage(format!("{what} is deleted only with --yes")));
    }
    output::ask(format_args!("Delete {what} with its session and its password? [y/N] "));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    match read.map(|_| answer.trim().to_lowercase()).as_deref() {
        Ok("y" | "yes") => Ok(()),
        _ => Err(Failure::new("nothing was deleted")),
    }
}

/// What to do when there is no such store.
pub fn with_hint(failure: Failure) -> Failure {
    match failure.code() {
        Some(Code::StoreNotFound) => failure.hint("`kaspi-auth stores list` shows those there are"),
        _ => failure,
    }
}
