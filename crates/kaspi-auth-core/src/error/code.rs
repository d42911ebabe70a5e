//! The stable error codes. Each has a page in `docs/problems/`; `cargo xtask tidy` holds the two lists together.

use serde::{Deserialize, Serialize};

/// What kind of trouble a code is: what transports choose their status by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Not an error: more is asked of the caller.
    Accepted,
    /// The request cannot be read, or a code was wrong.
    Invalid,
    /// The request reads well, a value in it does not.
    Unprocessable,
    /// Who calls is not known, or the credentials are wrong.
    Unauthorized,
    /// Who calls is known and may not.
    Forbidden,
    /// Not there, or not the caller's.
    NotFound,
    /// The address does not take the method.
    MethodNotAllowed,
    /// Does not fit the present state.
    Conflict,
    /// Too large.
    TooLarge,
    /// A body of another type.
    UnsupportedMediaType,
    /// Too much, too soon.
    RateLimited,
    /// The portal failed us.
    Upstream,
    /// We cannot now.
    Unavailable,
    /// A defect or a broken installation.
    Internal,
}

/// A stable error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The portal does not accept this e-mail and password. It is not sent again: correct the credentials first.
    InvalidCredentials,
    /// The portal sent a code. Answer it to go on.
    SmsRequired,
    /// The session has ended. Refresh it or sign in again.
    SessionExpired,
    /// The login failed for a reason of the portal's that has no code of its own; see portal_message.
    KaspiAuthError,
    /// The portal has locked the account. Its owner must unlock it there.
    AccountLocked,
    /// The portal asks to wait before another code or login. Try again after retry_at.
    PortalRateLimited,
    /// The portal does not accept this code. Check it and answer again.
    CodeRejected,
    /// This code has expired. Ask for another with resend.
    CodeExpired,
    /// Too many wrong codes. Start the login again.
    CodeAttemptsExhausted,
    /// The portal's time for this login is over. Start the login again.
    PortalLoginTimeout,
    /// The account may not open the merchant cabinet. Its owner must grant the role there.
    InsufficientPermissions,
    /// The account holds no merchant.
    NoMerchants,
    /// The account does not hold this merchant. Choose one of those listed.
    MerchantNotListed,
    /// These credentials open another merchant than the store's. The store is unchanged.
    AccountMismatch,
    /// The portal did not answer or answered with a server error. Try again later.
    PortalUnavailable,
    /// The portal answered with a wall instead of its API. Try again later, or from another way out.
    PortalBlocked,
    /// The portal answered in a shape that is not known. An operator must look at it.
    PortalChanged,
    /// The login host no longer remembers the account: sign in with the password or a code.
    SsoExpired,
    /// Another user holds this store. Nothing was changed.
    StoreTaken,
    /// A login of this account runs already. Wait until it has ended.
    AccountBusy,
    /// The login does not wait for this answer now. Read its state.
    LoginNotAwaiting,
    /// The login has ended. Start another.
    LoginFinished,
    /// A code was sent a moment ago. Ask again after retry_at.
    ResendTooEarly,
    /// This login has no code to send again.
    ResendUnavailable,
    /// This Idempotency-Key came with another answer before. Use a new key for a new answer.
    IdempotencyKeyReused,
    /// Nobody answered in time. Start the login again.
    LoginExpired,
    /// The login was cancelled.
    LoginCancelled,
    /// The service stopped while the portal was being asked, and the answer is lost. Start the login again.
    LoginInterrupted,
    /// This engine is not available here. Leave engine out or use another.
    EngineUnavailable,
    /// No credentials are held for this store. Sign in again.
    CredentialsMissing,
    /// A person must sign in again to this store.
    NeedsReauth,
    /// There is no such login.
    LoginNotFound,
    /// There is no such store.
    StoreNotFound,
    /// The store has no session. Sign in to it.
    SessionNotFound,
    /// There is no such API key.
    ApiKeyNotFound,
    /// There is nothing at this address. See /docs.
    NotFound,
    /// This address does not take this method. See /docs.
    MethodNotAllowed,
    /// The request cannot be read. See detail and /docs.
    InvalidRequest,
    /// A value of the request is not acceptable. See detail.
    InvalidValue,
    /// The body is too large.
    PayloadTooLarge,
    /// Send the body as application/json.
    UnsupportedMediaType,
    /// Send a valid API key or JWT as `Authorization: Bearer …`.
    Unauthorized,
    /// This key has not the scope that the call needs.
    InsufficientScope,
    /// The request took too long. Try again.
    RequestTimeout,
    /// Too much is running. Try again after retry_at.
    Overloaded,
    /// Somebody else changed this at the same moment. Read it and try again.
    Conflict,
    /// The database does not answer. Try again later.
    DatabaseUnavailable,
    /// A sealed value cannot be opened with the keys of this service. An operator must look at it.
    SealUnreadable,
    /// Something failed inside the service. The request_id finds it in the logs.
    Internal,
}

struct Row(&'static str, Kind, bool, &'static str);

impl Code {
    /// Every code.
    pub const ALL: &[Self] = &[
        Self::InvalidCredentials,
        Self::SmsRequired,
        Self::SessionExpired,
        Self::KaspiAuthError,
        Self::AccountLocked,
        Self::PortalRateLimited,
        Self::CodeRejected,
        Self::CodeExpired,
        Self::CodeAttemptsExhausted,
        Self::PortalLoginTimeout,
        Self::InsufficientPermissions,
        Self::NoMerchants,
        Self::MerchantNotListed,
        Self::AccountMismatch,
        Self::PortalUnavailable,
        Self::PortalBlocked,
        Self::PortalChanged,
        Self::SsoExpired,
        Self::StoreTaken,
        Self::AccountBusy,
        Self::LoginNotAwaiting,
        Self::LoginFinished,
        Self::ResendTooEarly,
        Self::ResendUnavailable,
        Self::IdempotencyKeyReused,
        Self::LoginExpired,
        Self::LoginCancelled,
        Self::LoginInterrupted,
        Self::EngineUnavailable,
        Self::CredentialsMissing,
        Self::NeedsReauth,
        Self::LoginNotFound,
        Self::StoreNotFound,
        Self::SessionNotFound,
        Self::ApiKeyNotFound,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::InvalidRequest,
        Self::InvalidValue,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::Unauthorized,
        Self::InsufficientScope,
        Self::RequestTimeout,
        Self::Overloaded,
        Self::Conflict,
        Self::DatabaseUnavailable,
        Self::SealUnreadable,
        Self::Internal,
    ];

    /// One row a code: its name, kind, whether a new try may succeed without a change, and what to do.
    #[expect(clippy::too_many_lines, reason = "one line a code: a table")]
    fn row(self) -> Row {
        match self {
            Self::InvalidCredentials => Row(
                "invalid_credentials",
                Kind::Unauthorized,
                false,
                "The portal does not accept this e-mail and password. It is not sent again: correct the credentials first.",
            ),
            Self::SmsRequired => {
                Row("sms_required", Kind::Accepted, false, "The portal sent a code. Answer it to go on.")
            }
            Self::SessionExpired => Row(
                "session_expired",
                Kind::Conflict,
                false,
                "The session has ended. Refresh it or sign in again.",
            ),
            Self::KaspiAuthError => Row(
                "kaspi_auth_error",
                Kind::Upstream,
                false,
                "The login failed for a reason of the portal's that has no code of its own; see portal_message.",
            ),
            Self::AccountLocked => Row(
                "account_locked",
                Kind::Forbidden,
                false,
                "The portal has locked the account. Its owner must unlock it there.",
            ),
            Self::PortalRateLimited => Row(
                "portal_rate_limited",
                Kind::RateLimited,
                true,
                "The portal asks to wait before another code or login. Try again after retry_at.",
            ),
            Self::CodeRejected => Row(
                "code_rejected",
                Kind::Invalid,
                false,
                "The portal does not accept this code. Check it and answer again.",
            ),
            Self::CodeExpired => Row(
                "code_expired",
                Kind::Invalid,
                false,
                "This code has expired. Ask for another with resend.",
            ),
            Self::CodeAttemptsExhausted => Row(
                "code_attempts_exhausted",
                Kind::Conflict,
                true,
                "Too many wrong codes. Start the login again.",
            ),
            Self::PortalLoginTimeout => Row(
                "portal_login_timeout",
                Kind::Conflict,
                true,
                "The portal's time for this login is over. Start the login again.",
            ),
            Self::InsufficientPermissions => Row(
                "insufficient_permissions",
                Kind::Forbidden,
                false,
                "The account may not open the merchant cabinet. Its owner must grant the role there.",
            ),
            Self::NoMerchants => Row("no_merchants", Kind::Conflict, false, "The account holds no merchant."),
            Self::MerchantNotListed => Row(
                "merchant_not_listed",
                Kind::Unprocessable,
                false,
                "The account does not hold this merchant. Choose one of those listed.",
            ),
            Self::AccountMismatch => Row(
                "account_mismatch",
                Kind::Conflict,
                false,
                "These credentials open another merchant than the store's. The store is unchanged.",
            ),
            Self::PortalUnavailable => Row(
                "portal_unavailable",
                Kind::Upstream,
                true,
                "The portal did not answer or answered with a server error. Try again later.",
            ),
            Self::PortalBlocked => Row(
                "portal_blocked",
                Kind::Upstream,
                true,
                "The portal answered with a wall instead of its API. Try again later, or from another way out.",
            ),
            Self::PortalChanged => Row(
                "portal_changed",
                Kind::Upstream,
                false,
                "The portal answered in a shape that is not known. An operator must look at it.",
            ),
            Self::SsoExpired => Row(
                "sso_expired",
                Kind::Conflict,
                false,
                "The login host no longer remembers the account: sign in with the password or a code.",
            ),
            Self::StoreTaken => Row(
                "store_taken",
                Kind::Conflict,
                false,
                "Another user holds this store. Nothing was changed.",
            ),
            Self::AccountBusy => Row(
                "account_busy",
                Kind::Conflict,
                true,
                "A login of this account runs already. Wait until it has ended.",
            ),
            Self::LoginNotAwaiting => Row(
                "login_not_awaiting",
                Kind::Conflict,
                false,
                "The login does not wait for this answer now. Read its state.",
            ),
            Self::LoginFinished => {
                Row("login_finished", Kind::Conflict, false, "The login has ended. Start another.")
            }
            Self::ResendTooEarly => Row(
                "resend_too_early",
                Kind::RateLimited,
                true,
                "A code was sent a moment ago. Ask again after retry_at.",
            ),
            Self::ResendUnavailable => {
                Row("resend_unavailable", Kind::Conflict, false, "This login has no code to send again.")
            }
            Self::IdempotencyKeyReused => Row(
                "idempotency_key_reused",
                Kind::Unprocessable,
                false,
                "This Idempotency-Key came with another answer before. Use a new key for a new answer.",
            ),
            Self::LoginExpired => {
                Row("login_expired", Kind::Conflict, true, "Nobody answered in time. Start the login again.")
            }
            Self::LoginCancelled => Row("login_cancelled", Kind::Conflict, false, "The login was cancelled."),
            Self::LoginInterrupted => Row(
                "login_interrupted",
                Kind::Unavailable,
                true,
                "The service stopped while the portal was being asked, and the answer is lost. Start the login again.",
            ),
            Self::EngineUnavailable => Row(
                "engine_unavailable",
                Kind::Unprocessable,
                false,
                "This engine is not available here. Leave engine out or use another.",
            ),
            Self::CredentialsMissing => Row(
                "credentials_missing",
                Kind::Conflict,
                false,
                "No credentials are held for this store. Sign in again.",
            ),
            Self::NeedsReauth => {
                Row("needs_reauth", Kind::Conflict, false, "A person must sign in again to this store.")
            }
            Self::LoginNotFound => Row("login_not_found", Kind::NotFound, false, "There is no such login."),
            Self::StoreNotFound => Row("store_not_found", Kind::NotFound, false, "There is no such store."),
            Self::SessionNotFound => {
                Row("session_not_found", Kind::NotFound, false, "The store has no session. Sign in to it.")
            }
            Self::ApiKeyNotFound => {
                Row("api_key_not_found", Kind::NotFound, false, "There is no such API key.")
            }
            Self::NotFound => {
                Row("not_found", Kind::NotFound, false, "There is nothing at this address. See /docs.")
            }
            Self::MethodNotAllowed => Row(
                "method_not_allowed",
                Kind::MethodNotAllowed,
                false,
                "This address does not take this method. See /docs.",
            ),
            Self::InvalidRequest => Row(
                "invalid_request",
                Kind::Invalid,
                false,
                "The request cannot be read. See detail and /docs.",
            ),
            Self::InvalidValue => Row(
                "invalid_value",
                Kind::Unprocessable,
                false,
                "A value of the request is not acceptable. See detail.",
            ),
            Self::PayloadTooLarge => {
                Row("payload_too_large", Kind::TooLarge, false, "The body is too large.")
            }
            Self::UnsupportedMediaType => Row(
                "unsupported_media_type",
                Kind::UnsupportedMediaType,
                false,
                "Send the body as application/json.",
            ),
            Self::Unauthorized => Row(
                "unauthorized",
                Kind::Unauthorized,
                false,
                "Send a valid API key or JWT as `Authorization: Bearer …`.",
            ),
            Self::InsufficientScope => Row(
                "insufficient_scope",
                Kind::Forbidden,
                false,
                "This key has not the scope that the call needs.",
            ),
            Self::RequestTimeout => {
                Row("request_timeout", Kind::Unavailable, true, "The request took too long. Try again.")
            }
            Self::Overloaded => {
                Row("overloaded", Kind::Unavailable, true, "Too much is running. Try again after retry_at.")
            }
            Self::Conflict => Row(
                "conflict",
                Kind::Conflict,
                true,
                "Somebody else changed this at the same moment. Read it and try again.",
            ),
            Self::DatabaseUnavailable => Row(
                "database_unavailable",
                Kind::Unavailable,
                true,
                "The database does not answer. Try again later.",
            ),
            Self::SealUnreadable => Row(
                "seal_unreadable",
                Kind::Internal,
                false,
                "A sealed value cannot be opened with the keys of this service. An operator must look at it.",
            ),
            Self::Internal => Row(
                "internal",
                Kind::Internal,
                false,
                "Something failed inside the service. The request_id finds it in the logs.",
            ),
        }
    }

    /// The name, `snake_case`, never changed once published.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// What kind of trouble it is.
    pub fn kind(self) -> Kind {
        self.row().1
    }

    /// Whether a new try may succeed although the caller changes nothing.
    pub fn retryable(self) -> bool {
        self.row().2
    }

    /// What happened and what to do, for when nothing more exact is known.
    pub fn advice(self) -> &'static str {
        self.row().3
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_agree_with_their_serialisation() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{} twice", code.as_str());
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            assert!(code.advice().ends_with(['.', '`']), "{} has no sentence", code.as_str());
        }
    }

    #[test]
    fn the_predecessors_four_names_stay() {
        for name in ["sms_required", "invalid_credentials", "session_expired", "kaspi_auth_error"] {
            assert!(Code::parse(name).is_some(), "{name}");
        }
    }
}
