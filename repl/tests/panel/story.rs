//! The document, heading by heading, while the rules run in other processes.

use cla_tests::redis;
use nix::sys::signal::Signal;

use super::page::{Stage, arrow, rule, until_counts, until_rows, until_slots};

fn the_document_is_lived_through(store: &[&str]) {
    let rules: Vec<_> = "abcdefg"
        .chars()
        .map(|name| rule(&name.to_string()))
        .collect();
    let stage = Stage::with(&rules, store);
    let browser = &stage.browser;

    // "Initially [...] the interface will contain no data."
    browser.until_text("#first", "No semaphores yet");
    let snippet = browser.text("#snippet");
    assert!(snippet.contains("sem.take('mysem'"), "{snippet}");

    // Creating a semaphore: the snippet as it stands there.
    std::fs::write(stage.folder.path().join("first.js"), snippet).unwrap();
    let mut first = stage.run("first.js");
    until_counts(browser, "mysem", "1 1 0");
    until_rows(browser, &["first.js busy"]);
    first.send(Signal::SIGINT);
    first.exit_code();
    until_counts(browser, "mysem", "1 0 0");
    until_rows(browser, &[]);

    slots_go_up_and_down(&stage);

    // Grant: "process B will start immediately and will not consume any slots. Once process A finishes, process C will
    // start even though process B is already running."
    let mut a = stage.run("a.js");
    assert_eq!(a.stdout_line(), "in\n");
    let mut b = stage.run("b.js");
    until_rows(browser, &["a.js busy", "b.js waiting 1"]);
    let mut c = stage.run("c.js");
    until_rows(browser, &["a.js busy", "b.js waiting 1", "c.js waiting 2"]);
    until_counts(browser, "mysem", "1 1 2");
    browser.click_named("Grant b.js");
    assert_eq!(b.stdout_line(), "granted\n");
    until_rows(
        browser,
        &["a.js busy", "b.js busy granted", "c.js waiting 1"],
    );
    stage.stop("a");
    assert_eq!(c.stdout_line(), "in\n");
    until_rows(browser, &["b.js busy granted", "c.js busy"]);
    assert_eq!(a.exit_code(), Some(0));

    // Cancel: "failing gracefully with a `Semaphore cancel` error".
    let d = stage.run("d.js");
    until_rows(
        browser,
        &["b.js busy granted", "c.js busy", "d.js waiting 1"],
    );
    browser.click_named("Cancel d.js");
    let ended = d.end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("Semaphore cancel"), "{ended:?}");
    until_rows(browser, &["b.js busy granted", "c.js busy"]);

    // Who held it before, and who did what.
    browser.click_named("Who held it before");
    browser.until_text("#history", "a.js");
    browser.until_text("#history", "cancelled");
    browser.click("#history .buttons button");

    the_emergency(&stage);
    for name in ["b", "c"] {
        stage.stop(name);
    }
    for rule in [b, c] {
        assert!(rule.end().printed().ends_with("out\n"));
    }
    until_rows(browser, &[]);
    browser.click_named("Audit");
    browser.until_text("#audit-rows", "granted a request of mysem");
    browser.until_text("#audit-rows", "cancelled a request of mysem");
    browser.until_text("#audit-rows", "by panel");
    browser.until_text("#audit-rows", "0 slots (pinned)");
}

/// Managing slots: up, down, locked at 0, and below that without end.
fn slots_go_up_and_down(stage: &Stage) {
    let browser = &stage.browser;
    arrow(browser, true);
    until_slots(browser, "2");
    until_counts(browser, "mysem", "2 0 0");
    browser.until_text("#queue", "Pinned");
    arrow(browser, false);
    until_slots(browser, "1");
    // Locking and opening ask once.
    arrow(browser, false);
    browser.until_text("#ask", "Lock “mysem”?");
    browser.click_named("Lock it");
    until_counts(browser, "mysem", "0 0 0");
    browser.until_text("#queue", "Locked");
    arrow(browser, false);
    browser.until_text("#ask", "Open “mysem” for all?");
    browser.click_named("Keep as it is");
    until_slots(browser, "0");
    arrow(browser, false);
    browser.click_named("Open it");
    until_counts(browser, "mysem", "∞ 0 0");
    arrow(browser, true);
    browser.click_named("Lock it");
    until_slots(browser, "0");
    arrow(browser, true);
    until_slots(browser, "1");
    // A number that is typed.
    browser.click("#queue .stepper .value");
    browser.type_into("#ask input", "7");
    browser.click_named("Set");
    until_counts(browser, "mysem", "7 0 0");
    browser.click("#queue .stepper .value");
    browser.type_into("#ask input", "many");
    browser.click_named("Set");
    browser.until_text("#toasts", "unlimited");
    browser.click_named("Back to the code's value");
    until_slots(browser, "1");
}

/// "1. reduce the semaphore slot count to 0, 2. cancel any pending processes in the queue."
fn the_emergency(stage: &Stage) {
    let browser = &stage.browser;
    let waiting = [stage.run("e.js"), stage.run("f.js")];
    until_counts(browser, "mysem", "1 1 2");
    browser.click_named("Lock and cancel all (2)");
    browser.until_text("#ask", "2 requests will fail");
    browser.click_named("Lock and cancel 2");
    for rule in waiting {
        let ended = rule.end();
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains("Semaphore cancel"), "{ended:?}");
    }
    until_counts(browser, "mysem", "0 1 0");
    browser.until_text("#toasts", "2 requests cancelled");
    // Who comes now has to wait, also when the slot is free.
    let mut late = stage.run("g.js");
    until_rows(
        browser,
        &["b.js busy granted", "c.js busy", "g.js waiting 1"],
    );
    browser.click_named("Unlock");
    until_slots(browser, "1");
    arrow(browser, true);
    assert_eq!(late.stdout_line(), "in\n");
    stage.stop("g");
    assert_eq!(late.exit_code(), Some(0));
}

#[test]
fn the_document_is_lived_through_on_sqlite() {
    the_document_is_lived_through(&[]);
}

#[test]
fn the_document_is_lived_through_on_redis() {
    let server = redis::Server::start();
    the_document_is_lived_through(&["--store", &server.url()]);
}
