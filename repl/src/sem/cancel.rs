//! `cla sem cancel`: makes one request fail.

use super::{Failure, JsonArgs, Panel};

/// Make a waiting request fail with the error `Semaphore cancel`
///
/// Only a request that waits can be cancelled: its work has not begun. So this asks no questions.
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
  cla sem cancel 3f2a

When a resource is in trouble: lock it (`cla sem slots NAME 0`), then cancel who waits.";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    let found = panel.locate(&args.id).await?;
    panel.semaphores.cancel(found.request.id).await?;
    let done = format!(
        "cancelled {found}: it no longer waits for \"{}\"",
        found.name()
    );
    panel.conclude(found.name(), &args.json, &done).await
}
