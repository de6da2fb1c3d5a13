//! JSX, which no rule can use, is refused by its name.

use oxc::allocator::Allocator;
use oxc::ast::ast::{JSXElement, JSXFragment};
use oxc::ast_visit::Visit;
use oxc::parser::{ParseOptions, Parser};
use oxc::span::{SourceType, Span};

use super::positions::LineIndex;
use crate::error::source::SyntaxProblem;

/// Whether a text may have JSX.
pub(super) fn may_have(source: &str) -> bool {
    source.contains("</") || source.contains("/>")
}

/// Where JSX first stands in a text that parses with it, and that did not parse without. Parses by recursion: call it with
/// enough stack.
pub(super) fn place(source: &str, is_typescript: bool) -> Option<Span> {
    if !may_have(source) {
        return None;
    }
    let allocator = Allocator::default();
    let kind = match is_typescript {
        true => SourceType::tsx(),
        false => SourceType::jsx(),
    };
    let parsed = Parser::new(&allocator, source, kind.with_module(true))
        .with_options(ParseOptions {
            allow_return_outside_function: true,
            ..ParseOptions::default()
        })
        .parse();
    if parsed.diagnostics.iter().any(super::is_error) {
        return None;
    }
    let mut finder = Finder(None);
    finder.visit_program(&parsed.program);
    finder.0
}

/// Says that this is JSX.
pub(super) fn problem(source: &str, place: Span) -> SyntaxProblem {
    let (line, column, _) =
        LineIndex::new(source).characters(place.start as usize..place.end as usize);
    SyntaxProblem {
        message: "JSX is not supported".to_owned(),
        help: Some("compile it first, or build the text with a template".to_owned()),
        line,
        column,
        length: 1,
    }
}

struct Finder(Option<Span>);

impl<'a> Visit<'a> for Finder {
    fn visit_jsx_element(&mut self, element: &JSXElement<'a>) {
        self.0.get_or_insert(element.span);
    }

    fn visit_jsx_fragment(&mut self, fragment: &JSXFragment<'a>) {
        self.0.get_or_insert(fragment.span);
    }
}
