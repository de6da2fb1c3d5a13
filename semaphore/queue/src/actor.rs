//! Who gives a command: [`Actor`].

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::owner::{Owner, this_host};

/// Who gives a command to semaphores, as the audit and the events of its effects show it: a login name, a machine, and
/// the program through which it came.
///
/// Cheap to clone: all clones share one allocation. Each part is [shortened](Owner::shortened) as that of an owner is.
///
/// ```
/// use cla_semaphore::{Actor, Semaphores};
///
/// let anna = Actor::new("anna", "db1", "panel");
/// assert_eq!(anna.to_string(), "anna@db1 (panel)");
/// assert_eq!(Actor::process("sem").program(), "sem");
///
/// let semaphores = Semaphores::memory().acting_as(anna);
/// # drop(semaphores);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Fields", into = "Fields")]
pub struct Actor(Arc<Fields>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Fields {
    login: String,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    program: String,
}

impl From<Fields> for Actor {
    fn from(fields: Fields) -> Self {
        let Fields {
            login,
            host,
            program,
        } = fields;
        Self(Arc::new(Fields {
            login: Owner::shortened(login),
            host: host.map(Owner::shortened).filter(|host| !host.is_empty()),
            program: Owner::shortened(program),
        }))
    }
}

impl From<Actor> for Fields {
    fn from(actor: Actor) -> Self {
        Arc::unwrap_or_clone(actor.0)
    }
}

impl Actor {
    /// The user with the name `login`, at the machine `host` (empty if that is not known), through `program`: `sem`,
    /// `top`, `repl`, `panel`, `api`, or `rule` and which.
    #[must_use]
    pub fn new(
        login: impl Into<String>,
        host: impl Into<String>,
        program: impl Into<String>,
    ) -> Self {
        Self::from(Fields {
            login: login.into(),
            host: Some(host.into()),
            program: program.into(),
        })
    }

    /// The user as whom this process runs, on this machine, through `program`.
    #[must_use]
    pub fn process(program: impl Into<String>) -> Self {
        let host = this_host().as_deref().unwrap_or_default().to_owned();
        Self::new(this_login(), host, program)
    }

    /// The name of the user.
    #[must_use]
    pub fn login(&self) -> &str {
        &self.0.login
    }

    /// The machine.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }

    /// Through which program.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.0.program
    }

    /// About how many bytes of memory it takes, for those who keep many.
    #[doc(hidden)]
    #[must_use]
    pub fn weight(&self) -> usize {
        let host = self.0.host.as_ref().map_or(0, String::len);
        size_of::<Fields>() + self.0.login.len() + host + self.0.program.len()
    }
}

/// `anna@db1 (sem)`, fit to be [printed](crate::printable).
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::printable(self.login()))?;
        if let Some(host) = self.host() {
            write!(f, "@{}", crate::printable(host))?;
        }
        if !self.program().is_empty() {
            write!(f, " ({})", crate::printable(self.program()))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The name of the user as whom this process runs, looked up once.
fn this_login() -> &'static str {
    static LOGIN: OnceLock<String> = OnceLock::new();
    LOGIN.get_or_init(|| {
        // The system's word counts more than that of the environment, which any user can set.
        system_login()
            .or_else(|| std::env::var("USER").ok())
            .or_else(|| std::env::var("LOGNAME").ok())
            .or_else(|| std::env::var("USERNAME").ok())
            .filter(|login| !login.is_empty())
            .unwrap_or_else(|| "unknown".to_owned())
    })
}

/// The user of this process in the system's list of users.
#[cfg(target_os = "linux")]
fn system_login() -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let user = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let login = fields.next()?;
        (fields.nth(1)? == user).then(|| login.to_owned())
    })
}

#[cfg(not(target_os = "linux"))]
fn system_login() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_an_actor_has_a_bound_and_is_printed_without_control_characters() {
        let long = "x".repeat(100_000);
        let actor = Actor::new(&*long, &*long, &*long);
        for part in [actor.login(), actor.host().unwrap(), actor.program()] {
            assert_eq!(part.chars().count(), Owner::MAX_CHARS);
        }
        let read: Actor = serde_json::from_str(&format!(r#"{{"login":"{long}"}}"#)).unwrap();
        assert_eq!(read.login().chars().count(), Owner::MAX_CHARS);
        assert_eq!(read.host(), None);
        let sly = Actor::new("a\u{1b}[2J", "", "sem\n");
        assert_eq!(sly.to_string(), r"a\u{1b}[2J (sem\n)");
    }
}
