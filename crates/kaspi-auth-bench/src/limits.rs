//! Figures that must hold a limit, as lines of text and as a verdict. Measures nothing.

use anyhow::{Result, ensure};

/// What was measured, in the order in which it is shown.
#[derive(Default)]
pub struct Limits {
    lines: Vec<String>,
    missed: usize,
}

impl Limits {
    /// A figure that must be at least so high.
    pub fn at_least(&mut self, what: &str, value: f64, unit: &str, limit: f64) {
        self.judged(what, value, unit, &format!("at least {limit}"), value >= limit);
    }

    /// A figure that must be at most so high.
    pub fn at_most(&mut self, what: &str, value: f64, unit: &str, limit: f64) {
        self.judged(what, value, unit, &format!("at most {limit}"), value <= limit);
    }

    /// A figure that is only shown.
    pub fn shown(&mut self, what: &str, value: f64, unit: &str) {
        self.lines.push(line(what, value, unit));
    }

    /// Shows all of them; an error when a limit is missed.
    #[expect(clippy::print_stdout, reason = "printing figures is what a measurement is for")]
    pub fn verdict(self) -> Result<()> {
        for line in &self.lines {
            println!("{line}");
        }
        ensure!(self.missed == 0, "{} of the limits are missed", self.missed);
        Ok(())
    }

    /// A figure that is none holds no limit.
    fn judged(&mut self, what: &str, value: f64, unit: &str, limit: &str, holds: bool) {
        let verdict = if holds { "holds" } else { "MISSED" };
        self.lines.push(format!("{} ({limit}: {verdict})", line(what, value, unit)));
        self.missed += usize::from(!holds);
    }
}

fn line(what: &str, value: f64, unit: &str) -> String {
    let value = if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.3}") };
    format!("  {what:<72} {value:>9} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_holds_at_its_value() {
        let mut limits = Limits::default();
        limits.at_least("a rate", 5.0, "", 5.0);
        limits.at_most("a time", 1.0, "ms", 1.0);
        assert!(limits.verdict().is_ok());
    }

    #[test]
    fn one_missed_limit_is_an_error() {
        for (rate, time) in [(4.9, 1.0), (5.0, 1.1), (f64::NAN, 1.0), (5.0, f64::NAN)] {
            let mut limits = Limits::default();
            limits.at_least("a rate", rate, "", 5.0);
            limits.at_most("a time", time, "ms", 1.0);
            assert!(limits.verdict().is_err());
        }
    }
}
