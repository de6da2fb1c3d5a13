//! Several runs at once: names, whole lines, the queue, and `--json`.

mod common;

use common::{Ended, Folder};
use serde_json::Value;

const QUEUE: &str = "
    const sem = require('cla/sem'), util = require('cla/util');
    sem.take('slot', (permit) => { print('in'); util.sleep(0.02); print('out') });
";

fn objects(ended: &Ended) -> Vec<Value> {
    ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect()
}

#[test]
fn copies_take_their_turn_in_order_and_one_at_a_time() {
    let folder = Folder::with(&[("queue.js", QUEUE)]);
    let ended = folder.cla(&["run", "--copies", "4", "queue.js"]);
    let expected: String = (1..=4)
        .map(|n| format!("[queue.js#{n}] in\n[queue.js#{n}] out\n"))
        .collect();
    assert_eq!(ended.printed(), expected);
}

#[test]
fn files_queue_in_the_order_in_which_they_are_named() {
    let folder = Folder::with(&[
        ("b/queue.js", QUEUE),
        ("a/queue.js", QUEUE),
        ("c.js", QUEUE),
    ]);
    let ended = folder.cla(&["run", "b/queue.js", "c.js", "a/queue.js"]);
    let names: Vec<&str> = ended
        .printed()
        .lines()
        .filter_map(|line| line.strip_suffix(" in"))
        .collect();
    let expected = ["[b/queue.js]", "[c.js]", "[a/queue.js]"];
    assert_eq!(
        names,
        expected.map(|name| name.replace('/', std::path::MAIN_SEPARATOR_STR))
    );
}

#[test]
fn lines_of_different_runs_never_tear_each_other() {
    // Each line is written in pieces, with the other run's pieces in between.
    let pieces = |name: &str| {
        format!(
            "for (let i = 0; i < 50; i++) {{
                 for (const piece of ['{name}', '{name}', '{name}\\n']) {{
                     cla.printf(piece);
                     await new Promise(done => setTimeout(done, 0));
                 }}
             }}
             cla.printf('rest of {name}')"
        )
    };
    let folder = Folder::with(&[("a.js", &pieces("a")), ("b.js", &pieces("b"))]);
    let ended = folder.cla(&["run", "--workers", "2", "a.js", "b.js"]);
    ended.printed();
    for name in ["a", "b"] {
        let lines = ended.lines_of(&format!("{name}.js"));
        let (rest, whole) = lines.split_last().unwrap();
        assert_eq!(*rest, format!("rest of {name}"));
        assert_eq!(whole, vec![name.repeat(3); 50]);
    }
}

#[test]
fn the_name_in_front_is_coloured_when_the_output_is() {
    let folder = Folder::with(&[("a.js", "print('plain')")]);
    let ended = folder.cla(&["run", "--color", "always", "--copies", "2", "a.js"]);
    for line in ended.printed().lines() {
        assert!(line.starts_with("\x1b["), "{line:?}");
        assert!(line.ends_with("\x1b[0m plain"), "{line:?}");
    }
}

#[test]
fn one_failure_does_not_stop_the_others_but_the_exit_code_is_1() {
    let folder = Folder::with(&[("bad.js", "throw new Error('bad')"), ("queue.js", QUEUE)]);
    let ended = folder.cla(&["run", "queue.js", "bad.js", "queue.js"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.lines_of("queue.js#1"), ["in", "out"]);
    assert_eq!(ended.lines_of("queue.js#2"), ["in", "out"]);
    assert!(
        ended.stderr.starts_with("[bad.js] error: bad\n"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.ends_with("error: 1 of 3 runs failed\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_rule_that_fails_inside_take_lets_the_next_one_in() {
    let next = (
        "next.js",
        "require('cla/sem').take('slot', () => print('in'))",
    );
    for body in [
        "throw new Error('inside')",
        "let a = []; while (true) a.push('x'.repeat(1000) + a.length)",
        "(function f() { return 1 + f() })()",
        "return Promise.reject(new Error('later'))",
    ] {
        let fails = format!("require('cla/sem').take('slot', () => {{ {body} }})");
        let folder = Folder::with(&[("fails.js", &fails), next]);
        let ended = folder.cla(&["run", "--memory", "2M", "fails.js", "next.js"]);
        assert_eq!(ended.code, Some(1), "{body}: {ended:?}");
        assert_eq!(ended.lines_of("next.js"), ["in"], "{body}: {ended:?}");
    }
}

#[test]
fn runs_share_their_semaphores_and_nothing_else() {
    let folder = Folder::with(&[(
        "count.js",
        "require('cla/sem').take('slot', () => { globalThis.n = (globalThis.n ?? 0) + 1; print(n) })",
    )]);
    let ended = folder.cla(&["run", "--copies", "2", "count.js"]);
    assert_eq!(ended.lines_of("count.js#1"), ["1"]);
    assert_eq!(ended.lines_of("count.js#2"), ["1"]);
}

#[test]
fn json_is_one_object_per_run_and_nothing_else() {
    let folder = Folder::with(&[
        ("queue.js", &format!("{QUEUE}({{ sum: 3 }})")),
        ("bad.js", "print('noise');\nnope()"),
    ]);
    let ended = folder.cla(&["run", "--json", "--copies", "2", "queue.js", "bad.js"]);
    assert_eq!(ended.code, Some(1));
    let objects = objects(&ended);
    assert_eq!(objects.len(), 4);
    let of = |name: &str| {
        objects
            .iter()
            .find(|object| object["name"] == name)
            .unwrap()
    };

    let second = of("queue.js#2");
    assert_eq!(second["file"], "queue.js");
    assert_eq!(second["status"], "ok");
    assert_eq!(second["value"]["sum"], 3);
    assert_eq!(second["error"], Value::Null);
    let semaphore = &second["semaphores"][0];
    assert_eq!(semaphore["name"], "slot");
    assert_eq!(semaphore["taken"], 1);
    assert!(semaphore["waited"].as_f64().unwrap() >= 0.02, "{second}");
    assert!(semaphore["held"].as_f64().unwrap() >= 0.02, "{second}");
    assert_eq!(second["waited"], semaphore["waited"]);
    assert!(second["ran"].as_f64().unwrap() >= 0.02, "{second}");
    assert!(second["peak_memory"].as_u64().unwrap() > 10_000, "{second}");
    assert_ne!(second["id"], of("queue.js#1")["id"]);

    let bad = of("bad.js#1");
    assert_eq!(bad["status"], "failed");
    assert_eq!(bad["value"], Value::Null);
    assert_eq!(bad["error"]["kind"], "exception");
    assert_eq!(bad["error"]["name"], "ReferenceError");
    assert_eq!(bad["error"]["location"]["line"], 2);
    assert!(
        ended.stderr.contains("[bad.js#1] noise\n"),
        "{}",
        ended.stderr
    );
    assert!(
        !ended.stderr.contains("nope"),
        "the error is in the JSON: {}",
        ended.stderr
    );
}

#[test]
fn json_says_which_limit_ended_a_run() {
    let folder = Folder::with(&[
        ("forever.js", "while (true) {}"),
        (
            "greedy.js",
            "let a = []; while (true) a.push('x'.repeat(1000) + a.length)",
        ),
        ("deep.js", "function f() { return 1 + f() } f()"),
    ]);
    let ended = folder.cla(&[
        "run",
        "--json",
        "--timeout",
        "2s",
        "--memory",
        "2M",
        "forever.js",
        "greedy.js",
        "deep.js",
    ]);
    for object in objects(&ended) {
        let expected = match object["name"].as_str().unwrap() {
            "forever.js" => "timed_out",
            "greedy.js" => "out_of_memory",
            _ => "stack_overflow",
        };
        assert_eq!(object["status"], expected, "{object}");
    }
}

#[test]
fn an_administrators_rule_steers_the_others() {
    // The first keeps the slot until the administrator is done.
    let queue = "
        const sem = require('cla/sem'), util = require('cla/util');
        sem.take('slot', (permit) => {
            print('in');
            while (permit.waited === 0 && !sem.show('steered')) util.sleep(0.005);
            print('out');
        });
    ";
    let steer = "
        const sem = require('cla/sem'), util = require('cla/util');
        while (sem.show('slot').waiting < 3) util.sleep(0.005);
        const waiting = sem.show('slot').requests.filter(r => r.status === 'waiting');
        print(waiting.map(r => r.who).join());
        sem.cancel(waiting[0].id);
        sem.grant(waiting[1].id);
        // Until the one that was let through has come and gone.
        while (sem.show('slot').requests.filter(r => r.granted && r.status === 'busy').length) util.sleep(0.005);
        sem.slots('steered', 1);
    ";
    let folder = Folder::with(&[("queue.js", queue), ("steer.js", steer)]);
    let ended = folder.cla(&[
        "run", "queue.js", "queue.js", "queue.js", "queue.js", "steer.js",
    ]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.lines_of("steer.js"),
        ["queue.js#2,queue.js#3,queue.js#4"]
    );
    assert!(
        ended
            .stderr
            .contains("[queue.js#2] error: Semaphore cancel"),
        "{}",
        ended.stderr
    );
    let order: Vec<&str> = ended
        .stdout
        .lines()
        .filter(|line| line.ends_with("in"))
        .collect();
    // The third was let in while the first was busy, and the fourth came next as if it had not been.
    assert_eq!(
        order,
        ["[queue.js#1] in", "[queue.js#3] in", "[queue.js#4] in"]
    );
    assert!(ended.stdout.find("[queue.js#3] in") < ended.stdout.find("[queue.js#1] out"));
}

#[test]
fn a_crowd_that_waits_is_let_in_in_the_order_of_its_arrival() {
    const CROWD: usize = 1000;
    // The first one keeps the slot until all others stand in line, and says in which order they do.
    let crowd = format!(
        "const sem = require('cla/sem'), util = require('cla/util');
         sem.take('crowd', (permit) => {{
             if (permit.waited === 0) {{
                 while (sem.show('crowd').waiting < {CROWD} - 1) util.sleep(0.02);
                 const line = sem.show('crowd').requests.filter((request) => request.place);
                 for (const request of line.sort((a, b) => a.place - b.place)) print('next', request.who);
             }}
             print('in');
         }})"
    );
    let folder = Folder::with(&[("crowd.js", &crowd)]);
    let count = CROWD.to_string();
    let ended = folder.cla(&["run", "--copies", &count, "crowd.js"]);
    let lines = ended.printed().lines();
    let (next, ins): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.contains("next"));
    let stood = next.iter().map(|line| line.rsplit(' ').next().unwrap());
    let came = ins
        .iter()
        .map(|line| line.split(['[', ']']).nth(1).unwrap());
    assert_eq!(ins.len(), CROWD);
    assert_eq!(came.skip(1).collect::<Vec<_>>(), stood.collect::<Vec<_>>());
}
