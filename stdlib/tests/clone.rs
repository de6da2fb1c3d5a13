//! `structuredClone`.

mod support;

use serde_json::json;
use support::{printed, thrown, value};

#[test]
fn every_kind_of_data_is_copied() {
    assert_eq!(
        printed(
            "const bytes = new Uint8Array([1, 2, 3, 4]);
             const original = { n: -0, big: 5n, u: undefined, nan: NaN, date: new Date(0), re: /a+/gi, map: new Map([[{ k: 1 }, new Set([1, 'x'])]]),
               list: [1, , 3], error: new RangeError('far'), view: new Float32Array([1.5]), part: bytes.subarray(1, 3), buffer: new ArrayBuffer(2),
               data: new DataView(new ArrayBuffer(2), 1), boxed: [Object(1), Object('s'), Object(true)], own: new (class A { x = 1 })() };
             const copy = structuredClone(original);
             const { error, ...rest } = copy;
             console.dir(rest, { depth: 5 });
             print(error instanceof RangeError, error.message, copy.error !== original.error, copy.date !== original.date, copy.map !== original.map);"
        ),
        "{\n  n: -0,\n  big: 5n,\n  u: undefined,\n  nan: NaN,\n  date: 1970-01-01T00:00:00.000Z,\n  re: /a+/gi,\n  \
           map: Map(1) { { k: 1 } => Set(2) { 1, 'x' } },\n  list: [ 1, <1 empty item>, 3 ],\n  view: Float32Array(1) [ 1.5 ],\n  \
           part: Uint8Array(2) [ 2, 3 ],\n  buffer: ArrayBuffer { [Uint8Contents]: <00 00>, byteLength: 2 },\n  \
           data: DataView {\n    byteLength: 1,\n    byteOffset: 1,\n    buffer: ArrayBuffer { [Uint8Contents]: <00 00>, byteLength: 2 }\n  },\n  \
           boxed: [ [Number: 1], [String: 's'], [Boolean: true] ],\n  own: { x: 1 }\n}\n\
         true far true true true\n"
    );
}

#[test]
fn circles_and_shared_parts_stay_what_they_are() {
    assert_eq!(
        value(
            "const a = { list: [] }; a.self = a; a.list.push(a); const shared = {}; a.x = shared; a.y = shared; a.map = new Map([[a, a]]);
             const error = new Error('e'); error.cause = error; a.error = error;
             const b = structuredClone(a);
             [b.self === b, b.list[0] === b, b !== a, b.x === b.y, b.x !== shared, b.map.get(b) === b, b.error.cause === b.error]"
        ),
        json!([true, true, true, true, true, true, true])
    );
}

#[test]
fn depth_is_no_problem() {
    assert_eq!(
        value(
            "let deep = null; for (let i = 0; i < 50000; i++) deep = { deep };
             let copy = structuredClone(deep), depth = 0; while (copy) { copy = copy.deep; depth++ } depth"
        ),
        json!(50_000)
    );
}

#[test]
fn what_cannot_be_cloned_is_named() {
    let cases = [
        ("structuredClone(function f() {})", "the function f"),
        ("structuredClone({ a: [() => 1] })", "a function"),
        ("structuredClone(Symbol('s'))", "a symbol"),
        ("structuredClone(new Proxy({}, {}))", "a Proxy"),
        ("structuredClone(Promise.resolve())", "a promise"),
        ("structuredClone(new WeakMap())", "an object"),
    ];
    for (expression, what) in cases {
        assert_eq!(
            thrown(expression),
            format!("DataCloneError: structuredClone: {what} cannot be cloned")
        );
    }
    assert_eq!(
        value(
            "try { structuredClone(() => 1) } catch (error) { [error instanceof DOMException, error.code] }"
        ),
        json!([true, 25])
    );
}

#[test]
fn keys_never_reach_the_prototype_and_buffers_can_move() {
    assert_eq!(
        value(
            "const copy = structuredClone(JSON.parse('{\"__proto__\": {\"x\": 1}}'));
             const buffer = new ArrayBuffer(8), moved = structuredClone({ buffer }, { transfer: [buffer] });
             [copy.x, Object.keys(copy), buffer.byteLength, moved.buffer.byteLength]"
        ),
        json!([null, ["__proto__"], 0, 8])
    );
    assert_eq!(
        thrown("structuredClone(1, { transfer: 5 })"),
        "TypeError: structuredClone: transfer must be an array, not 5"
    );
}

#[test]
fn of_the_webs_classes_blobs_and_files_are_cloned() {
    assert_eq!(
        value(
            "const file = new File(['abc'], 'a.txt', { type: 'text/plain', lastModified: 5 });
             const copy = structuredClone({ file, blob: new Blob(['x']) });
             [copy.file !== file, copy.file instanceof File, copy.file.name, copy.file.type, copy.file.lastModified, await copy.file.text(),
              copy.blob instanceof File, copy.blob.size]"
        ),
        json!([true, true, "a.txt", "text/plain", 5, "abc", false, 1])
    );
    for what in [
        "new Headers()",
        "new Request('http://a')",
        "new Response()",
        "new FormData()",
        "new URL('http://a')",
        "new URLSearchParams()",
        "new AbortController()",
        "AbortSignal.abort()",
        "new Event('x')",
        "new EventTarget()",
    ] {
        assert_eq!(
            thrown(&format!("structuredClone({what})")),
            "DataCloneError: structuredClone: an object cannot be cloned",
            "{what}"
        );
    }
}
