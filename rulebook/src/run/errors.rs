//! What went wrong, where, and the ops that led there.

use std::sync::Arc;

use cla_runtime::RuleError;
use cla_runtime::error::ErrorKind;
use cla_runtime::internal::{Failure, Sources, failure};
use cla_runtime::js::{Exception, Value};

use super::BookRunner;
use crate::tree::{Abort, Book, BookSources, OpResult, Runner, SCOPE_FILE, Scope, Span, Thrown};
use crate::yaml::Place;

impl<'js> BookRunner<'_, 'js> {
    pub(crate) fn abort(&self, failure: Failure<'js>) -> Abort<'js> {
        match failure {
            Failure::Stopped => Abort::Stopped,
            Failure::Thrown(value) => self.thrown(value, self.span()),
            Failure::Error(error) => {
                let mut abort = self.throw(&error.message);
                if let Abort::Thrown(thrown) = &mut abort {
                    thrown.cause = Some(error);
                }
                abort
            }
        }
    }

    pub(crate) fn thrown(&self, value: Value<'js>, span: Span) -> Abort<'js> {
        Abort::Thrown(Box::new(Thrown {
            value,
            span,
            path: self.path.borrow().clone(),
            cause: None,
        }))
    }

    pub(crate) fn throw_at(&self, span: Span, message: &str) -> Abort<'js> {
        match Exception::from_message(self.ctx.clone(), message) {
            Ok(error) => self.thrown(error.into_value(), span),
            Err(error) => self.abort(failure(&self.ctx, self.run, &error)),
        }
    }

    /// Where the op that is carried out stands.
    pub(crate) fn span(&self) -> Span {
        self.path.borrow().last().map_or_else(
            || Span {
                book: Arc::clone(self.main),
                at: Place::default(),
            },
            |step| step.span.clone(),
        )
    }

    /// Marks what goes wrong before an op is on the path with its place.
    pub(crate) fn placed<T>(
        &self,
        at: Place,
        work: impl FnOnce() -> OpResult<'js, T>,
    ) -> OpResult<'js, T> {
        work().map_err(|mut abort| {
            if let Abort::Thrown(thrown) = &mut abort
                && thrown.span.at == Place::default()
            {
                thrown.span.at = at;
            }
            abort
        })
    }

    pub(crate) fn label(&self) -> String {
        self.path
            .borrow()
            .last()
            .map_or_else(String::new, |step| step.label.clone())
    }

    pub(crate) fn here(&self) -> String {
        let label = self.label();
        if label.is_empty() {
            "the op".to_owned()
        } else {
            label
        }
    }

    /// The names on the way to the current op.
    pub(crate) fn named_path(&self) -> Vec<String> {
        let path = self.path.borrow();
        let named = path.iter().filter(|step| step.named);
        let own = named.map(|step| step.label.clone());
        self.prefix.iter().cloned().chain(own).collect()
    }

    /// `deploy.yml › build › migrate, line 12`
    pub(crate) fn owner(&self, scope: &Scope<'js>, at: Place) -> String {
        let mut owner = self.main.title.clone();
        for name in self.named_path() {
            owner.push_str(" › ");
            owner.push_str(&name);
        }
        if Arc::ptr_eq(scope.book(), self.main) {
            format!("{owner}, line {}", at.line)
        } else {
            format!("{owner}, {} line {}", scope.book().title, at.line)
        }
    }

    /// The error that is reported. It points at the op, or into the JavaScript of an op, and has the ops that led there as its
    /// frames.
    pub(crate) fn explain(&self, thrown: Thrown<'js>) -> Failure<'js> {
        let evaluators = self.evaluators.borrow();
        let books: Vec<Arc<Book>> = evaluators
            .values()
            .map(|of| Arc::clone(of.book()))
            .collect();
        let sources = BookSources {
            modules: self.run.modules(),
            books: &books,
        };
        let mut error = RuleError::from_js(&self.ctx, &thrown.value, &sources);
        if error.kind == ErrorKind::StackOverflow {
            return Failure::Thrown(thrown.value);
        }
        let shown = |book: &Book| sources.display_name(&book.name);
        let files: Vec<String> = books.iter().map(|book| shown(book)).collect();
        let in_book = error
            .location
            .as_ref()
            .is_some_and(|location| files.contains(&location.file));
        let Span { book, at } = &thrown.span;
        if !in_book && *at != Place::default() {
            let length = at.length as usize;
            error = error.located(&sources, &book.name, (at.line, at.column), length);
        }
        // The author did not write the wrappers around the rulebook's JavaScript.
        error
            .frames
            .retain(|frame| match frame.location.file.as_str() {
                SCOPE_FILE => false,
                other => !files.iter().any(|file| file == other) || frame.function.is_some(),
            });
        for step in thrown.path.iter().rev() {
            let (file, at) = (shown(&step.span.book), step.span.at);
            error.add_frame(step.label.clone(), file, at.line, at.column);
        }
        if error.cause.is_none() {
            error.cause = thrown.cause;
        }
        Failure::Error(Box::new(error))
    }
}
