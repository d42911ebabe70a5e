//! Asks a PostgreSQL server whether it takes connections: what `pg_isready` does, without needing it installed.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Whether the server on this port of the loopback lets `postgres` in.
pub fn takes_connections(port: u16) -> bool {
    ask(port).unwrap_or(false)
}

fn ask(port: u16) -> std::io::Result<bool> {
    let limit = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(&startup_message())?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    // 'R' is the answer to a login; while the server still starts or stops it answers 'E'.
    Ok(kind == *b"R")
}

/// Protocol 3.0: length of everything, version, then pairs of names and values, then an empty name.
fn startup_message() -> Vec<u8> {
    let body = b"\x00\x03\x00\x00user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [length.to_be_bytes().as_slice(), body].concat()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn answering(answer: &'static [u8]) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 41];
            stream.read_exact(&mut asked).unwrap();
            assert_eq!(asked[..8], [0, 0, 0, 41, 0, 3, 0, 0]);
            stream.write_all(answer).unwrap();
        });
        port
    }

    #[test]
    fn a_login_answer_means_ready_and_an_error_means_not_yet() {
        assert!(takes_connections(answering(b"R\0\0\0\x08\0\0\0\0")));
        assert!(!takes_connections(answering(b"E\0\0\0\x08\0\0\0\0")));
    }

    #[test]
    fn a_silent_port_means_not_yet() {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        assert!(!takes_connections(free));
    }
}
