// A test is a rule: cla run deploy.test.ts

import { cmpDeeply, doneTesting, is, like, re, subtest } from "cla/t";
import deploy, { hostOf } from "./deploy.ts";

subtest("the hosts of the settings", () => {
  is(hostOf("test"), "localhost");
  cmpDeeply(cla.config("hosts"), { test: re("."), prod: re(".") });
});

subtest("a deployment", () => {
  like(deploy({ version: "1.2", env: "test" }), "^1.2 is on localhost$");
});

doneTesting();
