//! Which bracket of a source that does not parse is not closed: read from the text alone, as there is no tree.
//!
//! The closing bracket that is missing lets the ones behind it close the wrong ones, so that the parser stumbles far below. As
//! a person does, this looks at the indentation: a bracket that begins a line closes one in a line that is indented alike.

/// What is open at a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Balance {
    /// Nothing of note.
    Even,
    /// This bracket is open at the end of the text.
    Open { at: usize, bracket: char },
    /// A bracket was closed by one that does not fit, or is indented as that of another.
    Crossed { at: usize, bracket: char },
}

struct Opened {
    at: usize,
    bracket: u8,
    /// How far its line is indented.
    indent: usize,
}

/// Words behind which a slash begins a regular expression.
const BEFORE_PATTERN: [&str; 8] = [
    "return", "typeof", "case", "in", "of", "do", "else", "await",
];

/// Looks at the text up to the place at which the parser stopped, and at the bracket that stands there.
pub(super) fn balance(source: &str, stopped: usize) -> Balance {
    let bytes = source.as_bytes();
    let mut open: Vec<Opened> = Vec::new();
    // The last one that was closed by a bracket of another indentation.
    let mut suspected: Option<(usize, u8)> = None;
    let mut at = 0;
    while at < bytes.len() && at <= stopped {
        let byte = bytes[at];
        match byte {
            b'/' if bytes.get(at + 1) == Some(&b'/') => at = line_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = source[at..]
                    .find("*/")
                    .map_or(bytes.len(), |end| at + end + 2);
            }
            b'/' if begins_pattern(&source[..at]) => at = pattern_end(bytes, at),
            b'\'' | b'"' => at = text_end(bytes, at),
            b'`' => at = template_end(bytes, at),
            b'(' | b'[' | b'{' => {
                open.push(Opened {
                    at,
                    bracket: byte,
                    indent: indent(bytes, at).0,
                });
                at += 1;
            }
            b')' | b']' | b'}' => {
                let Some(last) = open.pop() else {
                    return crossed(suspected);
                };
                if partner(last.bracket) != byte {
                    return crossed(suspected.or(Some((last.at, last.bracket))));
                }
                let (indent, is_first) = indent(bytes, at);
                let spans_lines = source[last.at..at].contains('\n');
                if is_first && spans_lines && indent < last.indent {
                    suspected = Some((last.at, last.bracket));
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
    let left = open.last().map(|last| (last.at, last.bracket));
    match suspected.or(left).filter(|_| !open.is_empty()) {
        Some((at, bracket)) => Balance::Open {
            at,
            bracket: bracket.into(),
        },
        None => Balance::Even,
    }
}

fn crossed(of: Option<(usize, u8)>) -> Balance {
    of.map_or(Balance::Even, |(at, bracket)| Balance::Crossed {
        at,
        bracket: bracket.into(),
    })
}

fn partner(bracket: u8) -> u8 {
    match bracket {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}

/// How far the line of a place is indented, and whether nothing but blanks stands before the place.
fn indent(bytes: &[u8], at: usize) -> (usize, bool) {
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n');
    let line = &bytes[start.map_or(0, |start| start + 1)..];
    let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    let count = blanks.count();
    let before = at - start.map_or(0, |start| start + 1);
    (count, count == before)
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes[at..].iter().position(|byte| *byte == b'\n');
    rest.map_or(bytes.len(), |end| at + end)
}

/// The end of a text in quotes, or of its line.
fn text_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'\n' => return at,
            byte if byte == bytes[start] => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The end of a template. What stands in its `${}` is taken for text, up to a backtick.
fn template_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'`' => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The end of a regular expression, or of its line.
fn pattern_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut in_class) = (start + 1, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'\n' => return at,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'/' if !in_class => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Whether a slash behind this text begins a regular expression, and divides nothing.
fn begins_pattern(before: &str) -> bool {
    let before = before.trim_end();
    let Some(last) = before.chars().next_back() else {
        return true;
    };
    if last.is_alphanumeric() || matches!(last, '_' | '$') {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
        let word = before.rsplit(|c| !is_part(c)).next().unwrap_or_default();
        return BEFORE_PATTERN.contains(&word);
    }
    !matches!(last, ')' | ']' | '}' | '"' | '\'' | '`')
}

#[cfg(test)]
mod tests {
    use super::{Balance, balance};

    fn found(source: &str) -> (&'static str, usize) {
        let stopped = source.find('‼').unwrap_or(source.len());
        let line = |at: usize| source[..at].lines().count().max(1);
        match balance(&source.replace('‼', ""), stopped) {
            Balance::Even => ("even", 0),
            Balance::Open { at, .. } => ("open", line(at + 1)),
            Balance::Crossed { at, .. } => ("crossed", line(at + 1)),
        }
    }

    #[test]
    fn the_bracket_that_is_not_closed_is_found_by_the_indentation() {
        for (source, expected) in [
            ("f(() => {\n  g();\n});\n", ("even", 0)),
            ("f(() => {\n  for (;;) {\n    g();\n}‼);\n", ("crossed", 2)),
            ("function f() {\n  if (a) {\n    g();\n}\n", ("open", 2)),
            ("function f() {\n  g(\n}‼", ("crossed", 2)),
            ("const a = [1, 2‼;", ("open", 1)),
            // Brackets in texts, comments, templates and patterns are none.
            (
                "const a = '(' + \"[\" + `{` + /[(]/.source; // (\n/* { */",
                ("even", 0),
            ),
            ("const a = b / c; f(1 / 2)", ("even", 0)),
            ("a)‼", ("even", 0)),
        ] {
            assert_eq!(found(source), expected, "{source}");
        }
    }
}
