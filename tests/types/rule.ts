// cla/rule, cla/reg and cla/stash

import reg, { launch, register, type Handler, type Service } from "cla/reg";
import rule, { create, region, run, type Rule, RuleError } from "cla/rule";
import stash, { get, set } from "cla/stash";
import { exactly } from "./assert.ts";

const greet = create({ name: "greet", semaphore: { key: "voice", slots: 2 } }, [{ echo: "hello" }]);
exactly<Rule>()(greet);
exactly<string>()(greet.name);
const value: number = greet.run<number>({ who: "you" }, { event: "ping" });
exactly<string>()(run<string>("./other.yml"));
exactly<number>()(region("db", () => 1));
exactly<Promise<string>>()(region({ key: "db", name: "migrate", timeout: "5s" }, async (permit) => permit.name));
exactly<typeof run>()(rule.run);
try {
  rule.run(greet);
} catch (error) {
  if (error instanceof RuleError) exactly<string>()(error.rule);
}
// @ts-expect-error a region has no `who`: its name says it
region({ key: "db", who: "me" }, () => {});
// @ts-expect-error a rule has no slots
create({ slots: 2 }, []);

const service: Service<{ text: string }> = ({ text }) => text.length;
register("post", service);
const handler: Handler<{ by: string }> = (context, { by }) => context.stash("who", by);
reg.register("other", { name: "Other", handler });
run("./other.js", null);
exactly<number>()(launch<number>("post", { text: "x" }));
exactly<string[]>()(reg.names());
// @ts-expect-error a service does something
register("nothing");

exactly<number>()(get("n", 1));
exactly<string>()(set("name", "x"));
exactly<boolean>()(stash.remove("name"));
exactly<number>()(require("cla/rule").region("x", () => value));
