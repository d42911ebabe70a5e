//! The refresh ladder, cheapest rung first, and what stands in its way (ARCHITECTURE, section 5).

use serde::{Deserialize, Serialize};

use super::Origin;
use crate::account::Method;

/// A way to a new session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// The login host's memory: no password, no code.
    Silent,
    /// The password, with the remembered device.
    Password,
    /// The password or the phone, and a code from a code source.
    CodeSource,
    /// A person.
    Person,
}

impl Rung {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Password => "password",
            Self::CodeSource => "code_source",
            Self::Person => "person",
        }
    }

    /// Reads a stable name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Silent, Self::Password, Self::CodeSource, Self::Person]
            .into_iter()
            .find(|rung| rung.as_str() == text)
    }
}

/// Why a store can or cannot be refreshed without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshReason {
    /// The login host is believed to remember the account.
    SsoAlive,
    /// Password and remembered device are there.
    HasPasswordAndDevice,
    /// A password is there, and the portal has never asked this account for a code.
    HasPassword,
    /// A code source answers for the account.
    HasCodeSource,
    /// The portal will send an SMS, and nobody is there to read it.
    NeedsCodeSms,
    /// The portal will mail a code, and nobody is there to read it.
    NeedsCodeEmail,
    /// Nothing to sign in with is kept.
    NoCredentials,
    /// The portal refused the stored password.
    CredentialsRejected,
    /// The portal has locked the account, or asked to leave it alone.
    AccountLocked,
    /// The portal looks otherwise than this service knows.
    PortalChanged,
    /// Automatic logins are frozen: too many failed in the same way.
    Frozen,
    /// The account's attempts of the window are used up.
    AttemptsExhausted,
    /// A code source answers for the account, and it is night: no code is asked for.
    QuietHours,
    /// The credentials open another merchant.
    AccountMismatch,
    /// The store is switched off.
    Inactive,
}

impl RefreshReason {
    /// Every reason.
    pub const ALL: [Self; 15] = [
        Self::SsoAlive,
        Self::HasPasswordAndDevice,
        Self::HasPassword,
        Self::HasCodeSource,
        Self::NeedsCodeSms,
        Self::NeedsCodeEmail,
        Self::NoCredentials,
        Self::CredentialsRejected,
        Self::AccountLocked,
        Self::PortalChanged,
        Self::Frozen,
        Self::AttemptsExhausted,
        Self::QuietHours,
        Self::AccountMismatch,
        Self::Inactive,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SsoAlive => "sso_alive",
            Self::HasPasswordAndDevice => "has_password_and_device",
            Self::HasPassword => "has_password",
            Self::HasCodeSource => "has_code_source",
            Self::NeedsCodeSms => "needs_code_sms",
            Self::NeedsCodeEmail => "needs_code_email",
            Self::NoCredentials => "no_credentials",
            Self::CredentialsRejected => "credentials_rejected",
            Self::AccountLocked => "account_locked",
            Self::PortalChanged => "portal_changed",
            Self::Frozen => "frozen",
            Self::AttemptsExhausted => "attempts_exhausted",
            Self::QuietHours => "quiet_hours",
            Self::AccountMismatch => "account_mismatch",
            Self::Inactive => "inactive",
        }
    }

    /// Reads a stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// Whether it passes by itself, so that automation may come back: otherwise a person must act.
    pub fn passes(self) -> bool {
        matches!(
            self,
            Self::AccountLocked
                | Self::PortalChanged
                | Self::Frozen
                | Self::AttemptsExhausted
                | Self::QuietHours
        )
    }
}

/// What is known of a store when it is to be refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Facts {
    /// Who wants it.
    pub origin: Origin,
    /// The store is switched on.
    pub active: bool,
    /// A session is stored, and no try of the silent way has failed since it was.
    pub sso_believed: bool,
    /// How the account signs in, where that is known.
    pub method: Option<Method>,
    /// A password is stored.
    pub has_password: bool,
    /// The login host's memory of this device is stored.
    pub has_device: bool,
    /// The last login needed a code.
    pub code_was_asked: bool,
    /// A code source answers for the account, and has not failed it since the last sign-in.
    pub has_code_source: bool,
    /// It is night, and no code is asked for in the background.
    pub quiet: bool,
    /// The account's window has no code left.
    pub codes_exhausted: bool,
    /// The portal refused the stored password.
    pub rejected: bool,
    /// The portal asked to leave the account alone, and that time is not over.
    pub blocked: bool,
    /// The credentials open another merchant's cabinet.
    pub mismatched: bool,
    /// Automatic logins are frozen, and this is not the one that is let through.
    pub frozen: bool,
    /// The account's window has no password left.
    pub exhausted: bool,
    /// The last login failed of a shape that is not known.
    pub portal_changed: bool,
}

/// Whether and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanRefresh {
    /// Whether it can be refreshed without a person.
    pub can: bool,
    /// Why.
    pub reason: RefreshReason,
    /// The rung after the silent one that may be tried, if any may.
    pub next: Option<Rung>,
}

/// Judges the ladder.
pub fn can_refresh(facts: &Facts) -> CanRefresh {
    if !facts.active {
        return CanRefresh { can: false, reason: RefreshReason::Inactive, next: None };
    }
    let (reason, next) = beyond_silent(facts);
    if facts.sso_believed {
        return CanRefresh { can: true, reason: RefreshReason::SsoAlive, next };
    }
    CanRefresh { can: next.is_some(), reason, next }
}

/// The rung after the silent one. What a person must mend comes before what passes by itself.
fn beyond_silent(facts: &Facts) -> (RefreshReason, Option<Rung>) {
    use RefreshReason as R;
    let closed = |reason| (reason, None);
    match facts.method {
        // A phone has no password: its login is an SMS.
        Some(Method::Phone) if !facts.has_code_source => return closed(R::NeedsCodeSms),
        Some(Method::Phone) if facts.mismatched => return closed(R::AccountMismatch),
        Some(Method::Phone) => {}
        _ if !facts.has_password => return closed(R::NoCredentials),
        _ if facts.mismatched => return closed(R::AccountMismatch),
        _ if facts.rejected => return closed(R::CredentialsRejected),
        _ => {}
    }
    let asks_code = facts.method == Some(Method::Phone) || (facts.code_was_asked && !facts.has_device);
    // A caller who waits can be asked for the mailed code; nobody can be asked in the background.
    if asks_code && !facts.has_code_source && facts.origin == Origin::Automatic {
        return closed(R::NeedsCodeEmail);
    }
    if facts.blocked {
        return closed(R::AccountLocked);
    }
    if facts.exhausted {
        return closed(R::AttemptsExhausted);
    }
    if facts.origin == Origin::Automatic && facts.frozen {
        return closed(R::Frozen);
    }
    if facts.origin == Origin::Automatic && facts.portal_changed {
        return closed(R::PortalChanged);
    }
    if asks_code && facts.has_code_source {
        return match facts.origin {
            Origin::Automatic if facts.quiet => closed(R::QuietHours),
            Origin::Automatic if facts.codes_exhausted => closed(R::AttemptsExhausted),
            _ => (R::HasCodeSource, Some(Rung::CodeSource)),
        };
    }
    let reason = if facts.has_device { R::HasPasswordAndDevice } else { R::HasPassword };
    (reason, Some(Rung::Password))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            origin: Origin::Automatic,
            active: true,
            sso_believed: false,
            method: Some(Method::Password),
            has_password: true,
            has_device: true,
            code_was_asked: true,
            has_code_source: false,
            quiet: false,
            codes_exhausted: false,
            rejected: false,
            blocked: false,
            mismatched: false,
            frozen: false,
            exhausted: false,
            portal_changed: false,
        }
    }

    /// A source reads the code that the portal will send.
    fn sourced() -> Facts {
        Facts { has_device: false, has_code_source: true, ..facts() }
    }

    #[test]
    fn each_obstacle_has_its_reason() {
        use RefreshReason as R;
        let table: &[(Facts, bool, R)] = &[
            (facts(), true, R::HasPasswordAndDevice),
            (Facts { sso_believed: true, ..facts() }, true, R::SsoAlive),
            (Facts { has_device: false, code_was_asked: false, ..facts() }, true, R::HasPassword),
            (Facts { has_device: false, ..facts() }, false, R::NeedsCodeEmail),
            (sourced(), true, R::HasCodeSource),
            (Facts { quiet: true, ..sourced() }, false, R::QuietHours),
            (Facts { quiet: true, origin: Origin::Caller, ..sourced() }, true, R::HasCodeSource),
            (Facts { codes_exhausted: true, ..sourced() }, false, R::AttemptsExhausted),
            (Facts { quiet: true, codes_exhausted: true, ..facts() }, true, R::HasPasswordAndDevice),
            (Facts { rejected: true, quiet: true, ..sourced() }, false, R::CredentialsRejected),
            (Facts { method: Some(Method::Phone), has_password: false, ..sourced() }, true, R::HasCodeSource),
            (Facts { method: Some(Method::Phone), ..facts() }, false, R::NeedsCodeSms),
            (
                Facts { method: Some(Method::Phone), origin: Origin::Caller, ..facts() },
                false,
                R::NeedsCodeSms,
            ),
            (Facts { has_password: false, ..facts() }, false, R::NoCredentials),
            (Facts { rejected: true, frozen: true, ..facts() }, false, R::CredentialsRejected),
            (Facts { blocked: true, ..facts() }, false, R::AccountLocked),
            (Facts { exhausted: true, ..facts() }, false, R::AttemptsExhausted),
            (Facts { frozen: true, ..facts() }, false, R::Frozen),
            (Facts { frozen: true, origin: Origin::Caller, ..facts() }, true, R::HasPasswordAndDevice),
            (Facts { portal_changed: true, ..facts() }, false, R::PortalChanged),
            (Facts { mismatched: true, ..facts() }, false, R::AccountMismatch),
            (Facts { active: false, sso_believed: true, ..facts() }, false, R::Inactive),
        ];
        for (facts, can, reason) in table {
            let judged = can_refresh(facts);
            assert_eq!((judged.can, judged.reason), (*can, *reason), "{facts:?}");
        }
    }

    #[test]
    fn without_a_source_no_background_work_climbs_to_where_a_code_is_sent() {
        for method in [Method::Phone, Method::Password] {
            for has_device in [false, true] {
                let facts = Facts {
                    method: Some(method),
                    has_device,
                    code_was_asked: true,
                    sso_believed: true,
                    ..facts()
                };
                let next = can_refresh(&facts).next;
                assert_eq!(next.is_some(), method == Method::Password && has_device, "{facts:?}");
            }
        }
    }

    #[test]
    fn names_are_unique_and_read_back() {
        for reason in RefreshReason::ALL {
            assert_eq!(RefreshReason::parse(reason.as_str()), Some(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }
}
