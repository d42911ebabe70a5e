//! What holds for any sequence of events at any times, also for those that no engine would send.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::Code;
use kaspi_auth_core::login::{
    Answer, Challenge, Channel, Driver, Effect, EngineChoice, Event, Failure, LastError, Limits, Login,
    LoginState, Step, StepError, step,
};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::samples::{Wish, at, listed, login, store, uid};

/// Raw material of one event: which, with what in it, and when.
type Dice = (u8, u8, u16);

/// Every event there is, with `detail` deciding what is in it.
fn events(detail: u8, moment: Timestamp) -> Vec<Event> {
    let odd = detail % 2 == 1;
    let merchants = if detail.is_multiple_of(8) { vec![] } else { listed() };
    let codes = [Code::CodeRejected, Code::CodeExpired, Code::PortalRateLimited];
    let error = LastError { code: codes[usize::from(detail) % codes.len()], portal_message: None };
    let chosen = uid(["11", "22", "99"][usize::from(detail) % 3]);
    vec![
        Event::Start,
        Event::Opened,
        Event::CodeSent { channel: Channel::Email, destination_masked: "m***@example.kz".into() },
        Event::MerchantAsked(merchants.clone()),
        Event::PersonAsked { captcha: odd, instruction: String::new() },
        Event::Unfit(Failure::from(Code::PortalChanged)),
        Event::HolderLost,
        Event::Accepted,
        Event::SeveralMerchants(merchants),
        Event::Answered(Answer::code("123456").unwrap()),
        Event::Answered(Answer::Merchant(chosen)),
        Event::AnswerRejected(error.clone()),
        Event::ResendAsked,
        Event::Resent,
        Event::ResendRefused { error, until: odd.then_some(moment) },
        Event::Saved(store()),
        Event::Failed(Failure::from(Code::PortalUnavailable)),
        Event::Cancelled,
        Event::Tick,
        Event::Lost,
    ]
}

/// Any event at any moment: mostly within the login's life, now and then at an end of time.
fn thrown((which, detail, time): Dice) -> (Event, Timestamp) {
    let now = match time % 64 {
        0 => Timestamp::MAX,
        1 => Timestamp::MIN,
        2 => at(20, 0) - SignedDuration::from_nanos(1),
        3 => at(20, 0),
        _ => at(0, i64::from(time) / 60),
    };
    let mut all = events(detail, now);
    (all.swap_remove(usize::from(which) % all.len()), now)
}

/// Limits as an operator might set them, and worse.
fn limits() -> impl Strategy<Value = Limits> {
    let worst = SignedDuration::MAX;
    let worst = Limits { login: worst, input: worst, resend: worst, attempts: 0 };
    prop_oneof![9 => Just(Limits::default()), 1 => Just(worst)]
}

/// A way through the flow: the steps that were taken, each with the login before it, the event and the time.
struct Way {
    steps: Vec<(Login, Event, Timestamp, Step)>,
    end: Login,
    limits: Limits,
}

/// Any way. Events that end every login would end most ways at once, so that three in four of them are left out.
fn way() -> impl Strategy<Value = Way> {
    let dice = prop::collection::vec(any::<Dice>(), 0..160);
    (select(Wish::ALL.to_vec()), limits(), dice).prop_map(|(wish, limits, dice)| {
        let mut end = login(LoginState::Queued, wish);
        let mut steps = Vec::new();
        for (place, dice) in dice.into_iter().enumerate() {
            let (event, now) = thrown(dice);
            let ends = matches!(
                event,
                Event::Failed(_) | Event::Cancelled | Event::Tick | Event::Lost | Event::HolderLost
            );
            if ends && !place.is_multiple_of(4) {
                continue;
            }
            if let Ok(taken) = step(&end, event.clone(), now, &limits) {
                let before = std::mem::replace(&mut end, taken.login.clone());
                steps.push((before, event, now, taken));
            }
        }
        Way { steps, end, limits }
    })
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (before, event, now, step) in &self.steps {
            writeln!(
                f,
                "{now} {} | {event:?} -> {} {:?}",
                before.state.name(),
                step.login.state.name(),
                step.effects
            )?;
        }
        write!(f, "{:?}", self.end.state)
    }
}

fn attempts_left(state: &LoginState) -> Option<u32> {
    match state.challenge() {
        Some(Challenge::Code(code)) => Some(code.attempts_left),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn an_ended_login_takes_nothing(way in way(), dice in any::<Dice>()) {
        for (before, ..) in &way.steps {
            prop_assert!(!before.state.is_terminal());
        }
        if way.end.state.is_terminal() {
            let (event, now) = thrown(dice);
            prop_assert!(step(&way.end, event, now, &way.limits).is_err());
        }
    }

    #[test]
    fn an_engine_sends_the_credentials_at_most_once_and_a_lost_node_ends_what_it_had_sent(way in way()) {
        for driver in [Driver::Direct, Driver::Browser] {
            let sends = |step: &Step| step.effects.contains(&Effect::Submit) && step.login.driver == driver;
            prop_assert!(way.steps.iter().filter(|(.., step)| sends(step)).count() <= 1, "{driver:?}");
        }
        for (before, event, _, step) in &way.steps {
            let on_its_way = matches!(before.state, LoginState::Submitting | LoginState::Verifying { .. });
            if on_its_way && matches!(event, Event::Lost) {
                prop_assert_eq!(step.login.state.name(), "failed");
            }
        }
    }

    #[test]
    fn a_browser_takes_over_once_and_only_from_a_direct_login_that_may_be_driven_by_anything(way in way()) {
        let changes = way.steps.iter().filter(|(before, .., step)| before.driver != step.login.driver);
        let mut count = 0;
        for (before, event, _, step) in changes {
            count += 1;
            prop_assert!(matches!(event, Event::Unfit(_)), "{event:?}");
            prop_assert_eq!((before.engine, before.driver), (EngineChoice::Auto, Driver::Direct));
            prop_assert_eq!(&step.effects, &[Effect::Open]);
        }
        prop_assert!(count <= 1);
    }

    #[test]
    fn a_page_is_watched_exactly_while_a_person_is_asked(way in way()) {
        for (.., event, _, step) in &way.steps {
            let asks_person =
                matches!(step.login.state.challenge(), Some(Challenge::Captcha(_) | Challenge::Takeover(_)));
            let watches = step.effects.contains(&Effect::Watch);
            prop_assert_eq!(watches, asks_person && step.login.state.is_awaiting(), "{:?}", event);
        }
    }

    #[test]
    fn only_a_login_that_is_taken_over_loses_its_holder(way in way()) {
        for (before, event, _, step) in &way.steps {
            prop_assert!(before.holder == step.login.holder || matches!(event, Event::Lost), "{event:?}");
        }
    }

    #[test]
    fn an_answer_goes_to_the_portal_once_for_each_that_was_given_or_known(way in way()) {
        for (_, event, _, step) in &way.steps {
            let sent = step.effects.iter().filter(|effect| matches!(effect, Effect::Answer(_))).count();
            let cause = matches!(event, Event::Answered(_) | Event::MerchantAsked(_));
            prop_assert!(sent <= usize::from(cause), "{event:?} sent {sent} answers");
        }
    }

    #[test]
    fn attempts_grow_with_a_new_code_only(way in way()) {
        for (before, event, _, step) in &way.steps {
            if let (Some(had), Some(has)) = (attempts_left(&before.state), attempts_left(&step.login.state)) {
                prop_assert!(has <= had || matches!(event, Event::CodeSent { .. }), "{event:?}: {had} -> {has}");
            }
        }
    }

    #[test]
    fn no_question_outlives_its_login(way in way()) {
        for (.., step) in &way.steps {
            if let Some(challenge) = step.login.state.challenge() {
                prop_assert!(challenge.expires_at() <= step.login.expires_at);
            }
        }
    }

    #[test]
    fn time_ends_every_login_and_an_exchange_ends_by_its_own(way in way()) {
        match &way.end.state {
            state if state.is_terminal() => {}
            LoginState::Submitting | LoginState::Verifying { .. } => {
                let ticked = step(&way.end, Event::Tick, way.end.expires_at, &way.limits);
                prop_assert_eq!(ticked.unwrap_err(), StepError::InExchange);
                for end in [Event::Lost, Event::Failed(Code::PortalUnavailable.into())] {
                    let ended = step(&way.end, end, way.end.expires_at, &way.limits).unwrap();
                    prop_assert_eq!(ended.login.state.name(), "failed");
                }
            }
            _ => {
                let ended = step(&way.end, Event::Tick, way.end.expires_at, &way.limits).unwrap();
                prop_assert_eq!(ended.login.state, LoginState::Expired);
            }
        }
        if let LoginState::Awaiting { challenge } = &way.end.state {
            prop_assert!(step(&way.end, Event::Tick, challenge.expires_at(), &way.limits).is_ok());
        }
    }

    #[test]
    fn whoever_runs_has_something_to_do_and_whoever_ended_has_not(way in way()) {
        for (.., step) in &way.steps {
            let work = step.effects.iter().any(|effect| *effect != Effect::GiveUp);
            if step.login.state.is_running() {
                prop_assert!(work, "{:?} would hang", step.login.state);
            }
            if step.login.state.is_terminal() {
                prop_assert!(!work, "{:?} does {:?}", step.login.state, step.effects);
            }
        }
    }

    #[test]
    fn nothing_secret_is_begun_when_the_time_is_over(way in way()) {
        for (before, _, now, step) in &way.steps {
            let begun = step.effects.iter().any(|effect| matches!(effect, Effect::Open | Effect::Submit | Effect::Resend));
            prop_assert!(!begun || *now < before.expires_at);
        }
    }

    #[test]
    fn what_is_wanted_never_changes_once_it_is_known(way in way()) {
        for (before, _, _, step) in &way.steps {
            prop_assert!(before.wanted.is_none() || before.wanted == step.login.wanted);
            prop_assert!(!before.code_verified || step.login.code_verified);
        }
    }
}

#[test]
fn the_ways_lead_everywhere() {
    let mut runner = TestRunner::deterministic();
    let mut met = BTreeSet::new();
    for _ in 0..500 {
        let way = way().new_tree(&mut runner).unwrap().current();
        met.extend(way.steps.iter().map(|(.., step)| step.login.state.name()));
    }
    let missed: Vec<_> = LoginState::NAMES.iter().filter(|name| !met.contains(*name)).collect();
    assert_eq!(missed, [&"queued"], "a login leaves queued and never returns");
}
