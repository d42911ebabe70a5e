//! Where answers come from: the options, the lines of stdin, or a person at the terminal. Must not guess one.

use std::io::BufRead as _;

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::Code;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::login::{Answer, Challenge, Channel, CodeChallenge, LastError, MerchantChallenge};
use kaspi_auth_core::port::Clock;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use super::super::failure::{Failure, Outcome};
use super::super::output::{self, Paint};
use super::Args;

/// What is said to a challenge.
pub enum Reply {
    /// This.
    Answer(Answer),
    /// Another code, please.
    Resend,
    /// There is nobody to answer.
    Nobody,
}

/// The sources of answers.
pub struct Answers {
    interactive: bool,
    code_stdin: bool,
    code: Option<SecretString>,
    merchant: Option<MerchantUid>,
    stop: CancellationToken,
}

impl Answers {
    /// As the options say. Once `stop` is cancelled nobody is asked any more.
    pub fn new(args: &Args, stop: CancellationToken) -> Self {
        Self {
            stop,
            interactive: output::is_interactive() && !args.json && !args.password_stdin && !args.code_stdin,
            code_stdin: args.code_stdin,
            code: args.code.clone(),
            merchant: args.merchant.clone(),
        }
    }

    /// Whether a person is asked.
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// An answer to the challenge.
    ///
    /// # Errors
    /// An answer of a form that no portal takes; a terminal that went away.
    pub async fn to(&mut self, challenge: &Challenge, clock: &dyn Clock) -> Outcome<Reply> {
        match challenge {
            Challenge::Code(asked) => self.code(asked, clock).await,
            Challenge::Merchant(asked) => self.choice(asked).await,
            Challenge::Captcha(person) | Challenge::Takeover(person) => {
                output::note(&person.instruction);
                Ok(Reply::Nobody)
            }
        }
    }

    async fn code(&mut self, asked: &CodeChallenge, clock: &dyn Clock) -> Outcome<Reply> {
        // Once: a code that was refused is not sent again.
        let given = match self.code.take() {
            Some(code) => Some(code),
            None if self.code_stdin => self.stdin_line().await?.map(Into::into),
            None => None,
        };
        if let Some(code) = given {
            let answer = Answer::code(code.expose_secret());
            return answer.map(Reply::Answer).map_err(|error| Failure::new(error.0));
        }
        if !self.interactive {
            return Ok(Reply::Nobody);
        }
        if let Some(error) = &asked.last_error {
            tell(error, Some(asked.attempts_left));
        }
        let (what, place) = match asked.channel {
            Channel::Email => ("mail", "mailed"),
            Channel::Sms => ("SMS", "texted"),
        };
        let paint = Paint::stderr();
        output::note(format_args!(
            "Kaspi {place} a code to {}. {}",
            paint.bold(&asked.destination_masked),
            paint.dim(format_args!("No {what}? Type r for another{}.", wait(clock, asked.resend_after))),
        ));
        loop {
            let typed = self.line("Code: ").await?;
            match typed.as_str() {
                "" => {}
                "r" | "R" | "resend" => match &*wait(clock, asked.resend_after) {
                    "" => return Ok(Reply::Resend),
                    wait => output::note(format_args!(
                        "Not yet: another {what} can be asked for{}.",
                        wait.trim_start_matches(',')
                    )),
                },
                typed => match Answer::code(typed) {
                    Ok(answer) => return Ok(Reply::Answer(answer)),
                    Err(error) => output::note(format_args!("{} (r: send another)", error.0)),
                },
            }
        }
    }

    async fn choice(&mut self, asked: &MerchantChallenge) -> Outcome<Reply> {
        if let Some(uid) = self.merchant.take() {
            return Ok(Reply::Answer(Answer::Merchant(uid)));
        }
        if !self.interactive {
            return Ok(Reply::Nobody);
        }
        if let Some(error) = &asked.last_error {
            tell(error, None);
        }
        output::note("The account holds several merchants:");
        for (number, merchant) in (1..).zip(&asked.merchants) {
            let name = merchant.name.as_deref().unwrap_or_default();
            output::note(format_args!("  {number}  {:<12} {name}", merchant.uid.as_str()));
        }
        loop {
            let typed = self.line("Which one (number or uid): ").await?;
            let by_number =
                typed.parse::<usize>().ok().and_then(|number| asked.merchants.get(number.checked_sub(1)?));
            let chosen =
                by_number.or_else(|| asked.merchants.iter().find(|merchant| merchant.uid.as_str() == typed));
            match chosen {
                Some(merchant) => return Ok(Reply::Answer(Answer::Merchant(merchant.uid.clone()))),
                None if typed.is_empty() => {}
                None => output::note(format_args!("Type a number from 1 to {}.", asked.merchants.len())),
            }
        }
    }

    /// What a person types.
    ///
    /// # Errors
    /// The terminal has gone away.
    pub async fn line(&mut self, question: &str) -> Outcome<String> {
        output::ask(Paint::stderr().bold(question));
        let typed = self.stdin_line().await?;
        let typed = typed.ok_or_else(|| Failure::interrupted("the terminal has gone away"))?;
        Ok(typed.trim().to_owned())
    }

    /// What a person types, unseen. Ctrl-C comes back as an error: the terminal must be put in order first.
    ///
    /// # Errors
    /// The terminal has gone away.
    pub async fn password(&mut self, question: &str) -> Outcome<SecretString> {
        let question = Paint::stderr().bold(question);
        let typed =
            tokio::task::spawn_blocking(move || rpassword::prompt_password(question).map(SecretString::from));
        match typed.await {
            Ok(Ok(password)) => Ok(password),
            Ok(Err(error)) => Err(Failure::interrupted("no password was given").because(error)),
            Err(error) => Err(Failure::new("the password could not be asked for").because(error)),
        }
    }

    /// The next line of stdin without its end; `None` after the last.
    ///
    /// # Errors
    /// Stdin cannot be read.
    pub async fn stdin_line(&mut self) -> Outcome<Option<String>> {
        let read = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            let bytes = std::io::stdin().lock().read_line(&mut line)?;
            line.truncate(line.trim_end_matches(['\n', '\r']).len());
            std::io::Result::Ok((bytes > 0).then_some(line))
        });
        let read = tokio::select! {
            read = read => read,
            () = self.stop.cancelled() => return Err(Failure::interrupted("interrupted")),
        };
        match read {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(error)) => Err(Failure::new("stdin cannot be read").because(error)),
            Err(error) => Err(Failure::new("stdin cannot be read").because(error)),
        }
    }
}

/// Why the last answer did not do.
fn tell(error: &LastError, attempts_left: Option<u32>) {
    let paint = Paint::stderr();
    let why = match error.code {
        Code::CodeRejected => "Kaspi does not accept this code.".to_owned(),
        code => code.advice().to_owned(),
    };
    let words = error.portal_message.as_ref().map(|words| format!(" «{words}»")).unwrap_or_default();
    let left = match attempts_left {
        Some(1) => " One attempt is left.".to_owned(),
        Some(left) => format!(" {left} attempts are left."),
        None => String::new(),
    };
    output::note(paint.yellow(format_args!("{why}{words}{left}")));
}

/// How long it is until then, in words.
fn wait(clock: &dyn Clock, after: Timestamp) -> String {
    let left: SignedDuration = clock.now().duration_until(after);
    if left.is_positive() { format!(", in {} s", left.as_secs() + 1) } else { String::new() }
}
