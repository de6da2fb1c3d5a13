//! `cla/semaphore`: every method on every adapter, by one suite of cases (`semaphore/cases.js`); and what is so of some
//! adapters alone.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod support;

#[path = "semaphore/adapters.rs"]
mod adapters;
#[path = "semaphore/runs.rs"]
mod runs;

use std::sync::Arc;

use cla_runtime::semaphore::Semaphores;
use cla_runtime::{Engine, RunOptions, Script};
use cla_tests::redis::{Server, shared};
use serde_json::{Value, json};

/// What a rule gets in front of it.
const IMPORTS: &str = "
    import {
        FailedAcquireSemaphoreError, FailedRefreshSemaphoreError, FailedReleaseSemaphoreError, isSemaphoreError,
        LimitReachedSemaphoreError, MemorySemaphoreAdapter, NoOpSemaphoreAdapter, RedisSemaphoreAdapter, SEMAPHORE_ERRORS,
        SEMAPHORE_EVENTS, SEMAPHORE_STATE, SemaphoreProvider, SqliteSemaphoreAdapter, StoreSemaphoreAdapter,
    } from 'cla/semaphore';
    import { EventBus } from 'cla/event-bus';
    import { MemoryEventBusAdapter } from 'cla/event-bus/memory';
    import { Namespace } from 'cla/namespace';
    import { constantBackoff, retry, timeout } from 'cla/resilience';
    import { Serde } from 'cla/serde';
    import { SuperJsonSerdeAdapter } from 'cla/serde/super-json';
    import { Task } from 'cla/task';
    import { TimeSpan, TO_MILLISECONDS } from 'cla/time-span';
    import * as sem from 'cla/sem';
    import * as util from 'cla/util';
";

/// An adapter, and what must outlive the runs that use it.
struct Adapter {
    /// The expression that makes it.
    new: String,
    /// Whether each that is made has the same semaphores.
    shared: bool,
    engine: Engine,
    /// Whether the engine's store has the same semaphores.
    watched: bool,
    server: Option<Arc<Server>>,
    _folder: Option<tempfile::TempDir>,
}

impl Adapter {
    fn of(new: impl Into<String>) -> Self {
        Self {
            new: new.into(),
            shared: false,
            engine: support::engine(),
            watched: false,
            server: None,
            _folder: None,
        }
    }

    /// The engine has this store as well.
    fn watched(mut self, url: &str) -> Self {
        self.engine = engine_with(Semaphores::connect(url).unwrap());
        self.watched = true;
        self
    }

    fn in_a_file(adapter: impl FnOnce(&str) -> Self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("semaphores.db");
        Self {
            shared: true,
            _folder: Some(folder),
            ..adapter(path.to_str().unwrap())
        }
    }

    fn memory() -> Self {
        Self::of("new MemorySemaphoreAdapter()")
    }

    fn sqlite() -> Self {
        Self::in_a_file(|path| {
            let new = format!("new SqliteSemaphoreAdapter({})", json!(path));
            Self::of(new).watched(&format!("sqlite:{path}"))
        })
    }

    fn redis() -> Self {
        let (server, url) = shared();
        Self {
            shared: true,
            server: Some(server),
            ..Self::of(format!("new RedisSemaphoreAdapter({})", json!(url))).watched(&url)
        }
    }

    /// No adapter, on an engine with its semaphores in memory.
    fn none_in_memory() -> Self {
        Self {
            shared: true,
            watched: true,
            ..Self::of("undefined")
        }
    }

    /// No adapter, on an engine with its semaphores in a file.
    fn none_in_a_file() -> Self {
        Self::in_a_file(|path| Self::of("undefined").watched(&format!("sqlite:{path}")))
    }

    /// Another store than the engine's, by its URL.
    fn store() -> Self {
        Self::in_a_file(|path| {
            let url = json!(format!("sqlite:{path}"));
            Self::of(format!("new StoreSemaphoreAdapter({url})"))
        })
    }

    /// One that a rule's author wrote.
    fn own() -> Self {
        Self::of(format!(
            "new ({})()",
            include_str!("semaphore/own-adapter.js")
        ))
    }

    /// A rule that has the adapter and the cases.
    fn text(&self, body: &str) -> String {
        let Self { new, watched, .. } = self;
        let again = if self.shared {
            format!("() => {new}")
        } else {
            "() => adapter".to_owned()
        };
        let cases = include_str!("semaphore/cases.js");
        format!(
            "{IMPORTS} const adapter = {new}, again = {again}, watched = {watched};\n{cases}\n{body}"
        )
    }

    /// The value that such a rule exports.
    #[track_caller]
    fn value(&self, body: &str) -> Value {
        let script = Script::new("cases.mjs", self.text(body));
        let ran = support::run_script(&self.engine, script, RunOptions::new());
        ran.value
            .unwrap_or_else(|error| panic!("{error}\n{}", ran.stderr))
    }

    #[track_caller]
    fn passes(&self, case: &str) {
        let body = format!("await cases.{case}(); export default 'passed';");
        assert_eq!(self.value(&body), "passed");
    }
}

fn engine_with(semaphores: Semaphores) -> Engine {
    Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .semaphores(semaphores)
        .with(cla_stdlib::install)
        .build()
}

/// Cases, each a test on each of these adapters.
macro_rules! cases {
    ($cases:ident: $case:tt; $($adapter:ident)*) => {
        mod $cases {
            cases! { names $case }
            $(cases! { tests $adapter $case })*
        }
    };
    (names { $($case:ident)* }) => {
        pub(crate) const NAMES: &[&str] = &[$(stringify!($case)),*];
    };
    (tests $adapter:ident { $($case:ident)* }) => {
        mod $adapter {
            $(#[test] fn $case() { crate::Adapter::$adapter().passes(stringify!($case)); })*
        }
    };
}

cases! {
    every: {
    a_free_slot_is_acquired_and_released
    nobody_is_let_in_at_the_limit
    one_at_a_time_is_the_default
    without_a_limit_everybody_is_let_in
    acquiring_again_takes_no_second_slot_and_is_false_at_the_limit
    at_a_limit_of_one_acquiring_again_is_false
    the_slot_id_and_not_the_object_holds_the_slot
    another_limit_counts_once_no_slot_is_held
    a_slot_expires_by_itself_and_its_holder_is_told
    who_waits_gets_a_slot_that_expires
    a_slot_is_held_for_its_ttl
    refreshing_moves_the_deadline
    a_refreshed_slot_outlives_its_first_ttl
    what_has_no_ttl_or_is_not_held_cannot_be_refreshed
    force_release_frees_every_slot
    after_a_force_release_the_line_goes_on
    who_blocks_gets_the_slot_that_frees
    who_blocks_gives_up_in_time
    who_waits_for_its_own_slot_gets_it_anew
    a_wait_that_lost_a_race_leaves_the_line
    a_wait_that_is_awaited_again_goes_on
    nothing_happens_before_it_is_awaited
    awaited_twice_it_is_done_once
    detached_it_is_done_by_itself
    work_runs_while_the_slot_is_held
    what_work_throws_comes_through_and_the_slot_is_given_back
    what_is_no_work_is_refused
    work_is_not_done_without_a_slot
    blocking_work_waits_for_its_turn
    never_more_than_the_limit_are_at_work
    work_may_release_its_slot_itself
    work_that_takes_longer_than_its_ttl_takes_nothing_from_the_next
    work_may_do_more_with_the_same_semaphore
    work_that_waits_for_its_own_task_waits_until_it_gives_up
    retrying_does_the_work_anew
    retrying_acquires_once_there_is_a_slot
    tasks_of_semaphores_are_tasks_like_others
    what_a_semaphore_is_can_be_read
    a_run_calls_the_methods_that_replace_the_semaphores_own
    a_run_fails_with_what_its_semaphores_own_methods_throw
    a_run_takes_own_methods_that_return_nothing_at_their_word
    a_run_that_waits_by_methods_of_its_own_can_be_given_up
    slot_ids_are_made_as_the_provider_says
    every_key_and_slot_id_is_a_semaphore_and_a_slot_of_its_own
    namespaces_keep_keys_apart
    bad_settings_are_told_at_once
    its_errors_can_be_told_apart
    events_are_told_in_order
    an_event_says_of_which_semaphore_it_is
    events_reach_those_who_listen_as_long_as_they_do
    buses_with_another_namespace_hear_nothing
    without_a_bus_nobody_is_told_and_listening_is_fine
    a_bus_that_fails_changes_nothing_but_says_so
    serialized_and_revived_it_is_the_same_slot
    another_provider_with_the_same_serde_settings_revives_it
    a_semaphore_travels_in_an_event
    an_adapter_can_be_used_by_itself
    everybody_in_a_crowd_gets_a_turn
    };
    memory sqlite redis none_in_memory none_in_a_file store own
}

cases! {
    lines: {
    waiters_get_their_turn_in_order_of_arrival
    nobody_overtakes_who_waits
    the_interval_is_accepted_and_nobody_waits_for_it
    who_waits_is_told_at_once_of_a_slot_that_expires
    };
    memory sqlite redis none_in_memory none_in_a_file
}

cases! {
    steering: {
    what_is_taken_is_seen_by_cla_sem
    who_waits_is_seen_by_cla_sem
    what_an_administrator_sets_outranks_the_limit
    a_wait_that_an_administrator_cancels_fails
    a_wait_that_an_administrator_grants_has_acquired_outside_of_the_slots
    an_administrator_moves_who_waits
    a_purge_lets_everybody_in
    a_rule_that_blocks_behind_its_own_slot_gives_up_in_time
    };
    sqlite redis none_in_memory none_in_a_file
}

#[test]
fn every_case_is_a_test() {
    let names = Adapter::memory().value("export default Object.keys(cases);");
    let tested = [every::NAMES, lines::NAMES, steering::NAMES].concat();
    assert_eq!(names, json!(tested));
}
