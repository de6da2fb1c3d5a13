//! A run that looks at a rule and executes nothing of it. So a check knows the engine's modules and what the run may
//! import, has the run's limits, can be cancelled, and keeps no thread of the host's.

use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use parking_lot::Mutex;
use rquickjs::{Ctx, Value};

use crate::check::Severity;
use crate::check::checker::Checker;
use crate::error::source::Sources;
use crate::evaluation::{Evaluated, Failure};
use crate::isolate::load;
use crate::plan::Plan;
use crate::program::Program;
use crate::run::Run;
use crate::script::{Script, Source};

/// What is done with a rule that is not executed.
pub(crate) struct Inspection {
    script: Script,
    task: Task,
}

/// What a look at the rule is to find.
enum Task {
    /// Its mistakes. The checker is out of its place while the rule is looked at, so that no lock is held meanwhile.
    Check(Mutex<Option<Checker>>),
    /// What it would do, with this stash.
    Plan {
        stash: serde_json::Value,
        plan: Mutex<Option<Plan>>,
    },
}

impl Inspection {
    pub(crate) fn check(script: Script, checker: Checker) -> Self {
        Self {
            script,
            task: Task::Check(Mutex::new(Some(checker))),
        }
    }

    pub(crate) fn plan(script: Script, stash: serde_json::Value) -> Self {
        Self {
            script,
            task: Task::Plan {
                stash,
                plan: Mutex::default(),
            },
        }
    }

    /// What was found; nothing if the run was stopped by force.
    pub(crate) fn take_checker(&self) -> Checker {
        match &self.task {
            Task::Check(checker) => checker.lock().take().unwrap_or_default(),
            Task::Plan { .. } => Checker::default(),
        }
    }

    pub(crate) fn take_plan(&self) -> Option<Plan> {
        match &self.task {
            Task::Check(_) => None,
            Task::Plan { plan, .. } => plan.lock().take(),
        }
    }

    /// The rule's name as its user wrote it.
    fn shown(&self, run: &Run) -> String {
        match &self.script.source {
            Source::File(path) => path.display().to_string(),
            Source::Text { name, .. } => name.as_ref().to_owned(),
            Source::Read { name, .. } => run.modules().display_name(name),
            Source::Program(program) => program.title().to_owned(),
        }
    }
}

impl fmt::Debug for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspection")
            .field("script", &self.script)
            .finish_non_exhaustive()
    }
}

impl Program for Inspection {
    fn title(&self) -> &str {
        self.script.name()
    }

    fn name(&self) -> &str {
        self.script.name()
    }

    fn folder(&self) -> Option<PathBuf> {
        folder_of(&self.script)
    }

    fn execute<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> Evaluated<'js, Value<'js>> {
        let shown = self.shown(run);
        let is_free = self.script.has_free_name();
        let has_file = matches!(self.script.source, Source::File(_));
        let loaded = load(self.script.source.clone(), run, run.limits());
        if let Ok(program) = &loaded {
            // By the name that findings show, unless it is what modules call it.
            let name = if has_file { &shown } else { program.name() };
            run.modules().set_main(name, program.folder());
            if is_free {
                run.modules().main_has_free_name();
            }
        }
        match &self.task {
            Task::Check(place) => {
                let mut checker = place.lock().take().unwrap_or_default();
                match loaded {
                    Ok(program) => {
                        if let Source::File(path) = &self.script.source
                            && let Ok(canonical) = path.canonicalize()
                        {
                            let _ = checker.see(canonical);
                        }
                        program.check(ctx, run, &shown, &mut checker);
                    }
                    Err(error) => {
                        let nth = checker.begin(None);
                        checker.found(nth, Severity::Error, error);
                    }
                }
                *place.lock() = Some(checker);
            }
            Task::Plan { stash, plan: place } => {
                let plan = loaded?.plan(ctx, run, &shown, stash)?;
                *place.lock() = Some(plan);
            }
        }
        match run.must_stop() {
            true => Err(Failure::Stopped),
            false => Ok(Value::new_undefined(ctx.clone())),
        }
    }
}

/// The canonical folder below which a rule may import; `None` if it lies in no folder.
pub(crate) fn folder_of(script: &Script) -> Option<PathBuf> {
    match &script.source {
        Source::File(path) => path.canonicalize().ok()?.parent().map(PathBuf::from),
        Source::Text { folder, .. } => folder.as_ref()?.canonicalize().ok(),
        Source::Read { name, .. } => Path::new(name.as_ref()).parent().map(PathBuf::from),
        Source::Program(program) => program.folder(),
    }
}
