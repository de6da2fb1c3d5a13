//! What names mean that are no paths: packages in folders `node_modules`, a package's own names (`#internal`), and the
//! `paths` of a `tsconfig.json`.
//!
//! The crate `oxc_resolver` has the rules, which are Node.js's. It sees the disk through a [`Gate`]: what a run may not
//! import is not there for it, so that no error can tell whether it exists. What it finds is checked once more where it is
//! opened, as every file is.
//!
//! The files that it reads belong to anyone, so they are cut down to what it needs, with bounds for what it handles by
//! recursion; and it works on a stack of its own.

use std::cell::{Cell, OnceCell};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use oxc_resolver::{
    FileMetadata, FileSystem, ResolveContext, ResolveError as Reason, ResolveOptions,
    ResolverGeneric, TsconfigDiscovery,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::importable::Importable;
use super::read;

/// The conditions of `exports` and `imports` that hold for `import`, as in Node.js.
pub(super) const IMPORT_CONDITIONS: [&str; 3] = ["node", "import", "module-sync"];

/// Those that hold for `require`, which can load ES modules too.
pub(super) const REQUIRE_CONDITIONS: [&str; 3] = ["node", "require", "module-sync"];

/// What is tried, in this order, when a name has no file of its own: Node.js's first.
const EXTENSIONS: [&str; 9] = [
    ".js", ".json", ".node", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".wasm",
];

/// TypeScript is imported by the name that its compiler would give the output.
const COMPILED_FROM: [(&str, [&str; 2]); 3] = [
    (".js", [".js", ".ts"]),
    (".mjs", [".mjs", ".mts"]),
    (".cjs", [".cjs", ".cts"]),
];

/// The longest name of a package with a path in it, and the longest path in a package's description, in bytes.
pub(super) const MOST_NAME: usize = 1024;

/// A pattern in a package's description takes what its `*` stands for so many times.
const MOST_STARS: usize = 4;

/// The largest description of a package, in bytes. Those in wide use have a few KiB.
const MOST_MANIFEST: u64 = 4 << 20;

/// So many files `tsconfig.json` are read for one name, each of which may extend another one.
const MOST_TSCONFIGS: u32 = 64;

/// How deep the values of a `tsconfig.json` may nest.
const MOST_NESTING: usize = 64;

/// The resolver remembers every path that it has looked at. After so many names it forgets them all, as a rule may ask for
/// any number of packages that there are not.
const MOST_REMEMBERED: u32 = 4096;

/// The resolver goes through the folders of a path by recursion: those of the longest path that there can be, four times.
const STACK: usize = 16 << 20;

/// Who asks for a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Import,
    Require,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A file, by a path that may lead through links.
    File(PathBuf),
    /// A module of Node.js, with the prefix `node:`, to which a package's `imports` lead.
    BuiltIn(String),
}

/// Why a name means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfound {
    /// There is nothing of that name.
    Missing,
    /// There is something, and it says that this cannot be imported, or is broken.
    Refused(String),
}

/// The packages that a run may import.
pub(super) struct Packages {
    resolver: ResolverGeneric<Gate>,
    /// By who asks, and whether the name is a package's own; made at first use, with what the first one has seen.
    variants: [OnceCell<ResolverGeneric<Gate>>; 4],
    asked: Cell<u32>,
    seen: Arc<Seen>,
}

impl Packages {
    pub(super) fn new(importable: Importable) -> Self {
        let seen = Arc::new(Seen::default());
        let gate = Gate {
            importable,
            seen: Arc::clone(&seen),
        };
        Self {
            resolver: ResolverGeneric::new_with_file_system(gate, ResolveOptions::default()),
            variants: Default::default(),
            asked: Cell::new(0),
            seen,
        }
    }

    /// What `specifier` means in the file `importer`, whose path has no links.
    pub(super) fn resolve(
        &self,
        importer: &Path,
        specifier: &str,
        by: By,
    ) -> Result<Found, Unfound> {
        let Some(folder) = importer.parent() else {
            return Err(Unfound::Missing);
        };
        self.asked.set(self.asked.get() + 1);
        if self.asked.get() > MOST_REMEMBERED {
            self.asked.set(0);
            self.resolver.clear_cache();
        }
        let is_own = specifier.starts_with('#');
        let variant = &self.variants[usize::from(is_own) * 2 + usize::from(by == By::Require)];
        let resolver =
            variant.get_or_init(|| self.resolver.clone_with_options(options(by, is_own)));
        self.seen.begin();
        let resolved = thread::scope(|scope| {
            let work = || {
                // A broken `tsconfig.json` harms the names that it declares, and no package.
                let tsconfig = resolver.find_tsconfig(importer);
                let (tsconfig, broken) = match tsconfig {
                    Ok(tsconfig) => (tsconfig, None),
                    Err(error) => (None, Some(error)),
                };
                let mut context = ResolveContext::default();
                let tsconfig = tsconfig.as_deref();
                resolver
                    .resolve_with_context(folder, specifier, tsconfig, &mut context)
                    .map_err(|error| match (error, broken) {
                        (Reason::NotFound(_), Some(broken)) => broken,
                        (error, _) => error,
                    })
            };
            let thread = thread::Builder::new()
                .name("cla-packages".to_owned())
                .stack_size(STACK)
                .spawn_scoped(scope, work)
                .map_err(|error| format!("no thread to look for packages: {error}"))?;
            let panicked = |_| format!("'{specifier}' makes the search for packages fail");
            thread.join().map_err(panicked)
        });
        let reason = match resolved {
            Ok(Ok(resolution)) => return Ok(Found::File(resolution.into_path_buf())),
            Ok(Err(reason)) => reason,
            Err(problem) => return Err(Unfound::Refused(problem)),
        };
        if let Some(problem) = self.seen.problem.lock().take() {
            return Err(Unfound::Refused(problem));
        }
        match reason {
            Reason::Builtin { resolved, .. } => Ok(Found::BuiltIn(resolved)),
            Reason::NotFound(_) | Reason::MatchedAliasNotFound(..) => Err(Unfound::Missing),
            Reason::PackagePathNotExported {
                subpath,
                package_json_path,
                ..
            } => Err(Unfound::Refused(format!(
                "its package exports no \"{subpath}\" for {}: \"exports\" in {} says what can be imported",
                by.name(),
                package_json_path.display(),
            ))),
            Reason::PackageImportNotDefined(name, package) => Err(Unfound::Refused(format!(
                "\"imports\" in {} has no \"{name}\" for {}",
                package.display(),
                by.name()
            ))),
            Reason::Json(error) => Err(Unfound::Refused(format!(
                "{} is no valid JSON: {error}",
                error.path.display()
            ))),
            other => Err(Unfound::Refused(other.to_string())),
        }
    }
}

impl By {
    /// The word that a rule uses.
    fn name(self) -> &'static str {
        match self {
            By::Import => "`import`",
            By::Require => "`require`",
        }
    }
}

fn options(by: By, is_own: bool) -> ResolveOptions {
    let conditions = match by {
        By::Import => IMPORT_CONDITIONS,
        By::Require => REQUIRE_CONDITIONS,
    };
    ResolveOptions {
        tsconfig: Some(TsconfigDiscovery::Auto),
        condition_names: conditions.map(str::to_owned).to_vec(),
        extension_alias: COMPILED_FROM
            .map(|(output, sources)| (output.to_owned(), sources.map(str::to_owned).to_vec()))
            .to_vec(),
        extensions: EXTENSIONS.map(str::to_owned).to_vec(),
        // The gate follows links.
        symlinks: false,
        // The environment is not the rule's.
        node_path: false,
        // A package's own name may lead to one of Node.js's modules. Any other name was looked up as one before.
        builtin_modules: is_own,
        ..ResolveOptions::default()
    }
}

/// The folders in which a package is looked for from a folder on, as far as they may be imported from.
pub(super) fn folders(from: &Path, importable: &Importable) -> Vec<PathBuf> {
    let above = from.ancestors();
    above
        .filter(|folder| !folder.ends_with("node_modules") && importable.has(folder))
        .map(|folder| folder.join("node_modules"))
        .collect()
}

/// The name of the package in `lodash/fp` or `@scope/name/path`; `None` if no package can have it.
pub(super) fn package_name(specifier: &str) -> Option<&str> {
    let slashes = if specifier.starts_with('@') { 1 } else { 0 };
    let end = specifier.match_indices('/').nth(slashes);
    let name = end.map_or(specifier, |(end, _)| &specifier[..end]);
    let parts = name.strip_prefix('@').unwrap_or(name);
    let has_scope = name.starts_with('@');
    let is_part = |part: &str| {
        let may_stand = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
        !part.is_empty() && !part.starts_with(['.', '_']) && part.chars().all(may_stand)
    };
    let count = parts.split('/').count();
    let is_name = count == 1 + usize::from(has_scope) && parts.split('/').all(is_part);
    (is_name && name.len() <= 214).then_some(name)
}

/// What the gate notes while one name is looked for.
#[derive(Default)]
struct Seen {
    tsconfigs: Mutex<u32>,
    /// What is wrong with a file that describes a package.
    problem: Mutex<Option<String>>,
}

impl Seen {
    fn begin(&self) {
        *self.tsconfigs.lock() = 0;
        *self.problem.lock() = None;
    }
}

/// The disk, as far as a run may import what lies there.
struct Gate {
    importable: Importable,
    seen: Arc<Seen>,
}

impl Gate {
    /// The text of a file that describes a package or how its sources are compiled.
    fn text(&self, path: &Path) -> io::Result<String> {
        let not_there = || io::Error::from(io::ErrorKind::NotFound);
        if std::fs::metadata(path)?.len() > MOST_MANIFEST {
            return Err(self.refuse(path, "it is too large"));
        }
        let text = read::read(path, &self.importable, None).map_err(|_| not_there())?;
        if path.file_name().is_some_and(|name| name == "package.json") {
            return manifest(&text).map_err(|problem| self.refuse(path, &problem));
        }
        let mut tsconfigs = self.seen.tsconfigs.lock();
        *tsconfigs += 1;
        if *tsconfigs > MOST_TSCONFIGS {
            return Err(self.refuse(path, "too many of these files extend one another"));
        }
        match is_simple(&text) {
            true => Ok(text.to_string()),
            false => Err(self.refuse(path, "it nests too deep, or has too long a text")),
        }
    }

    fn refuse(&self, path: &Path, problem: &str) -> io::Error {
        let problem = format!("{}: {problem}", path.display());
        self.seen.problem.lock().get_or_insert(problem.clone());
        io::Error::new(io::ErrorKind::InvalidData, problem)
    }
}

impl FileSystem for Gate {
    fn new() -> Self {
        Self {
            importable: Importable::below([]),
            seen: Arc::default(),
        }
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.text(path).map(String::into_bytes)
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        self.text(path)
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        let found = std::fs::metadata(path)?;
        match self.importable.has(&path.canonicalize()?) {
            true => Ok(FileMetadata::new(found.is_file(), found.is_dir(), false)),
            false => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.metadata(path)
    }

    fn read_link(&self, _: &Path) -> Result<PathBuf, Reason> {
        // No file is a link here.
        Err(io::Error::from(io::ErrorKind::InvalidInput).into())
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.metadata(path)?;
        path.canonicalize()
    }
}

/// What the resolver needs of a package's description.
#[derive(Deserialize, Serialize)]
struct Manifest {
    #[serde(default, skip_serializing_if = "Json::is_null")]
    name: Json,
    #[serde(default, skip_serializing_if = "Json::is_null")]
    main: Json,
    #[serde(default, skip_serializing_if = "Json::is_null")]
    exports: Json,
    #[serde(default, skip_serializing_if = "Json::is_null")]
    imports: Json,
}

/// A package's description, cut down to what the resolver needs and can take.
fn manifest(text: &str) -> Result<String, String> {
    let manifest: Manifest =
        serde_json::from_str(text).map_err(|error| format!("no valid JSON: {error}"))?;
    let Manifest {
        name,
        main,
        exports,
        imports,
    } = &manifest;
    if ![name, main, exports, imports].into_iter().all(is_short) {
        return Err("a name or a path in it is too long".to_owned());
    }
    serde_json::to_string(&manifest).map_err(|error| error.to_string())
}

/// Whether all texts are such that no path that is made of them is too long. JSON that was read nests 128 levels at most.
fn is_short(value: &Json) -> bool {
    let fits = |text: &str| text.len() <= MOST_NAME && text.matches('*').count() <= MOST_STARS;
    match value {
        Json::String(text) => fits(text),
        Json::Array(items) => items.iter().all(is_short),
        Json::Object(fields) => fields
            .iter()
            .all(|(key, value)| fits(key) && is_short(value)),
        _ => true,
    }
}

/// Whether JSON, which may have comments, nests little and has no long text.
fn is_simple(text: &str) -> bool {
    let (mut depth, mut length, mut stars) = (0_usize, 0_usize, 0_usize);
    let mut in_text = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match (in_text, byte) {
            (_, b'"') => (in_text, length, stars) = (!in_text, 0, 0),
            (true, b'\\') => _ = bytes.next(),
            (false, b'[' | b'{') => depth += 1,
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            (true, b'*') => stars += 1,
            _ => {}
        }
        length += 1;
        // A quote in a comment makes a text of what is none, which is then too long at worst.
        if depth > MOST_NESTING || (in_text && (length > MOST_NAME || stars > MOST_STARS)) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{is_simple, manifest, package_name};

    #[test]
    fn the_name_of_a_package_is_what_stands_before_the_path() {
        for (specifier, name) in [
            ("lodash", Some("lodash")),
            ("lodash/fp/add.js", Some("lodash")),
            ("@scope/name", Some("@scope/name")),
            ("@scope/name/path", Some("@scope/name")),
            ("big.js", Some("big.js")),
            ("@scope", None),
            ("@/lib", None),
            ("~/lib", Some("~")),
            ("a b", None),
            ("", None),
            ("http:x", None),
            (".hidden", None),
        ] {
            assert_eq!(package_name(specifier), name, "{specifier}");
        }
    }

    #[test]
    fn a_description_is_cut_down_to_what_is_needed() {
        let text = r#"{"name": "a", "readme": "long", "exports": {"b": "./c", "a": ["./d"]}, "type": "module"}"#;
        let cut = r#"{"name":"a","exports":{"b":"./c","a":["./d"]}}"#;
        assert_eq!(manifest(text).as_deref(), Ok(cut));
        for hostile in [
            format!(r#"{{"main": "{}"}}"#, "a/".repeat(100_000)),
            format!(r#"{{"exports": {{"./*": "./{}"}}}}"#, "*/".repeat(100)),
            format!(
                r#"{{"exports": {}1{}}}"#,
                "[".repeat(100_000),
                "]".repeat(100_000)
            ),
            "{".to_owned(),
            "[]x".to_owned(),
        ] {
            assert!(
                manifest(&hostile).is_err(),
                "{}",
                &hostile[..20.min(hostile.len())]
            );
        }
    }

    #[test]
    fn a_tsconfig_nests_little() {
        assert!(is_simple(r#"{"a": ["b\"[", {"c": 1}] /* "it" */ }"#));
        assert!(!is_simple(&"[".repeat(100)));
        assert!(!is_simple(&format!("\"{}\"", "a".repeat(2000))));
        assert!(!is_simple(&format!("\"{}\"", "*".repeat(5))));
    }
}
