import { release } from "./far-lib.mjs";

async function main() {
  await release("1.4.0");
}
await main();
