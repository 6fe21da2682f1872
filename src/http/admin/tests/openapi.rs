//! The document and the routes must not drift apart.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{super::routes, Desk, request};

/// (method, path) of every operation of the document.
fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect()
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                found.insert(reference.clone());
            }
            members
                .values()
                .for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[actix_web::test]
async fn the_document_has_every_route_and_nothing_else() {
    let document = Desk::open().get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(
        document["info"]["title"],
        "Reactive Interaction Gateway: API"
    );
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let served: BTreeSet<(String, String)> = routes()
        .into_iter()
        .filter_map(|line| line.method.map(|method| (method.to_string(), line.path)))
        .collect();
    assert_eq!(operations(&document), served);
}

#[actix_web::test]
async fn every_documented_operation_is_answered_by_a_handler() {
    let desk = Desk::open();
    let document = desk.get("/openapi.json").await.json();
    for (method, path) in operations(&document) {
        let answer = desk
            .send(request(
                &method,
                &path
                    .replace("{id}", "x")
                    .replace("{change}", "x")
                    .replace("{session_id}", "x")
                    .replace("{node}", "x"),
            ))
            .await;
        assert_ne!(
            answer.text(),
            r#"{"errors":{"detail":"Not found"}}"#,
            "{method} {path}"
        );
        let documented = &document["paths"][&path][method.to_lowercase()]["responses"];
        let status = answer.status.to_string();
        assert!(
            documented.get(&status).is_some(),
            "{method} {path} answers {status}"
        );
    }
}

#[actix_web::test]
async fn schemas_have_the_original_names_and_references_resolve() {
    let document = Desk::open().get("/openapi.json").await.json();
    for name in [
        "ProxyAPI",
        "ProxyAPIList",
        "ProxyAPIEndpoint",
        "ProxyAPIEndpointArray",
        "ProxyAPIResponse",
        "CloudEvent",
        "Response",
        "SessionBlacklistRequest",
    ] {
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 10, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[actix_web::test]
async fn operation_ids_are_unique() {
    let document = Desk::open().get("/openapi.json").await.json();
    let mut seen = BTreeSet::new();
    for (method, path) in operations(&document) {
        let id = &document["paths"][&path][method.to_lowercase()]["operationId"];
        assert!(seen.insert(id.to_string()), "{id} twice");
    }
}

#[actix_web::test]
async fn every_operation_that_needs_the_token_says_so() {
    let document = Desk::open().get("/openapi.json").await.json();
    assert_eq!(
        document["components"]["securitySchemes"]["token"]["scheme"],
        "bearer"
    );
    for (method, path) in operations(&document) {
        let documented = &document["paths"][&path][method.to_lowercase()]["responses"];
        let open = ["/health", "/metrics"]
            .iter()
            .any(|prefix| path.starts_with(prefix));
        assert_eq!(documented.get("401").is_none(), open, "{method} {path}");
    }
}
