//! Plays random commands, answers, losses, reorderings and reconnects of two sessions against a server that is a model:
//! the scripts' transitions on typed messages, without slot ids and TTLs. Time is a number.
//!
//! What is checked after each step: never are more permits valid than there are slots, and no token is given twice. At
//! the end, when the server answers again: every request was answered once, and the server holds nothing that no
//! caller holds.
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod server;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use self::server::{FIRST_MOMENT, Server};
use super::{Command, Failure, Output, Session};
use crate::error::AcquireError;
use crate::event::EventHub;
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::redis::Settings;
use crate::redis::permit::PermitState;
use crate::redis::wire::keys;
use crate::redis::wire::{DataSet, Payload, Push, Reply};
use crate::request::Request;

const LEASE: Duration = Duration::from_secs(3);
/// How many clients there are.
const CLIENTS: usize = 2;

// ---- the clients

/// What comes from the server: an answer or a push.
enum Arrival {
    Answer(u64, Result<Option<Reply>, Failure>),
    Push(Push),
}

type Sent = VecDeque<(u64, Arc<Payload>, bool)>;
type Answered = oneshot::Receiver<Result<Option<Arc<PermitState>>, AcquireError>>;

struct Client {
    session: Session,
    connected: bool,
    /// What the session knew when it asked for a connection.
    connecting: Option<DataSet>,
    sent: Sent,
    /// What was sent over a connection that is lost, and may come to the server before the next connection.
    late: Sent,
    arrivals: VecDeque<Arrival>,
    asked: Vec<(RequestId, Answered)>,
    permits: Vec<Arc<PermitState>>,
}

struct World {
    start: Instant,
    server: Server,
    reachable: bool,
    clients: Vec<Client>,
    names: [SemaphoreName; 2],
    tokens: HashMap<(SemaphoreName, u64), RequestId>,
}

#[derive(Clone, Debug)]
enum Step {
    Acquire {
        client: usize,
        name: usize,
        joins: bool,
        timeout: Option<u16>,
    },
    /// A caller drops its permit.
    Drop(usize, usize),
    /// A caller does not wait any more.
    Abandon(usize, usize),
    /// The server takes so many messages of a client.
    Take(usize, usize),
    /// So many arrivals come to the session. The first push overtakes the answers before it.
    Arrive(usize, usize, bool),
    Connect(usize),
    Cut(usize),
    /// What was sent before a cut comes to the server after all.
    Late(usize),
    Reachable(bool),
    Wipe,
    ForgetScripts,
    Cancel(usize),
    Grant(usize),
    ForceRelease(usize),
    Pass(u16),
}

impl World {
    fn new(slots: usize) -> Self {
        let start = Instant::now();
        let settings = || {
            let url = format!("redis://localhost?lease={}s", LEASE.as_secs());
            let hub = Arc::new(EventHub::new());
            Arc::new(Settings::new(url.parse().unwrap(), None, hub))
        };
        let client = || Client {
            session: Session::new(settings(), start),
            connected: false,
            connecting: None,
            sent: VecDeque::new(),
            late: VecDeque::new(),
            arrivals: VecDeque::new(),
            asked: Vec::new(),
            permits: Vec::new(),
        };
        let mut world = Self {
            start,
            server: Server::new(slots),
            reachable: true,
            clients: (0..CLIENTS).map(|_| client()).collect(),
            names: ["a", "b"].map(|name| SemaphoreName::new(name).unwrap()),
            tokens: HashMap::new(),
        };
        // A client that never used the data set cannot know that one was lost, so all know it from the beginning.
        for client in 0..CLIENTS {
            world.play(&Step::Acquire {
                client,
                name: 0,
                joins: false,
                timeout: None,
            });
            world.play(&Step::Connect(client));
        }
        world
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_micros(self.server.now - FIRST_MOMENT)
    }

    fn key(&self, name: usize) -> String {
        let settings = &self.clients[0].session.settings;
        settings.names.keys(&self.names[name])[0].to_string()
    }

    /// Does what a session wants, and carries what the server pushes.
    fn settle(&mut self) {
        for client in 0..CLIENTS {
            let now = self.now();
            self.clients[client].session.no_command(now);
            while let Some(output) = self.clients[client].session.next_output() {
                match output {
                    Output::Connect { known, .. } => self.clients[client].connecting = Some(known),
                    Output::Disconnect => self.cut(client),
                    Output::Send {
                        serial,
                        payload,
                        with_text,
                    } => {
                        if self.clients[client].connected {
                            self.clients[client]
                                .sent
                                .push_back((serial, payload, with_text));
                        }
                    }
                    Output::Event(_)
                    | Output::Lost(_)
                    | Output::EventsMissed
                    | Output::CheckDeadlock(..) => {}
                }
            }
        }
        for (client, push) in std::mem::take(&mut self.server.pushed) {
            // What is pushed to a client that is not there is lost.
            if self.clients[client].connected {
                self.clients[client].arrivals.push_back(Arrival::Push(push));
            }
        }
        for client in &mut self.clients {
            let permits = &mut client.permits;
            client
                .asked
                .retain_mut(|(_, answered)| match answered.try_recv() {
                    Err(TryRecvError::Empty) => true,
                    Err(TryRecvError::Closed) => panic!("a request was forgotten"),
                    Ok(outcome) => {
                        permits.extend(outcome.ok().flatten());
                        false
                    }
                });
        }
        self.check();
    }

    fn check(&mut self) {
        let now = self.now();
        for name in &self.names {
            let permits = self.clients.iter().flat_map(|client| &client.permits);
            let valid = permits.filter(|permit| {
                permit.name == *name
                    && !permit.granted
                    && !permit.is_lost_at(now)
                    // Its holder has yet to hear of it.
                    && !self.server.forced.contains(&permit.id)
            });
            let valid: Vec<_> = valid.collect();
            assert!(
                valid.len() <= self.server.slots,
                "more permits than slots: {valid:?}"
            );
            for permit in valid {
                let key = (permit.name.clone(), permit.token);
                let owner = *self.tokens.entry(key).or_insert(permit.id);
                assert_eq!(owner, permit.id, "a token was given twice");
            }
        }
    }

    fn cut(&mut self, client: usize) {
        let now = self.now();
        let client = &mut self.clients[client];
        if !std::mem::take(&mut client.connected) {
            return;
        }
        // What was pushed before counts, what was answered is lost.
        for arrival in std::mem::take(&mut client.arrivals) {
            if let Arrival::Push(push) = arrival {
                client.session.pushed(push, None, now);
            }
        }
        client.late = std::mem::take(&mut client.sent);
        client.session.disconnected(None, now);
    }

    fn connect(&mut self, client: usize) {
        let Some(known) = self.clients[client].connecting.take() else {
            return;
        };
        let now = self.now();
        if self.reachable {
            // What comes even later than this is given back when the lease passes.
            self.clients[client].late.clear();
            let data_set = self.server.look_at_data_set(&known);
            self.clients[client].connected = true;
            self.clients[client].session.connected(data_set, now);
        } else {
            let session = &mut self.clients[client].session;
            let error = session.settings.unreachable(super::Silent);
            session.not_connected(error, now);
        }
    }

    fn take(&mut self, client: usize, count: usize) {
        for _ in 0..count {
            let Some((serial, payload, with_text)) = self.clients[client].sent.pop_front() else {
                return;
            };
            let is_script = payload.script(&self.clients[client].session.settings);
            if is_script.is_some() && !self.server.knows_scripts {
                self.server.knows_scripts = with_text;
            }
            let known = is_script.is_none() || self.server.knows_scripts;
            let answer = if known {
                Ok(Some(self.server.take(client, &payload)))
            } else {
                Err(Failure::UnknownScript)
            };
            // What the script published comes before its answer.
            self.settle();
            let arrivals = &mut self.clients[client].arrivals;
            arrivals.push_back(Arrival::Answer(serial, answer));
        }
    }

    fn arrive(&mut self, client: usize, count: usize, push_first: bool) {
        for _ in 0..count {
            let now = self.now();
            let arrivals = &mut self.clients[client].arrivals;
            let is_push = |arrival: &Arrival| matches!(arrival, Arrival::Push(_));
            let first = match arrivals.iter().position(is_push) {
                Some(at) if push_first => at,
                _ => 0,
            };
            match arrivals.remove(first) {
                Some(Arrival::Answer(serial, answer)) => {
                    self.clients[client].session.answered(serial, answer, now);
                }
                Some(Arrival::Push(push)) => {
                    self.clients[client].session.pushed(push, None, now);
                }
                None => return,
            }
            self.settle();
        }
    }

    fn play(&mut self, step: &Step) {
        let now = self.now();
        match *step {
            Step::Acquire {
                client,
                name,
                joins,
                timeout,
            } => {
                let (answer, answered) = oneshot::channel();
                let name = self.names[name].clone();
                let id = keys::request_id(&name);
                let mut request = Request::new();
                if let Some(timeout) = timeout {
                    request = request.timeout(Duration::from_millis(timeout.into()));
                }
                let client = &mut self.clients[client];
                client.asked.push((id, answered));
                let command = Command::Acquire {
                    id,
                    name,
                    request,
                    joins,
                    answer,
                };
                client.session.command(command, now);
            }
            Step::Drop(client, nth) => {
                let client = &mut self.clients[client];
                if !client.permits.is_empty() {
                    let permit = client.permits.swap_remove(nth % client.permits.len());
                    let id = permit.id;
                    let answer = None;
                    let command = Command::Release { id, answer };
                    client.session.command(command, now);
                }
            }
            Step::Abandon(client, nth) => {
                let client = &mut self.clients[client];
                if !client.asked.is_empty() {
                    let (id, _) = client.asked.swap_remove(nth % client.asked.len());
                    client.session.command(Command::Abandon(id), now);
                }
            }
            Step::Take(client, count) => self.take(client, count),
            Step::Arrive(client, count, push_first) => self.arrive(client, count, push_first),
            Step::Connect(client) => self.connect(client),
            Step::Cut(client) => self.cut(client),
            Step::Late(client) => {
                for (_, payload, _) in std::mem::take(&mut self.clients[client].late) {
                    self.server.take(client, &payload);
                }
            }
            Step::Reachable(reachable) => self.reachable = reachable,
            Step::Wipe => self.server.wipe(),
            Step::ForgetScripts => self.server.knows_scripts = false,
            Step::Cancel(name) => {
                let key = self.key(name);
                self.server.cancel_first(&key);
            }
            Step::Grant(name) => {
                let key = self.key(name);
                self.server.grant_last(&key);
            }
            Step::ForceRelease(name) => {
                let key = self.key(name);
                self.server.force_release(&key);
            }
            Step::Pass(millis) => {
                self.server.now += u64::from(millis) * 1000;
                let now = self.now();
                for client in &mut self.clients {
                    if client.session.next_time().is_some_and(|at| at <= now) {
                        client.session.time_passes(now);
                    }
                }
            }
        }
        self.settle();
    }

    /// All is well for so long: the server answers, and answers arrive.
    fn recover(&mut self, time: Duration) {
        self.play(&Step::Reachable(true));
        let end = self.server.now + time.as_micros() as u64;
        while self.server.now < end {
            for client in 0..CLIENTS {
                self.play(&Step::Connect(client));
                self.play(&Step::Take(client, usize::MAX));
                self.play(&Step::Arrive(client, usize::MAX, false));
            }
            self.play(&Step::Pass(50));
        }
    }

    /// All callers get what they asked for, and give it back.
    fn finish(mut self) {
        for client in 0..CLIENTS {
            self.clients[client].late.clear();
        }
        self.recover(LEASE * 2);
        for _ in 0..200 {
            let is_idle = |client: &Client| client.asked.is_empty() && client.permits.is_empty();
            if self.clients.iter().all(is_idle) {
                break;
            }
            for client in 0..CLIENTS {
                while !self.clients[client].permits.is_empty() {
                    self.play(&Step::Drop(client, 0));
                }
            }
            self.recover(Duration::from_millis(200));
        }
        for client in &self.clients {
            assert!(
                client.asked.is_empty(),
                "a waiter was forgotten: {:?}",
                self.server.semaphores
            );
        }
        self.recover(Duration::from_millis(200));
        for semaphore in self.server.semaphores.values() {
            assert!(
                semaphore.busy.is_empty(),
                "a release was lost: {semaphore:?}"
            );
            assert!(semaphore.waiting.is_empty(), "a request waits for nothing");
        }
        for client in &mut self.clients {
            assert!(client.session.requests.is_empty());
            let waits = client.session.semaphores.values();
            assert!(waits.map(|it| it.waiting + it.busy).all(|count| count == 0));
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let client = || 0..CLIENTS;
    let name = || 0..2_usize;
    prop_oneof![
        6 => (client(), name(), prop::bool::weighted(0.8), prop::option::weighted(0.3, 1..4000_u16))
            .prop_map(|(client, name, joins, timeout)| Step::Acquire { client, name, joins, timeout }),
        4 => (client(), 0..4_usize).prop_map(|(client, nth)| Step::Drop(client, nth)),
        1 => (client(), 0..4_usize).prop_map(|(client, nth)| Step::Abandon(client, nth)),
        10 => (client(), 1..6_usize).prop_map(|(client, count)| Step::Take(client, count)),
        10 => (client(), 1..6_usize, any::<bool>())
            .prop_map(|(client, count, first)| Step::Arrive(client, count, first)),
        4 => client().prop_map(Step::Connect),
        2 => client().prop_map(Step::Cut),
        2 => client().prop_map(Step::Late),
        1 => any::<bool>().prop_map(Step::Reachable),
        1 => Just(Step::Wipe),
        1 => Just(Step::ForgetScripts),
        1 => name().prop_map(Step::Cancel),
        1 => name().prop_map(Step::Grant),
        1 => name().prop_map(Step::ForceRelease),
        6 => prop_oneof![1..50_u16, 1..2500_u16].prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn no_slot_is_given_twice_and_no_waiter_is_forgotten(
        slots in 1..3_usize,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut world = World::new(slots);
        for step in &steps {
            world.play(step);
        }
        world.finish();
    }
}
