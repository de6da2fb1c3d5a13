//! Files and folders in a permission.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Component, Path, PathBuf};

use super::InvalidPermission;

/// So many symbolic links within each other are followed, as on Linux.
const MOST_LINKS: usize = 40;

/// Folders in which the system shows and changes itself: `/proc/self/environ` is the environment, `/proc/self/mem` the memory.
const OF_THE_SYSTEM: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Devices that reach nothing.
const HARMLESS: [&str; 5] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

/// A file, or a folder with all below it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: &OsStr) -> Result<Self, InvalidPermission> {
        // An empty path is an error here.
        let absolute = std::path::absolute(path).map_err(|error| {
            InvalidPermission(format!(
                "{:?} is no path: {error}",
                path.display().to_string()
            ))
        })?;
        Ok(Self(leads_to(&absolute)))
    }

    /// Whether a path, of which links are followed, is this one or below it.
    pub(super) fn holds(&self, place: &Path) -> bool {
        place.starts_with(&self.0)
    }

    /// Whether this one lies below a path, of which links are followed.
    pub(super) fn is_below(&self, place: &Path) -> bool {
        self.0.starts_with(place)
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.display())
    }
}

/// Whether a path, of which links are followed, lies where the system shows itself.
pub(super) fn is_of_the_system(place: &Path) -> bool {
    let is_below = |folder: &&str| place.starts_with(folder);
    OF_THE_SYSTEM.iter().any(is_below) && !HARMLESS.iter().any(|file| place == Path::new(file))
}

/// Where a path leads once links are followed, whether there is anything or not.
pub(crate) fn leads_to(path: &Path) -> PathBuf {
    let parts = |path: &Path| -> VecDeque<OsString> {
        let parts = path.components();
        parts.map(|part| part.as_os_str().to_owned()).collect()
    };
    let (mut place, mut left, mut links) = (PathBuf::new(), parts(path), 0);
    while let Some(part) = left.pop_front() {
        match Path::new(&part).components().next() {
            Some(Component::ParentDir) => {
                place.pop();
                continue;
            }
            Some(Component::CurDir) | None => continue,
            Some(_) => {}
        }
        let next = place.join(&part);
        match std::fs::read_link(&next) {
            Ok(target) if links < MOST_LINKS => {
                links += 1;
                for part in parts(&target).into_iter().rev() {
                    left.push_front(part);
                }
            }
            _ => place = next,
        }
    }
    place
}
