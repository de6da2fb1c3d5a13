//! Declared semaphores, and the description of the interface.

use super::page::until_counts;
use crate::common::Folder;
use crate::common::browser::Browser;
use crate::common::http::Service;

const DECLARED: &str = "\
[semaphores.prod]
slots = 2
description = 'The <b>production</b> database'
labels = {team = 'db', tier = 'gold'}

[semaphores.web]
labels = {team = 'web'}
";

const NAMES: &str = "return [...document.querySelectorAll('#semaphores tr[data-semaphore]')].map((row) => row.dataset.semaphore).join(' ')";

#[test]
fn declared_semaphores_say_what_they_are_for_and_are_found_by_label() {
    let folder = Folder::with(&[("cla.toml", DECLARED)]);
    let service = Service::start(&folder, &[]);
    let browser = Browser::signed_in(&service, &folder, "viewer");
    until_counts(&browser, "prod", "2 0 0");
    until_counts(&browser, "web", "1 0 0");
    browser.until_text("#semaphores", "The <b>production</b> database");
    browser.until_text("#semaphores", "team=db");
    browser.click("#filter option[value='team=web']");
    browser.until_it("only web is there", || {
        let names = browser.js(NAMES, &[]);
        if names == "web" {
            Ok(())
        } else {
            Err(names.to_string())
        }
    });
    let search = browser.js("return location.search", &[]);
    assert_eq!(search, "?label=team%3Dweb");

    // A label of the queue leads to all that have it.
    browser.open(&service.address, "/semaphores/prod");
    browser.until_text("#queue .declared", "The <b>production</b> database");
    browser.click_named("tier=gold");
    browser.until_it("only prod is there", || {
        let names = browser.js(NAMES, &[]);
        if names == "prod" {
            Ok(())
        } else {
            Err(names.to_string())
        }
    });
    // With any value.
    browser.open(&service.address, "/?label=team");
    browser.until_it("both are there", || {
        let names = browser.js(NAMES, &[]);
        if names == "prod web" {
            Ok(())
        } else {
            Err(names.to_string())
        }
    });
}

#[test]
fn the_interface_is_described_for_people() {
    let folder = Folder::with(&[]);
    let service = Service::start(&folder, &[]);
    let browser = Browser::signed_in(&service, &folder, "viewer");
    browser.click_named("API");
    browser.until_text("#docs", "/api/v1/semaphores/{name}/acquire");
    browser.until_text("#post_semaphores_name_slots", "Needs the role operator");
    browser.until_text("#post_semaphores_name_slots", "POST");
    // What refers to a schema leads to it.
    let dangling = browser.js(
        "return [...document.querySelectorAll('#docs a[href^=\"#\"]')].map((link) => link.hash.slice(1))
             .filter((id) => !document.getElementById(id))",
        &[],
    );
    assert_eq!(dangling, serde_json::json!([]));
    let paths = browser.js(
        "return document.querySelectorAll('#docs .method').length",
        &[],
    );
    let described = service.stranger().get("/openapi.json").ok();
    let all = described["paths"].as_object().unwrap().values();
    let all: usize = all.map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(paths, all);
}

#[test]
fn a_request_that_takes_too_long_is_marked_without_reloading() {
    const BUSY: (&str, &str) = (
        "a.js",
        "require('cla/sem').take('prod', () => require('cla/util').sleep(60))",
    );
    const DECLARED: (&str, &str) = (
        "cla.toml",
        "[semaphores.prod]\nslots = 1\nalert_after = '300ms'\nalert_held_after = '1s'\n",
    );
    let folder = Folder::with(&[DECLARED, BUSY]);
    let service = Service::start(&folder, &[]);
    let browser = Browser::signed_in(&service, &folder, "viewer");
    let _busy = folder.start(&["run", BUSY.0]);
    until_counts(&browser, "prod", "1 1 0");
    let _waits = folder.start(&["run", BUSY.0]);
    browser.until_text("#requests .is-waiting .badge", "waits too long");
    browser.until_text("#requests .is-busy .badge", "busy too long");
}
