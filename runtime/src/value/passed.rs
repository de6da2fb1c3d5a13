//! What is no data and is passed to a function of the host's all the same: functions of the rule, and objects of the host's
//! classes, wherever they stand among the arguments.
//!
//! `serde` knows no such values. So a tree has a number in the place of each ([`RuleValue::Passed`](super::RuleValue::Passed)),
//! and while the tree is read, the thread has the list of them. A type that wants one asks for a newtype of a certain name, and
//! its visitor [takes](take) the value when it is given a unit.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde::de::Visitor;

/// Something that is passed.
pub(crate) struct Passed {
    /// The name of the newtypes that stand for it.
    pub(crate) newtype: &'static str,
    pub(crate) value: Rc<dyn Any>,
    /// What an error says of it where data are wanted: `is a function, which is no data`.
    pub(crate) words: String,
}

thread_local! {
    /// What the call passes whose arguments are being read.
    static LIST: RefCell<Vec<Passed>> = const { RefCell::new(Vec::new()) };
    /// What is being handed over, from the tree to the visitor.
    static HANDED: Cell<Option<Rc<dyn Any>>> = const { Cell::new(None) };
}

/// The list of what a call passes, for the thread. Dropping it gives the list before back.
pub(crate) struct Lent(Vec<Passed>);

/// Lends the list, until the result is dropped.
pub(crate) fn lend(list: Vec<Passed>) -> Lent {
    Lent(LIST.replace(list))
}

impl Drop for Lent {
    fn drop(&mut self) {
        drop(LIST.replace(std::mem::take(&mut self.0)));
    }
}

/// The value with this number, if newtypes of this name stand for it.
pub(crate) fn value_for(number: usize, newtype: &str) -> Option<Rc<dyn Any>> {
    LIST.with_borrow(|list| {
        let passed = list.get(number)?;
        (passed.newtype == newtype).then(|| Rc::clone(&passed.value))
    })
}

/// What an error says of the value with this number.
pub(crate) fn words(number: usize) -> String {
    LIST.with_borrow(|list| match list.get(number) {
        Some(passed) => passed.words.clone(),
        None => "is no data".to_owned(),
    })
}

/// Hands a value to the visitor of a type that wants it.
pub(crate) fn hand_over<'de, V: Visitor<'de>, E: serde::de::Error>(
    value: Rc<dyn Any>,
    visitor: V,
) -> Result<V::Value, E> {
    HANDED.set(Some(value));
    let made = visitor.visit_unit();
    HANDED.take();
    made
}

/// What is being handed over; nothing if the visitor was given a unit that is one.
pub(crate) fn take() -> Option<Rc<dyn Any>> {
    HANDED.take()
}
