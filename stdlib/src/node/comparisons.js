// Whether two values are the same in what they hold, as node:assert has it: see node.rs.
(native) => {
  "use strict";

  const { hasOwnProperty, propertyIsEnumerable, toString } = Object.prototype;
  const { apply } = Reflect;
  const has = (object, key) => apply(hasOwnProperty, object, [key]);
  const tagOf = (value) => apply(toString, value, []);
  const types = () => native.load("util").types;

  const isObject = (value) => typeof value === "object" && value !== null;
  const symbolsOf = (object) => Object.getOwnPropertySymbols(object).filter((key) => apply(propertyIsEnumerable, object, [key]));
  const boxedValue = (value) => {
    const { isNumberObject, isStringObject, isBooleanObject, isBigIntObject } = types();
    if (isNumberObject(value)) return Number.prototype.valueOf.call(value);
    if (isStringObject(value)) return String.prototype.valueOf.call(value);
    if (isBooleanObject(value)) return Boolean.prototype.valueOf.call(value);
    if (isBigIntObject(value)) return BigInt.prototype.valueOf.call(value);
    return Symbol.prototype.valueOf.call(value);
  };
  const bytesOf = (value) => (ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value));
  const areSameBytes = (a, b) => {
    [a, b] = [bytesOf(a), bytesOf(b)];
    return a.length === b.length && a.every((byte, at) => byte === b[at]);
  };

  const isDeepEqual = (left, right, isStrict) => {
    // The pairs that are being compared: one that leads to itself is the same as far as the rest is.
    const open = new Map();

    const equal = (a, b) => {
      if (a === b) return a !== 0 || !isStrict || Object.is(a, b);
      if (isStrict) {
        if (!isObject(a)) return typeof a === "number" && Number.isNaN(a) && Number.isNaN(b);
        if (!isObject(b)) return false;
        if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
      } else {
        if (!isObject(a)) return (b === null || typeof b !== "object") && (a == b || (Number.isNaN(a) && Number.isNaN(b)));
        if (!isObject(b)) return false;
      }
      if (tagOf(a) !== tagOf(b)) return false;
      const { isDate, isRegExp, isNativeError, isBoxedPrimitive, isMap, isSet, isTypedArray, isAnyArrayBuffer, isArrayBufferView, isWeakMap, isWeakSet, isPromise } = types();
      if (Array.isArray(a)) {
        if (!Array.isArray(b) || a.length !== b.length) return false;
        const named = (list) => Object.keys(list).filter((key) => !/^(?:0|[1-9]\d*)$/.test(key));
        const keys = named(a);
        return keys.length === named(b).length && parts(a, b, keys, "array");
      }
      if (isDate(a) && isDate(b)) {
        const [x, y] = [Date.prototype.getTime.call(a), Date.prototype.getTime.call(b)];
        if (x !== y && !(Number.isNaN(x) && Number.isNaN(y))) return false;
      } else if (isRegExp(a) && isRegExp(b)) {
        if (a.source !== b.source || a.flags !== b.flags || a.lastIndex !== b.lastIndex) return false;
      } else if (isNativeError(a) || a instanceof Error) {
        if (!isNativeError(b) && !(b instanceof Error)) return false;
        if (a.message !== b.message || a.name !== b.name) return false;
        for (const key of ["cause", "errors"]) {
          if (has(a, key) !== has(b, key) || (has(a, key) && !equal(a[key], b[key]))) return false;
        }
      } else if (isArrayBufferView(a)) {
        if (!isArrayBufferView(b)) return false;
        if (!isStrict && isTypedArray(a) && isTypedArray(b) && /Float/.test(tagOf(a))) {
          if (a.length !== b.length || !a.every((value, at) => value === b[at])) return false;
        } else if (!areSameBytes(a, b)) return false;
        const named = (view) => Object.keys(view).filter((key) => !/^\d+$/.test(key));
        const keys = named(a);
        return keys.length === named(b).length && parts(a, b, keys, "plain");
      } else if (isSet(a)) {
        if (!isSet(b) || a.size !== b.size) return false;
        return keyed(a, b, "set");
      } else if (isMap(a)) {
        if (!isMap(b) || a.size !== b.size) return false;
        return keyed(a, b, "map");
      } else if (isAnyArrayBuffer(a)) {
        if (!isAnyArrayBuffer(b) || !areSameBytes(a, b)) return false;
      } else if (isBoxedPrimitive(a)) {
        if (!isBoxedPrimitive(b) || !Object.is(boxedValue(a), boxedValue(b))) return false;
      } else if (
        Array.isArray(b) || isArrayBufferView(b) || isSet(b) || isMap(b) || isDate(b) || isRegExp(b) || isAnyArrayBuffer(b) ||
        isBoxedPrimitive(b) || isNativeError(b) || b instanceof Error || isWeakMap(a) || isWeakSet(a) || isPromise(a)
      ) {
        return false;
      }
      return keyed(a, b, "plain");
    };

    const keyed = (a, b, kind) => {
      const keys = Object.keys(a);
      return keys.length === Object.keys(b).length && parts(a, b, keys, kind);
    };

    const parts = (a, b, keys, kind) => {
      if (!keys.every((key) => apply(propertyIsEnumerable, b, [key]))) return false;
      if (isStrict) {
        const symbols = symbolsOf(a);
        if (symbols.length !== symbolsOf(b).length) return false;
        if (!symbols.every((key) => apply(propertyIsEnumerable, b, [key]))) return false;
        keys = [...keys, ...symbols];
      }
      if (open.get(a)?.has(b)) return true;
      if (!open.has(a)) open.set(a, new Set());
      open.get(a).add(b);
      const same = held(a, b, kind) && keys.every((key) => equal(a[key], b[key]));
      open.get(a).delete(b);
      return same;
    };

    const held = (a, b, kind) => {
      if (kind === "array") {
        for (let at = 0; at < a.length; at++) {
          if (has(a, at) !== has(b, at)) return false;
          if (has(a, at) && !equal(a[at], b[at])) return false;
        }
        return true;
      }
      if (kind === "set") {
        const left = new Set([...b]);
        const hard = [];
        for (const value of a) {
          if (left.has(value)) left.delete(value);
          else if (isStrict && !isObject(value)) return false;
          else hard.push(value);
        }
        return hard.every((value) => take(left, (other) => equal(value, other)));
      }
      if (kind === "map") {
        const left = new Map([...b]);
        const hard = [];
        for (const [key, value] of a) {
          if (left.has(key) && equal(value, left.get(key))) left.delete(key);
          else if (isStrict && !isObject(key)) return false;
          else hard.push([key, value]);
        }
        return hard.every(([key, value]) => take(left, ([otherKey, otherValue]) => equal(key, otherKey) && equal(value, otherValue), true));
      }
      return true;
    };
    const take = (left, isWanted, isMap) => {
      for (const one of left) {
        if (isWanted(one)) {
          left.delete(isMap ? one[0] : one);
          return true;
        }
      }
      return false;
    };

    return equal(left, right);
  };

  return { isDeepEqual };
};
