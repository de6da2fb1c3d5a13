// node:tty: no file of a rule's is a terminal. See node.rs.
(native) => {
  "use strict";

  const { leftOut } = native.load("internal/errors");
  const instead = "use process.stdout and process.stderr";
  return { isatty: () => false, ReadStream: leftOut("tty.ReadStream", "use process.stdin"), WriteStream: leftOut("tty.WriteStream", instead) };
};
