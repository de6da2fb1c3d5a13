//! `cla/log`.

mod support;

use support::run;

#[test]
fn every_level_writes_one_line_to_the_standard_error() {
    let ran = run(
        "const log = require('cla/log');
         log.debug('d'); log.info('i'); log.warn('w'); log.error('e', undefined); log.info({ a: 1 });",
    );
    assert!(ran.value.is_ok(), "{ran:?}");
    assert_eq!(ran.stdout, "");
    let lines: Vec<&str> = ran.stderr.lines().collect();
    let texts: Vec<&str> = lines.iter().map(|line| &line[20..]).collect();
    assert_eq!(
        texts,
        ["DEBUG d", "INFO  i", "WARN  w", "ERROR e", "INFO  { a: 1 }"]
    );
    for line in lines {
        let time = &line[..19];
        let digits = time.bytes().filter(u8::is_ascii_digit).count();
        assert_eq!(
            (digits, &time[4..5], &time[10..11], &time[13..14]),
            (14, "-", " ", ":"),
            "{line}"
        );
    }
}

#[test]
fn a_second_argument_is_dumped_as_yaml_below() {
    let ran = run("require('cla/log').info('state', { free: [1, 2], name: 'x' })");
    let (_, dump) = ran
        .stderr
        .split_once("INFO  state\n")
        .expect("the line comes first");
    assert_eq!(dump, "    free:\n      - 1\n      - 2\n    name: x\n");
}

#[test]
fn what_yaml_cannot_say_is_shown_as_print_shows_it() {
    let ran = run(
        "const circle = { a: 1 }; circle.self = circle; require('cla/log').warn('round', circle)",
    );
    assert!(ran.value.is_ok(), "{ran:?}");
    assert!(
        ran.stderr
            .contains("    <ref *1> { a: 1, self: [Circular *1] }\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn fatal_logs_and_throws() {
    let ran = run("require('cla/log').fatal('the disk is gone', { disk: 1 })");
    let error = ran.value.expect_err("fatal throws");
    assert!(error.contains("the disk is gone"), "{error}");
    assert!(
        ran.stderr.contains("FATAL the disk is gone\n    disk: 1\n"),
        "{}",
        ran.stderr
    );
}
