//! Columns of text: as wide as their contents, and no wider than the terminal.

use anstyle::Style;
use unicode_width::UnicodeWidthChar;

use super::{DIM, Line, Span};

/// What stands between two columns.
const GAP: &str = "  ";

/// The least width of a column that is cut off.
const NARROWEST: usize = 8;

/// Where in its column a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    title: &'static str,
    align: Align,
    gives_way: bool,
}

impl Column {
    pub(crate) const fn new(title: &'static str, align: Align) -> Self {
        Self {
            title,
            align,
            gives_way: false,
        }
    }

    /// The same, cut off where the lines would be wider than the terminal.
    pub(crate) const fn that_gives_way(mut self) -> Self {
        self.gives_way = true;
        self
    }
}

/// Rows under titles. A column in which nothing stands is not shown.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    columns: [Column; N],
    rows: Vec<[Span; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) const fn new(columns: [Column; N]) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: [Span; N]) {
        self.rows.push(cells);
    }

    /// The titles and the rows, no wider than `width` columns of the terminal if that is possible.
    pub(crate) fn lines(&self, width: Option<usize>) -> Vec<Line> {
        let mut widths = self.widths();
        if let Some(width) = width {
            self.give_way(&mut widths, width);
        }
        let titles = self.columns.map(|column| Span::new(column.title, DIM));
        std::iter::once(&titles)
            .chain(&self.rows)
            .map(|cells| self.line(cells, &widths))
            .collect()
    }

    /// How wide each column has to be; 0 for those that are not shown.
    fn widths(&self) -> [usize; N] {
        std::array::from_fn(|at| {
            let widest = self.rows.iter().map(|cells| cells[at].width()).max();
            match widest.unwrap_or(0) {
                0 => 0,
                widest => widest.max(Span::plain(self.columns[at].title).width()),
            }
        })
    }

    fn give_way(&self, widths: &mut [usize; N], available: usize) {
        let shown = widths.iter().filter(|width| **width > 0).count();
        let total = widths.iter().sum::<usize>() + GAP.len() * shown.saturating_sub(1);
        let mut excess = total.saturating_sub(available);
        for (column, width) in self.columns.iter().zip(widths) {
            if column.gives_way {
                let given = excess.min(width.saturating_sub(NARROWEST));
                *width -= given;
                excess -= given;
            }
        }
    }

    fn line(&self, cells: &[Span; N], widths: &[usize; N]) -> Line {
        let mut spans = Vec::with_capacity(3 * N);
        // Blanks are printed only when text follows them.
        let mut blanks = String::new();
        let shown = cells.iter().zip(widths).zip(&self.columns);
        for ((cell, width), column) in shown.filter(|((_, width), _)| **width > 0) {
            let cell = cut(cell, *width);
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            if column.align == Align::Right {
                blanks.push_str(&padding);
            }
            if !cell.text.is_empty() {
                if !blanks.is_empty() {
                    spans.push(Span::plain(std::mem::take(&mut blanks)));
                }
                spans.push(cell);
            }
            if column.align == Align::Left {
                blanks.push_str(&padding);
            }
            blanks.push_str(GAP);
        }
        Line(spans)
    }
}

/// As much of the span as fits, with an ellipsis if that is not all.
pub(crate) fn cut(span: &Span, width: usize) -> Span {
    if span.width() <= width {
        return span.clone();
    }
    let mut used = 0;
    let mut text = String::new();
    for character in span.text.chars() {
        used += character.width().unwrap_or(0);
        if used + 1 > width {
            break;
        }
        text.push(character);
    }
    text.push('…');
    let style: Style = span.style;
    Span { text, style }
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    fn table(rows: &[[&str; 3]]) -> Table<3> {
        let mut table = Table::new([
            Column::new("NAME", Align::Left).that_gives_way(),
            Column::new("N", Align::Right),
            Column::new("NOTE", Align::Left),
        ]);
        for row in rows {
            table.row(row.map(Span::plain));
        }
        table
    }

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let table = table(&[["a", "5", "x"], ["語語語", "12", ""]]);
        assert_eq!(
            text(&table.lines(None)),
            ["NAME     N  NOTE", "a        5  x", "語語語  12"]
        );
    }

    #[test]
    fn a_column_in_which_nothing_stands_is_not_shown() {
        let table = table(&[["a", "", "x"], ["b", "", "y"]]);
        assert_eq!(
            text(&table.lines(None)),
            ["NAME  NOTE", "a     x", "b     y"]
        );
    }

    #[test]
    fn long_text_gives_way_to_the_terminals_width() {
        let table = table(&[["a-very-long-name-indeed", "1", "note"]]);
        assert_eq!(text(&table.lines(Some(20)))[1..], ["a-very-lon…  1  note"]);
        // Columns are not cut off below their least width.
        assert_eq!(text(&table.lines(Some(3)))[1..], ["a-very-…  1  note"]);
        let wide = self::table(&[["語語語語語語", "1", ""]]);
        assert_eq!(text(&wide.lines(Some(11)))[1..], ["語語語…   1"]);
    }
}
