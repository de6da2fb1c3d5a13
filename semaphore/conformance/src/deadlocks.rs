//! Rule 9: a wait that can never end is an error, not a hang. The runs of a cycle are at different clients
//! wherever they can be.

use super::Subject;
use super::stage::{At, Fixture, Waiter, done, ms, ttl};
use cla_semaphore::NamedRun;
use cla_semaphore::Owner;
use cla_semaphore::Permit;
use cla_semaphore::Request;
use cla_semaphore::RunId;
use cla_semaphore::Slots;
use cla_semaphore::Status;
use cla_semaphore::{AcquireError, DeadlockError};

/// A run: takes, waits, and holds what it took.
struct Run<'a> {
    id: RunId,
    who: &'static str,
    at: &'a At,
}

impl<'a> Run<'a> {
    fn new(at: &'a At, who: &'static str) -> Self {
        let id = RunId::unique();
        Self { id, who, at }
    }

    fn request(&self) -> Request {
        Request::new().owner(Owner::new(self.who).with_run(self.id))
    }

    fn named(&self) -> NamedRun {
        NamedRun {
            run: self.id,
            who: self.who.to_owned(),
        }
    }

    /// Its request while these wait for its end, the nearest first.
    fn request_for(&self, dependents: &[&Run<'_>]) -> Request {
        let dependents: Vec<NamedRun> = dependents.iter().map(|run| run.named()).collect();
        let owner = Owner::new(self.who).with_run(self.id);
        Request::new().owner(owner.with_dependents(dependents))
    }

    #[track_caller]
    fn wait_for(&self, dependents: &[&Run<'_>], semaphore: &str) -> Waiter {
        self.at.on(semaphore).wait_as(self.request_for(dependents))
    }

    /// Asks for what it can never have, while these wait for its end.
    #[track_caller]
    fn is_told_while(&self, dependents: &[&Run<'_>], semaphore: &str) -> DeadlockError {
        let request = self.request_for(dependents);
        is_deadlock(self.at.on(semaphore).acquire(request))
    }

    #[track_caller]
    fn take(&self, semaphore: &str) -> Permit {
        self.at.on(semaphore).take_as(self.request())
    }

    #[track_caller]
    fn wait(&self, semaphore: &str) -> Waiter {
        self.at.on(semaphore).wait_as(self.request())
    }

    /// Asks for what it can never have.
    #[track_caller]
    fn is_told(&self, semaphore: &str) -> DeadlockError {
        is_deadlock(self.at.on(semaphore).acquire(self.request()))
    }
}

#[track_caller]
fn is_deadlock<T: std::fmt::Debug>(outcome: Result<T, AcquireError>) -> DeadlockError {
    match outcome {
        Err(AcquireError::Deadlock(error)) => error,
        other => panic!("it can never end, yet: {other:?}"),
    }
}

fn links(error: &DeadlockError) -> Vec<(RunId, &str, &str)> {
    let links = error.cycle().iter();
    links
        .map(|link| (link.run, link.holds.as_str(), link.waits_for.as_str()))
        .collect()
}

/// "Self-deadlock is the smallest case."
pub(super) fn a_run_that_waits_for_the_slot_it_holds_itself_is_told(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let run = Run::new(a, "nested.js");
    let held = run.take("x");
    let error = run.is_told("x");
    assert_eq!(links(&error), [(run.id, "x", "x")]);
    assert_eq!(error.cycle()[0].who, "nested.js");
    let text = error.to_string();
    assert!(
        text.contains("nested.js") && text.contains("\"x\""),
        "{text}"
    );
    assert_eq!(b.counts(), (Slots::ONE, 1, 0), "it left the line");
    let refused = b.until("the refused request is shown", |view| {
        view.requests.len() == 2
    });
    assert_eq!(refused.requests[1].status, Status::Cancelled);
    assert!(!held.is_lost());
    a.release(held);
}

/// A run may be at both clients: it is one thread of control wherever it asks.
pub(super) fn a_run_deadlocks_with_itself_across_clients(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let here = Run::new(a, "moves.js");
    let there = Run { at: b, ..here };
    let _held = here.take("x");
    assert_eq!(links(&there.is_told("x")), [(here.id, "x", "x")]);
}

/// "A run that waits for a semaphore whose slots are all held by runs that wait, directly or through others,
/// for this one gets a `SemaphoreDeadlockError` that names the cycle."
pub(super) fn of_two_runs_that_wait_for_each_other_the_second_is_told_and_the_first_goes_on(
    subject: &dyn Subject,
) {
    let stage = &Fixture::new(subject);
    let (a, b) = (Run::new(&stage.a, "a.js"), Run::new(&stage.b, "b.js"));
    let (_x, y) = (a.take("x"), b.take("y"));
    let mut waiting = a.wait("y");
    let error = b.is_told("x");
    assert_eq!(links(&error), [(b.id, "y", "x"), (a.id, "x", "y")]);
    assert_eq!(error.semaphore(), &stage.a.name);
    let whos: Vec<_> = error.cycle().iter().map(|link| &*link.who).collect();
    assert_eq!(whos, ["b.js", "a.js"]);
    assert!(waiting.still_waits());
    stage.b.release(y);
    drop(waiting.permit());
}

/// "... directly or through others ..."
pub(super) fn a_circle_of_five_is_named_in_order(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let runs = [
        Run::new(a, "0.js"),
        Run::new(b, "1.js"),
        Run::new(a, "2.js"),
        Run::new(b, "3.js"),
        Run::new(a, "4.js"),
    ];
    let names = ["s0", "s1", "{s}2", "s:3", "s4"];
    let held: Vec<_> = runs
        .iter()
        .zip(names)
        .map(|(run, name)| run.take(name))
        .collect();
    let waiting: Vec<_> = (0..4).map(|nth| runs[nth].wait(names[nth + 1])).collect();
    let error = runs[4].is_told("s0");
    let wanted = [4, 0, 1, 2, 3].map(|nth| (runs[nth].id, names[nth], names[(nth + 1) % 5]));
    assert_eq!(links(&error), wanted);
    // The last one releases, and all are admitted one after the other.
    drop(held);
    for waiter in waiting.into_iter().rev() {
        drop(waiter.permit());
    }
}

/// "... whose slots are *all* held by runs that wait ..."
pub(super) fn with_several_slots_one_holder_who_can_go_on_is_enough(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    stage.a.slots(2);
    let (a, b, c) = (
        Run::new(&stage.a, "a"),
        Run::new(&stage.b, "b"),
        Run::new(&stage.a, "c"),
    );
    let _both = (a.take("x"), b.take("x"));
    let _y = c.take("y");
    let _a = a.wait("y");
    let mut c_waits = c.wait("x");
    assert!(c_waits.still_waits(), "b is running, and holds a slot of x");
    let error = b.is_told("y");
    assert_eq!(links(&error), [(b.id, "x", "y"), (c.id, "y", "x")]);
    assert!(c_waits.still_waits());
}

/// A permit that expires ends by itself.
pub(super) fn what_is_held_with_a_ttl_is_no_deadlock(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    let (a, b) = (Run::new(&stage.a, "a"), Run::new(&stage.b, "b"));
    let expiring = stage.a.take_as(a.request().ttl(ttl(ms(60_000))));
    let y = b.take("y");
    let a_waits = a.wait("y");
    let b_waits = b.wait("x");
    done(stage.a.wait_for("refresh", expiring.refresh(ttl(ms(50)))));
    drop(b_waits.permit());
    stage.b.release(y);
    drop(a_waits.permit());
}

/// A wait that times out ends by itself.
pub(super) fn a_wait_with_a_timeout_is_no_deadlock(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    let (a, b) = (Run::new(&stage.a, "a"), Run::new(&stage.b, "b"));
    let (x, _y) = (a.take("x"), b.take("y"));
    // The one that closes the cycle is the patient one; then, the other way round.
    let poll_timeout = stage.a.poll_timeout;
    let a_waits = stage.a.on("y").wait_as(a.request().timeout(poll_timeout));
    let b_waits = b.wait("x");
    drop(a_waits);
    drop(x);
    let x = b_waits.permit();
    stage.b.release(x);
    let _x = a.take("x");
    let _a_waits = a.wait("y");
    let impatient = stage.b.acquire(b.request().timeout(ms(200)));
    assert!(
        matches!(impatient, Err(AcquireError::TimedOut { .. })),
        "{impatient:?}"
    );
}

/// Only owners with a run are threads of control.
pub(super) fn owners_without_a_run_are_no_threads_of_control(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let who = || Request::new().owner(Owner::process("a service"));
    let held = a.take_as(who());
    let mut waiter = a.wait_as(who());
    assert_eq!(b.line(), [waiter.id]);
    assert!(waiter.still_waits());
    a.release(held);
    drop(waiter.permit());
}

/// "`0` holds everybody back": more slots may come.
pub(super) fn an_administrators_lock_is_no_deadlock(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    let a = Run::new(&stage.a, "a");
    let _held = a.take("x");
    stage.b.slots(0);
    let mut waiting = a.wait("x");
    assert!(waiting.still_waits());
    stage.b.slots(2);
    drop(waiting.permit());
}

/// A granted request holds no slot for which one could wait.
pub(super) fn a_granted_holder_is_no_part_of_a_circle(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    let (a, b) = (Run::new(&stage.a, "a"), Run::new(&stage.b, "b"));
    let holder = stage.a.take();
    let granted = a.wait("x");
    done(stage.b.grant(granted.id));
    let _granted = granted.permit();
    let y = b.take("y");
    let b_waits = b.wait("x");
    let a_waits = a.wait("y");
    stage.a.release(holder);
    drop(b_waits.permit());
    stage.b.release(y);
    drop(a_waits.permit());
}

/// A run that waits for two things at once may go on by one of them.
pub(super) fn a_run_that_waits_for_two_things_may_still_go_on_by_one_of_them(
    subject: &dyn Subject,
) {
    let stage = &Fixture::new(subject);
    let (a, b) = (Run::new(&stage.a, "a"), Run::new(&stage.b, "b"));
    let (_x, _y) = (a.take("x"), b.take("y"));
    let _z = stage.b.on("z").take();
    let (a_for_y, a_for_z) = (a.wait("y"), a.wait("z"));
    let mut b_waits = b.wait("x");
    assert!(b_waits.still_waits());
    // Now only the wait that closes the cycle is left.
    drop(a_for_z);
    is_deadlock(
        stage
            .a
            .wait_for("the wait that can never end", a_for_y.into_future()),
    );
    assert_eq!(stage.b.line(), [b_waits.id]);
    assert!(b_waits.still_waits());
}

/// Fewer slots can make a wait one that never ends: the last in line is refused.
pub(super) fn taking_slots_away_can_close_a_circle(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    stage.a.slots(2);
    let (a, b) = (Run::new(&stage.a, "a"), Run::new(&stage.b, "b"));
    let _a_x = a.take("x");
    let _other = stage.a.take();
    let _y = b.take("y");
    let mut a_waits = a.wait("y");
    let b_waits = b.wait("x");
    // Two are busy; with one slot both must end before b has its turn.
    stage.a.slots(1);
    let error = is_deadlock(stage.b.wait_for("the wait", b_waits.into_future()));
    assert_eq!(error.semaphore(), &stage.a.name);
    assert!(a_waits.still_waits());
    assert_eq!(stage.a.on("y").line(), [a_waits.id]);
}

/// Who merely waits behind a cycle is not part of it.
pub(super) fn who_merely_waits_behind_a_circle_is_not_told(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    let (a, b, c) = (
        Run::new(&stage.a, "a"),
        Run::new(&stage.b, "b"),
        Run::new(&stage.b, "c"),
    );
    let (x, y) = (a.take("x"), b.take("y"));
    let mut c_waits = c.wait("x");
    let mut a_waits = a.wait("y");
    b.is_told("x");
    assert!(c_waits.still_waits() && a_waits.still_waits());
    stage.b.release(y);
    drop(a_waits.permit());
    stage.a.release(x);
    drop(c_waits.permit());
}

/// What is over is over: the same runs in the same order, with nothing held in between, are no deadlock.
pub(super) fn runs_that_let_go_leave_no_trace(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    let (a, b) = (Run::new(&stage.a, "a"), Run::new(&stage.b, "b"));
    for _ in 0..3 {
        let x = a.take("x");
        let b_waits = b.wait("x");
        stage.a.release(x);
        let x = b_waits.permit();
        let a_waits = a.wait("x");
        stage.b.release(x);
        stage.a.release(a_waits.permit());
    }
}

/// The runs through which each link of the cycle waits.
fn through(error: &DeadlockError) -> Vec<Vec<(RunId, &str)>> {
    let links = error.cycle().iter();
    links
        .map(|link| {
            let runs = link.through.iter();
            runs.map(|it| (it.run, it.who.as_str())).collect()
        })
        .collect()
}

/// A run that waits for the end of another one releases nothing, however many are between the two.
pub(super) fn what_holds_the_slot_and_waits_for_the_run_that_asks_is_named(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let (top, middle) = (Run::new(a, "top.yml"), Run::new(a, "middle.js"));
    // A command that a rule has started may ask from another process.
    let low = Run::new(b, "low.js");
    let held = top.take("x");
    let error = low.is_told_while(&[&middle, &top], "x");
    assert_eq!(links(&error), [(top.id, "x", "x")]);
    assert_eq!(error.cycle()[0].who, "top.yml");
    assert_eq!(
        through(&error),
        [[(middle.id, "middle.js"), (low.id, "low.js")]]
    );
    let text = error.to_string();
    for named in ["top.yml", "middle.js", "low.js", "\"x\""] {
        assert!(text.contains(named), "{named} in {text}");
    }
    assert_eq!(b.counts(), (Slots::ONE, 1, 0), "it left the line");
    a.release(held);
    drop(low.take("x"));
}

/// The run waits in line already, and then others begin to wait for its end.
pub(super) fn a_run_that_begins_to_wait_later_closes_a_circle_as_well(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let (top, middle) = (Run::new(a, "top.yml"), Run::new(a, "middle.js"));
    let low = Run::new(a, "low.js");
    let stranger = Run::new(b, "stranger");
    let _x = top.take("x");
    let mut low_waits = low.wait("x");
    let mut other_waits = stranger.wait("x");
    assert!(low_waits.still_waits(), "top.yml works, and may release it");
    a.semaphores.note_dependents(low.id, &[middle.named()]);
    assert!(low_waits.still_waits(), "middle.js holds nothing of it");
    a.semaphores
        .note_dependents(low.id, &[middle.named(), top.named()]);
    let error = is_deadlock(a.wait_for("the wait", low_waits.into_future()));
    assert_eq!(links(&error), [(top.id, "x", "x")]);
    assert_eq!(
        through(&error),
        [[(middle.id, "middle.js"), (low.id, "low.js")]]
    );
    assert!(other_waits.still_waits());
}

/// Who joins several runs goes on only when all of them have ended.
pub(super) fn one_of_several_that_are_joined_is_enough(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let top = Run::new(a, "top.yml");
    let forks = ["one", "two", "three"].map(|who| Run::new(a, who));
    let stranger = Run::new(b, "stranger");
    let (_x, z) = (top.take("x"), stranger.take("z"));
    let mut one_waits = forks[0].wait_for(&[&top], "z");
    let error = forks[1].is_told_while(&[&top], "x");
    assert_eq!(through(&error), [[(forks[1].id, "two")]]);
    assert!(one_waits.still_waits());
    // Two of one family in the same line: the other way in comes second.
    let mut three_waits = forks[2].wait_for(&[&top], "z");
    let _y = stranger.take("y");
    let mut two_waits = forks[1].wait_for(&[&top], "y");
    assert!(three_waits.still_waits() && two_waits.still_waits());
    let error = stranger.is_told("x");
    let [mine, tops] = error.cycle() else {
        panic!("{error}");
    };
    assert_eq!((mine.run, tops.run), (stranger.id, top.id));
    assert_eq!(tops.holds.as_str(), "x");
    assert_eq!(tops.through.len(), 1, "{error}");
    b.release(z);
    drop(one_waits.permit());
    drop(three_waits.permit());
}

/// A command within a slot of A that asks for B, beside one within a slot of B that asks for A.
pub(super) fn two_families_that_wait_for_each_other_are_told(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let (a_top, a_low) = (Run::new(a, "a"), Run::new(a, "a, below"));
    let (b_top, b_low) = (Run::new(b, "b"), Run::new(b, "b, below"));
    let (_x, y) = (a_top.take("x"), b_top.take("y"));
    let mut waiting = a_low.wait_for(&[&a_top], "y");
    let error = b_low.is_told_while(&[&b_top], "x");
    assert_eq!(links(&error), [(b_top.id, "y", "x"), (a_top.id, "x", "y")]);
    assert_eq!(
        through(&error),
        [[(b_low.id, "b, below")], [(a_low.id, "a, below")]]
    );
    assert_eq!(error.semaphore(), &a.name);
    assert!(waiting.still_waits());
    b.release(y);
    drop(waiting.permit());
}

/// Only who holds what is asked for closes a cycle.
pub(super) fn a_dependent_that_holds_nothing_of_it_is_no_deadlock(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let (top, low) = (Run::new(a, "top.yml"), Run::new(a, "low.js"));
    let stranger = Run::new(b, "stranger");
    let (_y, x) = (top.take("y"), stranger.take("x"));
    let mut low_waits = low.wait_for(&[&top], "x");
    assert!(low_waits.still_waits());
    b.release(x);
    let x = low_waits.permit();
    // Two slots, of which the dependent has one.
    b.on("two").slots(2);
    let _two = (top.take("two"), stranger.take("two"));
    let mut low_waits = low.wait_for(&[&top], "two");
    assert!(low_waits.still_waits(), "the stranger works");
    // A wait that ends by itself.
    let poll_timeout = a.poll_timeout;
    let timed = low.request_for(&[&top]).timeout(poll_timeout);
    let mut timed_waits = a.on("y").wait_as(timed);
    assert!(timed_waits.still_waits());
    a.release(x);
}

/// What was noted of a wait is gone with it.
pub(super) fn a_dependent_counts_no_more_when_the_wait_is_over(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let (top, low) = (Run::new(a, "top.yml"), Run::new(a, "low.js"));
    let stranger = Run::new(b, "stranger");
    for round in 0..3 {
        let x = top.take("x");
        let y = stranger.take("y");
        let low_waits = low.wait_for(&[&top], "y");
        match round {
            // It gives up, it is cancelled, it has its turn.
            0 => drop(low_waits),
            1 => {
                done(b.cancel(low_waits.id));
                let ended = a.wait_for("the wait", low_waits.into_future());
                assert!(matches!(ended, Err(AcquireError::Cancelled { .. })));
            }
            _ => {
                b.release(y);
                a.release(low_waits.permit());
                let mut waits = stranger.wait("x");
                assert!(waits.still_waits());
                a.release(x);
                drop(waits.permit());
                continue;
            }
        }
        // Were it still noted that top.yml waits for what the stranger holds, this would be a deadlock.
        let mut waits = stranger.wait("x");
        assert!(waits.still_waits());
        a.release(x);
        drop(waits.permit());
        b.release(y);
    }
}
