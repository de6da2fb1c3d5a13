//! Which fault comes when: all of it follows from one seed.

use std::time::Duration;

use crate::scene::Kind;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A process ends without a chance to give anything back. Another one takes its place.
    Kill(usize),
    /// A process stands still for as long, in milliseconds.
    Stop(usize, u64),
    /// All connections to the server are cut.
    Cut,
    /// The server stands still for as long, in milliseconds.
    Freeze(u64),
    /// The server dies, and is started again.
    Restart,
    /// All keys go away.
    Flush,
    /// The server forgets the scripts that it was sent.
    ForgetScripts,
    /// The replica becomes the master.
    Failover,
    /// The database is deleted, with its log, while it is in use.
    Delete,
    /// A process ends, and the one in its place has a full disk.
    FullDisk(usize),
}

/// The faults of a run, one after the other, for ever.
pub(crate) struct Plan {
    random: fastrand::Rng,
    kind: Kind,
    workers: usize,
}

impl Plan {
    pub(crate) fn new(kind: Kind, workers: usize, seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            kind,
            workers,
        }
    }

    /// The next fault, and how long it is until then.
    pub(crate) fn next(&mut self) -> (Duration, Fault) {
        let pause = Duration::from_millis(self.random.u64(20..400));
        let worker = self.random.usize(..self.workers);
        let lease = self.kind.lease().as_millis() as u64;
        // Some stops are short, some outlast the lease.
        let stop = self.random.u64(5..lease * 3 / 2);
        let fault = match (self.random.u8(..20), self.kind) {
            (0..8, _) => Fault::Kill(worker),
            (8..13, _) => Fault::Stop(worker, stop),
            (13..15, Kind::Sqlite) => Fault::FullDisk(worker),
            (15, Kind::Sqlite) => Fault::Delete,
            (_, Kind::Sqlite) => Fault::Stop(worker, stop / 20),
            (13..15, _) => Fault::Cut,
            (15, _) => Fault::Freeze(stop),
            (16, _) => Fault::ForgetScripts,
            (17, Kind::Sentinel) => Fault::Failover,
            (17, Kind::Redis | Kind::Kept) => Fault::Restart,
            (18, Kind::Redis) => Fault::Flush,
            _ => Fault::Cut,
        };
        (pause, fault)
    }
}
