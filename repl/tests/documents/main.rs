//! Every code block of the documents that say what semaphores are runs as a rule, unchanged, and does what its comments
//! promise.
//!
//! The documents are in `tests/seeds/`. What a block lacks stands in front of it, what looks at the outcome behind it; but
//! for that, only the URL of the Redis server is put in. The tables are [`semaphore_usage`] and [`clarive`].
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

#[path = "../common/mod.rs"]
mod common;

mod clarive;
mod markdown;
mod semaphore_usage;
mod stage;
mod table;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use markdown::Block;
use stage::{Stage, find};
use table::{Case, Document, Entry};

const DOCUMENTS: &[&Document] = &[&semaphore_usage::DOCUMENT, &clarive::DOCUMENT];

/// How many cases run at once, beside those that only wait.
const AT_ONCE: usize = 4;

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn page(document: &Document) -> Vec<Block> {
    let path = root().join("tests/seeds").join(document.file);
    markdown::blocks(&std::fs::read_to_string(path).unwrap())
}

#[test]
fn the_documents_are_those_that_were_given() {
    let copies = files(&root().join("tests/seeds"));
    let known: Vec<&str> = DOCUMENTS.iter().map(|document| document.file).collect();
    assert!(
        copies.keys().eq(known),
        "a document without a table, or a table without one"
    );

    // They lie beside the repository where it is made.
    let given = root().join("../shared/seeds");
    if given.is_dir() {
        assert!(
            files(&given) == copies,
            "tests/seeds is not what ../shared/seeds is"
        );
    }
}

#[test]
fn the_tables_name_the_blocks_that_there_are_and_no_others() {
    for document in DOCUMENTS {
        let page = page(document);
        let there = page.iter().map(|block| {
            (
                block.heading.as_str(),
                block.number,
                block.language.as_str(),
            )
        });
        let named = document.blocks.iter().map(|entry| {
            let (heading, number) = entry.block;
            (heading, number, entry.language)
        });
        assert_eq!(named.collect::<Vec<_>>(), there.collect::<Vec<_>>());
        for Entry { block, cases, .. } in document.blocks {
            assert!(!cases.is_empty(), "nothing is checked of {block:?}");
        }
    }
}

#[test]
fn every_block_does_what_its_comments_promise() {
    let pages: Vec<Vec<Block>> = DOCUMENTS.iter().map(|document| page(document)).collect();
    let mut cases: Vec<(&[Block], &Entry, &Case)> = Vec::new();
    for (document, page) in DOCUMENTS.iter().zip(&pages) {
        for entry in document.blocks {
            cases.extend(
                entry
                    .cases
                    .iter()
                    .map(|case| (page.as_slice(), entry, case)),
            );
        }
    }
    // Those that wait begin first, so that the others run meanwhile.
    cases.sort_by_key(|(.., case)| std::cmp::Reverse(case.seconds.start));
    let waiting = cases.iter().filter(|(.., case)| case.seconds.start > 0);
    let threads = waiting.count() + AT_ONCE;
    let count = cases.len();

    let (cases, failed) = (Mutex::new(cases.into_iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = cases.lock().unwrap().next();
                    let Some((page, entry, case)) = next else {
                        break;
                    };
                    if catch_unwind(AssertUnwindSafe(|| run(page, entry, case))).is_err() {
                        let name = name(entry, case);
                        eprintln!("so failed: {name}\n");
                        failed.lock().unwrap().push(name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "{} of {count} cases failed, each for the reason above:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

fn run(page: &[Block], entry: &Entry, case: &Case) {
    let block = find(page, entry.block).expect("a block that is there");
    let stage = Stage::new(page, block);
    match case.play {
        Some(play) => play(&stage),
        None => stage.check(case),
    }
}

fn name(entry: &Entry, case: &Case) -> String {
    let (heading, number) = entry.block;
    let note = match entry.contradiction {
        Some(note) => format!("\n    (mind that {note})"),
        None => String::new(),
    };
    format!("{heading}, block {number}: {}{note}", case.situation)
}
