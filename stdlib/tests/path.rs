//! `cla/path`.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod support;

use serde_json::{Value, json};
use support::value;

/// What an expression on `path` comes to.
fn of(expression: &str) -> Value {
    value(&format!(
        "const path = require('cla/path').default; {expression}"
    ))
}

/// Each call is one that Node answers in the same way.
#[test]
fn paths_are_put_together_and_taken_apart_as_in_node() {
    let cases = [
        ("path.join('a', '../b', './c', '', 'd/')", json!("b/c/d/")),
        ("path.join()", json!(".")),
        ("path.join('..', '..', 'a')", json!("../../a")),
        ("path.join('/a', '..', '..', 'b')", json!("/b")),
        ("path.normalize('/a//b/./c/..')", json!("/a/b")),
        ("path.normalize('')", json!(".")),
        ("path.normalize('./')", json!("./")),
        ("path.normalize('//')", json!("/")),
        ("path.normalize('../a/../..')", json!("../..")),
        ("path.resolve('/a', 'b', '../c')", json!("/a/c")),
        ("path.resolve('a', '/b', './c/')", json!("/b/c")),
        ("path.resolve('/')", json!("/")),
        ("path.relative('/a/b/c', '/a/d')", json!("../../d")),
        ("path.relative('/a', '/a')", json!("")),
        ("path.relative('/a', '/a/b')", json!("b")),
        ("path.isAbsolute('/a')", json!(true)),
        ("path.isAbsolute('a')", json!(false)),
        ("path.dirname('/a/b/')", json!("/a")),
        ("path.dirname('/a')", json!("/")),
        ("path.dirname('//a')", json!("//")),
        ("path.dirname('a')", json!(".")),
        ("path.dirname('')", json!(".")),
        ("path.dirname('a//b')", json!("a/")),
        ("path.basename('/a/b.html/', '.html')", json!("b")),
        ("path.basename('/a/.js', '.js')", json!(".js")),
        ("path.basename('.js', '.js')", json!("")),
        ("path.basename('/')", json!("")),
        ("path.extname('a.tar.gz')", json!(".gz")),
        ("path.extname('.profile')", json!("")),
        ("path.extname('a.')", json!(".")),
        ("path.extname('..')", json!("")),
        ("path.extname('a.b/c')", json!("")),
        (
            "path.parse('/home/a/b.tar.gz')",
            json!({"root": "/", "dir": "/home/a", "base": "b.tar.gz", "ext": ".gz", "name": "b.tar"}),
        ),
        (
            "path.parse('/a')",
            json!({"root": "/", "dir": "/", "base": "a", "ext": "", "name": "a"}),
        ),
        (
            "path.parse('a/')",
            json!({"root": "", "dir": "", "base": "a", "ext": "", "name": "a"}),
        ),
        (
            "path.format(path.parse('/home/a/b.txt'))",
            json!("/home/a/b.txt"),
        ),
        (
            "path.format({dir: '/a', name: 'b', ext: 'c'})",
            json!("/a/b.c"),
        ),
        ("path.format({root: '/', base: 'b'})", json!("/b")),
        ("[path.sep, path.delimiter]", json!(["/", ":"])),
    ];
    for (expression, expected) in cases {
        assert_eq!(of(expression), expected, "{expression}");
    }
}

#[test]
fn a_relative_path_is_resolved_from_the_current_folder() {
    let folder = std::env::current_dir().unwrap();
    assert_eq!(
        of("path.resolve('a', '..')"),
        json!(folder.to_str().unwrap())
    );
    assert_eq!(of("path.relative('.', 'a/b')"), "a/b");
}

#[test]
fn a_pattern_stands_for_paths() {
    let matching = [
        ("src/a.js", "src/*.js"),
        ("src/b/c/a.js", "src/**/*.js"),
        ("src/a.js", "src/**/*.js"),
        ("a1.txt", "a?.txt"),
        ("a.yml", "*.{yml,yaml}"),
        ("b", "[a-c]"),
    ];
    for (path, pattern) in matching {
        let call = format!("path.matchesGlob('{path}', '{pattern}')");
        assert_eq!(of(&call), json!(true), "{call}");
    }
    for (path, pattern) in [("src/b/a.js", "src/*.js"), ("d", "[a-c]"), ("a", "b")] {
        let call = format!("path.matchesGlob('{path}', '{pattern}')");
        assert_eq!(of(&call), json!(false), "{call}");
    }
}

#[test]
fn what_is_no_text_is_refused() {
    let thrown = of("try { path.join('a', 1) } catch (e) { `${e.name}: ${e.message}` }");
    assert_eq!(
        thrown,
        "TypeError: path.join: a path must be a string, not number"
    );
    let thrown = of("try { path.matchesGlob('a') } catch (e) { e.message }");
    assert_eq!(
        thrown,
        "path.matchesGlob: a path must be a string, not undefined"
    );
}
