//! The home of the tests that cross crates: rules with the whole standard library, on an engine, as a host would run
//! them (the program has its own in `repl/tests`); and what those tests need that is none of the product's business.

pub mod engine;
pub mod flood;
pub mod output;
#[cfg(unix)]
pub mod pty;
pub mod redis;
