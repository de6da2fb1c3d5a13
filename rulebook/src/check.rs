//! Looks at rules without running them: what does not parse, waits that can never end, and what is probably not meant.

mod called;
mod walk;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cla_runtime::RuleError;
use cla_runtime::check::{Finding, Severity};
use cla_runtime::internal::{
    Checker, Kind, LineEnds, ModuleCache, ModuleSettings, SlotSummary, Subject, Surroundings,
    called_slots, check_part, check_script, follow_calls, has_global, nearest, pointing,
    read_anywhere, slots_of_script, undeclared,
};
use cla_runtime::js::{self, Context, Ctx, Runtime};

use self::walk::BookWalk;
use crate::extension::is_rulebook;
use crate::op::OPS;
use crate::parse::{Loader, UnknownImport};
use crate::template::Code;
use crate::tree::{Book, BookSources, Evaluator, syntax_problem};
use crate::yaml::Place;

/// Names that each run has without setting them.
const GIVEN: [&str; 2] = ["config", "secret"];

/// Enough for the deepest code that people write. Deeper code is reported as an error.
const STACK: usize = 512 * 1024;

/// Checks rules: rulebooks (`.yml`, `.yaml`), TypeScript and JavaScript. Runs nothing of them.
///
/// Of rulebooks, it finds what is no valid YAML, unknown ops, keys and arguments, JavaScript that does not parse,
/// regions of a one-slot semaphore within themselves, variables that nothing in the rulebook sets, and pairs of
/// semaphores that are taken in one order here and in the other there, in whichever of the files. Of
/// scripts, what does not parse, in them and in the files that they import or require by name, which of these are
/// missing, and what is written of `take` within `take`.
///
/// The findings come in the order of the files, and of their lines.
///
/// It knows no engine, so any name that is no file's is taken for a module that the engine has;
/// [`Engine::check_all`](cla_runtime::Engine::check_all) knows the modules, and what may be imported.
///
/// ```
/// use cla_rulebook::Severity;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("hello.yml");
/// std::fs::write(&path, "do:\n  - ecoh: hello\n")?;
/// let findings = cla_rulebook::check(&[path]);
/// assert_eq!(findings[0].severity, Severity::Error);
/// assert_eq!(findings[0].error.help.as_deref(), Some("did you mean echo?"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn check(files: &[PathBuf]) -> Vec<Finding> {
    let mut checker = Checker::default();
    for path in files {
        let shown = path.display().to_string();
        if let Ok(canonical) = path.canonicalize() {
            let _ = checker.see(canonical);
        }
        match read_anywhere(path, None) {
            Ok(text) => check_one(&mut checker, &shown, Some(folder_of(path)), &text),
            Err(error) => {
                let nth = checker.begin(None);
                let error = RuleError::load(format!("cannot read {shown}: {error}"), None);
                checker.found(nth, Severity::Error, error);
            }
        }
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
    check_one(&mut checker, name, folder, &text.into());
    checker.into_findings()
}

/// Looks at a rule of which no engine is known.
fn check_one(checker: &mut Checker, name: &str, folder: Option<&Path>, text: &Arc<str>) {
    let modules = modules_from(name, folder);
    if is_rulebook(name) {
        let around = Surroundings {
            modules: modules.as_ref(),
            takes_slots: false,
            run: None,
        };
        rulebook(checker, name, text, around, || read(name, folder, text));
        return;
    }
    let subject = Subject {
        name,
        text,
        ends: LineEnds::Script,
    };
    let nth = checker.begin(Some(subject));
    let around = Surroundings {
        modules: modules.as_ref(),
        takes_slots: may_take_slots(text),
        run: None,
    };
    check_script(checker, nth, subject, Kind::of(name), around);
}

/// Whether calls of `take` and `region` in a script take slots, as far as its text says so.
fn may_take_slots(text: &str) -> bool {
    text.contains("cla/sem") || text.contains("cla/rule")
}

/// Looks at a rulebook: at what is wrong with it as it is read, or else at what it would do.
pub(crate) fn rulebook(
    checker: &mut Checker,
    name: &str,
    text: &Arc<str>,
    around: Surroundings<'_, '_>,
    read: impl FnOnce() -> Result<Arc<Book>, RuleError>,
) {
    let subject = Subject {
        name,
        text,
        ends: LineEnds::Plain,
    };
    let nth = checker.begin(Some(subject));
    match read() {
        Ok(book) => {
            let mut check = BookCheck {
                checker,
                nth,
                subject,
                around,
            };
            check.book(&book);
        }
        Err(error) => checker.all(nth, error),
    }
}

/// The check of one rulebook that could be read.
struct BookCheck<'c, 'a, 'js> {
    checker: &'c mut Checker,
    /// Its number.
    nth: usize,
    subject: Subject<'a>,
    around: Surroundings<'a, 'js>,
}

impl BookCheck<'_, '_, '_> {
    fn warn(&mut self, at: Place, name: &str, message: String, help: &str) {
        let error = pointing(self.subject, at.into(), name, message, Some(help));
        self.checker.found(self.nth, Severity::Warning, error);
    }

    fn refuse(&mut self, at: Place, name: &str, message: String, help: Option<&str>) {
        let error = pointing(self.subject, at.into(), name, message, help);
        self.checker.found(self.nth, Severity::Error, error);
    }

    fn book(&mut self, book: &Arc<Book>) {
        let walk = BookWalk::through(book);
        let (codes, own, paths, set) = (walk.codes, walk.own, walk.paths, walk.set);
        let around = self.around;
        let load =
            |from: &str, file: &str| called_slots(around, from, file, Some(&slots_without_run));
        follow_calls(self.checker, self.nth, self.subject, &walk.slots, &load);
        for called in &walk.files {
            if let Some(message) = called::problem(around, &book.name, called) {
                self.refuse(called.at, "Error", message, None);
            }
        }
        if !book.open {
            for (at, name) in &walk.launched {
                let message = format!("there is no service {name:?}: nothing here registers one");
                let help = "a service is registered by a module that is imported, with cla/reg";
                self.refuse(*at, "Unknown", message, Some(help));
            }
        }
        for note in book.notes.iter().chain(&walk.notes) {
            self.warn(note.at, note.name, note.message.clone(), &note.help);
        }
        for (at, semaphore, outer) in walk.nested {
            self.checker
                .nested(self.nth, self.subject, at.into(), &semaphore, outer.line);
        }
        for (outer, inner, at) in walk.pairs {
            self.checker.pair(self.nth, outer, inner, at.into());
        }
        self.compile(book, &codes);
        for (at, name) in &book.services {
            if let Some(near) = book.table.nearest(name, []) {
                let message =
                    format!("there is no op {name:?}, unless a service of that name is registered");
                let help = format!("did you mean {near}?");
                self.warn(*at, "Unknown", message, &help);
            }
        }
        let set: HashSet<String> = set
            .into_iter()
            .chain(codes.iter().flat_map(|code| assigned(&code.text)))
            .collect();
        let mut reported = HashSet::new();
        for path in &paths {
            let name = path.text.split(['.', '[']).next().unwrap_or_default();
            if !set.contains(name) && !GIVEN.contains(&name) && reported.insert(name) {
                let near = || {
                    let near = nearest(name, set.iter().map(String::as_str))?;
                    Some(format!("did you mean {near}?"))
                };
                let hint = near().or_else(|| self.hint(book, name));
                self.unset(path.at, name, hint);
            }
        }
        let place_of = |code: &Code| (code.at.line, code.at.column);
        let decides: HashSet<(u32, u32)> = walk.conditions.iter().map(place_of).collect();
        let others = codes
            .iter()
            .filter(|code| !decides.contains(&place_of(code)));
        for code in others.filter(|code| may_have_hints(&code.text)) {
            let place = |at: (u32, u32), length: u32| code.place_of(at, length).into();
            let (nth, subject) = (self.nth, self.subject);
            check_part(self.checker, nth, subject, &code.text, around, &place);
        }
        let conditions = walk.conditions.iter();
        for code in conditions.filter(|code| may_have_hints(&code.text)) {
            self.assignment(code);
        }
        let mut told = HashSet::new();
        // Only names that are called are told.
        let calls = |code: &&Code| code.text.contains(['(', '`']);
        for code in own.iter().filter(calls) {
            for one in undeclared(&code.text) {
                let name = one.name.as_str();
                let is_known = set.contains(name) || GIVEN.contains(&name);
                if is_known || reported.contains(name) || !told.insert(name.to_owned()) {
                    continue;
                }
                // Most such names come with the stash, as data, of which nothing is called but its own methods.
                let is_used = |method: &String| method.is_empty() || !self.has_data(method);
                if !one.calls.iter().any(is_used) || self.is_global(name) {
                    continue;
                }
                let at = code.place_of(one.at, one.length);
                if let Some(hint) = self.hint(book, name) {
                    self.unset(at, name, Some(hint));
                } else if one.calls.iter().any(String::is_empty) && self.around.run.is_some() {
                    // No data is called.
                    let near = nearest(name, set.iter().map(String::as_str));
                    let help = near.map_or_else(
                        || "require it, or define it in this block".to_owned(),
                        |near| format!("did you mean {near}?"),
                    );
                    let message = format!("there is no function {name}");
                    self.warn(at, "Unset", message, &help);
                }
            }
        }
    }

    /// `when: a = 1`. With parentheses of its own it is meant.
    fn assignment(&mut self, code: &Code) {
        // As the condition that it is.
        const BEFORE: &str = "if (";
        let whole = format!("{BEFORE}{}) {{}}", code.text);
        let place = |at: (u32, u32), length: u32| {
            let column = match at.0 {
                1 => at.1.saturating_sub(BEFORE.len() as u32),
                _ => at.1,
            };
            code.place_of((at.0, column), length).into()
        };
        let (nth, subject, around) = (self.nth, self.subject, self.around);
        check_part(self.checker, nth, subject, &whole, around, &place);
    }

    fn unset(&mut self, at: Place, name: &str, hint: Option<String>) {
        let message = format!("nothing in this rulebook sets {name}");
        let stash = format!("it must come with --stash {name}=VALUE");
        let help = match hint {
            Some(hint) if hint.ends_with('?') => format!("{hint} otherwise {stash}"),
            Some(hint) => format!("{}; or {stash}", hint.trim_end_matches(';')),
            None => stash,
        };
        self.warn(at, "Unset", message, &help);
    }

    /// What the error would say, if it came to that.
    fn hint(&self, book: &Book, name: &str) -> Option<String> {
        self.around.run?;
        let modules = self.around.modules?;
        modules.hint(&format!("{name} is not set"), &book.name, None)
    }

    /// Whether a text, a number or a list has this method.
    fn has_data(&self, method: &str) -> bool {
        let Some((ctx, _)) = self.around.run else {
            return false;
        };
        ["Object", "String", "Number", "Array"].iter().any(|class| {
            let class = ctx.globals().get::<_, js::Object<'_>>(*class);
            let prototype = class.and_then(|class| class.get::<_, js::Object<'_>>("prototype"));
            prototype
                .and_then(|prototype| prototype.contains_key(method))
                .unwrap_or(false)
        })
    }

    fn is_global(&self, name: &str) -> bool {
        self.around
            .run
            .is_some_and(|(ctx, _)| has_global(ctx, name))
    }

    /// Compiles the JavaScript of a rulebook as a run would: in the run that looks, or else in an isolate of its own.
    fn compile(&mut self, book: &Arc<Book>, codes: &[Code]) {
        let compiled = match self.around.run {
            Some((ctx, run)) => self.compile_in(ctx, book, codes, &|| run.must_stop()),
            None => Runtime::new().and_then(|runtime| {
                runtime.set_max_stack_size(STACK);
                Context::full(&runtime)?.with(|ctx| self.compile_in(&ctx, book, codes, &|| false))
            }),
        };
        if let Err(error) = compiled {
            let message = format!("the JavaScript of this rulebook cannot be checked: {error}");
            self.checker
                .found(self.nth, Severity::Error, RuleError::load(message, None));
        }
    }

    fn compile_in(
        &mut self,
        ctx: &Ctx<'_>,
        book: &Arc<Book>,
        codes: &[Code],
        must_stop: &dyn Fn() -> bool,
    ) -> js::Result<()> {
        let modules = ModuleCache::new(Arc::new(ModuleSettings::default()), Vec::new());
        let evaluator = Evaluator::new(ctx, book)?;
        for code in codes {
            if evaluator.compile(code).is_ok() {
                continue;
            }
            if must_stop() {
                return Ok(()); // the run says why
            }
            let sources = BookSources {
                modules: &modules,
                books: std::slice::from_ref(book),
            };
            let mut error = RuleError::from_js(ctx, &ctx.catch(), &sources);
            if let Some(problem) = syntax_problem(code) {
                let Subject { name, text, ends } = self.subject;
                let error = RuleError::from_problems(name, text, ends, vec![problem]);
                self.checker.found(self.nth, Severity::Error, error);
                continue;
            }
            error.frames.clear();
            if error.location.is_none() {
                let length = code.at.length as usize;
                error = error.located(&sources, &book.name, code.begin(), length);
            }
            if let Some(location) = &mut error.location {
                self.subject.name.clone_into(&mut location.file);
            }
            self.checker.found(self.nth, Severity::Error, error);
        }
        Ok(())
    }
}

/// Whether a hint may be found in code: most code is short, and has nothing of what hints are about.
fn may_have_hints(code: &str) -> bool {
    let words = [
        "=", "require", "import", "return", "throw", "break", "continue", "function", "class",
        "async",
    ];
    words.iter().any(|word| code.contains(word))
}

/// Which semaphores a rulebook takes, and which rules it calls meanwhile.
pub(super) fn slots(book: &Book) -> SlotSummary {
    BookWalk::through(book).slots
}

/// As [`slots`], of any rule that is called where no run looks at it.
fn slots_without_run(name: &str, text: &Arc<str>) -> Option<SlotSummary> {
    if !is_rulebook(name) {
        return Some(slots_of_script(text, may_take_slots(text)));
    }
    let book = read(name, Some(folder_of(Path::new(name))), text).ok()?;
    Some(slots(&book))
}

/// The variables that something in the rulebook changes once it runs.
pub(super) fn changed(book: &Book) -> HashSet<String> {
    let walk = BookWalk::through(book);
    let by_code = walk.codes.iter().flat_map(|code| assigned(&code.text));
    walk.changed.into_iter().chain(by_code).collect()
}

/// The variables that ops or code of the rulebook set, other than those of loops.
pub(super) fn assigned_in(book: &Book) -> HashSet<String> {
    let walk = BookWalk::through(book);
    let by_code = walk.codes.iter().flat_map(|code| assigned(&code.text));
    walk.assigned.into_iter().chain(by_code).collect()
}

/// The rulebook that one of the name `from` calls, and its canonical name; `None` if that is none.
pub(super) fn loaded_book(
    around: Surroundings<'_, '_>,
    from: &str,
    file: &str,
) -> Option<(String, Arc<Book>)> {
    match called::load(around, from, file).ok()?? {
        called::Loaded::Book(name, book) => Some((name, book)),
        called::Loaded::Script(_) => None,
    }
}

/// As [`loaded_book`], where no run looks at it.
pub(super) fn load_called(
    folder: Option<&Path>,
    from: &str,
    file: &str,
) -> Option<(String, Arc<Book>)> {
    let modules = modules_from(from, folder)?;
    let around = Surroundings {
        modules: Some(&modules),
        takes_slots: false,
        run: None,
    };
    loaded_book(around, from, file)
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
