//! Any text as a rulebook: checking it never panics, and what is found lies within the text.
//!
//! ```console
//! $ cargo install cargo-fuzz
//! $ mkdir -p fuzz/corpus/rulebook
//! $ cargo fuzz run --sanitizer none rulebook fuzz/corpus/rulebook examples/rulebooks -- -dict=fuzz/rulebook.dict -timeout=5
//! ```
//!
//! Without a sanitizer, the stable compiler will do: nothing here is unsafe but the interpreter in C. What is found goes
//! into fuzz/corpus and fuzz/artifacts, which are not kept; a mistake that was mended gets a test in
//! rulebook/tests/check.rs.
#![no_main]

use cla_rulebook::check_text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // As YAML and editors count: a carriage return ends a line, alone or with a line feed.
    let text_of_lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text_of_lines.split('\n').collect();
    for finding in check_text("book.yml", text) {
        let Some(at) = &finding.error.location else {
            panic!("it has no place: {finding:?}");
        };
        let Some(line) = (at.line as usize)
            .checked_sub(1)
            .and_then(|nth| lines.get(nth))
        else {
            panic!("there is no such line: {finding:?}");
        };
        // What is missing is missing after the last character.
        let columns = 1..=line.chars().count() + 1;
        assert!(
            columns.contains(&(at.column as usize)),
            "there is no such column: {finding:?}"
        );
        assert!(!finding.render(false).is_empty());
    }
});
