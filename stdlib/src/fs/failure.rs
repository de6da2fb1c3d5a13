//! Why a file could not be used, as rules see it: a `FileError` with Node's `code`, the `path` and the `syscall`.

use std::fmt::Write;
use std::io;
use std::path::Path;

use cla_runtime::host::Run;
use cla_runtime::js::function::Constructor;
use cla_runtime::js::{self, Ctx, Error, Value};
use cla_runtime::permissions::FileError;

use crate::throw::placeless;

/// What failed, and at which file.
#[derive(Debug)]
pub(crate) struct Failure {
    error: FileError,
    /// If it is another one than the call named.
    path: Option<String>,
    syscall: &'static str,
}

impl Failure {
    /// What failed was this.
    pub(super) fn of(error: impl Into<FileError>, syscall: &'static str) -> Self {
        Self {
            error: error.into(),
            path: None,
            syscall,
        }
    }

    /// It failed at this file.
    pub(super) fn at(mut self, path: &Path) -> Self {
        self.path = Some(path.to_string_lossy().into_owned());
        self
    }

    /// Whether there is no such file.
    pub(super) fn is_not_found(&self) -> bool {
        self.kind() == Some(io::ErrorKind::NotFound)
    }

    pub(super) fn kind(&self) -> Option<io::ErrorKind> {
        match &self.error {
            FileError::System(error) => Some(error.kind()),
            _ => None,
        }
    }

    /// What failed, for those that name the file themselves.
    pub(super) fn into_error(self) -> FileError {
        match (self.error, self.path) {
            (FileError::System(error), Some(path)) => {
                io::Error::new(error.kind(), format!("{path}: {error}")).into()
            }
            (error, _) => error,
        }
    }

    /// Throws it.
    pub(super) fn throw<'js>(
        self,
        ctx: &Ctx<'js>,
        run: &Run,
        class: &Constructor<'js>,
        call: &Named,
    ) -> Error {
        let error = match self.error {
            FileError::Denied(denied) => return run.throw_denied(ctx, &denied),
            FileError::System(error) => error,
            #[allow(unreachable_patterns, reason = "the enum may get more variants")]
            other => io::Error::other(other.to_string()),
        };
        let path = self.path.as_ref().unwrap_or(&call.path);
        let code = code(&error);
        let mut message = match call.function.starts_with("file.") {
            true => format!("{}: ", call.function),
            false => format!("fs.{}: ", call.function),
        };
        let _ = match reason(&error, call.function) {
            Some(reason) => write!(message, "{path}: {reason}"),
            // The number of the system's error says nothing that its name does not.
            None => {
                let text = error.to_string();
                let text = text.split(" (os error").next().unwrap_or_default();
                write!(message, "{path}: {text}")
            }
        };
        if let Some(code) = code {
            let _ = write!(message, " ({code})");
        }
        let make = || {
            let error = placeless(ctx, class, &message)?;
            if let Some(object) = error.as_object() {
                object.set("code", code)?;
                object.set("path", path.as_str())?;
                object.set("syscall", self.syscall)?;
                if let Some(dest) = &call.dest {
                    object.set("dest", dest.as_str())?;
                }
            }
            js::Result::<Value<'js>>::Ok(error)
        };
        match make() {
            Ok(error) => ctx.throw(error),
            Err(error) => error,
        }
    }
}

/// What is wrong with a file, and what to do, for a rulebook's error: without the path.
#[must_use]
pub fn in_words(error: &io::Error, is_written: bool) -> String {
    let is_missing = error.kind() == io::ErrorKind::NotFound && error.raw_os_error().is_some();
    let text = match reason(error, "") {
        Some(_) if is_missing && is_written => "there is no such folder; make it first".to_owned(),
        Some(reason) => reason.to_owned(),
        None => {
            let text = error.to_string();
            text.split(" (os error")
                .next()
                .unwrap_or_default()
                .to_owned()
        }
    };
    match code(error) {
        Some(code) => format!("{text} ({code})"),
        None => text,
    }
}

/// A call as errors name it.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    pub(super) function: &'static str,
    /// As the rule wrote it.
    pub(super) path: String,
    pub(super) dest: Option<String>,
}

/// What to do about an error that people often meet.
fn reason(error: &io::Error, function: &str) -> Option<&'static str> {
    use io::ErrorKind as Kind;
    // What our own code says is clear already.
    error.raw_os_error()?;
    Some(match error.kind() {
        Kind::NotFound if matches!(function, "writeFile" | "appendFile" | "mkdir") => {
            "there is no such folder; fs.createPath makes folders with all above them"
        }
        Kind::NotFound => "there is no such file or folder",
        Kind::PermissionDenied => "the system does not permit it to the user of this process",
        Kind::AlreadyExists => "there is something of that name already",
        Kind::NotADirectory => "a part of the path is a file, and no folder",
        Kind::IsADirectory => "it is a folder, and a file is needed",
        Kind::DirectoryNotEmpty => {
            "the folder is not empty; {recursive: true} means all in it, too"
        }
        Kind::StorageFull => "there is no room left on the device",
        Kind::ReadOnlyFilesystem => "the file system can only be read",
        Kind::TooManyLinks => "links lead in a circle",
        _ => return None,
    })
}

/// Node's name of an error.
fn code(error: &io::Error) -> Option<&'static str> {
    use io::ErrorKind as Kind;
    #[cfg(unix)]
    if let Some(number) = error.raw_os_error() {
        return name_of(nix::errno::Errno::from_raw(number));
    }
    Some(match error.kind() {
        Kind::NotFound => "ENOENT",
        Kind::PermissionDenied => "EACCES",
        Kind::AlreadyExists => "EEXIST",
        Kind::NotADirectory => "ENOTDIR",
        Kind::IsADirectory => "EISDIR",
        Kind::DirectoryNotEmpty => "ENOTEMPTY",
        Kind::FileTooLarge => "EFBIG",
        Kind::OutOfMemory => "ENOMEM",
        Kind::InvalidInput => "EINVAL",
        Kind::InvalidData => "EILSEQ",
        Kind::QuotaExceeded => "EMFILE",
        Kind::Unsupported => "ENOTSUP",
        Kind::BrokenPipe => "EBADF",
        _ => return None,
    })
}

#[cfg(unix)]
fn name_of(error: nix::errno::Errno) -> Option<&'static str> {
    use nix::errno::Errno as E;
    Some(match error {
        E::ENOENT => "ENOENT",
        E::EACCES => "EACCES",
        E::EPERM => "EPERM",
        E::EEXIST => "EEXIST",
        E::ENOTDIR => "ENOTDIR",
        E::EISDIR => "EISDIR",
        E::ENOTEMPTY => "ENOTEMPTY",
        E::EINVAL => "EINVAL",
        E::ELOOP => "ELOOP",
        E::EMFILE => "EMFILE",
        E::ENFILE => "ENFILE",
        E::ENOSPC => "ENOSPC",
        E::EDQUOT => "EDQUOT",
        E::EROFS => "EROFS",
        E::EXDEV => "EXDEV",
        E::ENAMETOOLONG => "ENAMETOOLONG",
        E::EBUSY => "EBUSY",
        E::ETXTBSY => "ETXTBSY",
        E::EIO => "EIO",
        E::EBADF => "EBADF",
        E::ENXIO => "ENXIO",
        E::EFBIG => "EFBIG",
        E::ENOMEM => "ENOMEM",
        E::ENODEV => "ENODEV",
        E::ENOTSUP => "ENOTSUP",
        E::ESPIPE => "ESPIPE",
        _ => return None,
    })
}
