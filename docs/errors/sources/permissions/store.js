const sem = require("cla/sem");

sem.take("prod-db", () => print("deploying"));
