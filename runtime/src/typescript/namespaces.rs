//! Namespaces that are declared in several parts.
//!
//! What one part exports, the others see by its name alone: `namespace A { export const x = 1 } namespace A { x + 1 }`. Each
//! part becomes a function of its own, so such a name is written out here: `A.x`.

use std::collections::{HashMap, HashSet};

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    BindingPattern, Declaration, Expression, IdentifierName, ObjectProperty, Program, Statement,
    TSNamespaceDeclaration, TSNamespaceDeclarationBody,
};
use oxc::ast::builder::AstBuilder;
use oxc::ast_visit::{Visit, VisitMut, walk, walk_mut};
use oxc::semantic::{ReferenceId, Scoping};
use oxc::span::GetSpan;

/// Writes out the names that other parts of a namespace export. Says whether there were any.
pub(super) fn write_out<'a>(
    allocator: &'a Allocator,
    program: &mut Program<'a>,
    scoping: &Scoping,
) -> bool {
    let mut parts = Parts::default();
    parts.visit_program(program);
    if !parts.of.values().any(|part| part.count > 1) {
        return false;
    }
    let unresolved = scoping.root_unresolved_references_ids().flatten();
    let mut writer = Writer {
        allocator,
        builder: AstBuilder::new(allocator),
        parts: parts.of,
        unresolved: unresolved.collect(),
        way: Vec::new(),
        changed: false,
    };
    writer.visit_program(program);
    writer.changed
}

/// The parts of one namespace.
#[derive(Default)]
struct Part {
    count: usize,
    exports: HashSet<String>,
}

/// The namespaces of a program, by the names that lead to them.
#[derive(Default)]
struct Parts {
    of: HashMap<Vec<String>, Part>,
    way: Vec<String>,
}

impl<'a> Visit<'a> for Parts {
    fn visit_ts_namespace_declaration(&mut self, namespace: &TSNamespaceDeclaration<'a>) {
        self.way.push(namespace.id.name.to_string());
        let part = self.of.entry(self.way.clone()).or_default();
        part.count += 1;
        match &namespace.body {
            TSNamespaceDeclarationBody::TSNamespaceDeclaration(inner) => {
                part.exports.insert(inner.id.name.to_string());
            }
            TSNamespaceDeclarationBody::TSModuleBlock(block) => {
                for statement in &block.body {
                    if let Statement::ExportDeclaration(export) = statement {
                        part.exports.extend(declared(&export.declaration));
                    }
                }
            }
        }
        walk::walk_ts_namespace_declaration(self, namespace);
        self.way.pop();
    }
}

/// The names of values that a declaration declares.
fn declared(declaration: &Declaration<'_>) -> Vec<String> {
    let one = match declaration {
        Declaration::VariableDeclaration(variables) => {
            let names = variables
                .declarations
                .iter()
                .filter_map(|one| match &one.id {
                    BindingPattern::BindingIdentifier(name) => Some(name.name.to_string()),
                    _ => None,
                });
            return names.collect();
        }
        Declaration::FunctionDeclaration(function) => function.id.as_ref(),
        Declaration::ClassDeclaration(class) => class.id.as_ref(),
        Declaration::TSEnumDeclaration(it) => Some(&it.id),
        Declaration::TSNamespaceDeclaration(it) => Some(&it.id),
        _ => None,
    };
    one.map(|name| name.name.to_string()).into_iter().collect()
}

struct Writer<'a> {
    allocator: &'a Allocator,
    builder: AstBuilder<'a>,
    parts: HashMap<Vec<String>, Part>,
    /// References to names that are declared nowhere around them.
    unresolved: HashSet<ReferenceId>,
    way: Vec<String>,
    changed: bool,
}

impl Writer<'_> {
    /// The names that lead to the namespace around which exports this name in another part, innermost first.
    fn owner(&self, name: &str) -> Option<&[String]> {
        let mut ways = (1..=self.way.len()).rev().map(|length| &self.way[..length]);
        ways.find(|way| {
            let part = self.parts.get(*way);
            part.is_some_and(|part| part.count > 1 && part.exports.contains(name))
        })
    }
}

impl<'a> VisitMut<'a> for Writer<'a> {
    fn visit_ts_namespace_declaration(&mut self, namespace: &mut TSNamespaceDeclaration<'a>) {
        self.way.push(namespace.id.name.to_string());
        walk_mut::walk_ts_namespace_declaration(self, namespace);
        self.way.pop();
    }

    fn visit_object_property(&mut self, property: &mut ObjectProperty<'a>) {
        walk_mut::walk_object_property(self, property);
        if !matches!(property.value, Expression::Identifier(_)) {
            property.shorthand = false;
        }
    }

    fn visit_expression(&mut self, expression: &mut Expression<'a>) {
        walk_mut::walk_expression(self, expression);
        let Expression::Identifier(name) = &*expression else {
            return;
        };
        let is_unresolved = name
            .reference_id
            .get()
            .is_some_and(|id| self.unresolved.contains(&id));
        if !is_unresolved {
            return;
        }
        let Some(way) = self.owner(name.name.as_str()) else {
            return;
        };
        let span = expression.span();
        let mut names: Vec<String> = way.to_vec();
        names.push(name.name.to_string());
        let mut names = names.into_iter();
        let Some(first) = names.next() else {
            return;
        };
        let first: &'a str = self.allocator.alloc_str(&first);
        let mut written = Expression::new_identifier(span, first, &self.builder);
        for name in names {
            let name: &'a str = self.allocator.alloc_str(&name);
            let property = IdentifierName::new(span, name, &self.builder);
            written = Expression::new_static_member_expression(
                span,
                written,
                property,
                false,
                &self.builder,
            );
        }
        *expression = written;
        self.changed = true;
    }
}
