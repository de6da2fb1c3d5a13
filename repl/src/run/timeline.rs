//! What runs waited for and held, drawn for a terminal: a row for each run or fork, time from left to right.

use std::time::Duration;

use cla_runtime::trace::TracedRun;
use unicode_width::UnicodeWidthStr;

use crate::render::{DIM, GREEN, Line, Span, YELLOW};

/// Where there is no terminal.
pub(super) const WIDTH: usize = 80;

/// The most rows.
const MOST_ROWS: usize = 60;

/// The widest that names may be.
const MOST_NAME: usize = 28;

/// What a run does at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    NotThere,
    Running,
    Waiting,
    Holding,
}

impl Doing {
    const fn sign(self) -> char {
        match self {
            Self::NotThere => ' ',
            Self::Running => '·',
            Self::Waiting => '░',
            Self::Holding => '█',
        }
    }

    const fn style(self) -> anstyle::Style {
        match self {
            Self::NotThere | Self::Running => DIM,
            Self::Waiting => YELLOW,
            Self::Holding => GREEN,
        }
    }
}

/// The chart, in lines of at most `width` columns.
pub(super) fn lines(runs: &[TracedRun], width: usize) -> Vec<Line> {
    let Some(end) = runs.iter().map(|run| run.ended).max() else {
        return Vec::new();
    };
    let name = runs.iter().map(|run| run.name.width()).max().unwrap_or(0);
    let name = name.min(MOST_NAME);
    let columns = width.saturating_sub(name + 1).max(10);
    let mut lines: Vec<Line> = runs
        .iter()
        .take(MOST_ROWS)
        .map(|run| row(run, name, columns, end))
        .collect();
    if runs.len() > MOST_ROWS {
        let more = format!("… and {} more", runs.len() - MOST_ROWS);
        lines.push(Line(vec![Span::new(more, DIM)]));
    }
    let last = shown(end);
    let gap = columns.saturating_sub(last.width() + 1);
    let scale = format!("{:name$} 0{:gap$}{last}", "", "");
    lines.push(Line(vec![Span::new(scale, DIM)]));
    let mut legend = vec![Span::plain(format!("{:name$} ", ""))];
    for (doing, word) in [
        (Doing::Waiting, "waits"),
        (Doing::Holding, "holds"),
        (Doing::Running, "runs"),
    ] {
        legend.push(Span::new(doing.sign().to_string(), doing.style()));
        legend.push(Span::plain(format!(" {word}  ")));
    }
    lines.push(Line(legend));
    lines
}

fn row(run: &TracedRun, name: usize, columns: usize, end: Duration) -> Line {
    let mut spans = vec![Span::plain(format!("{} ", fitted(&run.name, name)))];
    let mut text = String::new();
    let mut current = None;
    for column in 0..columns {
        let at = |column: usize| end.mul_f64(column as f64 / columns as f64);
        let doing = doing(run, at(column), at(column + 1));
        if current.is_some_and(|current| current != doing) {
            let done: Doing = current.unwrap_or(doing);
            spans.push(Span::new(std::mem::take(&mut text), done.style()));
        }
        current = Some(doing);
        text.push(doing.sign());
    }
    spans.push(Span::new(text, current.unwrap_or(Doing::Running).style()));
    Line(spans)
}

/// What the run does for most of the time between the two. Waiting counts more than holding, since a run that waits for one
/// semaphore may hold another. The shortest stay is still visible.
fn doing(run: &TracedRun, from: Duration, to: Duration) -> Doing {
    let shared = |a: Duration, b: Duration| b.min(to).saturating_sub(a.max(from));
    let (mut waiting, mut holding) = (Duration::ZERO, Duration::ZERO);
    let mut held = false;
    for region in &run.regions {
        let asked = run.began + region.asked;
        let admitted = asked + region.waited;
        let left = admitted + region.held;
        waiting += shared(asked, admitted);
        holding += shared(admitted, left);
        held |= region.held > Duration::ZERO && admitted < to && left >= from;
    }
    if waiting * 2 >= to - from && waiting > Duration::ZERO {
        Doing::Waiting
    } else if held || holding > Duration::ZERO {
        Doing::Holding
    } else if waiting > Duration::ZERO {
        Doing::Waiting
    } else if run.began < to && run.ended > from {
        Doing::Running
    } else {
        Doing::NotThere
    }
}

/// The text in exactly so many columns. A longer one loses its beginning, because forks differ at the end.
fn fitted(text: &str, columns: usize) -> String {
    let text = crate::render::Span::plain(text).text;
    let missing = columns.saturating_sub(text.width());
    if text.width() <= columns {
        return format!("{text}{:missing$}", "");
    }
    let mut kept = String::new();
    for c in text.chars().rev() {
        let longer = format!("{c}{kept}");
        if longer.width() + 1 > columns {
            break;
        }
        kept = longer;
    }
    let missing = columns.saturating_sub(kept.width() + 1);
    format!("…{kept}{:missing$}", "")
}

fn shown(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_beginning() {
        assert_eq!(fitted("ab", 4), "ab  ");
        assert_eq!(fitted("book › job 12", 7), "…job 12");
        assert_eq!(fitted("abcdef", 1), "…");
    }
}
