//! Rebuilds when a migration changes: `sqlx::migrate!` embeds them without telling cargo.

fn main() {
    let mut out = std::io::stdout();
    // Cargo reads what a build script prints; if it cannot, it rebuilds anyway.
    let _ = std::io::Write::write_all(&mut out, b"cargo::rerun-if-changed=migrations\n");
}
