// Backs a folder up each night, and keeps the newest archives only. A second backup of the same folder does not begin while
// one is made, and an archive has its name only when it is whole.
//
//   cla run backup.js --stash from=/srv/data --stash to=/backup --stash keep=7
const fs = require("cla/fs"), path = require("cla/path"), sem = require("cla/sem"), log = require("cla/log");
const { sh } = require("cla/shell");
const { from, to, keep = 7 } = cla.stash();

const name = path.basename(from);
sem.take(`backup-${name}`, { timeout: "10m" }, () => {
  fs.createPath(to);
  const made = path.join(to, `${name}-${new Date().toISOString().slice(0, 16).replace(":", "")}.tar.gz`);
  const unfinished = `${made}.part`;
  try {
    sh.run("tar", ["-czf", unfinished, "-C", path.dirname(from), name], { timeout: "2h" });
    fs.move(unfinished, made);
  } finally {
    fs.rm(unfinished, { force: true });
  }
  print(`${path.basename(made)}: ${fs.stat(made).size} bytes`);
  // Their names sort as their times do.
  for (const old of fs.glob(`${name}-*.tar.gz`, { cwd: to }).sort().slice(0, -keep)) {
    fs.rm(path.join(to, old));
    log.info(`removed ${old}`);
  }
});
