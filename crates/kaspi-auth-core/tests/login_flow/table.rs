//! What is expected, written by hand: every pair of a state and an event. `walk::read` says how it is read.
//!
//! A pair that is missing here fails the test, and so does one that is there twice. Times are minutes and seconds since the
//! login was asked for; `+` marks what the login learns; effects stand in brackets.

/// The caller wants no merchant in particular and is asked: every pair.
pub const ASKS: &str = "
queued
    start lost -> opening [open]
    start_late tick_login_over lost_late -> expired [give up]
    failed -> failed(portal_unavailable) [give up]
    cancelled -> cancelled [give up]
    unfit unfit_late holder_lost
    opened opened_late code_sent code_sent_near_end merchant_asked merchant_asked_empty
    captcha_asked takeover_asked accepted several several_empty answer_code answer_code_late
    answer_listed answer_listed_late answer_unlisted answer_rejected answer_expired resend
    resend_early resend_late resent resent_near_end resend_refused resend_refused_until saved tick
    tick_input_over -> error: not now

opening
    opened -> submitting [submit]
    opened_late unfit_late tick_login_over lost_late -> expired [give up]
    unfit -> opening +driver browser [open]
    failed -> failed(portal_unavailable) [give up]
    cancelled -> cancelled [give up]
    lost -> opening [open]
    holder_lost
    start start_late code_sent code_sent_near_end merchant_asked merchant_asked_empty captcha_asked
    takeover_asked accepted several several_empty answer_code answer_code_late answer_listed
    answer_listed_late answer_unlisted answer_rejected answer_expired resend resend_early
    resend_late resent resent_near_end resend_refused resend_refused_until saved tick
    tick_input_over -> error: not now

submitting
    code_sent -> awaiting_code(5 left, until 13:00, resend 04:00)
    code_sent_near_end -> awaiting_code(5 left, until 20:00, resend 16:00)
    merchant_asked -> awaiting_merchant(during, until 13:00)
    merchant_asked_empty -> failed(no_merchants) [give up]
    captcha_asked -> awaiting_captcha(until 13:00) [watch]
    takeover_asked -> awaiting_takeover(until 13:00) [watch]
    accepted -> finishing [finish]
    unfit -> opening +driver browser [open]
    unfit_late -> expired [give up]
    failed -> failed(portal_unavailable) [give up]
    lost lost_late -> failed(login_interrupted) [give up]
    holder_lost
    start start_late opened opened_late several several_empty answer_code answer_code_late
    answer_listed answer_listed_late answer_unlisted answer_rejected answer_expired resend
    resend_early resend_late resent resent_near_end resend_refused resend_refused_until saved
    -> error: not now
    cancelled tick tick_input_over tick_login_over -> error: in exchange

awaiting_code
    answer_code -> verifying(code, 5 left) [answer code]
    answer_code_late answer_listed_late resend_late -> error: late
    resend -> awaiting_code(5 left, until 11:00, resend 04:00) [resend]
    resend_early -> error: too early, until 02:00
    resent -> awaiting_code(5 left, until 13:00, resend 04:00)
    resent_near_end -> awaiting_code(5 left, until 20:00, resend 16:00)
    resend_refused -> awaiting_code(5 left, until 11:00, resend 04:00, last portal_rate_limited)
    resend_refused_until -> awaiting_code(5 left, until 11:00, resend 08:00, last portal_rate_limited)
    holder_lost -> failed(browser_lost) [give up]
    failed -> failed(portal_unavailable) [give up]
    cancelled -> cancelled [give up]
    tick_input_over tick_login_over -> expired [give up]
    unfit unfit_late
    start start_late opened opened_late code_sent code_sent_near_end merchant_asked
    merchant_asked_empty captcha_asked takeover_asked accepted several several_empty answer_listed
    answer_unlisted answer_rejected answer_expired saved tick lost lost_late -> error: not now

awaiting_code, last attempt
    answer_code -> verifying(code, 1 left) [answer code]
    answer_code_late answer_listed_late resend_late -> error: late
    resend -> awaiting_code(1 left, until 11:00, resend 04:00) [resend]
    resend_early -> error: too early, until 02:00
    resent -> awaiting_code(1 left, until 13:00, resend 04:00)
    resent_near_end -> awaiting_code(1 left, until 20:00, resend 16:00)
    resend_refused -> awaiting_code(1 left, until 11:00, resend 04:00, last portal_rate_limited)
    resend_refused_until -> awaiting_code(1 left, until 11:00, resend 08:00, last portal_rate_limited)
    holder_lost -> failed(browser_lost) [give up]
    failed -> failed(portal_unavailable) [give up]
    cancelled -> cancelled [give up]
    tick_input_over tick_login_over -> expired [give up]
    unfit unfit_late
    start start_late opened opened_late code_sent code_sent_near_end merchant_asked
    merchant_asked_empty captcha_asked takeover_asked accepted several several_empty answer_listed
    answer_unlisted answer_rejected answer_expired saved tick lost lost_late -> error: not now

awaiting_merchant, during login
    answer_code_late answer_listed_late -> error: late
    answer_listed -> verifying(merchant 22) [answer 22]
    answer_unlisted -> error: not listed
    holder_lost -> failed(browser_lost) [give up]
    failed -> failed(portal_unavailable) [give up]
    cancelled -> cancelled [give up]
    tick_input_over tick_login_over -> expired [give up]
    unfit unfit_late
    start start_late opened opened_late code_sent code_sent_near_end merchant_asked
    merchant_asked_empty captcha_asked takeover_asked accepted several several_empty answer_code
    answer_rejected answer_expired resend resend_early resend_late resent resent_near_end
    resend_refused resend_refused_until saved tick lost lost_late -> error: not now

awaiting_merchant, after login
    answer_code_late answer_listed_late -> error: late
    answer_listed -> finishing(22) [finish 22]
    answer_unlisted -> error: not listed
    holder_lost -> failed(browser_lost) [give up]
    failed -> failed(portal_unavailable) [give up]
    cancelled -> cancelled [give up]
    tick_input_over tick_login_over -> expired [give up]
    unfit unfit_late
    start start_late opened opened_late code_sent code_sent_near_end merchant_asked
    merchant_asked_empty captcha_asked takeover_asked accepted several several_empty answer_code
    answer_rejected answer_expired resend resend_early resend_late resent resent_near_end
    resend_refused resend_refused_until saved tick lost lost_late -> error: not now

awaiting_captcha; awaiting_takeover
    code_sent -> awaiting_code(5 left, until 13:00, resend 04:00)
    code_sent_near_end -> awaiting_code(5 left, until 20:00, resend 16:00)
    merchant_asked -> awaiting_merchant(during, until 13:00)
    merchant_asked_empty -> failed(no_merchants) [give up]
    captcha_asked -> awaiting_captcha(until 13:00) [watch]
    takeover_asked -> awaiting_takeover(until 13:00) [watch]
    accepted -> finishing [finish]
    answer_code_late answer_listed_late -> error: late
    holder_lost -> failed(browser_lost) [give up]
    failed -> failed(portal_unavailable) [give up]
    cancelled -> cancelled [give up]
    tick_input_over tick_login_over -> expired [give up]
    unfit unfit_late
    start start_late opened opened_late several several_empty answer_code answer_listed answer_unlisted answer_rejected answer_expired resend resend_early resend_late
    resent resent_near_end resend_refused resend_refused_until saved tick lost lost_late -> error: not now

verifying, code
    code_sent -> awaiting_code(5 left, until 13:00, resend 04:00)
    code_sent_near_end -> awaiting_code(5 left, until 20:00, resend 16:00)
    merchant_asked -> awaiting_merchant(during, until 13:00) +code_verified
    merchant_asked_empty -> failed(no_merchants) [give up]
    captcha_asked -> awaiting_captcha(until 13:00) +code_verified [watch]
    takeover_asked -> awaiting_takeover(until 13:00) +code_verified [watch]
    accepted -> finishing +code_verified [finish]
    answer_rejected -> awaiting_code(4 left, until 11:00, resend 02:00, last code_rejected)
    answer_expired -> awaiting_code(5 left, until 11:00, resend 03:00, last code_expired)
    failed -> failed(portal_unavailable) [give up]
    lost lost_late -> failed(login_interrupted) [give up]
    unfit unfit_late holder_lost
    start start_late opened opened_late several several_empty answer_code answer_code_late
    answer_listed answer_listed_late answer_unlisted resend resend_early resend_late resent
    resent_near_end resend_refused resend_refused_until saved -> error: not now
    cancelled tick tick_input_over tick_login_over -> error: in exchange

verifying, code, last attempt
    code_sent -> awaiting_code(5 left, until 13:00, resend 04:00)
    code_sent_near_end -> awaiting_code(5 left, until 20:00, resend 16:00)
    merchant_asked -> awaiting_merchant(during, until 13:00) +code_verified
    merchant_asked_empty -> failed(no_merchants) [give up]
    captcha_asked -> awaiting_captcha(until 13:00) +code_verified [watch]
    takeover_asked -> awaiting_takeover(until 13:00) +code_verified [watch]
    accepted -> finishing +code_verified [finish]
    answer_rejected -> failed(code_attempts_exhausted) [give up]
    answer_expired -> awaiting_code(1 left, until 11:00, resend 03:00, last code_expired)
    failed -> failed(portal_unavailable) [give up]
    lost lost_late -> failed(login_interrupted) [give up]
    unfit unfit_late holder_lost
    start start_late opened opened_late several several_empty answer_code answer_code_late
    answer_listed answer_listed_late answer_unlisted resend resend_early resend_late resent
    resent_near_end resend_refused resend_refused_until saved -> error: not now
    cancelled tick tick_input_over tick_login_over -> error: in exchange

verifying, merchant
    code_sent -> awaiting_code(5 left, until 13:00, resend 04:00) +wanted 11
    code_sent_near_end -> awaiting_code(5 left, until 20:00, resend 16:00) +wanted 11
    merchant_asked -> awaiting_merchant(during, until 13:00)
    merchant_asked_empty -> failed(no_merchants) [give up]
    captcha_asked -> awaiting_captcha(until 13:00) +wanted 11 [watch]
    takeover_asked -> awaiting_takeover(until 13:00) +wanted 11 [watch]
    accepted -> finishing(11) +wanted 11 [finish 11]
    answer_rejected -> awaiting_merchant(during, until 11:00, last code_rejected)
    answer_expired -> awaiting_merchant(during, until 11:00, last code_expired)
    failed -> failed(portal_unavailable) [give up]
    lost lost_late -> failed(login_interrupted) [give up]
    unfit unfit_late holder_lost
    start start_late opened opened_late several several_empty answer_code answer_code_late
    answer_listed answer_listed_late answer_unlisted resend resend_early resend_late resent
    resent_near_end resend_refused resend_refused_until saved -> error: not now
    cancelled tick tick_input_over tick_login_over -> error: in exchange

finishing
    several -> awaiting_merchant(after, until 13:00)
    several_empty -> failed(no_merchants) [give up]
    saved -> succeeded
    failed -> failed(portal_unavailable) [give up]
    cancelled -> cancelled [give up]
    tick_login_over lost_late -> expired [give up]
    lost -> finishing [finish]
    unfit unfit_late holder_lost
    start start_late opened opened_late code_sent code_sent_near_end merchant_asked
    merchant_asked_empty captcha_asked takeover_asked accepted answer_code answer_code_late
    answer_listed answer_listed_late answer_unlisted answer_rejected answer_expired resend
    resend_early resend_late resent resent_near_end resend_refused resend_refused_until tick
    tick_input_over -> error: not now

finishing, merchant named
    several -> failed(account_mismatch) [give up]
    several_empty -> failed(no_merchants) [give up]
    saved -> succeeded
    failed -> failed(portal_unavailable) [give up]
    cancelled -> cancelled [give up]
    tick_login_over lost_late -> expired [give up]
    lost -> finishing(11) [finish 11]
    unfit unfit_late holder_lost
    start start_late opened opened_late code_sent code_sent_near_end merchant_asked
    merchant_asked_empty captcha_asked takeover_asked accepted answer_code answer_code_late
    answer_listed answer_listed_late answer_unlisted answer_rejected answer_expired resend
    resend_early resend_late resent resent_near_end resend_refused resend_refused_until tick
    tick_input_over -> error: not now

succeeded; failed; expired; cancelled
    unfit unfit_late holder_lost
    start start_late opened opened_late code_sent code_sent_near_end merchant_asked
    merchant_asked_empty captcha_asked takeover_asked accepted several several_empty answer_code
    answer_code_late answer_listed answer_listed_late answer_unlisted answer_rejected answer_expired
    resend resend_early resend_late resent resent_near_end resend_refused resend_refused_until saved
    failed cancelled tick tick_input_over tick_login_over lost lost_late -> error: finished
";

/// Merchant 22 is wanted, and 11 and 22 are listed: nobody is asked. The pairs that differ from [`ASKS`].
pub const WANTS_LISTED: &str = "
submitting
    merchant_asked -> verifying(merchant 22) [answer 22]
    accepted -> finishing(22) [finish 22]

awaiting_captcha; awaiting_takeover
    merchant_asked -> verifying(merchant 22) [answer 22]
    accepted -> finishing(22) [finish 22]

verifying, code; verifying, code, last attempt
    merchant_asked -> verifying(merchant 22) +code_verified [answer 22]
    accepted -> finishing(22) +code_verified [finish 22]
    cancelled tick tick_input_over tick_login_over -> error: in exchange

verifying, merchant
    code_sent -> awaiting_code(5 left, until 13:00, resend 04:00)
    code_sent_near_end -> awaiting_code(5 left, until 20:00, resend 16:00)
    captcha_asked -> awaiting_captcha(until 13:00) [watch]
    takeover_asked -> awaiting_takeover(until 13:00) [watch]
    accepted -> finishing(22) [finish 22]
    cancelled tick tick_input_over tick_login_over -> error: in exchange

finishing
    several -> finishing(22) [finish 22]
";

/// Merchant 99 is wanted and never listed: the login host's question goes to the caller, the cabinet's list ends the login.
/// The pairs that differ from [`ASKS`].
pub const WANTS_UNLISTED: &str = "
submitting; awaiting_captcha; awaiting_takeover
    accepted -> finishing(99) [finish 99]

verifying, code; verifying, code, last attempt
    accepted -> finishing(99) +code_verified [finish 99]
    cancelled tick tick_input_over tick_login_over -> error: in exchange

verifying, merchant
    code_sent -> awaiting_code(5 left, until 13:00, resend 04:00)
    code_sent_near_end -> awaiting_code(5 left, until 20:00, resend 16:00)
    captcha_asked -> awaiting_captcha(until 13:00) [watch]
    takeover_asked -> awaiting_takeover(until 13:00) [watch]
    accepted -> finishing(99) [finish 99]
    cancelled tick tick_input_over tick_login_over -> error: in exchange

finishing
    several -> failed(account_mismatch) [give up]
";

/// None is wanted and the first will do. The pairs that differ from [`ASKS`].
pub const TAKES_FIRST: &str = "
submitting; awaiting_captcha; awaiting_takeover
    merchant_asked -> verifying(merchant 11) [answer 11]

verifying, code; verifying, code, last attempt
    merchant_asked -> verifying(merchant 11) +code_verified [answer 11]
    cancelled tick tick_input_over tick_login_over -> error: in exchange

finishing
    several -> finishing(11) [finish 11]
";

/// No browser is wanted: what would be handed to one ends the login. The pairs that differ from [`ASKS`].
pub const WANTS_DIRECT: &str = "
opening; submitting
    unfit unfit_late -> failed(portal_blocked) [give up]
";

/// A node's browser holds the page: no other engine is tried, and whoever takes the login over has no page of it. The pairs that
/// differ from [`ASKS`].
pub const HELD_BY_A_BROWSER: &str = "
queued
    lost -> opening +no holder [open]
    lost_late -> expired +no holder [give up]

opening
    unfit unfit_late -> failed(portal_blocked) [give up]
    lost -> opening +no holder [open]
    lost_late -> expired +no holder [give up]

submitting
    unfit unfit_late -> failed(portal_blocked) [give up]
    lost lost_late -> failed(login_interrupted) +no holder [give up]

verifying, code; verifying, code, last attempt; verifying, merchant
    lost lost_late -> failed(login_interrupted) +no holder [give up]

finishing
    lost -> finishing +no holder [finish]
    lost_late -> expired +no holder [give up]

finishing, merchant named
    lost -> finishing(11) +no holder [finish 11]
    lost_late -> expired +no holder [give up]
";
