//! What the rules of a command may reach: `--allow-...`, `--deny-...`, `--sandbox`, and `[permissions]` in `cla.toml`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use cla_runtime::Permissions;
use cla_runtime::permissions::{InvalidPermission, Permission};
use serde::Serialize;

use crate::store::ChoiceError;

/// What stands for all of a permission: an option without a value.
const ALL: &str = "";

/// The options.
///
/// Without any of them, and without `[permissions]` in `cla.toml`, rules may what the user may, as in a shell.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct PermissionArgs {
    /// Give everything but what is denied, whatever cla.toml says
    #[arg(
        long,
        short = 'A',
        conflicts_with = "sandbox",
        help_heading = "Permissions"
    )]
    allow_all: bool,
    /// Give nothing but what is allowed, whatever cla.toml says: rules take semaphores, and reach nothing else
    #[arg(long, help_heading = "Permissions")]
    sandbox: bool,
    /// Let rules read files, and see what folders hold
    #[arg(long, value_name = "PATH", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions")]
    allow_read: Vec<OsString>,
    /// Let rules make, change and remove files
    #[arg(long, value_name = "PATH", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions")]
    allow_write: Vec<OsString>,
    /// Let rules connect to servers: example.com, *.example.com, 10.0.0.0/8, each also with :PORT; public, private, loopback, link-local
    #[arg(long, value_name = "HOST", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions")]
    allow_net: Vec<OsString>,
    /// Let rules start programs. Who may start a shell may start everything
    #[arg(long, value_name = "PROGRAM", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions")]
    allow_run: Vec<OsString>,
    /// Let rules see variables of the environment; `*` stands for any characters
    #[arg(long, value_name = "NAME", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions")]
    allow_env: Vec<OsString>,
    /// Let rules import files from other folders than the rule's own
    #[arg(long, value_name = "FOLDER", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions")]
    allow_import: Vec<OsString>,
    /// Let rules take and see semaphores; `*` stands for any characters
    #[arg(long, value_name = "NAME", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions")]
    allow_store: Vec<OsString>,
    /// Let rules change slots, grant, cancel and release semaphores by force
    #[arg(long, value_name = "NAME", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions")]
    allow_steer: Vec<OsString>,
    /// Forbid what --allow-read would give
    #[arg(long, value_name = "PATH", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions", hide_short_help = true)]
    deny_read: Vec<OsString>,
    /// Forbid what --allow-write would give
    #[arg(long, value_name = "PATH", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions", hide_short_help = true)]
    deny_write: Vec<OsString>,
    /// Forbid what --allow-net would give
    #[arg(long, value_name = "HOST", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions", hide_short_help = true)]
    deny_net: Vec<OsString>,
    /// Forbid what --allow-run would give
    #[arg(long, value_name = "PROGRAM", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions", hide_short_help = true)]
    deny_run: Vec<OsString>,
    /// Forbid what --allow-env would give
    #[arg(long, value_name = "NAME", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions", hide_short_help = true)]
    deny_env: Vec<OsString>,
    /// Forbid what --allow-import would give
    #[arg(long, value_name = "FOLDER", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions", hide_short_help = true)]
    deny_import: Vec<OsString>,
    /// Forbid what --allow-store would give
    #[arg(long, value_name = "NAME", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions", hide_short_help = true)]
    deny_store: Vec<OsString>,
    /// Forbid what --allow-steer would give
    #[arg(long, value_name = "NAME", num_args = 0.., require_equals = true, value_delimiter = ',',
          default_missing_value = ALL, help_heading = "Permissions", hide_short_help = true)]
    deny_steer: Vec<OsString>,
}

/// What rules may, and who said so.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    pub(crate) permissions: Permissions,
    pub(crate) origin: Origin,
    /// Rules may import files below the current folder as well.
    pub(crate) imports_current_folder: bool,
    /// Scripts are strict, as `cla.toml` says.
    pub(crate) strict: bool,
}

/// Who said what rules may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Options of the command.
    Options,
    /// This `cla.toml`.
    File(PathBuf),
    /// Both.
    Both(PathBuf),
    /// No option and no file.
    Default,
}

impl Origin {
    /// For programs.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Options => "options",
            Self::File(_) => "file",
            Self::Both(_) => "both",
            Self::Default => "default",
        }
    }

    /// The `cla.toml`.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file) | Self::Both(file) => Some(file),
            Self::Options | Self::Default => None,
        }
    }
}

/// Why it cannot be said what rules may.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GrantError {
    #[error("--{option}: {problem}")]
    Option {
        option: String,
        problem: InvalidPermission,
    },
    #[error(transparent)]
    Config(#[from] ChoiceError),
}

impl PermissionArgs {
    /// What the rules of this folder may.
    ///
    /// # Errors
    /// An option, or a `cla.toml`, says something that is no permission.
    pub(crate) fn grant(&self, folder: &Path) -> Result<Granted, GrantError> {
        let (allowed, denied) = (self.allowed(), self.denied());
        let allows = allowed.iter().any(|(_, items)| !items.is_empty());
        let denies = denied.iter().any(|(_, items)| !items.is_empty());
        let config = match self.allow_all || self.sandbox {
            true => None,
            false => crate::store::permissions(folder)?,
        };
        let is_said = allows || denies || self.allow_all || self.sandbox;
        let origin = match (&config, is_said) {
            (Some((_, file)), false) => Origin::File(file.clone()),
            (Some((_, file)), true) => Origin::Both(file.clone()),
            (None, true) => Origin::Options,
            (None, false) => Origin::Default,
        };
        // What is denied alone is taken away from all.
        let is_open = config.is_none() && (self.allow_all || !(allows || self.sandbox));
        let imports_current_folder = is_open;
        let mut permissions = match config {
            Some((permissions, _)) => permissions,
            None if is_open => as_the_user(),
            None => Permissions::none(),
        };
        if !is_open && origin.file().is_none() && self.allow_store.is_empty() {
            permissions = permissions.allow_all(Permission::Store);
        }
        for (permission, items) in allowed {
            permissions = each(permissions, items, |permissions, item| match item {
                None => Ok(permissions.allow_all(permission)),
                Some(item) => permissions.allow(permission, [item]),
            })
            .map_err(|problem| GrantError::Option {
                option: format!("allow-{permission}"),
                problem,
            })?;
        }
        for (permission, items) in denied {
            permissions = each(permissions, items, |permissions, item| match item {
                None => Ok(permissions.deny_all(permission)),
                Some(item) => permissions.deny(permission, [item]),
            })
            .map_err(|problem| GrantError::Option {
                option: format!("deny-{permission}"),
                problem,
            })?;
        }
        Ok(Granted {
            permissions,
            origin,
            imports_current_folder,
            strict: crate::store::strict(folder)?,
        })
    }

    /// Whether rules get nothing but what options give.
    pub(crate) fn is_sandbox(&self) -> bool {
        self.sandbox
    }

    /// Whether any of the options was given.
    pub(crate) fn is_given(&self) -> bool {
        let lists = [self.allowed(), self.denied()].concat();
        self.allow_all || self.sandbox || lists.iter().any(|(_, items)| !items.is_empty())
    }

    fn allowed(&self) -> [(Permission, &[OsString]); 8] {
        [
            (Permission::Read, &self.allow_read),
            (Permission::Write, &self.allow_write),
            (Permission::Net, &self.allow_net),
            (Permission::Run, &self.allow_run),
            (Permission::Env, &self.allow_env),
            (Permission::Import, &self.allow_import),
            (Permission::Store, &self.allow_store),
            (Permission::Steer, &self.allow_steer),
        ]
    }

    fn denied(&self) -> [(Permission, &[OsString]); 8] {
        [
            (Permission::Read, &self.deny_read),
            (Permission::Write, &self.deny_write),
            (Permission::Net, &self.deny_net),
            (Permission::Run, &self.deny_run),
            (Permission::Env, &self.deny_env),
            (Permission::Import, &self.deny_import),
            (Permission::Store, &self.deny_store),
            (Permission::Steer, &self.deny_steer),
        ]
    }
}

/// What the user may, but for imports: those stay with the rule's own folder and the current one, so that a rule is what
/// lies there.
fn as_the_user() -> Permissions {
    let all = Permission::ALL.into_iter();
    all.filter(|permission| *permission != Permission::Import)
        .fold(Permissions::none(), Permissions::allow_all)
}

/// Changes permissions by each of the values of an option; `None` is all.
fn each(
    permissions: Permissions,
    items: &[OsString],
    change: impl Fn(Permissions, Option<&OsStr>) -> Result<Permissions, InvalidPermission>,
) -> Result<Permissions, InvalidPermission> {
    let mut items = items.iter().map(OsString::as_os_str);
    items.try_fold(permissions, |permissions, item| {
        change(permissions, (item != ALL).then_some(item))
    })
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options => f.write_str("the options of this command"),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Both(file) => write!(f, "{}, and the options of this command", file.display()),
            Self::Default => f.write_str("nothing: rules may what you may"),
        }
    }
}

/// A permission, for programs.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    pub(crate) permission: &'static str,
    /// `all`, `none`, or a list.
    pub(crate) given: String,
}

impl Granted {
    /// What rules may, in a line.
    pub(crate) fn summary(&self) -> String {
        if self.origin == Origin::Default {
            return "what you may; `cla run --explain` shows it, --sandbox takes it away"
                .to_owned();
        }
        let given = self
            .shown()
            .into_iter()
            .filter(|shown| shown.given != "none");
        let given = given.map(|Shown { permission, given }| format!("{permission}: {given}"));
        let given: Vec<String> = given.collect();
        format!("{} (by {})", given.join("; "), self.origin)
    }

    /// All permissions, for people and programs.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let shown = Permission::ALL.into_iter().map(|permission| {
            let mut given = self
                .permissions
                .describe(permission)
                .join("; and of that: ");
            if permission == Permission::Import {
                let own = match self.imports_current_folder {
                    true => "the rule's folder, the current one",
                    false => "the rule's folder",
                };
                given = match given.as_str() {
                    "none" => own.to_owned(),
                    given => format!("{own}, {given}"),
                };
            }
            Shown {
                permission: permission.name(),
                given,
            }
        });
        shown.collect()
    }
}
