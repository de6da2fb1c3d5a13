import { host } from "./inventory.mjs";

print(host);
