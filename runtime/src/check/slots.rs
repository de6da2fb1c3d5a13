//! Which semaphores a rule takes, and which rules it calls meanwhile: so a wait that can never end is found through calls.
//! Plain data, and the walk from rule to rule; what a rule takes is found elsewhere.

use std::collections::HashSet;

use super::Severity;
use super::checker::{Checker, Spot, Subject, pointing};

/// How many rules are walked from one call: those that call each other are walked once each.
const MOST_RULES: usize = 1_000;

/// What one rule takes and calls.
#[derive(Clone, Debug, Default)]
pub struct SlotSummary {
    /// The semaphores that it takes.
    pub takes: Vec<TakenSlot>,
    /// The rules that it calls, and waits for.
    pub calls: Vec<CalledRule>,
}

/// A semaphore that is held somewhere, and the line that takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldSlot {
    /// Its name.
    pub semaphore: String,
    /// The line, from 1.
    pub line: u32,
}

/// A semaphore that is taken.
#[derive(Clone, Debug)]
pub struct TakenSlot {
    /// What is taken, and where.
    pub slot: HeldSlot,
    /// Whether it waits for the only slot, without a time limit.
    pub one_slot_for_ever: bool,
    /// What is held then.
    pub within: Vec<HeldSlot>,
}

/// A rule that another one calls, and waits for.
#[derive(Clone, Debug)]
pub struct CalledRule {
    /// The canonical name of the file in which the call is written; `None`: of the rule itself.
    pub from: Option<String>,
    /// Its file, as it is written.
    pub file: String,
    /// Where.
    pub at: Spot,
    /// What is held then, the outermost first.
    pub within: Vec<HeldSlot>,
}

/// Gives the canonical name and the summary of a file (the second) that is called from the file of a name (the first); `""`
/// is the rule that is checked.
pub(crate) type LoadSlots<'a> = dyn Fn(&str, &str) -> Option<(String, SlotSummary)> + 'a;

/// Finds what rules that this one calls within a slot take: the same slot again, or others in an order that may be opposite
/// to that of other rules.
pub fn follow_calls(
    checker: &mut Checker,
    nth: usize,
    subject: Subject<'_>,
    summary: &SlotSummary,
    load: &LoadSlots<'_>,
) {
    for call in summary.calls.iter().filter(|call| !call.within.is_empty()) {
        let mut seen = HashSet::new();
        let mut told = HashSet::new();
        let from = call.from.clone().unwrap_or_default();
        let way = format!("this calls {}", call.file);
        let mut left = vec![(from, call.file.clone(), way)];
        while let Some((from, file, way)) = left.pop() {
            let Some((name, called)) = load(&from, &file) else {
                continue;
            };
            if seen.len() >= MOST_RULES || !seen.insert(name.clone()) {
                continue;
            }
            for take in &called.takes {
                let TakenSlot {
                    slot,
                    one_slot_for_ever,
                    within,
                } = take;
                let is_same = |held: &&HeldSlot| held.semaphore == slot.semaphore;
                if within.iter().any(|held| is_same(&held)) {
                    continue;
                }
                let Some(outer) = call.within.iter().find(is_same) else {
                    for outer in &call.within {
                        let outer = outer.semaphore.clone();
                        checker.pair(nth, outer, slot.semaphore.clone(), call.at);
                    }
                    continue;
                };
                if !one_slot_for_ever || !told.insert(slot.semaphore.clone()) {
                    continue;
                }
                let message = format!(
                    "{way}, which waits in line {} for the one slot of semaphore \"{}\", while line {} holds it around \
                     the call: it can never go on",
                    slot.line, slot.semaphore, outer.line
                );
                let help = "take it in only one of these rules; or give it more slots";
                let error = pointing(subject, call.at, "Deadlock", message, Some(help));
                checker.found(nth, Severity::Error, error);
            }
            for inner in called.calls {
                let way = format!(
                    "{way}, which calls {} in line {}",
                    inner.file, inner.at.line
                );
                let from = inner.from.unwrap_or_else(|| name.clone());
                left.push((from, inner.file, way));
            }
        }
    }
}
