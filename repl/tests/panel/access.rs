//! Several people, those who may only see, keyboards, phones, screen readers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::page::{Stage, rows, rule, until_counts, until_rows, until_slots};
use crate::common::Folder;
use crate::common::browser::Browser;
use crate::common::http::Service;

fn rules(names: &str) -> Vec<(String, String)> {
    names.chars().map(|name| rule(&name.to_string())).collect()
}

#[test]
fn two_browsers_see_what_each_does_within_a_fifth_of_a_second() {
    let stage = Stage::with(&rules("abc"), &[]);
    let mut a = stage.run("a.js");
    assert_eq!(a.stdout_line(), "in\n");
    let (b, c) = (stage.run("b.js"), stage.run("c.js"));
    let one = &stage.browser;
    let two = Browser::signed_in(&stage.service, &stage.folder, "operator");
    until_counts(&two, "mysem", "1 1 2");
    until_counts(one, "mysem", "1 1 2");
    one.until(
        "it is live",
        "return document.querySelector('[data-state=live]')",
    );
    two.until(
        "it is live",
        "return document.querySelector('[data-state=live]')",
    );

    // Several rows at once, in the one, by their boxes; the other moves on by itself.
    let order = rows(&two);
    let last = order[2].split(' ').next().unwrap().to_owned();
    two.click_named(&format!("Move {last} up"));
    until_rows(
        one,
        &[
            "a.js busy",
            &format!("{last} waiting 1"),
            &format!("{} waiting 2", order[1].split(' ').next().unwrap()),
        ],
    );
    one.click("#pick-all");
    one.until_text("#picked", "2 selected");
    one.click("#bulk .danger");
    one.click_named("Cancel 2");
    until_rows(&two, &["a.js busy"]);
    for rule in [b, c] {
        assert!(rule.end().stderr.contains("Semaphore cancel"));
    }

    // How long a change takes to show in the other: from before it is asked for to when the page has it.
    let mut took: Vec<f64> = (0..10)
        .map(|step| {
            let wanted = 2 + step % 2;
            two.js(
                "const wanted = arguments[0];
                 window.shown = null;
                 const value = () => document.querySelector('#queue .stepper .value').innerText.trim();
                 const watcher = new MutationObserver(() => {
                     if (value() === wanted) { window.shown = Date.now(); watcher.disconnect(); }
                 });
                 watcher.observe(document.querySelector('.side'), { subtree: true, childList: true, characterData: true });",
                &[json!(wanted.to_string())],
            );
            let asked = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            one.js(
                "fetch('/api/v1/semaphores/mysem/slots', {method: 'POST', headers: {'Content-Type': 'application/json'},
                 body: JSON.stringify({slots: arguments[0]})})",
                &[json!(wanted)],
            );
            let shown = two.until("the other shows it", "return window.shown");
            let shown = Duration::from_millis(shown.as_u64().unwrap());
            shown.saturating_sub(asked).as_secs_f64()
        })
        .collect();
    took.sort_by(f64::total_cmp);
    assert!(took[5] < 0.2, "a change shows within 200 ms: {took:?}");
    stage.stop("a");
    assert_eq!(a.exit_code(), Some(0));
}

#[test]
fn who_may_only_see_has_no_buttons_and_is_refused() {
    let stage = Stage::with(&rules("ab"), &[]);
    let mut a = stage.run("a.js");
    assert_eq!(a.stdout_line(), "in\n");
    let b = stage.run("b.js");
    until_rows(&stage.browser, &["a.js busy", "b.js waiting 1"]);
    let viewer = Browser::signed_in(&stage.service, &stage.folder, "viewer");
    until_rows(&viewer, &["a.js busy", "b.js waiting 1"]);
    let acts = viewer.js(
        "return [...document.querySelectorAll('main [data-act]')].map((button) => button.dataset.act)",
        &[],
    );
    // What is in the empty page, which is not shown, copies a text; the other looks back.
    assert_eq!(acts, json!(["history", "copy"]));
    let refused = viewer.js_async(
        "const done = arguments[arguments.length - 1];
         const { request } = document.querySelector('tr.is-waiting').dataset;
         fetch(`/api/v1/requests/${request}/cancel`, {method: 'POST'}).then((answer) => done(answer.status))",
        &[],
    );
    assert_eq!(refused, 403);
    viewer.open(&stage.service.address, "/runs");
    viewer.until_text(".rules", "a.js");
    assert_eq!(
        viewer.js(
            "return document.querySelectorAll('main [data-act]').length",
            &[]
        ),
        0
    );
    until_rows(&stage.browser, &["a.js busy", "b.js waiting 1"]);
    drop(b);
    stage.stop("a");
}

#[test]
fn it_is_steered_by_keyboard() {
    let stage = Stage::with(&rules("abc"), &[]);
    let browser = &stage.browser;
    let mut a = stage.run("a.js");
    assert_eq!(a.stdout_line(), "in\n");
    let mut b = stage.run("b.js");
    until_rows(browser, &["a.js busy", "b.js waiting 1"]);
    stage.cla(&["sem", "slots", "other", "1"]);
    until_counts(browser, "other", "1 0 0");

    browser.press("?");
    browser.until_text("#keys", "this list");
    browser.press("\u{e00c}"); // Escape
    browser.until(
        "it is closed",
        "return !document.querySelector('dialog[open]')",
    );
    browser.press("/");
    browser.press("other");
    browser.until(
        "one is left",
        "return document.querySelectorAll('#semaphores tr[data-semaphore]').length === 1",
    );
    browser.press("\u{e015}\u{e007}"); // down, Enter
    browser.until_text("#queue h2", "other");
    assert!(
        browser.js("return location.pathname + location.search", &[])
            == "/semaphores/other?q=other"
    );
    browser.js("history.back()", &[]);

    browser.open(&stage.service.address, "/semaphores/mysem");
    until_rows(browser, &["a.js busy", "b.js waiting 1"]);
    browser.js(
        "document.querySelector('#semaphores tr.is-current a').focus()",
        &[],
    );
    browser.press("\u{e014}"); // right: into the queue
    browser.press("\u{e015}"); // down: to b.js
    browser.until(
        "b.js has the focus",
        "return document.activeElement.innerText.includes('b.js')",
    );
    browser.press("g");
    assert_eq!(b.stdout_line(), "granted\n");
    // The row is still there, and so is the focus, whatever was read anew.
    until_rows(browser, &["a.js busy", "b.js busy granted"]);
    browser.until(
        "b.js has the focus",
        "return document.activeElement.innerText.includes('b.js')",
    );
    browser.press("+");
    browser.js(
        "document.querySelector('#semaphores tr.is-current a').focus()",
        &[],
    );
    browser.press("+");
    until_slots(browser, "2");
    for name in ["a", "b"] {
        stage.stop(name);
    }
    for mut rule in [a, b] {
        assert_eq!(rule.exit_code(), Some(0));
    }
}

#[test]
fn names_and_owners_of_strangers_are_text_and_nothing_else() {
    let stage = Stage::with(&[], &[]);
    let browser = &stage.browser;
    let name = "<img src=x onerror=alert(1)> ../a?b#c\u{202e}%2F";
    let code = format!("require('cla/sem').slots({}, 3)", json!(name));
    std::fs::write(stage.folder.path().join("strange.js"), code).unwrap();
    stage.run("strange.js").end().printed();
    browser.until_text(
        "#semaphores",
        "<img src=x onerror=alert(1)> ../a?b#c\\u{202e}%2F",
    );
    assert_eq!(browser.js("return document.images.length", &[]), 0);
    browser.click("#semaphores a");
    browser.until_text("#queue h2", "<img src=x");
    let path = browser.js("return location.pathname", &[]);
    browser.open(&stage.service.address, path.as_str().unwrap());
    browser.until_text("#queue h2", "\\u{202e}%2F");
    browser.click("#queue .stepper button:last-of-type");
    until_slots(browser, "4");
}

/// What axe finds that keeps people out.
fn faults(browser: &Browser) -> Vec<String> {
    let axe = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/axe/node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(axe).expect(
        "axe-core is not installed: run `npm ci` in repl/tests/axe, or `cargo xtask test`, which does",
    );
    browser.js(&axe, &[]);
    let found = browser.js_async(
        "const done = arguments[arguments.length - 1];
         axe.run().then(({ violations }) => done(violations
             .filter(({ impact }) => impact === 'serious' || impact === 'critical')
             .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`))))",
        &[],
    );
    found
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn no_page_keeps_people_out() {
    let mut files = rules("ab");
    files.push((
        "fails.js".to_owned(),
        "console.error('careful'); throw new Error('disk is full')".to_owned(),
    ));
    let stage = Stage::with(&files, &[]);
    let browser = &stage.browser;
    let dark = |is: bool| {
        // The same colours for all pages, whatever the system says.
        browser.js(
            "document.documentElement.style.colorScheme = arguments[0]",
            &[json!(if is { "dark" } else { "light" })],
        );
    };
    let check = |page: &str| {
        for is in [false, true] {
            dark(is);
            let found = faults(browser);
            assert!(found.is_empty(), "{page}, dark {is}: {found:#?}");
        }
    };
    check("nothing yet");
    let mut a = stage.run("a.js");
    assert_eq!(a.stdout_line(), "in\n");
    let b = stage.run("b.js");
    stage.cla(&["sem", "slots", "locked", "0"]);
    until_rows(browser, &["a.js busy", "b.js waiting 1"]);
    until_counts(browser, "locked", "0 0 0");
    check("a queue");
    browser.click_named("Lock and cancel all (1)");
    browser.until_text("#ask", "1 request will fail");
    check("a question");
    browser.click_named("Keep as it is");
    browser.open(&stage.service.address, "/runs");
    browser.click_named("Run fails.js");
    browser.until_text("#run-now", "Run fails.js");
    check("run now");
    browser.click("#run-now-yes");
    browser.until_text(".failure", "disk is full");
    browser.until_text("#output", "careful");
    check("a run");
    browser.open(&stage.service.address, "/runs");
    browser.until_text("#run-rows", "failed");
    check("runs");
    browser.click_named("Audit");
    browser.until_text("#audit-rows", "set the slots of locked");
    check("the audit");

    // On a phone, nothing is wider than the screen.
    browser.size(360, 740);
    for path in ["/", "/semaphores/mysem", "/runs"] {
        browser.open(&stage.service.address, path);
        browser.until(
            "it is live",
            "return document.querySelector('[data-state=live]')",
        );
        let widths = browser.js(
            "return [document.documentElement.scrollWidth, innerWidth]",
            &[],
        );
        assert!(widths[0].as_u64() <= widths[1].as_u64(), "{path}: {widths}");
        check(path);
    }
    browser.open(&stage.service.address, "/semaphores/mysem");
    browser.click_named("All semaphores");
    browser.until(
        "the list",
        "return document.querySelector('#filter').checkVisibility()",
    );
    browser.click_named("mysem");
    browser.click_named("Grant b.js");
    until_rows(browser, &["a.js busy", "b.js busy granted"]);
    browser.open(&stage.service.address, "/login");
    check("signing in");
    drop(b);
    stage.stop("a");
}

#[test]
fn no_page_of_administrators_keeps_people_out() {
    let folder = Folder::with(&[]);
    let service = Service::start(&folder, &["--repl"]);
    let browser = &Browser::signed_in(&service, &folder, "admin");
    let check = |page: &str| {
        for colours in ["light", "dark"] {
            browser.js(
                "document.documentElement.style.colorScheme = arguments[0]",
                &[json!(colours)],
            );
            let found = faults(browser);
            assert!(found.is_empty(), "{page}, {colours}: {found:#?}");
        }
    };
    for (width, height) in [(1280, 900), (360, 740)] {
        browser.size(width, height);
        browser.open(&service.address, "/repl");
        check("an empty REPL");
        for code in ["console.warn('careful'); [{name: 'Ada', n: 1}]", "null.x"] {
            browser.type_into("#code", code);
            browser.click("#repl-run");
            browser.until(
                "it is done",
                "return !document.querySelector('#repl-run').disabled && document.querySelector('.elapsed')",
            );
        }
        browser.until_text(".failure", "TypeError");
        check("a REPL");
        browser.open(&service.address, "/tokens");
        check("tokens");
        browser.click_named("New token");
        browser.until(
            "it asks",
            "return document.querySelector('#token-new[open]')",
        );
        check("a new token");
        browser.open(&service.address, "/docs");
        check("the interface");
        browser.open(&service.address, "/audit");
        browser.until_text("#audit-rows", "ran code at the REPL");
        check("the audit");
        for path in ["/repl", "/tokens", "/docs", "/audit"] {
            browser.open(&service.address, path);
            browser.until(
                "it is live",
                "return document.querySelector('[data-state=live]')",
            );
            let widths = browser.js(
                "return [document.documentElement.scrollWidth, innerWidth]",
                &[],
            );
            assert!(widths[0].as_u64() <= widths[1].as_u64(), "{path}: {widths}");
        }
    }
}

#[test]
fn a_thousand_semaphores_and_a_long_line_are_gone_through_in_parts() {
    let stage = Stage::with(&[], &[]);
    let browser = &stage.browser;
    let many = "const sem = require('cla/sem');
        for (let i = 0; i < 1000; i++) sem.slots('s' + String(i).padStart(4, '0'), 1 + i % 3);";
    std::fs::write(stage.folder.path().join("many.js"), many).unwrap();
    stage.run("many.js").end().printed();
    browser.until_it("all are there", || {
        let total = browser.js(
            "return document.querySelector('#semaphores').dataset.total",
            &[],
        );
        if total == "1000" {
            Ok(())
        } else {
            Err(total.to_string())
        }
    });
    let shown = browser.js(
        "return document.querySelectorAll('#semaphores tr[data-semaphore]').length",
        &[],
    );
    assert_eq!(shown, Value::from(100));
    browser.js("const list = document.querySelector('#semaphores-scroll'); list.scrollTop = list.scrollHeight;", &[]);
    until_counts(browser, "s0999", "1 0 0");
    // What changes there is seen there.
    stage.cla(&["sem", "slots", "s0999", "5"]);
    until_counts(browser, "s0999", "5 0 0");
    browser.type_into("#filter input", "s0500");
    until_counts(browser, "s0500", "3 0 0");

    // 400 clients of another language in one line.
    let operator = stage.service.client(&stage.folder, "operator", &[]);
    let clients: Vec<_> = (0..400)
        .map(|number| {
            let wish = json!({"wait": 600, "who": format!("job {number}")}).to_string();
            operator.send("POST", "/api/v1/semaphores/line/acquire", Some(&wish))
        })
        .collect();
    browser.open(&stage.service.address, "/semaphores/line");
    browser.until_text("#queue", "399 waiting");
    let count = "return document.querySelectorAll('tr.request').length";
    assert_eq!(browser.js(count, &[]), 100);
    browser.js(
        "const list = document.querySelector('#rows-scroll'); list.scrollTop = list.scrollHeight;",
        &[],
    );
    browser.until("the last is there", "return rows().at(-1) === '399'; function rows() {
        return [...document.querySelectorAll('tr.request .c-place')].map((place) => place.innerText.trim()); }");
    assert!(browser.js(count, &[]).as_u64().unwrap() <= 100);
    drop(clients);
    browser.until_text("#queue", "0 waiting");
}
