// util.parseArgs: see node.rs.
(native) => {
  "use strict";

  const { coded, invalidType, checkString, checkBoolean } = native.load("internal/errors");

  const checkObject = (name, value) => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) throw invalidType(`"${name}" property`, "of type object", value);
  };
  const failed = (code, message) => coded(TypeError, code, message);

  // The arguments as tokens: options with their values, positionals, and the terminator.
  const tokenize = (args, options) => {
    const byShort = (letter) => Object.keys(options).find((name) => options[name].short === letter);
    const isText = (name) => name !== undefined && options[name]?.type === "string";
    const tokens = [];
    const left = args.map((text, index) => ({ text, index }));
    while (left.length > 0) {
      const { text, index } = left.shift();
      if (text === "--") {
        tokens.push({ kind: "option-terminator", index });
        for (const rest of left) tokens.push({ kind: "positional", index: rest.index, value: rest.text });
        break;
      }
      const takeValue = () => (left.length > 0 && left[0].text !== undefined ? left.shift().text : undefined);
      if (text.length > 1 && text[0] === "-" && text[1] !== "-") {
        const letter = text[1];
        const name = byShort(letter) ?? letter;
        if (text.length === 2) {
          const value = isText(name) ? takeValue() : undefined;
          tokens.push({ kind: "option", name, rawName: text, index, value, inlineValue: value === undefined ? undefined : false });
        } else if (isText(name)) {
          tokens.push({ kind: "option", name, rawName: `-${letter}`, index, value: text.slice(2), inlineValue: true });
        } else {
          // A group: -abc is -a -b -c, of which the last one that takes a value has the rest.
          const expanded = [];
          for (let at = 1; at < text.length; at++) {
            const one = text[at];
            if (isText(byShort(one)) && at < text.length - 1) {
              expanded.push({ text: `-${text.slice(at)}`, index });
              break;
            }
            expanded.push({ text: `-${one}`, index });
          }
          left.unshift(...expanded);
        }
      } else if (text.startsWith("--") && text.length > 2) {
        const equals = text.indexOf("=", 3);
        if (equals > 0) {
          const name = text.slice(2, equals);
          tokens.push({ kind: "option", name, rawName: `--${name}`, index, value: text.slice(equals + 1), inlineValue: true });
        } else {
          const name = text.slice(2);
          const value = isText(name) ? takeValue() : undefined;
          tokens.push({ kind: "option", name, rawName: text, index, value, inlineValue: value === undefined ? undefined : false });
        }
      } else {
        tokens.push({ kind: "positional", index, value: text });
      }
    }
    return tokens;
  };

  const checkOption = (token, options) => {
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    const shown = option?.short === undefined ? `--${token.name}` : `-${option.short}, --${token.name}`;
    if (option?.type === "string") {
      if (typeof token.value !== "string") throw failed("ERR_PARSE_ARGS_INVALID_OPTION_VALUE", `Option '${shown} <value>' argument missing`);
      if (token.inlineValue === false && token.value.length > 1 && token.value[0] === "-") {
        const example = token.rawName.startsWith("--") ? `'${token.rawName}=-XYZ'` : `'--${token.name}=-XYZ' or '${token.rawName}-XYZ'`;
        throw failed(
          "ERR_PARSE_ARGS_INVALID_OPTION_VALUE",
          `Option '${token.rawName}' argument is ambiguous.\nDid you forget to specify the option argument for '${token.rawName}'?\nTo specify an option argument starting with a dash use ${example}.`,
        );
      }
    } else if (option?.type === "boolean" && token.value !== undefined) {
      throw failed("ERR_PARSE_ARGS_INVALID_OPTION_VALUE", `Option '${shown}' does not take an argument`);
    }
  };

  const parseArgs = (config) => {
    const { args = native.load("process").argv.slice(2), strict = true, allowPositionals = !strict, tokens: withTokens = false, options = { __proto__: null }, allowNegative = false } = config;
    if (!Array.isArray(args)) throw invalidType('"args" argument', "an instance of Array", args);
    checkBoolean("strict", strict);
    checkBoolean("allowPositionals", allowPositionals);
    checkBoolean("tokens", withTokens);
    checkBoolean("allowNegative", allowNegative);
    checkObject("options", options);
    for (const [name, option] of Object.entries(options)) {
      checkObject(`options.${name}`, option);
      if (option.type !== "string" && option.type !== "boolean") {
        throw invalidType(`"options.${name}.type" property`, "('string|boolean')", option.type);
      }
      if (Object.hasOwn(option, "short")) {
        checkString(`options.${name}.short`, option.short);
        if (option.short.length !== 1) {
          throw failed("ERR_INVALID_ARG_VALUE", `The property 'options.${name}.short' must be a single character. Received '${option.short}'`);
        }
      }
      if (Object.hasOwn(option, "multiple")) checkBoolean(`options.${name}.multiple`, option.multiple);
    }
    const values = { __proto__: null };
    const positionals = [];
    const store = (name, value) => {
      if (name === "__proto__") return;
      const given = value === undefined ? true : value;
      if (options[name]?.multiple) (values[name] ??= []).push(given);
      else values[name] = given;
    };
    const tokens = tokenize(args, options);
    for (const token of tokens) {
      if (token.kind === "positional") {
        if (!allowPositionals) {
          throw failed(
            "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL",
            `Unexpected argument '${token.value}'. This command does not take positional arguments`,
          );
        }
        positionals.push(token.value);
      } else if (token.kind === "option") {
        let { name, value } = token;
        if (allowNegative && name.startsWith("no-") && !Object.hasOwn(options, name) && value === undefined) {
          const positive = name.slice(3);
          if (options[positive]?.type === "boolean" || !strict) {
            [name, value] = [positive, false];
            token.name = name;
          }
        }
        if (strict) {
          if (!Object.hasOwn(options, name)) {
            const hint = allowPositionals
              ? `. To specify a positional argument starting with a '-', place it at the end of the command after '--', as in '-- ${JSON.stringify(token.rawName)}`
              : "";
            throw failed("ERR_PARSE_ARGS_UNKNOWN_OPTION", `Unknown option '${token.rawName}'${hint}`);
          }
          if (value !== false) checkOption(token, options);
        }
        store(name, value);
      }
    }
    for (const [name, option] of Object.entries(options)) {
      if (option.default !== undefined && values[name] === undefined) values[name] = option.default;
    }
    return withTokens ? { values, positionals, tokens } : { values, positionals };
  };

  return { parseArgs };
};
