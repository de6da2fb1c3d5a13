//! Which semaphores a script takes while it holds others, as far as calls of `take` and `region` say so directly:
//! `sem.take("a", () => { ... sem.take("b", ...) ... })`. What a rule exports as `semaphore` is held while its default
//! export runs.
//!
//! What other functions do is not looked at, because they may run at any time.

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::{
    Argument, BindingPattern, CallExpression, Declaration, ExportDefaultDeclarationKind,
    Expression, ObjectExpression, ObjectPropertyKind, Program, Statement,
};
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::{GetSpan, SourceType, Span};

use super::facts::{Call, Take};
use super::on_big_stack;
use super::positions::LineIndex;
use crate::error::source::SyntaxProblem;

/// Finds them, in the order of the source, after what the rule exports; and the rules that are called by a call of `run`.
/// Finds nothing in a source that does not parse. `calls` says whether calls of `take` and `region` mean semaphores at all:
/// others have methods of such names, too.
pub fn lock_order(source: &str, calls: bool) -> (Vec<Take>, Vec<Call>) {
    if !calls && !source.contains("semaphore") {
        return Default::default();
    }
    on_big_stack(source, || Ok::<_, Vec<SyntaxProblem>>(found(source, calls))).unwrap_or_default()
}

fn found(source: &str, with_calls: bool) -> (Vec<Take>, Vec<Call>) {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::ts().with_module(true)).parse();
    if !parsed.diagnostics.is_empty() {
        return Default::default();
    }
    let semantic = SemanticBuilder::new_compiler()
        .with_build_nodes(true)
        .build(&parsed.program)
        .semantic;
    let nodes = semantic.nodes();
    let index = LineIndex::new(source);
    let mut lock_order: Vec<Take> = Vec::new();
    let mut calls: Vec<Span> = Vec::new();
    let mut called: Vec<Call> = Vec::new();
    let runs_rules = source.contains("cla/rule");
    // Its place in the list is 0, and the "call" around which it is held is the default export.
    let exported = exported(&parsed.program);
    let is_exported = exported.is_some();
    if let Some(exported) = exported {
        calls.push(default_function(&parsed.program).unwrap_or_default());
        lock_order.push(take(&index, exported, Vec::new()));
    }
    if !with_calls {
        return (lock_order, called);
    }
    for node in nodes.iter() {
        let AstKind::CallExpression(call) = node.kind() else {
            continue;
        };
        let found = read(call);
        let rule = called_rule(call).filter(|_| runs_rules);
        if found.is_none() && rule.is_none() {
            continue;
        }
        // Outwards, through nothing but callbacks of such calls: what is in any other function happens some other time.
        let mut within = Vec::new();
        let mut function: Option<Span> = None;
        for ancestor in nodes.ancestors(node.id()) {
            let inner = match ancestor.kind() {
                AstKind::Function(inner) => Some(inner.span),
                AstKind::ArrowFunctionExpression(inner) => Some(inner.span),
                _ => None,
            };
            if let Some(inner) = inner {
                if function.replace(inner).is_some() {
                    break;
                }
                if is_exported && calls.first() == Some(&inner) {
                    within.insert(0, 0);
                }
            } else if let AstKind::CallExpression(outer) = ancestor.kind() {
                let last = outer.arguments.last().map(GetSpan::span);
                if let Some(callback) = function
                    && last == Some(callback)
                    && let Some(at) = calls.iter().position(|call| *call == outer.span)
                {
                    function = None;
                    within.insert(0, at);
                }
            }
        }
        if let Some((file, name)) = rule {
            let (line, column, length) = index.characters(name.start as usize..name.end as usize);
            called.push(Call {
                file,
                at: (line, column),
                length,
                within: within.clone(),
            });
        }
        if let Some(found) = found {
            calls.push(call.span);
            lock_order.push(take(&index, found, within));
        }
    }
    (lock_order, called)
}

/// The file of the rule that a call runs: `rule.run("other.yml")`, `run("other.yml")`.
fn called_rule(call: &CallExpression<'_>) -> Option<(String, Span)> {
    let is_run = match &call.callee {
        Expression::StaticMemberExpression(member) => member.property.name == "run",
        Expression::Identifier(name) => name.name == "run",
        _ => false,
    };
    match call.arguments.first() {
        Some(Argument::StringLiteral(file)) if is_run => Some((file.value.to_string(), file.span)),
        _ => None,
    }
}

/// A semaphore, where its name stands, and whether its only slot is waited for for ever.
type Found = (String, Span, bool);

fn take(index: &LineIndex<'_>, found: Found, within: Vec<usize>) -> Take {
    let (semaphore, name, one_slot_for_ever) = found;
    let (line, column, length) = index.characters(name.start as usize..name.end as usize);
    Take {
        semaphore,
        at: (line, column),
        length,
        one_slot_for_ever,
        within,
    }
}

/// What `export const semaphore = ...` names.
fn exported(program: &Program<'_>) -> Option<Found> {
    program.body.iter().find_map(|statement| {
        let Statement::ExportDeclaration(export) = statement else {
            return None;
        };
        let Declaration::VariableDeclaration(variables) = &export.declaration else {
            return None;
        };
        variables.declarations.iter().find_map(|variable| {
            let BindingPattern::BindingIdentifier(name) = &variable.id else {
                return None;
            };
            if name.name != "semaphore" {
                return None;
            }
            match variable.init.as_ref()?.get_inner_expression() {
                Expression::StringLiteral(name) => Some((name.value.to_string(), name.span, true)),
                Expression::ObjectExpression(object) => {
                    let (name, span) = key(object)?;
                    Some((name, span, waits_for_ever(object)))
                }
                _ => None,
            }
        })
    })
}

/// Where the function is that a rule exports as its default.
fn default_function(program: &Program<'_>) -> Option<Span> {
    program.body.iter().find_map(|statement| {
        let Statement::ExportDefaultDeclaration(export) = statement else {
            return None;
        };
        match &export.declaration {
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => Some(function.span),
            other => match other.as_expression()?.get_inner_expression() {
                Expression::ArrowFunctionExpression(function) => Some(function.span),
                Expression::FunctionExpression(function) => Some(function.span),
                _ => None,
            },
        }
    })
}

/// The `key` of the options of a semaphore.
fn key(options: &ObjectExpression<'_>) -> Option<(String, Span)> {
    let key = options
        .properties
        .iter()
        .find_map(|property| match property {
            ObjectPropertyKind::ObjectProperty(property)
                if property.key.is_specific_static_name("key") =>
            {
                Some(&property.value)
            }
            _ => None,
        });
    match key {
        Some(Expression::StringLiteral(name)) => Some((name.value.to_string(), name.span)),
        _ => None,
    }
}

/// Whether these options ask for one slot, without a time limit.
fn waits_for_ever(options: &ObjectExpression<'_>) -> bool {
    options.properties.iter().all(|property| match property {
        ObjectPropertyKind::ObjectProperty(property) => {
            let one = matches!(
                &property.value,
                Expression::NumericLiteral(number) if number.value == 1.0
            );
            !property.key.is_specific_static_name("timeout")
                && (one || !property.key.is_specific_static_name("slots"))
        }
        ObjectPropertyKind::SpreadProperty(_) => false,
    })
}

/// The semaphore that a call takes.
fn read(call: &CallExpression<'_>) -> Option<Found> {
    let function = match &call.callee {
        Expression::StaticMemberExpression(member) => member.property.name.as_str(),
        Expression::Identifier(name) => name.name.as_str(),
        _ => return None,
    };
    if !matches!(function, "take" | "region") {
        return None;
    }
    let (first, options) = match call.arguments.as_slice() {
        [first, _callback] => (first, first),
        [first, options, _callback] => (first, options),
        _ => return None,
    };
    let (name, span) = match first {
        Argument::StringLiteral(name) => (name.value.to_string(), name.span),
        Argument::ObjectExpression(object) => key(object)?,
        _ => return None,
    };
    let for_ever = match options {
        Argument::ObjectExpression(object) => waits_for_ever(object),
        Argument::StringLiteral(_) => true,
        // Who knows what is in there.
        _ => false,
    };
    Some((name, span, for_ever))
}

#[cfg(test)]
mod tests {
    use super::lock_order;

    /// Each take with the ones around it.
    fn found(body: &str) -> Vec<String> {
        let source = format!("const sem = require('cla/sem');\n{body}");
        let (all, _) = lock_order(&source, true);
        all.iter()
            .map(|take| {
                let around = take.within.iter().map(|at| all[*at].semaphore.as_str());
                let mut way: Vec<&str> = around.collect();
                way.push(&take.semaphore);
                let mark = if take.one_slot_for_ever { "" } else { "?" };
                format!("{}:{} {}{mark}", take.at.0, take.at.1, way.join(">"))
            })
            .collect()
    }

    #[test]
    fn takes_within_takes_are_found_with_their_places() {
        assert_eq!(
            found(
                "sem.take('a', () => {\n  sem.take('b', function () { take('c', () => 1) });\n});"
            ),
            ["2:10 a", "3:12 a>b", "3:36 a>b>c"]
        );
        assert_eq!(
            found(
                "region({ key: 'a', name: 'x' }, async () => { for (const x of y) await sem.take('b', { timeout: 1 }, f) })"
            ),
            ["2:15 a", "2:81 a>b?"]
        );
    }

    #[test]
    fn an_exported_semaphore_is_held_around_the_default_export() {
        assert_eq!(
            found(
                "export const semaphore = 'a';\nexport default () => sem.take('b', () => sem.take('c', f));"
            ),
            ["2:26 a", "3:31 a>b", "3:51 a>b>c"]
        );
        assert_eq!(
            found(
                "sem.take('z', f);\nexport default async function rule() { for (;;) await sem.take('b', f); }\nexport const semaphore = { key: 'a', timeout: '1m' } as const;"
            ),
            ["4:33 a?", "2:10 z", "3:64 a>b"]
        );
        assert_eq!(
            found("export const semaphore = name; export default () => sem.take('b', f)"),
            ["2:62 b"]
        );
        assert_eq!(
            found(
                "export const semaphore = 'a';\nexport default class { f() { sem.take('b', f) } }"
            ),
            ["2:26 a", "3:39 b"]
        );
    }

    #[test]
    fn what_another_function_does_is_not_within() {
        assert_eq!(
            found("sem.take('a', () => { setTimeout(() => sem.take('b', f), 1) })"),
            ["2:10 a", "2:49 b"]
        );
        assert_eq!(
            found("sem.take('a', () => { function g() { sem.take('b', f) } })"),
            ["2:10 a", "2:47 b"]
        );
    }

    #[test]
    fn what_cannot_be_known_is_left_out() {
        assert_eq!(
            found("sem.take(name, () => 1); other.take('x'); list.take(3, 4)"),
            [""; 0]
        );
        assert_eq!(
            found(
                "sem.take('a', { slots: 2 }, f); sem.take('b', options, f); sem.take('c', { slots: 1 }, f)"
            ),
            ["2:10 a?", "2:42 b?", "2:69 c"]
        );
        let (none, _) = lock_order("require('cla/sem').take('a', () => {", true);
        assert!(none.is_empty());
        let (found, _) = lock_order("export const semaphore = 'a'; list.take('b', f)", false);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn rules_that_are_called_are_found_with_what_is_held() {
        let source = "import { run } from 'cla/rule';
run('first.yml');
export const semaphore = 'a';
export default () => sem.take('b', () => { run('dir/second.js'); other(() => rule.run('third.yml')) });
run(name); walk('x.yml');";
        let (takes, calls) = lock_order(source, true);
        let found = calls.iter().map(|call| {
            let within = call.within.iter().map(|at| takes[*at].semaphore.as_str());
            format!(
                "{}:{} {} in [{}]",
                call.at.0,
                call.at.1,
                call.file,
                within.collect::<Vec<_>>().join(">")
            )
        });
        assert_eq!(
            found.collect::<Vec<_>>(),
            [
                "2:5 first.yml in []",
                "4:48 dir/second.js in [a>b]",
                "4:87 third.yml in []"
            ]
        );
    }
}
