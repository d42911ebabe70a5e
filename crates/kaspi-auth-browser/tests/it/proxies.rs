//! Ways out through proxies that ask for credentials.

use kaspi_auth_browser::{Ask, FarmError, ShardSpec};
use kaspi_auth_core::egress::Route;

use crate::{
    harness::{self, Yard, ask, local, sign_in},
    stand_in::{HttpProxy, SocksProxy},
};

fn through(route: Route) -> Ask {
    Ask { route, ..ask("one") }
}

#[tokio::test]
async fn a_login_goes_through_an_http_proxy_and_says_who_it_is() {
    for browser in harness::browsers() {
        let proxy = HttpProxy::start().await;
        let yard = Yard::ready(|settings, _| settings.shards = vec![local(browser)]).await;
        let mut context = yard.farm.lease(through(proxy.right())).await.unwrap();
        sign_in(&mut context, "plain@sandbox.test").await;
        assert!(proxy.hosts().len() > 3 && proxy.hosts().iter().all(|host| host.ends_with(".localhost")));
        drop(context);
        yard.end().await;
    }
}

#[tokio::test]
async fn a_login_goes_through_a_socks_proxy_that_resolves_its_names() {
    for browser in harness::browsers() {
        let proxy = SocksProxy::start().await;
        let yard = Yard::ready(|settings, _| settings.shards = vec![local(browser)]).await;
        let mut context = yard.farm.lease(through(proxy.right())).await.unwrap();
        sign_in(&mut context, "plain@sandbox.test").await;
        assert!(proxy.hosts().len() > 3 && proxy.hosts().iter().all(|host| host.ends_with(".localhost")));
        drop(context);
        yard.end().await;
    }
}

#[tokio::test]
async fn a_way_out_in_use_has_warm_pages_of_its_own() {
    let proxy = HttpProxy::start().await;
    let yard = Yard::ready(|_, _| {}).await;
    yard.farm.keep_warm(&[proxy.right()]);
    yard.until("two warm pages", |figures| figures.warm == 2).await;
    assert!(yard.farm.lease(through(proxy.right())).await.unwrap().was_warm());
    assert!(yard.lease("one").await.unwrap().was_warm());
    yard.warm().await;
    yard.farm.forget_route(proxy.right().id);
    assert_eq!(yard.farm.figures().routes, 1);
    yard.end().await;
}

#[tokio::test]
async fn a_proxy_that_does_not_know_us_fails_the_page_and_is_asked_no_more_than_needed() {
    let proxy = HttpProxy::start().await;
    let yard = Yard::ready(|settings, _| settings.min_warm = 0).await;
    let refused = yard.farm.lease(through(proxy.route("wrong"))).await;
    assert!(matches!(refused, Err(FarmError::Page { .. })), "{refused:?}");
    assert!(!format!("{refused:?}").contains("wrong"));
    assert!(proxy.hosts().is_empty() && proxy.refused() <= 4, "{}", proxy.refused());
    yard.end().await;
}

#[tokio::test]
async fn a_socks_proxy_that_does_not_know_us_fails_the_page() {
    let proxy = SocksProxy::start().await;
    let yard = Yard::ready(|settings, _| settings.min_warm = 0).await;
    let refused = yard.farm.lease(through(proxy.route("wrong"))).await;
    assert!(matches!(refused, Err(FarmError::Page { .. })), "{refused:?}");
    assert!(proxy.hosts().is_empty());
    yard.end().await;
}

#[tokio::test]
async fn a_browser_elsewhere_cannot_use_a_socks_proxy_with_credentials() {
    let proxy = SocksProxy::start().await;
    let endpoint = "ws://127.0.0.1:1/".to_owned().into();
    let yard = Yard::with(|settings, _| settings.shards = vec![ShardSpec::Remote { endpoint }]).await;
    let Err(FarmError::UnfitRoute(why)) = yard.farm.lease(through(proxy.right())).await else {
        panic!("it fits")
    };
    assert!(why.contains("SOCKS") && !why.contains("merchant"), "{why}");
    yard.end().await;
}
