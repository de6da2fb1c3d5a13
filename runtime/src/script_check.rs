//! How scripts are checked: what does not parse, what they import, and what they take within what.
//!
//! A check may be made inside of a run that executes nothing: then it knows the engine's modules and what the run may
//! import. Without a run, it knows files only, and takes any other name for a module of the engine that will run the rule.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::{Ctx, Object};

use crate::check::Severity;
use crate::check::checker::{Checker, Spot, Subject, pointing};
use crate::check::slots::{CalledRule, HeldSlot, SlotSummary, TakenSlot, follow_calls};
use crate::error::RuleError;
use crate::error::source::Sources;
use crate::line_ends::LineEnds;
use crate::modules::{
    Kind, ModuleCache, Resolved, about_export, asset_problem, exported_names, is_in_package,
    json_problem, problems,
};
use crate::nearest::nearest;
use crate::run::Run;
use crate::typescript::facts::{Call, Named, Take};
use crate::typescript::lints::lints;
use crate::typescript::lock_order::lock_order;
use crate::typescript::references::references;
use crate::typescript::strip;
use crate::typescript::undeclared::{members, undeclared};

/// What surrounds the rule: the modules that it can reach, and the run on whose fiber it is looked at.
#[derive(Clone, Copy)]
pub struct Surroundings<'a, 'js> {
    /// `None` for a text that imports no files.
    pub modules: Option<&'a ModuleCache>,
    /// Whether calls of `take` and `region` in a script take slots, because it names a module that does so.
    pub takes_slots: bool,
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

/// Looks at a script that the checker has begun with as number `nth`, and at the files that it imports.
pub fn check_script(
    checker: &mut Checker,
    nth: usize,
    subject: Subject<'_>,
    kind: Kind,
    around: Surroundings<'_, '_>,
) {
    let mut check = ScriptCheck {
        checker,
        nth,
        around,
    };
    check.script(subject, kind);
}

/// A script whose imports are looked at.
struct Importer {
    /// What modules call it; nothing for the rule itself.
    name: String,
    /// What people call it.
    shown: String,
    text: Arc<str>,
    /// It belongs to a package: how bad it is if a module that it declares to import is missing.
    package: Option<Severity>,
}

struct ScriptCheck<'c, 'a, 'js> {
    checker: &'c mut Checker,
    nth: usize,
    around: Surroundings<'a, 'js>,
}

impl ScriptCheck<'_, '_, '_> {
    fn script(&mut self, subject: Subject<'_>, kind: Kind) {
        let nth = self.nth;
        let Subject { name, text, ends } = subject;
        let as_if = match kind {
            Kind::Json => {
                let error = RuleError::load(format!("{name} is JSON, not a rule"), None);
                self.checker.found(nth, Severity::Error, error);
                return;
            }
            Kind::CommonJs => "a.cts",
            // JavaScript is TypeScript without types.
            Kind::Module | Kind::Either => "a.ts",
        };
        // Without a parser of TypeScript, JavaScript is not looked at before it runs.
        let problems = match cfg!(feature = "typescript") {
            true => strip(as_if, text).err().unwrap_or_default(),
            false => problems(name, text),
        };
        if problems.is_empty() {
            self.lock_order(subject);
            if self.around.modules.is_none() {
                self.lints(subject);
            }
            self.references(name, text);
        } else {
            self.checker
                .all(nth, RuleError::from_problems(name, text, ends, problems));
        }
    }

    /// Names that neither the script declares nor the engine has: reading one fails, and giving one a value makes it a
    /// global, or fails in a module.
    fn undeclared(&mut self, subject: Subject<'_>) {
        let Some((ctx, run)) = self.around.run else {
            return;
        };
        for one in undeclared(subject.text) {
            if run.must_stop() {
                return;
            }
            if GIVEN.contains(&one.name.as_str()) || has_global(ctx, &one.name) {
                continue;
            }
            let at = Spot {
                line: one.at.0,
                column: one.at.1,
                length: one.length,
            };
            let name = &one.name;
            // What the error would say, if it came to that.
            let hint = |what: &str| {
                let modules = self.around.modules?;
                modules.hint(&format!("{name} {what}"), subject.name, Some(subject.text))
            };
            let near = || nearest(name, words(subject.text).filter(|word| word != name));
            let (message, help) = match one.is_assigned {
                true => {
                    let declare = format!("write `let {name}` or `const {name}` where it begins");
                    (
                        format!("{name} is given a value, and declared nowhere"),
                        match near() {
                            Some(near) => format!("did you mean {near}? otherwise {declare}"),
                            None => declare,
                        },
                    )
                }
                false => (
                    format!("{name} is declared nowhere"),
                    hint("is not defined").unwrap_or_else(|| match near() {
                        Some(near) => format!("did you mean {near}?"),
                        None => "import it, or declare it".to_owned(),
                    }),
                ),
            };
            let error = pointing(subject, at, "ReferenceError", message, Some(&help));
            self.checker.found(self.nth, Severity::Warning, error);
        }
    }

    /// Members of globals that rules do not have.
    fn missing_members(&mut self, subject: Subject<'_>) {
        let Some((ctx, run)) = self.around.run else {
            return;
        };
        for (name, hint) in run.modules().settings.missing_members() {
            for one in members(subject.text, name) {
                if has_member(ctx, name) {
                    break;
                }
                let at = Spot {
                    line: one.at.0,
                    column: one.at.1,
                    length: one.length,
                };
                let message = format!("{name} is not there");
                let error = pointing(subject, at, "TypeError", message, Some(hint));
                self.checker.found(self.nth, Severity::Warning, error);
            }
        }
    }

    /// What is probably not meant, and members that built-in modules do not have.
    fn lints(&mut self, subject: Subject<'_>) {
        let place = |(line, column): (u32, u32), length: u32| Spot {
            line,
            column,
            length,
        };
        self.lints_of(subject, subject.text, &place);
    }

    /// As [`lints`](Self::lints), of JavaScript that stands in a text.
    fn lints_of(
        &mut self,
        subject: Subject<'_>,
        text: &str,
        place: &dyn Fn((u32, u32), u32) -> Spot,
    ) {
        let found = lints(text);
        for lint in found.found {
            let at = place(lint.at, lint.length);
            let message = match lint.line {
                Some(line) => {
                    let line = place((line, 1), 1).line;
                    lint.message.replace("{line}", &line.to_string())
                }
                None => lint.message,
            };
            let error = pointing(subject, at, lint.name, message, Some(&lint.help));
            self.checker.found(self.nth, Severity::Warning, error);
        }
        let Some((ctx, run)) = self.around.run else {
            return;
        };
        let mut exports: HashMap<String, Option<Vec<String>>> = HashMap::new();
        for used in found.members {
            // Of others only their authors know whether members come later.
            if !used.module.starts_with("cla/") || run.must_stop() {
                continue;
            }
            let known = exports
                .entry(used.module.clone())
                .or_insert_with(|| exported_names(ctx, run, &used.module));
            let Some(known) = known else { continue };
            if known.contains(&used.name) || INHERITED.contains(&used.name.as_str()) {
                continue;
            }
            let near = nearest(&used.name, known.iter().map(String::as_str));
            if near.is_none() && !used.is_called {
                continue;
            }
            let help = near.map(|near| format!("did you mean {near}?"));
            let message = format!("{} has no {}", used.module, used.name);
            let at = place(used.at, used.length);
            let error = pointing(subject, at, "Member", message, help.as_deref());
            self.checker.found(self.nth, Severity::Warning, error);
        }
    }

    /// What a script takes within what.
    fn lock_order(&mut self, subject: Subject<'_>) {
        let nth = self.nth;
        let (takes, calls) = lock_order(subject.text, self.around.takes_slots);
        for take in &takes {
            let at = Spot {
                line: take.at.0,
                column: take.at.1,
                length: take.length,
            };
            let around = || take.within.iter().map(|outer| &takes[*outer]);
            if let Some(outer) = around().find(|outer| outer.semaphore == take.semaphore) {
                if take.one_slot_for_ever {
                    self.checker
                        .nested(nth, subject, at, &take.semaphore, outer.at.0);
                }
                continue;
            }
            for outer in around() {
                self.checker
                    .pair(nth, outer.semaphore.clone(), take.semaphore.clone(), at);
            }
        }
        let around = self.around;
        let load = |from: &str, file: &str| called_slots(around, from, file, None);
        follow_calls(self.checker, nth, subject, &summary(&takes, &calls), &load);
    }

    /// Looks at the modules that a script imports or requires, and at those that these do.
    fn references(&mut self, name: &str, text: &Arc<str>) {
        let (nth, around) = (self.nth, self.around);
        let Some(modules) = around.modules else {
            return; // a text in memory, which imports no files
        };
        let mut left = vec![Importer {
            name: String::new(),
            shown: name.to_owned(),
            text: Arc::clone(text),
            package: None,
        }];
        while let Some(importer) = left.pop() {
            let subject = Subject {
                name: &importer.shown,
                text: &importer.text,
                ends: LineEnds::Script,
            };
            self.checker.imported(&importer.shown, &importer.text);
            if importer.package.is_none() {
                self.undeclared(subject);
                self.missing_members(subject);
                self.lints(subject);
            }
            for named in references(&importer.text) {
                if around.run.is_some_and(|(_, run)| run.must_stop()) {
                    return;
                }
                // What a package requires or imports later may be meant to be missing.
                if importer.package.is_some() && !named.declared {
                    continue;
                }
                let severity = importer.package.unwrap_or_else(|| severity(&named));
                let specifier = named.specifier.as_str();
                let is_file = specifier.starts_with(['.', '/']) || specifier.starts_with("file://");
                if !is_file && around.run.is_none() {
                    continue; // only who runs it knows which modules are built in
                }
                let found = modules.resolve_named(&importer.name, specifier, named.required);
                let problem = match (&found, &named.kind) {
                    (Err(problem), _) => Some(("Error", problem.to_string())),
                    (Ok(found), Some(kind)) => {
                        let problem = asset_problem(modules, &found.name(), kind);
                        problem.map(|problem| ("TypeError", problem))
                    }
                    (Ok(_), None) => None,
                };
                if let Some((class, message)) = problem {
                    let error = pointing(subject, spot(&named), class, message, None);
                    self.checker.found(nth, severity, error);
                    continue;
                }
                let path = match found {
                    Ok(Resolved::File(path)) if named.kind.is_none() => path,
                    Ok(Resolved::BuiltIn(module)) if importer.package.is_none() => {
                        self.imported_names(subject, &named, &module);
                        continue;
                    }
                    _ => continue,
                };
                let Some(name) = path.to_str() else {
                    continue;
                };
                // What a CommonJS module exports is not all known; what is imported of it by a declaration is.
                if named.declared && importer.package.is_none() {
                    self.imported_names(subject, &named, name);
                }
                if self.checker.see(path.clone()) {
                    let next = self.module(modules, name);
                    left.extend(next.map(|(name, shown, text)| Importer {
                        package: is_in_package(&name).then_some(severity),
                        name,
                        shown,
                        text,
                    }));
                }
            }
        }
    }

    /// Looks at the names that are imported from a module, a built-in one or a file.
    fn imported_names(&mut self, subject: Subject<'_>, named: &Named, module: &str) {
        if named.names.is_empty() {
            return;
        }
        let Some((ctx, run)) = self.around.run else {
            return;
        };
        let Some(all) = exported_names(ctx, run, module) else {
            return;
        };
        let exported = || all.iter().map(String::as_str);
        let is_typescript = [".ts", ".mts", ".cts"]
            .iter()
            .any(|kind| subject.name.ends_with(kind));
        let shown = self
            .around
            .modules
            .map_or_else(|| module.to_owned(), |modules| modules.display_name(module));
        for name in &named.names {
            let is_there = exported().any(|known| known == name.name);
            if is_there || (name.unused && is_typescript) {
                continue;
            }
            let message = format!("{shown} exports no {}", name.name);
            let help = match self.around.modules {
                Some(modules) => about_export(modules, module, &name.name, &all),
                None => None,
            };
            let at = Spot {
                line: name.at.0,
                column: name.at.1,
                length: name.length,
            };
            let error = pointing(subject, at, "SyntaxError", message, help.as_deref());
            self.checker
                .found_as(self.nth, severity(named), "missing-export", error);
        }
    }

    /// Looks at a file that is imported; gives it if it may import others.
    fn module(&mut self, modules: &ModuleCache, name: &str) -> Option<(String, String, Arc<str>)> {
        let nth = self.nth;
        let shown = modules.display_name(name);
        let run = self.around.run.map(|(_, run)| &**run);
        let text = match modules.read(name, run) {
            Ok(text) => text,
            Err(problem) => {
                self.checker
                    .found(nth, Severity::Error, RuleError::load(problem, None));
                return None;
            }
        };
        let kind = modules.kind(name);
        if kind == Kind::Either && modules.is_of_a_language(name) {
            return None;
        }
        // A package was checked by its authors. It may need what rules do not have.
        let problems = match kind {
            _ if is_in_package(name) => Vec::new(),
            Kind::Json => json_problem(&text).into_iter().collect(),
            _ => problems(name, &text),
        };
        if problems.is_empty() {
            return (kind != Kind::Json).then(|| (name.to_owned(), shown, text));
        }
        self.checker.all(
            nth,
            RuleError::from_problems(&shown, &text, LineEnds::Script, problems),
        );
        None
    }
}

/// Looks at JavaScript that is part of a rule in another language, `subject`: for what is probably not meant, and for members
/// that modules do not have. `place` says where in the rule a line, a column and a length of the JavaScript are.
pub fn check_part(
    checker: &mut Checker,
    nth: usize,
    subject: Subject<'_>,
    text: &str,
    around: Surroundings<'_, '_>,
    place: &dyn Fn((u32, u32), u32) -> Spot,
) {
    let mut check = ScriptCheck {
        checker,
        nth,
        around,
    };
    check.lints_of(subject, text, place);
}

/// Which semaphores a script takes, and which rules it calls meanwhile. `takes_slots`: as in [`Surroundings`].
pub fn slots_of_script(text: &str, takes_slots: bool) -> SlotSummary {
    let (takes, calls) = lock_order(text, takes_slots);
    summary(&takes, &calls)
}

fn summary(takes: &[Take], calls: &[Call]) -> SlotSummary {
    let held = |take: &Take| HeldSlot {
        semaphore: take.semaphore.clone(),
        line: take.at.0,
    };
    let within = |within: &[usize]| within.iter().map(|at| held(&takes[*at])).collect();
    let taken = takes.iter().map(|take| TakenSlot {
        slot: held(take),
        one_slot_for_ever: take.one_slot_for_ever,
        within: within(&take.within),
    });
    let called = calls.iter().map(|call| CalledRule {
        from: None,
        file: call.file.clone(),
        at: Spot {
            line: call.at.0,
            column: call.at.1,
            length: call.length,
        },
        within: within(&call.within),
    });
    SlotSummary {
        takes: taken.collect(),
        calls: called.collect(),
    }
}

/// Looks at a rule of that name with that text.
pub(crate) type SlotsOf<'a> = dyn Fn(&str, &Arc<str>) -> Option<SlotSummary> + 'a;

/// What the rule in `file` takes and calls, if it can be read; and its canonical name. It is called from the file of the
/// name `from` (`""`: from the rule that is checked). `without_run` looks at it where no run does.
pub fn called_slots(
    around: Surroundings<'_, '_>,
    from: &str,
    file: &str,
    without_run: Option<&SlotsOf<'_>>,
) -> Option<(String, SlotSummary)> {
    let modules = around.modules?;
    let run = around.run.map(|(_, run)| run);
    if run.is_some_and(|run| run.must_stop()) {
        return None;
    }
    let specifier = match file.starts_with(['.', '/']) {
        true => file.to_owned(),
        false => format!("./{file}"),
    };
    let Resolved::File(path) = modules.resolve(from, &specifier).ok()? else {
        return None;
    };
    let name = path.to_str()?;
    let text = modules.read(name, run.map(|run| &**run)).ok()?;
    let summary = match run {
        Some(run) => match modules.program_of_language(name, &text) {
            Some(program) => program.slots(run)?,
            None => slots_of_script(&text, modules.may_take_slots(&text)),
        },
        None => without_run?(name, &text)?,
    };
    Some((name.to_owned(), summary))
}

/// The names that a function or a CommonJS module is given.
const GIVEN: [&str; 5] = ["arguments", "module", "exports", "__filename", "__dirname"];

/// What every object has.
const INHERITED: [&str; 5] = [
    "constructor",
    "hasOwnProperty",
    "toString",
    "valueOf",
    "default",
];

/// Whether the engine has a global of this name; it is not made for that.
pub fn has_global(ctx: &Ctx<'_>, name: &str) -> bool {
    match ctx.globals().contains_key(name) {
        Ok(has) => has,
        Err(_) => {
            drop(ctx.catch());
            true
        }
    }
}

/// Whether a global has this member.
fn has_member(ctx: &Ctx<'_>, name: &str) -> bool {
    let (global, member) = name.split_once('.').unwrap_or((name, ""));
    let object = ctx.globals().get::<_, Object<'_>>(global);
    match object.and_then(|object| object.contains_key(member)) {
        Ok(has) => has,
        Err(_) => {
            drop(ctx.catch());
            false
        }
    }
}

/// The words of a text that may be names.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
    words.filter(|word| word.len() > 2 && !word.starts_with(|c: char| c.is_ascii_digit()))
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
