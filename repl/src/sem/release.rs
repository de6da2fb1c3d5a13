//! `cla sem release`: frees the slots of others.

use cla_runtime::semaphore::SemaphoreName;

use super::confirm::YesArgs;
use super::{Failure, JsonArgs, Panel, counted};

/// Free every slot by force; the line goes on in its order
///
/// Those who are busy lose their permits, although their work goes on: the next may enter beside them.
/// For slots whose holder is known to be stuck. Asks first.
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
  cla sem release deploy-target
  cla sem release deploy-target --yes";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    args.yes.askable()?;
    let view = panel.view(&args.name).await?;
    args.yes.confirm(&format_args!(
        "Release \"{}\" by force? {} busy would lose their permits while they still work.",
        view.name, view.busy
    ))?;
    let ended = panel.semaphores.force_release(&args.name).await?;
    let done = format!(
        "released {} of \"{}\" by force",
        counted(ended, "request"),
        args.name
    );
    panel.conclude(&args.name, &args.json, &done).await
}
