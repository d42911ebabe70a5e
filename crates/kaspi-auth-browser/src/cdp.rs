//! The DevTools protocol: commands and their answers, and the events of each session. Knows no page and no policy, and
//! prints neither parameters nor results.

mod connection;
mod message;
mod pipe;
mod socket;

pub use connection::{Attached, Connection, Pending, SessionEvents};
pub use message::Event;
pub use pipe::over_pipe;
pub use socket::over_socket;
