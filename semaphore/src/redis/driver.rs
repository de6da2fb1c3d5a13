//! The driver of a session: it moves bytes and time, and decides nothing.
//!
//! It is one task on a thread of its own, so that a store works under every executor. Callers send it their
//! [`Command`]s; it gives them to the [`Session`], together with what the server says and what time it is, and does what
//! comes out. A caller that waits for an answer may do that itself for a moment: see `shared`.

mod shared;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use futures_util::stream::{FuturesUnordered, StreamExt};
use redis::{ErrorKind, PushKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::sync::{mpsc, oneshot};

use self::shared::{Driven, Shared};
use super::connection::Transfer;
use super::deadlock;
use super::dial;
use super::link::{self, Connected, Connection, Trouble};
use super::pushes::Pushes;
use super::replies::ReplyError;
use super::session::{Command, Failure, Manage, Output, Session};
use super::socket::EagerReads;
use super::wire::{Encoded, Managed, Payload, Push, Query};
use super::{Closed, Damaged, Settings, Unreadable};
use crate::actor::Actor;
use crate::command::AdminAction;
use crate::error::StoreError;
use crate::name::SemaphoreName;
use crate::slots::Slots;

/// Gives commands to a driver. Cheap to clone. The driver ends when the last is gone.
#[derive(Clone)]
pub(super) struct DriverHandle {
    commands: mpsc::UnboundedSender<Command>,
    shared: Arc<Shared>,
    pub(super) settings: Arc<Settings>,
}

impl DriverHandle {
    pub(super) fn send(&self, command: Command) {
        let is_at_leisure = matches!(command, Command::Release { answer: None, .. });
        // If the driver is gone, so is the command with the sender of its answer, and the caller sees that.
        let _ = self.commands.send(command);
        if !is_at_leisure {
            self.shared.wake_thread();
        }
    }

    /// Gives a command and waits for its answer, driving the connection for a moment. `None`: the driver has ended.
    pub(super) async fn call<T>(
        &self,
        command: Command,
        mut answered: oneshot::Receiver<T>,
    ) -> Option<T> {
        match self.shared.drive(command, &mut answered) {
            Driven::Answered(answer) => return answer,
            Driven::Asked => {}
            Driven::NotAsked(command) => self.send(command),
        }
        answered.await.ok()
    }

    /// Notes whether a request was answered at once: only then, the next caller drives.
    pub(super) fn note_answer(&self, at_once: bool) {
        self.shared.note(at_once);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.commands.is_closed()
    }

    pub(super) fn closed(&self) -> StoreError {
        self.settings.failed(Closed)
    }

    /// Asks the server. Fails after a few seconds when it cannot be reached. It is asked at once, whether or not the
    /// future is polled.
    pub(super) fn ask<R>(
        &self,
        query: Query<R>,
    ) -> impl Future<Output = Result<R, StoreError>> + Send + use<R> {
        let (answer, answered) = oneshot::channel();
        let Query {
            payload,
            repeatable,
            read,
        } = query;
        self.send(Command::Ask {
            payload,
            repeatable,
            answer,
        });
        let settings = Arc::clone(&self.settings);
        async move {
            let value = answered
                .await
                .unwrap_or_else(|_| Err(settings.failed(Closed)))?;
            read(&value).ok_or_else(|| settings.failed(Unreadable))
        }
    }

    pub(super) async fn manage(
        &self,
        name: SemaphoreName,
        action: AdminAction,
        slots: Option<Slots>,
        by: Option<Actor>,
    ) -> Result<Managed, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Manage(Manage {
            name,
            action,
            slots,
            by,
            answer,
        }));
        answered.await.unwrap_or_else(|_| Err(self.closed()))
    }
}

/// Starts a driver on its own thread.
pub(super) fn open(settings: Arc<Settings>) -> std::io::Result<DriverHandle> {
    let (sender, commands) = mpsc::unbounded_channel();
    crate::descriptors::for_an_event_loop()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let weak = sender.downgrade();
    let shared = Arc::new(Shared::new(runtime.handle().clone()));
    let handle = DriverHandle {
        commands: sender,
        shared: Arc::clone(&shared),
        settings: Arc::clone(&settings),
    };
    std::thread::Builder::new()
        .name("cla-redis".to_owned())
        .spawn(move || {
            runtime.block_on(async move {
                let driver = Driver::new(settings, commands, weak, Arc::downgrade(&shared));
                let working = Arc::clone(&shared);
                // As a task it runs right after those that wake it. What `block_on` itself polls is woken by way of the
                // system.
                let work = tokio::spawn(async move { working.work(driver).await });
                // If it panicked, its callers see that it is closed.
                let _ = work.await;
                shared.end();
            });
        })
        .map_err(|error| {
            let message = format!("cannot start a thread: {error}");
            std::io::Error::new(error.kind(), message)
        })?;
    Ok(handle)
}

type Sent = Pin<Box<dyn Future<Output = (u64, Arc<Payload>, RedisResult<Value>)> + Send>>;
type Connecting = Pin<Box<dyn Future<Output = Result<Connected, Trouble>> + Send>>;

enum Link {
    None,
    Connecting(Connecting),
    Up {
        connection: Connection,
        /// Moves the bytes of the connection, until that ends. A cluster's client does so itself.
        transfer: Option<(Transfer, EagerReads)>,
        pushes: Pushes,
    },
}

struct Driver {
    settings: Arc<Settings>,
    commands: mpsc::UnboundedReceiver<Command>,
    commands_ended: bool,
    /// For tasks that give commands themselves.
    handle: mpsc::WeakUnboundedSender<Command>,
    shared: Weak<Shared>,
    session: Session,
    link: Link,
    /// What waits for an answer of this connection.
    sent: FuturesUnordered<Sent>,
    sleep: Pin<Box<tokio::time::Sleep>>,
    sleeping_until: Option<Instant>,
}

impl Driver {
    fn new(
        settings: Arc<Settings>,
        commands: mpsc::UnboundedReceiver<Command>,
        handle: mpsc::WeakUnboundedSender<Command>,
        shared: Weak<Shared>,
    ) -> Self {
        Self {
            session: Session::new(Arc::clone(&settings), Instant::now()),
            settings,
            commands,
            commands_ended: false,
            handle,
            shared,
            link: Link::None,
            sent: FuturesUnordered::new(),
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            sleeping_until: None,
        }
    }

    /// The way to have the socket read, if there is a connection that a caller can drive.
    fn eager_reads(&self) -> Option<EagerReads> {
        match &self.link {
            Link::Up {
                transfer: Some((_, eager)),
                ..
            } if !self.commands.is_closed() => Some(eager.clone()),
            _ => None,
        }
    }

    /// Whether only callers that drive need an answer soon.
    fn is_quiet(&self) -> bool {
        self.eager_reads().is_some() && self.session.is_quiet()
    }

    /// Whether an answer of the server is awaited.
    fn waits(&self) -> bool {
        !self.sent.is_empty()
    }

    /// Does all there is to do, after what was sent before also `command`. Ready when the store is closed.
    fn poll(&mut self, cx: &mut Context<'_>, mut command: Option<Command>) -> Poll<()> {
        loop {
            let mut busy = self.poll_commands(cx, command.take());
            // The first time, this puts what is sent into the hands of the connection ...
            busy |= self.poll_answers(cx);
            // ... which this then writes.
            busy |= self.poll_transfer(cx);
            busy |= self.poll_link(cx);
            busy |= self.poll_answers(cx);
            if self.session.is_closed(Instant::now()) {
                return Poll::Ready(());
            }
            busy |= self.poll_timer(cx);
            if !busy {
                return Poll::Pending;
            }
        }
    }

    fn poll_commands(&mut self, cx: &mut Context<'_>, direct: Option<Command>) -> bool {
        let mut busy = false;
        while !self.commands_ended
            && let Poll::Ready(command) = self.commands.poll_recv(cx)
        {
            busy = true;
            match command {
                Some(command) => {
                    if matches!(command, Command::Close(_)) {
                        self.commands.close();
                    }
                    self.session.command(command, Instant::now());
                }
                None => {
                    self.commands_ended = true;
                    self.session.no_more_commands(Instant::now());
                }
            }
        }
        if let Some(command) = direct {
            busy = true;
            self.session.command(command, Instant::now());
        }
        self.session.no_command(Instant::now());
        self.act();
        busy
    }

    /// Moves bytes to the server and from it.
    fn poll_transfer(&mut self, cx: &mut Context<'_>) -> bool {
        let Link::Up { transfer, .. } = &mut self.link else {
            return false;
        };
        let ended = match transfer {
            Some((moving, _)) => moving.as_mut().poll(cx).is_ready(),
            None => false,
        };
        if ended {
            // What waits for answers hears that there are none.
            *transfer = None;
        }
        ended
    }

    fn poll_link(&mut self, cx: &mut Context<'_>) -> bool {
        let mut busy = false;
        if let Link::Connecting(attempt) = &mut self.link
            && let Poll::Ready(result) = attempt.as_mut().poll(cx)
        {
            busy = true;
            self.link = Link::None;
            let now = Instant::now();
            match result {
                Ok(Connected {
                    connection,
                    transfer,
                    pushes,
                    data_set,
                }) => {
                    self.link = Link::Up {
                        connection,
                        transfer,
                        pushes,
                    };
                    self.session.connected(data_set, now);
                }
                Err(Trouble::Away(error)) => self.session.not_connected(error, now),
                Err(Trouble::Hopeless(error)) => self.session.cannot_connect(&error, now),
            }
            self.act();
        }
        while let Link::Up { pushes, .. } = &mut self.link
            && let Poll::Ready(Some(push)) = pushes.poll(cx)
        {
            busy = true;
            self.pushed(&push);
            self.act();
        }
        if let Link::Up { pushes, .. } = &self.link
            && pushes.were_dropped()
        {
            busy = true;
            self.session.pushes_missed(Instant::now());
            self.act();
        }
        busy
    }

    fn pushed(&mut self, push: &redis::PushInfo) {
        let Settings {
            names,
            channel,
            hub,
            ..
        } = &*self.settings;
        let Some(push) = Push::read(push, names, channel, hub.is_observed()) else {
            return;
        };
        let refused = match push {
            Push::Disconnected if !names.together => self.take_refused(),
            _ => None,
        };
        self.session.pushed(push, refused, Instant::now());
    }

    fn poll_answers(&mut self, cx: &mut Context<'_>) -> bool {
        let mut busy = false;
        while let Poll::Ready(Some((serial, payload, result))) = self.sent.poll_next_unpin(cx) {
            busy = true;
            let result = match result {
                Ok(value) => Ok(payload.read(value)),
                Err(error) => Err(self.failure(&payload, &error)),
            };
            self.session.answered(serial, result, Instant::now());
            self.act();
        }
        busy
    }

    /// What an error means.
    fn failure(&self, payload: &Payload, error: &RedisError) -> Failure {
        if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
            && payload.script(&self.settings).is_some()
        {
            return Failure::UnknownScript;
        }
        let is_lost = error.is_unrecoverable_error() || error.is_io_error();
        if is_lost || dial::is_passing(error) {
            let noted = self.take_refused();
            let refused = dial::refused(error).or(noted);
            return Failure::Passing { refused };
        }
        Failure::Lasting(match error.to_string() {
            said if said.contains("WRONGTYPE") => self.settings.failed(Damaged { said }),
            _ => self.settings.failed(error.clone()),
        })
    }

    fn take_refused(&self) -> Option<ReplyError> {
        match &self.link {
            Link::Up { connection, .. } => connection.take_refused(),
            _ => None,
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(wake) = self.session.next_time() else {
            return false;
        };
        if wake > Instant::now() {
            if self.sleeping_until != Some(wake) {
                self.sleeping_until = Some(wake);
                self.sleep.as_mut().reset(wake.into());
            }
            if self.sleep.as_mut().poll(cx).is_pending() {
                return false;
            }
            self.sleeping_until = None;
        }
        self.session.time_passes(Instant::now());
        self.act();
        true
    }

    /// Does what the session wants.
    fn act(&mut self) {
        while let Some(output) = self.session.next_output() {
            match output {
                Output::Connect { known, before } => {
                    let attempt = link::connect(Arc::clone(&self.settings), known, before);
                    self.link = Link::Connecting(Box::pin(attempt));
                }
                Output::Disconnect => self.disconnect(),
                Output::Send {
                    serial,
                    payload,
                    with_text,
                } => self.transmit(serial, payload, with_text),
                Output::Event(event) => self.settings.hub.emit(*event),
                Output::Lost(mut event) => {
                    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                    event.at = now.map_or(0.0, |since| since.as_secs_f64());
                    self.settings.hub.emit(*event);
                }
                Output::EventsMissed => self.settings.hub.gap(),
                Output::CheckDeadlock(name, id) => {
                    if let (Some(commands), Some(shared)) =
                        (self.handle.upgrade(), self.shared.upgrade())
                    {
                        let handle = DriverHandle {
                            commands,
                            shared,
                            settings: Arc::clone(&self.settings),
                        };
                        tokio::spawn(deadlock::check(handle, name, id));
                    }
                }
            }
        }
    }

    fn disconnect(&mut self) {
        let refused = self.take_refused();
        let Link::Up { mut pushes, .. } = std::mem::replace(&mut self.link, Link::None) else {
            return;
        };
        // What had come still counts.
        while let Some(push) = pushes.next() {
            if push.kind != PushKind::Disconnection {
                self.pushed(&push);
            }
        }
        self.sent = FuturesUnordered::new();
        self.session.disconnected(refused, Instant::now());
    }

    fn transmit(&mut self, serial: u64, payload: Arc<Payload>, with_text: bool) {
        let Link::Up { connection, .. } = &self.link else {
            // The connection is being given up, and what was in flight is put back then.
            return;
        };
        let mut connection = connection.clone();
        // They are polled in the order in which they come, and so are sent in it.
        self.sent
            .push(match payload.encode(&self.settings, with_text) {
                Encoded::Command(command) => Box::pin(async move {
                    let answer = connection.send(&command).await;
                    (serial, payload, answer)
                }),
                Encoded::Subscribe(channel) => Box::pin(async move {
                    let done = connection.subscribe(&channel).await;
                    (serial, payload, done.map(|()| Value::Okay))
                }),
                Encoded::Unsubscribe(channel) => Box::pin(async move {
                    let done = connection.unsubscribe(&channel).await;
                    (serial, payload, done.map(|()| Value::Okay))
                }),
            });
    }
}
