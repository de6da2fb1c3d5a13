//! The pure core of cla's semaphores: the words, the queue of one semaphore, and the wait-for graph.
//!
//! Use [`cla-semaphore`](https://docs.rs/cla-semaphore), which gives all of this further under its own names. This crate is
//! apart from it so that the rules of the semaphore depend on nothing: no lock, no clock, no `async`, no store.
//!
//! * The *words*, a module for each: what a semaphore, a slot, a request and a run are called, who asks, what a request
//!   wants, what becomes of it, what happens. A value is checked when it is made; inside, an invalid one cannot exist.
//! * [`queue`], the state machine of one semaphore. Every store makes its transitions.
//! * [`graph`], which run waits for which, and whether any of them can go on. Every store feeds it with what it knows.
//!
//! Two functions look outside, once each: [`Owner::process`](owner::Owner::process) and
//! [`Actor::process`](actor::Actor::process) ask the system for the names of this machine and its user.

pub mod actor;
pub mod deadlock;
pub mod display;
pub mod event;
pub mod graph;
pub mod history;
pub mod id;
pub mod name;
pub mod owner;
pub mod queue;
pub mod request;
pub mod slot;
mod slot_id;
pub mod slots;
pub mod time;
pub mod view;

pub use display::printable;
