//! Every message to and from the server, as a type. Nothing outside of this module knows a position, a letter or a key of
//! the protocol that the scripts in `lua/` speak.
//!
//! [`Payload`] is what a session sends, [`Reply`] what the server answers to it, [`Push`] what it sends by itself, and
//! `query` has the questions whose answers only the caller understands.

mod audit;
mod facts;
pub(super) mod keys;
mod payload;
mod push;
pub(super) mod query;
mod reply;
mod rows;
mod scripts;
mod value;

pub(super) use self::facts::{Facts, master_address};
pub(super) use self::payload::{
    Acquire, Encoded, Payload, Restore, RestoredPlace, RestoredRequest, SETTLED_AFTER, micros,
};
pub(super) use self::push::{Message, Push, published};
pub(super) use self::query::Query;
pub(super) use self::reply::{
    Acquired, Admission, DataSet, Due, Managed, Refreshed, Renewed, Reply, RequestState, Restored,
    SessionLease, SlotCounts,
};
pub(super) use self::rows::{Share, Shown, digits, id, system_time, write_asker};
pub(super) use self::scripts::Script;
