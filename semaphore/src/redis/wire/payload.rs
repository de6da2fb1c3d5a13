//! What a store sends, as types: [`Payload`]. How each is written for its script stands here and nowhere else.

use std::time::Duration;

use redis::{Cmd, Value};

use super::audit::write_actor;
use super::facts::{Facts, save_points};
use super::keys::Keys;
use super::reply::{Acquired, DataSet, Due, Managed, Refreshed, Renewed, Reply, Restored};
use super::rows::{digits, write_slots, write_wait};
use super::scripts::{self, Script};
use super::value::{integer, texts};
use crate::actor::Actor;
use crate::audit::{AUDIT_AGE, AUDIT_KEPT};
use crate::command::AdminAction;
use crate::id::{RequestId, RunId};
use crate::owner::NamedRun;
use crate::redis::{Settings, unique_text};
use crate::request::Ttl;
use crate::slots::Slots;

/// What a run waits for is remembered this long, in seconds: a week. It is only a hint: who reads it asks the semaphore.
const RUN_KEPT: u64 = 7 * 24 * 3600;
/// Longer times, in microseconds, do not fit into what Lua counts exactly: 120 years are for ever.
const LONGEST: u64 = 3_800_000_000_000_000;
/// An empty server that has been up for less may have lost its data a moment ago: those who used it before have until
/// then to say so. They try to reconnect several times in that.
pub(crate) const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// What is sent to the server.
pub(crate) enum Payload {
    /// Asks for a slot.
    Acquire(Box<Acquire>),
    /// Gives a slot back.
    Release {
        keys: Keys,
        id: RequestId,
    },
    /// Ends a request whose owner gave it up.
    Abandon {
        keys: Keys,
        id: RequestId,
        /// Its run was given up.
        run_is_lost: bool,
    },
    /// Moves the deadline of a permit.
    Refresh {
        keys: Keys,
        id: RequestId,
        ttl: Ttl,
    },
    /// Says that the session lives, and asks what became of requests.
    Renew {
        keys: Keys,
        /// That of the semaphore that the session knows.
        generation: u64,
        ids: Vec<RequestId>,
        /// Also asks which other requests of the session there are.
        scan: bool,
    },
    /// Brings back what the server has lost.
    Restore(Box<Restore>),
    /// Lets happen what is due in a semaphore.
    Tick {
        keys: Keys,
    },
    /// The session has nothing left in a semaphore.
    Leave {
        keys: Keys,
    },
    /// Gives an administrator's command on a semaphore. The keys are those of an administrator.
    Manage {
        keys: Keys,
        action: AdminAction,
        slots: Option<Slots>,
        by: Option<Actor>,
        data_set: DataSet,
    },
    /// Notes that a run waits for a semaphore, or no more.
    NoteWait {
        run: RunId,
        id: RequestId,
        keys: Keys,
        /// Since when, on the server's clock in microseconds; nothing if the wait is over.
        since: Option<u64>,
        /// If the run only waits for the end of the one that is in line: those between the two, from that one on.
        between: Option<Vec<NamedRun>>,
    },
    /// Marks requests whose run has not answered for so long, or, without a time, answers again.
    MarkUnresponsive {
        keys: Keys,
        silent: Option<Duration>,
        ids: Vec<RequestId>,
    },
    /// Asks which data set there is: see `lua/mark.lua`.
    LookAtDataSet {
        known: DataSet,
        /// The server has been up for long enough, as far as the client knows. For users who may not ask the server.
        waited: bool,
    },
    /// Is the server there?
    Ping,
    /// The first keys of all semaphores.
    Names,
    /// Adds a semaphore to the names of all.
    AddName {
        keys: Keys,
    },
    /// Events of the semaphore with this first key are published again: see `lua/head.lua`.
    PublishAgain {
        key: String,
    },
    SubscribeEvents,
    UnsubscribeEvents,
    /// What the server says of itself.
    Facts,
    /// When it saves snapshots.
    SavePoints,
    /// See [`Query`](super::Query).
    Query(Option<Script>, Cmd),
}

/// Asks for a slot.
pub(crate) struct Acquire {
    pub(crate) keys: Keys,
    pub(crate) id: RequestId,
    pub(crate) declared: Option<Slots>,
    pub(crate) ttl: Option<Ttl>,
    pub(crate) priority: i32,
    /// What is left of it.
    pub(crate) timeout: Option<Duration>,
    /// It joins the line when no slot is free.
    pub(crate) joins: bool,
    /// Who asks, and its slot id: see [`write_asker`](super::write_asker).
    pub(crate) asker: String,
    pub(crate) data_set: DataSet,
    /// The server may know of it already.
    pub(crate) again: bool,
    /// Another request of the session and the semaphore, which is given back before.
    pub(crate) returned: Option<RequestId>,
}

/// Brings back what the server has lost.
pub(crate) struct Restore {
    pub(crate) keys: Keys,
    pub(crate) guard: u64,
    /// Tokens go on above this.
    pub(crate) token: u64,
    /// In force, declared, wanted (-1 is unlimited); whether they are pinned.
    pub(crate) slots: (i64, i64, i64, bool),
    /// In the order in which they were given.
    pub(crate) requests: Vec<RestoredRequest>,
}

/// A request that a session brings back. Times are microseconds.
pub(crate) struct RestoredRequest {
    pub(crate) id: RequestId,
    pub(crate) requested: u64,
    pub(crate) ttl: Option<Ttl>,
    pub(crate) priority: i32,
    pub(crate) asker: String,
    /// What is left of its timeout, or of its TTL.
    pub(crate) left: Option<Duration>,
    pub(crate) place: RestoredPlace,
}

pub(crate) enum RestoredPlace {
    Waiting {
        key: String,
        class: String,
    },
    Busy {
        started: u64,
        token: u64,
        granted: bool,
    },
}

impl RestoredRequest {
    /// Id, key in the line, class, and the row without its session.
    fn write(&self) -> [String; 4] {
        let time = |time: Option<Duration>| time.map(|it| micros(it).to_string());
        let ttl = time(self.ttl.map(Ttl::duration)).unwrap_or_default();
        let left = time(self.left).unwrap_or_default();
        let (requested, priority, asker) = (self.requested, self.priority, &self.asker);
        match &self.place {
            RestoredPlace::Waiting { key, class } => {
                let row = format!("{requested}|{left}|{ttl}|{priority}||{asker}");
                [digits(self.id), key.clone(), class.clone(), row]
            }
            RestoredPlace::Busy {
                started,
                token,
                granted,
            } => {
                let granted = i32::from(*granted);
                let row = format!(
                    "{requested}|{started}|{token}|{ttl}|{priority}|{granted}|{left}|{asker}"
                );
                [digits(self.id), String::new(), String::new(), row]
            }
        }
    }
}

/// What goes to the connection.
pub(crate) enum Encoded {
    Command(Cmd),
    Subscribe(String),
    Unsubscribe(String),
}

impl Payload {
    /// The script that this runs by its hash. A server that does not know it must be sent its text.
    pub(crate) fn script(&self, settings: &Settings) -> Option<Script> {
        Some(match self {
            Self::Acquire(acquire) => match acquire.returned {
                Some(_) => Script::Exchange,
                None => Script::Acquire,
            },
            Self::Release { .. } => Script::Release,
            Self::Abandon { .. } => Script::Abandon,
            Self::Refresh { .. } => Script::Refresh,
            Self::Renew { .. } => Script::Renew,
            Self::Restore(_) => Script::Restore,
            Self::Tick { .. } => Script::Tick,
            Self::Leave { .. } => Script::Leave,
            Self::Manage { .. } => Script::Manage,
            // A server of a cluster may not know the script yet. If it were asked again with the text, later notes would
            // overtake this one.
            Self::NoteWait { .. } if settings.names.together => Script::Wait,
            Self::Query(script, _) => (*script)?,
            _ => return None,
        })
    }

    /// Writes it. `with_text`: the script's text goes along, which the server then keeps.
    pub(crate) fn encode(&self, settings: &Settings, with_text: bool) -> Encoded {
        match self {
            Self::SubscribeEvents => return Encoded::Subscribe(settings.names.events.clone()),
            Self::UnsubscribeEvents => return Encoded::Unsubscribe(settings.names.events.clone()),
            _ => {}
        }
        let command = self.command(settings);
        Encoded::Command(match self.script(settings) {
            Some(script) if with_text => scripts::with_text(&command, script),
            _ => command,
        })
    }

    fn command(&self, settings: &Settings) -> Cmd {
        let names = &settings.names;
        // Most scripts want the keys of the semaphore and then the prefix.
        let on = |script: Script, keys: &Keys| {
            let mut command = scripts::run(script, keys);
            command.arg(&names.prefix);
            command
        };
        match self {
            Self::Acquire(acquire) => acquire.command(settings),
            Self::Release { keys, id } => on(Script::Release, keys).arg(digits(*id)).take(),
            Self::Abandon {
                keys,
                id,
                run_is_lost,
            } => {
                let mut command = on(Script::Abandon, keys);
                command.arg(digits(*id));
                if *run_is_lost {
                    command.arg("run");
                }
                command
            }
            Self::Refresh { keys, id, ttl } => {
                let mut command = on(Script::Refresh, keys);
                command.arg(digits(*id)).arg(micros(ttl.duration()));
                command
            }
            Self::Renew {
                keys,
                generation,
                ids,
                scan,
            } => {
                let mut command = on(Script::Renew, keys);
                command
                    .arg(&settings.session)
                    .arg(settings.lease_micros)
                    .arg(*generation)
                    .arg(if *scan { "1" } else { "" });
                for id in ids {
                    command.arg(digits(*id));
                }
                command
            }
            Self::Restore(restore) => {
                let mut command = on(Script::Restore, &restore.keys);
                let (in_force, declared, wanted, pinned) = restore.slots;
                command
                    .arg(&settings.session)
                    .arg(settings.lease_micros)
                    .arg(restore.guard)
                    .arg(restore.token)
                    .arg(in_force)
                    .arg(declared)
                    .arg(wanted)
                    .arg(i32::from(pinned));
                for request in &restore.requests {
                    command.arg(&request.write());
                }
                command
            }
            Self::Tick { keys } => on(Script::Tick, keys),
            Self::Leave { keys } => {
                let mut command = on(Script::Leave, keys);
                command.arg(&settings.session);
                command
            }
            Self::Manage {
                keys,
                action,
                slots,
                by,
                data_set,
            } => {
                let mut command = on(Script::Manage, keys);
                command
                    .arg(action.as_str())
                    .arg(slots.map(write_slots).unwrap_or_default())
                    .arg(&*data_set.id)
                    .arg(data_set.guard)
                    .arg(write_actor(by.as_ref()))
                    .arg(AUDIT_KEPT)
                    .arg(AUDIT_AGE.as_secs());
                command
            }
            Self::NoteWait {
                run,
                id,
                keys,
                since,
                between,
            } => {
                let key = names.run(&format!("{:032x}", run.as_u128()));
                let mut command = scripts::run(Script::Wait, &[key]);
                command
                    .arg(since.map_or_else(String::new, |since| since.to_string()))
                    .arg(write_wait(*id, &keys[0], between.as_deref()))
                    .arg(RUN_KEPT);
                if names.together {
                    command
                } else {
                    scripts::with_text(&command, Script::Wait)
                }
            }
            Self::MarkUnresponsive { keys, silent, ids } => {
                let mut command = on(Script::Unresponsive, keys);
                let silent = silent.map(|silent| micros(silent).to_string());
                command.arg(silent.unwrap_or_default());
                for id in ids {
                    command.arg(digits(*id));
                }
                // It brings its text along. If a server that does not know the script were asked again, a later mark
                // might overtake this one.
                scripts::with_text(&command, Script::Unresponsive)
            }
            Self::LookAtDataSet { known, waited } => {
                let mut command = scripts::run(Script::Mark, &[names.mark.as_str()]);
                command
                    .arg(&*known.id)
                    .arg(unique_text())
                    .arg(settings.lease_micros)
                    .arg(SETTLED_AFTER.as_secs())
                    .arg(i32::from(*waited));
                scripts::with_text(&command, Script::Mark)
            }
            Self::Ping => redis::cmd("PING"),
            Self::Names => redis::cmd("SMEMBERS").arg(&names.index).take(),
            Self::AddName { keys } => {
                let mut command = redis::cmd("SADD");
                command.arg(&names.index).arg(&*keys[0]);
                command
            }
            Self::PublishAgain { key } => redis::cmd("HDEL").arg(key).arg("qu").take(),
            Self::Facts => redis::cmd("INFO"),
            Self::SavePoints => redis::cmd("CONFIG").arg("GET").arg("save").take(),
            Self::Query(_, command) => command.clone(),
            // These have words of their own: see `encode`.
            Self::SubscribeEvents | Self::UnsubscribeEvents => Cmd::new(),
        }
    }

    /// Reads what the server answered to it. `None`: this version does not understand it.
    pub(crate) fn read(&self, answer: Value) -> Option<Reply> {
        Some(match self {
            Self::Acquire(_) => Reply::Acquired(Acquired::read(&answer)?),
            Self::Release { .. } => Reply::Released(integer(&answer) == Some(1)),
            Self::Refresh { .. } => Reply::Refreshed(Refreshed::read(&answer)),
            Self::Renew { .. } => Reply::Renewed(Renewed::read(&answer)?),
            Self::Restore(_) => Reply::Restored(Restored::read(&answer)?),
            Self::Tick { .. } => Reply::Ticked(Due::read(&answer)?),
            Self::Manage { .. } => Reply::Managed(Managed::read(&answer)?),
            Self::LookAtDataSet { .. } => Reply::DataSet(DataSet::read(&answer)),
            Self::Names => Reply::Names(texts(&answer).map(str::to_owned).collect()),
            Self::Facts => Reply::Facts(Facts::read(&answer)),
            Self::SavePoints => Reply::SavePoints(save_points(&answer)),
            Self::Query(..) => Reply::Value(answer),
            _ => Reply::Done,
        })
    }
}

impl Acquire {
    fn command(&self, settings: &Settings) -> Cmd {
        let micros = |time: Duration| micros(time).to_string();
        let script = match self.returned {
            Some(_) => Script::Exchange,
            None => Script::Acquire,
        };
        let mut command = scripts::run(script, &self.keys);
        command
            .arg(&settings.names.prefix)
            .arg(&settings.session)
            .arg(settings.lease_micros)
            .arg(digits(self.id))
            .arg(self.declared.map(write_slots).unwrap_or_default())
            .arg(
                self.ttl
                    .map(|ttl| micros(ttl.duration()))
                    .unwrap_or_default(),
            )
            .arg(self.priority)
            .arg(self.timeout.map(micros).unwrap_or_default())
            .arg(if self.joins { "q" } else { "t" })
            .arg(&self.asker)
            .arg(&*self.data_set.id)
            .arg(self.data_set.guard)
            .arg(if self.again { "1" } else { "" });
        if let Some(returned) = self.returned {
            command.arg(digits(returned));
        }
        command
    }
}

/// In whole microseconds, rounded up, and no more than the scripts can count.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1000))
        .unwrap_or(LONGEST)
        .min(LONGEST)
}
