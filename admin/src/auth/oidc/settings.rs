//! How to reach the provider, and who may do what: [`OpenId`].

use std::collections::BTreeMap;
use std::fmt;

use reqwest::Url;
use serde_json::Value;

use crate::auth::Role;
use crate::server::hosts::AllowedHosts;

/// The claim with a person's groups, unless another is named.
const ROLES_CLAIM: &str = "groups";

/// A provider of OpenID Connect that signs people in.
///
/// ```
/// use cla_admin::{OpenId, Role};
///
/// let openid = OpenId::new("https://login.example.com", "cla")?
///     .client_secret("from the provider")
///     .role("operations", Role::Operator)
///     .default_role(Role::Viewer);
/// assert!(!format!("{openid:?}").contains("from the provider"), "a secret is not shown");
/// # Ok::<(), cla_admin::OpenIdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenId {
    pub(super) issuer: String,
    pub(super) client: String,
    pub(super) secret: Option<Secret>,
    pub(super) scopes: Vec<String>,
    base: Option<String>,
    claim: String,
    roles: BTreeMap<String, Role>,
    default: Option<Role>,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A text is no address of a provider, or of this service.
///
/// ```
/// use cla_admin::OpenId;
///
/// let error = OpenId::new("http://login.example.com", "cla").unwrap_err();
/// assert!(error.to_string().contains("http is for this machine only"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} is a URL such as https://login.example.com; http is for this machine only: {wrong}"
)]
pub struct OpenIdError {
    what: &'static str,
    wrong: String,
}

impl OpenId {
    /// The provider at this URL, which knows this service as `client`.
    ///
    /// # Errors
    /// It is no URL, or one of another machine without TLS.
    pub fn new(issuer: &str, client: impl Into<String>) -> Result<Self, OpenIdError> {
        checked("an issuer", issuer)?;
        Ok(Self {
            issuer: issuer.to_owned(),
            client: client.into(),
            secret: None,
            scopes: Vec::new(),
            base: None,
            claim: ROLES_CLAIM.to_owned(),
            roles: BTreeMap::new(),
            default: None,
        })
    }

    /// The secret that the provider has given to this service (default: none; PKCE protects the sign-in either way).
    #[must_use]
    pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(Secret(secret.into()));
        self
    }

    /// Asks for a further scope, beside `openid` and `profile`: the one that gives the groups.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// The address at which browsers reach this service, as `https://cla.example.com` (default: where it listens).
    ///
    /// # Errors
    /// It is no URL, or one of another machine without TLS.
    pub fn reached_at(mut self, base: &str) -> Result<Self, OpenIdError> {
        let url = checked("a redirect base", base)?;
        self.base = Some(url.origin().ascii_serialization());
        Ok(self)
    }

    /// The claim with a person's groups (default `groups`): a text, or a list of texts. Dots lead into objects:
    /// `realm_access.roles`.
    #[must_use]
    pub fn roles_claim(mut self, claim: impl Into<String>) -> Self {
        self.claim = claim.into();
        self
    }

    /// People of this group have this role. Who is in several groups has the role that may do most.
    #[must_use]
    pub fn role(mut self, group: impl Into<String>, role: Role) -> Self {
        self.roles.insert(group.into(), role);
        self
    }

    /// People of no such group have this role (default: they are refused).
    #[must_use]
    pub fn default_role(mut self, role: Role) -> Self {
        self.default = Some(role);
        self
    }

    pub(super) fn redirect_base(&self, hosts: &AllowedHosts) -> String {
        self.base.clone().unwrap_or_else(|| hosts.address())
    }

    /// What these claims say of a person's groups, if anything.
    pub(super) fn groups<'c>(&self, claims: &'c BTreeMap<String, Value>) -> Option<Vec<&'c str>> {
        let found = claims.get(&self.claim).or_else(|| {
            let mut steps = self.claim.split('.');
            let first = claims.get(steps.next()?)?;
            steps.try_fold(first, |object, step| object.get(step))
        })?;
        Some(match found {
            Value::String(group) => vec![group],
            Value::Array(groups) => groups.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        })
    }

    /// The role of a person of these groups.
    pub(super) fn role_of(&self, groups: &[&str]) -> Option<Role> {
        let known = groups.iter().filter_map(|group| self.roles.get(*group));
        known.copied().max().or(self.default)
    }
}

/// A URL by https, or of this machine.
fn checked(what: &'static str, text: &str) -> Result<Url, OpenIdError> {
    let failed = |wrong: String| OpenIdError { what, wrong };
    let url = Url::parse(text).map_err(|error| failed(error.to_string()))?;
    let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here => Ok(url),
        scheme => Err(failed(format!("it begins with {scheme}:"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> BTreeMap<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_group_that_may_do_most_decides() {
        let openid = OpenId::new("https://login.example.com", "cla").unwrap();
        let openid = openid
            .role("ops", Role::Operator)
            .role("admins", Role::Admin);
        let role = |openid: &OpenId, value| {
            let claims = claims(value);
            openid.groups(&claims).map(|groups| openid.role_of(&groups))
        };
        for (groups, expected) in [
            (json!(["ops", "admins", "x"]), Some(Role::Admin)),
            (json!("ops"), Some(Role::Operator)),
            (json!(["Ops", 5]), None),
            (json!({"ops": true}), None),
        ] {
            assert_eq!(role(&openid, json!({"groups": groups})), Some(expected));
        }
        assert_eq!(role(&openid, json!({"sub": "x"})), None, "nothing is said");
        let deep = openid
            .roles_claim("realm_access.roles")
            .default_role(Role::Viewer);
        let value = json!({"realm_access": {"roles": ["ops"]}});
        assert_eq!(role(&deep, value), Some(Some(Role::Operator)));
        let named = deep.roles_claim("https://example.com/roles");
        assert_eq!(
            role(&named, json!({"https://example.com/roles": []})),
            Some(Some(Role::Viewer))
        );
        assert!(!format!("{:?}", named.client_secret("abc")).contains("abc"));
    }

    #[test]
    fn other_machines_are_reached_by_tls_only() {
        for issuer in [
            "https://a.example",
            "http://127.0.0.1:1",
            "http://localhost/x",
            "http://[::1]:2",
        ] {
            assert!(OpenId::new(issuer, "cla").is_ok(), "{issuer}");
        }
        for issuer in [
            "http://a.example",
            "http://127.0.0.1.example",
            "a.example",
            "",
            "file:///x",
        ] {
            assert!(OpenId::new(issuer, "cla").is_err(), "{issuer}");
        }
    }
}
