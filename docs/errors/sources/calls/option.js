const sem = require("cla/sem");

sem.take("prod-db", { timout: 5 }, () => print("deploying"));
