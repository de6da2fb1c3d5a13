//! `cla/stash`.

mod support;

use cla_runtime::RunOptions;
use serde_json::json;
use support::{engine, run_with, value};

#[test]
fn it_reads_writes_and_removes_by_path() {
    let options =
        RunOptions::new().stash(json!({"servers": [{"name": "a"}, {"name": "b"}], "n": 1}));
    let script = "
        const stash = require('cla/stash');
        const before = [stash.get('/servers/1/name'), stash.get('n'), stash.get('/no', 7), stash.has('/servers/2'), stash.has('n')];
        stash.set('/servers/-/name', 'c');
        const removed = [stash.remove('/servers/0'), stash.remove('n'), stash.remove('/x/y'), stash.remove('__proto__')];
        [before, removed, stash.all() === cla.stash(), stash.all()]";
    let ran = run_with(&engine(), script, options);
    assert_eq!(
        ran.value,
        Ok(json!([
            ["b", 1, 7, false, true],
            [true, true, false, false],
            true,
            {"servers": [{"name": "b"}, {"name": "c"}]}
        ]))
    );
}

#[test]
fn unfit_arguments_name_the_function() {
    assert_eq!(
        value(
            "const s = require('cla/stash'); [() => s.get(1), () => s.remove(''), () => s.set('~', 1)].map(f => { try { f() } catch (e) { return e.message } })"
        ),
        json!([
            "stash.get: path must be a string, not 1",
            "stash.remove: the path must name a key to remove",
            null
        ])
    );
}
