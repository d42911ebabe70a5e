//! The description of the API and its pages: complete, and served from the program itself.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{World, on_sqlite};

const METHODS: [&str; 5] = ["get", "post", "patch", "put", "delete"];

async fn the_description_is_complete(world: &World) {
    let document = world.node().anyone().get("/openapi.json").await.is(200).json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let tags: BTreeSet<_> =
        document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).map(Value::to_string).collect();
    let (mut ids, mut operations) = (BTreeSet::new(), 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in
            item.as_object().unwrap().iter().filter(|(key, _)| METHODS.contains(&key.as_str()))
        {
            let what = format!("{method} {path}");
            operations += 1;
            assert!(ids.insert(operation["operationId"].to_string()), "{what}: the id is taken");
            assert!(operation["summary"].is_string(), "{what} has no summary");
            assert!(tags.contains(&operation["tags"][0].to_string()), "{what}: {}", operation["tags"]);
            let responses = operation["responses"].as_object().unwrap();
            for (status, response) in responses {
                let response = resolve(&document, response);
                assert!(
                    response["description"].as_str().is_some_and(|text| !text.is_empty()),
                    "{what} {status}"
                );
            }
            assert!(responses.keys().any(|status| status.starts_with('2')), "{what}");
            let named: BTreeSet<_> = path
                .split('{')
                .skip(1)
                .filter_map(|part| part.split_once('}'))
                .map(|(name, _)| name)
                .collect();
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let given: BTreeSet<_> = parameters
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            assert_eq!(given, named, "{what}");
            for parameter in &parameters {
                assert!(parameter["description"].is_string(), "{what}: {parameter}");
            }
        }
    }
    assert_eq!(ids.len(), operations);
    let mut references = Vec::new();
    collect(&document, &mut references);
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
}

async fn what_needs_no_credentials_says_so(world: &World) {
    let document = world.node().anyone().get("/openapi.json").await.is(200).json();
    assert_eq!(document["security"], serde_json::json!([{"bearer": []}]));
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    for path in ["/healthz", "/readyz"] {
        let security = &document["paths"][path]["get"]["security"];
        assert!(
            matches!(security.as_array().map(Vec::as_slice), Some([only]) if only == &serde_json::json!({}))
                || *security == serde_json::json!([]),
            "{path}: {security}"
        );
    }
}

async fn the_pages_need_nothing_from_elsewhere(world: &World) {
    let anyone = world.node().anyone();
    let moved = anyone.get("/docs").await;
    assert!((300..400).contains(&moved.status), "{moved:?}");
    assert!(moved.header("location").starts_with("/docs/"), "{moved:?}");
    let page = anyone.get("/docs/").await.is(200);
    assert!(page.header("content-type").starts_with("text/html"));
    let assets = linked(&page.text);
    assert!(assets.len() >= 4, "{assets:?}");
    for asset in assets {
        assert!(!asset.contains("//"), "{asset} comes from elsewhere");
        let name = asset.trim_start_matches("./");
        let loaded = anyone.get(&format!("/docs/{name}")).await.is(200);
        assert!(!loaded.text.is_empty(), "{asset}");
        if std::path::Path::new(name).extension().is_some_and(|end| end == "css") {
            assert!(!loaded.text.contains("url(http") && !loaded.text.contains("@import"), "{asset}");
        }
        if name == "swagger-initializer.js" {
            assert!(
                loaded.text.contains("/openapi.json") && !loaded.text.contains("petstore"),
                "{}",
                loaded.text
            );
        }
    }
    anyone.get("/docs/nothing-of-that-name.js").await.is_problem(404, "not_found");
}

on_sqlite!(
    the_description_is_complete,
    what_needs_no_credentials_says_so,
    the_pages_need_nothing_from_elsewhere
);

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            into.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| collect(value, into));
        }
        Value::Array(array) => array.iter().for_each(|value| collect(value, into)),
        _ => {}
    }
}

/// What a page loads: `src` and `href`.
fn linked(page: &str) -> Vec<String> {
    let parts = page.split(['"', '\'']).collect::<Vec<_>>();
    let mut found = Vec::new();
    for pair in parts.windows(2) {
        if pair[0].trim_end().ends_with("src=") || pair[0].trim_end().ends_with("href=") {
            found.push(pair[1].to_owned());
        }
    }
    found
}
