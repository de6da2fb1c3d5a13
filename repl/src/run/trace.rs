//! What runs waited for and held, as files: the Chrome trace format, and a picture.

use cla_runtime::semaphore::printable;
use std::fmt::Write as _;
use std::time::Duration;

use cla_runtime::trace::TracedRun;
use serde_json::{Value, json};

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

/// A row's height, and what surrounds the rows, in pixels.
const ROW: usize = 22;
const NAMES: usize = 240;
const CHART: usize = 900;
const MARGIN: usize = 10;

/// A picture: a row for each run or fork, with the region's name where the pointer rests.
pub(super) fn svg(runs: &[TracedRun]) -> String {
    let end = runs.iter().map(|run| run.ended).max().unwrap_or_default();
    let end = end.max(Duration::from_micros(1));
    let x = |time: Duration| {
        (NAMES + MARGIN) as f64 + CHART as f64 * time.as_secs_f64() / end.as_secs_f64()
    };
    let (width, height) = (NAMES + CHART + 2 * MARGIN, (runs.len() + 2) * ROW);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let mut bar = |row: usize, from: Duration, to: Duration, colour: &str, title: &str| {
        let (left, right) = (x(from), x(to));
        let _ = writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" fill=\"{colour}\"><title>{}</title></rect>",
            row * ROW + 4,
            (right - left).max(0.5),
            ROW - 6,
            escaped(title)
        );
    };
    for (row, run) in runs.iter().enumerate() {
        bar(row, run.began, run.ended, "#e5e7eb", &run.name);
        for region in &run.regions {
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
            if region.waited > Duration::ZERO {
                bar(row, asked, admitted, "#fbbf24", &title);
            }
            if region.held > Duration::ZERO {
                bar(row, admitted, admitted + region.held, "#16a34a", &title);
            }
        }
    }
    for (row, run) in runs.iter().enumerate() {
        let _ = writeln!(
            svg,
            "<text x=\"{MARGIN}\" y=\"{}\">{}</text>",
            row * ROW + ROW - 7,
            escaped(&run.name)
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" fill=\"#6b7280\">0 to {:.3} s; yellow waits, green holds</text>\n</svg>",
        NAMES + MARGIN,
        (runs.len() + 1) * ROW,
        end.as_secs_f64()
    );
    svg
}

fn escaped(text: &str) -> String {
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
