//! Pages for hosts: how limits reach a run, what permissions protect, which values leave a run.
//!
//! They are the pages of the project's book. They describe the program `cla` as well, which embeds this crate.

#[doc = include_str!("../../docs/limits.md")]
pub mod limits {}

#[doc = "[limits.md]: self::limits\n"]
#[doc = include_str!("../../docs/trust.md")]
pub mod trust {}

#[doc = include_str!("../../docs/values.md")]
pub mod values {}
