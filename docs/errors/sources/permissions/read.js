const fs = require("cla/fs");

print(fs.readFile("hosts.txt"));
