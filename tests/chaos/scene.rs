//! The store, the processes, and the faults that are done to them.

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cla_semaphore::{SemaphoreName, Semaphores};
use cla_tests::redis::{Server, Watched};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::faults::{Fault, Plan};
use crate::history::{self, Done, Report};
use crate::worker::{ENOUGH, SEMAPHORES, SMALL, WORKER, now};

/// How many processes take slots at once.
const WORKERS: usize = 12;

/// Longer than any lease, and than what a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long there is peace at the end.
const CALM: Duration = Duration::from_secs(3);

/// Where the semaphores are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file of this machine.
    Sqlite,
    /// A Redis server that keeps nothing on disk.
    Redis,
    /// A Redis server that writes every change to its disk before it answers.
    Kept,
    /// A master and a replica that a Sentinel watches.
    Sentinel,
}

impl Kind {
    /// Those that the tests try.
    pub(crate) const IN_TESTS: [Self; 2] = [Self::Sqlite, Self::Kept];

    /// By its name on the command line.
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "sqlite" => Self::Sqlite,
            "redis" => Self::Redis,
            "redis-kept" => Self::Kept,
            "redis-sentinel" => Self::Sentinel,
            _ => panic!("--store: there are sqlite, redis, redis-kept, redis-sentinel, all"),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Redis => "redis",
            Self::Kept => "redis-kept",
            Self::Sentinel => "redis-sentinel",
        }
    }

    /// How long a process that says nothing keeps its slots.
    pub(crate) const fn lease(self) -> Duration {
        Duration::from_secs(2)
    }
}

/// What the semaphores are in.
enum Place {
    File(std::path::PathBuf),
    Server(Box<Server>),
    Watched(Box<Watched>),
}

struct Process {
    number: usize,
    child: Child,
}

struct Scene {
    kind: Kind,
    folder: TempDir,
    place: Place,
    store: String,
    processes: Vec<Process>,
    done: HashMap<usize, Done>,
    /// Who stands still, and since when; until when it does.
    stopped: Vec<(usize, u64, Instant)>,
    /// The server stands still until then.
    frozen: Option<Instant>,
    seed: u64,
    report: Report,
}

/// Lets the faults of this seed happen for so long, and says what came of it.
pub(crate) fn play(kind: Kind, length: Duration, seed: u64) -> Report {
    let mut scene = Scene::new(kind, seed);
    let mut plan = Plan::new(kind, WORKERS, seed);
    let began = Instant::now();
    let mut told = 0;
    while began.elapsed() < length {
        if told < began.elapsed().as_secs() / 60 {
            told = began.elapsed().as_secs() / 60;
            let faults = scene.report.faults.values().sum::<usize>();
            eprintln!("{}: {told} min, {faults} faults", kind.name());
        }
        let (pause, fault) = plan.next();
        let next = Instant::now() + pause;
        while Instant::now() < next {
            scene.go_on(false);
            std::thread::sleep(Duration::from_millis(5));
        }
        scene.strike(fault);
    }
    scene.end(began)
}

impl Scene {
    fn new(kind: Kind, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = match kind {
            Kind::Sqlite => Place::File(folder.path().join("store.db")),
            Kind::Redis => Place::Server(Box::new(Server::start())),
            Kind::Kept => Place::Server(Box::new(Server::with(&[
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
            ]))),
            Kind::Sentinel => Place::Watched(Box::new(Watched::start())),
        };
        let lease = kind.lease().as_secs();
        let store = match &place {
            Place::File(path) => format!("sqlite:{}", path.display()),
            Place::Server(server) => format!("{}?lease={lease}s&warnings=off", server.url()),
            Place::Watched(watched) => format!("{}?lease={lease}s&warnings=off", watched.url()),
        };
        let mut scene = Self {
            kind,
            folder,
            place,
            store,
            processes: Vec::new(),
            done: HashMap::new(),
            stopped: Vec::new(),
            frozen: None,
            seed,
            report: Report::default(),
        };
        for _ in 0..WORKERS {
            let process = scene.start(false);
            scene.processes.push(process);
        }
        scene
    }

    /// Kills a process, and starts another one in its place, with a full disk or not.
    fn replace(&mut self, nth: usize, has_full_disk: bool) {
        let number = self.processes[nth].number;
        let done = self.done.entry(number).or_default();
        done.killed = Some(now());
        if let Some(at) = self
            .stopped
            .iter()
            .position(|(stopped, ..)| *stopped == number)
        {
            let (_, since, _) = self.stopped.remove(at);
            done.stopped.push((since, u64::MAX));
        }
        let next = self.start(has_full_disk);
        let mut killed = std::mem::replace(&mut self.processes[nth], next).child;
        let _ = killed.kill();
        let _ = killed.wait();
    }

    fn start(&mut self, has_full_disk: bool) -> Process {
        let number = self.done.len();
        self.done.insert(number, Done::default());
        let seed = self
            .seed
            .wrapping_mul(1_000_003)
            .wrapping_add(number as u64);
        let program = std::env::current_exe().unwrap();
        let mut command = match has_full_disk {
            false => Command::new(program),
            // No file of it grows beyond that; what it writes beyond fails, as on a disk that is full.
            true => {
                let mut shell = Command::new("sh");
                shell
                    .args(["-c", "ulimit -f 64; trap '' XFSZ; exec \"$0\" \"$@\""])
                    .arg(program);
                shell.env(SMALL, "1");
                shell
            }
        };
        let child = command
            .arg(WORKER)
            .arg(&self.store)
            .arg(self.folder.path())
            .args([number.to_string(), seed.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(
                std::fs::File::create(self.folder.path().join(format!("{number}.stderr"))).unwrap(),
            )
            .spawn()
            .unwrap();
        Process { number, child }
    }

    /// Ends the stops that have lasted long enough, or all; starts anew what could not open the store.
    fn go_on(&mut self, all: bool) {
        let over = |until: &Instant| all || *until <= Instant::now();
        let mut left = Vec::new();
        for (number, since, until) in std::mem::take(&mut self.stopped) {
            if !over(&until) {
                left.push((number, since, until));
                continue;
            }
            if let Some(process) = self
                .processes
                .iter()
                .find(|process| process.number == number)
            {
                let _ = kill(Pid::from_raw(process.child.id() as i32), Signal::SIGCONT);
            }
            // It runs from now on; what it does first takes a moment.
            let done = self.done.entry(number).or_default();
            done.stopped.push((since, now() + 100_000_000));
        }
        self.stopped = left;
        if self.frozen.as_ref().is_some_and(over) {
            self.frozen = None;
            self.server(Server::thaw);
        }
        for nth in 0..self.processes.len() {
            if let Some(status) = self.processes[nth].child.try_wait().unwrap() {
                let number = self.processes[nth].number;
                if !status.success() {
                    let said = std::fs::read_to_string(
                        self.folder.path().join(format!("{number}.stderr")),
                    );
                    let said = said.unwrap_or_default();
                    self.report
                        .violations
                        .push(format!("worker {number} ended with {status}: {said}"));
                }
                // It could not open the store, or its disk was full.
                self.processes[nth] = self.start(false);
            }
        }
    }

    fn server(&mut self, act: impl Fn(&Server)) {
        match &self.place {
            Place::File(_) => {}
            Place::Server(server) => act(server),
            Place::Watched(watched) => watched.servers.iter().for_each(act),
        }
    }

    fn strike(&mut self, fault: Fault) {
        let what = format!("{fault:?}");
        let what = what.split('(').next().unwrap_or_default().to_lowercase();
        *self.report.faults.entry(what).or_default() += 1;
        match fault {
            Fault::Kill(nth) => self.replace(nth, false),
            Fault::Stop(nth, millis) => {
                let process = &self.processes[nth];
                if self
                    .stopped
                    .iter()
                    .all(|(number, ..)| *number != process.number)
                {
                    let until = Instant::now() + Duration::from_millis(millis);
                    self.stopped.push((process.number, now(), until));
                    let _ = kill(Pid::from_raw(process.child.id() as i32), Signal::SIGSTOP);
                }
            }
            Fault::Cut if self.frozen.is_none() => self.server(Server::cut),
            Fault::ForgetScripts if self.frozen.is_none() => self.server(Server::forget_scripts),
            Fault::Flush if self.frozen.is_none() => self.server(Server::flush),
            Fault::Freeze(millis) if self.frozen.is_none() => {
                self.frozen = Some(Instant::now() + Duration::from_millis(millis));
                self.server(Server::freeze);
            }
            Fault::Restart => {
                self.frozen = None;
                if let Place::Server(server) = &mut self.place {
                    server.kill();
                    server.restart();
                }
            }
            Fault::Failover if self.frozen.is_none() => {
                if let Place::Watched(watched) = &self.place {
                    // It refuses while the last one is under way.
                    let _ = watched
                        .watcher()
                        .try_command(&["SENTINEL", "FAILOVER", "prod"]);
                }
            }
            Fault::Delete => {
                if let Place::File(path) = &self.place {
                    for suffix in ["", "-wal", "-shm"] {
                        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
                    }
                }
            }
            Fault::FullDisk(nth) => self.replace(nth, true),
            // The server stands still already.
            _ => {}
        }
    }

    fn end(mut self, began: Instant) -> Report {
        self.go_on(true);
        let calm_from = now();
        let calm = Instant::now() + CALM;
        while Instant::now() < calm {
            self.go_on(true);
            std::thread::sleep(Duration::from_millis(20));
        }
        std::fs::write(self.folder.path().join(ENOUGH), "").unwrap();
        let patience = Instant::now() + PATIENCE;
        for process in &mut self.processes {
            loop {
                match process.child.try_wait().unwrap() {
                    Some(status) if status.success() => break,
                    Some(status) => {
                        let number = process.number;
                        self.report
                            .violations
                            .push(format!("worker {number} ended with {status}"));
                        break;
                    }
                    None if Instant::now() > patience => {
                        let number = process.number;
                        self.report
                            .violations
                            .push(format!("worker {number} got no slot any more"));
                        self.done.entry(number).or_default().killed = Some(now());
                        let _ = process.child.kill();
                        let _ = process.child.wait();
                        break;
                    }
                    None => std::thread::sleep(Duration::from_millis(10)),
                }
            }
        }
        if let Err(problem) = self.all_slots_are_free() {
            self.report.violations.push(problem);
        }
        history::check(self.folder.path(), &self.done, calm_from, &mut self.report);
        self.report.processes = self.done.len();
        self.report.title = format!(
            "{} for {:.0?}, {WORKERS} processes at once, seed {}",
            self.kind.name(),
            began.elapsed(),
            self.seed
        );
        std::mem::take(&mut self.report)
    }

    /// Nothing is held by those who are gone.
    fn all_slots_are_free(&self) -> Result<(), String> {
        let semaphores = Semaphores::connect(&self.store).map_err(|error| error.to_string())?;
        for (name, slots) in SEMAPHORES {
            let semaphore = semaphores.semaphore(&SemaphoreName::new(name).unwrap());
            let mut held = Vec::new();
            for nth in 0..slots {
                let request = semaphore
                    .acquire()
                    .slots(slots)
                    .timeout(self.kind.lease() * 5);
                let permit = request.blocking().map_err(|error| {
                    format!("slot {nth} of {name} was never given back: {error}")
                })?;
                held.push(permit);
            }
        }
        Ok(())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}
