//! Looks at rules without running them: what does not parse, waits that can never end, and what is probably not meant.

mod walk;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cla_runtime::RuleError;
use cla_runtime::error::Location;
use cla_runtime::internal::{
    Kind, LineEnds, ModuleCache, ModuleSettings, Resolved, Sources, SyntaxProblem, lock_order,
    problems, read_anywhere, references, strip,
};
use cla_runtime::js::{Context, Runtime};
use serde::Serialize;

use self::walk::BookWalk;
use crate::extension::is_rulebook;
use crate::op::OPS;
use crate::parse::{Loader, UnknownImport};
use crate::template::Code;
use crate::tree::{Book, BookSources, Evaluator};
use crate::yaml::Place;

/// Enough for the deepest code that people write. Deeper code is reported as an error.
const STACK: usize = 512 * 1024;

/// The most files in one check, imported ones included.
const MOST_FILES: usize = 10_000;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It fails when it is run, or never ends.
    Error,
    /// It is probably not meant, or fails in certain cases.
    Warning,
}

/// Something that [`check`] found.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is and where, as if it had happened.
    #[serde(flatten)]
    pub error: RuleError,
}

impl Finding {
    /// Shows it with its source line, in lines that end with `\n`; `colour` as for [`RuleError::render`].
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        match self.severity {
            Severity::Error => self.error.render(colour),
            Severity::Warning => self.error.render_warning(colour),
        }
    }
}

/// Checks rules: rulebooks (`.yml`, `.yaml`), TypeScript and JavaScript. Runs nothing of them.
///
/// Of rulebooks, it finds what is no valid YAML, unknown ops, keys and arguments, JavaScript that does not parse,
/// regions of a one-slot semaphore within themselves, variables that nothing in the rulebook sets, and pairs of
/// semaphores that are taken in one order here and in the other there, in whichever of the files. Of
/// scripts, what does not parse, in them and in the files that they import or require by name, which of these are
/// missing, and what is written of `take` within `take`.
///
/// The findings come in the order of the files, and of their lines.
#[must_use]
pub fn check(files: &[PathBuf]) -> Vec<Finding> {
    let mut checker = Checker::default();
    for file in files {
        checker.file(file);
    }
    checker.into_findings()
}

/// Checks one rule that is a text in memory, as an editor or a host has it: like [`check`], but reads
/// no file, save what it imports if `name` is a path.
///
/// `name` appears in the findings, and its extension names the language, as for [`Script::new`](cla_runtime::Script::new).
///
/// ```
/// let text = "do:\n  - ecoh: hello\n";
/// let findings = cla_rulebook::check_text("hello.yml", text);
/// let error = &findings[0].error;
/// assert_eq!(error.message, "there is no op \"ecoh\"");
/// assert_eq!(error.help.as_deref(), Some("did you mean echo?"));
/// let at = error.location.as_ref().unwrap();
/// assert_eq!((at.line, at.column), (2, 5));
/// ```
#[must_use]
pub fn check_text(name: &str, text: &str) -> Vec<Finding> {
    let mut checker = Checker::default();
    let path = Path::new(name);
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    checker.text(name, folder, &text.into());
    checker.into_findings()
}

/// What ends the lines of a file.
fn line_ends(name: &str) -> LineEnds {
    match is_rulebook(name) {
        true => LineEnds::Plain,
        false => LineEnds::Script,
    }
}

/// Somewhere in one of the files, a semaphore is asked for while another is held.
struct Pair {
    file: usize,
    outer: String,
    inner: String,
    at: Place,
}

#[derive(Default)]
struct Checker {
    /// With the number of the file that they concern.
    findings: Vec<(usize, Finding)>,
    pairs: Vec<Pair>,
    /// The names and texts of the files that could be read.
    texts: Vec<Option<(String, Arc<str>)>>,
    /// The files that were looked at, by their canonical paths.
    seen: HashSet<PathBuf>,
}

impl Checker {
    fn found(&mut self, file: usize, severity: Severity, error: RuleError) {
        self.findings.push((file, Finding { severity, error }));
    }

    fn file(&mut self, path: &Path) {
        let shown = path.display().to_string();
        self.seen.extend(path.canonicalize());
        match read_anywhere(path, None) {
            Ok(text) => self.text(&shown, Some(folder_of(path)), &text),
            Err(error) => {
                let nth = self.next();
                let error = RuleError::load(format!("cannot read {shown}: {error}"), None);
                self.found(nth, Severity::Error, error);
            }
        }
    }

    /// The number of the next file.
    fn next(&mut self) -> usize {
        self.texts.push(None);
        self.texts.len() - 1
    }

    fn text(&mut self, name: &str, folder: Option<&Path>, text: &Arc<str>) {
        let nth = self.next();
        self.texts[nth] = Some((name.to_owned(), Arc::clone(text)));
        if is_rulebook(name) {
            match read(name, folder, text) {
                Ok(book) => self.book(nth, &book),
                Err(error) => self.all(nth, error),
            }
            return;
        }
        match Kind::of(name) {
            Kind::Json => {
                let error = RuleError::load(format!("{name} is JSON, not a rule"), None);
                self.found(nth, Severity::Error, error);
            }
            // JavaScript is TypeScript without types.
            kind @ (Kind::Module | Kind::CommonJs | Kind::Either) => {
                let as_if = if kind == Kind::CommonJs {
                    "a.cts"
                } else {
                    "a.ts"
                };
                match strip(as_if, text) {
                    Ok(_) => {
                        self.script(nth, name, text);
                        self.references(nth, name, folder, text);
                    }
                    Err(problems) => {
                        self.all(
                            nth,
                            RuleError::from_problems(name, text, LineEnds::Script, problems),
                        );
                    }
                }
            }
        }
    }

    /// Looks at the files that a script imports or requires, and at those that these do.
    fn references(&mut self, nth: usize, name: &str, folder: Option<&Path>, text: &Arc<str>) {
        let Some(modules) = modules_from(name, folder) else {
            return; // a text in memory, which imports no files
        };
        let mut left = vec![(String::new(), name.to_owned(), Arc::clone(text))];
        while let Some((importer, shown, text)) = left.pop() {
            for named in references(&text) {
                let specifier = named.specifier.as_str();
                if !specifier.starts_with(['.', '/']) && !specifier.starts_with("file://") {
                    continue; // only who runs it knows which modules are built in
                }
                let found = match modules.resolve(&importer, specifier) {
                    Ok(Resolved::File(path)) => path,
                    Ok(Resolved::BuiltIn(_)) => continue,
                    Err(problem) => {
                        let at = Place {
                            line: named.at.0,
                            column: named.at.1,
                            length: named.length,
                        };
                        let message = problem.to_string();
                        let error = pointing((&shown, &text), at, "Error", message, None);
                        // What is required may be meant to be missing.
                        let severity = match named.declared {
                            true => Severity::Error,
                            false => Severity::Warning,
                        };
                        self.found(nth, severity, error);
                        continue;
                    }
                };
                if self.seen.len() >= MOST_FILES || !self.seen.insert(found.clone()) {
                    continue;
                }
                if let Some(name) = found.to_str() {
                    left.extend(self.module(nth, &modules, name));
                }
            }
        }
    }

    /// Looks at a file that is imported; gives it if it may import others.
    fn module(
        &mut self,
        nth: usize,
        modules: &ModuleCache,
        name: &str,
    ) -> Option<(String, String, Arc<str>)> {
        let shown = modules.display_name(name);
        let text = match modules.read(name, None) {
            Ok(text) => text,
            Err(problem) => {
                self.found(nth, Severity::Error, RuleError::load(problem, None));
                return None;
            }
        };
        if is_rulebook(name) {
            return None;
        }
        let problems = match Kind::of(name) {
            Kind::Json => json_problem(&text).into_iter().collect(),
            _ => problems(name, &text),
        };
        if problems.is_empty() {
            let is_json = Kind::of(name) == Kind::Json;
            return (!is_json).then(|| (name.to_owned(), shown, text));
        }
        self.all(
            nth,
            RuleError::from_problems(&shown, &text, LineEnds::Script, problems),
        );
        None
    }

    /// What a script takes within what.
    fn script(&mut self, nth: usize, name: &str, text: &Arc<str>) {
        // Others have methods of such names, too.
        if !text.contains("cla/sem") && !text.contains("cla/rule") {
            return;
        }
        let lock_order = lock_order(text);
        for take in &lock_order {
            let at = Place {
                line: take.at.0,
                column: take.at.1,
                length: take.length,
            };
            let around = || take.within.iter().map(|outer| &lock_order[*outer]);
            if let Some(outer) = around().find(|outer| outer.semaphore == take.semaphore) {
                if take.one_slot_for_ever {
                    let (message, help) = nested(&take.semaphore, outer.at.0);
                    let error = pointing((name, text), at, "Deadlock", message, Some(help));
                    self.found(nth, Severity::Error, error);
                }
                continue;
            }
            self.pairs.extend(around().map(|outer| Pair {
                file: nth,
                outer: outer.semaphore.clone(),
                inner: take.semaphore.clone(),
                at,
            }));
        }
    }

    /// Each problem of a file is a finding of its own.
    fn all(&mut self, nth: usize, mut error: RuleError) {
        let others = std::mem::take(&mut error.errors);
        for error in std::iter::once(error).chain(others) {
            self.found(nth, Severity::Error, error);
        }
    }

    fn book(&mut self, nth: usize, book: &Arc<Book>) {
        let walk = BookWalk::through(book);
        let (codes, paths, set) = (walk.codes, walk.paths, walk.set);
        for (at, semaphore, outer) in walk.nested {
            let (message, help) = nested(&semaphore, outer.line);
            let error = pointing(
                (&book.name, &book.text),
                at,
                "Deadlock",
                message,
                Some(help),
            );
            self.found(nth, Severity::Error, error);
        }
        self.pairs
            .extend(walk.pairs.into_iter().map(|(outer, inner, at)| Pair {
                file: nth,
                outer,
                inner,
                at,
            }));
        self.compile(nth, book, &codes);
        for (at, name) in &book.services {
            if let Some(near) = book.table.nearest(name, []) {
                let message =
                    format!("there is no op {name:?}, unless a service of that name is registered");
                let help = format!("did you mean {near}?");
                let error = pointing(
                    (&book.name, &book.text),
                    *at,
                    "Unknown",
                    message,
                    Some(&help),
                );
                self.found(nth, Severity::Warning, error);
            }
        }
        let set: HashSet<String> = set
            .into_iter()
            .chain(codes.iter().flat_map(|code| assigned(&code.text)))
            .collect();
        let mut reported = HashSet::new();
        for path in &paths {
            let name = path.text.split(['.', '[']).next().unwrap_or_default();
            if !set.contains(name) && reported.insert(name) {
                let message = format!("nothing in this rulebook sets {name}");
                let help = format!("it must come with --stash {name}=VALUE");
                let error = pointing(
                    (&book.name, &book.text),
                    path.at,
                    "Unset",
                    message,
                    Some(&help),
                );
                self.found(nth, Severity::Warning, error);
            }
        }
    }

    /// Compiles the JavaScript of a rulebook as a run would.
    fn compile(&mut self, nth: usize, book: &Arc<Book>, codes: &[Code]) {
        let modules = ModuleCache::new(Arc::new(ModuleSettings::default()), Vec::new());
        let compiled = Runtime::new().and_then(|runtime| {
            runtime.set_max_stack_size(STACK);
            Context::full(&runtime)?.with(|ctx| {
                let evaluator = Evaluator::new(&ctx, book)?;
                for code in codes {
                    if evaluator.compile(code).is_err() {
                        let sources = BookSources {
                            modules: &modules,
                            books: std::slice::from_ref(book),
                        };
                        let mut error = RuleError::from_js(&ctx, &ctx.catch(), &sources);
                        error.frames.clear();
                        // Code that does not keep its lines is compiled as if it did.
                        let astray =
                            |at: &Location| code.indent.is_none() && at.line != code.at.line;
                        if error.location.as_ref().is_none_or(astray) {
                            let length = code.at.length as usize;
                            error = error.located(&sources, &book.name, code.begin(), length);
                        }
                        self.found(nth, Severity::Error, error);
                    }
                }
                Ok(())
            })
        });
        if let Err(error) = compiled {
            let message = format!("the JavaScript of this rulebook cannot be checked: {error}");
            self.found(nth, Severity::Error, RuleError::load(message, None));
        }
    }

    /// All findings, in the order of the files and their lines.
    fn into_findings(mut self) -> Vec<Finding> {
        self.opposite_orders();
        self.findings.sort_by_key(|(nth, finding)| {
            let location = finding.error.location.as_ref();
            (*nth, location.map_or((0, 0), |at| (at.line, at.column)))
        });
        self.findings.into_iter().map(|(_, found)| found).collect()
    }

    /// Two that take two semaphores in opposite orders can wait for each other.
    fn opposite_orders(&mut self) {
        let mut first: HashMap<(&str, &str), &Pair> = HashMap::new();
        for pair in &self.pairs {
            first
                .entry((pair.outer.as_str(), pair.inner.as_str()))
                .or_insert(pair);
        }
        let mut found = Vec::new();
        for pair in first.values() {
            let opposite = first.get(&(pair.inner.as_str(), pair.outer.as_str()));
            let (Some(opposite), Some((name, text))) = (opposite, &self.texts[pair.file]) else {
                continue;
            };
            let there = self.texts[opposite.file]
                .as_ref()
                .map_or("", |(name, _)| name.as_str());
            let message = format!(
                "this takes \"{}\" while it holds \"{}\", and {there}:{} takes them in the opposite order: each may \
                 wait for the other",
                pair.inner, pair.outer, opposite.at.line
            );
            let help = "let all rules take them in the same order";
            let error = pointing((name, text), pair.at, "Order", message, Some(help));
            found.push((pair.file, error));
        }
        for (file, error) in found {
            self.found(file, Severity::Warning, error);
        }
    }
}

/// The variables that something in the rulebook changes once it runs.
pub(super) fn changed(book: &Book) -> HashSet<String> {
    let walk = BookWalk::through(book);
    let by_code = walk.codes.iter().flat_map(|code| assigned(&code.text));
    walk.changed.into_iter().chain(by_code).collect()
}

/// The folder in which a file lies.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Reads a rulebook as a run that was started here would: it may import what is below its own folder and this one.
pub(super) fn read(
    name: &str,
    folder: Option<&Path>,
    text: &Arc<str>,
) -> Result<Arc<Book>, RuleError> {
    let modules = modules_from(name, folder).unwrap_or_else(|| {
        let modules = ModuleCache::new(Arc::new(ModuleSettings::default()), Vec::new());
        modules.set_main(name, None);
        modules
    });
    Loader::new(&OPS, &modules, UnknownImport::BuiltIn, None).main(name, text)
}

/// The files that a rule may import that is started here: what is below its own folder and this one. `None` for a rule
/// that lies in no folder.
fn modules_from(name: &str, folder: Option<&Path>) -> Option<ModuleCache> {
    let folder = folder?.canonicalize().ok()?;
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let roots = std::iter::once(folder.clone()).chain(here).collect();
    let modules = ModuleCache::new(Arc::new(ModuleSettings::default()), roots);
    modules.set_main(name, Some(folder));
    Some(modules)
}

/// What is wrong with a text of JSON.
fn json_problem(text: &str) -> Option<SyntaxProblem> {
    let error = serde_json::from_str::<serde::de::IgnoredAny>(text).err()?;
    let at = Place {
        line: error.line().max(1) as u32,
        column: error.column().max(1) as u32,
        length: 1,
    };
    Some(at.problem(format!("no valid JSON: {error}"), None))
}

/// What is said of a semaphore that is taken within itself, and what to do.
fn nested(semaphore: &str, outer_line: u32) -> (String, &'static str) {
    let message = format!(
        "this waits for the one slot of semaphore \"{semaphore}\", which line {outer_line} holds around it: it can \
         never go on"
    );
    (message, "take it once, around both; or give it more slots")
}

/// An error that points into a file.
pub(super) fn pointing(
    (file, text): (&str, &Arc<str>),
    at: Place,
    name: &str,
    message: String,
    help: Option<&str>,
) -> RuleError {
    let problem = at.problem(message, help.map(str::to_owned));
    let mut error = RuleError::from_problems(file, text, line_ends(file), vec![problem]);
    name.clone_into(&mut error.name);
    error
}

/// The names that code assigns to, as far as that can be seen from the outside.
fn assigned(code: &str) -> Vec<String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut names = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(is_name) {
        let from = &rest[start..];
        let end = from.find(|c| !is_name(c)).unwrap_or(from.len());
        let (name, after) = from.split_at(end);
        let sign = after.trim_start();
        let sets = (sign.starts_with('=') && !sign.starts_with("==") && !sign.starts_with("=>"))
            || ["++", "--"].iter().any(|sign_of| sign.starts_with(sign_of))
            || ["+=", "-=", "*=", "/=", "??=", "||=", "&&="]
                .iter()
                .any(|sign_of| sign.starts_with(sign_of));
        if sets {
            names.push(name.to_owned());
        }
        rest = after;
    }
    names
}
