//! `cla sem show`: one semaphore.

use cla_runtime::semaphore::SemaphoreName;

use super::{Failure, JsonArgs, Panel};
use crate::render::ShortIds;

/// Show one semaphore, who is busy, and who waits, in their order
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The semaphore
    name: SemaphoreName,
    #[command(flatten)]
    json: JsonArgs,
}

const EXAMPLES: &str = "\
Examples:
  cla sem show deploy-target
  cla sem show deploy-target --json | jq .waiting

Statuses:
  ○ waiting    for a slot
  ● busy       has a slot; `granted`: let through by an administrator, outside the slots
  ✓ done       ended as it should, a moment ago
  ■ cancelled  made to fail while it waited
  ◷ expired    lost its slot because its time to live passed
  ◷ timed out  waited as long as it was willing to
  ✗ killed     its process is gone";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    let view = panel.view(&args.name).await?;
    if args.json.json {
        return super::print_json(&view);
    }
    let mut views = panel.semaphores.list().await?;
    // An id is short among all requests of the store, so all of them are needed.
    views.push(view.clone());
    super::print(&super::describe(&view, &ShortIds::of(&views)))
}
