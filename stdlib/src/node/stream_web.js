// node:stream/web: the globals. See node.rs.
() =>
  Object.fromEntries(
    [
      "ReadableStream",
      "ReadableStreamDefaultReader",
      "ReadableStreamDefaultController",
      "WritableStream",
      "WritableStreamDefaultWriter",
      "WritableStreamDefaultController",
      "TransformStream",
      "TransformStreamDefaultController",
      "ByteLengthQueuingStrategy",
      "CountQueuingStrategy",
      "TextEncoderStream",
      "TextDecoderStream",
      "CompressionStream",
      "DecompressionStream",
    ].map((name) => [name, globalThis[name]]),
  );
