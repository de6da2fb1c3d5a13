//! `concurrency`: runs with one key go one after the other.

use std::sync::Arc;

use cla_runtime::internal::{Cancel, GiveWay, SemaphoreSpec, enter_key, replaced, replaced_by};
use cla_runtime::semaphore::AcquireError;
use cla_stdlib::internal::semaphore_error;
use serde_json::json;

use super::{BookRunner, outcome_of};
use crate::tree::{Abort, Concurrency, OpResult, Scope, Span, Values};

impl<'js> BookRunner<'_, 'js> {
    /// Does `work` when it is the turn of this run.
    pub(crate) fn one_at_a_time<T>(
        &self,
        concurrency: &Concurrency,
        scope: &Scope<'js>,
        work: impl FnOnce() -> OpResult<'js, T>,
    ) -> OpResult<'js, T> {
        let region = &concurrency.region;
        let refuse = |problem: &str| {
            let span = Span {
                book: Arc::clone(scope.book()),
                at: region.at,
            };
            self.throw_at(span, problem)
        };
        let name = self.placed(region.at, || self.text(&region.key, scope))?;
        let key = name.split_once(':').map_or(name.as_str(), |(_, key)| key);
        if key.trim().is_empty() {
            return Err(refuse("the key of concurrency is empty"));
        }
        let spec = SemaphoreSpec::read(&json!({"key": name, "slots": 1}))
            .map_err(|problem| refuse(&problem))?;
        // Who takes the place of another one is known by the name of its run.
        let who = (self.run.name(), region.at.line);
        let entered = enter_key(&self.ctx, self.run, &spec, concurrency.cancel, who);
        let inside = match self.js(entered)? {
            Ok(inside) => inside,
            Err(error) => {
                if matches!(error, AcquireError::Cancelled { .. })
                    && let Some(by) = self.js(replaced_by(&self.ctx, self.run, spec.name()))?
                {
                    *self.replaced.borrow_mut() = Some(replaced(key, &by, false));
                    return Err(Abort::Stopped);
                }
                let mut abort = refuse(&error.to_string());
                if let Abort::Thrown(thrown) = &mut abort
                    && let Ok(Some(value)) =
                        semaphore_error(&self.ctx, self.run, spec.name(), &error)
                {
                    thrown.value = value;
                }
                return Err(abort);
            }
        };
        let way = match concurrency.cancel {
            Cancel::Running => Some(GiveWay::begin(self.run, spec.name())),
            _ => None,
        };
        let result = inside.around(work, outcome_of, |lost| refuse(&lost.to_string()));
        if let (Err(Abort::Stopped), Some(by)) = (&result, way.and_then(|way| way.newcomer())) {
            *self.replaced.borrow_mut() = Some(replaced(key, &by, true));
        }
        result
    }
}
