//! `cla sem grant`: lets one request through.

use super::{Failure, JsonArgs, Panel};

/// Let a waiting request through at once, beside the slots
///
/// It takes no slot: those who wait behind it wait as before, and when it ends no slot frees.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The request: its id, or the beginning of it
    #[arg(value_parser = super::id_prefix)]
    id: String,
    #[command(flatten)]
    json: JsonArgs,
}

const EXAMPLES: &str = "\
Examples:
  cla sem list -v
  cla sem grant 3f2a";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    let found = panel.locate(&args.id).await?;
    panel.semaphores.grant(found.request.id).await?;
    let done = format!("granted {found}: it goes ahead at \"{}\"", found.name());
    panel.conclude(found.name(), &args.json, &done).await
}
