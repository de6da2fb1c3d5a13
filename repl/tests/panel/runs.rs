//! Rules of the folder, run from the page.

use super::page::{Stage, rule, until_rows};

#[test]
fn a_rule_of_the_folder_is_run_watched_and_stopped() {
    let long =
        "const stash = require('cla/stash'), util = require('cla/util'), log = require('cla/log');
        console.log('hello', stash.get('name'));
        log.warn('careful');
        require('cla/sem').take('slow', () => { for (;;) util.sleep(0.05); });";
    let files = [
        ("long.js".to_owned(), long.to_owned()),
        (
            "fails.js".to_owned(),
            "function load() { throw new Error('disk is full') }\nload();".to_owned(),
        ),
        rule("a"),
    ];
    let stage = Stage::with(&files, &[]);
    let browser = &stage.browser;
    browser.click_named("Runs");
    browser.until_text("#run-rows", "No rule of the folder has run yet.");
    browser.click_named("Run long.js");
    browser.type_into("#run-now textarea", "{\"name\": ");
    browser.click("#run-now-yes");
    browser.until_text("#run-now-problem", "not JSON");
    browser.type_into("#run-now textarea", "{\"name\": \"Ada\"}");
    browser.click("#run-now-yes");

    // Its page: what it says, and what it holds.
    browser.until_text("#output", "hello Ada");
    browser.until_text("#output .of-warn", "careful");
    browser.until_text("#run", "slow");
    browser.until_text("#run", "busy");
    let run = browser.js("return location.pathname", &[]);
    // In the queue it is known as one that runs here.
    browser.open(&stage.service.address, "/semaphores/slow");
    until_rows(browser, &["long.js busy"]);
    browser.click_named("Stop run of long.js");
    browser.click_named("Stop it");
    until_rows(browser, &[]);
    browser.open(&stage.service.address, run.as_str().unwrap());
    browser.until_text("#run .status", "cancelled");
    browser.until_text(".timeline", "slow");

    // Again, with the same stash.
    browser.click_named("Run again");
    browser.until(
        "the stash is remembered",
        "return document.querySelector('#run-now textarea').value.includes('Ada')",
    );
    browser.click("#run-now-yes");
    browser.until_text("#run .status", "running");
    browser.until_text("#output", "hello Ada");
    browser.click_named("Stop");
    browser.click_named("Stop it");
    browser.until_text("#run .status", "cancelled");

    // One that fails shows where.
    browser.click_named("Run fails.js");
    browser.click("#run-now-yes");
    browser.until_text("#run .status", "failed");
    browser.until_text(".failure", "disk is full");
    browser.until_text(".failure pre", "throw new Error('disk is full')");

    // And all are remembered.
    browser.click_named("All runs");
    browser.until(
        "three runs",
        "return document.querySelectorAll('#run-rows tr[data-run]').length === 3",
    );
    browser.click("#run-filter option[value=failed]");
    browser.until(
        "one run",
        "return document.querySelectorAll('#run-rows tr[data-run]').length === 1",
    );
    browser.until_text("#run-rows", "fails.js");
}
