//! How a command ends: its exit code and, when it failed, what to tell and what to do. Must not show a secret.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use kaspi_auth_core::login::Failure as LoginFailure;
use kaspi_auth_core::{Code, Kind};
use serde_json::json;

use super::output::{self, Paint};
use crate::config::ConfigError;
use crate::process::Chain;
use crate::wiring::StartError;

/// The exit codes, as `--help` and the documentation tell them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed; the same again would fail again
  2    the command line or the configuration cannot be used
  3    a person is needed: a code, a choice, new credentials
  4    not now; the same again may succeed later
  130  interrupted";

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// As asked.
    Done = 0,
    /// The same again would fail again.
    Failed = 1,
    /// The command line or the configuration cannot be used.
    Usage = 2,
    /// Goes on once a person has answered.
    NeedsPerson = 3,
    /// The same again may succeed later.
    Later = 4,
    /// By a signal.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What commands answer.
pub type Outcome<T = Exit> = Result<T, Failure>;

type Source = Box<dyn Error + Send + Sync>;

/// Why a command could not do it.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    detail: String,
    code: Option<Code>,
    portal_message: Option<String>,
    source: Option<Source>,
    hint: Option<String>,
}

impl Failure {
    /// A failure that another try does not mend.
    pub fn new(detail: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            detail: detail.into(),
            code: None,
            portal_message: None,
            source: None,
            hint: None,
        }
    }

    /// A command line that cannot be used.
    pub fn usage(detail: impl Into<String>) -> Self {
        Self::new(detail).ending(Exit::Usage)
    }

    /// Stopped by a signal.
    pub fn interrupted(detail: impl Into<String>) -> Self {
        Self::new(detail).ending(Exit::Interrupted)
    }

    /// With another exit code.
    #[must_use]
    pub fn ending(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// With what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// With a stable code.
    #[must_use]
    pub fn coded(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The stable code of the error, where it has one.
    pub fn code(&self) -> Option<Code> {
        self.code
    }

    /// Tells it on stderr: as one JSON object, or in words.
    pub fn tell(&self, as_json: bool) {
        if as_json {
            output::note(json!({ "error": {
                "code": self.code.map(Code::as_str),
                "retryable": self.exit == Exit::Later,
                "detail": self.detail,
                "portal_message": self.portal_message,
                "cause": self.cause(),
                "hint": self.hint,
            }}));
        } else {
            output::note(format_args!("{} {self}", Paint::stderr().red("error:")));
        }
    }

    fn cause(&self) -> Option<String> {
        self.source.as_ref().map(|source| Chain(&**source as &dyn Error).to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        if let Some(code) = self.code {
            write!(f, " ({})", code.as_str())?;
        }
        if let Some(words) = &self.portal_message {
            write!(f, "\n  the portal says: {words}")?;
        }
        if let Some(cause) = self.cause() {
            write!(f, "\n  cause: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl From<kaspi_auth_core::Error> for Failure {
    fn from(error: kaspi_auth_core::Error) -> Self {
        let (code, detail) = (error.code(), error.detail().to_owned());
        let hint = error.retry_at().map(|at| format!("again at {at}"));
        let portal_message = error.portal_message().map(str::to_owned);
        let source: Option<Source> =
            Error::source(&error).is_some().then(|| Box::new(Cause(error)) as Source);
        Self { exit: exit_of(code), detail, code: Some(code), portal_message, source, hint }
    }
}

impl From<&LoginFailure> for Failure {
    fn from(failure: &LoginFailure) -> Self {
        Self {
            exit: exit_of(failure.code),
            detail: failure.detail.clone(),
            code: Some(failure.code),
            portal_message: failure.portal_message.clone(),
            source: None,
            hint: failure.retry_at.map(|at| format!("again at {at}")),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let exit = match &error {
            StartError::Key(_) | StartError::File { .. } | StartError::Portal(_) | StartError::Browser(_) => {
                Exit::Usage
            }
            StartError::Database(_) => Exit::Failed,
        };
        let failure = Self::new(error.to_string()).ending(exit);
        // The sentence of a transparent error is its cause's own: what lies below that is still to be told.
        if Error::source(&error).is_some() { failure.because(Below(Box::new(error))) } else { failure }
    }
}

/// How a command ends that failed with this.
pub fn exit_of(code: Code) -> Exit {
    match code {
        Code::SmsRequired | Code::NeedsReauth | Code::CredentialsMissing | Code::SsoExpired => {
            Exit::NeedsPerson
        }
        _ if code.retryable()
            && matches!(
                code.kind(),
                Kind::Upstream | Kind::Unavailable | Kind::RateLimited | Kind::Conflict
            ) =>
        {
            Exit::Later
        }
        _ => Exit::Failed,
    }
}

/// What lies below a core error: its own sentence has been told.
#[derive(Debug)]
struct Cause(kaspi_auth_core::Error);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Error::source(&self.0) {
            Some(source) => write!(f, "{source}"),
            None => Ok(()),
        }
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Error::source(&self.0).and_then(Error::source)
    }
}

/// What lies below any error.
#[derive(Debug)]
struct Below(Source);

impl fmt::Display for Below {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.source() {
            Some(source) => write!(f, "{source}"),
            None => Ok(()),
        }
    }
}

impl Error for Below {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source().and_then(Error::source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_says_who_can_mend_it() {
        assert_eq!(exit_of(Code::InvalidCredentials), Exit::Failed);
        assert_eq!(exit_of(Code::PortalUnavailable), Exit::Later);
        assert_eq!(exit_of(Code::PortalRateLimited), Exit::Later);
        assert_eq!(exit_of(Code::CredentialsMissing), Exit::NeedsPerson);
        for line in EXIT_CODES.lines().skip(1) {
            let code: u8 = line.split_whitespace().next().unwrap().parse().unwrap();
            let all =
                [Exit::Done, Exit::Failed, Exit::Usage, Exit::NeedsPerson, Exit::Later, Exit::Interrupted];
            assert!(all.iter().any(|exit| *exit as u8 == code), "{line}");
        }
    }

    #[test]
    fn a_failure_tells_the_code_the_cause_and_the_way_out() {
        let error = kaspi_auth_core::Error::new(Code::PortalUnavailable, "No answer.")
            .with_source(std::io::Error::other("refused"))
            .with_portal_message(Some("503".to_owned()));
        let text = Failure::from(error).hint("wait").to_string();
        assert_eq!(
            text,
            "No answer. (portal_unavailable)\n  the portal says: 503\n  cause: refused\n  hint: wait"
        );
    }
}
