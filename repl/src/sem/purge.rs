//! `cla sem purge`: empties a semaphore.

use cla_runtime::semaphore::SemaphoreName;

use super::confirm::YesArgs;
use super::{Failure, JsonArgs, Panel, counted};

/// Free every slot and let everybody in at once
///
/// Those who are busy lose their permits, although their work goes on; those who wait are granted. Use it
/// only to clear a line at any cost. Asks first.
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
  cla sem purge deploy-target
  cla sem purge deploy-target --yes --json";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    args.yes.askable()?;
    let view = panel.view(&args.name).await?;
    args.yes.confirm(&format_args!(
        "Purge \"{}\"? {} busy would lose their permits while they still work, and {} waiting would \
         all be let in at once.",
        view.name, view.busy, view.waiting
    ))?;
    let purged = panel.semaphores.purge(&args.name).await?;
    let done = format!("purged \"{}\": {}", args.name, counted(purged, "request"));
    panel.conclude(&args.name, &args.json, &done).await
}
