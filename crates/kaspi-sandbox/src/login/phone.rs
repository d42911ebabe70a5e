//! The phone's step (CONTRACT 3.2): an SMS is sent; no password is asked for.
//! It must not need any cookie.

use super::{Attempt, body::LoginBody, outcome::Outcome, password::without_shops, proof};
use crate::{
    account::{Behaviour, masked_phone},
    inbox::Channel,
    knobs::UnknownPhone,
    session::{Challenge, Stage},
};

/// `{"_ph"}`.
pub(super) fn start(attempt: &Attempt<'_>, body: &LoginBody) -> Outcome {
    let phone = body.text("_ph").unwrap_or_default();
    let shown = masked_phone(&phone);
    let account = attempt.world.accounts.find(&phone).filter(|account| account.spec.phone.is_some());
    let Some(account) = account else { return unknown(attempt, shown) };
    let slow = account.spec.behaviour == Behaviour::Slow;
    match account.spec.behaviour {
        Behaviour::Wall => return Outcome::wall(),
        Behaviour::WallWithoutScript if !proof::is_shown(attempt.headers) => return Outcome::wall(),
        Behaviour::Broken => return Outcome::broken(),
        Behaviour::Flood { break_seconds } => return attempt.flooded(break_seconds),
        Behaviour::ChangedAnswer => return Outcome::changed(),
        Behaviour::Normal
        | Behaviour::Slow
        | Behaviour::WallWithoutScript
        | Behaviour::InsufficientPermissions
        | Behaviour::WrongPassword => {}
    }
    if let Some(refusal) = without_shops(attempt, &account) {
        return refusal.slow(slow);
    }
    let session = attempt.session();
    let mut state = session.state.lock();
    let mut challenge = match attempt.challenge(Channel::Sms, &account, &shown, false, attempt.now) {
        Ok(challenge) => challenge,
        Err(flood) => return flood.slow(slow),
    };
    super::code::replace(&mut state.stage, &mut challenge);
    state.stage = Stage::Code(Box::new(challenge));
    let token = attempt.rotate(&session, &mut state, false);
    Outcome::texted(&shown).with_sso(token).slow(slow)
}

/// A phone that has no account (CONTRACT 8.4).
fn unknown(attempt: &Attempt<'_>, shown: String) -> Outcome {
    match attempt.knobs.login.unknown_phone {
        UnknownPhone::CredentialsInvalid => Outcome::wrong_credentials(),
        UnknownPhone::Failed => Outcome::failed(),
        UnknownPhone::PhoneNotFound => Outcome::error(400, "PHONE_NOT_FOUND"),
        UnknownPhone::Pretend => {
            let session = attempt.session();
            let mut state = session.state.lock();
            let answer = Outcome::texted(&shown);
            state.stage = Stage::Code(Box::new(Challenge {
                channel: Channel::Sms,
                account: None,
                to: shown,
                code: String::new(),
                dead: Vec::new(),
                sent_at: attempt.now,
                since: attempt.now,
                attempts_left: attempt.knobs.code.attempts.max(1),
                remember: false,
            }));
            let token = attempt.rotate(&session, &mut state, false);
            answer.with_sso(token)
        }
    }
}
