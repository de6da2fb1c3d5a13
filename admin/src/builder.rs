//! What hosts see of the service: [`Admin`].

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderName;
use cla_runtime::semaphore::Semaphores;
use tokio::sync::watch;

use crate::alerts::{Alerts, Watched, Webhook};
use crate::api::openapi;
use crate::auth::oidc::{Oidc, OpenId};
use crate::auth::{Auth, TokenStore};
use crate::declared::{Declaration, Declared};
use crate::health::Health;
use crate::leases::Leases;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::panel::{Panel, Trends};
use crate::repl::Repl;
use crate::runs::{Rules, Runs};
use crate::server::hosts::AllowedHosts;
use crate::server::proxy::{Network, Proxies, UserRole};
use crate::server::rate::RateLimit;
use crate::server::routes;
use crate::service::Service;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The administrators' service for the semaphores of one store. Cheap to clone; all clones are the same service.
///
/// ```
/// use cla_admin::Admin;
/// use cla_runtime::semaphore::Semaphores;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let admin = Admin::builder(Semaphores::memory()).listening_on("127.0.0.1:7007".parse()?).build()?;
/// assert!(admin.sign_in_link().contains("/login?token="));
/// // A host that has a web server mounts it there.
/// let router = cla_admin::axum::Router::new().merge(admin.into_router());
/// # let _: cla_admin::axum::Router = router;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Admin {
    service: Arc<Service>,
}

/// Configures an [`Admin`].
///
/// ```
/// use cla_admin::{Admin, TokenStore, UserRole};
/// use cla_runtime::semaphore::Semaphores;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let admin = Admin::builder(Semaphores::memory())
///     .allowed_host("https://cla.example.com")
///     .tokens(TokenStore::new(folder.path().join("tokens.json")))
///     .trusted_proxy("10.0.0.0/8".parse()?)
///     .proxy_users("x-forwarded-user".parse()?, "operator".parse::<UserRole>()?)
///     .build()?;
/// assert!(admin.ready().await);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct AdminBuilder {
    semaphores: Semaphores,
    tokens: Option<TokenStore>,
    hosts: AllowedHosts,
    rules: Option<Rules>,
    declared: Vec<Declaration>,
    proxies: Proxies,
    webhook: Option<Webhook>,
    openid: Option<OpenId>,
    rate: RateLimit,
}

impl Admin {
    /// A service for these semaphores.
    pub fn builder(semaphores: Semaphores) -> AdminBuilder {
        AdminBuilder {
            semaphores,
            tokens: None,
            hosts: AllowedHosts::default(),
            rules: None,
            declared: Vec::new(),
            proxies: Proxies::default(),
            webhook: None,
            openid: None,
            rate: RateLimit::default(),
        }
    }

    /// Waits until the service follows the store, two seconds at most: what happens from then on is on its streams of events.
    /// `false`: the store does not answer yet.
    ///
    /// Call this before saying that the service has started. Otherwise the first clients that only listen can miss what
    /// other programs do at that moment.
    pub async fn ready(&self) -> bool {
        let Service {
            health,
            semaphores,
            live,
            ..
        } = &*self.service;
        // A store carries out the subscription before this question, which comes after it.
        health.look(semaphores, live).await
    }

    /// All routes of the service, for a host's own server: mount it at the root of a host name.
    ///
    /// The host's server gives each request the address of its client as
    /// [`ConnectInfo<SocketAddr>`](axum::extract::ConnectInfo); without it, all clients share one rate limit. The host
    /// is to limit how long it waits for the headers of a request; [`Server`](crate::Server) does.
    pub fn into_router(self) -> Router {
        routes::router(&self.service)
    }

    /// A link that signs one browser in as administrator. Each call makes a new one, which works once, for a day.
    #[must_use]
    pub fn sign_in_link(&self) -> String {
        let token = self.service.auth.sessions.invite();
        format!("{}/login?token={token}", self.service.hosts.address())
    }

    /// Where the service is, as `http://127.0.0.1:7007`.
    #[must_use]
    pub fn address(&self) -> String {
        self.service.hosts.address()
    }

    /// Begins the end, and waits for it: nothing new begins from now on, runs get the time of grace, are then cancelled, and
    /// give back what they hold. Leases of clients are given back when the server ends.
    pub async fn drain(&self, grace: Duration) {
        self.service.draining.send_replace(true);
        let repl = async {
            if let Some(repl) = &self.service.repl {
                repl.drain(grace).await;
            }
        };
        let runs = async {
            if let Some(runs) = &self.service.runs {
                runs.drain(grace).await;
            }
        };
        tokio::join!(repl, runs);
    }

    pub(crate) fn service(&self) -> &Arc<Service> {
        &self.service
    }
}

impl AdminBuilder {
    /// The address at which clients reach the service: requests that name another host are refused.
    ///
    /// A loopback address is reached as `localhost`, too.
    pub fn listening_on(mut self, address: SocketAddr) -> Self {
        self.hosts = self.hosts.listening_on(address);
        self
    }

    /// A further host name, with its port if it has one, by which clients reach the service:
    /// `cla.example.com`; `https://cla.example.com` if a proxy in front speaks TLS for it.
    pub fn allowed_host(mut self, host: impl Into<String>) -> Self {
        self.hosts = self.hosts.allow(&host.into());
        self
    }

    /// Clients reach the service over TLS at its own address.
    pub fn over_tls(mut self) -> Self {
        self.hosts = self.hosts.over_tls();
        self
    }

    /// How many requests one address may send in a second, on average (default: 2,000); twice as many at once. More are
    /// refused with 429 and a time to wait.
    pub fn requests_per_second(mut self, most: u32) -> Self {
        self.rate = RateLimit::new(most);
        self
    }

    /// The tokens that let clients in (default: none).
    pub fn tokens(mut self, tokens: TokenStore) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// The rules that clients run (default: none).
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = Some(rules);
        self
    }

    /// Trusts a proxy at such an address to say for whom it asks (`X-Forwarded-For`). Can be called several times.
    pub fn trusted_proxy(mut self, network: Network) -> Self {
        self.proxies.trust(network);
        self
    }

    /// A trusted proxy has signed in the user whom this header names. From any other address the header is refused.
    pub fn proxy_users(mut self, login: HeaderName, role: UserRole) -> Self {
        self.proxies.users(login, role);
        self
    }

    /// A semaphore that the host's configuration declares. A later one of the same name replaces it.
    pub fn declare(mut self, declaration: Declaration) -> Self {
        self.declared.push(declaration);
        self
    }

    /// A provider of OpenID Connect that signs people in, beside tokens and links.
    pub fn openid(mut self, openid: OpenId) -> Self {
        self.openid = Some(openid);
        self
    }

    /// Each alert is sent there, too: a request of a declared semaphore that waits, or is busy, for too long.
    pub fn alert_webhook(mut self, webhook: Webhook) -> Self {
        self.webhook = Some(webhook);
        self
    }

    /// The service. It begins to listen to the store's events.
    ///
    /// # Errors
    /// The folder of the rules cannot be read, or their history cannot be used, or there is no TLS for what is sent to the webhook or the provider.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn build(mut self) -> io::Result<Admin> {
        let repl = self.rules.as_mut().and_then(Rules::take_repl);
        let repl = repl.map(|repl| Repl::new(repl, self.semaphores.clone()));
        let metrics = Arc::new(Metrics::new());
        let trends = Arc::new(Trends::default());
        let live = Live::follow(
            self.semaphores.clone(),
            Arc::clone(&metrics),
            Arc::clone(&trends),
        );
        let runs = self.rules.map(|rules| {
            let (live, metrics) = (Arc::clone(&live), Arc::clone(&metrics));
            Runs::new(rules, live, metrics)
        });
        let runs = runs.transpose()?;
        let oidc = self.openid.map(|openid| Oidc::new(openid, &self.hosts));
        let auth = Auth::new(self.tokens, oidc.transpose()?, &self.hosts);
        let service = Service {
            semaphores: self.semaphores,
            auth,
            hosts: self.hosts,
            proxies: self.proxies,
            live,
            metrics,
            health: Health::new(),
            panel: Panel::new(trends),
            rate: self.rate,
            leases: Leases::default(),
            runs,
            repl,
            alerts: Alerts::new(self.webhook)?,
            declared: Declared::new(self.declared),
            draining: watch::Sender::new(false),
            openapi: LazyLock::new(|| openapi::value(VERSION, &routes::table())),
            version: VERSION,
        };
        let service = Arc::new(service);
        Leases::sweep(&service, |service| &service.leases);
        Declared::keep(&service, |service| (&service.declared, &service.semaphores));
        Health::watch(&service, |service| {
            (&service.health, &service.semaphores, &service.live)
        });
        Alerts::watch(&service, |service| Watched {
            alerts: &service.alerts,
            declared: &service.declared,
            semaphores: &service.semaphores,
            live: &service.live,
        });
        Ok(Admin { service })
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for AdminBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminBuilder").finish_non_exhaustive()
    }
}
