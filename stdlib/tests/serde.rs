//! `cla/serde`, and its text format beside the npm package `superjson`.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use cla_runtime::{RunOptions, Script};
use serde_json::{Value, json};

const IMPORTS: &str = "
    import { DeserializationSerdeError, Serde, SerdeError, SerializationSerdeError } from 'cla/serde';
    import { SuperJsonSerdeAdapter } from 'cla/serde/super-json';
    import { TimeSpan } from 'cla/time-span';
    import { Namespace } from 'cla/namespace';
    const serde = new Serde(new SuperJsonSerdeAdapter());
    const copy = (value) => serde.deserialize(serde.serialize(value));
    const failed = (call) => { try { return [call()] } catch (error) { return `${error.name}: ${error.message}` } };
";

/// The value that a rule exports which has these things.
#[track_caller]
fn value(body: &str) -> Value {
    support::value(&format!("{IMPORTS}{body}"))
}

/// What reading a text throws.
#[track_caller]
fn refused(text: &str) -> String {
    match value(&format!(
        "export default failed(() => serde.deserialize({}))",
        json!(text)
    )) {
        Value::String(error) => error,
        other => panic!("{text} was read as {other}"),
    }
}

/// What the npm package makes of texts by name; see `superjson/peer.js`.
fn peer(written: &Value) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/superjson");
    assert!(
        folder.join("node_modules/superjson").is_dir(),
        "the npm package is missing: run `npm ci` in {}, or `cargo xtask test`, which does",
        folder.display()
    );
    let mut node = Command::new("node")
        .arg("peer.js")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs Node.js: install it, or run `cargo xtask test`, which does");
    let mut input = node.stdin.take().unwrap();
    input.write_all(written.to_string().as_bytes()).unwrap();
    drop(input);
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn we_write_what_superjson_writes_and_each_reads_the_other() {
    let cases = include_str!("superjson/cases.js");
    let setup = format!(
        "{IMPORTS} const {{ Point, describe, exact, own }} = {cases}; serde.registerClass(Point);"
    );
    let each = |give: &str| {
        let body = "const all = {}; for (const [name, value] of Object.entries({ ...exact, ...own })) all[name] =";
        value_of(&format!("{setup} {body} {give}; export default all;"))
    };
    let written = each("serde.serialize(value)");
    let wanted = each("describe(value)");
    let kinds = value_of(&format!("{setup} export default Object.keys(own)"));
    let theirs = peer(&written);
    let texts: serde_json::Map<String, Value> = theirs
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, theirs)| (name.clone(), theirs["text"].clone()))
        .collect();
    let read = each(&format!(
        "[serde.serialize(value), ({})[name] ?? serde.serialize(value)].map((text) => describe(serde.deserialize(text)))",
        json!(texts)
    ));
    assert!(
        texts.len() > 45,
        "only {} values were compared",
        texts.len()
    );
    for (name, theirs) in theirs.as_object().unwrap() {
        let is_own = kinds.as_array().unwrap().contains(&json!(name));
        if is_own {
            assert_eq!(theirs["read"], wanted[name], "superjson reads our {name}");
            assert_eq!(read[name][0], wanted[name], "we read our {name}");
            continue;
        }
        assert_eq!(written[name], theirs["text"], "the text of {name}");
        assert_eq!(
            theirs["read"], theirs["again"],
            "superjson reads our {name}"
        );
        assert_eq!(read[name][1], read[name][0], "we read superjson's {name}");
        assert_eq!(
            read[name][1], theirs["again"],
            "both read {name} as the same"
        );
    }
}

#[track_caller]
fn value_of(source: &str) -> Value {
    let script = Script::new("cases.mjs", source);
    support::run_script(&support::engine(), script, RunOptions::new())
        .value
        .unwrap()
}

#[test]
fn texts_of_before_the_first_version_are_read_as_they_were_meant() {
    let text = r#"{"json":{"a\\b":"1","c.d":"2"},"meta":{"values":{"a\\b":["bigint"],"c\\.d":["bigint"]}}}"#;
    assert_eq!(
        value(&format!(
            "const read = serde.deserialize({}); export default [String(read['a\\\\b']), typeof read['c.d']]",
            json!(text)
        )),
        json!(["1", "bigint"])
    );
}

#[test]
fn objects_that_were_written_once_are_put_where_they_belong() {
    // As superjson writes it when it is told to leave out repetitions.
    let text = r#"{"json":{"a":{"n":1},"b":null,"set":[null,2]},"meta":{"values":{"set":["set"]},"referentialEqualities":{"a":["b","set.0"]},"v":1}}"#;
    assert_eq!(
        value(&format!(
            "const {{ a, b, set }} = serde.deserialize({}); export default [a === b, [...set][0] === a, set.size]",
            json!(text)
        )),
        json!([true, true, 2])
    );
}

#[test]
fn nothing_in_a_text_reaches_what_all_objects_inherit() {
    for text in [
        r#"{"json":{"__proto__":{"polluted":1}}}"#,
        r#"{"json":{"a":[{"\u005f_proto__":{"polluted":1}}]}}"#,
        r#"{"json":{"a":"1"},"meta":{"values":{"__proto__.polluted":["bigint"]},"v":1}}"#,
        r#"{"json":{"a":"1"},"meta":{"values":{"constructor.prototype.polluted":["bigint"]},"v":1}}"#,
        r#"{"json":{"a":{}},"meta":{"referentialEqualities":{"a":["__proto__.polluted"]},"v":1}}"#,
        r#"{"json":{"a":{}},"meta":{"referentialEqualities":{"a":["constructor.prototype.polluted"]},"v":1}}"#,
        r#"{"json":{"constructor":{"prototype":"1"}},"meta":{"values":{"constructor.prototype":["bigint"]},"v":1}}"#,
        r#"{"json":{"a":[]},"meta":{"referentialEqualities":{"a.constructor":["a"]},"v":1}}"#,
    ] {
        let error = refused(text);
        assert!(
            error.starts_with("DeserializationSerdeError: "),
            "{text}: {error}"
        );
    }
    let body = "
        const attack = JSON.parse('{\"__proto__\": {\"polluted\": 1}}');
        export default [failed(() => serde.serialize(attack)), failed(() => serde.serialize({ constructor: 1 })), ({}).polluted];
    ";
    let written = value(body);
    for error in &written.as_array().unwrap()[..2] {
        assert!(
            error
                .as_str()
                .unwrap()
                .starts_with("SerializationSerdeError: a property \""),
            "{error}"
        );
    }
}

#[test]
fn what_no_serializer_has_written_is_refused_with_a_reason() {
    for (text, reason) in [
        ("no json", "no JSON: "),
        ("7", "no text of this format"),
        (
            r#"{"json":"x","meta":{"values":["bigint"],"v":1}}"#,
            "a value of this text cannot be made",
        ),
        (
            r#"{"json":1,"meta":{"values":["unheard-of"],"v":1}}"#,
            "unknown kind of value: \"unheard-of\"",
        ),
        (
            r#"{"json":1,"meta":{"values":[["typed-array","Array"]],"v":1}}"#,
            "unknown kind of value",
        ),
        (
            r#"{"json":9e9,"meta":{"values":[["typed-array","Uint8Array"]],"v":1}}"#,
            "what should be a list is none",
        ),
        (
            r#"{"json":{},"meta":{"values":[["custom","Point"]],"v":1}}"#,
            "nobody has registered \"Point\"",
        ),
        (
            r#"{"json":{},"meta":{"values":{"a.b":["Date"]},"v":1}}"#,
            "the path \"a.b\" leads nowhere",
        ),
        (
            r#"{"json":{"a":1},"meta":{"values":{"a\\b":["Date"]},"v":1}}"#,
            "ends in the middle of an escape",
        ),
        (
            r#"{"json":{},"meta":{"referentialEqualities":{"a":["b"]},"v":1}}"#,
            "the path \"a\" leads nowhere",
        ),
    ] {
        let error = refused(text);
        assert!(error.contains(reason), "{text}: {error}");
        assert!(error.starts_with("DeserializationSerdeError: "), "{error}");
    }
}

#[test]
fn what_json_has_no_form_for_is_refused() {
    let body = "
        class Own { constructor() { this.big = 1n } }
        export default [failed(() => serde.serialize(new Own())), new SerializationSerdeError('') instanceof SerdeError, new DeserializationSerdeError('') instanceof SerdeError];
    ";
    let thrown = value(body);
    let error = thrown[0].as_str().unwrap();
    assert!(
        error.starts_with("SerializationSerdeError: no JSON can be made of it"),
        "{error}"
    );
    assert_eq!(thrown.as_array().unwrap()[1..], [json!(true), json!(true)]);
}

#[test]
fn objects_of_a_registered_class_are_what_they_were() {
    let body = "
        class User {
            static deserialize({ name, born }) { return new User(name, born); }
            constructor(name, born) { this.name = name; this.born = born; }
            serialize() { return { version: '1', name: this.name, born: this.born }; }
            greet() { return `I am ${this.name}, born ${this.born.getUTCFullYear()}`; }
        }
        class Admin extends User {}
        serde.registerClass(User);
        const user = new User('Carl', new Date('1974-05-06'));
        const { one, two } = copy({ one: user, two: [user] });
        export default [
            one instanceof User, one !== user, one.greet(), two[0] === one, serde.serialize(new User('A', 1)),
            // Only objects of this very class: one that extends it has a form of its own.
            copy(new Admin('B', 1)) instanceof User,
        ];
    ";
    assert_eq!(
        value(body),
        json!([
            true,
            true,
            "I am Carl, born 1974",
            true,
            r#"{"json":{"version":"1","class_":{"version":"1","name":"A","born":1}},"meta":{"values":[["custom","User"]],"v":1}}"#,
            false
        ])
    );
}

#[test]
fn a_prefix_tells_classes_of_the_same_name_apart() {
    let body = "
        const make = (mark) => class User { static deserialize() { return new this(); } serialize() { return {}; } mark = mark; };
        const [A, B] = [make('a'), make('b')];
        serde.registerClass(A, 'lib-a').registerClass(B, ['lib', 'b']);
        export default [copy([new A(), new B()]).map(({ mark }) => mark), /lib:b:User/.test(serde.serialize(new B()))];
    ";
    assert_eq!(value(body), json!([["a", "b"], true]));
}

#[test]
fn a_transformer_decides_how_its_values_are_written() {
    let body = "
        const secrets = new WeakMap();
        class Token { constructor(text) { secrets.set(this, text); } get text() { return secrets.get(this); } }
        serde.registerCustom({
            name: ['app', 'token'],
            isApplicable: (value) => value instanceof Token,
            serialize: (token) => ({ version: '1', hidden: token.text.split('').reverse().join('') }),
            deserialize: ({ hidden }) => new Token(hidden.split('').reverse().join('')),
        });
        serde.registerCustom({ name: 'symbol', isApplicable: (value) => value === Symbol.iterator, serialize: () => 'it', deserialize: () => Symbol.iterator });
        export default [copy({ token: new Token('abc') }).token.text, /app:token/.test(serde.serialize(new Token('x'))), copy([Symbol.iterator])[0] === Symbol.iterator];
    ";
    assert_eq!(value(body), json!(["abc", true, true]));
}

#[test]
fn lengths_of_time_and_namespaces_can_be_registered() {
    let body = "
        serde.registerClass(TimeSpan).registerClass(Namespace);
        const { ttl, namespace } = copy({ ttl: TimeSpan.fromSeconds(12), namespace: new Namespace(['a', 'b']) });
        export default [ttl instanceof TimeSpan, ttl.toSeconds(), String(namespace)];
    ";
    assert_eq!(value(body), json!([true, 12, "a:b:_rt"]));
}

#[test]
fn what_is_no_text_is_copied() {
    let body = "
        serde.registerClass(TimeSpan);
        const span = TimeSpan.fromSeconds(3), read = serde.deserialize(span);
        export default [read !== span, read.equals(span)];
    ";
    assert_eq!(value(body), json!([true, true]));
}

#[test]
fn deep_values_are_an_error_of_the_rule_and_no_crash() {
    let body = "
        let deep = []; for (let i = 0; i < 100_000; i++) deep = [deep];
        let text = '['.repeat(100_000) + ']'.repeat(100_000);
        export default [failed(() => serde.serialize(deep)), failed(() => serde.deserialize(`{\"json\":${text}}`))].map((error) => typeof error);
    ";
    let ran = support::run(&format!("{IMPORTS}{body}"));
    assert!(ran.value.is_ok(), "{:?}", ran.value);
}

#[test]
fn a_value_of_many_parts_is_written_and_read_at_the_pace_of_its_size() {
    let body = "
        const many = { map: new Map(), set: new Set() };
        for (let i = 0; i < 20_000; i++) { many.map.set(i, new Date(i)); many.set.add({ i }); }
        many.again = [...many.set];
        const read = copy(many);
        export default [read.map.get(19_999).getTime(), read.set.size, [...read.set][19_999] === read.again[19_999]];
    ";
    let started = std::time::Instant::now();
    assert_eq!(value(body), json!([19_999, 20_000, true]));
    assert!(started.elapsed() < std::time::Duration::from_secs(60));
}

#[test]
fn what_cannot_write_and_read_is_refused_when_it_is_registered() {
    let body = "
        class Half { serialize() { return {} } }
        export default [failed(() => serde.registerClass(Half)), failed(() => serde.registerClass()), failed(() => new Serde())];
    ";
    let needs = "needs a method `serialize` and a static method `deserialize`";
    assert_eq!(
        value(body),
        json!([
            format!("TypeError: registerClass: Half {needs}"),
            format!("TypeError: registerClass: undefined {needs}"),
            "TypeError: Serde: the adapter is missing; try new SuperJsonSerdeAdapter()"
        ])
    );
}
