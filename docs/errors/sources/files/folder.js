const fs = require("cla/fs");

fs.mkdir("hosts");
print(fs.readFile("hosts"));
