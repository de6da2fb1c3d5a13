//! What requests have that do not say otherwise: [`Defaults`].

use crate::name::{NameError, SemaphoreName};
use crate::owner::Owner;
use crate::request::{Request, Ttl};

/// What requests have that do not say otherwise. See [`Semaphores::with_defaults`](crate::Semaphores::with_defaults).
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{Defaults, Owner, Semaphores};
///
/// let defaults = Defaults::new().namespace("shop").owner(Owner::process("checkout"));
/// let shop = Semaphores::memory().with_defaults(defaults);
/// assert_eq!(shop.get("stock")?.name().as_str(), "shop/stock");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Defaults {
    ttl: Option<Ttl>,
    owner: Option<Owner>,
    namespace: Option<String>,
}

impl Defaults {
    /// No defaults.
    pub const fn new() -> Self {
        Self {
            ttl: None,
            owner: None,
            namespace: None,
        }
    }

    /// Permits live so long unless they are refreshed.
    pub const fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Who asks.
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// What stands in front of the names that [`Semaphores::get`](crate::Semaphores::get) is given, with a slash between
    /// them. So tenants of one store do not meet by mistake. A whole [`SemaphoreName`] still reaches every semaphore: this
    /// is no protection against code of strangers.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// The whole name of the semaphore that is called `name` here.
    pub(crate) fn name(&self, name: &str) -> Result<SemaphoreName, NameError> {
        // Also alone the name must be one, or a namespace could stand for a semaphore.
        let own = SemaphoreName::new(name)?;
        match &self.namespace {
            Some(namespace) => SemaphoreName::new(format!("{namespace}/{own}")),
            None => Ok(own),
        }
    }

    /// Gives the request what it lacks.
    pub(crate) fn fill(&self, request: &mut Request) {
        fill(request, self.ttl, self.owner.as_ref());
    }
}

/// Gives the request a TTL and an owner if it has none.
pub(crate) fn fill(request: &mut Request, ttl: Option<Ttl>, owner: Option<&Owner>) {
    if let (None, Some(ttl)) = (request.get_ttl(), ttl) {
        request.set_ttl(ttl);
    }
    if let (None, Some(owner)) = (request.get_owner(), owner) {
        request.set_owner(owner.clone());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::*;

    #[test]
    fn a_request_keeps_what_it_says_itself() {
        let minute = Ttl::from_secs(60).unwrap();
        let defaults = Defaults::new().ttl(minute).owner(Owner::process("default"));
        let mut silent = Request::new().priority(3);
        defaults.fill(&mut silent);
        assert_eq!(silent.get_ttl(), Some(minute));
        assert_eq!(silent.get_owner().map(Owner::who), Some("default"));
        assert_eq!(silent.get_priority().0, 3);

        let second = Ttl::from_secs(1).unwrap();
        let mut own = Request::new().ttl(second).owner(Owner::process("own"));
        defaults.fill(&mut own);
        assert_eq!(own.get_ttl(), Some(second));
        assert_eq!(own.get_owner().map(Owner::who), Some("own"));
    }

    #[test]
    fn a_namespace_stands_in_front_of_a_name() {
        let defaults = Defaults::new().namespace("shop");
        assert_eq!(defaults.name("db").unwrap().as_str(), "shop/db");
        assert!(defaults.name("").is_err());
    }
}
