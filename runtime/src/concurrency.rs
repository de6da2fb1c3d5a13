//! Runs with one key, one after the other: a newcomer may take the place of who waits, or of who runs.
//!
//! The key is a semaphore with one slot, so the order is that of its line, in every store. A newcomer joins the line first, and
//! cancels those before it then: of two that come at once, the one behind stays. Who runs gives way by itself, as it sees
//! that others wait; nobody takes its slot away.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use cla_semaphore::{
    AcquireError, Actor, HistoryQuery, Owner, RunId, Semaphore, SemaphoreName, Semaphores, Status,
};
use parking_lot::Mutex;
use rquickjs::Ctx;
use tokio::task::JoinHandle;

use crate::control::Stop;
use crate::error::RuleError;
use crate::region::SemaphoreSpec;
use crate::region_span::RegionSpan;
use crate::run::Run;
use crate::slot_guard::SlotGuard;

/// How the program of a newcomer is called that cancels who waits.
const NEWCOMER: &str = "concurrency: ";

/// How often who runs looks whether others wait, and a newcomer whether it is in line.
const LOOK: Duration = Duration::from_millis(200);

/// Whose place a newcomer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// It waits behind all others.
    Nobody,
    /// Those that wait.
    Waiting,
    /// Those that wait, and the one that runs.
    Running,
}

/// Enters the region of a key, as [`enter`](crate::region::enter) does.
///
/// # Errors
///
/// The outer error is that of [`Run::acquire`]; the inner one says why there is no slot.
pub fn enter_key(
    ctx: &Ctx<'_>,
    run: &Rc<Run>,
    spec: &SemaphoreSpec,
    cancel: Cancel,
    (who, line): (&str, u32),
) -> rquickjs::Result<Result<SlotGuard, AcquireError>> {
    let who = &*run.secrets().mask(who);
    let request = spec.request(Owner::process(who).with_run(run.id()));
    let usage = run.usage(ctx, spec.name())?;
    let span = RegionSpan::begin_of_op(run, spec.name(), who, line);
    let entered = match cancel {
        Cancel::Nobody => SlotGuard::enter(ctx, run, &usage, request, Some(span))?,
        Cancel::Waiting | Cancel::Running => {
            let semaphores = acting(run);
            let replacing = async {
                replace(&semaphores, &usage.semaphore, run.id()).await;
                std::future::pending::<()>().await;
            };
            let span = Some(span);
            match SlotGuard::enter_unless(ctx, run, &usage, request, span, replacing)? {
                Some(entered) => entered,
                // What never ends does not end first.
                None => return Err(rquickjs::Error::Unknown),
            }
        }
    };
    Ok(entered.inspect(SlotGuard::register))
}

/// The semaphores, for the commands of a newcomer.
fn acting(run: &Run) -> Semaphores {
    let program = format!("{NEWCOMER}{}", run.name());
    let actor = match run.semaphores().actor() {
        Some(actor) => Actor::new(actor.login(), actor.host().unwrap_or_default(), program),
        None => Actor::process(program),
    };
    run.semaphores().acting_as(actor)
}

/// Cancels those that wait before this run.
async fn replace(semaphores: &Semaphores, semaphore: &Semaphore, run: RunId) {
    loop {
        let Ok(view) = semaphores.show(semaphore.name()).await else {
            return; // the wait itself tells of it
        };
        let requests = view.map(|view| view.requests).unwrap_or_default();
        match requests.iter().find(|request| request.run == Some(run)) {
            Some(own) if own.status == Status::Waiting => {
                let before = |place: Option<usize>| place < own.place;
                for request in &requests {
                    if request.status == Status::Waiting && before(request.place) {
                        // One that has its slot meanwhile is waited for.
                        let _ = semaphores.cancel(request.id).await;
                    }
                }
                return;
            }
            Some(_) => return,
            None => pause().await,
        }
    }
}

async fn pause() {
    #[expect(
        clippy::disallowed_methods,
        reason = "others, which may be in other processes, have the time of the machine"
    )]
    tokio::time::sleep(LOOK).await;
}

/// Who took the place of this run, if that is why its wait for the key was cancelled.
///
/// # Errors
///
/// That of [`Run::block_on`].
pub fn replaced_by(
    ctx: &Ctx<'_>,
    run: &Run,
    name: &SemaphoreName,
) -> rquickjs::Result<Option<String>> {
    let history = run.semaphores().history(name, HistoryQuery::new());
    let history = run.block_on(ctx, history)?.unwrap_or_default();
    let own = history
        .into_iter()
        .find(|request| request.run == Some(run.id()));
    Ok(own.and_then(|own| newcomer(own.by.as_ref()?)))
}

/// `deploy.yml (anna@db1)`, if this is a newcomer.
fn newcomer(actor: &Actor) -> Option<String> {
    let name = actor.program().strip_prefix(NEWCOMER)?;
    let login = actor.login();
    Some(match actor.host() {
        Some(host) => format!("{name} ({login}@{host})"),
        None => format!("{name} ({login})"),
    })
}

/// The error of a run whose place `by` took.
#[must_use]
pub fn replaced(key: &str, by: &str, was_running: bool) -> RuleError {
    let what = match was_running {
        true => "the run was stopped",
        false => "the run did not start",
    };
    let name = cla_semaphore::printable(by);
    RuleError::replaced(format!(
        "{what}, because {name} took its place: a newer run with the same concurrency key {key:?}"
    ))
}

/// Ends a run when others wait for its key. Dropped, it does not any more.
#[derive(Debug)]
pub struct GiveWay {
    newcomer: Arc<Mutex<Option<String>>>,
    looking: RefCell<Option<JoinHandle<()>>>,
}

impl GiveWay {
    /// Looks from now on.
    pub fn begin(run: &Run, name: &SemaphoreName) -> Self {
        let newcomer: Arc<Mutex<Option<String>>> = Arc::default();
        let (found, name) = (Arc::clone(&newcomer), name.clone());
        let (semaphores, control, own) =
            (run.semaphores().clone(), Arc::clone(&run.control), run.id());
        let looking = tokio::spawn(async move {
            loop {
                pause().await;
                let view = semaphores.show(&name).await.ok().flatten();
                let requests = view.map(|view| view.requests).unwrap_or_default();
                // The last one: those before it are about to be cancelled.
                let waiting = requests
                    .iter()
                    .rev()
                    .find(|request| request.status == Status::Waiting && request.run != Some(own));
                if let Some(request) = waiting {
                    *found.lock() = Some(request.who.clone().unwrap_or_default());
                    control.stop(Stop::Cancelled);
                    return;
                }
            }
        });
        Self {
            newcomer,
            looking: RefCell::new(Some(looking)),
        }
    }

    /// To whom the run has given way.
    #[must_use]
    pub fn newcomer(&self) -> Option<String> {
        self.newcomer.lock().clone()
    }
}

impl Drop for GiveWay {
    fn drop(&mut self) {
        if let Some(looking) = self.looking.take() {
            looking.abort();
        }
    }
}
