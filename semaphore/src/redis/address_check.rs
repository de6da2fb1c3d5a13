//! Which addresses a store may connect to: [`AddressCheck`].

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

type Check = dyn Fn(&str, u16, IpAddr) -> Result<(), String> + Send + Sync;

/// Decides whether a store may connect to an address: called with the host as it is named, its port, and the address to
/// which the look-up of its name led, each time before a connection is made. Also for servers that others name: the nodes of
/// a cluster, and what Sentinels answer.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use std::time::Duration;
/// use cla_semaphore::{AcquireError, AddressCheck, RedisStore, RedisUrl, Semaphores};
///
/// let check = AddressCheck::new(|_host, _port, address| match address.is_loopback() {
///     true => Err("this machine has no server for you".to_owned()),
///     false => Ok(()),
/// });
/// let url: RedisUrl = "redis://127.0.0.1".parse()?;
/// let store = RedisStore::open(url.check_addresses(check).reach_within(Duration::from_millis(100)));
/// let outcome = Semaphores::with_store(store).get("db")?.acquire().await;
/// assert!(matches!(outcome, Err(AcquireError::Store(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct AddressCheck(Arc<Check>);

impl AddressCheck {
    /// A check. An `Err` says why not, and the connection fails with it.
    pub fn new(
        check: impl Fn(&str, u16, IpAddr) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(check))
    }

    pub(super) fn allows(&self, host: &str, port: u16, address: IpAddr) -> Result<(), String> {
        (self.0)(host, port, address)
    }
}

impl PartialEq for AddressCheck {
    /// Whether both are clones of one check.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for AddressCheck {}

impl fmt::Debug for AddressCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressCheck")
    }
}
