//! Something of a run that is measured while it goes on: see [`Profile`](crate::profile::Profile).

use std::rc::Rc;

use crate::profile::{Nesting, ProfiledKind};
use crate::run::Run;

/// Something that goes on. Dropped, it has ended, and failed unless [`end`](Self::end) said otherwise.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct ProfileSpan {
    run: Rc<Run>,
    key: u64,
    has_ended: bool,
}

impl ProfileSpan {
    /// An op begins, at a line of a file; `None` if nobody wants to know. What is carried out from now on is within it.
    pub fn op(run: &Rc<Run>, what: impl FnOnce() -> String, file: &str, line: u32) -> Option<Self> {
        run.profiling.as_ref()?;
        let subject = (ProfiledKind::Op, &*what());
        Self::begin(run, Nesting::Around, subject, (Some(file), Some(line)))
    }

    /// A whole rule begins; `None` if nobody wants to know. What is carried out from now on is within it.
    pub fn rule(run: &Rc<Run>, title: &str) -> Option<Self> {
        let subject = (ProfiledKind::Rule, title);
        Self::begin(run, Nesting::Around, subject, (Some(title), Some(0)))
    }

    /// A command or a request of a script begins; `None` if nobody wants to know, or if it is what an op of the kind
    /// `op` does. Nothing is within it.
    pub fn beside(
        run: &Rc<Run>,
        ctx: &rquickjs::Ctx<'_>,
        kind: ProfiledKind,
        op: &str,
        what: impl FnOnce() -> String,
    ) -> Option<Self> {
        if run.profiling.as_ref()?.is_in(op) {
            return None;
        }
        let place = run.caller(ctx);
        let at = place
            .as_ref()
            .map(|place| (place.file.as_str(), place.line))
            .unzip();
        Self::begin(run, Nesting::Beside, (kind, &*what()), at)
    }

    pub(crate) fn begin(
        run: &Rc<Run>,
        nesting: Nesting,
        (kind, what): (ProfiledKind, &str),
        at: (Option<&str>, Option<u32>),
    ) -> Option<Self> {
        let profiling = run.profiling.as_ref()?;
        let what = run.secrets().mask(what);
        let key = profiling.begin(run.now(), nesting, (kind, &what), at);
        Some(Self {
            run: Rc::clone(run),
            key,
            has_ended: false,
        })
    }

    /// It is over.
    pub fn end(mut self, failed: bool) {
        self.finish(failed);
    }

    /// What asked for a slot has it.
    pub(crate) fn admit(&self) {
        if let Some(profiling) = &self.run.profiling {
            profiling.admit(self.key);
        }
    }

    /// What is carried out from now on is not within it, although it goes on.
    pub(crate) fn detach(&self) {
        if let Some(profiling) = &self.run.profiling {
            profiling.detach(self.run.now(), self.key);
        }
    }

    fn finish(&mut self, failed: bool) {
        if !std::mem::replace(&mut self.has_ended, true)
            && let Some(profiling) = &self.run.profiling
        {
            profiling.end(self.run.now(), self.key, failed);
        }
    }
}

impl Drop for ProfileSpan {
    fn drop(&mut self) {
        self.finish(true);
    }
}
