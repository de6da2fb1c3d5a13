//! Who asks: [`Person`], and how the service knows: bearer tokens, cookies, or the host's own middleware.

mod access;
mod last_use;
pub(crate) mod oidc;
mod random;
mod sessions;
mod tokens;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE};
use serde::{Deserialize, Serialize};

pub(crate) use self::access::Access;
pub use self::last_use::TokenUse;
pub(crate) use self::random::{fingerprint, secret};
pub(crate) use self::sessions::Sessions;
use self::tokens::{Recalled, Verifier};
pub use self::tokens::{Token, TokenError, TokenStore};
use crate::server::hosts::AllowedHosts;
use cla_runtime::semaphore::Glob;

/// What a person may do. Each role may do all that the roles before it may.
///
/// ```
/// use cla_admin::Role;
///
/// assert_eq!("operator".parse::<Role>()?, Role::Operator);
/// assert!(Role::Viewer < Role::Admin, "each may what those before it may");
/// # Ok::<(), &str>(())
/// ```
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees everything, changes nothing.
    Viewer,
    /// Steers semaphores, takes leases, runs and stops the rules of the folder.
    Operator,
    /// Runs code of their own, and says who may do what.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or("a role is viewer, operator or admin")
    }
}

/// A person or program that was let in.
///
/// A host that knows its users puts one into the extensions of a request; the service then asks for nothing else.
///
/// ```
/// use cla_admin::{Person, Role};
///
/// let anna = Person::new("anna", Role::Operator).only("shop-*".parse()?);
/// assert_eq!((anna.login(), anna.role()), ("anna", Role::Operator));
/// assert!(anna.sees("shop-db") && !anna.sees("prod-db"));
/// # Ok::<(), cla_admin::GlobError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    fields: Arc<Fields>,
    /// The address of the client.
    from: Option<IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Fields {
    login: String,
    role: Role,
    semaphores: Option<Glob>,
    /// Known by a cookie, which a browser also sends with what other sites make it ask.
    by_cookie: bool,
    /// Signed in by a proxy in front. The proxy checks that they still may.
    by_proxy: bool,
}

impl Person {
    /// A person with this name, for the audit, and this role.
    #[must_use]
    pub fn new(login: impl Into<String>, role: Role) -> Self {
        Self {
            fields: Arc::new(Fields {
                login: login.into(),
                role,
                semaphores: None,
                by_cookie: false,
                by_proxy: false,
            }),
            from: None,
        }
    }

    /// A person who sees and steers only the semaphores with such names, and runs no rules.
    #[must_use]
    pub fn only(mut self, semaphores: Glob) -> Self {
        Arc::make_mut(&mut self.fields).semaphores = Some(semaphores);
        self
    }

    /// A person whom the host's own middleware knows by a cookie: changes need proof that the host's own pages ask for them.
    #[must_use]
    pub fn by_cookie(mut self) -> Self {
        Arc::make_mut(&mut self.fields).by_cookie = true;
        self
    }

    /// A person whom a proxy in front has signed in. Most proxies know their users by cookies.
    pub(crate) fn by_proxy(self) -> Self {
        let mut person = self.by_cookie();
        Arc::make_mut(&mut person.fields).by_proxy = true;
        person
    }

    pub(crate) fn is_by_proxy(&self) -> bool {
        self.fields.by_proxy
    }

    /// The name.
    #[must_use]
    pub fn login(&self) -> &str {
        &self.fields.login
    }

    /// The role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.fields.role
    }

    /// Whether they may see this semaphore.
    #[must_use]
    pub fn sees(&self, semaphore: &str) -> bool {
        let pattern = self.fields.semaphores.as_ref();
        pattern.is_none_or(|pattern| pattern.matches(semaphore))
    }

    /// Whether they see only some semaphores.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        self.fields.semaphores.is_some()
    }

    /// The same, at this address.
    pub(crate) fn at(mut self, from: Option<IpAddr>) -> Self {
        self.from = self.from.or(from);
        self
    }

    /// From which address.
    pub(crate) fn from(&self) -> Option<IpAddr> {
        self.from
    }

    /// Whether both have the same rights; their addresses do not matter.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.fields == other.fields
    }

    pub(crate) fn is_by_cookie(&self) -> bool {
        self.fields.by_cookie
    }

    /// The kind of program that asks: `panel` in a browser, or `api`.
    pub(crate) fn program(&self) -> &'static str {
        if self.is_by_cookie() { "panel" } else { "api" }
    }
}

/// A token of the list.
pub(crate) struct KnownToken {
    pub(crate) token: Token,
    /// `None` if it was never used.
    pub(crate) last_use: Option<TokenUse>,
}

/// How the service knows who asks.
pub(crate) struct Auth {
    pub(crate) sessions: Sessions,
    tokens: Option<Verifier>,
    /// The provider that signs people in, if there is one.
    pub(crate) oidc: Option<oidc::Oidc>,
}

/// What the headers of a request say about who asks.
pub(crate) enum Credentials {
    /// Nothing.
    None,
    /// Somebody.
    Person(Person),
    /// A token with this text, which says that it is this one.
    Unsure(String, Arc<Token>),
    /// Credentials that are wrong, or no longer valid.
    Wrong,
}

impl Auth {
    pub(crate) fn new(
        tokens: Option<TokenStore>,
        oidc: Option<oidc::Oidc>,
        hosts: &AllowedHosts,
    ) -> Self {
        Self {
            sessions: Sessions::new(hosts),
            tokens: tokens.map(Verifier::new),
            oidc,
        }
    }

    /// Where tokens are kept, if the host said where.
    pub(crate) fn store(&self) -> Option<&TokenStore> {
        self.tokens.as_ref().map(Verifier::store)
    }

    /// All tokens. Reads files.
    pub(crate) fn tokens(&self) -> Result<Vec<KnownToken>, TokenError> {
        let Some(tokens) = &self.tokens else {
            return Ok(Vec::new());
        };
        // The list of tokens matters more than when they were used.
        let mut uses = tokens.store().last_uses().unwrap_or_default();
        let known = tokens.store().list()?.into_iter();
        Ok(known
            .map(|token| KnownToken {
                last_use: uses.remove(&token.id),
                token,
            })
            .collect())
    }

    /// Makes a token void. Reads and writes files.
    pub(crate) fn revoke(&self, id: &str) -> Result<Token, TokenError> {
        let unknown = || TokenError::Unknown { id: id.to_owned() };
        let tokens = self.tokens.as_ref().ok_or_else(unknown)?;
        tokens.store().revoke(id)
    }

    /// Begins a session with a token, and gives the `Set-Cookie` header that hands it to the browser.
    pub(crate) async fn sign_in(
        &self,
        token: &str,
        from: Option<IpAddr>,
        secure: bool,
    ) -> Option<(Person, String)> {
        let tokens = self.tokens.as_ref()?;
        let (person, id) = match tokens.recall(token, from) {
            Recalled::Right(person, id) => (person, id),
            Recalled::Unsure(found) => tokens.verify(token, found, from).await?,
            Recalled::Wrong => return None,
        };
        let cookie = self.sessions.begin(person.clone(), Some(id), secure);
        Some((person, cookie))
    }

    /// A name for the token in these headers, or else for the browser's session, if there is one. It reveals nothing of the
    /// secret.
    pub(crate) fn session_name(&self, headers: &HeaderMap) -> Option<String> {
        if let Some(value) = headers.get(AUTHORIZATION) {
            return value.to_str().ok().map(fingerprint);
        }
        let cookies = headers.get_all(COOKIE).iter();
        let mut cookies = cookies.filter_map(|value| value.to_str().ok());
        let secret = cookies.find_map(|cookies| self.sessions.cookie(cookies))?;
        Some(fingerprint(secret))
    }

    /// Whether the client that sent these headers is still let in as this person: its token may have been revoked, its
    /// session be over. Without credentials of this service, a proxy or the host's own middleware knows the person.
    pub(crate) fn is_still(&self, person: &Person, headers: &HeaderMap) -> bool {
        if self.session_name(headers).is_none() || person.is_by_proxy() {
            return true;
        }
        matches!(self.recall(headers, person.from()), Credentials::Person(known) if known.is_same(person))
    }

    /// Who has this session, unless its token is void.
    fn session(&self, secret: &str, from: Option<IpAddr>) -> Option<Person> {
        let (person, token) = self.sessions.find(secret)?;
        let is_live = |id: &String| {
            let tokens = self.tokens.as_ref();
            tokens.is_some_and(|tokens| tokens.is_live(id, from))
        };
        token.as_ref().is_none_or(is_live).then_some(person)
    }

    /// Who asks, by the headers of the request, as far as that is known without hashing a token. A bearer token counts
    /// before a cookie. `from` is the address of the client.
    pub(crate) fn recall(&self, headers: &HeaderMap, from: Option<IpAddr>) -> Credentials {
        if let Some(value) = headers.get(AUTHORIZATION) {
            let token = value.to_str().ok().and_then(bearer);
            let (Some(token), Some(tokens)) = (token, &self.tokens) else {
                return Credentials::Wrong;
            };
            return match tokens.recall(token, from) {
                Recalled::Right(person, _) => Credentials::Person(person),
                Recalled::Unsure(found) => Credentials::Unsure(token.to_owned(), found),
                Recalled::Wrong => Credentials::Wrong,
            };
        }
        let cookies = headers.get_all(COOKIE).iter();
        let mut cookies = cookies.filter_map(|value| value.to_str().ok());
        let session = cookies.find_map(|cookies| self.sessions.cookie(cookies));
        // An expired cookie counts as none: the browser goes on sending it.
        match session.and_then(|secret| self.session(secret, from)) {
            Some(person) => Credentials::Person(person),
            None => Credentials::None,
        }
    }

    /// The person of a token that must be hashed to find out.
    pub(crate) async fn verify(
        &self,
        text: &str,
        token: Arc<Token>,
        from: Option<IpAddr>,
    ) -> Option<Person> {
        let (person, _) = self.tokens.as_ref()?.verify(text, token, from).await?;
        Some(person)
    }
}

/// The token of `Bearer TOKEN`.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
