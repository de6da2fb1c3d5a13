// cla/shell, cla/digest, cla/base64, cla/csv

import { $, Command, Result, sh, ShellError } from "cla/shell";
import { decode64, encode64 } from "cla/base64";
import { hmac, sha256 } from "cla/digest";
import csv from "cla/csv";
import { exactly } from "./assert.ts";

const branch = "main";
exactly<Command>()($`git push origin ${branch} ${["a", 1]}`);
const { rc, output, error } = $`ls`;
exactly<number>()(rc);
exactly<string>()(output);
exactly<string>()(error);
exactly<Result>()(await $`ls`.cwd("/").env({ A: "1", B: null }).timeout("5s", 1).quiet().nothrow());
exactly<Result>()(sh`ls`);
exactly<Result>()(sh({ cwd: "/" })`ls`);
exactly<Result>()(sh.run("ls", ["-l"], { timeout: 5 }));
exactly<Promise<Result>>()(sh.promises.run("ls"));
for (const line of $`ls`) line.trim();
for await (const line of $`ls`.pipe($`sort`)) line.trim();
exactly<string>()(sh.quote("a"));
try {
  sh`false`;
} catch (failure) {
  if (failure instanceof ShellError) exactly<number>()(failure.rc);
}
// @ts-expect-error no value
$`ls ${undefined}`;
// @ts-expect-error no such option
$({ cwdd: "/" });

exactly<string>()(encode64("a"));
exactly<Uint8Array>()(decode64("YQ==", "bytes"));
exactly<string>()(sha256("a"));
exactly<Uint8Array>()(hmac("sha256", "key", "data", "bytes"));
exactly<Record<string, string>[]>()(csv.parse("a\n1"));
exactly<string[][]>()(csv.parse("a\n1", { header: false }));
