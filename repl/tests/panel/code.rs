//! The REPL of the panel: code of administrators.

use serde_json::{Value, json};

use super::page::{rule, until_counts};
use crate::common::Folder;
use crate::common::browser::Browser;
use crate::common::http::Service;
use cla_tests::redis;

/// What the newest result says.
const RESULT: &str = "#results article:first-child";

fn run(browser: &Browser, code: &str) {
    browser.type_into("#code", code);
    browser.press("\u{e009}\u{e007}"); // Ctrl+Enter
}

#[test]
fn administrators_run_code_keep_it_and_stop_it() {
    let folder = Folder::with(&[("help.js", "exports.twice = (n) => 2 * n")]);
    let service = Service::start(&folder, &["--repl", "--timeout", "60s"]);
    let browser = Browser::signed_in(&service, &folder, "admin");
    browser.click_named("REPL");
    browser.until_text("#repl-hint", "What your code returns");

    // A value in three ways, and what is printed beside it.
    run(
        &browser,
        "const rows = [{name: '<b>Ada</b>', n: 1}]; print('hello'); rows",
    );
    browser.until_text(RESULT, "- name: <b>Ada</b>");
    browser.until_text(&format!("{RESULT} .lines"), "hello");
    browser.until_text(&format!("{RESULT} .elapsed"), "took");
    browser.click("#repl label:has([value=json])");
    browser.until_text(RESULT, "\"name\": \"<b>Ada</b>\"");
    browser.click("#repl label:has([value=table])");
    browser.until_text(RESULT, "│");
    browser.click("#repl label:has([value=yaml])");

    // Variables stay, `await` works, rules of the folder can be imported.
    run(
        &browser,
        "await Promise.resolve(require('./help.js').twice(rows.length + 20))",
    );
    browser.until_text(&format!("{RESULT} pre.value"), "42");
    run(&browser, "let x = 1;\nnull.nothing");
    browser.until_text(&format!("{RESULT} .failure"), "TypeError");
    browser.until_text(&format!("{RESULT} .failure"), "REPL3:2:");
    browser.until_text(&format!("{RESULT} .failure pre"), "null.nothing");

    // One that waits for a slot is seen, and stopped; the session goes on.
    run(
        &browser,
        "print('begins'); require('cla/sem').take('held', () => { for (;;) require('cla/util').sleep(0.05) })",
    );
    browser.until_text(&format!("{RESULT} .lines"), "begins");
    let admin = service.client(&folder, "admin", &[]);
    browser.until_it("it holds the slot", || {
        let held = admin.get("/api/v1/requests?semaphore=held").ok();
        let who = held[0]["who"].as_str().unwrap_or_default().to_owned();
        if who.contains("repl of") {
            Ok(())
        } else {
            Err(held.to_string())
        }
    });
    browser.click("#repl-stop");
    browser.until_text(RESULT, "Stopped");
    run(&browser, "rows[0].n + 1");
    browser.until_text(&format!("{RESULT} pre.value"), "2");
    let busy = admin.get("/api/v1/semaphores/held").ok()["busy"].clone();
    assert_eq!(busy, 0, "what was stopped holds nothing");

    // The history, also after the page was loaded anew, with the session as it was.
    browser.open(&service.address, "/repl");
    browser.until_text(".editor", "Your session goes on");
    browser.js("document.querySelector('#code').focus()", &[]);
    browser.press("\u{e00a}\u{e013}"); // Alt+Up
    let code = "return document.querySelector('#code').value";
    assert_eq!(browser.js(code, &[]), "rows[0].n + 1");
    run(&browser, "rows.length");
    browser.until_text(&format!("{RESULT} pre.value"), "1");

    // Tidy, and snippets, which another administrator finds.
    browser.type_into("#code", "if(rows){print( 'tidy' )}");
    browser.click_named("Tidy");
    browser.until(
        "it is tidy",
        "return document.querySelector('#code').value.includes('if (rows) {')",
    );
    browser.click_named("Save as ...");
    browser.type_into("#ask input", "tidied");
    browser.click_named("Save");
    browser.until_text("#snippets", "tidied");
    let other = Browser::signed_in(&service, &folder, "admin");
    other.open(&service.address, "/repl");
    run(&other, "typeof rows");
    other.until_text(&format!("{RESULT} pre.value"), "undefined");
    other.click_named("tidied");
    assert!(
        other
            .js(code, &[])
            .as_str()
            .unwrap()
            .contains("if (rows) {")
    );
    other.click_named("Delete tidied");
    other.click_named("Delete it");
    other.until_text("#snippets", "(0)");

    // What code does to semaphores, and that it ran, is in the audit.
    run(&browser, "require('cla/sem').slots('by-code', 7)");
    browser.until_text(RESULT, "took");
    browser.click_named("Semaphores");
    until_counts(&browser, "by-code", "7 0 0");
    browser.click_named("Audit");
    browser.until_text("#audit-rows", "ran code at the REPL");
    browser.until_text("#audit-rows", "rows[0].n + 1");
    browser.until_text("#audit-rows", "saved a snippet");

    // Signing out ends the session.
    browser.click_named("Sign out");
    browser.until_text("body", "Sign in");
}

#[test]
fn code_is_for_administrators_of_a_service_that_has_a_repl() {
    let folder = Folder::with(&[]);
    let input = json!({"code": "1 + 1"});
    {
        let service = Service::start(&folder, &[]);
        let admin = service.client(&folder, "admin", &[]);
        assert_eq!(admin.post("/panel/repl", &input).refused(404), "no-repl");
        assert_eq!(admin.get("/repl").refused(404), "no-repl");
        assert!(!admin.get("/").body.contains("/repl"));
    }
    let service = Service::start(&folder, &["--repl", "--timeout", "300ms"]);
    for role in ["viewer", "operator"] {
        let client = service.client(&folder, role, &[]);
        assert_eq!(client.post("/panel/repl", &input).refused(403), "forbidden");
        assert_eq!(client.get("/repl").refused(403), "forbidden");
        assert!(!client.get("/").body.contains("/repl"));
    }
    let some = service.client(&folder, "admin", &["--semaphores", "x*"]);
    assert_eq!(some.post("/panel/repl", &input).refused(403), "restricted");
    let admin = service.client(&folder, "admin", &[]);
    let answer = admin.post("/panel/repl", &input);
    assert!(
        answer.status == 200 && answer.body.contains(">2</pre>"),
        "{answer:?}"
    );
    // An input has the service's limits.
    let answer = admin.post("/panel/repl", &json!({"code": "for (;;);"}));
    assert!(
        answer.body.contains("time limit of this service"),
        "{answer:?}"
    );
    drop(service);

    // A client that goes away stops its input: the next one has its turn. This service has no time limit.
    let service = Service::start(&folder, &["--repl"]);
    let admin = service.client(&folder, "admin", &[]);
    let code =
        "require('cla/sem').take('in-hand', () => { for (;;) require('cla/util').sleep(0.01) })";
    let body = json!({ "code": code }).to_string();
    let gone = admin.send("POST", "/panel/repl", Some(&body));
    // It runs before the client goes, so its entry in the audit is older than those of the inputs below.
    redis::eventually("the input holds its slot", || {
        let requests = admin.get("/api/v1/requests?semaphore=in-hand").ok();
        requests[0]["status"] == "busy"
    });
    drop(gone);
    redis::eventually("the next input has its turn", || {
        let answer = admin.post("/panel/repl", &json!({"code": "'here'"}));
        answer.status == 200 && answer.body.contains("here")
    });
    // Its author is in the audit of what the code changed.
    let code = json!({"code": "require('cla/sem').slots('by-code', 3)"});
    assert_eq!(admin.post("/panel/repl", &code).status, 200);
    let audit = admin.get("/api/v1/service-audit?limit=1").ok();
    assert_eq!(audit[0]["action"], "evaluated");
    assert_eq!(audit[0]["program"], "api");
    assert!(audit[0]["detail"].as_str().unwrap().contains("by-code"));
}

#[test]
fn administrators_make_and_revoke_tokens() {
    let (name, text) = rule("a");
    let folder = Folder::with(&[(&name, &text)]);
    let service = Service::start(&folder, &[]);
    let browser = Browser::signed_in(&service, &folder, "admin");
    browser.click_named("Tokens");
    browser.until_text("#token-rows", "admin");
    browser.click_named("New token");
    browser.click("#token-new-yes");
    browser.until_text("#token-new-problem", "1 to 64 characters");
    browser.type_into("#token-new input[name=name]", "<i>ci</i>");
    browser.click("#token-new option[value=operator]");
    browser.type_into("#token-new input[name=expires]", "30d");
    browser.type_into("#token-new input[name=semaphores]", "shop-*");
    browser.click("#token-new-yes");
    let token = browser.until(
        "the token is shown",
        "return document.querySelector('#token-made[open] #token-text')?.textContent",
    );
    let token = token.as_str().unwrap().to_owned();
    browser.click("#token-made .primary");
    browser.until_text("#token-rows", "<i>ci</i>");
    browser.until_text("#token-rows", "shop-*");
    browser.until(
        "the page has forgotten it",
        "return document.querySelector('#token-text').textContent === ''",
    );
    let shown = browser.js(
        "return document.body.innerHTML.includes(arguments[0])",
        &[json!(token)],
    );
    assert_eq!(shown, Value::Bool(false), "it is shown once");

    // It works, and its use is noted.
    let client = service
        .stranger()
        .with("Authorization", &format!("Bearer {token}"));
    let slots = json!({"slots": 2});
    assert_eq!(
        client
            .post("/api/v1/semaphores/shop-db/slots", &slots)
            .status,
        200
    );
    assert_eq!(
        client.post("/api/v1/semaphores/prod/slots", &slots).status,
        404
    );
    assert_eq!(client.get("/api/v1/tokens").refused(403), "forbidden");
    let admin = service.client(&folder, "admin", &[]);
    let found = browser.until_it("its use is noted", || {
        let all = admin.get("/api/v1/tokens").ok();
        let found = all
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "<i>ci</i>");
        let found = found.unwrap().clone();
        if found["last_used_at"].is_number() {
            Ok(found)
        } else {
            Err(found.to_string())
        }
    });
    assert!(found["expires_at"].as_f64() > found["created_at"].as_f64());
    assert_eq!(found["last_used_from"], "127.0.0.1");
    browser.open(&service.address, "/tokens");
    browser.until_text("#token-rows", "from 127.0.0.1");

    browser.click_named("Revoke <i>ci</i>");
    browser.click_named("Revoke it");
    browser.until(
        "it is gone",
        "return !document.querySelector('#token-rows').innerText.includes('ci</i>')",
    );
    assert_eq!(client.get("/api/v1/semaphores").refused(401), "wrong-token");
    browser.click_named("Audit");
    browser.until_text("#audit-rows", "made a token");
    browser.until_text("#audit-rows", "revoked a token");

    // By the interface.
    for wrong in [
        json!({"name": "x"}),
        json!({"name": "", "role": "viewer"}),
        json!({"name": "x", "role": "king"}),
    ] {
        assert_eq!(
            admin.post("/api/v1/tokens", &wrong).refused(422),
            "invalid-request"
        );
    }
    let made = admin
        .post(
            "/api/v1/tokens",
            &json!({"name": "viewer", "role": "viewer"}),
        )
        .ok();
    let path = format!("/api/v1/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(admin.ask("DELETE", &path, None).status, 204);
    assert_eq!(
        admin.ask("DELETE", &path, None).refused(404),
        "unknown-token"
    );
    let some = service.client(&folder, "admin", &["--semaphores", "x*"]);
    assert_eq!(some.get("/api/v1/tokens").refused(403), "restricted");
}

#[test]
fn what_a_session_holds_is_given_back_however_it_ends() {
    let folder = Folder::with(&[]);
    let service = Service::start(&folder, &["--repl", "--grace", "300ms"]);
    let admin = service.client(&folder, "admin", &[]);
    let hold = json!({"code": "
        var { SemaphoreProvider } = require('cla/semaphore');
        var kept = new SemaphoreProvider({ defaultTtl: null }).create('kept', { limit: 1 });
        await kept.acquire()"});
    let is_held = || admin.get("/api/v1/semaphores/kept").ok()["busy"] == 1;
    let take = || {
        let answer = admin.post("/panel/repl", &hold);
        assert!(answer.body.contains("true"), "{answer:?}");
        assert!(is_held(), "it stays with the session");
    };
    take();
    assert_eq!(admin.ask("POST", "/panel/repl/end", None).status, 204);
    assert!(!is_held(), "the session was ended");

    // Code that goes on when its administrator's token is revoked.
    let other = service.client(&folder, "admin", &["--name", "other"]);
    let code = json!({"code": "for (;;) require('cla/sem').take('theirs', () => require('cla/util').sleep(60))"});
    let going_on = other.send("POST", "/panel/repl", Some(&code.to_string()));
    let busy = |name: &str| folder.semaphore(name)["busy"] == 1;
    let until = |what: &str, is_so: &dyn Fn() -> bool| {
        let start = std::time::Instant::now();
        while !is_so() {
            assert!(start.elapsed().as_secs() < 30, "never: {what}");
        }
    };
    until("it holds its slot", &|| {
        let found = admin.get("/api/v1/semaphores/theirs");
        found.status == 200 && found.ok()["busy"] == 1
    });
    let tokens = admin.get("/api/v1/tokens").ok();
    let mut tokens = tokens.as_array().unwrap().iter();
    let id = tokens.find(|token| token["name"] == "other").unwrap()["id"].clone();
    let path = format!("/api/v1/tokens/{}", id.as_str().unwrap());
    assert_eq!(admin.ask("DELETE", &path, None).status, 204);
    let refused = crate::common::http::Answer::read(going_on).refused(401);
    assert_eq!(refused, "unauthenticated");
    assert!(!busy("theirs"), "its session has ended");

    // The service ends, while an input goes on in a session that holds a slot.
    take();
    let going_on = admin.send("POST", "/panel/repl", Some(&code.to_string()));
    until("it holds its slot", &|| busy("theirs"));
    service.running.send(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(service.running.end().code, Some(0));
    drop(going_on);
    for name in ["kept", "theirs"] {
        assert!(!busy(name), "{name}");
    }
}
