//! Which servers a run may reach: asked for the URL, for each redirect, and for each address that a name leads to.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::sync::Arc;

use cla_runtime::Permissions;
use cla_runtime::permissions::{Permission, PermissionDenied};
use parking_lot::Mutex;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The servers that clients with the same permissions may reach.
#[derive(Clone)]
pub(crate) struct Reach(Arc<Inner>);

struct Inner {
    permissions: Permissions,
    /// The ports for which each host was asked. The look-up of a name does not know the port, so an address must be
    /// permitted with each of them.
    ports: Mutex<HashMap<String, HashSet<u16>>>,
}

impl Reach {
    /// `None` if every server may be reached.
    pub(crate) fn of(permissions: &Permissions) -> Option<Permissions> {
        (!permissions.is_all(Permission::Net)).then(|| permissions.clone())
    }

    pub(crate) fn new(permissions: Permissions) -> Self {
        Self(Arc::new(Inner {
            permissions,
            ports: Mutex::default(),
        }))
    }

    /// Whether the server that a URL names may be asked.
    pub(crate) fn allows(&self, url: &Url) -> Result<(), PermissionDenied> {
        let (host, port) = of(url);
        self.0.permissions.net(host, port)?;
        let mut ports = self.0.ports.lock();
        ports.entry(host.to_lowercase()).or_default().insert(port);
        Ok(())
    }
}

/// What a request is called where many are counted together: its method and its server.
pub(crate) fn title(method: &reqwest::Method, url: &Url) -> String {
    format!("{method} {}", url.origin().ascii_serialization())
}

/// Host and port of a URL.
pub(crate) fn of(url: &Url) -> (&str, u16) {
    let host = url.host_str().unwrap_or_default();
    (host, url.port_or_known_default().unwrap_or_default())
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str();
            let found = tokio::net::lookup_host((host, 0)).await?;
            let ports = reach.ports.lock().get(&host.to_lowercase()).cloned();
            let ports = ports.unwrap_or_default();
            let (mut addresses, mut denied) = (Vec::new(), None);
            for address in found {
                let check = |port: &u16| reach.permissions.net_address(host, *port, address.ip());
                match ports.iter().try_for_each(check) {
                    Ok(()) if !ports.is_empty() => addresses.push(address),
                    Ok(()) => {}
                    Err(problem) => denied = Some(problem),
                }
            }
            match denied {
                Some(denied) if addresses.is_empty() => {
                    Err(Box::new(denied) as Box<dyn Error + Send + Sync>)
                }
                _ => Ok(Box::new(addresses.into_iter()) as Addrs),
            }
        })
    }
}
