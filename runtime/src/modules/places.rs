//! Where errors point: the text that an author wrote, also where types were stripped from it or a package was compiled.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use super::ModuleCache;
use super::source_map::FileMap;
use crate::error::source::Sources;

impl Sources for ModuleCache {
    fn text(&self, file: &str) -> Option<Arc<str>> {
        // Errors show the author's own line, the one that called the built-in module.
        if self.is_source(file) {
            return None;
        }
        let sources = self.sources.borrow();
        match sources.get(file) {
            Some(source) => Some(Arc::clone(&source.text)),
            None => self.mapped.borrow().get(file).cloned(),
        }
    }

    fn original(&self, file: &str, line: u32, column: u32) -> Option<(u32, u32)> {
        let sources = self.sources.borrow();
        let source = sources.get(file)?;
        let prefix = if line == 1 { source.prefix } else { 0 };
        let column = column.saturating_sub(prefix).max(1);
        match &source.stripped {
            Some(stripped) => stripped.positions.original(line, column),
            None if prefix == 0 => None,
            None => {
                // What is left counts bytes of the author's own first line.
                let first = source.text.lines().next().unwrap_or_default();
                let before = first.get(..column as usize - 1).unwrap_or(first);
                Some((line, before.chars().count() as u32 + 1))
            }
        }
    }

    fn mapped(&self, file: &str, line: u32, column: u32) -> Option<(String, u32, u32)> {
        let text = {
            let sources = self.sources.borrow();
            let source = sources.get(file)?;
            // Ours was made by ourselves, and its author wrote the file.
            let is_file = source.stripped.is_none() && Path::new(file).is_absolute();
            is_file.then(|| Arc::clone(&source.text))?
        };
        let map = {
            let mut maps = self.maps.borrow_mut();
            let read = || FileMap::of(Path::new(file), &text, &self.importable).map(Rc::new);
            maps.entry(file.to_owned()).or_insert_with(read).clone()?
        };
        let found = map.original(&text, line, column, &self.importable)?;
        if let Some(text) = found.text {
            self.mapped
                .borrow_mut()
                .entry(found.name.clone())
                .or_insert(text);
        }
        Some((found.name, found.at.0, found.at.1))
    }

    fn display_name(&self, file: &str) -> String {
        self.display(file)
    }
}
