// The smaller classes of `Intl`. `native` has what is done in Rust, `shared` what they have in common with those of `intl.js`.
(native, shared) => {
  "use strict";
  const { hidden, tag, iterator, available, extension } = native;
  const { isObject, shown, reader, resolve, tags, stateOf, finish, only, partsOf, digitOptions, addDigits, addRounding, quantity } = shared;

  // ---- Collator ----

  const collatorState = (who, locales, given) => {
    const options = reader(who, given);
    const usage = options.text("usage", ["sort", "search"], "sort");
    options.matcher();
    const collation = options.type("collation");
    const numeric = options.flag("numeric", undefined);
    const caseFirst = options.text("caseFirst", ["upper", "lower", "false"], undefined);
    const values = { __proto__: null, co: collation, kn: numeric === undefined ? undefined : numeric ? "" : "false", kf: caseFirst };
    const found = resolve(who, locales, ["co", "kf", "kn"], values);
    const sensitivity = options.text("sensitivity", ["base", "accent", "case", "variant"], "variant");
    const ignorePunctuation = options.flag("ignorePunctuation", extension(found.known, "language") === "th");
    const isNumeric = values.kn !== undefined && values.kn !== "false";
    const first = values.kf ?? "false";
    if (usage === "search") throw new RangeError(`${who}: the usage "search" is not in this build; "sort" is`);
    const order = native.collator(who, found.wanted, { __proto__: null, sensitivity, ignorePunctuation, numeric: isNumeric, caseFirst: first, collation });
    const resolved = { locale: found.locale, usage, sensitivity, ignorePunctuation, collation: "default", numeric: isNumeric, caseFirst: first };
    return { __proto__: null, order, resolved };
  };
  const collators = stateOf("Intl.Collator");
  function Collator(locales = undefined, options = undefined) {
    if (new.target === undefined) return new Collator(locales, options);
    collators.set(this, collatorState("Intl.Collator", locales, options));
  }
  finish(
    Collator,
    class {
      get compare() {
        const state = collators.get(this, "compare");
        const { order } = state;
        state.compare ??= (first, second) => order(`${first}`, `${second}`);
        return state.compare;
      }
      resolvedOptions() {
        return { ...collators.get(this, "resolvedOptions").resolved };
      }
    },
    "Collator",
  );

  // ---- PluralRules ----

  const rules = stateOf("Intl.PluralRules");
  function PluralRules(locales = undefined, options = undefined) {
    if (new.target === undefined) only("PluralRules");
    const who = "Intl.PluralRules";
    const read = reader(who, options);
    read.matcher();
    const found = resolve(who, locales, [], { __proto__: null });
    const type = read.text("type", ["cardinal", "ordinal"], "cardinal");
    const digits = digitOptions(who, read, 0, 3, false);
    const { select, categories } = native.plural(who, found.wanted, type, { ...digits, __proto__: null });
    const resolved = { locale: found.locale, type };
    addDigits(resolved, digits);
    resolved.pluralCategories = categories;
    addRounding(resolved, digits);
    rules.set(this, { __proto__: null, select, resolved });
  }
  finish(
    PluralRules,
    class {
      select(value) {
        return rules.get(this, "select").select(quantity(value));
      }
      resolvedOptions() {
        const { resolved } = rules.get(this, "resolvedOptions");
        const copy = { ...resolved };
        copy.pluralCategories = [];
        for (let i = 0; i < resolved.pluralCategories.length; i++) copy.pluralCategories[i] = resolved.pluralCategories[i];
        return copy;
      }
    },
    "PluralRules",
  );

  // ---- RelativeTimeFormat ----

  const spans = stateOf("Intl.RelativeTimeFormat");
  function RelativeTimeFormat(locales = undefined, options = undefined) {
    if (new.target === undefined) only("RelativeTimeFormat");
    const who = "Intl.RelativeTimeFormat";
    const read = reader(who, options);
    read.matcher();
    const values = { __proto__: null, nu: read.type("numberingSystem") };
    const found = resolve(who, locales, ["nu"], values);
    const style = read.text("style", ["long", "short", "narrow"], "long");
    const numeric = read.text("numeric", ["always", "auto"], "always");
    const { write, numberingSystem } = native.relative(who, found.wanted, style, numeric === "auto", values.nu);
    spans.set(this, { __proto__: null, write, resolved: { locale: found.locale, style, numeric, numberingSystem } });
  }
  const UNITS = ["second", "minute", "hour", "day", "week", "month", "quarter", "year"];
  const span = (member, value, unit) => {
    const number = +value;
    let name = `${unit}`;
    for (let i = 0; i < UNITS.length; i++) if (name === `${UNITS[i]}s`) name = UNITS[i];
    if (!shared.has(UNITS, name)) {
      throw new RangeError(`Intl.RelativeTimeFormat.${member}: the unit must be "second", "minute", "hour", "day", "week", "month", "quarter" or "year", and is ${shown(name)}`);
    }
    if (number - number !== 0) throw new RangeError(`Intl.RelativeTimeFormat.${member}: the value must be a finite number, and is ${shown(value)}`);
    return { __proto__: null, number, name };
  };
  finish(
    RelativeTimeFormat,
    class {
      format(value, unit) {
        const { write } = spans.get(this, "format");
        const { number, name } = span("format", value, unit);
        return write(0, number, name);
      }
      formatToParts(value, unit) {
        const { write } = spans.get(this, "formatToParts");
        const { number, name } = span("formatToParts", value, unit);
        return partsOf(write(1, number, name), "unit");
      }
      resolvedOptions() {
        return { ...spans.get(this, "resolvedOptions").resolved };
      }
    },
    "RelativeTimeFormat",
  );

  // ---- ListFormat ----

  const lists = stateOf("Intl.ListFormat");
  function ListFormat(locales = undefined, options = undefined) {
    if (new.target === undefined) only("ListFormat");
    const who = "Intl.ListFormat";
    const read = reader(who, options);
    read.matcher();
    const found = resolve(who, locales, [], { __proto__: null });
    const type = read.text("type", ["conjunction", "disjunction", "unit"], "conjunction");
    const style = read.text("style", ["long", "short", "narrow"], "long");
    const write = native.list(who, found.wanted, type, style);
    lists.set(this, { __proto__: null, write, resolved: { locale: found.locale, type, style } });
  }
  const strings = (member, given) => {
    const list = [];
    if (given === undefined) return list;
    for (const value of given) {
      if (typeof value !== "string") throw new TypeError(`Intl.ListFormat.${member}: each element must be a string, and one is ${shown(value)}`);
      list[list.length] = value;
    }
    return list;
  };
  finish(
    ListFormat,
    class {
      format(list) {
        return lists.get(this, "format").write(0, strings("format", list));
      }
      formatToParts(list) {
        return partsOf(lists.get(this, "formatToParts").write(1, strings("formatToParts", list)));
      }
      resolvedOptions() {
        return { ...lists.get(this, "resolvedOptions").resolved };
      }
    },
    "ListFormat",
  );

  // ---- Segmenter ----

  const segmenters = stateOf("Intl.Segmenter");
  function Segmenter(locales = undefined, options = undefined) {
    if (new.target === undefined) only("Segmenter");
    const who = "Intl.Segmenter";
    const read = reader(who, options);
    read.matcher();
    const found = resolve(who, locales, [], { __proto__: null });
    const granularity = read.text("granularity", ["grapheme", "word", "sentence"], "grapheme");
    segmenters.set(this, { __proto__: null, granularity, resolved: { locale: found.locale, granularity } });
  }
  const texts = stateOf("Segments");
  // `ends` has where each segment ends, negative if it is a word.
  const segment = (state, at) => {
    const end = state.ends[at] < 0 ? -state.ends[at] : state.ends[at];
    const start = at === 0 ? 0 : state.ends[at - 1] < 0 ? -state.ends[at - 1] : state.ends[at - 1];
    let text = "";
    for (let i = start; i < end; i++) text += state.input[i];
    const made = { segment: text, index: start, input: state.input };
    if (state.granularity === "word") made.isWordLike = state.ends[at] < 0;
    return made;
  };
  class Segments {
    containing(index = 0) {
      const state = texts.get(this, "containing");
      let place = +index;
      place = place !== place ? 0 : place - (place % 1);
      if (place < 0 || place >= state.input.length) return undefined;
      let low = 0;
      let high = state.ends.length - 1;
      while (low < high) {
        const middle = (low + high - ((low + high) % 2)) / 2;
        const end = state.ends[middle] < 0 ? -state.ends[middle] : state.ends[middle];
        if (end > place) high = middle;
        else low = middle + 1;
      }
      return segment(state, low);
    }
    *[iterator]() {
      const state = texts.get(this, "[Symbol.iterator]");
      for (let i = 0; i < state.ends.length; i++) yield segment(state, i);
    }
  }
  finish(
    Segmenter,
    class {
      segment(text) {
        const { granularity } = segmenters.get(this, "segment");
        const input = `${text}`;
        const made = { __proto__: Segments.prototype };
        texts.set(made, { __proto__: null, input, granularity, ends: native.segments(input, granularity) });
        return made;
      }
      resolvedOptions() {
        return { ...segmenters.get(this, "resolvedOptions").resolved };
      }
    },
    "Segmenter",
  );

  // ---- Locale ----

  const locales = stateOf("Intl.Locale");
  shared.setTagOf((value) => (locales.has(value) ? locales.get(value, "toString").tag : undefined));
  const OPTIONS = { __proto__: null, calendar: "ca", collation: "co", hourCycle: "hc", caseFirst: "kf", numeric: "kn", numberingSystem: "nu" };
  function Locale(given, options = undefined) {
    const who = "Intl.Locale";
    if (new.target === undefined) only("Locale");
    if (typeof given !== "string" && !isObject(given)) throw new TypeError(`${who}: the tag must be a string such as "de-AT", and is ${shown(given)}`);
    let made = locales.has(given) ? locales.get(given, "toString").tag : native.canonical(who, `${given}`);
    const read = reader(who, options);
    made = native.withSubtags(who, made, read.text("language", undefined, undefined), read.text("script", undefined, undefined), read.text("region", undefined, undefined));
    for (const name in OPTIONS) {
      let value;
      if (name === "numeric") {
        value = read.flag(name, undefined);
        if (value !== undefined) value = value ? "true" : "false";
      } else if (name === "hourCycle") value = read.text(name, ["h11", "h12", "h23", "h24"], undefined);
      else if (name === "caseFirst") value = read.text(name, ["upper", "lower", "false"], undefined);
      else value = read.type(name);
      if (value !== undefined) made = native.withKeyword(who, made, OPTIONS[name], value);
    }
    locales.set(this, { __proto__: null, tag: made });
  }
  const tagOf = (locale, member) => locales.get(locale, member).tag;
  const keyword = (locale, member, key) => extension(tagOf(locale, member), key) ?? undefined;
  Locale.prototype = (class {
    get baseName() {
      return extension(tagOf(this, "baseName"), "");
    }
    get calendar() {
      return keyword(this, "calendar", "ca");
    }
    get caseFirst() {
      return keyword(this, "caseFirst", "kf");
    }
    get collation() {
      return keyword(this, "collation", "co");
    }
    get hourCycle() {
      return keyword(this, "hourCycle", "hc");
    }
    get language() {
      return extension(tagOf(this, "language"), "language");
    }
    get numberingSystem() {
      return keyword(this, "numberingSystem", "nu");
    }
    get numeric() {
      const value = keyword(this, "numeric", "kn");
      return value === "" || value === "true";
    }
    get region() {
      return keyword(this, "region", "region");
    }
    get script() {
      return keyword(this, "script", "script");
    }
    maximize() {
      return new Locale(native.maximized(tagOf(this, "maximize")));
    }
    minimize() {
      return new Locale(native.minimized(tagOf(this, "minimize")));
    }
    getCalendars() {
      return [keyword(this, "getCalendars", "ca") ?? native.calendar(tagOf(this, "getCalendars"))];
    }
    getHourCycles() {
      return [keyword(this, "getHourCycles", "hc") ?? native.hourCycle(tagOf(this, "getHourCycles"))];
    }
    getNumberingSystems() {
      return [keyword(this, "getNumberingSystems", "nu") ?? native.numbering("Intl.Locale.getNumberingSystems", tagOf(this, "getNumberingSystems"))];
    }
    getTextInfo() {
      return { direction: native.direction(tagOf(this, "getTextInfo")) };
    }
    getWeekInfo() {
      const { first, minimal, start, end } = native.week(tagOf(this, "getWeekInfo"));
      const weekend = [];
      for (let day = start; ; day = (day % 7) + 1) {
        weekend[weekend.length] = day;
        if (day === end || weekend.length === 7) break;
      }
      return { firstDay: first, weekend, minimalDays: minimal };
    }
    toString() {
      return tagOf(this, "toString");
    }
  }).prototype;
  hidden(Locale.prototype, "constructor", Locale);
  tag(Locale, "Intl.Locale");

  return { Collator, PluralRules, RelativeTimeFormat, ListFormat, Segmenter, Locale, collatorState };
};
