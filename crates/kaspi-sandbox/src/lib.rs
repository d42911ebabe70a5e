//! An emulated Kaspi merchant cabinet for tests and trials.
