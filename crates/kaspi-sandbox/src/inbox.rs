//! Mail and SMS that the portal "sends". Bounded: the oldest messages go first.
//! It must not send anything anywhere.

use crate::clock::{Millis, timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// How many messages are kept.
const CAPACITY: usize = 50_000;

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// A mail.
    Email,
    /// A text message.
    Sms,
}

/// A message that the portal "sent".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Counts from 1 since the start or the last reset.
    pub id: u64,
    /// Mail or SMS.
    pub channel: Channel,
    /// The e-mail address, or the phone as `+7 (7XX) XXX-XX-XX`.
    pub to: String,
    /// Empty for an SMS.
    pub subject: String,
    /// The text; a new employee's mail is HTML (CONTRACT 2.6).
    pub body: String,
    /// The code in it, if there is one.
    pub code: Option<String>,
    /// On the sandbox's clock.
    pub sent_at: jiff::Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    boxes: Mutex<Boxes>,
}

#[derive(Debug, Default)]
struct Boxes {
    last: u64,
    all: VecDeque<Arc<Message>>,
    by_destination: HashMap<String, VecDeque<Arc<Message>>>,
}

impl Inbox {
    /// Puts a code's message in (texts of CONTRACT 2.6).
    pub(crate) fn send_code(&self, channel: Channel, to: &str, code: &str, now: Millis) {
        let (subject, body) = match channel {
            Channel::Email => ("Код подтверждения (SANDBOX)", format!("Ваш код подтверждения: {code}")),
            Channel::Sms => ("", format!("SANDBOX: код для входа {code}")),
        };
        self.put(channel, to, subject, body, Some(code.to_owned()), now);
    }

    /// Puts a message in.
    pub(crate) fn put(
        &self,
        channel: Channel,
        to: &str,
        subject: &str,
        body: String,
        code: Option<String>,
        now: Millis,
    ) {
        let mut boxes = self.boxes.lock();
        boxes.last += 1;
        let message = Arc::new(Message {
            id: boxes.last,
            channel,
            to: to.to_owned(),
            subject: subject.to_owned(),
            body,
            code,
            sent_at: timestamp(now),
        });
        boxes.by_destination.entry(key(to)).or_default().push_back(Arc::clone(&message));
        boxes.all.push_back(message);
        if boxes.all.len() > CAPACITY {
            boxes.drop_oldest();
        }
    }

    /// Messages, oldest first; those to one destination, however it is written, or all.
    pub(crate) fn list(&self, destination: Option<&str>) -> Vec<Message> {
        let boxes = self.boxes.lock();
        let messages = match destination {
            Some(destination) => boxes.by_destination.get(&key(destination)),
            None => Some(&boxes.all),
        };
        messages.into_iter().flatten().map(|message| Message::clone(message)).collect()
    }

    /// Empties it.
    pub(crate) fn clear(&self) {
        *self.boxes.lock() = Boxes::default();
    }
}

impl Boxes {
    fn drop_oldest(&mut self) {
        let Some(oldest) = self.all.pop_front() else { return };
        let key = key(&oldest.to);
        if let Some(own) = self.by_destination.get_mut(&key) {
            own.pop_front();
            if own.is_empty() {
                self.by_destination.remove(&key);
            }
        }
    }
}

fn key(destination: &str) -> String {
    crate::account::identity(destination)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inbox_stays_bounded() {
        let inbox = Inbox::default();
        for number in 0..CAPACITY + 10 {
            inbox.send_code(Channel::Email, &format!("{}@sandbox.test", number % 7), "ABC234", 0);
        }
        assert_eq!(inbox.list(None).len(), CAPACITY);
        assert_eq!(inbox.list(None)[0].id, 11);
        let own: usize = (0..7).map(|number| inbox.list(Some(&format!("{number}@Sandbox.test"))).len()).sum();
        assert_eq!(own, CAPACITY);
    }

    #[test]
    fn a_phone_is_found_however_it_is_written() {
        let inbox = Inbox::default();
        inbox.send_code(Channel::Sms, "+7 (700) 000-00-01", "123456", 0);
        for phone in ["77000000001", "87000000001", "+7 700 000 00 01", "7000000001"] {
            assert_eq!(inbox.list(Some(phone)).len(), 1, "{phone}");
        }
    }
}
