//! Which names a CommonJS module exports, found without running it: what Node.js's own lexer finds, for
//! `import { name } from "package"`.
//!
//! As there, it is the text that counts: an assignment to `exports.name` exports it wherever it stands. A name too many is
//! `undefined` when it is imported; one too few is an error, so in doubt a name is taken.

use std::collections::{HashMap, HashSet};

use oxc::ast::ast::{
    Argument, AssignmentExpression, AssignmentTarget, BindingPattern, CallExpression, Expression,
    ObjectExpression, ObjectPropertyKind, Program, VariableDeclarator,
};
use oxc::ast_visit::{Visit, walk};

use super::facts::CommonJs;

/// Looks through a module by recursion: call it with enough stack.
pub(super) fn exports(program: &Program<'_>) -> CommonJs {
    let mut finder = Finder::default();
    finder.visit_program(program);
    finder.found
}

#[derive(Default)]
struct Finder {
    found: CommonJs,
    known: HashSet<String>,
    /// Variables that are what `require` gave, with the modules.
    required: HashMap<String, String>,
}

impl Finder {
    fn name(&mut self, name: &str) {
        if self.known.insert(name.to_owned()) {
            self.found.names.push(name.to_owned());
        }
    }

    fn all_of(&mut self, specifier: &str) {
        if !self.found.all_of.iter().any(|known| known == specifier) {
            self.found.all_of.push(specifier.to_owned());
        }
    }

    /// What `require("x")`, a variable that is that, or a call that is given one of them, is about.
    fn module_of<'e>(&'e self, value: &'e Expression<'_>) -> Option<&'e str> {
        match value.without_parentheses() {
            Expression::CallExpression(call) => match call.common_js_require() {
                Some(specifier) => Some(specifier.value.as_str()),
                // `_interopRequireWildcard(require("x"))`
                None => self.module_of(call.arguments.first()?.as_expression()?),
            },
            Expression::Identifier(name) => {
                self.required.get(name.name.as_str()).map(String::as_str)
            }
            _ => None,
        }
    }

    /// `module.exports = value`
    fn whole(&mut self, value: &Expression<'_>) {
        match value.without_parentheses() {
            Expression::ObjectExpression(object) => self.object(object),
            Expression::CallExpression(call) => {
                if let Some(specifier) = call.common_js_require() {
                    self.all_of(specifier.value.as_str());
                }
            }
            Expression::Identifier(_) => {
                if let Some(specifier) = self.module_of(value).map(str::to_owned) {
                    self.all_of(&specifier);
                }
            }
            Expression::AssignmentExpression(assignment) => self.whole(&assignment.right),
            _ => {}
        }
    }

    fn object(&mut self, object: &ObjectExpression<'_>) {
        for property in &object.properties {
            match property {
                ObjectPropertyKind::ObjectProperty(property) => {
                    if let Some(name) = property.key.static_name()
                        && !property.computed
                    {
                        self.name(&name);
                    }
                }
                ObjectPropertyKind::SpreadProperty(spread) => {
                    if let Some(specifier) = self.module_of(&spread.argument).map(str::to_owned) {
                        self.all_of(&specifier);
                    }
                }
            }
        }
    }

    /// `__exportStar(require("x"), exports)`, `Object.defineProperty(exports, "name", ...)`, and what Babel makes of
    /// `export *`: `Object.keys(_x).forEach(function (key) { exports[key] = _x[key] })`.
    fn call(&mut self, call: &CallExpression<'_>) {
        let callee = match &call.callee {
            Expression::Identifier(name) => Some(name.name.as_str()),
            other => other
                .as_member_expression()
                .and_then(|member| member.static_property_name()),
        };
        let first = call.arguments.first().and_then(Argument::as_expression);
        match callee {
            Some("__exportStar" | "__export" | "__reExport") => {
                // The one of esbuild has the module as its second argument.
                let mut arguments = call.arguments.iter().filter_map(Argument::as_expression);
                let specifier =
                    arguments.find_map(|value| self.module_of(value).map(str::to_owned));
                if let Some(specifier) = specifier {
                    self.all_of(&specifier);
                }
                // `__export(target, { name: () => name })`, also of esbuild, is followed by `module.exports`.
            }
            Some("defineProperty") if first.is_some_and(is_exports) => {
                if let Some(Argument::StringLiteral(name)) = call.arguments.get(1) {
                    self.name(name.value.as_str());
                }
            }
            Some("forEach") => {
                let keys = call
                    .callee
                    .as_member_expression()
                    .map(|member| member.object());
                let Some(Expression::CallExpression(keys)) = keys else {
                    return;
                };
                let is_keys = keys
                    .callee
                    .as_member_expression()
                    .is_some_and(|member| member.is_specific_member_access("Object", "keys"));
                let of = keys.arguments.first().and_then(Argument::as_expression);
                if let (true, Some(of)) = (is_keys, of)
                    && let Some(specifier) = self.module_of(of).map(str::to_owned)
                {
                    self.all_of(&specifier);
                }
            }
            _ => {}
        }
    }
}

/// `exports` or `module.exports`.
fn is_exports(value: &Expression<'_>) -> bool {
    match value.without_parentheses() {
        Expression::Identifier(name) => name.name == "exports",
        other => other
            .as_member_expression()
            .is_some_and(|member| member.is_specific_member_access("module", "exports")),
    }
}

impl<'a> Visit<'a> for Finder {
    fn visit_assignment_expression(&mut self, assignment: &AssignmentExpression<'a>) {
        let target = match &assignment.left {
            AssignmentTarget::AssignmentTargetIdentifier(name) if name.name == "exports" => {
                // `exports = module.exports = ...`
                self.whole(&assignment.right);
                None
            }
            other => other
                .as_simple_assignment_target()
                .and_then(|target| target.as_member_expression()),
        };
        if let Some(target) = target {
            if target.is_specific_member_access("module", "exports") {
                self.whole(&assignment.right);
            } else if is_exports(target.object())
                && let Some(name) = target.static_property_name()
            {
                self.name(name);
            }
        }
        walk::walk_assignment_expression(self, assignment);
    }

    fn visit_variable_declarator(&mut self, declarator: &VariableDeclarator<'a>) {
        if let BindingPattern::BindingIdentifier(name) = &declarator.id
            && let Some(value) = &declarator.init
            && let Some(specifier) = self.module_of(value).map(str::to_owned)
        {
            self.required.insert(name.name.to_string(), specifier);
        }
        walk::walk_variable_declarator(self, declarator);
    }

    fn visit_call_expression(&mut self, call: &CallExpression<'a>) {
        self.call(call);
        walk::walk_call_expression(self, call);
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape;

    #[test]
    fn exports_of_commonjs_are_found_without_running_it() {
        for (source, names, all_of) in [
            (
                "exports.a = 1; module.exports.b = 2; exports.a == 3; exports.c == 1",
                "a b",
                "",
            ),
            (
                "exports['a-b'] = exports.c = void 0; x.exports.d = 1",
                "a-b c",
                "",
            ),
            (
                "module.exports = { x, y: 1, 'odd-one': 2, z() {}, ['w' + 1]: 3 };",
                "x y odd-one z",
                "",
            ),
            (
                "Object.defineProperty(exports, '__esModule', { value: true }); exports.default = 1;",
                "__esModule default",
                "",
            ),
            (
                "Object.defineProperty(exports, 'a', { enumerable: true, get: function () { return b.a } });",
                "a",
                "",
            ),
            ("module.exports = require('./a')", "", "./a"),
            (
                "'use strict'; if (p) { module.exports = require('./a') } else { module.exports = require('./b') }",
                "",
                "./a ./b",
            ),
            (
                "const a = require('./a'); module.exports = { ...a, ...require('./b'), c: 1 }",
                "c",
                "./a ./b",
            ),
            (
                "__exportStar(require('./a'), exports); tslib_1.__exportStar(require('./b'), exports)",
                "",
                "./a ./b",
            ),
            (
                "var _a = _interopRequireWildcard(require('./a')); Object.keys(_a).forEach(function (key) { exports[key] = _a[key] })",
                "",
                "./a",
            ),
            ("0 && (module.exports = { a, b });", "a b", ""),
            (
                "(function (g, f) { f(exports) })(this, function (exports) { exports.a = 1 })",
                "a",
                "",
            ),
            ("exports = module.exports = { a: 1 }; return", "a", ""),
            ("var exports = 1; no.thing = 2", "", ""),
        ] {
            let found = shape(source).unwrap_or_else(|| panic!("{source}")).commonjs;
            assert_eq!(found.names.join(" "), names, "{source}");
            assert_eq!(found.all_of.join(" "), all_of, "{source}");
        }
    }
}
