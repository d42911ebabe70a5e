//! An answer's body on its way to the caller: bit by bit, ended where the portal falls silent, timed by what the portal took and
//! not by how fast the caller reads. Must not hold more of it than was peeked at.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use kaspi_auth_core::{Code, Error};
use reqwest::Response;

use crate::http::{log, unavailable};
use crate::settings::{ExchangeObserver, HostRole};

/// Tells of the exchange when its body has ended, however it did.
pub(super) struct Ending {
    pub(super) observer: Option<Arc<dyn ExchangeObserver>>,
    pub(super) part: &'static str,
    /// `None`: no whole answer came.
    pub(super) status: Option<u16>,
    pub(super) elapsed: Duration,
}

impl Drop for Ending {
    fn drop(&mut self) {
        log("gateway", HostRole::Cabinet, self.part, self.status, self.elapsed);
        if let Some(observer) = &self.observer {
            observer.exchanged(HostRole::Cabinet, self.part, self.status, self.elapsed);
        }
    }
}

/// The body.
pub(super) struct Coming {
    /// `None`: it has ended.
    response: Option<Response>,
    ahead: VecDeque<Result<Bytes, Error>>,
    stall: Duration,
    ending: Ending,
}

impl Coming {
    pub(super) fn new(response: Response, stall: Duration, ending: Ending) -> Self {
        Self { response: Some(response), ahead: VecDeque::new(), stall, ending }
    }

    /// The beginning of the body: up to `limit` bytes, or what came within the time. It is streamed nevertheless.
    pub(super) async fn peek(&mut self, limit: usize) -> Vec<u8> {
        let mut seen = Vec::new();
        // Each wait is bounded by the stall's limit; together they may not take longer either.
        let within = self.stall;
        let _ = tokio::time::timeout(within, async {
            while seen.len() < limit
                && let Some(next) = self.read().await
            {
                if let Ok(chunk) = &next {
                    let room = limit - seen.len();
                    seen.extend_from_slice(&chunk[..chunk.len().min(room)]);
                }
                self.ahead.push_back(next);
            }
        })
        .await;
        seen
    }

    async fn read(&mut self) -> Option<Result<Bytes, Error>> {
        let response = self.response.as_mut()?;
        let waited = Instant::now();
        let read = tokio::time::timeout(self.stall, response.chunk()).await;
        self.ending.elapsed += waited.elapsed();
        let error = match read {
            Ok(Ok(Some(chunk))) => return Some(Ok(chunk)),
            Ok(Ok(None)) => {
                self.response = None;
                return None;
            }
            Ok(Err(error)) => unavailable(error, self.ending.part),
            Err(_) => {
                Error::new(Code::PortalUnavailable, "The portal fell silent in the middle of its answer.")
            }
        };
        self.response = None;
        self.ending.status = None;
        Some(Err(error))
    }

    /// The whole body.
    pub(super) fn stream(self) -> BoxStream<'static, Result<Bytes, Error>> {
        stream::unfold(self, |mut coming| async move {
            let next = match coming.ahead.pop_front() {
                Some(next) => next,
                None => coming.read().await?,
            };
            Some((next, coming))
        })
        .boxed()
    }
}
