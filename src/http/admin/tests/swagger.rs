//! The documentation page (spec: `management-api.md` 2.9).

use super::{Desk, request};

#[actix_web::test]
async fn the_entrance_redirects_to_the_page() {
    let desk = Desk::open();
    for path in ["/swagger-ui", "/swagger-ui/"] {
        let answer = desk.get(path).await;
        assert_eq!(
            (answer.status, answer.text()),
            (302, "Redirecting"),
            "{path}"
        );
        assert_eq!(answer.header("location"), Some("/swagger-ui/index.html"));
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8")
        );
    }
}

#[actix_web::test]
async fn the_page_loads_only_files_of_this_port() {
    let desk = Desk::open();
    let page = desk.get("/swagger-ui/index.html").await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'self'"), "{policy}");
    assert!(
        !page.text().contains("//"),
        "an absolute URL in {}",
        page.text()
    );

    let links = ["href=\"", "src=\""].into_iter().flat_map(|attribute| {
        let parts = page.text().split(attribute).skip(1);
        parts.filter_map(|rest| rest.split('"').next())
    });
    let mut found = 0;
    for link in links {
        let path = format!("/swagger-ui/{}", link.trim_start_matches("./"));
        assert_eq!(desk.get(&path).await.status, 200, "{path}");
        found += 1;
    }
    assert!(found >= 4, "{found} links");
}

#[actix_web::test]
async fn the_page_is_set_to_our_document_and_no_online_validator() {
    let desk = Desk::open();
    let script = desk.get("/swagger-ui/swagger-initializer.js").await;
    assert_eq!(script.status, 200);
    assert!(
        script.text().contains("\"url\": \"rig_api_swagger.json\""),
        "{}",
        script.text()
    );
    assert!(
        script.text().contains("\"validatorUrl\": \"none\""),
        "{}",
        script.text()
    );
    let document = desk.get("/swagger-ui/rig_api_swagger.json").await;
    assert_eq!(document.body, desk.get("/openapi.json").await.body);
    let content_type = Some("application/json; charset=utf-8");
    assert_eq!(document.header("content-type"), content_type);
}

#[actix_web::test]
async fn other_files_and_methods_are_refused_in_the_words_of_the_original() {
    let desk = Desk::open();
    for path in [
        "/swagger-ui/none.js",
        "/swagger-ui/a/b",
        "/swagger-ui/%2e%2e/health",
    ] {
        let answer = desk.get(path).await;
        assert_eq!((answer.status, answer.text()), (404, "not found"), "{path}");
        let request = request("GET", path).insert_header(("accept", "application/json"));
        let answer = desk.send(request).await;
        assert_eq!(
            (answer.status, answer.text()),
            (404, r#"{"Error":"not found"}"#),
            "{path}"
        );
    }
    for path in ["/swagger-ui", "/swagger-ui/index.html", "/swagger-ui/none"] {
        let answer = desk.send(request("POST", path)).await;
        assert_eq!(
            (answer.status, answer.text()),
            (405, "method not allowed"),
            "{path}"
        );
        assert_eq!(answer.header("allow"), Some("GET, HEAD"));
    }
}
