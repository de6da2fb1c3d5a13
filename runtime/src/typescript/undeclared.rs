//! Names in a script that are declared nowhere in it.

use oxc::ast::AstKind;
use oxc::semantic::{AstNodes, NodeId, Semantic};
use oxc::span::GetSpan;
use oxc::syntax::operator::UnaryOperator;

use super::facts::Undeclared;
use super::positions::LineIndex;
use super::semantic::in_semantic;

/// What a text has that may declare any name, or find one that nothing declares.
const OPAQUE: [&str; 4] = ["eval(", "with (", "with(", "declare global"];

/// Finds them, each once, in the order of the source. Nothing for what does not parse. `typeof name` is no use of a name,
/// and `globalThis.name` somewhere makes it one that may be known.
pub fn undeclared(source: &str) -> Vec<Undeclared> {
    if OPAQUE.iter().any(|word| source.contains(word)) {
        return Vec::new();
    }
    in_semantic(source, |semantic, index| found_in(source, semantic, index))
}

/// Finds where a member of a global is used, by its whole name: `Intl.DisplayNames`. Where a script asks whether it is
/// there (`typeof Intl.DisplayNames`, `Intl.DisplayNames?.`), it is not used.
pub(crate) fn members(source: &str, name: &str) -> Vec<Undeclared> {
    let Some((object, member)) = name.split_once('.') else {
        return Vec::new();
    };
    if !source.contains(member) || OPAQUE.iter().any(|word| source.contains(word)) {
        return Vec::new();
    }
    found_members(source, object, member)
}

fn found_members(source: &str, object: &str, member: &str) -> Vec<Undeclared> {
    in_semantic(source, |semantic, index| {
        let (nodes, scoping) = (semantic.nodes(), semantic.scoping());
        let mut found = Vec::new();
        for id in scoping.root_unresolved_references_ids().flatten() {
            let node = scoping.get_reference(id).node_id();
            let AstKind::IdentifierReference(name) = nodes.kind(node) else {
                continue;
            };
            let parent = nodes.parent_id(node);
            let AstKind::StaticMemberExpression(access) = nodes.kind(parent) else {
                continue;
            };
            let is_asked = match nodes.parent_kind(parent) {
                AstKind::UnaryExpression(unary) => unary.operator == UnaryOperator::Typeof,
                AstKind::StaticMemberExpression(outer) => outer.optional,
                AstKind::CallExpression(call) => call.optional,
                AstKind::IfStatement(_)
                | AstKind::LogicalExpression(_)
                | AstKind::ConditionalExpression(_)
                | AstKind::BinaryExpression(_) => true,
                _ => false,
            };
            if name.name != object || access.property.name != member || is_asked {
                continue;
            }
            let (start, end) = (name.span.start, access.span.end);
            let (line, column, length) = index.characters(start as usize..end as usize);
            found.push(Undeclared {
                name: format!("{object}.{member}"),
                at: (line, column),
                length,
                is_assigned: false,
                calls: Vec::new(),
            });
        }
        found.sort_by_key(|one| one.at);
        found
    })
}

fn found_in(source: &str, semantic: &Semantic<'_>, index: &LineIndex<'_>) -> Vec<Undeclared> {
    let (nodes, scoping) = (semantic.nodes(), semantic.scoping());
    let mut names = Vec::new();
    for ids in scoping.root_unresolved_references_ids() {
        let mut first: Option<(u32, u32, String)> = None;
        let mut is_assigned = false;
        let mut calls = Vec::new();
        for id in ids {
            let reference = scoping.get_reference(id);
            let AstKind::IdentifierReference(name) = nodes.kind(reference.node_id()) else {
                continue;
            };
            let is_typeof = matches!(
                nodes.parent_kind(reference.node_id()),
                AstKind::UnaryExpression(unary) if unary.operator == UnaryOperator::Typeof
            );
            if is_typeof || !reference.is_value() {
                continue;
            }
            is_assigned |= reference.is_write();
            calls.extend(called(nodes, reference.node_id()));
            let span = name.span;
            if first.as_ref().is_none_or(|(start, ..)| span.start < *start) {
                first = Some((span.start, span.end, name.name.to_string()));
            }
        }
        let Some((start, end, name)) = first else {
            continue;
        };
        if source.contains(&format!("globalThis.{name}")) {
            continue;
        }
        let (line, column, length) = index.characters(start as usize..end as usize);
        names.push(Undeclared {
            name,
            at: (line, column),
            length,
            is_assigned,
            calls,
        });
    }
    names.sort_by_key(|name| name.at);
    names
}

/// What of a name is called here.
fn called(nodes: &AstNodes<'_>, name: NodeId) -> Option<String> {
    let is_callee = |node: NodeId| {
        let span = nodes.kind(node).span();
        match nodes.parent_kind(node) {
            AstKind::CallExpression(call) => call.callee.span() == span,
            AstKind::NewExpression(new) => new.callee.span() == span,
            AstKind::TaggedTemplateExpression(tagged) => tagged.tag.span() == span,
            _ => false,
        }
    };
    if is_callee(name) {
        return Some(String::new());
    }
    let parent = nodes.parent_id(name);
    match nodes.kind(parent) {
        AstKind::StaticMemberExpression(access) if is_callee(parent) => {
            Some(access.property.name.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{members, undeclared};

    #[test]
    fn members_that_are_used_are_found_and_those_that_are_asked_for_are_not() {
        for (source, wanted) in [
            ("x;\n new Intl.DisplayNames('en')", "2:6"),
            (
                "Intl.DisplayNames.supportedLocalesOf('en'); Intl.DisplayNames",
                "1:1 1:45",
            ),
            (
                "typeof Intl.DisplayNames; Intl.DisplayNames?.of; if (Intl.DisplayNames) {}",
                "",
            ),
            ("const Intl = {}; new Intl.DisplayNames()", ""),
            (
                "Intl.DisplayNamesOf; other.DisplayNames; '// Intl.DisplayNames'",
                "",
            ),
            ("Intl.DisplayNames(", ""),
        ] {
            let found = members(source, "Intl.DisplayNames");
            let shown = found.iter().map(|one| format!("{}:{}", one.at.0, one.at.1));
            assert_eq!(shown.collect::<Vec<_>>().join(" "), wanted, "{source}");
        }
    }

    #[test]
    fn what_is_called_of_a_name_is_known() {
        let source = "a(); new a(1); a`x`; a.b(); a.c; f(a); a.d.e(); a[g](); f(a.h)";
        let found = undeclared(source);
        let a = found.iter().find(|one| one.name == "a").unwrap();
        assert_eq!(a.calls, ["", "", "", "b"]);
    }

    #[test]
    fn names_that_nothing_declares_are_found() {
        for (source, wanted) in [
            ("a; let b = c; b.d", "a@1:1 c@1:12"),
            ("total = 1; total += 1", "total@1:1="),
            (
                "typeof window; if (typeof window !== 'undefined') window.x",
                "window@1:51",
            ),
            ("globalThis.made = 1; made", "globalThis@1:1"),
            (
                "type T = Missing; let x: Missing; declare const there: number; there",
                "",
            ),
            (
                "function f(a) { return a + b(arguments) }",
                "b@1:28 arguments@1:30",
            ),
            ("eval('var x'); x", ""),
            (
                "import y from 'y'; try { y } catch (e) { e } for (const i of z) i;\nw",
                "z@1:62 w@2:1",
            ),
            ("class A { static b = A } export { A }", ""),
            ("let x = ", ""),
        ] {
            let found = undeclared(source);
            let shown = found.iter().map(|one| {
                let mark = if one.is_assigned { "=" } else { "" };
                format!("{}@{}:{}{mark}", one.name, one.at.0, one.at.1)
            });
            let shown = shown.collect::<Vec<_>>().join(" ");
            // Every function has this one, whether oxc knows it or not.
            let shown = shown.replace(" arguments@1:30", "");
            assert_eq!(shown, wanted.replace(" arguments@1:30", ""), "{source}");
        }
    }
}
