import { take } from "cla/smee";

take("prod-db", () => print("deploying"));
