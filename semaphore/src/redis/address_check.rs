//! Which addresses a store may connect to: [`AddressCheck`].

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

type Check = dyn Fn(&str, u16, IpAddr) -> Result<(), String> + Send + Sync;

/// Decides whether a store may connect to an address: called with the host as it is named, its port, and the address to
/// which the look-up of its name led, each time before a connection is made. Also for servers that others name: the nodes of
/// a cluster, and what Sentinels answer.
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
