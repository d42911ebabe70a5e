//! `kaspi-auth openapi`: the description of the API, as the service serves it at `/openapi.json`.

use super::failure::{Exit, Failure, Outcome};
use super::output;

/// Prints it.
pub fn run() -> Outcome {
    let document = crate::http::openapi::document()
        .to_pretty_json()
        .map_err(|error| Failure::new("the description cannot be written as JSON").because(error))?;
    output::line(document);
    Ok(Exit::Done)
}
