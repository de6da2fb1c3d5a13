//! What a run has from the start, and what that costs.

mod support;

use cla_runtime::{Engine, RunOptions};
use serde_json::json;
use support::{engine, run_with, value};

#[test]
fn everything_is_there() {
    assert_eq!(
        value(
            "[typeof cla, typeof print, typeof console.log, typeof structuredClone, typeof URL, typeof URLSearchParams, typeof TextEncoder, typeof TextDecoder,
              typeof atob, typeof btoa, typeof performance.now, typeof queueMicrotask, typeof DOMException]"
        ),
        json!([
            "object", "function", "function", "function", "function", "function", "function", "function", "function", "function", "function",
            "function", "function"
        ])
    );
}

#[test]
fn a_lazy_global_behaves_like_any_other() {
    assert_eq!(
        value(
            "const before = Object.keys(globalThis).filter((name) => ['URL', 'console', 'cla'].includes(name));
             const same = URL === globalThis.URL && console === console;
             const { writable, enumerable, configurable, get } = Object.getOwnPropertyDescriptor(globalThis, 'URL');
             globalThis.TextEncoder = 5; console = { log: 1 };
             [before, same, writable, enumerable, configurable, get, TextEncoder, console.log, 'structuredClone' in globalThis, delete globalThis.cla, typeof cla]"
        ),
        json!([[], true, true, false, true, null, 5, 1, true, true, "undefined"])
    );
}

#[test]
fn a_script_may_use_the_names_for_its_own() {
    assert_eq!(
        value(
            "var URL = 1; function print() { return 2 } const console = 3; let TextDecoder = 4; class cla {} [URL, print(), console, TextDecoder, typeof cla]"
        ),
        json!([1, 2, 3, 4, "function"])
    );
}

#[test]
fn a_run_that_uses_none_of_it_pays_little() {
    // The second run of an engine: the first also compiles.
    let memory = |engine: &Engine| {
        run_with(engine, "0", RunOptions::new());
        run_with(engine, "0", RunOptions::new()).memory
    };
    let without = memory(&Engine::builder().workers(1).build());
    let with = memory(&engine());
    let cost = with - without;
    // The interpreter fetches memory for small objects in blocks of 4 KiB, so this is some 2 to 10 KiB.
    assert!(cost < 12 * 1024, "{cost} bytes");
}

#[test]
fn the_types_of_every_module_are_at_hand() {
    for name in [
        "globals.d.ts",
        "http.d.ts",
        "util.d.ts",
        "log.d.ts",
        "process.d.ts",
    ] {
        let text = cla_stdlib::TYPES.iter().find(|(file, _)| *file == name);
        assert!(
            text.is_some_and(|(_, text)| text.contains("declare")),
            "{name}"
        );
    }
}
