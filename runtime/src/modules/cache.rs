//! What is worth doing once per engine rather than once per run: compiling, and stripping types.
//!
//! Entries are found by the very name and text of a source, so a changed file is compiled anew and
//! no collision can run the wrong code.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::blocking::blocking;
use crate::error::source::SyntaxProblem;
use crate::sys::fiber;
use crate::sys::quickjs::Bytecode;
use crate::typescript::{self, PositionMap, Shape, Stripped};

/// Beyond this many bytes of sources and bytecode the cache starts over.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// What is larger than this, in bytes, is not kept: a few of them would push out everything else.
const MAX_ENTRY: usize = MAX_BYTES / 8;

/// A source up to this size, in bytes, is looked at on the spot, in some 0.1 ms; a larger one on another thread.
const SMALL_SOURCE: usize = 32 * 1024;

/// How a text was compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Goal {
    Script,
    AsyncScript,
    CommonJs,
    Module,
}

/// Compiled code and stripped TypeScript, shared by all runs of an engine.
#[derive(Debug, Default)]
pub(crate) struct CodeCache {
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bytecode: HashMap<(Goal, u64), Entry<Bytecode>>,
    stripped: HashMap<u64, Entry<Arc<Code>>>,
    shapes: HashMap<u64, Entry<Option<Arc<Shape>>>>,
    bytes: usize,
}

/// JavaScript that a TypeScript source was turned into.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) code: Arc<str>,
    pub(crate) positions: PositionMap,
    pub(crate) shape: Arc<Shape>,
}

#[derive(Debug)]
struct Entry<T> {
    name: Arc<str>,
    text: Arc<str>,
    value: T,
}

impl<T: Clone> Entry<T> {
    fn matching(&self, name: &str, text: &Arc<str>) -> Option<T> {
        let same = *self.name == *name && (Arc::ptr_eq(&self.text, text) || self.text == *text);
        same.then(|| self.value.clone())
    }
}

impl CodeCache {
    fn key(&self, name: &str, text: &str) -> u64 {
        self.hasher.hash_one((name, text))
    }

    /// Bytecode of this very source, if it was compiled before.
    pub(crate) fn bytecode(&self, goal: Goal, name: &str, text: &Arc<str>) -> Option<Bytecode> {
        let key = (goal, self.key(name, text));
        self.state.lock().bytecode.get(&key)?.matching(name, text)
    }

    /// Remembers bytecode.
    pub(crate) fn store(&self, goal: Goal, name: &str, text: &Arc<str>, value: Bytecode) {
        let key = (goal, self.key(name, text));
        let mut state = self.state.lock();
        if !state.make_room(text.len() + value.len()) {
            return;
        }
        let entry = Entry {
            name: name.into(),
            text: Arc::clone(text),
            value,
        };
        state.bytecode.insert(key, entry);
    }

    /// JavaScript for a TypeScript source.
    pub(crate) fn strip(
        &self,
        name: &str,
        text: &Arc<str>,
    ) -> Result<Arc<Code>, Vec<SyntaxProblem>> {
        let key = self.key(name, text);
        let known = {
            let state = self.state.lock();
            state
                .stripped
                .get(&key)
                .and_then(|entry| entry.matching(name, text))
        };
        if let Some(stripped) = known {
            return Ok(stripped);
        }
        let Stripped {
            code,
            positions,
            shape,
            ..
        } = strip_aside(name, text)?;
        let value = Arc::new(Code {
            code,
            positions,
            shape: Arc::new(shape),
        });
        let mut state = self.state.lock();
        if state.make_room(text.len() + value.code.len()) {
            let entry = Entry {
                name: name.into(),
                text: Arc::clone(text),
                value: Arc::clone(&value),
            };
            state.stripped.insert(key, entry);
        }
        Ok(value)
    }

    /// What kind of JavaScript a source is; `None` if that cannot be known before it is compiled.
    pub(crate) fn shape(&self, name: &str, text: &Arc<str>) -> Option<Arc<Shape>> {
        let key = self.key(name, text);
        let known = {
            let state = self.state.lock();
            let entry = state.shapes.get(&key);
            entry.and_then(|entry| entry.matching(name, text))
        };
        if let Some(shape) = known {
            return shape;
        }
        let shape = if text.len() <= SMALL_SOURCE {
            typescript::shape(text)
        } else {
            let source = Arc::clone(text);
            let task = tokio::task::spawn_blocking(move || typescript::shape(&source));
            fiber::block_on(task).ok().flatten()
        };
        let value = shape.map(Arc::new);
        let mut state = self.state.lock();
        if state.make_room(text.len()) {
            let entry = Entry {
                name: name.into(),
                text: Arc::clone(text),
                value: value.clone(),
            };
            state.shapes.insert(key, entry);
        }
        value
    }
}

/// Strips on another thread while this run's fiber is suspended: a large source takes a while, and the
/// other runs of this worker should not have to wait for it.
fn strip_aside(name: &str, text: &Arc<str>) -> Result<Stripped, Vec<SyntaxProblem>> {
    let task = {
        let (name, text) = (name.to_owned(), Arc::clone(text));
        blocking(move || typescript::strip(&name, &text))
    };
    match fiber::block_on(task) {
        Ok(result) => result,
        // There is no other thread: doing it here is slower for the neighbours, and as good.
        Err(_) => typescript::strip(name, text),
    }
}

impl State {
    /// Makes room for an entry of so many bytes; `false` if it is too large to be kept.
    fn make_room(&mut self, size: usize) -> bool {
        if size > MAX_ENTRY {
            return false;
        }
        if self.bytes + size > MAX_BYTES {
            *self = State::default();
        }
        self.bytes += size;
        true
    }
}
