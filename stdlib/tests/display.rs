//! What cannot be seen, and what steers a terminal, is shown as an escape wherever a name or a key is shown.

mod support;

use support::{printed, run, thrown, value};

/// Control characters, those for the direction of text, and those without width.
const DANGEROUS: &[char] = &[
    '\u{1}', '\u{7}', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{61c}', '\u{200b}', '\u{200c}',
    '\u{200d}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{202b}', '\u{202c}',
    '\u{202d}', '\u{202e}', '\u{2060}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}', '\u{feff}',
];

/// Each shows the string `X` as something other than a text of its own.
const SHOWN: &[&str] = &[
    "console.log({ [X]: 1 })",
    "console.log({ ['a' + X]: { [X]: 1 } })",
    "console.log([X])",
    "console.log({ a: X })",
    "console.log(Object.defineProperty(() => {}, 'name', { value: X }))",
    "console.log(Object.defineProperty(class {}, 'name', { value: X }))",
    "console.log(class A extends Object.defineProperty(class {}, 'name', { value: X }) {})",
    "console.log(new (Object.defineProperty(class {}, 'name', { value: X })))",
    "console.log(Symbol(X))",
    "console.log(Object(Symbol(X)))",
    "console.log({ [Symbol(X)]: 1, a: Symbol(X) })",
    "console.log({ [Symbol.toStringTag]: X })",
    "console.log(new Map([[X, X]]), new Set([X]))",
    "console.log(new Error(X))",
    "console.log(Object.assign(new Error('e'), { name: X }))",
    "console.log(new RegExp('a' + X.replace(/[\\u2028\\u2029]/, '')))",
    "console.log(Object.defineProperty({}, X, { value: 1, enumerable: false }))",
    "console.log('%s %o', Symbol(X), { [X]: 1 })",
    "console.table({ [X]: { [X]: X } })",
    "console.count(X)",
    "console.time(X); console.timeEnd(X)",
    "console.timeEnd(X)",
    "console.countReset(X)",
    "console.dir({ [X]: Symbol(X) })",
    "(() => { const f = Object.defineProperty(() => console.trace('t'), 'name', { value: X }); f() })()",
    "print({ [X]: Symbol(X) })",
];

#[test]
fn nothing_dangerous_is_shown_raw() {
    for character in DANGEROUS {
        let x = format!("b{}c", character.escape_unicode());
        for code in SHOWN {
            let ran = run(&format!("const X = '{x}'; {code}"));
            let shown = ran.stdout + &ran.stderr;
            assert!(ran.value.is_ok(), "{code} with {x}: {:?}", ran.value);
            assert!(!shown.is_empty(), "{code} with {x} shows nothing");
            assert!(!shown.contains(*character), "{code} with {x}: {shown:?}");
        }
    }
}

#[test]
fn what_a_rule_prints_itself_stays_as_it_is() {
    for character in DANGEROUS {
        let text = format!("a{character}b");
        let escaped = format!("a{}b", character.escape_unicode());
        assert_eq!(printed(&format!("print('{escaped}')")), format!("{text}\n"));
        assert_eq!(
            printed(&format!("console.log('{escaped}')")),
            format!("{text}\n")
        );
    }
}

#[test]
fn errors_and_deadlocks_show_names_as_escapes() {
    for character in DANGEROUS {
        let x = character.escape_unicode();
        let ran = run(&format!(
            "const f = Object.defineProperty(() => {{ throw new TypeError('m{x}') }}, 'name', {{ value: 'f{x}' }}); f()"
        ));
        let error = ran.value.unwrap_err();
        assert!(!error.contains(*character), "{error:?}");
        if !character.is_control() {
            let message = value(&format!(
                "const sem = require('cla/sem');
                 let message;
                 try {{ sem.take('s{x}', {{ who: 'w{x}' }}, () => sem.take('s{x}', () => 1)) }}
                 catch (error) {{ message = error.message }}
                 message"
            ));
            let message = message.as_str().unwrap();
            assert!(
                message.contains("deadlock") && !message.contains(*character),
                "{message:?}"
            );
        }
    }
}

/// Each takes the string `X` as the name of something.
const NAMES: &[&str] = &[
    "sem.take(X, () => 1)",
    "sem.acquire(X)",
    "sem.show(X)",
    "sem.slots(X, 2)",
    "sem.take('a', { who: X }, () => 1)",
    "stash.get(X)",
    "stash.set(X, 1)",
    "cla.stash(X)",
    "reg.register(X, () => 1)",
    "reg.has(X)",
    "rule.run(X)",
    "require(X)",
];

#[test]
fn half_a_character_names_nothing() {
    for code in NAMES {
        for half in ["\\ud800", "\\ud801", "\\udfff"] {
            let code = code.replace('X', &format!("'ab{half}'"));
            let code = format!(
                "const sem = require('cla/sem'), stash = require('cla/stash'), reg = require('cla/reg'),
                       rule = require('cla/rule');
                 {code}"
            );
            let thrown = thrown(&code);
            assert!(thrown.starts_with("TypeError: "), "{code}: {thrown}");
            let digits = half.trim_start_matches('\\');
            assert!(
                thrown.contains(digits) && thrown.contains("position 2"),
                "{code}: {thrown}"
            );
        }
    }
    assert_eq!(
        value("require('cla/sem').take('a\\ud83d\\ude00', () => 1)"),
        1
    );
}

#[test]
fn half_a_character_is_no_key_no_namespace_and_no_slot_id() {
    let provider = |settings: &str, key: &str, options: &str| {
        format!(
            "const {{ SemaphoreProvider, MemorySemaphoreAdapter }} = require('cla/semaphore');
             const {{ Namespace }} = require('cla/namespace');
             (async () => {{
                 try {{
                     const provider = new SemaphoreProvider({{ adapter: new MemorySemaphoreAdapter(), {settings} }});
                     await provider.create('{key}', {{ limit: 2, {options} }}).acquire();
                     return 'let in';
                 }} catch (error) {{ return error.name }}
             }})()"
        )
    };
    assert_eq!(value(&provider("", "a", "")), "let in");
    let half = "\\ud800";
    for refused in [
        provider("", half, ""),
        provider(&format!("namespace: new Namespace('{half}')"), "a", ""),
        provider("", "a", &format!("slotId: '{half}'")),
    ] {
        assert_eq!(value(&refused), "TypeError", "{refused}");
    }
}

#[test]
fn labels_of_half_characters_are_two() {
    let text =
        printed("console.count('\\ud800'); console.count('\\ud801'); console.count('\\ud800')");
    let counts: Vec<&str> = text
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(_, count)| count)
        .collect();
    assert_eq!(counts, ["1", "1", "2"]);
}
