import _ from "lodash";

print(_.chunk([1, 2, 3], 2));
