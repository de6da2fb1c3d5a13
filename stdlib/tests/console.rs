//! `print` and `console`.

mod support;

use support::{printed, run, thrown};

#[test]
fn print_separates_values_by_spaces() {
    assert_eq!(
        printed("print('a', 1, 'it\\'s', ['x'], null, undefined, -0); print(); print('%d', 5)"),
        "a 1 it's [ 'x' ] null undefined -0\n\n%d 5\n"
    );
}

#[test]
fn information_and_warnings_go_different_ways() {
    let ran = run(
        "console.log('l'); console.info('i'); console.debug('d'); console.warn('w'); console.error('e')",
    );
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("l\ni\nd\n", "w\ne\n")
    );
}

#[test]
fn format_specifiers_work_as_in_node() {
    // Each line was printed by Node 20.
    let cases = [
        ("'%s %s', 'a', 'b', 'c'", "a b c"),
        ("'%s', 5n, -0", "5n -0"),
        ("'%s|%s|%s', -0, null, Symbol('x')", "-0|null|Symbol(x)"),
        ("'%d %d %d %d', '42', 'x', 5n, {}", "42 NaN 5n NaN"),
        ("'%i %i %f', 3.7, '12px', '1.5x'", "3 12 1.5"),
        ("'%j', { a: [1] }", "{\"a\":[1]}"),
        ("'%O', { a: { b: { c: {} } } }", "{ a: { b: { c: {} } } }"),
        ("'%s', { a: { b: 1 } }", "{ a: [Object] }"),
        ("'%c styled', 'color: red'", " styled"),
        ("'100%', 5", "100% 5"),
        ("'%% %s'", "%% %s"),
        ("'%% %s', 1", "% 1"),
        ("'%x %s', 1", "%x 1"),
        ("'%s %s', 1", "1 %s"),
        ("'é%s日', 1", "é1日"),
        ("5, '%s', 1", "5 %s 1"),
    ];
    for (arguments, line) in cases {
        assert_eq!(
            printed(&format!("console.log({arguments})")),
            format!("{line}\n"),
            "{arguments}"
        );
    }
}

#[test]
fn groups_indent_what_follows() {
    assert_eq!(
        printed(
            "console.group('outer'); console.log('a\\nb'); console.group(); console.log('c'); console.groupEnd(); console.groupEnd(); console.groupEnd(); console.log('d')"
        ),
        "outer\n  a\n  b\n    c\nd\n"
    );
}

#[test]
fn counters_and_timers_have_labels() {
    let ran = run(
        "console.count(); console.count(); console.count('x'); console.countReset(); console.count(); console.countReset('nope');
         console.time('t'); console.timeLog('t', 5); console.timeEnd('t'); console.timeEnd('t');",
    );
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(
        lines[..4],
        ["default: 1", "default: 2", "x: 1", "default: 1"]
    );
    assert!(
        lines[4].starts_with("t: ") && lines[4].ends_with("ms 5"),
        "{}",
        lines[4]
    );
    assert!(
        lines[5].starts_with("t: ") && lines[5].ends_with("ms"),
        "{}",
        lines[5]
    );
    assert_eq!(
        ran.stderr,
        "console.countReset: no count named 'nope'\nconsole.timeEnd: no timer named 't'\n"
    );
}

#[test]
fn assert_and_trace_write_to_the_standard_error() {
    let ran = run(
        "console.assert(true, 'no'); console.assert(0, 'yes %d', 5); console.assert();
         function where() { console.trace('here', 1) } where();",
    );
    assert_eq!(ran.stdout, "");
    let mut lines = ran.stderr.lines();
    assert_eq!(lines.next(), Some("Assertion failed: yes 5"));
    assert_eq!(lines.next(), Some("Assertion failed"));
    assert_eq!(lines.next(), Some("Trace: here 1"));
    assert!(
        lines
            .next()
            .is_some_and(|line| line.contains("at where (test.js:2:")),
        "{}",
        ran.stderr
    );
}

#[test]
fn tables_look_as_they_do_in_node() {
    assert_eq!(
        printed("console.table([{ a: 1, b: 'x' }, { a: 2, c: true }])"),
        "┌─────────┬───┬─────┬──────┐\n\
         │ (index) │ a │ b   │ c    │\n\
         ├─────────┼───┼─────┼──────┤\n\
         │ 0       │ 1 │ 'x' │      │\n\
         │ 1       │ 2 │     │ true │\n\
         └─────────┴───┴─────┴──────┘\n"
    );
    assert_eq!(
        printed("console.table({ x: [1, 2], y: '日本' })"),
        "┌─────────┬───┬───┬────────┐\n\
         │ (index) │ 0 │ 1 │ Values │\n\
         ├─────────┼───┼───┼────────┤\n\
         │ x       │ 1 │ 2 │        │\n\
         │ y       │   │   │ '日本' │\n\
         └─────────┴───┴───┴────────┘\n"
    );
    assert_eq!(
        printed("console.table([{ a: 1, b: 2 }], ['b'])"),
        "┌─────────┬───┐\n│ (index) │ b │\n├─────────┼───┤\n│ 0       │ 2 │\n└─────────┴───┘\n"
    );
    assert_eq!(
        printed("console.table('text'); console.table(5)"),
        "text\n5\n"
    );
    assert_eq!(
        thrown("console.table([], 'a')"),
        "TypeError: console.table: columns must be an array of names, not \"a\""
    );
}
