//! What the store asks of its worker, and the answers.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot::Sender;

use crate::actor::Actor;
use crate::audit::{AuditEntry, AuditQuery};
use crate::command::AdminCommand;
use crate::diagnosis::Diagnosis;
use crate::error::{AcquireError, AdminError, StoreError};
use crate::history::HistoryQuery;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::owner::NamedRun;
use crate::request::{Request, Ttl};
use crate::slot::SlotId;
use crate::sqlite::permit::PermitState;
use crate::sqlite::transitions::Refreshed;
use crate::view::{RequestView, SemaphoreView};

/// What the store asks of its worker.
pub(in crate::sqlite) enum Command {
    Acquire {
        id: RequestId,
        name: SemaphoreName,
        request: Request,
        reply: Sender<Result<Arc<PermitState>, AcquireError>>,
    },
    TryAcquire {
        id: RequestId,
        name: SemaphoreName,
        request: Request,
        reply: Sender<Result<Option<Arc<PermitState>>, StoreError>>,
    },
    Abandon(RequestId),
    /// A run was given up.
    AbandonRun(RunId),
    /// A run does not answer since then, or answers again (`None`).
    MarkUnresponsive(RunId, Option<Instant>),
    /// These wait for the end of a run from now on.
    NoteDependents(RunId, Arc<[NamedRun]>),
    Refresh(RequestId, Ttl, Sender<Result<Refreshed, StoreError>>),
    /// Answers whether it was still held.
    Release(RequestId, Option<Sender<Result<bool, StoreError>>>),
    /// The permit of a request that has ended already was dropped.
    DropOutlived(RequestId),
    ReleaseSlot(SemaphoreName, SlotId, Sender<Result<bool, StoreError>>),
    RefreshSlot(
        SemaphoreName,
        SlotId,
        Ttl,
        Sender<Result<Refreshed, StoreError>>,
    ),
    Administer(
        AdminCommand,
        Option<Actor>,
        Sender<Result<usize, AdminError>>,
    ),
    Audit(AuditQuery, Sender<Result<Vec<AuditEntry>, StoreError>>),
    History(
        SemaphoreName,
        HistoryQuery,
        Sender<Result<Vec<RequestView>, StoreError>>,
    ),
    Show(
        Option<SemaphoreName>,
        Sender<Result<Vec<SemaphoreView>, StoreError>>,
    ),
    Find(String, Sender<Result<RequestId, AdminError>>),
    /// There is a subscriber to events.
    Observe,
    Diagnose(Sender<Result<Diagnosis, StoreError>>),
    /// Child processes keep the session alive, too. Answers whether that is possible.
    ShareWithChildren(Sender<Result<bool, StoreError>>),
    Close(Sender<Result<(), StoreError>>),
}

impl Command {
    /// Which permit it gives back, if no caller waits for the answer.
    pub(super) fn drops(&self) -> Option<RequestId> {
        match self {
            Self::Release(id, None) => Some(*id),
            _ => None,
        }
    }
}

/// The answer to a command. Its caller gets it once the transaction is committed.
pub(super) enum CommandResult {
    Nothing,
    Tried(bool),
    /// With the number of the last event before.
    Observed(i64),
    Released(bool),
    Refreshed(Refreshed),
    Administered(Result<usize, AdminError>),
    Views(Vec<SemaphoreView>),
    Audit(Vec<AuditEntry>),
    History(Vec<RequestView>),
    Found(Result<RequestId, AdminError>),
    Diagnosis(Box<Diagnosis>),
    Shared(Result<bool, StoreError>),
}

/// Where the outcome of a request that waits goes.
pub(super) enum Reply {
    Acquire(Sender<Result<Arc<PermitState>, AcquireError>>),
    TryAcquire(Sender<Result<Option<Arc<PermitState>>, StoreError>>),
}

impl Reply {
    /// A caller that does not listen any more has sent a [`Command::Abandon`], which gives the permit back.
    pub(super) fn send(self, outcome: Result<Arc<PermitState>, AcquireError>) {
        match self {
            Self::Acquire(reply) => drop(reply.send(outcome)),
            Self::TryAcquire(reply) => {
                let outcome = match outcome {
                    Ok(permit) => Ok(Some(permit)),
                    Err(AcquireError::Store(error)) => Err(error),
                    Err(_) => Ok(None),
                };
                drop(reply.send(outcome));
            }
        }
    }
}
