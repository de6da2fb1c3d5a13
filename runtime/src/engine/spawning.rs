//! Runs that a run starts: other rules, and forks of its own program.

use std::pin::pin;
use std::sync::Arc;

use rquickjs::{Ctx, Exception};

use super::Engine;
use crate::family::NoSeat;
use crate::handle::RunHandle;
use crate::modules::Resolved;
use crate::observe::HitLimit;
use crate::options::{Origin, RunOptions};
use crate::profile::Profiling;
use crate::report::RunReport;
use crate::run::Run;
use crate::script::Script;

/// Runs that start runs, one below the other, are no more than these.
const MOST_GENERATIONS: u32 = 50;

impl Run {
    /// Another rule, as a rule names its file: one below the folders that this run may import from. It is read here, so
    /// that what was allowed is what runs.
    ///
    /// A relative path begins at the folder of the file `from`; `""` stands for the rule that was started. Blocks the
    /// rule, not its thread, if the file is large.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    pub fn rule_file(&self, from: &str, file: &str) -> Result<Script, String> {
        let specifier = if file.starts_with(['.', '/']) {
            file.to_owned()
        } else {
            format!("./{file}")
        };
        let path = match self.modules().resolve(from, &specifier) {
            Ok(Resolved::File(path)) => path,
            Ok(Resolved::BuiltIn(_)) => return Err(format!("{file} is no file")),
            Err(error) => return Err(error.to_string()),
        };
        let Some(name) = path.to_str() else {
            return Err(format!("the path {} is not valid UTF-8", path.display()));
        };
        let text = self.modules().read(name, Some(self))?;
        Ok(Script::read(name, text))
    }

    /// Runs another rule, with the output, limits and folders of this one, and blocks until it has ended. It is
    /// cancelled when this run is stopped.
    ///
    /// # Errors
    ///
    /// That of [`Run::block_on`]; an exception if rules call each other more than 50 levels deep. How the other rule
    /// ended is in its report.
    pub fn run_rule(
        &self,
        ctx: &Ctx<'_>,
        script: Script,
        options: RunOptions,
    ) -> rquickjs::Result<RunReport> {
        let handle = self
            .spawn(script, options, false)
            .map_err(|problem| Exception::throw_message(ctx, &problem))?;
        let _waiting = self.wait_for_runs(vec![handle.id()]);
        let canceller = handle.canceller();
        let mut handle = pin!(handle);
        let report = self.block_durably(ctx, handle.as_mut()).inspect_err(|_| {
            canceller.cancel_within(self.grace_of_started());
            // It gives back what it holds before this run goes on.
            self.shielded(|| {
                let _ = self.block_durably(ctx, handle.as_mut());
            });
        })?;
        if let Err(error) = &report.result
            && error.kind == crate::error::ErrorKind::TimedOut
        {
            // Both have one limit of time, so this run may be out of it as well: then it ends, whichever was seen first.
            self.checkpoint(ctx)?;
        }
        Ok(report)
    }

    /// Starts another run, with the output and folders of this one. Both share one limit of memory and one of time.
    ///
    /// # Errors
    ///
    /// Runs that start runs go on for ever, too many live, or there is no memory for one more.
    #[doc(hidden)]
    pub fn spawn(
        &self,
        script: Script,
        options: RunOptions,
        detached: bool,
    ) -> Result<RunHandle, String> {
        if self.depth >= MOST_GENERATIONS {
            return Err("runs start each other more than 50 levels deep".to_owned());
        }
        let stash_bytes = options.stash_bytes();
        let seat = self.family.seat(stash_bytes);
        let (deadline, last) = self.times_of_started();
        let origin = Origin {
            seat: seat.map_err(|full| {
                self.note_limit(match full {
                    NoSeat::TooMany(_) => HitLimit::Runs,
                    NoSeat::NoMemory { .. } => HitLimit::Memory,
                });
                full.to_string()
            })?,
            stash_bytes,
            parent: Some(self.id),
            depth: self.depth + 1,
            deadline,
            last,
            inspects: false,
        };
        let mut options = options
            .limits(self.limits)
            .output(Arc::clone(self.output()))
            .permissions(self.permissions().clone())
            .inherited(
                self.data.clone(),
                self.environment.clone(),
                self.config.clone(),
                self.secrets.clone(),
            )
            .detached(detached)
            .profiled(self.profiling.as_ref().map(Profiling::options));
        if let Some(trace) = &self.trace {
            options = options.trace(Arc::clone(trace));
        }
        for folder in &self.folders {
            options = options.allow_folder(folder);
        }
        Ok(self.layer::<Engine>().start(script, options, origin))
    }
}
