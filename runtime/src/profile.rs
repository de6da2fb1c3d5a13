//! Where the time of runs goes: how often each op, region, command and request was carried out, and how long that took.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// The most places in a profile, each with the way that leads to it. What comes later counts towards the nearest known place
/// around it.
const MOST_PLACES: usize = 10_000;

/// What took time.
///
/// See [`Profile`] for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProfiledKind {
    /// A whole rule.
    Rule,
    /// An op of a rulebook.
    Op,
    /// A stay in a semaphored region: the wait for a slot, and what was done with it.
    Region,
    /// A command that a script started.
    Command,
    /// A request that a script sent.
    Request,
}

/// One place of a rule in a [`Profile`], and the time that was spent there. All times count the waits for slots, unless it
/// says otherwise.
///
/// See [`Profile`] for an example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProfiledPlace {
    /// What it is.
    pub kind: ProfiledKind,
    /// Its name for people: of an op, its name and kind; of a region, the semaphore; of a command, the program.
    pub what: String,
    /// The file, as people see it.
    pub file: String,
    /// The line of the file, from 1; 0 if it is the file as a whole.
    pub line: u32,
    /// How often it was carried out, to its end.
    pub count: u64,
    /// How many of these failed, or were stopped.
    pub failed: u64,
    /// The time from its beginning to its end, summed. What runs within itself, such as a function that calls itself, counts
    /// once.
    #[serde(with = "crate::seconds")]
    pub total: Duration,
    /// The part of `total` that is its own: without what was carried out within it, without waits for slots, and without
    /// the time in which it waited for forks and for other rules.
    #[serde(with = "crate::seconds")]
    pub own: Duration,
    /// How long it waited for slots itself, summed.
    #[serde(with = "crate::seconds")]
    pub waited: Duration,
    /// The average time.
    #[serde(with = "crate::seconds")]
    pub average: Duration,
    /// The shortest time.
    #[serde(with = "crate::seconds")]
    pub min: Duration,
    /// The longest time.
    #[serde(with = "crate::seconds")]
    pub max: Duration,
}

/// A place, by the way that led to it, and the time that it took itself: what a flame graph is drawn of.
///
/// See [`Profile::stacks`] for an example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProfiledStack {
    /// The names of what was carried out, each within the one before it.
    pub path: Vec<String>,
    /// Whether the last of them is a wait for a slot.
    pub waits: bool,
    /// The time that the last of them took itself, summed.
    #[serde(with = "crate::seconds")]
    pub own: Duration,
}

/// Collects where the time of runs goes, and of all that they start: forks, and other rules.
///
/// Of a rulebook, that is each op and each region; of a script, each `sem.take`, command and request. What runs beside each
/// other counts each: three forks of a second are three seconds. There are at most 10,000 places.
///
/// ```
/// use cla_rulebook::RulebookScript;
/// use cla_runtime::profile::{Profile, ProfiledKind};
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let profile = Profile::start();
/// let rule = Script::rulebook("rule", "do: [{foreach: [1, 2, 3], do: [{name: step, do: []}]}]");
/// let engine = Engine::builder().with(cla_rulebook::install).build();
/// engine.run(rule, RunOptions::new().profile(profile.clone())).await;
/// let places = profile.places();
/// let step = places.iter().find(|place| place.what == "step (do)").unwrap();
/// assert_eq!((step.kind, step.count, step.failed), (ProfiledKind::Op, 3, 0));
/// assert!(step.own <= step.total);
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Profile {
    tree: Mutex<Tree>,
}

/// The index of a place in the tree.
pub(crate) type Place = u32;

#[derive(Debug, Default)]
struct Tree {
    nodes: Vec<Node>,
    known: HashMap<(Option<Place>, Arc<Subject>), Place>,
}

/// What a place is, whichever way led to it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Subject {
    kind: ProfiledKind,
    file: String,
    line: u32,
    what: String,
}

#[derive(Debug)]
struct Node {
    parent: Option<Place>,
    subject: Arc<Subject>,
    count: u64,
    failed: u64,
    total: Duration,
    own: Duration,
    waited: Duration,
    min: Duration,
    max: Duration,
    /// It only tells of a wait: the work that it surrounds is that of the op around it.
    is_wait: bool,
}

/// What was measured of something that has ended.
struct Measured {
    total: Duration,
    own: Duration,
    waited: Duration,
    failed: bool,
}

impl Profile {
    /// Starts to collect.
    #[must_use]
    pub fn start() -> Arc<Self> {
        Arc::default()
    }

    /// The places, those that took most time of their own first.
    #[must_use]
    pub fn places(&self) -> Vec<ProfiledPlace> {
        let tree = self.tree.lock();
        let mut places: Vec<(ProfiledPlace, Duration)> = Vec::new();
        let mut known: HashMap<&Subject, usize> = HashMap::new();
        for node in tree.nodes.iter().filter(|node| node.count > 0) {
            let subject = &*node.subject;
            let at = *known.entry(subject).or_insert_with(|| {
                let place = ProfiledPlace {
                    kind: subject.kind,
                    what: subject.what.clone(),
                    file: subject.file.clone(),
                    line: subject.line,
                    count: 0,
                    failed: 0,
                    total: Duration::ZERO,
                    own: Duration::ZERO,
                    waited: Duration::ZERO,
                    average: Duration::ZERO,
                    min: Duration::MAX,
                    max: Duration::ZERO,
                };
                places.push((place, Duration::ZERO));
                places.len() - 1
            });
            let (place, sum) = &mut places[at];
            place.count += node.count;
            place.failed += node.failed;
            place.own += node.own;
            place.waited += node.waited;
            place.min = place.min.min(node.min);
            place.max = place.max.max(node.max);
            *sum += node.total;
            if !tree.is_within(node, subject) {
                place.total += node.total;
            }
        }
        let mut places: Vec<ProfiledPlace> = places
            .into_iter()
            .map(|(mut place, sum)| {
                place.average = sum.div_f64(place.count as f64);
                place
            })
            .collect();
        // Those of equal time in the order in which they came.
        places.sort_by_key(|place| std::cmp::Reverse((place.own, place.total)));
        places
    }

    /// The time by the way that led to it, for a flame graph. The times of all of them together are the time of all runs, with
    /// their waits for slots, and without the waits for forks and for other rules, whose own time is there already.
    ///
    /// ```
    /// use cla_rulebook::RulebookScript;
    /// use cla_runtime::profile::Profile;
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let profile = Profile::start();
    /// let rule = Script::rulebook("rule", "do: [{do: [{sleep: 1ms}]}]");
    /// let engine = Engine::builder().with(cla_rulebook::install).build();
    /// engine.run(rule, RunOptions::new().profile(profile.clone())).wait();
    /// let stacks = profile.stacks();
    /// assert!(stacks.iter().any(|stack| stack.path == ["rule", "do:1", "sleep:1"]));
    /// ```
    #[must_use]
    pub fn stacks(&self) -> Vec<ProfiledStack> {
        let tree = self.tree.lock();
        let mut inner_waits = vec![Duration::ZERO; tree.nodes.len()];
        for node in tree.nodes.iter().filter(|node| node.is_wait) {
            if let Some(parent) = node.parent {
                inner_waits[parent as usize] += node.waited;
            }
        }
        let mut stacks = Vec::new();
        for (at, node) in tree.nodes.iter().enumerate() {
            let mut path = tree.path(node);
            let mut add = |path: &[String], own: Duration, waits| {
                if own > Duration::ZERO {
                    let path = path.to_vec();
                    stacks.push(ProfiledStack { path, waits, own });
                }
            };
            if node.is_wait {
                path.pop();
            } else {
                add(&path, node.own, false);
            }
            let waited = node.waited.saturating_sub(inner_waits[at]);
            path.push(match node.subject.kind {
                ProfiledKind::Region => format!("waits for {:?}", node.subject.what),
                _ => "waits for a slot".to_owned(),
            });
            add(&path, waited, true);
        }
        stacks
    }

    fn find(
        &self,
        parent: Option<Place>,
        (kind, what): (ProfiledKind, &str),
        (file, line): (&str, u32),
        is_wait: bool,
    ) -> Option<Place> {
        let mut tree = self.tree.lock();
        let subject = Arc::new(Subject {
            kind,
            file: file.to_owned(),
            line,
            what: what.to_owned(),
        });
        if let Some(place) = tree.known.get(&(parent, Arc::clone(&subject))) {
            return Some(*place);
        }
        if tree.nodes.len() >= MOST_PLACES {
            return None;
        }
        let place = u32::try_from(tree.nodes.len()).ok()?;
        tree.nodes.push(Node {
            parent,
            subject: Arc::clone(&subject),
            count: 0,
            failed: 0,
            total: Duration::ZERO,
            own: Duration::ZERO,
            waited: Duration::ZERO,
            min: Duration::MAX,
            max: Duration::ZERO,
            is_wait,
        });
        tree.known.insert((parent, subject), place);
        Some(place)
    }

    fn place(&self, place: Option<Place>) -> Option<(String, u32)> {
        let tree = self.tree.lock();
        let node = tree.nodes.get(place? as usize)?;
        Some((node.subject.file.clone(), node.subject.line))
    }

    fn add(&self, place: Place, measured: &Measured) {
        let mut tree = self.tree.lock();
        let Some(node) = tree.nodes.get_mut(place as usize) else {
            return;
        };
        node.count += 1;
        node.failed += u64::from(measured.failed);
        node.total += measured.total;
        node.own += measured.own;
        node.waited += measured.waited;
        node.min = node.min.min(measured.total);
        node.max = node.max.max(measured.total);
    }
}

impl Tree {
    fn around<'t>(&'t self, node: &'t Node) -> impl Iterator<Item = &'t Node> {
        std::iter::successors(Some(node), |node| {
            node.parent
                .and_then(|parent| self.nodes.get(parent as usize))
        })
    }

    /// Whether a node is somewhere within another one of this subject.
    fn is_within(&self, node: &Node, subject: &Subject) -> bool {
        self.around(node)
            .skip(1)
            .any(|around| *around.subject == *subject)
    }

    fn path(&self, node: &Node) -> Vec<String> {
        let mut path: Vec<String> = self
            .around(node)
            .map(|node| {
                let Subject { what, line, .. } = &*node.subject;
                match node.subject.kind {
                    ProfiledKind::Rule => what.clone(),
                    ProfiledKind::Region => format!("holds {what:?}:{line}"),
                    ProfiledKind::Command => format!("$ {what}:{line}"),
                    ProfiledKind::Op | ProfiledKind::Request => format!("{what}:{line}"),
                }
            })
            .collect();
        path.reverse();
        path
    }
}

/// What is being measured in one run.
#[derive(Debug)]
pub(crate) struct Profiling {
    profile: Arc<Profile>,
    /// What started this run: of a fork, the op around it.
    around: Option<Place>,
    open: RefCell<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// What goes on, each within the one before it.
    stack: Vec<Frame>,
    /// What goes on beside it.
    beside: Vec<Frame>,
    next: u64,
}

#[derive(Debug)]
struct Frame {
    key: u64,
    /// `None`: there were too many places.
    place: Option<Place>,
    nesting: Nesting,
    /// Waits for a slot are its own.
    asks: bool,
    begun: Instant,
    /// How long what was carried out within it took, waits included; how long it waited for slots, and for other runs.
    inner: Duration,
    waited: Duration,
    joined: Duration,
}

/// A run that is started gets this along.
#[derive(Clone, Debug)]
pub(crate) struct ProfileOptions {
    pub(crate) profile: Arc<Profile>,
    pub(crate) around: Option<Place>,
}

/// How something is placed among what goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nesting {
    /// What is carried out from now on is within it.
    Around,
    /// Nothing is within it.
    Beside,
    /// It only tells how long was waited: the rest is time of what is around it.
    Wait,
}

impl Open {
    /// Something that stood at this place of the stack took so long.
    fn count_within(&mut self, at: usize, time: Duration) {
        if let Some(around) = at.checked_sub(1).and_then(|at| self.stack.get_mut(at)) {
            around.inner += time;
        }
    }

    /// Takes out what has ended, and counts it towards what is around it.
    fn take(&mut self, now: Instant, key: u64) -> Option<Frame> {
        if let Some(at) = self.stack.iter().rposition(|frame| frame.key == key) {
            let frame = self.stack.remove(at);
            self.count_within(at, now.saturating_duration_since(frame.begun));
            return Some(frame);
        }
        let at = self.beside.iter().position(|frame| frame.key == key)?;
        let frame = self.beside.swap_remove(at);
        // A command is a part of what started it, if that still goes on.
        if frame.nesting == Nesting::Beside
            && let Some(around) = self.stack.last_mut()
            && around.begun <= frame.begun
        {
            around.inner += now.saturating_duration_since(frame.begun);
        }
        Some(frame)
    }
}

impl Profiling {
    pub(crate) fn new(options: ProfileOptions) -> Self {
        Self {
            profile: options.profile,
            around: options.around,
            open: RefCell::default(),
        }
    }

    /// For a run that this one starts now.
    pub(crate) fn options(&self) -> ProfileOptions {
        ProfileOptions {
            profile: Arc::clone(&self.profile),
            around: self.here(),
        }
    }

    pub(crate) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The innermost place that is known.
    fn here(&self) -> Option<Place> {
        let open = self.open.borrow();
        let known = open.stack.iter().rev().find_map(|frame| frame.place);
        known.or(self.around)
    }

    /// Something begins, at this place or at that of what is around it. Gives a key by which it ends.
    pub(crate) fn begin(
        &self,
        now: Instant,
        nesting: Nesting,
        subject: (ProfiledKind, &str),
        at: (Option<&str>, Option<u32>),
    ) -> u64 {
        let here = self.here();
        let around = match at {
            (Some(_), Some(_)) => None,
            _ => self.profile.place(here),
        };
        let (file, line) = around
            .as_ref()
            .map_or(("", 0), |(file, line)| (file, *line));
        let at = (at.0.unwrap_or(file), at.1.unwrap_or(line));
        let place = self
            .profile
            .find(here, subject, at, nesting == Nesting::Wait);
        let mut open = self.open.borrow_mut();
        let key = open.next;
        open.next += 1;
        let frame = Frame {
            key,
            place,
            nesting,
            asks: nesting == Nesting::Wait,
            begun: now,
            inner: Duration::ZERO,
            waited: Duration::ZERO,
            joined: Duration::ZERO,
        };
        match nesting {
            Nesting::Around => open.stack.push(frame),
            Nesting::Beside | Nesting::Wait => open.beside.push(frame),
        }
        key
    }

    /// What was around others goes on beside them.
    pub(crate) fn detach(&self, now: Instant, key: u64) {
        let mut open = self.open.borrow_mut();
        let Some(at) = open.stack.iter().rposition(|frame| frame.key == key) else {
            return;
        };
        let frame = open.stack.remove(at);
        open.count_within(at, now.saturating_duration_since(frame.begun));
        open.beside.push(frame);
    }

    /// What asked for a slot has it.
    pub(crate) fn admit(&self, key: u64) {
        let mut open = self.open.borrow_mut();
        let frame = open.beside.iter_mut().rev().find(|frame| frame.key == key);
        if let Some(frame) = frame {
            frame.asks = false;
        }
    }

    /// Something has ended.
    pub(crate) fn end(&self, now: Instant, key: u64, failed: bool) {
        let mut open = self.open.borrow_mut();
        let Some(frame) = open.take(now, key) else {
            return;
        };
        drop(open);
        let Some(place) = frame.place else { return };
        let total = now.saturating_duration_since(frame.begun);
        let own = match frame.nesting {
            Nesting::Wait => Duration::ZERO,
            _ => total.saturating_sub(frame.inner + frame.waited + frame.joined),
        };
        let measured = Measured {
            total,
            own,
            waited: frame.waited,
            failed,
        };
        self.profile.add(place, &measured);
    }

    /// The run has waited for a slot.
    pub(crate) fn note_waited(&self, waited: Duration) {
        let mut open = self.open.borrow_mut();
        if let Some(frame) = open.stack.last_mut() {
            frame.waited += waited;
        }
        if let Some(frame) = open.beside.iter_mut().rev().find(|frame| frame.asks) {
            frame.waited += waited;
        }
    }

    /// The run has waited for the end of others.
    pub(crate) fn note_joined(&self, joined: Duration) {
        if let Some(frame) = self.open.borrow_mut().stack.last_mut() {
            frame.joined += joined;
        }
    }

    /// Whether what goes on is an op of this kind.
    pub(crate) fn is_in(&self, kind: &str) -> bool {
        let Some(place) = self.here() else {
            return false;
        };
        let tree = self.profile.tree.lock();
        tree.nodes.get(place as usize).is_some_and(|node| {
            let Subject { what, .. } = &*node.subject;
            node.subject.kind == ProfiledKind::Op
                && (what == kind || what.ends_with(&format!(" ({kind})")))
        })
    }
}
