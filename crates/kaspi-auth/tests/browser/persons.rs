//! What only a person passes: captchas and pages that nobody knows. The login waits, shows what there is to see, and goes on by
//! itself.

use kaspi_auth_core::id::LoginId;
use kaspi_sandbox::{Captcha, Fixture};
use reqwest::Method;
use serde_json::{Value, json};

use crate::chromium::{by_browser, cold, farm, on};
use crate::harness::{Kind, Login, PASSWORD, World, eventually, until};

const STRANGE: &str =
    "<!doctype html><title>Новый вход</title><h1>Добро пожаловать</h1><p>Скоро откроемся</p>";

async fn png(world: &World, path: &str) -> Vec<u8> {
    let answer = world.admin.request(Method::GET, path).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"image/png".parse().unwrap())
    );
    let bytes = answer.bytes().await.unwrap().to_vec();
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.len() > 200, "{} bytes", bytes.len());
    bytes
}

async fn waits_for_a_captcha(world: &World, captcha: Captcha) -> Login {
    let mut knobs = world.portal.knobs();
    knobs.login.captcha = captcha;
    world.portal.set_knobs(knobs);
    let login = world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("awaiting_captcha");
    assert_eq!(login.asked().kind, "captcha");
    assert!(login.asked().instruction.as_deref().is_some_and(|said| !said.is_empty()));
    assert_eq!(farm(world.node()).held, 1);
    login
}

async fn goes_on_once_it_is_passed(world: &World, captcha: Captcha) {
    let login = waits_for_a_captcha(world, captcha).await;
    let picture = format!("/v1/logins/{}/challenge/picture", login.id);
    assert_eq!(login.asked().picture_url.as_deref(), Some(picture.as_str()));
    png(world, &picture).await;
    // Who may not see the login may not see its picture.
    world.node().user("other").await.get(&picture).await.is_problem(404, "login_not_found");
    assert_eq!(world.passwords(), 0, "nothing is sent before a person has passed it");
    world.portal.pass_captchas();
    let done = eventually("the login has ended", async || {
        let login = world.admin.login(login.id).await;
        matches!(login.state.as_str(), "succeeded" | "failed").then_some(login)
    });
    done.await.stands("succeeded");
    assert_eq!(world.passwords(), 1, "{captcha:?}: the password was sent once");
    until("the page was let go", || farm(world.node()).held == 0).await;
    world.admin.get(&picture).await.is_problem(409, "login_not_awaiting");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_goes_on_by_itself_once_a_person_has_ticked_the_box_of_a_captcha() {
    World::prove_with(Kind::Sqlite, on, async |world| {
        goes_on_once_it_is_passed(world, Captcha::Passable).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_goes_on_by_itself_once_a_person_has_read_the_picture_of_a_captcha() {
    World::prove_with(Kind::Postgres, on, async |world| {
        goes_on_once_it_is_passed(world, Captcha::Picture).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_waits_for_a_person_can_be_given_up() {
    World::prove_with(Kind::Sqlite, on, async |world| {
        let login = waits_for_a_captcha(world, Captcha::Passable).await;
        world.admin.delete(&format!("/v1/logins/{}", login.id)).await.is(200);
        until("the page was let go", || farm(world.node()).held == 0).await;
        world.portal.pass_captchas();
        world.admin.login(login.id).await.stands("cancelled");
        assert_eq!(world.passwords(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_nobody_knows_fails_the_login_with_evidence_that_the_sandbox_replays() {
    World::prove_with(Kind::Sqlite, cold, async |world| {
        // What is usual is known first: a change is a change of that.
        world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
        let passwords = world.passwords();
        let url = "https://idmc.shop.kaspi.kz/login";
        world.portal.set_fixture(Some(Fixture::page(url, STRANGE).unwrap()));
        let login = world.admin.sign_in(&by_browser("code@sandbox.test")).await.stands("failed");
        assert_eq!(login.code(), "portal_changed", "{login:?}");
        let path = format!("/v1/logins/{}/evidence", login.id);
        let evidence = world.admin.get(&path).await.is(200);
        let view = evidence.json();
        assert_eq!((&view["driver"], &view["code"]), (&json!("browser"), &json!("portal_changed")));
        assert!(view["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{view}");
        let skeleton = view["skeleton"].as_str().unwrap();
        assert!(skeleton.contains("Добро пожаловать"), "{skeleton}");
        assert!(!evidence.text.contains("code@sandbox.test") && !evidence.text.contains(PASSWORD));
        png(world, &format!("{path}/screenshot")).await;
        assert_eq!(world.passwords(), passwords, "nothing was typed into a page that nobody knows");

        let exported = world.admin.get(&format!("{path}?format=fixture")).await.is(200);
        world.portal.set_fixture(Some(Fixture::read(exported.text.as_bytes()).unwrap()));
        let seen = world.portal.counters().page_views("fixture");
        let replayed = world.admin.sign_in(&by_browser("several@sandbox.test")).await.stands("failed");
        assert_eq!(replayed.code(), "portal_changed");
        assert!(world.portal.counters().page_views("fixture") > seen, "the replay was met");

        world.portal.set_fixture(None);
        world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_with_other_fields_is_told_as_an_event() {
    World::prove_with(Kind::Sqlite, on, async |world| {
        let changes = async || -> Vec<Value> {
            let events =
                world.admin.get("/v1/events").await.is(200).json()["events"].as_array().unwrap().clone();
            events.into_iter().filter(|event| event["type"] == "portal.changed").collect()
        };
        world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
        assert_eq!(changes().await, Vec::<Value>::new());
        let mut knobs = world.portal.knobs();
        knobs.page.renamed_field = Some(kaspi_sandbox::RenamedField::Email);
        world.portal.set_knobs(knobs);
        let told = eventually("the change is told", async || {
            // A renamed field has other marks: logins go on.
            world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
            changes().await.into_iter().next()
        })
        .await;
        assert!(told["data"]["step"].as_str().unwrap().contains("browser"), "{told}");
        assert_ne!(told["data"]["shape"], told["data"]["before"]);
    })
    .await;
}

/// A login page that, once the credentials are typed, asks something that nobody has heard of, and sends them when it is answered.
const NEW_QUESTION: &str = r#"<!doctype html><meta charset="utf-8"><title>Вход</title>
<form><input id="user_email_field" name="username"><input id="password_field" type="password">
<button class="button is-primary">Продолжить</button></form>
<script>
document.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = (id) => document.getElementById(id).value;
  const body = JSON.stringify({ _u: value("user_email_field"), _p: value("password_field"), _r_d: false });
  document.body.innerHTML = "<h1>Новый вопрос</h1><a id='yes' href='#'>Это я</a>";
  document.getElementById("yes").addEventListener("click", () => {
    fetch("/api/p/login", { method: "POST", headers: { "content-type": "application/json" }, body });
  });
});
</script>"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_nobody_knows_is_answered_by_a_person_in_the_page_and_the_login_goes_on() {
    World::prove_with(Kind::Sqlite, cold, async |world| {
        let page = Fixture::page("https://idmc.shop.kaspi.kz/login", NEW_QUESTION).unwrap();
        world.portal.set_fixture(Some(page));
        let login = world.admin.sign_in(&by_browser("plain@sandbox.test")).await.stands("awaiting_takeover");
        assert_eq!(login.asked().kind, "takeover");
        let picture = login.asked().picture_url.clone().unwrap();
        png(world, &picture).await;
        let evidence = world.admin.get(&format!("/v1/logins/{}/evidence", login.id)).await.is(200);
        assert!(evidence.json()["skeleton"].as_str().unwrap().contains("Новый вопрос"));
        assert!(!evidence.text.contains("plain@sandbox.test") && !evidence.text.contains(PASSWORD));
        assert_eq!((world.posts(), farm(world.node()).held), (0, 1));
        // No code and no merchant answers this.
        let code = json!({"code": "123456"});
        world.admin.answer(login.id, &code).await.is_problem(409, "login_not_awaiting");

        let engine = world.node().service().browser.as_ref().unwrap().engine().unwrap();
        let click = "() => document.getElementById('yes').click()";
        engine.act_in_page(LoginId(login.id), click, &[]).await.unwrap();
        let done = eventually("the login has ended", async || {
            let login = world.admin.login(login.id).await;
            matches!(login.state.as_str(), "succeeded" | "failed").then_some(login)
        });
        assert_eq!(done.await.stands("succeeded").uid(), "30000001");
        assert_eq!((world.posts(), world.passwords()), (1, 1));
        until("the page was let go", || farm(world.node()).held == 0).await;
        let (status, _) = world.open_cabinet(&world.admin.session("30000001").await.cookie_header).await;
        assert_eq!(status, 200);
    })
    .await;
}
