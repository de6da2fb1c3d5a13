const sem = require("cla/sem");

sem.take("prod-db", { timeout: 0.2 }, () => print("deploying"));
