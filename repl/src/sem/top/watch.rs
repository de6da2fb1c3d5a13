//! Reads the store only when something happened there: events say which semaphore, and a read gives its present
//! state. A store that fails is tried again, each time after a longer pause.

use std::collections::HashSet;
use std::future::pending;
use std::time::Duration;

use cla_runtime::semaphore::queue::ENDED_SHOWN;
use cla_runtime::semaphore::{
    Events, EventsError, SemaphoreName, SemaphoreView, Semaphores, Status, StoreError,
};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::source::Source;
use super::FRAME;
use super::state::{Input, Reading};

/// What happens at more semaphores than this at once is read with all the others.
const ONE_BY_ONE: usize = 4;

/// After reading a large store, the pause before the next read is this many times as long as the read, so
/// that others can use the store.
const REST: u32 = 3;

/// The longest such pause: a slow answer may only have been a lost connection.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// How long to wait before a store that failed is tried again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(3));

/// Rows that ended leave the screen without an event, this much later than the store forgets them.
const LEAVE_LATE: Duration = Duration::from_millis(100);

/// What has to be read.
#[derive(Debug, PartialEq, Eq)]
enum Stale {
    All,
    Some(HashSet<SemaphoreName>),
}

impl Stale {
    fn nothing() -> Self {
        Self::Some(HashSet::new())
    }

    fn add(&mut self, name: SemaphoreName) {
        if let Self::Some(names) = self {
            names.insert(name);
            if names.len() > ONE_BY_ONE {
                *self = Self::All;
            }
        }
    }

    fn heard(&mut self, heard: Result<SemaphoreName, EventsError>) {
        match heard {
            Ok(name) => self.add(name),
            Err(_) => *self = Self::All,
        }
    }
}

/// Sends the state of the semaphores, at first and after each change; nothing while it is `paused`.
pub(super) async fn watch(
    semaphores: &Semaphores,
    source: &Source,
    mut paused: watch::Receiver<bool>,
    inputs: UnboundedSender<Input>,
) {
    // Before the first look, so that no event in between is missed.
    let mut events = semaphores.subscribe();
    let mut stale = Stale::All;
    let mut leaving = Leaving::default();
    let mut patience = RETRY.0;
    loop {
        // When the receiver is gone, this future is dropped, so a failed send needs no answer.
        let send = |reading| drop(inputs.send(Input::Read(reading)));
        if paused.wait_for(|paused| !paused).await.is_err() {
            return;
        }
        send(Reading::Begun);
        let began = Instant::now();
        match read(semaphores, &stale).await {
            Ok(readings) => {
                for reading in readings {
                    leaving.note(&reading);
                    send(reading);
                }
                stale = Stale::nothing();
                patience = RETRY.0;
            }
            Err(error) => {
                send(Reading::Failed(source.complaint(&error)));
                sleep(patience).await;
                patience = (patience * 2).min(RETRY.1);
                // A subscription that the store did not get stays silent.
                events = semaphores.subscribe();
                stale = Stale::All;
                continue;
            }
        }
        let rested = Instant::now() + (began.elapsed() * REST).clamp(FRAME, LONGEST_REST);
        tokio::select! {
            heard = next(&mut events) => stale.heard(heard),
            () = leaving.gone() => {
                for name in std::mem::take(&mut leaving.from) {
                    stale.add(name);
                }
            }
            changed = paused.changed() => {
                if changed.is_err() {
                    return;
                }
                stale = Stale::All;
            }
        }
        sleep_until(rested).await;
        if gather(&mut events, &mut stale) == Gathered::Closed {
            // The store may be opened again; what was subscribed to is gone.
            events = semaphores.subscribe();
            stale = Stale::All;
            sleep(RETRY.1).await;
        }
    }
}

/// Where rows are shown that ended a moment ago.
#[derive(Default)]
struct Leaving {
    from: HashSet<SemaphoreName>,
    at: Option<Instant>,
}

impl Leaving {
    fn note(&mut self, reading: &Reading) {
        match reading {
            Reading::All(views) => {
                let left = views.iter().filter(|view| has_ended_ones(view));
                self.from = left.map(|view| view.name.clone()).collect();
            }
            Reading::One(name, Some(view)) if has_ended_ones(view) => {
                self.from.insert(name.clone());
            }
            Reading::One(name, _) => {
                self.from.remove(name);
            }
            Reading::Begun | Reading::Failed(_) => {}
        }
        let any = !self.from.is_empty();
        self.at = any.then(|| Instant::now() + ENDED_SHOWN + LEAVE_LATE);
    }

    /// Ends when all of them are to be seen no more.
    async fn gone(&self) {
        match self.at {
            Some(at) => sleep_until(at).await,
            None => pending().await,
        }
    }
}

fn has_ended_ones(view: &SemaphoreView) -> bool {
    let live = |status| matches!(status, Status::Busy | Status::Waiting);
    // They come last.
    view.requests
        .last()
        .is_some_and(|request| !live(request.status))
}

async fn next(events: &mut Events) -> Result<SemaphoreName, EventsError> {
    Ok(events.recv().await?.semaphore)
}

#[derive(PartialEq, Eq)]
enum Gathered {
    Open,
    Closed,
}

/// What else has happened by now.
fn gather(events: &mut Events, stale: &mut Stale) -> Gathered {
    loop {
        match events.try_recv() {
            Ok(Some(event)) => stale.add(event.semaphore),
            Ok(None) => return Gathered::Open,
            Err(error @ EventsError::Missed(_)) => stale.heard(Err(error)),
            Err(EventsError::Closed) => return Gathered::Closed,
        }
    }
}

async fn read(semaphores: &Semaphores, stale: &Stale) -> Result<Vec<Reading>, StoreError> {
    match stale {
        Stale::All => Ok(vec![Reading::All(semaphores.list().await?)]),
        Stale::Some(names) => {
            let mut readings = Vec::with_capacity(names.len());
            for name in names {
                let view = semaphores.show(name).await?;
                readings.push(Reading::One(name.clone(), view));
            }
            Ok(readings)
        }
    }
}

#[cfg(test)]
mod tests {
    use cla_runtime::semaphore::{Slots, StoreUrl};
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
    use tokio::time::timeout;

    use super::*;
    use crate::store::{Choice, Origin};

    #[test]
    fn what_happens_in_many_places_at_once_is_read_in_one_go() {
        let name = |nth: usize| SemaphoreName::new(format!("s{nth}")).unwrap();
        let mut stale = Stale::nothing();
        for nth in 0..ONE_BY_ONE {
            stale.add(name(nth));
            stale.add(name(0));
        }
        assert!(matches!(&stale, Stale::Some(names) if names.len() == ONE_BY_ONE));
        stale.add(name(ONE_BY_ONE));
        assert_eq!(stale, Stale::All);
        stale.add(name(0));
        assert_eq!(stale, Stale::All);
    }

    #[test]
    fn missed_events_make_everything_stale() {
        let mut stale = Stale::nothing();
        stale.heard(Err(EventsError::Missed(0)));
        assert_eq!(stale, Stale::All);
    }

    /// A store in memory that is watched, and the readings that were sent.
    struct Watched {
        semaphores: Semaphores,
        inputs: UnboundedReceiver<Input>,
        paused: watch::Sender<bool>,
    }

    impl Watched {
        fn start() -> Self {
            let semaphores = Semaphores::memory();
            let (sender, inputs) = unbounded_channel();
            let (paused, is_paused) = watch::channel(false);
            let watched = semaphores.clone();
            tokio::spawn(async move {
                let (url, origin) = (StoreUrl::Memory, Origin::Flag);
                let source = Source::Store(Box::new(Choice { url, origin }));
                super::watch(&watched, &source, is_paused, sender).await;
            });
            Self {
                semaphores,
                inputs,
                paused,
            }
        }

        /// The next picture of the store, unless none comes for an hour.
        async fn next(&mut self) -> Option<Reading> {
            const HOUR: Duration = Duration::from_secs(3600);
            loop {
                match timeout(HOUR, self.inputs.recv()).await {
                    Ok(Some(Input::Read(Reading::Begun))) => {}
                    Ok(Some(Input::Read(reading))) => return Some(reading),
                    Ok(other) => panic!("{other:?}"),
                    Err(_) => return None,
                }
            }
        }

        async fn set(&self, name: &str, slots: u32) {
            let name = SemaphoreName::new(name).unwrap();
            let slots = Slots::Limited(slots);
            self.semaphores.set_slots(&name, slots).await.unwrap();
        }
    }

    fn slots(view: &SemaphoreView) -> String {
        format!("{} {}", view.name, view.slots)
    }

    #[tokio::test(start_paused = true)]
    async fn the_store_is_read_when_something_happened_there_and_only_then() {
        let mut watched = Watched::start();
        watched.set("a", 1).await;
        let Some(Reading::All(views)) = watched.next().await else {
            panic!("all of it, at first");
        };
        assert_eq!(views.iter().map(slots).collect::<Vec<_>>(), ["a 1"]);
        assert!(watched.next().await.is_none(), "nothing happens");
        watched.set("b", 2).await;
        let Some(Reading::One(_, Some(view))) = watched.next().await else {
            panic!("what changed");
        };
        assert_eq!(slots(&view), "b 2");
        assert!(watched.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn much_that_happens_at_once_is_read_once() {
        let mut watched = Watched::start();
        watched.next().await.unwrap();
        // More events than are kept for a slow subscriber.
        for slots in 0..3_000 {
            watched.set("a", slots).await;
        }
        let mut pictures = 0;
        let mut last = None;
        while let Some(reading) = watched.next().await {
            pictures += 1;
            last = match reading {
                Reading::All(views) => views.first().map(slots),
                Reading::One(_, view) => view.as_ref().map(slots),
                other => panic!("{other:?}"),
            };
        }
        assert!(pictures <= 2, "{pictures} pictures");
        assert_eq!(last.as_deref(), Some("a 2999"));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_read_while_it_is_paused_and_everything_afterwards() {
        let mut watched = Watched::start();
        watched.next().await.unwrap();
        watched.paused.send_replace(true);
        // It learns of that before the next thing happens.
        tokio::task::yield_now().await;
        watched.set("a", 1).await;
        assert!(watched.next().await.is_none());
        watched.paused.send_replace(false);
        assert!(matches!(watched.next().await, Some(Reading::All(views)) if views.len() == 1));
        assert!(watched.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn rows_that_ended_are_read_once_more_when_they_are_to_leave() {
        let mut watched = Watched::start();
        watched.next().await.unwrap();
        let name = SemaphoreName::new("a").unwrap();
        let permit = watched.semaphores.semaphore(&name).acquire().await;
        drop(permit.unwrap());
        let rows = |reading: &Option<Reading>| match reading {
            Some(Reading::One(_, Some(view))) => view.requests.len(),
            other => panic!("{other:?}"),
        };
        let began = Instant::now();
        assert_eq!(rows(&watched.next().await), 1);
        rows(&watched.next().await);
        assert!(began.elapsed() > ENDED_SHOWN);
    }
}
