const { sh } = require("cla/shell");

sh.run("kubeclt", ["get", "pods"]);
