//! Which semaphores a script takes while it holds others, as far as calls of `take` and `region` say so directly:
//! `sem.take("a", () => { ... sem.take("b", ...) ... })`.
//!
//! What other functions do is not looked at, because they may run at any time.

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::{Argument, CallExpression, Expression, ObjectPropertyKind};
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::{GetSpan, SourceType, Span};

use super::on_big_stack;
use super::positions::LineIndex;
use crate::error::source::SyntaxProblem;

/// A semaphore that a script takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    /// Its name.
    pub semaphore: String,
    /// Line and column, from 1, the column in characters; and how many characters.
    pub at: (u32, u32),
    /// The length of the name as it is written, in characters.
    pub length: u32,
    /// Whether it waits for the only slot, without a time limit.
    pub one_slot_for_ever: bool,
    /// The ones that are held then, by their places in the list, outermost first.
    pub within: Vec<usize>,
}

/// Finds them, in the order of the source. Finds nothing in a source that does not parse.
pub fn lock_order(source: &str) -> Vec<Take> {
    on_big_stack(source, || Ok::<_, Vec<SyntaxProblem>>(found(source))).unwrap_or_default()
}

fn found(source: &str) -> Vec<Take> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::ts().with_module(true)).parse();
    if !parsed.diagnostics.is_empty() {
        return Vec::new();
    }
    let semantic = SemanticBuilder::new_compiler()
        .with_build_nodes(true)
        .build(&parsed.program)
        .semantic;
    let nodes = semantic.nodes();
    let index = LineIndex::new(source);
    let mut lock_order: Vec<Take> = Vec::new();
    let mut calls: Vec<Span> = Vec::new();
    for node in nodes.iter() {
        let AstKind::CallExpression(call) = node.kind() else {
            continue;
        };
        let Some((semaphore, name, one_slot_for_ever)) = read(call) else {
            continue;
        };
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
        let (line, column, length) = index.characters(name.start as usize..name.end as usize);
        calls.push(call.span);
        lock_order.push(Take {
            semaphore,
            at: (line, column),
            length,
            one_slot_for_ever,
            within,
        });
    }
    lock_order
}

/// The semaphore that a call takes, where its name stands, and whether it waits for its only slot for ever.
fn read(call: &CallExpression<'_>) -> Option<(String, Span, bool)> {
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
        Argument::ObjectExpression(object) => {
            let key = object
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
                Some(Expression::StringLiteral(name)) => (name.value.to_string(), name.span),
                _ => return None,
            }
        }
        _ => return None,
    };
    let mut for_ever = true;
    match options {
        Argument::ObjectExpression(object) => {
            for property in &object.properties {
                match property {
                    ObjectPropertyKind::ObjectProperty(property) => {
                        let one = matches!(
                            &property.value,
                            Expression::NumericLiteral(number) if number.value == 1.0
                        );
                        for_ever &= !property.key.is_specific_static_name("timeout")
                            && (one || !property.key.is_specific_static_name("slots"));
                    }
                    ObjectPropertyKind::SpreadProperty(_) => for_ever = false,
                }
            }
        }
        Argument::StringLiteral(_) => {}
        // Who knows what is in there.
        _ => for_ever = false,
    }
    Some((name, span, for_ever))
}

#[cfg(test)]
mod tests {
    use super::lock_order;

    /// Each take with the ones around it.
    fn found(body: &str) -> Vec<String> {
        let source = format!("const sem = require('cla/sem');\n{body}");
        let all = lock_order(&source);
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
        assert!(lock_order("require('cla/sem').take('a', () => {").is_empty());
    }
}
