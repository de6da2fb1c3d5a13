//! `/metrics`: how the service, its semaphores and its runs are (Prometheus text format).
//!
//! Waits and holds are measured by the store's events, so those of every program that shares the store count, for as long
//! as this service listens.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cla_runtime::semaphore::{Event, EventKind, RequestId, SemaphoreName, SemaphoreView, Slots};
use parking_lot::Mutex;

use crate::alerts::Kind;
use crate::declared::Declared;

/// The upper ends of the buckets of lengths of time, in seconds: from a hand-over to a night's work.
const BUCKETS: [f64; 12] = [
    0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0,
];

/// At most so many semaphores and rules have labels of their own; further ones count under [`OTHERS`].
const MOST_NAMES: usize = 1000;

/// The name under which all others count.
const OTHERS: &str = "(others)";

/// The most requests that are followed at once.
const MOST_REQUESTS: usize = 100_000;

/// Values that are measured at this moment, and not counted over time.
pub(crate) struct Now<'s> {
    pub(crate) declared: &'s Declared,
    /// All semaphores, if the store answers.
    pub(crate) views: Option<&'s [SemaphoreView]>,
    /// How long the store took to list them.
    pub(crate) latency: Duration,
    /// How many alerts there were.
    pub(crate) alerts: Vec<((SemaphoreName, Kind), u64)>,
    /// Counts of the alerts that go to the webhook: sent, failed, dropped.
    pub(crate) deliveries: Vec<(&'static str, u64)>,
    /// How many runs go on.
    pub(crate) running: usize,
    /// How many leases clients have.
    pub(crate) leases: usize,
    /// How many clients watch.
    pub(crate) streams: usize,
}

/// What has been counted since the service started.
pub(crate) struct Metrics {
    started: SystemTime,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    semaphores: BTreeMap<String, OfSemaphore>,
    /// Since when a request waits or is busy, by the store's clock.
    requests: HashMap<RequestId, Since>,
    rules: BTreeMap<String, OfRule>,
    missed: u64,
}

#[derive(Default)]
struct OfSemaphore {
    events: BTreeMap<&'static str, u64>,
    waits: Histogram,
    holds: Histogram,
}

#[derive(Default)]
struct OfRule {
    ended: BTreeMap<String, u64>,
    took: Histogram,
}

#[derive(Clone, Copy)]
enum Since {
    Waiting(f64),
    Busy(f64),
}

#[derive(Clone, Default)]
struct Histogram {
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

impl Histogram {
    fn observe(&mut self, seconds: f64) {
        // A length of time is negative if the clock was set back. It counts as 0.
        let seconds = seconds.max(0.0);
        for (bucket, end) in self.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(seconds <= end);
        }
        self.count += 1;
        self.sum += seconds;
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            started: SystemTime::now(),
            counts: Mutex::default(),
        }
    }

    /// Something happened to a semaphore.
    pub(crate) fn observe(&self, event: &Event) {
        let counts = &mut *self.counts.lock();
        let of = entry(&mut counts.semaphores, event.semaphore.as_str());
        *of.events.entry(word(event.kind)).or_default() += 1;
        let Some(id) = event.request else { return };
        match event.kind {
            EventKind::Queued if counts.requests.len() < MOST_REQUESTS => {
                counts.requests.insert(id, Since::Waiting(event.at));
            }
            EventKind::Acquired | EventKind::Granted => {
                let waited = match counts.requests.get(&id) {
                    Some(Since::Waiting(since)) => event.at - since,
                    // The request found a free slot, or it began before the service listened.
                    _ => 0.0,
                };
                of.waits.observe(waited);
                if counts.requests.len() < MOST_REQUESTS || counts.requests.contains_key(&id) {
                    counts.requests.insert(id, Since::Busy(event.at));
                }
            }
            EventKind::Released
            | EventKind::Expired
            | EventKind::Killed
            | EventKind::Left
            | EventKind::Lost
            | EventKind::ForceReleased
            | EventKind::Purged
            | EventKind::Cancelled
            | EventKind::Deadlocked
            | EventKind::TimedOut
            | EventKind::Reacquired => {
                if let Some(Since::Busy(since)) = counts.requests.remove(&id) {
                    of.holds.observe(event.at - since);
                }
            }
            _ => {}
        }
    }

    /// Events were missed: since when requests wait and hold is not known any more.
    pub(crate) fn missed(&self) {
        let mut counts = self.counts.lock();
        counts.missed += 1;
        counts.requests.clear();
    }

    /// A run has ended.
    pub(crate) fn ended(&self, rule: &str, status: &str, took: Duration) {
        let counts = &mut *self.counts.lock();
        let of = entry(&mut counts.rules, rule);
        *of.ended.entry(status.to_owned()).or_default() += 1;
        of.took.observe(took.as_secs_f64());
    }

    /// All counts as text, together with the values of `now`.
    pub(crate) fn text(&self, now: &Now<'_>) -> String {
        let Now { views, latency, .. } = *now;
        let mut text = Text(String::with_capacity(16 * 1024));
        let up = f64::from(u8::from(views.is_some()));
        text.one("cla_store_up", "gauge", "Whether the store answers", up);
        let help = "How long the store took to list all semaphores";
        text.one(
            "cla_store_latency_seconds",
            "gauge",
            help,
            latency.as_secs_f64(),
        );
        if let Some(views) = views {
            let gauge = |text: &mut Text, name, help, value: &dyn Fn(&SemaphoreView) -> f64| {
                text.head(name, "gauge", help);
                for view in views {
                    let label = label("semaphore", view.name.as_str());
                    text.line(name, &label, value(view));
                }
            };
            gauge(
                &mut text,
                "cla_semaphore_slots",
                "How many may be busy at once",
                &|view| match view.slots {
                    Slots::Limited(slots) => f64::from(slots),
                    Slots::Unlimited => f64::INFINITY,
                },
            );
            gauge(
                &mut text,
                "cla_semaphore_busy",
                "Slots that are taken",
                &|view| view.busy as f64,
            );
            gauge(
                &mut text,
                "cla_semaphore_waiting",
                "Requests in line",
                &|view| view.waiting as f64,
            );
            gauge(
                &mut text,
                "cla_semaphore_overdue",
                "Requests in line for longer than the semaphore's declaration allows",
                &|view| now.declared.overdue(view).len() as f64,
            );
            gauge(
                &mut text,
                "cla_semaphore_overheld",
                "Requests that are busy for longer than the semaphore's declaration allows",
                &|view| now.declared.overheld(view).len() as f64,
            );
        }
        self.counts.lock().write(&mut text);
        let name = "cla_alerts_total";
        text.head(
            name,
            "counter",
            "Requests that waited or were busy for too long",
        );
        for ((semaphore, kind), count) in &now.alerts {
            let kind = label("kind", kind.as_str());
            let labels = format!("{},{kind}", label("semaphore", semaphore.as_str()));
            text.line(name, &labels, *count as f64);
        }
        let name = "cla_alert_webhook_total";
        text.head(name, "counter", "Alerts that go to the webhook, by outcome");
        for (outcome, count) in &now.deliveries {
            text.line(name, &label("outcome", outcome), *count as f64);
        }
        let running = now.running;
        text.one(
            "cla_runs_running",
            "gauge",
            "Runs that go on",
            running as f64,
        );
        let leases = now.leases as f64;
        text.one("cla_leases", "gauge", "Leases that clients have", leases);
        let streams = now.streams as f64;
        text.one("cla_event_streams", "gauge", "Clients that watch", streams);
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        let help = "When the service started, since the Unix epoch";
        text.one(
            "process_start_time_seconds",
            "gauge",
            help,
            started.as_secs_f64(),
        );
        process(&mut text);
        text.0
    }
}

/// The counts of this name, or of all others where there are too many.
fn entry<'m, T: Default>(map: &'m mut BTreeMap<String, T>, name: &str) -> &'m mut T {
    let name = if map.len() < MOST_NAMES || map.contains_key(name) {
        name
    } else {
        OTHERS
    };
    map.entry(name.to_owned()).or_default()
}

impl Counts {
    fn write(&self, text: &mut Text) {
        let name = "cla_semaphore_events_total";
        text.head(
            name,
            "counter",
            "What happened: grants, cancels, hand-overs, ...",
        );
        for (semaphore, of) in &self.semaphores {
            for (kind, count) in &of.events {
                let labels = format!("{},{}", label("semaphore", semaphore), label("kind", kind));
                text.line(name, &labels, *count as f64);
            }
        }
        let name = "cla_semaphore_wait_seconds";
        text.head(
            name,
            "histogram",
            "How long requests waited that were let in",
        );
        for (semaphore, of) in &self.semaphores {
            text.histogram(name, &label("semaphore", semaphore), &of.waits);
        }
        let name = "cla_semaphore_hold_seconds";
        text.head(name, "histogram", "How long requests were busy");
        for (semaphore, of) in &self.semaphores {
            text.histogram(name, &label("semaphore", semaphore), &of.holds);
        }
        let help = "How often events of the store were missed";
        text.one(
            "cla_events_missed_total",
            "counter",
            help,
            self.missed as f64,
        );
        let name = "cla_runs_total";
        text.head(name, "counter", "Runs that have ended");
        for (rule, of) in &self.rules {
            for (status, count) in &of.ended {
                let labels = format!("{},{}", label("rule", rule), label("status", status));
                text.line(name, &labels, *count as f64);
            }
        }
        let name = "cla_run_seconds";
        text.head(name, "histogram", "How long runs took, waiting included");
        for (rule, of) in &self.rules {
            text.histogram(name, &label("rule", rule), &of.took);
        }
    }
}

/// The text, as it grows. Writing to it does not fail.
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.head(name, kind, help);
        self.line(name, "", value);
    }

    fn line(&mut self, name: &str, labels: &str, value: f64) {
        let value = Number(value);
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }

    fn histogram(&mut self, name: &str, labels: &str, histogram: &Histogram) {
        let bucket = format!("{name}_bucket");
        for (count, end) in histogram.buckets.iter().zip(BUCKETS) {
            self.line(&bucket, &format!("{labels},le=\"{end}\""), *count as f64);
        }
        self.line(
            &bucket,
            &format!("{labels},le=\"+Inf\""),
            histogram.count as f64,
        );
        self.line(&format!("{name}_sum"), labels, histogram.sum);
        self.line(&format!("{name}_count"), labels, histogram.count as f64);
    }
}

/// A number as the format has it.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            number => std::fmt::Display::fmt(&number, f),
        }
    }
}

/// A label with its value, escaped.
fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{name}=\"{}\"", value.replace('\n', "\\n"))
}

/// A kind of event, as JSON names it.
fn word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Created => "created",
        EventKind::Queued => "queued",
        EventKind::Acquired => "acquired",
        EventKind::Granted => "granted",
        EventKind::Reacquired => "reacquired",
        EventKind::Released => "released",
        EventKind::Expired => "expired",
        EventKind::Cancelled => "cancelled",
        EventKind::Deadlocked => "deadlocked",
        EventKind::TimedOut => "timed_out",
        EventKind::Killed => "killed",
        EventKind::Left => "left",
        EventKind::Lost => "lost",
        EventKind::Refreshed => "refreshed",
        EventKind::Unresponsive => "unresponsive",
        EventKind::Responsive => "responsive",
        EventKind::ForceReleased => "force_released",
        EventKind::Purged => "purged",
        EventKind::Moved => "moved",
        EventKind::SlotsChanged => "slots_changed",
        EventKind::Pinned => "pinned",
        EventKind::Unpinned => "unpinned",
        EventKind::Forgotten => "forgotten",
        _ => "other",
    }
}

/// What the system says of this process in `/proc`, where that exists.
fn process(text: &mut Text) {
    /// The kernel shows times in this unit on every Linux of today.
    const TICKS: f64 = 100.0;
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return;
    };
    // The name of the program may hold anything, and ends with the last parenthesis.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<f64> = fields
        .split_whitespace()
        .map(|f| f.parse().unwrap_or(0.0))
        .collect();
    let field = |at: usize| fields.get(at).copied().unwrap_or_default();
    let cpu = (field(11) + field(12)) / TICKS;
    text.one(
        "process_cpu_seconds_total",
        "counter",
        "Time of processors",
        cpu,
    );
    text.one("process_threads", "gauge", "Threads", field(17));
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident =
            resident.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        let help = "Memory in use";
        let bytes = resident.unwrap_or_default() * 1024.0;
        text.one("process_resident_memory_bytes", "gauge", help, bytes);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        text.one(
            "process_open_fds",
            "gauge",
            "Open files",
            open.count() as f64,
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use serde_json::json;

    use super::*;

    fn event(kind: EventKind, request: u128, at: f64) -> Event {
        serde_json::from_value(json!({
            "kind": kind, "semaphore": "a\"b\\c", "request": RequestId::from_u128(request), "who": null,
            "run": null, "busy": 0, "waiting": 0, "slots": 1, "at": at,
        }))
        .unwrap()
    }

    #[test]
    fn waits_and_holds_are_measured_by_the_events() {
        let metrics = Metrics::new();
        for (kind, request, at) in [
            (EventKind::Acquired, 1, 10.0),
            (EventKind::Queued, 2, 11.0),
            (EventKind::Released, 1, 14.0),
            (EventKind::Acquired, 2, 14.0),
            (EventKind::Queued, 3, 14.0),
            (EventKind::Cancelled, 3, 15.0),
            (EventKind::Released, 2, 14.5),
        ] {
            metrics.observe(&event(kind, request, at));
        }
        let mut text = Text(String::new());
        metrics.counts.lock().write(&mut text);
        let label = r#"semaphore="a\"b\\c""#;
        for line in [
            format!("cla_semaphore_wait_seconds_sum{{{label}}} 3\n"),
            format!("cla_semaphore_wait_seconds_count{{{label}}} 2\n"),
            format!("cla_semaphore_wait_seconds_bucket{{{label},le=\"0.001\"}} 1\n"),
            format!("cla_semaphore_wait_seconds_bucket{{{label},le=\"+Inf\"}} 2\n"),
            format!("cla_semaphore_hold_seconds_sum{{{label}}} 4.5\n"),
            format!("cla_semaphore_events_total{{{label},kind=\"cancelled\"}} 1\n"),
        ] {
            assert!(text.0.contains(&line), "{line} in {}", text.0);
        }
        assert!(metrics.counts.lock().requests.is_empty());
    }

    #[test]
    fn the_names_that_are_told_apart_are_bounded() {
        let metrics = Metrics::new();
        for n in 0..2000 {
            metrics.ended(&format!("{n}.js"), "ok", Duration::ZERO);
        }
        let counts = metrics.counts.lock();
        assert_eq!(counts.rules.len(), MOST_NAMES + 1);
        assert_eq!(counts.rules[OTHERS].took.count, 1000);
    }
}
