// node:os: see node.rs and system.rs.
(native) => {
  "use strict";

  const { leftOut, coded } = native.load("internal/errors");
  const { facts, environment } = native;
  const constants = native.load("constants");
  const env = environment();
  // A folder's name without the slash at its end.
  const trimmed = (path) => (path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path);
  const group = (names) => Object.freeze(Object.fromEntries(Object.keys(constants).filter(names).map((name) => [name, constants[name]])));

  const os = {
    EOL: "\n",
    devNull: "/dev/null",
    arch: () => facts().arch,
    availableParallelism: () => facts().processors,
    constants: Object.freeze({
      errno: group((name) => /^E[A-Z0-9]+$/.test(name)),
      signals: group((name) => /^SIG[A-Z0-9]+$/.test(name)),
      priority: Object.freeze({ PRIORITY_LOW: 19, PRIORITY_BELOW_NORMAL: 10, PRIORITY_NORMAL: 0, PRIORITY_ABOVE_NORMAL: -7, PRIORITY_HIGH: -14, PRIORITY_HIGHEST: -20 }),
    }),
    cpus: leftOut("os.cpus", "os.availableParallelism() tells how many processors there are"),
    endianness: () => facts().endianness,
    freemem: leftOut("os.freemem", "process.memoryUsage() tells what the run uses, and its limit"),
    getPriority: leftOut("os.getPriority", "a rule has no priority of its own"),
    setPriority: leftOut("os.setPriority", "a rule has no priority of its own; sh.run can start nice"),
    homedir() {
      if (env.HOME === undefined) throw coded(Error, "ERR_SYSTEM_ERROR", "os.homedir: the variable HOME is not set");
      return env.HOME;
    },
    hostname: leftOut("os.hostname", 'use $`hostname` of cla/shell, or a variable of the environment'),
    loadavg: leftOut("os.loadavg", 'use fs.readFile("/proc/loadavg")'),
    machine: () => facts().machine,
    networkInterfaces: leftOut("os.networkInterfaces", "use $`ip -j address` of cla/shell"),
    platform: () => facts().platform,
    release: leftOut("os.release", "use $`uname -r` of cla/shell"),
    tmpdir: () => trimmed(env.TMPDIR || env.TMP || env.TEMP || "/tmp"),
    totalmem: leftOut("os.totalmem", "process.memoryUsage() tells what the run uses, and its limit"),
    type: () => facts().system,
    uptime: leftOut("os.uptime", "process.uptime() tells how long the run goes on"),
    userInfo: leftOut("os.userInfo", "process.env.USER and os.homedir() tell it, where the rule may see them"),
    version: leftOut("os.version", "use $`uname -v` of cla/shell"),
  };
  for (const name of ["arch", "platform", "tmpdir", "type", "homedir", "endianness", "machine"]) {
    Object.defineProperty(os[name], Symbol.toPrimitive, { value: () => os[name]() });
  }
  return os;
};
