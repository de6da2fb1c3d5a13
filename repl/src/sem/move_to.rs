//! `cla sem move`: changes a request's place in line.

use cla_runtime::semaphore::PlaceChange;

use super::{Failure, JsonArgs, Panel};

/// Move a waiting request to another place in line
///
/// It is then served with those around it; its priority does not count any more.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The request: its id, or the beginning of it
    #[arg(value_parser = super::id_prefix)]
    id: String,
    /// A number, 1 is next; or `up`, `down`, `first`, `last`
    place: PlaceChange,
    #[command(flatten)]
    json: JsonArgs,
}

const EXAMPLES: &str = "\
Examples:
  cla sem move 3f2a first
  cla sem move 3f2a down
  cla sem move 3f2a 5";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    let found = panel.locate(&args.id).await?;
    // A request that does not wait has no place. The store answers with that error.
    let from = found.request.place.unwrap_or(1);
    let to = args.place.of(from, found.view.waiting);
    panel.semaphores.move_to(found.request.id, to).await?;
    let done = format!(
        "moved {found} from place {from} to {to} in the line for \"{}\"",
        found.name()
    );
    panel.conclude(found.name(), &args.json, &done).await
}
