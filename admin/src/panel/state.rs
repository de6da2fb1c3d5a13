//! What the pages of one service share: [`Panel`].

use std::sync::Arc;

use super::snapshot::Snapshots;
use super::trends::Trends;

/// What the pages of one service share.
pub(crate) struct Panel {
    pub(super) snapshots: Snapshots,
    pub(super) trends: Arc<Trends>,
}

impl Panel {
    pub(crate) fn new(trends: Arc<Trends>) -> Self {
        Self {
            snapshots: Snapshots::default(),
            trends,
        }
    }
}
