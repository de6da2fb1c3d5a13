//! `cla sem audit`: who changed what.

use std::time::Duration;

use cla_runtime::semaphore::{AuditQuery, SemaphoreName};
use jiff::tz::TimeZone;

use super::{Failure, JsonArgs, Panel};
use crate::render;

/// Show who changed what: the commands that changed something, newest first
///
/// Each line has the time, who gave the command and through which program (sem, top, repl, panel, api, or
/// a rule), the command, the semaphore, the request and who asked with it, and what changed. The last
/// 10,000 commands are kept, for 90 days; in Redis those of each semaphore.
///
/// With --json: an array of entries, each with sequence (it only grows; in Redis within a semaphore), at
/// (seconds since 1970), actor (login, host, program; or null), command (set_slots, pin, unpin, grant,
/// cancel, move, purge, force_release, release, forget), semaphore, request, who, before and after (null if there was
/// no semaphore; else slots, pinned, busy, waiting, and the place of a request that was moved), and hits: how
/// many requests it granted, cancelled, moved or ended.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Only what concerns this semaphore; it need not be there any more
    name: Option<SemaphoreName>,
    /// Only what is no older than this, such as 30m or 7d
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
  cla sem audit
  cla sem audit deploy-target --since 1h
  cla sem audit --limit 10000 --json | jq '.[] | select(.actor.login == \"anna\")'";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    let mut query = AuditQuery::new().limit(args.limit);
    if let Some(name) = &args.name {
        query = query.semaphore(name.clone());
    }
    if let Some(age) = args.since {
        query = query.since(age);
    }
    let entries = panel.semaphores.audit(query).await?;
    if args.json.json {
        return super::print_json(&entries);
    }
    if entries.is_empty() {
        // Only JSON has this.
        anstream::eprintln!("no command has changed anything{}", panel.whose_past());
        return Ok(());
    }
    super::print(&render::audit(
        &entries,
        &TimeZone::system(),
        super::width(),
    ))
}
