//! Compares what was seen of a case with its bounds.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::corpus::{Case, LATE};

/// What the machine adds to every time, and what is allowed for that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    /// How long the program takes for a rule that does nothing.
    pub(crate) startup: Duration,
    /// What is added to a bound on an end: 100 ms by the promise, more where others use the processors too.
    pub(crate) margin: Duration,
    /// What is added to a bound on lateness.
    pub(crate) jitter: Duration,
    /// How much slower than the one on which worst times were measured the machine may be, or others make it.
    pub(crate) slower: u32,
}

impl Machine {
    pub(crate) fn measure(program: &Path, strict: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("nothing.js"), "1").unwrap();
        let once = || {
            let began = Instant::now();
            let status = Command::new(program)
                .args(["run", "nothing.js"])
                .current_dir(folder.path())
                .env("CLA_HOME", folder.path())
                .stdin(Stdio::null())
                .status()
                .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
            assert!(status.success(), "{} cannot run a rule", program.display());
            began.elapsed()
        };
        let mut times = [once(), once(), once(), once(), once()];
        times.sort();
        let startup = times[2];
        if strict {
            return Self {
                startup,
                margin: Duration::from_millis(100),
                jitter: Duration::ZERO,
                slower: 1,
            };
        }
        Self {
            startup,
            margin: Duration::from_millis(1000),
            jitter: Duration::from_millis(200),
            slower: 3,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            startup,
            margin,
            jitter,
            slower,
        } = self;
        write!(
            f,
            "start-up {startup:.0?}, allowed besides: {margin:?} to end, {jitter:?} of lateness, {slower} x for single calls"
        )
    }
}

/// How the process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Code(i32),
    Signal(i32),
    /// It ended with this exit code, although it should have gone on.
    Gone(i32),
    /// It went on after its bound and the patience of the test.
    TooLong,
    /// It took so much memory that the machine was in danger.
    TooMuch,
}

/// What was seen of a case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) end: Option<End>,
    /// How long it waited for a processor that others had.
    pub(crate) starved: Duration,
    /// How long the run took, without the start of the program.
    pub(crate) took: Duration,
    /// The most resident memory, in MiB.
    pub(crate) peak: u64,
    /// The worst lateness of the neighbour's timers; none without a neighbour.
    pub(crate) late: Option<Duration>,
    /// When the waiter got the slot, on the same clock as `took`; none if it did not.
    pub(crate) slot: Option<Duration>,
    /// The report's status, and its value or error.
    pub(crate) status: Option<String>,
    pub(crate) value: Option<Value>,
    /// What was printed and said.
    pub(crate) said: String,
}

/// A bound that did not hold.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) what: String,
    /// Whether a busy machine may be the reason.
    pub(crate) by_time: bool,
}

impl Broken {
    /// It left something behind.
    pub(crate) fn left(what: &str) -> Self {
        Self {
            what: format!("it left something behind: {what}"),
            by_time: false,
        }
    }
}

/// The bounds that did not hold.
pub(crate) fn broken(case: &Case, seen: &Seen, machine: &Machine) -> Vec<Broken> {
    let bounds = &case.bounds;
    let mut broken = Vec::new();
    let mut add = |by_time: bool, what: String| broken.push(Broken { what, by_time });
    match &seen.end {
        Some(End::Code(0 | 1)) => {}
        Some(End::Code(code)) => add(false, format!("the program ended with exit code {code}")),
        Some(End::Signal(signal)) => add(
            false,
            format!("the program was ended by {}", signal_name(*signal)),
        ),
        Some(End::Gone(code)) => add(
            false,
            format!("the program went away with exit code {code}"),
        ),
        Some(End::TooLong) => add(
            true,
            format!("it went on and had to be killed after {}", ms(seen.took)),
        ),
        Some(End::TooMuch) => add(
            false,
            format!(
                "it had to be killed because the process had {} MiB",
                seen.peak
            ),
        ),
        None => add(false, "it did not end".to_owned()),
    }
    let ended = matches!(seen.end, Some(End::Code(_)));
    let margin = machine.margin + seen.starved;
    // A limit is a time on any machine; a worst time is that of a computation.
    let longest = |bound: Duration, plain: Duration| {
        if bound > plain {
            bound * machine.slower
        } else {
            bound
        }
    };
    let ends = longest(bounds.ends, bounds.last());
    let last = ends + margin;
    if ended && seen.took > last {
        add(
            true,
            format!(
                "it ended after {}, {} later than its bound of {} and the allowed {}",
                ms(seen.took),
                ms(seen.took - last),
                ms(ends),
                ms(margin)
            ),
        );
    }
    if ended && seen.peak > bounds.peak {
        add(
            false,
            format!(
                "the process had {} MiB, its bound is {}",
                seen.peak, bounds.peak
            ),
        );
    }
    if let Some(late) = seen.late {
        let jitter = machine.jitter + seen.starved;
        let bound = longest(bounds.late, LATE);
        let most = bound + jitter;
        if late > most {
            add(
                true,
                format!(
                    "a timer of the neighbour was {} late, {} more than its bound of {} and the allowed {}",
                    ms(late),
                    ms(late - most),
                    ms(bound),
                    ms(jitter)
                ),
            );
        }
    }
    if bounds.waiter && ended {
        match seen.slot {
            None => add(true, "its slot was not given to the waiter".to_owned()),
            Some(slot) if slot > last.max(seen.took + margin) => add(
                true,
                format!("the waiter got its slot after {} only", ms(slot)),
            ),
            Some(_) => {}
        }
    }
    if ended {
        match &seen.status {
            None => add(false, "there is no report of it".to_owned()),
            Some(status) if !bounds.status.is_empty() && !bounds.status.contains(status) => add(
                false,
                format!("its status is {status}, not {}", bounds.status.join(" or ")),
            ),
            Some(_) => {}
        }
        for text in &bounds.says {
            if !seen.said.contains(text.as_str()) && !value_text(seen).contains(text.as_str()) {
                add(false, format!("nothing says {text:?}"));
            }
        }
        for text in &bounds.never {
            if seen.said.contains(text.as_str()) {
                add(false, format!("it says {text:?}"));
            }
        }
    }
    if seen.status.as_deref() == Some("ok")
        && let Some(value) = &seen.value
    {
        if let Some(expected) = &bounds.value
            && expected != value
        {
            add(
                false,
                format!("its value is {}, not {expected}", short(value)),
            );
        }
        if bounds.value_not.contains(value) {
            add(false, format!("its value is {}", short(value)));
        }
    }
    broken
}

fn value_text(seen: &Seen) -> String {
    seen.value
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(200).collect()
}

/// Milliseconds, for people.
pub(crate) fn ms(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal)
        .map_or_else(|_| format!("signal {signal}"), |signal| signal.to_string())
}
