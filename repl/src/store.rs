//! Which store the semaphores are in, and who chose it. Choosing a store does not open it.

mod config;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cla_admin::{Declaration, OpenId, Webhook};
use cla_runtime::Permissions;
use cla_runtime::semaphore::{Semaphores, StoreError, StoreUrl, StoreUrlError};

use self::config::Config;
pub(crate) use self::config::WantedSecret;

/// The variable that names a store.
const STORE_VARIABLE: &str = "CLA_STORE";

/// The variable that moves the program's own folder.
const HOME_VARIABLE: &str = "CLA_HOME";

/// The file in which a project or a user names a store, among other things to come.
const CONFIG_FILE: &str = "cla.toml";

/// The file that is the store when none is named.
const DATABASE: &str = "semaphores.db";

/// How long the program waits at its end for a store that does not answer. What it could not give back is
/// freed by the end of its lease, or by the next process that uses the store.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long to wait for messages about a store that was closed.
const SAYING: Duration = Duration::from_millis(100);

/// `--store`, as several subcommands have it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct StoreArgs {
    /// Where the semaphores are: sqlite:PATH, redis://HOST:PORT/DB, or memory: (this process alone)
    ///
    /// Without it, the first of these that says so: the variable CLA_STORE; `store = "URL"` in the
    /// nearest cla.toml, from the current folder upwards; the same in cla/cla.toml below
    /// $XDG_CONFIG_HOME or ~/.config. Else it is the file semaphores.db in $CLA_HOME, or in cla/
    /// below $XDG_STATE_HOME or ~/.local/state.
    #[arg(long = "store", value_name = "URL", global = true, value_parser = UrlParser)]
    url: Option<StoreUrl>,
}

/// Parses `--store`. An error of clap's own would show the text with its password.
#[derive(Clone, Debug)]
struct UrlParser;

impl clap::builder::TypedValueParser for UrlParser {
    type Value = StoreUrl;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<StoreUrl, clap::Error> {
        let error = |problem: &dyn fmt::Display| {
            let message = format!("invalid value for '--store <URL>': {problem}");
            command
                .clone()
                .error(clap::error::ErrorKind::ValueValidation, message)
        };
        let text = value
            .to_str()
            .ok_or_else(|| error(&"it is no valid Unicode"))?;
        text.parse().map_err(|problem| error(&problem))
    }
}

/// The store to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) url: StoreUrl,
    pub(crate) origin: Origin,
}

/// Who chose a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `--store`.
    Flag,
    /// `CLA_STORE`.
    Environment,
    /// This `cla.toml`.
    File(PathBuf),
    /// Nothing names a store: the default.
    Default,
}

/// Why there is no store to use. The user must correct it before anything is tried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChoiceError {
    #[error("{origin}: {problem}")]
    Url {
        origin: Origin,
        problem: StoreUrlError,
    },
    #[error("{STORE_VARIABLE} is no valid Unicode: name the store as memory: or sqlite:PATH")]
    NotUnicode,
    #[error("{0}")]
    Config(String),
    #[error("cannot read {}: {problem}", path.display())]
    Unreadable { path: PathBuf, problem: io::Error },
    #[error("cannot find out the current folder, which {needs} needs: {problem}")]
    NoFolder {
        needs: &'static str,
        problem: io::Error,
    },
    #[error(
        "there is no home folder to keep {DATABASE} in: set HOME or {HOME_VARIABLE}, or name a \
         store with --store or {STORE_VARIABLE}"
    )]
    NoHome,
}

impl StoreArgs {
    /// Whether `--store` was given.
    pub(crate) const fn is_given(&self) -> bool {
        self.url.is_some()
    }

    /// Chooses the store.
    ///
    /// # Errors
    /// [`ChoiceError`]. What `--store` says is looked at by clap.
    pub(crate) fn choose(&self) -> Result<Choice, ChoiceError> {
        if self
            .url
            .as_ref()
            .is_some_and(|url| !url.passwords().is_empty())
        {
            crate::exit::warn(
                &"--store: who lists the processes sees the password; write the URL into the variable CLA_STORE, or into cla.toml",
            );
        }
        surroundings(|surroundings| surroundings.choose(self.url.as_ref()))
    }
}

/// The semaphores that the `cla.toml` files declare: the one nearest to `folder`, the one nearest to the current folder,
/// and the user's. What the first of them says of a semaphore counts.
///
/// # Errors
/// [`ChoiceError`]: a file cannot be read, or something in it is wrong.
pub(crate) fn declared(folder: &Path) -> Result<Declared, ChoiceError> {
    surroundings(|surroundings| surroundings.declared(folder))
}

/// What the nearest `cla.toml` that has `[permissions]` lets rules do, and which that is: from `folder` upwards, from the
/// current folder upwards, or the user's.
///
/// # Errors
/// [`ChoiceError`]: a file cannot be read, or something in it is wrong.
pub(crate) fn permissions(folder: &Path) -> Result<Option<(Permissions, PathBuf)>, ChoiceError> {
    surroundings(|surroundings| surroundings.nearest(folder, |config| config.permissions))
}

/// The secrets that the rules of this folder want, and the `cla.toml` that says so: the nearest one from that folder
/// upwards, from the current folder upwards, or the user's.
///
/// # Errors
/// [`ChoiceError`]: a file cannot be read, or something in it is wrong.
pub(crate) fn wanted_secrets(
    folder: &Path,
) -> Result<Option<(Vec<WantedSecret>, PathBuf)>, ChoiceError> {
    surroundings(|surroundings| surroundings.nearest(folder, |config| config.secrets))
}

/// The settings that the `cla.toml` files give the rules of a folder: those of the user, of the file nearest to the current folder,
/// and of the one nearest to `folder`. What stands later in the list outranks what is before it.
///
/// # Errors
/// [`ChoiceError`]: a file cannot be read, or something in it is wrong.
pub(crate) fn settings(folder: &Path) -> Result<Vec<serde_json::Value>, ChoiceError> {
    surroundings(|surroundings| surroundings.settings(folder))
}

/// Whether the nearest `cla.toml` that says it makes scripts strict: from `folder` upwards, or the user's.
///
/// # Errors
/// [`ChoiceError`]: a file cannot be read, or something in it is wrong.
pub(crate) fn strict(folder: &Path) -> Result<bool, ChoiceError> {
    surroundings(|surroundings| surroundings.strict(folder))
}

/// What the files `cla.toml` say to a service.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    /// See [`settings`].
    pub(crate) settings: Vec<serde_json::Value>,
    pub(crate) semaphores: Vec<Declaration>,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) openid: Option<OpenId>,
}

/// The folder in which the program keeps what must survive it, if there is one.
pub(crate) fn state_folder() -> Option<PathBuf> {
    surroundings(|surroundings| surroundings.state_folder().ok())
}

fn surroundings<T>(ask: impl FnOnce(&Surroundings<'_>) -> T) -> T {
    ask(&Surroundings {
        variable: &|name| std::env::var_os(name).filter(|value| !value.is_empty()),
        folder: &|| std::env::current_dir(),
        home: &std::env::home_dir,
    })
}

/// What a choice depends on, but for the command line.
struct Surroundings<'a> {
    /// A variable of the environment, unless it is empty.
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// The current folder.
    folder: &'a dyn Fn() -> io::Result<PathBuf>,
    /// The user's home.
    home: &'a dyn Fn() -> Option<PathBuf>,
}

impl Surroundings<'_> {
    fn choose(&self, flag: Option<&StoreUrl>) -> Result<Choice, ChoiceError> {
        if let Some(url) = flag {
            return self.choice(url.clone(), Origin::Flag);
        }
        if let Some(text) = (self.variable)(STORE_VARIABLE) {
            let text = text.into_string().map_err(|_| ChoiceError::NotUnicode)?;
            return self.parse(&text, Origin::Environment);
        }
        for path in self.config_files() {
            let Some(config) = Config::read(&path)? else {
                continue;
            };
            if let Some(url) = config.store {
                return self.choice(url, Origin::File(path));
            }
        }
        let url = StoreUrl::Sqlite(self.state_folder()?.join(DATABASE).into());
        self.choice(url, Origin::Default)
    }

    fn parse(&self, text: &str, origin: Origin) -> Result<Choice, ChoiceError> {
        match text.parse() {
            Ok(url) => self.choice(url, origin),
            Err(problem) => Err(ChoiceError::Url { origin, problem }),
        }
    }

    /// The choice of `url`. A file's path is made absolute: it stays the same file if the current folder
    /// changes, and messages say where it is.
    fn choice(&self, url: StoreUrl, origin: Origin) -> Result<Choice, ChoiceError> {
        let url = match url {
            StoreUrl::Sqlite(file) => {
                let path = self.absolute(file.path().to_owned(), &origin)?;
                StoreUrl::Sqlite(file.with_path(path))
            }
            other => other,
        };
        Ok(Choice { url, origin })
    }

    fn absolute(&self, path: PathBuf, origin: &Origin) -> Result<PathBuf, ChoiceError> {
        // No shell expands a `~` after `sqlite:`.
        if let Ok(below_home) = path.strip_prefix("~")
            && let Some(home) = (self.home)()
        {
            return Ok(home.join(below_home));
        }
        if path.is_absolute() {
            return Ok(path);
        }
        let base = match origin {
            Origin::File(file) => file.parent().map(Path::to_path_buf).unwrap_or_default(),
            _ => self.folder("a relative path")?,
        };
        // Only as text: a link on the way may lead elsewhere than its folder's parent.
        Ok(base.join(path).components().collect())
    }

    fn folder(&self, needs: &'static str) -> Result<PathBuf, ChoiceError> {
        (self.folder)().map_err(|problem| ChoiceError::NoFolder { needs, problem })
    }

    /// The files that may name a store: the nearest `cla.toml` from the current folder upwards, then
    /// the user's.
    fn config_files(&self) -> Vec<PathBuf> {
        // Without a current folder there is none near it either.
        let folder = (self.folder)().unwrap_or_default();
        let near = nearest_config(&folder);
        let user = self
            .xdg("XDG_CONFIG_HOME", ".config")
            .map(|folder| folder.join("cla").join(CONFIG_FILE));
        near.into_iter().chain(user).collect()
    }

    fn declared(&self, folder: &Path) -> Result<Declared, ChoiceError> {
        let settings = self.settings(folder)?;
        let folder = folder.canonicalize().unwrap_or_default();
        let mut semaphores = BTreeMap::new();
        let (mut webhook, mut openid) = (None, None);
        for path in nearest_config(&folder)
            .into_iter()
            .chain(self.config_files())
        {
            let config = Config::read(&path)?.unwrap_or_default();
            for declaration in config.semaphores {
                let name = declaration.name().clone();
                semaphores.entry(name).or_insert(declaration);
            }
            webhook = webhook.or(config.webhook);
            if let (None, Some(oidc)) = (&openid, config.oidc) {
                openid = Some(oidc.with_secret(&path)?);
            }
        }
        Ok(Declared {
            settings,
            semaphores: semaphores.into_values().collect(),
            webhook,
            openid,
        })
    }

    /// What the nearest `cla.toml` that says something of this says, and its path.
    fn nearest<T>(
        &self,
        folder: &Path,
        what: impl Fn(Config) -> Option<T>,
    ) -> Result<Option<(T, PathBuf)>, ChoiceError> {
        let folder = folder.canonicalize().unwrap_or_default();
        let near = nearest_config(&folder).into_iter();
        for path in near.chain(self.config_files()) {
            let config = Config::read(&path)?.unwrap_or_default();
            if let Some(found) = what(config) {
                return Ok(Some((found, path)));
            }
        }
        Ok(None)
    }

    fn settings(&self, folder: &Path) -> Result<Vec<serde_json::Value>, ChoiceError> {
        let mut files = self.config_files();
        files.reverse();
        // The current folder's is among them.
        if !folder.as_os_str().is_empty() && folder != Path::new(".") {
            let folder = folder.canonicalize().unwrap_or_default();
            let near = nearest_config(&folder).filter(|near| files.last() != Some(near));
            files.extend(near);
        }
        let mut settings = Vec::new();
        for file in files {
            settings.extend(Config::read(&file)?.and_then(|config| config.config));
        }
        Ok(settings)
    }

    fn strict(&self, folder: &Path) -> Result<bool, ChoiceError> {
        let folder = folder.canonicalize().unwrap_or_default();
        let near = nearest_config(&folder).into_iter();
        for path in near.chain(self.config_files()) {
            let config = Config::read(&path)?.unwrap_or_default();
            if let Some(strict) = config.strict {
                return Ok(strict);
            }
        }
        Ok(false)
    }

    /// Where the program keeps what must survive it.
    fn state_folder(&self) -> Result<PathBuf, ChoiceError> {
        if let Some(folder) = (self.variable)(HOME_VARIABLE) {
            return Ok(PathBuf::from(folder));
        }
        self.xdg("XDG_STATE_HOME", ".local/state")
            .map(|folder| folder.join("cla"))
            .ok_or(ChoiceError::NoHome)
    }

    /// A base folder of the XDG specification, which says that a relative one is to be ignored.
    fn xdg(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        (self.variable)(variable)
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute())
            .or_else(|| (self.home)().map(|home| home.join(below_home)))
    }
}

/// The nearest `cla.toml`, from this folder upwards.
fn nearest_config(folder: &Path) -> Option<PathBuf> {
    folder
        .ancestors()
        .map(|folder| folder.join(CONFIG_FILE))
        .find(|path| path.is_absolute() && path.exists())
}

impl Choice {
    /// The store's semaphores; it is opened at its first use.
    ///
    /// # Errors
    /// [`ChoiceError::Url`]: this program was built without such stores.
    pub(crate) fn open(&self) -> Result<Semaphores, ChoiceError> {
        Semaphores::open(&self.url).map_err(|problem| ChoiceError::Url {
            origin: self.origin.clone(),
            problem,
        })
    }

    /// Says what went wrong with the store, and who chose it: that may be what is to be changed.
    pub(crate) fn complaint(&self, error: &StoreError) -> String {
        match &self.origin {
            Origin::Default => error.to_string(),
            origin => format!("{error} ({origin} names this store)"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("--store"),
            Self::Environment => f.write_str(STORE_VARIABLE),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("the default"),
        }
    }
}

/// A warning about a store that is still to be printed.
pub(crate) struct Cautions(tokio::task::JoinHandle<()>);

impl Cautions {
    /// When the store was used for the first time and something is not as it should be, calls `say` with a sentence that
    /// says so, and how to silence it.
    pub(crate) fn of(
        store: &StoreUrl,
        semaphores: &Semaphores,
        say: impl FnOnce(&str) + Send + 'static,
    ) -> Self {
        let (store, semaphores) = (store.to_string(), semaphores.clone());
        Self(tokio::spawn(async move {
            let found = semaphores.cautions().await;
            if !found.is_empty() {
                let found = found.join("; ");
                say(&format!(
                    "the semaphore store {store}: {found} (write warnings=off into its URL to silence this)"
                ));
            }
        }))
    }

    /// Waits until it was said, after the store was closed.
    pub(crate) async fn said(self) {
        // There are no more messages about a store that does not close.
        let _ = tokio::time::timeout(SAYING, self.0).await;
    }
}

/// Lets the store know, at the end of a program, that nothing is held any more. A store that cannot
/// be reached finds out by itself. Only time is lost then, so a failure is only a warning.
pub(crate) async fn close(semaphores: &Semaphores) {
    let problem = match tokio::time::timeout(FAREWELL, semaphores.close()).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("the semaphore store did not answer within {FAREWELL:?}"),
    };
    crate::exit::warn(&format_args!(
        "{problem}; what was not given back is freed by the store itself"
    ));
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// A user whose home, project and environment are made up.
    struct User {
        folder: tempfile::TempDir,
        variables: HashMap<&'static str, OsString>,
    }

    impl User {
        fn new() -> Self {
            let user = Self {
                folder: tempfile::tempdir().unwrap(),
                variables: HashMap::new(),
            };
            std::fs::create_dir_all(user.path("project/rules/deep")).unwrap();
            std::fs::create_dir_all(user.path("home/.config/cla")).unwrap();
            user
        }

        fn path(&self, path: &str) -> PathBuf {
            self.folder.path().join(path)
        }

        fn set(&mut self, name: &'static str, value: impl Into<OsString>) {
            self.variables.insert(name, value.into());
        }

        fn write(&self, path: &str, text: &str) {
            std::fs::write(self.path(path), text).unwrap();
        }

        fn choose(&self, flag: Option<&str>) -> Result<Choice, ChoiceError> {
            Surroundings {
                variable: &|name| self.variables.get(name).cloned(),
                folder: &|| Ok(self.path("project/rules/deep")),
                home: &|| Some(self.path("home")),
            }
            .choose(flag.map(|url| url.parse().unwrap()).as_ref())
        }

        #[track_caller]
        fn chooses(&self, flag: Option<&str>, path: &str, origin: &Origin) {
            let choice = self.choose(flag).unwrap();
            assert_eq!(choice.url, StoreUrl::Sqlite(self.path(path).into()));
            assert_eq!(choice.origin, *origin);
        }
    }

    #[test]
    fn each_that_names_a_store_outranks_the_next() {
        let mut user = User::new();
        user.chooses(
            None,
            "home/.local/state/cla/semaphores.db",
            &Origin::Default,
        );

        user.write("home/.config/cla/cla.toml", "store = 'sqlite:user.db'");
        let file = Origin::File(user.path("home/.config/cla/cla.toml"));
        user.chooses(None, "home/.config/cla/user.db", &file);

        user.write("project/cla.toml", "store = 'sqlite:project.db'");
        let file = Origin::File(user.path("project/cla.toml"));
        user.chooses(None, "project/project.db", &file);

        user.write("project/rules/cla.toml", "store = 'sqlite:../near.db'");
        let file = Origin::File(user.path("project/rules/cla.toml"));
        user.chooses(None, "project/rules/../near.db", &file);

        user.set("CLA_STORE", "sqlite:env.db");
        user.chooses(None, "project/rules/deep/env.db", &Origin::Environment);

        user.chooses(
            Some("sqlite:flag.db"),
            "project/rules/deep/flag.db",
            &Origin::Flag,
        );
    }

    #[test]
    fn the_default_file_moves_with_its_variables() {
        let mut user = User::new();
        user.set("XDG_STATE_HOME", "relative/is/ignored");
        user.chooses(
            None,
            "home/.local/state/cla/semaphores.db",
            &Origin::Default,
        );
        user.set("XDG_STATE_HOME", user.path("state"));
        user.chooses(None, "state/cla/semaphores.db", &Origin::Default);
        user.set("CLA_HOME", user.path("own"));
        user.chooses(None, "own/semaphores.db", &Origin::Default);
        user.set("CLA_HOME", "here");
        user.chooses(
            None,
            "project/rules/deep/here/semaphores.db",
            &Origin::Default,
        );
    }

    #[test]
    fn a_project_without_a_store_leaves_it_to_the_user() {
        let user = User::new();
        user.write("project/cla.toml", "# nothing yet\n");
        user.write("home/.config/cla/cla.toml", "store = 'memory:'");
        let choice = user.choose(None).unwrap();
        assert_eq!(choice.url, StoreUrl::Memory);
        let file = user.path("home/.config/cla/cla.toml");
        assert_eq!(choice.origin, Origin::File(file));
    }

    #[test]
    fn a_path_below_home_may_be_written_with_a_tilde() {
        let user = User::new();
        user.chooses(Some("sqlite:~/x/y.db"), "home/x/y.db", &Origin::Flag);
        user.chooses(
            Some("sqlite:~x.db"),
            "project/rules/deep/~x.db",
            &Origin::Flag,
        );
    }

    #[test]
    fn a_wrong_url_says_where_it_stands() {
        let mut user = User::new();
        user.set("CLA_STORE", "mamory:");
        let error = user.choose(None).unwrap_err().to_string();
        assert!(
            error.starts_with("CLA_STORE: \"mamory:\" is no store"),
            "{error}"
        );
    }

    #[test]
    fn without_a_home_a_store_must_be_named() {
        let nowhere = Surroundings {
            variable: &|_| None,
            folder: &|| Err(io::Error::other("it was removed")),
            home: &|| None,
        };
        let error = nowhere.choose(None).unwrap_err().to_string();
        assert!(error.contains("CLA_HOME"), "{error}");
        assert_eq!(
            nowhere.choose(Some(&StoreUrl::Memory)).unwrap().url,
            StoreUrl::Memory
        );
        let relative = StoreUrl::Sqlite("x.db".into());
        let error = nowhere.choose(Some(&relative)).unwrap_err().to_string();
        assert!(error.contains("it was removed"), "{error}");
    }
}
