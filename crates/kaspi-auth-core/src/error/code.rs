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

/// One row a code: its name, kind, whether a new try may succeed without a change, and what happened and what to do.
struct Row(&'static str, Kind, bool, &'static str);

macro_rules! codes {
    ($($variant:ident = $name:literal, $kind:ident, $retryable:ident, $advice:literal;)*) => {
        /// A stable error code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Code {
            $(#[doc = $advice] $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row($name, Kind::$kind, $retryable, $advice),)*
                }
            }
        }
    };
}

codes! {
    InvalidCredentials = "invalid_credentials", Unauthorized, false,
        "The portal does not accept this e-mail and password. It is not sent again: correct the credentials first.";
    SmsRequired = "sms_required", Accepted, false, "The portal sent a code. Answer it to go on.";
    SessionExpired = "session_expired", Conflict, false, "The session has ended. Refresh it or sign in again.";
    KaspiAuthError = "kaspi_auth_error", Upstream, false,
        "The login failed for a reason of the portal's that has no code of its own; see portal_message.";
    AccountLocked = "account_locked", Forbidden, false,
        "The portal has locked the account. Its owner must unlock it there.";
    PortalRateLimited = "portal_rate_limited", RateLimited, true,
        "The portal asks to wait before another code or login. Try again after retry_at.";
    CodeRejected = "code_rejected", Invalid, false,
        "The portal does not accept this code. Check it and answer again.";
    CodeExpired = "code_expired", Invalid, false, "This code has expired. Ask for another with resend.";
    CodeAttemptsExhausted = "code_attempts_exhausted", Conflict, true,
        "Too many wrong codes. Start the login again.";
    PortalLoginTimeout = "portal_login_timeout", Conflict, true,
        "The portal's time for this login is over. Start the login again.";
    InsufficientPermissions = "insufficient_permissions", Forbidden, false,
        "The account may not open the merchant cabinet. Its owner must grant the role there.";
    NoMerchants = "no_merchants", Conflict, false, "The account holds no merchant.";
    MerchantNotListed = "merchant_not_listed", Unprocessable, false,
        "The account does not hold this merchant. Choose one of those listed.";
    AccountMismatch = "account_mismatch", Conflict, false,
        "These credentials open another merchant than the store's. The store is unchanged.";
    PortalUnavailable = "portal_unavailable", Upstream, true,
        "The portal did not answer or answered with a server error. Try again later.";
    PortalBlocked = "portal_blocked", Upstream, true,
        "The portal answered with a wall instead of its API. Try again later, or from another way out.";
    PortalChanged = "portal_changed", Upstream, false,
        "The portal answered in a shape that is not known. An operator must look at it.";
    SsoExpired = "sso_expired", Conflict, false,
        "The login host no longer remembers the account: sign in with the password or a code.";
    StoreTaken = "store_taken", Conflict, false, "Another user holds this store. Nothing was changed.";
    AccountBusy = "account_busy", Conflict, true,
        "A login of this account runs already. Wait until it has ended.";
    LoginNotAwaiting = "login_not_awaiting", Conflict, false,
        "The login does not wait for this answer now. Read its state.";
    LoginFinished = "login_finished", Conflict, false, "The login has ended. Start another.";
    ResendTooEarly = "resend_too_early", RateLimited, true,
        "A code was sent a moment ago. Ask again after retry_at.";
    ResendUnavailable = "resend_unavailable", Conflict, false, "This login has no code to send again.";
    IdempotencyKeyReused = "idempotency_key_reused", Unprocessable, false,
        "This Idempotency-Key came with another answer before. Use a new key for a new answer.";
    LoginExpired = "login_expired", Conflict, true, "Nobody answered in time. Start the login again.";
    LoginCancelled = "login_cancelled", Conflict, false, "The login was cancelled.";
    LoginInterrupted = "login_interrupted", Unavailable, true,
        "The service stopped while the portal was being asked, and the answer is lost. Start the login again.";
    EngineUnavailable = "engine_unavailable", Unprocessable, false,
        "This engine is not available here. Leave engine out or use another.";
    BrowserUnavailable = "browser_unavailable", Unavailable, true,
        "No browser is free or running to drive this login. Try again after retry_at.";
    BrowserLost = "browser_lost", Unavailable, true,
        "The browser that held this login is gone. Start the login again.";
    RateLimited = "rate_limited", RateLimited, true,
        "The service keeps its rate towards the portal polite and has no room for this login now. Try again after retry_at.";
    CodeRequired = "code_required", Conflict, false,
        "The portal wants a code, and nobody is there to enter it. Sign in again with a person at hand.";
    AttemptsExhausted = "attempts_exhausted", RateLimited, true,
        "The account's passwords or codes of this time are used up, so that the portal does not lock it. Try again after retry_at.";
    LoginsFrozen = "logins_frozen", Unavailable, true,
        "Automatic logins are frozen because many failed in the same way. The last good sessions stay served.";
    SessionRefreshing = "session_refreshing", Conflict, true,
        "The session is being renewed and was not ready in time. Try again after retry_at.";
    CabinetPathForbidden = "cabinet_path_forbidden", Forbidden, false,
        "This key may not call this path of the cabinet. Its maker names the paths.";
    BatchNotFound = "batch_not_found", NotFound, false, "There is no such batch.";
    CredentialsMissing = "credentials_missing", Conflict, false,
        "No credentials are held for this store. Sign in again.";
    NeedsReauth = "needs_reauth", Conflict, false, "A person must sign in again to this store.";
    LoginNotFound = "login_not_found", NotFound, false, "There is no such login.";
    StoreNotFound = "store_not_found", NotFound, false, "There is no such store.";
    SessionNotFound = "session_not_found", NotFound, false, "The store has no session. Sign in to it.";
    ApiKeyNotFound = "api_key_not_found", NotFound, false, "There is no such API key.";
    EgressNotFound = "egress_not_found", NotFound, false, "There is no such egress.";
    EgressUnusable = "egress_unusable", Unavailable, true,
        "No egress can be used for this account now. Try again after retry_at, or look at /v1/egresses.";
    EgressManaged = "egress_managed", Conflict, false,
        "This egress stands in the configuration. Change it there and restart.";
    EvidenceNotFound = "evidence_not_found", NotFound, false, "No evidence is kept for this login.";
    NotFound = "not_found", NotFound, false, "There is nothing at this address. See /docs.";
    MethodNotAllowed = "method_not_allowed", MethodNotAllowed, false,
        "This address does not take this method. See /docs.";
    InvalidRequest = "invalid_request", Invalid, false, "The request cannot be read. See detail and /docs.";
    InvalidValue = "invalid_value", Unprocessable, false, "A value of the request is not acceptable. See detail.";
    PayloadTooLarge = "payload_too_large", TooLarge, false, "The body is too large.";
    UnsupportedMediaType = "unsupported_media_type", UnsupportedMediaType, false,
        "Send the body as application/json.";
    Unauthorized = "unauthorized", Unauthorized, false,
        "Send a valid API key or JWT as `Authorization: Bearer …`.";
    InsufficientScope = "insufficient_scope", Forbidden, false, "This key has not the scope that the call needs.";
    RequestTimeout = "request_timeout", Unavailable, true, "The request took too long. Try again.";
    Overloaded = "overloaded", Unavailable, true, "Too much is running. Try again after retry_at.";
    Conflict = "conflict", Conflict, true,
        "Somebody else changed this at the same moment. Read it and try again.";
    DatabaseUnavailable = "database_unavailable", Unavailable, true,
        "The database does not answer. Try again later.";
    SealUnreadable = "seal_unreadable", Internal, false,
        "A sealed value cannot be opened with the keys of this service. An operator must look at it.";
    Internal = "internal", Internal, false,
        "Something failed inside the service. The request_id finds it in the logs.";
}

impl Code {
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
