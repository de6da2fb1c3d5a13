//! All of the engine's `unsafe` code, behind safe types.
//!
//! Twelve pieces need it: switching stacks ([`fiber`]), a report when one is used up ([`overflow`]), counting QuickJS's
//! memory ([`memory`], [`blocks`]), taking a runtime down ([`teardown`]), its countdown to the next question ([`countdown`]), its built-in functions ([`natives`], by the table [`guarded`]), globals that are made late ([`late_globals`]), Rust
//! values in JavaScript objects ([`host_object`]) and beside contexts ([`owner`]), what JavaScript values are ([`values`]), and the few calls into
//! QuickJS that `rquickjs` does not offer safely ([`quickjs`]). Nothing outside of this module may use `unsafe`; the
//! workspace lint `unsafe_code = "deny"` enforces it.
#![allow(unsafe_code)] // the one module of the workspace that needs it; see above

mod blocks;
pub(crate) mod countdown;
pub(crate) mod fiber;
pub(crate) mod guarded;
pub(crate) mod host_object;
pub(crate) mod late_globals;
pub(crate) mod memory;
pub(crate) mod natives;
pub(crate) mod overflow;
pub(crate) mod owner;
pub(crate) mod quickjs;
pub(crate) mod teardown;
pub(crate) mod values;
