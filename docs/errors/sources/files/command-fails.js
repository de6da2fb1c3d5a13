const { sh } = require("cla/shell");

sh`echo building`;
sh`echo "no space left on disk1" >&2; exit 3`;
