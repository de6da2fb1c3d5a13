//! `cla/base64`, `cla/digest`, `cla/csv`.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod support;

use serde_json::json;
use support::{thrown, value};

#[test]
fn texts_and_bytes_become_base64_and_back() {
    let value = value(
        "const { encode64, decode64 } = require('cla/base64');
         [encode64('grün'), encode64(new Uint8Array([251, 255])), encode64(new Uint8Array([251, 255]), {url: true}), encode64(''),
          decode64('Z3LDvG4='), decode64('Z3LD\\n vG4'), [...decode64('-_8', 'bytes')], [...decode64('+/8=', 'bytes')]]",
    );
    assert_eq!(
        value,
        json!([
            "Z3LDvG4=",
            "+/8=",
            "-_8",
            "",
            "grün",
            "grün",
            [251, 255],
            [251, 255]
        ])
    );
    assert!(thrown("require('cla/base64').decode64('a')").starts_with("Error: base64.decode64:"));
    assert!(thrown("require('cla/base64').decode64('/w==')").contains("not valid UTF-8"));
    assert_eq!(
        thrown("require('cla/base64').encode64(1)"),
        "TypeError: base64.encode64: data must be a string or a Uint8Array, not 1"
    );
}

#[test]
fn hashes_are_those_of_the_standards() {
    let value = value(
        "const d = require('cla/digest');
         [d.md5('abc'), d.sha1('abc'), d.sha256('abc'), d.sha256(new Uint8Array([97, 98, 99])) === d.sha256('abc'), d.sha384('').slice(0, 8),
          d.sha512('abc').slice(0, 16), d.sha256('', 'base64'), d.md5('', 'bytes').length,
          d.hmac('sha256', 'key', 'The quick brown fox jumps over the lazy dog'), d.hmac('sha1', 'key', 'x', 'base64').length,
          d.equal('abc', 'abc'), d.equal('abc', 'abd'), d.equal('abc', 'ab'), d.equal('', new Uint8Array())]",
    );
    assert_eq!(
        value,
        json!([
            "900150983cd24fb0d6963f7d28e17f72",
            "a9993e364706816aba3e25717850c26c9cd0d89d",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            true,
            "38b060a7",
            "ddaf35a193617aba",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            16,
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
            28,
            true,
            false,
            false,
            true
        ])
    );
    assert_eq!(
        thrown("require('cla/digest').hmac('sha3', 'k', 'x')"),
        "TypeError: digest.hmac: there is no algorithm \"sha3\"; there are md5, sha1, sha256, sha384, sha512"
    );
}

#[test]
fn a_table_is_read_and_written() {
    let value = value(
        r#"const csv = require('cla/csv');
           [csv.parse('\ufeffname,note\r\nAda,"says ""hi"",\nthen goes"\r\nBob,\r\n'), csv.parse('a;b\n1;2\n', {separator: ';', header: false}), csv.parse(''),
            Object.keys(csv.parse('__proto__,x\n1,2')[0]),
            csv.stringify([{a: 1, b: 'x,y'}, {b: 'say "x"', a: null}]), csv.stringify([[1, 2], [3]], {separator: '\t'}),
            csv.stringify([{a: 1, b: 2}], {columns: ['b'], header: false}), csv.stringify([])]"#,
    );
    assert_eq!(
        value,
        json!([
            [{"name": "Ada", "note": "says \"hi\",\nthen goes"}, {"name": "Bob", "note": ""}],
            [["a", "b"], ["1", "2"]],
            [],
            ["__proto__", "x"],
            "a,b\n1,\"x,y\"\n,\"say \"\"x\"\"\"\n",
            "1\t2\n3\n",
            "2\n",
            ""
        ])
    );
    assert_eq!(
        thrown("require('cla/csv').parse('a,b\\n1,2\\n3\\n')"),
        "SyntaxError: csv.parse: line 3 has 1 values, and the first line has 2 names"
    );
    assert!(
        thrown("require('cla/csv').stringify([1])").contains("a row must be an object or an array")
    );
    assert!(
        thrown("require('cla/csv').parse('a', {separator: 'ab'})").contains("one ASCII character")
    );
}
