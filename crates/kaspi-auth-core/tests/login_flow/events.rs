//! One sample of every event, and of every way in which its content or its moment counts.

use jiff::Timestamp;
use kaspi_auth_core::Code;
use kaspi_auth_core::login::{Answer, Channel, Event, Failure, LastError};

use crate::samples::{at, listed, store, uid, variants};

variants! {
    /// Every variant of an event.
    EVENTS, event_variant, Event:
    Start => "start",
    Opened => "opened",
    CodeSent => "code_sent",
    MerchantAsked => "merchant_asked",
    PersonAsked => "person_asked",
    Unfit => "unfit",
    HolderLost => "holder_lost",
    Accepted => "accepted",
    SeveralMerchants => "several_merchants",
    Answered => "answered",
    AnswerRejected => "answer_rejected",
    ResendAsked => "resend_asked",
    Resent => "resent",
    ResendRefused => "resend_refused",
    Saved => "saved",
    Failed => "failed",
    Cancelled => "cancelled",
    Tick => "tick",
    Lost => "lost",
}

/// An event at a moment.
pub struct Sample {
    /// Its name in the tables.
    pub name: &'static str,
    /// What it stands for.
    pub meaning: &'static str,
    /// When it happens.
    pub now: Timestamp,
    /// What happens.
    pub event: Event,
}

/// Every sample.
pub fn samples() -> Vec<Sample> {
    let sample = |name, meaning, now, event| Sample { name, meaning, now, event };
    let now = at(3, 0);
    let (input_over, login_over) = (at(11, 0), at(20, 0));
    let code = || Event::Answered(Answer::code("123456").unwrap());
    let merchant = |text| Event::Answered(Answer::Merchant(uid(text)));
    let sent = || Event::CodeSent { channel: Channel::Sms, destination_masked: "+7 (7**) ***-**-67".into() };
    let person = |captcha| Event::PersonAsked { captcha, instruction: "Look at the page.".into() };
    let unfit = || Event::Unfit(Failure::from(Code::PortalBlocked));
    let error = |code| LastError { code, portal_message: Some("the portal's words".into()) };
    let refused = |until| Event::ResendRefused { error: error(Code::PortalRateLimited), until };
    vec![
        sample("start", "a node takes the login up", now, Event::Start),
        sample("start_late", "the same after the login's end", login_over, Event::Start),
        sample("opened", "the way in is open", now, Event::Opened),
        sample("opened_late", "the same after the login's end", login_over, Event::Opened),
        sample("code_sent", "the portal sent a code", now, sent()),
        sample("code_sent_near_end", "the same with less than 10 minutes left", at(15, 0), sent()),
        sample(
            "merchant_asked",
            "the login host asks which of 11 and 22",
            now,
            Event::MerchantAsked(listed()),
        ),
        sample("merchant_asked_empty", "the same with nothing to choose", now, Event::MerchantAsked(vec![])),
        sample("captcha_asked", "the portal shows a picture", now, person(true)),
        sample("takeover_asked", "the portal shows a page that only a person can use", now, person(false)),
        sample("unfit", "the portal puts up a wall that only a browser may get past", now, unfit()),
        sample("unfit_late", "the same after the login's end", login_over, unfit()),
        sample("holder_lost", "the browser that holds the page is gone", now, Event::HolderLost),
        sample("accepted", "the login host lets the account in", now, Event::Accepted),
        sample("several", "the cabinet lists 11 and 22", now, Event::SeveralMerchants(listed())),
        sample("several_empty", "the same with nothing listed", now, Event::SeveralMerchants(vec![])),
        sample("answer_code", "the caller answers with a code", now, code()),
        sample("answer_code_late", "the same when the time for it is over", input_over, code()),
        sample("answer_listed", "the caller chooses merchant 22", now, merchant("22")),
        sample("answer_listed_late", "the same when the time for it is over", input_over, merchant("22")),
        sample("answer_unlisted", "the caller chooses merchant 99", now, merchant("99")),
        sample(
            "answer_rejected",
            "the portal refuses the answer",
            now,
            Event::AnswerRejected(error(Code::CodeRejected)),
        ),
        sample(
            "answer_expired",
            "the portal says that the code has expired",
            now,
            Event::AnswerRejected(error(Code::CodeExpired)),
        ),
        sample("resend", "the caller asks for another code", now, Event::ResendAsked),
        sample("resend_early", "the same before 02:00", at(1, 59), Event::ResendAsked),
        sample("resend_late", "the same when the time for an answer is over", input_over, Event::ResendAsked),
        sample("resent", "the portal sent another code", now, Event::Resent),
        sample("resent_near_end", "the same with less than 10 minutes left", at(15, 0), Event::Resent),
        sample("resend_refused", "the portal sends no other code yet", now, refused(None)),
        sample("resend_refused_until", "the same, and it says from when", now, refused(Some(at(8, 0)))),
        sample("saved", "the session is stored", now, Event::Saved(store())),
        sample("failed", "it cannot go on", now, Event::Failed(Failure::from(Code::PortalUnavailable))),
        sample("cancelled", "the caller gives up", now, Event::Cancelled),
        sample("tick", "time has passed", at(10, 59), Event::Tick),
        sample("tick_input_over", "the time for an answer is over", input_over, Event::Tick),
        sample("tick_login_over", "the time for the login is over", login_over, Event::Tick),
        sample("lost", "found without a living node", now, Event::Lost),
        sample("lost_late", "the same after the login's end", login_over, Event::Lost),
    ]
}
