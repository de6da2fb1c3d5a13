//! What a URL that leads nowhere, or not in, gets; and TLS.

#[path = "redis/common.rs"]
mod common;

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cla_semaphore::{AcquireError, Request, Semaphores, StoreError};
use cla_tests::redis::{Server, Watched};
use common::{name, soon, store};

/// What the first request is told, which must be at once.
async fn refusal(url: &str) -> String {
    let asked = Instant::now();
    let refused = soon(store(url).semaphore(&name("x")).acquire()).await;
    assert!(
        asked.elapsed() < Duration::from_secs(20),
        "at once, or nearly so"
    );
    match refused {
        Err(AcquireError::Store(error)) => error.to_string(),
        other => panic!("{url}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_said_at_once_and_never_shown() {
    let server = Server::start();
    server.command(&["ACL", "SETUSER", "me", "on", ">s3cret", "~*", "&*", "+@all"]);
    server.command(&["ACL", "SETUSER", "default", "off"]);
    let port = server.port();
    let good = store(&format!("redis://me:s3cret@127.0.0.1:{port}"));
    drop(soon(good.semaphore(&name("x")).acquire()).await.unwrap());
    for wrong in ["me:wr0ng@", "you:s3cret@", ":s3cret@", ""] {
        let said = refusal(&format!("redis://{wrong}127.0.0.1:{port}")).await;
        assert!(said.contains("redis://"), "{said}");
        assert!(
            !said.contains("s3cret") && !said.contains("wr0ng"),
            "{said}"
        );
    }
    let diagnosis = soon(good.diagnose()).await.unwrap();
    assert_eq!(diagnosis.store, format!("redis://me:***@127.0.0.1:{port}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_said_at_once() {
    let server = Server::start();
    let said = refusal(&format!("{}/99", server.url())).await;
    assert!(said.to_lowercase().contains("db index"), "{said}");
    // One that is there is another world.
    let (zero, one) = (store(&server.url()), store(&format!("{}/1", server.url())));
    let _held = soon(zero.semaphore(&name("x")).acquire()).await.unwrap();
    assert!(
        soon(one.semaphore(&name("x")).acquire().if_free())
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_nobody_knows_is_said_at_once() {
    let said = refusal("redis://no-such-host.invalid").await;
    assert!(said.contains("cannot be reached"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_kind_is_said_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(1) {
            let _ = stream
                .unwrap()
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let said = refusal(&format!("redis://127.0.0.1:{port}")).await;
    assert!(said.contains("failed"), "{said}");
}

#[test]
fn a_parameter_that_is_not_there_is_an_error_that_names_those_that_are() {
    let error = Semaphores::connect("redis://me:s3cret@h?leese=1s")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("\"leese\"") && error.contains("lease"),
        "{error}"
    );
    assert!(!error.contains("s3cret"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prefixes_keep_semaphores_apart() {
    let server = Server::start();
    let (one, other) = (
        store(&format!("{}?prefix=one", server.url())),
        store(&format!("{}?prefix=other", server.url())),
    );
    let _held = soon(one.semaphore(&name("x")).acquire()).await.unwrap();
    assert!(other.list().await.unwrap().is_empty());
    assert!(
        soon(other.semaphore(&name("x")).acquire().if_free())
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_takes_the_certificates_that_it_is_told_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let server = Server::with_tls(&certificate, &key);
    let trusted = store(&format!("{}?ca={}", server.url(), certificate.display()));
    let permit = soon(trusted.semaphore(&name("x")).acquire()).await.unwrap();
    permit.release().await.unwrap();
    let said = refusal(&server.url()).await;
    assert!(said.to_lowercase().contains("certificate"), "{said}");
    let said = refusal(&format!("{}?ca=/no/such/file", server.url())).await;
    assert!(said.contains("/no/such/file"), "{said}");
    // A server that speaks no TLS says nothing to it, as one that is not there.
    let plain = Server::start();
    let url = plain.url().replace("redis://", "rediss://");
    let listed = soon(store(&url).list()).await;
    assert!(
        matches!(listed, Err(StoreError::Unreachable { .. })),
        "{listed:?}"
    );
}

/// A certificate for this machine that signs itself, and its key, as PEM files.
fn certificate(folder: &std::path::Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let (certificate, key) = (folder.join("ca.pem"), folder.join("key.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status()
        .expect("openssl is installed: it makes the certificate of this test");
    assert!(made.success());
    (certificate, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_may_want_a_certificate_of_its_clients() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let server = Server::with_client_certificates(&certificate, &key);
    let (ca, key) = (certificate.display(), key.display());
    let url = format!("{}?ca={ca}&cert={ca}&key={key}", server.url());
    let permit = soon(store(&url).semaphore(&name("x")).acquire())
        .await
        .unwrap();
    permit.release().await.unwrap();
    let without = soon(store(&format!("{}?ca={ca}", server.url())).list()).await;
    assert!(without.is_err(), "{without:?}");
    for (cert, key, part) in [
        (
            "/no/such/file".to_owned(),
            key.to_string(),
            "cert=/no/such/file",
        ),
        (key.to_string(), key.to_string(), "no block CERTIFICATE"),
        (ca.to_string(), ca.to_string(), "key="),
    ] {
        let said = refusal(&format!("{}?ca={ca}&cert={cert}&key={key}", server.url())).await;
        assert!(said.contains(part), "{said}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_may_listen_at_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("r s.sock");
    let server = Server::with(&["--unixsocket", socket.to_str().unwrap()]);
    let path = socket.to_str().unwrap().replace(' ', "%20");
    let through = store(&format!("redis+unix://{path}?db=2"));
    let _held = soon(through.semaphore(&name("x")).acquire()).await.unwrap();
    let over_tcp = store(&format!("{}/2", server.url()));
    assert_eq!(soon(over_tcp.list()).await.unwrap()[0].busy, 1);
    let gone = soon(store("unix:///no/such/socket").list()).await;
    assert!(
        matches!(gone, Err(StoreError::Unreachable { .. })),
        "{gone:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_may_have_a_password_of_their_own() {
    let watched = Watched::start();
    watched
        .watcher()
        .command(&["ACL", "SETUSER", "default", "resetpass", ">s3cret"]);
    let said = refusal(&watched.url()).await;
    assert!(said.contains("sentinel_password="), "{said}");
    let said = refusal(&format!("{}?sentinel_password=wr0ng", watched.url())).await;
    assert!(!said.contains("wr0ng"), "{said}");
    let known = store(&format!("{}?sentinel_password=s3cret", watched.url()));
    let _held = soon(known.semaphore(&name("x")).acquire()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_a_server_that_was_never_reached_says_so() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap();
    drop(port);
    let away = store(&format!("redis://{address}"));
    let request = Request::new().timeout(Duration::from_millis(300));
    let waited = soon(away.semaphore(&name("x")).acquire().with(request))
        .await
        .map(drop);
    assert!(
        matches!(
            waited,
            Err(AcquireError::Store(StoreError::Unreachable { .. }))
        ),
        "{waited:?}"
    );
}
