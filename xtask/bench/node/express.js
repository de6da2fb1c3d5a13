// The same work as the rule of `cla-bench admin-runs`, behind express: prints its port, then answers.
import express from "express";
import vm from "node:vm";

const RULE = "let sum = 0; for (let i = 0; i < 2000; i++) sum += i % 7; ({sum})";

const app = express();
app.use(express.json());
app.post("/runs", (_request, response) => {
  // Each run has a fresh context, as each run of a rule has.
  const value = vm.runInNewContext(RULE);
  response.json({ status: "ok", value });
});
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
