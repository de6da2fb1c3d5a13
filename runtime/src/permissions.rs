//! What rules may reach outside of their engine: [`Permissions`].
//!
//! A permission is asked for by the name that a rule gives (a path, a host, a program), and granted or refused by what that
//! name leads to (the file after links, the address after the look-up, the program that would run). This is the only place
//! that decides; modules ask here, with [`Run::permissions`](crate::host::Run::permissions), before they act.

mod denied;
pub(crate) mod entry;
mod files;
mod list;
mod net;
mod paths;
mod programs;

use std::ffi::OsStr;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use cla_semaphore::Glob;

pub use self::denied::PermissionDenied;
pub use self::files::{FileError, OpenFor};
use self::list::Rule;
use self::net::NetPattern;
use self::paths::Folder;
pub(crate) use self::paths::leads_to;
use self::programs::Program;

/// Something that a rule may be permitted to do.
///
/// ```
/// use cla_runtime::Permissions;
/// use cla_runtime::permissions::Permission;
///
/// let permissions = Permissions::none()
///     .allow(Permission::Net, ["api.example.com:443"])?
///     .allow(Permission::Store, ["shop-*"])?
///     .deny(Permission::Store, ["shop-secret"])?;
/// assert!(permissions.net("api.example.com", 443).is_ok());
/// assert!(permissions.store("shop-db").is_ok() && permissions.store("shop-secret").is_err());
/// # Ok::<(), cla_runtime::permissions::InvalidPermission>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Permission {
    /// To read files, and to see what folders hold. A list has files and folders, each with all below it.
    Read,
    /// To make, change and remove files. A list has files and folders, each with all below it.
    Write,
    /// To connect to servers. A list has hosts (`example.com`, `*.example.com`), addresses (`10.0.0.7`, `10.0.0.0/8`),
    /// each also with a port (`example.com:443`, `[::1]:80`), and the words `public`, `private`, `loopback` and `link-local`.
    ///
    /// A host that is in the list by its name is not reached at an address that means this machine or its own network
    /// segment (`127.0.0.1`, `169.254.169.254`), unless the list has that address, its word, or `localhost` too.
    Net,
    /// To start programs. A list has names, which are looked up in `PATH` when the permission is given, and paths.
    Run,
    /// To see variables of the environment. A list has names, in which `*` stands for any characters.
    Env,
    /// To import files from other folders than the rule's own. A list has folders.
    Import,
    /// To take semaphores of the engine, and to see them. A list has names, in which `*` stands for any characters.
    Store,
    /// To steer semaphores of the engine: change slots, grant, cancel, release by force. A list is as that of `Store`.
    Steer,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Write,
        Self::Net,
        Self::Run,
        Self::Env,
        Self::Import,
        Self::Store,
        Self::Steer,
    ];

    /// Its name in options, settings and errors: `read`, `write`, `net`, `run`, `env`, `import`, `store`, `steer`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Net => "net",
            Self::Run => "run",
            Self::Env => "env",
            Self::Import => "import",
            Self::Store => "store",
            Self::Steer => "steer",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Permission {
    type Err = InvalidPermission;

    fn from_str(name: &str) -> Result<Self, InvalidPermission> {
        let found = Self::ALL
            .into_iter()
            .find(|permission| permission.name() == name);
        found.ok_or_else(|| InvalidPermission(format!("there is no permission {name:?}")))
    }
}

/// Why something cannot be given or denied as a permission.
///
/// ```
/// use cla_runtime::Permissions;
/// use cla_runtime::permissions::Permission;
///
/// let wrong = Permissions::none().allow(Permission::Net, ["example.com:https"]);
/// assert!(wrong.unwrap_err().to_string().contains("example.com:https"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPermission(String);

/// What rules may reach outside of their engine.
///
/// An engine has the [default](Permissions::default): its rules take semaphores of the engine's own store, and reach nothing
/// else; no file, no server, no program, no variable of the environment, and they steer no semaphore. A host gives more
/// with [`EngineBuilder::permissions`](crate::EngineBuilder::permissions), and less to one run with
/// [`RunOptions::permissions`](crate::RunOptions::permissions). What a run starts never may more than the run itself.
///
/// What is denied stays denied, also where it is given as well.
///
/// ```
/// use cla_runtime::permissions::Permission;
/// use cla_runtime::{Engine, Permissions, RunOptions};
///
/// let permissions = Permissions::default()
///     .allow(Permission::Read, ["/srv/reports"])?
///     .deny(Permission::Read, ["/srv/reports/salaries"])?
///     .allow(Permission::Net, ["api.example.com:443"])?;
/// let engine = Engine::builder().permissions(permissions).build();
/// // One run may less: not even the semaphores are left.
/// let options = RunOptions::new().permissions(Permissions::none());
/// # let _ = (engine, options);
/// # Ok::<(), cla_runtime::permissions::InvalidPermission>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Permissions {
    /// Something is permitted if each of these says so.
    layers: Vec<Arc<Layer>>,
}

/// What one host, or one run's options, gave and denied.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Layer {
    read: Rule<Folder>,
    write: Rule<Folder>,
    net: Rule<NetPattern>,
    run: Rule<Program>,
    env: Rule<Glob>,
    import: Rule<Folder>,
    store: Rule<Glob>,
    steer: Rule<Glob>,
}

impl Default for Permissions {
    /// What an engine has unless its host says otherwise: to take semaphores of its own store, and nothing else.
    fn default() -> Self {
        Self::none().allow_all(Permission::Store)
    }
}

impl Permissions {
    /// Nothing at all.
    #[must_use]
    pub fn none() -> Self {
        Self {
            layers: vec![Arc::new(Layer::default())],
        }
    }

    /// Everything: rules may what the host's own process may.
    #[must_use]
    pub fn all() -> Self {
        let all = Permission::ALL.into_iter();
        all.fold(Self::none(), Self::allow_all)
    }

    /// Gives all of one permission.
    #[must_use]
    pub fn allow_all(self, permission: Permission) -> Self {
        self.change(|layer| layer.rule(permission).allow_all())
    }

    /// Gives a permission for what is listed; [`Permission`] says what each list has. A relative path begins at the
    /// process's current folder. Links are followed now: if a link is changed later, what it led to stays permitted.
    ///
    /// # Errors
    ///
    /// Something in the list is no such thing.
    pub fn allow<I>(self, permission: Permission, items: I) -> Result<Self, InvalidPermission>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        self.try_change(|layer| {
            let mut rule = layer.rule(permission);
            items
                .into_iter()
                .try_for_each(|item| rule.allow(item.as_ref()))
        })
    }

    /// Denies all of one permission.
    #[must_use]
    pub fn deny_all(self, permission: Permission) -> Self {
        self.change(|layer| layer.rule(permission).deny_all())
    }

    /// Denies what is listed, although it is given.
    ///
    /// # Errors
    ///
    /// Something in the list is no such thing.
    pub fn deny<I>(self, permission: Permission, items: I) -> Result<Self, InvalidPermission>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        self.try_change(|layer| {
            let mut rule = layer.rule(permission);
            items
                .into_iter()
                .try_for_each(|item| rule.deny(item.as_ref()))
        })
    }

    /// What both permit.
    ///
    /// ```
    /// use cla_runtime::Permissions;
    /// use cla_runtime::permissions::Permission;
    ///
    /// let shop = Permissions::none().allow(Permission::Store, ["shop-*"])?;
    /// let both = shop.and(&Permissions::all().deny(Permission::Store, ["shop-secret"])?);
    /// assert!(both.store("shop-db").is_ok());
    /// assert!(both.store("shop-secret").is_err() && both.store("other").is_err());
    /// # Ok::<(), cla_runtime::permissions::InvalidPermission>(())
    /// ```
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for layer in &other.layers {
            if !self.layers.contains(layer) {
                self.layers.push(Arc::clone(layer));
            }
        }
        self
    }

    /// Whether all of a permission is given, and nothing of it denied.
    #[must_use]
    pub fn is_all(&self, permission: Permission) -> bool {
        self.layers.iter().all(|layer| layer.is_all(permission))
    }

    /// What is given and denied of a permission, for people: one line for each place that gave or denied something.
    ///
    /// ```
    /// use cla_runtime::Permissions;
    /// use cla_runtime::permissions::Permission;
    ///
    /// let permissions = Permissions::none().allow(Permission::Net, ["example.com:443"])?;
    /// let lines = permissions.describe(Permission::Net);
    /// assert!(lines[0].contains("example.com:443"), "{lines:?}");
    /// # Ok::<(), cla_runtime::permissions::InvalidPermission>(())
    /// ```
    #[must_use]
    pub fn describe(&self, permission: Permission) -> Vec<String> {
        let lines = self.layers.iter().map(|layer| layer.describe(permission));
        lines.collect()
    }

    /// Whether a file may be read, or what a folder holds be seen. Gives the path, links followed.
    ///
    /// Between this and an operation on the file, a folder can be replaced by a link. [`Permissions::open`] leaves no such
    /// gap.
    ///
    /// # Errors
    ///
    /// It is not permitted.
    pub fn read(&self, path: &Path) -> Result<PathBuf, PermissionDenied> {
        self.place(Permission::Read, path)
    }

    /// Whether a file may be made, changed or removed. Gives the path, links followed; see [`Permissions::read`].
    ///
    /// # Errors
    ///
    /// It is not permitted.
    pub fn write(&self, path: &Path) -> Result<PathBuf, PermissionDenied> {
        self.place(Permission::Write, path)
    }

    fn place(&self, permission: Permission, path: &Path) -> Result<PathBuf, PermissionDenied> {
        if self.is_all(permission) && self.is_everything() {
            return Ok(path.to_path_buf());
        }
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let place = leads_to(&absolute);
        self.check(permission, &place, path)?;
        Ok(place)
    }

    /// Whether a path, of which links are followed, is permitted. An error names the path as it was `given`.
    fn check(
        &self,
        permission: Permission,
        place: &Path,
        given: &Path,
    ) -> Result<(), PermissionDenied> {
        let is_permitted = self.layers.iter().all(|layer| {
            let rule = layer.folders(permission);
            // Files in which the system shows and changes itself, with every process's memory and environment, are not
            // meant by "all files" where anything else is kept from a rule.
            let is_named = rule.is_listed(|folder| folder.holds(place));
            rule.permits(|folder| folder.holds(place))
                && (is_named || layer.is_everything() || !paths::is_of_the_system(place))
        });
        match is_permitted {
            true => Ok(()),
            false => Err(
                self.denied(permission, &given.display().to_string(), |layer| {
                    let rule = layer.folders(permission);
                    rule.is_denied(|folder| folder.holds(place))
                }),
            ),
        }
    }

    /// Whether nothing below a folder, of whose path links are followed, is denied.
    fn check_below(&self, permission: Permission, place: &Path) -> Result<(), PermissionDenied> {
        let denies_below = |layer: &Layer| {
            let rule = layer.folders(permission);
            rule.is_denied(|folder| folder.is_below(place))
        };
        match self.layers.iter().any(|layer| denies_below(layer)) {
            false => Ok(()),
            true => Err(self.denied(permission, &place.display().to_string(), denies_below)),
        }
    }

    /// Whether a file that lies here, links followed, may be imported from outside of the rule's own folder.
    pub(crate) fn imports(&self, place: &Path) -> bool {
        self.layers
            .iter()
            .all(|layer| layer.import.permits(|folder| folder.holds(place)))
    }

    /// Whether no file may be imported from outside of the rule's own folder.
    pub(crate) fn imports_nothing(&self) -> bool {
        self.layers.iter().any(|layer| layer.import.is_nothing())
    }

    /// Whether importing this file is denied, although it lies in a folder whose files may be imported.
    pub(crate) fn denies_import(&self, place: &Path) -> bool {
        self.layers
            .iter()
            .any(|layer| layer.import.is_denied(|folder| folder.holds(place)))
    }

    /// Whether a server may be asked for at all: by its name before the look-up, where each address must still be
    /// [looked at](Permissions::net_address); or by its address.
    ///
    /// # Errors
    ///
    /// It is not permitted.
    pub fn net(&self, host: &str, port: u16) -> Result<(), PermissionDenied> {
        let name = net::host_name(host);
        match net::address_of(&name) {
            Some(address) => self.net_address(&name, port, address),
            None => self.net_with(&name, port, None),
        }
    }

    /// Whether a server may be reached at this address, to which the look-up of its name led.
    ///
    /// # Errors
    ///
    /// It is not permitted.
    pub fn net_address(
        &self,
        host: &str,
        port: u16,
        address: IpAddr,
    ) -> Result<(), PermissionDenied> {
        self.net_with(
            &net::host_name(host),
            port,
            Some(net::real_address(address)),
        )
    }

    fn net_with(
        &self,
        name: &str,
        port: u16,
        address: Option<IpAddr>,
    ) -> Result<(), PermissionDenied> {
        let is_permitted = |layer: &Arc<Layer>| net::permits(&layer.net, name, port, address);
        if self.layers.iter().all(is_permitted) {
            return Ok(());
        }
        let resource = match address {
            Some(address) if address.to_string() != name => format!("{name}:{port} at {address}"),
            _ if name.contains(':') => format!("[{name}]:{port}"),
            _ => format!("{name}:{port}"),
        };
        let is_denied = |layer: &Layer| net::denies(&layer.net, name, port, address);
        Err(self.denied(Permission::Net, &resource, is_denied))
    }

    /// Whether a program may be started. Gives its path: that is what is to be started.
    ///
    /// # Errors
    ///
    /// It is not permitted; so also if there is none of that name, unless every program is.
    pub fn run(&self, program: &str) -> Result<PathBuf, PermissionDenied> {
        let found = programs::find(OsStr::new(program));
        if self.is_all(Permission::Run) {
            return Ok(found.unwrap_or_else(|| PathBuf::from(program)));
        }
        let permits = |path: &Path| {
            let permits = |layer: &Arc<Layer>| programs::permits(&layer.run, path);
            self.layers.iter().all(permits)
        };
        match found {
            Some(path) if permits(&path) => Ok(path),
            found => Err(self.denied(Permission::Run, program, |layer| {
                found
                    .as_deref()
                    .is_some_and(|path| programs::denies(&layer.run, path))
            })),
        }
    }

    /// Whether a variable of the environment may be seen.
    ///
    /// ```
    /// use cla_runtime::Permissions;
    /// use cla_runtime::permissions::Permission;
    ///
    /// let permissions = Permissions::none().allow(Permission::Env, ["SHOP_*"])?;
    /// assert!(permissions.env("SHOP_URL").is_ok());
    /// let denied = permissions.env("HOME").unwrap_err();
    /// assert!(denied.to_string().contains("HOME"));
    /// # Ok::<(), cla_runtime::permissions::InvalidPermission>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It is not permitted.
    pub fn env(&self, name: &str) -> Result<(), PermissionDenied> {
        self.named(Permission::Env, name, |layer| &layer.env)
    }

    /// Whether a semaphore of the engine may be taken and seen.
    ///
    /// # Errors
    ///
    /// It is not permitted.
    pub fn store(&self, semaphore: &str) -> Result<(), PermissionDenied> {
        self.named(Permission::Store, semaphore, |layer| &layer.store)
    }

    /// Whether a semaphore of the engine may be steered.
    ///
    /// ```
    /// use cla_runtime::Permissions;
    /// use cla_runtime::permissions::Permission;
    ///
    /// let permissions = Permissions::default();
    /// assert!(permissions.store("db").is_ok(), "an engine's rules may take semaphores");
    /// assert!(permissions.steer("db").is_err(), "and steer none");
    /// assert!(permissions.allow(Permission::Steer, ["d*"])?.steer("db").is_ok());
    /// # Ok::<(), cla_runtime::permissions::InvalidPermission>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It is not permitted.
    pub fn steer(&self, semaphore: &str) -> Result<(), PermissionDenied> {
        self.named(Permission::Steer, semaphore, |layer| &layer.steer)
    }

    fn named(
        &self,
        permission: Permission,
        name: &str,
        rule: impl Fn(&Layer) -> &Rule<Glob>,
    ) -> Result<(), PermissionDenied> {
        let permits = |layer: &Arc<Layer>| rule(layer).permits(|glob| glob.matches(name));
        match self.layers.iter().all(permits) {
            true => Ok(()),
            false => Err(self.denied(permission, name, |layer| {
                rule(layer).is_denied(|glob| glob.matches(name))
            })),
        }
    }

    fn denied(
        &self,
        permission: Permission,
        resource: &str,
        is_denied: impl Fn(&Layer) -> bool,
    ) -> PermissionDenied {
        let by_denial = self.layers.iter().any(|layer| is_denied(layer));
        PermissionDenied::new(permission, resource, by_denial)
    }

    /// Whether there is nothing that is not permitted.
    fn is_everything(&self) -> bool {
        self.layers.iter().all(|layer| layer.is_everything())
    }

    fn change(mut self, change: impl FnOnce(&mut Layer)) -> Self {
        if let Some(layer) = self.layers.last_mut() {
            change(Arc::make_mut(layer));
        }
        self
    }

    fn try_change<E>(
        mut self,
        change: impl FnOnce(&mut Layer) -> Result<(), E>,
    ) -> Result<Self, E> {
        if let Some(layer) = self.layers.last_mut() {
            change(Arc::make_mut(layer))?;
        }
        Ok(self)
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Permissions");
        for permission in Permission::ALL {
            shown.field(permission.name(), &self.describe(permission));
        }
        shown.finish()
    }
}

impl Layer {
    fn rule(&mut self, permission: Permission) -> AnyRule<'_> {
        match permission {
            Permission::Read => AnyRule::Folders(&mut self.read),
            Permission::Write => AnyRule::Folders(&mut self.write),
            Permission::Import => AnyRule::Folders(&mut self.import),
            Permission::Net => AnyRule::Net(&mut self.net),
            Permission::Run => AnyRule::Programs(&mut self.run),
            Permission::Env => AnyRule::Names(&mut self.env),
            Permission::Store => AnyRule::Names(&mut self.store),
            Permission::Steer => AnyRule::Names(&mut self.steer),
        }
    }

    /// The rule of a permission for files.
    fn folders(&self, permission: Permission) -> &Rule<Folder> {
        match permission {
            Permission::Write => &self.write,
            Permission::Import => &self.import,
            _ => &self.read,
        }
    }

    fn is_all(&self, permission: Permission) -> bool {
        match permission {
            Permission::Read => self.read.is_all(),
            Permission::Write => self.write.is_all(),
            Permission::Import => self.import.is_all(),
            Permission::Net => self.net.is_all(),
            Permission::Run => self.run.is_all(),
            Permission::Env => self.env.is_all(),
            Permission::Store => self.store.is_all(),
            Permission::Steer => self.steer.is_all(),
        }
    }

    /// Everything that concerns the process. (Semaphores are the engine's.)
    fn is_everything(&self) -> bool {
        use Permission::{Env, Net, Read, Run, Write};
        [Read, Write, Net, Run, Env]
            .into_iter()
            .all(|permission| self.is_all(permission))
    }

    fn describe(&self, permission: Permission) -> String {
        match permission {
            Permission::Read => self.read.to_string(),
            Permission::Write => self.write.to_string(),
            Permission::Import => self.import.to_string(),
            Permission::Net => self.net.to_string(),
            Permission::Run => self.run.to_string(),
            Permission::Env => self.env.to_string(),
            Permission::Store => self.store.to_string(),
            Permission::Steer => self.steer.to_string(),
        }
    }
}

/// The rule of some permission, to be changed.
enum AnyRule<'a> {
    Folders(&'a mut Rule<Folder>),
    Net(&'a mut Rule<NetPattern>),
    Programs(&'a mut Rule<Program>),
    Names(&'a mut Rule<Glob>),
}

impl AnyRule<'_> {
    fn allow_all(self) {
        match self {
            Self::Folders(rule) => rule.allow_all(),
            Self::Net(rule) => rule.allow_all(),
            Self::Programs(rule) => rule.allow_all(),
            Self::Names(rule) => rule.allow_all(),
        }
    }

    fn deny_all(self) {
        match self {
            Self::Folders(rule) => rule.deny_all(),
            Self::Net(rule) => rule.deny_all(),
            Self::Programs(rule) => rule.deny_all(),
            Self::Names(rule) => rule.deny_all(),
        }
    }

    fn allow(&mut self, item: &OsStr) -> Result<(), InvalidPermission> {
        match self {
            Self::Folders(rule) => rule.allow(Folder::new(item)?),
            Self::Net(rule) => rule.allow(text(item)?.parse()?),
            Self::Programs(rule) => rule.allow(Program::new(item)?),
            Self::Names(rule) => rule.allow(name(item)?),
        }
        Ok(())
    }

    fn deny(&mut self, item: &OsStr) -> Result<(), InvalidPermission> {
        match self {
            Self::Folders(rule) => rule.deny(Folder::new(item)?),
            Self::Net(rule) => rule.deny(text(item)?.parse()?),
            Self::Programs(rule) => rule.deny(Program::new(item)?),
            Self::Names(rule) => rule.deny(name(item)?),
        }
        Ok(())
    }
}

fn text(item: &OsStr) -> Result<&str, InvalidPermission> {
    let text = item.to_str();
    text.ok_or_else(|| InvalidPermission(format!("{} is not valid UTF-8", item.display())))
}

fn name(item: &OsStr) -> Result<Glob, InvalidPermission> {
    text(item)?
        .parse()
        .map_err(|error: cla_semaphore::GlobError| InvalidPermission(error.to_string()))
}

#[cfg(test)]
mod tests;
