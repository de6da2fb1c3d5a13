//! Tokens for programs and people: a file that `cla token` writes, and its reader in the service.
//!
//! Of a token only an Argon2 hash is kept. The service looks at the file anew when it has changed, so a token that is
//! revoked is refused at once.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::last_use::{self, LastUse, TokenUse};
use super::random::{self, Digest, digest};
use super::{Person, Role};
use cla_runtime::semaphore::Glob;

/// The beginning of every token, so that scanners for leaked secrets recognise it.
const PREFIX: &str = "cla_";

/// The longest token. A longer text is not hashed.
const LONGEST: usize = 128;

/// The most tokens in a file.
const LONGEST_FILE: u64 = 16 << 20;

/// The most hashes that are computed at once: each takes 19 MiB.
const HASHES: usize = 2;

/// How many valid tokens are remembered.
const MOST_REMEMBERED: usize = 10_000;

/// A token, without its secret.
///
/// See [`TokenStore`] for an example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Token {
    /// Its name in the list, and the beginning of the token itself.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The semaphores that it sees, if not all.
    pub semaphores: Option<Glob>,
    /// When it was made, in seconds since the Unix epoch.
    pub created_at: f64,
    /// When it is void, if ever.
    pub expires_at: Option<f64>,
    /// The hash of its secret.
    hash: String,
}

/// Why tokens could not be read or changed.
///
/// See [`TokenStore`] for an example.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The file cannot be read or written.
    #[error("cannot use the tokens in {}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Others may read or write the file.
    #[error("{} can be read or changed by others: chmod 600 it, and make its tokens anew", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// No token has this id.
    #[error("there is no token {id}; `cla token list` shows those there are")]
    Unknown {
        /// The id.
        id: String,
    },
}

/// The tokens in a file.
///
/// ```
/// use std::time::Duration;
/// use cla_admin::{Role, TokenError, TokenStore};
///
/// let folder = tempfile::tempdir()?;
/// let store = TokenStore::new(folder.path().join("tokens.json"));
/// let week = Duration::from_secs(7 * 24 * 60 * 60);
/// let (token, text) = store.create("deploy", Role::Operator, Some("shop-*".parse()?), Some(week))?;
/// assert!(text.contains(&token.id) && !token.is_expired());
/// assert_eq!(store.list()?[0].id, token.id);
/// assert!(store.last_uses()?.is_empty(), "nobody has used it yet");
/// store.revoke(&token.id)?;
/// assert!(matches!(store.revoke(&token.id), Err(TokenError::Unknown { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TokenStore {
    path: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Stored {
    tokens: Vec<Token>,
}

impl Token {
    /// Whether it is void.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.expires_at.is_some_and(|at| at <= now())
    }

    fn person(&self) -> Person {
        let person = Person::new(self.name.clone(), self.role);
        match &self.semaphores {
            Some(pattern) => person.only(pattern.clone()),
            None => person,
        }
    }
}

impl TokenStore {
    /// The tokens in this file. It need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Makes a token, and gives its text, which is kept nowhere.
    ///
    /// # Errors
    /// [`TokenError::File`], [`TokenError::Exposed`].
    pub fn create(
        &self,
        name: &str,
        role: Role,
        semaphores: Option<Glob>,
        lifetime: Option<Duration>,
    ) -> Result<(Token, String), TokenError> {
        let (id, secret) = (random::short(), random::secret());
        let text = format!("{PREFIX}{id}_{secret}");
        let hash = Argon2::default()
            .hash_password(text.as_bytes())
            .map_err(|error| self.failed(io::Error::other(error.to_string())))?;
        let token = Token {
            id,
            name: name.to_owned(),
            role,
            semaphores,
            created_at: now(),
            expires_at: lifetime.map(|lifetime| now() + lifetime.as_secs_f64()),
            hash: hash.to_string(),
        };
        self.change(|stored| {
            stored.tokens.retain(|token| !token.is_expired());
            stored.tokens.push(token.clone());
            Ok(())
        })?;
        Ok((token, text))
    }

    /// All tokens, in the order in which they were made.
    ///
    /// # Errors
    /// [`TokenError::File`], [`TokenError::Exposed`].
    pub fn list(&self) -> Result<Vec<Token>, TokenError> {
        Ok(self.read()?.tokens)
    }

    /// Makes a token void.
    ///
    /// # Errors
    /// [`TokenError::Unknown`]; [`TokenError::File`], [`TokenError::Exposed`].
    pub fn revoke(&self, id: &str) -> Result<Token, TokenError> {
        let token = self.change(|stored| {
            let at = stored.tokens.iter().position(|token| token.id == id);
            let at = at.ok_or_else(|| TokenError::Unknown { id: id.to_owned() })?;
            Ok(stored.tokens.remove(at))
        })?;
        // The token is void, so it does no harm if its last use stays in the file.
        if let Err(error) = last_use::forget(&self.uses_path(), id) {
            tracing::warn!(%error, "cannot forget when a token was used");
        }
        Ok(token)
    }

    /// When and from where tokens were last used, by their ids; those that were not are not in it.
    ///
    /// # Errors
    /// [`TokenError::File`].
    pub fn last_uses(&self) -> Result<HashMap<String, TokenUse>, TokenError> {
        let path = self.uses_path();
        last_use::read(&path).map_err(|cause| TokenError::File { path, cause })
    }

    fn uses_path(&self) -> PathBuf {
        self.path.with_file_name("tokens-used.json")
    }

    fn failed(&self, cause: io::Error) -> TokenError {
        TokenError::File {
            path: self.path.clone(),
            cause,
        }
    }

    fn read(&self) -> Result<Stored, TokenError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stored::default()),
            Err(error) => return Err(self.failed(error)),
        };
        if is_exposed(&file).map_err(|error| self.failed(error))? {
            let path = self.path.clone();
            return Err(TokenError::Exposed { path });
        }
        let text = read_all(file).map_err(|error| self.failed(error))?;
        serde_json::from_str(&text).map_err(|error| self.failed(error.into()))
    }

    /// Changes the list: one process at a time, and a reader sees the old list or the new one.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Stored) -> Result<T, TokenError>,
    ) -> Result<T, TokenError> {
        let _lock = locked(&self.path).map_err(|error| self.failed(error))?;
        let mut stored = self.read()?;
        let result = change(&mut stored)?;
        let write = || {
            let text = serde_json::to_string_pretty(&stored)?;
            write_private(&self.path, &text)
        };
        write().map_err(|error| self.failed(error))?;
        Ok(result)
    }
}

/// Holds a file for one process at a time.
pub(super) fn locked(path: &Path) -> io::Result<File> {
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let file = private().open(path.with_extension("lock"))?;
    file.lock()?;
    Ok(file)
}

/// Puts a text in place of what a file had: a reader sees the old or the new.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    // A file that is left from a crash may be readable by others.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private().open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

/// What a file has; `None` if it is not there yet.
pub(super) fn read_private(path: &Path) -> io::Result<Option<String>> {
    match File::open(path) {
        Ok(file) => read_all(file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_all(file: File) -> io::Result<String> {
    let mut text = String::new();
    file.take(LONGEST_FILE).read_to_string(&mut text)?;
    Ok(text)
}

/// Opens files that only their owner may read, made if they are not there.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn is_exposed(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_: &File) -> io::Result<bool> {
    // A folder of the user's own is all that the system offers without further ado.
    Ok(false)
}

pub(super) fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// Finds the person of a token.
///
/// Hashing is slow on purpose. A valid token is remembered by a digest for as long as it is in the file.
pub(super) struct Verifier {
    store: TokenStore,
    uses: LastUse,
    known: Mutex<LoadedTokens>,
    hashing: Semaphore,
}

/// What is known of a token before its hash is computed.
pub(super) enum Recalled {
    /// It was valid before, and still is.
    Right(Person, String),
    /// It names this token; only its hash proves that.
    Unsure(Arc<Token>),
    /// There is no such token.
    Wrong,
}

#[derive(Default)]
struct LoadedTokens {
    /// When the file that was read last was changed.
    changed: Option<(SystemTime, u64)>,
    tokens: HashMap<String, Arc<Token>>,
    /// By the digests of their texts.
    right: HashMap<Digest, Arc<Token>>,
}

impl Verifier {
    pub(super) fn new(store: TokenStore) -> Self {
        Self {
            uses: LastUse::new(store.uses_path()),
            store,
            known: Mutex::default(),
            hashing: Semaphore::new(HASHES),
        }
    }

    pub(super) fn store(&self) -> &TokenStore {
        &self.store
    }

    /// Whether there is a token with this id, not revoked and not expired. A client at this address uses it.
    pub(super) fn is_live(&self, id: &str, from: Option<IpAddr>) -> bool {
        let mut known = self.known.lock();
        self.look(&mut known);
        let is_live = known
            .tokens
            .get(id)
            .is_some_and(|token| !token.is_expired());
        drop(known);
        if is_live {
            self.uses.note(id, from);
        }
        is_live
    }

    /// What is known of a token without hashing it. A client at this address uses it.
    pub(super) fn recall(&self, text: &str, from: Option<IpAddr>) -> Recalled {
        let id = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('_'));
        let Some((id, _)) = id.filter(|_| text.len() <= LONGEST) else {
            return Recalled::Wrong;
        };
        let mut known = self.known.lock();
        self.look(&mut known);
        if let Some(token) = known.right.get(&digest(text)) {
            return match token.is_expired() {
                true => Recalled::Wrong,
                false => {
                    self.uses.note(&token.id, from);
                    Recalled::Right(token.person(), token.id.clone())
                }
            };
        }
        match known.tokens.get(id).filter(|token| !token.is_expired()) {
            Some(token) => Recalled::Unsure(Arc::clone(token)),
            None => Recalled::Wrong,
        }
    }

    /// Who a token stands for, if it is the one that it says it is, and its id.
    pub(super) async fn verify(
        &self,
        text: &str,
        token: Arc<Token>,
        from: Option<IpAddr>,
    ) -> Option<(Person, String)> {
        let _turn = self.hashing.acquire().await.ok()?;
        let (hash, secret) = (token.hash.clone(), text.to_owned());
        let right = tokio::task::spawn_blocking(move || {
            // Compares in constant time.
            Argon2::default()
                .verify_password(secret.as_bytes(), hash.as_str())
                .is_ok()
        });
        if !right.await.ok()? {
            return None;
        }
        let mut known = self.known.lock();
        // It may have been revoked in between.
        if known
            .tokens
            .get(&token.id)
            .is_none_or(|found| *found != token)
        {
            return None;
        }
        if known.right.len() >= MOST_REMEMBERED {
            known.right.clear();
        }
        known.right.insert(digest(text), Arc::clone(&token));
        drop(known);
        self.uses.note(&token.id, from);
        Some((token.person(), token.id.clone()))
    }

    /// Reads the file if it has changed. While it cannot be read, no token is accepted.
    fn look(&self, known: &mut LoadedTokens) {
        let metadata = std::fs::metadata(&self.store.path).ok();
        let changed = metadata.and_then(|found| Some((found.modified().ok()?, inode(&found))));
        if changed.is_some() && changed == known.changed {
            return;
        }
        let tokens = match self.store.list() {
            Ok(tokens) => tokens,
            Err(error) => {
                tracing::error!(%error, "no token is accepted");
                Vec::new()
            }
        };
        known.changed = changed;
        known.tokens = tokens
            .into_iter()
            .map(|token| (token.id.clone(), Arc::new(token)))
            .collect();
        // A remembered token stays valid as long as the file has the same hash.
        let LoadedTokens { tokens, right, .. } = known;
        right.retain(|_, token| tokens.get(&token.id) == Some(token));
    }
}

/// Distinguishes a file from the one before it, whose time of change may be the same.
fn inode(metadata: &std::fs::Metadata) -> u64 {
    #[cfg(unix)]
    {
        std::os::unix::fs::MetadataExt::ino(metadata)
    }
    #[cfg(not(unix))]
    {
        metadata.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::*;

    async fn verify(verifier: &Verifier, text: &str) -> Option<Person> {
        match verifier.recall(text, None) {
            Recalled::Right(person, _) => Some(person),
            Recalled::Unsure(token) => Some(verifier.verify(text, token, None).await?.0),
            Recalled::Wrong => None,
        }
    }

    #[tokio::test]
    async fn a_token_lets_in_until_it_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let store = TokenStore::new(folder.path().join("deep/tokens.json"));
        let verifier = Verifier::new(store.clone());
        assert!(
            verify(&verifier, "cla_x_y").await.is_none(),
            "there are none"
        );

        let pattern = Some("shop-*".parse().unwrap());
        let (token, text) = store.create("ci", Role::Operator, pattern, None).unwrap();
        for _ in 0..2 {
            let person = verify(&verifier, &text).await.unwrap();
            assert_eq!((person.login(), person.role()), ("ci", Role::Operator));
            assert!(person.sees("shop-db") && !person.sees("prod-db"));
        }
        assert!(verify(&verifier, &format!("{text}0")).await.is_none());
        assert!(verify(&verifier, &text[..text.len() - 1]).await.is_none());
        let kept = std::fs::read_to_string(folder.path().join("deep/tokens.json")).unwrap();
        let secret = text.rsplit('_').next().unwrap();
        assert!(
            !kept.contains(secret) && kept.contains("$argon2id$"),
            "{kept}"
        );

        store.revoke(&token.id).unwrap();
        assert!(verify(&verifier, &text).await.is_none());
        assert!(matches!(
            store.revoke(&token.id),
            Err(TokenError::Unknown { .. })
        ));
    }

    #[tokio::test]
    async fn a_token_that_has_expired_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = TokenStore::new(folder.path().join("tokens.json"));
        let (token, text) = store
            .create("old", Role::Admin, None, Some(Duration::ZERO))
            .unwrap();
        assert!(token.is_expired());
        assert!(verify(&Verifier::new(store), &text).await.is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        let store = TokenStore::new(&path);
        store.create("x", Role::Viewer, None, None).unwrap();
        let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(store.list(), Err(TokenError::Exposed { .. })));
    }
}
