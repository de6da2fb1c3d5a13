const sem = require("cla/sem");

async function deploy(host) {
  await sem.take.async("prod-db", async () => print(`deploying to ${host}`));
}
deploy("web1");
print("done");
