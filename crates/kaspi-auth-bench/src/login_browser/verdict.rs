//! The table of a comparison and its limits. Measures nothing.

/// On which side of the limit a ratio must stay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// One comparison.
#[derive(Debug, Clone)]
pub struct Row {
    pub what: &'static str,
    pub unit: &'static str,
    pub ours: f64,
    pub theirs: f64,
    pub of: &'static str,
    pub limit: Option<Limit>,
}

impl Row {
    /// Ours by theirs.
    pub fn ratio(&self) -> f64 {
        self.ours / self.theirs
    }

    /// Whether the limit holds; a figure that is none holds no limit.
    pub fn holds(&self) -> bool {
        match self.limit {
            None => true,
            Some(Limit::AtMost(limit)) => self.ratio() <= limit,
            Some(Limit::AtLeast(limit)) => self.ratio() >= limit,
        }
    }

    /// The row as a line of text.
    pub fn line(&self) -> String {
        let limit = match self.limit {
            None => "-".to_owned(),
            Some(Limit::AtMost(limit)) => format!("<= {limit:.2}"),
            Some(Limit::AtLeast(limit)) => format!(">= {limit:.2}"),
        };
        let verdict = match (self.limit, self.holds()) {
            (None, _) => "",
            (_, true) => "holds",
            (_, false) => "MISSED",
        };
        let (ours, theirs) =
            (format!("{:.1} {}", self.ours, self.unit), format!("{:.1} {}", self.theirs, self.unit));
        format!(
            "  {:<44} {ours:>12} {theirs:>12} {:<7} {:>8.3} {limit:>8} {verdict}",
            self.what,
            self.of,
            self.ratio()
        )
    }
}

/// What stands above the rows.
pub fn heading() -> String {
    format!("  {:<44} {:>12} {:>12} {:<7} {:>8} {:>8}", "", "ours", "peer", "", "ratio", "limit")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: f64, theirs: f64, limit: Limit) -> Row {
        Row { what: "a login", unit: "ms", ours, theirs, of: "tuned", limit: Some(limit) }
    }

    #[test]
    fn a_limit_holds_at_its_value_and_not_beyond() {
        assert!(row(25.0, 100.0, Limit::AtMost(0.25)).holds());
        assert!(!row(26.0, 100.0, Limit::AtMost(0.25)).holds());
        assert!(row(300.0, 100.0, Limit::AtLeast(3.0)).holds());
        assert!(!row(299.0, 100.0, Limit::AtLeast(3.0)).holds());
    }

    #[test]
    fn a_figure_that_is_missing_holds_no_limit() {
        assert!(!row(f64::NAN, 100.0, Limit::AtMost(1.0)).holds());
        assert!(!row(1.0, f64::NAN, Limit::AtLeast(1.0)).holds());
    }
}
