//! A run, as lists and events have it: [`Record`].

use cla_runtime::semaphore::RunId;
use serde::Serialize;
use utoipa::ToSchema;

/// A run, without its report.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Record {
    #[schema(value_type = String)]
    pub(crate) id: RunId,
    pub(crate) rule: String,
    /// Who asked for it.
    pub(crate) by: String,
    /// `running`, or as in the report; `lost` if the service ended before the run did.
    pub(crate) status: String,
    pub(crate) started_at: f64,
    pub(crate) ended_at: Option<f64>,
    pub(crate) waited: Option<f64>,
    pub(crate) ran: Option<f64>,
    #[serde(skip)]
    pub(super) key: Option<String>,
    #[serde(skip)]
    pub(super) fingerprint: String,
}
