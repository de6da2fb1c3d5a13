//! How the functions of the standard library are called, read out of its type declarations.
//!
//! In a short form: the parameters with those of their types that a word or two can say.

use std::collections::HashMap;
use std::sync::LazyLock;

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    Class, FormalParameters, Function, MethodDefinition, PropertyKey,
    TSConstructSignatureDeclaration, TSExternalModuleDeclaration, TSInterfaceDeclaration,
    TSMethodSignature, TSNamespaceDeclaration, TSPropertySignature, VariableDeclarator,
};
use oxc::ast_visit::{Visit, walk};
use oxc::parser::Parser;
use oxc::span::{GetSpan, SourceType, Span};
use oxc::syntax::scope::ScopeFlags;

static DECLARED: LazyLock<Signatures> =
    LazyLock::new(|| Signatures::parse(cla_stdlib::TYPES.iter().chain(cla_rulebook::TYPES)));

/// What follows the opening parenthesis of a call: `name: string, options?, fn)`.
///
/// `path` are the names before the parenthesis, such as `["sem", "take"]`. A module's function without its
/// module is found if only one module has that name.
pub(crate) fn of(path: &[String]) -> Option<String> {
    DECLARED.of(path)
}

/// The same for a constructor.
pub(crate) fn of_class(name: &str) -> Option<String> {
    let parameters = DECLARED.constructors.get(name)?;
    Some(shortened(parameters))
}

#[derive(Default)]
struct Signatures {
    /// By owner (a module, a namespace, an interface; nothing for globals) and name: the overloads.
    functions: HashMap<String, HashMap<String, Vec<Vec<Parameter>>>>,
    constructors: HashMap<String, Vec<Vec<Parameter>>>,
    /// Names of variables, and the owner whose functions they have.
    owners: HashMap<String, String>,
    modules: Vec<String>,
}

#[derive(Clone)]
struct Parameter {
    /// With the dots of a rest parameter.
    name: String,
    optional: bool,
    kind: String,
}

impl Signatures {
    fn parse<'t>(files: impl IntoIterator<Item = &'t (&'t str, &'t str)>) -> Self {
        let mut signatures = Self::default();
        for (_, source) in files {
            let allocator = Allocator::default();
            let parsed = Parser::new(&allocator, source, SourceType::d_ts()).parse();
            let mut declarations = Declarations {
                source,
                owner: String::new(),
                module: None,
                renamed: Vec::new(),
                signatures: &mut signatures,
            };
            declarations.visit_program(&parsed.program);
        }
        signatures
    }

    fn of(&self, path: &[String]) -> Option<String> {
        let overloads = match path {
            [name] => self.functions.get("")?.get(name).or_else(|| {
                let mut found = self
                    .modules
                    .iter()
                    .filter_map(|module| self.functions.get(module)?.get(name));
                found.next().filter(|_| found.next().is_none())
            }),
            [variable, name] => {
                let owner = self.owners.get(variable).unwrap_or(variable);
                self.functions.get(owner)?.get(name)
            }
            _ => None,
        }?;
        Some(shortened(overloads))
    }
}

/// The longest of the overloads. Its parameters that others lack are optional.
fn shortened(overloads: &[Vec<Parameter>]) -> String {
    let Some(longest) = overloads.iter().max_by_key(|parameters| parameters.len()) else {
        return ")".to_owned();
    };
    let shown = longest.iter().map(|parameter| {
        let everywhere = overloads
            .iter()
            .all(|other| other.iter().any(|one| one.name == parameter.name));
        let rest = parameter.name.starts_with("...");
        let optional = if (parameter.optional || !everywhere) && !rest {
            "?"
        } else {
            ""
        };
        let name = &parameter.name;
        if is_plain(&parameter.kind) {
            format!("{name}{optional}: {}", parameter.kind)
        } else {
            format!("{name}{optional}")
        }
    });
    shown.collect::<Vec<_>>().join(", ") + ")"
}

/// Whether a type says something that the name of the parameter does not, in a few words.
fn is_plain(kind: &str) -> bool {
    let mut parts = kind.split(" | ").peekable();
    parts.peek().is_some()
        && parts.all(|part| {
            matches!(
                part,
                "string" | "number" | "boolean" | "bigint" | "null" | "object"
            )
        })
}

struct Declarations<'s> {
    source: &'s str,
    owner: String,
    /// The module that the declarations are in.
    module: Option<String>,
    /// What else a module's default export calls a function.
    renamed: Vec<(String, String)>,
    signatures: &'s mut Signatures,
}

impl Declarations<'_> {
    fn text(&self, span: Span) -> &str {
        &self.source[span.start as usize..span.end as usize]
    }

    fn parameters(&self, parameters: &FormalParameters<'_>) -> Vec<Parameter> {
        let mut all: Vec<_> = parameters
            .items
            .iter()
            .map(|item| Parameter {
                name: self.text(item.pattern.span()).to_owned(),
                optional: item.optional,
                kind: item
                    .type_annotation
                    .as_ref()
                    .map(|kind| self.text(kind.type_annotation.span()).to_owned())
                    .unwrap_or_default(),
            })
            .collect();
        all.extend(parameters.rest.iter().map(|rest| Parameter {
            name: self.text(rest.rest.span).to_owned(),
            optional: true,
            kind: String::new(),
        }));
        all
    }

    fn add(&mut self, name: &str, parameters: &FormalParameters<'_>) {
        let parameters = self.parameters(parameters);
        let of_owner = self
            .signatures
            .functions
            .entry(self.owner.clone())
            .or_default();
        of_owner
            .entry(name.to_owned())
            .or_default()
            .push(parameters);
    }

    fn add_constructor(&mut self, parameters: &FormalParameters<'_>) {
        let parameters = self.parameters(parameters);
        let class = self.owner.clone();
        self.signatures
            .constructors
            .entry(class)
            .or_default()
            .push(parameters);
    }

    fn within(&mut self, owner: &str, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.owner, owner.to_owned());
        visit(self);
        self.owner = outer;
    }
}

impl<'a> Visit<'a> for Declarations<'_> {
    fn visit_ts_external_module_declaration(&mut self, module: &TSExternalModuleDeclaration<'a>) {
        let name = module.id.value.to_string();
        self.module = Some(name.clone());
        self.signatures.modules.push(name.clone());
        self.within(&name, |this| {
            walk::walk_ts_external_module_declaration(this, module);
        });
        self.module = None;
        let functions = self.signatures.functions.entry(name).or_default();
        for (shown, own) in self.renamed.drain(..) {
            if let Some(overloads) = functions.get(&own).cloned() {
                functions.insert(shown, overloads);
            }
        }
    }

    fn visit_ts_namespace_declaration(&mut self, namespace: &TSNamespaceDeclaration<'a>) {
        let name = namespace.id.name.to_string();
        self.within(&name, |this| {
            walk::walk_ts_namespace_declaration(this, namespace);
        });
    }

    fn visit_ts_interface_declaration(&mut self, interface: &TSInterfaceDeclaration<'a>) {
        let name = interface.id.name.to_string();
        self.within(&name, |this| {
            walk::walk_ts_interface_declaration(this, interface);
        });
    }

    fn visit_variable_declarator(&mut self, variable: &VariableDeclarator<'a>) {
        let name = self.text(variable.id.span()).to_owned();
        let kind = variable.type_annotation.as_ref();
        let kind = kind.map(|kind| self.text(kind.type_annotation.span()).to_owned());
        let owner = match (&self.module, kind) {
            (Some(module), _) => module.clone(),
            (None, Some(kind)) if super::tokens::is_name(&kind) => kind,
            (None, _) => name.clone(),
        };
        let owners = &mut self.signatures.owners;
        if self.module.is_none() {
            owners.insert(name, owner.clone());
        } else {
            // A global of that name is what its plain name means.
            owners.entry(name).or_insert_with(|| owner.clone());
        }
        self.within(&owner, |this| {
            walk::walk_variable_declarator(this, variable);
        });
    }

    fn visit_ts_property_signature(&mut self, property: &TSPropertySignature<'a>) {
        let (Some(annotation), PropertyKey::StaticIdentifier(key)) =
            (&property.type_annotation, &property.key)
        else {
            return;
        };
        let own = self
            .text(annotation.type_annotation.span())
            .strip_prefix("typeof ");
        if let Some(own) = own
            && own != key.name
            && self.module.is_some()
        {
            self.renamed.push((key.name.to_string(), own.to_owned()));
        }
    }

    fn visit_class(&mut self, class: &Class<'a>) {
        if let Some(id) = &class.id {
            self.within(&id.name, |this| walk::walk_class(this, class));
        }
    }

    fn visit_method_definition(&mut self, method: &MethodDefinition<'a>) {
        if method.kind.is_constructor() {
            self.add_constructor(&method.value.params);
        } else if method.r#static
            && let Some(name) = method.key.static_name()
        {
            self.add(&name, &method.value.params);
        }
    }

    fn visit_function(&mut self, function: &Function<'a>, _: ScopeFlags) {
        if let Some(id) = &function.id {
            self.add(&id.name, &function.params);
        }
    }

    fn visit_ts_method_signature(&mut self, method: &TSMethodSignature<'a>) {
        if let Some(name) = method.key.static_name() {
            self.add(&name, &method.params);
        }
    }

    fn visit_ts_construct_signature_declaration(
        &mut self,
        constructor: &TSConstructSignatureDeclaration<'a>,
    ) {
        self.add_constructor(&constructor.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(path: &[&str]) -> Option<String> {
        let path: Vec<_> = path.iter().map(|&name| name.to_owned()).collect();
        of(&path)
    }

    #[test]
    fn overloads_become_one_signature() {
        assert_eq!(
            signature(&["sem", "take"]).unwrap(),
            "name: string, options?, fn)"
        );
        assert_eq!(
            signature(&["cla", "stash"]).unwrap(),
            "path?: string, value?)"
        );
    }

    #[test]
    fn types_are_shown_where_they_are_short() {
        assert_eq!(
            signature(&["util", "sleep"]).unwrap(),
            "seconds: number | string, options?)"
        );
        assert_eq!(signature(&["util", "benchmark"]).unwrap(), "n: number, fn)");
        assert_eq!(signature(&["print"]).unwrap(), "...values)");
        assert_eq!(signature(&["sem", "list"]).unwrap(), ")");
    }

    #[test]
    fn a_function_is_found_without_its_module_if_only_one_has_it() {
        assert_eq!(signature(&["take"]).unwrap(), "name: string, options?, fn)");
        assert_eq!(signature(&["get"]), None, "of cla/http, and of cla/stash");
    }

    #[test]
    fn functions_of_variables_are_found_by_what_the_variables_are() {
        assert_eq!(
            signature(&["console", "timeEnd"]).unwrap(),
            "label?: string)"
        );
        assert_eq!(signature(&["performance", "now"]).unwrap(), ")");
        assert_eq!(signature(&["URL", "parse"]).unwrap(), "url, base?)");
        assert_eq!(signature(&["http", "delete"]).unwrap(), "url, options?)");
    }

    #[test]
    fn classes_show_how_they_are_made() {
        assert_eq!(of_class("URL").unwrap(), "url, base?)");
        assert_eq!(
            of_class("TextDecoder").unwrap(),
            "label?: string, options?)"
        );
        assert_eq!(of_class("EventBus").unwrap(), "settings)");
        assert_eq!(
            signature(&["TimeSpan", "fromSeconds"]).unwrap(),
            "seconds: number)"
        );
        assert_eq!(signature(&["Task", "delay"]).unwrap(), "time)");
    }

    #[test]
    fn a_name_that_is_not_declared_has_no_signature() {
        assert_eq!(signature(&["nothing"]), None);
        assert_eq!(signature(&["sem", "nothing"]), None);
        assert_eq!(signature(&["a", "b", "c"]), None);
        assert_eq!(signature(&[]), None);
    }
}
