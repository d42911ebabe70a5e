//! What the service says of itself on `/metrics`.

use anyhow::{Context, Result};

use crate::load::Client;

/// The sum over all series of a name.
pub async fn sum(client: &mut Client, name: &str) -> Result<f64> {
    let (_, body) = client.get("/metrics").await?;
    let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    let values = std::str::from_utf8(&body)?.lines().filter(of_name);
    values.map(|line| line.rsplit(' ').next().context("a value")?.parse::<f64>().map_err(Into::into)).sum()
}
