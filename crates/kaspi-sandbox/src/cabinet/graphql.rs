//! `POST /mc/facade/graphql` (CONTRACT 4): reads the query, resolves its root fields, answers in GraphQL's shape.
//! Errors come with HTTP 200. It must not answer anything without a session.

mod project;
mod query;
mod resolve;

use self::query::{Field, Query};
use super::entry::{Caller, Parameters};
use crate::{reply, world::World};
use axum::{body::Bytes, extract::State, response::Response};
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The handler.
pub(super) async fn answer(
    State(world): State<Arc<World>>,
    Caller(grant): Caller,
    parameters: Parameters,
    body: Bytes,
) -> Response {
    let Ok(Value::Object(mut body)) = serde_json::from_slice(&body) else {
        return reply::json(StatusCode::BAD_REQUEST, &errors(&["Bad Request".to_owned()]));
    };
    let variables = match body.remove("variables") {
        Some(Value::Object(variables)) => variables,
        _ => Map::new(),
    };
    let named = body.get("operationName").and_then(Value::as_str).or(parameters.get("opName"));
    let text = match body.get("query").and_then(Value::as_str) {
        Some(text) => text,
        None => named.and_then(known_query).unwrap_or_default(),
    };
    let query = match Query::parse(text, named, &variables) {
        Ok(query) => query,
        Err(error) => return reply::ok(&errors(&[format!("Invalid Syntax : {error}")])),
    };
    world.tally.operation(named.or(query.name.as_deref()).unwrap_or("(anonymous)"));
    let mut resolver = resolve::Resolver::new(&world, &grant, &variables);
    let mut data = Map::new();
    for field in &query.fields {
        match resolver.root(field, query.is_mutation) {
            Some(value) => data.insert(field.key().to_owned(), value),
            None => return reply::ok(&errors(&[undefined(field, query.is_mutation)])),
        };
    }
    if resolver.errors.is_empty() {
        return reply::ok(&json!({ "data": data }));
    }
    let mut answer = errors(&resolver.errors);
    answer["data"] = Value::Object(data);
    reply::ok(&answer)
}

fn errors(messages: &[String]) -> Value {
    let errors: Vec<Value> = messages.iter().map(|message| json!({ "message": message })).collect();
    json!({ "errors": errors })
}

fn undefined(field: &Field, is_mutation: bool) -> String {
    let kind = if is_mutation { "Mutation" } else { "Query" };
    let name = &field.name;
    format!("Validation error (FieldUndefined@[{name}]) : Field '{name}' in type '{kind}' is undefined")
}

/// The query of an operation that was sent by its name alone.
fn known_query(name: &str) -> Option<&'static str> {
    Some(match name {
        "getMerchant" => {
            "query getMerchant($id: String!) { merchant(id: $id) { id name logo { url } points { id name enabled virtual type city { id name } } } }"
        }
        "getPointList" => {
            "query getPointList($merchantUid: String!) { merchant(id: $merchantUid) { id points { id name enabled city { id name } address { streetName streetNumber building phone name } type schedule { weekDays { openingTime closingTime dayOfWeek } } } } }"
        }
        "getCities" => "query getCities { cities { id name } }",
        "checkSession" => "query checkSession { session { user { id } } }",
        "getTokenApi" => "query getTokenApi($id: String!) { merchant(id: $id) { id integration { token } } }",
        "tokenGenerate" => {
            "mutation tokenGenerate($merchantId: String!) { tokenGenerate(merchantId: $merchantId) }"
        }
        "getOrders" => {
            "query getOrders($merchantUid: String!) { merchant(id: $merchantUid) { id orders { orders(input: $input, page: $page, size: $size) { total orders } } } }"
        }
        "getOrderCounters" => {
            "query getOrderCounters($merchantUid: String!) { merchant(id: $merchantUid) { id orders { counts { tab count } } } }"
        }
        "getOrderDetails" => {
            "query getOrderDetails($merchantUid: String!) { merchant(id: $merchantUid) { id orderDetail(code: $orderCode) } }"
        }
        _ => return None,
    })
}
