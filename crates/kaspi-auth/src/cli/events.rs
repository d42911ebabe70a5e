//! `kaspi-auth events`: what an operator should hear of, oldest first.

use kaspi_auth_core::event::{Happening, StoredEvent};

use super::Global;
use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::opened::Opened;
use super::{output, table};
use crate::http::model::EventPage;

/// Which events.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those after this one: the number of the last that was seen.
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    after: i64,
    /// At most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// As JSON: `{events, next_after}`.
    #[arg(long)]
    pub json: bool,
}

/// Runs it.
pub async fn run(args: &Args, global: &Global) -> Outcome {
    let config = global.start(Loudness::Errors)?;
    let opened = Opened::of(&config).await?;
    let found = opened.service().records.events(args.after, args.limit).await.map_err(Failure::from);
    opened.audit("events", None, None, &found).await;
    opened.close().await;
    let events = found?;
    if args.json {
        output::json(&EventPage::new(&events, args.after));
    } else if events.is_empty() {
        output::note("nothing has happened since");
    } else {
        output::line(table::layout(HEADS, &events.iter().map(row).collect::<Vec<_>>()));
    }
    Ok(Exit::Done)
}

const HEADS: [&str; 4] = ["SEQUENCE", "AT", "TYPE", "WHAT"];

fn row(event: &StoredEvent) -> [String; 4] {
    let what = match &event.happening {
        Happening::EgressReplaced { account, from, to, reason } => {
            format!("{account} moved from egress {from} to {to}: {reason}")
        }
        Happening::EgressResting { name, until, .. } => format!("egress {name} rests until {until:.0}"),
        Happening::PortalChanged { step, shape, before } => {
            format!("{step} looks otherwise: {shape}; before: {before}")
        }
    };
    // A shape comes from the portal's page.
    let what = what.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    [event.sequence.to_string(), format!("{:.0}", event.at), event.happening.name().to_owned(), what]
}
