//! What runs are called: short names that distinguish them.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf, absolute};

use cla_runtime::semaphore::printable;

/// Names for runs of `files`, in their order; each file is run `copies` times.
///
/// A run is called like its file, with as many folders in front as distinguish it from another file of
/// that name, and `#1`, `#2`, ... if the same file runs more than once. `-` is the script on standard
/// input.
pub(super) fn names(files: &[PathBuf], copies: usize) -> Vec<String> {
    let paths: Vec<PathBuf> = files.iter().map(|file| identity(file)).collect();
    of_paths(&paths, copies)
}

/// Names for runs of rules elsewhere: of their paths nothing is known but what they say.
pub(super) fn names_elsewhere(rules: &[&str], copies: usize) -> Vec<String> {
    let paths: Vec<PathBuf> = rules.iter().map(PathBuf::from).collect();
    of_paths(&paths, copies)
}

fn of_paths(paths: &[PathBuf], copies: usize) -> Vec<String> {
    let mut total = HashMap::<&Path, usize>::new();
    for path in paths {
        *total.entry(path).or_default() += copies;
    }
    let mut ends = HashMap::<PathBuf, usize>::new();
    for ending in total.keys().flat_map(|path| endings(path)) {
        *ends.entry(ending).or_default() += 1;
    }
    let short: HashMap<&Path, String> = total
        .keys()
        .map(|path| (*path, shortest(path, &ends)))
        .collect();
    let mut seen = HashMap::<&Path, usize>::new();
    let repeated = paths
        .iter()
        .flat_map(|path| std::iter::repeat_n(path.as_path(), copies));
    repeated
        .map(|path| {
            if total[path] == 1 {
                return short[path].clone();
            }
            let number = seen.entry(path).or_default();
            *number += 1;
            format!("{}#{number}", short[path])
        })
        .collect()
}

/// The path by which two ways to write the same file are one.
fn identity(file: &Path) -> PathBuf {
    if file == Path::new(super::plan::STDIN) {
        return PathBuf::from(super::plan::STDIN_NAME);
    }
    absolute(file).unwrap_or_else(|_| file.to_path_buf())
}

/// The last part of `path`, the last two, and so on to all of it.
fn endings(path: &Path) -> impl Iterator<Item = PathBuf> {
    let parts: Vec<&OsStr> = path.iter().collect();
    (0..parts.len())
        .rev()
        .map(move |first| parts[first..].iter().collect())
}

/// The shortest of the endings of `path` that no other path has.
fn shortest(path: &Path, ends: &HashMap<PathBuf, usize>) -> String {
    let ending = endings(path)
        .find(|ending| ends.get(ending) == Some(&1))
        .unwrap_or_else(|| path.to_path_buf());
    // A name stands in front of lines: it must not break them.
    printable(&ending.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    fn names(files: &[&str], copies: usize) -> Vec<String> {
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        super::names(&files, copies)
    }

    #[test]
    fn a_file_is_called_by_its_name() {
        assert_eq!(names(&["rules/a.js", "other/b.ts"], 1), ["a.js", "b.ts"]);
    }

    #[test]
    fn copies_are_numbered() {
        assert_eq!(names(&["a.js"], 3), ["a.js#1", "a.js#2", "a.js#3"]);
        assert_eq!(
            names(&["a.js", "b.js", "./a.js"], 1),
            ["a.js#1", "b.js", "a.js#2"]
        );
    }

    #[test]
    fn files_of_the_same_name_are_distinguished_by_their_folders() {
        assert_eq!(
            names(&["x/a.js", "y/a.js", "b.js"], 1),
            ["x/a.js", "y/a.js", "b.js"]
                .map(|name| name.replace('/', std::path::MAIN_SEPARATOR_STR))
        );
        assert_eq!(
            names(&["x/z/a.js", "y/z/a.js"], 1),
            ["x/z/a.js", "y/z/a.js"].map(|name| name.replace('/', std::path::MAIN_SEPARATOR_STR))
        );
    }

    #[test]
    fn elsewhere_only_what_is_written_counts() {
        assert_eq!(
            super::names_elsewhere(&["a.js", "deep/a.js", "a.js", "deep/b.js"], 1),
            ["a.js#1", "deep/a.js", "a.js#2", "b.js"]
        );
    }

    #[test]
    fn standard_input_has_a_name_too() {
        assert_eq!(names(&["-"], 2), ["<stdin>#1", "<stdin>#2"]);
    }

    #[test]
    fn a_name_never_breaks_a_line() {
        assert_eq!(names(&["a\nb.js"], 1), [r"a\nb.js"]);
    }
}
