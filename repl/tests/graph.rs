//! `cla graph`: rulebooks as Mermaid, as a picture and as JSON.
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use common::Folder;
use serde_json::Value;

const BOOK: (&str, &str) = (
    "book.yml",
    "def:
  check:
    args: [host]
    do:
      - if: host === 'none'
        then: [return: 1]
      - echo: \"${host} \\\"is\\\" <up>\"
do:
  - check: {host: web1}
  - semaphore: {key: 'deploy-${env}', slots: 2}
    name: deploy
    do:
      - foreach: hosts
        do:
          - shell: ssh ${it} deploy
            parallel: wait
            semaphore: ssh
      - wait_children:
      - call: parts/notify.yml
  - try:
      - shell: migrate
        on_error: {retry: 3}
      - {fail: no disk, when: full}
    catch: [echo: failed]
    finally: [echo: cleaned]
  - while: true
    do:
      - if: done
        then: [break: ]
        else: [continue: ]
  - shell: later
    parallel: leave
  - echo: end
",
);

const PART: (&str, &str) = (
    "parts/notify.yml",
    "do: [{semaphore: chat, do: [{call: ../book.yml}]}]",
);

struct Graph(Value);

impl Graph {
    fn of(folder: &Folder, arguments: &[&str]) -> Self {
        let all = [&["graph", "--json"], arguments].concat();
        Self(serde_json::from_str(folder.cla(&all).printed()).unwrap())
    }

    fn node(&self, label: &str) -> usize {
        let nodes = self.0["nodes"].as_array().unwrap();
        let at = nodes.iter().position(|node| node["label"][0] == label);
        at.unwrap_or_else(|| panic!("no {label} in {nodes:#?}"))
    }

    /// The edges from here, as `kind label -> node`.
    fn from(&self, label: &str) -> Vec<String> {
        let from = self.node(label);
        let edges = self.0["edges"].as_array().unwrap().iter();
        let edges = edges.filter(|edge| edge["from"] == from).map(|edge| {
            let to = usize::try_from(edge["to"].as_u64().unwrap()).unwrap();
            let to = &self.0["nodes"][to]["label"][0];
            let label = edge["label"].as_str().unwrap_or("-");
            format!(
                "{} {label} -> {}",
                edge["kind"].as_str().unwrap(),
                to.as_str().unwrap()
            )
        });
        edges.collect()
    }
}

#[test]
fn a_graph_has_branches_loops_forks_semaphores_and_calls() {
    let folder = Folder::with(&[BOOK, PART]);
    let graph = Graph::of(&folder, &["--stash", "env=prod", "book.yml"]);
    assert_eq!(
        graph.from("book.yml"),
        ["next - -> check {\"host\":\"web1\"}"]
    );
    assert_eq!(
        graph.from("if host === 'none'"),
        [
            "next then -> return 1",
            "next else -> echo web1 \"is\" <up>"
        ]
    );
    // A return ends the function, and not the rule.
    assert_eq!(graph.from("return 1"), ["next - -> deploy"]);
    assert_eq!(
        graph.from("deploy"),
        [
            "holds holds -> deploy-prod",
            "next - -> foreach it in hosts"
        ]
    );
    assert_eq!(
        graph.from("foreach it in hosts"),
        [
            "fork each: fork -> shell ssh ${it} deploy",
            "next done -> join"
        ]
    );
    assert_eq!(
        graph.from("shell ssh ${it} deploy"),
        ["holds holds -> ssh", "next - -> join"]
    );
    assert_eq!(
        graph.from("call parts/notify.yml"),
        ["next - -> try", "calls calls -> notify.yml"]
    );
    assert_eq!(
        graph.from("try"),
        ["next - -> shell migrate", "error error -> echo failed"]
    );
    assert_eq!(
        graph.from("shell migrate"),
        [
            "error retry 3 times -> shell migrate",
            "next - -> fail no disk",
            "next finally -> echo cleaned"
        ]
    );
    assert!(graph.from("fail no disk").is_empty());
    assert_eq!(
        graph.from("while true"),
        [
            "next each -> if done",
            "fork done: fork, left alone -> shell later",
            "next done -> echo end"
        ]
    );
    assert_eq!(graph.from("continue"), ["next next -> while true"]);
    assert_eq!(
        graph.from("break"),
        ["fork fork, left alone -> shell later", "next - -> echo end"]
    );
    // Each rule is drawn once, also in a circle of calls.
    assert_eq!(graph.from("call ../book.yml"), ["calls calls -> book.yml"]);
    let files: Vec<&Value> = graph.0["files"].as_array().unwrap().iter().collect();
    assert_eq!(files.len(), 2);
    let slots = &graph.0["nodes"][graph.node("deploy-prod")];
    assert_eq!(slots["label"][1], "2 slots");
    assert_eq!(slots["kind"], "semaphore");
    let deploy = &graph.0["nodes"][graph.node("deploy")];
    assert_eq!((&deploy["line"], &deploy["file"]), (&12.into(), &0.into()));
}

#[test]
fn mermaid_and_pictures_have_all_names_escaped() {
    let folder = Folder::with(&[BOOK, PART]);
    let ended = folder.cla(&["graph", "book.yml"]);
    let text = ended.printed();
    assert!(
        text.starts_with("flowchart TD\n  subgraph f0[\"book.yml\"]\n"),
        "{text}"
    );
    for line in [
        "n0([\"book.yml\"])",
        "[\"echo web1 #34;is#34; #60;up#62;\"]",
        "subgraph g0[\"holds deploy-${env} (2 slots)\"]",
        "[(\"deploy-${env}<br/>2 slots\")]",
        "==>|\"each: fork\"|",
        "-.->|\"calls\"|",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    // Each `"` opens or closes a label, and a label has none within.
    let quotes = text.lines().map(|line| line.matches('"').count());
    assert!(quotes.into_iter().all(|quotes| quotes % 2 == 0), "{text}");
    let opens = |word: &str| {
        text.lines()
            .filter(|line| line.trim_start().starts_with(word))
            .count()
    };
    assert_eq!(opens("subgraph "), opens("end"));

    let ended = folder.cla(&["graph", "--format", "svg", "book.yml"]);
    let picture = ended.printed();
    assert!(picture.trim_end().ends_with("</svg>"), "{picture}");
    assert!(
        picture.contains("echo web1 &quot;is&quot; &lt;up&gt;"),
        "{picture}"
    );
    assert!(picture.contains("notify.yml"), "{picture}");
}

#[test]
fn a_rule_that_cannot_be_drawn_is_reported_and_the_others_are_drawn() {
    let folder = Folder::with(&[
        ("good.yml", "do: [{call: nowhere.yml}]"),
        ("event.yml", "on: {pushed: [echo: hi]}"),
        ("take.js", "require('cla/sem').take('db', () => 1)"),
        ("wrong.yml", "do: [{echoo: 1}]"),
    ]);
    let ended = folder.cla(&["graph", "good.yml"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("call nowhere.yml"), "{ended:?}");
    assert!(ended.stderr.contains("nowhere.yml"), "{ended:?}");

    let ended = folder.cla(&["graph", "wrong.yml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("echoo"), "{ended:?}");

    assert_eq!(folder.cla(&["graph", "event.yml"]).code, Some(1));
    let ended = folder.cla(&["graph", "--event", "pushed", "event.yml"]);
    assert!(ended.printed().contains("event pushed"), "{ended:?}");

    let graph = Graph::of(&folder, &["take.js"]);
    assert_eq!(graph.from("take.js"), ["holds holds -> db"]);
}
