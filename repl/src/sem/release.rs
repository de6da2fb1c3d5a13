//! `cla sem release`: frees the slots of others.

use cla_runtime::semaphore::SemaphoreName;

use super::confirm::YesArgs;
use super::{Failure, JsonArgs, Panel, counted};

/// Free slots by force; the line goes on in its order
///
/// Those who are busy lose their permits, although their work goes on: the next may enter beside them. For slots whose
/// holder is known to be stuck. Asks first.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The semaphore, of which all slots are meant
    #[arg(required_unless_present = "request")]
    name: Option<SemaphoreName>,
    /// Only the slot of this busy request: its id, or the beginning of it
    #[arg(long, value_name = "ID", conflicts_with = "name", value_parser = super::id_prefix)]
    request: Option<String>,
    #[command(flatten)]
    yes: YesArgs,
    #[command(flatten)]
    json: JsonArgs,
}

const EXAMPLES: &str = "\
Examples:
  cla sem release deploy-target
  cla sem release deploy-target --yes
  cla sem release --request 3f2a";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    args.yes.askable()?;
    match (&args.name, &args.request) {
        (Some(name), _) => all(panel, name, args).await,
        (None, Some(id)) => one(panel, id, args).await,
        (None, None) => Ok(()),
    }
}

async fn all(panel: &Panel, name: &SemaphoreName, args: &Args) -> Result<(), Failure> {
    let view = panel.view(name).await?;
    args.yes.confirm(&format_args!(
        "Release \"{}\" by force? {} busy would lose their permits while they still work.",
        view.name, view.busy
    ))?;
    let ended = panel.semaphores.force_release(name).await?;
    let done = format!(
        "released {} of \"{name}\" by force",
        counted(ended, "request")
    );
    panel.conclude(name, &args.json, &done).await
}

async fn one(panel: &Panel, id: &str, args: &Args) -> Result<(), Failure> {
    let found = panel.locate(id).await?;
    let name = found.name().clone();
    args.yes.confirm(&format_args!(
        "Release {found} of \"{name}\" by force? It would lose its permit while it still works."
    ))?;
    panel.semaphores.release_request(found.request.id).await?;
    let done = format!("released {found} of \"{name}\" by force");
    panel.conclude(&name, &args.json, &done).await
}
