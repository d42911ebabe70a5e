//! Logins on the wire.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kaspi_auth_core::account::{Credentials, Method};
use kaspi_auth_core::id::{LoginId, MerchantUid, UserId};
use kaspi_auth_core::login::{Answer, Challenge, Channel, LastError, Login, LoginState, WhenSeveral};
use kaspi_auth_core::logins::NewLogin;
use kaspi_auth_core::merchant::MerchantChoice;
use kaspi_auth_core::store::StoreSummary;
use kaspi_auth_core::{Code, Error};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::{PointView, points};

/// Who signs in: `email` with `password`, or `phone`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "plain@sandbox.test", "password": "sandbox-password"}))]
pub struct NewLoginBody {
    /// The e-mail address of the merchant's account.
    #[schema(min_length = 3, max_length = 254, pattern = "^[^@\\s]+@[^@\\s]+$")]
    email: Option<String>,
    /// Its password, at most 1,024 bytes.
    #[schema(value_type = Option<String>, format = Password, min_length = 1, max_length = 1024)]
    password: Option<SecretString>,
    /// The phone of the merchant's account, in any usual spelling.
    #[schema(example = "+7 (700) 000-00-01", pattern = "^[0-9 ()+-]+$")]
    phone: Option<String>,
    /// For whom the store is held: a name of your own. Left out for stores of the company's own services.
    #[schema(min_length = 1, max_length = 255)]
    user_id: Option<String>,
    /// Whether the password is kept, sealed, for signing in again. True when left out.
    store_password: Option<bool>,
    /// How the login is driven: `auto`, `direct` or `browser`. When left out: as the store says, or else the configuration.
    #[schema(value_type = Option<String>, pattern = "^(auto|direct|browser)$")]
    engine: Option<String>,
    /// The merchant that is wanted, when the account holds several.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    merchant_uid: Option<String>,
}

impl NewLoginBody {
    pub(crate) fn read(self) -> Result<NewLogin, Error> {
        let unfit = |what: String| Error::new(Code::InvalidValue, what);
        let credentials = match (self.email, self.password, self.phone) {
            (Some(email), Some(password), None) => Credentials::password(&email, password),
            (None, None, Some(phone)) => Credentials::phone(&phone),
            _ => return Err(unfit("Send either email and password, or phone.".to_owned())),
        };
        Ok(NewLogin {
            origin: kaspi_auth_core::keeping::Origin::Caller,
            code_source: None,
            credentials: credentials
                .map_err(|error| unfit(format!("The account cannot be used: {error}.")))?,
            user_id: self
                .user_id
                .as_deref()
                .map(UserId::parse)
                .transpose()
                .map_err(|error| unfit(error.to_string()))?,
            engine: self.engine.as_deref().map(super::engine).transpose()?,
            store_password: self.store_password.unwrap_or(true),
            wanted: self
                .merchant_uid
                .as_deref()
                .map(MerchantUid::parse)
                .transpose()
                .map_err(|error| unfit(error.to_string()))?,
            when_several: WhenSeveral::Ask,
        })
    }
}

/// An answer: `code` or `merchant_uid`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "123456"}))]
pub struct AnswerBody {
    /// The code as the merchant got it: 4 to 8 letters or digits.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9 -]{4,64}$")]
    code: Option<SecretString>,
    /// The chosen merchant, one of those listed.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    merchant_uid: Option<String>,
}

impl AnswerBody {
    pub(crate) fn read(self) -> Result<Answer, Error> {
        use secrecy::ExposeSecret;
        let unfit = |what: &str| Error::new(Code::InvalidValue, what);
        match (self.code, self.merchant_uid) {
            (Some(code), None) => Answer::code(code.expose_secret()).map_err(|error| unfit(error.0)),
            (None, Some(uid)) => {
                MerchantUid::parse(&uid).map(Answer::Merchant).map_err(|error| unfit(error.0))
            }
            _ => Err(unfit("Send either code or merchant_uid.")),
        }
    }
}

/// A login.
#[derive(Serialize, ToSchema)]
pub struct LoginView {
    /// Names it.
    id: Uuid,
    /// `queued`, `opening`, `submitting`, `awaiting_code`, `awaiting_merchant`, `awaiting_captcha`, `awaiting_takeover`,
    /// `verifying`, `finishing`, `succeeded`, `failed`, `expired` or `cancelled`.
    state: &'static str,
    /// `password` or `phone`.
    method: &'static str,
    /// What was asked for: `auto`, `direct` or `browser`.
    engine: &'static str,
    /// What drives it now: `direct` or `browser`.
    driver: &'static str,
    /// The egress that it keeps to; the nil UUID is the direct one.
    egress_id: Uuid,
    /// The account, starred.
    account_masked: String,
    /// For whom the store is held.
    user_id: Option<String>,
    /// What is asked, while something is.
    challenge: Option<ChallengeView>,
    /// The store, once it succeeded.
    store: Option<LoginStoreView>,
    /// Why it ended without a store. While a challenge stands, `challenge.last_error` says why the last answer did not do.
    error: Option<ErrorView>,
    /// When it was asked for.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
    /// When it ends by itself.
    expires_at: Timestamp,
}

/// What is asked of the caller. What does not belong to its kind is null.
#[derive(Serialize, ToSchema)]
pub struct ChallengeView {
    /// `code`, `merchant`, `captcha` or `takeover`.
    kind: &'static str,
    /// `email` or `sms`, for a code.
    channel: Option<&'static str>,
    /// Where the code went, starred.
    destination_masked: Option<String>,
    /// When it was asked.
    sent_at: Timestamp,
    /// Until when an answer is taken.
    expires_at: Timestamp,
    /// How many more codes are sent on to the portal.
    attempts_left: Option<u32>,
    /// From when another code may be asked for.
    resend_after: Option<Timestamp>,
    /// What there is to choose from, for a merchant.
    merchants: Option<Vec<MerchantView>>,
    /// What a person has to do, for a captcha or a takeover.
    #[serde(skip_serializing_if = "Option::is_none")]
    instruction: Option<String>,
    /// Where the picture of what that person must look at is (PNG), for a captcha or a takeover.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture_url: Option<String>,
    /// Why the last answer did not do.
    last_error: Option<ErrorView>,
}

/// A merchant to choose.
#[derive(Serialize, ToSchema)]
pub struct MerchantView {
    /// What an answer names.
    uid: String,
    /// The shop name, where it is known.
    name: Option<String>,
}

/// The store of a succeeded login.
#[derive(Serialize, ToSchema)]
pub struct LoginStoreView {
    /// The portal's id of the merchant.
    merchant_uid: String,
    /// The shop name.
    shop_name: Option<String>,
    /// The points by name.
    points: BTreeMap<String, PointView>,
}

/// Why something did not do.
#[derive(Serialize, ToSchema)]
pub struct ErrorView {
    /// The stable code; each has a page under /docs/problems.
    code: &'static str,
    /// Whether a new login may succeed although nothing is changed.
    retryable: bool,
    /// What happened and what to do.
    detail: String,
    /// The portal's own words, where it said any.
    portal_message: Option<String>,
    /// From when a new try makes sense, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<Timestamp>,
}

impl From<&LastError> for ErrorView {
    fn from(error: &LastError) -> Self {
        Self {
            code: error.code.as_str(),
            retryable: error.code.retryable(),
            detail: error.code.advice().to_owned(),
            portal_message: error.portal_message.clone(),
            retry_at: None,
        }
    }
}

impl From<Code> for ErrorView {
    fn from(code: Code) -> Self {
        Self::from(&LastError { code, portal_message: None })
    }
}

impl ChallengeView {
    fn new(login: LoginId, challenge: &Challenge) -> Self {
        let mut view = Self {
            kind: challenge.kind(),
            channel: None,
            destination_masked: None,
            sent_at: challenge.expires_at(),
            expires_at: challenge.expires_at(),
            attempts_left: None,
            resend_after: None,
            merchants: None,
            instruction: None,
            picture_url: None,
            last_error: None,
        };
        match challenge {
            Challenge::Code(code) => {
                view.channel = Some(match code.channel {
                    Channel::Email => "email",
                    Channel::Sms => "sms",
                });
                view.destination_masked = Some(code.destination_masked.clone());
                view.sent_at = code.sent_at;
                view.attempts_left = Some(code.attempts_left);
                view.resend_after = Some(code.resend_after);
                view.last_error = code.last_error.as_ref().map(Into::into);
            }
            Challenge::Merchant(asked) => {
                view.sent_at = asked.sent_at;
                view.merchants = Some(asked.merchants.iter().map(Into::into).collect());
                view.last_error = asked.last_error.as_ref().map(Into::into);
            }
            Challenge::Captcha(person) | Challenge::Takeover(person) => {
                view.sent_at = person.sent_at;
                view.instruction = Some(person.instruction.clone());
                view.picture_url = Some(format!("/v1/logins/{login}/challenge/picture"));
            }
        }
        view
    }
}

impl From<&MerchantChoice> for MerchantView {
    fn from(choice: &MerchantChoice) -> Self {
        Self { uid: choice.uid.to_string(), name: choice.name.clone() }
    }
}

impl From<&StoreSummary> for LoginStoreView {
    fn from(store: &StoreSummary) -> Self {
        Self {
            merchant_uid: store.merchant_uid.to_string(),
            shop_name: store.shop_name.clone(),
            points: points(&store.points),
        }
    }
}

impl From<&Login> for LoginView {
    fn from(login: &Login) -> Self {
        let asked = match &login.state {
            LoginState::Awaiting { challenge } => Some(challenge),
            _ => None,
        };
        let error = match &login.state {
            LoginState::Failed { failure } => Some(ErrorView {
                code: failure.code.as_str(),
                retryable: failure.code.retryable(),
                detail: failure.detail.clone(),
                portal_message: failure.portal_message.clone(),
                retry_at: failure.retry_at,
            }),
            LoginState::Expired => Some(Code::LoginExpired.into()),
            LoginState::Cancelled => Some(Code::LoginCancelled.into()),
            _ => None,
        };
        Self {
            id: login.id.0,
            state: login.state.name(),
            method: match login.account.method() {
                Method::Password => "password",
                Method::Phone => "phone",
            },
            engine: login.engine.as_str(),
            driver: login.driver.as_str(),
            egress_id: login.egress.0,
            account_masked: login.account.masked(),
            user_id: login.user_id.as_ref().map(ToString::to_string),
            challenge: asked.map(|challenge| ChallengeView::new(login.id, challenge)),
            store: match &login.state {
                LoginState::Succeeded { store } => Some(store.into()),
                _ => None,
            },
            error,
            created_at: login.created_at,
            updated_at: login.updated_at,
            expires_at: login.expires_at,
        }
    }
}
