//! What is to be seen of the semaphores: in which order, and which of them match.

use cla_runtime::semaphore::{RequestView, SemaphoreView, Status};

use super::{Detailed, Mode, Moment, State};
use crate::render;
use crate::sem::top::layout::Pane;

/// How many digits of an id are shown: enough to distinguish all ids on a screen.
const ID: usize = 8;

/// A semaphore as it was read.
#[derive(Debug)]
pub(in super::super) struct Listed {
    pub(in super::super) view: SemaphoreView,
    pub(in super::super) read_at: Moment,
    /// How many are busy outside the slots.
    pub(in super::super) granted: usize,
}

impl Listed {
    pub(super) fn new(view: SemaphoreView, read_at: Moment) -> Self {
        let granted = render::granted(&view);
        Self {
            view,
            read_at,
            granted,
        }
    }

    pub(super) fn is_in_use(&self) -> bool {
        self.view.busy + self.view.waiting + self.granted > 0
    }
}

/// In which order semaphores are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Sort {
    /// Those in use first, each part by name.
    InUse,
    Name,
    /// The longest line first.
    Waiting,
}

impl Sort {
    pub(super) fn next(self) -> Self {
        match self {
            Self::InUse => Self::Name,
            Self::Name => Self::Waiting,
            Self::Waiting => Self::InUse,
        }
    }

    pub(in super::super) fn as_str(self) -> &'static str {
        match self {
            Self::InUse => "in use first",
            Self::Name => "by name",
            Self::Waiting => "longest line first",
        }
    }
}

/// Counts over all semaphores; the search does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Totals {
    pub(in super::super) semaphores: usize,
    pub(in super::super) busy: usize,
    pub(in super::super) granted: usize,
    pub(in super::super) waiting: usize,
}

impl State {
    pub(in super::super) fn totals(&self) -> Totals {
        let add = |totals: Totals, listed: &Listed| Totals {
            semaphores: totals.semaphores + 1,
            busy: totals.busy + listed.view.busy,
            granted: totals.granted + listed.granted,
            waiting: totals.waiting + listed.view.waiting,
        };
        self.semaphores.iter().fold(Totals::default(), add)
    }

    /// How many rows a pane has, those out of sight included.
    pub(in super::super) fn count(&self, pane: Pane) -> usize {
        match pane {
            Pane::Semaphores => self.order.len(),
            Pane::Requests => self.rows.len(),
        }
    }

    /// Which row of a pane is selected, and which is the first to be seen.
    pub(in super::super) fn selection(&self, pane: Pane) -> (usize, usize) {
        match pane {
            Pane::Semaphores => (self.left.at(), self.left.top()),
            Pane::Requests => (self.right.at(), self.right.top()),
        }
    }

    /// The semaphores to be seen, from the first on the screen.
    pub(in super::super) fn visible_semaphores(&self) -> impl Iterator<Item = &Listed> {
        let top = self.left.top().min(self.order.len());
        self.order[top..].iter().map(|at| &self.semaphores[*at])
    }

    /// The requests to be seen, from the first on the screen.
    pub(in super::super) fn visible_requests(&self) -> impl Iterator<Item = &RequestView> {
        let requests = self.selected_semaphore();
        let requests = requests.map_or(&[][..], |listed| &listed.view.requests);
        let top = self.right.top().min(self.rows.len());
        self.rows[top..].iter().filter_map(|at| requests.get(*at))
    }

    pub(in super::super) fn selected_semaphore(&self) -> Option<&Listed> {
        self.order
            .get(self.left.at())
            .map(|at| &self.semaphores[*at])
    }

    pub(in super::super) fn selected_request(&self) -> Option<&RequestView> {
        let at = self.rows.get(self.right.at())?;
        self.selected_semaphore()?.view.requests.get(*at)
    }

    /// What Enter was pressed on.
    pub(in super::super) fn detailed(&self) -> Option<&Detailed> {
        self.detailed.as_ref()
    }

    /// Works out again what is to be seen, after the semaphores, the search or the order changed.
    pub(super) fn refresh(&mut self) {
        let query = self.query.to_lowercase();
        let mut order: Vec<usize> = (0..self.semaphores.len())
            .filter(|at| matches(&self.semaphores[*at].view, &query))
            .collect();
        let key = |at: &usize| &self.semaphores[*at];
        // Stable: within what counts they stay in the order of their names.
        match self.sort {
            Sort::InUse => order.sort_by_key(|at| !key(at).is_in_use()),
            Sort::Name => {}
            Sort::Waiting => order.sort_by_key(|at| std::cmp::Reverse(key(at).view.waiting)),
        }
        self.order = order;
        self.follow();
    }

    /// Puts the selections where what was selected is now.
    pub(super) fn follow(&mut self) {
        let height = self.height(Pane::Semaphores);
        let (order, semaphores) = (&self.order, &self.semaphores);
        let name = |at: usize| semaphores[order[at]].view.name.clone();
        self.left.follow(order.len(), height, name);
        self.follow_requests();
    }

    fn follow_requests(&mut self) {
        let query = self.query.to_lowercase();
        let height = self.height(Pane::Requests);
        let selected = self.order.get(self.left.at());
        let view = selected.map(|at| &self.semaphores[*at].view);
        let requests = view.map_or(&[][..], |view| &view.requests);
        // A semaphore whose name matches is shown with everybody at it.
        let all = view.is_some_and(|view| name_matches(view, &query));
        self.rows = (0..requests.len())
            .filter(|at| all || request_matches(&requests[*at], &query))
            .collect();
        let rows = &self.rows;
        self.right
            .follow(rows.len(), height, |at| requests[rows[at]].id);
        self.follow_details();
    }

    /// Selects a row of a pane, or its last one.
    pub(super) fn select(&mut self, pane: Pane, at: usize) {
        let height = self.height(pane);
        match pane {
            Pane::Semaphores => {
                let before = self.left.key().cloned();
                let (order, semaphores) = (&self.order, &self.semaphores);
                let name = |at: usize| semaphores[order[at]].view.name.clone();
                self.left.go(at, order.len(), height, name);
                if self.left.key() != before.as_ref() {
                    self.right = super::Cursor::default();
                    self.follow_requests();
                }
            }
            Pane::Requests => {
                let selected = self.order.get(self.left.at());
                let requests = selected.map_or(&[][..], |at| &self.semaphores[*at].view.requests);
                let rows = &self.rows;
                self.right
                    .go(at, rows.len(), height, |at| requests[rows[at]].id);
            }
        }
    }

    /// What details are shown of is shown as it is now; once it is gone, as it was.
    fn follow_details(&mut self) {
        if !matches!(self.mode, Mode::Details { .. }) {
            return;
        }
        let name = match &self.detailed {
            Some(Detailed::Semaphore(view, _)) => &view.name,
            Some(Detailed::Request(name, ..)) => name,
            None => return,
        };
        let found = self
            .semaphores
            .binary_search_by(|listed| listed.view.name.cmp(name));
        let Ok(listed) = found.map(|at| &self.semaphores[at]) else {
            return;
        };
        match &mut self.detailed {
            Some(Detailed::Semaphore(view, read_at)) => {
                **view = without_requests(&listed.view);
                *read_at = listed.read_at;
            }
            Some(Detailed::Request(_, request, read_at)) => {
                let mut requests = listed.view.requests.iter();
                if let Some(now) = requests.find(|now| now.id == request.id) {
                    (**request).clone_from(now);
                    *read_at = listed.read_at;
                }
            }
            None => {}
        }
    }

    /// Notes what Enter is pressed on.
    pub(super) fn detail(&mut self) -> bool {
        let semaphore = self.selected_semaphore();
        self.detailed = match self.focus {
            Pane::Semaphores => semaphore.map(|listed| {
                let view = Box::new(without_requests(&listed.view));
                Detailed::Semaphore(view, listed.read_at)
            }),
            Pane::Requests => semaphore
                .zip(self.selected_request())
                .map(|(listed, request)| {
                    let request = Box::new(request.clone());
                    Detailed::Request(listed.view.name.clone(), request, listed.read_at)
                }),
        };
        self.detailed.is_some()
    }
}

/// `3f2a91bc (deploy.js)`.
pub(in super::super) fn label(request: &RequestView) -> String {
    match request.who.as_deref() {
        Some(who) if !who.is_empty() => {
            format!("{} ({})", id(request), render::Span::plain(who).text)
        }
        _ => id(request),
    }
}

/// The beginning of the id.
pub(in super::super) fn id(request: &RequestView) -> String {
    request.id.to_string().chars().take(ID).collect()
}

/// `host:pid`, as much of it as is known.
pub(in super::super) fn owner(request: &RequestView) -> String {
    match (request.host.as_deref(), request.pid) {
        (Some(host), Some(pid)) => format!("{host}:{pid}"),
        (Some(host), None) => host.to_owned(),
        (None, Some(pid)) => format!(":{pid}"),
        (None, None) => String::new(),
    }
}

pub(in super::super) fn is_live(request: &RequestView) -> bool {
    matches!(request.status, Status::Busy | Status::Waiting)
}

fn without_requests(view: &SemaphoreView) -> SemaphoreView {
    SemaphoreView {
        name: view.name.clone(),
        requests: view
            .requests
            .iter()
            .filter(|request| request.granted && is_live(request))
            .cloned()
            .collect(),
        ..*view
    }
}

/// Whether `text` contains `query`, which is in lower case.
fn contains(text: &str, query: &str) -> bool {
    text.to_lowercase().contains(query)
}

fn name_matches(view: &SemaphoreView, query: &str) -> bool {
    query.is_empty() || contains(view.name.as_str(), query)
}

fn request_matches(request: &RequestView, query: &str) -> bool {
    request
        .who
        .as_deref()
        .is_some_and(|who| contains(who, query))
        || contains(&owner(request), query)
        || contains(&render::status(request, 0.0), query)
        || request.id.to_string().contains(query)
        || request
            .run
            .is_some_and(|run| run.to_string().contains(query))
}

/// Whether it is to be seen while `query` is searched for.
fn matches(view: &SemaphoreView, query: &str) -> bool {
    name_matches(view, query)
        || view
            .requests
            .iter()
            .any(|request| request_matches(request, query))
}
