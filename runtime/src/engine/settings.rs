//! What an engine was built with.

use std::sync::Arc;

use cla_semaphore::Semaphores;

use super::admission::Admission;
use super::watch::UnresponsiveListener;
use crate::clock::Clock;
use crate::limits::Limits;
use crate::modules::ModuleSettings;
use crate::native::Extension;
use crate::observe::EventListener;
use crate::permissions::Permissions;
use crate::waiting::WaitingBound;

/// What an engine was built with.
pub(crate) struct EngineSettings {
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    /// Why no run may start: its store has another time than its clock.
    pub(crate) unfit_store: bool,
    pub(crate) semaphores: Semaphores,
    pub(crate) permissions: Permissions,
    pub(crate) environment: Option<Arc<[(String, String)]>>,
    pub(crate) config: Option<Arc<serde_json::Value>>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) waiting: WaitingBound,
    pub(crate) modules: Arc<ModuleSettings>,
    pub(crate) extensions: Vec<Arc<dyn Extension>>,
    pub(crate) unresponsive: Option<UnresponsiveListener>,
    pub(crate) events: Option<EventListener>,
}
