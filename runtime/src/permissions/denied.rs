//! What a rule is told that may not do something.

use super::Permission;

/// So much of a path or a name is shown, in characters.
const MOST_SHOWN: usize = 200;

/// A rule may not do what it tries to do. It sees this as a `PermissionError`.
///
/// ```
/// let denied = cla_runtime::Permissions::none().env("HOME").unwrap_err();
/// assert!(denied.to_string().contains("no env permission for HOME"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no {permission} permission for {resource}: {}", self.advice())]
pub struct PermissionDenied {
    /// What would be needed.
    pub permission: Permission,
    /// For what it would be needed, as the rule names it: a path, a host with its port, a program, a name.
    pub resource: String,
    /// It is denied by name, so that giving it would not help.
    pub is_denied: bool,
}

impl PermissionDenied {
    pub(super) fn new(permission: Permission, resource: &str, is_denied: bool) -> Self {
        let mut resource: String = cla_semaphore::printable(resource).into();
        if let Some((end, _)) = resource.char_indices().nth(MOST_SHOWN) {
            resource.truncate(end);
            resource.push('…');
        }
        Self {
            permission,
            resource,
            is_denied,
        }
    }

    /// The option of the `cla` program that would give the permission: `--allow-read=/etc/hosts`.
    #[must_use]
    pub fn flag(&self) -> String {
        // Of `host:port at address`, a list must have the address.
        let named = match (self.permission, self.resource.split_once(" at ")) {
            (Permission::Net, Some((_, address))) => address,
            _ => &self.resource,
        };
        let quoted =
            named.contains(|c: char| c.is_whitespace() || "'\"$&|;<>()*?[]{}\\`!#~".contains(c));
        match quoted {
            true => format!(
                "--allow-{}='{}'",
                self.permission,
                named.replace('\'', "'\\''")
            ),
            false => format!("--allow-{}={named}", self.permission),
        }
    }

    fn advice(&self) -> String {
        let permission = self.permission;
        match self.is_denied {
            true => format!(
                "it is denied (--deny-{permission}, `deny-{permission}` in cla.toml, or by the program's host)"
            ),
            false => format!(
                "{} gives it, or `{permission}` below [permissions] in cla.toml, or the host with Permissions::allow",
                self.flag()
            ),
        }
    }
}
