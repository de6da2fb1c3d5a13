//! Semaphores that the host's configuration declares: [`Declaration`].
//!
//! A declared semaphore is there from the start, and the service knows more of it than the store does: what it is for, and
//! when a wait for it is too long (`crate::alerts`). Its number of slots is the code's number, as if a rule had said it: an administrator's
//! number outranks it, and it changes nothing for those who are busy or wait.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::semaphore::{
    Owner, Request, RequestId, RequestView, SemaphoreName, SemaphoreView, Semaphores, Slots,
    Status, StoreError, Ttl,
};
use serde::Serialize;

use crate::alerts::Kind;

/// How often to check that all declared semaphores are there: a store forgets those that are not used for long.
const LOOK: Duration = Duration::from_secs(60);

/// How soon to try again after a failure of the store.
const RETRY: Duration = Duration::from_secs(1);

/// A semaphore that the host's configuration declares.
///
/// ```
/// use std::time::Duration;
/// use cla_admin::Declaration;
/// use cla_runtime::semaphore::{SemaphoreName, Slots};
///
/// let declaration = Declaration::new(SemaphoreName::new("prod-db")?, "host.toml")
///     .slots(Slots::Limited(2))
///     .description("the production database")
///     .label("team", "shop")
///     .alert_after(Duration::from_secs(600));
/// assert_eq!(declaration.name().as_str(), "prod-db");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    name: SemaphoreName,
    by: String,
    slots: Option<Slots>,
    description: Option<String>,
    labels: BTreeMap<String, String>,
    ttl: Option<Ttl>,
    alert_after: Option<Duration>,
    alert_held_after: Option<Duration>,
}

impl Declaration {
    /// A semaphore of this name, declared by `by`: the file that says so.
    #[must_use]
    pub fn new(name: SemaphoreName, by: impl Into<String>) -> Self {
        Self {
            name,
            by: by.into(),
            slots: None,
            description: None,
            labels: BTreeMap::new(),
            ttl: None,
            alert_after: None,
            alert_held_after: None,
        }
    }

    /// How many may be busy at once, unless an administrator says otherwise (default: what rules say).
    #[must_use]
    pub fn slots(mut self, slots: Slots) -> Self {
        self.slots = Some(slots);
        self
    }

    /// What it is for, for people.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// A label, to find it by. A second one of the same name replaces the first.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// How long a lease over HTTP lives by default.
    #[must_use]
    pub fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// A request that waits longer is marked, and reported once as an alert.
    #[must_use]
    pub fn alert_after(mut self, wait: Duration) -> Self {
        self.alert_after = Some(wait);
        self
    }

    /// A request that is busy for longer is marked, and reported once as an alert.
    #[must_use]
    pub fn alert_held_after(mut self, hold: Duration) -> Self {
        self.alert_held_after = Some(hold);
        self
    }

    /// The semaphore.
    #[must_use]
    pub fn name(&self) -> &SemaphoreName {
        &self.name
    }
}

/// All declared semaphores, by name.
#[derive(Debug, Default)]
pub(crate) struct Declared(HashMap<SemaphoreName, Declaration>);

/// A semaphore as clients see it: the store's view, with what is declared of it.
#[derive(Debug, Serialize)]
pub(crate) struct Seen<'a> {
    #[serde(flatten)]
    pub(crate) view: SemaphoreView,
    /// One that is not declared looks as `cla sem --json` prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    declared: Option<Shown<'a>>,
    /// The requests that wait for longer than they should.
    #[serde(skip_serializing_if = "Option::is_none")]
    overdue: Option<Vec<RequestId>>,
    /// The requests that are busy for longer than they should.
    #[serde(skip_serializing_if = "Option::is_none")]
    overheld: Option<Vec<RequestId>>,
}

/// A declaration as clients see it. Lengths of time are seconds.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    by: &'a str,
    slots: Option<Slots>,
    description: Option<&'a str>,
    labels: &'a BTreeMap<String, String>,
    ttl: Option<f64>,
    alert_after: Option<f64>,
    alert_held_after: Option<f64>,
}

impl Declared {
    pub(crate) fn new(declarations: Vec<Declaration>) -> Self {
        let named = declarations.into_iter();
        Self(named.map(|one| (one.name.clone(), one)).collect())
    }

    /// The semaphore, with what is declared of it.
    pub(crate) fn seen(&self, view: SemaphoreView) -> Seen<'_> {
        let found = self.0.get(&view.name);
        Seen {
            overdue: found.map(|_| self.overdue(&view)),
            overheld: found.map(|_| self.overheld(&view)),
            declared: found.map(Declaration::shown),
            view,
        }
    }

    /// The requests that wait for longer than they should.
    pub(crate) fn overdue(&self, view: &SemaphoreView) -> Vec<RequestId> {
        self.ids(view, Kind::Waiting)
    }

    /// The requests that are busy for longer than they should.
    pub(crate) fn overheld(&self, view: &SemaphoreView) -> Vec<RequestId> {
        self.ids(view, Kind::Held)
    }

    fn ids(&self, view: &SemaphoreView, kind: Kind) -> Vec<RequestId> {
        let late = self.late(view).filter(|(known, _)| *known == kind);
        late.map(|(_, request)| request.id).collect()
    }

    /// The requests that wait, or are busy, for longer than they should.
    pub(crate) fn late<'v>(
        &self,
        view: &'v SemaphoreView,
    ) -> impl Iterator<Item = (Kind, &'v RequestView)> {
        let requests = view.requests.iter();
        requests.filter_map(|request| {
            let kind = self.takes_too_long(&view.name, request)?;
            Some((kind, request))
        })
    }

    /// What takes too long of a request at this semaphore.
    pub(crate) fn takes_too_long(
        &self,
        semaphore: &SemaphoreName,
        request: &RequestView,
    ) -> Option<Kind> {
        let kind = match request.status {
            Status::Waiting => Kind::Waiting,
            Status::Busy => Kind::Held,
            _ => return None,
        };
        let most = self.0.get(semaphore)?.limit(kind)?;
        (kind.lasted(request) > most.as_secs_f64()).then_some(kind)
    }

    /// The semaphores of which something may take too long.
    pub(crate) fn watched(&self) -> impl Iterator<Item = &Declaration> {
        let all = self.0.values();
        all.filter(|one| Kind::ALL.iter().any(|kind| one.limit(*kind).is_some()))
    }

    /// What a semaphore is for, for people.
    pub(crate) fn description(&self, semaphore: &SemaphoreName) -> Option<&str> {
        self.0.get(semaphore)?.description.as_deref()
    }

    /// The labels of a semaphore, as `NAME=VALUE`.
    pub(crate) fn labels(&self, semaphore: &SemaphoreName) -> Vec<String> {
        let found = self.0.get(semaphore);
        found.map(Declaration::label_texts).unwrap_or_default()
    }

    /// All labels of the semaphores that `sees` says yes to.
    pub(crate) fn all_labels(&self, sees: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let seen = self.0.values().filter(|found| sees(found.name.as_str()));
        seen.flat_map(Declaration::label_texts).collect()
    }

    /// Whether the semaphore has this label: `NAME=VALUE`, or `NAME` with any value.
    pub(crate) fn has_label(&self, semaphore: &SemaphoreName, label: &str) -> bool {
        let Some(found) = self.0.get(semaphore) else {
            return false;
        };
        match label.split_once('=') {
            Some((name, value)) => found.labels.get(name).is_some_and(|known| known == value),
            None => found.labels.contains_key(label),
        }
    }

    /// How long a lease lives by default.
    pub(crate) fn ttl(&self, semaphore: &SemaphoreName) -> Option<Ttl> {
        self.0.get(semaphore)?.ttl
    }

    /// Declares all of them to the store, and again those that it has forgotten, for as long as the service lives. `parts`
    /// gives its declarations and its store.
    pub(crate) fn keep<S: Send + Sync + 'static>(
        service: &Arc<S>,
        parts: fn(&S) -> (&Self, &Semaphores),
    ) {
        if parts(service).0.0.is_empty() {
            return;
        }
        let service = Arc::downgrade(service);
        tokio::spawn(async move {
            let mut is_first = true;
            while let Some(service) = service.upgrade() {
                let (declared, semaphores) = parts(&service);
                let wait = match declared.look(semaphores, is_first).await {
                    Ok(()) => {
                        is_first = false;
                        LOOK
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot declare semaphores");
                        RETRY
                    }
                };
                drop(service);
                tokio::time::sleep(wait).await;
            }
        });
    }

    /// Declares those that are not there; all of them at `first`, for another start may have declared other numbers.
    async fn look(&self, semaphores: &Semaphores, first: bool) -> Result<(), StoreError> {
        let mut missing: Vec<&Declaration> = Vec::new();
        for declaration in self.0.values() {
            let view = semaphores.show(&declaration.name).await?;
            // A number that an administrator set hides the code's number.
            let differs = |view: &SemaphoreView| {
                view.pinned || declaration.slots.is_some_and(|slots| slots != view.slots)
            };
            if view.is_none_or(|view| first && differs(&view)) {
                missing.push(declaration);
            }
        }
        for declaration in missing {
            declaration.declare_to(semaphores).await?;
        }
        Ok(())
    }
}

impl Declaration {
    /// Declares the number of slots as a rule does: with a request. It takes a slot only if one is free, and gives it back at
    /// once; the store has noted the number either way.
    async fn declare_to(&self, semaphores: &Semaphores) -> Result<(), StoreError> {
        let mut request = Request::new().owner(Owner::new(format!("declared by {}", self.by)));
        if let Some(slots) = self.slots {
            request = request.slots(slots);
        }
        if let Some(permit) = semaphores
            .semaphore(&self.name)
            .acquire()
            .with(request)
            .if_free()
            .await?
        {
            // It does not matter if the permit was lost meanwhile: the store has noted the number.
            let _ = permit.release().await;
        }
        Ok(())
    }

    fn label_texts(&self) -> Vec<String> {
        let labels = self.labels.iter();
        labels
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }

    /// How long a request may wait, or be busy, before it is worth an alert.
    pub(crate) fn limit(&self, kind: Kind) -> Option<Duration> {
        match kind {
            Kind::Waiting => self.alert_after,
            Kind::Held => self.alert_held_after,
        }
    }

    fn shown(&self) -> Shown<'_> {
        Shown {
            by: &self.by,
            slots: self.slots,
            description: self.description.as_deref(),
            labels: &self.labels,
            ttl: self.ttl.map(|ttl| ttl.duration().as_secs_f64()),
            alert_after: self.alert_after.map(|wait| wait.as_secs_f64()),
            alert_held_after: self.alert_held_after.map(|hold| hold.as_secs_f64()),
        }
    }
}
