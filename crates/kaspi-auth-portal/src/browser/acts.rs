//! What can be done in a page in one call, as the page's own functions read it. Values may be secrets: build, call, drop.

use kaspi_auth_core::account::Account;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::wire::su::Asked;

/// Brings a field into view by its tab, where it is not there yet.
pub(super) fn tab(tab: &str, element: &str) -> Value {
    json!({"do": "tab", "tab": tab, "el": element})
}

/// Puts a value into a field.
pub(super) fn fill(element: &str, value: &SecretString) -> Value {
    json!({"do": "fill", "el": element, "value": value.expose_secret()})
}

/// Puts a phone into its field, which writes it in its own way.
pub(super) fn fill_phone(account: &Account) -> Value {
    json!({"do": "fill", "el": "phone", "value": digits(account), "other": account.portal_form()})
}

/// The phone as clients type it (CONTRACT, 2.4).
pub(super) fn digits(account: &Account) -> String {
    account.portal_form().chars().filter(char::is_ascii_digit).collect()
}

/// Empties a field and puts the cursor into it.
pub(super) fn focus(element: &str) -> Value {
    json!({"do": "focus", "el": element})
}

/// Makes sure that what was typed is there.
pub(super) fn settled(element: &str) -> Value {
    json!({"do": "settled", "el": element})
}

/// Presses the form's button unless the field is there already, and waits for it.
pub(super) fn next(element: &str) -> Value {
    json!({"do": "next", "el": element})
}

/// Ticks a box.
pub(super) fn tick(element: &str) -> Value {
    json!({"do": "tick", "el": element})
}

/// Waits for an element.
pub(super) fn wait(element: &str) -> Value {
    json!({"do": "wait", "el": element})
}

/// Waits for any of these, as far as it is new.
pub(super) fn seen(elements: &[&str]) -> Value {
    json!({"do": "seen", "els": elements})
}

/// Presses, as soon as it can be pressed.
pub(super) fn click(element: &str) -> Value {
    json!({"do": "click", "el": element})
}

/// Presses now or not at all.
pub(super) fn press(element: &str) -> Value {
    json!({"do": "press", "el": element})
}

/// Chooses a merchant by any of its ids, else by its name, and confirms.
pub(super) fn choose(asked: &Asked) -> Value {
    json!({"do": "choose", "ids": [asked.uid.as_str(), asked.merchant, asked.user], "name": asked.name})
}
