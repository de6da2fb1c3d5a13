//! Leases for other languages: a slot that is asked for, kept alive and given back over HTTP.
//!
//! A client that waits stands in the same line as every rule. When its connection ends, it has left the line; when it
//! forgets a lease, the time to live gives the slot back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use cla_runtime::semaphore::{
    AcquireError, Owner, Priority, RefreshError, ReleaseError, Request, RequestId, RunId,
    SemaphoreName, SlotId, Slots, Ttl,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Length};
use super::openapi::{LengthJson, SlotsJson};
use super::problem::Problem;
use super::semaphores::named;
use crate::auth::{Person, secret};
use crate::leases::{Lease, Leases};
use crate::service::Service;

/// How long a lease lives by default: long enough for a client that refreshes it twice a minute.
const TTL: Duration = Duration::from_secs(60);

/// The longest time that a lease lives without a refresh.
const LONGEST_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a client waits by default.
const WAIT: Duration = Duration::from_secs(30);

/// How long a client waits at most: proxies cut off longer requests.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// The most leases at once.
const MOST: usize = 100_000;

/// What is asked for. Every field may be absent.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = Wish)]
pub(crate) struct Wish {
    /// How many slots the semaphore has, in the view of this client's code.
    #[schema(value_type = Option<SlotsJson>)]
    slots: Option<Slots>,
    priority: Option<i32>,
    /// How long to wait; 0 means not at all.
    #[schema(value_type = Option<LengthJson>)]
    wait: Option<Length>,
    /// How long the lease lives unless it is refreshed.
    #[schema(value_type = Option<LengthJson>)]
    ttl: Option<Length>,
    /// Who asks, for administrators: the name of the token, if absent.
    who: Option<String>,
    /// On which machine: the client's address, if absent.
    host: Option<String>,
    pid: Option<u32>,
    /// The client's run: runs that wait for one another in a cycle are refused.
    #[schema(value_type = Option<String>)]
    run: Option<RunId>,
    /// The id of the slot, for those who release it by that.
    #[schema(value_type = Option<String>)]
    slot: Option<SlotId>,
}

/// What was given.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Lease)]
pub(crate) struct Given {
    /// Names the lease: a secret of the client's.
    lease: String,
    #[schema(value_type = String)]
    semaphore: SemaphoreName,
    /// The request, as administrators see it.
    #[schema(value_type = String)]
    request: RequestId,
    /// The fencing token: it only grows, so that a resource can refuse an old one.
    token: u64,
    granted: bool,
    /// Seconds.
    waited: f64,
    /// How many seconds it lives from now.
    ttl: f64,
}

/// A lease that the client has.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refresh {
    lease: String,
    #[schema(value_type = Option<LengthJson>)]
    ttl: Option<Length>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    lease: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Refreshed {
    #[schema(value_type = String)]
    semaphore: SemaphoreName,
    token: u64,
    ttl: f64,
}

type Name = Result<Path<String>, PathRejection>;
type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

/// `POST /api/v1/semaphores/NAME/acquire`: answers when it is the client's turn, or the wait is over.
pub(crate) async fn acquire(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    peer: Peer,
    name: Name,
    Body(wish): Body<Wish>,
) -> Result<Json<Given>, Problem> {
    let name = named(&person, &name?.0)?;
    if service.is_draining() {
        return Err(Problem::draining());
    }
    if service.leases.count() >= MOST {
        return Err(Problem::too_many_leases());
    }
    let ttl = match ttl(wish.ttl)?.or_else(|| service.declared.ttl(&name)) {
        Some(ttl) => ttl,
        None => Ttl::try_from(TTL).map_err(|error| Problem::invalid(error.to_string()))?,
    };
    let wait = wish
        .wait
        .map_or(WAIT, |Length(wait)| wait)
        .min(LONGEST_WAIT);
    let request = wish.request(&person, peer, ttl, wait);
    // When the client's connection ends, this future is dropped. That gives up the place in line, or the slot.
    let permit = tokio::select! {
        permit = service.semaphores.semaphore(&name).acquire().with(request) => permit?,
        () = service.drained() => return Err(Problem::draining()),
    };
    let given = Given {
        lease: secret(),
        semaphore: name.clone(),
        request: permit.id(),
        token: permit.token(),
        granted: permit.granted(),
        waited: permit.waited().as_secs_f64(),
        ttl: ttl.duration().as_secs_f64(),
    };
    let lease = Lease {
        permit: tokio::sync::Mutex::new(Some(permit)),
        semaphore: name,
        ttl,
    };
    service.leases.insert(given.lease.clone(), lease);
    Ok(Json(given))
}

/// `POST /api/v1/semaphores/NAME/refresh`: the lease lives on, from now.
pub(crate) async fn refresh(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    name: Name,
    Body(body): Body<Refresh>,
) -> Result<Json<Refreshed>, Problem> {
    let name = named(&person, &name?.0)?;
    let lease = find(&service.leases, &name, &body.lease)?;
    let ttl = ttl(body.ttl)?.unwrap_or(lease.ttl);
    let permit = lease.permit.lock().await;
    let permit = permit
        .as_ref()
        .ok_or_else(|| Problem::unknown_lease(&name))?;
    permit.refresh(ttl).await?;
    Ok(Json(Refreshed {
        semaphore: name,
        token: permit.token(),
        ttl: ttl.duration().as_secs_f64(),
    }))
}

/// `POST /api/v1/semaphores/NAME/release`: gives the slot back.
pub(crate) async fn release(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    name: Name,
    Body(body): Body<Release>,
) -> Result<StatusCode, Problem> {
    let name = named(&person, &name?.0)?;
    let lease = find(&service.leases, &name, &body.lease)?;
    service.leases.remove(&body.lease);
    let permit = lease.permit.lock().await.take();
    // Another request has released it at the same time.
    let permit = permit.ok_or_else(|| Problem::unknown_lease(&name))?;
    permit.release().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn ttl(given: Option<Length>) -> Result<Option<Ttl>, Problem> {
    let Some(Length(length)) = given else {
        return Ok(None);
    };
    if length > LONGEST_TTL {
        return Err(Problem::invalid(
            "`ttl` is at most a day; refresh the lease",
        ));
    }
    let ttl = Ttl::new(length).map_err(|error| Problem::invalid(error.to_string()))?;
    Ok(Some(ttl))
}

impl Wish {
    fn request(self, person: &Person, peer: Peer, ttl: Ttl, wait: Duration) -> Request {
        let who = self.who.filter(|who| !who.is_empty());
        let mut owner = Owner::new(who.unwrap_or_else(|| person.login().to_owned()));
        if let Some(pid) = self.pid {
            let peer = || peer.map(|Extension(ConnectInfo(address))| address.ip().to_string());
            owner = owner.with_process(self.host.or_else(peer).unwrap_or_default(), pid);
        }
        if let Some(run) = self.run {
            owner = owner.with_run(run);
        }
        let mut request = Request::new()
            .owner(owner)
            .ttl(ttl)
            .timeout(wait)
            .priority(Priority(self.priority.unwrap_or_default()));
        if let Some(slots) = self.slots {
            request = request.slots(slots);
        }
        if let Some(slot) = self.slot {
            request = request.slot(slot);
        }
        request
    }
}

/// The lease that a client names.
fn find(leases: &Leases, name: &SemaphoreName, lease: &str) -> Result<Arc<Lease>, Problem> {
    leases
        .find(name, lease)
        .ok_or_else(|| Problem::unknown_lease(name))
}

impl From<AcquireError> for Problem {
    fn from(error: AcquireError) -> Self {
        let (kind, title) = match &error {
            AcquireError::Store(error) => return error.clone().into(),
            AcquireError::Cancelled { .. } => ("cancelled", "An administrator cancelled the wait"),
            AcquireError::TimedOut { .. } => ("timed-out", "No slot became free in time"),
            AcquireError::Deadlock(_) => ("deadlock", "The wait could never have ended"),
            _ => ("refused", "No slot"),
        };
        Self::new(StatusCode::CONFLICT, kind, title, error.to_string())
    }
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match &error {
            RefreshError::Store(error) => error.clone().into(),
            _ => Self::lost(error.to_string()),
        }
    }
}

impl From<ReleaseError> for Problem {
    fn from(error: ReleaseError) -> Self {
        match &error {
            ReleaseError::Store(error) => error.clone().into(),
            _ => Self::lost(error.to_string()),
        }
    }
}

impl Problem {
    fn lost(detail: String) -> Self {
        Self::new(StatusCode::GONE, "lost", "The lease was lost", detail)
    }

    fn unknown_lease(name: &SemaphoreName) -> Self {
        let detail = format!(
            "there is no such lease of semaphore \"{name}\": it was released, or lost because it was not refreshed in time"
        );
        Self::new(StatusCode::GONE, "unknown-lease", "No such lease", detail)
    }

    fn too_many_leases() -> Self {
        let detail = format!("clients have {MOST} leases, and this service keeps no more");
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "too-many-leases", "Too many leases", detail)
    }
}
