//! `cla sem wait`: waits until a semaphore is idle.

use std::time::Duration;

use cla_runtime::semaphore::{Events, SemaphoreName, SemaphoreView, Status};

use super::{Failure, JsonArgs, Panel};
use crate::signals::Signals;

/// How often to look at the semaphore, in case an event was missed.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

/// Wait until no request is busy at a semaphore and none waits for it
///
/// It takes no slot and joins no line; to do something while no one else does, use `cla sem exec`. Granted
/// requests count as busy. A semaphore that is not there is idle, and a message says so.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The semaphore
    name: SemaphoreName,
    /// Wait no longer than this, and exit with 75 then: 30s, 5m, 0 to look only once
    #[arg(long, value_name = "DURATION", value_parser = crate::durations::patience, allow_negative_numbers = true)]
    timeout: Option<Duration>,
    /// Say nothing while it waits. Without this, somebody at a terminal sees after a second who holds the semaphore
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    json: JsonArgs,
}

const EXAMPLES: &str = "\
Examples:
  cla sem slots deploy-target 0 && cla sem wait deploy-target    close it, and wait for the last one
  cla sem wait deploy-target --timeout 5m || echo 'still in use'

The first example waits for those in line, too: cancel them, or open the semaphore again.";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let timeout = async {
        match args.timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let once = args.timeout.is_some_and(|timeout| timeout.is_zero());
    let idle = idle(panel, &args.name, once);
    let idle = crate::waiting::noticed(&panel.semaphores, &args.name, args.quiet, idle);
    let view = tokio::select! {
        biased;
        signal = signals.next() => return Err(signal.into()),
        view = idle => view?,
        () = timeout => return Err(still_in_use(panel, args).await),
    };
    match (view, args.json.json) {
        (Some(view), true) => super::print_json(&view)?,
        (Some(_), false) => {}
        (None, json) => {
            crate::exit::warn(&panel.unknown(&args.name).await?);
            if json {
                super::print_json(&serde_json::Value::Null)?;
            }
        }
    }
    super::written(&mut signals).await
}

/// Ends when the semaphore is idle, with what is to be seen of it then.
///
/// When it is to look `once`, it fails instead of waiting.
async fn idle(
    panel: &Panel,
    name: &SemaphoreName,
    once: bool,
) -> Result<Option<SemaphoreView>, Failure> {
    // Before the first look, so that no event in between is missed.
    let mut events = panel.semaphores.subscribe();
    loop {
        let view = panel.semaphores.show(name).await?;
        if view.as_ref().is_none_or(is_idle) {
            return Ok(view);
        }
        if once {
            return Err(Failure::TimedOut(in_use(name, view.as_ref())));
        }
        // A timeout is a reason to look, too.
        let _ = tokio::time::timeout(LOOK_ANYWAY, may_be_idle(name, &mut events)).await;
    }
}

fn is_idle(view: &SemaphoreView) -> bool {
    let live = |status| matches!(status, Status::Busy | Status::Waiting);
    // Those who were granted take no slot: they are not in `busy`.
    !view.requests.iter().any(|request| live(request.status))
}

/// Ends when the semaphore has become idle, but for those who were granted, or may have.
///
/// An event's counts save a look at the whole line at every step of it.
async fn may_be_idle(name: &SemaphoreName, events: &mut Events) {
    use cla_runtime::semaphore::EventsError::{Closed, Missed};
    loop {
        match events.recv().await {
            Ok(event) => {
                if event.semaphore == *name && event.busy == 0 && event.waiting == 0 {
                    return;
                }
            }
            Err(Missed(_)) => return,
            Err(Closed) => return std::future::pending().await,
        }
    }
}

/// Says which requests are left. The time is up, so this does not wait for a slow store.
async fn still_in_use(panel: &Panel, args: &Args) -> Failure {
    let show = panel.semaphores.show(&args.name);
    let view = tokio::time::timeout(LOOK_ANYWAY, show).await;
    let view = view.ok().and_then(Result::ok).flatten();
    Failure::TimedOut(in_use(&args.name, view.as_ref()))
}

fn in_use(name: &SemaphoreName, view: Option<&SemaphoreView>) -> String {
    let counts = view.map_or_else(String::new, |view| {
        let live = |status| view.requests.iter().filter(|r| r.status == status).count();
        format!(
            " ({} busy, {} waiting)",
            live(Status::Busy),
            live(Status::Waiting)
        )
    });
    format!("semaphore \"{name}\" is still in use{counts}; see who it is with `cla sem show`")
}
