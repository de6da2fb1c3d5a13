//! What the scripts answer, as types. Every position in an answer is named here and nowhere else.

use redis::Value;

use super::facts::Facts;
use super::rows;
use super::value::{array, integer, natural, text};
use crate::id::RequestId;
use crate::view::Status;

/// What the server answered to a [`Payload`](super::Payload).
#[derive(Debug)]
pub(crate) enum Reply {
    Acquired(Acquired),
    /// Whether the request was still busy.
    Released(bool),
    Refreshed(Refreshed),
    Renewed(Renewed),
    Restored(Restored),
    /// When something is due in the semaphore.
    Ticked(Due),
    Managed(Managed),
    DataSet(DataSetReply),
    /// The first keys of semaphores.
    Names(Vec<String>),
    Facts(Facts),
    /// When the server saves snapshots, if it says so.
    SavePoints(Option<String>),
    /// It is done; there is nothing to know.
    Done,
    /// What only its [`Query`](super::Query) understands.
    Value(Value),
}

impl Reply {
    /// Of a semaphore that is there for sure after this: which of its lives it is in.
    pub(crate) const fn generation(&self) -> Option<u64> {
        match self {
            Self::Acquired(acquired) => acquired.generation(),
            Self::Managed(Managed::Done { generation, .. }) => Some(*generation),
            Self::Restored(restored) => Some(restored.generation),
            _ => None,
        }
    }
}

/// How a request got its slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    pub(crate) token: u64,
    /// Of the server's clock, in microseconds.
    pub(crate) requested: u64,
    /// Of the server's clock, in microseconds.
    pub(crate) started: u64,
    pub(crate) granted: bool,
    /// Of the semaphore.
    pub(crate) generation: u64,
}

/// The session's lease of the semaphore, and the semaphore's slots, as most answers say them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SessionLease {
    /// In microseconds, counted from when the script ran.
    pub(crate) left: u64,
    pub(crate) slots: SlotCounts,
}

/// Numbers of slots; -1 is unlimited. Short answers say only the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SlotCounts {
    pub(crate) in_force: Option<i64>,
    /// Declared, wanted; whether they are pinned.
    pub(crate) others: Option<(i64, i64, bool)>,
}

impl SlotCounts {
    fn read(fields: &[Value]) -> Self {
        let number = |at: usize| fields.get(at).and_then(integer);
        let others = match (number(1), number(2), number(3)) {
            (Some(declared), Some(wanted), Some(pinned)) => Some((declared, wanted, pinned == 1)),
            _ => None,
        };
        Self {
            in_force: number(0),
            others,
        }
    }
}

/// How long until something may be due in a semaphore; `None` if nothing ever is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due(pub(crate) Option<u64>);

impl Due {
    pub(super) fn read(value: &Value) -> Option<Self> {
        Some(Self(u64::try_from(integer(value)?).ok()))
    }
}

/// What `lua/acquire.lua` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Acquired {
    Admitted(Admission, SessionLease),
    Queued {
        requested: u64,
        /// Its place in the line.
        key: String,
        generation: u64,
        lease: SessionLease,
        due: Due,
    },
    /// Its slot id holds a slot already, through the request `holder`.
    Shares {
        holder: RequestId,
        admission: Admission,
        lease: SessionLease,
        /// How long that is still held, in microseconds, if it expires.
        left: Option<u64>,
    },
    /// It ended in the line.
    Ended(Status),
    /// No slot is free, and it does not wait.
    NoSlot {
        generation: Option<u64>,
    },
    /// There is another data set than the session knows: it must look first.
    OtherDataSet,
}

impl Acquired {
    const fn generation(&self) -> Option<u64> {
        match self {
            Self::Admitted(admission, _) | Self::Shares { admission, .. } => {
                Some(admission.generation)
            }
            Self::Queued { generation, .. } => Some(*generation),
            Self::NoSlot { generation } => *generation,
            Self::Ended(_) | Self::OtherDataSet => None,
        }
    }

    pub(super) fn read(answer: &Value) -> Option<Self> {
        let fields = array(answer)?;
        let field = |at: usize| fields.get(at).and_then(natural);
        let lease = |at: usize, slots: usize| {
            Some(SessionLease {
                left: field(at)?,
                slots: SlotCounts::read(fields.get(slots..).unwrap_or_default()),
            })
        };
        let admission = |at: usize| {
            Some(Admission {
                token: field(at)?,
                requested: field(at + 1)?,
                started: field(at + 2)?,
                granted: field(at + 3)? == 1,
                generation: field(at + 4)?,
            })
        };
        Some(match integer(fields.first()?)? {
            0 => Self::NoSlot {
                generation: field(1),
            },
            1 => Self::Admitted(admission(1)?, lease(6, 7)?),
            2 => Self::Queued {
                requested: field(1)?,
                key: text(fields.get(2)?)?.to_owned(),
                generation: field(3)?,
                lease: lease(4, 6)?,
                due: Due::read(fields.get(5)?)?,
            },
            3 => match text(fields.get(1)?)? {
                "timed_out" => Self::Ended(Status::TimedOut),
                _ => Self::Ended(Status::Cancelled),
            },
            4 => Self::Shares {
                holder: rows::id(text(fields.get(1)?)?)?,
                admission: admission(2)?,
                lease: lease(7, 9)?,
                left: field(8),
            },
            9 => Self::OtherDataSet,
            _ => return None,
        })
    }
}

/// What became of an attempt to move a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refreshed {
    Moved,
    Lost,
    NoTtl,
}

impl Refreshed {
    pub(super) fn read(answer: &Value) -> Self {
        match integer(answer) {
            Some(1) => Self::Moved,
            Some(2) => Self::NoTtl,
            _ => Self::Lost,
        }
    }
}

/// What `lua/renew.lua` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Renewed {
    /// This is not the semaphore that the session knew.
    OtherGeneration,
    Renewed {
        lease: SessionLease,
        due: Due,
        /// What became of the requests that were asked for, in that order. `None`: this version does not understand it.
        states: Vec<Option<RequestState>>,
        /// Other requests of the session, if it asked for them.
        others: Vec<RequestId>,
    },
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestState {
    /// Token, when it was requested and started, and whether it was granted.
    Busy {
        token: u64,
        requested: u64,
        started: u64,
        granted: bool,
    },
    /// Its place in the line.
    Waiting {
        key: String,
    },
    Ended(Status),
    /// The server does not know it.
    Unknown,
}

impl RequestState {
    fn read(state: &str) -> Option<Self> {
        let (kind, rest) = state.split_once('|')?;
        Some(match kind {
            "a" => {
                let numbers: Vec<u64> = rest.split('|').flat_map(str::parse).collect();
                let [token, requested, started, granted] = numbers[..] else {
                    return None;
                };
                Self::Busy {
                    token,
                    requested,
                    started,
                    granted: granted == 1,
                }
            }
            "w" => Self::Waiting {
                key: rest.to_owned(),
            },
            "e" => rows::status(rest).map_or(Self::Unknown, Self::Ended),
            _ => return None,
        })
    }
}

impl Renewed {
    pub(super) fn read(answer: &Value) -> Option<Self> {
        let fields = array(answer)?;
        if integer(fields.first()?) != Some(1) {
            return Some(Self::OtherGeneration);
        }
        let list = |at: usize| fields.get(at).and_then(array).unwrap_or_default();
        Some(Self::Renewed {
            lease: SessionLease {
                left: natural(fields.get(1)?)?,
                slots: SlotCounts::read(fields.get(5..).unwrap_or_default()),
            },
            due: Due::read(fields.get(2)?)?,
            states: list(3)
                .iter()
                .map(|state| RequestState::read(text(state)?))
                .collect(),
            others: list(4)
                .iter()
                .filter_map(|id| rows::id(text(id)?))
                .collect(),
        })
    }
}

/// What `lua/restore.lua` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Restored {
    pub(crate) generation: u64,
    /// How long the session's lease lasts, in microseconds.
    pub(crate) left: u64,
    pub(crate) due: Due,
}

impl Restored {
    pub(super) fn read(answer: &Value) -> Option<Self> {
        let fields = array(answer)?;
        Some(Self {
            generation: natural(fields.first()?)?,
            left: natural(fields.get(1)?)?,
            due: Due::read(fields.get(2)?)?,
        })
    }
}

/// What `lua/manage.lua` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Managed {
    /// There is no such semaphore.
    Unknown,
    /// There is another data set than the session knows: it must look first.
    OtherDataSet,
    Done {
        /// How many requests it concerned; for `forget`, 1 if the semaphore is in use.
        hits: usize,
        busy: usize,
        waiting: usize,
        generation: u64,
    },
}

impl Managed {
    pub(super) fn read(answer: &Value) -> Option<Self> {
        let fields = array(answer)?;
        match integer(fields.first()?)? {
            -1 => Some(Self::Unknown),
            -9 => Some(Self::OtherDataSet),
            _ => {
                let field = |at: usize| fields.get(at).and_then(natural);
                Some(Self::Done {
                    hits: field(0)? as usize,
                    busy: field(1)? as usize,
                    waiting: field(2)? as usize,
                    generation: field(3)?,
                })
            }
        }
    }
}

/// What a client knows of the data set: see `lua/mark.lua`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DataSet {
    /// Empty: nothing is known yet.
    pub(crate) id: std::sync::Arc<str>,
    /// Semaphores made before this, in microseconds of the server's clock, admit no newcomer until then. 0: data was never
    /// lost.
    pub(crate) guard: u64,
}

/// What `lua/mark.lua` answers; nothing while the server has yet to settle.
pub(crate) type DataSetReply = Option<DataSet>;

impl DataSet {
    pub(crate) fn read(answer: &Value) -> DataSetReply {
        let fields = array(answer)?;
        let id = text(fields.first()?)?;
        let guard = natural(fields.get(1)?)?;
        (!id.is_empty()).then(|| Self {
            id: id.into(),
            guard,
        })
    }
}
