//! TypeScript becomes JavaScript by dropping its types; nothing is type-checked.
//!
//! Types go, and what TypeScript adds to the language (enums, namespaces, parameter properties,
//! `import x = require()`) becomes plain JavaScript, as `tsc` does it file by file with `isolatedModules`:
//! imports that only types use disappear. Nothing newer is made older, since the engine runs current
//! JavaScript. A script stays a script and a module a module.
//!
//! **No input overflows a stack.** Every step of oxc recurses, so a source is first weighed without
//! recursion ([`nesting`]), and the work runs on a thread of its own whose stack is as large as
//! that weight can need. A source that weighs too much is an error, and so is a panic of oxc.

mod advice;
pub(crate) mod awaits;
mod brackets;
pub(crate) mod commonjs;
pub(crate) mod declared;
pub(crate) mod facts;
pub(crate) mod input;
mod jsx;
pub(crate) mod lints;
pub(crate) mod lock_order;
mod namespaces;
mod nesting;
mod positions;
pub(crate) mod references;
mod semantic;
pub(crate) mod suspects;
pub(crate) mod throws;
pub(crate) mod undeclared;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::{Program, Statement};
use oxc::codegen::{Codegen, CodegenOptions, CommentOptions};
use oxc::diagnostics::{OxcDiagnostic, Severity};
use oxc::parser::{ParseOptions, Parser, ParserReturn};
use oxc::semantic::SemanticBuilder;
use oxc::span::{GetSpan, SourceType};
use oxc::syntax::module_record::{ExportExportName, ModuleRecord};
use oxc::transformer::{TransformOptions, Transformer};

use crate::error::source::SyntaxProblem;
use facts::CommonJs;
pub use facts::Shape;
use nesting::Refusal;
use positions::LineIndex;
pub use positions::PositionMap;

/// Longest source taken, in bytes. The largest TypeScript file in wide use, the compiler's
/// own checker, has 3 MB; a rule has a few KiB.
const MAX_SOURCE: usize = 4 << 20;

/// Deepest nesting taken, in nesting tokens (see [`nesting`]). Written code stays below 200, an
/// expression of 1,000 joined strings needs 1,000. Some steps of oxc take time in the square of the nesting, and
/// 4,096 keep the worst of them below a second. Also the largest source, in bytes, whose nesting
/// need not be known, because every nesting token has at least one byte.
const MAX_NESTING: usize = 4 << 10;

/// Stack that one nesting token can cost, in bytes. The dearest of all constructs, nested tuple types, costs
/// 1.8 KiB with oxc optimised and 4.3 KiB without (measured by running each of `tests::deep` on ever
/// smaller stacks). Reserved, 33 MiB at most, but only touched as far as needed.
const STACK_PER_TOKEN: usize = 8 << 10;

/// Stack for what does not depend on nesting, in bytes.
const STACK_BASE: usize = 1 << 20;

/// How many problems of one source are reported; a broken line often causes a cascade.
const MAX_PROBLEMS: usize = 10;

/// JavaScript made of TypeScript.
#[derive(Debug)]
pub struct Stripped {
    /// The JavaScript.
    pub code: Arc<str>,
    /// From places in `code` to places in the TypeScript.
    pub positions: PositionMap,
    /// What it exports besides types; `None` if it is no module, or exports all that another one exports.
    pub exports: Option<Vec<String>>,
    /// What kind of source it is, and what its JavaScript imports.
    pub shape: Shape,
}

/// Looks at JavaScript before it is compiled. Blocks the calling thread as [`strip`] does.
///
/// `None` if it does not parse, is too large or nests too deep.
pub(crate) fn shape(source: &str) -> Option<Shape> {
    let shape = on_big_stack(source, || Ok(parsed_shape(source)));
    shape.ok().flatten()
}

/// Parses JavaScript by recursion: call it with enough stack.
fn parsed_shape(source: &str) -> Option<Shape> {
    let as_module = js_shape(source, true);
    // Without `await` and declarations it is the same as a script and as a module.
    if as_module
        .as_ref()
        .is_some_and(|shape| shape.declares || !source.contains("await"))
    {
        return as_module;
    }
    js_shape(source, false).or(as_module.map(|shape| Shape {
        awaits: true,
        ..shape
    }))
}

fn js_shape(source: &str, as_module: bool) -> Option<Shape> {
    let allocator = Allocator::default();
    let parsed = js(&allocator, source, as_module);
    if parsed.diagnostics.iter().any(is_error) {
        return None;
    }
    let declares = parsed.module_record.has_module_syntax;
    Some(Shape {
        declares,
        awaits: false,
        imports: imports(&parsed.program.body),
        has_attributes: has_attributes(&parsed.program.body),
        commonjs: commonjs_of(&parsed.program, source, declares),
    })
}

fn commonjs_of(program: &Program<'_>, source: &str, declares: bool) -> CommonJs {
    match !declares && source.contains("export") {
        true => commonjs::exports(program),
        false => CommonJs::default(),
    }
}

fn js<'a>(allocator: &'a Allocator, source: &'a str, as_module: bool) -> ParserReturn<'a> {
    let kind = if as_module {
        SourceType::mjs()
    } else {
        SourceType::cjs()
    };
    Parser::new(allocator, source, kind)
        .with_options(ParseOptions {
            allow_return_outside_function: !as_module,
            ..ParseOptions::default()
        })
        .parse()
}

fn is_error(diagnostic: &OxcDiagnostic) -> bool {
    diagnostic.severity == Severity::Error
}

/// What is wrong with JavaScript that parses neither as a module nor, if it may be one, as a script. Nothing is said of
/// what is too intricate to be parsed here.
pub(crate) fn js_problems(
    source: &str,
    may_be_module: bool,
    may_be_script: bool,
) -> Vec<SyntaxProblem> {
    let problems = on_big_stack(source, || {
        let problems = |as_module| {
            let allocator = Allocator::default();
            let parsed = js(&allocator, source, as_module);
            report(source, parsed.diagnostics)?;
            let checked = SemanticBuilder::new_compiler()
                .with_check_syntax_error(true)
                .with_build_nodes(true)
                .build(&parsed.program);
            report(source, checked.diagnostics)
        };
        let goals = [(true, may_be_module), (false, may_be_script)];
        let mut found: Option<Vec<SyntaxProblem>> = None;
        for (as_module, _) in goals.into_iter().filter(|(_, may_be)| *may_be) {
            let Err(problems) = problems(as_module) else {
                return Ok(Vec::new());
            };
            // Of two readings, the one with fewer mistakes was meant.
            if found
                .as_ref()
                .is_none_or(|found| problems.len() < found.len())
            {
                found = Some(problems);
            }
        }
        if let Some(place) = jsx::place(source, false) {
            return Ok(vec![jsx::problem(source, place)]);
        }
        let mut found = found.unwrap_or_default();
        if let Some(first) = found.first_mut()
            && parses(source, SourceType::ts())
            && !parses(source, SourceType::mjs())
        {
            first.help = Some(TYPES.to_owned());
            found.truncate(1);
        }
        Ok(found)
    });
    problems.unwrap_or_default()
}

/// What to do about types in JavaScript.
const TYPES: &str = "this is TypeScript: give the file a name that ends in .ts";

/// Whether a source parses in a language, wherever it may `await` and `return`. Parses by recursion: call it with enough stack.
fn parses(source: &str, language: SourceType) -> bool {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, language.with_module(true))
        .with_options(ParseOptions {
            allow_return_outside_function: true,
            ..ParseOptions::default()
        })
        .parse();
    let checked = || {
        let program = SemanticBuilder::new_compiler()
            .with_check_syntax_error(true)
            .with_build_nodes(true)
            .build(&parsed.program);
        !program.diagnostics.iter().any(is_error)
    };
    !parsed.diagnostics.iter().any(is_error) && checked()
}

/// What is wrong with JavaScript that is none because it has JSX; `None` if that is not what is wrong.
pub(crate) fn jsx_problem(source: &str) -> Option<SyntaxProblem> {
    if !jsx::may_have(source) {
        return None;
    }
    let place = on_big_stack(source, || Ok(jsx::place(source, false)));
    Some(jsx::problem(source, place.ok().flatten()?))
}

fn is_module_declaration(statement: &Statement<'_>) -> bool {
    matches!(
        statement,
        Statement::ImportDeclaration(_)
            | Statement::ExportAllDeclaration(_)
            | Statement::ExportFromDeclaration(_)
            | Statement::ExportNamedDeclaration(_)
            | Statement::ExportDefaultDeclaration(_)
            | Statement::ExportDeclaration(_)
    )
}

fn imports(body: &[Statement<'_>]) -> Vec<String> {
    let mut imports: Vec<String> = Vec::new();
    for statement in body {
        let (source, with) = match statement {
            Statement::ImportDeclaration(import) => (Some(&import.source), &import.with_clause),
            Statement::ExportAllDeclaration(export) => (Some(&export.source), &export.with_clause),
            Statement::ExportFromDeclaration(export) => (Some(&export.source), &export.with_clause),
            _ => (None, &None),
        };
        if let Some(source) = source
            && with.is_none()
            && !imports.iter().any(|known| known == source.value.as_str())
        {
            imports.push(source.value.to_string());
        }
    }
    imports
}

/// Whether a declaration imports something as something else than a module.
fn has_attributes(body: &[Statement<'_>]) -> bool {
    body.iter().any(|statement| match statement {
        Statement::ImportDeclaration(import) => import.with_clause.is_some(),
        Statement::ExportAllDeclaration(export) => export.with_clause.is_some(),
        Statement::ExportFromDeclaration(export) => export.with_clause.is_some(),
        _ => false,
    })
}

/// What a module exports itself, and the modules whose exports it exports all. `None` for what does not parse.
pub(crate) fn own_exports(source: &str) -> Option<(Vec<String>, Vec<String>)> {
    let found = on_big_stack(source, || {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, source, SourceType::ts().with_module(true)).parse();
        report(source, parsed.diagnostics)?;
        let record = &parsed.module_record;
        let stars = record.star_export_entries.iter();
        let stars = stars.filter_map(|entry| entry.module_request.as_ref());
        let stars = stars.map(|from| from.name.to_string()).collect();
        Ok::<_, Vec<SyntaxProblem>>((named(record), stars))
    });
    found.ok()
}

/// What the module exports; see [`Stripped::exports`]. `None` also for what does not parse.
pub fn exports(source: &str) -> Option<Vec<String>> {
    // JavaScript is TypeScript without types.
    strip("module.ts", source).ok()?.exports
}

/// Turns TypeScript into JavaScript. `file_name` is used for its extension only: `.cts` may `return` at
/// its top level, as the body of a CommonJS module may; everything else is TypeScript without JSX.
///
/// Blocks the calling thread: some 0.1 ms for a rule, some 50 ms per MiB, and up to seconds for what is made to be
/// slow. Call it on a thread that no other run waits for.
///
/// # Errors
/// The syntax errors found, at most ten and at least one; among them what cannot be run by
/// dropping types (decorators), sources over 4 MiB, and sources that nest deeper than 4,096
/// operators, keywords and brackets.
pub fn strip(file_name: &str, source: &str) -> Result<Stripped, Vec<SyntaxProblem>> {
    let goal = if Path::new(file_name)
        .extension()
        .is_some_and(|extension| extension == "cts")
    {
        Goal::CommonJs
    } else {
        Goal::Module
    };
    on_big_stack(source, || transform(source, goal))
}

/// What a source is to become.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    Module,
    /// It may `return`.
    CommonJs,
    /// An input of a session: imports are kept, for what uses them may come later.
    Input,
}

/// Works through a source by recursion, on a thread whose stack is large enough for it.
fn on_big_stack<T: Send>(
    source: &str,
    work: impl FnOnce() -> Result<T, Vec<SyntaxProblem>> + Send,
) -> Result<T, Vec<SyntaxProblem>> {
    let problem = |span: std::ops::Range<usize>, message: String, help: &str| {
        let (line, column, length) = LineIndex::new(source).characters(span);
        vec![SyntaxProblem {
            message,
            help: (!help.is_empty()).then(|| help.to_owned()),
            line,
            column,
            length,
        }]
    };
    if source.len() > MAX_SOURCE {
        let message = format!("this file is larger than {} MiB", MAX_SOURCE >> 20);
        return Err(problem(0..1, message, "split it into modules"));
    }
    let weight = match nesting::max_depth(source, MAX_NESTING) {
        Ok(weight) => weight,
        Err(Refusal::TooManyAngles(at)) => {
            return Err(problem(
                at..at + 1,
                "too many `<` in one statement".to_owned(),
                "split the statement",
            ));
        }
        // Every nesting token has at least one byte. The parser will say better what is wrong.
        Err(_) if source.len() <= MAX_NESTING => source.len(),
        Err(Refusal::TooDeep(at)) => {
            return Err(problem(
                at..at + 1,
                format!("this nests more than {MAX_NESTING} operators and brackets in one another"),
                "split it into several statements, or load the data with JSON.parse",
            ));
        }
        Err(Refusal::Ambiguous(at)) => {
            return Err(problem(
                at..at + 1,
                "in a file this large it is not clear what this is: an operator, or the start of a regular \
                 expression or comment"
                    .to_owned(),
                "put a regular expression in parentheses, spaces between operators",
            ));
        }
        Err(Refusal::Unbalanced(at)) => {
            let message = match source[at..].chars().next() {
                Some(bracket) => format!("unexpected `{bracket}`"),
                None => "a bracket is never closed".to_owned(),
            };
            return Err(problem(at..at + 1, message, ""));
        }
        Err(Refusal::Unterminated(span)) => {
            return Err(problem(span, "this literal never ends".to_owned(), ""));
        }
    };

    let failed = |message: String| problem(0..1, message, "");
    thread::scope(|scope| {
        thread::Builder::new()
            .name("cla-typescript".to_owned())
            .stack_size(STACK_BASE + weight * STACK_PER_TOKEN)
            .spawn_scoped(scope, work)
            .map_err(|error| failed(format!("no thread to translate TypeScript: {error}")))?
            .join()
            .unwrap_or_else(|_| {
                Err(failed(
                    "this file makes the TypeScript translator fail".to_owned(),
                ))
            })
    })
}

/// Parses, checks, transforms and prints, all of it by recursion: call it with enough stack.
fn transform(source: &str, goal: Goal) -> Result<Stripped, Vec<SyntaxProblem>> {
    let allocator = Allocator::default();
    // Parsed as a module, whether it is one or not, so that `await` works at the top of a script, too.
    let parsed = Parser::new(&allocator, source, SourceType::ts().with_module(true))
        .with_options(ParseOptions {
            allow_return_outside_function: goal == Goal::CommonJs,
            // The printer knows which parentheses are due.
            preserve_parens: false,
            ..ParseOptions::default()
        })
        .parse();
    report(source, parsed.diagnostics).map_err(|problems| match jsx::place(source, true) {
        Some(place) => vec![jsx::problem(source, place)],
        None => problems,
    })?;
    let exports = exported(&parsed.module_record);
    let mut program = parsed.program;

    let checked = SemanticBuilder::new_compiler()
        .with_check_syntax_error(true)
        .with_build_nodes(true)
        .with_enum_eval(true)
        .build(&program);
    report(source, checked.diagnostics)?;
    let unsupported = checked
        .semantic
        .nodes()
        .iter()
        .filter_map(|node| match node.kind() {
            AstKind::Decorator(decorator) => Some(
                OxcDiagnostic::error("decorators are not supported")
                    .with_help("call the decorator as a function")
                    .with_label(decorator.span()),
            ),
            _ => None,
        })
        .collect::<Vec<_>>();
    report(source, unsupported)?;

    let mut scoping = checked.semantic.into_scoping();
    if source.contains("namespace") && namespaces::write_out(&allocator, &mut program, &scoping) {
        let again = SemanticBuilder::new_compiler()
            .with_enum_eval(true)
            .build(&program);
        scoping = again.semantic.into_scoping();
    }

    let mut options = TransformOptions::default();
    // Makes properties that are declared with `accessor`. Decorators were refused.
    options.decorator.legacy = true;
    options.typescript.only_remove_type_imports = goal == Goal::Input;
    // `export =` and `import x = require()` become CommonJS.
    let is_commonjs = program.body.iter().any(|statement| {
        matches!(
            statement,
            Statement::TSExportAssignment(_) | Statement::TSImportEqualsDeclaration(_)
        )
    });
    let declares = parsed.module_record.has_module_syntax && !is_commonjs;
    let transformed = Transformer::new(&allocator, Path::new("rule.ts"), &options)
        .build_with_scoping(scoping, &mut program);
    report(source, transformed.diagnostics)?;
    let declares = declares || program.body.iter().any(is_module_declaration);
    let (imports, has_attributes) = (imports(&program.body), has_attributes(&program.body));

    let printed = Codegen::new()
        .with_options(CodegenOptions {
            comments: CommentOptions::disabled(),
            // Indentation would make the code grow with the square of the nesting.
            indent_width: 0,
            source_map_path: Some("rule.ts".into()),
            ..CodegenOptions::default()
        })
        .build(&program);
    let positions = printed
        .map
        .map(|map| {
            let mappings = map.get_tokens().map(|token| {
                [
                    token.get_dst_line(),
                    token.get_dst_col(),
                    token.get_src_line(),
                    token.get_src_col(),
                ]
            });
            PositionMap::new(source, &printed.code, mappings)
        })
        .unwrap_or_default();
    let awaits =
        !declares && printed.code.contains("await") && js_shape(&printed.code, false).is_none();
    let shape = Shape {
        declares,
        awaits,
        imports,
        has_attributes,
        commonjs: commonjs_of(&program, source, declares),
    };
    Ok(Stripped {
        code: printed.code.into(),
        positions,
        exports,
        shape,
    })
}

fn exported(record: &ModuleRecord<'_>) -> Option<Vec<String>> {
    if !record.has_module_syntax || !record.star_export_entries.is_empty() {
        return None;
    }
    Some(named(record))
}

/// The names that a module exports, but for those that it has from another one without naming them.
fn named(record: &ModuleRecord<'_>) -> Vec<String> {
    let entries = record
        .local_export_entries
        .iter()
        .chain(&record.indirect_export_entries);
    let names =
        entries
            .filter(|entry| !entry.is_type)
            .filter_map(|entry| match &entry.export_name {
                ExportExportName::Name(name) => Some(name.name.to_string()),
                ExportExportName::Default(_) => Some("default".to_owned()),
                ExportExportName::Null => None,
            });
    names.collect()
}

/// Fails with the errors among `diagnostics`.
fn report(
    source: &str,
    diagnostics: impl IntoIterator<Item = OxcDiagnostic>,
) -> Result<(), Vec<SyntaxProblem>> {
    let index = LineIndex::new(source);
    let mut problems = diagnostics
        .into_iter()
        .filter(is_error)
        .take(MAX_PROBLEMS)
        .map(|diagnostic| advice::problem(source, &index, &diagnostic))
        .collect::<Vec<_>>();
    // The parser may stumble twice over one thing.
    let mut seen = HashSet::new();
    problems.retain(|problem| seen.insert((problem.line, problem.column)));
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests;
