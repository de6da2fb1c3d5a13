//! Variables, and the JavaScript that uses them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use cla_runtime::RuleError;
use cla_runtime::host::json_to_value;
use cla_runtime::internal::{
    Awaiting, Declaration, LineEnds, ModuleCache, Origin, Sources, Suspect, SyntaxProblem,
    compile_script_at, nearest, problems, run_of, suspects,
};
use cla_runtime::js::{self, Array, Ctx, Function, IntoJs, Object, Value};

use super::{Book, Data};
use crate::filter;
use crate::shown::shown;
use crate::template::{Code, Hole, Piece, Template};
use crate::yaml::{self, Place};

/// Gives a `with` statement the variables of `vars` as names: what is set is a variable, what is only read must have
/// been set. The names of the language itself keep their meaning, unless a variable has the same name. What every object
/// inherits, such as `toString`, is no name.
///
/// `secret` is a variable, too, unless the rulebook sets one of that name: `secret.NAME` reads a secret of the run. So is
/// `config`: a copy of the settings.
///
/// The second function follows a path. It finds what was set, and of what is inherited no functions.
const SCOPE: &str = "((readSecret, readConfig, isFilter) => {
    const { hasOwn } = Object, { unscopables } = Symbol, Missing = ReferenceError, world = globalThis, toObject = Object, inherited = Object.prototype;
    const isGlobal = key => hasOwn(world, key) || key in world && !(key in inherited);
    const secret = new Proxy({}, { get: (_, name) => typeof name === 'string' ? readSecret(name) : undefined });
    const names = vars => new Proxy(vars, {
        has: (vars, key) => typeof key === 'string' && (hasOwn(vars, key) || key === 'stash' || key === 'secret' || key === 'config' || !isGlobal(key)),
        get(vars, key) {
            if (key === unscopables) return undefined;
            if (hasOwn(vars, key)) return vars[key];
            if (key === 'stash') return vars;
            if (key === 'secret') return secret;
            if (key === 'config') return readConfig();
            throw new Missing(`${String(key)} is not set` + (isFilter(key) ? `; a filter is written \\${name|${key}}` : ''));
        },
    });
    const follow = (vars, keys) => {
        const first = keys[0];
        let value;
        if (hasOwn(vars, first)) value = vars[first];
        else if (first === 'stash') value = vars;
        else if (first === 'secret') value = secret;
        else if (first === 'config') value = readConfig();
        for (let nth = 1; nth < keys.length; nth += 1) {
            const key = keys[nth];
            if (value === undefined || value === null) return undefined;
            if (value === secret) {
                value = readSecret(key);
                continue;
            }
            const inner = value[key];
            if (!hasOwn(toObject(value), key) && (typeof inner === 'function' || key === '__proto__')) return undefined;
            value = inner;
        }
        return value;
    };
    return [names, follow];
})";

/// Where the stack says that the code above is.
pub(crate) const SCOPE_FILE: &str = "cla:scope";

/// The names that are there by themselves.
const GIVEN: [&str; 3] = ["stash", "secret", "config"];

/// How the wrapper of code begins; the code follows on the line where it stands.
///
/// Statements have a function of their own within the `with`: what they declare with `var` stays in it.
const EXPRESSION: (&str, &str) = ("(function($vars){with($vars){return (", ")}})");
const STATEMENTS: (&str, &str) = (
    "(function($vars){with($vars){return (function(){",
    "}).call(this)}})",
);
const ASYNC_EXPRESSION: (&str, &str) = ("(async function($vars){with($vars){return (", ")}})");
const ASYNC_STATEMENTS: (&str, &str) = (
    "(function($vars){with($vars){return (async function(){",
    "}).call(this)}})",
);

/// Code as it is compiled: a function of the variables.
struct Wrapped<'c> {
    head: &'static str,
    /// Spaces before the code.
    indent: usize,
    text: &'c str,
    end: &'static str,
    tail: &'static str,
}

impl<'c> Wrapped<'c> {
    fn new(code: &Code, text: &'c str, is_expression: bool) -> Self {
        let (head, tail) = match (is_expression, text.contains("await")) {
            (true, false) => EXPRESSION,
            (false, false) => STATEMENTS,
            (true, true) => ASYNC_EXPRESSION,
            (false, true) => ASYNC_STATEMENTS,
        };
        Self {
            head,
            indent: code.at.column as usize - 1,
            text,
            // A comment must not swallow the rest; elsewhere, what is missing is missed in the code's own line.
            end: if text.contains("//") { "\n" } else { "" },
            tail,
        }
    }

    /// Where the code begins, in bytes.
    fn start(&self) -> usize {
        HEAD + self.indent
    }

    /// All of it.
    fn text(&self) -> String {
        let Self {
            head,
            indent,
            text,
            end,
            tail,
        } = self;
        format!("{head:HEAD$}{:indent$}{text}{end}{tail}", "")
    }
}

/// So many columns are before the first line of code, whichever head it has.
const HEAD: usize = 64;

/// What an op sees: variables, as an object and as what makes names of them, and the rulebook it stands in.
#[derive(Clone)]
pub(crate) struct Scope<'js> {
    pub(crate) vars: Object<'js>,
    names: Value<'js>,
    evaluator: Rc<Evaluator<'js>>,
}

impl<'js> Scope<'js> {
    pub(crate) fn new(evaluator: &Rc<Evaluator<'js>>, vars: Object<'js>) -> js::Result<Self> {
        let names = evaluator.make_names.call((vars.clone(),))?;
        let evaluator = Rc::clone(evaluator);
        Ok(Self {
            vars,
            names,
            evaluator,
        })
    }

    /// The rulebook whose op this is.
    pub(crate) fn book(&self) -> &Arc<Book> {
        &self.evaluator.book
    }

    /// The value of an expression, or what statements return. A promise if there is an `await` in it.
    pub(crate) fn code(&self, code: &Code) -> js::Result<Value<'js>> {
        self.evaluator.code(code, self)
    }

    /// The value of data with templates in it.
    pub(crate) fn data(&self, data: &Data) -> js::Result<Value<'js>> {
        self.evaluator.data(data, self)
    }

    /// The value of a part of a template.
    pub(crate) fn piece(&self, piece: &Piece) -> js::Result<Value<'js>> {
        self.evaluator.piece(piece, self)
    }

    /// What was set at this path: a variable, or a part of one. Not what is there by itself, such as secrets.
    pub(crate) fn variable(&self, path: &str) -> js::Result<Option<Value<'js>>> {
        let first = keys(path).next().unwrap_or_default();
        if GIVEN.contains(&first) && !self.vars.contains_key(first)? {
            return Ok(None);
        }
        let value = self.evaluator.follow(path, self)?;
        Ok(Some(value).filter(|value| !value.is_undefined()))
    }

    /// Where the hole stands whose value could not be found, if that was why the last question failed.
    pub(crate) fn take_failed_at(&self) -> Option<Place> {
        self.evaluator.failed_at.take()
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]
fn read_secret(ctx: Ctx<'_>, name: String) -> js::Result<String> {
    match run_of(&ctx) {
        Some(run) => Ok(run.secret(&ctx, &name)?.to_owned()),
        None => Err(js::Exception::throw_message(&ctx, "there is no run")),
    }
}

/// The settings of the run.
#[expect(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]
fn read_config(ctx: Ctx<'_>) -> js::Result<Value<'_>> {
    match run_of(&ctx).as_ref().and_then(|run| run.config()) {
        Some(config) => json_to_value(&ctx, config),
        None => Ok(Object::new(ctx.clone())?.into_value()),
    }
}

/// Evaluates the JavaScript of one rulebook. What was compiled once is kept.
pub(crate) struct Evaluator<'js> {
    ctx: Ctx<'js>,
    book: Arc<Book>,
    make_names: Function<'js>,
    follow: Function<'js>,
    /// See [`Scope::take_failed_at`].
    failed_at: Cell<Option<Place>>,
    compiled: RefCell<HashMap<(u32, u32), Function<'js>>>,
}

impl<'js> Evaluator<'js> {
    pub(crate) fn new(ctx: &Ctx<'js>, book: &Arc<Book>) -> js::Result<Self> {
        let mut options = js::context::EvalOptions::default();
        options.filename = Some(SCOPE_FILE.to_owned());
        let make: Function<'js> = ctx.eval_with_options(SCOPE, options)?;
        let made: Array<'js> = make.call((
            Function::new(ctx.clone(), read_secret)?,
            Function::new(ctx.clone(), read_config)?,
            Function::new(ctx.clone(), |name: String| filter::is_known(&name))?,
        ))?;
        Ok(Self {
            ctx: ctx.clone(),
            book: Arc::clone(book),
            make_names: made.get(0)?,
            follow: made.get(1)?,
            failed_at: Cell::default(),
            compiled: RefCell::default(),
        })
    }

    pub(crate) fn book(&self) -> &Arc<Book> {
        &self.book
    }

    fn code(&self, code: &Code, scope: &Scope<'js>) -> js::Result<Value<'js>> {
        self.compiled(code, || self.compile(code))?
            .call((scope.names.clone(),))
    }

    /// The value of what stands between `{{` and `}}`: of statements, that of the last one.
    fn last_value(&self, code: &Code, scope: &Scope<'js>) -> js::Result<Value<'js>> {
        let compile = || {
            let mut compiled = self.compile_as(code, &code.text, true);
            if compiled.is_err() {
                for text in last_values(&code.text) {
                    self.ctx.catch();
                    let is_expression = !text.contains(RETURN);
                    compiled = self.compile_as(code, &text, is_expression);
                    if compiled.is_ok() {
                        break;
                    }
                }
            }
            let compiled = compiled.or_else(|_| {
                self.ctx.catch();
                self.compile_as(code, &code.text, false)
            });
            compiled.map_err(|error| self.plainer(code, error))
        };
        self.compiled(code, compile)?.call((scope.names.clone(),))
    }

    fn compiled(
        &self,
        code: &Code,
        compile: impl FnOnce() -> js::Result<Function<'js>>,
    ) -> js::Result<Function<'js>> {
        let key = (code.at.line, code.at.column);
        if let Some(function) = self.compiled.borrow().get(&key) {
            return Ok(function.clone());
        }
        let function = compile()?;
        self.compiled.borrow_mut().insert(key, function.clone());
        Ok(function)
    }

    pub(crate) fn compile(&self, code: &Code) -> js::Result<Function<'js>> {
        let compiled = self.compile_as(code, &code.text, true).or_else(|_| {
            self.ctx.catch();
            self.compile_as(code, &code.text, false)
        });
        compiled.map_err(|error| self.plainer(code, error))
    }

    /// The error of code that does not parse, in the words of a better parser.
    fn plainer(&self, code: &Code, error: js::Error) -> js::Error {
        if !error.is_exception() {
            return error;
        }
        let thrown = self.ctx.catch();
        let is_syntax = thrown.as_exception().is_some_and(|error| {
            error
                .get::<_, String>("name")
                .is_ok_and(|name| name == "SyntaxError")
        });
        match syntax_problem(code).filter(|_| is_syntax) {
            Some(problem) => {
                self.failed_at.set(Some(Place {
                    line: problem.line,
                    column: problem.column,
                    length: problem.length,
                }));
                js::Exception::throw_syntax(&self.ctx, &problem.message)
            }
            None => self.ctx.throw(thrown),
        }
    }

    /// Compiles `text` as what stands where `code` stands: an expression, or statements.
    fn compile_as(
        &self,
        code: &Code,
        text: &str,
        is_expression: bool,
    ) -> js::Result<Function<'js>> {
        let text = Wrapped::new(code, text, is_expression).text();
        // So that QuickJS counts lines and columns as the rulebook's author does.
        compile_script_at(&self.ctx, &self.book.name, &text, code.line)?
            .run()?
            .get()
    }

    fn template(&self, template: &Template, scope: &Scope<'js>) -> js::Result<Value<'js>> {
        if let [piece] = template.pieces.as_slice() {
            return self.piece(piece, scope);
        }
        let mut text = String::new();
        for piece in &template.pieces {
            text.push_str(&shown(&self.piece(piece, scope)?)?);
        }
        text.into_js(&self.ctx)
    }

    fn piece(&self, piece: &Piece, scope: &Scope<'js>) -> js::Result<Value<'js>> {
        match piece {
            Piece::Literal(text) => text.as_str().into_js(&self.ctx),
            Piece::Code(code) => self.last_value(code, scope),
            Piece::Path(hole) => self.hole(hole, scope),
        }
    }

    /// The value of a variable, or a part of one, with its filters.
    fn hole(&self, hole: &Hole, scope: &Scope<'js>) -> js::Result<Value<'js>> {
        let failed = |error| {
            self.failed_at.set(Some(hole.path.at));
            error
        };
        let mut value = self.follow(&hole.path.text, scope).map_err(failed)?;
        for filter in &hole.filters {
            let failed = |error| {
                self.failed_at.set(Some(filter.at));
                error
            };
            if value.is_undefined() && !filter.takes_nothing() {
                return Err(self.unset(hole, &hole.path.text, scope));
            }
            let mut arguments = Vec::new();
            for argument in &filter.arguments {
                arguments.push(match argument {
                    filter::Argument::Value(json) => json_to_value(&self.ctx, json)?,
                    filter::Argument::Path(path) => {
                        let value = self.follow(path, scope).map_err(failed)?;
                        if value.is_undefined() {
                            return Err(self.unset(hole, path, scope));
                        }
                        value
                    }
                });
            }
            value = filter.apply(&self.ctx, value, &arguments).map_err(failed)?;
        }
        match value.is_undefined() {
            true => Err(self.unset(hole, &hole.path.text, scope)),
            false => Ok(value),
        }
    }

    /// What was set at this path; `undefined` if nothing was.
    fn follow(&self, path: &str, scope: &Scope<'js>) -> js::Result<Value<'js>> {
        self.follow_keys(&keys(path).collect::<Vec<_>>(), scope)
    }

    fn follow_keys(&self, keys: &[&str], scope: &Scope<'js>) -> js::Result<Value<'js>> {
        self.follow.call((scope.vars.clone(), keys.to_vec()))
    }

    /// The error of a path at which nothing is set: names the first part that is not, and what was probably meant.
    fn unset(&self, hole: &Hole, path: &str, scope: &Scope<'js>) -> js::Error {
        self.failed_at.set(Some(hole.path.at));
        let keys: Vec<&str> = keys(path).collect();
        let mut around = scope.vars.clone().into_value();
        let mut known = 0;
        for end in 1..=keys.len() {
            match self.follow_keys(&keys[..end], scope) {
                Ok(value) if !value.is_undefined() => (around, known) = (value, end),
                Ok(_) => break,
                Err(error) => return error,
            }
        }
        // The part of the path as it is written.
        let mut ends = path.match_indices(['.', '[']).map(|(at, _)| at);
        let end = ends.nth(known).unwrap_or(path.len());
        let mut message = format!("{} is not set", &path[..end]);
        let names = around.as_object().map(filter::names).unwrap_or_default();
        if let Some(missing) = keys.get(known)
            && let Some(near) = nearest(missing, names.iter().map(String::as_str))
        {
            message.push_str(&format!("; did you mean {near}?"));
        }
        js::Exception::throw_reference(&self.ctx, &message)
    }

    fn data(&self, data: &Data, scope: &Scope<'js>) -> js::Result<Value<'js>> {
        let ctx = &self.ctx;
        Ok(match data {
            Data::Null => Value::new_null(ctx.clone()),
            Data::Bool(value) => Value::new_bool(ctx.clone(), *value),
            Data::Number(value) => value.into_js(ctx)?,
            Data::Text(template) => self.template(template, scope)?,
            Data::List(items) => {
                let list = Array::new(ctx.clone())?;
                for (index, item) in items.iter().enumerate() {
                    list.set(index, self.data(item, scope)?)?;
                }
                list.into_value()
            }
            Data::Map(entries) => {
                let map = Object::new(ctx.clone())?;
                for (key, value) in entries {
                    let key = shown(&self.template(key, scope)?)?;
                    map.set(key, self.data(value, scope)?)?;
                }
                map.into_value()
            }
        })
    }
}

/// The keys of a path: those of `a.b[0]` are `a`, `b` and `0`.
fn keys(path: &str) -> impl Iterator<Item = &str> {
    path.split(['.', '[']).map(|key| key.trim_end_matches(']'))
}

/// What makes statements give the value of the last one.
const RETURN: &str = ";return (";

/// Other ways to write statements, so that they give the value of the last one; which of them mean something, the compiler
/// says. The first ones keep each character in its column.
fn last_values(code: &str) -> Vec<String> {
    let mut ends = ends_of_statements(code);
    let mut text = code.to_owned();
    if let Some(last) = ends.last().copied()
        && code[last + 1..].trim().is_empty()
    {
        text.replace_range(last..=last, " ");
        ends.pop();
    }
    let mut texts = vec![text.clone()];
    if let Some(last) = ends.last().copied() {
        let mut joined = text.clone();
        for end in ends {
            joined.replace_range(end..=end, ",");
        }
        texts.push(joined);
        texts.push(format!("{}{RETURN}{})", &text[..last], &text[last + 1..]));
    }
    texts
}

/// Where the semicolons stand that are in no brackets, texts or comments.
fn ends_of_statements(code: &str) -> Vec<usize> {
    let (mut ends, mut depth, mut quote) = (Vec::new(), 0_usize, None);
    let mut characters = code.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match quote {
            Some(_) if c == '\\' => drop(characters.next()),
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None => match c {
                '\'' | '"' | '`' => quote = Some(c),
                '/' if code[at..].starts_with("//") => quote = Some('\n'),
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                ';' if depth == 0 => ends.push(at),
                _ => {}
            },
        }
    }
    ends
}

/// What is wrong with code that does not parse.
pub(crate) fn syntax_problem(code: &Code) -> Option<SyntaxProblem> {
    let text = code.text.as_str();
    let (before, after) = match (text.contains("await"), text.trim_start().starts_with('{')) {
        (true, _) => ("async () => {\n", "\n}"),
        // An object rather than a block.
        (false, true) => ("(\n", "\n)"),
        (false, false) => ("", ""),
    };
    let found = problems("code.cjs", &format!("{before}{text}{after}"));
    let first = found.into_iter().next()?;
    let line = first.line - before.matches('\n').count() as u32;
    let place = code.place_of((line.max(1), first.column), first.length);
    Some(place.problem(first.message, first.help))
}

/// The code that has this line and column for the interpreter, in bytes.
fn code_at(book: &Book, line: u32, column: u32) -> Option<&Code> {
    let codes = &book.codes;
    let start = |code: &Code| (code.line, code.at.column + HEAD as u32 - 1);
    let before = codes.partition_point(|code| start(code) <= (line, column));
    let begun = before.checked_sub(1).map(|nth| &codes[nth]);
    let has_line = |code: &&Code| (code.line..=code.line + code.line_feeds()).contains(&line);
    // What is missing at the end is missed in a line after it, and QuickJS may point before the first character.
    begun
        .filter(has_line)
        .or_else(|| codes.get(before).filter(has_line))
        .or(begun)
}

/// Where the interpreter's line and column, in bytes, is in a text, in bytes.
fn offset_in(code: &Code, line: u32, column: u32) -> usize {
    let text = code.text.as_str();
    let Some(nth) = line.checked_sub(code.line) else {
        return 0;
    };
    let mut starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let Some(start) = starts.nth(nth as usize) else {
        return text.len();
    };
    let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let indent = if nth == 0 {
        HEAD as u32 + code.at.column - 1
    } else {
        0
    };
    let offset = start + (column.saturating_sub(1 + indent)) as usize;
    text.floor_char_boundary(offset.min(end))
}

/// The steps that may have failed at a place in the JavaScript of a rulebook; where they are is in bytes of the rulebook.
fn suspects_in(book: &Book, line: u32, column: u32) -> Vec<Suspect> {
    // The position of a function's start is that of its line.
    if column == 1 {
        let on_line = book.codes.iter().filter(|code| code.line == line);
        let mut found = on_line.flat_map(|code| suspects_of(book, code, line, column));
        let mut found = found.by_ref().peekable();
        if found.peek().is_some() {
            return found.collect();
        }
    }
    match code_at(book, line, column) {
        Some(code) => suspects_of(book, code, line, column),
        None => Vec::new(),
    }
}

fn suspects_of(book: &Book, code: &Code, line: u32, column: u32) -> Vec<Suspect> {
    let offset_of = |offset: usize| {
        let (line, column) = code.position(offset);
        byte_at(&book.text, line, column)
    };
    let mut variants = vec![(code.text.clone(), true)];
    variants.extend(last_values(&code.text).into_iter().map(|text| {
        let is_expression = !text.contains(RETURN);
        (text, is_expression)
    }));
    variants.push((code.text.clone(), false));
    for (text, is_expression) in variants {
        let wrapped = Wrapped::new(code, &text, is_expression);
        let found = suspects(&wrapped.text(), 0, line + 1 - code.line, column);
        if found.is_empty() {
            continue;
        }
        let start = wrapped.start();
        // In what gives the value of its last statement, more stands before that one.
        let longer = text.find(RETURN).filter(|_| text != code.text);
        let own = |offset: usize| {
            let offset = offset.checked_sub(start)?;
            let shift = match longer {
                Some(at) if offset > at => RETURN.len() - 1,
                _ => 0,
            };
            (offset - shift <= code.text.len()).then_some(offset - shift)
        };
        let moved = found.into_iter().filter_map(|mut suspect| {
            let (from, to) = (own(suspect.range.0)?, own(suspect.range.1)?);
            let last = code.text.get(from..to)?.chars().next_back()?.len_utf8();
            let end = offset_of(to - last)?;
            let last = book.text.get(end..)?.chars().next()?.len_utf8();
            suspect.range = (offset_of(from)?, end + last);
            suspect.tail = offset_of(own(suspect.tail)?)?;
            (suspect.range.0 < suspect.range.1).then_some(suspect)
        });
        return moved.collect();
    }
    Vec::new()
}

/// Where a line and a column, in characters, are in a text, in bytes.
fn byte_at(text: &str, line: u32, column: u32) -> Option<usize> {
    let own = yaml::lines(text).nth(line as usize - 1)?;
    let at = own.char_indices().nth(column as usize - 1);
    let at = at.map_or(own.len(), |(at, _)| at);
    Some(own.as_ptr().addr() - text.as_ptr().addr() + at)
}

/// The line and the column, in characters, of a byte of a text.
fn line_and_column(text: &str, at: usize) -> (u32, u32) {
    let before = &text[..text.floor_char_boundary(at)];
    let lines: Vec<&str> = yaml::lines(before).collect();
    let last = lines.last().map_or(0, |line| line.chars().count());
    (lines.len().max(1) as u32, last as u32 + 1)
}

/// The sources of a run with a rulebook, for errors that point into them.
pub(crate) struct BookSources<'a> {
    pub(crate) modules: &'a ModuleCache,
    pub(crate) books: &'a [Arc<Book>],
}

impl BookSources<'_> {
    fn book(&self, file: &str) -> Option<&Book> {
        let mut books = self.books.iter();
        books.find(|book| book.name == file).map(|book| &**book)
    }
}

impl Sources for BookSources<'_> {
    fn text(&self, file: &str) -> Option<Arc<str>> {
        match self.book(file) {
            Some(book) => Some(Arc::clone(&book.text)),
            None => self.modules.text(file),
        }
    }

    fn original(&self, file: &str, line: u32, column: u32) -> Option<(u32, u32)> {
        let Some(book) = self.book(file) else {
            return self.modules.original(file, line, column);
        };
        let code = code_at(book, line, column)?;
        Some(code.position(offset_in(code, line, column)))
    }

    fn mapped(&self, file: &str, line: u32, column: u32) -> Option<(String, u32, u32)> {
        match self.book(file) {
            Some(_) => None,
            None => self.modules.mapped(file, line, column),
        }
    }

    fn display_name(&self, file: &str) -> String {
        self.modules.display_name(file)
    }

    fn suspects(&self, file: &str, line: u32, column: u32) -> Vec<Suspect> {
        match self.book(file) {
            Some(book) => suspects_in(book, line, column),
            None => self.modules.suspects(file, line, column),
        }
    }

    fn mark(&self, file: &str, suspect: &Suspect) -> Option<(u32, u32, u32)> {
        match self.book(file) {
            // What is marked is in one line.
            Some(book) => {
                let (line, column) = line_and_column(&book.text, suspect.range.0);
                let part = book.text.get(suspect.range.0..suspect.range.1)?;
                let part = part.split(['\n', '\r']).next().unwrap_or_default();
                Some((line, column, part.chars().count().max(1) as u32))
            }
            None => self.modules.mark(file, suspect),
        }
    }

    fn imported<'js>(&self, ctx: &Ctx<'js>, file: &str, origin: &Origin) -> Option<Value<'js>> {
        self.modules.imported(ctx, file, origin)
    }

    fn problems(&self, file: &str) -> Vec<SyntaxProblem> {
        match self.book(file) {
            Some(_) => Vec::new(),
            None => self.modules.problems(file),
        }
    }

    fn prepared(&self, message: &str) -> Option<RuleError> {
        self.modules.prepared(message)
    }

    fn declaration(&self, file: &str, name: &str) -> Option<Declaration> {
        match self.book(file) {
            Some(_) => None,
            None => self.modules.declaration(file, name),
        }
    }

    fn awaiting(&self, file: &str, function: &str) -> Option<Awaiting> {
        match self.book(file) {
            Some(_) => None,
            None => self.modules.awaiting(file, function),
        }
    }

    fn is_library(&self, file: &str) -> bool {
        file == SCOPE_FILE || self.modules.is_library(file)
    }

    fn line_ends(&self, file: &str) -> LineEnds {
        match self.book(file) {
            Some(_) => LineEnds::Plain,
            None => self.modules.line_ends(file),
        }
    }
}
