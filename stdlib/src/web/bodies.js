// Bytes with a type, and forms that may have them. `native` has what is done in Rust.
(native) => {
  "use strict";
  const { apply, tag, part, iterator, bytesOf, byteLength, concat, slice, bufferOf, textOf, wellFormed, mediaType, today, boundary, formHead, formText } = native;

  const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

  let bytesIn, fill, isBlob, typeIn, named, copy, describe;

  class Blob {
    // Nobody else has this array.
    #bytes;
    #type = "";

    constructor(parts, options) {
      const list = [];
      if (parts !== undefined) {
        if (!isObject(parts) || typeof parts[iterator] !== "function") throw new TypeError("Blob: the parts must be an array");
        for (const given of parts) {
          list[list.length] = isBlob(given) ? given.#bytes : (bytesOf(given) ?? wellFormed(`${given}`));
        }
      }
      if (options !== undefined && options !== null) {
        if (!isObject(options)) throw new TypeError("Blob: the options must be an object");
        if (options.type !== undefined) this.#type = mediaType(`${options.type}`);
      }
      this.#bytes = concat(list);
    }

    static {
      isBlob = (value) => isObject(value) && #bytes in value;
      bytesIn = (blob) => blob.#bytes;
      typeIn = (blob) => blob.#type;
      fill = (blob, bytes) => {
        blob.#bytes = bytes;
        return blob;
      };
    }

    get size() {
      return byteLength(this.#bytes);
    }
    get type() {
      return this.#type;
    }
    slice(start, end, type) {
      const size = this.size;
      const place = (at, usual) => {
        if (at === undefined) return usual;
        at = +at;
        if (at !== at) return 0;
        if (at < 0) return size + at < 0 ? 0 : size + at;
        return at > size ? size : at;
      };
      const blob = new Blob(undefined, { __proto__: null, type });
      blob.#bytes = slice(this.#bytes, place(start, 0), place(end, size));
      return blob;
    }
    async arrayBuffer() {
      return bufferOf(this.#bytes);
    }
    async bytes() {
      return slice(this.#bytes, 0, this.size);
    }
    async text() {
      return textOf(this.#bytes);
    }
    stream() {
      const { makeReadable, enqueue, close } = part("streams");
      let at = 0;
      return makeReadable((r) => {
        const end = at + 65536 < this.size ? at + 65536 : this.size;
        if (at >= end) return close(r);
        const chunk = slice(this.#bytes, at, end);
        at = end;
        enqueue(r, chunk);
      }, undefined);
    }
  }

  class File extends Blob {
    #name;
    #modified;

    constructor(parts, name, options) {
      if (arguments.length < 2) throw new TypeError("File: the parts and the name are needed");
      super(parts, options);
      this.#name = wellFormed(`${name}`);
      const modified = isObject(options) ? options.lastModified : undefined;
      this.#modified = modified === undefined ? today() : +modified;
    }

    get name() {
      return this.#name;
    }
    get lastModified() {
      return this.#modified;
    }
    get webkitRelativePath() {
      return "";
    }
    static {
      tag(File, "File");
      named = (value) => #name in value;
      // The bytes of a blob never change, so that a copy shares them.
      copy = (blob) => {
        const type = typeIn(blob);
        if (!named(blob)) return fill(new Blob(undefined, { __proto__: null, type }), bytesIn(blob));
        return fill(new File(undefined, blob.#name, { __proto__: null, type, lastModified: blob.#modified }), bytesIn(blob));
      };
      describe = (blob) => {
        const size = byteLength(bytesIn(blob));
        const type = typeIn(blob);
        return named(blob) ? { size, type, name: blob.#name, lastModified: blob.#modified } : { size, type };
      };
    }
  }

  const fileOf = (bytes, name, type) => fill(new File(undefined, name, { __proto__: null, type }), bytes);

  let entriesOf, isForm;

  class FormData {
    // { name, value }, in order.
    #list = [];

    constructor(form) {
      if (form !== undefined) throw new TypeError("FormData: there are no forms to read here; append what it should have");
    }

    static {
      isForm = (value) => isObject(value) && #list in value;
      entriesOf = (form) => form.#list;
    }

    static #entry(name, value, file) {
      name = wellFormed(`${name}`);
      if (!isBlob(value)) {
        if (file !== undefined) throw new TypeError("FormData: only a Blob has a file's name");
        return { __proto__: null, name, value: wellFormed(`${value}`) };
      }
      if (file === undefined && value instanceof File) return { __proto__: null, name, value };
      const called = file === undefined ? "blob" : wellFormed(`${file}`);
      return { __proto__: null, name, value: fileOf(bytesIn(value), called, value.type) };
    }

    append(name, value, file) {
      if (arguments.length < 2) throw new TypeError("FormData.append: a name and a value are needed");
      const entry = FormData.#entry(name, value, file);
      this.#list[this.#list.length] = entry;
    }
    set(name, value, file) {
      if (arguments.length < 2) throw new TypeError("FormData.set: a name and a value are needed");
      const entry = FormData.#entry(name, value, file);
      const before = this.#list;
      const after = [];
      let found = false;
      for (let i = 0; i < before.length; i++) {
        if (before[i].name !== entry.name) after[after.length] = before[i];
        else if (!found) {
          found = true;
          after[after.length] = entry;
        }
      }
      if (!found) after[after.length] = entry;
      this.#list = after;
    }
    delete(name) {
      name = wellFormed(`${name}`);
      const before = this.#list;
      const after = [];
      for (let i = 0; i < before.length; i++) {
        if (before[i].name !== name) after[after.length] = before[i];
      }
      this.#list = after;
    }
    get(name) {
      name = wellFormed(`${name}`);
      for (let i = 0; i < this.#list.length; i++) {
        if (this.#list[i].name === name) return this.#list[i].value;
      }
      return null;
    }
    getAll(name) {
      name = wellFormed(`${name}`);
      const values = [];
      for (let i = 0; i < this.#list.length; i++) {
        if (this.#list[i].name === name) values[values.length] = this.#list[i].value;
      }
      return values;
    }
    has(name) {
      return this.get(name) !== null;
    }
    forEach(callback, self) {
      if (typeof callback !== "function") throw new TypeError("FormData.forEach: the callback must be a function");
      for (let i = 0; i < this.#list.length; i++) apply(callback, self, this.#list[i].value, this.#list[i].name, this);
    }
    *entries() {
      for (let i = 0; i < this.#list.length; i++) yield [this.#list[i].name, this.#list[i].value];
    }
    *keys() {
      for (let i = 0; i < this.#list.length; i++) yield this.#list[i].name;
    }
    *values() {
      for (let i = 0; i < this.#list.length; i++) yield this.#list[i].value;
    }
  }
  FormData.prototype[iterator] = FormData.prototype.entries;

  tag(Blob, "Blob");
  tag(FormData, "FormData");

  // What print and console show in place of an object; an array has names and values in turn.
  const standIn = (object) => {
    if (isForm(object)) {
      const list = entriesOf(object);
      const flat = [];
      for (let i = 0; i < list.length; i++) {
        flat[flat.length] = list[i].name;
        flat[flat.length] = list[i].value;
      }
      return flat;
    }
    return isBlob(object) ? describe(object) : null;
  };

  return {
    Blob,
    File,
    FormData,
    standIn,
    // What structuredClone gives, or null for what it refuses.
    clone: (object) => (isBlob(object) ? copy(object) : null),
    owns: (object) => isBlob(object) || isForm(object),
    isBlob,
    isForm,
    bytesIn,
    blobOf: (bytes, type) => fill(new Blob(undefined, { __proto__: null, type }), bytes),
    // What a form is sent as: its bytes, and their type.
    encodeForm: (form) => {
      const list = entriesOf(form);
      const mark = boundary();
      const pieces = [];
      for (let i = 0; i < list.length; i++) {
        const { name, value } = list[i];
        if (isBlob(value)) {
          pieces[pieces.length] = formHead(mark, name, value.name, value.type);
          pieces[pieces.length] = bytesIn(value);
          pieces[pieces.length] = "\r\n";
        } else {
          pieces[pieces.length] = formHead(mark, name);
          pieces[pieces.length] = `${formText(value)}\r\n`;
        }
      }
      pieces[pieces.length] = `--${mark}--\r\n`;
      return { __proto__: null, bytes: concat(pieces), type: `multipart/form-data; boundary=${mark}` };
    },
    // A form of names and values in turn; a value may be [bytes, name, type].
    formOf: (list) => {
      const form = new FormData();
      for (let i = 0; i < list.length; i += 2) {
        const value = list[i + 1];
        if (typeof value === "string") form.append(list[i], value);
        else form.append(list[i], fileOf(value[0], value[1], value[2]));
      }
      return form;
    },
  };
};
