//! What went wrong, where, and the way of ops that led there.

use rquickjs::{Exception, Value};

use super::super::scope::{BookSources, SCOPE_FILE};
use super::super::yaml::Place;
use super::{Abort, Ran, Runner, Thrown};
use crate::error::{ErrorKind, Frame, Location, RuleError};
use crate::isolate::{Failure, failure};

impl<'js> Runner<'_, 'js> {
    pub(super) fn js<T>(&self, result: rquickjs::Result<T>) -> Ran<'js, T> {
        result.map_err(|error| self.abort(failure(&self.ctx, self.run, &error)))
    }

    pub(super) fn abort(&self, failure: Failure<'js>) -> Abort<'js> {
        match failure {
            Failure::Stopped => Abort::Stopped,
            Failure::Thrown(value) => self.thrown(value, self.current()),
            Failure::Error(error) => {
                let mut abort = self.throw(&error.message);
                if let Abort::Thrown(thrown) = &mut abort {
                    thrown.cause = Some(error);
                }
                abort
            }
        }
    }

    pub(super) fn thrown(&self, value: Value<'js>, at: Place) -> Abort<'js> {
        Abort::Thrown(Box::new(Thrown {
            value,
            at,
            path: self.path.borrow().clone(),
            cause: None,
        }))
    }

    /// Fails the current op.
    pub(super) fn throw(&self, message: &str) -> Abort<'js> {
        self.throw_at(self.current(), message)
    }

    pub(super) fn throw_at(&self, at: Place, message: &str) -> Abort<'js> {
        match Exception::from_message(self.ctx.clone(), message) {
            Ok(error) => self.thrown(error.into_value(), at),
            Err(error) => self.abort(failure(&self.ctx, self.run, &error)),
        }
    }

    /// Where the op that is carried out stands.
    pub(super) fn current(&self) -> Place {
        self.path
            .borrow()
            .last()
            .map_or_else(Place::default, |step| step.at)
    }

    /// Marks what goes wrong before an op is on the path with its place.
    pub(super) fn placed<T>(&self, at: Place, work: impl FnOnce() -> Ran<'js, T>) -> Ran<'js, T> {
        work().map_err(|mut abort| {
            if let Abort::Thrown(thrown) = &mut abort
                && thrown.at == Place::default()
            {
                thrown.at = at;
            }
            abort
        })
    }

    pub(super) fn label(&self) -> String {
        self.path
            .borrow()
            .last()
            .map_or_else(String::new, |step| step.label.clone())
    }

    pub(super) fn here(&self) -> String {
        let label = self.label();
        if label.is_empty() {
            "the op".to_owned()
        } else {
            label
        }
    }

    /// The names on the way to the current op.
    pub(super) fn named_path(&self) -> Vec<String> {
        let path = self.path.borrow();
        let named = path.iter().filter(|step| step.named);
        let own = named.map(|step| step.label.clone());
        self.prefix.iter().cloned().chain(own).collect()
    }

    /// `deploy.yml › build › migrate, line 12`
    pub(super) fn owner(&self, at: Place) -> String {
        let mut owner = self.book.title.clone();
        for name in self.named_path() {
            owner.push_str(" › ");
            owner.push_str(&name);
        }
        format!("{owner}, line {}", at.line)
    }

    /// The error that is reported: it points at the op, unless it points into the JavaScript of one, and tells the way
    /// there.
    pub(super) fn explain(&self, thrown: Thrown<'js>) -> Failure<'js> {
        let sources = BookSources {
            modules: &self.run.modules,
            book: self.book,
        };
        let mut error = RuleError::from_js(&self.ctx, &thrown.value, &sources);
        if error.kind == ErrorKind::StackOverflow {
            return Failure::Thrown(thrown.value);
        }
        let file = crate::error::Sources::display_name(&sources, &self.book.name);
        let place = |at: Place| Location {
            file: file.clone(),
            line: at.line,
            column: at.column,
        };
        let in_book = error
            .location
            .as_ref()
            .is_some_and(|location| location.file == file);
        if !in_book && thrown.at != Place::default() {
            let at = (thrown.at.line, thrown.at.column);
            let length = thrown.at.length as usize;
            error = error.located(&sources, &self.book.name, at, length);
        }
        // The wrappers around the rulebook's JavaScript are nobody's functions.
        error
            .frames
            .retain(|frame| match frame.location.file.as_str() {
                SCOPE_FILE => false,
                other => other != file || frame.function.is_some(),
            });
        for step in thrown.path.iter().rev() {
            error.frames.push(Frame {
                function: Some(step.label.clone()),
                location: place(step.at),
            });
        }
        if error.cause.is_none() {
            error.cause = thrown.cause;
        }
        Failure::Error(Box::new(error))
    }
}
