//! Which files a run may import.

use std::path::{Path, PathBuf};

use crate::permissions::Permissions;

/// The files that a run may import: those below some folders, of which the rule's own is the first, and those that it is
/// permitted to import; but none that is denied.
#[derive(Clone, Debug)]
pub(crate) struct Importable {
    /// Canonical paths.
    folders: Vec<PathBuf>,
    permissions: Permissions,
}

impl Importable {
    pub(crate) fn new(mut folders: Vec<PathBuf>, permissions: Permissions) -> Self {
        // Below the folder / lies everything.
        folders.retain(|folder| folder.parent().is_some());
        Self {
            folders,
            permissions,
        }
    }

    /// Those below some folders.
    pub(crate) fn below(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            folders: folders.into_iter().collect(),
            permissions: Permissions::none(),
        }
    }

    /// Whether a file may be imported that lies here, links followed.
    pub(crate) fn has(&self, place: &Path) -> bool {
        let is_below = self.folders.iter().any(|folder| place.starts_with(folder));
        (is_below || self.permissions.imports(place)) && !self.permissions.denies_import(place)
    }

    /// Whether there is no such file.
    pub(crate) fn is_nothing(&self) -> bool {
        self.folders.is_empty() && self.permissions.imports_nothing()
    }

    /// The folders, for people.
    pub(crate) fn list(&self) -> String {
        let mut shown: Vec<String> = Vec::new();
        for folder in &self.folders {
            let folder = folder.display().to_string();
            if !shown.contains(&folder) {
                shown.push(folder);
            }
        }
        shown.join(", ")
    }
}
