//! The HTTP client for what the service itself asks of other servers: webhooks, and the provider that signs people in.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, redirect};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// A server that does not take a connection within this time is not there.
const CONNECT: Duration = Duration::from_secs(5);

/// A client that trusts what the system trusts, and follows no redirects: what it sends is for one server.
pub(crate) fn client() -> io::Result<Client> {
    let builder = || {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
    };
    let tls = builder().map_err(io::Error::other)?;
    let tls = match tls.with_platform_verifier() {
        Ok(tls) => tls.with_no_client_auth(),
        // A machine without certificates can still speak plain HTTP; it trusts no server.
        Err(_) => builder()
            .map_err(io::Error::other)?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    };
    let client = Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("cla/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .referer(false)
        .redirect(redirect::Policy::none())
        .build();
    client.map_err(|error| io::Error::other(reason(error)))
}

/// What went wrong, down to the system's reason, without the URL: it may be a secret.
pub(crate) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
