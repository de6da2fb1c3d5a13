//! The part of a long list that a page has: the rows around what its reader sees. See [`Window`].

use maud::{Markup, html};

/// Rows in a window that says no number.
const ROWS: usize = 100;

/// Rows in a window at most.
const MOST: usize = 1000;

/// So many rows, from this one on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) offset: usize,
    pub(super) limit: usize,
}

impl Window {
    pub(super) fn new(offset: usize, limit: Option<usize>) -> Self {
        Self {
            offset,
            limit: limit.unwrap_or(ROWS).clamp(1, MOST),
        }
    }
}

/// A row in place of so many that are not in the window: the page gives it their height.
pub(super) fn spacer(rows: usize, columns: usize) -> Markup {
    html! {
        tr.spacer aria-hidden="true" data-rows=(rows) hidden[rows == 0] { td colspan=(columns) {} }
    }
}
