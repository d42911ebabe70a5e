//! What each code means, in full: the pages of `docs/problems/`, embedded. The `type` of every problem leads to one.

use kaspi_auth_core::Code;

/// The page of a code, in Markdown.
pub(super) fn page(code: Code) -> Option<&'static str> {
    PAGES.iter().find(|(name, _)| *name == code.as_str()).map(|(_, page)| *page)
}

/// Embeds the pages of these codes.
macro_rules! pages {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../docs/problems/", $name, ".md")))),*]
    };
}

const PAGES: &[(&str, &str)] = pages![
    "account_busy",
    "account_locked",
    "account_mismatch",
    "api_key_not_found",
    "attempts_exhausted",
    "batch_not_found",
    "browser_lost",
    "browser_unavailable",
    "cabinet_path_forbidden",
    "code_attempts_exhausted",
    "code_expired",
    "code_rejected",
    "code_required",
    "conflict",
    "credentials_missing",
    "database_unavailable",
    "egress_managed",
    "egress_not_found",
    "egress_unusable",
    "engine_unavailable",
    "evidence_not_found",
    "idempotency_key_reused",
    "insufficient_permissions",
    "insufficient_scope",
    "internal",
    "invalid_credentials",
    "invalid_request",
    "invalid_value",
    "kaspi_auth_error",
    "login_cancelled",
    "login_expired",
    "login_finished",
    "login_interrupted",
    "login_not_awaiting",
    "login_not_found",
    "logins_frozen",
    "merchant_not_listed",
    "method_not_allowed",
    "needs_reauth",
    "no_merchants",
    "not_found",
    "overloaded",
    "payload_too_large",
    "portal_blocked",
    "portal_changed",
    "portal_login_timeout",
    "portal_rate_limited",
    "portal_unavailable",
    "rate_limited",
    "request_timeout",
    "resend_too_early",
    "resend_unavailable",
    "seal_unreadable",
    "session_expired",
    "session_not_found",
    "session_refreshing",
    "sms_required",
    "sso_expired",
    "store_not_found",
    "store_taken",
    "unauthorized",
    "unsupported_media_type",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_page() {
        for code in Code::ALL {
            assert!(page(*code).is_some_and(|text| text.contains(code.as_str())), "{}", code.as_str());
        }
    }
}
