// Makes `locales.bin` from the JSON of Unicode's CLDR: what `cla-intl` knows of each locale.
//
//   npm pack cldr-core@48.2.0 cldr-dates-full@48.2.0 ...   (and cldr-numbers-full, cldr-misc-full, cldr-units-full, cldr-bcp47)
//   node intl/data/bake.mjs FOLDER                         (where each package lies unpacked by its name without "cldr-")
//
// The file: the length of the index as 4 bytes, the index, then one block for each language. Index and blocks are JSON,
// each compressed by deflate. A locale is written as what differs from its parent; `null` takes away.
import { readFileSync, writeFileSync, existsSync } from "node:fs";
import { deflateRawSync, constants } from "node:zlib";
import { join } from "node:path";

const LANGUAGES = (
  "af ar az be bg bn bs ca cs cy da de el en es et eu fa fi fil fr ga gl he hi hr hu hy id is it ja ka kk ko lt lv mk mr ms nl nn no pl pt " +
  "ro ru sk sl sq sr sv sw ta te th tr uk ur uz vi zh"
).split(" ");

// What ECMA-402 allows as units.
const UNITS = (
  "area-acre area-hectare digital-bit digital-byte digital-gigabit digital-gigabyte digital-kilobit digital-kilobyte digital-megabit " +
  "digital-megabyte digital-petabyte digital-terabit digital-terabyte temperature-celsius temperature-fahrenheit angle-degree " +
  "length-centimeter length-foot length-inch length-kilometer length-meter length-mile length-mile-scandinavian length-millimeter " +
  "length-yard mass-gram mass-kilogram mass-ounce mass-pound mass-stone volume-fluid-ounce volume-gallon volume-liter volume-milliliter " +
  "duration-day duration-hour duration-microsecond duration-millisecond duration-minute duration-month duration-nanosecond " +
  "duration-second duration-week duration-year concentr-percent speed-kilometer-per-hour speed-mile-per-hour speed-meter-per-second " +
  "consumption-liter-per-kilometer consumption-mile-per-gallon"
).split(" ");

const folder = process.argv[2];
const read = (...path) => JSON.parse(readFileSync(join(folder, ...path), "utf8"));
const core = (name) => read("core", "supplemental", `${name}.json`).supplemental;
const main = (kind, tag, file) => {
  const path = join(folder, `${kind}-full`, "main", tag, `${file}.json`);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).main[tag] : undefined;
};

const parents = core("parentLocales").parentLocales.parentLocale;
const parentOf = (tag) => {
  const parent = parents[tag] ?? tag.split("-").slice(0, -1).join("-");
  if (parent === "und" || parent === "") return undefined;
  return existsSync(join(folder, "dates-full", "main", parent)) ? parent : parentOf(parent);
};
const rootOf = (tag) => (parentOf(tag) === undefined ? tag : rootOf(parentOf(tag)));

const currencyData = core("currencyData").currencyData;
const tender = new Set();
for (const list of Object.values(currencyData.region))
  for (const entry of list)
    for (const [code, use] of Object.entries(entry)) if (use._to === undefined && use._tender !== "false") tender.add(code);

const digits = {};
for (const [name, system] of Object.entries(core("numberingSystems").numberingSystems))
  if (system._type === "numeric") digits[name] = system._digits;

const usable = (key) => !/-alt-|-count-/.test(key);
const pick = (object, keep) => Object.fromEntries(Object.entries(object).filter(([key, value]) => keep(key, value)));
const symbolsOf = (symbols) =>
  pick(symbols, (key) => !key.includes("-alt-") && !["list", "superscriptingExponent", "perMille", "approximatelySign", "timeSeparator"].includes(key));

const FORMAT_ONLY = { abbreviated: 1, wide: 1, narrow: 1, short: 1 };

function names(group, keys) {
  const out = {};
  for (const context of ["format", "stand-alone"]) {
    out[context] = {};
    for (const width of Object.keys(FORMAT_ONLY)) {
      const all = group[context]?.[width];
      if (all) out[context][width] = keys.map((key) => all[key]);
    }
    // A width that says the same in both contexts is written once.
  }
  for (const width of Object.keys(out["stand-alone"]))
    if (JSON.stringify(out["stand-alone"][width]) === JSON.stringify(out.format[width])) delete out["stand-alone"][width];
  return out;
}

const styles = (object) => ["full", "long", "medium", "short"].map((style) => object[style]?._value ?? object[style]);

function dates(tag) {
  const gregorian = main("dates", tag, "ca-gregorian").dates.calendars.gregorian;
  const combined = gregorian.dateTimeFormats;
  const periods = {};
  for (const context of ["format", "stand-alone"]) {
    periods[context] = {};
    for (const width of ["abbreviated", "wide", "narrow"]) periods[context][width] = pick(gregorian.dayPeriods[context][width], usable);
    if (context === "stand-alone")
      for (const width of ["abbreviated", "wide", "narrow"])
        if (JSON.stringify(periods[context][width]) === JSON.stringify(periods.format[width])) delete periods[context][width];
  }
  const noWeeks = (skeleton) => usable(skeleton) && !/[wWQ]/.test(skeleton);
  const interval = {};
  for (const [skeleton, parts] of Object.entries(combined.intervalFormats))
    if (typeof parts === "object" && noWeeks(skeleton)) interval[skeleton] = pick(parts, usable);
  return {
    months: names(gregorian.months, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    days: names(gregorian.days, ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
    periods,
    eras: [gregorian.eras.eraNames, gregorian.eras.eraAbbr, gregorian.eras.eraNarrow].map((era) => [era[0], era[1]]),
    date: styles(gregorian.dateFormats),
    time: styles(gregorian.timeFormats),
    joined_at: styles(gregorian["dateTimeFormats-atTime"].standard),
    available: pick(combined.availableFormats, noWeeks),
    append: combined.appendItems,
    interval,
    interval_fallback: combined.intervalFormats.intervalFormatFallback,
  };
}

function fields(tag) {
  const all = main("dates", tag, "dateFields").dates.fields;
  const counts = (object) => {
    const out = {};
    for (const [key, value] of Object.entries(object ?? {})) out[key.replace("relativeTimePattern-count-", "")] = value;
    return out;
  };
  const out = {};
  for (const unit of ["year", "quarter", "month", "week", "day", "hour", "minute", "second"]) {
    out[unit] = [];
    for (const width of ["", "-short", "-narrow"]) {
      const field = all[unit + width];
      const near = {};
      for (const [key, value] of Object.entries(field)) if (key.startsWith("relative-type-")) near[key.slice("relative-type-".length)] = value;
      out[unit].push({ near, future: counts(field["relativeTime-type-future"]), past: counts(field["relativeTime-type-past"]) });
    }
  }
  const titles = {};
  for (const unit of ["era", "year", "month", "weekday", "day", "dayperiod", "hour", "minute", "second", "zone"]) titles[unit] = all[unit]?.displayName;
  return { relative: out, titles };
}

function zones(tag) {
  const all = main("dates", tag, "timeZoneNames").dates.timeZoneNames;
  const own = {};
  const visit = (path, node) => {
    if (typeof node !== "object") return;
    if (node._type === "zone" || node.long || node.short || node.exemplarCity) {
      const kept = pick(node, (key) => key === "long" || key === "short");
      if (Object.keys(kept).length > 0) own[path] = kept;
      return;
    }
    for (const [key, value] of Object.entries(node)) visit(path ? `${path}/${key}` : key, value);
  };
  visit("", all.zone);
  return { hour: all.hourFormat, gmt: all.gmtFormat, zone: own, metazone: all.metazone ?? {} };
}

function numbers(tag) {
  const all = main("numbers", tag, "numbers").numbers;
  const systems = {};
  const wanted = new Set(["latn", all.defaultNumberingSystem]);
  if (digits[all.otherNumberingSystems.native]) wanted.add(all.otherNumberingSystems.native);
  for (const system of wanted) {
    const symbols = all[`symbols-numberSystem-${system}`];
    if (symbols === undefined) continue;
    const decimal = all[`decimalFormats-numberSystem-${system}`];
    const currency = all[`currencyFormats-numberSystem-${system}`];
    const short = (formats) => pick(formats ?? {}, (key) => !key.includes("-alt-"));
    systems[system] = {
      symbols: symbolsOf(symbols),
      decimal: decimal.standard,
      percent: all[`percentFormats-numberSystem-${system}`].standard,
      currency: currency.standard,
      accounting: currency.accounting,
      compact_long: short(decimal.long?.decimalFormat),
      compact_short: short(decimal.short?.decimalFormat),
      compact_currency: short(currency.short?.standard),
      named: Object.fromEntries(
        Object.entries(currency)
          .filter(([key]) => key.startsWith("unitPattern-count-"))
          .map(([key, value]) => [key.slice("unitPattern-count-".length), value]),
      ),
      spacing: [currency.currencySpacing?.beforeCurrency.insertBetween, currency.currencySpacing?.afterCurrency.insertBetween],
      misc: pick(all[`miscPatterns-numberSystem-${system}`] ?? {}, (key) => key === "range" || key === "approximately"),
    };
  }
  const currencies = {};
  for (const [code, currency] of Object.entries(main("numbers", tag, "currencies").numbers.currencies)) {
    const out = {};
    if (currency.symbol !== undefined && currency.symbol !== code) out.s = currency.symbol;
    if (currency["symbol-alt-narrow"] !== undefined) out.n = currency["symbol-alt-narrow"];
    if (tender.has(code)) {
      const usual = currency["displayName-count-other"] ?? currency.displayName;
      if (usual !== undefined) out.other = usual;
      for (const [key, value] of Object.entries(currency))
        if (key.startsWith("displayName-count-") && value !== usual) out[key.slice("displayName-count-".length)] = value;
    }
    if (Object.keys(out).length > 0) currencies[code] = out;
  }
  return { default: all.defaultNumberingSystem, native: all.otherNumberingSystems.native, grouping: Number(all.minimumGroupingDigits), systems, currencies };
}

function units(tag) {
  const all = main("units", tag, "units").units;
  const out = {};
  for (const width of ["long", "short", "narrow"]) {
    out[width] = { per: all[width].per.compoundUnitPattern };
    for (const unit of UNITS) {
      const source = all[width][unit];
      if (source === undefined) continue;
      const kept = {};
      for (const [key, value] of Object.entries(source)) {
        if (key.startsWith("unitPattern-count-")) kept[key.slice("unitPattern-count-".length)] = value;
        if (key === "perUnitPattern") kept.per = value;
      }
      out[width][unit.slice(unit.indexOf("-") + 1)] = kept;
    }
  }
  return out;
}

function lists(tag) {
  const all = main("misc", tag, "listPatterns").listPatterns;
  const out = {};
  for (const [key, value] of Object.entries(all)) {
    out[key.slice("listPattern-type-".length)] = [value.start, value.middle, value.end, value["2"]];
  }
  return out;
}

const full = (tag) => ({ dates: dates(tag), fields: fields(tag), zones: zones(tag), numbers: numbers(tag), units: units(tag), lists: lists(tag) });

function difference(parent, child) {
  const plain = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!plain(parent) || !plain(child)) return child;
  const out = {};
  for (const key of Object.keys(parent)) if (!(key in child)) out[key] = null;
  for (const [key, value] of Object.entries(child)) {
    if (JSON.stringify(parent[key]) === JSON.stringify(value)) continue;
    const inner = key in parent ? difference(parent[key], value) : value;
    if (!plain(inner) || Object.keys(inner).length > 0) out[key] = inner;
  }
  return out;
}

function world() {
  const meta = core("metaZones").metaZones;
  const zone = {};
  const visit = (path, node) => {
    if (Array.isArray(node)) {
      // [metazone, from, to], from and to in minutes since 1970.
      const minutes = (text) => (text === undefined ? null : Date.parse(`${text.replace(" ", "T")}:00Z`) / 60000);
      zone[path] = node.map(({ usesMetazone: use }) => [use._mzone, minutes(use._from), minutes(use._to)]);
      return;
    }
    for (const [key, value] of Object.entries(node)) visit(path ? `${path}/${key}` : key, value);
  };
  visit("", meta.metazoneInfo.timezone);
  // Other names of zones, to the one that CLDR uses.
  const alias = {};
  for (const entry of Object.values(read("bcp47", "bcp47", "timezone.json").keyword.u.tz)) {
    if (typeof entry !== "object" || entry._alias === undefined) continue;
    const [first, ...others] = entry._alias.split(" ");
    for (const other of others) alias[other] = first;
  }
  const hours = {};
  for (const [region, use] of Object.entries(core("timeData").timeData)) hours[region] = [use._preferred, use._allowed];
  const periods = {};
  const rules = core("dayPeriods").dayPeriodRuleSet;
  const hour = (text) => Number(text.split(":")[0]);
  for (const language of LANGUAGES.concat(["nb", "zh-Hant"])) {
    const found = rules[language] ?? rules[language.split("-")[0]];
    if (found === undefined) continue;
    periods[language] = Object.entries(found).map(([name, rule]) =>
      rule._at === undefined ? [name, hour(rule._from), hour(rule._before)] : [name, hour(rule._at)],
    );
  }
  const fractions = {};
  for (const [code, use] of Object.entries(currencyData.fractions)) fractions[code] = Number(use._digits);
  const calendars = {};
  for (const [region, list] of Object.entries(core("calendarPreferenceData").calendarPreferenceData)) {
    const first = Array.isArray(list) ? list[0] : String(list).split(" ")[0];
    if (first !== "gregorian") calendars[region] = first;
  }
  const week = core("weekData").weekData;
  const first = pick(week.firstDay, (key) => !key.includes("-alt-"));
  const weekend = { start: pick(week.weekendStart, (key) => !key.includes("-alt-")), end: pick(week.weekendEnd, (key) => !key.includes("-alt-")) };
  const minimal = pick(week.minDays, (key) => !key.includes("-alt-"));
  // Symbols that other locales use with these digits.
  const symbols = {};
  for (const [tag, system] of [["ar", "arab"], ["fa", "arabext"]])
    symbols[system] = symbolsOf(main("numbers", tag, "numbers").numbers[`symbols-numberSystem-${system}`]);
  return { zone, alias, hours, periods, fractions, symbols, currencies: [...tender].sort(), digits, calendars, first, weekend, minimal };
}

const pack = (value) => deflateRawSync(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)), { level: constants.Z_BEST_COMPRESSION, memLevel: 9 });

const all = read("core", "availableLocales.json").availableLocales.full;
const chosen = all.filter((tag) => LANGUAGES.includes(tag.split("-")[0] === "nb" ? "no" : tag.split("-")[0]) && existsSync(join(folder, "dates-full", "main", tag)));
// Norwegian has two written forms; the second is left out with the other small ones.
const kept = chosen.filter((tag) => !/Latn-IN|^hi-Latn|-Dsrt|-Shaw|^(uz|kk|ms|sw)-(Arab|Cyrl)|^bn-IN$/.test(tag) || tag === "bn-IN");

const groups = new Map();
for (const tag of kept) {
  const group = rootOf(tag);
  if (!groups.has(group)) groups.set(group, []);
  groups.get(group).push(tag);
}

const blocks = [];
let offset = 0;
const index = { cldr: read("core", "package.json").version, locales: {}, blocks: {}, defaults: [] };
const add = (name, value) => {
  const bytes = pack(value);
  index.blocks[name] = [offset, bytes.length];
  offset += bytes.length;
  blocks.push(bytes);
};
const cache = new Map();
const resolved = (tag) => {
  if (!cache.has(tag)) cache.set(tag, full(tag));
  return cache.get(tag);
};
const sizes = [];
for (const [group, tags] of groups) {
  const block = {};
  for (const tag of tags) {
    const parent = parentOf(tag);
    block[tag] = parent === undefined ? resolved(tag) : difference(resolved(parent), resolved(tag));
    index.locales[tag] = parent ?? null;
  }
  add(group, block);
  sizes.push([group, tags.length, JSON.stringify(block).length, blocks.at(-1).length]);
  for (const tag of tags) cache.delete(tag);
}
add("world", world());
index.defaults = read("core", "defaultContent.json").defaultContent.filter((tag) => index.locales[tag] === undefined && Object.keys(index.locales).some((known) => tag.startsWith(`${known}-`)));

const head = pack(index);
const length = Buffer.alloc(4);
length.writeUInt32LE(head.length);
const file = Buffer.concat([length, head, ...blocks]);
writeFileSync(new URL("locales.bin", import.meta.url), file);
for (const line of sizes) console.log(...line);
console.log("world", index.blocks.world[1], "index", head.length, "locales", kept.length, "all", file.length);
