//! Chores of the project: demo, test, tidy, bench, ci.

fn main() {}
