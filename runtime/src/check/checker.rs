//! A check of one rule, or of several that are to go together: what was found so far. It looks at nothing itself.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::{Finding, RULES, Severity, rule_of};
use crate::error::RuleError;
use crate::error::source::SyntaxProblem;
use crate::line_ends::LineEnds;
use crate::nearest::nearest;

/// The most files in one check, imported ones included.
const MOST_FILES: usize = 10_000;

/// Where in a source something stands. Line and column count from 1, the column and the length in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// How many characters are concerned.
    pub length: u32,
}

impl Spot {
    pub(crate) fn problem(self, message: String, help: Option<&str>) -> SyntaxProblem {
        SyntaxProblem {
            message,
            help: help.map(str::to_owned),
            line: self.line,
            column: self.column,
            length: self.length.max(1),
        }
    }
}

/// A text that is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The name that findings show.
    pub name: &'a str,
    /// What its author wrote.
    pub text: &'a Arc<str>,
    /// What ends its lines.
    pub ends: LineEnds,
}

/// Somewhere in one of the files, a semaphore is asked for while another is held.
#[derive(Debug)]
struct Pair {
    file: usize,
    outer: String,
    inner: String,
    at: Spot,
}

#[derive(Debug)]
struct Source {
    name: String,
    text: Arc<str>,
    ends: LineEnds,
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Checker {
    /// With the number of the file that they concern.
    findings: Vec<(usize, Finding)>,
    pairs: Vec<Pair>,
    /// The files that could be read.
    sources: Vec<Option<Source>>,
    /// The files that were looked at, by their canonical paths.
    seen: HashSet<PathBuf>,
    /// The texts of imported files, by the names that findings show.
    imported: HashMap<String, Arc<str>>,
}

/// What begins a comment that takes findings away, behind `//` or `#`.
const IGNORE: &str = "cla-ignore:";

/// A comment that takes findings away.
#[derive(Debug, PartialEq, Eq)]
struct Ignoring<'t> {
    /// The lines whose findings it takes away.
    lines: [u32; 2],
    /// The rules that it names, and where: line, column, in characters.
    rules: Vec<(&'t str, u32, u32)>,
}

/// The comments of a text that take findings away: those of their line, and of the next one if they are alone in theirs.
fn ignoring(text: &str) -> Vec<Ignoring<'_>> {
    let mut found = Vec::new();
    for (nth, line) in text.lines().enumerate() {
        let Some((before, rules)) = line.split_once(IGNORE) else {
            continue;
        };
        let own = nth as u32 + 1;
        let comment = before.trim_start();
        let is_alone =
            comment.starts_with("//") || comment.starts_with('#') || comment.starts_with("/*");
        let mut at = before.len() + IGNORE.len();
        let mut named = Vec::new();
        for rule in rules.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
            let column = line[..at].chars().count() as u32 + 1;
            if !rule.is_empty() {
                named.push((rule, own, column));
            }
            at += rule.len();
            at += line[at..].chars().next().map_or(0, char::len_utf8);
        }
        found.push(Ignoring {
            lines: [own, if is_alone { own + 1 } else { own }],
            rules: named,
        });
    }
    found
}

impl Checker {
    /// Begins with the next rule; gives its number.
    pub fn begin(&mut self, subject: Option<Subject<'_>>) -> usize {
        self.sources.push(subject.map(|subject| Source {
            name: subject.name.to_owned(),
            text: Arc::clone(subject.text),
            ends: subject.ends,
        }));
        self.sources.len() - 1
    }

    /// A file is looked at; `false` if that was done before, or if there were too many.
    pub fn see(&mut self, canonical: PathBuf) -> bool {
        self.seen.len() < MOST_FILES && self.seen.insert(canonical)
    }

    /// Notes the text of a file that a rule imports, for the comments in it.
    pub(crate) fn imported(&mut self, name: &str, text: &Arc<str>) {
        self.imported.insert(name.to_owned(), Arc::clone(text));
    }

    /// Notes something about a rule.
    pub fn found(&mut self, nth: usize, severity: Severity, error: RuleError) {
        let rule = rule_of(&error);
        self.found_as(nth, severity, rule, error);
    }

    /// Notes something about a rule that breaks this one of [`RULES`](super::RULES).
    pub(crate) fn found_as(
        &mut self,
        nth: usize,
        severity: Severity,
        rule: &'static str,
        error: RuleError,
    ) {
        let rule = rule.to_owned();
        let finding = Finding {
            severity,
            rule,
            error,
        };
        self.findings.push((nth, finding));
    }

    /// That nothing reads a name is not worth telling where something else is wrong with that very name.
    fn drop_explained(&mut self) {
        let place = |(nth, finding): &(usize, Finding)| {
            let at = finding.error.location.as_ref()?;
            Some((*nth, at.file.clone(), at.line, at.column))
        };
        let is_unused = |found: &(usize, Finding)| found.1.rule == "unused-variable";
        let others = self.findings.iter().filter(|found| !is_unused(found));
        let others: HashSet<_> = others.filter_map(place).collect();
        self.findings.retain(|found| {
            !is_unused(found) || place(found).is_none_or(|at| !others.contains(&at))
        });
    }

    /// Takes away what comments say is meant.
    fn drop_ignored(&mut self) {
        let mut texts: HashMap<&str, &Arc<str>> = HashMap::new();
        for (name, text) in &self.imported {
            texts.insert(name, text);
        }
        for source in self.sources.iter().flatten() {
            texts.insert(&source.name, &source.text);
        }
        // Nearly all texts have no such comment.
        texts.retain(|_, text| text.contains(IGNORE));
        let comments: HashMap<&str, Vec<Ignoring<'_>>> = texts
            .iter()
            .map(|(name, text)| (*name, ignoring(text)))
            .collect();
        let mut used: HashSet<(String, u32, u32)> = HashSet::new();
        self.findings.retain(|(_, finding)| {
            let Some(at) = &finding.error.location else {
                return true;
            };
            let Some(comments) = comments.get(at.file.as_str()) else {
                return true;
            };
            let mut is_ignored = false;
            let here = comments.iter().filter(|of| of.lines.contains(&at.line));
            for (rule, line, column) in here.flat_map(|of| &of.rules) {
                if *rule == finding.rule {
                    is_ignored = true;
                    used.insert((at.file.clone(), *line, *column));
                }
            }
            !is_ignored
        });
        let mut told = Vec::new();
        for (name, comments) in &comments {
            let source = self
                .sources
                .iter()
                .position(|source| source.as_ref().is_some_and(|source| source.name == *name));
            let ends = source
                .and_then(|nth| self.sources[nth].as_ref())
                .map_or(LineEnds::Script, |source| source.ends);
            let subject = Subject {
                name,
                text: texts[name],
                ends,
            };
            for of in comments {
                // What stands behind the names of rules says why.
                let is_name = |(rule, ..): &&(&str, u32, u32)| RULES.contains(rule);
                let known = of.rules.iter().take_while(is_name).count();
                for (nth, (rule, line, column)) in of.rules.iter().enumerate() {
                    let at = Spot {
                        line: *line,
                        column: *column,
                        length: rule.len() as u32,
                    };
                    let error = match RULES.contains(rule) {
                        true if used.contains(&((*name).to_owned(), *line, *column)) => continue,
                        true if nth >= known => continue,
                        true => {
                            let message =
                                format!("this takes nothing away: {rule} finds nothing here");
                            pointing(subject, at, "Ignore", message, Some("remove it"))
                        }
                        // The first word must be a rule.
                        false if nth == 0 => {
                            let help = match nearest(rule, RULES) {
                                Some(near) => format!("did you mean {near}?"),
                                None => format!("the rules are {}", RULES.join(", ")),
                            };
                            let message = format!("there is no rule {rule:?}");
                            pointing(subject, at, "Ignore", message, Some(&help))
                        }
                        false => {
                            let Some(near) = nearest(rule, RULES).filter(|_| rule.contains('-'))
                            else {
                                continue;
                            };
                            let help = format!("did you mean {near}?");
                            let message = format!("there is no rule {rule:?}");
                            pointing(subject, at, "Ignore", message, Some(&help))
                        }
                    };
                    told.push((source.unwrap_or_default(), error));
                }
            }
        }
        for (nth, error) in told {
            self.found(nth, Severity::Warning, error);
        }
    }

    /// Each problem of a file is a finding of its own.
    pub fn all(&mut self, nth: usize, mut error: RuleError) {
        let others = std::mem::take(&mut error.errors);
        for error in std::iter::once(error).chain(others) {
            self.found(nth, Severity::Error, error);
        }
    }

    /// A rule asks for the semaphore `inner` while it holds `outer`.
    pub fn pair(&mut self, nth: usize, outer: String, inner: String, at: Spot) {
        self.pairs.push(Pair {
            file: nth,
            outer,
            inner,
            at,
        });
    }

    /// A rule waits for the one slot of a semaphore that it holds itself.
    pub fn nested(
        &mut self,
        nth: usize,
        subject: Subject<'_>,
        at: Spot,
        semaphore: &str,
        outer_line: u32,
    ) {
        let message = format!(
            "this waits for the one slot of semaphore \"{semaphore}\", which line {outer_line} holds around it: it can \
             never go on"
        );
        let help = "take it once, around both; or give it more slots";
        let error = pointing(subject, at, "Deadlock", message, Some(help));
        self.found(nth, Severity::Error, error);
    }

    /// All findings, in the order of the files and their lines.
    pub fn into_findings(mut self) -> Vec<Finding> {
        self.opposite_orders();
        self.drop_explained();
        self.drop_ignored();
        self.findings.sort_by_key(|(nth, finding)| {
            let location = finding.error.location.as_ref();
            (*nth, location.map_or((0, 0), |at| (at.line, at.column)))
        });
        self.findings.into_iter().map(|(_, found)| found).collect()
    }

    /// Two that take two semaphores in opposite orders can wait for each other.
    fn opposite_orders(&mut self) {
        let mut first: HashMap<(&str, &str), &Pair> = HashMap::new();
        for pair in &self.pairs {
            first
                .entry((pair.outer.as_str(), pair.inner.as_str()))
                .or_insert(pair);
        }
        let mut found = Vec::new();
        for pair in first.values() {
            let opposite = first.get(&(pair.inner.as_str(), pair.outer.as_str()));
            let (Some(opposite), Some(source)) = (opposite, &self.sources[pair.file]) else {
                continue;
            };
            let there = self.sources[opposite.file]
                .as_ref()
                .map_or("", |source| source.name.as_str());
            let message = format!(
                "this takes \"{}\" while it holds \"{}\", and {there}:{} takes them in the opposite order: each may \
                 wait for the other",
                pair.inner, pair.outer, opposite.at.line
            );
            let help = "let all rules take them in the same order";
            let subject = Subject {
                name: &source.name,
                text: &source.text,
                ends: source.ends,
            };
            let error = pointing(subject, pair.at, "Order", message, Some(help));
            found.push((pair.file, error));
        }
        for (file, error) in found {
            self.found(file, Severity::Warning, error);
        }
    }
}

/// An error that points into a file; `name` is its class.
pub fn pointing(
    subject: Subject<'_>,
    at: Spot,
    name: &str,
    message: String,
    help: Option<&str>,
) -> RuleError {
    let problem = at.problem(message, help);
    let mut error =
        RuleError::from_problems(subject.name, subject.text, subject.ends, vec![problem]);
    name.clone_into(&mut error.name);
    error
}

#[cfg(test)]
mod tests {
    use super::ignoring;

    #[test]
    fn a_comment_names_rules_for_its_line_and_alone_for_the_next_one() {
        let text = "a; // cla-ignore: deadlock, lock-order because\n# cla-ignore: syntax\nb\nc cla-ignore: x\nd\n";
        let found = ignoring(text);
        let lines: Vec<_> = found.iter().map(|of| of.lines).collect();
        assert_eq!(lines, [[1, 1], [2, 3], [4, 4]]);
        assert_eq!(
            found[0].rules,
            [
                ("deadlock", 1, 19),
                ("lock-order", 1, 29),
                ("because", 1, 40)
            ]
        );
        assert_eq!(found[1].rules, [("syntax", 2, 15)]);
    }
}
