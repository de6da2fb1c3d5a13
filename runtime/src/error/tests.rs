use std::collections::HashMap;
use std::sync::Arc;

use rquickjs::context::EvalOptions;
use rquickjs::{Context, Runtime, Value};

use super::suspect::Suspect;
use super::*;
use crate::typescript::suspects;

/// The files of a test, as the engine would know them.
#[derive(Default)]
struct Files {
    texts: HashMap<String, Arc<str>>,
    /// One line of generated code and where it comes from.
    moved: Option<(u32, u32)>,
}

impl Sources for Files {
    fn text(&self, file: &str) -> Option<Arc<str>> {
        self.texts.get(file).cloned()
    }

    fn original(&self, _: &str, line: u32, column: u32) -> Option<(u32, u32)> {
        let (from, to) = self.moved?;
        (line == from).then_some((to, column))
    }

    fn display_name(&self, file: &str) -> String {
        file.trim_start_matches("/rules/").to_owned()
    }

    fn suspects(&self, file: &str, line: u32, column: u32) -> Vec<Suspect> {
        match (self.texts.get(file), self.moved) {
            (Some(text), None) => suspects::suspects(text, 0, line, column),
            _ => Vec::new(),
        }
    }

    fn mark(&self, file: &str, suspect: &Suspect) -> Option<(u32, u32, u32)> {
        let text = self.texts.get(file)?;
        suspects::mark(text, text, None, suspect)
    }
}

/// Runs `script` as `broken.js` and returns what it threw.
fn thrown(script: &str) -> RuleError {
    thrown_in(&[("broken.js", script)])
}

/// Runs the files one after the other, as scripts of one context, and returns what the last threw.
fn thrown_in(files: &[(&str, &str)]) -> RuleError {
    let sources = Files {
        texts: files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Arc::from(*text)))
            .collect(),
        ..Files::default()
    };
    thrown_with(&sources, files)
}

fn thrown_with(sources: &Files, files: &[(&str, &str)]) -> RuleError {
    let runtime = Runtime::new().unwrap();
    runtime.set_max_stack_size(200 << 10);
    let context = Context::full(&runtime).unwrap();
    context.with(|ctx| {
        let mut error = None;
        for (name, text) in files {
            let mut options = EvalOptions::default();
            options.filename = Some((*name).to_owned());
            options.strict = false;
            error = ctx
                .eval_with_options::<Value<'_>, _>(*text, options)
                .err()
                .map(|_| RuleError::from_js(&ctx, &ctx.catch(), sources));
            assert!(!ctx.has_exception(), "reading an error leaves none behind");
        }
        error.expect("the last script throws")
    })
}

/// What stands under the carets.
fn underlined(error: &RuleError) -> String {
    let snippet = error.snippet.as_ref().expect("a source line is shown");
    let skipped = snippet.column as usize - 1;
    let length = snippet.length as usize;
    snippet.text.chars().skip(skipped).take(length).collect()
}

macro_rules! points_at {
    ($($name:ident: $script:expr => $column:expr, $under:expr;)*) => {$(
        #[test]
        fn $name() {
            let error = thrown($script);
            assert_eq!(underlined(&error), $under);
            assert_eq!(error.location.unwrap().column, $column);
        }
    )*};
}

points_at! {
    an_undefined_function_is_underlined_where_it_is_called: "\n\n    undefinedFunction();" => 5, "undefinedFunction";
    an_undefined_name_is_underlined_among_arguments: "\nlet s = 'é日😀'; print_(1, 2)" => 16, "print_";
    a_property_of_undefined_is_underlined_up_to_the_property: "\nlet o = {}; o.a.b.c()" => 13, "o.a.b";
    an_index_of_undefined_is_underlined: "\nlet o = {}; o['a']['b'] + 1" => 13, "o['a']['b']";
    a_missing_method_is_underlined_with_its_object: "\nlet o = {a: {}}; o.a.b(1)" => 18, "o.a.b";
    a_missing_method_is_found_from_its_arguments: "\nlet o = {a: {}}; o.a.b(o, 2)" => 18, "o.a.b";
    a_called_value_is_underlined: "\nlet v; v()" => 8, "v";
    a_called_value_is_underlined_even_on_a_first_line: "(() => { let v; v(); })()" => 17, "v";
    a_thrown_error_is_underlined_with_new: "\n  throw new Error('x')" => 9, "new Error";
    a_class_that_is_none_is_underlined_with_new: "\nlet q = 1; new q()" => 12, "new q";
    a_constant_that_is_assigned_is_underlined: "\nconst c = 1;   c = 2" => 16, "c";
    a_failing_builtin_is_underlined_with_its_object: "\nlet v = JSON.parse('x')" => 9, "JSON.parse";
    a_misplaced_token_is_underlined: "\n  let a = ;" => 11, ";";
    a_name_declared_twice_is_underlined: "\nlet x; let xyz; let xyz;" => 21, "xyz";
    an_error_is_underlined_though_its_arguments_hold_another: "\nthrow new Error('a', {cause: new TypeError('b')})" => 7, "new Error";
    an_error_made_without_new_is_underlined: "\nif (true) throw RangeError('plain')" => 17, "RangeError";
    an_error_class_of_the_rule_is_underlined: "\nclass Refused extends Error {}\nthrow new Refused(`no ${1 + 1}`)" => 7, "new Refused";
    a_name_used_too_early_is_underlined: "\nlet z0 = z0 + 1" => 10, "z0";
}

#[test]
fn an_error_shows_its_line_its_class_and_who_called() {
    let error = thrown(
        "function outer() {\n  if (true) {\n    undefinedFunction();\n  }\n}\n\nfunction run() { outer() }\nrun()",
    );
    assert_eq!(
        error.render(false),
        "\
error: undefinedFunction is not defined
  ┌─ broken.js:3:5
  │
3 │     undefinedFunction();
  │     ^^^^^^^^^^^^^^^^^ ReferenceError
  │
  = at run (broken.js:7:18)
  = at broken.js:8:1
"
    );
    assert_eq!(
        error.to_string(),
        "broken.js:3:5: ReferenceError: undefinedFunction is not defined"
    );
    assert_eq!(error.kind, ErrorKind::Exception);
    assert_eq!(error.frames[0].function.as_deref(), Some("outer"));
}

#[test]
fn causes_follow_with_their_source() {
    let error = thrown_in(&[
        (
            "lib.js",
            "function read() {\n  throw new TypeError('disk is full', {cause: 'dust'})\n}",
        ),
        (
            "broken.js",
            "function save() {\n  try { read() }\n  catch (cause) { throw new Error('not saved', {cause}) }\n}\nsave()",
        ),
    ]);
    assert_eq!(
        error.render(false),
        "\
error: not saved
  ┌─ broken.js:3:25
  │
3 │   catch (cause) { throw new Error('not saved', {cause}) }
  │                         ^^^^^^^^^ Error
  │
  = at broken.js:5:1
  = caused by: TypeError: disk is full
        ┌─ lib.js:2:9
        │
      2 │   throw new TypeError('disk is full', {cause: 'dust'})
        │         ^^^^^^^^^^^^^ TypeError
        │
        = at save (broken.js:2:9)
        = at broken.js:5:1
  = caused by: uncaught: \"dust\"
"
    );
    let source = std::error::Error::source(&error).expect("the cause is the source");
    assert_eq!(source.to_string(), "lib.js:2:9: TypeError: disk is full");
}

#[test]
fn an_aggregate_lists_its_errors() {
    let error = thrown("\nthrow new AggregateError([new Error('first'), 3], 'all failed')");
    assert_eq!(
        error.render(false),
        "\
error: all failed
  ┌─ broken.js:2:7
  │
2 │ throw new AggregateError([new Error('first'), 3], 'all failed')
  │       ^^^^^^^^^^^^^^^^^^ AggregateError
  │
  = error 1 of 2: Error: first
        ┌─ broken.js:2:27
        │
      2 │ throw new AggregateError([new Error('first'), 3], 'all failed')
        │                           ^^^^^^^^^ Error
  = error 2 of 2: uncaught: 3
"
    );
}

#[test]
fn what_is_thrown_without_being_an_error_is_shown_as_it_is() {
    for (script, shown) in [
        ("throw 'no'", r#"uncaught: "no""#),
        ("throw undefined", "uncaught: undefined"),
        ("throw null", "uncaught: null"),
        ("throw 1.5", "uncaught: 1.5"),
        ("throw NaN", "uncaught: NaN"),
        ("throw 12n", "uncaught: 12n"),
        ("throw true", "uncaught: true"),
        ("throw Symbol('why')", "uncaught: Symbol(why)"),
        (
            "throw {a: 1, b: [2, {c: 'd'}]}",
            r#"uncaught: {"a":1,"b":[2,{"c":"d"}]}"#,
        ),
        ("throw () => 1", "uncaught: [Function]"),
        (
            "throw new Proxy({}, {get() { while (true) {} }, ownKeys() { while (true) {} }})",
            "uncaught: [Proxy]",
        ),
    ] {
        let error = thrown(script);
        assert_eq!(error.summary(), shown);
        assert_eq!(error.render(false), format!("error: {shown}\n"));
    }
    assert_eq!(thrown("throw {a: 1}").details, serde_json::json!({"a": 1}));
}

#[test]
fn getters_that_throw_do_no_harm() {
    let error = thrown(
        "class Nasty extends Error {
           get name() { throw 1 } get message() { throw 2 } get stack() { throw 3 }
           get cause() { throw 4 } get errors() { throw 5 }
         }
         const nasty = new Nasty; Object.defineProperty(nasty, 'x', {enumerable: true, get() { throw 6 }});
         nasty.y = 7; throw nasty",
    );
    assert_eq!(error.summary(), "Nasty");
    assert_eq!(error.details, serde_json::json!({"y": 7}));
}

#[test]
fn circles_of_causes_and_errors_end() {
    let error = thrown(
        "let a = new Error('a'), b = new Error('b', {cause: a}); a.cause = b; a.errors = [a, b]; throw a",
    );
    let chain = std::iter::successors(Some(&error), |error| error.cause.as_deref());
    assert_eq!(
        chain.map(|error| &*error.message).collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert!(error.errors.is_empty());
}

#[test]
fn long_chains_and_wide_aggregates_are_bounded() {
    let error = thrown(
        "let e = new Error('0'); for (let i = 1; i < 1e4; i++) e = new Error(i, {cause: e}); throw e",
    );
    let chain = std::iter::successors(Some(&error), |error| error.cause.as_deref());
    assert_eq!(chain.count(), 9);
    let error =
        thrown("throw new AggregateError(Array.from({length: 1e4}, (_, i) => new Error(i)))");
    assert_eq!(error.errors.len(), 16);
    let error = thrown(
        "const e = new Error('big'); e.list = Array(1e5).fill(1); e.self = e; e.deep = {a: {b: {c: {d: 1}}}}; throw e",
    );
    assert!(serde_json::to_string(&error).unwrap().len() < 4_000);
}

#[test]
fn a_huge_message_is_cut() {
    let error = thrown("throw new Error('x'.repeat(1e6))");
    assert!(
        error.message.ends_with("x… (996000 more characters)"),
        "{}",
        error.message
    );
    assert!(error.render(false).len() < 5_000);
}

#[test]
fn half_a_surrogate_pair_is_shown_escaped() {
    assert_eq!(thrown("throw new Error('a\\ud800b')").message, "a\\ud800b");
}

#[test]
fn a_long_stack_is_shortened_in_the_middle() {
    let stack = (1..=1_000)
        .map(|line| format!("    at f{line} (broken.js:{line}:1)\\n"))
        .collect::<String>();
    let error = thrown(&format!(
        "const error = new Error('deep'); Object.defineProperty(error, 'stack', {{value: '{stack}'}}); throw error"
    ));
    let shown = error.render(false);
    assert_eq!(error.frames.len(), 1_000);
    assert!(
        shown.contains(
            "  = at f8 (broken.js:8:1)\n  = ... 989 more ...\n  = at f998 (broken.js:998:1)\n"
        ),
        "{shown}"
    );
    assert!(
        shown.ends_with("  = at f1000 (broken.js:1000:1)\n"),
        "{shown}"
    );
}

#[test]
fn what_is_said_already_is_not_said_again() {
    let error = thrown(
        "function f(n) { if (n > 0) f(n - 1); else {\n\
         throw Object.assign(new Error('no room on disk1', {cause: new TypeError('no room')}), {\n\
         disk: 'disk1', code: 'disk1', empty: '', host: 'web1', full: false});\n} }\nf(4);",
    );
    let shown = error.render(false);
    for (part, is_there) in [
        // Four calls from one place.
        (
            "at f (broken.js:1:28)\n  = ... the same 3 times more ...\n",
            true,
        ),
        ("caused by: TypeError\n", true),
        ("code: \"disk1\"", true),
        ("host: \"web1\"", true),
        ("full: false", true),
        ("  disk: ", false),
        ("empty", false),
    ] {
        assert_eq!(shown.contains(part), is_there, "{part} in {shown}");
    }
}

#[test]
fn a_long_line_is_cut_around_what_failed() {
    let script = format!(
        "let a = '{}'; nothing; let b = '{}'",
        "x".repeat(500),
        "y".repeat(500)
    );
    let error = thrown(&script);
    let snippet = error.snippet.clone().unwrap();
    assert_eq!(underlined(&error), "nothing");
    assert_eq!(snippet.text.chars().count(), 122);
    assert!(snippet.text.starts_with("…xxx") && snippet.text.ends_with("yyy…"));
    assert_eq!(error.location.unwrap().column, 513);
}

#[test]
fn tabs_and_wide_characters_keep_the_caret_in_place() {
    let shown = thrown("\n\t\t'日本'; nothing").render(false);
    assert_eq!(
        shown,
        "\
error: nothing is not defined
  ┌─ broken.js:2:9
  │
2 │         '日本'; nothing
  │                 ^^^^^^^ ReferenceError
"
    );
}

#[test]
fn nothing_that_a_rule_writes_steers_the_terminal() {
    let shown = thrown("/* \x1b[31m */ throw new Error('\\x1b[2J\\u202e')").render(false);
    assert!(shown.starts_with("error: \\u{1b}[2J\\u{202e}\n"), "{shown}");
    assert!(!shown.contains('\x1b'), "{shown}");
}

#[test]
fn colour_is_added_only_when_asked_for() {
    let error = thrown("nothing");
    assert!(error.render(true).contains("\x1b["));
    assert!(!error.render(false).contains("\x1b["));
}

#[test]
fn failures_of_the_engine_are_told_from_exceptions() {
    for (script, kind) in [
        ("(function again() { again() })()", ErrorKind::StackOverflow),
        ("let a = ", ErrorKind::Syntax),
        ("JSON.parse('{')", ErrorKind::Exception),
        ("eval('1 +')", ErrorKind::Exception),
        ("throw new SyntaxError('mine')", ErrorKind::Exception),
        ("throw 1", ErrorKind::Exception),
    ] {
        assert_eq!(thrown(script).kind, kind, "{script}");
    }
}

#[test]
fn running_out_of_memory_is_recognised() {
    let runtime = Runtime::new().unwrap();
    let context = Context::full(&runtime).unwrap();
    runtime.set_memory_limit(4 << 20);
    context.with(|ctx| {
        ctx.eval::<(), _>("{ const a = []; for (;;) a.push(new Array(1000).fill(1)) }")
            .unwrap_err();
        let error = RuleError::from_js(&ctx, &ctx.catch(), &Files::default());
        assert_eq!(error.kind, ErrorKind::OutOfMemory);
    });
}

#[test]
fn an_interrupted_run_is_recognised() {
    let runtime = Runtime::new().unwrap();
    let context = Context::full(&runtime).unwrap();
    runtime.set_interrupt_handler(Some(Box::new(|| true)));
    context.with(|ctx| {
        ctx.eval::<(), _>("for (;;) {}").unwrap_err();
        let error = RuleError::from_js(&ctx, &ctx.catch(), &Files::default());
        assert_eq!(error.kind, ErrorKind::Cancelled);
        assert!(!ctx.has_exception());
    });
}

#[test]
fn functions_and_files_may_have_any_name() {
    let name = "/rules/my rule (copy) 1:2.js";
    let error = thrown_in(&[(
        name,
        "const f = {'a (b.js:1:1)\\n    '() { nothing }}; for (const key in f)\n f[key]()",
    )]);
    assert_eq!(
        error.frames[0].function.as_deref(),
        Some("a (b.js:1:1)\n    ")
    );
    assert_eq!(error.frames[0].location.file, "my rule (copy) 1:2.js");
    assert_eq!(error.frames[1].location.line, 2);
}

#[test]
fn an_error_in_translated_code_points_into_the_original() {
    let sources = Files {
        texts: HashMap::from([(
            "rule.ts".to_owned(),
            Arc::from("type A = 1\n\nnothing as A"),
        )]),
        moved: Some((1, 3)),
    };
    let error = thrown_with(&sources, &[("rule.ts", "nothing")]);
    assert_eq!(underlined(&error), "nothing");
    assert_eq!(error.location.unwrap().line, 3);
}

#[test]
fn a_place_without_source_is_still_named() {
    let error = thrown_with(
        &Files::default(),
        &[("gone.js", "\nfunction f() { nothing }\nf()")],
    );
    assert_eq!(
        error.render(false),
        "\
error: ReferenceError: nothing is not defined
 = at f (gone.js:2:16)
 = at gone.js:3:1
"
    );
}

#[test]
fn typescript_problems_are_shown_in_their_file() {
    let source = "let a: = 1;\nlet b = 2";
    let problems = crate::typescript::strip("rule.ts", source).unwrap_err();
    let error = RuleError::from_problems("rule.ts", source, LineEnds::Script, problems);
    assert_eq!(
        error.render(false),
        "\
error: Unexpected token
  ┌─ rule.ts:1:8
  │
1 │ let a: = 1;
  │        ^ SyntaxError
"
    );
    assert_eq!(error.kind, ErrorKind::Syntax);
}

#[test]
fn limits_say_what_to_do() {
    for (error, shown) in [
        (
            RuleError::out_of_memory(64 << 20),
            "error: the rule used more than its 64 MiB of memory; let it keep less, or raise the run's memory limit\n",
        ),
        (
            RuleError::timed_out(Duration::from_millis(1_500)),
            "error: the rule took longer than its 1.5s; let it do less, or raise the run's time limit\n",
        ),
        (
            RuleError::stack_overflow(256 << 10),
            "error: the rule's calls nest deeper than its 256 KiB of stack; look for a function that calls itself without end, or raise the run's stack limit\n",
        ),
        (RuleError::cancelled(), "error: the run was cancelled\n"),
        (
            RuleError::load(
                "cannot find './lib.js'",
                Some("did you mean './lib.ts'?".to_owned()),
            ),
            "error: cannot find './lib.js'\n = help: did you mean './lib.ts'?\n",
        ),
    ] {
        assert_eq!(error.render(false), shown);
    }
}

#[test]
fn a_limit_can_be_reported_where_it_was_hit() {
    let overflow = thrown("\nfunction again() { again() }\nagain()");
    let error = RuleError::stack_overflow(200 << 10).at_place_of(overflow);
    assert_eq!(underlined(&error), "again");
    assert_eq!(error.location.as_ref().unwrap().line, 2);
    assert!(
        error
            .render(false)
            .contains("  = at again (broken.js:2:20)\n")
    );
}
