//! Who awaits an asynchronous function, as far as the source alone tells: after an `await`, QuickJS knows no caller any more.

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    ArrowFunctionExpression, AwaitExpression, BindingPattern, CallExpression, ExportSpecifier,
    Expression, Function, IdentifierReference, MethodDefinition, ObjectProperty,
    VariableDeclarator,
};
use oxc::ast_visit::{Visit, walk};
use oxc::parser::{ParseOptions, Parser};
use oxc::span::{GetSpan, SourceType, Span};
use oxc::syntax::scope::ScopeFlags;

use super::facts::{Use, Uses};
use super::on_big_stack;
use super::positions::LineIndex;
use crate::error::source::SyntaxProblem;

/// Looks for the uses of a name in JavaScript or TypeScript. Nothing for what does not parse.
pub(crate) fn uses(source: &str, name: &str) -> Uses {
    if !source.contains(name) {
        return Uses::default();
    }
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
            name,
            index: LineIndex::new(source),
            next_name: None,
            within: Vec::new(),
            is_awaited: false,
            callee: None,
            uses: Uses::default(),
        };
        finder.visit_program(&parsed.program);
        Ok::<_, Vec<SyntaxProblem>>(finder.uses)
    });
    found.unwrap_or_default()
}

struct Finder<'s> {
    name: &'s str,
    index: LineIndex<'s>,
    /// The name of the function that comes next.
    next_name: Option<String>,
    within: Vec<Option<String>>,
    is_awaited: bool,
    callee: Option<Span>,
    uses: Uses,
}

impl Finder<'_> {
    fn function(&mut self, own: Option<String>, is_async: bool, work: impl FnOnce(&mut Self)) {
        let name = own.or_else(|| self.next_name.take());
        self.next_name = None;
        if name.as_deref() == Some(self.name) {
            self.uses.made += 1;
            self.uses.asynchronous += u32::from(is_async);
        }
        self.within.push(name);
        let around = std::mem::replace(&mut self.is_awaited, false);
        work(self);
        self.is_awaited = around;
        self.within.pop();
    }
}

impl<'a> Visit<'a> for Finder<'_> {
    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        let own = it.id.as_ref().map(|id| id.name.to_string());
        self.function(own, it.r#async, |finder| {
            walk::walk_function(finder, it, flags);
        });
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.function(None, it.r#async, |finder| {
            walk::walk_arrow_function_expression(finder, it);
        });
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if let (
            BindingPattern::BindingIdentifier(id),
            Some(Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_)),
        ) = (&it.id, &it.init)
        {
            self.next_name = Some(id.name.to_string());
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_object_property(&mut self, it: &ObjectProperty<'a>) {
        let is_function = matches!(
            it.value,
            Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_)
        );
        if it.shorthand {
            // Exports are written so.
            return;
        }
        if is_function {
            self.next_name = it.key.static_name().map(|name| name.to_string());
            self.visit_expression(&it.value);
        } else {
            walk::walk_object_property(self, it);
        }
    }

    fn visit_method_definition(&mut self, it: &MethodDefinition<'a>) {
        self.next_name = it.key.static_name().map(|name| name.to_string());
        self.visit_function(&it.value, ScopeFlags::Function);
    }

    fn visit_export_specifier(&mut self, _: &ExportSpecifier<'a>) {}

    fn visit_await_expression(&mut self, it: &AwaitExpression<'a>) {
        let around = std::mem::replace(&mut self.is_awaited, true);
        walk::walk_await_expression(self, it);
        self.is_awaited = around;
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        let is_it = match &it.callee {
            Expression::Identifier(callee) => callee.name == self.name,
            Expression::StaticMemberExpression(member) => member.property.name == self.name,
            _ => false,
        };
        if is_it {
            let span = it.callee.span();
            let (line, column, _) = self
                .index
                .characters(span.start as usize..span.end as usize);
            self.uses.calls.push(Use {
                at: (line, column),
                is_awaited: self.is_awaited,
                within: self.within.last().cloned(),
            });
            self.callee = Some(span);
        }
        walk::walk_call_expression(self, it);
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        if it.name == self.name && self.callee != Some(it.span) {
            self.uses.named += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::uses;

    #[test]
    fn calls_are_found_with_what_is_around_them() {
        let source = "async function load() { await null }\nconst main = async () => { await load() };\n\
                      const o = { async run() { await Promise.all([main()]); main } };\nawait o.run();";
        let found = |name| {
            let uses = uses(source, name);
            let calls = uses.calls.into_iter();
            let calls = calls.map(|one| (one.at, one.is_awaited, one.within));
            (
                uses.made,
                uses.asynchronous,
                uses.named,
                calls.collect::<Vec<_>>(),
            )
        };
        let within = |name: &str| Some(Some(name.to_owned()));
        assert_eq!(
            found("load"),
            (1, 1, 0, vec![((2, 34), true, within("main"))])
        );
        assert_eq!(
            found("main"),
            (1, 1, 1, vec![((3, 46), true, within("run"))])
        );
        assert_eq!(found("run"), (1, 1, 0, vec![((4, 7), true, None)]));
    }
}
