//! The GraphQL facade (CONTRACT 4).
//! It must send the queries as clients write them.

use crate::client::{Answer, Portal};
use serde_json::{Value, json};

struct Facade {
    portal: Portal,
    session: String,
}

impl Facade {
    async fn open() -> Self {
        let portal = Portal::start().await;
        let session = portal.session("plain@sandbox.test").await;
        Self { portal, session }
    }

    async fn send(&self, operation: &str, body: &Value) -> Answer {
        let url = format!("{}/mc/facade/graphql?opName={operation}", self.portal.cabinet);
        self.portal.post(&url, &[&self.session], body).await
    }

    async fn ask(&self, operation: &str, variables: Value, query: &str) -> Value {
        let body = json!({"operationName": operation, "variables": variables, "query": query});
        let answer = self.send(operation, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

#[tokio::test]
async fn a_merchant_comes_as_asked() {
    let facade = Facade::open().await;
    let query = "query getMerchant($id: String!){ merchant(id:$id){ id name logo{url} } }";
    let answer = facade.ask("getMerchant", json!({"id": "30000001"}), query).await;
    let logo = json!({"url": "https://sandbox.invalid/logo/30000001.png"});
    assert_eq!(
        answer,
        json!({"data": {"merchant": {"id": "30000001", "name": "Магазин 30000001", "logo": logo}}})
    );
}

#[tokio::test]
async fn points_come_with_their_cities() {
    let facade = Facade::open().await;
    let query = "query getMerchant($id: String!) { merchant(id: $id) { __typename points { id name enabled virtual type city { id name __typename } } } }";
    let answer = facade.ask("getMerchant", json!({"id": "30000001"}), query).await;
    let merchant = &answer["data"]["merchant"];
    assert_eq!(merchant["__typename"], "Merchant");
    let point = &merchant["points"][0];
    assert_eq!(
        (&point["id"], &point["name"], &point["enabled"]),
        (&json!("30000001_PP1"), &json!("PP1"), &json!(true))
    );
    assert_eq!(point["city"]["id"].as_str().map(str::len), Some(9));
    assert_eq!(point["city"]["__typename"], "City");
}

#[tokio::test]
async fn a_point_list_has_addresses_and_hours() {
    let facade = Facade::open().await;
    let query = "query getPointList($merchantUid: String!) { merchant(id: $merchantUid) { id points { id enabled city { name } address { streetName streetNumber building phone name } type schedule { weekDays { openingTime closingTime dayOfWeek } } } } }";
    let answer = facade.ask("getPointList", json!({"merchantUid": "30000001"}), query).await;
    let point = &answer["data"]["merchant"]["points"][1];
    assert_eq!(point["schedule"]["weekDays"].as_array().map(Vec::len), Some(7));
    assert!(point["address"]["streetName"].is_string());
}

#[tokio::test]
async fn cities_and_the_session_are_roots() {
    let facade = Facade::open().await;
    let cities = facade.ask("getCities", json!({}), "query getCities { cities { id name } }").await;
    assert!(
        cities["data"]["cities"]
            .as_array()
            .is_some_and(|cities| cities.contains(&json!({"id": "750000000", "name": "Алматы"})))
    );
    let session =
        facade.ask("checkSession", json!({}), "query checkSession { session { user { id } } }").await;
    assert_eq!(session, json!({"data": {"session": {"user": {"id": "plain@sandbox.test"}}}}));
    let query = "query x($id: String!) { session { merchants(id: $id) { userName name master } } schedule { weekdays { dayOfWeek } } }";
    let both = facade.ask("x", json!({"id": "30000001"}), query).await;
    assert_eq!(both["data"]["session"]["merchants"][0]["master"], true);
    assert_eq!(both["data"]["schedule"]["weekdays"][0]["dayOfWeek"], "MONDAY");
}

#[tokio::test]
async fn an_api_token_is_null_until_it_is_generated() {
    let facade = Facade::open().await;
    let read = "query getTokenApi($id: String!) { merchant(id: $id) { id integration { token } } }";
    let generate = "mutation tokenGenerate($merchantId: String!) { tokenGenerate(merchantId: $merchantId) }";
    let before = facade.ask("getTokenApi", json!({"id": "30000001"}), read).await;
    assert_eq!(before["data"]["merchant"]["integration"]["token"], Value::Null);
    let made = facade.ask("tokenGenerate", json!({"merchantId": "30000001"}), generate).await;
    let after = facade.ask("getTokenApi", json!({"id": "30000001"}), read).await;
    assert!(made["data"]["tokenGenerate"].is_string());
    assert_eq!(after["data"]["merchant"]["integration"]["token"], made["data"]["tokenGenerate"]);
}

const ORDERS: &str = "query getOrders($merchantUid: String!, $input: OrderTabInput!, $page: Int!, $size: Int!) { merchant(id: $merchantUid) { id orders { orders(input: $input, page: $page, size: $size) { total orders { code customer { phoneNumber } } } } } }";

fn order_variables(size: u64, page: u64, code: &str) -> Value {
    json!({
        "merchantUid": "30000001", "size": size, "page": page,
        "input": {"presetFilter": "NEW", "orderCode": code, "cityId": ""},
        "advancedInput": {"orderCode": "", "phoneNumber": "", "productCode": ""}, "withAdvancedOrders": false,
    })
}

#[tokio::test]
async fn orders_come_in_pages_of_at_most_ten() {
    let facade = Facade::open().await;
    let orders = facade.ask("getOrders", order_variables(5, 0, ""), ORDERS).await;
    let page = &orders["data"]["merchant"]["orders"]["orders"];
    assert_eq!((&page["total"], page["orders"].as_array().map(Vec::len)), (&json!(7), Some(5)));
    assert_eq!(page["orders"][0]["customer"]["phoneNumber"], "+0(000)-000-00-00");
    let rest = facade.ask("getOrders", order_variables(5, 1, ""), ORDERS).await;
    assert_eq!(rest["data"]["merchant"]["orders"]["orders"]["orders"].as_array().map(Vec::len), Some(2));
    let code = page["orders"][3]["code"].as_str().expect("a code");
    let found = facade.ask("getOrders", order_variables(10, 0, code), ORDERS).await;
    assert_eq!(found["data"]["merchant"]["orders"]["orders"]["orders"][0]["code"], code);
    for size in [11, 100, 0] {
        let refused = facade.ask("getOrders", order_variables(size, 0, ""), ORDERS).await;
        assert_eq!(refused["errors"], json!([{"message": "Bad Request"}]));
    }
}

#[tokio::test]
async fn orders_are_counted_and_shown_one_by_one() {
    let facade = Facade::open().await;
    let counters = "query getOrderCounters($merchantUid: String!) { merchant(id: $merchantUid) { orders { counts { tab count } } } }";
    let counts = facade.ask("getOrderCounters", json!({"merchantUid": "30000001"}), counters).await;
    assert_eq!(counts["data"]["merchant"]["orders"]["counts"][0], json!({"tab": "NEW", "count": 7}));
    let orders = facade.ask("getOrders", order_variables(1, 0, ""), ORDERS).await;
    let code = orders["data"]["merchant"]["orders"]["orders"]["orders"][0]["code"].clone();
    let details = "query getOrderDetails($merchantUid: String!, $code: String!) { merchant(id: $merchantUid) { orderDetail(code: $code) { code totalPrice warehouse { city { id } } } } }";
    let order =
        facade.ask("getOrderDetails", json!({"merchantUid": "30000001", "code": code}), details).await;
    assert_eq!(order["data"]["merchant"]["orderDetail"]["code"], code);
    let unknown = json!({"merchantUid": "30000001", "code": "1"});
    let order = facade.ask("getOrderDetails", unknown, details).await;
    assert_eq!(order["data"]["merchant"]["orderDetail"], Value::Null);
}

#[tokio::test]
async fn errors_have_graphqls_shape_and_status_200() {
    let facade = Facade::open().await;
    let foreign = facade
        .ask(
            "getMerchant",
            json!({"id": "30000002"}),
            "query getMerchant($id: String!) { merchant(id: $id) { id } }",
        )
        .await;
    assert_eq!(foreign, json!({"data": {"merchant": null}, "errors": [{"message": "Access Denied"}]}));
    for query in ["query { nothing { here } }", "query {", "mutation { merchant }"] {
        let answer = facade.ask("x", json!({}), query).await;
        assert!(answer["errors"][0]["message"].is_string(), "{answer}");
    }
    let bad = facade.portal.http.post(format!("{}/mc/facade/graphql", facade.portal.cabinet));
    let bad = facade.portal.send(bad.header("cookie", &facade.session).body("not json")).await;
    assert_eq!((bad.status.as_u16(), bad.json()), (400, json!({"errors": [{"message": "Bad Request"}]})));
}

#[tokio::test]
async fn an_operation_may_come_by_its_name_alone() {
    let facade = Facade::open().await;
    let merchant = facade.send("getMerchant", &json!({"variables": {"id": "30000001"}})).await.json();
    assert_eq!(merchant["data"]["merchant"]["points"][0]["name"], "PP1");
    for operation in [
        "getPointList",
        "getCities",
        "checkSession",
        "getTokenApi",
        "tokenGenerate",
        "getOrders",
        "getOrderCounters",
        "getOrderDetails",
    ] {
        let variables =
            json!({"id": "30000001", "merchantUid": "30000001", "merchantId": "30000001", "orderCode": "1"});
        let answer =
            facade.send(operation, &json!({"operationName": operation, "variables": variables})).await.json();
        assert!(answer["errors"].is_null() && answer["data"].is_object(), "{operation}: {answer}");
    }
    let counted = facade.portal.control().counters().operations;
    assert_eq!((counted["getMerchant"], counted["getCities"]), (1, 1));
}
