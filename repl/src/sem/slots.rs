//! `cla sem slots`: how many may be busy at once.

use cla_runtime::semaphore::{SemaphoreName, SlotsChange};

use super::{Failure, JsonArgs, Panel};
use crate::render;

/// Set how many may be busy at once
///
/// What is set here outranks what rules ask for ("pinned"), until `default` lets their number count again.
/// More slots let those who wait in at once, in their order. Fewer do not touch those who are busy. A
/// semaphore that is not there yet is created.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The semaphore
    name: SemaphoreName,
    /// A number; `unlimited` (or `inf`, `∞`); +N or -N: so many more or fewer; `default`
    ///
    /// `+` and `-` alone are +1 and -1. `-` at 0 is unlimited, `+` at unlimited is 0.
    #[arg(value_name = "SLOTS", allow_negative_numbers = true)]
    change: SlotsChange,
    #[command(flatten)]
    json: JsonArgs,
}

const EXAMPLES: &str = "\
Examples:
  cla sem slots deploy-target 3
  cla sem slots deploy-target +          one more
  cla sem slots deploy-target 0          lock it: everybody waits, who is busy ends in peace
  cla sem slots deploy-target unlimited  everybody may enter
  cla sem slots deploy-target default    as many as rules ask for";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    let name = &args.name;
    let semaphores = &panel.semaphores;
    let slots = match args.change {
        SlotsChange::To(slots) => {
            // The semaphore may be set up in advance, or its name may be misspelt.
            if semaphores.show(name).await?.is_none()
                && let Some(other) = panel.alike(name).await?
            {
                crate::exit::warn(&format_args!(
                    "\"{name}\" is new; if you meant \"{other}\", forget it: cla sem forget"
                ));
            }
            Some(slots)
        }
        relative => relative
            .of(panel.view(name).await?.slots)
            .map_err(|error| Failure::Usage(error.to_string()))?,
    };
    match slots {
        Some(slots) => semaphores.set_slots(name, slots).await?,
        None => semaphores.unpin(name).await?,
    }
    if args.json.json {
        return super::print_json(&panel.view(name).await?);
    }
    super::print(&[render::headline(&panel.view(name).await?)])
}
