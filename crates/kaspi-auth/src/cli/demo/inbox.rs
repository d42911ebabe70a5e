//! Tells the mail and SMS that the emulated portal "sends", as they come.

use std::time::Duration;

use kaspi_sandbox::Control;
use tokio_util::sync::CancellationToken;

use super::super::output::{self, Paint};
use super::tour::told;

/// How often it is looked at.
const BEAT: Duration = Duration::from_millis(250);

/// Tells what comes from now on, until `stop`.
pub async fn tell(portal: &Control, stop: &CancellationToken) {
    let paint = Paint::stdout();
    let mut seen = portal.inbox(None).last().map_or(0, |message| message.id);
    let mut sent = portal.counters().codes_sent;
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = beat.tick() => {}
        }
        // The whole inbox is copied to be read: only when there is something new.
        let now = portal.counters().codes_sent;
        if now == sent {
            continue;
        }
        sent = now;
        let messages = portal.inbox(None);
        let last = messages.last().map_or(0, |message| message.id);
        // A reset of the portal begins to count anew.
        seen = if last < seen { 0 } else { seen };
        for message in messages.iter().filter(|message| message.id > seen) {
            output::line(told(paint, message));
        }
        seen = last;
    }
}
