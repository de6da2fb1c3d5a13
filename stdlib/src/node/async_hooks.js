// node:async_hooks: see node.rs.
(native) => {
  "use strict";

  const { leftOut, checkFunction, checkString } = native.load("internal/errors");
  const { apply } = Reflect;

  // Nothing goes along from one async function to the next, so a resource has nothing to bring back.
  class AsyncResource {
    constructor(type) {
      checkString("type", type);
    }
    static bind(work, _type, self) {
      checkFunction("fn", work);
      return self === undefined ? work : work.bind(self);
    }
    bind(work, self) {
      return AsyncResource.bind(work, undefined, self);
    }
    runInAsyncScope(work, self, ...values) {
      return apply(work, self, values);
    }
    emitDestroy() {
      return this;
    }
    asyncId() {
      return 0;
    }
    triggerAsyncId() {
      return 0;
    }
  }

  const instead = "give what a function needs as an argument; the interpreter does not tell which async function goes on";
  return {
    AsyncLocalStorage: leftOut("AsyncLocalStorage", instead),
    AsyncResource,
    createHook: leftOut("createHook", instead),
    executionAsyncId: () => 0,
    triggerAsyncId: () => 0,
  };
};
