//! Commands for rules and rulebooks: programs that are started, read while they run, and ended with what started them.
//!
//! A command is driven by a task of the worker's own event loop (`driver`), whether its rule waits for it or does something
//! else. What it writes and how it ends comes to the rule through what they share (`shared`). A command that must end is asked
//! to (SIGTERM to its process group), has some time for it, and is killed then. None outlives its run; what a command itself
//! left in the background when it ended does.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};
use std::sync::{Arc, Weak as WeakArc};
use std::time::Duration;

use cla_runtime::host::Run;
use cla_runtime::internal::{MemoryReservation, ProfileSpan};
use cla_runtime::output::OutputStream;

use self::driver::Group;
pub use self::shared::Ended;
pub(crate) use self::shared::Keeping;
use self::shared::Shared;
pub use self::words::{Refusal, Words, quote};

mod driver;
mod programs;
mod shared;
mod words;

/// The shell. Who may start it may start everything.
pub const SHELL: &str = if cfg!(windows) { "cmd" } else { "sh" };

/// How long a command has to end after it was asked to, unless its rule says otherwise.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// The longest argument, in bytes: what Linux takes. Elsewhere the system may say no to less.
const MOST_OF_AN_ARGUMENT: usize = (128 << 10) - 1;

/// What a command counts for in the run's memory beside what it writes, in bytes.
const COMMAND_BYTES: usize = 48 << 10;

/// How many commands a run may have at once.
const MOST_AT_ONCE: usize = 256;

/// One program of a command.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    /// Its path, which was permitted.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it runs; `None`: in the process's current folder.
    pub folder: Option<PathBuf>,
    /// Variables that it sees beside those that the rule sees; `None` takes one away.
    pub environment: Vec<(String, Option<String>)>,
}

impl Stage {
    /// A command of the shell.
    #[must_use]
    pub fn of_shell(program: PathBuf, command: String) -> Self {
        let how = if cfg!(windows) { "/C" } else { "-c" };
        Self {
            program,
            arguments: vec![how.to_owned(), command],
            ..Self::default()
        }
    }

    /// What it is called where many are counted together: its program, of a command of the shell the first word.
    pub(crate) fn title(&self) -> String {
        let program = || self.program.file_name().map(|name| name.to_string_lossy());
        match self.arguments.as_slice() {
            [how, command] if how == "-c" && program().is_some_and(|name| name == "sh") => {
                let word = command.split_whitespace().next().unwrap_or_default();
                word.chars().take(LONGEST_TITLE).collect()
            }
            _ => program().unwrap_or_default().into_owned(),
        }
    }
}

/// The longest name of a command in a profile, in characters.
const LONGEST_TITLE: usize = 40;

/// What is to be started.
#[derive(Debug)]
pub struct Plan {
    /// The programs; each reads what the one before it writes.
    pub stages: Vec<Stage>,
    /// What the first one reads.
    pub input: Vec<u8>,
    /// After this it must end.
    pub timeout: Option<Duration>,
    /// How long it has to end then.
    pub grace: Duration,
    /// What becomes of what the last one writes.
    pub output: Keeping,
    /// What becomes of their errors.
    pub error: Keeping,
}

impl Plan {
    /// Programs whose output is kept.
    #[must_use]
    pub fn new(stages: Vec<Stage>) -> Self {
        Self {
            stages,
            input: Vec::new(),
            timeout: None,
            grace: GRACE,
            output: Keeping::All,
            error: Keeping::All,
        }
    }

    /// What they write goes to the run's output.
    #[must_use]
    pub fn shown(mut self) -> Self {
        (self.output, self.error) = (Keeping::Handed, Keeping::Handed);
        self
    }
}

/// The commands of a run.
#[derive(Default)]
struct Commands {
    running: RefCell<HashMap<u64, Weak<Command>>>,
    /// All that may live, also those in which the rule has no interest any more.
    alive: RefCell<Vec<WeakArc<Shared>>>,
    last: std::cell::Cell<u64>,
}

impl Commands {
    fn of(run: &Rc<Run>) -> Rc<Self> {
        run.state().unwrap_or_else(|| {
            let made = Rc::<Self>::default();
            run.set_state(Rc::clone(&made));
            let at_end = AtEnd(Rc::clone(&made));
            run.before_release(async move {
                // All are asked before the first one is waited for.
                let alive = at_end.0.alive();
                alive.iter().for_each(|command| command.end());
                for command in alive {
                    command.discard();
                    let _ = command.ended().await;
                }
            });
            made
        })
    }

    fn alive(&self) -> Vec<Arc<Shared>> {
        self.alive
            .borrow()
            .iter()
            .filter_map(WeakArc::upgrade)
            .collect()
    }

    fn add(&self, shared: &Arc<Shared>) {
        let mut alive = self.alive.borrow_mut();
        if alive.len() == alive.capacity() {
            alive.retain(|other| other.upgrade().is_some_and(|other| !other.has_ended()));
        }
        alive.push(Arc::downgrade(shared));
    }
}

/// Kills, when it is dropped, what still lives: the run's grace is over, and the process may end at once.
struct AtEnd(Rc<Commands>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        self.0.alive().iter().for_each(|command| command.kill());
    }
}

/// A command that was started.
pub struct Command {
    shared: Arc<Shared>,
    /// What it has written and what is kept of it count as the run's memory.
    memory: RefCell<MemoryReservation>,
    commands: Rc<Commands>,
    number: u64,
    /// Ends when it has ended.
    measured: RefCell<Option<ProfileSpan>>,
}

impl Command {
    /// How long it takes is measured.
    pub(crate) fn measure(&self, span: Option<ProfileSpan>) {
        *self.measured.borrow_mut() = span;
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// There is no such program or folder, an argument is too long, or too many commands run already.
    pub fn start(run: &Rc<Run>, plan: Plan) -> io::Result<Rc<Self>> {
        for argument in plan.stages.iter().flat_map(|stage| &stage.arguments) {
            if argument.len() > MOST_OF_AN_ARGUMENT {
                let message = format!(
                    "it has {} bytes, and the system takes {MOST_OF_AN_ARGUMENT}; write what is long to a file",
                    argument.len()
                );
                return Err(io::Error::new(io::ErrorKind::ArgumentListTooLong, message));
            }
        }
        let commands = Commands::of(run);
        if commands.running.borrow().len() >= MOST_AT_ONCE {
            let message =
                format!("{MOST_AT_ONCE} commands run already, which is all that a run may have");
            return Err(io::Error::other(message));
        }
        let shared = Arc::new(Shared::new(plan.output, plan.error, run.memory_left() / 3));
        let groups = Group::start_all(run, &plan.stages)?;
        let driver = driver::Driver {
            groups,
            input: plan.input,
            timeout: plan.timeout,
            grace: plan.grace,
        };
        shared.started(driver.ids());
        commands.add(&shared);
        tokio::spawn(driver.drive(Arc::clone(&shared)));
        let number = commands.last.get() + 1;
        commands.last.set(number);
        let command = Rc::new(Self {
            shared,
            memory: RefCell::new(run.count_memory(COMMAND_BYTES)),
            commands: Rc::clone(&commands),
            number,
            measured: RefCell::default(),
        });
        let mut running = commands.running.borrow_mut();
        running.insert(number, Rc::downgrade(&command));
        drop(running);
        Ok(command)
    }

    /// Ends it because the run was stopped, and waits for that as long as the run may go on.
    pub fn end_with(&self, run: &Rc<Run>) {
        self.end();
        if run.shielded(|| run.wait(self.ended())).is_none() {
            self.shared.kill();
        }
    }

    /// How it ended, once it has. What it hands on goes to the run's output: while that has no room, the command is not read,
    /// so that it waits too.
    ///
    /// # Errors
    ///
    /// It wrote more than can be kept, or to an output that takes no more; it was ended.
    pub async fn finished(&self, run: &Rc<Run>) -> Result<Ended, String> {
        self.finished_seen(run, |_, _| {}).await
    }

    /// How it ended, like [`Command::finished`]. `see` is given each piece that it hands on.
    ///
    /// # Errors
    ///
    /// Those of [`Command::finished`].
    pub async fn finished_seen(
        &self,
        run: &Rc<Run>,
        mut see: impl FnMut(OutputStream, &[u8]),
    ) -> Result<Ended, String> {
        while let Some((which, piece)) = self.shared.next_piece().await {
            see(which, &piece);
            let text = String::from_utf8_lossy(&piece);
            if let Err(problem) = run.write_waiting(which, &text).await {
                self.end();
                self.ended().await;
                return Err(problem);
            }
        }
        let ended = self.shared.ended().await;
        if let Some(measured) = self.measured.take() {
            measured.end(!matches!(&ended, Ok(ended) if ended.code == 0));
        }
        self.count();
        ended
    }

    /// Waits until it has ended, whatever it wrote.
    pub async fn ended(&self) {
        self.shared.discard();
        // Why is told to who asked for it.
        let _ = self.shared.ended().await;
    }

    /// The next line of its output, without its end; `None` when there will be no more. For output that is handed on.
    ///
    /// # Errors
    ///
    /// The line has no end.
    pub async fn next_line(&self) -> Result<Option<String>, String> {
        let line = self.shared.next_line().await;
        self.count();
        line
    }

    /// The next piece of what it writes, to either stream: lines, the parts of very long ones, and what is left at the end.
    /// `None` when there will be no more. For output that is handed on.
    pub(crate) async fn next_piece(&self) -> Option<(OutputStream, Vec<u8>)> {
        let piece = self.shared.next_piece().await;
        self.count();
        piece
    }

    fn count(&self) {
        let bytes = COMMAND_BYTES + self.shared.kept();
        self.memory.borrow_mut().resize(bytes);
    }

    /// Asks it to end; after its grace it is killed.
    pub fn end(&self) {
        self.shared.end();
    }

    /// Sends a signal to all its programs, by its name or number. `false`: there is no such signal.
    pub fn signal(&self, name: &str) -> bool {
        self.shared.signal(name)
    }

    /// What it wrote and is kept.
    pub fn written(&self, which: OutputStream) -> Vec<u8> {
        self.shared.written(which)
    }

    /// The number of its first process.
    pub fn pid(&self) -> u32 {
        self.shared.pid()
    }
}

impl Drop for Command {
    fn drop(&mut self) {
        self.end();
        // The map may be borrowed by none: nothing is started or ended within a drop.
        if let Ok(mut running) = self.commands.running.try_borrow_mut() {
            running.remove(&self.number);
        }
    }
}

/// A text of what a command wrote.
pub fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Whether a folder is one in which a program can run: the system's own error does not say which of the two there is not.
fn check_folder(folder: &Path) -> io::Result<()> {
    match folder.is_dir() {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no folder {}", folder.display()),
        )),
    }
}
