//! How a rule ends its own run, and what it is told when the run ends.

use std::cell::{Cell, RefCell};

use rquickjs::{Ctx, Function};

use super::{Rooted, Run};
use crate::control::Stop;

/// What a run has said of its end.
#[derive(Default)]
pub(super) struct Ending {
    /// What the program that runs the rule is to exit with.
    code: Cell<Option<i32>>,
    /// What is called when nothing is pending any more.
    last_words: RefCell<Option<Rooted<Function<'static>>>>,
}

impl Run {
    /// Ends the run, and no other, with this exit code: gives an exception that the rule cannot catch, to be returned to
    /// QuickJS as it is. The run gives back what it holds, as at any end. A code other than 0 is a failure of the run.
    pub fn exit(&self, ctx: &Ctx<'_>, code: i32) -> rquickjs::Error {
        self.set_exit_code(Some(code));
        self.control.stop(Stop::Exited);
        self.throw_stopped(ctx)
    }

    /// Sets what the program that runs the rule is to exit with, if the run ends by itself.
    pub fn set_exit_code(&self, code: Option<i32>) {
        self.ending.code.set(code);
    }

    /// What was set.
    pub fn exit_code(&self) -> Option<i32> {
        self.ending.code.get()
    }

    /// Lets a function of the rule's be called when nothing is pending any more: with `false`, after which the run goes on
    /// for as long as something is pending again, and then with `true`. A run that fails or is stopped does not call it.
    #[doc(hidden)]
    pub fn at_end(&self, function: Rooted<Function<'static>>) {
        *self.ending.last_words.borrow_mut() = Some(function);
    }

    /// That function.
    pub(crate) fn last_words<'js>(
        &self,
        ctx: &Ctx<'js>,
    ) -> rquickjs::Result<Option<Function<'js>>> {
        let words = self.ending.last_words.borrow();
        words.as_ref().map(|words| words.get(ctx)).transpose()
    }
}
