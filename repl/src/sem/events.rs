//! `cla sem events`: what happens, as it happens.

use cla_runtime::semaphore::{Event, EventsError, SemaphoreName, printable};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Failure, Panel};
use crate::render::{self, Line, Span};
use crate::signals::Signals;

/// Print what happens to semaphores, as it happens, until Ctrl-C
///
/// Each line has the time, what happened, the semaphore, the request's id and who asks, and how many
/// are busy and wait right after it. When events were missed because they were not read in time, a line says how many,
/// and since when; `cla sem history` shows the requests that ended meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Only what happens to this semaphore; it need not be there yet
    name: Option<SemaphoreName>,
    /// Print one JSON object per event
    ///
    /// Its fields: kind (created, queued, acquired, granted, reacquired, released, expired, cancelled,
    /// deadlocked, timed_out, killed, lost, refreshed, unresponsive (its run does not answer), responsive (it
    /// answers again), force_released, purged, moved, slots_changed, pinned, unpinned, forgotten), semaphore, request, who, run, busy, waiting, slots, at (seconds since
    /// 1970), by (the administrator who did it: login, host, program; or null), sequence (a number that grows
    /// by one from event to event of this command). {"missed":N,"since":T} says that N events were missed (null: it is not known
    /// how many) after that time.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  cla sem events
  cla sem events deploy-target
  cla sem events --json | jq 'select(.kind == \"killed\")'";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let mut events = panel.semaphores.subscribe();
    // A subscription does not fail. This question reports a store that is not there at once.
    panel.semaphores.list().await?;
    let zone = TimeZone::system();
    // The time of the last event that was read, or of the start.
    let mut read_until = Timestamp::now().as_millisecond() as f64 / 1e3;
    loop {
        super::written(&mut signals).await?;
        let next = tokio::select! {
            biased;
            signal = signals.next() => return Err(signal.into()),
            next = events.recv() => next,
        };
        match next {
            Ok(event) => {
                read_until = event.at;
                let wanted = args.name.as_ref();
                if wanted.is_none_or(|name| *name == event.semaphore) {
                    happened(&event, args.json, &zone)?;
                }
            }
            Err(EventsError::Missed(count)) => missed(count, read_until, args, &zone)?,
            Err(error @ EventsError::Closed) => return Err(Failure::Refused(error.to_string())),
        }
    }
}

fn happened(event: &Event, json: bool, zone: &TimeZone) -> Result<(), Failure> {
    if json {
        super::print_json(event)
    } else {
        super::print(&[render::event(event, zone)])
    }
}

/// Says how many events were missed, and where to read how the requests ended.
fn missed(count: u64, since: f64, args: &Args, zone: &TimeZone) -> Result<(), Failure> {
    if args.json {
        let count = Some(count).filter(|count| *count > 0);
        return super::print_json(&serde_json::json!({ "missed": count, "since": since }));
    }
    let error = EventsError::Missed(count);
    let since = render::time_of_day(since, zone);
    let name = args.name.as_ref().map_or("NAME", SemaphoreName::as_str);
    let name = printable(name);
    let text = format!("{error}, after {since}; what ended meanwhile: cla sem history {name}");
    super::print(&[Line(vec![Span::new(text, render::RED)])])
}
