//! The code's step (CONTRACT 3.2, 3.3): `_m_c` for a mailed code, `_c` for an SMS. Right, wrong, dead, too late, too often.
//! It must not accept one kind of code in place of the other.

use super::{Attempt, body::LoginBody, outcome::Outcome};
use crate::{
    account::{Behaviour, identity, masked_email},
    clock::seconds,
    counters::count,
    inbox::Channel,
    session::{Challenge, LoginSession, LoginState, Stage},
};
use std::sync::Arc;

/// Replaced codes that are told apart from wrong ones.
const DEAD_CODES: usize = 16;

/// `{"_u", "_m_c", "_r_d"}`.
pub(super) fn mail(attempt: &Attempt<'_>, body: &LoginBody) -> Outcome {
    let session = attempt.known_session().or_else(|| without_cookie(attempt, body));
    let Some(session) = session else { return Outcome::failed() };
    let mut state = session.state.lock();
    let Stage::Code(challenge) = &mut state.stage else { return Outcome::failed() };
    if challenge.channel != Channel::Email || !is_for(attempt, challenge, body) {
        return Outcome::failed();
    }
    challenge.remember = body.truth("_r_d").unwrap_or(challenge.remember);
    let code = body.text("_m_c").unwrap_or_default();
    judge(attempt, &session, &mut state, &code)
}

/// `{"_c"}`.
pub(super) fn sms(attempt: &Attempt<'_>, body: &LoginBody) -> Outcome {
    let Some(session) = attempt.known_session() else { return Outcome::failed() };
    let mut state = session.state.lock();
    match &state.stage {
        Stage::Code(challenge) if challenge.channel == Channel::Sms => {}
        _ => return Outcome::failed(),
    }
    let code = body.text("_c").unwrap_or_default();
    judge(attempt, &session, &mut state, &code)
}

/// Without the cookie, where the knob allows it: the newest login of the account that waits for a mailed code.
fn without_cookie(attempt: &Attempt<'_>, body: &LoginBody) -> Option<Arc<LoginSession>> {
    if attempt.knobs.code.mail_needs_cookie {
        return None;
    }
    let waits = |session: &Arc<LoginSession>| match &session.state.lock().stage {
        Stage::Code(challenge) if challenge.channel == Channel::Email && is_for(attempt, challenge, body) => {
            Some(challenge.sent_at)
        }
        _ => None,
    };
    let sessions = attempt.world.logins.values().into_iter();
    sessions
        .filter_map(|session| waits(&session).map(|at| (at, session)))
        .max_by_key(|(at, _)| *at)
        .map(|(_, s)| s)
}

/// Whether `_u` names the challenge's account: its e-mail, or the masked one where the knob allows it.
pub(super) fn is_for(attempt: &Attempt<'_>, challenge: &Challenge, body: &LoginBody) -> bool {
    let name = identity(&body.text("_u").unwrap_or_default());
    name == identity(&challenge.to)
        || attempt.knobs.code.accept_masked_email && name == identity(&masked_email(&challenge.to))
}

/// Holds a code against the challenge.
fn judge(attempt: &Attempt<'_>, session: &Arc<LoginSession>, state: &mut LoginState, code: &str) -> Outcome {
    let Stage::Code(challenge) = &mut state.stage else { return Outcome::failed() };
    let knobs = &attempt.knobs.code;
    let slow = challenge.account.as_ref().is_some_and(|account| account.spec.behaviour == Behaviour::Slow);
    let (lifetime, wrong) = match challenge.channel {
        Channel::Email => (knobs.mail_seconds, knobs.wrong_mail.as_str()),
        Channel::Sms => (knobs.sms_seconds, knobs.wrong_sms.as_str()),
    };
    if attempt.now >= challenge.since.saturating_add(seconds(knobs.login_seconds)) {
        state.stage = Stage::Anonymous;
        return Outcome::error(knobs.error_status, "TIMEOUT_EXCEEDED").slow(slow);
    }
    let code = code.trim();
    let right = !challenge.code.is_empty() && challenge.code == code;
    let dead = challenge.dead.iter().any(|dead| dead == code);
    let late = attempt.now >= challenge.sent_at.saturating_add(seconds(lifetime));
    if dead || right && late {
        count(&attempt.world.tally.wrong_codes);
        return Outcome::error(knobs.error_status, &knobs.expired).slow(slow);
    }
    if let (true, Some(account)) = (right, challenge.account.clone()) {
        let device = challenge.remember.then(|| attempt.world.chance.uuid());
        if let Some(device) = &device {
            let until = attempt.now.saturating_add(seconds(knobs.device_seconds));
            account.remember_device(device.clone(), until);
        }
        return attempt.finish(session, state, account).with_device(device).slow(slow);
    }
    count(&attempt.world.tally.wrong_codes);
    challenge.attempts_left -= 1;
    if challenge.attempts_left == 0 {
        state.stage = Stage::Anonymous;
        return Outcome::error(knobs.error_status, "MFA_CODE_ATTEMPT_LIMIT").slow(slow);
    }
    let status = if wrong == "FAILED" { 401 } else { knobs.error_status };
    Outcome::error(status, wrong).slow(slow)
}

/// Makes the code that still waits in a stage a dead one of the challenge that takes its place.
pub(super) fn replace(stage: &mut Stage, by: &mut Challenge) {
    if let Stage::Code(old) = stage
        && old.to == by.to
    {
        by.dead = std::mem::take(&mut old.dead);
        retire(by, std::mem::take(&mut old.code));
    }
}

/// Remembers a code that a newer one replaced.
pub(super) fn retire(challenge: &mut Challenge, code: String) {
    challenge.dead.push(code);
    challenge.dead.retain(|dead| *dead != challenge.code && !dead.is_empty());
    if challenge.dead.len() > DEAD_CODES {
        challenge.dead.remove(0);
    }
}
