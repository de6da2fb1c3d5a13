//! Which server, and how to use it: [`RedisUrl`].

use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::address_check::AddressCheck;
use crate::redact::{split_user_info, without_secrets};
use crate::store_url_error::StoreUrlError;

/// How long a process that says nothing is believed to live, unless the URL says otherwise.
const DEFAULT_LEASE: Duration = Duration::from_secs(15);
/// Shorter ones would be lost to a hiccup of the network.
const SHORTEST_LEASE: Duration = Duration::from_millis(100);
/// Longer ones would keep the slots of a process that is gone for longer than a request waits.
const LONGEST_LEASE: Duration = Duration::from_secs(24 * 3600);
/// The parameters there are.
const PARAMETERS: &str =
    "prefix, lease, reach, warnings, ca, cert, key, service, sentinel_user, sentinel_password, db";

/// Names a Redis or Valkey server, a cluster of them, or one that Sentinels know, and how to use it.
///
/// ```text
/// redis://[user[:password]@]host[:port][/database][?prefix=cla&lease=15s]
/// redis-cluster://[user[:password]@]host:port,host:port,...[?...]
/// redis-sentinel://[user[:password]@]host:port,host:port,.../service[/database][?...]
/// redis+unix://[user[:password]@]/run/redis/redis.sock[?db=0&...]
/// ```
///
/// `rediss`, `rediss-cluster` and `rediss-sentinel` speak TLS, with the certificates that the platform trusts or, with
/// `ca=FILE`, those in that file. `valkey` may be written for `redis` in all of them. User and password are
/// percent-encoded. With Sentinels, they are those of the server. The port is 6379 unless given, a Sentinel's 26379.
///
/// - `prefix`: what all keys begin with, `cla` unless given. Semaphores of two prefixes know nothing of each other.
/// - `lease`: for how long a process that says nothing keeps what it holds: `15s` unless given, from `100ms` to `24h`.
/// - `reach`: how long requests wait for a server that was never reached, before they fail and say so. Unless given, they
///   wait until their own timeout, as the server may come. See [`reach_within`](Self::reach_within).
/// - `warnings`: `off`, and programs say nothing of a server that may lose what it keeps, or of a short lease: see
///   [`Semaphores::cautions`](crate::Semaphores::cautions).
/// - `ca`, `cert`, `key`: PEM files. `cert` and `key` are the client's own, for a server that wants them
///   (`tls-auth-clients`).
/// - `service`: the name by which the Sentinels know the server, in place of the path.
/// - `sentinel_user`, `sentinel_password`: for Sentinels that want a password of their own.
/// - `db`: the database of a server that is reached through a Unix socket.
///
/// Shown, it has no password.
///
/// ```
/// use cla_semaphore::RedisUrl;
///
/// let url: RedisUrl = "redis://anna:s3cret@db1.example.com/2?lease=30s".parse()?;
/// assert!(!url.to_string().contains("s3cret"));
/// assert_eq!(url.hosts().next(), Some(("db1.example.com", 6379)));
/// assert!("redis://db1?leese=30s".parse::<RedisUrl>().is_err(), "no parameter is called so");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    /// As it was given, without the password.
    shown: String,
    /// As it was given.
    given: String,
    pub(super) tls: bool,
    pub(super) topology: Topology,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: i64,
    pub(super) prefix: String,
    pub(super) lease: Duration,
    /// In milliseconds.
    reach: Option<NonZeroU32>,
    pub(super) warnings: bool,
    pub(super) ca: Option<PathBuf>,
    /// The client's own certificate and its key.
    pub(super) identity: Option<Box<(PathBuf, PathBuf)>>,
    pub(super) sentinel_login: Option<Box<Login>>,
    pub(super) addresses: Option<AddressCheck>,
}

/// A user and a password; either may be missing.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

/// A host and its port.
pub(super) type Node = (String, u16);

/// How the servers stand together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Topology {
    Standalone(Node),
    /// One server, through a socket in the file system.
    Unix(PathBuf),
    Cluster(Vec<Node>),
    Sentinel {
        sentinels: Vec<Node>,
        service: String,
    },
}

impl FromStr for RedisUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, StoreUrlError> {
        let shown = without_secrets(text);
        parse(text, shown.clone()).map_err(|problem| StoreUrlError::Malformed {
            given: shown,
            problem,
        })
    }
}

impl RedisUrl {
    /// Its passwords, percent-decoded, and as they were given.
    pub(crate) fn passwords(&self) -> Vec<String> {
        let sentinel = self.sentinel_login.as_ref();
        let meant = [
            self.password.clone(),
            sentinel.and_then(|login| login.password.clone()),
        ];
        let mut passwords: Vec<String> = meant.into_iter().flatten().collect();
        passwords.extend(crate::redact::secrets(&self.given).map(str::to_owned));
        passwords.sort();
        passwords.dedup();
        passwords
    }

    /// As it was given, with its passwords: to hand it to another process of the same user, never to show it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.given
    }

    /// A request fails with [`StoreError::Unreachable`](crate::StoreError::Unreachable) when the server was never reached
    /// within this time: a millisecond at least, 49 days at most. Once it was, requests wait for it until their own timeout.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use std::time::Duration;
    /// use cla_semaphore::{AcquireError, RedisStore, RedisUrl, Semaphores, StoreError};
    ///
    /// let url: RedisUrl = "redis://127.0.0.1:1".parse()?; // nothing listens there
    /// let store = RedisStore::open(url.reach_within(Duration::from_millis(100)));
    /// let outcome = Semaphores::with_store(store).get("db")?.acquire().await;
    /// assert!(matches!(outcome, Err(AcquireError::Store(StoreError::Unreachable { .. }))));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn reach_within(mut self, time: Duration) -> Self {
        let millis = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        self.reach = Some(NonZeroU32::new(millis).unwrap_or(NonZeroU32::MIN));
        self
    }

    /// How long requests wait for a server that was never reached, if there is a limit.
    pub(super) fn reach(&self) -> Option<Duration> {
        let millis = self.reach?.get();
        Some(Duration::from_millis(millis.into()))
    }

    /// Asks before every connection whether it may be made.
    #[must_use]
    pub fn check_addresses(mut self, check: AddressCheck) -> Self {
        self.addresses = Some(check);
        self
    }

    /// The hosts that it names, each with its port.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, u16)> {
        let nodes = match &self.topology {
            Topology::Standalone(node) => std::slice::from_ref(node),
            Topology::Unix(_) => &[],
            Topology::Cluster(nodes) => nodes,
            Topology::Sentinel { sentinels, .. } => sentinels,
        };
        nodes.iter().map(|(host, port)| (host.as_str(), *port))
    }

    /// The Unix socket that it names.
    #[must_use]
    pub fn unix_socket(&self) -> Option<&Path> {
        match &self.topology {
            Topology::Unix(path) => Some(path),
            _ => None,
        }
    }

    /// The files with certificates and keys that it names.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let identity = self.identity.iter();
        let identity = identity.flat_map(|files| [files.0.as_path(), files.1.as_path()]);
        self.ca.iter().map(PathBuf::as_path).chain(identity)
    }
}

fn parse(text: &str, shown: String) -> Result<RedisUrl, String> {
    let (scheme, rest) = text
        .split_once("://")
        .ok_or("write redis://HOST:PORT/DB, or with TLS rediss://...")?;
    let (server, kind) = match scheme.split_once(['-', '+']) {
        Some(parts) => parts,
        None if scheme == "unix" => ("redis", "unix"),
        None => (scheme, ""),
    };
    let tls = match server {
        "redis" | "valkey" => false,
        "rediss" | "valkeys" => true,
        _ => return Err(format!("there is no scheme {scheme:?}")),
    };
    let (user_info, rest) = split_user_info(rest);
    if user_info.is_some_and(|user_info| user_info.contains('?')) {
        return Err("a ? in a password must be written as %3F".to_owned());
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut path: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (user, password) = credentials(user_info)?;
    let mut url = RedisUrl {
        shown,
        given: text.to_owned(),
        tls,
        topology: Topology::Cluster(Vec::new()),
        user,
        password,
        database: 0,
        prefix: "cla".to_owned(),
        lease: DEFAULT_LEASE,
        reach: None,
        warnings: true,
        ca: None,
        identity: None,
        sentinel_login: None,
        addresses: None,
    };
    let (mut service, mut cert, mut client_key) = (None, None, None);
    for (key, value) in parameters(query)? {
        match key.as_str() {
            "prefix" if value.is_empty() => return Err("the prefix is empty".to_owned()),
            "prefix" if value.contains(['{', '}', '|']) => {
                return Err("the prefix must not have one of {, } and | in it".to_owned());
            }
            "prefix" => url.prefix = value,
            "lease" => {
                url.lease = duration(&value)
                    .filter(|lease| (SHORTEST_LEASE..=LONGEST_LEASE).contains(lease))
                    .ok_or_else(|| {
                        format!(
                            "{value:?} is no lease: give a time from 100ms to 24h, as in lease=15s"
                        )
                    })?;
            }
            "reach" => {
                let limit = duration(&value)
                    .ok_or_else(|| format!("{value:?} is no time: write it as in reach=5s"))?;
                url = url.reach_within(limit);
            }
            "warnings" => {
                url.warnings = match value.as_str() {
                    "on" => true,
                    "off" => false,
                    _ => return Err("warnings= is on or off".to_owned()),
                };
            }
            "ca" | "cert" | "key" if kind == "unix" => {
                return Err(format!("{key}= is for TLS, which a Unix socket has not"));
            }
            "ca" | "cert" | "key" if !tls => {
                return Err(format!(
                    "{key}= is for TLS: write {server}s{}",
                    &scheme[server.len()..]
                ));
            }
            "ca" => url.ca = Some(PathBuf::from(value)),
            "cert" => cert = Some(PathBuf::from(value)),
            "key" => client_key = Some(PathBuf::from(value)),
            "sentinel_user" | "sentinel_password" if kind != "sentinel" => {
                return Err(format!(
                    "{key}= is for Sentinels: write redis-sentinel://..."
                ));
            }
            "sentinel_user" => url.sentinel_login.get_or_insert_default().user = Some(value),
            "sentinel_password" => {
                url.sentinel_login.get_or_insert_default().password = Some(value);
            }
            "db" if kind == "unix" => url.database = database(&value)?,
            "db" => return Err("write the database behind the host, as in /0".to_owned()),
            "user" | "username" | "password" | "pass" | "auth" => {
                return Err(format!(
                    "{key} is no parameter: write user and password in front of the host, as in redis://USER:PASSWORD@HOST"
                ));
            }
            "service" if kind == "sentinel" => service = Some(value),
            "service" => {
                return Err("service= is for Sentinels: write redis-sentinel://...".to_owned());
            }
            _ => {
                return Err(format!(
                    "there is no parameter {key:?}: there are {PARAMETERS}"
                ));
            }
        }
    }
    url.identity = match (cert, client_key) {
        (None, None) => None,
        (Some(cert), Some(key)) => Some(Box::new((cert, key))),
        (Some(_), None) => return Err("cert= needs key= beside it".to_owned()),
        (None, Some(_)) => return Err("key= needs cert= beside it".to_owned()),
    };
    if kind == "unix" {
        if !hosts.is_empty() || path.is_empty() {
            return Err(
                "a Unix socket has a path that begins with /: write redis+unix:///run/redis.sock"
                    .to_owned(),
            );
        }
        if tls {
            return Err("a Unix socket has no TLS: write redis+unix".to_owned());
        }
        url.topology = Topology::Unix(PathBuf::from(format!("/{}", decode(&path.join("/"))?)));
        return Ok(url);
    }
    let nodes = nodes(hosts, if kind == "sentinel" { 26379 } else { 6379 })?;
    url.topology = match (kind, nodes.as_slice()) {
        ("", [node]) => Topology::Standalone(node.clone()),
        ("", _) => return Err("several hosts are a cluster or Sentinels: write redis-cluster://... or redis-sentinel://...".to_owned()),
        ("cluster", _) => Topology::Cluster(nodes),
        ("sentinel", _) => {
            let service = match service {
                Some(service) => service,
                None if path.is_empty() => {
                    return Err("the name by which the Sentinels know the server is missing: write redis-sentinel://HOST:PORT/NAME".to_owned());
                }
                None => decode(path.remove(0))?,
            };
            Topology::Sentinel {
                sentinels: nodes,
                service,
            }
        }
        _ => return Err(format!("there is no scheme {scheme:?}")),
    };
    match path.as_slice() {
        [] => {}
        [_] if kind == "cluster" => {
            return Err(
                "a cluster has no databases: leave out what stands behind the /".to_owned(),
            );
        }
        [number] => url.database = database(number)?,
        _ => return Err("there is too much behind the hosts".to_owned()),
    }
    Ok(url)
}

fn database(text: &str) -> Result<i64, String> {
    text.parse::<u16>()
        .map(i64::from)
        .map_err(|_| format!("{text:?} is no database: give a number, as in /0"))
}

fn credentials(user_info: Option<&str>) -> Result<(Option<String>, Option<String>), String> {
    let Some(user_info) = user_info else {
        return Ok((None, None));
    };
    let (user, password) = match user_info.split_once(':') {
        Some((user, password)) => (user, Some(decode(password)?)),
        None => (user_info, None),
    };
    let user = (!user.is_empty()).then(|| decode(user)).transpose()?;
    Ok((user, password.filter(|password| !password.is_empty())))
}

fn parameters(query: &str) -> Result<Vec<(String, String)>, String> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key)?, decode(value)?))
        })
        .collect()
}

fn nodes(hosts: &str, default_port: u16) -> Result<Vec<Node>, String> {
    hosts
        .split(',')
        .map(|node| {
            // The colons of an IPv6 address stand in brackets.
            let end = node.rfind(']').map_or(0, |end| end + 1);
            let (host, port) = match node[end..].find(':') {
                Some(colon) => {
                    let port = &node[end + colon + 1..];
                    let number = port.parse().ok().filter(|port| *port > 0);
                    let number = number.ok_or_else(|| {
                        format!("{port:?} is no port: give a number from 1 to 65535")
                    })?;
                    (&node[..end + colon], number)
                }
                None => (node, default_port),
            };
            let host = host.trim_start_matches('[').trim_end_matches(']');
            if host.is_empty() {
                return Err("a host is missing".to_owned());
            }
            Ok((decode(host)?, port))
        })
        .collect()
}

/// A number with a unit; seconds if there is none.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let millis = match &text[digits.len()..] {
        "ms" => 1,
        "s" | "" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(millis))
        .filter(|_| millis > 0)
        .map(Duration::from_millis)
}

/// Takes the percent-encoding off.
fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        match (digit(), digit()) {
            // Two hexadecimal digits fit in a byte.
            (Some(high), Some(low)) => bytes.push((high * 16 + low) as u8),
            _ => {
                return Err(
                    "a % must be followed by two hexadecimal digits: write %25 for % itself"
                        .to_owned(),
                );
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| "what is percent-encoded is no UTF-8".to_owned())
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.shown)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisUrl").field(&self.shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> RedisUrl {
        text.parse().unwrap()
    }

    fn problem(text: &str) -> String {
        text.parse::<RedisUrl>().unwrap_err().to_string()
    }

    #[test]
    fn a_server_is_named_with_all_that_it_needs_or_as_little_as_its_host() {
        let full =
            url("rediss://me:p%40ss%3A@example.org:7000/3?prefix=prod&lease=500ms&ca=/etc/ca.pem");
        assert_eq!(
            full.topology,
            Topology::Standalone(("example.org".to_owned(), 7000))
        );
        assert_eq!(full.user.as_deref(), Some("me"));
        assert_eq!(full.password.as_deref(), Some("p@ss:"));
        assert_eq!((full.database, full.tls), (3, true));
        assert_eq!(
            (full.prefix.as_str(), full.lease),
            ("prod", Duration::from_millis(500))
        );
        let bare = url("valkey://localhost");
        assert_eq!(
            bare.topology,
            Topology::Standalone(("localhost".to_owned(), 6379))
        );
        assert_eq!((bare.prefix.as_str(), bare.lease), ("cla", DEFAULT_LEASE));
        let six = url("redis://[::1]:7000/");
        assert_eq!(six.topology, Topology::Standalone(("::1".to_owned(), 7000)));
    }

    #[test]
    fn a_password_may_stand_without_a_user_and_is_never_shown() {
        let secret = url("redis://:se%2Fcret@localhost");
        assert_eq!(
            (secret.user.as_deref(), secret.password.as_deref()),
            (None, Some("se/cret"))
        );
        assert_eq!(secret.to_string(), "redis://:***@localhost");
        assert!(!format!("{secret:?}").contains("cret"));
    }

    #[test]
    fn a_cluster_and_sentinels_have_several_hosts() {
        let cluster = url("redis-cluster://a:7000,b");
        let nodes = vec![("a".to_owned(), 7000), ("b".to_owned(), 6379)];
        assert_eq!(cluster.topology, Topology::Cluster(nodes));
        let expected = Topology::Sentinel {
            sentinels: vec![("a".to_owned(), 26379), ("b".to_owned(), 5000)],
            service: "prod".to_owned(),
        };
        assert_eq!(url("valkeys-sentinel://a,b:5000/prod/2").topology, expected);
        assert_eq!(
            url("redis-sentinel://a,b:5000?service=prod").topology,
            expected
        );
    }

    #[test]
    fn a_server_may_be_reached_through_a_unix_socket() {
        let socket = url("redis+unix://me:secret@/run/redis%20x/r.sock?db=3&prefix=p");
        assert_eq!(
            socket.topology,
            Topology::Unix("/run/redis x/r.sock".into())
        );
        assert_eq!((socket.database, socket.prefix.as_str()), (3, "p"));
        assert_eq!(socket.password.as_deref(), Some("secret"));
        assert_eq!(
            url("unix:///r.sock").topology,
            Topology::Unix("/r.sock".into())
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, part) in [
            ("redis://", "a host is missing"),
            ("redis://h:0", "is no port"),
            ("redis://h/x", "is no database"),
            (
                "redis://h?leese=3s",
                "there are prefix, lease, reach, warnings, ca, cert, key",
            ),
            ("rediss://h?cert=a", "needs key="),
            ("redis://h?cert=a&key=b", "write rediss"),
            ("redis://h?sentinel_password=x", "is for Sentinels"),
            ("redis://h?password=x", "redis://USER:PASSWORD@HOST"),
            ("redis://me:a?b@h", "%3F"),
            ("redis+unix://h/x", "begins with /"),
            ("unix:///run/x?ca=a", "which a Unix socket has not"),
            ("redis://h?db=1", "behind the host"),
            ("redis://h?lease=1ms", "from 100ms to 24h"),
            ("redis://h?lease=soon", "from 100ms to 24h"),
            ("redis://h?warnings=no", "on or off"),
            ("redis://h?prefix=", "the prefix is empty"),
            ("redis://h?prefix={a}", "must not have"),
            ("redis://h?ca=x", "write rediss"),
            ("redis://a,b", "redis-cluster"),
            ("redis-cluster://a/1", "no databases"),
            ("redis-sentinel://a", "the Sentinels know"),
            ("redis://%zz@h", "hexadecimal"),
        ] {
            let said = problem(text);
            assert!(said.contains(part), "{text}: {said}");
        }
        assert!(!problem("redis://me:secret@h:x").contains("secret"));
    }
}
