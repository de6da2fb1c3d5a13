//! What can be wrong with the file, in words that say what to do.

use std::path::Path;
use std::sync::Arc;

use rusqlite::ErrorCode;

use super::file::{LOCKED_FOR, SEEN_FOR, VERSION};
use crate::error::StoreError;

/// What SQLite opens for a database, at most: itself, its log, the log's index, their folder.
const OF_A_DATABASE: usize = 4;

/// What is wrong with the file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("{0}")]
    Io(String),
    #[error(
        "it is on a file system that several machines can share ({0}), where locks do not keep them apart; put it on a \
             local disk, use a Redis server, or add ?shared-filesystem=accept to the store's URL if only one machine \
             uses it at a time"
    )]
    SharedFileSystem(String),
    #[error(
        "another machine uses it, or has used it within the last {seconds} s (boot {0}); one machine at a time can use a file \
             on a shared file system; use a Redis server for several",
        seconds = SEEN_FOR.as_secs()
    )]
    OtherMachine(String),
    #[error("it is opened only to read, and this would change it")]
    OnlyRead,
    #[error("an older version of this program wrote it; open it once with one that may write it")]
    Older,
    #[error("it is a SQLite database of another program; choose another file")]
    NotOurs,
    #[error(
        "a newer version of this program wrote it (schema {found}, this one knows {VERSION}); \
             upgrade this program, or choose another file"
    )]
    Newer { found: i32 },
    #[error("it is damaged or no SQLite database ({0}); move it away, and a new one will be made")]
    Damaged(String),
    #[error("{} keeps it locked, and has written nothing for {} s; it is stopped or stuck: let it go on (kill -CONT), \
             or end it",
            .0.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")),
            LOCKED_FOR.as_secs())]
    Locked(Option<u32>),
    /// The limit of a caller passed before it was this process's turn.
    #[error("too many other processes use it at this moment")]
    Late,
    #[error("it cannot be written: {0}; check the permissions of the file and of its folder")]
    ReadOnly(String),
    #[error("the disk is full")]
    Full,
    #[error("it was deleted, moved, replaced or overwritten while it was in use")]
    Replaced,
    #[error(
        "it was deleted, moved or replaced while others use it, and they have not noticed yet: one of them \
             may be stopped or stuck; end it, and try again"
    )]
    InUseElsewhere,
    #[error("{0}")]
    Other(String),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        let said = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Damaged(said),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked(None),
            // SQLite does not say why it cannot open one of its files.
            Some(ErrorCode::CannotOpen)
                if let Err(error) = crate::descriptors::for_so_many(OF_A_DATABASE) =>
            {
                Self::Io(format!("{said}: {error}"))
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::ReadOnly(said)
            }
            Some(ErrorCode::DiskFull) => Self::Full,
            _ => Self::Other(said),
        }
    }
}

impl Problem {
    /// Whether nothing at all can be done with the file.
    pub(super) const fn is_of_the_file(&self) -> bool {
        matches!(
            self,
            Self::Io(_)
                | Self::SharedFileSystem(_)
                | Self::NotOurs
                | Self::Newer { .. }
                | Self::Damaged(_)
                | Self::Locked(_)
                | Self::Late
                | Self::ReadOnly(_)
                | Self::InUseElsewhere
                | Self::OtherMachine(_)
                | Self::OnlyRead
                | Self::Older
        )
    }

    /// Whether what was held in the file is lost: nothing that was written there can be read any more.
    pub(super) const fn loses_all(&self) -> bool {
        matches!(
            self,
            Self::Replaced | Self::Damaged(_) | Self::NotOurs | Self::Newer { .. }
        )
    }

    /// As callers see it.
    pub(super) fn error(self, path: &Path) -> StoreError {
        let store = format!("sqlite:{}", path.display());
        let unreachable = matches!(
            self,
            Self::Io(_) | Self::Locked(_) | Self::Late | Self::ReadOnly(_)
        );
        let cause: Arc<dyn std::error::Error + Send + Sync> = Arc::new(self);
        if unreachable {
            StoreError::Unreachable { store, cause }
        } else {
            StoreError::Failed { store, cause }
        }
    }
}
