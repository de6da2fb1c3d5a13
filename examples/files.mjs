// Files and commands: what a value contains is data, never a part of a command.

import fs from "cla/fs";
import { $ } from "cla/shell";

const name = "$(whoami); it's data";
const folder = fs.tempDir(); // removed when the rule ends
fs.writeFile(`${folder}/greeting.txt`, $`echo "Hello, ${name}"`.output);
for (const line of $`ls ${folder}`) {
  print(`${line}: ${fs.readFile(`${folder}/${line}`)}`);
}
