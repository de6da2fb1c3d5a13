//! What is to be run: a file, or a text with a name.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::modules::read::{ReadError, read_below};
use crate::program::Program;

/// A rule's source: a file that is read when the run starts, or a text in memory.
///
/// The extension of the file or name decides the language: `.ts`, `.mts`, `.cts` are TypeScript,
/// `.mjs` and `.mts` are always modules, `.cjs` and `.cts` never. Crates may register other languages with the engine, for
/// extensions of their own. Anything else is JavaScript, which is a module if it has `import` or `export` declarations.
///
/// ```
/// use cla_runtime::Script;
///
/// let from_disk = Script::file("rules/deploy.js");
/// let from_memory = Script::new("hello.js", "print('hello')");
/// assert_eq!(from_memory.name(), "hello.js");
/// ```
#[derive(Clone, Debug)]
pub struct Script {
    pub(crate) source: Source,
}

#[derive(Clone, Debug)]
pub(crate) enum Source {
    File(PathBuf),
    Text {
        name: Arc<str>,
        text: Arc<str>,
        /// The folder against which its imports resolve.
        folder: Option<PathBuf>,
    },
    /// A file that was read already, by its canonical path.
    Read {
        name: Arc<str>,
        text: Arc<str>,
    },
    /// What needs no reading any more.
    Program(Arc<dyn Program>),
}

impl Script {
    /// A rule in a file. It is read when the run starts; a missing or unreadable file fails the run.
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self {
            source: Source::File(path.as_ref().to_path_buf()),
        }
    }

    /// A rule in a file below `folder`, read now: what was found below the folder is what runs, whatever becomes of the
    /// path meanwhile. `path` is relative to the folder. Blocks while it reads; the file has at most 64 MiB.
    ///
    /// # Errors
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) when the path leads out of the folder, also by a link;
    /// what the system says when there is no such file; an error of its own when it is no text.
    pub fn below(folder: impl AsRef<Path>, path: impl AsRef<Path>) -> io::Result<Self> {
        let folder = folder.as_ref().canonicalize()?;
        let (place, text) = read_below(&folder, path.as_ref()).map_err(|error| match error {
            ReadError::System(error) => error,
            ReadError::Outside(_) => io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it lies outside of the folder",
            ),
            other => io::Error::other(other.to_string()),
        })?;
        let name = place
            .to_str()
            .ok_or_else(|| io::Error::other("the path is not valid UTF-8"))?;
        Ok(Self::read(name, text))
    }

    /// A rule in memory. `name` appears in errors, and its extension tells the language.
    ///
    /// It can import built-in modules; [`Script::in_folder`] lets it import files.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self {
            source: Source::Text {
                name: name.into(),
                text: text.into(),
                folder: None,
            },
        }
    }

    /// Lets a rule in memory import files below `folder`, as if it lay there. No effect on a file.
    #[must_use]
    pub fn in_folder(mut self, path: impl AsRef<Path>) -> Self {
        if let Source::Text { folder, .. } = &mut self.source {
            *folder = Some(path.as_ref().to_path_buf());
        }
        self
    }

    /// The name for people: the file's name without its folder, or the name it was given.
    pub fn name(&self) -> &str {
        match &self.source {
            Source::File(path) => path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or("rule"),
            Source::Text { name, .. } => name,
            Source::Read { name, .. } => name.rsplit(['/', '\\']).next().unwrap_or(name),
            Source::Program(program) => program.title(),
        }
    }

    /// Its canonical name and its text. `None` for a [file](Script::file), which is not read yet, and for a program.
    #[doc(hidden)]
    #[must_use]
    pub fn text(&self) -> Option<(&str, &str)> {
        match &self.source {
            Source::Text { name, text, .. } | Source::Read { name, text } => Some((name, text)),
            Source::File(_) | Source::Program(_) => None,
        }
    }

    /// A file that was read already, by its canonical path: what was allowed is what runs.
    pub(crate) fn read(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let (name, text) = (name.into(), text.into());
        Self {
            source: Source::Read { name, text },
        }
    }

    /// A program that needs no reading.
    #[doc(hidden)]
    pub fn program(program: impl Program + 'static) -> Self {
        Self {
            source: Source::Program(Arc::new(program)),
        }
    }
}
