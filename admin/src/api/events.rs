//! `GET /api/v1/events`: what happens, as it happens (Server-Sent Events).
//!
//! The first event is `hello`. Then each change of a semaphore is a `transition`, with the JSON of `cla sem events --json`;
//! with `coalesce=MS`, there is at most one `changes` in so many milliseconds, an array with the last transition of each
//! semaphore that changed. A `run` is a run that has begun or ended. An `alert` is a request that
//! waits, or is busy, for too long. A `store` says that the
//! store answers no more, or again. A `reset` says that events were missed: read the state anew. A client that comes back with
//! `Last-Event-ID` (or `after`) gets what it missed, or a `reset`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse as _, Response};
use cla_runtime::semaphore::{Event, SemaphoreName};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use utoipa::IntoParams;

use super::problem::Problem;
use crate::auth::{Credentials, Person};
use crate::live::{Entry, Happened, Live, Place, Reset, frame};
use crate::service::Service;

/// After this long without an event, a stream sends a sign of life.
const HEART_BEAT: Duration = Duration::from_secs(15);

/// How often to check that the client may still watch: its token may be revoked, or its session over.
const RECHECK: Duration = Duration::from_secs(5);

/// The number of milliseconds after which a browser that lost the stream connects again.
const RETRY: &str = "retry: 500\n\n";

/// The most events in one piece.
const PIECE: usize = 64;

/// The longest span in which transitions are put together.
const LONGEST_COALESCE: u64 = 60_000;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only this semaphore.
    semaphore: Option<String>,
    /// The id of the last event that the client has seen, for clients that cannot send `Last-Event-ID`.
    after: Option<String>,
    /// How many milliseconds of transitions one `changes` covers.
    coalesce: Option<u64>,
}

/// What a stream begins with.
#[derive(Serialize)]
struct Hello<'a> {
    version: &'a str,
    /// Whether the store answers.
    reachable: bool,
}

/// One client's view.
struct Watcher {
    service: Arc<Service>,
    person: Person,
    semaphore: Option<String>,
    coalesce: Option<Duration>,
    bell: watch::Receiver<u64>,
    /// The number of the last event that was looked at.
    last: u64,
    /// The headers with the client's credentials; empty if the host's own middleware says who it is.
    credentials: HeaderMap,
    checked: Instant,
    /// When the last transition was sent.
    sent: Instant,
    /// When the last event of any kind was sent.
    said: Instant,
    /// An event to send before all others.
    first: Option<Bytes>,
}

pub(crate) async fn stream(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(wanted) = wanted?;
    if service.is_draining() {
        return Err(Problem::draining());
    }
    if wanted.coalesce.is_some_and(|ms| ms > LONGEST_COALESCE) {
        return Err(Problem::invalid(
            "`coalesce` is from 0 to 60000 milliseconds",
        ));
    }
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let seen = seen.or(wanted.after.as_deref());
    let live = &service.live;
    // Subscribe before looking up the place, so that an event in between wakes the stream.
    let bell = live.bell();
    let place = live.place(seen);
    let (last, mut first) = match place {
        Place::After(last) => (last, String::new()),
        Place::Reset(last) => (last, text(&frame(&live.id(last), "reset", &Reset::LATE))),
    };
    let hello = Hello {
        version: service.version,
        reachable: service.health.is_reachable(),
    };
    first = format!(
        "{RETRY}{}{first}",
        text(&frame(&live.id(last), "hello", &hello))
    );
    let watcher = Watcher {
        person,
        semaphore: wanted.semaphore,
        coalesce: wanted.coalesce.map(Duration::from_millis),
        bell,
        last,
        credentials: credentials(&headers),
        checked: Instant::now(),
        sent: Instant::now(),
        said: Instant::now(),
        first: Some(Bytes::from(first)),
        service,
    };
    let pieces = futures_util::stream::unfold(watcher, |mut watcher| async move {
        let piece = watcher.next().await?;
        Some((Ok::<_, Infallible>(piece), watcher))
    });
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        // Asks proxies to pass each event on at once.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// The headers with credentials.
fn credentials(headers: &HeaderMap) -> HeaderMap {
    let names = [AUTHORIZATION, COOKIE];
    let known = headers.iter().filter(|(name, _)| names.contains(name));
    known
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn text(frame: &Bytes) -> String {
    String::from_utf8_lossy(frame).into_owned()
}

impl Watcher {
    /// What is sent next; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            if self.checked.elapsed() >= RECHECK {
                self.checked = Instant::now();
                if !self.may_watch() {
                    return None;
                }
            }
            if let Some(wait) = self.coalesce {
                self.wait_until(self.sent + wait).await?;
            }
            if let Some(piece) = self.look() {
                self.sent = Instant::now();
                self.said = self.sent;
                return Some(piece);
            }
            let check = self.checked + RECHECK;
            tokio::select! {
                rung = self.bell.changed() => rung.ok()?,
                () = self.service.drained() => return None,
                () = sleep_until(check) => {}
                () = sleep_until(self.said + HEART_BEAT) => {
                    self.said = Instant::now();
                    return Some(Bytes::from_static(b":\n\n"));
                }
            }
        }
    }

    /// Whether the client's credentials are still valid.
    fn may_watch(&self) -> bool {
        if self.credentials.is_empty() || self.person.is_by_proxy() {
            return true;
        }
        let from = self.person.from();
        match self.service.auth.recall(&self.credentials, from) {
            Credentials::Person(person) => person.is_same(&self.person),
            // Revoked, expired or signed out. Or the token is no longer among those that are remembered: it must be hashed
            // again, and the new connection does that.
            _ => false,
        }
    }

    async fn wait_until(&self, until: Instant) -> Option<()> {
        tokio::select! {
            () = sleep_until(until) => Some(()),
            () = self.service.drained() => None,
        }
    }

    /// The events to send now.
    fn look(&mut self) -> Option<Bytes> {
        let live = Arc::clone(&self.service.live);
        // More events may have come meanwhile; a later one wakes the stream again.
        self.bell.mark_unchanged();
        let mut events: VecDeque<Arc<Entry>> = VecDeque::new();
        let mut piece = Vec::new();
        loop {
            let Some(entries) = live.after(self.last, PIECE) else {
                self.last = live.newest();
                return Some(frame(&live.id(self.last), "reset", &Reset::LATE));
            };
            let Some(newest) = entries.last() else { break };
            self.last = newest.number;
            for entry in entries {
                if !self.is_wanted(&entry) {
                    continue;
                }
                match self.coalesce {
                    Some(_) if entry.happened.transition().is_some() => events.push_back(entry),
                    _ => piece.extend_from_slice(&entry.text),
                }
            }
            // A bounded piece if each transition is sent; all of them if they are combined into one event.
            if self.coalesce.is_none() && !piece.is_empty() {
                break;
            }
        }
        if !events.is_empty() {
            piece.extend_from_slice(&changes(&live, self.last, &events));
        }
        (!piece.is_empty()).then(|| Bytes::from(piece))
    }

    fn watches(&self, semaphore: &SemaphoreName) -> bool {
        let name = semaphore.as_str();
        let only = self.semaphore.as_deref();
        only.is_none_or(|only| only == name) && self.person.sees(name)
    }

    fn is_wanted(&self, entry: &Entry) -> bool {
        match &entry.happened {
            Happened::Transition(event) => self.watches(&event.semaphore),
            Happened::Alert(alert) => self.watches(&alert.semaphore),
            Happened::Run(_) => self.semaphore.is_none() && !self.person.is_restricted(),
            Happened::Store(_) | Happened::Gap => true,
        }
    }
}

/// The last transition of each semaphore, in the order in which they happened.
fn changes(live: &Live, last: u64, events: &VecDeque<Arc<Entry>>) -> Bytes {
    let mut seen = std::collections::HashSet::new();
    let mut latest: Vec<&Event> = events
        .iter()
        .rev()
        .filter_map(|entry| entry.happened.transition())
        .filter(|event| seen.insert(event.semaphore.as_str()))
        .collect();
    latest.reverse();
    frame(&live.id(last), "changes", &latest)
}
