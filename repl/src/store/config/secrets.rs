//! `secrets` in `cla.toml`: which secrets the rules of a folder want, and never a value.

use std::path::{Path, PathBuf};

use cla_runtime::secrets::is_secret_name;
use toml::Spanned;
use toml::de::DeValue;

use super::{Mistake, kind};

/// A secret that rules want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WantedSecret {
    pub(crate) name: String,
    /// Where its value is; in a variable of its name, if absent.
    pub(crate) file: Option<PathBuf>,
}

/// Reads the list: `"NAME"` and `"NAME=@FILE"`, as the option `--secret` has them. A relative path begins at the folder of
/// the `cla.toml` at `config`.
pub(super) fn wanted(
    value: &Spanned<DeValue<'_>>,
    config: &str,
) -> Result<Vec<WantedSecret>, Mistake> {
    // What is in such a line may be a value.
    let wrong = |message: String, at: &Spanned<DeValue<'_>>| Mistake {
        is_private: true,
        ..Mistake::new(message, at.span())
    };
    let DeValue::Array(items) = value.get_ref() else {
        let message = format!(
            "the secrets are a list of names, such as [\"TOKEN\", \"PASSWORD=@password.txt\"], not {}",
            kind(value.get_ref())
        );
        return Err(wrong(message, value));
    };
    let mut wanted = Vec::new();
    for item in items {
        let DeValue::String(text) = item.get_ref() else {
            let message = format!("a secret is a name, not {}", kind(item.get_ref()));
            return Err(wrong(message, item));
        };
        let (name, file) = match text.split_once('=') {
            None => (text.as_ref(), None),
            Some((name, file)) => match file.strip_prefix('@') {
                Some(file) if !file.is_empty() => (name, Some(file)),
                _ => {
                    let message = "a value of a secret does not belong here: write \"NAME\" for a variable of the \
                                   environment, or \"NAME=@FILE\"";
                    return Err(wrong(message.to_owned(), item));
                }
            },
        };
        if !is_secret_name(name) {
            let message = "a secret has a name of letters, digits and _, and no digit first";
            return Err(wrong(message.to_owned(), item));
        }
        let folder = Path::new(config).parent().unwrap_or(Path::new(""));
        wanted.push(WantedSecret {
            name: name.to_owned(),
            file: file.map(|file| folder.join(file)),
        });
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    #[test]
    fn secrets_are_named_and_have_no_values() {
        let text = "secrets = ['TOKEN', 'KEY=@keys/one']";
        let config = Config::parse(text, "here/cla.toml").ok().unwrap();
        let wanted = |name: &str, file: Option<&str>| WantedSecret {
            name: name.to_owned(),
            file: file.map(PathBuf::from),
        };
        let expected = [wanted("TOKEN", None), wanted("KEY", Some("here/keys/one"))];
        assert_eq!(config.secrets.unwrap(), expected);
    }

    #[test]
    fn a_mistake_shows_its_place_and_never_a_value() {
        for (text, said) in [
            ("secrets = ['A=hunter22']", ":1:12: a value of a secret"),
            ("secrets = ['A=@']", ":1:12: a value of a secret"),
            ("secrets = ['hunter 22']", ":1:12: a secret has a name"),
            (
                "secrets = {A = 'hunter22'}",
                ":1:11: the secrets are a list",
            ),
            (
                "secrets = [['hunter22']]",
                ":1:12: a secret is a name, not a list",
            ),
        ] {
            let Err(mistake) = Config::parse(text, "cla.toml") else {
                panic!("{text}")
            };
            let shown = mistake.shown(Path::new("cla.toml"), text);
            assert!(shown.contains(said), "{shown}");
            assert!(
                !shown.contains("hunter") && !shown.contains("22"),
                "{shown}"
            );
        }
    }
}
