//! The settings of rules: those of the `cla.toml` files near the folder of each.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cla_runtime::RunOptions;

use super::plan::STDIN;
use crate::store::ChoiceError;

/// What the rules of each folder are given.
#[derive(Clone)]
pub(super) struct Settings(HashMap<PathBuf, Vec<serde_json::Value>>);

impl Settings {
    /// Reads those of the folders of these rules.
    ///
    /// # Errors
    /// [`ChoiceError`]: a `cla.toml` cannot be read, or something in it is wrong.
    pub(super) fn read(files: &[PathBuf]) -> Result<Self, ChoiceError> {
        let mut settings = HashMap::new();
        for file in files {
            let folder = folder(file);
            if !settings.contains_key(folder) {
                settings.insert(folder.to_owned(), crate::store::settings(folder)?);
            }
        }
        Ok(Self(settings))
    }
}

/// The options of runs with the settings of their rules.
pub(super) struct ByFolder {
    folders: HashMap<PathBuf, RunOptions>,
    others: RunOptions,
}

impl ByFolder {
    pub(super) fn new(options: &RunOptions, settings: Settings) -> Self {
        let folders = settings.0.into_iter();
        let folders = folders.map(|(folder, settings)| {
            let with = settings
                .into_iter()
                .fold(options.clone(), RunOptions::config);
            (folder, with)
        });
        Self {
            folders: folders.collect(),
            others: options.clone(),
        }
    }

    /// Those without settings.
    pub(super) fn any(&self) -> RunOptions {
        self.others.clone()
    }

    /// Those of this rule.
    pub(super) fn of(&self, file: &Path) -> RunOptions {
        self.folders
            .get(folder(file))
            .unwrap_or(&self.others)
            .clone()
    }
}

/// The folder of a rule; the current one is empty.
fn folder(file: &Path) -> &Path {
    match file == Path::new(STDIN) {
        true => Path::new(""),
        false => file.parent().unwrap_or(file),
    }
}
