//! The login host (idmc): its router and the endpoint that takes every step of a login (CONTRACT 3.2, 3.3).
//! It must not open cabinet sessions: the way there is OAuth2.

pub(crate) mod assets;
pub(crate) mod authorize;
mod body;
mod captcha;
mod choice;
mod code;
mod outcome;
mod page;
mod password;
mod phone;
mod proof;
mod resend;

use self::{
    body::{LoginBody, Step},
    outcome::Outcome,
};
pub(crate) use self::{outcome::wall, page::html};
use crate::{
    account::{Account, Grant},
    clock::{Millis, seconds},
    cookies,
    counters::count,
    host::{Here, Origins},
    inbox::Channel,
    knobs::{Knobs, RedirectUrl, SavedRedirectUrl, WithoutScript},
    reply,
    session::{Challenge, LoginSession, LoginState, Stage},
    visitors::Peer,
    world::World,
};
use axum::{
    Extension, Router,
    body::Bytes,
    extract::State,
    response::Response,
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header};
use std::{sync::Arc, time::Duration};

/// Valid values of `MS_AUTH_SSO` that one login keeps while it is not confirmed.
const TOKENS: usize = 32;

/// The paths of the login host.
pub(crate) fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/", get(page::landing))
        .route("/login", get(page::login))
        .route("/oauth2/authorize", get(authorize::authorize))
        .route("/api/p/login", post(sign_in))
        .route("/api/p/mfa/send", post(resend::resend))
        .route("/captcha", get(captcha::frame))
        .route("/captcha/picture", get(captcha::picture))
        .route("/captcha/answer", post(captcha::answer))
        .route("/captcha/state", get(captcha::state))
        .merge(assets::router())
        .with_state(world)
}

/// `POST /api/p/login`.
async fn sign_in(
    State(world): State<Arc<World>>,
    Extension(here): Extension<Here>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let knobs = world.knobs();
    if knobs.login.strict_headers && !comes_from_portal(&headers, &here.origins) {
        return reply::empty(StatusCode::FORBIDDEN);
    }
    if captcha::stops(&world, &knobs, &headers) {
        return wall(StatusCode::FORBIDDEN);
    }
    if !proof::is_shown(&headers) {
        match knobs.login.without_script {
            WithoutScript::Served => {}
            WithoutScript::Wall => return wall(StatusCode::FORBIDDEN),
            WithoutScript::CaptchaPage => return outcome::captcha_wall(StatusCode::FORBIDDEN),
            WithoutScript::CaptchaCode => {
                return Outcome::error(401, "CAPTCHA_REQUIRED").into_response(&knobs, here.secure);
            }
        }
    }
    // Read as JSON whatever its type says; anything else is a failure of the server (CONTRACT 3.2).
    let Some(body) = LoginBody::parse(&body) else { return reply::server_error("/api/p/login") };
    let (step, now) = (body.step(), world.clock.now());
    if matches!(step, Step::Password | Step::Phone)
        && !world.visitors.admit(peer, now, knobs.login.per_minute)
    {
        return wall(reply::status(knobs.login.per_minute_status));
    }
    let attempt = Attempt { world: &world, knobs: &knobs, origins: &here.origins, headers: &headers, now };
    let outcome = match step {
        Step::Choice => choice::choose(&attempt, &body),
        Step::MailCode => code::mail(&attempt, &body),
        Step::SmsCode => code::sms(&attempt, &body),
        Step::Phone => phone::start(&attempt, &body),
        Step::Password => password::check(&attempt, &body),
    };
    if outcome.slow {
        tokio::time::sleep(Duration::from_millis(knobs.login.slow_millis)).await;
    }
    outcome.into_response(&knobs, here.secure)
}

fn comes_from_portal(headers: &HeaderMap, origins: &Origins) -> bool {
    [header::ORIGIN, header::REFERER].into_iter().filter_map(|name| headers.get(name)?.to_str().ok()).any(
        |value| {
            [&origins.login, &origins.site].into_iter().any(|origin| {
                value
                    .strip_prefix(origin.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        },
    )
}

/// One request to the login endpoint.
struct Attempt<'a> {
    world: &'a World,
    knobs: &'a Knobs,
    origins: &'a Origins,
    headers: &'a HeaderMap,
    now: Millis,
}

impl Attempt<'_> {
    /// The request's login session, or a new one.
    fn session(&self) -> Arc<LoginSession> {
        self.known_session().unwrap_or_default()
    }

    /// The request's login session.
    fn known_session(&self) -> Option<Arc<LoginSession>> {
        self.world.login_session(self.headers).map(|(session, _)| session)
    }

    /// Whether the request comes from a device that the account remembers.
    fn is_remembered(&self, account: &Account) -> bool {
        let name = self.knobs.cookie.device_name.as_str();
        cookies::values(self.headers, name).any(|device| account.knows_device(device, self.now))
    }

    /// A new value of `MS_AUTH_SSO`. The old ones stay good until the login is confirmed (CONTRACT 3.4).
    fn rotate(&self, session: &Arc<LoginSession>, state: &mut LoginState, confirmed: bool) -> String {
        let token = self.world.chance.token();
        let gone =
            if confirmed { state.tokens.len() } else { (state.tokens.len() + 1).saturating_sub(TOKENS) };
        for old in state.tokens.drain(..gone) {
            self.world.logins.take(&old);
        }
        state.tokens.push(token.clone());
        self.world.logins.put(&token, Arc::clone(session));
        token
    }

    /// Sends a code and waits for it, unless too many were sent.
    fn challenge(
        &self,
        channel: Channel,
        account: &Arc<Account>,
        to: &str,
        remember: bool,
        since: Millis,
    ) -> Result<Challenge, Outcome> {
        if let Some(wait) = account.state.lock().flooded(self.now, &self.knobs.code) {
            return Err(Outcome::flood("MFA_SEND_FLOOD", wait));
        }
        Ok(Challenge {
            channel,
            account: Some(Arc::clone(account)),
            to: to.to_owned(),
            code: self.send(channel, account, to),
            dead: Vec::new(),
            sent_at: self.now,
            since,
            attempts_left: self.knobs.code.attempts.max(1),
            remember,
        })
    }

    /// The flood that befalls an account: its own seconds, or the knob's.
    fn flooded(&self, break_seconds: Option<u64>) -> Outcome {
        Outcome::flood("MFA_SEND_FLOOD", break_seconds.unwrap_or(self.knobs.code.break_seconds))
    }

    /// Puts a new code into the inbox.
    fn send(&self, channel: Channel, account: &Account, to: &str) -> String {
        let number = account.tally.codes_sent.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (tally, chance) = (&self.world.tally, &self.world.chance);
        let (counter, code) = match channel {
            Channel::Email => (&tally.mailed_codes, chance.mail_code(to, number)),
            Channel::Sms => (&tally.sms_codes, chance.sms_code(to, number, self.knobs.code.sms_digits())),
        };
        count(counter);
        self.world.inbox.send_code(channel, to, &code, self.now);
        code
    }

    /// What follows right credentials: the choice of a merchant, or the end of the login.
    fn finish(&self, session: &Arc<LoginSession>, state: &mut LoginState, account: Arc<Account>) -> Outcome {
        let grant = Grant { account, chosen: None };
        if grant.account.spec.choice && grant.merchants().count() > 1 {
            let su = choice::offer(&grant, self.knobs.login.su);
            state.stage = Stage::Choice { grant, since: self.now };
            return Outcome::choice(&su).with_sso(self.rotate(session, state, false));
        }
        self.sign_in(session, state, grant)
    }

    /// The end of a login.
    fn sign_in(&self, session: &Arc<LoginSession>, state: &mut LoginState, grant: Grant) -> Outcome {
        count(&self.world.tally.logins);
        count(&grant.account.tally.logins);
        let until = self.now.saturating_add(seconds(self.knobs.login.sso_seconds));
        state.stage = Stage::SignedIn { grant, until };
        let token = self.rotate(session, state, true);
        Outcome::done(&self.redirect_url(state.saved_request.take())).with_sso(token)
    }

    /// `redirectUrl` (CONTRACT 3.3): the saved authorization request as its knob says, or the other knob's value.
    fn redirect_url(&self, saved: Option<String>) -> String {
        let knobs = &self.knobs.login;
        let origin = match knobs.saved_redirect_url {
            SavedRedirectUrl::Relative => Some(""),
            SavedRedirectUrl::Absolute => Some(self.origins.login.as_str()),
            SavedRedirectUrl::Ignored => None,
        };
        match (saved, origin, knobs.redirect_url) {
            (Some(query), Some(origin), _) => format!("{origin}/oauth2/authorize?{query}&continue"),
            (_, _, RedirectUrl::Continue) => "/?continue".to_owned(),
            (_, _, RedirectUrl::Root) => "/".to_owned(),
        }
    }
}
