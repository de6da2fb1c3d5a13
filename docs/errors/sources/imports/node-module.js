const cluster = require("node:cluster");

print(cluster.isPrimary);
