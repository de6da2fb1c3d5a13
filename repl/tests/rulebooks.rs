//! Every rule in `examples/rulebooks/` runs as its own first lines say, and prints what they say.
#![cfg(unix)] // they use a shell
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use std::path::{Path, PathBuf};

use common::{Folder, Running, command, examples};

/// One `$ cla run ...` of a rulebook's first lines.
#[derive(Debug, Default)]
struct Promise {
    arguments: Vec<String>,
    printed: String,
    code: i32,
}

/// What the comment at the beginning of a rulebook promises.
fn promises(text: &str) -> Vec<Promise> {
    let mut promises: Vec<Promise> = Vec::new();
    let mut open = false;
    let comment = |line: &'_ str| -> Option<String> {
        let line = line.strip_prefix('#').or_else(|| line.strip_prefix("//"))?;
        Some(line.to_owned())
    };
    for line in text.lines().map_while(comment) {
        let line = line.strip_prefix(' ').unwrap_or(&line);
        if let Some(command) = line.strip_prefix("$ cla ") {
            promises.push(Promise {
                arguments: shell_words::split(command).unwrap(),
                ..Promise::default()
            });
            open = true;
        } else if line.is_empty() {
            open = false;
        } else if let Some(promise) = promises.last_mut().filter(|_| open) {
            match line.strip_prefix("exit code ") {
                Some(code) => promise.code = code.parse().unwrap(),
                None => promise.printed += &format!("{line}\n"),
            }
        }
    }
    promises
}

/// The folder of rulebooks that operators know from other systems.
fn operations() -> PathBuf {
    examples().join("rulebooks/operations")
}

/// Waits until it is let through: not run with the others.
const APPROVAL: &str = "approval.yml";

fn rulebooks(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

#[test]
fn every_rulebook_does_what_it_says() {
    let files = rulebooks(&examples().join("rulebooks"));
    assert!(files.len() >= 10, "{}", files.len());
    let mut operations = rulebooks(&operations());
    operations.retain(|file| !file.ends_with(APPROVAL));
    assert!(operations.len() >= 9, "{}", operations.len());
    for file in files.into_iter().chain(operations) {
        let folder = file.parent().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let promises = promises(&text);
        assert!(!promises.is_empty(), "{} says nothing", file.display());
        for promise in promises {
            let home = Folder::with(&[]);
            let started = command(folder, &home.home(), &promise.arguments);
            let ended = Running::start(started).end();
            assert_eq!(
                ended.stdout, promise.printed,
                "{promise:?}: {}",
                ended.stderr
            );
            assert_eq!(
                ended.code,
                Some(promise.code),
                "{promise:?}: {}",
                ended.stderr
            );
        }
    }
}

#[test]
fn every_rulebook_of_operations_is_short_checked_and_says_what_it_would_do() {
    let folder = operations();
    for file in rulebooks(&folder) {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines = text.lines().count();
        assert!(lines <= 60, "{} has {lines} lines", file.display());
        let home = Folder::with(&[]);
        let name = file.file_name().unwrap().to_str().unwrap();
        let checked = Running::start(command(&folder, &home.home(), &["check", name])).end();
        assert_eq!(checked.printed(), "1 rule checked: 0 errors, 0 warnings\n");
        for promise in promises(&text) {
            let mut arguments = promise.arguments;
            arguments.insert(1, "--dry-run".to_owned());
            let ended = Running::start(command(&folder, &home.home(), &arguments)).end();
            let shown = ended.printed();
            assert!(shown.starts_with(name) && shown.contains("└─"), "{shown}");
        }
    }
}

#[test]
fn a_release_waits_until_it_is_approved_or_refused() {
    let text = std::fs::read_to_string(operations().join(APPROVAL)).unwrap();
    let promise = promises(&text).remove(0);
    let folder = Folder::with(&[(APPROVAL, &text)]);
    let store = format!("sqlite:{}", folder.path().join("approvals.db").display());
    let cla = |arguments: &[&str]| {
        let mut command = folder.command(arguments);
        command.env("CLA_STORE", &store);
        Running::start(command)
    };
    let arguments: Vec<&str> = promise.arguments.iter().map(String::as_str).collect();
    // Waits for somebody, and gives the id of the request.
    let waiting = || loop {
        let ended = cla(&["sem", "list", "--json"]).end();
        let list: serde_json::Value = serde_json::from_str(ended.printed()).unwrap();
        let mut all = list.as_array().unwrap().iter();
        let semaphore = all.find(|semaphore| semaphore["name"] == "approve-shop-1.4.0");
        let mut requests = semaphore
            .iter()
            .flat_map(|found| found["requests"].as_array().unwrap());
        if let Some(request) = requests.find(|request| request["status"] == "waiting") {
            let who = request["who"].as_str().unwrap();
            assert!(
                who.starts_with("approval.yml › approve 1.4.0, line "),
                "{who}"
            );
            return request["id"].as_str().unwrap().to_owned();
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    let mut running = cla(&arguments);
    assert_eq!(running.stdout_line(), "1.4.0 is on staging\n");
    let id = waiting();
    cla(&["sem", "grant", &id]).end().printed();
    let ended = running.end();
    assert_eq!(ended.code, Some(promise.code), "{}", ended.stderr);
    assert_eq!(
        format!("1.4.0 is on staging\n{}", ended.stdout),
        promise.printed
    );

    let running = cla(&arguments);
    let id = waiting();
    cla(&["sem", "cancel", &id]).end().printed();
    let ended = running.end();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stdout.ends_with("not on production: 1.4.0\n"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stderr.contains("Semaphore cancel"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_mistake_is_shown_with_the_way_there() {
    let folder = examples().join("rulebooks");
    let home = Folder::with(&[]);
    let ended = Running::start(command(&folder, &home.home(), &["run", "mistake.yml"])).end();
    for expected in [
        "error: lookup is not set",
        "mistake.yml:13:27",
        "at connect (mistake.yml:12:9)",
        "at check (mistake.yml:18:9)",
        "at morning round (mistake.yml:17:5)",
    ] {
        assert!(
            ended.stderr.contains(expected),
            "{expected}: {}",
            ended.stderr
        );
    }
}

#[test]
fn administrators_see_where_a_rulebook_waits() {
    let folder = Folder::with(&[
        common::HOLD,
        (
            "book.yml",
            "do:\n  - name: deploy\n    do:\n      - name: migrate\n        semaphore: slot\n        echo: in\n",
        ),
    ]);
    let holder = folder.hold();
    let waiter = folder.start(&["run", "book.yml"]);
    let semaphore = folder.until_waiting(1);
    assert_eq!(
        semaphore["requests"][1]["who"],
        "book.yml › deploy › migrate, line 5"
    );
    folder.stop_holding();
    assert_eq!(waiter.end().printed(), "in\n");
    assert_eq!(holder.end().code, Some(0));
}

#[test]
fn ctrl_c_frees_what_a_rulebook_and_its_forks_hold_and_runs_finally() {
    let folder = Folder::with(&[(
        "book.yml",
        "do:
  - semaphore: slot
    do:
      - parallel: wait
        semaphore: other
        sleep: 1h
      - try: [{echo: in}, {shell: sleep 1000}]
        finally: [{echo: cleaned}]
",
    )]);
    let mut running = folder.start(&["run", "book.yml"]);
    assert_eq!(running.stdout_line(), "in\n");
    folder.until("other", |semaphore| semaphore["busy"] == 1);
    running.send(nix::sys::signal::Signal::SIGINT);
    let ended = running.end();
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(130), "cleaned\n")
    );
    for name in ["slot", "other"] {
        assert_eq!(folder.semaphore(name)["busy"], 0, "{name}");
    }
}

#[test]
fn an_event_that_is_not_there_is_told_with_those_that_are() {
    let folder = Folder::with(&[("book.yml", "on: {pushed: [], closed: []}\n")]);
    let ended = folder.cla(&["run", "book.yml", "--event", "pushd"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("it has pushed, closed"),
        "{}",
        ended.stderr
    );
    let ended = folder.cla(&["run", "book.yml"]);
    assert!(ended.stderr.contains("has no `do`"), "{}", ended.stderr);
}

/// Three forks that queue for one slot.
const QUEUE_OF_THREE: (&str, &str) = (
    "three.yml",
    "do:
  - foreach: [a, b, c]
    do:
      - name: fork ${it}
        parallel: wait
        semaphore: slot
        sleep: 60ms
",
);

#[test]
fn a_timeline_has_a_row_for_each_fork_with_what_it_waited_for_and_held() {
    let folder = Folder::with(&[QUEUE_OF_THREE]);
    let ended = folder.cla(&["run", "--timeline", "three.yml"]);
    let rows: Vec<&str> = ended.printed().lines().collect();
    assert_eq!(
        rows.len(),
        6,
        "the run, three forks, the scale, the legend: {rows:#?}"
    );
    assert!(
        rows.iter().all(|row| row.chars().count() <= 80),
        "{rows:#?}"
    );
    let starts: Vec<usize> = rows[1..4]
        .iter()
        .map(|row| row.chars().position(|c| c == '█').unwrap())
        .collect();
    assert!(
        starts.is_sorted_by(|a, b| a < b),
        "they hold one after the other: {rows:#?}"
    );
    assert!(rows[3].contains('░'), "the last one waits: {rows:#?}");
}

#[test]
fn a_trace_is_a_file_that_trace_viewers_or_browsers_open() {
    let folder = Folder::with(&[QUEUE_OF_THREE]);
    folder
        .cla(&["run", "--trace", "t.json", "three.yml"])
        .printed();
    let text = std::fs::read_to_string(folder.path().join("t.json")).unwrap();
    let trace: serde_json::Value = serde_json::from_str(&text).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let of = |category: &str| {
        events
            .iter()
            .filter(|event| event["cat"] == category)
            .count()
    };
    assert_eq!((of("run"), of("hold")), (4, 3));
    let held = events.iter().find(|event| event["cat"] == "hold").unwrap();
    assert_eq!(held["name"], "slot");
    assert_eq!(held["args"]["who"], "three.yml › fork a, line 6");
    assert!(held["dur"].as_f64().unwrap() >= 60_000.0);

    folder
        .cla(&["run", "--trace", "t.svg", "three.yml"])
        .printed();
    let picture = std::fs::read_to_string(folder.path().join("t.svg")).unwrap();
    assert!(picture.starts_with("<svg ") && picture.trim_end().ends_with("</svg>"));
    assert!(picture.contains("three.yml › fork c"));
    let ended = folder.cla(&["run", "--trace", "no/such/folder/t.json", "three.yml"]);
    assert_eq!(ended.code, Some(1));
}

/// Forks of a loop that hold one slot, and wait for another one inside of it; then one that fails with its slot.
const NESTED: (&str, &str) = (
    "nested.yml",
    "do:
  - foreach: [web, db]
    do:
      - parallel: wait
        semaphore: {key: outer, slots: 2}
        do:
          - semaphore: inner
            do: [{sleep: 150ms}]
  - wait_children:
  - on_error: ignore
    semaphore: third
    do: [{sleep: 60ms}, {fail: broken}]
",
);

#[test]
fn a_timeline_names_each_semaphore_tells_forks_apart_and_shows_waits_and_failures() {
    let folder = Folder::with(&[NESTED]);
    let arguments = ["run", "--timeline", "--trace", "t.svg", "nested.yml"];
    let ended = folder.cla(&arguments);
    let rows: Vec<&str> = ended.printed().lines().collect();
    let row = |name: &str| rows.iter().position(|row| row.contains(name)).unwrap();
    let (web, db) = (row("do (web) outer"), row("do (db)  outer"));
    for first in [web, db] {
        assert!(
            rows[first + 1].trim_start().starts_with("inner "),
            "{rows:#?}"
        );
    }
    let has = |row: usize, sign: char| rows[row].contains(sign);
    // One of the two waits for `inner` while it holds `outer`.
    assert!(has(web + 1, '░') != has(db + 1, '░'), "{rows:#?}");
    assert!(has(web, '█') && has(db, '█'), "{rows:#?}");
    assert!(has(row("third"), '▓'), "what failed: {rows:#?}");
    assert!(
        rows[rows.len() - 1].contains("▓ holds, and fails"),
        "{rows:#?}"
    );
    assert!(rows[rows.len() - 2].contains("╵0"), "an axis: {rows:#?}");
    assert!(
        rows.iter().all(|row| row.chars().count() <= 80),
        "{rows:#?}"
    );

    let picture = std::fs::read_to_string(folder.path().join("t.svg")).unwrap();
    for text in [
        ">inner</text>",
        ">nested.yml › do (web)</text>",
        "held 0.",
        ">0</text>",
        "#dc2626",
    ] {
        assert!(picture.contains(text), "{text} in {picture}");
    }
    // Where the chart begins, no name is any more: its column is as wide as the longest one.
    let of = |tag: &str, attribute: &str| {
        let starts = picture.match_indices(tag).filter_map(|(at, _)| {
            let rest = &picture[at..];
            let value = rest.split_once(attribute)?.1.split('"').next()?;
            value.parse::<f64>().ok()
        });
        starts.collect::<Vec<f64>>()
    };
    let chart = of("<line", "x1=\"")[0];
    let bars = of("<rect x=", "x=\"");
    assert!(
        bars.iter().all(|left| *left >= chart),
        "{bars:?} and {chart}"
    );
}

#[test]
fn json_tells_the_regions() {
    let folder = Folder::with(&[(
        "book.yml",
        "do:\n  - on_error: ignore\n    semaphore: slot\n    fail: broken\n",
    )]);
    let ended = folder.cla(&["run", "--json", "book.yml"]);
    let object: serde_json::Value = serde_json::from_str(ended.printed()).unwrap();
    let region = &object["regions"][0];
    assert_eq!(region["semaphore"], "slot");
    assert_eq!(region["outcome"], "failed");
    assert_eq!(region["line"], 3);
    assert_eq!(region["granted"], false);
}

#[test]
fn json_tells_the_forks_with_what_they_waited_for_and_held() {
    let folder = Folder::with(&[
        (
            "book.yml",
            "do:
  - foreach: [web, db]
    do:
      - parallel: wait
        semaphore: slot
        do: [{shell: sleep 0.05}, {call: part.yml}]
",
        ),
        ("part.yml", "do: [{semaphore: inner, do: []}]"),
    ]);
    let ended = folder.cla(&["run", "--json", "book.yml"]);
    let report: serde_json::Value = serde_json::from_str(ended.printed()).unwrap();
    let forks = report["forks"].as_array().unwrap();
    let of = |name: &str| forks.iter().find(|fork| fork["name"] == name).unwrap();
    assert_eq!(forks.len(), 4, "{forks:#?}");
    let (mut waited, mut held) = (0.0, 0.0);
    for name in ["web", "db"] {
        let fork = of(&format!("book.yml › do ({name})"));
        assert_eq!(
            (&fork["parent"], &fork["ok"]),
            (&report["id"], &true.into())
        );
        let region = &fork["regions"][0];
        assert_eq!(
            (&region["semaphore"], &region["line"]),
            (&"slot".into(), &5.into())
        );
        waited += region["waited"].as_f64().unwrap();
        held += region["held"].as_f64().unwrap();
        let called = of(&format!("book.yml › do ({name}) › part.yml"));
        assert_eq!(called["parent"], fork["id"]);
        assert_eq!(called["regions"][0]["semaphore"], "inner");
        assert!(called["began"].as_f64() >= fork["began"].as_f64());
    }
    // One of the two waited for the other.
    assert!(waited >= 0.05 && held >= 0.1, "{forks:#?}");
}

/// Runs the program with a text on its standard input.
fn with_stdin(folder: &Folder, arguments: &[&str], text: &str) -> common::Ended {
    use std::io::Write as _;

    let mut command = folder.command(arguments);
    command.stdin(std::process::Stdio::piped());
    let mut running = Running::start(command);
    let mut stdin = running.child.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    running.end()
}

#[test]
fn a_stash_comes_from_a_file_or_from_standard_input() {
    let folder = Folder::with(&[
        (
            "event.json",
            "{\"env\": \"prod\", \"n\": 1, \"id\": 12345678901234567891}",
        ),
        ("book.yml", "do: [{echo: '${env} ${n} ${id}'}]"),
        ("stash.js", "print(cla.stash('env'), typeof cla.stash('n'))"),
    ]);
    let printed = |arguments: &[&str]| folder.cla(arguments).printed().to_owned();
    let file = ["run", "--stash", "@event.json", "book.yml"];
    assert_eq!(printed(&file), "prod 1 12345678901234567891\n");
    // Of two values for one place, the later counts.
    let both = [
        "run",
        "--stash",
        "n=7",
        "--stash",
        "@event.json",
        "--stash",
        "env=test",
        "book.yml",
    ];
    assert_eq!(printed(&both), "test 1 12345678901234567891\n");
    for stdin in ["-", "@-"] {
        let text = "{\"env\": \"piped\", \"n\": 2}";
        let ended = with_stdin(&folder, &["run", "--stash", stdin, "stash.js"], text);
        assert_eq!(ended.printed(), "piped number\n");
    }
    for (arguments, text, problem) in [
        (
            &["run", "--stash", "-", "book.yml"][..],
            "{\"a\": }",
            "no valid JSON: expected value at line 1 column 7",
        ),
        (
            &["run", "--stash", "-", "book.yml"],
            "[1]",
            "no JSON object",
        ),
        (
            &["run", "--stash", "-", "-"],
            "do: []",
            "standard input is the rule",
        ),
        (
            &["run", "--stash", "-", "--stash", "@-", "book.yml"],
            "{}",
            "standard input is another --stash",
        ),
        (
            &["run", "--stash", "@nowhere.json", "book.yml"],
            "",
            "@nowhere.json: ",
        ),
    ] {
        let ended = with_stdin(&folder, arguments, text);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(problem), "{ended:?}");
    }
}

#[test]
fn a_stash_of_many_megabytes_runs_or_says_the_limit() {
    let folder = Folder::with(&[
        (
            "book.yml",
            "do: [{echo: '${items|length} ${items[1].name}'}]",
        ),
        (
            "all.js",
            "const { items } = cla.stash(); print(items.length, items[1].name)",
        ),
    ]);
    let item = |nth: usize| {
        format!(
            "{{\"id\": {nth}, \"name\": \"item {nth}\", \"text\": \"{:200}\"}}",
            ""
        )
    };
    let items: Vec<String> = (0..100_000).map(item).collect();
    let text = format!("{{\"items\": [{}]}}", items.join(","));
    assert!(text.len() > 20 << 20);
    std::fs::write(folder.path().join("big.json"), &text).unwrap();
    let ended = folder.cla(&["run", "--stash", "@big.json", "book.yml"]);
    assert_eq!(ended.printed(), "100000 item 1\n");
    let ended = folder.cla(&["run", "--stash", "@big.json", "all.js"]);
    assert_eq!(ended.printed(), "100000 item 1\n");
    let ended = folder.cla(&["run", "--memory", "32M", "--stash", "@big.json", "book.yml"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("memory limit"), "{ended:?}");
}

#[test]
fn a_rulebook_on_standard_input_is_recognised() {
    let folder = Folder::with(&[]);
    for text in [
        "do: [echo: hi]",
        "- echo: hi\n",
        "# mine\nname: x\ndo:\n  - echo: hi\n",
    ] {
        assert_eq!(with_stdin(&folder, &["run", "-"], text).printed(), "hi\n");
        let arguments = ["run", "--lang", "yaml", "-"];
        assert_eq!(with_stdin(&folder, &arguments, text).printed(), "hi\n");
        let plan = with_stdin(&folder, &["run", "--dry-run", "-"], text);
        assert!(plan.printed().contains("echo hi"), "{plan:?}");
    }
    let ended = with_stdin(&folder, &["run", "-"], "do:\n  - ecko: hi\n");
    assert!(ended.stderr.contains("did you mean echo?"), "{ended:?}");
    assert_eq!(
        with_stdin(&folder, &["run", "-"], "print('js')").printed(),
        "js\n"
    );
    let ended = with_stdin(&folder, &["run", "--lang", "js", "-"], "do: [echo: hi]");
    assert!(ended.stderr.contains("SyntaxError"), "{ended:?}");
}

#[test]
fn numbers_of_json_files_keep_their_digits() {
    let folder = Folder::with(&[
        (
            "n.json",
            "{\"id\": 12345678901234567891, \"hash\": 61e9540, \"n\": 7, \"x\": 1.5}",
        ),
        (
            "book.yml",
            "do:
  - n = read_file: n.json
  - echo: ${n.id} ${n.hash} ${n.n} ${n.x} {{ typeof n.n }}
",
        ),
    ]);
    let ended = folder.cla(&["run", "book.yml"]);
    assert_eq!(
        ended.printed(),
        "12345678901234567891 61e9540 7 1.5 number\n"
    );
}

#[test]
fn a_newcomer_in_another_process_takes_the_place_of_who_waits_or_runs() {
    let book = |cancel: &str| {
        format!(
            "concurrency: {{key: deploy, cancel: {cancel}}}
do:
  - echo: in ${{who}}
  - try:
      - shell: while test ! -e go; do sleep 0.02; done
    finally:
      - echo: end of ${{who}}
"
        )
    };
    let folder = Folder::with(&[
        ("waiting.yml", &book("waiting")),
        ("running.yml", &book("running")),
    ]);
    let start =
        |file: &str, who: &str| folder.start(&["run", "--stash", &format!("who={who}"), file]);
    let until_waiting = |count: u64| {
        while folder.semaphore("concurrency:deploy")["waiting"] != count {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    let mut first = start("waiting.yml", "first");
    assert_eq!(first.stdout_line(), "in first\n");
    let second = start("waiting.yml", "second");
    until_waiting(1);
    let mut third = start("waiting.yml", "third");
    let second = second.end();
    assert_eq!((second.code, second.stdout.as_str()), (Some(1), ""));
    let message = "error: the run did not start, because waiting.yml (";
    assert!(second.stderr.contains(message), "{second:?}");
    assert!(
        second
            .stderr
            .contains("the same concurrency key \"deploy\""),
        "{second:?}"
    );
    until_waiting(1);
    std::fs::write(folder.path().join("go"), "").unwrap();
    assert_eq!(first.end().printed(), "end of first\n");
    assert_eq!(third.stdout_line(), "in third\n");
    assert_eq!(third.end().printed(), "end of third\n");

    std::fs::remove_file(folder.path().join("go")).unwrap();
    let mut first = start("running.yml", "first");
    assert_eq!(first.stdout_line(), "in first\n");
    let mut second = start("running.yml", "second");
    let first = first.end();
    assert_eq!(
        (first.code, first.stdout.as_str()),
        (Some(1), "end of first\n")
    );
    let message = "error: the run was stopped, because running.yml took its place";
    assert!(first.stderr.contains(message), "{first:?}");
    assert_eq!(second.stdout_line(), "in second\n");
    std::fs::write(folder.path().join("go"), "").unwrap();
    assert_eq!(second.end().printed(), "end of second\n");

    let plan = folder.cla(&["run", "--dry-run", "running.yml"]);
    let printed = plan.printed();
    assert!(
        printed.contains("holds concurrency:deploy, instead of who waits or runs"),
        "{printed}"
    );
}

#[test]
fn a_profile_is_a_table_a_part_of_the_report_and_a_flame_graph() {
    let folder = Folder::with(&[(
        "book.yml",
        "do:
  - name: <prepare>
    do: [{shell: sleep 0.1}]
  - foreach: [1, 2]
    do:
      - semaphore: slot
        parallel: wait
        do: [{sleep: 30ms}]
  - {on_error: ignore, fail: broken}
",
    )]);
    let ended = folder.cla(&["run", "--profile", "--flamegraph", "f.svg", "book.yml"]);
    assert_eq!(ended.printed(), "");
    let lines: Vec<Vec<&str>> = ended
        .stderr
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let titles = "OWN TOTAL WAITED COUNT FAILED AVERAGE MIN MAX WHAT WHERE";
    assert_eq!(lines[0].join(" "), titles);
    let row = |what: &str, at: &str| {
        let found = lines
            .iter()
            .find(|line| line.contains(&what) && line.contains(&at));
        found.unwrap_or_else(|| panic!("{what} in {lines:#?}"))
    };
    // What took most time of its own is first.
    assert_eq!(lines[1], *row("shell", "book.yml:3"));
    assert!(row("sleep", "book.yml:8").contains(&"2"));
    row("slot", "book.yml:6");
    assert!(row("fail", "book.yml:9").contains(&"1"));
    let picture = std::fs::read_to_string(folder.path().join("f.svg")).unwrap();
    assert!(picture.starts_with("<svg ") && picture.trim_end().ends_with("</svg>"));
    assert!(picture.contains("&lt;prepare&gt; (do):3"), "{picture}");
    assert!(picture.contains("waits for &quot;slot&quot;"), "{picture}");

    folder
        .cla(&["run", "--flamegraph", "f.folded", "book.yml"])
        .printed();
    let folded = std::fs::read_to_string(folder.path().join("f.folded")).unwrap();
    let shell = folded
        .lines()
        .find_map(|line| line.strip_prefix("book.yml;<prepare> (do):3;shell:3 "));
    assert!(
        shell.unwrap().parse::<u64>().unwrap() >= 100_000,
        "{folded}"
    );

    let ended = folder.cla(&["run", "--json", "--profile", "--copies", "2", "book.yml"]);
    let mut reports = ended.stdout.lines();
    for _ in 0..2 {
        let report: serde_json::Value = serde_json::from_str(reports.next().unwrap()).unwrap();
        let places = report["profile"].as_array().unwrap();
        let shell = places
            .iter()
            .find(|place| place["what"] == "shell")
            .unwrap();
        assert_eq!((&shell["count"], &shell["line"]), (&1.into(), &3.into()));
        assert!(shell["own"].as_f64().unwrap() >= 0.1);
    }
}

#[test]
fn check_finds_what_is_wrong_without_running_anything() {
    let folder = Folder::with(&[
        ("good.yml", "do: [{shell: touch ran}]\n"),
        ("warned.yml", "do: [{echo: '${nobody}'}]\n"),
        (
            "bad.yml",
            "do:\n  - semaphore: x\n    do: [{semaphore: x, do: []}]\n",
        ),
    ]);
    let ended = folder.cla(&["check", "good.yml", "warned.yml"]);
    assert_eq!(ended.code, Some(0));
    assert!(
        ended
            .stdout
            .contains("warning: nothing in this rulebook sets nobody"),
        "{}",
        ended.stdout
    );
    assert!(
        ended
            .stdout
            .ends_with("2 rules checked: 0 errors, 1 warning\n"),
        "{}",
        ended.stdout
    );
    let ended = folder.cla(&["check", "bad.yml"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("bad.yml:3:22"), "{}", ended.stdout);
    let ended = folder.cla(&["check", "--json", "bad.yml"]);
    let found: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(found[0]["severity"], "error");
    assert_eq!(found[0]["name"], "Deadlock");
    assert_eq!(found[0]["location"]["line"], 3);
    assert!(!folder.path().join("ran").exists());
}

#[test]
fn the_cookbook_is_free_of_findings() {
    let mut files = vec!["check".to_owned()];
    let books = rulebooks(&examples().join("rulebooks"));
    // The check finds what that example is about.
    let right = books.iter().filter(|file| !file.ends_with("mistake.yml"));
    files.extend(right.map(|file| file.display().to_string()));
    let folder = Folder::with(&[]);
    let arguments: Vec<&str> = files.iter().map(String::as_str).collect();
    let ended = folder.cla(&arguments);
    assert!(
        ended.stdout.ends_with("0 errors, 0 warnings\n"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_dry_run_tells_what_would_be_done_and_does_nothing() {
    let folder = Folder::with(&[
        common::HOLD,
        (
            "book.yml",
            "vars: {env: prod, n: 0}
def:
  greet: {args: [who], do: [{echo: 'hello ${who}'}]}
do:
  - name: deploy
    semaphore: {key: 'deploy-${env}', slots: 2, timeout: 5m}
    timeout: 10m
    do:
      - shell: touch done-${env}
      - {semaphore: slot, if: n > 3, then: [echo: many], else: [greet: '${env}']}
      - n =: '{{ n + 1 }}'
      - {echo: '${n} of ${undefined_one}', when: n, parallel: wait, on_error: {retry: 3, delay: 1s}}
",
        ),
        ("a.js", "print(1)"),
        ("wrong.yml", "do: [{ecoh: x}]"),
    ]);
    let holder = folder.hold();
    let ended = folder
        .start(&[
            "run",
            "--dry-run",
            "book.yml",
            "a.js",
            "--stash",
            "env=test",
        ])
        .end();
    assert_eq!(
        ended.stdout,
        "book.yml
└─ deploy  holds deploy-test, slots 2, waits at most 5m  at most 10m
   ├─ shell touch done-test
   ├─ if n > 3  holds slot
   │  ├─ then
   │  │  └─ echo many
   │  └─ else
   │     └─ greet {\"who\":\"test\"}
   │        └─ echo hello test
   ├─ set n = {{ n + 1 }}
   └─ echo ${n} of ${undefined_one}  when n, in parallel, on error retry 3 times, after 1s

a.js is a script: only running it shows what it does

TAKES        SLOTS  BUSY  WAITING
deploy-test      2     -        -
slot             1     1        0
"
    );
    assert!(
        ended
            .stderr
            .contains("nothing in this rulebook sets undefined_one"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.code, Some(0));
    assert!(!folder.path().join("done-test").exists());

    let ended = folder
        .start(&["run", "--dry-run", "--json", "book.yml"])
        .end();
    let plans: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(plans[0]["ops"][0]["semaphore"]["name"], "deploy-prod");
    assert_eq!(plans[0]["ops"][0]["blocks"][0]["ops"][0]["line"], 9);

    let ended = folder.start(&["run", "--dry-run", "wrong.yml"]).end();
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(1), "No semaphore is taken.\n")
    );
    assert!(
        ended.stderr.contains("did you mean echo?"),
        "{}",
        ended.stderr
    );
    let ended = folder
        .start(&["run", "--dry-run", "--event", "no", "book.yml"])
        .end();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("book.yml has no event \"no\""),
        "{}",
        ended.stderr
    );
    folder.stop_holding();
    assert_eq!(holder.end().code, Some(0));
}

#[test]
fn an_input_that_is_missing_or_wrong_is_pointed_at_and_nothing_runs() {
    let book = "inputs:\n  env: {choices: [test, prod], required: true}\n  copies: {type: integer, default: 1}\n\
                do:\n  - echo: ${copies} to ${env}\n";
    let caller = "do:\n  - call: {file: a.yml, stash: {env: live}}\n";
    let folder = Folder::with(&[("a.yml", book), ("b.yml", caller)]);
    for (stash, says, place) in [
        (&[][..], "the input \"env\" is required", "a.yml:2:3"),
        (
            &["env=live"],
            "must be one of \"test\", \"prod\", not \"live\"",
            "a.yml:2:3",
        ),
        (
            &["env=test", "copies=many"],
            "must be an integer, not \"many\"",
            "a.yml:3:3",
        ),
        (
            &["evn=test"],
            "there is no input \"evn\"; did you mean env?",
            "a.yml:2:3",
        ),
    ] {
        for dry in [&[][..], &["--dry-run"]] {
            let mut arguments = vec!["run", "--store", "memory:", "a.yml"];
            arguments.extend(dry);
            arguments.extend(stash.iter().flat_map(|entry| ["--stash", entry]));
            let ended = folder.cla(&arguments);
            assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
            assert!(
                ended.stderr.contains(says)
                    && ended.stderr.contains(place)
                    && ended.stderr.contains("^^^"),
                "{arguments:?}: {ended:?}"
            );
            assert!(!ended.stdout.contains(" to "), "{arguments:?}: {ended:?}");
        }
    }
    let right = folder.cla(&["run", "--store", "memory:", "a.yml", "--stash", "env=prod"]);
    assert_eq!(right.printed(), "1 to prod\n");
    let plan = folder.cla(&[
        "run",
        "--store",
        "memory:",
        "--dry-run",
        "a.yml",
        "--stash",
        "env=prod",
    ]);
    assert!(plan.printed().contains("echo 1 to prod"), "{plan:?}");
    // A rule that another one calls is given what it is given there.
    let called = folder.cla(&["run", "--store", "memory:", "b.yml"]);
    assert_eq!(called.code, Some(1));
    assert!(called.stderr.contains("must be one of"), "{called:?}");
    assert_eq!(folder.cla(&["check", "a.yml"]).code, Some(0));
    let wrong = "inputs:\n  env: {defualt: test}\nvars: {env: prod}\ndo: []";
    let folder = Folder::with(&[("a.yml", wrong)]);
    let checked = folder.cla(&["check", "a.yml"]);
    assert_eq!(checked.code, Some(1));
    for says in [
        "an input has no \"defualt\"",
        "did you mean default?",
        "is an input and in vars",
    ] {
        assert!(
            checked.stderr.contains(says) || checked.stdout.contains(says),
            "{says}: {checked:?}"
        );
    }
}

#[test]
fn check_finds_a_wait_that_cannot_end_through_calls_of_scripts_and_rulebooks() {
    let folder = Folder::with(&[
        (
            "outer.js",
            "import { take } from 'cla/sem';\nimport { run } from 'cla/rule';\ntake('A', () => {\n  run('middle.yml');\n});\n",
        ),
        ("middle.yml", "do:\n  - call: inner.ts\n"),
        (
            "inner.ts",
            "import { take } from 'cla/sem';\nconst n: number = 1;\ntake('A', () => n);\n",
        ),
    ]);
    let ended = folder.cla(&["check", "outer.js"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    let told = "this calls middle.yml, which calls inner.ts in line 2, which waits in line 3 for the one slot of semaphore \
                \"A\", while line 3 holds it around the call: it can never go on";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
    assert!(ended.stdout.contains("outer.js:4:7"), "{}", ended.stdout);
    for file in ["middle.yml", "inner.ts"] {
        assert_eq!(folder.cla(&["check", file]).code, Some(0), "{file}");
    }
}

#[test]
fn check_takes_folders_and_looks_at_scripts() {
    let folder = Folder::with(&[
        (
            "rules/main.js",
            "import { helper } from './lib/helper.mjs';\nconst sem = require('cla/sem');\nlet state = 1;\nif (state = 2) sem.tak('x', helper, state);\n",
        ),
        (
            "rules/lib/helper.mjs",
            "export function helper() {\n  return 1;\n  print('never');\n}\nconst unused = 1;\n",
        ),
        ("rules/fine.yml", "do:\n  - echo: hello\n"),
        ("rules/compose.yml", "services:\n  db: {image: x}\n"),
        ("rules/types.d.ts", "declare const a: number;\n"),
        ("rules/node_modules/p/index.js", "if (a = 1) b;\n"),
        ("rules/.hidden/x.js", "if (a = 1) b;\n"),
        ("empty/notes.txt", ""),
    ]);
    let ended = folder.cla(&["check", "rules"]);
    let text = &ended.stdout;
    assert_eq!(ended.code, Some(0), "{text}");
    assert!(
        text.ends_with("3 rules checked: 0 errors, 4 warnings\n"),
        "{text}"
    );
    for told in [
        "rules/lib/helper.mjs:3:3",
        "rules/lib/helper.mjs:5:7",
        "rules/main.js:4:5",
        "rules/main.js:4:20",
        "cla/sem has no tak",
        "did you mean take?",
        "= rule: unreachable-code",
    ] {
        assert!(text.contains(told), "{told} in {text}");
    }
    let here = folder.cla(&["check", "."]);
    assert!(
        here.stdout
            .ends_with("3 rules checked: 0 errors, 4 warnings\n"),
        "{}",
        here.stdout
    );
    let none = folder.cla(&["check", "empty"]);
    assert_eq!(none.code, Some(1));
    assert!(
        none.stderr.contains("there are no rules in empty"),
        "{}",
        none.stderr
    );
}

#[test]
fn check_writes_what_other_programs_read() {
    let folder = Folder::with(&[
        ("bad.js", "let state = 1;\nif (state = 2) print(state);\n"),
        (
            "deadlock.yml",
            "do:\n  - semaphore: A\n    do:\n      - semaphore: A\n        echo: x\n",
        ),
    ]);
    let github = folder.cla(&["check", "--format", "github", "bad.js", "deadlock.yml"]);
    assert_eq!(github.code, Some(1));
    let lines: Vec<&str> = github.stdout.lines().collect();
    assert!(
        lines[0].starts_with(
            "::warning file=bad.js,line=2,col=5,title=assignment-in-condition::this gives a value"
        ),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("::error file=deadlock.yml,line=4,col=20,title=deadlock::"),
        "{lines:?}"
    );
    let sarif = folder.cla(&["check", "--format", "sarif", "bad.js", "deadlock.yml"]);
    let log: serde_json::Value = serde_json::from_str(&sarif.stdout).unwrap();
    let run = &log["runs"][0];
    assert_eq!(log["version"], "2.1.0");
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2, "{results:?}");
    for (result, level) in results.iter().zip(["warning", "error"]) {
        assert_eq!(result["level"], level);
        let rule = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
    }
    let at = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(at["artifactLocation"]["uri"], "bad.js");
    assert_eq!(at["region"]["startLine"], 2);
    let json = folder.cla(&["check", "--format", "json", "bad.js"]);
    assert_eq!(
        json.stdout,
        folder.cla(&["check", "--json", "bad.js"]).stdout
    );
    assert!(
        json.stdout.contains("\"rule\":\"assignment-in-condition\""),
        "{}",
        json.stdout
    );
}

#[test]
fn a_comment_takes_a_finding_away() {
    let folder = Folder::with(&[
        (
            "a.js",
            "import './b.js';\nlet state = 1;\n// cla-ignore: assignment-in-condition\nif (state = 2) print(state);\nconst x = 1; // cla-ignore: unused-variable, syntax\nconst y = 1; // cla-ignore: syntax\nprint(1); // cla-ignore: unused-varable\nconst z = 1; // cla-ignore: unused-variable, deadlock is no matter here\n",
        ),
        (
            "b.js",
            "const z = 1; // cla-ignore: unused-variable\nexport {};\n",
        ),
        (
            "c.yml",
            "do:\n  # cla-ignore: unset-variable\n  - echo: ${nobody}\n  - echo: ${other} # cla-ignore: unset-variable\n",
        ),
    ]);
    let ended = folder.cla(&["check", "a.js", "c.yml"]);
    assert!(
        ended.stdout.contains("nothing reads the variable y"),
        "{}",
        ended.stdout
    );
    assert!(
        ended
            .stdout
            .ends_with("2 rules checked: 0 errors, 5 warnings\n"),
        "{}",
        ended.stdout
    );
    for told in [
        "this takes nothing away: syntax finds nothing here",
        "this takes nothing away: deadlock finds nothing here",
        "there is no rule \"unused-varable\"",
        "did you mean unused-variable?",
    ] {
        assert!(ended.stdout.contains(told), "{told}: {}", ended.stdout);
    }
}

#[test]
fn every_rule_of_check_has_a_page_and_every_page_a_rule() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/check");
    let mut pages: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|page| {
            let name = page.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".md").unwrap().to_owned()
        })
        .collect();
    pages.sort_unstable();
    let mut rules = cla_runtime::check::RULES.map(str::to_owned);
    rules.sort_unstable();
    assert_eq!(pages, rules);
}

#[test]
fn a_dry_run_follows_calls_unrolls_loops_and_quotes_commands() {
    let long: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let many = format!(
        "- foreach: [{}]\n  do: [{{echo: 'n ${{it}}'}}]\n",
        long.join(", ")
    );
    let mut deep = String::from("def:\n");
    for n in 0..1000 {
        deep.push_str(&format!(
            "  d{n}: {{do: [{{d{}: }}, {{d{}: }}]}}\n",
            n + 1,
            n + 1
        ));
    }
    deep.push_str("  d1000: {do: []}\ndo: [{d0: }]\n");
    let folder = Folder::with(&[
        (
            "main.yml",
            "vars: {msg: \"it's; rm -rf $HOME\", hosts: [web1, web2]}
do:
  - foreach: ${hosts}
    do:
      - shell: echo ${it} ${msg} \"${msg}\" ${later}
      - semaphore: lock-${it}
        shell: {run: [scp, 'a file', '${it}:/srv', '${later}']}
  - matrix: {os: [linux], node: [20, 22]}
    do: [{echo: '${it.os} ${it.node}'}]
  - foreach: {var: one, in: [a, b], do: [{one =: other}, {echo: '${one}'}]}
  - call: {file: part.yml, stash: {env: prod, n: '${later}'}}
  - when: false
    call: ring.yml
  - call: script.js
  - greet: bob
def:
  greet: {args: [who], do: [{echo: 'hi ${who}'}, {when: false, greet: '${who}'}]}
",
        ),
        (
            "part.yml",
            "inputs: {env: {default: test}, n: {default: 1}}\ndo:\n  - semaphore: deploy-${env}\n    echo: ${env} ${n}\n",
        ),
        ("ring.yml", "do:\n  - call: ring2.yml\n"),
        ("ring2.yml", "do:\n  - call: ring.yml\n"),
        ("script.js", "export default () => 1"),
        ("many.yml", &many),
        ("deep.yml", &deep),
    ]);
    let dry = |file: &str| {
        let arguments = ["run", "--dry-run", file, "--stash", "x=1"];
        let ended = folder.start(&arguments).end();
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        ended.stdout
    };
    assert_eq!(
        dry("main.yml"),
        r#"main.yml
├─ foreach it in ["web1","web2"]
│  ├─ it = web1
│  │  ├─ shell echo web1 'it'\''s; rm -rf $HOME' "it's; rm -rf \$HOME" ${l…
│  │  └─ shell 'scp' 'a file' 'web1:/srv' ${later}  holds lock-web1
│  └─ it = web2
│     ├─ shell echo web2 'it'\''s; rm -rf $HOME' "it's; rm -rf \$HOME" ${l…
│     └─ shell 'scp' 'a file' 'web2:/srv' ${later}  holds lock-web2
├─ matrix {"os":["linux"],"node":[20,22]}
│  ├─ it = {"os":"linux","node":20}
│  │  └─ echo linux 20
│  └─ it = {"os":"linux","node":22}
│     └─ echo linux 22
├─ foreach one in ["a","b"]
│  ├─ set one = other
│  └─ echo ${one}
├─ call part.yml {"env":"prod","n":"${later}"}
│  └─ echo prod ${n}  holds deploy-prod
├─ call ring.yml  when false
│  └─ call ring2.yml
│     └─ call ring.yml
│        └─ ring.yml is called again: it calls itself
├─ call script.js
└─ greet {"who":"bob"}
   ├─ echo hi bob
   └─ greet {"who":"bob"}  when false
      └─ greet is called again: it calls itself

TAKES        SLOTS  BUSY  WAITING
lock-web1        1     -        -
lock-web2        1     -        -
deploy-prod      1     -        -
"#
    );
    let many = dry("many.yml");
    assert!(
        many.contains("echo n 23\n") && !many.contains("echo n 24"),
        "{many}"
    );
    assert!(many.contains("└─ 26 more turns\n"), "{many}");
    let deep = dry("deep.yml");
    assert!(deep.contains("deeper calls are not shown"), "{deep}");
    assert!(deep.lines().count() < 20_000);
}
