//! A run that waits for the end of another one releases nothing meanwhile: what that one asks for and its waiter holds is a
//! deadlock, in every store, and not a hang.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

use std::any::Any;
use std::time::Duration;

use cla_runtime::semaphore::Semaphores;
use cla_runtime::{Engine, Limits, RunHandle, RunOptions, Script};
use futures_util::FutureExt;

/// So long a hang lasts until it fails a test.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the rules of a case are run by.
struct Stage {
    engine: Engine,
    folder: tempfile::TempDir,
    _kept: Box<dyn Any>,
}

impl Stage {
    fn new(semaphores: Semaphores, kept: impl Any, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let engine = Engine::builder()
            .permissions(cla_tests::engine::permissions())
            .semaphores(semaphores)
            .with(cla_stdlib::install)
            .with(cla_rulebook::install)
            .build();
        let _kept = Box::new(kept);
        Self {
            engine,
            folder,
            _kept,
        }
    }

    fn start(&self, file: &str) -> RunHandle {
        let script = Script::file(self.folder.path().join(file));
        let limits = Limits::default().timeout(PATIENCE);
        let options = RunOptions::new().name(file).limits(limits);
        self.engine.run(script, options)
    }

    /// Why a rule fails that waits for itself.
    #[track_caller]
    fn refusal(&self, file: &str) -> String {
        let report = self.start(file).wait();
        let error = report.result.expect_err("it can never go on");
        assert!(error.message.contains("Semaphore deadlock"), "{error}");
        error.message
    }
}

/// Has the case done for each store.
fn in_every_store(files: &[(&str, &str)], case: impl Fn(&Stage)) {
    case(&Stage::new(Semaphores::memory(), (), files));
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("semaphores.db").display());
    case(&Stage::new(
        Semaphores::connect(&url).unwrap(),
        folder,
        files,
    ));
    let (server, url) = cla_tests::redis::shared();
    case(&Stage::new(
        Semaphores::connect(&url).unwrap(),
        server,
        files,
    ));
}

fn names(message: &str, all: &[&str]) {
    for name in all {
        assert!(message.contains(name), "{name} is not in: {message}");
    }
}

const TAKES_A: &str = "do:\n  - semaphore: A\n    echo: in";
const CALLS: &str = "do:\n  - semaphore: A\n    do:\n      - call: inner.yml";

#[test]
fn a_rule_that_is_called_within_a_slot_and_takes_it_is_told() {
    let files = [("outer.yml", CALLS), ("inner.yml", TAKES_A)];
    in_every_store(&files, |stage| {
        let message = stage.refusal("outer.yml");
        let cycle = [
            "outer.yml, line 2 (run ",
            ") holds \"A\" and waits for inner.yml, line 2 (run ",
            "which waits for \"A\"",
        ];
        names(&message, &cycle);
        // Nothing is left behind.
        assert!(stage.start("inner.yml").wait().is_ok());
    });
}

#[test]
fn so_is_one_that_is_called_by_one_that_is_called() {
    let files = [
        (
            "outer.yml",
            "do:\n  - semaphore: A\n    do:\n      - call: middle.js",
        ),
        ("middle.js", "require('cla/rule').run('inner.yml')"),
        ("inner.yml", TAKES_A),
    ];
    in_every_store(&files, |stage| {
        names(
            &stage.refusal("outer.yml"),
            &[
                "waits for outer.yml › middle.js (run ",
                "which waits for inner.yml, line 2 (run ",
            ],
        );
    });
}

#[test]
fn rule_run_inside_of_sem_take_is_told_and_can_be_caught() {
    let outer = "
        const sem = require('cla/sem'), rule = require('cla/rule');
        sem.take('A', () => rule.run('inner.js'))";
    let inner = "
        const sem = require('cla/sem');
        try { sem.take('A', () => 'in') }
        catch (error) { if (!(error instanceof sem.SemaphoreDeadlockError)) throw error; 'told' }";
    let files = [
        ("outer.js", outer),
        ("inner.js", inner),
        ("uncaught.js", &outer.replace("inner.js", "inner.yml")),
        ("inner.yml", TAKES_A),
    ];
    in_every_store(&files, |stage| {
        assert_eq!(stage.start("outer.js").wait().result.unwrap(), "told");
        names(&stage.refusal("uncaught.js"), &["uncaught.js", "inner.yml"]);
    });
}

#[test]
fn a_fork_that_is_joined_is_told_whenever_the_waiting_begins() {
    let at_once = "
do:
  - semaphore: A
    do:
      - parallel: wait
        name: other
        echo: fine
      - parallel: wait
        name: twin
        semaphore: A
        echo: in";
    // It works on until the fork waits, and joins it then.
    let later = "
do:
  - semaphore: A
    do:
      - parallel: wait
        name: twin
        semaphore: A
        echo: in
      - js: |
          const sem = require('cla/sem'), util = require('cla/util');
          while (sem.show('A').waiting === 0) util.sleep(0.005);
      - wait_children:";
    let files = [("at-once.yml", at_once), ("later.yml", later)];
    in_every_store(&files, |stage| {
        for file in ["at-once.yml", "later.yml"] {
            names(&stage.refusal(file), &[file, "twin", "\"A\""]);
        }
    });
}

#[test]
fn two_families_that_want_what_the_other_has_do_not_hang() {
    let one = |mine: &str, other: &str, file: &str| {
        format!(
            "
do:
  - semaphore: {mine}
    do:
      - js: |
          const sem = require('cla/sem'), util = require('cla/util');
          while (sem.show('{other}')?.busy !== 1) util.sleep(0.005);
      - call: {file}"
        )
    };
    let takes = |name: &str| format!("do:\n  - semaphore: {name}\n    echo: in");
    let (first, second) = (one("A", "B", "b.yml"), one("B", "A", "a.yml"));
    let (a, b) = (takes("A"), takes("B"));
    let files = [
        ("first.yml", first.as_str()),
        ("second.yml", second.as_str()),
        ("a.yml", a.as_str()),
        ("b.yml", b.as_str()),
    ];
    in_every_store(&files, |stage| {
        let runs = [stage.start("first.yml"), stage.start("second.yml")];
        let results = runs.map(|run| run.wait().result);
        let failed: Vec<_> = results.iter().filter_map(|it| it.as_ref().err()).collect();
        let [error] = failed.as_slice() else {
            panic!("one goes on: {results:?}");
        };
        names(
            &error.message,
            &["first.yml", "second.yml", "\"A\"", "\"B\""],
        );
    });
}

#[test]
fn what_goes_on_is_no_deadlock() {
    let elsewhere = "
do:
  - semaphore: A
    do:
      - parallel: wait
        call: takes-b.yml
      - call: takes-b.yml";
    // Nothing waits for it.
    let left = "
do:
  - semaphore: A
    do:
      - parallel: leave
        semaphore: A
        echo: in
      - js: |
          const sem = require('cla/sem'), util = require('cla/util');
          while (sem.show('A').waiting === 0) util.sleep(0.005);";
    // It takes the slot only when it holds none, though forks are at work.
    let beside = "
do:
  - parallel: wait
    call: takes-a.yml
  - semaphore: A
    echo: in
  - call: takes-a.yml";
    let files = [
        ("elsewhere.yml", elsewhere),
        ("left.yml", left),
        ("beside.yml", beside),
        (
            "two.yml",
            "do:\n  - semaphore: {key: two, slots: 2}\n    do:\n      - call: takes-two.yml",
        ),
        (
            "takes-two.yml",
            "do:\n  - semaphore: {key: two, slots: 2}\n    echo: in",
        ),
        ("takes-a.yml", TAKES_A),
        ("takes-b.yml", "do:\n  - semaphore: B\n    echo: in"),
    ];
    in_every_store(&files, |stage| {
        for file in ["elsewhere.yml", "left.yml", "beside.yml", "two.yml"] {
            let report = stage.start(file).wait();
            assert!(report.is_ok(), "{file}: {:?}", report.result);
        }
    });
}

#[test]
fn a_wait_with_a_time_limit_ends_by_it() {
    let inner = "do:\n  - semaphore: {key: A, timeout: 0.05}\n    echo: in";
    in_every_store(&[("outer.yml", CALLS), ("inner.yml", inner)], |stage| {
        let error = stage.start("outer.yml").wait().result.unwrap_err();
        assert!(error.message.contains("within"), "{error}");
        let left = stage.engine.runs();
        assert!(left.is_empty(), "{left:?}");
        stage.engine.idle().now_or_never().unwrap();
    });
}

#[cfg(unix)]
#[test]
fn a_command_knows_who_waits_for_it_and_nothing_else() {
    let shows = "
        const { $ } = require('cla/shell'), sem = require('cla/sem');
        const shown = () => $`echo \"$CLA_DEPENDENTS\"`.text().trim();
        const before = shown();
        sem.take('A', () => [before, shown()])";
    let stage = Stage::new(Semaphores::memory(), (), &[("shows.js", shows)]);
    let handle = stage.start("shows.js");
    let run = handle.id().to_string();
    let value = handle.wait().result.unwrap();
    assert_eq!(value[0], "", "it has taken nothing yet");
    let text = value[1].as_str().unwrap();
    let chain: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(chain, serde_json::json!([{"run": run, "who": "shows.js"}]));
}
