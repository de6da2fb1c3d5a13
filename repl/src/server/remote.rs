//! A store that is a `cla serve`: [`RemoteStore`].
//!
//! Commands go through `POST /api/v1/actions`, which takes names and ids in its body: no path can name a semaphore `..`.
//! Its futures need the program's event loop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cla_runtime::semaphore::{
    AcquireError, Actor, AdminCommand, AdminError, AuditEntry, AuditQuery, BoxFuture, Diagnosis,
    Event, EventHub, Events, HistoryQuery, RefreshError, Request, RequestId, RequestView, RunId,
    SemaphoreName, SemaphoreView, SlotId, Store, StoreError, StorePermit, Ttl,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::client::{Client, PATIENCE, Refusal};
use super::events::{Stream, follow};
use super::lease::{Given, RemoteLease, TTL};

/// The longest wait of one HTTP request: proxies and the server cut off longer ones.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// A server in the place of a store.
pub(crate) struct RemoteStore {
    client: Client,
    hub: Arc<EventHub<Event>>,
    stream: watch::Sender<Stream>,
    follower: std::sync::OnceLock<AbortHandle>,
}

/// The outcome of one action.
#[derive(Debug, Deserialize)]
struct Outcomes {
    results: Vec<Outcome>,
}

#[derive(Debug, Deserialize)]
struct Outcome {
    ok: bool,
    #[serde(default)]
    requests: Option<usize>,
    #[serde(default)]
    problem: Option<Problem>,
}

#[derive(Debug, Deserialize)]
struct Problem {
    r#type: String,
    status: u16,
    detail: String,
}

impl RemoteStore {
    pub(crate) fn new(client: Client) -> Arc<Self> {
        Arc::new(Self {
            client,
            hub: Arc::new(EventHub::new()),
            stream: watch::Sender::new(Stream::Unwanted),
            follower: std::sync::OnceLock::new(),
        })
    }

    /// Waits for the stream of events, if a subscriber asked for one, so that a later request comes after the subscription.
    async fn settled(&self) {
        let mut stream = self.stream.subscribe();
        let settled = stream.wait_for(|stream| *stream != Stream::Opening);
        // A server that does not answer is an error of the request.
        let _ = tokio::time::timeout(PATIENCE, settled).await;
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Refusal> {
        self.settled().await;
        self.client.get(path, query).await
    }

    fn failed(&self, refusal: Refusal) -> StoreError {
        self.client.failed(refusal)
    }

    async fn views(&self) -> Result<Vec<SemaphoreView>, StoreError> {
        let views = self.get(&["semaphores"], &[]).await;
        views.map_err(|refusal| self.failed(refusal))
    }

    /// The semaphore, if it is there.
    async fn one(&self, name: &SemaphoreName) -> Result<Option<SemaphoreView>, StoreError> {
        if !can_be_in_a_path(name) {
            let views = self.views().await?;
            return Ok(views.into_iter().find(|view| view.name == *name));
        }
        match self.get(&["semaphores", name.as_str()], &[]).await {
            Ok(view) => Ok(Some(view)),
            Err(refusal) if refusal.is("unknown-semaphore") => Ok(None),
            Err(refusal) => Err(self.failed(refusal)),
        }
    }

    async fn change(&self, command: AdminCommand) -> Result<usize, AdminError> {
        self.settled().await;
        let refused = |refusal| AdminError::Store(self.failed(refusal));
        let body = action(&command);
        let outcomes = self.client.post(&["actions"], &body, Duration::ZERO).await;
        let outcomes: Outcomes = outcomes.map_err(refused)?;
        let one_request = usize::from(command.request().is_some());
        let Some(outcome) = outcomes.results.into_iter().next() else {
            return Ok(0);
        };
        match outcome.problem {
            None if outcome.ok => Ok(outcome.requests.unwrap_or(one_request)),
            None => Ok(0),
            Some(problem) => {
                let kind = problem.r#type.rsplit(':').next().unwrap_or_default();
                match (kind, command.semaphore(), command.request()) {
                    ("unknown-semaphore", Some(name), _) => {
                        Err(AdminError::UnknownSemaphore { name: name.clone() })
                    }
                    ("unknown-request", _, Some(id)) => {
                        Err(AdminError::UnknownRequest { id: id.to_string() })
                    }
                    _ => Err(refused(Refusal::Problem {
                        status: problem.status,
                        kind: kind.to_owned(),
                        detail: problem.detail,
                    })),
                }
            }
        }
    }

    async fn wait(
        &self,
        name: SemaphoreName,
        request: Request,
    ) -> Result<Box<dyn StorePermit>, AcquireError> {
        self.settled().await;
        if !can_be_in_a_path(&name) {
            return Err(AcquireError::Store(self.unnameable(&name)));
        }
        let path = ["semaphores", name.as_str(), "acquire"];
        let began = Instant::now();
        loop {
            let left = request
                .get_timeout()
                .map(|limit| limit.saturating_sub(began.elapsed()));
            let wait = left.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
            let given = self.client.post(&path, &wish(&request, wait), wait).await;
            let refusal = match given {
                Ok(given) => {
                    let given: Given = given;
                    let lease = RemoteLease::new(
                        self.client.clone(),
                        name,
                        given,
                        began.elapsed(),
                        request.get_ttl(),
                    );
                    return Ok(Box::new(lease));
                }
                Err(refusal) => refusal,
            };
            if refusal.is("cancelled") {
                return Err(AcquireError::Cancelled { name });
            }
            if !refusal.is("timed-out") {
                return Err(AcquireError::Store(self.failed(refusal)));
            }
            // The server waits only so long. A longer wait asks again, and then stands at the end of the line.
            if let Some(after) = request.get_timeout()
                && began.elapsed() >= after.min(wait)
                && left == Some(wait)
            {
                return Err(AcquireError::TimedOut { name, after });
            }
        }
    }

    fn unnameable(&self, name: &SemaphoreName) -> StoreError {
        self.failed(Refusal::Problem {
            status: 404,
            kind: "no-such-path".to_owned(),
            detail: format!("no path of a URL can name the semaphore \"{name}\""),
        })
    }

    fn not_by_slot_id(&self) -> StoreError {
        self.failed(Refusal::Problem {
            status: 404,
            kind: "no-such-path".to_owned(),
            detail: "slots are not released or refreshed by slot id over HTTP".to_owned(),
        })
    }
}

/// URLs resolve `.` and `..`, also where they are encoded.
fn can_be_in_a_path(name: &SemaphoreName) -> bool {
    !matches!(name.as_str(), "." | "..")
}

/// A command as `POST /api/v1/actions` takes it.
fn action(command: &AdminCommand) -> Value {
    let mut body = Map::new();
    let action = match command {
        AdminCommand::SetSlots { slots, .. } => {
            body.insert("slots".to_owned(), json!(slots));
            "slots"
        }
        AdminCommand::Move { place, .. } => {
            body.insert("to".to_owned(), json!(place));
            "move"
        }
        other => other.action().as_str(),
    };
    body.insert("action".to_owned(), json!(action));
    if let Some(name) = command.semaphore() {
        body.insert("semaphores".to_owned(), json!([name]));
    }
    if let Some(id) = command.request() {
        body.insert("requests".to_owned(), json!([id]));
    }
    Value::Object(body)
}

/// A request as `POST /api/v1/semaphores/NAME/acquire` takes it.
fn wish(request: &Request, wait: Duration) -> Value {
    let ttl = request.get_ttl().map_or(TTL, Ttl::duration);
    let owner = request.get_owner();
    let fields = [
        ("wait", Some(json!(wait.as_secs_f64()))),
        ("ttl", Some(json!(ttl.as_secs_f64()))),
        ("priority", Some(json!(request.get_priority()))),
        ("slots", request.get_slots().map(|slots| json!(slots))),
        ("slot", request.get_slot().map(|slot| json!(slot))),
        ("who", owner.map(|owner| json!(owner.who()))),
        (
            "host",
            owner.and_then(|owner| owner.host()).map(|host| json!(host)),
        ),
        (
            "pid",
            owner.and_then(|owner| owner.pid()).map(|pid| json!(pid)),
        ),
        (
            "run",
            owner.and_then(|owner| owner.run()).map(|run| json!(run)),
        ),
    ];
    let given = fields.into_iter();
    let given = given.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect())
}

impl Store for RemoteStore {
    fn acquire(
        self: Arc<Self>,
        name: SemaphoreName,
        request: Request,
    ) -> BoxFuture<'static, Result<Box<dyn StorePermit>, AcquireError>> {
        Box::pin(async move { self.wait(name, request).await })
    }

    fn try_acquire(
        self: Arc<Self>,
        name: SemaphoreName,
        request: Request,
    ) -> BoxFuture<'static, Result<Option<Box<dyn StorePermit>>, StoreError>> {
        Box::pin(async move {
            let request = request.timeout(Duration::ZERO);
            match self.wait(name, request).await {
                Ok(lease) => Ok(Some(lease)),
                Err(AcquireError::Store(error)) => Err(error),
                Err(_) => Ok(None),
            }
        })
    }

    fn release_slot(&self, _: SemaphoreName, _: SlotId) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move { Err(self.not_by_slot_id()) })
    }

    fn refresh_slot(
        &self,
        _: SemaphoreName,
        _: SlotId,
        _: Ttl,
    ) -> BoxFuture<'_, Result<(), RefreshError>> {
        Box::pin(async move { Err(self.not_by_slot_id().into()) })
    }

    /// The server knows who gives the command: the name of the token.
    fn administer(
        &self,
        command: AdminCommand,
        _: Option<Actor>,
    ) -> BoxFuture<'_, Result<usize, AdminError>> {
        Box::pin(self.change(command))
    }

    fn audit(&self, query: AuditQuery) -> BoxFuture<'_, Result<Vec<AuditEntry>, StoreError>> {
        let mut wanted = records(query.wanted_since(), query.wanted_limit());
        if let Some(name) = query.wanted_semaphore() {
            wanted.push(("semaphore", name.to_string()));
        }
        Box::pin(async move {
            let entries = self.get(&["audit"], &wanted).await;
            entries.map_err(|refusal| self.failed(refusal))
        })
    }

    fn history(
        &self,
        name: SemaphoreName,
        query: HistoryQuery,
    ) -> BoxFuture<'_, Result<Vec<RequestView>, StoreError>> {
        let wanted = records(query.wanted_since(), query.wanted_limit());
        Box::pin(async move {
            if !can_be_in_a_path(&name) {
                return Err(self.unnameable(&name));
            }
            match self
                .get(&["semaphores", name.as_str(), "history"], &wanted)
                .await
            {
                Ok(ended) => Ok(ended),
                // A store has no history of a semaphore that it does not know.
                Err(refusal) if refusal.is("unknown-semaphore") => Ok(Vec::new()),
                Err(refusal) => Err(self.failed(refusal)),
            }
        })
    }

    /// No run is on the other side.
    fn abandon(&self, _: RunId) {}

    fn list(&self) -> BoxFuture<'_, Result<Vec<SemaphoreView>, StoreError>> {
        Box::pin(self.views())
    }

    /// Rules do not run on this side.
    fn mark_unresponsive(&self, _: RunId, _: Option<std::time::Instant>) {}

    fn show(
        &self,
        name: SemaphoreName,
    ) -> BoxFuture<'_, Result<Option<SemaphoreView>, StoreError>> {
        Box::pin(async move { self.one(&name).await })
    }

    fn find<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<RequestId, AdminError>> {
        #[derive(Deserialize)]
        struct Row {
            id: RequestId,
        }
        Box::pin(async move {
            match self.get::<Row>(&["requests", prefix], &[]).await {
                Ok(row) => Ok(row.id),
                Err(refusal) if refusal.is("unknown-request") => {
                    let id = prefix.to_owned();
                    Err(AdminError::UnknownRequest { id })
                }
                Err(refusal) => Err(AdminError::Store(self.failed(refusal))),
            }
        })
    }

    fn subscribe(&self) -> Events {
        let events = self.hub.subscribe();
        self.follower.get_or_init(|| {
            self.stream.send_replace(Stream::Opening);
            let (client, hub) = (self.client.clone(), Arc::clone(&self.hub));
            tokio::spawn(follow(client, hub, self.stream.clone())).abort_handle()
        });
        events
    }

    fn diagnose(&self) -> BoxFuture<'_, Result<Diagnosis, StoreError>> {
        Box::pin(async move {
            let began = Instant::now();
            self.views().await?;
            Ok(Diagnosis::new(self.client.url().as_str(), began.elapsed()))
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        if let Some(follower) = self.follower.get() {
            follower.abort();
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Which records, as the server's queries say it.
fn records(since: Option<Duration>, limit: Option<usize>) -> Vec<(&'static str, String)> {
    /// More than any store keeps, and the most that the server takes.
    const ALL: usize = 1_000_000_000;
    let mut query = vec![("limit", limit.unwrap_or(ALL).min(ALL).to_string())];
    if let Some(since) = since {
        query.push(("since", since.as_secs_f64().to_string()));
    }
    query
}
