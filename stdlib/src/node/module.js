// node:module: see node.rs.
(native) => {
  "use strict";

  const { invalidValue, leftOut } = native.load("internal/errors");
  const { names, requireFrom } = native;
  const known = new Set(names);

  const isBuiltin = (name) => typeof name === "string" && known.has(name.startsWith("node:") ? name.slice(5) : name);
  const createRequire = (given) => {
    let file = given;
    if (typeof file === "object" || (typeof file === "string" && file.startsWith("file:"))) file = native.load("url").fileURLToPath(file);
    if (typeof file !== "string" || !file.startsWith("/")) {
      throw invalidValue("filename", given, "must be a file URL object, file URL string, or absolute path string");
    }
    // A folder stands for a file in it.
    const importer = file.endsWith("/") ? `${file}noop.js` : file;
    const require = (specifier) => requireFrom(importer, specifier);
    return require;
  };
  const Module = leftOut("Module", "import and require load files; module.createRequire(file) gives a require");
  return Object.assign(Module, { builtinModules: Object.freeze([...names]), isBuiltin, createRequire, Module });
};
