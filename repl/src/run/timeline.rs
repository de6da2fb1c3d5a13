//! What runs waited for and held, drawn for a terminal: a row for each semaphore of a run or fork, time from left to right.

use std::time::Duration;

use anstyle::Style;
use cla_runtime::trace::TracedRun;
use unicode_width::UnicodeWidthStr;

use super::lanes::{Lane, has_failed, lanes, moment, ticks, was_admitted};
use crate::render::{DIM, GREEN, Line, RED, Span, YELLOW};

/// Where there is no terminal.
pub(super) const WIDTH: usize = 80;

/// The most rows.
const MOST_ROWS: usize = 60;

/// The widest that names may be.
const MOST_NAME: usize = 28;

/// The widest that names of semaphores may be.
const MOST_SEMAPHORE: usize = 16;

/// Columns between one mark of the scale and the next, at least.
const MARK: usize = 12;

/// What a run does at a moment, at one semaphore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    NotThere,
    Running,
    Waiting,
    /// A wait that ended without a slot.
    WaitingInVain,
    Holding,
    /// What was done with the slot failed.
    Failing,
}

impl Doing {
    const fn sign(self) -> char {
        match self {
            Self::NotThere => ' ',
            Self::Running => '·',
            Self::Waiting => '░',
            Self::WaitingInVain => '▒',
            Self::Holding => '█',
            Self::Failing => '▓',
        }
    }

    const fn style(self) -> anstyle::Style {
        match self {
            Self::NotThere | Self::Running => DIM,
            Self::Waiting => YELLOW,
            Self::Holding => GREEN,
            Self::WaitingInVain | Self::Failing => RED,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::NotThere => "",
            Self::Running => "runs",
            Self::Waiting => "waits",
            Self::WaitingInVain => "waits in vain",
            Self::Holding => "holds",
            Self::Failing => "holds, and fails",
        }
    }
}

/// The columns of the chart.
struct Columns {
    name: usize,
    /// 0 if no run used a semaphore.
    semaphore: usize,
    chart: usize,
    end: Duration,
}

/// The chart, in lines of at most `width` columns.
pub(super) fn lines(runs: &[TracedRun], width: usize) -> Vec<Line> {
    let Some(end) = runs.iter().map(|run| run.ended).max() else {
        return Vec::new();
    };
    let lanes = lanes(runs);
    let widest = |texts: &mut dyn Iterator<Item = &str>, most: usize| {
        let width = texts.map(UnicodeWidthStr::width).max().unwrap_or(0);
        width.min(most)
    };
    let name = widest(&mut runs.iter().map(|run| run.name.as_str()), MOST_NAME);
    let semaphores = lanes.iter().filter_map(|lane| lane.semaphore);
    let semaphore = widest(&mut semaphores.map(|name| name.as_str()), MOST_SEMAPHORE);
    let used = name + 1 + semaphore + usize::from(semaphore > 0);
    let columns = Columns {
        name,
        semaphore,
        chart: width.saturating_sub(used).max(10),
        end,
    };
    let mut drawn = Vec::new();
    let mut lines: Vec<Line> = lanes
        .iter()
        .take(MOST_ROWS)
        .map(|lane| row(lane, &columns, &mut drawn))
        .collect();
    if lanes.len() > MOST_ROWS {
        let more = format!("… and {} more", lanes.len() - MOST_ROWS);
        lines.push(Line(vec![Span::new(more, DIM)]));
    }
    lines.push(scale(&columns));
    let mut legend = vec![Span::plain(columns.margin())];
    for doing in [
        Doing::Waiting,
        Doing::Holding,
        Doing::Running,
        Doing::WaitingInVain,
        Doing::Failing,
    ] {
        // The first three are always there to be compared with.
        if drawn.contains(&doing) || !matches!(doing, Doing::WaitingInVain | Doing::Failing) {
            legend.push(Span::new(doing.sign().to_string(), doing.style()));
            legend.push(Span::plain(format!(" {}  ", doing.words())));
        }
    }
    lines.push(Line(legend));
    lines
}

impl Columns {
    /// What is left of the chart, where there are no names.
    fn margin(&self) -> String {
        let semaphore = self.semaphore + usize::from(self.semaphore > 0);
        " ".repeat(self.name + 1 + semaphore)
    }

    /// When a column begins.
    fn at(&self, column: usize) -> Duration {
        self.end.mul_f64(column as f64 / self.chart as f64)
    }
}

/// The moments below the chart, each with a mark where it is.
fn scale(columns: &Columns) -> Line {
    let most = u32::try_from(columns.chart / MARK).unwrap_or(1);
    let ticks = ticks(columns.end, most.max(1));
    let step = ticks.get(1).copied().unwrap_or(columns.end);
    let mut text = String::new();
    for tick in ticks {
        let share = tick.as_secs_f64() / columns.end.as_secs_f64().max(f64::MIN_POSITIVE);
        let column = (share * columns.chart as f64) as usize;
        let mark = format!("╵{}", moment(tick, step));
        if column >= text.width() && column + mark.width() <= columns.chart {
            let gap = column - text.width();
            text.push_str(&" ".repeat(gap));
            text.push_str(&mark);
        }
    }
    Line(vec![Span::plain(columns.margin()), Span::new(text, DIM)])
}

fn row(lane: &Lane<'_>, columns: &Columns, drawn: &mut Vec<Doing>) -> Line {
    let name = match lane.is_first {
        true => fitted(&lane.run.name, columns.name),
        false => " ".repeat(columns.name),
    };
    let style = if lane.run.ok { Style::new() } else { RED };
    let mut spans = vec![Span::new(name, style), Span::plain(" ")];
    if columns.semaphore > 0 {
        let semaphore = lane.semaphore.map_or("", |name| name.as_str());
        let semaphore = fitted(semaphore, columns.semaphore);
        spans.push(Span::plain(format!("{semaphore} ")));
    }
    let mut text = String::new();
    let mut current = None;
    for column in 0..columns.chart {
        let doing = doing(lane, columns.at(column), columns.at(column + 1));
        if current.is_some_and(|current| current != doing) {
            let done: Doing = current.unwrap_or(doing);
            spans.push(Span::new(std::mem::take(&mut text), done.style()));
        }
        if current != Some(doing) && !drawn.contains(&doing) {
            drawn.push(doing);
        }
        current = Some(doing);
        text.push(doing.sign());
    }
    spans.push(Span::new(text, current.unwrap_or(Doing::Running).style()));
    Line(spans)
}

/// What the run does in this lane for most of the time between the two. Waiting counts more than holding. The shortest stay
/// is still visible, and a failure before all else.
fn doing(lane: &Lane<'_>, from: Duration, to: Duration) -> Doing {
    let shared = |a: Duration, b: Duration| b.min(to).saturating_sub(a.max(from));
    let touches = |a: Duration, b: Duration| a < to && b >= from;
    let (mut waiting, mut holding) = (Duration::ZERO, Duration::ZERO);
    let mut held = false;
    for region in &lane.regions {
        let asked = lane.run.began + region.asked;
        let admitted = asked + region.waited;
        let left = admitted + region.held;
        if has_failed(region) {
            if was_admitted(region) && touches(admitted, left) {
                return Doing::Failing;
            }
            if !was_admitted(region) && touches(asked, admitted) {
                return Doing::WaitingInVain;
            }
        }
        waiting += shared(asked, admitted);
        holding += shared(admitted, left);
        held |= region.held > Duration::ZERO && touches(admitted, left);
    }
    if waiting * 2 >= to - from && waiting > Duration::ZERO {
        Doing::Waiting
    } else if held || holding > Duration::ZERO {
        Doing::Holding
    } else if waiting > Duration::ZERO {
        Doing::Waiting
    } else if lane.run.began < to && lane.run.ended > from {
        Doing::Running
    } else {
        Doing::NotThere
    }
}

/// The text in exactly so many columns, as it is printed. A longer one loses its beginning, because forks differ at the end.
pub(super) fn fitted(text: &str, columns: usize) -> String {
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
