//! A source of codes that keeps what the portal has sent, and what it was asked for.

use std::collections::VecDeque;
use std::future::{pending, ready};
use std::sync::{Arc, Mutex};

use kaspi_auth_core::Error;
use kaspi_auth_core::account::Account;
use kaspi_auth_core::login::Channel;
use kaspi_auth_core::port::{BoxFuture, Clock, CodeSource, SentCode};
use secrecy::SecretString;

use crate::house::Time;
use crate::portal::Portal;

/// Where the portal's codes arrive.
pub struct Mailbox {
    portal: Arc<Portal>,
    time: Arc<Time>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
pub struct Inner {
    /// What it reads; nothing at first.
    pub reads: Vec<Channel>,
    /// Nothing arrives.
    pub silent: bool,
    /// What it takes for the code before it finds the right one.
    pub mistakes: VecDeque<&'static str>,
    /// What it was asked for: the channel, and how many codes had been refused.
    pub asked: Vec<(Channel, u32)>,
    /// What happens elsewhere while it looks.
    pub meanwhile: Option<Box<dyn FnOnce() + Send>>,
}

impl Mailbox {
    pub fn new(portal: Arc<Portal>, time: Arc<Time>) -> Self {
        Self { portal, time, inner: Mutex::default() }
    }

    /// Looks at it, or changes it.
    pub fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.inner.lock().unwrap())
    }
}

impl CodeSource for Mailbox {
    fn name(&self) -> &'static str {
        "mailbox"
    }

    fn reads<'a>(&'a self, _: &'a Account, channel: Channel) -> BoxFuture<'a, bool> {
        Box::pin(ready(self.with(|inner| inner.reads.contains(&channel))))
    }

    fn read<'a>(&'a self, sent: SentCode<'a>) -> BoxFuture<'a, Result<Option<SecretString>, Error>> {
        assert!(sent.sent_at <= self.time.now() && self.time.now() < sent.until, "{sent:?}");
        let meanwhile = self.with(|inner| {
            inner.asked.push((sent.channel, sent.refused));
            inner.meanwhile.take()
        });
        if let Some(happens) = meanwhile {
            happens();
        }
        if self.with(|inner| inner.silent) {
            return Box::pin(pending());
        }
        let text = self.with(|inner| inner.mistakes.pop_front()).or(self.portal.with(|portal| portal.code));
        Box::pin(ready(Ok(text.map(|text| text.to_owned().into()))))
    }
}
