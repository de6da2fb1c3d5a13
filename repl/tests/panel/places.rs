//! A request is dragged to another place.

use super::page::{Stage, rule, until_rows};

#[test]
fn a_waiting_request_is_dragged_to_another_place() {
    let files: Vec<_> = ["a", "b", "c", "d"].map(rule).into();
    let stage = Stage::with(&files, &[]);
    let browser = &stage.browser;
    let mut a = stage.run("a.js");
    assert_eq!(a.stdout_line(), "in\n");
    let mut waiting = Vec::new();
    let mut rows = vec!["a.js busy".to_owned()];
    for (place, name) in ["b.js", "c.js", "d.js"].into_iter().enumerate() {
        waiting.push(stage.run(name));
        rows.push(format!("{name} waiting {}", place + 1));
        until_rows(
            browser,
            &rows.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    }
    // Onto the upper half of the first that waits.
    browser.drag(
        "tr.is-waiting:has([data-place='3']) .grip",
        "tr.is-waiting:has([data-place='1']) .c-owner",
        -10,
    );
    let moved = [
        "a.js busy",
        "d.js waiting 1",
        "b.js waiting 2",
        "c.js waiting 3",
    ];
    until_rows(browser, &moved);
    // Below the second.
    browser.drag(
        "tr.is-waiting:has([data-place='1']) .grip",
        "tr.is-waiting:has([data-place='2']) .c-owner",
        10,
    );
    let moved = [
        "a.js busy",
        "b.js waiting 1",
        "d.js waiting 2",
        "c.js waiting 3",
    ];
    until_rows(browser, &moved);
    // Onto one that is busy, it stays where it is; and a click moves nothing.
    browser.drag(
        "tr.is-waiting:has([data-place='3']) .grip",
        "tr.is-busy .c-owner",
        0,
    );
    browser.click("tr.is-waiting:has([data-place='3']) .grip");
    browser.click_named("Move c.js up");
    let moved = [
        "a.js busy",
        "b.js waiting 1",
        "c.js waiting 2",
        "d.js waiting 3",
    ];
    until_rows(browser, &moved);
    drop(waiting);
    stage.stop("a");
    assert_eq!(a.exit_code(), Some(0));
}
