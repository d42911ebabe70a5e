//! The kaspi-auth binary.

fn main() {}
