//! The page "Semaphores": the module `cla/sem`, and what administrators see and do.

use std::time::{Duration, Instant};

use crate::stage::Stage;
use crate::table::{CASE, Case, Document, ENTRY, Entry};

pub(crate) const DOCUMENT: Document = Document {
    file: "002_6cd8fd4c9386c7a0.txt",
    blocks: &[Entry {
        block: ("Creating a semaphore with the REPL", 1),
        language: "javascript",
        cases: &[
            Case {
                situation: "as a rule it takes the semaphore for ten seconds, and gives it back",
                after: r#"
                    const { slots, busy, waiting } = sem.show("mysem");
                    console.log(ret, slots, busy, waiting);
                "#,
                prints: "undefined 1 0 0\n",
                seconds: 10..30,
                ..CASE
            },
            Case {
                situation: "at the prompt it creates the semaphore, and locks it for ten seconds",
                seconds: 10..30,
                play: Some(the_semaphore_comes_into_being_and_others_wait_for_ten_seconds),
                ..CASE
            },
        ],
        ..ENTRY
    }],
};

fn the_semaphore_comes_into_being_and_others_wait_for_ten_seconds(stage: &Stage<'_>) {
    let folder = &stage.folder;
    let list = |folder: &crate::common::Folder| folder.cla(&["sem", "list", "--json"]);
    assert_eq!(list(folder).printed(), "[]\n", "no rule has made one yet");

    let mut prompt = folder.command(&["repl"]);
    prompt.stdin(std::process::Stdio::piped());
    let mut prompt = crate::common::Running::start(prompt);
    prompt.feed(stage.text());
    let seen = folder.until("mysem", |semaphore| semaphore["busy"] == 1);
    let held_since = Instant::now();
    assert_eq!((&seen["slots"], &seen["waiting"]), (&1.into(), &0.into()));

    let other = "require('cla/sem').take('mysem', () => print('my turn'))";
    let other = stage.start_rule("other.js", other, &[]);
    folder.until("mysem", |semaphore| semaphore["waiting"] == 1);
    assert_eq!(other.end().printed(), "my turn\n");
    let held = held_since.elapsed();
    // It was seen a little after it had begun.
    assert!(held > Duration::from_secs(8), "only for {held:?}");
    assert_eq!(prompt.end().printed(), "");
    let left = folder.semaphore("mysem");
    assert_eq!((&left["busy"], &left["waiting"]), (&0.into(), &0.into()));
}
