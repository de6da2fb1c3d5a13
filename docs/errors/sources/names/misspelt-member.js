const sem = require("cla/sem");

sem.tkae("prod-db", () => print("deploying"));
