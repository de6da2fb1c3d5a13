//! Rules of the folder, run from the page.

use serde_json::json;

use super::page::{Stage, rule, until_rows};

/// Takes `first` twice and gives it back, and then has `second` until it is stopped.
const REGIONS: &str = "
    const sem = require('cla/sem'), util = require('cla/util');
    for (let i = 0; i < 2; i++) sem.take('first', () => util.sleep(0.2));
    sem.take('second', () => { for (;;) util.sleep(0.05); });";

#[test]
fn the_timeline_of_a_run_grows_while_it_goes_on() {
    let files = [("regions.js".to_owned(), REGIONS.to_owned())];
    let stage = Stage::with(&files, &[]);
    let browser = &stage.browser;
    browser.open(&stage.service.address, "/runs");
    browser.click_named("Run regions.js");
    browser.click("#run-now-yes");
    // What it left, and what it holds, by semaphore.
    browser.until_text("#so-far .timeline li:nth-child(1)", "2 times");
    browser.until_text("#so-far .timeline li:nth-child(2)", "holds it for");
    let bars = |lane: u32| {
        let script = format!(
            "return document.querySelectorAll('#run .timeline li:nth-child({lane}) rect.of-busy').length"
        );
        browser.js(&script, &[])
    };
    assert_eq!((bars(1), bars(2)), (2.into(), 1.into()));
    let start =
        "return Number(document.querySelector('#so-far li:nth-child(2) rect').getAttribute('x'))";
    let first = browser.js(start, &[]).as_f64().unwrap();
    // The time goes on: what was is a smaller part of it.
    browser.until_it("it grows", || {
        let now = browser.js(start, &[]).as_f64().unwrap();
        if now < first {
            Ok(())
        } else {
            Err(now.to_string())
        }
    });
    browser.click_named("Stop");
    browser.click_named("Stop it");
    browser.until_text("#run .status", "cancelled");
    browser.until_text("#run .timeline li:nth-child(2)", "stopped");
    assert_eq!((bars(1), bars(2)), (2.into(), 1.into()));
}

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

/// What a rulebook is given, of every type.
const RELEASE: &str = r#"
inputs:
  version: {type: string, required: true, description: "Which <b>version</b> to release"}
  env: {choices: [test, prod], default: test}
  copies: {type: integer, default: 2}
  quick: {type: boolean}
  tell: {type: list, default: [ops]}
  note:
do:
  - echo: ${version} to ${env}, ${copies} copies
  - dump: ${quick}
  - dump: ${tell}
  - dump: ${note}
  - dump: ${more}
"#;

#[test]
fn a_rulebook_that_declares_inputs_has_a_form() {
    let files = [
        ("release.yml".to_owned(), RELEASE.to_owned()),
        ("plain.js".to_owned(), "print(1)".to_owned()),
    ];
    let stage = Stage::with(&files, &[]);
    let browser = &stage.browser;
    browser.open(&stage.service.address, "/runs");
    browser.click_named("Run release.yml");
    browser.until_text("#run-now-inputs", "Which <b>version</b> to release");
    browser.until_text("#run-now-inputs", "required");
    let field = |name: &str| format!("#run-now-inputs [data-input={name}] [data-kind]");
    // The defaults are there to be seen.
    let shown = browser.js(
        "return [...document.querySelectorAll('#run-now-inputs [data-kind]')].map((field) => field.value)",
        &[],
    );
    assert_eq!(shown, json!(["", "\"test\"", "2", "", "[\"ops\"]", ""]));

    // What is missing or wrong is said, and the field is pointed at.
    let until_wrong = |name: &str, problem: &str| {
        browser.click("#run-now-yes");
        browser.until_text("#run-now-problem", problem);
        let wrong = browser.js(
            "return [...document.querySelectorAll('#run-now-inputs [aria-invalid]')].map((field) => field.closest('[data-input]').dataset.input)",
            &[],
        );
        assert_eq!(wrong, json!([name]));
        assert_eq!(
            browser.js(
                "return document.activeElement.closest('[data-input]')?.dataset.input",
                &[]
            ),
            json!(name)
        );
    };
    until_wrong("version", "the input \"version\" is required");
    browser.type_into(&field("version"), "1.10");
    browser.type_into(&field("tell"), "[\"ops\", ");
    until_wrong("tell", "tell is not JSON");
    browser.type_into(&field("tell"), "[\"ops\", \"sales\"]");
    browser.type_into(&field("copies"), "1.5");
    until_wrong("copies", "must be an integer, not 1.5");
    browser.type_into(&field("copies"), "3");
    browser.click(&format!("{} option[value='\"prod\"']", field("env")));
    browser.click(&format!("{} option[value='true']", field("quick")));
    browser.type_into(&field("note"), "in a hurry");
    browser.type_into("#run-now [name=stash]", "{\"more\": [1]}");
    browser.click("#run-now-yes");
    // The text stays a text, also where it looks like a number.
    browser.until_text("#output", "1.10 to prod, 3 copies");
    let output = browser.until_it("all is said", || {
        let output = browser.js(
            "return [...document.querySelectorAll('#output .text')].map((text) => text.textContent.replace(/\\s/g, '')).join('')",
            &[],
        );
        let output = output.as_str().unwrap().to_owned();
        if output.ends_with("[1]") { Ok(output) } else { Err(output) }
    });
    assert_eq!(
        output,
        "1.10toprod,3copiestrue[\"ops\",\"sales\"]\"inahurry\"[1]"
    );

    // Again: with what was entered.
    browser.click_named("Run again");
    browser.until(
        "the fields are filled",
        "return document.querySelector('#run-now-inputs [data-input=version] input')?.value === '1.10'",
    );
    let again = browser.js(
        "return [...document.querySelectorAll('#run-now-inputs [data-kind], #run-now [name=stash]')].map((field) => field.value.replace(/\\s/g, ''))",
        &[],
    );
    assert_eq!(
        again,
        json!([
            "1.10",
            "\"prod\"",
            "3",
            "true",
            "[\"ops\",\"sales\"]",
            "inahurry",
            "{\"more\":[1]}"
        ])
    );
    browser.click_named("Close");
    // Others have the stash alone.
    browser.click_named("Run plain.js");
    browser.until_text("#run-now h2", "Run plain.js");
    browser.until(
        "there is no form",
        "return document.querySelector('#run-now-inputs').hidden",
    );
}
