//! Looking at rules without running them.

use std::sync::Arc;

use super::Engine;
use crate::check::checker::Checker;
use crate::check::{Finding, Severity};
use crate::error::RuleError;
use crate::family::Family;
use crate::inspection::Inspection;
use crate::options::{Origin, RunOptions};
use crate::plan::Plan;
use crate::report::RunReport;
use crate::script::Script;
use crate::value::{Stash, Wanted};

impl Engine {
    /// Finds what is wrong with a rule without running it: what does not parse, imports that cannot be resolved or are not
    /// permitted, names that built-in modules do not export, waits that can never end; of a rulebook also unknown ops and
    /// arguments, and variables that nothing sets.
    ///
    /// It knows what this engine has: its modules, languages, folders and permissions. It is done on one of the engine's
    /// threads, within the engine's limits, and can be given up by dropping the future. Of the modules that the rule
    /// imports, built-in ones are made as by an import; nothing of the rule is executed.
    ///
    /// ```
    /// use cla_runtime::{Engine, HostModule, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let prices = HostModule::new("app/prices")
    ///     .function("gross", |(net,): (f64,)| Ok::<_, String>(net * 1.25));
    /// let engine = Engine::builder().module(prices).build();
    /// let script = Script::javascript("rule", "import { groß } from 'app/prices';\nimport 'app/price';");
    /// let found = engine.check(&script).await;
    /// let lines: Vec<String> = found.iter().map(|finding| finding.error.to_string()).collect();
    /// assert_eq!(lines[0], "rule:1:10: SyntaxError: app/prices exports no groß");
    /// assert!(lines[1].contains("did you mean 'app/prices'?"), "{lines:?}");
    /// # }
    /// ```
    pub async fn check(&self, script: &Script) -> Vec<Finding> {
        self.check_all(std::slice::from_ref(script), RunOptions::new())
            .await
    }

    /// Checks rules that are to go together, as if they were run with these options: what [`check`](Self::check) finds in
    /// each, and pairs of semaphores that one takes in one order and another in the opposite one.
    ///
    /// The findings come in the order of the rules, and of their lines.
    pub async fn check_all(&self, scripts: &[Script], options: RunOptions) -> Vec<Finding> {
        let secrets = options.secrets.clone();
        let mut checker = Checker::default();
        for script in scripts {
            let inspection = Arc::new(Inspection::check(script.clone(), checker));
            let report = self.inspect(&inspection, options.clone()).await;
            checker = inspection.take_checker();
            if let Err(error) = report.result {
                let nth = checker.begin(None);
                checker.found(nth, Severity::Error, error);
            }
        }
        let mut findings = checker.into_findings();
        for finding in &mut findings {
            secrets.mask_error(&mut finding.error);
        }
        findings
    }

    /// Says what a rule would do with the stash and the event of these options, without running it. Of a script, that is
    /// what it imports, the semaphore that it exports and those that it takes by name.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cla_runtime::RuleError> {
    /// let engine = Engine::builder().with(cla_rulebook::install).build();
    /// let text = "import { region } from 'cla/rule';\nimport './x.js';\nregion('db', () => region('disk', () => 1));";
    /// let plan = engine.plan(&Script::javascript("rule", text), RunOptions::new()).await?;
    /// let names: Vec<&str> = plan.semaphores.iter().map(|semaphore| semaphore.name.as_str()).collect();
    /// assert_eq!(names, ["db", "disk"]);
    /// assert_eq!(plan.imports[0].module.as_deref(), Some("cla/rule"));
    /// // A text in memory lies in no folder, so it cannot import files.
    /// assert_eq!(plan.imports[1].module, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// All that is wrong with a rulebook; an event that it does not have; a file that cannot be read; that the engine's
    /// limits did not suffice.
    pub async fn plan(&self, script: &Script, mut options: RunOptions) -> Result<Plan, RuleError> {
        let stash = match std::mem::take(&mut options.stash) {
            Stash::Json(json) => json,
            Stash::Value(value) => value.into_json(),
        };
        let secrets = options.secrets.clone();
        let inspection = Arc::new(Inspection::plan(script.clone(), stash));
        let report = self.inspect(&inspection, options).await;
        match (report.result, inspection.take_plan()) {
            (Ok(_), Some(mut plan)) => {
                secrets.mask_plan(&mut plan);
                Ok(plan)
            }
            (Err(error), _) => Err(error),
            (Ok(_), None) => Err(RuleError::internal("the rule was not looked at")),
        }
    }

    /// Runs an inspection. It has no place among the runs that the engine bounds, for it executes nothing.
    async fn inspect(&self, inspection: &Arc<Inspection>, options: RunOptions) -> RunReport {
        let limits = options.limits.unwrap_or(self.shared.settings.limits);
        let origin = Origin {
            inspects: true,
            ..Origin::of_host(Family::first(&limits))
        };
        let script = Script::shared_program(Arc::clone(inspection) as _);
        let handle = self.start(script, options.wanted(Wanted::Nothing), origin);
        handle.cancel_on_drop().await
    }
}
