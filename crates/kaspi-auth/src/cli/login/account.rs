//! Who signs in: from the options, or from a person at the terminal. A password is never on the command line.

use kaspi_auth_core::account::{Account, Credentials};

use super::super::failure::{Failure, Outcome};
use super::super::output;
use super::Args;
use super::answers::Answers;

/// Puts the credentials together.
///
/// # Errors
/// What is missing when there is nobody to ask; an account that the portal could not know.
pub async fn ask(args: &Args, answers: &mut Answers) -> Outcome<Credentials> {
    let unusable = |error: kaspi_auth_core::account::InvalidAccount| Failure::usage(error.to_string());
    if let Some(phone) = &args.phone {
        return Credentials::phone(phone).map_err(unusable);
    }
    let email = match &args.email {
        Some(email) => email.clone(),
        None if answers.is_interactive() => {
            let account = loop {
                let typed = answers.line("E-mail or phone of the merchant's account: ").await?;
                match Account::email(&typed).or_else(|_| Account::phone(&typed)) {
                    Ok(account) => break account,
                    Err(_) => {
                        output::note(
                            "That is neither an e-mail address nor a phone like +7 (700) 000-00-00.",
                        );
                    }
                }
            };
            match account {
                Account::Email(email) => email,
                Account::Phone(phone) => return Credentials::phone(&phone).map_err(unusable),
            }
        }
        None => return Err(Failure::usage("name the account with --email or --phone")),
    };
    // A misspelt address is told before a password is typed.
    Account::email(&email).map_err(unusable)?;
    let password = if args.password_stdin {
        answers.stdin_line().await?.ok_or_else(|| Failure::usage("stdin ended before the password"))?.into()
    } else if answers.is_interactive() {
        answers.password(&format!("Password of {email} at Kaspi (not shown): ")).await?
    } else {
        return Err(Failure::usage(
            "there is nobody to ask for the password: pipe it in, with --password-stdin",
        ));
    };
    Credentials::password(&email, password).map_err(unusable)
}
