//! The interface for programs, `/api/v1/...`: JSON as `cla sem --json` prints it, errors as problems (RFC 9457).

pub(crate) mod actions;
pub(crate) mod body;
mod bounds;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod leases;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod problem;
pub(crate) mod records;
pub(crate) mod requests;
pub(crate) mod runs;
pub(crate) mod semaphores;
pub(crate) mod tokens;
