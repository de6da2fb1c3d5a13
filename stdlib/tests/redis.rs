//! `cla/redis`: which server. What adapters do with it is tested against a server, elsewhere.

mod support;

use serde_json::{Value, json};

/// The URLs that these expressions make, or what they throw.
fn urls(expressions: &[&str]) -> Value {
    let list = expressions.join("), () => (");
    support::value(&format!(
        "import Redis from 'ioredis';
         const url = (make) => {{ try {{ return make().url; }} catch (error) {{ return `${{error.name}}: ${{error.message}}`; }} }};
         export default [() => ({list})].map(url);"
    ))
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    let expressions: Vec<&str> = cases.iter().map(|(expression, _)| *expression).collect();
    let expected: Vec<&str> = cases.iter().map(|(_, url)| *url).collect();
    assert_eq!(urls(&expressions), json!(expected));
}

#[test]
fn a_server_is_named_in_every_way_that_programs_do() {
    check(&[
        ("new Redis()", "redis://127.0.0.1:6379"),
        ("new Redis(undefined)", "redis://127.0.0.1:6379"),
        ("new Redis(6380)", "redis://127.0.0.1:6380"),
        ("new Redis('6380')", "redis://127.0.0.1:6380"),
        ("new Redis(6380, 'example.org')", "redis://example.org:6380"),
        ("new Redis(6380, '::1')", "redis://[::1]:6380"),
        ("new Redis({ port: 6380, host: 'h' })", "redis://h:6380"),
        ("new Redis({ db: 3 })", "redis://127.0.0.1:6379/3"),
        (
            "new Redis({ db: '3', host: undefined, port: null })",
            "redis://127.0.0.1:6379/3",
        ),
        (
            "new Redis({ username: 'me', password: 'p/w@:%' })",
            "redis://me:p%2Fw%40%3A%25@127.0.0.1:6379",
        ),
        (
            "new Redis({ password: 'pw' })",
            "redis://:pw@127.0.0.1:6379",
        ),
        ("new Redis({ tls: {} })", "rediss://127.0.0.1:6379"),
        (
            "new Redis({ tls: false, lazyConnect: true })",
            "redis://127.0.0.1:6379",
        ),
        ("new Redis('h')", "redis://h"),
        ("new Redis('h:6380')", "redis://h:6380"),
        (
            "new Redis('redis://u:p@h:1/2?prefix=x&lease=3s')",
            "redis://u:p@h:1/2?prefix=x&lease=3s",
        ),
        ("new Redis('valkeys://h')", "valkeys://h"),
        (
            "new Redis('redis-cluster://a:1,b:2')",
            "redis-cluster://a:1,b:2",
        ),
    ]);
}

#[test]
fn what_comes_first_counts_and_the_rest_fills_in() {
    check(&[
        (
            "new Redis('redis://h', { password: 'pw', db: 2, tls: true })",
            "rediss://:pw@h/2",
        ),
        (
            "new Redis('redis://u:p@h/1', { username: 'x', password: 'y', db: 2, host: 'z' })",
            "redis://u:p@h/1",
        ),
        (
            "new Redis('redis://h/?lease=3s', { db: 2 })",
            "redis://h/2?lease=3s",
        ),
        (
            "new Redis(1, 'h', { port: 2, host: 'x', db: 3 })",
            "redis://h:1/3",
        ),
        ("new Redis(1, { host: 'h' })", "redis://h:1"),
        (
            "new Redis('redis-sentinel://a,b/prod', { db: 3 })",
            "redis-sentinel://a,b/prod/3",
        ),
        (
            "new Redis('redis-sentinel://a,b?service=prod', { db: 3 })",
            "redis-sentinel://a,b/3?service=prod",
        ),
        (
            "new Redis('redis-cluster://a', { tls: {} })",
            "rediss-cluster://a",
        ),
    ]);
}

#[test]
fn a_duplicate_names_the_same_server_but_for_what_is_said() {
    check(&[
        (
            "new Redis('redis://u:p@h:1/2?lease=3s').duplicate()",
            "redis://u:p@h:1/2?lease=3s",
        ),
        (
            "new Redis('redis://u:p@h:1/2').duplicate({ db: 3 })",
            "redis://u:p@h:1/3",
        ),
        (
            "new Redis('redis://u:p@h:1/2').duplicate({ host: 'x' })",
            "redis://u:p@x:1/2",
        ),
        (
            "new Redis('redis://u:p@[::1]/2').duplicate({ port: 5, password: 'q' })",
            "redis://u:q@[::1]:5/2",
        ),
    ]);
}

#[test]
fn what_names_no_server_is_a_type_error_that_says_why() {
    let cases = [
        ("new Redis('')", "a host is missing"),
        ("new Redis('redis://h:x')", "is no port"),
        ("new Redis('http://h')", "there is no scheme \"http\""),
        ("new Redis('redis://h/x')", "is no database"),
        (
            "new Redis('redis://h?leese=1s')",
            "there are prefix, lease, reach, warnings, ca, cert, key, service",
        ),
        (
            "new Redis('/tmp/redis.sock')",
            "Unix sockets are not supported",
        ),
        (
            "new Redis({ path: '/tmp/redis.sock' })",
            "`path` is not supported",
        ),
        ("new Redis({ sentinels: [] })", "redis-sentinel://"),
        (
            "new Redis({ keyPrefix: 'x' })",
            "`keyPrefix` is not supported",
        ),
        (
            "new Redis({ tls: { rejectUnauthorized: false } })",
            "`tls.rejectUnauthorized`",
        ),
        ("new Redis({ host: 5 })", "`host` must be a string"),
        (
            "new Redis({ password: 54321 })",
            "`password` must be a string, not of type number",
        ),
        ("new Redis({ port: 65536 })", "65536 is no port"),
        ("new Redis({ port: 'x' })", "\"x\" is no port"),
        ("new Redis({ db: -1 })", "the number of a database, not -1"),
        ("new Redis({ db: 99999 })", "is no database"),
        ("new Redis('redis-cluster://a', { db: 1 })", "no databases"),
        ("new Redis(true)", "give a URL"),
        ("new Redis('redis://h', 'x')", "give a URL"),
    ];
    let expressions: Vec<&str> = cases.iter().map(|(expression, _)| *expression).collect();
    let thrown = urls(&expressions);
    for ((expression, part), thrown) in cases.iter().zip(thrown.as_array().into_iter().flatten()) {
        let thrown = thrown.as_str().unwrap_or_default();
        assert!(
            thrown.starts_with("TypeError: Redis: "),
            "{expression}: {thrown}"
        );
        assert!(thrown.contains(part), "{expression}: {thrown}");
    }
}

#[test]
fn a_password_is_never_shown() {
    let printed = support::printed(
        "const { Redis } = require('cla/redis');
         const redis = new Redis('redis://me:secret@h/1');
         console.log(redis, `${redis}`, JSON.stringify(redis), redis.address, [redis]);
         try { new Redis('redis://me:secret@h:x') } catch (error) { console.log(error.message) }",
    );
    assert!(printed.contains("redis://me:***@h/1"), "{printed}");
    assert!(!printed.contains("secret"), "{printed}");
}
