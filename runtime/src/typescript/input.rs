//! The inputs of a session, one after the other: whether it is whole, and made such that what it declares stays.
//!
//! Each input is a script of its own in one global scope. There, `const`, `let` and `class` could not be declared again,
//! and nothing could be imported; so at the top level they become `var`, and imports are awaited. Lines stay
//! where they are, and columns nearly so.

use std::ops::Range;
use std::sync::Arc;

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    Declaration, ExportDefaultDeclarationKind, ImportDeclaration, ImportDeclarationSpecifier,
    Statement, VariableDeclaration, VariableDeclarationKind,
};
use oxc::codegen::{Codegen, CodegenOptions, IndentChar};
use oxc::parser::{ParseOptions, Parser};
use oxc::span::{GetSpan, SourceType};

use crate::error::RuleError;
use crate::line_ends::LineEnds;

use super::{Goal, PositionMap, SyntaxProblem, on_big_stack, report, transform};

/// An input that is ready to be compiled.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) code: Arc<str>,
    /// How many characters stand before what was typed.
    pub(crate) prefix: u32,
    /// Where it was TypeScript: from places in the code to places in what was typed.
    pub(crate) positions: Option<PositionMap>,
}

/// Whether a text is a whole input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputState {
    /// It is.
    Complete,
    /// More must follow: a bracket is open, an operator has no right side.
    Incomplete,
    /// Whatever follows, it stays wrong.
    Invalid {
        /// What is wrong.
        message: String,
        /// The line, from 1.
        line: u32,
        /// The column, from 1, in characters.
        column: u32,
    },
}

/// Tells whether a text is whole, as JavaScript or TypeScript.
///
/// ```
/// use cla_runtime::internal::{InputState, input_state};
///
/// assert_eq!(input_state("take(1)"), InputState::Complete);
/// assert_eq!(input_state("take(1, () => {"), InputState::Incomplete);
/// assert!(matches!(input_state("take(1))"), InputState::Invalid { column: 8, .. }));
/// ```
#[must_use]
pub fn input_state(source: &str) -> InputState {
    let state = on_big_stack(source, || Ok(state(source)));
    match state {
        Ok(state) => state,
        // What nests too deep, or is a bracket without another, has a place as well.
        Err(problems) => problems
            .into_iter()
            .next()
            .map_or(InputState::Complete, |problem| {
                if problem.message.contains("never closed") {
                    return InputState::Incomplete;
                }
                InputState::Invalid {
                    message: problem.message,
                    line: problem.line,
                    column: problem.column,
                }
            }),
    }
}

fn state(source: &str) -> InputState {
    if is_object(source) {
        return InputState::Complete;
    }
    let allocator = Allocator::default();
    let mut problem = None;
    for kind in [SourceType::mjs(), SourceType::ts().with_module(true)] {
        let parsed = Parser::new(&allocator, source, kind)
            .with_options(ParseOptions::default())
            .parse();
        let Some(first) = parsed.diagnostics.first() else {
            return InputState::Complete;
        };
        let end = source.trim_end().len() as u32;
        let at = first.labels.iter().map(|label| label.offset()).max();
        // A string ends with its line; a template and a comment may go on.
        let begins = at.map_or("", |at| source.get(at as usize..).unwrap_or_default());
        let open = first.message.contains("Unterminated")
            && !first.message.contains("regular")
            && begins.starts_with(['`', '/', '}']);
        // A label at the end: the parser has read everything and wants more.
        if open || at.is_none_or(|at| at >= end) {
            return InputState::Incomplete;
        }
        problem = report(source, parsed.diagnostics).err();
    }
    match problem.into_iter().flatten().next() {
        Some(problem) => InputState::Invalid {
            message: problem.message,
            line: problem.line,
            column: problem.column,
        },
        None => InputState::Complete,
    }
}

/// A source as a printer would write it: one statement a line, blocks indented by two spaces. Comments stay.
///
/// # Errors
///
/// What is wrong with it, as TypeScript.
///
/// ```
/// assert_eq!(cla_runtime::internal::tidy("f( 1,2 ) ;if(a){b()}").unwrap(), "f(1, 2);\nif (a) {\n  b();\n}\n");
/// ```
pub fn tidy(source: &str) -> Result<String, RuleError> {
    let printed = on_big_stack(source, || {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, source, SourceType::ts().with_module(true)).parse();
        report(source, parsed.diagnostics)?;
        let printed = Codegen::new()
            .with_options(CodegenOptions {
                indent_char: IndentChar::Space,
                indent_width: 2,
                ..CodegenOptions::default()
            })
            .build(&parsed.program);
        Ok(printed.code)
    });
    printed
        .map_err(|problems| RuleError::from_problems("input", source, LineEnds::Script, problems))
}

/// Makes an input ready.
///
/// # Errors
///
/// What is wrong with it, as TypeScript.
pub(crate) fn prepare(source: &str) -> Result<Input, Vec<SyntaxProblem>> {
    on_big_stack(source, || {
        if is_object(source) {
            return Ok(Input {
                code: format!("({source}\n)").into(),
                prefix: 1,
                positions: None,
            });
        }
        if let Some(code) = kept(source) {
            return Ok(Input {
                code: code.into(),
                prefix: 0,
                positions: None,
            });
        }
        let stripped = transform(source, Goal::Input)?;
        let code = match kept(&stripped.code) {
            Some(code) => code.into(),
            None => stripped.code,
        };
        Ok(Input {
            code,
            prefix: 0,
            positions: Some(stripped.positions),
        })
    })
}

/// Whether braces at the beginning are meant as an object rather than as a block.
fn is_object(source: &str) -> bool {
    if !source.trim_start().starts_with('{') {
        return false;
    }
    let allocator = Allocator::default();
    let text = format!("({source}\n)");
    let parsed = Parser::new(&allocator, &text, SourceType::mjs()).parse();
    parsed.diagnostics.is_empty() && parsed.program.body.len() == 1
}

/// JavaScript whose declarations stay; `None` if it is no JavaScript.
fn kept(source: &str) -> Option<String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::mjs())
        .with_options(ParseOptions {
            preserve_parens: false,
            ..ParseOptions::default()
        })
        .parse();
    if !parsed.diagnostics.is_empty() {
        return None;
    }
    let mut edits = Edits {
        source,
        edits: Vec::new(),
    };
    for statement in &parsed.program.body {
        edits.statement(statement);
    }
    Some(edits.apply())
}

struct Edits<'s> {
    source: &'s str,
    /// In the order of the source; they do not overlap.
    edits: Vec<(Range<usize>, String)>,
}

impl Edits<'_> {
    fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.edits.push((range, text.into()));
    }

    fn statement(&mut self, statement: &Statement<'_>) {
        match statement {
            Statement::VariableDeclaration(declaration) => self.variables(declaration),
            Statement::ClassDeclaration(class) => {
                if let Some(name) = &class.id {
                    let start = class.span().start as usize;
                    self.replace(start..start, format!("var {}=", name.name));
                }
            }
            Statement::ImportDeclaration(import) => self.import(import),
            Statement::ExportDeclaration(export) => {
                let start = export.span().start as usize;
                self.blank(start..export.declaration.span().start as usize);
                match &export.declaration {
                    Declaration::VariableDeclaration(declaration) => self.variables(declaration),
                    Declaration::ClassDeclaration(class) => {
                        if let Some(name) = &class.id {
                            let start = class.span().start as usize;
                            self.replace(start..start, format!("var {}=", name.name));
                        }
                    }
                    _ => {}
                }
            }
            // No module imports it.
            Statement::ExportNamedDeclaration(export) => {
                self.blank(export.span().start as usize..export.span().end as usize);
            }
            Statement::ExportDefaultDeclaration(export) => {
                let start = export.span().start as usize;
                let inner = export.declaration.span().start as usize;
                self.blank(start..inner);
                if let ExportDefaultDeclarationKind::ClassDeclaration(class) = &export.declaration
                    && let Some(name) = &class.id
                {
                    self.replace(inner..inner, format!("var {}=", name.name));
                }
            }
            _ => {}
        }
    }

    fn variables(&mut self, declaration: &VariableDeclaration<'_>) {
        let start = declaration.span().start as usize;
        match declaration.kind {
            VariableDeclarationKind::Const => self.replace(start..start + 5, "var  "),
            VariableDeclarationKind::Let => self.replace(start..start + 3, "var"),
            _ => return,
        }
        // `let x;` sets it anew.
        if declaration.kind == VariableDeclarationKind::Let {
            for declarator in &declaration.declarations {
                if declarator.init.is_none() {
                    let end = declarator.span().end as usize;
                    self.replace(end..end, "=undefined");
                }
            }
        }
    }

    /// `import d, { a as b } from "m"` becomes `var {default:d,a:b}=await import("m")`.
    fn import(&mut self, import: &ImportDeclaration<'_>) {
        let range = import.span().start as usize..import.span().end as usize;
        let from = format!("await import({:?})", import.source.value.as_str());
        let Some(specifiers) = &import.specifiers else {
            return self.replace_lines(range, &format!("{from};"));
        };
        let (mut names, mut whole) = (Vec::new(), None);
        for specifier in specifiers {
            match specifier {
                ImportDeclarationSpecifier::ImportDefaultSpecifier(default) => {
                    names.push(format!("default:{}", default.local.name));
                }
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(namespace) => {
                    whole = Some(namespace.local.name.to_string());
                }
                ImportDeclarationSpecifier::ImportSpecifier(one) => {
                    names.push(format!(
                        "{:?}:{}",
                        one.imported.name().as_str(),
                        one.local.name
                    ));
                }
            }
        }
        let mut text = String::new();
        if let Some(whole) = &whole {
            text.push_str(&format!("var {whole}={from};"));
            if !names.is_empty() {
                text.push_str(&format!("var {{{}}}={whole};", names.join(",")));
            }
        } else {
            text.push_str(&format!("var {{{}}}={from};", names.join(",")));
        }
        self.replace_lines(range, &text);
    }

    /// Replaces text by such that has as many lines.
    fn replace_lines(&mut self, range: Range<usize>, text: &str) {
        let lines = self.source[range.clone()].matches('\n').count();
        self.replace(range, format!("{text}{}", "\n".repeat(lines)));
    }

    fn blank(&mut self, range: Range<usize>) {
        let blank: String = self.source[range.clone()]
            .chars()
            .map(|c| if c == '\n' { c } else { ' ' })
            .collect();
        self.replace(range, blank);
    }

    fn apply(mut self) -> String {
        self.edits
            .sort_by_key(|(range, _)| (range.start, range.end));
        let mut code = String::with_capacity(self.source.len() + 16);
        let mut at = 0;
        for (range, text) in &self.edits {
            code.push_str(&self.source[at..range.start]);
            code.push_str(text);
            at = range.end;
        }
        code.push_str(&self.source[at..]);
        code
    }
}

#[cfg(test)]
mod tests {
    use super::{InputState, input_state, prepare};

    fn code(source: &str) -> String {
        prepare(source).expect("it is an input").code.to_string()
    }

    #[test]
    fn declarations_at_the_top_become_variables() {
        assert_eq!(
            code("const a = 1; let b = 2, c; { const d = 3 }"),
            "var   a = 1; var b = 2, c=undefined; { const d = 3 }"
        );
        assert_eq!(code("class A {}\nnew A"), "var A=class A {}\nnew A");
        assert_eq!(
            code("export const x = 1;\nexport default x"),
            "       var   x = 1;\n               x"
        );
        assert_eq!(code("for (const x of y) x"), "for (const x of y) x");
    }

    #[test]
    fn imports_are_awaited() {
        assert_eq!(
            code("import d, { a as b,\n c } from 'm'; b"),
            "var {default:d,\"a\":b,\"c\":c}=await import(\"m\");\n b"
        );
        assert_eq!(code("import * as m from 'm'"), "var m=await import(\"m\");");
        assert_eq!(code("import 'm'"), "await import(\"m\");");
        assert_eq!(
            code("import { take } from \"cla/sem\";\nlet n: number = 1"),
            "var {\"take\":take}=await import(\"cla/sem\");\nvar n = 1;\n"
        );
    }

    #[test]
    fn braces_may_be_an_object() {
        assert_eq!(code("{ a: 1, b: 2 }"), "({ a: 1, b: 2 }\n)");
        assert_eq!(code("{ let a = 1; a }"), "{ let a = 1; a }");
        assert_eq!(code("{}"), "({}\n)");
    }

    #[test]
    fn a_text_that_ends_too_early_is_incomplete() {
        for source in [
            "f(",
            "f(1,",
            "function f() {",
            "if (a)",
            "x =",
            "[1, 2",
            "`a\nb",
            "/* a",
            "class A {\n m() {",
            "a ? b",
            "const x = {",
            "sem.take('x', function() {\n",
            "async () => {",
            "type A = {",
            "f( // why",
            "x = /* y */",
            "try {}",
            "do x()",
        ] {
            assert_eq!(input_state(source), InputState::Incomplete, "{source}");
        }
    }

    #[test]
    fn a_text_that_stays_wrong_is_told_where() {
        for (source, place) in [
            ("f(1))", (1, 5)),
            ("let 1", (1, 5)),
            ("a b", (1, 2)),
            ("x = )\n", (1, 5)),
            ("\nvar 1", (2, 5)),
        ] {
            match input_state(source) {
                InputState::Invalid { line, column, .. } => {
                    assert_eq!((line, column), place, "{source}");
                }
                other => panic!("{source}: {other:?}"),
            }
        }
        assert!(matches!(input_state("'abc"), InputState::Invalid { .. }));
    }

    #[test]
    fn a_whole_text_is_complete() {
        for source in [
            "",
            "1 + 1",
            "f()",
            "await x",
            "const x: number = 1",
            "{ a: 1 }",
            "x => x",
            "// nothing",
            "if (a) b",
            "import 'x'",
            "a < b",
            "f<number>(x)",
        ] {
            assert_eq!(input_state(source), InputState::Complete, "{source}");
        }
    }
}
