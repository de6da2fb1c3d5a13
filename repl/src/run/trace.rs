//! What runs waited for and held, as files: the Chrome trace format, and a picture.

use cla_runtime::semaphore::printable;
use std::fmt::Write as _;
use std::time::Duration;

use cla_runtime::trace::TracedRun;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::lanes::{Lane, has_failed, lanes, moment, ticks, was_admitted};
use super::timeline::fitted;

/// The Chrome trace format: one thread for each run or fork, waiting and holding as complete events.
pub(super) fn chrome(runs: &[TracedRun]) -> String {
    let pid = std::process::id();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let mut events: Vec<Value> = Vec::new();
    for (tid, run) in (1..).zip(runs) {
        events.push(json!({
            "ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": run.name},
        }));
        events.push(json!({
            "ph": "X", "cat": "run", "name": run.name, "pid": pid, "tid": tid,
            "ts": micros(run.began), "dur": micros(run.ended.saturating_sub(run.began)),
            "args": {"id": run.id, "parent": run.parent, "ok": run.ok},
        }));
        for region in &run.regions {
            let asked = run.began + region.asked;
            let mut event = |category: &str, name: String, from: Duration, length: Duration| {
                events.push(json!({
                    "ph": "X", "cat": category, "name": name, "pid": pid, "tid": tid,
                    "ts": micros(from), "dur": micros(length), "args": region,
                }));
            };
            if region.waited > Duration::ZERO {
                let name = format!("wait for {}", region.semaphore);
                event("wait", name, asked, region.waited);
            }
            if region.held > Duration::ZERO {
                let name = region.semaphore.to_string();
                event("hold", name, asked + region.waited, region.held);
            }
        }
    }
    json!({"traceEvents": events, "displayTimeUnit": "ms"}).to_string() + "\n"
}

/// A row's height, the chart's width, and what surrounds both, in pixels.
const ROW: usize = 22;
const CHART: usize = 900;
const MARGIN: usize = 10;

/// A column of text, in pixels: the font is one of fixed width.
pub(super) const COLUMN: f64 = 7.3;

/// The widest that names of runs and of semaphores may be, in columns.
const MOST_NAME: usize = 60;
const MOST_SEMAPHORE: usize = 40;

/// The most rows: browsers draw no more in a time that anybody waits.
const MOST_ROWS: usize = 5_000;

/// So many marks at most along the axis.
const MOST_TICKS: u32 = 10;

const RUNS: &str = "#e5e7eb";
pub(super) const WAITS: &str = "#fbbf24";
const HOLDS: &str = "#16a34a";
const FAILS: &str = "#dc2626";
const PALE_FAILS: &str = "#fca5a5";
pub(super) const GREY: &str = "#6b7280";
const GRID: &str = "#d1d5db";

/// A picture: a row for each semaphore of each run or fork, with what became of a stay where the pointer rests.
pub(super) fn svg(runs: &[TracedRun]) -> String {
    let all = lanes(runs);
    let shown = &all[..all.len().min(MOST_ROWS)];
    Picture::new(runs, shown).draw(shown, all.len() - shown.len())
}

struct Picture {
    text: String,
    end: Duration,
    /// Where the names of the semaphores begin, and the chart, in pixels.
    semaphores: f64,
    chart: f64,
}

impl Picture {
    fn new(runs: &[TracedRun], lanes: &[Lane<'_>]) -> Self {
        let end = runs.iter().map(|run| run.ended).max().unwrap_or_default();
        let widest = |width: Option<usize>, most: usize| {
            width.unwrap_or(0).min(most) as f64 * COLUMN + MARGIN as f64
        };
        let width_of = |text: &str| printable(text).width();
        let names = runs.iter().map(|run| width_of(&run.name)).max();
        let known = lanes.iter().filter_map(|lane| lane.semaphore);
        let known = known.map(|name| width_of(name.as_str())).max();
        let semaphores = MARGIN as f64 + widest(names, MOST_NAME);
        Self {
            text: String::new(),
            end: end.max(Duration::from_micros(1)),
            semaphores,
            chart: semaphores + widest(known, MOST_SEMAPHORE),
        }
    }

    fn x(&self, time: Duration) -> f64 {
        self.chart + CHART as f64 * time.as_secs_f64() / self.end.as_secs_f64()
    }

    fn bar(&mut self, row: usize, from: Duration, to: Duration, colour: &str, title: &str) {
        let (left, right) = (self.x(from), self.x(to));
        let _ = writeln!(
            self.text,
            "<rect x=\"{left:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" fill=\"{colour}\"><title>{}</title></rect>",
            row * ROW + 4,
            (right - left).max(0.5),
            ROW - 6,
            escaped(title)
        );
    }

    fn words(&mut self, x: f64, y: usize, colour: &str, words: &str) {
        let words = escaped(words);
        let _ = writeln!(
            self.text,
            "<text x=\"{x:.1}\" y=\"{y}\" fill=\"{colour}\">{words}</text>"
        );
    }

    fn draw(mut self, lanes: &[Lane<'_>], left_out: usize) -> String {
        let bottom = lanes.len() * ROW;
        self.axis(bottom);
        for (row, lane) in lanes.iter().enumerate() {
            self.row(row, lane);
        }
        if left_out > 0 {
            let words = format!("… and {left_out} more");
            self.words(MARGIN as f64, bottom + ROW - 7, GREY, &words);
        }
        self.legend(bottom + 2 * ROW);
        let (width, height) = (self.chart as usize + CHART + MARGIN, bottom + 3 * ROW);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             font-family=\"monospace\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{}</svg>\n",
            self.text
        )
    }

    /// Lines behind the rows, and the moments below them.
    fn axis(&mut self, bottom: usize) {
        let ticks = ticks(self.end, MOST_TICKS);
        let step = ticks.get(1).copied().unwrap_or(self.end);
        for tick in ticks {
            let x = self.x(tick);
            let _ = writeln!(
                self.text,
                "<line x1=\"{x:.1}\" y1=\"0\" x2=\"{x:.1}\" y2=\"{}\" stroke=\"{GRID}\"/>",
                bottom + 4
            );
            // The last one has its place to the left of its line.
            if x + 60.0 < self.chart + CHART as f64 {
                self.words(x + 3.0, bottom + ROW - 7, GREY, &moment(tick, step));
            }
        }
    }

    fn row(&mut self, row: usize, lane: &Lane<'_>) {
        let run = lane.run;
        let y = row * ROW + ROW - 7;
        if lane.is_first {
            let colour = if run.ok { "black" } else { FAILS };
            let name = fitted(&run.name, run.name.width().min(MOST_NAME));
            self.words(MARGIN as f64, y, colour, &name);
        }
        if let Some(semaphore) = lane.semaphore {
            let semaphore = semaphore.as_str();
            let semaphore = fitted(semaphore, semaphore.width().min(MOST_SEMAPHORE));
            self.words(self.semaphores, y, GREY, &semaphore);
        }
        self.bar(row, run.began, run.ended, RUNS, &run.name);
        for region in &lane.regions {
            let asked = run.began + region.asked;
            let admitted = asked + region.waited;
            let title = format!(
                "{} ({}): waited {:.3} s, held {:.3} s, {}",
                region.semaphore,
                region.who,
                region.waited.as_secs_f64(),
                region.held.as_secs_f64(),
                json!(region.outcome).as_str().unwrap_or_default()
            );
            let is_admitted = was_admitted(region);
            if region.waited > Duration::ZERO {
                let colour = if is_admitted { WAITS } else { PALE_FAILS };
                self.bar(row, asked, admitted, colour, &title);
            }
            if is_admitted {
                let colour = if has_failed(region) { FAILS } else { HOLDS };
                self.bar(row, admitted, admitted + region.held, colour, &title);
            }
        }
    }

    fn legend(&mut self, y: usize) {
        let mut x = self.chart;
        for (colour, words) in [
            (WAITS, "waits"),
            (HOLDS, "holds"),
            (RUNS, "runs"),
            (PALE_FAILS, "waits in vain"),
            (FAILS, "fails"),
        ] {
            let _ = writeln!(
                self.text,
                "<rect x=\"{x:.1}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{colour}\"/>",
                y - 10
            );
            self.words(x + 16.0, y, GREY, words);
            x += 16.0 + (words.len() + 2) as f64 * COLUMN;
        }
    }
}

/// A text as it stands in a picture.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}
