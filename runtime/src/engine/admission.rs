//! How many runs an engine has at once, in all and for each of its host's customers.
//!
//! A run that must wait for its turn waits in the line of a semaphore that is the engine's own, so it is first come, first
//! served, and giving up needs no care. Runs that others start do not ask: the one that started them has a place.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cla_semaphore::{Permit, Request, SemaphoreName, Semaphores, Slots};

use crate::run_data::RunData;

/// What becomes of a run for which there is no room.
///
/// ```
/// use cla_runtime::engine::WhenFull;
/// use cla_runtime::error::ErrorKind;
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let engine = Engine::builder().max_runs(1, WhenFull::Refuse).build();
/// let first = engine.run(Script::javascript("first", "while (true) {}"), RunOptions::new());
/// let second = engine.run(Script::javascript("second", "1"), RunOptions::new()).wait();
/// assert_eq!(second.result.unwrap_err().kind, ErrorKind::Refused);
/// first.cancel();
/// # first.wait();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// It waits for its turn, first come, first served. Its time limit begins when it starts.
    Wait,
    /// It fails at once, with an error of the kind [`Refused`](crate::error::ErrorKind::Refused).
    Refuse,
}

/// The bounds of an engine.
#[derive(Default)]
pub(crate) struct Admission {
    all: Option<Bound>,
    by_key: Option<(KeyOf, Bound)>,
}

type KeyOf = Box<dyn Fn(&RunData) -> Option<String> + Send + Sync>;

struct Bound {
    lines: Semaphores,
    most: u32,
    when_full: WhenFull,
}

/// The places of a run; dropping them lets the next ones start.
pub(super) struct Places(#[expect(dead_code, reason = "held until it is dropped")] Vec<Permit>);

/// A run on its way to its places.
pub(super) type Entering = Pin<Box<dyn Future<Output = Result<Places, Full>> + Send>>;

/// There is no place for a run.
pub(super) struct Full(pub(super) String);

impl Bound {
    fn new(most: u32, when_full: WhenFull) -> Self {
        Self {
            lines: Semaphores::memory(),
            most,
            when_full,
        }
    }

    async fn enter(&self, line: &str, whose: &str) -> Result<Permit, Full> {
        let full = || {
            let most = self.most;
            Full(format!(
                "{most} rules{whose} run at once already, which is all that may"
            ))
        };
        let name = SemaphoreName::new(line).map_err(|_| full())?;
        let request = Request::new().slots(Slots::Limited(self.most));
        let permit = match self.when_full {
            WhenFull::Wait => self
                .lines
                .semaphore(&name)
                .acquire()
                .with(request)
                .await
                .ok(),
            WhenFull::Refuse => self
                .lines
                .semaphore(&name)
                .acquire()
                .with(request)
                .if_free()
                .await
                .ok()
                .flatten(),
        };
        permit.ok_or_else(full)
    }
}

impl Admission {
    pub(crate) fn bound_all(&mut self, most: u32, when_full: WhenFull) {
        self.all = Some(Bound::new(most.max(1), when_full));
    }

    pub(crate) fn bound_each<T: Any + Send + Sync>(
        &mut self,
        key: impl Fn(&T) -> String + Send + Sync + 'static,
        most: u32,
        when_full: WhenFull,
    ) {
        let key_of = move |data: &RunData| Some(key(&*data.get::<T>()?));
        self.by_key = Some((Box::new(key_of), Bound::new(most.max(1), when_full)));
    }

    /// Puts a run into the lines in which it must stand, if there are any: those who ask later stand behind it, whichever
    /// thread they run on.
    pub(super) fn join(self: &Arc<Self>, data: &RunData) -> Option<Entering> {
        if self.all.is_none() && self.by_key.is_none() {
            return None;
        }
        let (admission, data) = (Arc::clone(self), data.clone());
        let mut entering: Entering = Box::pin(async move { admission.enter(&data).await });
        let mut nobody = Context::from_waker(Waker::noop());
        Some(match entering.as_mut().poll(&mut nobody) {
            Poll::Ready(entered) => Box::pin(std::future::ready(entered)),
            Poll::Pending => entering,
        })
    }

    /// Gets a run its places, or says why there are none.
    async fn enter(&self, data: &RunData) -> Result<Places, Full> {
        let mut places = Vec::new();
        // First what it shares with few: one that waits there takes no place from all others.
        if let Some((key_of, bound)) = &self.by_key
            && let Some(key) = key_of(data)
        {
            places.push(bound.enter(&line_of(&key), &format!(" of {key:?}")).await?);
        }
        if let Some(bound) = &self.all {
            places.push(bound.enter("runs", "").await?);
        }
        Ok(Places(places))
    }
}

/// A name for the line of this key. A key may be any text; the name of a semaphore may not.
fn line_of(key: &str) -> String {
    let mut name = String::from("key ");
    for byte in key.bytes().take(100) {
        name.push_str(&format!("{byte:02x}"));
    }
    if key.len() > 100 {
        // What is left of a long one.
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        name.push_str(&format!(" {} {:x}", key.len(), hasher.finish()));
    }
    name
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("all", &self.all.as_ref().map(|bound| bound.most))
            .field("each", &self.by_key.as_ref().map(|(_, bound)| bound.most))
            .finish()
    }
}
