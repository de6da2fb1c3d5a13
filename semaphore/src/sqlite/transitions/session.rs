//! Sessions: one begins, is seen to live or not, and ends with all that it has.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, named_params, params};

use super::bulk::plain_ends;
use super::rows::{Phase, RequestRow, requests};
use super::{Peer, Transition};
use crate::event::EventKind;
use crate::sqlite::clock::Moment;
use crate::sqlite::file::SEEN_FOR;
use crate::sqlite::message::Secret;
use crate::sqlite::presence::Witness;
use crate::sqlite::problem::Problem;
use crate::sqlite::process::Process;
use crate::sqlite::records;
use crate::view::Status;

/// Tokens are made to leap by this at a reboot: a power cut may have undone the last transactions, and no
/// more of them than fit into the write-ahead log (4 MB, a few thousand).
const TOKEN_LEAP: i64 = 1 << 20;

/// The tokens of a file that is gone are not known here, and what a token protects must not see them go back. They grew by
/// one with each permit, or began at the clock: so those from the clock on are above them.
fn begin_tokens_at_the_clock(db: &Connection) -> Result<(), Problem> {
    let micros = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros();
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    db.execute(
        "UPDATE setting SET value = max(value, ?1) WHERE name = 'floor'",
        [micros],
    )?;
    db.execute("UPDATE semaphore SET token = max(token, ?1)", [micros])?;
    Ok(())
}

/// Whether there was another file before the one that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum Predecessor {
    /// Nothing tells of one.
    None,
    /// Its lock file is there.
    Likely,
    /// This very store had it open.
    Known,
}

impl Transition<'_> {
    /// Registers this process as a session, and returns the session's number. `lease` is for processes that cannot see
    /// whether this one lives.
    pub(in crate::sqlite) fn register(
        db: &Connection,
        host: Option<&str>,
        lease: Moment,
        lock: Option<i64>,
        secret: Secret,
        is_shared: bool,
        predecessor: Predecessor,
    ) -> Result<i64, Problem> {
        let this = Process::this();
        let boot: String =
            db.query_row("SELECT value FROM setting WHERE name = 'boot'", [], |row| {
                row.get(0)
            })?;
        let is_new = boot.is_empty();
        if predecessor == Predecessor::Known || (is_new && predecessor == Predecessor::Likely) {
            begin_tokens_at_the_clock(db)?;
        }
        if this.boot.is_empty() {
            // Without `/proc` no boot is known.
        } else if is_new {
            // A new file.
            db.execute(
                "UPDATE setting SET value = ?1 WHERE name = 'boot'",
                [&this.boot],
            )?;
        } else if boot != this.boot {
            if is_shared
                && let Some(ago) = seen_ago(db)?
                && ago < SEEN_FOR
            {
                return Err(Problem::OtherMachine(boot));
            }
            // No process lived through that; times of the other boot mean nothing in this one.
            records::keep_all(db)?;
            db.execute_batch(
                "DELETE FROM line_section; DELETE FROM request; DELETE FROM ended; DELETE FROM notice; DELETE FROM event;
                 DELETE FROM share; DELETE FROM session; DELETE FROM outlived;",
            )?;
            db.execute(
                "UPDATE semaphore SET taken = 0, granted = 0, waiting = 0, due = :never, touched = 0,
                     token = token + :leap, declared = wanted,
                     slots = CASE WHEN pinned THEN slots ELSE wanted END",
                named_params! { ":never": Moment::NEVER, ":leap": TOKEN_LEAP },
            )?;
            db.execute(
                "UPDATE setting SET value = value + ?1 WHERE name = 'floor'",
                [TOKEN_LEAP],
            )?;
            db.execute(
                "UPDATE setting SET value = ?1 WHERE name = 'boot'",
                [&this.boot],
            )?;
        }
        if is_shared {
            show(db)?;
        }
        db.execute(
            "INSERT INTO session (pid, started, boot, namespace, host, lease, lock, secret)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                this.pid,
                this.started,
                this.boot,
                this.namespace,
                host,
                lease,
                lock,
                secret.to_bytes()
            ],
        )?;
        Ok(db.last_insert_rowid())
    }

    /// This session has no pipe, so what other sessions have for it goes into the file.
    pub(in crate::sqlite) fn read_notices_only(&self) -> Result<(), Problem> {
        self.db
            .prepare_cached("UPDATE session SET secret = NULL WHERE id = ?1")?
            .execute([self.session])?;
        Ok(())
    }

    /// Whether a session lives.
    pub(super) fn lives(&mut self, session: i64) -> Result<bool, Problem> {
        if session == self.session {
            return Ok(true);
        }
        Ok(self.peer(session)?.lives)
    }

    /// What is known of another session.
    pub(super) fn peer(&mut self, session: i64) -> Result<Peer, Problem> {
        if let Some(peer) = self.peers.get(&session) {
            return Ok(*peer);
        }
        let found = self
            .db
            .prepare_cached(Witness::AND_SECRET)?
            .query_row([session], |row| {
                Ok((Witness::read(row, 0)?, row.get(Witness::COUNT)?))
            })
            .optional()?;
        let peer = Peer {
            lives: found
                .as_ref()
                .is_some_and(|(witness, _)| witness.is_alive(self.now)),
            secret: found.and_then(|(_, secret)| secret).map(Secret::from_bytes),
        };
        self.peers.insert(session, peer);
        if !peer.lives {
            self.to_reap.push(session);
        }
        Ok(peer)
    }

    /// Looks at all sessions, and reaps those whose process is gone.
    pub(in crate::sqlite) fn reap_sessions(&mut self) -> Result<(), Problem> {
        let sessions: Vec<i64> = self
            .db
            .prepare_cached("SELECT id FROM session WHERE id <> ?1")?
            .query_map([self.session], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for session in sessions {
            self.lives(session)?;
        }
        self.reap()
    }

    /// Ends the sessions that were found dead. Call it only while no `Semaphore` is in the caller's hands: this reads and
    /// writes semaphores itself.
    pub(in crate::sqlite) fn reap(&mut self) -> Result<(), Problem> {
        while let Some(session) = self.to_reap.pop() {
            self.end_session(session)?;
        }
        Ok(())
    }

    /// Ends a session and all that it has.
    pub(in crate::sqlite) fn end_session(&mut self, session: i64) -> Result<(), Problem> {
        let plain = plain_ends!(
            "request AS r",
            "r.session = :session AND :list = '' AND :run IS NULL"
        );
        self.end_plain(plain, (session, None, ""), Status::Killed, false)?;
        let all: Vec<RequestRow> = self
            .db
            .prepare_cached(requests!(
                "WHERE session = ?1 ORDER BY semaphore, phase, sequence"
            ))?
            .query_map([session], RequestRow::read)?
            .collect::<Result<_, _>>()?;
        // The query sorts those that wait first: a slot that ends here must not go to another request of this session.
        for of_one in all.chunk_by(|a, b| a.semaphore == b.semaphore) {
            let Some(mut semaphore) = self.load(of_one[0].semaphore)? else {
                continue;
            };
            for row in of_one {
                if row.phase == Phase::Waiting {
                    self.end_waiting(&mut semaphore, row, Status::Killed, EventKind::Killed)?;
                } else {
                    self.end_busy(&mut semaphore, row, Status::Killed, EventKind::Killed)?;
                }
            }
            self.settle(&mut semaphore)?;
            self.save(&semaphore)?;
        }
        for gone in [
            "DELETE FROM share WHERE session = ?1",
            "DELETE FROM notice WHERE session = ?1",
            "DELETE FROM outlived WHERE session = ?1",
        ] {
            self.db.prepare_cached(gone)?.execute([session])?;
        }
        self.db
            .prepare_cached("DELETE FROM session WHERE id = ?1")?
            .execute([session])?;
        if session != self.session {
            self.effects.gone.push(session);
        }
        Ok(())
    }
}

/// How long ago the machine that uses the file was last seen. By the wall's clock, as machines have no other in common.
/// `None`: the file was never on a shared file system, or a clock is wrong.
pub(super) fn seen_ago(db: &Connection) -> Result<Option<Duration>, Problem> {
    let seen: Option<i64> = db
        .query_row("SELECT value FROM setting WHERE name = 'seen'", [], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(seen.and_then(|seen| {
        let ago = seconds_of_the_wall().checked_sub(seen)?;
        // Clocks of machines differ by a few seconds.
        u64::try_from(ago.max(0)).ok().map(Duration::from_secs)
    }))
}

/// Notes that this machine uses the file, on a file system that others can share.
pub(in crate::sqlite) fn show(db: &Connection) -> Result<(), Problem> {
    db.prepare_cached("INSERT OR REPLACE INTO setting VALUES ('seen', ?1)")?
        .execute([seconds_of_the_wall()])?;
    Ok(())
}

pub(super) fn seconds_of_the_wall() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
}
