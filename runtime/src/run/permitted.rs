//! What a run may, and what it is told where it may not.

use std::rc::Rc;

use rquickjs::function::Constructor;
use rquickjs::object::Property;
use rquickjs::{Ctx, Exception, Value};

use cla_semaphore::SemaphoreName;

use super::{Rooted, Run};
use crate::permissions::{FileError, PermissionDenied, Permissions};
use crate::permit_table::Usage;
use crate::sys::quickjs::error_without_place;

/// The class of errors, as JavaScript would write it.
const ERROR_CLASS: &str = "(() => {
    class PermissionError extends Error {
        constructor(message, details = {}) {
            super(message);
            const { permission, resource, flag } = details;
            if (permission !== undefined) this.permission = permission;
            if (resource !== undefined) this.resource = resource;
            if (flag !== undefined) this.flag = flag;
        }
    }
    Object.defineProperty(PermissionError.prototype, 'name', {
        value: 'PermissionError', writable: true, configurable: true,
    });
    return PermissionError;
})()";

/// The class in one run, made when it is first needed.
struct ErrorClass(Rooted<Constructor<'static>>);

impl Run {
    /// What this run may reach outside of the engine.
    ///
    /// A module asks before it does something: `run.permitted(ctx, run.permissions().read(path))?`.
    pub fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    /// What was asked for, if it is permitted.
    ///
    /// # Errors
    ///
    /// A `PermissionError`, whose fields are the `permission`, the `resource`, and the `flag` of the `cla` program that would
    /// give it.
    pub fn permitted<T>(
        &self,
        ctx: &Ctx<'_>,
        asked: Result<T, PermissionDenied>,
    ) -> rquickjs::Result<T> {
        asked.map_err(|denied| self.throw_denied(ctx, &denied))
    }

    /// A file that was opened, if it is permitted; what the system says is handed on.
    ///
    /// # Errors
    ///
    /// A `PermissionError`.
    pub fn permitted_file<T>(
        &self,
        ctx: &Ctx<'_>,
        opened: Result<T, FileError>,
    ) -> rquickjs::Result<std::io::Result<T>> {
        match opened {
            Ok(file) => Ok(Ok(file)),
            Err(FileError::System(error)) => Ok(Err(error)),
            Err(FileError::Denied(denied)) => Err(self.throw_denied(ctx, &denied)),
        }
    }

    /// A semaphore of the engine, to be taken by this run.
    ///
    /// # Errors
    ///
    /// A `PermissionError`.
    #[doc(hidden)]
    pub fn usage(&self, ctx: &Ctx<'_>, name: &SemaphoreName) -> rquickjs::Result<Rc<Usage>> {
        self.permitted(ctx, self.permissions.store(name.as_str()))?;
        if self.secrets.are_in(name.as_str()) {
            // Everyone who uses the store sees the names.
            let message = "the name of the semaphore has a secret in it";
            return Err(Exception::throw_type(ctx, message));
        }
        Ok(self.permits.usage(&self.semaphores, name))
    }

    /// The secret of this name.
    ///
    /// # Errors
    ///
    /// An exception if the run has none of this name.
    pub fn secret(&self, ctx: &Ctx<'_>, name: &str) -> rquickjs::Result<&str> {
        let secret = self.secrets.get(name);
        secret.ok_or_else(|| Exception::throw_message(ctx, &self.secrets.why_absent(name)))
    }

    /// Throws a `PermissionError`.
    pub fn throw_denied(&self, ctx: &Ctx<'_>, denied: &PermissionDenied) -> rquickjs::Error {
        match self.denied_value(ctx, denied) {
            Ok(error) => ctx.throw(error),
            Err(error) => error,
        }
    }

    /// The class `PermissionError`.
    ///
    /// # Errors
    ///
    /// There is no memory left for it, or the run was stopped.
    pub fn permission_error<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Constructor<'js>> {
        if let Some(class) = self.state::<ErrorClass>() {
            return class.0.get(ctx);
        }
        let mut options = rquickjs::context::EvalOptions::default();
        options.filename = Some("cla/permissions".into());
        options.backtrace_barrier = true;
        let class: Constructor<'js> = ctx.eval_with_options(ERROR_CLASS, options)?;
        self.set_state(Rc::new(ErrorClass(self.keep(ctx, class.clone()))));
        Ok(class)
    }

    fn denied_value<'js>(
        &self,
        ctx: &Ctx<'js>,
        denied: &PermissionDenied,
    ) -> rquickjs::Result<Value<'js>> {
        // Without a call of its constructor, which would be the place of an error that no code of the rule's throws.
        let class = self.permission_error(ctx)?;
        let error = error_without_place(ctx, &class.get("prototype")?)?;
        let message = Property::from(denied.to_string());
        error.prop("message", message.writable().configurable())?;
        error.set("permission", denied.permission.name())?;
        error.set("resource", denied.resource.as_str())?;
        if !denied.is_denied {
            error.set("flag", denied.flag())?;
        }
        Ok(error.into_value())
    }
}
