//! What a run makes of the packages that it finds, and says of those that it does not.

use std::path::Path;

use super::manifest::{self, PackageType};
use super::packages::{self, By, Found, Packages, Unfound};
use super::resolve;
use super::{ModuleCache, Reference, ResolveError, Resolved};

/// Whether a name may be that of a package, of a package's own module, or of a path in `tsconfig.json`: it has no scheme,
/// and is none of our own modules.
fn may_be_package(specifier: &str) -> bool {
    cfg!(feature = "packages")
        && !specifier.is_empty()
        && !specifier.contains([':', '\\', '\0'])
        && specifier != "cla"
        && !specifier.starts_with("cla/")
}

/// So many folders are named in an error.
const MOST_NAMED: usize = 3;

/// Folders, for people.
fn listed<'a>(folders: impl Iterator<Item = &'a Path>) -> String {
    let shown = folders
        .take(MOST_NAMED)
        .map(|folder| folder.display().to_string());
    shown.collect::<Vec<_>>().join(" or ")
}

/// Whether a file is part of a package that was installed.
pub(crate) fn is_in_package(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    parts.any(|part| part.as_os_str() == "node_modules")
}

impl ModuleCache {
    /// Whether the nearest `package.json` says of a file that it is an ES module.
    pub(super) fn is_of_module_package(&self, name: &str) -> bool {
        let path = Path::new(name);
        let has_extension = path
            .extension()
            .is_some_and(|extension| extension == "js" || extension == "ts");
        if !has_extension || !path.is_absolute() {
            return false;
        }
        let mut types = self.package_types.borrow_mut();
        for folder in path.ancestors().skip(1) {
            if folder.ends_with("node_modules") || !self.importable.has(folder) {
                return false;
            }
            let known = types.entry(folder.to_path_buf());
            let known = known.or_insert_with(|| manifest::type_in(folder, &self.importable));
            if let Some(known) = known {
                return *known == PackageType::Module;
            }
        }
        false
    }

    /// The package, or the file of one, that a name means in a module; `None` if it is no name that a package could have, or
    /// the module lies nowhere.
    pub(super) fn package_from(
        &self,
        importer: &str,
        specifier: &str,
        reference: Reference,
    ) -> Option<Result<Resolved, ResolveError>> {
        if resolve::is_path(specifier) || !may_be_package(specifier) {
            return None;
        }
        let folder = self.folder_of(importer)?;
        let path = Path::new(importer);
        let importer = match path.is_absolute() && path.parent() == Some(&folder) {
            true => path.to_path_buf(),
            // As if it were a file there.
            false => folder.join("rule.ts"),
        };
        Some(self.package(&importer, specifier, reference))
    }

    /// The package, or the file of one, that a name means in a file.
    fn package(
        &self,
        importer: &Path,
        specifier: &str,
        reference: Reference,
    ) -> Result<Resolved, ResolveError> {
        if specifier.len() > packages::MOST_NAME {
            let length = specifier.len();
            return Err(ResolveError::TooLong { length });
        }
        let by = match reference {
            Reference::Required => By::Require,
            Reference::Declared | Reference::Called => By::Import,
        };
        let packages = self
            .packages
            .get_or_init(|| Packages::new(self.importable.clone()));
        let refused = |problem| ResolveError::Refused {
            specifier: specifier.to_owned(),
            problem,
        };
        match packages.resolve(importer, specifier, by) {
            Ok(Found::File(path)) => match path.canonicalize() {
                Ok(place) if self.importable.has(&place) => resolve::loadable(specifier, place),
                _ => Err(refused(format!("{} cannot be opened", path.display()))),
            },
            Ok(Found::BuiltIn(name)) => match self.settings.meant(&name) {
                Some(name) => Ok(Resolved::BuiltIn(name.to_owned())),
                None => Err(refused(format!("it is {name}, which rules do not have"))),
            },
            Err(Unfound::Refused(problem)) => Err(refused(problem)),
            Err(Unfound::Missing) => Err(self.no_package(importer, specifier)),
        }
    }

    /// Says where a package was looked for, and how it comes there.
    fn no_package(&self, importer: &Path, specifier: &str) -> ResolveError {
        let folder = importer.parent().unwrap_or(importer);
        let folders = packages::folders(folder, &self.importable);
        let mut suggestion = resolve::suggestion(
            specifier,
            Some(folder),
            &self.importable,
            self.settings.names(),
        );
        let Some(package) = packages::package_name(specifier) else {
            if let Some(hint) = resolve::foreign(specifier) {
                return ResolveError::Unknown {
                    specifier: specifier.to_owned(),
                    hint,
                };
            }
            let problem = match specifier.starts_with('#') {
                true => {
                    "no package.json above the file that imports it declares it under \"imports\""
                }
                false => {
                    "no tsconfig.json declares it under \"paths\", and packages have no such names; files start with \
                     './' or '../'"
                }
            };
            return ResolveError::NoPackage {
                specifier: specifier.to_owned(),
                suggestion,
                problem: problem.to_owned(),
            };
        };
        let there = folders.iter().map(|folder| folder.join(package));
        let mut there = there.filter(|folder| folder.symlink_metadata().is_ok());
        let problem = match there.next() {
            Some(folder) => {
                // The package itself was meant.
                suggestion = None;
                let place = folder.canonicalize();
                if place.is_ok_and(|place| self.importable.has(&place)) {
                    let shown = folder.display();
                    match specifier == package {
                        true => format!(
                            "{shown} has no JavaScript that its package.json names, and no index.js"
                        ),
                        false => format!("the package {shown} has no such file"),
                    }
                } else {
                    format!(
                        "{} is a link that leads out of the folders that this rule may import from: \
                         --allow-import=FOLDER gives it one",
                        folder.display()
                    )
                }
            }
            None => {
                let existing = folders.iter().filter(|folder| folder.is_dir());
                let existing: Vec<_> = existing
                    .map(|folder| folder.display().to_string())
                    .collect();
                match existing.is_empty() {
                    true if is_file_name(package) => {
                        format!("a file beside the rule is './{package}'")
                    }
                    true => format!(
                        "there is no folder node_modules in {}; `npm install {package}` there gets the package",
                        listed(folders.iter().filter_map(|folder| folder.parent()))
                    ),
                    false => format!(
                        "there is no package {package} in {}; `npm install {package}` gets it",
                        existing.join(" or ")
                    ),
                }
            }
        };
        ResolveError::NoPackage {
            specifier: specifier.to_owned(),
            suggestion,
            problem,
        }
    }
}

/// Whether a name is rather that of a file of a rule than that of a package.
fn is_file_name(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|end| end.to_str());
    let known = ["yml", "yaml", "mjs", "cjs", "ts", "mts", "cts", "json"];
    extension.is_some_and(|extension| known.contains(&extension))
}
