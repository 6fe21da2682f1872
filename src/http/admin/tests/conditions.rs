//! Conditional requests (RFC 9110 13, names.md "preconditions").

use actix_web::{http::StatusCode, test::TestRequest};
use serde_json::json;

use super::{Answer, Desk, definition, request};

async fn asked(desk: &Desk, method: &str, header: (&str, &str)) -> Answer {
    let request = match method {
        "POST" => TestRequest::post()
            .uri("/v3/apis")
            .set_json(definition("shop")),
        "PUT" => TestRequest::put()
            .uri("/v3/apis/shop")
            .set_json(definition("shop")),
        other => request(other, "/v3/apis/shop"),
    };
    desk.send(request.insert_header(header)).await
}

#[actix_web::test]
async fn a_read_with_the_current_tag_is_304() {
    let desk = Desk::open();
    let created = desk.post("/v3/apis", &definition("shop")).await;
    let etag = created.header("etag").unwrap().to_owned();
    for tags in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"0-x\", {etag}"),
        "*".to_owned(),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = asked(&desk, method, ("if-none-match", &tags)).await;
            assert_eq!((answer.status, answer.text()), (304, ""), "{method} {tags}");
            assert_eq!(answer.header("etag"), Some(etag.as_str()));
            assert!(answer.header("x-request-id").is_some());
        }
    }
    for tags in ["\"0-0000000000000000\"", "", "nonsense", "\"1-a\", \"2-b\""] {
        let answer = asked(&desk, "GET", ("if-none-match", tags)).await;
        assert_eq!(answer.status, 200, "{tags}");
    }
    let absent = request("GET", "/v3/apis/none").insert_header(("if-none-match", "*"));
    assert_eq!(desk.send(absent).await.status, 404);
}

#[actix_web::test]
async fn a_write_with_a_stale_tag_is_412_and_changes_nothing() {
    let desk = Desk::open();
    let stale = json!({"message": "API with id=shop was changed."});
    let first = desk.post("/v3/apis", &definition("shop")).await;
    let old = first.header("etag").unwrap().to_owned();
    let mut renamed = definition("shop");
    renamed["name"] = json!("renamed");
    let second = desk.put("/v3/apis/shop", &renamed).await;
    let current = second.header("etag").unwrap().to_owned();
    for (method, name, tags) in [
        ("PUT", "if-match", old.clone()),
        ("PUT", "if-match", format!("W/{current}")),
        ("PUT", "if-match", "nonsense".to_owned()),
        ("PUT", "if-match", String::new()),
        ("PUT", "if-none-match", current.clone()),
        ("PUT", "if-none-match", format!("W/{current}")),
        ("PUT", "if-none-match", "*".to_owned()),
        ("DELETE", "if-match", old.clone()),
        ("DELETE", "if-none-match", "*".to_owned()),
        ("POST", "if-none-match", "*".to_owned()),
        ("GET", "if-match", old.clone()),
    ] {
        let answer = asked(&desk, method, (name, &tags)).await;
        answer.is(StatusCode::PRECONDITION_FAILED, &stale);
    }
    let shown = desk.get("/v3/apis/shop").await;
    assert_eq!(shown.header("etag"), Some(current.as_str()));

    let both = format!("{old}, {current}");
    assert_eq!(asked(&desk, "GET", ("if-match", &both)).await.status, 200);
    assert_eq!(asked(&desk, "PUT", ("if-match", &both)).await.status, 200);
    assert_eq!(asked(&desk, "DELETE", ("if-match", "*")).await.status, 204);
    assert_eq!(asked(&desk, "POST", ("if-match", "*")).await.status, 412);
    assert_eq!(
        asked(&desk, "POST", ("if-none-match", "*")).await.status,
        201
    );
}

#[actix_web::test]
async fn several_header_lines_are_one_list() {
    let desk = Desk::open();
    let created = desk.post("/v3/apis", &definition("shop")).await;
    let etag = created.header("etag").unwrap();
    let request = TestRequest::delete()
        .uri("/v3/apis/shop")
        .append_header(("if-match", "\"9-other\""))
        .append_header(("if-match", etag));
    assert_eq!(desk.send(request).await.status, 204);
}

#[actix_web::test]
async fn a_condition_on_an_unknown_id_is_still_404() {
    let desk = Desk::open();
    for method in ["PUT", "DELETE"] {
        assert_eq!(
            asked(&desk, method, ("if-match", "*")).await.status,
            404,
            "{method}"
        );
    }
}
