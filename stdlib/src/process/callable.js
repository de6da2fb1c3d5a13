// Functions that are used like the value that they give: see process.rs.
(() => {
  "use strict";
  const { get, set, has, ownKeys, deleteProperty, defineProperty, getOwnPropertyDescriptor } = Reflect;
  const hidden = (value) => ({ __proto__: null, value, writable: true, configurable: true });

  // `pid()` and `pid` where a number is wanted.
  const number = (value) => {
    const give = () => value;
    for (const name of ["valueOf", "toJSON"]) defineProperty(give, name, hidden(() => value));
    defineProperty(give, "toString", hidden((radix) => value.toString(radix)));
    defineProperty(give, "toFixed", hidden((digits) => value.toFixed(digits)));
    defineProperty(give, Symbol.toPrimitive, hidden((hint) => (hint === "string" ? `${value}` : value)));
    return give;
  };

  // `env("NAME")` and `env.NAME`.
  const variables = (values) => {
    const give = (name, missing) => (name === undefined ? values : (values[name] ?? missing));
    // What a function has of its own is no variable.
    for (const name of ["length", "name"]) deleteProperty(give, name);
    const toJSON = () => ({ ...values });
    return new Proxy(give, {
      get: (_, name) => (name === "toJSON" && !has(values, name) ? toJSON : get(values, name)),
      set: (_, name, value) => set(values, name, value),
      has: (_, name) => has(values, name),
      ownKeys: () => ownKeys(values),
      deleteProperty: (_, name) => deleteProperty(values, name),
      defineProperty: (_, name, descriptor) => defineProperty(values, name, descriptor),
      getOwnPropertyDescriptor: (_, name) => getOwnPropertyDescriptor(values, name),
      getPrototypeOf: () => Object.prototype,
      preventExtensions: () => false,
    });
  };

  return { number, variables };
})();
