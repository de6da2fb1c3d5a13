//! `cla/time-span`.

mod support;

use serde_json::{Value, json};

/// The value of an expression in a rule that imports the module.
#[track_caller]
fn value(expression: &str) -> Value {
    support::value(&format!(
        "import {{ TimeSpan, TO_MILLISECONDS }} from 'cla/time-span';
         const ms = (span) => span.toMilliseconds();
         export default {expression};"
    ))
}

/// What an expression in such a rule throws.
#[track_caller]
fn thrown(expression: &str) -> String {
    let value = value(&format!(
        "(() => {{ try {{ return {{ is: {expression} }} }} catch (error) {{ return String(error) }} }})()"
    ));
    match value {
        Value::String(text) => text,
        other => panic!("{expression} gave {other}"),
    }
}

#[test]
fn it_is_made_of_every_unit() {
    assert_eq!(
        value(
            "[TimeSpan.fromMilliseconds(5), TimeSpan.fromSeconds(1.5), TimeSpan.fromMinutes(2),
              TimeSpan.fromHours(3), TimeSpan.fromDays(4)].map(ms)"
        ),
        json!([5, 1_500, 120_000, 10_800_000, 345_600_000])
    );
}

#[test]
fn it_is_read_from_a_text() {
    assert_eq!(
        value(
            "['5s', '1m30s', '250ms', '1.5 hours', '2 days, 4 h', '1 Week', '.5 min', '100', '1y', '10 secs']
                .map((text) => ms(TimeSpan.fromStr(text)))"
        ),
        json!([
            5_000, 90_000, 250, 5_400_000, 187_200_000, 604_800_000, 30_000, 100,
            31_557_600_000_i64, 10_000
        ])
    );
    for text in [
        "''",
        "'soon'",
        "'5 parsecs'",
        "'-1s'",
        "'1m 30'",
        "'1.2.3s'",
        "undefined",
        "{}",
    ] {
        let thrown = thrown(&format!("TimeSpan.fromStr({text})"));
        assert!(
            thrown.starts_with("TypeError: no length of time:"),
            "{text}: {thrown}"
        );
    }
}

#[test]
fn a_long_text_that_is_none_is_refused_at_once() {
    let thrown = thrown("TimeSpan.fromStr('1'.repeat(50_000) + '!')");
    assert!(thrown.starts_with("TypeError: no length of time:"));
}

#[test]
fn it_is_the_time_between_two_dates() {
    assert_eq!(
        value(
            "[TimeSpan.fromDateRange({ start: new Date('2000-01-01'), end: new Date('2000-01-03') }).toDays(),
              TimeSpan.fromDateRange({ start: new Date('2000-01-03'), end: new Date('2000-01-01') }).toDays(),
              TimeSpan.fromDateRange({ end: new Date(Date.now() + 3_600_500) }).toHours(),
              TimeSpan.fromDateRange({ start: new Date(Date.now() - 3_600_500) }).toHours()]"
        ),
        json!([2, 0, 1, 1])
    );
}

#[test]
fn it_is_added_to_and_subtracted_from() {
    assert_eq!(
        value(
            "[(s) => s.addMilliseconds(1), (s) => s.addSeconds(1), (s) => s.addMinutes(1), (s) => s.addHours(1),
              (s) => s.addDays(1), (s) => s.addTimeSpan(TimeSpan.fromSeconds(2)),
              (s) => s.subtractMilliseconds(1), (s) => s.subtractSeconds(1), (s) => s.subtractMinutes(1),
              (s) => s.subtractHours(1), (s) => s.subtractDays(1), (s) => s.subtractTimeSpan(TimeSpan.fromSeconds(2)),
             ].map((change) => ms(change(TimeSpan.fromDays(2))) - 172_800_000)"
        ),
        json!([
            1, 1_000, 60_000, 3_600_000, 86_400_000, 2_000, -1, -1_000, -60_000, -3_600_000, -86_400_000,
            -2_000
        ])
    );
}

#[test]
fn it_is_never_negative() {
    assert_eq!(
        value(
            "[TimeSpan.fromSeconds(-5), TimeSpan.fromSeconds(1).subtractMinutes(1), TimeSpan.fromSeconds(1).multiply(-1)].map(ms)"
        ),
        json!([0, 0, 0])
    );
}

#[test]
fn it_is_multiplied_and_divided_to_whole_milliseconds() {
    assert_eq!(
        value(
            "[TimeSpan.fromMilliseconds(200).multiply(2), TimeSpan.fromMilliseconds(200).divide(3)].map(ms)"
        ),
        json!([400, 67])
    );
}

#[test]
fn what_is_no_finite_number_is_refused() {
    for expression in [
        "TimeSpan.fromSeconds(NaN)",
        "TimeSpan.fromDays(Infinity)",
        "TimeSpan.fromMinutes()",
        "TimeSpan.fromSeconds(1).divide(0)",
    ] {
        let thrown = thrown(expression);
        assert!(
            thrown.starts_with("TypeError: a TimeSpan must be a finite number"),
            "{thrown}"
        );
    }
}

#[test]
fn it_never_changes() {
    assert_eq!(
        value(
            "(() => { const span = TimeSpan.fromSeconds(1); span.addSeconds(5);
                      try { span.milliseconds = 7 } catch (error) { return [ms(span), error.name] } })()"
        ),
        json!([1_000, "TypeError"])
    );
}

#[test]
fn it_is_given_in_whole_units() {
    assert_eq!(
        value(
            "((s) => [s.toMilliseconds(), s.toSeconds(), s.toMinutes(), s.toHours(), s.toDays()])
                (TimeSpan.fromDays(1).addMilliseconds(3_599_999))"
        ),
        json!([89_999_999, 89_999, 1_499, 24, 1])
    );
}

#[test]
fn it_leads_from_a_date_to_another() {
    assert_eq!(
        value(
            "[TimeSpan.fromDays(365).toEndDate(new Date('2001-01-01')), TimeSpan.fromDays(366).toStartDate(new Date('2001-01-01')),
              Math.abs(TimeSpan.fromSeconds(9).toEndDate() - Date.now() - 9_000) < 1_000,
              Math.abs(TimeSpan.fromSeconds(9).toStartDate() - Date.now() + 9_000) < 1_000]"
        ),
        json!(["2002-01-01T00:00:00.000Z", "2000-01-01T00:00:00.000Z", true, true])
    );
}

#[test]
fn it_is_compared_by_its_length() {
    assert_eq!(
        value(
            "((a, b) => [a.equals(TimeSpan.fromMilliseconds(1_000)), a.equals(b), a.lt(b), a.lte(a), b.gt(a), b.gte(b), a.gt(b),
                         a.lt(a), a < b, a > b])(TimeSpan.fromSeconds(1), TimeSpan.fromSeconds(2))"
        ),
        json!([true, false, true, true, true, true, false, false, true, false])
    );
}

#[test]
fn it_has_a_form_as_json_and_as_a_text_that_can_be_read_again() {
    assert_eq!(
        value("JSON.stringify({ ttl: TimeSpan.fromSeconds(30) })"),
        r#"{"ttl":30000}"#
    );
    assert_eq!(
        value(
            "[0, 5, 90_000, 3_600_000, 93_600_250].map((n) => String(TimeSpan.fromMilliseconds(n)))"
        ),
        json!(["0ms", "5ms", "1m30s", "1h", "1d2h250ms"])
    );
    assert_eq!(
        value("ms(TimeSpan.fromStr(String(TimeSpan.fromMilliseconds(93_600_250))))"),
        93_600_250
    );
}

#[test]
fn a_length_of_another_library_counts_as_well() {
    assert_eq!(
        value(
            "ms(TimeSpan.fromTimeSpan({ [TO_MILLISECONDS]: () => 7 }).addTimeSpan({ [TO_MILLISECONDS]: () => 1 }))"
        ),
        8
    );
}

#[test]
fn printing_it_shows_its_length() {
    let source = "import { TimeSpan } from '@daiso-tech/core/time-span'; console.log(TimeSpan.fromSeconds(2))";
    assert_eq!(
        support::printed(source),
        "TimeSpan { milliseconds: 2000 }\n"
    );
}
