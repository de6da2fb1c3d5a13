//! TypeScript declarations of a module of the host's, for editors and type checkers.

use super::HostModule;
use super::class::ClassParts;
use super::signature::{is_identifier, property_name, quoted};

/// Names that are identifiers, and that no function or class can have.
const RESERVED: &[&str] = &[
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "import",
    "in",
    "instanceof",
    "let",
    "new",
    "null",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

fn can_be_exported(name: &str) -> bool {
    is_identifier(name) && !RESERVED.contains(&name)
}

impl HostModule {
    /// The module as a TypeScript declaration: for the `.d.ts` file of a host, which editors and type checkers of rules
    /// read.
    ///
    /// Types are those that [`types`](Self::types) gives; else those of parameters are found out from the Rust types, and a
    /// result is `any`. What cannot be found out is `any`, too.
    ///
    /// ```
    /// # use cla_runtime::host::{Call, HostError};
    /// # use cla_runtime::HostModule;
    /// let orders = HostModule::new("app/orders")
    ///     .function("total", |(price, count): (f64, Option<u32>)| {
    ///         Ok::<_, HostError>(price * f64::from(count.unwrap_or(1)))
    ///     })
    ///     .async_function("find", |(id,): (u64,)| async move { Ok::<_, HostError>(id) })
    ///     .types("(id: number): Promise<{ id: number }>");
    /// let declarations = orders.declarations();
    /// assert!(declarations.starts_with("declare module \"app/orders\" {"));
    /// assert!(declarations.contains("export function total(argument1: number, argument2?: number | null): any;"));
    /// assert!(declarations.contains("export function find(id: number): Promise<{ id: number }>;"));
    /// ```
    #[must_use]
    pub fn declarations(&self) -> String {
        let (mut named, mut all) = (Vec::new(), Vec::new());
        for class in &self.error_classes {
            let shape = "Error { code?: string; details?: any }";
            if can_be_exported(class) {
                named.push(format!("export class {class} extends {shape}"));
                all.push(format!("{class}: typeof {class};"));
            } else {
                let name = property_name(class);
                all.push(format!(
                    "{name}: new (message?: string, options?: any) => {shape};"
                ));
            }
        }
        for class in &self.classes {
            match can_be_exported(&class.name) {
                true => {
                    named.extend(class_lines(class));
                    all.push(format!("{0}: typeof {0};", class.name));
                }
                false => all.push(format!("{}: any;", property_name(&class.name))),
            }
        }
        for function in &self.functions {
            let (name, signature) = (&function.name, function.signature());
            if can_be_exported(name) {
                named.push(format!("export function {name}{signature};"));
                all.push(format!("{name}: typeof {name};"));
            } else {
                all.push(format!("{}{signature};", property_name(name)));
            }
        }
        let mut text = format!("declare module {} {{\n", quoted(&self.name));
        for line in named {
            text.push_str(&format!("    {line}\n"));
        }
        text.push_str("    const exported: {\n");
        for line in all {
            text.push_str(&format!("        {line}\n"));
        }
        text.push_str("    };\n    export default exported;\n}\n");
        text
    }
}

fn class_lines(class: &ClassParts) -> Vec<String> {
    let mut lines = vec![format!("export class {} {{", class.name)];
    match class.constructor {
        Some(constructor) => lines.push(format!("    constructor{};", constructor.parameters())),
        None => lines.push("    private constructor();".to_owned()),
    }
    for method in &class.methods {
        let name = property_name(&method.name);
        lines.push(format!("    {name}{};", method.signature()));
    }
    for getter in &class.getters {
        let kind = getter.types.as_deref().unwrap_or(": any");
        lines.push(format!(
            "    readonly {}{kind};",
            property_name(&getter.name)
        ));
    }
    lines.push("}".to_owned());
    lines
}
