//! A store in a file: [`SqliteUrl`].

use std::fmt;
use std::path::{Path, PathBuf};

/// Names the file of a store, and says how to open it: `sqlite:PATH`, with parameters as in
/// `sqlite:/var/lib/cla/sem.db?mode=0660&group=ops`.
///
/// | parameter | meaning |
/// | --- | --- |
/// | `mode=0660` | the rights of the file and of those beside it, when the file is made; else 0600 |
/// | `group=ops` | their group then, by name or number |
/// | `mode=ro` | only read: nothing is taken, steered or cleared away |
/// | `mode=rw` | the file must be there |
/// | `mode=rwc` | the file is made when it is missing, as without it |
/// | `immutable=1` | only read, and no other process writes: a backup, a disk that is read-only |
/// | `shared-filesystem=accept` | the file may be on a file system that several machines can mount; see below |
///
/// A file of which this process may not write is read where reading is enough (`cla sem list`), also without `mode=ro`. A
/// question mark in the path is written `%3F`.
///
/// Locks on file systems that several machines share (NFS, SMB, FUSE, 9p, virtiofs) do not keep the machines apart, so
/// such a place is refused. With `shared-filesystem=accept` it is used, by one machine at a time: another one is refused
/// until the first has not been seen for 30 s. It is on the user to know that the locks work between the processes of one
/// machine there.
///
/// ```
/// use cla_semaphore::StoreUrl;
///
/// let url: StoreUrl = "sqlite:/var/lib/cla/sem.db?mode=0660&group=ops".parse()?;
/// let StoreUrl::Sqlite(file) = &url else { unreachable!() };
/// assert_eq!(file.path(), std::path::Path::new("/var/lib/cla/sem.db"));
/// assert_eq!(url.to_string(), "sqlite:/var/lib/cla/sem.db?mode=0660&group=ops");
/// # Ok::<(), cla_semaphore::StoreUrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteUrl {
    path: PathBuf,
    access: Access,
    /// Of the files, when they are made.
    mode: Option<u32>,
    group: Option<String>,
    accepts_shared: bool,
}

/// What may be done with the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everything; it is made when it is missing.
    #[default]
    Create,
    /// Everything.
    Write,
    /// Nothing is written.
    Read,
    /// Nothing is written by any process.
    Immutable,
}

impl<P: Into<PathBuf>> From<P> for SqliteUrl {
    /// The file `path`, opened as it is usual.
    fn from(path: P) -> Self {
        Self {
            path: path.into(),
            access: Access::default(),
            mode: None,
            group: None,
            accepts_shared: false,
        }
    }
}

impl SqliteUrl {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Another file, opened in the same way.
    #[must_use]
    pub fn with_path(self, path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            ..self
        }
    }

    #[cfg(feature = "sqlite")]
    pub(crate) const fn access(&self) -> Access {
        self.access
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    #[cfg(feature = "sqlite")]
    pub(crate) const fn accepts_shared(&self) -> bool {
        self.accepts_shared
    }

    /// The rights of the files.
    #[cfg(feature = "sqlite")]
    pub(crate) fn mode(&self) -> u32 {
        /// For its owner only; with a group, for that too.
        const ALONE: u32 = 0o600;
        const WITH_GROUP: u32 = 0o660;
        self.mode.unwrap_or(if self.group.is_some() {
            WITH_GROUP
        } else {
            ALONE
        })
    }

    /// Of what stands behind `sqlite:`. An error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (path, parameters) = text.split_once('?').unwrap_or((text, ""));
        if path.starts_with("file:") {
            return Err("write the path itself, without file:".to_owned());
        }
        if path == ":memory:" {
            return Err("write memory: for semaphores in this process alone".to_owned());
        }
        let mut url = Self::from(path.replace("%3F", "?"));
        for parameter in parameters.split('&').filter(|text| !text.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            url.set(name, value)?;
        }
        Ok(url)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match (name, value) {
            ("mode", "ro") => self.access = Access::Read,
            ("mode", "rw") => self.access = Access::Write,
            ("mode", "rwc") => self.access = Access::Create,
            ("mode", "memory") => {
                return Err("write memory: for semaphores in this process alone".to_owned());
            }
            ("mode", rights) => {
                self.mode = match u32::from_str_radix(rights, 8) {
                    // Who makes it must be able to use it.
                    Ok(mode) if mode <= 0o666 && mode & 0o111 == 0 && mode & 0o600 == 0o600 => {
                        Some(mode)
                    }
                    _ => {
                        return Err(format!(
                            "mode={rights} is neither ro, rw or rwc, nor the rights of a file that its owner can read and \
                             write, as in mode=0660"
                        ));
                    }
                }
            }
            ("group", "") => return Err("group= needs the name of a group".to_owned()),
            ("group", group) => self.group = Some(group.to_owned()),
            ("immutable", "1" | "true" | "yes" | "on") => self.access = Access::Immutable,
            ("immutable", "0" | "false" | "no" | "off") => {}
            ("shared-filesystem", "accept") => self.accepts_shared = true,
            ("shared-filesystem", _) => {
                return Err("shared-filesystem= can only be accept".to_owned());
            }
            ("cache" | "vfs" | "psow" | "nolock" | "modeof" | "immutable", _) => {
                return Err(format!(
                    "{name}={value} is a parameter of SQLite that this store does not have"
                ));
            }
            _ => {
                return Err(format!(
                    "there is no parameter {name}: there are mode, group, immutable and shared-filesystem; a question \
                     mark in the path is written %3F"
                ));
            }
        }
        Ok(())
    }
}

impl fmt::Display for SqliteUrl {
    /// As it is parsed, without `sqlite:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display().to_string();
        f.write_str(&path.replace('?', "%3F"))?;
        let mut separator = '?';
        let mut parameter = |f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>| {
            let written = write!(f, "{separator}{text}");
            separator = '&';
            written
        };
        match self.access {
            Access::Create => {}
            Access::Write => parameter(f, format_args!("mode=rw"))?,
            Access::Read => parameter(f, format_args!("mode=ro"))?,
            Access::Immutable => parameter(f, format_args!("immutable=1"))?,
        }
        if let Some(mode) = self.mode {
            parameter(f, format_args!("mode={mode:04o}"))?;
        }
        if let Some(group) = &self.group {
            parameter(f, format_args!("group={group}"))?;
        }
        if self.accepts_shared {
            parameter(f, format_args!("shared-filesystem=accept"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_parsed_is_shown_so_that_it_is_parsed_again() {
        for text in [
            "/x.db",
            "/x.db?mode=ro",
            "/x.db?mode=rw",
            "/x.db?immutable=1",
            "/a%3Fb.db?mode=0640&group=ops&shared-filesystem=accept",
        ] {
            let url = SqliteUrl::parse(text).unwrap();
            assert_eq!(url.to_string(), text);
            assert_eq!(SqliteUrl::parse(&url.to_string()), Ok(url));
        }
        assert_eq!(
            SqliteUrl::parse("/a%3Fb.db").unwrap().path(),
            Path::new("/a?b.db")
        );
    }

    #[test]
    fn what_means_something_else_to_sqlite_is_refused() {
        for (text, because) in [
            (":memory:", "write memory:"),
            ("x.db?mode=memory", "write memory:"),
            ("file:x.db", "without file:"),
            ("x.db?mode=0777", "rights of a file"),
            ("x.db?mode=0060", "rights of a file"),
            ("x.db?mode=all", "rights of a file"),
            ("x.db?group=", "name of a group"),
            ("x.db?cache=shared", "does not have"),
            ("x.db?wal=1", "no parameter wal"),
        ] {
            let problem = SqliteUrl::parse(text).unwrap_err();
            assert!(problem.contains(because), "{text}: {problem}");
        }
    }
}
