//! What is probably not meant in a script: values given in conditions, code that never runs, names that nothing reads,
//! promises that nothing awaits. And the members of modules that it uses, for those who know the modules.

use oxc::ast::AstKind;
use oxc::ast::ast::{Argument, BindingPattern, CallExpression, Expression, Program, Statement};
use oxc::semantic::{AstNodes, Scoping, Semantic};
use oxc::span::{GetSpan, Span};
use oxc::syntax::node::NodeId;
use oxc::syntax::operator::UnaryOperator;
use oxc::syntax::symbol::SymbolId;

use super::facts::{Lint, Lints, MemberUse};
use super::positions::LineIndex;
use super::semantic::in_semantic;

/// Where a text may use names in ways that cannot be seen.
const OPAQUE: [&str; 3] = ["eval(", "with (", "with("];

/// Looks at a script. Nothing for what does not parse.
pub(crate) fn lints(source: &str) -> Lints {
    in_semantic(source, |semantic, index| found(source, semantic, index))
}

fn found(source: &str, semantic: &Semantic<'_>, index: &LineIndex<'_>) -> Lints {
    let mut look = Look {
        source,
        index,
        nodes: semantic.nodes(),
        scoping: semantic.scoping(),
        program: semantic.nodes().program(),
        lints: Lints::default(),
    };
    for node in look.nodes.iter() {
        look.node(node.id(), node.kind());
    }
    if !OPAQUE.iter().any(|word| source.contains(word)) {
        for symbol in look.scoping.symbol_ids() {
            look.symbol(symbol);
        }
    }
    let mut lints = look.lints;
    lints.found.sort_by_key(|lint| lint.at);
    lints.members.sort_by_key(|member| member.at);
    lints
}

struct Look<'s, 'a> {
    source: &'s str,
    index: &'s LineIndex<'s>,
    nodes: &'s AstNodes<'a>,
    scoping: &'s Scoping,
    program: &'s Program<'a>,
    lints: Lints,
}

impl<'a> Look<'_, 'a> {
    fn add(&mut self, name: &'static str, span: Span, message: String, help: String) {
        let start = span.start as usize;
        let end = span.end as usize;
        // Its first line is enough.
        let line = self.source[start..end].find('\n');
        let end = line.map_or(end, |line| start + line);
        let (line, column, length) = self.index.characters(start..end);
        self.lints.found.push(Lint {
            name,
            message,
            help,
            at: (line, column),
            length,
            line: None,
        });
    }

    fn node(&mut self, id: NodeId, kind: AstKind<'a>) {
        match kind {
            AstKind::IfStatement(it) => self.condition(&it.test),
            AstKind::WhileStatement(it) => self.condition(&it.test),
            AstKind::DoWhileStatement(it) => self.condition(&it.test),
            AstKind::ConditionalExpression(it) => self.condition(&it.test),
            AstKind::ForStatement(it) => {
                if let Some(test) = &it.test {
                    self.condition(test);
                }
            }
            AstKind::Program(it) => self.unreachable(&it.body),
            AstKind::FunctionBody(it) => self.unreachable(&it.statements),
            AstKind::BlockStatement(it) => self.unreachable(&it.body),
            AstKind::SwitchCase(it) => self.unreachable(&it.consequent),
            AstKind::ExpressionStatement(it) => {
                // A script's last expression is its value, which its run awaits.
                let is_last = matches!(self.nodes.parent_kind(id), AstKind::Program(_))
                    && self.program.body.last().map(GetSpan::span) == Some(it.span);
                if !is_last && let Expression::CallExpression(call) = &it.expression {
                    self.call_statement(call);
                }
            }
            _ => {}
        }
    }

    /// `if (a = b)`. With parentheses of its own it is meant.
    fn condition(&mut self, test: &Expression<'a>) {
        if let Expression::AssignmentExpression(given) = test
            && given.operator.is_assign()
        {
            self.add(
                "Assignment",
                given.span,
                "this gives a value, and does not compare".to_owned(),
                "write === to compare; or put it in parentheses of its own".to_owned(),
            );
        }
    }

    fn unreachable(&mut self, statements: &[Statement<'a>]) {
        let ends = |statement: &Statement<'_>| {
            matches!(
                statement,
                Statement::ReturnStatement(_)
                    | Statement::ThrowStatement(_)
                    | Statement::BreakStatement(_)
                    | Statement::ContinueStatement(_)
            )
        };
        let Some(end) = statements.iter().position(ends) else {
            return;
        };
        let runs = |statement: &&Statement<'_>| match statement {
            Statement::FunctionDeclaration(_) | Statement::EmptyStatement(_) => false,
            Statement::VariableDeclaration(variables) => {
                !variables.kind.is_var()
                    || variables.declarations.iter().any(|it| it.init.is_some())
            }
            other => !other.is_typescript_syntax(),
        };
        if let Some(dead) = statements[end + 1..].iter().find(runs) {
            let leaves = statements[end].span().start as usize;
            let (line, ..) = self.index.characters(leaves..leaves);
            self.add(
                "Unreachable",
                dead.span(),
                "this never runs: line {line} leaves before it".to_owned(),
                "remove it, or move it".to_owned(),
            );
            if let Some(lint) = self.lints.found.last_mut() {
                lint.line = Some(line);
            }
        }
    }

    /// A call whose value nothing looks at.
    fn call_statement(&mut self, call: &CallExpression<'a>) {
        let what = match &call.callee {
            Expression::StaticMemberExpression(member)
                if member.property.name == "async"
                    && matches!(
                        &member.object,
                        Expression::StaticMemberExpression(_) | Expression::Identifier(_)
                    ) =>
            {
                member.span
            }
            Expression::Identifier(name) => {
                let reference = self.scoping.get_reference(name.reference_id());
                match reference.symbol_id() {
                    None if name.name == "fetch" => name.span,
                    Some(symbol) if self.is_async(symbol) => name.span,
                    _ => return,
                }
            }
            _ => return,
        };
        let called = &self.source[what.start as usize..what.end as usize];
        let message = format!(
            "nothing awaits the promise of {called}(): what it does may come later, and its failure ends the run"
        );
        let help = "write await before it; or void, if that is meant".to_owned();
        self.add("Promise", what, message, help);
    }

    /// Whether a name is that of an async function.
    fn is_async(&self, symbol: SymbolId) -> bool {
        match self.nodes.kind(self.scoping.symbol_declaration(symbol)) {
            AstKind::Function(function) => function.r#async && !function.generator,
            AstKind::VariableDeclarator(variable) if !self.scoping.symbol_is_mutated(symbol) => {
                match variable.init.as_ref().map(Expression::get_inner_expression) {
                    Some(Expression::ArrowFunctionExpression(function)) => function.r#async,
                    Some(Expression::FunctionExpression(function)) => {
                        function.r#async && !function.generator
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    fn symbol(&mut self, symbol: SymbolId) {
        let declared = self.scoping.symbol_declaration(symbol);
        let name = self.scoping.symbol_name(symbol).to_owned();
        let is_read = self
            .scoping
            .get_resolved_references(symbol)
            .any(|reference| reference.is_read() || !reference.is_value());
        if is_read {
            if let Some(module) = self.module_of(declared) {
                self.members_of(symbol, &module);
            }
            return;
        }
        if name.starts_with('_') || !self.scoping.symbol_redeclarations(symbol).is_empty() {
            return;
        }
        let what = match self.nodes.kind(declared) {
            AstKind::VariableDeclarator(variable)
                if matches!(&variable.id, BindingPattern::BindingIdentifier(_))
                    && self.is_plain_variable(declared) =>
            {
                "variable"
            }
            AstKind::Function(function) if function.is_declaration() => "function",
            AstKind::Class(class) if class.is_declaration() => "class",
            AstKind::ImportSpecifier(_)
            | AstKind::ImportDefaultSpecifier(_)
            | AstKind::ImportNamespaceSpecifier(_) => "import",
            _ => return,
        };
        let is_given_away = self.nodes.ancestor_kinds(declared).take(2).any(|kind| {
            matches!(
                kind,
                AstKind::ExportDeclaration(_)
                    | AstKind::ExportDefaultDeclaration(_)
                    | AstKind::TSModuleBlock(_)
                    | AstKind::TSGlobalDeclaration(_)
            )
        });
        if is_given_away {
            return;
        }
        let help = match what {
            "import" => "remove it".to_owned(),
            _ => format!("remove it; or call it _{name}, if that is meant"),
        };
        self.add(
            "Unused",
            self.scoping.symbol_span(symbol),
            format!("nothing reads the {what} {name}"),
            help,
        );
    }

    /// One that is declared for its value: not by a loop, nor to be given back at the end of a block.
    fn is_plain_variable(&self, declarator: NodeId) -> bool {
        let mut above = self.nodes.ancestor_kinds(declarator);
        let Some(AstKind::VariableDeclaration(variables)) = above.next() else {
            return false;
        };
        let is_elsewhere = match above.next() {
            Some(AstKind::ForInStatement(_) | AstKind::ForOfStatement(_)) => true,
            // A global, which other code may read.
            Some(AstKind::Program(_)) => variables.kind.is_var(),
            _ => false,
        };
        !is_elsewhere && !variables.declare && !variables.kind.is_using()
    }

    /// The module that a name stands for: all of it.
    fn module_of(&self, declared: NodeId) -> Option<String> {
        match self.nodes.kind(declared) {
            AstKind::ImportDefaultSpecifier(_) | AstKind::ImportNamespaceSpecifier(_) => {
                match self.nodes.parent_kind(declared) {
                    AstKind::ImportDeclaration(import) => Some(import.source.value.to_string()),
                    _ => None,
                }
            }
            AstKind::VariableDeclarator(variable) => {
                if !matches!(&variable.id, BindingPattern::BindingIdentifier(_)) {
                    return None;
                }
                let Some(Expression::CallExpression(call)) = &variable.init else {
                    return None;
                };
                match (&call.callee, call.arguments.as_slice()) {
                    (Expression::Identifier(require), [Argument::StringLiteral(module)])
                        if require.name == "require" =>
                    {
                        Some(module.value.to_string())
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The members of a module that are read by the name that stands for it.
    fn members_of(&mut self, symbol: SymbolId, module: &str) {
        if self.scoping.symbol_is_mutated(symbol) {
            return;
        }
        for reference in self.scoping.get_resolved_references(symbol) {
            let at = self.nodes.parent_id(reference.node_id());
            let AstKind::StaticMemberExpression(member) = self.nodes.kind(at) else {
                continue;
            };
            let is_object = member.object.span() == self.nodes.kind(reference.node_id()).span();
            if !is_object || member.optional {
                continue;
            }
            let is_called = match self.nodes.parent_kind(at) {
                // It asks whether there is one.
                AstKind::CallExpression(call) if call.optional => continue,
                AstKind::CallExpression(call) => call.callee.span() == member.span,
                AstKind::UnaryExpression(it) if it.operator == UnaryOperator::Typeof => continue,
                AstKind::AssignmentExpression(it) if it.left.span() == member.span => continue,
                _ => false,
            };
            let name = member.property.span;
            let (line, column, length) = self
                .index
                .characters(name.start as usize..name.end as usize);
            self.lints.members.push(MemberUse {
                module: module.to_owned(),
                name: member.property.name.to_string(),
                is_called,
                at: (line, column),
                length,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::lints;

    fn found(source: &str) -> Vec<String> {
        let found = lints(source).found.into_iter();
        found
            .map(|lint| format!("{} {}:{}+{}", lint.name, lint.at.0, lint.at.1, lint.length))
            .collect()
    }

    #[test]
    fn values_given_in_conditions() {
        assert_eq!(
            found("let a = 1, b = 2; if (a = b) b; while (b = a) a; a ? b : a; (b = 1) ? a : b"),
            ["Assignment 1:23+5", "Assignment 1:40+5"]
        );
        assert_eq!(
            found("let m; while ((m = next())) use(m); for (; m == 1;) m = 2"),
            [""; 0]
        );
        assert_eq!(found("let a = 1; if (a += 1) a"), [""; 0]);
    }

    #[test]
    fn code_that_never_runs() {
        assert_eq!(
            found("function f(x) {\n  return x;\n  x = 1;\n  x = 2;\n}\nf(1)"),
            ["Unreachable 3:3+6"]
        );
        assert_eq!(
            found(
                "for (const a of b) { continue; use(a) }\nswitch (c) { case 1: break; case 2: throw d; e() }"
            ),
            ["Unreachable 1:32+6", "Unreachable 2:46+3"]
        );
        assert_eq!(
            found("function f() { return g(); function g() { return y } var y; ; }\nf()"),
            [""; 0]
        );
    }

    #[test]
    fn names_that_nothing_reads() {
        assert_eq!(
            found(
                "import a, { b as c } from 'x'; import * as d from 'y';\nconst e = 1; let f; f = 2; function g() {} class H {}"
            ),
            [
                "Unused 1:8+1",
                "Unused 1:18+1",
                "Unused 1:44+1",
                "Unused 2:7+1",
                "Unused 2:18+1",
                "Unused 2:37+1",
                "Unused 2:50+1"
            ]
        );
        let used = "export const a = 1; export function b() {} export default class C {} let d = 1; export { d };
            const _e = 1; for (const f of []) {} using g = h(); function i(j) {} i(); try {} catch (k) {}
            const { l, ...m } = n; m; import type { T } from 't'; let o: T = 1; o; declare const p: number;
            const q = function r() {}; q; enum S { A } var t = 1;";
        assert_eq!(found(used), [""; 0]);
        assert_eq!(found("let a = 1; eval('a')"), [""; 0]);
    }

    #[test]
    fn promises_that_nothing_awaits() {
        assert_eq!(
            found(
                "async function f() {}\nconst g = async () => 1;\nf();\ng();\nfetch('x');\nsem.take.async('a', f);\nf()"
            ),
            [
                "Promise 3:1+1",
                "Promise 4:1+1",
                "Promise 5:1+5",
                "Promise 6:1+14"
            ]
        );
        assert_eq!(
            found(
                "async function f() {}\nvoid f(); await f(); f().catch(g); const p = f(); p; function h() {} h(); let i = async () => 1; i = h; i(); 1"
            ),
            [""; 0]
        );
    }

    #[test]
    fn members_of_modules() {
        let source = "import sem from 'cla/sem'; import * as util from 'cla/util'; const log = require('cla/log');
            sem.tak('x'); util.now; log.info?.('x'); typeof sem.nope; sem?.maybe; const { a } = util; a; let fs = require('fs'); fs = 1; fs.x; other.y";
        let members = lints(source).members.into_iter();
        let members: Vec<String> = members
            .map(|it| {
                format!(
                    "{}.{}{} {}:{}",
                    it.module,
                    it.name,
                    if it.is_called { "()" } else { "" },
                    it.at.0,
                    it.at.1
                )
            })
            .collect();
        assert_eq!(members, ["cla/sem.tak() 2:17", "cla/util.now 2:32"]);
    }
}
