const sem = require("cla/sem");

sem.take("prod-db", { timeout: "five minutes" }, () => print("deploying"));
