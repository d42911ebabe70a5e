//! `kaspi-auth api-keys`: make, see and revoke the keys of services that call us.

use kaspi_auth_core::api_key::{ApiKey, Scope};
use kaspi_auth_core::id::UserId;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::Global;
use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::opened::Opened;
use super::{output, table};
use crate::http::model::ApiKeyView;

/// What to do with API keys.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a key. Its text is shown this once.
    Create {
        /// What it is for.
        #[arg(long)]
        name: String,
        /// What it may do: stores:read, stores:write, logins:write, sessions:read, cabinet:call or admin. Several: repeat it, or
        /// separate them by commas.
        #[arg(long = "scope", required = true, value_delimiter = ',', value_parser = scope, value_name = "SCOPE")]
        scopes: Vec<Scope>,
        /// Bind it to the stores of one user.
        #[arg(long, value_parser = UserId::parse)]
        user_id: Option<UserId>,
        /// A path of the cabinet that it may call with the scope cabinet:call, such as '/bff/*' or 'GET /s/m'. Several: repeat it.
        #[arg(long = "cabinet-path", value_name = "PATH")]
        cabinet_paths: Vec<String>,
        /// As JSON: `{id, key, scopes, cabinet_paths}`.
        #[arg(long)]
        json: bool,
    },
    /// List all keys, without their texts.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key: it opens nothing from now on.
    Revoke {
        /// The key's id, as `list` shows it.
        id: String,
    },
}

impl Command {
    /// Whether the caller reads JSON.
    pub fn wants_json(&self) -> bool {
        matches!(self, Self::Create { json: true, .. } | Self::List { json: true })
    }
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| {
        let known: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        format!("the scopes are {}", known.join(", "))
    })
}

/// Runs it.
pub async fn run(command: &Command, global: &Global) -> Outcome {
    let config = global.start(Loudness::Errors)?;
    let opened = Opened::of(&config).await?;
    let done = carry_out(command, &opened).await;
    opened.close().await;
    done.map(|()| Exit::Done)
}

async fn carry_out(command: &Command, opened: &Opened) -> Outcome<()> {
    let keys = &opened.service().api_keys;
    match command {
        Command::Create { name, scopes, user_id, cabinet_paths, json } => {
            let made = keys.create(name, scopes, user_id.clone(), cabinet_paths).await.map_err(Failure::from);
            let id = made.as_ref().ok().map(|(key, _)| key.id.clone());
            opened.audit("api-keys create", None, id.as_deref(), &made).await;
            let (key, text) = made?;
            if *json {
                output::json(&json!({
                    "id": key.id, "key": text.expose_secret(), "scopes": names(&key), "cabinet_paths": key.cabinet_paths
                }));
            } else {
                output::note(format_args!(
                    "key {} of {:?} may {}; it is shown this once:",
                    key.id,
                    key.name,
                    names(&key).join(", ")
                ));
                output::line(text.expose_secret());
            }
        }
        Command::List { json } => {
            let found = keys.list().await.map_err(Failure::from);
            opened.audit("api-keys list", None, None, &found).await;
            let all = found?;
            if *json {
                output::json(&json!({ "api_keys": all.iter().map(ApiKeyView::from).collect::<Vec<_>>() }));
            } else if all.is_empty() {
                output::note("there are no API keys; `kaspi-auth api-keys create` makes one");
            } else {
                output::line(table::layout(HEADS, &all.iter().map(row).collect::<Vec<_>>()));
            }
        }
        Command::Revoke { id } => {
            let done = keys.revoke(id).await.map_err(Failure::from);
            opened.audit("api-keys revoke", None, Some(id), &done).await;
            done?;
            output::note(format_args!("key {id} is revoked"));
        }
    }
    Ok(())
}

const HEADS: [&str; 7] = ["ID", "NAME", "BEGINS", "SCOPES", "USER", "LAST USED", "STATUS"];

fn row(key: &ApiKey) -> [String; 7] {
    [
        key.id.clone(),
        key.name.clone(),
        key.prefix.clone(),
        names(key).join(","),
        key.user_id.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string),
        key.last_used_at.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}")),
        key.revoked_at.map_or_else(|| "good".to_owned(), |at| format!("revoked {at:.0}")),
    ]
}

fn names(key: &ApiKey) -> Vec<&'static str> {
    key.scopes.iter().map(|scope| scope.as_str()).collect()
}
