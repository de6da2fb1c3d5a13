//! Sign-ins that have begun: [`Flows`]. In memory, bounded, and each used once.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use openidconnect::{CsrfToken, Nonce, PkceCodeVerifier};
use parking_lot::Mutex;
use subtle::ConstantTimeEq as _;

use crate::auth::random::{self, Digest, digest};
use crate::server::hosts::AllowedHosts;

/// A person has this long to sign in at the provider.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// The most sign-ins at once. One more replaces the oldest, which has to begin again.
const MOST: usize = 1000;

/// What is kept of a sign-in while the browser is at the provider.
pub(crate) struct Flow {
    pub(crate) state: CsrfToken,
    pub(crate) nonce: Nonce,
    pub(crate) verifier: PkceCodeVerifier,
    /// Where to go on.
    pub(crate) next: Option<String>,
    pub(crate) began: Instant,
}

impl Flow {
    /// Whether the provider gives back the state that it was given.
    pub(crate) fn has_state(&self, state: &str) -> bool {
        digest(self.state.secret()).ct_eq(&digest(state)).into()
    }
}

pub(crate) struct Flows {
    cookie: String,
    secure: &'static str,
    flows: Mutex<HashMap<Digest, Flow>>,
}

impl Flows {
    pub(crate) fn new(hosts: &AllowedHosts, secure: bool) -> Self {
        // Cookies are shared by the ports of a host.
        let suffix = hosts.port().map(|port| format!("-{port}"));
        Self {
            cookie: format!("cla-sign-in{}", suffix.unwrap_or_default()),
            secure: if secure { "; Secure" } else { "" },
            flows: Mutex::default(),
        }
    }

    /// Keeps a sign-in, and gives the `Set-Cookie` header by which its browser is known.
    pub(crate) fn keep(&self, flow: Flow) -> String {
        let secret = random::secret();
        let mut flows = self.flows.lock();
        flows.retain(|_, flow| flow.began.elapsed() < LONGEST);
        if flows.len() >= MOST
            && let Some(oldest) = flows
                .iter()
                .min_by_key(|(_, flow)| flow.began)
                .map(|(key, _)| *key)
        {
            flows.remove(&oldest);
        }
        flows.insert(digest(&secret), flow);
        self.header(&secret, LONGEST)
    }

    /// Takes the sign-in of the browser with these cookies.
    pub(crate) fn take(&self, cookies: &str) -> Option<Flow> {
        let mut pairs = cookies.split(';').filter_map(|pair| pair.split_once('='));
        let (_, secret) = pairs.find(|(name, _)| name.trim() == self.cookie)?;
        let flow = self.flows.lock().remove(&digest(secret.trim()))?;
        (flow.began.elapsed() < LONGEST).then_some(flow)
    }

    /// The header that makes a browser forget the sign-in.
    pub(crate) fn forget(&self) -> String {
        self.header("", Duration::ZERO)
    }

    /// `Lax`: the provider, which is another site, sends the browser back with it.
    fn header(&self, secret: &str, age: Duration) -> String {
        format!(
            "{}={secret}; Path={}; HttpOnly; SameSite=Lax; Max-Age={}{}",
            self.cookie,
            super::BACK,
            age.as_secs(),
            self.secure
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::*;

    fn flow(state: &str) -> Flow {
        Flow {
            state: CsrfToken::new(state.to_owned()),
            nonce: Nonce::new("n".to_owned()),
            verifier: PkceCodeVerifier::new("v".repeat(43)),
            next: None,
            began: Instant::now(),
        }
    }

    #[test]
    fn a_sign_in_is_used_once_and_by_its_browser_only() {
        let flows = Flows::new(&AllowedHosts::default(), true);
        let header = flows.keep(flow("s"));
        for part in [
            "HttpOnly",
            "SameSite=Lax",
            "Secure",
            "Path=/login/oidc/callback",
        ] {
            assert!(header.contains(part), "{header}");
        }
        let cookie = header.split(';').next().unwrap();
        assert!(flows.take("cla-sign-in=0; x=y").is_none());
        let taken = flows.take(&format!("x=y; {cookie}")).unwrap();
        assert!(taken.has_state("s") && !taken.has_state("t"));
        assert!(flows.take(cookie).is_none(), "it is used up");
    }

    #[test]
    fn unfinished_sign_ins_are_bounded() {
        let flows = Flows::new(&AllowedHosts::default(), false);
        for _ in 0..=MOST {
            flows.keep(flow("s"));
        }
        assert_eq!(flows.flows.lock().len(), MOST);
    }
}
