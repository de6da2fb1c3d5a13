//! Temporary files and folders: made for a run, and removed when it ends.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::Permissions;
use cla_runtime::host::Run;
use cla_runtime::internal::{LastLink, blocking};
use cla_runtime::permissions::{FileError, OpenFor, Permission};
use parking_lot::Mutex;

use super::contents::set_mode;
use super::failure::Failure;
use super::folders;
use super::job::{Budget, Job};

/// How many a run may have: their names are kept until its end.
const MOST: usize = 10_000;

/// How long the end of a run waits for work that was begun and is not wanted any more: one step of it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Only the user of this process uses them.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// What a run has made, to be removed.
#[derive(Clone, Default)]
pub(super) struct Temporaries(Arc<Mutex<Vec<PathBuf>>>);

/// How a temporary file is named, and where it lies.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) folder: Option<PathBuf>,
    pub(super) prefix: String,
    pub(super) suffix: String,
    pub(super) is_folder: bool,
}

impl Temporaries {
    /// Has all of them removed when the run ends.
    pub(super) fn of(run: &Run, budget: &Budget) -> Self {
        let made = Self::default();
        let (at_end, permissions) = (made.clone(), run.permissions().clone());
        let budget = budget.clone();
        run.clean_up(async move {
            let remove = move || {
                // What a run that was stopped has begun sees that soon; until then it may make more.
                budget.until_idle(PATIENCE);
                at_end.remove(&permissions);
            };
            let _ = blocking(remove).await;
        });
        made
    }

    fn remove(&self, permissions: &Permissions) {
        let made = std::mem::take(&mut *self.0.lock());
        let (job, _wanted) = Job::new(permissions, &Budget::default(), usize::MAX);
        for path in made {
            // The rule may have removed it, or given it another name.
            let _ = folders::remove(&job, &path, true, false);
        }
    }

    /// Makes one, and gives its path.
    pub(super) fn make(&self, job: &Job, wish: &Wish) -> Result<PathBuf, Failure> {
        let syscall = if wish.is_folder { "mkdir" } else { "open" };
        if self.0.lock().len() >= MOST {
            let message = format!("this run has made {MOST} temporary files, which is all it may");
            let error = io::Error::new(io::ErrorKind::QuotaExceeded, message);
            return Err(Failure::of(error, syscall));
        }
        let folder = wish.folder.clone().unwrap_or_else(std::env::temp_dir);
        let number = uuid::Uuid::new_v4().simple();
        let name = format!("{}{number}{}", wish.prefix, wish.suffix);
        let path = folder.join(name);
        let made = job
            .permissions
            .entry(Permission::Write, &path, LastLink::Meant)
            .and_then(|entry| match wish.is_folder {
                true => Ok(entry.make_folder(FOLDER_MODE)?),
                false => {
                    let file = entry.open(OpenFor::Creating)?;
                    Ok::<_, FileError>(set_mode(&file, FILE_MODE)?)
                }
            });
        made.map_err(|error| Failure::of(error, syscall).at(&path))?;
        // The current folder may be another one at the run's end.
        let absolute = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        self.0.lock().push(absolute);
        Ok(path)
    }
}
