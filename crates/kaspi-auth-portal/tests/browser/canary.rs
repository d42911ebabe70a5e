//! The canary sees the same of the same portal every time, on both engines, and sees a change.

use kaspi_auth_core::egress::Route;
use kaspi_sandbox::RenamedField;

use crate::bench::{Bench, Visit};
use crate::harness::mail;

#[tokio::test]
async fn both_engines_tell_the_portals_shape_and_never_a_value() {
    let bench = Bench::new().await;
    let who = mail("code");
    Visit::new(&*bench.direct, &who).whole(&bench, None).await;
    let direct = bench.told.shapes.lock().unwrap().clone();
    let steps: Vec<&str> = direct.keys().map(String::as_str).collect();
    assert_eq!(steps, ["login.code.accepted", "login.password.code_sent", "login_page.direct", "walk"]);
    Visit::new(&*bench.browser, &who).whole(&bench, None).await;
    let both = bench.told.shapes.lock().unwrap().clone();
    for (step, shape) in &direct {
        assert_eq!(both[step], *shape, "{step}");
    }
    assert_eq!(both["login.password.code_sent"], ".email text");
    assert!(
        both["login_page.browser"]
            .starts_with("input type=email name=username id=user_email_field\nbutton type=submit")
    );
    assert!(
        both["walk"].starts_with("/oauth2/authorization/1 302\n/oauth2/authorize 302\n"),
        "{}",
        both["walk"]
    );
    for shape in both.values() {
        assert!(!shape.contains("sandbox.test") && !shape.contains("sandbox-password"));
    }
}

#[tokio::test]
async fn a_probe_without_credentials_sees_a_renamed_field() {
    let bench = Bench::new().await;
    bench.browser.probe_page(&Route::direct()).await.unwrap();
    bench.direct.probe_page(&Route::direct()).await.unwrap();
    let before = (bench.told.shape("login_page.browser"), bench.told.shape("login_page.direct"));
    assert!(before.0.is_some() && before.1.is_some());
    let mut knobs = bench.control().knobs();
    knobs.page.renamed_field = Some(RenamedField::Email);
    bench.control().set_knobs(knobs);
    bench.browser.probe_page(&Route::direct()).await.unwrap();
    assert_ne!(bench.told.shape("login_page.browser"), before.0);
    assert_eq!((bench.counters().passwords, bench.counters().logins), (0, 0));
}
