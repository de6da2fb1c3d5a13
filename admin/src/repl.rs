//! Code that administrators run at the panel: each browser has a session, whose variables stay from input to input.
//!
//! A session has an engine of its own: what its code does to semaphores is noted under the name of its administrator, and
//! code that computes for long slows no rule down. A session that is not used is ended, and gives back all that it holds.

mod show;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::output::OutputStream;
use cla_runtime::secrets::Secrets;
use cla_runtime::semaphore::{Actor, Semaphores};
use cla_runtime::session::Interrupter;
use cla_runtime::{Engine, Limits, Output, RuleError, RunOptions, Session};
use parking_lot::Mutex;
use tokio::sync::oneshot;

pub(crate) use self::show::Shown;
use crate::auth::Person;
use crate::runs::{EngineFor, Lines, ReplSettings, Tail};

/// The most sessions at once. One more ends the session that was not used for the longest time.
const MOST: usize = 16;

/// A session that is not used for this long is ended.
const IDLE: Duration = Duration::from_secs(30 * 60);

/// How often unused sessions are looked for.
const LOOK: Duration = Duration::from_secs(60);

/// How long to wait for the end of a session.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lines that are shown beside one value.
const LINES: usize = 1000;

/// The sessions of one service.
pub(crate) struct Repl {
    engine_for: EngineFor,
    semaphores: Semaphores,
    folder: PathBuf,
    limits: Limits,
    secrets: Secrets,
    sessions: Mutex<HashMap<String, Arc<PanelSession>>>,
}

/// One session.
struct PanelSession {
    engine: Engine,
    /// Until it ends.
    session: Mutex<Option<Session>>,
    interrupter: Interrupter,
    output: Arc<Tail>,
    busy: AtomicBool,
    used: Mutex<Instant>,
}

/// How an input ended.
pub(crate) struct Evaluated {
    /// `Ok(None)` for `undefined`.
    pub(crate) value: Result<Option<Shown>, Box<RuleError>>,
    pub(crate) took: Duration,
    /// What it printed.
    pub(crate) lines: Lines,
    /// The session has ended with it.
    pub(crate) is_over: bool,
    /// It was stopped because it took longer than this.
    pub(crate) out_of_time: Option<Duration>,
}

/// Why an input was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplError {
    #[error("the session still carries out another input; stop that first")]
    Busy,
    #[error("{MOST} sessions carry out inputs, and no more begin")]
    TooMany,
}

impl Repl {
    pub(crate) fn new(settings: ReplSettings, semaphores: Semaphores) -> Arc<Self> {
        let ReplSettings {
            engine_for,
            folder,
            limits,
            secrets,
        } = settings;
        let repl = Arc::new(Self {
            engine_for,
            semaphores,
            folder,
            limits,
            secrets,
            sessions: Mutex::default(),
        });
        let weak = Arc::downgrade(&repl);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK).await;
                let Some(repl) = weak.upgrade() else { return };
                repl.end_idle();
            }
        });
        repl
    }

    /// Carries out an input in the session of this name. It is stopped when the future is dropped.
    pub(crate) async fn evaluate(
        self: &Arc<Self>,
        name: &str,
        person: &Person,
        code: String,
    ) -> Result<Evaluated, ReplError> {
        let session = self.begin_input(name, person)?;
        let (answer, answered) = oneshot::channel();
        let (repl, name, evaluating) = (Arc::clone(self), name.to_owned(), Arc::clone(&session));
        // A task of its own: the next input is not carried out before this one has ended, also if it is dropped.
        tokio::spawn(async move {
            let evaluated = evaluating.evaluate(&code, repl.limits.timeout).await;
            if evaluated.is_over {
                repl.sessions.lock().remove(&name);
                evaluating.end().await;
            }
            *evaluating.used.lock() = Instant::now();
            evaluating.busy.store(false, Ordering::Release);
            // The client may have gone.
            let _ = answer.send(evaluated);
        });
        let stop = StopOnDrop(Some(session.interrupter.clone()));
        let evaluated = answered.await;
        stop.disarm();
        // The task always answers, unless the program ends.
        evaluated.map_err(|_| ReplError::Busy)
    }

    /// The session of this name, which is begun if need be, for one input.
    fn begin_input(&self, name: &str, person: &Person) -> Result<Arc<PanelSession>, ReplError> {
        let mut sessions = self.sessions.lock();
        if let Some(session) = sessions.get(name) {
            if session.busy.swap(true, Ordering::AcqRel) {
                return Err(ReplError::Busy);
            }
            return Ok(Arc::clone(session));
        }
        if sessions.len() >= MOST {
            let idle = sessions.iter().filter(|(_, session)| !session.is_busy());
            let oldest = idle.min_by_key(|(_, session)| *session.used.lock());
            let oldest = oldest.map(|(name, _)| name.clone());
            let oldest = oldest.and_then(|name| sessions.remove(&name));
            let oldest = oldest.ok_or(ReplError::TooMany)?;
            tokio::spawn(async move { oldest.end().await });
        }
        let session = Arc::new(self.begin(person));
        sessions.insert(name.to_owned(), Arc::clone(&session));
        Ok(session)
    }

    fn begin(&self, person: &Person) -> PanelSession {
        let from = person.from().map(|address| address.to_string());
        let actor = Actor::new(person.login(), from.unwrap_or_default(), "repl");
        let engine = (self.engine_for)(self.semaphores.acting_as(actor));
        let output = Arc::new(Tail::new());
        // The time limit is that of each input, not of the session.
        let mut limits = self.limits;
        limits.timeout = None;
        let options = RunOptions::new()
            .name(format!("repl of {}", person.login()))
            .limits(limits)
            .secrets(self.secrets.clone())
            .output(Arc::clone(&output) as Arc<dyn Output>);
        let said = Arc::clone(&output);
        let folder = self.folder.canonicalize().ok();
        let session = Session::start(&engine, options, folder, move |error| {
            said.write(OutputStream::Stderr, &error.render(false));
        });
        PanelSession {
            engine,
            interrupter: session.interrupter(),
            session: Mutex::new(Some(session)),
            output,
            busy: AtomicBool::new(true),
            used: Mutex::new(Instant::now()),
        }
    }

    /// Stops the input that is carried out in this session; `false` if there is none.
    pub(crate) fn stop(&self, name: &str) -> bool {
        let sessions = self.sessions.lock();
        let session = sessions.get(name).filter(|session| session.is_busy());
        if let Some(session) = session {
            session.interrupter.interrupt();
        }
        session.is_some()
    }

    /// What was printed in this session after this line.
    pub(crate) fn output(&self, name: &str, after: u64) -> Lines {
        let session = self.sessions.lock().get(name).cloned();
        session
            .map(|session| session.output.lines(after, LINES))
            .unwrap_or_default()
    }

    /// Whether this session goes on, and where its output is.
    pub(crate) fn place(&self, name: &str) -> Option<u64> {
        let session = self.sessions.lock().get(name).cloned();
        session.map(|session| session.output.count())
    }

    /// Ends this session, even if an input runs. Returns whether there was one.
    pub(crate) async fn end(&self, name: &str) -> bool {
        let session = self.sessions.lock().remove(name);
        match session {
            Some(session) => {
                session.end().await;
                true
            }
            None => false,
        }
    }

    /// Ends the sessions that are no longer used.
    fn end_idle(&self) {
        let mut sessions = self.sessions.lock();
        let idle = sessions
            .extract_if(|_, session| !session.is_busy() && session.used.lock().elapsed() > IDLE);
        for (_, session) in idle {
            tokio::spawn(async move { session.end().await });
        }
    }

    /// The end: inputs that run get this long, and are then stopped; all sessions give back what they hold.
    pub(crate) async fn drain(&self, grace: Duration) {
        let until = Instant::now() + grace;
        while Instant::now() < until
            && self
                .sessions
                .lock()
                .values()
                .any(|session| session.is_busy())
        {
            /// How often it is seen whether all have ended.
            const OFTEN: Duration = Duration::from_millis(20);
            tokio::time::sleep(OFTEN).await;
        }
        let sessions: Vec<_> = self.sessions.lock().drain().collect();
        let ends = sessions.iter().map(|(_, session)| session.end());
        futures_util::future::join_all(ends).await;
    }
}

impl PanelSession {
    fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    async fn evaluate(&self, code: &str, limit: Option<Duration>) -> Evaluated {
        self.output.end_lines();
        let first = self.output.count();
        let started = Instant::now();
        let answer = {
            let session = self.session.lock();
            let evaluate = |session: &Session| {
                session.evaluate(code, |ctx, run, value| {
                    Shown::of(ctx, &value, run.secrets())
                })
            };
            session.as_ref().map(evaluate)
        };
        let mut out_of_time = None;
        let value = match answer {
            Some(answer) => {
                let mut answer = std::pin::pin!(answer);
                match limit {
                    None => answer.await,
                    Some(limit) => match tokio::time::timeout(limit, &mut answer).await {
                        Ok(value) => value,
                        Err(_) => {
                            out_of_time = Some(limit);
                            self.interrupter.interrupt();
                            answer.await
                        }
                    },
                }
            }
            None => Ok(None),
        };
        let took = started.elapsed();
        self.output.end_lines();
        // The run as a whole was cancelled, or has ended for another reason.
        let is_over = match &value {
            Ok(_) => self.session.lock().is_none(),
            Err(error) => match error.kind {
                ErrorKind::Cancelled => error.name != "Interrupted",
                ErrorKind::Exited => true,
                ErrorKind::Load => error.message == "the session has ended",
                _ => false,
            },
        };
        Evaluated {
            value: value.map_err(Box::new),
            took,
            lines: self.output.lines(first, LINES),
            is_over,
            out_of_time,
        }
    }

    /// Ends it, and waits until all that it holds is given back.
    async fn end(&self) {
        self.interrupter.interrupt();
        let session = self.session.lock().take();
        let ended = async {
            if let Some(session) = session {
                session.close().await;
            }
            // What its code forked.
            self.engine.cancel_all();
            self.engine.idle().await;
        };
        if tokio::time::timeout(PATIENCE, ended).await.is_err() {
            tracing::error!("a session of the REPL does not end");
        }
    }
}

/// Stops an input whose client has gone.
struct StopOnDrop(Option<Interrupter>);

impl StopOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if let Some(interrupter) = &self.0 {
            interrupter.interrupt();
        }
    }
}
