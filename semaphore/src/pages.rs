//! Pages for people who run programs that share semaphores: what the stores need, promise and keep.
//!
//! They are the pages of the project's book. They describe the program `cla` as well, which shows and steers what this crate
//! keeps.

#[doc = "[sqlite.md]: self::sqlite\n"]
#[doc = include_str!("../../docs/files.md")]
pub mod files {}

#[doc = "[redis.md]: self::redis\n"]
#[doc = include_str!("../../docs/leases.md")]
pub mod leases {}

#[doc = include_str!("../../docs/records.md")]
pub mod records {}

#[doc = "[files.md]: self::files\n[leases.md]: self::leases\n[records.md]: self::records\n"]
#[doc = include_str!("../../docs/redis.md")]
pub mod redis {}

#[doc = "[files.md]: self::files\n"]
#[doc = include_str!("../../docs/sqlite.md")]
pub mod sqlite {}
