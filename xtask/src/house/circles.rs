//! Files that import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The groups of files that all import each other, directly or through others of the group (Tarjan).
pub(super) fn find<'a>(
    imports: &BTreeMap<&'a Path, BTreeSet<&'a Path>>,
) -> Vec<BTreeSet<&'a Path>> {
    let mut search = Search {
        imports,
        seen: BTreeMap::new(),
        open: Vec::new(),
        groups: Vec::new(),
    };
    for file in imports.keys() {
        if !search.seen.contains_key(file) {
            search.visit(file);
        }
    }
    search.groups.retain(|group| group.len() > 1);
    search.groups
}

struct Search<'s, 'a> {
    imports: &'s BTreeMap<&'a Path, BTreeSet<&'a Path>>,
    /// When a file was met, and the earliest file that can be reached from it.
    seen: BTreeMap<&'a Path, (usize, usize)>,
    open: Vec<&'a Path>,
    groups: Vec<BTreeSet<&'a Path>>,
}

impl<'a> Search<'_, 'a> {
    fn visit(&mut self, file: &'a Path) -> usize {
        let met = self.seen.len();
        let mut earliest = met;
        self.seen.insert(file, (met, met));
        self.open.push(file);
        for next in self.imports.get(file).into_iter().flatten() {
            match self.seen.get(next) {
                None => earliest = earliest.min(self.visit(next)),
                Some((at, _)) if self.open.contains(next) => earliest = earliest.min(*at),
                Some(_) => {}
            }
        }
        if let Some(entry) = self.seen.get_mut(file) {
            entry.1 = earliest;
        }
        if earliest == met {
            let at = self.open.iter().position(|open| *open == file);
            let group = self.open.split_off(at.unwrap_or(0));
            self.groups.push(group.into_iter().collect());
        }
        earliest
    }
}

/// Does the circle stay within one file and the files of its folder? Then it is one thing in several files.
pub(super) fn is_within_a_folder(circle: &BTreeSet<&Path>) -> bool {
    circle.iter().any(|parent| {
        let folder = if parent.ends_with("mod.rs") {
            parent.parent().unwrap_or(parent).to_owned()
        } else {
            parent.with_extension("")
        };
        let is_root = parent.ends_with("lib.rs") || parent.ends_with("main.rs");
        !is_root
            && circle
                .iter()
                .all(|file| file == parent || file.starts_with(&folder))
    }) || has_a_common_folder(circle)
}

/// Are all of them in one folder below the crate's own, so that the folder's module is their parent?
fn has_a_common_folder(circle: &BTreeSet<&Path>) -> bool {
    let mut folders = circle.iter().map(|file| file.parent());
    let Some(Some(first)) = folders.next() else {
        return false;
    };
    !first.ends_with("src") && folders.all(|folder| folder.is_some_and(|f| f.starts_with(first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(arrows: &[(&'static str, &'static str)]) -> Vec<Vec<&'static str>> {
        let mut imports: BTreeMap<&'static Path, BTreeSet<&'static Path>> = BTreeMap::new();
        for (from, to) in arrows {
            let imported = imports.entry(Path::new(*from)).or_default();
            imported.insert(Path::new(*to));
        }
        let mut found = Vec::new();
        for group in find(&imports) {
            found.push(group.iter().filter_map(|file| file.to_str()).collect());
        }
        found
    }

    #[test]
    fn a_circle_is_found_and_what_only_leads_to_it_is_not_part_of_it() {
        let arrows = [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("e", "a")];
        assert_eq!(circles(&arrows), [vec!["b", "c"]]);
        assert!(circles(&[("a", "b"), ("a", "c"), ("b", "c")]).is_empty());
    }

    #[test]
    fn circles_that_share_a_file_are_one() {
        let arrows = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")];
        assert_eq!(circles(&arrows), [vec!["a", "b", "c"]]);
    }

    #[test]
    fn a_module_and_what_lies_in_its_folder_may_know_each_other() {
        let within = |files: &[&str]| is_within_a_folder(&files.iter().map(Path::new).collect());
        assert!(within(&[
            "s/src/redis.rs",
            "s/src/redis/url.rs",
            "s/src/redis/wire/row.rs"
        ]));
        assert!(within(&["s/src/redis/url.rs", "s/src/redis/wire.rs"]));
        assert!(!within(&["s/src/redis/url.rs", "s/src/memory.rs"]));
        assert!(!within(&["s/src/lib.rs", "s/src/memory.rs"]));
        assert!(!within(&["s/src/slots.rs", "s/src/memory.rs"]));
    }
}
