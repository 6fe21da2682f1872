//! What only a real connection shows.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};

use actix_web::dev::ServerHandle;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned,
    pki_types::PrivateKeyDer,
};

use super::{super::server::ServerOptions, registry, state};

/// Far above what any of these answers takes; a test that hangs fails instead.
const READ_MAX: Duration = Duration::from_secs(10);

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn serve() -> (SocketAddr, ServerHandle) {
    let listener = listener();
    let address = listener.local_addr().unwrap();
    let options = ServerOptions::default();
    let server = super::super::server(state(&registry()), listener, None, options).unwrap();
    let handle = server.handle();
    actix_rt::spawn(server);
    (address, handle)
}

/// Sends `request`, which must make the server close the connection, and returns all it sent back.
async fn exchange(address: SocketAddr, request: Vec<u8>) -> String {
    actix_rt::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(READ_MAX)).unwrap();
        stream.write_all(&request).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    })
    .await
    .unwrap()
}

#[actix_web::test]
async fn head_is_get_without_the_body() {
    let (address, handle) = serve();
    for path in [
        "/v3/apis",
        "/health",
        "/openapi.json",
        "/swagger-ui/index.html",
    ] {
        let ask = |method: &str| {
            format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").into_bytes()
        };
        let get = exchange(address, ask("GET")).await;
        let (_, body) = get.split_once("\r\n\r\n").unwrap();
        let head = exchange(address, ask("HEAD")).await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.ends_with("\r\n\r\n"), "{path}: a body in {head}");
        let length = format!("content-length: {}\r\n", body.len());
        assert!(head.contains(&length), "{path}: {length} not in {head}");
    }
    handle.stop(false).await;
}

#[actix_web::test]
async fn a_client_that_writes_everything_before_it_reads_gets_its_413() {
    let (address, handle) = serve();
    let length = 8_500_000;
    let mut request = format!(
        "POST /v3/apis HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.resize(request.len() + length, b' ');
    let answer = exchange(address, request).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        answer.ends_with(r#"{"errors":{"detail":"Bad request"}}"#),
        "{answer}"
    );
    handle.stop(false).await;
}

#[actix_web::test]
async fn a_body_with_broken_framing_is_400() {
    let (address, handle) = serve();
    let request = b"POST /v3/apis HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
        transfer-encoding: chunked\r\n\r\n5\r\n{\"a\":\r\nzz\r\n";
    let answer = exchange(address, request.to_vec()).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    handle.stop(false).await;
}

#[actix_web::test]
async fn a_request_without_host_is_400() {
    let (address, handle) = serve();
    let answer = exchange(address, b"GET /v3/apis HTTP/1.1\r\n\r\n".to_vec()).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    handle.stop(false).await;
}

#[actix_web::test]
async fn large_heads_are_taken_and_too_many_headers_refused() {
    let (address, handle) = serve();
    let long_value = format!("x: {}\r\n", "v".repeat(17_000));
    let long_query = format!("/health?{}", "q".repeat(8_000));
    // actix-http reads 96 header lines; two of them are ours.
    let (many, too_many) = ("x: y\r\n".repeat(94), "x: y\r\n".repeat(95));
    for (target, headers, status) in [
        ("/health", long_value.as_str(), 200),
        (long_query.as_str(), "", 200),
        ("/health", many.as_str(), 200),
        ("/health", too_many.as_str(), 431),
    ] {
        let request =
            format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        let answer = exchange(address, request.into_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    handle.stop(false).await;
}

#[actix_web::test]
async fn tls_is_spoken_on_its_own_listener() {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = issued.cert.der().clone();
    let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let (plain, secure) = (listener(), listener());
    let address = secure.local_addr().unwrap();
    let state = state(&registry());
    let options = ServerOptions::default();
    let server = super::super::server(state, plain, Some((secure, config)), options).unwrap();
    let handle = server.handle();
    actix_rt::spawn(server);

    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let answer = actix_rt::task::spawn_blocking(move || {
        let name = "localhost".try_into().unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(READ_MAX)).unwrap();
        let mut stream = StreamOwned::new(session, stream);
        let request = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        answer
    })
    .await
    .unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    handle.stop(false).await;
}
