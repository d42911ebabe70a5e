//! What becomes of a found store beside what is here. Pure.

use jiff::Timestamp;

use super::{FoundStore, Imported};
use crate::account::Account;
use crate::session::{Cookie, StoredCredentials, same_cookies};

/// What is here already of the same merchant.
#[derive(Debug, Clone, Copy)]
pub struct Present<'a> {
    /// Whether another user holds it.
    pub taken: bool,
    /// The session's cookies; none: there is no session.
    pub cookies: &'a [Cookie],
    /// The credentials.
    pub credentials: &'a StoredCredentials,
    /// When the portal let the session in.
    pub authenticated_at: Option<Timestamp>,
    /// When the store last changed.
    pub updated_at: Timestamp,
}

/// What becomes of a found store, and what of it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// The answer.
    pub answer: Imported,
    /// Its session replaces what is here.
    pub session: bool,
    /// Its credentials do.
    pub credentials: bool,
}

/// Judges. A source that does not say how old it is counts as older than anything that is here; it fills gaps all the same.
pub fn judge(found: &FoundStore, here: Option<&Present<'_>>) -> Judgement {
    let skipped = |answer| Judgement { answer, session: false, credentials: false };
    let has_session = !found.cookies.is_empty();
    let has_account = found.email.is_some() || found.phone.is_some();
    if !has_session && !can_sign_in(found.email.is_some(), found.password.is_some(), found.phone.is_some()) {
        return skipped(Imported::SkippedEmpty);
    }
    let Some(here) = here else {
        return Judgement { answer: Imported::Added, session: has_session, credentials: has_account };
    };
    if here.taken {
        return skipped(Imported::SkippedTaken);
    }
    let other_session = has_session && !same_cookies(&found.cookies, here.cookies);
    let other_credentials = has_account && !same_credentials(found, here.credentials);
    if !other_session && !other_credentials {
        return skipped(Imported::SkippedSame);
    }
    // Credentials that come with a session are as old as its sign-in.
    let newer = if has_session && !here.cookies.is_empty() {
        is_newer_session(found, here)
    } else {
        is_newer(found, here)
    };
    let kept = here.credentials;
    let is_gap = !can_sign_in(kept.email.is_some(), kept.password.is_some(), kept.phone.is_some());
    let session = other_session && (here.cookies.is_empty() || newer);
    let credentials = other_credentials && (is_gap || newer);
    if session || credentials {
        Judgement { answer: Imported::Updated, session, credentials }
    } else {
        skipped(Imported::SkippedOlder)
    }
}

/// An address alone opens nothing; a phone does, with the code of an SMS.
fn can_sign_in(email: bool, password: bool, phone: bool) -> bool {
    phone || email && password
}

/// The later sign-in counts; of one sign-in the later state of its cookies.
fn is_newer_session(found: &FoundStore, here: &Present<'_>) -> bool {
    match (found.authenticated_at, here.authenticated_at) {
        (Some(there), Some(at)) if there != at => there > at,
        _ => is_newer(found, here),
    }
}

fn is_newer(found: &FoundStore, here: &Present<'_>) -> bool {
    found.updated_at.max(found.authenticated_at).is_some_and(|at| at > here.updated_at)
}

/// Whether all that was found stands here too.
fn same_credentials(found: &FoundStore, kept: &StoredCredentials) -> bool {
    use secrecy::ExposeSecret as _;
    let same_phone = |phone: &String| {
        kept.phone.as_ref().is_some_and(|kept| match (Account::phone(phone), Account::phone(kept)) {
            (Ok(phone), Ok(kept)) => phone == kept,
            _ => phone == kept,
        })
    };
    let same_password = |password: &secrecy::SecretString| {
        kept.password.as_ref().is_some_and(|kept| kept.expose_secret() == password.expose_secret())
    };
    found.email.as_ref().is_none_or(|email| kept.email.as_ref() == Some(email))
        && found.phone.as_ref().is_none_or(same_phone)
        && found.password.as_ref().is_none_or(same_password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::MerchantUid;
    use crate::merchant::Points;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn cookies(value: &str) -> Vec<Cookie> {
        if value.is_empty() {
            return Vec::new();
        }
        let cookie = serde_json::json!({"name": "mc-sid", "value": value, "expires": 1_700_000_000.25});
        vec![serde_json::from_value(cookie).unwrap()]
    }

    fn found(session: &str, signed_in: i64, changed: i64) -> FoundStore {
        FoundStore {
            merchant_uid: MerchantUid::parse("17").unwrap(),
            user_id: None,
            name: None,
            points: Points::new(),
            cookies: cookies(session),
            email: Some("m@example.kz".to_owned()),
            password: Some("p".to_owned().into()),
            phone: None,
            code_verified: false,
            authenticated_at: (signed_in > 0).then(|| at(signed_in)),
            is_active: true,
            updated_at: (changed > 0).then(|| at(changed)),
        }
    }

    fn kept(password: &str) -> StoredCredentials {
        StoredCredentials {
            email: (!password.is_empty()).then(|| "m@example.kz".to_owned()),
            password: (!password.is_empty()).then(|| password.to_owned().into()),
            ..StoredCredentials::default()
        }
    }

    /// The answer beside a store whose session was won at 100 and which changed at 200.
    fn beside(found: &FoundStore, session: &str, password: &str) -> (Imported, bool, bool) {
        let (cookies, credentials) = (cookies(session), kept(password));
        let here = Present {
            taken: false,
            cookies: &cookies,
            credentials: &credentials,
            authenticated_at: (!session.is_empty()).then(|| at(100)),
            updated_at: at(200),
        };
        let Judgement { answer, session, credentials } = judge(found, Some(&here));
        (answer, session, credentials)
    }

    #[test]
    fn the_newer_session_counts_and_the_same_one_is_left_alone() {
        use Imported::{SkippedOlder, SkippedSame, Updated};
        for (name, found, session, password, expected) in [
            ("the same", found("a", 1, 1), "a", "p", (SkippedSame, false, false)),
            ("won later", found("b", 101, 0), "a", "p", (Updated, true, false)),
            ("won later, with another password", found("b", 101, 0), "a", "q", (Updated, true, true)),
            ("won before, changed later", found("b", 99, 300), "a", "p", (SkippedOlder, false, false)),
            (
                "won before, with another password",
                found("b", 99, 300),
                "a",
                "q",
                (SkippedOlder, false, false),
            ),
            ("renewed later", found("b", 100, 201), "a", "p", (Updated, true, false)),
            ("renewed before", found("b", 100, 200), "a", "p", (SkippedOlder, false, false)),
            ("of no age", found("b", 0, 0), "a", "p", (SkippedOlder, false, false)),
            ("of no sign-in, changed later", found("b", 0, 201), "a", "p", (Updated, true, false)),
            ("into a gap", found("b", 0, 0), "", "p", (Updated, true, false)),
            ("into a gap beside newer credentials", found("b", 0, 0), "", "q", (Updated, true, false)),
            ("credentials into a gap", found("a", 0, 0), "a", "", (Updated, false, true)),
            ("older credentials", found("a", 0, 199), "a", "q", (SkippedOlder, false, false)),
            ("newer credentials", found("", 0, 201), "a", "q", (Updated, false, true)),
        ] {
            assert_eq!(beside(&found, session, password), expected, "{name}");
        }
    }

    #[test]
    fn what_nobody_can_sign_in_with_is_empty() {
        let mut bare = found("", 1, 1);
        assert_eq!(judge(&bare, None).answer, Imported::Added);
        bare.password = None;
        assert_eq!(judge(&bare, None).answer, Imported::SkippedEmpty);
        bare.phone = Some("+7 700 123 45 67".to_owned());
        assert_eq!(judge(&bare, None).answer, Imported::Added);
        bare.email = None;
        let kept =
            StoredCredentials { phone: Some("77001234567".to_owned()), ..StoredCredentials::default() };
        let here = Present {
            taken: false,
            cookies: &[],
            credentials: &kept,
            authenticated_at: None,
            updated_at: at(0),
        };
        assert_eq!(judge(&bare, Some(&here)).answer, Imported::SkippedSame, "one phone in two spellings");
        assert_eq!(judge(&bare, Some(&Present { taken: true, ..here })).answer, Imported::SkippedTaken);
    }
}
