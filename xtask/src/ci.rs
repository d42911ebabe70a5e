//! `cargo xtask ci <step>`: one step of the public checks, from the same building blocks as `cargo xtask test`.

use crate::{Outcome, promtool, steps, test, tidy};

/// Carries out the named step.
pub fn run(args: &[String]) -> Outcome {
    let [step] = args else {
        return Err(format!("Name one step: {}.", STEPS.map(|(name, _)| name).join(", ")));
    };
    match STEPS.iter().find(|(name, _)| name == step) {
        Some((_, work)) => work(),
        None => Err(format!("There is no step `{step}`, but: {}.", STEPS.map(|(name, _)| name).join(", "))),
    }
}

type Step = (&'static str, fn() -> Outcome);

const STEPS: [Step; 7] = [
    ("fmt", steps::format),
    ("clippy", steps::clippy),
    ("tidy", tidy::run),
    ("doc", steps::documentation),
    ("deny", steps::deny),
    ("alerts", promtool::alerts),
    ("test", || test::run(&[])),
];
