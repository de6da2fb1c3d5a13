//! Finds the expressions that may have failed at a position that QuickJS reports.
//!
//! QuickJS notes a position only now and then while it compiles: where a name is read, behind the parenthesis of a call,
//! behind `new`, `throw` and binary operators, at the start of an expression statement. Whatever fails has the position that
//! was noted last before it, in the order of the bytecode. This walks through the source in that order and notes the same
//! positions, so that it knows for each step which position its failure would have.
//!
//! One file because the walk, the lexer's way of counting and the names are one model of what QuickJS does: each is of no use
//! without the others.

use std::collections::{HashMap, HashSet};

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::*;
use oxc::ast_visit::{Visit, walk};
use oxc::parser::{ParseOptions, Parser};
use oxc::span::{GetSpan, SourceType, Span};
use oxc::syntax::scope::ScopeFlags;

use super::facts::WrittenPattern;
use super::on_big_stack;
use super::positions::{LineIndex, PositionMap};
use crate::error::source::SyntaxProblem;
use crate::error::suspect::{Origin, Step, Suspect, WrittenText};

/// Of steps whose position is another one, so many are kept.
const MOST_NEAR: usize = 400;

/// A longer text is not shown in a message, in bytes.
const LONGEST_TEXT: usize = 60;

/// Most names kept that could have been meant.
const MOST_NAMES: usize = 500;

/// The steps that may have failed at a place that QuickJS reports in JavaScript that it compiled with `prefix` characters in
/// front of its first line: line and column as it counts them. Nothing for what does not parse.
pub fn suspects(source: &str, prefix: u32, line: u32, column: u32) -> Vec<Suspect> {
    on_big_stack(source, || {
        Ok::<_, Vec<SyntaxProblem>>(parsed(source, |program| {
            let marks = Marks::of(source, prefix, program);
            let mut finder = Finder::new(source, marks, (line, column));
            finder.names.visit_program(program);
            finder.visit_program(program);
            finder.end()
        }))
    })
    .ok()
    .flatten()
    .unwrap_or_default()
}

/// How QuickJS counts columns.
///
/// That of a name which is read is where the name starts. That of any other token is where its lexer has last seen a name
/// begin or a space end, which may be several tokens before; and in the first line, it counts from 0, but never says 0.
struct Marks<'s> {
    index: LineIndex<'s>,
    prefix: u32,
    /// Sorted, in bytes.
    marks: Vec<usize>,
}

impl<'s> Marks<'s> {
    fn of(source: &'s str, prefix: u32, program: &Program<'_>) -> Self {
        let mut literals = Literals(Vec::new());
        literals.visit_program(program);
        let mut literals = literals.0;
        literals.extend(
            program
                .comments
                .iter()
                .map(|comment| (comment.span, After::Mark)),
        );
        literals.sort_by_key(|(span, _)| span.start);
        let bytes = source.as_bytes();
        let (mut marks, mut at, mut next) = (vec![0], 0, 0);
        while at < bytes.len() {
            while next < literals.len() && (literals[next].0.start as usize) < at {
                next += 1;
            }
            if let Some((span, after)) = literals.get(next)
                && span.start as usize == at
                && span.end > span.start
            {
                let end = span.end as usize;
                // The lines of a template or a comment are seen, too.
                let ends = source[at..end].match_indices('\n');
                marks.extend(ends.map(|(line, _)| at + line + 1));
                if *after == After::Mark {
                    marks.push(end);
                }
                (at, next) = (end, next + 1);
                continue;
            }
            let is_part = |byte: &u8| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || *byte >= 0x80
            };
            let length = bytes[at..].iter().take_while(|byte| is_part(byte)).count();
            match bytes[at] {
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' => {
                    marks.push(at);
                    at += length;
                }
                b'0'..=b'9' => at += length,
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => {
                    at += 1;
                    marks.push(at);
                }
                byte if byte >= 0x80 => {
                    let character = source[at..].chars().next().unwrap_or_default();
                    at += character.len_utf8();
                    if character.is_whitespace() || character == '\u{feff}' {
                        marks.push(at);
                    } else {
                        at += length.saturating_sub(character.len_utf8());
                    }
                }
                // A private name is seen as a whole.
                b'#' => {
                    at += 1 + bytes[at + 1..]
                        .iter()
                        .take_while(|byte| is_part(byte))
                        .count();
                }
                _ => at += 1,
            }
        }
        Self {
            index: LineIndex::new(source),
            prefix,
            marks,
        }
    }

    /// The position of a name that is read.
    fn name(&self, at: u32) -> (u32, u32) {
        let (line, column) = self.index.bytes(at as usize);
        (line, column + if line == 1 { self.prefix } else { 0 })
    }

    /// The first position in the functions that set the fields of an object.
    const FIELDS: (u32, u32) = (0, 1);

    /// The first position in a function: of where it starts, QuickJS keeps the line alone.
    fn function(&self, at: u32) -> (u32, u32) {
        (self.index.bytes(at as usize).0, 1)
    }

    /// The position of a token.
    fn token(&self, at: u32) -> (u32, u32) {
        let (line, _) = self.index.bytes(at as usize);
        let before = self.marks.partition_point(|&mark| mark <= at as usize);
        let mark = self.marks[before.saturating_sub(1)];
        let (_, column) = self.index.bytes(mark);
        match line {
            1 => (1, (column - 1 + self.prefix).max(1)),
            _ => (line, column),
        }
    }
}

/// What the lexer remembers of a literal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Nothing,
    /// Where it ends.
    Mark,
}

/// Literals, in which spaces and names are none.
struct Literals(Vec<(Span, After)>);

impl<'a> Visit<'a> for Literals {
    fn visit_string_literal(&mut self, it: &StringLiteral<'a>) {
        self.0.push((it.span, After::Nothing));
    }

    fn visit_directive(&mut self, it: &Directive<'a>) {
        self.0.push((it.expression.span, After::Nothing));
    }

    fn visit_template_literal(&mut self, it: &TemplateLiteral<'a>) {
        // With the characters around each part, by which the parts follow each other.
        for (nth, quasi) in it.quasis.iter().enumerate() {
            let is_last = nth + 1 == it.quasis.len();
            let end = quasi.span.end + if is_last { 1 } else { 2 };
            let span = Span::new(quasi.span.start.saturating_sub(1), end.min(it.span.end));
            self.0.push((span, After::Nothing));
        }
        for expression in &it.expressions {
            self.visit_expression(expression);
        }
    }

    fn visit_reg_exp_literal(&mut self, it: &RegExpLiteral<'a>) {
        self.0.push((it.span, After::Nothing));
    }
}

/// The regular expressions that are written in JavaScript or TypeScript. None for what does not parse.
pub(crate) fn patterns(source: &str) -> Vec<WrittenPattern> {
    struct Patterns(Vec<(String, String, Span)>);
    impl<'a> Visit<'a> for Patterns {
        fn visit_reg_exp_literal(&mut self, it: &RegExpLiteral<'a>) {
            let regex = &it.regex;
            self.0.push((
                regex.pattern.text.to_string(),
                regex.flags.to_string(),
                it.span,
            ));
        }
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
        let mut patterns = Patterns(Vec::new());
        patterns.visit_program(&parsed.program);
        let index = LineIndex::new(source);
        let found = patterns
            .0
            .into_iter()
            .map(|(pattern, flags, span)| WrittenPattern {
                pattern,
                flags,
                at: index.characters(span.start as usize..span.end as usize),
            });
        Ok::<_, Vec<SyntaxProblem>>(found.collect())
    });
    found.unwrap_or_default()
}

/// The expression of TypeScript that has all of a range of bytes and nothing more than types, parentheses and the like.
pub(crate) fn whole_expression(source: &str, range: (usize, usize)) -> Option<(usize, usize)> {
    let found = on_big_stack(source, || {
        let allocator = Allocator::default();
        let kind = SourceType::ts().with_module(true);
        let parsed = Parser::new(&allocator, source, kind)
            .with_options(ParseOptions {
                allow_return_outside_function: true,
                ..ParseOptions::default()
            })
            .parse();
        let mut smallest = Smallest { range, found: None };
        smallest.visit_program(&parsed.program);
        Ok::<_, Vec<SyntaxProblem>>(smallest.found)
    });
    found.ok().flatten()
}

/// Where to mark a step of JavaScript in the text that it is, or that it was made from: line and column, from 1, the column in
/// characters, and the length in that line.
pub(crate) fn mark(
    code: &str,
    text: &str,
    positions: Option<&PositionMap>,
    suspect: &Suspect,
) -> Option<(u32, u32, u32)> {
    let (start, end) = suspect.range;
    let index = LineIndex::new(text);
    let Some(positions) = positions else {
        return Some(in_one_line(text, &index, (start, end), suspect.tail));
    };
    let in_code = LineIndex::new(code);
    let original = |at: usize| {
        let (line, column) = in_code.bytes(at);
        index.byte(positions.original(line, column)?)
    };
    let (from, tail) = (original(start)?, original(suspect.tail)?);
    if tail < from {
        return Some(in_one_line(text, &index, (from, from + 1), from));
    }
    let last = code.get(suspect.tail..end)?.chars().count();
    let length: usize = text[tail..].chars().take(last).map(char::len_utf8).sum();
    let range = (from, tail + length);
    let range = match suspect.step {
        // What is made is marked without its arguments.
        Step::Construct => range,
        _ => whole_expression(text, range)
            .filter(|whole| whole.1 == range.1)
            .unwrap_or(range),
    };
    Some(in_one_line(text, &index, range, tail))
}

/// The part of a range that is marked: of several lines, the last name, or else what is in the first line.
fn in_one_line(
    text: &str,
    index: &LineIndex<'_>,
    (start, end): (usize, usize),
    tail: usize,
) -> (u32, u32, u32) {
    let is_long = text[start..end].contains(['\n', '\r', '\u{2028}', '\u{2029}']);
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '#' | '"' | '\'');
    let has_name = text[tail.min(end)..end].starts_with(is_name);
    match is_long && has_name && tail > start {
        true => index.characters(tail..end),
        false => index.characters(start..end),
    }
}

fn parsed<T>(source: &str, work: impl FnOnce(&Program<'_>) -> T) -> Option<T> {
    for kind in [SourceType::mjs(), SourceType::cjs()] {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, source, kind)
            .with_options(ParseOptions {
                allow_return_outside_function: true,
                ..ParseOptions::default()
            })
            .parse();
        if !parsed.diagnostics.iter().any(super::is_error) {
            return Some(work(&parsed.program));
        }
    }
    None
}

/// Finds the smallest expression that has a range.
struct Smallest {
    range: (usize, usize),
    found: Option<(usize, usize)>,
}

impl<'a> Visit<'a> for Smallest {
    fn enter_node(&mut self, kind: AstKind<'a>) {
        let is_expression = matches!(
            kind,
            AstKind::CallExpression(_)
                | AstKind::ChainExpression(_)
                | AstKind::ComputedMemberExpression(_)
                | AstKind::StaticMemberExpression(_)
                | AstKind::PrivateFieldExpression(_)
                | AstKind::ParenthesizedExpression(_)
                | AstKind::IdentifierReference(_)
                | AstKind::TSAsExpression(_)
                | AstKind::TSSatisfiesExpression(_)
                | AstKind::TSNonNullExpression(_)
                | AstKind::TSTypeAssertion(_)
                | AstKind::BinaryExpression(_)
        );
        let span = kind.span();
        let (start, end) = (span.start as usize, span.end as usize);
        if !is_expression || start > self.range.0 || end < self.range.1 {
            return;
        }
        if self.found.is_none_or(|(from, to)| end - start < to - from) {
            self.found = Some((start, end));
        }
    }
}

/// What the names of a file stand for, regardless of where they can be seen.
#[derive(Default)]
struct Names {
    /// Declared as functions or classes.
    functions: HashSet<String>,
    /// Declared as something else.
    variables: HashSet<String>,
    origins: HashMap<String, Origin>,
    /// The keys of the object that a variable was made with.
    members: HashMap<String, Vec<String>>,
}

impl<'a> Visit<'a> for Names {
    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        if let Some(id) = &it.id {
            self.functions.insert(id.name.to_string());
        }
        walk::walk_formal_parameters(self, &it.params);
        if let Some(body) = &it.body {
            self.visit_function_body(body);
        }
        let _ = flags;
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        if let Some(id) = &it.id {
            self.functions.insert(id.name.to_string());
        }
        walk::walk_class_body(self, &it.body);
    }

    fn visit_binding_identifier(&mut self, it: &BindingIdentifier<'a>) {
        self.variables.insert(it.name.to_string());
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if let (BindingPattern::BindingIdentifier(id), Some(init)) = (&it.id, &it.init) {
            let name = id.name.to_string();
            match init {
                Expression::ArrowFunctionExpression(_)
                | Expression::FunctionExpression(_)
                | Expression::ClassExpression(_) => {
                    self.functions.insert(name);
                    self.visit_expression(init);
                    return;
                }
                Expression::ObjectExpression(object) => {
                    let keys = object
                        .properties
                        .iter()
                        .filter_map(|property| match property {
                            ObjectPropertyKind::ObjectProperty(property) => {
                                property.key.static_name().map(|name| name.to_string())
                            }
                            ObjectPropertyKind::SpreadProperty(_) => None,
                        });
                    self.members.insert(name, keys.take(MOST_NAMES).collect());
                }
                _ => {}
            }
        }
        if let Some(module) = it.init.as_ref().and_then(required) {
            match &it.id {
                BindingPattern::BindingIdentifier(id) => {
                    let origin = Origin {
                        module,
                        export: None,
                    };
                    self.origins.insert(id.name.to_string(), origin);
                }
                BindingPattern::ObjectPattern(pattern) => {
                    for property in &pattern.properties {
                        if let (BindingPattern::BindingIdentifier(id), Some(export)) =
                            (&property.value, property.key.static_name())
                        {
                            let origin = Origin {
                                module: module.clone(),
                                export: Some(export.to_string()),
                            };
                            self.origins.insert(id.name.to_string(), origin);
                        }
                    }
                }
                _ => {}
            }
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        for specifier in it.specifiers.iter().flatten() {
            let (local, export) = match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(one) => {
                    (&one.local, Some(one.imported.name().to_string()))
                }
                ImportDeclarationSpecifier::ImportDefaultSpecifier(one) => {
                    (&one.local, Some("default".to_owned()))
                }
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(one) => (&one.local, None),
            };
            let origin = Origin {
                module: it.source.value.to_string(),
                export,
            };
            self.origins.insert(local.name.to_string(), origin);
        }
    }
}

/// The module of a call of `require`.
fn required(init: &Expression<'_>) -> Option<String> {
    let Expression::CallExpression(call) = init else {
        return None;
    };
    match (&call.callee, call.arguments.first()) {
        (Expression::Identifier(name), Some(Argument::StringLiteral(literal)))
            if name.name == "require" =>
        {
            Some(literal.value.to_string())
        }
        _ => None,
    }
}

struct Finder<'s> {
    source: &'s str,
    marks: Marks<'s>,
    /// The position that QuickJS reports.
    wanted: (u32, u32),
    /// About where that is, in bytes.
    near_to: usize,
    names: Names,
    /// The position that was noted last.
    last: (u32, u32),
    /// The functions around this place, each with its range and where its steps begin in `found`.
    within: (usize, usize),
    found: Vec<Suspect>,
    near: Vec<Suspect>,
    /// The innermost function that has the place, by its length.
    innermost: usize,
    depth: u32,
    /// The expression that a `throw` statement has.
    thrown: Option<Span>,
    /// The names of the class around.
    class: Vec<Vec<String>>,
}

impl<'s> Finder<'s> {
    fn new(source: &'s str, marks: Marks<'s>, wanted: (u32, u32)) -> Self {
        let (line, column) = wanted;
        let column = match line {
            1 => column.saturating_sub(marks.prefix),
            _ => column,
        };
        let start = marks.index.start((line as usize).saturating_sub(1));
        let near_to = start.unwrap_or_default() + (column as usize).saturating_sub(1);
        Self {
            source,
            marks,
            wanted,
            near_to,
            names: Names::default(),
            last: (1, 1),
            within: (0, source.len()),
            found: Vec::new(),
            near: Vec::new(),
            innermost: usize::MAX,
            depth: 0,
            thrown: None,
            class: Vec::new(),
        }
    }

    fn end(mut self) -> Vec<Suspect> {
        self.found.append(&mut self.near);
        self.found
    }

    /// A token's position is noted.
    fn note(&mut self, at: u32) {
        self.last = self.marks.token(at);
    }

    /// A step that would fail with the position that was noted last.
    fn step(&mut self, step: Step, mark: Span, fill: impl FnOnce(&Self, &mut Suspect)) {
        let exact = self.last == self.wanted;
        let (from, to) = self.within;
        let at = self.near_to;
        let is_near = from <= at && at <= to && at <= mark.end as usize;
        if !exact && !is_near {
            return;
        }
        let length = to - from;
        if !exact {
            if length < self.innermost {
                self.innermost = length;
                self.near.clear();
            }
            if length > self.innermost || self.near.len() >= MOST_NEAR {
                return;
            }
        }
        let mut found = Suspect {
            step,
            range: (mark.start as usize, mark.end as usize),
            tail: mark.end.saturating_sub(1).max(mark.start) as usize,
            exact,
            name: None,
            text: String::new(),
            path: Vec::new(),
            origin: None,
            knows_members: false,
            is_local: false,
            others: Vec::new(),
            written: None,
            depth: self.depth,
            thrown: false,
            callable: false,
        };
        fill(self, &mut found);
        match exact {
            true => self.found.push(found),
            false => self.near.push(found),
        }
    }

    fn slice(&self, span: Span) -> String {
        let text = &self.source[span.start as usize..span.end as usize];
        match text.len() {
            0..=LONGEST_TEXT => text.lines().map(str::trim).collect(),
            _ => String::new(),
        }
    }

    /// A function has positions of its own.
    fn in_function(&mut self, span: Span, work: impl FnOnce(&mut Self)) {
        let around = (self.last, self.within, self.depth, self.thrown.take());
        self.last = self.marks.function(span.start);
        self.within = (span.start as usize, span.end as usize);
        self.depth = 0;
        work(self);
        (self.last, self.within, self.depth, self.thrown) = around;
    }

    /// What is called, made or read.
    fn name_it(&self, found: &mut Suspect, expression: &Expression<'_>) {
        found.text = self.slice(expression.span());
        if let Some(path) = path(expression) {
            found.name = path.last().cloned();
            self.of_path(found, path);
        } else {
            found.name = last_name(expression).map(|(name, _)| name);
        }
        if let Some((_, at)) = last_name(expression) {
            found.tail = at as usize;
        }
    }

    fn of_path(&self, found: &mut Suspect, path: Vec<String>) {
        let Some(first) = path.first() else {
            return;
        };
        found.origin = self.names.origins.get(first).cloned();
        if let [object, _] = &path[..] {
            let members = match object.as_str() {
                "this" => self.class.last(),
                _ => self.names.members.get(object),
            };
            found.knows_members = members.is_some();
            found.others = members.cloned().unwrap_or_default();
        }
        let names = &self.names;
        found.callable =
            path.len() == 1 && names.functions.contains(first) && !names.variables.contains(first);
        found.is_local = names.functions.contains(first) || names.variables.contains(first);
        found.path = path;
    }

    fn arguments<'a>(&mut self, arguments: &[Argument<'a>]) {
        self.depth += 1;
        for argument in arguments {
            self.visit_argument(argument);
        }
        self.depth -= 1;
    }

    fn called<'a>(
        &mut self,
        step: Step,
        mark: Span,
        callee: &Expression<'a>,
        arguments: &[Argument<'a>],
        whole: Span,
    ) {
        let thrown = self.thrown == Some(whole);
        self.step(step, mark, |finder, found| {
            finder.name_it(found, callee);
            found.thrown = thrown;
            let is_aggregate = found.name.as_deref() == Some("AggregateError");
            let text = arguments.get(usize::from(is_aggregate));
            found.written = text.and_then(Argument::as_expression).and_then(text_of);
        });
    }

    fn member(
        &mut self,
        step: Step,
        whole: Span,
        object: &Expression<'_>,
        property: Option<(&str, Span)>,
    ) {
        let mark = property.map_or(whole, |(_, span)| Span::new(whole.start, span.end));
        self.step(step, mark, |finder, found| {
            found.text = finder.slice(object.span());
            if let Some((name, span)) = property {
                found.name = Some(name.to_owned());
                found.tail = span.start as usize;
                if let Some(mut path) = path(object) {
                    // What may have been meant is a member of what has this object.
                    finder.of_path(found, path.clone());
                    path.push(name.to_owned());
                    found.path = path;
                }
            }
        });
    }
}

/// The text that an expression has for sure.
pub(super) fn text_of(expression: &Expression<'_>) -> Option<WrittenText> {
    match expression {
        Expression::StringLiteral(literal) => Some(WrittenText {
            start: literal.value.to_string(),
            end: String::new(),
            is_whole: true,
        }),
        Expression::TemplateLiteral(template) => {
            let quasi = |nth: usize| template.quasis.get(nth)?.value.cooked.as_ref();
            let start = quasi(0)?.to_string();
            let is_whole = template.expressions.is_empty();
            let end = match is_whole {
                true => String::new(),
                false => quasi(template.quasis.len() - 1)?.to_string(),
            };
            Some(WrittenText {
                start,
                end,
                is_whole,
            })
        }
        Expression::BinaryExpression(binary) if binary.operator == BinaryOperator::Addition => {
            let left = text_of(&binary.left);
            let right = text_of(&binary.right);
            let start = left.map(|text| text.start).unwrap_or_default();
            let end = right.map_or_else(String::new, |text| match text.is_whole {
                true => text.start,
                false => text.end,
            });
            (!start.is_empty() || !end.is_empty()).then_some(WrittenText {
                start,
                end,
                is_whole: false,
            })
        }
        Expression::ParenthesizedExpression(inner) => text_of(&inner.expression),
        _ => None,
    }
}

/// The names that lead to what an expression is.
fn path(expression: &Expression<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = expression;
    loop {
        match rest {
            Expression::Identifier(name) => {
                names.push(name.name.to_string());
                break;
            }
            Expression::ThisExpression(_) => {
                names.push("this".to_owned());
                break;
            }
            Expression::StaticMemberExpression(member) => {
                names.push(member.property.name.to_string());
                rest = &member.object;
            }
            Expression::ParenthesizedExpression(inner) => rest = &inner.expression,
            Expression::ChainExpression(chain) => match &chain.expression {
                ChainElement::StaticMemberExpression(member) => {
                    names.push(member.property.name.to_string());
                    rest = &member.object;
                }
                _ => return None,
            },
            _ => return None,
        }
    }
    names.reverse();
    Some(names)
}

/// The last name of an expression, and where it stands.
fn last_name(expression: &Expression<'_>) -> Option<(String, u32)> {
    match expression {
        Expression::Identifier(name) => Some((name.name.to_string(), name.span.start)),
        Expression::StaticMemberExpression(member) => {
            let property = &member.property;
            Some((property.name.to_string(), property.span.start))
        }
        Expression::PrivateFieldExpression(member) => {
            let field = &member.field;
            Some((format!("#{}", field.name), field.span.start))
        }
        Expression::ComputedMemberExpression(member) => match &member.expression {
            Expression::StringLiteral(literal) => {
                Some((literal.value.to_string(), literal.span.start))
            }
            _ => None,
        },
        Expression::ParenthesizedExpression(inner) => last_name(&inner.expression),
        Expression::ChainExpression(chain) => match &chain.expression {
            ChainElement::StaticMemberExpression(member) => {
                let property = &member.property;
                Some((property.name.to_string(), property.span.start))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The names of the members that a class body writes.
fn class_members(body: &ClassBody<'_>) -> Vec<String> {
    let names = body.body.iter().filter_map(|element| match element {
        ClassElement::MethodDefinition(one) => one.key.static_name(),
        ClassElement::PropertyDefinition(one) => one.key.static_name(),
        ClassElement::AccessorProperty(one) => one.key.static_name(),
        _ => None,
    });
    let names = names.map(|name| name.to_string());
    names
        .filter(|name| name != "constructor")
        .take(MOST_NAMES)
        .collect()
}

impl<'a> Visit<'a> for Finder<'_> {
    fn visit_expression_statement(&mut self, it: &ExpressionStatement<'a>) {
        self.note(it.expression.span().start);
        self.visit_expression(&it.expression);
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        self.last = self.marks.name(it.span.start);
        self.step(Step::Name, it.span, |finder, found| {
            found.name = Some(it.name.to_string());
            found.text = it.name.to_string();
            found.tail = it.span.start as usize;
            let names = &finder.names;
            if found.exact {
                let known = names.variables.iter().chain(&names.functions);
                found.others = known.cloned().collect();
                // The sets have no order.
                found.others.sort_unstable();
                found.others.truncate(MOST_NAMES);
            }
        });
    }

    fn visit_static_member_expression(&mut self, it: &StaticMemberExpression<'a>) {
        self.visit_expression(&it.object);
        let property = (it.property.name.as_str(), it.property.span);
        self.member(Step::Read, it.span, &it.object, Some(property));
    }

    fn visit_computed_member_expression(&mut self, it: &ComputedMemberExpression<'a>) {
        self.visit_expression(&it.object);
        self.visit_expression(&it.expression);
        match &it.expression {
            Expression::StringLiteral(literal) => {
                let name = literal.value.to_string();
                let span = Span::new(literal.span.start, it.span.end);
                self.member(Step::Read, it.span, &it.object, Some((&name, span)));
            }
            Expression::NumericLiteral(literal) => {
                let name = literal.value.to_string();
                let span = Span::new(literal.span.start, it.span.end);
                self.member(Step::Read, it.span, &it.object, Some((&name, span)));
            }
            _ => self.member(Step::Read, it.span, &it.object, None),
        }
    }

    fn visit_private_field_expression(&mut self, it: &PrivateFieldExpression<'a>) {
        self.visit_expression(&it.object);
        let name = format!("#{}", it.field.name);
        self.member(
            Step::Read,
            it.span,
            &it.object,
            Some((&name, it.field.span)),
        );
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        self.visit_expression(&it.callee);
        if !matches!(it.callee, Expression::Super(_)) {
            // The token behind the parenthesis.
            match it.arguments.first() {
                Some(first) => self.note(first.span().start),
                None => self.note(it.span.end.saturating_sub(1)),
            }
        }
        self.arguments(&it.arguments);
        let mark = it.callee.span();
        self.called(Step::Call, mark, &it.callee, &it.arguments, it.span);
    }

    fn visit_new_expression(&mut self, it: &NewExpression<'a>) {
        self.note(it.callee.span().start);
        self.visit_expression(&it.callee);
        self.arguments(&it.arguments);
        let mark = Span::new(it.span.start, it.callee.span().end);
        self.called(Step::Construct, mark, &it.callee, &it.arguments, it.span);
    }

    fn visit_tagged_template_expression(&mut self, it: &TaggedTemplateExpression<'a>) {
        self.visit_expression(&it.tag);
        self.note(it.quasi.span.start);
        self.depth += 1;
        for expression in &it.quasi.expressions {
            self.visit_expression(expression);
        }
        self.depth -= 1;
        self.called(Step::Call, it.tag.span(), &it.tag, &[], it.span);
    }

    fn visit_template_literal(&mut self, it: &TemplateLiteral<'a>) {
        for expression in &it.expressions {
            self.visit_expression(expression);
        }
        // They become text together, at the end.
        for expression in &it.expressions {
            self.step(Step::Operate, expression.span(), |finder, found| {
                finder.name_it(found, expression);
            });
        }
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        self.visit_expression(&it.source);
        if let Some(options) = &it.options {
            self.visit_expression(options);
        }
        self.step(Step::Call, it.source.span(), |_, found| {
            found.name = Some("import".to_owned());
        });
    }

    fn visit_spread_element(&mut self, it: &SpreadElement<'a>) {
        self.visit_expression(&it.argument);
        self.step(Step::Iterate, it.argument.span(), |finder, found| {
            finder.name_it(found, &it.argument);
        });
    }

    fn visit_object_property(&mut self, it: &ObjectProperty<'a>) {
        if it.computed {
            self.visit_property_key(&it.key);
        }
        self.visit_expression(&it.value);
    }

    fn visit_update_expression(&mut self, it: &UpdateExpression<'a>) {
        self.visit_simple_assignment_target(&it.argument);
        self.step(Step::Operate, it.span, |_, _| {});
        self.write(it.argument.span());
    }

    fn visit_unary_expression(&mut self, it: &UnaryExpression<'a>) {
        self.visit_expression(&it.argument);
        self.step(Step::Operate, it.span, |_, _| {});
    }

    fn visit_binary_expression(&mut self, it: &BinaryExpression<'a>) {
        self.visit_expression(&it.left);
        self.note(it.right.span().start);
        self.visit_expression(&it.right);
        // With these, it is the right operand that is not what it should be.
        let mark = match it.operator {
            BinaryOperator::In | BinaryOperator::Instanceof => it.right.span(),
            _ => it.span,
        };
        self.step(Step::Operate, mark, |_, _| {});
    }

    fn visit_private_in_expression(&mut self, it: &PrivateInExpression<'a>) {
        self.visit_expression(&it.right);
        self.step(Step::Operate, it.right.span(), |_, _| {});
    }

    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        match &it.left {
            AssignmentTarget::ArrayAssignmentTarget(pattern) => {
                self.step(Step::Iterate, it.right.span(), |_, _| {});
                self.step(Step::Destructure, it.right.span(), |_, _| {});
                self.visit_array_assignment_target(pattern);
                self.note(it.left.span().start);
                self.visit_expression(&it.right);
                self.step(Step::Iterate, it.right.span(), |_, _| {});
            }
            AssignmentTarget::ObjectAssignmentTarget(pattern) => {
                let fill = |_: &Self, found: &mut Suspect| {
                    let names = pattern.properties.iter().filter_map(|one| match one {
                        AssignmentTargetProperty::AssignmentTargetPropertyIdentifier(one) => {
                            Some(one.binding.name.to_string())
                        }
                        AssignmentTargetProperty::AssignmentTargetPropertyProperty(one) => {
                            one.name.static_name().map(|name| name.to_string())
                        }
                    });
                    found.others = names.take(MOST_NAMES).collect();
                };
                self.step(Step::Destructure, it.right.span(), fill);
                self.visit_object_assignment_target(pattern);
                self.visit_expression(&it.right);
                self.step(Step::Destructure, it.right.span(), fill);
            }
            _ => {
                self.visit_assignment_target(&it.left);
                self.visit_expression(&it.right);
                if it.operator != AssignmentOperator::Assign {
                    self.step(Step::Operate, it.span, |_, _| {});
                }
                self.write(it.left.span());
                self.write_of(&it.left);
            }
        }
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        let Some(init) = &it.init else {
            return;
        };
        if matches!(it.id, BindingPattern::BindingIdentifier(_)) {
            self.visit_expression(init);
            return;
        }
        self.pattern(&it.id, Some(init.span()));
        self.visit_expression(init);
        // Where the value is taken apart, the position may be that of the value, too.
        self.taken_apart(&it.id, init.span());
    }

    fn visit_formal_parameter(&mut self, it: &FormalParameter<'a>) {
        self.pattern(&it.pattern, None);
        if let Some(initializer) = &it.initializer {
            self.visit_expression(initializer);
        }
    }

    fn visit_throw_statement(&mut self, it: &ThrowStatement<'a>) {
        self.note(it.argument.span().start);
        let mut inner = &it.argument;
        while let Expression::ParenthesizedExpression(parenthesized) = inner {
            inner = &parenthesized.expression;
        }
        let around = self.thrown.replace(inner.span());
        self.visit_expression(&it.argument);
        self.thrown = around;
        self.step(Step::Throw, it.argument.span(), |_, found| {
            found.thrown = true;
        });
    }

    fn visit_for_statement(&mut self, it: &ForStatement<'a>) {
        if let Some(init) = &it.init {
            self.visit_for_statement_init(init);
        }
        if let Some(test) = &it.test {
            self.visit_expression(test);
        }
        self.visit_statement(&it.body);
        if let Some(update) = &it.update {
            self.visit_expression(update);
        }
    }

    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        let iterate = |finder: &mut Self| {
            finder.step(Step::Iterate, it.right.span(), |finder, found| {
                finder.name_it(found, &it.right);
            });
        };
        self.visit_expression(&it.right);
        iterate(self);
        if let ForStatementLeft::VariableDeclaration(declaration) = &it.left {
            for declarator in &declaration.declarations {
                self.pattern(&declarator.id, None);
            }
        } else {
            self.visit_for_statement_left(&it.left);
        }
        self.visit_statement(&it.body);
        iterate(self);
        self.note(it.span.start);
        iterate(self);
    }

    fn visit_for_in_statement(&mut self, it: &ForInStatement<'a>) {
        self.visit_expression(&it.right);
        if !matches!(it.left, ForStatementLeft::VariableDeclaration(_)) {
            self.visit_for_statement_left(&it.left);
        }
        self.visit_statement(&it.body);
    }

    fn visit_yield_expression(&mut self, it: &YieldExpression<'a>) {
        if let Some(argument) = &it.argument {
            self.visit_expression(argument);
            if it.delegate {
                self.step(Step::Iterate, argument.span(), |finder, found| {
                    finder.name_it(found, argument);
                });
            }
        }
    }

    fn visit_reg_exp_literal(&mut self, it: &RegExpLiteral<'a>) {
        self.step(Step::Pattern, it.span, |_, _| {});
    }

    fn visit_function(&mut self, it: &Function<'a>, _: ScopeFlags) {
        self.in_function(it.span, |finder| {
            finder.visit_formal_parameters(&it.params);
            if let Some(body) = &it.body {
                finder.visit_function_body(body);
            }
        });
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.in_function(it.span, |finder| {
            finder.visit_formal_parameters(&it.params);
            finder.visit_arrow_function_body(&it.body);
        });
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        if let Some(heritage) = &it.heritage {
            self.visit_expression(&heritage.expression);
            self.step(Step::Extend, heritage.expression.span(), |finder, found| {
                finder.name_it(found, &heritage.expression);
            });
        }
        self.class.push(class_members(&it.body));
        // Fields are set by functions of their own.
        let mut fields = [Marks::FIELDS; 2];
        for element in &it.body.body {
            match element {
                ClassElement::PropertyDefinition(field) => {
                    if field.computed {
                        self.visit_property_key(&field.key);
                    }
                    let Some(value) = &field.value else {
                        continue;
                    };
                    let nth = usize::from(field.r#static);
                    self.in_function(it.span, |finder| {
                        finder.last = fields[nth];
                        finder.visit_expression(value);
                        fields[nth] = finder.last;
                    });
                }
                ClassElement::StaticBlock(block) => {
                    self.in_function(block.span, |finder| finder.visit_static_block(block));
                }
                ClassElement::MethodDefinition(method) => {
                    if method.computed {
                        self.visit_property_key(&method.key);
                    }
                    self.visit_function(&method.value, ScopeFlags::Function);
                }
                _ => self.visit_class_element(element),
            }
        }
        self.class.pop();
    }
}

impl Finder<'_> {
    /// A pattern that takes a value apart, in the order of the bytecode: before the value that it is given.
    fn pattern(&mut self, pattern: &BindingPattern<'_>, value: Option<Span>) {
        let mark = value.unwrap_or_else(|| pattern.span());
        match pattern {
            BindingPattern::BindingIdentifier(_) => {}
            BindingPattern::ObjectPattern(object) => {
                self.taken_apart(pattern, mark);
                for property in &object.properties {
                    if property.computed {
                        self.visit_property_key(&property.key);
                    }
                    self.pattern(&property.value, None);
                }
            }
            BindingPattern::ArrayPattern(array) => {
                self.taken_apart(pattern, mark);
                for element in array.elements.iter().flatten() {
                    self.pattern(element, None);
                }
                self.note(array.span.start);
                self.taken_apart(pattern, mark);
            }
            BindingPattern::AssignmentPattern(assigned) => {
                self.pattern(&assigned.left, None);
                self.visit_expression(&assigned.right);
            }
        }
    }

    fn taken_apart(&mut self, pattern: &BindingPattern<'_>, mark: Span) {
        match pattern {
            BindingPattern::ObjectPattern(object) => {
                self.step(Step::Destructure, mark, |finder, found| {
                    found.text = finder.slice(mark);
                    let keys = object.properties.iter();
                    let names = keys.filter_map(|one| one.key.static_name());
                    let names = names.map(|name| name.to_string());
                    found.others = names.take(MOST_NAMES).collect();
                });
            }
            BindingPattern::ArrayPattern(_) => {
                self.step(Step::Iterate, mark, |finder, found| {
                    found.text = finder.slice(mark);
                });
            }
            _ => {}
        }
    }

    /// A variable is written.
    fn write(&mut self, target: Span) {
        let text = self.slice(target);
        let is_name = !text.is_empty()
            && !text.contains(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
        if is_name {
            self.step(Step::Write, target, |_, found| {
                found.name = Some(text.clone());
                found.text = text.clone();
                found.tail = target.start as usize;
            });
        }
    }

    /// A member is written.
    fn write_of(&mut self, target: &AssignmentTarget<'_>) {
        match target {
            AssignmentTarget::StaticMemberExpression(member) => {
                let property = (member.property.name.as_str(), member.property.span);
                self.member(Step::Write, member.span, &member.object, Some(property));
            }
            AssignmentTarget::PrivateFieldExpression(member) => {
                let name = format!("#{}", member.field.name);
                self.member(
                    Step::Write,
                    member.span,
                    &member.object,
                    Some((&name, member.field.span)),
                );
            }
            AssignmentTarget::ComputedMemberExpression(member) => {
                let name = match &member.expression {
                    Expression::StringLiteral(literal) => Some(literal.value.to_string()),
                    Expression::NumericLiteral(literal) => Some(literal.value.to_string()),
                    _ => None,
                };
                let span = Span::new(member.expression.span().start, member.span.end);
                let property = name.as_deref().map(|name| (name, span));
                self.member(Step::Write, member.span, &member.object, property);
            }
            _ => {}
        }
    }
}
