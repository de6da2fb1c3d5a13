//! `cla sem exec`: holds a slot around any command, as flock(1) holds a lock.

mod signals;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use cla_runtime::semaphore::{
    AcquireError, Owner, Permit, ReleaseError, Request, SemaphoreName, Slots, Ttl,
};
use tokio::process::{Child, Command};

use self::signals::Signals;
use super::{Failure, Panel};

/// The store failed: `EX_UNAVAILABLE`. Few commands exit with it, many do with 1.
pub(super) const STORE_FAILED: u8 = 69;

/// The command is there, and cannot be run: what shells say.
const NOT_EXECUTABLE: u8 = 126;

/// There is no such command: what shells say.
const NOT_FOUND: u8 = 127;

/// How long to wait for the store to confirm that the slot was given back.
const RELEASE_PATIENCE: Duration = Duration::from_secs(5);

/// Hold a slot while a command runs
///
/// Waits in line for a slot of the semaphore, runs the command, and gives the slot back when it has
/// ended. The command's variable CLA_SEMAPHORE is the semaphore's name, CLA_TOKEN the fencing token: it
/// grows with every permit, so a resource can refuse who comes with an older one.
///
/// While it waits, Ctrl-C leaves the line. While the command runs, SIGINT, SIGTERM, SIGHUP, SIGQUIT,
/// SIGUSR1 and SIGUSR2 are passed on to it, except those that the terminal has sent to both; the slot is
/// held until the command has ended. Kill this program with SIGKILL, and the slot is free while the command
/// goes on.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The semaphore
    name: SemaphoreName,
    /// How many slots the semaphore should have, unless an administrator has set that
    ///
    /// A number or `unlimited`. It counts when this request creates the semaphore, or once nobody is busy
    /// or waits.
    #[arg(long, value_name = "N")]
    slots: Option<Slots>,
    /// Wait no longer than this for a slot, and exit with 75 then: 30s, 5m, 0 for not at all
    #[arg(long, value_name = "DURATION", value_parser = crate::durations::patience, allow_negative_numbers = true)]
    timeout: Option<Duration>,
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
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

const AFTER_HELP: &str = "\
Examples:
  cla sem exec deploy-target -- make deploy
  cla sem exec --timeout 10m --who nightly backup -- rsync -a /srv/ backup:/srv/
  cla sem exec --slots 4 compilers -- sh -c 'make -j2 && make test'

Exit code:
  that of the command; 128 + N if signal N ended it; or
  1    an administrator cancelled the wait (`Semaphore cancel`); or the permit was lost while the
       command ran (its TTL passed, an administrator released it, or its store could not be reached
       for longer than the lease), and the command succeeded: it goes on when that happens, but
       others may have been busy at the same time
  2    wrong usage
  69   the store failed
  75   no slot became free within --timeout; the command did not run
  126  the command cannot be run
  127  there is no such command
  130  Ctrl-C while waiting in line: the command did not run; 143 is SIGTERM, 129 SIGHUP";

fn ttl(text: &str) -> Result<Ttl, String> {
    Ttl::new(crate::durations::limit(text)?).map_err(|error| error.to_string())
}

pub(super) async fn run(panel: &Panel, args: &Args) -> Result<u8, Failure> {
    if panel.is_alone() {
        crate::warn(&"each process has its own semaphores in memory: this one holds nobody back");
    }
    let mut signals = Signals::listen()?;
    let permit = tokio::select! {
        biased;
        signal = signals.next() => return Err(Failure::Interrupted(signal.exit_code())),
        permit = panel.semaphores.acquire(&args.name, args.request()) => permit.map_err(not_let_in)?,
    };
    // One that came together with the slot would not reach the command.
    if let Some(signal) = signals.pending() {
        let _ = give_back(permit).await;
        return Err(Failure::Interrupted(signal.exit_code()));
    }
    let spawned = args
        .command(&permit)
        .and_then(|mut command| command.spawn());
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let _ = give_back(permit).await;
            return Ok(not_started(args.program(), &error));
        }
    };
    let status = attend(&mut child, &permit, &mut signals).await?;
    let code = exit_code(status);
    match give_back(permit).await {
        // It was said when it happened.
        Ok(false) if code == 0 => Ok(crate::exit::FAILED),
        Ok(_) => Ok(code),
        Err(problem) => {
            crate::warn(&format_args!("{problem}; the store will free the slot"));
            Ok(code)
        }
    }
}

impl Args {
    fn program(&self) -> &OsStr {
        self.command
            .first()
            .map(OsString::as_os_str)
            .unwrap_or_default()
    }

    fn request(&self) -> Request {
        let who = self.who.clone().unwrap_or_else(|| {
            // Not its arguments: they may be nobody's business.
            let program = Path::new(self.program());
            let name = program.file_name().unwrap_or(program.as_os_str());
            name.to_string_lossy().into_owned()
        });
        let mut request = Request::new()
            .owner(Owner::process(who))
            .priority(self.priority);
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

    fn command(&self, permit: &Permit) -> std::io::Result<Command> {
        let [program, arguments @ ..] = self.command.as_slice() else {
            unreachable!("clap requires a command");
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("CLA_SEMAPHORE", permit.name().as_str())
            .env("CLA_TOKEN", permit.token().to_string());
        Ok(command)
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
        crate::report(&format_args!("there is no command {program}"));
        NOT_FOUND
    } else {
        crate::report(&format_args!("cannot run {program}: {error}"));
        NOT_EXECUTABLE
    }
}

/// Looks after the command until it has ended.
async fn attend(
    child: &mut Child,
    permit: &Permit,
    signals: &mut Signals,
) -> std::io::Result<ExitStatus> {
    let mut told = false;
    loop {
        tokio::select! {
            biased;
            ended = child.wait() => return ended,
            signal = signals.next() => signal.pass_on(child),
            () = permit.lost(), if !told => {
                told = true;
                let why = if permit.lease_passed() {
                    "its store could not be reached for longer than the lease"
                } else {
                    "its TTL passed, or an administrator released it"
                };
                crate::warn(&format_args!(
                    "the permit of semaphore \"{}\" was lost: {why}; the command goes on, but others may be \
                     busy at the same time",
                    permit.name()
                ));
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

/// What a shell says of a command that ended so.
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
