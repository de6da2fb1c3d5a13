//! Nothing but a home for the examples: the rules beside this folder, to be run with `cla run`, and
//! the Rust programs.
//!
//! - `cargo run -p cla-examples --example service`: a server that runs a rule per request
//! - `cargo run -p cla-examples --example host_module`: rules that call functions of their host
