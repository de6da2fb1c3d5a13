//! What is marked in the source when something fails: `⟦` and `⟧` stand around it, and are taken out before it runs.

use cla_runtime::{Engine, RuleError, RunOptions, Script};

/// A language in which a source is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    JavaScript,
    TypeScript,
}

fn thrown(text: &str, language: Language) -> RuleError {
    let script = match language {
        Language::JavaScript => Script::javascript("rule", text),
        Language::TypeScript => Script::typescript("rule", text),
    };
    let report = Engine::new().run(script, RunOptions::new()).wait();
    report.result.map(|_| ()).expect_err(text)
}

/// Line and column from 1, the column in characters, and what is marked.
fn wanted(marked: &str) -> (String, (u32, u32, String)) {
    let (before, rest) = marked.split_once('⟦').expect("a mark");
    let (inside, after) = rest.split_once('⟧').expect("its end");
    let line = before.matches('\n').count() as u32 + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count() as u32
        + 1;
    let at = (line, column, inside.to_owned());
    (format!("{before}{inside}{after}"), at)
}

fn found(error: &RuleError) -> (u32, u32, String) {
    let (Some(at), Some(snippet)) = (&error.location, &error.snippet) else {
        return (0, 0, format!("no place: {error}"));
    };
    let shown = snippet.text.chars().skip(snippet.column as usize - 1);
    let shown = shown.take(snippet.length as usize).collect();
    (at.line, at.column, shown)
}

/// Runs each source, and says which marks are elsewhere.
fn check(cases: &[&str], languages: &[Language]) {
    let mut wrong = String::new();
    for case in cases {
        // On the first line, and not on the first line, where the engine counts otherwise.
        for before in ["", "\n\n"] {
            let (text, at) = wanted(&format!("{before}{case}"));
            for language in languages {
                let error = thrown(&text, *language);
                let is = found(&error);
                if is != at {
                    wrong.push_str(&format!(
                        "{language:?} {case}\n  is {}:{} {:?}: {}\n",
                        is.0, is.1, is.2, error.message
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Calls of what is no function.
const CALLS: &[&str] = &[
    "const o = {}; const id = x => x; ⟦o.nope⟧(id(1), id(2));",
    "const o = {}; ⟦o.nope⟧();",
    "const o = {}; ⟦o.nope⟧(1);",
    "const o = { a: { b: {} } }; ⟦o.a.b.c⟧(o, [1, 2], { d: 1 });",
    "const o = {}; o?.a?.(1); ⟦o.b⟧(2);",
    "const o = { a: 1 }; ⟦o?.a⟧(o);",
    "const o = {}; ⟦o['nope']⟧(1, o);",
    "const o = {}; const key = 'x'; ⟦o[key]⟧(key);",
    "let v; ⟦v⟧();",
    "let v = 3; function f() { return 1 }\nf(⟦v⟧(f()), 2);",
    "const f = () => 1; ⟦f()⟧(2);",
    "const f = () => ({}); ⟦f(1).then⟧(2);",
    "const o = {};\n\t\t⟦o.nope⟧(1);",
    "const o = {}; const s = '日本語😀é'; ⟦o.nope⟧(s);",
    "const o = {}; const t = `a${1}b`; ⟦o.tag⟧`x${t}y`;",
    "const tag = 1; ⟦tag⟧`x`;",
];

#[test]
fn a_call_of_what_is_no_function_is_marked_at_what_is_called() {
    check(CALLS, &[Language::JavaScript]);
    let typescript = [
        "const o: any = {}; const id = (x: number) => x; ⟦o.nope⟧(id(1), id(2));",
        "const o = {} as any; ⟦(o as any).nope⟧(1);",
        "const o: any = {}; ⟦o!.nope⟧<string>(1);",
        "type T = { a: number };\ninterface U { b: T }\n\nconst o: any = { a: 1 }; ⟦o.a⟧(o satisfies any);",
        "enum E { A, B }\nconst o: any = { e: E.A };\n\t⟦o.e⟧('日本', E.B);",
    ];
    check(&typescript, &[Language::TypeScript]);
}

#[test]
fn each_expression_that_fails_is_marked() {
    let cases = [
        // Names.
        "const a = 1; ⟦missing⟧;",
        "const a = 1 + ⟦missing⟧ * 2;",
        "const f = (x) => x; f(1, ⟦missing⟧, 3);",
        "const o = { a: 1, b: ⟦missing⟧ };",
        "const t = `a ${1} b ${⟦missing⟧} c`;",
        "const z = ⟦z⟧ + 1;",
        "if (⟦missing⟧.a) { }",
        // Members.
        "const o = {}; ⟦o.a.b⟧;",
        "const o = {}; ⟦o.a.b⟧.c;",
        "const o = {}; ⟦o.a.b⟧(1, 2);",
        "const o = {}; const x = 1 + ⟦o.a.b⟧ + 2;",
        "const o = {}; ⟦o.a.b⟧ = 1;",
        "const o = {}; const f = () => 1; ⟦o.a.b⟧ = f(2);",
        "const o = {}; ⟦o['a']['b']⟧;",
        "const o = null; ⟦o.length⟧ > 1;",
        "const o = { a: null }; o?.b?.c; ⟦o.a.c⟧;",
        "const list = []; ⟦list[0].name⟧;",
        "const f = () => undefined; ⟦f(1).name⟧;",
        "const o = {}; const s = 'é日😀'; ⟦o.a.length⟧ + s.length;",
        "const o = {};\n\tconst x = [\n\t\t1,\n\t\t⟦o.a.b⟧,\n\t];",
        "class A { get size() { return ⟦this.list.length⟧ } }\nnew A().size;",
        "class A { #list; get size() { return ⟦this.#list.length⟧ } }\nnew A().size;",
        // Construction.
        "const q = 1; ⟦new q⟧();",
        "const q = {}; const f = () => 1; ⟦new q.Class⟧(f(1), f(2));",
        "const f = () => 1; ⟦new f⟧();",
        "class A { } ⟦A⟧(1);",
        "const base = 1; class B extends ⟦base⟧ { }",
        // Built-in functions that fail.
        "const text = '{'; const x = ⟦JSON.parse⟧(text);",
        "const f = () => '{'; ⟦JSON.parse⟧(f());",
        "⟦new RegExp⟧('(', 'g');",
        "⟦'x'.repeat⟧(-1);",
        "const n = 1.5; ⟦n.toFixed⟧(200);",
        "⟦new Array⟧(-1);",
        // Thrown errors.
        "throw ⟦new Error⟧('a');",
        "throw ⟦new Error⟧('outer', { cause: new Error('inner') });",
        "const cause = new Error('inner'); throw ⟦new Error⟧('outer', { cause });",
        "const n = 1; throw ⟦new Error⟧(`outer ${n}`, { cause: new Error(`inner ${n}`) });",
        "throw ⟦new AggregateError⟧([new Error('one'), new Error('two')], 'all');",
        "class Refused extends Error { }\nconst why = () => 'x'; throw ⟦new Refused⟧(`no ${why()}`);",
        "class Refused extends Error { constructor(m) { super(m + '!') } }\nthrow ⟦new Refused⟧('no');",
        "if (true) throw ⟦RangeError⟧('plain');",
        "const make = (m) => ⟦new Error⟧(m);\nthrow make('x');",
        // Values that are none of what they should be.
        "const c = 1; ⟦c⟧ = 2;",
        "for (const x of ⟦5⟧) { }",
        "let a = 1; a + 2; for (const x of ⟦a⟧) { }",
        "const o = {}; const f = (...x) => x; f(1, ...⟦o⟧);",
        "const o = {}; const list = [0, ...⟦o⟧];",
        "const o = {}; const [a, b] = ⟦o⟧;",
        "const o = {}; const { a } = ⟦o.b⟧;",
        "const f = () => undefined; const { a, b } = ⟦f()⟧;",
        "const s = 'a'; 'x' in ⟦s⟧;",
        "const o = {}; const n = 1; o instanceof ⟦n⟧;",
        "const y = Symbol('y'); const t = `a ${⟦y⟧}`;",
        "const b = 1n; const x = ⟦b + 1⟧;",
        // Functions.
        "function f(a, b = ⟦missing⟧) { return b }\nf(1);",
        "class A { x = ⟦missing⟧; }\nnew A();",
        "class A { x = ⟦this.a.b⟧; }\nnew A();",
        "class A { static y = ⟦missing⟧.z; }",
        "const o = { get x() { return ⟦missing⟧ } }; o.x;",
        "async function f() { await null; ⟦missing⟧; }\nf();",
        "async function f() { const o = {}; await ⟦o.nope⟧(1); }\nf();",
        "function* g() { yield ⟦missing⟧; }\n[...g()];",
        "[1, 2].forEach((x) => { ⟦missing⟧(x) });",
        "const o = { get x() { return ⟦this.list.length⟧ } };\no.x;",
        "const o = { f() { return ⟦this.list.length⟧ } };\no.f();",
        "const f = function () { return ⟦this.list.length⟧ };\nf.call({});",
        "const s = 'a b c'; /* a comment */ const o = {}; ⟦o.nope⟧('x y', 1) // end",
        "const r = /a b'/; const o = {}; ⟦o.nope⟧(r, /c d/g.source, 3)",
        "const t = `a b ${1} c\n d ${2} e`; const o = {}; ⟦o.nope⟧(t, `x ${3} y`, 5);",
        "const f = ({ a }) => a; const o = { f };\no.f({}); o.f({ a: ⟦missing⟧ });",
        "for (let i = 0; i < ⟦limit⟧; i++) { }",
        "for (let i = 0; i < 1; ⟦step⟧(i)) { }",
        "switch (1) { case 1: ⟦missing⟧ }",
        "try { } finally { ⟦missing⟧ }",
        "label: while (true) { ⟦missing⟧; break label }",
    ];
    check(&cases, &[Language::JavaScript, Language::TypeScript]);
}

#[test]
fn of_several_calls_at_one_place_the_one_that_fails_is_marked() {
    check(
        &[
            "String(⟦require⟧('./nope.js'));",
            "const list = [1]; String(⟦require⟧('cla/nothing'), list);",
        ],
        &[Language::JavaScript],
    );
}

#[test]
fn a_broken_regular_expression_has_its_place() {
    check(
        &[
            "const fine = /b/g; const r = ⟦/a(/⟧;",
            "function f() { return 'x'.match(⟦/a{2,1}/u⟧) }",
        ],
        &[Language::JavaScript, Language::TypeScript],
    );
}

#[test]
fn what_is_thrown_without_being_an_error_has_its_place() {
    check(
        &[
            "if (true) throw ⟦'text'⟧;",
            "function f() { throw ⟦{ code: 7, why: 'x' }⟧ }\nf();",
            "const n = 3; throw ⟦`no ${n}`⟧;",
            "const f = (a) => { throw ⟦a⟧ };\ntry { f(1) } catch (e) { throw e }",
            "await Promise.reject(⟦'text'⟧);",
        ],
        &[Language::JavaScript, Language::TypeScript],
    );
    // Which of two it was is not known.
    let text = "const f = (a) => { if (a) throw a; throw a + 1 }; f(0)";
    assert_eq!(thrown(text, Language::JavaScript).location, None);
}

#[test]
fn syntax_errors_come_from_the_parser_of_the_check() {
    for (text, message, at) in [
        (
            "function f() { await x; }",
            "`await` is only allowed within async functions and at the top levels of modules",
            (1, 16),
        ),
        (
            "\nfunction f() { if (1) {\n  f();\n}\n\n",
            "Expected `}` but found the end of the file",
            (2, 14),
        ),
        (
            "let a = 1;\nlet a = 2;",
            "Identifier `a` has already been declared",
            (2, 5),
        ),
        // Not the name of a sort of tokens.
        ("f(a b)", "Expected `,` or `)` but found `b`", (1, 5)),
    ] {
        let error = thrown(text, Language::JavaScript);
        assert_eq!(error.message, message, "{text}");
        let place = error.location.map(|at| (at.line, at.column));
        assert_eq!(place, Some(at), "{text}");
    }
}

#[test]
fn syntax_errors_say_what_was_probably_meant() {
    let mut wrong = Vec::new();
    for (text, help) in [
        (
            "f(() => {\n  if (a) {\n    g();\n});",
            "the `{` of line 2 is not closed",
        ),
        (
            "f(() => {\n  if (a) {\n    g();\n}\n",
            "what is opened here is closed nowhere",
        ),
        ("const a = [1, (2];", "the `(` of line 1 is not closed"),
        (
            "let a = 1;\nconst b = 2, a = 3;",
            "it is declared in line 1 already",
        ),
        (
            "function f(a: string) {}",
            "this is TypeScript: give the file a name that ends in .ts",
        ),
        ("if (a and b) f();", "write && for `and`"),
        ("if (a) f();\nelif (b) g();", "write `else if` for `elif`"),
        ("def f(a) { }", "write `function` for `def`"),
    ] {
        let error = thrown(text, Language::JavaScript);
        if error.help.as_deref() != Some(help) || !error.errors.is_empty() {
            wrong.push(format!("{text}: {:?}, {:?}", error.help, error.errors));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // It is no TypeScript either.
    let error = thrown("function f(a: string) { return }}", Language::JavaScript);
    assert_eq!(error.help, None);
}

#[test]
fn names_are_explained_by_their_declaration() {
    for (text, help) in [
        (
            "[a];\nconst a = 1;",
            "it is declared in line 2, which has not run yet",
        ),
        (
            "const a = 1;\na = 2;",
            "line 1 declares it with const; with let, it can get another value",
        ),
        // Of another language, and there.
        (
            "const list = [1]; list.contains(1)",
            "did you mean includes?",
        ),
        (
            "const text = 'a'; text.upper()",
            "did you mean toUpperCase?",
        ),
    ] {
        let error = thrown(text, Language::JavaScript);
        assert_eq!(error.help.as_deref(), Some(help), "{text}");
    }
}

#[test]
fn what_a_function_of_the_engine_is_given_is_told_from_the_function() {
    for (text, message) in [
        ("[1].map(5)", "[1].map: what it is given is not a function"),
        (
            "const l = [2, 1]; l.sort({})",
            "l.sort: what it is given is not a function",
        ),
        (
            "new Promise(1)",
            "Promise: what it is given is not a function",
        ),
        ("const l = [1]; l.mpa(5)", "l.mpa is not a function"),
        ("Map()", "Map must be called with new"),
        ("class A {}\nA()", "A must be called with new"),
    ] {
        assert_eq!(
            thrown(text, Language::JavaScript).message,
            message,
            "{text}"
        );
    }
}

#[test]
fn those_who_await_are_in_the_stack() {
    let text = "async function load() {\n  await null;\n  missing;\n}\n\
                const main = async () => { await load() };\nawait main();";
    let error = thrown(text, Language::JavaScript);
    let frames: Vec<_> = error
        .frames
        .iter()
        .map(|frame| (frame.function.as_deref().unwrap_or(""), frame.location.line))
        .collect();
    assert_eq!(
        frames,
        [("load", 3), ("async main", 5), ("async <top level>", 6)]
    );
    // Nobody knows which of two it was.
    let text = text.replace("await main()", "await main(); await main()");
    assert_eq!(thrown(&text, Language::JavaScript).frames.len(), 2);
}

#[test]
fn what_several_lines_call_is_marked_at_its_last_name() {
    check(
        &[
            "const o = { a() { return this } };\no.a()\n  .a()\n  .⟦nope⟧(1);",
            "const o = {};\no\n  .a\n  .⟦b⟧;",
        ],
        &[Language::JavaScript, Language::TypeScript],
    );
}

#[test]
fn callers_are_placed_at_what_they_call() {
    let text = "const id = x => x;\nfunction inner(a, b) { missing }\n\
                function outer() { return id(inner(id(1), id(2))) }\n  outer(id(3));";
    let error = thrown(text, Language::JavaScript);
    let places: Vec<_> = error
        .frames
        .iter()
        .map(|frame| (frame.location.line, frame.location.column))
        .collect();
    assert_eq!(places, [(2, 24), (3, 30), (4, 3)]);
}

#[test]
fn messages_say_what_was_called() {
    for (text, message, help) in [
        ("const o = {}; o.nope(1)", "o.nope is not a function", None),
        ("let v; v()", "v is not a function", None),
        (
            "JSON.prase('1')",
            "JSON.prase is not a function",
            Some("did you mean parse?"),
        ),
        (
            "const o = { take() {} }; o.tkae(1)",
            "o.tkae is not a function",
            Some("did you mean take?"),
        ),
        (
            "const s = 'x'; s.toUppercase()",
            "s.toUppercase is not a function",
            Some("did you mean toUpperCase?"),
        ),
        (
            "let host; host.lenght",
            "cannot read property 'lenght' of undefined: host is undefined",
            None,
        ),
        (
            "const o = { list: [] }; o.lsit.length",
            "cannot read property 'length' of undefined: o.lsit is undefined",
            Some("did you mean list?"),
        ),
        (
            "let n = 5; for (const x of n) {}",
            "n is not iterable",
            None,
        ),
        ("const q = 1; new q()", "q is not a constructor", None),
        (
            "const greeting = 1; greting + 1",
            "greting is not defined",
            Some("did you mean greeting?"),
        ),
        (
            "class A { take() { this.tkae() } }\nnew A().take()",
            "this.tkae is not a function",
            Some("did you mean take?"),
        ),
    ] {
        let error = thrown(text, Language::JavaScript);
        assert_eq!(error.message, message, "{text}");
        assert_eq!(error.help.as_deref(), help, "{text}");
    }
}
