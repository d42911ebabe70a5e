//! `kaspi-auth login`: signs a merchant in, with a person at the terminal or for a script.
//!
//! A person is asked for what is missing. A script is never asked: a login that needs somebody is told and left waiting,
//! and the exit code says so; `--resume` goes on with it.

mod account;
mod answers;
mod report;

use std::time::Duration;

use jiff::SignedDuration;
use kaspi_auth_core::Code;
use kaspi_auth_core::id::{LoginId, MerchantUid, UserId};
use kaspi_auth_core::keeping::Origin;
use kaspi_auth_core::login::{Challenge, EngineChoice, Login, LoginState, WhenSeveral};
use kaspi_auth_core::logins::{NewLogin, Started};
use kaspi_auth_core::tenant::Tenant;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use self::answers::{Answers, Reply};
use self::report::Report;
use super::failure::{Exit, Failure, Outcome};
use super::logging::Loudness;
use super::opened::Opened;
use super::{Global, output, signals};

/// How often a running login is looked at, to tell its steps.
const BEAT: Duration = Duration::from_millis(25);
/// Longer than any login lives.
const FOR_EVER: SignedDuration = SignedDuration::from_hours(48);
/// How long the portal's word on another code is waited for.
const RESEND: SignedDuration = SignedDuration::from_secs(60);

/// Who signs in, and how.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "options of a command line")]
pub struct Args {
    /// The e-mail address of the merchant's account; asked for in a terminal when neither this nor --phone is given.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "phone")]
    email: Option<String>,
    /// The phone of the merchant's account, in any usual spelling; an SMS code is the proof.
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// Read the password from the first line of stdin.
    #[arg(long, conflicts_with = "phone")]
    password_stdin: bool,
    /// Read each code that is asked for from the next line of stdin.
    #[arg(long)]
    code_stdin: bool,
    /// The merchant that is wanted, when the account holds several.
    #[arg(long, value_name = "UID", value_parser = MerchantUid::parse)]
    merchant: Option<MerchantUid>,
    /// For whom the store is held: a name of your own.
    #[arg(long, value_parser = UserId::parse)]
    user_id: Option<UserId>,
    /// How to drive it: auto (HTTP first, a browser where that does not do), direct (HTTP) or browser. When left out: as the store
    /// says, or else the configuration.
    #[arg(long, value_parser = engine)]
    engine: Option<EngineChoice>,
    /// Do not keep the password: only a person can then sign in again once the portal has forgotten the device.
    #[arg(long)]
    no_store_password: bool,
    /// Go on with a login that waits.
    #[arg(long, value_name = "LOGIN", conflicts_with_all = ["email", "phone", "password_stdin", "user_id", "engine", "no_store_password"])]
    resume: Option<LoginId>,
    /// The code, for the login that is resumed. Everybody on this machine can see it in the list of processes: rather
    /// --code-stdin.
    #[arg(long, requires = "resume", conflicts_with = "code_stdin")]
    code: Option<SecretString>,
    /// Ask for another code first, for the login that is resumed.
    #[arg(long, requires = "resume", conflicts_with = "code")]
    resend: bool,
    /// Give up the login that is resumed.
    #[arg(long, requires = "resume", conflicts_with_all = ["code", "resend", "merchant", "code_stdin"])]
    cancel: bool,
    /// One JSON object a line: the login in each of its states, as the API shows it.
    #[arg(long)]
    pub json: bool,
}

fn engine(text: &str) -> Result<EngineChoice, &'static str> {
    [EngineChoice::Auto, EngineChoice::Direct, EngineChoice::Browser]
        .into_iter()
        .find(|engine| engine.as_str() == text)
        .ok_or("an engine is auto, direct or browser")
}

/// Runs it.
pub async fn run(args: &Args, global: &Global) -> Outcome {
    let config = global.start(Loudness::Errors)?;
    let stop =
        signals::stop().map_err(|error| Failure::new("signals cannot be listened to").because(error))?;
    let mut answers = Answers::new(args, stop.clone());
    // Before the database is opened: what is missing is told at once.
    let credentials = match args.resume {
        Some(_) => None,
        None => Some(account::ask(args, &mut answers).await?),
    };
    let opened = Opened::of(&config).await?.driving();
    let mut report = Report::new(args.json, answers.is_interactive(), global.same_again());
    let driven = async {
        let login = match (credentials, args.resume) {
            (Some(credentials), _) => start(args, credentials, &opened).await?,
            (None, Some(id)) if args.cancel => return cancel(id, &mut report, &opened).await,
            (None, Some(id)) => resume(args, id, &opened).await?,
            (None, None) => return Err(Failure::usage("name an account")),
        };
        drive(login, &mut answers, &mut report, &opened, global, &stop).await
    };
    let ended = driven.await;
    report.clear();
    opened.close().await;
    ended
}

async fn start(
    args: &Args,
    credentials: kaspi_auth_core::account::Credentials,
    opened: &Opened,
) -> Outcome<Login> {
    let new = NewLogin {
        origin: Origin::Caller,
        code_source: None,
        credentials,
        user_id: args.user_id.clone(),
        engine: args.engine,
        store_password: !args.no_store_password,
        wanted: args.merchant.clone(),
        when_several: WhenSeveral::Ask,
    };
    let started = opened.service().logins.start(&Tenant::All, new).await.map_err(Failure::from);
    let id =
        started.as_ref().ok().map(|(Started::New(login) | Started::Running(login))| login.id.to_string());
    opened.audit("login", None, id.as_deref(), &started).await;
    match started? {
        Started::New(login) => Ok(login),
        Started::Running(login) => {
            output::note(format_args!(
                "a login of this account has begun already; going on with it ({})",
                login.id
            ));
            Ok(login)
        }
    }
}

/// Takes a waiting login up again, with what the options say to it.
async fn resume(args: &Args, id: LoginId, opened: &Opened) -> Outcome<Login> {
    let logins = &opened.service().logins;
    if args.resend {
        let until = opened.service().clock.now() + RESEND;
        let sent = logins.resend(&Tenant::All, id, until).await.map_err(Failure::from);
        opened.audit("login --resend", None, Some(&id.to_string()), &sent).await;
        return sent;
    }
    let found = logins.get(&Tenant::All, id, None).await.map_err(Failure::from);
    opened.audit("login --resume", None, Some(&id.to_string()), &found).await;
    found
}

async fn cancel(id: LoginId, report: &mut Report, opened: &Opened) -> Outcome {
    let until = opened.service().clock.now() + RESEND;
    let done = opened.service().logins.cancel(&Tenant::All, id, until).await.map_err(Failure::from);
    opened.audit("login --cancel", None, Some(&id.to_string()), &done).await;
    let login = done?;
    report.state(&login);
    output::note(format_args!("login {id} is {}", login.state.name()));
    Ok(Exit::Done)
}

/// Goes on until the login has ended or nobody answers.
async fn drive(
    mut login: Login,
    answers: &mut Answers,
    report: &mut Report,
    opened: &Opened,
    global: &Global,
    stop: &CancellationToken,
) -> Outcome {
    let logins = &opened.service().logins;
    loop {
        login = watch(login, report, opened, global, stop).await?;
        let challenge = match &login.state {
            LoginState::Succeeded { store } => {
                report.succeeded(store);
                return Ok(Exit::Done);
            }
            LoginState::Failed { failure } => return Err(Failure::from(failure)),
            LoginState::Expired => return Err(kaspi_auth_core::Error::of(Code::LoginExpired).into()),
            LoginState::Cancelled => return Err(kaspi_auth_core::Error::of(Code::LoginCancelled).into()),
            LoginState::Awaiting { challenge } => challenge,
            _ => continue,
        };
        report.clear();
        let reply = match answers.to(challenge, &*opened.service().clock).await {
            Err(failure) if failure.exit() == Exit::Interrupted => {
                return Err(left(&login, global, opened).ending(Exit::Interrupted));
            }
            reply => reply?,
        };
        let said = match reply {
            Reply::Answer(answer) => logins.answer(&Tenant::All, login.id, answer, None).await,
            Reply::Resend => {
                let until = opened.service().clock.now() + RESEND;
                logins.resend(&Tenant::All, login.id, until).await
            }
            Reply::Nobody => return Err(left(&login, global, opened)),
        };
        login = match said {
            Ok(login) => login,
            Err(error) if answers.is_interactive() && is_mendable(error.code()) => {
                output::note(Failure::from(error));
                logins.get(&Tenant::All, login.id, None).await?
            }
            Err(error) => return Err(error.into()),
        };
    }
}

/// Waits for the next state that needs somebody or ends the login, telling the steps on the way.
async fn watch(
    login: Login,
    report: &mut Report,
    opened: &Opened,
    global: &Global,
    stop: &CancellationToken,
) -> Outcome<Login> {
    let (logins, clock) = (&opened.service().logins, &opened.service().clock);
    report.state(&login);
    if !login.state.is_running() {
        return Ok(login);
    }
    let done = logins.get(&Tenant::All, login.id, Some(clock.now() + FOR_EVER));
    tokio::pin!(done);
    let mut beat = tokio::time::interval(BEAT);
    loop {
        tokio::select! {
            done = &mut done => {
                let login = done?;
                report.state(&login);
                return Ok(login);
            }
            _ = beat.tick() => report.state(&logins.get(&Tenant::All, login.id, None).await?),
            () = stop.cancelled() => return Err(left(&login, global, opened).ending(Exit::Interrupted)),
        }
    }
}

/// What a person can still mend in the same login.
fn is_mendable(code: Code) -> bool {
    matches!(
        code,
        Code::ResendTooEarly
            | Code::ResendUnavailable
            | Code::PortalRateLimited
            | Code::MerchantNotListed
            | Code::StoreTaken
            | Code::Conflict
            | Code::LoginNotAwaiting
    )
}

/// The login is left as it is, and can be taken up again.
fn left(login: &Login, global: &Global, opened: &Opened) -> Failure {
    let state = match login.state.challenge() {
        Some(Challenge::Code(code)) => format!("waits for the code that went to {}", code.destination_masked),
        Some(Challenge::Merchant(_)) => "waits for the choice of a merchant".to_owned(),
        Some(Challenge::Captcha(person) | Challenge::Takeover(person)) => {
            format!("waits: {}", person.instruction)
        }
        None => format!("is {}", login.state.name()),
    };
    let failure = Failure::new(format!("login {} {state}", login.id));
    let failure = match login.state.challenge() {
        Some(Challenge::Code(_)) => failure.coded(Code::SmsRequired),
        _ => failure,
    };
    failure.hint(how_to_go_on(login, global, opened)).ending(Exit::NeedsPerson)
}

/// The command that goes on with a login. At a terminal it asks for a code; a script writes it to stdin: what stands on a
/// command line is seen by everybody on the machine. What a browser of this process holds ends with the process.
pub fn how_to_go_on(login: &Login, global: &Global, opened: &Opened) -> String {
    if login.holder == Some(opened.service().logins.node()) {
        let what = match login.state.challenge() {
            Some(Challenge::Merchant(_)) => "sign in again with --merchant UID",
            Some(Challenge::Captcha(_) | Challenge::Takeover(_)) => {
                "a person needs a service that keeps running"
            }
            _ => "sign in again with --code-stdin, and hand the code in while the command runs",
        };
        return format!(
            "its page is in a browser that ends with this command: {what}; or sign in over the API of a running service"
        );
    }
    let (answer, until) = match login.state.challenge() {
        Some(asked @ Challenge::Code(_)) if output::is_interactive() => ("", asked.expires_at()),
        Some(asked @ Challenge::Code(_)) => (" --code-stdin", asked.expires_at()),
        Some(asked @ Challenge::Merchant(_)) => (" --merchant UID", asked.expires_at()),
        _ => ("", login.expires_at),
    };
    format!("until {until:.0}, go on with: {} login --resume {}{answer}", global.same_again(), login.id)
}
