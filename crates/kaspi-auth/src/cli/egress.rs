//! `kaspi-auth egress`: see, add, change, check and remove the ways out to the portal. Must not print a proxy's password.

use std::io::BufRead as _;

use kaspi_auth_core::Code;
use kaspi_auth_core::egress::{Egress, EgressId, Way};
use kaspi_auth_core::port::Clock;
use secrecy::SecretString;
use uuid::Uuid;

use super::Global;
use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::opened::Opened;
use super::output::{self, Paint};
use super::table;
use crate::http::model::{EgressChangeBody, EgressList, EgressView, NewEgressBody, ProxyBody};

/// What to do with egresses.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List all egresses by name.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Add an egress and check it. One whose check is not well is kept and not used.
    Add {
        /// What to call it.
        #[arg(long)]
        name: String,
        #[command(flatten)]
        way: NewWay,
        /// Add it switched off.
        #[arg(long)]
        disabled: bool,
        #[command(flatten)]
        limits: Limits,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change an egress. What is not named stays.
    Change(Box<Change>),
    /// Remove an egress. Its accounts move to another one at their next login.
    Remove {
        /// Its id or its name.
        egress: String,
    },
    /// Fetch the portal's login page over an egress, without credentials; when that is well, a rest ends. Exit code 4: it is not
    /// well.
    Check {
        /// Its id or its name; all of them when left out.
        egress: Option<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What to change.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "options of a command line")]
pub struct Change {
    /// Its id or its name.
    egress: String,
    /// Another name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    way: OtherWay,
    /// Switch it on.
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Switch it off: its accounts move at their next login.
    #[arg(long)]
    disable: bool,
    #[command(flatten)]
    limits: Limits,
    /// End its rest.
    #[arg(long)]
    wake: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Which way a new one goes.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct NewWay {
    /// The proxy: http, https or socks5, as in socks5://proxy.example:1080. Everybody on this machine can see it in the list of
    /// processes: with a password in it, rather --proxy-stdin.
    #[arg(long, value_name = "URL")]
    proxy: Option<SecretString>,
    /// Read the proxy from the first line of stdin, as in socks5://user:password@proxy.example:1080.
    #[arg(long)]
    proxy_stdin: bool,
    /// This machine's own address.
    #[arg(long)]
    direct: bool,
}

/// Which other way one goes from now on.
#[derive(Debug, clap::Args)]
#[group(required = false, multiple = false)]
pub struct OtherWay {
    /// Another proxy, with its credentials; see `add`.
    #[arg(long, value_name = "URL")]
    proxy: Option<SecretString>,
    /// Read another proxy from the first line of stdin.
    #[arg(long)]
    proxy_stdin: bool,
    /// This machine's own address from now on.
    #[arg(long)]
    direct: bool,
}

/// How many logins it takes.
#[derive(Debug, clap::Args)]
pub struct Limits {
    /// Logins that begin in a second, on the average; 0 is no limit of its own.
    #[arg(long, value_name = "NUMBER")]
    per_second: Option<f64>,
    /// Logins that may begin at once after a pause.
    #[arg(long, value_name = "NUMBER")]
    burst: Option<u32>,
    /// Logins at the same time; 0 is no limit of its own.
    #[arg(long, value_name = "NUMBER")]
    in_flight: Option<u32>,
}

impl Command {
    /// Whether the caller reads JSON.
    pub fn wants_json(&self) -> bool {
        match self {
            Self::List { json } | Self::Add { json, .. } | Self::Check { json, .. } => *json,
            Self::Change(change) => change.json,
            Self::Remove { .. } => false,
        }
    }
}

/// Runs it.
pub async fn run(command: &Command, global: &Global) -> Outcome {
    let config = global.start(Loudness::Errors)?;
    let opened = Opened::of(&config).await?;
    let done = carry_out(command, &opened).await;
    opened.close().await;
    done
}

async fn carry_out(command: &Command, opened: &Opened) -> Outcome {
    let service = opened.service();
    let clock = service.clock.as_ref();
    match command {
        Command::List { json } => {
            let found = service.egresses.list().await.map_err(Failure::from);
            opened.audit("egress list", None, None, &found).await;
            list(&found?, clock, *json);
        }
        Command::Add { name, way, disabled, limits, json } => {
            let body = NewEgressBody {
                name: name.clone(),
                proxy: proxy(way.proxy.as_ref(), way.proxy_stdin)?,
                enabled: Some(!disabled),
                per_second: limits.per_second,
                burst: limits.burst,
                in_flight: limits.in_flight,
            };
            let done = service.egresses.add(body.read().map_err(unusable)?).await.map_err(Failure::from);
            let id = done.as_ref().ok().map(|egress| egress.id.0.to_string());
            opened.audit("egress add", None, id.as_deref(), &done).await;
            let egress = done?;
            tell(&egress, clock, *json, "added");
        }
        Command::Change(change) => {
            let held = find(opened, &change.egress).await?;
            let moves = change.way.direct || change.way.proxy_stdin || change.way.proxy.is_some();
            let body = EgressChangeBody {
                name: change.name.clone(),
                proxy: if moves {
                    Some(proxy(change.way.proxy.as_ref(), change.way.proxy_stdin)?)
                } else {
                    None
                },
                enabled: (change.enable || change.disable).then_some(change.enable),
                per_second: change.limits.per_second,
                burst: change.limits.burst,
                in_flight: change.limits.in_flight,
                wake: Some(change.wake),
            };
            let change_of_it = body.read().map_err(unusable)?;
            let done = service.egresses.change(held.id, change_of_it).await.map_err(Failure::from);
            opened.audit("egress change", None, Some(&held.id.0.to_string()), &done).await;
            let egress = done?;
            tell(&egress, clock, change.json, "changed");
        }
        Command::Remove { egress } => {
            let egress = find(opened, egress).await?;
            let done = service.egresses.delete(egress.id).await.map_err(Failure::from);
            opened.audit("egress remove", None, Some(&egress.id.0.to_string()), &done).await;
            done?;
            output::note(format_args!("egress {} is removed", egress.name));
        }
        Command::Check { egress, json } => return check(egress.as_deref(), *json, opened).await,
    }
    Ok(Exit::Done)
}

/// A value of the command line that the API would not take either.
fn unusable(error: kaspi_auth_core::Error) -> Failure {
    Failure::from(error).ending(Exit::Usage)
}

/// The proxy as it was given; `None`: directly.
fn proxy(given: Option<&SecretString>, from_stdin: bool) -> Outcome<Option<ProxyBody>> {
    if from_stdin {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        read.map_err(|error| Failure::new("stdin cannot be read").because(error))?;
        let address = SecretString::from(line.trim());
        if line.trim().is_empty() {
            return Err(Failure::usage("stdin ended before the proxy's address"));
        }
        return Ok(Some(ProxyBody::Address(address)));
    }
    Ok(given.map(|address| ProxyBody::Address(address.clone())))
}

/// The egress of an id or a name.
async fn find(opened: &Opened, named: &str) -> Outcome<Egress> {
    let all = opened.service().egresses.list().await?;
    let id = Uuid::parse_str(named).ok().map(EgressId);
    all.into_iter().find(|egress| Some(egress.id) == id || egress.name == named).ok_or_else(|| {
        Failure::new(format!("there is no egress {named:?}"))
            .coded(Code::EgressNotFound)
            .hint("`kaspi-auth egress list` shows those there are")
    })
}

async fn check(named: Option<&str>, as_json: bool, opened: &Opened) -> Outcome {
    let service = opened.service();
    let wanted = match named {
        Some(named) => vec![find(opened, named).await?],
        None => service.egresses.list().await?,
    };
    let mut checked = Vec::new();
    for egress in wanted {
        let done = service.egresses.check(egress.id).await.map_err(Failure::from);
        opened.audit("egress check", None, Some(&egress.id.0.to_string()), &done).await;
        let egress = done?;
        if !as_json {
            let paint = Paint::stdout();
            let verdict = match &egress.check_error {
                None => paint.green("well"),
                Some(error) => format!("{} {error}", paint.red("not well:")),
            };
            output::line(format_args!("{} ({}): {verdict}", egress.name, way(&egress)));
        }
        checked.push(egress);
    }
    let clock = service.clock.as_ref();
    match (as_json, named, checked.as_slice()) {
        (true, Some(_), [egress]) => output::json(&EgressView::new(egress, clock.now())),
        (true, ..) => output::json(&EgressList::new(&checked, clock.now())),
        (false, ..) => {}
    }
    let well = checked.iter().all(|egress| egress.check_error.is_none());
    Ok(if well { Exit::Done } else { Exit::Later })
}

fn list(all: &[Egress], clock: &dyn Clock, as_json: bool) {
    if as_json {
        output::json(&EgressList::new(all, clock.now()));
    } else {
        let rows: Vec<_> = all.iter().map(|egress| row(egress, clock)).collect();
        output::line(table::layout(HEADS, &rows));
    }
}

/// What became of an egress.
fn tell(egress: &Egress, clock: &dyn Clock, as_json: bool, done: &str) {
    if as_json {
        output::json(&EgressView::new(egress, clock.now()));
        return;
    }
    output::line(egress.id);
    output::note(format_args!("egress {} ({}) is {done}", egress.name, way(egress)));
    if let Some(error) = &egress.check_error {
        let paint = Paint::stderr();
        output::note(paint.yellow(format_args!("its check was not well, so it is not used: {error}")));
    }
}

const HEADS: [&str; 8] = ["ID", "NAME", "WAY", "STATUS", "SCORE", "ACCOUNTS", "LIMITS", "CHECKED"];

fn row(egress: &Egress, clock: &dyn Clock) -> [String; 8] {
    let mut name = egress.name.clone();
    if egress.managed {
        name.push_str(" (configured)");
    }
    [
        egress.id.to_string(),
        name,
        way(egress),
        status(egress, clock),
        egress.health.score.to_string(),
        egress.pinned.to_string(),
        limits(egress),
        egress.checked_at.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}")),
    ]
}

fn way(egress: &Egress) -> String {
    match &egress.way {
        Way::Direct => "direct".to_owned(),
        Way::Proxy(proxy) => match &proxy.username {
            Some(username) => format!("{} as {username}", proxy.server()),
            None => proxy.server(),
        },
    }
}

fn status(egress: &Egress, clock: &dyn Clock) -> String {
    let now = clock.now();
    match egress.health.rest_until {
        _ if !egress.enabled => "off".to_owned(),
        Some(until) if now < until => format!("rests until {until:.0}"),
        _ if egress.is_usable(now) => "ready".to_owned(),
        _ if egress.checked_at.is_some() => "its check failed".to_owned(),
        _ => "not checked".to_owned(),
    }
}

fn limits(egress: &Egress) -> String {
    let budget = &egress.budget;
    let mut parts = Vec::new();
    if budget.per_second > 0.0 {
        parts.push(format!("{}/s, {} at once", budget.per_second, budget.burst));
    }
    if budget.in_flight > 0 {
        parts.push(format!("{} in flight", budget.in_flight));
    }
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}
