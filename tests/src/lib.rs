//! Nothing but a home for the tests that cross crates: rules with the whole standard library, on an
//! engine, as a host would run them. The program has its own in `repl/tests`.
