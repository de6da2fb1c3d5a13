//! A source with what its names mean.

use oxc::allocator::Allocator;
use oxc::parser::{ParseOptions, Parser};
use oxc::semantic::{Semantic, SemanticBuilder};
use oxc::span::SourceType;

use super::on_big_stack;
use super::positions::LineIndex;
use crate::error::source::SyntaxProblem;

/// Looks at JavaScript or TypeScript, a script or a module. At nothing of what does not parse, is too large or nests too
/// deep. Blocks the calling thread.
pub(super) fn in_semantic<T: Default + Send>(
    source: &str,
    look: impl FnOnce(&Semantic<'_>, &LineIndex<'_>) -> T + Send,
) -> T {
    let looked = on_big_stack(source, || {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, source, SourceType::ts().with_module(true))
            .with_options(ParseOptions {
                allow_return_outside_function: true,
                ..ParseOptions::default()
            })
            .parse();
        if !parsed.diagnostics.is_empty() {
            return Ok::<_, Vec<SyntaxProblem>>(T::default());
        }
        let semantic = SemanticBuilder::new_compiler()
            .with_build_nodes(true)
            .build(&parsed.program)
            .semantic;
        Ok(look(&semantic, &LineIndex::new(source)))
    });
    looked.unwrap_or_default()
}
