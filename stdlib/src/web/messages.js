// Channels: what one end posts, the other gets as an event, later. `native` has what is done in Rust.
//
// As in `events.js`, nothing here calls a method of a built-in class.
(native) => {
  "use strict";
  const { apply, tag, soon, clone, Event, EventTarget, dispatch, listen } = native;

  // Who has it may make ports.
  const secret = {};

  let showEvent;

  class MessageEvent extends Event {
    #data = null;
    #origin = "";
    #lastEventId = "";
    #source = null;
    #ports = [];

    constructor(type, init) {
      if (arguments.length === 0) throw new TypeError("MessageEvent: the type is missing");
      super(type, init);
      if (init === undefined || init === null) return;
      const { data, origin, lastEventId, source, ports } = init;
      if (data !== undefined) this.#data = data;
      if (origin !== undefined) this.#origin = `${origin}`;
      if (lastEventId !== undefined) this.#lastEventId = `${lastEventId}`;
      if (source !== undefined) this.#source = source;
      if (ports !== undefined) this.#ports = ports;
    }

    get data() {
      return this.#data;
    }
    get origin() {
      return this.#origin;
    }
    get lastEventId() {
      return this.#lastEventId;
    }
    get source() {
      return this.#source;
    }
    get ports() {
      return this.#ports;
    }
    static {
      showEvent = (event) => (#data in event ? { type: event.type, data: event.#data } : undefined);
    }
  }

  let isPort, entangle;

  class MessagePort extends EventTarget {
    #other = null;
    // What was posted to it and not delivered yet, oldest first.
    #queue = [];
    #next = 0;
    #isStarted = false;
    #isDue = false;
    #handlers = { __proto__: null, message: null, messageerror: null };

    constructor(mine) {
      if (mine !== secret) throw new TypeError("Illegal constructor: new MessageChannel() makes ports");
      super();
    }

    postMessage(message, options) {
      if (arguments.length === 0) throw new TypeError("postMessage: the message is missing");
      const isList = typeof options === "object" && options !== null && options[native.iterator] !== undefined;
      const copy = clone(message, isList ? { transfer: options } : options);
      const other = this.#other;
      if (other === null) return;
      other.#queue[other.#queue.length] = copy;
      other.#schedule();
    }

    start() {
      this.#isStarted = true;
      this.#schedule();
    }

    close() {
      const other = this.#other;
      this.#other = null;
      this.#queue = [];
      this.#next = 0;
      // What was posted before arrives.
      if (other !== null) other.#other = null;
    }

    // One message at a time, each as a task of its own.
    #schedule() {
      if (!this.#isStarted || this.#isDue || this.#next >= this.#queue.length) return;
      this.#isDue = true;
      soon(() => {
        this.#isDue = false;
        if (this.#next >= this.#queue.length) return;
        const data = this.#queue[this.#next];
        this.#queue[this.#next] = undefined;
        this.#next += 1;
        if (this.#next === this.#queue.length) {
          this.#queue = [];
          this.#next = 0;
        }
        this.#schedule();
        dispatch(this, new MessageEvent("message", { __proto__: null, data }));
      });
    }

    #handle(type, handler) {
      const handlers = this.#handlers;
      const isNew = handlers[type] === null;
      handlers[type] = typeof handler === "function" || (typeof handler === "object" && handler !== null) ? handler : null;
      if (!isNew || handlers[type] === null || handlers[`${type} listens`]) return;
      handlers[`${type} listens`] = true;
      listen(this, type, (event) => {
        if (typeof handlers[type] === "function") apply(handlers[type], this, event);
      });
    }

    get onmessage() {
      return this.#handlers.message;
    }
    set onmessage(handler) {
      this.#handle("message", handler);
      this.start();
    }
    get onmessageerror() {
      return this.#handlers.messageerror;
    }
    set onmessageerror(handler) {
      this.#handle("messageerror", handler);
    }

    static {
      isPort = (object) => #queue in object;
      entangle = () => {
        const ports = [new MessagePort(secret), new MessagePort(secret)];
        ports[0].#other = ports[1];
        ports[1].#other = ports[0];
        return ports;
      };
    }
  }

  let showChannel;

  class MessageChannel {
    #ports = entangle();
    get port1() {
      return this.#ports[0];
    }
    get port2() {
      return this.#ports[1];
    }
    static {
      showChannel = (object) => (#ports in object ? { port1: object.#ports[0], port2: object.#ports[1] } : undefined);
    }
  }

  tag(MessageEvent, "MessageEvent");
  tag(MessagePort, "MessagePort");
  tag(MessageChannel, "MessageChannel");

  return {
    MessageEvent,
    MessagePort,
    MessageChannel,
    standIn: (object) => showEvent(object) ?? (isPort(object) ? {} : showChannel(object)) ?? null,
    owns: (object) => isPort(object) || showChannel(object) !== undefined,
  };
};
