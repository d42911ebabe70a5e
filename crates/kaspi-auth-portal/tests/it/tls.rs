//! The same over TLS, with the authority that the sandbox makes.

use kaspi_auth_core::Timestamp;
use kaspi_sandbox::{Options, Sandbox, TlsOptions};

use crate::harness::{Desk, code_of, engine, mail, settings};

async fn sandbox() -> (Sandbox, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    let sandbox = Sandbox::start(Options {
        listen: ([127, 0, 0, 1], 0).into(),
        tls: Some(TlsOptions { ca_file: ca_file.clone() }),
        host_suffix: Some("kaspi.localhost".to_owned()),
        ..Options::default()
    });
    let sandbox = sandbox.await.unwrap();
    (sandbox, std::fs::read(ca_file).unwrap())
}

async fn desk(trusted: bool) -> Desk {
    let (sandbox, own) = sandbox().await;
    let mut settings = settings(&sandbox);
    // Something is always trusted beside the platform's own, so that a machine without certificates will do.
    let (_, other) = self::sandbox().await;
    settings.extra_ca_pem = Some(if trusted { own } else { other });
    Desk { engine: engine(settings), sandbox }
}

#[tokio::test]
async fn a_login_over_tls_leaves_secure_cookies() {
    let desk = desk(true).await;
    let session = desk.sign_in(&mail("plain")).await;
    assert!(session.cookies.iter().any(|cookie| cookie.name == "mc-sid" && cookie.secure));
    assert!(session.authenticated_at > Timestamp::UNIX_EPOCH);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_an_outage_and_gets_no_password() {
    let desk = desk(false).await;
    assert_eq!(code_of(desk.submit(&mail("plain")).await), "portal_unavailable");
    assert_eq!(desk.counters().passwords, 0);
}
