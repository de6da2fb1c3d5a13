use super::*;

/// The JavaScript of a TypeScript that is valid, on one line.
fn code(source: &str) -> String {
    let stripped = strip("rule.ts", source).expect("the source is valid");
    stripped.code.trim_end().replace('\n', " ")
}

/// What is wrong with a TypeScript that is not valid.
fn problem(source: &str) -> SyntaxProblem {
    strip("rule.ts", source)
        .expect_err("the source is not valid")
        .remove(0)
}

/// Every construct that can nest, with `n` nesting tokens at most.
fn deep(n: usize) -> Vec<(&'static str, String)> {
    let pair = |open: &str, middle: &str, close: &str, cost: usize| {
        let depth = n / cost;
        format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
    };
    vec![
        ("arrays", pair("[", "", "]", 1)),
        ("parentheses", pair("(", "1", ")", 1)),
        ("objects", format!("({})", pair("{a:", "1", "}", 2))),
        ("blocks", pair("{", "", "}", 1)),
        ("calls", pair("f(", "", ")", 1)),
        ("called", format!("f{}", pair("", "", "()", 1))),
        ("indices", pair("a[", "0", "]", 1)),
        ("not", pair("!", "a", "", 1)),
        ("minus", pair("- ", "a", "", 1)),
        ("typeof", pair("typeof ", "a", "", 1)),
        ("await", pair("await ", "a", "", 1)),
        ("new", pair("new ", "A", "", 1)),
        ("plus", pair("1+", "1", "", 1)),
        ("and", pair("a&&", "a", "", 2)),
        ("nullish", pair("a??", "a", "", 2)),
        ("power", pair("a**", "a", "", 2)),
        ("comparisons", pair("a<", "a", "", 1)),
        ("conditional, right", pair("a?b:", "c", "", 2)),
        ("conditional, left", pair("a?", "b", ":c", 2)),
        ("arrows", pair("a=>", "a", "", 1)),
        ("arrows with parameters", pair("(a)=>", "a", "", 2)),
        ("arrow blocks", pair("()=>{", "", "}", 3)),
        ("assignments", pair("a=", "a", "", 1)),
        ("members", format!("a{}", pair("", "", ".a", 1))),
        ("optional members", format!("a{}", pair("", "", "?.a", 2))),
        ("non-null", format!("a{}", pair("", "", "!", 1))),
        ("as", format!("a{}", pair("", "", " as B", 1))),
        ("satisfies", format!("a{}", pair("", "", " satisfies B", 1))),
        ("tags", format!("a{}", pair("", "", "``", 1))),
        ("templates", pair("`${", "1", "}`", 2)),
        ("else", format!("{}{{}}", "if(a){}else ".repeat(n / 4))),
        ("if", pair("if(a)", "b;", "", 2)),
        ("while", pair("while(a)", "b;", "", 2)),
        ("for", pair("for(;;)", "b;", "", 2)),
        (
            "do",
            format!("{}b;{}", "do ".repeat(n / 3), " while(a);".repeat(n / 3)),
        ),
        (
            "labels",
            (0..n).map(|i| format!("l{i}:")).collect::<String>() + ";",
        ),
        ("functions", pair("function f(){", "", "}", 3)),
        (
            "function expressions",
            format!("({})", pair("function(){return ", "1", "}", 4)),
        ),
        ("classes", format!("({})", pair("class{a=", "1", "}", 3))),
        (
            "destructuring",
            format!("let {} = x", pair("[", "", "]", 1)),
        ),
        (
            "destructuring objects",
            format!("let {} = x", pair("{a:", "b", "}", 2)),
        ),
        (
            "assigned patterns",
            format!("{} = x", pair("[", "", "]", 1)),
        ),
        ("generics", format!("let a: {}", pair("A<", "B", ">", 2))),
        ("array types", format!("let a: B{}", pair("", "", "[]", 1))),
        ("tuple types", format!("let a: {}", pair("[", "", "]", 1))),
        (
            "type parentheses",
            format!("let a: {}", pair("(", "B", ")", 1)),
        ),
        (
            "object types",
            format!("let a: {}", pair("{a:", "B", "}", 2)),
        ),
        (
            "function types",
            format!("let a: {}", pair("()=>", "B", "", 2)),
        ),
        ("keyof", format!("let a: {}", pair("keyof ", "B", "", 1))),
        (
            "conditional types",
            format!("type A = {}", pair("B extends C ? D : ", "B", "", 3)),
        ),
        (
            "conditional types, left",
            format!("type A = {}", pair("B extends C ? ", "B", ": D", 3)),
        ),
        (
            "indexed types",
            format!("type A = {}", pair("B[", "0", "]", 1)),
        ),
        (
            "qualified types",
            format!("let a: A{}", pair("", "", ".B", 1)),
        ),
        (
            "template types",
            format!("type A = {}", pair("`${", "B", "}`", 2)),
        ),
        ("assertions", pair("<A>", "a", "", 2)),
        (
            "namespaces",
            format!(
                "namespace A{} {{ export const a = 1 }}",
                pair("", "", ".B", 1)
            ),
        ),
        (
            "nested namespaces",
            pair("namespace A{", "export const a = 1", "}", 2),
        ),
        (
            "import alias",
            format!("import a = b{}; a", pair("", "", ".B", 1)),
        ),
        (
            "enum initialisers",
            format!("enum A {{ B = {} }}", pair("-", "1", "", 1)),
        ),
        ("parameter defaults", pair("((a=", "1", ")=>a)", 4)),
        ("arrow speculation", pair("(a,", "1", ")", 1)),
        ("async speculation", pair("async(", "1", ")", 2)),
        ("generic calls", pair("f<A>(", "1", ")", 3)),
        ("conditional arrows", pair("a?(b):", "c", "", 3)),
        ("conditional arrow types", pair("a?(b):c=>", "d", "", 4)),
        (
            "pure",
            format!("/* #__PURE__ */ a(){}", pair("", "", ".a", 1)),
        ),
        (
            "yield",
            format!("function* f(){{ {} }}", pair("yield ", "1", "", 1)),
        ),
        ("spread", pair("[...", "a", "]", 2)),
        ("dynamic import", pair("import(", "'a'", ")", 2)),
        (
            "extends",
            format!("({})", pair("class extends ", "A", "{}", 3)),
        ),
        ("switch", pair("switch(a){default:", "", "}", 4)),
        ("try", pair("try{", "", "}finally{}", 3)),
        ("with commas", pair("if(a)b,", "b;", "", 2)),
        ("arrow return types", pair("():A=>", "1", "", 3)),
        ("generic arrows", pair("<T>()=>", "1", "", 4)),
        ("sequence", pair("a,", "a", "", 1)),
        ("union types", format!("let a: B{}", pair("", "", "|B", 1))),
    ]
}

#[test]
fn the_stack_holds_what_nests_deepest() {
    for (name, source) in deep(MAX_NESTING) {
        // Some of it is no valid TypeScript when this deep; that it is answered at all is the point.
        if let Err(problems) = strip("rule.ts", &source) {
            assert!(
                !problems[0].message.contains("translator fail"),
                "{name}: {problems:?}"
            );
        }
    }
}

#[test]
fn what_nests_deeper_is_refused() {
    for (name, source) in deep(200_000) {
        // A sequence is flat.
        if name == "sequence" {
            continue;
        }
        let problems = strip("rule.ts", &source).expect_err(name);
        let message = &problems[0].message;
        assert!(
            message.contains("nests more than 4096") || message.contains("too many `<`"),
            "{name}: {message}"
        );
    }
}

#[test]
fn a_million_brackets_are_refused() {
    assert_eq!(problem(&"[".repeat(1_000_000)).column, 4_097);
}

#[test]
fn long_flat_sources_are_taken() {
    for source in [
        "a = [1, 'b', f(c.d + 1)];\n".repeat(20_000),
        format!(
            "const table = [{}]",
            "{a: -1, b: 'x', c: [f(1), x => x + 1]},\n".repeat(20_000)
        ),
        (0..5_000)
            .map(|i| {
                format!(
                    "const a{i}: A<B> = b.c(1)\nfunction f{i}(x: T) {{ return `${{x}}` / 2 }}\n"
                )
            })
            .collect(),
        format!(
            "class A {{ {} }}",
            (0..5_000)
                .map(|i| format!("m{i}(a: T): U {{ if (a > 1) return /[)]/.test(a) }};\n"))
                .collect::<String>()
        ),
    ] {
        assert!(source.len() > 10 * MAX_NESTING);
        strip("rule.ts", &source).unwrap();
    }
}

#[test]
fn what_is_hidden_in_literals_does_not_nest() {
    for literal in [
        "'[[[['",
        "\"((((\"",
        "/[(]{2}\\//",
        "1 // ((((\n",
        "1 /* [[[ */",
    ] {
        let source = format!("f({literal});");
        assert_eq!(nesting::max_depth(&source, 10), Ok(1), "{source}");
    }
}

#[test]
fn brackets_after_a_division_count() {
    // Each of these hides its brackets from a reader that takes the `/` for a regular expression.
    for source in [
        "a / [[[[ b ]]]] / c",
        "a.if / [[[[ b ]]]] / c",
        "f(a) / [[[[ b ]]]] / c",
        "1. / [[[[ b ]]]] / c",
        "this.#in / [[[[ b ]]]] / c",
        "a[0] / [[[[ b ]]]] / c",
    ] {
        assert!(nesting::max_depth(source, 100).unwrap() >= 6, "{source}");
    }
}

#[test]
fn a_slash_that_only_a_parser_can_read_is_reported_as_such_in_a_large_file() {
    let slash = "{ }\n/[(]/.test(a);\n";
    assert!(strip("rule.ts", slash).is_ok());
    let large = format!("{}{slash}", "f();\n".repeat(2_000));
    let problem = problem(&large);
    assert!(problem.message.contains("not clear"), "{problem:?}");
    assert_eq!((problem.line, problem.column), (2_002, 1));
}

#[test]
fn comparisons_do_not_take_forever() {
    assert!(
        problem(&"a<".repeat(2_000))
            .message
            .contains("too many `<`")
    );
}

#[test]
fn sources_that_are_too_large_are_refused() {
    let problem = problem(&" ".repeat(MAX_SOURCE + 1));
    assert_eq!(problem.message, "this file is larger than 4 MiB");
}

#[test]
fn types_disappear() {
    for (source, expected) in [
        ("let a: number = 1; a", "let a = 1; a;"),
        (
            "interface A { b: string } type C = A; declare const d: C; d",
            "d;",
        ),
        ("(a as any).b!.c = <number>d satisfies number", "a.b.c = d;"),
        (
            "function f(a: string): void; function f<T>(this: T, a?: any) { return a }",
            "function f(a) { return a; }",
        ),
        (
            "const f = <T,>(x: T): x is T => x; f<number>(1)",
            "const f = (x) => x; f(1);",
        ),
        (
            "abstract class A<T> extends B<T> implements C { abstract f(): void; declare a: T; b!: T; private static c = 1 }",
            "class A extends B { b; static c = 1; }",
        ),
        ("for (const a of <any[]>b) {}", "for (const a of b) {}"),
    ] {
        assert_eq!(code(source), expected);
    }
}

#[test]
fn imports_of_types_disappear_and_modules_stay_modules() {
    for (source, expected) in [
        (
            "import { type T, f } from 'm'; f()",
            "import { f } from \"m\"; f();",
        ),
        (
            "import { T, f } from 'm'; let a: T = f",
            "import { f } from \"m\"; let a = f;",
        ),
        (
            "import type { T } from 'm'; import 'n'; let a: T",
            "import \"n\"; let a;",
        ),
        ("import { T } from 'm'; let a: T", "let a; export {};"),
        ("export type A = 1", "export {};"),
        (
            "export interface A {} export const b = 1",
            "export const b = 1;",
        ),
        (
            "import a = require('m'); a()",
            "const a = require(\"m\"); a();",
        ),
        ("export = a", "module.exports = a;"),
    ] {
        assert_eq!(code(source), expected);
    }
}

#[test]
fn a_script_stays_a_script_that_ends_in_its_value() {
    assert_eq!(
        code("const a: number = await b; a + 1"),
        "const a = await b; a + 1;"
    );
    assert_eq!(code("1 + 1; type A = 1"), "1 + 1;");
    assert_eq!(code("'use strict'; 1 as number"), "\"use strict\"; 1;");
}

#[test]
fn a_commonjs_module_may_return() {
    assert!(strip("rule.cts", "return 1 as number").is_ok());
    assert!(problem("return 1").message.contains("return"));
}

#[test]
fn what_only_dropping_types_cannot_run_is_refused() {
    let problem = problem("class A {}\n  @sealed class B {}");
    assert_eq!(problem.message, "decorators are not supported");
    assert_eq!((problem.line, problem.column, problem.length), (2, 3, 7));
    assert!(problem.help.is_some());
}

#[test]
fn problems_are_counted_in_characters() {
    let problem = problem("let a = '日本😀';\r\nlet b = '日本😀', c: = 1");
    assert_eq!((problem.line, problem.column, problem.length), (2, 19, 1));
}

/// Runs translated TypeScript and returns its value as JSON, or where it failed.
fn evaluate(source: &str) -> Result<String, (u32, u32)> {
    let stripped = strip("rule.ts", source).expect("the source is valid");
    let runtime = rquickjs::Runtime::new().unwrap();
    let context = rquickjs::Context::full(&runtime).unwrap();
    context.with(|ctx| {
        let mut options = rquickjs::context::EvalOptions::default();
        options.filename = Some("rule.ts".to_owned());
        match ctx.eval_with_options::<rquickjs::Value<'_>, _>(&*stripped.code, options) {
            Ok(value) => {
                let json = ctx
                    .json_stringify(value)
                    .unwrap()
                    .unwrap_or_else(|| panic!("{source} has a value"));
                Ok(json.to_string().unwrap())
            }
            Err(_) => {
                let thrown = ctx.catch();
                let stack = thrown.as_exception().unwrap().stack().unwrap();
                let place = stack.split(['(', ')']).nth(1).unwrap();
                let mut parts = place.rsplit(':').map(|part| part.parse::<u32>());
                let column = parts.next().unwrap().unwrap();
                let line = parts.next().unwrap().unwrap();
                Err(stripped.positions.original(line, column).unwrap())
            }
        }
    })
}

#[test]
fn what_typescript_adds_runs() {
    for (source, value) in [
        (
            "enum A { B, C = 'c', D = 4, E } [A.B, A.C, A[5]]",
            r#"[0,"c","E"]"#,
        ),
        ("const enum A { B = 1 << 3, C = B | 1 } A.C", "9"),
        (
            "namespace N { export const a = 1; export namespace M { export const b = a + 1 } } N.M.b",
            "2",
        ),
        (
            "class P { constructor(private a: number, readonly b = 2) {} } new P(1)",
            r#"{"a":1,"b":2}"#,
        ),
        ("namespace N { export const a = 1 } import b = N.a; b", "1"),
        ("const a = { b: { c: 1 } } as const; a?.b!.c", "1"),
        ("{ using a = { [Symbol.dispose]() {} }; } 1", "1"),
        (
            "class A { static c?: number; static #b: number = 1; static { A.c = A.#b } } A.c",
            "1",
        ),
        ("let a: number | undefined; a ??= 3; a ** 2", "9"),
    ] {
        assert_eq!(evaluate(source).as_deref(), Ok(value), "{source}");
    }
}

#[test]
fn failures_point_into_the_typescript() {
    for (source, place) in [
        (
            "interface A { b: string }\n\nfunction f(a: A): void {\n    nothing(a as any);\n}\nf({ b: '' })",
            (4, 5),
        ),
        (
            "type A = 1;\nlet a: { b?: number } | undefined = undefined as any;\n\n  const c: number = (a as any).b;",
            (4, 22),
        ),
        (
            "enum A { B }\nif (true) {\n\n      throw new Error('x' as string)\n}",
            (4, 17),
        ),
        (
            "let s: string = '日本😀';\nlet t: string = '日本😀' + (s as any as string) + nothing;",
            (2, 48),
        ),
        (
            "class A { constructor(private a: string) {}\n  get b(): string { return this.a + nothing } }\nnew A('').b",
            (2, 37),
        ),
        (
            "const x: number[] = [1];\nx.map((y: number): number =>\n   (y as any) + nothing)",
            (3, 17),
        ),
        ("const x = `${1 as number}\n\n${nothing}`", (3, 3)),
    ] {
        assert_eq!(evaluate(source), Err(place), "{source}");
    }
}

#[test]
fn odd_white_space_is_read_to_its_end() {
    for space in [
        "\u{85}", "\u{feff}", "\u{a0}", "\u{2028}", "\u{200b}", "\u{3000}", "\u{301}", "\\",
    ] {
        let source = format!("a{space} {space}b").repeat(2_000);
        assert!(nesting::max_depth(&source, MAX_SOURCE).is_ok(), "{space:?}");
    }
}

#[test]
fn the_kind_of_a_source_and_its_imports_are_seen() {
    let shape = |source: &str| super::shape(source).unwrap();
    let look = |source: &str| (shape(source).declares, shape(source).awaits);
    assert_eq!(look("exports.a = 1; // export"), (false, false));
    assert_eq!(look("const a = `\nimport x from 'y'`"), (false, false));
    assert_eq!(look("return 1"), (false, false));
    assert_eq!(look("var await = 1; with (await) {}"), (false, false));
    assert_eq!(look("await x"), (false, true));
    assert_eq!(look("x(import.meta)"), (true, false));
    assert_eq!(look("var a; export { a }; await a"), (true, false));
    assert!(super::shape("module.exports = { a: 1 }}").is_none());
    let imports = shape(
        "import './a'; export * from 'b'; import c, { d } from './a'; import('e'); export {} from 'f'",
    );
    assert_eq!(imports.imports, ["./a", "b", "f"]);

    let typed = |source: &str| strip("a.ts", source).unwrap().shape;
    assert!(!typed("import a = require('./a'); export = { a }").declares);
    assert!(typed("import a = require('./a'); export const b = a").declares);
    assert!(typed("import type { A } from './a'").declares);
    assert!(typed("import type { A } from './a'").imports.is_empty());
    assert!(typed("export enum A { B }").declares);
    assert!(typed("const a: number = await b").awaits);
    assert_eq!(
        typed("import { A, b } from './a'; import { C } from './c'; let x: C = b").imports,
        ["./a"]
    );
}

#[test]
fn jsx_is_refused_by_its_name() {
    for (source, place) in [
        ("const a: number = 1;\nconst b = <div>{a}</div>;", (2, 11)),
        ("let x = <Foo.Bar a=\"1\" />", (1, 9)),
        ("f(<>text</>)", (1, 3)),
    ] {
        let problem = problem(source);
        assert_eq!(problem.message, "JSX is not supported", "{source}");
        assert_eq!((problem.line, problem.column), place, "{source}");
        let as_javascript = source.replace(": number", "");
        let found = jsx_problem(&as_javascript).expect("it has JSX");
        assert_eq!(found.message, "JSX is not supported", "{source}");
        assert_eq!(js_problems(&as_javascript, true, true), [found], "{source}");
    }
    for source in [
        "let a = <T>b; c = </",
        "const html = '</p>'; let",
        "a </b/ 1",
    ] {
        assert_ne!(problem(source).message, "JSX is not supported", "{source}");
    }
    // A type assertion is no JSX.
    assert_eq!(
        code("let a = <string>b; c = '</a>'"),
        "let a = b; c = \"</a>\";"
    );
}

#[test]
fn an_accessor_is_a_getter_and_a_setter() {
    let made = code("class A { accessor x: number = 1; static accessor y = 2 }");
    for part in ["get x()", "set x(value)", "static get y()", "#"] {
        assert!(made.contains(part), "{part} in {made}");
    }
    assert!(!made.contains("accessor x"), "{made}");
}

#[test]
fn the_parts_of_a_namespace_see_what_the_others_export() {
    let made = code(
        "namespace A { export const x = 1; export function f() {} export namespace In { export const deep = 1 } }
         namespace A { export const y = x + 1; const z = { x }; f(); let g = () => In.deep }
         namespace A.In { export const more = deep + x }
         namespace B { const n = typeof y }",
    );
    for part in [
        "= A.x + 1",
        "{ x: A.x }",
        "A.f()",
        "A.In.deep",
        "= A.In.deep + A.x",
        "typeof y",
    ] {
        assert!(made.contains(part), "{part} in {made}");
    }
}
