//! ES modules around what is none: values that the host makes, JSON, and CommonJS modules.
//!
//! Each is a small module that takes its exports from `import.meta`, where this has put them.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::module::Declared;
use rquickjs::{Ctx, Function, IntoJs, Module};

use super::load::{Form, compile, form};
use super::{LoadedSource, ModuleCache, Reference, Resolved};
use crate::run::Run;

/// A module whose exports are those of `exports`: itself as the default, and `names` by name.
pub(super) fn wrap<'js>(
    ctx: &Ctx<'js>,
    modules: &ModuleCache,
    name: &str,
    names: &[String],
    exports: impl IntoJs<'js>,
) -> rquickjs::Result<Module<'js, Declared>> {
    let code = wrapper("import.meta.exports", names, "");
    let module = compile(ctx, modules, name, &code, true)?;
    module.meta()?.set("exports", exports)?;
    Ok(module)
}

/// A module that runs a CommonJS one when it is evaluated.
pub(super) fn wrap_commonjs<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &str,
    source: &LoadedSource,
) -> rquickjs::Result<Module<'js, Declared>> {
    let names = commonjs_names(ctx, run, name, source)?;
    let code = wrapper(
        "import.meta.load()",
        &names,
        "export { m as \"module.exports\" };",
    );
    let module = compile(ctx, run.modules(), name, &code, true)?;
    let load = {
        let run = Rc::clone(run);
        let name = name.to_owned();
        move |ctx: Ctx<'js>| super::require::load(&ctx, &run, &name, None)
    };
    module
        .meta()?
        .set("load", Function::new(ctx.clone(), load)?)?;
    Ok(module)
}

/// The source of a wrapping module. As in Node.js, the default export is all that the module exports, also if it calls
/// itself `__esModule`; a name whose getter throws is undefined.
fn wrapper(exports: &str, names: &[String], whole: &str) -> Arc<str> {
    use std::fmt::Write;
    let mut code = format!("const m = {exports};\nexport default m;\n{whole}\n");
    for (index, name) in names.iter().enumerate() {
        if name != "default" && name != "module.exports" {
            let name = serde_json::Value::from(name.as_str());
            // A String cannot fail to be written to.
            let _ = writeln!(
                code,
                "let v{index}; try {{ v{index} = m?.[{name}] }} catch {{}} export {{ v{index} as {name} }};"
            );
        }
    }
    code.into()
}

/// So many modules are looked at for the names that one exports.
const MOST_REEXPORTING: usize = 1000;

/// The names that a CommonJS module exports, also those of modules of which it exports all, as far as they can be found
/// without running any of them.
pub(super) fn commonjs_names(
    ctx: &Ctx<'_>,
    run: &Rc<Run>,
    name: &str,
    source: &LoadedSource,
) -> rquickjs::Result<Vec<String>> {
    let modules = run.modules();
    let failed_import = modules.failed_import.borrow().clone();
    let (mut names, mut known) = (Vec::new(), HashSet::new());
    let mut add = |name: String| {
        if known.insert(name.clone()) {
            names.push(name);
        }
    };
    let mut seen = HashSet::from([name.to_owned()]);
    let mut left = vec![(name.to_owned(), source.clone())];
    while let Some((importer, source)) = left.pop() {
        let Some(shape) = modules.shape(&importer, &source) else {
            assigned_names(&source.text).into_iter().for_each(&mut add);
            continue;
        };
        shape.commonjs.names.iter().cloned().for_each(&mut add);
        for specifier in &shape.commonjs.all_of {
            let found = modules.resolve_for(&importer, specifier, Reference::Required);
            match found {
                Ok(Resolved::BuiltIn(name)) => {
                    let exported = super::exported_names(ctx, run, &name);
                    exported.into_iter().flatten().for_each(&mut add);
                }
                Ok(Resolved::File(path)) => {
                    let Some(path) = path.to_str() else { continue };
                    if seen.len() >= MOST_REEXPORTING || !seen.insert(path.to_owned()) {
                        continue;
                    }
                    // What cannot be loaded fails when the module runs.
                    match form(ctx, run, path) {
                        Ok(Form::CommonJs(source)) => left.push((path.to_owned(), source)),
                        Ok(_) => {}
                        Err(error) if error.is_exception() && !run.must_stop() => drop(ctx.catch()),
                        Err(error) => return Err(error),
                    }
                }
                Err(_) => {}
            }
        }
    }
    *modules.failed_import.borrow_mut() = failed_import;
    Ok(names)
}

fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '$';
    characters.next().is_some_and(first) && characters.all(|c| first(c) || c.is_ascii_digit())
}

/// The names that a CommonJS module assigns, where it cannot be parsed: `exports.name =`, `module.exports.name =` and the keys of `module.exports = { a, b: 1 }`.
fn assigned_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |name: &str| {
        if is_identifier(name) && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    };
    for (position, _) in text.match_indices("exports") {
        let rest = &text[position + "exports".len()..];
        if let Some(rest) = rest.strip_prefix('.') {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$'))
                .unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let after = after.trim_start();
            if after.starts_with('=') && !after.starts_with("==") {
                add(name);
            }
        } else if let Some(list) = rest
            .trim_start()
            .strip_prefix('=')
            .and_then(|rest| rest.trim_start().strip_prefix('{'))
            && let Some(end) = list.find('}')
        {
            for item in list[..end].split(',') {
                add(item.split([':', '(']).next().unwrap_or("").trim());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::{assigned_names, wrapper};

    #[test]
    fn what_cannot_be_parsed_exports_what_it_assigns() {
        assert_eq!(
            assigned_names("exports.a = 1; module.exports.b = 2; exports.a == 3; exports.c == 1"),
            ["a", "b"]
        );
        assert_eq!(
            assigned_names("module.exports = { x, y: 1, 'odd-one': 2, z() {} };"),
            ["x", "y", "z"]
        );
    }

    #[test]
    fn a_wrapper_exports_every_name_and_the_whole() {
        let code = wrapper("m0", &["take".into(), "default".into(), "a\"b".into()], "");
        assert!(code.contains("export { v0 as \"take\" }"));
        assert!(code.contains(r#"export { v2 as "a\"b" }"#));
        assert_eq!(code.matches("default").count(), 1);
    }
}
