//! One sample of every state, and of every challenge in it. Questions were asked at 01:00: another code may be had from
//! 02:00, an answer is taken until 11:00.

use kaspi_auth_core::Code;
use kaspi_auth_core::login::{
    Challenge, Channel, CodeChallenge, Failure, LoginState, MerchantChallenge, MerchantStage, PersonChallenge,
};

use crate::samples::{at, listed, store, uid, variants};

variants! {
    /// Every variant of a state.
    STATES, state_variant, LoginState:
    Queued => "queued",
    Opening => "opening",
    Submitting => "submitting",
    Awaiting => "awaiting",
    Verifying => "verifying",
    Finishing => "finishing",
    Succeeded => "succeeded",
    Failed => "failed",
    Expired => "expired",
    Cancelled => "cancelled",
}

variants! {
    /// Every variant of a challenge.
    CHALLENGES, challenge_variant, Challenge:
    Code => "code",
    Merchant => "merchant",
    Captcha => "captcha",
    Takeover => "takeover",
}

/// Every sample, by the name that the tables use.
pub fn samples() -> Vec<(&'static str, LoginState)> {
    let awaiting = |challenge| LoginState::Awaiting { challenge };
    let verifying = |challenge, merchant| LoginState::Verifying { challenge, merchant };
    vec![
        ("queued", LoginState::Queued),
        ("opening", LoginState::Opening),
        ("submitting", LoginState::Submitting),
        ("awaiting_code", awaiting(code(5))),
        ("awaiting_code, last attempt", awaiting(code(1))),
        ("awaiting_merchant, during login", awaiting(merchant(MerchantStage::DuringLogin))),
        ("awaiting_merchant, after login", awaiting(merchant(MerchantStage::AfterLogin))),
        ("awaiting_captcha", awaiting(Challenge::Captcha(person()))),
        ("awaiting_takeover", awaiting(Challenge::Takeover(person()))),
        ("verifying, code", verifying(code(5), None)),
        ("verifying, code, last attempt", verifying(code(1), None)),
        ("verifying, merchant", verifying(merchant(MerchantStage::DuringLogin), Some(uid("11")))),
        ("finishing", LoginState::Finishing { merchant: None }),
        ("finishing, merchant named", LoginState::Finishing { merchant: Some(uid("11")) }),
        ("succeeded", LoginState::Succeeded { store: store() }),
        ("failed", LoginState::Failed { failure: Failure::from(Code::InvalidCredentials) }),
        ("expired", LoginState::Expired),
        ("cancelled", LoginState::Cancelled),
    ]
}

fn code(attempts_left: u32) -> Challenge {
    Challenge::Code(CodeChallenge {
        channel: Channel::Email,
        destination_masked: "m***@example.kz".to_owned(),
        sent_at: at(1, 0),
        expires_at: at(11, 0),
        attempts_left,
        resend_after: at(2, 0),
        last_error: None,
    })
}

fn merchant(stage: MerchantStage) -> Challenge {
    let merchants = listed();
    Challenge::Merchant(MerchantChallenge {
        stage,
        merchants,
        sent_at: at(1, 0),
        expires_at: at(11, 0),
        last_error: None,
    })
}

fn person() -> PersonChallenge {
    PersonChallenge { instruction: "Read the picture.".to_owned(), sent_at: at(1, 0), expires_at: at(11, 0) }
}
