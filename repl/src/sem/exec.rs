//! `cla sem exec`: holds a slot around any command, as flock(1) holds a lock.

#[cfg(unix)]
mod keeper;
mod nested;
#[cfg(unix)]
mod script;
mod signals;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use cla_runtime::internal::{DEPENDENTS_VARIABLE, inherited_dependents, write_dependents};
use cla_runtime::semaphore::{
    AcquireError, NamedRun, Owner, Permit, ReleaseError, Request, RunId, SemaphoreName, Slots, Ttl,
};
use tokio::process::{Child, Command};

#[cfg(unix)]
pub(super) use self::keeper::{Args as KeepArgs, run as keep};
use self::signals::Signals;
use super::{Failure, Panel};
use crate::store::Cautions;

/// The store failed: `EX_UNAVAILABLE`. Few commands exit with it, many do with 1.
pub(super) const STORE_FAILED: u8 = 69;

/// The command is there, and cannot be run: what shells say.
const NOT_EXECUTABLE: u8 = 126;

/// There is no such command: what shells say.
const NOT_FOUND: u8 = 127;

/// How long to wait for the store to confirm that the slot was given back.
const RELEASE_PATIENCE: Duration = Duration::from_secs(5);

/// How long a command may take to end after SIGTERM.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// Hold a slot while a command runs
///
/// Waits in line for a slot of the semaphore, runs the command, and gives the slot back when it has
/// ended. The command's variable CLA_SEMAPHORE is the semaphore's name, CLA_TOKEN the fencing token: it
/// grows with every permit, so a resource can refuse who comes with an older one.
///
/// While it waits, Ctrl-C leaves the line. While the command runs, SIGINT, SIGTERM, SIGHUP, SIGQUIT,
/// SIGUSR1 and SIGUSR2 are passed on to it, except those that the terminal has sent to both; the slot is
/// held until the command has ended.
///
/// Kill this program with SIGKILL, and the slot is held as long as the command lives, with all that it has
/// started, as with flock(1): in a SQLite file on Linux they inherit a lock; for a Redis server a second process
/// of this program, `cla sem keep`, renews the lease. Then --on-lost has no effect.
///
/// Inside of the command, another `cla sem exec` of the same semaphore takes a further slot if one is free.
/// If none is, it fails at once: it would wait for the command that waits for it. The same holds for `cla run`,
/// and where commands wait for each other in a cycle, such as A within B and B within A. What is held around a
/// command stands in its variable CLA_HELD, and who waits for it in CLA_DEPENDENTS.
///
/// A script without `#!` is run by sh.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The semaphore
    name: SemaphoreName,
    /// How many slots the semaphore should have, unless an administrator has set that
    ///
    /// A number or `unlimited`. It counts when this request creates the semaphore, or once no request is busy
    /// or waits.
    #[arg(long, value_name = "N")]
    slots: Option<Slots>,
    /// Wait no longer than this for a slot, and exit with 75 then: 30s, 5m, 0 for not at all
    #[arg(long, value_name = "DURATION", value_parser = crate::durations::patience, allow_negative_numbers = true)]
    timeout: Option<Duration>,
    /// Exit with this code instead of 75 when no slot became free within --timeout
    #[arg(long, value_name = "N", default_value_t = crate::exit::TIMED_OUT, hide_default_value = true)]
    conflict_exit_code: u8,
    /// What to do when the slot is lost while the command runs
    #[arg(long, value_name = "ACTION", value_enum, default_value_t = OnLost::Warn)]
    on_lost: OnLost,
    /// Lose the slot after this long, even if the command still runs
    #[arg(long, value_name = "DURATION", value_parser = ttl, allow_negative_numbers = true)]
    ttl: Option<Ttl>,
    /// Who goes first: higher before lower, others have 0
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    priority: i32,
    /// What administrators see as the one who asks; the command's name unless given
    #[arg(long, value_name = "TEXT")]
    who: Option<String>,
    /// Say nothing while it waits. Without this, somebody at a terminal sees after a second who holds the semaphore
    #[arg(long, short)]
    quiet: bool,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What to do with a command whose slot is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum OnLost {
    /// Say so, and end the command: SIGTERM, and after 10 s SIGKILL
    Kill,
    /// Say so, and let the command go on; exit with 1 if it succeeds
    Warn,
    /// Let the command go on, and exit with its code
    Ignore,
}

const AFTER_HELP: &str = "\
Examples:
  cla sem exec deploy-target -- make deploy
  cla sem exec --timeout 10m --who nightly backup -- rsync -a /srv/ backup:/srv/
  cla sem exec --timeout 0 --conflict-exit-code 0 nightly -- backup.sh    skip it if it runs already
  cla sem exec --on-lost kill printer -- print-labels
  cla sem exec --slots 4 compilers -- sh -c 'make -j2 && make test'

Exit code:
  that of the command; 128 + N if signal N ended it; or
  1    an administrator cancelled the wait (`Semaphore cancel`); or the permit was lost while the
       command ran (its TTL passed, an administrator released it, its store could not be reached
       for longer than the lease, or the store's file was deleted or replaced), and the command
       succeeded: others may have been busy at the same time; or a command around this one holds the
       last slot; or the wait could never have ended, as those who hold the semaphore wait for this
       command, directly or through others
  2    wrong usage
  69   the store failed
  75   no slot became free within --timeout; the command did not run (or --conflict-exit-code)
  126  the command cannot be run
  127  there is no such command
  130  Ctrl-C while waiting in line: the command did not run; 143 is SIGTERM, 129 SIGHUP";

fn ttl(text: &str) -> Result<Ttl, String> {
    Ttl::new(crate::durations::limit(text)?).map_err(|error| error.to_string())
}

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<u8, Failure> {
    let Some(store) = panel.source.store() else {
        return within_a_slot(panel, args).await;
    };
    let cautions = Cautions::of(store, &panel.semaphores, |caution| {
        crate::exit::warn(&caution);
    });
    let ended = within_a_slot(panel, args).await;
    crate::store::close(&panel.semaphores).await;
    cautions.said().await;
    ended
}

/// Runs the command.
async fn within_a_slot(panel: &Panel, args: &Args) -> Result<u8, Failure> {
    let asker = args.asker();
    if panel.is_alone() {
        crate::exit::warn(
            &"each process has its own semaphores in memory: this one protects nothing from other processes",
        );
    }
    let mut signals = Signals::listen()?;
    let store = panel.source.to_string();
    let permit = tokio::select! {
        biased;
        signal = signals.next() => return Err(Failure::Interrupted(signal.exit_code())),
        permit = crate::waiting::noticed(&panel.semaphores, &args.name, args.quiet, args.admitted(panel, &store, &asker)) => permit,
    };
    let permit = match permit {
        Err(Failure::TimedOut(problem)) => {
            crate::exit::report(&problem);
            return Ok(args.conflict_exit_code);
        }
        permit => permit?,
    };
    // A signal that came together with the slot would not reach the command.
    if let Some(signal) = signals.pending() {
        let _ = give_back(permit).await;
        return Err(Failure::Interrupted(signal.exit_code()));
    }
    // If this fails, the slot is not kept when this program is killed. The command runs all the same.
    if let Err(error) = panel.semaphores.share_with_children().await {
        crate::exit::warn(&panel.source.complaint(&error));
    }
    #[cfg(unix)]
    let mut keeper = started_keeper(panel, &permit).await;
    let spawned = args.spawn(&permit, &store, &asker);
    #[cfg(unix)]
    if let (Some(keeper), Ok(child)) = (&mut keeper, &spawned) {
        keeper.watch(child.id());
    }
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let _ = give_back(permit).await;
            return Ok(not_started(args.program(), &error));
        }
    };
    let status = attend(&mut child, &permit, &mut signals, args.on_lost).await?;
    let code = exit_code(status);
    match give_back(permit).await {
        // The loss was reported when it happened.
        Ok(false) if code == 0 && args.on_lost != OnLost::Ignore => Ok(crate::exit::FAILED),
        Ok(_) => Ok(code),
        Err(problem) => {
            crate::exit::warn(&format_args!("{problem}; the store will free the slot"));
            Ok(code)
        }
    }
}

/// Starts the keeper of the slot, if the store needs one, in case this program is killed. The command runs even without it.
#[cfg(unix)]
async fn started_keeper(panel: &Panel, permit: &Permit) -> Option<keeper::Keeper> {
    let url = panel.source.store()?;
    let started = async {
        let keeper = keeper::Keeper::start(url, permit).await?;
        if let Some(keeper) = &keeper {
            keeper.share_life()?;
        }
        std::io::Result::Ok(keeper)
    };
    started.await.unwrap_or_else(|error| {
        crate::exit::warn(&format_args!(
            "cannot start the process that keeps the slot should this one be killed: {error}"
        ));
        None
    })
}

impl Args {
    fn program(&self) -> &OsStr {
        self.command
            .first()
            .map(OsString::as_os_str)
            .unwrap_or_default()
    }

    /// This program as semaphores know it: a run that waits for the command that it starts, and for which those wait that
    /// have started it.
    fn asker(&self) -> NamedRun {
        let who = self.who.clone().unwrap_or_else(|| {
            // Not its arguments: they may be secret.
            let program = Path::new(self.program());
            let name = program.file_name().unwrap_or(program.as_os_str());
            name.to_string_lossy().into_owned()
        });
        NamedRun {
            run: RunId::unique(),
            who: Owner::shortened(who),
        }
    }

    fn request(&self, asker: &NamedRun) -> Request {
        let owner = Owner::process(&*asker.who)
            .with_run(asker.run)
            .with_dependents(inherited_dependents());
        let mut request = Request::new().owner(owner).priority(self.priority);
        if let Some(slots) = self.slots {
            request = request.slots(slots);
        }
        if let Some(timeout) = self.timeout {
            request = request.timeout(timeout);
        }
        if let Some(ttl) = self.ttl {
            request = request.ttl(ttl);
        }
        request
    }

    /// Waits for a slot.
    async fn admitted(
        &self,
        panel: &Panel,
        store: &str,
        asker: &NamedRun,
    ) -> Result<Permit, Failure> {
        let request = self.request(asker);
        if !nested::holds(&panel.semaphores, store, &self.name).await? {
            let permit = panel
                .semaphores
                .semaphore(&self.name)
                .acquire()
                .with(request)
                .await;
            return permit.map_err(not_let_in);
        }
        let request = request.timeout(Duration::ZERO);
        match panel
            .semaphores
            .semaphore(&self.name)
            .acquire()
            .with(request)
            .await
        {
            Err(AcquireError::TimedOut { name, .. }) => Err(Failure::Refused(format!(
                "a slot of semaphore \"{name}\" is held by the `cla sem exec` around this one, and no other is free: \
                 this one would wait for itself; run the command without a second `cla sem exec`, or give the \
                 semaphore more slots"
            ))),
            permit => permit.map_err(not_let_in),
        }
    }

    fn spawn(&self, permit: &Permit, store: &str, asker: &NamedRun) -> std::io::Result<Child> {
        let [program, arguments @ ..] = self.command.as_slice() else {
            unreachable!("clap requires a command");
        };
        let mut dependents = vec![asker.clone()];
        dependents.extend(inherited_dependents());
        let dependents = write_dependents(&dependents);
        let start = |mut command: Command| {
            command
                .args(arguments)
                .env("CLA_SEMAPHORE", permit.name().as_str())
                .env("CLA_TOKEN", permit.token().to_string())
                .env(nested::VARIABLE, nested::with(permit, store.to_owned()))
                .env(DEPENDENTS_VARIABLE, &dependents)
                .spawn()
        };
        let started = start(Command::new(program));
        #[cfg(unix)]
        if let Err(error) = &started
            && let Some(path) = script::behind(program, error)
        {
            let mut shell = Command::new("sh");
            shell.arg("--").arg(path);
            return start(shell);
        }
        started
    }
}

fn not_let_in(error: AcquireError) -> Failure {
    match error {
        AcquireError::Store(error) => Failure::Store(error),
        AcquireError::TimedOut { .. } => Failure::TimedOut(error.to_string()),
        other => Failure::Refused(other.to_string()),
    }
}

fn not_started(program: &OsStr, error: &std::io::Error) -> u8 {
    let program = program.display();
    if error.kind() == std::io::ErrorKind::NotFound {
        crate::exit::report(&format_args!("there is no command {program}"));
        NOT_FOUND
    } else {
        crate::exit::report(&format_args!("cannot run {program}: {error}"));
        NOT_EXECUTABLE
    }
}

/// Waits for the end of the command, and acts on signals and on the loss of the slot.
async fn attend(
    child: &mut Child,
    permit: &Permit,
    signals: &mut Signals,
    on_lost: OnLost,
) -> std::io::Result<ExitStatus> {
    let mut is_lost = on_lost == OnLost::Ignore;
    let mut ends_by = None;
    loop {
        let patience = async {
            match ends_by {
                Some(time) => tokio::time::sleep_until(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            ended = child.wait() => return ended,
            signal = signals.next() => signal.pass_on(child),
            () = permit.lost(), if !is_lost => {
                is_lost = true;
                let why = if permit.lease_passed() {
                    "its store could not be reached for longer than the lease, or the store's file was deleted or \
                     replaced"
                } else {
                    "its TTL passed, or an administrator released it"
                };
                let what = if on_lost == OnLost::Kill {
                    "the command is ended"
                } else {
                    "the command goes on, but others may be busy at the same time"
                };
                crate::exit::warn(&format_args!(
                    "the permit of semaphore \"{}\" was lost: {why}; {what}",
                    permit.name()
                ));
                if on_lost == OnLost::Kill {
                    signals::terminate(child);
                    ends_by = Some(tokio::time::Instant::now() + END_PATIENCE);
                }
            }
            () = patience => {
                ends_by = None;
                child.start_kill()?;
            }
        }
    }
}

/// Gives the slot back, and says whether it was held until now.
async fn give_back(permit: Permit) -> Result<bool, String> {
    match tokio::time::timeout(RELEASE_PATIENCE, permit.release()).await {
        Ok(Ok(())) => Ok(true),
        Ok(Err(ReleaseError::Lost { .. })) => Ok(false),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!(
            "the semaphore store did not answer within {RELEASE_PATIENCE:?}"
        )),
    }
}

/// The exit code that a shell gives to a command that ended so.
fn exit_code(status: ExitStatus) -> u8 {
    if let Some(code) = status.code() {
        // Only systems with codes of 32 bits have larger ones.
        return u8::try_from(code).unwrap_or(crate::exit::FAILED);
    }
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(crate::exit::FAILED);
    }
    crate::exit::FAILED
}
