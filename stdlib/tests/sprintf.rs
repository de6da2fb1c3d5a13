//! `cla.sprintf`.

mod support;

use support::{thrown, value};

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    let calls: Vec<String> = cases
        .iter()
        .map(|(call, _)| format!("cla.sprintf({call})"))
        .collect();
    let expected: Vec<&str> = cases.iter().map(|(_, text)| *text).collect();
    assert_eq!(
        value(&format!("[{}]", calls.join(", "))),
        serde_json::json!(expected)
    );
}

#[test]
fn whole_numbers() {
    check(&[
        ("'%d', 42", "42"),
        ("'%5d|%-5d|%05d', 42, 42, 42", "   42|42   |00042"),
        ("'%+d % d %+d', 5, 5, -5", "+5  5 -5"),
        ("'%05d', -42", "-0042"),
        ("'%.3d', 5", "005"),
        ("'%d %i %u', 3.9, -3.9, 7", "3 -3 7"),
        ("'%d', '12'", "12"),
        (
            "'%d %d %d', NaN, Infinity, -Infinity",
            "NaN Infinity -Infinity",
        ),
        (
            "'%d', 123456789012345678901234567890n",
            "123456789012345678901234567890",
        ),
        ("'%x %X %o %b', 255, 255, 8, 5", "ff FF 10 101"),
        ("'%#x %#o %#b %#x', 255, 8, 5, 0", "0xff 010 0b101 0"),
        ("'%x %x', -255, -255n", "-ff -ff"),
        ("'%08b', 5", "00000101"),
        ("'%x', 2 ** 53", "20000000000000"),
        ("'%d', 1e21", "1000000000000000000000"),
        ("'%d', true", "1"),
    ]);
}

#[test]
fn fractions() {
    check(&[
        ("'%f %.2f %.0f', 3.14159, 3.14159, 2.5", "3.141590 3.14 2"),
        (
            "'%8.3f|%-8.3f|%08.3f', 3.14159, 3.14159, -3.14159",
            "   3.142|3.142   |-003.142",
        ),
        (
            "'%e %.2e %E', 12345.678, 0.00012, 1e100",
            "1.234568e+04 1.20e-04 1.000000E+100",
        ),
        (
            "'%g %g %g %g', 0.0001, 0.00001, 123456, 1234567",
            "0.0001 1e-05 123456 1.23457e+06",
        ),
        ("'%.3g %#.3g %G', 3, 3, 1e-10", "3 3.00 1E-10"),
        ("'%f', -0", "-0.000000"),
        ("'%5.1f|%+.1f', NaN, Infinity", "  NaN|+Infinity"),
    ]);
}

#[test]
fn texts_and_everything_else() {
    check(&[
        (
            "'%s|%5s|%-5s|%.2s', 'ab', 'ab', 'ab', 'abc'",
            "ab|   ab|ab   |ab",
        ),
        ("'%s %s %s', null, undefined, true", "null undefined true"),
        ("'%s %s', { a: 1 }, [1, 'x']", "{ a: 1 } [ 1, 'x' ]"),
        ("'%s', Symbol('x')", "Symbol(x)"),
        ("'%c%c%c', 65, 'xyz', 0x1f600", "Ax😀"),
        ("'%j %j', { a: [1] }, undefined", "{\"a\":[1]} undefined"),
        ("'100%%'", "100%"),
        ("'%2$s %1$s', 'a', 'b'", "b a"),
        (
            "'%*d|%-*d|%.*f', 5, 42, 5, 42, 1, 3.14159",
            "   42|42   |3.1",
        ),
        ("'%*d', -5, 42", "42   "),
        ("'é%3sé', 'ü'", "é  üé"),
        ("'no formats', 1, 2", "no formats"),
    ]);
}

#[test]
fn what_cannot_be_formatted_is_refused() {
    let cases = [
        (
            "cla.sprintf()",
            "TypeError: cla.sprintf: format must be a string, not undefined",
        ),
        (
            "cla.sprintf('%d')",
            "TypeError: cla.sprintf: there is no argument 1 for %d",
        ),
        (
            "cla.sprintf('%s %s', 1)",
            "TypeError: cla.sprintf: there is no argument 2 for %s",
        ),
        (
            "cla.sprintf('%3$s', 1)",
            "TypeError: cla.sprintf: there is no argument 3 for %s",
        ),
        (
            "cla.sprintf('%q', 1)",
            "SyntaxError: cla.sprintf: \"%q\" is no format; write %% for a percent sign",
        ),
        (
            "cla.sprintf('5%')",
            "SyntaxError: cla.sprintf: \"%\" is no format; write %% for a percent sign",
        ),
        (
            "cla.sprintf('%0$s', 1)",
            "SyntaxError: cla.sprintf: \"%0$s\" is no format; write %% for a percent sign",
        ),
        (
            "cla.sprintf('%999999999999999999999d', 1)",
            "RangeError: cla.sprintf: a width must be at most 100000, not 18446744073709551615",
        ),
        (
            "cla.sprintf('%*d', 1e9, 1)",
            "RangeError: cla.sprintf: a width must be at most 100000, not 1000000000",
        ),
        (
            "cla.sprintf('%*d', 'x', 1)",
            "TypeError: cla.sprintf: the width for * must be a whole number, not \"x\"",
        ),
        (
            "cla.sprintf('%.999999f', 1)",
            "RangeError: cla.sprintf: a precision must be at most 100",
        ),
        (
            "cla.sprintf('%.999999x', 1)",
            "RangeError: cla.sprintf: a precision must be at most 100",
        ),
        (
            "cla.sprintf('%99999d'.repeat(300), ...Array(300).fill(1))",
            "RangeError: cla.sprintf: the result is longer than 16 MiB",
        ),
        (
            "cla.sprintf('%d', Symbol('x'))",
            "TypeError: cla.sprintf: %d cannot show a symbol",
        ),
    ];
    for (expression, message) in cases {
        assert_eq!(thrown(expression), message);
    }
}
