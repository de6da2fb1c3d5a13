//! `cla sem forget`: removes a semaphore from the list.

use cla_runtime::semaphore::SemaphoreName;

use super::confirm::YesArgs;
use super::{Failure, JsonArgs, Panel};

/// Forget an idle semaphore, with the number of slots that was set for it
///
/// The next request for it creates it anew, as its code asks for. A semaphore with busy or waiting
/// requests cannot be forgotten. Asks first. --json prints the semaphore as it was.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The semaphore
    name: SemaphoreName,
    #[command(flatten)]
    yes: YesArgs,
    #[command(flatten)]
    json: JsonArgs,
}

const EXAMPLES: &str = "\
Examples:
  cla sem forget old-target
  cla sem forget old-target --yes";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    args.yes.askable()?;
    let view = panel.view(&args.name).await?;
    let slots = if view.pinned {
        ", and the number of slots that was set for it"
    } else {
        ""
    };
    args.yes
        .confirm(&format_args!("Forget \"{}\"{slots}?", view.name))?;
    panel.semaphores.forget(&args.name).await?;
    if args.json.json {
        return super::print_json(&view);
    }
    super::print(&[format!("forgot \"{}\"", args.name)])
}
