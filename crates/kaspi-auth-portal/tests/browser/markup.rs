//! A page of other markup from the same contract: all of it at once instead of step by step, drawn late, without ids, with its own
//! ways of telling. The default recipe signs in to it.

use std::sync::Arc;

use kaspi_auth_core::port::{Engine as _, Finished};
use kaspi_auth_portal::{BrowserEngine, PortalSettings};
use tempfile::TempDir;

use crate::bench::{Visit, Wish, engines};
use crate::harness::{
    accepted, asked, code_of, code_sent, phone, pick, rejected, session, url, with_password, wrong_code,
};
use crate::stand_in::{Asked, Choices, Say, StandIn};

/// E-mail and password stand together; the code's form and the choice replace them; frameworks draw after the document is there.
const PAGE: &str = r#"<!doctype html><html lang="ru"><head><meta charset="utf-8"><title>Вход</title></head><body><div id="app"></div><script>
const app = document.getElementById('app');
const later = (run) => requestAnimationFrame(() => Promise.resolve().then(run));
const state = { way: 'mail', email: '' };
function draw(html) { later(() => { app.innerHTML = html; }); }
function tabs() { return '<nav class="tabs"><ul><li><a data-way="tel">Телефон</a></li><li><a data-way="mail">Email</a></li></ul></nav>'; }
function form() {
  draw(tabs() + '<form novalidate>' + (state.way === 'mail'
    ? '<label>Email<input class="input" name="username" type="email"></label><label>Пароль<input class="input" name="pwd" type="password"></label>'
    : '<label>Номер<input class="input" type="tel" name="nomer"></label>')
    + '<div role="alert" class="help is-danger" hidden></div><button class="button is-primary" disabled>Войти</button></form>');
}
function codeForm(to) {
  draw('<form novalidate><p class="lead">Мы отправили код: ' + to + '</p><input name="security-code" class="input"><div class="help is-danger" hidden></div><button class="button is-primary">Подтвердить</button><a class="again" href="javascript:void 0">Выслать код ещё раз</a></form>');
}
function choice(su) {
  const items = Object.entries(su).map(([id, name]) => '<label><input type="radio" name="shop" value="' + id + '"><strong>' + name + '</strong></label>').join('');
  draw('<form novalidate>' + items + '<div class="help is-danger" hidden></div><button class="button is-primary">Выбрать</button></form>');
}
function post(path, body, done) {
  const button = app.querySelector('.button.is-primary');
  button.classList.add('is-loading');
  const request = new XMLHttpRequest();
  request.open('POST', path);
  request.setRequestHeader('Content-Type', 'application/json');
  request.onload = () => later(() => { button.classList.remove('is-loading'); done(request); });
  request.send(JSON.stringify(body));
}
function send(body) {
  post('/api/p/login', body, (request) => {
    let said = {};
    try { said = JSON.parse(request.responseText); } catch {}
    if (said.redirectUrl) location.assign(said.redirectUrl);
    else if (said.su) choice(said.su);
    else if (said.email || said.phone) codeForm(said.email || said.phone);
    else fail(said.errorCode === 'CREDENTIALS_INVALID' ? 'Неверный логин или пароль' : 'Неверный код');
  });
}
function fail(text) { const help = app.querySelector('.help'); help.textContent = text; help.hidden = false; }
const value = (name) => app.querySelector('[name=' + name + ']')?.value ?? '';
app.addEventListener('click', (event) => {
  const way = event.target.dataset.way;
  if (way) { state.way = way; form(); }
  if (event.target.className === 'again') post('/api/p/mfa/send', { _u: state.email }, () => fail('Код отправлен ещё раз'));
});
app.addEventListener('input', (event) => {
  const field = event.target;
  if (field.type === 'tel') {
    const d = field.value.replace(/\D/g, '').replace(/^[78]/, '');
    field.value = '+7 (' + d.slice(0, 3) + ') ' + d.slice(3, 6) + '-' + d.slice(6, 8) + '-' + d.slice(8, 10);
  }
  const button = app.querySelector('.button.is-primary');
  later(() => { button.disabled = false; });
});
app.addEventListener('submit', (event) => {
  event.preventDefault();
  if (app.querySelector('.is-loading')) return;
  app.querySelector('.help').hidden = true;
  const shop = app.querySelector('input[name=shop]:checked');
  if (shop) send({ _s_m: shop.value });
  else if (value('security-code')) send(state.email ? { _u: state.email, _m_c: value('security-code') } : { _c: value('security-code') });
  else if (value('nomer')) { state.email = ''; send({ _ph: value('nomer') }); }
  else { state.email = value('username'); send({ _u: state.email, _p: value('pwd'), _r_d: true }); }
});
form();
</script></body></html>"#;

/// The same page, whose answers come by a path that nobody reads: only what it shows tells.
fn elsewhere(page: &str) -> String {
    page.replace("'/api/p/login'", "'/other/login'").replace("'/api/p/mfa/send'", "'/other/send'")
}

fn passwords(portal: &StandIn) -> usize {
    portal.posts().iter().filter(|body| body.contains("portal-password")).count()
}

struct Other {
    portal: StandIn,
    engine: Arc<BrowserEngine>,
    _folder: TempDir,
}

async fn other(choices: Choices, page: String) -> Other {
    let choices =
        Choices { wants_cookie: false, page_sets_cookie: false, media: "application/json", ..choices };
    let twist = move |asked: &Asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/login") => Some(Say::html(200, &page)),
        _ => None,
    };
    let portal = StandIn::twisted(choices, Box::new(twist)).await;
    let port = portal.portal.lock().unwrap().port;
    let settings = PortalSettings {
        site_url: url(&format!("http://portal.localhost:{port}")),
        login_url: url(&format!("http://id.portal.localhost:{port}")),
        cabinet_url: url(&format!("http://mc.portal.localhost:{port}")),
        ..PortalSettings::default()
    };
    let (engine, _, _, folder) = engines(settings, Wish::default());
    Other { portal, engine, _folder: folder }
}

fn person() -> kaspi_auth_core::account::Credentials {
    with_password("b@portal.test", "portal-password")
}

async fn finish(other: &Other, visit: &Visit<'_>, at: kaspi_auth_core::login::Continuation) -> String {
    match other.engine.finish(visit.at(at), None).await.unwrap() {
        finished @ Finished::Session { .. } => session(finished).0.merchant.uid.to_string(),
        other @ Finished::SeveralMerchants { .. } => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn another_page_of_the_same_contract_is_signed_in_to() {
    for page in [PAGE.to_owned(), elsewhere(PAGE)] {
        let other = other(Choices { then: "su", ..Choices::default() }, page).await;
        let who = person();
        let visit = Visit::new(&*other.engine, &who);
        let (merchants, at) = asked(visit.submit().await.unwrap());
        assert_eq!(merchants, ["17", "18"]);
        let at = accepted(visit.answer(visit.at(at.continuation), &pick("17")).await.unwrap());
        assert_eq!(finish(&other, &visit, at.continuation).await, "17");
        assert_eq!(passwords(&other.portal), 1);
    }
}

#[tokio::test]
async fn its_codes_are_asked_for_refused_sent_again_and_taken() {
    for page in [PAGE.to_owned(), elsewhere(PAGE)] {
        let other = other(Choices { then: "mail", ..Choices::default() }, page).await;
        let who = person();
        let visit = Visit::new(&*other.engine, &who);
        let (to, at) = code_sent(visit.submit().await.unwrap());
        assert_eq!(to, "b***@portal.test");
        let (code, at) = rejected(visit.answer(visit.at(at.continuation), &wrong_code()).await.unwrap());
        assert_eq!(code.as_str(), "code_rejected");
        let code = kaspi_auth_core::login::Answer::code("MAIL42").unwrap();
        let at = accepted(visit.answer(visit.at(at.continuation), &code).await.unwrap());
        assert_eq!(finish(&other, &visit, at.continuation).await, "17");
        assert_eq!(passwords(&other.portal), 1);
    }
}

#[tokio::test]
async fn its_phones_and_its_refusals_are_understood() {
    for page in [PAGE.to_owned(), elsewhere(PAGE)] {
        let other = other(Choices::default(), page).await;
        let wrong = with_password("b@portal.test", "another");
        assert_eq!(code_of(Visit::new(&*other.engine, &wrong).submit().await), "invalid_credentials");
        let who = phone("77010000000");
        let visit = Visit::new(&*other.engine, &who);
        let (_, at) = code_sent(visit.submit().await.unwrap());
        let code = kaspi_auth_core::login::Answer::code("1234").unwrap();
        let at = accepted(visit.answer(visit.at(at.continuation), &code).await.unwrap());
        assert_eq!(finish(&other, &visit, at.continuation).await, "17");
    }
}
