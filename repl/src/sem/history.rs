//! `cla sem history`: who held a semaphore, and who waited.

use std::time::Duration;

use cla_runtime::semaphore::{HistoryQuery, SemaphoreName};
use jiff::tz::TimeZone;

use super::{Failure, JsonArgs, Panel};
use crate::render;

/// Show who held a semaphore and who waited for it, for how long, and how that ended
///
/// Each line is a request that ended, the newest first; those that are busy or wait are in `cla sem show`.
/// The last 1,000 of a semaphore are kept, for 7 days, as long as the store knows the semaphore: it forgets
/// one that was not used for long (in Redis, for a day).
///
/// With --json: an array of requests as in `cla sem show --json`; by is the administrator (login, host,
/// program) who granted, cancelled, moved or ended it, or null.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The semaphore
    name: SemaphoreName,
    /// Only what ended no longer ago than this, such as 30m or 2d
    #[arg(long, value_name = "AGE", value_parser = crate::durations::age)]
    since: Option<Duration>,
    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    #[command(flatten)]
    json: JsonArgs,
}

const EXAMPLES: &str = "\
Examples:
  cla sem history deploy-target
  cla sem history deploy-target --since 1h
  cla sem history deploy-target --limit 1000 --json | jq 'map(.waited) | max'";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    let mut query = HistoryQuery::new().limit(args.limit);
    if let Some(age) = args.since {
        query = query.since(age);
    }
    let ended = panel.semaphores.history(&args.name, query).await?;
    if ended.is_empty() {
        // A semaphore that is not there was misspelt or forgotten.
        panel.view(&args.name).await?;
    }
    if args.json.json {
        return super::print_json(&ended);
    }
    if ended.is_empty() {
        anstream::eprintln!(
            "no request for \"{}\" has ended{}",
            args.name,
            panel.whose_past()
        );
        return Ok(());
    }
    super::print(&render::history(
        &ended,
        &TimeZone::system(),
        super::width(),
    ))
}
