//! `cla sem list`: all semaphores.

use super::{Failure, JsonArgs, Panel};
use crate::render::{self, Line, ShortIds};

/// List all semaphores: slots, how many are busy, how many wait
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Show the requests at each of them, too
    #[arg(long = "requests", short = 'v', visible_alias = "verbose")]
    requests: bool,
    #[command(flatten)]
    json: JsonArgs,
}

const EXAMPLES: &str = "\
Examples:
  cla sem list
  cla sem list -v                            with everybody who is busy or waits
  cla sem list --json | jq '.[] | select(.waiting > 0) | .name'";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    let views = panel.semaphores.list().await?;
    if args.json.json {
        return super::print_json(&views);
    }
    if views.is_empty() {
        // Not for those who read the list.
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
