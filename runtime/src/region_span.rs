//! A stay in a semaphored region while it goes on: what its run's record says of it in the end.

use std::rc::Rc;
use std::time::Duration;

use cla_semaphore::{AcquireError, Owner, SemaphoreName};

use crate::profile::{Nesting, ProfiledKind};
use crate::profile_span::ProfileSpan;
use crate::run::Run;
use crate::trace::{RegionOutcome, RegionRecord};

/// A stay in a region that is going on: notes it in the run's record, however it ends.
///
/// Dropped, it was [stopped](RegionOutcome::Stopped).
pub struct RegionSpan {
    run: Rc<Run>,
    /// Boxed, so that a guard with room for a span stays small: most slots are held without one.
    record: Option<Box<RegionRecord>>,
    /// The stay's key among those that go on.
    key: u32,
    admitted: bool,
    measured: Option<ProfileSpan>,
}

impl RegionSpan {
    /// A run asks for a slot: `who` is its rule and the part of it, as administrators see them, `at` the file and the line of
    /// the source, from 1.
    pub fn begin(
        run: &Rc<Run>,
        semaphore: &SemaphoreName,
        who: &str,
        at: (Option<&str>, u32),
    ) -> Self {
        Self::nested(run, semaphore, who, at, Nesting::Around)
    }

    /// As [`begin`](Self::begin), around an op, whose work is its own.
    pub(crate) fn begin_of_op(
        run: &Rc<Run>,
        semaphore: &SemaphoreName,
        who: &str,
        line: u32,
    ) -> Self {
        Self::nested(run, semaphore, who, (None, line), Nesting::Wait)
    }

    fn nested(
        run: &Rc<Run>,
        semaphore: &SemaphoreName,
        who: &str,
        at: (Option<&str>, u32),
        nesting: Nesting,
    ) -> Self {
        let mut record = RegionRecord {
            semaphore: semaphore.clone(),
            who: Owner::shortened(who.to_owned()),
            line: at.1,
            asked: run.elapsed(),
            waited: Duration::ZERO,
            held: Duration::ZERO,
            granted: false,
            outcome: RegionOutcome::Stopped,
        };
        // From here on it is seen outside of the run.
        run.secrets().mask_region(&mut record);
        let key = run.control.facts.begin(&record);
        if let Some(spans) = &run.spans {
            spans.begin_region(key, &record);
        }
        let subject = (ProfiledKind::Region, semaphore.as_str());
        Self {
            run: Rc::clone(run),
            record: Some(Box::new(record)),
            key,
            admitted: false,
            measured: ProfileSpan::begin(run, nesting, subject, (at.0, Some(at.1))),
        }
    }

    /// It has its slot; `granted` if an administrator let it through.
    pub fn admit(&mut self, granted: bool) {
        self.admitted = true;
        if let Some(measured) = &self.measured {
            measured.admit();
        }
        self.run.control.facts.admit(self.key);
        self.waited();
        if let Some(record) = &mut self.record {
            record.granted = granted;
        }
    }

    /// It gets none.
    pub fn refuse(mut self, why: &AcquireError) {
        self.waited();
        self.note(RegionOutcome::from(why));
    }

    /// It stays, and what its run does from now on is not done there.
    pub(crate) fn detach(&self) {
        if let Some(measured) = &self.measured {
            measured.detach();
        }
    }

    /// It has left.
    pub fn leave(mut self, outcome: RegionOutcome) {
        self.note(outcome);
    }

    fn waited(&mut self) {
        let now = self.run.elapsed();
        if let Some(record) = &mut self.record {
            record.waited = now.saturating_sub(record.asked);
        }
    }

    fn note(&mut self, outcome: RegionOutcome) {
        let now = self.run.elapsed();
        if let Some(mut record) = self.record.take() {
            if self.admitted {
                record.held = now.saturating_sub(record.asked + record.waited);
            }
            // The error that leads a stopped run out of its code is none of its own.
            record.outcome = match outcome {
                RegionOutcome::Failed if self.run.is_unwinding() => RegionOutcome::Stopped,
                outcome => outcome,
            };
            if let Some(measured) = self.measured.take() {
                measured.end(record.outcome != RegionOutcome::Done);
            }
            self.run.control.facts.end(self.key);
            if let Some(spans) = &self.run.spans {
                spans.end_region(self.key);
            }
            self.run.note_region(*record);
        }
    }
}

impl Drop for RegionSpan {
    fn drop(&mut self) {
        if !self.admitted {
            self.waited();
        }
        self.note(RegionOutcome::Stopped);
    }
}

impl std::fmt::Debug for RegionSpan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegionSpan")
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}
