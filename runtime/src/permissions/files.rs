//! Opening a file that a rule may open, and no other.
//!
//! Between the look at a path and the opening of the file, a folder can be replaced by a link that leads elsewhere. So the
//! links are followed first, which gives a path without any; that path is permitted or not; and it is opened step by step,
//! each step refusing to follow a link.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use super::{Permission, PermissionDenied, Permissions};

/// While links are put in the way, it is tried again so many times.
#[cfg(unix)]
pub(super) const TRIES: usize = 8;

/// For what a file is opened.
///
/// ```
/// use std::io::Write;
/// use cla_runtime::Permissions;
/// use cla_runtime::permissions::{OpenFor, Permission};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("log.txt");
/// let permissions = Permissions::none().allow(Permission::Write, [folder.path().to_str().unwrap()])?;
/// permissions.open(&path, OpenFor::Creating)?.write_all(b"one\n")?;
/// permissions.open(&path, OpenFor::Appending)?.write_all(b"two\n")?;
/// assert_eq!(std::fs::read_to_string(&path)?, "one\ntwo\n");
/// assert!(permissions.open(&path, OpenFor::Creating).is_err(), "it is there already");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenFor {
    /// To read what it holds.
    Reading,
    /// To write it anew. It is made if need be, and emptied.
    Writing,
    /// To write behind what it holds. It is made if need be.
    Appending,
    /// To make it: that there is none yet is part of the operation.
    Creating,
    /// To read and write what it holds. It is there.
    Updating,
}

/// Why a file is not opened.
///
/// ```
/// use std::path::Path;
/// use cla_runtime::Permissions;
/// use cla_runtime::permissions::{FileError, OpenFor};
///
/// let path = Path::new("no/such/file.txt");
/// let opened = Permissions::none().open(path, OpenFor::Reading);
/// assert!(matches!(opened, Err(FileError::Denied(_))));
/// let opened = Permissions::all().open(path, OpenFor::Reading);
/// assert!(matches!(opened, Err(FileError::System(_))));
/// ```
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The rule may not.
    #[error(transparent)]
    Denied(#[from] PermissionDenied),
    /// The system cannot.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl OpenFor {
    fn permission(self) -> Permission {
        match self {
            Self::Reading => Permission::Read,
            Self::Writing | Self::Appending | Self::Creating | Self::Updating => Permission::Write,
        }
    }

    pub(super) fn options(self) -> OpenOptions {
        let mut options = OpenOptions::new();
        match self {
            Self::Reading => options.read(true),
            Self::Writing => options.write(true).create(true).truncate(true),
            Self::Appending => options.append(true).create(true),
            Self::Creating => options.write(true).create_new(true),
            Self::Updating => options.read(true).write(true),
        };
        // A named pipe is opened without waiting for the process at its other end.
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            let flags = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
            options.custom_flags(flags.bits());
        }
        options
    }
}

impl Permissions {
    /// Opens a file that these permissions allow to open, links followed. What is opened is what was permitted, also if
    /// somebody replaces folders and links meanwhile. A relative path begins at the process's current folder.
    ///
    /// This may take its time, and so belongs on a thread that may wait. A named pipe is opened without waiting.
    ///
    /// # Errors
    ///
    /// It is not permitted, or the system cannot open it.
    pub fn open(&self, path: &Path, for_what: OpenFor) -> Result<File, FileError> {
        let permission = for_what.permission();
        if self.is_all(permission) && self.is_everything() {
            return Ok(for_what.options().open(path)?);
        }
        self.open_permitted(path, for_what)
    }

    #[cfg(unix)]
    fn open_permitted(&self, path: &Path, for_what: OpenFor) -> Result<File, FileError> {
        let mut tries = TRIES;
        loop {
            let place = self.place(for_what.permission(), path)?;
            if for_what == OpenFor::Updating {
                self.check(Permission::Read, &place, path)?;
            }
            match unix::open(&place, for_what) {
                // A link, or a file in place of a folder, that was not there before.
                Err(error) if is_link(&error) && tries > 0 => tries -= 1,
                opened => return Ok(opened?),
            }
        }
    }

    #[cfg(not(unix))]
    fn open_permitted(&self, path: &Path, for_what: OpenFor) -> Result<File, FileError> {
        let place = self.place(for_what.permission(), path)?;
        if for_what == OpenFor::Updating {
            self.check(Permission::Read, &place, path)?;
        }
        let file = for_what.options().open(&place)?;
        // The path is looked at once more: a link that was put in the way is still there, or the file is not the one.
        let again = self.place(for_what.permission(), path)?;
        match again == place {
            true => Ok(file),
            false => Err(io::Error::other("the path was changed while the file was opened").into()),
        }
    }
}

#[cfg(unix)]
pub(super) fn is_link(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let code = error.raw_os_error().map(Errno::from_raw);
    matches!(code, Some(Errno::ELOOP | Errno::EMLINK | Errno::ENOTDIR))
}

#[cfg(unix)]
pub(super) use self::unix::{open_folder, open_in};

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io;
    use std::os::fd::{AsFd, OwnedFd};
    use std::path::{Component, Path};

    use nix::fcntl::{OFlag, open as open_path, openat};
    use nix::sys::stat::Mode;

    use super::OpenFor;

    /// Opens a path that has no links. If it has one after all, that is an error.
    pub(super) fn open(place: &Path, for_what: OpenFor) -> io::Result<File> {
        let (Some(folder), Some(name)) = (place.parent(), place.file_name()) else {
            return Ok(open_folder(place)?.into());
        };
        open_in(
            open_folder(folder)?,
            name.as_ref(),
            for_what,
            OFlag::O_NOFOLLOW,
        )
    }

    /// Opens a file by its name within an open folder.
    pub(in super::super) fn open_in(
        folder: impl AsFd,
        name: &Path,
        for_what: OpenFor,
        flags: OFlag,
    ) -> io::Result<File> {
        let how = match for_what {
            OpenFor::Reading => OFlag::O_RDONLY,
            OpenFor::Writing => OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC,
            OpenFor::Appending => OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_APPEND,
            OpenFor::Creating => OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL,
            OpenFor::Updating => OFlag::O_RDWR,
        };
        let flags = how | flags | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let opened = openat(folder, name, flags, Mode::from_bits_truncate(0o666))?;
        Ok(opened.into())
    }

    pub(in super::super) fn open_folder(place: &Path) -> io::Result<OwnedFd> {
        // One that may be gone through need not be readable.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let how = OFlag::O_PATH;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let how = OFlag::O_RDONLY;
        let flags = how | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut folder = open_path("/", flags, Mode::empty())?;
        for part in place.components() {
            if let Component::Normal(name) = part {
                folder = openat(&folder, name, flags, Mode::empty())?;
            }
        }
        Ok(folder)
    }
}
