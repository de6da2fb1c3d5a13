//! What a function of the host's learns about the run that calls it.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use cla_semaphore::RunId;

use super::error::HostError;
use crate::clock::{Activity, Clock, Wait};
use crate::control::Control;
use crate::permissions::{PermissionDenied, Permissions};
use crate::run::Run;
use crate::run_data::RunData;

/// The run that calls a function of a [`HostModule`](crate::HostModule), or that imports a module of a
/// [`ModuleLoader`](crate::host::ModuleLoader).
///
/// It may be cloned, sent to other threads and kept: after the run's end it still names it, and
/// [`is_stopped`](Self::is_stopped) is true.
///
/// ```
/// # use cla_runtime::host::{Call, HostError};
/// # use cla_runtime::permissions::Permission;
/// # use cla_runtime::{Engine, HostModule, Permissions, RunOptions, Script};
/// let files = HostModule::new("app/files")
///     .function_with("size", |call: &Call, (path,): (String,)| -> Result<u64, HostError> {
///         let path = call.permitted(call.permissions().read(path.as_ref()))?;
///         Ok(std::fs::metadata(path)?.len())
///     });
/// let engine = Engine::builder().module(files).build(); // its rules may read nothing
/// let rule = "require('app/files').size('/etc/passwd')";
/// let error = engine.run(Script::javascript("rule", rule), RunOptions::new()).wait().result.unwrap_err();
/// assert_eq!(error.name, "PermissionError");
/// ```
#[derive(Clone)]
pub struct Call(Arc<Facts>);

struct Facts {
    id: RunId,
    name: Arc<str>,
    permissions: Permissions,
    data: RunData,
    control: Arc<Control>,
    clock: Clock,
    activity: Option<Arc<Activity>>,
}

impl Call {
    pub(crate) fn new(run: &Run) -> Self {
        Self(Arc::new(Facts {
            id: run.id,
            name: Arc::clone(&run.name),
            permissions: run.permissions().clone(),
            data: run.data.clone(),
            control: Arc::clone(&run.control),
            clock: run.clock().clone(),
            activity: run.activity.clone(),
        }))
    }

    /// The run's id, which semaphores show as the owner's.
    #[must_use]
    pub fn run_id(&self) -> RunId {
        self.0.id
    }

    /// The run's name, for people.
    #[must_use]
    pub fn run_name(&self) -> &str {
        &self.0.name
    }

    /// What the run may reach. A function that acts for the rule asks here first.
    #[must_use]
    pub fn permissions(&self) -> &Permissions {
        &self.0.permissions
    }

    /// What was asked for, if it is permitted: `call.permitted(call.permissions().read(path.as_ref()))?`.
    ///
    /// # Errors
    ///
    /// What a rule sees as a `PermissionError`, with the fields `permission`, `resource` and `flag`.
    pub fn permitted<T>(&self, asked: Result<T, PermissionDenied>) -> Result<T, HostError> {
        asked.map_err(HostError::from)
    }

    /// What the host [gave the run along](crate::RunOptions::data), of this type: its tenant, its user. Rules do not see it.
    ///
    /// ```
    /// # use cla_runtime::host::Call;
    /// # use cla_runtime::{Engine, HostModule, RunOptions, Script};
    /// struct Tenant(&'static str);
    /// let module = HostModule::new("app/tenant").function_with("name", |call: &Call, (): ()| {
    ///     Ok(call.data::<Tenant>().map(|tenant| tenant.0))
    /// });
    /// let engine = Engine::builder().module(module).build();
    /// let rule = Script::javascript("rule", "require('app/tenant').name()");
    /// let report = engine.run(rule, RunOptions::new().data(Tenant("acme"))).wait();
    /// assert_eq!(report.result.unwrap(), "acme");
    /// ```
    #[must_use]
    pub fn data<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.data.get()
    }

    /// Sleeps by the clock of the run. It keeps a test clock from jumping no more than a sleep of the rule does: meanwhile, the
    /// function must wait for nothing else.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use cla_runtime::clock::TestClock;
    /// # use cla_runtime::host::{Call, HostError};
    /// # use cla_runtime::{Engine, HostModule, RunOptions, Script};
    /// let module = HostModule::new("app/oven").blocking_function_with("bake", |call: Call, (): ()| async move {
    ///     call.sleep(Duration::from_secs(3600)).await;
    ///     Ok("a loaf")
    /// });
    /// let engine = Engine::builder().clock(TestClock::auto()).module(module).build();
    /// let report = engine.run(Script::javascript("rule", "require('app/oven').bake()"), RunOptions::new()).wait();
    /// assert_eq!(report.ran, Duration::from_secs(3600));
    /// ```
    pub async fn sleep(&self, duration: Duration) {
        let mut sleep = pin!(self.clock().sleep(duration));
        let Some(activity) = &self.0.activity else {
            return sleep.await;
        };
        let mut asleep = None;
        poll_fn(|cx| {
            let polled = sleep.as_mut().poll(cx);
            if polled.is_pending() && asleep.is_none() {
                asleep = Asleep::new(activity);
            }
            polled
        })
        .await;
    }

    /// The time that the run sees: a function that tells the time uses it, so that tests can move it.
    ///
    /// To a test clock that jumps by itself, a call of a host's function is I/O in flight, also while it waits for a
    /// [sleep](Clock::sleep) of this clock beside other things.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use cla_runtime::clock::TestClock;
    /// # use cla_runtime::host::Call;
    /// # use cla_runtime::{Engine, HostModule, RunOptions, Script};
    /// let module = HostModule::new("app/time").function_with("hours", |call: &Call, (): ()| {
    ///     let since = call.clock().date().duration_since(SystemTime::UNIX_EPOCH);
    ///     Ok(since.map(|since| since.as_secs() / 3600).unwrap_or_default())
    /// });
    /// let clock = TestClock::new_at(SystemTime::UNIX_EPOCH);
    /// clock.advance(std::time::Duration::from_secs(7200));
    /// let engine = Engine::builder().clock(&clock).module(module).build();
    /// let rule = Script::javascript("rule", "require('app/time').hours()");
    /// assert_eq!(engine.run(rule, RunOptions::new()).wait().result.unwrap(), 2);
    /// ```
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Whether the run was cancelled, or stopped at a limit, or is over. A function that computes for long asks now and
    /// then, and returns.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.control.has_ended()
    }

    /// Waits until the run is stopped or over.
    ///
    /// This is for tasks that a function starts on an executor of the host's. The future of a function itself need not
    /// wait for this: it is dropped.
    pub async fn stopped(&self) {
        self.0.control.until_ended().await;
    }
}

/// A function sleeps, to the clock of its run.
struct Asleep<'a> {
    activity: &'a Activity,
    before: Wait,
}

impl<'a> Asleep<'a> {
    fn new(activity: &'a Activity) -> Option<Self> {
        let before = activity.sleeps()?;
        Some(Self { activity, before })
    }
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        self.activity.goes_on(self.before);
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("run_id", &self.0.id)
            .field("run_name", &self.0.name)
            .finish_non_exhaustive()
    }
}
