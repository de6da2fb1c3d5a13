// cla/process

import process, { arch, args, argv, env, os, pid, title } from "cla/process";
import { exactly, type IsAny, type Same, type True } from "./assert.ts";

const id: number = pid;
exactly<number>()(pid());
exactly<string | undefined>()(env("HOME"));
exactly<string | undefined>()(env.HOME);
exactly<string>()(title);
exactly<string>()(arch);
exactly<string>()(os);
const all: readonly string[] = argv;
const own: readonly string[] = args;
type _ = True<Same<IsAny<typeof env>, false>>;
exactly<string>()(process.pid.toFixed(0));
// @ts-expect-error a rule does not end its host
process.exit(1);
