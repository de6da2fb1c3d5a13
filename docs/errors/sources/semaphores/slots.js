const sem = require("cla/sem");

sem.slots("prod-db", -1);
