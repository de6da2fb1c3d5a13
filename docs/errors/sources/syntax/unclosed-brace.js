const sem = require("cla/sem");

sem.take("prod-db", () => {
  for (const host of ["web1", "web2"]) {
    print(`deploying to ${host}`);
});
