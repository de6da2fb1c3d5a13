//! `cla repl`: a prompt for rules and their semaphores.
#![allow(dead_code, unused_imports)] // the command that uses it lands next

pub(crate) mod read;
