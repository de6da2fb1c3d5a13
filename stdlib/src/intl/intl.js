// `Intl`, with the shapes and the order of questions of ECMA-402. `native` has what is done in Rust, by the crate `cla-intl`.
//
// No method of a built-in class is called, since a rule may have overwritten it.
(native) => {
  "use strict";
  const { hidden, tag, canonical, available, extension, number, dates } = native;

  const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";
  const has = (list, value) => {
    for (let i = 0; i < list.length; i++) if (list[i] === value) return true;
    return false;
  };
  const words = (list) => {
    let text = "";
    for (let i = 0; i < list.length; i++) text += `${i === 0 ? "" : i === list.length - 1 ? " or " : ", "}"${list[i]}"`;
    return text;
  };
  const shown = (value) => native.shown(value);

  // ---- options ----

  // What a class reads its options with. `who` is its name, for messages.
  const reader = (who, given) => {
    if (given === null) throw new TypeError(`${who}: the options must be an object, and are null`);
    const options = given === undefined ? { __proto__: null } : given;
    return {
      __proto__: null,
      raw: (name) => options[name],
      text(name, values, usual) {
        const value = options[name];
        if (value === undefined) return usual;
        const text = `${value}`;
        if (values !== undefined && !has(values, text)) {
          throw new RangeError(`${who}: the option ${name} must be ${words(values)}, and is ${shown(text)}`);
        }
        return text;
      },
      flag(name, usual) {
        const value = options[name];
        return value === undefined ? usual : !!value;
      },
      whole(name, least, most, usual) {
        return whole(who, name, options[name], least, most, usual);
      },
      // A name that may stand in an extension of a tag, such as that of a numbering system.
      type(name) {
        const value = options[name];
        if (value === undefined) return undefined;
        const text = native.lower(`${value}`);
        if (!native.isType(text)) throw new RangeError(`${who}: the option ${name} is ${shown(text)}, which cannot be the name of one`);
        return text;
      },
      matcher() {
        this.text("localeMatcher", ["lookup", "best fit"], "best fit");
      },
    };
  };
  const whole = (who, name, value, least, most, usual) => {
    if (value === undefined) return usual;
    const n = +value;
    if (!(n >= least && n <= most)) {
      throw new RangeError(`${who}: the option ${name} must be a number from ${least} to ${most}, and is ${shown(value)}`);
    }
    return n - (n % 1);
  };

  // ---- locales ----

  let tagOf;
  const tags = (who, locales) => {
    const list = [];
    if (locales === undefined) return list;
    const add = (value) => {
      if (typeof value !== "string" && !isObject(value)) {
        throw new TypeError(`${who}: a locale must be a string such as "de" or an Intl.Locale, and is ${shown(value)}`);
      }
      const found = tagOf(value) ?? canonical(who, `${value}`);
      if (!has(list, found)) list[list.length] = found;
    };
    if (typeof locales === "string" || tagOf(locales) !== undefined) {
      add(locales);
      return list;
    }
    if (locales === null) throw new TypeError(`${who}: the locales must be a string or an array of strings, and are null`);
    const length = +locales.length;
    for (let i = 0; i < length; i++) {
      if (i in locales) add(locales[i]);
    }
    return list;
  };

  // The first of the locales that is known, with those of its extensions that matter here.
  const resolve = (who, locales, keys, values) => {
    const list = tags(who, locales);
    let wanted = native.usual;
    let known = available(wanted);
    for (let i = 0; i < list.length; i++) {
      const found = extension(list[i], "") === "und" ? native.usual : available(list[i]);
      if (found !== null) {
        wanted = extension(list[i], "") === "und" ? native.usual : list[i];
        known = found;
        break;
      }
      if (i === list.length - 1) {
        throw new RangeError(`${who}: the locale ${shown(list[0])} is not in this build; Intl.supportedValuesOf("locale") has those that are`);
      }
    }
    let locale = known;
    let parts = "";
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const written = extension(wanted, key);
      if (written === undefined || written === null) continue;
      const value = written === "true" ? "" : written;
      const option = values[key];
      if (!native.isKnown(key, value, known)) continue;
      if (option !== undefined && option !== value && native.isKnown(key, option, known)) continue;
      values[key] = value;
      parts += value === "" ? `-${key}` : `-${key}-${value}`;
    }
    if (parts !== "") locale += `-u${parts}`;
    return { __proto__: null, wanted, known, locale };
  };

  // ---- classes ----

  // Makes a class that, unlike those of the language, may also be called without `new`. Its objects carry their state in a private
  // field, and its methods are those of `Methods`.
  const stateOf = (() => {
    class Carrier {
      constructor(object) {
        return object;
      }
    }
    return (name) => {
      let get, is;
      class Stamp extends Carrier {
        #state;
        constructor(object, state) {
          super(object);
          this.#state = state;
        }
        static {
          is = (object) => isObject(object) && #state in object;
          get = (object, member) => {
            if (is(object)) return object.#state;
            throw new TypeError(`${name}.prototype.${member} was called on ${shown(object)}, which is no ${name}`);
          };
        }
      }
      return { get, set: (object, state) => new Stamp(object, state), has: (object) => is(object) };
    };
  })();

  const finish = (Class, Methods, name) => {
    Class.prototype = Methods.prototype;
    hidden(Methods.prototype, "constructor", Class);
    tag(Class, `Intl.${name}`);
    hidden(Class, "supportedLocalesOf", function supportedLocalesOf(locales, options) {
      const who = `Intl.${name}.supportedLocalesOf`;
      const list = tags(who, locales);
      reader(who, options).matcher();
      const found = [];
      for (let i = 0; i < list.length; i++) if (available(list[i]) !== null) found[found.length] = list[i];
      return found;
    });
    return Class;
  };
  const only = (name) => {
    throw new TypeError(`Intl.${name} is a class: write new Intl.${name}()`);
  };

  const partsOf = (flat, extra) => {
    const parts = [];
    const step = extra === undefined ? 2 : 3;
    for (let i = 0; i < flat.length; i += step) {
      const part = { type: flat[i], value: flat[i + 1] };
      if (step === 3 && flat[i + 2] !== "") part[extra] = flat[i + 2];
      parts[parts.length] = part;
    }
    return parts;
  };

  // ---- numbers ----

  const INCREMENTS = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000];
  const digitOptions = (who, options, leastUsual, mostUsual, isCompact) => {
    const state = { __proto__: null };
    state.minimumIntegerDigits = options.whole("minimumIntegerDigits", 1, 21, 1);
    let leastFraction = options.raw("minimumFractionDigits");
    let mostFraction = options.raw("maximumFractionDigits");
    const leastSignificant = options.raw("minimumSignificantDigits");
    const mostSignificant = options.raw("maximumSignificantDigits");
    const increment = options.whole("roundingIncrement", 1, 5000, 1);
    if (!has(INCREMENTS, increment)) {
      throw new RangeError(`${who}: the option roundingIncrement must be 1, 2, 5, 10, 20, 25, 50 or these times 10 or 100, 250, 2500, 1000, 2000 or 5000, and is ${increment}`);
    }
    state.roundingMode = options.text(
      "roundingMode",
      ["ceil", "floor", "expand", "trunc", "halfCeil", "halfFloor", "halfExpand", "halfTrunc", "halfEven"],
      "halfExpand",
    );
    const priority = options.text("roundingPriority", ["auto", "morePrecision", "lessPrecision"], "auto");
    state.trailingZeroDisplay = options.text("trailingZeroDisplay", ["auto", "stripIfInteger"], "auto");
    state.roundingIncrement = increment;
    if (increment !== 1) mostUsual = leastUsual;
    const hasSignificant = leastSignificant !== undefined || mostSignificant !== undefined;
    const hasFraction = leastFraction !== undefined || mostFraction !== undefined;
    let needsSignificant = true;
    let needsFraction = true;
    if (priority === "auto") {
      needsSignificant = hasSignificant;
      if (needsSignificant || (!hasFraction && isCompact)) needsFraction = false;
    }
    if (needsSignificant) {
      state.minimumSignificantDigits = whole(who, "minimumSignificantDigits", leastSignificant, 1, 21, 1);
      state.maximumSignificantDigits = whole(who, "maximumSignificantDigits", mostSignificant, state.minimumSignificantDigits, 21, 21);
    }
    if (needsFraction) {
      leastFraction = whole(who, "minimumFractionDigits", leastFraction, 0, 100, undefined);
      mostFraction = whole(who, "maximumFractionDigits", mostFraction, 0, 100, undefined);
      if (leastFraction === undefined && mostFraction === undefined) {
        leastFraction = leastUsual;
        mostFraction = mostUsual;
      } else if (leastFraction === undefined) leastFraction = leastUsual < mostFraction ? leastUsual : mostFraction;
      else if (mostFraction === undefined) mostFraction = mostUsual > leastFraction ? mostUsual : leastFraction;
      else if (leastFraction > mostFraction) {
        throw new RangeError(`${who}: the option minimumFractionDigits is ${leastFraction}, more than maximumFractionDigits, which is ${mostFraction}`);
      }
      state.minimumFractionDigits = leastFraction;
      state.maximumFractionDigits = mostFraction;
    }
    state.roundingPriority = priority;
    if (!needsSignificant && !needsFraction) {
      state.minimumFractionDigits = state.maximumFractionDigits = 0;
      state.minimumSignificantDigits = 1;
      state.maximumSignificantDigits = 2;
      state.roundingPriority = "morePrecision";
    }
    if (increment !== 1) {
      if (state.roundingPriority !== "auto" || needsSignificant) throw new TypeError(`${who}: the option roundingIncrement goes with digits of the fraction only`);
      if (state.minimumFractionDigits !== state.maximumFractionDigits) {
        throw new RangeError(`${who}: the option roundingIncrement wants as many minimumFractionDigits as maximumFractionDigits`);
      }
    }
    return state;
  };

  const numberState = (who, locales, given) => {
    const options = reader(who, given);
    options.matcher();
    const values = { __proto__: null, nu: options.type("numberingSystem") };
    const found = resolve(who, locales, ["nu"], values);
    const style = options.text("style", ["decimal", "percent", "currency", "unit"], "decimal");
    const currency = options.raw("currency") === undefined ? undefined : native.upper(`${options.raw("currency")}`);
    if (currency !== undefined && !native.isCurrency(currency)) {
      throw new RangeError(`${who}: the option currency must be a code of three letters such as "EUR", and is ${shown(currency)}`);
    }
    if (style === "currency" && currency === undefined) throw new TypeError(`${who}: the style "currency" wants the option currency, such as "EUR"`);
    const currencyDisplay = options.text("currencyDisplay", ["code", "symbol", "narrowSymbol", "name"], "symbol");
    const currencySign = options.text("currencySign", ["standard", "accounting"], "standard");
    const unit = options.text("unit", undefined, undefined);
    if (unit !== undefined && !native.isUnit(unit)) throw new RangeError(`${who}: the option unit is ${shown(unit)}, which is not one that ECMA-402 has`);
    if (style === "unit" && unit === undefined) throw new TypeError(`${who}: the style "unit" wants the option unit, such as "kilometer"`);
    const unitDisplay = options.text("unitDisplay", ["short", "narrow", "long"], "short");
    const notation = options.text("notation", ["standard", "scientific", "engineering", "compact"], "standard");
    const places = style === "currency" && notation === "standard" ? native.currencyDigits(currency) : undefined;
    const digits = digitOptions(who, options, places ?? 0, places ?? (style === "percent" ? 0 : 3), notation === "compact");
    const compactDisplay = options.text("compactDisplay", ["short", "long"], "short");
    let useGrouping = options.raw("useGrouping");
    const usual = notation === "compact" ? "min2" : "auto";
    if (useGrouping === undefined) useGrouping = usual;
    else if (useGrouping === true) useGrouping = "always";
    else if (!useGrouping) useGrouping = false;
    else {
      useGrouping = options.text("useGrouping", ["min2", "auto", "always", "true", "false"], usual);
      if (useGrouping === "true" || useGrouping === "false") useGrouping = usual;
    }
    const signDisplay = options.text("signDisplay", ["auto", "never", "always", "exceptZero", "negative"], "auto");
    const wanted = {
      __proto__: null, style, currency, currencyDisplay, currencySign, unit, unitDisplay, notation, compactDisplay, signDisplay,
      grouping: useGrouping === false ? "never" : useGrouping, nu: values.nu, ...digits,
    };
    const { write, numberingSystem } = number(who, found.wanted, wanted);
    const resolved = { locale: found.locale, numberingSystem, style };
    if (style === "currency") {
      resolved.currency = currency;
      resolved.currencyDisplay = currencyDisplay;
      resolved.currencySign = currencySign;
    }
    if (style === "unit") {
      resolved.unit = unit;
      resolved.unitDisplay = unitDisplay;
    }
    addDigits(resolved, digits);
    resolved.useGrouping = useGrouping;
    resolved.notation = notation;
    if (notation === "compact") resolved.compactDisplay = compactDisplay;
    resolved.signDisplay = signDisplay;
    addRounding(resolved, digits);
    return { __proto__: null, write, resolved };
  };
  const addDigits = (resolved, digits) => {
    resolved.minimumIntegerDigits = digits.minimumIntegerDigits;
    for (let i = 0; i < 4; i++) {
      const name = i === 0 ? "minimumFractionDigits" : i === 1 ? "maximumFractionDigits" : i === 2 ? "minimumSignificantDigits" : "maximumSignificantDigits";
      if (digits[name] !== undefined) resolved[name] = digits[name];
    }
  };
  const addRounding = (resolved, digits) => {
    resolved.roundingIncrement = digits.roundingIncrement;
    resolved.roundingMode = digits.roundingMode;
    resolved.roundingPriority = digits.roundingPriority;
    resolved.trailingZeroDisplay = digits.trailingZeroDisplay;
  };

  // A number, or the digits of one that is too large or too exact for a number.
  const quantity = (value) => {
    if (isObject(value)) return +value;
    if (typeof value === "bigint") return `${value}`;
    if (typeof value === "string") return native.digits(value) ?? +value;
    return +value;
  };
  const range = (who, start, end) => {
    if (start === undefined || end === undefined) throw new TypeError(`${who}: a range wants a start and an end`);
    const both = { __proto__: null, start: quantity(start), end: quantity(end) };
    if (both.start !== both.start || both.end !== both.end) throw new RangeError(`${who}: a range cannot start or end with NaN`);
    return both;
  };

  const numbers = stateOf("Intl.NumberFormat");
  function NumberFormat(locales = undefined, options = undefined) {
    if (new.target === undefined) return new NumberFormat(locales, options);
    numbers.set(this, numberState("Intl.NumberFormat", locales, options));
  }
  finish(
    NumberFormat,
    class {
      get format() {
        const state = numbers.get(this, "format");
        const { write } = state;
        state.format ??= (value) => write(0, quantity(value));
        return state.format;
      }
      formatToParts(value = undefined) {
        return partsOf(numbers.get(this, "formatToParts").write(1, quantity(value)));
      }
      formatRange(start, end) {
        const { write } = numbers.get(this, "formatRange");
        const both = range("Intl.NumberFormat.formatRange", start, end);
        return write(2, both.start, both.end);
      }
      formatRangeToParts(start, end) {
        const { write } = numbers.get(this, "formatRangeToParts");
        const both = range("Intl.NumberFormat.formatRangeToParts", start, end);
        return partsOf(write(3, both.start, both.end), "source");
      }
      resolvedOptions() {
        return { ...numbers.get(this, "resolvedOptions").resolved };
      }
    },
    "NumberFormat",
  );

  // ---- dates ----

  const FIELDS = {
    __proto__: null,
    weekday: ["narrow", "short", "long"],
    era: ["narrow", "short", "long"],
    year: ["2-digit", "numeric"],
    month: ["2-digit", "numeric", "narrow", "short", "long"],
    day: ["2-digit", "numeric"],
    dayPeriod: ["narrow", "short", "long"],
    hour: ["2-digit", "numeric"],
    minute: ["2-digit", "numeric"],
    second: ["2-digit", "numeric"],
    fractionalSecondDigits: undefined,
    timeZoneName: ["short", "long", "shortOffset", "longOffset", "shortGeneric", "longGeneric"],
  };
  const STYLES = ["full", "long", "medium", "short"];

  // `required` and `defaults` say which fields there are if none is asked for: those of a "date", of a "time", or of both.
  const dateState = (who, locales, given, required, defaults) => {
    const options = reader(who, given);
    options.matcher();
    const values = { __proto__: null, ca: options.type("calendar"), nu: options.type("numberingSystem") };
    const hour12 = options.flag("hour12", undefined);
    const hourCycle = options.text("hourCycle", ["h11", "h12", "h23", "h24"], undefined);
    values.hc = hour12 === undefined ? hourCycle : undefined;
    const askedCalendar = values.ca;
    const found = resolve(who, locales, hour12 === undefined ? ["ca", "hc", "nu"] : ["ca", "nu"], values);
    const zoneName = options.raw("timeZone");
    const zone = native.zone(who, zoneName === undefined ? undefined : `${zoneName}`);
    const wanted = { __proto__: null, nu: values.nu, ca: askedCalendar, zone };
    let hasField = false;
    let needsDefaults = true;
    for (const name in FIELDS) {
      const value =
        name === "fractionalSecondDigits" ? options.whole(name, 1, 3, undefined) : options.text(name, FIELDS[name], undefined);
      if (value === undefined) continue;
      wanted[name] = value;
      hasField = name;
      const isDate = name === "weekday" || name === "year" || name === "month" || name === "day";
      const isTime = name === "dayPeriod" || name === "hour" || name === "minute" || name === "second" || name === "fractionalSecondDigits";
      if ((isDate && required !== "time") || (isTime && required !== "date")) needsDefaults = false;
    }
    options.text("formatMatcher", ["basic", "best fit"], "best fit");
    const dateStyle = options.text("dateStyle", STYLES, undefined);
    const timeStyle = options.text("timeStyle", STYLES, undefined);
    if (dateStyle !== undefined || timeStyle !== undefined) {
      const style = dateStyle === undefined ? "timeStyle" : "dateStyle";
      if (hasField !== false) throw new TypeError(`${who}: the options ${hasField} and ${style} do not go together`);
      if (required === "date" && timeStyle !== undefined) throw new TypeError(`${who}: the option timeStyle is about the time; there is toLocaleString`);
      if (required === "time" && dateStyle !== undefined) throw new TypeError(`${who}: the option dateStyle is about the date; there is toLocaleString`);
      wanted.dateStyle = dateStyle;
      wanted.timeStyle = timeStyle;
    } else if (needsDefaults) {
      if (defaults !== "time") wanted.year = wanted.month = wanted.day = "numeric";
      if (defaults !== "date") wanted.hour = wanted.minute = wanted.second = "numeric";
    }
    if (hour12 !== undefined) wanted.hourCycle = native.hourCycle(found.wanted, hour12);
    else if (values.hc !== undefined) wanted.hourCycle = values.hc;
    else if (wanted.hour !== undefined) wanted.hourCycle = native.hourCycle(found.wanted);
    const { write, numberingSystem, fields, cycle } = dates(who, found.wanted, wanted);
    const resolved = { locale: found.locale, calendar: "gregory", numberingSystem, timeZone: zone };
    if (cycle !== "") {
      resolved.hourCycle = cycle;
      resolved.hour12 = cycle === "h11" || cycle === "h12";
    }
    if (dateStyle === undefined && timeStyle === undefined) {
      for (const name in FIELDS) {
        for (let i = 0; i < fields.length; i += 2) {
          if (fields[i] === name) resolved[name] = name === "fractionalSecondDigits" ? +fields[i + 1] : fields[i + 1];
        }
      }
    }
    if (dateStyle !== undefined) resolved.dateStyle = dateStyle;
    if (timeStyle !== undefined) resolved.timeStyle = timeStyle;
    return { __proto__: null, write, resolved };
  };

  const moment = (who, value) => {
    const time = value === undefined ? native.now() : +value;
    if (!(time >= -8.64e15 && time <= 8.64e15)) throw new RangeError(`${who}: ${shown(value)} is no date that there is`);
    return time - (time % 1);
  };
  const period = (who, start, end) => {
    if (start === undefined || end === undefined) throw new TypeError(`${who}: a range wants a start and an end`);
    return { __proto__: null, start: moment(who, start), end: moment(who, end) };
  };

  const times = stateOf("Intl.DateTimeFormat");
  function DateTimeFormat(locales = undefined, options = undefined) {
    if (new.target === undefined) return new DateTimeFormat(locales, options);
    times.set(this, dateState("Intl.DateTimeFormat", locales, options, "any", "date"));
  }
  finish(
    DateTimeFormat,
    class {
      get format() {
        const state = times.get(this, "format");
        const { write } = state;
        state.format ??= (date) => write(0, moment("Intl.DateTimeFormat.format", date));
        return state.format;
      }
      formatToParts(date = undefined) {
        return partsOf(times.get(this, "formatToParts").write(1, moment("Intl.DateTimeFormat.formatToParts", date)));
      }
      formatRange(start, end) {
        const { write } = times.get(this, "formatRange");
        const both = period("Intl.DateTimeFormat.formatRange", start, end);
        return write(2, both.start, both.end);
      }
      formatRangeToParts(start, end) {
        const { write } = times.get(this, "formatRangeToParts");
        const both = period("Intl.DateTimeFormat.formatRangeToParts", start, end);
        return partsOf(write(3, both.start, both.end), "source");
      }
      resolvedOptions() {
        return { ...times.get(this, "resolvedOptions").resolved };
      }
    },
    "DateTimeFormat",
  );

  // ---- the other classes, and what they share ----

  const shared = {
    __proto__: null, isObject, has, shown, reader, resolve, tags, stateOf, finish, only, partsOf, digitOptions, addDigits, addRounding,
    quantity, range, setTagOf: (of) => (tagOf = of),
  };
  const others = native.others()(native, shared);
  const { Collator, PluralRules, RelativeTimeFormat, ListFormat, Segmenter, Locale, collatorState } = others;

  const Intl = {};
  tag({ prototype: Intl }, "Intl");
  hidden(Intl, "getCanonicalLocales", function getCanonicalLocales(locales) {
    return tags("Intl.getCanonicalLocales", locales);
  });
  hidden(Intl, "supportedValuesOf", function supportedValuesOf(key) {
    const name = `${key}`;
    const known = native.supportedValues(name);
    if (known !== null) return known;
    throw new RangeError(`Intl.supportedValuesOf: ${shown(name)} is not one of "calendar", "collation", "currency", "locale", "numberingSystem", "timeZone" and "unit"`);
  });
  hidden(Intl, "Collator", Collator);
  hidden(Intl, "DateTimeFormat", DateTimeFormat);
  hidden(Intl, "ListFormat", ListFormat);
  hidden(Intl, "Locale", Locale);
  hidden(Intl, "NumberFormat", NumberFormat);
  hidden(Intl, "PluralRules", PluralRules);
  hidden(Intl, "RelativeTimeFormat", RelativeTimeFormat);
  hidden(Intl, "Segmenter", Segmenter);

  // ---- methods of other classes ----

  // What was made last, as programs ask for the same again and again.
  const last = { __proto__: null };
  const kept = (kind, locales, options, make) => {
    if (options !== undefined || (locales !== undefined && typeof locales !== "string")) return make();
    const known = last[kind];
    if (known !== undefined && known.locales === locales) return known.made;
    const made = make();
    last[kind] = { locales, made };
    return made;
  };
  const dateText = (name, time, locales, options) => {
    const who = `Date.${name}`;
    const required = name === "toLocaleString" ? "any" : name === "toLocaleDateString" ? "date" : "time";
    const defaults = required === "any" ? "all" : required;
    const made = kept(name, locales, options, () => dateState(who, locales, options, required, defaults));
    return time !== time ? "Invalid Date" : made.write(0, time);
  };
  const numberText = (who, value, locales, options) => kept("number", locales, options, () => numberState(who, locales, options)).write(0, value);
  const comparison = (first, second, locales, options) =>
    kept("compare", locales, options, () => collatorState("String.localeCompare", locales, options)).order(first, second);
  const caseLocale = (who, locales) => {
    const list = tags(who, locales);
    return list.length === 0 ? native.usual : list[0];
  };

  return { Intl, dateText, numberText, comparison, caseLocale };
};
