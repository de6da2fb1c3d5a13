//! Nothing but a home for the examples: the rules beside this folder, to be run with `cla run`, and
//! the Rust programs, each run with `cargo run -p cla-examples --example NAME`:
//!
//! - `embed`: the shortest program that runs a rule
//! - `executors`: one engine under smol, under rayon, and on plain threads
//! - `modules`: a host module of each kind, and its declarations for editors
//! - `host_module`: rules that call functions of their host
//! - `service`: a web service that runs a rule per request
//! - `load`: how much the service disturbs its host, in figures
//! - `tenants`: rules of two customers that cannot reach each other
