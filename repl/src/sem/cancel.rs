//! `cla sem cancel`: makes requests fail that wait.

use std::collections::BTreeSet;

use cla_runtime::semaphore::{AdminError, SemaphoreName};

use super::confirm::YesArgs;
use super::{Failure, JsonArgs, Panel, counted, print, print_json};

/// Make waiting requests fail with the error `Semaphore cancel`
///
/// Only a request that waits can be cancelled: its work has not begun. So this asks no questions, except for all that
/// wait.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The requests: their ids, or the beginnings of them
    #[arg(value_name = "ID", value_parser = super::id_prefix, required_unless_present = "all")]
    ids: Vec<String>,
    /// All that wait at this semaphore
    #[arg(long, value_name = "NAME", conflicts_with = "ids")]
    all: Option<SemaphoreName>,
    #[command(flatten)]
    yes: YesArgs,
    #[command(flatten)]
    json: JsonArgs,
}

const EXAMPLES: &str = "\
Examples:
  cla sem list -v
  cla sem cancel 3f2a
  cla sem cancel 3f2a 91c0
  cla sem cancel --all deploy-target

With --json and several ids, what is printed is an array of the semaphores.

When a resource is in trouble: lock it (`cla sem slots NAME 0`), then cancel who waits.";

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<(), Failure> {
    match (&args.all, args.ids.as_slice()) {
        (Some(name), _) => all(panel, name, args).await,
        (None, [id]) => {
            let (name, done) = one(panel, id).await?;
            panel.conclude(&name, &args.json, &done).await
        }
        (None, ids) => several(panel, ids, args).await,
    }
}

async fn one(panel: &Panel, id: &str) -> Result<(SemaphoreName, String), Failure> {
    let found = panel.locate(id).await?;
    panel.semaphores.cancel(found.request.id).await?;
    let name = found.name().clone();
    let done = format!("cancelled {found}: it no longer waits for \"{name}\"");
    Ok((name, done))
}

/// Each is tried; the first error is the one that is reported in the end.
async fn several(panel: &Panel, ids: &[String], args: &Args) -> Result<(), Failure> {
    let (mut names, mut failed) = (BTreeSet::new(), None);
    for id in ids {
        match one(panel, id).await {
            Ok((name, done)) => {
                names.insert(name);
                if !args.json.json {
                    print(&[cla_runtime::semaphore::printable(&done)])?;
                }
            }
            Err(error) => {
                failed.get_or_insert(error);
            }
        }
    }
    if args.json.json {
        let mut views = Vec::new();
        for name in &names {
            views.push(panel.view(name).await?);
        }
        print_json(&views)?;
    }
    failed.map_or(Ok(()), Err)
}

async fn all(panel: &Panel, name: &SemaphoreName, args: &Args) -> Result<(), Failure> {
    args.yes.askable()?;
    let view = panel.view(name).await?;
    if view.waiting > 0 {
        args.yes.confirm(&format_args!(
            "Cancel all that wait at \"{name}\"? {} would fail.",
            counted(view.waiting, "request")
        ))?;
    }
    // Requests that came after the count stay.
    let mut cancelled = 0;
    for request in view
        .requests
        .iter()
        .filter(|request| request.place.is_some())
    {
        match panel.semaphores.cancel(request.id).await {
            Ok(()) => cancelled += 1,
            // The request was admitted, or left, in the meantime.
            Err(AdminError::NotWaiting { .. } | AdminError::UnknownRequest { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let done = format!("cancelled {} at \"{name}\"", counted(cancelled, "request"));
    panel.conclude(name, &args.json, &done).await
}
