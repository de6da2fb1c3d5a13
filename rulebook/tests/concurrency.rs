//! `concurrency`: runs with one key go one after the other, and a newcomer may take the place of who waits or runs.
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

use std::time::Duration;

use cla_rulebook::RulebookScript;
use cla_runtime::error::ErrorKind;
use cla_runtime::semaphore::{HistoryQuery, SemaphoreName, Semaphores};
use cla_runtime::{Engine, RunHandle, RunOptions, RunReport, Script};

/// Starts a rulebook under a name, for an environment.
fn start(engine: &Engine, name: &str, text: &str, env: &str) -> RunHandle {
    let options = RunOptions::new()
        .name(name)
        .stash(serde_json::json!({"env": env, "who": name}));
    engine.run(Script::rulebook("book.yml", text), options)
}

fn engine(semaphores: &Semaphores) -> Engine {
    Engine::builder()
        .semaphores(semaphores.clone())
        .permissions(cla_tests::engine::permissions())
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build()
}

/// Waits until a semaphore has so many busy and so many waiting requests.
async fn until(semaphores: &Semaphores, name: &str, busy: usize, waiting: usize) {
    let name = SemaphoreName::new(name).unwrap();
    loop {
        let view = semaphores.show(&name).await.unwrap();
        if view.is_some_and(|view| (view.busy, view.waiting) == (busy, waiting)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A rulebook whose runs go on until the test lets them.
fn book(cancel: &str) -> String {
    format!(
        "concurrency: {{key: 'deploy-${{env}}', cancel: {cancel}}}
do:
  - semaphore: gate
    do: [return: '${{who}}']
"
    )
}

/// Lets all go on that wait at the gate.
async fn close_gate(semaphores: &Semaphores) -> cla_runtime::semaphore::Permit {
    semaphores.get("gate").unwrap().acquire().await.unwrap()
}

fn returned(report: &RunReport) -> &serde_json::Value {
    report.result.as_ref().unwrap()
}

fn replaced(report: &RunReport) -> &str {
    let error = report.result.as_ref().unwrap_err();
    assert_eq!(
        (error.kind, error.name.as_str()),
        (ErrorKind::Cancelled, "Replaced")
    );
    assert_eq!(report.status(), "cancelled");
    &error.message
}

#[tokio::test]
async fn a_newcomer_takes_the_place_of_who_waits_and_not_of_who_runs() {
    let semaphores = Semaphores::memory();
    let engine = engine(&semaphores);
    let text = book("waiting");
    let gate = close_gate(&semaphores).await;
    let first = start(&engine, "first", &text, "prod");
    until(&semaphores, "concurrency:deploy-prod", 1, 0).await;
    let second = start(&engine, "second", &text, "prod");
    until(&semaphores, "concurrency:deploy-prod", 1, 1).await;
    // Another key is of no account.
    let other = start(&engine, "other", &text, "test");
    until(&semaphores, "concurrency:deploy-test", 1, 0).await;
    let third = start(&engine, "third", &text, "prod");
    let second = second.await;
    let message = replaced(&second);
    assert!(
        message.starts_with("the run did not start, because third ("),
        "{message}"
    );
    assert!(
        message.ends_with("with the same concurrency key \"deploy-prod\""),
        "{message}"
    );
    until(&semaphores, "concurrency:deploy-prod", 1, 1).await;
    gate.release().await.unwrap();
    assert_eq!(returned(&first.await), "first");
    assert_eq!(returned(&third.await), "third");
    assert_eq!(returned(&other.await), "other");
}

#[tokio::test]
async fn of_many_newcomers_at_once_one_stays() {
    let semaphores = Semaphores::memory();
    let engine = engine(&semaphores);
    let text = book("waiting");
    let gate = close_gate(&semaphores).await;
    let first = start(&engine, "first", &text, "prod");
    until(&semaphores, "concurrency:deploy-prod", 1, 0).await;
    let mut newcomers = Vec::new();
    for nth in 0..20 {
        newcomers.push(start(&engine, &format!("newcomer {nth}"), &text, "prod"));
    }
    // Threads start them in an order of their own.
    let name = SemaphoreName::new("concurrency:deploy-prod").unwrap();
    while semaphores
        .history(&name, HistoryQuery::new())
        .await
        .unwrap()
        .len()
        < 19
    {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    until(&semaphores, "concurrency:deploy-prod", 1, 1).await;
    gate.release().await.unwrap();
    assert_eq!(returned(&first.await), "first");
    let mut stayed = 0;
    for newcomer in newcomers {
        let report = newcomer.await;
        match report.is_ok() {
            true => stayed += 1,
            false => drop(replaced(&report).to_owned()),
        }
    }
    assert_eq!(stayed, 1);
}

#[tokio::test]
async fn without_cancel_runs_go_one_after_the_other() {
    let semaphores = Semaphores::memory();
    let engine = engine(&semaphores);
    let text = book("none");
    let gate = close_gate(&semaphores).await;
    let mut runs = Vec::new();
    for nth in 0..3 {
        runs.push(start(&engine, &format!("run {nth}"), &text, "prod"));
        until(&semaphores, "concurrency:deploy-prod", 1, nth).await;
    }
    gate.release().await.unwrap();
    for (nth, run) in runs.into_iter().enumerate() {
        assert_eq!(returned(&run.await), &format!("run {nth}"));
    }
}

#[tokio::test]
async fn who_runs_gives_way_with_its_finally() {
    let semaphores = Semaphores::memory();
    let engine = engine(&semaphores);
    let text = "concurrency: {key: deploy, cancel: running}
do:
  - try:
      - if: who === 'first'
        then: [{semaphore: gate, do: []}]
      - return: ${who}
    finally:
      - semaphore: {key: 'finally ${who}', slots: 7}
        do: []
";
    let _gate = close_gate(&semaphores).await;
    let first = start(&engine, "first", text, "-");
    until(&semaphores, "gate", 1, 1).await;
    let second = start(&engine, "second", text, "-");
    let first = first.await;
    let message = replaced(&first);
    assert!(
        message.starts_with("the run was stopped, because second"),
        "{message}"
    );
    // What must happen in the end did happen, before the newcomer began.
    assert!(
        first
            .regions
            .iter()
            .any(|region| region.semaphore.as_str() == "finally first")
    );
    assert_eq!(returned(&second.await), "second");
}

#[tokio::test]
async fn a_cancel_of_an_administrator_is_told_as_such() {
    let semaphores = Semaphores::memory();
    let engine = engine(&semaphores);
    let text = book("waiting");
    let gate = close_gate(&semaphores).await;
    let first = start(&engine, "first", &text, "prod");
    until(&semaphores, "concurrency:deploy-prod", 1, 0).await;
    let second = start(&engine, "second", &text, "prod");
    until(&semaphores, "concurrency:deploy-prod", 1, 1).await;
    let name = SemaphoreName::new("concurrency:deploy-prod").unwrap();
    let view = semaphores.show(&name).await.unwrap().unwrap();
    semaphores.cancel(view.requests[1].id).await.unwrap();
    let second = second.await;
    let error = second.result.as_ref().unwrap_err();
    assert!(
        error
            .message
            .contains("an administrator cancelled the wait"),
        "{error:?}"
    );
    let at = error.location.as_ref().unwrap();
    assert_eq!((at.line, at.column), (1, 20));
    gate.release().await.unwrap();
    assert_eq!(returned(&first.await), "first");
}

#[tokio::test]
async fn a_rule_that_calls_itself_with_its_key_is_a_deadlock() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("book.yml");
    std::fs::write(&file, "{concurrency: deploy, do: [{call: book.yml}]}").unwrap();
    let engine = engine(&Semaphores::memory());
    let report = engine.run(Script::file(&file), RunOptions::new()).await;
    let error = report.result.unwrap_err();
    assert!(error.message.contains("deadlock"), "{error:?}");
    let found = engine
        .check_all(&[Script::file(&file)], RunOptions::new())
        .await;
    assert!(
        found
            .iter()
            .any(|found| found.error.message.contains("concurrency:deploy")),
        "{found:#?}"
    );
}

#[test]
fn what_is_wrong_with_it_is_found_before_a_run() {
    for (text, problem) in [
        (
            "{concurrency: 3, do: []}",
            "concurrency is a key, or a map with `key`",
        ),
        (
            "{concurrency: {cancel: waiting}, do: []}",
            "concurrency is a key, or a map with `key`",
        ),
        ("{concurrency: {key: [a]}, do: []}", "the key is a text"),
        ("{concurrency: '', do: []}", "the key is empty"),
        (
            "{concurrency: {key: a, cancel: all}, do: []}",
            "cancel is none, waiting or running",
        ),
        (
            "{concurrency: {key: a, kancel: waiting}, do: []}",
            "concurrency has no \"kancel\"",
        ),
        (
            "{concurrency: {group: a}, do: []}",
            "concurrency has no \"group\"",
        ),
        ("do: [{concurrency: a}]", "concurrency"),
    ] {
        let found = cla_rulebook::check_text("book.yml", text);
        assert!(
            found
                .iter()
                .any(|found| found.error.message.contains(problem)),
            "{text}: {found:#?}"
        );
    }
    let text = "{vars: {env: prod}, concurrency: {key: 'deploy-${env}', cancel: running}, do: []}";
    let plan = cla_rulebook::plan("book.yml", text, None, &serde_json::Value::Null).unwrap();
    assert_eq!(plan.semaphores[0].name, "concurrency:deploy-prod");
    assert_eq!(plan.concurrency.unwrap().cancel, "running");
}

#[tokio::test]
async fn a_key_that_is_empty_when_it_is_known_is_refused() {
    let engine = engine(&Semaphores::memory());
    let text = "{concurrency: '${env}', do: []}";
    let report = start(&engine, "run", text, "").await;
    let error = report.result.unwrap_err();
    assert_eq!(error.message, "the key of concurrency is empty");
}

/// A run that waits for its turns is an edge of the wait-for graph, and so is each turn that waits for a slot.
#[tokio::test]
async fn a_deadlock_with_or_between_turns_of_a_loop_is_found() {
    let around = |turns: &str| {
        format!(
            "do:\n  - semaphore: A\n    do:\n      - {turns}\n        parallel: 2\n        do:\n"
        )
    };
    // Only the last turn asks, which begins when another one has ended.
    let last =
        around("foreach: [1, 2, 3]") + "          - {when: it === 3, semaphore: A, do: []}\n";
    let all = around("matrix: {a: [1, 2]}") + "          - {semaphore: A, do: []}\n";
    let nested = around("foreach: [1]")
        + "          - foreach: [1]\n            parallel: 2\n            do: [{semaphore: A, do: []}]\n";
    let forked = around("foreach: [1]") + "          - {parallel: wait, semaphore: A, do: []}\n";
    // Two turns, each of which has what the other one wants.
    let between = "do:
  - foreach: [[A, B], [B, A]]
    parallel: 2
    do:
      - semaphore: ${it[0]}
        do:
          - sleep: 50ms
          - semaphore: ${it[1]}
            do: []
";
    for text in [&last, &all, &nested, &forked, between] {
        let engine = engine(&Semaphores::memory());
        let run = engine.run(Script::rulebook("book.yml", text), RunOptions::new());
        let report = tokio::time::timeout(Duration::from_secs(60), run).await;
        let error = report.expect("it does not hang").result.unwrap_err();
        assert!(error.message.contains("deadlock"), "{text}: {error:?}");
    }
}
