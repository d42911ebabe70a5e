//! The password's step (CONTRACT 3.2, 3.3): right, wrong, locked, refused, or followed by a mailed code.
//! It must not tell an unknown e-mail from a wrong password, unless a knob says so.

use super::{Attempt, body::LoginBody, outcome::Outcome, proof};
use crate::{
    account::{Account, Behaviour, CodeRule, masked_email},
    clock::seconds,
    counters::count,
    inbox::Channel,
    knobs::{NoMerchants, NoPermissions},
    session::Stage,
};
use std::sync::Arc;

/// `{"_u", "_p", "_r_d"}`.
pub(super) fn check(attempt: &Attempt<'_>, body: &LoginBody) -> Outcome {
    let tally = &attempt.world.tally;
    let password = body.text("_p");
    if password.is_some() {
        count(&tally.passwords);
    }
    // A phone's account has no password, whatever is typed.
    let email = body.text("_u").filter(|email| email.contains('@'));
    let account = email
        .as_ref()
        .and_then(|email| attempt.world.accounts.find(email))
        .filter(|account| account.spec.email.is_some());
    let Some(account) = account else {
        if password.is_none() {
            return Outcome::wrong_credentials();
        }
        count(&tally.wrong_passwords);
        return match email {
            Some(_) => Outcome::error(401, &attempt.knobs.login.unknown_email),
            None => Outcome::wrong_credentials(),
        };
    };
    let slow = account.spec.behaviour == Behaviour::Slow;
    let Some(password) = password else { return Outcome::wrong_credentials().slow(slow) };
    count(&account.tally.passwords);
    match account.spec.behaviour {
        Behaviour::Wall => return Outcome::wall(),
        Behaviour::WallWithoutScript if !proof::is_shown(attempt.headers) => return Outcome::wall(),
        Behaviour::Broken => return Outcome::broken(),
        _ => {}
    }
    if let Some(refusal) = lock(attempt, &account, &password) {
        return refusal.slow(slow);
    }
    accept(attempt, body, account).slow(slow)
}

/// Holds the password against the account and its lock.
fn lock(attempt: &Attempt<'_>, account: &Account, password: &str) -> Option<Outcome> {
    let knobs = &attempt.knobs.login;
    let mut state = account.state.lock();
    if let Some(until) = state.locked_until {
        if attempt.now < until {
            let wait = (until - attempt.now).div_ceil(1_000);
            return Some(if knobs.lock_tells_break_time {
                Outcome::error_with_wait(401, &knobs.lock_error, wait)
            } else {
                Outcome::error(401, &knobs.lock_error)
            });
        }
        state.locked_until = None;
        state.wrong_passwords = 0;
    }
    if account.password_is(password) {
        state.wrong_passwords = 0;
        return None;
    }
    count(&attempt.world.tally.wrong_passwords);
    count(&account.tally.wrong_passwords);
    state.wrong_passwords = state.wrong_passwords.saturating_add(1);
    let limit = account.spec.lock_after.unwrap_or(knobs.lock_after);
    if limit > 0 && state.wrong_passwords >= limit {
        state.locked_until = Some(attempt.now.saturating_add(seconds(knobs.lock_seconds)));
    }
    Some(Outcome::wrong_credentials())
}

/// What follows a right password.
fn accept(attempt: &Attempt<'_>, body: &LoginBody, account: Arc<Account>) -> Outcome {
    match account.spec.behaviour {
        Behaviour::Flood { break_seconds } => return attempt.flooded(break_seconds),
        Behaviour::ChangedAnswer => return Outcome::changed(),
        _ => {}
    }
    if let Some(refusal) = without_shops(attempt, &account) {
        return refusal;
    }
    let session = attempt.session();
    let mut state = session.state.lock();
    let needs_code = match account.spec.code {
        CodeRule::Never => false,
        CodeRule::UnlessRemembered => !attempt.is_remembered(&account),
        CodeRule::Always => true,
    };
    if !needs_code {
        return attempt.finish(&session, &mut state, account);
    }
    let email = account.spec.email.clone().unwrap_or_default();
    let remember = body.truth("_r_d").unwrap_or_default();
    let mut challenge = match attempt.challenge(Channel::Email, &account, &email, remember, attempt.now) {
        Ok(challenge) => challenge,
        Err(flood) => return flood,
    };
    super::code::replace(&mut state.stage, &mut challenge);
    state.stage = Stage::Code(Box::new(challenge));
    let token = attempt.rotate(&session, &mut state, false);
    let shown = if attempt.knobs.code.mask_email { masked_email(&email) } else { email };
    Outcome::mailed(&shown).with_sso(token)
}

/// The refusal of an account without rights or without merchants, where their knobs say so.
pub(super) fn without_shops(attempt: &Attempt<'_>, account: &Account) -> Option<Outcome> {
    let knobs = &attempt.knobs.login;
    if account.spec.behaviour == Behaviour::InsufficientPermissions
        && knobs.no_permissions == NoPermissions::Refused
    {
        return Some(Outcome::error(knobs.refusal_status, "INSUFFICIENT_PERMISSIONS"));
    }
    (account.spec.merchants.is_empty() && knobs.no_merchants == NoMerchants::Refused)
        .then(|| Outcome::error(knobs.refusal_status, "NO_MERCHANTS"))
}
