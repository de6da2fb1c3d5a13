//! Source maps: where a package's author wrote what was compiled, bundled or minified for it.
//!
//! A map is read when an error first points into its file, and never before. One that is broken, too large or out of reach
//! is as good as none.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oxc_sourcemap::SourceMap;
use percent_encoding::percent_decode_str;

use super::importable::Importable;
use super::read;

/// What stands before the address of a map.
const MARK: &str = "sourceMappingURL=";

/// The largest map that is read, in bytes.
const MOST_BYTES: usize = 4 << 20;

/// The most places in a map.
const MOST_PLACES: usize = 1_000_000;

/// So many of a file's last bytes are searched for the address of its map; that of a map within the file has its start
/// here or before.
const TAIL: usize = 8 << 10;

/// The map of one file.
pub(super) struct FileMap {
    /// Sorted by the place in the file.
    places: Vec<Place>,
    sources: Vec<Source>,
}

/// Lines and columns count from 0, columns in UTF-16 units.
#[derive(Clone, Copy)]
struct Place {
    file: (u32, u32),
    source: u32,
    at: (u32, u32),
}

struct Source {
    name: String,
    text: Option<Arc<str>>,
}

/// A place in what an author wrote.
pub(super) struct Mapped {
    /// The path of the source, or the name that the map has for it.
    pub(super) name: String,
    pub(super) text: Option<Arc<str>>,
    /// From 1; the column in characters.
    pub(super) at: (u32, u32),
}

impl FileMap {
    /// The map of a file with this text, if it has one that can be used.
    pub(super) fn of(file: &Path, text: &str, importable: &Importable) -> Option<Self> {
        let address = address(text)?;
        let folder = file.parent()?;
        match address.split_once(',') {
            Some((kind, encoded)) if kind.starts_with("data:") => {
                let json = match kind.ends_with(";base64") {
                    true if encoded.len() <= MOST_BYTES => {
                        String::from_utf8(STANDARD.decode(encoded.trim_end()).ok()?).ok()?
                    }
                    true => return None,
                    false => percent_decode_str(encoded).decode_utf8().ok()?.into_owned(),
                };
                Self::parse(&json, folder)
            }
            _ if address.contains(':') => None,
            _ => {
                let path = folder.join(&*percent_decode_str(address).decode_utf8().ok()?);
                if path.metadata().ok()?.len() > MOST_BYTES as u64 {
                    return None;
                }
                let json = read::read(&path, importable, None).ok()?;
                Self::parse(&json, path.parent()?)
            }
        }
    }

    fn parse(json: &str, folder: &Path) -> Option<Self> {
        if json.len() > MOST_BYTES {
            return None;
        }
        let map = SourceMap::from_json_string(json).ok()?;
        if map.get_tokens().len() > MOST_PLACES {
            return None;
        }
        let root = map.get_source_root().unwrap_or_default();
        let contents = map.get_source_contents().map(|text| text.map(Arc::from));
        let contents = contents.chain(std::iter::repeat(None));
        let sources = map.get_sources().zip(contents);
        let sources = sources.map(|(name, text)| Source {
            name: name_of(folder, root, name),
            text,
        });
        let places = map.get_tokens().filter_map(|token| {
            Some(Place {
                file: (token.get_dst_line(), token.get_dst_col()),
                source: token.get_source_id()?,
                at: (token.get_src_line(), token.get_src_col()),
            })
        });
        let mut places: Vec<Place> = places.collect();
        places.sort_by_key(|place| place.file);
        Some(Self {
            places,
            sources: sources.collect(),
        })
    }

    /// What this place of the file comes from; line and column from 1, the column in characters of `text`.
    pub(super) fn original(
        &self,
        text: &str,
        line: u32,
        column: u32,
        importable: &Importable,
    ) -> Option<Mapped> {
        let (line, column) = (line.checked_sub(1)?, column.checked_sub(1)?);
        let before = text
            .lines()
            .nth(line as usize)?
            .chars()
            .take(column as usize);
        let column = before.map(char::len_utf16).sum::<usize>() as u32;
        let after = self
            .places
            .partition_point(|place| place.file <= (line, column));
        let place = self.places.get(after.checked_sub(1)?)?;
        if place.file.0 != line {
            return None;
        }
        let source = self.sources.get(place.source as usize)?;
        let text = source.text.clone().or_else(|| {
            let path = Path::new(&source.name);
            let is_small = path.metadata().ok()?.len() <= MOST_BYTES as u64;
            match is_small && path.is_absolute() {
                true => read::read(path, importable, None).ok(),
                false => None,
            }
        });
        let (line, column) = place.at;
        let source_line = text
            .as_deref()
            .and_then(|text| text.lines().nth(line as usize));
        let column = match source_line {
            Some(source_line) => characters(source_line, column),
            None => column,
        };
        Some(Mapped {
            name: source.name.clone(),
            text,
            at: (line + 1, column + 1),
        })
    }
}

/// How many characters of a line come before a column in UTF-16 units.
fn characters(line: &str, column: u32) -> u32 {
    let mut units = 0;
    let before = line.chars().take_while(|character| {
        let is_before = units < column;
        units += character.len_utf16() as u32;
        is_before
    });
    before.count() as u32
}

/// The address of a map in the last comment of a text.
fn address(text: &str) -> Option<&str> {
    let tail = text.floor_char_boundary(text.len().saturating_sub(TAIL));
    let at = match text[tail..].rfind(MARK) {
        Some(at) => tail + at,
        // A map within the file may be longer than that; then it is the last line.
        None => text.rfind(MARK)?,
    };
    let before = text[..at].trim_end_matches([' ', '\t']);
    if !["//#", "//@", "/*#", "/*@"]
        .iter()
        .any(|mark| before.ends_with(mark))
    {
        return None;
    }
    let address = text[at + MARK.len()..].split_whitespace().next()?;
    Some(address.strip_suffix("*/").unwrap_or(address))
}

/// What a source of a map in a folder is called: its path, where it has one.
fn name_of(folder: &Path, root: &str, name: &str) -> String {
    let slash = if root.is_empty() || root.ends_with('/') {
        ""
    } else {
        "/"
    };
    let full = format!("{root}{slash}{name}");
    let path = full.strip_prefix("file://").unwrap_or(&full);
    if path.contains("://") {
        return cla_semaphore::printable(path).to_string();
    }
    let mut place = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::ParentDir => _ = place.pop(),
            Component::CurDir => {}
            part => place.push(part),
        }
    }
    cla_semaphore::printable(&place.to_string_lossy()).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{FileMap, Importable, address, characters, name_of};

    #[test]
    fn the_address_stands_in_the_last_comment() {
        for (text, wanted) in [
            ("a\n//# sourceMappingURL=a.js.map", Some("a.js.map")),
            ("a\n//@ sourceMappingURL=a.js.map\n", Some("a.js.map")),
            ("a /*# sourceMappingURL=b.map */", Some("b.map")),
            ("a /*# sourceMappingURL=b.map*/ c", Some("b.map")),
            ("x = 'sourceMappingURL=no'", None),
            ("a", None),
        ] {
            assert_eq!(address(text), wanted, "{text}");
        }
    }

    #[test]
    fn sources_are_paths_where_they_can_be() {
        let folder = Path::new("/app/dist");
        assert_eq!(name_of(folder, "", "../src/a.ts"), "/app/src/a.ts");
        assert_eq!(name_of(folder, "../lib", "./a.ts"), "/app/lib/a.ts");
        assert_eq!(name_of(folder, "webpack://x", "a.ts"), "webpack://x/a.ts");
        assert_eq!(name_of(folder, "", "file:///s/a.ts"), "/s/a.ts");
    }

    #[test]
    fn columns_are_characters() {
        assert_eq!(characters("a𝄞b", 3), 2);
        assert_eq!(characters("ab", 9), 2);
    }

    #[test]
    fn a_broken_map_is_as_good_as_none() {
        let nothing = Importable::below([]);
        for address in [
            "data:application/json;base64,!!!",
            "data:application/json;base64,e30=",
            "data:application/json,{}",
            "data:application/json,%7B%22version%22:3,%22sources%22:[],%22names%22:[],%22mappings%22:%22AAAA%22%7D",
            "https://example.com/a.map",
            "missing.map",
        ] {
            let text = format!("a\n//# sourceMappingURL={address}");
            assert!(
                FileMap::of(Path::new("/a/b.js"), &text, &nothing).is_none(),
                "{address}"
            );
        }
    }
}
