//! Stands in for [`packages`](super) where the engine is built without the feature `packages`: there are none.

use std::path::{Path, PathBuf};

use super::importable::Importable;

pub(super) const MOST_NAME: usize = 1024;

/// Who asks for a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Import,
    Require,
}

/// What a name means, which is never known.
#[expect(dead_code, reason = "with the feature, names mean something")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    File(PathBuf),
    BuiltIn(String),
}

/// Why a name means nothing.
#[expect(dead_code, reason = "with the feature, there are more reasons")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfound {
    Missing,
    Refused(String),
}

/// The packages of a run, which has none.
pub(super) struct Packages;

impl Packages {
    pub(super) fn new(_: Importable) -> Self {
        Self
    }

    pub(super) fn resolve(&self, _: &Path, _: &str, _: By) -> Result<Found, Unfound> {
        Err(Unfound::Refused(
            "this engine has no packages: build cla-runtime with its feature `packages`".to_owned(),
        ))
    }
}

pub(super) fn folders(_: &Path, _: &Importable) -> Vec<PathBuf> {
    Vec::new()
}

pub(super) fn package_name(_: &str) -> Option<&str> {
    None
}
