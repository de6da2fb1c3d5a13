//! Where the cursor is: which word is being typed, and what would fit there. It looks only at the text.

use super::Mode;
use super::commands;
use super::tokens::{self, Kind, Token};

/// What fits at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// What the global scope has, and keywords.
    Names,
    /// Members of what a path leads to, behind the dot at an offset.
    Members {
        path: Vec<String>,
        dot: usize,
    },
    /// The same, inside of `["`.
    Keys(Vec<String>),
    Modules,
    Semaphores,
    Requests,
    Runs,
    Snippets,
    Commands,
    Files,
    Words(&'static [&'static str]),
}

/// A word before the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where it begins, in bytes.
    pub(crate) start: usize,
    pub(crate) wanted: Vec<Wanted>,
    /// The quote that it is in.
    pub(crate) quote: Option<char>,
}

/// Functions of `cla/sem` that are given a semaphore's name, and those that are given a request's id. Under
/// other objects than `sem`, only names that hardly mean anything else.
const OF_SEMAPHORES: &[&str] = &[
    "acquire",
    "forceReleaseAll",
    "history",
    "purge",
    "show",
    "slots",
    "take",
];
const OF_REQUESTS: &[&str] = &["cancel", "grant", "move"];
const UNMISTAKABLE: &[&str] = &["acquire", "forceReleaseAll", "take"];

/// The places that the end of a text may be, the likeliest first.
pub(crate) fn places(text: &str, mode: Mode) -> Vec<Place> {
    let indent = text.len() - text.trim_start().len();
    if text[indent..].starts_with('.') {
        return command(text, indent);
    }
    match mode {
        Mode::Js => javascript(text).into_iter().collect(),
        Mode::Yaml => rulebook(text).into_iter().collect(),
    }
}

fn place(start: usize, wanted: Vec<Wanted>) -> Place {
    Place {
        start,
        wanted,
        quote: None,
    }
}

fn command(text: &str, indent: usize) -> Vec<Place> {
    let Some(command) = commands::parse(text) else {
        return match &text[indent..] {
            "." => vec![place(indent, vec![Wanted::Commands])],
            _ => Vec::new(),
        };
    };
    let begins = text.len() - command.argument.len();
    if command.argument.is_empty() && !text.ends_with(char::is_whitespace) {
        return vec![place(indent, vec![Wanted::Commands])];
    }
    let words: Vec<&str> = command.argument.split(' ').collect();
    let index = words.len() - 1;
    let word = text.len() - words[index].len();
    let files = place(begins, vec![Wanted::Files]);
    if commands::takes_file(command.name) {
        return vec![files];
    }
    if !commands::takes_code(command.name) {
        return vec![place(word, commands::wanted(command.name, index).to_vec())];
    }
    if is_path(command.argument) {
        return vec![files];
    }
    let mut places: Vec<_> = javascript(command.argument).into_iter().collect();
    for place in &mut places {
        place.start += begins;
        for wanted in &mut place.wanted {
            if let Wanted::Members { dot, .. } = wanted {
                *dot += begins;
            }
        }
        if place.start == begins && place.quote.is_none() {
            place.wanted.push(Wanted::Files);
        }
    }
    if index == 0 && !command.argument.contains(['(', '"', '\'', '`']) {
        places.push(files);
    }
    places
}

fn is_path(text: &str) -> bool {
    ["./", "../", "/", "~/"]
        .iter()
        .any(|start| text.starts_with(start))
}

fn rulebook(text: &str) -> Option<Place> {
    let line = text.rfind('\n').map_or(0, |end| end + 1);
    let body = text[line..]
        .trim_start()
        .trim_start_matches("- ")
        .trim_start();
    let (value, wanted) = if let Some(value) = body.strip_prefix("semaphore:") {
        (value, Wanted::Semaphores)
    } else {
        let value = body.split_once(": ").map_or(body, |(_, value)| value);
        (value, Wanted::Files)
    };
    let value = value.trim_start();
    let quote = value
        .chars()
        .next()
        .filter(|first| matches!(first, '"' | '\''));
    let word = quote.map_or(value, |quote| value.trim_start_matches(quote));
    (wanted != Wanted::Files || is_path(word)).then(|| Place {
        start: text.len() - word.len(),
        wanted: vec![wanted],
        quote,
    })
}

fn javascript(text: &str) -> Option<Place> {
    let tokens = tokens::javascript(text);
    let before = |index: usize| (0..index).rev().find(|&index| tokens[index].counts());
    let Some(last) = tokens.last() else {
        return Some(place(0, vec![Wanted::Names]));
    };
    let index = tokens.len() - 1;
    match last.kind {
        Kind::Text if last.open => in_string(text, &tokens, index),
        Kind::Name | Kind::Keyword | Kind::Constant => {
            let Some(previous) = before(index) else {
                return Some(place(last.start, vec![Wanted::Names]));
            };
            match tokens[previous].text(text) {
                "." | "?." => member(text, &tokens, previous, last.start),
                // A name of the author's own follows.
                "class" | "const" | "function" | "let" | "var" => None,
                _ => Some(place(last.start, vec![Wanted::Names])),
            }
        }
        Kind::Mark if matches!(last.text(text), "." | "?.") => {
            member(text, &tokens, index, last.end)
        }
        Kind::Mark | Kind::Space | Kind::Hole => {
            let Some(previous) = before(tokens.len()) else {
                return Some(place(text.len(), vec![Wanted::Names]));
            };
            let previous = tokens[previous];
            let expects_value = match previous.kind {
                Kind::Mark => !matches!(previous.text(text), ")" | "]" | "." | "?."),
                Kind::Keyword => !matches!(
                    previous.text(text),
                    "class" | "const" | "function" | "let" | "var"
                ),
                Kind::Hole => previous.text(text) == "${",
                _ => false,
            };
            expects_value.then(|| place(text.len(), vec![Wanted::Names]))
        }
        _ => None,
    }
}

fn member(text: &str, tokens: &[Token], dot: usize, start: usize) -> Option<Place> {
    let path = path_before(text, tokens, dot)?;
    let dot = tokens[dot].start;
    Some(place(start, vec![Wanted::Members { path, dot }]))
}

fn in_string(text: &str, tokens: &[Token], index: usize) -> Option<Place> {
    let string = tokens[index];
    let start = string.start + 1;
    let word = &text[start..];
    let mut counting = (0..index).rev().filter(|&index| tokens[index].counts());
    let previous = counting.next();
    let name_before = counting.next().map(|index| tokens[index]);
    let files = is_path(word).then_some(Wanted::Files);
    let module = || match files {
        Some(_) if word.starts_with('.') => vec![Wanted::Files],
        _ => vec![Wanted::Modules],
    };
    let wanted = match previous.map(|index| (index, tokens[index].text(text))) {
        Some((_, "from" | "import")) => module(),
        Some((opening, "(")) => match name_before.map(|name| name.text(text)) {
            Some("require" | "import") => module(),
            Some(function) => {
                let call = call_before(text, tokens, opening);
                let known = call.is_some_and(|call| match call.path.as_slice() {
                    [.., object, _] => object == "sem" || UNMISTAKABLE.contains(&function),
                    _ => true,
                });
                if known && OF_SEMAPHORES.contains(&function) {
                    vec![Wanted::Semaphores]
                } else if known && OF_REQUESTS.contains(&function) {
                    vec![Wanted::Requests]
                } else {
                    files.into_iter().collect()
                }
            }
            None => files.into_iter().collect(),
        },
        Some((opening, "[")) => match path_before(text, tokens, opening) {
            Some(path) => vec![Wanted::Keys(path)],
            None => files.into_iter().collect(),
        },
        _ => files.into_iter().collect(),
    };
    let quote = text[string.start..].chars().next();
    (!wanted.is_empty()).then_some(Place {
        start,
        wanted,
        quote,
    })
}

/// A function that is called at an opening parenthesis.
pub(crate) struct Call {
    /// Its names: `["sem", "take"]`.
    pub(crate) path: Vec<String>,
    /// Whether it makes an object: `new URL(`.
    pub(crate) new: bool,
}

/// The call whose opening parenthesis a token is.
pub(crate) fn call_before(text: &str, tokens: &[Token], opening: usize) -> Option<Call> {
    let (path, head) = path_to(text, tokens, opening)?;
    let before = (0..head).rev().find(|&index| tokens[index].counts());
    match before.map(|index| tokens[index].text(text)) {
        // What is declared is not called.
        Some("function") => None,
        before => Some(Call {
            path,
            new: before == Some("new"),
        }),
    }
}

/// The path of names and literal keys that ends before a token: `a.b["c"]` before the last dot of `a.b["c"].d`.
fn path_before(text: &str, tokens: &[Token], end: usize) -> Option<Vec<String>> {
    path_to(text, tokens, end).map(|(path, _)| path)
}

/// The path that ends before a token, and the token that it begins with.
fn path_to(text: &str, tokens: &[Token], end: usize) -> Option<(Vec<String>, usize)> {
    let mut counting = (0..end)
        .rev()
        .filter(|&index| tokens[index].counts())
        .peekable();
    let mut path = Vec::new();
    let dot = |index: &usize| matches!(tokens[*index].text(text), "." | "?.");
    loop {
        let index = counting.next()?;
        let token = tokens[index];
        match token.kind {
            Kind::Name => {
                path.push(token.text(text).to_owned());
                if counting.next_if(dot).is_none() {
                    path.reverse();
                    return Some((path, index));
                }
            }
            Kind::Mark if token.text(text) == "]" => {
                let key = tokens[counting.next()?];
                path.push(literal_key(key, text)?);
                counting.next_if(|&index| tokens[index].text(text) == "[")?;
                counting.next_if(dot);
            }
            _ => return None,
        }
    }
}

fn literal_key(key: Token, text: &str) -> Option<String> {
    let key_text = key.text(text);
    match key.kind {
        Kind::Number => Some(key_text.to_owned()),
        // The meaning of an escape does not matter here.
        Kind::Text if !key.open && !key_text.contains('\\') => {
            Some(key_text[1..key_text.len() - 1].to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Place {
        let mut places = places(text, Mode::Js);
        assert_eq!(places.len(), 1, "{text}: {places:?}");
        places.remove(0)
    }

    fn path(text: &str) -> Option<Vec<String>> {
        match places(text, Mode::Js).into_iter().next()?.wanted.remove(0) {
            Wanted::Members { path, .. } | Wanted::Keys(path) => Some(path),
            _ => None,
        }
    }

    #[test]
    fn a_word_of_its_own_is_a_name() {
        assert_eq!(one("1 + co"), place(4, vec![Wanted::Names]));
        assert_eq!(one("f("), place(2, vec![Wanted::Names]));
        assert_eq!(one("`a ${na"), place(5, vec![Wanted::Names]));
    }

    #[test]
    fn nothing_fits_where_the_author_decides() {
        for text in [
            "const fo",
            "function f",
            "// co",
            "`co",
            "= /co",
            "12",
            "a) ",
            "let ",
            "f().fo",
            "(a).b",
            "\"a\".b",
        ] {
            assert_eq!(places(text, Mode::Js), [], "{text}");
        }
    }

    #[test]
    fn a_path_is_followed_over_dots_and_literal_keys() {
        for (text, expected) in [
            ("foo.ba", "foo"),
            ("foo.", "foo"),
            ("x = a.b?.c", "a b"),
            ("a[\"b c\"].d", "a b c"),
            ("a[0]['b'].", "a 0 b"),
            ("f(a.b", "a"),
            ("a[\"b", "a"),
            ("a.b['", "a b"),
            ("a\n  .b\n  .c", "a b"),
        ] {
            assert_eq!(
                path(text).map(|path| path.join(" ")).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        for text in ["a[i].b", "f().b", "this.b", "[\"b"] {
            assert_eq!(path(text), None, "{text}");
        }
    }

    #[test]
    fn modules_are_named_in_imports() {
        for text in [
            "require(\"cla",
            "require('cla",
            "import x from \"cla",
            "import(\"cla",
            "import \"cla",
        ] {
            assert_eq!(one(text).wanted, [Wanted::Modules], "{text}");
        }
        assert_eq!(one("require(\"./li").wanted, [Wanted::Files]);
        assert_eq!(one("require('cla").quote, Some('\''));
    }

    #[test]
    fn semaphores_are_named_where_they_are_taken() {
        for text in [
            "sem.take(\"pr",
            "s.acquire('",
            "take(\"",
            "sem.show(\"",
            "sem?.purge(\"",
        ] {
            assert_eq!(one(text).wanted, [Wanted::Semaphores], "{text}");
        }
        assert_eq!(one("sem.grant(\"ab").wanted, [Wanted::Requests]);
        for text in ["shop.show(\"", "f(\"", "sem.take(x, \""] {
            assert_eq!(places(text, Mode::Js), [], "{text}");
        }
    }

    #[test]
    fn other_strings_are_files_if_they_look_like_it() {
        assert_eq!(one("f('./a").wanted, [Wanted::Files]);
        assert_eq!(
            one("x = \"/tm"),
            Place {
                start: 5,
                wanted: vec![Wanted::Files],
                quote: Some('"')
            }
        );
    }

    #[test]
    fn commands_have_arguments_of_their_own() {
        assert_eq!(one(".").wanted, [Wanted::Commands]);
        assert_eq!(one(" .se"), place(1, vec![Wanted::Commands]));
        assert_eq!(one(".purge pr"), place(7, vec![Wanted::Semaphores]));
        assert_eq!(one(".grant "), place(7, vec![Wanted::Requests]));
        assert_eq!(one(".stop 1").wanted, [Wanted::Runs]);
        assert_eq!(one(".run a").wanted, [Wanted::Snippets]);
        assert_eq!(one(".load my fi"), place(6, vec![Wanted::Files]));
        assert_eq!(one(".spawn ./a").wanted, [Wanted::Files]);
        assert_eq!(
            one(".slots a "),
            place(9, vec![Wanted::Words(&["+", "-", "default", "unlimited"])])
        );
    }

    #[test]
    fn code_behind_a_command_is_code() {
        assert_eq!(
            one(".spawn sem.take(\"pr"),
            Place {
                start: 17,
                wanted: vec![Wanted::Semaphores],
                quote: Some('"')
            }
        );
        assert_eq!(
            places(".spawn rule.j", Mode::Js),
            [
                place(
                    12,
                    vec![Wanted::Members {
                        path: vec!["rule".to_owned()],
                        dot: 11
                    }]
                ),
                place(7, vec![Wanted::Files])
            ]
        );
    }

    #[test]
    fn rulebooks_name_semaphores_and_files() {
        let in_yaml = |text| places(text, Mode::Yaml);
        assert_eq!(
            in_yaml("- semaphore: pr"),
            [place(13, vec![Wanted::Semaphores])]
        );
        assert_eq!(
            in_yaml("a: 1\nimport: ./li"),
            [place(13, vec![Wanted::Files])]
        );
        assert_eq!(in_yaml("echo: hel"), []);
        assert_eq!(in_yaml(".se"), [place(0, vec![Wanted::Commands])]);
    }
}
