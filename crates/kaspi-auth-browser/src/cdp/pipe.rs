//! The protocol over a pair of pipes: messages end with a zero byte. Starts no process.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::unix::pipe,
};

use super::Connection;
use crate::FarmError;

/// No message of the protocol that we ask for is as large.
const LARGEST: u64 = 64 << 20;

/// Speaks over these pipes until they close. Both must be ours alone, so that they close when we end.
pub fn over_pipe(
    mut from: BufReader<pipe::Receiver>,
    mut to: pipe::Sender,
    patience: Duration,
) -> Connection {
    let (connection, mut to_write) = Connection::new(patience);
    let writer = connection.clone();
    tokio::spawn(async move {
        let mut ended = std::pin::pin!(writer.ended());
        loop {
            let message = tokio::select! {
                message = to_write.recv() => message,
                _ = &mut ended => None,
            };
            let Some(mut message) = message else { return };
            message.push(0);
            let written = tokio::select! {
                written = to.write_all(&message) => written,
                _ = &mut ended => return,
            };
            if let Err(error) = written {
                return writer.end(lost(&error));
            }
        }
    });
    let reader = connection.clone();
    tokio::spawn(async move {
        let mut ended = std::pin::pin!(reader.ended());
        let mut message = Vec::new();
        loop {
            message.clear();
            let mut bounded = (&mut from).take(LARGEST);
            let read = tokio::select! {
                read = bounded.read_until(0, &mut message) => read,
                _ = &mut ended => return,
            };
            match read {
                Ok(_) if message.pop_if(|last| *last == 0).is_some() => reader.received(&message),
                Ok(_) => return reader.end(lost(&io::ErrorKind::UnexpectedEof.into())),
                Err(error) => return reader.end(lost(&error)),
            }
        }
    });
    connection
}

fn lost(error: &io::Error) -> FarmError {
    FarmError::BrowserLost { reason: format!("its pipe closed ({})", error.kind()) }
}
