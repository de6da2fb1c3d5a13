//! From what a rule writes after `from` or in `require(...)` to what it means.
//!
//! Four kinds of names exist: those of built-in modules (`cla/sem`), relative files (`./lib.js`),
//! absolute files, and packages, which [`packages`](super::packages) finds. Files must lie below one of the run's roots, after symbolic links are
//! followed: the folder of the rule, and what else the host allows. Of what lies elsewhere, errors do not say
//! whether it is there.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::importable::Importable;
use crate::nearest::nearest;
use crate::permissions::leads_to;

/// The longest name of a module, in bytes: as long as the path of a file can be.
pub(super) const MOST_NAME: usize = 4096;

/// What is tried, in this order, when a name has no file of its own.
const EXTENSIONS: [&str; 9] = [
    "js", "mjs", "cjs", "ts", "mts", "cts", "json", "node", "wasm",
];

/// TypeScript is imported by the name that its compiler would give the output.
const COMPILED_FROM: [(&str, &str); 3] = [("js", "ts"), ("mjs", "mts"), ("cjs", "cts")];

/// What a specifier stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// A module that is no file, by its own name: a built-in one, or one of the host's loader.
    BuiltIn(String),
    /// A file, by its canonical path.
    File(PathBuf),
}

impl Resolved {
    /// The name of the module.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        match self {
            Self::BuiltIn(name) => name.into(),
            Self::File(path) => path.to_string_lossy(),
        }
    }
}

/// Why a specifier stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what it is")]
pub enum ResolveError {
    #[error("the name of a module has {length} bytes, and at most {MOST_NAME} are possible")]
    TooLong { length: usize },
    #[error("cannot find module '{specifier}'{}", no_such_file(suggestion.as_deref(), folder))]
    NotFound {
        specifier: String,
        folder: PathBuf,
        suggestion: Option<String>,
    },
    #[error(
        "module '{specifier}' lies outside of the rule's folder: a rule may only import files below {roots}; \
         --allow-import=FOLDER lets it import from another folder"
    )]
    Outside { specifier: String, roots: String },
    #[error(
        "cannot import '{specifier}': the rule lies in the folder /, which would open every file to it; put it into a \
         folder of its own, or let the host allow one"
    )]
    NoRoots { specifier: String },
    #[error("there is no module '{specifier}'; {hint}")]
    Unknown { specifier: String, hint: String },
    #[error(
        "cannot import '{specifier}': this script has no folder, so it can only import built-in modules"
    )]
    NoFolder { specifier: String },
    #[error("there is no module '{specifier}' here: {instead}")]
    LeftOut { specifier: String, instead: String },
    #[error("there is no module '{specifier}'{}", no_such_package(suggestion.as_deref(), problem))]
    NoPackage {
        specifier: String,
        suggestion: Option<String>,
        problem: String,
    },
    #[error("cannot import '{specifier}': {problem}")]
    Refused { specifier: String, problem: String },
    #[error("{problem}")]
    Loader { problem: String },
}

/// How many of the built-in modules an error names.
const NAMED: usize = 3;

/// What to write in place of a specifier that other programs know.
pub(super) fn foreign(specifier: &str) -> Option<String> {
    /// The name of the package, without its version and what stands behind it.
    fn package(rest: &str) -> &str {
        let rest = rest.trim_start_matches('/');
        let from = usize::from(rest.starts_with('@'));
        let end = rest[from..].find('@').map_or(rest.len(), |at| at + from);
        &rest[..end]
    }
    let (scheme, rest) = specifier.split_once(':')?;
    match scheme {
        "npm" => Some(format!(
            "install the package with npm, and import it by its name: '{}'",
            package(rest)
        )),
        "jsr" => Some(format!(
            "`npx jsr add {0}` puts it into node_modules; import it by its name then: '{0}'",
            package(rest)
        )),
        "http" | "https" => Some(
            "nothing is imported over the network: download it, and import the file".to_owned(),
        ),
        "data" | "blob" => Some("code is imported from files alone".to_owned()),
        _ => None,
    }
}

/// The first of the built-in modules, in their order.
fn listed<'a>(built_ins: impl Iterator<Item = &'a str> + Clone) -> String {
    let names = grouped(built_ins);
    let shown = names.get(..NAMED).unwrap_or(&names).join(", ");
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} others"),
    };
    format!("built-in modules are {shown}{more}, and files start with './' or '../'")
}

fn did_you_mean(suggestion: &str) -> String {
    format!("; did you mean '{suggestion}'?")
}

fn no_such_file(suggestion: Option<&str>, folder: &Path) -> String {
    suggestion.map_or_else(
        || format!(": no such file below {}", folder.display()),
        did_you_mean,
    )
}

/// Of a file that is right there, nothing more is to be said.
fn no_such_package(suggestion: Option<&str>, problem: &str) -> String {
    match suggestion {
        Some(file) if is_path(file) => did_you_mean(file),
        Some(name) => format!(": {problem}{}", did_you_mean(name)),
        None => format!(": {problem}"),
    }
}

fn beside_specifier(specifier: &str, path: &Path) -> Option<String> {
    let near = beside(path)?;
    let folder = specifier.strip_suffix(path.file_name()?.to_str()?)?;
    Some(format!("{folder}{near}"))
}

/// The name of a file beside one that is not there, if it is alike.
pub(crate) fn beside(path: &Path) -> Option<String> {
    /// Of a folder with more, the first ones are looked at.
    const MOST_FILES: usize = 2_000;
    if path.exists() {
        return None;
    }
    let folder = match path.parent()? {
        folder if folder.as_os_str().is_empty() => Path::new("."),
        folder => folder,
    };
    let entries = std::fs::read_dir(folder).ok()?;
    let names: Vec<String> = entries
        .take(MOST_FILES)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let name = path.file_name()?.to_str()?;
    nearest(name, names.iter().map(String::as_str)).map(str::to_owned)
}

/// Resolves `specifier` as written in a module that lies in `folder`.
///
/// `built_ins` are the names of the built-in modules, in the order in which errors list them.
pub(crate) fn resolve<'a>(
    specifier: &str,
    folder: Option<&Path>,
    importable: &Importable,
    built_ins: impl Iterator<Item = &'a str> + Clone,
) -> Result<Resolved, ResolveError> {
    if built_ins.clone().any(|name| name == specifier) {
        return Ok(Resolved::BuiltIn(specifier.to_owned()));
    }
    if specifier.len() > MOST_NAME {
        return Err(ResolveError::TooLong {
            length: specifier.len(),
        });
    }
    let path = match specifier.strip_prefix("file://") {
        Some(path) => percent_decode_str(path).decode_utf8_lossy(),
        None => Cow::Borrowed(specifier),
    };
    let path = &*path;
    if !is_path(path) {
        return Err(unknown(specifier, folder, importable, built_ins));
    }
    let Some(folder) = folder else {
        return Err(ResolveError::NoFolder {
            specifier: specifier.to_owned(),
        });
    };
    if importable.is_nothing() {
        return Err(ResolveError::NoRoots {
            specifier: specifier.to_owned(),
        });
    }
    let is_folder = path.ends_with(['/', '\\']) || path.ends_with("/.") || path.ends_with("/..");
    let is_folder = is_folder || path == "." || path == "..";
    let path = folder.join(path);
    // The file system's own path, so that one file is one module however it is reached.
    let found = match is_folder {
        true => find_in(&path, importable),
        false => find(&path).or_else(|| find_in(&path, importable)),
    };
    let found = found.and_then(|path| path.canonicalize().ok());
    if let Some(found) = found
        && importable.has(&found)
    {
        return loadable(specifier, found);
    }
    let specifier = specifier.to_owned();
    if importable.has(&leads_to(&path)) {
        return Err(ResolveError::NotFound {
            suggestion: beside_specifier(&specifier, &path),
            specifier,
            folder: folder.to_path_buf(),
        });
    }
    let roots = importable.list();
    Err(ResolveError::Outside { specifier, roots })
}

/// Whether a specifier is the path of a file, and no name.
pub(super) fn is_path(specifier: &str) -> bool {
    let is_relative = specifier.starts_with("./") || specifier.starts_with("../");
    is_relative
        || matches!(specifier, "." | "..")
        || specifier.starts_with("file://")
        || Path::new(specifier).is_absolute()
}

/// A file that was found, unless it is one that no rule can use.
pub(super) fn loadable(specifier: &str, found: PathBuf) -> Result<Resolved, ResolveError> {
    let extension = found.extension().and_then(|extension| extension.to_str());
    let problem = match extension {
        Some("node") => "a native addon for Node.js: rules run packages in JavaScript only",
        Some("wasm") => "WebAssembly, which rules do not run",
        _ => return Ok(Resolved::File(found)),
    };
    Err(ResolveError::Refused {
        specifier: specifier.to_owned(),
        problem: format!("{} is {problem}", found.display()),
    })
}

fn unknown<'a>(
    specifier: &str,
    folder: Option<&Path>,
    importable: &Importable,
    built_ins: impl Iterator<Item = &'a str> + Clone,
) -> ResolveError {
    let hint = foreign(specifier).unwrap_or_else(|| {
        match suggestion(specifier, folder, importable, built_ins.clone()) {
            Some(name) => format!("did you mean '{name}'?"),
            None => listed(built_ins),
        }
    });
    ResolveError::Unknown {
        specifier: specifier.to_owned(),
        hint,
    }
}

/// So many names of one scheme (`node:fs`) are listed one by one.
const MOST_OF_A_SCHEME: usize = 3;

/// The names of modules, for people. A scheme stands for its names where they are many.
fn grouped<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let scheme_of = |name: &'a str| name.split_once(':').map(|(scheme, _)| scheme);
    let mut list: Vec<String> = Vec::new();
    let all = names.clone();
    for name in names {
        let alike = |scheme| {
            all.clone()
                .filter(move |name| scheme_of(name) == Some(scheme))
        };
        let shown = match scheme_of(name) {
            Some(scheme) if alike(scheme).count() > MOST_OF_A_SCHEME => format!("{scheme}:..."),
            _ => name.to_owned(),
        };
        if !list.contains(&shown) {
            list.push(shown);
        }
    }
    list
}

/// What was probably meant by a name that means nothing.
pub(super) fn suggestion<'a>(
    specifier: &str,
    folder: Option<&Path>,
    importable: &Importable,
    built_ins: impl Iterator<Item = &'a str>,
) -> Option<String> {
    // A file of that name is right there: the author forgot the "./".
    let file = folder.and_then(|folder| {
        let path = folder.join(specifier);
        let found = find(&path).or_else(|| find_in(&path, importable))?;
        importable.has(&found.canonicalize().ok()?).then_some(())
    });
    file.map(|()| format!("./{specifier}"))
        .or_else(|| nearest(specifier, built_ins).map(str::to_owned))
}

/// What is no file and no folder (a pipe, a device) is refused where it is opened.
fn is_there(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_dir())
}

/// The file that `path` means: itself, the TypeScript that it is compiled from, or with an extension.
fn find(path: &Path) -> Option<PathBuf> {
    if is_there(path) {
        return Some(path.to_path_buf());
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    for (output, source) in COMPILED_FROM {
        if extension == Some(output) {
            let source = path.with_extension(source);
            if is_there(&source) {
                return Some(source);
            }
        }
    }
    let file_name = path.file_name();
    let mut with_extension = EXTENSIONS.iter().filter_map(|extension| {
        let mut name = file_name?.to_os_string();
        name.push(".");
        name.push(extension);
        Some(path.with_file_name(name))
    });
    with_extension.find(|path| is_there(path))
}

/// The file that a folder means: what its `package.json` names as `main`, or its index.
fn find_in(folder: &Path, importable: &Importable) -> Option<PathBuf> {
    let index = |folder: &Path| {
        let mut names = EXTENSIONS.iter();
        names
            .by_ref()
            .map(|extension| folder.join("index").with_extension(extension))
            .find(|path| is_there(path))
    };
    let main = super::manifest::main_of(folder, importable).and_then(|main| {
        let main = folder.join(main);
        find(&main).or_else(|| index(&main))
    });
    main.or_else(|| index(folder))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::Importable;
    use super::{ResolveError, Resolved, resolve};

    const BUILT_INS: [&str; 2] = ["cla/sem", "cla/util"];

    fn resolve_in(folder: &Path, specifier: &str) -> Result<Resolved, ResolveError> {
        let root = folder.canonicalize().unwrap();
        resolve(
            specifier,
            Some(&root),
            &Importable::below([root.clone()]),
            BUILT_INS.into_iter(),
        )
    }

    fn file(folder: &Path, name: &str) -> Result<Resolved, ResolveError> {
        Ok(Resolved::File(folder.canonicalize().unwrap().join(name)))
    }

    fn folder_with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn built_in_modules_go_by_their_names() {
        let folder = folder_with(&[]);
        assert_eq!(
            resolve_in(folder.path(), "cla/sem"),
            Ok(Resolved::BuiltIn("cla/sem".into()))
        );
    }

    #[test]
    fn files_are_found_with_and_without_extension_and_as_index() {
        let folder = folder_with(&["a.js", "b.ts", "c.json", "d/index.mjs", "e.mts"]);
        let path = folder.path();
        assert_eq!(resolve_in(path, "./a.js"), file(path, "a.js"));
        assert_eq!(resolve_in(path, "./a"), file(path, "a.js"));
        assert_eq!(resolve_in(path, "./b"), file(path, "b.ts"));
        assert_eq!(resolve_in(path, "./b.js"), file(path, "b.ts"));
        assert_eq!(resolve_in(path, "./e.mjs"), file(path, "e.mts"));
        assert_eq!(resolve_in(path, "./c.json"), file(path, "c.json"));
        assert_eq!(resolve_in(path, "./d"), file(path, "d/index.mjs"));
        assert_eq!(resolve_in(path, "./d/../a.js"), file(path, "a.js"));
        let absolute = path.canonicalize().unwrap().join("a.js");
        let absolute = absolute.to_str().unwrap();
        assert_eq!(resolve_in(path, absolute), file(path, "a.js"));
        assert_eq!(
            resolve_in(path, &format!("file://{absolute}")),
            file(path, "a.js")
        );
    }

    #[test]
    fn what_is_not_there_is_an_error_that_names_it() {
        let folder = folder_with(&["lib.js"]);
        let error = resolve_in(folder.path(), "./nope.js").unwrap_err();
        assert!(error.to_string().contains("'./nope.js'"), "{error}");
        let error = resolve_in(folder.path(), "cla/smm").unwrap_err();
        assert!(
            error.to_string().contains("did you mean 'cla/sem'?"),
            "{error}"
        );
        let error = resolve_in(folder.path(), "lib.js").unwrap_err();
        assert!(
            error.to_string().contains("did you mean './lib.js'?"),
            "{error}"
        );
    }

    #[test]
    fn nothing_outside_of_the_roots_is_reachable() {
        let folder = folder_with(&["secret.js", "rules/a.js", "shared/b.js"]);
        let top = folder.path().canonicalize().unwrap();
        let rules = top.join("rules");
        let outside = |roots: &[PathBuf], specifier| {
            resolve(
                specifier,
                Some(&rules),
                &Importable::below(roots.to_vec()),
                BUILT_INS.into_iter(),
            )
        };
        let roots = [rules.clone()];
        assert!(matches!(
            outside(&roots, "../secret.js"),
            Err(ResolveError::Outside { .. })
        ));
        let secret = top.join("secret.js");
        assert!(matches!(
            outside(&roots, secret.to_str().unwrap()),
            Err(ResolveError::Outside { .. })
        ));
        let roots = [rules.clone(), top.join("shared")];
        assert_eq!(
            outside(&roots, "../shared/b.js"),
            Ok(Resolved::File(top.join("shared/b.js")))
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_does_not_lead_out() {
        let folder = folder_with(&["secret.js", "rules/a.js"]);
        let rules = folder.path().join("rules");
        std::os::unix::fs::symlink(folder.path().join("secret.js"), rules.join("link.js")).unwrap();
        assert!(matches!(
            resolve_in(&rules, "./link.js"),
            Err(ResolveError::Outside { .. })
        ));
    }

    #[cfg(unix)]
    #[test]
    fn errors_do_not_tell_which_files_there_are_outside() {
        let folder = folder_with(&["secret.js", "rules/a.js", "rules/in/b.js"]);
        let top = folder.path().canonicalize().unwrap();
        let rules = top.join("rules");
        let link = |from: &str, to: &str| {
            std::os::unix::fs::symlink(top.join(from), rules.join(to)).unwrap();
        };
        link("secret.js", "there.js");
        link("missing.js", "gone.js");
        link("", "up");
        link("rules/in", "inside");
        let message = |specifier: &str| {
            let error = resolve_in(&rules, specifier).unwrap_err().to_string();
            error.replace(&format!("'{specifier}'"), "X")
        };
        let refused = message("../secret.js");
        assert!(refused.contains(rules.to_str().unwrap()), "{refused}");
        for specifier in [
            "../missing.js",
            "./there.js",
            "./gone.js",
            "./up/secret.js",
            "./up/missing.js",
            "./up/missing/a/b.js",
            "./in/../../secret",
            top.join("missing.js").to_str().unwrap(),
            "/etc/passwd",
            "/etc/no/such/file",
            "/",
        ] {
            assert_eq!(message(specifier), refused, "{specifier}");
        }
        // An error may name what lies inside.
        for specifier in ["./b.js", "./inside/c.js", "./up/rules/c.js"] {
            assert!(message(specifier).contains("cannot find"), "{specifier}");
        }
        assert_eq!(
            resolve_in(&rules, "./up/rules/inside/b.js"),
            Ok(Resolved::File(rules.join("in/b.js")))
        );
        // No suggestion either.
        let error = resolve_in(&rules, "up/secret.js").unwrap_err().to_string();
        assert!(!error.contains("did you mean"), "{error}");
    }

    #[test]
    fn without_a_root_no_file_can_be_imported() {
        let folder = Path::new("/");
        let error = resolve(
            "/etc/fstab",
            Some(folder),
            &Importable::below([]),
            BUILT_INS.into_iter(),
        )
        .unwrap_err();
        assert!(error.to_string().contains("folder /"), "{error}");
    }

    #[test]
    fn a_script_without_a_folder_imports_built_in_modules_only() {
        let error = resolve(
            "./a.js",
            None,
            &Importable::below([]),
            BUILT_INS.into_iter(),
        )
        .unwrap_err();
        assert!(matches!(error, ResolveError::NoFolder { .. }));
    }
}
