//! What can follow a dot where an error happened, as far as that is known without running any of the rule's code.

use rquickjs::{Ctx, Filter, Object, Value};

use super::source::{DeclarationKind, Sources};
use super::suspect::{Step, Suspect, said};
use crate::nearest::nearest;

/// Most members of one object that are looked at.
const MOST_MEMBERS: usize = 2_000;

/// A shorter name is like too many of those that every program has.
const LONG_ENOUGH: usize = 4;

/// How many prototypes are followed.
const MOST_PROTOTYPES: usize = 16;

/// Members of values that every program has, for objects of which nothing is known.
const COMMON: [&str; 76] = [
    "length",
    "concat",
    "includes",
    "indexOf",
    "lastIndexOf",
    "slice",
    "at",
    "toString",
    "valueOf",
    "charAt",
    "charCodeAt",
    "codePointAt",
    "endsWith",
    "match",
    "matchAll",
    "normalize",
    "padEnd",
    "padStart",
    "repeat",
    "replace",
    "replaceAll",
    "search",
    "split",
    "startsWith",
    "substring",
    "toLowerCase",
    "toUpperCase",
    "trim",
    "trimEnd",
    "trimStart",
    "every",
    "fill",
    "filter",
    "find",
    "findIndex",
    "findLast",
    "flat",
    "flatMap",
    "forEach",
    "join",
    "keys",
    "map",
    "pop",
    "push",
    "reduce",
    "reduceRight",
    "reverse",
    "shift",
    "some",
    "sort",
    "splice",
    "toSorted",
    "toReversed",
    "toSpliced",
    "unshift",
    "values",
    "entries",
    "with",
    "has",
    "get",
    "set",
    "add",
    "delete",
    "clear",
    "size",
    "then",
    "catch",
    "finally",
    "call",
    "apply",
    "bind",
    "toFixed",
    "toPrecision",
    "toISOString",
    "getTime",
    "hasOwnProperty",
];

/// What other languages and libraries call what has another name here.
const FOREIGN: [(&str, &str); 28] = [
    ("add", "push"),
    ("all", "every"),
    ("any", "some"),
    ("append", "push"),
    ("collect", "map"),
    ("contains", "includes"),
    ("count", "length"),
    ("each", "forEach"),
    ("exists", "has"),
    ("extend", "concat"),
    ("fold", "reduce"),
    ("foreach", "forEach"),
    ("gsub", "replaceAll"),
    ("has_key", "has"),
    ("include", "includes"),
    ("inject", "reduce"),
    ("len", "length"),
    ("lower", "toLowerCase"),
    ("lowercase", "toLowerCase"),
    ("lstrip", "trimStart"),
    ("put", "set"),
    ("rstrip", "trimEnd"),
    ("select", "filter"),
    ("strip", "trim"),
    ("to_s", "toString"),
    ("upper", "toUpperCase"),
    ("uppercase", "toUpperCase"),
    ("where", "filter"),
];

const READ_ONLY: &str = "' is read-only";

/// Whether the message is about what a name may do at that place: its declaration says why.
fn is_of_declaration(message: &str) -> bool {
    message.ends_with(READ_ONLY) || message.ends_with(" is not initialized")
}

/// The members of what names in a file stand for.
pub(super) struct Members<'m, 'js> {
    ctx: &'m Ctx<'js>,
    sources: &'m dyn Sources,
    file: &'m str,
}

impl<'m, 'js> Members<'m, 'js> {
    pub(super) fn new(ctx: &'m Ctx<'js>, sources: &'m dyn Sources, file: &'m str) -> Self {
        Self { ctx, sources, file }
    }

    /// Whether what is called can be called; `None` if that is not known.
    pub(super) fn can_call(&self, suspect: &Suspect) -> Option<bool> {
        let value = self.value(suspect, &suspect.path)?;
        Some(value.is_function())
    }

    /// What was probably meant, as a sentence.
    pub(super) fn meant(&self, message: &str, suspect: &Suspect) -> Option<String> {
        match suspect.step {
            Step::Name | Step::Write if is_of_declaration(message) => self.declared(message),
            Step::Name => {
                let name = said(message)?.name?;
                let declared = self.sources.declaration(self.file, name);
                if declared.is_some_and(|declared| declared.kind == DeclarationKind::Type) {
                    return Some(format!(
                        "{name} is a type, of which nothing is left when the rule runs"
                    ));
                }
                let near = nearest(name, suspect.others.iter().map(String::as_str))?;
                (near != name).then(|| format!("did you mean {near}?"))
            }
            Step::Call | Step::Construct if message == "not a function" => {
                self.misspelt(suspect, &suspect.path, &suspect.others)
            }
            Step::Read | Step::Write => {
                // What is undefined is the object: one of its own names may be wrong.
                let (_, object) = suspect.path.split_last()?;
                self.misspelt(suspect, object, &suspect.others)
            }
            _ => None,
        }
    }

    /// What the declaration of a name has to do with it.
    fn declared(&self, message: &str) -> Option<String> {
        let name = said(message)?.name?;
        let declaration = self.sources.declaration(self.file, name)?;
        let line = declaration.line;
        match (declaration.kind, message.ends_with(READ_ONLY)) {
            (DeclarationKind::Import(module), false) => Some(format!(
                "it comes from '{module}', which has not run yet: the files import each other"
            )),
            (DeclarationKind::Import(module), true) => Some(format!(
                "it is imported from '{module}', and only that module can give it another value"
            )),
            (DeclarationKind::Constant, true) => Some(format!(
                "line {line} declares it with const; with let, it can get another value"
            )),
            (DeclarationKind::Type, _) | (DeclarationKind::Other, true) => None,
            (_, false) => Some(format!(
                "it is declared in line {line}, which has not run yet"
            )),
        }
    }

    /// What the last name of a path should have been, of the members of what the names before lead to.
    fn misspelt(&self, suspect: &Suspect, path: &[String], written: &[String]) -> Option<String> {
        let [.., _, name] = path else {
            return None;
        };
        let object = self.value(suspect, &path[..path.len() - 1]);
        let object = object.as_ref().and_then(Value::as_object);
        let known = match object {
            Some(object) => self.members(object)?,
            None => Vec::new(),
        };
        if known.contains(name) || written.contains(name) {
            return None;
        }
        let is_there = |ours: &&str| match (known.is_empty(), suspect.knows_members) {
            (false, _) => known.iter().any(|known| known == ours),
            (true, true) => written.iter().any(|written| written == ours),
            (true, false) => true,
        };
        let mut foreign = FOREIGN.iter().filter(|(other, _)| other == name);
        if let Some(ours) = foreign.find_map(|(_, ours)| Some(*ours).filter(is_there)) {
            return Some(format!("did you mean {ours}?"));
        }
        let near = match (known.is_empty(), suspect.knows_members) {
            (false, _) => nearest(name, known.iter().map(String::as_str)),
            (true, true) => nearest(name, written.iter().map(String::as_str)),
            (true, false) if name.len() >= LONG_ENOUGH => nearest(name, COMMON),
            (true, false) => None,
        };
        Some(format!(
            "did you mean {}?",
            near.filter(|near| near != name)?
        ))
    }

    /// What names lead to, if it can be had: from a module or the global object, by data properties alone.
    fn value(&self, suspect: &Suspect, path: &[String]) -> Option<Value<'js>> {
        let (first, rest) = path.split_first()?;
        let mut value = match &suspect.origin {
            Some(origin) => self.sources.imported(self.ctx, self.file, origin)?,
            None if suspect.is_local => return None,
            None => {
                let globals = self.ctx.globals();
                // The library's own globals are made when they are first read.
                self.swallow(globals.get::<_, Value<'js>>(first.as_str()))?
            }
        };
        for name in rest {
            let object = value
                .as_object()
                .filter(|object| !object.is_proxy())?
                .clone();
            value = self.swallow(object.get::<_, Value<'js>>(name.as_str()))?;
        }
        Some(value)
    }

    /// The names of the members, own and inherited; `None` for a proxy, which may have any.
    fn members(&self, object: &Object<'js>) -> Option<Vec<String>> {
        let mut names = Vec::new();
        let mut holder = Some(object.clone());
        for _ in 0..MOST_PROTOTYPES {
            let Some(object) = holder else { break };
            if object.is_proxy() {
                return None;
            }
            let keys = object.own_keys::<String>(Filter::new().string());
            for key in keys.take(MOST_MEMBERS) {
                names.extend(self.swallow(key));
            }
            holder = object.get_prototype();
        }
        Some(names)
    }

    fn swallow<T>(&self, result: rquickjs::Result<T>) -> Option<T> {
        if let Err(rquickjs::Error::Exception) = &result {
            self.ctx.catch();
        }
        result.ok()
    }
}
