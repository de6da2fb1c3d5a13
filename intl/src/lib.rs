//! Dates, numbers, lists and the order of words as people write them in their language. Knows no JavaScript.
//!
//! What a locale looks like comes from Unicode's CLDR (`data.rs`): a compressed file of which a language is unpacked when
//! something of it is first asked for. The rules that turn it into text are those of ECMA-402 and of Unicode's UTS 35, so that
//! a program gets the text that it gets elsewhere. What is not in the file is an [`Error`] that names it, and never the text of
//! another locale.
//!
//! ```
//! use cla_intl::number::{NumberFormat, NumberOptions};
//! use cla_intl::{Tag, text_of};
//!
//! let german = Tag::parse("de-AT").unwrap();
//! let format = NumberFormat::new(&german, NumberOptions::default()).unwrap();
//! assert_eq!(text_of(&format.format(&1234567.891.into())), "1\u{a0}234\u{a0}567,891");
//! ```

pub mod casing;
pub mod collation;
mod data;
pub mod date;
mod error;
pub mod list;
mod locale;
pub mod number;
mod part;
pub mod plural;
pub mod relative;
pub mod segment;
pub mod world;
pub mod zone;

pub use data::CLDR_VERSION;
pub use error::Error;
pub use locale::{DEFAULT, Tag, best_available, hour_cycle_of};
pub use part::{Part, text_of};
