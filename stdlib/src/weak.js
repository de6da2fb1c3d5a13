// The class WeakRef: see weak.rs.
(prototype, keep) => {
  "use strict";
  const Native = prototype.constructor;
  const { deref } = prototype;
  const { apply, construct } = Reflect;
  const { defineProperty } = Object;
  const hidden = (value) => ({ __proto__: null, value, writable: true, configurable: true });
  // A function and no class: instances keep the prototype that the interpreter gives them.
  const made = function WeakRef(target) {
    if (new.target === undefined) throw new TypeError("WeakRef must be called with new");
    const weak = construct(Native, [target], new.target);
    keep(target);
    return weak;
  };
  made.prototype = prototype;
  defineProperty(made, "prototype", { __proto__: null, writable: false });
  defineProperty(prototype, "constructor", hidden(made));
  const methods = {
    deref() {
      const target = apply(deref, this, []);
      if (target !== undefined) keep(target);
      return target;
    },
  };
  defineProperty(prototype, "deref", hidden(methods.deref));
  return made;
};
