import { sh } from "cla/shell";

const note = "it is $(date)";
sh`cat <<END
${note}
END`;
