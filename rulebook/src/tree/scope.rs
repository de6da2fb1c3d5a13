//! Variables, and the JavaScript that uses them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use cla_runtime::RuleError;
use cla_runtime::host::json_to_value;
use cla_runtime::internal::{
    Awaiting, LineEnds, ModuleCache, Origin, Sources, Suspect, SyntaxProblem, TopLevel,
    compile_script, run_of,
};
use cla_runtime::js::{self, Array, Ctx, Function, IntoJs, Object, Value};

use super::{Book, Data};
use crate::template::{Code, Piece, Template};
use crate::yaml;

/// Gives a `with` statement the variables of `vars` as names: what is set is a variable, what is only read must have
/// been set. The names of the language itself keep their meaning, unless a variable has the same name.
///
/// `secret` is a variable, too, unless the rulebook sets one of that name: `secret.NAME` reads a secret of the run. So is
/// `config`: a copy of the settings.
const SCOPE: &str = "((readSecret, readConfig) => {
    const { hasOwn } = Object, { unscopables } = Symbol, Missing = ReferenceError, world = globalThis;
    const secret = new Proxy({}, { get: (_, name) => typeof name === 'string' ? readSecret(name) : undefined });
    return vars => new Proxy(vars, {
        has: (vars, key) => typeof key === 'string' && (hasOwn(vars, key) || key === 'stash' || key === 'secret' || key === 'config' || !(key in world)),
        get(vars, key) {
            if (key === unscopables) return undefined;
            if (hasOwn(vars, key)) return vars[key];
            if (key === 'stash') return vars;
            if (key === 'secret') return secret;
            if (key === 'config') return readConfig();
            throw new Missing(`${String(key)} is not set`);
        },
    });
})";

/// Where the stack says that the code above is.
pub(crate) const SCOPE_FILE: &str = "cla:scope";

/// How the wrapper of code begins; the code follows on the line where it stands.
const EXPRESSION: (&str, &str) = ("(function($vars){with($vars){return (", ")}})");
const STATEMENTS: (&str, &str) = ("(function($vars){with($vars){", "}})");
const ASYNC_EXPRESSION: (&str, &str) = ("(async function($vars){with($vars){return (", ")}})");
const ASYNC_STATEMENTS: (&str, &str) = ("(async function($vars){with($vars){", "}})");

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
    compiled: RefCell<HashMap<(u32, u32), Function<'js>>>,
}

impl<'js> Evaluator<'js> {
    pub(crate) fn new(ctx: &Ctx<'js>, book: &Arc<Book>) -> js::Result<Self> {
        Ok(Self {
            ctx: ctx.clone(),
            book: Arc::clone(book),
            make_names: {
                let mut options = js::context::EvalOptions::default();
                options.filename = Some(SCOPE_FILE.to_owned());
                let make: Function<'js> = ctx.eval_with_options(SCOPE, options)?;
                make.call((
                    Function::new(ctx.clone(), read_secret)?,
                    Function::new(ctx.clone(), read_config)?,
                ))?
            },
            compiled: RefCell::default(),
        })
    }

    pub(crate) fn book(&self) -> &Arc<Book> {
        &self.book
    }

    fn code(&self, code: &Code, scope: &Scope<'js>) -> js::Result<Value<'js>> {
        let key = (code.at.line, code.at.column);
        let known = self.compiled.borrow().get(&key).cloned();
        let function = match known {
            Some(function) => function,
            None => {
                let function = self.compile(code)?;
                self.compiled.borrow_mut().insert(key, function.clone());
                function
            }
        };
        function.call((scope.names.clone(),))
    }

    pub(crate) fn compile(&self, code: &Code) -> js::Result<Function<'js>> {
        let (expression, statements) = if code.text.contains("await") {
            (ASYNC_EXPRESSION, ASYNC_STATEMENTS)
        } else {
            (EXPRESSION, STATEMENTS)
        };
        // So that QuickJS counts lines and columns as the rulebook's author does.
        let mut lead = "\n".repeat(code.at.line as usize - 1);
        if code.indent.is_none() {
            lead.push_str(&" ".repeat(code.at.column as usize - 1));
        }
        let compile = |(head, tail): (&str, &str)| {
            // A comment must not swallow the rest; elsewhere, what is missing is missed in the code's own line.
            let end = if code.text.contains("//") { "\n" } else { "" };
            let text = format!("{head}{lead}{}{end}{tail}", code.text);
            compile_script(&self.ctx, &self.book.name, &text, TopLevel::Plain)
        };
        let compiled = compile(expression).or_else(|_| {
            self.ctx.catch();
            compile(statements)
        })?;
        compiled.run()?.get()
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
            Piece::Code(code) => self.code(code, scope),
            Piece::Path(code) => {
                let value = self.code(code, scope)?;
                if value.is_undefined() {
                    let message = format!("{} is not set", code.text);
                    return Err(js::Exception::throw_reference(&self.ctx, &message));
                }
                Ok(value)
            }
        }
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

/// A value within a text: what is nothing is empty, what is no text is JSON.
pub(crate) fn shown(value: &Value<'_>) -> js::Result<String> {
    if let Some(text) = value.as_string() {
        return cla_runtime::internal::exact_text(value.ctx(), "the text", text);
    }
    if value.is_null() || value.is_undefined() {
        return Ok(String::new());
    }
    if value.is_object()
        && let Some(json) = value.ctx().json_stringify(value.clone())?
    {
        return cla_runtime::internal::text(&json);
    }
    cla_runtime::internal::text(&value.get::<js::Coerced<js::String<'_>>>()?.0)
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
        let indent = book.indents.get(&line).copied().unwrap_or(0) as usize;
        // Code that does not keep its lines may seem to go on where there is nothing.
        let lines = yaml::lines(&book.text).enumerate();
        let (nth, text) = lines.take(line as usize).last()?;
        let end = if nth + 1 == line as usize {
            text.floor_char_boundary(indent + column as usize - 1)
        } else {
            text.len()
        };
        Some((nth as u32 + 1, text[..end].chars().count() as u32 + 1))
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
            Some(_) => Vec::new(),
            None => self.modules.suspects(file, line, column),
        }
    }

    fn mark(&self, file: &str, suspect: &Suspect) -> Option<(u32, u32, u32)> {
        match self.book(file) {
            Some(_) => None,
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

    fn awaiting(&self, file: &str, function: &str) -> Option<Awaiting> {
        match self.book(file) {
            Some(_) => None,
            None => self.modules.awaiting(file, function),
        }
    }

    fn is_library(&self, file: &str) -> bool {
        self.modules.is_library(file)
    }

    fn line_ends(&self, file: &str) -> LineEnds {
        match self.book(file) {
            Some(_) => LineEnds::Plain,
            None => self.modules.line_ends(file),
        }
    }
}
