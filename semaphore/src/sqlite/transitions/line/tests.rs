#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use proptest::sample::Index;
use rusqlite::Connection;

use super::*;
use crate::command::AdminCommand;
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::request::{Priority, Request};
use crate::slots::Slots;
use crate::sqlite::file;
use crate::sqlite::transitions::Effects;

thread_local! {
    pub(super) static FANOUT: Cell<i64> = const { Cell::new(128) };
}

/// A locked semaphore and the requests in its line, in the order that they should have.
struct Line {
    db: Connection,
    name: SemaphoreName,
    /// With the class of each.
    model: Vec<(i32, RequestId)>,
    /// With which each request came, by its number.
    priorities: Vec<i32>,
    next: u128,
}

impl Line {
    fn new() -> Self {
        let db = Connection::open_in_memory().unwrap();
        file::upgrade(&db, 0).unwrap();
        Self {
            db,
            name: SemaphoreName::new("x").unwrap(),
            model: Vec::new(),
            priorities: Vec::new(),
            next: 0,
        }
    }

    /// A line in which so many wait.
    fn of(length: usize) -> Self {
        let mut line = Self::new();
        line.db.execute_batch("BEGIN").unwrap();
        for _ in 0..length {
            line.join(0);
        }
        line.db.execute_batch("COMMIT").unwrap();
        line
    }

    fn transition<T>(&self, work: impl FnOnce(&mut Transition<'_>) -> Result<T, Problem>) -> T {
        work(&mut Transition::new(&self.db, 1, &mut Effects::default())).unwrap()
    }

    fn join(&mut self, priority: i32) {
        self.next += 1;
        let id = RequestId::from_u128(self.next);
        let request = Request::new()
            .slots(Slots::Limited(0))
            .priority(Priority(priority));
        self.transition(|transition| transition.acquire(id, &self.name, &request));
        self.priorities.push(priority);
        let behind = self.model.iter().position(|(class, _)| *class < priority);
        let at = behind.unwrap_or(self.model.len());
        self.model.insert(at, (priority, id));
    }

    fn leave(&mut self, at: usize) {
        let (_, id) = self.model.remove(at);
        self.transition(|transition| transition.abandon(id));
    }

    fn steer(&self, command: &AdminCommand) {
        self.transition(|transition| transition.administer(command, None))
            .unwrap();
    }

    fn move_to(&mut self, at: usize, to: usize) {
        let (_, id) = self.model.remove(at);
        self.steer(&AdminCommand::Move {
            request: id,
            place: to + 1,
        });
        // A request that moves takes the class of the one behind it, or at the end that of the last. Alone it has its own.
        let neighbour = self.model.get(to).or(self.model.last());
        let class = neighbour.map_or_else(
            || self.priorities[id.as_u128() as usize - 1],
            |(class, _)| *class,
        );
        self.model.insert(to, (class, id));
    }

    fn check(&self) {
        let mut statement = self
            .db
            .prepare("SELECT uuid, -class, place FROM request WHERE phase = 0 ORDER BY class DESC, place")
            .unwrap();
        let line: Vec<([u8; 16], Spot)> = statement
            .query_map([], |row| Ok((row.get(0)?, Spot::read(row, 1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let ids: Vec<_> = self
            .model
            .iter()
            .map(|(_, id)| id.as_u128().to_be_bytes())
            .collect();
        assert_eq!(line.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids);
        self.transition(|transition| {
            for (ahead, (_, spot)) in line.iter().enumerate().step_by(7) {
                assert_eq!(transition.ahead_of(1, spot)?, ahead);
                assert_eq!(transition.behind(1, ahead)?.as_ref(), Some(spot));
            }
            assert_eq!(transition.behind(1, line.len())?, None);
            Ok(())
        });
        let mut below: Option<Vec<Spot>> = None;
        for level in 1..=LEVELS {
            let mut sections = Vec::new();
            self.transition(|transition| {
                transition.walk(1, level, &Spot::FIRST, |at, count| {
                    sections.push((at, count));
                    true
                })
            });
            for (nth, (start, waiting)) in sections.iter().enumerate() {
                let end = sections.get(nth + 1).map(|(end, _)| end);
                let inside = line
                    .iter()
                    .filter(|(_, spot)| spot >= start && end.is_none_or(|end| spot < end));
                assert_eq!(
                    *waiting,
                    inside.count() as i64,
                    "section {nth} of level {level}"
                );
                assert!(
                    *waiting <= 2 * size(level),
                    "{waiting} in section {nth} of level {level}, {} in line",
                    line.len()
                );
            }
            let starts: Vec<Spot> = sections.into_iter().map(|(start, _)| start).collect();
            if let Some(first) = starts.first() {
                assert_eq!(*first, Spot::FIRST);
                let most = 8 * line.len() as i64 / size(level) + 2;
                assert!(
                    starts.len() as i64 <= most,
                    "{} of level {level}",
                    starts.len()
                );
            }
            if let Some(below) = below {
                assert!(starts.iter().all(|start| below.contains(start)));
            }
            below = Some(starts);
        }
    }

    /// How many steps SQLite takes for `work`.
    fn steps(&mut self, work: impl FnOnce(&mut Self)) -> u64 {
        let steps = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&steps);
        let count = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            false
        };
        self.db.progress_handler(1, Some(count)).unwrap();
        work(self);
        self.db.progress_handler(0, None::<fn() -> bool>).unwrap();
        steps.load(Ordering::Relaxed)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Join { priority: i32, times: usize },
    LeaveFront { times: usize },
    LeaveAnywhere { times: usize, at: Index },
    Move { times: usize, at: Index, to: Index },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (-1..=1, 1..400_usize).prop_map(|(priority, times)| Step::Join { priority, times }),
        1 => (1..200_usize).prop_map(|times| Step::LeaveFront { times }),
        1 => (1..400_usize, any::<Index>()).prop_map(|(times, at)| Step::LeaveAnywhere { times, at }),
        2 => (1..60_usize, any::<Index>(), any::<Index>())
            .prop_map(|(times, at, to)| Step::Move { times, at, to }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_line_with_sections_is_the_line_that_it_should_be(steps in prop::collection::vec(step(), 1..16)) {
        // So that lines of a few hundred have both levels.
        FANOUT.set(8);
        let mut line = Line::new();
        line.db.execute_batch("BEGIN").unwrap();
        for step in steps {
            match step {
                Step::Join { priority, times } => (0..times).for_each(|_| line.join(priority)),
                Step::LeaveFront { times } => {
                    for _ in 0..times.min(line.model.len()) {
                        line.leave(0);
                    }
                }
                Step::LeaveAnywhere { times, at } => {
                    for nth in 0..times.min(line.model.len()) {
                        // Scattered over the line, so that many sections get smaller together.
                        let length = line.model.len();
                        line.leave((at.index(length) + nth * 97) % length);
                    }
                }
                Step::Move { times, at, to } => {
                    for nth in 0..if line.model.is_empty() { 0 } else { times } {
                        let length = line.model.len();
                        line.move_to((at.index(length) + nth * 31) % length, to.index(length));
                    }
                }
            }
            line.check();
        }
    }
}

#[test]
fn a_line_that_was_long_before_there_were_sections_gets_them_with_the_next_request() {
    let mut line = Line::of(3_000);
    line.db.execute_batch("DELETE FROM line_section").unwrap();
    line.join(0);
    line.move_to(2_000, 1_000);
    line.check();
}

#[test]
fn a_short_line_has_no_sections() {
    let mut line = Line::of(3_000);
    line.db.execute_batch("BEGIN").unwrap();
    while line.model.len() > 128 {
        line.leave(line.model.len() / 2);
    }
    let sections = "SELECT count(*) FROM line_section";
    let sections: i64 = line.db.query_row(sections, [], |row| row.get(0)).unwrap();
    assert_eq!(sections, 0);
    for _ in 128..256 {
        line.join(0);
    }
    line.check();
}

#[test]
fn to_move_a_request_costs_little_more_in_a_line_that_is_a_hundred_times_as_long() {
    let cost = |length: usize| {
        let mut line = Line::of(length);
        // In one direction and in the other, near the ends and in the middle.
        let moves = |line: &mut Line| {
            for (from, to) in [(0.5, 0.9), (0.9, 0.1), (0.3, 0.35), (0.99, 0.0), (0.0, 0.5)] {
                let at = |part: f64| (part * length as f64) as usize;
                line.move_to(at(from), at(to));
            }
        };
        // The first time prepares statements.
        moves(&mut line);
        line.steps(|line| moves(line))
    };
    let (short, long) = (cost(350), cost(35_000));
    assert!(
        long < 3 * short,
        "{short} steps among 350, {long} among 35,000"
    );
}
