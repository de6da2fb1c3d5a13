//! Who changes what: every change of a semaphore that a person asks for goes through here, and nothing else does.

use cla_runtime::semaphore::Semaphores;

use crate::auth::Person;
use crate::service::Service;

impl Service {
    /// The semaphores, for a change that this person asks for.
    pub(crate) fn acting_as(&self, person: &Person) -> &Semaphores {
        tracing::info!(login = person.login(), "changes semaphores");
        &self.semaphores
    }
}
