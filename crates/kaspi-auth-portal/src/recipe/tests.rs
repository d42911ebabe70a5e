//! The recipe that comes with the program is sound, and every slip in a file is told with its line.

use super::*;

#[test]
fn the_embedded_recipe_is_sound_and_names_every_call() {
    let recipe = Recipe::embedded();
    assert_eq!(recipe.typing(), Typing::Value);
    assert_eq!(recipe.call_at("/api/p/login"), Some(Call::Login));
    assert_eq!(recipe.call_at("/api/p/mfa/send"), Some(Call::Resend));
    assert_eq!(recipe.call_at("/s/m"), Some(Call::Merchants));
    assert_eq!(recipe.call_at("/login"), None);
    let page = recipe.for_page();
    assert_eq!(page["elements"]["email"][0]["css"], "#user_email_field");
    assert_eq!(page["outcomes"][0]["is"], "cabinet");
}

#[test]
fn texts_of_errors_have_codes() {
    let recipe = Recipe::embedded();
    for (text, code) in [
        ("Неверные почта или пароль", Code::InvalidCredentials),
        ("Неверный пароль", Code::InvalidCredentials),
        ("Неверный код. Проверьте его и введите ещё раз.", Code::CodeRejected),
        ("Время действия кода истекло. Запросите новый.", Code::CodeExpired),
        ("Попытки ввода кода закончились. Начните вход заново.", Code::CodeAttemptsExhausted),
        ("Слишком много запросов. Повторите через 2 мин.", Code::PortalRateLimited),
        ("У этой учётной записи нет прав на вход в кабинет.", Code::InsufficientPermissions),
        ("У этой учётной записи нет магазинов.", Code::NoMerchants),
        ("Портал сейчас не отвечает. Попробуйте позже.", Code::PortalUnavailable),
        ("Доступ временно ограничен", Code::PortalBlocked),
    ] {
        assert_eq!(recipe.code_of_text(text), Some(code), "{text}");
    }
    // Never wrong credentials by a text that only speaks of them.
    for text in ["Введите пароль", "Забыли пароль?", "Ошибка", "Введите email"]
    {
        assert_eq!(recipe.code_of_text(text), None, "{text}");
    }
}

#[test]
fn every_slip_is_told_with_its_line_and_key() {
    let slips = [
        ("version = 1", "version = 7", "version is 7"),
        ("typing = \"value\"", "typing = \"telepathy\"", "telepathy"),
        ("settle_millis = 4000", "settle_millis = 4000\nsettles = 1", "settles"),
        ("blocked_types = [\"Image\"", "blocked_types = [\"Script\"", "page.blocked_types names \"Script\""),
        ("{ css = \"#user_email_field\" }", "{ css = \"#user_email_field[\" }", "elements.email: css"),
        (
            "text = '^телефон$' },\n    { css = \"a",
            "text = '^(телефон$' },\n    { css = \"a",
            "elements.phone_tab: text",
        ),
        ("[elements.password]", "[elements.pass_word]", "pass_word"),
        ("element = \"merchant\"", "element = \"shop\"", "names the element \"shop\""),
        ("path = '^/(mc", "path = '^/((mc", "path is no regular expression"),
        ("code = \"no_merchants\"", "code = \"no_shops\"", "texts: code is \"no_shops\""),
        ("login_paths = [\"/api/p/login\"]", "login_paths = [\"api\"]", "does not begin with a slash"),
        ("is = \"code\"\nelement", "is = \"choice\"\nelement", "outcomes has none with is = \"code\""),
    ];
    for (right, wrong, told) in slips {
        let text = Recipe::embedded_text().replacen(right, wrong, 1);
        assert_ne!(text, Recipe::embedded_text(), "{right}");
        let error = Recipe::parse(&text).expect_err(wrong).to_string();
        assert!(error.contains(told), "{wrong}: {error}");
        assert!(error.starts_with("line "), "{wrong}: {error}");
    }
}

#[test]
fn the_line_is_the_one_of_the_slip() {
    let before = Recipe::embedded_text().split("{ css = \"#password_field\" }").next().expect("a part");
    let line = before.lines().count();
    let text = Recipe::embedded_text().replace("#password_field", "#password_field(");
    let error = Recipe::parse(&text).expect_err("a slip").to_string();
    assert!(error.starts_with(&format!("line {line}: elements.password: css")), "{error}");
}

#[test]
fn all_slips_are_told_at_once_and_a_file_that_is_not_there_is_named() {
    let text =
        Recipe::embedded_text().replace("#password_field", "").replace("is = \"form\"", "is = \"code\"");
    assert_eq!(Recipe::parse(&text).expect_err("slips").to_string().lines().count(), 2);
    let error = Recipe::load(Path::new("no/such/recipe.toml")).expect_err("no file").to_string();
    assert!(error.contains("no/such/recipe.toml cannot be read"), "{error}");
}
