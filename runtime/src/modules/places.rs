//! Where errors point: the text that an author wrote, also where types were stripped from it or a package was compiled.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::{Ctx, Value};

use super::source_map::FileMap;
use super::{ModuleCache, Named, load};
use crate::error::RuleError;
use crate::error::source::{Awaiting, Declaration, Sources, SyntaxProblem};
use crate::error::suspect::{Origin, Suspect};
use crate::typescript::{awaits, declared, suspects, throws};

/// The names of scripts and modules that are part of the library begin with these.
const LIBRARY: [&str; 3] = ["cla:", "cla/", "node:"];

/// In so many files at most a thrown value is looked for.
const MOST_SEARCHED: usize = 64;

/// In larger files, in bytes, it is not looked for.
const LARGEST_SEARCHED: usize = 1 << 20;

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

    fn suspects(&self, file: &str, line: u32, column: u32) -> Vec<Suspect> {
        match self.compiled(file) {
            Some((code, prefix)) => suspects::suspects(&code, prefix, line, column),
            None => Vec::new(),
        }
    }

    fn mark(&self, file: &str, suspect: &Suspect) -> Option<(u32, u32, u32)> {
        let source = self.sources.borrow().get(file)?.clone();
        let positions = source.stripped.as_ref().map(|code| &code.positions);
        suspects::mark(&source.code(), &source.text, positions, suspect)
    }

    fn imported<'js>(&self, ctx: &Ctx<'js>, _: &str, origin: &Origin) -> Option<Value<'js>> {
        let Named::BuiltIn(name) = self.settings.named(&origin.module) else {
            return None;
        };
        let known = self.built_ins.borrow().get(name).cloned();
        let exports = match known {
            Some(exports) => exports.restore(ctx).ok()?,
            None => self.es.module(ctx, name).ok()?.namespace().ok()?,
        };
        match origin.export.as_deref() {
            None => Some(exports.into_value()),
            Some("default") if !exports.contains_key("default").ok()? => Some(exports.into_value()),
            Some(export) => exports.get(export).ok(),
        }
    }

    fn problems(&self, file: &str) -> Vec<SyntaxProblem> {
        let text = match self.sources.borrow().get(file) {
            Some(source) => Arc::clone(&source.text),
            None => return Vec::new(),
        };
        load::problems_of(self, file, &text)
    }

    fn prepared(&self, message: &str) -> Option<RuleError> {
        let prepared = self.prepared.borrow();
        let mut known = prepared.iter().rev();
        known
            .find(|(known, _)| known == message)
            .map(|(_, error)| error.clone())
    }

    fn declaration(&self, file: &str, name: &str) -> Option<Declaration> {
        declared::declaration(&self.text(file)?, name)
    }

    fn thrown(&self, value: &serde_json::Value) -> Option<(String, (u32, u32), u32)> {
        let texts = self.own_texts();
        let found: Vec<_> = texts
            .iter()
            .flat_map(|(file, text)| {
                throws::throws(text, value)
                    .into_iter()
                    .map(move |one| (file, one))
            })
            .collect();
        let written: Vec<_> = found.iter().filter(|(_, one)| one.is_written).collect();
        let (file, throw) = match (&written[..], &found[..]) {
            ([one], _) => *one,
            ([], [one]) => one,
            _ => return None,
        };
        let (line, column, length) = throw.at;
        Some(((*file).clone(), (line, column), length))
    }

    fn awaiting(&self, file: &str, function: &str) -> Option<Awaiting> {
        let mut calls = Vec::new();
        for (name, text) in self.own_texts() {
            let uses = awaits::uses(&text, function);
            let own = name == file;
            // Only a function of which there is one can be told from others by its name.
            if (uses.made, uses.asynchronous) != if own { (1, 1) } else { (0, 0) } || uses.named > 0
            {
                return None;
            }
            calls.extend(uses.calls.into_iter().map(|call| (name.clone(), call)));
        }
        match &calls[..] {
            [(file, call)] if call.is_awaited => Some(Awaiting {
                file: file.clone(),
                at: call.at,
                function: call.within.clone(),
            }),
            _ => None,
        }
    }

    fn is_library(&self, file: &str) -> bool {
        // A host's own modules are named by those names that it gave them.
        LIBRARY.iter().any(|start| file.starts_with(start)) && !self.is_main(file)
    }
}

impl ModuleCache {
    /// The sources that authors of rules have written, none of them too large to be searched. None at all if there are many.
    fn own_texts(&self) -> Vec<(String, Arc<str>)> {
        let sources = self.sources.borrow();
        let own = sources.iter().filter(|(file, _)| !self.is_source(file));
        let texts: Vec<_> = own
            .map(|(file, source)| (file.clone(), Arc::clone(&source.text)))
            .collect();
        let is_small = |(_, text): &(String, Arc<str>)| text.len() <= LARGEST_SEARCHED;
        match texts.len() <= MOST_SEARCHED && texts.iter().all(is_small) {
            true => texts,
            false => Vec::new(),
        }
    }

    /// The JavaScript of a file that QuickJS compiled, and how many characters stood before it in its first line.
    fn compiled(&self, file: &str) -> Option<(Arc<str>, u32)> {
        if self.is_source(file) {
            return None;
        }
        let sources = self.sources.borrow();
        let source = sources.get(file)?;
        Some((source.code(), source.prefix))
    }
}
