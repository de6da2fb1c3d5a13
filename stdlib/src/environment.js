// The variables of the environment that a rule sees: see process.rs. Values are texts, as in Node.
(variables, check) => {
  "use strict";
  const { defineProperty, getOwnPropertyDescriptor, has, set } = Reflect;
  // A name as variables usually have, and not one that JavaScript itself looks for, such as `toJSON`.
  const isVariable = (name) => /^[A-Z0-9_]+$/.test(name);
  const text = (name, value) => {
    if (typeof name === "symbol" || typeof value === "symbol") throw new TypeError("Cannot convert a Symbol value to a string");
    return `${value}`;
  };
  return new Proxy(variables, {
    get(target, name) {
      if (check !== undefined && typeof name === "string" && isVariable(name) && !has(target, name)) check(name);
      return target[name];
    },
    set: (target, name, value) => set(target, name, text(name, value)),
    defineProperty(target, name, descriptor) {
      if (!("value" in descriptor)) throw new TypeError(`process.env.${String(name)}: a variable is a text, and has no getter`);
      const before = getOwnPropertyDescriptor(target, name);
      return defineProperty(target, name, { ...before, ...descriptor, value: text(name, descriptor.value), writable: true, enumerable: true, configurable: true });
    },
  });
};
