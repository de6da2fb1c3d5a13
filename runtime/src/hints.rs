//! What was probably meant by a name that nothing declares, and how to come by it: read from the TypeScript declarations of an
//! engine's modules, which know all that rules find. It is looked for only when a rule has failed.

use crate::nearest::nearest;

/// How many modules are named at most.
const MOST_MODULES: usize = 3;

/// A shorter name is like too many others.
const LONG_ENOUGH: usize = 4;

/// What is declared in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Declared<'t> {
    /// The module that exports it; else it is a global.
    module: Option<&'t str>,
    /// The global object that has it.
    namespace: Option<&'t str>,
    name: &'t str,
}

/// What an engine says of names.
pub(crate) struct Known<'k> {
    /// TypeScript declarations.
    pub(crate) declarations: &'k [(String, String)],
    /// Sentences about names of other programs.
    pub(crate) hints: &'k [(&'static str, &'static str)],
    /// The modules that rules can import.
    pub(crate) modules: &'k [&'k str],
    /// Whether the code is an ES module.
    pub(crate) imports: bool,
}

/// A sentence that helps with the message of an error about a name that is not there.
pub(crate) fn for_message(message: &str, known: &Known<'_>) -> Option<String> {
    let undefined = message.strip_suffix(" is not defined");
    // In rulebooks, what is read without having been set.
    let unset = message.strip_suffix(" is not set");
    let name = undefined.or(unset)?;
    if name.is_empty() || name.contains(char::is_whitespace) {
        return None;
    }
    if let Some((_, hint)) = known.hints.iter().find(|(other, _)| *other == name) {
        return Some((*hint).to_owned());
    }
    let declared: Vec<Declared<'_>> = known
        .declarations
        .iter()
        .flat_map(|(_, text)| declared(text))
        .filter(|declared| {
            let is_open = |module| known.modules.contains(&module);
            declared.module.is_none_or(is_open)
        })
        .collect();
    exactly(name, &declared, known).or_else(|| {
        // Any variable of a rulebook is like some name.
        let near = undefined.filter(|name| name.len() >= LONG_ENOUGH);
        near.and_then(|name| nearly(name, &declared, known))
    })
}

/// A sentence that helps with a line in which something was used that is not there: a member of a global, such as of `Intl`.
/// The line may have the member's name alone.
pub(crate) fn for_line(line: &str, known: &Known<'_>) -> Option<String> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    let mut members = known.hints.iter().filter_map(|(name, hint)| {
        let (_, member) = name.rsplit_once('.')?;
        Some((member, *hint))
    });
    let has = |member| line.split(|c| !is_part(c)).any(|word| word == member);
    let found = members.find(|(member, _)| has(*member));
    found.map(|(_, hint)| hint.to_owned())
}

/// What has exactly this name.
fn exactly(name: &str, declared: &[Declared<'_>], known: &Known<'_>) -> Option<String> {
    let found = || declared.iter().filter(|declared| declared.name == name);
    if let Some(namespace) = found().find_map(|declared| declared.namespace) {
        return Some(format!("write {namespace}.{name}"));
    }
    // The shortest of several is the plain one.
    let ends = |module: &&&str| {
        module
            .rsplit_once('/')
            .is_some_and(|(_, last)| last == name)
    };
    let module = known
        .modules
        .iter()
        .filter(ends)
        .min_by_key(|module| module.len());
    if let Some(module) = module {
        return Some(match known.imports {
            true => format!("it is a module: import {name} from \"{module}\";"),
            false => format!("it is a module: const {name} = require(\"{module}\");"),
        });
    }
    let mut modules: Vec<&str> = found().filter_map(|declared| declared.module).collect();
    modules.dedup();
    exported(name, &modules, known.imports)
}

/// How to come by what modules export.
fn exported(name: &str, modules: &[&str], imports: bool) -> Option<String> {
    match modules {
        [] => None,
        [module] => Some(match imports {
            true => format!("{module} exports it: import {{ {name} }} from \"{module}\";"),
            false => format!("{module} exports it: const {{ {name} }} = require(\"{module}\");"),
        }),
        [first @ .., last] if modules.len() <= MOST_MODULES => {
            Some(format!("{} and {last} export it", first.join(", ")))
        }
        _ => None,
    }
}

/// What has nearly this name.
fn nearly(name: &str, declared: &[Declared<'_>], known: &Known<'_>) -> Option<String> {
    let globals = declared.iter().filter(|declared| declared.module.is_none());
    let globals = globals.filter(|declared| declared.namespace.is_none());
    let global = closest(name, globals.map(|declared| declared.name));
    if let Some(global) = global {
        return Some(format!("did you mean {global}?"));
    }
    let exports = declared.iter().filter(|declared| declared.module.is_some());
    let export = closest(name, exports.map(|declared| declared.name))?;
    let how = exactly(export, declared, known)?;
    Some(format!("did you mean {export}? {how}"))
}

/// The nearest name, if it differs in no more than two letters: what is less alike was hardly meant.
fn closest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    const SLIPS: usize = 2;
    let near = nearest(name, names.filter(|other| other.len() >= LONG_ENOUGH))?;
    let slips = strsim::osa_distance(&name.to_lowercase(), &near.to_lowercase());
    (slips <= SLIPS && slips * LONG_ENOUGH <= name.len()).then_some(near)
}

/// Whether a text of declarations has a type of this name in a module.
pub(crate) fn declares_type(text: &str, module: &str, name: &str) -> bool {
    let begin = format!("declare module \"{module}\" {{");
    let mut lines = text.lines().skip_while(|line| *line != begin).skip(1);
    lines
        .by_ref()
        .take_while(|line| *line != "}")
        .filter_map(|line| {
            let rest = line.strip_prefix("  export ")?;
            rest.strip_prefix("interface ")
                .or_else(|| rest.strip_prefix("type "))
        })
        .any(|rest| {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$')));
            &rest[..end.unwrap_or(rest.len())] == name
        })
}

/// What a text of declarations declares at its top level, in modules and in namespaces.
fn declared(text: &str) -> impl Iterator<Item = Declared<'_>> {
    let (mut module, mut namespace) = (None, None);
    text.lines().filter_map(move |line| {
        if line == "}" {
            (module, namespace) = (None, None);
            return None;
        }
        if let Some(rest) = line.strip_prefix("declare module \"") {
            module = rest.split('"').next();
            return None;
        }
        let is_top = !line.starts_with(' ');
        if is_top && let Some(rest) = line.strip_prefix("declare namespace ") {
            namespace = rest.split([' ', '{']).next();
            return None;
        }
        let rest = match (module, namespace) {
            (Some(_), _) => line.strip_prefix("  export ")?,
            (None, Some(_)) => line.strip_prefix("  ")?,
            (None, None) => line.strip_prefix("declare ")?,
        };
        let rest = rest.strip_prefix("abstract ").unwrap_or(rest);
        let kinds = [
            "function ",
            "const ",
            "let ",
            "var ",
            "class ",
            "namespace ",
        ];
        let rest = kinds.iter().find_map(|kind| rest.strip_prefix(kind))?;
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        (end > 0).then(|| Declared {
            module,
            namespace,
            name: &rest[..end],
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
declare namespace cla {
  /** The secret. */
  function secret(name: string): string;
}

/** Prints. */
declare function print(...values: unknown[]): void;
declare var AbortSignal: {
  prototype: AbortSignal;
};

declare module \"cla/util\" {
  export function sleep(seconds: number): void;
  export interface Benchmark { count: number }
  const util: { sleep: typeof sleep };
  export default util;
}
declare module \"cla/shell\" {
  export const $: Shell;
  export abstract class Command {
    cwd(): void;
  }
}
declare module \"cla/inner\" {
  export function hidden(): void;
}
";

    fn hint(message: &str, imports: bool) -> Option<String> {
        let declarations = [("a.d.ts".to_owned(), TEXT.to_owned())];
        let known = Known {
            declarations: &declarations,
            hints: &[("Deno", "this is no Deno")],
            modules: &["cla/util", "cla/shell", "@other/util"],
            imports,
        };
        for_message(message, &known)
    }

    #[test]
    fn types_of_modules_are_known() {
        assert!(declares_type(TEXT, "cla/util", "Benchmark"));
        for (module, name) in [
            ("cla/util", "sleep"),
            ("cla/util", "Bench"),
            ("cla/shell", "Benchmark"),
        ] {
            assert!(!declares_type(TEXT, module, name), "{module} {name}");
        }
    }

    #[test]
    fn each_name_has_one_good_hint() {
        for (name, expected) in [
            ("Deno", "this is no Deno"),
            ("secret", "write cla.secret"),
            (
                "util",
                "it is a module: const util = require(\"cla/util\");",
            ),
            (
                "sleep",
                "cla/util exports it: const { sleep } = require(\"cla/util\");",
            ),
            (
                "$",
                "cla/shell exports it: const { $ } = require(\"cla/shell\");",
            ),
            (
                "Command",
                "cla/shell exports it: const { Command } = require(\"cla/shell\");",
            ),
            ("pirnt", "did you mean print?"),
            ("AbortSignl", "did you mean AbortSignal?"),
            (
                "slepp",
                "did you mean sleep? cla/util exports it: const { sleep } = require(\"cla/util\");",
            ),
        ] {
            let message = format!("{name} is not defined");
            assert_eq!(hint(&message, false).as_deref(), Some(expected), "{name}");
        }
        let message = "sleep is not defined";
        let expected = "cla/util exports it: import { sleep } from \"cla/util\";";
        assert_eq!(hint(message, true).as_deref(), Some(expected));
        assert_eq!(
            hint("util is not set", false).as_deref(),
            Some("it is a module: const util = require(\"cla/util\");")
        );
    }

    #[test]
    fn what_a_global_lacks_has_its_hint_in_the_line() {
        let known = Known {
            declarations: &[],
            hints: &[("Deno", "no Deno"), ("Intl.DisplayNames", "no names")],
            modules: &[],
            imports: false,
        };
        for (line, hint) in [
            ("new Intl.DisplayNames('en')", Some("no names")),
            ("x = new DisplayNames", Some("no names")),
            ("new Intl.DisplayNamesOf('en')", None),
            ("Intl.NumberFormat()", None),
            ("Deno", None),
            ("", None),
        ] {
            assert_eq!(for_line(line, &known).as_deref(), hint, "{line}");
        }
    }

    #[test]
    fn nothing_is_said_where_nothing_is_known() {
        for message in [
            "depoly is not defined",
            "undefinedFunction is not defined",
            "x is not defined",
            "hidden is not defined",
            "cwd is not defined",
            "seconds is not defined",
            "pirnt is not set",
            "the name is not defined",
            "is not a function",
        ] {
            assert_eq!(hint(message, false), None, "{message}");
        }
    }
}
