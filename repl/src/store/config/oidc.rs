//! `[oidc]` in `cla.toml`: the provider that signs people in to `cla serve`.

use std::path::{Path, PathBuf};

use cla_admin::{OpenId, OpenIdError, Role};
use toml::Spanned;
use toml::de::DeValue;

use super::{Mistake, kind, table_of, text, unknown_key};
use crate::store::ChoiceError;

const KEYS: [&str; 8] = [
    "issuer",
    "client_id",
    "client_secret_file",
    "redirect_base",
    "scopes",
    "roles_claim",
    "roles",
    "default_role",
];

/// A secret is a line; a longer file is none.
const LONGEST_SECRET: u64 = 64 * 1024;

/// What is said of the provider. The secret is read only by what needs it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct Oidc {
    openid: OpenId,
    secret_file: Option<PathBuf>,
}

impl Oidc {
    /// With its secret, whose file lies beside the `cla.toml` at `config` if its path is relative.
    pub(in crate::store) fn with_secret(self, config: &Path) -> Result<OpenId, ChoiceError> {
        let Some(file) = self.secret_file else {
            return Ok(self.openid);
        };
        let path = config.parent().unwrap_or(Path::new("")).join(file);
        let read = || {
            if std::fs::metadata(&path)?.len() > LONGEST_SECRET {
                return Err(std::io::Error::other("it is too long for a secret"));
            }
            std::fs::read_to_string(&path)
        };
        match read() {
            Ok(secret) => Ok(self.openid.client_secret(secret.trim())),
            Err(problem) => Err(ChoiceError::Unreadable { path, problem }),
        }
    }
}

/// Reads the table.
pub(super) fn provider(value: &Spanned<DeValue<'_>>) -> Result<Oidc, Mistake> {
    let table = table_of(value, "the provider is")?;
    let needed = |name: &str| {
        let value = table.get(name).ok_or_else(|| {
            let message = format!("a provider needs `issuer` and `client_id`; `{name}` is missing");
            Mistake::new(message, value.span())
        })?;
        Ok(((text(value, "this is")?), value.span()))
    };
    let (issuer, at) = needed("issuer")?;
    let wrong = |error: OpenIdError, at| Mistake::new(error.to_string(), at);
    let openid = OpenId::new(issuer, needed("client_id")?.0);
    let mut openid = openid.map_err(|error| wrong(error, at))?;
    let mut secret_file = None;
    for (key, value) in table {
        openid = match key.get_ref().as_ref() {
            "issuer" | "client_id" => openid,
            "client_secret_file" => {
                secret_file = Some(PathBuf::from(text(value, "a file is")?));
                openid
            }
            "redirect_base" => openid
                .reached_at(text(value, "a redirect base is")?)
                .map_err(|error| wrong(error, value.span()))?,
            "scopes" => {
                let DeValue::Array(scopes) = value.get_ref() else {
                    let message = format!("the scopes are a list, not {}", kind(value.get_ref()));
                    return Err(Mistake::new(message, value.span()));
                };
                let mut openid = openid;
                for scope in scopes {
                    openid = openid.scope(text(scope, "a scope is")?);
                }
                openid
            }
            "roles_claim" => openid.roles_claim(text(value, "a claim is")?),
            "roles" => {
                let mut openid = openid;
                for (group, value) in table_of(value, "the roles are")? {
                    openid = openid.role(group.get_ref().as_ref(), role(value)?);
                }
                openid
            }
            "default_role" => openid.default_role(role(value)?),
            _ => return Err(unknown_key(key, &KEYS)),
        };
    }
    Ok(Oidc {
        openid,
        secret_file,
    })
}

fn role(value: &Spanned<DeValue<'_>>) -> Result<Role, Mistake> {
    let role = text(value, "a role is")?.parse::<Role>();
    role.map_err(|error| Mistake::new(error.to_owned(), value.span()))
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    #[test]
    fn a_provider_is_read_with_its_roles() {
        let text = "[oidc]\nissuer = 'https://login.example.com'\nclient_id = 'cla'\nclient_secret_file = 'secret'\n\
                    redirect_base = 'https://cla.example.com/'\nscopes = ['groups']\nroles_claim = 'realm.roles'\n\
                    default_role = 'viewer'\n[oidc.roles]\nops = 'operator'\n'cla admins' = 'admin'\n";
        let config = Config::parse(text, "cla.toml").ok().unwrap();
        let openid = OpenId::new("https://login.example.com", "cla").unwrap();
        let openid = openid.reached_at("https://cla.example.com").unwrap();
        let openid = openid.scope("groups").roles_claim("realm.roles");
        let openid = openid.default_role(Role::Viewer);
        let openid = openid
            .role("ops", Role::Operator)
            .role("cla admins", Role::Admin);
        let secret_file = Some("secret".into());
        assert_eq!(
            config.oidc,
            Some(Oidc {
                openid,
                secret_file
            })
        );
    }

    #[test]
    fn what_is_wrong_with_a_provider_is_said_with_its_place() {
        let rest = "issuer = 'https://x'\nclient_id = 'y'\n";
        for (text, place, message) in [
            (
                "[oidc]\nclient_id = 'y'".to_owned(),
                ":1:1",
                "`issuer` is missing",
            ),
            (
                "[oidc]\nissuer = 'http://x.example'\nclient_id = 'y'".to_owned(),
                ":2:10",
                "this machine only",
            ),
            (
                format!("[oidc]\n{rest}isuer = 'x'"),
                ":4:1",
                "did you mean \"issuer\"?",
            ),
            (
                format!("[oidc]\n{rest}default_role = 'root'"),
                ":4:16",
                "viewer, operator or admin",
            ),
            (
                format!("[oidc]\n{rest}roles = {{a = 'root'}}"),
                ":4:14",
                "viewer, operator or admin",
            ),
            (
                format!("[oidc]\n{rest}scopes = 'x'"),
                ":4:10",
                "the scopes are a list, not a text",
            ),
        ] {
            let shown = match Config::parse(&text, "cla.toml") {
                Ok(config) => panic!("{text:?} is {config:?}"),
                Err(mistake) => mistake.shown(Path::new("cla.toml"), &text),
            };
            assert!(shown.contains(&format!("cla.toml{place}")), "{shown}");
            assert!(shown.contains(message), "{message} in {shown}");
        }
    }
}
