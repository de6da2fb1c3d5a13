//! Where the blocks run: each case in a folder of its own, with a Redis server of its own if it asks for one.

use std::sync::LazyLock;
use std::time::Instant;

use cla_tests::redis::Server;
use regex::Regex;

use crate::common::{Ended, Folder, Running};
use crate::markdown::Block;
use crate::table::{Case, Place};

/// What stands in the documents for the URL of a server.
const CONNECTIONS: &[&str] = &[
    "\"YOUR_REDIS_CONNECTION_STRING\"",
    "\"YOUR_REDIS_CONNECTION\"",
];

/// A block and all that its cases need.
pub(crate) struct Stage<'a> {
    pub(crate) folder: Folder,
    page: &'a [Block],
    block: &'a Block,
    server: Option<Server>,
}

/// The block at this place.
pub(crate) fn find(page: &[Block], (heading, number): Place) -> Option<&Block> {
    page.iter()
        .find(|block| block.heading == heading && block.number == number)
}

impl<'a> Stage<'a> {
    pub(crate) fn new(page: &'a [Block], block: &'a Block) -> Self {
        let asks = CONNECTIONS.iter().any(|text| block.text.contains(text));
        Self {
            folder: Folder::with(&[]),
            page,
            block,
            server: asks.then(Server::start),
        }
    }

    /// The block as it stands.
    pub(crate) fn text(&self) -> &str {
        &self.block.text
    }

    /// The block between `before` and `after`, as it stands but for the URL of the server.
    fn completed(&self, before: &[&str], continues: &[Place], after: &str) -> String {
        let continued = continues.iter().map(|&place| find(self.page, place));
        let continued = continued.map(|block| block.expect("a block to go on from"));
        let blocks: String = continued
            .chain([self.block])
            .map(|block| block.text.as_str())
            .collect();
        let blocks = match &self.server {
            None => blocks,
            Some(server) => CONNECTIONS.iter().fold(blocks, |blocks, text| {
                blocks.replace(text, &format!("\"{}\"", server.url()))
            }),
        };
        format!("{}\n{blocks}\n{after}", before.join("\n"))
    }

    /// Starts the block in a process of its own.
    pub(crate) fn start(
        &self,
        name: &str,
        before: &[&str],
        after: &str,
        arguments: &[&str],
    ) -> Running {
        let text = self.completed(before, &[], after);
        self.start_rule(name, &text, arguments)
    }

    /// Starts another rule.
    pub(crate) fn start_rule(&self, name: &str, text: &str, arguments: &[&str]) -> Running {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        let mut all = vec!["run", name];
        all.extend(arguments);
        self.folder.start(&all)
    }

    /// Runs a case that takes one process.
    pub(crate) fn check(&self, case: &Case) {
        let text = self.completed(case.before, case.continues, case.after);
        let name = match self.block.language.as_str() {
            "ts" => "block.ts",
            _ => "block.js",
        };
        let begin = Instant::now();
        let ended = self.start_rule(name, &text, &["--store", "memory:"]).end();
        let took = begin.elapsed().as_secs();
        let shown = || format!("{ended:#?}\nof\n{text}");

        assert_eq!(with_ids_hidden(&ended.stdout), case.prints, "{}", shown());
        match case.fails {
            None => {
                assert_eq!(ended.stderr, "", "{}", shown());
                assert_eq!(ended.code, Some(0), "{}", shown());
            }
            Some(message) => {
                let (error, source) = said(&ended);
                assert_eq!(error, format!("error: {message}"), "{}", shown());
                assert_eq!(source.as_deref(), case.points_at, "{}", shown());
                assert_eq!(ended.code, Some(1), "{}", shown());
            }
        }
        assert!(case.seconds.contains(&took), "{took} s\n{}", shown());
    }
}

/// The error on standard error, with its class in front where that is one of the library's, and the source line that it
/// points at.
fn said(ended: &Ended) -> (String, Option<String>) {
    let text = with_ids_hidden(&ended.stderr);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let (mut class, mut source) = (None, None);
    for line in rest.lines() {
        if let Some((number, text)) = line.split_once('│') {
            if !number.trim().is_empty() {
                source = Some(text.trim().to_owned());
            } else if let Some(named) = text.split_whitespace().nth(1) {
                class = Some(named);
            }
        } else {
            let start = line.trim_start();
            let known = start.starts_with("┌─ ") || start.starts_with("= ");
            assert!(known, "more than one error: {text}");
        }
    }
    let library = class
        .filter(|class| class.ends_with("SemaphoreError") || class.ends_with("ResilienceError"));
    let error = match (first.strip_prefix("error: "), library) {
        (Some(message), Some(class)) => format!("error: {class}: {message}"),
        _ => first.to_owned(),
    };
    (error, source)
}

/// With `<id>` in place of every random id.
pub(crate) fn with_ids_hidden(text: &str) -> String {
    static ID: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").expect("a valid expression")
    });
    ID.replace_all(text, "<id>").into_owned()
}
