//! Where the time of runs went: a table for people, and flame graphs.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use anstyle::Style;
use cla_runtime::profile::{ProfiledKind, ProfiledPlace, ProfiledStack};
use cla_runtime::semaphore::printable;

use super::trace::{COLUMN, GREY, WAITS, escaped};
use crate::render::{Align, BOLD, Column, DIM, Line, RED, Span, Table, YELLOW, cut};

/// The most rows of the table.
const MOST_ROWS: usize = 40;

/// What several runs did at one place.
pub(super) fn merged(runs: impl IntoIterator<Item = Vec<ProfiledPlace>>) -> Vec<ProfiledPlace> {
    let mut all: Vec<ProfiledPlace> = Vec::new();
    let mut known: HashMap<(ProfiledKind, String, String, u32), usize> = HashMap::new();
    for place in runs.into_iter().flatten() {
        let key = (
            place.kind,
            place.what.clone(),
            place.file.clone(),
            place.line,
        );
        let Some(at) = known.get(&key) else {
            known.insert(key, all.len());
            all.push(place);
            continue;
        };
        let sum = &mut all[*at];
        let (before, more) = (sum.count as f64, place.count as f64);
        let time = sum.average.mul_f64(before) + place.average.mul_f64(more);
        sum.average = time.div_f64((before + more).max(1.0));
        sum.count += place.count;
        sum.failed += place.failed;
        sum.total += place.total;
        sum.own += place.own;
        sum.waited += place.waited;
        sum.min = sum.min.min(place.min);
        sum.max = sum.max.max(place.max);
    }
    all.sort_by_key(|place| std::cmp::Reverse((place.own, place.total)));
    all
}

/// The table, those that took most time of their own first.
pub(super) fn lines(places: &[ProfiledPlace], width: Option<usize>) -> Vec<Line> {
    let mut table = Table::new([
        Column::new("OWN", Align::Right),
        Column::new("TOTAL", Align::Right),
        Column::new("WAITED", Align::Right),
        Column::new("COUNT", Align::Right),
        Column::new("FAILED", Align::Right),
        Column::new("AVERAGE", Align::Right),
        Column::new("MIN", Align::Right),
        Column::new("MAX", Align::Right),
        Column::new("WHAT", Align::Left).that_gives_way(),
        Column::new("WHERE", Align::Left).that_gives_way(),
    ]);
    let or_nothing = |time: Duration, style| match time.is_zero() {
        true => Span::default(),
        false => Span::new(precise(time), style),
    };
    for place in places.iter().take(MOST_ROWS) {
        let what = match place.kind {
            ProfiledKind::Region => format!("semaphore {}", place.what),
            ProfiledKind::Command => format!("$ {}", place.what),
            _ => place.what.clone(),
        };
        let at = match place.line {
            0 => place.file.clone(),
            line => format!("{}:{line}", place.file),
        };
        let failed = match place.failed {
            0 => String::new(),
            failed => failed.to_string(),
        };
        let style = match place.kind {
            ProfiledKind::Region => YELLOW,
            ProfiledKind::Rule => BOLD,
            _ => Style::new(),
        };
        table.row([
            or_nothing(place.own, Style::new()),
            Span::plain(precise(place.total)),
            or_nothing(place.waited, YELLOW),
            Span::plain(place.count.to_string()),
            Span::new(failed, RED),
            Span::plain(precise(place.average)),
            Span::plain(precise(place.min)),
            Span::plain(precise(place.max)),
            Span::new(what, style),
            Span::new(at, DIM),
        ]);
    }
    let mut lines = table.lines(width);
    if places.len() > MOST_ROWS {
        let more = format!("… and {} more", places.len() - MOST_ROWS);
        lines.push(Line(vec![Span::new(more, DIM)]));
    }
    lines
}

/// A time in a few characters.
fn precise(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..1_000 => format!("{micros}µs"),
        1_000..100_000 => format!("{:.1}ms", micros as f64 / 1e3),
        100_000..1_000_000 => format!("{}ms", time.as_millis()),
        1_000_000..60_000_000 => format!("{:.2}s", time.as_secs_f64()),
        _ => crate::durations::short(time.as_secs_f64()),
    }
}

/// The stacks as text, a line for each, with its microseconds at the end: other flame graph tools read this.
pub(super) fn folded(stacks: &[ProfiledStack]) -> String {
    let mut text = String::new();
    for stack in stacks {
        let path: Vec<String> = stack
            .path
            .iter()
            .map(|name| printable(name).replace(';', ","))
            .collect();
        let _ = writeln!(text, "{} {}", path.join(";"), stack.own.as_micros());
    }
    text
}

/// The picture's width, a row's height, and what surrounds both, in pixels.
const WIDTH: f64 = 1200.0;
const ROW: f64 = 18.0;
const MARGIN: f64 = 10.0;

/// What is narrower is not drawn, in pixels.
const NARROWEST: f64 = 0.1;

/// What works, in shades by its depth.
const WORKS: [&str; 4] = ["#93c5fd", "#bfdbfe", "#a5b4fc", "#c7d2fe"];

/// A part of the picture, and what is above it.
#[derive(Default)]
struct Flame {
    name: String,
    waits: bool,
    own: Duration,
    all: Duration,
    above: Vec<Flame>,
}

impl Flame {
    fn of(stacks: &[ProfiledStack]) -> Self {
        let mut root = Self {
            name: "all".to_owned(),
            ..Self::default()
        };
        for stack in stacks {
            let mut flame = &mut root;
            flame.all += stack.own;
            for (nth, name) in stack.path.iter().enumerate() {
                let waits = stack.waits && nth + 1 == stack.path.len();
                let known = flame.above.iter().position(|above| above.name == *name);
                let at = known.unwrap_or_else(|| {
                    flame.above.push(Self {
                        name: name.clone(),
                        waits,
                        ..Self::default()
                    });
                    flame.above.len() - 1
                });
                flame = &mut flame.above[at];
                flame.all += stack.own;
            }
            flame.own += stack.own;
        }
        root
    }
}

/// The flame graph as a picture: what is carried out within something else stands below it, as wide as the time that it
/// took. Waits for slots have a colour of their own.
pub(super) fn svg(stacks: &[ProfiledStack]) -> String {
    let root = Flame::of(stacks);
    let scale = (WIDTH - 2.0 * MARGIN) / root.all.as_secs_f64().max(f64::MIN_POSITIVE);
    let mut drawn = String::new();
    let mut deepest = 0;
    // Without calls that nest: rules may nest deep.
    let mut left = vec![(&root, MARGIN, 0_usize)];
    while let Some((flame, x, depth)) = left.pop() {
        let width = flame.all.as_secs_f64() * scale;
        if width < NARROWEST {
            continue;
        }
        deepest = deepest.max(depth);
        let y = MARGIN + depth as f64 * ROW;
        let share = 100.0 * flame.all.as_secs_f64() / root.all.as_secs_f64().max(f64::MIN_POSITIVE);
        let title = format!(
            "{}: {} ({share:.1}%), own {}",
            flame.name,
            precise(flame.all),
            precise(flame.own)
        );
        let colour = match (flame.waits, depth) {
            (true, _) => WAITS,
            (false, 0) => "#e5e7eb",
            (false, depth) => WORKS[depth % WORKS.len()],
        };
        let _ = writeln!(
            drawn,
            "<rect x=\"{x:.2}\" y=\"{y}\" width=\"{width:.2}\" height=\"{}\" fill=\"{colour}\"><title>{}</title></rect>",
            ROW - 1.0,
            escaped(&title)
        );
        let columns = ((width - 4.0) / COLUMN) as usize;
        if columns >= 3 {
            let name = cut(&Span::plain(flame.name.clone()), columns).text;
            let _ = writeln!(
                drawn,
                "<text x=\"{:.2}\" y=\"{}\" pointer-events=\"none\">{}</text>",
                x + 2.0,
                y + ROW - 5.0,
                escaped(&name)
            );
        }
        let mut x = x;
        for above in &flame.above {
            left.push((above, x, depth + 1));
            x += above.all.as_secs_f64() * scale;
        }
    }
    let height = 2.0 * MARGIN + (deepest as f64 + 2.0) * ROW;
    let legend = format!(
        "width: the time of all runs together, {}; yellow: waits for a slot",
        precise(root.all)
    );
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"monospace\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{drawn}\
         <text x=\"{MARGIN}\" y=\"{}\" fill=\"{GREY}\">{}</text>\n</svg>\n",
        height - MARGIN,
        escaped(&legend)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_digits() {
        let shown = |micros| precise(Duration::from_micros(micros));
        assert_eq!(
            [7, 1_500, 250_000, 1_250_000, 90_000_000].map(shown),
            ["7µs", "1.5ms", "250ms", "1.25s", "1m 30s"]
        );
    }
}
