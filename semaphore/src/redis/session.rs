//! The session of an open store, as a pure state machine. Events and the time go in; payloads for the server and answers
//! for callers come out. It does no I/O, reads no clock and starts no task, so a test can play every order of answers,
//! messages and losses against it. The `driver` moves the bytes.
//!
//! It decides nothing that a script decides. What it decides is when to ask again, which caller to answer, and when a holder has
//! heard nothing for so long that its lease may have passed.
//!
//! # What holds at any time
//!
//! - Each request ends once: [`Session::remove`] takes it out of all that knows it, and with it what answers its caller.
//! - What is sent has a serial number and is either in `in_flight` or in `unsent`, never in both. A release is in one of
//!   them (or in `pending_release`) until the server has answered it, or until its lease has passed.
//! - A permit counts as held until `leased_until` of its semaphore. That is counted from when the renewal that was
//!   answered was *sent*, so it ends here before it ends at the server.
//! - What comes by two ways, an answer and a push, may come in either order. So a push that ends a request which was not
//!   yet admitted is kept until the answer comes (`PendingRequest::ended`).

mod call;
mod cautions;
mod command;
mod connection;
mod pushes;
mod release;
mod renewal;
mod replies;
mod requests;
mod restore;
mod succession;
mod timers;
mod unresponsive;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use self::call::{Call, InFlight, ReplyTo};
pub(super) use self::command::{Command, Manage};
pub(super) use self::connection::Failure;
use self::timers::Timer;
use super::Settings;
use super::permit::PermitState;
use super::wire::keys::Keys;
use super::wire::{DataSet, Due, Payload, Script, SlotCounts};
use crate::error::{AcquireError, StoreError};
use crate::event::Event;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::owner::Owner;
use crate::request::Ttl;
use crate::slot::SlotId;
use crate::slots::Slots;
use crate::view::Status;

/// Administrators do not wait longer for a server that cannot be reached.
const ADMIN_LIMIT: Duration = Duration::from_secs(4);
/// A program that ends does not wait longer for the server ...
const CLOSE_LIMIT: Duration = Duration::from_secs(3);
/// ... unless it gives back so much that the server is busy with it: it waits as long as answers come, up to this.
const LONGEST_CLOSE: Duration = Duration::from_secs(20);
/// A request whose timeout has passed gives the server this long to say so itself.
const GRACE: Duration = Duration::from_millis(500);
/// The pauses between attempts to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// How long what a cluster's node did not answer waits before it is asked again.
const AGAIN: Duration = Duration::from_millis(100);
/// Of how many requests a renewal asks what became of them, so that it stays short however long the line is.
const ASKED_PER_RENEWAL: usize = 256;
/// How many requests one script is given when it concerns all.
const CHUNK: usize = 1000;
/// How many renewals after a reconnect look for requests that only the server knows.
const SCANS: u8 = 3;

/// What the driver has to do.
pub(super) enum Output {
    /// Connect. `known`: the data set that the session knows. `before`: there was a connection before.
    Connect { known: DataSet, before: bool },
    /// Give the connection up, then say so by [`Session::disconnected`].
    Disconnect,
    /// Send this, and give the answer to [`Session::answered`]. What is sent later must not overtake it.
    Send {
        serial: u64,
        payload: Arc<Payload>,
        /// The text of the script goes along.
        with_text: bool,
    },
    /// Something happened to a semaphore, as the server says.
    Event(Box<Event>),
    /// A lease of this session passed. Only this session knows, and the driver knows what time it is for people.
    Lost(Box<Event>),
    /// Events may have been missed.
    EventsMissed,
    /// Find out whether the wait of a request can ever end.
    CheckDeadlock(SemaphoreName, RequestId),
}

/// A request of this session, from asking to its end.
struct PendingRequest {
    name: SemaphoreName,
    declared: Option<Slots>,
    ttl: Option<Ttl>,
    priority: i32,
    timeout: Option<Duration>,
    /// It joins the line when no slot is free.
    joins: bool,
    owner: Option<Owner>,
    slot: Option<SlotId>,
    /// Another session made it, and this one has permits of it, as the same slot id was asked for.
    is_foreign: bool,
    asked_at: Instant,
    /// Taken when it is answered.
    answer: Option<AcquireAnswer>,
    /// The server may know of it.
    sent: bool,
    /// What asks for it is in flight. It may be admitted already, as a push may come before the answer.
    is_asked: bool,
    /// It was asked for again: what the server says meanwhile may be of before.
    asked_again: bool,
    /// Of the semaphore, as the server numbers it.
    generation: u64,
    phase: Phase,
    /// When its timer fires, if it has one.
    timer: Option<Instant>,
    /// Its timeout has passed, and the server was asked to say so.
    overdue: bool,
    /// How it ended, if that came before the answer that it is admitted.
    ended: Option<Status>,
}

type AcquireAnswer = oneshot::Sender<Result<Option<Arc<PermitState>>, AcquireError>>;

enum Phase {
    /// There is no answer yet.
    Asking,
    Waiting {
        /// When it was requested, on the server's clock.
        requested: u64,
        /// Its place in the line.
        key: String,
        class: String,
    },
    Busy(Arc<PermitState>),
}

impl PendingRequest {
    fn run(&self) -> Option<RunId> {
        self.owner.as_ref().and_then(Owner::run)
    }

    const fn waits(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. })
    }
}

/// A semaphore, as far as this session has to do with it.
struct TrackedSemaphore {
    keys: Keys,
    /// Its requests of this session.
    ids: HashSet<RequestId>,
    waiting: usize,
    busy: usize,
    /// Permits of this session that were ended by force and are not dropped yet. They are shown until then.
    ended_by_force: usize,
    /// Until then, the server keeps what this session holds.
    leased_until: Instant,
    /// Which of its lives our requests are in.
    generation: u64,
    /// Its generation when its name was last put into the names of all, where no script does that.
    indexed: u64,
    /// In force, declared, wanted (-1 is unlimited); whether they are pinned. As the server said last.
    slots: (i64, i64, i64, bool),
    /// The largest token that the server said.
    token: u64,
    /// When to look whether something is due.
    due: Option<Instant>,
    /// How many of the next renewals look for requests that only the server knows.
    scans_left: u8,
    /// Where the next renewal goes on asking.
    next_asked: usize,
    used: Instant,
}

impl TrackedSemaphore {
    fn has_slots(&mut self, counts: &SlotCounts) {
        if let Some(in_force) = counts.in_force {
            self.slots.0 = in_force;
        }
        if let Some((declared, wanted, pinned)) = counts.others {
            self.slots = (self.slots.0, declared, wanted, pinned);
        }
    }
}

/// Whether there is a connection.
enum Link {
    /// Nothing was asked for yet, or it was hopeless.
    Idle,
    Connecting,
    Up,
    /// Until the next attempt.
    Away(Instant),
}

/// A request that is given back by a caller that does not wait for the answer. It is held back until the driver has no more
/// commands at hand, as the next command often asks for the same semaphore: one script then does both.
struct PendingRelease {
    id: RequestId,
    name: SemaphoreName,
    /// Its lease has passed by then.
    until: Instant,
}

struct Closing {
    answer: Option<oneshot::Sender<Result<(), StoreError>>>,
    /// When to give up, unless something is answered.
    until: Instant,
    /// When to give up in any case.
    latest: Instant,
}

/// See the module page.
pub(super) struct Session {
    settings: Arc<Settings>,
    /// When the event that is handled now happened.
    now: Instant,
    outputs: VecDeque<Output>,
    link: Link,
    /// Whether there was ever a connection.
    before: bool,
    attempts: u32,
    /// Why there is no connection.
    trouble: Option<StoreError>,
    /// Which reply was refused, if nothing was answered since.
    refused: Option<StoreError>,
    data_set: DataSet,
    /// The server was asked which data set it has.
    looking_at_data_set: bool,
    /// What waits for that answer.
    unsure: Vec<ReplyTo>,
    /// What is to be sent when there is a connection, by serial number.
    unsent: BTreeMap<u64, Call>,
    /// What was sent and is not answered yet, by serial number.
    in_flight: BTreeMap<u64, InFlight>,
    last_serial: u64,
    requests: HashMap<RequestId, PendingRequest>,
    semaphores: HashMap<SemaphoreName, TrackedSemaphore>,
    /// What each run waits for.
    runs: HashMap<RunId, Vec<RequestId>>,
    /// Permits that were ended by force and are not dropped yet.
    ended_by_force: HashMap<RequestId, SemaphoreName>,
    /// There is a subscriber of events.
    observing: bool,
    /// The subscription is being made: what is asked after it waits for it.
    subscribing: bool,
    pending_release: Option<PendingRelease>,
    timers: BTreeSet<(Instant, Timer)>,
    /// When to say that this session lives.
    renew_at: Option<Instant>,
    /// When the server will have been silent for too long.
    watch_at: Option<Instant>,
    /// When the first lease may have passed.
    lease_at: Option<Instant>,
    closing: Option<Closing>,
    /// They want to hear what is not as it should be with the server, once there is a connection.
    cautions: Vec<oneshot::Sender<Vec<String>>>,
    /// When the server was last sent the text of a script.
    texts_sent: HashMap<Script, Instant>,
}

impl Session {
    pub(super) fn new(settings: Arc<Settings>, now: Instant) -> Self {
        Self {
            settings,
            now,
            outputs: VecDeque::new(),
            link: Link::Idle,
            before: false,
            attempts: 0,
            trouble: None,
            refused: None,
            data_set: DataSet::default(),
            looking_at_data_set: false,
            unsure: Vec::new(),
            unsent: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            last_serial: 0,
            requests: HashMap::new(),
            semaphores: HashMap::new(),
            runs: HashMap::new(),
            ended_by_force: HashMap::new(),
            observing: false,
            subscribing: false,
            pending_release: None,
            timers: BTreeSet::new(),
            renew_at: None,
            watch_at: None,
            lease_at: None,
            closing: None,
            cautions: Vec::new(),
            texts_sent: HashMap::new(),
        }
    }

    /// What the driver has to do next.
    pub(super) fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether nothing waits for what the server sends by itself.
    pub(super) fn is_quiet(&self) -> bool {
        let waiting = self.semaphores.values().any(|it| it.waiting > 0);
        !waiting && !self.observing && self.closing.is_none()
    }

    const fn is_up(&self) -> bool {
        matches!(self.link, Link::Up)
    }

    /// Whether the store is closed, and all is given back or the time for that has passed. Then the driver ends.
    pub(super) fn is_closed(&mut self, now: Instant) -> bool {
        let Some(closing) = &mut self.closing else {
            return false;
        };
        let outcome = if self.unsent.is_empty() && self.in_flight.is_empty() {
            Ok(())
        } else if closing.until <= now {
            Err(match self.trouble.take() {
                Some(error) => error,
                None => self.settings.unreachable(Silent),
            })
        } else {
            return false;
        };
        if let Some(answer) = closing.answer.take() {
            let _ = answer.send(outcome);
        }
        true
    }

    // ---- what is known here

    /// What is known of a semaphore.
    fn semaphore(&mut self, name: &SemaphoreName) -> &mut TrackedSemaphore {
        // Not `entry`: that would clone the name each time.
        if !self.semaphores.contains_key(name) {
            let semaphore = TrackedSemaphore {
                keys: self.settings.names.keys(name),
                ids: HashSet::new(),
                waiting: 0,
                busy: 0,
                ended_by_force: 0,
                leased_until: self.now,
                generation: 0,
                indexed: 0,
                slots: (1, 1, 1, false),
                token: 0,
                due: None,
                scans_left: 0,
                next_asked: 0,
                used: self.now,
            };
            self.semaphores.insert(name.clone(), semaphore);
        }
        match self.semaphores.get_mut(name) {
            Some(semaphore) => semaphore,
            None => unreachable!("it was put there just now"),
        }
    }

    /// The keys of a semaphore, for something that is sent about it now.
    fn keys(&mut self, name: &SemaphoreName) -> Keys {
        let now = self.now;
        let semaphore = self.semaphore(name);
        semaphore.used = now;
        Arc::clone(&semaphore.keys)
    }

    /// Sets the timer for what is due in a semaphore, if a request of this session waits for it.
    fn arm_due(&mut self, name: &SemaphoreName, due: Due) {
        let Some(semaphore) = self.semaphores.get_mut(name) else {
            return;
        };
        if let Some(at) = semaphore.due.take() {
            self.timers.remove(&(at, Timer::Due(name.clone())));
        }
        if semaphore.waiting > 0
            && let Due(Some(left)) = due
            && let Some(at) = self.now.checked_add(Duration::from_micros(left))
        {
            semaphore.due = Some(at);
            self.timers.insert((at, Timer::Due(name.clone())));
        }
    }
}

/// The server does not answer.
#[derive(Debug, thiserror::Error)]
#[error("it does not answer")]
struct Silent;

/// The connection was lost before the answer came.
#[derive(Debug, thiserror::Error)]
#[error("the connection was lost before the answer came, so it may or may not have been done")]
struct InDoubt;
