//! The cabinet's REST calls (CONTRACT 4, 5).
//! It must not use anything but what the contract lists.

use crate::client::{Answer, PASSWORD, Portal};
use http::header;
use serde_json::{Value, json};

struct Cabinet {
    portal: Portal,
    session: String,
}

impl Cabinet {
    async fn open(email: &str) -> Self {
        let portal = Portal::start().await;
        let session = portal.session(email).await;
        Self { portal, session }
    }

    async fn get(&self, path: &str) -> Answer {
        self.portal.get(&format!("{}{path}", self.portal.cabinet), &[&self.session]).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.portal.post(&format!("{}{path}", self.portal.cabinet), &[&self.session], body).await
    }
}

#[tokio::test]
async fn without_a_session_every_call_is_401_with_an_empty_body() {
    let portal = Portal::start().await;
    let gets = [
        "/s/m",
        "/bff/offer-view/list?m=1",
        "/bff/offer-view/details?m=1&s=2",
        "/mc/api/orderTabs/active?_m=1",
    ];
    for path in gets {
        let request = portal.http.get(format!("{}{path}", portal.cabinet)).header("X-Auth-Token", "official");
        let answer = portal.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (401, ""), "{path}");
    }
    let posts = [
        "/mc/facade/graphql?opName=getMerchant",
        "/pricefeed/upload/merchant/process",
        "/offers/api/v1/offer/details?m=1",
    ];
    for path in posts {
        let answer = portal.post(&format!("{}{path}", portal.cabinet), &["mc-sid=dead"], &json!({})).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (401, ""), "{path}");
    }
}

#[tokio::test]
async fn unknown_paths_are_404() {
    let cabinet = Cabinet::open("plain@sandbox.test").await;
    assert_eq!(cabinet.get("/nowhere").await.status, 404);
    assert_eq!(cabinet.get("/mc/api/login").await.status, 404);
    for origin in [&cabinet.portal.site, &cabinet.portal.login] {
        assert_eq!(cabinet.portal.get(&format!("{origin}/nowhere"), &[]).await.status, 404);
    }
}

#[tokio::test]
async fn merchants_may_come_without_names() {
    let cabinet = Cabinet::open("several@sandbox.test").await;
    let merchants = cabinet.get("/s/m").await.json();
    assert_eq!(merchants["merchants"][2], json!({"uid": "SBX", "name": "Старый магазин"}));
    cabinet.portal.turn(&json!({"cabinet": {"merchants_have_names": false}}));
    let merchants = cabinet.get("/s/m").await.json();
    assert_eq!(merchants, json!({"merchants": [{"uid": "30000011"}, {"uid": "30000012"}, {"uid": "SBX"}]}));
}

#[tokio::test]
async fn the_version_header_is_needed_only_where_told() {
    let cabinet = Cabinet::open("plain@sandbox.test").await;
    assert_eq!(cabinet.get("/s/m").await.status, 200);
    cabinet.portal.turn(&json!({"cabinet": {"auth_version_required": true}}));
    assert_eq!(cabinet.get("/s/m").await.status, 401);
    let request = cabinet.portal.http.get(format!("{}/s/m", cabinet.portal.cabinet));
    let request = request.header("x-auth-version", "3").header(header::COOKIE, &cabinet.session);
    assert_eq!(cabinet.portal.send(request).await.status, 200);
    let counted = cabinet.portal.control().counters().auth_version;
    assert_eq!((counted.present, counted.absent), (1, 2));
}

#[tokio::test]
async fn offers_come_in_pages() {
    let cabinet = Cabinet::open("plain@sandbox.test").await;
    let mut seen = Vec::new();
    for page in 0.. {
        let answer =
            cabinet.get(&format!("/bff/offer-view/list?m=30000001&p={page}&l=30&a=true&t=&c=")).await.json();
        assert_eq!(answer["total"], 100);
        let data = answer["data"].as_array().expect("a list").clone();
        if data.is_empty() {
            break;
        }
        seen.extend(data.iter().map(|offer| offer["sku"].as_str().expect("a sku").to_owned()));
    }
    assert_eq!(seen.len(), 100);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 100);
    let archived = cabinet.get("/bff/offer-view/list?m=30000001&p=0&l=100&a=false").await.json();
    assert_eq!((&archived["total"], &archived["data"][0]["available"]), (&json!(20), &json!(false)));
}

#[tokio::test]
async fn an_offer_has_every_field_of_the_contract() {
    let cabinet = Cabinet::open("plain@sandbox.test").await;
    let offer = cabinet.get("/bff/offer-view/list?m=30000001&p=0&l=1&a=true").await.json()["data"][0].clone();
    let fields = "sku masterSku masterTitle title model brand brandCode brandName masterCategory price minPrice \
                  allCityPrices points availabilities stocks images imagesV2 shopLink offerId available updatedAt barcode";
    for field in fields.split_whitespace() {
        assert!(offer.get(field).is_some(), "{field}: {offer}");
    }
    assert_eq!(offer["availabilities"][0]["storeId"], "30000001_PP1");
    let sku = offer["sku"].as_str().expect("a sku");
    assert_eq!(cabinet.get(&format!("/bff/offer-view/details?m=30000001&s={sku}")).await.json(), offer);
    let many = json!({"sku": [sku, "unknown", 7]});
    assert_eq!(cabinet.post("/offers/api/v1/offer/details?m=30000001", &many).await.json(), json!([offer]));
    assert_eq!(cabinet.get("/bff/offer-view/details?m=30000001&s=unknown").await.status, 404);
}

#[tokio::test]
async fn offers_are_found_by_text_and_category() {
    let cabinet = Cabinet::open("plain@sandbox.test").await;
    let all = cabinet.get("/bff/offer-view/list?m=30000001&l=100&a=true&c=Lamps").await.json();
    let lamps = all["data"].as_array().expect("a list");
    assert!(!lamps.is_empty() && lamps.iter().all(|offer| offer["masterCategory"] == "Lamps"));
    let one = cabinet.get("/bff/offer-view/list?m=30000001&a=true&t=sku-30000001-00007").await.json();
    assert_eq!((&one["total"], &one["data"][0]["sku"]), (&json!(1), &json!("SKU-30000001-00007")));
}

#[tokio::test]
async fn bad_pages_and_foreign_merchants_are_refused() {
    let cabinet = Cabinet::open("plain@sandbox.test").await;
    let bad = ["?m=30000001&l=101", "?m=30000001&l=0", "?m=30000001&p=-1", "?m=30000001&p=x", "?p=0"];
    for query in bad {
        assert_eq!(cabinet.get(&format!("/bff/offer-view/list{query}")).await.status, 400, "{query}");
    }
    assert_eq!(cabinet.get("/bff/offer-view/list?m=30000002").await.status, 403);
    cabinet.portal.turn(&json!({"cabinet": {"foreign_merchant_status": 404}}));
    assert_eq!(cabinet.get("/bff/offer-view/list?m=30000002").await.status, 404);
    assert_eq!(
        cabinet.get("/bff/offer-view/list?m=30000001&p=99999999999999999&l=100").await.json()["data"],
        json!([])
    );
}

#[tokio::test]
async fn pushed_prices_show() {
    let cabinet = Cabinet::open("plain@sandbox.test").await;
    let sku = "SKU-30000001-00001";
    let pushes = [
        (json!({"merchantUid": "30000001", "sku": sku, "model": "x", "price": 777}), 777),
        (
            json!({"merchantUid": "30000001", "sku": sku, "cityPrices": [{"cityId": "1", "value": "888"}]}),
            888,
        ),
    ];
    for (body, price) in pushes {
        let answer = cabinet.post("/pricefeed/upload/merchant/process", &body).await;
        assert!(answer.status == 200 && answer.json()["id"].is_string());
        let offer = cabinet.get(&format!("/bff/offer-view/details?m=30000001&s={sku}")).await.json();
        assert_eq!(offer["price"], price);
    }
    for body in [json!({}), json!({"merchantUid": "30000001"}), json!([])] {
        assert_eq!(cabinet.post("/pricefeed/upload/merchant/process", &body).await.status, 400);
    }
    let foreign = json!({"merchantUid": "30000002", "sku": sku, "price": 1});
    assert_eq!(cabinet.post("/pricefeed/upload/merchant/process", &foreign).await.status, 403);
}

#[tokio::test]
async fn too_many_price_pushes_block_the_account_for_half_an_hour() {
    let cabinet = Cabinet::open("plain@sandbox.test").await;
    let other = cabinet.portal.session("several@sandbox.test").await;
    let body = json!({"merchantUid": "30000001", "sku": "a", "price": 1});
    let path = "/pricefeed/upload/merchant/process";
    let mut passed = 0;
    while cabinet.post(path, &body).await.status == 200 {
        passed += 1;
    }
    assert_eq!(passed, 62);
    assert_eq!(cabinet.post(path, &body).await.status, 429);
    let foreign = json!({"merchantUid": "SBX", "sku": "a", "price": 1});
    let url = format!("{}{path}", cabinet.portal.cabinet);
    assert_eq!(cabinet.portal.post(&url, &[&other], &foreign).await.status, 200);
    assert_eq!(cabinet.get("/s/m").await.status, 200);
    cabinet.portal.advance(1_800);
    assert_eq!(cabinet.post(path, &body).await.status, 200);
}

#[tokio::test]
async fn exports_take_a_while_and_do_not_begin_twice() {
    let cabinet = Cabinet::open("plain@sandbox.test").await;
    let query = "?m=30000001&available=ACTIVE&fileType=XML";
    let status = format!("/offers/api/v1/offer/export/status{query}");
    let trigger = format!("/offers/api/v1/offer/export/trigger{query}");
    assert_eq!(cabinet.get(&status).await.status, 404);
    assert_eq!(cabinet.get(&trigger).await.json()["status"], "PROCESSING");
    assert_eq!(cabinet.get(&trigger).await.status, 429);
    assert_eq!(cabinet.get(&status).await.json()["status"], "PROCESSING");
    cabinet.portal.advance(5);
    let finished = cabinet.get(&status).await.json();
    assert_eq!(
        (&finished["status"], &finished["fileName"]),
        (&json!("FINISHED"), &json!("active-30000001.xml"))
    );
    assert_eq!(cabinet.get(&trigger).await.status, 200);
}

#[tokio::test]
async fn a_price_file_is_taken_once_at_a_time() {
    let cabinet = Cabinet::open("plain@sandbox.test").await;
    let path = "/pricefeed/upload/merchant/upload?merchantUid=30000001";
    let uploaded = cabinet.post(path, &json!("a file in parts")).await;
    let id = uploaded.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(cabinet.post(path, &json!("another")).await.body, "Unfinished file found");
    let protocol = format!("/pricefeed/protocol/merchant/file/{id}?m=30000001");
    assert_eq!(cabinet.get(&protocol).await.json()["status"], "PROCESSING");
    cabinet.portal.advance(5);
    assert_eq!(cabinet.get(&protocol).await.json()["status"], "FLUSHED");
    assert_eq!(cabinet.get("/pricefeed/protocol/merchant/file/unknown?m=30000001").await.status, 404);
}

#[tokio::test]
async fn an_added_employee_gets_a_mail_and_signs_in_with_it() {
    let cabinet = Cabinet::open("plain@sandbox.test").await;
    let email = "New.Employee@shop.test";
    let body = json!({
        "name": "Новый", "email": email, "cityId": "750000000", "roles": ["MANAGER"], "pointName": "PP1",
        "contactPhone": "+7 (700) 000-00-07", "merchantUid": "30000001",
    });
    let path = "/user-assignments/api/v1/mc/users/add-email";
    assert_eq!(cabinet.post(path, &body).await.status, 200);
    assert_eq!(cabinet.post(path, &body).await.status, 409);
    let users = cabinet.get("/user-assignments/api/v1/mc/users/registered?m=30000001").await.json();
    assert_eq!((&users[0]["email"], &users[0]["roles"][0]), (&json!(email), &json!("MANAGER")));
    let mail = cabinet.portal.control().inbox(Some(email)).pop().expect("a mail");
    let (login, password) = mail.body.split_once("<br>").expect("two lines");
    assert_eq!(login, format!("Логин: {email}"));
    let password = password.strip_prefix("Пароль: ").expect("a password");
    assert_ne!(password, PASSWORD);
    let answer = cabinet.portal.sign_in(&[], &json!({"_u": email, "_p": password, "_r_d": false})).await;
    let session = cabinet.portal.walk(&answer.cookie("MS_AUTH_SSO")).await;
    assert_eq!(cabinet.portal.merchants(&[&session]).await.json()["merchants"][0]["uid"], "30000001");
}

#[tokio::test]
async fn an_employee_takes_nobodys_account_over() {
    let cabinet = Cabinet::open("plain@sandbox.test").await;
    let path = "/user-assignments/api/v1/mc/users/add-email";
    let add = |email: &str, uid: &str| json!({"name": "x", "email": email, "merchantUid": uid});
    assert_eq!(cabinet.post(path, &add("several@sandbox.test", "30000001")).await.status, 409);
    assert_eq!(cabinet.post(path, &add("x@shop.test", "30000002")).await.status, 403);
    assert_eq!(cabinet.post(path, &add("no address", "30000001")).await.status, 400);
    assert_eq!(cabinet.portal.password("several@sandbox.test").await.status, 200);
    cabinet.portal.turn(&json!({"cabinet": {"employees_need_codes": true}}));
    cabinet.post(path, &add("coded@shop.test", "30000001")).await;
    let mail = cabinet.portal.control().inbox(Some("coded@shop.test")).pop().expect("a mail");
    let password = mail.body.rsplit("Пароль: ").next().expect("a password").to_owned();
    let answer = cabinet.portal.sign_in(&[], &json!({"_u": "coded@shop.test", "_p": password})).await;
    assert!(answer.json()["email"].is_string());
}

#[tokio::test]
async fn orders_show_over_rest_too() {
    let cabinet = Cabinet::open("plain@sandbox.test").await;
    let active = cabinet.get("/mc/api/orderTabs/active?_m=30000001").await.json();
    let code = active["orders"][0]["code"].as_str().expect("a code").to_owned();
    let order = cabinet.get(&format!("/mc/api/order/{code}?_m=30000001")).await.json();
    assert_eq!(order["customer"]["phoneNumber"], "+0(000)-000-00-00");
    assert!(cabinet.get("/mc/api/orderTabs/filters?_m=30000001").await.json().is_array());
    for path in ["/mc/api/order/1?_m=30000001", "/mc/api/orderTabs/none?_m=30000001"] {
        assert_eq!(cabinet.get(path).await.status, 404);
    }
    assert_eq!(cabinet.get("/mc/api/orderTabs/archive?_m=1").await.status, 403);
    assert_eq!(cabinet.get("/offers/api/v1/offer/settings?m=30000001").await.status, 200);
}
