//! Effects that a login's holder is to carry out, as they stand among the login's secrets: an answer may be a code.

use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::login::{Answer, Effect};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// A list of objects, each with what is to be done under `do`.
pub(super) fn to_value(effects: &[Effect]) -> Value {
    effects.iter().map(one).collect()
}

fn one(effect: &Effect) -> Value {
    match effect {
        Effect::Open => json!({ "do": "open" }),
        Effect::Submit => json!({ "do": "submit" }),
        Effect::Answer(Answer::Code(code)) => json!({ "do": "answer", "code": code.expose_secret() }),
        Effect::Answer(Answer::Merchant(uid)) => json!({ "do": "answer", "merchant": uid.as_str() }),
        Effect::Resend => json!({ "do": "resend" }),
        Effect::Finish { merchant } => json!({ "do": "finish", "merchant": merchant }),
        Effect::Watch => json!({ "do": "watch" }),
        Effect::GiveUp => json!({ "do": "give_up" }),
    }
}

/// Where one of them is not understood, none is carried out: they belong together.
pub(super) fn from_value(value: Option<&Value>) -> Vec<Effect> {
    let Some(Value::Array(list)) = value else { return Vec::new() };
    list.iter().map(read).collect::<Option<_>>().unwrap_or_default()
}

fn read(value: &Value) -> Option<Effect> {
    let text = |key| value.get(key).and_then(Value::as_str);
    let merchant = || text("merchant").map(MerchantUid::parse).transpose().ok();
    Some(match text("do")? {
        "open" => Effect::Open,
        "submit" => Effect::Submit,
        "answer" => Effect::Answer(match text("code") {
            Some(code) => Answer::Code(code.to_owned().into()),
            None => Answer::Merchant(merchant()??),
        }),
        "resend" => Effect::Resend,
        "finish" => Effect::Finish { merchant: merchant()? },
        "watch" => Effect::Watch,
        "give_up" => Effect::GiveUp,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_effect_comes_back() {
        let uid = MerchantUid::parse("17").unwrap();
        let all = vec![
            Effect::Open,
            Effect::Submit,
            Effect::Answer(Answer::code("123456").unwrap()),
            Effect::Answer(Answer::Merchant(uid.clone())),
            Effect::Resend,
            Effect::Finish { merchant: None },
            Effect::Finish { merchant: Some(uid) },
            Effect::Watch,
            Effect::GiveUp,
        ];
        assert_eq!(from_value(Some(&to_value(&all))), all);
    }

    #[test]
    fn what_is_not_understood_is_nothing_to_do() {
        assert_eq!(from_value(None), []);
        for value in [
            json!(null),
            json!("resend"),
            json!([{ "do": "resend" }, { "do": "dance" }]),
            json!([{ "do": "answer" }]),
            json!([{ "do": "finish", "merchant": "a b" }]),
            json!([{}]),
        ] {
            assert_eq!(from_value(Some(&value)), [], "{value}");
        }
    }
}
