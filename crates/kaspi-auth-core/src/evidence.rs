//! What is kept of a step that failed or was not understood, for the operator who must find out why.
//!
//! Whoever makes evidence leaves out what people typed, cookies, and the values of queries: it is sealed all the same, because
//! a page may show what nobody expected.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Code;
use crate::login::Driver;

/// One step on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceStep {
    /// What was done, as logs name it.
    pub name: String,
    /// The page or the address that it was done with; query values are left out.
    pub url: String,
    /// What came of it.
    pub outcome: String,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// What was seen when a login failed, or when only a person can go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What drove the login.
    pub driver: Driver,
    /// What the login failed with, where it failed.
    pub code: Option<Code>,
    /// When it was seen.
    pub at: Timestamp,
    /// The page; query values are left out.
    pub page: Option<String>,
    /// The steps up to here.
    pub steps: Vec<EvidenceStep>,
    /// The document without texts that people typed and without values of inputs, as HTML.
    pub skeleton: Option<String>,
    /// The page as a PNG picture, inputs blacked out.
    pub screenshot: Option<Vec<u8>>,
    /// The element that a person must look at, as a PNG picture.
    pub picture: Option<Vec<u8>>,
}
