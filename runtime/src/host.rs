//! What a host needs to give rules functions of its own: the words around [`HostModule`](crate::HostModule).
//!
//! A function of a module learns about its caller by [`Call`], throws a [`HostError`], takes and gives [`Bytes`], keeps a
//! function of the rule as a [`Callback`]. [`HostClass`] describes a class. [`ModuleLoader`] finds modules that are no files.
//!
//! [`NativeModule`] and [`Extension`] are for those who want the interpreter itself: they see the [`Run`] from the inside,
//! and turn values into JSON and back with [`value_to_json`] and [`json_to_value`].

pub use crate::convert::{json_to_value, value_to_json};
pub use crate::host_module::{Bytes, Call, Callback, HostClass, HostError, Instance};
pub use crate::modules::{ModuleLoader, ModuleText};
pub use crate::native::{Extension, NativeModule};
pub use crate::run::Run;
pub use crate::run_data::RunData;
