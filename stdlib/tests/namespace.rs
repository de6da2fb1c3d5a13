//! `cla/namespace`.

mod support;

use serde_json::{Value, json};

#[track_caller]
fn value(expression: &str) -> Value {
    support::value(&format!(
        "import {{ Namespace, NoOpNamespace }} from 'cla/namespace';
         const failed = (call) => {{ try {{ return call() }} catch (error) {{ return String(error) }} }};
         export default {expression};"
    ))
}

#[test]
fn it_stands_in_front_of_keys() {
    assert_eq!(
        value(
            "((namespace) => ((key) => [String(namespace), key.get(), key.toString(), JSON.stringify({ key })])
                (namespace.create('my-key')))(new Namespace('@my-namespace'))"
        ),
        json!([
            "@my-namespace:_rt",
            "my-key",
            "@my-namespace:_rt:my-key",
            r#"{"key":"@my-namespace:_rt:my-key"}"#
        ])
    );
}

#[test]
fn the_parts_of_a_list_are_joined() {
    assert_eq!(
        value("String(new Namespace(['memory', 'event-bus']).create('a'))"),
        "memory:event-bus:_rt:a"
    );
}

#[test]
fn its_delimiter_and_its_last_part_can_be_chosen() {
    assert_eq!(
        value(
            "[new Namespace(['a', 'b'], { delimiter: '/', rootIdentifier: 'root' }),
              new Namespace('a', { delimeter: '|' }),
              new Namespace(['a', 'b']).setDelimiter('/').setRootIdentifier('root'),
              new Namespace(['a', 'b']).setDelimeter('/')].map((namespace) => String(namespace.create('k')))"
        ),
        json!(["a/b/root/k", "a|_rt|k", "a/b/root/k", "a/b/_rt/k"])
    );
}

#[test]
fn it_can_be_extended_at_both_ends_and_stays_as_it_was() {
    assert_eq!(
        value(
            "((namespace) => [namespace.appendRoot('sub'), namespace.appendRoot(['x', 'y']), namespace.prependRoot('top'), namespace].map(String))
                (new Namespace('a'))"
        ),
        json!(["a:sub:_rt", "a:x:y:_rt", "top:a:_rt", "a:_rt"])
    );
}

#[test]
fn keys_are_equal_if_key_and_namespace_are() {
    assert_eq!(
        value(
            "((a, b) => [a.create('k').equals(new Namespace('a').create('k')), a.create('k').equals(b.create('k')), a.create('k').equals(a.create('j'))])
                (new Namespace('a'), new Namespace('b'))"
        ),
        json!([true, false, false])
    );
}

#[test]
fn two_different_keys_never_become_the_same_text() {
    let refused = value("failed(() => new Namespace('a').create('x:_rt:y'))");
    assert_eq!(
        refused,
        r#"TypeError: the key "x:_rt:y" must not contain "_rt", which ends a namespace"#
    );
    assert_eq!(
        value("typeof failed(() => new Namespace(['a', '_rt']))"),
        "string"
    );
    assert_eq!(
        value("String(new Namespace('a').create('start_rt'))"),
        "a:_rt:start_rt"
    );
}

#[test]
fn a_key_is_a_text() {
    assert_eq!(
        value("failed(() => new Namespace('a').create(7))"),
        "TypeError: a key must be a string, not number"
    );
}

#[test]
fn without_a_namespace_keys_stay_as_they_are() {
    assert_eq!(
        value(
            "((none) => [String(none), none.create('k').get(), String(none.create('k'))])(new NoOpNamespace())"
        ),
        json!(["", "k", "k"])
    );
}

#[test]
fn it_is_plain_data_and_back() {
    assert_eq!(
        value(
            "[new Namespace('a').serialize(), String(Namespace.deserialize(new Namespace(['a', 'b'], { delimiter: '/' }).serialize()))]"
        ),
        json!([
            { "version": "1", "root": "a", "delimiter": ":", "rootIdentifier": "_rt" },
            "a/b/_rt"
        ])
    );
}
