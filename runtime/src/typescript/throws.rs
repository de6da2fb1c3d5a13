//! Where a source throws a value that is no error: QuickJS keeps no place of those.

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    Argument, BindingPattern, CallExpression, CatchClause, Expression, ObjectPropertyKind,
    ThrowStatement,
};
use oxc::ast_visit::{Visit, walk};
use oxc::parser::{ParseOptions, Parser};
use oxc::span::{GetSpan, SourceType, Span};
use serde_json::Value as Json;

use super::facts::Throw;
use super::on_big_stack;
use super::positions::LineIndex;
use super::suspects::text_of;
use crate::error::source::SyntaxProblem;

/// Finds them in JavaScript or TypeScript. Nothing for what does not parse.
pub(crate) fn throws(source: &str, value: &Json) -> Vec<Throw> {
    let found = on_big_stack(source, || {
        let allocator = Allocator::default();
        let kind = SourceType::ts().with_module(true);
        let parsed = Parser::new(&allocator, source, kind)
            .with_options(ParseOptions {
                allow_return_outside_function: true,
                ..ParseOptions::default()
            })
            .parse();
        let mut finder = Finder {
            value,
            caught: Vec::new(),
            found: Vec::new(),
        };
        finder.visit_program(&parsed.program);
        let index = LineIndex::new(source);
        let places = finder.found.into_iter().map(|(span, is_written)| Throw {
            at: index.characters(span.start as usize..span.end as usize),
            is_written,
        });
        Ok::<_, Vec<SyntaxProblem>>(places.collect())
    });
    found.unwrap_or_default()
}

struct Finder<'v> {
    value: &'v Json,
    /// The names of what is caught around this place: throwing it again is not where it was thrown first.
    caught: Vec<String>,
    found: Vec<(Span, bool)>,
}

impl Finder<'_> {
    fn thrown(&mut self, expression: &Expression<'_>) {
        let is_again = matches!(
            expression,
            Expression::Identifier(name) if self.caught.iter().any(|caught| *caught == name.name.as_str())
        );
        if is_again {
            return;
        }
        if let Some(is_written) = may_be(expression, self.value) {
            self.found.push((expression.span(), is_written));
        }
    }
}

impl<'a> Visit<'a> for Finder<'_> {
    fn visit_throw_statement(&mut self, it: &ThrowStatement<'a>) {
        self.thrown(&it.argument);
        walk::walk_throw_statement(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        let rejects = match &it.callee {
            Expression::Identifier(name) => name.name == "reject",
            Expression::StaticMemberExpression(member) => member.property.name == "reject",
            _ => false,
        };
        if rejects && let Some(reason) = it.arguments.first().and_then(Argument::as_expression) {
            self.thrown(reason);
        }
        walk::walk_call_expression(self, it);
    }

    fn visit_catch_clause(&mut self, it: &CatchClause<'a>) {
        let name = it.param.as_ref().and_then(|param| match &param.pattern {
            BindingPattern::BindingIdentifier(name) => Some(name.name.to_string()),
            _ => None,
        });
        let count = self.caught.len();
        self.caught.extend(name);
        walk::walk_catch_clause(self, it);
        self.caught.truncate(count);
    }
}

/// Whether an expression may have a value: `Some(true)` if it is written with it, `None` if it has another one.
fn may_be(expression: &Expression<'_>, value: &Json) -> Option<bool> {
    let equal = |is: bool| is.then_some(true);
    match (expression, value) {
        (Expression::NullLiteral(_), value) => equal(value.is_null()),
        (Expression::BooleanLiteral(literal), value) => {
            equal(value.as_bool() == Some(literal.value))
        }
        (Expression::NumericLiteral(literal), value) => {
            equal(value.as_f64() == Some(literal.value))
        }
        (Expression::StringLiteral(_) | Expression::TemplateLiteral(_), value) => {
            let text = text_of(expression)?;
            equal(text.fits(value.as_str()?))
        }
        (Expression::ObjectExpression(object), Json::Object(fields)) => {
            let mut is_whole = true;
            let mut count = 0;
            for property in &object.properties {
                let ObjectPropertyKind::ObjectProperty(property) = property else {
                    is_whole = false;
                    continue;
                };
                let Some(name) = property.key.static_name() else {
                    is_whole = false;
                    continue;
                };
                count += 1;
                match fields.get(&*name) {
                    Some(field) => _ = may_be(&property.value, field)?,
                    // What is undefined has no field.
                    None => is_whole = false,
                }
            }
            equal(!is_whole || count == fields.len())
        }
        (Expression::ArrayExpression(_), value) => equal(value.is_array()),
        (Expression::ObjectExpression(_), _) => None,
        (Expression::NewExpression(_), _) => None,
        (Expression::CallExpression(call), _) => match &call.callee {
            Expression::Identifier(name) if name.name.ends_with("Error") => None,
            _ => Some(false),
        },
        (Expression::ParenthesizedExpression(inner), _) => may_be(&inner.expression, value),
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::throws;

    #[test]
    fn a_value_is_found_where_it_is_thrown() {
        let source = "try { throw 'a' } catch (e) { throw e }\nthrow { code: 7, why };\nreject(`no ${x}`);\n\
                      throw new Error('a');\nthrow make();";
        let found = |value| {
            let places = throws(source, &value).into_iter();
            let places = places.map(|found| (found.at.0, found.at.1, found.is_written));
            places.collect::<Vec<_>>()
        };
        assert_eq!(found(json!("a")), [(1, 13, true), (5, 7, false)]);
        assert_eq!(
            found(json!({ "code": 7, "why": 1 })),
            [(2, 7, true), (5, 7, false)]
        );
        assert_eq!(found(json!({ "code": 8, "why": 1 })), [(5, 7, false)]);
        assert_eq!(found(json!("no db1")), [(3, 8, true), (5, 7, false)]);
    }
}
