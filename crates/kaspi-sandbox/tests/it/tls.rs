//! HTTPS on the real host names, trusted through the authority's file alone.
//! It must map the names to loopback and nothing else.

use crate::client::PASSWORD;
use http::{Version, header};
use kaspi_sandbox::{Options, Sandbox, StartError, TlsOptions};
use reqwest::{Certificate, Client, redirect::Policy};
use serde_json::json;
use std::net::SocketAddr;
use tempfile::TempDir;

struct Tls {
    sandbox: Sandbox,
    authority: Certificate,
    _folder: TempDir,
}

async fn start() -> Tls {
    let folder = tempfile::tempdir().expect("a folder");
    let ca_file = folder.path().join("ca.pem");
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        tls: Some(TlsOptions { ca_file: ca_file.clone() }),
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.expect("a started sandbox");
    let pem = std::fs::read(ca_file).expect("the authority's file");
    Tls { sandbox, authority: Certificate::from_pem(&pem).expect("a certificate"), _folder: folder }
}

impl Tls {
    fn client(&self, http1: bool) -> Client {
        let address: SocketAddr = self.sandbox.addr();
        let hosts = ["kaspi.kz", "idmc.shop.kaspi.kz", "mc.shop.kaspi.kz", "idmc.shop.kaspi.localhost"];
        let builder = hosts
            .iter()
            .fold(Client::builder(), |builder, host| builder.resolve(host, address))
            .tls_certs_only([self.authority.clone()])
            .redirect(Policy::none())
            .no_proxy();
        let builder = if http1 { builder.http1_only() } else { builder };
        builder.build().expect("a client")
    }
}

#[tokio::test]
async fn both_versions_of_http_sign_in_on_the_real_names() {
    let tls = start().await;
    let origins = tls.sandbox.origins();
    let port = tls.sandbox.addr().port();
    assert_eq!(origins.login, format!("https://idmc.shop.kaspi.kz:{port}"));
    for (http1, version) in [(true, Version::HTTP_11), (false, Version::HTTP_2)] {
        let client = tls.client(http1);
        let body = json!({"_u": "plain@sandbox.test", "_p": PASSWORD});
        let answer = client.post(format!("{}/api/p/login", origins.login)).json(&body).send().await;
        let answer = answer.expect("an answer");
        assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
        let sso = answer.headers().get_all(header::SET_COOKIE).iter().next_back().cloned().expect("a cookie");
        let sso = sso.to_str().expect("text").to_owned();
        assert!(sso.starts_with("MS_AUTH_SSO=") && sso.contains("; Secure"));
        let sso = sso.split(';').next().unwrap_or_default().to_owned();
        let kick_off = client.get(format!("{}/oauth2/authorization/1", origins.cabinet)).send().await;
        let kick_off = kick_off.expect("an answer");
        let authorize = kick_off.headers()[header::LOCATION].to_str().expect("text").to_owned();
        assert!(authorize.starts_with(&origins.login));
        let silent = client.get(authorize).header(header::COOKIE, sso).send().await.expect("an answer");
        let callback = silent.headers()[header::LOCATION].to_str().expect("text").to_owned();
        assert!(callback.starts_with(&format!("{}/login/oauth2/code/1?", origins.cabinet)), "{callback}");
    }
}

#[tokio::test]
async fn mapped_names_keep_addresses_without_a_port() {
    let tls = start().await;
    let client = tls.client(true);
    let request = client.get(format!("{}/oauth2/authorization/1", tls.sandbox.origins().cabinet));
    let answer = request.header(header::HOST, "mc.shop.kaspi.kz").send().await.expect("an answer");
    let location = answer.headers()[header::LOCATION].to_str().expect("text");
    assert!(location.starts_with("https://idmc.shop.kaspi.kz/oauth2/authorize?"), "{location}");
    assert!(location.contains("redirect_uri=https%3A%2F%2Fmc.shop.kaspi.kz%2Flogin%2Foauth2%2Fcode%2F1"));
}

#[tokio::test]
async fn the_certificate_covers_the_local_names_too() {
    let tls = start().await;
    let url = format!("https://idmc.shop.kaspi.localhost:{}/login", tls.sandbox.addr().port());
    assert_eq!(tls.client(false).get(url).send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn nobody_else_trusts_the_certificate() {
    let (tls, other) = (start().await, start().await);
    let stranger = Tls { authority: other.authority.clone(), ..tls };
    let url = format!("{}/login", stranger.sandbox.origins().login);
    assert!(stranger.client(false).get(url).send().await.is_err());
}

#[tokio::test]
async fn an_authority_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let tls = Some(TlsOptions { ca_file: folder.path().join("missing").join("ca.pem") });
    let options = Options { listen: ([127, 0, 0, 1], 0).into(), tls, ..Options::default() };
    assert!(matches!(Sandbox::start(options).await, Err(StartError::CaFile(..))));
}
