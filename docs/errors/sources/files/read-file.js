const fs = require("cla/fs");

const hosts = fs.readFile("host.txt").split("\n");
print(hosts.length);
