//! `kaspi-auth recipe`: what is known of the portal's login page, and whether it still holds. Types and sends nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kaspi_auth_core::Code;
use kaspi_auth_core::egress::Route;
use kaspi_auth_core::id::LoginId;
use kaspi_auth_core::port::{Clock, HolderSink};
use kaspi_auth_portal::{DirectEngine, ElementCheck, PageCheck, Recipe};
use serde_json::json;
use url::Url;

use super::Global;
use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::output::{self, Paint};
use super::table;
use crate::config::BrowserMode;
use crate::config::Config;
use crate::process::{Browser, SystemClock};
use crate::wiring;

/// How long the browser may take to end.
const GRACE: Duration = Duration::from_secs(2);
/// Where the login page is at its host.
const PAGE: &str = "/login";

/// What to do with recipes.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Print the recipe that comes with the program: a start for one's own, to be named in browser.recipe_file.
    Show,
    /// Open the portal's login page in a real browser and say which elements of the recipe are found there, and by which of their
    /// alternatives. Exit code 1: one that the page must show is missing, or the recipe cannot be read.
    Check {
        /// The recipe (TOML); browser.recipe_file when left out, or else the one that comes with the program.
        #[arg(long, value_name = "FILE")]
        recipe: Option<PathBuf>,
        /// The login page of another host, as http://idmc.shop.kaspi.localhost:4010/login of a sandbox.
        #[arg(long, value_name = "URL")]
        url: Option<Url>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    /// Whether the caller reads JSON.
    pub fn wants_json(&self) -> bool {
        matches!(self, Self::Check { json: true, .. })
    }
}

/// Runs it.
pub async fn run(command: &Command, global: &Global) -> Outcome {
    match command {
        Command::Show => {
            output::line(Recipe::embedded_text().trim_end());
            Ok(Exit::Done)
        }
        Command::Check { recipe, url, json } => {
            let mut config = global.start(Loudness::Errors)?;
            if recipe.is_some() {
                config.browser.recipe_file.clone_from(recipe);
            }
            if let Some(url) = url {
                config.portal.login_url = host_of(url)?;
            }
            let recipe = match &config.browser.recipe_file {
                Some(file) => Recipe::load(file).map_err(|error| Failure::new(error.to_string()))?,
                None => Recipe::embedded(),
            };
            let found = check(config, &recipe).await?;
            tell(&found, *json);
            Ok(if found.is_well() { Exit::Done } else { Exit::Failed })
        }
    }
}

/// The login host of a page's address.
fn host_of(page: &Url) -> Outcome<Url> {
    let is_page = matches!(page.scheme(), "http" | "https") && matches!(page.path(), "/" | PAGE);
    if !is_page || page.query().is_some() || !page.username().is_empty() {
        return Err(Failure::usage(format!("--url is the address of a login page: http(s)://host{PAGE}")));
    }
    let mut host = page.clone();
    host.set_path("/");
    host.set_fragment(None);
    Ok(host)
}

/// One browser, ended afterwards.
async fn check(mut config: Config, recipe: &Recipe) -> Outcome<PageCheck> {
    let browser = &mut config.browser;
    // Nothing is kept warm for one look.
    (browser.mode, browser.min_warm) = (BrowserMode::OnDemand, 0);
    if browser.shards > 0 {
        browser.shards = 1;
        browser.remote.clear();
        browser.grid.clear();
    }
    let settings = wiring::portal_settings(&config.portal)?;
    let clock = Arc::new(SystemClock) as Arc<dyn Clock>;
    let direct = Arc::new(DirectEngine::new(settings.clone(), clock)?);
    let browser = Browser::new(&config, settings, direct, Arc::new(Nobody), &[Route::direct()])
        .map_err(|error| Failure::new(error.to_string()))?;
    let Some(browser) = browser else {
        return Err(Failure::from(kaspi_auth_core::Error::new(
            Code::EngineUnavailable,
            "No Chromium was found.",
        ))
        .hint("install one (Debian: chromium-headless-shell or chromium), or name it in browser.binary"));
    };
    let found = async { browser.engine()?.check_page(recipe, &Route::direct()).await }.await;
    browser.stop(GRACE).await;
    Ok(found?)
}

/// Nobody waits for a page here.
struct Nobody;

impl HolderSink for Nobody {
    fn lost(&self, _login: LoginId) {}
}

fn tell(found: &PageCheck, as_json: bool) {
    if as_json {
        let elements: Vec<_> = found.elements.iter().map(as_object).collect();
        let well = found.is_well();
        output::json(&json!({ "url": found.url, "shows": found.shows, "well": well, "elements": elements }));
        return;
    }
    output::line(table::layout(HEADS, &found.elements.iter().map(row).collect::<Vec<_>>()));
    let paint = Paint::stderr();
    output::note(format_args!("{} shows: {}", found.url, found.shows));
    output::note(if found.is_well() {
        paint.green("a login can begin with this recipe")
    } else {
        paint.red("a login cannot begin with this recipe: mend what is missing")
    });
}

fn as_object(element: &ElementCheck) -> serde_json::Value {
    let found =
        element.found.as_ref().map(|(number, text)| json!({ "alternative": number, "selector": text }));
    json!({ "name": element.name, "needed": element.is_needed, "found": found, "unfit": element.unfit })
}

const HEADS: [&str; 3] = ["ELEMENT", "NEEDED", "FOUND BY"];

fn row(element: &ElementCheck) -> [String; 3] {
    let found = match (&element.unfit, &element.found) {
        (Some(unfit), _) => format!("not a selector: {unfit}"),
        (None, Some((number, text))) => format!("alternative {number}: {text}"),
        (None, None) if element.is_needed => "NOT FOUND".to_owned(),
        (None, None) => "-".to_owned(),
    };
    [element.name.clone(), if element.is_needed { "yes" } else { "no" }.to_owned(), found]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_elsewhere_is_the_login_page_of_a_host() {
        let host = |text: &str| host_of(&text.parse().unwrap()).map(|url| url.to_string()).ok();
        for good in ["http://idmc.kaspi.localhost:4010", "http://idmc.kaspi.localhost:4010/login"] {
            assert_eq!(host(good).as_deref(), Some("http://idmc.kaspi.localhost:4010/"));
        }
        for bad in ["file:///login", "http://h/other", "http://h/login?a=b", "http://user@h/login"] {
            assert_eq!(host(bad), None, "{bad}");
        }
    }
}
