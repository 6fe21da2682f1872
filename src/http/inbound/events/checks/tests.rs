//! The checks against services that answer by hand.

use std::{io, time::Instant};

use arc_swap::ArcSwap;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};

use super::*;
use crate::{
    core::{
        auth::{algorithm::Algorithm, claims::Requirements, keys::KeySet},
        session::{Field, Name, blacklist::Blacklist},
    },
    message::session::SessionCell,
};

/// A service that gives each caller the same answer and tells what it was asked.
struct Service {
    url: String,
    asked: mpsc::UnboundedReceiver<String>,
}

// === impl Service ===

impl Service {
    async fn start(answer: &'static str) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}/CheckMe?a=B", listener.local_addr()?);
        let (told, asked) = mpsc::unbounded_channel();
        actix_rt::spawn(async move {
            while let Ok((mut socket, _peer)) = listener.accept().await {
                let mut request = Vec::new();
                // The question of every test ends like this.
                while !request.ends_with(b"]}") {
                    if socket.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                drop(told.send(String::from_utf8_lossy(&request).to_lowercase()));
                if answer.is_empty() {
                    // Keeps the connection and says nothing.
                    std::future::pending::<()>().await;
                }
                drop(socket.write_all(answer.as_bytes()).await);
            }
        });
        Ok(Self { url, asked })
    }
}

fn gate(revoked: &[&str]) -> Gate {
    let keys = KeySet::new(Algorithm::Hs256, Some("secret")).unwrap();
    let (cell, mut blacklist) = (SessionCell::new(), Blacklist::new());
    for name in revoked {
        let name = Name::new(name).unwrap();
        blacklist.revoke(&name, u64::MAX, 0).unwrap();
    }
    cell.publish(&mut blacklist);
    cell.set_complete();
    let keys = Arc::new(ArcSwap::from_pointee(keys));
    Gate::new(
        keys,
        Requirements::default(),
        None,
        Arc::new(cell),
        Field::default(),
    )
}

fn checks(setting: &str, gate: Gate) -> Checks {
    let tls = crate::upstream::tls::client_config(None).unwrap();
    let check = Check::parse(setting).unwrap();
    Checks::new(check.clone(), check, gate, tls)
}

/// A token for the key of [`gate`], valid for ever.
fn token(jti: &str) -> String {
    let claims = serde_json::json!({"jti": jti, "exp": u64::MAX / 2});
    let key = jsonwebtoken::EncodingKey::from_secret(b"secret");
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

fn lines(authorization: &[String]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    for line in authorization {
        headers.append("authorization", HeaderValue::from_str(line).unwrap());
    }
    headers
}

const WANTED: Bytes = Bytes::from_static(b"{\"subscriptions\":[]}");

#[test]
fn a_setting_is_a_word_or_a_url() {
    for (text, expected) in [
        ("", Ok(Check::Nothing)),
        ("NO_check", Ok(Check::Nothing)),
        ("Jwt_Validation", Ok(Check::Token)),
        ("http://h", Ok(Check::Service(Uri::from_static("http://h")))),
        (
            "https://h:1/CheckMe?x=Y",
            Ok(Check::Service(Uri::from_static("https://h:1/CheckMe?x=Y"))),
        ),
        ("jwt", Err(CheckFault)),
        ("/check", Err(CheckFault)),
        ("h:80", Err(CheckFault)),
        ("ftp://h", Err(CheckFault)),
        ("http://", Err(CheckFault)),
        ("http://h h", Err(CheckFault)),
    ] {
        assert_eq!(Check::parse(text), expected, "{text}");
    }
}

#[actix_rt::test]
async fn without_a_check_everything_is_allowed() {
    let checks = checks("no_check", gate(&[]));
    assert!(checks.connecting(None, WANTED).await);
    assert!(checks.subscription(&lines(&[]), WANTED).await);
    assert!(checks.submission(&lines(&[]), WANTED, None).await);
}

#[actix_rt::test]
async fn one_valid_token_is_enough_and_a_revoked_one_is_none() {
    let checks = checks("jwt_validation", gate(&["gone"]));
    let (good, gone) = (token("here"), token("gone"));
    assert!(checks.connecting(Some(&good), WANTED).await);
    for bad in [None, Some(""), Some("abc"), Some(&*gone)] {
        assert!(!checks.connecting(bad, WANTED).await, "{bad:?}");
    }
    for (authorization, allowed) in [
        (vec![], false),
        (vec![format!("Bearer {good}")], true),
        (vec![format!("bEARER {good}")], true),
        (vec![good.clone()], true),
        (vec![format!("Basic Zm9v, Bearer abc, {good}")], true),
        (
            vec!["Bearer abc".to_owned(), format!("Bearer {good}")],
            true,
        ),
        (vec![format!("Bearer {gone}")], false),
        (vec![format!("Basic {good}")], false),
    ] {
        let headers = lines(&authorization);
        assert_eq!(
            checks.subscription(&headers, WANTED).await,
            allowed,
            "{authorization:?}"
        );
        assert_eq!(checks.submission(&headers, WANTED, None).await, allowed);
    }
}

#[actix_rt::test]
async fn a_gate_that_is_not_open_lets_nobody_in() {
    let keys = KeySet::new(Algorithm::Hs256, Some("secret")).unwrap();
    let closed = Gate::new(
        Arc::new(ArcSwap::from_pointee(keys)),
        Requirements::default(),
        None,
        Arc::new(SessionCell::new()),
        Field::default(),
    );
    let checks = checks("jwt_validation", closed);
    assert!(!checks.connecting(Some(&token("here")), WANTED).await);
}

#[actix_rt::test]
async fn only_2xx_of_a_service_is_a_yes() {
    for (answer, allowed) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", true),
        (
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
            false,
        ),
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", false),
        (
            "HTTP/1.1 302 Found\r\nlocation: /yes\r\ncontent-length: 0\r\n\r\n",
            false,
        ),
        ("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n", false),
        ("nonsense\r\n\r\n", false),
    ] {
        let service = Service::start(answer).await.unwrap();
        let checks = checks(&service.url, gate(&[]));
        assert_eq!(checks.connecting(None, WANTED).await, allowed, "{answer}");
    }
}

#[actix_rt::test]
async fn a_service_is_asked_with_the_clients_words() {
    let mut service = Service::start("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let checks = checks(&service.url, gate(&[]));
    assert!(checks.connecting(Some("a.b.c"), WANTED).await);
    let asked = service.asked.recv().await.unwrap();
    for part in [
        "post /checkme?a=b http/1.1\r\n",
        "\r\ncontent-type: application/json; charset=utf-8\r\n",
        "\r\nauthorization: bearer a.b.c\r\n",
        "\r\ncontent-length: 20\r\n",
        "\r\n\r\n{\"subscriptions\":[]}",
    ] {
        assert!(asked.contains(part), "{asked}");
    }
    let headers = lines(&["Basic eA==".to_owned(), "Bearer x".to_owned()]);
    assert!(checks.submission(&headers, WANTED, Some(JSON)).await);
    let asked = service.asked.recv().await.unwrap();
    assert!(
        asked.contains("\r\nauthorization: basic ea==, bearer x\r\n"),
        "{asked}"
    );
    assert!(
        asked.contains("\r\ncontent-type: application/json; charset=utf-8\r\n"),
        "{asked}"
    );
    assert!(checks.subscription(&headers, WANTED).await);
    let asked = service.asked.recv().await.unwrap();
    assert!(
        asked.contains("\r\ncontent-type: application/json\r\n"),
        "{asked}"
    );
}

#[actix_rt::test]
async fn a_service_that_is_not_there_or_says_nothing_denies() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let nobody = checks(&format!("http://{address}/"), gate(&[]));
    assert!(!nobody.connecting(None, WANTED).await);

    let mute = Service::start("").await.unwrap();
    let begun = Instant::now();
    assert!(!checks(&mute.url, gate(&[])).connecting(None, WANTED).await);
    let waited = begun.elapsed();
    assert!(waited >= RECEIVE_MAX && waited < CONNECT_MAX, "{waited:?}");
}
