import { tkae } from "cla/sem";

tkae("prod-db", () => print("deploying"));
