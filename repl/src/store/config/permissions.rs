//! `[permissions]` in `cla.toml`: what rules may reach.

use std::path::Path;

use cla_runtime::Permissions;
use cla_runtime::permissions::Permission;
use toml::Spanned;
use toml::de::DeValue;

use super::{Mistake, kind, table_of, unknown_key};

/// All keys.
const KEYS: [&str; 16] = [
    "read",
    "write",
    "net",
    "run",
    "env",
    "import",
    "store",
    "steer",
    "deny-read",
    "deny-write",
    "deny-net",
    "deny-run",
    "deny-env",
    "deny-import",
    "deny-store",
    "deny-steer",
];

/// Reads the table. A relative path begins at the folder of the `cla.toml` at `file`.
pub(super) fn permissions(
    value: &Spanned<DeValue<'_>>,
    file: &str,
) -> Result<Permissions, Mistake> {
    let mut permissions = Permissions::none();
    let mut says_store = false;
    for (key, value) in table_of(value, "the permissions are")? {
        let name = key.get_ref().as_ref();
        let (is_denied, bare) = match name.strip_prefix("deny-") {
            Some(rest) => (true, rest),
            None => (false, name),
        };
        let Ok(permission) = bare.parse::<Permission>() else {
            return Err(unknown_key(key, &KEYS));
        };
        says_store |= permission == Permission::Store && !is_denied;
        let items = match value.get_ref() {
            DeValue::Boolean(false) => continue,
            DeValue::Boolean(true) => {
                permissions = match is_denied {
                    true => permissions.deny_all(permission),
                    false => permissions.allow_all(permission),
                };
                continue;
            }
            DeValue::Array(items) => items.iter().collect(),
            DeValue::String(_) => vec![value],
            other => {
                let message = format!(
                    "a permission is true (all), false (none) or a list of texts, not {}",
                    kind(other)
                );
                return Err(Mistake::new(message, value.span()));
            }
        };
        for item in items {
            let text = super::text(item, "a permission is for")?;
            let text = match permission {
                Permission::Read | Permission::Write | Permission::Import => {
                    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
                    folder.join(text).into_os_string()
                }
                _ => text.into(),
            };
            let changed = match is_denied {
                true => permissions.deny(permission, [text]),
                false => permissions.allow(permission, [text]),
            };
            permissions = changed.map_err(|error| Mistake::new(error.to_string(), item.span()))?;
        }
    }
    Ok(match says_store {
        true => permissions,
        // Semaphores may be taken unless something is said of it.
        false => permissions.allow_all(Permission::Store),
    })
}
