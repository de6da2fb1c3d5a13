// Methods of arrays that can be stopped: they run in place of the interpreter's own where those would go through
// very many indices without asking anybody. Each follows the algorithm of the language's standard.
(function (native) {
  "use strict";
  const { define, isArray, sortDense, fail, species, spreadable } = native;

  const MOST = 9007199254740991; // 2 ** 53 - 1

  const whole = (x) => {
    x = +x;
    return x !== x ? 0 : x === Infinity || x === -Infinity ? x : x - (x % 1);
  };
  const lengthOf = (o) => {
    const n = whole(o.length);
    return n <= 0 ? 0 : n < MOST ? n : MOST;
  };
  const place = (x, length) => {
    const n = whole(x);
    return n < 0 ? (n + length < 0 ? 0 : n + length) : n > length ? length : n;
  };
  const isObject = (x) => (typeof x === "object" ? x !== null : typeof x === "function");
  const create = (n) => {
    if (n > 4294967295) fail("RangeError", "invalid array length");
    const made = [];
    if (n > 0) made.length = n;
    return made;
  };
  const createLike = (o, n) => {
    if (!isArray(o)) return create(n);
    let maker = o.constructor;
    if (isObject(maker)) {
      maker = maker[species];
      if (maker === null) maker = undefined;
    }
    return maker === undefined ? create(n) : new maker(n);
  };
  const push = (list, value) => define(list, list.length, value);
  const callable = (f) => {
    if (typeof f !== "function") fail("TypeError", "not a function");
  };

  const flatten = (target, at, source, depth, map, self) => {
    const length = lengthOf(source);
    for (let k = 0; k < length; k++) {
      if (!(k in source)) continue;
      let element = source[k];
      if (map !== undefined) element = native.call(map, self, element, k, source);
      if (depth > 0 && isArray(element)) {
        at = flatten(target, at, element, depth - 1, undefined, undefined);
      } else {
        if (at >= MOST) fail("TypeError", "Array too long");
        define(target, at++, element);
      }
    }
    return at;
  };

  // Sorts by the texts of the elements, in a way that can be stopped between two comparisons.
  const sortTexts = (list) => {
    const count = list.length;
    const texts = [];
    let from = [];
    let undefinedOnes = 0;
    for (let k = 0; k < count; k++) {
      push(texts, list[k] === undefined ? undefined : `${list[k]}`);
      if (list[k] === undefined) undefinedOnes++;
      else push(from, k);
    }
    const sorted = from.length;
    let to = from.slice();
    for (let width = 1; width < sorted; width *= 2) {
      for (let start = 0; start < sorted; start += 2 * width) {
        const middle = start + width < sorted ? start + width : sorted;
        const end = middle + width < sorted ? middle + width : sorted;
        let a = start;
        let b = middle;
        for (let k = start; k < end; k++) {
          const left = a < middle && (b >= end || texts[from[a]] <= texts[from[b]]);
          to[k] = left ? from[a++] : from[b++];
        }
      }
      [from, to] = [to, from];
    }
    const result = [];
    for (let k = 0; k < sorted; k++) push(result, list[from[k]]);
    for (let k = 0; k < undefinedOnes; k++) push(result, undefined);
    return result;
  };
  const hasLongTexts = (list) => {
    let characters = 0;
    for (let k = 0; k < list.length; k++) if (typeof list[k] === "string") characters += list[k].length;
    return characters > 256 * list.length;
  };
  const sorted = (list, compare) =>
    compare === undefined && hasLongTexts(list) ? sortTexts(list) : sortDense(list, compare);

  const collect = (o, length, skipHoles) => {
    const found = [];
    for (let k = 0; k < length; k++) if (!skipHoles || k in o) push(found, o[k]);
    return found;
  };

  const joined = (o, separator, text) => {
    const length = lengthOf(o);
    let result = "";
    for (let k = 0; k < length; k++) {
      if (k > 0) result += separator;
      const element = o[k];
      if (element !== undefined && element !== null) result += text(element);
    }
    return result;
  };

  // Moves `count` elements from `from` to `to`, as if by way of a copy.
  const move = (o, from, to, count) => {
    const backwards = from < to && to < from + count;
    for (let n = 0; n < count; n++) {
      const k = backwards ? count - 1 - n : n;
      if (from + k in o) o[to + k] = o[from + k];
      else delete o[to + k];
    }
  };

  return {
    concat(...items) {
      const made = createLike(this, 0);
      let n = 0;
      const add = (item) => {
        let spread = false;
        if (isObject(item)) {
          spread = item[spreadable];
          spread = spread === undefined ? isArray(item) : !!spread;
        }
        const length = spread ? lengthOf(item) : 1;
        if (n + length > MOST) fail("TypeError", "Array too long");
        if (!spread) {
          define(made, n++, item);
          return;
        }
        for (let k = 0; k < length; k++, n++) if (k in item) define(made, n, item[k]);
      };
      add(this);
      for (let i = 0; i < items.length; i++) add(items[i]);
      made.length = n;
      return made;
    },
    copyWithin(target, start, end) {
      const length = lengthOf(this);
      const to = place(target, length);
      const from = place(start, length);
      const final = end === undefined ? length : place(end, length);
      const count = final - from < length - to ? final - from : length - to;
      if (count > 0) move(this, from, to, count);
      return this;
    },
    flat(depth) {
      const length = lengthOf(this);
      let levels = 1;
      if (depth !== undefined) levels = whole(depth) < 0 ? 0 : whole(depth);
      const made = createLike(this, 0);
      flatten(made, 0, length === 0 ? [] : this, levels, undefined, undefined);
      return made;
    },
    flatMap(map, self) {
      lengthOf(this);
      callable(map);
      const made = createLike(this, 0);
      flatten(made, 0, this, 1, map, self);
      return made;
    },
    join(separator) {
      return joined(this, separator === undefined ? "," : `${separator}`, (element) => `${element}`);
    },
    toLocaleString(locales, options) {
      return joined(this, ",", (element) => `${element.toLocaleString(locales, options)}`);
    },
    shift() {
      const length = lengthOf(this);
      if (length === 0) {
        this.length = 0;
        return undefined;
      }
      const first = this[0];
      move(this, 1, 0, length - 1);
      delete this[length - 1];
      this.length = length - 1;
      return first;
    },
    unshift(...items) {
      const length = lengthOf(this);
      const count = items.length;
      if (count > 0) {
        if (length + count > MOST) fail("TypeError", "Array too long");
        move(this, 0, count, length);
        for (let k = 0; k < count; k++) this[k] = items[k];
      }
      return (this.length = length + count);
    },
    reverse() {
      const length = lengthOf(this);
      const middle = (length - (length % 2)) / 2;
      for (let low = 0; low < middle; low++) {
        const high = length - 1 - low;
        const hasLow = low in this;
        const lowValue = hasLow ? this[low] : undefined;
        if (high in this) {
          this[low] = this[high];
          if (hasLow) this[high] = lowValue;
          else delete this[high];
        } else if (hasLow) {
          delete this[low];
          this[high] = lowValue;
        }
      }
      return this;
    },
    slice(start, end) {
      const length = lengthOf(this);
      const from = place(start, length);
      const final = end === undefined ? length : place(end, length);
      const made = createLike(this, final > from ? final - from : 0);
      let n = 0;
      for (let k = from; k < final; k++, n++) if (k in this) define(made, n, this[k]);
      made.length = n;
      return made;
    },
    splice(start, count, ...items) {
      const given = arguments.length;
      const length = lengthOf(this);
      const from = place(start, length);
      let gone = 0;
      if (given === 1) gone = length - from;
      else if (given > 1) {
        gone = whole(count);
        gone = gone < 0 ? 0 : gone > length - from ? length - from : gone;
      }
      if (length + items.length - gone > MOST) fail("TypeError", "Array too long");
      const made = createLike(this, gone);
      for (let k = 0; k < gone; k++) if (from + k in this) define(made, k, this[from + k]);
      made.length = gone;
      const after = length - gone - from;
      if (items.length !== gone) {
        move(this, from + gone, from + items.length, after);
        for (let k = length; k > length - gone + items.length; k--) delete this[k - 1];
      }
      for (let k = 0; k < items.length; k++) this[from + k] = items[k];
      this.length = length - gone + items.length;
      return made;
    },
    sort(compare) {
      if (compare !== undefined) callable(compare);
      const length = lengthOf(this);
      const found = sorted(collect(this, length, true), compare);
      const count = found.length;
      for (let k = 0; k < count; k++) this[k] = found[k];
      for (let k = count; k < length; k++) if (k in this) delete this[k];
      return this;
    },
    toReversed() {
      const length = lengthOf(this);
      const made = create(length);
      for (let k = 0; k < length; k++) define(made, k, this[length - 1 - k]);
      return made;
    },
    toSorted(compare) {
      if (compare !== undefined) callable(compare);
      const length = lengthOf(this);
      create(length);
      return sorted(collect(this, length, false), compare);
    },
    toSpliced(start, count, ...items) {
      const given = arguments.length;
      const length = lengthOf(this);
      const from = place(start, length);
      let gone = 0;
      if (given === 1) gone = length - from;
      else if (given > 1) {
        gone = whole(count);
        gone = gone < 0 ? 0 : gone > length - from ? length - from : gone;
      }
      const total = length + items.length - gone;
      if (total > MOST) fail("TypeError", "Array too long");
      const made = create(total);
      let n = 0;
      for (let k = 0; k < from; k++) define(made, n++, this[k]);
      for (let k = 0; k < items.length; k++) define(made, n++, items[k]);
      for (let k = from + gone; k < length; k++) define(made, n++, this[k]);
      return made;
    },
    with(index, value) {
      const length = lengthOf(this);
      const relative = whole(index);
      const at = relative < 0 ? length + relative : relative;
      if (at >= length || at < 0) fail("RangeError", "invalid array index");
      const made = create(length);
      for (let k = 0; k < length; k++) define(made, k, k === at ? value : this[k]);
      return made;
    },
  };
});
