//! Where a source declares a name, for errors about its value.

use oxc::ast::AstKind;
use oxc::semantic::Semantic;

use super::positions::LineIndex;
use super::semantic::in_semantic;
use crate::error::source::{Declaration, DeclarationKind};

/// The declaration of a name; `None` if there is none, or more than one.
pub(crate) fn declaration(source: &str, name: &str) -> Option<Declaration> {
    in_semantic(source, |semantic, index| found(semantic, index, name))
}

fn found(semantic: &Semantic<'_>, index: &LineIndex<'_>, name: &str) -> Option<Declaration> {
    let (nodes, scoping) = (semantic.nodes(), semantic.scoping());
    let mut symbols = scoping
        .symbol_ids()
        .filter(|symbol| scoping.symbol_name(*symbol) == name);
    let symbol = symbols.next()?;
    if symbols.next().is_some() {
        return None;
    }
    let flags = scoping.symbol_flags(symbol);
    let node = scoping.symbol_declaration(symbol);
    let kind = if flags.is_import() {
        let mut around = nodes.ancestors(node);
        let module = around.find_map(|node| match node.kind() {
            AstKind::ImportDeclaration(import) => Some(import.source.value.to_string()),
            _ => None,
        });
        DeclarationKind::Import(module?)
    } else if flags.is_interface() || flags.is_type_alias() {
        DeclarationKind::Type
    } else if flags.is_const_variable() {
        DeclarationKind::Constant
    } else {
        DeclarationKind::Other
    };
    let span = scoping.symbol_span(symbol);
    let (line, ..) = index.characters(span.start as usize..span.end as usize);
    Some(Declaration { kind, line })
}

#[cfg(test)]
mod tests {
    use super::{DeclarationKind, declaration};

    #[test]
    fn a_name_that_is_declared_once_has_its_line() {
        let source = "import { a } from './a.js';\nlet b;\nconst c = 1;\nclass D {}\n\
                      function f() { let twice; }\nlet twice;\ninterface G {}\ntype H = G;";
        let of = |name| declaration(source, name).map(|found| (found.kind, found.line));
        let import = DeclarationKind::Import("./a.js".to_owned());
        assert_eq!(of("a"), Some((import, 1)));
        assert_eq!(of("b"), Some((DeclarationKind::Other, 2)));
        assert_eq!(of("c"), Some((DeclarationKind::Constant, 3)));
        assert_eq!(of("D"), Some((DeclarationKind::Other, 4)));
        assert_eq!(of("G"), Some((DeclarationKind::Type, 7)));
        assert_eq!(of("H"), Some((DeclarationKind::Type, 8)));
        assert_eq!((of("twice"), of("nobody")), (None, None));
    }
}
