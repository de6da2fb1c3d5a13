//! A check of one rule or of several that are to go together: what was found so far, and how scripts are looked at.
//!
//! A check may be made inside of a run that executes nothing: then it knows the engine's modules and what the run may
//! import. Without a run, it knows files only, and takes any other name for a module of the engine that will run the rule.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::Ctx;

use super::{Finding, Severity};
use crate::error::RuleError;
use crate::error::source::{Sources, SyntaxProblem};
use crate::line_ends::LineEnds;
use crate::modules::{Kind, ModuleCache, Resolved, exported_names, problems};
use crate::nearest::nearest;
use crate::run::Run;
use crate::typescript::lock_order::lock_order;
use crate::typescript::references::{Named, references};
use crate::typescript::strip;

/// The most files in one check, imported ones included.
const MOST_FILES: usize = 10_000;

/// Where in a source something stands. Line and column count from 1, the column and the length in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// How many characters are concerned.
    pub length: u32,
}

impl Spot {
    fn problem(self, message: String, help: Option<&str>) -> SyntaxProblem {
        SyntaxProblem {
            message,
            help: help.map(str::to_owned),
            line: self.line,
            column: self.column,
            length: self.length.max(1),
        }
    }
}

/// A text that is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The name that findings show.
    pub name: &'a str,
    /// What its author wrote.
    pub text: &'a Arc<str>,
    /// What ends its lines.
    pub ends: LineEnds,
}

/// What surrounds the rule: the modules that it can reach, and the run on whose fiber it is looked at.
#[derive(Clone, Copy)]
pub struct Surroundings<'a, 'js> {
    /// `None` for a text that imports no files.
    pub modules: Option<&'a ModuleCache>,
    /// With it, built-in modules and permissions are known.
    pub run: Option<(&'a Ctx<'js>, &'a Rc<Run>)>,
}

impl std::fmt::Debug for Surroundings<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings")
            .field("files", &self.modules.is_some())
            .field("run", &self.run.map(|(_, run)| run))
            .finish()
    }
}

/// Somewhere in one of the files, a semaphore is asked for while another is held.
#[derive(Debug)]
struct Pair {
    file: usize,
    outer: String,
    inner: String,
    at: Spot,
}

#[derive(Debug)]
struct Source {
    name: String,
    text: Arc<str>,
    ends: LineEnds,
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Checker {
    /// With the number of the file that they concern.
    findings: Vec<(usize, Finding)>,
    pairs: Vec<Pair>,
    /// The files that could be read.
    sources: Vec<Option<Source>>,
    /// The files that were looked at, by their canonical paths.
    seen: HashSet<PathBuf>,
}

impl Checker {
    /// Begins with the next rule; gives its number.
    pub fn begin(&mut self, subject: Option<Subject<'_>>) -> usize {
        self.sources.push(subject.map(|subject| Source {
            name: subject.name.to_owned(),
            text: Arc::clone(subject.text),
            ends: subject.ends,
        }));
        self.sources.len() - 1
    }

    /// This file is looked at, so it need not be again.
    pub fn see(&mut self, canonical: PathBuf) {
        self.seen.insert(canonical);
    }

    /// Notes something about a rule.
    pub fn found(&mut self, nth: usize, severity: Severity, error: RuleError) {
        self.findings.push((nth, Finding { severity, error }));
    }

    /// Each problem of a file is a finding of its own.
    pub fn all(&mut self, nth: usize, mut error: RuleError) {
        let others = std::mem::take(&mut error.errors);
        for error in std::iter::once(error).chain(others) {
            self.found(nth, Severity::Error, error);
        }
    }

    /// A rule asks for the semaphore `inner` while it holds `outer`.
    pub fn pair(&mut self, nth: usize, outer: String, inner: String, at: Spot) {
        self.pairs.push(Pair {
            file: nth,
            outer,
            inner,
            at,
        });
    }

    /// A rule waits for the one slot of a semaphore that it holds itself.
    pub fn nested(
        &mut self,
        nth: usize,
        subject: Subject<'_>,
        at: Spot,
        semaphore: &str,
        outer_line: u32,
    ) {
        let message = format!(
            "this waits for the one slot of semaphore \"{semaphore}\", which line {outer_line} holds around it: it can \
             never go on"
        );
        let help = "take it once, around both; or give it more slots";
        let error = pointing(subject, at, "Deadlock", message, Some(help));
        self.found(nth, Severity::Error, error);
    }

    /// Looks at a script, and at the files that it imports.
    pub fn script(
        &mut self,
        nth: usize,
        subject: Subject<'_>,
        kind: Kind,
        around: Surroundings<'_, '_>,
    ) {
        let Subject { name, text, ends } = subject;
        let as_if = match kind {
            Kind::Json => {
                let error = RuleError::load(format!("{name} is JSON, not a rule"), None);
                self.found(nth, Severity::Error, error);
                return;
            }
            Kind::CommonJs => "a.cts",
            // JavaScript is TypeScript without types.
            Kind::Module | Kind::Either => "a.ts",
        };
        match strip(as_if, text) {
            Ok(_) => {
                self.lock_order(nth, subject);
                self.references(nth, name, text, around);
            }
            Err(problems) => {
                self.all(nth, RuleError::from_problems(name, text, ends, problems));
            }
        }
    }

    /// What a script takes within what.
    fn lock_order(&mut self, nth: usize, subject: Subject<'_>) {
        let takes = takes(subject.text);
        for take in &takes {
            let at = Spot {
                line: take.at.0,
                column: take.at.1,
                length: take.length,
            };
            let around = || take.within.iter().map(|outer| &takes[*outer]);
            if let Some(outer) = around().find(|outer| outer.semaphore == take.semaphore) {
                if take.one_slot_for_ever {
                    self.nested(nth, subject, at, &take.semaphore, outer.at.0);
                }
                continue;
            }
            for outer in around() {
                self.pair(nth, outer.semaphore.clone(), take.semaphore.clone(), at);
            }
        }
    }

    /// Looks at the modules that a script imports or requires, and at those that these do.
    fn references(
        &mut self,
        nth: usize,
        name: &str,
        text: &Arc<str>,
        around: Surroundings<'_, '_>,
    ) {
        let Some(modules) = around.modules else {
            return; // a text in memory, which imports no files
        };
        let mut left = vec![(String::new(), name.to_owned(), Arc::clone(text))];
        while let Some((importer, shown, text)) = left.pop() {
            let subject = Subject {
                name: &shown,
                text: &text,
                ends: LineEnds::Script,
            };
            for named in references(&text) {
                if around.run.is_some_and(|(_, run)| run.must_stop()) {
                    return;
                }
                let specifier = named.specifier.as_str();
                let is_file = specifier.starts_with(['.', '/']) || specifier.starts_with("file://");
                if !is_file && around.run.is_none() {
                    continue; // only who runs it knows which modules are built in
                }
                let found = match modules.resolve(&importer, specifier) {
                    Ok(Resolved::File(path)) => path,
                    Ok(Resolved::BuiltIn(module)) => {
                        self.imported_names(nth, subject, &named, &module, around);
                        continue;
                    }
                    Err(problem) => {
                        let message = problem.to_string();
                        let error = pointing(subject, spot(&named), "Error", message, None);
                        self.found(nth, severity(&named), error);
                        continue;
                    }
                };
                if self.seen.len() >= MOST_FILES || !self.seen.insert(found.clone()) {
                    continue;
                }
                if let Some(name) = found.to_str() {
                    left.extend(self.module(nth, modules, name, around));
                }
            }
        }
    }

    /// Looks at the names that are imported from a built-in module.
    fn imported_names(
        &mut self,
        nth: usize,
        subject: Subject<'_>,
        named: &Named,
        module: &str,
        around: Surroundings<'_, '_>,
    ) {
        if named.names.is_empty() {
            return;
        }
        let Some((ctx, run)) = around.run else { return };
        let Some(exported) = exported_names(ctx, run, module) else {
            return;
        };
        let exported = || exported.iter().map(String::as_str);
        for name in &named.names {
            if exported().any(|known| known == name.name) {
                continue;
            }
            let message = format!("{module} exports no {}", name.name);
            let near = nearest(&name.name, exported());
            let help = match near {
                Some(near) => format!("did you mean {near}?"),
                None => {
                    let all: Vec<_> = exported().filter(|name| *name != "default").collect();
                    format!("it exports {}", all.join(", "))
                }
            };
            let at = Spot {
                line: name.at.0,
                column: name.at.1,
                length: name.length,
            };
            let error = pointing(subject, at, "SyntaxError", message, Some(&help));
            self.found(nth, severity(named), error);
        }
    }

    /// Looks at a file that is imported; gives it if it may import others.
    fn module(
        &mut self,
        nth: usize,
        modules: &ModuleCache,
        name: &str,
        around: Surroundings<'_, '_>,
    ) -> Option<(String, String, Arc<str>)> {
        let shown = modules.display_name(name);
        let run = around.run.map(|(_, run)| &**run);
        let text = match modules.read(name, run) {
            Ok(text) => text,
            Err(problem) => {
                self.found(nth, Severity::Error, RuleError::load(problem, None));
                return None;
            }
        };
        let kind = Kind::of(name);
        if kind == Kind::Either && modules.is_of_a_language(name) {
            return None;
        }
        let problems = match kind {
            Kind::Json => json_problem(&text).into_iter().collect(),
            _ => problems(name, &text),
        };
        if problems.is_empty() {
            return (kind != Kind::Json).then(|| (name.to_owned(), shown, text));
        }
        self.all(
            nth,
            RuleError::from_problems(&shown, &text, LineEnds::Script, problems),
        );
        None
    }

    /// All findings, in the order of the files and their lines.
    pub fn into_findings(mut self) -> Vec<Finding> {
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
            let (Some(opposite), Some(source)) = (opposite, &self.sources[pair.file]) else {
                continue;
            };
            let there = self.sources[opposite.file]
                .as_ref()
                .map_or("", |source| source.name.as_str());
            let message = format!(
                "this takes \"{}\" while it holds \"{}\", and {there}:{} takes them in the opposite order: each may \
                 wait for the other",
                pair.inner, pair.outer, opposite.at.line
            );
            let help = "let all rules take them in the same order";
            let subject = Subject {
                name: &source.name,
                text: &source.text,
                ends: source.ends,
            };
            let error = pointing(subject, pair.at, "Order", message, Some(help));
            found.push((pair.file, error));
        }
        for (file, error) in found {
            self.found(file, Severity::Warning, error);
        }
    }
}

/// The semaphores that a script takes by name, in the order of the source.
pub(crate) fn takes(text: &str) -> Vec<crate::typescript::lock_order::Take> {
    // Others have methods of such names, too.
    match text.contains("cla/sem") || text.contains("cla/rule") {
        true => lock_order(text),
        false => Vec::new(),
    }
}

/// What is required may be meant to be missing.
fn severity(named: &Named) -> Severity {
    match named.declared {
        true => Severity::Error,
        false => Severity::Warning,
    }
}

fn spot(named: &Named) -> Spot {
    Spot {
        line: named.at.0,
        column: named.at.1,
        length: named.length,
    }
}

/// What is wrong with a text of JSON.
fn json_problem(text: &str) -> Option<SyntaxProblem> {
    let error = serde_json::from_str::<serde::de::IgnoredAny>(text).err()?;
    let at = Spot {
        line: error.line().max(1) as u32,
        column: error.column().max(1) as u32,
        length: 1,
    };
    Some(at.problem(format!("no valid JSON: {error}"), None))
}

/// An error that points into a file; `name` is its class.
pub fn pointing(
    subject: Subject<'_>,
    at: Spot,
    name: &str,
    message: String,
    help: Option<&str>,
) -> RuleError {
    let problem = at.problem(message, help);
    let mut error =
        RuleError::from_problems(subject.name, subject.text, subject.ends, vec![problem]);
    name.clone_into(&mut error.name);
    error
}
