// node:readline: lines of a stream. See node.rs.
(native) => {
  "use strict";

  const EventEmitter = native.load("events");
  const { coded, invalidType, aborted, checkFunction, leftOut } = native.load("internal/errors");
  const { StringDecoder } = native.load("string_decoder");

  // The ends of lines, as the web and Node know them.
  const LINE_END = /\r\n|\n|\r(?!\n)|\u2028|\u2029/g;

  class Interface extends EventEmitter {
    #decoder = new StringDecoder("utf8");
    #text = "";
    #isPaused = false;
    #isFlowing = false;
    #lines = [];
    #question = null;
    #prompt;
    #hasEnded = false;
    #wasReturn = false;

    constructor(input, output) {
      super();
      const options = typeof input?.on === "function" ? { input, output } : (input ?? {});
      if (typeof options.input?.on !== "function") throw invalidType('"input" argument', "an instance of Readable", options.input);
      this.input = options.input;
      this.output = options.output;
      this.terminal = false;
      this.line = "";
      this.closed = false;
      this.#prompt = options.prompt ?? "> ";
      this.crlfDelay = options.crlfDelay ?? 100;
      const onAbort = () => this.close();
      if (options.signal?.aborted) queueMicrotask(onAbort);
      else options.signal?.addEventListener("abort", onAbort, { once: true });
      this.input.on("data", (this.onData = (chunk) => this.#take(chunk)));
      this.input.on("end", (this.onEnd = () => this.#finish()));
      this.input.on("error", (this.onError = (error) => this.emit("error", error)));
      for (const name of ["onData", "onEnd", "onError"]) Object.defineProperty(this, name, { enumerable: false });
      this.input.resume?.();
    }

    #take(chunk) {
      let text = typeof chunk === "string" ? chunk : this.#decoder.write(chunk);
      // A line end of two characters may come in two pieces.
      if (this.#wasReturn && text.startsWith("\n")) text = text.slice(1);
      this.#wasReturn = text.endsWith("\r");
      const lines = (this.#text + text).split(LINE_END);
      this.#text = lines.pop();
      this.#lines.push(...lines);
      this.#give();
    }
    #finish() {
      this.#text += this.#decoder.end();
      if (this.#text !== "") this.#lines.push(this.#text);
      this.#text = "";
      this.#hasEnded = true;
      this.#give();
    }
    // Gives lines for as long as somebody wants some.
    #give() {
      if (this.#isFlowing) return;
      this.#isFlowing = true;
      while (this.#lines.length > 0 && !this.closed && !this.#isPaused) {
        const line = this.#lines.shift();
        if (this.#question !== null) {
          const answer = this.#question;
          this.#question = null;
          answer(line);
        } else this.emit("line", line);
      }
      this.#isFlowing = false;
      if (this.#hasEnded && this.#lines.length === 0 && !this.closed) this.close();
    }

    getPrompt() {
      return this.#prompt;
    }
    setPrompt(prompt) {
      this.#prompt = prompt;
    }
    prompt() {
      this.resume();
      this.output?.write(this.#prompt);
    }
    question(query, options, callback) {
      if (typeof options === "function") [callback, options] = [options, {}];
      checkFunction("cb", callback);
      if (this.closed) throw coded(Error, "ERR_USE_AFTER_CLOSE", "readline was closed");
      this.output?.write(query);
      this.#question = callback;
      const { signal } = options ?? {};
      signal?.addEventListener(
        "abort",
        () => {
          if (this.#question === callback) this.#question = null;
        },
        { once: true },
      );
      this.resume();
      this.#give();
    }
    [Symbol.for("nodejs.util.promisify.custom")](query, options) {
      return questionLater(this, query, options);
    }
    pause() {
      if (this.#isPaused) return this;
      this.#isPaused = true;
      this.input.pause?.();
      this.emit("pause");
      return this;
    }
    resume() {
      if (!this.#isPaused) return this;
      this.#isPaused = false;
      this.input.resume?.();
      this.emit("resume");
      this.#give();
      return this;
    }
    write(text) {
      if (text !== undefined && text !== null) this.#take(`${text}`);
    }
    close() {
      if (this.closed) return;
      this.pause();
      this.input.removeListener("data", this.onData);
      this.input.removeListener("end", this.onEnd);
      this.input.removeListener("error", this.onError);
      this.closed = true;
      this.emit("close");
    }
    [Symbol.dispose]() {
      this.close();
    }
    async *[Symbol.asyncIterator]() {
      const lines = EventEmitter.on(this, "line", { close: ["close"] });
      try {
        for await (const [line] of lines) yield line;
      } finally {
        this.close();
      }
    }
  }

  const questionLater = (self, query, options) =>
    new Promise((resolve, reject) => {
      const signal = options?.signal;
      if (signal?.aborted) {
        reject(aborted(signal));
        return;
      }
      const onAbort = () => reject(aborted(signal));
      const onClose = () => reject(coded(Error, "ERR_USE_AFTER_CLOSE", "readline was closed"));
      signal?.addEventListener("abort", onAbort, { once: true });
      self.once("close", onClose);
      Interface.prototype.question.call(self, query, options ?? {}, (answer) => {
        signal?.removeEventListener("abort", onAbort);
        self.removeListener("close", onClose);
        resolve(answer);
      });
    });

  class PromisesInterface extends Interface {
    question(query, options) {
      return questionLater(this, query, options);
    }
  }

  const instead = "a rule's output is no terminal";
  return {
    Interface,
    createInterface: (input, output) => new Interface(input, output),
    clearLine: leftOut("readline.clearLine", instead),
    clearScreenDown: leftOut("readline.clearScreenDown", instead),
    cursorTo: leftOut("readline.cursorTo", instead),
    moveCursor: leftOut("readline.moveCursor", instead),
    emitKeypressEvents: leftOut("readline.emitKeypressEvents", instead),
    promises: {
      Interface: PromisesInterface,
      createInterface: (input, output) => new PromisesInterface(input, output),
    },
  };
};
