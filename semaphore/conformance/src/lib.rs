//! The suite that every store passes: what the eleven rules of the queue and the two seed documents promise, held
//! against any [`Store`](cla_semaphore::Store). It knows no store's inside and needs none's runtime: it asks through
//! [`Semaphores`], as programs do, from at least two clients at once, and drives futures itself.
//!
//! The author of a store says how to make a fresh one, and gets a test for each promise:
//!
//! ```
//! mod memory {
//!     use cla_semaphore::Semaphores;
//!     use cla_conformance::Fresh;
//!
//!     cla_conformance::conformance_tests!(|| Fresh::clones(Semaphores::memory()));
//! }
//! # fn main() {}
//! ```
//!
//! Those with a harness of their own go through [`cases`]:
//!
//! ```
//! use cla_semaphore::Semaphores;
//! use cla_conformance::Fresh;
//!
//! let memory = || Fresh::clones(Semaphores::memory());
//! for case in cla_conformance::cases() {
//!     case.run(&memory);
//! }
//! ```
//!
//! # What the suite asks of a store's speed
//! Nothing: what must come is waited for ([`Fresh::poll_timeout`], 30 seconds unless said otherwise), and nothing
//! is ever expected *not* to have come yet, unless it follows from what did. Two things are taken for granted,
//! though. Requests that ended are shown for a few seconds; and the clock of the store is within a minute of
//! this one's.
//!
//! # Random sequences
//! [`sequences`](cases) plays random commands into the store and into the pure [`queue`](cla_semaphore::queue), and
//! compares the two after each step. Two variables of the environment lengthen it: `CLA_CONFORMANCE_SEQUENCES`
//! (how many sequences, 32 unless said otherwise) and `CLA_CONFORMANCE_STEPS` (how long the longest is: 30). A
//! failure prints the shortest sequence that fails.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use cla_semaphore::Semaphores;

mod abandoned;
mod clients;
mod deadlocks;
mod defaults;
mod drive;
mod events;
mod records;
mod released;
mod rules;
mod seeds;
mod sequences;
mod slots;
mod stage;
mod unresponsive;
mod views;

/// How long the suite waits for what must come, unless the store says otherwise.
const POLL_TIMEOUT: Duration = Duration::from_secs(30);

/// A kind of store, as the suite sees it: something that can be had afresh, again and again.
///
/// Every `Fn() -> Fresh` is one.
pub trait Subject {
    /// Makes a store with nothing in it, which no other program uses.
    ///
    /// # Panics
    /// When it cannot: the case that asked for it then fails.
    fn fresh(&self) -> Fresh;
}

impl<F: Fn() -> Fresh> Subject for F {
    fn fresh(&self) -> Fresh {
        self()
    }
}

/// A fresh, empty store, by its clients.
pub struct Fresh {
    first: Semaphores,
    second: Semaphores,
    shared: bool,
    poll_timeout: Duration,
    /// Dropped last.
    kept: Vec<Box<dyn Any>>,
}

impl Fresh {
    /// A store with two clients that know of each other only through the store, as if they were in
    /// two processes. The suite may drop either.
    #[must_use]
    pub fn clients(first: Semaphores, second: Semaphores) -> Self {
        Self {
            first,
            second,
            shared: true,
            poll_timeout: POLL_TIMEOUT,
            kept: Vec::new(),
        }
    }

    /// A store in the memory of this process: its clients are clones of `semaphores`.
    #[must_use]
    pub fn clones(semaphores: Semaphores) -> Self {
        Self::clients(semaphores.clone(), semaphores).of_one_process()
    }

    /// Says that all of the store is in this process, so that it ends with its clients: closing one gives nothing
    /// back that is still held, as nothing could be left behind.
    #[must_use]
    pub const fn of_one_process(mut self) -> Self {
        self.shared = false;
        self
    }

    /// Keeps `guard` until the case is over and the clients are gone: a temporary folder, a server.
    #[must_use]
    pub fn keep(mut self, guard: impl Any) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// How long to wait for what must come before saying that it never did. For a store that is known to be
    /// slow; or for one that is known to fail, as those that test the suite itself.
    #[must_use]
    pub const fn poll_timeout(mut self, poll_timeout: Duration) -> Self {
        self.poll_timeout = poll_timeout;
        self
    }
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh")
            .field("shared", &self.shared)
            .field("poll_timeout", &self.poll_timeout)
            .finish_non_exhaustive()
    }
}

/// One promise that a store has to keep.
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    run: fn(&dyn Subject),
}

impl Case {
    /// Its name, which is a sentence: `rules::waiters_are_served_in_the_order_in_which_they_came`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Holds a fresh store of `subject` to it.
    ///
    /// # Panics
    /// When the store does not keep it; the message says what came instead, or what never came.
    pub fn run(&self, subject: &dyn Subject) {
        (self.run)(subject);
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

/// Holds a fresh store of `subject` to the case of that name.
///
/// # Panics
/// When the store fails it, or there is no such case.
pub fn run(name: &str, subject: &dyn Subject) {
    match cases().iter().find(|case| case.name() == name) {
        Some(case) => case.run(subject),
        None => panic!("the conformance suite has no case {name}"),
    }
}

/// Lists the cases once, for [`cases`] and for the macro that makes tests of them.
macro_rules! suite {
    ($d:tt $($module:ident { $($case:ident,)* })*) => {
        /// All cases, in the order in which to read them.
        #[must_use]
        pub fn cases() -> Vec<Case> {
            vec![$($(
                Case {
                    name: concat!(stringify!($module), "::", stringify!($case)),
                    run: $module::$case,
                },
            )*)*]
        }

        /// Makes a `#[test]` of every case of the [conformance suite](crate), so that `cargo test`
        /// names what a store fails. Takes the [`Subject`](crate::Subject) to test, as an expression
        /// that every test evaluates for itself. To be called once in a module.
        #[macro_export]
        macro_rules! conformance_tests {
            ($d subject:expr) => {
                $(
                    mod $module {
                        #[allow(unused_imports, reason = "the subject may need what is around it")]
                        use super::*;
                        $(
                            #[test]
                            fn $case() {
                                $d crate::run(
                                    concat!(stringify!($module), "::", stringify!($case)),
                                    &$d subject,
                                );
                            }
                        )*
                    }
                )*
            };
        }
    };
}

suite! { $
    rules {
        waiters_are_served_in_the_order_in_which_they_came,
        a_freed_slot_is_the_first_waiters_before_it_even_looks_and_no_newcomer_gets_it,
        a_higher_priority_goes_first_and_arrival_decides_among_equals,
        try_acquire_never_queues,
        raising_the_slots_admits_waiters_at_once_and_in_order,
        lowering_the_slots_touches_nobody_who_is_busy,
        no_slots_hold_everybody_back_until_there_are_some,
        unlimited_slots_let_everybody_in_and_still_list_them_as_busy,
        the_code_that_first_names_a_semaphore_decides_and_silence_means_one,
        another_limit_counts_only_once_the_semaphore_is_idle,
        a_granted_request_keeps_the_semaphore_from_being_idle,
        who_declares_nothing_changes_nothing,
        what_an_administrator_sets_outranks_the_code_until_it_is_unpinned,
        unpinning_admits_those_for_whom_the_code_has_room,
        pinning_keeps_the_number_that_is,
        a_granted_request_starts_at_once_outside_the_slots_and_its_end_frees_none,
        a_request_is_granted_through_a_lock,
        only_what_waits_can_be_granted_cancelled_or_moved,
        a_cancelled_waiter_fails_and_the_next_one_moves_up,
        a_cancelled_waiter_that_has_not_looked_yet_takes_no_slot,
        a_moved_request_is_served_at_its_new_place,
        a_request_moved_among_others_is_not_overtaken_by_later_ones_of_their_priority,
        a_request_moved_to_the_end_has_the_priority_of_the_last,
        a_purge_frees_every_slot_and_grants_every_waiter,
        a_forced_release_frees_the_slots_and_the_line_goes_on_in_order,
        the_slot_of_one_busy_request_is_released_by_force,
        purge_and_forced_release_of_an_idle_semaphore_do_nothing,
        a_permit_with_a_ttl_expires_by_itself_and_the_next_in_line_has_the_slot,
        dropping_an_expired_permit_frees_nothing,
        a_ttl_counts_from_the_admission_not_from_the_request,
        a_granted_permit_expires_too_and_frees_no_slot,
        a_refresh_moves_the_deadline_to_that_long_from_now,
        a_permit_without_a_ttl_cannot_be_refreshed,
        extreme_ttls_and_timeouts_are_understood,
        a_waiter_whose_time_is_up_leaves_the_line,
        a_timeout_of_zero_means_now_or_not_at_all,
        a_timeout_no_longer_counts_once_the_request_is_admitted,
        a_dropped_future_leaves_the_line,
        a_future_dropped_after_its_turn_came_gives_the_slot_to_the_next,
        a_future_dropped_on_its_way_leaves_nothing_behind,
        a_permit_is_given_back_when_it_is_dropped_also_by_a_panic,
        a_release_that_nobody_waits_for_is_one_all_the_same,
        permits_that_are_dropped_all_at_once_are_given_back_like_others,
        ten_thousand_wait_and_are_steered,
        fencing_tokens_only_grow_even_when_the_semaphore_was_forgotten_in_between,
        an_idle_semaphore_is_forgotten_with_its_slots_and_its_handles_still_work,
        a_semaphore_in_use_is_not_forgotten,
        a_semaphore_that_nobody_named_is_unknown,
    }
    seeds {
        there_is_no_semaphore_until_the_first_request_names_it,
        every_entry_into_the_region_is_a_request_of_its_own,
        slots_busy_and_waiting_count_what_they_say,
        the_arrows_change_the_number_of_slots,
        zero_slots_enqueue_everybody,
        one_below_zero_is_infinite,
        every_process_at_the_semaphore_is_a_row_with_its_status,
        b_is_granted_and_c_starts_when_a_finishes_even_though_b_is_still_running,
        grants_skip_over_any_number_of_slots_and_places,
        slots_to_zero_and_cancelling_the_queue_stops_all_use,
        the_third_of_two_slots_is_refused_without_waiting,
        a_semaphore_taken_with_a_ttl_is_free_again_after_it,
        a_permit_without_a_ttl_stays_while_others_expire,
        the_view_tells_the_four_states_apart,
        a_wait_with_a_timeout_ends_in_a_permit_or_at_the_timeout,
        a_long_task_keeps_its_permit_by_refreshing_it,
        refreshing_what_never_expires_fails,
        releasing_what_is_no_longer_held_is_an_error_that_says_so,
        all_slots_can_be_force_released,
        refreshing_what_was_force_released_is_an_error,
        a_failing_function_leaves_the_semaphore_free,
        a_permit_knows_its_name_and_its_id,
        two_stores_with_the_same_name_do_not_meet,
        a_retry_finds_the_slot_that_became_free,
        a_permit_is_released_by_another_thread,
        a_listener_hears_acquired_and_released,
    }
    deadlocks {
        a_run_that_waits_for_the_slot_it_holds_itself_is_told,
        a_run_deadlocks_with_itself_across_clients,
        of_two_runs_that_wait_for_each_other_the_second_is_told_and_the_first_goes_on,
        a_circle_of_five_is_named_in_order,
        with_several_slots_one_holder_who_can_go_on_is_enough,
        what_is_held_with_a_ttl_is_no_deadlock,
        a_wait_with_a_timeout_is_no_deadlock,
        owners_without_a_run_are_no_threads_of_control,
        an_administrators_lock_is_no_deadlock,
        a_granted_holder_is_no_part_of_a_circle,
        a_run_that_waits_for_two_things_may_still_go_on_by_one_of_them,
        taking_slots_away_can_close_a_circle,
        who_merely_waits_behind_a_circle_is_not_told,
        runs_that_let_go_leave_no_trace,
        what_holds_the_slot_and_waits_for_the_run_that_asks_is_named,
        a_run_that_begins_to_wait_later_closes_a_circle_as_well,
        one_of_several_that_are_joined_is_enough,
        two_families_that_wait_for_each_other_are_told,
        a_dependent_that_holds_nothing_of_it_is_no_deadlock,
        a_dependent_counts_no_more_when_the_wait_is_over,
    }
    events {
        the_life_of_a_request_is_told_in_order_with_the_counts_after_each_step,
        every_way_a_request_can_end_or_change_has_its_event,
        every_change_of_the_slots_has_its_event,
        a_purge_is_told_request_by_request_with_the_counts_after_each,
        a_deadlock_is_told,
        who_subscribes_later_hears_only_of_what_comes_later,
        all_subscribers_of_all_clients_hear_the_same,
        what_a_client_asks_right_after_it_subscribed_is_told,
        what_is_asked_behind_the_very_first_subscription_is_told,
        what_is_asked_right_after_subscribing_again_is_told,
        events_are_numbered_one_by_one,
        who_does_not_read_slows_nobody_down_and_hears_all_of_it_later,
    }
    views {
        a_busy_request_shows_all_that_is_known_of_it,
        a_waiting_request_without_an_owner_shows_what_there_is,
        an_owner_is_shown_as_far_as_it_is_known,
        busy_ones_come_first_by_start_then_the_line_then_those_that_ended,
        times_are_plausible_and_a_permit_tells_the_same,
        all_semaphores_are_listed_by_name_with_everybody_at_them,
        semaphores_with_odd_names_are_semaphores_like_others,
        a_request_is_found_by_the_first_digits_of_its_id,
        what_lives_is_found_before_what_ended,
        what_is_found_can_be_steered,
        the_diagnosis_counts_what_its_clients_hold_and_wait_for,
    }
    clients {
        what_one_client_does_the_others_see,
        a_client_that_goes_gives_back_its_permits_and_places,
        a_permit_outlives_the_handle_and_the_client_it_was_taken_with,
        the_last_client_may_go,
        closing_waits_until_all_is_given_back,
        closing_gives_back_what_is_still_held_and_the_client_can_go_on,
        many_threads_at_two_clients_never_share_a_slot,
        a_long_line_at_one_semaphore_holds_up_no_other,
    }
    abandoned {
        what_an_abandoned_run_holds_goes_to_the_next_in_line,
        an_abandoned_permit_gives_nothing_back_twice,
        an_abandoned_run_waits_no_more,
        an_abandoned_run_is_not_given_what_it_gives_up,
        an_abandoned_run_loses_all_that_it_has_and_others_nothing,
        an_abandoned_permit_with_a_ttl_is_lost_like_others,
        an_abandoned_run_that_was_granted_frees_no_slot,
        an_abandoned_run_loses_its_slots_by_id_and_keeps_what_it_left,
        abandoning_a_run_that_has_nothing_changes_nothing,
        a_run_is_abandoned_by_another_thread,
    }
    defaults {
        what_a_request_does_not_say_comes_from_the_defaults,
        what_a_request_says_outranks_the_defaults,
        defaults_concern_nobody_else,
        tenants_with_namespaces_do_not_meet,
    }
    released {
        what_was_released_by_force_is_shown_until_its_permit_is_dropped,
        what_was_released_by_force_is_shown_no_longer_than_its_client_is_there,
    }
    unresponsive {
        what_a_run_has_that_does_not_answer_is_shown_until_it_answers,
        each_request_of_a_run_that_does_not_answer_has_one_event_of_each_kind,
        a_request_that_ends_or_starts_meanwhile_is_shown_as_it_is,
        a_mark_concerns_no_other_run_and_no_other_client,
        marking_a_run_that_has_nothing_changes_nothing,
        a_mark_and_who_steered_a_request_stand_side_by_side,
    }
    slots {
        a_slot_id_is_seen_as_long_as_its_request_is,
        acquiring_again_takes_no_second_slot,
        acquiring_again_is_refused_once_the_limit_is_reached,
        a_slot_id_that_holds_nothing_waits_like_everybody,
        a_waiter_whose_id_holds_a_slot_gets_that_one_and_the_next_in_line_the_free_one,
        two_waiters_with_one_id_get_one_slot,
        all_permits_of_a_slot_are_lost_when_one_gives_it_back,
        a_slot_is_released_by_its_id_from_anywhere,
        the_id_of_a_waiter_releases_and_refreshes_nothing,
        a_permit_that_is_left_leaves_its_slot_taken,
        a_left_slot_is_free_when_its_session_ends,
        who_shares_a_slot_of_another_session_holds_it_as_long_as_that,
        acquiring_again_moves_no_deadline,
        a_slot_is_refreshed_by_its_id_from_anywhere,
        the_state_of_a_slot_tells_all_that_a_program_needs,
        an_id_is_free_again_however_its_request_ended,
        a_waiter_that_shares_a_slot_is_told_of,
        what_is_held_with_a_slot_id_is_no_deadlock,
    }
    records {
        a_command_says_who_gave_it_in_its_events_and_at_its_requests,
        every_command_that_changed_something_is_in_the_audit,
        a_command_that_changed_nothing_is_not_in_the_audit,
        the_audit_gives_what_it_is_asked_for,
        the_history_tells_how_every_request_ended,
        the_history_is_longer_than_the_list_and_has_a_bound,
        requests_that_end_all_at_once_are_in_the_history,
    }
    sequences {
        random_commands_do_what_they_do_to_the_pure_queue,
        what_random_commands_do_is_told_as_the_pure_queue_tells_it,
    }
}
