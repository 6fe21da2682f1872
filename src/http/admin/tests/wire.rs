//! What all routes have in common (spec: `management-api.md` 2.1).

use actix_web::{http::StatusCode, test::TestRequest};
use serde_json::{Value, json};

use super::{DEFINITION_BYTES_MAX, Desk, definition, request};

fn detail(text: &str) -> Value {
    json!({"errors": {"detail": text}})
}

#[actix_web::test]
async fn every_answer_is_stamped() {
    let desk = Desk::open();
    let id = "a-request-id-of-the-client";
    for (method, path) in [
        ("GET", "/v3/apis"),
        ("HEAD", "/v3/apis"),
        ("GET", "/v3/apis/none"),
        ("POST", "/v3/apis"),
        ("GET", "/nowhere"),
        ("PATCH", "/v3/apis"),
        ("GET", "/health"),
        ("GET", "/metrics"),
        ("GET", "/swagger-ui"),
        ("GET", "/swagger-ui/none"),
        ("GET", "/openapi.json"),
    ] {
        let request = request(method, path).insert_header(("x-request-id", id));
        let answer = desk.send(request).await;
        assert_eq!(answer.header("x-request-id"), Some(id), "{method} {path}");
        let caching = Some("max-age=0, private, must-revalidate");
        assert_eq!(answer.header("cache-control"), caching, "{method} {path}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{method} {path}"
        );
    }
    let short = request("GET", "/v3/apis").insert_header(("x-request-id", "short"));
    let answer = desk.send(short).await;
    assert_eq!(answer.header("x-request-id").unwrap().len(), 32);
}

#[actix_web::test]
async fn unknown_routes_and_methods_are_404() {
    let desk = Desk::open();
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/v1/apis"),
        ("GET", "/v3"),
        ("GET", "/v3/apis//"),
        ("GET", "//v3/apis"),
        ("GET", "/v3/apis/a/b"),
        ("OPTIONS", "/v3/apis"),
        ("PATCH", "/v3/apis"),
        ("PATCH", "/v3/apis/x"),
        ("PUT", "/v3/apis"),
        ("DELETE", "/v3/apis"),
        ("POST", "/v3/apis/nope?_method=delete"),
        ("GET", "/v3/probe"),
        ("POST", "/v2/probe"),
        ("GET", "/v2/cluster/nodes"),
        ("POST", "/v3/cluster/nodes"),
        ("GET", "/v3/cluster/join"),
        ("GET", "/v3/cluster/leave"),
        ("GET", "/v3/cluster/forget"),
        ("GET", "/v3/cluster/diff"),
        ("POST", "/v3/cluster/diff/x"),
        ("GET", "/v3/cluster/changes"),
        ("POST", "/health"),
        ("POST", "/metrics"),
        ("GET", "/health/other"),
        ("GET", "/dashboard"),
        ("GET", "/live"),
        ("PROPFIND", "/v3/apis"),
    ] {
        let answer = desk.send(request(method, path)).await;
        assert_eq!(answer.status, 404, "{method} {path}");
        answer.is(StatusCode::NOT_FOUND, &detail("Not found"));
    }
}

#[actix_web::test]
async fn one_trailing_slash_and_escapes_in_the_path_are_tolerated() {
    let desk = Desk::open();
    desk.post("/v3/apis/", &definition("x")).await;
    for path in [
        "/v3/apis/",
        "/v3/apis/x/",
        "/v3/%61pis",
        "/health/",
        "/health/ready/",
        "/metrics/",
    ] {
        assert_eq!(desk.get(path).await.status, 200, "{path}");
    }
}

#[actix_web::test]
async fn bodies_that_cannot_be_read_are_refused() {
    let desk = Desk::open();
    let large = vec![b' '; DEFINITION_BYTES_MAX + 1];
    let deep = "[".repeat(DEFINITION_BYTES_MAX);
    let valid = definition("x").to_string();
    let cases: [(&str, &[u8], StatusCode); 9] = [
        ("application/json", b"{not json", StatusCode::BAD_REQUEST),
        (
            "application/json",
            b"{\"id\": \"\xff\"}",
            StatusCode::BAD_REQUEST,
        ),
        ("application/json", deep.as_bytes(), StatusCode::BAD_REQUEST),
        (
            "application/x-www-form-urlencoded",
            b"a=%zz",
            StatusCode::BAD_REQUEST,
        ),
        (
            "text/plain",
            valid.as_bytes(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "nonsense",
            valid.as_bytes(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        ("text/plain", b"", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/json", &large, StatusCode::PAYLOAD_TOO_LARGE),
        ("text/plain", &large, StatusCode::PAYLOAD_TOO_LARGE),
    ];
    for (method, path) in [
        ("POST", "/v3/apis"),
        ("PUT", "/v3/apis/x"),
        ("DELETE", "/v3/apis/x"),
    ] {
        for (content_type, body, status) in cases {
            let request = request(method, path)
                .insert_header(("content-type", content_type))
                .set_payload(body.to_vec());
            let answer = desk.send(request).await;
            assert_eq!(answer.status, status.as_u16(), "{method} {content_type}");
            answer.is(status, &detail("Bad request"));
        }
    }
    assert_eq!(desk.get("/v3/apis").await.json(), json!([]));
}

#[actix_web::test]
async fn json_is_known_by_any_of_its_content_types() {
    let desk = Desk::open();
    for (index, content_type) in [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/vnd.api+json",
    ]
    .into_iter()
    .enumerate()
    {
        let request = TestRequest::post()
            .uri("/v3/apis")
            .insert_header(("content-type", content_type))
            .set_payload(definition(&format!("api-{index}")).to_string());
        assert_eq!(desk.send(request).await.status, 201, "{content_type}");
    }
}

#[actix_web::test]
async fn the_answer_is_json_whatever_is_accepted() {
    let desk = Desk::open();
    for accept in ["application/xml", "text/html"] {
        let request = request("GET", "/v3/apis").insert_header(("accept", accept));
        desk.send(request).await.is(StatusCode::OK, &json!([]));
    }
}
