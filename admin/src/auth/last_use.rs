//! When each token was last used: [`LastUse`]. In a file beside that of the tokens, exact to a minute.
//!
//! The file of the tokens itself is not touched: it is read anew by every service when it changes.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::tokens::{locked, now, read_private, write_private};

/// A token that is used often is noted so often.
const EXACT: Duration = Duration::from_secs(60);

/// When tokens were last used, by their ids.
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
    pub(super) fn note(&self, id: &str) {
        {
            let mut noted = self.noted.lock();
            if noted.get(id).is_some_and(|at| at.elapsed() < EXACT) {
                return;
            }
            noted.insert(id.to_owned(), Instant::now());
        }
        let (path, id, at) = (Arc::clone(&self.path), id.to_owned(), now());
        let write = move || {
            if let Err(error) = write(&path, &id, at) {
                tracing::warn!(%error, "cannot note the use of a token");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(write)),
            Err(_) => write(),
        }
    }

    /// All that is known.
    pub(super) fn all(&self) -> io::Result<HashMap<String, f64>> {
        read(&self.path)
    }

    /// A token that is revoked is forgotten.
    pub(super) fn forget(&self, id: &str) -> io::Result<()> {
        let _lock = locked(&self.path)?;
        let mut uses = read(&self.path)?;
        uses.remove(id);
        write_private(&self.path, &serde_json::to_string(&uses)?)
    }
}

fn read(path: &std::path::Path) -> io::Result<HashMap<String, f64>> {
    match read_private(path)? {
        // What cannot be read is begun anew: it is no loss.
        Some(text) => Ok(serde_json::from_str(&text).unwrap_or_default()),
        None => Ok(HashMap::new()),
    }
}

fn write(path: &std::path::Path, id: &str, at: f64) -> io::Result<()> {
    let _lock = locked(path)?;
    let mut uses = read(path)?;
    let last = uses.entry(id.to_owned()).or_insert(at);
    *last = last.max(at);
    write_private(path, &serde_json::to_string(&uses)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::*;

    #[test]
    fn the_last_use_outlives_the_service() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/tokens-used.json");
        let uses = LastUse::new(path.clone());
        assert!(uses.all().unwrap().is_empty());
        let before = now();
        uses.note("a");
        uses.note("b");
        let again = LastUse::new(path);
        assert!(again.all().unwrap()["a"] >= before);
        again.forget("a").unwrap();
        assert_eq!(uses.all().unwrap().keys().collect::<Vec<_>>(), ["b"]);
    }
}
