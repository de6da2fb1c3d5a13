//! A plain scalar means the same in a rulebook and in `cla/util`.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use cla_runtime::{RunOptions, Script};
use cla_tests::engine::with_library;

#[test]
fn a_rulebook_reads_a_scalar_as_load_yaml_does() {
    let engine = with_library();
    let scalars = [
        "~",
        "NULL",
        "nULL",
        "True",
        "yes",
        ".inf",
        "+.Inf",
        "+.INF",
        "-.inf",
        ".NaN",
        "0x1F",
        "0x+1",
        "0x",
        "0o17",
        "0o+7",
        "-0x1",
        "012",
        "1e3",
        "+1.5",
        "1_000",
        "1e",
        "--1",
        "12:30",
        "0xFFFFFFFFFFFFFFFFFF",
    ];
    for scalar in scalars {
        let book = format!(
            "do:\n- value =: {scalar}\n- js: |\n    same = Object.is(value, require('cla/util').loadYAML('{scalar}'))\n\
             - return: ['${{same}}', '{{{{ typeof value }}}}']\n"
        );
        let run = engine.run(Script::new("book.yml", book), RunOptions::new());
        let result = run.wait().result.unwrap();
        assert_eq!(result[0], true, "{scalar} is a {} here", result[1]);
    }
}
