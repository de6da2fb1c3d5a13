//! Secrets for rules: `--secret`, `--secrets-from`, and `secrets` in `cla.toml`.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use cla_runtime::secrets::{InvalidSecret, Secrets};
use cla_runtime::semaphore::StoreUrl;

use crate::permissions::PermissionArgs;
use crate::store::{ChoiceError, WantedSecret};

/// The options.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct SecretArgs {
    /// Give rules a secret: the variable NAME of the environment, or what is in FILE. May be given many times
    ///
    /// Rules read it with cla.secret("NAME"), rulebooks with ${secret.NAME}. Wherever text leaves a run, *** stands in its
    /// place. Without a variable of that name, it is asked for at the terminal.
    #[arg(long, value_name = "NAME[=@FILE]", help_heading = "Secrets")]
    secret: Vec<String>,
    /// Give rules the secrets in a file: lines NAME=VALUE, or a JSON object of texts
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    secrets_from: Vec<PathBuf>,
}

/// Why there is a secret that cannot be given. No value of one is part of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    #[error(
        "--secret {0}=...: who lists the processes would see the value; set the variable {0} and write --secret {0}, or write \
         --secret {0}=@FILE"
    )]
    OnCommandLine(String),
    #[error(
        "--secret {0}: there is no variable {0} in the environment, and no terminal to ask for it"
    )]
    NoVariable(String),
    #[error("--secret {0}: the variable {0} is not valid UTF-8")]
    NotText(String),
    #[error("--secret {0}: cannot read it at the terminal: {1}")]
    Terminal(String, io::Error),
    #[error("cannot read the secrets in {}: {error}", file.display())]
    File { file: PathBuf, error: io::Error },
    #[error("{}, line {line}: {problem}", file.display())]
    Line {
        file: PathBuf,
        line: usize,
        problem: &'static str,
    },
    #[error("{}: {problem}", file.display())]
    Json { file: PathBuf, problem: String },
    #[error(transparent)]
    Invalid(#[from] InvalidSecret),
    #[error(transparent)]
    Config(#[from] ChoiceError),
}

impl SecretArgs {
    pub(crate) fn are_given(&self) -> bool {
        !self.secret.is_empty() || !self.secrets_from.is_empty()
    }

    /// All that rules of this folder are to have and what is to be hidden from them: what `cla.toml` names, unless the
    /// options put it aside, what the options of this command give, and the passwords of the store.
    pub(crate) fn of_rules(
        &self,
        folder: &Path,
        permissions: &PermissionArgs,
        store: &StoreUrl,
    ) -> Result<Secrets, SecretError> {
        let mut secrets = Secrets::new();
        let config = match permissions.is_sandbox() {
            true => None,
            false => crate::store::wanted_secrets(folder)?,
        };
        if let Some((wanted, config)) = config {
            for secret in wanted {
                secrets = with_wanted(secrets, secret, &config);
            }
        }
        let secrets = self.read(secrets)?;
        Ok(store.passwords().into_iter().fold(secrets, Secrets::hiding))
    }

    /// Adds what the options give.
    fn read(&self, mut secrets: Secrets) -> Result<Secrets, SecretError> {
        for file in &self.secrets_from {
            let text = read_file(file)?;
            for (name, value) in entries(file, &text)? {
                secrets = secrets.with(name, value)?;
            }
        }
        for given in &self.secret {
            let (name, value) = match given.split_once('=') {
                None => (given.as_str(), from_environment(given)?),
                Some((name, file)) => match file.strip_prefix('@') {
                    Some(file) => (name, read_file(Path::new(file))?),
                    None => return Err(SecretError::OnCommandLine(name.to_owned())),
                },
            };
            secrets = secrets.with(name, value)?;
        }
        Ok(secrets)
    }
}

/// With a secret that `cla.toml` names. One that cannot be read is missing: only rules that need it fail.
fn with_wanted(secrets: Secrets, wanted: WantedSecret, config: &Path) -> Secrets {
    let WantedSecret { name, file } = wanted;
    let value = match &file {
        Some(file) => read_file(file).map_err(|error| error.to_string()),
        None => std::env::var(&name).map_err(|error| match error {
            std::env::VarError::NotPresent => {
                format!("the variable {name} is not set (--secret {name} asks for it)")
            }
            std::env::VarError::NotUnicode(_) => format!("the variable {name} is not valid UTF-8"),
        }),
    };
    let added = value.and_then(|value| {
        let added = secrets.clone().with(name.clone(), value);
        added.map_err(|error| error.to_string())
    });
    added.unwrap_or_else(|why| {
        secrets.missing(name, format!("{} names it, but {why}", config.display()))
    })
}

/// The value of a variable; or what is typed.
fn from_environment(name: &str) -> Result<String, SecretError> {
    // Asking for it is of no use if it cannot be a secret's.
    Secrets::new().with(name, "a value that is long enough")?;
    match std::env::var(name) {
        Ok(value) => Ok(value),
        Err(std::env::VarError::NotUnicode(_)) => Err(SecretError::NotText(name.to_owned())),
        Err(std::env::VarError::NotPresent) if io::stdin().is_terminal() => {
            rpassword::prompt_password(format!("{name}: "))
                .map_err(|error| SecretError::Terminal(name.to_owned(), error))
        }
        Err(std::env::VarError::NotPresent) => Err(SecretError::NoVariable(name.to_owned())),
    }
}

fn read_file(file: &Path) -> Result<String, SecretError> {
    std::fs::read_to_string(file).map_err(|error| SecretError::File {
        file: file.to_owned(),
        error,
    })
}

/// The names and values in a file.
fn entries(file: &Path, text: &str) -> Result<Vec<(String, String)>, SecretError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') {
        return serde_json::from_str::<std::collections::BTreeMap<String, String>>(text)
            .map(|map| map.into_iter().collect())
            .map_err(|error| SecretError::Json {
                file: file.to_owned(),
                // The message of the parser may have a value in it.
                problem: format!(
                    "this is no JSON object whose values are texts (line {}, column {})",
                    error.line(),
                    error.column()
                ),
            });
    }
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let problem = |problem| SecretError::Line {
            file: file.to_owned(),
            line: index + 1,
            problem,
        };
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| problem("a secret is NAME=VALUE"))?;
        let value = value.trim();
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..]
                .strip_suffix(quote)
                .ok_or_else(|| problem("the quote is not closed in this line"))?,
            _ => value,
        };
        entries.push((name.trim().to_owned(), value.to_owned()));
    }
    Ok(entries)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot go on should stop
mod tests {
    use super::*;

    #[test]
    fn lines_and_json_give_the_same() {
        let file = Path::new("f");
        let lines = "# ours\nexport A=one1\n\nB = \"two two\"\nC='th#ree='\n";
        let json = r#"{"A": "one1", "B": "two two", "C": "th#ree="}"#;
        assert_eq!(entries(file, lines).unwrap(), entries(file, json).unwrap());
    }

    #[test]
    fn no_value_is_in_an_error() {
        let file = Path::new("f");
        for text in [
            "A=fine\nhunter22",
            "A=\"hunter22",
            "{\"A\": hunter22}",
            "{\"A\": {\"hunter22\": 1}}",
        ] {
            let error = entries(file, text).unwrap_err().to_string();
            assert!(!error.contains("hunter22"), "{error}");
        }
        let args = SecretArgs {
            secret: vec!["A=hunter22".to_owned()],
            ..Default::default()
        };
        let error = args.read(Secrets::new()).unwrap_err().to_string();
        assert!(
            error.contains("--secret A=@FILE") && !error.contains("hunter22"),
            "{error}"
        );
    }
}
