//! A walk through all ops of a rulebook, as an op sees it.

use super::{Block, Callee, Condition, Data};
use crate::template::{Code, Template};
use crate::yaml::Place;

/// Goes on to the parts of an op, and notes what they take, set and read.
pub(crate) trait Walk<'a> {
    fn block(&mut self, block: &'a Block);

    /// Ops that run as forks.
    fn forked(&mut self, block: &'a Block, at: Place);

    /// What a call leads to.
    fn call(&mut self, callee: &'a Callee, at: Place);

    /// Another rule is called, perhaps with an event, and waited for.
    fn calls_rule(&mut self, file: &'a Data, event: Option<&'a Data>, at: Place);

    /// A service is called by this name.
    fn launches(&mut self, name: &'a Data, at: Place);

    fn condition(&mut self, condition: &'a Condition);

    fn data(&mut self, data: &'a Data);

    /// JavaScript.
    fn code(&mut self, code: &'a Code);

    /// A variable, or a part of one, is set.
    fn sets(&mut self, name: &'a Template);

    /// A variable is set by this name.
    fn sets_variable(&mut self, name: &str);

    /// Something is probably not meant.
    fn warns(&mut self, at: Place, name: &'static str, message: String, help: String);

    /// From here on these variables may be read.
    fn knows(&mut self, names: &[&str]);
}

impl<'a> dyn Walk<'a> + '_ {
    pub(crate) fn parts(&mut self, parts: [Option<&'a Data>; 3]) {
        for part in parts.into_iter().flatten() {
            self.data(part);
        }
    }
}
