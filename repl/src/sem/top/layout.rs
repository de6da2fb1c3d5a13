//! Where on the screen things are. Knows no semaphores, and draws nothing.

use ratatui::layout::{Position, Rect};

/// On a smaller screen nothing useful can be shown.
pub(super) const SMALLEST: (u16, u16) = (40, 10);

/// From this width on both panes stand side by side; below, the one with the keyboard has it all.
const BOTH: u16 = 80;

/// From this height on there is room to explain the symbols, too.
const TALL: u16 = 14;

/// How wide the left pane may be.
const LEFT: (u16, u16) = (38, 60);

/// The frame around a pane, and the titles of its columns.
const ABOVE_ROWS: u16 = 2;
const BELOW_ROWS: u16 = 1;

/// Which pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pane {
    Semaphores,
    Requests,
}

impl Pane {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Semaphores => Self::Requests,
            Self::Requests => Self::Semaphores,
        }
    }
}

/// The parts of the screen, from above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) header: Rect,
    pub(super) semaphores: Option<Rect>,
    pub(super) requests: Option<Rect>,
    pub(super) message: Rect,
    /// One line with the keys, or a second one above it with the symbols.
    pub(super) legend: Rect,
}

impl Layout {
    /// None on a screen that is too small.
    pub(super) fn of(screen: Rect, focus: Pane) -> Option<Self> {
        let Rect {
            x,
            y,
            width,
            height,
        } = screen;
        if width < SMALLEST.0 || height < SMALLEST.1 {
            return None;
        }
        let legend_height = if height < TALL { 1 } else { 2 };
        let bottom = screen.bottom();
        let panes = Rect::new(x, y + 1, width, height - 2 - legend_height);
        let left = if width < BOTH {
            if focus == Pane::Semaphores { width } else { 0 }
        } else {
            (width / 3).clamp(LEFT.0, LEFT.1)
        };
        let pane = |x, width| (width > 0).then_some(Rect { x, width, ..panes });
        Some(Self {
            header: Rect::new(x, y, width, 1),
            semaphores: pane(x, left),
            requests: pane(x + left, width - left),
            message: Rect::new(x, bottom - legend_height - 1, width, 1),
            legend: Rect::new(x, bottom - legend_height, width, legend_height),
        })
    }

    pub(super) fn pane(&self, pane: Pane) -> Option<Rect> {
        match pane {
            Pane::Semaphores => self.semaphores,
            Pane::Requests => self.requests,
        }
    }

    /// How many rows a pane has room for.
    pub(super) fn rows(&self, pane: Pane) -> usize {
        // Both are of one height; one of them may be hidden.
        let shown = self.pane(pane).or(self.semaphores).or(self.requests);
        shown.map_or(0, |area| usize::from(rows(area).height))
    }

    /// The pane at this place, and the row of it, from 0.
    pub(super) fn at(&self, position: Position) -> Option<(Pane, Option<usize>)> {
        [Pane::Semaphores, Pane::Requests]
            .into_iter()
            .find_map(|pane| {
                let area = self.pane(pane).filter(|area| area.contains(position))?;
                let rows = rows(area);
                let row = rows
                    .contains(position)
                    .then(|| usize::from(position.y - rows.y));
                Some((pane, row))
            })
    }
}

/// The part of a pane in which its rows stand.
pub(super) fn rows(pane: Rect) -> Rect {
    Rect {
        x: pane.x + 1,
        y: pane.y + ABOVE_ROWS,
        width: pane.width.saturating_sub(2),
        height: pane.height.saturating_sub(ABOVE_ROWS + BELOW_ROWS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(width: u16, height: u16, focus: Pane) -> Option<Layout> {
        Layout::of(Rect::new(0, 0, width, height), focus)
    }

    #[test]
    fn every_screen_from_40_by_10_on_has_room_for_a_few_rows() {
        for width in 40..300 {
            for height in 10..80 {
                for focus in [Pane::Semaphores, Pane::Requests] {
                    let layout = layout(width, height, focus).unwrap();
                    assert!(layout.pane(focus).is_some());
                    assert!(layout.rows(focus) >= 4, "{width}x{height}");
                    assert_eq!(layout.legend.bottom(), height);
                }
            }
        }
        assert_eq!(layout(39, 10, Pane::Requests), None);
        assert_eq!(layout(40, 9, Pane::Requests), None);
        assert_eq!(layout(0, 0, Pane::Requests), None);
    }

    #[test]
    fn a_place_on_the_screen_belongs_to_a_pane_and_perhaps_to_a_row() {
        let layout = layout(100, 24, Pane::Semaphores).unwrap();
        assert_eq!(layout.at(Position::new(5, 0)), None);
        assert_eq!(
            layout.at(Position::new(5, 1)),
            Some((Pane::Semaphores, None))
        );
        assert_eq!(
            layout.at(Position::new(5, 3)),
            Some((Pane::Semaphores, Some(0)))
        );
        assert_eq!(
            layout.at(Position::new(80, 5)),
            Some((Pane::Requests, Some(2)))
        );
    }
}
