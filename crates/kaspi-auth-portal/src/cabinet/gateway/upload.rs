//! A caller's body on its way to the portal: counted against the limit and against its own word, never held in memory. What goes
//! wrong with it is the caller's and says nothing about the portal.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use kaspi_auth_core::{Code, Error};

/// What a caller's body may break off with.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a call.
pub enum CabinetBody {
    /// It lies in memory.
    Whole(Bytes),
    /// It comes bit by bit.
    Stream {
        /// Its length, where the caller told it: then it is sent with a `Content-Length`, and must be just as long.
        length: Option<u64>,
        /// The body.
        stream: BoxStream<'static, Result<Bytes, BodyError>>,
    },
}

const TOO_LARGE: u8 = 1;
const BROKEN_OFF: u8 = 2;

/// How the upload goes, for who waits for the answer.
#[derive(Default)]
pub(super) struct Watch {
    sent: AtomicU64,
    waits: AtomicBool,
    fault: AtomicU8,
}

impl Watch {
    /// Bytes that were handed on.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether the caller owes the next bytes.
    pub(super) fn waits_for_caller(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// What the caller did wrong.
    pub(super) fn fault(&self, limit: u64) -> Option<Error> {
        match self.fault.load(Ordering::Relaxed) {
            TOO_LARGE => Some(too_large(limit)),
            BROKEN_OFF => Some(Error::new(
                Code::InvalidRequest,
                "The request's body broke off, or is not as long as it was said to be.",
            )),
            _ => None,
        }
    }
}

pub(super) fn too_large(limit: u64) -> Error {
    Error::new(Code::PayloadTooLarge, format!("The body is larger than {limit} bytes."))
}

/// The body as the HTTP client takes it.
pub(super) struct Upload {
    stream: BoxStream<'static, Result<Bytes, BodyError>>,
    watch: Arc<Watch>,
    /// What it must come to.
    length: Option<u64>,
    limit: u64,
    ended: bool,
}

impl Upload {
    pub(super) fn new(
        stream: BoxStream<'static, Result<Bytes, BodyError>>,
        length: Option<u64>,
        limit: u64,
    ) -> (Self, Arc<Watch>) {
        let watch = Arc::new(Watch::default());
        (Self { stream, watch: Arc::clone(&watch), length, limit, ended: false }, watch)
    }

    fn break_off(&mut self, fault: u8) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.ended = true;
        self.watch.fault.store(fault, Ordering::Relaxed);
        Poll::Ready(Some(Err("the caller's body broke off".into())))
    }
}

impl Stream for Upload {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let next = self.stream.as_mut().poll_next(context);
        self.watch.waits.store(next.is_pending(), Ordering::Relaxed);
        match next {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(chunk))) => {
                let sent = self.watch.sent().saturating_add(chunk.len() as u64);
                if sent > self.limit {
                    return self.break_off(TOO_LARGE);
                }
                if self.length.is_some_and(|length| sent > length) {
                    return self.break_off(BROKEN_OFF);
                }
                self.watch.sent.store(sent, Ordering::Relaxed);
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(Some(Err(_))) => self.break_off(BROKEN_OFF),
            Poll::Ready(None) => {
                if self.length.is_some_and(|length| self.watch.sent() != length) {
                    return self.break_off(BROKEN_OFF);
                }
                self.ended = true;
                Poll::Ready(None)
            }
        }
    }
}
