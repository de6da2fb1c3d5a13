//! The panel of `cla serve` as a person meets it: a real browser, rules in other processes, on SQLite and on Redis.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;
mod panel {
    pub(crate) mod access;
    pub(crate) mod code;
    pub(crate) mod connection;
    pub(crate) mod labels;
    pub(crate) mod large;
    pub(crate) mod page;
    pub(crate) mod places;
    pub(crate) mod runs;
    pub(crate) mod story;
}
