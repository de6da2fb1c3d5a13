//! What a folder's `package.json` says of the files in it.

use std::path::Path;

use serde::Deserialize;

use super::importable::Importable;
use super::read;

/// The largest `package.json` that is looked at, in bytes.
const MOST_BYTES: u64 = 4 << 20;

/// The longest path in it, in bytes.
const MOST_PATH: usize = 1024;

/// Whether files that may be ES modules or CommonJS ones are said to be one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PackageType {
    /// `"type": "module"`.
    Module,
    /// `"type": "commonjs"`, or nothing that is known: then the text of each file shows it.
    Any,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    main: serde_json::Value,
    #[serde(default)]
    r#type: serde_json::Value,
}

fn read(folder: &Path, importable: &Importable) -> Option<Manifest> {
    let path = folder.join("package.json");
    if path.metadata().ok()?.len() > MOST_BYTES {
        return None;
    }
    let text = read::read(&path, importable, None).ok()?;
    serde_json::from_str(&text).ok()
}

/// The path that a folder's `package.json` names as `main`.
pub(super) fn main_of(folder: &Path, importable: &Importable) -> Option<String> {
    match read(folder, importable)?.main {
        serde_json::Value::String(main) if main.len() <= MOST_PATH => Some(main),
        _ => None,
    }
}

/// What the nearest `package.json` says of the files in a folder; `None` where there is none in this very folder.
pub(super) fn type_in(folder: &Path, importable: &Importable) -> Option<PackageType> {
    let manifest = read(folder, importable)?;
    match manifest.r#type.as_str() {
        Some("module") => Some(PackageType::Module),
        _ => Some(PackageType::Any),
    }
}
