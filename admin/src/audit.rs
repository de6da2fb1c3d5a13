//! Who changes what: every change of a semaphore that a person asks for goes through here, and nothing else does.

use cla_runtime::semaphore::{Actor, Semaphores};

use crate::api::problem::Problem;
use crate::auth::Person;
use crate::runs::{ServiceAction, ServiceAuditEntry};
use crate::service::Service;

impl Service {
    /// The semaphores, for a change that this person asks for: the store writes down who it was, from where, and whether
    /// by the panel in a browser or by a program.
    pub(crate) fn acting_as(&self, person: &Person) -> Semaphores {
        let program = person.program();
        tracing::info!(login = person.login(), program, "changes semaphores");
        let from = person.from().map(|address| address.to_string());
        let actor = Actor::new(person.login(), from.unwrap_or_default(), program);
        self.semaphores.acting_as(actor)
    }

    /// Notes what this person does to the service itself. If this fails, the caller must not do it.
    pub(crate) async fn note(
        &self,
        person: &Person,
        action: ServiceAction,
        detail: &str,
    ) -> Result<(), Problem> {
        tracing::info!(login = person.login(), ?action, "changes the service");
        if let Some(runs) = &self.runs {
            let entry = ServiceAuditEntry::now(person, action, &runs.secrets().mask(detail));
            runs.note(entry).await?;
        }
        Ok(())
    }
}
