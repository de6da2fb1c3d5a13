//! Which files are rulebooks.

use std::path::Path;

/// The extensions of rulebooks.
pub(crate) const EXTENSIONS: [&str; 2] = ["yml", "yaml"];

/// Whether the name of a file is that of a rulebook.
pub(crate) fn is_rulebook(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|text| text.to_str());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}
