//! Takes rulebooks apart into tokens, for colours: line by line, and however incomplete they are.

use super::tokens::{Kind, Token, quoted};

/// The tokens of a rulebook. What is between them looks plain.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut start = 0;
    // Lines that are further in than this belong to a block of text.
    let mut block: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end();
        let indent = body.len() - body.trim_start().len();
        if let Some(outer) = block
            && (indent > outer || body.is_empty())
        {
            text_with_holes(body, start, Kind::Text, indent, &mut tokens);
        } else {
            block = line_tokens(body, start, indent, &mut tokens).then_some(indent);
        }
        start += line.len();
    }
    tokens
}

/// The tokens of one line; whether a block of text follows.
fn line_tokens(line: &str, start: usize, indent: usize, tokens: &mut Vec<Token>) -> bool {
    let mut at = indent;
    loop {
        let rest = &line[at..];
        if !(rest == "-" || rest.starts_with("- ")) {
            break;
        }
        push(tokens, Kind::Mark, start + at, 1, false);
        at += 1;
        at += line[at..].len() - line[at..].trim_start().len();
    }
    if let Some(length) = key_length(&line[at..]) {
        push(tokens, Kind::Key, start + at, length, false);
        push(tokens, Kind::Mark, start + at + length, 1, false);
        at += length + 1;
    }
    value_tokens(line, start, at, tokens)
}

/// How long the key is that a line begins with.
fn key_length(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    let length = match first {
        '"' | '\'' => {
            let (length, open) = quoted(text, first);
            if open {
                return None;
            }
            length
        }
        '#' | '[' | '{' | '|' | '>' => return None,
        _ => text
            .match_indices(':')
            .map(|(colon, _)| colon)
            .find(|colon| matches!(text.as_bytes().get(colon + 1), None | Some(b' ')))?,
    };
    text[length..].starts_with(':').then_some(length)
}

fn value_tokens(line: &str, start: usize, mut at: usize, tokens: &mut Vec<Token>) -> bool {
    while at < line.len() {
        let rest = &line[at..];
        let Some(first) = rest.chars().next() else {
            break;
        };
        let apart = at == 0 || line[..at].ends_with([' ', '[', '{', ',']);
        match first {
            '#' if apart => {
                push(tokens, Kind::Comment, start + at, rest.len(), false);
                return false;
            }
            '"' | '\'' if apart => {
                let (length, _) = quoted(rest, first);
                text_with_holes(&line[..at + length], start, Kind::Text, at, tokens);
                at += length;
            }
            '$' if rest.starts_with("${") => {
                let end = rest.find('}').map_or(line.len(), |end| at + end + 1);
                text_with_holes(&line[..end], start, Kind::Name, at, tokens);
                at = end;
            }
            '|' | '>'
                if apart
                    && rest[1..]
                        .trim_start_matches(['+', '-', '1', '2', '3', '4'])
                        .is_empty() =>
            {
                push(tokens, Kind::Mark, start + at, rest.len(), false);
                return true;
            }
            '[' | ']' | '{' | '}' | ',' => {
                push(tokens, Kind::Mark, start + at, 1, false);
                at += 1;
            }
            _ if first.is_whitespace() => at += first.len_utf8(),
            _ => {
                let end = rest
                    .find(|next: char| {
                        next.is_whitespace() || matches!(next, ',' | ']' | '}' | '$')
                    })
                    .map_or(line.len(), |end| at + end.max(first.len_utf8()));
                let word = &line[at..end];
                let alone = end == line.len()
                    || line[end..].starts_with([',', ']', '}'])
                    || line[end..].starts_with(" #");
                let kind = match word {
                    "true" | "false" | "null" | "~" if apart && alone => Some(Kind::Constant),
                    _ if apart && alone && word.parse::<f64>().is_ok() => Some(Kind::Number),
                    _ => word.strip_suffix(':').map(|_| Kind::Key),
                };
                if let Some(kind) = kind {
                    push(tokens, kind, start + at, word.len(), false);
                }
                at = end;
            }
        }
    }
    false
}

/// A line's text from an offset to its end, with the variables that are inserted in it.
fn text_with_holes(line: &str, start: usize, kind: Kind, mut at: usize, tokens: &mut Vec<Token>) {
    while at < line.len() {
        let rest = &line[at..];
        if rest.starts_with("${") {
            let close = rest.find('}');
            push(tokens, Kind::Hole, start + at, 2, false);
            let inside = close.unwrap_or(rest.len()) - 2;
            push(tokens, Kind::Name, start + at + 2, inside, close.is_none());
            at += 2 + inside;
            if close.is_some() {
                push(tokens, Kind::Hole, start + at, 1, false);
                at += 1;
            }
        } else {
            let length = rest.find("${").unwrap_or(rest.len());
            push(tokens, kind, start + at, length, false);
            at += length;
        }
    }
}

fn push(tokens: &mut Vec<Token>, kind: Kind, start: usize, length: usize, open: bool) {
    if length > 0 {
        tokens.push(Token {
            kind,
            start,
            end: start + length,
            open,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<String> {
        let tokens = tokens(text);
        assert!(tokens.is_sorted_by(|one, next| one.end <= next.start));
        tokens
            .iter()
            .map(|token| format!("{:?}:{}", token.kind, token.text(text)))
            .collect()
    }

    #[test]
    fn keys_values_and_comments_are_distinguished() {
        assert_eq!(
            kinds("- sleep: 2 # a while\n  retry: true"),
            [
                "Mark:-",
                "Key:sleep",
                "Mark::",
                "Number:2",
                "Comment:# a while",
                "Key:retry",
                "Mark::",
                "Constant:true"
            ]
        );
    }

    #[test]
    fn variables_are_seen_in_strings_and_in_plain_text() {
        assert_eq!(
            kinds("echo: \"hello ${who}\""),
            [
                "Key:echo",
                "Mark::",
                "Text:\"hello ",
                "Hole:${",
                "Name:who",
                "Hole:}",
                "Text:\""
            ]
        );
        assert_eq!(
            kinds("echo: hi ${who}"),
            ["Key:echo", "Mark::", "Hole:${", "Name:who", "Hole:}"]
        );
    }

    #[test]
    fn a_block_of_text_lasts_as_long_as_it_is_further_in() {
        assert_eq!(
            kinds("echo: |\n  key: no\n\n  more\ndone: 1"),
            [
                "Key:echo",
                "Mark::",
                "Mark:|",
                "Text:key: no",
                "Text:more",
                "Key:done",
                "Mark::",
                "Number:1"
            ]
        );
    }

    #[test]
    fn a_url_is_no_key() {
        assert_eq!(kinds("get: http://host:80/"), ["Key:get", "Mark::"]);
    }

    #[test]
    fn any_text_has_tokens() {
        for text in [
            "",
            ":",
            "-",
            "- -",
            "'",
            "${",
            "a: ${",
            "a: $",
            "é: é",
            "[",
            "- {a: b, c: [1, '2']}",
            "a: |",
            "\t",
        ] {
            kinds(text);
        }
    }
}
