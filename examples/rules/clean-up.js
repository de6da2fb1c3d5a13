// Removes old files below a folder, the oldest first, until so much is free as it should be. Without `remove` it only says what
// it would do.
//
//   cla run clean-up.js --stash folder=/var/cache/app --stash days=30
//   cla run clean-up.js --stash folder=/var/cache/app --stash days=30 --stash remove=true
const fs = require("cla/fs"), path = require("cla/path");

const { folder, days = 30, remove = false } = cla.stash();
const limit = Date.now() - days * 86_400_000;

const files = fs
  .walk(folder)
  .filter((entry) => entry.isFile())
  .map(({ path }) => ({ path, ...fs.lstat(path) }))
  .filter((file) => file.mtimeMs < limit)
  .sort((a, b) => a.mtimeMs - b.mtimeMs);

let freed = 0;
for (const file of files) {
  if (remove) fs.rm(file.path, { force: true });
  freed += file.size;
  print(`${remove ? "removed" : "would remove"} ${path.relative(folder, file.path)}, ${file.size} bytes`);
}
// Folders that are empty now, the deepest first.
for (const { path: empty } of fs.walk(folder).filter((entry) => entry.isDirectory()).reverse()) {
  if (remove && fs.readDir(empty).length === 0) fs.rm(empty, { recursive: true });
}
print(`${files.length} files, ${(freed / 1024).toFixed(1)} KiB ${remove ? "are free" : "would be free"}`);
