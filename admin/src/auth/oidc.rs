//! Signing in by a provider that knows the people of a team (OpenID Connect): [`OpenId`].
//!
//! A browser that asks for it is sent to the provider with a state, a nonce and a PKCE challenge, and comes back with a code.
//! The state of that sign-in stays here, under the digest of a secret that only that browser has (a cookie). The first
//! return removes it, even if that return fails.

mod flows;
mod provider;
mod settings;

pub(crate) use self::flows::Flow;
pub(crate) use self::provider::{Begun, Refused};
pub use self::settings::{OpenId, OpenIdError};

use std::io;

use self::flows::Flows;
use self::provider::Provider;
use crate::server::hosts::AllowedHosts;

/// The path to which the provider sends browsers back.
pub(crate) const BACK: &str = "/login/oidc/callback";

/// The provider, and the sign-ins that have begun.
pub(crate) struct Oidc {
    pub(crate) provider: Provider,
    pub(crate) flows: Flows,
}

impl Oidc {
    pub(crate) fn new(settings: OpenId, hosts: &AllowedHosts) -> io::Result<Self> {
        let base = settings.redirect_base(hosts);
        Ok(Self {
            flows: Flows::new(hosts, base.starts_with("https://")),
            provider: Provider::new(settings, format!("{base}{BACK}"))?,
        })
    }
}
