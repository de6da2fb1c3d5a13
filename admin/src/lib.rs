//! The administrators' service: an HTTP interface and a live panel for the semaphores of a store.
//!
//! [`Admin`] is the service. It steers the semaphores of every program that shares the store, not only those of its own
//! process. A program of its own serves it with [`Server`]; a host that has a web server already mounts
//! [`Admin::into_router`] in it.
//!
//! ```no_run
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! use cla_admin::{Admin, Server, Shutdown};
//! use cla_runtime::semaphore::Semaphores;
//!
//! let server = Server::bind("127.0.0.1:7007".parse()?).await?;
//! let admin = Admin::builder(Semaphores::memory())
//!     .listening_on(server.local_addr()?)
//!     .build()?;
//! println!("open {}", admin.sign_in_link());
//! server.serve(admin, Shutdown::new()).await?;
//! # Ok(()) }
//! ```
//!
//! # Who may do what
//!
//! Every route has one [`Role`] that it asks for, in one table. A request is let in by a bearer token, by the cookie
//! that a sign-in gave, or by a [`Person`] that the host's own middleware put into the request's extensions.

mod alerts;
mod api;
mod audit;
mod auth;
mod builder;
mod declared;
mod health;
mod leases;
mod live;
mod metrics;
mod outgoing;
mod panel;
mod repl;
mod runs;
mod server;
mod service;

pub use alerts::{Webhook, WebhookError};
pub use auth::oidc::{OpenId, OpenIdError};
pub use auth::{Person, Role, Token, TokenError, TokenStore, TokenUse};
pub use axum;
pub use builder::{Admin, AdminBuilder};
pub use cla_runtime::semaphore::{Glob, GlobError};
pub use declared::Declaration;
pub use runs::Rules;
pub use server::proxy::{Network, NetworkError, UserRole};
pub use server::{Server, Shutdown};
