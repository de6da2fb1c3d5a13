// Writes the notes of a release from the commits since the last tag: what is new, what is mended, and the rest.
//
//   cla run release-notes.ts --stash repository=. --stash version=1.5.0
import fs from "cla/fs";
import { join } from "cla/path";
import { $ } from "cla/shell";

const { repository, version } = cla.stash() as { repository: string; version: string };
const git = $({ cwd: repository });

const last = git`git describe --tags --abbrev=0`.nothrow();
const range = last.ok ? [`${last.output}..HEAD`] : ["HEAD"];
const headings = { feat: "New", fix: "Mended", other: "Other" };
type Kind = keyof typeof headings;

const notes: Record<Kind, string[]> = { feat: [], fix: [], other: [] };
for (const subject of git`git log --no-merges --reverse --format=%s ${range}`.lines()) {
  const [, kind, text] = /^(feat|fix)(?:\([^)]*\))?: (.*)$/.exec(subject) ?? [subject, "other", subject];
  notes[kind as Kind].push(text);
}
const parts = (Object.keys(headings) as Kind[]).filter((kind) => notes[kind].length > 0);
const text = parts.map((kind) => `## ${headings[kind]}\n\n${notes[kind].map((note) => `- ${note}`).join("\n")}\n`);
const file = join(repository, `NOTES-${version}.md`);
fs.writeFile(file, `# ${version}\n\n${text.join("\n")}`);
print(fs.readFile(file));
