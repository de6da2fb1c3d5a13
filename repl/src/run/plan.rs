//! What is to run: the files of the command line, each as many times as it asks for.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cla_runtime::Script;
use cla_runtime::internal::problems;

use super::names;
use crate::check::files::has_sections;

/// The file name that means standard input.
pub(super) const STDIN: &str = "-";

/// What the script on standard input is called where a file would have its name.
pub(super) const STDIN_NAME: &str = "<stdin>";

/// The language of a rule on standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Lang {
    /// JavaScript: a script or a module, as its text says
    Js,
    /// JavaScript, a module
    Mjs,
    /// JavaScript, a CommonJS module
    Cjs,
    /// TypeScript: a script or a module, as its text says
    Ts,
    /// TypeScript, a module
    Mts,
    /// TypeScript, a CommonJS module
    Cts,
    /// A rulebook
    #[value(alias = "yml")]
    Yaml,
}

impl Lang {
    /// The language of a text: a rulebook if it certainly is one, JavaScript otherwise.
    pub(super) fn of(text: &str) -> Self {
        let first = text.lines().map(str::trim_end).find(|line| {
            let line = line.trim_start();
            !line.is_empty() && !line.starts_with('#') && line != "---"
        });
        let is_list = first.is_some_and(|line| line.starts_with("- "));
        let looks_like_one = is_list || has_sections(text);
        match looks_like_one && !problems(STDIN_NAME, text).is_empty() {
            true => Self::Yaml,
            false => Self::Js,
        }
    }

    /// A rule with this text.
    pub(super) fn script(self, text: Arc<str>) -> Script {
        let script = match self {
            Self::Js => Script::javascript(STDIN_NAME, text),
            Self::Ts => Script::typescript(STDIN_NAME, text),
            Self::Yaml => Script::in_language("yml", STDIN_NAME, text),
            // The end of the name says it, as that of a file does.
            Self::Mjs => Script::new("<stdin>.mjs", text),
            Self::Cjs => Script::new("<stdin>.cjs", text),
            Self::Mts => Script::new("<stdin>.mts", text),
            Self::Cts => Script::new("<stdin>.cts", text),
        };
        script.in_folder(".")
    }
}

/// One of the runs that the command line asks for.
pub(super) struct Planned {
    pub(super) name: String,
    /// As the user wrote it.
    pub(super) file: String,
    pub(super) script: Script,
}

/// What is to run, in the order of the command line.
///
/// # Errors
///
/// Standard input is named, and cannot be read. A file is read by its run, whose failure it is.
pub(super) fn plan(
    files: &[PathBuf],
    copies: usize,
    lang: Option<Lang>,
) -> io::Result<Vec<Planned>> {
    let mut names = names::names(files, copies).into_iter();
    let mut plan = Vec::with_capacity(names.len());
    let mut stdin = None;
    for file in files {
        let script = if file == Path::new(STDIN) {
            let text = match &stdin {
                Some(text) => Arc::clone(text),
                None => Arc::clone(stdin.insert(io::read_to_string(io::stdin())?.into())),
            };
            lang.unwrap_or_else(|| Lang::of(&text)).script(text)
        } else {
            Script::file(file)
        };
        let file = file.to_string_lossy();
        plan.extend(names.by_ref().take(copies).map(|name| Planned {
            name,
            file: file.clone().into_owned(),
            script: script.clone(),
        }));
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::Lang;

    #[test]
    fn a_rulebook_is_recognised_where_it_can_be_nothing_else() {
        for text in [
            "do: [echo: hi]",
            "name: Deploy\ndo:\n  - echo: hi\n",
            "# a comment\n---\n- echo: hi\n- shell: date\n",
            "#!/usr/bin/env cla\nvars: {a: 1}\non:\n  pushed:\n    - echo: hi\n",
            "do:\n  - echoo: hi\n",
        ] {
            assert_eq!(Lang::of(text), Lang::Yaml, "{text}");
        }
        for text in [
            "print(1 + 2)",
            "on: { break on }",
            "- 1",
            "const x = `\ndo:\n`;",
            "const = 3",
            "",
            "do { print(1) } while (false)",
        ] {
            assert_eq!(Lang::of(text), Lang::Js, "{text}");
        }
    }
}
