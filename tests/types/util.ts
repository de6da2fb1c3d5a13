// cla/util

import util, { benchmark, dumpJSON, dumpYAML, loadJSON, loadYAML, sleep, unaccent } from "cla/util";
import { exactly } from "./assert.ts";

exactly<void>()(sleep(0.5));
util.sleep(10);
// @ts-expect-error how long?
sleep();
// @ts-expect-error not a length of time
sleep(new Date(0));

exactly<string>()(dumpYAML({ list: [1, "two", null] }));
exactly<string>()(dumpJSON([1, 2]));
const rule: { name: string } = loadYAML("name: deploy");
const data: number[] = loadJSON("[1, 2]");
// @ts-expect-error text, please
loadYAML({ name: "deploy" });
// @ts-expect-error text, please
loadJSON(42);

exactly<string>()(unaccent("résumé"));
// @ts-expect-error text, please
unaccent(7);

const figures: number[] = Object.values(benchmark(1000, () => {}));
util.benchmark(10, () => "what it returns does not matter");
// @ts-expect-error how often?
benchmark(() => {});
// @ts-expect-error how often, then what
benchmark(() => {}, 1000);

// @ts-expect-error no such function
util.sleepMs(10);
