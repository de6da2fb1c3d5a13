//! Which other modules a script names in so many words: in declarations, and in calls of `require` and `import()`.

use oxc::ast::AstKind;
use oxc::ast::ast::{
    Argument, BindingIdentifier, BindingPattern, Expression, ImportDeclarationSpecifier,
    StringLiteral,
};
use oxc::semantic::Semantic;
use oxc::span::{GetSpan, Span};

use super::facts::{Named, NamedExport};
use super::positions::LineIndex;
use super::semantic::in_semantic;

/// Finds them, in the order of the source. Nothing for what does not parse.
pub fn references(source: &str) -> Vec<Named> {
    if !["import", "require", "from"]
        .iter()
        .any(|word| source.contains(word))
    {
        return Vec::new();
    }
    in_semantic(source, found)
}

fn found(semantic: &Semantic<'_>, index: &LineIndex<'_>) -> Vec<Named> {
    let (nodes, scoping) = (semantic.nodes(), semantic.scoping());
    let export = |name: &str, span: Span| {
        let (line, column, length) = index.characters(span.start as usize..span.end as usize);
        NamedExport {
            name: name.to_owned(),
            at: (line, column),
            length,
            unused: false,
        }
    };
    // `None` for what is used as a type alone, which TypeScript does not import.
    let imported = |name: &str, span: Span, local: &BindingIdentifier<'_>| {
        let symbol = local.symbol_id.get();
        let mut uses = symbol.map(|symbol| scoping.get_resolved_references(symbol));
        let count = uses.as_mut().map_or(0, |uses| uses.by_ref().count());
        let symbol = symbol.filter(|_| count > 0);
        let is_type = symbol.is_some_and(|symbol| {
            let mut uses = scoping.get_resolved_references(symbol);
            uses.all(|one| one.is_type() && !one.is_value())
        });
        (!is_type).then(|| NamedExport {
            unused: count == 0,
            ..export(name, span)
        })
    };
    let mut names = Vec::new();
    for node in nodes.iter() {
        let exports: Vec<NamedExport> = match node.kind() {
            AstKind::ImportDeclaration(import) => {
                let specifiers = import.specifiers.iter().flatten();
                let named = specifiers.filter_map(|specifier| match specifier {
                    ImportDeclarationSpecifier::ImportSpecifier(one)
                        if !one.import_kind.is_type() =>
                    {
                        imported(
                            one.imported.name().as_str(),
                            one.imported.span(),
                            &one.local,
                        )
                    }
                    ImportDeclarationSpecifier::ImportDefaultSpecifier(one) => {
                        imported("default", one.span, &one.local)
                    }
                    _ => None,
                });
                named.collect()
            }
            AstKind::ExportFromDeclaration(from) => {
                let specifiers = from.specifiers.iter();
                let values = specifiers.filter(|one| !one.export_kind.is_type());
                let named = values.map(|one| export(one.local.name().as_str(), one.local.span()));
                named.collect()
            }
            AstKind::CallExpression(_) => match nodes.parent_kind(node.id()) {
                AstKind::VariableDeclarator(declarator) => match &declarator.id {
                    BindingPattern::ObjectPattern(pattern) => {
                        let properties = pattern.properties.iter();
                        let plain = properties.filter(|one| {
                            // With a default, it may be missing.
                            !one.computed
                                && !matches!(one.value, BindingPattern::AssignmentPattern(_))
                        });
                        let named = plain.filter_map(|one| {
                            let name = one.key.static_name()?;
                            Some(export(&name, one.key.span()))
                        });
                        named.collect()
                    }
                    _ => Vec::new(),
                },
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
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
        // Of types alone, nothing is imported.
        if let AstKind::ImportDeclaration(import) = node.kind()
            && let Some(specifiers) = &import.specifiers
            && !specifiers.is_empty()
            && exports.is_empty()
            && !specifiers
                .iter()
                .any(|one| matches!(one, ImportDeclarationSpecifier::ImportNamespaceSpecifier(_)))
        {
            continue;
        }
        let span = literal.span.start as usize..literal.span.end as usize;
        let (line, column, length) = index.characters(span);
        let with = match node.kind() {
            AstKind::ImportDeclaration(import) => import.with_clause.as_ref(),
            AstKind::ExportAllDeclaration(export) => export.with_clause.as_ref(),
            AstKind::ExportFromDeclaration(export) => export.with_clause.as_ref(),
            _ => None,
        };
        let kind = match node.kind() {
            // What is given to a call may say anything.
            AstKind::ImportExpression(import) => import.options.as_ref().map(|_| String::new()),
            _ => with.and_then(|with| {
                let mut entries = with.with_entries.iter();
                let of_type = entries.find(|entry| entry.key.as_arena_str() == "type");
                of_type.map(|entry| entry.value.value.to_string())
            }),
        };
        names.push(Named {
            specifier: literal.value.to_string(),
            at: (line, column),
            length,
            declared,
            required: matches!(node.kind(), AstKind::CallExpression(_)),
            kind,
            names: exports,
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

    #[test]
    fn the_exports_that_are_named_come_with_their_module() {
        let source = "import d, { a, type T, b as c } from 'x';\nimport * as all from 'x';\nexport { e as f } from 'x';\n\
                      const { g, h: i, j = 1, ...rest } = require('x');\nrequire('x').k";
        let found = references(source);
        let names: Vec<_> = found
            .iter()
            .map(|named| {
                let names = named.names.iter();
                names
                    .map(|name| (name.name.as_str(), name.at))
                    .collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(
            names,
            [
                vec![("default", (1, 8)), ("a", (1, 13)), ("b", (1, 24))],
                vec![],
                vec![("e", (3, 10))],
                vec![("g", (4, 9)), ("h", (4, 12))],
                vec![],
            ]
        );
    }
}
