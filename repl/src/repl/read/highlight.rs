//! Colours for what is being typed.

use std::borrow::Cow;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::Mode;
use super::commands;
use super::rulebook;
use super::session_cache::SessionCache;
use super::tokens::{self, Kind, Token};

/// The longest input that gets colours, in bytes. The editor writes all of the input again at every key, which longer ones
/// would make slow.
pub(crate) const MAX_COLOURED: usize = 16 * 1024;

const PROMPT: Style = AnsiColor::Cyan.on_default().bold();
const COMMAND: Style = AnsiColor::Cyan.on_default().bold();
const KEYWORD: Style = AnsiColor::Magenta.on_default();
const VALUE: Style = AnsiColor::Yellow.on_default();
const TEXT: Style = AnsiColor::Green.on_default();
const HOLE: Style = AnsiColor::Magenta.on_default().bold();
const REGEX: Style = AnsiColor::Red.on_default();
const KNOWN: Style = AnsiColor::Cyan.on_default();
const KEY: Style = AnsiColor::Blue.on_default().bold();
const MATCHING: Style = AnsiColor::Yellow.on_default().bold().underline();
const HINT: Style = Style::new().dimmed();
const PROBLEM: Style = AnsiColor::Red.on_default();

pub(crate) fn prompt(prompt: &str) -> String {
    format!("{PROMPT}{prompt}{PROMPT:#}")
}

/// A hint, or what is wrong with the input: that begins with a line of its own, hints have one line.
pub(crate) fn hint(hint: &str) -> String {
    let style = if hint.starts_with('\n') {
        PROBLEM
    } else {
        HINT
    };
    format!("{style}{hint}{style:#}")
}

/// The input in colours; `matching` is the offset of a bracket that stands out.
pub(crate) fn highlight<'l>(
    line: &'l str,
    mode: Mode,
    cache: &SessionCache,
    matching: Option<usize>,
) -> Cow<'l, str> {
    if line.is_empty() || line.len() > MAX_COLOURED {
        return Cow::Borrowed(line);
    }
    let mut coloured = String::with_capacity(line.len() * 2);
    let mut start = 0;
    if let Some(command) = commands::parse(line) {
        let is_known = cache
            .commands()
            .iter()
            .any(|(name, _)| name == command.name);
        let style = if is_known { COMMAND } else { Style::new() };
        start = line.len() - command.argument.len();
        let name = &line[..start];
        // Infallible: a String takes all that is written to it.
        let _ = write!(coloured, "{style}{name}{style:#}");
        if !commands::takes_code(command.name) {
            coloured.push_str(command.argument);
            return Cow::Owned(coloured);
        }
    }
    let code = &line[start..];
    let (tokens, mode) = match mode {
        Mode::Yaml if start == 0 => (rulebook::tokens(code), Mode::Yaml),
        _ => (tokens::javascript(code), Mode::Js),
    };
    let globals = cache.globals();
    let mut at = 0;
    for (index, token) in tokens.iter().enumerate() {
        coloured.push_str(&code[at..token.start]);
        at = token.end;
        let text = token.text(code);
        let style = if matching == Some(start + token.start) {
            MATCHING
        } else if token.kind == Kind::Name && mode == Mode::Js {
            let before = tokens[..index].iter().rev().find(|token| token.counts());
            let member = before.is_some_and(|before| matches!(before.text(code), "." | "?."));
            if !member && globals.contains(text) {
                KNOWN
            } else {
                Style::new()
            }
        } else {
            style(token.kind)
        };
        let _ = write!(coloured, "{style}{text}{style:#}");
    }
    coloured.push_str(&code[at..]);
    Cow::Owned(coloured)
}

fn style(kind: Kind) -> Style {
    match kind {
        Kind::Space | Kind::Mark => Style::new(),
        Kind::Comment => HINT,
        Kind::Keyword => KEYWORD,
        Kind::Constant | Kind::Number => VALUE,
        Kind::Text | Kind::Template => TEXT,
        Kind::Hole => HOLE,
        Kind::Regex => REGEX,
        Kind::Name => KNOWN,
        Kind::Key => KEY,
    }
}

/// The offset of the bracket that belongs to the one at the cursor, or else to the one before it.
pub(crate) fn matching_bracket(line: &str, cursor: usize, mode: Mode) -> Option<usize> {
    if line.len() > MAX_COLOURED {
        return None;
    }
    let tokens = match mode {
        Mode::Js => tokens::javascript(line),
        Mode::Yaml => rulebook::tokens(line),
    };
    let bracket = |token: &Token| {
        let text = token.text(line);
        let opens = matches!(text, "(" | "[" | "{" | "${");
        let closes = matches!(text, ")" | "]" | "}");
        (matches!(token.kind, Kind::Mark | Kind::Hole) && (opens || closes)).then_some(opens)
    };
    let mut at_cursor = tokens
        .iter()
        .position(|token| token.start == cursor && bracket(token).is_some());
    if at_cursor.is_none() {
        at_cursor = tokens
            .iter()
            .position(|token| token.end == cursor && bracket(token).is_some());
    }
    let index = at_cursor?;
    let opens = bracket(&tokens[index])?;
    let partner = |tokens: &mut dyn Iterator<Item = &Token>| {
        let mut depth = 0_usize;
        for token in tokens {
            match bracket(token) {
                Some(same) if same == opens => depth += 1,
                Some(_) if depth == 0 => return Some(*token),
                Some(_) => depth -= 1,
                None => {}
            }
        }
        None
    };
    let found = if opens {
        partner(&mut tokens[index + 1..].iter())
    } else {
        partner(&mut tokens[..index].iter().rev())
    }?;
    let (open, close) = if opens {
        (&tokens[index], &found)
    } else {
        (&found, &tokens[index])
    };
    let fits = matches!(
        (open.text(line), close.text(line)),
        ("(", ")") | ("[", "]") | ("{" | "${", "}")
    );
    fits.then_some(found.start)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::repl::read::fake::Fake;

    /// What is coloured, as `[style:text]`.
    fn coloured(line: &str, mode: Mode, matching: Option<usize>) -> String {
        let cache = SessionCache::new(Rc::new(Fake::default()));
        let mut shown = highlight(line, mode, &cache, matching).into_owned();
        for (style, name) in [
            (MATCHING, "match"),
            (COMMAND, "command"),
            (HOLE, "hole"),
            (KEY, "key"),
            (KEYWORD, "keyword"),
            (VALUE, "value"),
            (TEXT, "text"),
            (REGEX, "regex"),
            (KNOWN, "known"),
            (HINT, "dim"),
        ] {
            shown = shown.replace(&style.render().to_string(), &format!("[{name}:"));
        }
        shown.replace("\x1b[0m", "]")
    }

    #[test]
    fn code_is_coloured() {
        assert_eq!(
            coloured("const a = `b${sem.sem}`; // c", Mode::Js, None),
            "[keyword:const] a = [text:`b][hole:${][known:sem].sem[hole:}][text:`]; [dim:// c]"
        );
        assert_eq!(
            coloured("x = /a/.test('1') || 2", Mode::Js, None),
            "x = [regex:/a/].test([text:'1']) || [value:2]"
        );
    }

    #[test]
    fn rulebooks_are_coloured() {
        assert_eq!(
            coloured("- echo: 'hi ${who}' # so", Mode::Yaml, None),
            "- [key:echo]: [text:'hi ][hole:${][known:who][hole:}][text:'] [dim:# so]"
        );
    }

    #[test]
    fn commands_are_coloured_if_they_are_known() {
        assert_eq!(
            coloured(".slots db 2", Mode::Js, None),
            "[command:.slots ]db 2"
        );
        assert_eq!(coloured(".slots", Mode::Yaml, None), "[command:.slots]");
        assert_eq!(coloured(".slotz db 2", Mode::Js, None), ".slotz db 2");
        assert_eq!(
            coloured(".spawn null", Mode::Yaml, None),
            "[command:.spawn ][value:null]"
        );
    }

    #[test]
    fn colours_are_all_that_is_added() {
        let cache = SessionCache::new(Rc::new(Fake::default()));
        for line in [
            "f('é', `${",
            "\t{ a }\n\n",
            ".spawn  f(1)",
            "a: |\n  b\nc: [d, '",
            "…/x",
        ] {
            for mode in [Mode::Js, Mode::Yaml] {
                let shown = highlight(line, mode, &cache, Some(1)).into_owned();
                assert_eq!(anstream::adapter::strip_str(&shown).to_string(), line);
            }
        }
    }

    #[test]
    fn very_long_inputs_stay_plain() {
        let cache = SessionCache::new(Rc::new(Fake::default()));
        let line = "null ".repeat(MAX_COLOURED);
        assert_eq!(highlight(&line, Mode::Js, &cache, None), line);
    }

    #[test]
    fn a_bracket_at_the_cursor_shows_its_partner() {
        let at = |line, cursor| matching_bracket(line, cursor, Mode::Js);
        assert_eq!(at("f(a[0])", 1), Some(6));
        assert_eq!(at("f(a[0])", 7), Some(1));
        assert_eq!(at("f(a[0])", 6), Some(1));
        assert_eq!(at("`${a}`", 5), Some(1));
        assert_eq!(at("(')')", 5), Some(0), "brackets in strings do not count");
        for (line, cursor) in [("f(a", 1), ("(]", 2), ("ab", 1), ("", 0)] {
            assert_eq!(at(line, cursor), None, "{line}");
        }
    }

    #[test]
    fn a_bracket_that_matches_stands_out() {
        assert_eq!(coloured("f(1)", Mode::Js, Some(1)), "f[match:(][value:1])");
    }
}
