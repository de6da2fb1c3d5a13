// cla/util

import t, { bag, cmpDeeply } from "cla/t";
import config from "cla/config";
import util, { benchmark, dumpJSON, dumpXML, dumpYAML, loadINI, loadJSON, loadTOML, loadXML, loadYAML, sleep, unaccent, type XmlNode } from "cla/util";
import { agent } from "cla/web";
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

const settings: { port: number } = loadTOML("port = 22");
exactly<string>()(util.dumpTOML({ settings }));
exactly<any>()(loadINI("a = 1").section);
exactly<XmlNode>()(loadXML("<a/>", { nodes: true }));
const page: { a: string } = loadXML("<a/>", { lists: ["b"] });
exactly<string>()(dumpXML(page, { indent: 0 }));
// @ts-expect-error no such option
dumpXML(page, { pretty: true });

const answer = agent({ timeout: 20, max_redirect: 0 }).post("https://example.com/", { a: 1, b: ["x", "y"] }, "X-A", "b");
exactly<string>()(answer.content());
exactly<number>()(answer.code());
// @ts-expect-error no such option
agent({ timeuot: 1 });

exactly<boolean>()(cmpDeeply([1, 2], bag(2, 1)));
t.plan("tests", 3);
// @ts-expect-error how many?
t.plan("tset", 3);
exactly<boolean>()(config.has("a"));
exactly<number>()(config.get("a", 1));
