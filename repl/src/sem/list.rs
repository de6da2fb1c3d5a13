//! `cla sem list`: all semaphores.

use std::cmp::Reverse;

use cla_runtime::semaphore::SemaphoreView;

use super::{Failure, JsonArgs, Panel};
use crate::render::{self, Line, ShortIds};

/// List all semaphores: slots, how many are busy, how many wait
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Show the requests at each of them, too
    #[arg(long = "requests", short = 'v', visible_alias = "verbose")]
    requests: bool,
    /// Only those where a request is busy
    #[arg(long)]
    busy: bool,
    /// Only those where a request waits
    #[arg(long)]
    waiting: bool,
    /// The order of the list; the largest number, or the longest wait, comes first
    #[arg(long, value_enum, value_name = "BY", default_value = "name")]
    sort: Sort,
    #[command(flatten)]
    json: JsonArgs,
}

/// By what the list is ordered.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Sort {
    Name,
    Busy,
    Waiting,
    /// The longest wait of a request that still waits
    Longest,
}

impl Sort {
    /// Sorts semaphores that are in the order of their names.
    fn sort(self, views: &mut [SemaphoreView]) {
        match self {
            Self::Name => {}
            Self::Busy => views.sort_by_key(|view| Reverse(view.busy)),
            Self::Waiting => views.sort_by_key(|view| Reverse(view.waiting)),
            Self::Longest => views.sort_by(|a, b| longest_wait(b).total_cmp(&longest_wait(a))),
        }
    }
}

/// The longest wait at a semaphore, in seconds; less than 0 if no request waits.
fn longest_wait(view: &SemaphoreView) -> f64 {
    let waiting = view
        .requests
        .iter()
        .filter(|request| request.place.is_some());
    waiting.map(|request| request.waited).fold(-1.0, f64::max)
}

const EXAMPLES: &str = "\
Examples:
  cla sem list
  cla sem list -v                            with everybody who is busy or waits
  cla sem list --waiting --sort longest      where requests wait, the longest wait first
  cla sem list --json | jq '.[] | select(.waiting > 0) | .name'";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    let all = panel.semaphores.list().await?;
    let is_empty = all.is_empty();
    let is_wanted =
        |view: &SemaphoreView| (view.busy > 0 || !args.busy) && (view.waiting > 0 || !args.waiting);
    let mut views: Vec<_> = all.into_iter().filter(is_wanted).collect();
    args.sort.sort(&mut views);
    if args.json.json {
        return super::print_json(&views);
    }
    if views.is_empty() && !is_empty {
        anstream::eprintln!("no semaphore is like that");
        return Ok(());
    }
    if is_empty {
        // Only JSON has this.
        let whose = if panel.is_alone() {
            "; each process has its own in memory:"
        } else {
            ""
        };
        anstream::eprintln!(
            "there are no semaphores yet: the first request for one creates it{whose}"
        );
        return Ok(());
    }
    if !args.requests {
        return super::print(&render::overview(&views, super::width()));
    }
    let ids = ShortIds::of(&views);
    let mut lines = Vec::new();
    for view in &views {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.extend(super::describe(view, &ids));
    }
    super::print(&lines)
}
