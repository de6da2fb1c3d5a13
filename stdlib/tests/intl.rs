//! `Intl`, and the methods that go by a locale.

mod support;

use serde_json::{Value, json};
use support::{thrown, value};

/// How many expressions a script has.
const AT_ONCE: usize = 400;

#[test]
fn people_read_what_node_writes_for_them() {
    let cases: Vec<(String, String)> =
        serde_json::from_str(include_str!("intl/cases.json")).unwrap();
    assert!(cases.len() > 1000);
    let mut wrong = Vec::new();
    for cases in cases.chunks(AT_ONCE) {
        let mut script =
            "const tried = (f) => { try { return String(f()) } catch (e) { return `${e}` } };\n["
                .to_owned();
        for (expression, _) in cases {
            script.push_str("tried(() => ");
            script.push_str(expression);
            script.push_str("),\n");
        }
        script.push(']');
        let Value::Array(found) = value(&script) else {
            panic!("it is an array");
        };
        for ((expression, expected), found) in cases.iter().zip(found) {
            if found != *expected {
                wrong.push(format!("{expression}\n    {expected:?}, not\n    {found}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn what_is_not_there_is_a_clear_error() {
    let mut wrong = Vec::new();
    for (expression, message) in [
        (
            "new Intl.NumberFormat('eo')",
            "RangeError: Intl.NumberFormat: the locale \"eo\" is not in this build; Intl.supportedValuesOf(\"locale\") has those that are",
        ),
        (
            "new Date(0).toLocaleString('xx')",
            "RangeError: Date.toLocaleString: the locale \"xx\" is not in this build; Intl.supportedValuesOf(\"locale\") has those that are",
        ),
        (
            "(1).toLocaleString('de_DE')",
            "RangeError: Number.toLocaleString: \"de_DE\" is not a language tag; one looks like \"de\", \"en-GB\" or \"zh-Hant-TW\"",
        ),
        (
            "'a'.localeCompare('b', 'a'.repeat(1 << 20))",
            &*format!(
                "RangeError: String.localeCompare: {:?} is not a language tag; one looks like \"de\", \"en-GB\" or \"zh-Hant-TW\"",
                "a".repeat(100)
            ),
        ),
        (
            "new Intl.DateTimeFormat('th')",
            "RangeError: Intl.DateTimeFormat: the calendar \"buddhist\" of the locale \"th\" is not in this build; write \"th-u-ca-gregory\"",
        ),
        (
            "new Intl.DateTimeFormat('en', { calendar: 'hebrew' })",
            "RangeError: Intl.DateTimeFormat: the calendar \"hebrew\" of the locale \"en\" is not in this build; write \"en-u-ca-gregory\"",
        ),
        (
            "new Intl.DateTimeFormat('en', { timeZone: 'Mars/Olympus' })",
            "RangeError: Intl.DateTimeFormat: \"Mars/Olympus\" is not a time zone; one looks like \"Europe/Berlin\", \"UTC\" or \"+05:30\"",
        ),
        (
            "new Intl.DateTimeFormat('en', { weekday: 'wide' })",
            "RangeError: Intl.DateTimeFormat: the option weekday must be \"narrow\", \"short\" or \"long\", and is \"wide\"",
        ),
        (
            "new Intl.DateTimeFormat('en', { dateStyle: 'full', month: 'long' })",
            "TypeError: Intl.DateTimeFormat: the options month and dateStyle do not go together",
        ),
        (
            "new Date(0).toLocaleDateString('en', { timeStyle: 'full' })",
            "TypeError: Date.toLocaleDateString: the option timeStyle is about the time; there is toLocaleString",
        ),
        (
            "Intl.DateTimeFormat().format(NaN)",
            "RangeError: Intl.DateTimeFormat.format: NaN is no date that there is",
        ),
        (
            "new Intl.NumberFormat('en', { style: 'currency' })",
            "TypeError: Intl.NumberFormat: the style \"currency\" wants the option currency, such as \"EUR\"",
        ),
        (
            "new Intl.NumberFormat('en', { style: 'currency', currency: 'EURO' })",
            "RangeError: Intl.NumberFormat: the option currency must be a code of three letters such as \"EUR\", and is \"EURO\"",
        ),
        (
            "new Intl.NumberFormat('en', { style: 'unit', unit: 'parsec' })",
            "RangeError: Intl.NumberFormat: the option unit is \"parsec\", which is not one that ECMA-402 has",
        ),
        (
            "new Intl.NumberFormat('en', { maximumFractionDigits: 1e9 })",
            "RangeError: Intl.NumberFormat: the option maximumFractionDigits must be a number from 0 to 100, and is 1000000000",
        ),
        (
            "(10n ** 40000n).toLocaleString()",
            "RangeError: a number of 40001 digits is too long to be written for people",
        ),
        (
            "new Intl.NumberFormat(null)",
            "TypeError: Intl.NumberFormat: the locales must be a string or an array of strings, and are null",
        ),
        (
            "new Intl.NumberFormat([1])",
            "TypeError: Intl.NumberFormat: a locale must be a string such as \"de\" or an Intl.Locale, and is 1",
        ),
        (
            "new Intl.NumberFormat('en', null)",
            "TypeError: Intl.NumberFormat: the options must be an object, and are null",
        ),
        (
            "Intl.NumberFormat.prototype.format",
            "TypeError: Intl.NumberFormat.prototype.format was called on an object, which is no Intl.NumberFormat",
        ),
        (
            "Intl.PluralRules('en')",
            "TypeError: Intl.PluralRules is a class: write new Intl.PluralRules()",
        ),
        (
            "new Intl.RelativeTimeFormat().format(1, 'fortnight')",
            "RangeError: Intl.RelativeTimeFormat.format: the unit must be \"second\", \"minute\", \"hour\", \"day\", \"week\", \"month\", \"quarter\" or \"year\", and is \"fortnight\"",
        ),
        (
            "new Intl.RelativeTimeFormat().format(Infinity, 'day')",
            "RangeError: Intl.RelativeTimeFormat.format: the value must be a finite number, and is Infinity",
        ),
        (
            "new Intl.ListFormat().format([1])",
            "TypeError: Intl.ListFormat.format: each element must be a string, and one is 1",
        ),
        (
            "new Intl.Collator('en', { usage: 'search' })",
            "RangeError: Intl.Collator: the usage \"search\" is not in this build; \"sort\" is",
        ),
        (
            "new Intl.Segmenter('en', { granularity: 'word' }).segment('\u{65e5}\u{672c}')",
            "RangeError: Intl.Segmenter: words of a text with '\u{65e5}' cannot be told apart: this build has no dictionary of that script",
        ),
        (
            "Intl.supportedValuesOf('weekday')",
            "RangeError: Intl.supportedValuesOf: \"weekday\" is not one of \"calendar\", \"collation\", \"currency\", \"locale\", \"numberingSystem\", \"timeZone\" and \"unit\"",
        ),
        (
            "new Intl.Locale('en', { region: 'XYZ' })",
            "RangeError: Intl.Locale: \"XYZ\" is not a language tag; one looks like \"de\", \"en-GB\" or \"zh-Hant-TW\"",
        ),
        (
            "Date.prototype.toLocaleString.call({})",
            "TypeError: not a Date object",
        ),
        (
            "Number.prototype.toLocaleString.call('1')",
            "TypeError: not a number",
        ),
        (
            "String.prototype.localeCompare.call(null, 'a')",
            "TypeError: localeCompare was called on null",
        ),
    ] {
        let found = thrown(expression);
        if found != message {
            wrong.push(format!("{expression}\n    {message}, not\n    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_rule_that_overwrites_built_in_methods_changes_nothing() {
    assert_eq!(
        value(
            "Array.prototype[Symbol.iterator] = Array.prototype.push = Array.prototype.map = String.prototype.slice =
               Object.defineProperty = Object.assign = Reflect.construct = Number = String = () => { throw new Error('never') };
             const parts = new Intl.NumberFormat('de', { style: 'currency', currency: 'EUR' }).formatToParts(1.5);
             let kinds = ''; for (let i = 0; i < parts.length; i++) kinds += parts[i].type + ' ';
             [kinds, new Date(0).toLocaleDateString('de', { timeZone: 'UTC' }), 'b'.localeCompare('a'), new Intl.Locale('de').maximize().region,
              new Intl.DateTimeFormat('en', { timeZone: 'UTC' }).formatRange(0, 1e9)]"
        ),
        json!(["integer decimal fraction literal currency ", "1.1.1970", 1, "DE", "1/1/1970\u{2009}–\u{2009}1/12/1970"])
    );
}

#[test]
fn what_is_supported_is_told() {
    let found = value(
        "[Intl.supportedValuesOf('timeZone').includes('Europe/Berlin'), Intl.supportedValuesOf('currency').includes('EUR'),
          Intl.supportedValuesOf('locale').length > 350, Intl.supportedValuesOf('unit').length,
          Intl.NumberFormat.supportedLocalesOf(['de-CH', 'eo', 'zh-TW', 'en']).join(), typeof Intl, Object.keys(Intl).length,
          new Intl.Locale('ar-EG').getTextInfo().direction, new Intl.Locale('de-DE').getWeekInfo(), new Intl.Locale('en').getHourCycles()]",
    );
    assert_eq!(
        found,
        json!([true, true, true, 45, "de-CH,zh-TW,en", "object", 0, "rtl", { "firstDay": 1, "weekend": [6, 7], "minimalDays": 4 }, ["h12"]])
    );
}

#[test]
fn the_usual_zone_is_that_of_dates() {
    let found = value(
        "const date = new Date(2026, 6, 5, 3, 4, 5);
         const parts = {}; for (const part of new Intl.DateTimeFormat('en-GB', { dateStyle: 'short', timeStyle: 'medium' }).formatToParts(date)) parts[part.type] = part.value;
         [Number(parts.hour) === date.getHours(), Number(parts.day) === date.getDate(), date.toLocaleTimeString('en-GB') === date.toString().slice(16, 24)]",
    );
    assert_eq!(found, json!([true, true, true]));
}

#[test]
fn many_formats_are_bounded_by_the_memory_of_the_run() {
    use cla_runtime::{Limits, RunOptions};
    let limits = Limits::default().memory(8 * 1024 * 1024);
    let engine = support::engine();
    let script = "const kept = []; for (;;) kept.push(new Intl.NumberFormat('de'))";
    let ran = support::run_with(&engine, script, RunOptions::new().limits(limits));
    let error = ran.value.unwrap_err();
    assert!(error.contains("memory"), "{error}");
}
