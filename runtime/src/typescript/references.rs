//! Which other modules a script names in so many words: in declarations, and in calls of `require` and `import()`.

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::{Argument, Expression, StringLiteral};
use oxc::parser::{ParseOptions, Parser};
use oxc::semantic::SemanticBuilder;
use oxc::span::SourceType;

use super::on_big_stack;
use super::positions::LineIndex;
use crate::error::source::SyntaxProblem;

/// A module's name in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What is imported, as it is written.
    pub specifier: String,
    /// Line and column, from 1, the column in characters; and how many characters, quotes included.
    pub at: (u32, u32),
    /// The length of that in the source, in characters.
    pub length: u32,
    /// By a declaration: without that module, the script cannot run at all.
    pub declared: bool,
}

/// Finds them, in the order of the source. Nothing for what does not parse.
pub fn references(source: &str) -> Vec<Named> {
    if !["import", "require", "from"]
        .iter()
        .any(|word| source.contains(word))
    {
        return Vec::new();
    }
    on_big_stack(source, || Ok::<_, Vec<SyntaxProblem>>(found(source))).unwrap_or_default()
}

fn found(source: &str) -> Vec<Named> {
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
    let index = LineIndex::new(source);
    let mut names = Vec::new();
    for node in semantic.nodes().iter() {
        let (literal, declared): (Option<&StringLiteral<'_>>, bool) = match node.kind() {
            AstKind::ImportDeclaration(import) => (
                (!import.import_kind.is_type()).then_some(&import.source),
                true,
            ),
            AstKind::ExportAllDeclaration(export) => (
                (!export.export_kind.is_type()).then_some(&export.source),
                true,
            ),
            AstKind::ExportFromDeclaration(export) => (
                (!export.export_kind.is_type()).then_some(&export.source),
                true,
            ),
            AstKind::ImportExpression(import) => match &import.source {
                Expression::StringLiteral(literal) => (Some(&**literal), false),
                _ => (None, false),
            },
            AstKind::CallExpression(call) => match (&call.callee, call.arguments.first()) {
                (Expression::Identifier(name), Some(Argument::StringLiteral(literal)))
                    if name.name == "require" =>
                {
                    (Some(&**literal), false)
                }
                _ => (None, false),
            },
            _ => (None, false),
        };
        let Some(literal) = literal else {
            continue;
        };
        let span = literal.span.start as usize..literal.span.end as usize;
        let (line, column, length) = index.characters(span);
        names.push(Named {
            specifier: literal.value.to_string(),
            at: (line, column),
            length,
            declared,
        });
    }
    names
}

#[cfg(test)]
mod tests {
    use super::references;

    #[test]
    fn modules_are_found_wherever_they_are_named() {
        let source = "import a from './a';\nimport type { T } from './t';\nexport * from \"./b\";\n\
                      export { c } from './c';\nif (a) { require('./d'); import('./e') }\nrequire(a); x.require('./f')";
        let found = references(source);
        let names: Vec<_> = found
            .iter()
            .map(|name| (name.specifier.as_str(), name.declared, name.at))
            .collect();
        assert_eq!(
            names,
            [
                ("./a", true, (1, 15)),
                ("./b", true, (3, 15)),
                ("./c", true, (4, 19)),
                ("./d", false, (5, 18)),
                ("./e", false, (5, 33)),
            ]
        );
        assert!(references("let x = ").is_empty());
    }
}
