//! Answers of the session, kept while one input is being typed: hints ask again at every key.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::{Knowledge, Member};

/// What the session knows, remembered until [`SessionCache::forget`].
pub(crate) struct SessionCache {
    session: Rc<dyn Knowledge>,
    members: RefCell<HashMap<Vec<String>, Rc<[Member]>>>,
    globals: RefCell<Option<Rc<HashSet<String>>>>,
    lists: RefCell<HashMap<List, Rc<[String]>>>,
    commands: RefCell<Option<Rc<[Described]>>>,
}

/// The name of a command, and what it does.
type Described = (String, String);

/// What there are names of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum List {
    Semaphores,
    Modules,
    Snippets,
    Requests,
    Runs,
}

impl SessionCache {
    pub(crate) fn new(session: Rc<dyn Knowledge>) -> Self {
        Self {
            session,
            members: RefCell::default(),
            globals: RefCell::default(),
            lists: RefCell::default(),
            commands: RefCell::default(),
        }
    }

    pub(crate) fn session(&self) -> &dyn Knowledge {
        &*self.session
    }

    pub(crate) fn forget(&self) {
        self.members.borrow_mut().clear();
        self.globals.replace(None);
        self.lists.borrow_mut().clear();
        self.commands.replace(None);
    }

    pub(crate) fn members(&self, path: &[String]) -> Rc<[Member]> {
        if let Some(members) = self.members.borrow().get(path) {
            return Rc::clone(members);
        }
        let members: Rc<[_]> = self.session.members(path).into();
        self.members
            .borrow_mut()
            .insert(path.to_vec(), Rc::clone(&members));
        members
    }

    /// The names of the global scope.
    pub(crate) fn globals(&self) -> Rc<HashSet<String>> {
        let names = || {
            Rc::new(
                self.members(&[])
                    .iter()
                    .map(|member| member.name.clone())
                    .collect(),
            )
        };
        Rc::clone(self.globals.borrow_mut().get_or_insert_with(names))
    }

    pub(crate) fn list(&self, list: List) -> Rc<[String]> {
        let ask = || match list {
            List::Semaphores => self.session.semaphores(),
            List::Modules => self.session.modules(),
            List::Snippets => self.session.snippets(),
            List::Requests => self.session.requests(),
            List::Runs => self.session.runs(),
        };
        Rc::clone(
            self.lists
                .borrow_mut()
                .entry(list)
                .or_insert_with(|| ask().into()),
        )
    }

    pub(crate) fn commands(&self) -> Rc<[Described]> {
        let ask = || self.session.commands().into();
        Rc::clone(self.commands.borrow_mut().get_or_insert_with(ask))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repl::read::fake::Fake;

    #[test]
    fn the_session_is_asked_once_per_input() {
        let fake = Rc::new(Fake::default());
        let known = SessionCache::new(Rc::clone(&fake) as _);
        for _ in 0..3 {
            known.members(&[]);
            known.globals();
            known.list(List::Semaphores);
        }
        assert_eq!(fake.asked.get(), 2);
        known.forget();
        known.globals();
        assert_eq!(fake.asked.get(), 3);
    }
}
