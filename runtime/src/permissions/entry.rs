//! A file or folder that a rule names, to be looked at and changed where it was permitted.
//!
//! [`Permissions::open`] gives what a file holds. An [`Entry`] is for all else: it is made, listed, renamed, removed. The
//! folder that holds it is opened step by step, as for a file, and each operation names the entry within that open folder.
//! So a folder on the way that is replaced by a link meanwhile leads nowhere else.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::{FileError, Permission, Permissions, leads_to};

/// Whether a link as the last name of a path is meant itself, or what it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastLink {
    /// What it leads to.
    Followed,
    /// The link.
    Meant,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A device.
    Device,
}

/// What the system knows of an entry.
#[derive(Clone, Debug)]
pub struct EntryFacts {
    /// What it is.
    pub kind: EntryKind,
    /// How much it holds, in bytes.
    pub size: u64,
    /// Who may do what with it, as `chmod` takes it.
    pub mode: u32,
    /// When its contents were changed, in milliseconds since 1970.
    pub modified: f64,
    /// When it was read, in milliseconds since 1970.
    pub accessed: f64,
    /// When anything of it was changed, in milliseconds since 1970.
    pub changed: f64,
    /// Its owner's number.
    pub uid: u32,
    /// Its group's number.
    pub gid: u32,
    /// The number of its names.
    pub links: u64,
    /// Its number in its file system.
    pub inode: u64,
    /// The number of its file system.
    pub device: u64,
}

impl Permissions {
    /// Finds an entry that these permissions allow to see, or to change.
    ///
    /// This may take its time, and so belongs on a thread that may wait.
    ///
    /// # Errors
    ///
    /// It is not permitted, or there is no such folder that could hold it.
    #[doc(hidden)]
    pub fn entry(
        &self,
        permission: Permission,
        path: &Path,
        last: LastLink,
    ) -> Result<Entry, FileError> {
        if path.as_os_str().is_empty() {
            return Err(io::Error::from(io::ErrorKind::NotFound).into());
        }
        if self.is_all(permission) && self.is_everything() {
            return Ok(Entry::as_it_is(path, last));
        }
        self.permitted_entry(permission, path, last)
    }

    /// Finds an entry whose path has no links. If there is one after all, that is an error, whatever is permitted.
    ///
    /// # Errors
    ///
    /// As for [`entry`](Self::entry).
    #[doc(hidden)]
    pub fn entry_without_links(
        &self,
        permission: Permission,
        place: &Path,
    ) -> Result<Entry, FileError> {
        self.check_place(permission, place)?;
        #[cfg(unix)]
        let entry = Entry::at_place(place.to_path_buf())?;
        #[cfg(not(unix))]
        let entry = Entry::as_it_is(place, LastLink::Meant);
        Ok(entry)
    }

    /// Whether an entry whose path has no links may be seen or changed.
    ///
    /// # Errors
    ///
    /// It may not.
    #[doc(hidden)]
    pub fn check_place(&self, permission: Permission, place: &Path) -> Result<(), FileError> {
        if self.is_all(permission) && self.is_everything() {
            return Ok(());
        }
        Ok(self.check(permission, place, place)?)
    }

    /// Whether all below a folder whose path has no links may be seen or changed: nothing of it is denied.
    ///
    /// # Errors
    ///
    /// Something below it is denied.
    #[doc(hidden)]
    pub fn check_all_below(&self, permission: Permission, place: &Path) -> Result<(), FileError> {
        Ok(self.check_below(permission, place)?)
    }

    /// Where an entry lies, whose own link is not followed.
    fn place_of_link(path: &Path) -> PathBuf {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        // A path that ends in `..` has no last name.
        match (absolute.parent(), absolute.file_name()) {
            (Some(folder), Some(name)) => leads_to(folder).join(name),
            _ => leads_to(&absolute),
        }
    }

    fn permitted_place(
        &self,
        permission: Permission,
        path: &Path,
        last: LastLink,
    ) -> Result<PathBuf, FileError> {
        if last == LastLink::Followed {
            return Ok(self.place(permission, path)?);
        }
        let place = Self::place_of_link(path);
        self.check(permission, &place, path)?;
        Ok(place)
    }

    #[cfg(unix)]
    fn permitted_entry(
        &self,
        permission: Permission,
        path: &Path,
        last: LastLink,
    ) -> Result<Entry, FileError> {
        let mut tries = super::files::TRIES;
        loop {
            let place = self.permitted_place(permission, path, last)?;
            match Entry::at_place(place) {
                // A link, or a file in place of a folder, that was not there before.
                Err(error) if super::files::is_link(&error) && tries > 0 => tries -= 1,
                found => return Ok(found?),
            }
        }
    }

    #[cfg(not(unix))]
    fn permitted_entry(
        &self,
        permission: Permission,
        path: &Path,
        last: LastLink,
    ) -> Result<Entry, FileError> {
        let place = self.permitted_place(permission, path, last)?;
        Ok(Entry::as_it_is(&place, LastLink::Meant))
    }
}

#[cfg(not(unix))]
pub use self::portable::Entry;
#[cfg(unix)]
pub use self::unix::Entry;

#[cfg(unix)]
mod unix {
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

    use nix::dir::{Dir, Type};
    use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, readlinkat, renameat};
    use nix::sys::stat::{
        FchmodatFlags, FileStat, Mode, SFlag, UtimensatFlags, fchmodat, fstatat, mkdirat, utimensat,
    };
    use nix::sys::time::TimeSpec;
    use nix::unistd::{UnlinkatFlags, symlinkat, unlinkat};

    use super::super::OpenFor;
    use super::super::files::{open_folder, open_in};
    use super::{EntryFacts, EntryKind, File, LastLink, OsStr, OsString, Path, PathBuf, io};

    /// A file or folder, or the place for one.
    #[derive(Debug)]
    pub struct Entry {
        /// The folder that holds it; `None`: the name is a path that is taken as it is, because all is permitted.
        folder: Option<OwnedFd>,
        name: PathBuf,
        /// The whole path.
        place: PathBuf,
        /// Whether a link of that name is followed.
        follow: bool,
    }

    impl Entry {
        pub(super) fn as_it_is(path: &Path, last: LastLink) -> Self {
            Self {
                folder: None,
                name: path.to_path_buf(),
                place: path.to_path_buf(),
                follow: last == LastLink::Followed,
            }
        }

        /// The entry of a path that has no links. If it has one after all, that is an error, or the link itself is meant.
        pub(super) fn at_place(place: PathBuf) -> io::Result<Self> {
            let (folder, name) = match (place.parent(), place.file_name()) {
                (Some(folder), Some(name)) => (open_folder(folder)?, PathBuf::from(name)),
                _ => (open_folder(&place)?, PathBuf::from(".")),
            };
            Ok(Self {
                folder: Some(folder),
                name,
                place,
                follow: false,
            })
        }

        /// The whole path, links followed unless everything is permitted.
        #[must_use]
        pub fn place(&self) -> &Path {
            &self.place
        }

        /// Another entry of the same folder.
        ///
        /// # Errors
        ///
        /// The system gives no further handle.
        pub fn sibling(&self, name: &OsStr) -> io::Result<Self> {
            let folder = self.folder.as_ref().map(OwnedFd::try_clone).transpose()?;
            let name_in_folder = match folder {
                Some(_) => PathBuf::from(name),
                None => self.name.with_file_name(name),
            };
            Ok(Self {
                folder,
                name: name_in_folder,
                place: self.place.with_file_name(name),
                follow: false,
            })
        }

        /// An entry of this folder, which is no link.
        ///
        /// # Errors
        ///
        /// This is no folder, or may not be opened.
        pub fn child(&self, name: &OsStr) -> io::Result<Self> {
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let folder = openat(self.at(), &self.name, flags, Mode::empty())?;
            Ok(Self {
                folder: Some(folder),
                name: PathBuf::from(name),
                place: self.place.join(name),
                follow: false,
            })
        }

        /// The folder that holds it, opened.
        ///
        /// # Errors
        ///
        /// The system cannot open it.
        pub fn folder(&self) -> io::Result<OwnedFd> {
            match &self.folder {
                Some(folder) => folder.try_clone(),
                None => {
                    let place = std::path::absolute(&self.place)?;
                    open_folder(&place.parent().unwrap_or(&place).canonicalize()?)
                }
            }
        }

        fn at(&self) -> BorrowedFd<'_> {
            self.folder.as_ref().map_or(AT_FDCWD, AsFd::as_fd)
        }

        /// What the system knows of it.
        ///
        /// # Errors
        ///
        /// There is none.
        pub fn facts(&self) -> io::Result<EntryFacts> {
            let flags = match self.follow {
                true => AtFlags::empty(),
                false => AtFlags::AT_SYMLINK_NOFOLLOW,
            };
            Ok(facts(&fstatat(self.at(), &self.name, flags)?))
        }

        /// Opens it.
        ///
        /// # Errors
        ///
        /// The system cannot.
        pub fn open(&self, for_what: OpenFor) -> io::Result<File> {
            let flags = match self.follow {
                true => OFlag::empty(),
                false => OFlag::O_NOFOLLOW,
            };
            open_in(self.at(), &self.name, for_what, flags)
        }

        /// What a folder holds: names, each with what it is; sorted. The names take `most` bytes.
        ///
        /// # Errors
        ///
        /// It is no folder, or holds more.
        pub fn list(&self, most: usize) -> io::Result<Vec<(OsString, EntryKind)>> {
            let mut flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            flags.set(OFlag::O_NOFOLLOW, !self.follow);
            let mut folder = Dir::from_fd(openat(self.at(), &self.name, flags, Mode::empty())?)?;
            let (mut found, mut unknown, mut size) = (Vec::new(), Vec::new(), 0);
            for entry in folder.iter() {
                let entry = entry?;
                let name: &OsStr =
                    std::os::unix::ffi::OsStrExt::from_bytes(entry.file_name().to_bytes());
                if name == "." || name == ".." {
                    continue;
                }
                size += name.len() + size_of::<(OsString, EntryKind)>();
                if size > most {
                    let message = "it holds more names than the run's memory has room for";
                    return Err(io::Error::new(io::ErrorKind::OutOfMemory, message));
                }
                let kind = entry.file_type().map(kind_of_type);
                if kind.is_none() {
                    unknown.push(found.len());
                }
                found.push((name.to_os_string(), kind.unwrap_or(EntryKind::File)));
            }
            // Some file systems do not say it in the list.
            for at in unknown {
                let name = found[at].0.as_os_str();
                if let Ok(stat) = fstatat(folder.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW) {
                    found[at].1 = facts(&stat).kind;
                }
            }
            found.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(found)
        }

        /// Makes a folder.
        ///
        /// # Errors
        ///
        /// There is something of that name, or the system cannot.
        pub fn make_folder(&self, mode: u32) -> io::Result<()> {
            Ok(mkdirat(self.at(), &self.name, mode_of(mode))?)
        }

        /// Removes a file or a link.
        ///
        /// # Errors
        ///
        /// There is none, or it is a folder.
        pub fn remove_file(&self) -> io::Result<()> {
            Ok(unlinkat(self.at(), &self.name, UnlinkatFlags::NoRemoveDir)?)
        }

        /// Removes an empty folder.
        ///
        /// # Errors
        ///
        /// There is none, or it is not empty.
        pub fn remove_folder(&self) -> io::Result<()> {
            Ok(unlinkat(self.at(), &self.name, UnlinkatFlags::RemoveDir)?)
        }

        /// Gives it another name, in place of what has that name.
        ///
        /// # Errors
        ///
        /// The system cannot.
        pub fn rename(&self, to: &Self) -> io::Result<()> {
            Ok(renameat(self.at(), &self.name, to.at(), &to.name)?)
        }

        /// Where a link leads, as it is written.
        ///
        /// # Errors
        ///
        /// It is no link.
        pub fn read_link(&self) -> io::Result<PathBuf> {
            Ok(readlinkat(self.at(), &self.name)?.into())
        }

        /// Makes a link here.
        ///
        /// # Errors
        ///
        /// There is something of that name, or the system cannot.
        pub fn make_link(&self, target: &Path) -> io::Result<()> {
            Ok(symlinkat(target, self.at(), &self.name)?)
        }

        /// Changes who may do what with it.
        ///
        /// # Errors
        ///
        /// The system does not permit it, or it is a link.
        pub fn set_mode(&self, mode: u32) -> io::Result<()> {
            let flag = match self.follow {
                true => FchmodatFlags::FollowSymlink,
                false => FchmodatFlags::NoFollowSymlink,
            };
            Ok(fchmodat(self.at(), &self.name, mode_of(mode), flag)?)
        }

        /// Sets when it was read and changed; `None` is now.
        ///
        /// # Errors
        ///
        /// The system does not permit it.
        pub fn set_times(&self, accessed: Option<f64>, modified: Option<f64>) -> io::Result<()> {
            let flag = match self.follow {
                true => UtimensatFlags::FollowSymlink,
                false => UtimensatFlags::NoFollowSymlink,
            };
            let [accessed, modified] = [accessed, modified].map(time_of);
            Ok(utimensat(
                self.at(),
                &self.name,
                &accessed,
                &modified,
                flag,
            )?)
        }
    }

    fn time_of(milliseconds: Option<f64>) -> TimeSpec {
        let Some(milliseconds) = milliseconds else {
            return TimeSpec::UTIME_NOW;
        };
        let seconds = (milliseconds / 1000.0).floor();
        let nanos = (milliseconds - seconds * 1000.0) * 1e6;
        TimeSpec::new(seconds as _, (nanos as i64).clamp(0, 999_999_999) as _)
    }

    #[allow(
        clippy::unnecessary_cast,
        reason = "the types differ from system to system"
    )]
    fn mode_of(mode: u32) -> Mode {
        Mode::from_bits_truncate(mode as _)
    }

    fn kind_of_type(kind: Type) -> EntryKind {
        match kind {
            Type::File => EntryKind::File,
            Type::Directory => EntryKind::Folder,
            Type::Symlink => EntryKind::Link,
            Type::Fifo => EntryKind::Pipe,
            Type::Socket => EntryKind::Socket,
            Type::CharacterDevice | Type::BlockDevice => EntryKind::Device,
        }
    }

    #[allow(
        clippy::unnecessary_cast,
        clippy::cast_lossless,
        reason = "the types differ from system to system"
    )]
    fn facts(stat: &FileStat) -> EntryFacts {
        let kind = match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFDIR => EntryKind::Folder,
            SFlag::S_IFLNK => EntryKind::Link,
            SFlag::S_IFIFO => EntryKind::Pipe,
            SFlag::S_IFSOCK => EntryKind::Socket,
            SFlag::S_IFCHR | SFlag::S_IFBLK => EntryKind::Device,
            _ => EntryKind::File,
        };
        let time = |seconds: i64, nanos: i64| seconds as f64 * 1000.0 + (nanos / 1000) as f64 / 1e3;
        EntryFacts {
            kind,
            size: stat.st_size as u64,
            mode: stat.st_mode as u32 & 0o7777,
            modified: time(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            accessed: time(stat.st_atime as i64, stat.st_atime_nsec as i64),
            changed: time(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            uid: stat.st_uid,
            gid: stat.st_gid,
            links: stat.st_nlink as u64,
            inode: stat.st_ino as u64,
            device: stat.st_dev as u64,
        }
    }
}

/// By paths, where the system names nothing within an open folder. Between the look at a path and what is done, folders can
/// be replaced; the path is looked at only once.
#[cfg(not(unix))]
mod portable {
    use std::fs;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::super::OpenFor;
    use super::{EntryFacts, EntryKind, File, LastLink, OsStr, OsString, Path, PathBuf, io};

    /// A file or folder, or the place for one.
    #[derive(Debug)]
    pub struct Entry {
        place: PathBuf,
        follow: bool,
    }

    impl Entry {
        pub(super) fn as_it_is(path: &Path, last: LastLink) -> Self {
            Self {
                place: path.to_path_buf(),
                follow: last == LastLink::Followed,
            }
        }

        /// The whole path.
        #[must_use]
        pub fn place(&self) -> &Path {
            &self.place
        }

        /// Another entry of the same folder.
        ///
        /// # Errors
        ///
        /// None here.
        pub fn sibling(&self, name: &OsStr) -> io::Result<Self> {
            Ok(Self {
                place: self.place.with_file_name(name),
                follow: false,
            })
        }

        /// An entry of this folder.
        ///
        /// # Errors
        ///
        /// None here.
        pub fn child(&self, name: &OsStr) -> io::Result<Self> {
            Ok(Self {
                place: self.place.join(name),
                follow: false,
            })
        }

        /// What the system knows of it.
        ///
        /// # Errors
        ///
        /// There is none.
        pub fn facts(&self) -> io::Result<EntryFacts> {
            let about = match self.follow {
                true => fs::metadata(&self.place),
                false => fs::symlink_metadata(&self.place),
            }?;
            let time = |time: io::Result<SystemTime>| {
                let since = time.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                since.unwrap_or_default().as_secs_f64() * 1000.0
            };
            Ok(EntryFacts {
                kind: kind_of(about.file_type()),
                size: about.len(),
                mode: if about.permissions().readonly() {
                    0o444
                } else {
                    0o666
                },
                modified: time(about.modified()),
                accessed: time(about.accessed()),
                changed: time(about.modified()),
                uid: 0,
                gid: 0,
                links: 1,
                inode: 0,
                device: 0,
            })
        }

        /// Opens it.
        ///
        /// # Errors
        ///
        /// The system cannot.
        pub fn open(&self, for_what: OpenFor) -> io::Result<File> {
            for_what.options().open(&self.place)
        }

        /// What a folder holds: names, each with what it is; sorted. The names take `most` bytes.
        ///
        /// # Errors
        ///
        /// It is no folder, or holds more.
        pub fn list(&self, most: usize) -> io::Result<Vec<(OsString, EntryKind)>> {
            let (mut found, mut size) = (Vec::new(), 0);
            for entry in fs::read_dir(&self.place)? {
                let entry = entry?;
                let name = entry.file_name();
                size += name.len() + size_of::<(OsString, EntryKind)>();
                if size > most {
                    let message = "it holds more names than the run's memory has room for";
                    return Err(io::Error::new(io::ErrorKind::OutOfMemory, message));
                }
                found.push((name, kind_of(entry.file_type()?)));
            }
            found.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(found)
        }

        /// Makes a folder.
        ///
        /// # Errors
        ///
        /// There is something of that name, or the system cannot.
        pub fn make_folder(&self, _mode: u32) -> io::Result<()> {
            fs::create_dir(&self.place)
        }

        /// Removes a file or a link.
        ///
        /// # Errors
        ///
        /// There is none, or it is a folder.
        pub fn remove_file(&self) -> io::Result<()> {
            fs::remove_file(&self.place)
        }

        /// Removes an empty folder.
        ///
        /// # Errors
        ///
        /// There is none, or it is not empty.
        pub fn remove_folder(&self) -> io::Result<()> {
            fs::remove_dir(&self.place)
        }

        /// Gives it another name, in place of what has that name.
        ///
        /// # Errors
        ///
        /// The system cannot.
        pub fn rename(&self, to: &Self) -> io::Result<()> {
            fs::rename(&self.place, &to.place)
        }

        /// Where a link leads, as it is written.
        ///
        /// # Errors
        ///
        /// It is no link.
        pub fn read_link(&self) -> io::Result<PathBuf> {
            fs::read_link(&self.place)
        }

        /// Makes a link here.
        ///
        /// # Errors
        ///
        /// This system has none that anyone may make.
        pub fn make_link(&self, _target: &Path) -> io::Result<()> {
            Err(io::Error::from(io::ErrorKind::Unsupported))
        }

        /// Changes who may do what with it.
        ///
        /// # Errors
        ///
        /// The system does not permit it.
        pub fn set_mode(&self, mode: u32) -> io::Result<()> {
            let mut permissions = fs::metadata(&self.place)?.permissions();
            permissions.set_readonly(mode & 0o200 == 0);
            fs::set_permissions(&self.place, permissions)
        }

        /// Sets when it was read and changed; `None` is now.
        ///
        /// # Errors
        ///
        /// The system does not permit it.
        pub fn set_times(&self, accessed: Option<f64>, modified: Option<f64>) -> io::Result<()> {
            let time = |milliseconds: Option<f64>| match milliseconds {
                None => SystemTime::now(),
                Some(since) => UNIX_EPOCH + Duration::from_secs_f64(since.max(0.0) / 1000.0),
            };
            let times = fs::FileTimes::new()
                .set_accessed(time(accessed))
                .set_modified(time(modified));
            fs::OpenOptions::new()
                .write(true)
                .open(&self.place)?
                .set_times(times)
        }
    }

    fn kind_of(kind: fs::FileType) -> EntryKind {
        if kind.is_dir() {
            EntryKind::Folder
        } else if kind.is_symlink() {
            EntryKind::Link
        } else {
            EntryKind::File
        }
    }
}
