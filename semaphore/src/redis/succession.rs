//! What another process needs to go on holding a permit when this one is killed: [`Succession`]. It renews the lease of
//! the session that holds the permit, as if it were that session.

use serde::{Deserialize, Serialize};

use crate::id::RunId;
use crate::owner::Owner;

/// One permit, as it goes from process to process. Times are microseconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Succession {
    pub(super) session: String,
    pub(super) name: String,
    /// As the scripts have it.
    pub(super) id: String,
    pub(super) token: u64,
    pub(super) requested: u64,
    pub(super) started: u64,
    pub(super) granted: bool,
    /// Of the semaphore.
    #[serde(rename = "birth")]
    pub(super) generation: u64,
    /// In force, declared, wanted; whether they are pinned.
    pub(super) slots: (i64, i64, i64, bool),
    pub(super) ttl: Option<u64>,
    /// How much of the TTL is left.
    pub(super) left: Option<u64>,
    pub(super) priority: i32,
    pub(super) who: String,
    pub(super) run: Option<RunId>,
    pub(super) process: Option<(String, u32)>,
}

impl Succession {
    pub(super) fn owner(&self) -> Owner {
        let owner = Owner::new(self.who.as_str());
        let owner = match self.run {
            Some(run) => owner.with_run(run),
            None => owner,
        };
        match &self.process {
            Some((host, pid)) => owner.with_process(host.as_str(), *pid),
            None => owner,
        }
    }
}
