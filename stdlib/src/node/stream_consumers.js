// node:stream/consumers: see node.rs.
(native) => {
  "use strict";

  const { Buffer } = native.load("buffer");
  const collected = async (stream) => {
    const chunks = [];
    for await (const chunk of stream) chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk.buffer ?? chunk, chunk.byteOffset, chunk.byteLength));
    return Buffer.concat(chunks);
  };
  const text = async (stream) => new TextDecoder().decode(await collected(stream));
  return {
    arrayBuffer: async (stream) => {
      const buffer = await collected(stream);
      return buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
    },
    blob: async (stream) => new Blob([await collected(stream)]),
    buffer: collected,
    json: async (stream) => JSON.parse(await text(stream)),
    text,
  };
};
