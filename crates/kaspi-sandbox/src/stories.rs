//! The story accounts: ordinary accounts, each with something to show. The start page and the documentation list them.
//! It must not do anything that a test could not do with an account of its own.

use crate::account::{AccountSpec, Behaviour, CodeRule, DEFAULT_PASSWORD, MerchantSpec};

/// An account with what happens to it.
#[derive(Clone, Debug)]
pub struct Story {
    /// The account.
    pub account: AccountSpec,
    /// What happens, in one sentence.
    pub tells: &'static str,
}

impl Story {
    /// The e-mail or the phone.
    pub fn id(&self) -> &str {
        self.account.email.as_deref().or(self.account.phone.as_deref()).unwrap_or_default()
    }

    /// What a person types after the e-mail or the phone.
    pub const fn secret(&self) -> &'static str {
        if self.account.email.is_some() { DEFAULT_PASSWORD } else { "the code of the SMS" }
    }
}

fn story(account: AccountSpec, tells: &'static str) -> Story {
    Story { account, tells }
}

fn mail(name: &str) -> AccountSpec {
    AccountSpec::email(format!("{name}@sandbox.test"))
}

/// Every story account.
pub fn all() -> Vec<Story> {
    let mut stories = ways_in();
    stories.extend(refusals());
    stories.extend(sessions());
    stories
}

fn ways_in() -> Vec<Story> {
    vec![
        story(mail("plain").merchant("30000001"), "One merchant, no code."),
        story(
            mail("code").merchant("30000002").code(CodeRule::UnlessRemembered),
            "A mailed code every time, unless the device was remembered.",
        ),
        story(
            mail("remembered").merchant("30000003").code(CodeRule::UnlessRemembered),
            "The first login asks for a mailed code; with `_r_d: true` the next one from the same device does not.",
        ),
        story(
            mail("always").merchant("30000004").code(CodeRule::Always),
            "A mailed code every time, even on a remembered device.",
        ),
        story(several(mail("several")), "Three merchants in `/s/m`, one with a letter code."),
        story(
            AccountSpec { choice: true, ..mail("su").merchant("30000021").merchant("30000022") },
            "The login itself asks which of two merchants (`su`).",
        ),
        story(
            AccountSpec { choice: true, ..mail("su-code").merchant("30000023").merchant("30000024") }
                .code(CodeRule::UnlessRemembered),
            "First a mailed code, then the choice of a merchant (`su`).",
        ),
        story(AccountSpec::phone("+7 (700) 000-00-01").merchant("30000031"), "Phone and SMS, one merchant."),
        story(
            AccountSpec::phone("+7 (700) 000-00-02").merchant("30000032").merchant("30000033"),
            "Phone and SMS, two merchants.",
        ),
    ]
}

fn several(account: AccountSpec) -> AccountSpec {
    let mut account = account.merchant("30000011").merchant("30000012");
    account.merchants.push(MerchantSpec::new("SBX").named("Старый магазин"));
    account
}

fn refusals() -> Vec<Story> {
    let flood = Behaviour::Flood { break_seconds: Some(122) };
    vec![
        story(mail("none"), "No merchant: `NO_MERCHANTS`."),
        story(
            mail("noperm").merchant("30000041").behaviour(Behaviour::InsufficientPermissions),
            "No rights: `INSUFFICIENT_PERMISSIONS`.",
        ),
        story(
            mail("wrong").merchant("30000049").behaviour(Behaviour::WrongPassword),
            "Every password is refused, `sandbox-password` too: `CREDENTIALS_INVALID`.",
        ),
        story(
            AccountSpec { lock_after: Some(3), ..mail("locked").merchant("30000042") },
            "Locked for 15 minutes after three wrong passwords in a row.",
        ),
        story(
            mail("flood").merchant("30000043").code(CodeRule::UnlessRemembered).behaviour(flood),
            "`MFA_SEND_FLOOD` with `breakTimeSeconds` 122 in place of a mailed code.",
        ),
        story(
            AccountSpec::phone("+7 (700) 000-00-03").merchant("30000044").behaviour(flood),
            "`MFA_SEND_FLOOD` with `breakTimeSeconds` 122 in place of an SMS.",
        ),
        story(
            mail("slow").merchant("30000045").behaviour(Behaviour::Slow),
            "Every answer of the login takes three seconds.",
        ),
        story(
            mail("wall").merchant("30000046").behaviour(Behaviour::Wall),
            "An HTML wall with status 403 in place of JSON.",
        ),
        story(
            mail("wall.direct").merchant("30000050").behaviour(Behaviour::WallWithoutScript),
            "An HTML wall with status 403 for clients that did not run the login page's script; a browser comes in.",
        ),
        story(mail("broken").merchant("30000047").behaviour(Behaviour::Broken), "The login answers 500."),
        story(
            mail("changed").merchant("30000048").behaviour(Behaviour::ChangedAnswer),
            "The login answers 200 with a JSON of another shape; the page with changed markup is at `/login?sandbox=changed`.",
        ),
    ]
}

fn sessions() -> Vec<Story> {
    vec![
        story(
            AccountSpec { session_seconds: Some(30), ..mail("dies-seconds").merchant("30000051") },
            "The cabinet session dies 30 seconds after it began.",
        ),
        story(
            AccountSpec { session_calls: Some(10), ..mail("dies-calls").merchant("30000052") },
            "The cabinet session dies after ten calls.",
        ),
        story(
            AccountSpec { exclusive: true, ..mail("exclusive").merchant("30000053") },
            "A second login ends the first session.",
        ),
    ]
}
