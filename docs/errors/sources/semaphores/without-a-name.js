const sem = require("cla/sem");
const host = { name: "" };

sem.take(host.name, () => print("deploying"));
