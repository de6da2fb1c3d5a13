//! What is to be run: a file, or a text with a name.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::modules::read::{ReadError, read_below};
use crate::program::Program;

/// A rule's source: a file that is read when the run starts, or a text in memory.
///
/// A text in memory says its language, and its name is for people: [`Script::javascript`], [`Script::typescript`],
/// [`Script::in_language`]. It is a module if it has `import` or `export` declarations.
///
/// Of a [file](Script::file), and of a text that is named [like one](Script::new), the extension says the language: `.ts`,
/// `.mts`, `.cts` are TypeScript, `.mjs` and `.mts` are always modules, `.cjs` and `.cts` never. Crates may register other
/// languages with the engine, for extensions of their own. Anything else is JavaScript.
///
/// ```
/// use cla_runtime::Script;
///
/// let from_disk = Script::file("rules/deploy.js");
/// let from_memory = Script::javascript("say hello", "print('hello')");
/// assert_eq!(from_memory.name(), "say hello");
/// ```
#[derive(Clone)]
pub struct Script {
    pub(crate) source: Source,
}

#[derive(Clone)]
pub(crate) enum Source {
    File(PathBuf),
    Text {
        name: Arc<str>,
        text: Arc<str>,
        language: TextLanguage,
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

/// The language of a text in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TextLanguage {
    /// Its name says it, like that of a file.
    ByName,
    JavaScript,
    TypeScript,
    /// One that is registered with the engine for files with this extension.
    Registered(Arc<str>),
}

impl Script {
    /// A rule in JavaScript. The name is for people: errors and lists show it, and it says nothing about the text.
    ///
    /// It can import built-in modules; [`Script::in_folder`] lets it import files.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let script = Script::javascript("sum of two.ts", "[1, 2].reduce((a, b) => a + b)");
    /// let report = Engine::new().run(script, RunOptions::new()).await;
    /// assert_eq!(report.result.unwrap(), 3);
    /// # }
    /// ```
    pub fn javascript(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self::text_in(TextLanguage::JavaScript, name, text)
    }

    /// A rule in TypeScript, otherwise as [`Script::javascript`].
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let script = Script::typescript("half", "export default (half: number): number => 21 * 2");
    /// let report = Engine::new().run(script, RunOptions::new()).await;
    /// assert_eq!(report.result.unwrap(), 42);
    /// # }
    /// ```
    pub fn typescript(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self::text_in(TextLanguage::TypeScript, name, text)
    }

    /// A rule in a language that a crate has registered with the engine: the one of files with this extension, which is
    /// given without its dot. Crates that bring a language have a shorter way to write this.
    ///
    /// An engine that does not have the language fails the run, with an error of the kind
    /// [`Load`](crate::error::ErrorKind::Load) that says so.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let script = Script::in_language("lua", "greet", "print('hello')");
    /// let error = Engine::new().run(script, RunOptions::new()).await.result.unwrap_err();
    /// assert_eq!(error.message, "cannot run greet: the engine has no language \"lua\"");
    /// # }
    /// ```
    pub fn in_language(
        language: impl Into<Arc<str>>,
        name: impl Into<Arc<str>>,
        text: impl Into<Arc<str>>,
    ) -> Self {
        Self::text_in(TextLanguage::Registered(language.into()), name, text)
    }

    fn text_in(
        language: TextLanguage,
        name: impl Into<Arc<str>>,
        text: impl Into<Arc<str>>,
    ) -> Self {
        Self {
            source: Source::Text {
                name: name.into(),
                text: text.into(),
                language,
                folder: None,
            },
        }
    }

    /// A rule in a file. It is read when the run starts; a missing or unreadable file fails the run.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let folder = tempfile::tempdir()?;
    /// std::fs::write(folder.path().join("two.js"), "export const two = 2;")?;
    /// std::fs::write(folder.path().join("rule.js"), "import { two } from './two.js'; export default two + 1;")?;
    /// let script = Script::file(folder.path().join("rule.js"));
    /// let report = Engine::new().run(script, RunOptions::new()).wait();
    /// assert_eq!(report.result?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self {
            source: Source::File(path.as_ref().to_path_buf()),
        }
    }

    /// A rule in a file below `folder`, read now: what was found below the folder is what runs, whatever becomes of the
    /// path meanwhile. `path` is relative to the folder. Blocks while it reads; the file has at most 64 MiB.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let rules = folder.path().join("rules");
    /// std::fs::create_dir(&rules)?;
    /// std::fs::write(rules.join("sum.js"), "1 + 2")?;
    /// std::fs::write(folder.path().join("other.js"), "1 + 3")?;
    /// let script = Script::below(&rules, "sum.js")?;
    /// assert_eq!(Engine::new().run(script, RunOptions::new()).wait().result?, 3);
    /// let outside = Script::below(&rules, "../other.js").unwrap_err();
    /// assert_eq!(outside.kind(), ErrorKind::PermissionDenied);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// A rule in memory that is named like a file: the extension of `name` says the language.
    ///
    /// It can import built-in modules; [`Script::in_folder`] lets it import files.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self::text_in(TextLanguage::ByName, name, text)
    }

    /// Lets a rule in memory import files below `folder`, as if it lay there. No effect on a file.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let folder = tempfile::tempdir()?;
    /// std::fs::write(folder.path().join("two.js"), "export const two = 2;")?;
    /// let script = Script::javascript("rule", "import { two } from './two.js'; export default two + 1;");
    /// let report = Engine::new().run(script.in_folder(folder.path()), RunOptions::new()).wait();
    /// assert_eq!(report.result?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Whether its language was said, so that its name is not that of a file.
    pub(crate) fn has_free_name(&self) -> bool {
        matches!(&self.source, Source::Text { language, .. } if *language != TextLanguage::ByName)
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

    /// Whether it is in the language of files with one of these extensions, as far as that is known before it runs.
    #[doc(hidden)]
    #[must_use]
    pub fn is_in(&self, extensions: &[&str]) -> bool {
        let of_file = |name: &str| {
            let extension = Path::new(name).extension().and_then(|text| text.to_str());
            extension.is_some_and(|extension| extensions.contains(&extension))
        };
        match &self.source {
            Source::Text { language, name, .. } => match language {
                TextLanguage::ByName => of_file(name),
                TextLanguage::Registered(language) => extensions.contains(&&**language),
                TextLanguage::JavaScript | TextLanguage::TypeScript => false,
            },
            Source::Read { name, .. } => of_file(name),
            Source::File(path) => path.to_str().is_some_and(of_file),
            Source::Program(_) => false,
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
        Self::shared_program(Arc::new(program))
    }

    /// A program that its maker looks at afterwards.
    pub(crate) fn shared_program(program: Arc<dyn Program>) -> Self {
        Self {
            source: Source::Program(program),
        }
    }
}

/// Its name and the length of its text; never the text, which may be long.
impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Script");
        debug.field("name", &self.name());
        match &self.source {
            Source::File(path) => debug.field("file", path),
            Source::Text { text, .. } | Source::Read { text, .. } => {
                debug.field("bytes", &text.len())
            }
            Source::Program(_) => &mut debug,
        };
        debug.finish_non_exhaustive()
    }
}
