//! When each token was last used, and from where: [`LastUse`]. In a file beside that of the tokens, exact to a minute.
//!
//! The file of the tokens itself is not touched: it is read anew by every service when it changes.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::tokens::{locked, now, read_private, write_private};

/// How often the use of one token is noted at most.
const EXACT: Duration = Duration::from_secs(60);

/// The last use of a token.
///
/// See [`TokenStore`](super::TokenStore) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TokenUse {
    /// When, in seconds since the Unix epoch, exact to a minute.
    pub at: f64,
    /// The address of the client, if the service knows it.
    pub from: Option<IpAddr>,
}

/// When and from where tokens were last used, by their ids.
pub(super) struct LastUse {
    path: Arc<PathBuf>,
    noted: Mutex<HashMap<String, Instant>>,
}

impl LastUse {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path: Arc::new(path),
            noted: Mutex::default(),
        }
    }

    /// This token is used now.
    pub(super) fn note(&self, id: &str, from: Option<IpAddr>) {
        {
            let mut noted = self.noted.lock();
            if noted.get(id).is_some_and(|at| at.elapsed() < EXACT) {
                return;
            }
            noted.insert(id.to_owned(), Instant::now());
        }
        let (path, id) = (Arc::clone(&self.path), id.to_owned());
        let used = TokenUse { at: now(), from };
        let write = move || {
            if let Err(error) = write(&path, &id, used) {
                tracing::warn!(%error, "cannot note the use of a token");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(write)),
            Err(_) => write(),
        }
    }
}

/// All that is known.
pub(super) fn read(path: &Path) -> io::Result<HashMap<String, TokenUse>> {
    match read_private(path)? {
        // A file that cannot be read is replaced: that is no loss.
        Some(text) => Ok(serde_json::from_str(&text).unwrap_or_default()),
        None => Ok(HashMap::new()),
    }
}

/// A token that is revoked is forgotten.
pub(super) fn forget(path: &Path, id: &str) -> io::Result<()> {
    let _lock = locked(path)?;
    let mut uses = read(path)?;
    if uses.remove(id).is_some() {
        write_private(path, &serde_json::to_string(&uses)?)?;
    }
    Ok(())
}

fn write(path: &Path, id: &str, used: TokenUse) -> io::Result<()> {
    let _lock = locked(path)?;
    let mut uses = read(path)?;
    // Several services note the uses of the same token.
    if uses.get(id).is_none_or(|last| last.at < used.at) {
        uses.insert(id.to_owned(), used);
    }
    write_private(path, &serde_json::to_string(&uses)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::*;

    #[test]
    fn the_last_use_outlives_the_service_and_is_written_once_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/tokens-used.json");
        let uses = LastUse::new(path.clone());
        assert!(read(&path).unwrap().is_empty());
        let before = now();
        let home = IpAddr::from([127, 0, 0, 1]);
        uses.note("a", Some(home));
        uses.note("b", None);
        // Within the minute: not worth a write.
        uses.note("a", None);
        let known = read(&path).unwrap();
        assert!(known["a"].at >= before);
        assert_eq!((known["a"].from, known["b"].from), (Some(home), None));
        forget(&path, "a").unwrap();
        assert_eq!(read(&path).unwrap().keys().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn a_service_whose_clock_is_behind_takes_no_later_use_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens-used.json");
        for at in [20.0, 10.0] {
            write(&path, "a", TokenUse { at, from: None }).unwrap();
        }
        assert_eq!(read(&path).unwrap()["a"].at, 20.0);
    }
}
