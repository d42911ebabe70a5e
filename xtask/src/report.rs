//! Steps with a name and a time, and the table of them at the end.

use std::time::{Duration, Instant};

use crate::Outcome;

/// The steps of a chore, as they happen.
pub struct Report {
    start: Instant,
    steps: Vec<(String, Duration, bool)>,
}

impl Report {
    /// No steps yet.
    pub fn new() -> Self {
        Self { start: Instant::now(), steps: Vec::new() }
    }

    /// Takes one step: announces it, carries it out, keeps its time.
    pub fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        eprintln!("── {name}");
        let start = Instant::now();
        let outcome = work();
        self.steps.push((name.to_owned(), start.elapsed(), outcome.is_ok()));
        outcome.map_err(|message| format!("{name}: {message}"))
    }

    /// The table: one line a step, then the whole.
    pub fn table(&self) -> String {
        let line = |(name, time, passed): &(String, Duration, bool)| {
            let mark = if *passed { "ok    " } else { "FAILED" };
            format!("   {mark} {:>7.1} s  {name}\n", time.as_secs_f64())
        };
        let steps: String = self.steps.iter().map(line).collect();
        format!("── steps\n{steps}   whole  {:>7.1} s\n", self.start.elapsed().as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_names_itself_and_is_marked_in_the_table() {
        let mut report = Report::new();
        assert_eq!(report.step("first", || Ok(7)), Ok(7));
        assert_eq!(
            report.step("second", || Err::<(), _>("broken".to_owned())),
            Err("second: broken".to_owned())
        );
        let table = report.table();
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[1].starts_with("   ok") && lines[1].ends_with("first"), "{table}");
        assert!(lines[2].starts_with("   FAILED") && lines[2].ends_with("second"), "{table}");
        assert!(lines[3].starts_with("   whole"), "{table}");
    }
}
