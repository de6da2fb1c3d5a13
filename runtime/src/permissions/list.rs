//! What is given and denied of one permission.

use std::fmt;

/// What is given and denied of one permission.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rule<T> {
    allowed: List<T>,
    denied: List<T>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum List<T> {
    /// These, or nothing.
    Only(Vec<T>),
    All,
}

impl<T> Default for Rule<T> {
    fn default() -> Self {
        Self {
            allowed: List::Only(Vec::new()),
            denied: List::Only(Vec::new()),
        }
    }
}

impl<T> Rule<T> {
    pub(super) fn allow_all(&mut self) {
        self.allowed = List::All;
    }

    pub(super) fn deny_all(&mut self) {
        self.denied = List::All;
    }

    /// Gives one more.
    pub(super) fn allow(&mut self, item: T) {
        self.allowed.add(item);
    }

    pub(super) fn deny(&mut self, item: T) {
        self.denied.add(item);
    }

    /// All is given, and nothing denied.
    pub(super) fn is_all(&self) -> bool {
        matches!(&self.allowed, List::All)
            && matches!(&self.denied, List::Only(items) if items.is_empty())
    }

    /// Whether nothing can be permitted.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(&self.denied, List::All)
            || matches!(&self.allowed, List::Only(items) if items.is_empty())
    }

    /// Whether something is given, denied or not.
    pub(super) fn gives(&self, is_meant: impl Fn(&T) -> bool) -> bool {
        self.allowed.has(&is_meant)
    }

    /// Whether something is given, and not denied, of which `is_meant` tells whether an item means it.
    pub(super) fn permits(&self, is_meant: impl Fn(&T) -> bool) -> bool {
        !self.denied.has(&is_meant) && self.allowed.has(&is_meant)
    }

    pub(super) fn is_denied(&self, is_meant: impl Fn(&T) -> bool) -> bool {
        self.denied.has(&is_meant)
    }

    /// Whether an item of the list, and not "all", gives it.
    pub(super) fn is_listed(&self, is_meant: impl Fn(&T) -> bool) -> bool {
        matches!(&self.allowed, List::Only(items) if items.iter().any(is_meant))
    }
}

impl<T> List<T> {
    fn has(&self, is_meant: &impl Fn(&T) -> bool) -> bool {
        match self {
            Self::All => true,
            Self::Only(items) => items.iter().any(is_meant),
        }
    }

    /// More than all is still all.
    fn add(&mut self, item: T) {
        if let Self::Only(items) = self {
            items.push(item);
        }
    }
}

impl<T: fmt::Display> fmt::Display for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Only(items) => {
                for (at, item) in items.iter().enumerate() {
                    let separator = if at == 0 { "" } else { ", " };
                    write!(f, "{separator}{item}")?;
                }
                Ok(())
            }
        }
    }
}

/// `none`, `all`, `/srv, /data but not /srv/secret`.
impl<T: fmt::Display> fmt::Display for Rule<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_empty = |list: &List<T>| matches!(list, List::Only(items) if items.is_empty());
        if is_empty(&self.allowed) || matches!(&self.denied, List::All) {
            return f.write_str("none");
        }
        write!(f, "{}", self.allowed)?;
        if !is_empty(&self.denied) {
            write!(f, " but not {}", self.denied)?;
        }
        Ok(())
    }
}
