//! Remembered devices: the next login needs no second code (CONTRACT, section 6).

use kaspi_auth_core::port::{Device, Engine as _};
use kaspi_sandbox::CookieShape;
use secrecy::{ExposeSecret as _, SecretString};

use crate::harness::{Desk, accepted, code_sent, mail, session};

async fn first_login(desk: &Desk, name: &str) -> Device {
    let who = mail(name);
    let (_, at) = code_sent(desk.submit(&who).await.unwrap());
    let at = accepted(desk.answer(at, &who, &desk.code(&format!("{name}@sandbox.test"))).await.unwrap());
    session(desk.engine.finish(at, None).await.unwrap()).1.expect("a device to keep")
}

#[tokio::test]
async fn a_remembered_device_needs_no_second_code_however_it_is_stored() {
    let shapes = [
        CookieShape { max_age_seconds: Some(90 * 86_400), ..CookieShape::default() },
        CookieShape::default(),
        CookieShape { path: "/api/p".to_owned(), secure: Some(true), ..CookieShape::default() },
    ];
    for shape in shapes {
        let desk = Desk::with(|knobs| {
            knobs.cookie.device_name = "whatever".to_owned();
            knobs.cookie.device = shape.clone();
        })
        .await;
        let device = first_login(&desk, "remembered").await;
        let who = mail("remembered");
        let at = desk.open(&who, Some(device)).await.unwrap();
        let at = accepted(desk.engine.submit(at, &who).await.unwrap());
        let (session, device) = session(desk.engine.finish(at, None).await.unwrap());
        assert_eq!(session.merchant.uid.as_str(), "30000003");
        assert!(device.is_some(), "the device is kept for the login after that");
        assert_eq!(desk.counters().codes_sent.email, 1, "{shape:?}");
    }
}

#[tokio::test]
async fn a_forgotten_or_useless_device_only_costs_another_code() {
    let desk = Desk::new().await;
    let device = first_login(&desk, "remembered").await;
    desk.control().forget_devices("remembered@sandbox.test");
    let broken = [r#"{"v":9,"cookies":[]}"#, "no JSON", ""].map(|text| Device(SecretString::from(text)));
    for device in [device].into_iter().chain(broken) {
        let who = mail("remembered");
        let at = desk.open(&who, Some(device)).await.unwrap();
        code_sent(desk.engine.submit(at, &who).await.unwrap());
    }
}

#[tokio::test]
async fn a_device_holds_nothing_of_the_session() {
    let desk = Desk::new().await;
    let device = first_login(&desk, "remembered").await;
    let text = device.0.expose_secret();
    assert!(text.contains("MS_AUTH_DEVICE"));
    for name in ["MS_AUTH_SSO", "mc-sid", "mc-session", "sandbox-password"] {
        assert!(!text.contains(name), "{name}");
    }
}
