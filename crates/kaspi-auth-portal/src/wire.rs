//! What goes over the wire: the bodies that we send, and what the portal's answers mean (CONTRACT, 3.2 and 3.3).
//! Pure: no exchange is made here, and no secret is kept.

pub(crate) mod login;
pub(crate) mod refusal;
pub(crate) mod request;
pub(crate) mod shape;
pub(crate) mod su;
pub(crate) mod value;
pub(crate) mod words;
