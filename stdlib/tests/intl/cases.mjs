// Makes `cases.json`: expressions, and what Node says to each. Run as
//
//   TZ=UTC LC_ALL=en_US.UTF-8 node stdlib/tests/intl/cases.mjs
//
// The committed file was made by Node 20.20 with ICU 78.2 (CLDR 48). What its CLDR has otherwise than ours is left out by `EXCEPT`.
import { writeFileSync } from "node:fs";

const EXCEPT = [
  // CLDR 48.0 and 48.2, or the rules of plurals in another version.
  /"en-ZA", .*"month":"long","day"/, /NumberFormat\("fr-CH"/, /PluralRules\("(es|bg|af)[^)]*ordinal/, /PluralRules\("(vi|gl)-/, /"ko-KR", .*(timeStyle|"hour")/,
  /"ko-KR", \{ timeZone/, /"(pt-BR|ru-RU)".*"longGeneric"/, /"ja-JP".*formatRange/, /NumberFormat\("tr-TR".*"name"/,
  // A short date has two digits for the day, and a year of two digits: nearer by its distance, and ICU takes another one.
  /"cs-CZ", .*"month":"2-digit"/,
  // Names by countries are not in this build: the offset stands for them.
  /"Europe\/London".*"longGeneric"/,
  // Options that Node has not yet.
  /PluralRules\("pl"\).resolvedOptions/,
  // Node calls it "nb".
  /"nb-NO"\).resolvedOptions/,
];

const LOCALES =
  "en-US en-GB en-AU en-CA en-IN en-ZA de-DE de-AT de-CH fr-FR fr-CA fr-CH es-ES es-MX es-AR it-IT it-CH pt-BR pt-PT nl-NL nl-BE sv-SE nb-NO da-DK fi-FI is-IS " +
  "pl-PL cs-CZ sk-SK hu-HU ro-RO bg-BG hr-HR sr-RS sl-SI et-EE lv-LV lt-LT el-GR tr-TR ru-RU uk-UA he-IL ar-EG ar-AE hi-IN bn-BD mr-IN ta-IN te-IN id-ID ms-MY " +
  "vi-VN ko-KR ja-JP zh-CN zh-TW zh-HK ca-ES eu-ES gl-ES cy-GB ga-IE af-ZA sw-KE ka-GE hy-AM kk-KZ uz-UZ az-AZ mk-MK sq-AL ur-PK fil-PH";
const locales = LOCALES.split(" ");
const expressions = [];
const add = (text) => expressions.push(text);
const json = JSON.stringify;
const T = "2026-01-05T15:04:05.678Z";
const date = (locale, options, time = T) => add(`new Intl.DateTimeFormat(${json(locale)}, ${json({ timeZone: "UTC", ...options })}).format(new Date(${json(time)}))`);
const number = (locale, options, value) => add(`new Intl.NumberFormat(${json(locale)}, ${json(options)}).format(${value})`);

for (const locale of locales) {
  date(locale, {});
  for (const style of ["full", "long", "medium", "short"]) date(locale, { dateStyle: style });
  for (const style of ["medium", "short"]) date(locale, { timeStyle: style });
  date(locale, { dateStyle: "long", timeStyle: "short" });
  date(locale, { dateStyle: "short", timeStyle: "medium" }, "2026-11-29T00:30:00Z");
  date(locale, { year: "numeric", month: "long", day: "numeric" });
  date(locale, { year: "numeric", month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit" });
  date(locale, { weekday: "short", month: "short", day: "numeric" });
  date(locale, { weekday: "long" });
  date(locale, { month: "long" });
  date(locale, { month: "long", year: "numeric" });
  date(locale, { month: "2-digit", day: "2-digit", year: "numeric" });
  date(locale, { hour: "numeric" });
  date(locale, { hour: "numeric", minute: "2-digit", hour12: true });
  date(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  add(`new Date(${json(T)}).toLocaleString(${json(locale)}, { timeZone: "Europe/Berlin" })`);
  number(locale, {}, 1234567.891);
  number(locale, {}, -1234.5);
  number(locale, { style: "percent", maximumFractionDigits: 1 }, 0.1234);
  number(locale, { style: "currency", currency: "EUR" }, 1234.5);
  number(locale, { style: "currency", currency: "USD" }, -1234.5);
  number(locale, { style: "currency", currency: "JPY", currencyDisplay: "code" }, 1234.5);
  number(locale, { style: "currency", currency: "EUR", currencyDisplay: "name" }, 2);
  number(locale, { notation: "compact" }, 1234567);
  number(locale, { notation: "compact", compactDisplay: "long" }, 12345);
  number(locale, { style: "unit", unit: "kilometer-per-hour" }, 50);
  number(locale, { style: "unit", unit: "day", unitDisplay: "long" }, 3);
  number(locale, { style: "unit", unit: "megabyte", unitDisplay: "narrow" }, 16);
  add(`new Intl.RelativeTimeFormat(${json(locale)}, { numeric: "auto" }).format(-1, "day")`);
  add(`new Intl.RelativeTimeFormat(${json(locale)}).format(3, "hours")`);
  add(`new Intl.RelativeTimeFormat(${json(locale)}, { style: "short" }).format(-5, "month")`);
  add(`new Intl.ListFormat(${json(locale)}).format(["A", "B", "C"])`);
  add(`new Intl.ListFormat(${json(locale)}, { type: "disjunction" }).format(["A", "B"])`);
  add(`[0, 1, 2, 3, 5, 11, 21, 1.5, 1000000].map((n) => new Intl.PluralRules(${json(locale)}).select(n)).join()`);
  add(`[1, 2, 3, 4, 11, 21].map((n) => new Intl.PluralRules(${json(locale)}, { type: "ordinal" }).select(n)).join()`);
  add(`JSON.stringify(new Intl.NumberFormat(${json(locale)}).resolvedOptions().locale)`);
  add(`new Intl.DateTimeFormat(${json(locale)}, { hour: "numeric" }).resolvedOptions().hourCycle`);
}

// Fields and their lengths.
for (const locale of ["en-US", "de-DE", "fr-FR", "ja-JP", "pt-BR", "ru-RU"]) {
  for (const era of ["long", "short", "narrow"]) date(locale, { era, year: "numeric" }, "-000043-03-15T12:00:00Z");
  date(locale, { era: "short" });
  for (const dayPeriod of ["long", "short", "narrow"]) date(locale, { hour: "numeric", dayPeriod, hour12: true });
  date(locale, { minute: "2-digit", second: "2-digit" });
  date(locale, { second: "numeric", fractionalSecondDigits: 3 });
  date(locale, { hour: "numeric", minute: "numeric", second: "numeric", fractionalSecondDigits: 2 });
  date(locale, { year: "2-digit", month: "narrow" });
  date(locale, { weekday: "narrow", day: "numeric" });
  date(locale, { year: "numeric" });
  date(locale, { day: "numeric" });
  date(locale, { month: "numeric" });
  date(locale, { weekday: "long", year: "numeric", month: "long", day: "numeric", hour: "numeric", minute: "numeric", timeZoneName: "short" });
  for (const hourCycle of ["h11", "h12", "h23", "h24"]) date(locale, { hour: "numeric", minute: "numeric", hourCycle }, "2026-01-05T00:04:05Z");
  date(locale, { dateStyle: "full", timeStyle: "full" });
  date(locale, { timeStyle: "long" });
  date(locale, { timeStyle: "short", hour12: true });
  date(locale, { timeStyle: "short", hour12: false });
  date(locale, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
  for (const timeZone of ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Tokyo", "UTC", "Europe/London", "Asia/Kathmandu", "America/St_Johns"]) {
    for (const timeZoneName of ["short", "long", "shortOffset", "longOffset"]) {
      date(locale, { timeZone, hour: "numeric", minute: "numeric", timeZoneName });
      date(locale, { timeZone, timeZoneName }, "2026-07-05T12:00:00Z");
    }
    date(locale, { timeZone, hour: "numeric", timeZoneName: "longGeneric" }, "2026-07-05T12:00:00Z");
  }
}
// Both sides of changes of clocks, odd offsets, ends of the range.
for (const [zone, times] of [
  ["Europe/Berlin", ["2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", "2026-10-25T00:59:59Z", "2026-10-25T01:00:00Z"]],
  ["America/New_York", ["2026-03-08T06:59:59Z", "2026-03-08T07:00:00Z", "2026-11-01T05:59:59Z", "2026-11-01T06:00:00Z"]],
  ["Australia/Lord_Howe", ["2026-04-04T14:59:59Z", "2026-04-04T15:00:00Z", "2026-10-03T15:29:59Z", "2026-10-03T15:30:00Z"]],
  ["Asia/Kathmandu", ["1985-12-31T18:29:59Z", "1985-12-31T18:30:00Z"]],
  ["Pacific/Apia", ["2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z"]],
  ["Europe/Dublin", ["2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"]],
  ["Africa/Casablanca", ["2026-03-01T00:00:00Z", "2026-07-01T00:00:00Z"]],
  ["America/Sao_Paulo", ["2018-11-04T02:59:59Z", "2018-11-04T03:00:00Z"]],
  ["Asia/Kolkata", ["1941-10-01T00:00:00Z"]],
  ["UTC", ["+275760-09-13T00:00:00Z", "-271821-04-20T00:00:00Z", "0000-01-01T00:00:00Z", "0099-12-31T23:59:59Z"]],
]) {
  for (const time of times) {
    date("en-US", { timeZone: zone, dateStyle: "medium", timeStyle: "long" }, time);
    date("en-GB", { timeZone: zone, dateStyle: "full", timeStyle: "full" }, time);
  }
}

// Ranges.
for (const locale of ["en-US", "de-DE", "fr-FR", "ja-JP", "es-ES"]) {
  for (const [options, from, to] of [
    [{ dateStyle: "medium" }, "2026-01-05T10:00:00Z", "2026-01-07T10:00:00Z"],
    [{ dateStyle: "long" }, "2026-01-05T10:00:00Z", "2026-02-07T10:00:00Z"],
    [{ year: "numeric", month: "short", day: "numeric" }, "2025-12-05T10:00:00Z", "2026-01-07T10:00:00Z"],
    [{ hour: "numeric", minute: "2-digit" }, "2026-01-05T10:00:00Z", "2026-01-05T11:30:00Z"],
    [{ month: "short", day: "numeric" }, "2026-01-05T10:00:00Z", "2026-01-05T11:30:00Z"],
    [{}, "2026-01-05T10:00:00Z", "2026-01-07T10:00:00Z"],
  ]) {
    add(`new Intl.DateTimeFormat(${json(locale)}, ${json({ timeZone: "UTC", ...options })}).formatRange(new Date(${json(from)}), new Date(${json(to)}))`);
  }
}

// Digits, rounding, signs.
for (const [options, values] of [
  [{ minimumFractionDigits: 2 }, [1, 1.005, 1.015, 2.5, -0.001, 1e21, 123456789012345680000]],
  [{ maximumFractionDigits: 0 }, [0.5, 1.5, 2.5, -0.5, 999.5]],
  [{ maximumSignificantDigits: 3 }, [123456, 0.00123456, 9.999, 0]],
  [{ minimumSignificantDigits: 4 }, [1, 0.5, 12345, 0]],
  [{ minimumIntegerDigits: 4 }, [1, 12345]],
  [{ useGrouping: false }, [1234567]],
  [{ useGrouping: "min2" }, [1234, 12345]],
  [{ useGrouping: "always" }, [1234]],
  [{ signDisplay: "always" }, [1, 0, "-0", -1, "NaN"]],
  [{ signDisplay: "exceptZero" }, [1, 0, "-0", -1, 0.0001, "NaN"]],
  [{ signDisplay: "never" }, [1, -1]],
  [{ signDisplay: "negative" }, [1, "-0", -1, -0.0001]],
  [{ notation: "scientific" }, [1234567, 0.00012, 0, 999999]],
  [{ notation: "engineering" }, [1234567, 0.00012, 123]],
  [{ notation: "compact" }, [0, 1, 12, 999, 1000, 1500, 9999, 15000, 999999, 1000000, 1.5e9, 1e12, 1e15, 1e18, 0.12345, -1234]],
  [{ notation: "compact", compactDisplay: "long" }, [1000, 1234567, 1.5e9]],
  [{ notation: "compact", maximumFractionDigits: 2 }, [1234567]],
  [{ style: "percent" }, [0.5, 1.234, -0.01]],
  [{ style: "currency", currency: "USD" }, [0, 1234.567, -1, 0.005]],
  [{ style: "currency", currency: "USD", currencySign: "accounting" }, [-1, 1]],
  [{ style: "currency", currency: "USD", currencySign: "accounting", signDisplay: "always" }, [-1, 1]],
  [{ style: "currency", currency: "USD", signDisplay: "always" }, [-1, 1]],
  [{ style: "currency", currency: "CAD" }, [1]],
  [{ style: "currency", currency: "CAD", currencyDisplay: "narrowSymbol" }, [1]],
  [{ style: "currency", currency: "CHF" }, [1234.5]],
  [{ style: "currency", currency: "USD", currencyDisplay: "name" }, [1, 2, 1.5]],
  [{ style: "currency", currency: "USD", notation: "compact" }, [1234567, 999]],
  [{ style: "currency", currency: "KWD" }, [1]],
  [{ style: "currency", currency: "XYZ" }, [1]],
  [{ style: "currency", currency: "USD", maximumFractionDigits: 0 }, [1234.5]],
  [{ roundingMode: "floor", maximumFractionDigits: 1 }, [1.25, -1.25]],
  [{ roundingMode: "ceil", maximumFractionDigits: 1 }, [1.25, -1.25]],
  [{ roundingMode: "trunc", maximumFractionDigits: 1 }, [1.29, -1.29]],
  [{ roundingMode: "expand", maximumFractionDigits: 1 }, [1.21, -1.21]],
  [{ roundingMode: "halfEven", maximumFractionDigits: 1 }, [1.25, 1.35]],
  [{ roundingMode: "halfTrunc", maximumFractionDigits: 1 }, [1.25, -1.25]],
  [{ roundingIncrement: 5, minimumFractionDigits: 2, maximumFractionDigits: 2 }, [1.23, 1.275]],
  [{ roundingIncrement: 50, minimumFractionDigits: 2, maximumFractionDigits: 2 }, [1.2, 1.25]],
  [{ trailingZeroDisplay: "stripIfInteger", style: "currency", currency: "USD" }, [1, 1.5]],
  [{ roundingPriority: "morePrecision", maximumFractionDigits: 1, maximumSignificantDigits: 3 }, [1.2345, 1234.5]],
  [{ roundingPriority: "lessPrecision", maximumFractionDigits: 1, maximumSignificantDigits: 3 }, [1.2345, 1234.5]],
  [{ style: "unit", unit: "liter" }, [1, 16]],
  [{ style: "unit", unit: "liter", unitDisplay: "long" }, [1, 16]],
  [{ style: "unit", unit: "celsius" }, [20]],
  [{ style: "unit", unit: "percent" }, [20]],
  [{ style: "unit", unit: "meter-per-second", unitDisplay: "long" }, [1, 2]],
  [{ style: "unit", unit: "megabyte-per-second" }, [2]],
  [{ style: "unit", unit: "liter-per-kilometer", unitDisplay: "long" }, [2]],
  [{}, ["NaN", "Infinity", "-Infinity", "12345678901234567890n", "'1234567890.123456789'", "'0x10'", "''", "'abc'"]],
]) {
  for (const locale of ["en-US", "de-DE", "fr-FR", "es-ES", "hi-IN", "ar-EG"]) for (const value of values) number(locale, options, value);
}
for (const [value, locale] of [[1e6, "fr"], [1e6, "es"], [1e6, "it"], [1e6, "pt"]])
  number(locale, { notation: "compact", compactDisplay: "long" }, value);
for (const [start, end] of [[1, 2], [1, 1], [-1, 2], [1000, 2000]]) {
  add(`new Intl.NumberFormat("en-US").formatRange(${start}, ${end})`);
  add(`new Intl.NumberFormat("de-DE", { maximumFractionDigits: 0 }).formatRange(${start}, ${end})`);
}

// Numbering systems and extensions.
for (const tag of ["ar", "ar-u-nu-latn", "en-u-nu-arab", "th-u-ca-gregory-nu-thai", "fa-u-ca-gregory", "mr", "ne-u-nu-latn", "de-u-nu-xxxx"].filter((tag) => !tag.startsWith("ne"))) {
  number(tag, {}, 1234567.89);
  date(tag, { dateStyle: "long" });
  add(`JSON.stringify(Object.entries(new Intl.NumberFormat(${json(tag)}).resolvedOptions()).sort())`);
}
number("en", { numberingSystem: "deva" }, 123);

// Parts.
// The order of options is not the same in all versions of Node.
const sorted = (text) => (text.includes("resolvedOptions()") && !text.endsWith("hourCycle") ? `Object.entries(${text}).sort()` : text);
const parts = (text) => add(`JSON.stringify(${sorted(text)})`);
parts(`new Intl.NumberFormat("de-DE", { style: "currency", currency: "EUR" }).formatToParts(-1234567.891)`);
parts(`new Intl.NumberFormat("en-US", { notation: "compact", compactDisplay: "long" }).formatToParts(1234567)`);
parts(`new Intl.NumberFormat("en-US", { notation: "scientific" }).formatToParts(0.00012)`);
parts(`new Intl.NumberFormat("en-US", { style: "unit", unit: "kilometer-per-hour", unitDisplay: "long" }).formatToParts(50)`);
parts(`new Intl.NumberFormat("en-US", { style: "percent" }).formatToParts(0.5)`);
parts(`new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", currencyDisplay: "code" }).formatToParts(5)`);
parts(`new Intl.DateTimeFormat("en-US", { timeZone: "UTC", dateStyle: "full", timeStyle: "long" }).formatToParts(0)`);
parts(`new Intl.DateTimeFormat("de-DE", { timeZone: "UTC", hour: "numeric", minute: "numeric", fractionalSecondDigits: 2, second: "numeric" }).formatToParts(0)`);
parts(`new Intl.DateTimeFormat("en-US", { timeZone: "UTC", dateStyle: "medium" }).formatRangeToParts(0, 86400000)`);
parts(`new Intl.ListFormat("en").formatToParts(["a", "b", "c"])`);
parts(`new Intl.RelativeTimeFormat("en", { numeric: "auto" }).formatToParts(-2, "day")`);
parts(`new Intl.RelativeTimeFormat("en").formatToParts(1234, "day")`);
parts(`new Intl.DateTimeFormat("en-US", { timeZone: "Europe/Berlin" }).resolvedOptions()`);
parts(`new Intl.DateTimeFormat("de", { timeZone: "utc", hour: "numeric", minute: "2-digit", weekday: "long" }).resolvedOptions()`);
parts(`new Intl.DateTimeFormat("en-u-hc-h23", { timeZone: "asia/calcutta", timeStyle: "short" }).resolvedOptions().hourCycle`);
parts(`new Intl.NumberFormat("de", { style: "currency", currency: "eur" }).resolvedOptions()`);
parts(`new Intl.NumberFormat("de", { notation: "compact" }).resolvedOptions()`);
parts(`new Intl.PluralRules("pl").resolvedOptions()`);
parts(`new Intl.RelativeTimeFormat("de-AT").resolvedOptions()`);
parts(`new Intl.ListFormat("de-AT").resolvedOptions()`);
parts(`new Intl.Collator("de-AT").resolvedOptions()`);
parts(`new Intl.Collator("de-u-kn-true", { sensitivity: "base" }).resolvedOptions()`);

// Lists.
for (const style of ["long", "short", "narrow"])
  for (const type of ["conjunction", "disjunction", "unit"])
    for (const locale of ["en-US", "de-DE", "fr-FR", "ja-JP"]) {
      add(`new Intl.ListFormat(${json(locale)}, ${json({ style, type })}).format(["a", "b", "c", "d"])`);
      add(`new Intl.ListFormat(${json(locale)}, ${json({ style, type })}).format(["a", "b"])`);
    }
add(`new Intl.ListFormat("es").format(["Francia", "Italia"])`);
add(`new Intl.ListFormat("es").format(["agua", "hielo"])`);
add(`new Intl.ListFormat("es", { type: "disjunction" }).format(["siete", "ocho"])`);
add(`new Intl.ListFormat("he").format(["a", "b"])`);
add(`new Intl.ListFormat("en").format([])`);
add(`new Intl.ListFormat("en").format(["x"])`);

// Order.
for (const [locale, list] of [
  ["en", "résumé resume Resume Résumé a B b A ä z Z é e"],
  ["de", "Zebra Äpfel Apfel äpfel öl Ofen straße strasse"],
  ["sv", "zebra ä å ö o a z"],
  ["es", "nube ñu nz llama luz"],
  ["cs", "chata cena hrad dub č c ch h"],
  ["lt", "yla ilga zuikis"],
  ["da", "aalborg ål å a z ø æ"],
  ["tr", "ı i I İ h j"],
  ["ja", "さくら サクラ 桜 あ ア"],
  ["ru", "ёлка ель жук Ель"],
]) {
  add(`${json(list.split(" "))}.sort(new Intl.Collator(${json(locale)}).compare).join(" ")`);
  add(`${json(list.split(" "))}.sort((a, b) => a.localeCompare(b, ${json(locale)})).join(" ")`);
}
add(`["b", "a", "B", "A", "ä"].sort((a, b) => a.localeCompare(b)).join("")`);
for (const options of [{}, { sensitivity: "base" }, { sensitivity: "accent" }, { sensitivity: "case" }, { numeric: true }, { caseFirst: "upper" }, { caseFirst: "lower" }, { ignorePunctuation: true }])
  for (const [a, b] of [["a", "A"], ["a", "á"], ["a", "b"], ["2", "10"], ["a-b", "ab"], ["a", "a"], ["", "a"], ["a1", "a"]])
    add(`${json(a)}.localeCompare(${json(b)}, "en", ${json(options)})`);

// Letters.
for (const locale of ["en", "tr", "az", "lt", "el", "de"]) {
  add(`"Iıiİ ǆ ß ὀδός Άννα ì".toLocaleUpperCase(${json(locale)})`);
  add(`"IİI\\u0307 ÌÍ Σ ΟΔΟΣ".toLocaleLowerCase(${json(locale)})`);
}
add(`"istanbul".toLocaleUpperCase(["tr", "en"])`);
add(`"ISTANBUL".toLocaleLowerCase("tr-TR")`);

// Methods.
add(`(1234567.891).toLocaleString()`);
add(`(1234567.891).toLocaleString("de")`);
add(`(12345678901234567890n).toLocaleString("de")`);
add(`[1234.5, new Date(0), "x", null, [1]].toLocaleString("de", { timeZone: "UTC" })`);
add(`new Float64Array([1234.5, 2]).toLocaleString("de")`);
add(`new Date(${json(T)}).toLocaleDateString("de", { timeZone: "UTC" })`);
add(`new Date(${json(T)}).toLocaleTimeString("en-US", { timeZone: "UTC" })`);
add(`new Date(${json(T)}).toLocaleTimeString("en-US", { timeZone: "UTC", timeStyle: "short" })`);
add(`new Date(${json(T)}).toLocaleDateString("en-US", { timeZone: "UTC", hour: "numeric" })`);
add(`new Date(${json(T)}).toLocaleTimeString("en-US", { timeZone: "UTC", weekday: "long" })`);
add(`new Date(NaN).toLocaleString("de")`);
add(`new Date(${json(T)}).toLocaleDateString()`);
add(`new Date(${json(T)}).toLocaleString()`);

// Tags.
for (const tag of ["EN-us", "iw-IL", "zh-hant-tw", "de-de-u-co-phonebk-ka-shifted", "sl-rozaj-biske-1994", "en-u-foo-bar", "x-private", "i-klingon", "sh", "mo", "zh-min-nan", "cel-gaulish", "de-DD", "hy-SU", "en-t-de", "und-x-private", "sr-latn-RS"].filter((tag) => !["x-private", "i-klingon", "zh-min-nan"].includes(tag)))
  add(`Intl.getCanonicalLocales(${json(tag)})[0]`);
for (const tag of ["en", "zh", "zh-TW", "sr", "und", "ar-EG", "pt"]) {
  add(`new Intl.Locale(${json(tag)}).maximize().toString()`);
  add(`new Intl.Locale(${json(tag)}).maximize().minimize().toString()`);
}
add(`String(new Intl.Locale("en", { region: "GB", hourCycle: "h12", numberingSystem: "latn", numeric: true }))`);
add(`new Intl.Locale("de-Latn-AT-u-nu-arab").baseName`);
add(`new Intl.Locale("de-AT-u-hc-h12-kn").numeric`);
add(`[...new Intl.Segmenter("en", { granularity: "grapheme" }).segment("a👨‍👩‍👧e\\u0301🇩🇪")].map((s) => s.segment.length).join()`);
add(`[...new Intl.Segmenter("en", { granularity: "word" }).segment("Hello, world! It's 3.5.")].map((s) => s.segment + (s.isWordLike ? "+" : "-")).join("|")`);
add(`[...new Intl.Segmenter("en", { granularity: "sentence" }).segment("One. Two? Three!")].map((s) => s.segment).join("|")`);
add(`JSON.stringify(new Intl.Segmenter("en").segment("abc").containing(1))`);
add(`Object.prototype.toString.call(new Intl.NumberFormat())`);
add(`Object.prototype.toString.call(Intl)`);
add(`typeof Intl.NumberFormat().format`);
add(`Intl.DateTimeFormat("de").format.name`);
add(`String(Intl.NumberFormat.length) + Intl.NumberFormat.name`);
add(`Intl.NumberFormat.supportedLocalesOf(["de-AT", "en"]).join()`);
add(`(class extends Intl.NumberFormat { twice(x) { return this.format(2 * x); } }).prototype.constructor.name.length + new (class extends Intl.NumberFormat { twice(x) { return this.format(2 * x); } })("de").twice(1234.5)`);

const done = [];
for (const text of new Set(expressions)) {
  if (EXCEPT.some((pattern) => pattern.test(text))) continue;
  let value;
  try {
    value = String(eval(text));
  } catch (error) {
    console.error("left out:", text, error.message);
    continue;
  }
  done.push([text, value]);
}
writeFileSync(new URL("cases.json", import.meta.url), `[\n${done.map((line) => json(line)).join(",\n")}\n]\n`);
console.log(done.length);
