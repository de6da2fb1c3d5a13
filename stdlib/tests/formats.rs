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

/// What a call throws, without the class and the function.
#[track_caller]
fn refused(function: &str, argument: &str) -> String {
    let thrown = thrown(&format!("util.{function}({argument})"));
    let (class, rest) = thrown.split_once(": ").unwrap();
    assert!(
        ["SyntaxError", "TypeError", "RangeError"].contains(&class),
        "{thrown}"
    );
    let rest = rest.strip_prefix(&format!("util.{function}: "));
    format!("{class}: {}", rest.unwrap_or(&thrown))
}

#[test]
fn toml_is_read_with_its_types_and_in_its_order() {
    let value = value(
        r#"const { loadTOML } = require('cla/util');
           const read = loadTOML(`\ufeff# a comment
z = "text"
a = 1_000
hex = 0xff
float = 6.5
far = inf
big = 9007199254740993
yes = true
when = 2026-01-02T03:04:05+01:00
day = 2026-01-02
time = 07:32:00
list = [1, "two", [3], {x = 4}]
"__proto__" = 5
[server.web]
"host.name" = '''raw \\ text'''
[[hosts]]
name = "a"
[[hosts]]
name = "b"
`);
           [Object.keys(read).join(), read.a, read.hex, read.float, read.far === Infinity, read.big === 9007199254740993n, read.yes,
            read.when instanceof Date && read.when.toISOString(), read.day, read.time, read.list, Object.hasOwn(read, '__proto__'), read.server, read.hosts,
            loadTOML('')]"#,
    );
    assert_eq!(
        value,
        json!([
            "z,a,hex,float,far,big,yes,when,day,time,list,__proto__,server,hosts",
            1000,
            255,
            6.5,
            true,
            true,
            true,
            "2026-01-02T02:04:05.000Z",
            "2026-01-02",
            "07:32:00",
            [1, "two", [3], {"x": 4}],
            true,
            {"web": {"host.name": "raw \\ text"}},
            [{"name": "a"}, {"name": "b"}],
            {}
        ])
    );
    for (text, message) in [
        ("'a = 1\\nb = '", "line 2, column"),
        ("'a = 1\\na = 2'", "duplicate key at line 2, column 1"),
        (
            "'a = 99999999999999999999'",
            "the integer has more than 64 bits at line 1, column 5",
        ),
        ("'x = ' + '['.repeat(200)", "line 1, column"),
        ("5", "text must be a string"),
    ] {
        let shown = refused("loadTOML", text);
        assert!(shown.contains(message), "{text}: {shown}");
    }
}

#[test]
fn toml_is_written_so_that_it_reads_back_the_same() {
    let value = value(
        r#"const { loadTOML, dumpTOML } = require('cla/util');
           const data = { z: 'a "b"\nc', n: 1, f: 0.5, far: -Infinity, big: 9007199254740993n, yes: false, when: new Date(1e12), empty: [], none: {},
             list: [[1], [2]], mixed: [1, { x: [{ y: 2 }] }], 'a key': { deep: { er: 1 }, own: 'x' }, hosts: [{ n: 1, in: { o: 2 } }, {}],
             left: undefined, map: new Map([['k', 'v']]), url: { toJSON: () => 'json' } };
           const text = dumpTOML(data), back = loadTOML(text);
           [text, JSON.stringify(back, (_, v) => typeof v === 'bigint' ? String(v) : v === -Infinity ? '-inf' : v), dumpTOML(back) === text, dumpTOML({})]"#,
    );
    let text = "z = \"\"\"\na \"b\"\nc\"\"\"\nn = 1\nf = 0.5\nfar = -inf\nbig = 9007199254740993\nyes = false\n\
                when = 2001-09-09T01:46:40Z\nempty = []\nlist = [[1], [2]]\nmixed = [1, { x = [{ y = 2 }] }]\nurl = \"json\"\n\
                \n[none]\n\n[\"a key\"]\nown = \"x\"\n\n[\"a key\".deep]\ner = 1\n\n[[hosts]]\nn = 1\n\n[hosts.in]\no = 2\n\n[[hosts]]\n\n[map]\nk = \"v\"\n";
    assert_eq!(value[0], text);
    assert_eq!(
        value[1],
        "{\"z\":\"a \\\"b\\\"\\nc\",\"n\":1,\"f\":0.5,\"far\":\"-inf\",\"big\":\"9007199254740993\",\"yes\":false,\
         \"when\":\"2001-09-09T01:46:40.000Z\",\"empty\":[],\"list\":[[1],[2]],\"mixed\":[1,{\"x\":[{\"y\":2}]}],\"url\":\"json\",\
         \"none\":{},\"a key\":{\"own\":\"x\",\"deep\":{\"er\":1}},\"hosts\":[{\"n\":1,\"in\":{\"o\":2}},{}],\"map\":{\"k\":\"v\"}}"
    );
    assert_eq!((&value[2], &value[3]), (&json!(true), &json!("")));
    for (argument, message) in [
        ("{a: {b: null}}", "\"a.b\": TOML has no null"),
        ("{a: [1, undefined]}", "\"a.1\": TOML has no undefined"),
        ("{a: 10n ** 20n}", "64 bits at most"),
        ("{a: new Date(NaN)}", "the date is not valid"),
        ("[1]", "a document is an object, not an array"),
        ("'x'", "a document is an object, not \"x\""),
        (
            "(() => { const a = {}; a.a = a; return a })()",
            "RangeError: the value is nested more than 80",
        ),
    ] {
        let shown = refused("dumpTOML", argument);
        assert!(shown.contains(message), "{argument}: {shown}");
    }
}

#[test]
fn ini_is_sections_of_texts_and_nothing_is_guessed() {
    let value = value(
        r#"const { loadINI, dumpINI } = require('cla/util');
           const read = loadINI(`\ufeff; a comment
top = 1
[web server]
# another
host = web1 ; not a comment
  path = C:\\new "x"
quoted = "  two  "
empty =
port: 22
yes = true
key = a = b
list[] = one
twice = 1
twice = 2
[remote "origin"]
url = x
[peer]
k = 1
[peer] ; again
k = 2
[__proto__]
a = 1
`);
           const back = loadINI(dumpINI(read));
           [read, JSON.stringify(back) === JSON.stringify(read), Object.hasOwn(read, '__proto__'),
            dumpINI({ n: 1, f: 0.5, no: false, none: null, gone: undefined, s: { pad: ' x ', list: ['a', 'b'], one: ['a'] } }), loadINI('')]"#,
    );
    assert_eq!(
        value[0],
        json!({
            "top": "1",
            "web server": {
                "host": "web1 ; not a comment", "path": "C:\\new \"x\"", "quoted": "  two  ", "empty": "", "port": "22", "yes": "true",
                "key": "a = b", "list": ["one"], "twice": ["1", "2"],
            },
            "remote \"origin\"": {"url": "x"},
            "peer": [{"k": "1"}, {"k": "2"}],
            "__proto__": {"a": "1"},
        })
    );
    assert_eq!((&value[1], &value[2]), (&json!(true), &json!(true)));
    let text =
        "n = 1\nf = 0.5\nno = false\nnone =\n\n[s]\npad = \" x \"\nlist = a\nlist = b\none[] = a\n";
    assert_eq!((&value[3], &value[4]), (&json!(text), &json!({})));
    for (function, argument, message) in [
        (
            "loadINI",
            "'a = 1\\n  what'",
            "no key with a `=` at line 2, column 3",
        ),
        (
            "loadINI",
            "'[a'",
            "the section has no `]` at line 1, column 1",
        ),
        ("loadINI", "'[ ]'", "the section has no name"),
        (
            "loadINI",
            "'[a] b'",
            "something follows the section at line 1, column 5",
        ),
        ("loadINI", "'=1'", "there is no key"),
        (
            "dumpINI",
            "{a: {b: {c: 1}}}",
            "in the section \"a\": the value of \"b\" is no text",
        ),
        ("dumpINI", "{'a=b': 1}", "\"a=b\" cannot be a key"),
        ("dumpINI", "{a: 'x\\ny'}", "has several lines"),
        ("dumpINI", "{'a]': {}}", "cannot be the name of a section"),
        ("dumpINI", "{a: '\"it\\'s\"'}", "has both quotes"),
        ("dumpINI", "{a: [[1]]}", "arrays in an array"),
        ("dumpINI", "3", "a document is an object, not 3"),
    ] {
        let shown = refused(function, argument);
        assert!(shown.contains(message), "{function}({argument}): {shown}");
    }
}

#[test]
fn xml_is_read_in_either_shape() {
    let value = value(
        r#"const { loadXML } = require('cla/util');
           const text = `\ufeff<?xml version="1.0"?>
<!DOCTYPE hosts [<!ENTITY x "y">]>
<!-- a comment -->
<hosts site="b &amp; c" xmlns:p="urn:x">
  <host>web1</host>
  <host p:up="no"> web2 &#x41;<![CDATA[<raw>&amp;]]> </host>
  <empty/>
  <none></none>
  <deep><er>x</er></deep>
  <__proto__>y</__proto__>
</hosts>`;
           const read = loadXML(text);
           const mixed = loadXML('<p class="a">one <b>two</b>\r\nthree<br/></p>', { nodes: true });
           [read, Object.hasOwn(read.hosts, '__proto__'), mixed, loadXML('<p>one <b>two</b> three</p>'), loadXML('<a><b>1</b></a>', { lists: ['b'] }),
            loadXML('<a/>'), loadXML('<ä.ö-1/>')]"#,
    );
    assert_eq!(
        value[0],
        json!({"hosts": {
            "@site": "b & c", "@xmlns:p": "urn:x",
            "host": ["web1", {"@p:up": "no", "#text": "web2 A<raw>&amp;"}],
            "empty": "", "none": "", "deep": {"er": "x"}, "__proto__": "y",
        }})
    );
    assert_eq!(value[1], json!(true));
    let node = |name: &str, children: serde_json::Value| json!({"name": name, "attributes": {}, "children": children});
    assert_eq!(
        value[2],
        json!({"name": "p", "attributes": {"class": "a"}, "children": ["one ", node("b", json!(["two"])), "\nthree", node("br", json!([]))]})
    );
    assert_eq!(value[3], json!({"p": {"b": "two", "#text": "one  three"}}));
    assert_eq!(value[4], json!({"a": {"b": ["1"]}}));
    assert_eq!(
        (&value[5], &value[6]),
        (&json!({"a": ""}), &json!({"ä.ö-1": ""}))
    );
    for (text, message) in [
        ("''", "there is no element"),
        ("'text'", "outside of the root element at line 1, column 1"),
        ("'<a/>\\n<b/>'", "a second root element at line 2, column 1"),
        (
            "'<a>\\n <b></a>'",
            "expected </b>, but </a> was found at line 2",
        ),
        ("'<a><b>'", "<b> is not closed"),
        ("'<a x=1/>'", "line 1, column 1"),
        ("'<a x=\"1\" x=\"2\"/>'", "an attribute is there twice"),
        ("'<a>&nope;</a>'", "the entity &nope; is not known"),
        ("'<a>&#0;</a>'", "line 1"),
        ("'<1a/>'", "\"1a\" is not the name of an element"),
        ("'<a'", "not closed"),
        ("'<a>'.repeat(2000)", "nested more than 1000 levels"),
        (
            "'<a ' + Array.from({length: 20000}, (_, n) => `a${n}=\"\"`).join(' ') + '/>'",
            "more than 10000 attributes",
        ),
        (
            "'<!DOCTYPE a [<!ENTITY x \"&y;&y;\">]><a>&x;</a>'",
            "the entity &x; is not known",
        ),
        ("'<a/>', {shape: 1}", "unknown option \"shape\""),
    ] {
        let shown = refused("loadXML", text);
        assert!(shown.contains(message), "{text}: {shown}");
    }
}

#[test]
fn xml_is_written_in_either_shape() {
    let value = value(
        r#"const { loadXML, dumpXML } = require('cla/util');
           const data = { hosts: { '@site': 'a "b"\n', host: ['web1', { '@up': false, '#text': 'x < y & z' }], n: 5, none: null, gone: undefined, no: [], deep: { er: { x: '1' } } } };
           const text = dumpXML(data), nodes = { name: 'p', children: ['one ', { name: 'b', attributes: { c: 'd' }, children: ['two'] }, ' three'] };
           [text, dumpXML({ a: { b: 'x' } }, { indent: 0, declaration: false }), dumpXML(nodes, { declaration: false }),
            JSON.stringify(loadXML(text)), dumpXML(loadXML('<p> <b>1</b>\n</p>', { nodes: true }), { declaration: false }), dumpXML({ a: '\r' }, { declaration: false })]"#,
    );
    assert_eq!(
        value[0],
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<hosts site=\"a &quot;b&quot;&#10;\">\n  <host>web1</host>\n  <host up=\"false\">x &lt; y &amp; z</host>\n  \
         <n>5</n>\n  <none/>\n  <deep>\n    <er>\n      <x>1</x>\n    </er>\n  </deep>\n</hosts>\n"
    );
    assert_eq!(value[1], "<a><b>x</b></a>\n");
    assert_eq!(value[2], "<p>one <b c=\"d\">two</b> three</p>\n");
    assert_eq!(
        value[3],
        "{\"hosts\":{\"@site\":\"a \\\"b\\\"\\n\",\"host\":[\"web1\",{\"@up\":\"false\",\"#text\":\"x < y & z\"}],\"n\":\"5\",\"none\":\"\",\"deep\":{\"er\":{\"x\":\"1\"}}}}"
    );
    assert_eq!(value[4], "<p> <b>1</b>\n</p>\n");
    assert_eq!(value[5], "<a>&#13;</a>\n");
    for (argument, message) in [
        ("{}", "one key, the root element"),
        ("{a: 1, b: 2}", "one key, the root element"),
        ("{a: [1, 2]}", "there is one root element"),
        ("{'1a': 1}", "\"1a\" is not a name in XML"),
        ("{a: {'@b c': 1}}", "\"b c\" is not a name"),
        ("{a: '\\0'}", "a character that XML has no word for"),
        ("{a: {b: [[1]]}}", "an array in an array"),
        ("{a: {'@b': {}}}", "the value of \"b\" is no text"),
        ("{name: 'a', children: [{x: 1}]}", "a child of <a>"),
        ("5", "one key, the root element"),
        ("{a: 1}, {indent: 20}", "a whole number from 0 to 10"),
    ] {
        let shown = refused("dumpXML", argument);
        assert!(shown.contains(message), "{argument}: {shown}");
    }
}

#[test]
fn a_text_of_these_formats_does_not_outgrow_the_memory_of_its_run() {
    use cla_runtime::{Limits, RunOptions};
    use support::{engine, run_with};
    for script in [
        "util.loadTOML('a = [' + '1,'.repeat(4e6) + ']')",
        "util.loadINI('a=\\n'.repeat(6e6))",
        "util.loadXML('<a>' + '<b/>'.repeat(4e6) + '</a>')",
        "const a = Array(1e6).fill({b: 'x'.repeat(100)}); util.dumpTOML({a})",
        "const a = Array(1e6).fill({b: 'x'.repeat(100)}); util.dumpXML({a: {a}})",
    ] {
        let options = RunOptions::new().limits(Limits::default().memory(32 << 20));
        let script = format!("const util = require('cla/util'); {script}; 0");
        let ran = run_with(&engine(), &script, options);
        let error = ran.value.expect_err(&script);
        assert!(error.contains("memory"), "{script}: {error}");
        assert!(ran.memory <= 40 << 20, "{script}: {}", ran.memory);
    }
}

#[test]
fn attributes_go_by_their_names_where_that_is_wanted() {
    let value = value(
        r#"const { loadXML } = require('cla/util');
           const why = (text, options) => { try { return loadXML(text, options); } catch (error) { return `${error.name}: ${error.message}`; } };
           [loadXML('<a b="1"><c d="3">x</c><c/></a>', { attributes: '' }), loadXML('<a b="1"/>', { attributes: '@' }),
            why('<a b="1"><b>2</b></a>', { attributes: '' }), why('<a/>', { attributes: '$' }), why('<a/>', { attributes: true })]"#,
    );
    assert_eq!(
        value[0],
        json!({"a": {"b": "1", "c": [{"d": "3", "#text": "x"}, ""]}})
    );
    assert_eq!(value[1], json!({"a": {"@b": "1"}}));
    let says = |nth: usize, part: &str| {
        let text = value[nth].as_str().unwrap_or_default();
        assert!(text.contains(part), "{text}");
    };
    says(2, "SyntaxError");
    says(2, "has an attribute and an element b");
    says(3, "option attributes");
    says(4, "option attributes");
}
