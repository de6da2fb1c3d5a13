//! `URL`, `URLSearchParams`, `TextEncoder` and `TextDecoder`.

mod support;

use serde_json::json;
use support::{printed, thrown, value};

#[test]
fn a_url_has_its_parts() {
    assert_eq!(
        printed("print(new URL('https://user:pw@Example.com:8080/a/../b?x=1&y=2#h'))"),
        "URL {\n  href: 'https://user:pw@example.com:8080/b?x=1&y=2#h',\n  origin: 'https://example.com:8080',\n  protocol: 'https:',\n  \
           username: 'user',\n  password: 'pw',\n  host: 'example.com:8080',\n  hostname: 'example.com',\n  port: '8080',\n  pathname: '/b',\n  \
           search: '?x=1&y=2',\n  hash: '#h',\n  searchParams: URLSearchParams { 'x' => '1', 'y' => '2' }\n}\n"
    );
    assert_eq!(
        value(
            "const url = new URL('../c', 'http://a.org/x/y');
             [String(url), JSON.stringify({ url }), `${new URL('http://münchen.de/ü?ö#ß')}`, URL.canParse('nope'), URL.parse('nope'), URL.parse('http://a').href, new URL('mailto:x').origin,
              Object.prototype.toString.call(url)]"
        ),
        json!([
            "http://a.org/c",
            "{\"url\":\"http://a.org/c\"}",
            "http://xn--mnchen-3ya.de/%C3%BC?%C3%B6#%C3%9F",
            false,
            null,
            "http://a/",
            "null",
            "[object URL]"
        ])
    );
    assert_eq!(
        thrown("new URL('nope')"),
        "TypeError: Invalid URL: \"nope\""
    );
    assert_eq!(
        thrown("new URL('/a', 'nope')"),
        "TypeError: Invalid URL: \"/a\""
    );
}

#[test]
fn parts_of_a_url_can_be_set() {
    assert_eq!(
        value(
            "const url = new URL('http://a.org/x?y=1');
             url.protocol = 'https'; url.host = 'b.org:81'; url.pathname = '/p q'; url.search = 'z=ü'; url.hash = 'h'; url.username = 'me'; url.port = 'no';
             const first = url.href; url.port = ''; url.searchParams.append('k', 'a b'); const second = url.href;
             url.search = ''; const third = url.href; url.href = 'ftp://c/'; [first, second, third, url.href, url.searchParams.size]"
        ),
        json!([
            "https://me@b.org:81/p%20q?z=%C3%BC#h",
            "https://me@b.org/p%20q?z=%C3%BC&k=a+b#h",
            "https://me@b.org/p%20q#h",
            "ftp://c/",
            0
        ])
    );
}

#[test]
fn queries_are_lists_of_names_and_values() {
    assert_eq!(
        value(
            "const query = new URLSearchParams('?a=1&b=2&a=3&c');
             const first = [query.get('a'), query.getAll('a'), query.get('x'), query.has('c'), query.has('a', '9'), query.size, [...query.keys()], [...query.values()]];
             query.set('a', 'x y'); query.delete('b'); query.append('d', '&='); query.sort();
             const seen = []; query.forEach((value, name) => seen.push(name + value));
             [first, query.toString(), seen, String(new URLSearchParams({ p: 1, q: 'é' })), String(new URLSearchParams([['a', 'b'], ['c', 'd']])), String(new URLSearchParams(new Map([['m', 1]])))]"
        ),
        json!([
            ["1", ["1", "3"], null, true, false, 4, ["a", "b", "a", "c"], ["1", "2", "3", ""]],
            "a=x+y&c=&d=%26%3D",
            ["ax y", "c", "d&="],
            "p=1&q=%C3%A9",
            "a=b&c=d",
            "m=1"
        ])
    );
    assert_eq!(
        printed("print(new URLSearchParams('a=1'), new URLSearchParams())"),
        "URLSearchParams { 'a' => '1' } URLSearchParams {}\n"
    );
}

#[test]
fn text_becomes_bytes_and_text_again() {
    assert_eq!(
        value(
            "const bytes = new TextEncoder().encode('hé€😀\\ud800');
             const target = new Uint8Array(6), into = new TextEncoder().encodeInto('aé€b', target);
             [[...bytes], new TextDecoder().decode(bytes), into, [...target],
              new TextDecoder('utf-16le').decode(new Uint8Array([104, 0, 233, 0])), new TextDecoder('latin1').decode(new Uint8Array([233, 128])),
              new TextDecoder('latin1').encoding, new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 65])), new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array([0xef, 0xbb, 0xbf, 65])).length,
              new TextDecoder().decode(new DataView(new Uint8Array([65, 66, 67]).buffer, 1)), new TextDecoder().decode(new Uint8Array([255, 65])), new TextDecoder().decode()]"
        ),
        json!([
            [104, 195, 169, 226, 130, 172, 240, 159, 152, 128, 239, 191, 189],
            "hé€😀\u{fffd}",
            { "read": 3, "written": 6 },
            [97, 195, 169, 226, 130, 172],
            "hé",
            "é€",
            "windows-1252",
            "A",
            2,
            "BC",
            "\u{fffd}A",
            ""
        ])
    );
}

#[test]
fn a_stream_may_break_in_the_midst_of_a_character() {
    assert_eq!(
        value(
            "const decoder = new TextDecoder(), bytes = new TextEncoder().encode('€uro');
             const parts = [...bytes].map((byte) => decoder.decode(new Uint8Array([byte]), { stream: true })); parts.push(decoder.decode());
             parts.join('|')"
        ),
        "||€|u|r|o|"
    );
    assert_eq!(
        value(
            "const decoder = new TextDecoder('utf-8', { fatal: true }); const seen = [];
             try { decoder.decode(new Uint8Array([255])) } catch (error) { seen.push(error.name) }
             seen.push(decoder.decode(new Uint8Array([65]))); seen"
        ),
        json!(["TypeError", "A"])
    );
}

#[test]
fn unfit_arguments_are_refused() {
    assert_eq!(
        thrown("new TextDecoder('klingon')"),
        "RangeError: The \"klingon\" encoding is not supported"
    );
    assert_eq!(
        thrown("new TextDecoder().decode('text')"),
        "TypeError: TextDecoder.decode: the input must be an ArrayBuffer or a view of one, not \"text\""
    );
    assert_eq!(
        thrown("new TextEncoder().encodeInto('a', [])"),
        "TypeError: TextEncoder.encodeInto: the destination must be a Uint8Array, not an array"
    );
    assert_eq!(
        thrown("new URLSearchParams([['a']])"),
        "TypeError: URLSearchParams: each pair must be an iterable [name, value]"
    );
}

#[test]
fn objects_of_web_classes_show_what_is_in_them() {
    for (expression, shown) in [
        (
            "new Headers({ b: '2', a: '1' })",
            "Headers { b: '2', a: '1' }",
        ),
        (
            "new Blob(['abc'], { type: 'text/plain' })",
            "Blob { size: 3, type: 'text/plain' }",
        ),
        (
            "new File(['abc'], 'a.txt', { lastModified: 5 })",
            "File { size: 3, type: '', name: 'a.txt', lastModified: 5 }",
        ),
        (
            "AbortSignal.abort('why')",
            "AbortSignal { aborted: true, reason: 'why' }",
        ),
        (
            "new AbortController()",
            "AbortController { signal: AbortSignal { aborted: false } }",
        ),
        (
            "(() => { const form = new FormData(); form.append('a', '1'); form.append('a', '2'); return form })()",
            "FormData { 'a' => '1', 'a' => '2' }",
        ),
        (
            "new (class Own extends Headers {})({ a: '1' })",
            "Own [Headers] { a: '1' }",
        ),
        (
            "new Response('x', { status: 404, statusText: 'no', headers: { a: '1' } })",
            "Response {\n  status: 404,\n  statusText: 'no',\n  headers: Headers { a: '1', 'content-type': 'text/plain;charset=UTF-8' },\n  bodyUsed: false,\n  \
             ok: false,\n  redirected: false,\n  type: 'default',\n  url: ''\n}",
        ),
        (
            "new Request('http://a/b', { method: 'PUT' })",
            "Request {\n  method: 'PUT',\n  url: 'http://a/b',\n  headers: Headers {},\n  redirect: 'follow',\n  mode: 'cors',\n  bodyUsed: false\n}",
        ),
    ] {
        assert_eq!(
            printed(&format!("print({expression})")),
            format!("{shown}\n"),
            "{expression}"
        );
    }
    let event = printed("print(new Event('x'))");
    assert!(
        event.starts_with(
            "Event {\n  type: 'x',\n  defaultPrevented: false,\n  cancelable: false,\n  timeStamp: "
        ),
        "{event}"
    );
}

#[test]
fn urls_do_not_depend_on_what_a_rule_overwrites() {
    assert_eq!(
        value(
            "Array.prototype.push = Array.prototype[Symbol.iterator] = Array.prototype.sort = Array.prototype.flat = Array.prototype.includes =
               String.prototype.startsWith = String.prototype.slice = Reflect.ownKeys = Object.getOwnPropertyDescriptor = Object.defineProperty =
               Object.assign = Function.prototype.call = () => { throw new Error('never') };
             const query = new URLSearchParams('?b=2&a=1&a=0'); query.append('c', 3); query.sort(); query.delete('b'); query.set('c', 4);
             let seen = ''; query.forEach((value, name) => { seen += name + value });
             const url = new URL('http://a/?x=1'); url.searchParams.append('y', 2); url.hash = 'h';
             [`${query}`, seen, query.has('a', '0'), `${new URLSearchParams({ p: 1 })}`, url.href, `${URL.canParse('x')}`]"
        ),
        json!(["a=1&a=0&c=4", "a1a0c4", true, "p=1", "http://a/?x=1&y=2#h", "false"])
    );
}

#[test]
fn a_decoder_reads_any_view() {
    assert_eq!(
        value(
            "const bytes = new Uint8Array([0x78, 0xc3, 0xa9, 0x79]).buffer;
             const utf16 = new Uint16Array([0xfeff, 0x41, 0xe9]);
             const stream = new TextDecoder(); const pieces = [stream.decode(new Uint8Array([0xe2, 0x82]), { stream: true }), stream.decode(new Uint8Array([0xac]), { stream: true }), stream.decode()];
             [new TextDecoder().decode(bytes), new TextDecoder().decode(new DataView(bytes, 1, 2)), new TextDecoder().decode(new Uint8Array(bytes, 1, 2)),
              new TextDecoder('utf-16').decode(utf16), new TextDecoder('utf-16', { ignoreBOM: true }).decode(utf16).length, pieces, new TextDecoder().decode(),
              new TextDecoder().decode(new SharedArrayBuffer(0)), new TextEncoder().encodeInto('a€😀', new Uint8Array(5))]"
        ),
        json!(["xéy", "é", "é", "Aé", 3, ["", "€", ""], "", "", { "read": 2, "written": 4 }])
    );
    assert_eq!(
        thrown("new TextDecoder().decode('x')"),
        "TypeError: TextDecoder.decode: the input must be an ArrayBuffer or a view of one, not \"x\""
    );
    assert_eq!(
        thrown(
            "const bytes = new Uint8Array(1); bytes.buffer.transfer(); new TextDecoder().decode(bytes)"
        ),
        "TypeError: ArrayBuffer is detached or resized"
    );
}
